import X86ISA

/// The raw bytes of one guest instruction.
typealias InstructionBytes = InlineArray<16, UInt8>

/// A memory operand of host code: `[base + index << scale + displacement]`.
struct HostOperand: Equatable {
  var base: UInt8
  var index: UInt8?
  var scale: UInt8 = 0
  var displacement: Int32 = 0

  func uses(_ register: UInt8) -> Bool { base == register || index == register }
  /// The bits of REX that its registers need.
  var rex: UInt8 { (base & 8 != 0 ? 1 : 0) | (index.map { $0 & 8 != 0 } == true ? 2 : 0) }
}

/// Register fields of a copied instruction, where they differ from the guest's.
struct CopyFields {
  /// ModRM.reg with its extension bits; nil keeps the opcode extension.
  var reg: UInt8?
  /// ModRM.rm when it names a register.
  var rm: UInt8 = 0
  var vvvv: UInt8 = 0
  /// The memory operand; nil for register forms.
  var memory: HostOperand?

  init(_ i: Instruction) {
    let form = InstructionTable.form(ofRow: i.row)
    reg = form.regKind == .none ? nil : i.reg
    rm = i.rm
    vvvv = i.vvvv
  }
}

// Guest instructions as host instructions: the same operation and registers, with the encoding that 64-bit code wants.
extension Emitter {
  /// Emits `i`, whose bytes are `bytes`, with the given fields. Prefixes that only chose sizes or segments in the guest's mode
  /// are made anew.
  mutating func copy(_ i: Instruction, _ bytes: InstructionBytes, _ fields: CopyFields, codeSize: UInt8) {
    if i.prefixes.contains(.evex) {
      evex(i, bytes, fields, codeSize)
    } else if i.prefixes.contains(.vex) {
      vex(i, bytes, fields, codeSize)
    } else {
      legacy(i, bytes, fields)
    }
    if i.modRMOffset != 0 {
      let reg = ((fields.reg.map(Self.encoded)) ?? i.modRM >> 3) & 7
      if let operand = fields.memory {
        memory(reg, operand, compressed: i.prefixes.contains(.evex))
      } else {
        byte(0xc0 | reg << 3 | Self.encoded(fields.rm) & 7)
      }
    }
    guard i.immediateOffset != 0 else { return }
    if InstructionTable.form(ofRow: i.row).immediate == .register {
      byte(UInt8(truncatingIfNeeded: i.immediate))
    } else {
      for at in Int(i.immediateOffset)..<Int(i.length) { byte(bytes[at]) }
    }
  }

  /// AH CH DH BH have the numbers 4...7.
  private static func encoded(_ register: UInt8) -> UInt8 {
    register >= Instruction.highByte ? register - Instruction.highByte + 4 : register
  }

  private mutating func legacy(_ i: Instruction, _ bytes: InstructionBytes, _ fields: CopyFields) {
    let attributes = InstructionTable.attributes(ofRow: i.row)
    let form = InstructionTable.form(ofRow: i.row)
    let isThunk = attributes.contains(.thunk)
    let prefix = InstructionTable.match(ofRow: i.row).prefix
    if i.prefixes.contains(.lock) { byte(0xf0) }
    let keeps66 = i.prefixes.contains(.operandSize66) && !attributes.contains(.x87)
    if isThunk ? keeps66 : needs66(i, form, prefix) { byte(0x66) }
    if isThunk ? i.prefixes.contains(.repeatF2) : prefix == RowMatch.prefixF2 { byte(0xf2) }
    if isThunk ? i.prefixes.contains(.repeatF3) : prefix == RowMatch.prefixF3 { byte(0xf3) }
    var rex: UInt8 = 0
    if isThunk ? i.prefixes.contains(.rexW) : i.operandSize == 8 { rex |= 0x48 }
    if let reg = fields.reg { rex |= extensionBits(reg, 0x44, isByte: form.regKind == .generalByte) }
    if let operand = fields.memory {
      if operand.rex != 0 { rex |= 0x40 | operand.rex }
    } else if i.modRMOffset != 0 || form.hasOpcodeRegister {
      let number = form.hasOpcodeRegister ? fields.reg ?? i.reg : fields.rm
      let isByte = form.hasOpcodeRegister ? i.operandSize == 1 : form.rmKind == .generalByte
      rex |= extensionBits(number, 0x41, isByte: isByte)
      if form.hasOpcodeRegister { rex &= ~4 }
    }
    if rex != 0 { byte(rex) }
    opcode(i, bytes, form, fields)
  }

