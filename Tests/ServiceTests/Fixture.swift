import DiskImages
import Foundation
import Testing

@testable import Service

/// A registry of its own in a folder that vanishes with it.
final class Fixture {
  let folder: String
  let registry: Registry
  init() throws {
    folder = NSTemporaryDirectory() + "rb-\(getpid())-\(UInt32.random(in: 0...(.max)))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    registry = Registry(home: try ServiceHome(folder: "\(folder)/home", runtime: "\(folder)/run", user: folder))
  }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  @discardableResult
  func machine(_ name: String) throws -> MachineSettings {
    try registry.register(registry.create(MachineCreation(name: name)).file.path)
  }
  /// One with a disk of 2 MiB on a SATA controller; the path of its image.
  func machineWithDisk(_ name: String) throws -> String {
    let disk = try "\(machine(name).folder)/d.vdi"
    try ImageLibrary().create(disk, ImageCreation(.vdi, .dynamic, capacity: 2 << 20))
    let sata = try #require(ControllerType.onBus("sata"))
    let registry = registry
    try registry.change(name) { settings throws(ServiceError) in
      try settings.addController("SATA", sata)
      let uuid = try settings.openMedium(disk, .disk, registry)
      try settings.attach(Attachment(controller: "SATA", port: 0, device: 0, kind: .disk, medium: uuid))
    }
    return disk
  }
  func path(_ name: String) -> String { "\(folder)/\(name)" }
  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
}
