import HostSystem

/// Work on whole images: copies, compaction, growth, merges.
extension ImageLibrary {
  /// Copies all that `source` shows into a new image.
  @discardableResult
  public func clone(
    _ source: any DiskImage, to path: String, _ creation: ImageCreation, progress: WorkProgress = .none
  ) throws(DiskError) -> ImageInfo {
    if creation.variant == .stream {
      try ImageLibrary.check(creation)
      try writeStream(source, to: path, creation, progress)
      return try open(path, Options(format: .vmdk, readOnly: true)).info()
    }
    guard creation.capacity / 512 >= source.sectorCount else {
      throw .invalid("a copy cannot be smaller than its original")
    }
    let made = try create(path, creation)
    do throws(DiskError) {
      return try fill(path, creation, from: source, onlyOwn: false, progress)
    } catch {
      for path in made.files { try? store.remove(path) }
      throw error
    }
  }
  private func writeStream(
    _ source: any DiskImage, to path: String, _ creation: ImageCreation, _ progress: WorkProgress
  ) throws(DiskError) {
    let file = try store.create(path)
    do throws(DiskError) {
      try VMDKCreation.stream(source, to: file, creation, progress: progress)
    } catch {
      try? store.remove(path)
      throw error
    }
  }
  private func fill(
    _ path: String, _ creation: ImageCreation, from source: any DiskImage, onlyOwn: Bool, _ progress: WorkProgress
  ) throws(DiskError) -> ImageInfo {
    var options = Options(format: creation.format)
    options.keepsModification = true
    options.isAlone = onlyOwn
    let target = try open(path, options)
    if onlyOwn {
      try ImageLibrary.copyOwn(source, to: target, progress)
    } else {
      try ImageLibrary.copyAll(source, to: target, progress)
    }
    try target.close()
    return try target.info()
  }

  /// Sectors that are read at a time, and the unit in which zeroes are left out.
  private static let piece: UInt64 = 2048, zeroUnit: UInt64 = 128

  /// The target holds zeroes.
  static func copyAll(
    _ source: any DiskImage, to target: any DiskImage, _ progress: WorkProgress
  ) throws(DiskError) {
    var position: UInt64 = 0
    while position < source.sectorCount {
      try progress.report(position, of: source.sectorCount)
      let count = min(piece, source.sectorCount - position)
      if try source.mayHold(position, count) { try copyData(source, position, count, to: target) }
      position += count
    }
    try progress.report(position, of: source.sectorCount)
  }
  /// Leaves out units of zeroes.
  private static func copyData(
    _ source: any DiskImage, _ sector: UInt64, _ count: UInt64, to target: any DiskImage
  ) throws(DiskError) {
    let bytes = try source.read(sector, count: Int(count))
    var start: UInt64?
    var position: UInt64 = 0
    while position < count {
      let now = min(zeroUnit, count - position)
      let isZero = bytes[Int(position) * 512..<Int(position + now) * 512].allSatisfy { $0 == 0 }
      if isZero, let from = start {
        try target.write(sector + from, Array(bytes[Int(from) * 512..<Int(position) * 512]))
        start = nil
      } else if !isZero, start == nil {
        start = position
      }
      position += now
    }
    if let from = start { try target.write(sector + from, Array(bytes[Int(from) * 512..<Int(count) * 512])) }
  }
  /// Puts what `source` itself holds over what the target has. Doing it again, or the rest of it, changes nothing.
  static func copyOwn(
    _ source: any DiskImage, to target: any DiskImage, _ progress: WorkProgress
  ) throws(DiskError) {
    var position: UInt64 = 0
    while position < source.sectorCount {
      try progress.report(position, of: source.sectorCount)
      let extent = try source.extent(at: position, limit: min(piece, source.sectorCount - position))
      switch extent.kind {
      case .absent: break
      case .zero: try target.writeZeroes(position, count: extent.count)
      case .data: try target.write(position, try source.read(position, count: Int(extent.count)))
      }
      position += extent.count
    }
    try progress.report(position, of: source.sectorCount)
  }

