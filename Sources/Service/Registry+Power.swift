import Base
import Foundation
import HostSystem
import SettingsFiles

extension Registry {
  /// Starts a machine's process in the background; returns when the machine runs. `window`: the name of what shows its
  /// screen.
  public func start(_ name: String, program: String, window: String? = nil) throws(ServiceError) {
    var settings = try machine(name)
    guard let session = try session(settings.uuid) else {
      throw ServiceError(
        .invalidObjectState,
        "The machine '\(settings.name)' is already locked by a session (or being locked or unlocked)")
    }
    // Held until here ends: nobody takes a machine that is only starting for one that has ended.
    defer { _ = session.descriptor }
    if let ended = try finishRun(settings) { settings = ended }
    let files = SessionFiles(home, settings.uuid)
    let state = settings.stateFile.flatMap { HostPaths.exists($0) ? $0 : nil }
    settings = try disksForStart(settings, isSaved: state != nil)
    var plan = try LaunchPlan(settings, parents: parents(), control: files.socket, display: files.display)
    if let state { plan.restore(state) }
    for network in plan.networks { try startNetwork(network, program: VirtualNetwork.program(beside: program)) }
    let log = try openLog(settings, plan)
    for file in [files.end, files.socket, files.display] { HostFiles.remove(file) }
    try mark(settings, files, isStarted: false, window)
    let process: Int32
    do throws(SystemCallError) {
      let configuration = try ProcessImage.inheritedFile(Array(plan.options.text.utf8))
      // The child has its own copy; this one is closed.
      let owner = HostStream(configuration)
      defer { _ = owner.raw }
      process = try Host.spawn(
        program, ["--config-fd", "\(configuration)"], output: files.end, errors: log,
        inherited: [configuration, session.descriptor])
    } catch {
      HostFiles.remove(files.marker)
      throw ServiceError(.vmError, "Could not start '\(program)': \(error.reason)", .session)
    }
    try waitForStart(process, settings, files, log)
    // It only makes the state more exact.
    try? mark(settings, files, isStarted: true, window)
    _ = try? changeShared(settings.uuid) { settings in
      settings.machine["aborted"] = nil
      settings.machine["lastStateChange"] = Timestamp.text(Timestamp.now)
      if let state = settings.stateFile, !HostPaths.exists(state) { settings.stateFile = nil }
    }
  }
  /// What was written to immutable disks is forgotten when a machine is switched on.
  private func disksForStart(_ settings: MachineSettings, isSaved: Bool) throws(ServiceError) -> MachineSettings {
    var made: [String] = []
    do throws(ServiceError) {
      return try changeShared(settings.uuid) { settings throws(ServiceError) in
        try settings.putImagesOverImmutable(self, &made)
        if !isSaved { try settings.resetImmutable() }
        return settings
      }
    } catch {
      for path in made { HostFiles.remove(path) }
      throw error
    }
  }
  private func mark(
    _ settings: MachineSettings, _ files: SessionFiles, isStarted: Bool, _ window: String?
  ) throws(ServiceError) {
    let marker: JSON = [
      "name": .string(settings.name), "settings": .string(settings.file.path), "started": .bool(isStarted),
      "session": .string(window ?? "headless"),
    ]
    do throws(SystemCallError) { try HostFiles.replace(files.marker, with: Array(marker.text.utf8)) } catch {
      throw ServiceError(.fileError, "Could not write '\(files.marker)': \(error.reason)", .session)
    }
  }
  private func waitForStart(
    _ process: Int32, _ settings: MachineSettings, _ files: SessionFiles, _ log: String
  ) throws(ServiceError) {
    for _ in 0..<3000 {
      if let client = try? VMClient(files.socket), let reply = try? client.command("status"),
        let state = reply["state"]?.string, state != "off"
      {
        return
      }
      if Host.hasEnded(process) {
        // A guest may be done before anybody asked; then it says so.
        if let end = try? WholeFile.read(files.end, maximum: 1 << 20), !end.isEmpty { return }
        HostFiles.remove(files.marker)
        throw ServiceError(.vmError, lastLine(of: log) ?? "The machine's process ended; see '\(log)'", .console)
      }
      Host.sleep(milliseconds: 10)
    }
    throw ServiceError(.vmError, "The machine '\(settings.name)' did not start within 30 s", .console)
  }
  private func lastLine(of log: String) -> String? {
    guard let bytes = try? WholeFile.read(log, maximum: 64 << 20) else { return nil }
    let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").last.map(String.init)
    return line.map { $0.hasPrefix("ringbox: ") ? String($0.dropFirst("ringbox: ".count)) : $0 }
  }

