import DiskImages
import Foundation
import HostSystem
import SettingsFiles

/// A medium that a registry knows: in a machine's settings or in the global ones.
public struct Medium: Sendable, Equatable {
  /// What kind of drive it fits into.
  public enum Kind: String, Sendable, CaseIterable {
    case disk = "HardDisk", dvd = "DVD", floppy = "Floppy"

    /// The list in a registry, and an entry of it.
    var list: String { self == .disk ? "HardDisks" : self == .dvd ? "DVDImages" : "FloppyImages" }
    var element: String { self == .disk ? "HardDisk" : "Image" }
  }
  /// Says in which list of a registry it is.
  public var kind: Kind
  /// Lower case, without braces.
  public var uuid: String
  /// Absolute.
  public var path: String
  /// As `ImageFormat` names it.
  public var format: String
  /// Normal, Immutable, ...: of bases only.
  public var type: String
  /// UUID of the medium that this one differs from.
  public var parent: String?
  /// Of images over immutable disks: what was written is forgotten when the machine is switched on.
  public var autoResets = false

  public init(
    kind: Kind, uuid: String, path: String, format: String, type: String, parent: String? = nil,
    autoResets: Bool = false
  ) {
    self.kind = kind
    self.uuid = uuid
    self.path = path
    self.format = format
    self.type = type
    self.parent = parent
    self.autoResets = autoResets
  }
}

/// The entries below an element `MediaRegistry`.
struct MediaRegistry {
  var element: SettingsElement
  /// Relative places start here.
  let folder: String

  func media() -> [Medium] {
    var found: [Medium] = []
    for kind in Medium.Kind.allCases {
      for element in element.child(kind.list)?.elements(kind.element) ?? [] { collect(element, kind, nil, &found) }
    }
    return found
  }
  private func collect(_ element: SettingsElement, _ kind: Medium.Kind, _ parent: String?, _ found: inout [Medium]) {
    guard let uuid = element["uuid"].flatMap(SettingsUUID.normalized), let location = element["location"] else {
      return
    }
    found.append(
      Medium(
        kind: kind, uuid: uuid, path: Paths.resolve(location, in: folder),
        format: element["format"] ?? (kind == .disk ? "VDI" : "RAW"), type: element["type"] ?? "Normal", parent: parent,
        autoResets: parent != nil && element.bool("autoReset") == true))
    for child in element.elements("HardDisk") { collect(child, kind, uuid, &found) }
  }

  /// Adds a medium: below its parent, if the registry has that, else as a base.
  mutating func add(_ medium: Medium) {
    var entry = SettingsElement(
      medium.kind.element, [("uuid", "{\(medium.uuid)}"), ("location", Paths.relative(medium.path, to: folder))])
    if medium.kind == .disk || medium.format != "RAW" { entry["format"] = medium.format }
    if medium.autoResets { entry["autoReset"] = "true" }
    if medium.parent == nil, medium.kind == .disk { entry["type"] = medium.type }
    element.change(medium.kind.list) { list in
      guard let parent = medium.parent, MediaRegistry.change(&list, parent, { $0.insert(entry) }) else {
        list.insert(entry)
        return
      }
    }
  }
  static func describe(_ entry: inout SettingsElement, _ text: String) {
    entry.remove("Description")
    guard !text.isEmpty else { return }
    var description = SettingsElement("Description")
    description.children = [.text(text)]
    entry.insert(description)
  }
  /// Takes a medium out, and with it what differs from it.
  mutating func remove(_ uuid: String) {
    for kind in Medium.Kind.allCases where element.child(kind.list) != nil {
      element.change(kind.list) { MediaRegistry.remove(&$0, uuid) }
      element.remove(kind.list) { $0.children.isEmpty }
    }
  }
  private static func remove(_ list: inout SettingsElement, _ uuid: String) {
    for name in ["HardDisk", "Image"] {
      list.remove(name) { $0["uuid"].flatMap(SettingsUUID.normalized) == uuid }
      list.changeAll(name) { remove(&$0, uuid) }
    }
  }
  /// Changes the entry of this medium, wherever it is.
  @discardableResult
  mutating func change(_ uuid: String, _ body: (inout SettingsElement) -> Void) -> Bool {
    var isDone = false
    for kind in Medium.Kind.allCases where !isDone && element.child(kind.list) != nil {
      element.change(kind.list) { isDone = MediaRegistry.change(&$0, uuid, body) }
    }
    return isDone
  }
  @discardableResult
  static func change(
    _ list: inout SettingsElement, _ uuid: String, _ body: (inout SettingsElement) -> Void
  ) -> Bool {
    var isDone = false
    for name in ["HardDisk", "Image"] {
      list.changeAll(name) { entry in
        guard !isDone else { return }
        if entry["uuid"].flatMap(SettingsUUID.normalized) == uuid {
          body(&entry)
          isDone = true
        } else {
          isDone = change(&entry, uuid, body)
        }
      }
    }
    return isDone
  }
}

