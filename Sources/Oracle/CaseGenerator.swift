import X86Engine
import X86ISA

/// Makes cases: rows in turn or by name, single instructions or short runs.
struct CaseGenerator {
  let encoder = InstructionEncoder()
  let states: StateGenerator
  var random: OracleRandom
  /// Rows that can be compared, by mode.
  private let eligible: [[Int]]
  private let straight: [[Int]]
  private let names: [String]
  private var turn = [0, 0, 0]

  static let branches: Set<String> = ["Jcc", "JMP", "CALL", "RET", "LOOP", "LOOPE", "LOOPNE", "JCXZ"]

  init(seed: UInt64, model: CPUModel, states: StateGenerator) {
    self.states = states
    random = OracleRandom(seed: seed)
    names = InstructionTable.rows.map(\.mnemonic)
    let allowed = (0..<InstructionTable.count).filter { Exclusions.reason(row: $0, model: model) == nil }
    eligible = [CodeSize.bits16, .bits32, .bits64].map { mode in
      allowed.filter { row in
        let wrong: InstructionRow.Attributes = mode == .bits64 ? .invalidIn64 : .only64
        return !InstructionTable.rows[row].attributes.contains(wrong)
      }
    }
    let texts = InstructionTable.rows
    straight = eligible.map { rows in
      rows.filter { row in
        let attributes = texts[row].attributes
        return attributes.isDisjoint(with: [.endsBlock, .privileged, .vsib, .repeatable])
          && ![
            "PUSHF", "POPF", "ENTER", "LEAVE", "POP", "POPA", "FXRSTOR", "FRSTOR", "FLDENV", "FXSAVE", "FNSAVE",
            "FNSTENV", "LDMXCSR", "VLDMXCSR", "MASKMOVQ",
            "MASKMOVDQU", "VMASKMOVDQU", "IN", "OUT", "CLI", "CLZERO",
          ].contains(texts[row].mnemonic)
      }
    }
  }

  /// Rows that some mode compares.
  var allRows: Set<Int> { Set(eligible.joined()) }
  func rows(named mnemonics: Set<String>, mode: CodeSize) -> [Int] {
    eligible[Int(mode.rawValue)].filter { mnemonics.contains(names[$0]) }
  }

  /// Whether cases of a row may be made for a mode without setting registers up for it.
  func isEligible(_ row: Int, _ mode: CodeSize) -> Bool {
    let needsSetUp = [
      "POPF", "MOVS", "STOS", "LODS", "SCAS", "CMPS", "INS", "OUTS", "LDMXCSR", "VLDMXCSR", "FXRSTOR",
      "MASKMOVQ", "MASKMOVDQU", "VMASKMOVDQU",
    ]
    return eligible[Int(mode.rawValue)].contains(row) && !needsSetUp.contains(names[row])
      && !CaseGenerator.branches.contains(names[row])
  }
  func isComparable(_ test: OracleCase, _ instruction: Instruction) -> Bool {
    Exclusions.reason(instruction, names[Int(instruction.row)], test.input, at: test.input.rip) == nil
  }

  /// The next case of a sweep over all rows of a mode.
  mutating func next(mode: CodeSize) -> OracleCase? {
    let rows = eligible[Int(mode.rawValue)]
    let at = turn[Int(mode.rawValue)]
    turn[Int(mode.rawValue)] = at + 1
    return single(row: rows[at % rows.count], mode: mode)
  }

