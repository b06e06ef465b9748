import Base
import Foundation
import HostSystem
import SettingsFiles

/// The states of a machine, by the names that VirtualBox's clients know.
public enum VMState: String, Sendable {
  case poweredOff = "poweroff"
  case saved, aborted, running, paused, saving, starting, stopping
  /// For people.
  public var text: String { self == .poweredOff ? "powered off" : rawValue }
  /// The machine has a process.
  public var isOnline: Bool { [.running, .paused, .saving, .starting, .stopping].contains(self) }
}

/// What belongs to a machine's process: files in the runtime folder, by the machine's UUID.
///
/// The lock is the truth. Who starts a machine takes it and hands it to the machine's process, which never lets go of it;
/// however that process ends, the lock is free then. `marker` says that a process was meant to run: a marker without a
/// lock is a run that has ended, and whoever sees it first writes down how.
struct SessionFiles {
  let lock: String, settingsLock: String, marker: String, socket: String, end: String, display: String
  init(_ home: ServiceHome, _ uuid: String) {
    let stem = "\(home.runtime)/\(uuid)"
    lock = stem + ".lock"
    settingsLock = stem + ".settings"
    marker = stem + ".json"
    socket = stem + ".sock"
    end = stem + ".end"
    display = stem + ".vnc"
  }
}

extension Registry {
  func waitForLock(_ path: String) throws(ServiceError) -> LockFile {
    try home.prepare()
    let lock = try open(path)
    do throws(SystemCallError) { try lock.wait() } catch {
      throw ServiceError(.fileError, "Could not lock '\(path)': \(error.reason)")
    }
    return lock
  }
  private func open(_ path: String) throws(ServiceError) -> LockFile {
    do throws(SystemCallError) { return try LockFile(path) } catch {
      throw ServiceError(.fileError, "Could not open '\(path)': \(error.reason)")
    }
  }

  /// The machine's session, for as long as the result lives; nil when it stays taken.
  func session(_ uuid: String) throws(ServiceError) -> LockFile? {
    try home.prepare()
    let files = SessionFiles(home, uuid)
    let lock = try open(files.lock)
    // Another command's change is over at once, another machine's process is not.
    var isTaken = lock.take()
    for attempt in 0..<40 where !isTaken {
      if HostPaths.exists(files.marker), attempt > 3 { break }
      Host.sleep(milliseconds: 25)
      isTaken = lock.take()
    }
    guard isTaken else { return nil }
    return lock
  }
  static func locked(_ settings: MachineSettings) -> ServiceError {
    ServiceError(
      .invalidObjectState,
      "The machine '\(settings.name)' is already locked for a session (or being unlocked)")
  }

  // MARK: Changes

  /// Changes a machine that is switched off; nobody else can start or change it meanwhile. Its saved state, if it has
  /// one, must fit the settings: so unless `evenSaved`, nothing changes then.
  @discardableResult
  public func change<R>(
    _ name: String, evenSaved: Bool = false, _ body: (inout MachineSettings) throws(ServiceError) -> R
  ) throws(ServiceError) -> R {
    let settings = try machine(name)
    guard let session = try session(settings.uuid) else { throw Registry.locked(settings) }
    defer { _ = session.descriptor }
    let ended = try finishRun(settings)
    if !evenSaved, resting(ended ?? settings).state == .saved {
      throw ServiceError(.invalidVMState, "The machine is not mutable (state is Saved)")
    }
    return try changeShared(settings.uuid, body)
  }
  /// Changes what may change while the machine runs: extra data, guest properties, shared folders.
  @discardableResult
  public func changeShared<R>(
    _ name: String, _ body: (inout MachineSettings) throws(ServiceError) -> R
  ) throws(ServiceError) -> R {
    try holdingSettings(of: name) { settings throws(ServiceError) in
      let before = settings
      let result = try body(&settings)
      if settings != before { try write(&settings.file) }
      return result
    }
  }
  /// The same for what writes the settings itself, at its time.
  func holdingSettings<R>(
    of name: String, _ body: (inout MachineSettings) throws(ServiceError) -> R
  ) throws(ServiceError) -> R {
    let uuid = try machine(name).uuid
    let lock = try waitForLock(SessionFiles(home, uuid).settingsLock)
    defer { _ = lock.descriptor }
    // Read again: what was read before the lock may be old.
    var settings = try machine(uuid)
    return try body(&settings)
  }

