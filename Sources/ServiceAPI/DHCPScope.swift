import Base
import Service
import SettingsFiles

/// For whom something is said in a DHCP server's settings, and what: all clients, a group of them, or one card.
struct DHCPScope {
  /// As in the path: global, group:NAME, mac:ADDRESS, machine:UUID:ADAPTER.
  let text: String
  /// The element's name, and what tells it from others of that name.
  private let name: String
  private let key: [(String, String)]
  private var isGlobal: Bool { name == "Options" }
  private var isGroup: Bool { name == "Group" }

  init(_ text: String, _ registry: Registry) throws(ServiceError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let wrong = ServiceError(
      .invalidArgument, "Invalid scope '\(text)': global, group:NAME, mac:ADDRESS or machine:UUID:ADAPTER", .registry)
    let rest = parts.count > 1 ? parts[1] : ""
    switch parts[0] {
    case "global" where parts.count == 1: (name, key) = ("Options", [])
    case "group" where !rest.isEmpty: (name, key) = ("Group", [("name", rest)])
    case "mac":
      let digits = rest.uppercased().filter { $0 != ":" && $0 != "-" }
      guard digits.utf8.count == 12, digits.allSatisfy(\.isHexDigit) else { throw wrong }
      (name, key) = ("Config", [("MACAddress", digits)])
    case "machine":
      let words = rest.split(separator: ":").map(String.init)
      guard words.count == 2, let number = Int(words[1]), (1...8).contains(number) else { throw wrong }
      let machine = try registry.machine(words[0]).uuid
      (name, key) = ("Config", [("vm-name", machine), ("slot", "\(number - 1)")])
    default: throw wrong
    }
    self.text = text
  }

  private func fits(_ element: SettingsElement) -> Bool { key.allSatisfy { element[$0.0] == $0.1 } }
  func isThere(in entry: SettingsElement) -> Bool { entry.elements(name).contains(where: fits) }
  func replace(in entry: inout SettingsElement, with element: SettingsElement?) {
    entry.remove(name, where: fits)
    if let element { entry.insert(element) }
  }

  // MARK: What is said

  private static let times = [
    ("minimumLease", "secMinLeaseTime"), ("lease", "secDefaultLeaseTime"), ("maximumLease", "secMaxLeaseTime"),
  ]
  private static let lists = [("forced", "forcedOptions"), ("suppressed", "suppressedOptions")]
  private static let conditions = [
    "MAC", "MACWildcard", "vendorClassID", "vendorClassIDWildcard", "userClassID", "userClassIDWildcard",
  ]
  static let fields: [Schema.Property] = [
    Schema.option(
      "options",
      .list(
        .object([
          Schema.member("number", .integer(1...254), "Of DHCP."),
          Schema.member("value", .text, "As the option has it."),
          Schema.option("hex", .flag, "The value is bytes as digits."),
        ])), "What is told."),
    Schema.option("forced", .list(.integer(1...254)), "Options that are told without being asked for."),
    Schema.option("suppressed", .list(.integer(1...254)), "Options that are never told."),
    Schema.option("minimumLease", .integer(0...Int64(UInt32.max)), "Seconds; 0: as usual."),
    Schema.option("lease", .integer(0...Int64(UInt32.max)), "The same, where the client does not care."),
    Schema.option("maximumLease", .integer(0...Int64(UInt32.max)), "The same."),
    Schema.option("address", .address, "Of one card: it is always given this one."),
    Schema.option(
      "conditions",
      .list(
        .object([
          Schema.member("type", .word(conditions), "What is looked at."), Schema.member("value", .text, "What it is."),
          Schema.option("exclusive", .flag, "Who fits is not in the group."),
        ])), "Of a group: who is in it."),
  ]
  /// As settings files have it.
  func element(_ body: JSON) throws(ServiceError) -> SettingsElement {
    var element = SettingsElement(name, key)
    for option in body["options"]?.array ?? [] {
      var new = SettingsElement(
        "Option", [("name", "\(option["number"]?.integer ?? 0)"), ("value", option["value"]?.string ?? "")])
      if option["hex"] == true { new["encoding"] = "hex" }
      element.insert(new)
    }
    for (member, attribute) in DHCPScope.lists {
      let numbers = (body[member]?.array ?? []).compactMap(\.integer).map { "\($0)" }
      if !numbers.isEmpty { element[attribute] = numbers.joined(separator: " ") }
    }
    for (member, attribute) in DHCPScope.times {
      if let seconds = body[member]?.integer, seconds > 0 { element[attribute] = "\(seconds)" }
    }
    if let address = body["address"]?.string {
      guard !isGlobal, !isGroup else {
        throw ServiceError(.invalidArgument, "An address is for one card", .registry)
      }
      element["fixedAddress"] = address
    }
    for condition in body["conditions"]?.array ?? [] {
      guard isGroup else { throw ServiceError(.invalidArgument, "Conditions are for a group", .registry) }
      element.insert(
        SettingsElement(
          "Condition",
          [
            ("type", condition["type"]?.string ?? ""), ("value", condition["value"]?.string ?? ""),
            ("inclusive", condition["exclusive"] == true ? "false" : "true"),
          ]))
    }
    return element
  }
  static let pattern = Schema.pattern(
    "(global|group:[^\\u0000-\\u001f\\u007f]+|mac:([0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}|machine:[^:\\u0000-\\u001f\\u007f]+:[1-8])",
    "global, group:NAME, mac:ADDRESS or machine:UUID:ADAPTER")
  static let shape = Schema.list(.object([Schema.member("scope", .text, "For whom, as in paths.")] + fields))
  /// Everything that a server's settings say, by scopes.
  static func all(_ entry: SettingsElement) -> JSON {
    var scopes: [JSON] = []
    if let options = entry.child("Options") { scopes.append(json(options, "global")) }
    for group in entry.elements("Group") { scopes.append(json(group, "group:\(group["name"] ?? "")")) }
    for config in entry.elements("Config") {
      if let machine = config["vm-name"] {
        scopes.append(json(config, "machine:\(machine):\((config.integer("slot") ?? 0) + 1)"))
      } else {
        scopes.append(json(config, "mac:\(config["MACAddress"] ?? "")"))
      }
    }
    return .array(scopes)
  }
  private static func json(_ element: SettingsElement, _ scope: String) -> JSON {
    var json: JSON = [
      "scope": .string(scope),
      "options": .array(
        element.elements("Option").compactMap { option -> JSON? in
          guard let number = option.integer("name"), (1...254).contains(number) else { return nil }
          return [
            "number": .integer(Int64(number)), "value": .string(option["value"] ?? ""),
            "hex": .bool(option["encoding"] == "hex"),
          ]
        }),
    ]
    for (member, attribute) in lists {
      let numbers = (element[attribute] ?? "").split { $0 == " " || $0 == "," }.compactMap { Int64($0) }
      json.set(member, .array(numbers.filter { (1...254).contains($0) }.map { .integer($0) }))
    }
    for (member, attribute) in times { json.set(member, .integer(Int64(max(0, element.integer(attribute) ?? 0)))) }
    if let address = element["fixedAddress"], !address.isEmpty { json.set("address", .string(address)) }
    json.set(
      "conditions",
      .array(
        element.elements("Condition").map { condition in
          [
            "type": .string(condition["type"] ?? ""), "value": .string(condition["value"] ?? ""),
            "exclusive": .bool(condition.bool("inclusive") == false),
          ]
        }))
    return json
  }
}
