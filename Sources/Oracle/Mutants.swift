import X86ISA

extension CaseGenerator {
  /// A case whose bytes were changed after encoding.
  mutating func mutant(mode: CodeSize) -> OracleCase? {
    guard var test = next(mode: mode), !test.isSingleStep, test.rows.count == 1 else { return nil }
    var bytes = test.code
    for _ in 0...random.below(3) { bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8)) }
    // The tail is what the changed instruction may need more of: breakpoints.
    let padded = bytes + [UInt8](repeating: 0xcc, count: 16)
    var instruction = Instruction()
    let status = Decoder.decode(padded.span, codeSize: mode, into: &instruction)
    guard status == .ok || status == .invalid, Exclusions.isSafe(bytes) else { return nil }
    if status == .invalid {
      if Exclusions.isRefusedByManualOnly(bytes) { return nil }
      // The host must raise #UD; a length of all bytes keeps the breakpoint behind them.
      test.code = bytes
      test.rows = []
      test.patches = []
      return test
    }
    guard Int(instruction.length) <= bytes.count, isEligible(Int(instruction.row), mode) else { return nil }
    test.code = Array(bytes.prefix(Int(instruction.length)))
    test.rows = []
    test.patches = []
    test.undefinedFlags = 0
    test.undefinedOnFault = 0
    test.ignoredMemory = []
    test.faultsByPage = false
    test.readsStringsInAnyOrder = false
    return complete(&test) && isComparable(test, instruction) ? test : nil
  }
}
