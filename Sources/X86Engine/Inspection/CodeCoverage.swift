import Base
import Synchronization
import X86ISA

/// Which code a guest executed, how often, and of which instructions it consisted: a client of the translator.
public final class CodeCoverage: Instrumentation {
  /// A run of code by what it is.
  private struct Key: Hashable {
    var address: UInt64
    var count: Int
    var privilege: Int
    var codeSize: UInt8
  }
  private struct Counts {
    var runs: [Key: UInt64] = [:]
    var operations = [UInt64](repeating: 0, count: Op.allCases.count)
    /// Executions of runs that found no room.
    var others: UInt64 = 0
  }
  /// A guest can execute any number of addresses.
  private static let capacity = 1 << 20
  private let counts = Mutex(Counts())

  /// Nothing executed yet.
  public init() {}
  /// Counts of runs are enough.
  public var points: InstrumentationPoints { .counts }

  /// Adds up; see `Instrumentation`.
  public func counted(_ run: CountedRun, times: UInt64) {
    let key = Key(
      address: run.address, count: run.count, privilege: run.privilege, codeSize: run.codeSize.rawValue)
    counts.withLock { counts in
      if counts.runs.count < CodeCoverage.capacity || counts.runs[key] != nil {
        counts.runs[key, default: 0] &+= times
      } else {
        counts.others &+= times
      }
      for operation in run.operations { counts.operations[Int(operation.rawValue)] &+= times }
    }
  }

  /// Instructions executed.
  public var instructions: UInt64 { counts.withLock { $0.operations.reduce(0, &+) } }

  /// How often an operation was executed.
  public func times(_ operation: Op) -> UInt64 { counts.withLock { $0.operations[Int(operation.rawValue)] } }

  /// `instructions`; `mix`, the most frequent operation first; `runs` by address, each with `address`, `bytes`, `ring`,
  /// `bits`, `times` and, when known, `symbol`.
  public func report(_ symbols: SymbolTable? = nil) -> JSON {
    let counts = counts.withLock { $0 }
    let mix = Op.allCases.compactMap { op -> (Op, UInt64)? in
      let times = counts.operations[Int(op.rawValue)]
      return times > 0 ? (op, times) : nil
    }.sorted { ($1.1, $0.0.rawValue) < ($0.1, $1.0.rawValue) }
    let runs = counts.runs.sorted { ($0.key.address, $0.key.count) < ($1.key.address, $1.key.count) }
    return [
      "instructions": .integer(Int64(clamping: counts.operations.reduce(0, &+))),
      "mix": .array(
        mix.map { ["operation": .string("\($0.0)"), "times": .integer(Int64(clamping: $0.1))] }),
      "runs": .array(
        runs.map { key, times in
          var run: JSON = [
            "address": .string("0x" + String(key.address, radix: 16)), "bytes": .integer(Int64(key.count)),
            "ring": .integer(Int64(key.privilege)), "bits": .integer(16 << Int64(key.codeSize)),
            "times": .integer(Int64(clamping: times)),
          ]
          if let symbol = symbols?.symbol(at: key.address, privilege: key.privilege) {
            run.set("symbol", .string(symbol.text))
          }
          return run
        }),
      "otherRuns": .integer(Int64(clamping: counts.others)),
    ]
  }
}
