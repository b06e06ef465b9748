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
    _ = try machines.output(["createvm", "--name", "deb", "--ostype", "Debian_64", "--register"])
    _ = try machines.output([
      "modifyvm", "deb", "--memory", "256", "--nic1", "none", "--uart1", "0x3F8", "4", "--uartmode1", "disconnected",
    ])
    for (key, value) in [
      ("Kernel", GuestAssets.path("amd64/linux")), ("Initrd", GuestAssets.path("amd64/busybox.gz")),
      ("Append", "console=ttyS0"),
    ] { _ = try machines.output(["setextradata", "deb", "Ringbox/\(key)", value]) }
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
  private func start() throws -> ControlClient {
    let isSaved = try machines.info("deb", "VMState") == "saved"
    _ = try machines.output(["startvm", "deb", "--type", "headless"])
    let uuid = try #require(try machines.info("deb", "UUID"))
    let client = try ControlClient(path: machines.folder.name("run/ringbox/\(uuid).sock"))
    if !isSaved {
      try wait(client, GuestAssets.marker, GuestAssets.bootTimeout)
      try wait(client, "# ")
    }
    return client
  }
  private func stop() throws { _ = try machines.output(["controlvm", "deb", "poweroff"]) }
  private func wait(_ client: ControlClient, _ text: String, _ seconds: TimeInterval = 60) throws {
    try client.command(
      "wait-for-text",
      ["text": .string(text), "where": "serial0", "timeout": .integer(Int64(seconds))], timeout: seconds + 10)
  }
  private func type(_ client: ControlClient, _ line: String) throws {
    try client.command("serial-write", ["port": "serial0", "text": .string(line + "\n")])
  }
  private func write(_ word: String, _ client: ControlClient) throws {
    try type(client, "echo \(word) | dd of=/dev/sda bs=512 conv=sync,notrunc,fsync 2>/dev/null; echo wr\"\"ote-\(word)")
    try wait(client, "wrote-\(word)")
  }
  private func read(_ word: String, _ client: ControlClient) throws {
    try type(client, "echo re\"\"ad-$(dd if=/dev/sda bs=512 count=1 iflag=direct 2>/dev/null | tr -d '\\000')")
    try wait(client, "read-\(word)")
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
