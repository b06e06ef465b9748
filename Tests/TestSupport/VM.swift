import Base
import Foundation
import HostSystem

/// A virtual machine in a process of its own, as a user starts it, driven through its control channel.
public final class VM {
  private let process: Process
  private let folder: TemporaryFolder
  public let control: ControlClient

  /// The engine that guests run on unless a test names one: RINGBOX_TEST_ENGINE, when that is set and not empty.
  private static var engine: [String] {
    guard let name = ProcessInfo.processInfo.environment["RINGBOX_TEST_ENGINE"], !name.isEmpty else { return [] }
    return ["--engine", name]
  }

  /// Starts `ringbox run` with `arguments` and a control channel. Unless they say where serial port 0 goes, it is
  /// reached through the control channel only.
  public static func launch(
    arguments: [String], timeout: TimeInterval = 60, prefix: [String] = []
  ) throws -> VM {
    let folder = try TemporaryFolder()
    let socket = folder.name("control")
    let process = Process()
    let serial = arguments.contains("--serial") ? [] : ["--serial", "control"]
    let engine = arguments.contains("--engine") ? [] : VM.engine
    let whole =
      prefix + [try RingboxProgram.path(), "run"] + arguments + serial + engine + ["--control", "unix:\(socket)"]
    process.executableURL = URL(fileURLWithPath: whole[0])
    process.arguments = Array(whole.dropFirst())
    process.standardInput = FileHandle.nowhere
    process.standardOutput = try folder.file("out")
    process.standardError = try folder.file("err")
    try process.run()
    let deadline = Date(timeIntervalSinceNow: timeout)
    while true {
      if let control = try? ControlClient(path: socket) { return VM(process, folder, control) }
      guard process.isRunning, Date() < deadline else {
        let status = RingboxProgram.wait(process, timeout: 0)
        throw ControlClient.Failed(description: "ringbox ended with status \(status): \(folder.text("err"))")
      }
      usleep(5000)
    }
  }

  private init(_ process: Process, _ folder: TemporaryFolder, _ control: ControlClient) {
    self.process = process
    self.folder = folder
    self.control = control
  }
  deinit {
    if process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }

  public var processID: Int32 { process.processIdentifier }
  /// What the process has written so far to standard output and error.
  public var output: String { folder.text("out") }
  public var errors: String { folder.text("err") }

  // MARK: Serial ports

  /// Waits until the port prints `text`; every wait goes on where the one before found its text.
  public func waitForSerial(_ text: String, timeout: TimeInterval = 60, port: Int = 0) throws {
    do {
      try wait(text, "serial\(port)", timeout)
    } catch let error as ControlClient.Failed {
      throw ControlClient.Failed(
        description: "\(error)\n--- serial\(port):\n\(serialText(port: port).suffix(2000))\n\(activity)")
    }
  }
  public func typeSerial(_ text: String, port: Int = 0) throws {
    try control.command("serial-write", ["port": "serial\(port)", "text": .string(text)])
  }
  /// What the scrollback of a port holds.
  public func serialText(port: Int = 0) -> String {
    let reply = try? control.command(
      "serial-read", ["port": "serial\(port)", "from": 0, "limit": .integer(1 << 18)])
    return reply?["text"]?.string ?? ""
  }

  // MARK: Screen, keyboard, mouse

  public func waitForScreen(_ text: String, timeout: TimeInterval = 60) throws {
    do {
      try wait(text, "screen", timeout)
    } catch let error as ControlClient.Failed {
      throw ControlClient.Failed(description: "\(error)\n--- screen:\n\((try? screenText()) ?? "")\n\(activity)")
    }
  }
  /// The text screen, a line a row; empty in graphics modes.
  public func screenText() throws -> String {
    let rows = try control.command("screen-text")["rows"]?.array ?? []
    return rows.map { row in
      var row = Substring(row.string ?? "")
      while row.last == " " { row.removeLast() }
      return String(row)
    }.joined(separator: "\n")
  }
  public func type(_ text: String) throws {
    try control.command("type", ["text": .string(text)], timeout: 60 + Double(text.count) / 20)
  }
  /// Presses keys or chords one after the other: "down", "ctrl-alt-delete".
  public func keys(_ names: String...) throws {
    try control.command("keys", ["keys": .array(names.map { .string($0) })])
  }
  public func mouse(dx: Int = 0, dy: Int = 0, buttons: [String] = []) throws {
    try control.command(
      "mouse",
      [
        "dx": .integer(Int64(dx)), "dy": .integer(Int64(dy)), "buttons": .array(buttons.map { .string($0) }),
      ])
  }
  /// The display as a PNG file.
  public func screenshot() throws -> [UInt8] {
    let path = folder.name("screen.png")
    try control.command("screenshot", ["path": .string(path)])
    return folder.bytes("screen.png")
  }
  public func readMemory(_ address: UInt64, count: Int) throws -> [UInt8] {
    let reply = try control.command(
      "read-memory", ["address": .string("0x" + String(address, radix: 16)), "count": .integer(Int64(count))])
    let digits = Array((reply["hex"]?.string ?? "").utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
    }
  }

  /// What the machine does, for the report of a test that waited in vain: its processors at five moments, and where its
  /// interrupts have got to.
  public var activity: String {
    var lines = ["--- activity:"]
    for _ in 0..<5 {
      if let reply = try? control.command("statistics") { lines.append(reply["statistics"]?["cpus"]?.text ?? "") }
      usleep(50_000)
    }
    for name in ["apic0", "ioapic", "i8259", "hpet"] {
      if let reply = try? control.command("device-info", ["name": .string(name)]) {
        lines.append(reply["info"]?.string ?? "")
      }
    }
    return lines.joined(separator: "\n")
  }

  // MARK: Life

  public func signal(_ number: Int32) { kill(process.processIdentifier, number) }
  /// Ends the machine and returns its exit status.
  @discardableResult
  public func quit(timeout: TimeInterval = 60) throws -> Int32 {
    try control.command("quit")
    return try waitForExit(timeout: timeout)
  }
  /// Waits until the process has ended by itself.
  public func waitForExit(timeout: TimeInterval = 60) throws -> Int32 {
    let deadline = Date(timeIntervalSinceNow: timeout)
    while process.isRunning {
      guard Date() < deadline else {
        throw ControlClient.Failed(description: "the machine is still running after \(timeout) s")
      }
      usleep(2000)
    }
    return RingboxProgram.wait(process, timeout: 1)
  }

  private func wait(_ text: String, _ place: String, _ timeout: TimeInterval) throws {
    try control.command(
      "wait-for-text", ["text": .string(text), "where": .string(place), "timeout": .number(timeout)],
      timeout: timeout + 10)
  }
}
