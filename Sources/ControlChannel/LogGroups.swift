/// Whose log lines are told: groups switched on and off, the last word about each counts.
///
/// Written as VirtualBox writes groups: `+all -ahci`, `-all rtc`, with any separators between; a star stands for the rest of a
/// name; `dev_` in front of a device's name and `.e.l` or the like behind it mean nothing, for there is one level.
public struct LogGroups: Sendable, Equatable {
  private struct Rule: Sendable, Equatable {
    var name: String
    var isOn: Bool
  }
  private var rules: [Rule] = []
  /// More would never be looked through.
  private static let limit = 256

  /// Everybody's.
  public init() {}
  /// Goes on from what holds.
  public mutating func apply(_ text: String) throws(ControlError) {
    for word in text.split(whereSeparator: { " ,;\t\n".contains($0) }) {
      var name = word.lowercased()[...]
      let isOn = !name.hasPrefix("-")
      if name.hasPrefix("-") || name.hasPrefix("+") { name.removeFirst() }
      name = name.prefix { $0 != "." && $0 != "=" }
      if name.hasPrefix("dev_") { name = name.dropFirst(4) }
      guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || "_-*".contains($0) }) else {
        throw ControlError("'\(word)' names no group")
      }
      if name == "all" { rules = [] }
      rules.removeAll { $0.name == name }
      guard rules.count < LogGroups.limit else { throw ControlError("more than \(LogGroups.limit) groups") }
      rules.append(Rule(name: String(name), isOn: isOn))
    }
  }
  /// Whether this device's lines are told.
  public func tells(_ device: String) -> Bool {
    let device = device.lowercased()
    let rule = rules.last { rule in
      rule.name == "all" || rule.name == device
        || rule.name.hasSuffix("*") && device.hasPrefix(rule.name.prefix { $0 != "*" })
    }
    return rule?.isOn ?? true
  }
  /// What `apply` reads.
  public var text: String { rules.map { ($0.isOn ? "+" : "-") + $0.name }.joined(separator: " ") }
}
