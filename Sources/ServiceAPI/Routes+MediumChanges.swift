import Base
import DiskImages
import HostSystem
import Service

/// What is changed about a medium that is there: in its image, in every registry and in the machines that have it.
extension Route {
  static let mediumChanges: [Route] = [
    Route(
      .patch, "media/{medium}", "changeMedium", "media",
      "Changes what is known about a medium, in the order given here.",
      .json(.named("MediumDetails"))
    ) { service, request throws(ServiceError) in try service.changeMedium(request) }
    .taking(
      .object([
        Schema.option("location", .path, "Where somebody else has put its file."),
        Schema.option("description", .line, "By the user."),
        Schema.option("type", .word(DriveChange.types.map { $0.lowercased() }), "How machines use it."),
        Schema.option("autoReset", .flag, "Of an image over an immutable disk: it forgets at power-on."),
        Schema.option("properties", .map(.optional(.line)), "What is kept with it; null takes one away."),
        Schema.option("newUUID", .uuid, "Another UUID, by which all machines that have it know it from then on."),
      ])),
    Route(
      .post, "media/{medium}/move", "moveMedium", "media", "Gives a disk's file another name or folder.", .task
    ) { service, request throws(ServiceError) in
      let medium = try service.knownMedium(request.name("medium")).medium, path = try request.file("path") ?? ""
      return try service.work("Move '\(Paths.name(of: medium.path))'") { task throws(ServiceError) in
        try service.registry.moveMedium(medium.uuid, to: path, progress: task.progress)
        return ["path": .string(try service.knownMedium(medium.uuid).medium.path)]
      }
    }.taking(.object([Schema.member("path", .path, "A file's or a folder's absolute name.")])),
    Route(
      .post, "media/{medium}/check", "checkMedium", "media",
      "Looks for errors in a disk image, and mends them if asked to.",
      .task
    ) { service, request throws(ServiceError) in
      let (medium, users) = try service.knownMedium(request.name("medium"))
      let repairs = request.flag("repair") == true
      if repairs, !users.isEmpty, users.contains(where: { service.registry.state($0).state.isOnline }) {
        throw ServiceError(.invalidObjectState, "Medium '\(medium.path)' is in use by a machine that runs", .medium)
      }
      return try service.work("Check '\(Paths.name(of: medium.path))'") { _ throws(ServiceError) in
        try ImageWork.check(medium.path, repairs: repairs)
      }
    }.taking(.object([Schema.option("repair", .flag, "Mends what can be mended.")]), optional: true),
    Route(
      .post, "media/{medium}/merge", "mergeMedium", "media",
      "Puts what an image holds into the one that it differs from, which no machine may have; or takes in what that one "
        + "holds, which no running machine may use.", .task
    ) { service, request throws(ServiceError) in try service.mergeMedium(request) }
    .taking(
      .either([
        .object([Schema.option("delete", .flag, "The image goes when that is done.")]),
        .object([Schema.member("takeParent", .constant(true), "The image takes the other in, and lies on its parent.")]
        ),
      ]), optional: true),
  ]
}

extension ImageWork {
  static func check(_ path: String, repairs: Bool) throws(ServiceError) -> JSON {
    var options = ImageLibrary.Options(readOnly: true)
    options.isAlone = true
    let chosen = options
    let check = try attempt { () throws(DiskError) in
      let first = try ImageLibrary().open(path, chosen).check()
      guard repairs, !first.errors.isEmpty || first.leakedBytes > 0 else { return first }
      try ImageLibrary().repair(path, chosen)
      return try ImageLibrary().open(path, chosen).check()
    }
    return [
      "errors": .array(check.errors.map { .string($0) }), "leakedBytes": .integer(Int64(clamping: check.leakedBytes)),
      "storedBlocks": .integer(Int64(clamping: check.storedBlocks)), "blocks": .integer(Int64(clamping: check.blocks)),
    ]
  }
}

extension MachineService {
  func mediumDetails(_ name: String) throws(ServiceError) -> JSON {
    let (medium, users) = try knownMedium(name)
    var json = self.medium(medium, users)
    json.set("description", .string(try registry.description(of: medium.uuid) ?? ""))
    json.set("properties", MachineService.object(try registry.properties(of: medium.uuid).map { ($0.name, $0.value) }))
    let children = try registry.media().filter { $0.medium.parent == medium.uuid }
    json.set("children", .array(children.map { .string($0.medium.uuid) }))
    return json
  }
  fileprivate func changeMedium(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    var uuid = try knownMedium(request.name("medium")).medium.uuid
    // The new identity is looked at before anything changes.
    let identity = request.text("newUUID").map { DiskUUID($0) }
    if case .some(.none) = identity { throw ServiceError(.invalidArgument, "body.newUUID is no UUID", .medium) }
    if let place = try request.file("location") { _ = try registry.relocateMedium(uuid, to: place) }
    if let text = request.text("description") { try registry.describe(uuid, text) }
    if let word = request.text("type"), let type = DriveChange.types.first(where: { $0.lowercased() == word }) {
      try registry.setType(uuid, type)
    }
    if let flag = request.flag("autoReset") { try registry.setAutoReset(uuid, flag) }
    for member in request.body["properties"]?.members ?? [] {
      try registry.setMediumProperty(uuid, member.key, member.value.string)
    }
    if let new = identity.flatMap({ $0 }) {
      try registry.setUUID(uuid, new)
      uuid = "\(new)"
    }
    noticed()
    return .json(try mediumDetails(uuid))
  }
  fileprivate func mergeMedium(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    let (medium, users) = try knownMedium(request.name("medium")), deletes = request.flag("delete") == true
    guard request.flag("takeParent") != true else {
      return try work("Merge '\(Paths.name(of: medium.path))'", canCancel: true) { task throws(ServiceError) in
        try self.registry.takeParent(into: medium.uuid, progress: task.progress)
        return ["path": .string(medium.path)]
      }
    }
    guard users.isEmpty else {
      throw ServiceError(
        .objectInUse, "Medium '\(medium.path)' is attached to \(users.count) virtual machines", .medium)
    }
    try registry.refuseMerge(of: medium.uuid)
    if deletes { try registry.refuseClosing(of: medium.uuid) }
    return try work("Merge '\(Paths.name(of: medium.path))'", canCancel: true) { task throws(ServiceError) in
      let parent = try ImageWork.attempt { () throws(DiskError) in
        try ImageLibrary().mergeIntoParent(medium.path, progress: task.progress)
      }
      if deletes { try self.registry.closeMedium(medium.uuid, delete: true) }
      return ["path": .string(parent.path)]
    }
  }
}
