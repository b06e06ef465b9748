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
    let attributes = [
      "machinefolder": "defaultMachineFolder", "hwvirtexclusive": "exclusiveHwVirt",
      "vrdeauthlibrary": "VRDEAuthLibrary",
      "websrvauthlibrary": "webServiceAuthLibrary", "vrdeextpack": "defaultVRDEExtPack",
      "autostartdbpath": "autostartDatabasePath", "loghistorycount": "LogHistoryCount",
      "defaultfrontend": "defaultFrontend", "logginglevel": "LoggingLevel", "proxymode": "proxyMode",
      "proxyurl": "proxyUrl", "language": "LanguageId",
    ]
    guard let attribute = attributes[values[0]] else { throw Failure.usage("Invalid parameter '\(values[0])'") }
    var value: String? = values[1] == "default" || values[1] == "null" ? nil : values[1]
    if values[0] == "machinefolder", let folder = value { value = Paths.absolute(folder) }
    if values[0] == "loghistorycount", let text = value, UInt8(text) == nil {
      throw Failure.usage("Invalid parameter '\(text)'")
    }
    try registry.changeGlobal { global in global.root.set(["SystemProperties"], attribute, value) }
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
    if values[0] == "global" {
      try registry.changeGlobal { MachineSettings.setExtraData(&$0.root, key, value) }
    } else {
      try registry.changeShared(values[0]) { $0.setExtraData(key, value) }
    }
    return .done
  }

  // MARK: Guest properties

  static let guestProperty = Verb(
    "guestproperty",
    usage:
      "get NAME|UUID KEY | set NAME|UUID KEY [VALUE [--flags FLAGS]] | delete NAME|UUID KEY | enumerate NAME|UUID [--old-format]",
    "Keeps properties that guest programs read."
  ) { words, registry in
    let verb = try words.next("get, set, delete or enumerate")
    let (values, options) = try words.parse(
      ["verbose": 0, "flags": 1, "patterns": 1, "oldformat": 0, "nofixedwidth": 0, "notimestamp": 0], words: 1...3)
    let properties = { (settings: MachineSettings) in
      settings.hardware.child("GuestProperties")?.elements("GuestProperty") ?? []
    }
    switch (verb, values.count) {
    case ("get", 2):
      guard let found = properties(try registry.machine(values[0])).first(where: { $0["name"] == values[1] }) else {
        return Answer(text: "No value set!\n", json: ["value": .null])
      }
      return Answer(text: "Value: \(found["value"] ?? "")\n", json: ["value": .string(found["value"] ?? "")])
    case ("set", 2...3), ("delete", 2), ("unset", 2):
      let value = values.count > 2 ? values[2] : nil
      let flags = options.last { $0.name == "flags" }?.value ?? ""
      try registry.changeShared(values[0]) { settings in
        settings.machine.change(path: ["Hardware", "GuestProperties"]) { list in
          list.remove("GuestProperty") { $0["name"] == values[1] }
          guard let value else { return }
          list.insert(
            SettingsElement(
              "GuestProperty",
              [
                ("name", values[1]), ("value", value), ("timestamp", "\(HostClock.wallNanoseconds)"), ("flags", flags),
              ]))
        }
      }
      return .done
    case ("enumerate", 1):
      let found = properties(try registry.machine(values[0]))
      guard !found.isEmpty else { return Answer(text: "No properties found.\n", json: [:]) }
      let text = found.map { property in
        "Name: \(property["name"] ?? ""), value: \(property["value"] ?? ""), "
          + "timestamp: \(property["timestamp"] ?? "0"), flags: \(property["flags"] ?? "")\n"
      }
      return Answer(
        text: text.joined(),
        json: .object(found.map { JSON.Member($0["name"] ?? "", .string($0["value"] ?? "")) }))
    default: throw Failure.usage("Invalid parameter '\(verb)'")
    }
  }

  // MARK: Shared folders

  static let sharedFolder = Verb(
    "sharedfolder",
    usage: "add NAME|UUID --name NAME --hostpath FOLDER [--readonly] [--automount] | remove NAME|UUID --name NAME",
    "Keeps folders of the host for the guest."
  ) { words, registry in
    let verb = try words.next("add or remove")
    let (names, options) = try words.parse(
      ["name": 1, "hostpath": 1, "readonly": 0, "automount": 0, "automountpoint": 1, "transient": 0], words: 1...1)
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    guard let name = value("name"), !name.isEmpty else { throw Failure.usage("Parameter --name is required") }
    guard !options.contains(where: { $0.name == "transient" }) else {
      throw ServiceError(.notSupported, "Transient shared folders need guest additions, which are not supported yet")
    }
    let path = value("hostpath")
    if verb == "add", path == nil { throw Failure.usage("Parameter --hostpath is required") }
    guard ["add", "remove"].contains(verb) else { throw Failure.usage("Invalid parameter '\(verb)'") }
    try registry.changeShared(names[0]) { settings throws(ServiceError) in
      let isThere = settings.hardware.child("SharedFolders")?.elements.contains { $0["name"] == name } == true
      if verb == "add", isThere {
        throw ServiceError(.objectInUse, "Shared folder named '\(name)' already exists")
      }
      if verb == "remove", !isThere {
        throw ServiceError(.objectNotFound, "Could not find a shared folder named '\(name)'")
      }
      settings.machine.change(path: ["Hardware", "SharedFolders"]) { list in
        list.remove("SharedFolder") { $0["name"] == name }
        guard let path, verb == "add" else { return }
        func has(_ option: String) -> String { options.contains { $0.name == option } ? "true" : "false" }
        var folder = SettingsElement(
          "SharedFolder",
          [
            ("name", name), ("hostPath", Paths.absolute(path)),
            ("writable", has("readonly") == "true" ? "false" : "true"),
            ("autoMount", has("automount")),
          ])
        if let point = value("automountpoint") { folder["autoMountPoint"] = point }
        list.insert(folder)
      }
    }
    return .done
  }
}
