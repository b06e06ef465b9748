import Base
import DeviceKit

extension ATAUnit {
  /// Text fields hold two characters a word, the first in the high byte, filled up with spaces.
  private static func put(_ text: String, _ words: inout [UInt16], _ range: Range<Int>) {
    var bytes = Array(text.utf8.map { $0 >= 0x20 && $0 < 0x7f ? $0 : 0x20 }.prefix(range.count * 2))
    bytes += [UInt8](repeating: 0x20, count: range.count * 2 - bytes.count)
    for (index, word) in range.enumerated() {
      words[word] = UInt16(bytes[index * 2]) << 8 | UInt16(bytes[index * 2 + 1])
    }
  }
  /// Bytes of the words, with the integrity word 255 (signature A5h and a sum of zero).
  private static func seal(_ words: [UInt16]) -> [UInt8] {
    var bytes = words.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    bytes[510] = 0xa5
    bytes[511] = 0 &- bytes[0..<511].reduce(0, &+)
    return bytes
  }
  /// Queued commands of a serial drive.
  static let queueDepth: UInt16 = 32

  private func putCommon(_ words: inout [UInt16]) {
    let serial = configuration.medium.serial.isEmpty ? defaultSerial : configuration.medium.serial
    ATAUnit.put(serial, &words, 10..<20)
    ATAUnit.put("1.0", &words, 23..<27)
    ATAUnit.put(configuration.model, &words, 27..<47)
    words[49] = 0x0f00  // DMA, LBA, IORDY
    words[51] = 0x0200
    words[52] = 0x0200
    words[63] = 0x0007  // multiword DMA 0-2
    words[64] = 0x0003  // PIO 3, 4
    for word in 65...68 { words[word] = 120 }
    words[80] = 0x00f0  // ATA/ATAPI-4 to 7
    words[88] = 0x003f  // Ultra DMA 0-5
    switch drive.transferMode {
    case 0x20...0x22: words[63] |= 0x100 << UInt16(drive.transferMode & 7)
    case 0x40...0x45: words[88] |= 0x100 << UInt16(drive.transferMode & 7)
    default: break
    }
    switch connection {
    // 80-conductor cable, device number by jumper, diagnostics passed.
    case .parallel(let isSlave): words[93] = isSlave ? 0x6b00 : 0x600b
    case .serial:
      words[75] = ATAUnit.queueDepth - 1
      // 1.5 and 3 Gbit/s; disks take queued commands.
      words[76] = isCDROM ? 0x0006 : 0x0106
      words[80] = 0x01f0  // ATA8 as well
    }
  }

  /// IDENTIFY DEVICE data (ATA/ATAPI-7, 6.17.8).
  func identifyDisk() -> [UInt8] {
    let sectors = configuration.medium.sectors
    var words = [UInt16](repeating: 0, count: 256)
    putCommon(&words)
    words[0] = 0x0040
    words[1] = configuration.cylinders
    words[3] = 16
    words[6] = 63
    words[47] = 0x8010
    words[50] = 0x4000
    words[53] = 0x0007
    let track = UInt64(drive.heads) * UInt64(drive.sectors)
    let cylinders = min(sectors / track, 65_535)
    let addressable = min(cylinders * track, 16_514_064)
    words[54] = UInt16(cylinders)
    words[55] = UInt16(drive.heads)
    words[56] = UInt16(drive.sectors)
    words[57] = UInt16(truncatingIfNeeded: addressable)
    words[58] = UInt16(truncatingIfNeeded: addressable >> 16)
    words[59] = drive.multiple > 0 ? 0x0100 | UInt16(drive.multiple) : 0
    let short = min(sectors, 0x0fff_ffff)
    words[60] = UInt16(truncatingIfNeeded: short)
    words[61] = UInt16(truncatingIfNeeded: short >> 16)
    words[82] = 0x4028  // NOP, write cache, power management
    words[83] = 0x7400  // FLUSH CACHE (EXT), 48-bit addresses
    words[84] = 0x4000
    words[85] = 0x4008 | (drive.writeCache ? 0x0020 : 0)
    words[86] = 0x3400
    words[87] = 0x4000
    for word in 0..<4 { words[100 + word] = UInt16(truncatingIfNeeded: sectors >> UInt64(word * 16)) }
    words[105] = 8  // most blocks of a DATA SET MANAGEMENT command
    words[106] = 0x4000
    words[169] = configuration.medium.readOnly ? 0 : 1  // TRIM
    words[217] = 1  // does not rotate
    if connection == .serial {
      // Logs by READ LOG EXT, WRITE DMA FUA EXT.
      words[84] |= 0x0060
      words[87] |= 0x0060
    }
    return ATAUnit.seal(words)
  }

  /// IDENTIFY PACKET DEVICE data (ATA/ATAPI-7, 6.18.8).
  func identifyCDROM() -> [UInt8] {
    var words = [UInt16](repeating: 0, count: 256)
    putCommon(&words)
    words[0] = 0x85c0  // CD-ROM, removable, DRQ within 50 us, 12-byte packets
    words[53] = 0x0006
    words[71] = 30
    words[72] = 30
    words[82] = 0x4210  // NOP, DEVICE RESET, PACKET
    words[83] = 0x4000
    words[84] = 0x4000
    words[85] = 0x4210
    words[87] = 0x4000
    return ATAUnit.seal(words)
  }
}
