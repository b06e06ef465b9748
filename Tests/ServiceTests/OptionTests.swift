import Base
import DiskImages
import Foundation
import SettingsFiles
import Testing

@testable import Service

struct OptionTests {
  /// Applies options to a machine of its own, in memory.
  private func applied(
    _ options: [(String, [String])], to start: MachineSettings? = nil
  ) throws -> MachineSettings {
    let fixture = try Fixture()
    var settings =
      start
      ?? MachineSettings(
        creating: fixture.path("m.vbox"), name: "m", uuid: "11111111-2222-3333-4444-555555555555", type: .other)
    for (name, values) in options {
      let (option, number) = try #require(MachineOption.named(name), "no option \(name)")
      #expect(values.isEmpty || option.valueCount(values[0]) == values.count, "\(name)")
      try option.apply(values, number: number, typed: name, to: &settings, fixture.registry)
    }
    return settings
  }
  private func refusal(_ name: String, _ values: [String], to start: MachineSettings? = nil) -> String? {
    do {
      _ = try applied([(name, values)], to: start)
      return nil
    } catch { return "\(error)" }
  }

  @Test func namesAreUnique() {
    var seen: Set<String> = []
    for option in MachineOption.all {
      for name in option.names {
        #expect(seen.insert(name).inserted, "\(name) is there twice")
        #expect(name == name.lowercased() && !name.contains("-"))
      }
    }
    #expect(seen.count > 170)
  }
  @Test(arguments: ["natdnsproxy1", "nat-dns-proxy1", "NATDNSPROXY1"]) func allSpellingsAreOneOption(name: String)
    throws
  {
    let nat = try applied([(name, ["on"])]).slot("Network", "Adapter", 0)?.child("NAT")
    #expect(nat?.child("DNS")?["use-proxy"] == "true")
  }
  @Test func hardwareOptionsAreWrittenAsVirtualBoxWritesThem() throws {
    let settings = try applied([
      ("memory", ["512"]), ("cpus", ["4"]), ("firmware", ["efi"]), ("chipset", ["ich9"]), ("hpet", ["on"]),
      ("paravirtprovider", ["kvm"]), ("rtcuseutc", ["on"]), ("vram", ["32"]), ("boot1", ["dvd"]), ("boot3", ["net"]),
      ("audio-driver", ["none"]), ("usbxhci", ["on"]), ("uart1", ["0x3F8", "4"]), ("uartmode1", ["file", "/tmp/s"]),
    ])
    #expect(settings.memory == 512 && settings.cpus == 4)
    #expect(settings.bootOrder == ["DVD", "DVD", "Network", "None"])
    #expect(settings.word(["Firmware"], "type", default: "") == "EFI")
    #expect(settings.word(["RTC"], "localOrUTC", default: "") == "UTC")
    #expect(settings.hardware.descendant(["USB", "Controllers", "Controller"])?["type"] == "XHCI")
    let port = try #require(settings.slot("UART", "Port", 0))
    #expect(port["IOBase"] == "0x3f8" && port["hostMode"] == "RawFile" && port["path"] == "/tmp/s")
    #expect(try applied([("firmware", ["bios"]), ("cpus", ["1"])], to: settings).hardware.child("Firmware") == nil)
  }
  @Test(arguments: [
    ("memory", ["lots"]), ("memory", ["0"]), ("cpus", ["65"]), ("hpet", ["maybe"]), ("firmware", ["openfirmware"]),
    ("boot1", ["tape"]), ("nic1", ["carrier-pigeon"]), ("macaddress1", ["08:00"]), ("uart1", ["0x3f8", "many"]),
    ("natpf1", ["ssh,tcp,,2222,"]), ("natpf1", ["ssh,tcp,,99999,,22"]), ("natsettings1", ["1,2,3"]),
    ("ostype", ["Plan10"]),
  ])
  func badValuesAreRefused(name: String, values: [String]) {
    #expect(refusal(name, values) != nil)
  }
  @Test func unknownNumbersAreNoOptions() {
    for name in ["nic37", "nic0", "boot5", "uart5", "natpf", "memory1", "1", ""] {
      #expect(MachineOption.named(name) == nil, "\(name)")
    }
  }
  @Test func theLogNamesEverySettingWithoutEffect() throws {
    let usual = try LaunchPlan(applied([]), control: "c", display: "d")
    #expect(usual.remarks == [])
    let settings = try applied([
      ("cpu-execution-cap", ["50"]), ("chipset", ["ich9"]), ("hpet", ["on"]), ("audio-enabled", ["on"]),
      ("usb-xhci", ["on"]), ("bios-system-time-offset", ["-5"]), ("vrde", ["on"]), ("tpm-type", ["2.0"]),
      ("nat-bind-ip1", ["10.0.0.1"]), ("nat-dns-proxy1", ["on"]),
    ])
    let plan = try LaunchPlan(settings, control: "c", display: "d")
    for words in [
      "cap of 50%", "chipset ICH9", "audio", "USB controllers", "time offset of -5 ms", "VRDE", "TPM",
      "network card 1: the NAT's address", "network card 1: the NAT's DNS options",
    ] { #expect(plan.remarks.contains { $0.hasPrefix("no effect: ") && $0.contains(words) }, "\(words)") }
    #expect(plan.remarks.count == 9)
  }
  @Test func everyOptionSaysWhatItMeans() throws {
    for option in MachineOption.all {
      #expect(!option.meaning.isEmpty, "\(option.names[0])")
      #expect(option.names.contains(option.dashed.replacing("-", with: "")), "\(option.dashed)")
      #expect((option.valueCount == 0) == option.values.isEmpty, "\(option.names[0]) \(option.values)")
    }
    let portForward = try #require(MachineOption.named("natpf1")?.option)
    #expect(portForward.dashed == "nat-pf" && portForward.values.hasPrefix("RULE"))
    #expect(
      MachineOption.named("hpet")?.option.values == "on|off" && MachineOption.named("cpus")?.option.values == "1-64")
  }
  @Test func newMachinesDoNotReachTheHostsLoopback() throws {
    let settings = try applied([("nic2", ["nat"])])
    for slot in 0..<2 {
      #expect(settings.slot("Network", "Adapter", slot)?.child("NAT")?["localhost-reachable"] == "false")
    }
    let open = try applied([("nat-localhostreachable1", ["on"])])
    #expect(open.slot("Network", "Adapter", 0)?.child("NAT")?["localhost-reachable"] == "true")
  }
  @Test func moreThanEightCardsNeedTheirChipset() throws {
    #expect(refusal("nic9", ["nat"])?.contains("8") == true)
    let settings = try applied([("chipset", ["ich9"]), ("nic36", ["intnet"])])
    #expect(settings.slot("Network", "Adapter", 35)?.child("InternalNetwork") != nil && settings.cardCount == 36)
  }
  @Test func optionsWithoutEffectAreKeptWhereVirtualBoxKeepsThem() throws {
    let settings = try applied([
      ("tracing-enabled", ["on"]), ("tracing-config", ["all"]), ("teleporter", ["on"]), ("teleporter-port", ["6000"]),
      ("teleporter-address", ["10.0.0.1"]), ("cpuid-set", ["80000001:1", "a", "0xb", "C", "ffffffff"]),
      ("cpuid-set", ["1", "1", "2", "3", "4"]), ("cpuid-remove", ["1"]), ("plugcpu", ["2"]), ("usb", ["on"]),
      ("usb-rename", ["OHCI", "mine"]), ("vrde-video-channel", ["on"]), ("vrde-video-channel-quality", ["40"]),
      ("guest-debug-provider", ["gdb"]), ("guest-debug-port", ["1234"]), ("testing-cfg-dword0", ["7"]),
    ])
    let machine = settings.machine
    #expect(machine.child("Teleporter")?.attributes.map(\.value) == ["true", "6000", "10.0.0.1"])
    #expect(machine.descendant(["Debugging", "Tracing"])?["config"] == "all")
    #expect(machine.descendant(["Debugging", "GuestDebug"])?["provider"] == "GDB")
    let leaves = settings.hardware.descendant(["CPU", "CpuIdTree"])?.elements ?? []
    #expect(leaves.map { $0.attributes.map(\.value) } == [["2147483649", "1", "10", "11", "12", "4294967295"]])
    #expect(settings.hardware.descendant(["CPU", "CpuTree", "Cpu"])?["id"] == "2")
    #expect(settings.hardware.descendant(["USB", "Controllers", "Controller"])?["name"] == "mine")
    let properties = settings.hardware.descendant(["RemoteDisplay", "VRDEProperties"])?.elements ?? []
    #expect(properties.compactMap { $0["value"] } == ["true", "40"])
    #expect(
      try applied([("cpuid-remove-all", []), ("unplugcpu", ["2"])], to: settings).hardware.child("CPU")?.child(
        "CpuTree") == nil)
    for (name, values) in [
      ("cpuidset", ["1", "x", "2", "3", "4"]), ("teleporterport", ["70000"]), ("usbrename", ["EHCI", "a"]),
      ("iconfile", ["/nowhere"]), ("guestdebugprovider", ["printf"]), ("plugcpu", ["64"]),
    ] { #expect(refusal(name, values, to: settings) != nil, "\(name)") }
    #expect(Base64Text.encode(Array("any carnal pleas".utf8)) == "YW55IGNhcm5hbCBwbGVhcw==")
    #expect(
      Base64Text.encode(Array("any".utf8)) == "YW55" && Base64Text.encode([]) == ""
        && Base64Text.encode([97, 98]) == "YWI=")
  }
  @Test func theScreenThatIsRecordedIsWrittenAsVirtualBoxWritesIt() throws {
    let settings = try applied([
      ("recording", ["on"]), ("recordingvideores", ["640x480"]), ("recordingvideofps", ["10"]),
      ("recordingvideorate", ["512"]), ("recordingmaxtime", ["60"]), ("recordingfile", ["a.webm"]),
    ])
    #expect(settings.hardware.child("VideoCapture") == nil && settings.isRecorded && settings.recordsScreen)
    let screen = try #require(settings.machine.descendant(["Recording", "Screens", "Screen"]))
    #expect(screen["id"] == "0" && screen["horzRes"] == "640" && screen["fps"] == "10" && screen["maxTimeS"] == "60")
    #expect(screen["rateKbps"] == nil && settings.recording["rate"] == 512 && settings.recording["height"] == 480)
    #expect(try !applied([("recordingscreens", ["none"])], to: settings).recordsScreen)
    #expect(refusal("recordingscreens", ["first"]) != nil && refusal("recordingvideofps", ["0"]) != nil)
  }
  @Test func oldOptionsAttachDisks() throws {
    let fixture = try Fixture()
    try fixture.machine("m")
    let registry = fixture.registry
    for name in ["a", "b", "c"] {
      try ImageLibrary().create(fixture.path("\(name).vdi"), ImageCreation(.vdi, .dynamic, capacity: 1 << 20))
    }
    try Data(repeating: 0, count: 2048).write(to: URL(fileURLWithPath: fixture.path("cd.iso")))
    func set(_ options: [(String, String)]) throws {
      try registry.change("m") { settings throws(ServiceError) in
        for (typed, value) in options {
          guard let (option, number) = MachineOption.named(typed) else { throw ServiceError(.failure, typed) }
          try option.apply([value], number: number, typed: typed, to: &settings, registry)
        }
      }
    }
    func places() throws -> [String] {
      let settings = try registry.machine("m")
      return settings.attachments.map { place in
        let path = settings.media.first { $0.uuid == place.medium }?.path.split(separator: "/").last ?? "empty"
        return "\(place.controller) \(place.port)-\(place.device) \(path)"
      }
    }
    try set([
      ("hda", fixture.path("a.vdi")), ("dvd", fixture.path("cd.iso")), ("sata", "on"),
      ("sataport3", fixture.path("b.vdi")),
      ("scsitype", "BusLogic"), ("scsiport1", fixture.path("c.vdi")), ("floppy", "empty"), ("sataideemulation1", "3"),
    ])
    #expect(
      try places() == [
        "IDE Controller 0-0 a.vdi", "IDE Controller 1-0 cd.iso", "SATA 2-0 b.vdi", "SCSI 0-0 c.vdi",
        "Floppy Controller 0-0 empty",
      ])
    let types = try registry.machine("m").controllers.compactMap { $0["type"] }
    #expect(types == ["PIIX4", "AHCI", "BusLogic", "I82078"])
    try set([("hda", "none"), ("dvd", "none"), ("scsi", "off"), ("floppy", "disabled"), ("hdb", "none")])
    #expect(try places() == ["IDE Controller 1-0 empty", "SATA 2-0 b.vdi"])
    #expect(throws: ServiceError.self) { try set([("hda", "/nowhere.vdi")]) }
  }
  @Test func forwardsAreKeptByNameAndOnlyOnce() throws {
    var settings = try applied([
      ("natpf1", ["web,tcp,,8080,,80"]), ("natpf1", ["ssh,tcp,127.0.0.1,2222,,22"]), ("natpf1", [",udp,,53,,53"]),
    ])
    #expect(
      settings.forwards(slot: 0).map(\.text) == [
        "ssh,tcp,127.0.0.1,2222,,22", "udp_53_53,udp,,53,,53", "web,tcp,,8080,,80",
      ])
    #expect(
      refusal("natpf1", ["ssh,tcp,,1,,1"], to: settings)?.contains("A NAT rule of this name already exists") == true)
    #expect(refusal("natpf1", ["more,tcp,,8080,,81"], to: settings) != nil)
    settings = try applied([("natpf1", ["delete", "ssh"])], to: settings)
    #expect(settings.forwards(slot: 0).map(\.name) == ["udp_53_53", "web"])
    #expect(refusal("natpf1", ["delete", "ssh"], to: settings) != nil)
  }
  @Test func aCardKeepsTheSettingsOfWhereItWas() throws {
    var settings = try applied([("natpf1", ["ssh,tcp,,2222,,22"]), ("nic1", ["intnet"]), ("intnet1", ["lab"])])
    #expect(settings.slot("Network", "Adapter", 0)?.child("InternalNetwork")?["name"] == "lab")
    #expect(settings.slot("Network", "Adapter", 0)?.child("NAT") == nil)
    settings = try applied([("nic1", ["nat"])], to: settings)
    #expect(settings.forwards(slot: 0).map(\.name) == ["ssh"])
    #expect(settings.slot("Network", "Adapter", 0)?.descendant(["DisabledModes", "InternalNetwork"])?["name"] == "lab")
  }
  @Test func whatHasNoMeaningIsKept() throws {
    let settings = try applied([("testing-cfg-dword3", ["7000"]), ("pci-attach", ["01:00.0@2:0"])])
    #expect(
      settings.extraData.map { "\($0.key)=\($0.value)" } == [
        "Ringbox/Option/pciattach=01:00.0@2:0", "Ringbox/Option/testingcfgdword3=7000",
      ])
  }
  @Test func anyValueIsTakenOrRefused() throws {
    let values = [
      "", "-1", "on", "off", "99999999999999999999", "0x", "a,b,c,d,e,f", "\u{0}", "💾", "none", "delete", "/",
    ]
    for option in MachineOption.all where option.names[0] != "name" {
      let name = option.names[0] + (option.numbers.map { "\($0.lowerBound)" } ?? "")
      for value in values {
        let count = option.valueCount(value)
        var settings = MachineSettings(
          creating: "/m.vbox", name: "m", uuid: "11111111-2222-3333-4444-555555555555", type: .other)
        let registry = try Fixture().registry
        try? option.apply(
          Array(repeating: value, count: count), number: option.numbers?.lowerBound ?? 0, typed: name, to: &settings,
          registry)
        #expect(throws: Never.self, "\(name) \(value)") {
          try SettingsFile(parsing: settings.file.bytes, path: "/m.vbox", .machine)
        }
      }
    }
  }

  // MARK: Launch

  private func plan(_ settings: MachineSettings) throws -> LaunchPlan {
    try LaunchPlan(settings, control: "/c", display: "/d")
  }
  @Test func settingsBecomeAConfiguration() throws {
    let settings = try applied([
      ("memory", ["512"]), ("cpus", ["2"]), ("rtcuseutc", ["on"]), ("boot1", ["disk"]), ("boot2", ["none"]),
      ("boot3", ["none"]), ("natpf1", ["ssh,tcp,127.0.0.1,2222,,22"]), ("nic3", ["intnet"]), ("intnet3", ["lab"]),
      ("nictype3", ["virtio"]), ("cableconnected3", ["off"]), ("uart2", ["0x2f8", "3"]),
      ("uartmode2", ["file", "/tmp/s"]),
    ])
    let options = try plan(settings).options
    let machine = try #require(options["machine"])
    #expect(machine["memory"]?.integer == 512 << 20 && machine["cpus"]?.integer == 2)
    #expect(machine["bootOrder"]?.string == "c" && machine["clockBase"]?.string == "utc")
    #expect(options["serial"]?.array?.compactMap(\.string) == ["none", "file:/tmp/s"])
    let cards = try #require(machine["network"]?.array)
    #expect(cards.count == 2)
    #expect(cards[0]["model"] == "e1000" && cards[0]["hostForwards"] == ["tcp:127.0.0.1:2222-:22"])
    #expect(cards[1]["kind"] == "intnet" && cards[1]["network"] == "lab" && cards[1]["connected"] == false)
  }
  @Test func whoAsksForATabletGetsAnAbsolutePointer() throws {
    func machine(_ options: [(String, [String])]) throws -> JSON? {
      // The type of guest that these tests have is a 32-bit one.
      try plan(applied([("longmode", ["on"])] + options)).options["machine"]
    }
    let usual = try machine([("mouse", ["ps2"])])
    #expect(usual?["mouse"] == nil && usual?["cpu"] == "host")
    let tablet = try machine([("mouse", ["usbtablet"]), ("paravirtprovider", ["default"])])
    #expect(tablet?["mouse"] == "absolute" && tablet?["cpu"] == "host,+kvm")
    let plain = try machine([("mouse", ["usbtablet"]), ("paravirtprovider", ["none"])])
    #expect(plain?["mouse"] == "absolute" && plain?["cpu"] == "host")
    #expect(try machine([("mouse", ["usb"])])?["mouse"] == nil)
  }
  @Test func whatIsNotThereYetIsSaid() throws {
    let efi = try applied([("firmware", ["efi32"])])
    #expect(throws: ServiceError.self) { try plan(efi) }
    // A machine says which image it wants, or which package has it.
    do {
      let path = try plan(applied([("firmware", ["efi"])])).options["machine"]?["firmware"]?.string
      #expect(path?.hasSuffix("OVMF.fd") == true)
    } catch { #expect("\(error)".contains("ovmf")) }
    let bridged = try applied([("nic1", ["bridged"]), ("uart1", ["0x3f8", "4"]), ("uartmode1", ["server", "/tmp/p"])])
    #expect(try plan(bridged).remarks.count == 2)
  }
}
