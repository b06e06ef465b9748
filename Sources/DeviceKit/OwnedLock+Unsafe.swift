import Glibc
import HostSystem
import Synchronization

/// A value behind a lock that knows which thread holds it, so that a nested call on the same thread is refused instead
/// of deadlocking.
///
/// `enter` and `leave` stand alone, without closures, because generic slots call them on each access of the guest:
/// a closure that returns a generic result costs more there than the lock.
@safe final class OwnedLock<Value>: @unchecked Sendable {
  // SAFETY: allocated and initialised in init, destroyed in deinit, only used through the thread-safe pthread calls.
  // `value` is only touched between a successful `enter` and `leave`: hence @unchecked Sendable.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let holder = Atomic<UInt>(0)
  /// Only between `enter` and `leave`.
  var value: Value

  init(_ value: Value) {
    self.value = value
    // SAFETY: memory is allocated before the pthread call initialises it.
    unsafe mutex = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
  }
  deinit {
    // SAFETY: nobody can hold the lock: holders keep a reference.
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Takes the lock; false, at once, when this thread holds it already.
  @inline(__always)
  func enter() -> Bool {
    let me = HostThread.currentID
    guard holder.load(ordering: .relaxed) != me else { return false }
    // SAFETY: initialised mutex, not held by this thread.
    unsafe pthread_mutex_lock(mutex)
    holder.store(me, ordering: .relaxed)
    return true
  }
  /// Gives the lock back after a successful `enter`.
  @inline(__always)
  func leave() {
    holder.store(0, ordering: .relaxed)
    // SAFETY: held by this thread since `enter`.
    unsafe pthread_mutex_unlock(mutex)
  }
}