  // MARK: State

  /// What the machine does, and since when. Takes no lock unless a run has ended that nobody noticed yet.
  public func state(_ settings: MachineSettings) -> (state: VMState, since: String) {
    let files = SessionFiles(home, settings.uuid)
    let resting = resting(settings)
    guard HostPaths.exists(files.marker), let lock = try? open(files.lock) else { return resting }
    if lock.isHeld {
      let since = Timestamp.text(Host.status(files.marker)?.changed ?? Timestamp.now)
      return (liveState(files), since)
    }
    guard lock.take() else { return (.starting, Timestamp.text(Timestamp.now)) }
    defer { _ = lock.descriptor }
    return ((try? finishRun(settings)) ?? settings).map { self.resting($0) } ?? resting
  }
  private func resting(_ settings: MachineSettings) -> (state: VMState, since: String) {
    let machine = settings.machine
    let since = machine["lastStateChange"] ?? Timestamp.text(0)
    // A state that a run has used up is gone, whatever the settings say.
    if let file = settings.stateFile, HostPaths.exists(file) { return (.saved, since) }
    return (machine.bool("aborted") == true ? .aborted : .poweredOff, since)
  }
  /// What began a running machine's session, as VirtualBox's clients know it: `headless`, or a window's name.
  public func sessionName(_ settings: MachineSettings) -> String {
    let marker = try? WholeFile.read(SessionFiles(home, settings.uuid).marker, maximum: 1 << 16)
    return marker.flatMap { try? JSON(parsing: $0) }?["session"]?.string ?? "headless"
  }
  private func liveState(_ files: SessionFiles) -> VMState {
    // A process that is stopped by somebody must not hold up whoever asks.
    guard let client = try? VMClient(files.socket), let reply = try? client.command("status", seconds: 3) else {
      // There is no socket before the first moment and after the last one.
      let marker = (try? WholeFile.read(files.marker, maximum: 1 << 16)).flatMap { try? JSON(parsing: $0) }
      return marker?["started"]?.bool == true || HostPaths.exists(files.socket) ? .stopping : .starting
    }
    switch reply["state"]?.string {
    case "running": return .running
    case "paused": return .paused
    case "saving": return .saving
    case "off": return .starting
    default: return .stopping
    }
  }
  /// The machines that have a process.
  public func running() throws(ServiceError) -> [Entry] {
    try machines().filter { entry in
      guard case .success(let settings) = entry.settings else { return false }
      return state(settings).state.isOnline
    }
  }

  /// Writes down how a run ended, if one did since somebody looked. The caller holds the session.
  func finishRun(_ settings: MachineSettings) throws(ServiceError) -> MachineSettings? {
    let files = SessionFiles(home, settings.uuid)
    guard HostPaths.exists(files.marker) else { return nil }
    // A process that ends in an orderly way writes a line of JSON as its last act.
    let last = (try? WholeFile.read(files.end, maximum: 1 << 20)).flatMap { try? JSON(parsing: $0) }
    let moment = Host.status(files.end)?.changed ?? Timestamp.now
    let changed = try changeShared(settings.uuid) { settings in
      let saved = last?["stateFile"]?.string
      if let saved, HostPaths.exists(saved) {
        settings.stateFile = saved
      } else if let file = settings.stateFile {
        // A run that never came to using its state up has changed nothing.
        if HostPaths.exists(file) { return settings }
        settings.stateFile = nil
      }
      // What is saved goes on with them.
      if settings.stateFile == nil { settings.dropTransients() }
      settings.machine["aborted"] = last == nil ? "true" : nil
      settings.machine["lastStateChange"] = Timestamp.text(moment)
      return settings
    }
    removeUnfinishedStates(settings)
    for file in [files.end, files.socket, files.display, files.marker] { HostFiles.remove(file) }
    return changed
  }
}

extension MachineSettings {
  fileprivate func map<R>(_ body: (MachineSettings) -> R) -> R? { body(self) }
}
