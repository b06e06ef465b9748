import Base

/// A wish for a key that the keyboard does not have.
public enum KeyMapError: Error, Equatable, CustomStringConvertible {
  case unknownKey(String, nearest: String?)
  case noKeyFor(Unicode.Scalar)

  public var description: String {
    switch self {
    case .unknownKey(let name, let nearest?): "unknown key \"\(name)\", did you mean \"\(nearest)\"?"
    case .unknownKey(let name, nil): "unknown key \"\(name)\""
    case .noKeyFor(let scalar): "no key types U+\(String(scalar.value, radix: 16, uppercase: true))"
    }
  }
}

/// The keys of a US 104-key keyboard as scan code set 1, by name and by the characters that they type.
///
/// The bytes are what `I8042.keyboardInput` takes.
///
/// Spec: Microsoft "Keyboard Scan Code Specification" 1.3a, appendix A.
public enum KeyMap {
  /// A key by its set 1 make code.
  public struct Key: Sendable, Hashable {
    /// 01h-7Fh.
    public var code: UInt8
    /// Prefixed with E0h.
    public var extended: Bool
    public init(_ code: UInt8, extended: Bool = false) {
      self.code = code
      self.extended = extended
    }

    /// Bytes when the key goes down.
    public var make: [UInt8] {
      switch self {
      case KeyMap.pause: [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]
      case KeyMap.printScreen: [0xe0, 0x2a, 0xe0, 0x37]
      default: extended ? [0xe0, code] : [code]
      }
    }
    /// Bytes when the key goes up; Pause has none.
    public var breakCodes: [UInt8] {
      switch self {
      case KeyMap.pause: []
      case KeyMap.printScreen: [0xe0, 0xb7, 0xe0, 0xaa]
      default: extended ? [0xe0, code | 0x80] : [code | 0x80]
      }
    }
  }

  /// A key, with Shift or without.
  public struct Stroke: Sendable, Hashable {
    /// The key itself.
    public var key: Key
    /// Held with Shift.
    public var shift: Bool
    public init(key: Key, shift: Bool) {
      self.key = key
      self.shift = shift
    }
  }

  /// The left modifiers.
  public static let shift = Key(0x2a), control = Key(0x1d), alt = Key(0x38)
  /// A code that no key has stands for Pause, whose bytes follow no rule.
  static let pause = Key(0x45, extended: true)
  static let printScreen = Key(0x37, extended: true)

  /// Keys by name; several names may mean one key.
  public static let keys: [String: Key] = {
    var keys: [String: Key] = [
      "esc": Key(0x01), "escape": Key(0x01), "backspace": Key(0x0e), "tab": Key(0x0f), "enter": Key(0x1c),
      "return": Key(0x1c), "ret": Key(0x1c), "space": Key(0x39), "spc": Key(0x39), "capslock": Key(0x3a),
      "numlock": Key(0x45), "scrolllock": Key(0x46), "sysrq": Key(0x54), "pause": pause, "print": printScreen,
      "printscreen": printScreen, "break": Key(0x46, extended: true),
      "ctrl": control, "control": control, "rightctrl": Key(0x1d, extended: true), "shift": shift,
      "rightshift": Key(0x36), "alt": alt, "rightalt": Key(0x38, extended: true), "altgr": Key(0x38, extended: true),
      "win": Key(0x5b, extended: true), "meta": Key(0x5b, extended: true), "rightwin": Key(0x5c, extended: true),
      "menu": Key(0x5d, extended: true),
      "up": Key(0x48, extended: true), "down": Key(0x50, extended: true), "left": Key(0x4b, extended: true),
      "right": Key(0x4d, extended: true), "home": Key(0x47, extended: true), "end": Key(0x4f, extended: true),
      "pageup": Key(0x49, extended: true), "pgup": Key(0x49, extended: true), "pagedown": Key(0x51, extended: true),
      "pgdn": Key(0x51, extended: true), "insert": Key(0x52, extended: true), "ins": Key(0x52, extended: true),
      "delete": Key(0x53, extended: true), "del": Key(0x53, extended: true),
      "minus": Key(0x0c), "equal": Key(0x0d), "plus": Key(0x0d), "bracketleft": Key(0x1a), "bracketright": Key(0x1b),
      "semicolon": Key(0x27), "apostrophe": Key(0x28), "grave": Key(0x29), "backslash": Key(0x2b), "comma": Key(0x33),
      "dot": Key(0x34), "slash": Key(0x35), "less": Key(0x56),
      "kpslash": Key(0x35, extended: true), "kpasterisk": Key(0x37), "kpminus": Key(0x4a), "kpplus": Key(0x4e),
      "kpenter": Key(0x1c, extended: true), "kpdot": Key(0x53),
    ]
    for number in 1...10 { keys["f\(number)"] = Key(UInt8(0x3a + number)) }
    keys["f11"] = Key(0x57)
    keys["f12"] = Key(0x58)
    for (digit, code) in ([0x52, 0x4f, 0x50, 0x51, 0x4b, 0x4c, 0x4d, 0x47, 0x48, 0x49] as [UInt8]).enumerated() {
      keys["kp\(digit)"] = Key(code)
    }
    return keys
  }()

