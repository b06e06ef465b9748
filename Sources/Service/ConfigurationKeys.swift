import Base
import DiskImages

/// One key of a machine's configuration tree (VirtualBox's CFGM), which the extra data `VBoxInternal/KEY` sets beside what the
/// settings say.
///
/// The tree itself is what the machine's process reads (`MachineConfiguration`); `debugvm NAME info cfgm` shows it. Keys have
/// the names that VirtualBox's users know; `Machine/...` reaches every value of the tree by its own name.
public struct ConfigurationKey: Sendable {
  /// Its place: `*` stands for any one name, `#` for a number, what is in braces for one of several; "..." at the end for
  /// one name or more.
  public let path: String
  /// What it does, for people.
  public let meaning: String
  fileprivate let apply: @Sendable (inout ConfigurationTree, ConfigurationKey.Value) throws(Refusal) -> Void

  /// A value and the names that stood for `*`, `#`, braces and "...".
  struct Value {
    var names: [String]
    /// Without the prefix that says of which type it is (`string:`, `integer:`).
    var text: String
    func number(_ place: Int) -> Int { Int(names[place]) ?? 0 }
    func integer(in range: ClosedRange<Int64>) throws(Refusal) -> Int64 {
      let isHex = text.hasPrefix("0x")
      guard let value = Int64(isHex ? String(text.dropFirst(2)) : text, radix: isHex ? 16 : 10), range.contains(value)
      else { throw Refusal(text: "must be a whole number from \(range.lowerBound) to \(range.upperBound)") }
      return value
    }
    func flag() throws(Refusal) -> Bool { try integer(in: 0...1) == 1 }
  }
  struct Refusal: Error { var text: String }

  /// What stands for `*` and so on when `key` is of this place; nil when it is not.
  fileprivate func names(in key: [String]) -> [String]? {
    let parts = path.split(separator: "/").map(String.init)
    var names: [String] = []
    for (index, part) in parts.enumerated() {
      guard index < key.count else { return nil }
      switch part {
      case "...": return names + key[index...]
      case "*": names.append(key[index])
      case "#":
        guard let number = Int(key[index]), (0..<64).contains(number) else { return nil }
        names.append(key[index])
      case let choice where choice.hasPrefix("{"):
        guard choice.dropFirst().dropLast().split(separator: ",").contains(where: { $0 == key[index] }) else {
          return nil
        }
        names.append(key[index])
      default: if part != key[index] { return nil }
      }
    }
    return key.count == parts.count ? names : nil
  }

  /// Prefix of the extra data that are keys of the tree.
  static let prefix = "VBoxInternal/"
  /// Extra data that only changes what the guest is told about itself.
  static func isIdentity(_ key: String) -> Bool {
    guard key.hasPrefix(prefix) else { return false }
    let parts = key.dropFirst(prefix.count).split(separator: "/").map(String.init)
    return parts.last?.hasPrefix("Dmi") == true && all.contains { $0.names(in: parts) != nil }
  }

  /// Applies the extra data to a machine's tree; answers with what could not be, for the machine's log.
  static func apply(_ extraData: [(key: String, value: String)], to tree: inout ConfigurationTree) -> [String] {
    var remarks: [String] = []
    for (key, value) in extraData where key.hasPrefix(prefix) {
      let parts = key.dropFirst(prefix.count).split(separator: "/").map(String.init)
      guard let (known, names) = all.lazy.compactMap({ known in known.names(in: parts).map { (known, $0) } }).first
      else {
        remarks.append("extra data '\(key)': the machine has no such key")
        continue
      }
      var text = value
      for type in ["string:", "integer:"] where text.hasPrefix(type) { text.removeFirst(type.count) }
      do throws(Refusal) {
        try known.apply(&tree, Value(names: names, text: text))
      } catch { remarks.append("extra data '\(key)': \(error.text)") }
    }
    // The old way of forwarding ports takes several keys.
    for rule in tree.forwards.sorted(by: { $0.key < $1.key }).map(\.value) { remarks += tree.add(rule) }
    return remarks
  }
}

