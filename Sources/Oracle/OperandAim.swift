import X86ISA

/// Points the memory operands of an instruction at the window, by setting registers or the displacement.
struct OperandAim {
  let mode: CodeSize
  /// Registers may be set; false inside sequences, where only displacements may change.
  let mayChangeRegisters: Bool

  /// A linear address for an operand of `size` bytes: mostly inside the writable pages, aligned or not, sometimes
  /// across a page, read-only or unmapped.
  static func target(size: Int, _ random: inout OracleRandom) -> UInt64 {
    let end = Window.data + UInt64(Window.dataBytes)
    switch random.below(100) {
    case 0..<55:
      return Window.data + UInt64(random.below(Window.dataBytes - 64 * ((size + 63) / 64))) & ~63
        &+ UInt64(random.chance(50) ? 0 : random.below(64) & ~15)
    case 55..<80: return Window.data + UInt64(random.below(max(1, Window.dataBytes - size)))
    case 80..<86: return Window.data + 0x1000 &- UInt64(random.below(max(size, 2)))
    case 86..<90: return end &- UInt64(random.below(max(size, 2)))
    case 90..<94: return Window.readOnly + UInt64(random.below(0x1000))
    case 94..<96: return Window.code + UInt64(random.below(0x1000))
    case 96..<97: return Window.data &- UInt64(random.below(max(size, 2)))
    case 97..<98: return Window.readOnly + 0x1000 &- UInt64(random.below(max(size, 2)))
    default: return random.boundary()
    }
  }

  /// Offset in the segment that gives a linear address.
  private func offset(_ linear: UInt64, segment: UInt8) -> UInt64 {
    if mode == .bits64 {
      return segment == 4 ? linear &- Window.fsBase : segment == 5 ? linear &- Window.gsBase : linear
    }
    return mode == .bits16 ? (linear &- Window.base) & 0xffff : linear & 0xffff_ffff
  }

  /// Aims the ModRM operand. `address` is that of the instruction (an offset in CS).
  func aim(
    _ encoded: inout InstructionEncoder.Encoded, at address: UInt64, _ image: inout ProcessorImage,
    _ random: inout OracleRandom
  ) {
    let i = encoded.instruction
    guard i.modRMOffset != 0 && i.modRM < 0xc0 && i.prefixes.contains(.memory) else {
      return aimOffset(&encoded, &random)
    }
    let form = InstructionTable.form(ofRow: i.row)
    if form.vsib { return aimVSIB(i, &image, &random) }
    let size = max(i.memoryBytes, 1)
    let wanted = offset(OperandAim.target(size: size, &random), segment: i.segment)
    let mask = i.addressMask
    let hasIndex = i.index != Instruction.noRegister
    if i.base == Instruction.instructionPointer
      || (i.base == Instruction.noRegister && !(hasIndex && mayChangeRegisters))
    {
      let scaled = hasIndex ? image.general[Int(i.index)] << UInt64(i.scale) : 0
      let from = i.base == Instruction.instructionPointer ? address &+ UInt64(i.length) : 0
      return setDisplacement(&encoded, wanted &- scaled &- from)
    }
    guard mayChangeRegisters else { return }
    if i.base == Instruction.noRegister {
      // Index alone with a displacement.
      let value = indexValue(&random)
      image.general[Int(i.index)] = value
      return setDisplacement(&encoded, wanted &- value << UInt64(i.scale))
    }
    var rest = wanted &- i.displacement
    if hasIndex && i.index != i.base {
      let value = indexValue(&random)
      image.general[Int(i.index)] = value
      rest = rest &- value << UInt64(i.scale)
    } else if hasIndex {
      // (1 + scale) times one register.
      rest = rest / (1 + 1 << UInt64(i.scale))
    }
    // Bits above the address size are noise.
    image.general[Int(i.base)] = rest & mask | (mask == ~0 ? 0 : image.general[Int(i.base)] & ~mask)
  }

  private func indexValue(_ random: inout OracleRandom) -> UInt64 {
    random.chance(60) ? UInt64(bitPattern: Int64(random.below(64) - 32)) : random.boundary()
  }

