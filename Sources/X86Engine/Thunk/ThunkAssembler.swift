import X86ISA

/// Writes the host code of one native thunk.
///
/// On entry rsi = the vCPU's state block, rdi = the memory operand. General registers that the instruction names are
/// renamed (reg -> rax, rm -> rcx, vvvv -> rdx), so that rsi, rdi and the stack stay ours; vector and opmask
/// registers keep their numbers and are loaded before and stored after. The x87 unit always holds the guest's state.
struct ThunkAssembler {
  private(set) var code: [UInt8] = []
  let wideVectors: Bool

  private static let state: UInt8 = 6
  private static let memory: UInt8 = 7

  init(wideVectors: Bool) { self.wideVectors = wideVectors }

  private mutating func emit(_ bytes: UInt8...) { code += bytes }
  private mutating func displacement(_ value: Int) {
    for shift in [0, 8, 16, 24] { code.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }
  /// ModRM for `[rsi + disp32]`.
  private mutating func stateOperand(_ register: UInt8, _ offset: Int) {
    emit(0x80 | (register & 7) << 3 | ThunkAssembler.state)
    displacement(offset)
  }

  // MARK: State in and out

  mutating func loadGeneral(_ host: UInt8, from offset: Int) {
    emit(0x48, 0x8b)
    stateOperand(host, offset)
  }
  mutating func storeGeneral(_ host: UInt8, to offset: Int) {
    emit(0x48, 0x89)
    stateOperand(host, offset)
  }
  /// MOVUPS for legacy SSE (the upper parts stay in memory), whole registers otherwise.
  mutating func moveVector(_ number: UInt8, _ offset: Int, store: Bool, whole: Bool) {
    if !whole {
      if number >= 8 { emit(0x44) }
      emit(0x0f, store ? 0x11 : 0x10)
    } else if wideVectors {
      let p0 = (number & 8 == 0 ? 0x80 : 0) | 0x60 | (number & 16 == 0 ? 0x10 : 0) | 0x01 as UInt8
      emit(0x62, p0, 0xfe, 0x48, store ? 0x7f : 0x6f)
    } else {
      emit(0xc5, number & 8 == 0 ? 0xfe : 0x7e, store ? 0x7f : 0x6f)
    }
    stateOperand(number, offset)
  }
  /// KMOVQ.
  mutating func moveMask(_ number: UInt8, _ offset: Int, store: Bool) {
    emit(0xc4, 0xe1, 0xf8, store ? 0x91 : 0x90)
    stateOperand(number, offset)
  }
  mutating func loadMXCSR(_ offset: Int) {
    emit(0x0f, 0xae)
    stateOperand(2, offset)
  }
  mutating func storeMXCSR(_ offset: Int) {
    emit(0x0f, 0xae)
    stateOperand(3, offset)
  }
  mutating func loadFlags(_ offset: Int) {
    emit(0xff)
    stateOperand(6, offset)
    emit(0x9d)
  }
  mutating func storeFlags(_ offset: Int) {
    emit(0x9c, 0x8f)
    stateOperand(0, offset)
  }
  mutating func finish() { emit(0xc3) }

  // MARK: The instruction itself

  /// Where the re-encoded instruction finds its operands.
  struct Fields {
    /// New ModRM.reg and rm with their extension bits (0...31); nil keeps the encoded opcode extension.
    var reg: UInt8?
    var rm: UInt8 = 0
    var vvvv: UInt8 = 0
    var isMemory = false
    /// x87 environment forms: the operand size decides the layout.
    var operandSize66 = false
  }

  mutating func instruction(_ i: Instruction, bytes: [UInt8], _ fields: Fields) {
    if i.prefixes.contains(.evex) {
      evex(i, bytes, fields)
    } else if i.prefixes.contains(.vex) {
      vex(i, bytes, fields)
    } else {
      legacy(i, bytes, fields)
    }
    operandBytes(i, bytes, fields)
  }

  private mutating func operandBytes(_ i: Instruction, _ bytes: [UInt8], _ fields: Fields) {
    if i.modRMOffset != 0 {
      let reg = (fields.reg ?? i.modRM >> 3) & 7
      emit(fields.isMemory ? reg << 3 | ThunkAssembler.memory : 0xc0 | reg << 3 | fields.rm & 7)
    }
    guard i.immediateOffset != 0 else { return }
    if InstructionTable.form(ofRow: i.row).immediate == .register {
      // The decoder has dropped the bit that names registers 8...15 where there are none.
      emit(UInt8(truncatingIfNeeded: i.immediate))
    } else {
      code += bytes[Int(i.immediateOffset)..<Int(i.length)]
    }
  }

  private mutating func legacy(_ i: Instruction, _ bytes: [UInt8], _ fields: Fields) {
    let isX87 = InstructionTable.attributes(ofRow: i.row).contains(.x87)
    if isX87 ? fields.operandSize66 : i.prefixes.contains(.operandSize66) { emit(0x66) }
    if i.prefixes.contains(.repeatF2) { emit(0xf2) }
    if i.prefixes.contains(.repeatF3) { emit(0xf3) }
    let w: UInt8 = i.prefixes.contains(.rexW) ? 8 : 0
    let r: UInt8 = (fields.reg ?? 0) & 8 != 0 ? 4 : 0
    let b: UInt8 = !fields.isMemory && fields.rm & 8 != 0 ? 1 : 0
    if w | r | b != 0 { emit(0x40 | w | r | b) }
    code += ThunkAssembler.opcodeBytes(i, bytes)
  }

  /// The opcode, escape bytes included, without prefixes.
  private static func opcodeBytes(_ i: Instruction, _ bytes: [UInt8]) -> ArraySlice<UInt8> {
    let prefixes: Set<UInt8> = [0x66, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x67, 0xf0]
    var start = 0
    // No thunk's opcode begins with 40...4F: in 64-bit code these are REX prefixes, of which the last counts.
    while prefixes.contains(bytes[start]) || bytes[start] & 0xf0 == 0x40 { start += 1 }
    let end = i.modRMOffset != 0 ? Int(i.modRMOffset) : i.immediateOffset != 0 ? Int(i.immediateOffset) : Int(i.length)
    return bytes[start..<end]
  }

  /// VEX.W or EVEX.W is set and says how wide a general register is. Outside 64-bit mode it does not widen them: there it
  /// must go from a copy that runs as 64-bit code.
  static func hasWideningW(_ i: Instruction) -> Bool {
    guard i.prefixes.contains(.rexW) else { return false }
    switch i.op {
    case .vpcmpestri, .vpcmpestrm: return true
    default: break
    }
    for place in 0..<InstructionTable.maximumOperands {
      switch InstructionTable.operandCode(ofRow: i.row, place).kind {
      case .gprReg, .gprRM, .gprOrMemory, .gprVvvv: return true
      default: continue
      }
    }
    return false
  }

  private static func dropsW(_ i: Instruction) -> Bool { i.operandSize != 8 && hasWideningW(i) }

  /// Three-byte VEX with new register fields (SDM 2A, 2.3.5).
  private mutating func vex(_ i: Instruction, _ bytes: [UInt8], _ fields: Fields) {
    let at = bytes.firstIndex { $0 == 0xc4 || $0 == 0xc5 } ?? 0
    let long = bytes[at] == 0xc4
    let map = long ? bytes[at + 1] & 0x1f : 1
    let last = bytes[at + (long ? 2 : 1)]
    let r: UInt8 = (fields.reg ?? 0) & 8 == 0 ? 0x80 : 0
    let b: UInt8 = fields.isMemory || fields.rm & 8 == 0 ? 0x20 : 0
    let w = long && !ThunkAssembler.dropsW(i) ? last & 0x80 : 0
    emit(0xc4, r | 0x40 | b | map, w | (~fields.vvvv & 15) << 3 | last & 7, i.opcode)
  }

  /// EVEX with new register fields (SDM 2A, 2.7.1).
  private mutating func evex(_ i: Instruction, _ bytes: [UInt8], _ fields: Fields) {
    let at = bytes.firstIndex(of: 0x62) ?? 0
    let reg = fields.reg ?? 0
    var p0 = bytes[at + 1] & 0x07
    if reg & 8 == 0 { p0 |= 0x80 }
    if reg & 16 == 0 { p0 |= 0x10 }
    if fields.isMemory || fields.rm & 16 == 0 { p0 |= 0x40 }
    if fields.isMemory || fields.rm & 8 == 0 { p0 |= 0x20 }
    let p1 = bytes[at + 2] & (ThunkAssembler.dropsW(i) ? 0x07 : 0x87) | (~fields.vvvv & 15) << 3
    let p2 = bytes[at + 3] & 0xf7 | (fields.vvvv & 16 == 0 ? 8 : 0)
    emit(0x62, p0, p1, p2, i.opcode)
  }
}
