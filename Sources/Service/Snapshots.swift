import Base
import DiskImages
import Foundation
import HostSystem
import SettingsFiles

/// Snapshots of machines: settings, disks and, of machines that run or are saved, state as they were, with images over
/// the disks for what comes after.
///
/// New images are made before the settings name them, and old ones removed after the settings have forgotten them: what
/// a power cut can leave behind is an image that nobody needs.
extension Registry {
  private static func refuse(_ text: String) -> ServiceError { ServiceError(.objectNotFound, text, .snapshot) }

  /// The snapshot of this name or UUID.
  public func snapshot(_ name: String, of settings: MachineSettings) throws(ServiceError) -> SnapshotTree.Node {
    guard let found = SnapshotTree(settings).find(name) else {
      throw Registry.refuse("Could not find a snapshot named '\(name)'")
    }
    return found
  }

  // MARK: Take

  /// Takes a snapshot: its UUID. A machine that runs stands still for a moment; what it writes from then on goes to new
  /// images, and its state is written to a file while it runs on.
  public func takeSnapshot(
    _ machine: String, name: String, text: String?, progress: (Int) -> Void = { _ in }
  ) throws(ServiceError) -> String {
    guard !name.isEmpty else { throw ServiceError(.invalidArgument, "A snapshot needs a name", .snapshot) }
    try Names.check(name, "a snapshot", .snapshot)
    let settings = try self.machine(machine)
    if state(settings).state.isOnline {
      return try settling { () throws(ServiceError) in try takeOnline(settings, name, text, progress) }
    }
    return try settling { () throws(ServiceError) in try takeOffline(machine, name, text) }
  }
  private func takeOffline(_ machine: String, _ name: String, _ text: String?) throws(ServiceError) -> String {
    var made: [String] = []
    do throws(ServiceError) {
      return try change(machine, evenSaved: true) { settings throws(ServiceError) in
        var snapshot = try settings.newSnapshot(name, text)
        if let state = settings.stateFile {
          // Each has a name of its own for it, and may do away with that.
          let path = try settings.newStateFile()
          try Registry.share(state, as: path)
          made.append(path)
          snapshot["stateFile"] = Paths.relative(path, to: settings.folder)
        }
        try settings.putImagesOver(&made)
        settings.addSnapshot(snapshot)
        return SettingsUUID.normalized(snapshot["uuid"] ?? "") ?? ""
      }
    } catch {
      for path in made { HostFiles.remove(path) }
      throw error
    }
  }

  /// The settings name the new images before the machine writes to them, and the state file when it is whole: a machine
  /// that dies meanwhile has its disks, and a snapshot of them without a state.
  private func takeOnline(
    _ settings: MachineSettings, _ name: String, _ text: String?, _ progress: (Int) -> Void
  ) throws(ServiceError) -> String {
    let client = try client(settings)
    let covers = try settings.covers()
    let images = JSON.array(covers.map(\.json))
    let path = try settings.newStateFile()
    UnfinishedWork.note(files: covers.map(\.path))
    try client.command("snapshot-prepare", [("images", images)], seconds: 600)
    let uuid: String
    let before = settings.hardware
    do throws(ServiceError) {
      uuid = try changeShared(settings.uuid) { settings throws(ServiceError) in
        let snapshot = try settings.newSnapshot(name, text)
        for cover in covers { settings.cover(cover) }
        settings.addSnapshot(snapshot)
        return SettingsUUID.normalized(snapshot["uuid"] ?? "") ?? ""
      }
    } catch {
      for cover in covers { HostFiles.remove(cover.path) }
      throw error
    }
    let reply: JSON
    do throws(ServiceError) {
      reply = try client.command(
        "snapshot", [("path", .string(path)), ("images", images)], seconds: 24 * 3600, progress: progress)
    } catch {
      // The process is there and says that nothing has changed; one that is gone leaves a snapshot of the disks.
      if state(settings).state.isOnline {
        _ = try? changeShared(settings.uuid) { settings in
          if let node = SnapshotTree(settings).find(uuid) { settings.removeSnapshot(node) }
          settings.hardware = before
          for cover in covers { settings.mediaRegistry.remove("\(cover.uuid)") }
        }
        for cover in covers { HostFiles.remove(cover.path) }
      }
      throw error
    }
    try changeShared(settings.uuid) { settings in
      guard reply["path"]?.string != nil else { return }
      let place = Paths.relative(path, to: settings.folder)
      settings.changeSnapshot(uuid) { $0["stateFile"] = place }
    }
    if let failure = reply["failure"]?.string {
      throw ServiceError(.fileError, "The snapshot has the disks but not the machine's state: \(failure)", .snapshot)
    }
    return uuid
  }

