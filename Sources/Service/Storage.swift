import DiskImages
import Foundation
import HostSystem
import SettingsFiles

/// A kind of storage controller: how it is asked for, how it is written, how much fits to it.
public struct ControllerType: Sendable {
  /// As settings files name it.
  public var name: String
  /// As clients see it.
  public var shown: String
  /// The bus: `ide`, `sata`, ...
  public var bus: String
  /// What a new controller has.
  public var ports: Int
  /// What it can have.
  public var maximumPorts: Int
  /// Devices on each port.
  public var devices: Int

  /// The first of a bus is what the bus gets when no type is named.
  public static let all = [
    ControllerType(name: "PIIX4", shown: "PIIX4", bus: "ide", ports: 2, maximumPorts: 2, devices: 2),
    ControllerType(name: "PIIX3", shown: "PIIX3", bus: "ide", ports: 2, maximumPorts: 2, devices: 2),
    ControllerType(name: "ICH6", shown: "ICH6", bus: "ide", ports: 2, maximumPorts: 2, devices: 2),
    ControllerType(name: "AHCI", shown: "IntelAhci", bus: "sata", ports: 1, maximumPorts: 30, devices: 1),
    ControllerType(name: "LsiLogic", shown: "LsiLogic", bus: "scsi", ports: 16, maximumPorts: 16, devices: 1),
    ControllerType(name: "BusLogic", shown: "BusLogic", bus: "scsi", ports: 16, maximumPorts: 16, devices: 1),
    ControllerType(name: "LsiLogicSas", shown: "LsiLogicSas", bus: "sas", ports: 8, maximumPorts: 255, devices: 1),
    ControllerType(name: "I82078", shown: "I82078", bus: "floppy", ports: 1, maximumPorts: 1, devices: 2),
    ControllerType(name: "USB", shown: "USB", bus: "usb", ports: 8, maximumPorts: 8, devices: 1),
    ControllerType(name: "NVMe", shown: "NVMe", bus: "pcie", ports: 1, maximumPorts: 255, devices: 1),
    ControllerType(name: "VirtioSCSI", shown: "VirtioSCSI", bus: "virtio", ports: 1, maximumPorts: 256, devices: 1),
  ]
  /// By either name, in any case.
  public static func named(_ name: String) -> ControllerType? {
    let wanted = name.lowercased() == "virtio" ? "virtioscsi" : name.lowercased()
    return all.first { $0.name.lowercased() == wanted || $0.shown.lowercased() == wanted }
  }
  /// What a bus gets when no type is named.
  public static func onBus(_ bus: String) -> ControllerType? {
    let wanted = bus.lowercased() == "virtio-scsi" ? "virtio" : bus.lowercased()
    return all.first { $0.bus == wanted }
  }
}

/// A device that is plugged into a controller.
public struct Attachment: Sendable, Equatable {
  /// Its name.
  public var controller: String
  /// Where it is plugged in, from 0.
  public var port: Int, device: Int
  /// What it takes.
  public var kind: Medium.Kind
  /// UUID of the medium; nil: an empty drive.
  public var medium: String?
  /// What the guest may know of a disk, and what may be done to it while the machine runs.
  public var isNonrotational = false, discards = false, isHotPluggable = false, isTemporaryEject = false
  /// The guest may speak to the host's drive itself, so far as there is one.
  public var isPassedThrough = false
  /// The group whose limit the disk shares.
  public var bandwidthGroup: String?

  /// What VirtualBox's machine-readable output calls the place.
  var place: String { "\(controller)-\(port)-\(device)" }

  public init(controller: String, port: Int, device: Int, kind: Medium.Kind, medium: String? = nil) {
    self.controller = controller
    self.port = port
    self.device = device
    self.kind = kind
    self.medium = medium
  }
}

