import Base
import Foundation
import Testing

@testable import Service

/// Extra data `VBoxInternal/...` as keys of the machine's configuration.
struct ConfigurationKeyTests {
  private func plan(_ extraData: [(String, String)]) throws -> LaunchPlan {
    var settings = MachineSettings(
      creating: "/m.vbox", name: "m", uuid: "11111111-2222-3333-4444-555555555555", type: .other)
    // Card 1 is attached to NAT from the start, card 3 now; card 2 is not there.
    for (name, values) in [
      ("nic3", ["nat"]), ("nictype3", ["virtio"]), ("macaddress1", ["080027000001"]), ("macaddress3", ["080027000003"]),
    ] {
      let (option, number) = try #require(MachineOption.named(name))
      try option.apply(values, number: number, typed: name, to: &settings, Fixture().registry)
    }
    for (key, value) in extraData { settings.setExtraData("VBoxInternal/" + key, value) }
    return try LaunchPlan(settings, control: "/c", display: "/d")
  }

  @Test func valuesOfEveryKindArrive() throws {
    let plan = try plan([
      ("Devices/pcbios/0/Config/DmiSystemVendor", "Acme"), ("Devices/efi/0/Config/DmiBIOSVendor", "<EMPTY>"),
      ("Devices/pcbios/0/Config/DmiSystemSerial", "string:0042"),
      ("Devices/mc146818/0/Config/UseUTC", "1"), ("RamSize", "0x10000000"), ("NumCPUs", "integer:3"),
      ("Devices/vga/0/Config/MonitorCount", "2"), ("PDM/HaltOnReset", "1"),
      ("Devices/e1000/0/LUN#0/Config/ssh/Protocol", "TCP"), ("Devices/e1000/0/LUN#0/Config/ssh/HostPort", "2222"),
      ("Devices/e1000/0/LUN#0/Config/ssh/GuestPort", "22"),
      ("Devices/virtio-net/2/LUN#0/Config/LocalhostReachable", "1"),
      ("Devices/virtio-net/2/LUN#0/Config/BootFile", "boot.bin"),
    ])
    #expect(plan.remarks == [])
    let machine = try #require(plan.options["machine"])
    let identity = try #require(machine["identity"])
    #expect(identity["systemVendor"] == "Acme" && identity["biosVendor"] == "" && identity["systemSerial"] == "0042")
    #expect(identity["uuid"] == "11111111-2222-3333-4444-555555555555")
    #expect(machine["clockBase"] == "utc" && machine["memory"] == 0x1000_0000 && machine["cpus"] == 3)
    #expect(machine["graphics"]?["monitors"] == 2 && machine["exitOn"] == ["reset"])
    let cards = try #require(machine["network"]?.array)
    #expect(cards[0]["hostForwards"] == ["tcp::2222-:22"] && cards[0]["localhost"] == false)
    #expect(cards[1]["localhost"] == true && cards[1]["bootFile"] == "boot.bin")
  }

  @Test func whatCannotBeIsLeftOutAndSaid() throws {
    for (key, value, word) in [
      ("Devices/nothing/0/Config/X", "1", "no such key"), ("NumCPUs", "many", "whole number"),
      ("NumCPUs", "65", "1 to 64"), ("Devices/pcbios/0/Config/DmiSystemUuid", "x", "UUID"),
      ("Devices/pcbios/0/Config/DmiSystemUuid", "0011223344556677889900112233445z", "UUID"),
      ("Devices/vga/0/Config/VRamSize", "3145728", "power of two"),
      ("Devices/pcnet/1/LUN#0/Config/BootFile", "b", "not attached to NAT"),
      ("Devices/e1000/0/LUN#0/Config/web/HostPort", "80", "rule 'web'"),
      ("Devices/e1000/99/LUN#0/Config/BootFile", "b", "key"),
    ] {
      let plan = try plan([(key, value)])
      #expect(plan.remarks.count == 1 && plan.remarks[0].contains(word), "\(key): \(plan.remarks)")
      var expected = try self.plan([]).options, found = plan.options
      expected.set("configuration", .null)
      found.set("configuration", .null)
      let isSame = found == expected
      #expect(isSame, "\(key)")
    }
  }

  @Test func theTreesOwnNamesGoToTheMachinesProcess() throws {
    let plan = try plan([("Machine/network/0/model", "pcnet")])
    #expect(plan.options["configuration"] == ["network/0/model": "pcnet"])
  }

  @Test func everyKeyIsInTheDocumentation() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../docs/configuration-keys.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    for key in ConfigurationKey.all {
      #expect(text.contains("| `\(key.path)` | \(key.meaning) |"), "\(key.path)")
    }
  }
}
