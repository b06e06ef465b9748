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
    #expect(types == [0, 1, 2, 3, 4, 4, 16, 17, 19, 19, 32, 127])
    #expect(smbios.anchor.count == 31)
    #expect(ByteReader(smbios.anchor).u16(0x1c) == UInt16(types.count))
    // The system: texts 1 to 3 and the family, no serial number, no UUID.
    #expect(Array(smbios.tables.dropFirst(place(of: 1, in: smbios.tables)).prefix(8)) == [1, 27, 0, 1, 1, 2, 3, 0])
  }

  /// Where the structure of a type begins.
  private func place(of type: UInt8, in tables: [UInt8]) -> Int {
    var at = 0
    while at + 4 <= tables.count, tables[at] != type {
      at += Int(tables[at + 1])
      while at + 1 < tables.count, tables[at] != 0 || tables[at + 1] != 0 { at += 1 }
      at += 2
    }
    return at
  }

  @Test func smbiosSaysWhatItIsTold() throws {
    var identity = MachineIdentity()
    identity.uuid = Array(0x10..<0x20)
    identity.texts = [
      .systemSerial: "S1", .systemProduct: "", .makerVersion: "first", .biosVendor: String(repeating: "~", count: 100),
    ]
    let tables = SMBIOSTables(name: "m", memory: 1 << 30, lowMemory: 1 << 30, processors: 1, identity: identity).tables
    let system = Array(tables.dropFirst(place(of: 1, in: tables)).prefix(27 + 40))
    // Maker, no product, version, serial number; the UUID's first parts are little-endian.
    #expect(system[4..<8] == [1, 0, 2, 3])
    #expect(Array(system[8..<24]) == [0x13, 0x12, 0x11, 0x10, 0x15, 0x14, 0x17, 0x16] + Array(0x18..<0x20))
    #expect(String(decoding: system[27...], as: UTF8.self).hasPrefix("Ringbox\u{0}1\u{0}S1\u{0}m\u{0}\u{0}"))
    #expect(tables[place(of: 11, in: tables) + 4] == 1)
    // Longer texts are cut.
    #expect(tables.filter { $0 == 0x7e }.count == MachineIdentity.textLimit)
  }
}