  // MARK: Log

  /// A fresh log with the facts at its head; older ones move up to the number that the settings say.
  private func openLog(_ settings: MachineSettings, _ plan: LaunchPlan) throws(ServiceError) -> String {
    let folder = settings.logFolder(home)
    let path = "\(folder)/VBox.log"
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: ServiceHome.ownersOnly)
    } catch {
      throw ServiceError(.fileError, "Could not create the directory '\(folder)' (VERR_ACCESS_DENIED)")
    }
    let count = min(max(1, (try? global())?.root.child("SystemProperties")?.integer("LogHistoryCount") ?? 3), 50)
    for number in stride(from: count - 1, through: 0, by: -1) {
      let old = number == 0 ? path : "\(path).\(number)"
      try? HostPaths.rename(old, to: "\(path).\(number + 1)")
    }
    let info = ProcessInfo.processInfo
    var lines = [
      "VirtualBox VM \(ServiceVersion.compatible) linux.amd64 release log",
      "Log opened \(Timestamp.text(Timestamp.now))",
      "Build Type: release", "OS Product: Linux", "OS Release: \(info.operatingSystemVersionString)",
      "Host RAM: \(info.physicalMemory >> 20)MB total", "Executable: ringbox-vm \(ServiceVersion.text)",
      "Machine '\(settings.name)' {\(settings.uuid)}: \(settings.memory)MB, \(settings.cpus) processors",
    ]
    lines += plan.remarks
    let text = lines.map { "00:00:00.000000 \($0)\n" }.joined()
    do throws(SystemCallError) { try HostFiles.replace(path, with: Array(text.utf8)) } catch {
      throw ServiceError(.fileError, "Could not write '\(path)': \(error.reason)")
    }
    return path
  }

  // MARK: Control

  /// The process of a machine that runs.
  public func client(_ settings: MachineSettings) throws(ServiceError) -> VMClient {
    guard state(settings).state.isOnline else {
      throw ServiceError(.invalidVMState, "Machine '\(settings.name)' is not currently running.", .console)
    }
    return try VMClient(SessionFiles(home, settings.uuid).socket)
  }
  /// The control channel of the machine's process.
  public func controlSocket(_ settings: MachineSettings) -> String { SessionFiles(home, settings.uuid).socket }
  /// The socket on which a running machine's process serves viewers; nil when it has been told another place.
  public func displaySocket(_ settings: MachineSettings) -> String? {
    let path = SessionFiles(home, settings.uuid).display
    return HostPaths.exists(path) ? path : settings.extraData.first { $0.key == "Ringbox/VNC" }?.value
  }
  /// Ends the machine's process; returns when the machine may be changed again.
  public func powerOff(_ settings: MachineSettings) throws(ServiceError) {
    let client = try client(settings)
    do throws(ServiceError) { try client.command("quit") } catch {
      // The process may be gone before its reply is read.
      guard client.waitForEnd(seconds: 5) else { throw error }
    }
    _ = client.waitForEnd(seconds: 60)
    guard try waitForSession(settings, seconds: 60) else {
      throw ServiceError(.vmError, "The machine '\(settings.name)' does not end", .console)
    }
  }
  /// Waits until nobody has the machine, and writes down how its run ended.
  public func waitForSession(_ settings: MachineSettings, seconds: Int) throws(ServiceError) -> Bool {
    for _ in 0..<seconds * 100 {
      if !state(settings).state.isOnline { return true }
      Host.sleep(milliseconds: 10)
    }
    return false
  }
}

/// Versions that are told.
public enum ServiceVersion {
  /// Of this package.
  public static let text = "0.1.0"
  /// What clients of VirtualBox expect to talk to.
  public static let api = "7.0.20"
  /// The same as the command line reports it, with a revision.
  public static let compatible = "7.0.20r163906"
}
