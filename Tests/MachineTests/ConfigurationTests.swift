import Base
import Devices
import HostNetwork
import Testing

@testable import Machine

@Suite struct ConfigurationTests {
  private var full: MachineConfiguration {
    var configuration = MachineConfiguration()
    configuration.name = "böx \"1\""
    configuration.memory = 5 << 30
    configuration.cpus = 4
    configuration.cpu = "x86-64-v2,+aes"
    configuration.bootOrder = "dc"
    configuration.firmware = "/f"
    configuration.kernel = "/k"
    configuration.initrd = "/i"
    configuration.append = "a=b c"
    configuration.disks = [
      .init(path: "/d", interface: .virtio, readOnly: true, snapshot: false), .init(path: "/e", snapshot: true),
    ]
    configuration.disks[1].parents = ["b": "/b", "a": "/a"]
    configuration.cdroms = ["/c"]
    var empty = MachineConfiguration.CDROM(path: "", interface: .sata)
    empty.isEmpty = true
    configuration.cdroms.append(empty)
    configuration.floppies = ["/a"]
    var nat = NATConfiguration()
    nat.forwards = [PortForward(transport: .udp, host: .init(address: 1, port: 2), guest: .init(address: 0, port: 3))]
    (nat.tftpFolder, nat.bootFile, nat.ipv6, nat.reachesLoopback, nat.isRestricted) = ("/t", "b", false, true, true)
    (nat.network, nat.prefix) = (0xc0a8_0000, 16)
    var card = MachineConfiguration.NetworkCard(.nat(nat), model: .i82545em)
    card.mac = MACAddress("08:00:27:00:00:01")
    (card.isConnected, card.trace, card.bitsPerSecond, card.promiscuous) = (false, "/p", 5000, .allowAll)
    card.bootROM = .file("/r")
    card.rateGroup = .init(name: "g", bitsPerSecond: 1_000_000)
    configuration.disks[0].rateGroup = .init(name: "d", bitsPerSecond: 8_000_000)
    var listening = MachineConfiguration.NetworkCard(.internalNetwork("n"), model: .e1000)
    listening.promiscuous = .allowNetwork
    configuration.network = [
      card, .init(.null, model: .pcnet), listening, .init(.bridged("tap0")),
      .init(.tunnel(local: .init(address: 0x7f00_0001, port: 1), remote: .init(address: 5, port: 6))),
    ]
    configuration.serial = [.stdio, .file("/x:y"), .tcp(99), .unix("/s")]
    configuration.debugConsole = .pty
    configuration.exitOn = .init(reset: true, tripleFault: true)
    configuration.clockBase = .localtime
    configuration.mouse = .absolute
    return configuration
  }

  @Test func survivesTheWayThroughJSON() throws {
    var deterministic = MachineConfiguration()
    (deterministic.deterministicSeed, deterministic.instructionLimit) = (.max, 5)
    for configuration in [MachineConfiguration(), full, deterministic] {
      let text = configuration.json.text
      #expect(try MachineConfiguration(json: JSON(parsing: text)) == configuration)
    }
  }

  @Test func refusesWhatCannotBe() throws {
    let cases: [(String, String)] = [
      (#"{"memory": 0}"#, "memory"), (#"{"memory": 1048577}"#, "memory"), (#"{"memory": "1G"}"#, "memory"),
      (#"{"memory": 9223372036854775807}"#, "memory"), (#"{"cpus": 0}"#, "CPUs"), (#"{"cpus": 65}"#, "CPUs"),
      (#"{"bootOrder": "cx"}"#, "boot order"), (#"{"memroy": 1}"#, "did you mean 'memory'"), (#"[]"#, "object"),
      (#"{"initrd": "/i"}"#, "needs a kernel"), (#"{"serial": ["tcp:0"]}"#, "TCP port"),
      (#"{"serial": ["floppy"]}"#, "none of"), (#"{"serial": ["none","none","none","none","none"]}"#, "at most 4"),
      (#"{"disks": [{"path": "a", "rateGroup": {"name": "g", "rate": 5}}]}"#, "rate"),
      (#"{"disks": [{"interface": "ide"}]}"#, "path"), (#"{"disks": [{"path": "a", "interface": "usb"}]}"#, "ide"),
      (#"{"engine": "interpretr"}"#, "did you mean"), (#"{"exitOn": ["rest"]}"#, "exitOn"),
      (#"{"floppies": ["a","b","c"]}"#, "floppy"), (#"{"name": "a\u0000b"}"#, "string"),
      (#"{"cdroms": ["a","b","c","d","e"]}"#, "IDE"), (#"{"cdroms": [{"interface": "sata"}]}"#, "empty"),
      (#"{"network": [{"kind": "bridge"}]}"#, "none of nat"),
      (#"{"network": [{"kind": "null", "ipv6": true}]}"#, "no such setting"),
      (#"{"network": [{"model": "rtl8139"}]}"#, "virtio"), (#"{"network": [{"rate": 1}]}"#, "rate"),
      (#"{"network": [{"hostForwards": ["tcp:1"]}]}"#, "expected tcp"),
      (#"{"deterministicSeed": "-1"}"#, "whole number"), (#"{"instructionLimit": 5}"#, "deterministic"),
      (#"{"deterministicSeed": "1", "instructionLimit": 0}"#, "instructionLimit"),
      (#"{"deterministicSeed": "1", "network": [{"kind": "null"}]}"#, "no network cards"),
    ]
    for (text, expected) in cases {
      let json = try JSON(parsing: text)
      let error = #expect(throws: MachineError.self) { try MachineConfiguration(json: json) }
      #expect(error?.description.contains(expected) == true, "\(text): \(error?.description ?? "")")
      #expect(error?.kind == .configuration)
    }
  }

  @Test func namesThePackageThatBringsTheFirmware() {
    var configuration = MachineConfiguration()
    configuration.firmware = "/nonexistent/bios.bin"
    let error = #expect(throws: MachineError.self) { try Machine(configuration: configuration) { _ in } }
    #expect(error?.description == "firmware '/nonexistent/bios.bin': No such file or directory")
  }
}
