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
      + "setregisters [--cpu N] REGISTER=VALUE... | stack [--cpu N] | log [--release|--debug] GROUP... | injectnmi | "
      + "osinfo | osdetect | dumpvmcore --filename FILE",
    "Looks into a machine that runs."
  ) { words, registry in
    let machine = try words.next("name or UUID of the machine")
    let verb = try words.next(
      "info, statistics, show, getregisters, setregisters, stack, log, injectnmi, osinfo, osdetect or dumpvmcore")
    // Groups that are switched off look like options.
    if verb == "log" { return try log(&words, machine, registry) }
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
    case "show": return try show(names, client)
    case "getregisters": return try registers(names, value("cpu"), client)
    case "setregisters":
      try setRegisters(names, value("cpu"), client)
      return .done
    case "stack":
      let stack = try GuestStack(of: try number(value("cpu")), client)
      return Answer(text: stack.text, json: stack.json)
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
    case "logdest", "logflags", "sample", "osdmesg", "guestsample":
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
  /// Whose log lines are told. There is one logger, whichever is asked for.
  private static func log(_ words: inout Words, _ machine: String, _ registry: Registry) throws -> Answer {
    var groups: [String] = []
    while let word = words.next() { if !["--release", "--debug"].contains(word) { groups.append(word) } }
    guard !groups.isEmpty else { throw Failure.usage("Missing argument: groups, such as +all or -ahci") }
    let settings = try registry.machine(machine)
    guard registry.state(settings).state.isOnline else {
      throw Failure.failure("Machine '\(machine)' is not currently running.")
    }
    let reply = try registry.client(settings).command(
      "log-groups", [("settings", .string(groups.joined(separator: " ")))])
    return Answer(json: ["settings": reply["settings"] ?? ""])
  }
  private static func setRegisters(_ words: [String], _ cpu: String?, _ client: VMClient) throws {
    guard !words.isEmpty else { throw Failure.usage("Missing argument: REGISTER=VALUE") }
    var values: [(name: String, value: UInt64)] = []
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { throw Failure.usage("Invalid parameter '\(word)'") }
      let text = parts[1].lowercased()
      let number = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
      guard let number else { throw Failure.usage("Invalid parameter '\(word)'") }
      values.append((parts[0].lowercased(), number))
    }
    try client.setRegisters(of: try number(cpu), values)
  }
  private static func number(_ cpu: String?) throws -> Int {
    guard let number = Int(cpu ?? "0"), (0..<64).contains(number) else {
      throw Failure.usage("Invalid --cpu argument '\(cpu ?? "")'")
    }
    return number
  }
  /// The logger's settings are all there is to show: its groups.
  private static func show(_ names: [String], _ client: VMClient) throws -> Answer {
    let known = ["logdbg-settings", "logrel-settings", "log-settings"]
    guard let name = names.first else { throw Failure.usage("Missing argument: \(known.joined(separator: ", "))") }
    guard let bad = names.first(where: { !known.contains($0) }) else {
      let groups = try client.command("log-groups")["settings"]?.string ?? ""
      return Answer(
        text: names.map { "\($0)=\(groups)\n" }.joined(), json: .object([JSON.Member(name, .string(groups))]))
    }
    throw Failure.usage("Invalid parameter '\(bad)'")
  }
  private static func registers(_ names: [String], _ cpu: String?, _ client: VMClient) throws -> Answer {
    let members = try client.registers(of: try number(cpu)).members ?? []
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

/// JSON as a list of paths and values.
private enum Tree {
  static func lines(_ json: JSON, _ path: String) -> [(key: String, value: String)] {
    if let members = json.members { return members.flatMap { lines($0.value, "\(path)/\($0.key)") } }
    if let items = json.array { return items.enumerated().flatMap { lines($1, "\(path)/\($0)") } }
    return [(path, json.string ?? json.text)]
  }
}
