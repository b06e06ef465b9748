import DeviceKit
import HostSystem
import Synchronization

/// How much may pass: tokens of a bit each that come at a constant rate, and are saved up for a tenth of a second.
struct TokenBucket {
  /// Bits a second.
  let rate: UInt64
  private var tokens: Int64
  private var filledAt: Int64
  private let depth: Int64

  init(rate: UInt64, now: Int64) {
    self.rate = rate
    // At least one large frame must fit, or it would never pass.
    depth = Int64(clamping: max(rate / 10, UInt64(NetworkFrame.limit * 8)))
    tokens = depth
    filledAt = now
  }
  /// Takes the tokens for a frame; otherwise says how many nanoseconds until there are enough.
  mutating func take(bytes: Int, now: Int64) -> Int64? {
    let elapsed = UInt64(max(0, now &- filledAt))
    let (high, low) = elapsed.multipliedFullWidth(by: rate)
    let gained = high >= 1_000_000_000 ? .max : UInt64(1_000_000_000).dividingFullWidth((high, low)).quotient
    if gained > 0 {
      tokens = min(depth, tokens.addingReportingOverflow(Int64(clamping: gained)).partialValue)
      if tokens < 0 { tokens = depth }
      filledAt = now
    }
    let needed = Int64(bytes) * 8
    guard tokens < needed else {
      tokens -= needed
      return nil
    }
    let missing = UInt64(needed - tokens)
    return Int64(clamping: missing.multipliedReportingOverflow(by: 1_000_000_000).partialValue / rate) + 1
  }
}

/// A rate that several senders may share: what one uses, the others lack.
public final class RateLimit: Sendable {
  private let bucket: Mutex<TokenBucket?>
  /// 0: no limit.
  public init(bitsPerSecond rate: UInt64) {
    bucket = Mutex(RateLimit.bucket(rate))
  }
  private static func bucket(_ rate: UInt64) -> TokenBucket? {
    rate == 0 ? nil : TokenBucket(rate: rate, now: HostClock.monotonicNanoseconds)
  }
  /// Another rate from now on.
  public func change(bitsPerSecond rate: UInt64) { bucket.withLock { $0 = RateLimit.bucket(rate) } }
  /// Takes a frame's share; otherwise says how many nanoseconds to wait.
  func take(bytes: Int, now: Int64) -> Int64? {
    bucket.withLock { bucket in bucket == nil ? nil : bucket?.take(bytes: bytes, now: now) }
  }
  /// No frame waits longer in one go: the rate may have changed meanwhile.
  static let patience: Int64 = 100_000_000
}

/// Holds frames back so that no more than given rates passes in one direction. What does not fit into its queue is
/// dropped, as in a router.
final class Pacer: Sendable {
  private let queue = FrameQueue(frames: 512, bytes: 1 << 20)
  private let parker = Parker()
  private let isEnding = Atomic<Bool>(false)
  /// Nothing is forwarded; taken around taking a frame and forwarding it. Lock order: before those of the device.
  private let isHeld = Mutex(false)
  private let thread = OwnedThread()
  private let limits: [RateLimit]
  private let forward: @Sendable (NetworkFrame) -> Void

  init(_ limits: [RateLimit], _ forward: @escaping @Sendable (NetworkFrame) -> Void) throws(NetworkError) {
    self.limits = limits
    self.forward = forward
    do throws(ThreadError) {
      try thread.start(name: "pacer") { [weak self] in
        guard let self else { return }
        self.run()
      }
    } catch { throw NetworkError("cannot start a thread") }
  }

  func append(_ frame: NetworkFrame) { if queue.append(frame) { parker.unpark() } }
  var waiting: Int { queue.count }
  /// While held, frames stay in the queue: none is between it and who comes next when this returns.
  func hold(_ wanted: Bool) {
    isHeld.withLock { $0 = wanted }
    queue.hold(wanted)
    if !wanted { parker.unpark() }
  }
  /// What waits, in its order. To be asked while held.
  var frames: [NetworkFrame] { queue.peek(.max) }

  private func run() {
    while !isEnding.load(ordering: .acquiring) {
      guard let frame = queue.first else {
        parker.park()
        continue
      }
      for limit in limits {
        while let wait = limit.take(bytes: frame.bytes.count, now: HostClock.monotonicNanoseconds) {
          parker.park(until: HostClock.monotonicNanoseconds &+ min(wait, RateLimit.patience))
          if isEnding.load(ordering: .acquiring) { return }
        }
      }
      isHeld.withLock { isHeld in
        guard !isHeld, let next = queue.next() else { return }
        forward(next)
      }
    }
  }
  func close() {
    isEnding.store(true, ordering: .releasing)
    parker.unpark()
    thread.join()
  }
}
