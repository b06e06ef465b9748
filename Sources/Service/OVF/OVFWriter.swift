import SettingsFiles

/// Versions of OVF that are written.
public enum OVFVersion: String, Sendable {
  case legacy = "0.9", one = "1.0", two = "2.0"

  var namespace: String {
    switch self {
    case .legacy: "http://www.vmware.com/schema/ovf/1/envelope"
    case .one: "http://schemas.dmtf.org/ovf/envelope/1"
    case .two: "http://schemas.dmtf.org/ovf/envelope/2"
    }
  }
  var digest: Digest.Kind { self == .two ? .sha256 : .sha1 }
}

/// A description of machines as VirtualBox writes it, with its own settings inside.
struct OVFWriter {
  /// An image of the appliance.
  struct Image {
    var name: String
    var capacity: UInt64
    /// UUID in the appliance.
    var uuid: String
    var isISO: Bool
  }
  let version: OVFVersion
  private var images: [Image] = []
  private var systems: [SettingsElement] = []
  private var networks: [String] = []

  init(_ version: OVFVersion) { self.version = version }

  private static let cim = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"

  /// The whole file.
  var bytes: [UInt8] {
    var root = SettingsElement(
      "Envelope",
      [
        ("ovf:version", version.rawValue), ("xml:lang", "en-US"), ("xmlns", version.namespace),
        ("xmlns:ovf", version.namespace), ("xmlns:rasd", OVFWriter.cim + "CIM_ResourceAllocationSettingData"),
        ("xmlns:vssd", OVFWriter.cim + "CIM_VirtualSystemSettingData"),
        ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
        ("xmlns:vbox", "http://www.virtualbox.org/ovf/machine"),
      ])
    if version == .two {
      root["xmlns:epasd"] = OVFWriter.cim + "CIM_EthernetPortAllocationSettingData.xsd"
      root["xmlns:sasd"] = OVFWriter.cim + "CIM_StorageAllocationSettingData.xsd"
    }
    let files = images.enumerated().map { index, image in
      SettingsElement("File", [("ovf:id", "file\(index + 1)"), ("ovf:href", image.name)])
    }
    root.children.append(.element(SettingsElement("References", [], files)))
    let disks = images.enumerated().map { index, image in
      SettingsElement(
        "Disk",
        [
          ("ovf:capacity", "\(image.capacity)"), ("ovf:diskId", OVFWriter.diskID(index, image)),
          ("ovf:fileRef", "file\(index + 1)"),
          (
            "ovf:format",
            image.isISO
              ? "http://www.ecma-international.org/publications/standards/Ecma-119.htm"
              : "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
          ), ("vbox:uuid", image.uuid),
        ])
    }
    root.children.append(
      .element(section("DiskSection", "List of the virtual disks used in the package", disks)))
    let names = networks.map { name in
      SettingsElement(
        "Network", [("ovf:name", name)],
        [OVFWriter.text("Description", "Logical network used by this appliance.")])
    }
    root.children.append(.element(section("NetworkSection", "Logical networks used in the package", names)))
    if systems.count > 1 {
      var collection = SettingsElement(
        "VirtualSystemCollection", [("ovf:id", "ExportedVirtualBoxMachines")],
        [OVFWriter.text("Info", "A collection of virtual machines")])
      collection.children += systems.map { .element($0) }
      root.children.append(.element(collection))
    } else {
      root.children += systems.map { .element($0) }
    }
    return XMLDocument.bytes(root)
  }
  static func diskID(_ index: Int, _ image: Image) -> String { "\(image.isISO ? "iso" : "vmdisk")\(index + 1)" }

  static func text(_ name: String, _ text: String) -> SettingsElement {
    var element = SettingsElement(name)
    if !text.isEmpty { element.children = [.text(text)] }
    return element
  }
  /// In OVF 0.9 all sections are of one name and have a type.
  private func section(
    _ name: String, _ info: String, _ children: [SettingsElement], _ attributes: [(String, String)] = []
  ) -> SettingsElement {
    var element = SettingsElement(version == .legacy ? "Section" : name)
    if version == .legacy { element["xsi:type"] = "ovf:\(name)_Type" }
    for (key, value) in attributes { element[key] = value }
    element.children = ([OVFWriter.text("Info", info)] + children).map { .element($0) }
    return element
  }

  // MARK: Systems