extension MachineSettings {
  /// In the order of the file.
  public var controllers: [SettingsElement] {
    hardware.child("StorageControllers")?.elements("StorageController") ?? []
  }
  /// The controller of this name.
  public func controller(_ name: String) throws(ServiceError) -> SettingsElement {
    guard let found = controllers.first(where: { $0["name"] == name }) else {
      throw ServiceError(.objectNotFound, "Could not find a storage controller named '\(name)'")
    }
    return found
  }
  /// All devices, in the order of controllers, ports and devices.
  public var attachments: [Attachment] { MachineSettings.attachments(hardware) }
  static func attachments(_ hardware: SettingsElement) -> [Attachment] {
    var found: [Attachment] = []
    for controller in hardware.child("StorageControllers")?.elements("StorageController") ?? [] {
      let here = controller.elements("AttachedDevice").compactMap { attachment($0, controller["name"] ?? "") }
      found += here.sorted { ($0.port, $0.device) < ($1.port, $1.device) }
    }
    return found
  }
  private static func attachment(_ element: SettingsElement, _ controller: String) -> Attachment? {
    guard let port = element.integer("port"), let device = element.integer("device") else { return nil }
    var found = Attachment(
      controller: controller, port: port, device: device,
      kind: element["type"].flatMap(Medium.Kind.init(rawValue:)) ?? .disk,
      medium: element.child("Image")?["uuid"].flatMap(SettingsUUID.normalized))
    found.isNonrotational = element.bool("nonrotational") ?? false
    found.discards = element.bool("discard") ?? false
    found.isHotPluggable = element.bool("hotpluggable") ?? false
    found.isTemporaryEject = element.bool("tempeject") ?? false
    found.isPassedThrough = element.bool("passthrough") ?? false
    found.bandwidthGroup = element["bandwidthGroup"].flatMap { $0.isEmpty ? nil : $0 }
    return found
  }
  mutating func changeControllers(_ body: (inout SettingsElement) -> Void) {
    machine.change("Hardware") { $0.change("StorageControllers", body) }
  }
  mutating func changeController(_ name: String, _ body: (inout SettingsElement) -> Void) {
    changeControllers { $0.changeAll("StorageController") { if $0["name"] == name { body(&$0) } } }
  }

  // MARK: Controllers

  /// Adds a controller with nothing plugged in.
  public mutating func addController(_ name: String, _ type: ControllerType) throws(ServiceError) {
    guard !name.isEmpty else { throw ServiceError(.invalidArgument, "A storage controller needs a name") }
    try Names.check(name, "a storage controller")
    guard !controllers.contains(where: { $0["name"] == name }) else {
      throw ServiceError(.objectInUse, "Storage controller named '\(name)' already exists")
    }
    let instances = controllers.filter { ControllerType.named($0["type"] ?? "")?.bus == type.bus }
    guard instances.isEmpty || type.bus == "scsi" || type.bus == "pcie" else {
      throw ServiceError(.invalidArgument, "Too many storage controllers of the bus '\(type.bus)'")
    }
    var element = SettingsElement(
      "StorageController",
      [
        ("name", name), ("type", type.name), ("PortCount", "\(type.ports)"),
        ("useHostIOCache", ["ide", "floppy"].contains(type.bus) ? "true" : "false"), ("Bootable", "true"),
      ])
    if type.name == "AHCI" {
      for (index, place) in ["IDE0Master", "IDE0Slave", "IDE1Master", "IDE1Slave"].enumerated() {
        element["\(place)EmulationPort"] = "\(index)"
      }
    }
    if !instances.isEmpty { element["Instance"] = "\(instances.count)" }
    changeControllers { $0.insert(element) }
  }
  /// What is plugged in goes with it.
  public mutating func removeController(_ name: String) throws(ServiceError) {
    _ = try controller(name)
    changeControllers { $0.remove("StorageController") { $0["name"] == name } }
    dropUnusedMedia()
  }
  /// Devices stay where they are.
  public mutating func renameController(_ name: String, to new: String) throws(ServiceError) {
    _ = try controller(name)
    guard !new.isEmpty else { throw ServiceError(.invalidArgument, "A storage controller needs a name") }
    try Names.check(new, "a storage controller")
    guard !controllers.contains(where: { $0["name"] == new }) else {
      throw ServiceError(.objectInUse, "Storage controller named '\(new)' already exists")
    }
    changeController(name) { $0["name"] = new }
  }
  /// Sets an attribute of its element.
  public mutating func setController(_ name: String, _ attribute: String, _ value: String) throws(ServiceError) {
    _ = try controller(name)
    changeController(name) { $0[attribute] = value }
  }
  /// A port with a device on it stays.
  public mutating func setController(_ name: String, ports: Int) throws(ServiceError) {
    let type = ControllerType.named(try controller(name)["type"] ?? "")
    guard let type, (1...type.maximumPorts).contains(ports), type.ports == ports || type.maximumPorts > type.ports
    else {
      throw ServiceError(.invalidArgument, "Invalid port count: \(ports)")
    }
    if let used = attachments.last(where: { $0.controller == name })?.port, used >= ports {
      throw ServiceError(.notSupported, "There is still a device attached to port \(used) of '\(name)'")
    }
    changeController(name) { $0["PortCount"] = "\(ports)" }
  }

