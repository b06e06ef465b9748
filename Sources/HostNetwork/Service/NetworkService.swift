import Base
import DeviceKit
import HostSystem
import Synchronization

/// What a network of several machines needs besides its switch: a DHCP server, and the host's side of it. It is a port of
/// the switch like any card, in a process of its own (ADR 0012).
public final class NetworkService: FrameReceiver {
  /// Frames that come from the host's side.
  private final class Inward: FrameReceiver {
    private let port: SwitchAttachment
    init(_ port: SwitchAttachment) { self.port = port }
    func receive(_ frames: [NetworkFrame]) { for frame in frames { port.transmit(frame) } }
    var waitingFrames: Int { port.waiting }
  }
  private struct Parts {
    var configuration: NetworkServiceConfiguration
    var dhcp: DHCPServer?
    var hostSide: (any NetworkAttachment)?
    var filter: HostSideFilter?
  }
  /// The switch.
  private let port: SwitchAttachment
  private let inward: Inward
  private let parts: Mutex<Parts>

  /// Opens everything; nothing moves yet.
  public init(_ configuration: NetworkServiceConfiguration) throws(NetworkError) {
    port = try SwitchAttachment(network: configuration.network, role: .host)
    inward = Inward(port)
    let leases = configuration.leaseFile.map(LeaseFile.read) ?? []
    parts = Mutex(
      Parts(configuration: configuration, dhcp: configuration.dhcp.map { DHCPServer($0, leases: leases) }))
    do throws(NetworkError) {
      let (side, filter) = try NetworkService.open(configuration)
      parts.withLock { ($0.hostSide, $0.filter) = (side, filter) }
    } catch {
      port.close()
      throw error
    }
  }
  private static func open(
    _ configuration: NetworkServiceConfiguration
  ) throws(NetworkError) -> ((any NetworkAttachment)?, HostSideFilter?) {
    switch configuration.hostSide {
    case .none: return (nil, nil)
    case .tap(let name): return (try TapAttachment(interface: name), nil)
    case .nat(let nat), .host(let nat):
      var routes = false
      if case .nat = configuration.hostSide { routes = true }
      var own: Set = [nat.hostAddress ?? nat.network | 2]
      if routes { own.insert(nat.nameServer ?? nat.network | 3) }
      return (
        try NATAttachment(nat),
        HostSideFilter(network: nat.network, mask: nat.mask, own: own, routes: routes, ipv6: nat.ipv6)
      )
    }
  }
  /// Frames flow from here on.
  public func start() throws(NetworkError) {
    try parts.withLock { $0.hostSide }?.start(inward)
    try port.start(self)
  }
  /// Ends every thread; leases are written.
  public func close() {
    port.close()
    parts.withLock { parts in
      defer { parts.hostSide = nil }
      return parts.hostSide
    }?.close()
    saveLeases()
  }

  // MARK: Frames

  public let waitingFrames = 0
  public func receive(_ frames: [NetworkFrame]) {
    for frame in frames { take(frame) }
  }
  private func take(_ frame: NetworkFrame) {
    let bytes = frame.bytes
    let now = HostClock.wallNanoseconds / 1_000_000_000
    let (answer, onward) = parts.withLock { parts -> ([UInt8]?, (any NetworkAttachment)?) in
      if DHCPMessage.isForServer(bytes) {
        // The host's TCP/IP stack has a DHCP server, too, which knows of one guest only. On a tap somebody else may
        // have one.
        if parts.dhcp != nil { return (parts.dhcp?.answer(bytes, now: now), nil) }
        return (nil, parts.filter == nil ? parts.hostSide : nil)
      }
      var addresses = parts.configuration.aliases
      // With a NAT the name server may have the DHCP server's address, and the stack answers for it.
      if let dhcp = parts.dhcp, parts.filter?.own.contains(dhcp.configuration.server) != true {
        addresses.append(dhcp.configuration.server)
      }
      if let answer = HostSideFilter.answerARP(
        bytes, for: addresses, hardware: { [0x52, 0x55] + IPv4Packet.bytes($0) })
      {
        return (answer, nil)
      }
      if let answer = HostSideFilter.answerEcho(bytes, for: addresses) { return (answer, nil) }
      if let filter = parts.filter { return (nil, filter.takes(bytes) ? parts.hostSide : nil) }
      return (nil, parts.hostSide)
    }
    if let answer { port.transmit(NetworkFrame(answer)) }
    onward?.transmit(frame)
  }

