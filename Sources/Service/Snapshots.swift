import DiskImages
import Foundation
import HostSystem
import SettingsFiles

/// Snapshots of machines that are switched off: settings and disks as they were, with images over the disks for what
/// comes after.
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

  /// Takes a snapshot: its UUID.
  public func takeSnapshot(_ machine: String, name: String, text: String?) throws(ServiceError) -> String {
    guard !name.isEmpty else { throw ServiceError(.invalidArgument, "A snapshot needs a name", .snapshot) }
    var made: [String] = []
    do throws(ServiceError) {
      return try change(machine) { settings throws(ServiceError) in
        let uuid = UUID().uuidString.lowercased()
        guard SnapshotTree(settings).nodes.allSatisfy({ $0.depth < 249 }) else {
          throw ServiceError(.invalidArgument, "Snapshots nest too deep", .snapshot)
        }
        var snapshot = SettingsElement(
          "Snapshot", [("uuid", "{\(uuid)}"), ("name", name), ("timeStamp", Timestamp.text(Timestamp.now))])
        if let text, !text.isEmpty {
          var description = SettingsElement("Description")
          description.children = [.text(text)]
          snapshot.insert(description)
        }
        snapshot.insert(settings.hardware)
        try settings.putImagesOver(&made)
        settings.addSnapshot(snapshot)
        return uuid
      }
    } catch {
      for path in made { HostFiles.remove(path) }
      throw error
    }
  }

  // MARK: Restore

  /// Makes the machine what it was when the snapshot was taken. What was written since is forgotten.
  public func restoreSnapshot(_ machine: String, _ name: String) throws(ServiceError) {
    var made: [String] = [], left: [String] = []
    do throws(ServiceError) {
      try change(machine) { settings throws(ServiceError) in
        let node = try snapshot(name, of: settings)
        guard let hardware = settings.snapshotElement(node.uuid)?.child("Hardware") else {
          throw Registry.refuse("The snapshot '\(name)' has no hardware")
        }
        let before = settings.usedMedia
        settings.hardware = hardware
        try settings.putImagesOver(&made)
        settings.machine["currentSnapshot"] = "{\(node.uuid)}"
        settings.machine["currentStateModified"] = "false"
        left = settings.forget(before.subtracting(settings.usedMedia))
      }
    } catch {
      for path in made { HostFiles.remove(path) }
      throw error
    }
    for path in left { try? MediumFile.delete(path) }
  }

  // MARK: Delete

  /// Forgets a snapshot; what it holds goes into the images over it, or they into it.
  public func deleteSnapshot(_ machine: String, _ name: String, progress: WorkProgress) throws(ServiceError) {
    var left: [String] = []
    try change(machine) { settings throws(ServiceError) in
      let node = try snapshot(name, of: settings)
      let children = SnapshotTree(settings).nodes.filter { $0.parent == node.uuid }
      guard children.count <= 1 else {
        throw ServiceError(
          .invalidObjectState,
          "Snapshot '\(node.name)' of the machine '\(settings.name)' cannot be deleted, because it has "
            + "\(children.count) child snapshots", .snapshot)
      }
      guard let element = settings.snapshotElement(node.uuid) else { return }
      let disks = MachineSettings.attachments(element.child("Hardware") ?? SettingsElement("Hardware")).compactMap(
        \.medium)
      settings.removeSnapshot(node)
      let used = settings.usedMedia
      try refuseLinked(disks.filter { !used.contains($0) }, of: settings)
      for disk in disks where !used.contains(disk) {
        guard let medium = settings.media.first(where: { $0.uuid == disk && $0.kind == .disk }) else { continue }
        left += try settings.merge(medium, progress)
      }
    }
    try forgetElsewhere(left, except: self.machine(machine).uuid)
    for path in left { try? MediumFile.delete(path) }
  }

  /// Changes a snapshot's name and description.
  public func editSnapshot(
    _ machine: String, _ name: String, newName: String?, text: String?
  ) throws(ServiceError) {
    try changeShared(machine) { settings throws(ServiceError) in
      let uuid = try snapshot(name, of: settings).uuid
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

  /// Puts a new image over every disk that snapshots hold still, and attaches it in the disk's place.
  mutating func putImagesOver(_ made: inout [String]) throws(ServiceError) {
    for attachment in attachments where attachment.kind == .disk {
      guard let medium = media.first(where: { $0.uuid == attachment.medium }) else { continue }
      guard medium.parent != nil || ["Normal", "Immutable"].contains(medium.type) else { continue }
      let uuid = DiskUUID()
      let format = ["VMDK", "VHD", "QCOW2"].contains(medium.format) ? medium.format : "VDI"
      let suffix = format.lowercased()
      let path = "\(snapshotFolder)/{\(uuid)}.\(suffix)"
      do {
        try FileManager.default.createDirectory(atPath: snapshotFolder, withIntermediateDirectories: true)
        try ImageLibrary().createChild(path, of: medium.path, format: ImageFormat(named: format), uuid: uuid)
      } catch {
        throw ServiceError(.fileError, "Could not create the differencing image '\(path)': \(error)", .medium)
      }
      made.append(path)
      // QCOW2 images have no UUID of their own: the registry's is as good.
      mediaRegistry.add(
        Medium(kind: .disk, uuid: "\(uuid)", path: path, format: format, type: "Normal", parent: medium.uuid))
      replaceMedium(medium.uuid, by: "\(uuid)")
    }
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
      for child in children {
        var options = ImageLibrary.Options(readOnly: true)
        options.isAlone = true
        let info = try ImageLibrary().open(child.path, options).info()
        // Done already, when a power cut came between this and the settings.
        let isIn =
          info.parentUUID.map { $0.description == medium.uuid }
          ?? (info.parentPath.map(Paths.absolute) == medium.path)
        guard info.variant == .differencing, isIn else { continue }
        options = imageOptions()
        options.keepsModification = true
        _ = try ImageLibrary().mergeParentInto(child.path, options, progress: progress)
      }
      mediaRegistry.replaceByChildren(medium)
      return [medium.path]
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
