import CHost
import Glibc

/// Signals as something to poll and read (signalfd), instead of handlers that may do next to nothing.
public final class SignalDescriptor: Sendable {
  public let raw: Int32

  /// Blocks `signals`, and no others, for the calling thread and those it starts later: make one before there are
  /// others. What whoever started this process had blocked is forgotten.
  public init(_ signals: [Int32]) throws(SystemCallError) {
    var set = sigset_t()
    // SAFETY: the set is a local.
    unsafe sigemptyset(&set)
    for signal in signals {
      // SAFETY: as above.
      unsafe sigaddset(&set, signal)
    }
    // SAFETY: as above.
    let code = unsafe pthread_sigmask(SIG_SETMASK, &set, nil)
    guard code == 0 else { throw SystemCallError(call: "pthread_sigmask", code: code) }
    // SAFETY: as above.
    raw = unsafe rb_signalfd(&set)
    if raw < 0 { throw .last("signalfd") }
  }
  deinit { close(raw) }

  /// A signal that has arrived, or nil.
  public func next() -> Int32? {
    let signal = rb_signalfd_next(raw)
    return signal == 0 ? nil : signal
  }

  /// Makes writes to closed pipes fail with EPIPE instead of ending the process.
  public static func ignoreBrokenPipes() {
    _ = signal(SIGPIPE, SIG_IGN)
  }
}
