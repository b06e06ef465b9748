import Base
import DeviceKit
import HostSystem

/// A port of the host that leads into the guest.
public struct PortForward: Sendable, Equatable, CustomStringConvertible {
  /// Protocols that can be forwarded.
  public enum Transport: String, Sendable, CaseIterable { case tcp, udp }
  /// Protocol of the rule.
  public var transport: Transport
  /// Where the host listens. 127.0.0.1 unless told: others reach the guest only when that was asked for.
  public var host: IPv4Endpoint
  /// Where it leads; address 0 means the guest that DHCP serves first.
  public var guest: IPv4Endpoint

  public init(transport: Transport, host: IPv4Endpoint, guest: IPv4Endpoint) {
    self.transport = transport
    self.host = host
    self.guest = guest
  }

  /// Reads `tcp:127.0.0.1:2222-:22`: protocol, host address and port, guest address and port. Both addresses may be
  /// empty.
  public init(parsing text: String) throws(NetworkError) {
    func wrong(_ why: String) -> NetworkError { NetworkError("port forward '\(text)': \(why)") }
    let form = "expected tcp|udp:[ADDRESS]:PORT-[ADDRESS]:PORT"
    guard let colon = text.firstIndex(of: ":"), let dash = text.firstIndex(of: "-"), colon < dash else {
      throw wrong(form)
    }
    guard let transport = Transport(rawValue: String(text[..<colon])) else {
      throw wrong("'\(text[..<colon])' is neither tcp nor udp")
    }
    let sides = [text[text.index(after: colon)..<dash], text[text.index(after: dash)...]]
    var ends: [IPv4Endpoint] = []
    for (side, fallback) in zip(sides, [0x7f00_0001, 0] as [UInt32]) {
      guard let end = IPv4Text.endpoint(side, fallback: fallback), end.port > 0 else {
        throw wrong("'\(side)' is no address and port; \(form)")
      }
      ends.append(end)
    }
    self.init(transport: transport, host: ends[0], guest: ends[1])
  }

  /// What `init(parsing:)` reads.
  public var description: String {
    let guestAddress = guest.address == 0 ? "" : IPv4Text.text(guest.address)
    return "\(transport.rawValue):\(IPv4Text.text(host.address)):\(host.port)-\(guestAddress):\(guest.port)"
  }
}

/// IPv4 addresses in dotted decimal.
public enum IPv4Text {
  /// The address in host byte order; nil unless it has four decimal numbers.
  public static func address(_ text: some StringProtocol) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var value: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
        let byte = UInt8(part)
      else { return nil }
      value = value << 8 | UInt32(byte)
    }
    return value
  }
  /// An address in host byte order as text.
  public static func text(_ address: UInt32) -> String {
    stride(from: 24, through: 0, by: -8).map { String(address >> UInt32($0) & 0xff) }.joined(separator: ".")
  }
  /// `[ADDRESS]:PORT`.
  public static func endpoint(_ text: some StringProtocol, fallback: UInt32? = nil) -> IPv4Endpoint? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = UInt16(parts[1]),
      let address = parts[0].isEmpty ? fallback : address(parts[0])
    else { return nil }
    return IPv4Endpoint(address: address, port: port)
  }
}

/// The network behind a NAT.
public struct NATConfiguration: Sendable, Equatable {
  /// Network address and bits of its mask: the host's side is .2, the name server .3, the first guest .15.
  public var network: UInt32 = 0x0a00_0200
  /// Bits of the network mask.
  public var prefix = 24
  /// Ports of the host that lead into the guest.
  public var forwards: [PortForward] = []
  /// Folder whose files TFTP serves; nil: no TFTP.
  public var tftpFolder: String?
  /// What DHCP names as the file to boot.
  public var bootFile: String?
  /// Whether the network has IPv6 as well.
  public var ipv6 = true
  /// The guest reaches services on the host's own loopback address through the host's side of the network.
  public var reachesLoopback = false
  /// The guest reaches nothing but what is forwarded.
  public var isRestricted = false
  /// The host's side and the name server, where they are not at .2 and .3.
  public var hostAddress: UInt32?, nameServer: UInt32?
  /// Name that DHCP gives the guest.
  public var hostName: String?
  public init() {}

  /// Sets the network from `10.0.2.0/24`; masks of 8 to 28 bits leave room for the addresses that are needed.
  public mutating func setNetwork(_ text: String) throws(NetworkError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPv4Text.address(parts[0]), let bits = Int(parts[1]), (8...28).contains(bits)
    else { throw NetworkError("network '\(text)': expected ADDRESS/BITS with 8 to 28 bits, such as 10.0.2.0/24") }
    let mask = UInt32.max << UInt32(32 - bits)
    guard address & ~mask == 0 else {
      throw NetworkError("network '\(text)': did you mean \(IPv4Text.text(address & mask))/\(bits)?")
    }
    (network, prefix) = (address, bits)
  }
  /// The network mask, from its bits.
  public var mask: UInt32 { UInt32.max << UInt32(32 - prefix) }
  /// Last of the address that the guest gets: 15, or 4 in a network of 16 addresses.
  public var guestNumber: UInt32 { prefix > 27 ? 4 : 15 }
}
