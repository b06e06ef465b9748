import ArgumentParser
import Base
import Foundation
import HostSystem
import Service

/// A verb of VBoxManage's grammar: its names, its help, what carries it out. The whole command line is one table of them.
struct Verb: Sendable {
  /// Verbs about images are parsed by ArgumentParser, those about machines by `Words`, as their options demand.
  enum Kind: Sendable {
    case machine(@Sendable (inout Words, Registry) throws -> Answer)
    case command(any ParsableCommand.Type)
  }
  let name: String
  let aliases: [String]
  /// What stands behind the name.
  let usage: String
  let summary: String
  let kind: Kind

  init(
    _ name: String, _ aliases: [String] = [], usage: String, _ summary: String,
    _ run: @escaping @Sendable (inout Words, Registry) throws -> Answer
  ) {
    self.name = name
    self.aliases = aliases
    self.usage = usage
    self.summary = summary
    kind = .machine(run)
  }
  init(_ type: any ParsableCommand.Type) {
    name = type.configuration.commandName ?? ""
    aliases = type.configuration.aliases
    usage = ""
    summary = type.configuration.abstract
    kind = .command(type)
  }

  /// In the order of the help text.
  static let all: [Verb] =
    [
      Verb(RunCommand.self), Verb(ListCPUsCommand.self), Verb(VersionCommand.self),
      ListVerb.verb, InfoVerb.verb, CreateVerb.create, CreateVerb.register, CreateVerb.unregister, CreateVerb.move,
      CloneVerb.verb, ApplianceVerbs.importVerb, ApplianceVerbs.exportVerb,
      ModifyVerb.verb, StorageVerbs.controller, StorageVerbs.attach, PowerVerbs.start, PowerVerbs.control,
      AutostartVerb.verb,
      WebVerb.verb, WebVerb.events,
      SnapshotVerb.verb,
      DataVerbs.discardState, DataVerbs.adoptState, DataVerbs.setProperty, DataVerbs.getExtraData,
      DataVerbs.setExtraData,
      DataVerbs.guestProperty, DataVerbs.sharedFolder, NetworkVerbs.hostOnlyInterface, NetworkVerbs.hostOnlyNetwork,
      NetworkVerbs.natNetwork, NetworkVerbs.dhcpServer, InspectVerbs.bandwidth, MetricsVerb.verb,
      DebugVerb.verb, InspectVerbs.mediumIO, USBFilterVerb.verb, ManualVerbs.completions, ManualVerbs.manual,
      MediumVerbs.close,
      MediumVerbs.property,
      Verb(CreateMediumCommand.self), Verb(CloneMediumCommand.self), Verb(ModifyMediumCommand.self),
      Verb(ShowMediumInfoCommand.self), Verb(ConvertFromRawCommand.self), Verb(CheckMediumCommand.self),
      Verb(MergeMediumCommand.self),
    ] + MissingVerbs.all
  static func named(_ name: String) -> Verb? { all.first { $0.name == name || $0.aliases.contains(name) } }

  static var commands: [any ParsableCommand.Type] {
    all.compactMap { if case .command(let type) = $0.kind { type } else { nil } }
  }
  /// The machine verbs, a line each.
  static var help: String {
    let lines = all.compactMap { verb -> String? in
      guard case .machine = verb.kind else { return nil }
      return "  \(verb.name.padding(toLength: 20, withPad: " ", startingAt: 0))  \(verb.summary)"
    }
    return "Machines that are kept ('ringbox VERB --help' shows the options):\n" + lines.joined(separator: "\n")
  }
  /// What can be said: from the table, or of a verb about images as its parser knows it.
  var usageLine: String {
    guard case .command(let type) = kind else { return "\(Invocation.program) \(name) \(usage)" }
    let line = Ringbox.usageString(for: type).split(separator: "\n").map { $0.drop { $0 == " " } }.joined(
      separator: " ")
    let rest = line.split(separator: " ", maxSplits: 1).last.map(String.init) ?? name
    return "\(Invocation.program) \(rest.hasPrefix("ringbox ") ? String(rest.dropFirst(8)) : rest)"
  }
  var usageText: String { "usage: \(Invocation.program) \(name) \(usage)\n" }
}

