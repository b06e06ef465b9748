import Base
import Foundation
import TestSupport
import Testing

/// Machines whose firmware is EFI, with the image of Debian's package ovmf.
@Suite("EFI", .serialized, .enabled(if: FileManager.default.fileExists(atPath: "/usr/share/ovmf/OVMF.fd")))
struct EFIBootTests {
  /// An EFI system partition without a table: Debian's kernel, which is an EFI program, the initial RAM disk, and what the
  /// firmware's shell is to do.
  private func disk(_ folder: TemporaryFolder) throws -> String {
    let image = folder.name("esp.img")
    try Shell.run("/usr/bin/truncate", ["-s", "64M", image])
    try Shell.run("/usr/bin/mformat", ["-i", image, "-F", "::"])
    try Shell.run("/usr/bin/mcopy", ["-i", image, GuestAssets.path("amd64/linux"), "::/linux.efi"])
    try Shell.run("/usr/bin/mcopy", ["-i", image, GuestAssets.path("amd64/busybox.gz"), "::/initrd.gz"])
    let script = try folder.write("startup.nsh", Array("fs0:\r\nlinux.efi console=ttyS0 initrd=\\initrd.gz\r\n".utf8))
    try Shell.run("/usr/bin/mcopy", ["-i", image, script, "::/startup.nsh"])
    return image
  }

  @Test("modifyvm --firmware efi: the firmware's shell starts Debian's 64-bit kernel from a disk") func linux() throws {
    let machines = try KeptMachines()
    let image = try disk(machines.folder)
    _ = try machines.output(["createvm", "--name", "efi", "--ostype", "Debian_64", "--register"])
    _ = try machines.output(["modifyvm", "efi", "--memory", "512", "--firmware", "efi", "--nic1", "none"])
    _ = try machines.output(["modifyvm", "efi", "--uart1", "0x3F8", "4", "--uartmode1", "disconnected"])
    let vdi = machines.folder.name("VirtualBox VMs/efi/efi.vdi")
    _ = try machines.output(["convertfromraw", image, vdi])
    _ = try machines.output(["storagectl", "efi", "--name", "SATA", "--add", "sata"])
    _ = try machines.output([
      "storageattach", "efi", "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium", vdi,
    ])
    _ = try machines.output(["startvm", "efi", "--type", "headless"])
    let uuid = try #require(try machines.info("efi", "UUID"))
    let control = try ControlClient(path: machines.folder.name("run/ringbox/\(uuid).sock"))
    func wait(_ text: String, _ timeout: TimeInterval) throws {
      try control.command(
        "wait-for-text", ["text": .string(text), "where": "serial0", "timeout": .number(timeout)],
        timeout: timeout + 10)
    }
    try wait(GuestAssets.marker, GuestAssets.bootTimeout)
    try wait("# ", 60)
    // Started by EFI, which is still there at run time.
    let question = "echo E\"\"FI-$(cat /sys/firmware/efi/fw_platform_size)-\n"
    try control.command("serial-write", ["text": .string(question)])
    try wait("EFI-64-", 60)
    _ = try machines.output(["controlvm", "efi", "poweroff"])
  }
}
