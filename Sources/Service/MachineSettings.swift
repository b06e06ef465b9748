import HostSystem
import SettingsFiles

/// A machine's settings file with names for what is in it.
public struct MachineSettings: Sendable, Equatable {
  /// Everything, what has no name here included.
  public var file: SettingsFile
  public init(_ file: SettingsFile) { self.file = file }

  /// A new machine as VirtualBox makes one, before any option was set.
  public init(creating path: String, name: String, uuid: String, type: OSType) {
    var cpu = SettingsElement("CPU", [], [SettingsElement("PAE", [("enabled", "true")])])
    cpu.insert(SettingsElement("LongMode", [("enabled", type.is64Bit ? "true" : "false")]))
    cpu.insert(SettingsElement("HardwareVirtExLargePages", [("enabled", "true")]))
    let adapter = SettingsElement(
      "Adapter",
      [("slot", "0"), ("enabled", "true"), ("MACAddress", MachineSettings.randomMAC()), ("type", "82540EM")],
      [SettingsElement("NAT", [("localhost-reachable", "false")])])
    let hardware = SettingsElement(
      "Hardware", [],
      [
        cpu, SettingsElement("Memory", [("RAMSize", "\(type.memory)")]),
        SettingsElement("Paravirt", [("provider", "Default")]),
        SettingsElement("Display", [("VRAMSize", "16")]),
        SettingsElement("BIOS", [], [SettingsElement("IOAPIC", [("enabled", "true")])]),
        SettingsElement("Network", [], [adapter]),
        SettingsElement(
          "AudioAdapter",
          [("useDefault", "true"), ("driver", "Null"), ("enabledIn", "false"), ("enabledOut", "false")]),
        SettingsElement("Clipboard"), SettingsElement("StorageControllers"),
      ])
    let machine = SettingsElement(
      "Machine",
      [
        ("uuid", "{\(uuid)}"), ("name", name), ("OSType", type.id), ("snapshotFolder", "Snapshots"),
        ("lastStateChange", Timestamp.text(Timestamp.now)),
      ], [hardware])
    file = SettingsFile(path: path, .machine, root: machine)
  }

  // MARK: Identity and place

  /// The element `Machine`.
  public var machine: SettingsElement {
    get { file.root }
    set { file.root = newValue }
  }
  /// Lower case, without braces.
  public var uuid: String { machine["uuid"].flatMap(SettingsUUID.normalized) ?? "" }
  /// The UUID that the guest sees: its own, or the machine's.
  public var hardwareUUID: String { hardware["uuid"].flatMap(SettingsUUID.normalized) ?? uuid }
  /// What the user calls it; unique in a registry.
  public var name: String { machine["name"] ?? "" }
  /// The settings file's folder, which relative names start from.
  public var folder: String { Paths.folder(of: file.path) }
  /// Absolute.
  public var snapshotFolder: String { Paths.resolve(machine["snapshotFolder"] ?? "Snapshots", in: folder) }
  /// The guest system that it is meant for.
  public var osType: OSType { OSType.named(machine["OSType"] ?? "") ?? OSType.other }
  /// At least one: "/" is the group of all that have none.
  public var groups: [String] {
    let names = machine.child("Groups")?.elements("Group").compactMap { $0["name"] } ?? []
    return names.isEmpty ? ["/"] : names
  }
  /// The user's description.
  public var text: String? { machine.child("Description")?.text }

  // MARK: Hardware

  /// The element `Hardware` of the current state, not of a snapshot.
  public var hardware: SettingsElement {
    get { machine.child("Hardware") ?? SettingsElement("Hardware") }
    set { machine.change("Hardware") { $0 = newValue } }
  }
  /// MiB.
  public var memory: Int { hardware.child("Memory")?.integer("RAMSize") ?? 128 }
  /// Virtual processors.
  public var cpus: Int { hardware.child("CPU")?.integer("count") ?? 1 }

  /// Places for network cards: more with the chipset ICH9, or where settings have more already.
  public var cardCount: Int {
    let used = hardware.child("Network")?.elements("Adapter").compactMap { $0.integer("slot") }.max() ?? 0
    return used >= 8 || word(["Chipset"], "type", default: "PIIX3") == "ICH9" ? 36 : 8
  }
  /// What the firmware keeps of its own, where there is such a file.
  public var nvramFile: String? {
    let stem = file.path.hasSuffix(".vbox") ? String(file.path.dropLast(".vbox".count)) : file.path
    let named = hardware.descendant(["BIOS", "NVRAM"])?["path"].map { Paths.resolve($0, in: folder) }
    return [named, "\(stem).nvram"].compactMap { $0 }.first(where: HostPaths.exists)
  }
  /// A switch below the hardware.
  public func flag(_ path: [String], _ attribute: String = "enabled", default value: Bool) -> Bool {
    hardware.descendant(path)?.bool(attribute) ?? value
  }
  /// A word below the hardware.
  public func word(_ path: [String], _ attribute: String, default value: String) -> String {
    hardware.descendant(path)?[attribute] ?? value
  }
  /// A number below the hardware.
  public func number(_ path: [String], _ attribute: String, default value: Int) -> Int {
    hardware.descendant(path)?.integer(attribute) ?? value
  }
  /// The numbered element of a list: an adapter, a port.
  public func slot(_ list: String, _ element: String, _ number: Int) -> SettingsElement? {
    hardware.child(list)?.elements(element).first { $0.integer("slot") == number }
  }
  /// Boot devices by position, 1 to 4.
  public var bootOrder: [String] {
    let orders = hardware.child("Boot")?.elements("Order") ?? []
    let defaults = ["Floppy", "DVD", "HardDisk", "None"]
    return (1...4).map { position in
      orders.first { $0.integer("position") == position }?["device"]
        ?? (orders.isEmpty ? defaults[position - 1] : "None")
    }
  }

  // MARK: Extra data

  /// Keys and values, sorted by key.
  public var extraData: [(key: String, value: String)] { MachineSettings.extraData(machine) }
  /// The same of any element that has them.
  public static func extraData(_ owner: SettingsElement) -> [(key: String, value: String)] {
    (owner.child("ExtraData")?.elements("ExtraDataItem") ?? []).compactMap { item in
      item["name"].map { ($0, item["value"] ?? "") }
    }
  }
  /// nil or empty takes the key away.
  public mutating func setExtraData(_ key: String, _ value: String?) {
    MachineSettings.setExtraData(&machine, key, value)
  }
  /// Sorted by key; nil or empty takes the key away.
  public static func setExtraData(_ owner: inout SettingsElement, _ key: String, _ value: String?) {
    owner.change("ExtraData") { data in
      data.remove("ExtraDataItem") { $0["name"] == key }
      guard let value, !value.isEmpty else { return }
      let item = SettingsElement("ExtraDataItem", [("name", key), ("value", value)])
      let place = data.children.firstIndex {
        if case .element(let other) = $0 { (other["name"] ?? "") > key } else { false }
      }
      data.children.insert(.element(item), at: place ?? data.children.count)
    }
    owner.remove("ExtraData") { $0.children.isEmpty }
  }

  /// An address of the range that VirtualBox gives its cards.
  public static func randomMAC() -> String {
    var text = "080027"
    for _ in 0..<3 {
      let byte = String(UInt8.random(in: 0...255), radix: 16, uppercase: true)
      text += byte.count == 1 ? "0\(byte)" : byte
    }
    return text
  }
}