  // MARK: Restore

  /// Makes the machine what it was when the snapshot was taken. What was written since is forgotten. A machine that ran
  /// then is saved now.
  public func restoreSnapshot(_ machine: String, _ name: String) throws(ServiceError) {
    try settling { () throws(ServiceError) in try restore(machine, name) }
  }
  private func restore(_ machine: String, _ name: String) throws(ServiceError) {
    var made: [String] = [], left: [String] = [], leftState: String?
    do throws(ServiceError) {
      try change(machine, evenSaved: true) { settings throws(ServiceError) in
        let node = try snapshot(name, of: settings)
        guard let element = settings.snapshotElement(node.uuid), let hardware = element.child("Hardware") else {
          throw Registry.refuse("The snapshot '\(name)' has no hardware")
        }
        leftState = settings.stateFile
        settings.stateFile = nil
        if let state = element["stateFile"], !state.isEmpty {
          let path = try settings.newStateFile()
          try Registry.share(Paths.resolve(state, in: settings.folder), as: path)
          made.append(path)
          settings.stateFile = path
        }
        let before = settings.usedMedia
        settings.hardware = hardware
        try settings.putImagesOver(&made)
        settings.machine["currentSnapshot"] = "{\(node.uuid)}"
        settings.machine["currentStateModified"] = "false"
        settings.machine["aborted"] = nil
        settings.machine["lastStateChange"] = Timestamp.text(Timestamp.now)
        left = settings.forget(before.subtracting(settings.usedMedia))
        UnfinishedWork.note(files: left + [leftState].compactMap { $0 })
      }
    } catch {
      for path in made { HostFiles.remove(path) }
      throw error
    }
    if let leftState { HostFiles.remove(leftState) }
    for path in left { try? MediumFile.delete(path) }
  }

  // MARK: Delete

  /// Forgets a snapshot; what it holds goes into the images over it, or they into it. Of a machine that runs, the machine's
  /// process merges what it has open, while the guest goes on.
  public func deleteSnapshot(_ machine: String, _ name: String, progress: WorkProgress) throws(ServiceError) {
    let settings = try self.machine(machine)
    try settling { () throws(ServiceError) in
      if state(settings).state.isOnline { return try deleteOnline(settings, name, progress) }
      try deleteOffline(settings, name, progress)
    }
  }
  private func deleteOffline(
    _ settings: MachineSettings, _ name: String, _ progress: WorkProgress
  ) throws(ServiceError) {
    var left: [String] = [], leftState: String?
    try change(settings.uuid, evenSaved: true) { settings throws(ServiceError) in
      let needless: [Medium]
      (needless, leftState) = try remove(name, from: &settings)
      for medium in needless { left += try settings.merge(medium, progress) }
      UnfinishedWork.note(files: left + [leftState].compactMap { $0 })
    }
    if let leftState { HostFiles.remove(leftState) }
    try forgetElsewhere(left, except: settings.uuid)
    for path in left { try? MediumFile.delete(path) }
  }
  /// Takes a snapshot out of the tree: the disks that nothing needs any more, and its state file.
  private func remove(
    _ name: String, from settings: inout MachineSettings
  ) throws(ServiceError) -> (disks: [Medium], stateFile: String?) {
    let node = try snapshot(name, of: settings)
    let children = SnapshotTree(settings).nodes.filter { $0.parent == node.uuid }
    guard children.count <= 1 else {
      throw ServiceError(
        .invalidObjectState,
        "Snapshot '\(node.name)' of the machine '\(settings.name)' cannot be deleted, because it has "
          + "\(children.count) child snapshots", .snapshot)
    }
    guard let element = settings.snapshotElement(node.uuid) else { return ([], nil) }
    let disks = MachineSettings.attachments(element.child("Hardware") ?? SettingsElement("Hardware")).compactMap(
      \.medium)
    let stateFile = element["stateFile"].flatMap { $0.isEmpty ? nil : Paths.resolve($0, in: settings.folder) }
    settings.removeSnapshot(node)
    let used = settings.usedMedia
    // A base that is never written takes nothing in, and stays what it is.
    let needless = disks.filter { !used.contains($0) && settings.medium($0)?.needsImage != true }
    try refuseLinked(needless, of: settings)
    return (needless.compactMap { disk in settings.media.first { $0.uuid == disk && $0.kind == .disk } }, stateFile)
  }

