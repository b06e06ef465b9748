/// Text forms of bytes: base64 (RFC 4648, section 4) and hexadecimal.
public enum ByteText {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let hexDigits = Array("0123456789abcdef".utf8)

  public static func base64(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    out.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
      let chunk = bytes[index..<min(index + 3, bytes.count)]
      var bits: UInt32 = 0
      for position in 0..<3 { bits = bits << 8 | (position < chunk.count ? UInt32(chunk[index + position]) : 0) }
      for position in 0..<4 {
        let shift = UInt32(18 - 6 * position)
        out.append(position <= chunk.count ? alphabet[Int(bits >> shift & 63)] : UInt8(ascii: "="))
      }
      index += 3
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// `0x` and the digits.
  public static func hex(_ number: some UnsignedInteger) -> String { "0x" + String(number, radix: 16) }
  /// The number behind `0x`; nil when there is none.
  public static func number(hex text: String) -> UInt64? {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : nil
  }

  public static func hex(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count * 2)
    for byte in bytes { out += [hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]] }
    return String(decoding: out, as: UTF8.self)
  }

  /// Pairs of hexadecimal digits, with or without blanks between pairs; nil when it is anything else.
  public static func bytes(hex text: String) -> [UInt8]? {
    let digits = text.utf8.filter { $0 != 0x20 }
    guard digits.count.isMultiple(of: 2) else { return nil }
    var out: [UInt8] = []
    var high: UInt8?
    for digit in digits {
      guard let value = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
      if let upper = high {
        out.append(upper << 4 | UInt8(value))
        high = nil
      } else {
        high = UInt8(value)
      }
    }
    return out
  }
}
