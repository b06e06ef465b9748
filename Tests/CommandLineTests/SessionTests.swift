import Base
import Foundation
import HostSystem
import TestSupport
import Testing

@Suite("a machine's run") struct SessionTests {
  private func firmware(_ folder: TemporaryFolder, _ code: [UInt8]) throws -> [String] {
    ["--memory", "1M", "--firmware", try folder.write("rom", TinyFirmware.image(code))]
  }

  @Test func exitStatusTellsHowTheGuestEnded() throws {
    let folder = try TemporaryFolder()
    let cases: [([UInt8], [String], Int32, String)] = [
      (TinyFirmware.powerOff, [], 0, ""),
      (TinyFirmware.reset, ["--exit-on", "reset"], 3, "reset"),
      (TinyFirmware.keyboardReset, ["--exit-on", "reset"], 3, "reset"),
      (TinyFirmware.port92Reset, ["--exit-on", "reset"], 3, "reset"),
      (TinyFirmware.tripleFault, ["--exit-on", "triple-fault"], 4, "triple fault"),
      (TinyFirmware.tripleFault, ["--exit-on", "shutdown,reset"], 4, "triple fault"),
    ]
    for (code, arguments, status, words) in cases {
      let result = try RingboxProgram.run(["run"] + (try firmware(folder, code)) + arguments)
      #expect(result.status == status, "\(words): \(result.errors)")
      #expect(words.isEmpty ? result.errors == "" : result.errors.contains(words))
    }
  }

  @Test func serialOutputIsWhatTheGuestPrintsAndTheStatusLineComesLast() throws {
    let folder = try TemporaryFolder()
    let code = TinyFirmware.printing("hello\r\n") + TinyFirmware.powerOff
    let result = try RingboxProgram.run(["run", "--json"] + (try firmware(folder, code)))
    let lines = result.output.utf8.split(separator: 0x0a).map { String(decoding: $0, as: UTF8.self) }
    #expect(lines.first == "hello\r")
    let status = try JSON(parsing: lines.last ?? "")
    #expect(status["exitStatus"] == 0)
    #expect(status["reason"]?.string?.contains("power off") == true)
    #expect((status["instructions"]?.integer ?? 0) > 10)
    #expect(status["cpus"]?.array?.count == 1)
  }

  @Test func serialFileHoldsTheWholeOutput() throws {
    let folder = try TemporaryFolder()
    let log = try folder.write("log", Array("old contents that are longer".utf8))
    let code = TinyFirmware.printing("new") + TinyFirmware.powerOff
    let result = try RingboxProgram.run(["run", "--serial", "file:\(log)"] + (try firmware(folder, code)))
    #expect(result.status == 0 && result.output == "")
    #expect(folder.text("log") == "new")
  }

  @Test func clockShowsUniversalOrLocalTimeAsAsked() throws {
    let folder = try TemporaryFolder()
    let machine = try firmware(folder, TinyFirmware.sendingCMOS(4) + TinyFirmware.powerOff)
    // Nine hours ahead of UTC, without daylight saving.
    let environment = ProcessInfo.processInfo.environment.merging(["TZ": "RBT-9"]) { $1 }
    func universalHour() -> Int { Int(Date().timeIntervalSince1970) / 3600 % 24 }
    for (arguments, ahead) in [([], 0), (["--rtc", "utc"], 0), (["--rtc", "localtime"], 9)] {
      let before = universalHour()
      let result = try RingboxProgram.run(["run"] + machine + arguments, environment: environment)
      #expect(result.status == 0, "\(result.errors)")
      let byte = try #require(result.output.utf8.first)
      let hour = Int(byte >> 4) * 10 + Int(byte & 0xf)
      #expect([before, universalHour()].map { ($0 + ahead) % 24 }.contains(hour))
    }
  }

  @Test func endOfInputStopsNothing() throws {
    let folder = try TemporaryFolder()
    let vm = try VM.launch(arguments: ["--serial", "stdio"] + (try firmware(folder, TinyFirmware.echo)))
    try vm.typeSerial("abc")
    try vm.waitForSerial("abc", timeout: 20)
    // Standard output is another pipe: on a busy host it may be a moment behind.
    for _ in 0..<200 where vm.output != "abc" { usleep(50_000) }
    #expect(vm.output == "abc")
    #expect(try vm.quit() == 5)
  }

