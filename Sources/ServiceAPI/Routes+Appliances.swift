import Base
import Service

/// Copies of machines, and machines in files for others.
extension Route {
  private static let addresses = Schema.word(["new", "keepnat", "keepall"])

  static let appliances: [Route] = [
    Route(
      .post, "machines/{machine}/clone", "cloneMachine", "appliances", "Makes a copy of a machine and registers it.",
      .task
    ) { service, request throws(ServiceError) in try service.clone(request) }
    .taking(
      .object([
        Schema.member("name", .name, "Of the copy."), Schema.option("snapshot", .name, "Copies what it was then."),
        Schema.option("mode", .word(CloneRequest.Mode.allCases.map(\.rawValue)), "machine if not said otherwise."),
        Schema.option("linked", .flag, "With images over the snapshot's disks."),
        Schema.option("addresses", addresses, "Of its network cards."),
        Schema.option("folder", .path, "Where the copy's folder is made."),
        Schema.option("keepDiskNames", .flag, "Its disks' files are called as the machine's."),
        Schema.option("keepHardwareUUIDs", .flag, "Its guest finds the machine's identity."),
      ])),
    Route(
      .post, "appliances/export", "exportMachines", "appliances", "Writes machines as an OVF or OVA appliance.", .task
    ) { service, request throws(ServiceError) in try service.export(request) }
    .taking(
      .object([
        Schema.member("machines", .some(.name), "Names or UUIDs."),
        Schema.member("path", .path, "An absolute file name, .ova or .ovf."),
        Schema.option("version", .word(["0.9", "1.0", "2.0"]), "Of the description; 1.0 if not said otherwise."),
        Schema.option("manifest", .flag, "With digests of all files."),
        Schema.option("discs", .flag, "CDs go with the machines."),
        Schema.option(
          "addresses", addresses, "Of their network cards: what stays of them; keepall if not said otherwise."),
        Schema.option("systems", .list(.object(words)), "What is said about each machine, in their order."),
      ])),
    Route(
      .post, "appliances/preview", "previewImport", "appliances", "What an import would make; nothing is made.",
      .json(.object([Schema.member("systems", .list(.named("ImportedSystem")), "The machines.")]))
    ) { service, request throws(ServiceError) in
      let plan = try ImportPlan(try request.file("path") ?? "", try service.importRequest(request), service.registry)
      return .json(["systems": .array(plan.systems.map(MachineService.json(system:)))])
    }.taking(.object(wishes)),
    Route(
      .post, "appliances/import", "importMachines", "appliances", "Makes the machines of an appliance, all or none.",
      .task
    ) { service, request throws(ServiceError) in try service.importAppliance(request) }
    .taking(.object(wishes)),
  ]
  /// What an export says about a machine.
  private static let words: [Schema.Property] = [
    Schema.option("name", .text, "In place of the machine's."), Schema.option("description", .text, "The same."),
    Schema.option("product", .text, "What is in it."), Schema.option("productURL", .text, "More about it."),
    Schema.option("vendor", .text, "Who made it."), Schema.option("vendorURL", .text, "More about them."),
    Schema.option("version", .text, "Of the product."),
    Schema.option("license", .text, "Whoever imports it must agree."),
  ]
  /// How an appliance is to be imported.
  private static let wishes: [Schema.Property] = [
    Schema.member("path", .path, "An absolute file name."),
    Schema.option("names", .list(.name), "Of the new machines, in the appliance's order."),
    Schema.option("acceptLicenses", .flag, "Of all machines that have one."),
    Schema.option("addresses", addresses, "Of their network cards."),
    Schema.option("makesVDI", .flag, "All disks become VDI images."),
    Schema.option(
      "systems",
      .list(
        .object([
          Schema.option("name", .name, "Of the machine."),
          Schema.option("osType", .named("OSType"), "Id or description."),
          Schema.option("group", .group, "With a slash in front."),
          Schema.option("folder", .path, "Where the machine's folder is made."),
          Schema.option("description", .text, "By the user."), Schema.option("cpus", .integer(1...64), "Processors."),
          Schema.option("memory", .integer(4...2_097_152), "MiB."),
          Schema.option("acceptLicense", .flag, "The user has read it."),
          Schema.option("units", .list(.object(unit)), "Wishes for numbered pieces of it."),
        ])), "In the appliance's order."),
  ]
  private static let unit: [Schema.Property] = [
    Schema.member("number", .integer(0...4096), "As the preview numbers them."),
    Schema.option("ignored", .flag, "It is left out."), Schema.option("disk", .path, "Where a disk's image goes."),
    Schema.option("controller", .integer(0...4096), "The number of the controller that a disk goes to."),
    Schema.option("port", .integer(0...255), "The disk's place there."),
    Schema.option("scsiType", .word(["LsiLogic", "BusLogic"]), "Of a SCSI controller."),
  ]
}

