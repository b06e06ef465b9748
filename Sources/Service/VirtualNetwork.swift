import Base
import HostSystem
import SettingsFiles

/// What a network that machines share needs besides its switch, made of the settings: the configuration of `ringbox-net`.
///
/// - Host-only: the host has an address, which answers. Ports of the host lead to machines where a rule says so, machines
///   reach services of the host where that was switched on; where the host has a tap interface with the network's name,
///   that is the host's side, with all that it can do.
/// - NAT network: the host is the router.
/// - All of them, and internal networks: a DHCP server, where there is one in the settings.
public struct VirtualNetwork {
  let registry: Registry
  /// The name of its switch.
  let name: String

  /// The switch that a card is on; nil: none.
  static func name(of adapter: SettingsElement) -> String? {
    func named(_ kind: String) -> String? { adapter.child(kind)?["name"].flatMap { $0.isEmpty ? nil : $0 } }
    if adapter.child("InternalNetwork") != nil { return named("InternalNetwork") ?? "intnet" }
    if let name = named("HostOnlyInterface") { return hostOnlyPrefix + name }
    if let name = named("HostOnlyNetwork") { return hostOnlyNetworkPrefix + name }
    return named("NATNetwork")
  }
  /// Before an interface's name: the name of its network.
  public static let hostOnlyPrefix = "HostInterfaceNetworking-"
  /// The same for a host-only network.
  public static let hostOnlyNetworkPrefix = "hostonly-"
  /// `ringbox-net`, next to another program of this package.
  public static func program(beside other: String) -> String { "\(Paths.folder(of: other))/ringbox-net" }

  /// Whether something keeps it from being live, as cards that are on it must know.
  func configuration(stays: Bool = false, withDHCP: Bool = true) throws(ServiceError) -> JSON? {
    var json: JSON = ["network": .string(name), "stays": .bool(stays)]
    var isNeeded = stays
    var dhcp = withDHCP ? try server() : nil
    if name.hasPrefix(VirtualNetwork.hostOnlyPrefix) {
      try addHostOnly(String(name.dropFirst(VirtualNetwork.hostOnlyPrefix.count)), &json)
      isNeeded = true
    } else if name.hasPrefix(VirtualNetwork.hostOnlyNetworkPrefix),
      let entry = try entry(.hostOnlyNetworks, String(name.dropFirst(VirtualNetwork.hostOnlyNetworkPrefix.count)))
    {
      let own = try addHostOnlyNetwork(entry, &json)
      dhcp = withDHCP ? dhcp ?? own : nil
      isNeeded = true
    } else if let entry = try entry(.natNetworks, name) {
      let own = try addNAT(entry, &json)
      dhcp = !withDHCP || entry.bool("needDhcp") == false ? nil : merged(dhcp ?? own, own)
      isNeeded = true
    }
    if let dhcp {
      json.set("dhcp", dhcp)
      let plain = name.replacing("/", with: "_")
      json.set("leases", .string("\(registry.home.folder)/\(plain)-Dhcpd.leases"))
    }
    return isNeeded || dhcp != nil ? json : nil
  }
  private func entry(_ list: Registry.NetworkList, _ name: String) throws(ServiceError) -> SettingsElement? {
    try registry.networks(list).first { $0[list.key] == name }
  }
  private func refuse(_ text: String) -> ServiceError { ServiceError(.failure, text, .host) }

  // MARK: The host's side