  /// One instruction of a row.
  mutating func single(row: Int, mode: CodeSize) -> OracleCase? {
    var test = OracleCase()
    test.input.mode = UInt32(mode.rawValue)
    states.fill(&test.input, &random)
    place(&test, mode, spread: 0)
    guard var encoded = encoder.encode(row: row, mode: mode, absolute: false, &random) else { return nil }
    let aim = OperandAim(mode: mode, mayChangeRegisters: true)
    aim.aimImplicit(encoded.instruction, names[row], &test.input, &test.patches, &random)
    let aimed = encoded.instruction
    aim.aim(&encoded, at: test.input.rip, &test.input, &random)
    guard Int(encoded.instruction.row) == row,
      Exclusions.reason(encoded.instruction, names[row], test.input, at: test.input.rip) == nil
    else { return nil }
    // What was aimed first is kept when no register of the operand got in the way.
    if names[row].hasPrefix("CMPXCHG") || names[row] == "POPF" {
      test.patches = []
      aim.aimImplicit(encoded.instruction, names[row], &test.input, &test.patches, &random)
    }
    _ = aimed
    let i = encoded.instruction
    if ["LDMXCSR", "VLDMXCSR", "FXRSTOR"].contains(names[row]) {
      // MXCSR without the bit that only AMD has, mostly valid.
      let at =
        Int(test.input.linearAddress(of: i, at: test.input.rip) &- Window.data) + (names[row] == "FXRSTOR" ? 24 : 0)
      let value = random.next() & (random.chance(80) ? 0xffff : 0x1_ffff)
      test.patches.append(
        MemoryPatch(offset: at, bytes: (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }))
    }
    if CaseGenerator.branches.contains(names[row]) { test.input.mode |= ProcessorImage.singleStep }
    append(encoded, &test)
    return test
  }

  /// A straight run of instructions that neither branch nor load addresses.
  mutating func sequence(mode: CodeSize, integerOnly: Bool) -> OracleCase? {
    var test = OracleCase()
    test.input.mode = UInt32(mode.rawValue)
    states.fill(&test.input, &random)
    test.input.rflags &= ~0x400
    place(&test, mode, spread: 100)
    let aim = OperandAim(mode: mode, mayChangeRegisters: false)
    let rows = straight[Int(mode.rawValue)]
    let wanted = 2 + random.below(7)
    for _ in 0..<(wanted * 3) where test.rows.count < wanted {
      let row = rows[random.below(rows.count)]
      if integerOnly && InstructionTable.attributes(ofRow: UInt16(row)).contains(.thunk) && !random.chance(5) {
        continue
      }
      // Nothing may read what an earlier instruction left undefined.
      let flags = InstructionTable.flags(ofRow: UInt16(row))
      if UInt64(flags.reads) & test.undefinedFlags != 0 { continue }
      guard var encoded = encoder.encode(row: row, mode: mode, absolute: true, &random) else { continue }
      aim.aim(&encoded, at: test.endRIP, &test.input, &random)
      guard Int(encoded.instruction.row) == row, !usesStackPointer(encoded.instruction),
        Exclusions.reason(encoded.instruction, names[row], test.input, at: test.endRIP) == nil
      else { continue }
      append(encoded, &test)
    }
    return test.rows.isEmpty ? nil : test
  }

  /// Whether an operand writes RSP: the run would lose its stack.
  private func usesStackPointer(_ i: Instruction) -> Bool {
    InstructionTable.operands(of: i).contains { $0.location == .general(4) && $0.access.contains(.write) }
  }

  func name(_ row: Int) -> String { names[row] }
  mutating func pickStraight(_ mode: CodeSize) -> Int { random.pick(straight[Int(mode.rawValue)]) }

  /// Where the code goes: anywhere in its pages; sometimes across the border of the two, or right at the end.
  mutating func place(_ test: inout OracleCase, _ mode: CodeSize, spread: Int) {
    let offset: Int
    switch random.below(100) {
    case 0..<12: offset = 0x1000 - random.below(spread + 15)
    case 12..<14: offset = 0x2000 - 1 - random.below(spread + 15)
    default: offset = 64 + random.below(3500) + (random.chance(20) ? 0x1000 : 0)
    }
    test.input.codeOffset = UInt32(offset)
    test.input.rip = (mode == .bits16 ? Window.code - Window.base : Window.code) + UInt64(offset)
    if mode != .bits64 {
      // Only what exists in the mode; registers above would be undefined.
      for number in 0..<16 { test.input.general[number] = number < 8 ? test.input.general[number] & 0xffff_ffff : 0 }
      for word in 64..<256 { test.input.vectors[word] = 0 }
    }
    if mode == .bits16 {
      for number in 4...5 {
        test.input.general[number] =
          test.input.general[number] &- Window.base & (random.chance(90) ? 0xffff : 0xffff_ffff)
      }
    }
  }

