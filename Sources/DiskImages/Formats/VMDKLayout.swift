import HostSystem

/// The header of a hosted sparse extent ("Virtual Disk Format 5.0", Hosted Sparse Extent Header), little-endian.
struct VMDKHeader: Equatable, Sendable {
  static let magic: UInt32 = 0x564d_444b
  static let size = 512
  /// `gdOffset` of a stream: the header at the end of the file has it.
  static let atEnd = UInt64.max
  enum Flag {
    static let newlineTest: UInt32 = 1 << 0, redundantTable: UInt32 = 1 << 1, zeroedGrains: UInt32 = 1 << 2
    static let compressed: UInt32 = 1 << 16, markers: UInt32 = 1 << 17
  }

  var version: UInt32 = 1
  var flags: UInt32 = Flag.newlineTest | Flag.redundantTable
  /// Sectors, as all offsets here.
  var capacity: UInt64 = 0
  var grainSize: UInt64 = 128
  var descriptorOffset: UInt64 = 0, descriptorSize: UInt64 = 0
  var tableEntries: UInt32 = 512
  var redundantOffset: UInt64 = 0, directoryOffset: UInt64 = 0
  var overhead: UInt64 = 0
  var isUnclean = false
  /// 1: deflate.
  var compression: UInt16 = 0

  init() {}
  init?(_ raw: [UInt8]) {
    guard raw.count == VMDKHeader.size, raw.little32(0) == VMDKHeader.magic else { return nil }
    version = raw.little32(4)
    flags = raw.little32(8)
    capacity = raw.little64(12)
    grainSize = raw.little64(20)
    descriptorOffset = raw.little64(28)
    descriptorSize = raw.little64(36)
    tableEntries = raw.little32(44)
    redundantOffset = raw.little64(48)
    directoryOffset = raw.little64(56)
    overhead = raw.little64(64)
    isUnclean = raw[72] != 0
    compression = raw.little16(77)
  }
  var encoded: [UInt8] {
    var raw = [UInt8](repeating: 0, count: VMDKHeader.size)
    raw.putLittle(VMDKHeader.magic, at: 0)
    raw.putLittle(version, at: 4)
    raw.putLittle(flags, at: 8)
    raw.putLittle(capacity, at: 12)
    raw.putLittle(grainSize, at: 20)
    raw.putLittle(descriptorOffset, at: 28)
    raw.putLittle(descriptorSize, at: 36)
    raw.putLittle(tableEntries, at: 44)
    raw.putLittle(redundantOffset, at: 48)
    raw.putLittle(directoryOffset, at: 56)
    raw.putLittle(overhead, at: 64)
    raw[72] = isUnclean ? 1 : 0
    raw.put([0x0a, 0x20, 0x0d, 0x0a], at: 73)
    raw.putLittle(compression, at: 77)
    return raw
  }

  /// Tables, each for `tableEntries` grains.
  var directoryEntries: UInt64 { capacity.pieces(of: grainSize * UInt64(tableEntries)) }

  func check(_ path: String, fileSize: UInt64) throws(DiskError) {
    func damaged(_ what: String) -> DiskError { .damaged(path: path, what) }
    guard (1...3).contains(version) else { throw .unsupported(path: path, "VMDK version \(version)") }
    guard grainSize >= 1, grainSize <= 1 << 16, grainSize & (grainSize - 1) == 0 else {
      throw damaged("grains of \(grainSize) sectors")
    }
    guard tableEntries >= 1, tableEntries <= 1 << 16, tableEntries & (tableEntries - 1) == 0 else {
      throw damaged("grain tables of \(tableEntries) entries")
    }
    guard overhead <= 1 << 48 else { throw damaged("tables of \(overhead) sectors") }
    guard capacity >= 1, capacity <= 1 << 48 else { throw damaged("an extent of \(capacity) sectors") }
    guard directoryEntries <= 1 << 24 else { throw .unsupported(path: path, "\(directoryEntries) grain tables") }
    let isCompressed = flags & Flag.compressed != 0
    guard !isCompressed || compression == 1 else {
      throw .unsupported(path: path, "compression \(compression) is unknown")
    }
    func isInside(_ sectors: UInt64, _ bytes: UInt64) -> Bool {
      sectors > 0 && sectors <= fileSize / 512 && bytes <= fileSize - sectors * 512
    }
    guard isInside(directoryOffset, directoryEntries * 4) else {
      throw damaged("the grain directory lies outside the file")
    }
    if flags & Flag.redundantTable != 0 {
      guard isInside(redundantOffset, directoryEntries * 4) else {
        throw damaged("the redundant grain directory lies outside the file")
      }
    }
  }
}

