import Base
import Testing

@testable import Machine

/// The configuration as a tree whose values are set by path.
struct ConfigurationTreeTests {
  private func tree() throws -> MachineConfiguration {
    try MachineConfiguration(
      json: ["network": [["kind": "nat", "model": "e1000"]], "disks": [["path": "/d", "interface": "sata"]]])
  }

  @Test func valuesAreSetByPath() throws {
    var configuration = try tree()
    for (path, text) in [
      ("memory", "0x20000000"), ("cpus", "2"), ("network/0/model", "pcnet"), ("network/0/connected", "0"),
      ("disks/0/readOnly", "true"), ("firmware", "/f"),
    ] { try configuration.set(path, text) }
    #expect(configuration.memory == 512 << 20 && configuration.cpus == 2)
    #expect(configuration.network[0].model == .pcnet && !configuration.network[0].isConnected)
    #expect(configuration.disks[0].readOnly && configuration.firmware == "/f")
  }

  @Test(
    "what cannot be is refused by name",
    arguments: [
      ("nothing", "1"), ("network/1/model", "pcnet"), ("network", "x"), ("cpus", "many"), ("cpus", "65"),
      ("network/0/model", "ne2000"), ("", "1"),
    ])
  func refused(path: String, text: String) throws {
    var configuration = try tree()
    let before = configuration
    let error = #expect(throws: MachineError.self) { try configuration.set(path, text) }
    #expect(error?.description.contains("'\(path)'") == true)
    #expect(configuration == before)
  }

  @Test func theTreeIsShownWithEveryValue() throws {
    var configuration = try tree()
    configuration.identity.texts[.systemVendor] = "Acme"
    let text = configuration.tree
    for line in ["[/]\n", "[/network/0/]\n", "  model = \"e1000\"\n", "[/identity/]\n  systemVendor = \"Acme\"\n"] {
      #expect(text.contains(line), "\(line): \(text)")
    }
  }

  @Test func identityIsReadBackAsItWasWritten() throws {
    var configuration = try tree()
    configuration.identity.uuid = Array(0..<16)
    configuration.identity.texts = [.boardSerial: "B", .systemSKU: ""]
    #expect(try MachineConfiguration(json: configuration.json) == configuration)
    #expect(throws: MachineError.self) { try MachineConfiguration(json: ["identity": ["uuid": "12"]]) }
    #expect(throws: MachineError.self) { try MachineConfiguration(json: ["identity": ["shoeSize": "12"]]) }
  }
}
