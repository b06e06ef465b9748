import Foundation
import Testing

@testable import Machine

@Suite struct TableTests {
  private static func tables(_ cpus: Int) -> ACPITables {
    ACPITables(.init(processors: cpus, devices: 0x13, pciWindow: 0xc000_0000...0xfebf_ffff))
  }

  /// The blob cut into tables, by the lengths that the headers give.
  private func split(_ blob: [UInt8]) -> [[UInt8]] {
    let reader = ByteReader(blob)
    var tables: [[UInt8]] = []
    var at = 0
    while let length = reader.u32(at + 4), length >= 36, at + Int(length) <= blob.count {
      tables.append(Array(blob[at..<(at + Int(length))]))
      at = (at + Int(length) + 7) & ~7
    }
    return tables
  }
  private func name(_ table: [UInt8]) -> String { String(decoding: table.prefix(4), as: UTF8.self) }

  @Test func everyTableIsThereAndItsChecksumIsRightOrLeftToTheLoader() {
    let tables = split(TableTests.tables(3).tables)
    #expect(tables.map(name) == ["FACS", "DSDT", "FACP", "SSDT", "APIC", "HPET", "RSDT", "XSDT"])
    for table in tables where ["DSDT", "SSDT", "APIC", "HPET"].contains(name(table)) {
      #expect(table.reduce(0, &+) == 0, "\(name(table))")
    }
    #expect(tables[2].count == 244)
  }

  @Test func theLoaderScriptStaysInsideItsFiles() {
    let acpi = TableTests.tables(1)
    #expect(acpi.loader.count % 128 == 0)
    let reader = ByteReader(acpi.loader)
    for at in stride(from: 0, to: acpi.loader.count, by: 128) {
      let file = String(decoding: acpi.loader[(at + 4)..<(at + 60)].prefix { $0 != 0 }, as: UTF8.self)
      let size = file == "etc/acpi/rsdp" ? acpi.rsdp.count : acpi.tables.count
      switch reader.u32(at) {
      case 1: break
      case 2:
        let offset = Int(reader.u32(at + 116) ?? .max)
        #expect(offset + Int(acpi.loader[at + 120]) <= size)
      case 3:
        let start = Int(reader.u32(at + 64) ?? .max)
        #expect(start + Int(reader.u32(at + 68) ?? .max) <= size)
      default: Issue.record("unknown command")
      }
    }
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/iasl")))
  func iaslDisassemblesEveryTable() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("ringbox-acpi-\(UUID())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    for table in split(TableTests.tables(5).tables) where !["RSDT", "XSDT", "FACS"].contains(name(table)) {
      var bytes = table
      bytes[9] = 0
      bytes[9] = 0 &- bytes.reduce(0, &+)
      let file = directory.appendingPathComponent("\(name(table)).dat")
      try Data(bytes).write(to: file)
      let process = Process()
      let output = Pipe()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/iasl")
      process.arguments = ["-d", file.path]
      process.standardOutput = output
      process.standardError = output
      try process.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "\(name(table)): \(text)")
      #expect(!text.contains("Error") && !text.contains("Warning") && !text.contains("Invalid"), "\(text)")
    }
  }

  @Test func smbiosStructuresFollowEachOtherToTheEnd() throws {
    let smbios = SMBIOSTables(name: "a\u{1}b", memory: 5 << 30, lowMemory: 3 << 30, processors: 2)
    var types: [UInt8] = []
    var at = 0
    while at + 4 <= smbios.tables.count {
      types.append(smbios.tables[at])
      at += Int(smbios.tables[at + 1])
      while at + 1 < smbios.tables.count, smbios.tables[at] != 0 || smbios.tables[at + 1] != 0 { at += 1 }
      at += 2
    }
    #expect(at == smbios.tables.count)
    #expect(types == [0, 1, 3, 4, 4, 16, 17, 19, 19, 32, 127])
    // The UUID of the system's structure: not set. With one, its first three fields are little-endian.
    let zero = [UInt8](repeating: 0, count: 16)
    let text = "00112233-4455-6677-8899-aabbccddeeff"
    let known = SMBIOSTables(name: "a", uuid: text, memory: 5 << 30, lowMemory: 3 << 30, processors: 2)
    func system(_ tables: [UInt8]) -> [UInt8]? {
      tables.indices.dropLast(27).first { Array(tables[$0..<($0 + 4)]) == [1, 27, 0, 1] }.map {
        Array(tables[($0 + 8)..<($0 + 24)])
      }
    }
    #expect(system(smbios.tables) == zero)
    let mixed: [UInt8] = [0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66]
    #expect(system(known.tables) == mixed + (8...15).map { UInt8($0 * 0x11) })
    #expect(SMBIOSTables.identity("00112233-4455-6677-8899-aabbccddeef") == nil)
    #expect(throws: MachineError.self) { try MachineConfiguration(json: ["uuid": "seven"]) }
    #expect(try MachineConfiguration(json: ["uuid": .string(text)]).uuid == text)
    #expect(smbios.anchor.count == 31)
    #expect(ByteReader(smbios.anchor).u16(0x1c) == UInt16(types.count))
  }
}
