import CHost
import Glibc
import Synchronization

/// Why a thread could not be started: the `errno` value of pthread_create.
public struct ThreadError: Error, Equatable {
  public var errorNumber: Int32
}

/// A dedicated POSIX thread. vCPUs and the timer queue need one each; the cooperative pool is too small for them.
public final class HostThread: Sendable {
  private let handle: pthread_t
  private let joined = Atomic<Bool>(false)

  /// Identity of the calling thread; never 0.
  public static var currentID: UInt { UInt(pthread_self()) }

  /// From now on the calling thread's sleeps end when they are to, and not up to 50 µs later, as Linux has it normally.
  public static func wakeOnTime() { rb_wake_on_time() }

  /// Starts `body` on a new thread. `name` is cut to the 15 bytes that Linux shows.
  public init(name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
    // SAFETY: balanced below: consumed by the new thread, or released when there is none.
    let box = unsafe Unmanaged.passRetained(Start(name, body))
    var created = pthread_t()
    // SAFETY: the retain taken above is handed to the entry function, which consumes it exactly once.
    let code = unsafe pthread_create(
      &created, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        start.showName()
        start.body()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      // SAFETY: no thread was created, so nobody else consumes the retain.
      unsafe box.release()
      throw ThreadError(errorNumber: code)
    }
    handle = created
  }

  /// Waits for the end of the thread; only the first call waits. On the thread itself there is nothing to wait for.
  public func join() {
    guard pthread_equal(handle, pthread_self()) == 0 else { return }
    guard !joined.exchange(true, ordering: .acquiringAndReleasing) else { return }
    _ = pthread_join(handle, nil)
  }

  deinit {
    if !joined.load(ordering: .acquiring) { _ = pthread_detach(handle) }
  }

  private final class Start {
    let name: String
    let body: @Sendable () -> Void
    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
    /// Sets the name that debuggers and `top` show; without /proc the thread goes unnamed.
    func showName() {
      // SAFETY: the path is a literal; no flag asks for a mode argument.
      let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
      guard file >= 0 else { return }
      let bytes = Array(name.utf8.prefix(15))
      // SAFETY: pointer and count both belong to `bytes`.
      _ = unsafe write(file, bytes, bytes.count)
      close(file)
    }
  }
}

/// A one-permit waiting place: `unpark` lets the current or the next `park` return.
///
/// Keeps no state besides the permit, so the state that is waited for stays behind its own lock.
// SAFETY(type): both objects are allocated in init, freed in deinit, and only used through the pthread calls, which are
// thread-safe; `permit` is only touched with the mutex held. Hence @unchecked Sendable.
@safe public final class Parker: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var permit = false

  public init() {
    // SAFETY: memory is allocated before and initialised by the pthread calls; the attribute is a local.
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }
  deinit {
    // SAFETY: no thread can wait here any more: waiting threads hold a reference.
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  public func unpark() {
    // SAFETY: initialised mutex and condition.
    unsafe pthread_mutex_lock(mutex)
    permit = true
    unsafe pthread_cond_signal(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Waits for a permit, at most until `deadline` (nanoseconds of `HostClock.monotonicNanoseconds`; nil: for ever).
  /// Returns whether a permit was taken.
  @discardableResult
  public func park(until deadline: Int64? = nil) -> Bool {
    // SAFETY: initialised mutex and condition; the time is a local that outlives the call.
    unsafe pthread_mutex_lock(mutex)
    while !permit {
      if let deadline {
        let clamped = max(0, deadline)
        var time = timespec(tv_sec: Int(clamped / 1_000_000_000), tv_nsec: Int(clamped % 1_000_000_000))
        if unsafe pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { break }
      } else {
        unsafe pthread_cond_wait(condition, mutex)
      }
    }
    let taken = permit
    permit = false
    unsafe pthread_mutex_unlock(mutex)
    return taken
  }
}

/// A plain lock with separate `lock` and `unlock`, for where a closure would cost more than the lock.
/// Not recursive: a thread that locks twice stands still for ever.
// SAFETY(type): allocated and initialised in init, destroyed in deinit, only used through the thread-safe pthread calls:
// hence @unchecked Sendable.
@safe public final class HostLock: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  public init() {
    // SAFETY: memory is allocated before the pthread call initialises it.
    unsafe mutex = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
  }
  deinit {
    // SAFETY: nobody can hold the lock: holders keep a reference.
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }
  public func lock() {
    // SAFETY: initialised mutex.
    unsafe pthread_mutex_lock(mutex)
  }
  /// Only by the thread that locked.
  public func unlock() {
    // SAFETY: initialised mutex.
    unsafe pthread_mutex_unlock(mutex)
  }
}
