/// The ones' complement sum of IP, TCP and UDP (RFC 1071), and where it stands in packets.
enum InternetChecksum {
  /// Adds the 16-bit big-endian words of `bytes[start..<end]` to `sum`; an odd last byte counts as a high one.
  static func add(_ bytes: [UInt8], _ start: Int, _ end: Int, to sum: UInt64 = 0) -> UInt64 {
    guard start >= 0, start < end, end <= bytes.count else { return sum }
    var sum = sum
    let span = bytes.span
    var index = start
    while index &+ 8 <= end {
      let high = UInt64(span[index]) << 8 | UInt64(span[index &+ 1])
      let next = UInt64(span[index &+ 2]) << 8 | UInt64(span[index &+ 3])
      let third = UInt64(span[index &+ 4]) << 8 | UInt64(span[index &+ 5])
      let last = UInt64(span[index &+ 6]) << 8 | UInt64(span[index &+ 7])
      sum &+= (high &+ next) &+ (third &+ last)
      index &+= 8
    }
    while index &+ 1 < end {
      sum &+= UInt64(span[index]) << 8 | UInt64(span[index &+ 1])
      index &+= 2
    }
    if index < end { sum &+= UInt64(span[index]) << 8 }
    return sum
  }
  /// The sum in 16 bits, carries added back.
  static func fold(_ sum: UInt64) -> UInt16 {
    var sum = sum
    while sum > 0xffff { sum = sum >> 16 &+ sum & 0xffff }
    return UInt16(truncatingIfNeeded: sum)
  }
  /// What is stored: the complement of the folded sum.
  static func finish(_ sum: UInt64) -> UInt16 { ~fold(sum) }
  /// The same for UDP, where 0 means "no checksum" and is written as its other form.
  static func finishUDP(_ sum: UInt64) -> UInt16 {
    let value = finish(sum)
    return value == 0 ? 0xffff : value
  }

  static func get16(_ bytes: [UInt8], _ at: Int) -> UInt16 {
    guard at >= 0, at + 1 < bytes.count else { return 0 }
    return UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1])
  }
  static func put16(_ bytes: inout [UInt8], _ at: Int, _ value: UInt16) {
    guard at >= 0, at + 1 < bytes.count else { return }
    bytes[at] = UInt8(value >> 8)
    bytes[at + 1] = UInt8(truncatingIfNeeded: value)
  }
  static func get32(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    UInt32(get16(bytes, at)) << 16 | UInt32(get16(bytes, at + 2))
  }
  static func put32(_ bytes: inout [UInt8], _ at: Int, _ value: UInt32) {
    put16(&bytes, at, UInt16(truncatingIfNeeded: value >> 16))
    put16(&bytes, at + 2, UInt16(truncatingIfNeeded: value))
  }
}

/// The frame check sequence (IEEE 802.3, 3.2.9), which is also the hash of multicast filters.
enum EthernetCRC {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
  }
  /// The remainder as it stands in the shift register, least significant bit first on the wire.
  static func remainder(_ bytes: [UInt8]) -> UInt32 {
    var value = UInt32.max
    let table = table.span
    for byte in bytes { value = value >> 8 ^ table[Int((value ^ UInt32(byte)) & 0xff)] }
    return value
  }
  /// The four bytes that follow a frame.
  static func bytes(_ frame: [UInt8]) -> [UInt8] {
    let value = ~remainder(frame)
    return (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) }
  }
}
