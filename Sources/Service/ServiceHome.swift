import Foundation
import HostSystem

/// Where settings are, and where what belongs to running machines is.
public struct ServiceHome: Sendable, Equatable {
  /// Holds `VirtualBox.xml`.
  public let folder: String
  /// Locks and sockets of running machines; only the owner may enter it.
  public let runtime: String
  /// The home directory, in which machines are unless a setting says otherwise.
  public let user: String
  /// Folder for logs instead of the machine's own, if the environment names one.
  public let logFolder: String?

  public init(folder: String, runtime: String, user: String, logFolder: String? = nil) throws(ServiceError) {
    self.folder = folder
    self.runtime = runtime
    self.user = user
    self.logFolder = logFolder
    // Looking at what there is makes nothing.
    if HostPaths.exists(runtime) { try ServiceHome.checkOwner(runtime) }
  }
  /// Makes the folders, before something is written into them.
  public func prepare() throws(ServiceError) {
    try ServiceHome.makePrivate(folder)
    try ServiceHome.makePrivate(runtime)
    try ServiceHome.checkOwner(runtime)
  }

  /// As the environment says: VBOX_USER_HOME, else the first that exists of the usual places, else the last of them.
  public init(environment: (String) -> String? = ProcessImage.environment) throws(ServiceError) {
    func named(_ variable: String) -> String? { environment(variable).flatMap { $0.isEmpty ? nil : $0 } }
    let user = named("HOME") ?? NSHomeDirectory()
    let configuration = named("XDG_CONFIG_HOME") ?? "\(user)/.config"
    let places = ["\(user)/.VirtualBox", "\(configuration)/VirtualBox"]
    let folder =
      named("VBOX_USER_HOME").map(Paths.absolute) ?? places.first { FileManager.default.fileExists(atPath: $0) }
      ?? "\(configuration)/VirtualBox"
    let runtime = named("XDG_RUNTIME_DIR").map { "\($0)/ringbox" } ?? "/tmp/ringbox-\(Host.userID)"
    try self.init(
      folder: folder, runtime: runtime, user: user, logFolder: named("VBOX_USER_VMLOGDIR").map(Paths.absolute))
  }

  /// The file that names all machines.
  public var globalSettings: String { "\(folder)/VirtualBox.xml" }

  /// Folders that are made let nobody else in: disks, saved memory and logs of guests are in them.
  static let ownersOnly: [FileAttributeKey: any Sendable] = [.posixPermissions: 0o700]

  private static func makePrivate(_ folder: String) throws(ServiceError) {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: ServiceHome.ownersOnly)
    } catch {
      throw ServiceError(.fileError, "Could not create the directory '\(folder)' (VERR_ACCESS_DENIED)", .registry)
    }
  }
  /// A folder in /tmp that somebody else made first would let them in.
  private static func checkOwner(_ folder: String) throws(ServiceError) {
    guard let state = Host.status(folder), state.isFolder, state.owner == Host.userID, state.mode & 0o077 == 0 else {
      throw ServiceError(
        .accessDenied, "The directory '\(folder)' must be a directory that only its owner may use", .registry)
    }
  }
}

/// File names as text.
public enum Paths {
  /// From the working directory, without dots.
  public static func absolute(_ path: String) -> String {
    let whole = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    return URL(fileURLWithPath: whole).standardizedFileURL.path
  }
  /// What stands before the last slash.
  public static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
  /// What stands behind the last slash.
  public static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }
  /// What stands behind the name's last dot, in lower case; empty without one.
  public static func suffix(of path: String) -> String {
    let name = name(of: path)
    return name.lastIndex(of: ".").map { name[name.index(after: $0)...].lowercased() } ?? ""
  }
  /// `path` as seen from `folder`, if it lies inside; else as it is.
  public static func relative(_ path: String, to folder: String) -> String {
    path.hasPrefix(folder + "/") ? String(path.dropFirst(folder.count + 1)) : path
  }
  /// The absolute form of a name that may be relative to `folder`.
  public static func resolve(_ path: String, in folder: String) -> String {
    absolute(path.hasPrefix("/") ? path : "\(folder)/\(path)")
  }
}
