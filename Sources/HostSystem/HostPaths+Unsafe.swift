import CHost
import Glibc

/// What is done to files by name: renaming, removing, listing, making names durable.
public enum HostPaths {
  /// Gives `old` the name `new`, replacing what had it. Both lie in one file system.
  public static func rename(_ old: String, to new: String) throws(SystemCallError) {
    // SAFETY: the kernel copies both paths.
    guard unsafe Glibc.rename(old, new) == 0 else { throw .last("rename") }
  }
  public static func remove(_ path: String) throws(SystemCallError) {
    // SAFETY: the kernel copies the path.
    guard unsafe unlink(path) == 0 else { throw .last("unlink") }
  }
  public static func exists(_ path: String) -> Bool {
    var status = stat()
    // SAFETY: the kernel copies the path and fills the local.
    return unsafe lstat(path, &status) == 0
  }
  /// Waits until the names in `folder` are on stable storage. File systems that cannot say so are believed.
  public static func synchronize(folder: String) throws(SystemCallError) {
    // SAFETY: the kernel copies the path.
    let descriptor = unsafe open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last("open") }
    defer { close(descriptor) }
    if fsync(descriptor) != 0, errno != EINVAL { throw .last("fsync") }
  }
  /// Names in `folder`, at most `limit`, in no order; none when it cannot be read.
  public static func names(in folder: String, limit: Int) -> [String] {
    // SAFETY: the stream is closed below, and an entry is only used before the next call for it.
    guard let stream = unsafe opendir(folder.isEmpty ? "." : folder) else { return [] }
    defer { _ = unsafe closedir(stream) }
    var names: [String] = []
    // SAFETY: as above; d_name is NUL-terminated within the entry.
    while names.count < limit, let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { raw in
        unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}

extension FileDescriptor {
  /// A number pair that two open descriptors share exactly when they are the same file.
  public func identity() throws(SystemCallError) -> (device: UInt64, file: UInt64) {
    var status = stat()
    // SAFETY: `status` is a local that outlives the call.
    guard unsafe fstat(raw, &status) == 0 else { throw .last("fstat") }
    return (UInt64(status.st_dev), UInt64(status.st_ino))
  }
  /// Bytes of disk space that the file takes.
  public func allocatedBytes() throws(SystemCallError) -> UInt64 {
    var status = stat()
    // SAFETY: `status` is a local that outlives the call.
    guard unsafe fstat(raw, &status) == 0 else { throw .last("fstat") }
    return UInt64(max(0, status.st_blocks)) * 512
  }
  /// Takes disk space for the file's first `bytes`. False when the file system cannot do it at once.
  public func reserve(_ bytes: UInt64) throws(SystemCallError) -> Bool {
    guard rb_allocate(raw, Int64(clamping: bytes)) != 0 else { return true }
    if errno == EOPNOTSUPP || errno == ENOSYS { return false }
    throw .last("fallocate")
  }
  /// The first byte at or after `offset` that is stored (`data`) or not stored; nil when there is none before the end.
  public func next(data: Bool, from offset: UInt64) -> UInt64? {
    // SEEK_DATA is 3 and SEEK_HOLE 4 on Linux; the macros hide behind _GNU_SOURCE.
    let found = lseek(raw, off_t(clamping: offset), data ? 3 : 4)
    return found < 0 ? nil : UInt64(found)
  }
}
