// MARK: - ModRM: memory and registers

extension DecodeState {
  mutating func memoryOperand(
    _ code: borrowing Span<UInt8>, _ form: RowForm, _ instruction: inout Instruction
  ) throws(DecodeStatus) {
    facts.insert(.memory)
    if addressSize == 2 {
      if form.vsib { throw .invalid }
      try memory16(code, form, &instruction)
      return
    }
    let mod = modRM >> 6
    var rm = modRM & 7
    var hasSIB = false
    if rm == 4 {
      hasSIB = true
      let sib = try next(code)
      instruction.scale = sib >> 6
      let index = sib >> 3 & 7 | extendIndex
      if form.vsib {
        instruction.index = index | extendVector
      } else if index != 4 {
        instruction.index = index
      }
      rm = sib & 7
    } else if form.vsib {
      throw .invalid
    }
    if mod == 0 && rm == 5 {
      if is64 && !hasSIB { instruction.base = Instruction.instructionPointer }
      instruction.displacement = try signed(code, bytes: 4)
      return
    }
    instruction.base = rm | extendBase
    if instruction.base == 4 || instruction.base == 5 { instruction.segment = 2 }
    try displacement(code, mod, wide: 4, form, &instruction)
  }

  /// 16-bit addressing: fixed pairs of BX, BP, SI, DI.
  mutating func memory16(
    _ code: borrowing Span<UInt8>, _ form: RowForm, _ instruction: inout Instruction
  ) throws(DecodeStatus) {
    let mod = modRM >> 6
    let rm = modRM & 7
    if mod == 0 && rm == 6 {
      instruction.displacement = try signed(code, bytes: 2)
      return
    }
    switch rm {
    case 0, 1, 7: instruction.base = 3
    case 2, 3, 6: instruction.base = 5
    case 4: instruction.base = 6
    default: instruction.base = 7
    }
    if rm < 4 { instruction.index = 6 | rm & 1 }
    if instruction.base == 5 { instruction.segment = 2 }
    try displacement(code, mod, wide: 2, form, &instruction)
  }

  mutating func displacement(
    _ code: borrowing Span<UInt8>, _ mod: UInt8, wide: Int, _ form: RowForm, _ instruction: inout Instruction
  ) throws(DecodeStatus) {
    if mod == 2 { instruction.displacement = try signed(code, bytes: wide) }
    guard mod == 1 else { return }
    instruction.displacement = try signed(code, bytes: 1)
    if facts.contains(.evex) { instruction.displacement &*= UInt64(displacementScale(form)) }
  }

  /// EVEX disp8*N: N is the size of the memory operand, or of its element under broadcast.
  func displacementScale(_ form: RowForm) -> Int {
    if evexControl & 16 != 0 && form.broadcastBytes != 0 { return form.broadcastBytes }
    return form.memorySize.bytes(
      operandSize: Int(operandSize), vectorBytes: 16 << Int(vectorLength & 3), long: is64)
  }

  mutating func registers(_ form: RowForm, _ instruction: inout Instruction) throws(DecodeStatus) {
    let reg = modRM >> 3 & 7
    instruction.reg = try register(form.regKind, reg, reg | extendReg)
    if form.regKind == .segment && opcode == 0x8e && reg == 1 { throw .invalid }
    if !facts.contains(.memory) {
      let rm = modRM & 7
      let wide = form.rmKind == .vector ? rm | extendBase | extendRM : rm | extendBase
      // B does not extend an opmask number.
      instruction.rm = try register(form.rmKind, rm, form.rmKind == .mask ? rm : wide)
    }
    if isVectorExtended { try secondSource(form) }
    if form.vsib && !form.storesToRM { try gatherRegisters(instruction) }
  }

  mutating func secondSource(_ form: RowForm) throws(DecodeStatus) {
    // Outside 64-bit mode the top bit of a register number is ignored; unused fields are checked whole.
    if !is64 && form.vvvvKind != .none { vvvv &= 7 }
    switch form.vvvvKind {
    // V' belongs to the index of a VSIB operand.
    case .none: if vvvv & (form.vsib ? 15 : 31) != 0 { throw .invalid }
    case .mask: if vvvv > 7 { throw .invalid }
    case .general: if vvvv > 15 { throw .invalid }
    default: break
    }
  }

