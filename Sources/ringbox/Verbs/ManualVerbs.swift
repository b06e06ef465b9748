import ArgumentParser
import Base
import Foundation
import Service

/// What the table of verbs says to shells and to readers: completions and manual pages.
enum ManualVerbs {
  static let completions = Verb(
    "completions", usage: "bash|zsh|fish", "Writes the completions of a shell to standard output."
  ) { words, _ in
    let (shells, _) = try words.parse([:], words: 1...1)
    let text: String
    switch shells[0] {
    case "bash": text = Completions.bash
    case "zsh": text = Completions.zsh
    case "fish": text = Completions.fish
    default: throw Failure.usage("Invalid parameter '\(shells[0])' (there are: bash, zsh, fish)")
    }
    return Answer(text: text, json: ["shell": .string(shells[0]), "text": .string(text)])
  }

  static let manual = Verb(
    "man", usage: "[VERB] [--folder FOLDER]", "Writes a manual page, or all of them into a folder."
  ) { words, _ in
    let (names, options) = try words.parse(["folder": 1], words: 0...1)
    if let folder = options.last?.value {
      var written: [JSON] = []
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for (name, text) in ManualPage.all {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).1"))
        written.append(.string("\(name).1"))
      }
      return Answer(json: .array(written))
    }
    guard let name = names.first else {
      return Answer(text: ManualPage.overview, json: ["text": .string(ManualPage.overview)])
    }
    guard let verb = Verb.named(name) else { throw Failure.usage("Invalid command '\(name)'") }
    let text = ManualPage.page(verb)
    return Answer(text: text, json: ["text": .string(text)])
  }
}

extension MachineOption {
  /// The option with what follows it, as help texts show it.
  var synopsis: String {
    let suffix = numbers.map { "<\($0.lowerBound)-\($0.upperBound)>" } ?? ""
    return "--\(dashed)\(suffix)" + (valueCount == 0 ? "" : " \(values)")
  }
}

extension Verb {
  /// What `VERB --help` says.
  var helpText: String {
    guard name == ModifyVerb.verb.name else { return usageText }
    return usageText + "\n" + MachineOption.all.map { "  \($0.synopsis)\n        \($0.meaning)\n" }.joined()
      + "\nDashes inside an option's name may be left out.\n"
  }
  /// Every option with two dashes.
  var options: [String] {
    switch kind {
    case .command(let type):
      // Only lines that begin with an option tell of one; texts may name those of other commands.
      let lines = type.helpMessage(columns: 4000).split(separator: "\n").map { $0.drop { $0 == " " } }
      return lines.flatMap { line in
        line.hasPrefix("-") ? Verb.options(in: String(line.prefix(while: { $0 != "<" }))).prefix(1) : []
      }
    case .machine:
      guard name == ModifyVerb.verb.name else { return Verb.options(in: usage) + ["--json"] }
      return MachineOption.all.flatMap { option in
        // Of cards that only one chipset has, the first eight are enough.
        let names = option.names[0] == option.dashed ? option.names : [option.dashed] + option.names
        return names.flatMap { name in option.numbers.map { $0.prefix(8).map { "--\(name)\($0)" } } ?? ["--\(name)"] }
      } + ["--json"]
    }
  }
  private static func options(in text: String) -> [String] {
    var found: [String] = []
    for word in text.split(whereSeparator: { " []|,.;'()\n".contains($0) }) where word.hasPrefix("--") {
      let name = "--" + word.dropFirst(2).prefix { $0.isLowercase || $0.isNumber || $0 == "-" }
      if name.utf8.count > 2, !found.contains(name) { found.append(name) }
    }
    return found
  }
  /// Words in the usage that stand for themselves: `take`, `restore`, ...
  var subcommands: [String] {
    guard case .machine = kind else { return [] }
    var found: [String] = []
    for part in usage.split(separator: " ") where !part.hasPrefix("[") && !part.hasPrefix("-") {
      for word in part.split(separator: "|") {
        let plain = word.prefix { $0.isLowercase || $0.isNumber || $0 == "-" }
        // A number belongs to the word.
        let isNumbered = word.hasSuffix("<N>")
        let words = isNumbered ? (1...4).map { "\(plain)\($0)" } : [String(plain)]
        guard plain.count > 2, plain.count == word.count - (isNumbered ? 3 : 0) else { continue }
        for word in words where !found.contains(word) { found.append(word) }
      }
    }
    return found
  }
  /// The first word is the name of a machine.
  var takesMachine: Bool { usage.hasPrefix("NAME") }
}

