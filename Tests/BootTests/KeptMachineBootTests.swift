import Foundation
import TestSupport
import Testing

/// A machine as a user of VirtualBox makes one: by name, with a disk of its own, watched by its serial port.
@Suite("kept machines boot", .serialized) struct KeptMachineBootTests {
  @Test("GRUB and Debian's kernel from a machine with a VDI disk", arguments: ["ide", "sata"]) func grub(bus: String)
    throws
  {
    let machines = try KeptMachines()
    let folder = machines.folder
    _ = try machines.output(["createvm", "--name", "deb", "--ostype", "Debian_64", "--register"])
    _ = try machines.output([
      "modifyvm", "deb", "--memory", "512", "--boot1", "disk", "--boot2", "none", "--boot3", "none", "--nic1", "none",
      "--uart1", "0x3F8", "4", "--uartmode1", "file", folder.name("serial.txt"),
    ])
    let disk = folder.name("VirtualBox VMs/deb/deb.vdi")
    _ = try machines.output(["clonemedium", GuestAssets.path("grub-disk.img"), disk, "--format", "VDI"])
    _ = try machines.output(["storagectl", "deb", "--name", "C", "--add", bus])
    _ = try machines.output([
      "storageattach", "deb", "--storagectl", "C", "--port", "0", "--device", "0", "--type", "hdd", "--medium", disk,
    ])
    _ = try machines.output(["startvm", "deb", "--type", "headless"])
    let deadline = Date(timeIntervalSinceNow: GuestAssets.bootTimeout)
    while !folder.text("serial.txt").contains(GuestAssets.marker), Date() < deadline { usleep(100_000) }
    #expect(folder.text("serial.txt").contains("GNU GRUB"))
    #expect(folder.text("serial.txt").contains(GuestAssets.marker))
    _ = try machines.output(["controlvm", "deb", "poweroff"])
    _ = try machines.output(["unregistervm", "deb", "--delete"])
    #expect(!FileManager.default.fileExists(atPath: folder.name("VirtualBox VMs/deb")))
  }

  @Test("keys of the configuration reach the guest, and are seen in the tree") func configuration() throws {
    let machines = try KeptMachines()
    _ = try machines.output(["createvm", "--name", "deb", "--ostype", "Debian_64", "--register"])
    let serial = machines.folder.name("serial.txt")
    _ = try machines.output([
      "modifyvm", "deb", "--memory", "256", "--nic1", "nat", "--uart1", "0x3F8", "4", "--uartmode1", "file", serial,
      "--hardware-uuid", "00112233-4455-6677-8899-aabbccddeeff",
    ])
    let ids = "/sys/class/dmi/id"
    for (key, value) in [
      ("Ringbox/Kernel", GuestAssets.path("amd64/linux")), ("Ringbox/Initrd", GuestAssets.path("amd64/busybox.gz")),
      ("Ringbox/Append", "console=ttyS0"),
      ("VBoxInternal/Devices/pcbios/0/Config/DmiSystemVendor", "Acme"),
      ("VBoxInternal/Devices/pcbios/0/Config/DmiBoardSerial", "B-42"),
      ("VBoxInternal/Machine/network/0/model", "pcnet"),
      ("VBoxInternal/Devices/none/0/Config/X", "1"),
    ] { _ = try machines.output(["setextradata", "deb", key, value]) }
    _ = try machines.output(["startvm", "deb", "--type", "headless"])
    let tree = try machines.output(["debugvm", "deb", "info", "cfgm"])
    #expect(tree.contains("[/network/0/]") && tree.contains("model = \"pcnet\""), "\(tree)")
    let log = machines.folder.text("VirtualBox VMs/deb/Logs/VBox.log")
    #expect(log.contains("'VBoxInternal/Devices/none/0/Config/X': the machine has no such key"))
    let control = try ControlClient(
      path: machines.folder.name("run/ringbox/\(try machines.info("deb", "UUID") ?? "").sock"))
    func wait(_ text: String) throws {
      try control.command(
        "wait-for-text", ["text": .string(text), "where": "serial0", "timeout": 120], timeout: 130)
    }
    try wait("# ")
    try control.command(
      "serial-write", ["text": .string("echo I=$(cat \(ids)/sys_vendor \(ids)/board_serial \(ids)/product_uuid)\n")])
    try wait("I=Acme B-42 00112233-4455-6677-8899-aabbccddeeff")
    _ = try machines.output(["controlvm", "deb", "poweroff"])
  }
}
