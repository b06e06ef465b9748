import HostSystem

/// VHDs that grow: a table with the place of each block, and before each block a bitmap of its sectors.
///
/// In a differencing disk the bitmap says sector by sector whether the parent shows through; elsewhere it is all ones.
/// The footer follows the last block. A new block takes its place, after it was written again behind; should that be
/// cut short, the copy at the start of the file counts.
struct VHDLayout: BlockLayout {
  static let format = ImageFormat.vhd
  static let free: UInt32 = 0xffff_ffff
  /// Bound for hostile headers; the format's 2 TiB need 1 Mi.
  static let mostBlocks: UInt64 = 1 << 24

  let file: any ImageFile
  var tables: MetadataCache
  private var footer: VHDFooter
  private var header: VHDHeader
  /// Byte behind the last block: where the footer is.
  private var end: UInt64 = 0
  private var unused: [FreedSpace] = []
  private var freed: [FreedSpace] = []
  private var storedCount: UInt64 = 0
  /// The last sector is a footer: not so after a power cut, until it is written again.
  private(set) var hasFooter = true

  var sectorCount: UInt64 { footer.currentSize / 512 }
  let canHideParent = false
  var isDifferencing: Bool { footer.kind == .differencing }
  private var blockSectors: UInt64 { UInt64(header.blockSize) / 512 }
  /// Bytes of the bitmap before a block.
  private var bitmapSize: UInt64 { blockSectors.pieces(of: 8).roundedUp(to: 512) }
  private var stride: UInt64 { bitmapSize + UInt64(header.blockSize) }

  init(_ file: any ImageFile) throws(DiskError) {
    self.file = file
    let size = try file.size()
    guard size >= 512, let footer = try VHDLayout.footer(file, size) else {
      throw .damaged(path: file.path, "it has no VHD footer")
    }
    self.footer = footer
    hasFooter = VHDFooter(try file.bytes(at: size - 512, count: 512)) != nil
    guard footer.headerOffset <= size, size - footer.headerOffset >= UInt64(VHDHeader.size),
      let header = VHDHeader(try file.bytes(at: footer.headerOffset, count: VHDHeader.size))
    else { throw .damaged(path: file.path, "it has no valid dynamic disk header") }
    self.header = header
    tables = MetadataCache(file, pageSize: 512, capacity: 16_384)
    try readTable(size)
  }
  /// The footer of a fixed disk, else its copy at the start, else the footer.
  ///
  /// The order matters: the first sector of a fixed disk, and after a crash the last one of another, hold what the
  /// guest wrote, which must not be able to name a parent.
  static func footer(_ file: any ImageFile, _ size: UInt64) throws(DiskError) -> VHDFooter? {
    guard size >= 512 else { return nil }
    let last = VHDFooter(try file.bytes(at: size - 512, count: 512))
    if let last, last.kind == .fixed { return last }
    if let copy = VHDFooter(try file.bytes(at: 0, count: 512)), copy.kind != .fixed { return copy }
    return last
  }

