import Base
import Foundation
import TestSupport
import Testing

/// The verbs for machines, as VBoxManage's clients call them and read their answers.
@Suite("kept machines", .serialized) struct MachineCommandTests {
  private let machines: KeptMachines
  init() throws { machines = try KeptMachines() }

  private func refusal(_ words: [String]) throws -> (status: Int32, errors: String) {
    let result = try machines.manage(words)
    return (result.status, result.errors)
  }

  @Test func theVersionIsOneLineThatClientsKnow() throws {
    #expect(try machines.output(["--version"]) == "7.0.20r163906\n")
  }
  @Test func creatingSaysWhatClientsRead() throws {
    let text = try machines.output(["createvm", "--name", "web", "--ostype", "Debian_64", "--register"])
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "Virtual machine 'web' is created and registered.")
    let uuid = String(lines[1].dropFirst("UUID: ".count))
    #expect(UUID(uuidString: uuid) != nil)
    #expect(lines[2] == "Settings file: '\(machines.folder.name("VirtualBox VMs/web/web.vbox"))'")
    #expect(try machines.output(["list", "vms"]) == "\"web\" {\(uuid)}\n")
    #expect(try machines.output(["list", "runningvms"]) == "")
    #expect(
      try machines.output(["list", "systemproperties"]).contains(
        "\nDefault machine folder:          \(machines.folder.name("VirtualBox VMs"))\n"))
  }
  @Test func errorsHaveTheShapeAndStatusThatClientsKnow() throws {
    let missing = try refusal(["showvminfo", "foo", "--machinereadable"])
    #expect(missing.status == 1)
    #expect(
      missing.errors.hasPrefix(
        "VBoxManage: error: Could not find a registered machine named 'foo'\nVBoxManage: error: Details: code VBOX_E_OBJECT_NOT_FOUND (0x80bb0001), component VirtualBoxWrap, interface IVirtualBox"
      ))
    _ = try machines.output(["createvm", "--name", "m", "--register"])
    for words in [
      ["modifyvm", "m", "--speed", "1"], ["modifyvm"], ["list", "everything"], ["showvminfo"], ["frobnicate"],
      ["createvm", "--nmae", "x"], ["storagectl", "m"], ["unregistervm", "m", "extra"], ["modifyvm", "m", "--memory"],
    ] {
      let result = try refusal(words)
      // What could have been said comes first.
      let last = result.errors.split(separator: "\n").last ?? ""
      #expect(result.status == 2 && last.hasPrefix("VBoxManage: error: "), "\(words) \(result)")
    }
    let stopped = try refusal(["controlvm", "m", "poweroff"])
    #expect(stopped.status == 1 && stopped.errors == "VBoxManage: error: Machine 'm' is not currently running.\n")
  }
  @Test func machineReadableTextIsWhatParsersExpect() throws {
    let folder = machines.folder
    _ = try machines.output(["createvm", "--name", "web", "--ostype", "Debian_64", "--register"])
    _ = try machines.output([
      "modifyvm", "web", "--memory", "512", "--cpus", "2", "--nic1", "nat", "--natpf1", "ssh,tcp,127.0.0.1,2222,,22",
      "--natpf1", "http,tcp,,8080,,80", "--macaddress1", "080027A1B2C3", "--nic2", "hostonly", "--hostonlyadapter2",
      "vboxnet0", "--boot1", "disk", "--uart1", "0x3F8", "4", "--uartmode1", "file", "/tmp/x", "--description",
      "a \"b\"",
    ])
    _ = try machines.output(["storagectl", "web", "--name", "SATA", "--add", "sata", "--portcount", "2"])
    _ = try machines.output(["createhd", "--filename", folder.name("d.vdi"), "--size", "8"])
    _ = try machines.output([
      "storageattach", "web", "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium",
      folder.name("d.vdi"),
    ])
    let text = try machines.output(["showvminfo", "--machinereadable", "web"])
    let lines = text.split(separator: "\n").map(String.init)
    for line in [
      "name=\"web\"", "groups=\"/\"", "ostype=\"Debian (64-bit)\"", "memory=512", "cpus=2", "VMState=\"poweroff\"",
      "boot1=\"disk\"", "macaddress1=\"080027A1B2C3\"", "nic2=\"hostonly\"", "hostonlyadapter2=\"vboxnet0\"",
      "nic3=\"none\"", "storagecontrollername0=\"SATA\"", "storagecontrollertype0=\"IntelAhci\"",
      "storagecontrollermaxportcount0=\"30\"", "storagecontrollerportcount0=\"2\"",
      "\"SATA-0-0\"=\"\(folder.name("d.vdi"))\"", "\"SATA-1-0\"=\"none\"", "uart1=\"0x03f8,4\"",
      "uartmode1=\"file,/tmp/x\"", "description=\"a \\\"b\\\"\"", "GuestMemoryBalloon=0",
    ] { #expect(lines.contains(line), "\(line)") }
    // Vagrant reads a card's rules behind its line, in the order of their names.
    let card = try #require(lines.firstIndex(of: "nic1=\"nat\""))
    let rules = lines.indices.filter { lines[$0].hasPrefix("Forwarding(") }
    #expect(
      rules.map { lines[$0] } == [
        "Forwarding(0)=\"http,tcp,,8080,,80\"", "Forwarding(1)=\"ssh,tcp,127.0.0.1,2222,,22\"",
      ])
    #expect(rules.allSatisfy { $0 > card && $0 < lines.firstIndex(of: "nic2=\"hostonly\"") ?? 0 })
    // Everything but the two lines that never were pairs is one.
    let plain = ["Encryption:     disabled", " rec_screen0"]
    for line in lines { #expect(line.contains("=") || plain.contains(line), "\(line)") }
    let json = try JSON(parsing: try machines.output(["showvminfo", "web", "--json"]))
    #expect(json["memory"]?.integer == 512 && json["SATA-0-0"]?.string == folder.name("d.vdi"))
    #expect(try machines.output(["list", "hdds"]).contains("Location:       \(folder.name("d.vdi"))\n"))
    #expect(try machines.output(["showvminfo", "web"]).contains("Memory size:                 512MB\n"))
  }
  @Test func inaccessibleMachinesAreShownAsClientsKnowThem() throws {
    _ = try machines.output(["createvm", "--name", "bad", "--register"])
    let uuid = try #require(try machines.info("bad", "UUID"))
    try machines.folder.write("VirtualBox VMs/bad/bad.vbox", Array("nonsense".utf8))
    #expect(try machines.output(["list", "vms"]) == "\"<inaccessible>\" {\(uuid)}\n")
    #expect(
      try machines.output(["showvminfo", uuid, "--machinereadable"]) == "name=\"<inaccessible>\"\nUUID=\"\(uuid)\"\n")
    #expect(try machines.output(["showvminfo", uuid]).contains("bad.vbox', line 1"))
  }
  @Test func extraDataComesBack() throws {
    _ = try machines.output(["createvm", "--name", "m", "--register"])
    for owner in ["m", "global"] {
      _ = try machines.output(["setextradata", owner, "GUI/Key", "-value with spaces"])
      #expect(try machines.output(["getextradata", owner, "GUI/Key"]) == "Value: -value with spaces\n")
      #expect(try machines.output(["getextradata", owner, "enumerate"]) == "Key: GUI/Key, Value: -value with spaces\n")
      _ = try machines.output(["setextradata", owner, "GUI/Key"])
      #expect(try machines.output(["getextradata", owner, "GUI/Key"]) == "No value set!\n")
    }
    _ = try machines.output(["guestproperty", "set", "m", "/k", "v"])
    #expect(try machines.output(["guestproperty", "get", "m", "/k"]) == "Value: v\n")
    _ = try machines.output(["sharedfolder", "add", "m", "--name", "src", "--hostpath", "/tmp"])
    #expect(try machines.info("m", "SharedFolderNameMachineMapping1") == "src")
    #expect(
      try refusal(["sharedfolder", "add", "m", "--name", "src", "--hostpath", "/"]).errors.contains(
        "Shared folder named 'src' already exists"))
  }
  @Test func everyVerbAnswersInJSON() throws {
    let folder = machines.folder
    let created = try JSON(parsing: try machines.output(["createvm", "--name", "m", "--register", "--json"]))
    let uuid = try #require(created["uuid"]?.string)
    _ = try machines.output(["createhd", "--filename", folder.name("d.vdi"), "--size", "1", "--json"])
    let steps = [
      ["modifyvm", uuid, "--memory", "64"], ["storagectl", uuid, "--name", "IDE", "--add", "ide"],
      ["storageattach", uuid, "--storagectl", "IDE", "--type", "hdd", "--medium", folder.name("d.vdi")],
      ["mediumproperty", "set", folder.name("d.vdi"), "k", "v"], ["mediumproperty", "get", folder.name("d.vdi"), "k"],
      ["setextradata", uuid, "a", "b"], ["getextradata", uuid], ["guestproperty", "enumerate", uuid],
      ["setproperty", "loghistorycount", "5"], ["list", "vms"], ["list", "-l", "vms"], ["list", "hdds"],
      ["list", "ostypes"], ["list", "hostinfo"], ["list", "systemproperties"], ["list", "dhcpservers"],
      ["list", "groups"],
      ["list", "bridgedifs"], ["showvminfo", uuid], ["movevm", uuid, "--folder", folder.name("moved")],
      ["unregistervm", uuid, "--delete"],
    ]
    for words in steps {
      let text = try machines.output(words + ["--json"])
      #expect(throws: Never.self, "\(words): \(text)") { try JSON(parsing: text) }
    }
    #expect(!FileManager.default.fileExists(atPath: folder.name("moved/m")))
    #expect(!FileManager.default.fileExists(atPath: folder.name("d.vdi")))
  }

  @Test func snapshotsAreListedAsClientsReadThem() throws {
    _ = try machines.output(["createvm", "--name", "m", "--register"])
    let none = try machines.manage(["snapshot", "m", "list", "--machinereadable"])
    #expect(none.status == 1 && none.output == "This machine does not have any snapshots\n" && none.errors == "")
    let taken = try machines.output(["snapshot", "m", "take", "base", "--description", "first"])
    let uuid = String(taken.dropFirst("Snapshot taken. UUID: ".count).dropLast())
    _ = try machines.output(["snapshot", "m", "take", "next"])
    let text = try machines.output(["snapshot", "m", "list", "--machinereadable"])
    #expect(
      text.hasPrefix(
        "SnapshotName=\"base\"\nSnapshotUUID=\"\(uuid)\"\nSnapshotDescription=\"first\"\nSnapshotName-1=\"next\"\n"))
    #expect(
      text.contains("CurrentSnapshotName=\"next\"\n") && text.hasSuffix("CurrentSnapshotNode=\"SnapshotName-1\"\n"))
    #expect(try machines.output(["snapshot", "m", "restore", uuid]) == "Restoring snapshot 'base' (\(uuid))\n")
    _ = try machines.output(["snapshot", "m", "delete", "next"])
    #expect(try machines.info("m", "CurrentSnapshotName") == "base")
    #expect(try refusal(["snapshot", "m", "restore", "nothing"]).errors.contains("VBOX_E_OBJECT_NOT_FOUND"))
  }

  // MARK: Life

  /// A machine with firmware of a few instructions, that shows no sign of itself but its state.
  private func tiny(_ name: String, _ code: [UInt8]) throws {
    let firmware = try machines.folder.write("\(name).bin", TinyFirmware.image(code))
    _ = try machines.output(["createvm", "--name", name, "--register"])
    _ = try machines.output([
      "modifyvm", name, "--memory", "16", "--nic1", "none", "--uart1", "0x3F8", "4", "--uartmode1", "file",
      machines.folder.name("\(name).serial"),
    ])
    _ = try machines.output(["setextradata", name, "Ringbox/Firmware", firmware])
  }

  @Test func aMachineRunsInTheBackgroundUntilItIsSwitchedOff() throws {
    try tiny("m", TinyFirmware.printing("up\n") + TinyFirmware.halt)
    let started = try machines.output(["startvm", "m", "--type", "headless"])
    #expect(started == "Waiting for VM \"m\" to power on...\nVM \"m\" has been successfully started.\n")
    let uuid = try #require(try machines.info("m", "UUID"))
    #expect(try machines.info("m", "VMState") == "running")
    #expect(try machines.output(["list", "runningvms"]) == "\"m\" {\(uuid)}\n")
    let twice = try refusal(["startvm", "m"])
    #expect(twice.status == 1 && twice.errors.contains("The machine 'm' is already locked by a session"))
    #expect(
      try refusal(["modifyvm", "m", "--memory", "32"]).errors.contains("VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)"))
    _ = try machines.output(["controlvm", "m", "pause"])
    #expect(try machines.info("m", "VMState") == "paused")
    _ = try machines.output(["controlvm", "m", "resume"])
    _ = try machines.output(["controlvm", "m", "keyboardputscancode", "1c", "9c"])
    // Nobody reads its keyboard.
    let unread = try refusal(["controlvm", "m", "keyboardputstring", "ls"])
    #expect(unread.errors.contains("does not read its keyboard"))
    _ = try machines.output(["controlvm", "m", "screenshotpng", machines.folder.name("s.png")])
    #expect(Array(machines.folder.bytes("s.png").prefix(4)) == [0x89, 0x50, 0x4e, 0x47])
    _ = try machines.output(["controlvm", "m", "mouseputstate", "3", "-4", "0", "1"])
    #expect(
      try refusal(["controlvm", "m", "mouseputstate", "--absolute", "3", "4"]).errors.contains("places of the mouse"))
    #expect(try refusal(["controlvm", "m", "mouseputstate", "3"]).status == 2)
    _ = try machines.output(["controlvm", "m", "setvideomodehint", "1280", "800", "32", "0", "yes", "0", "0"])
    #expect(
      try refusal(["controlvm", "m", "setvideomodehint", "1280", "800", "32", "1"]).errors.contains("no monitor 1"))
    #expect(try refusal(["controlvm", "m", "setvideomodehint", "1280"]).status == 2)
    let off = try machines.manage(["controlvm", "m", "poweroff"])
    #expect(off.status == 0 && off.errors.hasSuffix("100%\n"))
    // At once, as clients expect it.
    _ = try machines.output(["modifyvm", "m", "--memory", "32"])
    #expect(try machines.info("m", "VMState") == "poweroff")
    #expect(machines.folder.text("m.serial") == "up\n")
    #expect(machines.folder.text("VirtualBox VMs/m/Logs/VBox.log").contains("VirtualBox VM 7.0.20r163906"))
  }
  @Test func aCDIsPutIntoAnEmptyDriveWhileTheMachineRuns() throws {
    try tiny("m", TinyFirmware.halt)
    let disc = try machines.folder.write("disc.iso", [UInt8](repeating: 5, count: 40960))
    _ = try machines.output(["storagectl", "m", "--name", "SATA", "--add", "sata"])
    let drive = ["storageattach", "m", "--storagectl", "SATA", "--port", "1", "--type", "dvddrive", "--medium"]
    _ = try machines.output(drive + ["emptydrive"])
    #expect(try machines.info("m", "\"SATA-1-0\"") == "emptydrive")
    _ = try machines.output(["startvm", "m"])
    _ = try machines.output(drive + [disc])
    #expect(try machines.info("m", "\"SATA-1-0\"") == disc)
    _ = try machines.output(drive + ["emptydrive"])
    #expect(try machines.info("m", "\"SATA-1-0\"") == "emptydrive")
    #expect(try machines.output(["debugvm", "m", "info"]).isEmpty == false)
    let dump = machines.folder.name("core")
    _ = try machines.output(["debugvm", "m", "dumpvmcore", "--filename", dump])
    let core = machines.folder.bytes("core")
    #expect(core.count == 4096 + 16 << 20 && core.prefix(4) == [0x7f, 0x45, 0x4c, 0x46])
    _ = try machines.output(["controlvm", "m", "poweroff"])
  }
  @Test func aGuestThatSwitchesItselfOffIsPoweredOff() throws {
    try tiny("m", TinyFirmware.powerOff)
    _ = try machines.output(["startvm", "m"])
    try machines.waitForState("m", "poweroff", timeout: 60)
    _ = try machines.output(["unregistervm", "--delete", "m"])
  }
  @Test func aKilledMachineIsAbortedAndStartsAgain() throws {
    try tiny("m", TinyFirmware.printing("up") + TinyFirmware.halt)
    _ = try machines.output(["startvm", "m"])
    let uuid = try #require(try machines.info("m", "UUID"))
    // The lock's owner is the machine's process: /proc knows who has it open.
    let lock = machines.folder.name("run/ringbox/\(uuid).lock")
    let real = URL(fileURLWithPath: lock).resolvingSymlinksInPath().path
    let owner = try #require(try process(having: real))
    kill(owner, SIGKILL)
    try machines.waitForState("m", "aborted", timeout: 60)
    _ = try machines.output(["startvm", "m"])
    #expect(try machines.info("m", "VMState") == "running")
    _ = try machines.output(["controlvm", "m", "poweroff"])
    #expect(try machines.info("m", "VMState") == "poweroff")
  }
  private func process(having path: String) throws -> Int32? {
    let files = FileManager.default
    for name in try files.contentsOfDirectory(atPath: "/proc") {
      guard let number = Int32(name) else { continue }
      for descriptor in (try? files.contentsOfDirectory(atPath: "/proc/\(name)/fd")) ?? [] {
        if (try? files.destinationOfSymbolicLink(atPath: "/proc/\(name)/fd/\(descriptor)")) == path { return number }
      }
    }
    return nil
  }
  @Test func aMachineThatCannotStartSaysWhy() throws {
    try tiny("m", TinyFirmware.halt)
    _ = try machines.output(["setextradata", "m", "Ringbox/Firmware", "/nowhere/bios.bin"])
    let result = try refusal(["startvm", "m"])
    #expect(result.status == 1 && result.errors.contains("/nowhere/bios.bin"), "\(result.errors)")
    #expect(try machines.info("m", "VMState") == "poweroff")
  }
}
