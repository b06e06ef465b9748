import Glibc

/// Why a file could not be read or written: which call failed and the system's reason.
public struct FileError: Error, Equatable, Sendable {
  public enum Problem: Equatable, Sendable {
    case system(call: String, errno: Int32)
    case isDirectory
    /// Longer than the reader allows.
    case tooLong(limit: Int)
  }
  public var path: String
  public var problem: Problem
  public init(path: String, problem: Problem) {
    self.path = path
    self.problem = problem
  }

  /// The reason in a few words, without the path.
  public var reason: String {
    switch problem {
    case .isDirectory: return "is a directory"
    case .tooLong(let limit): return "is longer than \(limit >> 20) MiB"
    case .system(_, let code):
      // SAFETY: strerror returns a NUL-terminated string, copied before anything else can call it on this thread.
      guard let text = unsafe strerror(code) else { return "error \(code)" }
      // SAFETY: as above.
      return unsafe String(cString: text)
    }
  }
}

/// Files that are read in one go: firmware, kernels, initial RAM disks.
public enum WholeFile {
  /// All bytes of the file, which may be a pipe; refuses directories and more than `maximum` bytes.
  public static func read(_ path: String, maximum: Int) throws(FileError) -> [UInt8] {
    func failure(_ call: String) -> FileError { FileError(path: path, problem: .system(call: call, errno: errno)) }
    // SAFETY: the string's bytes live for the duration of the call, which takes no mode argument.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open") }
    defer { close(descriptor) }
    var status = stat()
    // SAFETY: `status` is a local that outlives the call.
    guard unsafe fstat(descriptor, &status) == 0 else { throw failure("fstat") }
    if status.st_mode & S_IFMT == S_IFDIR { throw FileError(path: path, problem: .isDirectory) }
    guard Int(status.st_size) <= maximum else { throw FileError(path: path, problem: .tooLong(limit: maximum)) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(status.st_size))
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      // SAFETY: reads at most `chunk.count` bytes into the array for the duration of the call.
      let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw failure("read")
      }
      guard count > 0 else { return bytes }
      guard bytes.count + count <= maximum else { throw FileError(path: path, problem: .tooLong(limit: maximum)) }
      bytes += chunk[0..<count]
    }
  }
}

/// A file that only grows: the output of a serial port or debug console.
public final class OutputFile: Sendable {
  public let path: String
  private let descriptor: Int32

  /// Creates the file or empties it.
  public init(creating path: String) throws(FileError) {
    self.path = path
    // SAFETY: the string's bytes live for the duration of the call.
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError(path: path, problem: .system(call: "open", errno: errno)) }
  }
  deinit { close(descriptor) }

  /// Appends all bytes; false when the system refuses (disk full).
  @discardableResult public func append(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      // SAFETY: pointer and count belong to the same slice for the duration of the call.
      let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        return false
      }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
