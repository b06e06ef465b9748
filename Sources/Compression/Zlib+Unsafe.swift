import CZlib

/// zlib and raw deflate streams (RFC 1950, RFC 1951) and the CRC-32 that PNG and gzip use, on byte arrays.
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

  /// Exactly `count` bytes from a raw deflate stream (RFC 1951), which may be followed by anything; nil when it is
  /// damaged or shorter.
  public static func inflateRaw(_ stream: [UInt8], count: Int) -> [UInt8]? {
    var output = [UInt8](repeating: 0, count: max(0, count))
    // Negative window bits ask for a raw stream.
    guard let written = inflate(stream, windowBits: -15, into: &output) else { return nil }
    // With room for just the contents, zlib may not have seen the end of the stream.
    return written == output.count ? output : nil
  }

  /// What a zlib stream holds so far, whether it has ended or was only flushed (as senders do who keep theirs); nil when
  /// it is damaged or longer than `limit` bytes.
  public static func inflateFlushed(_ stream: [UInt8], limit: Int) -> [UInt8]? {
    var output = [UInt8](repeating: 0, count: max(0, limit) + 1)
    guard let written = inflate(stream, windowBits: 15, into: &output), written <= limit else { return nil }
    output.removeLast(output.count - written)
    return output
  }

  /// Fills `output` from the beginning; how many bytes it got, or nil when the stream is damaged.
  private static func inflate(_ stream: [UInt8], windowBits: Int32, into output: inout [UInt8]) -> Int? {
    var input = stream
    // SAFETY: the state is a local that lives until inflateEnd, all zeroes as zlib wants it.
    var state = unsafe z_stream()
    guard unsafe inflateInit2_(&state, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      return nil
    }
    // SAFETY: as above.
    defer { unsafe inflateEnd(&state) }
    let inputCount = uInt(clamping: input.count), outputCount = uInt(clamping: output.count)
    // SAFETY: both buffers stay where they are during the closures, and zlib keeps to the counts given.
    let code = unsafe input.withUnsafeMutableBufferPointer { source in
      unsafe output.withUnsafeMutableBufferPointer { target in
        unsafe state.next_in = source.baseAddress
        unsafe state.avail_in = inputCount
        unsafe state.next_out = target.baseAddress
        unsafe state.avail_out = outputCount
        return unsafe CZlib.inflate(&state, Z_FINISH)
      }
    }
    guard code == Z_STREAM_END || code == Z_BUF_ERROR || code == Z_OK else { return nil }
    // SAFETY: reads a field of the local.
    return output.count - Int(unsafe state.avail_out)
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

/// One zlib stream that is made piece by piece, each piece complete for the receiver as soon as it arrives.
// SAFETY(type): the stream state is allocated and initialised in init, ended and freed in deinit, and passed to zlib only
// from `compress`, which has exclusive access; zlib keeps a pointer to it, so it never moves.
@safe public final class DeflateStream {
  private let stream: UnsafeMutablePointer<z_stream>

  /// - Parameter level: 0 (stored) to 9 (smallest).
  public init?(level: Int = 1) {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // SAFETY: the size of the type alone.
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    guard unsafe deflateInit_(stream, Int32(min(9, max(0, level))), ZLIB_VERSION, size) == Z_OK else {
      unsafe stream.deallocate()
      return nil
    }
  }
  deinit {
    unsafe deflateEnd(stream)
    unsafe stream.deinitialize(count: 1)
    unsafe stream.deallocate()
  }

  /// The next piece of the stream, which holds all of `bytes` (Z_SYNC_FLUSH).
  public func compress(_ bytes: [UInt8]) -> [UInt8] {
    var input = bytes
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    // SAFETY: the pointers handed to zlib belong to the two arrays and are used inside these closures only.
    unsafe input.withUnsafeMutableBufferPointer { input in
      unsafe stream.pointee.next_in = input.baseAddress
      unsafe stream.pointee.avail_in = uInt(input.count)
      repeat {
        unsafe chunk.withUnsafeMutableBufferPointer { chunk in
          unsafe stream.pointee.next_out = chunk.baseAddress
          unsafe stream.pointee.avail_out = uInt(chunk.count)
          _ = unsafe deflate(stream, Z_SYNC_FLUSH)
          unsafe output += chunk[..<(chunk.count - Int(stream.pointee.avail_out))]
        }
      } while unsafe stream.pointee.avail_out == 0
      unsafe stream.pointee.next_in = nil
    }
    return output
  }
}
