import Base
import HostSystem

/// A file or block device whose bytes are the disk's, or a part of one.
public final class RawImage: DiskImage {
  /// What to do with a file that does not end with a whole sector.
  public enum Tail: Sendable {
    /// The size must be a multiple of 512.
    case refuse
    /// The last sector is filled up with zeroes. Read-only.
    case fill
    /// The last sectors are filled up with zeroes to a multiple of 2048, as CD images cut short need it. Read-only.
    case pad
  }
  public let sectorCount: UInt64
  public let isReadOnly: Bool
  let file: any ImageFile
  /// Byte of the file where the disk begins.
  private let start: UInt64
  public var path: String { file.path }

  public convenience init(path: String, readOnly: Bool = false, tail: Tail = .refuse) throws(DiskError) {
    try self.init(try HostFile(path: path, writable: !readOnly && tail == .refuse), tail: tail)
  }
  /// The whole of `file`.
  public init(_ file: any ImageFile, tail: Tail = .refuse) throws(DiskError) {
    self.file = file
    start = 0
    isReadOnly = file.isReadOnly || tail != .refuse
    let size = try file.size()
    guard size > 0 else { throw .empty(path: file.path) }
    if tail == .refuse, size & 511 != 0 { throw .partialSector(path: file.path, size: size) }
    sectorCount = tail == .pad ? size.pieces(of: 2048) * 4 : size.pieces(of: 512)
  }
  /// `sectors` of `file` from byte `start` on.
  init(_ file: any ImageFile, start: UInt64, sectors: UInt64, readOnly: Bool) {
    self.file = file
    self.start = start
    sectorCount = sectors
    isReadOnly = readOnly || file.isReadOnly
  }

  public func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    try check(sector, bytes: buffers.byteCount)
    try file.read(at: start + sector * 512, into: buffers)
  }
  public func readCached(_ sector: UInt64, into buffers: [HostBuffer]) -> Bool {
    let bytes = buffers.byteCount
    guard bytes & 511 == 0, sector <= sectorCount, bytes / 512 <= sectorCount - sector else { return false }
    return file.readCached(at: start + sector * 512, into: buffers)
  }
  public func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, bytes: buffers.byteCount)
    try file.write(at: start + sector * 512, from: buffers)
  }
  public func flush() throws(DiskError) {
    guard !isReadOnly else { return }
    try file.synchronize()
  }
  public func discard(_ sector: UInt64, count: UInt64) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: count)
    guard count > 0 else { return }
    // A file system that cannot punch holes keeps the data, which a discard allows.
    _ = try file.punchHole(at: start + sector * 512, count: count * 512)
  }
  public func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: count)
    guard count > 0 else { return }
    if try !file.punchHole(at: start + sector * 512, count: count * 512) { try storeZeroes(sector, count: count) }
  }
  public func extent(at sector: UInt64, limit: UInt64) throws(DiskError) -> DiskExtent {
    try check(sector, sectors: 1)
    let limit = min(max(1, limit), sectorCount - sector)
    let (stored, bytes) = file.isStored(at: start + sector * 512, limit: limit * 512)
    return DiskExtent(stored || bytes < 512 ? .data : .zero, count: min(limit, max(1, bytes / 512)))
  }
}

/// A CD or DVD image: read-only, in sectors of 2048 bytes (four of 512).
public final class ISOImage: DiskImage {
  private let raw: RawImage
  public let isReadOnly = true
  public var sectorCount: UInt64 { raw.sectorCount }
  /// Of the file.
  public var path: String { raw.path }
  /// Logical blocks of the disc, 2048 bytes each.
  public var blockCount: UInt64 { raw.sectorCount / 4 }

  public convenience init(path: String) throws(DiskError) { try self.init(try HostFile(path: path, writable: false)) }
  public init(_ file: any ImageFile) throws(DiskError) { raw = try RawImage(file, tail: .pad) }

  public func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    try raw.read(sector, into: buffers)
  }
  public func readCached(_ sector: UInt64, into buffers: [HostBuffer]) -> Bool {
    raw.readCached(sector, into: buffers)
  }
  public func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) { throw .readOnly }
  public func flush() throws(DiskError) {}
  public func discard(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  public func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
}

/// Sectors that are zeroes and cannot be changed.
final class ZeroImage: DiskImage {
  let sectorCount: UInt64
  let isReadOnly = true
  init(sectors: UInt64) { sectorCount = sectors }
  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    try check(sector, bytes: buffers.byteCount)
    for buffer in buffers { buffer.zero() }
  }
  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) { throw .readOnly }
  func flush() throws(DiskError) {}
  func discard(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  func extent(at sector: UInt64, limit: UInt64) throws(DiskError) -> DiskExtent {
    DiskExtent(.zero, count: max(1, limit))
  }
}
