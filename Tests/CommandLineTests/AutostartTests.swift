import Base
import Foundation
import TestSupport
import Testing

/// Machines that start when the host does, and end with it.
@Suite("autostart", .serialized) struct AutostartTests {
  private let machines: KeptMachines
  init() throws {
    machines = try KeptMachines()
    for (name, options) in [
      ("saved", ["--autostart-enabled", "on", "--autostop-type", "savestate", "--autostart-delay", "1"]),
      ("cut", ["--autostart-enabled", "on", "--autostop-type", "poweroff"]),
      ("kept", ["--autostart-enabled", "on"]), ("none", []),
    ] {
      _ = try machines.output(["createvm", "--name", name, "--register"])
      _ = try machines.output(["modifyvm", name, "--memory", "16"] + options)
    }
  }
  private func state(_ name: String) throws -> String? { try machines.info(name, "VMState") }

  @Test func theOnesThatWantItStartAndEndAsTheySay() throws {
    let started = try machines.manage(["autostart", "start", "--json"])
    #expect(started.status == 0, "\(started)")
    #expect(
      try JSON(parsing: started.output).array?.map { $0["name"]?.string } == ["cut", "kept", "saved"], "by their delays"
    )
    #expect(try ["cut", "kept", "saved", "none"].map(state) == ["running", "running", "running", "poweroff"])
    #expect(try machines.output(["autostart", "start"]) == "", "they run already")
    let stopped = try machines.manage(["autostart", "stop"])
    #expect(stopped.status == 0 && stopped.output == "saved: saved\ncut: powered off\n", "\(stopped)")
    #expect(try ["cut", "kept", "saved", "none"].map(state) == ["poweroff", "running", "saved", "poweroff"])
  }

  @Test func oneThatCannotStartHoldsUpNoOther() throws {
    _ = try machines.output(["storagectl", "cut", "--name", "SATA", "--add", "sata"])
    let disk = machines.folder.name("disk.vdi")
    _ = try machines.output(["createmedium", "--filename", disk, "--size", "8"])
    _ = try machines.output([
      "storageattach", "cut", "--storagectl", "SATA", "--port", "0", "--type", "hdd", "--medium", disk,
    ])
    try FileManager.default.removeItem(atPath: disk)
    let started = try machines.manage(["autostart", "start"])
    #expect(started.status == 1 && started.output.contains("cut: ") && started.output.contains(disk), "\(started)")
    #expect(try ["cut", "kept", "saved"].map(state) == ["poweroff", "running", "running"])
  }

  /// A guest that does not listen to the power button runs on, and somebody is told.
  @Test func theGuestMayTakeItsTimeToShutDown() throws {
    _ = try machines.output(["modifyvm", "kept", "--autostop-type", "acpishutdown"])
    _ = try machines.output(["startvm", "kept"])
    let stopped = try machines.manage(["autostart", "stop", "--timeout", "1"])
    #expect(stopped.status == 1 && stopped.output.contains("kept: The guest has not shut down in 1 s"), "\(stopped)")
    #expect(try state("kept") == "running")
  }

  @Test(
    "VBoxAutostart's configuration",
    arguments: [
      ("default_policy = deny", false), ("default_policy = allow", true), ("", true),
      ("default_policy = deny\n# me\nUSER = {\n  allow = true\n  startup_delay = 0\n}\n", true),
      ("USER={allow=false}", false), ("bob = { allow = false startup_delay = 3 }", true),
    ])
  func configuration(text: String, isAllowed: Bool) throws {
    let file = machines.folder.name("autostart.cfg")
    try text.replacingOccurrences(of: "USER", with: NSUserName()).write(toFile: file, atomically: true, encoding: .utf8)
    let result = try machines.manage(["--stop", "--config", file], as: "VBoxAutostart")
    #expect(result.status == (isAllowed ? 0 : 1), "\(result)")
    #expect(result.errors.contains("not allowed") == !isAllowed, "\(result)")
  }
  @Test func mistakesInItAreRefused() throws {
    let file = machines.folder.name("autostart.cfg")
    for text in ["default_policy = maybe", "bob = { allow = ", "bob = allow", "= {", "bob = { delay = 3 }"] {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      let result = try machines.manage(["--stop", "--config", file], as: "VBoxAutostart")
      #expect(result.status == 1 && result.errors.contains("autostart configuration is wrong"), "\(text): \(result)")
    }
    #expect(try machines.manage(["--start", "--stop"], as: "VBoxAutostart").status == 2)
  }
}
