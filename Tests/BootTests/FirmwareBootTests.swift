import Foundation
import TestSupport
import Testing

/// Through the firmware: what it says without a disk, GRUB from a disk, the installer, an installed system.
@Suite("Firmware boots", .serialized) struct FirmwareBootTests {
  @Test(
    "without a bootable device SeaBIOS says so",
    arguments: [["--engine", "recompiler"], ["--engine", "interpreter"], ["--coverage", "/dev/null"]])
  func noBootableDevice(arguments: [String]) throws {
    let vm = try VM.launch(arguments: ["--memory", "64M"] + arguments)
    try vm.waitForScreen("No bootable device", timeout: 120)
    #expect(try vm.quit() == 5)
  }

  @Test(
    "GRUB shows its menu and starts Debian's kernel",
    arguments: ["ide", "virtio", "scsi", "sata", "nvme", "lsilogic", "lsilogicsas"])
  func grub(interface: String) throws {
    let image = try GuestAssets.copy("grub-disk.img")
    try grub(image, ["--disk", "\(image.path),if=\(interface)"])
  }
  @Test("GRUB and Debian's kernel on the interpreter") func grubInterpreted() throws {
    let image = try GuestAssets.copy("grub-disk.img")
    try grub(image, ["--disk", image.path, "--engine", "interpreter"])
  }
  private func grub(_ image: TemporaryImage, _ arguments: [String]) throws {
    let vm = try VM.launch(arguments: ["--memory", "512M"] + arguments)
    try vm.waitForSerial("GNU GRUB", timeout: 120)
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.quit()
  }

  @Test("GRUB starts Debian's kernel from images that grow", arguments: ["vdi", "qcow2"])
  func grubFromSparseImages(format: String) throws {
    let image = try GuestAssets.copy("grub-disk.img")
    let folder = try TemporaryFolder()
    let base = folder.name("base.\(format)"), top = folder.name("top.\(format)")
    for arguments in [
      ["clonemedium", image.path, base, "--format", format], ["createmedium", "--filename", top, "--diffparent", base],
    ] {
      let result = try RingboxProgram.run(arguments, timeout: 120)
      #expect(result.status == 0, "\(result.errors)")
    }
    let vm = try VM.launch(arguments: ["--memory", "512M", "--disk", "\(top),if=virtio,cache=none"])
    try vm.waitForSerial("GNU GRUB", timeout: 120)
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.quit()
    for path in [base, top] {
      let check = try RingboxProgram.run(["checkmedium", path])
      #expect(check.status == 0, "\(check.output)\(check.errors)")
    }
  }

  @Test(
    "the Debian installer reaches its language screen and follows the keyboard", arguments: ["amd64", "i386"])
  func installer(architecture: String) throws {
    let vm = try VM.launch(arguments: [
      // With less it warns that memory is low, in English only.
      "--memory", "1G", "--kernel", GuestAssets.path("\(architecture)/linux"),
      // Its driver for the display would go to a graphics mode.
      "--initrd", GuestAssets.path("\(architecture)/installer.gz"), "--append", "nomodeset fb=false console=tty0",
    ])
    try vm.waitForScreen("Select a language", timeout: GuestAssets.bootTimeout)
    try vm.waitForScreen("English", timeout: 60)
    let before = try vm.screenText()
    try vm.keys("pagedown")
    let deadline = Date(timeIntervalSinceNow: 60)
    while try vm.screenText() == before, Date() < deadline { usleep(200_000) }
    #expect(try vm.screenText() != before, "Page Down must scroll the list of languages")
    try vm.quit()
  }

  @Test(
    "an installed Debian logs in, keeps files and leaves a clean file system", arguments: ["ide", "virtio"])
  func debianDisk(interface: String) throws {
    let image = try GuestAssets.copy("debian/disk.img")
    let vm = try VM.launch(arguments: ["--memory", "1G", "--cpus", "2", "--disk", "\(image.path),if=\(interface)"])
    try vm.waitForSerial("login:", timeout: 2 * GuestAssets.bootTimeout)
    try vm.typeSerial("root\n")
    try vm.waitForSerial("assword:", timeout: 60)
    try vm.typeSerial("ringbox\n")
    try vm.waitForSerial("# ", timeout: 120)
    try vm.typeSerial("echo kept-$((6*7)) > /root/kept; sync; cat /root/kept\n")
    try vm.waitForSerial("kept-42", timeout: 60)
    try vm.typeSerial("poweroff\n")
    #expect(try vm.waitForExit(timeout: 300) == 0)
    try checkFileSystem(image.path)
  }

  /// e2fsck finds nothing to do on the first partition, and the file is there.
  private func checkFileSystem(_ image: String) throws {
    let table = try Shell.run("/sbin/sfdisk", ["-d", image])
    let start = table.split(separator: "\n").compactMap { line -> Int? in
      guard let range = line.range(of: "start=") else { return nil }
      return Int(line[range.upperBound...].trimmingCharacters(in: .whitespaces).prefix { $0.isNumber })
    }.first
    let offset = try #require(start) * 512
    try Shell.run("/sbin/e2fsck", ["-f", "-n", "\(image)?offset=\(offset)"])
    let kept = try Shell.run("/sbin/debugfs", ["-R", "cat /root/kept", "\(image)?offset=\(offset)"])
    #expect(kept.contains("kept-42"))
  }
}

/// Machines need no rights: an ordinary user without a single useful device node.
@Suite("Without privileges") struct UnprivilegedTests {
  @Test("a guest boots for an ordinary user with an almost empty /dev") func ordinaryUser() throws {
    let folder = NSTemporaryDirectory() + "ringbox-user-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // The user sees null, zero and urandom; no kvm, no tun, no tty.
    let script = """
      mkdir -p /tmp/ringbox-dev.$$ && mount -t tmpfs none /tmp/ringbox-dev.$$ \
      && for node in null zero urandom; do touch /tmp/ringbox-dev.$$/$node \
      && mount --bind /dev/$node /tmp/ringbox-dev.$$/$node; done && mount --rbind /tmp/ringbox-dev.$$ /dev \
      && exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs -- "$@"
      """
    let program = try RingboxProgram.path()
    let serial = folder + "/serial"
    let arguments = GuestAssets.linux("amd64", extra: ["--serial", "file:\(serial)"])
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
    process.arguments =
      (getuid() == 0 ? ["--mount"] : ["--mount", "--user", "--map-root-user"])
      + ["/bin/sh", "-c", script, "sh", program, "run"] + arguments
    process.standardInput = FileHandle.nowhere
    try process.run()
    defer { process.end() }
    let deadline = Date(timeIntervalSinceNow: GuestAssets.bootTimeout)
    var text = ""
    while !text.contains(GuestAssets.marker), process.isRunning, Date() < deadline {
      usleep(500_000)
      text = (try? String(contentsOfFile: serial, encoding: .utf8)) ?? ""
    }
    #expect(text.contains(GuestAssets.marker), "\(text.suffix(500))")
  }
}