  private mutating func readTable(_ size: UInt64) throws(DiskError) {
    func damaged(_ what: String) -> DiskError { .damaged(path: file.path, what) }
    let blockSize = UInt64(header.blockSize), entries = UInt64(header.tableEntries)
    guard blockSize >= 512, blockSize <= 256 << 20, blockSize & (blockSize - 1) == 0 else {
      throw damaged("blocks of \(blockSize) bytes")
    }
    guard footer.currentSize >= 512, footer.currentSize & 511 == 0 else {
      throw damaged("a disk of \(footer.currentSize) bytes")
    }
    guard entries <= VHDLayout.mostBlocks else { throw .unsupported(path: file.path, "\(entries) blocks") }
    guard footer.currentSize.pieces(of: blockSize) <= entries else {
      throw damaged("\(entries) blocks cannot hold \(footer.currentSize) bytes")
    }
    guard header.tableOffset >= 512, header.tableOffset <= size, entries * 4 <= size - header.tableOffset else {
      throw damaged("the block allocation table lies outside the file")
    }
    end = max(1536, header.tableOffset + (entries * 4).roundedUp(to: 512))
    end = max(end, (footer.headerOffset + UInt64(VHDHeader.size)).roundedUp(to: 512))
    for locator in header.locators where locator.offset < size {
      end = max(end, (locator.offset + UInt64(locator.space == 0 ? locator.length : locator.space)).roundedUp(to: 512))
    }
    var places: [UInt32] = []
    let first = (header.tableOffset + entries * 4) / 512
    var position: UInt64 = 0
    while position < entries {
      let count = min(16_384, entries - position)
      let piece = try file.bytes(at: header.tableOffset + position * 4, count: Int(count) * 4)
      for index in 0..<Int(count) {
        let place = piece.big32(index * 4)
        if place == VHDLayout.free { continue }
        guard UInt64(place) >= first, UInt64(place) * 512 + stride <= size else {
          throw damaged("block \(position + UInt64(index)) lies outside the file")
        }
        places.append(place)
      }
      position += count
    }
    places.sort()
    for index in places.indices.dropFirst() where UInt64(places[index] - places[index - 1]) * 512 < stride {
      throw damaged("two blocks are stored in the same place")
    }
    storedCount = UInt64(places.count)
    if let last = places.last { end = max(end, UInt64(last) * 512 + stride) }
  }

  private func entryOffset(_ block: UInt64) -> UInt64 { header.tableOffset + block * 4 }

  mutating func locate(_ sector: UInt64, limit: UInt64) throws(DiskError) -> Located {
    let (block, within) = sector.quotientAndRemainder(dividingBy: blockSectors)
    let count = min(limit, blockSectors - within)
    let place = try tables.big32(at: entryOffset(block))
    guard place != VHDLayout.free else { return Located(.hole, count) }
    let bitmap = UInt64(place) * 512
    let data = bitmap + bitmapSize + within * 512
    guard isDifferencing else { return Located(.stored(data), count) }
    let isOwn = try bit(bitmap, within)
    var run: UInt64 = 1
    while run < count, try bit(bitmap, within + run) == isOwn { run += 1 }
    return Located(isOwn ? .stored(data) : .hole, run)
  }
  private mutating func bit(_ bitmap: UInt64, _ sector: UInt64) throws(DiskError) -> Bool {
    try tables.byte(at: bitmap + sector / 8) >> (7 - UInt8(sector & 7)) & 1 == 1
  }
  func block(of sector: UInt64) -> Range<UInt64> {
    let first = sector / blockSectors * blockSectors
    return first..<min(first + blockSectors, sectorCount)
  }

