import DiskImages
import Foundation
import HostSystem
import SettingsFiles

/// Changes of media: what is in the image, in every registry and in the machines that have it changes together.
///
/// The image comes first, then what differs from it, then the registries; what was cut short is completed when it is
/// asked for again. A file that moves has both names until the registries know the new one.
extension Registry {
  /// The medium of this UUID or file. One that no registry knows becomes known to the global one.
  public func knownMedium(_ name: String) throws(ServiceError) -> Medium {
    if let known = try medium(name)?.medium { return known }
    guard SettingsUUID.normalized(name) == nil else { throw Registry.unknown(name) }
    let path = Paths.absolute(name)
    let info = try MediumFile.info(path)
    let uuid = info.uuid.map(\.description) ?? UUID().uuidString.lowercased()
    if let other = try medium(uuid)?.medium { throw MachineSettings.double(path, uuid, other) }
    var parent: String?
    if let place = info.parentPath { parent = try medium(place)?.medium.uuid }
    let new = Medium(
      kind: .disk, uuid: uuid, path: path, format: info.format.rawValue, type: "Normal", parent: parent)
    try changeGlobal { global in
      var registry = MediaRegistry(
        element: global.root.child("MediaRegistry") ?? SettingsElement("MediaRegistry"), folder: home.folder)
      registry.add(new)
      global.root.change("MediaRegistry") { $0 = registry.element }
    }
    return new
  }
  static func unknown(_ name: String) -> ServiceError {
    ServiceError(.objectNotFound, "Could not find an open medium with UUID {\(name)}", .registry)
  }

  // MARK: Users

  /// Keeps the machines that have the medium, or an image over it, from starting and changing meanwhile.
  func holding<R>(
    _ medium: Medium?, _ body: () throws(ServiceError) -> R
  ) throws(ServiceError) -> R {
    guard let medium else { return try body() }
    let users = try machines().compactMap { try? $0.settings.get() }.filter { settings in
      settings.usedMedia.contains { used in
        settings.medium(used).map { settings.chain(of: $0).contains { $0.uuid == medium.uuid } } ?? false
      }
    }
    return try holding(medium, users[...], body)
  }
  private func holding<R>(
    _ medium: Medium, _ users: ArraySlice<MachineSettings>, _ body: () throws(ServiceError) -> R
  ) throws(ServiceError) -> R {
    guard let user = users.first else { return try body() }
    guard let lock = try session(user.uuid) else {
      throw ServiceError(
        .invalidObjectState,
        "Medium '\(medium.path)' is locked: the machine '\(user.name)' that uses it runs, or is being changed", .medium)
    }
    defer { _ = lock.descriptor }
    return try holding(medium, users.dropFirst(), body)
  }
  /// Images that differ from this one name it anew.
  func renewChildren(_ uuid: String, of parent: ImageInfo) throws(ServiceError) {
    for (child, _) in try media() where child.parent == uuid {
      do throws(DiskError) {
        var options = ImageLibrary.Options()
        (options.isAlone, options.keepsModification) = (true, true)
        let image = try ImageLibrary().open(child.path, options)
        try image.setParent(parent)
        try image.close()
      } catch {
        throw ServiceError(.fileError, "Could not change the parent of '\(child.path)': \(error)", .medium)
      }
    }
  }

  // MARK: Place

