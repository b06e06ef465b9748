import CHost
import Glibc

/// What whole packets come from and go to, without blocking.
public protocol PacketDescriptor: AnyObject, Sendable {
  /// The descriptor's number, for polling.
  var raw: Int32 { get }
  /// The next packet, at most `limit` bytes of it; nil when there is none.
  func receive(limit: Int) -> [UInt8]?
}
extension DatagramSocket: PacketDescriptor {}

/// An Ethernet interface of the host whose other end is this process: a tap, or a macvtap. Interfaces are used, never
/// made: that is for whoever may configure the host's network.
public final class TapDevice: PacketDescriptor {
  public let raw: Int32
  private let isMacvtap: Bool

  /// Takes the far end of the interface `name`. ENODEV: there is none, or it is no tap; EPERM and EACCES: it is not for
  /// this user; EBUSY: another process has it.
  public init(interface name: String) throws(SystemCallError) {
    guard TapDevice.isName(name) else { throw SystemCallError(call: "open", code: ENODEV) }
    let folder = "/sys/class/net/\(name)"
    let path: String
    isMacvtap = !HostPaths.exists("\(folder)/tun_flags")
    if !isMacvtap {
      path = "/dev/net/tun"
    } else if HostPaths.exists("\(folder)/macvtap"), let index = TapDevice.number("\(folder)/ifindex") {
      path = "/dev/tap\(index)"
    } else {
      throw SystemCallError(call: "open", code: ENODEV)
    }
    // SAFETY: both strings are copied by the kernel during the call.
    raw = unsafe rb_tap_open(path, name)
    guard raw >= 0 else { throw .last("open") }
  }
  deinit { close(raw) }

  /// The address of whoever is behind it, six bytes: a macvtap hears nothing else but what is for all, so it gets it for
  /// its own. EADDRINUSE or EBUSY: another interface on the same wire has it.
  public func setAddress(_ address: [UInt8]) throws(SystemCallError) {
    guard isMacvtap, address.count == 6 else { return }
    // SAFETY: the array has the six bytes that the call reads.
    guard unsafe rb_macvtap_address(raw, address) == 0 else { throw .last("SIOCSIFHWADDR") }
  }

  /// Whether the host has an interface of this name that a process can be the far end of.
  public static func exists(_ name: String) -> Bool {
    isName(name)
      && (HostPaths.exists("/sys/class/net/\(name)/tun_flags") || HostPaths.exists("/sys/class/net/\(name)/macvtap"))
  }
  private static func number(_ path: String) -> Int? {
    guard let bytes = try? WholeFile.read(path, maximum: 4096) else { return nil }
    return Int(String(decoding: bytes.prefix { $0 != 0x0a }, as: UTF8.self))
  }
  /// As Linux allows them (fifteen bytes), and nothing that leads out of a folder.
  private static func isName(_ text: String) -> Bool {
    (1...15).contains(text.utf8.count) && text != "." && text != ".."
      && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x2f }
  }

  public func receive(limit: Int) -> [UInt8]? {
    var failed = false
    // SAFETY: the array has `limit` bytes of room and the call is told so.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(1, limit)) { buffer, used in
      let count = unsafe read(raw, buffer.baseAddress, buffer.count)
      failed = count < 0
      used = max(0, count)
    }
    return failed ? nil : bytes
  }
  /// Sends one frame.
  public func send(_ bytes: [UInt8]) -> DatagramSocket.Sent {
    // SAFETY: pointer and count belong to `bytes`.
    guard unsafe write(raw, bytes, bytes.count) < 0 else { return .sent }
    switch errno {
    case EAGAIN, ENOBUFS, EINTR: return .wouldBlock
    default: return .failed(errno)
    }
  }
}
