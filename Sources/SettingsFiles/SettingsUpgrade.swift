/// Older settings in the form of the version that is written: what was missing gets the meaning it had, what stood
/// elsewhere moves.
struct SettingsUpgrade {
  let version: SettingsVersion
  init(from version: SettingsVersion) { self.version = version }

  func upgrade(_ document: inout SettingsElement) {
    document.changeAll("Machine") { machine in
      moveRecording(&machine)
      guard version < .written else { return }
      machine.changeAll("Hardware") { upgradeHardware(&$0) }
      moveStorage(&machine)
      machine.changeAll("Snapshot") { upgradeSnapshot(&$0) }
    }
  }
  /// How the screen is recorded stood in the hardware, before 1.19 and in files that were made here. Its numbers have other
  /// names now.
  private func moveRecording(_ owner: inout SettingsElement) {
    if let old = owner.child("Hardware")?.child("VideoCapture") {
      owner.changeAll("Hardware") { $0.remove("VideoCapture") }
      if owner.child("Recording") == nil { owner.insert(SettingsUpgrade.recording(old)) }
    }
    owner.changeAll("Snapshot") { moveRecording(&$0) }
    owner.changeAll("Snapshots") { list in list.changeAll("Snapshot") { moveRecording(&$0) } }
  }
  private static func recording(_ old: SettingsElement) -> SettingsElement {
    var screen = SettingsElement("Screen", [("id", "0"), ("enabled", "true")])
    for (name, newName) in [
      ("file", "file"), ("horzRes", "horzRes"), ("vertRes", "vertRes"), ("rate", "rateKbps"), ("fps", "fps"),
      ("maxTime", "maxTimeS"), ("maxSize", "maxSizeMB"), ("options", "options"),
    ] { screen[newName] = old[name] }
    let isOn = old.bool("enabled") == true
    return SettingsElement(
      "Recording", isOn ? [("enabled", "true")] : [], [SettingsElement("Screens", [], [screen])])
  }
  private func upgradeSnapshot(_ snapshot: inout SettingsElement) {
    snapshot.changeAll("Hardware") { upgradeHardware(&$0) }
    moveStorage(&snapshot)
    snapshot.changeAll("Snapshots") { list in list.changeAll("Snapshot") { upgradeSnapshot(&$0) } }
  }

  private func upgradeHardware(_ hardware: inout SettingsElement) {
    if version < SettingsVersion(1, 16) {
      // Absent meant another card than it does now, and audio that is on was written.
      hardware.changeAll("Network") { network in
        network.changeAll("Adapter") { if $0["type"] == nil { $0["type"] = "Am79C970A" } }
      }
    }
    if version < SettingsVersion(1, 17) {
      hardware.changeAll("AudioAdapter") { audio in
        if audio["enabledIn"] == nil { audio["enabledIn"] = "true" }
        if audio["enabledOut"] == nil { audio["enabledOut"] = "true" }
      }
    }
    if version < SettingsVersion(1, 15) { upgradeUSB(&hardware) }
    if version < SettingsVersion(1, 10), let memory = hardware.child("Memory"), memory.bool("PageFusion") == nil {
      hardware.set(["Memory"], "PageFusion", nil)
    }
  }
  /// One controller with a switch for fast devices became a list of controllers.
  private func upgradeUSB(_ hardware: inout SettingsElement) {
    guard let old = hardware.child("USBController") else { return }
    hardware.change("USB") { usb in
      usb.change("Controllers") { list in
        guard old.bool("enabled") == true, list.children.isEmpty else { return }
        list.insert(SettingsElement("Controller", [("name", "OHCI"), ("type", "OHCI")]))
        if old.bool("enabledEhci") == true {
          list.insert(SettingsElement("Controller", [("name", "EHCI"), ("type", "EHCI")]))
        }
      }
      let filters = old.elements("DeviceFilter")
      if !filters.isEmpty { usb.change("DeviceFilters") { list in for filter in filters { list.insert(filter) } } }
    }
    hardware.remove("USBController")
  }

  // MARK: Storage

  /// Controllers stood beside the hardware (before 1.17), disks without any (before 1.7), removable drives in the hardware
  /// (before 1.9).
  private func moveStorage(_ owner: inout SettingsElement) {
    guard version < SettingsVersion(1, 17) else { return }
    var controllers = owner.child("StorageControllers") ?? SettingsElement("StorageControllers")
    owner.remove("StorageControllers")
    if let old = owner.child("HardDiskAttachments") {
      addOldDisks(old, &controllers)
      owner.remove("HardDiskAttachments")
    }
    owner.changeAll("Hardware") { hardware in
      addOldDrives(&hardware, &controllers)
      if let within = hardware.child("StorageControllers") { controllers.children += within.children }
      hardware.remove("StorageControllers")
      if !controllers.children.isEmpty { hardware.insert(controllers) }
    }
  }
  private func addOldDisks(_ list: SettingsElement, _ controllers: inout SettingsElement) {
    for disk in list.elements {
      guard let uuid = disk["hardDisk"] else { continue }
      let isSATA = disk["bus"]?.lowercased() == "sata"
      let name = isSATA ? "SATA" : "IDE"
      make(name, isSATA ? "AHCI" : "PIIX4", isSATA ? 30 : 2, &controllers)
      let channel = disk["channel"]?.lowercased() ?? "0"
      let port = ["primary": "0", "secondary": "1"][channel] ?? channel
      let unit = disk["device"]?.lowercased() ?? "0"
      let device = ["master": "0", "slave": "1"][unit] ?? unit
      attach("HardDisk", port, device, SettingsElement("Image", [("uuid", uuid)]), name, &controllers)
    }
  }
  private func addOldDrives(_ hardware: inout SettingsElement, _ controllers: inout SettingsElement) {
    if let drive = hardware.child("DVDDrive") {
      let ide = controllers.elements("StorageController").first { ($0["type"] ?? "").hasPrefix("PIIX") }?["name"]
      make(ide ?? "IDE", "PIIX4", 2, &controllers)
      attach("DVD", "1", "0", drive.elements.first, ide ?? "IDE", &controllers)
      hardware.remove("DVDDrive")
    }
    if let drive = hardware.child("FloppyDrive") {
      if drive.bool("enabled") != false {
        make("Floppy", "I82078", 1, &controllers)
        attach("Floppy", "0", "0", drive.elements.first, "Floppy", &controllers)
      }
      hardware.remove("FloppyDrive")
    }
  }
  private func make(_ name: String, _ type: String, _ ports: Int, _ controllers: inout SettingsElement) {
    guard !controllers.elements.contains(where: { $0["name"] == name }) else { return }
    controllers.insert(
      SettingsElement(
        "StorageController",
        [
          ("name", name), ("type", type), ("PortCount", "\(ports)"),
          ("useHostIOCache", type == "AHCI" ? "false" : "true"),
          ("Bootable", "true"),
        ]))
  }
  private func attach(
    _ type: String, _ port: String, _ device: String, _ medium: SettingsElement?, _ controller: String,
    _ controllers: inout SettingsElement
  ) {
    controllers.changeAll("StorageController") {
      guard $0["name"] == controller else { return }
      $0.insert(
        SettingsElement(
          "AttachedDevice", [("type", type), ("hotpluggable", "false"), ("port", port), ("device", device)],
          medium.map { [$0] } ?? []))
    }
  }
}