/// A machine's configuration while extra data are applied to it.
struct ConfigurationTree {
  /// As `MachineConfiguration` reads it.
  var machine: JSON
  /// The settings' slot of each network card in `machine`.
  var slots: [Int]
  /// What the machine's process sets by itself, by paths in its own tree.
  var values: [(path: String, text: String)] = []
  fileprivate var forwards: [String: Forward] = [:]

  init(machine: JSON, slots: [Int]) { (self.machine, self.slots) = (machine, slots) }

  fileprivate struct Forward {
    var slot: Int
    var name: String
    var words: [String: String] = [:]
  }
  fileprivate mutating func add(_ rule: Forward) -> [String] {
    let words = rule.words
    let text = [
      rule.name, words["Protocol"] ?? "TCP", words["HostIP"] ?? "", words["HostPort"] ?? "", words["GuestIP"] ?? "",
      words["GuestPort"] ?? "",
    ].joined(separator: ",")
    do throws(ServiceError) {
      let forward = try PortRule(parsing: text).forward
      try card(rule.slot) { card in
        card.set("hostForwards", .array((card["hostForwards"]?.array ?? []) + [.string(forward)]))
      }
      return []
    } catch let error {
      return ["extra data of the rule '\(rule.name)': \(error.text)"]
    }
  }
  /// Changes the card in a slot, which must be attached to NAT.
  fileprivate mutating func card(_ slot: Int, _ change: (inout JSON) -> Void) throws(ServiceError) {
    var cards = machine["network"]?.array ?? []
    guard let index = slots.firstIndex(of: slot), index < cards.count, cards[index]["kind"]?.string == "nat" else {
      throw ServiceError(.invalidArgument, "network card \(slot + 1) is not attached to NAT", .machine)
    }
    change(&cards[index])
    machine.set("network", .array(cards))
  }
  fileprivate mutating func setNAT(_ slot: Int, _ key: String, _ value: JSON) throws(ConfigurationKey.Refusal) {
    do throws(ServiceError) {
      try card(slot) { $0.set(key, value) }
    } catch let error { throw ConfigurationKey.Refusal(text: error.text) }
  }
  /// Changes a member of an object in the tree.
  fileprivate mutating func set(_ object: String, _ key: String, _ value: JSON) {
    var node = machine[object] ?? [:]
    node.set(key, value)
    machine.set(object, node)
  }
}

