import Base
import Compression
import HostSystem
import Synchronization

/// Where a writer gets RAM from: in parts, each asked for once, from any of the writer's threads.
public protocol MemorySource: Sendable {
  /// Bytes of RAM.
  var size: UInt64 { get }
  /// The first byte at or after an offset that may be anything but zero; nil when there is none.
  func nextData(from offset: UInt64) -> UInt64?
  /// The part of 1 MiB (less at the end) at a multiple of 1 MiB.
  func take(at offset: UInt64) -> [UInt8]
}

/// Writes the state of a machine into a new file, which gets its name only when it is whole and on stable storage.
///
/// Lock order: `output` is innermost.
public final class StateFileWriter: Sendable {
  private struct Output {
    var position = UInt64(StateFormat.headSize)
    var records: UInt64 = 0
    /// CRC-32 of all heads of records.
    var checksum: UInt32 = 0
    var failure: StateFileError?
  }
  private let path: String
  private let temporary: String
  private let file: FileDescriptor
  private let output = Mutex(Output())
  private let isDone = Atomic<Bool>(false)

  /// What unfinished files are called: nothing takes them for states, and whoever finds one may remove it.
  public static let unfinishedSuffix = ".partial"

  /// Makes the file under a temporary name. `description` says what machine this is.
  public init(_ path: String, description: JSON) throws(StateFileError) {
    self.path = path
    temporary = path + StateFileWriter.unfinishedSuffix
    HostFiles.remove(temporary)
    do throws(SystemCallError) {
      file = try FileDescriptor(opening: temporary, .readWrite, create: true)
    } catch { throw .system(error) }
    var head = StateFormat.magic
    head.put(StateFormat.version)
    head.put(UInt32(0))
    try put(head, at: 0)
    try append(.description, Array(description.text.utf8))
  }
  deinit { if !isDone.load(ordering: .relaxed) { HostFiles.remove(temporary) } }

  private func put(_ bytes: [UInt8], at position: UInt64) throws(StateFileError) {
    var bytes = bytes
    do throws(SystemCallError) {
      try HostBuffer.over(&bytes) { buffer throws(SystemCallError) in try file.write(at: position, from: [buffer]) }
    } catch { throw .system(error) }
  }
  private func append(_ tag: StateFormat.Tag, _ payload: [UInt8]) throws(StateFileError) {
    let head = StateFormat.recordHead(tag, payload)
    // Its place first, then the bytes: threads write side by side.
    let position = output.withLock { output -> UInt64 in
      let position = output.position
      output.position += UInt64(head.count + payload.count)
      output.records += 1
      // Records come in any order, so their checksum must not depend on it.
      output.checksum &+= Zlib.crc32(head)
      return position
    }
    try put(head + payload, at: position)
  }

  /// Adds the state of a device, processor or the like. Names differ.
  public func add(unit name: String, version: Int, _ state: [UInt8]) throws(StateFileError) {
    guard name.utf8.count <= StateFormat.nameLimit, state.count <= StateFormat.unitLimit else {
      throw .host("the state of '\(name)' is too large")
    }
    var payload = [UInt8(name.utf8.count)] + Array(name.utf8)
    payload.put(UInt32(clamping: version))
    payload.put(UInt32(state.count))
    let packed = Zstd.compress(state)
    guard !packed.isEmpty else { throw .host("out of memory") }
    try append(.unit, payload + packed)
  }

  /// Adds RAM, compressed by as many threads as there are processors. `progress` gets 0 to 1, from any of them.
  public func add(
    memory source: some MemorySource, threads: Int = 2, progress: @escaping @Sendable (Double) -> Void = { _ in }
  ) throws(StateFileError) {
    let next = Mutex<UInt64>(0)
    let work: @Sendable () -> Void = { [self] in
      while output.withLock({ $0.failure == nil }) {
        let part = next.withLock { next -> UInt64? in
          guard let found = source.nextData(from: next), found < source.size else {
            next = source.size
            return nil
          }
          let start = found & ~UInt64(StateFormat.partPages * StateFormat.pageSize - 1)
          next = start + UInt64(StateFormat.partPages * StateFormat.pageSize)
          return start
        }
        guard let part else { return }
        do throws(StateFileError) { try add(part: part, source.take(at: part)) } catch {
          output.withLock { if $0.failure == nil { $0.failure = error } }
        }
        progress(Double(part) / Double(source.size))
      }
    }
    var helpers: [HostThread] = []
    for _ in 1..<max(1, threads) {
      if let helper = try? HostThread(name: "save", work) { helpers.append(helper) }
    }
    work()
    for helper in helpers { helper.join() }
    if let failure = output.withLock({ $0.failure }) { throw failure }
    progress(1)
  }
  /// Leaves out pages of zeroes.
  private func add(part offset: UInt64, _ bytes: [UInt8]) throws(StateFileError) {
    let count = bytes.count / StateFormat.pageSize
    var present = [UInt8](repeating: 0, count: StateFormat.partPages / 8)
    var pages: [UInt8] = []
    pages.reserveCapacity(bytes.count)
    for page in 0..<count {
      let range = page * StateFormat.pageSize..<(page + 1) * StateFormat.pageSize
      guard !ZeroPage.isZero(bytes, range) else { continue }
      present[page / 8] |= 1 << UInt8(page % 8)
      pages += bytes[range]
    }
    guard !pages.isEmpty else { return }
    var payload: [UInt8] = []
    payload.put(offset)
    payload.put(UInt32(count))
    let packed = Zstd.compress(pages)
    guard !packed.isEmpty else { throw .host("out of memory") }
    try append(.memory, payload + present + packed)
  }

  /// Brings everything onto stable storage and gives the file its name: bytes of the file.
  @discardableResult
  public func finish() throws(StateFileError) -> UInt64 {
    let (records, checksum) = output.withLock { ($0.records, $0.checksum) }
    var payload: [UInt8] = []
    payload.put(records)
    payload.put(checksum)
    try append(.end, payload)
    do throws(SystemCallError) {
      try file.synchronizeData()
      try HostPaths.rename(temporary, to: path)
      isDone.store(true, ordering: .relaxed)
      try HostPaths.synchronize(folder: Self.folder(of: path))
    } catch { throw .system(error) }
    return output.withLock { $0.position }
  }
  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  }
}
