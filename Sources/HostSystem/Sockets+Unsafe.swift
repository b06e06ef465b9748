import Glibc

/// Local listening sockets.
public enum HostSocket {
  /// Listens on a stream socket at `path`, which only the owner may use (mode 0600).
  ///
  /// A socket left behind by a process that is gone is replaced. One that somebody listens on gives EADDRINUSE; anything
  /// else at that path gives EEXIST and is left alone.
  public static func listenLocal(_ path: String) throws(SystemCallError) -> HostStream {
    let stream = try make(AF_UNIX)
    // Linux gives the new file the mode of the socket's own inode: there is no moment at which others may connect.
    guard fchmod(stream.raw, 0o600) == 0 else { throw .last("fchmod") }
    do throws(SystemCallError) {
      try use(path, .bind, stream)
    } catch {
      guard error.code == EADDRINUSE else { throw error }
      var status = stat()
      // SAFETY: `status` is a local that the call fills.
      guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
        throw SystemCallError(call: "bind", code: EEXIST)
      }
      do throws(SystemCallError) {
        _ = try connectLocal(path)
      } catch let probe where probe.code == ECONNREFUSED {
        // SAFETY: the path is copied by the kernel.
        _ = unsafe unlink(path)
        try use(path, .bind, stream)
        guard Glibc.listen(stream.raw, 16) == 0 else { throw .last("listen") }
        return stream
      } catch { throw error }
      throw error
    }
    guard Glibc.listen(stream.raw, 16) == 0 else { throw .last("listen") }
    return stream
  }

  /// Connects to a listening local socket.
  public static func connectLocal(_ path: String) throws(SystemCallError) -> HostStream {
    let stream = try make(AF_UNIX)
    try use(path, .connect, stream)
    return stream
  }

  /// Listens on a TCP port of 127.0.0.1.
  public static func listenLoopback(port: UInt16) throws(SystemCallError) -> HostStream {
    try listen(IPv4Endpoint(address: 0x7f00_0001, port: port))
  }

  /// Listens on a TCP port of an IPv4 address of this host; 0 is all of them.
  public static func listen(_ endpoint: IPv4Endpoint) throws(SystemCallError) -> HostStream {
    let stream = try make(AF_INET)
    var yes: Int32 = 1
    // SAFETY: an Int32 and its size.
    _ = unsafe setsockopt(stream.raw, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = endpoint.port.bigEndian
    address.sin_addr.s_addr = endpoint.address.bigEndian
    // SAFETY: a sockaddr_in is handed over as the sockaddr it begins with, with its own size.
    let code = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(stream.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw .last("bind") }
    guard Glibc.listen(stream.raw, 4) == 0 else { throw .last("listen") }
    return stream
  }

  /// The next connection of a listener, or nil when there is none.
  public static func accept(_ listener: HostStream) -> HostStream? {
    let raw = Glibc.accept(listener.raw, nil, nil)
    guard raw >= 0 else { return nil }
    _ = fcntl(raw, F_SETFD, FD_CLOEXEC)
    _ = fcntl(raw, F_SETFL, O_NONBLOCK)
    return HostStream(raw)
  }

  private static func make(_ family: Int32) throws(SystemCallError) -> HostStream {
    // SOCK_CLOEXEC and SOCK_NONBLOCK have the values of the O_ flags.
    let raw = socket(family, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
    guard raw >= 0 else { throw .last("socket") }
    return HostStream(raw)
  }

  private enum Operation { case bind, connect }

  private static func use(
    _ path: String, _ operation: Operation, _ stream: HostStream
  ) throws(SystemCallError) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    // One byte stays for the terminating zero.
    guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
      throw SystemCallError(call: "bind", code: ENAMETOOLONG)
    }
    let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
    // SAFETY: the path was checked to fit; the structure is handed over as the sockaddr it begins with.
    let code = unsafe withUnsafeMutableBytes(of: &address) { whole in
      for (index, byte) in bytes.enumerated() { unsafe whole[start + index] = byte }
      guard let base = unsafe whole.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return Int32(-1) }
      switch operation {
      case .bind: return unsafe Glibc.bind(stream.raw, base, socklen_t(whole.count))
      case .connect: return unsafe Glibc.connect(stream.raw, base, socklen_t(whole.count))
      }
    }
    guard code == 0 else { throw .last(operation == .bind ? "bind" : "connect") }
  }
}
