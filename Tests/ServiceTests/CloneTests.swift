import DiskImages
import Foundation
import SettingsFiles
import Testing

@testable import Service

/// Copies of machines, judged by what their disks show.
struct CloneTests {
  private let fixture: Fixture
  private let registry: Registry

  /// A machine with a disk of 2 MiB whose first byte is 1.
  init() throws {
    fixture = try Fixture()
    registry = fixture.registry
    _ = try fixture.machineWithDisk("m")
    try write(1, "m")
  }
  private func disk(_ machine: String) throws -> Medium {
    let settings = try registry.machine(machine)
    let uuid = try #require(settings.attachments.first?.medium)
    return try #require(settings.media.first { $0.uuid == uuid })
  }
  private func write(_ byte: UInt8, _ machine: String) throws {
    let image = try ImageLibrary().open(try disk(machine).path, registry.machine(machine).imageOptions())
    try image.write(0, [UInt8](repeating: byte, count: 512))
    try image.close()
  }
  private func read(_ machine: String) throws -> UInt8 {
    let settings = try registry.machine(machine)
    return try ImageLibrary().open(try disk(machine).path, settings.imageOptions(readOnly: true)).read(0, count: 1)[0]
  }
  private func request(_ name: String, _ change: (inout CloneRequest) -> Void = { _ in }) -> CloneRequest {
    var request = CloneRequest()
    (request.name, request.registers) = (name, true)
    change(&request)
    return request
  }
  private func take(_ machine: String, _ name: String) throws {
    _ = try registry.takeSnapshot(machine, name: name, text: nil)
  }

