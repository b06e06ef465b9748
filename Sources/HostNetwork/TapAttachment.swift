import DeviceKit
import Glibc
import HostSystem

/// The far end of a tap or macvtap of the host: whatever the host connects that interface to, by a bridge or a route.
public final class TapAttachment: NetworkAttachment {
  private let pump: SocketPump
  private let device: TapDevice
  private let name: String

  /// Takes an interface that is there; it is made by whoever may configure the host's network.
  /// - Parameter address: of the one card behind it; nil when there are several, or none.
  public init(interface name: String, address: [UInt8]? = nil) throws(NetworkError) {
    self.name = name
    do throws(SystemCallError) {
      device = try TapDevice(interface: name)
      if let address { try device.setAddress(address) }
    } catch { throw NetworkError(TapAttachment.reason(name, error)) }
    pump = try SocketPump(device)
  }
  private static let hint =
    "An administrator can make one: 'ip tuntap add dev tap0 mode tap user NAME', then connect it, for example "
    + "'ip link set tap0 master br0 up'"
  private static func reason(_ name: String, _ error: SystemCallError) -> String {
    switch error.code {
    case ENODEV, ENOENT: "bridged to '\(name)': the host has no tap or macvtap interface of that name. \(hint)"
    case EPERM, EACCES: "bridged to '\(name)': this user may not use the interface. \(hint)"
    case EBUSY where error.call == "SIOCSIFHWADDR", EADDRINUSE:
      "bridged to '\(name)': another interface there has the card's address"
    case EBUSY: "bridged to '\(name)': another process has the interface"
    default: "bridged to '\(name)': \(error.reason)"
    }
  }

  public let maximumFrame = NetworkFrame.ordinaryLimit
  public func start(_ receiver: any FrameReceiver) throws(NetworkError) {
    let device = device
    try pump.start(
      name: "tap", send: { device.send($0[0].bytes) != .wouldBlock ? 1 : 0 },
      receive: { [weak receiver] frames in
        // The interface may be set to larger frames than a wire has.
        receiver?.receive(frames.filter { $0.bytes.count <= NetworkFrame.ordinaryLimit })
      })
  }
  public func transmit(_ frame: NetworkFrame) { pump.append(frame) }
  public func close() { pump.close() }
  public var summary: String { "bridged to '\(name)'" }
}
