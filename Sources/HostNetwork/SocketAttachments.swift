import DeviceKit
import HostSystem
import Synchronization

/// A thread that moves frames between bounded queues and a descriptor; what switch, tunnel and tap share.
final class SocketPump: Sendable {
  private let source: any PacketDescriptor
  private let queue = FrameQueue(frames: 1024, bytes: 4 << 20)
  private let wake: WakeDescriptor
  private let isAwake = Atomic<Bool>(false)
  private let isEnding = Atomic<Bool>(false)
  private let thread = OwnedThread()

  init(_ source: any PacketDescriptor) throws(NetworkError) {
    self.source = source
    (source as? DatagramSocket)?.enlargeBuffers(1 << 20)
    do throws(SystemCallError) { wake = try WakeDescriptor() } catch { throw NetworkError("\(error)") }
  }

  /// - Parameters:
  ///   - send: sends some of the frames it gets, in order, and returns how many; none when the receiver is busy and it
  ///     should be tried again a little later.
  ///   - receive: what to do with packets that came in.
  func start(
    name: String, send: @escaping @Sendable ([NetworkFrame]) -> Int,
    receive: @escaping @Sendable ([NetworkFrame]) -> Void
  ) throws(NetworkError) {
    do throws(ThreadError) {
      try thread.start(name: name) { [weak self] in
        guard let self else { return }
        self.run(send, receive)
      }
    } catch { throw NetworkError("cannot start a thread") }
  }

  func append(_ frame: NetworkFrame) {
    guard queue.append(frame) else { return }
    if !isAwake.exchange(true, ordering: .acquiringAndReleasing) { wake.wake() }
  }

  /// Frames that have not been sent yet.
  var waiting: Int { queue.count }

  /// Bytes of a packet at most.
  static let packetLimit = 1 << 16

  private func run(_ send: ([NetworkFrame]) -> Int, _ receive: ([NetworkFrame]) -> Void) {
    // A receiver whose queue stays full for so many turns loses the frame.
    let patience = 20
    var tries = 0
    while !isEnding.load(ordering: .acquiring) {
      var sent = 0
      while sent < 256, case let frames = queue.peek(64), !frames.isEmpty {
        var taken = send(frames)
        if taken == 0, tries < patience {
          tries += 1
          break
        }
        taken = max(1, taken)
        for _ in 0..<taken { _ = queue.next() }
        tries = 0
        sent += taken
      }
      var entries = [PollEntry(wake.raw), PollEntry(source.raw)]
      HostPoll.wait(&entries, nanoseconds: tries > 0 ? 1_000_000 : queue.isEmpty ? nil : 0)
      if entries[0].isReadable {
        wake.drain()
        isAwake.store(false, ordering: .sequentiallyConsistent)
      }
      var batch: [NetworkFrame] = []
      while batch.count < 64, let bytes = source.receive(limit: SocketPump.packetLimit) {
        if bytes.count >= NetworkFrame.headerSize { batch.append(NetworkFrame(bytes)) }
      }
      if !batch.isEmpty { receive(batch) }
    }
  }
  func close() {
    isEnding.store(true, ordering: .releasing)
    wake.wake()
    thread.join()
  }
}

/// A wire to another machine or program: each frame is one UDP packet (as with VirtualBox's UDPTunnel and QEMU's
/// socket,udp).
public final class TunnelAttachment: NetworkAttachment {
  private let pump: SocketPump
  private let socket: DatagramSocket
  private let local: IPv4Endpoint
  private let remote: IPv4Endpoint

  public init(local: IPv4Endpoint, remote: IPv4Endpoint) throws(NetworkError) {
    (self.local, self.remote) = (local, remote)
    do throws(SystemCallError) {
      socket = try DatagramSocket(local: local, remote: remote)
    } catch {
      throw NetworkError("UDP tunnel at \(IPv4Text.text(local.address)):\(local.port): \(error.reason)")
    }
    pump = try SocketPump(socket)
  }
  public let maximumFrame = NetworkFrame.ordinaryLimit
  public func start(_ receiver: any FrameReceiver) throws(NetworkError) {
    let socket = socket
    try pump.start(
      name: "tunnel", send: { socket.send($0[0].bytes) != .wouldBlock ? 1 : 0 },
      receive: { [weak receiver] in receiver?.receive($0) })
  }
  public func transmit(_ frame: NetworkFrame) { pump.append(frame) }
  public func close() { pump.close() }
  public var summary: String {
    "UDP tunnel from \(IPv4Text.text(local.address)):\(local.port) to \(IPv4Text.text(remote.address)):\(remote.port)"
  }
}
