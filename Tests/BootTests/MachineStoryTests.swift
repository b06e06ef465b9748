import Base
import Foundation
import TestSupport
import Testing

/// The days of a machine, in the words that a user of VirtualBox types: made, started, kept, broken, brought back, cloned,
/// carried elsewhere, deleted. What the guest wrote to its disk tells where it is.
@Suite("the story of a machine", .serialized) struct MachineStoryTests {
  private let machines: KeptMachines
  private var folder: TemporaryFolder { machines.folder }
  /// Between the boot sector and the first partition nobody else writes: sector 1900.
  private static let sector = 1900

  init() throws { machines = try KeptMachines() }

  /// Starts it and waits for its shell.
  private func start(_ name: String) throws -> ControlClient {
    _ = try machines.output(["startvm", name, "--type", "headless"])
    let uuid = try #require(try machines.info(name, "UUID"))
    let client = try ControlClient(path: folder.name("run/ringbox/\(uuid).sock"))
    try wait(client, GuestAssets.marker, GuestAssets.bootTimeout)
    try wait(client, "# ", 60)
    return client
  }
  private func wait(_ client: ControlClient, _ text: String, _ seconds: TimeInterval) throws {
    try client.command(
      "wait-for-text",
      ["text": .string(text), "where": "serial0", "timeout": .integer(Int64(seconds))], timeout: seconds + 10)
  }
  private func type(_ client: ControlClient, _ line: String) throws {
    try client.command("serial-write", ["port": "serial0", "text": .string(line + "\n")])
  }
  private func guestWrites(_ word: String, _ client: ControlClient) throws {
    try type(
      client,
      "echo \(word) | dd of=/dev/sda bs=512 seek=\(MachineStoryTests.sector) conv=sync,notrunc,fsync 2>/dev/null && echo wr\"\"ote-\(word)"
    )
    try wait(client, "wrote-\(word)", 60)
  }
  private func guestReads(_ word: String, _ client: ControlClient) throws {
    try type(
      client,
      "echo re\"\"ad-$(dd if=/dev/sda bs=512 skip=\(MachineStoryTests.sector) count=1 2>/dev/null | tr -d '\\000')")
    try wait(client, "read-\(word)", 60)
  }
  private func hostReads(_ name: String, _ word: String) throws {
    let disk = try #require(try machines.info(name, "\"SATA-ImageUUID-0-0\""))
    let text = try machines.output([
      "mediumio", "--disk", disk, "cat", "--offset", "\(MachineStoryTests.sector * 512)", "--size",
      "\(word.utf8.count)",
    ])
    #expect(text == word)
  }
  private func stop(_ name: String) throws { _ = try machines.output(["controlvm", name, "poweroff"]) }

  @Test func aMachineIsMadeKeptClonedCarriedAndDeleted() throws {
    // Made, with a disk of 8 GiB that came from a raw image.
    _ = try machines.output(["createvm", "--name", "deb", "--ostype", "Debian_64", "--register"])
    _ = try machines.output([
      "modifyvm", "deb", "--memory", "256", "--boot1", "disk", "--nic1", "nat", "--uart1", "0x3F8", "4",
    ])
    let disk = folder.name("VirtualBox VMs/deb/deb.vdi")
    _ = try machines.output(["convertfromraw", GuestAssets.path("grub-disk.img"), disk])
    _ = try machines.output(["modifymedium", disk, "--resize", "8192"])
    _ = try machines.output(["storagectl", "deb", "--name", "SATA", "--add", "sata"])
    _ = try machines.output([
      "storageattach", "deb", "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium", disk,
    ])
    try guestWrites("one", try start("deb"))
    try stop("deb")
    try hostReads("deb", "one")

    // Kept, broken, brought back.
    _ = try machines.output(["snapshot", "deb", "take", "good"])
    let broken = try start("deb")
    try guestWrites("two", broken)
    try type(broken, "dd if=/dev/zero of=/dev/sda bs=512 count=64 conv=notrunc,fsync 2>/dev/null && echo br\"\"oken")
    try wait(broken, "broken", 60)
    try stop("deb")
    try hostReads("deb", "two")
    _ = try machines.output(["snapshot", "deb", "restore", "good"])

    // Cloned; both run at once, and neither sees what the other writes.
    _ = try machines.output([
      "clonevm", "deb", "--register", "--name", "twin", "--snapshot", "good", "--options", "link",
    ])
    let original = try start("deb"), twin = try start("twin")
    try guestReads("one", original)
    try guestReads("one", twin)
    try guestWrites("three", twin)
    try guestReads("one", original)
    #expect(try machines.output(["list", "runningvms"]).split(separator: "\n").count == 2)
    try stop("twin")
    try stop("deb")

    // Carried elsewhere under another name.
    _ = try machines.output(["export", "twin", "--output", folder.name("twin.ova"), "--manifest"])
    _ = try machines.output(["import", folder.name("twin.ova"), "--vsys", "0", "--vmname", "copy"])
    #expect(try machines.info("copy", "memory") == "256")
    try guestReads("three", try start("copy"))
    try stop("copy")

    // Deleted, and nothing is left but what was exported.
    for name in ["copy", "twin", "deb"] { _ = try machines.output(["unregistervm", name, "--delete"]) }
    #expect(try machines.output(["list", "vms"]) == "" && machines.output(["list", "hdds"]) == "")
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.name("VirtualBox VMs"))
    #expect(left.isEmpty, "\(left)")
    // The service ends by itself some seconds after its last client; its lock has to stay.
    let deadline = Date(timeIntervalSinceNow: 60)
    var runtime: [String] = []
    repeat {
      usleep(200_000)
      runtime = try FileManager.default.contentsOfDirectory(atPath: folder.name("run/ringbox"))
      runtime.removeAll { $0.hasPrefix("ringboxd-") && $0.hasSuffix(".lock") }
    } while !runtime.isEmpty && Date() < deadline
    #expect(runtime.isEmpty, "\(runtime)")
  }
}
