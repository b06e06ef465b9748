import Foundation
import TestSupport
import Testing

/// Debian's drivers and our disk controllers.
@Suite("Disks in a guest", .serialized) struct StorageBootTests {
  /// A disk image with a name in its first sector, and 1 MiB of noise from 1 MiB on.
  private func image(_ folder: TemporaryFolder, _ name: String, bytes: Int = 4 << 20) throws -> String {
    var contents = [UInt8](repeating: 0, count: bytes)
    contents.replaceSubrange(0..<name.utf8.count, with: Array("\(name)".utf8))
    if bytes >= 2 << 20 { for index in (1 << 20)..<(2 << 20) { contents[index] = UInt8(1 + index % 255) } }
    return try folder.write(name, contents)
  }
  private func boot(_ extra: [String], prefix: [String] = []) throws -> VM {
    let vm = try VM.launch(arguments: GuestAssets.linux("amd64", extra: extra), prefix: prefix)
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.waitForSerial("# ", timeout: 60)
    return vm
  }

  @Test("disks on every controller are read, written and trimmed; CD-ROMs are read") func everyController() throws {
    let folder = try TemporaryFolder()
    let interfaces = ["ide", "virtio", "scsi", "sata", "nvme"]
    var arguments: [String] = []
    for name in interfaces {
      arguments += ["--disk", "\(try image(folder, "DISK-\(name)")),if=\(name),format=raw"]
    }
    for name in ["ide", "sata"] {
      arguments += ["--cdrom", "\(try image(folder, "DISC-\(name)", bytes: 65536)),if=\(name)"]
    }
    let vm = try boot(arguments)
    // The name is copied to sector 8, and the noise given up; each disk says so by its name.
    try vm.typeSerial(
      """
      for d in /dev/sd? /dev/vda /dev/nvme0n1; do dd if=$d of=$d bs=512 count=1 seek=8 conv=fsync 2>/dev/null; \
      blkdiscard -o 1048576 -l 1048576 $d && echo done-$(dd if=$d bs=512 count=1 2>/dev/null | tr -d '\\000'); done; \
      for d in /dev/sr0 /dev/sr1; do echo read-$(dd if=$d bs=2048 count=1 2>/dev/null | tr -d '\\000'); done; \
      sync; echo a\"\"ll-done\n
      """)
    try vm.waitForSerial("all-done", timeout: 120)
    let text = vm.serialText()
    for name in interfaces { #expect(text.contains("done-DISK-\(name)"), "\(name): \(text.suffix(3000))") }
    for name in ["ide", "sata"] { #expect(text.contains("read-DISC-\(name)"), "\(text.suffix(3000))") }
    try vm.typeSerial("poweroff\n")
    #expect(try vm.waitForExit(timeout: 60) == 0)
    for name in interfaces {
      let bytes = folder.bytes("DISK-\(name)")
      #expect(Array(bytes[4096..<4608]) == Array(bytes[0..<512]), "\(name): what the guest wrote")
      #expect(bytes[(1 << 20)..<(2 << 20)].allSatisfy { $0 == 0 }, "\(name): what the guest gave up")
    }
  }

  @Test("a full host disk pauses the machine until there is room", arguments: ["sata", "nvme"])
  func fullHostDisk(interface: String) throws {
    let folder = try TemporaryFolder()
    // A file system of its own with room for 2 MiB of a disk of 16 MiB.
    let script = """
      mount -t tmpfs -o size=2M none "$1" && truncate -s 16M "$1/disk" && shift && exec "$@"
      """
    let isRoot = getuid() == 0
    let prefix =
      ["/usr/bin/unshare"] + (isRoot ? ["--mount"] : ["--mount", "--user", "--map-root-user"])
      + ["/bin/sh", "-c", script, "sh", folder.path]
    let vm = try boot(["--disk", "\(folder.name("disk")),if=\(interface),format=raw"], prefix: prefix)
    let disk = interface == "nvme" ? "/dev/nvme0n1" : "/dev/sda"
    try vm.typeSerial("dd if=/dev/urandom of=\(disk) bs=64k count=128 conv=fsync 2>&1 && echo wr\"\"itten\n")
    let deadline = Date(timeIntervalSinceNow: 120)
    while !vm.errors.contains("paused: disk0"), Date() < deadline { usleep(50_000) }
    #expect(vm.errors.contains("paused: disk0"))
    #expect(try vm.control.command("status")["state"]?.string == "paused")
    try Shell.run(
      "/usr/bin/nsenter",
      ["--target", "\(vm.processID)", "--mount"] + (isRoot ? [] : ["--user", "--preserve-credentials"])
        + ["/bin/mount", "-o", "remount,size=64M", folder.path])
    try vm.control.command("resume")
    try vm.waitForSerial("written", timeout: 120)
    #expect(!vm.serialText().contains("I/O error"))
    try vm.quit()
  }
}
