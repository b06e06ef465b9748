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

  /// Host adapters of parallel SCSI and SAS with Debian's own drivers: two disks and a CD-ROM drive on each.
  @Test(
    "SCSI host adapters work with Debian's drivers",
    arguments: [
      ("lsilogic", "mptspi", "amd64"), ("lsilogic", "mptspi", "i386"), ("lsilogicsas", "mptsas", "amd64"),
      ("lsilogicsas", "mptsas", "i386"), ("buslogic", "BusLogic", "amd64"), ("buslogic", "BusLogic", "i386"),
    ])
  func hostAdapters(interface: String, driver: String, architecture: String) throws {
    let folder = try TemporaryFolder()
    let disks = try (0..<2).map { try image(folder, "DISK-\($0)") }
    let disc = try image(folder, "DISC", bytes: 65536)
    var arguments = disks.flatMap { ["--disk", "\($0),if=\(interface),format=raw"] }
    arguments += ["--cdrom", "\(disc),if=\(interface)"]
    let vm = try VM.launch(arguments: GuestAssets.linux(architecture, extra: arguments))
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.waitForSerial("# ", timeout: 60)
    // Noise goes to the first disk in large and small pieces, from there to the second, and is compared uncached.
    try vm.typeSerial(
      """
      lsmod | grep -q ^\(driver) && echo driver\"\"-there; for i in $(seq 60); do \
      [ -b /dev/sdb -a -b /dev/sr0 ] && break; sleep 1; done; \
      dd if=/dev/urandom of=/noise bs=64k count=32 2>/dev/null; s=$(sha256sum </noise); \
      dd if=/noise of=/dev/sda bs=512k seek=4 conv=fsync 2>/dev/null; echo 3 >/proc/sys/vm/drop_caches; \
      dd if=/dev/sda of=/dev/sdb bs=4k skip=512 count=512 seek=512 conv=fsync 2>/dev/null; \
      echo 3 >/proc/sys/vm/drop_caches; \
      for d in sda sdb; do [ "$s" = "$(dd if=/dev/$d bs=1M skip=2 count=2 2>/dev/null | sha256sum)" ] && echo sa\"\"me-$d; done; \
      echo disc-$(dd if=/dev/sr0 bs=2048 count=1 2>/dev/null | tr -d '\\000'); \
      dmesg | grep -E 'I/O error|timed out|attempting (task|target|bus|host)|Errata|FAULT' && echo tro\"\"uble; echo a\"\"ll-done\n
      """)
    try vm.waitForSerial("all-done", timeout: 180)
    let text = vm.serialText()
    for word in ["driver-there", "same-sda", "same-sdb", "disc-DISC"] {
      #expect(text.contains(word), "\(word): \(text.suffix(3000))")
    }
    #expect(!text.contains("trouble"), "\(text.suffix(3000))")
    try vm.typeSerial("poweroff\n")
    #expect(try vm.waitForExit(timeout: 60) == 0)
    let bytes = folder.bytes("DISK-0")
    #expect(bytes[(2 << 20)...] == folder.bytes("DISK-1")[(2 << 20)...])
    #expect(Set(bytes[(2 << 20)..<(2 << 20) + 4096]).count > 100, "the noise is there")
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
