import Base
import Service
import SettingsFiles

/// The options of `dhcpserver`, one after the other: some say for whom those behind them are.
struct DHCPSettings {
  /// For whom an option is.
  private enum Scope {
    case global
    case group(String)
    case card(String)
    case machine(String, slot: Int)
  }
  let registry: Registry
  private var scope = Scope.global
  init(registry: Registry) { self.registry = registry }

  private static let attributes = [
    "serverip": "IPAddress", "ip": "IPAddress", "netmask": "networkMask", "lowerip": "lowerIP", "upperip": "upperIP",
  ]
  private static let times = [
    "minleasetime": "secMinLeaseTime", "defaultleasetime": "secDefaultLeaseTime", "maxleasetime": "secMaxLeaseTime",
  ]
  private static let lists = [
    "forceopt": "forcedOptions", "unforceopt": "forcedOptions", "suppressopt": "suppressedOptions",
    "unsuppressopt": "suppressedOptions",
  ]

  /// Carries one option out.
  mutating func set(_ option: Words.Option, _ entry: inout SettingsElement?) throws {
    func wrong() -> Failure { .usage("Invalid --\(option.name) argument '\(option.value)'") }
    switch option.name {
    case "enable": entry?["enabled"] = "1"
    case "disable": entry?["enabled"] = "0"
    case "global": scope = .global
    case "group":
      guard !option.value.isEmpty else { throw wrong() }
      scope = .group(option.value)
      // A group is there when it has been named, with or without conditions.
      change(&entry) { _ in }
    case "zapoptions": change(&entry) { $0.remove("Option") { _ in true } }
    case "zapconditions":
      try requireGroup(option)
      change(&entry) { $0.remove("Condition") { _ in true } }
    case "macaddress":
      guard let address = DHCPSettings.hardware(option.value) else { throw wrong() }
      scope = .card(address)
    case "vm": scope = .machine(try registry.machine(option.value).uuid, slot: 0)
    case "nic":
      guard case .machine(let machine, _) = scope, let number = Int(option.value), (1...8).contains(number) else {
        throw wrong()
      }
      scope = .machine(machine, slot: number - 1)
    case "setopt", "setopthex", "delopt":
      guard let number = UInt8(option.value) else { throw Failure.usage("Invalid DHCP option '\(option.value)'") }
      change(&entry) { list in
        list.remove("Option") { $0["name"] == "\(number)" }
        guard option.values.count > 1 else { return }
        var new = SettingsElement("Option", [("name", "\(number)"), ("value", option.values[1])])
        if option.name == "setopthex" { new["encoding"] = "hex" }
        list.insert(new)
      }
    case "fixedaddress":
      if !isOneCard { throw Failure.usage("--fixed-address is for one card: --mac-address, or --vm and --nic") }
      if !option.value.isEmpty { _ = try NetworkVerbs.checked(option.value, "fixed-address") }
      change(&entry) { $0["fixedAddress"] = option.value.isEmpty ? nil : option.value }
    case "removeconfig":
      if case .global = scope {
        throw Failure.usage("--remove-config is for a group or one card: --group, --mac-address, or --vm and --nic")
      }
      let wanted = key
      entry?.remove(element) { config in wanted.allSatisfy { config[$0.0] == $0.1 } }
    default:
      if let (verb, type) = DHCPSettings.condition(option.name) {
        try requireGroup(option)
        try changeCondition(verb, type, option.value, &entry, wrong)
      }
      if let attribute = DHCPSettings.attributes[option.name] {
        entry?[attribute] = try NetworkVerbs.checked(option.value, option.name)
      }
      if let attribute = DHCPSettings.times[option.name] {
        guard UInt32(option.value) != nil else { throw wrong() }
        change(&entry) { $0[attribute] = option.value }
      }
      if let attribute = DHCPSettings.lists[option.name] {
        guard let number = UInt8(option.value) else { throw Failure.usage("Invalid DHCP option '\(option.value)'") }
        change(&entry) { element in
          var numbers = (element[attribute] ?? "").split(separator: " ").map(String.init).filter { $0 != "\(number)" }
          if !option.name.hasPrefix("un") { numbers.append("\(number)") }
          element[attribute] = numbers.isEmpty ? nil : numbers.joined(separator: " ")
        }
      }
    }
  }