  /// The images come first, then the settings: a machine that dies meanwhile has its disks and the snapshot, and what
  /// is asked for again goes on where it was cut short.
  private func deleteOnline(
    _ settings: MachineSettings, _ name: String, _ progress: WorkProgress
  ) throws(ServiceError) {
    var after = settings
    let (disks, stateFile) = try remove(name, from: &after)
    let uuid = try snapshot(name, of: settings).uuid
    for (index, medium) in disks.enumerated() {
      let children = settings.media.filter { $0.parent == medium.uuid }
      guard children.count <= 1 else {
        throw ServiceError(
          .invalidObjectState,
          "Hard disk '\(medium.path)' has more than one child hard disk (\(children.count)): switch the machine off first",
          .medium)
      }
      guard let child = children.first else { continue }
      let part = WorkProgress { done, all in
        progress.pass(UInt64(index) * 100 + (all == 0 ? 100 : done * 100 / all), of: UInt64(disks.count) * 100)
      }
      try mergeOnline(settings, medium, into: child, part)
    }
    // What has no parent and nothing on it is a disk of its own.
    let left = disks.filter { disk in disk.parent != nil || settings.media.contains { $0.parent == disk.uuid } }
    UnfinishedWork.note(files: left.map(\.path) + [stateFile].compactMap { $0 })
    try changeShared(settings.uuid) { settings throws(ServiceError) in
      _ = try remove(uuid, from: &settings)
      for medium in left { settings.mediaRegistry.replaceByChildren(medium) }
    }
    if let stateFile { HostFiles.remove(stateFile) }
    try forgetElsewhere(left.map(\.path), except: settings.uuid)
    for medium in left { try? MediumFile.delete(medium.path) }
  }
  private func mergeOnline(
    _ settings: MachineSettings, _ medium: Medium, into child: Medium, _ progress: WorkProgress
  ) throws(ServiceError) {
    let arguments: [(String, JSON)] = [("parent", .string(medium.path)), ("path", .string(child.path))]
    let reply = try client(settings).command("merge", arguments, seconds: 24 * 3600) {
      progress.pass(UInt64(clamping: $0), of: 100)
    }
    guard reply["inUse"] == false else { return }
    // No disk of the machine as it is now: nobody has these images open.
    try settings.take(medium, into: child, progress)
  }

  /// Changes a snapshot's name and description.
  public func editSnapshot(
    _ machine: String, _ name: String, newName: String?, text: String?
  ) throws(ServiceError) {
    try changeShared(machine) { settings throws(ServiceError) in
      let uuid = try snapshot(name, of: settings).uuid
      if let newName { try Names.check(newName, "a snapshot", .snapshot) }
      settings.changeSnapshot(uuid) { element in
        if let newName, !newName.isEmpty { element["name"] = newName }
        guard let text else { return }
        element.remove("Description")
        var description = SettingsElement("Description")
        description.children = [.text(text)]
        if !text.isEmpty { element.insert(description) }
      }
    }
  }
}

extension MachineSettings {
  // MARK: The tree

  func snapshotElement(_ uuid: String) -> SettingsElement? {
    var copy = self
    var found: SettingsElement?
    copy.changeSnapshot(uuid) { found = $0 }
    return found
  }
  mutating func changeSnapshot(_ uuid: String, _ body: (inout SettingsElement) -> Void) {
    machine.changeAll("Snapshot") { MachineSettings.change(&$0, uuid, body) }
  }
  private static func change(
    _ element: inout SettingsElement, _ uuid: String, _ body: (inout SettingsElement) -> Void
  ) {
    if element["uuid"].flatMap(SettingsUUID.normalized) == uuid { return body(&element) }
    element.changeAll("Snapshots") { list in list.changeAll("Snapshot") { change(&$0, uuid, body) } }
  }
  /// Below the current one, and becomes it.
  mutating func addSnapshot(_ snapshot: SettingsElement) {
    if let current = machine["currentSnapshot"].flatMap(SettingsUUID.normalized) {
      changeSnapshot(current) { $0.change("Snapshots") { $0.insert(snapshot) } }
    } else {
      machine.insert(snapshot)
    }
    machine["currentSnapshot"] = snapshot["uuid"]
    machine["currentStateModified"] = "false"
  }
  /// Its only child, if it has one, takes its place.
  mutating func removeSnapshot(_ node: SnapshotTree.Node) {
    guard let element = snapshotElement(node.uuid) else { return }
    let child = element.child("Snapshots")?.child("Snapshot")
    func isMeant(_ other: SettingsElement) -> Bool {
      other["uuid"].flatMap(SettingsUUID.normalized) == node.uuid
    }
    if let parent = node.parent {
      changeSnapshot(parent) { parent in
        parent.change("Snapshots") { list in
          list.remove("Snapshot", where: isMeant)
          if let child { list.insert(child) }
        }
        parent.remove("Snapshots") { $0.children.isEmpty }
      }
    } else {
      machine.remove("Snapshot", where: isMeant)
      if let child { machine.insert(child) }
    }
    guard machine["currentSnapshot"].flatMap(SettingsUUID.normalized) == node.uuid else { return }
    machine["currentSnapshot"] = node.parent.map { "{\($0)}" }
    if node.parent == nil { machine["currentStateModified"] = nil }
  }

