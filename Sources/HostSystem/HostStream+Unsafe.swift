import CHost
import Glibc

/// An open pipe, terminal, socket, listener or file that bytes flow through without ever blocking the caller for long.
///
/// Thread-safe as the kernel's own calls are; whoever reads should be one thread. Closes the descriptor when the last
/// reference goes, unless it was borrowed.
public final class HostStream: Sendable {
  /// What a read brought.
  public enum Input: Equatable, Sendable {
    case bytes([UInt8])
    case wouldBlock
    case end
    case failed(Int32)
  }
  /// What a write did.
  public enum Output: Equatable, Sendable {
    case wrote(Int)
    case wouldBlock
    case failed(Int32)
  }

  /// The descriptor's number, for polling.
  public let raw: Int32
  private let isOwned: Bool
  private let isSocket: Bool

  /// - Parameter owned: whether the descriptor is closed with this object.
  public init(_ raw: Int32, owned: Bool = true) {
    self.raw = raw
    isOwned = owned
    var status = stat()
    // SAFETY: `status` is a local that the call fills.
    isSocket = unsafe fstat(raw, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }
  deinit { if isOwned { close(raw) } }

  /// Standard output (1) or error (2) for writing without blocking.
  ///
  /// The non-blocking flag belongs to the open file, which other processes share, so a terminal or pipe is opened anew.
  /// Where /proc is missing the original is used, and a stuck reader can then hold a write up.
  public static func standard(_ descriptor: Int32) -> HostStream {
    var status = stat()
    // SAFETY: `status` is a local that the call fills.
    if unsafe fstat(descriptor, &status) == 0, [S_IFIFO, S_IFCHR].contains(status.st_mode & S_IFMT) {
      // SAFETY: the path is copied by the kernel; no flag asks for a mode.
      let own = unsafe open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
      if own >= 0 { return HostStream(own) }
    }
    return HostStream(descriptor, owned: false)
  }

  /// Opens a file for output that starts empty only once `truncate` is called. `created` tells whether it is new.
  public static func outputFile(_ path: String) throws(SystemCallError) -> (stream: HostStream, created: Bool) {
    // SAFETY: the path is copied by the kernel.
    let new = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NONBLOCK, 0o666)
    if new >= 0 { return (HostStream(new), true) }
    guard errno == EEXIST else { throw .last("open") }
    // SAFETY: as above; no flag asks for a mode.
    let old = unsafe open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard old >= 0 else { throw .last("open") }
    return (HostStream(old), false)
  }
  /// Empties a regular file; pipes and devices are left as they are.
  public func truncate() { _ = ftruncate(raw, 0) }

  /// Reads what is there, at most `limit` bytes. Call it when polling said readable: it may block otherwise.
  public func read(upTo limit: Int) -> Input {
    var code: Int32 = 0
    // SAFETY: the array has `limit` bytes of room and the call is told so.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(1, limit)) { buffer, used in
      let count = unsafe Glibc.read(raw, buffer.baseAddress, buffer.count)
      code = errno
      used = max(0, count)
      if count > 0 { code = 0 } else if count == 0 { code = -1 }
    }
    switch code {
    case 0: return .bytes(bytes)
    case -1: return .end
    case EAGAIN, EINTR: return .wouldBlock
    default: return .failed(code)
    }
  }

  /// Writes as much as goes now.
  public func write(_ bytes: ArraySlice<UInt8>) -> Output {
    guard !bytes.isEmpty else { return .wrote(0) }
    // SAFETY: pointer and count belong to the slice, which outlives the call.
    let count = unsafe bytes.withUnsafeBytes { buffer in
      if isSocket {
        return unsafe send(raw, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      return unsafe Glibc.write(raw, buffer.baseAddress, buffer.count)
    }
    if count >= 0 { return .wrote(count) }
    return errno == EAGAIN || errno == EINTR ? .wouldBlock : .failed(errno)
  }

  /// Writes everything, waiting up to `milliseconds` for a slow reader. False when something is left.
  @discardableResult
  public func writeAll(_ bytes: [UInt8], milliseconds: Int = 1000) -> Bool {
    var rest = bytes[...]
    let deadline = HostClock.monotonicNanoseconds + Int64(milliseconds) * 1_000_000
    while !rest.isEmpty {
      switch write(rest) {
      case .wrote(let count): rest = rest.dropFirst(count)
      case .failed: return false
      case .wouldBlock:
        let left = deadline - HostClock.monotonicNanoseconds
        guard left > 0 else { return false }
        var entries = [PollEntry(raw, read: false, write: true)]
        HostPoll.wait(&entries, nanoseconds: left)
      }
    }
    return true
  }
}

/// One descriptor in a call of `HostPoll.wait`.
public struct PollEntry: Sendable, Equatable {
  public var descriptor: Int32
  public var wantsRead: Bool
  public var wantsWrite: Bool
  /// Results. A closed peer shows as readable as well, so that the reader sees the end.
  public var isReadable = false, isWritable = false, isHungUp = false
  public init(_ descriptor: Int32, read: Bool = true, write: Bool = false) {
    self.descriptor = descriptor
    wantsRead = read
    wantsWrite = write
  }
}

/// poll(2).
public enum HostPoll {
  /// Waits until an entry is ready, a signal arrives, or `nanoseconds` have passed (nil: no limit); fills the results.
  public static func wait(_ entries: inout [PollEntry], nanoseconds: Int64?) {
    var list = entries.map { entry in
      pollfd(
        fd: entry.descriptor,
        events: Int16((entry.wantsRead ? POLLIN : 0) | (entry.wantsWrite ? POLLOUT : 0)), revents: 0)
    }
    // Rounded up: a wait that ends early would spin until the deadline.
    let milliseconds = nanoseconds.map { Int32(clamping: (max(0, $0) &+ 999_999) / 1_000_000) } ?? -1
    // SAFETY: `list` outlives the call; the count is the list's.
    var ready = unsafe poll(&list, nfds_t(list.count), milliseconds)
    if ready < 0 { ready = 0 }
    for index in entries.indices {
      let events = ready > 0 ? Int32(list[index].revents) : 0
      entries[index].isHungUp = events & (POLLHUP | POLLERR | POLLNVAL) != 0
      entries[index].isReadable = events & POLLIN != 0 || (entries[index].wantsRead && entries[index].isHungUp)
      entries[index].isWritable = events & POLLOUT != 0 || (entries[index].wantsWrite && entries[index].isHungUp)
    }
  }
}

/// A descriptor that any thread can make readable (eventfd).
public final class WakeDescriptor: Sendable {
  public let raw: Int32
  public init() throws(SystemCallError) {
    raw = rb_eventfd()
    if raw < 0 { throw .last("eventfd") }
  }
  deinit { close(raw) }

  public func wake() {
    var one: UInt64 = 1
    // SAFETY: eight bytes of a local.
    _ = unsafe write(raw, &one, 8)
  }
  public func drain() {
    var count: UInt64 = 0
    // SAFETY: eight bytes of a local.
    _ = unsafe read(raw, &count, 8)
  }
}
