import Base
import HostSystem
import Machine

/// How a VM process ends. The numbers are public: docs/command-line.md.
struct ExitStatus: Equatable {
  let code: Int32
  static let poweredOff = ExitStatus(code: 0)
  static let failure = ExitStatus(code: 1)
  static let usage = ExitStatus(code: 2)
  static let reset = ExitStatus(code: 3)
  static let tripleFault = ExitStatus(code: 4)
  static let quit = ExitStatus(code: 5)
  static let divergence = ExitStatus(code: 6)
  static let saved = ExitStatus(code: 7)
  static func signal(_ number: Int32) -> ExitStatus { ExitStatus(code: 128 + number) }
}

/// Why a machine did not start.
struct StartError: Error {
  let status: ExitStatus
  let text: String
  init(_ status: ExitStatus, _ text: String) {
    self.status = status
    self.text = text
  }
  init(_ error: MachineError) {
    self.init(error.kind == .configuration ? .usage : .failure, error.description)
  }
}

/// What a VM process says on standard error and at its end.
enum Report {
  /// One line on standard error. The terminal may be in raw mode, hence the carriage return there.
  static func line(_ text: String, raw: Bool = false) {
    let words = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    HostStream.standard(2).writeAll(Array("ringbox: \(words)\(raw ? "\r\n" : "\n")".utf8), milliseconds: 200)
  }

  private static let divergenceReport = "ringbox-divergence.txt", divergenceCase = "ringbox-divergence.json"

  /// What `--verify-execution` found: into two files, and its head on standard error.
  static func divergence(_ report: String, _ testCase: String) {
    for text in report.split(separator: "\n").prefix(12) { line(String(text)) }
    keep(report, as: divergenceReport, "the report with code and states is in")
    keep(testCase, as: divergenceCase, "the same run as a test, for Tests/Guests/divergences, is in")
  }
  private static func keep(_ text: String, as file: String, _ what: String) {
    let isKept = (try? HostFiles.replace(file, with: Array(text.utf8))) != nil
    line(isKept ? "\(what) \(file)" : "cannot write \(file)")
  }

  static func text(_ run: Determinism) -> String {
    "seed \(run.seed): state \(run.state) after \(run.instructions) instructions, \(run.nanoseconds) ns"
  }
  static func json(_ run: Determinism) -> JSON {
    [
      "seed": .string(String(run.seed)), "state": .string(run.state.description),
      "instructions": .integer(run.instructions), "nanoseconds": .integer(run.nanoseconds),
    ]
  }

  static func fail(_ text: String, _ status: ExitStatus) -> Never {
    line(text)
    HostProcess.exit(status.code)
  }

  /// The line of JSON that `--json` asks for.
  static func status(reason: String, _ exit: ExitStatus, seconds: Double, machine: JSON) -> JSON {
    let cpus = machine["cpus"]?.array ?? []
    let instructions = cpus.reduce(Int64(0)) { $0 &+ ($1["instructions"]?.integer ?? 0) }
    return [
      "reason": .string(reason), "exitStatus": .integer(Int64(exit.code)), "seconds": .number(seconds),
      "instructions": .integer(instructions), "cpus": .array(cpus), "resets": machine["resets"] ?? 0,
      "guestNanoseconds": machine["guestNanoseconds"] ?? 0, "memory": machine["memory"] ?? 0,
    ]
  }
}