  /// Where a file of this medium goes when it is moved to `target`, a name or a folder.
  private static func place(_ path: String, in target: String) -> String {
    let target = Paths.absolute(target)
    // The dot: what a link leads to.
    return Host.status("\(target)/.")?.isFolder == true ? "\(target)/\(Paths.name(of: path))" : target
  }
  /// Gives a disk's file another name, and tells all who know it.
  public func moveMedium(_ name: String, to target: String, progress: WorkProgress = .none) throws(ServiceError) {
    let known = try medium(name)?.medium
    guard known != nil || SettingsUUID.normalized(name) == nil else { throw Registry.unknown(name) }
    let path = known?.path ?? Paths.absolute(name)
    let place = Registry.place(path, in: target)
    guard place != path else { return }
    try holding(known) { () throws(ServiceError) in try move(known, path, to: place, progress) }
  }
  private func move(
    _ known: Medium?, _ path: String, to place: String, _ progress: WorkProgress
  ) throws(ServiceError) {
    let files = try MediumFile.info(path).files
    guard files.count == 1 || Paths.name(of: place) == Paths.name(of: path) else {
      throw ServiceError(
        .notSupported, "Medium '\(path)' has several files, which name each other: only their folder can change",
        .medium)
    }
    let pairs = files.map { file in
      (file, file == path ? place : "\(Paths.folder(of: place))/\(Paths.name(of: file))")
    }
    try settling { () throws(ServiceError) in try move(known, path, to: place, pairs, progress) }
  }
  private func move(
    _ known: Medium?, _ path: String, to place: String, _ pairs: [(String, String)], _ progress: WorkProgress
  ) throws(ServiceError) {
    for (old, new) in pairs {
      if known == nil || old == path {
        UnfinishedWork.note(.rename(medium: known?.uuid ?? "", from: old, to: new))
      } else {
        // Parts of an image: the registry knows them by the file that names them.
        UnfinishedWork.note(files: [old, new])
      }
      UnfinishedWork.note(files: ["\(new).part"])
    }
    try MediumMove.giveNames(pairs, progress)
    do throws(ServiceError) {
      let info = try MediumFile.info(place)
      if let known {
        try renewChildren(known.uuid, of: info)
        try changeEntries(known.uuid) { $0["location"] = Paths.relative(place, to: $1) }
      }
    } catch {
      for (_, new) in pairs { HostFiles.remove(new) }
      throw error
    }
    for (old, _) in pairs { HostFiles.remove(old) }
  }
  /// Tells all who know a medium where somebody else has put its file: its name.
  @discardableResult
  public func relocateMedium(_ name: String, to path: String) throws(ServiceError) -> String {
    guard let known = try medium(name)?.medium else { throw Registry.unknown(name) }
    let place = Registry.place(known.path, in: path)
    try holding(known) { () throws(ServiceError) in try relocate(known, to: place) }
    return place
  }
  private func relocate(_ known: Medium, to place: String) throws(ServiceError) {
    if known.kind == .disk {
      let info = try MediumFile.info(place)
      guard info.uuid.map({ $0.description == known.uuid }) ?? true else {
        throw ServiceError(
          .invalidArgument, "The image '\(place)' is another one: its UUID is not {\(known.uuid)}", .medium)
      }
      try renewChildren(known.uuid, of: info)
    } else if !HostPaths.exists(place) {
      throw ServiceError(.fileError, "Could not find file for the medium '\(place)' (VERR_FILE_NOT_FOUND)", .medium)
    }
    try changeEntries(known.uuid) { $0["location"] = Paths.relative(place, to: $1) }
  }

  // MARK: Identity, description, size

  /// Gives a disk another UUID, by which all machines that have it know it from then on.
  public func setUUID(_ name: String, _ uuid: DiskUUID) throws(ServiceError) {
    let known = try medium(name)?.medium
    guard known != nil || SettingsUUID.normalized(name) == nil else { throw Registry.unknown(name) }
    let path = known?.path ?? Paths.absolute(name)
    if let other = try medium("\(uuid)")?.medium {
      guard other.path != path else { return }
      throw MachineSettings.double(path, "\(uuid)", other)
    }
    try holding(known) { () throws(ServiceError) in try setUUID(known, path, uuid) }
  }
  private func setUUID(_ known: Medium?, _ path: String, _ uuid: DiskUUID) throws(ServiceError) {
    // Of a format without UUIDs the registry's is the only one.
    let hasNone = try MediumFile.info(path).uuid == nil
    guard known != nil || !hasNone else {
      throw ServiceError(.notSupported, "The format of '\(path)' has no UUID", .medium)
    }
    try settling { () throws(ServiceError) in
      if let known { UnfinishedWork.note(.identify(path: path, from: known.uuid, to: "\(uuid)")) }
      if !hasNone { try changeImage(path) { image throws(DiskError) in try image.setUUID(uuid) } }
      if let known { try tellIdentity(of: known, old: known.uuid, uuid) }
    }
  }
  /// An image has another UUID: those over it, registries and machines hear of it.
  func tellIdentity(of known: Medium, old: String, _ uuid: DiskUUID) throws(ServiceError) {
    let info = try MediumFile.info(known.path)
    if info.uuid != nil { try renewChildren(old, of: info) }
    for entry in try machines() {
      guard case .success(let settings) = entry.settings, settings.usedMedia.contains(old) else { continue }
      // In one write: what is attached and what is known go together.
      try changeShared(entry.uuid) { settings in
        settings.mediaRegistry.change(old) { $0["uuid"] = "{\(uuid)}" }
        settings.changeEveryHardware { hardware in
          hardware.changeImages { image in
            if image["uuid"].flatMap(SettingsUUID.normalized) == old { image["uuid"] = "{\(uuid)}" }
          }
        }
      }
    }
    try changeEntries(old) { entry, _ in entry["uuid"] = "{\(uuid)}" }
  }
  private func changeImage(
    _ path: String, _ body: (any ManagedImage) throws(DiskError) -> Void
  ) throws(ServiceError) {
    do throws(DiskError) {
      var options = ImageLibrary.Options()
      (options.isAlone, options.keepsModification) = (true, true)
      let image = try ImageLibrary().open(path, options)
      try body(image)
      try image.close()
    } catch { throw ServiceError(.fileError, "Could not change the medium '\(path)': \(error)", .medium) }
  }
  /// Describes a medium, in the image where its format can and in the registries.
  public func describe(_ name: String, _ text: String) throws(ServiceError) {
    let known = try medium(name)?.medium
    let path = known?.path ?? Paths.absolute(name)
    let format = try MediumFile.info(path).format
    if known == nil || format == .vdi || format == .vmdk {
      try changeImage(path) { image throws(DiskError) in try image.setComment(text) }
    }
    guard let known else { return }
    try changeEntries(known.uuid) { entry, _ in MediaRegistry.describe(&entry, text) }
  }
  /// Makes a disk larger.
  public func resize(_ name: String, to bytes: UInt64, progress: WorkProgress = .none) throws(ServiceError) {
    try refuseChange(of: name)
    let known = try medium(name)?.medium
    let path = known?.path ?? Paths.absolute(name)
    do throws(DiskError) { try ImageLibrary().resize(path, to: bytes, progress: progress) } catch {
      throw ServiceError(.fileError, "Could not resize the medium '\(path)': \(error)", .medium)
    }
  }

