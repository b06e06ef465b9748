import Base

/// A configuration as a tree of named values (VirtualBox's CFGM): `network/0/model` is the first card's model.
extension MachineConfiguration {
  /// Sets one value of the tree from a text; it stays of its kind, and nothing new is made.
  public mutating func set(_ path: String, _ text: String) throws(MachineError) {
    func refuse(_ why: String) -> MachineError { MachineError(.configuration, "configuration: '\(path)' \(why)") }
    let names = path.split(separator: "/").map(String.init)
    var reason = refuse("is no value of the machine's configuration; 'debugvm NAME info cfgm' shows them")
    for value in MachineConfiguration.readings(of: text) {
      guard let changed = json.replacing(names[...], by: value) else { continue }
      do throws(MachineError) {
        self = try MachineConfiguration(json: changed)
        return
      } catch let error { reason = refuse("cannot be '\(text)': \(error)") }
    }
    throw reason
  }
  /// What a text may stand for.
  private static func readings(of text: String) -> [JSON] {
    var readings: [JSON] = []
    if let number = Int64(text) ?? (text.hasPrefix("0x") ? Int64(text.dropFirst(2), radix: 16) : nil) {
      readings.append(.integer(number))
      if number == 0 || number == 1 { readings.append(.bool(number == 1)) }
    }
    if text == "true" || text == "false" { readings.append(.bool(text == "true")) }
    return readings + [.string(text)]
  }

  /// For people: a line for each node, below it its values.
  var tree: String {
    var text = ""
    json.appendNode("/", to: &text)
    return text
  }
}

extension JSON {
  /// The same with another value at a path of names and numbers; nil where there is none, or one of another kind.
  fileprivate func replacing(_ path: ArraySlice<String>, by value: JSON) -> JSON? {
    guard let name = path.first else { return isOfKind(value) ? value : nil }
    if var members, let index = members.firstIndex(where: { $0.key == name }) {
      guard let changed = members[index].value.replacing(path.dropFirst(), by: value) else { return nil }
      members[index].value = changed
      return .object(members)
    }
    if var array, let index = Int(name), array.indices.contains(index) {
      guard let changed = array[index].replacing(path.dropFirst(), by: value) else { return nil }
      array[index] = changed
      return .array(array)
    }
    return nil
  }
  private func isOfKind(_ other: JSON) -> Bool {
    switch (self, other) {
    case (.null, _), (.bool, .bool), (.integer, .integer), (.string, .string): true
    default: false
    }
  }

  fileprivate func appendNode(_ path: String, to text: inout String) {
    let members = self.members ?? (array ?? []).enumerated().map { JSON.Member("\($0.offset)", $0.element) }
    text += "[\(path)]\n"
    for member in members where member.value.members == nil && member.value.array == nil {
      text += "  \(member.key) = \(member.value.text)\n"
    }
    for member in members where member.value.members != nil || member.value.array != nil {
      member.value.appendNode("\(path)\(member.key)/", to: &text)
    }
  }
}
