import Base
import DiskImages
import HostSystem
import SettingsFiles

/// A machine's settings as its process reads them, and what had to be left out.
///
/// What `docs/command-line.md` says a setting does is decided here.
struct LaunchPlan {
  private(set) var options: JSON = [:]
  /// For the machine's log: settings that have no effect yet.
  private(set) var remarks: [String] = []
  /// Networks that the machine's cards are on, by the names of their switches.
  private(set) var networks: [String] = []
  private let settings: MachineSettings
  private let extra: [String: String]
  /// UUIDs of media that others differ from: nobody writes to those.
  private let parents: Set<String>
  /// Extra data that the machine's process puts into its configuration.
  private var ownValues: JSON = [:]

  init(
    _ settings: MachineSettings, parents: Set<String> = [], control: String, display: String
  ) throws(ServiceError) {
    self.settings = settings
    self.parents = parents.union(settings.media.compactMap(\.parent))
    extra = Dictionary(settings.extraData.map { ($0.key, $0.value) }) { $1 }
    let machine = try machine()
    remarks += IdleSettings.remarks(settings)
    options = [
      "machine": machine, "serial": .array(serialPorts().map { .string($0) }),
      "control": .string(control), "statusLine": true,
    ]
    options.set("configuration", ownValues)
    if settings.isRecorded, settings.recordsScreen { options.set("recording", settings.recording) }
    options.set("vnc", ["unix": .string(extra["Ringbox/VNC"].map(place) ?? display)])
  }

  /// The machine's process starts somewhere: relative names are seen from the machine's folder.
  private func place(_ path: String) -> String { Paths.resolve(path, in: settings.folder) }
  private func refuse(_ text: String) -> ServiceError { ServiceError(.notSupported, text, .console) }

  /// A drive for a machine that runs: `disk` or `cdrom`, and what its process is told of it.
  static func drive(
    _ attachment: Attachment, of settings: MachineSettings, parents: Set<String>
  ) throws(ServiceError) -> (kind: String, drive: JSON) {
    var plan = LaunchPlan(settings, parents)
    let media = Dictionary(settings.media.map { ($0.uuid, $0) }) { first, _ in first }
    if attachment.kind == .dvd { return ("cdrom", try plan.cdrom(attachment, media)) }
    guard let disk = try plan.disk(attachment, media) else { throw plan.refuse("A hard disk cannot be an empty drive") }
    return ("disk", disk)
  }
  private init(_ settings: MachineSettings, _ parents: Set<String>) {
    self.settings = settings
    self.parents = parents.union(settings.media.compactMap(\.parent))
    extra = [:]
  }

  /// The machine goes on from a state, which it uses up.
  mutating func restore(_ state: String) {
    options.set("restore", .string(state))
    options.set("consumeState", true)
    remarks.append("goes on from '\(state)'")
  }