  // MARK: Images

  /// An image that is to be put over a disk.
  struct Cover {
    /// What the machine's process calls the disk.
    var drive: String
    var medium: Medium
    var uuid: DiskUUID
    var format: String
    var path: String

    var json: JSON {
      [
        "drive": .string(drive), "path": .string(path), "format": .string(format), "uuid": .string("\(uuid)"),
      ]
    }
  }
  /// A new image for every disk that snapshots hold still.
  func covers() throws(ServiceError) -> [Cover] {
    var covers: [Cover] = []
    for attachment in attachments.filter({ $0.kind == .disk && $0.medium != nil }) {
      guard let medium = media.first(where: { $0.uuid == attachment.medium }) else { continue }
      guard medium.parent != nil || ["Normal", "Immutable"].contains(medium.type) else { continue }
      covers.append(try newCover(attachment.place, over: medium))
    }
    return covers
  }
  /// What an image over a disk will be.
  func newCover(_ drive: String = "", over medium: Medium) throws(ServiceError) -> Cover {
    UnfinishedWork.note(folder: snapshotFolder)
    do {
      try FileManager.default.createDirectory(
        atPath: snapshotFolder, withIntermediateDirectories: true, attributes: ServiceHome.ownersOnly)
    } catch {
      throw ServiceError(.fileError, "Could not create the directory '\(snapshotFolder)' (VERR_ACCESS_DENIED)")
    }
    let uuid = DiskUUID()
    let format = ["VMDK", "VHD", "QCOW2"].contains(medium.format) ? medium.format : "VDI"
    return Cover(
      drive: drive, medium: medium, uuid: uuid, format: format,
      path: "\(snapshotFolder)/{\(uuid)}.\(format.lowercased())")
  }
  /// Attaches an image in the place of the disk that it differs from.
  mutating func cover(_ cover: Cover) {
    take(cover)
    replaceMedium(cover.medium.uuid, by: "\(cover.uuid)")
  }
  /// The machine knows the image.
  mutating func take(_ cover: Cover) {
    // QCOW2 images have no UUID of their own: the registry's is as good.
    mediaRegistry.add(
      Medium(
        kind: .disk, uuid: "\(cover.uuid)", path: cover.path, format: cover.format, type: "Normal",
        parent: cover.medium.uuid, autoResets: base(of: cover.medium).type == "Immutable"))
  }
  func make(_ cover: Cover, _ made: inout [String]) throws(ServiceError) {
    do throws(DiskError) {
      try ImageLibrary.noted.createChild(
        cover.path, of: cover.medium.path, format: ImageFormat(named: cover.format), uuid: cover.uuid)
    } catch {
      throw ServiceError(.fileError, "Could not create the differencing image '\(cover.path)': \(error)", .medium)
    }
    made.append(cover.path)
  }
  /// Puts a new image over every disk that snapshots hold still, and attaches it in the disk's place.
  mutating func putImagesOver(_ made: inout [String]) throws(ServiceError) {
    for cover in try covers() {
      try make(cover, &made)
      self.cover(cover)
    }
  }
  /// The machine with the hardware that it had when a snapshot was taken.
  public func asOf(_ snapshot: String) throws(ServiceError) -> MachineSettings {
    guard let hardware = snapshotElement(snapshot)?.child("Hardware") else {
      throw ServiceError(.objectNotFound, "The snapshot has no hardware", .snapshot)
    }
    var then = self
    then.hardware = hardware
    return then
  }
  /// An element for a new snapshot of the machine as it is.
  func newSnapshot(_ name: String, _ text: String?) throws(ServiceError) -> SettingsElement {
    guard SnapshotTree(self).nodes.allSatisfy({ $0.depth < 249 }) else {
      throw ServiceError(.invalidArgument, "Snapshots nest too deep", .snapshot)
    }
    var snapshot = SettingsElement(
      "Snapshot",
      [
        ("uuid", "{\(UUID().uuidString.lowercased())}"), ("name", name), ("timeStamp", Timestamp.text(Timestamp.now)),
      ])
    if let text, !text.isEmpty {
      var description = SettingsElement("Description")
      description.children = [.text(text)]
      snapshot.insert(description)
    }
    snapshot.insert(hardware.withoutTransientFolders)
    return snapshot
  }
  /// Everything that is attached now and in snapshots has the other medium instead.
  private mutating func replaceMedium(_ old: String, by new: String) {
    machine.change("Hardware") { MachineSettings.replace(old, new, in: &$0) }
  }
  private static func replace(_ old: String, _ new: String, in hardware: inout SettingsElement) {
    hardware.changeAll("StorageControllers") { list in
      list.changeAll("StorageController") { controller in
        controller.changeAll("AttachedDevice") { device in
          device.changeAll("Image") {
            if $0["uuid"].flatMap(SettingsUUID.normalized) == old { $0["uuid"] = "{\(new)}" }
          }
        }
      }
    }
  }
  /// Takes differencing images out of the registry: their files.
  mutating func forget(_ unused: Set<String>) -> [String] {
    var paths: [String] = []
    for medium in media.reversed() where unused.contains(medium.uuid) && medium.parent != nil {
      guard !media.contains(where: { $0.parent == medium.uuid }) else { continue }
      mediaRegistry.remove(medium.uuid)
      paths.append(medium.path)
    }
    return paths
  }

