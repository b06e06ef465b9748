/// The escape key of a terminal that is connected to a guest: Ctrl-A and one more key.
public struct TerminalEscape: Sendable {
  public enum Action: Sendable, Equatable {
    /// Bytes for the guest.
    case input([UInt8])
    /// Ctrl-A x: end the virtual machine.
    case quit
    /// Ctrl-A h: show the keys.
    case help
  }
  /// Ctrl-A.
  public static let prefix: UInt8 = 0x01
  /// The text of `help`, for a terminal in raw mode.
  public static let helpText =
    "\r\nCtrl-A x  end the virtual machine\r\nCtrl-A a  send Ctrl-A to the guest\r\nCtrl-A h  this help\r\n"

  private var isPending = false
  public init() {}

  /// What the typed bytes mean. A key that is no command after Ctrl-A goes to the guest alone, Ctrl-A is eaten.
  public mutating func feed(_ bytes: [UInt8]) -> [Action] {
    var actions: [Action] = []
    var plain: [UInt8] = []
    for byte in bytes {
      guard isPending else {
        if byte == TerminalEscape.prefix { isPending = true } else { plain.append(byte) }
        continue
      }
      isPending = false
      switch byte {
      // Ctrl-A Ctrl-A as well: the second key is often typed with Ctrl still down.
      case UInt8(ascii: "a"), TerminalEscape.prefix: plain.append(TerminalEscape.prefix)
      case UInt8(ascii: "x"), UInt8(ascii: "X"), 0x18: flush(&plain, &actions, .quit)
      case UInt8(ascii: "h"), UInt8(ascii: "?"): flush(&plain, &actions, .help)
      default: plain.append(byte)
      }
    }
    if !plain.isEmpty { actions.append(.input(plain)) }
    return actions
  }

  private func flush(_ plain: inout [UInt8], _ actions: inout [Action], _ action: Action) {
    if !plain.isEmpty { actions.append(.input(plain)) }
    plain = []
    actions.append(action)
  }
}
