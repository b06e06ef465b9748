import Base

/// What an adapter shows instead of what the VGA registers say: areas of video memory, side by side, and a pointer.
public struct Scanout: Sendable, Equatable {
  /// The picture of one monitor, in packed pixels.
  public struct Area: Sendable, Equatable {
    /// Where it lies among the others, in pixels.
    public var x = 0
    /// See `x`.
    public var y = 0
    /// Pixels of a row.
    public var width: Int
    /// Rows.
    public var height: Int
    /// 8, 15, 16, 24 or 32.
    public var bitsPerPixel: Int
    /// Bytes from row to row.
    public var pitch: Int
    /// Byte offset of the first pixel in video memory.
    public var start: Int
    /// Shown black.
    public var isBlank = false

    static let depths = [8, 15, 16, 24, 32]
    var bytesPerPixel: Int { (bitsPerPixel + 7) / 8 }

    /// Nil for what cannot be; as many rows as `memory` bytes hold.
    init?(width: Int, height: Int, bitsPerPixel: Int, pitch: Int, start: Int, memory: Int) {
      guard width > 0, height > 0, width <= Scanout.maximum.width, Area.depths.contains(bitsPerPixel) else {
        return nil
      }
      let row = width * ((bitsPerPixel + 7) / 8)
      guard pitch >= row, start >= 0, start <= memory - row else { return nil }
      self.width = width
      self.height = min(height, Scanout.maximum.height, (memory - start - row) / pitch + 1)
      self.bitsPerPixel = bitsPerPixel
      self.pitch = pitch
      self.start = start
    }
  }

  /// A pointer that the adapter lays over the picture.
  public struct Pointer: Sendable, Equatable {
    /// Place of its upper left corner, in pixels.
    public var x: Int
    /// See `x`.
    public var y: Int
    /// Pixels of a row.
    public var width: Int
    /// AARRGGBBh, colours multiplied by alpha, row after row.
    public var pixels: [UInt32]
  }

  /// The picture of all monitors is no larger.
  static let maximum = (width: 8192, height: 4320)

  /// Monitors, in any order.
  public var areas: [Area]
  /// Nil while there is none, or while the guest hides it.
  public var pointer: Pointer?

  /// The smallest rectangle that holds all areas, or its upper left part when it is too large.
  var bounds: (x: Int, y: Int, width: Int, height: Int) {
    guard let first = areas.first else { return (0, 0, 1, 1) }
    var (left, top, right, bottom) = (first.x, first.y, first.x + first.width, first.y + first.height)
    for area in areas.dropFirst() {
      left = min(left, area.x)
      top = min(top, area.y)
      right = max(right, area.x + area.width)
      bottom = max(bottom, area.y + area.height)
    }
    return (left, top, min(right - left, Scanout.maximum.width), min(bottom - top, Scanout.maximum.height))
  }
}