  @Test func aFullCloneIsAMachineOfItsOwn() throws {
    let copy = try registry.clone("m", request("c"))
    let original = try registry.machine("m")
    #expect(copy.uuid != original.uuid && copy.name == "c" && copy.folder.hasSuffix("/VirtualBox VMs/c"))
    #expect(copy.slot("Network", "Adapter", 0)?["MACAddress"] != original.slot("Network", "Adapter", 0)?["MACAddress"])
    #expect(try disk("c").path == "\(copy.folder)/c-disk1.vdi")
    #expect(try disk("c").uuid != disk("m").uuid)
    try write(9, "c")
    #expect(try read("m") == 1 && read("c") == 9)
    try registry.unregister("m", delete: true)
    #expect(try read("c") == 9)
    try registry.unregister("c", delete: true)
    #expect(!fixture.exists("VirtualBox VMs/c"))
  }
  @Test func namesAddressesAndIdentityStayOnRequest() throws {
    let original = try registry.machine("m")
    let copy = try registry.clone(
      "m",
      request("c") {
        ($0.addresses, $0.keepsDiskNames, $0.keepsHardwareUUIDs) = (.keepAll, true, true)
        ($0.uuid, $0.groups) = ("11111111-2222-3333-4444-555555555555", ["/lab"])
      })
    #expect(copy.uuid == "11111111-2222-3333-4444-555555555555")
    #expect(copy.folder.hasSuffix("/VirtualBox VMs/lab/c") && copy.groups == ["/lab"])
    #expect(try disk("c").path == "\(copy.folder)/d.vdi")
    #expect(copy.slot("Network", "Adapter", 0)?["MACAddress"] == original.slot("Network", "Adapter", 0)?["MACAddress"])
    #expect(copy.hardware["uuid"] == "{\(original.uuid)}")
    let plain = try registry.clone("m", CloneRequest())
    #expect(plain.name == "m Clone")
    #expect(throws: ServiceError.self) { try registry.machine("m Clone") }
  }
  @Test func aLinkedCloneHoldsOnlyWhatDiffers() throws {
    try take("m", "base")
    try write(2, "m")
    let copy = try registry.clone(
      "m",
      request("c") { ($0.snapshot, $0.isLinked) = ("base", true) })
    #expect(try read("c") == 1 && read("m") == 2)
    let disk = try disk("c")
    #expect(disk.path.hasPrefix("\(copy.folder)/Snapshots/{") && disk.parent != nil)
    try write(7, "c")
    #expect(try read("c") == 7 && read("m") == 2)
    // What it stands on must stay, and deleting the clone must not take it along.
    let error = #expect(throws: ServiceError.self) { try registry.deleteSnapshot("m", "base", progress: .none) }
    #expect(error?.code == .objectInUse)
    #expect(try read("c") == 7 && read("m") == 2)
    // Snapshots of the clone come and go as any others.
    try take("c", "s")
    try write(8, "c")
    try registry.deleteSnapshot("c", "s", progress: .none)
    #expect(try read("c") == 8)
    try registry.unregister("m", delete: false)
    try registry.unregister("c", delete: true)
    #expect(!fixture.exists("VirtualBox VMs/c") && fixture.exists("VirtualBox VMs/m/d.vdi"))
  }
  @Test func aLinkedCloneFindsItsBaseAfterAMove() throws {
    try take("m", "base")
    _ = try registry.clone("m", request("c") { ($0.snapshot, $0.isLinked) = ("base", true) })
    try registry.move("m", into: fixture.path("elsewhere"))
    #expect(!fixture.exists("VirtualBox VMs/m") && fixture.exists("elsewhere/m/m.vbox"))
    #expect(try read("m") == 1 && read("c") == 1)
    let options = try LaunchPlan(registry.machine("c"), control: "/x", display: "/d").options
    let plan = options["machine"]?["disks"]?.array?.first
    let base = try registry.machine("m").media.first { $0.parent == nil }
    #expect(plan?["parents"]?[try #require(base).uuid]?.string == fixture.path("elsewhere/m/d.vdi"))
  }
  @Test func deletingASnapshotBelowALinkedCloneChangesItsChain() throws {
    try take("m", "one")
    try write(2, "m")
    try take("m", "two")
    try write(3, "m")
    _ = try registry.clone("m", request("c") { ($0.snapshot, $0.isLinked) = ("two", true) })
    try registry.deleteSnapshot("m", "one", progress: .none)
    #expect(try read("c") == 2 && read("m") == 3)
    #expect(try registry.machine("c").media.allSatisfy { FileManager.default.fileExists(atPath: $0.path) })
  }
  @Test func allStatesAreCopied() throws {
    try take("m", "one")
    try write(2, "m")
    try take("m", "two")
    try write(3, "m")
    let copy = try registry.clone("m", request("c") { $0.mode = .all })
    #expect(SnapshotTree(copy).nodes.map(\.name) == ["one", "two"])
    #expect(SnapshotTree(copy).nodes[0].uuid != SnapshotTree(try registry.machine("m")).nodes[0].uuid)
    #expect(SnapshotTree(copy).current == SnapshotTree(copy).nodes[1].uuid)
    try registry.unregister("m", delete: true)
    #expect(try read("c") == 3)
    try registry.restoreSnapshot("c", "one")
    #expect(try read("c") == 1)
    try registry.restoreSnapshot("c", "two")
    #expect(try read("c") == 2)
    try registry.unregister("c", delete: true)
    #expect(!fixture.exists("VirtualBox VMs/c"))
  }
  @Test func aSnapshotAndItsChildrenAreCopied() throws {
    try take("m", "one")
    try write(2, "m")
    try take("m", "two")
    try write(3, "m")
    let copy = try registry.clone("m", request("c") { ($0.mode, $0.snapshot) = (.machineAndChildren, "two") })
    #expect(SnapshotTree(copy).nodes.map(\.name) == ["two"])
    #expect(try read("c") == 3)
    try registry.restoreSnapshot("c", "two")
    #expect(try read("c") == 2)
    // From a snapshot that the current state does not come from.
    try registry.restoreSnapshot("m", "one")
    _ = try registry.clone("m", request("e") { ($0.mode, $0.snapshot) = (.machineAndChildren, "two") })
    #expect(try read("e") == 2)
    try write(6, "e")
    try registry.restoreSnapshot("e", "two")
    #expect(try read("e") == 2)
  }
  /// Makes the machine a saved one; what is in the state does not matter here.
  private func save(_ machine: String, _ contents: String) throws {
    try registry.change(machine, evenSaved: true) { settings throws(ServiceError) in
      let path = try settings.newStateFile()
      _ = FileManager.default.createFile(atPath: path, contents: Data(contents.utf8))
      settings.stateFile = path
    }
  }
  private func state(_ machine: String) throws -> String? {
    try registry.machine(machine).stateFile.flatMap { FileManager.default.contents(atPath: $0) }.map {
      String(decoding: $0, as: UTF8.self)
    }
  }
  private func address(_ machine: String) throws -> String? {
    try registry.machine(machine).slot("Network", "Adapter", 0)?["MACAddress"]
  }

