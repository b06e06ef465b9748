import CHost
import Glibc

/// A piece of host memory that data is moved into or out of: a raw pointer and a length behind a safe face.
///
/// Whoever makes one promises that the memory stays mapped until the transfer has ended. The contents may be shared
/// with a running guest: nothing here forms a Swift reference to them.
// SAFETY: (for @unchecked Sendable) the pointer never changes, and is only passed on to system calls and memcpy, always
// with a length of at most `count`.
@safe public struct HostBuffer: @unchecked Sendable {
  // SAFETY: as above.
  let base: UnsafeMutableRawPointer
  /// Bytes.
  public let count: Int

  // SAFETY: the caller's promise, see the type.
  public init(_ base: UnsafeMutableRawPointer, count: Int) {
    // SAFETY: stored only.
    unsafe self.base = base
    self.count = max(0, count)
  }

  /// The part that starts at `offset`, at most `count` bytes long, clamped to the buffer.
  public func slice(_ offset: Int, _ count: Int) -> HostBuffer {
    let start = min(max(0, offset), self.count)
    // SAFETY: `start` is inside 0...self.count.
    return unsafe HostBuffer(base + start, count: min(max(0, count), self.count - start))
  }
  /// Copies bytes in; what does not fit is dropped.
  public func store(_ bytes: ArraySlice<UInt8>) {
    // SAFETY: the length is clamped to both sides; arrays never overlap memory handed out as a HostBuffer.
    unsafe bytes.withUnsafeBytes { source in
      guard let from = source.baseAddress else { return }
      unsafe memcpy(base, from, min(source.count, count))
    }
  }
  /// A copy of the contents.
  public func load() -> [UInt8] {
    // SAFETY: the new array has exactly `count` bytes of room.
    unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
      if let to = buffer.baseAddress { unsafe memcpy(to, base, count) }
      used = count
    }
  }
  public func zero() {
    // SAFETY: writes exactly `count` bytes.
    _ = unsafe memset(base, 0, count)
  }

  /// Runs `body` on the bytes of an array, which the body may change.
  public static func over<R, E: Error>(
    _ bytes: inout [UInt8], _ body: (HostBuffer) throws(E) -> R
  ) throws(E) -> R? {
    var result: R?
    var failure: E?
    // SAFETY: the pointer is used only during the closure.
    unsafe bytes.withUnsafeMutableBytes { raw in
      guard let base = raw.baseAddress else { return }
      do throws(E) { result = try body(unsafe HostBuffer(base, count: raw.count)) } catch { failure = error }
    }
    if let failure { throw failure }
    return result
  }
}

/// The sole owner of an open file descriptor; closes it when it goes away.
public struct FileDescriptor: ~Copyable, Sendable {
  public enum Mode: Sendable { case readOnly, readWrite }
  public enum Kind: Sendable, Equatable { case regular, directory, blockDevice, other }
  public enum LockKind: Sendable { case shared, exclusive }

  /// The number, for calls that this type does not wrap. Valid as long as the owner lives.
  public let raw: Int32
  /// Takes over a descriptor that nobody else closes.
  public init(owning raw: Int32) { self.raw = raw }
  deinit { close(raw) }

  /// Opens an existing file (`create`: makes it, refusing one that exists).
  public init(opening path: String, _ mode: Mode, create: Bool = false) throws(SystemCallError) {
    var flags = O_CLOEXEC | (mode == .readOnly ? O_RDONLY : O_RDWR)
    if create { flags |= O_CREAT | O_EXCL }
    // SAFETY: Swift hands `open` a NUL-terminated copy of the path for the duration of the call.
    let descriptor = unsafe open(path, flags, 0o644)
    guard descriptor >= 0 else { throw .last("open") }
    self.init(owning: descriptor)
  }

  /// A file without a name in `directory`: its space is given back when the descriptor closes.
  public static func temporary(in directory: String) throws(SystemCallError) -> FileDescriptor {
    // O_TMPFILE is 0o20200000 on x86-64; the macro does not reach Swift.
    // SAFETY: as in `init(opening:)`.
    let descriptor = unsafe open(directory, 0o20200000 | O_RDWR | O_CLOEXEC, 0o600)
    if descriptor >= 0 { return FileDescriptor(owning: descriptor) }
    // File systems without O_TMPFILE: create a file under a fresh name and unlink it at once.
    for _ in 0..<16 {
      let path = "\(directory)/.ringbox-\(getpid())-\(UInt32.random(in: 0...(.max)))"
      // SAFETY: as above.
      let named = unsafe open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
      if named >= 0 {
        // SAFETY: as above.
        unsafe unlink(path)
        return FileDescriptor(owning: named)
      }
      if errno != EEXIST { break }
    }
    throw .last("open")
  }

