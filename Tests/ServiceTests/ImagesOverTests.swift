import Base
import DiskImages
import Foundation
import SettingsFiles
import Testing

@testable import Service

/// Disks that must not be written to, and the images over them that are written instead.
struct ImagesOverTests {
  private let fixture: Fixture
  private let registry: Registry
  /// The disk of machine m.
  private let disk: String

  init() throws {
    fixture = try Fixture()
    registry = fixture.registry
    disk = try fixture.machineWithDisk("m")
  }
  private func attached(_ machine: String = "m", port: Int = 0) throws -> Medium {
    let settings = try registry.machine(machine)
    let place = try #require(settings.attachments.first { $0.port == port })
    return try #require(place.medium.flatMap(settings.medium))
  }
  private func write(_ byte: UInt8, _ machine: String = "m", port: Int = 0) throws {
    let image = try ImageLibrary().open(
      try attached(machine, port: port).path, registry.machine(machine).imageOptions())
    try image.write(0, [UInt8](repeating: byte, count: 512))
    try image.close()
  }
  private func read(_ machine: String = "m", port: Int = 0) throws -> UInt8 {
    let options = try registry.machine(machine).imageOptions(readOnly: true)
    return try ImageLibrary().open(try attached(machine, port: port).path, options).read(0, count: 1)[0]
  }
  private func attach(
    _ medium: String?, _ machine: String = "m", port: Int = 0, type: String? = nil
  ) throws {
    var change = DriveChange(controller: "SATA", port: port, device: 0)
    (change.medium, change.type) = (medium, type)
    change.kind = .disk
    try registry.change(machine, change)
  }
  /// Another machine, without disks.
  private func second() throws {
    let sata = try #require(ControllerType.onBus("sata"))
    try fixture.machine("n")
    try registry.change("n") { settings throws(ServiceError) in try settings.addController("SATA", sata) }
  }
  /// As `startvm` does it.
  private func powerOn(_ machine: String = "m") throws {
    // Nothing is there to be run; what is done to the disks comes before.
    #expect(throws: ServiceError.self) { try registry.start(machine, program: "/nonexistent") }
  }
  private func own() throws -> UInt8 {
    var options = ImageLibrary.Options(readOnly: true)
    options.isAlone = true
    return try ImageLibrary().open(disk, options).read(0, count: 1)[0]
  }

  // MARK: Bases of snapshots and clones

  @Test func theBaseOfASnapshotIsNotAttachedItself() throws {
    try write(1)
    _ = try registry.takeSnapshot("m", name: "s", text: nil)
    try write(2)
    let image = try attached()
    try attach(disk)
    #expect(try attached() == image, "what was written since goes on")
    try attach("none")
    try attach(disk)
    #expect(try attached().parent != nil && attached() != image && read() == 1)
    try write(3)
    #expect(try own() == 1)
    try registry.restoreSnapshot("m", "s")
    #expect(try read() == 1)
    try registry.unregister("m", delete: true)
    #expect(!fixture.exists("VirtualBox VMs/m"), "no image is left behind")
  }
  @Test func theBaseOfALinkedCloneIsNotAttachedItself() throws {
    try write(1)
    _ = try registry.takeSnapshot("m", name: "s", text: nil)
    var request = CloneRequest()
    (request.name, request.snapshot, request.isLinked, request.registers) = ("c", "s", true, true)
    _ = try registry.clone("m", request)
    try second()
    try attach(disk, "n")
    try write(7, "n")
    #expect(try read("c") == 1 && read("m") == 1 && read("n") == 7 && own() == 1)
    try registry.unregister("n", delete: true)
    #expect(try read("c") == 1 && !fixture.exists("VirtualBox VMs/n"))
  }
  @Test func aBaseThatIsAttachedItselfDoesNotStart() throws {
    // As a settings file from elsewhere may have it.
    let child = fixture.path("child.vdi")
    try ImageLibrary().createChild(child, of: disk)
    try second()
    try attach(child, "n")
    let error = #expect(throws: ServiceError.self) { try registry.start("m", program: "/nonexistent") }
    #expect(error?.code == .objectInUse && error?.text.contains(disk) == true)
    try attach(disk)
    #expect(try attached().parent != nil, "attached anew it has an image over it")
    #expect(throws: ServiceError.self) { try registry.refuseChange(of: disk) }
    try registry.refuseChange(of: child)
  }

  // MARK: Types

