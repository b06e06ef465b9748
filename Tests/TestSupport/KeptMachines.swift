import Base
import Foundation

/// A registry of machines of its own, used through the command line as VBoxManage's clients use it.
public final class KeptMachines {
  public let folder: TemporaryFolder
  public let environment: [String: String]

  public init() throws {
    folder = try TemporaryFolder()
    let target = try RingboxProgram.path()
    let whole = target.hasPrefix("/") ? target : FileManager.default.currentDirectoryPath + "/" + target
    for name in ["VBoxManage", "VBoxAutostart"] {
      try FileManager.default.createSymbolicLink(atPath: folder.name(name), withDestinationPath: whole)
    }
    environment = [
      "HOME": folder.path, "VBOX_USER_HOME": folder.name("home"), "XDG_RUNTIME_DIR": folder.name("run"),
      // A service that nobody needs any more shall not outlive its test for long.
      "RINGBOXD_GRACE": "2",
      "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
    ]
    try FileManager.default.createDirectory(atPath: folder.name("run"), withIntermediateDirectories: true)
  }
  /// Nothing may run on when the test is over.
  deinit {
    let running = (try? manage(["list", "runningvms", "--json"]))?.output ?? ""
    for machine in (try? JSON(parsing: running))?.array ?? [] {
      _ = try? manage(["controlvm", machine["uuid"]?.string ?? "", "poweroff"])
    }
  }

  /// Runs `VBoxManage`, or the program under another name, with these words.
  public func manage(
    _ words: [String], as name: String = "VBoxManage", timeout: TimeInterval = 60
  ) throws -> RingboxProgram.Result {
    try RingboxProgram.run(words, environment: environment, program: folder.name(name), timeout: timeout)
  }
  /// The same for what must succeed: its output.
  public func output(_ words: [String], timeout: TimeInterval = 60) throws -> String {
    let result = try manage(words, timeout: timeout)
    guard result.status == 0, !result.errors.contains("error:") else {
      throw ControlClient.Failed(description: "\(words): status \(result.status): \(result.errors)")
    }
    return result.output
  }
  /// The value of a key of `showvminfo --machinereadable`.
  public func info(_ machine: String, _ key: String) throws -> String? {
    let lines = try output(["showvminfo", machine, "--machinereadable"]).split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix("\(key)=") }) else { return nil }
    let value = line.dropFirst(key.count + 1)
    return value.hasPrefix("\"") ? String(value.dropFirst().dropLast()) : String(value)
  }
  /// The process of `program` that has a file open in the runtime folder whose name contains `name`: a machine's by its
  /// lock, the service by its own. Others open locks for a moment, to see whether somebody has them.
  public func process(of program: String, holding name: String) throws -> Int32 {
    let files = FileManager.default
    for number in try files.contentsOfDirectory(atPath: "/proc") {
      guard let pid = Int32(number), pid != getpid(),
        (try? String(contentsOfFile: "/proc/\(number)/comm", encoding: .utf8)) == program + "\n"
      else { continue }
      let open = (try? files.contentsOfDirectory(atPath: "/proc/\(number)/fd")) ?? []
      let targets = open.compactMap { try? files.destinationOfSymbolicLink(atPath: "/proc/\(number)/fd/\($0)") }
      if targets.contains(where: { $0.hasPrefix(folder.name("run/")) && $0.contains(name) }) { return pid }
    }
    throw ControlClient.Failed(description: "nobody has '\(name)' open in \(folder.name("run"))")
  }
  /// Waits until the machine is in this state.
  public func waitForState(_ machine: String, _ state: String, timeout: TimeInterval) throws {
    let deadline = Date(timeIntervalSinceNow: timeout)
    while true {
      let found = try info(machine, "VMState")
      if found == state { return }
      guard Date() < deadline else {
        throw ControlClient.Failed(description: "\(machine) is \(found ?? "nothing"), not \(state)")
      }
      usleep(50_000)
    }
  }
}
