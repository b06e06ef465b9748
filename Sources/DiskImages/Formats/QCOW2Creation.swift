extension QCOW2Layout {
  /// Writes a new image into an empty file: header, refcount table and blocks, L1 table.
  static func create(_ file: any ImageFile, _ options: ImageCreation) throws(DiskError) {
    var header = QCOW2Header()
    header.size = options.capacity
    let clusterSize = options.blockSize ?? 65_536
    guard clusterSize >= 512, clusterSize <= 2 << 20, clusterSize & (clusterSize - 1) == 0 else {
      throw .invalid("QCOW2 clusters have a power of two of bytes, 512 to 2 MiB")
    }
    header.clusterBits = UInt32(clusterSize.trailingZeroBitCount)
    let clusters = options.capacity.pieces(of: clusterSize)
    let l1Entries = clusters.pieces(of: header.l2Entries)
    guard l1Entries * 8 <= QCOW2Header.mostL1Bytes else { throw .invalid("this QCOW2 image needs larger clusters") }
    header.l1Size = UInt32(l1Entries)
    // Room to count the whole image, tables included.
    let whole = clusters + l1Entries + l1Entries.pieces(of: header.l2Entries) + 16
    let blocks = whole.pieces(of: header.refcountEntries - 1) + 1
    let tableClusters = (blocks * 8).pieces(of: clusterSize)
    guard tableClusters * clusterSize <= QCOW2Header.mostRefcountTableBytes else {
      throw .invalid("this QCOW2 image needs larger clusters")
    }
    header.refcountTableClusters = UInt32(tableClusters)
    header.refcountTableOffset = clusterSize
    let l1Clusters = max(1, (l1Entries * 8).pieces(of: clusterSize))
    header.l1Offset = (1 + tableClusters) * clusterSize
    let fixedClusters = 1 + tableClusters + l1Clusters
    let firstBlocks = fixedClusters.pieces(of: header.refcountEntries - 1)
    let used = fixedClusters + firstBlocks
    guard used <= firstBlocks * header.refcountEntries else { throw .invalid("this QCOW2 image needs larger clusters") }
    if let parent = options.parent {
      header.backingName = Paths.relative(parent.path, besides: file.path)
      header.backingFormat = name(parent.format)
      header.backingSize = UInt32(header.backingName.utf8.count)
      header.backingOffset = UInt64(header.encoded.count).roundedUp(to: 8)
      if clusterSize > 2048 { header.backingOffset = 512 }
      guard header.backingSize <= 1023, header.backingOffset + UInt64(header.backingSize) <= clusterSize else {
        throw .invalid("the name of the parent is too long for this QCOW2 image")
      }
      try file.write(at: header.backingOffset, Array(header.backingName.utf8))
    }
    try file.resize(to: used * clusterSize)
    for index in 0..<firstBlocks {
      let place = (fixedClusters + index) * clusterSize
      var entry = [UInt8](repeating: 0, count: 8)
      entry.putBig(place, at: 0)
      try file.write(at: header.refcountTableOffset + index * 8, entry)
      let counted = min(header.refcountEntries, used - index * header.refcountEntries)
      var counts = [UInt8](repeating: 0, count: Int(counted) * 2)
      for cluster in 0..<Int(counted) { counts.putBig(UInt16(1), at: cluster * 2) }
      try file.write(at: place, counts)
    }
    try file.write(at: 0, header.encoded)
    try file.synchronize()
  }
}
