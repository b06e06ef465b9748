import DiskImages
import Foundation
import HostSystem
import Synchronization

/// What a command has begun and its end would settle, written down beforehand: files that it makes, files that it takes
/// away once the registry does not know them any more, and what has to change in several files at once.
///
/// A list in the folder of the settings, locked as long as its writer lives, and gone when the work is done. A list that
/// nobody holds is of a process that was killed: the next command removes those of its files that no registry knows, and
/// carries on what was half done. So for every machine and medium the one file that names it decides whether it is as before
/// or as after.
final class UnfinishedWork: Sendable {
  /// What is written down, a line each.
  enum Entry: Equatable, Sendable {
    /// A file that is to go unless a registry knows it; with a slash at its end, a folder that is to go if it is empty.
    case file(String)
    /// A machine's folder, under two names: the one where the registry does not see the machine is to go.
    case move(machine: String, from: String, to: String)
    /// A medium's file, under two names; without a UUID when no registry knows it.
    case rename(medium: String, from: String, to: String)
    /// A disk that takes in what its parent holds: once its image does not lie on that any more, it does nowhere.
    case lift(medium: String, from: String)
    /// A drive that changes in a machine's process and in its settings.
    case drive(LiveDrive)
    /// A disk that is to have another UUID: its file, the old and the new one.
    case identify(path: String, from: String, to: String)

    var line: String {
      switch self {
      case .file(let path): "file\t\(path)"
      case .move(let machine, let old, let new): "move\t\(machine)\t\(old)\t\(new)"
      case .rename(let medium, let old, let new): "rename\t\(medium)\t\(old)\t\(new)"
      case .lift(let medium, let parent): "lift\t\(medium)\t\(parent)"
      case .drive(let drive): (["drive"] + drive.words).joined(separator: "\t")
      case .identify(let path, let old, let new): "identify\t\(path)\t\(old)\t\(new)"
      }
    }
    init?(_ line: Substring) {
      let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      switch (words[0], words.count) {
      case ("file", 2): self = .file(words[1])
      case ("move", 4): self = .move(machine: words[1], from: words[2], to: words[3])
      case ("rename", 4): self = .rename(medium: words[1], from: words[2], to: words[3])
      case ("identify", 4): self = .identify(path: words[1], from: words[2], to: words[3])
      case ("lift", 3): self = .lift(medium: words[1], from: words[2])
      case ("drive", _):
        guard let drive = LiveDrive(Array(words.dropFirst())) else { return nil }
        self = .drive(drive)
      default: return nil
      }
    }
  }
  /// The work that this thread is at.
  @TaskLocal static var current: UnfinishedWork?
  static let suffix = ".list"

  private struct List {
    var path: String
    var lock: HeldLock
  }
  private let home: ServiceHome
  private let list = Mutex<List?>(nil)
  private let kept = Atomic(false)
  /// The list stays at the end: the next command settles what it names.
  var isKept: Bool { kept.load(ordering: .relaxed) }
  func keep() { kept.store(true, ordering: .relaxed) }

  init(_ home: ServiceHome) { self.home = home }
  static func folder(_ home: ServiceHome) -> String { "\(home.folder)/Unfinished" }

  /// Before what is said happens. A list that cannot be written keeps nobody from working.
  func note(_ entries: [Entry]) {
    // A name with a line break cannot be in a list; such a file would only be left over.
    let lines = entries.map(\.line).filter { !$0.contains("\n") }
    guard !lines.isEmpty else { return }
    list.withLock { list in
      if list == nil { list = begin() }
      if let list { Self.append(lines, to: list.path) }
    }
  }
  static func note(_ entries: Entry...) { current?.note(entries) }
  /// Files that are about to be made, or to go once the registry does not know them.
  static func note(files: [String]) { current?.note(files.map(Entry.file)) }
  /// A folder that is about to be made, with those above it that are not there.
  static func note(folder: String) {
    var missing: [String] = [], here = folder
    while !HostPaths.exists(here), here.utf8.count > 1, missing.count < 100 {
      missing.insert(here + "/", at: 0)
      here = Paths.folder(of: here)
    }
    note(files: missing)
  }

