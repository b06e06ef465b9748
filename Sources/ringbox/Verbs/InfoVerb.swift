import Base
import HostSystem
import Service
import SettingsFiles

/// `showvminfo`: a machine's settings and state, for programs and for people.
enum InfoVerb {
  static let verb = Verb(
    "showvminfo", usage: "NAME|UUID [--machinereadable] [--details]", "Shows a machine's settings and state."
  ) { words, registry in
    let (names, options) = try words.parse(["machinereadable": 0, "details": 0, "log": 1, "password": 1], words: 1...1)
    if let option = options.last(where: { $0.name == "log" }) { return try log(option.value, names[0], registry) }
    let isForPrograms = options.contains { $0.name == "machinereadable" }
    return answer(try registry.entry(names[0]), registry, isForPrograms: isForPrograms)
  }

  /// `--log N`: a log of the machine, 0 is the one of the last run.
  private static func log(_ text: String, _ name: String, _ registry: Registry) throws -> Answer {
    guard let number = Int(text), number >= 0 else { throw Failure.usage("Invalid --log argument '\(text)'") }
    let folder = try registry.machine(name).logFolder(registry.home)
    let path = "\(folder)/VBox.log\(number == 0 ? "" : ".\(number)")"
    let bytes: [UInt8]
    do throws(FileError) { bytes = try WholeFile.read(path, maximum: 1 << 30) } catch {
      throw Failure.failure("Cannot read the log '\(path)': \(error.reason)")
    }
    let log = String(decoding: bytes, as: UTF8.self)
    return Answer(text: log, json: ["path": .string(path), "text": .string(log)])
  }

  static func answer(_ entry: Registry.Entry, _ registry: Registry, isForPrograms: Bool) -> Answer {
    switch entry.settings {
    case .failure(let error):
      let reason = "\(error)"
      let text =
        isForPrograms
        ? "name=\"<inaccessible>\"\nUUID=\"\(entry.uuid)\"\n"
        : "Name:            <inaccessible>\nUUID:            \(entry.uuid)\nConfig file:     \(entry.path)\nAccess error details:\n\(reason)\n"
      return Answer(
        text: text,
        json: [
          "name": .null, "UUID": .string(entry.uuid), "CfgFile": .string(entry.path), "accessError": .string(reason),
        ])
    case .success(let settings):
      let info = MachineInfo(settings, registry)
      let text = isForPrograms ? info.programText : HumanInfo(settings, registry).text
      return Answer(text: text, json: info.json)
    }
  }
}

/// Keys and values in the order that clients know.
struct MachineInfo {
  enum Value {
    /// In quotation marks.
    case text(String)
    case number(Int)
    /// A line as it is, which is no pair.
    case line
  }
  private(set) var pairs: [(key: String, value: Value)] = []
  /// The pairs of each network card, by its slot: some of their keys are the same for every card.
  private var cards: [Range<Int>] = []
  let settings: MachineSettings
  let registry: Registry
  private let state: (state: VMState, since: String)

  init(_ settings: MachineSettings, _ registry: Registry) {
    self.settings = settings
    self.registry = registry
    state = registry.state(settings)
    addIdentity()
    addProcessor()
    addState()
    addStorage()
    for slot in 0..<settings.cardCount {
      let start = pairs.count
      addCard(slot)
      cards.append(start..<pairs.count)
    }
    addDevices()
    addRest()
  }

  mutating func add(_ key: String, _ text: String) { pairs.append((key, .text(text))) }
  mutating func add(_ key: String, _ number: Int) { pairs.append((key, .number(number))) }
  mutating func add(_ key: String, _ flag: Bool) { pairs.append((key, .text(flag ? "on" : "off"))) }

