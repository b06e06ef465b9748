import Base
import DiskImages
import Service
import SettingsFiles

/// Networks of the host as they are asked for: NAT networks, host-only networks and interfaces, DHCP servers. They have the
/// same shape: a list, and `PUT` and `DELETE` for the one of a name.
extension Route {
  static let networks: [Route] =
    NetworkShape.all.flatMap(routes)
    + [
      Route(
        .get, "networknames", "listNetworkNames", "networks", "What else cards can be attached to by name.",
        .json(
          .object([
            Schema.member("internal", .list(.text), "Internal networks that some machine is on."),
            Schema.member("bridged", .list(.text), "Interfaces of the host."),
          ]))
      ) { service, _ throws(ServiceError) in
        .json([
          "internal": .array(try service.registry.internalNetworks().map { .string($0) }),
          "bridged": .array(Registry.bridgedInterfaces().map { .string($0.name) }),
        ])
      },
      Route(
        .get, "hostonlyinterfaces", "listHostOnlyInterfaces", "networks", "Host-only interfaces, by number.",
        .json(.list(.named("HostOnlyInterface")))
      ) { service, _ throws(ServiceError) in
        .json(.array(try service.registry.hostOnlyInterfaces().map(MachineService.json)))
      },
      Route(
        .post, "hostonlyinterfaces", "createHostOnlyInterface", "networks", "Makes one with the first free name.",
        .json(.named("HostOnlyInterface"))
      ) { service, _ throws(ServiceError) in
        defer { service.noticed() }
        return .json(MachineService.json(try service.registry.createHostOnlyInterface()))
      },
      Route(
        .patch, "hostonlyinterfaces/{name}", "changeHostOnlyInterface", "networks", "Changes the host's address there.",
        .json(.named("HostOnlyInterface"))
      ) { service, request throws(ServiceError) in try service.changeInterface(request) }
      .taking(
        .object([
          Schema.option("address", .address, "Of the host, with dots."), Schema.option("mask", .mask, "With dots."),
          Schema.option("address6", .line, "Of IPv6; empty: none."),
          Schema.option("prefix6", .integer(0...128), "Bits of its network."),
          Schema.option("dhcp", .flag, "The host asks a server for its address."),
          Schema.option(
            "forwards", .list(.hostRule), "tcp|udp:[HOST-IP]:PORT-GUEST-IP:PORT; in place of those there are."),
          Schema.option("services", .flag, "Machines reach services on the host's loopback address."),
        ])),
      Route(
        .delete, "hostonlyinterfaces/{name}", "removeHostOnlyInterface", "networks", "Takes one away.", .nothing
      ) { service, request throws(ServiceError) in
        try service.requireInterface(request.name("name"))
        try service.registry.changeHostOnlyInterface(request.name("name")) { interface in interface = nil }
        try service.registry.stopNetwork(VirtualNetwork.hostOnlyPrefix + request.name("name"))
        service.noticed()
        return .nothing
      },
    ]

  private static func routes(_ shape: NetworkShape) -> [Route] {
    [
      Route(
        .get, shape.path, "list\(shape.id)s", "networks", "All \(shape.text)s.", .json(.list(.named(shape.id)))
      ) { service, _ throws(ServiceError) in
        .json(.array(try service.registry.networks(shape.list).map(shape.json)))
      },
      Route(
        .put, "\(shape.path)/{name}", "set\(shape.id)", "networks",
        "Makes a \(shape.text), or changes what is named of it.", .json(.named(shape.id))
      ) { service, request throws(ServiceError) in try service.setNetwork(shape, request) }
      .taking(.object(shape.fields.filter { $0.name != "id" }.map { Schema.option($0.name, $0.schema, $0.text) })),
      Route(.delete, "\(shape.path)/{name}", "remove\(shape.id)", "networks", "Takes a \(shape.text) away.", .nothing) {
        service, request throws(ServiceError) in
        try service.changeNetwork(shape, request.name("name")) { entry throws(ServiceError) in
          guard entry != nil else { throw shape.missing(request.name("name")) }
          entry = nil
        }
        return .nothing
      },
    ]
  }
}

/// One list of networks in the global settings, and how its entries look to clients.
struct NetworkShape: Sendable {
  /// What an attribute may hold.
  enum Value: Sendable { case address, network, text, flag(yes: String, no: String), uuid }
  struct Field: Sendable {
    var name: String
    var attribute: String
    var value: Value
    /// Of a new entry; nil: it must be given.
    var usual: String?
    var text: String

