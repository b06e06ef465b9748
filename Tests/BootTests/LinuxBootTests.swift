import Foundation
import TestSupport
import Testing

/// Debian's kernels with busybox: to a shell on the serial port and on the screen, and out again.
@Suite("Linux boots", .serialized) struct LinuxBootTests {
  /// Runs a command in the guest's serial shell and returns its output.
  private func shell(_ vm: VM, _ command: String, timeout: TimeInterval = 60) throws -> String {
    let mark = UUID().uuidString.prefix(8)
    let before = vm.serialText().count
    // The mark is split in what is typed, so that the echo of the command does not match.
    try vm.typeSerial("\(command); echo E\"N\"D-\(mark)\n")
    try vm.waitForSerial("END-\(mark)", timeout: timeout)
    return String(vm.serialText().dropFirst(before))
  }

  private func boot(_ architecture: String, extra: [String] = []) throws -> VM {
    let vm = try VM.launch(arguments: GuestAssets.linux(architecture, extra: extra))
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.waitForSerial("# ", timeout: 60)
    return vm
  }

  @Test(
    "a serial shell with two processors, time that passes, and power-off", arguments: ["amd64", "i386"],
    ["recompiler", "interpreter"])
  func serialShell(architecture: String, engine: String) throws {
    let vm = try boot(architecture, extra: ["--cpus", "2", "--engine", engine])
    #expect(try shell(vm, "nproc").contains("\n2"))
    let first = try shell(vm, "cat /proc/interrupts")
    // A busy host makes it longer, but hardly every time.
    var slept: [TimeInterval] = []
    repeat {
      let start = Date()
      _ = try shell(vm, "sleep 2")
      slept.append(Date().timeIntervalSince(start))
    } while slept.last ?? 0 >= 2.6 && slept.count < 5
    let shortest = slept.min() ?? 0
    #expect(
      shortest > 1.9 && shortest < 2.6, "sleep 2 took \(slept) s of host time, prompt and echo included")
    #expect(try shell(vm, "cat /proc/interrupts") != first)
    let asked = Date().timeIntervalSince1970
    let guest = Double(try shell(vm, "date +T=%s").split(separator: "T=").last?.prefix(10) ?? "") ?? 0
    #expect(guest > asked - 5 && guest < Date().timeIntervalSince1970 + 5)
    try vm.typeSerial("poweroff\n")
    #expect(try vm.waitForExit(timeout: 60) == 0)
  }

  @Test("an idle guest sleeps") func idleGuestSleeps() throws {
    let vm = try boot("amd64", extra: ["--cpus", "2"])
    // What it has left to do for its start takes longer where the host is busy.
    var used: [Double] = []
    Thread.sleep(forTimeInterval: 3)
    repeat {
      let before = try cpuSeconds(vm.processID)
      let start = Date()
      Thread.sleep(forTimeInterval: 10)
      used.append((try cpuSeconds(vm.processID) - before) / Date().timeIntervalSince(start))
    } while used.last ?? 0 >= 0.03 && used.count < 3
    #expect(used.last ?? 1 < 0.03, "an idle guest used \(used.map { $0 * 100 }) % of a core")
    try vm.quit()
  }

  @Test("a machine takes little beyond its guest's memory", arguments: [("interpreter", 16), ("recompiler", 96)])
  func memory(engine: String, mebibytes: Int) throws {
    let vm = try boot("amd64", extra: ["--engine", engine])
    // What one processor's machine takes beyond what the guest has touched.
    let memory = try ProcessMemory(of: vm.processID)
    #expect(memory.own <= mebibytes << 20, "\(memory)")
    try vm.quit()
  }

  /// User and system time of a process, from /proc.
  private func cpuSeconds(_ pid: Int32) throws -> Double {
    let fields =
      try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8).split(separator: ")").last?
      .split(separator: " ").compactMap { Double($0) } ?? []
    // After the name: state (dropped), ppid ... utime is field 14, stime 15 of the whole line.
    return (fields[10] + fields[11]) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  @Test("a shell on the VGA console, typed into through the keyboard", arguments: ["amd64", "i386"])
  func screenShell(architecture: String) throws {
    let vm = try VM.launch(arguments: GuestAssets.linux(architecture, console: "tty0"))
    // The rows of the screen end where their text does.
    try vm.waitForScreen("/root #", timeout: GuestAssets.bootTimeout)
    try vm.type("echo answer-$((6*7))\n")
    try vm.waitForScreen("answer-42", timeout: 60)
    try vm.type("reboot\n")
    try vm.waitForScreen("SeaBIOS", timeout: 120)
    try vm.quit()
  }
}
