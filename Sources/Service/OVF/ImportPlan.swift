import DiskImages
import Foundation
import HostSystem
import SettingsFiles

/// What a user wants otherwise than an appliance suggests, for one of its systems.
public struct ImportChoice: Sendable {
  /// The same for a numbered piece of it.
  public struct Unit: Sendable {
    /// It is left out.
    public var isIgnored = false
    /// Where a disk goes.
    public var disk: String?
    /// Type of a SCSI controller, or number of the controller that a disk is to be plugged into, and the port there.
    public var scsiType: String?
    /// A number of the plan.
    public var controller: String?
    /// Where the disk is plugged in.
    public var port: Int?
    public init() {}
  }
  /// Of the machine, and where its files go.
  public var name: String?, osType: String?, group: String?, settingsFile: String?, baseFolder: String?
  /// The machine's description.
  public var text: String?
  /// Processors, and MiB.
  public var cpus: Int?, memory: Int?
  /// The user has read it.
  public var acceptsLicense = false
  /// By number.
  public var units: [Int: Unit] = [:]
  public init() {}
}

/// How an appliance is to be imported.
public struct ImportRequest: Sendable {
  /// By number of the system.
  public var choices: [Int: ImportChoice] = [:]
  /// What the cards have.
  public var addresses = CloneRequest.Addresses.new
  /// Disks become VDI instead of VMDK.
  public var makesVDI = false
  public init() {}
}

/// What an import will do: numbered pieces, which the user may change by their numbers.
public struct ImportPlan: Sendable {
  /// A piece of a system.
  public struct Unit: Sendable {
    /// What a piece is.
    public enum Kind: Sendable {
      case osType, name, group, settingsFile, baseFolder, product, productURL, vendor, vendorURL, version, text
      case license, cpus, memory, sound, usb, network, floppy, cdrom
      case ide, sata, scsi, sas, virtioSCSI, nvme, disk
    }
    /// Says what the texts mean.
    public var kind: Kind
    /// What the appliance says, and what it becomes.
    public var original: String, value: String
    /// Where it is plugged in, in the words of VBoxManage.
    public var extra = ""
    /// It is left out.
    public var isIgnored = false
    /// The user said so.
    public var isChosen = false
    /// Of a disk: the file in the appliance or nil, and the controller's number here.
    var disk: OVFDocument.Disk?
    var item: OVFDocument.Item?
    var controller: Int?
    var port = 0, device = 0
  }
  /// A machine to be.
  public struct System: Sendable {
    /// Their places are their numbers.
    public internal(set) var units: [Unit] = []
    /// Empty: there is none.
    public internal(set) var license = ""
    /// There is no license, or the user has accepted it.
    public internal(set) var acceptsLicense = false
    var text = ""
    var source: OVFDocument.System
    /// What the first piece of this kind becomes.
    public func value(_ kind: Unit.Kind) -> String { units.first { $0.kind == kind }?.value ?? "" }
    /// Where the machine's folder and settings file will be.
    var settingsFile: String { value(.settingsFile) }
    var folder: String { Paths.folder(of: settingsFile) }
  }
  /// The machines to be, in the order of the description.
  public private(set) var systems: [System] = []
  /// A line for each disk, fields with tabs between.
  public private(set) var disks: [String] = []
  /// Absolute.
  public let path: String
  let files: ApplianceFiles
  let request: ImportRequest

  /// Reads the appliance; nothing is made yet.
  public init(_ path: String, _ request: ImportRequest, _ registry: Registry) throws(ServiceError) {
    self.path = Paths.absolute(path)
    self.request = request
    files = try ApplianceFiles(path)
    let document = try OVFDocument(try files.load(files.description, limit: 16 << 20), path: self.path)
    disks = document.disks.map { disk in
      "\(disk.id)\t\(disk.capacity)\t-1\t\(disk.format)\t\(disk.file?.name ?? "")\t-1\t-1\t"
    }
    var names = Set(try registry.machines().map(\.name))
    for number in request.choices.keys where !document.systems.indices.contains(number) {
      throw ServiceError(
        .invalidArgument,
        "Invalid index \(number) with --vsys option; the OVF contains only \(document.systems.count) "
          + "virtual system(s).", .appliance)
    }
    for (index, source) in document.systems.enumerated() {
      let choice = request.choices[index] ?? ImportChoice()
      var builder = try Builder(source, document, choice, request, registry, &names)
      try builder.build()
      systems.append(builder.system)
    }
  }
}

/// One system's pieces, in the order in which they are numbered.
private struct Builder {
  var system: ImportPlan.System
  let document: OVFDocument
  let choice: ImportChoice
  let request: ImportRequest
  private var source: OVFDocument.System { system.source }
  private let name: String, settingsFile: String, baseFolder: String
  private var targets: Set<String> = []
  /// Numbers of controllers by the instance IDs of their items.
  private var controllers: [String: (unit: Int, channel: Int)] = [:]

