/// What the user did with the mouse: where the pointer is now if that is known, how far it came, and what is pressed.
public struct PointerMotion: Sendable, Equatable {
  /// A place on the screen, in 1/65535 of its width and height.
  public struct Place: Sendable, Equatable {
    /// To the right, and down.
    public var x: UInt16, y: UInt16
    public init(x: UInt16, y: UInt16) {
      self.x = x
      self.y = y
    }
    /// The place of a pixel; what lies outside is moved to the edge.
    public init(x: Int, y: Int, width: Int, height: Int) {
      func part(_ value: Int, _ size: Int) -> UInt16 {
        guard size > 1 else { return 0 }
        let inside = max(0, min(value, size - 1))
        return UInt16((inside * 65535 + (size - 1) / 2) / (size - 1))
      }
      self.init(x: part(x, width), y: part(y, height))
    }
  }
  /// Nil: only distances are known.
  public var place: Place?
  /// Distances: to the right, down, and of the wheel towards the user.
  public var dx: Int, dy: Int, dz: Int
  /// Bit 0 left, 1 right, 2 middle.
  public var buttons: UInt8
  public init(place: Place? = nil, dx: Int = 0, dy: Int = 0, dz: Int = 0, buttons: UInt8 = 0) {
    self.place = place
    self.dx = dx
    self.dy = dy
    self.dz = dz
    self.buttons = buttons
  }
}
