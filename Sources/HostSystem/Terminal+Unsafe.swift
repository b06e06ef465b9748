import CHost
import Glibc
import Synchronization

/// The settings of a terminal, changed for the time of a run and put back however the process ends.
///
/// Beside `restore`, a child process waits for the end of this one, so that even SIGKILL or a crash leaves the terminal
/// as it was.
public final class HostTerminal: Sendable {
  private let descriptor: Int32
  private let sane: termios
  private let rawMode: termios
  private let isRaw = Mutex(false)

  /// Nil when the descriptor is no terminal. Changes nothing yet. Call it before other threads start.
  public init?(_ descriptor: Int32) {
    var settings = termios()
    // SAFETY: `settings` is a local that the call fills.
    guard unsafe tcgetattr(descriptor, &settings) == 0 else { return nil }
    self.descriptor = descriptor
    sane = settings
    // SAFETY: changes the local only.
    unsafe cfmakeraw(&settings)
    rawMode = settings
  }

  public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// Columns and rows; nil when the descriptor is no terminal or does not know.
  public static func size(_ descriptor: Int32) -> (columns: Int, rows: Int)? {
    var size = winsize()
    // SAFETY: TIOCGWINSZ fills one winsize.
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Starts the guardian process. Without one (no processes left) only an orderly end restores the terminal.
  public func guardSettings() {
    var raw = rawMode, sane = sane
    // SAFETY: both structures are locals that outlive the call; the child has its own copies.
    _ = unsafe rb_terminal_guard(descriptor, &raw, &sane)
  }

  /// Passes every key as bytes, without echo, line editing or signals.
  public func makeRaw() {
    isRaw.withLock { state in
      var settings = rawMode
      // SAFETY: a local.
      if unsafe tcsetattr(descriptor, TCSANOW, &settings) == 0 { state = true }
    }
  }

  /// Puts the settings back that the terminal had; again and again is fine.
  public func restore() {
    isRaw.withLock { state in
      guard state else { return }
      var settings = sane
      // A process in the background would be stopped for changing its terminal.
      let old = blockTTOU()
      // SAFETY: a local.
      _ = unsafe tcsetattr(descriptor, TCSADRAIN, &settings)
      restoreMask(old)
      state = false
    }
  }
  deinit { restore() }

  private func blockTTOU() -> sigset_t {
    var set = sigset_t(), old = sigset_t()
    // SAFETY: both sets are locals.
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTTOU)
    unsafe pthread_sigmask(SIG_BLOCK, &set, &old)
    return old
  }
  private func restoreMask(_ mask: sigset_t) {
    var mask = mask
    // SAFETY: a local.
    _ = unsafe pthread_sigmask(SIG_SETMASK, &mask, nil)
  }
}

/// A new pseudo-terminal in raw mode.
public struct PseudoTerminal: Sendable {
  /// The end that this process reads and writes.
  public let stream: HostStream
  /// The other end's file, for a terminal program to open.
  public let path: String
  /// Held open so that output is not an error while nobody has the file open.
  private let slave: HostStream

  public init() throws(SystemCallError) {
    var name = [CChar](repeating: 0, count: 128)
    // SAFETY: the array's own size is given.
    let master = unsafe rb_pseudo_terminal(&name, name.count)
    guard master >= 0 else { throw .last("posix_openpt") }
    stream = HostStream(master)
    path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // SAFETY: the path is copied by the kernel; no flag asks for a mode.
    let other = unsafe open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard other >= 0 else { throw .last("open") }
    slave = HostStream(other)
    var settings = termios()
    // SAFETY: a local that is filled, changed and read.
    if unsafe tcgetattr(other, &settings) == 0 {
      unsafe cfmakeraw(&settings)
      _ = unsafe tcsetattr(other, TCSANOW, &settings)
    }
  }
}
