import Base
import Foundation
import HostSystem
import TestSupport
import Testing

@Suite("bad files") struct BadFileTests {
  @Test func firmwareThatIsNoneIsRefused() throws {
    let folder = try TemporaryFolder()
    let short = try folder.write("short.bin", [1, 2, 3])
    try expectRefusal(["run", "--firmware", folder.name("absent")], status: 1, "absent", "No such file")
    try expectRefusal(["run", "--firmware", folder.path], status: 1, "directory")
    try expectRefusal(["run", "--firmware", short], status: 1, "short.bin", "no BIOS image")
  }

  @Test func kernelThatIsNoneIsRefused() throws {
    let folder = try TemporaryFolder()
    try expectRefusal(["run", "--kernel", folder.name("absent")], status: 1, "kernel", "No such file")
    try expectRefusal(["run", "--kernel", folder.path], status: 1, "kernel", "directory")
    try expectRefusal(["run", "--kernel", try folder.write("empty", [])], status: 1, "kernel", "empty")
    try expectRefusal(
      ["run", "--kernel", try folder.write("text", Array("hello".utf8))], status: 1, "kernel", "text")
    // An ELF file for another machine (EM_AARCH64).
    var elf: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8) + [2, 0, 183, 0]
    elf += [UInt8](repeating: 0, count: 4096)
    try expectRefusal(["run", "--kernel", try folder.write("arm", elf)], status: 1, "kernel", "arm")
    // A bzImage header that promises more than the file holds.
    var image = [UInt8](repeating: 0, count: 1024)
    image[0x1f1] = 1
    image.replaceSubrange(0x1fe..<0x200, with: [0x55, 0xaa])
    image.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
    image[0x206] = 0x0f
    image[0x207] = 0x02
    image[0x211] = 1
    try expectRefusal(["run", "--kernel", try folder.write("cut", image)], status: 1, "kernel", "cut")
  }

  @Test func diskThatIsNoneIsRefused() throws {
    let folder = try TemporaryFolder()
    for interface in ["ide", "virtio"] {
      try expectRefusal(["run", "--disk", folder.name("absent") + ",if=\(interface)"], status: 1, "absent")
      try expectRefusal(["run", "--disk", folder.path + ",if=\(interface)"], status: 1, "directory")
      try expectRefusal(["run", "--disk", try folder.write("empty", []) + ",if=\(interface)"], status: 1, "empty")
    }
    try expectRefusal(["run", "--cdrom", folder.name("absent")], status: 1, "absent")
    try expectRefusal(["run", "--floppy", folder.path], status: 1, "directory")
  }

  @Test func unreadableFileIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("secret", [UInt8](repeating: 0, count: 65536))
    #expect(chmod(path, 0) == 0)
    #expect(chmod(folder.path, 0o755) == 0)
    // Root reads everything: become nobody where that is possible.
    let prefix = geteuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
    let result = try RingboxProgram.run(["run", "--firmware", path], prefix: prefix)
    // A build in a folder that nobody else may enter cannot be tested this way.
    guard result.status != 127, !result.errors.contains("setpriv") else { return }
    #expect(result.status == 1)
    #expect(result.errors.contains("Permission denied"))
  }

  @Test func twoMachinesCannotWriteOneDisk() throws {
    let folder = try TemporaryFolder()
    let disk = try folder.write("disk.img", [UInt8](repeating: 0, count: 1 << 20))
    let vm = try VM.launch(arguments: ["--disk", disk])
    try expectRefusal(["run", "--disk", disk], status: 1, "disk.img", "in use")
    #expect(try vm.quit() == 5)
  }

  @Test func portsAndPathsInUseAreRefusedAndNothingIsLeftBehind() throws {
    let folder = try TemporaryFolder()
    let vm = try VM.launch(arguments: [])
    // The socket of a running machine, and a file that is no socket.
    let busy = folder.name("busy")
    let listener = try HostSocket.listenLocal(busy)
    try expectRefusal(["run", "--serial", "none", "--control", "unix:\(busy)"], status: 1, "busy", "in use")
    let plain = try folder.write("plain", [1])
    try expectRefusal(["run", "--serial", "none", "--control", "unix:\(plain)"], status: 1, "plain", "exists")
    withExtendedLifetime(listener) {}

    var port: UInt16 = 42000
    var taken: HostStream?
    while taken == nil, port < 42100 {
      port += 1
      taken = try? HostSocket.listenLoopback(port: port)
    }
    try expectRefusal(
      [
        "run", "--serial", "file:\(folder.name("log"))", "--serial", "tcp:\(port)", "--control",
        "unix:\(folder.name("socket"))",
      ], status: 1, "serial1", "\(port)", "in use")
    try expectRefusal(
      ["run", "--serial", "file:\(folder.name("log"))", "--serial", "file:\(folder.path)"], status: 1, "serial1",
      "directory")
    try expectRefusal(["run", "--screenshot", folder.name("no/x.png")], status: 1, "screenshot")
    #expect(folder.entries == ["busy", "plain"])
    #expect(folder.bytes("plain") == [1])
    #expect(try vm.quit() == 5)
  }

  @Test func missingFirmwarePackageIsNamed() throws {
    // A mount namespace in which the package's folder is empty.
    guard geteuid() == 0, FileManager.default.fileExists(atPath: "/usr/share/seabios") else { return }
    let script = "mount -t tmpfs none /usr/share/seabios && exec \"$0\" \"$@\""
    let result = try RingboxProgram.run(
      ["run", "--serial", "none"], prefix: ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", script])
    // Containers may forbid namespaces.
    guard !result.errors.contains("unshare"), !result.errors.contains("mount") else { return }
    #expect(result.status == 1)
    #expect(result.errors.contains("package seabios"), "\(result.errors)")
  }
}
