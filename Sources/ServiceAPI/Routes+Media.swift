import Base
import DiskImages
import HostSystem
import Service

/// Disk images and CDs.
extension Route {
  static let media: [Route] =
    [
      Route(
        .get, "media", "listMedia", "media", "All media that some machine or the registry knows.",
        .json(.list(.named("Medium")))
      ) { service, request throws(ServiceError) in
        let kind = request.query["kind"].flatMap { word in Medium.Kind.allCases.first { $0.text == word } }
        return .json(.array(try service.registry.media(kind).map { service.medium($0.medium, $0.users) }))
      }.asking("kind", .word(["disk", "dvd", "floppy"]), "Only these."),
      Route(.post, "media", "createMedium", "media", "Makes an empty disk image.", .json(image)) {
        service, request throws(ServiceError) in try service.createMedium(request)
      }.taking(
        .either([
          .object([
            Schema.member("path", .path, "An absolute file name."),
            Schema.member("size", .sectors(512...(1 << 56)), "Bytes."),
            Schema.option("format", .word(ImageFormat.allCases.map(\.rawValue)), "VDI if not said otherwise."),
            Schema.option("fixed", .flag, "With all its space from the start."),
            Schema.option("variant", variants, variantText), unit, uuid,
          ]),
          .object([
            Schema.member("path", .path, "An absolute file name."),
            Schema.member("parent", .path, "Differs from this image, and has its size."),
            Schema.option("format", .word(ImageFormat.allCases.map(\.rawValue)), "The parent's if not said otherwise."),
            unit, uuid,
          ]),
        ])),
      Route(.get, "media/info", "showImage", "media", "What an image file says about itself.", .json(image)) {
        _, request throws(ServiceError) in
        .json(try ImageWork.info(try APIRequest.absolute(request.query["path"] ?? "")))
      }.requiring("path", .path, "An absolute file name."),
      Route(.post, "media/clone", "cloneMedium", "media", "Copies an image, into another format if asked to.", .task) {
        service, request throws(ServiceError) in try service.cloneMedium(request)
      }.taking(
        .object([
          Schema.member("source", .either([.path, .uuid]), "An absolute file name or a UUID."),
          Schema.member("target", .path, "An absolute file name."),
          Schema.option("format", .word(ImageFormat.allCases.map(\.rawValue)), "Else by the target's suffix."),
          Schema.option("fixed", .flag, "With all its space from the start."),
          Schema.option("variant", variants, variantText),
          Schema.option("size", .sectors(512...(1 << 56)), "Bytes of the copy, if it shall be larger."),
          Schema.option("existing", .flag, "The target is there, and what it holds goes."),
          Schema.option(
            "sourceFormat", .word(ImageFormat.allCases.map(\.rawValue)), "Of the source, instead of finding out."),
          Schema.option("snapshot", .name, "Inside a source of the format QCOW2."),
        ])),
      Route(.post, "media/convert", "convertFromRaw", "media", "Makes a disk image from a file of raw bytes.", .task) {
        service, request throws(ServiceError) in try service.convertFromRaw(request)
      }.taking(
        .object([
          Schema.member("source", .path, "An absolute file name."),
          Schema.member("target", .path, "An absolute file name."),
          Schema.option("format", .word(ImageFormat.allCases.map(\.rawValue)), "VDI if not said otherwise."),
          Schema.option("variant", variants, variantText), uuid,
        ])),
      Route(
        .get, "media/{medium}", "showMedium", "media", "A medium that the registry knows.",
        .json(.named("MediumDetails"))
      ) { service, request throws(ServiceError) in .json(try service.mediumDetails(request.name("medium"))) },
      bytes("bytes", "readMedium", "What a medium holds.", "application/octet-stream", isHex: false),
      bytes("listing", "listMediumBytes", "The same in hexadecimal, for people.", "text/plain", isHex: true),
      Route(.post, "media/{medium}/resize", "resizeMedium", "media", "Makes a disk larger.", .task) {
        service, request throws(ServiceError) in
        let medium = try service.knownMedium(request.name("medium")).medium
        let size = UInt64(clamping: request.integer("size") ?? 0)
        return try service.work("Resize '\(Paths.name(of: medium.path))'", canCancel: true) {
          task throws(ServiceError) in
          try service.registry.resize(medium.uuid, to: size, progress: task.progress)
          return .null
        }
      }.taking(.object([Schema.member("size", .sectors(512...(1 << 56)), "Bytes.")])),
      Route(
        .post, "media/{medium}/compact", "compactMedium", "media", "Gives space back that the image does not need.",
        .task
      ) { service, request throws(ServiceError) in
        let medium = try service.knownMedium(request.name("medium")).medium
        return try service.work("Compact '\(Paths.name(of: medium.path))'", canCancel: true) {
          task throws(ServiceError) in
          try ImageWork.attempt { () throws(DiskError) in
            try ImageLibrary().compact(medium.path, progress: task.progress)
          }
          return .null
        }
      },
      Route(.delete, "media/{medium}", "closeMedium", "media", "Forgets a medium that no machine has.", .nothing) {
        service, request throws(ServiceError) in
        let medium = try service.knownMedium(request.name("medium")).medium
        try service.registry.closeMedium(medium.uuid, delete: try request.asked("delete"))
        service.noticed()
        return .nothing
      }.asking("delete", .flag, "With its files."),
    ] + mediumChanges
  private static func bytes(
    _ path: String, _ id: String, _ summary: String, _ type: String, isHex: Bool
  ) -> Route {
    let limit = isHex ? MachineService.longestListing : MachineService.longestPart
    return Route(.get, "media/{medium}/\(path)", id, "media", summary, .data(type)) {
      service, request throws(ServiceError) in
      .data(type, try service.bytes(request, limit: limit, isHex: isHex))
    }
    .asking("offset", .integer(0...Int64.max), "In bytes, from the beginning.")
    .asking("size", .integer(0...Int64(limit)), "Bytes at most; else as many as one answer may have.")
  }
  private static let unit = Schema.option(
    "blockSize", .sectors(512...(256 << 20)),
    "Bytes of the unit in which space is taken; formats have limits of their own.")
  private static let uuid = Schema.option("uuid", .uuid, "Its own; else a new one.")
  private static let variants = Schema.word(
    ImageVariant.allCases.filter { $0 != .differencing }.map(\.rawValue))
  private static let variantText =
    "How its file is laid out, as far as the format knows it; dynamic if not said otherwise."
  private static let image = Schema.object([
    Schema.member("path", .text, "Its first file."), Schema.member("format", .text, "As VDI."),
    Schema.member("variant", .text, "As dynamic."), Schema.member("capacity", Schemas.count, "Bytes."),
    Schema.member("sizeOnDisk", Schemas.count, "Bytes."), Schema.member("uuid", .optional(.text), "If it has one."),
    Schema.member("parent", .optional(.text), "The file that it differs from."),
  ])
}

