import Base
import HostSystem
import Service
import SettingsFiles
import Synchronization

/// Sees what happens to machines, whoever makes it happen, and says so.
///
/// It keeps a picture of the registry and compares it with the files whenever one of them changes: events come from the
/// difference. So nothing is missed that another process has done, and a service that was killed has nothing to repair.
/// Of each running machine it holds a connection, which breaks at the moment the machine's process ends.
final class Supervisor: Sendable {
  /// What was known of a machine when somebody looked last.
  private struct Known: Equatable {
    var path: String
    var stamp: FileStamp?
    var settings: MachineSettings?
    var state: VMState?
    var name: String { settings?.name ?? "<inaccessible>" }
  }
  private struct State {
    var isStarted = false
    var known: [String: Known] = [:]
    var global: FileStamp?
    var folders: [String: Int32] = [:]
    var attended: Set<String> = []
  }
  /// Protects the picture. The registry's locks may be taken under it, never the other way round.
  private let state = Mutex(State())
  private let registry: Registry
  private let events: EventHub
  private let folders: FolderWatch

  init(registry: Registry, events: EventHub) throws(ServiceError) {
    self.registry = registry
    self.events = events
    do throws(SystemCallError) { folders = try FolderWatch() } catch {
      throw ServiceError(.hostError, "Could not watch folders: \(error.reason)", .registry)
    }
  }

  /// The first look makes no events.
  func start() throws(ServiceError) {
    try registry.home.prepare()
    look()
    do throws(ThreadError) {
      _ = try HostThread(name: "supervisor") { self.watch() }
    } catch { throw ServiceError(.hostError, "Could not start a thread", .registry) }
  }
  var isBusy: Bool { state.withLock { !$0.attended.isEmpty } }

  private func watch() {
    while true {
      var entries = [PollEntry(folders.raw)]
      // Now and then anyway: children that have ended, folders that were not there.
      HostPoll.wait(&entries, nanoseconds: 5_000_000_000)
      if folders.drain() {
        // A change of a file is several reports.
        HostPause.wait(milliseconds: 10)
        _ = folders.drain()
      }
      Children.reap()
      look()
    }
  }

  // MARK: Looking

  /// Compares what is known with what is there.
  func look() {
    let running = state.withLock { state in look(&state) }
    for settings in running { attend(settings) }
  }
  private func look(_ state: inout State) -> [MachineSettings] {
    let isFirst = !state.isStarted
    state.isStarted = true
    if let watch = folders.add(registry.home.folder) { state.folders[registry.home.folder] = watch }
    if let watch = folders.add(registry.home.runtime) { state.folders[registry.home.runtime] = watch }
    let stamp = FileStamp(registry.home.globalSettings)
    // A file that cannot be read for the moment tells nothing.
    guard let places = try? registry.places() else { return [] }
    let isNews = stamp != state.global
    state.global = stamp
    var seen: Set<String> = []
    var running: [MachineSettings] = []
    for place in places {
      seen.insert(place.uuid)
      let old = state.known[place.uuid]
      let new = examine(place.uuid, place.path, old)
      state.known[place.uuid] = new
      watchFolder(of: place.path, &state)
      if !isFirst { tell(place.uuid, old, new) }
      if let settings = new.settings, new.state?.isOnline == true, state.attended.insert(place.uuid).inserted {
        running.append(settings)
      }
    }
    for (uuid, old) in state.known where !seen.contains(uuid) {
      state.known[uuid] = nil
      events.publish("machine.unregistered", ["machine": .string(uuid), "name": .string(old.name)])
    }
    if isNews, !isFirst { events.publish("registry.changed") }
    dropFolders(&state)
    return running
  }
  private func examine(_ uuid: String, _ path: String, _ old: Known?) -> Known {
    let stamp = FileStamp(path)
    var known = Known(path: path, stamp: stamp, settings: nil, state: nil)
    if let old, old.path == path, old.stamp == stamp, stamp != nil {
      known.settings = old.settings
    } else {
      known.settings = try? registry.load(uuid, path).settings.get()
    }
    guard let settings = known.settings else { return known }
    known.state = registry.state(settings).state
    // That a run has ended may just have been written down.
    let now = FileStamp(path)
    if now != stamp {
      known.stamp = now
      known.settings = (try? registry.load(uuid, path).settings.get()) ?? settings
    }
    return known
  }
  private func watchFolder(of path: String, _ state: inout State) {
    let folder = Paths.folder(of: path)
    guard state.folders[folder] == nil, let watch = folders.add(folder) else { return }
    state.folders[folder] = watch
  }
  private func dropFolders(_ state: inout State) {
    var wanted: Set<String> = [registry.home.folder, registry.home.runtime]
    for known in state.known.values { wanted.insert(Paths.folder(of: known.path)) }
    for (folder, watch) in state.folders where !wanted.contains(folder) {
      folders.remove(watch)
      state.folders[folder] = nil
    }
  }

