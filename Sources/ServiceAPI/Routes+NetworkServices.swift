import Base
import Service
import SettingsFiles

/// What runs behind networks that machines share: their services, port forwards, what DHCP servers say and have given away.
extension Route {
  static let networkServices: [Route] =
    power("natnetworks", "NATNetwork", "NAT network") { $0 }
    + power("dhcpservers", "DHCPServer", "DHCP server") { $0 }
    + forwards(.ipv4) + forwards(.ipv6) + loopbacks(.ipv4) + loopbacks(.ipv6)
    + [
      Route(
        .put, "dhcpservers/{name}/scopes/{scope}", "setDHCPScope", "networks",
        "Says what a DHCP server tells all clients (global), those of a group (group:NAME), or one card (mac:ADDRESS, "
          + "machine:UUID:ADAPTER). It replaces what was said.", .json(.named("DHCPServer"))
      ) { service, request throws(ServiceError) in
        let scope = try DHCPScope(request.name("scope"), service.registry)
        return try service.changeServer(request.name("name")) { entry throws(ServiceError) in
          let element = try scope.element(request.body)
          scope.replace(in: &entry, with: element)
        }
      }.taking(.object(DHCPScope.fields)),
      Route(
        .delete, "dhcpservers/{name}/scopes/{scope}", "removeDHCPScope", "networks", "Forgets what is said there.",
        .json(.named("DHCPServer"))
      ) { service, request throws(ServiceError) in
        let scope = try DHCPScope(request.name("scope"), service.registry)
        return try service.changeServer(request.name("name")) { entry throws(ServiceError) in
          guard scope.isThere(in: entry) else {
            throw ServiceError(.objectNotFound, "The DHCP server says nothing for '\(scope.text)'", .registry)
          }
          scope.replace(in: &entry, with: nil)
        }
      },
      Route(
        .get, "dhcpservers/{name}/leases", "listLeases", "networks",
        "What a DHCP server has given away, while it runs.",
        .json(
          .list(
            .object([
              Schema.member("mac", .text, "Of the card."), Schema.member("address", .text, "That it was given."),
              Schema.member("issued", Schemas.count, "Seconds since 1970."),
              Schema.member("expiration", Schemas.count, "Seconds from then."),
            ])))
      ) { service, request throws(ServiceError) in
        let leases = try service.registry.networkService(request.name("name"))?.command("leases")["leases"]?.array ?? []
        return .json(
          .array(
            leases.map { lease in
              [
                "mac": lease["mac"] ?? "", "address": lease["address"] ?? "", "issued": lease["issued"] ?? 0,
                "expiration": lease["expiration"] ?? 0,
              ]
            }))
      },
      Route(
        .get, "hostonlyinterfaces/{name}/status", "showHostOnlyInterface", "networks",
        "How the host is on the interface's network; empty while no machine is on it.", .json(.map(.any))
      ) { service, request throws(ServiceError) in
        let name = request.name("name")
        try service.requireInterface(name)
        let network = VirtualNetwork.hostOnlyPrefix + name
        return .json(try service.registry.networkService(network)?.command("status")["status"] ?? [:])
      },
    ]

  private static func forwards(_ family: AddressFamily) -> [Route] {
    let path = "natnetworks/{name}/forwards\(family.suffix)"
    return [
      Route(
        .post, path, "addNetworkForward\(family.suffix)", "networks",
        "Adds a port forward of IPv\(family.rawValue) to a NAT network.", .json(.named("NATNetwork"))
      ) { service, request throws(ServiceError) in
        let rule = try PortRule(parsing: request.text("rule") ?? "")
        return try service.changeNATNetwork(request) { entry throws(ServiceError) in
          try entry.addNATForward(rule, family)
        }
      }.taking(
        .object([
          Schema.member(
            "rule", family == .ipv4 ? .rule : .rule6, "NAME,tcp|udp,HOST-IP,HOST-PORT,GUEST-IP,GUEST-PORT")
        ])),
      Route(
        .delete, "\(path)/{rule}", "removeNetworkForward\(family.suffix)", "networks",
        "Takes a port forward of IPv\(family.rawValue) of a NAT network away.", .json(.named("NATNetwork"))
      ) { service, request throws(ServiceError) in
        try service.changeNATNetwork(request) { entry throws(ServiceError) in
          try entry.removeNATForward(request.name("rule"), family)
        }
      },
    ]
  }
  private static func loopbacks(_ family: AddressFamily) -> [Route] {
    let path = "natnetworks/{name}/loopbacks\(family.suffix)/{address\(family.suffix)}"
    @Sendable func address(_ request: APIRequest) -> String { request.name("address\(family.suffix)") }
    return [
      Route(
        .put, path, "setLoopback\(family.suffix)", "networks",
        "Says where in a NAT network machines reach services on an address of IPv\(family.rawValue) of the host's own, as "
          + "127.0.0.1.", .json(.named("NATNetwork"))
      ) { service, request throws(ServiceError) in
        let offset = UInt32(clamping: request.integer("offset") ?? 0)
        return try service.changeNATNetwork(request) { entry throws(ServiceError) in
          try entry.mapNATLoopback(LoopbackMapping(address: address(request), offset: offset), family)
        }
      }.taking(
        .object([
          Schema.member(
            "offset", .integer(1...Int64(LoopbackMapping.largestOffset)), "From the network's first address on.")
        ])),
      Route(
        .delete, path, "removeLoopback\(family.suffix)", "networks",
        "Makes services there unreachable for a NAT network.", .json(.named("NATNetwork"))
      ) { service, request throws(ServiceError) in
        try service.changeNATNetwork(request) { entry throws(ServiceError) in
          try entry.removeNATLoopback(address(request), family)
        }
      },
    ]
  }

