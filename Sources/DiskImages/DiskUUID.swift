import HostSystem

/// The identity of an image, as VDI, VHD and VMDK keep it.
public struct DiskUUID: Hashable, Sendable, CustomStringConvertible {
  /// In the order of the text form.
  public let bytes: [UInt8]

  /// A random one (RFC 4122, version 4).
  public init() {
    var random = HostEntropy.bytes(16)
    random[6] = random[6] & 0x0f | 0x40
    random[8] = random[8] & 0x3f | 0x80
    bytes = random
  }
  /// From bytes in the order of the text form; what is missing is zero.
  public init(bigEndian raw: [UInt8]) { bytes = raw.part(0, 16) }
  /// From the form that VDI keeps: the first three fields little-endian.
  init(mixedEndian raw: [UInt8]) { bytes = DiskUUID.swapped(raw.part(0, 16)) }
  /// "8-4-4-4-12" hexadecimal digits, braces allowed.
  public init?(_ text: String) {
    var digits: [UInt8] = []
    var inner = Substring(text)
    if inner.hasPrefix("{"), inner.hasSuffix("}") { inner = inner.dropFirst().dropLast() }
    guard inner.split(separator: "-", omittingEmptySubsequences: false).map(\.count) == [8, 4, 4, 4, 12] else {
      return nil
    }
    for character in inner where character != "-" {
      guard character.isASCII, let digit = character.hexDigitValue else { return nil }
      digits.append(UInt8(digit))
    }
    bytes = (0..<16).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
  }
  /// None: all bits are zero.
  public static let zero = DiskUUID(bigEndian: [])
  /// There is none.
  public var isZero: Bool { bytes.isAllZero }
  var mixedEndian: [UInt8] { DiskUUID.swapped(bytes) }
  private static func swapped(_ raw: [UInt8]) -> [UInt8] {
    Array(raw[0..<4].reversed() + raw[4..<6].reversed() + raw[6..<8].reversed() + raw[8..<16])
  }

  public var description: String {
    let digits = Array("0123456789abcdef")
    var text = ""
    for (index, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(index) { text.append("-") }
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return text
  }
}
