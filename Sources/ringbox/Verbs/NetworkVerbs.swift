import Base
import DiskImages
import HostSystem
import Service
import SettingsFiles

/// Networks of the host as they are asked for: kept in the global settings.
enum NetworkVerbs {
  // MARK: Host-only interfaces

  static let hostOnlyInterface = Verb(
    "hostonlyif",
    usage: "create | remove NAME | ipconfig NAME [--dhcp | --ip ADDRESS [--netmask MASK] | --ipv6 ADDRESS "
      + "[--netmasklengthv6 BITS]] | forward NAME tcp|udp:[HOST-IP]:PORT-GUEST-IP:PORT [--delete] | "
      + "services NAME on|off | status NAME",
    "Keeps host-only interfaces, and says how the host is on their networks."
  ) { words, registry in
    let verb = try words.next("create, remove, ipconfig, forward, services or status")
    let (names, options) = try words.parse(
      ["dhcp": 0, "ip": 1, "netmask": 1, "ipv6": 1, "netmasklengthv6": 1, "delete": 0], words: 0...2)
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    func name() throws -> String {
      guard let name = names.first else { throw Failure.usage("Missing argument: name of the interface") }
      return name
    }
    if ["remove", "ipconfig", "status"].contains(verb), names.count > 1 {
      throw Failure.usage("Invalid parameter '\(names[1])'")
    }
    switch verb {
    case "forward", "services", "status":
      return try hostSide(verb, try name(), names.dropFirst().first, isDeletion: !options.isEmpty, registry)
    case "create":
      let new = try registry.createHostOnlyInterface()
      Progress.whole()
      return Answer(
        text: "Interface '\(new.name)' was successfully created\n",
        json: ["name": .string(new.name), "address": .string(new.address)])
    case "remove":
      try registry.changeHostOnlyInterface(try name()) { interface in interface = nil }
      try registry.stopNetwork(VirtualNetwork.hostOnlyPrefix + (try name()))
      Progress.whole()
      return .done
    case "ipconfig":
      let address = try value("ip").map { try checked($0, "ip") }
      let mask = try value("netmask").map { try checked($0, "netmask") }
      let address6 = value("ipv6"), bits = value("netmasklengthv6")
      if let bits, Int(bits).map({ (1...128).contains($0) }) != true {
        throw Failure.usage("Invalid --netmasklengthv6 argument '\(bits)'")
      }
      let isDHCP = options.contains { $0.name == "dhcp" }
      guard address != nil || address6 != nil || isDHCP else {
        throw Failure.usage("You must specify an address or --dhcp")
      }
      try registry.changeHostOnlyInterface(try name()) { interface throws(ServiceError) in
        guard var changed = interface else { return }
        changed.usesDHCP = isDHCP
        if let address { (changed.address, changed.mask) = (address, mask ?? "255.255.255.0") }
        if let address6 { (changed.address6, changed.prefix6) = (address6, bits.flatMap { Int($0) } ?? 64) }
        interface = changed
      }
      try registry.refreshNetwork(VirtualNetwork.hostOnlyPrefix + (try name()))
      return .done
    default: throw Failure.usage("Invalid parameter '\(verb)'")
    }
  }
  /// How the host is on a host-only network where it has no tap: rules for its ports, and its own services.
  private static func hostSide(
    _ verb: String, _ name: String, _ value: String?, isDeletion: Bool, _ registry: Registry
  ) throws -> Answer {
    let network = VirtualNetwork.hostOnlyPrefix + name
    if verb == "status" {
      guard let status = try registry.networkService(network)?.command("status")["status"] else {
        return Answer(text: "Network '\(network)' has no service now: no machine is on it\n", json: .null)
      }
      let lines = (status.members ?? []).map { "\($0.key): \($0.value.string ?? $0.value.text)\n" }
      return Answer(text: lines.joined(), json: status)
    }
    guard let value else { throw Failure.usage("Missing argument: \(verb == "forward" ? "rule" : "on or off")") }
    try registry.changeHostOnlyInterface(name) { interface throws(ServiceError) in
      if verb == "services" {
        guard let flag = MachineOption.flag(value) else {
          throw ServiceError(.invalidArgument, "Invalid parameter '\(value)': on or off", .host)
        }
        interface?.reachesServices = flag
        return
      }
      let isThere = interface?.forwards.contains(value) == true
      guard isThere == isDeletion else {
        throw ServiceError(
          .invalidArgument, "A rule '\(value)' \(isThere ? "is there already" : "does not exist")", .host)
      }
      guard !value.contains(","), value.hasPrefix("tcp:") || value.hasPrefix("udp:") else {
        throw ServiceError(.invalidArgument, "Invalid port-forward rule '\(value)'", .host)
      }
      interface?.forwards.removeAll { $0 == value }
      if !isDeletion { interface?.forwards.append(value) }
    }
    try registry.refreshNetwork(network)
    return .done
  }
  static func checked(_ text: String, _ option: String) throws -> String {
    guard IPv4Text.number(text) != nil else { throw Failure.usage("Invalid --\(option) argument '\(text)'") }
    return text
  }

