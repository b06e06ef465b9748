import HostSystem

/// A DHCP server (RFC 2131) for one network: frames in, at most one frame out. A plain value; whoever has it says what
/// time it is.
public struct DHCPServer: Sendable {
  /// An address and whose it is.
  public struct Lease: Sendable, Equatable {
    /// The client's card.
    public var hardware: [UInt8]
    /// What it was given.
    public var address: UInt32
    /// Seconds since 1970, and how long from then.
    public var issued: Int64, duration: UInt32
    /// Only offered so far: for a moment.
    public var isOffer: Bool
    /// Whether it is over at `now`.
    public func isOver(at now: Int64) -> Bool { now - issued > Int64(duration) }
    /// Given, not only offered, unless told.
    public init(hardware: [UInt8], address: UInt32, issued: Int64, duration: UInt32, isOffer: Bool = false) {
      (self.hardware, self.address, self.issued, self.duration) = (hardware, address, issued, duration)
      self.isOffer = isOffer
    }
  }
  public private(set) var configuration: DHCPConfiguration
  /// By address. No more than the range has addresses, and fixed ones.
  private var leases: [UInt32: Lease] = [:]
  /// Addresses that somebody has who was not given them, and until when they are left alone.
  private var declined: [UInt32: Int64] = [:]
  /// Something that ought to be remembered has happened.
  public var hasNews = false

  /// How long an offer holds, and an address is left alone.
  private static let offerTime: UInt32 = 60
  private static let declineTime: Int64 = 600

  /// Goes on with what was given before, as far as that still fits.
  public init(_ configuration: DHCPConfiguration, leases: [Lease] = []) {
    self.configuration = configuration
    for lease in leases where isUsable(lease.address, lease.hardware) { self.leases[lease.address] = lease }
  }
  /// All that were given, by address.
  public var given: [Lease] { leases.values.filter { !$0.isOffer }.sorted { $0.address < $1.address } }

  /// Of the server, on the wire.
  public var hardware: [UInt8] { [0x52, 0x55] + IPv4Packet.bytes(configuration.server) }

  // MARK: Messages

  /// The answer to a frame; nil: none.
  public mutating func answer(_ frame: [UInt8], now: Int64) -> [UInt8]? {
    guard let message = DHCPMessage(frame: frame) else { return nil }
    // Meant for another server.
    if let server = message.address(54), server != configuration.server { return nil }
    switch message.kind {
    case .discover: return discover(message, now)
    case .request: return request(message, now)
    case .decline:
      if let address = message.address(50), let lease = leases[address], lease.hardware == message.hardware {
        leases[address] = nil
        declined[address] = now + DHCPServer.declineTime
        hasNews = true
      }
    case .release:
      if let lease = leases[message.clientAddress], lease.hardware == message.hardware {
        // Kept, so that the client finds it again as long as nobody needs it.
        leases[message.clientAddress]?.issued = now - Int64(lease.duration) - 1
        hasNews = true
      }
    case .inform:
      guard message.clientAddress & configuration.mask == configuration.server & configuration.mask else { return nil }
      return reply(message, .acknowledge, address: 0, lease: nil)
    case .offer, .acknowledge, .refuse: break
    }
    return nil
  }

  private mutating func discover(_ message: DHCPMessage, _ now: Int64) -> [UInt8]? {
    guard let address = choose(message, now) else { return nil }
    let time = leaseTime(message)
    // What was given before stays as long as it was said to.
    if leases[address]?.hardware != message.hardware || leases[address]?.isOver(at: now) == true {
      leases[address] = Lease(
        hardware: message.hardware, address: address, issued: now, duration: DHCPServer.offerTime, isOffer: true)
    }
    return reply(message, .offer, address: address, lease: time)
  }

  private mutating func request(_ message: DHCPMessage, _ now: Int64) -> [UInt8]? {
    // RFC 2131, 4.3.2: selecting and rebooting clients name the address in option 50, others have it.
    let wanted = message.address(50) ?? message.clientAddress
    guard wanted & configuration.mask == configuration.server & configuration.mask else {
      return reply(message, .refuse, address: 0, lease: nil)
    }
    guard isUsable(wanted, message.hardware), isFree(wanted, message.hardware, now) else {
      return reply(message, .refuse, address: 0, lease: nil)
    }
    // Of a client that it does not know a server says nothing when there may be others; here there are none.
    let time = leaseTime(message)
    drop(message.hardware, except: wanted)
    leases[wanted] = Lease(hardware: message.hardware, address: wanted, issued: now, duration: time)
    hasNews = true
    return reply(message, .acknowledge, address: wanted, lease: time)
  }
  /// A client has one address.
  private mutating func drop(_ hardware: [UInt8], except address: UInt32) {
    for lease in leases.values where lease.hardware == hardware && lease.address != address {
      leases[lease.address] = nil
    }
  }

  // MARK: Addresses

