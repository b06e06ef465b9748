import HostSystem

/// The last 512 bytes of a VHD, repeated at the start of those that grow ("Virtual Hard Disk Image Format
/// Specification", version 1.0, Hard Disk Footer Format). Big-endian.
struct VHDFooter: Equatable, Sendable {
  enum Kind: UInt32, Sendable { case fixed = 2, dynamic = 3, differencing = 4 }
  static let size = 512
  static let cookie = Array("conectix".utf8)
  static let noOffset = UInt64.max

  var kind: Kind
  /// Byte of the file where the dynamic disk header is; `noOffset` for fixed disks.
  var headerOffset = VHDFooter.noOffset
  /// Seconds since 2000-01-01 UTC.
  var timestamp: UInt32 = 0
  /// Bytes.
  var originalSize: UInt64, currentSize: UInt64
  var geometry: DiskGeometry
  var uuid: DiskUUID
  /// As read; kept when the footer is written again.
  private var raw: [UInt8]

  init(kind: Kind, capacity: UInt64, uuid: DiskUUID) {
    self.kind = kind
    self.uuid = uuid
    originalSize = capacity
    currentSize = capacity
    geometry = VHDFooter.geometry(capacity / 512)
    timestamp = VHDFooter.now
    raw = [UInt8](repeating: 0, count: VHDFooter.size)
    raw.put(VHDFooter.cookie, at: 0)
    raw.putBig(UInt32(2), at: 8)
    raw.putBig(UInt32(0x0001_0000), at: 12)
    // Readers take the size from the geometry, which is coarser, unless they know the creator; this one all know.
    raw.put("win ".utf8, at: 28)
    raw.putBig(UInt32(0x000a_0000), at: 32)
    raw.put("Wi2k".utf8, at: 36)
  }
  /// nil when the bytes are no footer.
  init?(_ raw: [UInt8]) {
    guard raw.count == VHDFooter.size, raw.part(0, 8) == VHDFooter.cookie,
      raw.big32(64) == VHDFooter.checksum(raw, at: 64), let kind = Kind(rawValue: raw.big32(60))
    else { return nil }
    self.raw = raw
    self.kind = kind
    headerOffset = raw.big64(16)
    timestamp = raw.big32(24)
    originalSize = raw.big64(40)
    currentSize = raw.big64(48)
    geometry = DiskGeometry(cylinders: UInt32(raw.big16(56)), heads: UInt32(raw[58]), sectors: UInt32(raw[59]))
    uuid = DiskUUID(mixedEndian: raw.part(68, 16))
  }

  static var now: UInt32 { UInt32(clamping: HostClock.wallNanoseconds / 1_000_000_000 - 946_684_800) }

  var encoded: [UInt8] {
    var raw = raw
    raw.putBig(headerOffset, at: 16)
    raw.putBig(timestamp, at: 24)
    raw.putBig(originalSize, at: 40)
    raw.putBig(currentSize, at: 48)
    raw.putBig(UInt16(clamping: geometry.cylinders), at: 56)
    raw[58] = UInt8(clamping: geometry.heads)
    raw[59] = UInt8(clamping: geometry.sectors)
    raw.putBig(kind.rawValue, at: 60)
    raw.put(uuid.mixedEndian, at: 68)
    raw.putBig(VHDFooter.checksum(raw, at: 64), at: 64)
    return raw
  }

  /// The complement of the sum of all bytes but the checksum's own four.
  static func checksum(_ raw: [UInt8], at offset: Int) -> UInt32 {
    var sum: UInt32 = 0
    for (index, byte) in raw.enumerated() where index < offset || index >= offset + 4 { sum &+= UInt32(byte) }
    return ~sum
  }

  /// As the specification's appendix computes it.
  static func geometry(_ sectors: UInt64) -> DiskGeometry {
    let total = UInt32(min(sectors, 65535 * 16 * 255))
    var track: UInt32 = 255, heads: UInt32 = 16
    var cylinderHeads = total / track
    if total < 65535 * 16 * 63 {
      track = 17
      cylinderHeads = total / track
      heads = max(4, (cylinderHeads + 1023) / 1024)
      if cylinderHeads >= heads * 1024 || heads > 16 {
        track = 31
        heads = 16
        cylinderHeads = total / track
      }
      if cylinderHeads >= heads * 1024 {
        track = 63
        heads = 16
        cylinderHeads = total / track
      }
    }
    return DiskGeometry(cylinders: cylinderHeads / heads, heads: heads, sectors: track)
  }
}

/// The dynamic disk header (same document, Dynamic Disk Header Format), 1024 bytes.
struct VHDHeader: Equatable, Sendable {
  static let size = 1024
  static let cookie = Array("cxsparse".utf8)
  /// Byte of the file where the block allocation table is.
  var tableOffset: UInt64
  var tableEntries: UInt32
  var blockSize: UInt32 = 2 << 20
  var parentUUID = DiskUUID.zero
  var parentTimestamp: UInt32 = 0
  var parentName = ""
  struct Locator: Equatable, Sendable {
    /// "W2ru": relative Windows path; "W2ku": absolute one; "MacX": file URL.
    var platform: [UInt8]
    /// Bytes.
    var space: UInt32, length: UInt32
    var offset: UInt64
  }
  var locators: [Locator] = []

  init(tableOffset: UInt64, tableEntries: UInt32) {
    self.tableOffset = tableOffset
    self.tableEntries = tableEntries
  }
  init?(_ raw: [UInt8]) {
    guard raw.count == VHDHeader.size, raw.part(0, 8) == VHDHeader.cookie,
      raw.big32(36) == VHDFooter.checksum(raw, at: 36)
    else { return nil }
    tableOffset = raw.big64(16)
    tableEntries = raw.big32(28)
    blockSize = raw.big32(32)
    parentUUID = DiskUUID(mixedEndian: raw.part(40, 16))
    parentTimestamp = raw.big32(56)
    let units = (0..<256).map { raw.big16(64 + 2 * $0) }.prefix { $0 != 0 }
    parentName = String(decoding: units, as: UTF16.self)
    for index in 0..<8 {
      let at = 576 + 24 * index
      guard raw.big32(at) != 0 else { continue }
      locators.append(
        Locator(
          platform: raw.part(at, 4), space: raw.big32(at + 4), length: raw.big32(at + 8), offset: raw.big64(at + 16)))
    }
  }
  var encoded: [UInt8] {
    var raw = [UInt8](repeating: 0, count: VHDHeader.size)
    raw.put(VHDHeader.cookie, at: 0)
    raw.putBig(VHDFooter.noOffset, at: 8)
    raw.putBig(tableOffset, at: 16)
    raw.putBig(UInt32(0x0001_0000), at: 24)
    raw.putBig(tableEntries, at: 28)
    raw.putBig(blockSize, at: 32)
    raw.put(parentUUID.mixedEndian, at: 40)
    raw.putBig(parentTimestamp, at: 56)
    for (index, unit) in parentName.utf16.prefix(255).enumerated() { raw.putBig(unit, at: 64 + 2 * index) }
    for (index, locator) in locators.prefix(8).enumerated() {
      let at = 576 + 24 * index
      raw.put(locator.platform, at: at)
      raw.putBig(locator.space, at: at + 4)
      raw.putBig(locator.length, at: at + 8)
      raw.putBig(locator.offset, at: at + 16)
    }
    raw.putBig(VHDFooter.checksum(raw, at: 36), at: 36)
    return raw
  }
}
