import Foundation
import TestSupport
import Testing

/// Guests that mean harm: whatever they do, the machine goes on or ends with a documented status.
@Suite("Hostile guests", .serialized) struct HostileGuestTests {
  /// What hostile.s does, by its WHAT. True: it must end in a triple fault; false: it must keep running.
  private static let deeds: [(what: Int, name: String, tripleFault: Bool?)] = [
    (1, "an exception without an IDT", true), (2, "a call into the local APIC", nil),
    (3, "a call into the HPET", nil), (4, "a call into the I/O APIC", nil), (5, "code in the VGA window", false),
    (6, "a call to unclaimed addresses", true), (7, "a jump to the reset vector in protected mode", true),
    (8, "HLT with interrupts off", false), (9, "overwriting the firmware", nil),
    (10, "a jump above RAM through paging", true), (11, "a stack in device memory", nil),
    (12, "page tables in the local APIC", nil), (13, "descriptor tables in the HPET", nil),
    (14, "string instructions between device registers", false),
  ]

  @Test("a triple fault ends the machine with status 4 and a message when asked to") func tripleFaultEnds() throws {
    let program = try BootProgram("hostile", symbols: ["WHAT=1"])
    let vm = try program.launch(["--exit-on", "triple-fault"])
    #expect(try vm.waitForExit(timeout: 60) == 4)
    #expect(vm.errors.contains("triple fault"), "\(vm.errors)")
  }

  @Test("a triple fault resets the machine otherwise") func tripleFaultResets() throws {
    let vm = try BootProgram("hostile", symbols: ["WHAT=1"]).launch()
    try vm.waitForSerial("rude", timeout: 60)
    // The event comes after the line on standard error.
    _ = try vm.control.waitForEvent("reset", timeout: 60)
    #expect(vm.errors.contains("triple fault"), "\(vm.errors)")
    try vm.waitForSerial("rude", timeout: 60)
    #expect(try vm.quit() == 5)
  }

  @Test("code, stacks and tables in devices and ROM hurt only the guest") func misplacedCode() throws {
    for (what, name, tripleFault) in HostileGuestTests.deeds.dropFirst() {
      let vm = try BootProgram("hostile", symbols: ["WHAT=\(what)"]).launch(["--exit-on", "triple-fault"])
      // The end that must come may take its time.
      let status = try finish(vm, seconds: tripleFault == true ? 60 : 2)
      switch tripleFault {
      case true?: #expect(status == 4, "\(name): status \(status): \(vm.errors)")
      case false?: #expect(status == 5, "\(name): status \(status): \(vm.errors)")
      case nil: #expect([4, 5].contains(status), "\(name): status \(status): \(vm.errors)")
      }
    }
  }

  @Test("HLT with interrupts off costs no host time and can be ended") func deadHalt() throws {
    let vm = try BootProgram("hostile", symbols: ["WHAT=8"]).launch()
    try vm.waitForSerial("rude", timeout: 60)
    // The program may have some way to go to its HLT, on a host that is busy.
    var used: [Double] = []
    repeat {
      let before = try cpuSeconds(vm.processID)
      usleep(2_000_000)
      used.append(try cpuSeconds(vm.processID) - before)
    } while used.last ?? 0 >= 0.1 && used.count < 5
    #expect(used.last ?? 1 < 0.1, "\(used) s of processor time in 2 s each")
    // Keys find nobody, and the control channel stays alive.
    #expect(throws: ControlClient.Failed.self) { try vm.type("abc") }
    #expect(try vm.control.command("status")["state"]?.string == "running")
    #expect(try vm.quit() == 5)
  }

  @Test("random accesses to all ports and registers stay inside the machine", arguments: [1, 0])
  func fuzzedPorts(sparing: Int) throws {
    let folder = try TemporaryFolder()
    let disks = try ["lsilogic", "lsilogicsas", "buslogic", "sata", "nvme"].flatMap { interface in
      ["--disk", "\(try folder.write(interface, [UInt8](repeating: 0, count: 1 << 20))),if=\(interface),format=raw"]
    }
    for seed in 1...(ProcessInfo.processInfo.environment["FUZZ_SEEDS"].flatMap { Int($0) } ?? 4) {
      let program = try BootProgram("fuzz", symbols: ["SEED=\(seed)", "SPARE=\(sparing)"])
      let vm = try program.launch(["--cpus", seed % 2 == 0 ? "2" : "1"] + disks)
      let status = try finish(vm, seconds: 4)
      // Switching itself off is a guest's right.
      #expect(status == 5 || sparing == 0 && status == 0, "seed \(seed): status \(status): \(vm.errors.suffix(2000))")
    }
  }

  /// Lets a guest run for a while after its first words, and ends it unless it has ended already.
  private func finish(_ vm: VM, seconds: Double) throws -> Int32 {
    do {
      // Both programs say something first; the machine may be gone before the answer.
      try vm.control.command(
        "wait-for-text", ["text": "\n", "where": "serial0", "timeout": .number(60)], timeout: 70)
      let deadline = Date(timeIntervalSinceNow: seconds)
      while Date() < deadline {
        usleep(100_000)
        try vm.control.command("status")
      }
      _ = try vm.screenshot()
      try vm.control.command("quit")
    } catch is ControlClient.Failed {}
    return try vm.waitForExit(timeout: 60)
  }

  /// User and system time of a process, from /proc.
  private func cpuSeconds(_ pid: Int32) throws -> Double {
    let fields =
      try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8).split(separator: ")").last?
      .split(separator: " ").compactMap { Double($0) } ?? []
    // After the name: the state (dropped), then fields 4 and up; 14 is user time, 15 system time.
    return try #require(fields.count > 11 ? fields[10] + fields[11] : nil) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }
}
