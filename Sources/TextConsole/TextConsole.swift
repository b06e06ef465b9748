import Devices
import HostSystem
import Synchronization

/// The guest's screen and keyboard in this terminal.
///
/// Keys go to the guest, except Ctrl-], which takes a command letter (`ConsoleCommand`). The screen is looked at thirty
/// times a second; only what changed is sent.
public final class TextConsole: Sendable {
  /// What the user did.
  public enum Event: Sendable, Equatable {
    /// Scan code set 1 for the keyboard.
    case scanCodes([UInt8])
    case command(ConsoleCommand)
  }
  /// How the console ended.
  public enum Ending: Sendable, Equatable {
    case quit, detached, stopped, hangUp
    /// The descriptors are no terminal, or it refused raw mode.
    case noTerminal
  }
  private static let frameMilliseconds: Int32 = 33
  /// Frames for which a message stays.
  private static let messageFrames = 90

  private let depth: ColorDepth
  private let screen: @Sendable () -> ConsoleScreen
  private let handle: @Sendable (Event) -> Void
  private let stopping = Atomic<Bool>(false)
  private let message = Mutex<String?>(nil)

  /// `screen` is asked for each picture, `handle` told of keys and commands, both on the thread that calls `run`.
  public init(
    depth: ColorDepth, screen: @escaping @Sendable () -> ConsoleScreen, handle: @escaping @Sendable (Event) -> Void
  ) {
    self.depth = depth
    self.screen = screen
    self.handle = handle
  }

  /// Ends `run` soon; from any thread.
  public func stop() { stopping.store(true, ordering: .relaxed) }
  /// Shows a line at the bottom for three seconds; from any thread.
  public func show(_ text: String) { message.withLock { $0 = text } }

  /// Takes over the terminal until the user quits or detaches, `stop` is called or the terminal goes away.
  public func run(input: Int32 = 0, output: Int32 = 1) -> Ending {
    guard let terminal = ScreenTerminal(input: input, output: output), terminal.enter() else { return .noTerminal }
    defer { terminal.leave() }
    var painter = TerminalPainter(depth: depth)
    var keys = ConsoleKeys()
    var status = StatusLine()
    status.show("Ctrl-] h for help", frames: TextConsole.messageFrames)
    while !stopping.load(ordering: .relaxed) {
      if let text = message.withLock({ $0.take() }) { status.show(text, frames: TextConsole.messageFrames) }
      let size = terminal.size
      let picture = screen().picture(columns: size.columns, rows: size.rows, status: status.next())
      let bytes = painter.paint(picture)
      if !bytes.isEmpty, !terminal.write(bytes) { return .hangUp }
      guard let typed = terminal.read(waiting: TextConsole.frameMilliseconds) else { return .hangUp }
      // A picture's time of silence tells the Escape key from a sequence.
      let actions = typed.isEmpty && keys.isWaiting ? keys.flush() : keys.feed(typed)
      for action in actions {
        if let ending = perform(action, &status) { return ending }
      }
    }
    return .stopped
  }

  private func perform(_ action: ConsoleAction, _ status: inout StatusLine) -> Ending? {
    switch action {
    case .scanCodes(let bytes): handle(.scanCodes(bytes))
    case .awaitingCommand(let waiting): status.prompt = waiting ? ConsoleCommand.summary : nil
    case .command(.help): status.show("Ctrl-] then: \(ConsoleCommand.summary)", frames: TextConsole.messageFrames * 3)
    case .command(let command):
      handle(.command(command))
      if command == .quit { return .quit }
      if command == .detach { return .detached }
    }
    return nil
  }
}

/// What the bottom row says, and for how long.
private struct StatusLine {
  /// Stays until it is taken away.
  var prompt: String?
  private var text: String?
  private var frames = 0

  mutating func show(_ text: String, frames: Int) {
    self.text = text
    self.frames = frames
  }
  /// For the next picture.
  mutating func next() -> String? {
    if let prompt { return prompt }
    guard frames > 0 else { return nil }
    frames -= 1
    return text
  }
}
