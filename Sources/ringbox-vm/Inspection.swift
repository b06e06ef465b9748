import Base
import HostSystem
import Machine
import X86Engine

/// What the user wants to see of the code that the guest executes.
struct InspectionOptions: Equatable {
  /// Print what the engine counted.
  var stats = false
  /// Guest addresses whose translated code is to be printed.
  var dumpCode: [AddressRange] = []
  /// Write the map for `perf`.
  var perfMap = false
  /// Files to write at the end.
  var profile: String?
  var coverage: String?
  /// File with the names of guest code.
  var symbols: String?

  init() {}
  init(_ json: JSON) throws {
    func wrong(_ name: String) -> StartError {
      StartError(.usage, "configuration: inspection: '\(name)' is no such value")
    }
    guard let members = json.members else { throw StartError(.usage, "configuration: inspection is no object") }
    for member in members {
      func flag() throws -> Bool {
        guard let value = member.value.bool else { throw wrong(member.key) }
        return value
      }
      func path() throws -> String? {
        if member.value == .null { return nil }
        guard let text = member.value.string, !text.isEmpty, !text.utf8.contains(0) else { throw wrong(member.key) }
        return text
      }
      switch member.key {
      case "stats": stats = try flag()
      case "perfMap": perfMap = try flag()
      case "profile": profile = try path()
      case "coverage": coverage = try path()
      case "symbols": symbols = try path()
      case "dumpCode":
        dumpCode = try (member.value.array ?? []).map {
          guard let range = $0.string.flatMap(AddressRange.init(parsing:)) else { throw wrong(member.key) }
          return range
        }
      default: throw StartError(.usage, "configuration: inspection: unknown member '\(member.key)'")
      }
    }
  }
}

/// The watchers of one run, and what they leave behind.
struct Inspection {
  private let options: InspectionOptions
  private let symbols: SymbolTable?
  private let perfMap: PerfMap?
  private let profile: GuestProfile?
  private let coverage: CodeCoverage?
  /// How long a stuck reader of standard output is waited for.
  private static let patience = 2000

  /// Reads the symbols and looks whether the files can be written.
  init(_ options: InspectionOptions) throws {
    self.options = options
    let map = options.perfMap ? "/tmp/perf-\(HostProcess.id).map" : nil
    for (name, path) in [("profile-guest", options.profile), ("coverage", options.coverage), ("perf-map", map)] {
      guard let path, let obstacle = HostFiles.obstacle(toWriting: path) else { continue }
      throw StartError(.failure, "\(name): cannot write '\(path)': \(obstacle.reason)")
    }
    if let path = options.symbols {
      do throws(SymbolTable.Problem) { symbols = try SymbolTable(path: path) } catch {
        throw StartError(.failure, "symbols: '\(path)': \(error.reason)")
      }
    } else {
      symbols = nil
    }
    let symbols = symbols
    perfMap = map.map { PerfMap(path: $0, symbols: symbols) }
    profile = options.profile == nil ? nil : GuestProfile()
    coverage = options.coverage == nil ? nil : CodeCoverage()
  }

  /// What the machine is built with.
  var engine: EngineInspection { EngineInspection(perfMap: perfMap, profile: profile, client: coverage) }

  /// Writes and prints what was asked for, of a machine that has stopped. `complain` gets a line for each failure.
  func finish(_ machine: Machine, wantsStatusLine: Bool, _ complain: (String) -> Void) {
    perfMap?.flush()
    if let perfMap, perfMap.hasFailed { complain("perf-map: cannot write '\(perfMap.path)'") }
    if let coverage, let path = options.coverage {
      machine.tellCounts()
      write(coverage.report(symbols).text + "\n", "coverage", path, complain)
    }
    if let profile, let path = options.profile {
      if profile.hasFailed { complain("profile-guest: the host gave no timer") }
      write(profile.foldedStacks(symbols), "profile-guest", path, complain)
    }
    let output = HostStream.standard(1)
    for range in options.dumpCode where !dump(range, machine, output) { return }
    guard options.stats, !wantsStatusLine else { return }
    for (cpu, report) in machine.engineReports.enumerated() {
      output.writeAll(Array("cpu\(cpu): \(report.engine)\n\(report.text)".utf8), milliseconds: Inspection.patience)
    }
  }

  /// For the status line.
  func statistics(_ machine: Machine) -> JSON? {
    options.stats ? .array(machine.engineReports.map(\.json)) : nil
  }

  private func write(_ text: String, _ option: String, _ path: String, _ complain: (String) -> Void) {
    do throws(SystemCallError) { try HostFiles.replace(path, with: Array(text.utf8)) } catch {
      complain("\(option): cannot write '\(path)': \(error.reason)")
    }
  }

  /// False when the reader has gone.
  private func dump(_ range: AddressRange, _ machine: Machine, _ output: HostStream) -> Bool {
    for cpu in 0..<machine.configuration.cpus {
      guard let blocks = machine.codeListings(cpu: cpu, in: range)?.blocks else { continue }
      let heading = "cpu\(cpu), \(range): \(blocks.count) blocks\n"
      if !output.writeAll(Array(heading.utf8), milliseconds: Inspection.patience) { return false }
      for block in blocks where !output.writeAll(Array(block.text.utf8), milliseconds: Inspection.patience) {
        return false
      }
    }
    return true
  }
}
