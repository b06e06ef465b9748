import Glibc

/// A second way into an open file, past the host's page cache (O_DIRECT of open(2)).
///
/// The kernel keeps both ways in step: what one has written the other reads. Transfers that are not whole blocks are for the
/// first way.
public final class DirectFile: Sendable {
  /// Offsets, lengths and memory must be multiples of this: the largest logical block that disks have.
  public static let block = 4096
  /// Bytes that are moved at once by way of aligned memory.
  private static let portion = 1 << 20
  private let file: FileDescriptor

  /// nil where the file system knows no such transfers.
  public init?(of open: borrowing FileDescriptor, writable: Bool) {
    // O_DIRECT is 0o40000 on x86-64; the macro does not reach Swift.
    let flags = O_CLOEXEC | 0o40000 | (writable ? O_RDWR : O_RDONLY)
    // SAFETY: Swift hands `open` a NUL-terminated copy of the path for the duration of the call.
    let descriptor = unsafe Glibc.open("/proc/self/fd/\(open.raw)", flags)
    guard descriptor >= 0 else { return nil }
    file = FileDescriptor(owning: descriptor)
  }

  /// Whether a transfer is of whole blocks.
  private static func isWhole(_ offset: UInt64, _ buffers: [HostBuffer]) -> Bool {
    let count = buffers.reduce(0) { $0 + $1.count }
    return count > 0 && offset % UInt64(block) == 0 && count % block == 0
  }
  private static func isAligned(_ buffers: [HostBuffer]) -> Bool {
    // SAFETY: only the number is looked at.
    buffers.allSatisfy { unsafe UInt(bitPattern: $0.base) % UInt(block) == 0 && $0.count % block == 0 }
  }

  /// Fills the buffers; false, with nothing promised of them, when it is not of whole blocks inside the file.
  public func read(at offset: UInt64, into buffers: [HostBuffer]) throws(SystemCallError) -> Bool {
    let count = UInt64(buffers.reduce(0) { $0 + $1.count })
    guard DirectFile.isWhole(offset, buffers), try offset + count <= file.info().size else { return false }
    if DirectFile.isAligned(buffers) {
      try file.read(at: offset, into: buffers)
      return true
    }
    try inPortions(buffers) { (memory, part, at) throws(SystemCallError) in
      try file.read(at: offset + UInt64(at), into: [memory])
      var place = 0
      for piece in part {
        piece.copy(from: memory.slice(place, piece.count))
        place += piece.count
      }
    }
    return true
  }
  /// Writes the buffers; false, with nothing written, when it is not of whole blocks.
  public func write(at offset: UInt64, from buffers: [HostBuffer]) throws(SystemCallError) -> Bool {
    guard DirectFile.isWhole(offset, buffers) else { return false }
    if DirectFile.isAligned(buffers) {
      try file.write(at: offset, from: buffers)
      return true
    }
    try inPortions(buffers) { (memory, part, at) throws(SystemCallError) in
      var place = 0
      for piece in part {
        memory.slice(place, piece.count).copy(from: piece)
        place += piece.count
      }
      try file.write(at: offset + UInt64(at), from: [memory])
    }
    return true
  }

  /// Calls `body` with aligned memory for some of the buffers at a time, those buffers, and how much came before.
  private func inPortions(
    _ buffers: [HostBuffer], _ body: (HostBuffer, [HostBuffer], Int) throws(SystemCallError) -> Void
  ) throws(SystemCallError) {
    // SAFETY: freed below, after the last use.
    let memory = UnsafeMutableRawPointer.allocate(byteCount: DirectFile.portion, alignment: DirectFile.block)
    defer { unsafe memory.deallocate() }
    var (part, held, done) = ([HostBuffer](), 0, 0)
    for buffer in buffers {
      var taken = 0
      while taken < buffer.count {
        let piece = buffer.slice(taken, DirectFile.portion - held)
        part.append(piece)
        taken += piece.count
        held += piece.count
        guard held == DirectFile.portion else { continue }
        try body(unsafe HostBuffer(memory, count: held), part, done)
        done += held
        (part, held) = ([], 0)
      }
    }
    if held > 0 { try body(unsafe HostBuffer(memory, count: held), part, done) }
  }
}

extension HostBuffer {
  /// Copies another buffer in; what does not fit is dropped.
  func copy(from other: HostBuffer) {
    // SAFETY: both are mapped as their makers promise; the length is clamped to both.
    unsafe memmove(base, other.base, min(count, other.count))
  }
}