  private mutating func machine() throws(ServiceError) -> JSON {
    let firmware = try firmware()
    var result: JSON = [
      "name": .string(settings.name), "memory": .integer(Int64(settings.memory) << 20),
      "cpus": .integer(Int64(settings.cpus)), "cpu": .string(cpu), "bootOrder": .string(bootOrder),
      "clockBase": .string(settings.word(["RTC"], "localOrUTC", default: "Local") == "UTC" ? "utc" : "localtime"),
      "engine": .string(extra["Ringbox/Engine"] ?? "recompiler"),
    ]
    if let firmware { result.set("firmware", .string(firmware)) }
    for (key, name) in [
      ("Ringbox/Firmware", "firmware"), ("Ringbox/Kernel", "kernel"), ("Ringbox/Initrd", "initrd"),
      ("Ringbox/Append", "append"),
    ] {
      guard let value = extra[key] else { continue }
      result.set(name, .string(name == "append" ? value : place(value)))
    }
    let drives = try drives()
    result.set("disks", .array(drives.disks))
    result.set("cdroms", .array(drives.cdroms))
    result.set("sataPorts", .integer(Int64(min(30, settings.hotPlugController?.integer("PortCount") ?? 0))))
    result.set("floppies", .array(drives.floppies))
    let cards = cards()
    result.set("network", .array(cards.map(\.card)))
    result.set("graphics", graphics())
    if hasAbsolutePointer { result.set("mouse", "absolute") }
    result.set("identity", ["uuid": .string(settings.hardwareUUID)])
    result.set("exitOn", .array([]))
    var tree = ConfigurationTree(machine: result, slots: cards.map(\.slot))
    remarks += ConfigurationKey.apply(settings.extraData.map { ($0.key, $0.value) }, to: &tree)
    ownValues = .object(tree.values.map { JSON.Member($0.path, .string($0.text)) })
    return tree.machine
  }
  /// There is no USB yet: who asks for a tablet gets the absolute pointer that needs none.
  private var hasAbsolutePointer: Bool {
    ["USBTablet", "ComboMouse", "USBMultiTouch", "USBMTScreenPlusPad"].contains(
      settings.word(["HID"], "Pointing", default: "PS2Mouse"))
  }
  /// VirtualBox's first adapter unless told otherwise.
  private mutating func graphics() -> JSON {
    let controllers = ["VMSVGA": "vmsvga", "VBoxSVGA": "vboxsvga", "None": "vga"]
    let word = settings.word(["Display"], "controller", default: "VBoxVGA")
    if word == "None" { remarks.append("a machine without a display adapter is not there yet: it has a plain VGA") }
    let controller = controllers[word] ?? "vboxvga"
    // What the settings ask for, as a power of two that is enough for a picture of 1600 x 1200.
    let display = settings.hardware.child("Display")
    var mebibytes: Int64 = 16
    while mebibytes < min(256, display?.integer("VRAMSize").map { Int64($0) } ?? 0) { mebibytes <<= 1 }
    let monitors = max(1, Int64(display?.integer("monitorCount") ?? 1))
    let most: Int64 = controller == "vga" ? 1 : 8
    if monitors > most { remarks.append("\(monitors) monitors are asked for: the machine has \(most)") }
    return [
      "controller": .string(controller), "memory": .integer(mebibytes << 20), "monitors": .integer(min(monitors, most)),
    ]
  }
  /// The image for machines whose firmware is EFI, of Debian's package ovmf; nil: the BIOS that is usual.
  private func firmware() throws(ServiceError) -> String? {
    let type = settings.word(["Firmware"], "type", default: "BIOS")
    guard type != "BIOS", extra["Ringbox/Firmware"] == nil else { return nil }
    guard type != "EFI32" else {
      throw refuse("The firmware EFI32 is not available; set the machine's firmware to EFI")
    }
    let places = ["/usr/share/ovmf/OVMF.fd", "/usr/share/qemu/OVMF.fd", "/usr/share/edk2/x64/OVMF.fd"]
    guard let path = places.first(where: HostPaths.exists) else {
      throw refuse("The firmware \(type) is not installed: it is in the package ovmf (\(places[0]))")
    }
    return path
  }
  /// The host's processor without what the settings take away.
  private var cpu: String {
    if let profile = extra["Ringbox/CPU"] { return profile }
    var text = "host"
    if !settings.flag(["CPU", "X2APIC"], default: true) { text += ",-x2apic" }
    if !settings.flag(["CPU", "LongMode"], default: true) { text += ",-lm" }
    // Linux has its driver of the absolute pointer only where it believes to be under VMware or KVM.
    let provider = settings.word(["Paravirt"], "provider", default: "Legacy")
    if hasAbsolutePointer, ["Default", "KVM"].contains(provider) { text += ",+kvm" }
    return text
  }
  private var bootOrder: String {
    let letters = ["Floppy": "a", "DVD": "d", "HardDisk": "c", "Network": "n"]
    var order = ""
    for device in settings.bootOrder { if let letter = letters[device], !order.contains(letter) { order += letter } }
    return order.isEmpty ? "c" : order
  }

  // MARK: Drives

  /// What a machine's process calls the controllers, by type; those that are not here are IDE.
  private static let interfaces = [
    "AHCI": "sata", "NVMe": "nvme", "VirtioSCSI": "scsi", "LsiLogic": "lsilogic", "BusLogic": "buslogic",
    "LsiLogicSas": "lsilogicsas",
  ]
  /// Those that CD-ROM drives can be on.
  private static let cdromInterfaces = ["ide", "sata", "lsilogic", "buslogic", "lsilogicsas"]