/// What a verb has to say: text for people and programs of VirtualBox's, JSON for others.
struct Answer {
  var text = ""
  var json: JSON = ["ok": true]
  /// Exit status.
  var status: Int32 = 0
  static let done = Answer()
}

/// The words behind a verb.
struct Words {
  let verb: String
  private(set) var rest: ArraySlice<String>
  let wantsJSON: Bool

  init(_ verb: String, _ words: [String]) {
    self.verb = verb
    wantsJSON = words.contains("--json")
    rest = words.filter { $0 != "--json" }[...]
  }
  mutating func next() -> String? { rest.popFirst() }
  mutating func next(_ what: String) throws -> String {
    guard let word = rest.popFirst() else { throw Failure.usage("Missing argument: \(what)") }
    return word
  }
  var peek: String? { rest.first }

  /// An option as it is typed.
  struct Option: Sendable {
    /// Without dashes, in lower case.
    var name: String
    var values: [String]
    /// The one value of an option that has one.
    var value: String { values.first ?? "" }
  }
  /// Without any dash and in lower case: all spellings of an option are one.
  static func plain(_ option: String) -> String { option.lowercased().replacing("-", with: "") }

  /// Takes all words apart: options with their values, in order, and the other words. `known` says how many values
  /// follow; their names are plain.
  mutating func parse(_ known: [String: Int], words: ClosedRange<Int>) throws -> (words: [String], options: [Option]) {
    var plain: [String] = [], options: [Option] = []
    while let word = next() {
      guard word.hasPrefix("-"), word.utf8.count > 1 else {
        plain.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let name = Words.plain(parts[0])
      guard let count = known[name] else { throw Failure.usage("Unknown option: \(word)") }
      var values = count > 0 ? parts.dropFirst().map { $0 } : []
      while values.count < count { values.append(try next("value of \(word)")) }
      options.append(Option(name: name, values: values))
    }
    guard plain.count >= words.lowerBound else { throw Failure.usage("Not enough parameters") }
    guard plain.count <= words.upperBound else {
      throw Failure.usage("Invalid parameter '\(plain[words.upperBound])'")
    }
    return (plain, options)
  }
  static func flag(_ text: String, _ option: String) throws -> Bool {
    guard let flag = MachineOption.flag(text) else { throw Failure.usage("Invalid --\(option) argument '\(text)'") }
    return flag
  }
}

/// How this program was called.
enum Invocation {
  /// The name that messages begin with.
  static let program: String = isVBoxManage ? "VBoxManage" : isVBoxHeadless ? "VBoxHeadless" : "ringbox"
  private static let name =
    URL(fileURLWithPath: CommandLine.arguments.first ?? "ringbox").lastPathComponent.lowercased()
  static let isVBoxManage = name == "vboxmanage"
  static let isVBoxHeadless = name == "vboxheadless"
  static let isVBoxAutostart = name == "vboxautostart"

  /// The words without those options that may stand before every verb.
  static func words(_ arguments: [String]) throws -> [String] {
    var rest = arguments[...]
    while let first = rest.first {
      switch first {
      case "-q", "--nologo", "-nologo", "-d", "--detailed-progress": rest.removeFirst()
      case "--settingspw", "--settingspwfile":
        guard rest.count > 1 else { throw Failure.usage("Missing argument: password of \(first)") }
        rest.removeFirst(2)
      case let word where word.hasPrefix("@") && word.utf8.count > 1:
        rest = try ResponseFile.words(String(word.dropFirst())) + rest.dropFirst()
      default: return Array(rest)
      }
    }
    return []
  }
  static let logo = """
    Ringbox Command Line Management Interface Version \(ServiceVersion.compatible)
    Apache-2.0 licensed

    """
}
