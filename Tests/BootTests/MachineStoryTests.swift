import Base
import Foundation
import TestSupport
import Testing

/// The days of a machine, in the words that a user of VirtualBox types: made with an installed Debian on its disk, started, kept
/// while it runs, broken, brought back, cloned, saved, killed, carried elsewhere, deleted. A file of the guest tells where
/// it is.
@Suite("the story of a machine", .serialized) struct MachineStoryTests {
  private let machines: KeptMachines
  private var folder: TemporaryFolder { machines.folder }

  init() throws { machines = try KeptMachines() }

  /// Starts it: a machine that was saved goes on, another one boots, and somebody logs in.
  private func start(_ name: String) throws -> ControlClient {
    let isSaved = try machines.info(name, "VMState") == "saved"
    _ = try machines.output(["startvm", name, "--type", "headless"])
    let uuid = try #require(try machines.info(name, "UUID"))
    let client = try ControlClient(path: folder.name("run/ringbox/\(uuid).sock"))
    if isSaved { return client }
    try wait(client, "login:", 2 * GuestAssets.bootTimeout)
    try type(client, "root")
    try wait(client, "assword:", 60)
    try type(client, "ringbox")
    try wait(client, "# ", 120)
    return client
  }
  private func wait(_ client: ControlClient, _ text: String, _ seconds: TimeInterval = 60) throws {
    try client.command(
      "wait-for-text",
      ["text": .string(text), "where": "serial0", "timeout": .integer(Int64(seconds))], timeout: seconds + 10)
  }
  private func type(_ client: ControlClient, _ line: String) throws {
    try client.command("serial-write", ["port": "serial0", "text": .string(line + "\n")])
  }
  private func guestWrites(_ word: String, _ client: ControlClient) throws {
    try type(client, "echo \(word) >/root/story && sync && echo wr\"\"ote-\(word)")
    try wait(client, "wrote-\(word)")
  }
  private func guestReads(_ word: String, _ client: ControlClient) throws {
    try type(client, "echo re\"\"ad-$(cat /root/story)")
    try wait(client, "read-\(word)")
  }
  private func stop(_ name: String) throws { _ = try machines.output(["controlvm", name, "poweroff"]) }

  @Test func aMachineIsMadeKeptClonedKilledCarriedAndDeleted() throws {
    // Made, with a disk of 8 GiB that came from a raw image.
    _ = try machines.output(["createvm", "--name", "deb", "--ostype", "Debian_64", "--register"])
    _ = try machines.output([
      "modifyvm", "deb", "--memory", "512", "--boot1", "disk", "--nic1", "nat", "--uart1", "0x3F8", "4",
    ])
    let disk = folder.name("VirtualBox VMs/deb/deb.vdi")
    _ = try machines.output(["convertfromraw", GuestAssets.path("debian/disk.img"), disk], timeout: 300)
    _ = try machines.output(["modifymedium", disk, "--resize", "8192"])
    _ = try machines.output(["storagectl", "deb", "--name", "SATA", "--add", "sata"])
    _ = try machines.output([
      "storageattach", "deb", "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium", disk,
    ])
    let first = try start("deb")
    try guestWrites("one", first)

    // Kept while it runs, broken, brought back to the moment it was in.
    _ = try machines.output(["snapshot", "deb", "take", "good", "--live"])
    try guestWrites("two", first)
    try type(first, "rm -rf /etc /usr/sbin /root/story; sync; echo br\"\"oken")
    try wait(first, "broken")
    try stop("deb")
    _ = try machines.output(["snapshot", "deb", "restore", "good"])

    // Cloned; both go on from there at once, and neither sees what the other writes.
    _ = try machines.output([
      "clonevm", "deb", "--register", "--name", "twin", "--snapshot", "good", "--options", "link",
    ])
    let original = try start("deb"), twin = try start("twin")
    try guestReads("one", original)
    try guestReads("one", twin)
    try guestWrites("three", twin)
    try guestReads("one", original)
    #expect(try machines.output(["list", "runningvms"]).split(separator: "\n").count == 2)

    // One is saved; then the service and the other one are killed. Nothing that was on a disk is lost.
    _ = try machines.output(["controlvm", "deb", "savestate"])
    let uuid = try #require(try machines.info("twin", "UUID"))
    kill(try machines.process(holding: "ringboxd-"), SIGKILL)
    kill(try machines.process(holding: "\(uuid).lock"), SIGKILL)
    try machines.waitForState("twin", "aborted", timeout: 30)
    try guestReads("one", try start("deb"))
    try stop("deb")
    try guestReads("three", try start("twin"))
    try stop("twin")

    // Carried elsewhere under another name.
    _ = try machines.output(["export", "twin", "--output", folder.name("twin.ova"), "--manifest"], timeout: 600)
    _ = try machines.output(["import", folder.name("twin.ova"), "--vsys", "0", "--vmname", "copy"], timeout: 600)
    #expect(try machines.info("copy", "memory") == "512")
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