enum Completions {
  private static var names: [String] { Verb.all.flatMap { [$0.name] + $0.aliases } }

  /// Machines are asked for when they are wanted, so that the list is never old.
  private static let machines = "ringbox list vms 2>/dev/null | sed -n 's/^\"\\(.*\\)\" {.*/\\1/p'"

  static var bash: String {
    let cases = Verb.all.map { verb in
      let words = (verb.subcommands + verb.options).joined(separator: " ")
      return
        "    \(([verb.name] + verb.aliases).joined(separator: "|"))) words='\(words)'; machines=\(verb.takesMachine ? 1 : 0) ;;"
    }
    return """
      # Completions of ringbox for bash, made from its table of verbs.
      _ringbox() {
        local current=${COMP_WORDS[COMP_CWORD]} words='' machines=0 line
        COMPREPLY=()
        if [ "$COMP_CWORD" -eq 1 ]; then
          COMPREPLY=($(compgen -W '\(names.joined(separator: " ")) help' -- "$current"))
          return
        fi
        case ${COMP_WORDS[1]} in
      \(cases.joined(separator: "\n"))
        esac
        COMPREPLY=($(compgen -W "$words" -- "$current"))
        if [ "$machines" -eq 1 ] && [ "$COMP_CWORD" -eq 2 ]; then
          while IFS= read -r line; do
            [[ $line == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$line")")
          done < <(\(machines))
        fi
        if [ "${#COMPREPLY[@]}" -eq 0 ]; then
          compopt -o default 2>/dev/null
        fi
      }
      complete -F _ringbox ringbox VBoxManage vboxmanage

      """
  }

  static var zsh: String {
    let verbs = Verb.all.flatMap { verb in
      ([verb.name] + verb.aliases).map {
        "    '\($0):\(verb.summary.replacing("'", with: "").replacing(":", with: "\\:"))'"
      }
    }
    let cases = Verb.all.map { verb in
      let words = (verb.subcommands + verb.options).map { "'\($0)'" }.joined(separator: " ")
      return
        "    \(([verb.name] + verb.aliases).joined(separator: "|"))) words=(\(words)); machines=\(verb.takesMachine ? 1 : 0) ;;"
    }
    return """
      #compdef ringbox VBoxManage vboxmanage
      # Completions of ringbox for zsh, made from its table of verbs.
      _ringbox() {
        local -a verbs options names
        local machines=0 verb=${words[2]} position=$CURRENT
        verbs=(
      \(verbs.joined(separator: "\n"))
        )
        if (( CURRENT == 2 )); then
          _describe 'verb' verbs
          return
        fi
        local -a words
        case $verb in
      \(cases.joined(separator: "\n"))
        esac
        options=($words)
        if (( machines && position == 3 )); then
          names=("${(@f)$(\(machines))}")
          compadd -a names
        fi
        compadd -a options
        _files
      }
      if [ "$funcstack[1]" = "_ringbox" ]; then
        _ringbox "$@"
      else
        compdef _ringbox ringbox VBoxManage vboxmanage
      fi

      """
  }

