import Base
import Service

/// What machines were, kept and brought back.
extension Route {
  static let snapshots: [Route] = [
    Route(
      .get, "machines/{machine}/snapshots", "listSnapshots", "snapshots", "All snapshots, parents first.",
      .json(.list(.named("Snapshot")))
    ) { service, request throws(ServiceError) in
      .json(.array(service.snapshots(try service.machine(request))))
    },
    Route(.post, "machines/{machine}/snapshots", "takeSnapshot", "snapshots", "Takes a snapshot.", .task) {
      service, request throws(ServiceError) in
      let settings = try service.machine(request)
      let name = request.text("name") ?? "", text = request.text("description")
      return try service.work("Take snapshot '\(name)' of '\(settings.name)'", on: settings) {
        task throws(ServiceError) in
        let uuid = try service.registry.takeSnapshot(settings.uuid, name: name, text: text) {
          _ = task.proceed(UInt64(clamping: $0), 100)
        }
        return ["snapshot": .string(uuid)]
      }
    }.taking(
      .object([
        Schema.member("name", .name, "Need not be unique."), Schema.option("description", .line, "By the user."),
      ])),
    Route(
      .get, "machines/{machine}/snapshots/{snapshot}", "showSnapshot", "snapshots",
      "The machine with the settings that it had then.", .json(.named("Machine"))
    ) { service, request throws(ServiceError) in
      let settings = try service.machine(request)
      let node = try service.registry.snapshot(request.name("snapshot"), of: settings)
      var entry = try service.registry.entry(settings.uuid)
      entry.settings = .success(try settings.asOf(node.uuid))
      return .json(service.details(entry))
    },
    Route(
      .patch, "machines/{machine}/snapshots/{snapshot}", "editSnapshot", "snapshots",
      "Changes a snapshot's name and description.", .json(.list(.named("Snapshot")))
    ) {
      service, request throws(ServiceError) in
      let uuid = try service.machine(request).uuid
      try service.registry.editSnapshot(
        uuid, request.name("snapshot"), newName: request.text("name"), text: request.text("description"))
      service.noticed()
      return .json(.array(service.snapshots(try service.registry.machine(uuid))))
    }.taking(
      .object([
        Schema.option("name", .name, "Another name."), Schema.option("description", .line, "Another description."),
      ])),
    Route(
      .post, "machines/{machine}/snapshots/{snapshot}/restore", "restoreSnapshot", "snapshots",
      "Makes the machine what it was then.", .task
    ) { service, request throws(ServiceError) in
      let settings = try service.machine(request)
      let node = try service.registry.snapshot(request.name("snapshot"), of: settings)
      return try service.work("Restore snapshot '\(node.name)' of '\(settings.name)'", on: settings) {
        _ throws(ServiceError) in
        try service.registry.restoreSnapshot(settings.uuid, node.uuid)
        return .null
      }
    },
    Route(
      .delete, "machines/{machine}/snapshots/{snapshot}", "deleteSnapshot", "snapshots",
      "Forgets a snapshot; its disks are merged, while the machine goes on if it runs.", .task
    ) { service, request throws(ServiceError) in
      let settings = try service.machine(request)
      let node = try service.registry.snapshot(request.name("snapshot"), of: settings)
      return try service.work("Delete snapshot '\(node.name)' of '\(settings.name)'", on: settings, canCancel: true) {
        task throws(ServiceError) in
        try service.registry.deleteSnapshot(settings.uuid, node.uuid, progress: task.progress)
        return .null
      }
    },
  ]
}
