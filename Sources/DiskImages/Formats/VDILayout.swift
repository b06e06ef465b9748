import HostSystem

/// VirtualBox disk images: a map with the index of each block, and the blocks one after the other.
///
/// The number of allocated blocks in the header is where other programs append, so it is never below the highest index
/// in use; gaps are closed when the image is closed.
struct VDILayout: BlockLayout {
  let file: any ImageFile
  var tables: MetadataCache
  private(set) var header: VDIHeader
  /// Keeps the modification UUID when the image is written: a merge writes into an image that has a child.
  private let keepsModification: Bool
  /// Blocks up to here are in use or in `unused`.
  private var end: UInt64 = 0
  /// Indexes below `end` that no entry refers to, and whether their space reads as zeroes.
  private var unused: [(index: UInt64, isZeroed: Bool)] = []
  private var freed: [FreedSpace] = []
  var isDifferencing: Bool { header.kind == .differencing }
  private var isFixed: Bool { header.kind == .fixed }

  var sectorCount: UInt64 { header.diskSize / 512 }
  static let format = ImageFormat.vdi
  let canHideParent = true
  var keepsBlocks: Bool { isFixed }
  private var blockSectors: UInt64 { header.blockSize / 512 }

  init(_ file: any ImageFile, keepsModification: Bool = false) throws(DiskError) {
    self.file = file
    self.keepsModification = keepsModification
    let fileSize = try file.size()
    header = try VDIHeader(try file.bytes(at: 0, count: VDIHeader.size), path: file.path, fileSize: fileSize)
    tables = MetadataCache(file, pageSize: 512, capacity: 16_384)
    try readMap(fileSize)
  }

  /// One pass over the map: every index is inside the file and used once.
  private mutating func readMap(_ fileSize: UInt64) throws(DiskError) {
    guard header.kind != .undo else { throw .unsupported(path: file.path, "it is an undo image") }
    let room = fileSize > header.dataOffset ? (fileSize - header.dataOffset).pieces(of: header.stride) : 0
    let most = min(room, header.blockCount)
    var used = [UInt64](repeating: 0, count: Int(most / 64) + 1)
    var position: UInt64 = 0
    while position < header.blockCount {
      let count = min(16_384, header.blockCount - position)
      let piece = try file.bytes(at: header.mapOffset + position * 4, count: Int(count) * 4)
      for entry in 0..<Int(count) {
        let index = piece.little32(entry * 4)
        if index >= VDIHeader.zero { continue }
        guard UInt64(index) < most else {
          throw .damaged(path: file.path, "block \(position + UInt64(entry)) lies outside the file")
        }
        let bit = UInt64(1) << UInt64(index & 63)
        guard used[Int(index >> 6)] & bit == 0 else {
          throw .damaged(path: file.path, "two blocks are stored in the same place")
        }
        used[Int(index >> 6)] |= bit
        end = max(end, UInt64(index) + 1)
      }
      position += count
    }
    for index in (0..<end).reversed() where used[Int(index >> 6)] >> (index & 63) & 1 == 0 {
      unused.append((index, false))
    }
  }

  private func entryOffset(_ block: UInt64) -> UInt64 { header.mapOffset + block * 4 }
  private func offset(_ index: UInt64) -> UInt64 { header.dataOffset + index * header.stride + header.blockExtra }

  mutating func locate(_ sector: UInt64, limit: UInt64) throws(DiskError) -> Located {
    let (block, within) = sector.quotientAndRemainder(dividingBy: blockSectors)
    let count = min(limit, blockSectors - within)
    switch try tables.little32(at: entryOffset(block)) {
    case VDIHeader.free: return Located(.hole, count)
    case VDIHeader.zero: return Located(.zero, count)
    case let index: return Located(.stored(offset(UInt64(index)) + within * 512), count)
    }
  }
  func block(of sector: UInt64) -> Range<UInt64> {
    let first = sector / blockSectors * blockSectors
    return first..<min(first + blockSectors, sectorCount)
  }

  mutating func allocate(_ sector: UInt64) throws(DiskError) -> Slot? {
    let first = sector / blockSectors * blockSectors
    if let (index, isZeroed) = unused.popLast() {
      return Slot(first: first, count: blockSectors, offset: offset(index), granule: blockSectors, isZeroed: isZeroed)
    }
    guard end < header.blockCount else { return nil }
    try file.resize(to: max(try file.size(), header.dataOffset + (end + 1) * header.stride))
    defer { end += 1 }
    return Slot(first: first, count: blockSectors, offset: offset(end), granule: blockSectors, isZeroed: true)
  }
  private func index(of offset: UInt64) -> UInt64 { (offset - header.dataOffset) / header.stride }

