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
}
