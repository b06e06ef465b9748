import HostSystem
import Machine
import Synchronization
import TextConsole

/// The guest's screen in the terminal (`--text`), on a thread of its own: it waits for keys and looks at the screen
/// thirty times a second, which must not delay the loop.
final class LiveScreen: Sendable {
  /// What the user wants of the process.
  enum Wish: Sendable {
    case quit
    /// The terminal has gone.
    case hangUp
    case screenshot
  }

  private let console: TextConsole
  private let thread: HostThread
  private final class Flag: Sendable { let value = Atomic<Bool>(true) }
  private let flag: Flag

  /// Whether the screen still belongs to the console.
  var isShowing: Bool { flag.value.load(ordering: .relaxed) }

  init(_ machine: Machine, _ wish: @escaping @Sendable (Wish) -> Void) throws(ThreadError) {
    let depth = ColorDepth(
      term: ProcessImage.environment("TERM"), colorTerm: ProcessImage.environment("COLORTERM"))
    let console = TextConsole(
      depth: depth,
      screen: { machine.textScreen().map { .text($0) } ?? .graphics(machine.screenshot()) },
      handle: { event in
        switch event {
        case .scanCodes(let codes): machine.keyboardInput(codes)
        case .command(.reset): machine.reset()
        case .command(.powerButton): machine.powerButton()
        case .command(.screenshot): wish(.screenshot)
        case .command(.quit), .command(.detach), .command(.help): break
        }
      })
    self.console = console
    let flag = Flag()
    self.flag = flag
    thread = try HostThread(name: "screen") {
      let ending = console.run()
      flag.value.store(false, ordering: .relaxed)
      switch ending {
      case .quit: wish(.quit)
      case .hangUp: wish(.hangUp)
      case .detached, .stopped, .noTerminal: break
      }
    }
  }

  /// Shows a line at the bottom for a while.
  func show(_ text: String) { console.show(text) }

  /// Gives the terminal back.
  func end() {
    console.stop()
    thread.join()
  }
}