  private mutating func drives() throws(ServiceError) -> (disks: [JSON], cdroms: [JSON], floppies: [JSON]) {
    var disks: [JSON] = [], cdroms: [JSON] = [], floppies: [JSON] = []
    let media = Dictionary(settings.media.map { ($0.uuid, $0) }) { first, _ in first }
    for attachment in settings.attachments {
      switch attachment.kind {
      case .dvd: cdroms.append(try cdrom(attachment, media))
      case .disk: if let disk = try disk(attachment, media) { disks.append(disk) }
      case .floppy:
        if let medium = try medium(attachment, media) {
          floppies.append(.string(medium.path))
        } else {
          remarks.append("\(attachment.place): an empty drive is left out")
        }
      }
    }
    return (disks, cdroms, floppies)
  }
  private func medium(_ attachment: Attachment, _ media: [String: Medium]) throws(ServiceError) -> Medium? {
    guard let uuid = attachment.medium else { return nil }
    guard let medium = media[uuid] else {
      throw ServiceError(
        .objectNotFound, "Could not find an open medium with UUID {\(uuid)} for \(attachment.place)", .medium)
    }
    return medium
  }
  private mutating func cdrom(_ attachment: Attachment, _ media: [String: Medium]) throws(ServiceError) -> JSON {
    let medium = try medium(attachment, media)
    var cdrom: JSON = ["interface": .string(try cdromInterface(attachment, attachment.place))]
    if let medium { cdrom.set("path", .string(medium.path)) } else { cdrom.set("empty", true) }
    plug(attachment, into: &cdrom)
    return cdrom
  }
  private mutating func disk(_ attachment: Attachment, _ media: [String: Medium]) throws(ServiceError) -> JSON? {
    guard let medium = try medium(attachment, media) else {
      remarks.append("\(attachment.place): an empty drive is left out")
      return nil
    }
    var disk = try disk(medium, try type(attachment), attachment.place, media)
    if let name = attachment.bandwidthGroup, let limit = settings.bandwidth(ofGroup: name) {
      disk.set("rateGroup", ["name": .string(name), "rate": .integer(limit)])
    }
    plug(attachment, into: &disk)
    return disk
  }
  /// The machine's process knows the drive by its place, too. Ports have numbers where there is only one controller.
  private func plug(_ attachment: Attachment, into drive: inout JSON) {
    drive.set("slot", .string(attachment.place))
    guard drive["interface"] == "sata" else { return }
    drive.set("hotPluggable", .bool(attachment.isHotPluggable))
    if settings.hotPlugController != nil { drive.set("port", .integer(Int64(attachment.port))) }
  }
  private func type(_ attachment: Attachment) throws(ServiceError) -> String {
    ControllerType.named(try settings.controller(attachment.controller)["type"] ?? "")?.name ?? "PIIX4"
  }
  private mutating func cdromInterface(_ attachment: Attachment, _ place: String) throws(ServiceError) -> String {
    let interface = LaunchPlan.interfaces[try type(attachment)] ?? "ide"
    if LaunchPlan.cdromInterfaces.contains(interface) { return interface }
    remarks.append("\(place): the drive is an IDE one")
    return "ide"
  }
  private mutating func disk(
    _ medium: Medium, _ type: String, _ place: String, _ media: [String: Medium]
  ) throws(ServiceError) -> JSON {
    let interface = LaunchPlan.interfaces[type] ?? "ide"
    if type == "USB" { remarks.append("\(place): there is no USB controller yet, the disk is on IDE") }
    var base = medium
    var parents: [JSON.Member] = []
    while let parent = base.parent.flatMap({ media[$0] }), parents.count < ImageChain.maximumDepth {
      parents.append(JSON.Member(parent.uuid, .string(parent.path)))
      base = parent
    }
    let isReadOnly = medium.parent == nil && base.type == "Readonly"
    guard isReadOnly || !medium.needsImage && !self.parents.contains(medium.uuid) else {
      throw ServiceError(
        .objectInUse,
        "The medium '\(medium.path)' at \(place) must not be written to, since other images differ from it: detach it "
          + "and attach it again, which puts an image over it", .medium)
    }
    var disk: JSON = [
      "path": .string(medium.path), "interface": .string(interface), "readOnly": .bool(isReadOnly), "snapshot": false,
    ]
    if !parents.isEmpty { disk.set("parents", .object(parents)) }
    return disk
  }

  // MARK: Network and ports

