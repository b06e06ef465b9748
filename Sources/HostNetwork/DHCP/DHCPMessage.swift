import HostSystem

/// A message of a DHCP client (RFC 2131), taken out of an Ethernet frame. Frames come from guests: what is odd in any way
/// is no message.
struct DHCPMessage: Equatable {
  /// Option 53 (RFC 2132, 9.6).
  enum Kind: UInt8 {
    case discover = 1, offer, request, decline, acknowledge, refuse, release, inform
  }
  var kind: Kind
  /// `xid`, which the answer repeats.
  var transaction: UInt32
  /// The top bit: the answer must go to everybody.
  var flags: UInt16
  /// `ciaddr`: the address that the client has already.
  var clientAddress: UInt32
  /// `chaddr`.
  var hardware: [UInt8]
  /// By number; those that come in several pieces are put together (RFC 3396).
  var options: [UInt8: [UInt8]]

  /// Who sends it.
  var client: DHCPGroup.Client {
    DHCPGroup.Client(hardware: hardware, vendorClass: options[60], userClass: options[77])
  }

  static let clientPort = 68, serverPort = 67
  /// Operation to the end of `file`.
  static let fixedSize = 236
  static let cookie: [UInt8] = [0x63, 0x82, 0x53, 0x63]

  init?(frame: [UInt8]) {
    guard let payload = DHCPMessage.payload(frame), payload.count >= DHCPMessage.fixedSize + 4 else { return nil }
    let bytes = Array(payload)
    // A request over Ethernet that no relay agent has passed on.
    guard bytes[0] == 1, bytes[1] == 1, bytes[2] == 6, IPv4Packet.word(bytes, 24) == 0,
      Array(bytes[DHCPMessage.fixedSize..<(DHCPMessage.fixedSize + 4)]) == DHCPMessage.cookie
    else { return nil }
    transaction = IPv4Packet.word(bytes, 4)
    flags = UInt16(bytes[10]) << 8 | UInt16(bytes[11])
    clientAddress = IPv4Packet.word(bytes, 12)
    hardware = Array(bytes[28..<34])
    // Nobody is a group.
    guard hardware[0] & 1 == 0, let options = DHCPMessage.options(bytes[(DHCPMessage.fixedSize + 4)...]),
      let type = options[53], type.count == 1, let kind = Kind(rawValue: type[0])
    else { return nil }
    self.options = options
    self.kind = kind
  }

  /// What stands in a UDP packet for a DHCP server.
  private static func payload(_ frame: [UInt8]) -> ArraySlice<UInt8>? {
    guard let packet = IPv4Packet(frame: frame), packet.isWhole, packet.protocolNumber == 17,
      packet.payload.count >= 8, packet.destinationPort == serverPort
    else { return nil }
    let start = packet.payload.lowerBound
    let length = Int(frame[start + 4]) << 8 | Int(frame[start + 5])
    guard length >= 8, length <= packet.payload.count else { return nil }
    return frame[(start + 8)..<(start + length)]
  }
  /// Whether a frame is for a DHCP server, well-formed or not.
  static func isForServer(_ frame: [UInt8]) -> Bool {
    guard let packet = IPv4Packet(frame: frame), packet.protocolNumber == 17 else { return false }
    return packet.destinationPort == serverPort
  }

  private static func options(_ bytes: ArraySlice<UInt8>) -> [UInt8: [UInt8]]? {
    var options: [UInt8: [UInt8]] = [:]
    var at = bytes.startIndex
    while at < bytes.endIndex {
      let number = bytes[at]
      if number == 255 { return options }
      at += 1
      // Padding.
      if number == 0 { continue }
      guard at < bytes.endIndex else { return nil }
      let count = Int(bytes[at])
      guard at + 1 + count <= bytes.endIndex else { return nil }
      options[number, default: []] += bytes[(at + 1)..<(at + 1 + count)]
      at += 1 + count
    }
    // Clients that forget the end exist.
    return options
  }

  /// An address in an option.
  func address(_ option: UInt8) -> UInt32? {
    guard let bytes = options[option], bytes.count == 4 else { return nil }
    return IPv4Packet.word(bytes, 0)
  }
  /// Option 51, in seconds.
  var wantedLease: UInt32? { address(51) }
}

/// The places of things in an IPv4 packet (RFC 791) within an Ethernet frame.
struct IPv4Packet {
  var source: UInt32, destination: UInt32
  var protocolNumber: UInt8
  /// Not a fragment.
  var isWhole: Bool
  /// Behind the header, to the end that the header tells.
  var payload: Range<Int>
  /// 0 where there is none.
  var destinationPort: Int

  /// nil: no IPv4, or not well-formed.
  init?(frame: [UInt8]) {
    guard frame.count >= 34, frame[12] == 8, frame[13] == 0, frame[14] >> 4 == 4 else { return nil }
    let header = Int(frame[14] & 0xf) * 4
    let total = Int(frame[16]) << 8 | Int(frame[17])
    guard header >= 20, total >= header, 14 + total <= frame.count else { return nil }
    protocolNumber = frame[23]
    source = IPv4Packet.word(frame, 26)
    destination = IPv4Packet.word(frame, 30)
    // More fragments, or an offset.
    isWhole = (UInt16(frame[20]) << 8 | UInt16(frame[21])) & 0x3fff == 0
    payload = (14 + header)..<(14 + total)
    let hasPorts = [6, 17].contains(protocolNumber) && isWhole && payload.count >= 4
    destinationPort = hasPorts ? Int(frame[payload.lowerBound + 2]) << 8 | Int(frame[payload.lowerBound + 3]) : 0
  }
  /// Big-endian; the caller knows that it is there.
  static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8 | UInt32(bytes[at + 3])
  }
  static func bytes(_ word: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
  }

  /// The ones' complement sum of RFC 1071.
  static func checksum(_ bytes: some Sequence<UInt8>, _ start: UInt32 = 0) -> UInt16 {
    var total = start
    var high: UInt8?
    for byte in bytes {
      if let first = high {
        total &+= UInt32(first) << 8 | UInt32(byte)
        high = nil
      } else {
        high = byte
      }
    }
    if let high { total &+= UInt32(high) << 8 }
    while total > 0xffff { total = total >> 16 + total & 0xffff }
    return ~UInt16(truncatingIfNeeded: total)
  }
  /// A frame with one UDP packet.
  static func udp(
    _ payload: [UInt8], from source: IPv4Endpoint, to destination: IPv4Endpoint, hardware: [UInt8], own: [UInt8]
  ) -> [UInt8] {
    func half(_ value: Int) -> [UInt8] { [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)] }
    let ends = bytes(source.address) + bytes(destination.address)
    let length = half(8 + payload.count)
    var udp = half(Int(source.port)) + half(Int(destination.port)) + length + [0, 0] + payload
    let sum = checksum(ends + [0, 17] + length + udp)
    udp.replaceSubrange(6..<8, with: half(sum == 0 ? 0xffff : Int(sum)))
    var header: [UInt8] = [0x45, 0] + half(20 + udp.count) + [0, 0, 0, 0, 64, 17, 0, 0] + ends
    header.replaceSubrange(10..<12, with: half(Int(checksum(header))))
    return hardware + own + [8, 0] + header + udp
  }
}
