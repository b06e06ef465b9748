import ArgumentParser
import Base

/// Options of `ringbox run` that look at the code a guest executes.
struct InspectionOptions: ParsableArguments {
  @Flag(help: "Print at the end what the engine counted; with --json as a member of the status line.") var stats = false
  @Option(
    help: ArgumentHelp(
      "Print at the end the translated code of guest addresses: START-END, START+LENGTH or an address. Repeatable.",
      valueName: "range"))
  var dumpCode: [String] = []
  @Flag(help: "Write /tmp/perf-PID.map, by which perf names translated code.") var perfMap = false
  @Option(
    help: ArgumentHelp("Write at the end where the guest's time went, as folded stacks.", valueName: "file"))
  var profileGuest: String?
  @Option(help: ArgumentHelp("System.map or ELF file with the names of guest code.", valueName: "file"))
  var symbols: String?
  @Option(
    help: ArgumentHelp(
      "Write at the end which code was executed how often, and of what instructions.", valueName: "file"))
  var coverage: String?

  /// Whether anything is to be seen while the guest runs.
  var watchesExecution: Bool { perfMap || profileGuest != nil || coverage != nil }

  /// What `ringbox-vm` reads.
  func json() throws -> JSON {
    for range in dumpCode where AddressRange(parsing: range) == nil {
      throw Failure.usage(
        "--dump-code '\(range)': expected START-END, START+LENGTH or an address, such as 0x1000-0x2000")
    }
    if symbols != nil, !watchesExecution {
      throw Failure.usage("--symbols needs --profile-guest, --coverage or --perf-map")
    }
    func path(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
    return [
      "stats": .bool(stats), "dumpCode": .array(dumpCode.map { .string($0) }), "perfMap": .bool(perfMap),
      "profile": path(profileGuest), "symbols": path(symbols), "coverage": path(coverage),
    ]
  }
}
