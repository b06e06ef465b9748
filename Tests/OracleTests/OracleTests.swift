import Foundation
import Testing
import X86ISA

@testable import Oracle

/// Both engines against the host's processor, with fixed seeds; see docs/Oracle.md.
///
/// Debug builds, some forty times slower, compare a fortieth.
@Suite(.serialized) struct OracleTests {
  #if DEBUG
  static let share = 40
  #else
  static let share = 1
  #endif

  static let caseDirectory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Guests/oracle").standardized

  /// Mismatches become failures, and files to commit once the cause is fixed.
  static func check(_ fuzzer: OracleFuzzer) throws {
    for mismatch in fuzzer.mismatches.prefix(10) {
      let regression = try fuzzer.minimised(mismatch)
      let file = caseDirectory.appending(path: regression.slug + ".json")
      try? regression.json.write(to: file, atomically: true, encoding: .utf8)
      Issue.record("\(mismatch.report)\n  minimised: \(file.path)")
    }
    #expect(fuzzer.mismatchCount == 0)
    #expect(fuzzer.deaths == 0)
  }

  @Test("registers that a host lacks are 0", arguments: [(0x3, 2, 0), (0x7, 4, 0), (0xe7, 8, 8), (0x67, 8, 0)])
  func absentRegisters(components: UInt64, low: Int, high: Int) {
    var image = ProcessorImage()
    image.opmasks = InlineArray(repeating: 1)
    image.vectors = InlineArray(repeating: 1)
    image.keepOnly(components: components)
    for word in 0..<256 {
      #expect(image.vectors[word] == (word % 8 < (word < 128 ? low : high) ? 1 : 0), "word \(word)")
    }
    #expect(image.opmasks[7] == (components & 0x20 != 0 ? 1 : 0))
  }

  @Test func hostAgreesOnEveryRowIn64BitCode() throws {
    let fuzzer = try OracleFuzzer(seed: 1)
    try fuzzer.sweep(mode: .bits64, count: 400_000 / Self.share)
    try Self.check(fuzzer)
  }

  @Test func hostAgreesOnEveryRowIn32BitCode() throws {
    let fuzzer = try OracleFuzzer(seed: 2)
    try fuzzer.sweep(mode: .bits32, count: 200_000 / Self.share)
    try Self.check(fuzzer)
  }

  @Test func hostAgreesOnEveryRowIn16BitCode() throws {
    let fuzzer = try OracleFuzzer(seed: 3)
    try fuzzer.sweep(mode: .bits64, count: 64)
    // modify_ldt may be forbidden.
    guard fuzzer.has16Bit else { return }
    try fuzzer.sweep(mode: .bits16, count: 100_000 / Self.share)
    try Self.check(fuzzer)
  }

  @Test func hostAgreesOnRunsOfInstructions() throws {
    let fuzzer = try OracleFuzzer(seed: 4)
    try fuzzer.sequences(mode: .bits64, integerOnly: true, count: 60_000 / Self.share)
    try fuzzer.sequences(mode: .bits64, integerOnly: false, count: 30_000 / Self.share)
    try fuzzer.sequences(mode: .bits32, integerOnly: true, count: 30_000 / Self.share)
    try Self.check(fuzzer)
  }

  @Test func hostAgreesOnProgramsOf64BitCode() throws {
    let fuzzer = try OracleFuzzer(seed: 11)
    try fuzzer.programs(mode: .bits64, integerOnly: true, count: 80_000 / Self.share)
    try fuzzer.programs(mode: .bits64, integerOnly: false, count: 30_000 / Self.share)
    try Self.check(fuzzer)
  }

  @Test func hostAgreesOnProgramsOf32And16BitCode() throws {
    let fuzzer = try OracleFuzzer(seed: 12)
    try fuzzer.programs(mode: .bits32, integerOnly: true, count: 40_000 / Self.share)
    try fuzzer.programs(mode: .bits32, integerOnly: false, count: 10_000 / Self.share)
    if fuzzer.has16Bit { try fuzzer.programs(mode: .bits16, integerOnly: true, count: 30_000 / Self.share) }
    try Self.check(fuzzer)
  }

  @Test func hostAgreesOnWhatIsNoInstruction() throws {
    let fuzzer = try OracleFuzzer(seed: 5)
    try fuzzer.mutants(mode: .bits64, count: 40_000 / Self.share)
    try fuzzer.mutants(mode: .bits32, count: 20_000 / Self.share)
    try Self.check(fuzzer)
  }

  @Test func hostAgreesOnAllByteArithmetic() throws {
    guard Self.share == 1 else { return }
    let fuzzer = try OracleFuzzer(seed: 6)
    try fuzzer.allByteArithmetic()
    try Self.check(fuzzer)
  }

  @Test func hostAgreesOnAllShiftsOfBytesAndWords() throws {
    guard Self.share == 1 else { return }
    let fuzzer = try OracleFuzzer(seed: 7)
    try fuzzer.allShifts()
    try Self.check(fuzzer)
  }