  // MARK: Host-only networks

  static let hostOnlyNetwork = Verb(
    "hostonlynet",
    usage: "add|modify --name NAME|--id UUID [--netmask MASK] [--lower-ip ADDRESS] [--upper-ip ADDRESS] "
      + "[--enable|--disable] | remove --name NAME|--id UUID",
    "Keeps host-only networks."
  ) { words, registry in
    let verb = try words.next("add, modify or remove")
    let (_, options) = try words.parse(
      ["name": 1, "id": 1, "netmask": 1, "lowerip": 1, "upperip": 1, "enable": 0, "disable": 0], words: 0...0)
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    var name = value("name")
    if name == nil, verb != "add", let id = value("id").flatMap(SettingsUUID.normalized) {
      name = try registry.networks(.hostOnlyNetworks).first { $0["id"].flatMap(SettingsUUID.normalized) == id }?["name"]
    }
    guard let name, !name.isEmpty else { throw Failure.usage("Missing argument: --name NAME") }
    for option in ["netmask", "lowerip", "upperip"] { if let text = value(option) { _ = try checked(text, option) } }
    try registry.changeNetwork(.hostOnlyNetworks, name) { entry in
      try expect(entry != nil, verb, "Host-only network '\(name)'")
      guard verb != "remove" else {
        entry = nil
        return
      }
      if verb == "add" {
        entry = Registry.network(.hostOnlyNetworks, name)
        entry?["id"] = "{\(value("id").flatMap(SettingsUUID.normalized) ?? DiskUUID().description)}"
        entry?["enabled"] = "true"
      }
      for (option, attribute) in [("netmask", "mask"), ("lowerip", "ipLower"), ("upperip", "ipUpper")] {
        if let text = value(option) { entry?[attribute] = text }
      }
      for option in options where ["enable", "disable"].contains(option.name) {
        entry?["enabled"] = option.name == "enable" ? "true" : "false"
      }
    }
    try update(VirtualNetwork.hostOnlyNetworkPrefix + name, verb, registry)
    return .done
  }
  /// What is live follows the settings.
  private static func update(_ network: String, _ verb: String, _ registry: Registry) throws {
    switch verb {
    case "start", "restart":
      if verb == "restart" { try registry.stopNetwork(network) }
      try registry.startNetwork(network, program: try Launcher.find("ringbox-net"), stays: true)
    case "stop", "remove": try registry.stopNetwork(network)
    default: try registry.refreshNetwork(network)
    }
  }
  private static func expect(_ isThere: Bool, _ verb: String, _ what: String) throws {
    guard ["add", "modify", "remove", "start", "stop", "restart"].contains(verb) else {
      throw Failure.usage("Invalid parameter '\(verb)'")
    }
    if verb == "add", isThere { throw Failure.refused("\(what) already exists") }
    if verb != "add", !isThere { throw Failure.refused("\(what) does not exist") }
  }

  // MARK: NAT networks