  // MARK: Devices

  /// Unplugs what is in a slot.
  public mutating func detach(_ name: String, _ port: Int, _ device: Int) throws(ServiceError) {
    try checkSlot(name, port, device)
    guard attachments.contains(where: { $0.controller == name && $0.port == port && $0.device == device }) else {
      throw ServiceError(
        .objectNotFound, "No storage device attached to device slot \(device) on port \(port) of controller '\(name)'")
    }
    remove(name, port, device)
    dropUnusedMedia()
  }
  private mutating func remove(_ name: String, _ port: Int, _ device: Int) {
    changeController(name) {
      $0.remove("AttachedDevice") { $0.integer("port") == port && $0.integer("device") == device }
    }
  }
  func checkSlot(_ name: String, _ port: Int, _ device: Int) throws(ServiceError) {
    let controller = try controller(name)
    let type = ControllerType.named(controller["type"] ?? "")
    let ports = max(controller.integer("PortCount") ?? 1, type?.ports ?? 1)
    // A port beyond the count is added when something is plugged into it, as the clients expect of SATA.
    let limit = type.map { max(ports, $0.maximumPorts) } ?? ports
    guard (0..<limit).contains(port), (0..<(type?.devices ?? 1)).contains(device) else {
      throw ServiceError(
        .invalidArgument,
        "The port and/or device parameter are out of range: port=\(port) (must be in range "
          + "[0, \(limit - 1)]), device=\(device) (must be in range [0, \((type?.devices ?? 1) - 1)])")
    }
  }
  /// Plugs a device in, in place of what was there.
  public mutating func attach(_ attachment: Attachment) throws(ServiceError) {
    try checkSlot(attachment.controller, attachment.port, attachment.device)
    let bus = ControllerType.named(try controller(attachment.controller)["type"] ?? "")?.bus
    guard (bus == "floppy") == (attachment.kind == .floppy) else {
      throw ServiceError(
        .invalidArgument, "A device of this type cannot be attached to the controller '\(attachment.controller)'")
    }
    remove(attachment.controller, attachment.port, attachment.device)
    let element = MachineSettings.element(attachment)
    changeController(attachment.controller) { controller in
      controller.insert(element)
      if let ports = controller.integer("PortCount"), ports <= attachment.port {
        controller["PortCount"] = "\(attachment.port + 1)"
      }
    }
    dropUnusedMedia()
  }
  private static func element(_ attachment: Attachment) -> SettingsElement {
    func flag(_ value: Bool) -> String { value ? "true" : "false" }
    var element = SettingsElement("AttachedDevice")
    if attachment.isNonrotational { element["nonrotational"] = "true" }
    if attachment.discards { element["discard"] = "true" }
    if attachment.kind == .dvd { element["passthrough"] = flag(attachment.isPassedThrough) }
    if attachment.isTemporaryEject { element["tempeject"] = "true" }
    element["type"] = attachment.kind.rawValue
    element["hotpluggable"] = flag(attachment.isHotPluggable)
    element["port"] = "\(attachment.port)"
    element["device"] = "\(attachment.device)"
    element["bandwidthGroup"] = attachment.bandwidthGroup
    if let medium = attachment.medium { element.insert(SettingsElement("Image", [("uuid", "{\(medium)}")])) }
    return element
  }

