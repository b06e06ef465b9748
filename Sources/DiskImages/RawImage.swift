import Base
import HostSystem

/// A file or block device whose bytes are the disk's.
///
/// Holds an advisory lock on the open file (exclusive when writable, else shared), so that two machines never write one
/// image; the lock goes with the descriptor.
public final class RawImage: DiskImage {
  public enum Tail: Sendable {
    /// The size must be a multiple of 512.
    case refuse
    /// The last sectors are filled up with zeroes to a multiple of 2048, as CD images cut short need it. Read-only.
    case pad
  }
  public let path: String
  public let sectorCount: UInt64
  public let isReadOnly: Bool
  private let file: FileDescriptor

  public init(path: String, readOnly: Bool = false, tail: Tail = .refuse) throws(DiskError) {
    self.path = path
    isReadOnly = readOnly || tail == .pad
    do throws(SystemCallError) {
      file = try FileDescriptor(opening: path, isReadOnly ? .readOnly : .readWrite)
    } catch {
      throw RawImage.explain(error, path, writing: !isReadOnly)
    }
    let kind: FileDescriptor.Kind
    let size: UInt64
    do throws(SystemCallError) {
      (kind, size) = try file.info()
      switch kind {
      case .regular, .blockDevice: break
      case .directory: throw SystemCallError(call: "open", code: RawImage.isDirectoryCode)
      case .other: throw SystemCallError(call: "open", code: RawImage.notAFileCode)
      }
      if try !file.tryLock(isReadOnly ? .shared : .exclusive) {
        throw SystemCallError(call: "fcntl", code: RawImage.busyCode)
      }
    } catch {
      throw RawImage.explain(error, path, writing: !isReadOnly)
    }
    guard size > 0 else { throw .empty(path: path) }
    if tail == .refuse, size & 511 != 0 { throw .partialSector(path: path, size: size) }
    sectorCount = tail == .pad ? (size / 2048 + (size % 2048 == 0 ? 0 : 1)) * 4 : size / 512
  }

  // errno values of linux/errno.h.
  private static let noEntryCode: Int32 = 2
  private static let busyCode: Int32 = 16
  private static let isDirectoryCode: Int32 = 21
  private static let notAFileCode: Int32 = 22

  private static func explain(_ error: SystemCallError, _ path: String, writing: Bool) -> DiskError {
    switch (error.call, error.code) {
    case ("open", noEntryCode): .missing(path: path)
    case ("open", isDirectoryCode): .isDirectory(path: path)
    case ("open", notAFileCode): .notAFile(path: path)
    case ("fcntl", busyCode): .inUse(path: path)
    case ("open", _) where writing: .readOnlyFile(path: path, reason: error.reason)
    case ("open", _): .unreadable(path: path, reason: error.reason)
    default: .system(path: path, error)
    }
  }
  private func wrap<R>(_ body: () throws(SystemCallError) -> R) throws(DiskError) -> R {
    do throws(SystemCallError) { return try body() } catch { throw .system(path: path, error) }
  }

  public func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    try check(sector, bytes: buffers.byteCount)
    try wrap { () throws(SystemCallError) in try file.read(at: sector * 512, into: buffers) }
  }
  public func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, bytes: buffers.byteCount)
    try wrap { () throws(SystemCallError) in try file.write(at: sector * 512, from: buffers) }
  }
  public func flush() throws(DiskError) {
    guard !isReadOnly else { return }
    try wrap { () throws(SystemCallError) in try file.synchronizeData() }
  }
  public func discard(_ sector: UInt64, count: UInt64) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: count)
    guard count > 0 else { return }
    // A file system that cannot punch holes keeps the data, which a discard allows.
    _ = try wrap { () throws(SystemCallError) in try file.punchHole(at: sector * 512, count: count * 512) }
  }
  public func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: count)
    guard count > 0 else { return }
    let punched = try wrap { () throws(SystemCallError) in
      try file.punchHole(at: sector * 512, count: count * 512)
    }
    if !punched { try storeZeroes(sector, count: count) }
  }
}

/// A CD or DVD image: read-only, in sectors of 2048 bytes (four of 512).
public final class ISOImage: DiskImage {
  private let raw: RawImage
  public let isReadOnly = true
  public var sectorCount: UInt64 { raw.sectorCount }
  /// Logical blocks of the disc, 2048 bytes each.
  public var blockCount: UInt64 { raw.sectorCount / 4 }

  public init(path: String) throws(DiskError) { raw = try RawImage(path: path, readOnly: true, tail: .pad) }

  public func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    try raw.read(sector, into: buffers)
  }
  public func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) { throw .readOnly }
  public func flush() throws(DiskError) {}
  public func discard(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  public func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
}
