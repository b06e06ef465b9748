import Glibc

/// Sockets that carry whole packets: between processes of one user, or over UDP.
public final class DatagramSocket: Sendable {
  /// What became of a packet.
  public enum Sent: Equatable, Sendable {
    case sent
    /// The receiver's queue is full.
    case wouldBlock
    /// Nobody receives there any more.
    case nobody
    case failed(Int32)
  }
  /// The descriptor's number, for polling.
  public let raw: Int32

  private init(_ family: Int32) throws(SystemCallError) {
    // SOCK_CLOEXEC and SOCK_NONBLOCK have the values of the O_ flags.
    raw = socket(family, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
    guard raw >= 0 else { throw .last("socket") }
  }
  deinit { close(raw) }

  /// A local socket that receives at `path`, for its owner only.
  public convenience init(local path: String) throws(SystemCallError) {
    try self.init(AF_UNIX)
    guard fchmod(raw, 0o600) == 0 else { throw .last("fchmod") }
    guard let address = DatagramSocket.address(path) else { throw SystemCallError(call: "bind", code: ENAMETOOLONG) }
    // SAFETY: a sockaddr_un is handed over as the sockaddr it begins with, with its own size.
    let code = unsafe withUnsafePointer(to: address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard code == 0 else { throw .last("bind") }
  }

  /// A UDP socket at one IPv4 address and port that talks to another.
  public convenience init(local: IPv4Endpoint, remote: IPv4Endpoint) throws(SystemCallError) {
    try self.init(AF_INET)
    // SAFETY: the closures get an address and its size, and use them for the call only.
    unsafe try use(local, "bind") { unsafe bind($0, $1, $2) }
    unsafe try use(remote, "connect") { unsafe connect($0, $1, $2) }
  }

  private func use(
    _ endpoint: IPv4Endpoint, _ call: String, _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws(SystemCallError) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = endpoint.port.bigEndian
    address.sin_addr.s_addr = endpoint.address.bigEndian
    // SAFETY: a sockaddr_in is handed over as the sockaddr it begins with, with its own size.
    let code = unsafe withUnsafePointer(to: address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body(raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw .last(call) }
  }

  private static func address(_ path: String) -> sockaddr_un? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    // One byte stays for the terminating zero.
    guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
      return nil
    }
    let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
    // SAFETY: the path was checked to fit.
    unsafe withUnsafeMutableBytes(of: &address) { whole in
      for (index, byte) in bytes.enumerated() { unsafe whole[start + index] = byte }
    }
    return address
  }

  /// Sends to a local socket, without blocking.
  public func send(_ bytes: [UInt8], to path: String) -> Sent {
    guard let address = DatagramSocket.address(path) else { return .failed(ENAMETOOLONG) }
    // SAFETY: pointer and count belong to `bytes`; the address is handed over with its own size.
    let count = unsafe withUnsafePointer(to: address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe sendto(
          raw, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL), $0,
          socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return DatagramSocket.result(count)
  }
  /// Sends to the other end of a connected socket, without blocking.
  public func send(_ bytes: [UInt8]) -> Sent {
    // SAFETY: pointer and count belong to `bytes`.
    DatagramSocket.result(
      unsafe Glibc.send(raw, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)))
  }
  private static func result(_ count: Int) -> Sent {
    guard count < 0 else { return .sent }
    switch errno {
    case EAGAIN, ENOBUFS, EINTR: return .wouldBlock
    case ECONNREFUSED, ENOENT: return .nobody
    default: return .failed(errno)
    }
  }

  /// The next packet, at most `limit` bytes of it; nil when there is none.
  public func receive(limit: Int) -> [UInt8]? {
    var failed = false
    // SAFETY: the array has `limit` bytes of room and the call is told so.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(1, limit)) { buffer, used in
      let count = unsafe recv(raw, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
      failed = count < 0
      used = max(0, count)
    }
    return failed ? nil : bytes
  }

  /// Asks for room for bursts; the system gives what it allows.
  public func enlargeBuffers(_ bytes: Int32) {
    var size = bytes
    // SAFETY: an Int32 and its size.
    _ = unsafe setsockopt(raw, SOL_SOCKET, SO_RCVBUF, &size, 4)
    _ = unsafe setsockopt(raw, SOL_SOCKET, SO_SNDBUF, &size, 4)
  }
}

/// An IPv4 address and a port, in host byte order.
public struct IPv4Endpoint: Sendable, Equatable {
  /// 127.0.0.1 is 7F000001h.
  public var address: UInt32
  /// 0 lets the system choose.
  public var port: UInt16
  public init(address: UInt32, port: UInt16) {
    self.address = address
    self.port = port
  }
}

/// Folders that belong to one user alone.
public enum PrivateFolder {
  /// Makes `path` (its parent must exist) with mode 0700, or makes sure that it is such a folder of this user: not a
  /// link, nobody else's, closed to others.
  public static func prepare(_ path: String) throws(SystemCallError) {
    // SAFETY: the kernel copies the path.
    guard unsafe mkdir(path, 0o700) != 0 else { return }
    guard errno == EEXIST else { throw .last("mkdir") }
    var status = stat()
    // SAFETY: the kernel copies the path and fills the local.
    guard unsafe lstat(path, &status) == 0 else { throw .last("lstat") }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw SystemCallError(call: "mkdir", code: ENOTDIR) }
    guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
      throw SystemCallError(call: "mkdir", code: EPERM)
    }
  }

  /// Names in a folder, at most `limit`, without those that begin with a dot.
  public static func entries(_ path: String, limit: Int) -> [String] {
    // SAFETY: the kernel copies the path; the stream is closed below and each entry copied before the next is read.
    guard let folder = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while names.count < limit, let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  /// Number of this user.
  public static var userID: UInt32 { geteuid() }
  /// Number of this process.
  public static var processID: Int32 { getpid() }
}