  /// A gather's destination, index and (AVX2) mask must be different registers.
  func gatherRegisters(_ instruction: Instruction) throws(DecodeStatus) {
    if instruction.reg == instruction.index { throw .invalid }
    guard facts.contains(.vex) else { return }
    if vvvv == instruction.reg || vvvv == instruction.index { throw .invalid }
  }

  /// A register number of that kind; `low` has no extension bits.
  func register(_ kind: RowForm.RegisterField, _ low: UInt8, _ wide: UInt8) throws(DecodeStatus) -> UInt8 {
    switch kind {
    case .none, .mmx: return low
    case .general:
      if wide > 15 { throw .invalid }
      return wide
    case .generalByte: return byteRegister(wide & 15)
    case .vector: return wide
    case .mask:
      if wide > 7 { throw .invalid }
      return wide
    case .segment:
      if low > 5 { throw .invalid }
      return low
    case .control:
      if wide != 0 && wide != 8 && !(2...4).contains(wide) { throw .invalid }
      return wide
    case .debug:
      if wide > 7 { throw .invalid }
      return wide
    }
  }

  func byteRegister(_ number: UInt8) -> UInt8 {
    let legacy = facts.isDisjoint(with: [.rex, .vex, .evex])
    return legacy && number & 12 == 4 ? Instruction.highByte | number & 3 : number
  }

  func opcodeRegister(_ form: RowForm) -> UInt8 {
    let number = opcode & 7 | extendBase
    return form.regKind == .generalByte ? byteRegister(number) : number
  }
}

// MARK: - Immediates and legality

extension DecodeState {
  mutating func immediates(
    _ code: borrowing Span<UInt8>, _ form: RowForm, _ instruction: inout Instruction
  ) throws(DecodeStatus) {
    let start = position
    switch form.immediate {
    case .none: return
    case .register:
      // Four register bits; three outside 64-bit mode.
      instruction.immediate = try value(code, bytes: 1) & (is64 ? 0xff : 0x7f)
    case .byte:
      instruction.immediate = form.signExtendsImmediate ? try signed(code, bytes: 1) : try value(code, bytes: 1)
    case .word: instruction.immediate = try value(code, bytes: 2)
    case .dword: instruction.immediate = try value(code, bytes: 4)
    case .z: instruction.immediate = try signed(code, bytes: operandSize == 2 ? 2 : 4)
    case .v: instruction.immediate = try signed(code, bytes: Int(operandSize))
    case .branchByte: instruction.immediate = try signed(code, bytes: 1)
    case .branchZ: instruction.immediate = try signed(code, bytes: operandSize == 2 ? 2 : 4)
    case .memoryOffset:
      facts.insert(.memory)
      instruction.displacement = try value(code, bytes: Int(addressSize))
    case .farPointer:
      instruction.immediate = try value(code, bytes: operandSize == 2 ? 2 : 4)
      instruction.immediate2 = UInt16(truncatingIfNeeded: try value(code, bytes: 2))
    }
    // Outside 64-bit mode a register in an immediate has three bits.
    if form.immediate == .register && !is64 { instruction.immediate &= 0x7f }
    if form.hasSecondImmediate { instruction.immediate2 = UInt16(try next(code)) }
    instruction.immediateOffset = UInt8(truncatingIfNeeded: start)
  }

  mutating func checkLegality(_ form: RowForm) throws(DecodeStatus) {
    if facts.contains(.lock) && !(form.lockable && facts.contains(.memory)) { throw .invalid }
    guard facts.contains(.evex) else { return }
    let mask = evexControl & 7
    if mask != 0 && form.masking == 0 { throw .invalid }
    if mask == 0 && form.maskRequired { throw .invalid }
    let zeroing = evexControl & 0x80 != 0
    if zeroing && (form.masking != RowForm.maskMergeOrZero || mask == 0) { throw .invalid }
    if zeroing && form.storesToRM && facts.contains(.memory) { throw .invalid }
    guard evexControl & 16 != 0 else { return }
    if facts.contains(.memory) {
      if form.broadcastBytes == 0 { throw .invalid }
    } else {
      if form.rounding == 0 { throw .invalid }
      vectorLength = 2
    }
  }
}
