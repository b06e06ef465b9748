// Shorthand that keeps the table at one short line per row.

/// One row: mnemonic, encoding, operands, attributes, flags, feature.
func row(
  _ mnemonic: String, _ encoding: String, _ operands: String = "", _ attributes: InstructionRow.Attributes = [],
  _ flags: FlagEffect = .none, _ feature: CPUFeature? = nil
) -> InstructionRow {
  InstructionRow(
    mnemonic: mnemonic, encoding: encoding, operands: operands, attributes: attributes, flags: flags, feature: feature)
}

extension FlagEffect {
  private static let noCarry = all & ~cf
  /// Touches no status flag.
  static let none = FlagEffect()
  /// ADD, SUB, CMP, NEG: writes all six.
  static let arithmetic = FlagEffect(writes: all)
  /// ADC, SBB: writes all six, reads CF.
  static let carry = FlagEffect(reads: cf, writes: all)
  /// AND, OR, XOR, TEST: AF is undefined.
  static let logic = FlagEffect(writes: all & ~af, undefined: af)
  /// INC, DEC: CF survives.
  static let increment = FlagEffect(writes: noCarry)
  /// MUL, IMUL: CF and OF.
  static let multiply = FlagEffect(writes: cf | of, undefined: sf | zf | af | pf)
  /// DIV, IDIV: nothing defined.
  static let divide = FlagEffect(undefined: all)
  /// Shifts: a count of zero leaves every flag alone, so the flags before stay live ("reads").
  static let shift = FlagEffect(reads: all, writes: all & ~af, undefined: af)
  /// Shifts by one: AF is undefined.
  static let shiftOnce = FlagEffect(writes: all & ~af, undefined: af)
  /// ROL, ROR by a variable count; RCL and RCR also read CF.
  static let rotate = FlagEffect(reads: cf | of, writes: cf | of)
  /// ROL, ROR by one.
  static let rotateOnce = FlagEffect(writes: cf | of)
  /// RCL, RCR by one.
  static let rotateCarryOnce = FlagEffect(reads: cf, writes: cf | of)
  /// BT, BTS, BTR, BTC: CF; ZF survives.
  static let bitTest = FlagEffect(writes: cf, undefined: of | sf | af | pf)
  /// BSF, BSR: ZF.
  static let bitScan = FlagEffect(writes: zf, undefined: cf | of | sf | af | pf)
  /// LZCNT, TZCNT.
  static let countZeros = FlagEffect(writes: cf | zf, undefined: of | sf | af | pf)
  /// AAA, AAS.
  static let ascii = FlagEffect(reads: af, writes: cf | af, undefined: of | sf | zf | pf)
  /// DAA, DAS.
  static let decimal = FlagEffect(reads: cf | af, writes: all & ~of, undefined: of)
  /// AAM, AAD.
  static let asciiMultiply = FlagEffect(writes: sf | zf | pf, undefined: of | af | cf)
  /// CMPS, SCAS: a REP count of zero leaves the flags alone.
  static let compareString = FlagEffect(reads: all, writes: all)
  /// Jcc, SETcc, CMOVcc: which flags depends on the condition; see `Instruction.conditionFlags`.
  static let condition = FlagEffect(reads: all & ~af)
  /// ADOX.
  static let addOverflow = FlagEffect(reads: of, writes: of)
  /// ANDN, BLSI, BLSMSK, BLSR, BZHI.
  static let lowestBit = FlagEffect(writes: of | sf | zf | cf, undefined: af | pf)
  /// BEXTR.
  static let fieldExtract = FlagEffect(writes: of | zf | cf, undefined: sf | af | pf)
  static let readsAll = FlagEffect(reads: all)
  static let writesAll = FlagEffect(writes: all)
  static let readsZero = FlagEffect(reads: zf)
  static let writesZero = FlagEffect(writes: zf)
  static let readsCarry = FlagEffect(reads: cf)
  static let writesCarry = FlagEffect(writes: cf)
  static let readsOverflow = FlagEffect(reads: of)
  static let complementCarry = FlagEffect(reads: cf, writes: cf)
  static let saved = FlagEffect(reads: all & ~of)
  static let restored = FlagEffect(writes: all & ~of)
}

// MARK: - Rows that run through native thunks

private func stateRow(
  _ mnemonic: String, _ encoding: String, _ operands: String, _ feature: CPUFeature,
  _ attributes: InstructionRow.Attributes, _ flags: FlagEffect
) -> InstructionRow {
  row(mnemonic, encoding, operands, attributes.union(.thunk), flags, feature)
}

/// x87; the direction of a memory operand is stated by the row.
func x87(
  _ mnemonic: String, _ encoding: String, _ operands: String, _ feature: CPUFeature,
  _ more: InstructionRow.Attributes = [], _ flags: FlagEffect = .none
) -> InstructionRow {
  stateRow(mnemonic, encoding, operands, feature, more.union(.x87), flags)
}

func mmx(
  _ mnemonic: String, _ encoding: String, _ operands: String, _ feature: CPUFeature,
  _ more: InstructionRow.Attributes = [], _ flags: FlagEffect = .none
) -> InstructionRow {
  stateRow(mnemonic, encoding, operands, feature, memoryDirection(operands).union(more).union(.mmx), flags)
}

/// Legacy SSE: a 16-byte memory operand must be aligned.
func sse(
  _ mnemonic: String, _ encoding: String, _ operands: String, _ feature: CPUFeature,
  _ more: InstructionRow.Attributes = [], _ flags: FlagEffect = .none
) -> InstructionRow {
  let whole = operands.split(separator: ",").contains { $0 == "Wx" || $0 == "Mx" }
  return sseUnaligned(mnemonic, encoding, operands, feature, whole ? more.union(.aligned) : more, flags)
}

/// The legacy SSE instructions that accept any alignment.
func sseUnaligned(
  _ mnemonic: String, _ encoding: String, _ operands: String, _ feature: CPUFeature,
  _ more: InstructionRow.Attributes = [], _ flags: FlagEffect = .none
) -> InstructionRow {
  stateRow(mnemonic, encoding, operands, feature, memoryDirection(operands).union(more).union(.sse), flags)
}

func avx(
  _ mnemonic: String, _ encoding: String, _ operands: String, _ feature: CPUFeature,
  _ more: InstructionRow.Attributes = [], _ flags: FlagEffect = .none
) -> InstructionRow {
  stateRow(mnemonic, encoding, operands, feature, memoryDirection(operands).union(more).union(.avx), flags)
}

func avx512(
  _ mnemonic: String, _ encoding: String, _ operands: String, _ feature: CPUFeature,
  _ more: InstructionRow.Attributes = [], _ flags: FlagEffect = .none
) -> InstructionRow {
  stateRow(mnemonic, encoding, operands, feature, memoryDirection(operands).union(more).union(.avx512), flags)
}

/// Vector instructions write a memory operand that stands first and read one that stands elsewhere.
private func memoryDirection(_ operands: String) -> InstructionRow.Attributes {
  for (place, code) in operands.split(separator: ",").enumerated() {
    let namesMemory = "WMQE".contains(code.first ?? " ") || code.hasPrefix("KW") || code.contains("/M")
    if namesMemory { return place == 0 ? .memoryWrite : .memoryRead }
  }
  return []
}
