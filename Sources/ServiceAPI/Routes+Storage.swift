import Base
import Service

/// Controllers, and what is plugged into them.
extension Route {
  static let storage: [Route] = [
    Route(
      .post, "machines/{machine}/controllers", "addController", "storage", "Adds a storage controller.",
      .json(.named("Machine"))
    ) { service, request throws(ServiceError) in
      let name = request.text("name") ?? "", bus = request.text("bus") ?? ""
      guard let usual = ControllerType.onBus(bus) else {
        throw ServiceError(.invalidArgument, "Invalid bus '\(bus)'")
      }
      let type = try service.controllerType(request)
      return try service.change(request) { settings throws(ServiceError) in
        try settings.addController(name, type.flatMap { $0.bus == usual.bus ? $0 : nil } ?? usual)
        try service.setController(&settings, name, request)
      }
    }.taking(
      .object(
        [
          Schema.member("name", .name, "Unique in the machine."),
          Schema.member("bus", .word(ControllerType.all.map(\.bus).unique), "Of the controller."),
        ] + controllerSettings)),
    Route(
      .patch, "machines/{machine}/controllers/{controller}", "changeController", "storage",
      "Changes a storage controller.", .json(.named("Machine"))
    ) { service, request throws(ServiceError) in
      let name = request.name("controller"), type = try service.controllerType(request)
      return try service.change(request) { settings throws(ServiceError) in
        _ = try settings.controller(name)
        if let type { try settings.setController(name, "type", type.name) }
        try service.setController(&settings, name, request)
        if let newName = request.text("name"), newName != name { try settings.renameController(name, to: newName) }
      }
    }.taking(.object([Schema.option("name", .name, "Another name.")] + controllerSettings)),
    Route(
      .delete, "machines/{machine}/controllers/{controller}", "removeController", "storage",
      "Takes a storage controller away, and what is plugged into it.", .json(.named("Machine"))
    ) {
      service, request throws(ServiceError) in
      try service.change(request) { settings throws(ServiceError) in
        try settings.removeController(request.name("controller"))
      }
    },
    Route(
      .put, "machines/{machine}/controllers/{controller}/drives/{port}/{device}", "attachDrive", "storage",
      "Plugs a drive in, or changes its medium: CDs and floppies, and drives of an AHCI controller, while the machine runs, too.",
      .json(.named("Machine"))
    ) { service, request throws(ServiceError) in try service.attach(request) }
    .taking(
      .object([
        Schema.option("kind", .word(["hdd", "dvddrive", "fdd"]), "Of a new drive."),
        Schema.option(
          "medium", .either([.path, .uuid, .word(["emptydrive"])]), "An absolute file name, a UUID, or emptydrive."),
        Schema.option("type", .word(DriveChange.types.flatMap { [$0.lowercased(), $0] }), "Of the medium."),
        Schema.option("nonrotational", .flag, "A solid-state disk."),
        Schema.option("discard", .flag, "Gives space back."),
        Schema.option("hotPluggable", .flag, "May change while the machine runs."),
        Schema.option("temporaryEject", .flag, "What the guest ejects is in it again at the next start; kept."),
        Schema.option("passthrough", .flag, "The guest writes to the host's drive; kept."),
        Schema.option("bandwidthGroup", .optional(.text), "A group of disks, whose limit the disk shares; null: none."),
      ])),
    Route(
      .delete, "machines/{machine}/controllers/{controller}/drives/{port}/{device}", "detachDrive", "storage",
      "Takes a drive away: a hot-pluggable one while the machine runs, too.", .json(.named("Machine"))
    ) { service, request throws(ServiceError) in
      var change = DriveChange(
        controller: request.name("controller"), port: try request.place("port"), device: try request.place("device"))
      change.medium = "none"
      return try service.change(request, change)
    },
  ]
  private static let controllerSettings: [Schema.Property] = [
    Schema.option("type", .word(ControllerType.all.flatMap { [$0.name, $0.shown] }.unique), "The model."),
    Schema.option("ports", .integer(1...256), "How many."),
    Schema.option("bootable", .flag, "The firmware may start from it."),
    Schema.option("hostIOCache", .flag, "Kept, and shown."),
  ]
}

