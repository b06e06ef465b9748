import HostSystem
import SettingsFiles

/// A value under a name for programs of the guest and of the host.
public struct GuestProperty: Sendable, Equatable {
  /// Unique in the machine, as `/VirtualBox/HostInfo/GUI/LanguageID`.
  public var name: String
  /// A text.
  public var value: String
  /// When it was set: nanoseconds since 1970.
  public var time: Int64 = 0
  /// Words of `knownFlags` with commas between; files of others may have other words.
  public var flags = ""

  /// What may be said of one: it goes at the end of the machine's run, at a reset; neither guest nor host may change it,
  /// the guest may not, the host may not.
  public static let knownFlags = ["TRANSIENT", "TRANSRESET", "READONLY", "RDONLYGUEST", "RDONLYHOST"]

  fileprivate init(_ element: SettingsElement) {
    name = element["name"] ?? ""
    value = element["value"] ?? ""
    time = element["timestamp"].flatMap(Int64.init) ?? 0
    flags = element["flags"] ?? ""
  }
  fileprivate init(name: String, value: String, flags: String) {
    (self.name, self.value, self.flags) = (name, value, flags)
    time = HostClock.wallNanoseconds
  }
  fileprivate var element: SettingsElement {
    SettingsElement(
      "GuestProperty", [("name", name), ("value", value), ("timestamp", "\(time)"), ("flags", flags)])
  }

  /// The words of a list of flags, in capitals.
  public static func words(_ flags: String) -> [String] {
    flags.split(whereSeparator: { ", ".contains($0) }).map { $0.uppercased() }
  }
  /// As files have these flags.
  fileprivate static func written(_ flags: String) throws(ServiceError) -> String {
    var words = Set(words(flags))
    if let wrong = words.first(where: { !knownFlags.contains($0) }) {
      throw ServiceError(
        .invalidArgument,
        "Invalid flag '\(wrong)' of a guest property (there are: \(knownFlags.joined(separator: ", ")))")
    }
    if words.isSuperset(of: ["RDONLYGUEST", "RDONLYHOST"]) { words.insert("READONLY") }
    if words.contains("READONLY") { words.subtract(["RDONLYGUEST", "RDONLYHOST"]) }
    return knownFlags.filter(words.contains).joined(separator: ", ")
  }
  fileprivate func has(_ flag: String) -> Bool { GuestProperty.words(flags).contains(flag) }
}

extension MachineSettings {
  private static let guestPropertyPath = ["Hardware", "GuestProperties"]

  /// In the order of the file.
  public var guestProperties: [GuestProperty] {
    (hardware.child("GuestProperties")?.elements("GuestProperty") ?? []).map(GuestProperty.init)
  }
  /// Keeps a value under a name; nil takes it away. Without flags it has those that it had. Throws for one that the host may
  /// not change.
  public mutating func setGuestProperty(
    _ name: String, _ value: String?, flags: String? = nil
  ) throws(ServiceError) {
    try Names.check(name, "a guest property")
    let former = guestProperties.first { $0.name == name }
    if let former, former.has("READONLY") || former.has("RDONLYHOST") {
      throw ServiceError(.accessDenied, "The property '\(name)' cannot be changed by the host")
    }
    let flags = try flags.map { text throws(ServiceError) in try GuestProperty.written(text) } ?? former?.flags ?? ""
    machine.change(path: MachineSettings.guestPropertyPath) { list in
      list.remove("GuestProperty") { $0["name"] == name }
      if let value { list.insert(GuestProperty(name: name, value: value, flags: flags).element) }
    }
  }
  /// Forgets what was only for the run that has ended.
  mutating func dropTransientProperties() {
    guard hardware.child("GuestProperties") != nil else { return }
    machine.change(path: MachineSettings.guestPropertyPath) { list in
      list.remove("GuestProperty") { GuestProperty($0).has("TRANSIENT") }
    }
  }
}
