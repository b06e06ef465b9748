import DiskImages
import Foundation
import SettingsFiles
import Testing

@testable import Service

struct StorageTests {
  private let fixture: Fixture
  init() throws { fixture = try Fixture() }

  private func disk(_ name: String, parent: String? = nil) throws -> String {
    let path = fixture.path(name)
    if let parent {
      try ImageLibrary().createChild(path, of: fixture.path(parent))
    } else {
      try ImageLibrary().create(path, ImageCreation(.vdi, .dynamic, capacity: 1 << 20))
    }
    return path
  }
  /// A machine with an IDE, a floppy and a VirtIO controller.
  private func machine(_ name: String) throws {
    try fixture.machine(name)
    try fixture.registry.change(name) { settings throws(ServiceError) in
      for (name, type) in [("IDE", "PIIX4"), ("Floppy", "I82078"), ("SATA", "AHCI"), ("V", "VirtioSCSI")] {
        guard let type = ControllerType.named(type) else { continue }
        try settings.addController(name, type)
      }
    }
  }
  private func attach(
    _ machine: String, _ path: String, _ controller: String, _ port: Int, _ kind: Medium.Kind = .disk,
    type: String? = nil
  ) throws {
    var change = DriveChange(controller: controller, port: port, device: 0)
    (change.medium, change.kind, change.type) = (path, kind, type)
    try fixture.registry.change(machine, change)
  }