  /// The lock comes before the name by which others find the list.
  private func begin() -> List? {
    let folder = Self.folder(home)
    try? FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: ServiceHome.ownersOnly)
    let stem = "\(folder)/\(UUID().uuidString.lowercased())"
    guard let lock = HeldLock(stem), (try? HostPaths.rename(stem, to: stem + Self.suffix)) != nil else { return nil }
    return List(path: stem + Self.suffix, lock: lock)
  }
  /// Into the file itself, whose lock must stay: one that was cut short names what was noted before.
  private static func append(_ lines: [String], to path: String) {
    guard let handle = FileHandle(forWritingAtPath: path) else { return }
    handle.seekToEndOfFile()
    handle.write(Data(lines.map { $0 + "\n" }.joined().utf8))
    try? handle.close()
  }
  /// All is settled.
  func end() {
    list.withLock { list in
      guard let now = list else { return }
      // The lock goes with it.
      defer { list = nil }
      if isKept { return }
      HostFiles.remove(now.path)
      // A power cut must not bring it back: what it names is somebody's now.
      try? HostPaths.synchronize(folder: Self.folder(home))
    }
  }
}

/// A lock that is held as long as this lives.
private final class HeldLock: Sendable {
  private let lock: LockFile
  /// nil: somebody else has it, or the file cannot be opened.
  init?(_ path: String) {
    guard let lock = try? LockFile(path), lock.take() else { return nil }
    self.lock = lock
  }
}

/// Files that images are made of, written down before they are.
struct NotedStore: ImageStore {
  private let store = HostStore()
  func open(_ path: String, writable: Bool) throws(DiskError) -> any ImageFile {
    try store.open(path, writable: writable)
  }
  func create(_ path: String) throws(DiskError) -> any ImageFile {
    if !store.exists(path) { UnfinishedWork.note(files: [Paths.absolute(path)]) }
    return try store.create(path)
  }
  func replace(_ path: String, with temporary: String) throws(DiskError) { try store.replace(path, with: temporary) }
  func remove(_ path: String) throws(DiskError) { try store.remove(path) }
  func exists(_ path: String) -> Bool { store.exists(path) }
  func names(in folder: String) -> [String] { store.names(in: folder) }
}
extension ImageLibrary {
  /// What makes images in the course of some work.
  public static var noted: ImageLibrary { ImageLibrary(store: NotedStore()) }
}