/// A sparse extent of a VMDK: a directory of tables of grains, kept twice.
struct VMDKLayout: BlockLayout {
  static let format = ImageFormat.vmdk
  let file: any ImageFile
  var tables: MetadataCache
  private(set) var header: VMDKHeader
  /// Sectors of the disk that this extent stands for.
  private let sectors: UInt64
  private let isStream: Bool
  let isDifferencing: Bool
  /// Bytes: where space is taken next.
  private var end: UInt64
  private var unused: [FreedSpace] = []
  private var freed: [FreedSpace] = []

  var sectorCount: UInt64 { sectors }
  var canHideParent: Bool { header.flags & VMDKHeader.Flag.zeroedGrains != 0 }
  var whyReadOnly: String? { isStream ? "a stream-optimized VMDK is written once" : nil }
  private var grain: UInt64 { header.grainSize }
  private var hasRedundant: Bool { header.flags & VMDKHeader.Flag.redundantTable != 0 }

  /// `sectors`, `isDifferencing`: as the descriptor says.
  init(_ file: any ImageFile, sectors: UInt64, isDifferencing: Bool) throws(DiskError) {
    self.file = file
    self.isDifferencing = isDifferencing
    let size = try file.size()
    guard var header = VMDKHeader(try file.bytes(at: 0, count: VMDKHeader.size)) else {
      throw .damaged(path: file.path, "it is no sparse extent")
    }
    if header.directoryOffset == VMDKHeader.atEnd {
      // Footer marker, footer, end-of-stream marker: a sector each.
      guard size >= 2048, let footer = VMDKHeader(try file.bytes(at: size / 512 * 512 - 1024, count: VMDKHeader.size))
      else { throw .damaged(path: file.path, "the stream has no footer; it may have been cut short") }
      header = footer
    }
    try header.check(file.path, fileSize: size)
    self.header = header
    self.sectors = sectors
    guard self.sectors <= header.capacity, self.sectors > 0 else {
      throw .damaged(path: file.path, "the descriptor counts \(self.sectors) sectors of \(header.capacity)")
    }
    isStream = header.flags & (VMDKHeader.Flag.compressed | VMDKHeader.Flag.markers) != 0
    end = max(size, header.overhead <= size / 512 ? header.overhead * 512 : 0).roundedUp(to: 512)
    tables = MetadataCache(file, pageSize: 512, capacity: 16_384)
  }

  /// Byte of the entry for a grain in the table or, `redundant`, its twin; nil where there is no table.
  private mutating func entryOffset(_ block: UInt64, redundant: Bool = false) throws(DiskError) -> UInt64? {
    let (table, index) = block.quotientAndRemainder(dividingBy: UInt64(header.tableEntries))
    let place = try tables.little32(at: directory(redundant) + table * 4)
    guard place != 0 else { return nil }
    guard UInt64(place) * 512 + UInt64(header.tableEntries) * 4 <= end else {
      throw .damaged(path: file.path, "grain table \(table) lies outside the file")
    }
    return UInt64(place) * 512 + index * 4
  }
  private func directory(_ redundant: Bool) -> UInt64 {
    (redundant ? header.redundantOffset : header.directoryOffset) * 512
  }

  mutating func locate(_ sector: UInt64, limit: UInt64) throws(DiskError) -> Located {
    let (block, within) = sector.quotientAndRemainder(dividingBy: grain)
    let count = min(limit, grain - within)
    guard let entry = try entryOffset(block) else { return Located(.hole, count) }
    let place = try tables.little32(at: entry)
    if place == 0 { return Located(.hole, count) }
    if place == 1, canHideParent { return Located(.zero, count) }
    let offset = UInt64(place) * 512
    let first = block * grain
    guard offset < end, isStream || offset + min(grain, header.capacity - first) * 512 <= end else {
      throw .damaged(path: file.path, "grain \(block) lies outside the file")
    }
    guard header.flags & VMDKHeader.Flag.compressed != 0 else { return Located(.stored(offset + within * 512), count) }
    return Located(.packed(PackedBlock(offset: offset, size: 0, first: first, count: grain, codec: .grain)), count)
  }
  func block(of sector: UInt64) -> Range<UInt64> {
    let first = sector / grain * grain
    return first..<min(first + grain, sectorCount)
  }

