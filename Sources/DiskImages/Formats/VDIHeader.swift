/// The header of a VDI file: pre-header (banner, signature 0xbeda107f at 64, version at 68) and one of three versions.
struct VDIHeader: Equatable, Sendable {
  enum Kind: UInt32, Sendable { case dynamic = 1, fixed = 2, undo = 3, differencing = 4 }
  static let signature: UInt32 = 0xbeda_107f
  static let banner = "<<< Ringbox virtual disk image >>>\n"
  /// Block map entries that are no index: nothing stored; zeroes.
  static let free: UInt32 = 0xffff_ffff, zero: UInt32 = 0xffff_fffe
  /// More blocks than this are refused: 64 Mi, a block map of 256 MiB.
  static let mostBlocks: UInt64 = 1 << 26

  /// Major in the high half.
  var version: UInt32 = 0x0001_0001
  var kind = Kind.dynamic
  var flags: UInt32 = 0
  var comment = ""
  /// Bytes of the file where the block map and the blocks begin.
  var mapOffset: UInt64 = 1 << 20, dataOffset: UInt64 = 2 << 20
  /// Bytes.
  var diskSize: UInt64 = 0
  var blockSize: UInt64 = 1 << 20, blockExtra: UInt64 = 0
  var blockCount: UInt64 = 0, allocatedCount: UInt64 = 0
  var create = DiskUUID.zero, modify = DiskUUID.zero, linkage = DiskUUID.zero, parentModify = DiskUUID.zero
  var geometry: DiskGeometry?

  /// Bytes from one block to the next.
  var stride: UInt64 { blockSize + blockExtra }
  private var isV0: Bool { version >> 16 == 0 }
  /// Where fields are that change: number of allocated blocks, and the four UUIDs (three in version 0).
  var allocatedCountOffset: UInt64 { isV0 ? 368 : 388 }
  var modifyOffset: UInt64 { isV0 ? 388 : 408 }
  var createOffset: UInt64 { isV0 ? 372 : 392 }
  var linkageOffset: UInt64 { isV0 ? 404 : 424 }
  /// Version 0 has no such field.
  var parentModifyOffset: UInt64? { isV0 ? nil : 440 }
  var diskSizeOffset: UInt64 { isV0 ? 352 : 368 }
  var blockCountOffset: UInt64 { isV0 ? 364 : 384 }
  var commentOffset: UInt64 { isV0 ? 80 : 84 }
  /// Bytes of the file before the block map.
  static let size = 512

  init() {}

  /// From the first 512 bytes of a file of `fileSize` bytes.
  init(_ raw: [UInt8], path: String, fileSize: UInt64) throws(DiskError) {
    func damaged(_ what: String) -> DiskError { .damaged(path: path, what) }
    guard raw.little32(64) == VDIHeader.signature else { throw damaged("it has no VDI signature") }
    version = raw.little32(68)
    let base: Int
    switch version >> 16 {
    case 0: base = 72
    case 1:
      base = 76
      let size = raw.little32(72)
      guard size >= 384, size <= 1 << 20 else { throw damaged("the header says it has \(size) bytes") }
      mapOffset = UInt64(raw.little32(340))
      dataOffset = UInt64(raw.little32(344))
      blockExtra = UInt64(raw.little32(380))
      if version & 0xffff >= 1, size >= 400 { geometry = VDIHeader.geometry(raw, 456) }
      if geometry == nil { geometry = VDIHeader.geometry(raw, 348) }
    default: throw .unsupported(path: path, "VDI version \(version >> 16).\(version & 0xffff) is unknown")
    }
    guard let kind = Kind(rawValue: raw.little32(base)) else {
      throw damaged("image type \(raw.little32(base)) is unknown")
    }
    self.kind = kind
    flags = raw.little32(base + 4)
    comment = raw.text(base + 8, 256)
    diskSize = raw.little64(Int(diskSizeOffset))
    blockSize = UInt64(raw.little32(Int(diskSizeOffset) + 8))
    blockCount = UInt64(raw.little32(Int(blockCountOffset)))
    allocatedCount = UInt64(raw.little32(Int(allocatedCountOffset)))
    create = DiskUUID(mixedEndian: raw.part(Int(createOffset), 16))
    modify = DiskUUID(mixedEndian: raw.part(Int(modifyOffset), 16))
    linkage = DiskUUID(mixedEndian: raw.part(Int(linkageOffset), 16))
    if let offset = parentModifyOffset { parentModify = DiskUUID(mixedEndian: raw.part(Int(offset), 16)) }
    if isV0 {
      geometry = VDIHeader.geometry(raw, 336)
      mapOffset = 420
      dataOffset = 420 + blockCount * 4
    }
    try checkNumbers(path, fileSize)
  }

