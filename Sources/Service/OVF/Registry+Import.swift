import DiskImages
import Foundation
import HostSystem
import SettingsFiles

extension Registry {
  /// Makes machines of an appliance, all or none: images first, then settings, then entries in the registry.
  public func importAppliance(
    _ plan: ImportPlan, progress: WorkProgress = .none
  ) throws(ServiceError) -> [MachineSettings] {
    for system in plan.systems where !system.acceptsLicense {
      throw ServiceError(
        .invalidArgument, "Cannot import until the license agreement listed above is accepted.", .appliance)
    }
    try plan.files.checkManifest(progress)
    return try settling { () throws(ServiceError) in try makeMachines(plan, progress) }
  }
  private func makeMachines(
    _ plan: ImportPlan, _ progress: WorkProgress
  ) throws(ServiceError) -> [MachineSettings] {
    let total = UInt64(max(1, plan.systems.reduce(0) { $0 + $1.units.filter { $0.kind == .disk }.count }))
    var imports: [MachineImport] = []
    var registered: [String] = []
    do throws(ServiceError) {
      var done: UInt64 = 0
      for system in plan.systems {
        try refuseDouble(system.value(.name))
        guard !HostPaths.exists(system.settingsFile) else {
          throw ServiceError(.fileError, "Machine settings file '\(system.settingsFile)' already exists", .appliance)
        }
        imports.append(MachineImport(system, plan))
        let start = done
        try imports[imports.count - 1].make(registry: self) { part, all in
          progress.pass(start * 1000 + (all == 0 ? 0 : part * 1000 / all), of: total * 1000)
        } next: {
          done += 1
          return done
        }
      }
      progress.pass(1, of: 1)
      var machines: [MachineSettings] = []
      for index in imports.indices {
        let path = imports[index].settings.file.path
        UnfinishedWork.note(files: [path, "\(path)-tmp"])
        try write(&imports[index].settings.file)
        machines.append(try register(imports[index].settings.file.path))
        registered.append(machines[index].uuid)
      }
      return machines
    } catch {
      for uuid in registered { try? unregister(uuid, .nothing) }
      for half in imports { half.removeEverything() }
      throw error
    }
  }
}

/// A machine of an appliance under way.
private struct MachineImport {
  private let system: ImportPlan.System
  private let plan: ImportPlan
  var settings: MachineSettings
  private var made: [String] = []
  private var folders: [String] = []

  init(_ system: ImportPlan.System, _ plan: ImportPlan) {
    self.system = system
    self.plan = plan
    settings = MachineSettings(
      creating: system.settingsFile, name: system.value(.name), uuid: UUID().uuidString.lowercased(),
      type: OSType.named(system.value(.osType)) ?? OSType.other)
  }