  /// `start` keeps the service of a network even without machines, until `stop`.
  private static func power(
    _ path: String, _ id: String, _ text: String, _ network: @escaping @Sendable (String) -> String
  ) -> [Route] {
    [
      Route(
        .post, "\(path)/{name}/start", "start\(id)", "networks", "Makes a \(text) live, even without machines.",
        .nothing
      ) { service, request throws(ServiceError) in
        let name = request.name("name")
        try service.requireNetwork(path, name)
        if name.hasPrefix(VirtualNetwork.hostOnlyPrefix) {
          try service.requireInterface(String(name.dropFirst(VirtualNetwork.hostOnlyPrefix.count)))
        }
        try service.registry.startNetwork(
          network(name), program: VirtualNetwork.program(beside: service.program), stays: true)
        return .nothing
      },
      Route(
        .post, "\(path)/{name}/stop", "stop\(id)", "networks",
        "Ends a \(text) until a machine or somebody wants it again.", .nothing
      ) { service, request throws(ServiceError) in
        let name = request.name("name")
        try service.requireNetwork(path, name)
        if path == "dhcpservers" {
          // The network may need its service for more than this server.
          try service.registry.refreshNetwork(network(name), withDHCP: false)
        } else {
          try service.registry.stopNetwork(network(name))
        }
        return .nothing
      },
    ]
  }
}

extension MachineService {
  fileprivate func requireNetwork(_ path: String, _ name: String) throws(ServiceError) {
    guard let shape = NetworkShape.all.first(where: { $0.path == path }),
      try registry.networks(shape.list).contains(where: { $0[shape.list.key] == name })
    else { throw ServiceError(.objectNotFound, "Could not find a network named '\(name)'", .registry) }
  }
  /// Changes an entry that is there; what is live follows.
  private func changeEntry(
    _ id: String, _ name: String, _ body: (inout SettingsElement) throws(ServiceError) -> Void
  ) throws(ServiceError) -> APIResponse {
    guard let shape = NetworkShape.all.first(where: { $0.id == id }) else {
      throw ServiceError(.failure, "There are no networks of the kind \(id)", .registry)
    }
    var answer = JSON.null
    try changeNetwork(shape, name) { entry throws(ServiceError) in
      guard var changed = entry else { throw shape.missing(name) }
      try body(&changed)
      entry = changed
      answer = shape.json(changed)
    }
    return .json(answer)
  }
  fileprivate func changeNATNetwork(
    _ request: APIRequest, _ body: (inout SettingsElement) throws(ServiceError) -> Void
  ) throws(ServiceError) -> APIResponse { try changeEntry("NATNetwork", request.name("name"), body) }
  fileprivate func changeServer(
    _ name: String, _ body: (inout SettingsElement) throws(ServiceError) -> Void
  ) throws(ServiceError) -> APIResponse { try changeEntry("DHCPServer", name, body) }
}

extension AddressFamily {
  /// Behind names of what belongs to the family; those of IPv4 are older.
  var suffix: String { self == .ipv4 ? "" : "6" }
}

extension LoopbackMapping {
  var json: JSON { ["address": .string(address), "offset": .integer(Int64(offset))] }
}