  static var fish: String {
    var text = "# Completions of ringbox for fish, made from its table of verbs.\n"
    text += "function __ringbox_machines\n    \(machines)\nend\n"
    for program in ["ringbox", "VBoxManage"] {
      for verb in Verb.all {
        for name in [verb.name] + verb.aliases {
          text +=
            "complete -c \(program) -n __fish_use_subcommand -a \(name) -d '\(verb.summary.replacing("'", with: "\\'"))'\n"
        }
        let seen = "'__fish_seen_subcommand_from \(([verb.name] + verb.aliases).joined(separator: " "))'"
        for option in verb.options { text += "complete -c \(program) -n \(seen) -l \(option.dropFirst(2))\n" }
        if !verb.subcommands.isEmpty {
          text += "complete -c \(program) -n \(seen) -a '\(verb.subcommands.joined(separator: " "))'\n"
        }
        if verb.takesMachine { text += "complete -c \(program) -n \(seen) -a '(__ringbox_machines)'\n" }
      }
    }
    return text
  }
}

/// Manual pages in roff.
enum ManualPage {
  /// Names without the section, and the pages.
  static var all: [(name: String, text: String)] {
    [("ringbox", overview)] + Verb.all.map { ("ringbox-\($0.name)", page($0)) }
  }
  static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\e").replacing("-", with: "\\-").split(
      separator: "\n", omittingEmptySubsequences: false
    )
    .map { $0.hasPrefix(".") || $0.hasPrefix("'") ? "\\&\($0)" : String($0) }.joined(separator: "\n")
  }
  private static func head(_ name: String, _ summary: String) -> String {
    ".TH \(name.uppercased()) 1 \"\" \"ringbox \(Version.text)\" \"User Commands\"\n.SH NAME\n\(escaped(name)) \\- \(escaped(summary))\n"
  }

  static var overview: String {
    var text = head("ringbox", "runs x86 virtual machines, in software and without privileges")
    text += ".SH SYNOPSIS\n.B ringbox\n.I VERB\n.RI [ WORD ...]\n.SH DESCRIPTION\n"
    text += escaped(
      "Each verb has a page of its own, ringbox-VERB(1). Called as VBoxManage, the program answers as VirtualBox's command line does; called as VBoxHeadless it starts a machine and stays until it ends. Every verb takes --json."
    )
    text += "\n.SH VERBS\n"
    for verb in Verb.all { text += ".TP\n.B \(escaped(verb.name))\n\(escaped(verb.summary))\n" }
    text +=
      ".SH ENVIRONMENT\n.TP\n.B VBOX_USER_HOME\nWhere the settings are.\n.TP\n.B VBOX_USER_VMLOGDIR\nWhere logs go.\n"
    return text + ".SH EXIT STATUS\n0 success, 1 failure, 2 wrong usage.\n"
  }

  static func page(_ verb: Verb) -> String {
    var text = head("ringbox-\(verb.name)", verb.summary)
    text += ".SH SYNOPSIS\n"
    switch verb.kind {
    case .command(let type):
      text +=
        ".nf\n\(escaped(type.usageString()))\n.fi\n.SH DESCRIPTION\n\(escaped(verb.summary))\n.SH OPTIONS\n.nf\n\(escaped(type.helpMessage(columns: 76)))\n.fi\n"
    case .machine:
      text += ".B ringbox \(escaped(verb.name))\n\(escaped(verb.usage))\n"
      text += ".SH DESCRIPTION\n\(escaped(verb.summary))\n"
      if verb.name == ModifyVerb.verb.name {
        text += ".SH OPTIONS\n"
        for option in MachineOption.all {
          text += ".TP\n.B \(escaped(option.synopsis))\n\(escaped(option.meaning))\n"
          let others = option.names.filter { $0 != option.dashed.replacing("-", with: "") }
          if !others.isEmpty { text += escaped("Also --\(others.joined(separator: ", --")).") + "\n" }
        }
      }
    }
    if !verb.aliases.isEmpty { text += ".SH OTHER NAMES\n\(escaped(verb.aliases.joined(separator: ", ")))\n" }
    return text + ".SH SEE ALSO\n.BR ringbox (1)\n"
  }
}
