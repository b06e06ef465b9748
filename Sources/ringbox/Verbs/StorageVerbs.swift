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
      + "[--hotpluggable on|off] [--tempeject on|off] [--comment TEXT] [--forceunmount]",
    "Plugs disks, CDs and floppies in."
  ) { words, registry in
    let (names, options) = try words.parse(
      [
        "storagectl": 1, "port": 1, "device": 1, "type": 1, "medium": 1, "mtype": 1, "nonrotational": 1, "discard": 1,
        "hotpluggable": 1, "tempeject": 1, "passthrough": 1, "comment": 1, "forceunmount": 0, "bandwidthgroup": 1,
        "setuuid": 1, "setparentuuid": 1,
      ], words: 1...1)
    let request = try Request(options)
    let settings = try registry.machine(names[0])
    // A CD or a floppy may be changed while the machine runs.
    if registry.state(settings).state.isOnline, try changeLive(request, settings, registry) { return .done }
    try registry.change(names[0]) { settings throws(ServiceError) in try request.apply(&settings, registry) }
    return .done
  }

  /// What is asked for, with the values checked.
  struct Request: Sendable {
    let controller: String
    let port: Int, device: Int
    let medium: String?
    let kind: Medium.Kind?
    let type: String?
    var isNonrotational: Bool?, discards: Bool?, isHotPluggable: Bool?, isTemporaryEject: Bool?

    init(_ options: [Words.Option]) throws {
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
      self.controller = controller
      port = try number("port")
      device = try number("device")
      medium = value("medium")
      let kinds: [String: Medium.Kind] = ["hdd": .disk, "dvddrive": .dvd, "fdd": .floppy]
      kind = try value("type").map { text in
        guard let kind = kinds[text.lowercased()] else { throw Failure.usage("Invalid --type argument '\(text)'") }
        return kind
      }
      let types = ["Normal", "Writethrough", "Immutable", "Shareable", "Readonly", "MultiAttach"]
      type = try value("mtype").map { text in
        guard let type = types.first(where: { $0.lowercased() == text.lowercased() }) else {
          throw Failure.usage("Invalid --mtype argument '\(text)'")
        }
        return type
      }
      if let medium, medium.hasPrefix("host:") || ["iscsi", "additions"].contains(medium) {
        throw Failure.failure("--medium \(medium) is not supported")
      }
      isNonrotational = try flag("nonrotational")
      discards = try flag("discard")
      isHotPluggable = try flag("hotpluggable")
      isTemporaryEject = try flag("tempeject")
      if value("setuuid") != nil || value("setparentuuid") != nil {
        throw Failure.failure("--setuuid and --setparentuuid: use modifymedium --setuuid")
      }
    }

    func current(_ settings: MachineSettings) -> Attachment? {
      settings.attachments.first { $0.controller == controller && $0.port == port && $0.device == device }
    }
    func apply(_ settings: inout MachineSettings, _ registry: Registry) throws(ServiceError) {
      if medium == "none" { return try settings.detach(controller, port, device) }
      let current = current(settings)
      guard let kind = kind ?? current?.kind else {
        throw ServiceError(.invalidArgument, "Argument --type not specified")
      }
      var attachment = current ?? Attachment(controller: controller, port: port, device: device, kind: kind)
      attachment.kind = kind
      if let medium {
        let isEmpty = medium == "emptydrive"
        guard !isEmpty || kind != .disk else {
          throw ServiceError(.invalidArgument, "A hard disk cannot be an empty drive")
        }
        attachment.medium = isEmpty ? nil : try settings.openMedium(medium, kind, type: type, registry)
      } else if kind == .disk, attachment.medium == nil {
        throw ServiceError(.invalidArgument, "Missing --medium argument")
      }
      if let type, let uuid = attachment.medium { settings.setType(uuid, type) }
      if let isNonrotational { attachment.isNonrotational = isNonrotational }
      if let discards { attachment.discards = discards }
      if let isHotPluggable { attachment.isHotPluggable = isHotPluggable }
      if let isTemporaryEject { attachment.isTemporaryEject = isTemporaryEject }
      try settings.attach(attachment)
    }
  }

  /// In the running machine first, then in its settings. False when it is nothing that may change now.
  private static func changeLive(
    _ request: Request, _ settings: MachineSettings, _ registry: Registry
  ) throws -> Bool {
    guard let current = request.current(settings), current.kind != .disk, let medium = request.medium,
      medium != "none"
    else { return false }
    // Drives are numbered in the order of their places, as the machine's process numbers them.
    let drives = settings.attachments.filter { $0.kind == current.kind && ($0.kind == .dvd || $0.medium != nil) }
    guard let number = drives.firstIndex(of: current) else { return false }
    let client = try registry.client(settings)
    let drive = JSON.string("\(current.kind == .dvd ? "cdrom" : "floppy")\(number)")
    var path: String?
    try registry.changeShared(settings.uuid) { settings throws(ServiceError) in
      try request.apply(&settings, registry)
      let uuid = request.current(settings)?.medium
      path = settings.media.first { $0.uuid == uuid }?.path
    }
    if let path {
      try client.command("insert", [("drive", drive), ("path", .string(path))])
    } else {
      try client.command("eject", [("drive", drive)])
    }
    return true
  }
}
