import DiskImages
import Foundation
import TestSupport

@testable import Service

/// What a registry and all that belongs to it look like to a user: without what chance has chosen (UUIDs, times).
struct RegistryPicture {
  /// A line for each thing, in order.
  private(set) var lines: [String] = []
  /// What should be nowhere: machines without settings, media without images, two of one UUID.
  private(set) var faults: [String] = []
  /// All files below the folder, but for those that the next change writes anew.
  private(set) var files: Set<String> = []
  private let folder: String

  /// `folder` holds the registry, in `home`, and the machines.
  init(_ folder: String) throws {
    self.folder = folder
    let registry = Registry(
      home: try ServiceHome(folder: "\(folder)/home", runtime: "\(folder)/../run/ringbox", user: folder))
    var seen: [String: String] = [:]
    for entry in try registry.machines().sorted(by: { $0.path < $1.path }) {
      if seen.updateValue(entry.path, forKey: entry.uuid) != nil { faults.append("two machines {\(entry.uuid)}") }
      switch entry.settings {
      case .failure(let error): faults.append("inaccessible: \(error)")
      case .success(let settings): try add(settings)
      }
    }
    var paths: [String: String] = [:]
    for entry in try registry.machines() {
      guard case .success(let settings) = entry.settings else { continue }
      for medium in settings.media {
        if let other = paths.updateValue(medium.path, forKey: medium.uuid), other != medium.path {
          faults.append("{\(medium.uuid)} is \(other) and \(medium.path)")
        }
      }
    }
    for (medium, _) in try registry.media() {
      // UUIDs that tests give look so.
      let known = medium.uuid.hasPrefix("01234567") ? medium.uuid : ""
      var text = "medium \(plain(medium.path)) \(medium.type) \(known)\(medium.parent == nil ? "" : "differs")"
      if medium.kind == .disk, let info = try? MediumFile.info(medium.path) {
        text += " \(info.capacity) bytes"
        if let uuid = info.uuid, uuid.description != medium.uuid { faults.append("\(medium.path) is {\(uuid)}") }
      }
      lines.append(text)
      if let other = paths.updateValue(medium.path, forKey: medium.uuid), other != medium.path {
        faults.append("{\(medium.uuid)} is \(other) and \(medium.path)")
      }
      if !FileManager.default.fileExists(atPath: medium.path) { faults.append("\(medium.path) is not there") }
    }
    lines.sort()
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      // The registry's own: replaced, or made where they are missing.
      guard !["-prev", "-tmp", ".lock"].contains(where: path.hasSuffix), path != "home/Unfinished" else { continue }
      files.insert(plain(path))
    }
  }

  private func plain(_ text: String) -> String {
    let relative = text.hasPrefix(folder) ? String(text.dropFirst(folder.count + 1)) : text
    let uuid = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    return relative.replacingOccurrences(of: uuid, with: "U", options: .regularExpression)
      .replacingOccurrences(of: "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9-]+Z", with: "T", options: .regularExpression)
  }
  private mutating func add(_ settings: MachineSettings) throws {
    let name = settings.name
    lines.append("machine \(name) \(plain(settings.file.path)) \(settings.memory) MB")
    for (key, value) in settings.extraData { lines.append("machine \(name) has \(key)=\(value)") }
    if let file = settings.stateFile {
      lines.append("machine \(name) is saved")
      if !FileManager.default.fileExists(atPath: file) { faults.append("\(name): \(file) is not there") }
    }
    try add(settings, settings.attachments, name)
    for node in SnapshotTree(settings).nodes {
      lines.append("snapshot \(name) \(node.suffix) \(node.name)")
      let hardware = settings.snapshotElement(node.uuid)?.child("Hardware")
      if let hardware { try add(settings, MachineSettings.attachments(hardware), "\(name)/\(node.name)") }
    }
    lines.append(
      "machine \(name) comes from \(SnapshotTree(settings).nodes.first { $0.uuid == SnapshotTree(settings).current }?.name ?? "-")"
    )
  }
  /// What is attached, and what it shows.
  private mutating func add(
    _ settings: MachineSettings, _ attachments: [Service.Attachment], _ name: String
  ) throws {
    for attachment in attachments {
      var text = "drive \(name) \(attachment.controller)-\(attachment.port) "
      guard let uuid = attachment.medium else {
        lines.append(text + "empty")
        continue
      }
      guard let medium = settings.media.first(where: { $0.uuid == uuid }) else {
        faults.append("\(name): {\(uuid)} is unknown")
        continue
      }
      text += plain(medium.path)
      if medium.kind == .disk {
        do throws(DiskError) {
          let image = try ImageLibrary().open(medium.path, settings.imageOptions(readOnly: true))
          let bytes = try image.read(0, count: Int(image.sectorCount))
          let errors = try image.check().errors
          if !errors.isEmpty { faults.append("\(medium.path): \(errors)") }
          text += " \(bytes.count) bytes, \(bytes.reduce(into: UInt32(7)) { $0 = $0 &* 31 &+ UInt32($1) })"
          try image.close()
        } catch { faults.append("\(name): \(medium.path): \(error)") }
      }
      lines.append(text)
    }
  }
}
