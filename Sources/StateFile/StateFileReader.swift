import Base
import Compression
import HostSystem
import Synchronization

/// Reads the state of a machine from a file, which may hold anything: what it takes is bounded, and every error has a
/// name.
public final class StateFileReader: Sendable {
  /// The state of a device, processor or the like.
  public struct Unit: Sendable, Equatable {
    public var name: String
    public var version: Int
    public var state: [UInt8]
  }
  private struct Record: Sendable {
    var tag: StateFormat.Tag
    var checksum: UInt32
    /// Of the payload.
    var position: UInt64
    var count: Int
  }
  private let file: FileDescriptor
  private let records: [Record]
  /// What machine this is.
  public let description: JSON

  /// Opens a file and looks at the heads of all its records.
  public init(_ path: String) throws(StateFileError) {
    let info: (kind: FileDescriptor.Kind, size: UInt64)
    do throws(SystemCallError) {
      file = try FileDescriptor(opening: path, .readOnly)
      info = try file.info()
    } catch { throw .system(error) }
    guard info.kind == .regular else { throw .foreign }
    records = try StateFileReader.index(file, info.size)
    guard let first = records.first, first.tag == .description else { throw .damaged("it does not say what it is of") }
    let text = try StateFileReader.payload(file, first)
    do { description = try JSON(parsing: text) } catch { throw .damaged("its description is no JSON") }
  }

  private static func read(_ file: borrowing FileDescriptor, at position: UInt64, _ count: Int) throws(StateFileError)
    -> [UInt8]
  {
    var bytes = [UInt8](repeating: 0, count: count)
    do throws(SystemCallError) {
      try HostBuffer.over(&bytes) { buffer throws(SystemCallError) in try file.read(at: position, into: [buffer]) }
    } catch { throw .system(error) }
    return bytes
  }

  /// Walks over the records. Each is at least as long as its head, and memory comes in parts, so that the list stays in
  /// proportion to the file.
  private static func index(_ file: borrowing FileDescriptor, _ size: UInt64) throws(StateFileError) -> [Record] {
    let head = try read(file, at: 0, StateFormat.headSize)
    guard head.starts(with: StateFormat.magic) else { throw .foreign }
    var rest = head[StateFormat.magic.count...]
    guard let version = rest.take(UInt32.self) else { throw .foreign }
    guard version == StateFormat.version else { throw .version(version) }
    var records: [Record] = []
    var position = UInt64(StateFormat.headSize)
    var checksum: UInt32 = 0
    while true {
      guard size >= position, size - position >= UInt64(StateFormat.recordHeadSize) else { throw .incomplete }
      let head = try read(file, at: position, StateFormat.recordHeadSize)
      var bytes = head[...]
      guard let word = bytes.take(UInt32.self), let sum = bytes.take(UInt32.self), let count = bytes.take(UInt64.self)
      else { throw .incomplete }
      // Space that was set aside for a record that never came.
      if word == 0 { throw .incomplete }
      guard let tag = StateFormat.Tag(rawValue: word) else { throw .damaged("a record of an unknown kind") }
      guard count > 0, count <= tag.limit else { throw .damaged("a record of \(count) bytes") }
      position += UInt64(StateFormat.recordHeadSize)
      guard count <= size - position else { throw .incomplete }
      let record = Record(tag: tag, checksum: sum, position: position, count: Int(count))
      if tag == .end {
        var end = try payload(file, record)[...]
        guard end.take(UInt64.self) == UInt64(records.count), end.take(UInt32.self) == checksum else {
          throw .damaged("records are missing")
        }
        return records
      }
      checksum &+= Zlib.crc32(head)
      records.append(record)
      position += count
    }
  }
  private static func payload(
    _ file: borrowing FileDescriptor, _ record: Record
  ) throws(StateFileError) -> [UInt8] {
    let bytes = try read(file, at: record.position, record.count)
    guard Zlib.crc32(bytes) == record.checksum else { throw .damaged("a checksum is wrong") }
    return bytes
  }

