import Base
import SettingsFiles
import Testing

@testable import Service

@Suite("Virtual networks") struct VirtualNetworkTests {
  private func configuration(_ fixture: Fixture, _ name: String) throws -> JSON? {
    try VirtualNetwork(registry: fixture.registry, name: name).configuration()
  }

  @Test func cardsAreOnTheSwitchOfTheirNetwork() {
    func name(_ kind: String, _ value: String) -> String? {
      VirtualNetwork.name(of: SettingsElement("Adapter", [], [SettingsElement(kind, [("name", value)])]))
    }
    #expect(name("InternalNetwork", "lab") == "lab" && name("InternalNetwork", "") == "intnet")
    #expect(name("HostOnlyInterface", "vboxnet0") == "HostInterfaceNetworking-vboxnet0")
    #expect(name("HostOnlyNetwork", "h") == "hostonly-h" && name("NATNetwork", "n") == "n")
    #expect(name("NAT", "x") == nil && name("NATNetwork", "") == nil)
  }

  @Test func hostOnlyNetworksHaveTheHostAndTheUsualServer() throws {
    let fixture = try Fixture()
    let interface = try fixture.registry.createHostOnlyInterface()
    try fixture.registry.changeHostOnlyInterface(interface.name) { interface throws(ServiceError) in
      interface?.forwards = ["tcp::2222-192.168.56.9:22"]
      interface?.reachesServices = true
    }
    let json = try #require(try configuration(fixture, interface.network))
    #expect(json["host"]?["network"] == "192.168.56.0/24" && json["host"]?["address"] == "192.168.56.1")
    #expect(json["host"]?["forwards"] == ["tcp::2222-192.168.56.9:22"] && json["host"]?["localhost"] == true)
    #expect(json["dhcp"]?["server"] == "192.168.56.100" && json["dhcp"]?["lower"] == "192.168.56.101")
    #expect(json["leases"]?.string?.hasSuffix("/HostInterfaceNetworking-vboxnet0-Dhcpd.leases") == true)
    #expect(throws: ServiceError.self) { try configuration(fixture, "HostInterfaceNetworking-vboxnet9") }
    // What is taken away leaves nothing behind for the next of that name.
    try fixture.registry.changeHostOnlyInterface(interface.name) { $0 = nil }
    #expect(try fixture.registry.createHostOnlyInterface().forwards == [])
  }

  @Test func serversWhoseRangeIsNoneAreRefused() throws {
    let fixture = try Fixture()
    func set(_ name: String, _ values: [String: String], fixed: String? = nil) throws {
      try fixture.registry.changeNetwork(.dhcpServers, name) { entry in
        entry = entry ?? Registry.network(.dhcpServers, name)
        for (key, value) in values { entry?[key] = value }
        let card = [("MACAddress", "080027AABBCC"), ("fixedAddress", fixed ?? "")]
        if fixed != nil { entry?.insert(SettingsElement("Config", card)) }
      }
    }
    func refusal(_ name: String, _ values: [String: String], fixed: String? = nil) -> String {
      do { try set(name, values, fixed: fixed) } catch { return "\(error)" }
      return "none"
    }
    let right = ["IPAddress": "10.0.0.1", "networkMask": "255.255.255.0", "lowerIP": "10.0.0.2", "upperIP": "10.0.0.9"]
    func but(_ key: String, _ value: String) -> [String: String] { right.merging([key: value]) { $1 } }
    #expect(refusal("lab", but("lowerIP", "10.0.0.10")).contains("10.0.0.10 is above the upper address 10.0.0.9"))
    let outside = "10.0.1.2 is outside of the server's network 10.0.0.0/24"
    #expect(refusal("lab", but("lowerIP", "10.0.1.2")).contains(outside))
    #expect(refusal("lab", but("upperIP", "10.0.1.2")).contains("upper address 10.0.1.2 is outside"))
    #expect(refusal("lab", but("networkMask", "255.0.255.0")).contains("'255.0.255.0' is no network mask"))
    #expect(refusal("lab", right, fixed: "10.1.0.4").contains("fixed address 10.1.0.4 is outside"))
    let wide = ["IPAddress": "10.0.0.1", "networkMask": "255.0.0.0", "lowerIP": "10.0.0.2", "upperIP": "10.9.0.9"]
    #expect(refusal("lab", wide).contains("more than 65536 addresses"))
    #expect(try fixture.registry.networks(.dhcpServers).allSatisfy { $0["networkName"] != "lab" })
    // One that is right cannot be made wrong; the two ends may be one.
    try set("lab", right)
    #expect(refusal("lab", ["upperIP": "10.0.0.1"]).contains("is above"))
    try set("lab", ["upperIP": "10.0.0.2"], fixed: "10.0.0.200")
    #expect(try fixture.registry.networks(.dhcpServers).first { $0["networkName"] == "lab" }?["upperIP"] == "10.0.0.2")
    // What another program left can be switched off.
    try fixture.registry.changeGlobal { global in
      global.root.change(path: ["NetserviceRegistry", "DHCPServers"]) { servers in
        var old = Registry.network(.dhcpServers, "old")
        for (key, value) in but("lowerIP", "10.0.0.99") { old[key] = value }
        servers.children.append(.element(old))
      }
    }
    try set("old", ["enabled": "0"])
    #expect(refusal("old", ["upperIP": "10.0.0.50"]).contains("is above"))
    try set("old", ["upperIP": "10.0.0.100"])
  }

