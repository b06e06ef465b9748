import DiskImages
import HostSystem
import Synchronization

/// A part of a file as a file of its own: an entry of an archive.
final class WindowFile: ImageFile {
  let path: String
  let isReadOnly: Bool
  let identity: String
  /// In the whole file.
  let start: UInt64
  private let file: any ImageFile
  private let length: Mutex<UInt64>

  /// `length` bytes of `file`; one that is written may grow.
  init(_ file: any ImageFile, path: String, start: UInt64, length: UInt64, isReadOnly: Bool) {
    self.file = file
    self.path = path
    self.start = start
    self.length = Mutex(length)
    self.isReadOnly = isReadOnly
    identity = "\(file.identity):\(start)"
  }

  func size() throws(DiskError) -> UInt64 { length.withLock { $0 } }
  func read(at offset: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    let length = length.withLock { $0 }
    var position = offset
    for buffer in buffers {
      let inside = position < length ? Int(clamping: min(UInt64(buffer.count), length - position)) : 0
      if inside > 0 { try file.read(at: start + position, into: [buffer.slice(0, inside)]) }
      buffer.slice(inside, buffer.count - inside).zero()
      position += UInt64(buffer.count)
    }
  }
  func write(at offset: UInt64, from buffers: [HostBuffer]) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try file.write(at: start + offset, from: buffers)
    let end = buffers.reduce(offset) { $0 + UInt64($1.count) }
    length.withLock { $0 = max($0, end) }
  }
  func resize(to bytes: UInt64) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    length.withLock { $0 = max($0, bytes) }
  }
  func synchronize() throws(DiskError) { if !isReadOnly { try file.synchronize() } }
  func punchHole(at offset: UInt64, count: UInt64) throws(DiskError) -> Bool { false }
  func allocatedBytes() throws(DiskError) -> UInt64 { try size() }
}

extension ImageFile {
  /// `count` bytes from `offset`; zeroes past the end.
  func load(_ offset: UInt64, _ count: Int) throws(DiskError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: max(0, count))
    _ = try HostBuffer.over(&bytes) { buffer throws(DiskError) in try read(at: offset, into: [buffer]) }
    return bytes
  }
  func store(_ bytes: [UInt8], at offset: UInt64) throws(DiskError) {
    var bytes = bytes
    _ = try HostBuffer.over(&bytes) { buffer throws(DiskError) in try write(at: offset, from: [buffer]) }
  }
  /// The whole file's digest.
  func digest(_ kind: Digest.Kind) throws(DiskError) -> String {
    var digest = Digest(kind)
    let size = try size()
    var position: UInt64 = 0
    while position < size {
      let count = Int(min(1 << 20, size - position))
      digest.add(try load(position, count))
      position += UInt64(count)
    }
    return digest.finish()
  }
}
