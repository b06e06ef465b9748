import Base
import DiskImages
import Foundation
import HostSystem
import SettingsFiles

/// The machines and media of one user: `VirtualBox.xml` and the settings files it names.
///
/// Any number of processes may use one registry at once. What is read is read anew each time; what is changed is read,
/// changed and written under a lock, so that no change is lost. Lock order: the registry's, then a machine's session,
/// then a machine's settings.
public struct Registry: Sendable {
  /// Where everything is.
  public let home: ServiceHome
  let store: any SettingsStore

  public init(home: ServiceHome, store: any SettingsStore = HostSettingsStore()) {
    self.home = home
    self.store = store
  }

  // MARK: Global settings

  /// The global settings, or those of a new registry.
  public func global() throws(ServiceError) -> SettingsFile {
    guard store.exists(home.globalSettings) else { return Registry.empty(home.globalSettings) }
    do throws(SettingsError) { return try SettingsFile(reading: home.globalSettings, .global, store: store) } catch {
      throw ServiceError(.fileError, "Could not load the settings: \(error)", .registry)
    }
  }
  /// Changes the global settings while nobody else does.
  public func changeGlobal<R>(_ body: (inout SettingsFile) throws(ServiceError) -> R) throws(ServiceError) -> R {
    let lock = try waitForLock("\(home.folder)/.ringbox.lock")
    // Held until here ends, whatever the optimiser thinks of its last use.
    defer { _ = lock.descriptor }
    var file = try global()
    let before = file
    let result = try body(&file)
    if file != before || !store.exists(home.globalSettings) { try write(&file) }
    return result
  }
  func write(_ file: inout SettingsFile) throws(ServiceError) {
    do throws(SettingsError) { try file.write(store: store) } catch {
      if case .unwritten = error { throw ServiceError(.invalidArgument, "\(error)", .registry) }
      throw ServiceError(.fileError, "\(error) (VERR_ACCESS_DENIED)", .registry)
    }
  }

  private static func empty(_ path: String) -> SettingsFile {
    let server = SettingsElement(
      "DHCPServer",
      [
        ("networkName", "HostInterfaceNetworking-vboxnet0"), ("IPAddress", "192.168.56.100"),
        ("networkMask", "255.255.255.0"), ("lowerIP", "192.168.56.101"), ("upperIP", "192.168.56.254"),
        ("enabled", "1"),
      ])
    let global = SettingsElement(
      "Global", [],
      [
        SettingsElement("ExtraData"), SettingsElement("MachineRegistry"), SettingsElement("MediaRegistry"),
        SettingsElement("NetserviceRegistry", [], [SettingsElement("DHCPServers", [], [server])]),
        SettingsElement(
          "SystemProperties",
          [
            ("defaultHardDiskFormat", "VDI"), ("VRDEAuthLibrary", "VBoxAuth"), ("webServiceAuthLibrary", "VBoxAuth"),
            ("LogHistoryCount", "3"), ("proxyMode", "0"), ("exclusiveHwVirt", "true"),
          ]), SettingsElement("USBDeviceFilters"),
      ])
    return SettingsFile(path: path, .global, root: global)
  }

  /// Where new machines get their folders.
  public func defaultMachineFolder() throws(ServiceError) -> String {
    Registry.machineFolder(try global(), home)
  }
  static func machineFolder(_ file: SettingsFile, _ home: ServiceHome) -> String {
    let set = file.root.child("SystemProperties")?["defaultMachineFolder"] ?? ""
    return set.isEmpty ? "\(home.user)/VirtualBox VMs" : set
  }

  // MARK: Machines

  /// A machine that is registered, and its settings or why they cannot be had.
  public struct Entry: Sendable {
    /// Lower case, without braces.
    public var uuid: String
    /// The settings file.
    public var path: String
    /// What is in the file, or why that cannot be known.
    public var settings: Result<MachineSettings, SettingsError>

    /// What lists call the machine.
    public var name: String { (try? settings.get().name) ?? "<inaccessible>" }
  }

  /// All machines in the order of their registration. One that cannot be read harms no other.
  public func machines() throws(ServiceError) -> [Entry] {
    Registry.registered(try global()).map { load($0.uuid, $0.path) }
  }
  /// Where the settings files of all machines are, without looking into them.
  public func places() throws(ServiceError) -> [(uuid: String, path: String)] { Registry.registered(try global()) }
  static func registered(_ file: SettingsFile) -> [(uuid: String, path: String)] {
    (file.root.child("MachineRegistry")?.elements("MachineEntry") ?? []).compactMap { entry in
      guard let uuid = entry["uuid"].flatMap(SettingsUUID.normalized), let path = entry["src"] else { return nil }
      return (uuid, path)
    }
  }
  /// The machine of this UUID in this file, without a look into the registry.
  public func load(_ uuid: String, _ path: String) -> Entry {
    do throws(SettingsError) {
      let settings = MachineSettings(try SettingsFile(reading: path, .machine, store: store))
      guard settings.uuid == uuid else {
        throw .malformed(
          path: path, line: nil, reason: "the machine has the UUID {\(settings.uuid)}, but {\(uuid)} is registered")
      }
      return Entry(uuid: uuid, path: path, settings: .success(settings))
    } catch { return Entry(uuid: uuid, path: path, settings: .failure(error)) }
  }

  /// The machine of this name, UUID or settings file.
  public func entry(_ name: String) throws(ServiceError) -> Entry {
    let uuid = SettingsUUID.normalized(name)
    let registered = Registry.registered(try global())
    if let uuid, let found = registered.first(where: { $0.uuid == uuid }) { return load(found.uuid, found.path) }
    let path = name.hasSuffix(".vbox") ? Paths.absolute(name) : nil
    for candidate in registered {
      if let path, candidate.path == path { return load(candidate.uuid, candidate.path) }
      let entry = load(candidate.uuid, candidate.path)
      if case .success(let settings) = entry.settings, settings.name == name { return entry }
    }
    let what = uuid.map { "with UUID {\($0)}" } ?? "named '\(name)'"
    throw ServiceError(.objectNotFound, "Could not find a registered machine \(what)", .registry)
  }
  /// The same, for what needs its settings.
  public func machine(_ name: String) throws(ServiceError) -> MachineSettings {
    let entry = try entry(name)
    switch entry.settings {
    case .success(let settings): return settings
    case .failure(let error):
      throw ServiceError(.invalidObjectState, "The machine {\(entry.uuid)} is inaccessible: \(error)")
    }
  }
}
