import Base
import Foundation
import TestSupport
import Testing

@Suite("looking at the guest's code") struct InspectionTests {
  private func firmware(_ folder: TemporaryFolder, _ code: [UInt8]) throws -> [String] {
    ["run", "--memory", "1M", "--firmware", try folder.write("rom", TinyFirmware.image(code))]
  }
  private let greeting = TinyFirmware.printing("hi\r\n") + TinyFirmware.powerOff

  @Test func statisticsArePrintedAtTheEnd() throws {
    let folder = try TemporaryFolder()
    let text = try RingboxProgram.run(try firmware(folder, greeting) + ["--stats", "--cpus", "2"])
    #expect(text.status == 0, "\(text.errors)")
    for words in ["cpu0: recompiler", "cpu1: recompiler", "bytes of guest code", "interpreted instructions", "out "] {
      #expect(text.output.contains(words), "\(words): \(text.output)")
    }
    let json = try RingboxProgram.run(try firmware(folder, greeting) + ["--stats", "--json"])
    let status = try JSON(parsing: Array(json.output.utf8.split(separator: 0x0a).last ?? []))
    let engines = status["engine"]?.array ?? []
    #expect(engines.count == 1 && (engines.first?["translation"]?["blocks"]?.integer ?? 0) > 0)
    #expect(engines.first?["declined"]?.array?.contains { $0["operation"] == "out" } == true)
  }

  @Test func translatedCodeIsPrintedBesideTheGuests() throws {
    let folder = try TemporaryFolder()
    let result = try RingboxProgram.run(try firmware(folder, greeting) + ["--dump-code", "0xffff0000-0xffff0010"])
    #expect(result.status == 0)
    for words in ["blocks\n", "mov dx,0x3f8", "mov al,0x68", "rarely:"] {
      #expect(result.output.contains(words), "\(words): \(result.output)")
    }
  }

  @Test func theControlChannelShowsCodeAndCountsOfARunningMachine() throws {
    let folder = try TemporaryFolder()
    let arguments = try firmware(folder, TinyFirmware.printing("up") + TinyFirmware.halt).dropFirst()
    let vm = try VM.launch(arguments: Array(arguments))
    try vm.waitForSerial("up", timeout: 20)
    let reply = try vm.control.command("dump-code", ["range": "0xffff0000+16"])
    #expect(reply["text"]?.string?.contains("mov dx,0x3f8") == true && reply["more"] == 0)
    let cpus = try vm.control.command("engine-statistics")["cpus"]?.array ?? []
    #expect((cpus.first?["exits"]?["entries"]?.integer ?? 0) > 0)
    #expect(try vm.control.command("status")["state"] == "running")
    #expect(try vm.quit() == 5)
  }

  @Test func coverageAndProfileAreWritten() throws {
    let folder = try TemporaryFolder()
    let symbols = try folder.write("System.map", Array("ffff0000 T hello\n".utf8))
    let result = try RingboxProgram.run(
      try firmware(folder, greeting) + [
        "--coverage", folder.name("coverage"), "--profile-guest", folder.name("profile"), "--symbols", symbols,
      ])
    #expect(result.status == 0, "\(result.errors)")
    let coverage = try JSON(parsing: folder.text("coverage"))
    #expect((coverage["instructions"]?.integer ?? 0) >= 20)
    #expect(coverage["runs"]?.array?.contains { $0["symbol"] == "hello" } == true)
    // So short a run may end before the first sample.
    #expect(folder.entries.contains("profile"))
  }

  @Test func theMapForPerfIsWritten() throws {
    let folder = try TemporaryFolder()
    let arguments = try firmware(folder, TinyFirmware.printing("up") + TinyFirmware.halt).dropFirst()
    let vm = try VM.launch(arguments: Array(arguments) + ["--perf-map"])
    try vm.waitForSerial("up", timeout: 20)
    let path = "/tmp/perf-\(vm.processID).map"
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(try vm.quit() == 5)
    #expect(try String(contentsOfFile: path, encoding: .utf8).contains(" guest:ring0:0xffff0000\n"))
  }

  @Test func mistakesAreRefusedBeforeAnythingStarts() throws {
    let folder = try TemporaryFolder()
    try expectRefusal(["run", "--dump-code", "1-0"], status: 2, "--dump-code '1-0'", "START-END")
    try expectRefusal(["run", "--symbols", "x"], status: 2, "--symbols needs")
    try expectRefusal(["run", "--verify-execution", "--coverage", "x"], status: 2, "--verify-execution", "--coverage")
    let rom = try firmware(folder, greeting)
    try expectRefusal(rom + ["--coverage", "/nonexistent/x"], status: 1, "coverage", "/nonexistent/x")
    try expectRefusal(rom + ["--profile-guest", folder.path], status: 1, "profile-guest", "directory")
    try expectRefusal(
      rom + ["--coverage", folder.name("c"), "--symbols", folder.name("none")], status: 1, "symbols", "none")
    let text = try folder.write("text", Array("no symbols".utf8))
    try expectRefusal(rom + ["--coverage", folder.name("c"), "--symbols", text], status: 1, "System.map")
    #expect(!folder.entries.contains("c"))
  }
}
