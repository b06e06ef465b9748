import SettingsFiles

/// What holds for all machines.
extension Registry {
  /// Names of `setproperty` and the attributes behind them.
  public static let properties: [(name: String, attribute: String)] = [
    ("machinefolder", "defaultMachineFolder"), ("hwvirtexclusive", "exclusiveHwVirt"),
    ("vrdeauthlibrary", "VRDEAuthLibrary"), ("websrvauthlibrary", "webServiceAuthLibrary"),
    ("vrdeextpack", "defaultVRDEExtPack"), ("autostartdbpath", "autostartDatabasePath"),
    ("loghistorycount", "LogHistoryCount"), ("defaultfrontend", "defaultFrontend"), ("logginglevel", "LoggingLevel"),
    ("proxymode", "proxyMode"), ("proxyurl", "proxyUrl"), ("language", "LanguageId"),
  ]
  /// Of properties that are one of some words: how settings files write them.
  private static let words: [String: [(String, String)]] = [
    "proxymode": [("system", "0"), ("noproxy", "1"), ("manual", "2")],
    "hwvirtexclusive": [("on", "true"), ("off", "false")],
  ]
  /// Keeps a value under a key, with a machine or, for `nil`, for all of them; without a value the key is taken away.
  public func setExtraData(_ machine: String?, _ key: String, _ value: String?) throws(ServiceError) {
    try Names.check(key, "extra data", machine == nil ? .registry : .machine)
    guard let machine else { return try changeGlobal { MachineSettings.setExtraData(&$0.root, key, value) } }
    try changeShared(machine) { $0.setExtraData(key, value) }
  }

  /// Sets one of them; `default` and `null` take it away.
  public func setProperty(_ name: String, _ value: String) throws(ServiceError) {
    guard let attribute = Registry.properties.first(where: { $0.name == name })?.attribute else {
      throw ServiceError(.invalidArgument, "Invalid parameter '\(name)'", .registry)
    }
    var kept: String? = value == "default" || value == "null" ? nil : value
    if name == "machinefolder", let folder = kept { kept = Paths.absolute(folder) }
    if name == "loghistorycount", let text = kept, UInt8(text) == nil {
      throw ServiceError(.invalidArgument, "Invalid parameter '\(text)'", .registry)
    }
    if let words = Registry.words[name], let text = kept {
      guard let word = words.first(where: { $0.0 == text.lowercased() }) else {
        throw ServiceError(.invalidArgument, "Invalid parameter '\(text)'", .registry)
      }
      kept = word.1
    }
    let new = kept
    try changeGlobal { global in global.root.set(["SystemProperties"], attribute, new) }
  }
}