  mutating func link(_ slot: Slot, _ range: Range<UInt64>) throws(DiskError) {
    let entry = entryOffset(slot.first / blockSectors)
    let old = try tables.little32(at: entry)
    // The count goes up before an entry can refer to a block beyond it.
    if end > header.allocatedCount {
      header.allocatedCount = end
      try tables.putLittle32(UInt32(end), at: header.allocatedCountOffset, .content)
    }
    try tables.putLittle32(UInt32(index(of: slot.offset)), at: entry, .link)
    if old < VDIHeader.zero { free(old) }
  }
  mutating func abandon(_ slot: Slot) { unused.append((index(of: slot.offset), false)) }
  private mutating func free(_ index: UInt32) {
    freed.append(FreedSpace(offset: offset(UInt64(index)) - header.blockExtra, count: header.stride))
  }
  mutating func unlink(_ sector: UInt64, hides: Bool) throws(DiskError) {
    let entry = entryOffset(sector / blockSectors)
    let old = try tables.little32(at: entry)
    try tables.putLittle32(hides ? VDIHeader.zero : VDIHeader.free, at: entry, .link)
    if old < VDIHeader.zero { free(old) }
  }
  mutating func takeFreed() -> [FreedSpace] {
    defer { freed = [] }
    return freed
  }
  mutating func reuse(_ spaces: [FreedSpace]) {
    for space in spaces { unused.append((index(of: space.offset), space.isZeroed)) }
  }

  /// Moves the last blocks into the gaps, as far as there are gaps before them.
  mutating func moves() throws(DiskError) -> [(sector: UInt64, slot: Slot)] {
    guard !unused.isEmpty, !isFixed else { return [] }
    let stored = end - UInt64(unused.count)
    let gaps = unused.map(\.index).filter { $0 < stored }.sorted()
    guard !gaps.isEmpty else { return [] }
    var moves: [(UInt64, Slot)] = []
    for block in 0..<header.blockCount where moves.count < gaps.count {
      let index = try tables.little32(at: entryOffset(block))
      guard index < VDIHeader.zero, UInt64(index) >= stored else { continue }
      let first = block * blockSectors
      let gap = gaps[moves.count]
      moves.append(
        (first, Slot(first: first, count: blockSectors, offset: offset(gap), granule: blockSectors, isZeroed: false)))
    }
    let taken = Set(gaps.prefix(moves.count))
    unused.removeAll { taken.contains($0.index) }
    return moves
  }

  mutating func beginWriting() throws(DiskError) {
    if !keepsModification {
      header.modify = DiskUUID()
      try tables.write(header.modify.mixedEndian, at: header.modifyOffset, .content)
    }
    // What lies behind the last block was written before a crash and never became part of the disk.
    let used = header.dataOffset + end * header.stride
    if header.mapOffset < header.dataOffset, try file.size() > used { try file.resize(to: used) }
    header.allocatedCount = max(header.allocatedCount, end)
    try tables.putLittle32(UInt32(header.allocatedCount), at: header.allocatedCountOffset, .content)
  }
  mutating func endWriting() throws(DiskError) {
    var gaps = Set(unused.map(\.index))
    while end > 0, gaps.remove(end - 1) != nil { end -= 1 }
    unused.removeAll { $0.index >= end }
    header.allocatedCount = end
    try tables.putLittle32(UInt32(end), at: header.allocatedCountOffset, .link)
    if header.mapOffset < header.dataOffset { try file.resize(to: header.dataOffset + end * header.stride) }
  }

  mutating func grow(to sectors: UInt64) throws(DiskError) -> Bool {
    let blocks = (sectors * 512).pieces(of: header.blockSize)
    guard !isFixed, header.version >> 16 > 0, header.mapOffset + blocks * 4 <= header.dataOffset,
      blocks <= VDIHeader.mostBlocks
    else { return false }
    for block in header.blockCount..<max(blocks, header.blockCount) {
      try tables.putLittle32(VDIHeader.free, at: entryOffset(block), .content)
    }
    header.blockCount = max(blocks, header.blockCount)
    header.diskSize = sectors * 512
    var size = [UInt8](repeating: 0, count: 8)
    size.putLittle(header.diskSize, at: 0)
    // Both fields are in the first sector of the file: they change together.
    try tables.write(size, at: header.diskSizeOffset, .link)
    try tables.putLittle32(UInt32(header.blockCount), at: header.blockCountOffset, .link)
    return true
  }

  mutating func check() throws(DiskError) -> ImageCheck {
    var result = ImageCheck()
    result.blocks = header.blockCount
    // Opening looked at every entry; what is left is what takes space for nothing.
    result.storedBlocks = end - UInt64(unused.count)
    result.leakedBytes = UInt64(unused.count) * header.stride
    let used = header.dataOffset + end * header.stride
    let size = try file.size()
    if size > used { result.leakedBytes += size - used }
    if header.allocatedCount < end { result.note("the header counts \(header.allocatedCount) blocks of \(end)") }
    return result
  }
  mutating func repair() throws(DiskError) {
    header.allocatedCount = end
    try tables.putLittle32(UInt32(end), at: header.allocatedCountOffset, .link)
  }

