/// How a diskette of a given size is laid out. Sectors are 512 bytes.
public struct FloppyGeometry: Sendable, Equatable {
  public var cylinders: Int
  public var heads: Int
  public var sectorsPerTrack: Int
  /// Data rates (CCR codes: 0 500, 1 300, 2 250, 3 1000 kbit/s) at which it can be read.
  var rates: Set<UInt8>

  public var sectors: UInt64 { UInt64(cylinders * heads * sectorsPerTrack) }

  static let known: [FloppyGeometry] = [
    FloppyGeometry(cylinders: 40, heads: 1, sectorsPerTrack: 8, rates: [1, 2]),  // 160K
    FloppyGeometry(cylinders: 40, heads: 1, sectorsPerTrack: 9, rates: [1, 2]),  // 180K
    FloppyGeometry(cylinders: 40, heads: 2, sectorsPerTrack: 8, rates: [1, 2]),  // 320K
    FloppyGeometry(cylinders: 40, heads: 2, sectorsPerTrack: 9, rates: [1, 2]),  // 360K
    FloppyGeometry(cylinders: 80, heads: 2, sectorsPerTrack: 9, rates: [2]),  // 720K
    FloppyGeometry(cylinders: 80, heads: 2, sectorsPerTrack: 15, rates: [0]),  // 1.2M
    FloppyGeometry(cylinders: 80, heads: 2, sectorsPerTrack: 18, rates: [0]),  // 1.44M
    FloppyGeometry(cylinders: 80, heads: 2, sectorsPerTrack: 20, rates: [0]),  // 1.6M
    FloppyGeometry(cylinders: 80, heads: 2, sectorsPerTrack: 21, rates: [0]),  // 1.68M
    FloppyGeometry(cylinders: 82, heads: 2, sectorsPerTrack: 21, rates: [0]),  // 1.72M
    FloppyGeometry(cylinders: 80, heads: 2, sectorsPerTrack: 36, rates: [3]),  // 2.88M
  ]
  /// The smallest layout that holds an image of `sectors`, else the largest one; nil without a medium.
  public static func of(sectors: UInt64) -> FloppyGeometry? {
    guard sectors > 0 else { return nil }
    return known.first { $0.sectors >= sectors } ?? known.last
  }
}