extension MachineService {
  /// Changes a machine that is off, and answers with all of it.
  fileprivate func change(
    _ request: APIRequest, _ body: (inout MachineSettings) throws(ServiceError) -> Void
  ) throws(ServiceError) -> APIResponse {
    let uuid = try machine(request).uuid
    try registry.change(uuid, body)
    noticed()
    return .json(details(try registry.entry(uuid)))
  }
  fileprivate func change(_ request: APIRequest, _ change: DriveChange) throws(ServiceError) -> APIResponse {
    let uuid = try machine(request).uuid
    try registry.change(uuid, change)
    noticed()
    return .json(details(try registry.entry(uuid)))
  }
  fileprivate func controllerType(_ request: APIRequest) throws(ServiceError) -> ControllerType? {
    guard let text = request.text("type") else { return nil }
    guard let type = ControllerType.named(text) else {
      throw ServiceError(.invalidArgument, "Invalid controller type '\(text)'")
    }
    return type
  }
  fileprivate func setController(
    _ settings: inout MachineSettings, _ name: String, _ request: APIRequest
  ) throws(ServiceError) {
    if let ports = request.integer("ports") { try settings.setController(name, ports: ports) }
    if let flag = request.flag("bootable") { try settings.setController(name, "Bootable", flag ? "true" : "false") }
    if let flag = request.flag("hostIOCache") {
      try settings.setController(name, "useHostIOCache", flag ? "true" : "false")
    }
  }
  fileprivate func attach(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    var change = DriveChange(
      controller: request.name("controller"), port: try request.place("port"), device: try request.place("device"))
    change.kind = request.text("kind").flatMap(Medium.Kind.init(word:))
    if let medium = request.text("medium") {
      let isFile = medium != "emptydrive" && !Identity.isUUID(medium)
      change.medium = isFile ? try APIRequest.absolute(medium) : medium
    }
    if let text = request.text("type") {
      guard let type = DriveChange.types.first(where: { $0.lowercased() == text.lowercased() }) else {
        throw ServiceError(.invalidArgument, "Invalid medium type '\(text)'")
      }
      change.type = type
    }
    change.isNonrotational = request.flag("nonrotational")
    change.discards = request.flag("discard")
    change.isHotPluggable = request.flag("hotPluggable")
    change.isTemporaryEject = request.flag("temporaryEject")
    change.isPassedThrough = request.flag("passthrough")
    if let group = request.body["bandwidthGroup"] { change.bandwidthGroup = group.string ?? "" }
    return try self.change(request, change)
  }
}

// MARK: Network

extension Route {
  static let network: [Route] = [
    Route(
      .put, "machines/{machine}/adapters/{adapter}/link", "setLink", "network",
      "Plugs the cable of a running machine's card in or out.", .nothing
    ) { service, request throws(ServiceError) in
      try service.registry.setLink(
        try request.place("adapter"), isUp: request.flag("up") ?? true, of: try service.machine(request))
      service.noticed()
      return .nothing
    }.taking(.object([Schema.member("up", .flag, "Plugged in.")])),
    Route(
      .post, "machines/{machine}/adapters/{adapter}/forwards", "addForward", "network",
      "Adds a port forward to a running machine's card.", .nothing
    ) { service, request throws(ServiceError) in
      try service.registry.addForward(
        try request.place("adapter"), request.text("rule") ?? "", of: try service.machine(request))
      service.noticed()
      return .nothing
    }.taking(
      .object([
        Schema.member("rule", .rule, "NAME,tcp|udp,HOST-IP,HOST-PORT,GUEST-IP,GUEST-PORT")
      ])),
    Route(
      .delete, "machines/{machine}/adapters/{adapter}/forwards/{rule}", "removeForward", "network",
      "Takes a port forward of a running machine away.", .nothing
    ) { service, request throws(ServiceError) in
      try service.registry.removeForward(
        try request.place("adapter"), request.name("rule"), of: try service.machine(request))
      service.noticed()
      return .nothing
    },
    Route(
      .get, "machines/{machine}/network", "showTraffic", "network", "A running machine's cards and their traffic.",
      .json(.map(.list(.map(.any))))
    ) { service, request throws(ServiceError) in
      let reply = try service.registry.client(try service.machine(request)).command("network")
      return .json(["cards": reply["cards"] ?? []])
    },
  ]
}
