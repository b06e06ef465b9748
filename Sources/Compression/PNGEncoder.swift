/// Writes pictures as PNG: 8-bit RGB, no interlace, one IDAT chunk.
///
/// Spec: W3C PNG (Second Edition), sections 5 (datastream), 9 (filtering), 11.2 (critical chunks).
public enum PNGEncoder {
  /// `pixels`: 0x00RRGGBB, rows from the top; missing ones are black. Nil when a side is not positive.
  public static func encode(width: Int, height: Int, pixels: [UInt32]) -> [UInt8]? {
    guard width > 0, height > 0, width <= 1 << 16, height <= 1 << 16 else { return nil }
    var output: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
    // Bit depth 8, colour type 2 (RGB), deflate, adaptive filtering, no interlace.
    append("IHDR", word(width) + word(height) + [8, 2, 0, 0, 0], to: &output)
    append("IDAT", Zlib.deflate(filtered(width, height, pixels)), to: &output)
    append("IEND", [], to: &output)
    return output
  }

  /// Rows with filter type Up, which suits screens: most rows repeat the one above.
  private static func filtered(_ width: Int, _ height: Int, _ pixels: [UInt32]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(height * (width * 3 + 1))
    for y in 0..<height {
      bytes.append(2)
      for x in 0..<width {
        let at = y * width + x
        let here = at < pixels.count ? pixels[at] : 0
        let above = y > 0 && at - width < pixels.count ? pixels[at - width] : 0
        for shift in [16, 8, 0] as [UInt32] {
          bytes.append(UInt8(truncatingIfNeeded: here >> shift) &- UInt8(truncatingIfNeeded: above >> shift))
        }
      }
    }
    return bytes
  }

  private static func append(_ kind: String, _ payload: [UInt8], to output: inout [UInt8]) {
    let body = Array(kind.utf8) + payload
    output += word(payload.count) + body + word(Int(Zlib.crc32(body)))
  }
  private static func word(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - $0 * 8)) }
  }
}