  static let natNetwork = Verb(
    "natnetwork", ["natnet"],
    usage: "add|modify --netname NAME [--network CIDR] [--enable|--disable] [--dhcp on|off] [--ipv6 on|off] "
      + "[--port-forward-4 RULE|delete NAME] [--port-forward-6 RULE|delete NAME] "
      + "[--loopback-4 ADDRESS=OFFSET|delete ADDRESS] [--loopback-6 ADDRESS=OFFSET|delete ADDRESS] "
      + "| remove|start|stop --netname NAME | list [PATTERN]",
    "Keeps NAT networks."
  ) { words, registry in
    let verb = try words.next("add, modify, remove, start, stop or list")
    if verb == "list" {
      let (patterns, _) = try words.parse([:], words: 0...1)
      return try NetworkListing(registry).natNetworks(matching: patterns.first, isWhole: true)
    }
    let options = try natOptions(&words)
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    guard let name = value("netname"), !name.isEmpty else { throw Failure.usage("Missing argument: --netname NAME") }
    let network = value("network")
    if let network, IPv4Text.network(network) == nil { throw Failure.usage("Invalid --network argument '\(network)'") }
    if verb == "add", network == nil { throw Failure.usage("Missing argument: --network CIDR") }
    try registry.changeNetwork(.natNetworks, name) { entry in
      try expect(entry != nil, verb, "NAT network '\(name)'")
      guard verb != "remove" else {
        entry = nil
        return
      }
      if verb == "add" {
        entry = Registry.network(.natNetworks, name)
        for (key, value) in [
          ("network", network ?? ""), ("ipv6", "0"), ("ipv6prefix", "fd17:625c:f037:2::/64"),
          ("advertiseDefaultIPv6Route", "0"), ("needDhcp", "1"), ("enabled", "1"),
        ] { entry?[key] = value }
      }
      if let network { entry?["network"] = network }
      for option in options { try setNAT(option, &entry) }
    }
    try update(name, verb, registry)
    return .done
  }
  /// Rules take a second word behind `delete`.
  private static func natOptions(_ words: inout Words) throws -> [Words.Option] {
    var options: [Words.Option] = []
    let known = [
      "netname": 1, "network": 1, "enable": 0, "disable": 0, "dhcp": 1, "ipv6": 1, "ipv6default": 1, "ipv6prefix": 1,
      "portforward4": 1, "portforward6": 1, "loopback4": 1, "loopback6": 1, "n": 1, "t": 1, "p": 1, "e": 0, "d": 0,
      "h": 1,
    ]
    let short = ["n": "network", "t": "netname", "p": "portforward4", "e": "enable", "d": "disable", "h": "dhcp"]
    while let word = words.next() {
      let name = Words.plain(word)
      guard word.hasPrefix("-"), let count = known[name] else { throw Failure.usage("Unknown option: \(word)") }
      var values: [String] = []
      if count > 0 { values.append(try words.next("value of \(word)")) }
      if values.first == "delete" { values.append(try words.next("name of the rule")) }
      options.append(Words.Option(name: short[name] ?? name, values: values))
    }
    return options
  }
  private static func setNAT(_ option: Words.Option, _ entry: inout SettingsElement?) throws {
    func flag() throws -> String { try Words.flag(option.value, option.name) ? "1" : "0" }
    switch option.name {
    case "enable": entry?["enabled"] = "1"
    case "disable": entry?["enabled"] = "0"
    case "dhcp": entry?["needDhcp"] = try flag()
    case "ipv6": entry?["ipv6"] = try flag()
    case "ipv6default": entry?["advertiseDefaultIPv6Route"] = try flag()
    case "ipv6prefix": entry?["ipv6prefix"] = option.value
    case "portforward4", "portforward6": try setForward(option, family(option), &entry)
    case "loopback4", "loopback6": try setLoopback(option, family(option), &entry)
    default: break
    }
  }
  private static func family(_ option: Words.Option) -> AddressFamily { option.name.hasSuffix("4") ? .ipv4 : .ipv6 }
  private static func setForward(
    _ option: Words.Option, _ family: AddressFamily, _ entry: inout SettingsElement?
  ) throws {
    guard option.values.count == 1 else { return try entry?.removeNATForward(option.values[1], family) ?? () }
    guard let rule = forwarding(option.value) else {
      throw Failure.usage("Invalid port-forward rule '\(option.value)'")
    }
    try entry?.addNATForward(rule, family)
  }
  private static func setLoopback(
    _ option: Words.Option, _ family: AddressFamily, _ entry: inout SettingsElement?
  ) throws {
    guard option.values.count == 1 else { return try entry?.removeNATLoopback(option.values[1], family) ?? () }
    guard let mapping = LoopbackMapping(parsing: option.value) else {
      throw Failure.usage("Invalid loopback rule '\(option.value)'")
    }
    try entry?.mapNATLoopback(mapping, family)
  }
  /// "NAME:tcp:[HOST-IP]:PORT:[GUEST-IP]:PORT"; nil for anything else.
  private static func forwarding(_ rule: String) -> PortRule? {
    var fields: [String] = [], field = "", isInside = false
    for character in rule {
      switch character {
      case "[": isInside = true
      case "]": isInside = false
      case ":" where !isInside:
        fields.append(field)
        field = ""
      default: field.append(character)
      }
    }
    fields.append(field)
    return try? PortRule(parsing: fields.joined(separator: ","))
  }

