import DiskImages
import Foundation
import HostSystem
import SettingsFiles

/// How a copy of a machine is to be.
public struct CloneRequest: Sendable {
  /// What of the original is copied.
  public enum Mode: String, Sendable, CaseIterable {
    /// One state of it.
    case machine
    /// A snapshot and those taken after it.
    case machineAndChildren = "machineandchildren"
    /// The current state and all snapshots.
    case all
  }
  /// Which cards keep their addresses.
  public enum Addresses: Sendable { case new, keepNAT, keepAll }

  /// nil: the original's name and the word Clone.
  public var name: String?
  /// nil: a random one.
  public var uuid: String?
  /// nil: those of no group.
  public var groups: [String] = []
  /// Folder for the copy's folder; nil: the default machine folder.
  public var baseFolder: String?
  /// Name or UUID of the snapshot that is copied; nil: the current state.
  public var snapshot: String?
  /// What is copied.
  public var mode = Mode.machine
  /// Disks are images over those of the snapshot, which must stay then.
  public var isLinked = false
  /// What the copy's cards have. A copy that is saved keeps them all: its guest has them.
  public var addresses = Addresses.new
  /// Files of disks are called as the original's, not as the copy.
  public var keepsDiskNames = false
  /// The guest sees the identity that it knew.
  public var keepsHardwareUUIDs = false
  /// The copy becomes known to the registry.
  public var registers = false
  public init() {}
}

extension Registry {
  /// Makes a copy of a machine. New images come first, then the copy's settings, then its entry.
  public func clone(
    _ machine: String, _ request: CloneRequest, progress: WorkProgress = .none
  ) throws(ServiceError) -> MachineSettings {
    let source = try self.machine(machine)
    return try settling { () throws(ServiceError) in
      if let session = try session(source.uuid) {
        defer { _ = session.descriptor }
        return try copy(source, request, progress)
      }
      // One snapshot's disks do not change while the machine runs.
      guard request.snapshot != nil, request.mode == .machine else { throw Registry.locked(source) }
      return try copy(source, request, progress)
    }
  }
  private func copy(
    _ source: MachineSettings, _ request: CloneRequest, _ progress: WorkProgress
  ) throws(ServiceError) -> MachineSettings {
    let name = request.name ?? "\(source.name) Clone"
    if request.registers { try refuseDouble(name) }
    let (folder, path) = try newPlace(name: name, groups: request.groups, baseFolder: request.baseFolder)
    var copy = try MachineCopy(source, request, registry: self, folder: folder, path: path, name: name)
    UnfinishedWork.note(folder: folder)
    UnfinishedWork.note(files: [path, "\(path)-tmp"])
    do throws(ServiceError) {
      try copy.make(progress)
      try write(&copy.settings.file)
      return request.registers ? try register(path) : copy.settings
    } catch {
      copy.removeEverything()
      throw error
    }
  }
  /// Before files are made for a machine that could not be registered.
  public func refuseDouble(_ name: String) throws(ServiceError) {
    guard try machines().contains(where: { $0.name == name }) else { return }
    throw ServiceError(
      .objectInUse, "Cannot register the machine '\(name)' because a machine of this name already exists", .registry)
  }
  /// A snapshot that linked clones are made of must stay.
  func refuseLinked(_ disks: [String], of settings: MachineSettings) throws(ServiceError) {
    let others = try machines()
    for disk in disks {
      for entry in others where entry.uuid != settings.uuid {
        guard case .success(let other) = entry.settings,
          let child = other.media.first(where: { $0.parent == disk && settings.medium($0.uuid) == nil })
        else { continue }
        throw ServiceError(
          .objectInUse,
          "Hard disk '\(settings.medium(disk)?.path ?? disk)' has more than one child hard disk: the machine "
            + "'\(other.name)' needs it for '\(child.path)'", .medium)
      }
    }
  }
  /// Linked clones know what lies below their disks: not these files any more.
  func forgetElsewhere(_ paths: [String], except uuid: String) throws(ServiceError) {
    for entry in try machines() where entry.uuid != uuid {
      guard case .success(let other) = entry.settings, other.media.contains(where: { paths.contains($0.path) }) else {
        continue
      }
      try changeShared(entry.uuid) { settings in
        for medium in settings.media where paths.contains(medium.path) {
          settings.mediaRegistry.replaceByChildren(medium)
        }
      }
    }
  }
}

