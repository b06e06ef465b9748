import DeviceKit
import HostSystem
import Synchronization

@testable import HostNetwork

/// A guest's card at the end of an attachment: keeps what arrives.
final class FramePeer: FrameReceiver {
  private let frames = Mutex<[[UInt8]]>([])
  private let parker = Parker()
  let isBusy = Atomic<Bool>(false)

  func receive(_ arrived: [NetworkFrame]) {
    frames.withLock { $0 += arrived.map(\.bytes) }
    parker.unpark()
  }
  var waitingFrames: Int { isBusy.load(ordering: .relaxed) ? 100_000 : 0 }
  var all: [[UInt8]] { frames.withLock { $0 } }

  /// The first frame that fits, waiting for it as long as a busy machine may need.
  func wait(seconds: Int64 = 20, _ fits: ([UInt8]) -> Bool) -> [UInt8]? {
    let deadline = HostClock.monotonicNanoseconds + seconds * 1_000_000_000
    while true {
      if let found = all.first(where: fits) { return found }
      guard HostClock.monotonicNanoseconds < deadline else { return nil }
      parker.park(until: min(deadline, HostClock.monotonicNanoseconds + 100_000_000))
    }
  }
}

/// Frames as a small guest at 10.0.2.15 makes them.
enum Guest {
  static let mac: [UInt8] = [8, 0, 0x27, 1, 2, 3]
  static let broadcast = [UInt8](repeating: 0xff, count: 6)
  static func half(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }

  static func sum(_ bytes: [UInt8], from initial: UInt32 = 0) -> [UInt8] {
    var total = initial
    for index in stride(from: 0, to: bytes.count, by: 2) {
      total += UInt32(bytes[index]) << 8 | UInt32(index + 1 < bytes.count ? bytes[index + 1] : 0)
    }
    while total > 0xffff { total = total >> 16 + total & 0xffff }
    return half(Int(~total & 0xffff))
  }
  static func ip(
    _ payload: [UInt8], protocolNumber: UInt8, from: [UInt8] = [10, 0, 2, 15], to: [UInt8] = [10, 0, 2, 2],
    mac destination: [UInt8] = [0x52, 0x55, 10, 0, 2, 2]
  ) -> [UInt8] {
    var header: [UInt8] = [0x45, 0] + half(20 + payload.count) + [0, 1, 0, 0, 64, protocolNumber, 0, 0] + from + to
    header.replaceSubrange(10..<12, with: sum(header))
    return destination + mac + [8, 0] + header + payload
  }
  static func arpRequest(_ address: [UInt8]) -> [UInt8] {
    broadcast + mac + [8, 6, 0, 1, 8, 0, 6, 4, 0, 1] + mac + [10, 0, 2, 15] + [0, 0, 0, 0, 0, 0] + address
      + [UInt8](repeating: 0, count: 18)
  }
  /// An announcement, by which the NAT learns the guest's Ethernet address.
  static var announcement: [UInt8] { arpRequest([10, 0, 2, 15]) }
  static func dhcpDiscover() -> [UInt8] {
    var message: [UInt8] = [1, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80, 0] + [UInt8](repeating: 0, count: 16) + mac
    message += [UInt8](repeating: 0, count: 10 + 64 + 128) + [0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255]
    message += [UInt8](repeating: 0, count: 60)
    let udp = half(68) + half(67) + half(8 + message.count) + [0, 0] + message
    return ip(udp, protocolNumber: 17, from: [0, 0, 0, 0], to: [255, 255, 255, 255], mac: broadcast)
  }
  static func udp(_ payload: [UInt8], from: Int, to port: Int, address: [UInt8] = [10, 0, 2, 2]) -> [UInt8] {
    ip(half(from) + half(port) + half(8 + payload.count) + [0, 0] + payload, protocolNumber: 17, to: address)
  }
}
