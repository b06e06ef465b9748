import Foundation
import TestSupport
import Testing

@Suite("memory of a VM process") struct FootprintTests {
  /// What a machine may take beyond what its guest has touched.
  static let limit = 16 << 20

  /// 63 GiB are more than most hosts have: what is not touched is not there.
  @Test("a guest that touches nothing costs less than 16 MiB", arguments: [("1M", 1), ("4G", 4), ("63G", 2)])
  func emptyGuest(size: String, cpus: Int) throws {
    let folder = try TemporaryFolder()
    let firmware = try folder.write("rom", TinyFirmware.image(TinyFirmware.printing("up.") + TinyFirmware.halt))
    let vm = try VM.launch(arguments: ["--memory", size, "--cpus", "\(cpus)", "--firmware", firmware])
    try vm.waitForSerial("up.", timeout: 20)
    // A reset clears video memory, without touching it either.
    try vm.control.command("reset")
    try vm.waitForSerial("up.", timeout: 20)
    let memory = try ProcessMemory(of: vm.processID)
    #expect(memory.own > 1 << 20 && memory.own <= FootprintTests.limit, "\(memory)")
    #expect(memory.guest.values.reduce(0, +) < 1 << 20, "\(memory)")
    #expect(try vm.quit() == 5)
  }

  @Test("ten idle machines at once take little memory and no time") func tenMachines() throws {
    let folder = try TemporaryFolder()
    let firmware = try folder.write("rom", TinyFirmware.image(TinyFirmware.printing("up.") + TinyFirmware.echo))
    let machines = try (0..<10).map { _ in
      try VM.launch(arguments: ["--memory", "1G", "--cpus", "2", "--firmware", firmware])
    }
    for vm in machines { try vm.waitForSerial("up.", timeout: 60) }
    // Each answers, with all the others there.
    for vm in machines {
      try vm.typeSerial("x")
      try vm.waitForSerial("x", timeout: 60)
      try vm.control.command("pause")
    }
    let halting = try folder.write("halt", TinyFirmware.image(TinyFirmware.printing("rest.") + TinyFirmware.halt))
    let idle = try (0..<10).map { _ in
      try VM.launch(arguments: ["--memory", "1G", "--cpus", "2", "--firmware", halting])
    }
    for vm in idle { try vm.waitForSerial("rest.", timeout: 60) }
    let before = try idle.reduce(0) { try $0 + ProcessMemory.ticks(of: $1.processID) }
    usleep(2_000_000)
    let after = try idle.reduce(0) { try $0 + ProcessMemory.ticks(of: $1.processID) }
    // A hundredth of a second each: ten machines together have used less than a tenth of one processor.
    #expect(after - before < 20, "\(after - before) ticks in two seconds")
    let memory = try idle.map { try ProcessMemory(of: $0.processID).own }.reduce(0, +)
    #expect(memory <= 10 * FootprintTests.limit, "\(memory >> 20) MiB")
    for vm in machines + idle { #expect(try vm.quit() == 5) }
  }
}
