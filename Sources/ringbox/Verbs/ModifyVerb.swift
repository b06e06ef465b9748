import Base
import Service

/// `modifyvm`: the settings of a machine that is switched off.
enum ModifyVerb {
  static let verb = Verb("modifyvm", usage: "NAME|UUID --OPTION VALUE...", "Changes a machine's settings.") {
    words, registry in
    let name = try words.next("name or UUID of the machine")
    let changes = try changes(&words)
    try registry.change(name) { settings throws(ServiceError) in
      for change in changes {
        try change.option.apply(change.values, number: change.number, typed: change.typed, to: &settings, registry)
      }
    }
    return .done
  }

  struct Change: Sendable {
    var option: MachineOption
    var number: Int
    var typed: String
    var values: [String]
  }
  static func changes(_ words: inout Words) throws -> [Change] {
    var changes: [Change] = []
    while let word = words.next() {
      guard word.hasPrefix("-") else { throw Failure.usage("Invalid parameter '\(word)'") }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let typed = String(parts[0].drop { $0 == "-" })
      guard let (option, number) = MachineOption.named(typed) else {
        throw Failure.usage("Unknown option: \(word)\(hint(typed))")
      }
      var values = parts.dropFirst().map { $0 }
      if option.valueCount > 0 {
        if values.isEmpty { values.append(try words.next("value of \(word)")) }
        let count = option.valueCount(values[0])
        while values.count < count { values.append(try words.next("value of \(word)")) }
      }
      changes.append(Change(option: option, number: number, typed: typed, values: values))
    }
    return changes
  }
  private static func hint(_ typed: String) -> String {
    let names = MachineOption.all.flatMap { option in
      option.numbers == nil ? option.names : option.names.map { $0 + "1" }
    }
    return NearestMatch.find(Words.plain(typed), among: names).map { "; did you mean --\($0)?" } ?? ""
  }
}