  /// Copies what an image itself holds into a new image over `parent`, which shows the same as its own parent.
  @discardableResult
  public func cloneOwn(
    _ source: String, to path: String, over parent: String, uuid: DiskUUID? = nil, progress: WorkProgress = .none
  ) throws(DiskError) -> ImageInfo {
    var alone = Options(readOnly: true)
    alone.isAlone = true
    let image = try open(source, alone)
    let info = try image.info()
    let made = try createChild(path, of: parent, format: info.format, uuid: uuid)
    do throws(DiskError) {
      if info.capacity > made.capacity {
        var options = Options(format: made.format)
        options.isAlone = true
        try resize(path, to: info.capacity, options)
      }
      let creation = ImageCreation(made.format, .differencing, capacity: info.capacity)
      return try fill(path, creation, from: image, onlyOwn: true, progress)
    } catch {
      for path in made.files { try? store.remove(path) }
      throw error
    }
  }
  /// Copies all that `source` shows over a target that holds zeroes and is at least as large.
  public func copy(
    _ source: any DiskImage, to target: any DiskImage, progress: WorkProgress = .none
  ) throws(DiskError) {
    try ImageLibrary.copyAll(source, to: target, progress)
  }
  public func remove(_ path: String) throws(DiskError) { try store.remove(path) }
  /// Copies a file as it is, whatever is in it, holes as holes; the copy is on stable storage.
  public func copyFile(_ path: String, to target: String) throws(DiskError) {
    let source = try store.open(path, writable: false), copy = try store.create(target)
    let size = try source.size()
    try copy.resize(to: size)
    var position: UInt64 = 0
    while position < size {
      let (isStored, count) = source.isStored(at: position, limit: min(1 << 20, size - position))
      if isStored { try copy.write(at: position, try source.bytes(at: position, count: Int(count))) }
      position += max(1, count)
    }
    try copy.synchronize()
  }
  /// Mends what a check finds, as far as it can be mended.
  public func repair(_ path: String, _ options: Options = Options()) throws(DiskError) {
    var options = options
    (options.readOnly, options.isAlone, options.keepsModification, options.isRepair) = (false, true, true, true)
    let image = try open(path, options)
    try image.repair()
    try image.close()
  }

  // MARK: In place of the original

  /// Gives space back that holds nothing but zeroes or nothing at all. Needs room for the copy that takes the place of
  /// the image when it is complete; a power cut leaves the old image or the new one.
  public func compact(_ path: String, _ options: Options = Options(), progress: WorkProgress = .none) throws(DiskError)
  {
    let info = try lookAlone(path, options)
    try rewrite(info, capacity: info.capacity, progress)
  }
  /// Makes the disk larger: `bytes` is a multiple of 512.
  public func resize(
    _ path: String, to bytes: UInt64, _ options: Options = Options(), progress: WorkProgress = .none
  ) throws(DiskError) {
    guard bytes & 511 == 0 else { throw .invalid("the size of a disk is a multiple of 512 bytes") }
    let info = try lookAlone(path, options)
    guard bytes >= info.capacity else {
      throw .invalid("a disk cannot be made smaller: what lies behind the new end would be lost")
    }
    guard bytes > info.capacity else { return }
    var alone = options
    (alone.isAlone, alone.keepsModification) = (true, true)
    do {
      let image = try open(path, alone)
      if try image.grow(to: bytes / 512) { return try image.close() }
    }
    try rewrite(info, capacity: bytes, progress)
  }
  /// Makes an image over another one hold nothing again; a power cut leaves the old image or the new one.
  public func empty(_ path: String, _ options: Options = Options()) throws(DiskError) {
    var alone = options
    alone.isAlone = true
    // Open for writing: nobody else may use the image meanwhile.
    let old = try open(path, alone)
    let info = try old.info()
    guard info.variant == .differencing, info.files.count == 1, let parentPath = parentPath(of: info, options) else {
      throw .invalid("\(path) does not differ from another image")
    }
    var above = Options(format: info.parentFormat, readOnly: true)
    above.isAlone = true
    let parent = try open(parentPath, above).info()
    let temporary = path + ".new"
    if store.exists(temporary) { try store.remove(temporary) }
    try createChild(temporary, of: parent, format: info.format, uuid: info.uuid)
    try store.replace(path, with: temporary)
  }
  private func lookAlone(_ path: String, _ options: Options) throws(DiskError) -> ImageInfo {
    var alone = options
    (alone.isAlone, alone.readOnly) = (true, true)
    return try open(path, alone).info()
  }
  private func rewrite(_ info: ImageInfo, capacity: UInt64, _ progress: WorkProgress) throws(DiskError) {
    guard info.files.count == 1, info.variant == .dynamic || info.variant == .differencing || capacity > info.capacity,
      info.variant != .stream, info.format != .raw, info.format != .iso
    else {
      throw .unsupported(path: info.path, "images of this kind have no space to give back; a clone can be made")
    }
    guard info.snapshots.isEmpty else { throw .unsupported(path: info.path, "it has snapshots inside") }
    var creation = ImageCreation(info.format, info.variant, capacity: capacity, blockSize: info.blockSize)
    if info.variant == .fixed { creation.blockSize = info.format == .vdi ? info.blockSize : nil }
    (creation.uuid, creation.modificationUUID) = (info.uuid, info.modificationUUID)
    (creation.contentID, creation.comment, creation.geometry) = (info.contentID, info.comment, info.geometry)
    if info.variant == .differencing {
      var parent = ImageInfo(
        path: info.parentPath ?? "", format: info.parentFormat ?? .raw, variant: .dynamic, capacity: capacity)
      (parent.uuid, parent.modificationUUID) = (info.parentUUID, info.parentModificationUUID)
      parent.contentID = info.parentContentID
      creation.parent = parent
    }
    var options = Options(format: info.format)
    options.isAlone = true
    // Open for writing: nobody else may change the image meanwhile.
    let source = try open(info.path, options)
    let temporary = info.path + ".new"
    // What an earlier attempt left behind is worth nothing.
    if store.exists(temporary) { try store.remove(temporary) }
    do throws(DiskError) {
      try create(temporary, creation)
      _ = try fill(temporary, creation, from: NonZero(source), onlyOwn: true, progress)
    } catch {
      try? store.remove(temporary)
      throw error
    }
    try store.replace(info.path, with: temporary)
  }