/// A copy under way.
private struct MachineCopy {
  let source: MachineSettings
  let request: CloneRequest
  let registry: Registry
  let folder: String
  var settings: MachineSettings
  /// Files so far.
  private var made: [String] = []
  /// UUIDs of media: old to new.
  private var media: [String: String] = [:]
  private let chosen: SettingsElement?
  /// The state file that the copy goes on from, of the original.
  private var state: String?

  init(
    _ source: MachineSettings, _ request: CloneRequest, registry: Registry, folder: String, path: String, name: String
  ) throws(ServiceError) {
    self.source = source
    self.request = request
    self.registry = registry
    self.folder = folder
    if let snapshot = request.snapshot {
      chosen = source.snapshotElement(try registry.snapshot(snapshot, of: source).uuid)
    } else {
      chosen = nil
    }
    if request.isLinked, chosen == nil || request.mode != .machine {
      throw ServiceError(.invalidArgument, "Linked clone can only be created from a snapshot")
    }
    if request.mode == .machineAndChildren, chosen == nil {
      throw ServiceError(.invalidArgument, "The mode machineandchildren needs a snapshot")
    }
    settings = source
    settings.file.path = path
    settings.machine["uuid"] = "{\(request.uuid ?? UUID().uuidString.lowercased())}"
    settings.machine["name"] = name
    settings.setGroups(request.groups)
    settings.machine["snapshotFolder"] = "Snapshots"
    settings.machine["lastStateChange"] = Timestamp.text(Timestamp.now)
    for attribute in ["stateFile", "aborted", "currentSnapshot", "currentStateModified", "directoryIncludesUUID"] {
      settings.machine[attribute] = nil
    }
    settings.machine.remove("MediaRegistry")
    chooseStates()
  }

  /// The states that are copied, with the original's media still.
  private mutating func chooseStates() {
    let current = source.machine["currentSnapshot"]
    state = source.stateFile
    switch request.mode {
    case .machine:
      settings.machine.remove("Snapshot")
      if let chosen { state = source.stateFile(of: chosen) }
      if let hardware = chosen?.child("Hardware") { settings.hardware = hardware }
    case .all: settings.machine["currentSnapshot"] = current
    case .machineAndChildren:
      guard let chosen, let hardware = chosen.child("Hardware") else { return }
      settings.machine.remove("Snapshot")
      settings.machine.insert(chosen)
      let inside = SnapshotTree(settings).nodes.contains { $0.uuid == current.flatMap(SettingsUUID.normalized) }
      settings.machine["currentSnapshot"] = inside ? current : chosen["uuid"]
      if !inside {
        settings.hardware = hardware
        state = source.stateFile(of: chosen)
      }
    }
  }

  // MARK: Making

