/// TCP segmentation as network cards do it for their drivers: one large packet with a header of the right shape becomes
/// as many frames as its data fills.
///
/// Pure; all offsets come from a guest and are checked against the packet.
struct Segmentation {
  /// Bytes of all headers, Ethernet to TCP.
  var headerSize: Int
  /// Payload bytes of each frame but the last.
  var segmentSize: Int
  /// First byte of the IP header.
  var network: Int
  /// First byte of the TCP (or UDP) header.
  var transport: Int
  var isIPv4: Bool
  var isTCP: Bool
  /// Place of the IP header's checksum and the end of what it covers; nil: left as it is.
  var networkChecksum: (at: Int, end: Int)?
  /// Place of the TCP or UDP checksum, which holds the sum of the pseudo header without the length; nil: left.
  var transportChecksum: Int?

  /// Frames that one packet may become: data of 64 KiB with segments of 16 bytes.
  static let frameLimit = 4096
  /// TCP flags that only the last segment may carry: FIN and PSH.
  private static let lastOnly: UInt8 = 0x09

  /// Whether every offset lies inside the headers, and the headers inside the packet.
  func fits(_ packet: [UInt8]) -> Bool {
    let transportSize = isTCP ? 20 : 8
    return segmentSize > 0 && network >= 14 && transport >= network + (isIPv4 ? 20 : 40)
      && headerSize >= transport + transportSize && headerSize <= packet.count
      && (packet.count - headerSize) / segmentSize < Segmentation.frameLimit
      && networkChecksum.map { $0.at + 2 <= headerSize && $0.end <= headerSize } ?? true
      && transportChecksum.map { $0 >= 0 && $0 + 2 <= headerSize } ?? true
  }

  /// Calls `emit` with each frame, in order. Nothing is emitted when the offsets make no sense.
  func split(_ packet: [UInt8], _ emit: ([UInt8]) -> Void) {
    guard fits(packet) else { return }
    let payload = packet.count - headerSize
    var offset = 0
    var number = 0
    repeat {
      let size = min(segmentSize, payload - offset)
      var frame = Array(packet[..<headerSize])
      frame += packet[(headerSize + offset)..<(headerSize + offset + size)]
      finish(&frame, number: number, offset: offset, isLast: offset + size >= payload)
      emit(frame)
      offset += size
      number += 1
    } while offset < payload
  }

  private func finish(_ frame: inout [UInt8], number: Int, offset: Int, isLast: Bool) {
    typealias Sum = InternetChecksum
    if isIPv4 {
      Sum.put16(&frame, network + 2, UInt16(truncatingIfNeeded: frame.count - network))
      Sum.put16(&frame, network + 4, Sum.get16(frame, network + 4) &+ UInt16(truncatingIfNeeded: number))
    } else {
      Sum.put16(&frame, network + 4, UInt16(truncatingIfNeeded: frame.count - network - 40))
    }
    if let (at, end) = networkChecksum {
      Sum.put16(&frame, at, 0)
      Sum.put16(&frame, at, Sum.finish(Sum.add(frame, network, end)))
    }
    if isTCP {
      Sum.put32(&frame, transport + 4, Sum.get32(frame, transport + 4) &+ UInt32(truncatingIfNeeded: offset))
      if !isLast { frame[transport + 13] &= ~Segmentation.lastOnly }
      // CWR only in the first segment (RFC 3168).
      if number > 0 { frame[transport + 13] &= 0x7f }
    } else {
      Sum.put16(&frame, transport + 4, UInt16(truncatingIfNeeded: frame.count - transport))
    }
    if let at = transportChecksum {
      // The field already counts: it holds the pseudo header's sum, to which the length is added.
      let sum = Sum.add(frame, transport, frame.count, to: UInt64(frame.count - transport))
      Sum.put16(&frame, at, isTCP ? Sum.finish(sum) : Sum.finishUDP(sum))
    }
  }
}

extension Segmentation {
  /// The sum of a pseudo header without the length field, from the addresses in `packet` (RFC 9293, 3.1; RFC 8200, 8.1).
  static func pseudoHeaderSum(_ packet: [UInt8], network: Int, isIPv4: Bool, protocolNumber: UInt8) -> UInt16 {
    let addresses = isIPv4 ? (network + 12, network + 20) : (network + 8, network + 40)
    return InternetChecksum.fold(
      InternetChecksum.add(packet, addresses.0, addresses.1, to: UInt64(protocolNumber)))
  }
}
