import HostSystem

/// QCOW2: two levels of tables, and a reference count for every cluster of the file.
///
/// Counts go up before something refers to a cluster and down after nothing does any more, so a power cut at worst
/// leaves clusters that are counted but not used.
struct QCOW2Layout: BlockLayout {
  static let format = ImageFormat.qcow2
  /// Entries of L1 and L2 tables: the place; nothing else refers to it; it is compressed; it reads as zeroes.
  static let offsetMask: UInt64 = 0x00ff_ffff_ffff_fe00
  static let copied: UInt64 = 1 << 63, compressed: UInt64 = 1 << 62, zero: UInt64 = 1

  let file: any ImageFile
  var tables: MetadataCache
  var header: QCOW2Header
  let snapshots: [QCOW2Snapshot]
  private let isSnapshot: Bool
  /// Table in use: the header's, or a snapshot's.
  private var l1Offset: UInt64, l1Size: UInt64
  private var size: UInt64
  /// The first cluster behind the file's end.
  var endCluster: UInt64
  /// No cluster below this one is free.
  var freeHint: UInt64 = 0
  /// Free clusters that read as zeroes; a part of all.
  var zeroedClusters: Set<UInt64> = []
  private var freed: [FreedSpace] = []

  var sectorCount: UInt64 { size / 512 }
  var isDifferencing: Bool { !header.backingName.isEmpty }
  var canHideParent: Bool { header.version >= 3 }
  var whyReadOnly: String? { isSnapshot ? "a snapshot inside an image cannot be written" : nil }
  var clusterSize: UInt64 { header.clusterSize }
  private var clusterSectors: UInt64 { header.clusterSize / 512 }
  /// The image was not closed in good order, and its counts were not kept up.
  var isDirty: Bool { header.incompatible & QCOW2Header.Incompatible.dirty != 0 }
  var isMarkedCorrupt: Bool { header.incompatible & QCOW2Header.Incompatible.corrupt != 0 }

  /// `snapshot`: id or name of one inside the image.
  init(_ file: any ImageFile, snapshot: String? = nil) throws(DiskError) {
    self.file = file
    header = try QCOW2Header(file)
    endCluster = try file.size().pieces(of: header.clusterSize)
    tables = MetadataCache(file, pageSize: 512, capacity: 16_384)
    snapshots = header.snapshotCount > 0 ? try QCOW2Snapshot.table(header, file) : []
    (l1Offset, l1Size, size) = (header.l1Offset, UInt64(header.l1Size), header.size)
    isSnapshot = snapshot != nil
    guard let snapshot else { return }
    guard
      let found = snapshots.first(where: { $0.summary.id == snapshot })
        ?? snapshots.first(where: { $0.summary.name == snapshot })
    else { throw .invalid("\(file.path) has no snapshot '\(snapshot)'") }
    (l1Offset, l1Size) = (found.l1Offset, UInt64(found.l1Size))
    size = min(found.diskSize ?? size, l1Size * header.l2Entries * header.clusterSize) & ~511
    guard size > 0 else { throw .damaged(path: file.path, "snapshot '\(snapshot)' is empty") }
  }

  // MARK: Reading