  /// Does away with an image that no snapshot needs any more: files that can go.
  mutating func merge(_ medium: Medium, _ progress: WorkProgress) throws(ServiceError) -> [String] {
    let children = media.filter { $0.parent == medium.uuid }
    guard !children.isEmpty else { return medium.parent == nil ? [] : forget([medium.uuid]) }
    do throws(DiskError) {
      let isLast = children.count == 1 && !media.contains { $0.parent == children[0].uuid }
      if medium.parent == nil, isLast, !snapshotsUse(children[0].uuid) {
        // The disk keeps its file: what was written since goes into it.
        _ = try ImageLibrary().mergeIntoParent(children[0].path, imageOptions(), progress: progress)
        replaceMedium(children[0].uuid, by: medium.uuid)
        mediaRegistry.remove(children[0].uuid)
        return [children[0].path]
      }
    } catch { throw ServiceError(.fileError, "Could not merge '\(medium.path)': \(error)", .medium) }
    for child in children { try take(medium, into: child, progress) }
    mediaRegistry.replaceByChildren(medium)
    return [medium.path]
  }
  /// Makes an image hold what the one below it holds. Nobody has them open.
  func take(_ medium: Medium, into child: Medium, _ progress: WorkProgress) throws(ServiceError) {
    do throws(DiskError) {
      var options = ImageLibrary.Options(readOnly: true)
      options.isAlone = true
      let info = try ImageLibrary().open(child.path, options).info()
      // Done already, when a power cut came between this and the settings.
      let isIn =
        info.parentUUID.map { $0.description == medium.uuid }
        ?? (info.parentPath.map(Paths.absolute) == medium.path)
      guard info.variant == .differencing, isIn else { return }
      options = imageOptions()
      options.keepsModification = true
      _ = try ImageLibrary().mergeParentInto(child.path, options, progress: progress)
    } catch { throw ServiceError(.fileError, "Could not merge '\(medium.path)': \(error)", .medium) }
  }
  private func snapshotsUse(_ uuid: String) -> Bool {
    var copy = self
    copy.hardware = SettingsElement("Hardware")
    return copy.usedMedia.contains(uuid)
  }
}

extension MediaRegistry {
  /// Takes a disk out; what differs from it stands in its place.
  mutating func replaceByChildren(_ medium: Medium) {
    var children: [SettingsElement] = []
    change(medium.uuid) { children = $0.elements("HardDisk") }
    remove(medium.uuid)
    element.change(Medium.Kind.disk.list) { list in
      for child in children {
        var child = child
        guard let parent = medium.parent else {
          child["type"] = medium.type
          list.insert(child)
          continue
        }
        if !MediaRegistry.change(&list, parent, { $0.insert(child) }) { list.insert(child) }
      }
    }
  }
}
