import Glibc

/// A failed host call: which one, and why.
public struct SystemCallError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The function that failed, for example "open".
  public var call: String
  /// `errno` after the call.
  public var code: Int32
  public init(call: String, code: Int32) {
    self.call = call
    self.code = code
  }
  /// The error of the call that just failed on this thread.
  public static func last(_ call: String) -> SystemCallError { SystemCallError(call: call, code: errno) }
  /// The system's words for `code`.
  public var reason: String {
    // SAFETY: strerror returns a NUL-terminated string that lives at least until the thread's next strerror call; it is
    // copied before this function returns.
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    // SAFETY: as above.
    return unsafe String(cString: text)
  }
  public var description: String { "\(call): \(reason)" }
}