  @Test func aDiskBecomesKnownByBeingAttached() throws {
    let path = try disk("a.vdi")
    try machine("m")
    try attach("m", path, "IDE", 0)
    let settings = try fixture.registry.machine("m")
    #expect(settings.media.map(\.path) == [path])
    let known = try #require(try fixture.registry.medium(path))
    #expect(known.users.map(\.name) == ["m"] && known.medium.format == "VDI")
    #expect(try fixture.registry.medium(known.medium.uuid)?.medium == known.medium)
    #expect(throws: ServiceError.self) { try fixture.registry.closeMedium(path, delete: true) }
    try fixture.registry.change("m") { settings throws(ServiceError) in try settings.detach("IDE", 0, 0) }
    try fixture.registry.closeMedium(path, delete: true)
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(try fixture.registry.media().isEmpty)
  }
  @Test func twoFilesWithOneUUIDAreNotMixedUp() throws {
    let path = try disk("a.vdi")
    try FileManager.default.copyItem(atPath: path, toPath: fixture.path("b.vdi"))
    try machine("m")
    try attach("m", path, "IDE", 0)
    let error = #expect(throws: ServiceError.self) { try attach("m", fixture.path("b.vdi"), "IDE", 1) }
    #expect(error?.text.hasPrefix("Cannot register the hard disk '\(fixture.path("b.vdi"))'") == true)
  }
  @Test func parentsAreKnownWithTheirChildren() throws {
    _ = try disk("base.vdi")
    let child = try disk("child.vdi", parent: "base.vdi")
    try machine("m")
    try attach("m", child, "V", 3)
    let media = try fixture.registry.machine("m").media
    #expect(media.map(\.path) == [fixture.path("base.vdi"), child])
    #expect(media[1].parent == media[0].uuid)
    try fixture.registry.change("m") { settings throws(ServiceError) in try settings.detach("V", 3, 0) }
    #expect(throws: ServiceError.self) { try fixture.registry.closeMedium(media[0].path, delete: false) }
    try fixture.registry.closeMedium(child, delete: false)
    try fixture.registry.closeMedium(media[0].path, delete: false)
  }
  @Test func placesAreChecked() throws {
    let path = try disk("a.vdi")
    try machine("m")
    for (controller, port) in [("IDE", 2), ("IDE", -1), ("Floppy", 0), ("none", 0)] {
      #expect(throws: ServiceError.self, "\(controller) \(port)") { try attach("m", path, controller, port) }
    }
    #expect(throws: ServiceError.self) { try attach("m", fixture.path("missing.vdi"), "IDE", 0) }
    try attach("m", path, "SATA", 7)
    #expect(try fixture.registry.machine("m").controller("SATA").integer("PortCount") == 8)
  }
  @Test func controllersAreAddedOnceAndRemovedWithTheirDevices() throws {
    try machine("m")
    let ide = try #require(ControllerType.onBus("ide"))
    let error = #expect(throws: ServiceError.self) {
      try fixture.registry.change("m") { settings throws(ServiceError) in try settings.addController("IDE", ide) }
    }
    #expect(error?.text == "Storage controller named 'IDE' already exists")
    try attach("m", try disk("a.vdi"), "IDE", 0)
    try fixture.registry.change("m") { settings throws(ServiceError) in
      try settings.renameController("IDE", to: "Old")
      try settings.removeController("Old")
    }
    #expect(try fixture.registry.machine("m").attachments.isEmpty)
  }
  @Test func deletingAMachineSparesDisksThatOthersHave() throws {
    let shared = try disk("shared.vdi"), own = try disk("own.vdi")
    try machine("a")
    try machine("b")
    try attach("a", own, "IDE", 0)
    for name in ["a", "b"] { try attach(name, shared, "IDE", 1) }
    try fixture.registry.unregister("a", delete: true)
    #expect(!FileManager.default.fileExists(atPath: own) && FileManager.default.fileExists(atPath: shared))
  }
  @Test func drivesBecomeAConfiguration() throws {
    let first = try disk("a.vdi"), second = try disk("b.vdi")
    let iso = fixture.path("cd.iso")
    try Data(count: 40960).write(to: URL(fileURLWithPath: iso))
    try machine("m")
    try attach("m", first, "IDE", 0)
    try attach("m", second, "V", 0, type: "Immutable")
    try attach("m", iso, "IDE", 1, .dvd)
    try attach("m", try disk("c.vdi"), "SATA", 1)
    try attach("m", iso, "SATA", 0, .dvd)
    try fixture.registry.change("m") { settings throws(ServiceError) in
      try settings.attach(Attachment(controller: "SATA", port: 2, device: 0, kind: .dvd))
    }
    let plan = try LaunchPlan(try fixture.registry.machine("m"), control: "/c", display: "/d")
    let disks = try #require(plan.options["machine"]?["disks"]?.array)
    #expect(disks.map { $0["interface"] } == ["ide", "sata", "scsi"])
    #expect(disks.map { $0["path"]?.string == first || $0["path"]?.string == second } == [true, false, false])
    #expect(disks[2]["parents"]?.members?.map(\.value) == [.string(second)])
    let cdroms = try #require(plan.options["machine"]?["cdroms"]?.array)
    #expect(cdroms.map { $0["interface"] } == ["ide", "sata", "sata"])
    #expect(cdroms.map { $0["path"] } == [.string(iso), .string(iso), nil] && cdroms[2]["empty"] == true)
    // SATA drives are on the ports that they are attached to; the others have none.
    #expect(disks.map { $0["port"] } == [nil, 1, nil] && cdroms.map { $0["port"] } == [nil, 0, 2])
    #expect(disks.map { $0["slot"] } == ["IDE-0-0", "SATA-1-0", "V-0-0"])
    #expect(disks[1]["hotPluggable"] == false && plan.options["machine"]?["sataPorts"] == 3)
    let settings = try fixture.registry.machine("m")
    let drive = try #require(settings.attachments.first { $0.controller == "SATA" && $0.port == 1 })
    let alone = try LaunchPlan.drive(drive, of: settings, parents: [])
    #expect(alone.kind == "disk" && alone.drive == disks[1], "as a running machine is told of it")
  }
  @Test func hostAdaptersAreWhatTheSettingsSay() throws {
    try fixture.machine("m")
    let iso = fixture.path("cd.iso")
    try Data(count: 40960).write(to: URL(fileURLWithPath: iso))
    let types = [("L", "LSILogic", "lsilogic"), ("B", "BusLogic", "buslogic"), ("S", "LSILogicSAS", "lsilogicsas")]
    for (name, type, interface) in types {
      try fixture.registry.change("m") { settings throws(ServiceError) in
        guard let found = ControllerType.named(type) else { throw ServiceError(.objectNotFound, type) }
        try settings.addController(name, found)
      }
      try attach("m", try disk("\(name).vdi"), name, 3)
      try attach("m", iso, name, 4, .dvd)
      let plan = try LaunchPlan(try fixture.registry.machine("m"), control: "/c", display: "/d")
      #expect(plan.options["machine"]?["disks"]?.array?.last?["interface"] == .string(interface))
      #expect(plan.options["machine"]?["cdroms"]?.array?.last?["interface"] == .string(interface))
      #expect(plan.remarks == [])
    }
    let settings = try fixture.registry.machine("m")
    #expect(settings.controllers.map { $0["type"] } == ["LsiLogic", "BusLogic", "LsiLogicSas"])
    #expect(settings.controllers.map { $0["PortCount"] } == ["16", "16", "8"])
  }
}
