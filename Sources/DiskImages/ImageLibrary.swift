import HostSystem

/// Opens and makes images by name.
public struct ImageLibrary: Sendable {
  /// How an image is to be opened.
  public struct Options: Sendable {
    /// nil: by its contents.
    public var format: ImageFormat?
    /// Nothing is written, and others may read as well.
    public var readOnly = false
    /// Id or name of a snapshot inside the image, to be read.
    public var snapshot: String?
    /// Without its parents: only what the image itself holds is there.
    public var isAlone = false
    /// The identity of the contents stays though the image is written: a merge, whose result is what it was.
    public var keepsModification = false
    /// An image that is marked as corrupt is opened for writing all the same, to be mended.
    var isRepair = false
    /// The machine runs on the image: `LiveChain` may change what lies below it.
    public var isLive = false
    /// The parent, where it is open already; nobody writes to it any more.
    var parent: (any ManagedImage)?
    /// Where an image is whose UUID is known: a registry's answer; nil: unknown there.
    public var locate: @Sendable (DiskUUID) -> String? = { _ in nil }
    public init(format: ImageFormat? = nil, readOnly: Bool = false) {
      self.format = format
      self.readOnly = readOnly
    }
  }

  let store: any ImageStore
  public init(store: any ImageStore = HostStore()) { self.store = store }

  /// The format of a file by its contents.
  public func probe(_ path: String) throws(DiskError) -> ImageFormat {
    try ImageProbe.format(of: try store.open(path, writable: false))
  }

  /// Opens an image with its parents, which are opened for reading.
  public func open(_ path: String, _ options: Options = Options()) throws(DiskError) -> any ManagedImage {
    try open(path, options, seen: [])
  }

  private func open(_ path: String, _ options: Options, seen: [String]) throws(DiskError) -> any ManagedImage {
    guard seen.count <= ImageChain.maximumDepth else { throw .tooManyParents(path: path) }
    let readOnly = options.readOnly || options.snapshot != nil
    let file = try store.open(path, writable: !readOnly)
    if seen.contains(file.identity) { throw .tooManyParents(path: path) }
    let seen = seen + [file.identity]
    let format: ImageFormat
    if let named = options.format { format = named } else { format = try ImageProbe.format(of: file) }
    if options.snapshot != nil, format != .qcow2 {
      throw .invalid("\(path): only QCOW2 images have snapshots inside")
    }
    switch format {
    case .raw:
      let raw = try RawImage(file)
      return options.format == nil && !readOnly ? GuessedRawImage(raw) : raw
    case .iso: return try RawImage(file, tail: .pad)
    case .vdi:
      let layout = try VDILayout(file, keepsModification: options.keepsModification)
      return SparseImage(layout, parent: try parent(of: layout, options, seen), readOnly: readOnly)
    case .vhd:
      guard let footer = try VHDLayout.footer(file, try file.size()) else {
        throw .damaged(path: path, "it has no VHD footer")
      }
      if footer.kind == .fixed { return try FixedVHD(file, footer, readOnly: readOnly) }
      let layout = try VHDLayout(file)
      let image = SparseImage(layout, parent: try parent(of: layout, options, seen), readOnly: readOnly)
      if !layout.hasFooter, !readOnly { try image.repair() }
      return image
    case .vmdk: return try openVMDK(file, options, seen)
    case .qcow2: return try openQCOW2(file, options, seen)
    }
  }
  private func openVMDK(
    _ file: any ImageFile, _ options: Options, _ seen: [String]
  ) throws(DiskError) -> any ManagedImage {
    let parent = try parent(of: try VMDKImage.descriptorInfo(file), options, seen)
    return try VMDKImage(file, parent: parent, readOnly: options.readOnly, keepsContent: options.keepsModification) {
      path throws(DiskError) in
      try store.open(path, writable: !options.readOnly)
    }
  }
  private func openQCOW2(
    _ file: any ImageFile, _ options: Options, _ seen: [String]
  ) throws(DiskError) -> any ManagedImage {
    let layout = try QCOW2Layout(file, snapshot: options.snapshot)
    let readOnly = options.readOnly || options.snapshot != nil
    if layout.isMarkedCorrupt, !readOnly, !options.isRepair {
      throw .damaged(path: file.path, "it is marked as corrupt; check and repair it, or open it read-only")
    }
    let image = SparseImage(layout, parent: try parent(of: layout, options, seen), readOnly: readOnly)
    if layout.isDirty, !readOnly { try image.repair() }
    return image
  }