extension MachineService {
  private func addresses(_ request: APIRequest, _ usual: CloneRequest.Addresses) -> CloneRequest.Addresses {
    switch request.text("addresses") {
    case "new": .new
    case "keepnat": .keepNAT
    case "keepall": .keepAll
    default: usual
    }
  }
  fileprivate func clone(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    let settings = try machine(request)
    var wish = CloneRequest()
    wish.name = request.text("name")
    wish.snapshot = request.text("snapshot")
    wish.mode = request.text("mode").flatMap(CloneRequest.Mode.init(rawValue:)) ?? .machine
    wish.isLinked = request.flag("linked") ?? false
    wish.addresses = addresses(request, .new)
    wish.baseFolder = try request.file("folder")
    wish.keepsDiskNames = request.flag("keepDiskNames") ?? false
    wish.keepsHardwareUUIDs = request.flag("keepHardwareUUIDs") ?? false
    wish.registers = true
    let chosen = wish
    return try work("Clone '\(settings.name)'", on: settings, canCancel: true) { task throws(ServiceError) in
      ["machine": .string(try self.registry.clone(settings.uuid, chosen, progress: task.progress).uuid)]
    }
  }
  fileprivate func export(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    let machines = request.body["machines"]?.array?.compactMap(\.string) ?? []
    guard !machines.isEmpty else { throw ServiceError(.invalidArgument, "No machines are named", .registry) }
    for name in machines { _ = try registry.machine(name) }
    var wish = ExportRequest(machines: machines, path: try request.file("path") ?? "")
    wish.hasManifest = request.flag("manifest") ?? false
    wish.hasISOs = request.flag("discs") ?? false
    wish.version = request.text("version").flatMap(OVFVersion.init(rawValue:)) ?? .one
    wish.addresses = addresses(request, .keepAll)
    for (index, said) in (request.body["systems"]?.array ?? []).enumerated() {
      guard index < machines.count else {
        throw ServiceError(
          .invalidArgument, "body.systems says something about more machines than there are", .registry)
      }
      var words = ExportRequest.Words()
      words.name = said["name"]?.string
      words.text = said["description"]?.string
      words.product = said["product"]?.string
      words.productURL = said["productURL"]?.string
      words.vendor = said["vendor"]?.string
      words.vendorURL = said["vendorURL"]?.string
      words.version = said["version"]?.string
      words.license = said["license"]?.string
      wish.words[index] = words
    }
    let chosen = wish
    return try work("Export to '\(Paths.name(of: wish.path))'", canCancel: true) { task throws(ServiceError) in
      try self.registry.export(chosen, progress: task.progress)
      return ["path": .string(chosen.path)]
    }
  }
  fileprivate func importRequest(_ request: APIRequest) throws(ServiceError) -> ImportRequest {
    var wish = ImportRequest()
    let names = request.body["names"]?.array?.compactMap(\.string) ?? []
    let systems = request.body["systems"]?.array ?? []
    let path = try request.file("path") ?? ""
    let count = try ImportPlan(path, ImportRequest(), registry).systems.count
    for index in 0..<max(count, systems.count) {
      var choice = try index < systems.count ? MachineService.choice(systems[index]) : ImportChoice()
      if request.flag("acceptLicenses") == true { choice.acceptsLicense = true }
      if index < names.count { choice.name = names[index] }
      wish.choices[index] = choice
    }
    wish.addresses = addresses(request, .new)
    wish.makesVDI = request.flag("makesVDI") ?? false
    return wish
  }
  private static func choice(_ json: JSON) throws(ServiceError) -> ImportChoice {
    var choice = ImportChoice()
    func text(_ key: String) -> String? { json[key]?.string }
    func number(_ key: String) -> Int? { json[key]?.integer.map { Int(clamping: $0) } }
    (choice.name, choice.osType, choice.group, choice.text) = (
      text("name"), text("osType"), text("group"), text("description")
    )
    choice.baseFolder = try text("folder").map(APIRequest.absolute)
    (choice.cpus, choice.memory) = (number("cpus"), number("memory"))
    choice.acceptsLicense = json["acceptLicense"]?.bool ?? false
    for piece in json["units"]?.array ?? [] {
      var unit = ImportChoice.Unit()
      unit.isIgnored = piece["ignored"]?.bool ?? false
      unit.disk = try piece["disk"]?.string.map(APIRequest.absolute)
      unit.controller = piece["controller"]?.integer.map { "\($0)" }
      unit.port = piece["port"]?.integer.map { Int(clamping: $0) }
      unit.scsiType = piece["scsiType"]?.string
      choice.units[Int(clamping: piece["number"]?.integer ?? 0)] = unit
    }
    return choice
  }
  fileprivate static func json(system: ImportPlan.System) -> JSON {
    [
      "name": .string(system.value(.name)), "osType": .string(system.value(.osType)),
      "license": .string(system.license), "description": .string(system.value(.text)),
      "units": .array(
        system.units.enumerated().map { number, unit in
          [
            "number": .integer(Int64(number)), "kind": .string("\(unit.kind)"), "original": .string(unit.original),
            "value": .string(unit.value), "place": .string(unit.extra), "ignored": .bool(unit.isIgnored),
          ]
        }),
    ]
  }
  fileprivate func importAppliance(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    let path = try request.file("path") ?? ""
    let plan = try ImportPlan(path, try importRequest(request), registry)
    if let open = plan.systems.firstIndex(where: { !$0.acceptsLicense }) {
      throw ServiceError(
        .invalidArgument, "The license of machine \(open) of the appliance must be accepted first", .appliance)
    }
    return try work("Import '\(Paths.name(of: path))'", canCancel: true) { task throws(ServiceError) in
      let machines = try self.registry.importAppliance(plan, progress: task.progress)
      return ["machines": .array(machines.map { .string($0.uuid) })]
    }
  }
}
