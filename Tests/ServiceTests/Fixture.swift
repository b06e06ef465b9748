import Foundation
import Service

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
  func path(_ name: String) -> String { "\(folder)/\(name)" }
  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
}