  /// What is said about a machine beside its settings.
  struct Words {
    var name: String
    var product = "", productURL = "", vendor = "", vendorURL = "", version = "", text = "", license = ""
  }
  /// Adds a machine. `places` are the numbers of `images` by the UUIDs that its settings have.
  mutating func add(
    _ settings: MachineSettings, _ words: Words, _ images: [Image], _ places: [String: Int]
  ) {
    self.images = images
    var system = SettingsElement(
      version == .legacy ? "Content" : "VirtualSystem", [("ovf:id", words.name)],
      [OVFWriter.text("Info", "A virtual machine")])
    if version == .legacy { system["xsi:type"] = "ovf:VirtualSystem_Type" }
    func append(_ element: SettingsElement) { system.children.append(.element(element)) }
    let product = [
      ("Product", words.product), ("Vendor", words.vendor), ("Version", words.version),
      ("ProductUrl", words.productURL), ("VendorUrl", words.vendorURL),
    ].filter { !$0.1.isEmpty }
    if !product.isEmpty {
      append(
        section(
          "ProductSection", "Meta-information about the installed software",
          product.map { OVFWriter.text($0.0, $0.1) }))
    }
    if !words.text.isEmpty {
      append(section("AnnotationSection", "A human-readable annotation", [OVFWriter.text("Annotation", words.text)]))
    }
    if !words.license.isEmpty {
      append(
        section("EulaSection", "License agreement for the virtual system", [OVFWriter.text("License", words.license)]))
    }
    let type = settings.osType
    var own = OVFWriter.text("vbox:OSType", type.id)
    own["ovf:required"] = "false"
    append(
      section(
        "OperatingSystemSection", "The kind of installed guest operating system",
        [OVFWriter.text("Description", type.id), own], [("ovf:id", "\(CIMSystem.number(type))")]))
    append(hardware(settings, words.name, places))
    append(machine(settings, words.name, places))
    systems.append(system)
  }
  private func machine(_ settings: MachineSettings, _ name: String, _ places: [String: Int]) -> SettingsElement {
    var copy = settings
    for name in ["MediaRegistry", "Snapshot", "Teleporter"] { copy.machine.remove(name) }
    for attribute in ["stateFile", "currentSnapshot", "currentStateModified", "aborted", "directoryIncludesUUID"] {
      copy.machine[attribute] = nil
    }
    let images = images
    copy.machine.change("Hardware") { hardware in
      hardware.changeAll("StorageControllers") { list in
        list.changeAll("StorageController") { controller in
          controller.changeAll("AttachedDevice") { device in
            guard let old = device.child("Image")?["uuid"].flatMap(SettingsUUID.normalized) else { return }
            guard let place = places[old] else { return device.remove("Image") }
            device.changeAll("Image") { $0["uuid"] = "{\(images[place].uuid)}" }
          }
        }
      }
    }
    var machine = copy.machine
    machine["name"] = name
    var element = SettingsElement(
      "vbox:Machine",
      [("ovf:required", "false"), ("version", "\(SettingsVersion.written)-\(SettingsVersion.platform)")])
    element.attributes += machine.attributes
    element.children =
      [.element(OVFWriter.text("ovf:Info", "Complete VirtualBox machine configuration in VirtualBox format"))]
      + machine.children
    return element
  }

  // MARK: Hardware

