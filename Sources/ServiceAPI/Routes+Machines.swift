import Base
import HostSystem
import Service
import SettingsFiles

/// Machines come, go, change.
extension Route {
  static let machines: [Route] = [
    Route(
      .get, "machines", "listMachines", "machines", "All machines, in the order of their registration.",
      .json(.list(.named("MachineSummary")))
    ) { service, _ throws(ServiceError) in
      .json(.array(try service.registry.machines().map(service.summary)))
    },
    Route(
      .post, "machines", "createMachine", "machines", "Makes a machine and registers it.",
      .json(.named("Machine"))
    ) { service, request throws(ServiceError) in try service.create(request) }
    .taking(
      .object([
        Schema.member("name", .name, "Unique among the user's machines."),
        Schema.option("osType", .named("OSType"), "Id or description of the guest system's type."),
        Schema.option("folder", .path, "Where the machine's folder is made."),
        Schema.option("uuid", .uuid, "Of the new machine."),
        Schema.option("groups", .list(.group), "Slashes and names."),
        Schema.option("defaults", .flag, "With controllers for a disk and a CD drive."),
        Schema.option("options", options, "By the names of modifyvm's options."),
      ])),
    Route(
      .post, "machines/register", "registerMachine", "machines", "Takes a settings file into the registry.",
      .json(.named("Machine"))
    ) { service, request throws(ServiceError) in
      let settings = try service.registry.register(try request.file("path") ?? "")
      service.noticed()
      return .json(service.details(try service.registry.entry(settings.uuid)))
    }.taking(.object([Schema.member("path", .path, "The settings file.")])),
    Route(
      .get, "machines/{machine}", "showMachine", "machines", "A machine's settings and state.",
      .json(.named("Machine"))
    ) { service, request throws(ServiceError) in
      .json(service.details(try service.registry.entry(request.name("machine"))))
    },
    Route(
      .patch, "machines/{machine}", "modifyMachine", "machines",
      "Changes settings by the names of modifyvm's options, all or none of them.", .json(.named("Machine"))
    ) {
      service, request throws(ServiceError) in try service.modify(request)
    }.taking(
      .object([
        Schema.option("options", options, "In this order."),
        Schema.option(
          "changes",
          .list(
            .object([
              Schema.member("name", .name, "An option."), Schema.member("values", .list(.line), "Its values."),
            ])), "The same as a list, for options that come more than once."),
      ])),
    Route(
      .delete, "machines/{machine}", "unregisterMachine", "machines",
      "Takes a machine out of the registry.", .nothing
    ) { service, request throws(ServiceError) in
      let isWhole = try request.asked("media")
      let deletion: Registry.Deletion = isWhole ? .withMedia : try request.asked("delete") ? .ownFiles : .nothing
      try service.registry.unregister(request.name("machine"), deletion)
      service.noticed()
      return .nothing
    }.asking("delete", .flag, "With all files that are the machine's own.")
      .asking("media", .flag, "With these, and with CDs and floppies in the machine's folder."),
    Route(.post, "machines/{machine}/move", "moveMachine", "machines", "Moves a machine's folder.", .task) {
      service, request throws(ServiceError) in
      let settings = try service.machine(request)
      let folder = try request.file("folder") ?? ""
      return try service.work("Move '\(settings.name)'", on: settings) { _ throws(ServiceError) in
        try service.registry.move(settings.uuid, into: folder)
        return .null
      }
    }.taking(.object([Schema.member("folder", .path, "Where the machine's folder goes.")])),
  ]
  static let options = Schema.map(.either([.text, .integer(Int64.min...Int64.max), .flag, .list(.text)]))
}

extension MachineService {
  fileprivate func create(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    var creation = MachineCreation(name: request.text("name") ?? "")
    if let name = request.text("osType") {
      guard let type = OSType.named(name) else {
        throw ServiceError(.invalidArgument, "Guest OS type '\(name)' is invalid", .registry)
      }
      creation.type = type
    }
    creation.uuid = request.text("uuid").flatMap(SettingsUUID.normalized)
    creation.groups = request.body["groups"]?.array?.compactMap(\.string) ?? []
    creation.baseFolder = try request.file("folder")
    let changes = try OptionChange.list(request.body["options"]?.members ?? [])
    guard try !registry.machines().contains(where: { $0.name == creation.name }) else {
      throw ServiceError(
        .objectInUse,
        "Cannot register the machine '\(creation.name)' because a machine of this name already exists", .registry)
    }
    let new = creation
    let settings = try registry.settling { () throws(ServiceError) in
      try registry.register(try registry.create(new).file.path)
    }
    do throws(ServiceError) {
      try registry.change(settings.uuid) { settings throws(ServiceError) in
        if request.flag("defaults") == true { try settings.addDefaultControllers() }
        for change in changes { try change.apply(&settings, registry) }
      }
    } catch {
      // Half a machine helps nobody.
      try? registry.unregister(settings.uuid, delete: true)
      throw error
    }
    noticed()
    return .json(details(try registry.entry(settings.uuid)))
  }
  fileprivate func modify(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    var changes = try OptionChange.list(request.body["options"]?.members ?? [])
    for change in request.body["changes"]?.array ?? [] {
      changes.append(
        try OptionChange(change["name"]?.string ?? "", change["values"]?.array?.compactMap(\.string) ?? []))
    }
    let settings = try machine(request)
    try registry.change(settings.uuid) { settings throws(ServiceError) in
      for change in changes { try change.apply(&settings, registry) }
    }
    noticed()
    return .json(details(try registry.entry(settings.uuid)))
  }
}

extension MachineSettings {
  /// What suits most guest systems: controllers for disks and a CD drive.
  mutating func addDefaultControllers() throws(ServiceError) {
    guard let ide = ControllerType.named("PIIX4"), let sata = ControllerType.named("AHCI") else { return }
    try addController("IDE", ide)
    try addController("SATA", sata)
    try attach(Attachment(controller: "IDE", port: 1, device: 0, kind: .dvd))
  }
}

/// An option of `modifyvm` with its values.
struct OptionChange: Sendable {
  let option: MachineOption
  let number: Int
  let name: String
  let values: [String]

  init(_ name: String, _ values: [String]) throws(ServiceError) {
    guard let (option, number) = MachineOption.named(name) else {
      let names = MachineOption.all.flatMap(\.names)
      let hint = NearestMatch.find(name, among: names).map { "; did you mean '\($0)'?" } ?? ""
      throw ServiceError(.invalidArgument, "Unknown option: \(name)\(hint)")
    }
    let wanted = option.valueCount > 0 ? option.valueCount(values.first ?? "") : 0
    guard values.count == wanted else {
      throw ServiceError(
        .invalidArgument, "\(name) takes \(wanted) value\(wanted == 1 ? "" : "s"), not \(values.count)")
    }
    self.option = option
    self.number = number
    self.name = name
    self.values = values
  }
  /// From an object: words, numbers and switches as they are, a list for an option with several values.
  static func list(_ members: [JSON.Member]) throws(ServiceError) -> [OptionChange] {
    var changes: [OptionChange] = []
    for member in members {
      let values: [String]
      switch member.value {
      case .string(let text): values = [text]
      case .integer(let number): values = ["\(number)"]
      case .bool(let flag): values = [flag ? "on" : "off"]
      case .array(let list): values = list.compactMap(\.string)
      default: values = []
      }
      changes.append(try OptionChange(member.key, values))
    }
    return changes
  }
  func apply(_ settings: inout MachineSettings, _ registry: Registry) throws(ServiceError) {
    try option.apply(values, number: number, typed: name, to: &settings, registry)
  }
}