extension Registry {
  /// Carries out what changes files and registry; should this process be killed meanwhile, the next command settles it.
  public func settling<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    if UnfinishedWork.current != nil { return try body() }
    let work = UnfinishedWork(home)
    defer { work.end() }
    let outcome: Result<R, E> = UnfinishedWork.$current.withValue(work) {
      do throws(E) { return .success(try body()) } catch { return .failure(error) }
    }
    return try outcome.get()
  }

  /// Settles what processes that were killed have left behind; before a command begins, with no lock held. Costs nothing
  /// when there is nothing.
  public func settleUnfinished() {
    let folder = UnfinishedWork.folder(home)
    guard !HostPaths.names(in: folder, limit: 1).isEmpty else { return }
    // One at a time: who waits here finds all settled.
    guard let lock = try? waitForLock("\(home.folder)/.unfinished.lock") else { return }
    defer { _ = lock.descriptor }
    var busy: Set<String> = []
    var left: [(path: String, lock: HeldLock, entries: [UnfinishedWork.Entry])] = []
    for name in HostPaths.names(in: folder, limit: 10_000) {
      let path = "\(folder)/\(name)"
      let bytes = (try? WholeFile.read(path, maximum: 16 << 20)) ?? []
      let entries = String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap(UnfinishedWork.Entry.init)
      guard let lock = HeldLock(path) else {
        for case .file(let path) in entries { busy.insert(path) }
        continue
      }
      left.append((path, lock, entries))
    }
    for list in left {
      if settle(list.entries, busy) { HostFiles.remove(list.path) }
    }
    rmdirIfEmpty(folder)
  }
  private func rmdirIfEmpty(_ folder: String) {
    guard Host.status(folder)?.isFolder == true, HostPaths.names(in: folder, limit: 1).isEmpty else { return }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// The last thing that was begun first. False: some of it has to wait, and all files with it.
  private func settle(_ entries: [UnfinishedWork.Entry], _ busy: Set<String>) -> Bool {
    var isWhole = true
    for case .drive(let drive) in entries.reversed() where !settle(drive) { isWhole = false }
    guard isWhole else { return false }
    for case .identify(let path, let old, let new) in entries.reversed() { identify(path, old, new) }
    for case .lift(let uuid, let parent) in entries.reversed() {
      if let known = try? medium(uuid)?.medium { try? lift(known, from: parent) }
    }
    for case .rename(let medium, let old, let new) in entries.reversed() { rename(medium, old, new) }
    for case .move(let machine, let old, let new) in entries.reversed() { move(machine, old, new) }
    // Whoever cannot say what is in use removes nothing.
    guard let known = try? knownFiles() else { return true }
    let paths = entries.reversed().compactMap { entry in
      if case .file(let path) = entry, !busy.contains(path) { path } else { nil }
    }
    for path in paths where !path.hasSuffix("/") && !known.files.contains(path) {
      if !known.folders.contains(where: { path.hasPrefix($0 + "/") }) { HostFiles.remove(path) }
    }
    // When what was in them has gone.
    for path in paths where path.hasSuffix("/") { rmdirIfEmpty(String(path.dropLast())) }
    return true
  }
  /// Files that the registry knows, and folders of machines and disks that cannot be read.
  private func knownFiles() throws(ServiceError) -> (files: Set<String>, folders: [String]) {
    var files: Set<String> = [], folders: [String] = []
    for entry in try machines() {
      files.insert(entry.path)
      guard case .success(let settings) = entry.settings else {
        folders.append(Paths.folder(of: entry.path))
        continue
      }
      if let state = settings.stateFile { files.insert(state) }
      var all = settings
      all.changeEverySnapshot { snapshot in
        if let file = snapshot["stateFile"], !file.isEmpty { files.insert(Paths.resolve(file, in: settings.folder)) }
      }
      all.changeEveryHardware { hardware in
        if let file = hardware.descendant(["BIOS", "NVRAM"])?["path"] {
          files.insert(Paths.resolve(file, in: settings.folder))
        }
      }
    }
    for (medium, _) in try media() {
      files.insert(medium.path)
      // An image may be made of several files.
      guard medium.kind == .disk else { continue }
      guard let info = try? MediumFile.info(medium.path) else {
        // A running machine's, say. Of the formats only this one has images that are made of several files.
        if medium.format.uppercased() == "VMDK" { folders.append(Paths.folder(of: medium.path)) }
        continue
      }
      files.formUnion(info.files.map(Paths.absolute))
    }
    return (files, folders)
  }
  private func move(_ machine: String, _ old: String, _ new: String) {
    guard let place = (try? places())?.first(where: { $0.uuid == machine })?.path else { return }
    let isNew = place.hasPrefix(new + "/")
    guard isNew != place.hasPrefix(old + "/") else { return }
    if isNew, (try? relocateForeign(from: old, to: new, except: machine)) == nil { return }
    try? FileManager.default.removeItem(atPath: isNew ? old : new)
  }
  private func rename(_ medium: String, _ old: String, _ new: String) {
    guard !medium.isEmpty else {
      // No registry knows it: the move ends when the old name goes.
      if HostPaths.exists(old) { HostFiles.remove(new) }
      return
    }
    guard let known = try? places(of: medium) else { return }
    guard known.contains(new) else {
      // Nobody has heard of the new name. Images over it may have.
      guard HostPaths.exists(old), known.contains(old) || known.isEmpty else { return }
      if let info = try? MediumFile.info(old) { try? renewChildren(medium, of: info) }
      return HostFiles.remove(new)
    }
    guard HostPaths.exists(new), (try? changeEntries(medium) { $0["location"] = Paths.relative(new, to: $1) }) != nil
    else { return }
    if old != new { HostFiles.remove(old) }
  }
  /// Where registries say that a medium is.
  private func places(of medium: String) throws(ServiceError) -> Set<String> {
    var found: Set<String> = []
    if let element = try global().root.child("MediaRegistry") {
      for known in MediaRegistry(element: element, folder: home.folder).media() where known.uuid == medium {
        found.insert(known.path)
      }
    }
    for entry in try machines() {
      guard case .success(let settings) = entry.settings else { continue }
      for known in settings.media where known.uuid == medium { found.insert(known.path) }
    }
    return found
  }
  private func identify(_ path: String, _ old: String, _ new: String) {
    guard let uuid = DiskUUID(new), let info = try? MediumFile.info(path) else { return }
    // Before the image itself, nothing else has changed.
    guard info.uuid == uuid || info.uuid == nil,
      let known = try? media().first(where: { $0.medium.path == path })?.medium
    else { return }
    try? tellIdentity(of: known, old: old, uuid)
  }
}
