import DiskImages
import Foundation
import SettingsFiles
import Testing

@testable import Service

/// Snapshots against what the disk showed when they were taken.
struct SnapshotTests {
  private let fixture: Fixture
  private let registry: Registry

  /// A machine with a disk of 1 MiB.
  init() throws {
    fixture = try Fixture()
    registry = fixture.registry
    let fixture = fixture
    try fixture.machine("m")
    try ImageLibrary().create(fixture.path("d.vdi"), ImageCreation(.vdi, .dynamic, capacity: 1 << 20))
    let ide = try #require(ControllerType.onBus("ide"))
    try registry.change("m") { settings throws(ServiceError) in
      try settings.addController("IDE", ide)
      let uuid = try settings.openMedium(fixture.path("d.vdi"), .disk, fixture.registry)
      try settings.attach(Attachment(controller: "IDE", port: 0, device: 0, kind: .disk, medium: uuid))
    }
  }
  private var disk: String {
    get throws {
      let settings = try registry.machine("m")
      let uuid = try #require(settings.attachments.first?.medium)
      return try #require(settings.media.first { $0.uuid == uuid }).path
    }
  }
  private func write(_ byte: UInt8, at sector: UInt64 = 0) throws {
    let image = try ImageLibrary().open(try disk)
    try image.write(sector, [UInt8](repeating: byte, count: 512))
    try image.close()
  }
  private func read(_ sector: UInt64 = 0) throws -> UInt8 {
    try ImageLibrary().open(try disk, ImageLibrary.Options(readOnly: true)).read(sector, count: 1)[0]
  }
  private func files() throws -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: registry.machine("m").snapshotFolder).count) ?? 0
  }
  private func take(_ name: String) throws { _ = try registry.takeSnapshot("m", name: name, text: "why\n\(name)") }

  @Test func aSnapshotBringsDiskAndSettingsBack() throws {
    try write(1)
    try take("one")
    try write(2)
    try registry.change("m") { $0.machine.set(["Hardware", "Memory"], "RAMSize", "999") }
    #expect(try read() == 2)
    try registry.restoreSnapshot("m", "one")
    #expect(try read() == 1)
    #expect(try registry.machine("m").memory != 999)
    // What was written since is gone, the image for it as well.
    #expect(try files() == 1)
    let tree = SnapshotTree(try registry.machine("m"))
    #expect(tree.nodes.map(\.name) == ["one"] && tree.nodes[0].text == "why\none" && tree.current == tree.nodes[0].uuid)
  }
  @Test func snapshotsFormATree() throws {
    try take("a")
    try take("b")
    try registry.restoreSnapshot("m", "a")
    try take("c")
    try take("d")
    let nodes = SnapshotTree(try registry.machine("m")).nodes
    #expect(nodes.map { $0.name + $0.suffix } == ["a", "b-1", "c-2", "d-2-1"])
    #expect(throws: ServiceError.self) { try registry.deleteSnapshot("m", "a", progress: .none) }
    try registry.editSnapshot("m", "d", newName: "e", text: "")
    #expect(SnapshotTree(try registry.machine("m")).find("e")?.text == nil)
  }
  @Test(arguments: [["s1", "s2", "s3"], ["s3", "s2", "s1"], ["s2", "s1", "s3"]])
  func deletedInAnyOrderTheDiskShowsTheSame(order: [String]) throws {
    try write(9, at: 0)
    for number in 1...3 {
      try write(UInt8(number), at: UInt64(number))
      try take("s\(number)")
    }
    try write(4, at: 4)
    try write(44, at: 2)
    for name in order {
      try registry.deleteSnapshot("m", name, progress: .none)
      #expect(try (0...4).map { try read($0) } == [9, 1, 44, 3, 4], "after \(name)")
    }
    let settings = try registry.machine("m")
    #expect(SnapshotTree(settings).nodes.isEmpty && settings.machine["currentSnapshot"] == nil)
    #expect(settings.media.count == 1 && settings.media[0].parent == nil)
    try registry.unregister("m", delete: true)
    #expect(!fixture.exists("VirtualBox VMs/m"))
  }
  @Test func whatIsLeftCanStillBeRestored() throws {
    for number in 1...3 {
      try write(UInt8(number))
      try take("s\(number)")
    }
    try registry.deleteSnapshot("m", "s2", progress: .none)
    for number in [1, 3] {
      try registry.restoreSnapshot("m", "s\(number)")
      #expect(try Int(read()) == number)
    }
  }
  @Test func aSettingsFileWithSnapshotsIsRead() throws {
    try take("one")
    let path = try registry.machine("m").file.path
    try registry.unregister("m", delete: false)
    #expect(try SnapshotTree(registry.register(path)).nodes.count == 1)
  }
  @Test func aSnapshotThatCannotBeTakenLeavesNothing() throws {
    try FileManager.default.removeItem(atPath: fixture.path("d.vdi"))
    let before = try registry.machine("m")
    #expect(throws: ServiceError.self) { try take("one") }
    #expect(try registry.machine("m") == before)
    #expect(try files() == 0)
  }
}
