import SettingsFiles

/// What an OVF file (versions 0.9, 1.x and 2.x) says. Prefixes of names are not looked at: writers differ in them.
struct OVFDocument: Sendable {
  struct File: Sendable {
    var id: String, name: String
  }
  struct Disk: Sendable {
    var id: String
    /// nil: an empty disk.
    var file: File?
    /// Bytes.
    var capacity: UInt64
    var format: String
    /// The disk's identity in its original machine.
    var uuid: String?
    var isISO: Bool { format.lowercased().contains("ecma-119") }
  }
  /// A piece of hardware.
  struct Item: Sendable {
    var instance = "", subtype = "", caption = "", parent = "", connection = ""
    var type = 0
    var address: String?, addressOnParent: String?
    var hostResource: String?
    var quantity: UInt64 = 0
    var units = ""
  }
  struct System: Sendable {
    var name = "", product = "", productURL = "", vendor = "", vendorURL = "", version = "", text = "", license = ""
    /// CIM's number, and VirtualBox's own name.
    var osNumber = 0
    var osType: String?
    var items: [Item] = []
    /// VirtualBox's own settings.
    var machine: SettingsElement?
  }
  private(set) var disks: [Disk] = []
  private(set) var systems: [System] = []
  private let path: String

  private static let mostDisks = 1024, mostSystems = 64

  init(_ bytes: [UInt8], path: String) throws(ServiceError) {
    self.path = path
    let root: SettingsElement
    do throws(SettingsError) { root = try XMLDocument.parse(bytes, path: path) } catch {
      throw ServiceError(.fileError, "Could not read the appliance: \(error)", .appliance)
    }
    guard root.localName == "Envelope" else {
      throw fail("it is no OVF: its root element is '\(root.name.prefix(50))'")
    }
    var files: [String: File] = [:]
    for element in root.part("References")?.parts("File") ?? [] {
      guard let id = element.value("id"), let name = element.value("href") else { continue }
      if element.value("chunkSize") != nil { throw fail("'\(name)' is in several pieces, which is not supported") }
      if let packing = element.value("compression"), !packing.isEmpty, packing != "identity" {
        throw fail("'\(name)' is compressed by \(packing), which is not supported")
      }
      files[id] = File(id: id, name: name)
    }
    for element in root.part("DiskSection")?.parts("Disk") ?? [] { disks.append(try disk(element, files)) }
    try read(root)
    guard !systems.isEmpty else { throw fail("it has no virtual system") }
    guard disks.count <= OVFDocument.mostDisks, systems.count <= OVFDocument.mostSystems else {
      throw fail("it has too many disks or systems")
    }
  }
  private func fail(_ why: String) -> ServiceError {
    ServiceError(.fileError, "Could not read the appliance '\(path)': \(why)", .appliance)
  }
  /// Systems, and those in collections.
  private mutating func read(_ element: SettingsElement) throws(ServiceError) {
    for child in element.elements {
      switch child.sectionName {
      case "VirtualSystem": systems.append(try system(child))
      case "VirtualSystemCollection": try read(child)
      default: break
      }
    }
  }
  private func disk(_ element: SettingsElement, _ files: [String: File]) throws(ServiceError) -> Disk {
    let id = element.value("diskId") ?? ""
    let file = element.value("fileRef").flatMap { $0.isEmpty ? nil : $0 }
    let known = file.flatMap { files[$0] }
    if let file, known == nil { throw fail("the disk '\(id)' refers to a file '\(file)' that is not there") }
    if element.value("parentRef") != nil { throw fail("the disk '\(id)' needs a parent, which is not supported") }
    guard
      let capacity = OVFDocument.bytes(element.value("capacity") ?? "", element.value("capacityAllocationUnits") ?? "")
    else { throw fail("the disk '\(id)' has no size") }
    return Disk(
      id: id, file: known, capacity: capacity, format: element.value("format") ?? "",
      uuid: element.value("uuid").flatMap(SettingsUUID.normalized))
  }
  /// "8" and "byte * 2^30"; nil for what is no number of bytes.
  static func bytes(_ text: String, _ units: String) -> UInt64? {
    guard let number = UInt64(text.filter { !$0.isWhitespace }) else { return nil }
    let unit = units.lowercased().filter { !$0.isWhitespace }
    let names: [String: UInt64] = [
      "": 1, "byte": 1, "bytes": 1, "kilobytes": 1 << 10, "kb": 1 << 10, "megabytes": 1 << 20, "mb": 1 << 20,
      "gigabytes": 1 << 30, "gb": 1 << 30, "terabytes": 1 << 40, "tb": 1 << 40,
    ]
    var factor = names[unit]
    if unit.hasPrefix("byte*2^"), let power = Int(unit.dropFirst(7)), (0..<60).contains(power) { factor = 1 << power }
    if unit.hasPrefix("byte*10^"), let power = Int(unit.dropFirst(8)), (0..<18).contains(power) {
      factor = (0..<power).reduce(1) { product, _ in product * 10 }
    }
    guard let factor else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: factor)
    return overflow ? nil : product
  }

  private func system(_ element: SettingsElement) throws(ServiceError) -> System {
    var system = System()
    system.name = element.part("Name")?.text ?? element.value("id") ?? ""
    for section in element.elements {
      switch section.sectionName {
      case "ProductSection":
        func text(_ name: String) -> String { section.part(name)?.text ?? "" }
        (system.product, system.productURL) = (text("Product"), text("ProductUrl"))
        (system.vendor, system.vendorURL, system.version) = (text("Vendor"), text("VendorUrl"), text("Version"))
      case "AnnotationSection": system.text = section.part("Annotation")?.text ?? ""
      case "EulaSection": system.license = section.part("License")?.text ?? ""
      case "OperatingSystemSection":
        system.osNumber = section.value("id").flatMap(Int.init) ?? 0
        system.osType = section.part("OSType")?.text
      case "VirtualHardwareSection":
        if let name = section.part("System")?.part("VirtualSystemIdentifier")?.text, !name.isEmpty {
          system.name = name
        }
        for item in section.elements where ["Item", "StorageItem", "EthernetPortItem"].contains(item.localName) {
          system.items.append(try self.item(item))
        }
      case "Machine": system.machine = section
      default: break
      }
    }
    if system.name.isEmpty { system.name = "vm" }
    return system
  }
  private func item(_ element: SettingsElement) throws(ServiceError) -> Item {
    func text(_ name: String) -> String { element.part(name)?.text.trimmed ?? "" }
    func some(_ name: String) -> String? { element.part(name)?.text.trimmed }
    var item = Item()
    item.instance = some("InstanceID") ?? text("InstanceId")
    item.type = Int(text("ResourceType")) ?? 0
    (item.subtype, item.caption) = (text("ResourceSubType"), some("Caption") ?? text("ElementName"))
    (item.parent, item.connection) = (text("Parent"), text("Connection"))
    (item.address, item.addressOnParent, item.hostResource) = (
      some("Address"), some("AddressOnParent"), some("HostResource")
    )
    item.units = text("AllocationUnits")
    if let quantity = some("VirtualQuantity") {
      guard let number = UInt64(quantity) else { throw fail("'\(quantity.prefix(30))' is no quantity") }
      item.quantity = number
    }
    return item
  }
}

