import Base
import Foundation
import Service
import SettingsFiles

/// Media as the registry knows them.
enum MediumVerbs {
  static let close = Verb(
    "closemedium", usage: "[disk|dvd|floppy] FILE|UUID [--delete]",
    "Forgets a medium; with --delete, removes its files."
  ) { words, registry in
    let (names, options) = try words.parse(["delete": 0], words: 1...2)
    let name = try MediumSupport.words(names, 1...1, "closemedium [disk] FILE|UUID [--delete]")[0]
    try registry.closeMedium(name, delete: !options.isEmpty)
    return .done
  }

  static let property = Verb(
    "mediumproperty", usage: "[disk|dvd|floppy] get|set|delete FILE|UUID KEY [VALUE]", "Keeps properties with a medium."
  ) { words, registry in
    var (values, _) = try words.parse([:], words: 3...5)
    if MediumSupport.kinds.contains(values[0]) { values.removeFirst() }
    guard values.count >= 3 else { throw Failure.usage("Not enough parameters") }
    guard let medium = try registry.medium(values[1])?.medium else {
      throw ServiceError(.objectNotFound, "Could not find an open medium '\(values[1])'", .registry)
    }
    let key = values[2]
    switch (values[0], values.count) {
    case ("get", 3):
      let found = try registry.properties(of: medium.uuid).first { $0.name == key }
      guard let found else { throw ServiceError(.objectNotFound, "Property '\(key)' does not exist", .medium) }
      return Answer(text: "\(key)=\(found.value)\n", json: ["value": .string(found.value)])
    case ("set", 4), ("delete", 3):
      let value = values.count > 3 ? values[3] : nil
      try registry.changeMedium(medium.uuid) { entry in
        entry.remove("Property") { $0["name"] == key }
        if let value { entry.insert(SettingsElement("Property", [("name", key), ("value", value)])) }
      }
      return .done
    default: throw Failure.usage("Invalid parameter '\(values[0])'")
    }
  }
}