  /// What tells the scope's element from others.
  private var key: [(String, String)] {
    switch scope {
    case .global: []
    case .group(let name): [("name", name)]
    case .card(let address): [("MACAddress", address)]
    case .machine(let machine, let slot): [("vm-name", machine), ("slot", "\(slot)")]
    }
  }
  private var element: String { if case .group = scope { "Group" } else { "Config" } }
  private var isOneCard: Bool {
    switch scope {
    case .global, .group: false
    case .card, .machine: true
    }
  }
  private func requireGroup(_ option: Words.Option) throws {
    guard case .group = scope else { throw Failure.usage("--\(option.name) is for a group: --group NAME") }
  }
  /// What to do with conditions of which type, as settings files name it.
  private static func condition(_ option: String) -> (verb: String, type: String)? {
    for verb in ["incl", "excl", "del"] where option.hasPrefix(verb) {
      let rest = option.dropFirst(verb.count)
      let isPattern = rest.hasSuffix("wild")
      let types = ["mac": "MAC", "vendor": "vendorClassID", "user": "userClassID"]
      guard let type = types[isPattern ? String(rest.dropLast(4)) : String(rest)] else { continue }
      return (verb, isPattern ? type + "Wildcard" : type)
    }
    return nil
  }
  private func changeCondition(
    _ verb: String, _ type: String, _ value: String, _ entry: inout SettingsElement?, _ wrong: () -> Failure
  ) throws {
    guard !value.isEmpty else { throw wrong() }
    if type == "MAC", DHCPSettings.hardware(value) == nil { throw wrong() }
    let value = type == "MAC" ? DHCPSettings.hardware(value) ?? value : value
    change(&entry) { group in
      group.remove("Condition") { $0["type"] == type && $0["value"] == value }
      guard verb != "del" else { return }
      group.insert(
        SettingsElement(
          "Condition", [("type", type), ("value", value), ("inclusive", verb == "incl" ? "true" : "false")]))
    }
  }
  private func change(_ entry: inout SettingsElement?, _ body: (inout SettingsElement) -> Void) {
    let key = key
    if key.isEmpty {
      entry?.change("Options", body)
      return
    }
    func fits(_ element: SettingsElement) -> Bool { key.allSatisfy { element[$0.0] == $0.1 } }
    var config = entry?.elements(element).first(where: fits) ?? SettingsElement(element, key)
    body(&config)
    entry?.remove(element, where: fits)
    entry?.insert(config)
  }
  /// Twelve capital digits, however they are separated.
  private static func hardware(_ text: String) -> String? {
    let digits = text.uppercased().filter { $0 != ":" && $0 != "-" }
    return digits.utf8.count == 12 && digits.allSatisfy(\.isHexDigit) ? digits : nil
  }

  // MARK: Leases

  /// What the server of a network gave to a card.
  static func lease(_ network: String, _ address: String?, _ registry: Registry) throws -> Answer {
    guard let service = registry.networkService(network) else {
      throw Failure.failure("There are no leases of '\(network)': no DHCP server runs")
    }
    guard let address, let card = hardware(address) else { throw Failure.usage("Missing argument: --mac-address MAC") }
    let leases = try service.command("leases")["leases"]?.array ?? []
    guard let lease = leases.first(where: { $0["mac"]?.string.flatMap(hardware) == card }) else {
      throw Failure.failure("No lease for the card '\(address)' was found")
    }
    let issued = lease["issued"]?.integer ?? 0, duration = lease["expiration"]?.integer ?? 0
    let left = issued + duration - Timestamp.now
    let text = """
      IP Address:  \(lease["address"]?.string ?? "")
      MAC Address: \(lease["mac"]?.string ?? "")
      State:       \(left < 0 ? "expired" : "acked")
      Issued:      \(Timestamp.text(issued))
      Expire:      \(Timestamp.text(issued + duration))
      TTL:         \(duration) sec, currently \(max(0, left)) left

      """
    return Answer(text: text, json: lease)
  }
}