  // MARK: Parents

  private func parent<L: BlockLayout>(
    of layout: L, _ options: Options, _ seen: [String]
  ) throws(DiskError) -> (any DiskImage)? {
    var info = ImageInfo(
      path: layout.file.path, format: L.format, variant: .dynamic, capacity: layout.sectorCount * 512)
    var copy = layout
    try copy.describe(&info)
    return try parent(of: info, options, seen)
  }
  private func parent(of info: ImageInfo, _ options: Options, _ seen: [String]) throws(DiskError) -> (any DiskImage)? {
    guard info.variant == .differencing, !options.isAlone else { return nil }
    if let parent = options.parent {
      try ImageChain.check(info, against: try parent.info())
      return options.isLive ? ChainLink(parent) : parent
    }
    guard let path = parentPath(of: info, options) else {
      let name = info.parentPath ?? info.parentUUID.map { "the image {\($0)}" } ?? "a parent"
      throw .parentMissing(path: info.path, parent: name)
    }
    var inherited = Options(format: info.parentFormat, readOnly: true)
    inherited.locate = options.locate
    inherited.isLive = options.isLive
    let parent = try open(path, inherited, seen: seen)
    try ImageChain.check(info, against: try parent.info())
    return options.isLive ? ChainLink(parent) : parent
  }
  /// Where the registry knows the parent, where the image names it, or a neighbour with the right UUID.
  func parentPath(of info: ImageInfo, _ options: Options) -> String? {
    if let uuid = info.parentUUID, let path = options.locate(uuid) { return path }
    if let path = info.parentPath, store.exists(path) { return path }
    guard let uuid = info.parentUUID, !uuid.isZero else { return nil }
    // Differencing images lie in a folder of their own below their base.
    let folder = Paths.folder(of: info.path)
    for folder in [folder, Paths.folder(of: folder)] {
      for name in store.names(in: folder) {
        let path = folder.isEmpty ? name : folder == "/" ? "/\(name)" : "\(folder)/\(name)"
        guard ["vdi", "vmdk", "vhd"].contains(Paths.suffix(of: name)), path != info.path else { continue }
        if (try? self.uuid(of: path)) == uuid { return path }
      }
    }
    return nil
  }
  private func uuid(of path: String) throws(DiskError) -> DiskUUID? {
    var options = Options(readOnly: true)
    options.isAlone = true
    return try open(path, options).info().uuid
  }

  // MARK: New images

