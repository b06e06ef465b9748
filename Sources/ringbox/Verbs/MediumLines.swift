import Base
import DiskImages
import Foundation
import Service

/// What is said about a medium: its image and what the registry knows of it.
struct MediumLines {
  private(set) var text = ""
  private(set) var json: JSON = [:]

  /// `info`: of the image, where it has been looked at already.
  init(_ medium: Medium, _ registry: Registry, _ info: ImageInfo?, isLong: Bool) throws {
    let known = try registry.media(medium.kind)
    let users = known.first { $0.medium.uuid == medium.uuid }?.users ?? []
    let children = known.filter { $0.medium.parent == medium.uuid }.map(\.medium.uuid)
    let properties = try registry.properties(of: medium.uuid)
    let isDisk = medium.kind == .disk
    let info = info ?? (isDisk ? try? MediumLines.look(medium.path) : nil)
    let size = (try? FileManager.default.attributesOfItem(atPath: medium.path))?[.size] as? UInt64
    let isThere = isDisk ? info != nil : size != nil
    let description = try registry.description(of: medium.uuid) ?? info?.comment ?? ""
    // The image of a machine that runs cannot be opened, but is there.
    let state = isThere ? "created" : size != nil && !users.isEmpty ? "locked write" : "inaccessible"
    line("UUID:", medium.uuid)
    if isDisk { line("Parent UUID:", medium.parent ?? "base") }
    line("State:", state)
    if isLong, !description.isEmpty { line("Description:", description) }
    line("Type:", MediumLines.type(medium))
    if isLong, medium.parent != nil { line("Auto-Reset:", medium.autoResets ? "on" : "off") }
    line("Location:", medium.path)
    line("Storage format:", medium.format)
    if isLong, let info { line("Format variant:", info.variantText) }
    line("Capacity:", "\((info?.capacity ?? size ?? 0) >> 20) MBytes")
    if isLong, let info { line("Size on disk:", "\(info.sizeOnDisk >> 20) MBytes") }
    line("Encryption:", "disabled")
    if isLong {
      if let info, info.blockSize > 512 { line("Property:", "AllocationBlockSize=\(info.blockSize)") }
      for property in properties { line("Property:", "\(property.name)=\(property.value)") }
      lines("In use by VMs:", users.map { MediumLines.user($0, medium.uuid) })
      lines("Child UUIDs:", children)
    }
    json = [
      "uuid": .string(medium.uuid), "parentUUID": medium.parent.map { .string($0) } ?? .null,
      "accessible": .bool(isThere), "state": .string(state), "type": .string(medium.type),
      "location": .string(medium.path), "format": .string(medium.format),
      "capacity": .integer(Int64(clamping: info?.capacity ?? size ?? 0)),
      "autoReset": .bool(medium.autoResets), "description": .string(description),
      "users": .array(users.map { .string($0.uuid) }),
      "usedBy": .array(users.map { MediumLines.json($0, medium.uuid) }),
      "children": .array(children.map { .string($0) }),
      "properties": .object(properties.map { JSON.Member($0.name, .string($0.value)) }),
    ]
  }
  private static func look(_ path: String) throws -> ImageInfo {
    var options = ImageLibrary.Options(readOnly: true)
    options.isAlone = true
    return try ImageLibrary().open(path, options).info()
  }
  private static func type(_ medium: Medium) -> String {
    guard medium.kind == .disk else { return "readonly" }
    guard medium.type == "Normal" else { return medium.type.lowercased() }
    return medium.parent == nil ? "normal (base)" : "normal (differencing)"
  }
  /// Name and UUID of a machine, and the snapshots of it that have the medium.
  private static func user(_ user: MachineSettings, _ uuid: String) -> String {
    let snapshots = user.snapshots(with: uuid).map { "\($0.name) (UUID: \($0.uuid))" }
    let list = snapshots.isEmpty ? "" : " [\(snapshots.joined(separator: ", "))]"
    return "\(user.name) (UUID: \(user.uuid))\(list)"
  }
  private static func json(_ user: MachineSettings, _ uuid: String) -> JSON {
    [
      "name": .string(user.name), "uuid": .string(user.uuid),
      "attached": .bool(user.attachments.contains { $0.medium == uuid }),
      "snapshots": .array(
        user.snapshots(with: uuid).map { ["name": .string($0.name), "uuid": .string($0.uuid)] }),
    ]
  }
  private mutating func line(_ label: String, _ value: String) { text += label.padding(16) + value + "\n" }
  /// One below the other.
  private mutating func lines(_ label: String, _ values: [String]) {
    for (index, value) in values.enumerated() { line(index == 0 ? label : "", value) }
  }
}
