import Glibc
import HostSystem

/// Says when something in one of its folders has changed (inotify).
final class FolderWatch: Sendable {
  /// Readable when there is something.
  let raw: Int32

  init() throws(SystemCallError) {
    // IN_NONBLOCK and IN_CLOEXEC have the values of the O_ flags.
    raw = inotify_init1(Int32(O_NONBLOCK | O_CLOEXEC))
    if raw < 0 { throw .last("inotify_init1") }
  }
  deinit { close(raw) }

  /// Names that come, go, or were written. Twice the same folder is one watch; one that is not there is none.
  func add(_ folder: String) -> Int32? {
    let mask = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE)
    // SAFETY: the kernel copies the path.
    let watch = unsafe inotify_add_watch(raw, folder, mask)
    return watch < 0 ? nil : watch
  }
  func remove(_ watch: Int32) { _ = inotify_rm_watch(raw, watch) }

  /// Takes all reports; whether there were any.
  func drain() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    var hadSome = false
    // SAFETY: reads at most the array's bytes into it.
    while unsafe read(raw, &buffer, buffer.count) > 0 { hadSome = true }
    return hadSome
  }
}

/// What tells two versions of a file apart.
struct FileStamp: Equatable, Sendable {
  var inode: UInt64
  var size: Int64
  var modified: Int64

  init?(_ path: String) {
    var status = stat()
    // SAFETY: the kernel copies the path and fills the local.
    guard unsafe stat(path, &status) == 0 else { return nil }
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
  }
  /// Links are followed.
  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    // SAFETY: as above.
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}

/// Children of this process that have ended.
enum Children {
  /// Takes note of those that nobody waits for.
  static func reap() {
    while waitpid(-1, nil, WNOHANG) > 0 {}
  }
}

/// Numbers of the host.
enum HostFigures {
  static var ticksPerSecond: Int { sysconf(Int32(_SC_CLK_TCK)) }
  static var pageBytes: Int { sysconf(Int32(_SC_PAGESIZE)) }
  /// Free bytes of the file system that a folder is in.
  static func freeBytes(_ folder: String) -> Int64? {
    var status = statvfs()
    // SAFETY: the kernel copies the path and fills the local.
    guard unsafe statvfs(folder, &status) == 0 else { return nil }
    return Int64(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
  }
}