  func append(_ encoded: InstructionEncoder.Encoded, _ test: inout OracleCase) {
    let i = encoded.instruction
    test.code += encoded.bytes
    test.rows.append(i.row)
    let (undefined, defined) = FlagDefinition.of(i, names[Int(i.row)], test.input)
    // A fault may come before flags that one instruction left undefined are defined again.
    test.undefinedOnFault |= test.undefinedFlags
    test.undefinedFlags = test.undefinedFlags & ~UInt64(defined) | UInt64(undefined)
    if i.prefixes.contains(.memory), i.memoryBytes > 8 || i.evexControl & 7 != 0 { test.faultsByPage = true }
    if names[Int(i.row)] == "MASKMOVQ" { test.x87UncertainOnFault = true }
    if i.memoryBytes > 64 || i.op == .fxsave || i.op == .fxrstor { test.ignoresFaultAddress = true }
    if names[Int(i.row)] == "CMPS" { test.readsStringsInAnyOrder = true }
    if InstructionTable.form(ofRow: i.row).vsib {
      // What a gather that faults has done to its destination above the vector length.
      let half = names[Int(i.row)].hasSuffix("QD") || names[Int(i.row)].hasSuffix("QPS")
      let first = Int(i.reg & 31) * 8
      test.uncertainOnFault = first + i.vectorBytes / (half ? 16 : 8)..<first + 8
    }
    if let range = ignored(i, names[Int(i.row)], test.input) { test.ignoredMemory.append(range) }
  }

  /// Instruction and operand pointers, which depend on the thunk's address and on the processor.
  private func ignored(_ i: Instruction, _ name: String, _ image: ProcessorImage) -> Range<UInt64>? {
    guard ["FNSTENV", "FNSAVE", "FXSAVE"].contains(name) else { return nil }
    let address = image.linearAddress(of: i, at: image.rip)
    guard address < 1 << 32 else { return nil }
    if name == "FXSAVE" { return address &+ 6..<address &+ 32 }
    return i.operandSize == 2 ? address &+ 6..<address &+ 14 : address &+ 12..<address &+ 28
  }
}

/// Which status flags an instruction leaves undefined, counts and operand sizes considered.
enum FlagDefinition {
  static func of(_ i: Instruction, _ name: String, _ image: ProcessorImage) -> (undefined: UInt16, defined: UInt16) {
    let row = InstructionTable.flags(ofRow: i.row)
    var undefined = row.undefined
    var defined = row.writes & ~row.reads
    let size = UInt64(i.operandSize) * 8
    switch name {
    case "SHL", "SHR", "SAR", "ROL", "ROR", "RCL", "RCR", "SHLD", "SHRD":
      // Operands: Eb,1 / Eb,Ib / Eb,CL. The count is masked to five or six bits.
      let code = InstructionTable.operandCode(ofRow: i.row, name.count == 4 ? 2 : 1)
      let raw = code.kind == .one ? 1 : code.kind == .countCL ? nil : i.immediate as UInt64?
      guard let raw else {
        // CL may have changed in a run: everything that any count leaves undefined.
        return (FlagEffect.of | FlagEffect.cf | (name.hasPrefix("R") ? 0 : FlagEffect.af), 0)
      }
      let count = raw & (i.operandSize == 8 ? 63 : 31)
      if count == 0 { return (0, 0) }
      if count != 1 { undefined |= FlagEffect.of }
      if name == "SHL" || name == "SHR", count >= size { undefined |= FlagEffect.cf }
      if name.count == 4, count > size { undefined |= FlagEffect.all }
      if name.count == 4 { undefined |= FlagEffect.af }
      defined &= ~undefined
    default: break
    }
    return (undefined, defined)
  }
}
