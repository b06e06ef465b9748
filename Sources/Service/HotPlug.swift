import Base
import DiskImages
import HostSystem
import SettingsFiles

// Drives and media of machines, whether they run or not.
extension Registry {
  /// Plugs drives in and media out. While the machine runs a CD or a floppy may be changed, and drives may come to and go
  /// from a controller that allows it.
  public func change(_ name: String, _ drive: DriveChange) throws(ServiceError) {
    let settings = try machine(name)
    guard state(settings).state.isOnline, let medium = drive.medium else { return try apply(drive, to: name) }
    let current = drive.current(settings)
    if let current, current.kind != .disk, medium != "none", drive.kind ?? current.kind == current.kind {
      return try changeMedium(drive, current, settings)
    }
    try settings.checkHotPlug(drive, current)
    if current != nil { try unplug(drive, settings) }
    if medium == "none" { return }
    var drive = drive
    drive.kind = drive.kind ?? current?.kind
    // What came while the machine ran may go while it runs.
    drive.isHotPluggable = drive.isHotPluggable ?? true
    try plug(drive, settings)
  }

  /// Changes the settings. `live`: what is to be done in the machine's process first, with the settings as they will be;
  /// when that fails nothing has changed. Without it, the machine must be off.
  private func apply(
    _ drive: DriveChange, to name: String, live: ((MachineSettings) throws(ServiceError) -> Void)? = nil
  ) throws(ServiceError) {
    var made: [String] = [], left: [String] = [], typed: String?
    let body: (inout MachineSettings) throws(ServiceError) -> Void = { settings throws(ServiceError) in
      let before = drive.current(settings)?.medium
      try drive.apply(&settings, self, &made)
      left = settings.dropForgetful(before)
      UnfinishedWork.note(files: left)
      typed = drive.current(settings)?.medium.flatMap(settings.medium).map { settings.base(of: $0).uuid }
      try live?(settings)
    }
    try settling { () throws(ServiceError) in
      do throws(ServiceError) {
        if live == nil { try change(name, body) } else { try changeShared(name, body) }
      } catch {
        for path in made { HostFiles.remove(path) }
        throw error
      }
      for path in left { try? MediumFile.delete(path) }
    }
    // Whoever else has the medium knows its new type too.
    if let type = drive.type, let typed, drive.kind != .dvd { try changeMedium(typed) { $0["type"] = type } }
  }

  /// In the settings first, then in the machine.
  private func changeMedium(
    _ drive: DriveChange, _ current: Attachment, _ settings: MachineSettings
  ) throws(ServiceError) {
    let client = try client(settings)
    var name = current.place
    if current.kind == .floppy {
      // The process numbers the floppy drives that have a diskette at power-on.
      let drives = settings.attachments.filter { $0.kind == .floppy && $0.medium != nil }
      guard let number = drives.firstIndex(of: current) else { throw Registry.locked(settings) }
      name = "floppy\(number)"
    }
    var path: String?
    try changeShared(settings.uuid) { settings throws(ServiceError) in
      var made: [String] = []
      try drive.apply(&settings, self, &made)
      let uuid = drive.current(settings)?.medium
      path = settings.media.first { $0.uuid == uuid }?.path
    }
    if let path {
      try client.command("insert", [("drive", .string(name)), ("path", .string(path))])
    } else {
      try client.command("eject", [("drive", .string(name))])
    }
  }

  // MARK: Drives

  private func plug(_ drive: DriveChange, _ settings: MachineSettings) throws(ServiceError) {
    let client = try client(settings)
    try apply(drive, to: settings.uuid) { settings throws(ServiceError) in
      guard let attachment = drive.current(settings) else { return }
      let (kind, json) = try LaunchPlan.drive(attachment, of: settings, parents: try parents())
      try client.command("attach", [(kind, json)], seconds: 600)
    }
  }
  private func unplug(_ drive: DriveChange, _ settings: MachineSettings) throws(ServiceError) {
    guard let place = drive.current(settings)?.place else { return }
    let client = try client(settings)
    var gone = DriveChange(controller: drive.controller, port: drive.port, device: drive.device)
    gone.medium = "none"
    try apply(gone, to: settings.uuid) { _ throws(ServiceError) in
      // What was written is brought onto stable storage, which may take its time.
      try client.command("detach", [("drive", .string(place))], seconds: 600)
    }
  }
}

extension MachineSettings {
  /// The controller whose drives may come and go while the machine runs; nil when its ports cannot be told apart.
  var hotPlugController: SettingsElement? {
    let found = controllers.filter { $0["type"] == "AHCI" }
    return found.count == 1 ? found[0] : nil
  }
  /// Throws unless the drive at a place may be another one from now on, while the machine runs.
  fileprivate func checkHotPlug(_ drive: DriveChange, _ current: Attachment?) throws(ServiceError) {
    let controller = try controller(drive.controller)
    guard let capable = hotPlugController, capable["name"] == drive.controller else {
      throw ServiceError(.invalidVMState, "Controller '\(drive.controller)' does not support hot-plugging")
    }
    // No port comes to a controller that is in use.
    let ports = max(controller.integer("PortCount") ?? 1, 1)
    guard (0..<ports).contains(drive.port), drive.device == 0 else {
      throw ServiceError(
        .invalidArgument,
        "The port and/or device parameter are out of range: port=\(drive.port) (must be in range "
          + "[0, \(ports - 1)]), device=\(drive.device) (must be in range [0, 0])")
    }
    guard let current else {
      guard drive.medium != "none" else {
        throw ServiceError(
          .objectNotFound,
          "No storage device attached to device slot \(drive.device) on port \(drive.port) of controller "
            + "'\(drive.controller)'")
      }
      return
    }
    guard current.isHotPluggable else {
      throw ServiceError(
        .notSupported,
        "The device slot \(drive.device) on port \(drive.port) of controller '\(drive.controller)' does not support "
          + "hot-plugging")
    }
  }
}