/// Work on image files, with errors as clients know them.
enum ImageWork {
  static func attempt<R>(_ body: () throws(DiskError) -> R) throws(ServiceError) -> R {
    do throws(DiskError) { return try body() } catch { throw ServiceError(.fileError, "\(error)", .medium) }
  }
  static func info(_ path: String) throws(ServiceError) -> JSON {
    var options = ImageLibrary.Options(readOnly: true)
    options.isAlone = true
    let chosen = options
    return json(try attempt { () throws(DiskError) in try ImageLibrary().open(path, chosen).info() })
  }
  static func json(_ info: ImageInfo) -> JSON {
    [
      "path": .string(info.path), "format": .string(info.format.rawValue), "variant": .string(info.variant.rawValue),
      "capacity": .integer(Int64(clamping: info.capacity)), "sizeOnDisk": .integer(Int64(clamping: info.sizeOnDisk)),
      "uuid": info.uuid.map { .string("\($0)") } ?? .null, "parent": info.parentPath.map { .string($0) } ?? .null,
    ]
  }
}

extension Medium.Kind {
  var text: String { self == .disk ? "disk" : self == .dvd ? "dvd" : "floppy" }
}

extension APIRequest {
  /// The variant of an image that is made.
  fileprivate var variant: ImageVariant {
    text("variant").flatMap(ImageVariant.init(rawValue:)) ?? (flag("fixed") == true ? .fixed : .dynamic)
  }
}

extension MachineService {
  func medium(_ medium: Medium, _ users: [MachineSettings]) -> JSON {
    let info = medium.kind == .disk ? try? ImageWork.info(medium.path) : nil
    let size = FileStamp(medium.path).map { JSON.integer($0.size) }
    return [
      "uuid": .string(medium.uuid), "kind": .string(medium.kind.text), "path": .string(medium.path),
      "format": .string(medium.format), "type": .string(medium.type),
      "parent": medium.parent.map { .string($0) } ?? .null,
      "accessible": .bool(medium.kind == .disk ? info != nil : size != nil),
      "capacity": info?["capacity"] ?? size ?? 0, "sizeOnDisk": info?["sizeOnDisk"] ?? size ?? 0,
      "users": .array(users.map { ["uuid": .string($0.uuid), "name": .string($0.name)] }),
      "autoReset": .bool(medium.autoResets),
    ]
  }
  func knownMedium(_ name: String) throws(ServiceError) -> (medium: Medium, users: [MachineSettings]) {
    guard Identity.isUUID(name), let known = try registry.medium(name) else {
      throw ServiceError(.objectNotFound, "Could not find an open medium with UUID {\(name)}", .registry)
    }
    return known
  }
  /// Bytes that one answer has: as they are, and as lines that are five times as long.
  fileprivate static let longestPart = 4 << 20, longestListing = 64 << 10