  @Test func internalNetworksNeedAServiceOnlyForTheirServer() throws {
    let fixture = try Fixture()
    #expect(try configuration(fixture, "lab") == nil)
    try fixture.registry.changeNetwork(.dhcpServers, "lab") { entry in
      entry = Registry.network(.dhcpServers, "lab")
      for (key, value) in [
        ("IPAddress", "10.0.0.1"), ("networkMask", "255.255.255.0"), ("lowerIP", "10.0.0.2"), ("upperIP", "10.0.0.9"),
        ("enabled", "1"),
      ] { entry?[key] = value }
      entry?.change("Options") { options in
        options["secDefaultLeaseTime"] = "1200"
        options.insert(SettingsElement("Option", [("name", "6"), ("value", "10.0.0.53")]))
      }
      entry?.insert(
        SettingsElement(
          "Config", [("MACAddress", "080027AABBCC"), ("fixedAddress", "10.0.0.200"), ("suppressedOptions", "6 15")]))
    }
    let dhcp = try #require(try configuration(fixture, "lab")?["dhcp"])
    #expect(dhcp["global"]?["lease"] == 1200)
    #expect(dhcp["global"]?["options"] == [["number": 6, "value": "10.0.0.53", "hex": false]])
    #expect(dhcp["clients"]?.array?.first?["mac"] == "08:00:27:aa:bb:cc")
    #expect(dhcp["clients"]?.array?.first?["address"] == "10.0.0.200")
    #expect(dhcp["clients"]?.array?.first?["suppressed"] == [6, 15])
    try fixture.registry.changeNetwork(.dhcpServers, "lab") { $0?["enabled"] = "0" }
    #expect(try configuration(fixture, "lab") == nil)
  }

  @Test func natNetworksHaveARouterAndWhatIsMapped() throws {
    let fixture = try Fixture()
    func add(_ name: String, _ network: String, _ more: SettingsElement? = nil) throws {
      try fixture.registry.changeNetwork(.natNetworks, name) { entry in
        entry = Registry.network(.natNetworks, name)
        entry?["network"] = network
        entry?["enabled"] = "1"
        entry?["needDhcp"] = "1"
        if let more { entry?.insert(more) }
      }
    }
    try add("n", "10.5.0.0/24")
    let plain = try #require(try configuration(fixture, "n"))
    #expect(plain["nat"]?["address"] == "10.5.0.1" && plain["nat"]?["localhost"] == false && plain["aliases"] == nil)
    #expect(plain["dhcp"]?["router"] == "10.5.0.1" && plain["dhcp"]?["upper"] == "10.5.0.254")
    let mapping = SettingsElement("Loopback4", [("address", "127.0.0.1"), ("offset", "2")])
    try add("m", "10.6.0.0/16", SettingsElement("Mappings", [], [mapping]))
    let mapped = try #require(try configuration(fixture, "m"))
    #expect(mapped["nat"]?["address"] == "10.6.0.2" && mapped["nat"]?["localhost"] == true)
    #expect(mapped["aliases"] == ["10.6.0.1"] && mapped["dhcp"]?["upper"] == "10.6.255.254")
    try add("bad", "10.0.0.0/30")
    #expect(throws: ServiceError.self) { try configuration(fixture, "bad") }
    try fixture.registry.changeNetwork(.natNetworks, "n") { $0?["enabled"] = "0" }
    #expect(throws: ServiceError.self) { try configuration(fixture, "n") }
  }

