/// A rectangle of a screen, in pixels.
public struct ScreenArea: Sendable, Equatable {
  /// Distance from the left edge.
  public var x: Int
  /// Distance from the top edge.
  public var y: Int
  /// Columns.
  public var width: Int
  /// Rows.
  public var height: Int

  /// A rectangle by its upper left corner and its size.
  public init(x: Int, y: Int, width: Int, height: Int) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }
  /// There is no pixel in it.
  public var isEmpty: Bool { width <= 0 || height <= 0 }
  /// What is in both; without width or height when nothing is.
  public func intersection(_ other: ScreenArea) -> ScreenArea {
    let left = max(x, other.x), top = max(y, other.y)
    let right = min(x + width, other.x + other.width), bottom = min(y + height, other.y + other.height)
    return ScreenArea(x: left, y: top, width: max(0, right - left), height: max(0, bottom - top))
  }
  /// The smallest rectangle with all of both.
  public func union(_ other: ScreenArea) -> ScreenArea {
    let left = min(x, other.x), top = min(y, other.y)
    return ScreenArea(
      x: left, y: top, width: max(x + width, other.x + other.width) - left,
      height: max(y + height, other.y + other.height) - top)
  }
}