  fileprivate func bytes(_ request: APIRequest, limit: Int, isHex: Bool) throws(ServiceError) -> [UInt8] {
    let medium = try knownMedium(request.name("medium")).medium
    let offset = try request.number("offset", 0...Int.max) ?? 0, size = try request.number("size", 0...limit) ?? limit
    let image = try registry.open(medium, ImageLibrary.Options(readOnly: true))
    let bytes = try MediumBytes(image, offset: UInt64(offset), size: UInt64(size))
    var all: [UInt8] = []
    do { try bytes.forEachPiece(isHex: isHex) { all += $0 } } catch {
      throw ServiceError(.fileError, "\(error)", .medium)
    }
    return all
  }
  fileprivate func createMedium(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    let path = try request.file("path") ?? "", uuid = request.text("uuid").flatMap { DiskUUID($0) }
    let named = request.text("format").flatMap(ImageFormat.init(named:))
    let blockSize = request.integer("blockSize").map { UInt64(clamping: $0) }
    if let parent = try request.file("parent") {
      let info = try ImageWork.attempt { () throws(DiskError) in
        try ImageLibrary().createChild(path, of: parent, format: named, blockSize: blockSize, uuid: uuid)
      }
      return .json(ImageWork.json(info))
    }
    guard let size = request.integer("size"), size & 511 == 0 else {
      throw ServiceError(.invalidArgument, "size must be a multiple of 512", .medium)
    }
    var creation = ImageCreation(
      named ?? .vdi, request.variant, capacity: UInt64(size), blockSize: blockSize)
    creation.uuid = uuid
    let chosen = creation
    return .json(
      ImageWork.json(try ImageWork.attempt { () throws(DiskError) in try ImageLibrary().create(path, chosen) }))
  }
  fileprivate func cloneMedium(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    let name = request.text("source") ?? "", target = try request.file("target") ?? ""
    let source = Identity.isUUID(name) ? try knownMedium(name).medium : nil
    let path: String
    if let source { path = source.path } else { path = try APIRequest.absolute(name) }
    var options = ImageLibrary.Options(readOnly: true)
    options.format = request.text("sourceFormat").flatMap(ImageFormat.init(named:))
    options.snapshot = request.text("snapshot")
    let chosen = try registry.locating(options)
    let open: @Sendable () throws(ServiceError) -> any DiskImage = { () throws(ServiceError) in
      if let source { return try self.registry.open(source, chosen) }
      return try ImageWork.attempt { () throws(DiskError) in try ImageLibrary().open(path, chosen) }
    }
    guard request.flag("existing") != true else { return try copy(path, intoExisting: target, open: open) }
    let suffix = target.split(separator: ".").last.map(String.init) ?? ""
    let format = request.text("format").flatMap(ImageFormat.init(named:)) ?? ImageFormat(named: suffix) ?? .vdi
    let creation = ImageCreation(format, request.variant, capacity: UInt64(clamping: request.integer("size") ?? 0))
    return try copy("Copy", path, to: target, creation, open: open)
  }
  fileprivate func convertFromRaw(_ request: APIRequest) throws(ServiceError) -> APIResponse {
    let source = try request.file("source") ?? "", target = try request.file("target") ?? ""
    let format = request.text("format").flatMap(ImageFormat.init(named:)) ?? .vdi
    var creation = ImageCreation(format, request.variant, capacity: 0)
    creation.uuid = request.text("uuid").flatMap { DiskUUID($0) }
    return try copy("Convert", source, to: target, creation) { () throws(ServiceError) in
      try ImageWork.attempt { () throws(DiskError) in try RawImage(path: source, readOnly: true, tail: .fill) }
    }
  }
  /// The copy is at least as large as its source.
  private func copy(
    _ verb: String, _ source: String, to target: String, _ creation: ImageCreation,
    open: @escaping @Sendable () throws(ServiceError) -> any DiskImage
  ) throws(ServiceError) -> APIResponse {
    try work("\(verb) '\(Paths.name(of: source))'", canCancel: true) { task throws(ServiceError) in
      let image = try open()
      var creation = creation
      creation.capacity = max(creation.capacity, image.sectorCount * 512)
      let chosen = creation
      return try ImageWork.attempt { () throws(DiskError) in
        ["path": .string(try ImageLibrary().clone(image, to: target, chosen, progress: task.progress).path)]
      }
    }
  }
  private func copy(
    _ source: String, intoExisting target: String, open: @escaping @Sendable () throws(ServiceError) -> any DiskImage
  ) throws(ServiceError) -> APIResponse {
    try registry.refuseChange(of: target)
    return try work("Copy '\(Paths.name(of: source))'", canCancel: true) { task throws(ServiceError) in
      let image = try open()
      return try ImageWork.attempt { () throws(DiskError) in
        ["path": .string(try ImageLibrary().copy(image, intoExisting: target, progress: task.progress).path)]
      }
    }
  }
}