  /// Makes a new image; what was made is removed again when it cannot be finished.
  @discardableResult
  public func create(_ path: String, _ creation: ImageCreation) throws(DiskError) -> ImageInfo {
    try ImageLibrary.check(creation)
    var made: [String] = []
    do throws(DiskError) {
      try write(path, creation, &made)
      var options = Options(format: creation.format, readOnly: true)
      options.isAlone = true
      return try open(path, options).info()
    } catch {
      for path in made { try? store.remove(path) }
      throw error
    }
  }
  private func write(_ path: String, _ creation: ImageCreation, _ made: inout [String]) throws(DiskError) {
    let file = try store.create(path)
    made.append(path)
    switch creation.format {
    case .raw, .iso:
      try file.resize(to: creation.capacity)
      if creation.variant == .fixed { _ = try file.reserve(creation.capacity) }
      try file.synchronize()
    case .vdi: try VDILayout.create(file, creation)
    case .vhd: try VHDLayout.create(file, creation)
    case .qcow2: try QCOW2Layout.create(file, creation)
    case .vmdk:
      var further: [String] = []
      defer { made += further }
      try VMDKCreation.create(file, creation) { path throws(DiskError) in
        let file = try store.create(path)
        further.append(path)
        return file
      }
    }
  }
  static func check(_ creation: ImageCreation) throws(DiskError) {
    guard creation.capacity >= 512, creation.capacity & 511 == 0 else {
      throw .invalid("the size of a disk is a multiple of 512 bytes, and not 0")
    }
    guard creation.capacity <= 1 << 56 else { throw .invalid("\(creation.capacity) bytes are too many for a disk") }
    let allowed: [ImageVariant] =
      switch creation.format {
      case .raw: [.dynamic, .fixed]
      case .iso: [.fixed]
      case .vdi, .vhd: [.dynamic, .fixed, .differencing]
      case .qcow2: [.dynamic, .differencing]
      case .vmdk: [.dynamic, .fixed, .split, .splitFixed, .stream, .differencing]
      }
    guard allowed.contains(creation.variant) else {
      throw .invalid("\(creation.format.rawValue) has no variant '\(creation.variant.rawValue)'")
    }
    guard (creation.variant == .differencing) == (creation.parent != nil) else {
      throw .invalid("a differencing image needs a parent, and only it has one")
    }
  }

  /// Makes an empty image over `parent`, in `format` or its own.
  @discardableResult
  public func createChild(
    _ path: String, of parent: String, format: ImageFormat? = nil, blockSize: UInt64? = nil, uuid: DiskUUID? = nil
  ) throws(DiskError) -> ImageInfo {
    var options = Options(readOnly: true)
    options.isAlone = true
    return try createChild(path, of: try open(parent, options).info(), format: format, blockSize: blockSize, uuid: uuid)
  }
  /// The same over an image that is open.
  @discardableResult
  public func createChild(
    _ path: String, of info: ImageInfo, format: ImageFormat? = nil, blockSize: UInt64? = nil, uuid: DiskUUID? = nil
  ) throws(DiskError) -> ImageInfo {
    let usual: ImageFormat = [.raw, .iso].contains(info.format) ? .vdi : info.format
    var creation = ImageCreation(format ?? usual, .differencing, capacity: info.capacity, blockSize: blockSize)
    if creation.format == info.format, blockSize == nil, creation.format != .vmdk || info.variant == .dynamic {
      creation.blockSize = info.blockSize
    }
    creation.parent = info
    creation.uuid = uuid
    creation.geometry = info.geometry
    return try create(path, creation)
  }
}

extension ImageLibrary {
  /// Opens an image whose parent is open for writing; that one must not be written to after this.
  public func open(_ path: String, over parent: any ManagedImage) throws(DiskError) -> any ManagedImage {
    var options = Options()
    options.parent = parent
    options.isLive = true
    return try open(path, options)
  }
}

/// Rules for chains of images.
public enum ImageChain {
  /// As deep as media trees may be.
  public static let maximumDepth = 300

  /// Throws unless `parent` is what the image was made from.
  public static func check(_ child: ImageInfo, against parent: ImageInfo) throws(DiskError) {
    func mismatch(_ why: String) -> DiskError {
      .parentMismatch(path: child.path, parent: parent.path, why)
    }
    if let uuid = child.parentUUID, !uuid.isZero, let other = parent.uuid, uuid != other {
      throw mismatch("its UUID is {\(other)}, not {\(uuid)}")
    }
    if let content = child.parentContentID, let other = parent.contentID, content != other {
      throw mismatch("its contents were changed since")
    }
    if let uuid = child.parentModificationUUID, let other = parent.modificationUUID, uuid != other {
      throw mismatch("its contents were changed since")
    }
  }
}
