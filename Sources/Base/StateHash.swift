/// A number that two states share only if they are the same, for comparing runs: 64 bits, not for use against malice.
public struct StateHash: Sendable, Equatable, CustomStringConvertible {
  public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325
  public init() {}

  public mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x9fb2_1c65_1e98_df25
    value ^= value >> 29
  }
  /// A page or other run of bytes at an address; zeroes count as nothing at all.
  public mutating func add(_ bytes: ArraySlice<UInt8>, at address: UInt64) {
    if bytes.allSatisfy({ $0 == 0 }) { return }
    add(address)
    var word: UInt64 = 0
    for (place, byte) in bytes.enumerated() {
      word = word << 8 | UInt64(byte)
      if place & 7 == 7 { add(word) }
    }
    add(word)
  }
  /// Sixteen hexadecimal digits.
  public var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