  // MARK: Merges

  /// Puts what the image at `path` holds into its parent, which then shows what the image showed. The image stays: until
  /// it is removed, a merge that was cut short can be done again, and the image shows the same all the time.
  /// Other children of the parent no longer fit it.
  public func mergeIntoParent(
    _ path: String, _ options: Options = Options(), progress: WorkProgress = .none
  ) throws(DiskError) -> ImageInfo {
    let info = try lookAlone(path, options)
    guard info.variant == .differencing, let parentPath = parentPath(of: info, options) else {
      throw .invalid("\(path) has no parent to be merged into")
    }
    var alone = options
    (alone.isAlone, alone.readOnly) = (true, true)
    let child = try open(path, alone)
    var above = Options(format: info.parentFormat)
    (above.locate, above.keepsModification) = (options.locate, true)
    if try lookAlone(parentPath, above).capacity < info.capacity {
      try resize(parentPath, to: info.capacity, above, progress: .none)
    }
    let parent = try open(parentPath, above)
    try ImageChain.check(info, against: try parent.info())
    try ImageLibrary.copyOwn(child, to: parent, progress)
    try parent.close()
    return try parent.info()
  }
  /// Takes what the parent holds into the image at `path`, whose parent is afterwards the parent's parent, if any. The
  /// parent stays as it is. A merge that was cut short can be done again; the image shows the same all the time.
  public func mergeParentInto(
    _ path: String, _ options: Options = Options(), progress: WorkProgress = .none
  ) throws(DiskError) -> ImageInfo {
    let image = try open(path, options)
    guard let parent = image.parent as? any ManagedImage else {
      throw .invalid("\(path) has no parent that could be taken in")
    }
    let above = try parent.info()
    var position: UInt64 = 0
    while position < image.sectorCount {
      try progress.report(position, of: image.sectorCount)
      let own = try image.extent(at: position, limit: min(ImageLibrary.piece, image.sectorCount - position))
      if own.kind == .absent, position < parent.sectorCount {
        try ImageLibrary.pull(parent, position, min(own.count, parent.sectorCount - position), into: image)
      }
      position += own.count
    }
    try image.flush()
    let grandparent = try (parent.parent as? any ManagedImage)?.info()
    guard grandparent != nil || above.variant != .differencing else {
      throw .parentMissing(path: above.path, parent: above.parentPath ?? "its parent")
    }
    try image.setParent(grandparent)
    try image.close()
    return try image.info()
  }
  private static func pull(
    _ parent: any DiskImage, _ sector: UInt64, _ count: UInt64, into image: any DiskImage
  ) throws(DiskError) {
    var position = sector
    while position < sector + count {
      let extent = try parent.extent(at: position, limit: sector + count - position)
      switch extent.kind {
      case .absent: break
      case .zero: if parent.parent != nil { try image.writeZeroes(position, count: extent.count) }
      case .data: try image.write(position, try parent.read(position, count: Int(extent.count)))
      }
      position += extent.count
    }
  }
}

/// An image whose zeroes need not be stored: data that is all zeroes is said to be zeroes, or, without a parent, absent.
private final class NonZero: DiskImage {
  private let image: any ManagedImage
  private let hasParent: Bool
  /// Sectors that are looked at together: a block, so that a block of zeroes is said to be one.
  private let unit: UInt64
  init(_ image: any ManagedImage) throws(DiskError) {
    self.image = image
    let info = try image.info()
    hasParent = info.variant == .differencing
    unit = min(2048, max(1, info.blockSize / 512))
  }
  var sectorCount: UInt64 { image.sectorCount }
  let isReadOnly = true
  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) { try image.read(sector, into: buffers) }
  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) { throw .readOnly }
  func flush() throws(DiskError) {}
  func discard(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  func extent(at sector: UInt64, limit: UInt64) throws(DiskError) -> DiskExtent {
    let extent = try image.extent(at: sector, limit: min(limit, unit - sector % unit))
    guard extent.kind == .data, try image.read(sector, count: Int(extent.count)).isAllZero else { return extent }
    return DiskExtent(hasParent ? .zero : .absent, count: extent.count)
  }
}