extension SettingsElement {
  /// The name without its prefix.
  var localName: String { name.lastIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? name }
  /// OVF 0.9 says in an attribute what later versions say in the element's name.
  var sectionName: String {
    guard ["Section", "Content"].contains(localName), let type = value("type") else { return localName }
    let bare = type.lastIndex(of: ":").map { String(type[type.index(after: $0)...]) } ?? type
    return bare.hasSuffix("_Type") ? String(bare.dropLast(5)) : bare
  }
  /// The first child of this name, whatever its prefix.
  func part(_ name: String) -> SettingsElement? { elements.first { $0.sectionName == name } }
  func parts(_ name: String) -> [SettingsElement] { elements.filter { $0.sectionName == name } }
  /// An attribute, whatever its prefix.
  func value(_ name: String) -> String? {
    attributes.first { $0.name == name || $0.name.hasSuffix(":\(name)") }?.value
  }
}

extension String {
  var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}

/// Guest systems by the numbers of CIM_OperatingSystem.
enum CIMSystem {
  private static let names: [(number: Int, type: String)] = [
    (16, "Windows95"), (17, "Windows98"), (18, "WindowsNT4"), (29, "Solaris"), (36, "Linux"), (42, "FreeBSD"),
    (43, "NetBSD"), (58, "Windows2000"), (63, "WindowsMe"), (65, "OpenBSD"), (67, "WindowsXP"), (69, "Windows2003"),
    (70, "Windows2003_64"), (71, "WindowsXP_64"), (73, "WindowsVista"), (74, "WindowsVista_64"), (76, "Windows2008"),
    (77, "Windows2008_64"), (78, "FreeBSD_64"), (79, "RedHat"), (80, "RedHat_64"), (81, "Solaris_64"),
    (82, "OpenSUSE"), (83, "OpenSUSE_64"), (89, "Mandriva"), (90, "Mandriva_64"), (91, "Turbolinux"),
    (92, "Turbolinux_64"), (93, "Ubuntu"), (94, "Ubuntu_64"), (95, "Debian"), (96, "Debian_64"), (97, "Linux24"),
    (98, "Linux24_64"), (99, "Linux26"), (100, "Linux26_64"), (101, "Linux_64"), (102, "Other_64"),
    (103, "Windows2008_64"), (105, "Windows7"), (106, "RedHat"), (107, "RedHat_64"), (108, "Oracle"),
    (109, "Oracle_64"), (110, "OS2eCS"), (115, "Windows81"), (120, "Windows10_64"),
  ]
  static func type(_ number: Int) -> OSType? { names.first { $0.number == number }.flatMap { OSType.named($0.type) } }
  /// 0 when there is none; Debian 12 counts as Debian.
  static func number(_ type: OSType) -> Int {
    if let exact = names.first(where: { $0.type == type.id }) { return exact.number }
    let family = type.id.prefix { $0.isLetter } + (type.is64Bit ? "_64" : "")
    return names.first { $0.type == family }?.number ?? (type.family == "Linux" ? type.is64Bit ? 101 : 36 : 0)
  }
}