  private func extensionBits(_ register: UInt8, _ bit: UInt8, isByte: Bool) -> UInt8 {
    if register >= Instruction.highByte { return 0 }
    if register & 8 != 0 { return bit }
    // SPL BPL SIL DIL exist with a REX prefix only.
    return isByte && register >= 4 ? 0x40 : 0
  }

  private func needs66(_ i: Instruction, _ form: RowForm, _ prefix: UInt32) -> Bool {
    if prefix == RowMatch.prefix66 { return true }
    guard i.operandSize == 2 else { return false }
    switch form.sizeClass {
    case RowForm.sizeV, RowForm.sizeZ: return true
    default: return i.op == .cbw || i.op == .cwd
    }
  }

  /// The opcode with its escape bytes.
  private mutating func opcode(_ i: Instruction, _ bytes: InstructionBytes, _ form: RowForm, _ fields: CopyFields) {
    let end = i.modRMOffset != 0 ? Int(i.modRMOffset) : i.immediateOffset != 0 ? Int(i.immediateOffset) : Int(i.length)
    // No prefix is 0F, 38 or 3A.
    if end >= 3 && bytes[end - 3] == 0x0f && (bytes[end - 2] == 0x38 || bytes[end - 2] == 0x3a) {
      self.bytes(0x0f, bytes[end - 2])
    } else if end >= 2 && bytes[end - 2] == 0x0f {
      byte(0x0f)
    }
    var last = bytes[end - 1]
    if form.hasOpcodeRegister { last = last & 0xf8 | Self.encoded(fields.reg ?? i.reg) & 7 }
    // 82h is 80h where it exists.
    if last == 0x82 && end - 1 == 0 || last == 0x82 && bytes[end - 2] != 0x0f { last = 0x80 }
    byte(last)
  }

  private func dropsW(_ i: Instruction, _ codeSize: UInt8) -> Bool { codeSize != 2 && ThunkAssembler.hasWideningW(i) }

  /// Three-byte VEX with new register fields (SDM 2A, 2.3.5).
  private mutating func vex(_ i: Instruction, _ bytes: InstructionBytes, _ fields: CopyFields, _ codeSize: UInt8) {
    var at = 0
    while bytes[at] != 0xc4 && bytes[at] != 0xc5 { at += 1 }
    let long = bytes[at] == 0xc4
    let map = long ? bytes[at + 1] & 0x1f : 1
    let last = bytes[at + (long ? 2 : 1)]
    let r: UInt8 = (fields.reg ?? 0) & 8 == 0 ? 0x80 : 0
    let x: UInt8 = (fields.memory?.index ?? 0) & 8 == 0 ? 0x40 : 0
    let b: UInt8 = (fields.memory?.base ?? fields.rm) & 8 == 0 ? 0x20 : 0
    let w = long && !dropsW(i, codeSize) ? last & 0x80 : 0
    byte(0xc4)
    self.bytes(r | x | b | map, w | (~fields.vvvv & 15) << 3 | last & 7, i.opcode)
  }

  /// EVEX with new register fields (SDM 2A, 2.7.1).
  private mutating func evex(_ i: Instruction, _ bytes: InstructionBytes, _ fields: CopyFields, _ codeSize: UInt8) {
    var at = 0
    while bytes[at] != 0x62 { at += 1 }
    let reg = fields.reg ?? 0
    var p0 = bytes[at + 1] & 0x07
    if reg & 8 == 0 { p0 |= 0x80 }
    if reg & 16 == 0 { p0 |= 0x10 }
    if let operand = fields.memory {
      if (operand.index ?? 0) & 8 == 0 { p0 |= 0x40 }
    } else if fields.rm & 16 == 0 {
      p0 |= 0x40
    }
    if (fields.memory?.base ?? fields.rm) & 8 == 0 { p0 |= 0x20 }
    let p1 = bytes[at + 2] & (dropsW(i, codeSize) ? 0x07 : 0x87) | (~fields.vvvv & 15) << 3
    let p2 = bytes[at + 3] & 0xf7 | (fields.vvvv & 16 == 0 ? 8 : 0)
    self.bytes(0x62, p0, p1)
    self.bytes(p2, i.opcode)
  }
}
