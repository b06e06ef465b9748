import Base
import HostSystem
import Service
import SettingsFiles

/// What is kept with a machine or for all of them: extra data, guest properties, logs.
extension Route {
  private static let value = Schema.object([Schema.member("value", .line, "Empty: takes the key away.")])

  private static let folder = [
    Schema.member("path", .keptPath, "An absolute name."),
    Schema.option("writable", .flag, "true if not said otherwise."),
    Schema.option("autoMount", .flag, "The guest's additions mount it by themselves."),
    Schema.option("mountPoint", .line, "Where they do."),
    Schema.option("linkPolicy", .word(["forbidden", "subtree", "relative", "any"]), "How far links in it may lead."),
  ]

  static let data: [Route] = [
    Route(.get, "extradata", "listGlobalExtraData", "data", "Extra data of the registry.", .json(.map(.text))) {
      service, _ throws(ServiceError) in
      .json(MachineService.object(MachineSettings.extraData(try service.registry.global().root)))
    },
    Route(.put, "extradata/{key}", "setGlobalExtraData", "data", "Keeps a value for all machines.", .nothing) {
      service, request throws(ServiceError) in
      try service.registry.setExtraData(nil, request.name("key"), request.text("value"))
      service.noticed()
      return .nothing
    }.taking(value),
    Route(
      .get, "machines/{machine}/extradata", "listExtraData", "data", "A machine's extra data.",
      .json(.map(.text))
    ) { service, request throws(ServiceError) in
      .json(MachineService.object(try service.machine(request).extraData))
    },
    Route(
      .put, "machines/{machine}/extradata/{key}", "setExtraData", "data", "Keeps a value with a machine.",
      .nothing
    ) { service, request throws(ServiceError) in
      try service.registry.setExtraData(request.name("machine"), request.name("key"), request.text("value"))
      service.noticed()
      return .nothing
    }.taking(value),
    Route(
      .get, "machines/{machine}/guestproperties", "listGuestProperties", "data",
      "Properties that guest programs read.", .json(.list(.named("GuestProperty")))
    ) { service, request throws(ServiceError) in
      let all = try service.machine(request).guestProperties, patterns = request.query["patterns"]
      let chosen = all.filter { property in patterns.map { Glob.matchesAny(property.name, $0) } ?? true }
      return .json(.array(chosen.map(MachineService.json)))
    }.asking("patterns", .text, "Only names like this: with * and ?, several with | between."),
    Route(
      .put, "machines/{machine}/guestproperties/{key}", "setGuestProperty", "data",
      "Keeps a property for guest programs.", .nothing
    ) { service, request throws(ServiceError) in
      let text = request.text("value") ?? ""
      let flags = request.body["flags"]?.array?.compactMap(\.string).joined(separator: ",")
      try service.registry.changeShared(request.name("machine")) { settings throws(ServiceError) in
        try settings.setGuestProperty(request.name("key"), text.isEmpty ? nil : text, flags: flags)
      }
      service.noticed()
      return .nothing
    }.taking(
      .object([
        Schema.member("value", .line, "Empty: takes the property away."),
        Schema.option(
          "flags", .list(.word(GuestProperty.knownFlags)),
          "In place of those it has; one that the host may not change stays."),
      ])),
    Route(
      .get, "machines/{machine}/sharedfolders", "listSharedFolders", "data", "Folders of the host for the guest.",
      .json(.list(.named("SharedFolder")))
    ) { service, request throws(ServiceError) in
      .json(.array(try service.machine(request).sharedFolders.map(MachineService.json)))
    },
    Route(
      .put, "machines/{machine}/sharedfolders/{key}", "setSharedFolder", "data", "Adds a folder, or changes it.",
      .json(.named("SharedFolder"))
    ) { service, request throws(ServiceError) in
      let folder = try request.folder(request.name("key"))
      if folder.isTransient { _ = try service.registry.client(try service.machine(request)) }
      try service.registry.changeShared(request.name("machine")) { settings throws(ServiceError) in
        try settings.add(folder, replacing: true)
      }
      service.noticed()
      return .json(MachineService.json(folder))
    }.taking(
      .object(
        folder + [Schema.option("transient", .flag, "It goes when the machine's run ends; of a machine that runs.")])),
    Route(
      .delete, "machines/{machine}/sharedfolders/{key}", "removeSharedFolder", "data", "Takes a folder away.", .nothing
    ) { service, request throws(ServiceError) in
      try service.registry.changeShared(request.name("machine")) { settings throws(ServiceError) in
        try settings.removeSharedFolder(request.name("key"))
      }
      service.noticed()
      return .nothing
    },
    Route(
      .get, "sharedfolders", "listGlobalSharedFolders", "data", "Folders of the host for the guests of all machines.",
      .json(.list(.named("SharedFolder")))
    ) { service, _ throws(ServiceError) in
      .json(.array(try service.registry.globalFolders().map(MachineService.json)))
    },
    Route(
      .post, "sharedfolders", "addGlobalSharedFolder", "data", "Adds a folder for all machines.",
      .json(.named("SharedFolder"))
    ) { service, request throws(ServiceError) in
      let folder = try request.folder(request.text("name") ?? "")
      try service.registry.setGlobalFolder(folder.name, folder)
      service.noticed()
      return .json(MachineService.json(folder))
    }.taking(.object([Schema.member("name", .keptName, "Unique among them.")] + folder)),
    Route(
      .delete, "sharedfolders/{key}", "removeGlobalSharedFolder", "data", "Takes a folder of all machines away.",
      .nothing
    ) { service, request throws(ServiceError) in
      try service.registry.setGlobalFolder(request.name("key"), nil)
      service.noticed()
      return .nothing
    },
    Route(
      .get, "machines/{machine}/bandwidthgroups", "listBandwidthGroups", "data",
      "Groups of devices that share a limit.",
      .json(.list(.named("BandwidthGroup")))
    ) { service, request throws(ServiceError) in
      .json(.array(try service.machine(request).bandwidthGroups.map(MachineService.json(bandwidthGroup:))))
    },
    Route(
      .put, "machines/{machine}/bandwidthgroups/{key}", "setBandwidthGroup", "data",
      "Makes a group, or gives it another limit, the running machine's too.", .nothing
    ) { service, request throws(ServiceError) in
      let name = request.name("key"), limit = UInt64(clamping: request.integer("limit") ?? 0)
      guard !name.isEmpty else { throw ServiceError(.invalidArgument, "A name is missing", .registry) }
      try service.registry.changeShared(request.name("machine")) { settings throws(ServiceError) in
        if settings.bandwidthGroups.contains(where: { $0["name"] == name }) {
          try settings.limitBandwidthGroup(name, to: limit)
        } else {
          try settings.addBandwidthGroup(name, type: request.text("type") ?? "Network", limit: limit)
        }
      }
      try service.registry.applyBandwidth(ofGroup: name, to: request.name("machine"))
      service.noticed()
      return .nothing
    }.taking(
      .object([
        Schema.member("limit", .integer(0...Int64.max), "Bytes a second; 0: none."),
        Schema.option("type", .word(["Disk", "Network"]), "Of a new group; Network if not said otherwise."),
      ])),
    Route(
      .delete, "machines/{machine}/bandwidthgroups/{key}", "removeBandwidthGroup", "data",
      "Takes a group away, and the limit.", .nothing
    ) { service, request throws(ServiceError) in
      try service.registry.changeShared(request.name("machine")) { settings throws(ServiceError) in
        try settings.removeBandwidthGroup(request.name("key"))
      }
      try service.registry.applyBandwidth(ofGroup: request.name("key"), to: request.name("machine"))
      service.noticed()
      return .nothing
    },
    Route(
      .get, "machines/{machine}/logs", "listLogs", "data", "The logs of the last run and those before it.",
      .json(
        .list(
          .object([
            Schema.member("number", Schemas.count, "0: the last run."), Schema.member("path", .text, "The file."),
            Schema.member("size", Schemas.count, "Bytes."),
          ])))
    ) { service, request throws(ServiceError) in
      let settings = try service.machine(request)
      let logs = (0..<50).compactMap { number -> JSON? in
        let path = service.logPath(settings, number)
        guard let stamp = FileStamp(path) else { return nil }
        return ["number": .integer(Int64(number)), "path": .string(path), "size": .integer(stamp.size)]
      }
      return .json(.array(logs))
    },
    Route(.get, "machines/{machine}/logs/{log}", "readLog", "data", "A log.", .data("text/plain")) {
      service, request throws(ServiceError) in
      let path = service.logPath(try service.machine(request), try request.place("log"))
      do throws(FileError) {
        return .data("text/plain", try WholeFile.read(path, maximum: 64 << 20))
      } catch {
        throw ServiceError(.fileError, "Could not open '\(path)': \(error.reason)")
      }
    },
  ]
}

