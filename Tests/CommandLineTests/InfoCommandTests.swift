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
      "modifyvm", "m", "--nic1", "nat", "--natpf1", "a,tcp,,1,,1", "--nic2", "nat", "--natpf2", "b,tcp,,2,,2",
      "--natpf2",
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
  @Test func aSnapshotIsShownAsTheMachineWasThen() throws {
    _ = try machines.output(["modifyvm", "m", "--memory", "64"])
    _ = try machines.output(["snapshot", "m", "take", "s"])
    _ = try machines.output(["modifyvm", "m", "--memory", "128"])
    let words = ["snapshot", "m", "showvminfo", "s"]
    #expect(try machines.output(words).contains("Memory size:                 64MB\n"))
    #expect(try machines.output(words + ["--machinereadable"]).contains("\nmemory=64\n"))
    #expect(try machines.output(["showvminfo", "m"]).contains("Memory size:                 128MB\n"))
    #expect(try machines.manage(["snapshot", "m", "showvminfo", "t"]).status == 1)
  }
  @Test func foldersForAllMachinesAndChangesOfThem() throws {
    _ = try machines.output(["sharedfolder", "add", "global", "--name", "g", "--hostpath", "/tmp"])
    #expect(try machines.info("m", "SharedFolderNameGlobalMapping1") == "g")
    #expect(
      try machines.manage(["sharedfolder", "add", "global", "--name", "g", "--hostpath", "/"]).errors.contains(
        "Shared folder named 'g' already exists"))
    _ = try machines.output(["sharedfolder", "remove", "global", "--name", "g"])
    #expect(try machines.info("m", "SharedFolderNameGlobalMapping1") == nil)
    _ = try machines.output(["sharedfolder", "add", "m", "--name", "f", "--hostpath", "/tmp"])
    _ = try machines.output([
      "sharedfolder", "modify", "m", "--name", "f", "--readonly", "on", "--automount", "on", "--symlink-policy", "any",
    ])
    #expect(
      try machines.output(["showvminfo", "m"]).contains("Name: 'f', Host path: '/tmp' (machine mapping), readonly\n"))
    #expect(try machines.manage(["sharedfolder", "modify", "m", "--name", "h", "--readonly", "on"]).status == 1)
    #expect(try machines.manage(["sharedfolder", "modify", "m", "--name", "f", "--symlink-policy", "x"]).status == 2)
  }
  @Test func filtersAreKeptInTheirPlaces() throws {
    for (index, name) in [("0", "b"), ("0", "a"), ("2", "c")] {
      _ = try machines.output([
        "usbfilter", "add", index, "--target", "m", "--name", name, "--vendorid", "1234", "--active", "no",
      ])
    }
    _ = try machines.output(["usbfilter", "modify", "1", "--target", "m", "--active", "yes", "--productid", "abcd"])
    _ = try machines.output(["usbfilter", "remove", "2", "--target", "m"])
    let info = try machines.output(["showvminfo", "m", "--machinereadable"])
    #expect(info.contains("USBFilterActive1=\"off\"\nUSBFilterName1=\"a\"\nUSBFilterVendorId1=\"1234\"\n"))
    #expect(
      info.contains("USBFilterActive2=\"on\"\nUSBFilterName2=\"b\"\n")
        && info.contains("USBFilterProductId2=\"abcd\"\n"))
    #expect(!info.contains("USBFilterName3"))
    #expect(try machines.output(["list", "usbfilters"]) == "Global USB Device Filters:\n\n<none>\n")
    #expect(try machines.manage(["usbfilter", "remove", "7", "--target", "m"]).status == 1)
    #expect(try machines.manage(["usbfilter", "add", "0", "--target", "m"]).status == 2)
  }
  @Test func verbsWithoutMeansSaySo() throws {
    for words in [
      ["guestcontrol", "m", "run", "--exe", "/bin/ls"], ["unattended", "install", "m"], ["encryptmedium", "x"],
      ["modifynvram", "m", "listvars"], ["updatecheck", "perform"], ["cloud", "list"], ["extpack", "install", "f"],
      ["internalcommands", "dumphdinfo", "x"],
    ] {
      let result = try machines.manage(words)
      #expect(result.status == 1 && result.errors.contains("VBOX_E_NOT_SUPPORTED (0x80bb0009)"), "\(words): \(result)")
    }
    #expect(try machines.output(["extpack", "cleanup"]).contains("Successfully"))
    let disk = machines.folder.name("d.vdi"), uuid = "11111111-2222-3333-4444-555555555555"
    _ = try machines.output(["createmedium", "--filename", disk, "--size", "1"])
    #expect(try machines.output(["internalcommands", "sethduuid", disk, uuid]) == "UUID changed to: \(uuid)\n")
    #expect(try machines.output(["showmediuminfo", disk]).contains(uuid))
    #expect(try machines.output(["list", "cpu-profiles"]).hasPrefix("#00: "))
    let leaves = try machines.output(["list", "hostcpuids"]).split(separator: "\n").map(String.init)
    #expect(leaves.prefix(2) == ["Host CPUIDs:", "Leaf no.  EAX      EBX      ECX      EDX"])
    #expect(leaves.dropFirst(2).allSatisfy { $0.utf8.count == 45 } && leaves[2].hasPrefix("00000000  "))
    #expect(leaves.contains { $0.hasPrefix("80000001  ") })
  }
  @Test func aDiskOfAMachineGetsAnotherUUIDAsTheMachineKnows() throws {
    let disk = machines.folder.name("d.vdi"), uuid = "11111111-2222-3333-4444-555555555555"
    _ = try machines.output(["createmedium", "--filename", disk, "--size", "1"])
    _ = try machines.output(["storagectl", "m", "--name", "C", "--add", "sata"])
    _ = try machines.output([
      "storageattach", "m", "--storagectl", "C", "--port", "0", "--type", "hdd", "--medium", disk,
    ])
    _ = try machines.output(["internalcommands", "sethduuid", disk, uuid])
    #expect(try machines.info("m", "\"C-ImageUUID-0-0\"") == uuid)
    #expect(try machines.output(["list", "hdds"]).contains(uuid))
  }
  @Test func usageComesBeforeAnErrorOfIt() throws {
    for (words, usage, text) in [
      (["createvm"], "VBoxManage createvm ", "Parameter --name is required"),
      (["storageattach", "m", "--foo"], "VBoxManage storageattach NAME|UUID --storagectl", "Unknown option: --foo"),
      (["createmedium", "--size", "1"], "VBoxManage createmedium ", "--filename is missing"),
      (["createmedium", "--sise", "1"], "VBoxManage createmedium ", "--sise"),
    ] {
      let result = try machines.manage(words)
      #expect(result.status == 2 && result.output == "", "\(words): \(result)")
      #expect(result.errors.hasPrefix("Usage:\n\n\(usage)"), "\(result.errors)")
      let last = result.errors.split(separator: "\n").last ?? ""
      #expect(last.hasPrefix("VBoxManage: error: ") && last.contains(text), "\(result.errors)")
    }
    #expect(try machines.manage(["showvminfo", "nobody"]).errors.hasPrefix("VBoxManage: error: "))
  }
  @Test func errorsOfVerbsForMediaAreInJSONToo() throws {
    let missing = try machines.manage(["showmediuminfo", machines.folder.name("none.vdi"), "--json"])
    #expect(missing.status == 1 && missing.errors.contains("VBoxManage: error:"))
    #expect(try JSON(parsing: missing.output)["error"]?["code"]?.string == "VBOX_E_FILE_ERROR", "\(missing.output)")
    let wrong = try machines.manage(["createmedium", "--size", "1", "--json"])
    #expect(wrong.status == 2)
    #expect(try JSON(parsing: wrong.output)["error"]?["text"]?.string?.contains("--filename") == true)
  }
  @Test func wordsComeFromAResponseFile() throws {
    try machines.folder.write("words", Array("showvminfo 'm' \\\n  \"--machinereadable\"\n".utf8))
    #expect(try machines.output(["@" + machines.folder.name("words")]).hasPrefix("name=\"m\"\n"))
    try machines.folder.write("words", Array("showvminfo 'm".utf8))
    #expect(try machines.manage(["@" + machines.folder.name("words")]).status == 2)
    #expect(try machines.manage(["@" + machines.folder.name("none")]).status == 1)
  }
  @Test func errorsAreInJSONToo() throws {
    let missing = try machines.manage(["showvminfo", "foo", "--json"])
    let error = try JSON(parsing: missing.output)["error"]
    #expect(error?["code"] == "VBOX_E_OBJECT_NOT_FOUND" && error?["number"]?.integer == 0x80bb_0001)
    #expect(missing.status == 1 && missing.errors.hasPrefix("VBoxManage: error: Could not find"))
    let wrong = try machines.manage(["modifyvm", "m", "--speed", "1", "--json"])
    #expect(
      try wrong.status == 2
        && JSON(parsing: wrong.output)["error"]?["text"]?.string?.hasPrefix("Unknown option") == true)
    let double = try machines.manage(["createvm", "--name", "m", "--register"])
    #expect(double.errors.contains("Machine settings file '") && double.errors.contains("m.vbox' already exists\n"))
    let lists = try JSON(parsing: try machines.output(["list", "dhcpservers", "--json"]))
    #expect(lists.array?.first?["address"] == "192.168.56.100" && lists.array?.first?["enabled"] == true)
  }
  @Test func helpAndPagesSayWhatOptionsMean() throws {
    let help = try machines.output(["modifyvm", "--help"])
    #expect(
      help.contains("  --nat-pf<1-36> RULE|delete NAME\n        A port of the host") && help.contains("--cpus 1-64\n"))
    let page = try machines.output(["man", "modifyvm"])
    #expect(
      page.contains("\n.SH DESCRIPTION\n") && page.contains("\nVirtual processors.\n") && !page.contains("1 value"))
    #expect(try machines.output(["man", "createmedium"]).contains("\n.SH DESCRIPTION\n"))
    let completions = try machines.output(["completions", "bash"])
    for word in ["--nat-pf1", "--natpf1", "cpu-profiles", "setlinkstate1", "natpf1", "mouseputstate", "--os-type"] {
      #expect(completions.split(whereSeparator: { " '".contains($0) }).contains { $0 == word }, "\(word)")
    }
  }
  @Test func aTransientFolderNeedsARun() throws {
    let words = ["sharedfolder", "add", "m", "--name", "f", "--hostpath", "/tmp", "--transient"]
    let off = try machines.manage(words)
    #expect(off.status == 1 && off.errors == "VBoxManage: error: Machine 'm' is not currently running.\n")
  }
}
