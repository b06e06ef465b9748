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
    func put(_ offset: Int, _ value: UInt64, _ size: Int) {
      for index in 0..<size { sector[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }
    func put(_ offset: Int, _ text: String) {
      for (index, byte) in text.utf8.enumerated() { sector[offset + index] = byte }
    }
    // JMP to where code would be, NOP.
    put(0, bits == 32 ? 0x90_58eb : 0x90_3ceb, 3)
    put(3, "RINGBOX ")
    put(11, UInt64(Self.sectorBytes), 2)
    put(13, perCluster, 1)
    put(14, reserved, 2)
    put(16, Self.copies, 1)
    put(17, rootEntries, 2)
    put(sectors < 0x1_0000 && bits != 32 ? 19 : 32, sectors, sectors < 0x1_0000 && bits != 32 ? 2 : 4)
    put(21, UInt64(media), 1)
    if bits != 32 { put(22, tableSectors, 2) }
    put(24, isFloppy ? 18 : 63, 2)
    put(26, isFloppy ? 2 : 255, 2)
    if bits == 32 {
      put(36, tableSectors, 4)
      put(44, UInt64(Self.rootCluster), 4)
      put(48, 1, 2)
      put(50, 6, 2)
    }
    let extended = bits == 32 ? 64 : 36
    put(extended, isFloppy ? 0 : 0x80, 1)
    put(extended + 2, 0x29, 1)
    put(extended + 3, UInt64(serial), 4)
    put(extended + 7, "NO NAME    ")
    put(extended + 18, "FAT\(bits)   ")
    put(510, 0xaa55, 2)
    return sector
  }
  /// FSInfo: how many clusters are free, and where to look first.
  private func informationSector() -> [UInt8] {
    var sector = [UInt8](repeating: 0, count: Self.sectorBytes)
    let fields =
      [
        (0, 0x4161_5252), (484, 0x6141_7272), (488, UInt32(clusters) - 1), (492, Self.rootCluster + 1),
        (508, 0xaa55_0000),
      ] as [(Int, UInt32)]
    for (offset, value) in fields {
      for index in 0..<4 { sector[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
    }
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
