/// A range of addresses as people write it: `ADDRESS`, `START-END` (END not included) or `START+LENGTH`.
///
/// Numbers are decimal, or hexadecimal behind `0x`.
public struct AddressRange: Equatable, Sendable, CustomStringConvertible {
  /// The first address.
  public let start: UInt64
  /// The last address; not before `start`.
  public let last: UInt64

  /// All addresses from `start` to `last`; nil when there are none.
  public init?(start: UInt64, last: UInt64) {
    guard start <= last else { return nil }
    self.start = start
    self.last = last
  }

  /// Every address.
  public static let all = AddressRange(unchecked: 0, ~0)
  private init(unchecked start: UInt64, _ last: UInt64) {
    self.start = start
    self.last = last
  }

  /// nil when `text` is no range, or an empty one.
  public init?(parsing text: String) {
    if let separator = text.firstIndex(where: { $0 == "-" || $0 == "+" }) {
      guard let start = AddressRange.number(text[..<separator]),
        let other = AddressRange.number(text[text.index(after: separator)...]), other > 0
      else { return nil }
      let (end, overflow) = text[separator] == "-" ? (other &- 1, false) : start.addingReportingOverflow(other &- 1)
      guard !overflow else { return nil }
      self.init(start: start, last: end)
    } else {
      guard let start = AddressRange.number(Substring(text)) else { return nil }
      self.init(start: start, last: start)
    }
  }

  private static func number(_ text: Substring) -> UInt64? {
    // UInt64 would take a sign.
    guard let first = text.first, first.isNumber else { return nil }
    return text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  /// Whether `count` bytes from `address` on touch the range.
  public func overlaps(_ address: UInt64, count: UInt64) -> Bool {
    guard count > 0 else { return false }
    let (end, overflow) = address.addingReportingOverflow(count &- 1)
    return address <= last && (overflow ? ~0 : end) >= start
  }

  /// Both ends, included.
  public var description: String { "0x\(String(start, radix: 16))-0x\(String(last, radix: 16))" }
}