  @Test func signalsEndTheRunInOrder() throws {
    let folder = try TemporaryFolder()
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let vm = try VM.launch(arguments: try firmware(folder, TinyFirmware.printing("up") + TinyFirmware.halt))
      try vm.waitForSerial("up", timeout: 20)
      vm.signal(number)
      let event = try vm.control.waitForEvent("exit", timeout: 20)
      #expect(event["exitStatus"]?.integer == Int64(128 + number))
      #expect(try vm.waitForExit(timeout: 20) == 128 + number)
    }
  }

  @Test func signalSentTwiceInARowStillEndsInOrder() throws {
    let folder = try TemporaryFolder()
    let code = TinyFirmware.printing("up") + TinyFirmware.halt
    let vm = try VM.launch(arguments: ["--json"] + (try firmware(folder, code)))
    try vm.waitForSerial("up", timeout: 20)
    // As timeout(1) does.
    vm.signal(SIGTERM)
    usleep(200)
    vm.signal(SIGTERM)
    #expect(try vm.waitForExit(timeout: 20) == 143)
    #expect(try JSON(parsing: vm.output.trimmingCharacters(in: .newlines))["exitStatus"] == 143)
  }

  @Test func controlChannelDrivesTheMachine() throws {
    let folder = try TemporaryFolder()
    let vm = try VM.launch(arguments: try firmware(folder, TinyFirmware.printing("up.") + TinyFirmware.halt))
    try vm.waitForSerial("up.", timeout: 20)
    #expect(try vm.control.command("status")["state"] == "running")
    try vm.control.command("pause")
    #expect(try vm.control.command("status")["state"] == "paused")
    #expect(throws: ControlClient.Failed.self) { try vm.control.command("pause") }
    try vm.control.command("resume")
    try vm.control.command("reset")
    try vm.waitForSerial("up.", timeout: 20)
    #expect(try vm.control.waitForEvent("reset", timeout: 10)["reason"] != nil)
    // The reset vector at the end of the first 4 GiB: jmp 0.
    #expect(try vm.readMemory(0xffff_fff0, count: 3) == [0xe9, 0x0d, 0x00])
    #expect(try vm.control.command("device-info")["devices"]?.array?.contains("i8254") == true)
    // The keyboard takes the first key; nobody reads it, and the next ones are not lost in silence.
    try vm.type("l")
    let error = #expect(throws: ControlClient.Failed.self) { try vm.keys("ctrl-alt-delete") }
    #expect(error.map { "\($0)" }?.contains("does not read its keyboard") == true)
    #expect(try vm.quit() == 5)
  }

  @Test func tripleFaultWithoutExitOnResetsAndIsReported() throws {
    let folder = try TemporaryFolder()
    let code = TinyFirmware.printing("again.") + TinyFirmware.tripleFault
    let vm = try VM.launch(arguments: try firmware(folder, code))
    // The second text may reach this client before the process has dealt with the reset between the two; the event
    // comes after the line on standard error.
    let event = try vm.control.waitForEvent("reset", timeout: 20)
    #expect(event["reason"]?.string?.contains("triple fault") == true)
    #expect(vm.errors.contains("triple fault"))
    for _ in 0..<2 { try vm.waitForSerial("again.", timeout: 20) }
    #expect(try vm.quit() == 5)
  }

  @Test func guestThatFaultsForEverDoesNotFloodStandardError() throws {
    let folder = try TemporaryFolder()
    let vm = try VM.launch(arguments: try firmware(folder, TinyFirmware.tripleFault))
    for _ in 0..<100 { _ = try vm.control.waitForEvent("reset", timeout: 20) }
    #expect(try vm.quit() == 5)
    #expect(vm.errors.split(separator: "\n").count < 40)
  }

  @Test func pseudoTerminalIsAnnounced() throws {
    let folder = try TemporaryFolder()
    let vm = try VM.launch(arguments: ["--serial", "pty"] + (try firmware(folder, TinyFirmware.echo)))
    // The control channel may answer before the announcement is written.
    for _ in 0..<200 where !vm.errors.hasSuffix("\n") { usleep(50_000) }
    let path = try #require(vm.errors.split(separator: " ").last?.trimmingCharacters(in: .newlines))
    #expect(path.hasPrefix("/dev/pts/"))
    let user = HostStream(open(path, O_RDWR | O_NOCTTY | O_NONBLOCK))
    user.writeAll(Array("xyz".utf8))
    try vm.waitForSerial("xyz", timeout: 20)
    #expect(try vm.quit() == 5)
  }
}
