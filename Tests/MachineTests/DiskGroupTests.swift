import Foundation
import TestSupport
import Testing

@testable import Machine

@Suite(.enabled(if: FileManager.default.fileExists(atPath: FirmwareImage.defaultPath)))
struct DiskGroupTests {
  @Test func aGroupOfDisksTakesAnotherLimit() throws {
    let folder = try TemporaryFolder()
    var configuration = MachineConfiguration()
    configuration.memory = 32 << 20
    for name in ["a", "b", "c"] {
      let path = try folder.write(name, [UInt8](repeating: 0, count: 1 << 20))
      var disk = MachineConfiguration.Disk(path: path, interface: .sata)
      disk.format = "raw"
      if name != "c" { disk.rateGroup = .init(name: "slow", bitsPerSecond: 8_000_000) }
      configuration.disks.append(disk)
    }
    let machine = try Machine(configuration: configuration) { _ in }
    #expect(Array(machine.storage.limits.keys) == ["slow"], "both share one")
    try machine.limitGroup("slow", bitsPerSecond: 0)
    try machine.limitGroup("slow", bitsPerSecond: 1_000_000_000)
    #expect(throws: MachineError.self) { try machine.limitGroup("slow", bitsPerSecond: 5) }
    #expect(throws: MachineError.self) { try machine.limitGroup("none such", bitsPerSecond: 0) }
  }
}
