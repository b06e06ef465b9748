import X86Engine
import X86ISA

/// The pipeline: while the host's child works on one batch, our engines work on the one before.
public final class OracleFuzzer {
  /// A case on which host and an engine disagree.
  public struct Mismatch {
    let test: OracleCase
    let differences: [String]
    /// What differs, and the case in full.
    public let report: String
    /// Rows of the instructions involved: mismatches of one cause mostly share them.
    public let signature: String
  }

  private let native: NativeRunner
  private let engines: [EngineRunner]
  private(set) var generator: CaseGenerator
  /// Cases in flight by slot.
  private var pending: [OracleCase]
  private var next: UInt32 = 0
  /// Comparisons made, one for each engine and case.
  public private(set) var comparisons = 0
  public private(set) var mismatches: [Mismatch] = []
  /// Kept mismatches; more are only counted.
  public var mismatchLimit = 50
  public private(set) var mismatchCount = 0
  /// Mismatches by the mnemonics involved.
  public private(set) var mismatchesBySignature: [String: Int] = [:]
  /// Cases for each row.
  public private(set) var coverage: [Int]
  /// Outcomes by vector; the last counts completed cases.
  public private(set) var vectors = [Int](repeating: 0, count: 257)

  /// Memory contents and register pools are the same in every run: a case names them by number.
  static let contentSeed: UInt64 = 0x52_696e_6762_6f78

  public init(seed: UInt64, engines choices: [EngineChoice] = [.interpreter, .recompiler]) throws {
    native = try NativeRunner()
    engines = try choices.map { try EngineRunner(engine: $0) }
    let states = StateGenerator(seed: OracleFuzzer.contentSeed)
    let templates = (0..<NativeRunner.templates).map {
      states.memory(seed: OracleFuzzer.contentSeed &+ UInt64($0) &+ 1, count: Window.dataBytes)
    }
    let readOnly = states.memory(seed: OracleFuzzer.contentSeed &- 1, count: 4096)
    for (index, bytes) in templates.enumerated() { native.setTemplate(index, bytes) }
    native.setReadOnlyPage(readOnly)
    for engine in engines { engine.setTemplates(templates, readOnly: readOnly) }
    generator = CaseGenerator(seed: seed, model: try CPUProfile.model("host", cpus: 1), states: states)
    pending = [OracleCase](repeating: OracleCase(), count: NativeRunner.slots)
    coverage = [Int](repeating: 0, count: InstructionTable.count)
    try native.start()
  }

  /// Whether the host runs 16-bit code for us.
  public var has16Bit: Bool { native.has16Bit }
  /// Times the native child had to be started again, endless programs apart.
  public var deaths: Int { native.deaths - endless }
  private var endless = 0

  /// Rows that can be compared but never were.
  public var missingRows: [String] {
    generator.allRows.filter { coverage[$0] == 0 }.sorted().map {
      let text = InstructionTable.rows[$0]
      return "\(text.mnemonic) \(text.operands) [\(text.encoding)]"
    }
  }
  public var comparableRowCount: Int { generator.allRows.count }
  /// The fewest cases that a comparable row had.
  public var leastCoverage: Int { generator.allRows.map { coverage[$0] }.min() ?? 0 }

  // MARK: Sources of cases

  /// Sweeps over all rows of a mode, `count` cases.
  public func sweep(mode: CodeSize, count: Int) throws {
    try run(count) { $0.next(mode: mode) }
  }
  /// Random runs of two to eight instructions.
  public func sequences(mode: CodeSize, integerOnly: Bool, count: Int) throws {
    try run(count) { $0.sequence(mode: mode, integerOnly: integerOnly) }
  }
  /// Programs of about a dozen instructions with branches, loops, calls and returns.
  public func programs(mode: CodeSize, integerOnly: Bool, count: Int) throws {
    try run(count) { $0.program(mode: mode, integerOnly: integerOnly) }
  }
  /// Rows of some mnemonics only.
  public func only(_ mnemonics: Set<String>, mode: CodeSize, count: Int) throws {
    let rows = generator.rows(named: mnemonics, mode: mode)
    guard !rows.isEmpty else { return }
    var turn = 0
    try run(count) { generator in
      turn += 1
      return generator.single(row: rows[turn % rows.count], mode: mode)
    }
  }

