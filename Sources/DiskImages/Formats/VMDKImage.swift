import HostSystem
import Synchronization

/// A VMDK: a descriptor, in a file of its own or inside the only extent, and the extents that make up the disk.
///
/// Lock order: `descriptor` is taken with no other lock held, and held while the descriptor is written.
final class VMDKImage: ManagedImage {
  private struct Part: Sendable {
    var start: UInt64
    var image: any DiskImage
    var file: (any ImageFile)?
  }
  private struct Text: Sendable {
    var descriptor: VMDKDescriptor
    var isRenewed: Bool
  }
  private let parts: [Part]
  private let file: any ImageFile
  /// Where the descriptor is in `file`: byte and room; room 0 for a file that holds nothing else.
  private let place: (offset: UInt64, room: Int)
  private let text: Mutex<Text>
  private let renewed = Atomic<Bool>(false)
  let parent: (any DiskImage)?
  let isReadOnly: Bool
  let sectorCount: UInt64

  /// `open`: opens the file of an extent. `keepsContent`: the content number stays when the image is written.
  init(
    _ file: any ImageFile, parent: (any DiskImage)?, readOnly: Bool, keepsContent: Bool,
    open: (String) throws(DiskError) -> any ImageFile
  ) throws(DiskError) {
    self.file = file
    self.parent = parent
    let (descriptor, place) = try VMDKImage.descriptor(file)
    self.place = place
    text = Mutex(Text(descriptor: descriptor, isRenewed: keepsContent))
    renewed.store(keepsContent, ordering: .relaxed)
    var parts: [Part] = []
    var start: UInt64 = 0
    var isStream = false
    for extent in descriptor.extents {
      guard extent.sectors > 0, extent.sectors <= 1 << 48, start <= 1 << 48 else {
        throw .damaged(path: file.path, "an extent of \(extent.sectors) sectors")
      }
      let isEmbedded = place.room > 0 && descriptor.extents.count == 1 && extent.kind == .sparse
      let part = try VMDKImage.part(
        extent, at: start, isEmbedded ? file : nil, besides: file, parent,
        isDifferencing: descriptor.parentContentID != VMDKDescriptor.noParent, readOnly: readOnly, open)
      if part.image.isReadOnly, extent.access == .readWrite, extent.kind == .sparse, !readOnly { isStream = true }
      parts.append(part)
      start += extent.sectors
    }
    guard start > 0 else { throw .damaged(path: file.path, "the disk has no extents") }
    self.parts = parts
    sectorCount = start
    isReadOnly = readOnly || isStream
  }

  private static func part(
    _ extent: VMDKDescriptor.Extent, at start: UInt64, _ embedded: (any ImageFile)?, besides file: any ImageFile,
    _ parent: (any DiskImage)?, isDifferencing: Bool, readOnly: Bool,
    _ open: (String) throws(DiskError) -> any ImageFile
  ) throws(DiskError) -> Part {
    let readOnly = readOnly || extent.access != .readWrite
    switch extent.kind {
    case .zero: return Part(start: start, image: ZeroImage(sectors: extent.sectors))
    case .flat, .vmfs:
      let store = try open(Paths.resolve(extent.file, besides: file.path))
      let size = try store.size()
      guard extent.offset <= size / 512, extent.sectors <= size / 512 - extent.offset else {
        throw .damaged(path: store.path, "it is shorter than the descriptor says")
      }
      let image = RawImage(store, start: extent.offset * 512, sectors: extent.sectors, readOnly: readOnly)
      return Part(start: start, image: image, file: store)
    case .sparse:
      let store: any ImageFile
      if let embedded { store = embedded } else { store = try open(Paths.resolve(extent.file, besides: file.path)) }
      let layout = try VMDKLayout(store, sectors: extent.sectors, isDifferencing: isDifferencing)
      let wasUnclean = layout.header.isUnclean
      let behind: (any DiskImage)? = parent.map { Window($0, start: start, sectors: extent.sectors) }
      let image = SparseImage(layout, parent: behind, readOnly: readOnly)
      // A power cut can come between the two copies of a table entry; the first one counts.
      if wasUnclean, !image.isReadOnly { try image.repair() }
      return Part(start: start, image: image, file: store)
    }
  }

  /// The descriptor and its place. The file is a descriptor, or begins with the header of a sparse extent.
  static func descriptor(_ file: any ImageFile) throws(DiskError) -> (VMDKDescriptor, (offset: UInt64, room: Int)) {
    let size = try file.size()
    guard let header = VMDKHeader(try file.bytes(at: 0, count: VMDKHeader.size)) else {
      guard size <= UInt64(VMDKDescriptor.mostBytes) else {
        throw .damaged(path: file.path, "it has no VMDK descriptor")
      }
      return (try VMDKDescriptor(try file.bytes(at: 0, count: Int(size)), path: file.path), (0, 0))
    }
    let room = header.descriptorSize <= UInt64(VMDKDescriptor.mostBytes) ? header.descriptorSize * 512 : 0
    guard header.descriptorOffset > 0, room > 0, header.descriptorOffset < size / 512, room <= VMDKDescriptor.mostBytes
    else { throw .damaged(path: file.path, "it is an extent without a descriptor; open the file that lists it") }
    let offset = header.descriptorOffset * 512
    let descriptor = try VMDKDescriptor(try file.bytes(at: offset, count: Int(room)), path: file.path)
    return (descriptor, (offset, Int(room)))
  }

