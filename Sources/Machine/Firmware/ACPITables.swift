/// The ACPI tables, as blobs that the firmware places: `tables` and `rsdp` are copied to memory, then `loader` tells
/// which pointers to relocate and which checksums to set.
///
/// - Spec: ACPI 6.4 chapter 5 (tables; FADT in its revision 3 form); IA-PC HPET 1.0a 3.2.4; the loader commands are
///   those of SeaBIOS's and OVMF's table loader interface.
/// - Port addresses are those of `PIIX4PM`.
struct ACPITables: Sendable, Equatable {
  struct Parameters: Sendable {
    var processors: Int
    /// Bits 0-3: COM1-COM4 exist; bit 4: floppy controller.
    var devices: UInt8
    /// First and last address of the PCI window below 4 GiB.
    var pciWindow: ClosedRange<UInt32>
  }

  private(set) var tables: [UInt8] = []
  private(set) var rsdp: [UInt8] = []
  private(set) var loader: [UInt8] = []

  private static let tablesFile = "etc/acpi/tables"
  private static let rsdpFile = "etc/acpi/rsdp"
  private static let checksumOffset = 9

  init(_ parameters: Parameters) {
    var script = TableLoader()
    // The FACS must lie on a 64-byte boundary.
    script.allocate(ACPITables.tablesFile, align: 64, zone: .high)
    script.allocate(ACPITables.rsdpFile, align: 16, zone: .low)
    let facs = append(ACPITables.facs(), align: 64)
    let dsdt = append(ACPITables.dsdt(parameters))
    let fadt = append(ACPITables.fadt())
    script.addPointer(ACPITables.tablesFile, at: fadt + 36, to: ACPITables.tablesFile, size: 4)
    set(fadt + 36, UInt32(facs))
    script.addPointer(ACPITables.tablesFile, at: fadt + 40, to: ACPITables.tablesFile, size: 4)
    set(fadt + 40, UInt32(dsdt))
    script.addPointer(ACPITables.tablesFile, at: fadt + 140, to: ACPITables.tablesFile, size: 8)
    set(fadt + 140, UInt64(dsdt))
    var listed = [fadt]
    for table in [ACPITables.ssdt(parameters), ACPITables.madt(parameters), ACPITables.hpet()] {
      listed.append(append(table))
    }
    let rsdt = append(ACPITables.header("RSDT", revision: 1, body: [UInt8](repeating: 0, count: 4 * listed.count)))
    let xsdt = append(ACPITables.header("XSDT", revision: 1, body: [UInt8](repeating: 0, count: 8 * listed.count)))
    for (index, table) in listed.enumerated() {
      set(rsdt + 36 + 4 * index, UInt32(table))
      script.addPointer(ACPITables.tablesFile, at: rsdt + 36 + 4 * index, to: ACPITables.tablesFile, size: 4)
      set(xsdt + 36 + 8 * index, UInt64(table))
      script.addPointer(ACPITables.tablesFile, at: xsdt + 36 + 8 * index, to: ACPITables.tablesFile, size: 8)
    }
    for table in [fadt, rsdt, xsdt] {
      clearChecksum(table)
      script.addChecksum(
        ACPITables.tablesFile, at: table + ACPITables.checksumOffset, from: table, count: length(table))
    }
    rsdp = ACPITables.rootPointer(rsdt: UInt32(rsdt), xsdt: UInt64(xsdt))
    script.addPointer(ACPITables.rsdpFile, at: 16, to: ACPITables.tablesFile, size: 4)
    script.addPointer(ACPITables.rsdpFile, at: 24, to: ACPITables.tablesFile, size: 8)
    script.addChecksum(ACPITables.rsdpFile, at: 8, from: 0, count: 20)
    script.addChecksum(ACPITables.rsdpFile, at: 32, from: 0, count: 36)
    loader = script.bytes
  }

  // MARK: Blob

  private mutating func append(_ table: [UInt8], align: Int = 8) -> Int {
    while tables.count % align != 0 { tables.append(0) }
    tables += table
    return tables.count - table.count
  }
  private mutating func set(_ offset: Int, _ value: some FixedWidthInteger) {
    for index in 0..<(value.bitWidth / 8) { tables[offset + index] = UInt8(truncatingIfNeeded: value >> (index * 8)) }
  }
  private mutating func clearChecksum(_ table: Int) { tables[table + ACPITables.checksumOffset] = 0 }
  private func length(_ table: Int) -> Int {
    (0..<4).reduce(0) { $0 | Int(tables[table + 4 + $1]) << ($1 * 8) }
  }

