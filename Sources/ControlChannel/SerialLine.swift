import Base
import DeviceKit
import HostSystem
import Synchronization

/// What is at the other end of a serial line.
public enum SerialEndpoint: Sendable {
  /// Nothing: output only reaches the scrollback.
  case none
  /// A stream each way; either may be missing. The output stream need not be pollable.
  case streams(input: HostStream?, output: HostStream?)
  /// A listening socket: one client at a time, a later one waits until the first has gone.
  case listener(HostStream)
  /// A pseudo-terminal.
  case pseudoTerminal(PseudoTerminal)
}

/// A serial port or debug console between a device and the outside.
///
/// The device's thread only appends to a bounded queue and wakes the loop; the loop's thread does all input and output.
/// Output waits up to a millisecond for more, so that a guest that prints byte by byte costs one write per line rather
/// than one per byte. What a reader is too slow for is dropped and counted: the guest never waits.
///
/// Lock order: called under the device's lock; calls nothing but the waker with its own lock held.
public final class SerialLine: CharacterBackend, LoopSource {
  /// Output that may wait for a slow reader.
  public static let outputLimit = 1 << 20
  /// Input that may wait for the guest; beyond it, the source is not read any further.
  public static let inputLimit = 1 << 20
  private static let batchDelay: Int64 = 1_000_000
  private static let batchSize = 4096
  /// How often a device that had no room is asked again.
  private static let retryDelay: Int64 = 2_000_000

  private struct Shared {
    var output = ByteQueue(limit: SerialLine.outputLimit)
    var scrollback = Scrollback()
    /// When the oldest byte of `output` arrived; nil when empty.
    var flushAt: Int64?
  }
  /// State of the loop's thread.
  private struct Outside {
    var endpoint = SerialEndpoint.none
    var client: HostStream?
    var escape: TerminalEscape?
    var input = ByteQueue(limit: SerialLine.inputLimit)
    var deliver: (@Sendable ([UInt8]) -> Int)?
    var onEscape: (@Sendable (TerminalEscape.Action) -> Void)?
    var onHangUp: (@Sendable () -> Void)?
    var inputEnded = false
    var isStuck = false
    var retryAt: Int64?
  }

  public let name: String
  private let waker: LoopWaker
  private let shared = Mutex(Shared())
  private let outside = Mutex(Outside())

  public init(name: String, waker: LoopWaker) {
    self.name = name
    self.waker = waker
  }

  // MARK: Wiring, before the loop runs

  /// Sets the device's entry for input; it returns how many bytes it took.
  public func connect(_ deliver: @escaping @Sendable ([UInt8]) -> Int) {
    outside.withLock { $0.deliver = deliver }
  }
  public func attach(_ endpoint: SerialEndpoint) { outside.withLock { $0.endpoint = endpoint } }
  /// Makes the input a terminal's: Ctrl-A is the escape key, and `hangUp` tells that the terminal has gone.
  public func attachTerminal(
    escape: @escaping @Sendable (TerminalEscape.Action) -> Void, hangUp: @escaping @Sendable () -> Void
  ) {
    outside.withLock {
      $0.escape = TerminalEscape()
      $0.onEscape = escape
      $0.onHangUp = hangUp
    }
  }

  // MARK: Any thread

  public func transmit(_ bytes: [UInt8]) {
    let wake = shared.withLock { state in
      let wasEmpty = state.output.isEmpty
      state.output.append(bytes)
      state.scrollback.append(bytes)
      if wasEmpty { state.flushAt = HostClock.monotonicNanoseconds &+ SerialLine.batchDelay }
      return wasEmpty || state.output.count == SerialLine.batchSize
    }
    if wake { waker.wake() }
  }
  /// Shows a text at the outer end that the guest did not print.
  public func show(_ text: String) {
    shared.withLock { state in
      state.output.append(Array(text.utf8))
      if state.flushAt == nil { state.flushAt = 0 }
    }
    waker.wake()
  }
  /// Position after the last byte of output.
  public var end: Int64 { shared.withLock { $0.scrollback.end } }
  /// Output bytes lost to slow readers.
  public var dropped: Int64 { shared.withLock { $0.output.dropped } }
  public func read(from position: Int64, limit: Int) -> (start: Int64, bytes: [UInt8]) {
    shared.withLock { $0.scrollback.read(from: position, limit: limit) }
  }
  public func find(_ needle: [UInt8], from position: Int64) -> Int64? {
    shared.withLock { $0.scrollback.find(needle, from: position) }
  }
  /// Queues bytes for the guest; false when too many wait already.
  public func write(_ bytes: [UInt8]) -> Bool {
    let taken = outside.withLock { state in
      guard bytes.count <= state.input.room else { return false }
      state.input.append(bytes)
      state.retryAt = 0
      return true
    }
    if taken { waker.wake() }
    return taken
  }
  /// The device has room again.
  public func deviceReady() {
    waker.wake()
  }

  // MARK: Loop thread