  mutating func make(
    registry: Registry, _ report: @escaping @Sendable (UInt64, UInt64) -> Bool, next: () -> UInt64
  ) throws(ServiceError) {
    try makeFolder(of: system.settingsFile)
    if let machine = system.source.machine { try takeOver(machine) } else { try build() }
    try applyChoices()
    var images: [Int: Medium] = [:]
    for (number, unit) in system.units.enumerated() where unit.kind == .disk && !unit.isIgnored {
      guard let disk = unit.disk else { continue }
      images[number] = try copy(disk, to: unit.value, report)
      _ = next()
    }
    for (number, unit) in system.units.enumerated() where unit.kind == .cdrom && unit.disk?.file != nil {
      guard !unit.isIgnored, let disk = unit.disk else { continue }
      images[number] = try copyISO(disk)
    }
    for medium in images.values { settings.mediaRegistry.add(medium) }
    if system.source.machine == nil { try plug(images) } else { replace(images) }
  }
  func removeEverything() {
    for path in made { HostFiles.remove(path) }
    for suffix in ["", "-prev"] { HostFiles.remove(settings.file.path + suffix) }
    for folder in folders.reversed() where (try? FileManager.default.contentsOfDirectory(atPath: folder)) == [] {
      try? FileManager.default.removeItem(atPath: folder)
    }
  }
  /// Remembers which of the folders were not there.
  private mutating func makeFolder(of path: String) throws(ServiceError) {
    let folder = Paths.folder(of: path)
    var missing: [String] = []
    var here = folder
    while !HostPaths.exists(here), here != "/", missing.count < 100 {
      missing.append(here)
      here = Paths.folder(of: here)
    }
    UnfinishedWork.note(folder: folder)
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: ServiceHome.ownersOnly)
    } catch {
      throw ServiceError(.fileError, "Could not create the directory '\(folder)' (VERR_ACCESS_DENIED)", .appliance)
    }
    folders += missing.reversed()
  }

  // MARK: Images

  /// What a guest can be given: 64 TiB.
  private static let largestDisk: UInt64 = 1 << 46

  private mutating func copy(
    _ disk: OVFDocument.Disk, to path: String, _ report: @escaping @Sendable (UInt64, UInt64) -> Bool
  ) throws(ServiceError) -> Medium {
    try makeFolder(of: path)
    let format = ImageFormat(named: Paths.suffix(of: path)) ?? .vdi
    let files = plan.files
    do throws(DiskError) {
      var capacity = disk.capacity
      var source: (any ManagedImage)?
      if let file = disk.file {
        let image = try ImageLibrary(store: files).open(
          MachineImport.place(file.name, files), ImageLibrary.Options(readOnly: true))
        capacity = image.sectorCount * 512
        source = image
      }
      guard capacity <= MachineImport.largestDisk else { throw .invalid("\(capacity) bytes are too many for a disk") }
      let creation = ImageCreation(format == .iso ? .raw : format, capacity: (capacity + 511) / 512 * 512)
      let info: ImageInfo
      if let source {
        info = try ImageLibrary.noted.clone(source, to: path, creation, progress: WorkProgress { report($0, $1) })
      } else {
        info = try ImageLibrary.noted.create(path, creation)
      }
      made += info.files
      return Medium(
        kind: .disk, uuid: info.uuid?.description ?? UUID().uuidString.lowercased(), path: path,
        format: info.format.rawValue, type: "Normal")
    } catch {
      throw ServiceError(
        .fileError, "Could not create the imported medium '\(path)': \(error)", .appliance)
    }
  }
  /// As it is written, else without the escapes of a URL.
  private static func place(_ name: String, _ files: ApplianceFiles) -> String {
    if !files.exists(files.path(name)), let plain = name.removingPercentEncoding { return files.path(plain) }
    return files.path(name)
  }
  private mutating func copyISO(_ disk: OVFDocument.Disk) throws(ServiceError) -> Medium? {
    guard let file = disk.file else { return nil }
    let path = "\(settings.folder)/\(Paths.name(of: file.name))"
    try makeFolder(of: path)
    do throws(DiskError) {
      let source = try plan.files.open(MachineImport.place(file.name, plan.files), writable: false)
      let target = try NotedStore().create(path)
      made.append(path)
      try source.copy(to: target)
      try target.synchronize()
    } catch { throw ServiceError(.fileError, "Could not create '\(path)': \(error)", .appliance) }
    return Medium(
      kind: .dvd, uuid: UUID().uuidString.lowercased(), path: path, format: "RAW", type: "Normal")
  }

  // MARK: Settings of VirtualBox's

  /// The machine as it was, without what belongs to the host that it was on.
  private mutating func takeOver(_ element: SettingsElement) throws(ServiceError) {
    var machine = element
    let version = machine.value("version") ?? "\(SettingsVersion.written)-\(SettingsVersion.platform)"
    machine.name = "Machine"
    machine.attributes.removeAll { $0.name.contains(":") || ["version", "xmlns"].contains($0.name) }
    machine.children.removeAll { if case .element(let child) = $0 { child.localName == "Info" } else { false } }
    for attribute in [
      "stateFile", "aborted", "currentSnapshot", "currentStateModified", "directoryIncludesUUID", "icon",
    ] {
      machine[attribute] = nil
    }
    for name in ["MediaRegistry", "Snapshot", "Teleporter", "Debugging", "Groups"] { machine.remove(name) }
    let path = system.settingsFile
    machine["uuid"] = "{\(settings.uuid)}"
    machine["name"] = system.value(.name)
    machine["snapshotFolder"] = "Snapshots"
    machine["lastStateChange"] = Timestamp.text(Timestamp.now)
    let document = SettingsElement("VirtualBox", [("xmlns", SettingsFile.namespace), ("version", version)], [machine])
    do throws(SettingsError) {
      settings = MachineSettings(try SettingsFile(parsing: XMLDocument.bytes(document), path: path, .machine))
    } catch { throw ServiceError(.fileError, "Could not load the settings: \(error)", .appliance) }
    settings.file = SettingsFile(path: path, .machine, root: settings.machine)
    settings.forgetHost()
    let addresses = plan.request.addresses
    settings.changeEveryHardware { hardware in
      hardware["uuid"] = nil
      hardware.changeAdapters { adapter in
        guard addresses == .new || addresses == .keepNAT && adapter.child("NAT") == nil else { return }
        adapter["MACAddress"] = MachineSettings.randomMAC()
      }
    }
  }
  /// Images in the place of those that the machine had. What is not in the appliance is not plugged in any more.
  private mutating func replace(_ images: [Int: Medium]) {
    var byOld: [String: Medium] = [:], inOrder: [Medium] = []
    for (number, medium) in images.sorted(by: { $0.key < $1.key }) {
      if let old = system.units[number].disk?.uuid {
        byOld[old] = medium
      } else if medium.kind == .disk {
        inOrder.append(medium)
      }
    }
    for attachment in settings.attachments {
      var medium = attachment.medium.flatMap { byOld.removeValue(forKey: $0) }
      if medium == nil, attachment.kind == .disk, !inOrder.isEmpty { medium = inOrder.removeFirst() }
      var changed = attachment
      changed.medium = medium?.uuid
      if medium == nil, attachment.kind == .disk {
        try? settings.detach(attachment.controller, attachment.port, attachment.device)
      } else {
        try? settings.attach(changed)
      }
    }
  }

  // MARK: Settings of others

  private mutating func build() throws(ServiceError) {
    settings.machine.change("Hardware") { $0.remove("Network") }
    for unit in system.units where unit.kind == .network && !unit.isIgnored { try addCard(unit) }
    if system.units.contains(where: { $0.kind == .usb && !$0.isIgnored }) {
      settings.machine.change(path: ["Hardware", "USB", "Controllers"]) {
        $0.insert(SettingsElement("Controller", [("name", "OHCI"), ("type", "OHCI")]))
      }
    }
    if system.units.contains(where: { $0.kind == .sound && !$0.isIgnored }) {
      settings.machine.set(["Hardware", "AudioAdapter"], "enabled", "true")
    }
  }
  private mutating func addCard(_ unit: ImportPlan.Unit) throws(ServiceError) {
    let slot = settings.hardware.child("Network")?.elements("Adapter").count ?? 0
    guard slot < 8 else { return }
    var address = MachineSettings.randomMAC()
    let kept = (unit.item?.address ?? "").uppercased().filter { $0 != ":" && $0 != "-" }
    if plan.request.addresses != .new, kept.utf8.count == 12, kept.allSatisfy(\.isHexDigit) { address = kept }
    var adapter = SettingsElement("Adapter", [("slot", "\(slot)"), ("enabled", "true"), ("MACAddress", address)])
    if unit.value != "Am79C973" { adapter["type"] = unit.value }
    let modes = [
      "NAT": "NAT", "Bridged": "BridgedInterface", "Internal": "InternalNetwork", "HostOnly": "HostOnlyInterface",
      "Generic": "GenericInterface",
    ]
    let kind = unit.extra.split(separator: "=").last.map(String.init) ?? "NAT"
    if let mode = modes[kind] {
      adapter.insert(SettingsElement(mode, mode == "NAT" ? [("localhost-reachable", "false")] : []))
    }
    settings.machine.change(path: ["Hardware", "Network"]) { $0.insert(adapter) }
  }
  private mutating func plug(_ images: [Int: Medium]) throws(ServiceError) {
    var names: [Int: String] = [:]
    for (number, unit) in system.units.enumerated() where !unit.isIgnored {
      let kinds: [ImportPlan.Unit.Kind] = [.ide, .sata, .scsi, .sas, .virtioSCSI, .nvme]
      guard kinds.contains(unit.kind), let type = ControllerType.named(unit.value) else { continue }
      names[number] = try addController(type)
    }
    for (number, medium) in images.sorted(by: { $0.key < $1.key }) where medium.kind == .disk {
      let unit = system.units[number]
      var name = unit.controller.flatMap { names[$0] }
      if name == nil { name = try addController(ControllerType.named("AHCI")) }
      guard let name else { continue }
      try settings.attach(
        Attachment(controller: name, port: unit.port, device: unit.device, kind: .disk, medium: medium.uuid))
    }
    for (number, unit) in system.units.enumerated() where unit.kind == .cdrom && !unit.isIgnored {
      var name = unit.controller.flatMap { names[$0] }
      if name == nil { name = try addController(ControllerType.named("PIIX4")) }
      guard let name else { continue }
      try plugDrive(
        Attachment(controller: name, port: unit.port, device: unit.device, kind: .dvd, medium: images[number]?.uuid))
    }
    if system.units.contains(where: { $0.kind == .floppy && !$0.isIgnored }), let type = ControllerType.named("I82078")
    {
      let name = try addController(type) ?? "Floppy"
      try plugDrive(Attachment(controller: name, port: 0, device: 0, kind: .floppy))
    }
  }
  /// The name of a new controller of this type, or of the one that is there already.
  private mutating func addController(_ type: ControllerType?) throws(ServiceError) -> String? {
    guard let type else { return nil }
    let same = settings.controllers.filter { ControllerType.named($0["type"] ?? "")?.bus == type.bus }
    if !["scsi", "pcie"].contains(type.bus), let name = same.first?["name"] { return name }
    let labels = ["ide": "IDE Controller", "sata": "SATA Controller", "floppy": "Floppy Controller"]
    var name = labels[type.bus] ?? "\(type.shown) Controller"
    if !same.isEmpty { name += " \(same.count)" }
    try settings.addController(name, type)
    return name
  }
  /// In the first free place when its own is taken.
  private mutating func plugDrive(_ wanted: Attachment) throws(ServiceError) {
    var attachment = wanted
    func isTaken(_ here: Attachment) -> Bool {
      settings.attachments.contains {
        $0.controller == here.controller && $0.port == here.port && $0.device == here.device
      }
    }
    let type = ControllerType.named(try settings.controller(wanted.controller)["type"] ?? "")
    let places = (0..<(type?.maximumPorts ?? 1)).flatMap { port in (0..<(type?.devices ?? 1)).map { (port, $0) } }
    if isTaken(attachment) {
      for (port, device) in places {
        (attachment.port, attachment.device) = (port, device)
        if !isTaken(attachment) { break }
      }
      guard !isTaken(attachment) else { return }
    }
    try settings.attach(attachment)
  }

  // MARK: Choices

  private mutating func applyChoices() throws(ServiceError) {
    if let type = OSType.named(system.value(.osType)) { settings.machine["OSType"] = type.id }
    let group = system.value(.group)
    if group != "/", !group.isEmpty { settings.setGroups([group]) }
    let text = system.text
    settings.machine.remove("Description")
    if !text.isEmpty {
      var description = SettingsElement("Description")
      description.children = [.text(text)]
      settings.machine.insert(description)
    }
    guard let cpus = Int(system.value(.cpus)), (1...64).contains(cpus) else {
      throw ServiceError(.invalidArgument, "\(system.value(.cpus)) processors are not possible", .appliance)
    }
    settings.machine.set(["Hardware", "CPU"], "count", cpus == 1 ? nil : "\(cpus)")
    guard let memory = Int(system.value(.memory)), (4...2_097_152).contains(memory) else {
      throw ServiceError(.invalidArgument, "\(system.value(.memory)) MB of memory are not possible", .appliance)
    }
    settings.machine.set(["Hardware", "Memory"], "RAMSize", "\(memory)")
    for unit in system.units where unit.isIgnored {
      switch unit.kind {
      case .usb:
        settings.machine.set(["Hardware", "USB"], "Controllers", nil)
        settings.machine.change("Hardware") { $0.remove("USB") }
      case .sound: settings.machine.set(["Hardware", "AudioAdapter"], "enabled", nil)
      default: break
      }
    }
    // The appliance lists the cards that are there, in the order of their slots.
    let cards = system.units.filter { $0.kind == .network }
    var place = 0
    settings.machine.change("Hardware") { hardware in
      hardware.changeAdapters { adapter in
        guard adapter.bool("enabled") == true else { return }
        if cards.indices.contains(place), cards[place].isIgnored { adapter["enabled"] = "false" }
        place += 1
      }
    }
  }
}