  private func addHostOnly(_ interface: String, _ json: inout JSON) throws(ServiceError) {
    guard let own = try registry.hostOnlyInterfaces().first(where: { $0.name == interface }) else {
      throw refuse("Nonexistent host networking interface, name '\(interface)' (VERR_INTERNAL_ERROR)")
    }
    if TapDevice.exists(interface) {
      json.set("tap", .string(interface))
    } else if let side = VirtualNetwork.hostSide(own.address, own.mask) {
      var side = side
      side.set("forwards", .array(own.forwards.map { .string($0) }))
      side.set("localhost", .bool(own.reachesServices))
      json.set("host", side)
    }
  }
  /// nil: no address, or a network that is too small or too large to be told.
  private static func hostSide(_ address: String, _ mask: String) -> JSON? {
    guard let number = IPv4Text.number(address), let mask = IPv4Text.number(mask), mask.leadingZeroBitCount == 0,
      (~mask & (~mask &+ 1)) == 0, (8...28).contains(mask.nonzeroBitCount)
    else { return nil }
    return [
      "network": .string("\(IPv4Text.text(number & mask))/\(mask.nonzeroBitCount)"), "address": .string(address),
    ]
  }
  /// The host has the lowest address, and gives the others away. The answer is that DHCP server.
  private func addHostOnlyNetwork(_ entry: SettingsElement, _ json: inout JSON) throws(ServiceError) -> JSON? {
    guard entry.bool("enabled") != false else { throw refuse("Host-only network '\(entry["name"] ?? "")' is disabled") }
    guard let lower = IPv4Text.number(entry["ipLower"] ?? ""), let upper = IPv4Text.number(entry["ipUpper"] ?? ""),
      let mask = entry["mask"], let side = VirtualNetwork.hostSide(IPv4Text.text(lower), mask)
    else { return nil }
    json.set("host", side)
    guard lower < upper else { return nil }
    let text = IPv4Text.text(lower)
    return [
      "server": .string(text), "mask": .string(mask), "lower": .string(IPv4Text.text(lower + 1)),
      "upper": .string(IPv4Text.text(upper)),
    ]
  }
  /// The router is .1, as VirtualBox's is, the name server .3; where an address is mapped to the host's loopback, that is
  /// the host's own. The answer is the DHCP server that goes with it.
  private func addNAT(_ entry: SettingsElement, _ json: inout JSON) throws(ServiceError) -> JSON? {
    guard entry.bool("enabled") != false else { throw refuse("NAT network '\(name)' is disabled") }
    guard let network = IPv4Text.network(entry["network"] ?? ""), (8...28).contains(network.bits) else {
      throw refuse("NAT network '\(name)': its address must have 8 to 28 bits")
    }
    func address(_ number: UInt32) -> JSON { .string(IPv4Text.text(network.address | number)) }
    let rules = entry.natForwards(.ipv4).map(\.forward), offsets = entry.natLoopbacks(.ipv4).map(\.offset)
    let last = ~(UInt32.max << UInt32(32 - network.bits))
    let mapped = offsets.first { (1..<last).contains($0) && $0 != 3 }
    json.set(
      "nat",
      [
        "network": .string("\(IPv4Text.text(network.address))/\(network.bits)"), "address": address(mapped ?? 1),
        "nameServer": address(3), "forwards": .array(rules.map { .string($0) }),
        "localhost": .bool(mapped != nil), "ipv6": .bool(entry.bool("ipv6") == true),
      ])
    if let mapped, mapped != 1 { json.set("aliases", [address(1)]) }
    return [
      "server": address(3), "mask": .string(IPv4Text.text(~last)), "lower": address(4), "upper": address(last - 1),
      "router": address(1), "nameServer": address(3),
    ]
  }
  private func merged(_ server: JSON?, _ usual: JSON?) -> JSON? {
    guard var server else { return nil }
    for member in ["router", "nameServer"] where server[member] == nil {
      if let value = usual?[member] { server.set(member, value) }
    }
    return server
  }

  // MARK: DHCP

  /// The server of the settings, when it is switched on.
  private func server() throws(ServiceError) -> JSON? {
    guard let entry = try entry(.dhcpServers, name), entry.bool("enabled") == true else { return nil }
    var json: JSON = [
      "server": .string(entry["IPAddress"] ?? ""), "mask": .string(entry["networkMask"] ?? ""),
      "lower": .string(entry["lowerIP"] ?? ""), "upper": .string(entry["upperIP"] ?? ""),
    ]
    if let options = entry.child("Options") { json.set("global", VirtualNetwork.scope(options)) }
    json.set("groups", .array(entry.elements("Group").map(VirtualNetwork.group)))
    var clients: [JSON] = []
    for config in entry.elements("Config") {
      guard let mac = try hardware(config) else { continue }
      var client = VirtualNetwork.scope(config)
      client.set("mac", .string(mac))
      if let address = config["fixedAddress"], !address.isEmpty { client.set("address", .string(address)) }
      clients.append(client)
    }
    json.set("clients", .array(clients))
    return json
  }
  /// The card that a client's settings are for; nil: none now.
  private func hardware(_ config: SettingsElement) throws(ServiceError) -> String? {
    var address = config["MACAddress"]
    if let machine = config["vm-name"], let settings = try? registry.machine(machine) {
      address = settings.slot("Network", "Adapter", config.integer("slot") ?? 0)?["MACAddress"]
    }
    guard let address, address.utf8.count == 12 else { return nil }
    return LaunchPlan.colons(address).lowercased()
  }
  /// Types of conditions are those of patterns when they end so.
  private static func group(_ element: SettingsElement) -> JSON {
    let suffix = "Wildcard"
    var json = scope(element)
    json.set("name", .string(element["name"] ?? ""))
    json.set(
      "conditions",
      .array(
        element.elements("Condition").map { condition in
          let type = condition["type"] ?? "MAC"
          let isPattern = type.hasSuffix(suffix)
          return [
            "kind": .string(isPattern ? String(type.dropLast(suffix.count)) : type),
            "value": .string(condition["value"] ?? ""), "pattern": .bool(isPattern),
            "exclusive": .bool(condition.bool("inclusive") == false),
          ]
        }))
    return json
  }
  private static func scope(_ element: SettingsElement) -> JSON {
    var json: JSON = [
      "options": .array(
        element.elements("Option").compactMap { option -> JSON? in
          guard let number = option["name"].flatMap(UInt8.init) else { return nil }
          return [
            "number": .integer(Int64(number)), "value": .string(option["value"] ?? ""),
            "hex": .bool(option["encoding"] == "hex"),
          ]
        })
    ]
    for (attribute, member) in [
      ("secMinLeaseTime", "minimumLease"), ("secDefaultLeaseTime", "lease"), ("secMaxLeaseTime", "maximumLease"),
    ] {
      if let seconds = element.integer(attribute), seconds > 0 { json.set(member, .integer(Int64(seconds))) }
    }
    for (attribute, member) in [("forcedOptions", "forced"), ("suppressedOptions", "suppressed")] {
      let numbers = (element[attribute] ?? "").split { $0 == " " || $0 == "," }.compactMap { Int64($0) }
      if !numbers.isEmpty { json.set(member, .array(numbers.map { .integer($0) })) }
    }
    return json
  }
}

