import Foundation

/// One file of `Tests/Guests`: its header, and the flat binary that the GNU assembler makes of it.
struct GuestProgram {
  /// The JSON object in the file's leading comment. See Tests/Guests/README.md.
  struct Header: Decodable {
    var description: String
    var spec: String
    /// "real", "protected" or "long": which include starts the guest.
    var mode: String
    /// `--cpu` argument.
    var cpu: String?
    var cpus: Int?
    /// In MiB.
    var memory: Int?
    /// "passed" (default), "shutdown" (triple fault) or a number written to the exit port.
    var exit: String?
    /// Seconds.
    var timeout: Double?
    /// Checks that the guest must at least have made (default 1; 0 with "shutdown").
    var checks: Int?
    /// Physical address in hexadecimal to bytes in hexadecimal, compared at the end.
    var bytes: [String: String]?
    /// Needs of the host: CPU features by CPUID name; without them the guest is skipped.
    var needs: [String]?
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let source: URL
  let header: Header
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Guests")

  init(source: URL) throws {
    self.source = source
    var json = ""
    for line in try String(contentsOf: source, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
    {
      guard line.hasPrefix("#") else { break }
      json += line.dropFirst() + "\n"
      if line == "# }" { break }
    }
    do {
      header = try JSONDecoder().decode(Header.self, from: Data(json.utf8))
    } catch {
      throw Failure(description: "header: \(error)")
    }
  }

  /// The guests of one topic, by name.
  static func sources(in topic: String) throws -> [URL] {
    let only = ProcessInfo.processInfo.environment["GUEST"]
    return try FileManager.default.contentsOfDirectory(
      at: folder.appendingPathComponent(topic), includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "s" && (only == nil || $0.lastPathComponent.hasPrefix(only ?? "")) }
      .sorted { $0.path < $1.path }
  }

  // MARK: Assembling

  /// The flat binary, from `.build/guests` when it is newer than all of its sources.
  func binary() throws -> [UInt8] {
    let includes = GuestProgram.folder.appendingPathComponent("include")
    let inputs = ["common", header.mode].map { includes.appendingPathComponent($0 + ".inc") } + [source]
    let cache = GuestProgram.folder.deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent(".build/guests")
    try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    let name =
      source.deletingLastPathComponent().lastPathComponent + "-" + source.deletingPathExtension().lastPathComponent
    let object = cache.appendingPathComponent(name + ".o"), output = cache.appendingPathComponent(name + ".bin")
    // Any include may be included by another.
    let every = try FileManager.default.contentsOfDirectory(at: includes, includingPropertiesForKeys: nil) + [source]
    let newest = try every.map(GuestProgram.modified).max() ?? .distantFuture
    if let built = try? GuestProgram.modified(output), built > newest { return try [UInt8](Data(contentsOf: output)) }
    try GuestProgram.run("/usr/bin/as", ["--64", "-I", includes.path, "-o", object.path] + inputs.map(\.path))
    try GuestProgram.run(
      "/usr/bin/ld", ["-N", "-Ttext=0x7c00", "-e", "_start", "--oformat", "binary", "-o", output.path, object.path])
    return try [UInt8](Data(contentsOf: output))
  }

  private static func modified(_ url: URL) throws -> Date {
    try FileManager.default.attributesOfItem(atPath: url.path)[.modificationDate] as? Date ?? .distantPast
  }

  private static func run(_ tool: String, _ arguments: [String]) throws {
    let process = Process(), errors = Pipe()
    process.executableURL = URL(fileURLWithPath: tool)
    process.arguments = arguments
    process.standardError = errors
    try process.run()
    let text = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    if process.terminationStatus != 0 {
      throw Failure(description: "\(tool): " + String(decoding: text.prefix(2000), as: UTF8.self))
    }
  }
}