  public var interests: [PollEntry] {
    let hasOutput = shared.withLock { !$0.output.isEmpty }
    return outside.withLock { state in
      let wantsInput = !state.inputEnded && state.input.room >= 4096
      var list: [PollEntry] = []
      switch state.endpoint {
      case .none: break
      case .streams(let input, let output):
        if wantsInput, let input { list.append(PollEntry(input.raw)) }
        if state.isStuck, hasOutput, let output { list.append(PollEntry(output.raw, read: false, write: true)) }
      case .listener(let listener):
        if let client = state.client {
          list.append(PollEntry(client.raw, read: wantsInput, write: state.isStuck && hasOutput))
        } else {
          list.append(PollEntry(listener.raw))
        }
      case .pseudoTerminal(let terminal):
        list.append(PollEntry(terminal.stream.raw, read: wantsInput, write: state.isStuck && hasOutput))
      }
      return list
    }
  }

  public var deadline: Int64? {
    let flush = shared.withLock { $0.flushAt }
    return outside.withLock { state in
      let output = state.isStuck ? nil : flush
      guard let retry = state.retryAt else { return output }
      return min(retry, output ?? .max)
    }
  }

  public func service(_ ready: [PollEntry], now: Int64) {
    readInput(ready)
    deliverInput(now)
    let due = shared.withLock { state in
      guard let at = state.flushAt else { return false }
      return at <= now || state.output.count >= SerialLine.batchSize
    }
    let unstuck = ready.contains { $0.isWritable }
    if due || unstuck { flush() }
  }

  /// Writes what waits, as far as the reader takes it at once; at the end of a run, waits for slow readers a while.
  public func flush(milliseconds: Int = 0) {
    let deadline = HostClock.monotonicNanoseconds &+ Int64(milliseconds) &* 1_000_000
    while true {
      let stream = outputStream  // each time: a reader that has gone takes it along
      // The bytes stay queued during the write, so that a short write loses nothing.
      let chunk = shared.withLock { Array($0.output.pending.prefix(65536)) }
      guard !chunk.isEmpty else { break }
      guard let stream else {
        shared.withLock { $0.output.removeAll() }
        break
      }
      let result = stream.write(chunk[...])
      if case .wrote(let count) = result {
        shared.withLock { $0.output.removeFirst(count) }
        continue
      }
      if case .failed = result {
        outputFailed()
        continue
      }
      outside.withLock { $0.isStuck = true }
      let left = deadline &- HostClock.monotonicNanoseconds
      guard milliseconds > 0, left > 0 else { return }
      var entries = [PollEntry(stream.raw, read: false, write: true)]
      HostPoll.wait(&entries, nanoseconds: left)
    }
    outside.withLock { $0.isStuck = false }
    shared.withLock { if $0.output.isEmpty { $0.flushAt = nil } }
  }

  private var outputStream: HostStream? {
    outside.withLock { state in
      switch state.endpoint {
      case .none: nil
      case .streams(_, let output): output
      case .listener: state.client
      case .pseudoTerminal(let terminal): terminal.stream
      }
    }
  }

  /// The reader has gone: output goes nowhere from now on (or until the next client).
  private func outputFailed() {
    let hangUp = outside.withLock { state -> (@Sendable () -> Void)? in
      if case .streams(let input, _) = state.endpoint {
        state.endpoint = .streams(input: input, output: nil)
        return state.onHangUp
      }
      if case .pseudoTerminal = state.endpoint { state.endpoint = .none }
      state.client = nil
      return nil
    }
    hangUp?()
  }

  private func readInput(_ ready: [PollEntry]) {
    var actions: [TerminalEscape.Action] = []
    let (notify, hungUp) = outside.withLock { state in
      var source: HostStream?
      switch state.endpoint {
      case .none: break
      case .streams(let input, _): source = input
      case .pseudoTerminal(let terminal): source = terminal.stream
      case .listener(let listener):
        source = state.client
        if state.client == nil, ready.contains(where: { $0.descriptor == listener.raw && $0.isReadable }) {
          state.client = HostSocket.accept(listener)
        }
      }
      guard let source, ready.contains(where: { $0.descriptor == source.raw && $0.isReadable }) else {
        return (state.onEscape, nil as (@Sendable () -> Void)?)
      }
      var ended = false
      switch source.read(upTo: min(4096, state.input.room)) {
      case .bytes(let bytes):
        if var escape = state.escape {
          actions = escape.feed(bytes)
          state.escape = escape
          for case .input(let plain) in actions { state.input.append(plain) }
        } else {
          state.input.append(bytes)
        }
        state.retryAt = 0
      case .wouldBlock: break
      case .end, .failed: ended = true
      }
      guard ended else { return (state.onEscape, nil) }
      if state.client != nil {
        // The next client may come.
        state.client = nil
        return (state.onEscape, nil)
      }
      // The end of a pipe is no reason to stop a guest; the end of a terminal is.
      state.inputEnded = true
      return (state.onEscape, state.onHangUp)
    }
    for action in actions {
      if case .input = action { continue }
      notify?(action)
    }
    hungUp?()
  }

  private func deliverInput(_ now: Int64) {
    let (deliver, bytes) = outside.withLock { ($0.deliver, Array($0.input.pending.prefix(4096))) }
    guard let deliver, !bytes.isEmpty else {
      outside.withLock { if $0.input.isEmpty { $0.retryAt = nil } }
      return
    }
    // No lock of ours is held while the device is called: it may transmit (loopback, echo) on this thread.
    let taken = min(max(0, deliver(bytes)), bytes.count)
    outside.withLock { state in
      state.input.removeFirst(taken)
      state.retryAt = state.input.isEmpty ? nil : now &+ (taken > 0 ? 0 : SerialLine.retryDelay)
    }
  }
}
