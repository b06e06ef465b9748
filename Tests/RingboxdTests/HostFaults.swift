import Foundation
import TestSupport

/// Ends programs under test in front of the Nth call that changes files below a folder: `Tests/HostFaults/kill-at.c`.
enum HostFaults {
  private static func file(_ folder: TemporaryFolder) -> String { folder.name("kill-at") }

  /// What programs must have in their environment; compiles what is preloaded.
  static func environment(_ folder: TemporaryFolder) throws -> [String: String] {
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("HostFaults/kill-at.c").path
    let library = folder.name("kill-at.so")
    // Swift brings the first; a system may have only the other.
    for compiler in ["clang", "cc"] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", library, source]
      try process.run()
      process.waitUntilExit()
      if process.terminationStatus == 0 { break }
    }
    guard FileManager.default.fileExists(atPath: library) else {
      throw ServiceUnderTest.Failed("no compiler for \(source)")
    }
    return ["LD_PRELOAD": library, "RINGBOX_KILL_AT": file(folder)]
  }
  /// From now on `program` ends in front of its `call`th call, counted from 1, that changes a file below `path`. Only
  /// programs that have not been told anything yet listen.
  static func arm(_ folder: TemporaryFolder, _ program: String, call: Int, below path: String) throws {
    let whole = folder.name("kill-at.new")
    try "\(program)\n\(call)\n\(path)/\n".write(toFile: whole, atomically: false, encoding: .utf8)
    guard rename(whole, file(folder)) == 0 else { throw ServiceUnderTest.Failed("cannot write \(whole)") }
  }
  static func disarm(_ folder: TemporaryFolder) { unlink(file(folder)) }
  /// How many calls there were, when the program that was told to end came to its end before.
  static func count(_ folder: TemporaryFolder) -> Int? {
    Int(folder.text("kill-at.count").trimmingCharacters(in: .whitespacesAndNewlines))
  }
}