  // MARK: What only registries know

  /// Normal, Immutable, ...
  public func setType(_ name: String, _ type: String) throws(ServiceError) {
    let medium = try knownMedium(name)
    try checkType(medium, type)
    if medium.kind == .disk { try changeEntries(medium.uuid) { entry, _ in entry["type"] = type } }
  }
  /// Whether an image over an immutable disk forgets at power-on.
  public func setAutoReset(_ name: String, _ isOn: Bool) throws(ServiceError) {
    let medium = try knownMedium(name)
    guard medium.parent != nil else {
      throw ServiceError(.notSupported, "Medium '\(medium.path)' is not differencing", .medium)
    }
    try changeEntries(medium.uuid) { entry, _ in entry["autoReset"] = isOn ? "true" : nil }
  }
  /// Keeps a property with a medium; nil takes it away.
  public func setMediumProperty(_ name: String, _ key: String, _ value: String?) throws(ServiceError) {
    let medium = try knownMedium(name)
    try changeEntries(medium.uuid) { entry, _ in
      entry.remove("Property") { $0["name"] == key }
      if let value { entry.insert(SettingsElement("Property", [("name", key), ("value", value)])) }
    }
  }
}

/// Further names for files, so that none is without one at any moment.
enum MediumMove {
  /// Each file gets its second name, in the same file system at once, else by a copy that is complete before it has it.
  static func giveNames(_ pairs: [(String, String)], _ progress: WorkProgress) throws(ServiceError) {
    var made: [String] = []
    do throws(ServiceError) {
      for (index, (old, new)) in pairs.enumerated() {
        guard !HostPaths.exists(new) else {
          throw ServiceError(.fileError, "'\(new)' exists already (VERR_ALREADY_EXISTS)", .medium)
        }
        try giveName(old, new)
        made.append(new)
        progress.pass(UInt64(index + 1), of: UInt64(pairs.count))
      }
    } catch {
      for path in made { HostFiles.remove(path) }
      throw error
    }
  }
  private static func giveName(_ old: String, _ new: String) throws(ServiceError) {
    let manager = FileManager.default
    let temporary = "\(new).part"
    do {
      if (try? manager.linkItem(atPath: old, toPath: new)) == nil {
        HostFiles.remove(temporary)
        try ImageLibrary().copyFile(old, to: temporary)
        try HostPaths.rename(temporary, to: new)
      }
      try HostPaths.synchronize(folder: Paths.folder(of: new))
    } catch {
      HostFiles.remove(temporary)
      HostFiles.remove(new)
      throw ServiceError(.fileError, "Could not move medium '\(old)' to '\(new)': \(error)", .medium)
    }
  }
}

extension ImageLibrary {
  /// Copies all that `source` shows into an image that exists and is at least as large; what that one held is gone.
  public func copy(
    _ source: any DiskImage, intoExisting path: String, progress: WorkProgress = .none
  ) throws(DiskError) -> ImageInfo {
    let target = try open(path)
    guard target.sectorCount >= source.sectorCount else {
      throw .invalid("\(path) is smaller than what is to be copied into it")
    }
    try target.writeZeroes(0, count: target.sectorCount)
    try copy(source, to: target, progress: progress)
    try target.close()
    return try target.info()
  }
}
