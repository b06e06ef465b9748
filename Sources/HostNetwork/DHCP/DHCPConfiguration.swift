/// What a DHCP server gives, as `dhcpserver` has it.
public struct DHCPConfiguration: Sendable, Equatable {
  /// How long an address is somebody's, in seconds.
  public struct Times: Sendable, Equatable {
    /// No lease is shorter; what clients get that ask for nothing; none is longer. nil: as the server has it.
    public var minimum: UInt32?, usual: UInt32?, maximum: UInt32?
    /// As the server has it, unless told.
    public init(minimum: UInt32? = nil, usual: UInt32? = nil, maximum: UInt32? = nil) {
      (self.minimum, self.usual, self.maximum) = (minimum, usual, maximum)
    }
  }
  /// What holds for all clients, or for one.
  public struct Scope: Sendable, Equatable {
    /// Of leases.
    public var times = Times()
    /// By number, ready to be sent.
    public var options: [UInt8: [UInt8]] = [:]
    /// Sent whether the client asks or not; never sent.
    public var forced: Set<UInt8> = [], suppressed: Set<UInt8> = []
    /// Nothing in particular.
    public init() {}
  }
  /// One client.
  public struct Client: Sendable, Equatable {
    /// Its address, always; nil: as others.
    public var address: UInt32?
    /// Before what is everybody's.
    public var scope = Scope()
    /// As others, unless told.
    public init(address: UInt32? = nil, scope: Scope = Scope()) { (self.address, self.scope) = (address, scope) }
  }

  /// The server's own address.
  public var server: UInt32
  /// Of the network.
  public var mask: UInt32
  /// Addresses that are given away, both ends included.
  public var lower: UInt32, upper: UInt32
  /// Given in options 3 and 6 unless options say otherwise; nil: none.
  public var router: UInt32?, nameServer: UInt32?
  /// For all clients.
  public var global = Scope()
  /// Of clients with something in common; of several that a client is in the first counts most.
  public var groups: [DHCPGroup] = []
  /// By card address.
  public var clients: [[UInt8]: Client] = [:]

  /// nil when the range is none: it must lie within the server's network, and have 65 536 addresses at most.
  public init?(server: UInt32, mask: UInt32, lower: UInt32, upper: UInt32) {
    let isMask = mask != 0 && ~mask & (~mask &+ 1) == 0
    guard isMask, lower <= upper, upper - lower < 65536, lower & mask == server & mask, upper & mask == server & mask
    else { return nil }
    (self.server, self.mask, self.lower, self.upper) = (server, mask, lower, upper)
  }
  /// What holds for a client: its own before that of its groups, the first first, and that before what is everybody's.
  func scope(_ client: DHCPGroup.Client) -> Scope {
    var scope = global
    for group in groups.reversed() where group.contains(client) { scope.put(over: group.scope) }
    if let own = clients[client.hardware]?.scope { scope.put(over: own) }
    return scope
  }
}

extension DHCPConfiguration.Scope {
  /// What `other` says comes first.
  fileprivate mutating func put(over other: DHCPConfiguration.Scope) {
    options.merge(other.options) { $1 }
    times = DHCPConfiguration.Times(
      minimum: other.times.minimum ?? times.minimum, usual: other.times.usual ?? times.usual,
      maximum: other.times.maximum ?? times.maximum)
    forced.formUnion(other.forced)
    suppressed.formUnion(other.suppressed)
  }
}

/// The values of options as people write them (RFC 2132 and what came after).
public enum DHCPOptionText {
  private static let addresses: Set<UInt8> = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 41, 42, 44, 45, 48, 49, 65, 68, 69, 70, 71, 72, 73, 74, 75, 76,
  ]
  private static let pairs: Set<UInt8> = [21, 33]
  private static let singles: Set<UInt8> = [1, 16, 28, 32, 50, 54, 118]
  private static let bytes: Set<UInt8> = [19, 20, 23, 27, 29, 30, 31, 34, 36, 37, 39, 46, 52, 116]
  private static let halves: Set<UInt8> = [13, 22, 26, 57]
  private static let words: Set<UInt8> = [2, 24, 35, 38, 51, 58, 59, 91, 92]

  /// The bytes of an option's value; nil when the text does not fit the option. Numbers that no table knows are text.
  public static func encode(_ number: UInt8, _ text: String, isHex: Bool = false) -> [UInt8]? {
    guard number != 0, number != 255 else { return nil }
    let value: [UInt8]?
    let parts = text.split { $0 == " " || $0 == "," }.map(String.init)
    if isHex {
      value = hex(text)
    } else if addresses.contains(number) {
      value = list(parts)
    } else if pairs.contains(number) {
      value = parts.count % 2 == 0 ? list(parts) : nil
    } else if singles.contains(number) {
      value = parts.count == 1 ? list(parts) : nil
    } else if bytes.contains(number) {
      value = UInt8(text).map { [$0] }
    } else if halves.contains(number) {
      value = UInt16(text).map { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
    } else if words.contains(number) {
      value = UInt32(text).map(IPv4Packet.bytes)
    } else if number == 121 {
      value = routes(parts)
    } else {
      value = Array(text.utf8)
    }
    guard let value, (1...255).contains(value.count) else { return nil }
    return value
  }
  private static func list(_ parts: [String]) -> [UInt8]? {
    let numbers = parts.compactMap { IPv4Text.address($0) }
    return numbers.count == parts.count ? numbers.flatMap(IPv4Packet.bytes) : nil
  }
  private static func hex(_ text: String) -> [UInt8]? {
    let digits = text.filter { $0 != ":" && $0 != " " }
    guard digits.utf8.count % 2 == 0 else { return nil }
    var value: [UInt8] = []
    var rest = digits[...]
    while !rest.isEmpty {
      guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
      value.append(byte)
      rest = rest.dropFirst(2)
    }
    return value
  }
  /// "10.0.0.0/8 192.168.1.1 ...": destinations and their routers (RFC 3442).
  private static func routes(_ parts: [String]) -> [UInt8]? {
    guard parts.count % 2 == 0 else { return nil }
    var value: [UInt8] = []
    for index in stride(from: 0, to: parts.count, by: 2) {
      let network = parts[index].split(separator: "/").map(String.init)
      guard network.count == 2, let address = IPv4Text.address(network[0]), let bits = UInt8(network[1]), bits <= 32,
        let router = IPv4Text.address(parts[index + 1])
      else { return nil }
      value += [bits] + IPv4Packet.bytes(address).prefix(Int(bits + 7) / 8) + IPv4Packet.bytes(router)
    }
    return value
  }
}