  /// Feeds cases until `count` were made; nil from the source means "try again".
  func run(_ count: Int, _ source: (inout CaseGenerator) -> OracleCase?) throws {
    var made = 0
    var empty = 0
    while made < count {
      var inBatch = 0
      while inBatch < NativeRunner.batch && made < count {
        // Where nothing follows, not even a breakpoint, an engine would not know its case done.
        guard let test = source(&generator), Int(test.input.codeOffset) + test.code.count != Window.codeBytes else {
          empty += 1
          if empty > 1000 + made * 20 { return try drain() }
          continue
        }
        add(test)
        inBatch += 1
        made += 1
      }
      native.flush()
      // Leaves this batch to the host and takes up the one before.
      try compare(until: native.submitted &- UInt32(inBatch))
    }
    try drain()
  }

  private func add(_ made: OracleCase) {
    var test = made
    test.input.keepOnly(components: HostProcessor.current.xcr0)
    pending[Int(native.submitted) % NativeRunner.slots] = test
    native.add(test)
  }
  private func drain() throws {
    native.flush()
    try compare(until: native.submitted)
  }

  private func compare(until end: UInt32) throws {
    while next != end {
      // A program may have made itself an endless loop.
      let mayHang = pending.contains(where: \.isProgram)
      if let lost = try native.wait(until: end, milliseconds: mayHang ? 800 : 3000) {
        while next != lost { compareNext() }
        let test = pending[Int(lost) % NativeRunner.slots]
        if test.isProgram { endless += 1 } else { note(test, ["the native child died or hung on this case"]) }
        next &+= 1
        continue
      }
      while next != end { compareNext() }
    }
  }

  private func compareNext() {
    let test = pending[Int(next) % NativeRunner.slots]
    let host = native.outcome(of: next, for: test)
    for row in test.rows { coverage[Int(row)] += 1 }
    vectors[host.vector.map(Int.init) ?? 256] += 1
    if host.vector == 1 && test.isProgram {
      // INT1, in the middle of some instruction: under a hypervisor the host may report it before or behind it.
      next &+= 1
      return
    }
    var differences: [String] = []
    // A single branch into its own code goes on in an engine that does not step.
    let goesOn = test.isSingleStep && host.vector == nil && (test.input.rip..<test.endRIP).contains(host.image.rip)
    for engine in engines where engine.engine == .interpreter || !goesOn {
      let mine = engine.run(test)
      if mine.isUnfinished { continue }
      comparisons += 1
      let dropsFlags = engine.engine == .recompiler && !engine.keepsAllFlags
      var found = Comparator.compare(test, host: host, mine: mine, dropsDeadFlags: dropsFlags).map(\.description)
      if let memory = engine.firstMemoryDifference(test, from: native, case: next) {
        found.append("memory at \(Comparator.hex(Window.data + UInt64(memory)))")
      }
      let name = engine.engine.rawValue + (dropsFlags ? " without dead flags" : "")
      differences += found.map { name + ": " + $0 }
    }
    next &+= 1
    if !differences.isEmpty { note(test, differences) }
  }

  /// Runs one case by itself; its differences.
  func differences(_ test: OracleCase) throws -> [String] {
    let known = (mismatches, mismatchCount, mismatchesBySignature, mismatchLimit)
    defer { (mismatches, mismatchCount, mismatchesBySignature, mismatchLimit) = known }
    mismatches = []
    mismatchLimit = 1
    // The recompiler with and without all flags.
    for _ in 0..<2 where mismatches.isEmpty {
      add(test)
      try drain()
      for engine in engines { engine.startAfresh() }
    }
    return mismatches.first?.differences ?? []
  }

  private func note(_ test: OracleCase, _ differences: [String]) {
    mismatchCount += 1
    let signature = test.rows.map { InstructionTable.rows[Int($0)].mnemonic }.joined(separator: " ")
    mismatchesBySignature[signature, default: 0] += 1
    guard mismatches.count < mismatchLimit, mismatches.filter({ $0.signature == signature }).count < 3 else { return }
    let report = Comparator.describe(test) + "\n  " + differences.prefix(8).joined(separator: "\n  ")
    mismatches.append(Mismatch(test: test, differences: differences, report: report, signature: signature))
  }
}

// MARK: Random bytes

extension OracleFuzzer {
  /// Encodings of all rows with a few bits changed: what the decoder refuses, the host must refuse, and the other way
  /// round. Bytes that decode to something that is not compared are passed over.
  public func mutants(mode: CodeSize, count: Int) throws {
    try run(count) { $0.mutant(mode: mode) }
  }
}
