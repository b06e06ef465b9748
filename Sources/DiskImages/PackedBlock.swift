import Compression

extension PackedBlock {
  /// The block's bytes: exactly `count` sectors.
  func unpack(from file: any ImageFile) throws(DiskError) -> [UInt8] {
    let limit = Int(count) * 512
    var stream: [UInt8]
    switch codec {
    case .grain:
      // Marker: sector of the disk (64 bit), bytes of the stream (32 bit); then the stream.
      let marker = try file.bytes(at: offset, count: 12)
      let size = Int(marker.little32(8))
      guard marker.little64(0) == first, size > 0, size <= limit * 2 + 1024 else {
        throw .damaged(path: file.path, "the compressed grain at sector \(first) has a wrong marker")
      }
      stream = try file.bytes(at: offset + 12, count: size)
    case .deflate: stream = try file.bytes(at: offset, count: size)
    }
    let bytes =
      codec == .grain
      ? Zlib.inflate(stream, limit: limit) : Zlib.inflateRaw(stream, count: limit)
    guard var bytes, codec == .deflate ? bytes.count == limit : true else {
      throw .damaged(path: file.path, "the compressed block at sector \(first) cannot be unpacked")
    }
    bytes += [UInt8](repeating: 0, count: limit - bytes.count)
    return bytes
  }
}