    /// Files of others may say what is refused here.
    var shownSchema: Schema {
      switch value {
      case .flag: .flag
      default: .text
      }
    }
    var schema: Schema {
      switch value {
      case .flag: .flag
      case .uuid: .uuid
      case .address: name == "mask" ? .mask : .address
      case .network: .network
      case .text: .line
      }
    }
    func json(_ entry: SettingsElement) -> JSON {
      switch value {
      case .flag(let yes, _): .bool(entry[attribute].map { $0 == yes || $0 == "true" } ?? (usual == yes))
      case .uuid: .string(entry[attribute].flatMap(SettingsUUID.normalized) ?? "")
      default: .string(entry[attribute] ?? "")
      }
    }
    /// The attribute's text; throws for what cannot be.
    func encoded(_ value: JSON) throws(ServiceError) -> String {
      let text = value.string ?? ""
      let isRight =
        switch self.value {
        case .address: IPv4Text.number(text) != nil
        case .network: IPv4Text.network(text) != nil
        default: true
        }
      guard isRight else { throw ServiceError(.invalidArgument, "Invalid \(name) '\(text)'", .registry) }
      if case .flag(let yes, let no) = self.value { return value.bool == true ? yes : no }
      return text
    }
  }

  var list: Registry.NetworkList
  var path: String
  var id: String
  var text: String
  var fields: [Field]

  private static func field(
    _ name: String, _ attribute: String, _ value: Value, _ usual: String?, _ text: String
  ) -> Field { Field(name: name, attribute: attribute, value: value, usual: usual, text: text) }
  private static let number = Value.flag(yes: "1", no: "0")
  static let all = [
    NetworkShape(
      list: .natNetworks, path: "natnetworks", id: "NATNetwork", text: "NAT network",
      fields: [
        field("network", "network", .network, nil, "As 10.0.2.0/24."),
        field("enabled", "enabled", number, "1", "Machines may use it."),
        field("dhcp", "needDhcp", number, "1", "With a DHCP server."),
        field("ipv6", "ipv6", number, "0", "With IPv6."),
        field("prefix6", "ipv6prefix", .text, "fd17:625c:f037:2::/64", "Of IPv6."),
        field("defaultRoute6", "advertiseDefaultIPv6Route", number, "0", "Guests send all of IPv6 there."),
      ]),
    NetworkShape(
      list: .dhcpServers, path: "dhcpservers", id: "DHCPServer", text: "DHCP server",
      fields: [
        field("address", "IPAddress", .address, nil, "Of the server."),
        field("mask", "networkMask", .address, nil, "With dots."),
        field("lower", "lowerIP", .address, nil, "The first address it gives away."),
        field("upper", "upperIP", .address, nil, "The last one."),
        field("enabled", "enabled", number, "0", "It answers."),
      ]),
    NetworkShape(
      list: .hostOnlyNetworks, path: "hostonlynetworks", id: "HostOnlyNetwork", text: "host-only network",
      fields: [
        field("id", "id", .uuid, "", "Unique."),
        field("mask", "mask", .address, nil, "With dots."),
        field("lower", "ipLower", .address, nil, "The first address it gives away."),
        field("upper", "ipUpper", .address, nil, "The last one."),
        field("enabled", "enabled", .flag(yes: "true", no: "false"), "true", "Machines may use it."),
      ]),
  ]

  /// Its shape in the document.
  var schema: Schema {
    .object(
      [Schema.member("name", .text, "Unique.")] + fields.map { Schema.member($0.name, $0.shownSchema, $0.text) }
        + more.map { Schema.member($0.name, $0.schema, $0.text) })
  }
  /// What entries have besides, with operations of its own.
  private var more: [Part] {
    switch list {
    case .natNetworks: AddressFamily.allCases.flatMap(NetworkShape.parts)
    case .dhcpServers: [("scopes", DHCPScope.shape, "What is told to whom.", DHCPScope.all)]
    case .hostOnlyNetworks: []
    }
  }
  private typealias Part = (name: String, schema: Schema, text: String, json: @Sendable (SettingsElement) -> JSON)
  private static func parts(_ family: AddressFamily) -> [Part] {
    let suffix = family.suffix, what = "of IPv\(family.rawValue)"
    return [
      (
        "forwards\(suffix)", .list(.named("Forward")), "Ports of the host, \(what).",
        { .array($0.natForwards(family).map(\.json)) }
      ),
      (
        "loopbacks\(suffix)", .list(.named("Loopback")), "The host's own addresses \(what) that machines reach.",
        { .array($0.natLoopbacks(family).map(\.json)) }
      ),
    ]
  }
  /// The name of the network's switch.
  func network(_ name: String) -> String {
    list == .hostOnlyNetworks ? VirtualNetwork.hostOnlyNetworkPrefix + name : name
  }
  func json(_ entry: SettingsElement) -> JSON {
    var json: JSON = ["name": .string(entry[list.key] ?? "")]
    for field in fields { json.set(field.name, field.json(entry)) }
    for other in more { json.set(other.name, other.json(entry)) }
    return json
  }
  func missing(_ name: String) -> ServiceError {
    ServiceError(.objectNotFound, "Could not find a \(text) named '\(name)'", .registry)
  }
}