  mutating func make(_ progress: WorkProgress) throws(ServiceError) {
    try makeFolder(folder)
    let startsFromSnapshot = settings.hardware == chosen?.child("Hardware")
    if request.isLinked { try linkDisks() } else { try copyDisks(progress) }
    renameMedia()
    try copyFiles()
    try copyState()
    renameSnapshots()
    renewHardware()
    // The current state needs images of its own over those that a snapshot holds.
    if request.mode == .machineAndChildren, startsFromSnapshot { try settings.putImagesOver(&made) }
  }
  private func makeFolder(_ path: String) throws(ServiceError) {
    UnfinishedWork.note(folder: path)
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: ServiceHome.ownersOnly)
    } catch {
      throw ServiceError(.fileError, "Could not create the directory '\(path)' (VERR_ACCESS_DENIED)")
    }
  }
  func removeEverything() {
    for path in made { HostFiles.remove(path) }
    for suffix in ["", "-prev"] { HostFiles.remove(settings.file.path + suffix) }
    for folder in ["\(folder)/Snapshots", folder]
    where (try? FileManager.default.contentsOfDirectory(atPath: folder)) == [] {
      try? FileManager.default.removeItem(atPath: folder)
    }
  }

  // MARK: Disks

  private var known: [String: Medium] { Dictionary(source.media.map { ($0.uuid, $0) }) { first, _ in first } }
  /// Media that are attached in what is copied, each once.
  private var wanted: [String] {
    var seen: Set<String> = []
    return settings.usedMediaInOrder.filter { seen.insert($0).inserted }
  }
  /// These are not a machine's own.
  private static let shared = ["Shareable", "Readonly", "MultiAttach"]

  private mutating func linkDisks() throws(ServiceError) {
    let known = known
    for uuid in wanted {
      guard let medium = known[uuid] else { continue }
      adopt(medium, known)
      guard medium.kind == .disk, medium.parent != nil || !MachineCopy.shared.contains(medium.type) else { continue }
      try makeFolder("\(folder)/Snapshots")
      let new = DiskUUID()
      let format = ["VMDK", "VHD", "QCOW2"].contains(medium.format) ? medium.format : "VDI"
      let path = "\(folder)/Snapshots/{\(new)}.\(format.lowercased())"
      _ = try attempt(path) { () throws(DiskError) in
        try ImageLibrary.noted.createChild(path, of: medium.path, format: ImageFormat(named: format), uuid: new)
      }
      made.append(path)
      settings.mediaRegistry.add(
        Medium(
          kind: .disk, uuid: "\(new)", path: path, format: format, type: "Normal", parent: uuid,
          autoResets: source.base(of: medium).type == "Immutable"))
      media[uuid] = "\(new)"
    }
  }
  /// The copy knows it too, with all below it.
  private mutating func adopt(_ medium: Medium, _ known: [String: Medium]) {
    var chain = [medium]
    while let parent = chain[0].parent.flatMap({ known[$0] }), chain.count < ImageChain.maximumDepth {
      chain.insert(parent, at: 0)
    }
    for link in chain where !settings.media.contains(where: { $0.uuid == link.uuid }) {
      settings.mediaRegistry.add(link)
    }
  }

  private mutating func copyDisks(_ progress: WorkProgress) throws(ServiceError) {
    let known = known
    var order: [Medium] = []
    let wanted = Set(wanted)
    for medium in source.media where wanted.contains(medium.uuid) { order.append(medium) }
    let parents = MachineCopy.parents(order, known)
    for (index, medium) in order.enumerated() {
      guard medium.kind == .disk, !(medium.parent == nil && MachineCopy.shared.contains(medium.type)) else {
        adopt(medium, known)
        continue
      }
      let total = UInt64(order.count)
      let part = WorkProgress { done, all in
        progress.pass(UInt64(index) * 1000 + (all == 0 ? 1000 : done * 1000 / all), of: total * 1000)
      }
      try copy(medium, over: parents[medium.uuid] ?? nil, part)
    }
  }
  /// The next medium below each that is copied as well. What lies between two goes into the upper one.
  private static func parents(_ order: [Medium], _ known: [String: Medium]) -> [String: String] {
    let wanted = Set(order.map(\.uuid))
    var found: [String: String] = [:]
    for medium in order {
      if let parent = medium.parent, wanted.contains(parent), known[parent] != nil { found[medium.uuid] = parent }
    }
    return found
  }
  private mutating func copy(_ medium: Medium, over parent: String?, _ progress: WorkProgress) throws(ServiceError) {
    let new = DiskUUID()
    let library = ImageLibrary.noted
    if let parent, let below = media[parent], let base = settings.media.first(where: { $0.uuid == below }) {
      try makeFolder("\(folder)/Snapshots")
      let path = "\(folder)/Snapshots/{\(new)}.\(Paths.suffix(of: medium.path))"
      let info = try attempt(path) { () throws(DiskError) in
        try library.cloneOwn(medium.path, to: path, over: base.path, uuid: new, progress: progress)
      }
      return take(medium, info, new, parent: below)
    }
    let path = diskPath(medium)
    let options = source.imageOptions(readOnly: true)
    let info = try attempt(path) { () throws(DiskError) in
      let image = try library.open(medium.path, options)
      let format = ImageFormat(named: medium.format) ?? .vdi
      var creation = ImageCreation(format == .iso ? .raw : format, capacity: image.sectorCount * 512)
      creation.uuid = new
      return try library.clone(image, to: path, creation, progress: progress)
    }
    take(medium, info, new, parent: nil)
  }
  private mutating func take(_ medium: Medium, _ info: ImageInfo, _ new: DiskUUID, parent: String?) {
    made += info.files
    let uuid = info.uuid?.description ?? new.description
    media[medium.uuid] = uuid
    settings.mediaRegistry.add(
      Medium(
        kind: .disk, uuid: uuid, path: info.path, format: info.format.rawValue, type: "Normal", parent: parent))
  }
  private func diskPath(_ medium: Medium) -> String {
    let suffix = Paths.suffix(of: medium.path)
    var base = medium
    let known = known
    while let parent = base.parent.flatMap({ known[$0] }) { base = parent }
    let stem = String(Paths.name(of: base.path).dropLast(Paths.suffix(of: base.path).count + 1))
    for number in 1... {
      let name = request.keepsDiskNames ? number == 1 ? stem : "\(stem)_\(number)" : "\(settings.name)-disk\(number)"
      let path = "\(folder)/\(name).\(suffix)"
      if !HostPaths.exists(path) { return path }
    }
    return ""
  }
  private func attempt<R>(_ path: String, _ body: () throws(DiskError) -> R) throws(ServiceError) -> R {
    do throws(DiskError) { return try body() } catch {
      throw ServiceError(.fileError, "Could not create the clone medium '\(path)': \(error)", .medium)
    }
  }

  // MARK: Settings

  private mutating func renameMedia() {
    let media = media
    settings.changeEveryHardware { hardware in
      hardware.changeImages { image in
        if let new = image["uuid"].flatMap(SettingsUUID.normalized).flatMap({ media[$0] }) {
          image["uuid"] = "{\(new)}"
        }
      }
    }
  }
  private mutating func renameSnapshots() {
    var current = settings.machine["currentSnapshot"]
    settings.machine.changeAll("Snapshot") { MachineCopy.rename(&$0, &current) }
    settings.machine["currentSnapshot"] = current
  }
  private static func rename(_ snapshot: inout SettingsElement, _ current: inout String?) {
    let new = "{\(UUID().uuidString.lowercased())}"
    if snapshot["uuid"] == current { current = new }
    snapshot["uuid"] = new
    snapshot.changeAll("Snapshots") { list in list.changeAll("Snapshot") { rename(&$0, &current) } }
  }
  /// One card has one address, in all states.
  private mutating func renewHardware() {
    let request = request, source = source, isSaved = settings.stateFile != nil
    var addresses: [String: String] = [:]
    settings.changeEveryHardware { hardware in
      hardware["uuid"] = request.keepsHardwareUUIDs ? hardware["uuid"] ?? "{\(source.uuid)}" : nil
      guard request.addresses != .keepAll, !isSaved else { return }
      hardware.changeAdapters { adapter in
        guard let old = adapter["MACAddress"], request.addresses == .new || adapter.child("NAT") == nil else { return }
        let new = addresses[old] ?? MachineSettings.randomMAC()
        addresses[old] = new
        adapter["MACAddress"] = new
      }
    }
  }
  /// The state that the copy goes on from. The original's may be done away with, and so may this.
  private mutating func copyState() throws(ServiceError) {
    guard let state, HostPaths.exists(state) else { return }
    let path = try settings.newStateFile()
    try Registry.share(state, as: path)
    made.append(path)
    settings.stateFile = path
  }
  /// Saved states of snapshots, and the firmware's memory.
  private mutating func copyFiles() throws(ServiceError) {
    var failure: ServiceError?
    var files: [String] = []
    let source = source, folder = folder
    func copy(_ name: String, _ folder: String) -> String? {
      let old = Paths.resolve(name, in: source.folder)
      let new = "\(folder)/\(Paths.name(of: old))"
      guard HostPaths.exists(old), !HostPaths.exists(new) else { return nil }
      UnfinishedWork.note(folder: folder)
      UnfinishedWork.note(files: [new])
      do {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true, attributes: ServiceHome.ownersOnly)
        try FileManager.default.copyItem(atPath: old, toPath: new)
        files.append(new)
      } catch { failure = ServiceError(.fileError, "Could not copy '\(old)' to '\(new)'") }
      return new
    }
    settings.changeEverySnapshot { snapshot in
      guard let name = snapshot["stateFile"] else { return }
      snapshot["stateFile"] = copy(name, "\(folder)/Snapshots").map { Paths.relative($0, to: folder) }
    }
    settings.changeEveryHardware { hardware in
      guard let name = hardware.descendant(["BIOS", "NVRAM"])?["path"] else { return }
      guard let new = copy(name, folder) else { return }
      hardware.set(["BIOS", "NVRAM"], "path", Paths.relative(new, to: folder))
    }
    made += files
    if let failure { throw failure }
  }
}