  /// All units, in the order of the file.
  public func units() throws(StateFileError) -> [Unit] {
    var units: [Unit] = []
    for record in records where record.tag == .unit {
      guard units.count < 4096 else { throw .damaged("too many units") }
      let payload = try StateFileReader.payload(file, record)
      guard let length = payload.first, Int(length) <= StateFormat.nameLimit, payload.count > Int(length) + 9 else {
        throw .damaged("a unit without a name")
      }
      let name = String(decoding: payload[1...Int(length)], as: UTF8.self)
      var rest = payload[(1 + Int(length))...]
      guard let version = rest.take(UInt32.self), let count = rest.take(UInt32.self), count <= StateFormat.unitLimit
      else { throw .damaged("the unit '\(name)'") }
      guard let state = Zstd.decompress(rest, count: Int(count)) else { throw .damaged("the unit '\(name)'") }
      guard !units.contains(where: { $0.name == name }) else { throw .damaged("two units are called '\(name)'") }
      units.append(Unit(name: name, version: Int(version), state: state))
    }
    return units
  }

  /// Hands over RAM, by several threads: an offset and the bytes that lie there, only pages that are not zero. `store`
  /// says whether it could take them. `size`: bytes of RAM that there are.
  public func memory(
    size: UInt64, threads: Int = 2, progress: @escaping @Sendable (Double) -> Void = { _ in },
    store: @escaping @Sendable (UInt64, ArraySlice<UInt8>) -> Bool
  ) throws(StateFileError) {
    struct Work {
      var next = 0
      var failure: StateFileError?
    }
    let parts = records.filter { $0.tag == .memory }
    let work = Mutex(Work())
    let run: @Sendable () -> Void = { [self] in
      while true {
        let index = work.withLock { work -> Int? in
          guard work.failure == nil, work.next < parts.count else { return nil }
          work.next += 1
          return work.next - 1
        }
        guard let index else { return }
        do throws(StateFileError) { try load(parts[index], size, store) } catch {
          work.withLock { if $0.failure == nil { $0.failure = error } }
        }
        progress(Double(index) / Double(parts.count))
      }
    }
    var helpers: [HostThread] = []
    for _ in 1..<max(1, threads) { if let helper = try? HostThread(name: "restore", run) { helpers.append(helper) } }
    run()
    for helper in helpers { helper.join() }
    if let failure = work.withLock({ $0.failure }) { throw failure }
    progress(1)
  }
  private func load(
    _ record: Record, _ size: UInt64, _ store: (UInt64, ArraySlice<UInt8>) -> Bool
  ) throws(StateFileError) {
    let wrong = StateFileError.damaged("a part of the memory")
    var rest = try StateFileReader.payload(file, record)[...]
    guard let offset = rest.take(UInt64.self), let count = rest.take(UInt32.self),
      offset % UInt64(StateFormat.pageSize) == 0, (1...StateFormat.partPages).contains(Int(count)),
      offset < size, UInt64(count) * UInt64(StateFormat.pageSize) <= size - offset,
      rest.count > StateFormat.partPages / 8
    else { throw wrong }
    let present = Array(rest.prefix(StateFormat.partPages / 8))
    let pages = (0..<Int(count)).filter { present[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
    let all = present.reduce(0) { $0 + $1.nonzeroBitCount }
    guard all == pages.count, !pages.isEmpty else { throw wrong }
    guard let bytes = Zstd.decompress(rest.dropFirst(present.count), count: pages.count * StateFormat.pageSize) else {
      throw wrong
    }
    // Pages that follow each other go in one piece.
    var index = 0
    while index < pages.count {
      var end = index + 1
      while end < pages.count, pages[end] == pages[end - 1] + 1 { end += 1 }
      let part = bytes[index * StateFormat.pageSize..<end * StateFormat.pageSize]
      guard store(offset + UInt64(pages[index] * StateFormat.pageSize), part) else {
        throw .host("the host does not take the memory")
      }
      index = end
    }
  }
}