  @Test func anImmutableDiskForgetsAtPowerOn() throws {
    try write(1)
    try attach("none")
    try attach(disk, type: "Immutable")
    #expect(try attached().autoResets && attached().path.hasPrefix(registry.machine("m").snapshotFolder))
    try write(2)
    #expect(try read() == 2 && own() == 1)
    try powerOn()
    #expect(try read() == 1)
    // A machine that is saved goes on with what it wrote.
    try write(3)
    let state = try registry.change("m") { settings throws(ServiceError) in
      let path = try settings.newStateFile()
      settings.stateFile = path
      return path
    }
    try Data([0]).write(to: URL(fileURLWithPath: state))
    try powerOn()
    #expect(try read() == 3)
    try registry.discardState("m")
    try powerOn()
    #expect(try read() == 1)
    try registry.unregister("m", delete: true)
    #expect(!fixture.exists("VirtualBox VMs/m"))
  }
  @Test func snapshotsOfImmutableDisksAreWhatPowerOnGoesBackTo() throws {
    try write(1)
    try attach(disk, type: "Immutable")
    try write(2)
    _ = try registry.takeSnapshot("m", name: "s", text: nil)
    try write(3)
    try powerOn()
    #expect(try read() == 2)
    try registry.restoreSnapshot("m", "s")
    #expect(try read() == 2 && attached().autoResets)
    try registry.deleteSnapshot("m", "s", progress: .none)
    #expect(try read() == 2 && own() == 1, "the immutable disk takes nothing in")
    try powerOn()
    #expect(try read() == 1)
  }
  @Test func aSnapshotWithAStateIsNotTakenFromItsDisks() throws {
    try attach(disk, type: "Immutable")
    _ = try registry.takeSnapshot("m", name: "s", text: nil)
    try registry.changeShared("m") { settings throws(ServiceError) in
      let uuid = try registry.snapshot("s", of: settings).uuid
      settings.changeSnapshot(uuid) { $0["stateFile"] = "x.sav" }
    }
    try write(3)
    try powerOn()
    #expect(try read() == 3)
  }
  @Test func eachMachineHasAnImageOfItsOwnOverAMultiAttachDisk() throws {
    try write(1)
    try attach(disk, type: "MultiAttach")
    try second()
    try attach(disk, "n", port: 3)
    try write(2)
    try write(3, "n", port: 3)
    try powerOn()
    try powerOn("n")
    #expect(try read() == 2 && read("n", port: 3) == 3 && own() == 1)
    // Taken out and plugged in again it is the same image.
    let image = try attached()
    try attach("none")
    try attach(disk)
    #expect(try attached() == image)
    try registry.unregister("n", delete: true)
    #expect(try read() == 2 && !fixture.exists("VirtualBox VMs/n"))
  }
  @Test func anImmutableDiskIsTakenOutWithItsImage() throws {
    try attach(disk, type: "Immutable")
    let image = try attached().path
    try attach("none")
    #expect(!FileManager.default.fileExists(atPath: image))
    #expect(try registry.media().map(\.medium.path) == [disk])
    // Every registry knows what the disk is now.
    try attach(disk)
    #expect(try attached().parent != nil)
    try attach(disk, type: "Normal")
    try write(4)
    try powerOn()
    #expect(try read() == 4)
  }
  @Test func typesThatDoNotFitAreRefused() throws {
    try second()
    try attach(disk, "n")
    #expect(throws: ServiceError.self) { try attach(disk, type: "Immutable") }
    try attach("none", "n")
    try attach(disk, type: "Immutable")
    #expect(throws: ServiceError.self) { try attach(try attached().path, type: "Normal") }
    #expect(throws: ServiceError.self) { try attach(disk, type: "Writethrough") }
    #expect(try registry.medium(disk)?.medium.type == "Immutable")
  }

  // MARK: Groups

  @Test func disksOfAGroupShareItsLimit() throws {
    try registry.changeShared("m") { settings throws(ServiceError) in
      try settings.addBandwidthGroup("slow", type: "Disk", limit: 1000)
      try settings.addBandwidthGroup("wire", type: "Network", limit: 1000)
    }
    func change(_ group: String) throws {
      var change = DriveChange(controller: "SATA", port: 0, device: 0)
      change.bandwidthGroup = group
      try registry.change("m", change)
    }
    func planned() throws -> JSON? {
      try LaunchPlan(try registry.machine("m"), control: "/c", display: "/d").options["machine"]?["disks"]?.array?
        .first?[
          "rateGroup"]
    }
    #expect(try planned() == nil)
    try change("slow")
    #expect(try planned() == ["name": "slow", "rate": 8000])
    for other in ["wire", "none such"] { #expect(throws: ServiceError.self) { try change(other) } }
    try change("")
    #expect(try planned() == nil)
  }
}
