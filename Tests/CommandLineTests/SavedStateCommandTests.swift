import Base
import Foundation
import TestSupport
import Testing

/// `run --restore` and `save-state`, as a user meets them.
@Suite("saved states", .serialized) struct SavedStateCommandTests {
  @Test func filesThatAreNoStatesAreRefused() throws {
    let folder = try TemporaryFolder()
    let firmware = try folder.write("fw", TinyFirmware.image(TinyFirmware.halt))
    let text = try folder.write("text", Array("hello".utf8))
    for (path, words) in [
      (folder.name("absent"), "No such file"), (folder.path, "no saved state"), (text, "no saved state"),
    ] {
      let result = try RingboxProgram.run(["run", "--firmware", firmware, "--serial", "none", "--restore", path])
      #expect(result.status == 1)
      #expect(result.errors.contains(path) && result.errors.contains(words), "\(result.errors)")
    }
  }

  @Test func aSavedMachineEndsWithItsStatusAndComesBack() throws {
    let folder = try TemporaryFolder()
    let firmware = try folder.write(
      "fw", TinyFirmware.image(TinyFirmware.printing("once") + TinyFirmware.echo))
    let arguments = ["--memory", "8M", "--firmware", firmware]
    var vm = try VM.launch(arguments: arguments + ["--json"])
    try vm.waitForSerial("once")
    try vm.typeSerial("a")
    try vm.waitForSerial("a")
    let state = folder.name("state")
    #expect(try vm.control.command("save-state", ["path": .string(state)])["path"]?.string == state)
    #expect(try vm.waitForExit() == 7)
    let line = try JSON(parsing: vm.output.split(separator: "\n").last.map(String.init) ?? "")
    #expect(line["stateFile"]?.string == state && line["reason"] == "saved" && line["exitStatus"] == 7)
    vm = try VM.launch(arguments: arguments + ["--restore", state])
    try vm.typeSerial("b")
    try vm.waitForSerial("b")
    // It went on where it was: nothing was printed a second time.
    #expect(vm.serialText() == "b")
    #expect(try vm.quit() == 5)
    // A state that the user keeps may be used again; a different machine is refused.
    let other = try RingboxProgram.run(
      ["run", "--memory", "16M", "--firmware", firmware, "--serial", "control", "--restore", state])
    #expect(other.status == 1 && other.errors.contains("another memory"), "\(other)")
  }

  @Test func cardsOfAMachineThatComesBackSeeTheirCablesGoAndCome() throws {
    let folder = try TemporaryFolder()
    let firmware = try folder.write("fw", TinyFirmware.image(TinyFirmware.echo))
    let arguments = ["--memory", "8M", "--firmware", firmware, "--nic", "null,model=e1000", "--nic", "null"]
    func links(_ vm: VM) throws -> [Bool] {
      try vm.control.command("network")["cards"]?.array?.compactMap { $0["link"]?.bool } ?? []
    }
    var vm = try VM.launch(arguments: arguments)
    #expect(try links(vm) == [true, true])
    try vm.control.command("save-state", ["path": .string(folder.name("state"))])
    #expect(try vm.waitForExit() == 7)
    vm = try VM.launch(arguments: arguments + ["--restore", folder.name("state")])
    #expect(try links(vm) == [false, false])
    // What somebody has pulled since stays so.
    try vm.control.command("link", ["card": "nic1", "state": "down"])
    let deadline = Date(timeIntervalSinceNow: 60)
    while try links(vm) != [true, false], Date() < deadline { Thread.sleep(forTimeInterval: 0.1) }
    #expect(try links(vm) == [true, false])
    try vm.quit()
  }

  @Test func aMachineThatCannotBeSavedGoesOn() throws {
    let folder = try TemporaryFolder()
    let firmware = try folder.write("fw", TinyFirmware.image(TinyFirmware.echo))
    let vm = try VM.launch(arguments: ["--memory", "8M", "--firmware", firmware])
    let error = #expect(throws: ControlClient.Failed.self) {
      try vm.control.command("save-state", ["path": .string("/proc/nowhere/state")])
    }
    #expect(error?.description.contains("/proc/nowhere/state") == true)
    try vm.typeSerial("x")
    try vm.waitForSerial("x")
    try vm.quit()
  }
}
