import Devices

/// Little-endian assembly of tables.
struct ByteBuilder {
  var bytes: [UInt8] = []
  mutating func append(_ value: some FixedWidthInteger) {
    for index in 0..<(value.bitWidth / 8) { bytes.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
  }
  /// Text padded with `fill` to exactly `count` bytes.
  mutating func append(text: String, count: Int, fill: UInt8 = 0) {
    let text = Array(text.utf8.prefix(count))
    bytes += text + [UInt8](repeating: fill, count: count - text.count)
  }
  mutating func set(_ offset: Int, _ value: some FixedWidthInteger) {
    for index in 0..<(value.bitWidth / 8) where offset + index < bytes.count {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (index * 8))
    }
  }
}

/// What firmware learns of the machine: fw_cfg items and CMOS bytes.
struct FirmwareData: Sendable {
  var lowMemory: UInt64
  var highMemory: UInt64
  var processors: Int
  /// Boot order letters: a floppy, c disk, d CD-ROM, n network (option ROM).
  var bootOrder: String
  /// Types of floppy drives A and B: 0 none, 4 1.44 MB, 5 2.88 MB.
  var floppyTypes: (UInt8, UInt8) = (0, 0)
  var videoBIOS: [UInt8]?
  /// PCI vendor and device of the display adapter that the video BIOS is for.
  var displayIdentity: (vendor: UInt16, device: UInt16) = (0x1234, 0x1111)
  /// Option ROM that boots a kernel; takes the first place in the boot order.
  var bootROM: [UInt8]?
  var acpi: ACPITables?
  var smbios: SMBIOSTables?

  /// The CMOS type of a drive that takes media of this size: 360 KB, 1.2 MB, 720 KB, 1.44 MB or 2.88 MB.
  static func floppyType(sectors: UInt64) -> UInt8 {
    switch sectors {
    case 640, 720: 1
    case 2400: 2
    case 1280, 1440: 3
    case 5760: 5
    default: 4
    }
  }

  private static let bootROMName = "genroms/ringbox-boot.rom"

  /// Adds every item; once, before power-on.
  func install(_ config: inout FirmwareConfig) {
    typealias Key = FirmwareConfig.Key
    config.add(key: Key.ramSize, lowMemory + highMemory)
    config.add(key: Key.processorCount, UInt16(clamping: processors))
    config.add(key: Key.maximumProcessors, UInt16(clamping: processors))
    config.add(key: Key.noGraphic, UInt16(0))
    config.add(key: Key.bootMenu, UInt16(0))
    // IRQ 0 reaches the I/O APIC at pin 2.
    config.add(key: Key.irq0Override, UInt32(1))
    config.add(file: "etc/e820", memoryMap)
    var maximum = ByteBuilder()
    maximum.append(UInt16(clamping: processors))
    config.add(file: "etc/max-cpus", maximum.bytes)
    // "No bootable device" stays on the screen.
    config.add(file: "etc/boot-fail-wait", [0xff, 0xff, 0xff, 0xff])
    // S5 only.
    config.add(file: "etc/system-states", [0x80, 0, 0, 1, 0, 0x80])
    if let videoBIOS { config.add(file: videoBIOSName, videoBIOS) }
    if let bootROM {
      config.add(file: FirmwareData.bootROMName, bootROM)
      config.add(file: "bootorder", Array("/rom@\(FirmwareData.bootROMName)\n".utf8) + [0])
    }
    if let acpi {
      config.add(file: "etc/acpi/tables", acpi.tables)
      config.add(file: "etc/acpi/rsdp", acpi.rsdp)
      config.add(file: "etc/table-loader", acpi.loader)
    }
    if let smbios {
      config.add(file: "etc/smbios/smbios-tables", smbios.tables)
      config.add(file: "etc/smbios/smbios-anchor", smbios.anchor)
    }
  }

  /// Firmware looks for the ROM of a PCI function by this name.
  private var videoBIOSName: String {
    func hex(_ value: UInt16) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: 4 - digits.count) + digits
    }
    return "pci\(hex(displayIdentity.vendor)),\(hex(displayIdentity.device)).rom"
  }

  /// RAM as (address, length, type 1) entries of 20 bytes; the firmware adds what it reserves.
  private var memoryMap: [UInt8] {
    var map = ByteBuilder()
    for (base, size) in [(0, lowMemory), (UInt64(4) << 30, highMemory)] where size > 0 {
      map.append(base)
      map.append(size)
      map.append(UInt32(1))
    }
    return map.bytes
  }

  /// The PC/AT CMOS map with the extensions that SeaBIOS reads.
  func install(_ rtc: inout RTC) {
    func set16(_ index: Int, _ value: UInt64) {
      rtc.setCMOS(index, UInt8(truncatingIfNeeded: value))
      rtc.setCMOS(index + 1, UInt8(truncatingIfNeeded: value >> 8))
    }
    let kib = lowMemory >> 10
    set16(0x15, 640)
    let extended = min(kib > 1024 ? kib - 1024 : 0, 0xffff)
    set16(0x17, extended)
    set16(0x30, extended)
    // In units of 64 KiB above 16 MiB.
    set16(0x34, min(lowMemory > 16 << 20 ? (lowMemory - (16 << 20)) >> 16 : 0, 0xffff))
    let high = highMemory >> 16
    for byte in 0..<3 { rtc.setCMOS(0x5b + byte, UInt8(truncatingIfNeeded: high >> UInt64(byte * 8))) }
    rtc.setCMOS(0x5f, UInt8(clamping: processors - 1))
    rtc.setCMOS(0x10, floppyTypes.0 << 4 | floppyTypes.1)
    // Equipment: floppy count, x87, mouse; the display bits are 0 (VGA).
    let drives = (floppyTypes.0 != 0 ? 1 : 0) + (floppyTypes.1 != 0 ? 1 : 0) as UInt8
    rtc.setCMOS(0x14, 0x06 | (drives > 0 ? 1 | (drives - 1) << 6 : 0))
    let order = bootOrder.compactMap { ["a": 1, "c": 2, "d": 3, "n": 4][$0] as UInt8? }
    func place(_ index: Int) -> UInt8 { index < order.count ? order[index] : 0 }
    rtc.setCMOS(0x3d, place(0) | place(1) << 4)
    // Bit 0: a floppy without the boot signature may start.
    rtc.setCMOS(0x38, place(2) << 4 | 1)
  }
}
