import Base
import Foundation
import TestSupport
import Testing

/// Linux's drivers of pointing devices in a real guest: what a user does with the mouse comes out as input events.
@Suite("Pointer drivers", .serialized) struct PointerBootTests {
  /// The busybox initrd with drivers and probes behind it.
  private func initrd(_ folder: TemporaryFolder) throws -> String {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: GuestAssets.path("amd64/busybox.gz")))
    bytes.append(Data(repeating: 0, count: (4 - bytes.count % 4) % 4))
    bytes.append(try Data(contentsOf: URL(fileURLWithPath: GuestAssets.path("amd64/display.gz"))))
    return try folder.write("initrd", Array(bytes))
  }
  /// Boots, and prints the events of the first device whose name contains `device`, once the driver has made it.
  private func boot(_ folder: TemporaryFolder, _ device: String, _ extra: [String]) throws -> VM {
    let vm = try VM.launch(
      arguments: [
        "--memory", "512M", "--cpus", "2", "--kernel", GuestAssets.path("amd64/linux"), "--initrd",
        try initrd(folder), "--append", "console=ttyS0",
      ] + extra)
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.waitForSerial("# ", timeout: 60)
    try vm.typeSerial("/display/load evdev; /display/load psmouse; echo LOA\"\"DED\n")
    try vm.waitForSerial("LOADED", timeout: 120)
    let names = "/sys/class/input/event*/device/name"
    try vm.typeSerial("until grep -qs \(device) \(names); do sleep 0.1; done; /display/events \(device) &\n")
    try vm.waitForSerial("EVENTS of", timeout: 60)
    try vm.waitForSerial("\n", timeout: 60)
    return vm
  }
  private func move(
    _ vm: VM, _ arguments: [(String, Int64)], buttons: [String] = []
  ) throws {
    try vm.control.command(
      "mouse",
      [
        arguments[0].0: .integer(arguments[0].1), arguments[1].0: .integer(arguments[1].1),
        "buttons": .array(buttons.map { .string($0) }),
      ])
  }

  @Test("VMware's absolute pointer: the driver binds, and places and buttons come out") func absolute() throws {
    let folder = try TemporaryFolder()
    // Two devices have this name: the absolute one is made first.
    let vm = try boot(folder, "VMMouse", ["--mouse", "absolute", "--cpu", "host,+kvm"])
    #expect(vm.serialText().contains("EVENTS of VirtualPS/2 VMware VMMouse"), "\(vm.serialText().suffix(3000))")
    try move(vm, [("x", 12_345), ("y", 54_321)])
    try vm.waitForSerial("ABS 0 12345", timeout: 60)
    try vm.waitForSerial("ABS 1 54321", timeout: 60)
    try move(vm, [("x", 12_345), ("y", 100)], buttons: ["left"])
    try vm.waitForSerial("ABS 1 100", timeout: 60)
    try vm.waitForSerial("KEY 0x110 1", timeout: 60)
    try move(vm, [("x", 12_345), ("y", 100)], buttons: ["right"])
    try vm.waitForSerial("KEY 0x110 0", timeout: 60)
    try vm.waitForSerial("KEY 0x111 1", timeout: 60)
    try vm.quit()
  }

  @Test("without it places are refused, and distances come out") func relative() throws {
    let folder = try TemporaryFolder()
    let vm = try boot(folder, "Mouse", [])
    #expect(throws: (any Error).self) { try move(vm, [("x", 1), ("y", 1)]) }
    #expect(!vm.serialText().contains("VMMouse"))
    try move(vm, [("dx", 20), ("dy", -7)], buttons: ["middle"])
    try vm.waitForSerial("KEY 0x112 1", timeout: 60)
    let text = vm.serialText()
    #expect(text.contains("REL 0 ") || (try? vm.waitForSerial("REL 0 ", timeout: 60)) != nil)
    try vm.quit()
  }
}
