/// A picture: rows from the top, 0x00RRGGBB.
public struct Frame: Sendable, Equatable {
  /// Pixels of a row.
  public var width: Int
  /// Rows.
  public var height: Int
  /// Row after row.
  public var pixels: [UInt32]
  public init(width: Int, height: Int, color: UInt32 = 0) {
    self.width = max(1, width)
    self.height = max(1, height)
    pixels = [UInt32](repeating: color, count: self.width * self.height)
  }
  /// One pixel; black outside.
  public subscript(x: Int, y: Int) -> UInt32 {
    guard x >= 0, x < width, y >= 0, y < height else { return 0 }
    return pixels[y * width + x]
  }
}
