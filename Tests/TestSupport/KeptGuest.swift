import Base
import Foundation

/// The guest of a kept machine that runs, by the machine's control channel and its first serial port.
public struct KeptGuest {
  /// Every further command.
  public let control: ControlClient

  /// Waits until the guest has said `text` on its serial port, after what the last wait found.
  public func wait(_ text: String, _ seconds: TimeInterval = 60) throws {
    try control.command(
      "wait-for-text",
      ["text": .string(text), "where": "serial0", "timeout": .integer(Int64(seconds))], timeout: seconds + 10)
  }
  /// Types a line.
  public func type(_ line: String) throws {
    try control.command("serial-write", ["port": "serial0", "text": .string(line + "\n")])
  }
  /// Types a line, and waits for what it says: a shell's words, not its echo of the line.
  public func type(_ line: String, until text: String, _ seconds: TimeInterval = 60) throws {
    try type(line)
    try wait(text, seconds)
  }
}

extension KeptMachines {
  /// Starts a machine; `boot` is what comes before its guest can be spoken to, unless the machine was saved.
  public func start(_ name: String, boot: (KeptGuest) throws -> Void) throws -> KeptGuest {
    let isSaved = try info(name, "VMState") == "saved"
    _ = try output(["startvm", name, "--type", "headless"])
    let guest = try guest(name)
    if !isSaved { try boot(guest) }
    return guest
  }
  /// The guest of a machine that runs.
  public func guest(_ name: String) throws -> KeptGuest {
    KeptGuest(control: try ControlClient(path: folder.name("run/ringbox/\(try info(name, "UUID") ?? "").sock")))
  }
  /// Switches a machine off.
  public func stop(_ name: String) throws { _ = try output(["controlvm", name, "poweroff"]) }
}
