/// The header of a QCOW2 image (QEMU's docs/interop/qcow2.txt, Header), big-endian; versions 2 and 3.
struct QCOW2Header: Equatable, Sendable {
  static let magic: UInt32 = 0x5146_49fb
  /// Header extension: name of the backing file's format.
  static let backingFormatExtension: UInt32 = 0xe279_2aca
  enum Incompatible {
    static let dirty: UInt64 = 1 << 0, corrupt: UInt64 = 1 << 1, dataFile: UInt64 = 1 << 2
    static let compression: UInt64 = 1 << 3, extendedL2: UInt64 = 1 << 4
  }
  /// Bounds for tables: those that QEMU has.
  static let mostL1Bytes: UInt64 = 32 << 20, mostRefcountTableBytes: UInt64 = 8 << 20
  static let mostSnapshots: UInt32 = 65_536

  var version: UInt32 = 3
  var backingOffset: UInt64 = 0
  var backingSize: UInt32 = 0
  var clusterBits: UInt32 = 16
  /// Bytes.
  var size: UInt64 = 0
  var encryption: UInt32 = 0
  /// Entries.
  var l1Size: UInt32 = 0
  var l1Offset: UInt64 = 0, refcountTableOffset: UInt64 = 0
  var refcountTableClusters: UInt32 = 0
  var snapshotCount: UInt32 = 0
  var snapshotsOffset: UInt64 = 0
  var incompatible: UInt64 = 0, compatible: UInt64 = 0, autoclear: UInt64 = 0
  /// Bits of a reference count, as a power of two.
  var refcountOrder: UInt32 = 4
  var headerLength: UInt32 = 112
  var backingName = "", backingFormat = ""

  var clusterSize: UInt64 { 1 << UInt64(clusterBits) }
  var l2Entries: UInt64 { clusterSize / 8 }
  var refcountEntries: UInt64 { (clusterSize * 8) >> UInt64(refcountOrder) }
  var refcountTableEntries: UInt64 { UInt64(refcountTableClusters) * clusterSize / 8 }

  init() {}

  init(_ file: any ImageFile) throws(DiskError) {
    let raw = try file.bytes(at: 0, count: 112)
    let path = file.path
    guard raw.big32(0) == QCOW2Header.magic else { throw .damaged(path: path, "it has no QCOW2 signature") }
    version = raw.big32(4)
    guard version == 2 || version == 3 else { throw .unsupported(path: path, "QCOW version \(version)") }
    backingOffset = raw.big64(8)
    backingSize = raw.big32(16)
    clusterBits = raw.big32(20)
    size = raw.big64(24)
    encryption = raw.big32(32)
    l1Size = raw.big32(36)
    l1Offset = raw.big64(40)
    refcountTableOffset = raw.big64(48)
    refcountTableClusters = raw.big32(56)
    snapshotCount = raw.big32(60)
    snapshotsOffset = raw.big64(64)
    headerLength = 72
    if version >= 3 {
      incompatible = raw.big64(72)
      compatible = raw.big64(80)
      autoclear = raw.big64(88)
      refcountOrder = raw.big32(96)
      headerLength = raw.big32(100)
    }
    try check(path, fileSize: try file.size(), compression: raw[104])
    try readExtensions(file)
  }

  private func check(_ path: String, fileSize: UInt64, compression: UInt8) throws(DiskError) {
    func damaged(_ what: String) -> DiskError { .damaged(path: path, what) }
    guard (9...21).contains(clusterBits) else { throw damaged("clusters of 2^\(clusterBits) bytes") }
    guard encryption == 0 else { throw .unsupported(path: path, "it is encrypted") }
    guard headerLength >= (version == 2 ? 72 : 104), UInt64(headerLength) <= clusterSize else {
      throw damaged("the header says it has \(headerLength) bytes")
    }
    guard refcountOrder <= 6 else { throw damaged("reference counts of 2^\(refcountOrder) bits") }
    let known = Incompatible.dirty | Incompatible.corrupt
    if incompatible & Incompatible.dataFile != 0 { throw .unsupported(path: path, "its data is in another file") }
    if incompatible & Incompatible.extendedL2 != 0 { throw .unsupported(path: path, "it has extended L2 entries") }
    if incompatible & Incompatible.compression != 0 || headerLength > 104 && compression != 0 {
      throw .unsupported(path: path, "its clusters are compressed with method \(compression)")
    }
    guard incompatible & ~known == 0 else {
      throw .unsupported(path: path, "it needs features that are unknown (\(String(incompatible & ~known, radix: 16)))")
    }
    guard size > 0, size <= 1 << 56, size & 511 == 0 else { throw damaged("a disk of \(size) bytes") }
    let needed = size.pieces(of: clusterSize).pieces(of: l2Entries)
    guard UInt64(l1Size) >= needed, UInt64(l1Size) * 8 <= QCOW2Header.mostL1Bytes else {
      throw damaged("an L1 table of \(l1Size) entries")
    }
    func isTable(_ offset: UInt64, _ bytes: UInt64) -> Bool {
      offset >= clusterSize && offset & (clusterSize - 1) == 0 && offset <= fileSize && bytes <= fileSize - offset
    }
    guard isTable(l1Offset, UInt64(l1Size) * 8) else { throw damaged("the L1 table lies outside the file") }
    let tableBytes = UInt64(refcountTableClusters) * clusterSize
    guard tableBytes > 0, tableBytes <= QCOW2Header.mostRefcountTableBytes, isTable(refcountTableOffset, 8) else {
      throw damaged("the refcount table lies outside the file")
    }
    guard snapshotCount <= QCOW2Header.mostSnapshots else { throw damaged("\(snapshotCount) snapshots") }
    if snapshotCount > 0, !isTable(snapshotsOffset, 40) { throw damaged("the snapshot table lies outside the file") }
    guard backingSize <= 1023, backingOffset == 0 || backingOffset <= clusterSize - UInt64(backingSize) else {
      throw damaged("the name of the backing file lies outside the header")
    }
  }

