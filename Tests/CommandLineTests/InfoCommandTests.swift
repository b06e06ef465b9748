import Base
import Foundation
import TestSupport
import Testing

/// What `showvminfo` and the lists say of things that were set.
@Suite("what is shown", .serialized) struct InfoCommandTests {
  private let machines: KeptMachines
  init() throws {
    machines = try KeptMachines()
    _ = try machines.output(["createvm", "--name", "m", "--ostype", "Debian_64", "--register"])
  }

  @Test func jsonHasEveryCardWithAllThatIsSaidOfIt() throws {
    _ = try machines.output([
      "modifyvm", "m", "--nic1", "nat", "--natpf1", "a,tcp,,1,,1", "--nic2", "nat", "--natpf2", "b,tcp,,2,,2", "--natpf2",
      "c,udp,,3,,3", "--nat-settings2", "1400,1,2,3,4", "--nic3", "intnet", "--intnet3", "lab",
    ])
    let json = try JSON(parsing: try machines.output(["showvminfo", "m", "--json"]))
    let adapters = json["adapters"]?.array ?? []
    #expect(adapters.count == 8)
    #expect(adapters[0]["forwards"]?.array?.compactMap(\.string) == ["a,tcp,,1,,1"])
    #expect(adapters[1]["forwards"]?.array?.compactMap(\.string) == ["b,tcp,,2,,2", "c,udp,,3,,3"])
    #expect(adapters[0]["mtu"] == "0" && adapters[1]["mtu"] == "1400" && adapters[1]["tcpWndRcv"] == "4")
    #expect(adapters[2]["nic"] == "intnet" && adapters[2]["intnet"] == "lab" && adapters[3]["nic"] == "none")
    // The keys with a number stay where they were; the others would be of no certain card.
    #expect(json["nic2"] == "nat" && json["mtu"] == nil && json["Forwarding(0)"] == nil)
    let keys = json.members?.map(\.key) ?? []
    #expect(Set(keys).count == keys.count)
  }
  @Test func whatIsSetIsShown() throws {
    _ = try machines.output([
      "modifyvm", "m", "--tracing-enabled", "on", "--tracing-config", "all", "--teleporter", "on", "--teleporter-port",
      "6000", "--cpuid-set", "1", "1", "2", "3", "ffffffff", "--vrde", "on", "--vrde-video-channel", "on", "--chipset",
      "ich9", "--nic9", "nat", "--recording-video-res", "640x480", "--recording-opts", "x=1",
    ])
    let lines = try machines.output(["showvminfo", "m", "--machinereadable"]).split(separator: "\n").map(String.init)
    for line in [
      "tracing-enabled=\"on\"", "tracing-config=\"all\"", "teleporterenabled=\"on\"", "teleporterport=6000",
      "cpuid=00000001,00000000,00000001,00000002,00000003,ffffffff", "vrdevideochannel=\"on\"", "nic9=\"nat\"",
      "nic36=\"none\"", "recording_enabled=\"off\"", "recording_screens=1", " rec_screen0", "rec_screen_enabled=\"on\"",
      "rec_screen_id=0", "rec_screen_video_enabled=\"on\"", "rec_screen_audio_enabled=\"off\"",
      "rec_screen_dest=\"File\"", "rec_screen_opts=\"x=1\"", "rec_screen_video_res_xy=\"640x480\"",
      "rec_screen_video_rate_kbps=512", "rec_screen_video_fps=25",
    ] { #expect(lines.contains(line), "\(line)") }
    #expect(!lines.contains { $0.hasPrefix("BIOS NVRAM File") })
    try machines.folder.write("VirtualBox VMs/m/m.nvram", [0])
    #expect(try machines.info("m", "BIOS NVRAM File")?.hasSuffix("/m.nvram") == true)
    let text = try machines.output(["showvminfo", "m"])
    #expect(text.contains("CPUID override:              1 0 1 2 3 ffffffff\n") && text.contains("\nNIC 9: "))
  }
  @Test func theProxyModeIsShownAsItWasSet() throws {
    for (word, shown) in [("manual", "Manual"), ("noproxy", "NoProxy"), ("system", "System")] {
      _ = try machines.output(["setproperty", "proxymode", word])
      let list = try machines.output(["list", "systemproperties"])
      #expect(list.contains("\nProxy Mode:                      \(shown)\n"))
    }
  }
  @Test func aLogIsShownByItsNumber() throws {
    let folder = "VirtualBox VMs/m/Logs"
    try FileManager.default.createDirectory(
      atPath: machines.folder.name(folder), withIntermediateDirectories: true)
    try machines.folder.write("\(folder)/VBox.log", Array("last\n".utf8))
    try machines.folder.write("\(folder)/VBox.log.1", Array("one before\n".utf8))
    #expect(try machines.output(["showvminfo", "m", "--log", "0"]) == "last\n")
    #expect(try machines.output(["showvminfo", "m", "--log", "1"]) == "one before\n")
    #expect(try machines.manage(["showvminfo", "m", "--log", "2"]).status == 1)
    #expect(try machines.manage(["showvminfo", "m", "--log", "last"]).status == 2)
  }
  @Test func aTransientFolderNeedsARun() throws {
    let words = ["sharedfolder", "add", "m", "--name", "f", "--hostpath", "/tmp", "--transient"]
    let off = try machines.manage(words)
    #expect(off.status == 1 && off.errors == "VBoxManage: error: Machine 'm' is not currently running.\n")
  }
}
