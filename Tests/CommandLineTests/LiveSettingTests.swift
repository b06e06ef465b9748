import Base
import Foundation
import TestSupport
import Testing

/// What changes about a machine while it runs, and what is seen of it then.
@Suite("settings of running machines", .serialized) struct LiveSettingTests {
  private let machines: KeptMachines
  init() throws {
    machines = try KeptMachines()
    let firmware = try machines.folder.write("m.bin", TinyFirmware.image(TinyFirmware.halt))
    _ = try machines.output(["createvm", "--name", "m", "--register"])
    _ = try machines.output(["modifyvm", "m", "--memory", "16", "--nic1", "null", "--nic3", "nat", "--vrde", "on"])
    _ = try machines.output(["setextradata", "m", "Ringbox/Firmware", firmware])
    _ = try machines.output(["startvm", "m"])
  }

  @Test func controlvmKeepsWhatModifyvmKnows() throws {
    for (words, key, value) in [
      (["vrde", "off"], "vrde", "off"), (["audioin", "on"], "audio_in", "on"), (["audioout", "on"], "audio_out", "on"),
      (["draganddrop", "bidirectional"], "draganddrop", "bidirectional"),
      (["cpuexecutioncap", "50"], "cpuexecutioncap", "50"),
      (["guestmemoryballoon", "4"], "GuestMemoryBalloon", "4"),
      (["vm-process-priority", "low"], "vmprocpriority", "low"),
      (["nic3", "intnet", "lab"], "nic3", "intnet"), (["nic3", "nat"], "nic3", "nat"),
      (["autostart-enabled1", "on"], "autostart-enabled", "on"),
    ] {
      let result = try machines.manage(["controlvm", "m"] + words)
      #expect(result.status == 0 && !result.errors.contains("error:"), "\(words): \(result)")
      #expect(result.errors.contains("next start"), "\(words)")
      #expect(try machines.info("m", key) == value, "\(words)")
    }
    #expect(try machines.info("m", "VMState") == "running")
    for words in [["acpisleepbutton"], ["plugcpu", "1"], ["webcam", "attach"], ["teleport"], ["usbattach", "x"]] {
      let result = try machines.manage(["controlvm", "m"] + words)
      #expect(result.status == 1 && result.errors.contains("VBOX_E_NOT_SUPPORTED (0x80bb0009)"), "\(words): \(result)")
    }
    for words in [
      ["vrde"], ["vrde", "off", "on"], ["nic1", "nat", "x"], ["screenshotpng", "/tmp/f", "x"], ["dance"],
    ] {
      #expect(try machines.manage(["controlvm", "m"] + words).status == 2, "\(words)")
    }
    // There is one screen, and no second card.
    #expect(try machines.manage(["controlvm", "m", "screenshotpng", "/tmp/f", "1"]).status == 1)
    #expect(try machines.manage(["controlvm", "m", "nictrace2", "on"]).errors.contains("not enabled"))
  }
  @Test func tracesAndPoliciesReachTheRunningCard() throws {
    let trace = machines.folder.name("t.pcap")
    for words in [["nictracefile3", trace], ["nictrace3", "on"], ["nicpromisc3", "allow-all"]] {
      let result = try machines.manage(["controlvm", "m"] + words)
      #expect(result.status == 0 && result.errors.isEmpty, "\(words): \(result)")
    }
    // Its head is there at once; what the NAT says to its guests may follow.
    #expect(machines.folder.bytes("t.pcap").count >= 24)
    #expect(try machines.manage(["controlvm", "m", "nictrace3", "off"]).status == 0)
    #expect(try machines.output(["showvminfo", "m"]).contains("Promisc Policy: allow-all"))
  }
  @Test func aRunningMachineIsSeenInto() throws {
    #expect(try machines.info("m", "SessionName") == "headless")
    let info = try machines.output(["showvminfo", "m", "--machinereadable"])
    #expect(info.contains("\nVRDEActiveConnection=\"off\"\nVRDEClients==0\n"))
    let mode = try #require(info.split(separator: "\n").first { $0.hasPrefix("VideoMode=") })
    #expect(mode.hasPrefix("VideoMode=\"") && mode.hasSuffix("\"@0,0 1"))
    _ = try machines.output(["controlvm", "m", "mouseputstate", "5", "-3", "0", "1"])
    for words in [["1"], ["1", "2", "3", "x"], ["1", "2", "3", "8"]] {
      #expect(try machines.manage(["controlvm", "m", "mouseputstate"] + words).status == 2)
    }
    let registers = try machines.output(["debugvm", "m", "getregisters", "rip", "cs"]).split(separator: "\n")
    #expect(registers.count == 2 && registers[0].hasPrefix("rip = 0x0000") && registers[1].hasPrefix("cs = 0x"))
    #expect(try machines.output(["debugvm", "m", "getregisters"]).split(separator: "\n").count == 29)
    #expect(try machines.manage(["debugvm", "m", "getregisters", "xip"]).status == 1)
    // Firmware of 16 and 32 bits does not know this one.
    _ = try machines.output(["debugvm", "m", "setregisters", "--cpu", "0", "R8=0x1234"])
    #expect(try machines.output(["debugvm", "m", "getregisters", "r8"]) == "r8 = 0x0000000000001234\n")
    for (words, status) in [(["cr3=1"], 1), (["rip=0xffff000000000000"], 1), (["r8"], 2), ([], 2), (["r8=x"], 2)] {
      #expect(try machines.manage(["debugvm", "m", "setregisters"] + words).status == Int32(status), "\(words)")
    }
    #expect(try machines.output(["debugvm", "m", "stack"]).hasPrefix("#   RBP              Ret RBP"))
    _ = try machines.output(["debugvm", "m", "log", "--release", "-all", "+dev_ahci.e"])
    #expect(try machines.output(["debugvm", "m", "show", "logrel-settings"]) == "logrel-settings=-all +ahci\n")
    #expect(try machines.manage(["debugvm", "m", "log"]).status == 2)
    _ = try machines.output(["debugvm", "m", "injectnmi"])
    #expect(try machines.manage(["debugvm", "m", "show", "rip"]).status == 2)
    #expect(try machines.manage(["debugvm", "m", "osinfo"]).errors.contains("VERR_DBGF_OS_NOT_DETCTED"))
    let figures = try machines.output(["metrics", "query", "m"]).split(separator: "\n")
    #expect(figures.count == 5 && figures[4].hasPrefix("m          RAM/Usage/Used") && !figures[4].contains(" 0 kB"))
    let paused = try machines.manage(["controlvm", "m", "pause"])
    let again = try machines.manage(["controlvm", "m", "pause"])
    #expect(paused.status == 0 && again.errors.contains("VBOX_E_INVALID_VM_STATE"))
  }
  @Test func transientFoldersGoAtPowerOff() throws {
    _ = try machines.output(["sharedfolder", "add", "m", "--name", "f", "--hostpath", "/tmp", "--transient"])
    _ = try machines.output(["guestproperty", "set", "m", "/k", "v", "--flags", "TRANSIENT"])
    #expect(try machines.info("m", "SharedFolderNameTransientMapping1") == "f")
    #expect(try machines.info("m", "SharedFolderNameMachineMapping1") == nil)
    _ = try machines.output(["controlvm", "m", "reboot"])
    _ = try machines.output(["controlvm", "m", "poweroff"])
    #expect(try machines.info("m", "SharedFolderNameTransientMapping1") == nil)
    #expect(try machines.output(["guestproperty", "get", "m", "/k"]) == "No value set!\n")
    #expect(machines.folder.text("VirtualBox VMs/m/Logs/VBox.log").contains("no effect: VRDE"))
  }
}