  // MARK: DHCP

  static let dhcpServer = Verb(
    "dhcpserver",
    usage: "add|modify --network NAME|--interface NAME [--server-ip ADDRESS] [--netmask MASK] [--lower-ip ADDRESS] "
      + "[--upper-ip ADDRESS] [--enable|--disable] [SCOPE...] | remove|start|stop|restart --network NAME|--interface "
      + "NAME | findlease --network NAME|--interface NAME --mac-address MAC. SCOPE: [--global | --mac-address MAC | --vm "
      + "NAME --nic N] [--set-opt NUMBER VALUE] [--set-opt-hex NUMBER HEX] [--del-opt NUMBER] [--force-opt NUMBER] "
      + "[--unforce-opt NUMBER] [--suppress-opt NUMBER] [--unsuppress-opt NUMBER] [--min-lease-time S] "
      + "[--default-lease-time S] [--max-lease-time S] [--fixed-address ADDRESS] [--remove-config]",
    "Keeps DHCP servers of networks."
  ) { words, registry in
    let verb = try words.next("add, modify, remove, start, stop, restart or findlease")
    let (_, options) = try words.parse(
      [
        "network": 1, "netname": 1, "interface": 1, "ifname": 1, "serverip": 1, "ip": 1, "netmask": 1, "lowerip": 1,
        "upperip": 1, "enable": 0, "disable": 0, "global": 0, "macaddress": 1, "vm": 1, "nic": 1, "setopt": 2,
        "setopthex": 2, "delopt": 1, "group": 1, "inclmac": 1, "exclmac": 1, "inclmacwild": 1, "exclmacwild": 1,
        "inclvendor": 1, "exclvendor": 1, "inclvendorwild": 1, "exclvendorwild": 1, "incluser": 1, "excluser": 1,
        "incluserwild": 1, "excluserwild": 1, "delmac": 1, "delmacwild": 1, "delvendor": 1, "delvendorwild": 1,
        "deluser": 1, "deluserwild": 1, "zapconditions": 0, "zapoptions": 0, "forceopt": 1, "unforceopt": 1,
        "suppressopt": 1, "unsuppressopt": 1,
        "minleasetime": 1, "defaultleasetime": 1, "maxleasetime": 1, "fixedaddress": 1, "removeconfig": 0,
      ], words: 0...0)
    var name: String?
    for option in options {
      if ["network", "netname"].contains(option.name) { name = option.value }
      if ["interface", "ifname"].contains(option.name) { name = "HostInterfaceNetworking-\(option.value)" }
    }
    guard let name, !name.isEmpty else { throw Failure.usage("You need to specify either --network or --interface") }
    guard verb != "findlease" else {
      return try DHCPSettings.lease(name, options.last { $0.name == "macaddress" }?.value, registry)
    }
    try registry.changeNetwork(.dhcpServers, name) { entry in
      try expect(entry != nil, verb, "DHCP server")
      guard verb != "remove" else {
        entry = nil
        return
      }
      if verb == "add" {
        entry = Registry.network(.dhcpServers, name)
        for attribute in ["IPAddress", "networkMask", "lowerIP", "upperIP"] { entry?[attribute] = "" }
        entry?["enabled"] = "0"
      }
      var settings = DHCPSettings(registry: registry)
      for option in options { try settings.set(option, &entry) }
      if verb == "add", ["IPAddress", "networkMask", "lowerIP", "upperIP"].contains(where: { entry?[$0] == "" }) {
        throw Failure.usage("You need to specify --server-ip, --netmask, --lower-ip and --upper-ip")
      }
    }
    // The network may need its service for more than this server.
    if ["stop", "remove"].contains(verb) {
      try registry.refreshNetwork(name, withDHCP: false)
    } else {
      try update(name, verb, registry)
    }
    return .done
  }
}