  private mutating func take(_ bytes: UInt64) throws(DiskError) -> UInt64 {
    guard end + bytes <= UInt64(UInt32.max) * 512 else {
      throw .unsupported(path: file.path, "a sparse extent cannot be longer than 2 TiB")
    }
    defer { end += bytes }
    try file.resize(to: end + bytes)
    return end
  }
  mutating func allocate(_ sector: UInt64) throws(DiskError) -> Slot? {
    let first = sector / grain * grain
    for redundant in hasRedundant ? [false, true] : [false] {
      try makeTable(first / grain, redundant: redundant)
    }
    if let space = unused.popLast() {
      return Slot(first: first, count: grain, offset: space.offset, granule: grain, isZeroed: space.isZeroed)
    }
    return Slot(first: first, count: grain, offset: try take(grain * 512), granule: grain, isZeroed: true)
  }
  private mutating func makeTable(_ block: UInt64, redundant: Bool) throws(DiskError) {
    guard try entryOffset(block, redundant: redundant) == nil else { return }
    let bytes = (UInt64(header.tableEntries) * 4).roundedUp(to: 512)
    let place = try take(bytes)
    tables.makeFresh(at: place, count: bytes)
    let table = block / UInt64(header.tableEntries)
    try tables.putLittle32(UInt32(place / 512), at: directory(redundant) + table * 4, .link)
  }
  private mutating func setEntry(_ block: UInt64, _ value: UInt32) throws(DiskError) {
    guard let entry = try entryOffset(block) else { return }
    // Both pages are read before one is changed: half a change would be worse than none.
    let twin = hasRedundant ? try entryOffset(block, redundant: true) : nil
    if let twin { _ = try tables.little32(at: twin) }
    let old = try tables.little32(at: entry)
    try tables.putLittle32(value, at: entry, .link)
    if let twin { try tables.putLittle32(value, at: twin, .link) }
    if old > 1 { freed.append(FreedSpace(offset: UInt64(old) * 512, count: grain * 512)) }
  }
  mutating func link(_ slot: Slot, _ range: Range<UInt64>) throws(DiskError) {
    try setEntry(slot.first / grain, UInt32(slot.offset / 512))
  }
  mutating func abandon(_ slot: Slot) { unused.append(FreedSpace(offset: slot.offset, count: grain * 512)) }
  mutating func unlink(_ sector: UInt64, hides: Bool) throws(DiskError) { try setEntry(sector / grain, hides ? 1 : 0) }
  mutating func takeFreed() -> [FreedSpace] {
    defer { freed = [] }
    return freed
  }
  mutating func reuse(_ spaces: [FreedSpace]) { unused += spaces }

  mutating func beginWriting() throws(DiskError) { try setUnclean(true, .content) }
  mutating func endWriting() throws(DiskError) { try setUnclean(false, .link) }
  private mutating func setUnclean(_ value: Bool, _ stage: WriteStage) throws(DiskError) {
    header.isUnclean = value
    try tables.write([value ? 1 : 0], at: 72, stage)
  }
  mutating func grow(to sectors: UInt64) throws(DiskError) -> Bool { false }

  mutating func check() throws(DiskError) -> ImageCheck {
    var result = ImageCheck()
    result.blocks = sectorCount.pieces(of: grain)
    var places: [UInt32] = []
    var used = header.overhead * 512
    for table in 0..<header.directoryEntries {
      let firstBlock = table * UInt64(header.tableEntries)
      guard try entryOffset(firstBlock) != nil else { continue }
      for index in 0..<UInt64(header.tableEntries) where firstBlock + index < result.blocks {
        guard let entry = try entryOffset(firstBlock + index) else { break }
        let place = try tables.little32(at: entry)
        if hasRedundant, let twin = try entryOffset(firstBlock + index, redundant: true),
          try tables.little32(at: twin) != place
        {
          result.note("the redundant entry of grain \(firstBlock + index) differs")
        }
        if place <= (canHideParent ? 1 : 0) { continue }
        result.storedBlocks += 1
        if UInt64(place) * 512 >= end { result.note("grain \(firstBlock + index) lies outside the file") }
        if !isStream { places.append(place) }
        used += grain * 512
      }
    }
    places.sort()
    for index in places.indices.dropFirst() where UInt64(places[index] - places[index - 1]) < grain {
      result.note("two grains are stored in the same place")
    }
    result.leakedBytes = isStream || end <= used ? 0 : end - used
    return result
  }
  /// The redundant tables are made like the others.
  mutating func repair() throws(DiskError) {
    guard hasRedundant else { return }
    for block in 0..<sectorCount.pieces(of: grain) {
      guard let entry = try entryOffset(block), let twin = try entryOffset(block, redundant: true) else { continue }
      let place = try tables.little32(at: entry)
      if try tables.little32(at: twin) != place { try tables.putLittle32(place, at: twin, .link) }
    }
  }
  mutating func describe(_ info: inout ImageInfo) throws(DiskError) {
    info.blockSize = grain * 512
    info.version = "\(header.version)"
  }
}
