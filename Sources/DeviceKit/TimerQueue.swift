import Base
import HostSystem
import Synchronization

/// The timers of a machine: one thread sleeps until the earliest deadline in guest time and calls back.
///
/// Arming is O(log n) in a binary heap whose entries know their places. Callbacks run without the queue's lock, so
/// they may arm and disarm. A callback that has been taken off the heap can still run after `disarm` returns:
/// receivers check their own deadline (`DeviceSlot` does).
///
/// Lock order: any device lock, then this queue's; nothing is called with the queue's lock held.
public final class TimerQueue: Sendable {
  /// A registered timer; stays valid for the life of the queue.
  public struct Timer: Sendable, Hashable { fileprivate let slot: Int }

  private struct Slot {
    var callback: @Sendable () -> Void
    var deadline: Int64 = 0
    /// Place in the heap, or -1 when disarmed.
    var place = -1
  }
  private struct Queue {
    var slots: [Slot] = []
    var heap: [Int] = []
    /// What the thread sleeps for; arming anything later need not wake it.
    var sleepingUntil = Int64.min
    var isStopping = false
    /// A callback is under way on the queue's thread.
    var isCalling = false
  }
  private let queue = Mutex(Queue())
  private let parker = Parker()
  private let clock: VirtualClock
  private let thread = OwnedThread()

  public init(clock: VirtualClock) {
    self.clock = clock
    clock.observe { [parker] in parker.unpark() }
  }

  /// Starts the thread, which keeps the queue alive until `stop`; in manual mode there is none and `advance` fires
  /// timers.
  public func start() throws(ThreadError) {
    guard !clock.manual else { return }
    try thread.start(name: "timers") { self.run() }
  }
  /// Ends the thread and waits for it. Must not be called from a callback.
  public func stop() {
    queue.withLock { $0.isStopping = true }
    parker.unpark()
    thread.join()
  }

  /// Waits until no callback is under way. With the clock paused, none begins before it is resumed.
  public func settle() {
    let pause = Parker()
    while queue.withLock({ $0.isCalling }) { pause.park(until: HostClock.monotonicNanoseconds &+ 50_000) }
  }

  public func register(_ callback: @escaping @Sendable () -> Void) -> Timer {
    queue.withLock {
      $0.slots.append(Slot(callback: callback))
      return Timer(slot: $0.slots.count - 1)
    }
  }
  /// Arms or re-arms; a time in the past fires as soon as the thread gets to it.
  public func arm(_ timer: Timer, at time: VirtualTime) {
    let mustWake = queue.withLock { queue in
      guard queue.slots.indices.contains(timer.slot) else { return false }
      queue.slots[timer.slot].deadline = time.nanoseconds
      if queue.slots[timer.slot].place < 0 {
        queue.heap.append(timer.slot)
        queue.slots[timer.slot].place = queue.heap.count - 1
      }
      TimerQueue.settle(&queue, queue.slots[timer.slot].place)
      return time.nanoseconds < queue.sleepingUntil
    }
    if mustWake { parker.unpark() }
    clock.expect(time)
  }
  public func disarm(_ timer: Timer) {
    // The thread is left asleep: waking for nothing once costs less than waking at each disarm.
    queue.withLock { queue in
      guard queue.slots.indices.contains(timer.slot) else { return }
      TimerQueue.remove(&queue, timer.slot)
    }
  }
  /// The earliest deadline, if anything is armed.
  public var nextDeadline: VirtualTime? {
    queue.withLock { queue in
      queue.heap.first.map { VirtualTime(nanoseconds: queue.slots[$0].deadline) }
    }
  }

  /// Manual mode: moves the clock to `time`, stopping at each deadline on the way to fire its timer.
  /// Returns how many fired; gives up after `limit`, because a callback may arm for the present for ever.
  @discardableResult
  public func advance(to time: VirtualTime, limit: Int = 1_000_000) -> Int {
    var fired = 0
    while fired < limit, let next = nextDeadline, next <= time {
      clock.set(max(next, clock.now))
      guard let callback = takeDue(clock.now) else { break }
      callback()
      fired += 1
    }
    clock.set(max(time, clock.now))
    return fired
  }

  /// Counted mode: fires all that is due now, at most `limit` timers.
  public func fireDue(limit: Int = 1_000_000) {
    for _ in 0..<limit {
      guard let callback = takeDue(clock.now) else { return }
      callback()
    }
  }

  private func run() {
    HostThread.wakeOnTime()
    while let next = step() { parker.park(until: next == .max ? nil : next) }
  }
  /// Fires all that is due; returns the host time to sleep until (`.max`: until woken), or nil to end.
  private func step() -> Int64? {
    while true {
      if clock.isRunning, let callback = takeDue(clock.now, mustRun: true) {
        callback()
        queue.withLock { $0.isCalling = false }
        continue
      }
      let next: VirtualTime? = queue.withLock { queue in
        guard !queue.isStopping else {
          queue.heap = []
          return nil
        }
        let next = queue.heap.first.map { queue.slots[$0].deadline } ?? .max
        queue.sleepingUntil = next
        return VirtualTime(nanoseconds: next)
      }
      guard let next else { return nil }
      return next.nanoseconds == .max ? .max : clock.hostDeadline(next) ?? .max
    }
  }
  private func takeDue(_ now: VirtualTime, mustRun: Bool = false) -> (@Sendable () -> Void)? {
    queue.withLock { queue in
      // Looked at under the lock: who has paused the clock and finds no callback under way counts on there being none.
      guard !mustRun || clock.isRunning else { return nil }
      // Awake: nobody needs to wake the thread until it goes back to sleep.
      queue.sleepingUntil = .min
      guard !queue.isStopping, let first = queue.heap.first, queue.slots[first].deadline <= now.nanoseconds else {
        return nil
      }
      TimerQueue.remove(&queue, first)
      queue.isCalling = mustRun
      return queue.slots[first].callback
    }
  }

  // MARK: Heap

  private static func remove(_ queue: inout Queue, _ slot: Int) {
    let place = queue.slots[slot].place
    guard place >= 0, let last = queue.heap.popLast() else { return }
    queue.slots[slot].place = -1
    guard last != slot else { return }
    queue.heap[place] = last
    queue.slots[last].place = place
    settle(&queue, place)
  }
  /// Moves the entry at `start` up or down to where it belongs.
  private static func settle(_ queue: inout Queue, _ start: Int) {
    var place = start
    while place > 0, isEarlier(queue, place, (place - 1) / 2) {
      swap(&queue, place, (place - 1) / 2)
      place = (place - 1) / 2
    }
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2] where child < queue.heap.count && isEarlier(queue, child, least) {
        least = child
      }
      guard least != place else { return }
      swap(&queue, place, least)
      place = least
    }
  }
  /// Among equals the timer that was registered first: nothing depends on what was armed when.
  private static func isEarlier(_ queue: Queue, _ a: Int, _ b: Int) -> Bool {
    (queue.slots[queue.heap[a]].deadline, queue.heap[a]) < (queue.slots[queue.heap[b]].deadline, queue.heap[b])
  }
  private static func swap(_ queue: inout Queue, _ a: Int, _ b: Int) {
    queue.heap.swapAt(a, b)
    queue.slots[queue.heap[a]].place = a
    queue.slots[queue.heap[b]].place = b
  }
}
