import Base
import Foundation
import HostSystem
import Service
import SettingsFiles

/// What is kept with a machine or for all machines: extra data, properties, shared folders.
enum DataVerbs {
  static let discardState = Verb("discardstate", usage: "NAME|UUID", "Forgets a saved state.") { words, registry in
    let (names, _) = try words.parse([:], words: 1...1)
    try registry.discardState(names[0])
    return .done
  }
  static let adoptState = Verb("adoptstate", usage: "NAME|UUID FILE", "Makes a state file a machine's saved state.") {
    words, registry in
    let (names, _) = try words.parse([:], words: 2...2)
    try registry.adoptState(names[0], names[1])
    return .done
  }

  static let setProperty = Verb(
    "setproperty", usage: "machinefolder|loghistorycount|defaultfrontend|... VALUE", "Sets what holds for all machines."
  ) { words, registry in
    let (values, _) = try words.parse([:], words: 2...2)
    guard Registry.properties.contains(where: { $0.name == values[0] }) else {
      throw Failure.usage("Invalid parameter '\(values[0])'")
    }
    if values[0] == "loghistorycount", values[1] != "default", UInt8(values[1]) == nil {
      throw Failure.usage("Invalid parameter '\(values[1])'")
    }
    try registry.setProperty(values[0], values[1])
    return .done
  }

  // MARK: Extra data

  static let getExtraData = Verb("getextradata", usage: "NAME|UUID|global KEY|enumerate", "Shows extra data.") {
    words, registry in
    let (values, _) = try words.parse([:], words: 1...2)
    let data =
      values[0] == "global"
      ? MachineSettings.extraData(try registry.global().root) : try registry.machine(values[0]).extraData
    let members = data.map { JSON.Member($0.key, .string($0.value)) }
    guard values.count > 1, values[1] != "enumerate" else {
      return Answer(
        text: data.map { "Key: \($0.key), Value: \($0.value)\n" }.joined(), json: .object(members))
    }
    guard let found = data.first(where: { $0.key == values[1] }) else {
      return Answer(text: "No value set!\n", json: ["value": .null])
    }
    return Answer(text: "Value: \(found.value)\n", json: ["value": .string(found.value)])
  }
  static let setExtraData = Verb("setextradata", usage: "NAME|UUID|global KEY [VALUE]", "Keeps extra data.") {
    words, registry in
    var values: [String] = []
    // A value may begin with a hyphen: these words are taken as they are.
    while let word = words.next() { values.append(word) }
    guard (2...3).contains(values.count), !values[1].isEmpty else { throw Failure.usage("Not enough parameters") }
    let key = values[1], value = values.count > 2 ? values[2] : nil
    try registry.setExtraData(values[0] == "global" ? nil : values[0], key, value)
    return .done
  }

  // MARK: Guest properties

  static let guestProperty = Verb(
    "guestproperty",
    usage:
      "get NAME|UUID KEY | set NAME|UUID KEY [VALUE [--flags FLAGS]] | delete NAME|UUID KEY | "
      + "enumerate NAME|UUID [--patterns PATTERN] [--old-format] | "
      + "wait NAME|UUID PATTERN [--timeout MS] [--fail-on-timeout]",
    "Keeps properties that guest programs read."
  ) { words, registry in
    let verb = try words.next("get, set, delete, enumerate or wait")
    let (values, options) = try words.parse(
      [
        "verbose": 0, "flags": 1, "patterns": 1, "timeout": 1, "failontimeout": 0, "oldformat": 0, "nofixedwidth": 0,
        "notimestamp": 0,
      ], words: 1...3)
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    switch (verb, values.count) {
    case ("get", 2):
      guard let found = try registry.machine(values[0]).guestProperties.first(where: { $0.name == values[1] }) else {
        return Answer(text: "No value set!\n", json: ["value": .null])
      }
      return Answer(text: "Value: \(found.value)\n", json: json(found))
    case ("set", 2...3), ("delete", 2), ("unset", 2):
      let flags = value("flags")
      try registry.changeShared(values[0]) { settings throws(ServiceError) in
        try settings.setGuestProperty(values[1], values.count > 2 ? values[2] : nil, flags: flags)
      }
      return .done
    case ("wait", 2):
      let timeout = value("timeout")
      if let timeout, Int64(timeout) == nil { throw Failure.usage("Invalid --timeout argument '\(timeout)'") }
      guard let found = try wait(values[0], values[1], timeout.flatMap { Int64($0) }, registry) else {
        let fails = options.contains { $0.name == "failontimeout" }
        return Answer(
          text: "Time out or interruption while waiting for a notification.\n", json: ["value": .null],
          status: fails ? 2 : 0)
      }
      return Answer(text: "Name: \(found.name), value: \(found.value), flags: \(found.flags)\n", json: json(found))
    case ("enumerate", 1...):
      let patterns = values.dropFirst() + options.filter { $0.name == "patterns" }.map(\.value)
      let found = try registry.machine(values[0]).guestProperties.filter { property in
        patterns.isEmpty || patterns.contains { Glob.matchesAny(property.name, $0) }
      }
      guard !found.isEmpty else { return Answer(text: "No properties found.\n", json: [:]) }
      let isOld = options.contains { $0.name == "oldformat" }
      return Answer(
        text: isOld ? found.map(oldLine).joined() : GuestPropertyTable(found).text,
        json: .object(found.map { JSON.Member($0.name, .string($0.value)) }))
    default: throw Failure.usage("Invalid parameter '\(verb)'")
    }
  }

