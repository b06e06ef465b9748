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
    let new = kept
    try changeGlobal { global in global.root.set(["SystemProperties"], attribute, new) }
  }
}
