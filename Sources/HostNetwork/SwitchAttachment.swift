import DeviceKit
import HostSystem
import Synchronization

/// A port of an internal network: an Ethernet switch without a server, made of datagram sockets in a folder that only one
/// user may enter. Every machine of the network has a socket there; each learns which address lives behind which, and
/// sends frames for unknown addresses to all.
public final class SwitchAttachment: NetworkAttachment {
  /// What this port knows of the others.
  private struct Neighbours {
    /// Ports in the folder, looked at anew now and then.
    var ports: [String] = []
    var lookedAt = Int64.min
    /// Port by Ethernet address.
    var learned: [[UInt8]: String] = [:]
  }
  private let network: String
  private let folder: String
  private let name: String
  private let pump: SocketPump
  private let neighbours = Mutex(Neighbours())

  /// Ports of one network.
  public static let portLimit = 256
  private static let addressLimit = 4096
  /// How long a list of ports is good for: a machine that was started is heard by the others after that.
  private static let listLifetime: Int64 = 100_000_000

  /// Joins the network called `network`, which comes into being with its first machine.
  public init(network: String) throws(NetworkError) {
    guard SwitchAttachment.isName(network) else {
      throw NetworkError(
        "network '\(network)': a name has 1 to 32 letters, digits, dots, dashes and underscores, and begins with a "
          + "letter or digit")
    }
    self.network = network
    let base = SwitchAttachment.baseFolder
    folder = "\(base)/\(network)"
    name = "\(PrivateFolder.processID)-\(HostEntropy.bytes(4).map { String($0, radix: 16) }.joined(separator: "_"))"
    let socket: DatagramSocket
    do throws(SystemCallError) {
      try PrivateFolder.prepare(base)
      try PrivateFolder.prepare(folder)
      socket = try DatagramSocket(local: "\(folder)/\(name)")
    } catch {
      throw NetworkError("network '\(network)': '\(folder)': \(error.reason)")
    }
    pump = try SocketPump(socket)
  }

  private static var baseFolder: String {
    if let runtime = ProcessImage.environment("XDG_RUNTIME_DIR"), runtime.hasPrefix("/"), runtime.utf8.count < 40 {
      return "\(runtime)/ringbox-net"
    }
    return "/tmp/ringbox-net-\(PrivateFolder.userID)"
  }
  static func isName(_ text: String) -> Bool {
    guard (1...32).contains(text.utf8.count), let first = text.utf8.first else { return false }
    func isWord(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
    return isWord(first) && text.utf8.allSatisfy { isWord($0) || [0x2d, 0x2e, 0x5f].contains($0) }
  }

  public let maximumFrame = NetworkFrame.limit

  public func start(_ receiver: any FrameReceiver) throws(NetworkError) {
    try pump.start(
      name: "switch", send: { [weak self] in self?.send($0) ?? true },
      receive: { [weak self, weak receiver] packets in
        // Each packet begins with the sender's name, which frames do not carry.
        var frames: [NetworkFrame] = []
        for packet in packets { if let frame = self?.unwrap(packet) { frames.append(frame) } }
        if !frames.isEmpty { receiver?.receive(frames) }
      })
  }
  public func transmit(_ frame: NetworkFrame) { pump.append(frame) }
  public func close() {
    pump.close()
    HostFiles.remove("\(folder)/\(name)")
  }
  public var summary: String { "internal network '\(network)'" }

  // MARK: Switching

  /// Length byte, sender's port, frame.
  private func wrap(_ frame: NetworkFrame) -> [UInt8] {
    let label = Array(name.utf8.prefix(63))
    return [UInt8(label.count)] + label + frame.bytes
  }
  private func unwrap(_ packet: NetworkFrame) -> NetworkFrame? {
    let count = Int(packet.bytes[0])
    guard count < 64, packet.bytes.count >= 1 + count + NetworkFrame.headerSize else { return nil }
    let port = String(decoding: packet.bytes[1...count], as: UTF8.self)
    let bytes = Array(packet.bytes[(1 + count)...])
    let source = Array(bytes[6..<12])
    guard source[0] & 1 == 0, SwitchAttachment.isName(port), port != name else { return nil }
    neighbours.withLock { neighbours in
      if neighbours.learned.count >= SwitchAttachment.addressLimit { neighbours.learned = [:] }
      neighbours.learned[source] = port
    }
    return NetworkFrame(bytes)
  }

  /// False when the only receiver is busy and it is worth trying again.
  private func send(_ frame: NetworkFrame) -> Bool {
    let packet = wrap(frame)
    let destination = Array(frame.bytes[..<6])
    if !frame.isMulticast, let port = neighbours.withLock({ $0.learned[destination] }) {
      switch pump.socket.send(packet, to: "\(folder)/\(port)") {
      case .sent: return true
      case .wouldBlock: return false
      case .failed: return true
      case .nobody: forget(port)
      }
    }
    for port in ports() where port != name {
      if pump.socket.send(packet, to: "\(folder)/\(port)") == .nobody { forget(port) }
    }
    return true
  }
  private func forget(_ port: String) {
    neighbours.withLock { neighbours in
      neighbours.ports.removeAll { $0 == port }
      neighbours.learned = neighbours.learned.filter { $0.value != port }
    }
    // A socket that nobody has open any more was left behind by a process that died.
    HostFiles.remove("\(folder)/\(port)")
  }
  private func ports() -> [String] {
    let now = HostClock.monotonicNanoseconds
    return neighbours.withLock { neighbours in
      if now &- neighbours.lookedAt > SwitchAttachment.listLifetime || neighbours.lookedAt == .min {
        neighbours.ports = PrivateFolder.entries(folder, limit: SwitchAttachment.portLimit)
        neighbours.lookedAt = now
      }
      return neighbours.ports
    }
  }
}
