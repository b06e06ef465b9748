import Base
import DeviceKit

/// An Ethernet address.
public struct MACAddress: Sendable, Equatable, Hashable, CustomStringConvertible {
  /// Six bytes.
  public let bytes: [UInt8]

  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ e: UInt8, _ f: UInt8) { bytes = [a, b, c, d, e, f] }
  /// Reads `08:00:27:12:34:56`, the same with dashes, or twelve digits. Nil for anything else, and for group addresses
  /// and all zeroes, which no card may have.
  public init?(_ text: String) {
    let digits = text.filter { $0 != ":" && $0 != "-" }
    let separators = text.count - digits.count
    guard digits.count == 12, separators == 0 || separators == 5, digits.allSatisfy(\.isHexDigit),
      let value = UInt64(digits, radix: 16), value != 0, value >> 40 & 1 == 0
    else { return nil }
    bytes = (0..<6).map { UInt8(truncatingIfNeeded: value >> UInt64(40 - $0 * 8)) }
  }
  /// An address as VirtualBox gives them: 08:00:27 and three bytes of `random`.
  public static func generated(_ random: [UInt8]) -> MACAddress {
    func byte(_ index: Int) -> UInt8 { index < random.count ? random[index] : 0 }
    return MACAddress(0x08, 0x00, 0x27, byte(0), byte(1), byte(2))
  }
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}

/// A list of addresses of fixed-size records, as filters keep them.
struct AddressList: SavedState {
  /// Six bytes for each address.
  var bytes: [UInt8] = []
  static let limit = 64
  init() {}
  init(_ bytes: [UInt8]) { self.bytes = Array(bytes.prefix(AddressList.limit * 6)) }
  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.bytes("bytes", &bytes, maximum: AddressList.limit * 6)
    guard bytes.count % 6 == 0 else { throw .outOfRange(field: "bytes") }
  }
  /// Whether the frame's destination is in the list.
  func contains(_ frame: [UInt8]) -> Bool {
    stride(from: 0, to: bytes.count, by: 6).contains { bytes[$0..<($0 + 6)].elementsEqual(frame.prefix(6)) }
  }
}
