import Foundation

/// Where the built programs are, and running them.
public enum RingboxProgram {
  /// What a finished program left behind.
  public struct Result: Sendable {
    /// Exit status, or 128 + N when signal N killed it.
    public var status: Int32
    public var output: String
    public var errors: String
  }
  public struct Missing: Error, CustomStringConvertible {
    public var description: String
  }

  /// The `ringbox` program: RINGBOX_BIN (the file or its folder), else next to the running tests.
  public static func path() throws -> String {
    let files = FileManager.default
    var places: [String] = []
    if let named = ProcessInfo.processInfo.environment["RINGBOX_BIN"] { places += [named + "/ringbox", named] }
    if let own = try? files.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
      places.append((own as NSString).deletingLastPathComponent + "/ringbox")
    }
    places += CommandLine.arguments.map { ($0 as NSString).deletingLastPathComponent + "/ringbox" }
    places += [".build/release/ringbox", ".build/debug/ringbox"]
    for place in places {
      var isFolder: ObjCBool = false
      if files.fileExists(atPath: place, isDirectory: &isFolder), !isFolder.boolValue { return place }
    }
    throw Missing(description: "no ringbox program in \(places); build it or set RINGBOX_BIN")
  }

  /// Runs `ringbox` to its end. `prefix` is a program to run it under, with its arguments.
  public static func run(
    _ arguments: [String], input: String = "", prefix: [String] = [], environment: [String: String]? = nil,
    program: String? = nil, timeout: TimeInterval = 60
  ) throws -> Result {
    let folder = try TemporaryFolder()
    let process = Process()
    let whole = prefix + [try program ?? path()] + arguments
    process.executableURL = URL(fileURLWithPath: whole[0])
    process.arguments = Array(whole.dropFirst())
    if let environment { process.environment = environment }
    process.standardInput = try folder.file("in", contents: input, reading: true)
    process.standardOutput = try folder.file("out")
    process.standardError = try folder.file("err")
    try process.run()
    let status = wait(process, timeout: timeout)
    return Result(status: status, output: folder.text("out"), errors: folder.text("err"))
  }

  /// Waits for the end; a program that does not come to it is killed (status 137).
  static func wait(_ process: Process, timeout: TimeInterval) -> Int32 {
    let deadline = Date(timeIntervalSinceNow: timeout)
    while process.isRunning {
      if Date() > deadline { kill(process.processIdentifier, SIGKILL) }
      usleep(2000)
    }
    process.waitUntilExit()
    return process.terminationReason == .uncaughtSignal
      ? 128 + process.terminationStatus : process.terminationStatus
  }
}

/// A folder that vanishes with the object.
public final class TemporaryFolder {
  public let path: String
  public init() throws {
    path = NSTemporaryDirectory() + "ringbox-test-\(getpid())-\(UInt32.random(in: 0...(.max)))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  public func name(_ file: String) -> String { "\(path)/\(file)" }
  /// Creates a file and opens it.
  public func file(_ name: String, contents: String = "", reading: Bool = false) throws -> FileHandle {
    let path = self.name(name)
    try Data(contents.utf8).write(to: URL(fileURLWithPath: path))
    let handle = reading ? FileHandle(forReadingAtPath: path) : FileHandle(forWritingAtPath: path)
    guard let handle else { throw CocoaError(.fileNoSuchFile) }
    return handle
  }
  @discardableResult
  public func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: self.name(name)))
    return self.name(name)
  }
  public func bytes(_ name: String) -> [UInt8] {
    (FileManager.default.contents(atPath: self.name(name)).map(Array.init)) ?? []
  }
  public func text(_ name: String) -> String { String(decoding: bytes(name), as: UTF8.self) }
  /// Names of what is in the folder, sorted.
  public var entries: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

extension Process {
  /// Ends a program that a test has started, whatever it is doing: SIGTERM is blocked on the threads that tests run on, and
  /// so in what they start.
  public func end() {
    guard isRunning else { return }
    kill(processIdentifier, SIGKILL)
    waitUntilExit()
  }
}
