import DiskImages
import Foundation
import SettingsFiles
import Testing

@testable import Service

/// Changes of media that machines have: image, registry and machines stay in step.
struct MediumChangeTests {
  private let fixture: Fixture
  private let registry: Registry
  /// The disk of machine m, on which snapshot s stands.
  private let disk: String

  init() throws {
    fixture = try Fixture()
    registry = fixture.registry
    disk = try fixture.machineWithDisk("m")
    _ = try registry.takeSnapshot("m", name: "s", text: nil)
  }
  /// What the machine would run on can be opened, with its parents.
  private func expectUsable(_ location: SourceLocation = #_sourceLocation) throws {
    let settings = try registry.machine("m")
    let plan = try LaunchPlan(settings, parents: registry.parents(), control: "/c", display: "/d")
    let path = try #require(plan.options["machine"]?["disks"]?.array?.first?["path"]?.string)
    let image = try ImageLibrary().open(path, settings.imageOptions())
    #expect(image.parent != nil, sourceLocation: location)
    try image.close()
    try registry.restoreSnapshot("m", "s")
  }

  @Test(arguments: ["VDI", "VMDK", "VHD", "QCOW2"]) func aDiskThatMovesIsFoundByItsMachine(format: String) throws {
    let old = fixture.path("old.\(format.lowercased())"), new = fixture.path("new.\(format.lowercased())")
    try ImageLibrary().create(old, ImageCreation(try #require(ImageFormat(named: format)), capacity: 2 << 20))
    var change = DriveChange(controller: "SATA", port: 0, device: 0)
    change.medium = old
    try registry.change("m", change)
    try registry.deleteSnapshot("m", "s", progress: .none)
    _ = try registry.takeSnapshot("m", name: "s", text: nil)
    let uuid = try #require(try registry.medium(old)?.medium.uuid)
    try registry.moveMedium(old, to: new)
    #expect(!FileManager.default.fileExists(atPath: old))
    #expect(try registry.medium(uuid)?.medium.path == new)
    try expectUsable()
    // Into a folder, by its UUID.
    try FileManager.default.createDirectory(atPath: fixture.path("f"), withIntermediateDirectories: true)
    try registry.moveMedium(uuid, to: fixture.path("f"))
    try expectUsable()
    try Data([1]).write(to: URL(fileURLWithPath: old))
    #expect(throws: ServiceError.self) { try registry.moveMedium(uuid, to: old) }
    try expectUsable()
  }
  @Test func aDiskThatSomebodyElseMovedIsFoundAgain() throws {
    let new = fixture.path("elsewhere.vdi"), other = fixture.path("other.vdi")
    let uuid = try #require(try registry.medium(disk)?.medium.uuid)
    try FileManager.default.moveItem(atPath: disk, toPath: new)
    try ImageLibrary().create(other, ImageCreation(.vdi, capacity: 1 << 20))
    #expect(throws: ServiceError.self, "another image") { try registry.relocateMedium(uuid, to: other) }
    try registry.relocateMedium(disk, to: new)
    try expectUsable()
  }
  @Test func anotherUUIDIsKnownToAllWhoHaveTheDisk() throws {
    let uuid = DiskUUID()
    try registry.setUUID(disk, uuid)
    #expect(try registry.medium("\(uuid)")?.medium.path == disk && registry.media().count == 2)
    try expectUsable()
    let top = try #require(try registry.machine("m").attachments.first?.medium)
    try registry.setUUID(top, DiskUUID())
    #expect(try registry.machine("m").attachments.first?.medium != top)
    try expectUsable()
    let other = fixture.path("other.vdi")
    try ImageLibrary().create(other, ImageCreation(.vdi, capacity: 1 << 20))
    #expect(throws: ServiceError.self, "taken") { try registry.setUUID(other, uuid) }
  }
  @Test func nothingMovesWhileAMachineHasIt() throws {
    guard let session = try registry.session(registry.machine("m").uuid) else {
      Issue.record("somebody has the machine")
      return
    }
    defer { _ = session.descriptor }
    #expect(throws: ServiceError.self) { try registry.moveMedium(disk, to: fixture.path("x.vdi")) }
    #expect(throws: ServiceError.self) { try registry.setUUID(disk, DiskUUID()) }
    #expect(FileManager.default.fileExists(atPath: disk))
  }
  @Test func whatTheRegistryKeepsIsShown() throws {
    try registry.describe(disk, "two\nlines")
    try registry.setMediumProperty(disk, "k", "v")
    let medium = try #require(try registry.medium(disk))
    #expect(try registry.description(of: medium.medium.uuid) == "two\nlines")
    #expect(try registry.properties(of: medium.medium.uuid).map(\.value) == ["v"])
    #expect(
      medium.users.map(\.name) == ["m"] && medium.users[0].snapshots(with: medium.medium.uuid).map(\.name) == ["s"])
    #expect(throws: ServiceError.self, "a snapshot has it") { try registry.closeMedium(disk, delete: true) }
    #expect(throws: ServiceError.self, "others differ from it") { try registry.resize(disk, to: 8 << 20) }
    #expect(throws: ServiceError.self, "not differencing") { try registry.setAutoReset(disk, false) }
    let top = try #require(try registry.machine("m").attachments.first?.medium)
    try registry.setAutoReset(top, true)
    #expect(try registry.medium(top)?.medium.autoResets == true)
    try registry.resize(top, to: 8 << 20)
  }
  @Test func aDiskThatNobodyKnewIsKnownWithWhatIsKeptOfIt() throws {
    let new = fixture.path("new.vdi")
    try ImageLibrary().create(new, ImageCreation(.vdi, capacity: 1 << 20))
    try registry.setType(new, "Immutable")
    try registry.setMediumProperty(new, "k", "v")
    var change = DriveChange(controller: "SATA", port: 1, device: 0)
    (change.medium, change.kind) = (new, .disk)
    try registry.change("m", change)
    let top = try #require(try registry.machine("m").attachments.last?.medium)
    #expect(try registry.medium(top)?.medium.autoResets == true)
    try registry.unregister("m", delete: true)
    #expect(try registry.media().map(\.medium.path) == [new], "it lies elsewhere")
  }
}