  private mutating func readExtensions(_ file: any ImageFile) throws(DiskError) {
    if backingOffset > 0 {
      backingName = String(decoding: try file.bytes(at: backingOffset, count: Int(backingSize)), as: UTF8.self)
    }
    let end = backingOffset > 0 ? backingOffset : clusterSize
    var position = UInt64(headerLength)
    while position + 8 <= end {
      let head = try file.bytes(at: position, count: 8)
      let length = UInt64(head.big32(4))
      guard head.big32(0) != 0 else { return }
      guard length <= end - position - 8 else { throw .damaged(path: file.path, "a header extension is too long") }
      if head.big32(0) == QCOW2Header.backingFormatExtension, length <= 64 {
        backingFormat = String(decoding: try file.bytes(at: position + 8, count: Int(length)), as: UTF8.self)
      }
      position += 8 + length.roundedUp(to: 8)
    }
  }

  /// The fixed part, with the backing format's extension behind it.
  var encoded: [UInt8] {
    var raw = [UInt8](repeating: 0, count: 112)
    raw.putBig(QCOW2Header.magic, at: 0)
    raw.putBig(version, at: 4)
    raw.putBig(backingOffset, at: 8)
    raw.putBig(backingSize, at: 16)
    raw.putBig(clusterBits, at: 20)
    raw.putBig(size, at: 24)
    raw.putBig(l1Size, at: 36)
    raw.putBig(l1Offset, at: 40)
    raw.putBig(refcountTableOffset, at: 48)
    raw.putBig(refcountTableClusters, at: 56)
    raw.putBig(snapshotCount, at: 60)
    raw.putBig(snapshotsOffset, at: 64)
    if version >= 3 {
      raw.putBig(incompatible, at: 72)
      raw.putBig(compatible, at: 80)
      raw.putBig(autoclear, at: 88)
      raw.putBig(refcountOrder, at: 96)
      raw.putBig(headerLength, at: 100)
    } else {
      raw.removeLast(40)
    }
    if !backingFormat.isEmpty {
      let name = Array(backingFormat.utf8.prefix(16))
      var record = [UInt8](repeating: 0, count: 8)
      record.putBig(QCOW2Header.backingFormatExtension, at: 0)
      record.putBig(UInt32(name.count), at: 4)
      raw += record + name + [UInt8](repeating: 0, count: (8 - name.count % 8) % 8)
    }
    return raw + [UInt8](repeating: 0, count: 8)
  }
}

/// An entry of the snapshot table.
struct QCOW2Snapshot: Equatable, Sendable {
  var l1Offset: UInt64
  var l1Size: UInt32
  /// Bytes of the disk, where the entry says it.
  var diskSize: UInt64?
  var summary: InternalSnapshot

  static func table(_ header: QCOW2Header, _ file: any ImageFile) throws(DiskError) -> [QCOW2Snapshot] {
    var result: [QCOW2Snapshot] = []
    var position = header.snapshotsOffset
    for _ in 0..<header.snapshotCount {
      let raw = try file.bytes(at: position, count: 40)
      let extra = UInt64(raw.big32(36)), idSize = UInt64(raw.big16(12)), nameSize = UInt64(raw.big16(14))
      guard extra <= 1024, position < header.snapshotsOffset + (64 << 20) else {
        throw .damaged(path: file.path, "the snapshot table is not valid")
      }
      let more = try file.bytes(at: position + 40, count: Int(extra + idSize + nameSize))
      let l1Size = raw.big32(8)
      guard UInt64(l1Size) * 8 <= QCOW2Header.mostL1Bytes, raw.big64(0) & (header.clusterSize - 1) == 0 else {
        throw .damaged(path: file.path, "a snapshot's L1 table is not valid")
      }
      result.append(
        QCOW2Snapshot(
          l1Offset: raw.big64(0), l1Size: l1Size, diskSize: extra >= 16 ? more.big64(8) : nil,
          summary: InternalSnapshot(
            id: String(decoding: more.part(Int(extra), Int(idSize)), as: UTF8.self),
            name: String(decoding: more.part(Int(extra + idSize), Int(nameSize)), as: UTF8.self),
            date: UInt64(raw.big32(16)))))
      position = (position + 40 + extra + idSize + nameSize).roundedUp(to: 8)
    }
    return result
  }
}