extension MachineService {
  func changeNetwork(
    _ shape: NetworkShape, _ name: String, _ body: (inout SettingsElement?) throws(ServiceError) -> Void
  ) throws(ServiceError) {
    do { try registry.changeNetwork(shape.list, name, body) } catch let error as ServiceError { throw error } catch {
      throw ServiceError(.failure, "\(error)", .registry)
    }
    // What is live follows the settings.
    let network = shape.network(name)
    if try registry.networks(shape.list).contains(where: { $0[shape.list.key] == name }) || shape.list == .dhcpServers {
      try registry.refreshNetwork(network)
    } else {
      try registry.stopNetwork(network)
    }
    noticed()
  }
  fileprivate func setNetwork(_ shape: NetworkShape, _ request: APIRequest) throws(ServiceError) -> APIResponse {
    let name = request.name("name")
    guard !name.isEmpty else { throw ServiceError(.invalidArgument, "A name is missing", .registry) }
    var answer = JSON.null
    try changeNetwork(shape, name) { entry throws(ServiceError) in
      var changed = entry ?? Registry.network(shape.list, name)
      for field in shape.fields {
        if let value = request.body[field.name] {
          changed[field.attribute] = try field.encoded(value)
        } else if entry == nil {
          guard let usual = field.usual else {
            throw ServiceError(
              .objectNotFound,
              "Could not find a \(shape.text) named '\(name)', and without body.\(field.name) none can be made",
              .registry)
          }
          if case .uuid = field.value {
            changed[field.attribute] = "{\(DiskUUID())}"
          } else {
            changed[field.attribute] = usual
          }
        }
      }
      entry = changed
      answer = shape.json(changed)
    }
    return .json(answer)
  }

  fileprivate static func json(_ interface: HostOnlyInterface) -> JSON {
    [
      "name": .string(interface.name), "uuid": .string(interface.uuid), "network": .string(interface.network),
      "mac": .string(interface.hardwareAddress), "address": .string(interface.address),
      "mask": .string(interface.mask), "address6": .string(interface.address6),
      "prefix6": .integer(Int64(interface.prefix6)), "dhcp": .bool(interface.usesDHCP),
      "forwards": .array(interface.forwards.map { .string($0) }), "services": .bool(interface.reachesServices),
    ]
  }
  func requireInterface(_ name: String) throws(ServiceError) {
    guard try registry.hostOnlyInterfaces().contains(where: { $0.name == name }) else {
      throw ServiceError(.objectNotFound, "The host network interface named '\(name)' could not be found", .host)
    }
  }
  fileprivate func changeInterface(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    let forwards = request.body["forwards"]?.array?.compactMap(\.string)
    for rule in forwards ?? [] {
      guard !rule.contains(","), rule.hasPrefix("tcp:") || rule.hasPrefix("udp:") else {
        throw ServiceError(.invalidArgument, "Invalid port-forward rule '\(rule)'", .host)
      }
    }
    try requireInterface(request.name("name"))
    var answer = JSON.null
    try registry.changeHostOnlyInterface(request.name("name")) { interface in
      guard var changed = interface else { return }
      changed.address = request.text("address") ?? changed.address
      changed.mask = request.text("mask") ?? changed.mask
      changed.address6 = request.text("address6") ?? changed.address6
      changed.prefix6 = request.integer("prefix6") ?? changed.prefix6
      changed.usesDHCP = request.flag("dhcp") ?? changed.usesDHCP
      changed.forwards = forwards ?? changed.forwards
      changed.reachesServices = request.flag("services") ?? changed.reachesServices
      interface = changed
      answer = MachineService.json(changed)
    }
    try registry.refreshNetwork(VirtualNetwork.hostOnlyPrefix + request.name("name"))
    noticed()
    return .json(answer)
  }
}