extension Registry {
  /// Makes the network of this name live, or brings its service up to date; `stays`: even without machines. Nothing
  /// happens for networks that need no service.
  public func startNetwork(_ name: String, program: String, stays: Bool = false) throws(ServiceError) {
    let network = VirtualNetwork(registry: self, name: name)
    guard let configuration = try network.configuration(stays: stays) else { return }
    guard let socket = NetworkFolder.serviceSocket(name) else {
      throw ServiceError(.invalidArgument, "The network '\(name)' cannot have that name", .host)
    }
    // A service that has just ended may still hold its place.
    for _ in 0..<5 {
      if let client = try? VMClient(socket) {
        try client.command("configure", [("configuration", configuration)])
        return
      }
      if try spawn(configuration, name, socket, program) { return }
    }
    throw ServiceError(.hostError, "The service of the network '\(name)' neither answers nor ends", .host)
  }
  /// False: another one has the network.
  private func spawn(
    _ configuration: JSON, _ name: String, _ socket: String, _ program: String
  ) throws(ServiceError) -> Bool {
    try home.prepare()
    let log = "\(home.runtime)/network-\(HostProcess.id).log"
    defer { HostFiles.remove(log) }
    let process: Int32
    do throws(SystemCallError) {
      let file = try ProcessImage.inheritedFile(Array(configuration.text.utf8))
      // The child has its own copy; this one is closed.
      let owner = HostStream(file)
      defer { _ = owner.raw }
      process = try Host.spawn(
        program, ["--config-fd", "\(file)"], output: "/dev/null", errors: log, inherited: [file])
    } catch {
      throw ServiceError(.hostError, "Could not start '\(program)': \(error.reason)", .host)
    }
    for _ in 0..<1000 {
      if (try? VMClient(socket)) != nil { return true }
      if Host.hasEnded(process) {
        let text = String(decoding: (try? WholeFile.read(log, maximum: 1 << 20)) ?? [], as: UTF8.self)
        guard let line = text.split(separator: "\n").last else { return false }
        let reason = line.hasPrefix("ringbox-net: ") ? line.dropFirst("ringbox-net: ".count) : line
        throw ServiceError(.hostError, "The network '\(name)' does not start: \(reason)", .host)
      }
      Host.sleep(milliseconds: 10)
    }
    throw ServiceError(.hostError, "The service of the network '\(name)' did not start within 10 s", .host)
  }
  /// Tells the service of a network what the settings say now; nothing happens when it does not run.
  public func refreshNetwork(_ name: String, withDHCP: Bool = true) throws(ServiceError) {
    guard let client = networkService(name) else { return }
    if let configuration = try VirtualNetwork(registry: self, name: name).configuration(withDHCP: withDHCP) {
      try client.command("configure", [("configuration", configuration)])
    } else {
      try client.command("stop")
    }
  }
  /// Ends the service of a network, if it runs; its switch goes on.
  public func stopNetwork(_ name: String) throws(ServiceError) {
    guard let client = networkService(name) else { return }
    try client.command("stop")
    _ = client.waitForEnd(seconds: 10)
  }
  /// The service of a network; nil: it does not run.
  public func networkService(_ name: String) -> VMClient? {
    NetworkFolder.serviceSocket(name).flatMap { try? VMClient($0) }
  }
}
