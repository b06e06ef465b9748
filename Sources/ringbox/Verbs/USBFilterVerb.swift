import Base
import Service

/// `usbfilter`: devices of the host's USB that are meant for a machine, or for none. They are kept without effect.
enum USBFilterVerb {
  static let verb = Verb(
    "usbfilter",
    usage: "add|modify INDEX --target NAME|UUID|global [--name TEXT] [--active yes|no] [--vendorid XXXX] "
      + "[--productid XXXX] [--revision XXXX] [--manufacturer TEXT] [--product TEXT] [--serialnumber TEXT] "
      + "[--remote yes|no] [--maskedinterfaces NUMBER] [--action ignore|hold] | remove INDEX --target NAME|UUID|global",
    "Keeps filters for devices of the host's USB."
  ) { words, registry in
    let verb = try words.next("add, modify or remove")
    guard ["add", "modify", "remove"].contains(verb) else { throw Failure.usage("Invalid parameter '\(verb)'") }
    let known = Dictionary(uniqueKeysWithValues: USBFilterAttribute.allCases.map { ($0.option, 1) } + [("target", 1)])
    let (names, options) = try words.parse(known, words: 1...1)
    guard let index = Int(names[0]), (0...1023).contains(index) else {
      throw Failure.usage("Invalid index '\(names[0])'")
    }
    guard let target = options.last(where: { $0.name == "target" })?.value else {
      throw Failure.usage("Missing argument: --target")
    }
    let values = try options.compactMap(value)
    if verb == "add", !values.contains(where: { $0.0 == .name }) { throw Failure.usage("Missing argument: --name") }
    let change: USBFilterChange =
      switch verb {
      case "add": .insert(at: index, values)
      case "modify": .modify(at: index, values)
      default: .remove(at: index)
      }
    try registry.changeUSBFilters(of: target == "global" ? nil : target, change)
    return .done
  }

  private static func value(_ option: Words.Option) throws -> (USBFilterAttribute, String)? {
    guard let attribute = USBFilterAttribute.allCases.first(where: { $0.option == option.name }) else { return nil }
    guard let text = attribute.written(option.value) else {
      throw Failure.usage("Invalid --\(option.name) argument '\(option.value)'")
    }
    return (attribute, text)
  }
}

extension USBFilterAttribute {
  fileprivate var option: String { rawValue.lowercased() }
}
