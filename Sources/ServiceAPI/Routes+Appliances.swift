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
        Schema.member("name", .text, "Of the copy."), Schema.option("snapshot", .text, "Copies what it was then."),
        Schema.option("mode", .word(CloneRequest.Mode.allCases.map(\.rawValue)), "machine if not said otherwise."),
        Schema.option("linked", .flag, "With images over the snapshot's disks."),
        Schema.option("addresses", addresses, "Of its network cards."),
        Schema.option("folder", .text, "Where the copy's folder is made."),
      ])),
    Route(
      .post, "appliances/export", "exportMachines", "appliances", "Writes machines as an OVF or OVA appliance.", .task
    ) { service, request throws(ServiceError) in try service.export(request) }
    .taking(
      .object([
        Schema.member("machines", .list(.text), "Names or UUIDs."),
        Schema.member("path", .text, "An absolute file name, .ova or .ovf."),
        Schema.option("manifest", .flag, "With digests of all files."),
        Schema.option("discs", .flag, "CDs go with the machines."),
      ])),
    Route(
      .post, "appliances/import", "importMachines", "appliances", "Makes the machines of an appliance, all or none.",
      .task
    ) { service, request throws(ServiceError) in try service.importAppliance(request) }
    .taking(
      .object([
        Schema.member("path", .text, "An absolute file name."),
        Schema.option("names", .list(.text), "Of the new machines, in the appliance's order."),
        Schema.option("acceptLicenses", .flag, "Of all machines that have one."),
        Schema.option("addresses", addresses, "Of their network cards."),
      ])),
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
    let chosen = wish
    return try work("Export to '\(Paths.name(of: wish.path))'", canCancel: true) { task throws(ServiceError) in
      try self.registry.export(chosen, progress: task.progress)
      return ["path": .string(chosen.path)]
    }
  }
  fileprivate func importAppliance(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    var wish = ImportRequest()
    let names = request.body["names"]?.array?.compactMap(\.string) ?? []
    let path = try request.file("path") ?? ""
    for index in try ImportPlan(path, ImportRequest(), registry).systems.indices {
      var choice = ImportChoice()
      choice.acceptsLicense = request.flag("acceptLicenses") ?? false
      if index < names.count { choice.name = names[index] }
      wish.choices[index] = choice
    }
    wish.addresses = addresses(request, .new)
    let plan = try ImportPlan(path, wish, registry)
    return try work("Import '\(Paths.name(of: path))'", canCancel: true) { task throws(ServiceError) in
      let machines = try self.registry.importAppliance(plan, progress: task.progress)
      return ["machines": .array(machines.map { .string($0.uuid) })]
    }
  }
}
