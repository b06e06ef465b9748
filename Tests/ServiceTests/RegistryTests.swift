import Base
import Foundation
import HostSystem
import SettingsFiles
import Testing

@testable import Service

struct RegistryTests {
  @Test func aMachineIsMadeFoundAndForgotten() throws {
    let fixture = try Fixture()
    let made = try fixture.machine("web")
    #expect(made.file.path == fixture.path("VirtualBox VMs/web/web.vbox"))
    #expect(try fixture.registry.machine("web") == fixture.registry.machine(made.uuid))
    #expect(try fixture.registry.machine("{\(made.uuid)}").name == "web")
    #expect(try fixture.registry.machine(made.file.path).uuid == made.uuid)
    try fixture.registry.unregister("web", delete: false)
    #expect(try fixture.registry.machines().isEmpty)
    #expect(fixture.exists("VirtualBox VMs/web/web.vbox"))
    #expect(try fixture.registry.register(made.file.path).uuid == made.uuid)
  }
  /// What every command begins with. On an idle machine it takes some 10 ms; the bound is for a busy one, and still far from
  /// what reading two hundred files twice, or asking two hundred processes, would take.
  @Test func twoHundredMachinesAreReadAtOnce() throws {
    let fixture = try Fixture()
    for number in 0..<200 { try fixture.machine("machine \(number)") }
    func time() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = time()
    let found = try fixture.registry.machines()
    let taken = time() - start
    #expect(found.count == 200 && found.allSatisfy { (try? $0.settings.get()) != nil })
    #expect(taken < 0.5, "\(taken) s of processor time")
    #expect(try fixture.registry.running().isEmpty)
  }
  @Test func unknownMachinesHaveTheErrorThatClientsLookFor() throws {
    let fixture = try Fixture()
    let error = #expect(throws: ServiceError.self) { try fixture.registry.machine("foo") }
    #expect(error?.text == "Could not find a registered machine named 'foo'")
    #expect(
      error?.details
        == "Details: code VBOX_E_OBJECT_NOT_FOUND (0x80bb0001), component VirtualBoxWrap, interface IVirtualBox, callee nsISupports"
    )
  }
  @Test func namesAndUUIDsAreTakenOnce() throws {
    let fixture = try Fixture()
    let made = try fixture.machine("a")
    let again = #expect(throws: ServiceError.self) { try fixture.registry.create(MachineCreation(name: "a")) }
    #expect(again?.text == "Machine settings file '\(made.file.path)' already exists")
    #expect(throws: ServiceError.self) { try fixture.registry.register(made.file.path) }
    var elsewhere = MachineCreation(name: "a")
    elsewhere.baseFolder = fixture.path("other")
    let twin = try fixture.registry.create(elsewhere)
    #expect(throws: ServiceError.self) { try fixture.registry.register(twin.file.path) }
    #expect(try fixture.registry.machines().count == 1)
  }
  @Test(arguments: ["", "a/b", ".", "..", "/etc"]) func namesThatLeadElsewhereAreRefused(name: String) throws {
    let fixture = try Fixture()
    #expect(throws: ServiceError.self) { try fixture.registry.create(MachineCreation(name: name)) }
    var creation = MachineCreation(name: "m")
    creation.groups = ["/../../\(name)"]
    #expect(throws: ServiceError.self) { try fixture.registry.create(creation) }
  }
  @Test func aBrokenMachineHarmsNobodyElse() throws {
    let fixture = try Fixture()
    let broken = try fixture.machine("broken")
    try fixture.machine("sound")
    try Data("<VirtualBox".utf8).write(to: URL(fileURLWithPath: broken.file.path))
    let entries = try fixture.registry.machines()
    #expect(entries.map(\.name) == ["<inaccessible>", "sound"])
    guard case .failure(let error) = entries[0].settings else {
      Issue.record("it was read")
      return
    }
    #expect("\(error)".contains("broken.vbox', line 1"))
    #expect(try fixture.registry.machine("sound").name == "sound")
    #expect(throws: ServiceError.self) { try fixture.registry.change(broken.uuid) { _ in } }
    try fixture.registry.unregister(broken.uuid, delete: true)
    #expect(FileManager.default.fileExists(atPath: broken.file.path))
  }
  @Test func deletingAMachineLeavesNothingOfItsOwn() throws {
    let fixture = try Fixture()
    let settings = try fixture.machine("gone")
    let logs = settings.logFolder(fixture.registry.home)
    try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
    for name in ["VBox.log", "VBox.log.1"] { try Data().write(to: URL(fileURLWithPath: "\(logs)/\(name)")) }
    try fixture.registry.change("gone") { $0.setExtraData("a", "b") }
    #expect(fixture.exists("VirtualBox VMs/gone/gone.vbox-prev"))
    try fixture.registry.unregister("gone", delete: true)
    #expect(!fixture.exists("VirtualBox VMs/gone"))
  }
  @Test func deletingAMachineLeavesWhatIsNotItsOwn() throws {
    let fixture = try Fixture()
    let settings = try fixture.machine("gone")
    try Data().write(to: URL(fileURLWithPath: "\(settings.folder)/notes.txt"))
    try fixture.registry.unregister("gone", delete: true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: settings.folder) == ["notes.txt"])
  }
  @Test func renamingMovesFolderAndFile() throws {
    let fixture = try Fixture()
    let uuid = try fixture.machine("old").uuid
    try fixture.machine("taken")
    try fixture.registry.change("old") { settings throws(ServiceError) in
      try fixture.registry.rename(&settings, to: "new")
    }
    let renamed = try fixture.registry.machine("new")
    #expect(renamed.uuid == uuid && renamed.file.path == fixture.path("VirtualBox VMs/new/new.vbox"))
    #expect(!fixture.exists("VirtualBox VMs/old"))
    let error = #expect(throws: ServiceError.self) {
      try fixture.registry.change("new") { settings throws(ServiceError) in
        try fixture.registry.rename(&settings, to: "taken")
      }
    }
    #expect(error?.text.contains("VERR_ALREADY_EXISTS") == true)
    #expect(try fixture.registry.machine("new").file.path == renamed.file.path)
  }
  @Test func movingKeepsTheMachineWhole() throws {
    let fixture = try Fixture()
    try fixture.machine("m")
    try fixture.registry.move("m", into: fixture.path("elsewhere"))
    #expect(try fixture.registry.machine("m").file.path == fixture.path("elsewhere/m/m.vbox"))
    #expect(!fixture.exists("VirtualBox VMs/m"))
  }
  @Test func twoHundredMachinesAreListedQuickly() throws {
    let fixture = try Fixture()
    let template = try fixture.machine("m0")
    try fixture.registry.changeGlobal { global throws(ServiceError) in
      for number in 1..<200 {
        let settings = try fixture.registry.create(MachineCreation(name: "m\(number)"))
        global.root.change("MachineRegistry") {
          $0.insert(SettingsElement("MachineEntry", [("uuid", "{\(settings.uuid)}"), ("src", settings.file.path)]))
        }
      }
    }
    let start = HostClock.monotonicNanoseconds
    let entries = try fixture.registry.machines()
    let milliseconds = (HostClock.monotonicNanoseconds - start) / 1_000_000
    #expect(entries.count == 200 && entries.contains { $0.uuid == template.uuid })
    // Some 30 ms on an idle machine; the limit is for one that builds software meanwhile.
    #expect(milliseconds < 2000)
  }
  @Test func changesFromManySidesAreAllKept() async throws {
    let fixture = try Fixture()
    let uuid = try fixture.machine("m").uuid
    let registry = fixture.registry
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask {
          try registry.changeShared(uuid) { $0.setExtraData("key\(number)", "\(number)") }
          try registry.changeGlobal { MachineSettings.setExtraData(&$0.root, "key\(number)", "\(number)") }
        }
      }
      try await group.waitForAll()
    }
    #expect(try registry.machine(uuid).extraData.count == 40)
    #expect(MachineSettings.extraData(try registry.global().root).count == 40)
  }
  @Test func theConfigurationFolderIsWhereVirtualBoxHasIt() throws {
    let fixture = try Fixture()
    func folder(_ variables: [String: String]) throws -> String {
      try ServiceHome { variables[$0] ?? ["HOME": fixture.folder, "XDG_RUNTIME_DIR": fixture.path("r")][$0] }.folder
    }
    #expect(try folder([:]) == fixture.path(".config/VirtualBox"))
    #expect(try folder(["XDG_CONFIG_HOME": fixture.path("x")]) == fixture.path("x/VirtualBox"))
    #expect(try folder(["VBOX_USER_HOME": fixture.path("v")]) == fixture.path("v"))
    try FileManager.default.createDirectory(atPath: fixture.path(".VirtualBox"), withIntermediateDirectories: true)
    #expect(try folder([:]) == fixture.path(".VirtualBox"))
  }
  @Test func aRuntimeFolderThatOthersMayEnterIsRefused() throws {
    let fixture = try Fixture()
    let runtime = fixture.path("open")
    try FileManager.default.createDirectory(
      atPath: runtime, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    #expect(throws: ServiceError.self) {
      try ServiceHome(folder: fixture.path("h"), runtime: runtime, user: fixture.folder)
    }
  }
  @Test func timesAreWrittenAsVirtualBoxWritesThem() {
    #expect(Timestamp.text(0) == "1970-01-01T00:00:00Z")
    #expect(Timestamp.text(951_782_400) == "2000-02-29T00:00:00Z")
    #expect(Timestamp.text(1_672_531_199) == "2022-12-31T23:59:59Z")
    #expect(Timestamp.precise("2023-01-01T00:00:00Z") == "2023-01-01T00:00:00.000000000")
  }
}