  /// UUIDs of the media that the machine or one of its snapshots has attached.
  var usedMedia: Set<String> {
    var used = Set(attachments.compactMap(\.medium))
    func collect(_ snapshot: SettingsElement) {
      for attachment in MachineSettings.attachments(snapshot.child("Hardware") ?? SettingsElement("Hardware")) {
        if let medium = attachment.medium { used.insert(medium) }
      }
      for child in snapshot.child("Snapshots")?.elements("Snapshot") ?? [] { collect(child) }
    }
    if let root = machine.child("Snapshot") { collect(root) }
    return used
  }
  /// CDs and floppies that nobody has inserted any more are forgotten; disks stay until they are closed.
  private mutating func dropUnusedMedia() {
    let used = usedMedia
    var registry = mediaRegistry
    for medium in registry.media() where medium.kind != .disk && !used.contains(medium.uuid) {
      registry.remove(medium.uuid)
    }
    mediaRegistry = registry
  }

  // MARK: Media

  /// The medium of this file, which becomes known to the machine if nobody knew it: its UUID.
  public mutating func openMedium(
    _ name: String, _ kind: Medium.Kind, _ registry: Registry
  ) throws(ServiceError) -> String {
    if let known = try registry.medium(name)?.medium {
      guard known.kind == kind else {
        throw ServiceError(.objectNotFound, "The medium '\(known.path)' is not of the type \(kind.rawValue)", .medium)
      }
      if !media.contains(where: { $0.uuid == known.uuid }) { try adopt(known, registry) }
      return known.uuid
    }
    guard SettingsUUID.normalized(name) == nil else {
      throw Registry.unknown(name)
    }
    let path = Paths.absolute(name)
    guard HostPaths.exists(path) else {
      throw ServiceError(
        .fileError, "Could not find file for the medium '\(path)' (VERR_FILE_NOT_FOUND)", .medium)
    }
    return try register(path, kind, registry, depth: 0)
  }
  static func double(_ path: String, _ uuid: String, _ other: Medium) -> ServiceError {
    ServiceError(
      .invalidArgument,
      "Cannot register the hard disk '\(path)' {\(uuid)} because a hard disk '\(other.path)' with "
        + "UUID {\(uuid)} already exists", .registry)
  }
  /// A medium of another registry: this machine's registry knows it too, with its parents.
  private mutating func adopt(_ medium: Medium, _ registry: Registry) throws(ServiceError) {
    var chain = [medium]
    while let parent = chain[0].parent, chain.count < ImageChain.maximumDepth,
      let next = try registry.medium(parent)?.medium
    { chain.insert(next, at: 0) }
    for link in chain where !media.contains(where: { $0.uuid == link.uuid }) { mediaRegistry.add(link) }
  }
  private mutating func register(
    _ path: String, _ kind: Medium.Kind, _ registry: Registry, depth: Int
  ) throws(ServiceError) -> String {
    guard kind == .disk else {
      guard FileManager.default.isReadableFile(atPath: path) else {
        throw ServiceError(.fileError, "Could not open the medium '\(path)' (VERR_ACCESS_DENIED)", .medium)
      }
      let uuid = UUID().uuidString.lowercased()
      mediaRegistry.add(Medium(kind: kind, uuid: uuid, path: path, format: "RAW", type: "Normal"))
      return uuid
    }
    let info = try MediumFile.info(path)
    let uuid = info.uuid.map(\.description) ?? UUID().uuidString.lowercased()
    if let other = try registry.medium(uuid)?.medium { throw MachineSettings.double(path, uuid, other) }
    var parent: String?
    if info.variant == .differencing, let place = info.parentPath.map(Paths.absolute), depth < ImageChain.maximumDepth {
      var known = media.first { $0.path == place }
      if known == nil { known = try registry.medium(place)?.medium }
      if let known {
        if !media.contains(where: { $0.uuid == known.uuid }) { try adopt(known, registry) }
        parent = known.uuid
      } else if HostPaths.exists(place) {
        parent = try register(place, .disk, registry, depth: depth + 1)
      }
    }
    mediaRegistry.add(
      Medium(kind: .disk, uuid: uuid, path: path, format: info.format.rawValue, type: "Normal", parent: parent))
    return uuid
  }
  /// Normal, Immutable, ...: of the medium, for all who have it.
  mutating func setType(_ uuid: String, _ type: String) {
    mediaRegistry.change(uuid) { $0["type"] = type }
  }
}
