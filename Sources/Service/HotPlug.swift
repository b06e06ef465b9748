import Base
import DiskImages
import HostSystem
import SettingsFiles

/// Drives and media of machines, whether they run or not.
///
/// With a machine that runs, its process and its settings change one after the other: what comes stands in the settings
/// first, what goes has left the process first, so that nobody ever takes an image for free that the guest writes to. What
/// is about to change is written down before (`LiveDrive`): whoever is killed in between leaves it to the next command.
extension Registry {
  /// Plugs drives in and media out. While the machine runs a CD or a floppy may be changed, and drives may come to and go
  /// from a controller that allows it. When it fails nothing has changed.
  public func change(_ name: String, _ drive: DriveChange) throws(ServiceError) {
    let settings = try machine(name)
    var typed: String?
    let isLive = state(settings).state.isOnline && drive.medium != nil
    try settling { () throws(ServiceError) in
      var made: [String] = [], left: [String] = []
      do throws(ServiceError) {
        if isLive {
          let client = try client(settings)
          try holdingSettings(of: settings.uuid) { settings throws(ServiceError) in
            (left, typed) = try changeLive(drive, &settings, client, &made)
          }
        } else {
          try change(name) { settings throws(ServiceError) in
            (left, typed) = try apply(drive, &settings, &made)
          }
        }
      } catch {
        // Kept: the machine's process may have them yet.
        if UnfinishedWork.current?.isKept != true { for path in made { HostFiles.remove(path) } }
        throw error
      }
      for path in left { try? MediumFile.delete(path) }
    }
    // Whoever else has the medium knows its new type too.
    if let type = drive.type, let typed, drive.kind != .dvd { try changeMedium(typed) { $0["type"] = type } }
  }
  /// Changes the settings: images that are nobody's from then on, and the disk below the one that is attached now.
  private func apply(
    _ drive: DriveChange, _ settings: inout MachineSettings, _ made: inout [String]
  ) throws(ServiceError) -> (left: [String], typed: String?) {
    let before = drive.current(settings)?.medium
    try drive.apply(&settings, self, &made)
    let left = settings.dropForgetful(before)
    UnfinishedWork.note(files: left)
    return (left, drive.current(settings)?.medium.flatMap(settings.medium).map { settings.base(of: $0).uuid })
  }

  // MARK: While the machine runs

  private func changeLive(
    _ drive: DriveChange, _ settings: inout MachineSettings, _ client: VMClient, _ made: inout [String]
  ) throws(ServiceError) -> (left: [String], typed: String?) {
    var drive = drive
    let current = drive.current(settings), medium = drive.medium ?? "none"
    var live = LiveDrive(settings.uuid, drive)
    if let current, current.kind != .disk, medium != "none", drive.kind ?? current.kind == current.kind {
      live.way = .medium
      if current.kind == .floppy { live.name = try settings.floppyName(current) }
    } else {
      try settings.checkHotPlug(drive, current)
      live.way = medium == "none" ? .out : .into
      drive.kind = drive.kind ?? current?.kind
      // What came while the machine ran may go while it runs.
      drive.isHotPluggable = drive.isHotPluggable ?? true
    }
    // What cannot be had shall not cost the guest the drive that it has.
    var trial = settings
    if let kind = drive.kind, live.way == .into { _ = try trial.openMedium(medium, kind, self) }
    let before = settings
    var isWritten = false
    UnfinishedWork.note(.drive(live))
    do throws(ServiceError) {
      if current != nil, live.way != .medium { try client.detach(live) }
      let outcome = try apply(drive, &settings, &made)
      isWritten = true
      try write(&settings.file)
      if live.way != .out { try put(live, settings, client) }
      return outcome
    } catch {
      settings = before
      takeBack(live, settings, isWritten, client)
      throw error
    }
  }
  /// After a failure: settings and process become what they were, now or by the next command.
  private func takeBack(_ live: LiveDrive, _ before: MachineSettings, _ isWritten: Bool, _ client: VMClient) {
    var settings = before
    do throws(ServiceError) {
      if isWritten { try write(&settings.file) }
      if state(settings).state.isOnline, try !agree(live, &settings, client) { UnfinishedWork.current?.keep() }
    } catch { UnfinishedWork.current?.keep() }
  }
  /// Makes the machine's process have what the settings say is at a place.
  private func put(_ live: LiveDrive, _ settings: MachineSettings, _ client: VMClient) throws(ServiceError) {
    guard let attachment = live.current(settings) else { return }
    guard live.way != .medium else {
      let name = JSON.string(live.name)
      if let medium = attachment.medium.flatMap(settings.medium) {
        try client.command("insert", [("drive", name), ("path", .string(medium.path))])
      } else {
        try client.command("eject", [("drive", name)])
      }
      return
    }
    let (kind, json) = try LaunchPlan.drive(attachment, of: settings, parents: try parents())
    try client.command("attach", [(kind, json)], seconds: 600)
  }

