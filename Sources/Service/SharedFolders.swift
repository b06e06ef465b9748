import SettingsFiles

/// A folder of the host for the guest.
public struct SharedFolder: Sendable, Equatable {
  /// Unique in the machine.
  public var name: String
  /// Of the host, absolute.
  public var path: String
  /// The guest may change what is in it.
  public var isWritable = true
  /// The guest's additions mount it by themselves.
  public var mounts = false
  /// Where they do; empty: where they like.
  public var mountPoint = ""

  public init(name: String, path: String) {
    self.name = name
    self.path = path
  }
  fileprivate init(_ element: SettingsElement) {
    name = element["name"] ?? ""
    path = element["hostPath"] ?? ""
    isWritable = element.bool("writable") ?? true
    mounts = element.bool("autoMount") ?? false
    mountPoint = element["autoMountPoint"] ?? ""
  }
  fileprivate var element: SettingsElement {
    var element = SettingsElement(
      "SharedFolder",
      [
        ("name", name), ("hostPath", path), ("writable", isWritable ? "true" : "false"),
        ("autoMount", mounts ? "true" : "false"),
      ])
    if !mountPoint.isEmpty { element["autoMountPoint"] = mountPoint }
    return element
  }
}

extension MachineSettings {
  /// In the order of the file.
  public var sharedFolders: [SharedFolder] {
    (hardware.child("SharedFolders")?.elements("SharedFolder") ?? []).map(SharedFolder.init)
  }
  /// Adds a folder; `replacing`: or puts it in the place of the one that has its name.
  public mutating func add(_ folder: SharedFolder, replacing: Bool = false) throws(ServiceError) {
    guard !folder.name.isEmpty else { throw ServiceError(.invalidArgument, "A shared folder needs a name") }
    guard replacing || !sharedFolders.contains(where: { $0.name == folder.name }) else {
      throw ServiceError(.objectInUse, "Shared folder named '\(folder.name)' already exists")
    }
    machine.change(path: ["Hardware", "SharedFolders"]) { list in
      list.remove("SharedFolder") { $0["name"] == folder.name }
      list.insert(folder.element)
    }
  }
  /// Takes the folder of this name away.
  public mutating func removeSharedFolder(_ name: String) throws(ServiceError) {
    guard sharedFolders.contains(where: { $0.name == name }) else {
      throw ServiceError(.objectNotFound, "Could not find a shared folder named '\(name)'")
    }
    machine.change(path: ["Hardware", "SharedFolders"]) { $0.remove("SharedFolder") { $0["name"] == name } }
  }
}
