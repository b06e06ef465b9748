import CZlib

/// zlib streams (RFC 1950) and the CRC-32 that PNG and gzip use, on byte arrays.
public enum Zlib {
  /// `bytes` as one zlib stream; `level` 0 (stored) to 9 (smallest).
  public static func deflate(_ bytes: [UInt8], level: Int = 6) -> [UInt8] {
    var size = compressBound(uLong(bytes.count))
    var output = [UInt8](repeating: 0, count: Int(size))
    // SAFETY: both pointers are valid for the counts passed with them; zlib writes at most `size` bytes.
    let code = unsafe compress2(&output, &size, bytes, uLong(bytes.count), Int32(min(9, max(0, level))))
    // With a buffer of compressBound bytes only lack of memory can fail.
    guard code == Z_OK else { return [] }
    output.removeLast(output.count - Int(size))
    return output
  }

  /// The contents of one zlib stream; nil when it is damaged or longer than `limit` bytes.
  public static func inflate(_ stream: [UInt8], limit: Int) -> [UInt8]? {
    var size = uLong(max(0, limit))
    var output = [UInt8](repeating: 0, count: max(0, limit))
    // SAFETY: both pointers are valid for the counts passed with them; zlib writes at most `size` bytes.
    guard unsafe uncompress(&output, &size, stream, uLong(stream.count)) == Z_OK else { return nil }
    output.removeLast(output.count - Int(size))
    return output
  }

  /// CRC-32 (ISO 3309) of `bytes`, going on from `start`.
  public static func crc32(_ bytes: [UInt8], from start: UInt32 = 0) -> UInt32 {
    var value = uLong(start)
    var rest = bytes[...]
    // zlib counts in 32 bits.
    while !rest.isEmpty {
      let part = rest.prefix(1 << 30)
      // SAFETY: pointer and count describe the same slice.
      value = unsafe part.withUnsafeBufferPointer { unsafe CZlib.crc32(value, $0.baseAddress, uInt($0.count)) }
      rest = rest.dropFirst(part.count)
    }
    return UInt32(truncatingIfNeeded: value)
  }
}
