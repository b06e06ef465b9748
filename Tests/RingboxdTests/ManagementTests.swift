import Base
import Foundation
import TestSupport
import Testing

@testable import ServiceAPI

/// What the web manager does beyond a machine's life: media, appliances, networks, dumps.
@Suite("management by REST", .serialized) struct ManagementTests {
  private let service: ServiceUnderTest
  init() throws { service = try ServiceUnderTest() }

  private func machine(_ name: String, disk: String? = nil) throws -> String {
    let json = try service.done(
      "POST", "machines", ["name": .string(name), "osType": "Debian_64", "options": ["memory": 64]])
    if let disk {
      try service.done("POST", "media", ["path": .string(disk), "size": 1_048_576])
      try service.done("POST", "machines/\(name)/controllers", ["name": "SATA", "bus": "sata", "ports": 2])
      try service.done(
        "PUT", "machines/\(name)/controllers/SATA/drives/0/0", ["kind": "hdd", "medium": .string(disk)])
    }
    return try #require(json["uuid"]?.string)
  }

  @Test func mediaAreChangedEverywhere() throws {
    let disk = service.folder.name("one.vdi"), moved = service.folder.name("two.vdi")
    _ = try machine("m", disk: disk)
    let uuid = try #require(try service.done("GET", "media").array?.first?["uuid"]?.string)
    let new = "6b8f2c1e-0000-4000-8000-0123456789ab"
    let changed = try service.done(
      "PATCH", "media/\(uuid)",
      [
        "description": "a disk", "type": "writethrough", "properties": ["one": "1", "two": "2"],
      ])
    #expect(changed["description"] == "a disk" && changed["type"] == "Writethrough")
    #expect(changed["properties"] == ["one": "1", "two": "2"])
    try service.done(
      "PATCH", "media/\(uuid)", ["type": "normal", "properties": ["one": .null], "newUUID": .string(new)])
    try service.finish("POST", "media/\(new)/move", ["path": .string(moved)])
    let shown = try service.done("GET", "media/\(new)")
    #expect(shown["path"]?.string == moved && shown["properties"] == ["two": "2"] && shown["children"] == [])
    let drive = try service.done("GET", "machines/m")["controllers"]?.array?.first?["drives"]?.array?.first
    #expect(drive?["medium"]?.string == new && drive?["path"]?.string == moved)
    let verdict = try service.finish("POST", "media/\(new)/check")["result"]
    #expect(verdict?["errors"] == [] && (verdict?["blocks"]?.integer ?? 0) > 0)
    #expect(try service.ask("POST", "media/\(new)/merge").status == 409)
    #expect(try service.ask("PATCH", "media/\(uuid)", ["description": "x"]).status == 404)
    // An image over it that nobody has is put into it.
    try service.finish("POST", "machines/m/snapshots", ["name": "s"])
    #expect(try service.done("GET", "media/\(new)")["children"]?.array?.count == 1)
  }

