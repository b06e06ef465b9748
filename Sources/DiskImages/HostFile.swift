import HostSystem
import Synchronization

/// What the host's memory does for a file.
public enum HostCache: String, Sendable, CaseIterable {
  /// Reads and writes go by way of the host's page cache; a flush waits for the disk.
  case writeBack = "writeback"
  /// The same, and every write waits for the disk.
  case writeThrough = "writethrough"
  /// Whole blocks go past the page cache, where the file system can.
  case none
  /// As write-back, and a flush waits for nothing: for what may be lost when the host stops.
  case careless = "unsafe"
}

/// A file or block device of the host.
///
/// Holds an advisory lock on the open file (exclusive when writable, else shared), so that two machines never write one
/// image; it is given up with this object.
public final class HostFile: ImageFile {
  public let path: String
  public let isReadOnly: Bool
  public let identity: String
  private let file: FileDescriptor
  /// Past the page cache, where that is asked for and possible.
  private let direct: DirectFile?
  private let cache: HostCache
  private let isDevice: Bool
  /// The kernel forgets data whose write-back failed, and the next fdatasync succeeds: after one failure no flush of
  /// this descriptor can be believed.
  private let syncFailure = Mutex<DiskError?>(nil)

  /// `create`: a new file; a name that is taken is refused.
  public init(
    path: String, writable: Bool, create: Bool = false, cache: HostCache = .writeBack
  ) throws(DiskError) {
    self.path = path
    self.cache = cache
    isReadOnly = !writable
    do throws(SystemCallError) {
      file = try FileDescriptor(opening: path, writable ? .readWrite : .readOnly, create: create)
      direct = cache == .none ? DirectFile(of: file, writable: writable) : nil
    } catch {
      throw HostFile.explain(error, path, writing: writable)
    }
    do throws(SystemCallError) {
      let (kind, _) = try file.info()
      isDevice = kind == .blockDevice
      switch kind {
      case .regular, .blockDevice: break
      case .directory: throw SystemCallError(call: "open", code: HostFile.isDirectoryCode)
      case .other: throw SystemCallError(call: "open", code: HostFile.notAFileCode)
      }
      if try !file.tryLock(writable ? .exclusive : .shared) {
        throw SystemCallError(call: "fcntl", code: HostFile.busyCode)
      }
      let (device, number) = try file.identity()
      identity = "\(device):\(number)"
    } catch {
      throw HostFile.explain(error, path, writing: writable)
    }
  }

  /// Explicitly, for a child between fork and exec still has the descriptor, and with it the lock.
  deinit { file.unlock() }
  public func unlock() { file.unlock() }

  // errno values of linux/errno.h.
  private static let noEntryCode: Int32 = 2
  private static let busyCode: Int32 = 16
  private static let existsCode: Int32 = 17
  private static let isDirectoryCode: Int32 = 21
  private static let notAFileCode: Int32 = 22

  private static func explain(_ error: SystemCallError, _ path: String, writing: Bool) -> DiskError {
    switch (error.call, error.code) {
    case ("open", noEntryCode): .missing(path: path)
    case ("open", existsCode): .exists(path: path)
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

  public func size() throws(DiskError) -> UInt64 {
    try wrap { () throws(SystemCallError) in try file.info().size }
  }
  public func read(at offset: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    try wrap { () throws(SystemCallError) in
      if let direct, try direct.read(at: offset, into: buffers) { return }
      try file.read(at: offset, into: buffers)
    }
  }
  public func readCached(at offset: UInt64, into buffers: [HostBuffer]) -> Bool {
    direct == nil && file.readCached(at: offset, into: buffers)
  }
  public func write(at offset: UInt64, from buffers: [HostBuffer]) throws(DiskError) {
    try wrap { () throws(SystemCallError) in
      if let direct, try direct.write(at: offset, from: buffers) { return }
      try file.write(at: offset, from: buffers)
    }
    if cache == .writeThrough { try synchronize() }
  }
  public func resize(to bytes: UInt64) throws(DiskError) {
    try wrap { () throws(SystemCallError) in try file.resize(to: bytes) }
  }
  public func synchronize() throws(DiskError) {
    if cache == .careless { return }
    if let earlier = syncFailure.withLock({ $0 }) { throw earlier }
    do throws(SystemCallError) {
      try file.synchronizeData()
    } catch {
      let failure = DiskError.system(path: path, error)
      syncFailure.withLock { $0 = failure }
      throw failure
    }
  }
  public func punchHole(at offset: UInt64, count: UInt64) throws(DiskError) -> Bool {
    try wrap { () throws(SystemCallError) in try file.punchHole(at: offset, count: count) }
  }
  public func reserve(_ bytes: UInt64) throws(DiskError) -> Bool {
    try wrap { () throws(SystemCallError) in try file.reserve(bytes) }
  }
  public func allocatedBytes() throws(DiskError) -> UInt64 {
    try wrap { () throws(SystemCallError) in try isDevice ? file.info().size : file.allocatedBytes() }
  }
  public func isStored(at offset: UInt64, limit: UInt64) -> (stored: Bool, count: UInt64) {
    guard !isDevice, limit > 0 else { return (true, limit) }
    guard let data = file.next(data: true, from: offset) else {
      // Either a hole up to the end, or a file system that cannot say.
      return (file.next(data: false, from: 0) == nil, limit)
    }
    if data > offset { return (false, min(limit, data - offset)) }
    guard let hole = file.next(data: false, from: offset), hole > offset else { return (true, limit) }
    return (true, min(limit, hole - offset))
  }
}

/// The host's file system.
public struct HostStore: ImageStore {
  private let cache: HostCache
  public init(cache: HostCache = .writeBack) { self.cache = cache }
  public func open(_ path: String, writable: Bool) throws(DiskError) -> any ImageFile {
    try HostFile(path: path, writable: writable, cache: cache)
  }
  public func create(_ path: String) throws(DiskError) -> any ImageFile {
    try HostFile(path: path, writable: true, create: true, cache: cache)
  }
  public func replace(_ path: String, with temporary: String) throws(DiskError) {
    do throws(SystemCallError) {
      try HostPaths.rename(temporary, to: path)
      try HostPaths.synchronize(folder: Paths.folder(of: path))
    } catch {
      throw .system(path: path, error)
    }
  }
  public func remove(_ path: String) throws(DiskError) {
    do throws(SystemCallError) { try HostPaths.remove(path) } catch { throw .system(path: path, error) }
  }
  public func exists(_ path: String) -> Bool { HostPaths.exists(path) }
  public func names(in folder: String) -> [String] { HostPaths.names(in: folder, limit: 4096) }
}

/// Names of files, taken apart and put together.
enum Paths {
  /// Empty for a bare name.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
  static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
  /// The part of the name after its last dot, in lower case; empty without one.
  static func suffix(of path: String) -> String {
    let name = name(of: path)
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
    return name[name.index(after: dot)...].lowercased()
  }
  static func withoutSuffix(_ path: String) -> String {
    suffix(of: path).isEmpty ? path : String(path.dropLast(suffix(of: path).count + 1))
  }
  /// `path` as seen from the file `base`.
  static func resolve(_ path: String, besides base: String) -> String {
    if path.hasPrefix("/") { return path }
    let folder = folder(of: base)
    if folder.isEmpty { return path }
    return folder == "/" ? "/\(path)" : "\(folder)/\(path)"
  }
  /// How a file besides `base` names `path`: the bare name in the same folder, else unchanged.
  static func relative(_ path: String, besides base: String) -> String {
    folder(of: path) == folder(of: base) ? name(of: path) : path
  }
}
