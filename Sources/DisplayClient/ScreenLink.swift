import HostSystem
import Synchronization

/// A connection to a machine's display, on a thread of its own: what it shows is up to date whenever somebody looks.
///
/// Whoever draws may take as long as he likes: neither this thread nor the machine waits for him.
public final class ScreenLink: Sendable {
  private let stream: HostStream
  private let wake: WakeDescriptor
  private let client = Mutex(ScreenClient())
  private let isEnding = Atomic<Bool>(false)
  private let ended = Atomic<Bool>(false)
  private let thread = OwnedThread()

  /// Connects to a local socket. `changed` is called on the link's thread when there is something to look at, and once
  /// more when the connection has ended.
  public init(_ path: String, changed: @escaping @Sendable () -> Void) throws(SystemCallError) {
    stream = try HostSocket.connectLocal(path)
    wake = try WakeDescriptor()
    do throws(ThreadError) {
      try thread.start(name: "screen") { [self] in run(changed) }
    } catch { throw SystemCallError(call: "pthread_create", code: error.errorNumber) }
  }

  /// The connection is over, for whatever reason.
  public var isOver: Bool { ended.load(ordering: .acquiring) }

  /// Looks at the screen, or does something to it; what is to be sent goes out at once.
  public func use<R: Sendable>(_ body: (inout sending ScreenClient) -> sending R) -> R {
    let (result, hasOutput) = client.withLock { client in
      let result = body(&client)
      return (result, !client.output.isEmpty)
    }
    if hasOutput { wake.wake() }
    return result
  }

  /// Ends the connection and waits for the thread.
  public func close() {
    isEnding.store(true, ordering: .releasing)
    wake.wake()
    thread.join()
  }

  private func run(_ changed: @Sendable () -> Void) {
    var waiting: [UInt8] = []
    while !isEnding.load(ordering: .acquiring) {
      var entries = [PollEntry(stream.raw, write: !waiting.isEmpty), PollEntry(wake.raw)]
      HostPoll.wait(&entries, nanoseconds: nil)
      if entries[1].isReadable { wake.drain() }
      if entries[0].isReadable, !read(changed) { break }
      waiting += client.withLock { client in
        defer { client.output = [] }
        return client.output
      }
      // A server that does not listen gets no more to hear.
      guard waiting.count < 1 << 22 else { break }
      switch stream.write(waiting[...]) {
      case .wrote(let count): waiting.removeFirst(count)
      case .wouldBlock: break
      case .failed: return end(changed)
      }
    }
    end(changed)
  }
  private func end(_ changed: @Sendable () -> Void) {
    ended.store(true, ordering: .releasing)
    changed()
  }
  private func read(_ changed: @Sendable () -> Void) -> Bool {
    switch stream.read(upTo: 1 << 18) {
    case .bytes(let bytes):
      let (isBroken, hasNews) = client.withLock { client in
        let before = client.updates
        client.receive(bytes)
        return (client.failure != nil, client.updates != before || client.hasClipboard)
      }
      if hasNews { changed() }
      return !isBroken
    case .wouldBlock: return true
    case .end, .failed: return false
    }
  }
}
