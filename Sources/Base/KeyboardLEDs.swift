/// The lights of a keyboard's locks, by the bits of the PS/2 command EDh; RFB's LED state has the same.
public struct KeyboardLEDs: OptionSet, Sendable, Hashable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue & 7 }
  /// Scroll Lock.
  public static let scroll = KeyboardLEDs(rawValue: 1)
  /// Num Lock.
  public static let num = KeyboardLEDs(rawValue: 2)
  /// Caps Lock.
  public static let caps = KeyboardLEDs(rawValue: 4)
}
