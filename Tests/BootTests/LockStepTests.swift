import Foundation
import TestSupport
import Testing

/// `--verify-execution`: whole systems with recompiler and interpreter in lock-step. A difference ends the machine with
/// status 6.
@Suite("Lock-step", .serialized) struct LockStepTests {
  private static let lockStep = ["--verify-execution", "--deterministic", "1"]

  private func launch(_ arguments: [String]) throws -> VM {
    try VM.launch(arguments: arguments + LockStepTests.lockStep)
  }

  @Test("the firmware, up to its last words") func firmware() throws {
    let vm = try launch(["--memory", "64M"])
    try vm.waitForScreen("No bootable device", timeout: 120)
    #expect(try vm.quit() == 5, "\(vm.errors)")
  }

  @Test("GRUB, up to its menu") func grub() throws {
    let image = try GuestAssets.copy("grub-disk.img")
    let vm = try launch(["--memory", "512M", "--disk", "\(image.path),if=virtio"])
    try vm.waitForSerial("GNU GRUB", timeout: 300)
    #expect(try vm.quit() == 5, "\(vm.errors)")
  }

  /// Billions of instructions in the kernel's decompressor alone.
  @Test(
    "Debian's kernels, up to the shell", .enabled(if: GuestAssets.hasTime), arguments: ["amd64", "i386"])
  func kernel(architecture: String) throws {
    let vm = try launch(GuestAssets.linux(architecture))
    try vm.waitForSerial(GuestAssets.marker, timeout: 3600)
    #expect(try vm.quit() == 5, "\(vm.errors)")
  }
  @Test(
    "real-mode programs", arguments: [("text", "done"), ("disk", "done"), ("vbe", "linear"), ("mode13", "chained")])
  func realMode(name: String, last: String) throws {
    let program = try BootProgram(name, filled: name == "disk")
    let vm = try launch(program.arguments(["--snapshot"]))
    try vm.waitForSerial(last, timeout: 180)
    #expect(try vm.quit() == 5, "\(vm.errors)")
  }
}