  func describe(_ info: inout ImageInfo) throws(DiskError) {
    info.version = "\(header.version >> 16).\(header.version & 0xffff)"
    info.uuid = header.create
    info.modificationUUID = header.modify
    if header.kind == .differencing {
      info.variant = .differencing
      info.parentUUID = header.linkage
      if !header.parentModify.isZero { info.parentModificationUUID = header.parentModify }
      if let hint = VDIComment.parent(header.comment) {
        info.parentPath = Paths.resolve(hint, besides: file.path)
      }
    } else {
      info.variant = isFixed ? .fixed : .dynamic
    }
    info.comment = VDIComment.text(header.comment)
    info.geometry = header.geometry
    info.blockSize = header.blockSize
  }

  // MARK: Changes of identity

  mutating func setParent(_ parent: ImageInfo?) throws(DiskError) {
    header.linkage = parent?.uuid ?? .zero
    header.parentModify = parent?.modificationUUID ?? .zero
    header.kind = parent == nil ? .dynamic : .differencing
    header.comment = VDIComment.make(
      VDIComment.text(header.comment), parent: parent.map { Paths.relative($0.path, besides: file.path) })
    var comment = [UInt8](repeating: 0, count: 256)
    comment.put(header.comment.utf8.prefix(255), at: 0)
    try tables.write(comment, at: header.commentOffset, .link)
    try tables.write(header.linkage.mixedEndian, at: header.linkageOffset, .link)
    if let offset = header.parentModifyOffset { try tables.write(header.parentModify.mixedEndian, at: offset, .link) }
    try tables.putLittle32(header.kind.rawValue, at: header.commentOffset - 8, .link)
  }
  mutating func setUUID(_ uuid: DiskUUID) throws(DiskError) {
    header.create = uuid
    try tables.write(uuid.mixedEndian, at: header.createOffset, .link)
  }
  mutating func setComment(_ text: String) throws(DiskError) {
    header.comment = VDIComment.make(text, parent: VDIComment.parent(header.comment))
    var comment = [UInt8](repeating: 0, count: 256)
    comment.put(header.comment.utf8.prefix(255), at: 0)
    try tables.write(comment, at: header.commentOffset, .link)
  }
}

/// VDI names its parent by UUID only. The file is noted in the comment, in a last line, so that it is found without a
/// registry; other programs show it as text.
enum VDIComment {
  private static let mark = "parent: "
  static func parent(_ comment: String) -> String? {
    guard let line = comment.split(separator: "\n").last, line.hasPrefix(mark) else { return nil }
    return String(line.dropFirst(mark.count))
  }
  static func text(_ comment: String) -> String {
    guard parent(comment) != nil else { return comment }
    return comment.split(separator: "\n").dropLast().joined(separator: "\n")
  }
  static func make(_ text: String, parent: String?) -> String {
    guard let parent else { return text }
    let line = mark + parent
    guard line.utf8.count <= 255 else { return text }
    let kept = String(decoding: text.utf8.prefix(254 - line.utf8.count), as: UTF8.self)
    return kept.isEmpty ? line : "\(kept)\n\(line)"
  }
}

extension VDILayout {
  /// Writes the header and block map of a new image into an empty file.
  static func create(_ file: any ImageFile, _ options: ImageCreation) throws(DiskError) {
    var header = VDIHeader()
    header.diskSize = options.capacity
    header.blockSize = options.blockSize ?? 1 << 20
    guard header.blockSize >= 512, header.blockSize <= 256 << 20, header.blockSize & (header.blockSize - 1) == 0 else {
      throw .invalid("VDI blocks have a power of two of bytes, 512 to 256 MiB")
    }
    header.blockCount = options.capacity.pieces(of: header.blockSize)
    guard header.blockCount <= VDIHeader.mostBlocks else {
      throw .invalid("a VDI of \(options.capacity) bytes needs larger blocks")
    }
    let alignment = min(1 << 20, max(512, header.blockSize))
    header.mapOffset = alignment
    header.dataOffset = (alignment + header.blockCount * 4).roundedUp(to: alignment)
    header.create = options.uuid ?? DiskUUID()
    header.modify = options.modificationUUID ?? DiskUUID()
    header.comment = options.comment
    header.geometry = options.geometry
    let isFixed = options.variant == .fixed
    if let parent = options.parent {
      header.kind = .differencing
      header.linkage = parent.uuid ?? .zero
      header.parentModify = parent.modificationUUID ?? .zero
      header.comment = VDIComment.make(options.comment, parent: Paths.relative(parent.path, besides: file.path))
    } else if isFixed {
      header.kind = .fixed
      header.allocatedCount = header.blockCount
    }
    let size = header.dataOffset + (isFixed ? header.blockCount * header.stride : 0)
    try file.resize(to: size)
    if isFixed { _ = try file.reserve(size) }
    var block: UInt64 = 0
    while block < header.blockCount {
      let count = min(16_384, header.blockCount - block)
      var piece = [UInt8](repeating: 0xff, count: Int(count) * 4)
      if isFixed { for index in 0..<count { piece.putLittle(UInt32(block + index), at: Int(index) * 4) } }
      try file.write(at: header.mapOffset + block * 4, piece)
      block += count
    }
    try file.write(at: 0, header.encoded)
    try file.synchronize()
  }
}
