import Glibc
import HostSystem

/// The host's file system.
public struct HostSettingsStore: SettingsStore {
  public init() {}

  public func exists(_ path: String) -> Bool { HostPaths.exists(path) }
  public func read(_ path: String, maximum: Int) throws(SettingsError) -> [UInt8] {
    do throws(FileError) { return try WholeFile.read(path, maximum: maximum) } catch {
      throw .unreadable(path: path, reason: error.reason)
    }
  }
  public func write(_ path: String, _ contents: [UInt8]) throws(SettingsError) {
    func failure(_ call: String) -> SettingsError {
      .unwritable(path: path, reason: SystemCallError.last(call).reason)
    }
    // SAFETY: the kernel copies the path.
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw failure("open") }
    defer { close(file) }
    var rest = contents[...]
    while !rest.isEmpty {
      // SAFETY: pointer and count belong to the slice.
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("write") }
      rest = rest.dropFirst(count)
    }
  }
  public func synchronize(_ path: String) throws(SettingsError) {
    // SAFETY: the kernel copies the path.
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .unwritable(path: path, reason: SystemCallError.last("open").reason) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw .unwritable(path: path, reason: SystemCallError.last("fsync").reason) }
  }
  public func link(_ path: String, _ name: String) throws(SettingsError) {
    // SAFETY: the kernel copies both paths.
    guard unsafe Glibc.link(path, name) == 0 else {
      throw .unwritable(path: name, reason: SystemCallError.last("link").reason)
    }
  }
  public func rename(_ path: String, to name: String) throws(SettingsError) {
    do throws(SystemCallError) { try HostPaths.rename(path, to: name) } catch {
      throw .unwritable(path: name, reason: error.reason)
    }
  }
  public func remove(_ path: String) { HostFiles.remove(path) }
  public func synchronizeFolder(of path: String) throws(SettingsError) {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    do throws(SystemCallError) { try HostPaths.synchronize(folder: folder.isEmpty ? "/" : folder) } catch {
      throw .unwritable(path: path, reason: error.reason)
    }
  }
}
