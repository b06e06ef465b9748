import Glibc
import HostSystem

/// What the service asks the host's kernel.
enum Host {
  static var userID: UInt32 { getuid() }

  struct Status {
    var isFolder: Bool
    var owner: UInt32
    var mode: UInt32
    /// Seconds since 1970.
    var changed: Int64
  }
  /// Of the name itself: links are not followed.
  static func status(_ path: String) -> Status? {
    var status = stat()
    // SAFETY: the kernel copies the path and fills the local.
    guard unsafe lstat(path, &status) == 0 else { return nil }
    return Status(
      isFolder: status.st_mode & S_IFMT == S_IFDIR, owner: status.st_uid, mode: status.st_mode & 0o777,
      changed: Int64(status.st_mtim.tv_sec))
  }

  /// Starts a program in a session of its own with these standard streams. Of this process's descriptors it gets only
  /// `inherited`: whatever else is open here would stay open as long as the machine runs.
  static func spawn(
    _ program: String, _ arguments: [String], output: String, errors: String, inherited: [Int32]
  ) throws(SystemCallError) -> Int32 {
    // SAFETY: plain records that are initialised by the calls below.
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    // SAFETY: both records are initialised before use and destroyed once.
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawnattr_init(&attributes)
    defer {
      // SAFETY: as above.
      unsafe posix_spawn_file_actions_destroy(&actions)
      unsafe posix_spawnattr_destroy(&attributes)
    }
    // POSIX_SPAWN_SETSID is 80h in Glibc, which hides the macro behind _GNU_SOURCE.
    // SAFETY: the records are initialised; the calls copy the paths.
    unsafe posix_spawnattr_setflags(&attributes, 0x80)
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    let open = HostPaths.names(in: "/proc/self/fd", limit: 100_000).compactMap { Int32($0) }
    for descriptor in open where descriptor > 2 && !inherited.contains(descriptor) {
      // SAFETY: as above. One that is closed by now does no harm.
      unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    // SAFETY: as above. Onto itself: the child's descriptor loses its close-on-exec flag.
    for descriptor in inherited { unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor) }
    // SAFETY: strdup'ed strings in a null-terminated array, freed below.
    var list = unsafe ([program] + arguments).map { unsafe strdup($0) }
    unsafe list.append(nil)
    var process: pid_t = 0
    // SAFETY: all records live during the call; the environment is the process's own.
    let code = unsafe posix_spawn(&process, program, &actions, &attributes, list, environ)
    // SAFETY: each entry came from strdup.
    for index in unsafe list.indices { unsafe free(list[index]) }
    guard code == 0 else { throw SystemCallError(call: "posix_spawn", code: code) }
    return process
  }
  /// Whether a child of this process has ended.
  static func hasEnded(_ child: Int32) -> Bool {
    var status: Int32 = 0
    // SAFETY: `status` is a local that outlives the call.
    return unsafe waitpid(child, &status, WNOHANG) != 0
  }
  /// The process that listens at the other end of a local socket.
  static func peer(_ socket: Int32) -> Int32? {
    var credentials = (process: Int32(0), user: UInt32(0), group: UInt32(0))
    var size = socklen_t(12)
    // SO_PEERCRED is 17; it fills a record of three 32-bit numbers.
    // SAFETY: the tuple has room for the twelve bytes that the call is told of.
    guard unsafe getsockopt(socket, SOL_SOCKET, 17, &credentials, &size) == 0 else { return nil }
    return credentials.process
  }
  static func hangUp(_ socket: Int32) { _ = shutdown(socket, Int32(SHUT_RDWR)) }
  static func sleep(milliseconds: UInt32) { usleep(milliseconds * 1000) }
}

/// A lock that a file stands for; it goes with the descriptor, through exec too, and is never left behind.
struct LockFile: ~Copyable {
  let descriptor: Int32

  /// Opens the file, which is made when it is not there.
  init(_ path: String) throws(SystemCallError) {
    // SAFETY: the kernel copies the path.
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .last("open") }
  }
  deinit { close(descriptor) }

  // F_OFD_GETLK, F_OFD_SETLK and F_OFD_SETLKW, which Glibc's module hides behind _GNU_SOURCE.
  private func control(_ command: Int32, _ type: Int32) -> (code: Int32, type: Int16) {
    var lock = flock()
    lock.l_type = Int16(type)
    lock.l_whence = Int16(SEEK_SET)
    // SAFETY: the kernel reads and writes one flock structure, which outlives the call.
    let code = unsafe fcntl(descriptor, command, &lock)
    return (code, lock.l_type)
  }
  /// Takes it, if nobody has it.
  func take() -> Bool { control(37, F_WRLCK).code == 0 }
  /// Takes it as soon as nobody has it.
  func wait() throws(SystemCallError) {
    while control(38, F_WRLCK).code != 0 { guard errno == EINTR else { throw .last("fcntl") } }
  }
  /// Somebody else has it.
  var isHeld: Bool {
    let answer = control(36, F_WRLCK)
    return answer.code == 0 && answer.type != Int16(F_UNLCK)
  }
}