  // MARK: Changes and news

  /// Goes over to other settings. The host's side is opened anew only when more than its port forwards is different:
  /// that ends its connections.
  public func change(to new: NetworkServiceConfiguration) throws(NetworkError) {
    let (old, side) = parts.withLock { ($0.configuration, $0.hostSide) }
    guard new.network == old.network else { throw NetworkError("this is the service of '\(old.network)'") }
    if NetworkService.plain(old.hostSide) != NetworkService.plain(new.hostSide) {
      side?.close()
      // Should the new one not open, there is none: what was before can be asked for again.
      parts.withLock { ($0.hostSide, $0.filter, $0.configuration.hostSide) = (nil, nil, .none) }
      let (side, filter) = try NetworkService.open(new)
      try side?.start(inward)
      parts.withLock { ($0.hostSide, $0.filter) = (side, filter) }
    } else if let nat = side as? NATAttachment {
      let wanted = NetworkService.forwards(new.hostSide)
      for rule in nat.activeForwards where !wanted.contains(rule) { try nat.remove(rule) }
      for rule in wanted where !nat.activeForwards.contains(rule) { try nat.add(rule) }
    }
    parts.withLock { parts in
      let leases = parts.dhcp?.given ?? new.leaseFile.map(LeaseFile.read) ?? []
      parts.dhcp = new.dhcp.map { DHCPServer($0, leases: leases) }
      // Somebody who wants it to stay wants that until it is told to stop.
      let stays = old.stays || new.stays
      parts.configuration = new
      parts.configuration.stays = stays
    }
  }
  private static func plain(_ side: NetworkServiceConfiguration.HostSide) -> NetworkServiceConfiguration.HostSide {
    switch side {
    case .nat(var nat):
      nat.forwards = []
      return .nat(nat)
    case .host(var nat):
      nat.forwards = []
      return .host(nat)
    default: return side
    }
  }
  private static func forwards(_ side: NetworkServiceConfiguration.HostSide) -> [PortForward] {
    switch side {
    case .nat(let nat), .host(let nat): nat.forwards
    default: []
    }
  }

  /// Ports of the switch that machines have open.
  public var machines: Int { port.livePorts }
  /// Whether it stays without machines.
  public var stays: Bool { parts.withLock { $0.configuration.stays } }
  /// All that the DHCP server gave.
  public var leases: [DHCPServer.Lease] { parts.withLock { $0.dhcp?.given ?? [] } }
  /// Writes the leases down when there is something new.
  public func saveLeases() {
    let (path, leases) = parts.withLock { parts -> (String?, [DHCPServer.Lease]) in
      guard parts.dhcp?.hasNews == true else { return (nil, []) }
      parts.dhcp?.hasNews = false
      return (parts.configuration.leaseFile, parts.dhcp?.given ?? [])
    }
    guard let path else { return }
    // What cannot be written is remembered as long as this process lives.
    try? LeaseFile.write(leases, to: path, now: HostClock.wallNanoseconds / 1_000_000_000)
  }
  /// For people and programs.
  public var status: JSON {
    let machines = machines
    return parts.withLock { parts in
      let nat = parts.hostSide as? NATAttachment
      return [
        "network": .string(parts.configuration.network), "ports": .integer(Int64(machines)),
        "stays": .bool(parts.configuration.stays), "dhcp": .bool(parts.dhcp != nil),
        "hostSide": parts.hostSide.map { .string($0.summary) } ?? .null,
        "forwards": .array((nat?.activeForwards ?? []).map { .string($0.description) }),
      ]
    }
  }
}
