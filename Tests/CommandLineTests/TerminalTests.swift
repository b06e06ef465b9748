import Foundation
import HostSystem
import TestSupport
import Testing

/// A machine whose standard streams are a terminal that belongs to the test.
private final class TerminalSession {
  private(set) var terminal: PseudoTerminal?
  let process = Process()
  let before: termios
  private(set) var output = ""

  init(_ arguments: [String]) throws {
    let terminal = try PseudoTerminal()
    self.terminal = terminal
    let user = FileHandle(fileDescriptor: open(terminal.path, O_RDWR | O_NOCTTY), closeOnDealloc: true)
    var settings = termios()
    _ = tcgetattr(user.fileDescriptor, &settings)
    settings.c_lflag |= tcflag_t(ICANON | ECHO | ISIG)
    settings.c_iflag |= tcflag_t(ICRNL)
    settings.c_oflag |= tcflag_t(OPOST | ONLCR)
    _ = tcsetattr(user.fileDescriptor, TCSANOW, &settings)
    _ = tcgetattr(user.fileDescriptor, &settings)
    before = settings
    process.executableURL = URL(fileURLWithPath: try RingboxProgram.path())
    process.arguments = ["run"] + arguments
    // The test runner asks for crash reports in its own way; users do not.
    process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "SWIFT_BACKTRACE" }
    process.standardInput = user
    process.standardOutput = user
    process.standardError = user
    try process.run()
  }
  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  var settings: termios {
    var settings = termios()
    if let terminal { _ = tcgetattr(terminal.stream.raw, &settings) }
    return settings
  }
  var isSane: Bool { settings.c_lflag == before.c_lflag && settings.c_iflag == before.c_iflag }
  var isRaw: Bool { settings.c_lflag & tcflag_t(ICANON | ECHO | ISIG) == 0 }

  func type(_ bytes: [UInt8]) { terminal?.stream.writeAll(bytes) }
  func hangUp() { terminal = nil }

  func wait(_ seconds: TimeInterval = 20, _ condition: () -> Bool) -> Bool {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while !condition() {
      guard Date() < deadline else { return false }
      if let terminal, case .bytes(let bytes) = terminal.stream.read(upTo: 65536) {
        output += String(decoding: bytes, as: UTF8.self)
      }
      usleep(2000)
    }
    return true
  }
  func status() -> Int32? {
    guard self.wait(20, { !process.isRunning }) else { return nil }
    return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
  }
}

@Suite("terminal") struct TerminalTests {
  private func session(_ folder: TemporaryFolder, _ code: [UInt8]) throws -> TerminalSession {
    let rom = try folder.write("rom", TinyFirmware.image(code))
    return try TerminalSession(["--memory", "1M", "--firmware", rom])
  }

  @Test func keysGoToTheGuestAndTheEscapeKeyQuits() throws {
    let folder = try TemporaryFolder()
    let session = try session(folder, TinyFirmware.echo)
    #expect(session.wait { session.isRaw })
    // Ctrl-C is the guest's.
    session.type([0x68, 0x69, 0x03, 0x01, 0x61])
    #expect(session.wait { session.output.contains("hi\u{3}\u{1}") })
    session.type([0x01, 0x68])
    #expect(session.wait { session.output.contains("Ctrl-A x") })
    session.type([0x01, 0x78])
    #expect(session.status() == 5)
    #expect(session.isSane)
  }

  @Test func terminalIsRestoredHoweverTheRunEnds() throws {
    let folder = try TemporaryFolder()
    for (number, status) in [(SIGTERM, 143), (SIGKILL, 137), (SIGABRT, 134)] as [(Int32, Int32)] {
      let session = try session(folder, TinyFirmware.printing("up") + TinyFirmware.halt)
      #expect(session.wait { session.isRaw && session.output.contains("up") })
      kill(session.process.processIdentifier, number)
      #expect(session.status() == status)
      // The guardian acts once the process is gone.
      #expect(session.wait(5) { session.isSane }, "after signal \(number)")
    }
  }

  @Test func powerOffLeavesTheTerminalSane() throws {
    let folder = try TemporaryFolder()
    let session = try session(folder, TinyFirmware.printing("bye\r\n") + TinyFirmware.powerOff)
    #expect(session.status() == 0)
    #expect(session.isSane)
    #expect(session.wait { session.output.contains("bye") })
  }

  @Test func closedTerminalEndsTheRun() throws {
    let folder = try TemporaryFolder()
    let session = try session(folder, TinyFirmware.printing("up") + TinyFirmware.halt)
    #expect(session.wait { session.output.contains("up") })
    session.hangUp()
    #expect(session.status() == 129)
  }
}
