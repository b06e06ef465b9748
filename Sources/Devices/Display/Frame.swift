/// A picture: rows from the top, 0x00RRGGBB.
public struct Frame: Sendable, Equatable {
  public var width: Int
  public var height: Int
  public var pixels: [UInt32]
  public init(width: Int, height: Int, color: UInt32 = 0) {
    self.width = max(1, width)
    self.height = max(1, height)
    pixels = [UInt32](repeating: color, count: self.width * self.height)
  }
  public subscript(x: Int, y: Int) -> UInt32 {
    guard x >= 0, x < width, y >= 0, y < height else { return 0 }
    return pixels[y * width + x]
  }
}
