import Synchronization

/// The one thread that an object runs, from its start to the object's end, whichever thread brings that.
public struct OwnedThread: ~Copyable, Sendable {
  private let thread = Mutex<HostThread?>(nil)

  /// None yet.
  public init() {}

  /// Starts it. `name` is cut as that of every `HostThread`.
  public func start(name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
    let started = try HostThread(name: name, body)
    thread.withLock { $0 = started }
  }
  /// It was started, and nobody has waited for its end yet.
  public var isStarted: Bool { thread.withLock { $0 != nil } }

  /// Waits for its end; only the first call does, and none on the thread itself. Whoever calls has told it to end.
  public func join() {
    let ending = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    ending?.join()
  }
}
