/// Reference counts: a table of blocks of counts, one for each cluster of the file.
extension QCOW2Layout {
  /// The byte where the block with the count of `cluster` is; nil when there is none.
  private mutating func refcountBlock(_ cluster: UInt64) throws(DiskError) -> UInt64? {
    let index = cluster / header.refcountEntries
    guard index < header.refcountTableEntries else { return nil }
    let offset = try tables.big64(at: header.refcountTableOffset + index * 8) & ~511
    guard offset != 0 else { return nil }
    try checkCluster(offset, "a refcount block")
    return offset
  }
  mutating func refcount(_ cluster: UInt64) throws(DiskError) -> UInt64 {
    guard let block = try refcountBlock(cluster) else { return 0 }
    let index = cluster % header.refcountEntries
    let order = UInt64(header.refcountOrder)
    if order < 3 {
      let byte = try tables.byte(at: block + index >> (3 - order))
      let perByte = UInt64(8) >> order
      return UInt64(byte) >> ((index % perByte) << order) & (1 << (1 << order) - 1)
    }
    let width = 1 << (order - 3)
    var value: UInt64 = 0
    for byte in try tables.bytes(at: block + index * UInt64(width), count: width) { value = value << 8 | UInt64(byte) }
    return value
  }
  /// The block with the count must exist.
  mutating func setRefcount(_ cluster: UInt64, _ value: UInt64) throws(DiskError) {
    guard let block = try refcountBlock(cluster) else {
      throw .damaged(path: file.path, "cluster \(cluster) has no reference count")
    }
    let index = cluster % header.refcountEntries
    let order = UInt64(header.refcountOrder)
    if order < 6, value >= 1 << (1 << order) { throw .unsupported(path: file.path, "a reference count overflows") }
    if order < 3 {
      let place = block + index >> (3 - order)
      let shift = UInt8((index % (8 >> order)) << order)
      let mask = UInt8(1 << (1 << order) - 1) << shift
      let old = try tables.byte(at: place)
      return try tables.write([old & ~mask | UInt8(value) << shift], at: place, .content)
    }
    let width = 1 << Int(order - 3)
    let bytes = (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - $0))) }
    try tables.write(bytes, at: block + index * UInt64(width), .content)
  }

  /// A cluster that nothing refers to, counted once.
  mutating func take() throws(DiskError) -> (cluster: UInt64, isZeroed: Bool) {
    let cluster = try takeRun(1)
    return (cluster, zeroedClusters.remove(cluster) != nil)
  }
  /// The first of `count` neighbouring clusters that nothing refers to, each counted once.
  mutating func takeRun(_ count: UInt64) throws(DiskError) -> UInt64 {
    var first = count == 1 ? freeHint : max(freeHint, endCluster)
    var length: UInt64 = 0, steps = 0
    while length < count {
      let cluster = first + length
      steps += 1
      if steps == 1 << 24, first < endCluster {
        // A long search is not worth the space it may find.
        (first, length) = (endCluster, 0)
      } else if try refcountBlock(cluster) == nil, cluster < endCluster {
        // Nobody says that these are free; what lies behind the end of the file certainly is.
        (first, length) = (endCluster, 0)
      } else if try refcountBlock(cluster) == nil {
        try makeRefcountBlock(at: cluster)
        (first, length) = (cluster + 1, 0)
      } else if try refcount(cluster) != 0 {
        guard cluster <= endCluster + (1 << 16) else {
          throw .damaged(path: file.path, "clusters behind the end of the file are counted as used")
        }
        (first, length) = (cluster + 1, 0)
      } else {
        length += 1
      }
    }
    guard !isTable(first..<(first + count)) else {
      throw .damaged(path: file.path, "a table is in clusters that are counted as free")
    }
    if first + count > endCluster {
      try file.resize(to: (first + count) * clusterSize)
      for cluster in max(first, endCluster)..<(first + count) { zeroedClusters.insert(cluster) }
      endCluster = first + count
    }
    for cluster in first..<(first + count) { try setRefcount(cluster, 1) }
    if count == 1 { freeHint = first + 1 } else { for c in first..<(first + count) { zeroedClusters.remove(c) } }
    return first
  }
  /// The header, the L1 table or the refcount table is in one of these clusters.
  private func isTable(_ clusters: Range<UInt64>) -> Bool {
    let l1 = header.l1Offset / clusterSize..<(header.l1Offset + UInt64(header.l1Size) * 8).pieces(of: clusterSize)
    let counts = header.refcountTableOffset / clusterSize
    return clusters.contains(0) || clusters.overlaps(l1)
      || clusters.overlaps(counts..<counts + UInt64(header.refcountTableClusters))
  }
  /// A block of counts for the clusters around `cluster`, none of which has one; it takes that cluster itself.
  private mutating func makeRefcountBlock(at cluster: UInt64) throws(DiskError) {
    let index = cluster / header.refcountEntries
    // A longer table, if it takes one, follows right behind.
    var longer: UInt64 = 0
    if index >= header.refcountTableEntries {
      let clusters = UInt64(header.refcountTableClusters)
      longer = max(clusters + max(1, clusters / 2), ((index + 1) * 8).pieces(of: clusterSize))
      guard longer * clusterSize <= QCOW2Header.mostRefcountTableBytes,
        cluster % header.refcountEntries + 1 + longer <= header.refcountEntries
      else { throw .unsupported(path: file.path, "it has too many clusters") }
    }
    // Read what is changed below before a page is made that nothing would refer to if that failed.
    if longer == 0 { _ = try tables.big64(at: header.refcountTableOffset + index * 8) }
    if cluster + 1 + longer > endCluster {
      try file.resize(to: (cluster + 1 + longer) * clusterSize)
      endCluster = cluster + 1 + longer
    }
    zeroedClusters.remove(cluster)
    tables.makeFresh(at: cluster * clusterSize, count: clusterSize)
    if longer > 0 { try moveRefcountTable(to: cluster + 1, clusters: longer) }
    try tables.putBig64(cluster * clusterSize, at: header.refcountTableOffset + index * 8, .index)
    for used in cluster...(cluster + longer) { try setRefcount(used, 1) }
  }
  private mutating func moveRefcountTable(to cluster: UInt64, clusters: UInt64) throws(DiskError) {
    let old = FreedSpace(
      offset: header.refcountTableOffset, count: UInt64(header.refcountTableClusters) * clusterSize)
    let contents = try tables.bytes(at: old.offset, count: Int(old.count))
    tables.makeFresh(at: cluster * clusterSize, count: clusters * clusterSize)
    try tables.write(contents, at: cluster * clusterSize, .index)
    header.refcountTableOffset = cluster * clusterSize
    header.refcountTableClusters = UInt32(clusters)
    // Both in the first sector of the file: they change together.
    try tables.putBig64(header.refcountTableOffset, at: 48, .index)
    try tables.putBig32(header.refcountTableClusters, at: 56, .index)
    giveUp(old)
  }

  // MARK: Check and repair

  /// How often each cluster of the file is referred to, and what is wrong with the references.
  private mutating func references(_ result: inout ImageCheck) throws(DiskError) -> [UInt32] {
    guard endCluster <= 1 << 26 else { throw .unsupported(path: file.path, "\(endCluster) clusters are too many") }
    var counts = [UInt32](repeating: 0, count: Int(endCluster))
    func use(_ offset: UInt64, _ bytes: UInt64, _ what: String, _ result: inout ImageCheck) {
      guard bytes > 0 else { return }
      for cluster in (offset / clusterSize)..<((offset + bytes).pieces(of: clusterSize)) {
        if cluster < endCluster {
          counts[Int(cluster)] &+= 1
        } else {
          return result.note("\(what) lies outside the file")
        }
      }
    }
    use(0, clusterSize, "the header", &result)
    use(header.refcountTableOffset, UInt64(header.refcountTableClusters) * clusterSize, "the refcount table", &result)
    for index in 0..<header.refcountTableEntries {
      let offset = try tables.big64(at: header.refcountTableOffset + index * 8) & ~511
      if offset != 0 { use(offset, clusterSize, "a refcount block", &result) }
    }
    if let last = snapshots.last {
      _ = last
      use(header.snapshotsOffset, try snapshotTableBytes(), "the snapshot table", &result)
    }
    var roots = [(header.l1Offset, UInt64(header.l1Size))]
    roots += snapshots.map { ($0.l1Offset, UInt64($0.l1Size)) }
    for (number, root) in roots.enumerated() {
      use(root.0, root.1 * 8, "an L1 table", &result)
      for index in 0..<root.1 {
        let table = try tables.big64(at: root.0 + index * 8) & QCOW2Layout.offsetMask
        guard table != 0 else { continue }
        use(table, clusterSize, "an L2 table", &result)
        guard table & (clusterSize - 1) == 0, table / clusterSize < endCluster else {
          result.note("an L2 table lies outside the file")
          continue
        }
        for (cluster, entry) in try tables.bytes(at: table, count: Int(clusterSize)).bigWords.enumerated() {
          guard entry != 0 else { continue }
          let where_ = "cluster \(index * header.l2Entries + UInt64(cluster))"
          if number == 0 { result.storedBlocks += 1 }
          if entry & QCOW2Layout.compressed != 0 {
            let bits = 62 - (UInt64(header.clusterBits) - 8)
            let offset = entry & (1 << bits - 1)
            let sectors = (entry & (QCOW2Layout.compressed - 1)) >> bits
            use(offset, (sectors + 1) * 512 - (offset & 511), where_, &result)
          } else {
            let offset = entry & QCOW2Layout.offsetMask
            if offset & (clusterSize - 1) != 0 { result.note("\(where_) is stored at an odd place") }
            if offset != 0 { use(offset, clusterSize, where_, &result) }
          }
        }
      }
    }
    return counts
  }
  private func snapshotTableBytes() throws(DiskError) -> UInt64 {
    var position = header.snapshotsOffset
    for _ in snapshots {
      let raw = try file.bytes(at: position, count: 40)
      position = (position + 40 + UInt64(raw.big32(36)) + UInt64(raw.big16(12)) + UInt64(raw.big16(14)))
        .roundedUp(to: 8)
    }
    return position - header.snapshotsOffset
  }

  mutating func check() throws(DiskError) -> ImageCheck {
    var result = ImageCheck()
    result.blocks = header.size.pieces(of: clusterSize)
    let counts = try references(&result)
    for cluster in 0..<endCluster {
      let counted = try refcount(cluster)
      let used = UInt64(counts[Int(cluster)])
      if counted < used {
        result.note("cluster \(cluster) of the file is used \(used) times and counted \(counted) times")
      } else if counted > used {
        result.leakedBytes += clusterSize
      }
    }
    if isMarkedCorrupt { result.note("it is marked as corrupt") }
    return result
  }

  /// Makes every count what it should be, and takes the marks away.
  mutating func repair() throws(DiskError) {
    var result = ImageCheck()
    let counts = try references(&result)
    guard result.errors.isEmpty else {
      throw .damaged(path: file.path, result.errors.first ?? "its tables are not valid")
    }
    let end = endCluster
    freeHint = end
    for cluster in 0..<end {
      let used = UInt64(counts[Int(cluster)])
      if try refcountBlock(cluster) == nil {
        if used == 0 { continue }
        // Behind the end of the file nothing is in use; the new block counts these clusters.
        try addRefcountBlock(for: cluster)
      }
      if try refcount(cluster) != used { try setRefcount(cluster, used) }
    }
    freeHint = 0
    let mended = header.incompatible & ~(QCOW2Header.Incompatible.dirty | QCOW2Header.Incompatible.corrupt)
    if header.version >= 3, mended != header.incompatible {
      header.incompatible = mended
      try tables.putBig64(mended, at: 72, .link)
    }
  }
  /// A block of counts for clusters that lack one, put behind the end of the file.
  private mutating func addRefcountBlock(for cluster: UInt64) throws(DiskError) {
    let index = cluster / header.refcountEntries
    guard index < header.refcountTableEntries else {
      throw .unsupported(path: file.path, "its refcount table is too short to be mended")
    }
    let place = endCluster
    try file.resize(to: (place + 1) * clusterSize)
    endCluster = place + 1
    tables.makeFresh(at: place * clusterSize, count: clusterSize)
    try tables.putBig64(place * clusterSize, at: header.refcountTableOffset + index * 8, .index)
    if try refcountBlock(place) == nil { try addRefcountBlock(for: place) }
    try setRefcount(place, 1)
  }
}

extension [UInt8] {
  /// All of it as big-endian 64-bit numbers.
  fileprivate var bigWords: [UInt64] { (0..<count / 8).map { big64($0 * 8) } }
}