extension MachineSettings {
  /// What would read, write or offer things of this host that somebody else chose.
  mutating func forgetHost() {
    let isHarmless = { (key: String) in
      ["Ringbox/Engine", "Ringbox/CPU"].contains(key) || ConfigurationKey.isIdentity(key)
    }
    for (key, _) in extraData where key.hasPrefix("Ringbox/") || key.hasPrefix(ConfigurationKey.prefix) {
      if !isHarmless(key) { setExtraData(key, nil) }
    }
    machine.remove("Recording")
    machine.change("Hardware") { hardware in
      hardware.remove("SharedFolders")
      hardware.remove("HostPci")
      for list in ["UART", "LPT"] {
        hardware.changeAll(list) { ports in
          ports.changeAll("Port") { port in
            port["path"] = nil
            if list == "UART" { (port["hostMode"], port["server"]) = ("Disconnected", nil) }
          }
        }
      }
      hardware.changeAdapters { adapter in
        (adapter["trace"], adapter["tracefile"]) = (nil, nil)
        adapter.changeAll("NAT") { $0.remove("TFTP") }
        adapter.changeAll("DisabledModes") { $0.changeAll("NAT") { $0.remove("TFTP") } }
      }
      hardware.set(["BIOS", "NVRAM"], "path", nil)
      hardware.set(["BIOS", "Logo"], "imagePath", nil)
      hardware.changeAll("StorageControllers") { list in
        list.changeAll("StorageController") { controller in
          controller.changeAll("AttachedDevice") { $0.remove("HostDrive") }
        }
      }
    }
    machine.remove("Recording")
  }
}

extension ImageFile {
  func copy(to target: any ImageFile) throws(DiskError) {
    let size = try size()
    var position: UInt64 = 0
    while position < size {
      let count = Int(min(1 << 20, size - position))
      try target.store(try load(position, count), at: position)
      position += UInt64(count)
    }
  }
}
