import Glibc

/// Small files: written whole, removed, looked at.
public enum HostFiles {
  /// Writes a file next to `path` and renames it there, so that no reader sees half of it.
  public static func replace(_ path: String, with contents: [UInt8]) throws(SystemCallError) {
    let temporary = "\(path).\(getpid()).tmp"
    let (stream, created) = try HostStream.outputFile(temporary)
    guard created else { throw SystemCallError(call: "open", code: EEXIST) }
    guard stream.writeAll(contents) else {
      let error = SystemCallError.last("write")
      remove(temporary)
      throw error
    }
    // SAFETY: the kernel copies both paths.
    guard unsafe rename(temporary, path) == 0 else {
      let error = SystemCallError.last("rename")
      remove(temporary)
      throw error
    }
  }

  public static func remove(_ path: String) {
    // SAFETY: the kernel copies the path.
    _ = unsafe unlink(path)
  }

  /// Why a file of this name could not be created or replaced: nil when it could.
  public static func obstacle(toWriting path: String) -> SystemCallError? {
    var status = stat()
    // SAFETY: the kernel copies the path and fills the local.
    if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      return SystemCallError(call: "open", code: EISDIR)
    }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    // SAFETY: the kernel copies the path.
    return unsafe access(folder, W_OK | X_OK) == 0 ? nil : .last("access")
  }
}
