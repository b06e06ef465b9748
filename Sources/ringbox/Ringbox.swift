import ArgumentParser
import Base
import Foundation
import HostSystem

/// The command line. Its own part is to understand what is asked for; running a guest is `ringbox-vm`'s.
@main struct Ringbox: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ringbox", abstract: "Runs x86 virtual machines, in software and without privileges.",
    version: Version.text,
    subcommands: [
      RunCommand.self, ListCPUsCommand.self, VersionCommand.self, CreateMediumCommand.self, CloneMediumCommand.self,
      ModifyMediumCommand.self, ShowMediumInfoCommand.self, CloseMediumCommand.self, ConvertFromRawCommand.self,
      CheckMediumCommand.self, MergeMediumCommand.self,
    ])

  /// Exit statuses of the command line itself; those of a run are in docs/command-line.md.
  enum Status {
    static let failure: Int32 = 1
    static let usage: Int32 = 2
  }

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as Failure {
      fail(failure.description, status: failure.status)
    } catch {
      // Help and version texts arrive as errors as well.
      guard exitCode(for: error) != .success else { exit(withError: error) }
      fail(unknownCommand ?? message(for: error), status: Status.usage)
    }
  }

  /// What to say when the first word is no command.
  private static var unknownCommand: String? {
    guard let word = CommandLine.arguments.dropFirst().first, !word.hasPrefix("-") else { return nil }
    let names =
      configuration.subcommands.flatMap { [$0.configuration.commandName].compactMap { $0 } + $0.configuration.aliases }
      + ["help"]
    guard !names.contains(word) else { return nil }
    let hint = NearestMatch.find(word, among: names).map { "; did you mean '\($0)'?" } ?? ""
    return "unknown command '\(word)'\(hint) (there are: \(names.joined(separator: ", ")))"
  }

  /// One line on standard error, and the end.
  private static func fail(_ text: String, status: Int32) -> Never {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    FileHandle.standardError.write(Data("ringbox: \(line)\n".utf8))
    Foundation.exit(status)
  }
}

/// Why the command line gave up.
struct Failure: Error, CustomStringConvertible {
  let description: String
  let status: Int32
  static func usage(_ text: String) -> Failure { Failure(description: text, status: Ringbox.Status.usage) }
  static func failure(_ text: String) -> Failure { Failure(description: text, status: Ringbox.Status.failure) }
}

/// The version of the whole package.
enum Version {
  static let text = "0.1.0"
}

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Shows the version.")
  func run() throws { print("ringbox \(Version.text)") }
}

struct ListCPUsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list-cpus", abstract: "Lists the CPU profiles for run --cpu.")
  @Flag(help: "As one line of JSON.") var json = false
  func run() throws { throw try Launcher().replace(["--list-cpus"] + (json ? ["--json"] : [])) }
}
