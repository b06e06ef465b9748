import Base
import Service

/// Controllers, and what is plugged into them.
enum StorageVerbs {
  static let controller = Verb(
    "storagectl",
    usage: "NAME|UUID --name CONTROLLER [--add ide|sata|scsi|floppy|sas|usb|pcie|virtio] [--controller TYPE] "
      + "[--portcount N] [--hostiocache on|off] [--bootable on|off] [--rename NAME] [--remove]",
    "Adds, changes and removes storage controllers."
  ) { words, registry in
    let (names, options) = try words.parse(
      [
        "name": 1, "add": 1, "controller": 1, "portcount": 1, "sataportcount": 1, "hostiocache": 1, "bootable": 1,
        "rename": 1, "remove": 0,
      ], words: 1...1)
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    guard let name = value("name") else { throw Failure.usage("Storage controller name not specified") }
    let type = try value("controller").map { text in
      guard let type = ControllerType.named(text) else {
        throw Failure.usage("Invalid --controller argument '\(text)'")
      }
      return type
    }
    let added = try value("add").map { bus in
      guard let usual = ControllerType.onBus(bus) else { throw Failure.usage("Invalid --add argument '\(bus)'") }
      return type.flatMap { $0.bus == usual.bus ? $0 : nil } ?? usual
    }
    let ports = try (value("portcount") ?? value("sataportcount")).map { text in
      guard let count = Int(text) else { throw Failure.usage("Invalid --portcount argument '\(text)'") }
      return count
    }
    let cache = try value("hostiocache").map { try Words.flag($0, "hostiocache") }
    let bootable = try value("bootable").map { try Words.flag($0, "bootable") }
    let removes = options.contains { $0.name == "remove" }, newName = value("rename")
    try registry.change(names[0]) { settings throws(ServiceError) in
      if removes { return try settings.removeController(name) }
      if let added { try settings.addController(name, added) }
      if let type, added == nil { try settings.setController(name, "type", type.name) }
      if let ports { try settings.setController(name, ports: ports) }
      if let cache { try settings.setController(name, "useHostIOCache", cache ? "true" : "false") }
      if let bootable { try settings.setController(name, "Bootable", bootable ? "true" : "false") }
      if let newName { try settings.renameController(name, to: newName) }
    }
    return .done
  }

  static let attach = Verb(
    "storageattach",
    usage: "NAME|UUID --storagectl CONTROLLER [--port N] [--device N] [--type hdd|dvddrive|fdd] "
      + "[--medium FILE|UUID|none|emptydrive] [--mtype TYPE] [--nonrotational on|off] [--discard on|off] "
      + "[--hotpluggable on|off] [--tempeject on|off] [--passthrough on|off] [--bandwidthgroup NAME|none] "
      + "[--comment TEXT] [--forceunmount]",
    "Plugs disks, CDs and floppies in."
  ) { words, registry in
    let (names, options) = try words.parse(
      [
        "storagectl": 1, "port": 1, "device": 1, "type": 1, "medium": 1, "mtype": 1, "nonrotational": 1, "discard": 1,
        "hotpluggable": 1, "tempeject": 1, "passthrough": 1, "comment": 1, "forceunmount": 0, "bandwidthgroup": 1,
        "setuuid": 1, "setparentuuid": 1,
      ], words: 1...1)
    try registry.change(names[0], try Self.change(options))
    return .done
  }

  /// What is asked for, with the values checked.
  private static func change(_ options: [Words.Option]) throws -> DriveChange {
    func value(_ name: String) -> String? { options.last { $0.name == name }?.value }
    func number(_ name: String) throws -> Int {
      guard let text = value(name) else { return 0 }
      guard let number = Int(text), (0..<256).contains(number) else {
        throw Failure.usage("Invalid --\(name) argument '\(text)'")
      }
      return number
    }
    func flag(_ name: String) throws -> Bool? { try value(name).map { try Words.flag($0, name) } }
    guard let controller = value("storagectl") else { throw Failure.usage("Storage controller name not specified") }
    var change = DriveChange(controller: controller, port: try number("port"), device: try number("device"))
    change.medium = value("medium")
    let kinds: [String: Medium.Kind] = ["hdd": .disk, "dvddrive": .dvd, "fdd": .floppy]
    change.kind = try value("type").map { text in
      guard let kind = kinds[text.lowercased()] else { throw Failure.usage("Invalid --type argument '\(text)'") }
      return kind
    }
    change.type = try value("mtype").map { text in
      guard let type = DriveChange.types.first(where: { $0.lowercased() == text.lowercased() }) else {
        throw Failure.usage("Invalid --mtype argument '\(text)'")
      }
      return type
    }
    if let medium = change.medium, medium.hasPrefix("host:") || ["iscsi", "additions"].contains(medium) {
      throw Failure.failure("--medium \(medium) is not supported")
    }
    change.isNonrotational = try flag("nonrotational")
    change.discards = try flag("discard")
    change.isHotPluggable = try flag("hotpluggable")
    change.isTemporaryEject = try flag("tempeject")
    change.isPassedThrough = try flag("passthrough")
    change.bandwidthGroup = value("bandwidthgroup").map { $0 == "none" ? "" : $0 }
    change.comment = value("comment")
    if value("setuuid") != nil || value("setparentuuid") != nil {
      throw Failure.failure("--setuuid and --setparentuuid: use modifymedium --setuuid")
    }
    return change
  }
}