  private mutating func cards() -> [(slot: Int, card: JSON)] {
    var cards: [(slot: Int, card: JSON)] = []
    for slot in 0..<settings.cardCount {
      guard let adapter = settings.slot("Network", "Adapter", slot), adapter.bool("enabled") == true else { continue }
      guard cards.count < 8 else {
        remarks.append("network card \(slot + 1): a machine has eight cards at most, it is left out")
        continue
      }
      let models = ["82540EM": "e1000", "82543GC": "82543gc", "82545EM": "82545em", "virtio": "virtio"]
      let type = adapter["type"] ?? "Am79C973"
      var card: JSON = [
        "model": .string(models[type] ?? "pcnet"), "connected": .bool(adapter.bool("cable") ?? true),
        "promiscuous": .string(LaunchPlan.policy(of: adapter)),
      ]
      if let name = adapter["bandwidthGroup"], let limit = settings.bandwidth(ofGroup: name) {
        card.set("rateGroup", ["name": .string(name), "rate": .integer(limit)])
      }
      if let address = adapter["MACAddress"], address.utf8.count == 12 {
        card.set("mac", .string(LaunchPlan.colons(address)))
      }
      if adapter.bool("trace") == true, let file = adapter["tracefile"] { card.set("pcap", .string(place(file))) }
      for member in attachment(adapter, slot).members ?? [] { card.set(member.key, member.value) }
      cards.append((slot, card))
    }
    return cards
  }
  private mutating func attachment(_ adapter: SettingsElement, _ slot: Int) -> JSON {
    if let nat = adapter.child("NAT") {
      let rules = nat.elements("Forwarding").map { JSON.string(PortRule($0).forward) }
      var json: JSON = [
        "kind": "nat", "hostForwards": .array(rules), "localhost": .bool(nat.bool("localhost-reachable") ?? true),
      ]
      if let network = nat["network"], !network.isEmpty { json.set("network", .string(network)) }
      if let tftp = nat.child("TFTP") {
        if let folder = tftp["prefix"] { json.set("tftp", .string(place(folder))) }
        if let file = tftp["boot-file"] { json.set("bootFile", .string(file)) }
      }
      return json
    }
    if let interface = adapter.child("BridgedInterface")?["name"], !interface.isEmpty {
      return ["kind": "bridged", "interface": .string(interface)]
    }
    if let generic = adapter.child("GenericInterface") { return tunnel(generic, slot) }
    guard let network = VirtualNetwork.name(of: adapter) else {
      if adapter.child("CloudNetwork") != nil || adapter.child("BridgedInterface") != nil {
        remarks.append("network card \(slot + 1): the cable leads nowhere")
      }
      return ["kind": "null"]
    }
    if !networks.contains(network) { networks.append(network) }
    return ["kind": "intnet", "network": .string(network)]
  }
  /// The driver UDPTunnel of VirtualBox, with its properties.
  private mutating func tunnel(_ generic: SettingsElement, _ slot: Int) -> JSON {
    let properties = Dictionary(generic.elements("Property").map { ($0["name"] ?? "", $0["value"] ?? "") }) { $1 }
    guard generic["driver"] == "UDPTunnel", let local = properties["sport"].flatMap(UInt16.init),
      let remote = properties["dport"].flatMap(UInt16.init), let address = properties["dest"]
    else {
      remarks.append(
        "network card \(slot + 1): the only generic driver is UDPTunnel, which needs sport, dest and dport; "
          + "the cable leads nowhere")
      return ["kind": "null"]
    }
    return ["kind": "udp", "local": .string("0.0.0.0:\(local)"), "remote": .string("\(address):\(remote)")]
  }
  /// What a card hears that is not for it, as its process calls that.
  static func policy(of adapter: SettingsElement) -> String {
    ["AllowNetwork": "allow-vms", "AllowAll": "allow"][adapter["promiscuousModePolicy"] ?? ""] ?? "deny"
  }
  static func colons(_ address: String) -> String {
    stride(from: 0, to: 12, by: 2).map { String(address.dropFirst($0).prefix(2)) }.joined(separator: ":")
  }

  private mutating func serialPorts() -> [String] {
    var ports: [String] = []
    for slot in 0..<4 {
      guard let port = settings.slot("UART", "Port", slot), port.bool("enabled") == true else {
        ports.append("none")
        continue
      }
      let path = port["path"] ?? ""
      switch port["hostMode"] {
      case "RawFile" where !path.isEmpty: ports.append("file:\(place(path))")
      case "TCP" where port.bool("server") == true && UInt16(path) != nil: ports.append("tcp:\(path)")
      case nil, "Disconnected": ports.append("control")
      case .some(let mode):
        remarks.append(
          "serial port \(slot + 1): the mode \(mode) is not there yet, the port is reached by the control channel")
        ports.append("control")
      }
    }
    while ports.last == "none" { ports.removeLast() }
    return ports
  }
}
