import Base
import Service
import SettingsFiles

/// `usbfilter`: devices of the host's USB that are meant for a machine, or for none. They are kept without effect.
enum USBFilterVerb {
  private static let attributes: [(option: String, attribute: String)] = [
    ("name", "name"), ("active", "active"), ("vendorid", "vendorId"), ("productid", "productId"),
    ("revision", "revision"), ("manufacturer", "manufacturer"), ("product", "product"), ("remote", "remote"),
    ("serialnumber", "serialNumber"), ("maskedinterfaces", "maskedInterfaces"), ("action", "action"),
  ]
  static let verb = Verb(
    "usbfilter",
    usage: "add|modify INDEX --target NAME|UUID|global [--name TEXT] [--active yes|no] [--vendorid XXXX] "
      + "[--productid XXXX] [--revision XXXX] [--manufacturer TEXT] [--product TEXT] [--serialnumber TEXT] "
      + "[--remote yes|no] [--maskedinterfaces NUMBER] [--action ignore|hold] | remove INDEX --target NAME|UUID|global",
    "Keeps filters for devices of the host's USB."
  ) { words, registry in
    let verb = try words.next("add, modify or remove")
    guard ["add", "modify", "remove"].contains(verb) else { throw Failure.usage("Invalid parameter '\(verb)'") }
    let known = Dictionary(uniqueKeysWithValues: attributes.map { ($0.option, 1) } + [("target", 1)])
    let (names, options) = try words.parse(known, words: 1...1)
    guard let index = Int(names[0]), (0...1023).contains(index) else {
      throw Failure.usage("Invalid index '\(names[0])'")
    }
    guard let target = options.last(where: { $0.name == "target" })?.value else {
      throw Failure.usage("Missing argument: --target")
    }
    var changes: [(String, String)] = []
    for option in options {
      guard let attribute = attributes.first(where: { $0.option == option.name })?.attribute else { continue }
      changes.append((attribute, try written(option)))
    }
    if verb == "add", !changes.contains(where: { $0.0 == "name" }) { throw Failure.usage("Missing argument: --name") }
    let list = changes
    if target == "global" {
      try registry.changeGlobal { global throws(ServiceError) in
        try change(&global.root, ["USBDeviceFilters"], verb, index, list)
      }
    } else {
      try registry.change(target) { settings throws(ServiceError) in
        try change(&settings.machine, ["Hardware", "USB", "DeviceFilters"], verb, index, list)
      }
    }
    return .done
  }

  private static func written(_ option: Words.Option) throws -> String {
    switch option.name {
    case "active", "remote": return try Words.flag(option.value, option.name) ? "true" : "false"
    case "vendorid", "productid", "revision":
      guard option.value.isEmpty || UInt16(option.value, radix: 16) != nil else {
        throw Failure.usage("Invalid --\(option.name) argument '\(option.value)'")
      }
    case "action":
      guard let word = ["ignore": "Ignore", "hold": "Hold"][option.value.lowercased()] else {
        throw Failure.usage("Invalid --action argument '\(option.value)'")
      }
      return word
    default: break
    }
    return option.value
  }
  private static func change(
    _ owner: inout SettingsElement, _ path: [String], _ verb: String, _ index: Int, _ changes: [(String, String)]
  ) throws(ServiceError) {
    var filters = owner.descendant(path)?.elements("DeviceFilter") ?? []
    guard verb == "add" ? index <= filters.count : index < filters.count else {
      throw ServiceError(.invalidArgument, "There are \(filters.count) filters: no place \(index)")
    }
    switch verb {
    case "remove": filters.remove(at: index)
    case "add": filters.insert(SettingsElement("DeviceFilter", [("name", ""), ("active", "true")]), at: index)
    default: break
    }
    if verb != "remove" {
      for (attribute, value) in changes {
        filters[index][attribute] = value.isEmpty && attribute != "name" ? nil : value
      }
    }
    let all = filters
    owner.change(path: path) { list in
      list.remove("DeviceFilter")
      for filter in all { list.insert(filter) }
    }
  }
}