  private mutating func hardware(
    _ settings: MachineSettings, _ name: String, _ places: [String: Int]
  ) -> SettingsElement {
    let system = SettingsElement(
      "System", [],
      [
        OVFWriter.text("vssd:ElementName", "Virtual Hardware Family"), OVFWriter.text("vssd:InstanceID", "0"),
        OVFWriter.text("vssd:VirtualSystemIdentifier", name),
        OVFWriter.text("vssd:VirtualSystemType", "virtualbox-2.2"),
      ])
    var items = Items(version)
    let cpus = settings.cpus
    items.add(
      3, "\(cpus) virtual CPU", [("Description", "Number of virtual CPUs"), ("VirtualQuantity", "\(cpus)")])
    items.add(
      4, "\(settings.memory) MB of memory",
      [("AllocationUnits", "MegaBytes"), ("Description", "Memory Size"), ("VirtualQuantity", "\(settings.memory)")])
    let parents = addControllers(settings, &items)
    if settings.hardware.descendant(["USB", "Controllers"])?.elements.isEmpty == false {
      items.add(23, "usb", [("Address", "0"), ("Description", "USB Controller")])
    }
    for slot in 0..<8 { addCard(settings, slot, &items) }
    for (index, device) in settings.attachments.enumerated() { addDevice(device, index, parents, places, &items) }
    if settings.flag(["AudioAdapter"], default: false) {
      items.add(
        35, "sound",
        [
          ("AddressOnParent", "3"), ("AutomaticAllocation", "false"), ("Description", "Sound Card"),
          ("ResourceSubType", "ensoniq1371"),
        ])
    }
    return section(
      "VirtualHardwareSection", "Virtual hardware requirements for a virtual machine", [system] + items.list)
  }
  /// Instance IDs by controller and port: an IDE controller's channels are two controllers here.
  private func addControllers(_ settings: MachineSettings, _ items: inout Items) -> [String: [Int]] {
    var parents: [String: [Int]] = [:]
    var numbers: [String: Int] = [:]
    func number(_ kind: String) -> Int {
      defer { numbers[kind, default: 0] += 1 }
      return numbers[kind] ?? 0
    }
    for controller in settings.controllers {
      guard let type = ControllerType.named(controller["type"] ?? ""), let name = controller["name"] else { continue }
      let scsi = ["LsiLogic": "lsilogic", "BusLogic": "buslogic", "LsiLogicSas": "lsilogicsas"]
      switch type.bus {
      case "ide":
        parents[name] = (0...1).map { channel in
          items.add(
            5, "ideController\(channel)",
            [("Address", "\(channel)"), ("Description", "IDE Controller"), ("ResourceSubType", type.name)])
        }
      case "sata", "virtio", "pcie":
        let label =
          type.bus == "sata" ? "sataController" : type.bus == "virtio" ? "virtioSCSIController" : "nvmeController"
        let index = number(label)
        parents[name] = [
          items.add(
            20, "\(label)\(index)",
            [
              ("Address", "\(index)"),
              ("Description", type.bus == "sata" ? "SATA Controller" : "\(type.name) Controller"),
              ("ResourceSubType", type.name),
            ])
        ]
      case "scsi", "sas":
        let index = number("scsi")
        parents[name] = [
          items.add(
            6, "scsiController\(index)",
            [
              ("Address", "\(index)"), ("Description", "SCSI Controller"),
              ("ResourceSubType", scsi[type.name] ?? "lsilogic"),
            ])
        ]
      default: parents[name] = []
      }
    }
    return parents
  }
  private mutating func addCard(_ settings: MachineSettings, _ slot: Int, _ items: inout Items) {
    guard let adapter = settings.slot("Network", "Adapter", slot), adapter.bool("enabled") == true else { return }
    let modes = [
      ("NAT", "NAT"), ("BridgedInterface", "Bridged"), ("InternalNetwork", "Internal"),
      ("HostOnlyInterface", "HostOnly"), ("HostOnlyNetwork", "HostOnly"), ("GenericInterface", "Generic"),
      ("NATNetwork", "NAT"),
    ]
    let network = modes.first { adapter.child($0.0) != nil }?.1 ?? "Null"
    if !networks.contains(network) { networks.append(network) }
    let type = adapter["type"] ?? "Am79C973"
    let model = type.hasPrefix("8254") ? "E1000" : type == "virtio" ? "virtio" : "PCNet32"
    items.add(
      10, "Ethernet adapter on '\(network)'",
      [("AutomaticAllocation", "true"), ("Connection", network), ("ResourceSubType", model)])
  }
  private func addDevice(
    _ device: Attachment, _ index: Int, _ parents: [String: [Int]], _ places: [String: Int], _ items: inout Items
  ) {
    let above = parents[device.controller] ?? []
    let isIDE = above.count == 2
    let parent = isIDE ? above[min(device.port, 1)] : above.first
    var fields = [("AddressOnParent", "\(isIDE ? device.device : device.port)")]
    if let parent { fields.append(("Parent", "\(parent)")) }
    let place = device.medium.flatMap { places[$0] }
    if let place { fields.append(("HostResource", "/disk/\(OVFWriter.diskID(place, images[place]))")) }
    switch device.kind {
    case .disk:
      guard place != nil else { return }
      items.add(17, "disk\(index + 1)", [("Description", "Disk Image")] + fields)
    case .dvd:
      items.add(15, "cdrom\(index + 1)", [("AutomaticAllocation", "true"), ("Description", "CD-ROM Drive")] + fields)
    case .floppy:
      items.add(
        14, "floppy\(device.device)", [("AutomaticAllocation", "false"), ("Description", "Floppy Drive")] + fields)
    }
  }

  /// Items under way; their parts are in the order of the alphabet, as the schema wants it.
  private struct Items {
    private let version: OVFVersion
    private(set) var list: [SettingsElement] = []
    init(_ version: OVFVersion) { self.version = version }

    /// The instance ID.
    @discardableResult
    mutating func add(_ type: Int, _ caption: String, _ fields: [(String, String)]) -> Int {
      let instance = list.count + 1
      var (name, prefix) = ("Item", "rasd")
      if version == .two {
        if type == 10 { (name, prefix) = ("EthernetPortItem", "epasd") }
        if [14, 15, 17].contains(type) { (name, prefix) = ("StorageItem", "sasd") }
      }
      let all =
        fields + [
          ("Caption", caption), ("ElementName", caption),
          (version == .legacy ? "InstanceId" : "InstanceID", "\(instance)"),
          ("ResourceType", "\(type)"),
        ]
      list.append(
        SettingsElement(
          name, [], all.sorted { $0.0 < $1.0 }.map { OVFWriter.text("\(prefix):\($0.0)", $0.1) }))
      return instance
    }
  }
}