  /// Replaces the four (or two) displacement bytes behind ModRM and SIB.
  func setDisplacement(_ encoded: inout InstructionEncoder.Encoded, _ value: UInt64) {
    let i = encoded.instruction
    let hasSIB = i.addressSize != 2 && i.modRM & 7 == 4
    let at = Int(i.modRMOffset) + (hasSIB ? 2 : 1)
    write(value, at: at, count: i.addressSize == 2 ? 2 : 4, &encoded)
  }

  /// MOV with an absolute offset.
  func aimOffset(_ encoded: inout InstructionEncoder.Encoded, _ random: inout OracleRandom) {
    let i = encoded.instruction
    guard InstructionTable.form(ofRow: i.row).immediate == .memoryOffset, random.chance(85) else { return }
    let wanted = offset(OperandAim.target(size: max(i.memoryBytes, 1), &random), segment: i.segment)
    write(wanted, at: Int(i.immediateOffset), count: Int(i.addressSize), &encoded)
  }

  private func write(_ value: UInt64, at: Int, count: Int, _ encoded: inout InstructionEncoder.Encoded) {
    guard at + count <= encoded.bytes.count else { return }
    for byte in 0..<count { encoded.bytes[at + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)) }
    var again = Instruction()
    if Decoder.decode(encoded.bytes.span, codeSize: mode, into: &again) == .ok { encoded.instruction = again }
  }

  /// Gathers and scatters: the base in the window, small indexes, some of them far off.
  private func aimVSIB(_ i: Instruction, _ image: inout ProcessorImage, _ random: inout OracleRandom) {
    let wanted = Window.data + UInt64(random.below(Window.dataBytes))
    let from = offset(wanted, segment: i.segment)
    if i.base < 16 {
      let kept = i.addressMask == ~0 ? 0 : image.general[Int(i.base)] & ~i.addressMask
      image.general[Int(i.base)] = (from &- i.displacement) & i.addressMask | kept
    }
    let text = InstructionTable.rows[Int(i.row)].mnemonic
    // The letter before the element type tells the index size: VPGATHERDQ, VGATHERQPS.
    let wide = text.contains("RQ")
    let spread = random.chance(80) ? 256 : 8192
    for word in 0..<8 {
      func element() -> UInt64 { UInt64(bitPattern: Int64(random.below(spread * 2) - spread) >> Int64(i.scale)) }
      image.vectors[Int(i.index & 31) * 8 + word] = wide ? element() : element() & 0xffff_ffff | element() << 32
    }
    if random.chance(10) { image.vectors[Int(i.index & 31) * 8 + random.below(8)] = random.boundary() }
    // Masks of the AVX2 forms.
    for word in 0..<8 where random.chance(60) {
      image.vectors[Int(i.vvvv & 31) * 8 + word] = random.pick([
        0, ~0, 0x8000_0000_0000_0000, 0x8000_0000, 0xffff_ffff_0000_0000,
      ])
    }
  }

  /// Registers that an instruction uses implicitly.
  func aimImplicit(
    _ i: Instruction, _ name: String, _ image: inout ProcessorImage, _ patches: inout [MemoryPatch],
    _ random: inout OracleRandom
  ) {
    func put(_ register: Int, _ linear: UInt64, _ segment: UInt8) {
      let mask = i.addressMask
      image.general[register] =
        offset(linear, segment: segment) & mask | (mask == ~0 ? 0 : image.general[register] & ~mask)
    }
    switch name {
    case "MOVS", "CMPS", "STOS", "LODS", "SCAS", "INS", "OUTS":
      put(6, OperandAim.target(size: 8, &random), i.segment)
      put(
        7,
        random.chance(15)
          ? image.general[6] &+ UInt64(random.below(16)) &+ (mode == .bits16 ? Window.base : 0)
          : OperandAim.target(size: 8, &random), 0)
      let count = random.chance(90) ? UInt64(random.below(40)) : random.boundary() & 0x3fff
      image.general[1] = count | (i.addressMask == ~0 ? 0 : image.general[1] & ~i.addressMask)
      if random.chance(25) { image.rflags ^= 0x400 }
    case "XLAT": put(3, OperandAim.target(size: 1, &random) &- (image.general[0] & 0xff), i.segment)
    case "MASKMOVQ", "MASKMOVDQU", "VMASKMOVDQU": put(7, OperandAim.target(size: 16, &random), i.segment)
    case "CLZERO": put(0, OperandAim.target(size: 64, &random), i.segment)
    case "BT", "BTS", "BTR", "BTC":
      if i.reg < 16, i.immediateOffset == 0, i.prefixes.contains(.memory), i.reg != i.base, i.reg != i.index,
        random.chance(90)
      {
        image.general[Int(i.reg)] = UInt64(bitPattern: Int64(random.below(0x4000) - 0x2000))
      }
    case "DIV", "IDIV": divide(i, name, &image, &random)
    case "CMPXCHG", "CMPXCHG8B", "CMPXCHG16B":
      if random.chance(50) { matchAccumulator(i, &image, &patches) }
    case "LEAVE", "ENTER": image.general[5] = offset(OperandAim.target(size: 8, &random), segment: 2)
    case "SHL", "SHR", "SAR", "ROL", "ROR", "RCL", "RCR", "SHLD", "SHRD":
      if random.chance(50) { image.general[1] = image.general[1] & ~0xff | UInt64(random.below(70)) }
    default: break
    }
    let isStack = ["PUSH", "POP", "PUSHF", "CALL", "RET", "ENTER", "LEAVE"].contains(name)
    if isStack, random.chance(3) { image.general[4] = random.boundary() }
    if name == "POPF" {
      // TF and AC would change how the runner itself works.
      let value = random.next() & ~0x4_0100
      let linear = mode == .bits16 ? Window.base + image.general[4] & 0xffff : image.general[4]
      if linear >= Window.data, linear <= Window.data + UInt64(Window.dataBytes) - 8 {
        patches.append(
          MemoryPatch(
            offset: Int(linear - Window.data), bytes: (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
          ))
      } else {
        image.general[4] = Window.data + 0x800
      }
    }
  }

  private func divide(_ i: Instruction, _ name: String, _ image: inout ProcessorImage, _ random: inout OracleRandom) {
    guard random.chance(75) else { return }
    let usesD = [i.base, i.index, i.rm].contains(2) && i.operandSize > 1
    if i.operandSize == 1 {
      if ![i.base, i.index].contains(0) {
        image.general[0] = image.general[0] & ~0xff00 | UInt64(random.below(24)) << 8
      }
    } else if !usesD {
      let negative = name == "IDIV" && random.chance(50)
      image.general[2] = negative ? 0 &- UInt64(random.below(16)) : UInt64(random.below(16))
    }
  }

  /// Makes the comparison of CMPXCHG succeed: memory gets the accumulator's value.
  private func matchAccumulator(_ i: Instruction, _ image: inout ProcessorImage, _ patches: inout [MemoryPatch]) {
    guard i.prefixes.contains(.memory), mode != .bits16 else {
      if i.rm < 16, i.operandSize > 1 { image.general[0] = image.general[Int(i.rm)] }
      return
    }
    var address = i.displacement
    if i.base < 16 { address = address &+ image.general[Int(i.base)] }
    if i.index < 16 { address = address &+ image.general[Int(i.index)] << UInt64(i.scale) }
    guard i.base != Instruction.instructionPointer, i.segment < 4 else { return }
    address &= i.addressMask
    guard address >= Window.data, address <= Window.data + UInt64(Window.dataBytes) - 16 else { return }
    let step = i.memoryBytes == 8 && i.op == .cmpxchg8b ? 4 : 8
    let low = image.general[0], high = image.general[2]
    var bytes = (0..<step).map { UInt8(truncatingIfNeeded: low >> UInt64($0 * 8)) }
    if i.op != .cmpxchg { bytes += (0..<step).map { UInt8(truncatingIfNeeded: high >> UInt64($0 * 8)) } }
    patches.append(MemoryPatch(offset: Int(address - Window.data), bytes: bytes))
  }
}
