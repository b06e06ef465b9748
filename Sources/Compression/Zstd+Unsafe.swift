import CZstd

/// Zstandard frames (RFC 8878) on byte arrays.
public enum Zstd {
  /// `bytes` as one frame that says how long they are; `level` 1 (fast) to 19 (small).
  public static func compress(_ bytes: [UInt8], level: Int = 1) -> [UInt8] {
    let bound = ZSTD_compressBound(bytes.count)
    var output = [UInt8](repeating: 0, count: bound)
    // SAFETY: both pointers are valid for the counts passed with them; zstd writes at most `bound` bytes.
    let size = unsafe ZSTD_compress(&output, bound, bytes, bytes.count, Int32(min(19, max(1, level))))
    // With a buffer of compressBound bytes only lack of memory can fail.
    guard ZSTD_isError(size) == 0 else { return [] }
    output.removeLast(bound - size)
    return output
  }

  /// The contents of one frame, which must be exactly `count` bytes; nil when they are not, or the frame is damaged.
  public static func decompress(_ frame: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
    guard count >= 0 else { return nil }
    // SAFETY: the pointer is valid for the count passed with it.
    return unsafe frame.withUnsafeBytes { source -> [UInt8]? in
      // Asked first: a frame that says something else costs no memory.
      let announced = unsafe ZSTD_getFrameContentSize(source.baseAddress, source.count)
      guard announced == UInt64(count) else { return nil }
      var output = [UInt8](repeating: 0, count: count)
      // SAFETY: as above; zstd writes at most `count` bytes.
      let size = unsafe ZSTD_decompress(&output, count, source.baseAddress, source.count)
      guard ZSTD_isError(size) == 0, size == count else { return nil }
      return output
    }
  }
}
