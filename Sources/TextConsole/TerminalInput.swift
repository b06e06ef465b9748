import Devices

/// Turns what a terminal sends into keys of a PC keyboard.
///
/// Understands UTF-8, control characters, Alt as an ESC prefix, and the cursor and function key sequences of xterm,
/// the Linux console and rxvt.
///
/// Spec: ECMA-48, section 5.4 (control sequences); XTerm Control Sequences, *PC-Style Function Keys*.
public struct TerminalInput {
  private enum State: Equatable {
    case ground
    case escape
    /// After ESC O.
    case singleShift
    /// After ESC [, with the bytes so far.
    case sequence([UInt8])
    /// Inside a UTF-8 character: what is still to come, and the value so far.
    case character(Int, UInt32)
  }
  private var state = State.ground
  /// Characters that no key types, since the start.
  public private(set) var dropped = 0
  public init() {}

  /// Part of a sequence waits; a lone ESC is told from one by the silence after it (`flush`).
  public var isWaiting: Bool { state != .ground }

  /// Chords, each to be pressed and released as a whole.
  public mutating func feed(_ bytes: [UInt8]) -> [[KeyMap.Key]] { bytes.compactMap { feed($0) } }

  /// The terminal was silent for a while: ESC alone was the Escape key.
  public mutating func flush() -> [[KeyMap.Key]] {
    defer { state = .ground }
    switch state {
    case .escape: return [named("esc")]
    case .singleShift: return [[KeyMap.alt, KeyMap.shift] + named("o")]
    case .sequence([]): return [[KeyMap.alt] + typed("[")]
    default: return []
    }
  }

  private mutating func feed(_ byte: UInt8) -> [KeyMap.Key]? {
    switch state {
    case .ground: return ground(byte, alt: false)
    case .escape:
      switch byte {
      case 0x5b: state = .sequence([])
      case 0x4f: state = .singleShift
      // Two ESC: the first one was the key.
      case 0x1b: return named("esc")
      default:
        state = .ground
        return ground(byte, alt: true)
      }
      return nil
    case .singleShift:
      state = .ground
      return finalKeys[byte].map { named($0) }
    case .sequence(let collected): return sequence(collected, byte)
    case .character(let missing, let value): return continued(byte, missing, value)
    }
  }

  private mutating func ground(_ byte: UInt8, alt: Bool) -> [KeyMap.Key]? {
    let modifiers = alt ? [KeyMap.alt] : []
    switch byte {
    case 0x1b:
      state = .escape
      return nil
    case 0x08, 0x09, 0x0d, 0x20..<0x80:
      return modifiers + typed(Unicode.Scalar(byte))
    case 0x00: return modifiers + [KeyMap.control] + named("space")
    case 0x01..<0x20:
      // Control keys: 01h-1Ah are letters, 1Ch-1Fh the keys \ ] 6 and -.
      let plain = byte <= 0x1a ? byte + 0x60 : [0x5c, 0x5d, 0x36, 0x2d][Int(byte) - 0x1c]
      return modifiers + [KeyMap.control] + typed(Unicode.Scalar(plain))
    case 0xc2..<0xe0: state = .character(1, UInt32(byte & 0x1f))
    case 0xe0..<0xf0: state = .character(2, UInt32(byte & 0x0f))
    case 0xf0..<0xf5: state = .character(3, UInt32(byte & 0x07))
    default: dropped += 1
    }
    return nil
  }

  private mutating func continued(_ byte: UInt8, _ missing: Int, _ value: UInt32) -> [KeyMap.Key]? {
    state = .ground
    guard byte & 0xc0 == 0x80 else {
      dropped += 1
      return ground(byte, alt: false)
    }
    let value = value << 6 | UInt32(byte & 0x3f)
    if missing > 1 {
      state = .character(missing - 1, value)
      return nil
    }
    guard let scalar = Unicode.Scalar(value), KeyMap.stroke(scalar) != nil else {
      dropped += 1
      return nil
    }
    return typed(scalar)
  }

  // MARK: Sequences

  private mutating func sequence(_ collected: [UInt8], _ byte: UInt8) -> [KeyMap.Key]? {
    // The Linux console sends ESC [ [ A ... E for F1-F5.
    if collected == [0x5b] {
      state = .ground
      return (0x41...0x45).contains(byte) ? named("f\(byte - 0x40)") : nil
    }
    guard (0x40...0x7e).contains(byte), !(collected.isEmpty && byte == 0x5b) else {
      // Parameters; a run without end is no sequence.
      state = collected.count < 16 && byte >= 0x20 ? .sequence(collected + [byte]) : .ground
      return nil
    }
    state = .ground
    let parameters = collected.split(separator: 0x3b, omittingEmptySubsequences: false).map { digits in
      digits.prefix(4).reduce(0) { (0x30...0x39).contains($1) ? $0 * 10 + Int($1 - 0x30) : $0 }
    }
    let modifiers = modifiers(parameters.count > 1 ? parameters[1] : 1)
    switch byte {
    case 0x5a: return [KeyMap.shift] + named("tab")
    case 0x7e: return tildeKeys[parameters.first ?? 0].map { modifiers + named($0) }
    default: return finalKeys[byte].map { modifiers + named($0) }
    }
  }

  /// The modifier parameter is 1 plus Shift 1, Alt 2, Control 4.
  private func modifiers(_ parameter: Int) -> [KeyMap.Key] {
    let bits = max(0, parameter - 1)
    return (bits & 4 != 0 ? [KeyMap.control] : []) + (bits & 2 != 0 ? [KeyMap.alt] : [])
      + (bits & 1 != 0 ? [KeyMap.shift] : [])
  }

  private func named(_ name: String) -> [KeyMap.Key] {
    if let key = KeyMap.keys[name] { return [key] }
    return name.unicodeScalars.first.map(typed) ?? []
  }
  private func typed(_ scalar: Unicode.Scalar) -> [KeyMap.Key] {
    guard let stroke = KeyMap.stroke(scalar) else { return [] }
    return stroke.shift ? [KeyMap.shift, stroke.key] : [stroke.key]
  }
}

/// Keys by the last byte of ESC [ and ESC O sequences.
private let finalKeys: [UInt8: String] = [
  0x41: "up", 0x42: "down", 0x43: "right", 0x44: "left", 0x48: "home", 0x46: "end", 0x45: "kp5",
  0x50: "f1", 0x51: "f2", 0x52: "f3", 0x53: "f4", 0x4d: "kpenter",
]
/// Keys by the number of ESC [ number ~.
private let tildeKeys: [Int: String] = [
  1: "home", 2: "insert", 3: "delete", 4: "end", 5: "pageup", 6: "pagedown", 7: "home", 8: "end",
  11: "f1", 12: "f2", 13: "f3", 14: "f4", 15: "f5", 17: "f6", 18: "f7", 19: "f8", 20: "f9", 21: "f10",
  23: "f11", 24: "f12",
]
