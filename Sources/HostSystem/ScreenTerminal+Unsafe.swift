import Glibc
import Synchronization

/// What the exit paths need to put the terminal back, where signal handlers can reach it.
private struct TerminalRescue {
  var input: Int32
  var output: Int32
  var settings: termios
  var active: Bool
}

// SAFETY: written by `enter` and `leave` on one thread; handlers read it. Allocated once, never freed.
nonisolated(unsafe) private let rescue: UnsafeMutablePointer<TerminalRescue> = {
  let memory = UnsafeMutablePointer<TerminalRescue>.allocate(capacity: 1)
  // SAFETY: fresh memory for one value.
  unsafe memory.initialize(to: TerminalRescue(input: -1, output: -1, settings: termios(), active: false))
  return unsafe memory
}()

/// Attributes off, autowrap on, cursor shown, back from the alternate screen.
private let leaveSequence = "\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l"
// SAFETY: a copy that signal handlers may read at any time; never freed.
nonisolated(unsafe) private let leaveBytes: UnsafeMutableBufferPointer<UInt8> = {
  let bytes = Array(leaveSequence.utf8)
  let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
  // SAFETY: as many bytes as there are elements.
  _ = unsafe memory.initialize(from: bytes)
  return unsafe memory
}()

/// Puts the terminal back; only async-signal-safe calls. Does nothing the second time.
private func rescueTerminal() {
  // SAFETY: see `rescue`; the pointers stay valid for ever.
  guard unsafe rescue.pointee.active else { return }
  unsafe rescue.pointee.active = false
  _ = unsafe write(rescue.pointee.output, leaveBytes.baseAddress, leaveBytes.count)
  unsafe tcsetattr(rescue.pointee.input, TCSANOW, &rescue.pointee.settings)
}

/// A terminal that is used as a screen: raw keys in, drawing out, on its alternate screen.
///
/// The terminal is put back by `leave`, at exit, and when SIGINT, SIGTERM, SIGHUP, SIGQUIT or SIGPIPE end the process
/// (their earlier handlers run afterwards). There is at most one at a time.
public final class ScreenTerminal {
  private let input: Int32
  private let output: Int32
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE]
  private static let exitHandler: Void = {
    atexit { rescueTerminal() }
  }()

  /// Nil when one of the descriptors is no terminal. Changes nothing yet.
  public init?(input: Int32 = 0, output: Int32 = 1) {
    guard isatty(input) == 1, isatty(output) == 1 else { return nil }
    self.input = input
    self.output = output
  }
  deinit { leave() }

  /// Raw mode and the alternate screen. False when the terminal refuses.
  public func enter() -> Bool {
    var settings = termios()
    // SAFETY: a local that the call fills.
    guard unsafe tcgetattr(input, &settings) == 0 else { return false }
    // SAFETY: see `rescue`.
    unsafe rescue.pointee = TerminalRescue(input: input, output: output, settings: settings, active: true)
    // The lazily made copy must exist before a handler can need it.
    _ = unsafe leaveBytes.count
    _ = ScreenTerminal.exitHandler
    for signal in ScreenTerminal.signals { ScreenTerminal.catchSignal(signal) }
    // SAFETY: changes the local, then hands it over.
    unsafe cfmakeraw(&settings)
    guard unsafe tcsetattr(input, TCSANOW, &settings) == 0 else { return false }
    // Alternate screen, cursor hidden, no autowrap (the last column is drawn like any other), cleared.
    return write(Array("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l\u{1b}[2J".utf8))
  }

  /// Puts the terminal back as it was before `enter`.
  public func leave() { rescueTerminal() }

  private static func catchSignal(_ number: Int32) {
    var old = sigaction()
    // SAFETY: a local that the call fills.
    guard unsafe sigaction(number, nil, &old) == 0 else { return }
    // An ignored signal stays ignored, and a handler of the program's own knows what it does.
    guard unsafe old.__sigaction_handler.sa_handler == nil else { return }
    var action = sigaction()
    // SAFETY: the handler only makes async-signal-safe calls; SA_RESETHAND brings the default action back, by which
    // the raised signal then ends the process.
    unsafe action.__sigaction_handler.sa_handler = { signal in
      rescueTerminal()
      raise(signal)
    }
    action.sa_flags = Int32(truncatingIfNeeded: SA_RESETHAND)
    _ = unsafe sigaction(number, &action, nil)
  }

  /// Columns and rows now. Asked for each picture, so that a changed window needs no signal.
  public var size: (columns: Int, rows: Int) {
    var size = winsize()
    // SAFETY: TIOCGWINSZ fills one winsize.
    guard unsafe ioctl(output, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Bytes typed, after waiting for at most `milliseconds`; empty when there are none, nil when the terminal is gone.
  public func read(waiting milliseconds: Int32) -> [UInt8]? {
    var request = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
    // SAFETY: one pollfd, a local.
    let ready = unsafe poll(&request, 1, milliseconds)
    guard ready > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: 256)
    // SAFETY: the array's own size is given.
    let count = unsafe Glibc.read(input, &bytes, bytes.count)
    if count > 0 { return Array(bytes.prefix(count)) }
    return count < 0 && (errno == EINTR || errno == EAGAIN) ? [] : nil
  }

  /// Writes all bytes; false when the terminal is gone.
  @discardableResult
  public func write(_ bytes: [UInt8]) -> Bool {
    var done = 0
    while done < bytes.count {
      // SAFETY: pointer and count describe the part of the array from `done` on.
      let count = unsafe bytes[done...].withUnsafeBytes { unsafe Glibc.write(output, $0.baseAddress, $0.count) }
      if count > 0 {
        done += count
      } else if errno == EAGAIN {
        var request = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
        // SAFETY: one pollfd, a local.
        _ = unsafe poll(&request, 1, 1000)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
