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
}
