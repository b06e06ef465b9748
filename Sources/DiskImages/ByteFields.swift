/// Integers in headers and tables. Reading past the end gives zeroes, writing past it is dropped: headers are untrusted.
extension [UInt8] {
  func little16(_ at: Int) -> UInt16 { UInt16(truncatingIfNeeded: little(at, 2)) }
  func little32(_ at: Int) -> UInt32 { UInt32(truncatingIfNeeded: little(at, 4)) }
  func little64(_ at: Int) -> UInt64 { little(at, 8) }
  func big16(_ at: Int) -> UInt16 { UInt16(truncatingIfNeeded: big(at, 2)) }
  func big32(_ at: Int) -> UInt32 { UInt32(truncatingIfNeeded: big(at, 4)) }
  func big64(_ at: Int) -> UInt64 { big(at, 8) }

  private func little(_ at: Int, _ width: Int) -> UInt64 {
    var value: UInt64 = 0
    guard at >= 0, at <= count - width else { return 0 }
    for index in 0..<width { value |= UInt64(self[at + index]) << UInt64(8 * index) }
    return value
  }
  private func big(_ at: Int, _ width: Int) -> UInt64 {
    var value: UInt64 = 0
    guard at >= 0, at <= count - width else { return 0 }
    for index in 0..<width { value = value << 8 | UInt64(self[at + index]) }
    return value
  }

  mutating func putLittle(_ value: some FixedWidthInteger & UnsignedInteger, at: Int) {
    let width = value.bitWidth / 8
    guard at >= 0, at <= count - width else { return }
    for index in 0..<width { self[at + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }
  mutating func putBig(_ value: some FixedWidthInteger & UnsignedInteger, at: Int) {
    let width = value.bitWidth / 8
    guard at >= 0, at <= count - width else { return }
    for index in 0..<width { self[at + index] = UInt8(truncatingIfNeeded: value >> (8 * (width - 1 - index))) }
  }
  mutating func put(_ bytes: some Collection<UInt8>, at: Int) {
    var position = at
    for byte in bytes where position < count {
      self[position] = byte
      position += 1
    }
  }
  /// `count` bytes from `at`, filled up with zeroes.
  func part(_ at: Int, _ count: Int) -> [UInt8] {
    guard at >= 0, at < self.count else { return [UInt8](repeating: 0, count: Swift.max(0, count)) }
    let piece = self[at..<Swift.min(self.count, at + count)]
    return Array(piece) + [UInt8](repeating: 0, count: count - piece.count)
  }
  /// Text up to the first zero byte.
  func text(_ at: Int, _ count: Int) -> String {
    String(decoding: part(at, count).prefix { $0 != 0 }, as: UTF8.self)
  }
  var isAllZero: Bool { allSatisfy { $0 == 0 } }
}

extension UInt64 {
  func roundedUp(to unit: UInt64) -> UInt64 {
    let rest = self % unit
    guard rest != 0 else { return self }
    let (sum, overflow) = addingReportingOverflow(unit - rest)
    return overflow ? .max - (.max % unit) : sum
  }
  /// This divided by `unit`, rounded up.
  func pieces(of unit: UInt64) -> UInt64 { self / unit + (self % unit == 0 ? 0 : 1) }
}
