import Foundation
import HostSystem
import SettingsFiles

/// How a new machine is to be.
public struct MachineCreation: Sendable {
  /// Becomes the name of folder and file too.
  public var name: String
  /// nil: a random one.
  public var uuid: String?
  /// Says what a new machine has.
  public var type = OSType.other
  /// Names that begin with a slash.
  public var groups: [String] = []
  /// Folder for the machine's folder; nil: the default machine folder.
  public var baseFolder: String?
  public init(name: String) { self.name = name }
}

extension Registry {
  /// Makes the folder and the settings file of a machine that is not registered yet.
  public func create(_ creation: MachineCreation) throws(ServiceError) -> MachineSettings {
    let name = creation.name
    let (folder, path) = try newPlace(name: name, groups: creation.groups, baseFolder: creation.baseFolder)
    let uuid = creation.uuid ?? UUID().uuidString.lowercased()
    var settings = MachineSettings(creating: path, name: name, uuid: uuid, type: creation.type)
    if creation.groups != [], creation.groups != ["/"] { settings.setGroups(creation.groups) }
    UnfinishedWork.note(folder: folder)
    UnfinishedWork.note(files: [path, "\(path)-tmp"])
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: ServiceHome.ownersOnly)
    } catch {
      throw ServiceError(.fileError, "Could not create the directory '\(folder)' (VERR_ACCESS_DENIED)")
    }
    try write(&settings.file)
    return settings
  }

  /// Throws when a machine's settings file would take the place of another one.
  public func checkPlace(of creation: MachineCreation) throws(ServiceError) {
    _ = try newPlace(name: creation.name, groups: creation.groups, baseFolder: creation.baseFolder)
  }
  /// It becomes the name of a folder and of files.
  private func checkName(_ name: String) throws(ServiceError) {
    try Names.check(name, "a machine")
    guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
      throw ServiceError(.invalidArgument, "Invalid machine name '\(name)'")
    }
  }

  /// Folder and settings file of a machine that is not there yet.
  func newPlace(name: String, groups: [String], baseFolder: String?) throws(ServiceError) -> (
    folder: String, path: String
  ) {
    try checkName(name)
    for group in groups { try Names.check(group, "a group") }
    let base: String
    if let baseFolder { base = Paths.absolute(baseFolder) } else { base = try defaultMachineFolder() }
    // A machine of one group is in that group's folder.
    let group = groups.count == 1 ? groups[0].drop { $0 == "/" } : ""
    let folder = Paths.absolute("\(base)/\(group.isEmpty ? "" : "\(group)/")\(name)")
    guard folder.hasPrefix(Paths.absolute(base) + "/") else {
      throw ServiceError(.invalidArgument, "Invalid group '\(group)'")
    }
    let path = "\(folder)/\(name).vbox"
    guard !store.exists(path) else {
      throw ServiceError(.fileError, "Machine settings file '\(path)' already exists")
    }
    return (folder, path)
  }

  /// Takes a settings file into the registry.
  public func register(_ path: String) throws(ServiceError) -> MachineSettings {
    let path = Paths.absolute(path)
    let settings: MachineSettings
    do throws(SettingsError) {
      settings = MachineSettings(try SettingsFile(reading: path, .machine, store: store))
    } catch {
      throw ServiceError(.fileError, "Could not load the settings: \(error)", .registry)
    }
    try changeGlobal { global throws(ServiceError) in
      for other in Registry.registered(global) {
        if other.uuid == settings.uuid {
          throw ServiceError(
            .objectInUse,
            "Cannot register the machine '\(settings.name)' {\(settings.uuid)} because a machine with UUID "
              + "{\(other.uuid)} already exists in '\(other.path)'", .registry)
        }
        guard let name = try? MachineSettings(SettingsFile(reading: other.path, .machine, store: store)).name else {
          continue
        }
        if name == settings.name {
          throw ServiceError(
            .objectInUse, "Cannot register the machine '\(name)' because a machine of this name already exists",
            .registry)
        }
      }
      global.root.change("MachineRegistry") {
        $0.insert(SettingsElement("MachineEntry", [("uuid", "{\(settings.uuid)}"), ("src", path)]))
      }
    }
    return settings
  }

  /// What of a machine goes with it.
  public enum Deletion: Sendable {
    case nothing
    /// Settings, logs, snapshots, and disks that are attached and that no other machine knows.
    case ownFiles
    /// The same, and CDs and floppies in the machine's folder.
    case withMedia
  }
  /// The same, all files or none.
  public func unregister(_ name: String, delete: Bool) throws(ServiceError) {
    try unregister(name, delete ? .ownFiles : .nothing)
  }
  /// Takes a machine out of the registry, and its files off the disk.
  public func unregister(_ name: String, _ deletion: Deletion) throws(ServiceError) {
    let delete = deletion != .nothing
    let entry = try entry(name)
    guard case .success(let settings) = entry.settings else {
      // There is nothing to lose that could be read.
      return try changeGlobal { global in Registry.forget(entry.uuid, &global) }
    }
    guard let session = try session(entry.uuid) else { throw Registry.locked(settings) }
    defer { _ = session.descriptor }
    _ = try finishRun(settings)
    try settling { () throws(ServiceError) in
      let media = delete ? try mediaToDelete(of: settings, deletion) : []
      let files = delete ? filesToDelete(of: settings) : []
      if delete { UnfinishedWork.note(files: media.flatMap(\.files) + files) }
      // From here on the files are nobody's: whoever is killed leaves them to the next command.
      try changeGlobal { global in
        Registry.forget(entry.uuid, &global)
        guard let element = global.root.child("MediaRegistry"), !media.isEmpty else { return }
        var registry = MediaRegistry(element: element, folder: home.folder)
        for medium in media where medium.isDisk { registry.remove(medium.uuid) }
        global.root.change("MediaRegistry") { $0 = registry.element }
      }
      for file in media.flatMap(\.files) + files.filter({ !$0.hasSuffix("/") }) { HostFiles.remove(file) }
      // Folders go only when they are empty: what somebody else put there stays.
      for folder in files.reversed() where folder.hasSuffix("/") {
        if (try? FileManager.default.contentsOfDirectory(atPath: folder))?.isEmpty == true {
          try? FileManager.default.removeItem(atPath: folder)
        }
      }
    }
    let files = SessionFiles(home, entry.uuid)
    for file in [files.settingsLock, files.lock] { HostFiles.remove(file) }
  }
  private static func forget(_ uuid: String, _ global: inout SettingsFile) {
    global.root.change("MachineRegistry") { list in
      list.remove("MachineEntry") { $0["uuid"].flatMap(SettingsUUID.normalized) == uuid }
    }
  }
  /// Media that go with a machine, and their files. If one cannot go, the machine stays to say so.
  private func mediaToDelete(
    of settings: MachineSettings, _ deletion: Deletion
  ) throws(ServiceError) -> [(uuid: String, isDisk: Bool, files: [String])] {
    var gone: [(uuid: String, isDisk: Bool, files: [String])] = []
    var others: Set<String> = []
    for entry in try machines() where entry.uuid != settings.uuid {
      if case .success(let other) = entry.settings { for medium in other.media { others.insert(medium.path) } }
    }
    // What a disk in use differs from goes with it, unless it lies elsewhere: a linked clone's base is not its own.
    var own = settings.usedMedia
    // Images that were put over disks are nobody else's.
    for medium in settings.media where medium.parent != nil && medium.path.hasPrefix(settings.snapshotFolder + "/") {
      own.insert(medium.uuid)
    }
    for medium in settings.media.reversed() {
      guard own.contains(medium.uuid), let parent = medium.parent.flatMap(settings.medium) else { continue }
      if parent.path.hasPrefix(settings.folder + "/") { own.insert(parent.uuid) }
    }
    for medium in settings.media.reversed() where own.contains(medium.uuid) && !others.contains(medium.path) {
      guard HostPaths.exists(medium.path) else { continue }
      if medium.kind == .disk {
        gone.append((medium.uuid, true, try MediumFile.removableFiles(medium.path)))
      } else if deletion == .withMedia, medium.path.hasPrefix(settings.folder + "/") {
        gone.append((medium.uuid, false, [medium.path]))
      }
    }
    return gone
  }
  /// Settings, logs, states, and the folders that they are in, which have a slash at their ends; the folder itself first.
  private func filesToDelete(of settings: MachineSettings) -> [String] {
    let path = settings.file.path, stem = String(path.dropLast(".vbox".count)), folder = settings.folder
    let logs = settings.logFolder(home)
    var files = ["\(folder)/", "\(settings.snapshotFolder)/", "\(logs)/"]
    for name in HostPaths.names(in: folder, limit: 10_000) {
      let whole = "\(folder)/\(name)"
      let isBackup = whole.hasPrefix(stem + "-1.") && whole.hasSuffix(".vbox")
      // What a change that was cut short has left beside it, too.
      let isBeside = ["-prev", "-tmp", "-prev-tmp"].contains { whole == path + $0 }
      if isBackup || isBeside || whole == "\(stem).nvram" { files.append(whole) }
    }
    for name in HostPaths.names(in: logs, limit: 10_000)
    where ["VBox.log", "VBox.png", "VBoxHardening.log", "VBoxUI.log"].contains(where: name.hasPrefix) {
      files.append("\(logs)/\(name)")
    }
    for name in HostPaths.names(in: settings.snapshotFolder, limit: 10_000) where name.hasSuffix(".sav") {
      files.append("\(settings.snapshotFolder)/\(name)")
    }
    return files + [path]
  }

  /// Gives a machine another name; its folder and files follow when they have the old one.
  public func rename(_ settings: inout MachineSettings, to name: String) throws(ServiceError) {
    let old = settings.name
    guard name != old else { return }
    try checkName(name)
    for entry in try machines() where entry.name == name && entry.uuid != settings.uuid {
      throw ServiceError(.objectInUse, "A machine named '\(name)' already exists (VERR_ALREADY_EXISTS)", .registry)
    }
    let folder = settings.folder, uuid = settings.uuid
    settings.machine["name"] = name
    guard settings.file.path == "\(folder)/\(old).vbox" else { return }
    let isOwnFolder = Paths.name(of: folder) == old
    let newFolder = isOwnFolder ? "\(Paths.folder(of: folder))/\(name)" : folder
    let newPath = "\(newFolder)/\(name).vbox"
    guard !HostPaths.exists(isOwnFolder ? newFolder : newPath) else {
      settings.machine["name"] = old
      throw ServiceError(
        .fileError,
        "Could not rename the directory '\(folder)' to '\(newFolder)' to save the settings file "
          + "(VERR_ALREADY_EXISTS)")
    }
    try settling { () throws(ServiceError) in
      if isOwnFolder {
        try moveFolder(&settings, to: newFolder, file: "\(name).vbox")
      } else {
        // The new file is whole before the registry names it; then the old one is nobody's.
        let old = settings.file.path
        UnfinishedWork.note(files: [newPath, "\(newPath)-tmp", old, "\(old)-prev"])
        settings.file.path = newPath
        try write(&settings.file)
        try setPlace(uuid, newPath)
        for file in [old, "\(old)-prev"] { HostFiles.remove(file) }
      }
    }
  }
  /// Both folders are whole until the registry names the new one; then the old one is nobody's.
  private func moveFolder(
    _ settings: inout MachineSettings, to newFolder: String, file: String
  ) throws(ServiceError) {
    let folder = settings.folder, old = settings.file.path, uuid = settings.uuid
    UnfinishedWork.note(.move(machine: uuid, from: folder, to: newFolder))
    UnfinishedWork.note(folder: Paths.folder(of: newFolder))
    try FolderCopy.duplicate(folder, to: newFolder)
    do throws(ServiceError) {
      settings.file.path = "\(newFolder)/\(file)"
      settings.relocateMedia(from: folder, to: newFolder)
      let between = "\(newFolder)/\(Paths.name(of: old))"
      if between != settings.file.path {
        try? HostPaths.rename("\(between)-prev", to: "\(settings.file.path)-prev")
        HostFiles.remove(between)
      }
      try write(&settings.file)
      try setPlace(uuid, settings.file.path)
    } catch {
      try? FileManager.default.removeItem(atPath: newFolder)
      settings.file.path = old
      throw error
    }
    try relocateForeign(from: folder, to: newFolder, except: uuid)
    try? FileManager.default.removeItem(atPath: folder)
  }
  private func setPlace(_ uuid: String, _ path: String) throws(ServiceError) {
    try changeGlobal { global in
      global.root.change("MachineRegistry") { list in
        list.changeAll("MachineEntry") {
          if $0["uuid"].flatMap(SettingsUUID.normalized) == uuid { $0["src"] = path }
        }
      }
    }
  }

  /// Moves a machine's folder into another one.
  public func move(_ name: String, into target: String) throws(ServiceError) {
    try change(name) { settings throws(ServiceError) in
      let folder = settings.folder
      guard Paths.name(of: folder) == settings.name else {
        throw ServiceError(.notSupported, "The machine '\(settings.name)' is not in a folder of its own")
      }
      let newFolder = "\(Paths.absolute(target))/\(settings.name)"
      guard newFolder != folder else { return }
      guard !HostPaths.exists(newFolder) else {
        throw ServiceError(.fileError, "'\(newFolder)' exists already (VERR_ALREADY_EXISTS)")
      }
      let file = Paths.name(of: settings.file.path)
      try settling { () throws(ServiceError) in try moveFolder(&settings, to: newFolder, file: file) }
    }
  }
  /// Linked clones of a machine name its disks too.
  func relocateForeign(from folder: String, to newFolder: String, except uuid: String) throws(ServiceError) {
    for entry in try machines() where entry.uuid != uuid {
      guard case .success(let other) = entry.settings,
        other.media.contains(where: { $0.path.hasPrefix(folder + "/") })
      else { continue }
      try changeShared(entry.uuid) { settings in
        let inside = settings.media.filter { $0.path.hasPrefix(folder + "/") }
        for medium in inside {
          let path = newFolder + medium.path.dropFirst(folder.count)
          settings.mediaRegistry.change(medium.uuid) { $0["location"] = path }
        }
      }
    }
  }
}

