import Foundation

/// Other programs.
public enum Shell {
  public struct Failed: Error, CustomStringConvertible {
    public let description: String
    public init(description: String) { self.description = description }
  }

  /// Runs a program to its end and returns what it printed; throws when its status is not in `accepted`.
  @discardableResult
  public static func run(
    _ program: String, _ arguments: [String], accepted: Set<Int32> = [0]
  ) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard accepted.contains(process.terminationStatus) else {
      throw Failed(description: "\(program) \(arguments): status \(process.terminationStatus)\n\(output)")
    }
    return output
  }
}