  /// Whether a client may have an address at all.
  private func isUsable(_ address: UInt32, _ hardware: [UInt8]) -> Bool {
    if let fixed = configuration.clients[hardware]?.address { return address == fixed }
    let isOther = configuration.clients.values.contains { $0.address == address }
    let host = address & ~configuration.mask
    return !isOther && (configuration.lower...configuration.upper).contains(address) && address != configuration.server
      && address != configuration.router && host != 0 && host != ~configuration.mask
  }
  private func isFree(_ address: UInt32, _ hardware: [UInt8], _ now: Int64) -> Bool {
    if let until = declined[address], until > now { return false }
    guard let lease = leases[address] else { return true }
    return lease.hardware == hardware || lease.isOver(at: now)
  }
  /// The address for a client: its fixed one, the one it had, the one it wants, one that nobody had, one whose lease is
  /// over longest.
  private mutating func choose(_ message: DHCPMessage, _ now: Int64) -> UInt32? {
    let hardware = message.hardware
    declined = declined.filter { $0.value > now }
    if let fixed = configuration.clients[hardware]?.address { return fixed }
    func suits(_ address: UInt32) -> Bool { isUsable(address, hardware) && isFree(address, hardware, now) }
    if let own = leases.values.first(where: { $0.hardware == hardware })?.address, suits(own) { return own }
    if let wanted = message.address(50), suits(wanted) { return wanted }
    if leases.count < Int(configuration.upper - configuration.lower) + 1 + configuration.clients.count {
      let new = (configuration.lower...configuration.upper).first { leases[$0] == nil && suits($0) }
      if let new { return new }
    }
    let over = leases.values.filter { $0.isOver(at: now) && suits($0.address) }
    return over.min { $0.issued + Int64($0.duration) < $1.issued + Int64($1.duration) }?.address
  }
  private func leaseTime(_ message: DHCPMessage) -> UInt32 {
    let times = configuration.scope(message.client).times
    // Ten minutes, as VirtualBox's server has it.
    let usual = times.usual ?? 600
    let (low, high) = (times.minimum ?? 1, max(times.maximum ?? max(usual, 86_400), times.minimum ?? 1))
    return min(max(message.wantedLease ?? usual, low), high)
  }

  // MARK: Answers

  private func reply(_ message: DHCPMessage, _ kind: DHCPMessage.Kind, address: UInt32, lease: UInt32?) -> [UInt8] {
    let scope = configuration.scope(message.client)
    let isRefusal = kind == .refuse
    let available = isRefusal ? [:] : self.options(scope, lease)
    var fixed: [UInt8] = [2, 1, 6, 0] + IPv4Packet.bytes(message.transaction) + [0, 0]
    fixed += [UInt8(message.flags >> 8), UInt8(message.flags & 0xff)]
    fixed += IPv4Packet.bytes(isRefusal ? 0 : message.clientAddress) + IPv4Packet.bytes(address)
    // `siaddr` is who has the file to boot: options 66 and 67 say it, too.
    let next = available[66].flatMap { IPv4Text.address(String(decoding: $0, as: UTF8.self)) }
    fixed += IPv4Packet.bytes(next ?? 0) + [0, 0, 0, 0] + message.hardware + [UInt8](repeating: 0, count: 10)
    fixed += DHCPServer.padded(available[66], to: 64) + DHCPServer.padded(available[67], to: 128)
    var options: [UInt8] = DHCPMessage.cookie + [53, 1, kind.rawValue, 54, 4] + IPv4Packet.bytes(configuration.server)
    for number in numbers(message, scope, available) {
      guard let value = available[number], options.count + value.count < 1000 else { continue }
      options += [number, UInt8(truncatingIfNeeded: value.count)] + value
    }
    options.append(255)
    // Old clients want a BOOTP message's length.
    options += [UInt8](repeating: 0, count: max(0, 64 - options.count))
    let isBroadcast = isRefusal || message.flags & 0x8000 != 0
    let target = address != 0 ? address : message.clientAddress
    return IPv4Packet.udp(
      fixed + options, from: IPv4Endpoint(address: configuration.server, port: UInt16(DHCPMessage.serverPort)),
      to: IPv4Endpoint(address: isBroadcast ? .max : target, port: UInt16(DHCPMessage.clientPort)),
      hardware: isBroadcast ? [UInt8](repeating: 0xff, count: 6) : message.hardware, own: hardware)
  }
  private static func padded(_ value: [UInt8]?, to count: Int) -> [UInt8] {
    // A zero ends the text.
    let text = Array((value ?? []).prefix(count - 1))
    return text + [UInt8](repeating: 0, count: count - text.count)
  }
  /// Everything that could be said.
  private func options(_ scope: DHCPConfiguration.Scope, _ lease: UInt32?) -> [UInt8: [UInt8]] {
    var options = scope.options
    options[1] = IPv4Packet.bytes(configuration.mask)
    if let router = configuration.router, options[3] == nil { options[3] = IPv4Packet.bytes(router) }
    if let server = configuration.nameServer, options[6] == nil { options[6] = IPv4Packet.bytes(server) }
    if let lease {
      options[51] = IPv4Packet.bytes(lease)
      options[58] = IPv4Packet.bytes(lease / 2)
      options[59] = IPv4Packet.bytes(lease / 8 * 7)
    }
    for number in scope.suppressed { options[number] = nil }
    return options
  }
  /// What is said: what must be, what was asked for in the client's order, what is forced.
  private func numbers(
    _ message: DHCPMessage, _ scope: DHCPConfiguration.Scope, _ available: [UInt8: [UInt8]]
  ) -> [UInt8] {
    var numbers: [UInt8] = [51, 1]
    let asked = message.options[55] ?? available.keys.sorted()
    for number in asked + scope.forced.sorted() where !numbers.contains(number) && ![0, 53, 54, 255].contains(number) {
      numbers.append(number)
    }
    return numbers
  }
}
