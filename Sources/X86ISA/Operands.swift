extension InstructionTable {
  /// The most operands a row has.
  public static let maximumOperands = 4

  /// The code of a row's operand; kind `none` past the last one.
  public static func operandCode(ofRow row: UInt16, _ place: Int) -> OperandCode {
    OperandCode(rawValue: DecodeTables.rowOperands[Int(row) &* 4 &+ (place & 3)])
  }

  /// The operands of a decoded instruction in Intel order, without what the instruction uses implicitly.
  public static func operands(of instruction: Instruction) -> [Operand] {
    var result: [Operand] = []
    for place in 0..<maximumOperands {
      let code = operandCode(ofRow: instruction.row, place)
      if code.kind == .none { break }
      result.append(instruction.operand(code, second: place > 0 && isImmediate(result.last)))
    }
    return result
  }

  /// The row that executes instead when the processor model lacks the row's feature and ignores its F3 prefix: LZCNT
  /// becomes BSR, TZCNT becomes BSF. Registers, immediates and sizes stay as decoded.
  public static func rowWithoutFeature(ofRow row: UInt16) -> UInt16? {
    switch op(ofRow: row) {
    case .tzcnt: candidates(map: .twoByte, opcode: 0xbc).last
    case .lzcnt: candidates(map: .twoByte, opcode: 0xbd).last
    default: nil
    }
  }

  /// How the decoder reads the row's fields: register kinds, immediate, masking, memory operand size.
  public static func form(ofRow row: UInt16) -> RowForm { RowForm(rawValue: DecodeTables.rowForm[Int(row)]) }

  /// What bytes the row matches.
  public static func match(ofRow row: UInt16) -> RowMatch { RowMatch(rawValue: DecodeTables.rowMatch[Int(row)]) }

  private static func isImmediate(_ operand: Operand?) -> Bool {
    if case .immediate? = operand?.location { return true }
    return false
  }
}

extension Instruction {
  /// Bytes of the vector length in force (16, 32, 64).
  public var vectorBytes: Int { 16 << Int(vectorLength & 3) }

  /// Bytes of the memory operand, 0 when there is none or its size is not fixed by the encoding (XSAVE); with an
  /// embedded broadcast the element's. Gathers and scatters give one element's size; expands and compresses the
  /// vector's, though they touch only as many elements as the mask has bits.
  public var memoryBytes: Int {
    guard prefixes.contains(.memory) else { return 0 }
    for place in 0..<InstructionTable.maximumOperands {
      let code = InstructionTable.operandCode(ofRow: row, place)
      switch code.kind {
      case .gprOrMemory, .mmxOrMemory, .vectorOrMemory, .maskOrMemory, .memory, .memoryVSIB, .memoryOffset,
        .stringSource, .stringDestination:
        return isBroadcast(code) ? code.broadcastBytes : bytes(code.memorySize)
      default: continue
      }
    }
    return 0
  }

  /// Bytes of one index of a gather or scatter: 4 or 8.
  public var vectorIndexElementBytes: Int { opcode & 1 == 0 ? 4 : 8 }

  /// Bytes of the vector register that holds a gather's or scatter's indices.
  public var vectorIndexBytes: Int {
    // The longer of index and data vector has the vector length; dword indices for qwords need half of it.
    vectorIndexElementBytes == 4 && memoryBytes == 8 ? max(16, vectorBytes / 2) : vectorBytes
  }

  /// The status flags a Jcc, SETcc, CMOVcc or FCMOVcc condition reads (low four opcode bits, SDM volume 1, appendix B).
  public var conditionFlags: UInt16 {
    switch opcode >> 1 & 7 {
    case 0: FlagEffect.of
    case 1: FlagEffect.cf
    case 2: FlagEffect.zf
    case 3: FlagEffect.cf | FlagEffect.zf
    case 4: FlagEffect.sf
    case 5: FlagEffect.pf
    case 6: FlagEffect.sf | FlagEffect.of
    default: FlagEffect.sf | FlagEffect.of | FlagEffect.zf
    }
  }

  private func bytes(_ size: OperandSize) -> Int {
    size.bytes(operandSize: Int(operandSize), vectorBytes: vectorBytes, long: addressMask == ~0 || operandSize == 8)
  }

  private func isBroadcast(_ code: OperandCode) -> Bool {
    prefixes.contains([.evex, .memory]) && evexControl & 16 != 0 && code.broadcastBytes != 0
  }

  func operand(_ code: OperandCode, second: Bool) -> Operand {
    let inMemory = prefixes.contains(.memory)
    let broadcast = isBroadcast(code)
    var size = bytes(code.size)
    let location: Operand.Location
    switch code.kind {
    case .none, .memory, .memoryVSIB, .memoryOffset: location = .memory
    case .gprReg, .gprOpcode: location = .general(reg)
    case .gprRM: location = .general(rm)
    case .gprVvvv: location = .general(vvvv)
    case .gprOrMemory: location = inMemory ? .memory : .general(rm)
    case .segmentRegister: location = .segment(reg)
    case .controlRegister: location = .control(reg)
    case .debugRegister: location = .debug(reg)
    case .mmxReg: location = .mmx(reg)
    case .mmxRM: location = .mmx(rm)
    case .mmxOrMemory: location = inMemory ? .memory : .mmx(rm)
    case .vectorReg: location = .vector(reg)
    case .vectorRM: location = .vector(rm)
    case .vectorOrMemory: location = inMemory ? .memory : .vector(rm)
    case .vectorVvvv: location = .vector(vvvv)
    case .vectorImmediate: location = .vector(UInt8(immediate >> 4 & 15))
    case .maskReg: location = .mask(reg)
    case .maskRM: location = .mask(rm)
    case .maskOrMemory: location = inMemory ? .memory : .mask(rm)
    case .maskVvvv: location = .mask(vvvv)
    case .stringSource: location = .stringSource
    case .stringDestination: location = .stringDestination
    case .immediate, .signedImmediate: location = .immediate(second ? UInt64(immediate2) : immediate)
    case .relative: location = .relative(immediate)
    case .farPointer: location = .farPointer(selector: immediate2, offset: immediate)
    case .accumulator: location = .general(0)
    case .countCL: location = .general(1)
    case .portDX: location = .general(2)
    case .one: location = .immediate(1)
    case .fixedSegment: location = .segment(code.size.rawValue)
    case .st0: location = .x87(0)
    case .sti: location = .x87(rm)
    case .xmm0: location = .vector(0)
    }
    if location == .memory { size = broadcast ? code.broadcastBytes : bytes(code.memorySize) }
    if code.kind == .fixedSegment || code.kind == .segmentRegister { size = 2 }
    return Operand(location: location, size: size, access: code.access, isBroadcast: broadcast && location == .memory)
  }
}

extension InstructionTable {
  /// The rows that begin with an opcode of a map, in the order in which the decoder tries them.
  public static func candidates(map: OpcodeMap, opcode: UInt8) -> ArraySlice<UInt16> {
    let entry = DecodeTables.index[map.rawValue &* 256 &+ Int(opcode)]
    let first = Int(entry >> 8)
    return DecodeTables.candidates[first..<(first &+ Int(entry & 0xff))]
  }
}