  init(
    _ source: OVFDocument.System, _ document: OVFDocument, _ choice: ImportChoice, _ request: ImportRequest,
    _ registry: Registry, _ names: inout Set<String>
  ) throws(ServiceError) {
    self.document = document
    self.choice = choice
    self.request = request
    system = ImportPlan.System(source: source)
    let suggested = Builder.fileName(source.machine?["name"] ?? source.name)
    var free = suggested, number = 0
    while names.contains(free) {
      number += 1
      free = "\(suggested)_\(number)"
    }
    name = choice.name ?? free
    names.insert(name)
    let usual = try registry.defaultMachineFolder()
    baseFolder = choice.baseFolder.map(Paths.absolute) ?? usual
    let file = choice.settingsFile ?? "\(name)/\(name).vbox"
    settingsFile = Paths.resolve(file, in: baseFolder)
    system.license = source.license
    system.acceptsLicense = source.license.isEmpty || choice.acceptsLicense
  }
  /// Text of somebody else's as a plain name.
  static func fileName(_ text: String) -> String {
    let name = String(text.map { $0 == "/" || $0 == "\\" || $0.unicodeScalars.contains { $0.value < 0x20 } ? "_" : $0 })
    return ["", ".", ".."].contains(name) ? "vm" : String(name.prefix(120))
  }

  private mutating func add(
    _ kind: ImportPlan.Unit.Kind, _ original: String, _ chosen: String? = nil, extra: String = ""
  ) {
    var unit = ImportPlan.Unit(kind: kind, original: original, value: chosen ?? original, extra: extra)
    unit.isChosen = chosen != nil
    unit.isIgnored = choice.units[system.units.count]?.isIgnored ?? false
    system.units.append(unit)
  }

  mutating func build() throws(ServiceError) {
    let type = source.machine?["OSType"] ?? source.osType ?? CIMSystem.type(source.osNumber)?.id ?? "Other"
    if let wanted = choice.osType, OSType.named(wanted) == nil {
      throw ServiceError(.invalidArgument, "Guest OS type '\(wanted)' is invalid", .appliance)
    }
    add(.osType, type, choice.osType)
    add(.name, name, choice.name)
    add(.group, "/", choice.group)
    add(.settingsFile, settingsFile, choice.settingsFile.map { _ in settingsFile })
    add(.baseFolder, baseFolder, choice.baseFolder)
    for (kind, text) in [
      (.product, source.product), (.productURL, source.productURL), (.vendor, source.vendor),
      (.vendorURL, source.vendorURL), (.version, source.version),
    ] as [(ImportPlan.Unit.Kind, String)] where !text.isEmpty { add(kind, text) }
    let text = source.machine?.child("Description")?.text ?? source.text
    if !text.isEmpty { add(.text, text, choice.text) }
    system.text = choice.text ?? text
    if !source.license.isEmpty { add(.license, source.license) }
    addProcessor()
    for item in source.items where item.type == 35 { add(.sound, item.subtype) }
    if source.items.contains(where: { $0.type == 23 }) { add(.usb, "") }
    for item in source.items where item.type == 10 { addCard(item) }
    for item in source.items where item.type == 14 { addDrive(.floppy, item) }
    let drives = source.items.filter { [15, 16].contains($0.type) }
    for item in drives { addDrive(.cdrom, item) }
    addControllers()
    for item in source.items where item.type == 17 { try addDisk(item) }
    for index in system.units.indices where [.floppy, .cdrom].contains(system.units[index].kind) { plug(index) }
  }
  private mutating func addProcessor() {
    let hardware = source.machine?.child("Hardware")
    let cpus = source.items.first { $0.type == 3 }?.quantity ?? 1
    add(
      .cpus, "\(hardware?.child("CPU")?.integer("count") ?? Int(clamping: max(1, cpus)))", choice.cpus.map { "\($0)" })
    var memory: UInt64 = 512
    if let item = source.items.first(where: { $0.type == 4 }) {
      memory = (OVFDocument.bytes("\(item.quantity)", item.units.isEmpty ? "MegaBytes" : item.units) ?? 512 << 20) >> 20
    }
    if let size = hardware?.child("Memory")?.integer("RAMSize"), size > 0 { memory = UInt64(size) }
    add(.memory, "\(memory)", choice.memory.map { "\($0)" })
  }
  private mutating func addCard(_ item: OVFDocument.Item) {
    let known = ["NAT", "Bridged", "Internal", "HostOnly", "Generic", "Null"]
    let kind = known.first { item.connection.lowercased().hasPrefix($0.lowercased()) } ?? "Bridged"
    let models = [
      "pcnet32": "Am79C973", "vmxnet": "Am79C973", "e1000": "82540EM", "e1000e": "82540EM", "virtio": "virtio",
      "virtionet": "virtio", "vmxnet3": "virtio",
    ]
    let slot = system.units.filter { $0.kind == .network }.count
    add(.network, item.connection, models[item.subtype.lowercased()] ?? "82540EM", extra: "slot=\(slot);type=\(kind)")
    system.units[system.units.count - 1].item = item
    system.units[system.units.count - 1].isChosen = false
  }
  private mutating func addDrive(_ kind: ImportPlan.Unit.Kind, _ item: OVFDocument.Item) {
    add(kind, item.hostResource ?? "")
    system.units[system.units.count - 1].item = item
    system.units[system.units.count - 1].disk = disk(item)
  }