  mutating func allocate(_ sector: UInt64) throws(DiskError) -> Slot? {
    let block = sector / blockSectors
    var slot = Slot(
      first: block * blockSectors, count: blockSectors, offset: 0, granule: isDifferencing ? 1 : blockSectors,
      isZeroed: false)
    let place = try tables.big32(at: entryOffset(block))
    if place != VHDLayout.free {
      slot.offset = UInt64(place) * 512 + bitmapSize
      return slot
    }
    var start = end
    if let space = unused.popLast() {
      (start, slot.isZeroed) = (space.offset, space.isZeroed)
    } else {
      guard (end + stride) / 512 < UInt64(VHDLayout.free) else {
        throw .unsupported(path: file.path, "a VHD file cannot be longer than 2 TiB")
      }
      slot.isZeroed = try file.size() <= end + 512
      try file.write(at: end + stride, footer.encoded)
      end += stride
    }
    slot.offset = start + bitmapSize
    tables.makeFresh(at: start, count: bitmapSize)
    return slot
  }
  mutating func link(_ slot: Slot, _ range: Range<UInt64>) throws(DiskError) {
    let bitmap = slot.offset - bitmapSize
    if isDifferencing {
      for sector in range {
        let within = sector - slot.first
        let old = try tables.byte(at: bitmap + within / 8)
        try tables.write([old | 0x80 >> UInt8(within & 7)], at: bitmap + within / 8, .link)
      }
    } else {
      try tables.write([UInt8](repeating: 0xff, count: Int(blockSectors.pieces(of: 8))), at: bitmap, .link)
    }
    let entry = entryOffset(slot.first / blockSectors)
    if try tables.big32(at: entry) == VHDLayout.free {
      storedCount += 1
      try tables.putBig32(UInt32(bitmap / 512), at: entry, .link)
    }
  }
  mutating func abandon(_ slot: Slot) {
    let isLinked = (try? tables.big32(at: entryOffset(slot.first / blockSectors))) != VHDLayout.free
    guard !isLinked else { return }
    tables.forget(at: slot.offset - bitmapSize, count: bitmapSize)
    unused.append(FreedSpace(offset: slot.offset - bitmapSize, count: stride))
  }
  mutating func unlink(_ sector: UInt64, hides: Bool) throws(DiskError) {
    let entry = entryOffset(sector / blockSectors)
    let place = try tables.big32(at: entry)
    guard place != VHDLayout.free else { return }
    try tables.putBig32(VHDLayout.free, at: entry, .link)
    tables.forget(at: UInt64(place) * 512, count: bitmapSize)
    freed.append(FreedSpace(offset: UInt64(place) * 512, count: stride))
    storedCount -= 1
  }
  mutating func takeFreed() -> [FreedSpace] {
    defer { freed = [] }
    return freed
  }
  mutating func reuse(_ spaces: [FreedSpace]) { unused += spaces }

  mutating func beginWriting() throws(DiskError) {
    footer.timestamp = VHDFooter.now
    try tables.write(footer.encoded, at: 0, .content)
    // Whatever lies behind the last block was lost in a crash; the footer may be among it.
    try file.resize(to: end)
    try file.write(at: end, footer.encoded)
  }

  mutating func grow(to sectors: UInt64) throws(DiskError) -> Bool {
    let blocks = (sectors * 512).pieces(of: UInt64(header.blockSize))
    let room = (UInt64(header.tableEntries) * 4).roundedUp(to: 512)
    guard blocks * 4 <= room, sectors <= UInt64(UInt32.max) else { return false }
    for block in UInt64(header.tableEntries)..<max(blocks, UInt64(header.tableEntries)) {
      try tables.putBig32(VHDLayout.free, at: entryOffset(block), .content)
    }
    header.tableEntries = UInt32(max(blocks, UInt64(header.tableEntries)))
    try tables.write(header.encoded, at: footer.headerOffset, .index)
    footer.currentSize = sectors * 512
    footer.geometry = VHDFooter.geometry(sectors)
    try tables.write(footer.encoded, at: 0, .link)
    try file.write(at: end, footer.encoded)
    return true
  }

  mutating func check() throws(DiskError) -> ImageCheck {
    var result = ImageCheck()
    result.blocks = UInt64(header.tableEntries)
    result.storedBlocks = storedCount
    let size = try file.size()
    result.leakedBytes = UInt64(unused.count) * stride + (size > end + 512 ? size - end - 512 : 0)
    if VHDFooter(try file.bytes(at: size - 512, count: 512)) == nil { result.note("the footer is missing") }
    return result
  }
  mutating func repair() throws(DiskError) {
    try file.resize(to: end)
    try file.write(at: end, footer.encoded)
  }

