import Base
import Foundation
import TestSupport
import Testing

/// Snapshots of a machine are deleted while it runs, with a guest that writes to its disk all the time
/// (`Tests/Guests/boot/work.s`).
@Suite("snapshots are deleted while the machine runs", .serialized) struct LiveDeleteBootTests {
  /// The machine `m`, and where its disk's contents that the guest leaves alone begin.
  private final class Guest {
    static let firstQuiet = 2048
    let machines: KeptMachines
    let raw: [UInt8]
    private var control: ControlClient?
    init(_ format: String) throws {
      machines = try KeptMachines()
      let program = try BootProgram("work", filled: true)
      raw = program.folder.bytes("boot.img")
      let disk = machines.folder.name("VirtualBox VMs/m/m.\(format.lowercased())")
      _ = try machines.output(["createvm", "--name", "m", "--ostype", "Other", "--register"])
      _ = try machines.output([
        "modifyvm", "m", "--memory", "32", "--boot1", "disk", "--nic1", "none", "--uart1", "0x3F8", "4",
        "--uartmode1", "disconnected",
      ])
      _ = try machines.output(["convertfromraw", program.image, disk, "--format", format])
      _ = try machines.output(["storagectl", "m", "--name", "SATA", "--add", "sata"])
      _ = try machines.output([
        "storageattach", "m", "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium",
        disk,
      ])
    }
    func start() throws {
      _ = try machines.output(["startvm", "m", "--type", "headless"])
      let uuid = try machines.info("m", "UUID") ?? ""
      control = try ControlClient(path: machines.folder.name("run/ringbox/\(uuid).sock"))
      try work()
    }
    /// Waits until the guest has done some more.
    func work() throws {
      func said() throws -> Int64 {
        try control?.command("serial-read", ["limit": .integer(1 << 18)])["end"]?.integer ?? 0
      }
      let before = try said(), deadline = Date(timeIntervalSinceNow: 120)
      while Date() < deadline {
        if try said() > before + 5 { return }
        usleep(20_000)
      }
      throw Shell.Failed(description: "the guest does nothing any more")
    }
    /// The images in the machine's folder, and those of its snapshots.
    var images: (disks: Int, covers: Int) {
      func count(_ folder: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: machines.folder.name(folder))) ?? []
        return names.count { $0.hasSuffix("vdi") || $0.hasSuffix("vmdk") || $0.hasSuffix("qcow2") }
      }
      return (count("VirtualBox VMs/m"), count("VirtualBox VMs/m/Snapshots"))
    }
    /// The disk of the machine, which is off: sound, and its quiet part as it was.
    func check() throws {
      let path = try #require(try machines.info("m", "\"SATA-0-0\""))
      #expect(try machines.manage(["checkmedium", path]).status == 0)
      let copy = machines.folder.name("copy-\(UUID().uuidString).img")
      _ = try machines.output(["clonemedium", "disk", path, copy, "--format", "RAW"])
      let now = FileManager.default.contents(atPath: copy).map(Array.init) ?? []
      let quiet = Guest.firstQuiet * 512
      #expect(now.count == raw.count && now.dropFirst(quiet).elementsEqual(raw.dropFirst(quiet)))
    }
  }

  @Test("in any order, and the machine goes on", arguments: ["VDI", "VMDK", "QCOW2"]) func anyOrder(format: String)
    throws
  {
    let guest = try Guest(format), machines = guest.machines
    try guest.start()
    for name in ["one", "two", "three", "four"] {
      _ = try machines.output(["snapshot", "m", "take", name])
      try guest.work()
    }
    #expect(guest.images == (1, 4))
    let refused = try machines.manage(["snapshot", "m", "restore", "one"])
    #expect(
      refused.status == 1
        && refused.errors.contains("The machine 'm' is already locked for a session (or being unlocked)"))
    // In the middle of the chain, the one below what the guest writes to, and the disk itself.
    for (index, name) in ["two", "four", "one"].enumerated() {
      let result = try machines.manage(["snapshot", "m", "delete", name])
      #expect(result.status == 0 && result.errors.contains("100%"), "\(name): \(result.errors)")
      #expect(guest.images.disks + guest.images.covers == 4 - index, "\(name): \(guest.images)")
      try guest.work()
    }
    _ = try machines.output(["controlvm", "m", "poweroff"])
    try machines.waitForState("m", "poweroff", timeout: 60)
    try guest.check()
    // What was left of the snapshots is whole, state and all.
    _ = try machines.output(["snapshot", "m", "restore", "three"])
    try guest.start()
    _ = try machines.output(["snapshot", "m", "delete", "three"])
    try guest.work()
    _ = try machines.output(["controlvm", "m", "poweroff"])
    try machines.waitForState("m", "poweroff", timeout: 60)
    #expect(guest.images.disks + guest.images.covers == 1)
    try guest.check()
    _ = try machines.output(["unregistervm", "m", "--delete"])
    #expect(!FileManager.default.fileExists(atPath: machines.folder.name("VirtualBox VMs/m")))
  }

  @Test("after a restart, below images that are only read") func afterARestart() throws {
    let guest = try Guest("VDI"), machines = guest.machines
    try guest.start()
    for name in ["one", "two", "three"] {
      _ = try machines.output(["snapshot", "m", "take", name])
      try guest.work()
    }
    _ = try machines.output(["controlvm", "m", "savestate"])
    try guest.start()
    for name in ["one", "two"] {
      _ = try machines.output(["snapshot", "m", "delete", name])
      try guest.work()
    }
    // A snapshot that a linked clone needs stays.
    _ = try machines.output(["clonevm", "m", "--snapshot", "three", "--options", "link", "--name", "c", "--register"])
    let refused = try machines.manage(["snapshot", "m", "delete", "three"])
    #expect(refused.status == 1 && refused.errors.contains("more than one child hard disk"), "\(refused.errors)")
    try guest.work()
    _ = try machines.output(["unregistervm", "c", "--delete"])
    _ = try machines.output(["snapshot", "m", "delete", "three"])
    try guest.work()
    _ = try machines.output(["controlvm", "m", "savestate"])
    try guest.start()
    _ = try machines.output(["controlvm", "m", "poweroff"])
    try machines.waitForState("m", "poweroff", timeout: 60)
    try guest.check()
  }
}