  func checkCluster(_ offset: UInt64, _ what: String) throws(DiskError) {
    guard offset & (clusterSize - 1) == 0, offset >= clusterSize, offset / clusterSize < endCluster else {
      throw .damaged(path: file.path, "\(what) lies outside the file")
    }
  }
  /// The L2 table for a guest cluster; nil where there is none.
  private mutating func l2Table(_ cluster: UInt64) throws(DiskError) -> UInt64? {
    let entry = try tables.big64(at: l1Offset + cluster / header.l2Entries * 8)
    let offset = entry & QCOW2Layout.offsetMask
    guard offset != 0 else { return nil }
    try checkCluster(offset, "an L2 table")
    return offset
  }
  mutating func locate(_ sector: UInt64, limit: UInt64) throws(DiskError) -> Located {
    let (cluster, within) = sector.quotientAndRemainder(dividingBy: clusterSectors)
    let count = min(limit, clusterSectors - within)
    guard let table = try l2Table(cluster) else {
      let rest = (header.l2Entries - cluster % header.l2Entries) * clusterSectors - within
      return Located(.hole, min(limit, rest))
    }
    let entry = try tables.big64(at: table + cluster % header.l2Entries * 8)
    if entry & QCOW2Layout.compressed != 0 {
      return Located(.packed(try packed(entry, first: cluster * clusterSectors)), count)
    }
    if header.version >= 3, entry & QCOW2Layout.zero != 0 { return Located(.zero, count) }
    let offset = entry & QCOW2Layout.offsetMask
    guard offset != 0 else { return Located(.hole, count) }
    try checkCluster(offset, "a cluster")
    if entry & QCOW2Layout.copied == 0, try refcount(offset / clusterSize) != 1 {
      return Located(.shared(offset + within * 512), count)
    }
    return Located(.stored(offset + within * 512), count)
  }
  private func packed(_ entry: UInt64, first: UInt64) throws(DiskError) -> PackedBlock {
    let bits = 62 - (UInt64(header.clusterBits) - 8)
    let offset = entry & (1 << bits - 1)
    let sectors = (entry & (QCOW2Layout.compressed - 1)) >> bits
    let size = (sectors + 1) * 512 - (offset & 511)
    guard offset >= clusterSize, offset / clusterSize < endCluster else {
      throw .damaged(path: file.path, "a compressed cluster lies outside the file")
    }
    return PackedBlock(offset: offset, size: Int(size), first: first, count: clusterSectors, codec: .deflate)
  }
  func block(of sector: UInt64) -> Range<UInt64> {
    let first = sector / clusterSectors * clusterSectors
    return first..<min(first + clusterSectors, sectorCount)
  }

  // MARK: Writing

  /// An L2 table that only this image refers to, made if there is none.
  private mutating func ownTable(_ cluster: UInt64) throws(DiskError) -> UInt64 {
    let place = l1Offset + cluster / header.l2Entries * 8
    let entry = try tables.big64(at: place)
    let old = entry & QCOW2Layout.offsetMask
    if old != 0 {
      try checkCluster(old, "an L2 table")
      if entry & QCOW2Layout.copied != 0 { return old }
      if try refcount(old / clusterSize) == 1 { return old }
    }
    let contents = old == 0 ? [] : try tables.bytes(at: old, count: Int(clusterSize))
    let (new, _) = try take()
    tables.makeFresh(at: new * clusterSize, count: clusterSize)
    if old != 0 {
      try tables.write(contents, at: new * clusterSize, .link)
      freed.append(FreedSpace(offset: old, count: clusterSize, isShared: true))
    }
    try tables.putBig64(new * clusterSize | QCOW2Layout.copied, at: place, .link)
    return new * clusterSize
  }
  mutating func allocate(_ sector: UInt64) throws(DiskError) -> Slot? {
    let cluster = sector / clusterSectors
    _ = try ownTable(cluster)
    let (taken, isZeroed) = try take()
    return Slot(
      first: cluster * clusterSectors, count: clusterSectors, offset: taken * clusterSize, granule: clusterSectors,
      isZeroed: isZeroed)
  }
  mutating func link(_ slot: Slot, _ range: Range<UInt64>) throws(DiskError) {
    try setEntry(slot.first / clusterSectors, slot.offset | QCOW2Layout.copied)
  }
  private mutating func setEntry(_ cluster: UInt64, _ value: UInt64) throws(DiskError) {
    let place = try ownTable(cluster) + cluster % header.l2Entries * 8
    let old = try tables.big64(at: place)
    var space: FreedSpace?
    if old & QCOW2Layout.compressed != 0 {
      let block = try packed(old, first: 0)
      space = FreedSpace(offset: block.offset, count: UInt64(block.size), isShared: true)
    } else if case let offset = old & QCOW2Layout.offsetMask, offset != 0 {
      try checkCluster(offset, "a cluster")
      let isShared = try refcount(offset / clusterSize) != 1
      space = FreedSpace(offset: offset, count: clusterSize, isShared: isShared)
    }
    try tables.putBig64(value, at: place, .link)
    if let space { freed.append(space) }
  }
  mutating func abandon(_ slot: Slot) {
    // A count that cannot be taken back is a leak, which is allowed.
    try? setRefcount(slot.offset / clusterSize, 0)
    freeHint = min(freeHint, slot.offset / clusterSize)
  }
  mutating func unlink(_ sector: UInt64, hides: Bool) throws(DiskError) {
    try setEntry(sector / clusterSectors, hides ? QCOW2Layout.zero : 0)
  }
  mutating func takeFreed() -> [FreedSpace] {
    defer { freed = [] }
    return freed
  }
  mutating func giveUp(_ space: FreedSpace) { freed.append(space) }
  /// Nothing on the disk refers to these any more: their counts go down.
  mutating func reuse(_ spaces: [FreedSpace]) {
    for space in spaces {
      for cluster in (space.offset / clusterSize)..<((space.offset + space.count).pieces(of: clusterSize)) {
        guard let count = try? refcount(cluster), count > 0 else { continue }
        // A count that stays up is a leak, which is allowed.
        guard (try? setRefcount(cluster, count - 1)) != nil, count == 1 else { continue }
        if space.isZeroed, zeroedClusters.count < 65_536 { zeroedClusters.insert(cluster) }
        freeHint = min(freeHint, cluster)
      }
    }
  }

