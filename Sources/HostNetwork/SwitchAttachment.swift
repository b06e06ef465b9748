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
  /// Who is at a port: the end of its name, so that all others know.
  public enum Role: Sendable {
    /// A card that hears what is for it; what passes between cards; everything.
    case card, listensToCards, listensToAll
    /// The host's side of the network: NAT, DHCP, a tap.
    case host

    var suffix: String {
      switch self {
      case .card: ""
      case .listensToCards: ".v"
      case .listensToAll: ".a"
      case .host: ".h"
      }
    }
  }
  private let network: String
  private let folder: String
  private let name: String
  private let role: Role
  private let socket: DatagramSocket
  private let pump: SocketPump
  private let neighbours = Mutex(Neighbours())

  /// Ports of one network.
  public static let portLimit = 256
  private static let addressLimit = 4096
  /// How long a list of ports is good for: a machine that was started is heard by the others after that.
  private static let listLifetime: Int64 = 100_000_000

  /// Joins the network called `network`, which comes into being with its first port.
  public init(network: String, role: Role = .card) throws(NetworkError) {
    self.network = network
    self.role = role
    let folder = try SwitchAttachment.prepare(network)
    self.folder = folder
    let mark = HostEntropy.bytes(4).map { String($0, radix: 16) }.joined(separator: "_")
    name = "\(PrivateFolder.processID)-\(mark)\(role.suffix)"
    do throws(SystemCallError) { socket = try DatagramSocket(local: "\(folder)/\(name)") } catch {
      throw NetworkError("network '\(network)': '\(folder)': \(error.reason)")
    }
    pump = try SocketPump(socket)
  }
  /// The folder of a network's ports, which is there afterwards.
  static func prepare(_ network: String) throws(NetworkError) -> String {
    do throws(SystemCallError) {
      if let folder = try NetworkFolder.prepare(network) { return folder }
    } catch {
      throw NetworkError("network '\(network)': '\(NetworkFolder.path(network) ?? "")': \(error.reason)")
    }
    throw NetworkError("network '\(network)': a name has 1 to 255 bytes, none of them a control character")
  }

  /// Cards that do not take large frames may be on the same wire.
  public let maximumFrame = NetworkFrame.ordinaryLimit

  public func start(_ receiver: any FrameReceiver) throws(NetworkError) {
    try pump.start(
      name: "switch", send: { [weak self] frames in self?.send(frames) ?? frames.count },
      receive: { [weak self, weak receiver] packets in
        var frames: [NetworkFrame] = []
        for packet in packets { self?.unwrap(packet.bytes, &frames) }
        if !frames.isEmpty { receiver?.receive(frames) }
      })
  }
  public func transmit(_ frame: NetworkFrame) { pump.append(frame) }
  public func close() {
    pump.close()
    HostFiles.remove("\(folder)/\(name)")
  }
  public var summary: String { "network '\(network)'" }
  /// Frames that have not been sent yet.
  public var waiting: Int { pump.waiting }

  /// Other ports of the network that somebody has open; what dead processes left behind is taken away.
  public var livePorts: Int {
    let others = PrivateFolder.entries(folder, limit: SwitchAttachment.portLimit).filter { $0 != name }
    var count = 0
    for port in others {
      // Too short for a frame: it is passed over.
      if socket.send([], to: "\(folder)/\(port)") == .nobody { forget(port) } else { count += 1 }
    }
    return count
  }

  // MARK: Switching

  // A packet holds as many frames as there are for one receiver: the sender's port behind its length, then each frame
  // behind its length in two bytes. Systems let only a few packets wait at a socket, however short they are.

  private func wrap(_ frames: ArraySlice<NetworkFrame>) -> [UInt8] {
    let label = Array(name.utf8.prefix(63))
    var packet = [UInt8(label.count)] + label
    for frame in frames {
      packet.append(UInt8(truncatingIfNeeded: frame.bytes.count >> 8))
      packet.append(UInt8(truncatingIfNeeded: frame.bytes.count))
      packet += frame.bytes
    }
    return packet
  }
  func unwrap(_ packet: [UInt8], _ frames: inout [NetworkFrame]) {
    guard let first = packet.first, (1..<64).contains(first), packet.count > 1 + Int(first) else { return }
    let port = String(decoding: packet[1...Int(first)], as: UTF8.self)
    guard NetworkFolder.isPlain(port), port != name else { return }
    var at = 1 + Int(first)
    while at + 2 <= packet.count {
      let count = Int(packet[at]) << 8 | Int(packet[at + 1])
      at += 2
      guard count >= NetworkFrame.headerSize, count <= maximumFrame, at + count <= packet.count else { return }
      let bytes = Array(packet[at..<(at + count)])
      at += count
      let source = Array(bytes[6..<12])
      // Nobody sends from a group's address.
      guard source[0] & 1 == 0 else { continue }
      learn(source, port)
      frames.append(NetworkFrame(bytes))
    }
  }
  private func learn(_ source: [UInt8], _ port: String) {
    neighbours.withLock { neighbours in
      guard neighbours.learned[source] != port else { return }
      if neighbours.learned.count >= SwitchAttachment.addressLimit { neighbours.learned = [:] }
      neighbours.learned[source] = port
    }
  }

  /// The port that a frame goes to; nil: to all.
  private func port(for frame: NetworkFrame) -> String? {
    guard !frame.isMulticast, frame.bytes.count >= 6 else { return nil }
    let destination = Array(frame.bytes[..<6])
    return neighbours.withLock { $0.learned[destination] }
  }

  /// Sends the first frames that have one way; returns how many, or 0 when the only receiver is busy.
  private func send(_ frames: [NetworkFrame]) -> Int {
    let way = port(for: frames[0])
    var count = 1
    var bytes = frames[0].bytes.count
    while count < frames.count, bytes + frames[count].bytes.count + 256 < SocketPump.packetLimit / 2,
      port(for: frames[count]) == way, frames[count].isMulticast == frames[0].isMulticast
    {
      bytes += frames[count].bytes.count
      count += 1
    }
    let packet = wrap(frames[..<count])
    if let way {
      switch socket.send(packet, to: "\(folder)/\(way)") {
      case .sent, .failed:
        let isHosts = role == .host || way.hasSuffix(Role.host.suffix)
        for port in ports() where port != name && port != way && SwitchAttachment.listens(port, toHost: isHosts) {
          _ = socket.send(packet, to: "\(folder)/\(port)")
        }
        return count
      case .wouldBlock: return 0
      case .nobody: forget(way)
      }
    }
    let isHosts = role == .host && !frames[0].isMulticast
    for port in ports() where port != name && !(isHosts && port.hasSuffix(Role.listensToCards.suffix)) {
      if socket.send(packet, to: "\(folder)/\(port)") == .nobody { forget(port) }
    }
    return count
  }
  /// Whether a port hears what is for others.
  private static func listens(_ port: String, toHost: Bool) -> Bool {
    port.hasSuffix(Role.listensToAll.suffix) || !toHost && port.hasSuffix(Role.listensToCards.suffix)
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