  // MARK: What was cut short

  /// Settles a drive that somebody was killed at while it changed. False: that has to wait.
  func settle(_ live: LiveDrive) -> Bool {
    guard let entry = try? entry(live.machine), case .success(let settings) = entry.settings else { return true }
    switch state(settings).state {
    case .running, .paused: break
    case .starting, .saving, .stopping: return false
    // What runs next does so by the settings.
    case .poweredOff, .saved, .aborted: return true
    }
    let outcome = try? holdingSettings(of: live.machine) { settings throws(ServiceError) in
      try agree(live, &settings, try client(settings))
    }
    return outcome ?? false
  }
  /// Process and settings agree about a drive from here on, whatever became of its change: a drive that was to go and has
  /// gone is gone, otherwise the settings say what is to be. What the process refuses stands in no settings. False: it
  /// cannot be asked for anything just now.
  private func agree(
    _ live: LiveDrive, _ settings: inout MachineSettings, _ client: VMClient
  ) throws(ServiceError) -> Bool {
    var found = try client.drive(live)
    if found == nil, live.way == .out { return try forget(live, &settings) }
    for _ in 0..<2 {
      let wanted = live.current(settings)
      if wanted == nil, found == nil || live.way == .medium { return true }
      let path = wanted?.medium.flatMap(settings.medium)?.path
      if let found, wanted != nil, found["path"]?.string == path { return true }
      do throws(ServiceError) {
        if found != nil, live.way != .medium { try client.detach(live) }
        try put(live, settings, client)
        return true
      } catch {
        guard !error.isOfMoment, state(settings).state.isOnline else { return false }
      }
      // An order of somebody who was killed may have come first.
      found = try client.drive(live)
    }
    if found == nil { return try forget(live, &settings) }
    guard live.way == .medium, let path = found.map({ $0["path"]?.string }) else { return false }
    return try follow(live, path, &settings)
  }
  private func forget(_ live: LiveDrive, _ settings: inout MachineSettings) throws(ServiceError) -> Bool {
    guard let gone = live.current(settings) else { return true }
    try settings.detach(gone.controller, gone.port, gone.device)
    let left = settings.dropForgetful(gone.medium)
    try write(&settings.file)
    for path in left { try? MediumFile.delete(path) }
    return true
  }
  /// The settings get the medium that is in a drive.
  private func follow(
    _ live: LiveDrive, _ path: String?, _ settings: inout MachineSettings
  ) throws(ServiceError) -> Bool {
    guard var attachment = live.current(settings) else { return true }
    attachment.medium = nil
    if let path { attachment.medium = try settings.openMedium(path, attachment.kind, self) }
    try settings.attach(attachment)
    try write(&settings.file)
    return true
  }
}

extension ServiceError {
  /// The process will not refuse it for ever.
  fileprivate var isOfMoment: Bool {
    ["another snapshot is being taken or deleted", "the machine is neither running nor paused"].contains(text)
  }
}

extension MachineSettings {
  /// The controller whose drives may come and go while the machine runs; nil when its ports cannot be told apart.
  var hotPlugController: SettingsElement? {
    let found = controllers.filter { $0["type"] == "AHCI" }
    return found.count == 1 ? found[0] : nil
  }
  /// What the machine's process calls a drive. It numbers the floppy drives that have a diskette at power-on.
  fileprivate func floppyName(_ current: Attachment) throws(ServiceError) -> String {
    let drives = attachments.filter { $0.kind == .floppy && $0.medium != nil }
    guard let number = drives.firstIndex(of: current) else { throw Registry.locked(self) }
    return "floppy\(number)"
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
