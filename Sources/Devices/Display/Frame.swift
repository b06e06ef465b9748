/// A picture: rows from the top, 0x00RRGGBB.
public struct Frame: Sendable, Equatable {
  /// Pixels of a row.
  public var width: Int
  /// Rows.
  public var height: Int
  /// Row after row.
  public var pixels: [UInt32]
  /// Part of the picture that one monitor shows.
  public struct Monitor: Sendable, Equatable {
    /// Place of its upper left corner.
    public var x: Int
    /// See `x`.
    public var y: Int
    /// Pixels of a row.
    public var width: Int
    /// Rows.
    public var height: Int
  }
  /// Where the picture is several monitors': each of them, in the adapter's order. Empty: one shows all of it.
  public var monitors: [Monitor] = []
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