  @Test func aDiskTakesInTheOneBelowIt() throws {
    let names = ["one", "two", "three"].map { service.folder.name("\($0).vdi") }
    _ = try machine("m", disk: names[0])
    try service.finish("POST", "machines/m/snapshots", ["name": "s"])
    let list = { try service.done("GET", "media").array ?? [] }
    let cover = try #require(try list().first { $0["parent"] != .null })
    let image = try #require(cover["uuid"]?.string)
    #expect(try service.ask("POST", "media/\(image)/merge", ["takeParent": true, "delete": true]).status == 400)
    try service.finish("POST", "media/\(image)/merge", ["takeParent": true])
    let after = try service.done("GET", "media/\(image)")
    #expect(after["parent"] == .null && after["type"] == "Normal" && after["users"]?.array?.count == 1)
    let base = try #require(try list().first { $0["path"]?.string == names[0] }?["uuid"]?.string)
    #expect(try service.done("GET", "media/\(base)")["children"] == [])
    // It stands alone now.
    #expect(try service.ask("POST", "media/\(image)/merge", ["takeParent": true]).status == 202)
    #expect(try service.done("GET", "media/\(image)")["parent"] == .null)
    // Layouts of files, by words.
    try service.done("POST", "media", ["path": .string(names[1]), "size": 1_048_576, "variant": "fixed"])
    #expect(try service.done("GET", "media/info?path=\(names[1])")["variant"] == "fixed")
    let split = service.folder.name("split.vmdk")
    try service.finish(
      "POST", "media/clone",
      ["source": .string(names[1]), "target": .string(split), "format": "VMDK", "variant": "split"])
    #expect(try service.done("GET", "media/info?path=\(split)")["variant"] == "split")
    #expect(
      try service.ask("POST", "media", ["path": .string(names[2]), "size": 1_048_576, "variant": "differencing"]).status
        == 400)
  }

  @Test func appliancesAreLookedAtBeforeTheyAreImported() throws {
    _ = try machine("m", disk: service.folder.name("d.vdi"))
    let file = service.folder.name("m.ova")
    try service.finish(
      "POST", "appliances/export",
      [
        "machines": ["m"], "path": .string(file), "version": "2.0", "manifest": true,
        "systems": [["product": "A thing", "license": "Be nice."]],
      ])
    let system = try #require(
      try service.done("POST", "appliances/preview", ["path": .string(file)])["systems"]?.array?.first)
    #expect(system["license"] == "Be nice." && system["name"]?.string?.hasPrefix("m") == true)
    let units = system["units"]?.array ?? []
    let disk = try #require(units.first { $0["kind"] == "disk" }?["number"]?.integer)
    #expect(units.contains { $0["kind"] == "product" && $0["value"] == "A thing" })
    let wish: JSON = [
      "name": "n", "memory": 72, "units": [["number": .integer(disk), "ignored": true]], "acceptLicense": false,
    ]
    let refused = try service.ask("POST", "appliances/import", ["path": .string(file), "systems": [wish]])
    #expect(refused.status == 400 && refused.text.contains("license"))
    var accepted = wish
    accepted.set("acceptLicense", true)
    try service.finish("POST", "appliances/import", ["path": .string(file), "systems": [accepted]])
    let imported = try service.done("GET", "machines/n")
    #expect(imported["memory"]?.integer == 72)
    #expect(imported["controllers"]?.array?.allSatisfy { $0["drives"] == [] } == true)
  }

  @Test func networksSayWhatTheyTellAndForward() throws {
    try service.done("PUT", "natnetworks/lab", ["network": "10.0.9.0/24"])
    let rule: JSON = ["rule": "web,tcp,127.0.0.1,65535,10.0.9.4,80"]
    #expect(try service.done("POST", "natnetworks/lab/forwards", rule)["forwards"]?.array?.first?["hostPort"] == 65535)
    #expect(try service.ask("POST", "natnetworks/lab/forwards", rule).status == 400)
    #expect(try service.ask("POST", "natnetworks/lab/forwards", ["rule": "x,tcp,,70000,,1"]).status == 400)
    #expect(try service.done("DELETE", "natnetworks/lab/forwards/web")["forwards"] == [])
    #expect(try service.ask("POST", "natnetworks/none/start").status == 404)

    try service.done(
      "PUT", "dhcpservers/lab",
      ["address": "10.0.9.3", "mask": "255.255.255.0", "lower": "10.0.9.10", "upper": "10.0.9.99"])
    let scope = "dhcpservers/lab/scopes/"
    try service.done(
      "PUT", scope + "global", ["options": [["number": 15, "value": "example.org"]], "lease": .number(600)])
    try service.done(
      "PUT", scope + "group:few",
      ["conditions": [["type": "MACWildcard", "value": "08:00:*", "exclusive": true]], "forced": [66, 67]])
    try service.done("PUT", scope + "mac:08%3A00%3A27%3A00%3A00%3A01", ["address": "10.0.9.77"])
    let scopes = try service.done("GET", "dhcpservers").array?.first { $0["name"] == "lab" }?["scopes"]?.array ?? []
    #expect(scopes.map { $0["scope"] } == ["global", "group:few", "mac:080027000001"])
    #expect(scopes.first?["lease"] == 600 && scopes.first?["options"]?.array?.first?["number"] == 15)
    #expect(scopes.last?["address"] == "10.0.9.77")
    #expect(scopes[1]["forced"] == [66, 67])
    #expect(try service.done("GET", "networknames")["internal"] == [])
    #expect(try service.ask("PUT", scope + "global", ["address": "10.0.9.77"]).status == 400)
    #expect(try service.ask("PUT", scope + "everybody", [:]).status == 400)
    try service.done("DELETE", scope + "group:few")
    #expect(try service.ask("DELETE", scope + "group:few").status == 404)
    #expect(try service.done("GET", "dhcpservers/lab/leases") == [])

    let name = try #require(try service.done("POST", "hostonlyinterfaces")["name"]?.string)
    let forward: JSON = "tcp::2222-192.168.56.101:22"
    let changed = try service.done(
      "PATCH", "hostonlyinterfaces/\(name)", ["forwards": [forward], "services": true])
    #expect(changed["forwards"] == [forward] && changed["services"] == true)
    #expect(try service.done("GET", "hostonlyinterfaces/\(name)/status") == [:])
    #expect(try service.ask("DELETE", "hostonlyinterfaces/none").status == 404)
  }

  @Test func aRunningMachineIsLookedInto() throws {
    let listener = try EventListener(service)
    _ = try machine("m", disk: service.folder.name("d.vdi"))
    try service.done("POST", "machines/m/start")
    try service.waitForScreen("m", "SeaBIOS")
    // The firmware lights the lock that a key has set when it is next asked for one, which nobody does here.
    let lights = try service.done("GET", "machines/m/keyboard")
    #expect(lights.members?.map(\.key) == ["scrollLock", "numLock", "capsLock"])
    // The firmware says its name before it looks for a boot sector.
    func drive() throws -> JSON? { try service.done("GET", "machines/m/metrics")["devices"]?["disks"]?.array?.first }
    for _ in 0..<200 where try (drive()?["readBytes"]?.integer ?? 0) < 512 { usleep(50_000) }
    let traffic = try #require(try drive())
    #expect((traffic["readBytes"]?.integer ?? 0) >= 512 && traffic["writes"] == 0)
    let devices = try service.done("GET", "machines/m/devices").array?.compactMap(\.string) ?? []
    let device = try #require(devices.first)
    #expect(try service.ask("GET", "machines/m/devices/\(device)").status == 200)
    #expect(try service.ask("GET", "machines/m/devices/nothing").status == 404)
    let registers = try service.done("GET", "machines/m/processors/0/registers")
    #expect(registers["rip"]?.string?.hasPrefix("0x") == true)
    #expect(try service.ask("GET", "machines/m/processors/1/registers").status == 404)
    #expect(try service.ask("GET", "machines/m/processors/0/stack").text.hasPrefix("#"))
    #expect(try service.done("GET", "machines/m/system") == ["name": "", "version": ""])
    #expect(try service.done("PUT", "machines/m/loggroups", ["settings": "-all +ahci"])["settings"] == "-all +ahci")
    #expect(try service.done("PUT", "machines/m/loggroups")["settings"] == "-all +ahci")
    // Settings: at once, and from the next start on.
    let trace = service.folder.name("m.pcap")
    #expect(
      try service.done(
        "PATCH", "machines/m/live",
        ["options": ["nictracefile1": .string(trace), "nictrace1": "on", "nicpromisc1": "allow-all", "nic1": "null"]])
        == ["later": ["nic1"]])
    #expect(FileManager.default.fileExists(atPath: trace))
    let card = try service.done("GET", "machines/m")["adapters"]?.array?.first
    #expect(card?["trace"]?.string == trace && card?["promiscuous"] == "allow-all" && card?["attachment"] == "null")
    #expect(try service.ask("PATCH", "machines/m/live", ["options": ["memory": 128]]).status == 409)
    let folder: JSON = ["path": "/tmp", "transient": true, "linkPolicy": "subtree"]
    #expect(try service.done("PUT", "machines/m/sharedfolders/t", folder)["transient"] == true)
    try service.done("POST", "machines/m/nmi")
    let core = service.folder.name("m.core")
    try service.finish("POST", "machines/m/core", ["path": .string(core)])
    let bytes = try FileHandle(forReadingFrom: URL(fileURLWithPath: core)).readToEnd() ?? Data()
    #expect(bytes.count == 4096 + 64 << 20 && bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]))
    #expect(try service.ask("POST", "machines/m/core", ["path": .string(core)]).status == 422)
    #expect(try service.ask("GET", "machines/m/serial/0").status == 404)
    #expect(try service.ask("PUT", "machines/m/videomodehint", ["width": 0, "height": 5]).status == 400)
    try service.done("POST", "machines/m/poweroff")
    #expect(listener.wait("machine.state") { $0["state"] == "poweroff" } != nil)
    #expect(try service.done("GET", "machines/m/sharedfolders") == [])
    #expect(try service.ask("PUT", "machines/m/sharedfolders/t", folder).status == 409)
    #expect(try service.ask("PATCH", "machines/m/live", ["options": ["nictrace1": "off"]]).status == 409)
    // With its disc.
    let place = try #require(try service.done("GET", "machines/m")["folder"]?.string)
    let disc = "\(place)/disc.iso"
    #expect(FileManager.default.createFile(atPath: disc, contents: Data(count: 4096)))
    try service.done("PUT", "machines/m/controllers/SATA/drives/1/0", ["kind": "dvddrive", "medium": .string(disc)])
    try service.done("DELETE", "machines/m?media=true")
    #expect(!FileManager.default.fileExists(atPath: place))
  }
}