  // MARK: Transfers

  /// Calls `body` for each part that the range touches: the part, its first sector, how many, and how far into the range.
  private func eachPart(
    _ sector: UInt64, _ count: UInt64,
    _ body: (any DiskImage, UInt64, UInt64, UInt64) throws(DiskError) -> Void
  ) throws(DiskError) {
    var done: UInt64 = 0
    while done < count {
      let position = sector + done
      // The last part that begins at or before `position`.
      var low = 0, high = parts.count
      while high - low > 1 {
        let middle = (low + high) / 2
        if parts[middle].start <= position { low = middle } else { high = middle }
      }
      let part = parts[low]
      let within = position - part.start
      let now = min(count - done, partSectors(low) - within)
      try body(part.image, within, now, done)
      done += now
    }
  }
  private func partSectors(_ index: Int) -> UInt64 {
    (index + 1 < parts.count ? parts[index + 1].start : sectorCount) - parts[index].start
  }
  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    try check(sector, bytes: buffers.byteCount)
    try eachPart(sector, buffers.byteCount / 512) { image, first, count, done throws(DiskError) in
      try image.read(first, into: buffers.slice(Int(done) * 512, Int(count) * 512))
    }
  }
  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, bytes: buffers.byteCount)
    try renewContent()
    try eachPart(sector, buffers.byteCount / 512) { image, first, count, done throws(DiskError) in
      try image.write(first, from: buffers.slice(Int(done) * 512, Int(count) * 512))
    }
  }
  func discard(_ sector: UInt64, count: UInt64) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: count)
    try renewContent()
    try eachPart(sector, count) { image, first, count, _ throws(DiskError) in
      // A flat extent keeps its space.
      if !(image is RawImage), !image.isReadOnly { try image.discard(first, count: count) }
    }
  }
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: count)
    try renewContent()
    try eachPart(sector, count) { image, first, count, _ throws(DiskError) in
      if image is RawImage {
        try image.storeZeroes(first, count: count)
      } else {
        try image.writeZeroes(first, count: count)
      }
    }
  }
  func flush() throws(DiskError) {
    guard !isReadOnly else { return }
    for part in parts where !part.image.isReadOnly { try part.image.flush() }
  }
  func extent(at sector: UInt64, limit: UInt64) throws(DiskError) -> DiskExtent {
    try check(sector, sectors: 1)
    var result = DiskExtent(.data, count: 1)
    try eachPart(sector, 1) { image, first, _, _ throws(DiskError) in
      result = try image.extent(at: first, limit: min(max(1, limit), image.sectorCount - first))
    }
    return result
  }

  func take(_ sector: UInt64, limit: UInt64, of parent: any DiskImage) throws(DiskError) -> UInt64 {
    guard !isReadOnly else { throw .readOnly }
    try check(sector, sectors: 1)
    try renewContent()
    var taken: UInt64 = 1
    try eachPart(sector, 1) { image, first, _, _ throws(DiskError) in
      let rest = image.sectorCount - first
      guard let sparse = image as? any ManagedImage, !(image is RawImage) else {
        taken = min(limit, rest)
        return
      }
      taken = try sparse.take(
        first, limit: min(max(1, limit), rest), of: Window(parent, start: sector - first, sectors: image.sectorCount))
    }
    return taken
  }
  func giveUpLocks() {
    file.unlock()
    for part in parts { part.file?.unlock() }
  }

  // MARK: The file

  /// Before the first change: the content number changes, so that images made from the old contents notice.
  private func renewContent() throws(DiskError) {
    guard !renewed.load(ordering: .acquiring) else { return }
    try text.withLock { text throws(DiskError) in
      guard !text.isRenewed else { return }
      text.descriptor.renewContent()
      try write(text.descriptor)
      text.isRenewed = true
    }
    renewed.store(true, ordering: .releasing)
  }
  private func write(_ descriptor: VMDKDescriptor) throws(DiskError) {
    var bytes = descriptor.encoded
    if place.room > 0 {
      guard bytes.count <= place.room else {
        throw .invalid("\(file.path) has no room for a longer descriptor")
      }
      bytes += [UInt8](repeating: 0, count: place.room - bytes.count)
      try file.write(at: place.offset, bytes)
    } else {
      // Lines keep their length but for a longer comment: never shorter than what was there.
      let old = try file.size()
      if UInt64(bytes.count) < old { bytes += [UInt8](repeating: 0x0a, count: Int(old) - bytes.count) }
      try file.write(at: 0, bytes)
    }
    try file.synchronize()
  }
  private func change(_ body: (inout VMDKDescriptor) -> Void) throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    try text.withLock { text throws(DiskError) in
      var changed = text.descriptor
      body(&changed)
      try write(changed)
      text.descriptor = changed
    }
  }

  func info() throws(DiskError) -> ImageInfo {
    var info = VMDKImage.info(text.withLock { $0.descriptor }, file.path)
    info.capacity = sectorCount * 512
    info.files = [file.path]
    if place.room == 0 { info.sizeOnDisk = try file.allocatedBytes() }
    for part in parts {
      guard let store = part.file else { continue }
      info.sizeOnDisk += try store.allocatedBytes()
      if !info.files.contains(store.path) { info.files.append(store.path) }
      if let image = part.image as? any ManagedImage, info.blockSize == 0 {
        let own = try image.info()
        (info.blockSize, info.version) = (own.blockSize, own.version)
      }
    }
    if info.version.isEmpty { info.version = "1" }
    return info
  }
  /// What the descriptor alone says: the extents need not be there.
  static func descriptorInfo(_ file: any ImageFile) throws(DiskError) -> ImageInfo {
    info(try descriptor(file).0, file.path)
  }
  private static func info(_ descriptor: VMDKDescriptor, _ path: String) -> ImageInfo {
    var info = ImageInfo(path: path, format: .vmdk, variant: .dynamic, capacity: 0)
    switch descriptor.createType.lowercased() {
    case "streamoptimized": info.variant = .stream
    case "twogbmaxextentsparse": info.variant = .split
    case "twogbmaxextentflat": info.variant = .splitFixed
    case "monolithicflat", "vmfs", "fulldevice", "partitioneddevice": info.variant = .fixed
    default: break
    }
    (info.uuid, info.modificationUUID) = (descriptor.uuid, descriptor.modificationUUID)
    info.contentID = descriptor.contentID
    info.comment = descriptor.comment
    info.geometry = descriptor.geometry
    guard descriptor.parentContentID != VMDKDescriptor.noParent else { return info }
    info.variant = .differencing
    info.parentContentID = descriptor.parentContentID
    if let uuid = descriptor.parentUUID, !uuid.isZero { info.parentUUID = uuid }
    if let uuid = descriptor.parentModificationUUID, !uuid.isZero { info.parentModificationUUID = uuid }
    info.parentPath = descriptor.parentHint.map { Paths.resolve($0, besides: path) }
    return info
  }
  func check() throws(DiskError) -> ImageCheck {
    var result = ImageCheck()
    for part in parts {
      guard let image = part.image as? any ManagedImage else { continue }
      let own = try image.check()
      result.errors += own.errors.prefix(100 - min(100, result.errors.count))
      result.leakedBytes += own.leakedBytes
      result.blocks += own.blocks
      result.storedBlocks += own.storedBlocks
    }
    return result
  }
  func repair() throws(DiskError) {
    guard !isReadOnly else { throw .readOnly }
    for part in parts { if let image = part.image as? any ManagedImage { try image.repair() } }
  }
  func grow(to sectors: UInt64) throws(DiskError) -> Bool { false }
  func close() throws(DiskError) {
    for part in parts where !part.image.isReadOnly {
      if let image = part.image as? any ManagedImage { try image.close() }
    }
  }
  func setParent(_ parent: ImageInfo?) throws(DiskError) {
    let path = parent.map { Paths.relative($0.path, besides: file.path) } ?? ""
    try change { $0.setParent(parent, path: path) }
  }
  func setUUID(_ uuid: DiskUUID) throws(DiskError) { try change { $0.setUUID(uuid) } }
  func setComment(_ text: String) throws(DiskError) { try change { $0.setComment(text) } }
}

/// A part of another image, for reading; beyond its end, zeroes.
final class Window: DiskImage {
  private let whole: any DiskImage
  private let start: UInt64
  let sectorCount: UInt64
  let isReadOnly = true
  init(_ whole: any DiskImage, start: UInt64, sectors: UInt64) {
    self.whole = whole
    self.start = start
    sectorCount = sectors
  }
  func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {
    try check(sector, bytes: buffers.byteCount)
    let position = start + sector
    let available = whole.sectorCount > position ? whole.sectorCount - position : 0
    let bytes = Int(min(available * 512, buffers.byteCount))
    if bytes > 0 { try whole.read(position, into: buffers.slice(0, bytes)) }
    for buffer in buffers.slice(bytes, Int(buffers.byteCount) - bytes) { buffer.zero() }
  }
  func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) { throw .readOnly }
  func flush() throws(DiskError) {}
  func discard(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
  func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) { throw .readOnly }
}
