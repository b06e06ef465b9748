import Testing
import X86ISA

@testable import Oracle

/// Interpreter against host, with fixed seeds: a million comparisons in each run of the tests.
@Suite(.serialized) struct OracleTests {
  @Test func hostAgreesOnEveryRowIn64BitCode() throws { try check(.bits64, seed: 1, count: 700_000) }
  @Test func hostAgreesOnEveryRowIn32BitCode() throws { try check(.bits32, seed: 2, count: 300_000) }

  private func check(_ mode: CodeSize, seed: UInt64, count: Int) throws {
    let fuzzer = try OracleFuzzer(seed: seed)
    try fuzzer.sweep(mode: mode, count: count)
    for mismatch in fuzzer.mismatches { print(mismatch.report) }
    #expect(fuzzer.comparisons >= count * 9 / 10)
    #expect(fuzzer.mismatchCount == 0)
  }
}
