import Base
import Foundation
import Synchronization
import Testing

@testable import DeviceKit
@testable import Machine

/// Drives that come to a machine and go from it, without a guest.
@Suite("drives that come and go", .serialized) struct DrivePlugTests {
  private let folder = NSTemporaryDirectory() + "ringbox-plug-\(UUID().uuidString)"
  init() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }
  private func disk(_ name: String, bytes: Int = 1 << 20) -> MachineConfiguration.Disk {
    let path = "\(folder)/\(name)"
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: Data(count: bytes))
    }
    var disk = MachineConfiguration.Disk(path: path, interface: .sata)
    disk.format = "raw"
    return disk
  }
  private func machine(_ disks: [MachineConfiguration.Disk], ports: Int = 0, restoring path: String? = nil) throws
    -> Machine
  {
    var configuration = MachineConfiguration()
    configuration.memory = 16 << 20
    configuration.serial = []
    configuration.engine = "interpreter"
    configuration.disks = disks
    configuration.sataPorts = ports
    let saved = try path.map { try SavedMachine($0) }
    let machine = try Machine(configuration: configuration, saved: saved) { _ in }
    if let saved { try machine.restore(saved) }
    machine.start()
    machine.pause()
    return machine
  }
  private func attach(_ disk: MachineConfiguration.Disk, _ machine: Machine) throws -> (name: String, port: Int) {
    let outcome = Mutex<Result<(name: String, port: Int), MachineError>?>(nil)
    let done = DispatchSemaphore(value: 0)
    machine.attach(.disk(disk)) { result in
      outcome.withLock { $0 = result }
      done.signal()
    }
    done.wait()
    return try #require(outcome.withLock { $0 }).get()
  }
  private func detach(_ name: String, _ machine: Machine) throws {
    let outcome = Mutex<MachineError?>(nil)
    let done = DispatchSemaphore(value: 0)
    machine.detach(drive: name) { error in
      outcome.withLock { $0 = error }
      done.signal()
    }
    done.wait()
    if let error = outcome.withLock({ $0 }) { throw error }
  }
  /// What is in each drive, by its name.
  private func list(_ machine: Machine) -> [String: String] {
    let found = Mutex<JSON>(.null)
    let done = DispatchSemaphore(value: 0)
    machine.listDrives { drives in
      found.withLock { $0 = drives }
      done.signal()
    }
    done.wait()
    let drives = found.withLock { $0 }.array ?? []
    return Dictionary(uniqueKeysWithValues: drives.map { ($0["name"]?.string ?? "", $0["path"]?.string ?? "-") })
  }
  private func save(_ machine: Machine) throws -> String {
    let path = "\(folder)/\(UUID().uuidString).sav"
    let outcome = Mutex<MachineError?>(nil)
    let done = DispatchSemaphore(value: 0)
    machine.saveState(to: path, progress: { _ in }) { error in
      outcome.withLock { $0 = error }
      done.signal()
    }
    done.wait()
    if let error = outcome.withLock({ $0 }) { throw error }
    return path
  }
  /// The link of a port: 123h with a drive.
  private func link(_ port: UInt64, _ machine: Machine) -> UInt64? {
    machine.board.ahci?.withDevice { device, services in
      device.read(Access(region: 0, offset: 0x128 + port * 0x80, width: 4), services)
    }
  }

  @Test func drivesAreOnThePortsThatTheyName() throws {
    var second = disk("b")
    second.plug.port = 2
    let machine = try machine([disk("a"), second, disk("c")], ports: 6)
    #expect(machine.storage.drives.map(\.place.text) == ["sata 0", "sata 2", "sata 1"])
    #expect((0..<7).map { link($0, machine) } == [0x123, 0x123, 0x123, 0, 0, 0, 0])
    machine.stop()
  }

  @Test func aDriveComesGoesAndLeavesItsImageFree() throws {
    let machine = try machine([], ports: 2)
    #expect(link(0, machine) == 0)
    var new = disk("a")
    new.plug.slot = "SATA-1-0"
    new.plug.port = 1
    let first = try attach(new, machine)
    #expect(first.name == "disk0" && first.port == 1)
    #expect(link(1, machine) == 0x123)
    #expect(throws: MachineError.self, "the port is taken") { try attach(new, machine) }
    let second = try attach(disk("b"), machine)
    #expect(second.name == "disk1" && second.port == 0)
    #expect(throws: MachineError.self, "there is no port left") { try attach(disk("c"), machine) }
    #expect(list(machine) == ["disk0": new.path, "disk1": "\(folder)/b"])
    try detach("SATA-1-0", machine)
    #expect(list(machine) == ["disk1": "\(folder)/b"])
    #expect(link(1, machine) == 0 && machine.storage.drives.map(\.name) == ["disk1"])
    // Another name for the image: nobody has it locked.
    new.plug.slot = nil
    #expect(try attach(new, machine).name == "disk0")
    machine.stop()
    #expect(throws: MachineError.self) { try detach("disk0", machine) }
  }

  @Test func whatMustStayStays() throws {
    var fixed = disk("a")
    fixed.plug.isHotPluggable = false
    let machine = try machine([fixed, MachineConfiguration.Disk(path: disk("b").path, interface: .ide)])
    for name in ["disk0", "disk1", "disk2"] {
      #expect(throws: MachineError.self, "\(name)") { try detach(name, machine) }
    }
    var new = disk("c")
    new.interface = .ide
    #expect(throws: MachineError.self) { try attach(new, machine) }
    new.interface = .sata
    new.path = "\(folder)/nowhere"
    #expect(throws: MachineError.self) { try attach(new, machine) }
    #expect(machine.storage.drives.count == 2 && link(0, machine) == 0x123)
    machine.stop()
  }

  @Test func aStateKnowsItsPorts() throws {
    let first = try machine([disk("a")], ports: 4)
    var new = disk("b", bytes: 2 << 20)
    new.plug.port = 3
    _ = try attach(new, first)
    try detach("disk0", first)
    let path = try save(first)
    // Where the configuration says nothing of ports, the state does.
    // A machine that was saved closes its images on threads of its own.
    var again = try? machine([disk("b")], restoring: path)
    for _ in 0..<200 where again == nil {
      usleep(50_000)
      again = try? machine([disk("b")], restoring: path)
    }
    again = try again ?? machine([disk("b")], restoring: path)
    let restored = try #require(again)
    #expect((0..<4).map { link($0, restored) } == [0, 0, 0, 0x123])
    restored.stop()
    new.plug.port = 2
    #expect(throws: MachineError.self, "another port") { try machine([new], ports: 4, restoring: path) }
    #expect(throws: MachineError.self, "another disk") { try machine([disk("a")], ports: 4, restoring: path) }
    #expect(throws: MachineError.self, "none") { try machine([], ports: 4, restoring: path) }
  }

  @Test func portsOfAConfigurationAreChecked() throws {
    let bad = [
      #"{"disks":[{"path":"/a","interface":"sata","port":1},{"path":"/b","interface":"sata","port":1}]}"#,
      #"{"disks":[{"path":"/a","interface":"ide","port":1}]}"#,
      #"{"disks":[{"path":"/a","interface":"sata","port":30}]}"#, #"{"sataPorts":31}"#,
    ]
    for text in bad {
      #expect(throws: MachineError.self, "\(text)") { try MachineConfiguration(json: JSON(parsing: text)) }
    }
    let good = #"{"cdroms":[{"empty":true,"interface":"sata","port":4,"slot":"x","hotPluggable":false}],"sataPorts":5}"#
    let configuration = try MachineConfiguration(json: JSON(parsing: good))
    #expect(configuration.cdroms[0].plug.port == 4 && !configuration.cdroms[0].plug.isHotPluggable)
    #expect(try MachineConfiguration(json: configuration.json) == configuration)
  }
}