extension APIRequest {
  /// What the body says of a shared folder.
  fileprivate func folder(_ name: String) throws(ServiceError) -> SharedFolder {
    var folder = SharedFolder(name: name, path: try file("path") ?? "")
    folder.isWritable = flag("writable") ?? true
    folder.mounts = flag("autoMount") ?? false
    folder.mountPoint = text("mountPoint") ?? ""
    folder.isTransient = flag("transient") ?? false
    folder.linkPolicy = text("linkPolicy") ?? ""
    return folder
  }
}

extension MachineService {
  static func object(_ pairs: [(key: String, value: String)]) -> JSON {
    // Hand-written files may name a key twice; the first counts.
    var seen: Set<String> = []
    return .object(pairs.filter { seen.insert($0.key).inserted }.map { JSON.Member($0.key, .string($0.value)) })
  }
  static func json(_ property: GuestProperty) -> JSON {
    [
      "name": .string(property.name), "value": .string(property.value),
      "flags": .array(GuestProperty.words(property.flags).map { .string($0) }),
      "time": .integer(property.time / 1_000_000),
    ]
  }
  static func json(bandwidthGroup group: SettingsElement) -> JSON {
    [
      "name": .string(group["name"] ?? ""), "type": .string(group["type"] == "Disk" ? "Disk" : "Network"),
      "limit": .integer(Int64(clamping: UInt64(group["maxBytesPerSec"] ?? "") ?? 0)),
    ]
  }
  static func json(_ folder: SharedFolder) -> JSON {
    [
      "name": .string(folder.name), "path": .string(folder.path), "writable": .bool(folder.isWritable),
      "autoMount": .bool(folder.mounts), "mountPoint": .string(folder.mountPoint),
      "transient": .bool(folder.isTransient), "linkPolicy": .string(folder.linkPolicy),
    ]
  }
  func logPath(_ settings: MachineSettings, _ number: Int) -> String {
    "\(settings.logFolder(registry.home))/VBox.log\(number == 0 ? "" : ".\(number)")"
  }
}
