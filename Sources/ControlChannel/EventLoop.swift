import Base
import HostSystem
import Synchronization

/// Something that lives on the event loop's thread: a serial line, the control server, the signals.
///
/// The loop asks every source before each wait what it waits for, and tells every source after each wait: sources are
/// few, so nothing is registered and nothing can be forgotten.
public protocol LoopSource: AnyObject {
  /// Descriptors to wait for now.
  var interests: [PollEntry] { get }
  /// When `service` must be called at the latest, in nanoseconds of `HostClock.monotonicNanoseconds`; nil: no need.
  var deadline: Int64? { get }
  /// Reacts to descriptors that are ready (those of `interests`, with results) and to anything else that is due.
  func service(_ ready: [PollEntry], now: Int64)
}

/// Lets any thread interrupt the loop's wait. Wakes that arrive before the loop looks cost one system call together.
public final class LoopWaker: Sendable {
  fileprivate let descriptor: WakeDescriptor
  private let isPending = Atomic<Bool>(false)

  public init() throws(SystemCallError) { descriptor = try WakeDescriptor() }

  /// Never blocks; may be called under device locks.
  public func wake() {
    if !isPending.exchange(true, ordering: .acquiringAndReleasing) { descriptor.wake() }
  }
  fileprivate func drain() {
    // Drained first: with the flag cleared before, a wake in between would be drained and leave the flag set for good. A
    // wake that finds the flag still set is served by this turn, which looks at every source after this.
    descriptor.drain()
    isPending.store(false, ordering: .sequentiallyConsistent)
  }
}

/// The one thread of a VM process that talks to the outside: terminal, sockets, files, signals.
public final class EventLoop {
  public let waker: LoopWaker
  private var sources: [any LoopSource] = []
  private var isStopped = false

  public init(waker: LoopWaker) { self.waker = waker }

  public func add(_ source: any LoopSource) { sources.append(source) }

  /// Makes `run` return after the current turn.
  public func stop() { isStopped = true }

  /// Turns until `stop` is called.
  public func run() { while !isStopped { turn() } }

  /// One wait, at most `limit` nanoseconds long, and the reactions to it.
  public func turn(limit: Int64? = nil) {
    var entries = [PollEntry(waker.descriptor.raw)]
    var ranges: [Range<Int>] = []
    var deadline = limit.map { HostClock.monotonicNanoseconds &+ $0 }
    for source in sources {
      let start = entries.count
      entries += source.interests
      ranges.append(start..<entries.count)
      if let due = source.deadline { deadline = min(deadline ?? .max, due) }
    }
    HostPoll.wait(&entries, nanoseconds: deadline.map { max(0, $0 &- HostClock.monotonicNanoseconds) })
    if entries[0].isReadable { waker.drain() }
    let now = HostClock.monotonicNanoseconds
    for (source, range) in zip(sources, ranges) { source.service(Array(entries[range]), now: now) }
  }
}
