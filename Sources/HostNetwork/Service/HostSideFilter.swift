/// What of a network's frames the host's TCP/IP stack gets to see: what is for the host, and what it is to route. The
/// rest goes on between cards, and what is malformed goes nowhere.
struct HostSideFilter: Sendable {
  /// The network and the host's own addresses in it.
  var network: UInt32, mask: UInt32
  var own: Set<UInt32>
  /// Frames for addresses elsewhere are taken, too.
  var routes: Bool
  var ipv6: Bool

  func takes(_ frame: [UInt8]) -> Bool {
    guard frame.count >= 34 else { return false }
    switch (frame[12], frame[13]) {
    case (8, 6): return true
    case (8, 0):
      // The host's addresses all begin like this on the wire.
      guard frame[0] == 0x52, frame[1] == 0x55, let packet = IPv4Packet(frame: frame) else { return false }
      return packet.destination & mask == network ? own.contains(packet.destination) : routes
    case (0x86, 0xdd):
      // Neighbours and routers are looked for by groups (RFC 4861).
      let isForGroup = frame[0] == 0x33 && frame[1] == 0x33 && frame.count >= 54 && frame[20] == 58
      return ipv6 && routes && (isForGroup || frame[0] == 0x52 && (frame[1] == 0x55 || frame[1] == 0x56))
    default: return false
    }
  }

  /// The answer to an ARP request (RFC 826) for one of `addresses`; nil for all else.
  static func answerARP(_ frame: [UInt8], for addresses: [UInt32], hardware: (UInt32) -> [UInt8]) -> [UInt8]? {
    guard frame.count >= 42, Array(frame[12..<22]) == [8, 6, 0, 1, 8, 0, 6, 4, 0, 1] else { return nil }
    let target = IPv4Packet.word(frame, 38)
    guard addresses.contains(target), frame[6] & 1 == 0 else { return nil }
    let own = hardware(target), asker = Array(frame[6..<12])
    let answer = asker + own + [8, 6, 0, 1, 8, 0, 6, 4, 0, 2] + own + IPv4Packet.bytes(target) + frame[22..<32]
    return answer + [UInt8](repeating: 0, count: 18)
  }

  /// The answer to an echo request (RFC 792) for one of `addresses`; nil for all else.
  static func answerEcho(_ frame: [UInt8], for addresses: [UInt32]) -> [UInt8]? {
    guard let packet = IPv4Packet(frame: frame), packet.isWhole, packet.protocolNumber == 1,
      packet.payload.count >= 8, frame[packet.payload.lowerBound] == 8, addresses.contains(packet.destination),
      frame[6] & 1 == 0
    else { return nil }
    var answer = Array(frame[..<packet.payload.upperBound])
    answer.replaceSubrange(0..<6, with: frame[6..<12])
    answer.replaceSubrange(6..<12, with: [0x52, 0x55] + IPv4Packet.bytes(packet.destination))
    // Swapped ends keep the header's sum.
    answer.replaceSubrange(26..<30, with: frame[30..<34])
    answer.replaceSubrange(30..<34, with: frame[26..<30])
    let start = packet.payload.lowerBound
    answer.replaceSubrange(start..<(start + 4), with: [0, frame[start + 1], 0, 0])
    let sum = IPv4Packet.checksum(answer[start...])
    answer.replaceSubrange((start + 2)..<(start + 4), with: [UInt8(sum >> 8), UInt8(sum & 0xff)])
    return answer
  }
}
