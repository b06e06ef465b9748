import DeviceKit
import HostSystem
import Synchronization

/// A private network with the host as its router: DHCP, name service, TFTP, and connections to the outside made by this
/// process as an ordinary program makes them (libslirp, on a thread of its own).
public final class NATAttachment: NetworkAttachment {
  private struct Orders {
    var list: [@Sendable (SlirpStack) -> Void] = []
    var isEnding = false
  }
  private let configuration: NATConfiguration
  private let frames = FrameQueue(frames: 2048, bytes: 8 << 20)
  private let orders = Mutex(Orders())
  private let forwards: Mutex<[PortForward]>
  private let wake: WakeDescriptor
  private let isAwake = Atomic<Bool>(false)
  private let thread = OwnedThread()
  private let stack: Mutex<SlirpStack?>

  /// Rules at a time.
  public static let forwardLimit = 1024
  /// With so many frames waiting for the guest, nothing more is read from the outside.
  private static let pauseAt = 256

  /// Opens the network and its port forwards.
  public init(_ configuration: NATConfiguration) throws(NetworkError) {
    self.configuration = configuration
    do throws(SystemCallError) { wake = try WakeDescriptor() } catch { throw NetworkError("NAT: \(error)") }
    guard configuration.forwards.count <= NATAttachment.forwardLimit else {
      throw NetworkError("at most \(NATAttachment.forwardLimit) port forwards")
    }
    let stack = try SlirpStack(configuration)
    for forward in configuration.forwards { try stack.add(forward) }
    self.stack = Mutex(stack)
    forwards = Mutex(configuration.forwards)
  }

  public let maximumFrame = NetworkFrame.limit

  public func start(_ receiver: any FrameReceiver) throws(NetworkError) {
    let taken = stack.withLock { stack in
      defer { stack = nil }
      return stack
    }
    guard let taken else { return }
    do throws(ThreadError) {
      try thread.start(name: "nat") { [weak receiver] in self.run(taken) { receiver } }
    } catch { throw NetworkError("NAT: cannot start a thread") }
  }

  public func transmit(_ frame: NetworkFrame) { if frames.append(frame) { wakeUp() } }

  private func wakeUp() {
    if !isAwake.exchange(true, ordering: .acquiringAndReleasing) { wake.wake() }
  }

  private func run(_ stack: SlirpStack, _ receiver: () -> (any FrameReceiver)?) {
    // libslirp takes the time when it polls: connections made before that would be long expired by the first poll.
    _ = stack.turn(wake: wake.raw, sockets: true, milliseconds: 0)
    while true {
      guard let receiver = receiver() else { return }
      let (list, isEnding) = orders.withLock { orders in
        defer { orders.list = [] }
        return (orders.list, orders.isEnding)
      }
      for order in list { order(stack) }
      if isEnding { return }
      var batch: [NetworkFrame] = []
      while batch.count < 256, let frame = frames.next() { batch.append(frame) }
      if !batch.isEmpty { stack.input(batch) }
      deliver(stack, receiver)
      let isBusy = receiver.waitingFrames >= NATAttachment.pauseAt
      let wait: UInt32 = !frames.isEmpty ? 0 : isBusy ? 1 : 10_000
      if stack.turn(wake: wake.raw, sockets: !isBusy, milliseconds: wait) {
        // In this order: whoever finds the flag still set has queued before the queue is looked at again.
        wake.drain()
        isAwake.store(false, ordering: .sequentiallyConsistent)
      }
      deliver(stack, receiver)
    }
  }
  private func deliver(_ stack: SlirpStack, _ receiver: any FrameReceiver) {
    let made = stack.takeFrames()
    if !made.isEmpty { receiver.receive(made) }
  }

  public func close() {
    orders.withLock { $0.isEnding = true }
    wakeUp()
    thread.join()
    orders.withLock { $0.list = [] }
  }

  // MARK: Port forwards

  /// Forwards in force.
  public var activeForwards: [PortForward] { forwards.withLock { $0 } }

  /// Puts a rule in force; refused when the port is taken.
  public func add(_ forward: PortForward) throws(NetworkError) {
    let hasRoom = forwards.withLock { $0.count < NATAttachment.forwardLimit }
    guard hasRoom else { throw NetworkError("at most \(NATAttachment.forwardLimit) port forwards") }
    try perform { stack throws(NetworkError) in try stack.add(forward) }
    forwards.withLock { $0.append(forward) }
  }
  /// Takes a rule away; connections that exist go on.
  public func remove(_ forward: PortForward) throws(NetworkError) {
    try perform { stack throws(NetworkError) in try stack.remove(forward) }
    forwards.withLock { $0.removeAll { $0.transport == forward.transport && $0.host == forward.host } }
  }

  /// Does something on the stack's thread, or here while there is none yet.
  private func perform(
    _ body: @escaping @Sendable (SlirpStack) throws(NetworkError) -> Void
  ) throws(NetworkError) {
    let done = Parker()
    let shared = Outcome()
    let order: @Sendable (SlirpStack) -> Void = { stack in
      do throws(NetworkError) {
        try body(stack)
        shared.set(.success(()))
      } catch { shared.set(.failure(error)) }
      done.unpark()
    }
    let isRunning = thread.isStarted
    if isRunning {
      let isAccepted = orders.withLock { orders in
        guard !orders.isEnding else { return false }
        orders.list.append(order)
        return true
      }
      guard isAccepted else { throw NetworkError("the network has been closed") }
      wakeUp()
      done.park(until: HostClock.monotonicNanoseconds &+ 5_000_000_000)
    } else {
      let ran = stack.withLock { stack in
        guard let stack else { return false }
        order(stack)
        return true
      }
      guard ran else { throw NetworkError("the network has been closed") }
    }
    switch shared.get() {
    case .success?: return
    case .failure(let error)?: throw error
    case nil: throw NetworkError("the NAT does not answer")
    }
  }

  private final class Outcome: Sendable {
    private let value = Mutex<Result<Void, NetworkError>?>(nil)
    func set(_ result: Result<Void, NetworkError>) { value.withLock { $0 = result } }
    func get() -> Result<Void, NetworkError>? { value.withLock { $0 } }
  }

  public var summary: String {
    let rules = activeForwards.map(\.description)
    return "NAT \(IPv4Text.text(configuration.network))/\(configuration.prefix)"
      + (rules.isEmpty ? "" : ", " + rules.joined(separator: ", "))
  }
}
