import Base
import DeviceConformance
import DeviceKit

@testable import Devices

/// Packets for the tests of network cards, and what is right in them.
enum Packets {
  static let mac = MACAddress(0x08, 0x00, 0x27, 0x01, 0x02, 0x03)
  static let other: [UInt8] = [0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc]

  /// An Ethernet frame of `count` bytes that counts up.
  static func frame(to: [UInt8] = mac.bytes, count: Int = 100, type: UInt16 = 0x88b5) -> [UInt8] {
    let header = to + other + [UInt8(type >> 8), UInt8(truncatingIfNeeded: type)]
    return header + (0..<(count - 14)).map { UInt8(truncatingIfNeeded: $0) }
  }

  /// A TCP packet with `payload` bytes, checksums left at zero.
  static func tcp(payload: Int, ipv6: Bool = false, flags: UInt8 = 0x19) -> [UInt8] {
    var bytes = mac.bytes + other
    if ipv6 {
      bytes += [0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 6, 64]
      bytes += (0..<32).map { UInt8($0 + 1) }
      InternetChecksum.put16(&bytes, 18, UInt16(20 + payload))
    } else {
      bytes += [8, 0, 0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2]
      InternetChecksum.put16(&bytes, 16, UInt16(40 + payload))
    }
    bytes += [0x10, 0x00, 0x00, 0x50, 0, 0, 0x10, 0, 0, 0, 0, 1, 0x50, flags, 0x20, 0, 0, 0, 0, 0]
    return bytes + (0..<payload).map { UInt8(truncatingIfNeeded: $0 &* 7) }
  }
  static func headerSize(ipv6: Bool) -> Int { ipv6 ? 74 : 54 }

  /// Whether the IP header's checksum, if any, and the TCP checksum are right; computed the slow way.
  static func isRight(_ frame: [UInt8]) -> Bool {
    func sum(_ bytes: [UInt8]) -> UInt32 {
      var padded = bytes
      if padded.count & 1 == 1 { padded.append(0) }
      var total: UInt32 = 0
      for index in stride(from: 0, to: padded.count, by: 2) {
        total += UInt32(padded[index]) << 8 | UInt32(padded[index + 1])
        total = total >> 16 + total & 0xffff
      }
      return total
    }
    if frame[12] == 8 {
      let length = Int(InternetChecksum.get16(frame, 16))
      guard length == frame.count - 14, sum(Array(frame[14..<34])) == 0xffff else { return false }
      let size = frame.count - 34
      let pseudo = Array(frame[26..<34]) + [0, 6, UInt8(size >> 8), UInt8(size & 0xff)]
      return sum(pseudo + frame[34...]) == 0xffff
    }
    let size = frame.count - 54
    guard Int(InternetChecksum.get16(frame, 18)) == size else { return false }
    let pseudo = Array(frame[22..<54]) + [0, 0, UInt8(size >> 8), UInt8(size & 0xff), 0, 0, 0, 6]
    return sum(pseudo + frame[54...]) == 0xffff
  }
}

/// A card in a fake host, driven through its registers.
struct CardBench<D: PCIDevice> {
  var device: D
  let host = FakeServices()
  init(_ device: D) {
    self.device = device
    self.device.reset(host)
  }
  func poke(_ address: Int, _ value: UInt64, _ size: Int) {
    for byte in 0..<size { host.ram[address + byte] = UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)) }
  }
  func poke(_ address: Int, _ bytes: [UInt8]) {
    host.ram.replaceSubrange(address..<(address + bytes.count), with: bytes)
  }
  func peek(_ address: Int, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(host.ram[address + $1]) << UInt64($1 * 8) }
  }
  func bytes(_ address: Int, _ count: Int) -> [UInt8] { Array(host.ram[address..<(address + count)]) }
  mutating func deliver(_ bytes: [UInt8], verified: Bool = false) {
    host.deliver(NetworkFrame(bytes, isVerified: verified), to: &device)
  }
}