/// Lists of networks, as VBoxManage prints them.
struct NetworkListing {
  private let registry: Registry
  init(_ registry: Registry) { self.registry = registry }

  func hostOnlyInterfaces() throws -> Answer {
    let all = try registry.hostOnlyInterfaces()
    let text = all.map { item in
      """
      Name:            \(item.name)
      GUID:            \(item.uuid)
      DHCP:            \(item.usesDHCP ? "Enabled" : "Disabled")
      IPAddress:       \(item.address)
      NetworkMask:     \(item.mask)
      IPV6Address:     \(item.address6)
      IPV6NetworkMaskPrefixLength: \(item.prefix6)
      HardwareAddress: \(item.hardwareAddress)
      MediumType:      Ethernet
      Wireless:        No
      Status:          Up
      VBoxNetworkName: \(item.network)


      """
    }
    return Answer(
      text: text.joined(),
      json: .array(
        all.map { ["name": .string($0.name), "address": .string($0.address), "mask": .string($0.mask)] }))
  }
  /// Interfaces of the host that a cable may lead to.
  static func bridgedInterfaces() -> Answer {
    let all = Registry.bridgedInterfaces()
    let text = all.map { item in
      """
      Name:            \(item.name)
      GUID:            \(guid(item))
      DHCP:            Disabled
      IPAddress:       \(item.address.isEmpty ? "0.0.0.0" : item.address)
      NetworkMask:     \(item.mask.isEmpty ? "0.0.0.0" : item.mask)
      IPV6Address:     \(item.address6)
      IPV6NetworkMaskPrefixLength: \(item.prefix6)
      HardwareAddress: \(item.hardwareAddress)
      MediumType:      Ethernet
      Wireless:        \(item.isWireless ? "Yes" : "No")
      Status:          \(item.isUp ? "Up" : "Down")
      VBoxNetworkName: HostInterfaceNetworking-\(item.name)


      """
    }
    return Answer(
      text: text.joined(),
      json: .array(
        all.map {
          [
            "name": .string($0.name), "guid": .string(guid($0)), "address": .string($0.address),
            "mask": .string($0.mask), "address6": .string($0.address6), "prefix6": .integer(Int64($0.prefix6)),
            "hardwareAddress": .string($0.hardwareAddress), "wireless": .bool($0.isWireless), "up": .bool($0.isUp),
          ]
        }))
  }
  /// Made of name and hardware address, as VirtualBox makes it on Linux.
  private static func guid(_ interface: HostInterface) -> String {
    var bytes = Array(interface.name.utf8.prefix(8))
    bytes += [UInt8](repeating: 0, count: 8 - bytes.count)
    // The version and the variant of a UUID.
    bytes[7] = bytes[7] & 0x0f | 0x40
    func hex(_ bytes: some Sequence<UInt8>) -> String {
      bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
    let card = interface.hardwareAddress.filter { $0 != ":" }
    return "\(hex(bytes[0..<4].reversed()))-\(hex(bytes[4..<6].reversed()))-\(hex(bytes[6..<8].reversed()))-8000-"
      + (card.isEmpty ? "000000000000" : card)
  }
  func hostOnlyNetworks() throws -> Answer {
    let all = try registry.networks(.hostOnlyNetworks)
    let text = all.map { item in
      """
      Name:            \(item["name"] ?? "")
      GUID:            \(item["id"].flatMap(SettingsUUID.normalized) ?? "")

      State:           \(item.bool("enabled") == false ? "Disabled" : "Enabled")
      NetworkMask:     \(item["mask"] ?? "")
      LowerIP:         \(item["ipLower"] ?? "")
      UpperIP:         \(item["ipUpper"] ?? "")
      VBoxNetworkName: hostonly-\(item["name"] ?? "")


      """
    }
    return Answer(text: text.joined(), json: .array(all.map { ["name": .string($0["name"] ?? "")] }))
  }
  /// `isWhole`: with a line before and after, as `natnetwork list` has them.
  func natNetworks(matching pattern: String? = nil, isLong: Bool = false, isWhole: Bool = false) throws -> Answer {
    let all = try registry.networks(.natNetworks).filter { item in
      pattern.map { Glob.matches(item["networkName"] ?? "", $0) } ?? true
    }
    func flag(_ value: Bool?) -> String { value == true ? "Yes" : "No" }
    var text = isWhole ? "NAT Networks:\n\n" : ""
    for item in all {
      let network = IPv4Text.network(item["network"] ?? "")
      text += "Name:         \(item["networkName"] ?? "")\n"
      if isLong || isWhole { text += "Enabled:      \(flag(item.bool("enabled")))\n" }
      text += "Network:      \(item["network"] ?? "")\n"
      text += "Gateway:      \(network.map { IPv4Text.text($0.address + 1) } ?? "")\n"
      text += "DHCP Server:  \(flag(item.bool("needDhcp")))\nIPv6:         \(flag(item.bool("ipv6")))\n"
      text += "IPv6 Prefix:  \(item["ipv6prefix"] ?? "")\n"
      text += "IPv6 Default: \(flag(item.bool("advertiseDefaultIPv6Route")))\n"
      text += rules(item) + "\n"
    }
    if isWhole { text += "\(all.count) \(all.count == 1 ? "network" : "networks") found\n" }
    return Answer(
      text: text,
      json: .array(
        all.map { item in
          func text(_ name: String) -> JSON { .string(item[name] ?? "") }
          let forwards = ["PortForwarding4", "PortForwarding6"].flatMap { item.child($0)?.elements("Forwarding") ?? [] }
          return [
            "name": text("networkName"), "network": text("network"), "enabled": .bool(item.bool("enabled") ?? false),
            "dhcp": .bool(item.bool("needDhcp") ?? false), "ipv6": .bool(item.bool("ipv6") ?? false),
            "ipv6Prefix": text("ipv6prefix"),
            "ipv6Default": .bool(item.bool("advertiseDefaultIPv6Route") ?? false),
            "forwards": .array(forwards.map(attributes)),
            "loopbacks": .array(
              AddressFamily.allCases.flatMap { item.natLoopbacks($0) }.map { .string($0.text) }),
          ]
        }))
  }
  private func attributes(_ element: SettingsElement) -> JSON {
    .object(element.attributes.map { JSON.Member($0.name, .string($0.value)) })
  }
  private func rules(_ item: SettingsElement) -> String {
    var text = ""
    for family in AddressFamily.allCases {
      let rules = item.natForwards(family)
      guard !rules.isEmpty else { continue }
      text += "Port-forwarding (ipv\(family.rawValue))\n"
      for rule in rules {
        text += "        \(rule.name):\(rule.isUDP ? "udp" : "tcp"):[\(rule.hostIP)]:\(rule.hostPort):"
        text += "[\(rule.guestIP)]:\(rule.guestPort)\n"
      }
    }
    for family in AddressFamily.allCases {
      let mappings = item.natLoopbacks(family)
      if !mappings.isEmpty { text += "loopback mappings (ipv\(family.rawValue))\n" }
      for mapping in mappings { text += "        \(mapping.text)\n" }
    }
    return text
  }
}
