import Base
import HostSystem

/// What the service of a network does: made of the settings by whoever starts it, and read from JSON.
public struct NetworkServiceConfiguration: Sendable, Equatable {
  /// The host's side of a network.
  public enum HostSide: Sendable, Equatable {
    case none
    /// The host is the router: connections to the outside, port forwards.
    case nat(NATConfiguration)
    /// The host has an address in the network, and that is all.
    case host(NATConfiguration)
    /// The host has an interface of its own in the network.
    case tap(String)
  }
  /// The network's name, as cards have it.
  public var network: String
  /// How the host is on the network.
  public var hostSide = HostSide.none
  /// Addresses that are there besides the host's, and answer to ping: the router's, where that is another one.
  public var aliases: [UInt32] = []
  /// nil: no server.
  public var dhcp: DHCPConfiguration?
  /// Where leases are kept; nil: nowhere.
  public var leaseFile: String?
  /// Stays when no machine is left.
  public var stays = false

  /// With nothing but a name.
  public init(network: String) { self.network = network }

  /// Reads what `Service` writes: `network`, `stays`, `leases`, `aliases`, `nat` or `host` or `tap`, `dhcp`.
  public init(json: JSON) throws(NetworkError) {
    guard let name = json["network"]?.string else { throw NetworkError("configuration: no network") }
    self.init(network: name)
    stays = json["stays"]?.bool ?? false
    leaseFile = json["leases"]?.string
    aliases = (json["aliases"]?.array ?? []).compactMap { $0.string.flatMap { IPv4Text.address($0) } }
    if let nat = json["nat"] {
      hostSide = .nat(try NetworkServiceConfiguration.nat(nat))
    } else if let host = json["host"] {
      hostSide = .host(try NetworkServiceConfiguration.nat(host))
    } else if let tap = json["tap"]?.string {
      hostSide = .tap(tap)
    }
    if let json = json["dhcp"], json != .null { dhcp = try NetworkServiceConfiguration.dhcp(json) }
  }

  private static func nat(_ json: JSON) throws(NetworkError) -> NATConfiguration {
    var nat = NATConfiguration()
    guard let network = json["network"]?.string else { throw NetworkError("configuration: no address of the network") }
    try nat.setNetwork(network)
    nat.hostAddress = json["address"]?.string.flatMap { IPv4Text.address($0) }
    nat.nameServer = json["nameServer"]?.string.flatMap { IPv4Text.address($0) }
    nat.reachesLoopback = json["localhost"]?.bool ?? false
    nat.ipv6 = json["ipv6"]?.bool ?? false
    for rule in json["forwards"]?.array ?? [] { nat.forwards.append(try PortForward(parsing: rule.string ?? "")) }
    return nat
  }

  private static func dhcp(_ json: JSON) throws(NetworkError) -> DHCPConfiguration {
    func address(_ name: String) throws(NetworkError) -> UInt32 {
      guard let address = json[name]?.string.flatMap({ IPv4Text.address($0) }) else {
        throw NetworkError("DHCP server: \(name) is no address")
      }
      return address
    }
    guard
      var dhcp = DHCPConfiguration(
        server: try address("server"), mask: try address("mask"), lower: try address("lower"),
        upper: try address("upper"))
    else {
      throw NetworkError("DHCP server: its range must lie in its own network, and have no more than 65536 addresses")
    }
    dhcp.router = json["router"]?.string.flatMap { IPv4Text.address($0) }
    dhcp.nameServer = json["nameServer"]?.string.flatMap { IPv4Text.address($0) }
    dhcp.global = try scope(json["global"] ?? [:])
    for group in json["groups"]?.array ?? [] {
      dhcp.groups.append(
        DHCPGroup(name: group["name"]?.string ?? "", conditions: try conditions(group), scope: try scope(group)))
    }
    for client in json["clients"]?.array ?? [] {
      guard let hardware = client["mac"]?.string.flatMap(LeaseFile.hardware) else {
        throw NetworkError("DHCP server: a client without the address of its card")
      }
      dhcp.clients[hardware] = DHCPConfiguration.Client(
        address: client["address"]?.string.flatMap { IPv4Text.address($0) }, scope: try scope(client))
    }
    return dhcp
  }
  private static func conditions(_ group: JSON) throws(NetworkError) -> [DHCPGroup.Condition] {
    var conditions: [DHCPGroup.Condition] = []
    for condition in group["conditions"]?.array ?? [] {
      guard let kind = condition["kind"]?.string.flatMap(DHCPGroup.Condition.Kind.init),
        let value = condition["value"]?.string
      else { throw NetworkError("DHCP server: a group with a condition that is none") }
      conditions.append(
        DHCPGroup.Condition(
          kind, value, isPattern: condition["pattern"]?.bool ?? false,
          isExclusive: condition["exclusive"]?.bool ?? false))
    }
    return conditions
  }
  private static func scope(_ json: JSON) throws(NetworkError) -> DHCPConfiguration.Scope {
    var scope = DHCPConfiguration.Scope()
    func seconds(_ name: String) -> UInt32? {
      json[name]?.integer.flatMap { $0 > 0 ? UInt32(clamping: $0) : nil }
    }
    scope.times = DHCPConfiguration.Times(
      minimum: seconds("minimumLease"), usual: seconds("lease"), maximum: seconds("maximumLease"))
    for option in json["options"]?.array ?? [] {
      guard let number = option["number"]?.integer.flatMap({ UInt8(exactly: $0) }), let text = option["value"]?.string,
        let value = DHCPOptionText.encode(number, text, isHex: option["hex"]?.bool ?? false)
      else {
        throw NetworkError(
          "DHCP server: option \(option["number"]?.integer ?? 0) cannot have the value '\(option["value"]?.string ?? "")'"
        )
      }
      scope.options[number] = value
    }
    func numbers(_ name: String) -> Set<UInt8> {
      Set((json[name]?.array ?? []).compactMap { $0.integer.flatMap { UInt8(exactly: $0) } })
    }
    (scope.forced, scope.suppressed) = (numbers("forced"), numbers("suppressed"))
    return scope
  }
}