/// A second folder with the same files in it: by further names for them where that can be, else by copies.
enum FolderCopy {
  static func duplicate(_ folder: String, to newFolder: String) throws(ServiceError) {
    let manager = FileManager.default
    func failure(_ error: any Error) -> ServiceError {
      try? manager.removeItem(atPath: newFolder)
      return ServiceError(.fileError, "Could not move '\(folder)' to '\(newFolder)': \(error.localizedDescription)")
    }
    do {
      try manager.createDirectory(
        atPath: Paths.folder(of: newFolder), withIntermediateDirectories: true, attributes: ServiceHome.ownersOnly)
      do { try manager.linkItem(atPath: folder, toPath: newFolder) } catch {
        // Another file system, or one that has no further names.
        try? manager.removeItem(atPath: newFolder)
        try manager.copyItem(atPath: folder, toPath: newFolder)
      }
      try HostPaths.synchronize(folder: Paths.folder(of: newFolder))
    } catch { throw failure(error) }
  }
}

extension MachineSettings {
  /// Only "/", or nothing: the machine is in no group of its own.
  public mutating func setGroups(_ names: [String]) {
    machine.remove("Groups")
    guard names != [], names != ["/"] else { return }
    machine.insert(SettingsElement("Groups", [], names.map { SettingsElement("Group", [("name", $0)]) }))
  }
  /// Where the machine's logs are.
  public func logFolder(_ home: ServiceHome) -> String {
    home.logFolder.map { "\($0)/\(name)" } ?? "\(folder)/Logs"
  }
}