  // MARK: Telling

  private func tell(_ uuid: String, _ old: Known?, _ new: Known) {
    let id = JSON.string(uuid), name = JSON.string(new.name)
    guard let old else {
      return events.publish("machine.registered", ["machine": id, "name": name, "state": text(new.state)])
    }
    if old.state != new.state, new.state != nil {
      events.publish(
        "machine.state", ["machine": id, "name": name, "state": text(new.state), "previous": text(old.state)])
    }
    guard old.settings != new.settings else { return }
    if let before = old.settings, let after = new.settings { tellSnapshots(id, before, after) }
    events.publish("machine.changed", ["machine": id, "name": name, "accessible": .bool(new.settings != nil)])
  }
  private func text(_ state: VMState?) -> JSON { state.map { .string($0.rawValue) } ?? .null }
  private func tellSnapshots(_ machine: JSON, _ before: MachineSettings, _ after: MachineSettings) {
    let old = SnapshotTree(before), new = SnapshotTree(after)
    let gone = Set(old.nodes.map(\.uuid)).subtracting(new.nodes.map(\.uuid))
    for node in new.nodes {
      let known = old.nodes.first { $0.uuid == node.uuid }
      guard known?.name != node.name || known?.text != node.text else { continue }
      events.publish(
        known == nil ? "snapshot.taken" : "snapshot.changed",
        ["machine": machine, "snapshot": .string(node.uuid), "name": .string(node.name)])
    }
    for node in old.nodes where gone.contains(node.uuid) {
      events.publish(
        "snapshot.deleted", ["machine": machine, "snapshot": .string(node.uuid), "name": .string(node.name)])
    }
    // A new current snapshot that was there before: the machine went back to it.
    if let current = new.current, current != old.current, old.nodes.contains(where: { $0.uuid == current }),
      gone.isEmpty
    {
      events.publish("snapshot.restored", ["machine": machine, "snapshot": .string(current)])
    }
  }

  // MARK: Machines that run

  /// Listens to a machine's process until it ends.
  private func attend(_ settings: MachineSettings) {
    let uuid = settings.uuid
    let body: @Sendable () -> Void = {
      self.listen(settings)
      self.state.withLock { _ = $0.attended.remove(uuid) }
      Children.reap()
      self.look()
    }
    do throws(ThreadError) {
      _ = try HostThread(name: "attend \(settings.name)", body)
    } catch {
      // The next look tries again.
      state.withLock { _ = $0.attended.remove(uuid) }
    }
  }
  private func listen(_ settings: MachineSettings) {
    do throws(ServiceError) {
      let client = try registry.client(settings)
      while true {
        guard let event = try client.nextEvent(seconds: 60) else { continue }
        pass(event, settings)
      }
    } catch {
      // The connection is gone, the process will be at once; or it is only starting.
      while registry.state(settings).state == .stopping { HostPause.wait(milliseconds: 5) }
      if registry.state(settings).state.isOnline { HostPause.wait(milliseconds: 50) }
    }
  }
  private func pass(_ event: JSON, _ settings: MachineSettings) {
    let id = JSON.string(settings.uuid), name = JSON.string(settings.name)
    switch event["event"]?.string {
    case "state": look()
    case "reset":
      events.publish("machine.reset", ["machine": id, "name": name, "reason": event["reason"] ?? .null])
    case "leds":
      events.publish(
        "machine.leds",
        [
          "machine": id, "scrollLock": event["scrollLock"] ?? .null, "numLock": event["numLock"] ?? .null,
          "capsLock": event["capsLock"] ?? .null,
        ])
    case "link":
      events.publish(
        "machine.link", ["machine": id, "card": event["card"] ?? .null, "state": event["state"] ?? .null])
    case "medium-changed":
      events.publish(
        "machine.medium", ["machine": id, "drive": event["drive"] ?? .null, "path": event["path"] ?? .null])
    case "drive-attached", "drive-detached":
      let slot = event["slot"] ?? .null
      events.publish(
        "machine.drive",
        [
          "machine": id, "name": name, "drive": slot == .null ? event["drive"] ?? .null : slot,
          "path": event["path"] ?? .null, "attached": .bool(event["event"] == "drive-attached"),
        ])
    case "disk-failed":
      events.publish(
        "machine.diskFailed",
        ["machine": id, "name": name, "drive": event["drive"] ?? .null, "text": event["text"] ?? .null])
    case "log":
      events.publish(
        "machine.log", ["machine": id, "device": event["device"] ?? .null, "text": event["text"] ?? .null])
    default: break
    }
  }
}

/// Waiting for a moment.
enum HostPause {
  static func wait(milliseconds: Int64) {
    var nothing: [PollEntry] = []
    HostPoll.wait(&nothing, nanoseconds: milliseconds * 1_000_000)
  }
}
