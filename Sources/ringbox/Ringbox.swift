import ArgumentParser
import Base
import Foundation
import HostSystem
import Service

/// The command line. Its own part is to understand what is asked for; running a guest is `ringbox-vm`'s.
@main struct Ringbox: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ringbox", abstract: "Runs x86 virtual machines, in software and without privileges.",
    discussion: Verb.help, version: Version.text, subcommands: Verb.commands)

  /// Exit statuses of the command line itself; those of a run are in docs/command-line.md.
  enum Status {
    static let failure: Int32 = 1
    static let usage: Int32 = 2
  }

  static func main() {
    var verb: Verb?
    var wantsJSON = false
    do {
      let words = try Invocation.words(Array(CommandLine.arguments.dropFirst()))
      verb = words.first.flatMap(Verb.named)
      if Invocation.isVBoxHeadless { try PowerVerbs.headless(words) }
      if Invocation.isVBoxAutostart { try AutostartVerb.program(words) }
      if Invocation.isVBoxManage, try answerAsVBoxManage(words) { return }
      wantsJSON = words.contains("--json")
      if let verb, case .machine(let run) = verb.kind { try perform(verb, run, Array(words.dropFirst())) }
      var command = try parseAsRoot(words)
      try command.run()
    } catch let failure as Failure {
      if wantsJSON { tell(failure) } else if failure.isSyntax { tellUsage(verb) }
      fail(failure.description, status: failure.status)
    } catch let error as ServiceError {
      if wantsJSON { tell(error) }
      fail(error)
    } catch {
      // Help and version texts arrive as errors as well.
      guard exitCode(for: error) != .success else { exit(withError: error) }
      let text = unknownCommand ?? message(for: error)
      if wantsJSON { tell(Failure.usage(text)) } else { tellUsage(verb) }
      fail(text, status: Status.usage)
    }
  }

  private static func perform(
    _ verb: Verb, _ run: (inout Words, Registry) throws -> Answer, _ words: [String]
  ) throws -> Never {
    if words.first.map({ ["help", "--help", "-h", "-help"].contains($0) }) == true {
      print(verb.helpText, terminator: "")
      Foundation.exit(0)
    }
    var rest = Words(verb.name, words)
    let registry = Registry(home: try ServiceHome())
    registry.settleUnfinished()
    let answer = try run(&rest, registry)
    if rest.wantsJSON { print(answer.json.text) } else { print(answer.text, terminator: "") }
    Foundation.exit(answer.status)
  }

  /// Whoever reads the answer as JSON reads the error so as well; people find it on standard error, as ever.
  private static func tell(_ error: any Error) { print((["error": json(error)] as JSON).text) }
  /// VBoxManage's users see what could have been said before what is wrong with what was.
  private static func tellUsage(_ verb: Verb?) {
    guard Invocation.isVBoxManage, let verb else { return }
    FileHandle.standardError.write(Data("Usage:\n\n\(verb.usageLine)\n\n".utf8))
  }
  private static func json(_ error: any Error) -> JSON {
    guard let error = error as? ServiceError else { return ["text": .string("\(error)")] }
    return [
      "code": .string(error.code.rawValue), "number": .integer(Int64(error.code.number)), "text": .string(error.text),
      "interface": .string(error.subject.rawValue),
    ]
  }

  /// What VBoxManage says without a verb. True when that was all.
  private static func answerAsVBoxManage(_ words: [String]) throws -> Bool {
    switch words.first {
    case "--version", "-v", "-V": print(ServiceVersion.compatible)
    case "--dump-build-type": print("release")
    case nil, "help", "--help", "-h", "commands":
      print(Invocation.logo + Verb.all.map(\.usageText).joined(), terminator: "")
    default: return false
    }
    return true
  }

  /// What to say when the first word is no command.
  private static var unknownCommand: String? {
    guard let word = CommandLine.arguments.dropFirst().first, !word.hasPrefix("-") else { return nil }
    let names = Verb.all.flatMap { [$0.name] + $0.aliases } + ["help"]
    guard !names.contains(word) else { return nil }
    if Invocation.isVBoxManage { return "Invalid command '\(word)'" }
    let hint = NearestMatch.find(word, among: names).map { "; did you mean '\($0)'?" } ?? ""
    return "unknown command '\(word)'\(hint) (there are: \(names.joined(separator: ", ")))"
  }

  /// One line on standard error, and the end.
  private static func fail(_ text: String, status: Int32) -> Never {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    let mark = Invocation.program == "ringbox" ? "ringbox" : "\(Invocation.program): error"
    FileHandle.standardError.write(Data("\(mark): \(line)\n".utf8))
    Foundation.exit(status)
  }
  /// The service's errors have a second line, by which clients tell them apart.
  private static func fail(_ error: ServiceError) -> Never {
    let mark = "\(Invocation.program): error: "
    let line = error.text.split(whereSeparator: \.isNewline).joined(separator: " ")
    FileHandle.standardError.write(Data("\(mark)\(line)\n\(mark)\(error.details)\n".utf8))
    Foundation.exit(Status.failure)
  }
}

/// Why the command line gave up.
struct Failure: Error, CustomStringConvertible {
  let description: String
  let status: Int32
  /// Whoever said it would like to know what can be said.
  var isSyntax = false
  static func usage(_ text: String) -> Failure {
    Failure(description: text, status: Ringbox.Status.usage, isSyntax: true)
  }
  /// Well said, but not to be done; the status is that of wrong usage, because VBoxManage's is.
  static func refused(_ text: String) -> Failure { Failure(description: text, status: Ringbox.Status.usage) }
  static func failure(_ text: String) -> Failure { Failure(description: text, status: Ringbox.Status.failure) }
}

/// The version of the whole package.
enum Version {
  static let text = ServiceVersion.text
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