  /// A table with the common header (ACPI 5.2.6) and a valid checksum.
  static func header(_ signature: String, revision: UInt8, body: [UInt8]) -> [UInt8] {
    var table = ByteBuilder()
    table.append(text: signature, count: 4)
    table.append(UInt32(36 + body.count))
    table.append(revision)
    table.append(UInt8(0))
    table.append(text: "RNGBOX", count: 6)
    table.append(text: "RBOX" + signature, count: 8)
    table.append(UInt32(1))
    table.append(text: "RBOX", count: 4)
    table.append(UInt32(1))
    table.bytes += body
    table.set(checksumOffset, 0 &- table.bytes.reduce(0, &+))
    return table.bytes
  }

  // MARK: Tables

  private static func rootPointer(rsdt: UInt32, xsdt: UInt64) -> [UInt8] {
    var table = ByteBuilder()
    table.append(text: "RSD PTR ", count: 8)
    table.append(UInt8(0))
    table.append(text: "RNGBOX", count: 6)
    table.append(UInt8(2))
    table.append(rsdt)
    table.append(UInt32(36))
    table.append(xsdt)
    table.append(UInt32(0))
    return table.bytes
  }

  private static func facs() -> [UInt8] {
    var table = ByteBuilder()
    table.append(text: "FACS", count: 4)
    table.append(UInt32(64))
    table.bytes += [UInt8](repeating: 0, count: 24)
    table.append(UInt8(1))
    table.bytes += [UInt8](repeating: 0, count: 31)
    return table.bytes
  }

  private enum Port {
    static let event: UInt32 = 0x600, control: UInt32 = 0x604, timer: UInt32 = 0x608, gpe: UInt32 = 0xafe0
    static let smiCommand: UInt32 = 0xb2, reset: UInt64 = 0xcf9
  }
  private enum FixedFeature {
    static let wbinvd: UInt32 = 1 << 0, c1: UInt32 = 1 << 2, noSleepButton: UInt32 = 1 << 5
    static let rtcNotFixed: UInt32 = 1 << 6, resetRegister: UInt32 = 1 << 10
  }

  private static func fadt() -> [UInt8] {
    var table = ByteBuilder()
    table.append(UInt32(0))  // FIRMWARE_CTRL, relocated
    table.append(UInt32(0))  // DSDT, relocated
    table.append(UInt8(0))
    table.append(UInt8(0))  // no preferred profile
    table.append(UInt16(9))  // SCI_INT
    table.append(Port.smiCommand)
    table.bytes += [0xf1, 0xf0, 0, 0]  // ACPI_ENABLE, ACPI_DISABLE, S4BIOS_REQ, PSTATE_CNT
    for port in [Port.event, 0, Port.control, 0, 0, Port.timer, Port.gpe, 0] { table.append(port) }
    table.bytes += [4, 2, 0, 4, 4, 0, 0, 0]  // lengths of the blocks, GPE1_BASE, CST_CNT
    table.append(UInt16(0xfff))  // no C2
    table.append(UInt16(0xfff))  // no C3
    table.append(UInt32(0))  // FLUSH_SIZE, FLUSH_STRIDE
    table.bytes += [0, 0, 0, 0, 0x32]  // DUTY, DAY_ALRM, MON_ALRM, CENTURY
    table.append(UInt16(3))  // IAPC_BOOT_ARCH: legacy devices, 8042
    table.append(UInt8(0))
    table.append(
      FixedFeature.wbinvd | FixedFeature.c1 | FixedFeature.noSleepButton | FixedFeature.rtcNotFixed
        | FixedFeature.resetRegister)
    table.bytes += address(Port.reset, bits: 8)
    table.append(UInt8(0x06))  // RESET_VALUE
    table.bytes += [0, 0, 0]
    table.append(UInt64(0))  // X_FIRMWARE_CTRL: the 32-bit field counts
    table.append(UInt64(0))  // X_DSDT, relocated
    for (port, bits) in [
      (Port.event, 32), (0, 0), (Port.control, 16), (0, 0), (0, 0), (Port.timer, 32), (Port.gpe, 32), (0, 0),
    ] as [(UInt32, UInt8)] {
      table.bytes += address(UInt64(port), bits: bits)
    }
    return header("FACP", revision: 3, body: table.bytes)
  }

  /// Generic address structure of a port; all zeros when there is none.
  private static func address(_ port: UInt64, bits: UInt8) -> [UInt8] {
    var field = ByteBuilder()
    field.bytes = bits == 0 ? [0, 0, 0, 0] : [1, bits, 0, 0]
    field.append(port)
    return field.bytes
  }

