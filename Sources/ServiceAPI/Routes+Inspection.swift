import Base
import Service

/// What is in a machine that runs, and settings that change there.
extension Route {
  static let inspection: [Route] = [
    Route(
      .patch, "machines/{machine}/live", "modifyRunningMachine", "power",
      "Changes settings of a running machine by the names of modifyvm's options, one after the other: those that controlvm "
        + "takes. Answers with those that are only in force from its next start on.",
      .json(.object([Schema.member("later", .list(.text), "Names of options.")]))
    ) { service, request throws(ServiceError) in try service.modifyLive(request) }
    .taking(.object([Schema.member("options", options, "In this order.")])),
    Route(
      .get, "machines/{machine}/devices", "listDevices", "inspection", "Names of a running machine's devices.",
      .json(.list(.text))
    ) { service, request throws(ServiceError) in
      .json(try service.registry.client(try service.machine(request)).command("device-info")["devices"] ?? [])
    },
    Route(
      .get, "machines/{machine}/devices/{name}", "showDevice", "inspection", "A device's state in words.",
      .data("text/plain")
    ) { service, request throws(ServiceError) in
      let client = try service.registry.client(try service.machine(request)), name = request.name("name")
      guard try client.command("device-info")["devices"]?.array?.contains(.string(name)) == true else {
        throw ServiceError(.objectNotFound, "The machine has no device '\(name)'", .console)
      }
      let info = try client.command("device-info", [("name", .string(name))])["info"]?.string ?? ""
      return .data("text/plain", Array(info.utf8))
    },
    Route(
      .get, "machines/{machine}/processors/{processor}/registers", "showRegisters", "inspection",
      "A processor's registers, in hexadecimal digits. The machine stands still meanwhile.", .json(.map(.text))
    ) { service, request throws(ServiceError) in
      let (client, processor) = try service.processor(request)
      return .json(try client.registers(of: processor))
    },
    Route(
      .patch, "machines/{machine}/processors/{processor}/registers", "setRegisters", "inspection",
      "Changes registers of a processor, in hexadecimal digits behind 0x: general ones, rip, and of rflags what belongs to "
        + "programs. Answers with all of them. The machine stands still meanwhile.", .json(.map(.text))
    ) { service, request throws(ServiceError) in
      let (client, processor) = try service.processor(request)
      let values: [(name: String, value: UInt64)] = (request.body.members ?? []).map {
        ($0.key, UInt64(($0.value.string ?? "").dropFirst(2), radix: 16) ?? 0)
      }
      if !values.isEmpty { try client.setRegisters(of: processor, values) }
      return .json(try client.registers(of: processor))
    }.taking(
      .object(
        registers.map {
          Schema.option($0, .pattern("0x[0-9A-Fa-f]{1,16}", "up to 16 hexadecimal digits behind 0x"), "Its new value.")
        })),
    Route(
      .get, "machines/{machine}/processors/{processor}/stack", "showStack", "inspection",
      "The frames on a processor's stack, as far as its code keeps frame pointers.", .data("text/plain")
    ) { service, request throws(ServiceError) in
      let (client, processor) = try service.processor(request)
      return .data("text/plain", Array(try GuestStack(of: processor, client).text.utf8))
    },
    Route(
      .get, "machines/{machine}/system", "detectSystem", "inspection",
      "What system a machine runs, where its memory says so.",
      .json(
        .object([
          Schema.member("name", .text, "As Linux; empty: it does not say."),
          Schema.member("version", .text, "What it says of itself."),
        ]))
    ) { service, request throws(ServiceError) in
      let settings = try service.machine(request)
      let found = try GuestSystem.find(
        try service.registry.client(settings), bytes: UInt64(clamping: settings.memory) << 20)
      return .json(["name": .string(found?.name ?? ""), "version": .string(found?.version ?? "")])
    },
    Route(
      .put, "machines/{machine}/loggroups", "setLogGroups", "inspection",
      "Whose log lines a running machine tells, going on from what holds.",
      .json(.object([Schema.member("settings", .text, "What holds now.")]))
    ) { service, request throws(ServiceError) in
      let client = try service.registry.client(try service.machine(request))
      var arguments: [(String, JSON)] = []
      if let text = request.text("settings") { arguments.append(("settings", .string(text))) }
      return .json(["settings": try client.command("log-groups", arguments)["settings"] ?? ""])
    }.taking(
      .object([
        Schema.option(
          "settings", .pattern("[+-]?[A-Za-z0-9_.*-]+( +[+-]?[A-Za-z0-9_.*-]+){0,15}", "groups as -all +ahci"),
          "Devices, as -all +ahci or -nic*; without it nothing changes.")
      ]), optional: true),
  ]
  /// Those that can be set.
  private static let registers =
    ["rip", "rflags", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"] + (8...15).map { "r\($0)" }
}

extension MachineService {
  /// The processor that a request names, and who knows about it.
  fileprivate func processor(_ request: APIRequest) throws(ServiceError) -> (VMClient, Int) {
    let settings = try machine(request), number = try request.place("processor")
    let client = try registry.client(settings)
    guard number < settings.cpus else {
      throw ServiceError(.objectNotFound, "The machine has no processor \(number)", .console)
    }
    return (client, number)
  }
  fileprivate func modifyLive(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    let settings = try machine(request)
    _ = try registry.client(settings)
    let changes = try OptionChange.list(request.body["options"]?.members ?? [])
    for change in changes where !Registry.liveOptions.contains(change.option.names[0]) {
      throw ServiceError(.invalidVMState, "\(change.name) cannot be changed while the machine runs", .console)
    }
    var later: [JSON] = []
    for change in changes where try !registry.keepLive(change.name, change.values, of: settings) {
      later.append(.string(change.name))
    }
    noticed()
    return .json(["later": .array(later)])
  }
}
