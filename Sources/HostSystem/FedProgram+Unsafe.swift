import Glibc
import Synchronization

/// Another program that this one feeds through a pipe on its standard input.
///
/// Of this process's descriptors it gets no other. When this process dies, it finds the end of its input.
public final class FedProgram: Sendable {
  private let process: Int32
  private let input: Mutex<HostStream?>
  private let status = Mutex<Int32?>(nil)

  /// Starts it. `errors`: the file that gets what it writes to standard error.
  public init(_ program: String, _ arguments: [String], errors: String) throws(SystemCallError) {
    var ends: (Int32, Int32) = (-1, -1)
    // SAFETY: the tuple is two 32-bit integers in a row, which the call fills.
    let code = unsafe withUnsafeMutableBytes(of: &ends) {
      unsafe pipe($0.bindMemory(to: Int32.self).baseAddress)
    }
    guard code == 0 else { throw .last("pipe") }
    defer { close(ends.0) }
    let stream = HostStream(ends.1)
    _ = fcntl(ends.1, F_SETFD, FD_CLOEXEC)
    _ = fcntl(ends.1, F_SETFL, O_WRONLY | O_NONBLOCK)
    process = try FedProgram.spawn(program, arguments, input: ends.0, errors: errors)
    input = Mutex(stream)
  }

  private static func spawn(
    _ program: String, _ arguments: [String], input: Int32, errors: String
  ) throws(SystemCallError) -> Int32 {
    // SAFETY: plain records that are initialised by the calls below before use, and destroyed once.
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    var none = sigset_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawnattr_init(&attributes)
    unsafe sigemptyset(&none)
    defer {
      // SAFETY: as above.
      unsafe posix_spawn_file_actions_destroy(&actions)
      unsafe posix_spawnattr_destroy(&attributes)
    }
    // A session of its own (POSIX_SPAWN_SETSID, 80h), so that Ctrl-C in a terminal is not for it, and no signal blocked.
    // SAFETY: the records are initialised; the calls copy the paths and the set.
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | 0x80)
    unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    for descriptor in HostPaths.names(in: "/proc/self/fd", limit: 100_000).compactMap({ Int32($0) })
    where descriptor > 2 {
      // SAFETY: as above. One that is closed by now does no harm.
      unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
    }
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

  /// Writes everything, waiting up to `milliseconds`. False when the program takes no more.
  public func feed(_ bytes: [UInt8], milliseconds: Int) -> Bool {
    input.withLock { $0 }?.writeAll(bytes, milliseconds: milliseconds) ?? false
  }

  /// Ends its input and waits for its end, which comes by force after `milliseconds`. Its exit status; nil: by force.
  public func finish(milliseconds: Int) -> Int32? {
    input.withLock { $0 = nil }
    let deadline = HostClock.monotonicNanoseconds + Int64(milliseconds) * 1_000_000
    return status.withLock { status in
      while status == nil {
        var code: Int32 = 0
        // SAFETY: `code` is a local that outlives the call.
        let ended = unsafe waitpid(process, &code, WNOHANG)
        if ended == process { status = code & 0x7f == 0 ? code >> 8 & 0xff : nil }
        if ended != 0 { return status }
        if HostClock.monotonicNanoseconds > deadline {
          kill(process, SIGKILL)
          // SAFETY: as above; a killed child ends.
          _ = unsafe waitpid(process, &code, 0)
          return nil
        }
        usleep(5000)
      }
      return status
    }
  }
  deinit { _ = finish(milliseconds: 0) }
}