  private static func madt(_ parameters: Parameters) -> [UInt8] {
    var table = ByteBuilder()
    table.append(UInt32(0xfee0_0000))
    table.append(UInt32(1))  // PCAT_COMPAT: there is an 8259A pair
    for cpu in 0..<parameters.processors {
      table.bytes += [0, 8, UInt8(truncatingIfNeeded: cpu), UInt8(truncatingIfNeeded: cpu), 1, 0, 0, 0]
    }
    table.bytes += [1, 12, 0, 0]  // I/O APIC, ID 0
    table.append(UInt32(0xfec0_0000))
    table.append(UInt32(0))
    table.bytes += override(irq: 0, pin: 2, flags: 0)
    table.bytes += override(irq: 9, pin: 9, flags: 0x0d)  // SCI: level, active high
    table.bytes += [4, 6, 0xff, 0, 0, 1]  // NMI at LINT1 of every processor
    return header("APIC", revision: 3, body: table.bytes)
  }
  private static func override(irq: UInt8, pin: UInt32, flags: UInt16) -> [UInt8] {
    var entry = ByteBuilder()
    entry.bytes = [2, 10, 0, irq]
    entry.append(pin)
    entry.append(flags)
    return entry.bytes
  }

  private static func hpet() -> [UInt8] {
    var table = ByteBuilder()
    table.append(UInt32(0x8086_a201))
    table.bytes += [0, 64, 0, 0]  // memory space, 64 bits
    table.append(UInt64(0xfed0_0000))
    table.append(UInt8(0))
    table.append(UInt16(100))  // least tick count in periodic mode
    table.append(UInt8(0))
    return header("HPET", revision: 1, body: table.bytes)
  }

  /// The compiled DSDT with this machine's values in the names made for them.
  private static func dsdt(_ parameters: Parameters) -> [UInt8] {
    var table = dsdtAML
    for (name, value) in [
      ("RBXC", UInt32(parameters.devices)), ("RBPB", parameters.pciWindow.lowerBound),
      ("RBPE", parameters.pciWindow.upperBound),
    ] {
      // NameOp, the name, DWordPrefix, four bytes of value.
      let pattern = [0x08] + Array(name.utf8) + [0x0c]
      guard let at = table.indices.first(where: { table[$0...].starts(with: pattern) }) else { continue }
      for byte in 0..<4 where at + 6 + byte < table.count {
        table[at + 6 + byte] = UInt8(truncatingIfNeeded: value >> UInt32(byte * 8))
      }
    }
    table[checksumOffset] = 0
    table[checksumOffset] = 0 &- table.reduce(0, &+)
    return table
  }

  /// The processors.
  private static func ssdt(_ parameters: Parameters) -> [UInt8] {
    var processors = Array("_SB_".utf8)
    let digits = Array("0123456789ABCDEF".utf8)
    for cpu in 0..<min(parameters.processors, 256) {
      let label = Array("CP".utf8) + [digits[cpu >> 4], digits[cpu & 15]]
      let body = label + [UInt8(cpu), 0, 0, 0, 0, 0]
      processors += [0x5b, 0x83] + packageLength(body.count) + body  // ProcessorOp
    }
    return header("SSDT", revision: 2, body: [0x10] + packageLength(processors.count) + processors)  // ScopeOp
  }

  /// PkgLength (ACPI 20.2.4), which counts itself.
  static func packageLength(_ count: Int) -> [UInt8] {
    if count + 1 < 0x40 { return [UInt8(count + 1)] }
    if count + 2 < 0x1000 {
      let total = count + 2
      return [0x40 | UInt8(total & 15), UInt8(total >> 4)]
    }
    let total = count + 3
    return [0x80 | UInt8(total & 15), UInt8(total >> 4 & 0xff), UInt8(total >> 12 & 0xff)]
  }
}

/// A script for the firmware's table loader: commands of 128 bytes.
private struct TableLoader {
  enum Zone: UInt8 { case high = 1, low = 2 }
  private static let commandSize = 128
  private static let nameSize = 56
  private(set) var bytes: [UInt8] = []

  mutating func allocate(_ file: String, align: UInt32, zone: Zone) {
    command(1, [file]) { command in
      command.append(align)
      command.append(zone.rawValue)
    }
  }
  /// Adds the address at which `target` was placed to the little-endian field.
  mutating func addPointer(_ file: String, at offset: Int, to target: String, size: UInt8) {
    command(2, [file, target]) { command in
      command.append(UInt32(offset))
      command.append(size)
    }
  }
  mutating func addChecksum(_ file: String, at offset: Int, from start: Int, count: Int) {
    command(3, [file]) { command in
      command.append(UInt32(offset))
      command.append(UInt32(start))
      command.append(UInt32(count))
    }
  }
  private mutating func command(_ number: UInt32, _ files: [String], _ fill: (inout ByteBuilder) -> Void) {
    var command = ByteBuilder()
    command.append(number)
    for file in files { command.append(text: file, count: TableLoader.nameSize) }
    fill(&command)
    bytes += command.bytes + [UInt8](repeating: 0, count: TableLoader.commandSize - command.bytes.count)
  }
}
