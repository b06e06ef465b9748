import HostSystem
import Synchronization

/// A thread that carries out orders one after the other: all that starts, stops or resets a machine happens here.
///
/// Orders may be given from any thread and under any lock, because giving one only queues it.
final class ControlThread: Sendable {
  private struct Queue {
    var orders: [@Sendable () -> Void] = []
    var isEnding = false
  }
  private let queue = Mutex(Queue())
  private let parker = Parker()
  private let thread = OwnedThread()
  private let identity = Atomic<UInt>(0)

  func start() throws(ThreadError) {
    try thread.start(name: "control") { [self] in
      identity.store(HostThread.currentID, ordering: .relaxed)
      while serve() { parker.park() }
    }
  }

  /// Carries out what is queued; false to end.
  private func serve() -> Bool {
    while true {
      let (orders, isEnding) = queue.withLock { queue in
        defer { queue.orders = [] }
        return (queue.orders, queue.isEnding)
      }
      for order in orders { order() }
      if orders.isEmpty { return !isEnding }
    }
  }

  /// Queues an order. Nobody carries it out any more after `stop`.
  func post(_ order: @escaping @Sendable () -> Void) {
    queue.withLock { if !$0.isEnding { $0.orders.append(order) } }
    parker.unpark()
  }

  /// Carries out an order and returns when that is done; on the control thread itself, at once.
  func perform(_ order: @escaping @Sendable () -> Void) {
    guard HostThread.currentID != identity.load(ordering: .relaxed) else { return order() }
    let done = Parker()
    post {
      order()
      done.unpark()
    }
    done.park()
  }

  /// Ends the thread behind what is queued, and waits for that unless called on the thread itself.
  func stop() {
    queue.withLock { $0.isEnding = true }
    parker.unpark()
    thread.join()
  }
}