extension MachineSettings {
  /// The media of the machine's own registry, bases before what differs from them.
  public var media: [Medium] { mediaRegistry.media() }
  var mediaRegistry: MediaRegistry {
    get { MediaRegistry(element: machine.child("MediaRegistry") ?? SettingsElement("MediaRegistry"), folder: folder) }
    set {
      machine.remove("MediaRegistry")
      if !newValue.element.children.isEmpty { machine.insert(newValue.element) }
    }
  }
  /// After the machine's folder has moved: what was inside it by an absolute name is inside its new one.
  mutating func relocateMedia(from old: String, to new: String) {
    var registry = mediaRegistry
    for medium in registry.media() {
      registry.change(medium.uuid) { entry in
        guard let location = entry["location"], location.hasPrefix(old + "/") else { return }
        entry["location"] = String(location.dropFirst(old.count + 1))
      }
    }
    mediaRegistry = registry
  }
}

/// Image files, as the registry uses them.
enum MediumFile {
  /// The files of an image that nobody has open, so that they can go.
  static func removableFiles(_ path: String) throws(ServiceError) -> [String] {
    do throws(DiskError) {
      var options = ImageLibrary.Options()
      options.isAlone = true
      let image = try ImageLibrary().open(path, options)
      let files = try image.info().files
      try image.close()
      guard HostFiles.obstacle(toWriting: path) == nil else { throw .invalid("its folder cannot be changed") }
      return files
    } catch {
      throw ServiceError(.fileError, "Could not delete the medium '\(path)': \(error)", .medium)
    }
  }
  static func delete(_ path: String) throws(ServiceError) {
    do throws(DiskError) {
      var options = ImageLibrary.Options()
      options.isAlone = true
      let library = ImageLibrary()
      for file in try library.open(path, options).info().files { try library.remove(file) }
    } catch {
      throw ServiceError(.fileError, "Could not delete the medium '\(path)': \(error)", .medium)
    }
  }
  /// What an image says about itself; its parents need not be there.
  static func info(_ path: String) throws(ServiceError) -> ImageInfo {
    do throws(DiskError) {
      var options = ImageLibrary.Options(readOnly: true)
      options.isAlone = true
      return try ImageLibrary().open(path, options).info()
    } catch {
      throw ServiceError(.fileError, "Could not open the medium '\(path)': \(error)", .medium)
    }
  }
}

