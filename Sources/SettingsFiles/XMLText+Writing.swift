/// Elements to XML text: two spaces a level, attributes on the element's line, as VirtualBox writes its files.
extension XMLText {
  /// A whole document with a line end at its end.
  static func write(prologue: [SettingsNode], _ root: SettingsElement) -> [UInt8] {
    var output = "<?xml version=\"1.0\"?>\n"
    for node in prologue { write(node, depth: 0, &output) }
    write(.element(root), depth: 0, &output)
    return Array(output.utf8)
  }

  private static func write(_ node: SettingsNode, depth: Int, _ output: inout String) {
    let indent = String(repeating: "  ", count: depth)
    switch node {
    case .comment(let text): output += "\(indent)<!--\(comment(text))-->\n"
    case .instruction(let target, let text): output += "\(indent)<?\(target) \(text)?>\n"
    case .text(let text): output += "\(indent)\(escaped(text, isAttribute: false))\n"
    case .element(let element):
      output += "\(indent)<\(element.name)"
      for attribute in element.attributes {
        output += " \(attribute.name)=\"\(escaped(attribute.value, isAttribute: true))\""
      }
      guard !element.children.isEmpty else {
        output += "/>\n"
        return
      }
      output += ">"
      if element.hasText {
        // White space counts beside text: nothing may be added.
        for child in element.children { writeInline(child, &output) }
      } else {
        output += "\n"
        for child in element.children { write(child, depth: depth + 1, &output) }
        output += indent
      }
      output += "</\(element.name)>\n"
    }
  }
  private static func writeInline(_ node: SettingsNode, _ output: inout String) {
    switch node {
    case .text(let text): output += escaped(text, isAttribute: false)
    case .comment(let text): output += "<!--\(comment(text))-->"
    case .instruction(let target, let text): output += "<?\(target) \(text)?>"
    case .element(let element):
      output += "<\(element.name)"
      for attribute in element.attributes {
        output += " \(attribute.name)=\"\(escaped(attribute.value, isAttribute: true))\""
      }
      output += ">"
      for child in element.children { writeInline(child, &output) }
      output += "</\(element.name)>"
    }
  }
  /// Two hyphens would end a comment.
  private static func comment(_ text: String) -> String {
    var result = ""
    for character in text {
      if character == "-", result.last == "-" { result += " " }
      result.append(character)
    }
    return result.last == "-" ? result + " " : result
  }

  /// XML has no way to write the other control characters, nor these two.
  fileprivate static func isUnknown(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 && !["\t", "\n", "\r"].contains(scalar) || scalar.value == 0xfffe || scalar.value == 0xffff
  }
  private static func escaped(_ text: String, isAttribute: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"" where isAttribute: result += "&quot;"
      case "\t", "\n": result += isAttribute ? "&#\(scalar.value);" : String(scalar)
      case "\r": result += "&#13;"
      case _ where isUnknown(scalar): result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension SettingsElement {
  /// The first text in it, as it may be shown, that would be another one when it is read again.
  var textThatXMLCannotHold: String? {
    func isBad(_ text: String) -> Bool { text.unicodeScalars.contains(where: XMLText.isUnknown) }
    func shown(_ text: String) -> String {
      String(String.UnicodeScalarView(text.unicodeScalars.map { XMLText.isUnknown($0) ? "?" : $0 }))
    }
    if let found = attributes.first(where: { isBad($0.value) }) { return shown(found.value) }
    for child in children {
      switch child {
      case .text(let text) where isBad(text): return shown(text)
      case .element(let element): if let found = element.textThatXMLCannotHold { return found }
      default: continue
      }
    }
    return nil
  }
  fileprivate var hasText: Bool {
    children.contains { if case .text = $0 { true } else { false } }
  }
}