  @Test func hostAgreesOnDecimalAdjustmentsAndConditions() throws {
    let fuzzer = try OracleFuzzer(seed: 8)
    try fuzzer.allConditions()
    if Self.share == 1 { try fuzzer.allDecimalAdjustments() }
    try Self.check(fuzzer)
  }

  /// Instructions whose operands, or whose parts of one, can be bad for different reasons.
  @Test func hostAgreesOnWhichFaultOfSeveralIsReported() throws {
    let fuzzer = try OracleFuzzer(seed: 11)
    let groups: [Set<String>] = [
      ["POP", "PUSH"], ["CMPS"], ["FXSAVE", "FXRSTOR"], ["MASKMOVQ", "MASKMOVDQU", "VMASKMOVDQU"],
      ["VMASKMOVPS", "VMASKMOVPD", "VPMASKMOVD", "VPMASKMOVQ"],
    ]
    for mnemonics in groups {
      try fuzzer.only(mnemonics, mode: .bits64, count: 20_000 / Self.share)
      try fuzzer.only(mnemonics, mode: .bits32, count: 10_000 / Self.share)
      if fuzzer.has16Bit { try fuzzer.only(mnemonics, mode: .bits16, count: 5_000 / Self.share) }
    }
    try Self.check(fuzzer)
  }

  @Test func regressionsStayFixed() throws {
    let fuzzer = try OracleFuzzer(seed: 9)
    let files = try FileManager.default.contentsOfDirectory(at: Self.caseDirectory, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "json" }
    #expect(files.count > 50)
    for file in files.sorted(by: { $0.path < $1.path }) {
      let text = try String(contentsOf: file, encoding: .utf8)
      let regression = try #require(RegressionCase(json: text), "\(file.lastPathComponent)")
      if let report = try fuzzer.replay(regression) { Issue.record("\(file.lastPathComponent): \(report)") }
    }
  }

  @Test func casesSurviveTheirFiles() throws {
    let fuzzer = try OracleFuzzer(seed: 10)
    var generator = fuzzer.generator
    for _ in 0..<50 {
      guard let test = generator.next(mode: .bits64) else { continue }
      let original = RegressionCase(test, differences: [])
      let again = try #require(RegressionCase(json: original.json))
      #expect(again.json == original.json)
    }
    #expect(RegressionCase(json: "{\"bits\":64}") == nil)
    #expect(RegressionCase(json: "[") == nil)
  }
}

/// `make fuzz`: as long as RINGBOX_FUZZ_SECONDS says, or until RINGBOX_FUZZ_COMPARISONS are made; from a new seed each
/// time.
@Suite struct OracleFuzzTests {
  private static func setting(_ name: String) -> Double? {
    ProcessInfo.processInfo.environment["RINGBOX_FUZZ_" + name].flatMap(Double.init)
  }

  @Test func fuzzHostAgreement() throws {
    let seconds = Self.setting("SECONDS"), comparisons = Self.setting("COMPARISONS")
    guard seconds != nil || comparisons != nil else { return }
    let end = Date().addingTimeInterval(seconds ?? .infinity)
    let seed = UInt64(Date().timeIntervalSince1970 * 1000) ^ UInt64(getpid()) << 44
    let fuzzer = try OracleFuzzer(seed: seed)
    print("oracle: seed \(seed)")
    var nextReport = Date().addingTimeInterval(60)
    while Date() < end && Double(fuzzer.comparisons) < comparisons ?? .infinity && fuzzer.mismatchCount == 0 {
      // A target in comparisons is met by single instructions above all: one costs a fifth of a program.
      try Self.round(fuzzer, singles: comparisons == nil ? 1 : 10)
      if comparisons != nil && Date() > nextReport {
        FileHandle.standardError.write(Data("oracle: \(fuzzer.comparisons) comparisons so far\n".utf8))
        nextReport = Date().addingTimeInterval(60)
      }
    }
    print(
      "oracle: \(fuzzer.comparisons) comparisons, \(fuzzer.comparableRowCount) rows, fewest cases a row \(fuzzer.leastCoverage)"
    )
    for row in fuzzer.missingRows { print("oracle: never executed: \(row)") }
    try OracleTests.check(fuzzer)
  }

  private static func round(_ fuzzer: OracleFuzzer, singles: Int) throws {
    try fuzzer.sweep(mode: .bits64, count: 20_000 * singles)
    try fuzzer.sweep(mode: .bits32, count: 10_000 * singles)
    if fuzzer.has16Bit { try fuzzer.sweep(mode: .bits16, count: 5_000 * singles) }
    try fuzzer.sequences(mode: .bits64, integerOnly: true, count: 10_000)
    try fuzzer.sequences(mode: .bits32, integerOnly: false, count: 5_000)
    try fuzzer.mutants(mode: .bits64, count: 5_000)
    try fuzzer.programs(mode: .bits64, integerOnly: true, count: 10_000)
    try fuzzer.programs(mode: .bits64, integerOnly: false, count: 5_000)
    try fuzzer.programs(mode: .bits32, integerOnly: true, count: 5_000)
    if fuzzer.has16Bit { try fuzzer.programs(mode: .bits16, integerOnly: true, count: 5_000) }
  }
}
