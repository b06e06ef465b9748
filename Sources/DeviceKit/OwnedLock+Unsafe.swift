import HostSystem
import Synchronization

/// A value behind a lock that knows which thread holds it, so that a nested call on the same thread is refused instead
/// of deadlocking.
///
/// `enter` and `leave` stand alone, without closures, because generic slots call them on each access of the guest:
/// a closure that returns a generic result costs more there than the lock.
// SAFETY: `value` is only touched between a successful `enter` and `leave`, that is with the lock held: hence
// @unchecked Sendable.
final class OwnedLock<Value>: @unchecked Sendable {
  private let lock = HostLock()
  private let holder = Atomic<UInt>(0)
  /// Only between `enter` and `leave`.
  var value: Value

  init(_ value: Value) { self.value = value }

  /// Takes the lock; false, at once, when this thread holds it already.
  func enter() -> Bool {
    let me = HostThread.currentID
    guard holder.load(ordering: .relaxed) != me else { return false }
    lock.lock()
    holder.store(me, ordering: .relaxed)
    return true
  }
  /// Gives the lock back after a successful `enter`.
  func leave() {
    holder.store(0, ordering: .relaxed)
    lock.unlock()
  }
}