  /// What the descriptor refers to, and its size in bytes (of a block device: its capacity).
  public func info() throws(SystemCallError) -> (kind: Kind, size: UInt64) {
    var status = stat()
    // SAFETY: `status` is a valid stat structure for the duration of the call.
    guard unsafe fstat(raw, &status) == 0 else { throw .last("fstat") }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return (.regular, UInt64(max(0, status.st_size)))
    case S_IFDIR: return (.directory, 0)
    case S_IFBLK:
      // Positioned transfers do not use the file offset, so moving it harms nobody.
      let end = lseek(raw, 0, SEEK_END)
      guard end >= 0 else { throw .last("lseek") }
      return (.blockDevice, UInt64(end))
    default: return (.other, 0)
    }
  }

  /// Takes an advisory lock that belongs to this open file (F_OFD_SETLK); false when somebody else holds it.
  public func tryLock(_ kind: LockKind) throws(SystemCallError) -> Bool {
    var lock = flock()
    lock.l_type = Int16(kind == .shared ? F_RDLCK : F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    // 37 is F_OFD_SETLK on Linux, which Glibc's module hides behind _GNU_SOURCE.
    // SAFETY: the kernel reads one flock structure, which outlives the call.
    if unsafe fcntl(raw, 37, &lock) == 0 { return true }
    if errno == EAGAIN || errno == EACCES { return false }
    throw .last("fcntl")
  }

  /// Gives the lock up, for every copy of the descriptor: one that a process being started has, too.
  public func unlock() {
    var lock = flock()
    lock.l_type = Int16(F_UNLCK)
    lock.l_whence = Int16(SEEK_SET)
    // SAFETY: as in `tryLock`.
    _ = unsafe fcntl(raw, 37, &lock)
  }

  public func resize(to bytes: UInt64) throws(SystemCallError) {
    guard ftruncate(raw, off_t(clamping: bytes)) == 0 else { throw .last("ftruncate") }
  }
  /// Waits until written data is on stable storage.
  public func synchronizeData() throws(SystemCallError) {
    guard fdatasync(raw) == 0 else { throw .last("fdatasync") }
  }
  /// Gives the space of a range back; it reads as zeroes afterwards. False when the file system cannot.
  public func punchHole(at offset: UInt64, count: UInt64) throws(SystemCallError) -> Bool {
    guard rb_punch_hole(raw, Int64(clamping: offset), Int64(clamping: count)) != 0 else { return true }
    if errno == EOPNOTSUPP || errno == ENODEV || errno == ENOSYS { return false }
    throw .last("fallocate")
  }

  /// Fills the buffers from `offset` on; what lies past the end of the file reads as zeroes.
  public func read(at offset: UInt64, into buffers: [HostBuffer]) throws(SystemCallError) {
    // SAFETY: the closure passes the vectors on to the kernel and keeps nothing.
    try unsafe transfer(
      buffers, offset, "preadv",
      { vectors, count, position in
        // SAFETY: the vectors describe live HostBuffers, see `transfer`.
        unsafe preadv(raw, vectors, count, position)
      }, endOfFile: { rest in for buffer in rest { buffer.zero() } })
  }
  /// Fills the buffers from `offset` on with what the host has in memory; false when that is not all of it, or there are
  /// too many buffers: then their contents mean nothing.
  public func readCached(at offset: UInt64, into buffers: [HostBuffer]) -> Bool {
    guard buffers.count <= 64, let position = Int64(exactly: offset) else { return false }
    // SAFETY: each vector covers one HostBuffer, whose maker keeps it mapped; the array outlives the call.
    let vectors = unsafe buffers.map { unsafe iovec(iov_base: $0.base, iov_len: $0.count) }
    // SAFETY: as above; the kernel keeps nothing.
    let moved = unsafe rb_read_cached(raw, vectors, Int32(vectors.count), position)
    return moved == buffers.reduce(0) { $0 + $1.count }
  }
  /// Writes the buffers from `offset` on.
  public func write(at offset: UInt64, from buffers: [HostBuffer]) throws(SystemCallError) {
    // SAFETY: the closure passes the vectors on to the kernel and keeps nothing.
    try unsafe transfer(
      buffers, offset, "pwritev",
      { vectors, count, position in
        // SAFETY: the vectors describe live HostBuffers, see `transfer`.
        unsafe pwritev(raw, vectors, count, position)
      }, endOfFile: nil)
  }

  /// Repeats a vectored call until everything is moved: calls may move less than asked and take at most IOV_MAX (1024)
  /// pieces at a time.
  private func transfer(
    _ buffers: [HostBuffer], _ offset: UInt64, _ name: String,
    // SAFETY: the closures only hand the vectors to the kernel.
    _ call: (UnsafePointer<iovec>, Int32, off_t) -> Int, endOfFile: (([HostBuffer]) -> Void)?
  ) throws(SystemCallError) {
    var rest = buffers.filter { $0.count > 0 }[...]
    var position = offset
    while !rest.isEmpty {
      // SAFETY: each vector covers one HostBuffer, whose maker keeps it mapped; the array outlives the call.
      let vectors = unsafe rest.prefix(1024).map { unsafe iovec(iov_base: $0.base, iov_len: $0.count) }
      guard let at = off_t(exactly: position) else { throw SystemCallError(call: name, code: EINVAL) }
      // SAFETY: as above.
      var moved = unsafe call(vectors, Int32(vectors.count), at)
      if moved < 0 {
        if errno == EINTR { continue }
        throw .last(name)
      }
      if moved == 0 {
        guard let endOfFile else { throw SystemCallError(call: name, code: EIO) }
        endOfFile(Array(rest))
        return
      }
      position += UInt64(moved)
      while moved > 0, let first = rest.first {
        if moved < first.count {
          rest[rest.startIndex] = first.slice(moved, first.count - moved)
          break
        }
        moved -= first.count
        rest.removeFirst()
      }
    }
  }
}
