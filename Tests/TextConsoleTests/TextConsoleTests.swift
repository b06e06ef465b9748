import Devices
import Glibc
import HostSystem
import Synchronization
import Testing

@testable import TextConsole

/// The console on a pseudo-terminal, as a user at a terminal sees it.
@Suite struct TextConsoleTests {
  private final class Record: Sendable {
    let events = Mutex<[TextConsole.Event]>([])
    let ending = Mutex<TextConsole.Ending?>(nil)
  }
  private struct Terminal {
    let controller: Int32
    let terminal: Int32
    /// The terminal's name, for another process.
    let path: String

    init() throws {
      controller = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      // TIOCSPTLCK and TIOCGPTN, which are macros: unlock, and the terminal's number.
      var number: Int32 = 0
      try #require(controller >= 0 && ioctl(controller, 0x4004_5431, &number) == 0)
      try #require(ioctl(controller, 0x8004_5430, &number) == 0)
      path = "/dev/pts/\(number)"
      terminal = open(path, O_RDWR | O_NOCTTY)
      try #require(terminal >= 0)
      var size = winsize(ws_row: 5, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0)
      try #require(ioctl(controller, UInt(TIOCSWINSZ), &size) == 0)
    }
    func type(_ bytes: [UInt8]) { _ = write(controller, bytes, bytes.count) }
    /// All output until `wanted` appears, for at most two seconds.
    func output(until wanted: String) -> String {
      var collected: [UInt8] = []
      for _ in 0..<100 {
        var request = pollfd(fd: controller, events: Int16(POLLIN), revents: 0)
        if poll(&request, 1, 20) > 0, request.revents & Int16(POLLIN) != 0 {
          var bytes = [UInt8](repeating: 0, count: 4096)
          let count = read(controller, &bytes, bytes.count)
          if count > 0 { collected += bytes.prefix(count) }
        }
        if String(decoding: collected, as: UTF8.self).contains(wanted) { break }
      }
      return String(decoding: collected, as: UTF8.self)
    }
    var localModes: tcflag_t {
      var settings = termios()
      tcgetattr(terminal, &settings)
      return settings.c_lflag
    }
    func end() {
      close(controller)
      close(terminal)
    }
  }

  @Test func showsTheScreenPassesKeysAndRestoresTheTerminal() throws {
    let terminal = try Terminal()
    defer { terminal.end() }
    let before = terminal.localModes
    let record = Record()
    let cells = "hello, guest".utf8.map { TextScreen.Cell(code: $0, attribute: 7) }
    let screen = TextScreen(columns: 20, rows: 1, cells: cells)
    let console = TextConsole(
      depth: .ansi16, screen: { .text(screen) }, handle: { event in record.events.withLock { $0.append(event) } })
    let thread = try HostThread(name: "console") { [terminal] in
      let ending = console.run(input: terminal.terminal, output: terminal.terminal)
      record.ending.withLock { $0 = ending }
    }
    let start = terminal.output(until: "guest")
    #expect(start.contains("\u{1b}[?1049h") && start.contains("hello, guest"))
    #expect(terminal.localModes & tcflag_t(ICANON | ECHO | ISIG) == 0)
    // A key, Escape alone, then quit.
    terminal.type([0x61])
    terminal.type([0x1b])
    usleep(120_000)
    terminal.type([0x1d])
    #expect(terminal.output(until: "q quit").contains("q quit"))
    terminal.type([0x71])
    #expect(terminal.output(until: "\u{1b}[?1049l").contains("\u{1b}[?25h"))
    thread.join()
    #expect(terminal.localModes == before)
    #expect(record.ending.withLock { $0 } == .quit)
    #expect(
      record.events.withLock { $0 } == [.scanCodes([0x1e, 0x9e]), .scanCodes([0x01, 0x81]), .command(.quit)])
  }

  @Test func signalsAndExitsRestoreTheTerminal() async throws {
    let terminal = try Terminal()
    defer { terminal.end() }
    let before = terminal.localModes
    let path = terminal.path
    await #expect(processExitsWith: .signal(SIGTERM)) { [path = path as String] in
      let file = open(path, O_RDWR | O_NOCTTY)
      guard let screen = ScreenTerminal(input: file, output: file), screen.enter() else { exit(1) }
      // Not `raise`: threads of the pool block signals.
      kill(getpid(), SIGTERM)
      sleep(5)
    }
    #expect(terminal.output(until: "\u{1b}[?1049l").contains("\u{1b}[?1049l"))
    #expect(terminal.localModes == before)
    await #expect(processExitsWith: .exitCode(7)) { [path = path as String] in
      let file = open(path, O_RDWR | O_NOCTTY)
      guard let screen = ScreenTerminal(input: file, output: file), screen.enter() else { exit(1) }
      exit(7)
    }
    #expect(terminal.output(until: "\u{1b}[?1049l").contains("\u{1b}[?1049l"))
    #expect(terminal.localModes == before)
  }

  @Test func withoutATerminalNothingHappens() throws {
    let console = TextConsole(depth: .ansi16, screen: { .notice("") }, handle: { _ in })
    let file = open("/dev/null", O_RDWR)
    defer { close(file) }
    #expect(console.run(input: file, output: file) == .noTerminal)
  }
}