extension Registry {
  /// Every medium that some registry knows, once, with the machines that have it attached, now or in a snapshot.
  public func media(_ kind: Medium.Kind? = nil) throws(ServiceError) -> [(medium: Medium, users: [MachineSettings])] {
    let global = try global()
    var found: [(medium: Medium, users: [MachineSettings])] = []
    func add(_ medium: Medium) {
      guard kind == nil || medium.kind == kind, !found.contains(where: { $0.medium.uuid == medium.uuid }) else {
        return
      }
      found.append((medium, []))
    }
    let registry = MediaRegistry(
      element: global.root.child("MediaRegistry") ?? SettingsElement("MediaRegistry"), folder: home.folder)
    for medium in registry.media() { add(medium) }
    let machines = Registry.registered(global).compactMap { try? load($0.uuid, $0.path).settings.get() }
    for machine in machines { for medium in machine.media { add(medium) } }
    for index in found.indices {
      found[index].users = machines.filter { $0.usedMedia.contains(found[index].medium.uuid) }
    }
    return found
  }
  /// The medium of this UUID or file, if some registry knows it.
  public func medium(_ name: String) throws(ServiceError) -> (medium: Medium, users: [MachineSettings])? {
    let uuid = SettingsUUID.normalized(name), path = Paths.absolute(name)
    return try media().first { uuid == nil ? $0.medium.path == path : $0.medium.uuid == uuid }
  }
  /// Forgets a medium that no machine has.
  public func closeMedium(_ name: String, delete: Bool) throws(ServiceError) {
    guard let (medium, users) = try medium(name) else {
      guard SettingsUUID.normalized(name) == nil else {
        throw Registry.unknown(name)
      }
      if delete { try MediumFile.delete(Paths.absolute(name)) } else { _ = try MediumFile.info(Paths.absolute(name)) }
      return
    }
    try refuseClosing(medium, users)
    try settling { () throws(ServiceError) in
      let files = delete ? try MediumFile.removableFiles(medium.path) : []
      UnfinishedWork.note(files: files)
      try forget(medium)
      for file in files { HostFiles.remove(file) }
    }
  }
  /// Throws for a medium that machines have, or that other images differ from.
  public func refuseClosing(of name: String) throws(ServiceError) {
    if let (medium, users) = try medium(name) { try refuseClosing(medium, users) }
  }
  private func refuseClosing(_ medium: Medium, _ users: [MachineSettings]) throws(ServiceError) {
    guard users.isEmpty else {
      throw ServiceError(
        .objectInUse,
        "Cannot close medium '\(medium.path)' because it is still attached to \(users.count) virtual machines",
        .medium)
    }
    if try media().contains(where: { $0.medium.parent == medium.uuid }) {
      throw ServiceError(.objectInUse, "Cannot close medium '\(medium.path)' because it has child media", .medium)
    }
  }
  private func forget(_ medium: Medium) throws(ServiceError) {
    try changeGlobal { global in
      guard let element = global.root.child("MediaRegistry") else { return }
      var registry = MediaRegistry(element: element, folder: home.folder)
      registry.remove(medium.uuid)
      global.root.change("MediaRegistry") { $0 = registry.element }
    }
    for entry in try machines() {
      guard case .success(let settings) = entry.settings, settings.media.contains(where: { $0.uuid == medium.uuid })
      else { continue }
      try changeShared(settings.uuid) { $0.mediaRegistry.remove(medium.uuid) }
    }
  }
  /// What some registry keeps with a medium.
  public func properties(of uuid: String) throws(ServiceError) -> [(name: String, value: String)] {
    var found: [(name: String, value: String)] = []
    func look(_ registry: MediaRegistry) {
      var registry = registry
      registry.change(uuid) { entry in
        let here = entry.elements("Property").map { ($0["name"] ?? "", $0["value"] ?? "") }
        if !here.isEmpty { found = here }
      }
    }
    for entry in try machines() { if case .success(let settings) = entry.settings { look(settings.mediaRegistry) } }
    if let element = try global().root.child("MediaRegistry") {
      look(MediaRegistry(element: element, folder: home.folder))
    }
    return found
  }
  /// How the user describes a medium, as some registry keeps it.
  public func description(of uuid: String) throws(ServiceError) -> String? {
    var found: String?
    func look(_ registry: MediaRegistry) {
      var registry = registry
      registry.change(uuid) { found = $0.child("Description")?.text ?? found }
    }
    for entry in try machines() { if case .success(let settings) = entry.settings { look(settings.mediaRegistry) } }
    if let element = try global().root.child("MediaRegistry") {
      look(MediaRegistry(element: element, folder: home.folder))
    }
    return found
  }
  /// Changes what the registries keep about a medium.
  public func changeMedium(_ uuid: String, _ body: (inout SettingsElement) -> Void) throws(ServiceError) {
    try changeEntries(uuid) { entry, _ in body(&entry) }
  }
  /// The same; `body` is told too where the registry's relative names start.
  func changeEntries(_ uuid: String, _ body: (inout SettingsElement, String) -> Void) throws(ServiceError) {
    try changeRegistries(with: uuid) { registry in
      let folder = registry.folder
      registry.change(uuid) { body(&$0, folder) }
    }
  }
  /// Changes every registry that knows a medium.
  func changeRegistries(with uuid: String, _ body: (inout MediaRegistry) -> Void) throws(ServiceError) {
    try changeGlobal { global in
      guard let element = global.root.child("MediaRegistry") else { return }
      var registry = MediaRegistry(element: element, folder: home.folder)
      guard registry.media().contains(where: { $0.uuid == uuid }) else { return }
      body(&registry)
      global.root.change("MediaRegistry") { $0 = registry.element }
    }
    for entry in try machines() {
      guard case .success(let settings) = entry.settings, settings.media.contains(where: { $0.uuid == uuid }) else {
        continue
      }
      try changeShared(settings.uuid) { settings in
        var registry = settings.mediaRegistry
        body(&registry)
        settings.mediaRegistry = registry
      }
    }
  }
}
