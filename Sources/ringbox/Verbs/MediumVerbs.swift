import Base
import Foundation
import Service

/// Media as the registry knows them.
enum MediumVerbs {
  static let close = Verb(
    "closemedium", usage: "[disk|dvd|floppy] FILE|UUID [--delete]",
    "Forgets a medium; with --delete, removes its files."
  ) { words, registry in
    let (names, options) = try words.parse(["delete": 0], words: 1...2)
    let name = try MediumSupport.words(names, 1...1, "closemedium [disk] FILE|UUID [--delete]")[0]
    let progress = MediumSupport.progress(isQuiet: words.wantsJSON || options.isEmpty)
    try registry.closeMedium(name, delete: !options.isEmpty)
    progress.pass(1, of: 1)
    return .done
  }

  static let property = Verb(
    "mediumproperty", usage: "[disk|dvd|floppy] get|set|delete FILE|UUID KEY [VALUE]", "Keeps properties with a medium."
  ) { words, registry in
    var (values, _) = try words.parse([:], words: 3...5)
    if MediumSupport.kinds.contains(values[0]) { values.removeFirst() }
    guard values.count >= 3 else { throw Failure.usage("Not enough parameters") }
    let medium = try registry.knownMedium(values[1]), key = values[2]
    switch (values[0], values.count) {
    case ("get", 3):
      let found = try registry.properties(of: medium.uuid).first { $0.name == key }
      guard let found else { throw ServiceError(.objectNotFound, "Property '\(key)' does not exist", .medium) }
      return Answer(text: "\(key)=\(found.value)\n", json: ["value": .string(found.value)])
    case ("set", 4), ("delete", 3):
      try registry.setMediumProperty(medium.uuid, key, values.count > 3 ? values[3] : nil)
      return .done
    default: throw Failure.usage("Invalid parameter '\(values[0])'")
    }
  }
}