  @Test func aCloneOfASavedMachineIsSaved() throws {
    try save("m", "now")
    let copy = try registry.clone("m", request("c"))
    #expect(registry.state(copy).state == .saved && copy.stateFile?.hasPrefix("\(copy.folder)/Snapshots/") == true)
    // Its guest goes on with the addresses that it knows.
    #expect(try address("c") == address("m"))
    // Either state goes without the other.
    try registry.discardState("m")
    #expect(try state("m") == nil && state("c") == "now" && read("c") == 1)
    try registry.discardState("c")
    #expect(try registry.state(registry.machine("c")).state == .poweredOff)
    try registry.unregister("c", delete: true)
    #expect(!fixture.exists("VirtualBox VMs/c"))
  }
  @Test func aCloneOfASnapshotHasTheStateOfThatMoment() throws {
    try save("m", "then")
    try take("m", "online")
    try registry.discardState("m")
    try write(2, "m")
    try take("m", "off")
    for isLinked in [false, true] {
      let copy = try registry.clone("m", request("c\(isLinked)") { ($0.snapshot, $0.isLinked) = ("online", isLinked) })
      #expect(registry.state(copy).state == .saved && SnapshotTree(copy).nodes.isEmpty)
      #expect(try state(copy.name) == "then" && read(copy.name) == 1 && address(copy.name) == address("m"))
    }
    // A snapshot of a machine that was off gives one that is off, whatever the machine is now.
    try save("m", "now")
    let off = try registry.clone("m", request("o") { $0.snapshot = "off" })
    #expect(off.stateFile == nil && registry.state(off).state == .poweredOff)
    #expect(try address("o") != address("m"))
  }
  @Test func clonesOfSeveralStatesKeepEachState() throws {
    try save("m", "then")
    try take("m", "online")
    try save("m", "now")
    try write(2, "m")
    let all = try registry.clone("m", request("a") { $0.mode = .all })
    #expect(try state("a") == "now" && SnapshotTree(all).nodes.map(\.hasState) == [true])
    try registry.restoreSnapshot("a", "online")
    #expect(try state("a") == "then" && read("a") == 1)
    try registry.discardState("m")
    try registry.restoreSnapshot("m", "online")
    try registry.discardState("m")
    try take("m", "later")
    try registry.restoreSnapshot("m", "online")
    // From a snapshot that the current state does not lie behind: it and its state become current.
    try take("m", "beside")
    let part = try registry.clone("m", request("p") { ($0.mode, $0.snapshot) = (.machineAndChildren, "later") })
    #expect(part.stateFile == nil)
    let both = try registry.clone("m", request("b") { ($0.mode, $0.snapshot) = (.machineAndChildren, "online") })
    #expect(try state("b") == "then" && SnapshotTree(both).nodes.map(\.hasState) == [true, false, true])
    try registry.unregister("b", delete: true)
    #expect(!fixture.exists("VirtualBox VMs/b"))
  }
  @Test func whatCannotBeClonedLeavesNothing() throws {
    try take("m", "base")
    _ = try fixture.machine("taken")
    for (name, change) in [
      ("taken", { (_: inout CloneRequest) in }), ("a", { $0.isLinked = true }), ("b", { $0.snapshot = "none" }),
      ("../e", { _ in }), ("f", { ($0.mode, $0.isLinked, $0.snapshot) = (.all, true, "base") }),
    ] as [(String, (inout CloneRequest) -> Void)] {
      #expect(throws: ServiceError.self, "\(name)") { try registry.clone("m", request(name, change)) }
    }
    // The work is given up half-way.
    let giveUp = WorkProgress { _, _ in false }
    #expect(throws: ServiceError.self) { try registry.clone("m", request("g"), progress: giveUp) }
    let left = try FileManager.default.contentsOfDirectory(atPath: fixture.path("VirtualBox VMs")).sorted()
    #expect(left == ["m", "taken"])
    #expect(try registry.machines().map(\.name).sorted() == ["m", "taken"])
  }
}