  mutating func describe(_ info: inout ImageInfo) throws(DiskError) {
    info.version = "1.0"
    info.uuid = footer.uuid
    info.geometry = footer.geometry
    info.blockSize = UInt64(header.blockSize)
    guard isDifferencing else { return }
    info.variant = .differencing
    info.parentUUID = header.parentUUID
    info.parentPath = try parentPath()
  }
  /// The relative locator, the absolute one, or the bare name.
  private func parentPath() throws(DiskError) -> String? {
    for platform in ["W2ru", "W2ku"] {
      for locator in header.locators where locator.platform == Array(platform.utf8) {
        guard locator.length >= 2, locator.length <= 4096 else { continue }
        let raw = try file.bytes(at: locator.offset, count: Int(locator.length))
        let units = (0..<raw.count / 2).map { raw.little16(2 * $0) }.prefix { $0 != 0 }
        var path = String(decoding: units, as: UTF16.self)
        path = String(path.map { $0 == "\\" ? "/" : $0 })
        if path.hasPrefix("./") { path.removeFirst(2) }
        if !path.isEmpty { return Paths.resolve(path, besides: file.path) }
      }
    }
    return header.parentName.isEmpty ? nil : Paths.resolve(header.parentName, besides: file.path)
  }

  mutating func setUUID(_ uuid: DiskUUID) throws(DiskError) {
    footer.uuid = uuid
    try tables.write(footer.encoded, at: 0, .link)
    try file.write(at: end, footer.encoded)
  }
  mutating func setParent(_ parent: ImageInfo?) throws(DiskError) {
    guard isDifferencing, let parent else {
      throw .unsupported(path: file.path, "a VHD stays differencing or not; clone it instead")
    }
    header.parentUUID = parent.uuid ?? .zero
    let name = Paths.relative(parent.path, besides: file.path)
    header.parentName = name
    let units = Array(name.utf16)
    if let index = header.locators.firstIndex(where: { $0.platform == Array("W2ru".utf8) }), units.count <= 255 {
      var raw = [UInt8](repeating: 0, count: 512)
      for (position, unit) in units.enumerated() { raw.putLittle(unit, at: 2 * position) }
      header.locators[index].length = UInt32(units.count * 2)
      try tables.write(raw, at: header.locators[index].offset, .content)
    } else {
      header.locators = []
    }
    try tables.write(header.encoded, at: footer.headerOffset, .link)
  }
}

extension VHDLayout {
  /// Writes a new image into an empty file.
  static func create(_ file: any ImageFile, _ options: ImageCreation) throws(DiskError) {
    guard options.capacity / 512 <= UInt64(UInt32.max) else { throw .invalid("a VHD holds at most 2 TiB") }
    let isFixed = options.variant == .fixed
    var footer = VHDFooter(
      kind: isFixed ? .fixed : options.parent == nil ? .dynamic : .differencing, capacity: options.capacity,
      uuid: options.uuid ?? DiskUUID())
    if isFixed {
      try file.resize(to: options.capacity + 512)
      _ = try file.reserve(options.capacity + 512)
      try file.write(at: options.capacity, footer.encoded)
      return try file.synchronize()
    }
    footer.headerOffset = 512
    let blockSize = options.blockSize ?? 2 << 20
    guard blockSize >= 4096, blockSize <= 256 << 20, blockSize & (blockSize - 1) == 0 else {
      throw .invalid("VHD blocks have a power of two of bytes, 4096 to 256 MiB")
    }
    let entries = options.capacity.pieces(of: blockSize)
    guard entries <= VHDLayout.mostBlocks else { throw .invalid("this VHD needs larger blocks") }
    var header = VHDHeader(tableOffset: 1536, tableEntries: UInt32(entries))
    header.blockSize = UInt32(blockSize)
    var end = 1536 + (entries * 4).roundedUp(to: 512)
    if let parent = options.parent {
      header.parentUUID = parent.uuid ?? .zero
      header.parentName = Paths.relative(parent.path, besides: file.path)
      let units = Array(header.parentName.utf16.prefix(255))
      var raw = [UInt8](repeating: 0, count: 512)
      for (index, unit) in units.enumerated() { raw.putLittle(unit, at: 2 * index) }
      try file.write(at: end, raw)
      header.locators = [
        VHDHeader.Locator(platform: Array("W2ru".utf8), space: 512, length: UInt32(units.count * 2), offset: end)
      ]
      end += 512
    }
    try file.write(at: 0, footer.encoded)
    try file.write(at: 512, header.encoded)
    var block: UInt64 = 0
    while block < entries.roundedUp(to: 128) {
      let count = min(16_384, entries.roundedUp(to: 128) - block)
      try file.write(at: 1536 + block * 4, [UInt8](repeating: 0xff, count: Int(count) * 4))
      block += count
    }
    try file.write(at: end, footer.encoded)
    try file.synchronize()
  }
}