  @Test func displayAndRecordingAreAsSet() throws {
    let fixture = try Fixture()
    try fixture.machine("m")
    func plan(_ options: [(String, String)]) throws -> LaunchPlan {
      try fixture.registry.change("m") { settings throws(ServiceError) in
        for (option, value) in options {
          guard let (known, number) = MachineOption.named(option) else { continue }
          try known.apply([value], number: number, typed: option, to: &settings, fixture.registry)
        }
      }
      return try LaunchPlan(try fixture.registry.machine("m"), control: "c", display: "d")
    }
    func graphics(_ plan: LaunchPlan) -> JSON? { plan.options["machine"]?["graphics"] }
    let usual = try plan([("graphicscontroller", "vboxvga")])
    #expect(graphics(usual) == ["controller": "vboxvga", "memory": 16_777_216, "monitors": 1])
    #expect(usual.options["recording"] == nil)
    let other = try plan([
      ("graphicscontroller", "vmsvga"), ("vram", "33"), ("monitorcount", "3"), ("recording", "on"),
      ("recordingvideores", "640x480"), ("recordingfile", "film.webm"), ("recordingmaxtime", "60"),
    ])
    #expect(graphics(other) == ["controller": "vmsvga", "memory": 67_108_864, "monitors": 3])
    let recording = try #require(other.options["recording"])
    #expect(recording["width"] == 640 && recording["height"] == 480 && recording["framesPerSecond"] == 25)
    #expect(recording["maximumSeconds"] == 60 && recording["path"]?.string?.hasSuffix("/m/film.webm") == true)
    let none = try plan([("graphicscontroller", "none"), ("monitorcount", "20")])
    #expect(graphics(none)?["controller"] == "vga" && none.remarks.count { $0.contains("monitors") } == 1)
  }

  @Test func cardsTakeTheirPolicyAndTheirGroupAlong() throws {
    let fixture = try Fixture()
    try fixture.machine("m")
    try fixture.registry.change("m") { settings throws(ServiceError) in
      for (option, value) in [
        ("nic1", "intnet"), ("nicpromisc1", "allow-vms"), ("nicbandwidthgroup1", "slow"), ("nic2", "generic"),
        ("nicgenericdrv2", "UDPTunnel"), ("nicproperty2", "sport=10001"), ("nic3", "bridged"),
        ("bridgeadapter3", "tap7"),
      ] {
        guard let (known, number) = MachineOption.named(option) else { continue }
        try known.apply([value], number: number, typed: option, to: &settings, fixture.registry)
      }
      settings.machine.change(path: ["Hardware", "IO", "BandwidthGroups"]) { list in
        list.insert(
          SettingsElement("BandwidthGroup", [("name", "slow"), ("type", "Network"), ("maxBytesPerSec", "125000")]))
      }
    }
    let plan = try LaunchPlan(try fixture.registry.machine("m"), control: "c", display: "d")
    let cards = try #require(plan.options["machine"]?["network"]?.array)
    #expect(cards[0]["promiscuous"] == "allow-vms")
    #expect(cards[0]["rateGroup"] == ["name": "slow", "rate": 1_000_000])
    // A group without a limit is known to the process, which may get one later.
    try fixture.registry.change("m") { settings throws(ServiceError) in
      settings.machine.change(path: ["Hardware", "IO", "BandwidthGroups"]) { list in
        list.changeAll("BandwidthGroup") { $0["maxBytesPerSec"] = "0" }
      }
    }
    let unlimited = try LaunchPlan(try fixture.registry.machine("m"), control: "c", display: "d")
    #expect(unlimited.options["machine"]?["network"]?.array?[0]["rateGroup"] == ["name": "slow", "rate": 0])
    #expect(cards[1]["kind"] == "null" && plan.remarks.contains { $0.contains("UDPTunnel") })
    #expect(cards[2]["kind"] == "bridged" && cards[2]["interface"] == "tap7")
    #expect(plan.networks == ["intnet"])
  }
}
