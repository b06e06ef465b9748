import Base
import Foundation
import HostSystem
import SettingsFiles
import StateFile

/// Saved states of kept machines.
///
/// A machine is saved while its settings name a state file and that file is there. The machine's process writes the file
/// under another name until it is whole, and says at its end that it has; and it removes the file it goes on from before
/// the first instruction, for the disks move on from there. So whoever is killed, and whenever, a state that is there
/// fits the disks.
extension Registry {
  /// Saves a machine that runs, and ends it.
  public func saveState(_ settings: MachineSettings, progress: (Int) -> Void = { _ in }) throws(ServiceError) {
    let client = try client(settings)
    let path = try settings.newStateFile()
    try client.command("save-state", [("path", .string(path))], seconds: 24 * 3600, progress: progress)
    _ = client.waitForEnd(seconds: 60)
    guard try waitForSession(settings, seconds: 60) else {
      throw ServiceError(.vmError, "The machine '\(settings.name)' does not end", .console)
    }
  }

  /// Forgets a machine's saved state: it is as if the power had been cut.
  public func discardState(_ name: String) throws(ServiceError) {
    try settling { () throws(ServiceError) in try discard(name) }
  }
  private func discard(_ name: String) throws(ServiceError) {
    var left: String?
    try change(name, evenSaved: true) { settings throws(ServiceError) in
      guard let file = settings.stateFile else {
        throw ServiceError(.invalidVMState, "Invalid machine state: \(settings.restingName)")
      }
      UnfinishedWork.note(files: [file])
      settings.stateFile = nil
      settings.machine["aborted"] = nil
      settings.machine["lastStateChange"] = Timestamp.text(Timestamp.now)
      left = file
    }
    if let left { HostFiles.remove(left) }
  }

  /// Makes a copy of a state file the saved state of a machine that is off.
  public func adoptState(_ name: String, _ file: String) throws(ServiceError) {
    try settling { () throws(ServiceError) in try adopt(name, file) }
  }
  private func adopt(_ name: String, _ file: String) throws(ServiceError) {
    try change(name, evenSaved: true) { settings throws(ServiceError) in
      guard settings.stateFile == nil else {
        throw ServiceError(.invalidVMState, "Invalid machine state: \(settings.restingName)")
      }
      let source = Paths.absolute(file)
      let state: StateFileReader
      do throws(StateFileError) { state = try StateFileReader(source) } catch {
        throw ServiceError(.fileError, "The saved state '\(source)' \(error)")
      }
      let memory = state.description["memory"]?.integer, cpus = state.description["cpus"]?.integer
      guard memory == Int64(settings.memory) << 20, cpus == Int64(settings.cpus) else {
        throw ServiceError(
          .invalidArgument,
          "The saved state '\(source)' is of a machine with \((memory ?? 0) >> 20) MB and \(cpus ?? 0) processors")
      }
      let path = try settings.newStateFile()
      try Registry.share(source, as: path)
      settings.stateFile = path
      settings.machine["aborted"] = nil
      settings.machine["lastStateChange"] = Timestamp.text(Timestamp.now)
    }
  }

  /// Gives a state file a second name, or copies it where that cannot be: either may be removed without the other.
  static func share(_ source: String, as path: String) throws(ServiceError) {
    let manager = FileManager.default
    UnfinishedWork.note(files: [path])
    if (try? manager.linkItem(atPath: source, toPath: path)) != nil { return }
    do { try manager.copyItem(atPath: source, toPath: path) } catch {
      HostFiles.remove(path)
      throw ServiceError(.fileError, "Could not copy '\(source)' to '\(path)': \(error.localizedDescription)")
    }
  }

  /// What processes that were killed while they saved have left behind. The caller holds the session.
  func removeUnfinishedStates(_ settings: MachineSettings) {
    for name in HostPaths.names(in: settings.snapshotFolder, limit: 10_000)
    where name.hasSuffix(".sav\(StateFileWriter.unfinishedSuffix)") {
      HostFiles.remove("\(settings.snapshotFolder)/\(name)")
    }
  }
}

extension MachineSettings {
  /// The state that the machine will go on from, by its absolute name.
  public var stateFile: String? {
    get {
      guard let file = machine["stateFile"], !file.isEmpty else { return nil }
      return Paths.resolve(file, in: folder)
    }
    set { machine["stateFile"] = newValue.map { Paths.relative($0, to: folder) } }
  }
  /// For messages.
  fileprivate var restingName: String {
    if stateFile != nil { return "Saved" }
    return machine.bool("aborted") == true ? "Aborted" : "PoweredOff"
  }
  /// A new name for a state, in the folder for it.
  func newStateFile() throws(ServiceError) -> String {
    UnfinishedWork.note(folder: snapshotFolder)
    do {
      try FileManager.default.createDirectory(
        atPath: snapshotFolder, withIntermediateDirectories: true, attributes: ServiceHome.ownersOnly)
    } catch {
      throw ServiceError(.fileError, "Could not create the directory '\(snapshotFolder)' (VERR_ACCESS_DENIED)")
    }
    return "\(snapshotFolder)/\(Timestamp.fileName()).sav"
  }
}