  /// Rows of the keyboard: first make code, characters, characters with Shift.
  private static let rows: [(first: UInt8, plain: String, shifted: String)] = [
    (0x02, "1234567890-=", "!@#$%^&*()_+"),
    (0x10, "qwertyuiop[]", "QWERTYUIOP{}"),
    (0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"),
    (0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
  ]
  private static let strokes: [Unicode.Scalar: Stroke] = {
    var strokes: [Unicode.Scalar: Stroke] = [
      " ": Stroke(key: Key(0x39), shift: false), "\n": Stroke(key: Key(0x1c), shift: false),
      "\r": Stroke(key: Key(0x1c), shift: false), "\t": Stroke(key: Key(0x0f), shift: false),
      "\u{8}": Stroke(key: Key(0x0e), shift: false), "\u{7f}": Stroke(key: Key(0x0e), shift: false),
      "\u{1b}": Stroke(key: Key(0x01), shift: false),
    ]
    for row in rows {
      for (characters, shift) in [(row.plain, false), (row.shifted, true)] {
        for (offset, scalar) in characters.unicodeScalars.enumerated() {
          strokes[scalar] = Stroke(key: Key(row.first + UInt8(offset)), shift: shift)
        }
      }
    }
    return strokes
  }()
  private static let scalars: [Stroke: Unicode.Scalar] = {
    var scalars: [Stroke: Unicode.Scalar] = [:]
    for (scalar, stroke) in strokes where scalar.value >= 0x20 && scalar.value < 0x7f { scalars[stroke] = scalar }
    return scalars
  }()

  /// How to type a character; nil when no key of the US layout does.
  public static func stroke(_ scalar: Unicode.Scalar) -> Stroke? { strokes[scalar] }
  /// What a stroke types: printable ASCII, or nil.
  public static func scalar(_ stroke: Stroke) -> Unicode.Scalar? { scalars[stroke] }

  /// Goes down in order and comes up in reverse order.
  public static func scanCodes(pressing keys: [Key]) -> [UInt8] {
    keys.flatMap(\.make) + keys.reversed().flatMap(\.breakCodes)
  }

  /// Bytes that type `text`.
  public static func scanCodes(typing text: String) throws(KeyMapError) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      guard let stroke = stroke(scalar) else { throw .noKeyFor(scalar) }
      bytes += scanCodes(pressing: stroke.shift ? [shift, stroke.key] : [stroke.key])
    }
    return bytes
  }

  /// Bytes of a chord such as `ctrl-alt-del`, `f1`, `alt+sysrq+b` or `ctrl--`.
  ///
  /// Parts are names of `keys` in any case, or single characters (with Shift when they need it).
  public static func scanCodes(chord: String) throws(KeyMapError) -> [UInt8] {
    scanCodes(pressing: try keys(chord: chord))
  }

  /// The keys of a chord, in the order in which they go down.
  public static func keys(chord: String) throws(KeyMapError) -> [Key] {
    var result: [Key] = []
    for part in parts(chord) {
      if let key = keys[part.lowercased()] {
        if !result.contains(key) { result.append(key) }
        continue
      }
      let scalars = part.unicodeScalars
      guard scalars.count == 1, let scalar = scalars.first, let stroke = stroke(scalar) else {
        throw .unknownKey(part, nearest: NearestMatch.find(part, among: keys.keys.sorted()))
      }
      if stroke.shift, !result.contains(shift) { result.append(shift) }
      if !result.contains(stroke.key) { result.append(stroke.key) }
    }
    return result
  }

  /// Splits at `-` and `+`; one that stands where a key is due is that key.
  private static func parts(_ chord: String) -> [String] {
    var parts: [String] = []
    var current = ""
    for character in chord {
      if character == "-" || character == "+", !current.isEmpty {
        parts.append(current)
        current = ""
      } else {
        current.append(character)
      }
    }
    parts.append(current)
    return parts
  }
}
