/// What a client would like a monitor to show.
public struct ModeHint: Sendable, Equatable {
  /// The monitor, from 0.
  public var display = 0
  /// Pixels of a row.
  public var width = 0
  /// Rows.
  public var height = 0
  /// Guests choose their own.
  public var bitsPerPixel = 32
  /// Whether the monitor is there at all.
  public var isEnabled = true
  /// Where it lies among the others; nil: the guest decides.
  public var origin: Origin?
  /// A place in pixels.
  public struct Origin: Sendable, Equatable {
    /// To the right.
    public var x: Int
    /// Down.
    public var y: Int
    public init(x: Int, y: Int) { (self.x, self.y) = (x, y) }
  }
  public init() {}
}