extension ConfigurationKey {
  /// Every key, the more special one first.
  public static let all: [ConfigurationKey] =
    identityTexts.map { name, member, meaning in
      ConfigurationKey(
        path: "Devices/{pcbios,efi}/0/Config/\(name)", meaning: "SMBIOS: \(meaning); `<EMPTY>` leaves it out",
        apply: { tree, value in
          tree.set("identity", member, .string(value.text == "<EMPTY>" ? "" : value.text))
        })
    } + [
      ConfigurationKey(
        path: "Devices/{pcbios,efi}/0/Config/DmiSystemUuid",
        meaning: "SMBIOS: UUID of the system, instead of the machine's own",
        apply: { tree, value throws(Refusal) in
          guard DiskUUID(value.text) != nil else { throw Refusal(text: "must be a UUID") }
          tree.set("identity", "uuid", .string(value.text))
        }),
      ConfigurationKey(
        path: "Devices/{e1000,pcnet,virtio-net}/#/LUN#0/Config/*/{Protocol,HostIP,HostPort,GuestIP,GuestPort}",
        meaning: "a forwarded port of the NAT of network card #, counted from 0, by the rule's name; as `--natpf`",
        apply: { tree, value in
          let (slot, rule, word) = (value.number(1), value.names[2], value.names[3])
          tree.forwards["\(slot)/\(rule)", default: .init(slot: slot, name: rule)].words[word] = value.text
        }),
      ConfigurationKey(
        path: "Devices/{e1000,pcnet,virtio-net}/#/LUN#0/Config/TFTPPrefix",
        meaning: "folder that the NAT's TFTP server gives out",
        apply: { tree, value throws(Refusal) in try tree.setNAT(value.number(1), "tftp", .string(value.text)) }),
      ConfigurationKey(
        path: "Devices/{e1000,pcnet,virtio-net}/#/LUN#0/Config/BootFile",
        meaning: "file that the NAT tells guests to boot from",
        apply: { tree, value throws(Refusal) in try tree.setNAT(value.number(1), "bootFile", .string(value.text)) }),
      ConfigurationKey(
        path: "Devices/{e1000,pcnet,virtio-net}/#/LUN#0/Config/LocalhostReachable",
        meaning: "1: guests reach the host's loopback address through the NAT; 0: they do not",
        apply: { tree, value throws(Refusal) in
          try tree.setNAT(value.number(1), "localhost", .bool(try value.flag()))
        }),
      ConfigurationKey(
        path: "Devices/mc146818/0/Config/UseUTC", meaning: "1: the clock keeps UTC; 0: the host's local time",
        apply: { tree, value throws(Refusal) in
          tree.machine.set("clockBase", try value.flag() ? "utc" : "localtime")
        }),
      ConfigurationKey(
        path: "Devices/vga/0/Config/VRamSize", meaning: "bytes of video memory: a power of two from 1 MiB to 256 MiB",
        apply: { tree, value throws(Refusal) in
          let bytes = try value.integer(in: 1 << 20...256 << 20)
          guard bytes & (bytes - 1) == 0 else { throw Refusal(text: "must be a power of two") }
          tree.set("graphics", "memory", .integer(bytes))
        }),
      ConfigurationKey(
        path: "Devices/vga/0/Config/MonitorCount", meaning: "monitors that the guest may use",
        apply: { tree, value throws(Refusal) in
          tree.set("graphics", "monitors", .integer(try value.integer(in: 1...8)))
        }),
      ConfigurationKey(
        path: "RamSize", meaning: "bytes of memory",
        apply: { tree, value throws(Refusal) in
          tree.machine.set("memory", .integer(try value.integer(in: 1 << 20...1 << 40)))
        }),
      ConfigurationKey(
        path: "NumCPUs", meaning: "number of processors",
        apply: { tree, value throws(Refusal) in tree.machine.set("cpus", .integer(try value.integer(in: 1...64))) }),
      ConfigurationKey(
        path: "PDM/HaltOnReset", meaning: "1: a reset by the guest ends the machine",
        apply: { tree, value throws(Refusal) in
          if try value.flag() { tree.machine.set("exitOn", .array([.string("reset")])) }
        }),
      ConfigurationKey(
        path: "Machine/...",
        meaning:
          "any value of the tree by its own name, as `debugvm NAME info cfgm` shows it: elements of lists by number",
        apply: { tree, value in tree.values.append((value.names.joined(separator: "/"), value.text)) }),
    ]

  /// Texts of SMBIOS: VirtualBox's name, the member of `MachineIdentity`, what it is.
  private static let identityTexts: [(String, String, String)] = [
    ("DmiBIOSVendor", "biosVendor", "maker of the BIOS"), ("DmiBIOSVersion", "biosVersion", "version of the BIOS"),
    ("DmiBIOSReleaseDate", "biosReleaseDate", "date of the BIOS"),
    ("DmiSystemVendor", "systemVendor", "maker of the system"),
    ("DmiSystemProduct", "systemProduct", "the system's name"),
    ("DmiSystemVersion", "systemVersion", "the system's version"),
    ("DmiSystemSerial", "systemSerial", "the system's serial number"),
    ("DmiSystemSKU", "systemSKU", "the system's article number"),
    ("DmiSystemFamily", "systemFamily", "the system's family"),
    ("DmiBoardVendor", "boardVendor", "maker of the board"), ("DmiBoardProduct", "boardProduct", "the board's name"),
    ("DmiBoardVersion", "boardVersion", "the board's version"),
    ("DmiBoardSerial", "boardSerial", "the board's serial number"),
    ("DmiBoardAssetTag", "boardAssetTag", "the board's asset tag"),
    ("DmiBoardLocInChass", "boardLocation", "the board's place in the chassis"),
    ("DmiChassisVendor", "chassisVendor", "maker of the chassis"),
    ("DmiChassisVersion", "chassisVersion", "the chassis's version"),
    ("DmiChassisSerial", "chassisSerial", "the chassis's serial number"),
    ("DmiChassisAssetTag", "chassisAssetTag", "the chassis's asset tag"),
    ("DmiOEMVBoxVer", "makerVersion", "first string of the maker"),
    ("DmiOEMVBoxRev", "makerRevision", "second string of the maker"),
  ]
}
