import SettingsFiles

/// An option of `modifyvm`: its names, what it takes, what it changes. One table serves the parser, the help and the
/// settings.
public struct MachineOption: Sendable {
  /// What an option does with its values.
  enum Effect: Sendable {
    /// on or off, as an attribute of an element below the hardware; the default is not written.
    case flag([String], String, default: Bool)
    /// A number in a range.
    case number([String], String, ClosedRange<Int>, default: Int?)
    /// One of these words, and how settings files write it; nil: not written.
    case word([String], String, [(String, String?)])
    /// Any text; empty: not written.
    case text([String], String)
    /// Something of its own, with this many values.
    case own(Int, @Sendable (inout Change, [String]) throws(ServiceError) -> Void)
    /// Has no meaning here: kept as extra data, with this many values.
    case kept(Int)
  }
  /// What an effect works on.
  struct Change {
    var settings: MachineSettings
    let registry: Registry
    /// Of a numbered option, from 1.
    let number: Int
    let name: String

    func refuse(_ value: String) -> ServiceError {
      ServiceError(.invalidArgument, "Invalid \(name) argument '\(value)'")
    }
    /// Changes the numbered element of a list, which is made when it is missing.
    mutating func slot(_ list: String, _ element: String, _ body: (inout SettingsElement) -> Void) {
      let slot = number - 1
      settings.machine.change(path: ["Hardware", list]) { list in
        if !list.elements(element).contains(where: { $0.integer("slot") == slot }) {
          list.insert(SettingsElement(element, [("slot", "\(slot)"), ("enabled", "false")]))
        }
        list.changeAll(element) { if $0.integer("slot") == slot { body(&$0) } }
      }
    }
  }
  /// Without dashes, in lower case; the first is the usual one.
  public let names: [String]
  /// The name is followed by a number in this range.
  public let numbers: ClosedRange<Int>?
  let effect: Effect

  init(_ names: String, _ numbers: ClosedRange<Int>? = nil, _ effect: Effect) {
    self.names = names.split(separator: " ").map(String.init)
    self.numbers = numbers
    self.effect = effect
  }

  /// How many values follow the option, as far as that is always the same.
  public var valueCount: Int {
    switch effect {
    case .own(let count, _), .kept(let count): count
    default: 1
    }
  }

  /// The option of this name as it is typed, without its leading dashes, and its number.
  public static func named(_ typed: String) -> (option: MachineOption, number: Int)? {
    let name = typed.lowercased().replacing("-", with: "")
    if let option = all.first(where: { $0.numbers == nil && $0.names.contains(name) }) { return (option, 0) }
    let digits = name.reversed().prefix { $0.isNumber }.count
    guard digits > 0, let number = Int(name.suffix(digits)) else { return nil }
    let base = String(name.dropLast(digits))
    guard let option = all.first(where: { $0.numbers?.contains(number) == true && $0.names.contains(base) }) else {
      return nil
    }
    return (option, number)
  }

  /// on, off, and the other words for them.
  public static func flag(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "on", "yes", "true", "1", "enable", "enabled": true
    case "off", "no", "false", "0", "disable", "disabled": false
    default: nil
    }
  }

  /// Carries the option out.
  public func apply(
    _ values: [String], number: Int, typed: String, to settings: inout MachineSettings, _ registry: Registry
  ) throws(ServiceError) {
    var change = Change(settings: settings, registry: registry, number: number, name: typed)
    guard number <= 8 || numbers?.upperBound != 36 || number <= settings.cardCount else {
      throw ServiceError(
        .invalidArgument,
        "Invalid network adapter number \(number): a machine of this chipset has \(settings.cardCount)")
    }
    let value = values.first ?? ""
    switch effect {
    case .flag(let path, let attribute, let usual):
      guard let flag = MachineOption.flag(value) else { throw change.refuse(value) }
      change.set(path, attribute, flag == usual ? nil : flag ? "true" : "false")
    case .number(let path, let attribute, let range, let usual):
      guard let number = Int(value), range.contains(number) else {
        throw ServiceError(
          .invalidArgument, "Invalid \(typed): \(value) (must be in range [\(range.lowerBound), \(range.upperBound)])")
      }
      change.set(path, attribute, number == usual ? nil : "\(number)")
    case .word(let path, let attribute, let words):
      guard let word = words.first(where: { $0.0.lowercased() == value.lowercased() }) else {
        throw change.refuse(value)
      }
      change.set(path, attribute, word.1)
    case .text(let path, let attribute): change.set(path, attribute, value.isEmpty ? nil : value)
    case .own(_, let body): try body(&change, values)
    case .kept:
      let key = "Ringbox/Option/\(names[0])\(numbers == nil ? "" : "\(number)")"
      change.settings.setExtraData(key, values.joined(separator: " "))
    }
    settings = change.settings
  }

  /// Every option, in the order of the help text.
  public static let all: [MachineOption] =
    general + processor + display + devices + network + ports + debugging + oldStorage + kept
}

extension MachineOption.Change {
  mutating func set(_ path: [String], _ attribute: String, _ value: String?) {
    settings.machine.set(["Hardware"] + path, attribute, value)
  }
}