  mutating func beginWriting() throws(DiskError) {
    guard header.autoclear != 0 else { return }
    // What these features describe is not kept up here.
    header.autoclear = 0
    try tables.putBig64(0, at: 88, .link)
  }

  mutating func grow(to sectors: UInt64) throws(DiskError) -> Bool {
    let entries = (sectors * 512).pieces(of: clusterSize).pieces(of: header.l2Entries)
    guard entries * 8 <= QCOW2Header.mostL1Bytes, !isSnapshot else { return false }
    if entries > l1Size {
      let bytes = (entries * 8).roundedUp(to: clusterSize)
      let contents = try tables.bytes(at: l1Offset, count: Int(l1Size) * 8)
      let new = try takeRun(bytes / clusterSize)
      tables.makeFresh(at: new * clusterSize, count: bytes)
      try tables.write(contents, at: new * clusterSize, .link)
      freed.append(FreedSpace(offset: l1Offset, count: (l1Size * 8).roundedUp(to: clusterSize)))
      (l1Offset, l1Size) = (new * clusterSize, entries)
    }
    size = sectors * 512
    (header.l1Offset, header.l1Size, header.size) = (l1Offset, UInt32(l1Size), size)
    // All in the first sector of the file: they change together.
    try tables.putBig64(size, at: 24, .link)
    try tables.putBig32(UInt32(l1Size), at: 36, .link)
    try tables.putBig64(l1Offset, at: 40, .link)
    return true
  }

  mutating func describe(_ info: inout ImageInfo) throws(DiskError) {
    info.version = header.version == 2 ? "2" : "3"
    info.blockSize = clusterSize
    info.snapshots = snapshots.map(\.summary)
    guard !header.backingName.isEmpty else { return }
    info.variant = .differencing
    info.parentPath = Paths.resolve(header.backingName, besides: file.path)
    info.parentFormat = header.backingFormat.isEmpty ? nil : ImageFormat(named: header.backingFormat)
  }

  mutating func setParent(_ parent: ImageInfo?) throws(DiskError) {
    let name = parent.map { Paths.relative($0.path, besides: file.path) } ?? ""
    guard name.utf8.count <= 1023 else { throw .invalid("the name of the parent is too long for a QCOW2 image") }
    var changed = header
    changed.backingFormat = parent.map { QCOW2Layout.name($0.format) } ?? ""
    changed.backingName = name
    changed.backingSize = UInt32(name.utf8.count)
    // Two places in turn, so that the old name stays whole until the header refers to the new one.
    let room = (clusterSize - 512) / 2
    guard room >= 1024 else { throw .unsupported(path: file.path, "its clusters are too small for another parent") }
    changed.backingOffset = name.isEmpty ? 0 : header.backingOffset == 512 ? 512 + room & ~511 : 512
    if !name.isEmpty { try tables.write(Array(name.utf8), at: changed.backingOffset, .content) }
    // Other extensions in the first sector would be lost; they describe what autoclear bits have disowned.
    var raw = try tables.bytes(at: 0, count: 512)
    let kept = Int(header.headerLength)
    let head = changed.encoded
    raw.put(head.prefix(kept), at: 0)
    if header.version >= 3 { raw.putBig(UInt32(kept), at: 100) }
    raw.put([UInt8](repeating: 0, count: 512 - kept), at: kept)
    raw.put(head.dropFirst(header.version >= 3 ? 112 : 72), at: kept)
    try tables.write(raw, at: 0, .link)
    header = changed
  }
  /// The name that QEMU has for a format.
  static func name(_ format: ImageFormat) -> String {
    switch format {
    case .vhd: "vpc"
    case .iso: "raw"
    default: format.rawValue.lowercased()
    }
  }
}
