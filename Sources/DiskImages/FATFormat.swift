/// An empty FAT file system over a whole disk, without partitions (Microsoft, "FAT: General Overview of On-Disk Format",
/// 1.03).
struct FATFormat {
  private static let sectorBytes = 512
  /// Where the next wider kind of table begins to pay, in sectors: some 4 MiB, 512 MiB.
  private static let fat16From: UInt64 = 8400
  private static let fat32From: UInt64 = 1 << 20
  private static let copies: UInt64 = 2
  private static let rootCluster: UInt32 = 2

  private let sectors: UInt64
  private let bits: UInt64
  private let isFloppy: Bool
  private var perCluster: UInt64 = 1
  private var tableSectors: UInt64 = 1
  private var rootEntries: UInt64 { bits == 32 ? 0 : isFloppy ? 224 : 512 }
  private var rootSectors: UInt64 { rootEntries * 32 / UInt64(Self.sectorBytes) }
  private var reserved: UInt64 { bits == 32 ? 32 : 1 }
  private var overhead: UInt64 { reserved + Self.copies * tableSectors + rootSectors }
  private var clusters: UInt64 { sectors > overhead ? (sectors - overhead) / perCluster : 0 }
  private var media: UInt8 { isFloppy ? 0xf0 : 0xf8 }

  /// Throws for a disk that is too small or too large for any.
  init(sectors: UInt64) throws(DiskError) {
    guard sectors >= 64, sectors <= UInt64(UInt32.max) else {
      throw .invalid("a FAT file system has 32 KiB to 2 TiB")
    }
    self.sectors = sectors
    bits = sectors < Self.fat16From ? 12 : sectors < Self.fat32From ? 16 : 32
    isFloppy = sectors <= 5760
    // The number of clusters says which kind it is.
    let most: UInt64 = bits == 12 ? 4084 : bits == 16 ? 65_524 : 1 << 22
    if bits == 32 { perCluster = 8 }
    fitTables()
    while clusters > most, perCluster < 64 {
      perCluster *= 2
      fitTables()
    }
  }
  private mutating func fitTables() {
    tableSectors = 1
    while true {
      let needed = ((clusters + 2) * bits + 4095) / 4096
      if needed <= tableSectors { return }
      tableSectors = needed
    }
  }

  /// Writes it. What is in the clusters stays.
  func write(to image: any DiskImage, serial: UInt32) throws(DiskError) {
    let first = bits == 32 ? overhead + perCluster : overhead
    try image.writeZeroes(0, count: first)
    var table: [UInt8] =
      switch bits {
      case 12: [media, 0xff, 0xff]
      case 16: [media, 0xff, 0xff, 0xff]
      default: [media, 0xff, 0xff, 0x0f] + [0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x0f]
      }
    table += [UInt8](repeating: 0, count: Self.sectorBytes - table.count)
    for copy in 0..<Self.copies { try image.write(reserved + copy * tableSectors, table) }
    for place in bits == 32 ? [0, 6] : [0] as [UInt64] {
      try image.write(place, bootSector(serial))
      if bits == 32 { try image.write(place + 1, informationSector()) }
    }
    try image.flush()
  }

  private func bootSector(_ serial: UInt32) -> [UInt8] {
    var sector = [UInt8](repeating: 0, count: Self.sectorBytes)
    // JMP to where code would be, NOP.
    sector.put([0xeb, bits == 32 ? 0x58 : 0x3c, 0x90], at: 0)
    sector.put("RINGBOX ".utf8, at: 3)
    sector.putLittle(UInt16(Self.sectorBytes), at: 11)
    sector[13] = UInt8(perCluster)
    sector.putLittle(UInt16(reserved), at: 14)
    sector[16] = UInt8(Self.copies)
    sector.putLittle(UInt16(rootEntries), at: 17)
    if sectors < 0x1_0000 {
      sector.putLittle(UInt16(sectors), at: 19)
    } else {
      sector.putLittle(UInt32(sectors), at: 32)
    }
    sector[21] = media
    sector.putLittle(UInt16(isFloppy ? 18 : 63), at: 24)
    sector.putLittle(UInt16(isFloppy ? 2 : 255), at: 26)
    if bits == 32 {
      sector.putLittle(UInt32(tableSectors), at: 36)
      sector.putLittle(Self.rootCluster, at: 44)
      sector.putLittle(UInt16(1), at: 48)
      sector.putLittle(UInt16(6), at: 50)
    } else {
      sector.putLittle(UInt16(tableSectors), at: 22)
    }
    let extended = bits == 32 ? 64 : 36
    sector[extended] = isFloppy ? 0 : 0x80
    sector[extended + 2] = 0x29
    sector.putLittle(serial, at: extended + 3)
    sector.put("NO NAME    FAT\(bits)   ".utf8, at: extended + 7)
    sector.putLittle(UInt16(0xaa55), at: 510)
    return sector
  }
  /// FSInfo: how many clusters are free, and where to look first.
  private func informationSector() -> [UInt8] {
    var sector = [UInt8](repeating: 0, count: Self.sectorBytes)
    sector.putLittle(UInt32(0x4161_5252), at: 0)
    sector.putLittle(UInt32(0x6141_7272), at: 484)
    sector.putLittle(UInt32(clusters) - 1, at: 488)
    sector.putLittle(Self.rootCluster + 1, at: 492)
    sector.putLittle(UInt32(0xaa55_0000), at: 508)
    return sector
  }
}

extension DiskImage {
  /// Makes an empty FAT file system over the whole disk. `isQuick`: what was on the disk stays where nothing of that is.
  public func formatFAT(isQuick: Bool) throws(DiskError) {
    guard !isReadOnly else { throw .invalid("it is read-only") }
    let format = try FATFormat(sectors: sectorCount)
    if !isQuick { try writeZeroes(0, count: sectorCount) }
    try format.write(to: self, serial: .random(in: 0...(.max)))
  }
}
