import HostSystem

/// An image in one of the formats: a disk, and what can be done with the file itself.
public protocol ManagedImage: DiskImage {
  /// What the image says about itself.
  func info() throws(DiskError) -> ImageInfo
  /// Looks at all tables. The image must not be in use.
  func check() throws(DiskError) -> ImageCheck
  /// Mends what `check` found, as far as it can be mended.
  func repair() throws(DiskError)
  /// Makes the disk larger, in place; false when the file has no room for the longer tables.
  func grow(to sectors: UInt64) throws(DiskError) -> Bool
  /// Flushes, and leaves the file in the order that other programs like.
  func close() throws(DiskError)
  /// Makes the image a child of another parent, or, with nil, of none.
  func setParent(_ parent: ImageInfo?) throws(DiskError)
  func setUUID(_ uuid: DiskUUID) throws(DiskError)
  func setComment(_ text: String) throws(DiskError)
  /// Takes in what `parent` itself holds at `sector`, if this image holds nothing there, while others read and write the
  /// disk, which shows the same all the time. Returns how many sectors (at most `limit`) are done with.
  func take(_ sector: UInt64, limit: UInt64, of parent: any DiskImage) throws(DiskError) -> UInt64
  /// Others may open the files from now on. Only for an image that is not written to any more.
  func giveUpLocks()
}

extension ManagedImage {
  public func take(_ sector: UInt64, limit: UInt64, of parent: any DiskImage) throws(DiskError) -> UInt64 {
    throw .invalid("an image of this kind has no parent")
  }
}

/// What a new image shall be.
public struct ImageCreation: Sendable {
  public var format: ImageFormat
  /// How it is laid out.
  public var variant: ImageVariant
  /// Bytes, a multiple of 512.
  public var capacity: UInt64
  /// Bytes of the unit in which space is taken; nil: what is usual in the format.
  public var blockSize: UInt64?
  /// nil: a random one.
  public var uuid: DiskUUID?
  /// Description by the user.
  public var comment = ""
  /// nil: what is usual in the format.
  public var geometry: DiskGeometry?
  /// For a differencing image.
  public var parent: ImageInfo?
  /// What a copy that takes the place of its original must keep, so that children still fit.
  var modificationUUID: DiskUUID?, contentID: UInt32?

  public init(
    _ format: ImageFormat, _ variant: ImageVariant = .dynamic, capacity: UInt64, blockSize: UInt64? = nil
  ) {
    self.format = format
    self.variant = variant
    self.capacity = capacity
    self.blockSize = blockSize
  }
}

extension SparseImage: ManagedImage {
  func giveUpLocks() { file.unlock() }
  func info() throws(DiskError) -> ImageInfo {
    var info = ImageInfo(path: file.path, format: Layout.format, variant: .dynamic, capacity: sectorCount * 512)
    info.sizeOnDisk = try file.allocatedBytes()
    info.files = [file.path]
    let start = info
    return try reshape { layout throws(DiskError) in
      var info = start
      try layout.describe(&info)
      return info
    }
  }
  func check() throws(DiskError) -> ImageCheck {
    try reshape { layout throws(DiskError) in try layout.check() }
  }
  func repair() throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try reshape { layout throws(DiskError) in try layout.repair() }
  }
  func grow(to sectors: UInt64) throws(DiskError) -> Bool {
    guard !isReadOnly else { throw .readOnly }
    guard sectors >= sectorCount else { throw .invalid("a disk cannot be made smaller") }
    return try reshape { layout throws(DiskError) in try layout.grow(to: sectors) }
  }
  func setParent(_ parent: ImageInfo?) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try reshape { layout throws(DiskError) in try layout.setParent(parent) }
  }
  func setUUID(_ uuid: DiskUUID) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try reshape { layout throws(DiskError) in try layout.setUUID(uuid) }
  }
  func setComment(_ text: String) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try reshape { layout throws(DiskError) in try layout.setComment(text) }
  }
}

extension RawImage: ManagedImage {
  public func giveUpLocks() { file.unlock() }
  public func info() throws(DiskError) -> ImageInfo {
    var info = ImageInfo(path: path, format: .raw, variant: .fixed, capacity: sectorCount * 512)
    info.sizeOnDisk = try file.allocatedBytes()
    info.files = [path]
    info.variant = info.sizeOnDisk < info.capacity ? .dynamic : .fixed
    info.blockSize = 512
    return info
  }
  public func check() throws(DiskError) -> ImageCheck {
    var check = ImageCheck()
    (check.blocks, check.storedBlocks) = (sectorCount, sectorCount)
    return check
  }
  public func repair() throws(DiskError) {}
  /// The size is read when an image is opened: whoever grows it opens it again.
  public func grow(to sectors: UInt64) throws(DiskError) -> Bool {
    guard !isReadOnly else { throw .readOnly }
    guard sectors >= sectorCount else { throw .invalid("a disk cannot be made smaller") }
    try file.resize(to: sectors * 512)
    try file.synchronize()
    return true
  }
  public func close() throws(DiskError) { try flush() }
  public func setParent(_ parent: ImageInfo?) throws(DiskError) {
    throw .unsupported(path: path, "a raw image has no parent")
  }
  public func setUUID(_ uuid: DiskUUID) throws(DiskError) {
    throw .unsupported(path: path, "a raw image has no UUID")
  }
  public func setComment(_ text: String) throws(DiskError) {
    throw .unsupported(path: path, "a raw image has no description")
  }
}
