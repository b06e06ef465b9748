import Base
import Foundation
import HostSystem
import Service

/// `debugvm`: looks into a machine that runs.
enum DebugVerb {
  static let verb = Verb(
    "debugvm",
    usage:
      "NAME|UUID info DEVICE | statistics [--pattern PATTERN] | show SETTING | getregisters [--cpu N] [REGISTER...] | "
      + "injectnmi | osinfo | osdetect | dumpvmcore --filename FILE",
    "Looks into a machine that runs."
  ) { words, registry in
    let machine = try words.next("name or UUID of the machine")
    let verb = try words.next("info, statistics, show, getregisters, injectnmi, osinfo, osdetect or dumpvmcore")
    let (names, options) = try words.parse(
      [
        "filename": 1, "compression": 1, "pattern": 1, "reset": 0, "descriptions": 0, "cpu": 1, "humanreadable": 0,
        "shexport": 0, "sheval": 0, "cmdset": 0, "release": 0, "debug": 0,
      ], words: 0...64)
    let settings = try registry.machine(machine)
    guard registry.state(settings).state.isOnline else {
      throw Failure.failure("Machine '\(machine)' is not currently running.")
    }
    let client = try registry.client(settings)
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    switch verb {
    case "info": return try info(names.first, client)
    case "statistics":
      let pattern = value("pattern")
      let all = Tree.lines(try client.command("statistics")["statistics"] ?? [:], "")
      let chosen = all.filter { line in pattern.map { Glob.matches(line.key, $0) } ?? true }
      return Answer(
        text: chosen.map { "\($0.key)  \($0.value)\n" }.joined(),
        json: .object(chosen.map { JSON.Member($0.key, .string($0.value)) }))
    case "show": return try show(names)
    case "getregisters": return try registers(names, value("cpu"), client)
    case "injectnmi":
      try client.command("nmi")
      return .done
    case "osinfo", "osdetect":
      guard let system = try GuestSystem.find(client, bytes: UInt64(settings.memory) << 20) else {
        throw ServiceError(.notSupported, "The guest's system was not detected (VERR_DBGF_OS_NOT_DETCTED)", .console)
      }
      let text =
        verb == "osinfo" ? "Name:    \(system.name)\nVersion: \(system.version)\n" : "Guest OS: \(system.name)\n"
      return Answer(text: text, json: ["name": .string(system.name), "version": .string(system.version)])
    case "dumpvmcore":
      guard let path = value("filename") else { throw Failure.usage("Missing argument: --filename FILE") }
      try registry.dumpMemory(of: settings, to: Paths.absolute(path))
      return .done
    case "setregisters", "stack", "log", "logdest", "logflags", "sample", "osdmesg", "guestsample":
      throw ServiceError(.notSupported, "debugvm \(verb) is not supported", .console)
    default: throw Failure.usage("Invalid parameter '\(verb)'")
    }
  }

  private static func info(_ name: String?, _ client: VMClient) throws -> Answer {
    guard let name, name != "help" else {
      let devices = try client.command("device-info")["devices"]?.array ?? []
      return Answer(text: devices.map { "\($0.string ?? "")\n" }.joined(), json: .array(devices))
    }
    let info = try client.command("device-info", [("name", .string(name))])["info"]?.string ?? ""
    return Answer(text: info + (info.hasSuffix("\n") ? "" : "\n"), json: ["info": .string(info)])
  }
  /// The loggers' settings are all there is to show, and they are always as they come.
  private static func show(_ names: [String]) throws -> Answer {
    let known = ["logdbg-settings", "logrel-settings", "log-settings"]
    guard let name = names.first else { throw Failure.usage("Missing argument: \(known.joined(separator: ", "))") }
    guard let bad = names.first(where: { !known.contains($0) }) else {
      return Answer(text: names.map { "\($0)=\n" }.joined(), json: [name: ""])
    }
    throw Failure.usage("Invalid parameter '\(bad)'")
  }
  private static func registers(_ names: [String], _ cpu: String?, _ client: VMClient) throws -> Answer {
    guard let number = Int64(cpu ?? "0"), number >= 0 else {
      throw Failure.usage("Invalid --cpu argument '\(cpu ?? "")'")
    }
    let members = try client.command("registers", [("cpu", .integer(number))])["registers"]?.members ?? []
    let wanted = names.map { $0.lowercased() }.filter { $0 != "all" }
    if let bad = wanted.first(where: { name in !members.contains { $0.key == name } }) {
      throw ServiceError(.invalidArgument, "No register '\(bad)' (VERR_DBGF_REGISTER_NOT_FOUND)", .console)
    }
    let chosen = wanted.isEmpty ? members : wanted.compactMap { name in members.first { $0.key == name } }
    return Answer(
      text: chosen.map { "\($0.key) = \(wide($0.value.string ?? ""))\n" }.joined(), json: .object(chosen))
  }
  /// Sixteen digits behind 0x.
  private static func wide(_ text: String) -> String {
    let digits = text.dropFirst(2)
    return "0x" + String(repeating: "0", count: max(0, 16 - digits.count)) + digits
  }
}

/// What runs in a machine, as far as its memory says so: by the sentences that systems carry about themselves.
struct GuestSystem: Equatable {
  let name: String
  let version: String
  private static let marks = [
    ("Linux", "Linux version "), ("FreeBSD", "FreeBSD "), ("NetBSD", "NetBSD "), ("OpenBSD", "OpenBSD "),
    ("FreeDOS", "FreeDOS kernel "), ("MS-DOS", "MS-DOS Version "),
  ]
  /// Kernels lie near the beginning of memory; looking further would take long.
  private static let limit: UInt64 = 256 << 20
  private static let piece: UInt64 = 131_072

  static func find(_ client: VMClient, bytes: UInt64) throws -> GuestSystem? {
    var last: [UInt8] = []
    for address in stride(from: UInt64(0), to: min(bytes, limit), by: Int(piece)) {
      let count = min(piece, bytes - address)
      let reply = try client.command(
        "read-memory", [("address", .integer(Int64(address))), ("count", .integer(Int64(count)))])
      let part = Hex.bytes(reply["hex"]?.string ?? "", count: Int(count))
      // A sentence may lie across two pieces.
      if let found = GuestSystem(last + part) { return found }
      last = Array(part.suffix(128))
    }
    return nil
  }
  /// The first sentence in these bytes whose name is followed by a number.
  init?(_ bytes: [UInt8]) {
    for (name, mark) in GuestSystem.marks {
      let pattern = Array(mark.utf8)
      var start = bytes.startIndex
      while let place = bytes[start...].firstIndex(of: pattern[0]) {
        start = place + 1
        let rest = bytes[place...]
        guard rest.starts(with: pattern), let digit = rest.dropFirst(pattern.count).first, (0x30...0x39).contains(digit)
        else { continue }
        let text = rest.dropFirst(pattern.count).prefix(96).prefix { (0x20..<0x7f).contains($0) }
        (self.name, version) = (name, String(decoding: text, as: UTF8.self))
        return
      }
    }
    return nil
  }
}

/// JSON as a list of paths and values.
private enum Tree {
  static func lines(_ json: JSON, _ path: String) -> [(key: String, value: String)] {
    if let members = json.members { return members.flatMap { lines($0.value, "\(path)/\($0.key)") } }
    if let items = json.array { return items.enumerated().flatMap { lines($1, "\(path)/\($0)") } }
    return [(path, json.string ?? json.text)]
  }
}