  private func checkNumbers(_ path: String, _ fileSize: UInt64) throws(DiskError) {
    func damaged(_ what: String) -> DiskError { .damaged(path: path, what) }
    guard blockSize >= 512, blockSize <= 256 << 20, blockSize & (blockSize - 1) == 0 else {
      throw damaged("blocks of \(blockSize) bytes")
    }
    guard blockExtra <= blockSize else { throw damaged("\(blockExtra) extra bytes a block") }
    guard diskSize > 0, diskSize & 511 == 0 else { throw damaged("a disk of \(diskSize) bytes") }
    guard blockCount <= VDIHeader.mostBlocks else {
      throw .unsupported(path: path, "\(blockCount) blocks are more than \(VDIHeader.mostBlocks)")
    }
    guard diskSize.pieces(of: blockSize) <= blockCount else {
      throw damaged("\(blockCount) blocks of \(blockSize) bytes cannot hold \(diskSize) bytes")
    }
    guard mapOffset >= (isV0 ? 420 : 456), mapOffset + blockCount * 4 <= fileSize else {
      throw damaged("the block map lies outside the file")
    }
    guard dataOffset >= mapOffset + blockCount * 4 || dataOffset + stride <= mapOffset else {
      throw damaged("the blocks overlap the block map")
    }
    if dataOffset < 456, !isV0 { throw damaged("the blocks overlap the header") }
  }

  private static func geometry(_ raw: [UInt8], _ at: Int) -> DiskGeometry? {
    let geometry = DiskGeometry(
      cylinders: raw.little32(at), heads: raw.little32(at + 4), sectors: raw.little32(at + 8))
    return geometry.cylinders != 0 && geometry.heads != 0 && raw.little32(at + 12) == 512 ? geometry : nil
  }

  /// The first 512 bytes of a file; version 1.1.
  var encoded: [UInt8] {
    var raw = [UInt8](repeating: 0, count: VDIHeader.size)
    raw.put(VDIHeader.banner.utf8, at: 0)
    raw.putLittle(VDIHeader.signature, at: 64)
    raw.putLittle(version, at: 68)
    raw.putLittle(UInt32(400), at: 72)
    raw.putLittle(kind.rawValue, at: 76)
    raw.putLittle(flags, at: 80)
    raw.put(comment.utf8.prefix(255), at: 84)
    raw.putLittle(UInt32(clamping: mapOffset), at: 340)
    raw.putLittle(UInt32(clamping: dataOffset), at: 344)
    raw.putLittle(UInt32(512), at: 360)
    raw.putLittle(diskSize, at: 368)
    raw.putLittle(UInt32(clamping: blockSize), at: 376)
    raw.putLittle(UInt32(clamping: blockExtra), at: 380)
    raw.putLittle(UInt32(clamping: blockCount), at: 384)
    raw.putLittle(UInt32(clamping: allocatedCount), at: 388)
    raw.put(create.mixedEndian, at: 392)
    raw.put(modify.mixedEndian, at: 408)
    raw.put(linkage.mixedEndian, at: 424)
    raw.put(parentModify.mixedEndian, at: 440)
    if let geometry {
      raw.putLittle(geometry.cylinders, at: 456)
      raw.putLittle(geometry.heads, at: 460)
      raw.putLittle(geometry.sectors, at: 464)
      raw.putLittle(UInt32(512), at: 468)
    }
    return raw
  }
}
