import Foundation
import Testing
import X86ISA

@testable import Oracle

/// Interpreter against host, with fixed seeds.
@Suite(.serialized) struct OracleTests {
  private func check(_ fuzzer: OracleFuzzer) {
    for mismatch in fuzzer.mismatches { print(mismatch.report) }
    print("comparisons \(fuzzer.comparisons), mismatches \(fuzzer.mismatchCount), deaths \(fuzzer.deaths), completed \(fuzzer.vectors[256])")
    print(fuzzer.vectors.enumerated().filter { $0.1 != 0 }.map { "\($0.0):\($0.1)" }.joined(separator: " "))
    #expect(fuzzer.mismatchCount == 0)
  }

  @Test func hostAgreesOnEveryRowIn64BitCode() throws {
    let fuzzer = try OracleFuzzer(seed: 1)
    fuzzer.mismatchLimit = Int(ProcessInfo.processInfo.environment["LIMIT"] ?? "50") ?? 50
    let start = Date()
    try fuzzer.sweep(mode: .bits64, count: Int(ProcessInfo.processInfo.environment["COUNT"] ?? "100000") ?? 100000)
    print("rate", Double(fuzzer.comparisons) / Date().timeIntervalSince(start))
    check(fuzzer)
  }
}
