/// Tells pages of zeroes from others, a word at a time: most of what a guest has is looked at and then left out.
enum ZeroPage {
  /// `range`: inside `bytes`, a multiple of eight long.
  static func isZero(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    // SAFETY: the slice bounds the loads: each is eight bytes below `count`.
    unsafe bytes[range].withUnsafeBytes { raw in
      var position = 0
      while position + 8 <= raw.count {
        if unsafe raw.loadUnaligned(fromByteOffset: position, as: UInt64.self) != 0 { return false }
        position += 8
      }
      return true
    }
  }
}