  // MARK: Controllers

  /// Two IDE controllers of an appliance are the two channels of one.
  private mutating func addControllers() {
    var ide: Int?
    for item in source.items {
      let subtype = item.subtype.lowercased()
      switch item.type {
      case 5:
        let second = item.address == "1" || ide != nil
        if ide == nil {
          ide = system.units.count
          let types = ["piix3": "PIIX3", "ich6": "ICH6"]
          add(.ide, item.subtype, types[subtype] ?? "PIIX4")
        }
        controllers[item.instance] = (ide ?? 0, second ? 1 : 0)
      case 6:
        let kind: ImportPlan.Unit.Kind = subtype == "lsilogicsas" ? .sas : .scsi
        let wanted = choice.units[system.units.count]?.scsiType
        let usual = kind == .sas ? "LsiLogicSas" : subtype == "buslogic" ? "BusLogic" : "LsiLogic"
        addController(kind, item, wanted ?? usual)
      case 20:
        if subtype.contains("virtio") {
          addController(.virtioSCSI, item, "VirtioSCSI")
        } else if subtype.contains("nvme") {
          addController(.nvme, item, "NVMe")
        } else {
          addController(.sata, item, "AHCI")
        }
      default: break
      }
    }
  }
  private mutating func addController(_ kind: ImportPlan.Unit.Kind, _ item: OVFDocument.Item, _ type: String) {
    controllers[item.instance] = (system.units.count, 0)
    add(kind, item.subtype, type)
  }

  // MARK: Disks

  private func disk(_ item: OVFDocument.Item) -> OVFDocument.Disk? {
    guard let resource = item.hostResource, let slash = resource.lastIndex(of: "/") else { return nil }
    let id = String(resource[resource.index(after: slash)...])
    if resource.contains("/file/") { return document.disks.first { $0.file?.id == id } }
    return document.disks.first { $0.id == id }
  }
  private mutating func addDisk(_ item: OVFDocument.Item) throws(ServiceError) {
    guard let disk = disk(item) else {
      throw ServiceError(
        .fileError,
        "The disk '\(item.caption)' of '\(source.name)' refers to '\(item.hostResource ?? "")', which is not there",
        .appliance)
    }
    let number = system.units.count
    let wanted = choice.units[number]
    let name = Builder.fileName(Paths.name(of: disk.file?.name ?? "\(disk.id).vmdk"))
    let suffix = request.makesVDI ? "vdi" : "vmdk"
    let stem = name.dropLast(Paths.suffix(of: name).isEmpty ? 0 : Paths.suffix(of: name).count + 1)
    let folder = Paths.folder(of: settingsFile)
    var target = "\(folder)/\(stem).\(suffix)"
    while targets.contains(target) { target = "\(folder)/\(stem)_\(targets.count).\(suffix)" }
    if let path = wanted?.disk { target = Paths.resolve(path, in: folder) }
    targets.insert(target)
    add(.disk, disk.file?.name ?? "", target)
    system.units[number].disk = disk
    system.units[number].item = item
    plug(number, wanted)
  }
  /// Finds controller and port.
  private mutating func plug(_ number: Int, _ wanted: ImportChoice.Unit? = nil) {
    guard let item = system.units[number].item else { return }
    var place = controllers[item.parent]
    if let chosen = wanted?.controller.flatMap(Int.init), system.units.indices.contains(chosen) { place = (chosen, 0) }
    guard let place else { return }
    let slot = wanted?.port ?? Int(item.addressOnParent ?? "0") ?? 0
    let port = place.channel * 2 + min(max(0, slot), 255)
    system.units[number].controller = place.unit
    if system.units[place.unit].kind == .ide {
      (system.units[number].port, system.units[number].device) = (min(port, 3) / 2, min(port, 3) % 2)
    } else {
      system.units[number].port = port
    }
    system.units[number].extra = "controller=\(place.unit);port=\(port)"
  }
}
