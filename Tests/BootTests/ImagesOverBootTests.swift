import Base
import Foundation
import TestSupport
import Testing

/// Disks that nobody may write to, as a guest sees them: bases of snapshots and immutable ones.
@Suite("images over disks", .serialized) struct ImagesOverBootTests {
  private let machines: KeptMachines
  private var disk: String { machines.folder.name("VirtualBox VMs/deb/deb.vdi") }

  init() throws {
    machines = try KeptMachines()
    try machines.createDebian("deb")
    _ = try machines.output(["createmedium", "--filename", disk, "--size", "16"])
    _ = try machines.output(["storagectl", "deb", "--name", "SATA", "--add", "sata"])
    try attach([])
  }
  private func attach(_ more: [String]) throws {
    _ = try machines.output(
      [
        "storageattach", "deb", "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium",
        disk,
      ] + more)
  }
  private func start() throws -> KeptGuest {
    try machines.start("deb") { guest in
      try guest.wait(GuestAssets.marker, GuestAssets.bootTimeout)
      try guest.wait("# ")
    }
  }
  private func stop() throws { try machines.stop("deb") }
  private func write(_ word: String, _ guest: KeptGuest) throws {
    try guest.type(
      "echo \(word) | dd of=/dev/sda bs=512 conv=sync,notrunc,fsync 2>/dev/null; echo wr\"\"ote-\(word)",
      until: "wrote-\(word)")
  }
  private func read(_ word: String, _ guest: KeptGuest) throws {
    try guest.type(
      "echo re\"\"ad-$(dd if=/dev/sda bs=512 count=1 iflag=direct 2>/dev/null | tr -d '\\000')", until: "read-\(word)")
  }

  @Test("the base of a snapshot is not written, though it is attached again") func base() throws {
    try write("one", try start())
    try stop()
    _ = try machines.output(["snapshot", "deb", "take", "s"])
    try attach([])
    try write("two", try start())
    try stop()
    _ = try machines.output(["snapshot", "deb", "restore", "s"])
    try read("one", try start())
    try stop()
    _ = try machines.output(["unregistervm", "deb", "--delete"])
    #expect(!FileManager.default.fileExists(atPath: machines.folder.name("VirtualBox VMs/deb")))
  }

  @Test("an immutable disk keeps what is written over a saved state, and forgets it at power-on") func immutable()
    throws
  {
    try write("one", try start())
    try stop()
    _ = try machines.output([
      "storageattach", "deb", "--storagectl", "SATA", "--port", "0", "--device", "0", "--medium", "none",
    ])
    try attach(["--mtype", "immutable"])
    let running = try start()
    try read("one", running)
    try write("two", running)
    _ = try machines.output(["controlvm", "deb", "savestate"])
    try read("two", try start())
    try stop()
    try read("one", try start())
    try stop()
  }
}
