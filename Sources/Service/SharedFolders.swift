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
  /// Goes when the machine's run ends.
  public var isTransient = false
  /// How far links in it may lead, as the user has set it; empty: not said.
  public var linkPolicy = ""

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
    isTransient = element.bool("transient") ?? false
    linkPolicy = element["symlinkPolicy"] ?? ""
  }
  fileprivate var element: SettingsElement {
    var element = SettingsElement(
      "SharedFolder",
      [
        ("name", name), ("hostPath", path), ("writable", isWritable ? "true" : "false"),
        ("autoMount", mounts ? "true" : "false"),
      ])
    if !mountPoint.isEmpty { element["autoMountPoint"] = mountPoint }
    if !linkPolicy.isEmpty { element["symlinkPolicy"] = linkPolicy }
    if isTransient { element["transient"] = "true" }
    return element
  }
}

extension Registry {
  /// Folders for the guests of all machines.
  public func globalFolders() throws(ServiceError) -> [SharedFolder] {
    (try global().root.child("SharedFolders")?.elements("SharedFolder") ?? []).map(SharedFolder.init)
  }
  /// Adds a folder for all of them, or with nil takes the one of this name away.
  public func setGlobalFolder(_ name: String, _ folder: SharedFolder?) throws(ServiceError) {
    try Names.check(name, "a shared folder", .registry)
    let isThere = try globalFolders().contains { $0.name == name }
    guard folder == nil || !isThere else {
      throw ServiceError(.objectInUse, "Shared folder named '\(name)' already exists", .registry)
    }
    guard folder != nil || isThere else {
      throw ServiceError(.objectNotFound, "Could not find a shared folder named '\(name)'", .registry)
    }
    try changeGlobal { global in
      global.root.change("SharedFolders") { list in
        list.remove("SharedFolder") { $0["name"] == name }
        if let folder { list.insert(folder.element) }
      }
      global.root.remove("SharedFolders") { $0.children.isEmpty }
    }
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
    try Names.check(folder.name, "a shared folder")
    guard replacing || !sharedFolders.contains(where: { $0.name == folder.name }) else {
      throw ServiceError(.objectInUse, "Shared folder named '\(folder.name)' already exists")
    }
    machine.change(path: ["Hardware", "SharedFolders"]) { list in
      list.remove("SharedFolder") { $0["name"] == folder.name }
      list.insert(folder.element)
    }
  }
  /// Takes the folder of this name away; `isTransient`: only one that is, or only one that is not.
  public mutating func removeSharedFolder(_ name: String, isTransient: Bool? = nil) throws(ServiceError) {
    guard sharedFolders.contains(where: { $0.name == name && $0.isTransient == isTransient ?? $0.isTransient }) else {
      throw ServiceError(.objectNotFound, "Could not find a shared folder named '\(name)'")
    }
    machine.change(path: ["Hardware", "SharedFolders"]) { $0.remove("SharedFolder") { $0["name"] == name } }
  }

  /// Forgets what was only for the run that has ended: guest properties and folders that are transient.
  mutating func dropTransients() {
    hardware = hardware.withoutTransientFolders
    dropTransientProperties()
  }
}

extension SettingsElement {
  /// Of the element `Hardware`: without the folders that are there for one run only.
  var withoutTransientFolders: SettingsElement {
    guard child("SharedFolders")?.elements.contains(where: { $0.bool("transient") == true }) == true else {
      return self
    }
    var hardware = self
    hardware.changeAll("SharedFolders") { list in list.remove("SharedFolder") { $0.bool("transient") == true } }
    return hardware
  }
}
