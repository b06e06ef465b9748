import HostSystem

/// A disk as the host keeps it. Sectors are 512 bytes.
///
/// Calls block and may come from several worker threads at once; overlapping transfers land in any order, as on a real
/// drive with a queue. Callers keep ranges inside `sectorCount` (`BlockWorker` checks), images check them again.
public protocol DiskImage: AnyObject, Sendable {
  var sectorCount: UInt64 { get }
  var isReadOnly: Bool { get }
  /// Fills `buffers` from `sector` on. Their sizes add up to whole sectors; each may have any size.
  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError)
  /// As `read`, but only when it need not wait for anything; false: nothing is promised of the buffers.
  func readCached(_ sector: UInt64, into buffers: [HostBuffer]) -> Bool
  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError)
  /// Returns when all writes that ended before the call are on stable storage.
  func flush() throws(DiskError)
  /// The contents are of no more use; afterwards they read as zeroes or as before.
  func discard(_ sector: UInt64, count: UInt64) throws(DiskError)
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError)
  /// What shows through where this image holds nothing of its own.
  var parent: (any DiskImage)? { get }
  /// What this image itself, without its parent, holds at `sector`, and for how many sectors (at least 1, at most
  /// `limit`) that is so.
  func extent(at sector: UInt64, limit: UInt64) throws(DiskError) -> DiskExtent
}

/// Sectors that an image keeps in the same way.
public struct DiskExtent: Equatable, Sendable {
  /// In which way.
  public enum Kind: Equatable, Sendable {
    /// The image has contents of its own.
    case data
    /// The image says: zeroes.
    case zero
    /// The image says nothing: its parent shows through, or zeroes where there is none.
    case absent
  }
  /// In which way.
  public var kind: Kind
  /// Sectors.
  public var count: UInt64
  public init(_ kind: Kind, count: UInt64) {
    self.kind = kind
    self.count = count
  }
}

extension DiskImage {
  public func readCached(_ sector: UInt64, into buffers: [HostBuffer]) -> Bool { false }
  public var parent: (any DiskImage)? { nil }
  public func extent(at sector: UInt64, limit: UInt64) throws(DiskError) -> DiskExtent {
    DiskExtent(.data, count: max(1, limit))
  }
}

/// Why an image cannot be used, or a transfer failed. The description is a sentence for the user.
public enum DiskError: Error, Equatable, Sendable, CustomStringConvertible {
  case missing(path: String)
  case isDirectory(path: String)
  case notAFile(path: String)
  case unreadable(path: String, reason: String)
  case readOnlyFile(path: String, reason: String)
  case empty(path: String)
  case partialSector(path: String, size: UInt64)
  case inUse(path: String)
  case system(path: String, SystemCallError)
  case outOfRange
  case readOnly
  /// A file of this name exists.
  case exists(path: String)
  /// The file is not what its format says it must be.
  case damaged(path: String, String)
  /// A feature, version or size that is not supported.
  case unsupported(path: String, String)
  /// A request that makes no sense; the text is a sentence.
  case invalid(String)
  case parentMissing(path: String, parent: String)
  /// The parent is not, or no longer, the one that the image was made from.
  case parentMismatch(path: String, parent: String, String)
  case tooManyParents(path: String)
  case cancelled

  public var description: String {
    switch self {
    case .missing(let path): "\(path): no such file"
    case .isDirectory(let path): "\(path) is a directory, not a disk image"
    case .notAFile(let path): "\(path) is neither a file nor a block device"
    case .unreadable(let path, let reason): "\(path) cannot be opened: \(reason)"
    case .readOnlyFile(let path, let reason): "\(path) cannot be opened for writing: \(reason)"
    case .empty(let path): "\(path) is empty"
    case .partialSector(let path, let size): "\(path): its size, \(size) bytes, is not a multiple of 512"
    case .inUse(let path): "\(path) is in use by another machine or program"
    case .system(let path, let error): "\(path): \(error)"
    case .outOfRange: "access beyond the end of the disk"
    case .readOnly: "the disk is read-only"
    case .exists(let path): "\(path) exists already"
    case .damaged(let path, let what): "\(path) is damaged: \(what)"
    case .unsupported(let path, let what): "\(path) cannot be used: \(what)"
    case .invalid(let text): text
    case .parentMissing(let path, let parent): "\(path) needs \(parent), which is not there"
    case .parentMismatch(let path, let parent, let why): "\(path) does not fit its parent \(parent): \(why)"
    case .tooManyParents(let path): "\(path) has more than \(ImageChain.maximumDepth) parents, or is its own"
    case .cancelled: "cancelled"
    }
  }
}

extension DiskImage {
  /// Throws unless `bytes` is a whole number of sectors and the range lies inside the disk.
  func check(_ sector: UInt64, bytes: UInt64) throws(DiskError) {
    guard bytes & 511 == 0, sector <= sectorCount, bytes / 512 <= sectorCount - sector else { throw .outOfRange }
  }
  func check(_ sector: UInt64, sectors: UInt64) throws(DiskError) {
    guard sector <= sectorCount, sectors <= sectorCount - sector else { throw .outOfRange }
  }

  /// Whole sectors as bytes: for tools and tests.
  public func read(_ sector: UInt64, count: Int) throws(DiskError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: max(0, count) * 512)
    try HostBuffer.over(&bytes) { buffer throws(DiskError) in try read(sector, into: [buffer]) }
    return bytes
  }
  /// Writes whole sectors from bytes.
  public func write(_ sector: UInt64, _ bytes: [UInt8]) throws(DiskError) {
    var copy = bytes
    try HostBuffer.over(&copy) { buffer throws(DiskError) in try write(sector, from: [buffer]) }
  }
  /// Writes zeroes the slow way, in pieces of at most 1 MiB.
  func storeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) {
    var position = sector
    var rest = count
    let zeroes = [UInt8](repeating: 0, count: Int(min(count, 2048)) * 512)
    while rest > 0 {
      let now = min(rest, 2048)
      try write(position, now == UInt64(zeroes.count / 512) ? zeroes : Array(zeroes[..<(Int(now) * 512)]))
      position += now
      rest -= now
    }
  }
}

extension [HostBuffer] {
  /// Total bytes.
  var byteCount: UInt64 { reduce(0) { $0 &+ UInt64($1.count) } }
  /// The pieces that hold bytes `offset ..< offset + count` of the whole.
  func slice(_ offset: Int, _ count: Int) -> [HostBuffer] {
    var result: [HostBuffer] = []
    var start = offset
    var left = count
    for buffer in self where left > 0 {
      if start >= buffer.count {
        start -= buffer.count
        continue
      }
      let piece = buffer.slice(start, left)
      result.append(piece)
      left -= piece.count
      start = 0
    }
    return result
  }
}
