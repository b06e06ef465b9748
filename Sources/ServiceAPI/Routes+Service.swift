import Base
import HostSystem
import Service
import SettingsFiles

/// The service itself, the host, tasks and events.
extension Route {
  static let service: [Route] = [
    Route(
      .get, "version", "showVersion", "service", "Versions.",
      .json(
        .object([
          Schema.member("version", .text, "Of Ringbox."), Schema.member("api", .text, "Of VirtualBox's interface."),
          Schema.member("process", Schemas.count, "Of the service."),
        ]))
    ) { _, _ throws(ServiceError) in
      .json([
        "version": .string(ServiceVersion.text), "api": .string(ServiceVersion.api),
        "process": .integer(Int64(HostProcess.id)),
      ])
    },
    Route(.get, "openapi.json", "showDocument", "service", "This document.", .json(.map(.any))) {
      _, _ throws(ServiceError) in .json(OpenAPI.document)
    },
    Route(
      .get, "host", "showHost", "service", "The host's processors, memory and load.",
      .json(.map(.either([.text, .number])))
    ) { service, _ throws(ServiceError) in
      .json(HostMetrics.host(try service.registry.defaultMachineFolder()))
    },
    Route(.get, "properties", "showProperties", "service", "What holds for all machines.", .json(.map(.text))) {
      service, _ throws(ServiceError) in
      let properties = try service.registry.global().root.child("SystemProperties")
      var json: JSON = ["machinefolder": .string(try service.registry.defaultMachineFolder())]
      for (name, attribute) in Registry.properties where name != "machinefolder" {
        json.set(name, .string(properties?[attribute] ?? ""))
      }
      return .json(json)
    },
    Route(.patch, "properties", "setProperties", "service", "Sets what holds for all machines.", .nothing) {
      service, request throws(ServiceError) in
      for member in request.body.members ?? [] {
        try service.registry.setProperty(member.key, member.value.string ?? "default")
      }
      service.noticed()
      return .nothing
    }.taking(.object(Registry.properties.map { Schema.option($0.name, propertyShape($0.name), "Or default.") })),
    Route(
      .get, "ostypes", "listOSTypes", "service", "Types of guest systems.",
      .json(
        .list(
          .object([
            Schema.member("id", .text, "As in settings files."), Schema.member("description", .text, "For people."),
            Schema.member("family", .text, "As Linux."), Schema.member("is64Bit", .flag, "Uses long mode."),
            Schema.member("memory", Schemas.count, "MiB that a new machine gets."),
          ])))
    ) { _, _ throws(ServiceError) in
      .json(
        .array(
          OSType.all.map {
            [
              "id": .string($0.id), "description": .string($0.text), "family": .string($0.family),
              "is64Bit": .bool($0.is64Bit), "memory": .integer(Int64($0.memory)),
            ]
          }))
    },
    Route(
      .get, "options", "listOptions", "service", "All options of machines.",
      .json(.list(.named("MachineOption")))
    ) { _, _ throws(ServiceError) in
      .json(
        .array(
          MachineOption.all.map {
            [
              "name": .string($0.names[0]), "aliases": .array($0.names.dropFirst().map { .string($0) }),
              "numbered": .bool($0.numbers != nil), "first": .integer(Int64($0.numbers?.lowerBound ?? 0)),
              "last": .integer(Int64($0.numbers?.upperBound ?? 0)), "values": .integer(Int64($0.valueCount)),
            ]
          }))
    },
    Route(
      .get, "files", "listFiles", "service", "What is in a folder of the host, for choosing files.",
      .json(
        .object([
          Schema.member("folder", .text, "Absolute."),
          Schema.member(
            "entries",
            .list(
              .object([
                Schema.member("name", .text, "In the folder."), Schema.member("folder", .flag, "It is one."),
              ])), "Sorted; at most 5000."),
        ]))
    ) { service, request throws(ServiceError) in
      let folder = try APIRequest.absolute(request.query["folder"] ?? service.registry.home.user)
      return .json(["folder": .string(folder), "entries": .array(HostMetrics.entries(folder))])
    }.asking("folder", .path, "Absolute; else the home directory."),
    Route(
      .get, "files/label", "readLabel", "service", "The label of a disc's image.",
      .json(.object([Schema.member("label", .text, "Empty where there is none.")]))
    ) { _, request throws(ServiceError) in
      .json(["label": .string(try HostMetrics.label(try APIRequest.absolute(request.query["path"] ?? "")))])
    }.requiring("path", .path, "An absolute file name."),
    Route(
      .get, "machines/{machine}/metrics", "showMetrics", "service", "What a running machine uses.",
      .json(.map(.any))
    ) { service, request throws(ServiceError) in
      .json(try HostMetrics.machine(try service.registry.client(try service.machine(request))))
    },
    Route(.get, "events", "streamEvents", "events", "Events from now on, a line of JSON each.", .nothing, .eventStream)
      .asking("after", Schemas.count, "From behind the event of this number, as far as it is still known."),
    Route(.get, "events/socket", "openEvents", "events", "The same by WebSocket.", .nothing, .eventSocket)
      .asking("after", Schemas.count, "From behind the event of this number, as far as it is still known."),
  ]
  private static func propertyShape(_ name: String) -> Schema {
    switch name {
    case "hwvirtexclusive": .word(["on", "off", "default"])
    case "proxymode": .word(["system", "noproxy", "manual", "default"])
    case "machinefolder": .either([.path, .word(["default"])])
    case "loghistorycount":
      .either([
        .pattern("([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])", "a number up to 255"), .word(["default"]),
      ])
    default: .line
    }
  }
  static let web: [Route] = [
    Route(
      .post, "web", "openWeb", "service", "Serves the web manager on a TCP port of 127.0.0.1.",
      .json(
        .object([
          Schema.member("url", .text, "With the token."), Schema.member("token", .text, "For clients over TCP."),
          Schema.member("port", .integer(1...65535), "Where it listens."),
        ])), .web(isOpen: true)
    )
    .taking(.object([Schema.option("port", .integer(1...65535), "Else any free one.")]), optional: true),
    Route(.delete, "web", "closeWeb", "service", "Ends that.", .nothing, .web(isOpen: false)),
  ]
  static let tasks: [Route] = [
    Route(
      .get, "tasks", "listTasks", "tasks", "Tasks that run, and the latest that have ended.",
      .json(.list(.named("Task")))
    ) { service, _ throws(ServiceError) in .json(.array(service.tasks.all.map(\.json))) },
    Route(
      .get, "tasks/{task}", "showTask", "tasks", "A task; waits for its end if asked to.",
      .json(.named("Task"))
    ) { service, request throws(ServiceError) in
      let task = try service.tasks.task(request.name("task"))
      let deadline = HostClock.monotonicNanoseconds + Int64(try request.number("wait", 0...60) ?? 0) * 1_000_000_000
      while task.isRunning, HostClock.monotonicNanoseconds < deadline { HostPause.wait(milliseconds: 10) }
      return .json(task.json)
    }.asking("wait", .integer(0...60), "Seconds."),
    Route(.delete, "tasks/{task}", "cancelTask", "tasks", "Asks a task to stop.", .json(.named("Task"))) {
      service, request throws(ServiceError) in
      let task = try service.tasks.task(request.name("task"))
      guard task.canCancel else {
        throw ServiceError(.invalidObjectState, "The task '\(task.title)' cannot be cancelled", .registry)
      }
      task.cancel()
      return .json(task.json)
    },
  ]
}