extension MachineSettings {
  /// The state that a snapshot has, by its absolute name.
  fileprivate func stateFile(of snapshot: SettingsElement) -> String? {
    snapshot["stateFile"].flatMap { $0.isEmpty ? nil : Paths.resolve($0, in: folder) }
  }
  func medium(_ uuid: String) -> Medium? { media.first { $0.uuid == uuid } }
  /// Media that are attached now and in snapshots, snapshots first.
  var usedMediaInOrder: [String] {
    var used: [String] = []
    func collect(_ snapshot: SettingsElement) {
      used += MachineSettings.attachments(snapshot.child("Hardware") ?? SettingsElement("Hardware")).compactMap(
        \.medium)
      for child in snapshot.child("Snapshots")?.elements("Snapshot") ?? [] { collect(child) }
    }
    for root in machine.elements("Snapshot") { collect(root) }
    return used + attachments.compactMap(\.medium)
  }
  /// Options that find parents where this machine has them.
  func imageOptions(readOnly: Bool = false) -> ImageLibrary.Options {
    let places = Dictionary(media.map { ($0.uuid, $0.path) }) { first, _ in first }
    var options = ImageLibrary.Options(readOnly: readOnly)
    options.locate = { places[$0.description] }
    return options
  }
  mutating func changeEverySnapshot(_ body: (inout SettingsElement) -> Void) {
    func change(_ snapshot: inout SettingsElement) {
      body(&snapshot)
      snapshot.changeAll("Snapshots") { list in list.changeAll("Snapshot") { change(&$0) } }
    }
    machine.changeAll("Snapshot") { change(&$0) }
  }
  mutating func changeEveryHardware(_ body: (inout SettingsElement) -> Void) {
    machine.changeAll("Hardware", body)
    changeEverySnapshot { $0.changeAll("Hardware", body) }
  }
}

extension SettingsElement {
  /// Changes every network card below this element `Hardware`.
  mutating func changeAdapters(_ body: (inout SettingsElement) -> Void) {
    changeAll("Network") { $0.changeAll("Adapter", body) }
  }
  /// Changes the element `Image` of every attached device below this element `Hardware`.
  mutating func changeImages(_ body: (inout SettingsElement) -> Void) {
    changeAll("StorageControllers") { list in
      list.changeAll("StorageController") { controller in
        controller.changeAll("AttachedDevice") { $0.changeAll("Image", body) }
      }
    }
  }
}