  /// `key="value"` a line.
  var programText: String {
    pairs.reduce(into: "") { text, pair in
      switch pair.value {
      case .text(let value): text += "\(pair.key)=\"\(MachineInfo.escaped(value))\"\n"
      case .number(let number): text += "\(pair.key)=\(number)\n"
      case .line: text += "\(pair.key)\n"
      }
    }
  }
  /// The pairs as members; what a key without a number says of a network card is in the list `adapters` only.
  var json: JSON {
    var json: JSON = [:]
    for (index, pair) in pairs.enumerated() {
      let isOfCard = cards.contains { $0.contains(index) }
      guard let value = MachineInfo.json(pair.value), !isOfCard || pair.key.last?.isNumber == true else { continue }
      json.set(pair.key.filter { $0 != "\"" }, value)
    }
    json.set("adapters", .array(cards.enumerated().map { adapter($0 + 1, $1) }))
    return json
  }
  /// A card by itself: its keys without its number, its forwards as a list.
  private func adapter(_ number: Int, _ range: Range<Int>) -> JSON {
    var json: JSON = ["number": .integer(Int64(number))]
    var forwards: [JSON] = []
    for pair in pairs[range] {
      guard let value = MachineInfo.json(pair.value) else { continue }
      if pair.key.hasPrefix("Forwarding(") {
        forwards.append(value)
      } else {
        json.set(pair.key.hasSuffix("\(number)") ? String(pair.key.dropLast("\(number)".count)) : pair.key, value)
      }
    }
    json.set("forwards", .array(forwards))
    return json
  }
  private static func json(_ value: Value) -> JSON? {
    switch value {
    case .text(let text): .string(text)
    case .number(let number): .integer(Int64(number))
    case .line: nil
    }
  }
  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
  }

  // MARK: Identity

  private mutating func addIdentity() {
    add("name", settings.name)
    pairs.append(("Encryption:     disabled", .line))
    add("groups", settings.groups.joined(separator: ","))
    add("ostype", settings.osType.text)
    add("UUID", settings.uuid)
    add("CfgFile", settings.file.path)
    add("SnapFldr", settings.snapshotFolder)
    add("LogFldr", settings.logFolder(registry.home))
    add("hardwareuuid", settings.hardwareUUID)
    add("memory", settings.memory)
    add("pagefusion", settings.flag(["Memory"], "PageFusion", default: false))
    add("vram", settings.number(["Display"], "VRAMSize", default: 8))
    add("cpuexecutioncap", settings.number(["CPU"], "executionCap", default: 100))
    add("hpet", settings.flag(["HPET"], default: false))
    add("cpu-profile", settings.word(["CPU"], "CpuProfile", default: "host"))
    add("chipset", settings.word(["Chipset"], "type", default: "PIIX3").lowercased())
    add("firmware", settings.word(["Firmware"], "type", default: "BIOS"))
  }
  private mutating func addProcessor() {
    add("cpus", settings.cpus)
    add("pae", settings.flag(["CPU", "PAE"], default: false))
    add("longmode", settings.flag(["CPU", "LongMode"], default: settings.osType.is64Bit))
    add("triplefaultreset", settings.flag(["CPU", "TripleFaultReset"], default: false))
    add("apic", settings.flag(["CPU", "APIC"], default: true))
    add("x2apic", settings.flag(["CPU", "X2APIC"], default: false))
    add("nested-hw-virt", settings.flag(["CPU", "NestedHWVirt"], default: false))
    add("cpuid-portability-level", settings.number(["CPU"], "CpuIdPortabilityLevel", default: 0))
    for leaf in settings.hardware.descendant(["CPU", "CpuIdTree"])?.elements("CpuIdLeaf") ?? [] {
      let numbers = ["id", "subleaf", "eax", "ebx", "ecx", "edx"].map { MachineInfo.wide(leaf.integer($0) ?? 0) }
      pairs.append(("cpuid=\(numbers.joined(separator: ","))", .line))
    }
    add("bootmenu", settings.word(["BIOS", "BootMenu"], "mode", default: "MessageAndMenu").lowercased())
    let names = ["Floppy": "floppy", "DVD": "dvd", "HardDisk": "disk", "Network": "net"]
    for (index, device) in settings.bootOrder.enumerated() { add("boot\(index + 1)", names[device] ?? "none") }
    add("acpi", settings.flag(["BIOS", "ACPI"], default: true))
    add("ioapic", settings.flag(["BIOS", "IOAPIC"], default: false))
    add("biosapic", settings.word(["BIOS", "APIC"], "mode", default: "APIC").lowercased())
    add("biossystemtimeoffset", settings.number(["BIOS", "TimeOffset"], "value", default: 0))
    if let path = settings.nvramFile { add("BIOS NVRAM File", path) }
    add("rtcuseutc", settings.word(["RTC"], "localOrUTC", default: "Local") == "UTC")
    add("hwvirtex", settings.flag(["CPU", "HardwareVirtEx"], default: true))
    add("nestedpaging", settings.flag(["CPU", "HardwareVirtExNestedPaging"], default: true))
    add("largepages", settings.flag(["CPU", "HardwareVirtExLargePages"], default: false))
    add("vtxvpid", settings.flag(["CPU", "HardwareVirtExVPID"], default: true))
    add("vtxux", settings.flag(["CPU", "HardwareVirtExUX"], default: true))
    add("virtvmsavevmload", settings.flag(["CPU", "HardwareVirtExVirtVmsaveVmload"], default: true))
    add("iommu", settings.word(["Iommu"], "type", default: "None").lowercased())
    let provider = settings.word(["Paravirt"], "provider", default: "Legacy").lowercased()
    add("paravirtprovider", provider)
    add("effparavirtprovider", provider == "default" ? "kvm" : provider == "legacy" ? "none" : provider)
  }
  private mutating func addState() {
    add("VMState", state.state.rawValue)
    add("VMStateChangeTime", Timestamp.precise(state.since))
    if let file = settings.machine["stateFile"], !file.isEmpty {
      add("VMStateFile", Paths.resolve(file, in: settings.folder))
    }
    add("graphicscontroller", settings.word(["Display"], "controller", default: "VBoxVGA").lowercased())
    add("monitorcount", settings.number(["Display"], "monitorCount", default: 1))
    add("accelerate3d", settings.flag(["Display"], "accelerate3D", default: false))
    add("accelerate2dvideo", settings.flag(["Display"], "accelerate2DVideo", default: false))
    let teleporter = settings.machine.child("Teleporter")
    add("teleporterenabled", teleporter?.bool("enabled") ?? false)
    add("teleporterport", teleporter?.integer("port") ?? 0)
    add("teleporteraddress", teleporter?["address"] ?? "")
    add("teleporterpassword", teleporter?["password"] ?? "")
    let tracing = settings.machine.descendant(["Debugging", "Tracing"])
    add("tracing-enabled", tracing?.bool("enabled") ?? false)
    add("tracing-allow-vm-access", tracing?.bool("allowTracingToAccessVM") ?? false)
    add("tracing-config", tracing?["config"] ?? "")
    let autostart = settings.machine.child("Autostart")
    add("autostart-enabled", autostart?.bool("enabled") ?? false)
    add("autostart-delay", autostart?.integer("delay") ?? 0)
    add("defaultfrontend", settings.word(["Frontend", "Default"], "type", default: ""))
    add("vmprocpriority", (settings.machine["processPriority"] ?? "default").lowercased())
  }

  // MARK: Storage

  private mutating func addStorage() {
    let controllers = settings.controllers
    for (index, controller) in controllers.enumerated() {
      let type = ControllerType.named(controller["type"] ?? "")
      add("storagecontrollername\(index)", controller["name"] ?? "")
      add("storagecontrollertype\(index)", type?.shown ?? "unknown")
      add("storagecontrollerinstance\(index)", controller["Instance"] ?? "0")
      add("storagecontrollermaxportcount\(index)", "\(type?.maximumPorts ?? 1)")
      add("storagecontrollerportcount\(index)", controller["PortCount"] ?? "\(type?.ports ?? 1)")
      add("storagecontrollerbootable\(index)", controller.bool("Bootable") ?? true)
    }
    let media = Dictionary(settings.media.map { ($0.uuid, $0) }) { first, _ in first }
    let attachments = settings.attachments
    for controller in controllers {
      let name = controller["name"] ?? ""
      let type = ControllerType.named(controller["type"] ?? "")
      for port in 0..<min(256, max(1, controller.integer("PortCount") ?? type?.ports ?? 1)) {
        for device in 0..<(type?.devices ?? 1) {
          let found = attachments.first { $0.controller == name && $0.port == port && $0.device == device }
          addSlot(name, "\(port)-\(device)", found, media)
        }
      }
    }
  }
  private mutating func addSlot(
    _ controller: String, _ place: String, _ attachment: Attachment?, _ media: [String: Medium]
  ) {
    func key(_ middle: String) -> String { "\"\(controller)-\(middle)\(place)\"" }
    guard let attachment else { return add(key(""), "none") }
    guard let uuid = attachment.medium else {
      add(key(""), "emptydrive")
      return add(key("IsEjected-"), false)
    }
    add(key(""), media[uuid]?.path ?? "<inaccessible>")
    add(key("ImageUUID-"), uuid)
    if attachment.kind == .dvd {
      if attachment.isPassedThrough { add(key("dvdpassthrough-"), true) }
      add(key("tempeject-"), attachment.isTemporaryEject)
      add(key("IsEjected-"), false)
    }
    if ["SATA", "USB"].contains(controller) { add(key("hot-pluggable-"), attachment.isHotPluggable) }
    add(key("nonrotational-"), attachment.isNonrotational)
    add(key("discard-"), attachment.discards)
    if let group = attachment.bandwidthGroup { add(key("bandwidthgroup-"), group) }
  }

  // MARK: Network

  private mutating func addCard(_ slot: Int) {
    let number = slot + 1
    guard let adapter = settings.slot("Network", "Adapter", slot), adapter.bool("enabled") == true else {
      return add("nic\(number)", "none")
    }
    let kind = CardKind(adapter)
    if let key = kind.key { add("\(key)\(number)", kind.target) }
    add("macaddress\(number)", adapter["MACAddress"] ?? "")
    add("cableconnected\(number)", adapter.bool("cable") ?? true)
    add("nic\(number)", kind.name)
    add("nictype\(number)", adapter["type"] ?? "Am79C973")
    add("nicspeed\(number)", adapter["speed"] ?? "0")
    guard kind.name == "nat", let nat = adapter.child("NAT") else { return }
    add("mtu", nat["mtu"] ?? "0")
    add("sockSnd", nat["socksnd"] ?? "64")
    add("sockRcv", nat["sockrcv"] ?? "64")
    add("tcpWndSnd", nat["tcpsnd"] ?? "64")
    add("tcpWndRcv", nat["tcprcv"] ?? "64")
    for (index, rule) in settings.forwards(slot: slot).enumerated() { add("Forwarding(\(index))", rule.text) }
  }

  // MARK: Devices

  private mutating func addDevices() {
    let pointing = settings.word(["HID"], "Pointing", default: "PS2Mouse").lowercased()
    add("hidpointing", pointing)
    let keyboards = ["PS2Keyboard": "ps2kbd", "USBKeyboard": "usbkbd", "ComboKeyboard": "combokbd", "None": "none"]
    add("hidkeyboard", keyboards[settings.word(["HID"], "Keyboard", default: "PS2Keyboard")] ?? "ps2kbd")
    for slot in 0..<4 { addSerialPort(slot) }
    for slot in 0..<2 {
      let port = settings.slot("LPT", "Port", slot)
      let isOn = port?.bool("enabled") == true
      add("lpt\(slot + 1)", isOn ? "\(MachineInfo.hex(port?.integer("IOBase") ?? 0)),\(port?["IRQ"] ?? "0")" : "off")
    }
    let isAudible = settings.flag(["AudioAdapter"], "enabled", default: false)
    let isUsual = settings.flag(["AudioAdapter"], "useDefault", default: false)
    let driver = settings.word(["AudioAdapter"], "driver", default: "Null").lowercased()
    add("audio", isAudible ? isUsual ? "default" : driver : "none")
    add("audio_out", settings.flag(["AudioAdapter"], "enabledOut", default: false))
    add("audio_in", settings.flag(["AudioAdapter"], "enabledIn", default: false))
    add("clipboard", settings.word(["Clipboard"], "mode", default: "Disabled").lowercased())
    add("clipboard_file_transfers", settings.flag(["Clipboard"], "fileTransfersEnabled", default: false))
    add("draganddrop", settings.word(["DragAndDrop"], "mode", default: "Disabled").lowercased())
    if state.state.isOnline {
      add("SessionName", registry.sessionName(settings))
      if let mode = registry.videoMode(settings) { pairs.append(("VideoMode=\(mode)", .line)) }
    }
    addRemoteDisplay()
    let types =
      settings.hardware.descendant(["USB", "Controllers"])?.elements.compactMap { $0["type"]?.uppercased() } ?? []
    for (key, type) in [("usb", "OHCI"), ("ehci", "EHCI"), ("xhci", "XHCI")] { add(key, types.contains(type)) }
    addFilters()
  }
  /// Devices of the host's USB that are meant for the machine.
  private mutating func addFilters() {
    for (index, filter) in settings.usbFilters.enumerated() {
      let number = index + 1
      add("USBFilterActive\(number)", filter.bool("active") ?? false)
      for (key, attribute) in [
        ("Name", "name"), ("VendorId", "vendorId"), ("ProductId", "productId"), ("Revision", "revision"),
        ("Manufacturer", "manufacturer"), ("Product", "product"), ("Remote", "remote"),
        ("SerialNumber", "serialNumber"),
      ] { add("USBFilter\(key)\(number)", filter[attribute] ?? "") }
    }
  }
  /// Eight hexadecimal digits.
  private static func wide(_ number: Int) -> String {
    let digits = String(UInt32(truncatingIfNeeded: number), radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
  private static func hex(_ number: Int) -> String {
    let digits = String(number, radix: 16)
    return "0x" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
  private mutating func addSerialPort(_ slot: Int) {
    let number = slot + 1
    guard let port = settings.slot("UART", "Port", slot), port.bool("enabled") == true else {
      return add("uart\(number)", "off")
    }
    add("uart\(number)", "\(MachineInfo.hex(port.integer("IOBase") ?? 0)),\(port["IRQ"] ?? "0")")
    let path = port["path"] ?? "", isServer = port.bool("server") == true
    switch port["hostMode"] ?? "Disconnected" {
    case "RawFile": add("uartmode\(number)", "file,\(path)")
    case "HostPipe": add("uartmode\(number)", "\(isServer ? "server" : "client"),\(path)")
    case "TCP": add("uartmode\(number)", "\(isServer ? "tcpserver" : "tcpclient"),\(path)")
    case "HostDevice": add("uartmode\(number)", path)
    default: add("uartmode\(number)", "disconnected")
    }
    add("uarttype\(number)", port["uartType"] ?? "16550A")
  }
  private mutating func addRemoteDisplay() {
    guard settings.flag(["RemoteDisplay"], default: false) else { return add("vrde", false) }
    let properties = settings.hardware.descendant(["RemoteDisplay", "VRDEProperties"])?.elements("Property") ?? []
    func property(_ name: String) -> String? { properties.first { $0["name"] == name }?["value"] }
    add("vrde", true)
    add("vrdeport", -1)
    add("vrdeports", property("TCP/Ports") ?? "3389")
    add("vrdeaddress", property("TCP/Address") ?? "")
    add("vrdeauthtype", settings.word(["RemoteDisplay"], "authType", default: "Null").lowercased())
    add("vrdemulticon", settings.flag(["RemoteDisplay"], "allowMultiConnection", default: false))
    add("vrdereusecon", settings.flag(["RemoteDisplay"], "reuseSingleConnection", default: false))
    let hasVideo = ["true", "1"].contains(property("VideoChannel/Enabled")?.lowercased() ?? "")
    add("vrdevideochannel", hasVideo)
    if hasVideo { add("vrdevideochannelquality", property("VideoChannel/Quality") ?? "75") }
    for element in properties { add("vrdeproperty[\(element["name"] ?? "")]", element["value"] ?? "") }
  }

  // MARK: Rest

  private mutating func addRest() {
    for (index, folder) in ((try? registry.globalFolders()) ?? []).enumerated() {
      add("SharedFolderNameGlobalMapping\(index + 1)", folder.name)
      add("SharedFolderPathGlobalMapping\(index + 1)", folder.path)
    }
    for (kind, isTransient) in [("Machine", false), ("Transient", true)] {
      for (index, folder) in settings.sharedFolders.filter({ $0.isTransient == isTransient }).enumerated() {
        add("SharedFolderName\(kind)Mapping\(index + 1)", folder.name)
        add("SharedFolderPath\(kind)Mapping\(index + 1)", folder.path)
      }
    }
    if state.state.isOnline, settings.flag(["RemoteDisplay"], default: false) {
      // There is no server of that protocol: nobody is connected. The second line has two signs, as it always had.
      add("VRDEActiveConnection", false)
      pairs.append(("VRDEClients==0", .line))
    }
    addRecording()
    if let text = settings.text { add("description", text) }
    addSnapshots(SnapshotTree(settings))
    add("GuestMemoryBalloon", settings.number(["Guest"], "memoryBalloonSize", default: 0))
  }
  /// All monitors are one picture: there is one screen that is recorded.
  private mutating func addRecording() {
    let recording = settings.recording
    func number(_ name: String) -> Int64 { recording[name]?.integer ?? 0 }
    add("recording_enabled", settings.isRecorded)
    add("recording_screens", 1)
    pairs.append((" rec_screen0", .line))
    add("rec_screen_enabled", settings.recordsScreen)
    add("rec_screen_id", 0)
    add("rec_screen_video_enabled", true)
    add("rec_screen_audio_enabled", false)
    add("rec_screen_dest", "File")
    add("rec_screen_dest_filename", settings.recordingFile)
    add("rec_screen_opts", settings.recordingOptions)
    add("rec_screen_video_res_xy", "\(number("width"))x\(number("height"))")
    add("rec_screen_video_rate_kbps", Int(number("rate")))
    add("rec_screen_video_fps", Int(number("framesPerSecond")))
  }
  /// Snapshots alone.
  static func snapshots(_ tree: SnapshotTree, of settings: MachineSettings, _ registry: Registry) -> String {
    var info = MachineInfo(settings, registry)
    info.pairs = []
    info.addSnapshots(tree)
    return info.programText
  }
  private mutating func addSnapshots(_ tree: SnapshotTree) {
    for node in tree.nodes {
      add("SnapshotName\(node.suffix)", node.name)
      add("SnapshotUUID\(node.suffix)", node.uuid)
      if let text = node.text { add("SnapshotDescription\(node.suffix)", text) }
      guard node.uuid == tree.current else { continue }
      add("CurrentSnapshotName", node.name)
      add("CurrentSnapshotUUID", node.uuid)
      add("CurrentSnapshotNode", "SnapshotName\(node.suffix)")
    }
  }
}

/// What a card's cable leads to, as clients name it.
struct CardKind {
  let name: String
  /// The key of `target`, without the card's number.
  let key: String?
  let target: String
  /// For people.
  let text: String

  init(_ adapter: SettingsElement) {
    let kinds: [(element: String, name: String, key: String, attribute: String, text: String)] = [
      ("NAT", "nat", "natnet", "network", "NAT"),
      ("BridgedInterface", "bridged", "bridgeadapter", "name", "Bridged Interface"),
      ("InternalNetwork", "intnet", "intnet", "name", "Internal Network"),
      ("HostOnlyInterface", "hostonly", "hostonlyadapter", "name", "Host-only Interface"),
      ("HostOnlyNetwork", "hostonlynetwork", "hostonly-network", "name", "Host Only Network"),
      ("GenericInterface", "generic", "generic", "driver", "Generic"),
      ("NATNetwork", "natnetwork", "nat-network", "name", "NAT Network"),
      ("CloudNetwork", "cloud", "cloud-network", "name", "Cloud Network"),
    ]
    guard let kind = kinds.first(where: { adapter.child($0.element) != nil }) else {
      (name, key, target, text) = ("null", nil, "", "none")
      return
    }
    let attribute = adapter.child(kind.element)?[kind.attribute]
    (name, key) = (kind.name, kind.key)
    target = attribute ?? (kind.name == "nat" ? "nat" : kind.name == "intnet" ? "intnet" : "")
    text = kind.name == "nat" ? kind.text : "\(kind.text) '\(target)'"
  }
}