/// A VHD of fixed size: the disk's bytes, then the footer.
final class FixedVHD: ManagedImage {
  private let raw: RawImage
  private let footer: VHDFooter
  private let file: any ImageFile
  var isReadOnly: Bool { raw.isReadOnly }
  var sectorCount: UInt64 { raw.sectorCount }

  init(_ file: any ImageFile, _ footer: VHDFooter, readOnly: Bool) throws(DiskError) {
    self.file = file
    self.footer = footer
    let size = try file.size()
    guard footer.currentSize >= 512, footer.currentSize & 511 == 0, size >= 512, footer.currentSize <= size - 512 else {
      throw .damaged(path: file.path, "a disk of \(footer.currentSize) bytes in a file of \(size)")
    }
    raw = RawImage(file, start: 0, sectors: footer.currentSize / 512, readOnly: readOnly)
  }
  func giveUpLocks() { file.unlock() }
  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) { try raw.read(sector, into: buffers) }
  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) { try raw.write(sector, from: buffers) }
  func flush() throws(DiskError) { try raw.flush() }
  /// The image keeps its space.
  func discard(_ sector: UInt64, count: UInt64) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: count)
  }
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: count)
    try storeZeroes(sector, count: count)
  }
  func extent(at sector: UInt64, limit: UInt64) throws(DiskError) -> DiskExtent {
    try raw.extent(at: sector, limit: limit)
  }

  func info() throws(DiskError) -> ImageInfo {
    var info = ImageInfo(path: file.path, format: .vhd, variant: .fixed, capacity: footer.currentSize)
    info.sizeOnDisk = try file.allocatedBytes()
    info.files = [file.path]
    info.uuid = footer.uuid
    info.geometry = footer.geometry
    info.version = "1.0"
    return info
  }
  func check() throws(DiskError) -> ImageCheck { try raw.check() }
  func repair() throws(DiskError) {}
  func grow(to sectors: UInt64) throws(DiskError) -> Bool {
    guard !isReadOnly else { throw .readOnly }
    guard sectors >= sectorCount else { throw .invalid("a disk cannot be made smaller") }
    guard sectors <= UInt64(UInt32.max) else { throw .invalid("a VHD holds at most 2 TiB") }
    var longer = footer
    longer.currentSize = sectors * 512
    longer.geometry = VHDFooter.geometry(sectors)
    // The new footer is there before the old one goes.
    try file.write(at: sectors * 512, longer.encoded)
    try file.synchronize()
    if sectors > sectorCount { try file.write(at: footer.currentSize, [UInt8](repeating: 0, count: 512)) }
    try file.synchronize()
    return true
  }
  func close() throws(DiskError) { try flush() }
  func setParent(_ parent: ImageInfo?) throws(DiskError) {
    throw .unsupported(path: file.path, "a fixed VHD has no parent")
  }
  func setUUID(_ uuid: DiskUUID) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    var changed = footer
    changed.uuid = uuid
    try file.write(at: footer.currentSize, changed.encoded)
    try file.synchronize()
  }
  func setComment(_ text: String) throws(DiskError) {
    throw .unsupported(path: file.path, "its format has no description")
  }
}
