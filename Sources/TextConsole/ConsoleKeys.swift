import Devices

/// What the user asks of the program rather than of the guest: Ctrl-] and a letter.
public enum ConsoleCommand: Sendable, Equatable, CaseIterable {
  case quit, detach, reset, powerButton, screenshot, help

  /// The letter after Ctrl-].
  public var letter: Character {
    switch self {
    case .quit: "q"
    case .detach: "d"
    case .reset: "r"
    case .powerButton: "p"
    case .screenshot: "s"
    case .help: "h"
    }
  }
  /// One line about each command, for a status line.
  public static let summary =
    "q quit  d detach  r reset  p power button  s screenshot  h help  Ctrl-] sends Ctrl-]"
}

/// What came of a few typed bytes.
public enum ConsoleAction: Sendable, Equatable {
  /// Scan code set 1 for the guest's keyboard.
  case scanCodes([UInt8])
  case command(ConsoleCommand)
  /// Ctrl-] was typed and a letter is awaited (true), or the wait is over (false).
  case awaitingCommand(Bool)
}

/// Separates the commands after the escape key Ctrl-] from keys for the guest.
public struct ConsoleKeys {
  /// Ctrl-].
  private static let escapeByte: UInt8 = 0x1d
  private var input = TerminalInput()
  private var awaiting = false
  public init() {}

  /// A silence should be reported with `flush`.
  public var isWaiting: Bool { input.isWaiting }

  /// Takes typed bytes.
  public mutating func feed(_ bytes: [UInt8]) -> [ConsoleAction] {
    var actions: [ConsoleAction] = []
    for byte in bytes {
      if awaiting {
        awaiting = false
        actions.append(.awaitingCommand(false))
        let letter = Character(Unicode.Scalar(byte | 0x20))
        if byte == ConsoleKeys.escapeByte {
          press(input.feed([byte]), &actions)
        } else if let command = ConsoleCommand.allCases.first(where: { $0.letter == letter }) {
          actions.append(.command(command))
        }
      } else if byte == ConsoleKeys.escapeByte {
        awaiting = true
        actions.append(.awaitingCommand(true))
      } else {
        press(input.feed([byte]), &actions)
      }
    }
    return actions
  }
  /// A silence: what waits for more bytes was complete.
  public mutating func flush() -> [ConsoleAction] {
    var actions: [ConsoleAction] = []
    press(input.flush(), &actions)
    return actions
  }

  private func press(_ chords: [[KeyMap.Key]], _ actions: inout [ConsoleAction]) {
    for chord in chords where !chord.isEmpty { actions.append(.scanCodes(KeyMap.scanCodes(pressing: chord))) }
  }
}
