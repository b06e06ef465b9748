import Foundation

/// A desktop of its own with a window manager, whose picture is a file in the format of xwd.
public final class Desktop {
  public let display: String
  private let process = Process()
  private let manager = Process()
  private let folder: TemporaryFolder

  public init(_ folder: TemporaryFolder) throws {
    self.folder = folder
    let number = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "Xvfb", "-screen", "0", "1280x1024x24", "-fbdir", folder.path, "-displayfd", "1", "-nolisten", "tcp",
    ]
    process.standardOutput = number
    process.standardError = FileHandle.nowhere
    try process.run()
    var text = ""
    while !text.hasSuffix("\n") {
      let more = number.fileHandleForReading.availableData
      guard !more.isEmpty else { throw Shell.Failed(description: "Xvfb does not start") }
      text += String(decoding: more, as: UTF8.self)
    }
    display = ":" + text.trimmingCharacters(in: .whitespacesAndNewlines)
    manager.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    manager.arguments = ["HOME=\(folder.path)", "DISPLAY=\(display)", "openbox"]
    manager.standardOutput = FileHandle.nowhere
    manager.standardError = FileHandle.nowhere
    try manager.run()
    // A window that comes while the manager starts may be left unseen.
    let deadline = Date(timeIntervalSinceNow: 60)
    while (try? tool(["get_num_desktops"])) == nil {
      guard Date() < deadline else { throw Shell.Failed(description: "openbox does not start") }
      usleep(20_000)
    }
  }
  /// Nobody has to be waited for: nothing of theirs is kept.
  deinit {
    kill(manager.processIdentifier, SIGKILL)
    kill(process.processIdentifier, SIGKILL)
  }

  /// Carries out a command of xdotool's; what it prints.
  @discardableResult
  public func tool(_ words: [String]) throws -> String {
    try Shell.run("/usr/bin/env", ["DISPLAY=\(display)", "xdotool"] + words)
  }
  /// The windows whose titles match, by their numbers.
  public func windows(_ title: String) -> [String] {
    let list = try? Shell.run(
      "/usr/bin/env", ["DISPLAY=\(display)", "xdotool", "search", "--onlyvisible", "--name", title], accepted: [0, 1])
    return (list ?? "").split(separator: "\n").map(String.init)
  }
  public func waitForWindow(_ title: String, seconds: TimeInterval = 60) throws -> String {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline {
      if let window = windows(title).first { return window }
      usleep(50_000)
    }
    throw Shell.Failed(description: "no window '\(title)'")
  }
  /// Place and size of a window.
  public func geometry(_ window: String) throws -> (x: Int, y: Int, width: Int, height: Int) {
    let text = try tool(["getwindowgeometry", "--shell", window])
    func value(_ name: String) -> Int {
      text.split(separator: "\n").first { $0.hasPrefix("\(name)=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
        ?? 0
    }
    return (value("X"), value("Y"), value("WIDTH"), value("HEIGHT"))
  }
  /// The whole picture, as XWDFile.h has it.
  public var screen: [UInt8] { folder.bytes("Xvfb_screen0") }

  /// A program on this desktop, with what it says in a file of the folder.
  public func launch(_ words: [String], log: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["HOME=\(folder.path)", "DISPLAY=\(display)"] + words
    let output = try folder.file(log)
    process.standardOutput = output
    process.standardError = output
    try process.run()
    return process
  }
  /// What is in the clipboard, as text; nil when there is none.
  public var clipboard: String? {
    try? Shell.run(
      "/usr/bin/env",
      ["DISPLAY=\(display)", "timeout", "5", "xclip", "-selection", "clipboard", "-t", "UTF8_STRING", "-o"])
  }
  /// Copies a text, as a program of this desktop does, which has it until another copies something.
  public func copy(_ text: String) throws {
    let name = try folder.write("copied", Array(text.utf8))
    _ = try launch(["xclip", "-quiet", "-selection", "clipboard", "-t", "UTF8_STRING", "-i", name], log: "xclip.out")
  }
}