  private static func json(_ property: GuestProperty) -> JSON {
    ["name": .string(property.name), "value": .string(property.value), "flags": .string(property.flags)]
  }
  private static func oldLine(_ property: GuestProperty) -> String {
    "Name: \(property.name), value: \(property.value), timestamp: \(property.time), flags: \(property.flags)\n"
  }
  /// Waits until a property whose name matches is new or has changed.
  private static func wait(_ machine: String, _ patterns: String, _ milliseconds: Int64?, _ registry: Registry) throws
    -> GuestProperty?
  {
    func matching() throws -> [GuestProperty] {
      try registry.machine(machine).guestProperties.filter { Glob.matchesAny($0.name, patterns) }
    }
    let before = try matching()
    let deadline = milliseconds.map { HostClock.monotonicNanoseconds + $0 * 1_000_000 }
    while deadline.map({ HostClock.monotonicNanoseconds < $0 }) ?? true {
      if let found = try matching().first(where: { !before.contains($0) }) { return found }
      Thread.sleep(forTimeInterval: 0.1)
    }
    return nil
  }

  // MARK: Shared folders

  static let sharedFolder = Verb(
    "sharedfolder",
    usage: "add NAME|UUID|global --name NAME --hostpath FOLDER [--readonly] [--automount] [--auto-mount-point PATH] "
      + "[--transient] | remove NAME|UUID|global --name NAME [--transient] | "
      + "modify NAME|UUID --name NAME [--readonly on|off] [--automount on|off] [--auto-mount-point PATH] "
      + "[--symlink-policy POLICY]",
    "Keeps folders of the host for the guest."
  ) { words, registry in
    let verb = try words.next("add, remove or modify")
    guard ["add", "remove", "modify"].contains(verb) else { throw Failure.usage("Invalid parameter '\(verb)'") }
    let isChange = verb == "modify"
    let (names, options) = try words.parse(
      [
        "name": 1, "hostpath": 1, "readonly": isChange ? 1 : 0, "automount": isChange ? 1 : 0, "automountpoint": 1,
        "transient": 0, "symlinkpolicy": 1,
      ], words: 1...1)
    let change = FolderChange(options: options)
    guard let name = change.value("name"), !name.isEmpty else { throw Failure.usage("Parameter --name is required") }
    if verb == "add", change.value("hostpath") == nil { throw Failure.usage("Parameter --hostpath is required") }
    if names[0] == "global" {
      guard !isChange else { throw ServiceError(.notSupported, "Global folders cannot be modified", .registry) }
      try registry.setGlobalFolder(name, verb == "add" ? change.folder(name) : nil)
      return .done
    }
    if change.has("transient"), try !registry.state(registry.machine(names[0])).state.isOnline {
      throw Failure.failure("Machine '\(names[0])' is not currently running.")
    }
    let changed = isChange ? try change.applied(name, to: registry.machine(names[0])) : change.folder(name)
    try registry.changeShared(names[0]) { settings throws(ServiceError) in
      switch verb {
      case "remove": try settings.removeSharedFolder(name, isTransient: change.has("transient"))
      default: try settings.add(changed, replacing: isChange)
      }
    }
    return .done
  }
}

/// The options of `sharedfolder`.
private struct FolderChange: Sendable {
  let options: [Words.Option]
  func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
  func has(_ name: String) -> Bool { options.contains { $0.name == name } }

  func folder(_ name: String) -> SharedFolder {
    var folder = SharedFolder(name: name, path: Paths.absolute(value("hostpath") ?? ""))
    (folder.isWritable, folder.mounts, folder.isTransient) = (!has("readonly"), has("automount"), has("transient"))
    folder.mountPoint = value("automountpoint") ?? ""
    return folder
  }
  /// The folder of this name with what the options say.
  func applied(_ name: String, to settings: MachineSettings) throws -> SharedFolder {
    guard var folder = settings.sharedFolders.first(where: { $0.name == name }) else {
      throw ServiceError(.objectNotFound, "Could not find a shared folder named '\(name)'")
    }
    if let path = value("hostpath") { folder.path = Paths.absolute(path) }
    if let flag = try value("readonly").map({ try Words.flag($0, "readonly") }) { folder.isWritable = !flag }
    if let flag = try value("automount").map({ try Words.flag($0, "automount") }) { folder.mounts = flag }
    if let point = value("automountpoint") { folder.mountPoint = point }
    if let policy = value("symlinkpolicy") {
      guard ["forbidden", "subtree", "relative", "any"].contains(policy) else {
        throw Failure.usage("Invalid --symlink-policy argument '\(policy)'")
      }
      folder.linkPolicy = policy
    }
    return folder
  }
}

/// Guest properties in columns.
private struct GuestPropertyTable {
  private(set) var text = ""

  init(_ properties: [GuestProperty]) {
    let rows = properties.map { ($0.name, "'\($0.value)'", $0) }.sorted { $0.0 < $1.0 }
    let names = min(64, rows.map(\.0.count).max() ?? 0), values = min(40, rows.map(\.1.count).max() ?? 0)
    func pad(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    for (name, value, property) in rows {
      let time = Timestamp.text(property.time / 1_000_000_000).dropLast()
      let fraction = String(property.time / 1_000_000 % 1000)
      text += "\(pad(name, names)) = \(pad(value, values)) @ \(time)."
      text += String(repeating: "0", count: max(0, 3 - fraction.count)) + fraction + "Z"
      text += (property.flags.isEmpty ? "" : " \(property.flags)") + "\n"
    }
  }
}
