import HostSystem

/// The file below an image. A seam: tests put a recorder of power cuts or a failing disk here.
///
/// Positioned calls, from several threads at once. What was written is on stable storage when a `synchronize` that
/// began afterwards has returned; until then a power cut may keep any part of it, in units of 512 bytes.
public protocol ImageFile: AnyObject, Sendable {
  /// For messages, and to find neighbours.
  var path: String { get }
  var isReadOnly: Bool { get }
  /// Bytes.
  func size() throws(DiskError) -> UInt64
  /// Past the end of the file zeroes are read.
  func read(at offset: UInt64, into buffers: [HostBuffer]) throws(DiskError)
  /// As `read`, but only when it need not wait for a disk; false: nothing is promised of the buffers.
  func readCached(at offset: UInt64, into buffers: [HostBuffer]) -> Bool
  /// Writing past the end makes the file longer; what is skipped reads as zeroes.
  func write(at offset: UInt64, from buffers: [HostBuffer]) throws(DiskError)
  func resize(to bytes: UInt64) throws(DiskError)
  func synchronize() throws(DiskError)
  /// The range reads as zeroes afterwards and takes no space; false when that is not possible.
  func punchHole(at offset: UInt64, count: UInt64) throws(DiskError) -> Bool
  /// Takes space for the first `bytes`, so that they cannot fail for want of it later; false when that is not possible.
  func reserve(_ bytes: UInt64) throws(DiskError) -> Bool
  /// Space that the file takes on the host.
  func allocatedBytes() throws(DiskError) -> UInt64
  /// Whether the byte at `offset` is stored, and up to where (at most `limit` bytes) that stays so.
  func isStored(at offset: UInt64, limit: UInt64) -> (stored: Bool, count: UInt64)
  /// Gives up what keeps others from opening the file. It is only read from then on.
  func unlock()
  /// Equal for two open files exactly when they are one.
  var identity: String { get }
}

extension ImageFile {
  public func readCached(at offset: UInt64, into buffers: [HostBuffer]) -> Bool { false }
  public func reserve(_ bytes: UInt64) throws(DiskError) -> Bool { false }
  public func unlock() {}
  public func isStored(at offset: UInt64, limit: UInt64) -> (stored: Bool, count: UInt64) { (true, limit) }
  public var identity: String { path }

  /// `count` bytes from `offset`.
  func bytes(at offset: UInt64, count: Int) throws(DiskError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: max(0, count))
    try HostBuffer.over(&bytes) { buffer throws(DiskError) in try read(at: offset, into: [buffer]) }
    return bytes
  }
  func write(at offset: UInt64, _ bytes: [UInt8]) throws(DiskError) {
    var copy = bytes
    try HostBuffer.over(&copy) { buffer throws(DiskError) in try write(at: offset, from: [buffer]) }
  }
}

/// Where image files live, by name.
public protocol ImageStore: Sendable {
  /// Opens an existing file and locks it: for writing against everybody else, for reading against writers.
  func open(_ path: String, writable: Bool) throws(DiskError) -> any ImageFile
  /// A new, empty, locked file; refuses a name that is taken.
  func create(_ path: String) throws(DiskError) -> any ImageFile
  /// Gives `path` to the file called `temporary`, at once and for good: after a power cut it is the old or the new one.
  func replace(_ path: String, with temporary: String) throws(DiskError)
  func remove(_ path: String) throws(DiskError)
  func exists(_ path: String) -> Bool
  /// Some names in a folder (at most 4096).
  func names(in folder: String) -> [String]
}
