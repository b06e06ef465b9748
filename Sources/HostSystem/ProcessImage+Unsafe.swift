import CHost
import Glibc

/// This process: its program file, its arguments' way into another program, its end.
public enum ProcessImage {
  /// The file of the running program, links resolved; nil without /proc.
  public static var path: String? {
    // SAFETY: realpath with a null buffer allocates a string, which is copied and freed.
    guard let resolved = unsafe realpath("/proc/self/exe", nil) else { return nil }
    let text = unsafe String(cString: resolved)
    unsafe free(resolved)
    return text
  }

  public static func environment(_ name: String) -> String? {
    // SAFETY: the string is copied before anything can change the environment.
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  /// Sets a variable for the programs that this one becomes or starts, unless it is set already. Before other threads.
  public static func setDefault(_ name: String, _ value: String) {
    // SAFETY: setenv copies both strings.
    _ = unsafe setenv(name, value, 0)
  }

  public static func isExecutable(_ path: String) -> Bool {
    // SAFETY: the path is copied by the kernel.
    unsafe access(path, X_OK) == 0
  }

  /// Replaces this program by another, keeping process id, terminal and standard streams. Returns only on failure.
  public static func replace(_ path: String, _ arguments: [String]) -> SystemCallError {
    // SAFETY: strdup'ed strings in a null-terminated array; on success they vanish with the old image.
    var list = unsafe arguments.map { unsafe strdup($0) }
    unsafe list.append(nil)
    _ = unsafe execv(path, list)
    let error = SystemCallError.last("execv")
    // SAFETY: each entry came from strdup.
    for index in unsafe list.indices { unsafe free(list[index]) }
    return error
  }

  /// A nameless file in memory that a replaced program inherits, positioned at its start.
  public static func inheritedFile(_ contents: [UInt8]) throws(SystemCallError) -> Int32 {
    // SAFETY: the name is a literal.
    let file = unsafe rb_memfd("ringbox-configuration")
    guard file >= 0 else { throw .last("memfd_create") }
    var rest = contents[...]
    while !rest.isEmpty {
      // SAFETY: pointer and count belong to the slice.
      let count = unsafe rest.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
      guard count > 0 else { throw .last("write") }
      rest = rest.dropFirst(count)
    }
    lseek(file, 0, SEEK_SET)
    // Clears FD_CLOEXEC.
    _ = fcntl(file, F_SETFD, 0)
    return file
  }

  /// Reads an inherited descriptor to its end and closes it; nil when it fails or holds more than `limit` bytes.
  public static func readInherited(_ descriptor: Int32, limit: Int) -> [UInt8]? {
    let stream = HostStream(descriptor)
    var contents: [UInt8] = []
    while contents.count <= limit {
      switch stream.read(upTo: 65536) {
      case .bytes(let bytes): contents += bytes
      case .end: return contents
      case .wouldBlock: continue
      case .failed: return nil
      }
    }
    return nil
  }
}

/// The end of this process: at once, without running destructors that other threads could still need.
public enum HostProcess {
  public static func exit(_ status: Int32) -> Never { _exit(status) }

  /// The process's number.
  public static var id: Int32 { getpid() }
}