/// Who has a machine, and how its run ended.
struct SessionTests {
  @Test func aMachineThatIsTakenCannotBeChanged() throws {
    let fixture = try Fixture()
    let settings = try fixture.machine("m")
    guard let held = try fixture.registry.session(settings.uuid) else {
      Issue.record("nobody has it")
      return
    }
    let error = #expect(throws: ServiceError.self) { try fixture.registry.change("m") { $0.setExtraData("a", "b") } }
    #expect(error?.text == "The machine 'm' is already locked for a session (or being unlocked)")
    #expect(error?.code == .invalidObjectState)
    #expect(throws: ServiceError.self) { try fixture.registry.unregister("m", delete: true) }
    // Extra data may change all the same.
    try fixture.registry.changeShared("m") { $0.setExtraData("a", "b") }
    _ = held.descriptor
  }
  @Test func aRunThatVanishedIsAborted() throws {
    let fixture = try Fixture()
    let settings = try fixture.machine("m")
    #expect(fixture.registry.state(settings).state == .poweredOff)
    let files = SessionFiles(fixture.registry.home, settings.uuid)
    try HostFiles.replace(files.marker, with: [])
    #expect(fixture.registry.state(settings).state == .aborted)
    #expect(try fixture.registry.machine("m").machine["aborted"] == "true")
    #expect(!HostPaths.exists(files.marker))
  }
  @Test func aRunThatEndedInOrderIsPoweredOff() throws {
    let fixture = try Fixture()
    let settings = try fixture.machine("m")
    let files = SessionFiles(fixture.registry.home, settings.uuid)
    try HostFiles.replace(files.marker, with: [])
    try HostFiles.replace(files.end, with: Array("{\"reason\":\"power off\"}\n".utf8))
    #expect(fixture.registry.state(settings).state == .poweredOff)
    #expect(!HostPaths.exists(files.end))
  }
  @Test func aProcessThatDoesNotAnswerIsStarting() throws {
    let fixture = try Fixture()
    let settings = try fixture.machine("m")
    guard let held = try fixture.registry.session(settings.uuid) else {
      Issue.record("nobody has it")
      return
    }
    try HostFiles.replace(SessionFiles(fixture.registry.home, settings.uuid).marker, with: [])
    #expect(fixture.registry.state(settings).state == .starting)
    #expect(try fixture.registry.running().map(\.uuid) == [settings.uuid])
    _ = held.descriptor
  }
  @Test func aProgramThatFailsLeavesTheMachineFree() throws {
    let fixture = try Fixture()
    try fixture.machine("m")
    #expect(throws: ServiceError.self) { try fixture.registry.start("m", program: "/bin/false") }
    #expect(fixture.registry.state(try fixture.registry.machine("m")).state == .poweredOff)
    try fixture.registry.change("m") { $0.setExtraData("a", "b") }
    #expect(throws: ServiceError.self) { try fixture.registry.start("m", program: "/nowhere/at/all") }
    try fixture.registry.unregister("m", delete: true)
  }
  @Test func logsAreRotated() throws {
    let fixture = try Fixture()
    let settings = try fixture.machine("m")
    for _ in 0..<6 { _ = try? fixture.registry.start("m", program: "/bin/false") }
    let names = try FileManager.default.contentsOfDirectory(atPath: settings.logFolder(fixture.registry.home)).sorted()
    #expect(names == ["VBox.log", "VBox.log.1", "VBox.log.2", "VBox.log.3"])
  }
}
