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
  private func start(_ name: String) throws -> KeptGuest {
    try machines.start(name) { guest in
      try guest.wait("login:", 2 * GuestAssets.bootTimeout)
      try guest.type("root", until: "assword:")
      try guest.type("ringbox", until: "# ", 120)
    }
  }
  private func guestWrites(_ word: String, _ guest: KeptGuest) throws {
    try guest.type("echo \(word) >/root/story && sync && echo wr\"\"ote-\(word)", until: "wrote-\(word)")
  }
  private func guestReads(_ word: String, _ guest: KeptGuest) throws {
    try guest.type("echo re\"\"ad-$(cat /root/story)", until: "read-\(word)")
  }

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
    try first.type("rm -rf /etc /usr/sbin /root/story; sync; echo br\"\"oken", until: "broken")
    try machines.stop("deb")
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
    kill(try machines.process(of: "ringboxd", holding: "ringboxd-"), SIGKILL)
    kill(try machines.process(of: "ringbox-vm", holding: "\(uuid).lock"), SIGKILL)
    try machines.waitForState("twin", "aborted", timeout: 60)
    try guestReads("one", try start("deb"))
    try machines.stop("deb")
    try guestReads("three", try start("twin"))
    try machines.stop("twin")

    // Carried elsewhere under another name.
    _ = try machines.output(["export", "twin", "--output", folder.name("twin.ova"), "--manifest"], timeout: 600)
    _ = try machines.output(["import", folder.name("twin.ova"), "--vsys", "0", "--vmname", "copy"], timeout: 600)
    #expect(try machines.info("copy", "memory") == "512")
    try guestReads("three", try start("copy"))
    try machines.stop("copy")

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
