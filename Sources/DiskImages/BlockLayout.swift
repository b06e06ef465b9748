/// Where some sectors are in the file of a sparse image.
struct Located: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    /// Nothing is stored: the parent shows through, or zeroes.
    case hole
    case zero
    /// At this byte of the file, to be read and written in place.
    case stored(UInt64)
    /// At this byte, to be copied before it is written.
    case shared(UInt64)
    /// Inside a compressed block.
    case packed(PackedBlock)
  }
  var kind: Kind
  /// Sectors.
  var count: UInt64
  init(_ kind: Kind, _ count: UInt64) {
    self.kind = kind
    self.count = count
  }
}

/// A compressed block: where it is in the file, and which sectors it unpacks to.
struct PackedBlock: Equatable, Sendable {
  enum Codec: Sendable {
    /// A zlib stream behind a marker with its size (VMDK).
    case grain
    /// A raw deflate stream (QCOW2).
    case deflate
  }
  var offset: UInt64
  /// Bytes to read at `offset`; the stream may end earlier.
  var size: Int
  var first: UInt64
  /// Sectors.
  var count: UInt64
  var codec: Codec
}

/// Room for a block, found but not yet reachable from the image's tables.
struct Slot: Sendable {
  /// First sector of the block.
  var first: UInt64
  /// Sectors of the block.
  var count: UInt64
  /// Byte of the file.
  var offset: UInt64
  /// How many sectors must be filled together: the whole block, or one sector where the format marks each.
  var granule: UInt64
  /// Reads as zeroes where nothing is written.
  var isZeroed: Bool
}

/// Space of the file that the tables no longer refer to, once they are on the disk.
struct FreedSpace: Sendable {
  var offset: UInt64
  var count: UInt64
  /// Reads as zeroes.
  var isZeroed = false
  /// Something else still refers to it, or to a part of it.
  var isShared = false
}

/// The tables of a sparse format: which block is where. A value; `SparseImage` guards it.
///
/// Every change of tables goes through `tables`, with the stage that keeps the file sound at every moment.
protocol BlockLayout: Sendable {
  static var format: ImageFormat { get }
  var file: any ImageFile { get }
  var tables: MetadataCache { get set }
  var sectorCount: UInt64 { get }
  /// The image says that it has a parent, which may not be open: what is not stored is then not zeroes.
  var isDifferencing: Bool { get }
  /// A block can be marked as zeroes though the parent has data there.
  var canHideParent: Bool { get }
  /// Blocks stay stored for good: the image has all its space from the start.
  var keepsBlocks: Bool { get }
  /// Why the format cannot be written; nil when it can.
  var whyReadOnly: String? { get }

  /// `limit` ≥ 1 sectors lie inside the disk.
  mutating func locate(_ sector: UInt64, limit: UInt64) throws(DiskError) -> Located
  /// The block that holds `sector`, cut at the end of the disk.
  func block(of sector: UInt64) -> Range<UInt64>
  /// Finds room for the block of `sector`; nil when all that is left was given up since the last flush.
  mutating func allocate(_ sector: UInt64) throws(DiskError) -> Slot?
  /// Makes a slot reachable after `range` of it was written.
  mutating func link(_ slot: Slot, _ range: Range<UInt64>) throws(DiskError)
  /// The slot was not used.
  mutating func abandon(_ slot: Slot)
  /// The block of `sector` is stored no longer: it reads as zeroes (`hides`: even over a parent's data).
  mutating func unlink(_ sector: UInt64, hides: Bool) throws(DiskError)
  /// Called once, before the first change.
  mutating func beginWriting() throws(DiskError)
  /// Called when the image is closed in good order, everything flushed; what it changes is flushed again.
  mutating func endWriting() throws(DiskError)
  /// What `unlink` and copies gave up since the last call.
  mutating func takeFreed() -> [FreedSpace]
  /// Gives space back for use: the tables on the disk do not refer to it.
  mutating func reuse(_ spaces: [FreedSpace])
  /// Grows the disk in place; false when the tables have no room for that.
  mutating func grow(to sectors: UInt64) throws(DiskError) -> Bool
  /// Stored blocks that would close gaps in the file if they moved: from a block's sector to a slot for it.
  mutating func moves() throws(DiskError) -> [(sector: UInt64, slot: Slot)]
  /// Looks at all tables. Called with nothing changed since the last flush.
  mutating func check() throws(DiskError) -> ImageCheck
  /// Mends what `check` found, as far as it can be mended.
  mutating func repair() throws(DiskError)
  mutating func describe(_ info: inout ImageInfo) throws(DiskError)
  /// Makes the image a child of another parent, or, with nil, of none.
  mutating func setParent(_ parent: ImageInfo?) throws(DiskError)
  mutating func setUUID(_ uuid: DiskUUID) throws(DiskError)
  mutating func setComment(_ text: String) throws(DiskError)
}

extension BlockLayout {
  var whyReadOnly: String? { nil }
  var keepsBlocks: Bool { false }
  mutating func setParent(_ parent: ImageInfo?) throws(DiskError) {
    throw .unsupported(path: file.path, "its format cannot change the parent of an image")
  }
  mutating func setUUID(_ uuid: DiskUUID) throws(DiskError) {
    throw .unsupported(path: file.path, "its format has no UUID")
  }
  mutating func setComment(_ text: String) throws(DiskError) {
    throw .unsupported(path: file.path, "its format has no description")
  }
  mutating func endWriting() throws(DiskError) {}
  mutating func repair() throws(DiskError) {}
  mutating func moves() throws(DiskError) -> [(sector: UInt64, slot: Slot)] { [] }
}

/// What a look at all tables of an image found.
public struct ImageCheck: Equatable, Sendable {
  /// What must be mended before the image can be trusted.
  public var errors: [String] = []
  /// Bytes of the file that nothing refers to.
  public var leakedBytes: UInt64 = 0
  /// Blocks that are stored, and blocks there are.
  public var storedBlocks: UInt64 = 0, blocks: UInt64 = 0
  public init() {}
  /// At most a hundred errors are kept.
  mutating func note(_ text: String) { if errors.count < 100 { errors.append(text) } }
}
