import Compression
import HostSystem

/// Making new VMDKs.
enum VMDKCreation {
  /// Largest extent of a split image, in sectors: 2047 MiB.
  static let splitSectors: UInt64 = 4_192_256

  /// Writes a new image into the empty `file`; further extents are made with `createFile`.
  static func create(
    _ file: any ImageFile, _ options: ImageCreation, createFile: (String) throws(DiskError) -> any ImageFile
  ) throws(DiskError) {
    let sectors = options.capacity / 512
    let name = Paths.name(of: file.path)
    switch options.variant {
    case .dynamic, .differencing:
      let extent = VMDKDescriptor.Extent(sectors: sectors, .sparse, name)
      let text = VMDKDescriptor(createType: "monolithicSparse", extents: [extent], options)
      try sparse(file, sectors: sectors, options, text)
    case .fixed, .split, .splitFixed:
      try split(file, options, createFile)
    case .stream: throw .invalid("a stream-optimized VMDK is made by copying a disk, in one go")
    }
  }

  private static func split(
    _ file: any ImageFile, _ options: ImageCreation, _ createFile: (String) throws(DiskError) -> any ImageFile
  ) throws(DiskError) {
    let sectors = options.capacity / 512
    let most = options.variant == .fixed ? sectors : splitSectors
    let isFlat = options.variant != .split
    var extents: [VMDKDescriptor.Extent] = []
    var start: UInt64 = 0
    while start < sectors {
      let number = String(extents.count + 1)
      let digits = String(repeating: "0", count: max(0, 3 - number.count)) + number
      let mark = options.variant == .fixed ? "-flat" : (isFlat ? "-f" : "-s") + digits
      let path = Paths.withoutSuffix(file.path) + mark + ".vmdk"
      let count = min(most, sectors - start)
      extents.append(VMDKDescriptor.Extent(sectors: count, isFlat ? .flat : .sparse, Paths.name(of: path)))
      let store = try createFile(path)
      if isFlat {
        try store.resize(to: count * 512)
        _ = try store.reserve(count * 512)
        try store.synchronize()
      } else {
        try sparse(store, sectors: count, options, nil)
      }
      start += count
      guard extents.count < 65_536 else { throw .invalid("this VMDK would have too many files") }
    }
    let type =
      switch options.variant {
      case .fixed: "monolithicFlat"
      case .split: "twoGbMaxExtentSparse"
      default: "twoGbMaxExtentFlat"
      }
    try file.write(at: 0, VMDKDescriptor(createType: type, extents: extents, options).encoded)
    try file.synchronize()
  }

  /// A sparse extent with all its tables, which take no space while they are empty.
  private static func sparse(
    _ file: any ImageFile, sectors: UInt64, _ options: ImageCreation, _ text: VMDKDescriptor?
  ) throws(DiskError) {
    var header = VMDKHeader()
    let grain = (options.blockSize ?? 65_536) / 512
    guard grain >= 8, grain <= 1 << 16, grain & (grain - 1) == 0 else {
      throw .invalid("VMDK grains have a power of two of bytes, 4096 to 32 MiB")
    }
    header.grainSize = grain
    header.capacity = sectors
    var position: UInt64 = 1
    if text != nil {
      header.descriptorOffset = 1
      header.descriptorSize = 20
      position = 21
    }
    let entries = header.directoryEntries
    guard entries <= 1 << 24 else { throw .invalid("this VMDK needs larger grains") }
    let directorySectors = (entries * 4).pieces(of: 512)
    header.redundantOffset = position
    header.directoryOffset = position + directorySectors + entries * 4
    let tablesEnd = header.directoryOffset + directorySectors + entries * 4
    header.overhead = tablesEnd.roundedUp(to: grain)
    try file.resize(to: header.overhead * 512)
    for directory in [header.redundantOffset, header.directoryOffset] {
      var raw = [UInt8](repeating: 0, count: Int(directorySectors) * 512)
      for entry in 0..<entries {
        raw.putLittle(UInt32(directory + directorySectors + entry * 4), at: Int(entry) * 4)
      }
      try file.write(at: directory * 512, raw)
    }
    if let text {
      let bytes = text.encoded
      guard bytes.count <= 20 * 512 else { throw .invalid("the description is too long for a VMDK") }
      try file.write(at: 512, bytes)
    }
    try file.write(at: 0, header.encoded)
    try file.synchronize()
  }

  /// Writes a whole disk as a stream: compressed grains, then the tables, then the header again.
  static func stream(
    _ source: any DiskImage, to file: any ImageFile, _ options: ImageCreation, progress: WorkProgress
  ) throws(DiskError) {
    var header = VMDKHeader()
    header.version = 3
    header.flags = VMDKHeader.Flag.newlineTest | VMDKHeader.Flag.compressed | VMDKHeader.Flag.markers
    header.compression = 1
    header.capacity = (options.capacity / 512).roundedUp(to: header.grainSize)
    header.descriptorOffset = 1
    header.descriptorSize = 20
    header.overhead = 128
    header.directoryOffset = VMDKHeader.atEnd
    let entries = header.directoryEntries
    guard entries <= 1 << 24 else { throw .invalid("this disk is too large for a stream") }
    let extent = VMDKDescriptor.Extent(sectors: options.capacity / 512, .sparse, Paths.name(of: file.path))
    let text = VMDKDescriptor(createType: "streamOptimized", extents: [extent], options)
    try file.write(at: 0, header.encoded)
    try file.write(at: 512, text.encoded)
    var position = header.overhead
    /// Sectors written go up only: a stream may be a pipe to another program.
    func put(_ bytes: [UInt8]) throws(DiskError) {
      let padded = bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
      try file.write(at: position * 512, padded)
      position += UInt64(padded.count / 512)
    }
    func marker(_ sectors: UInt64, _ type: UInt32) throws(DiskError) {
      var raw = [UInt8](repeating: 0, count: 512)
      raw.putLittle(sectors, at: 0)
      raw.putLittle(type, at: 12)
      try put(raw)
    }
    var directory = [UInt8](repeating: 0, count: Int((entries * 4).roundedUp(to: 512)))
    for tableIndex in 0..<entries {
      var table = [UInt8](repeating: 0, count: Int(header.tableEntries) * 4)
      for index in 0..<UInt64(header.tableEntries) {
        let first = (tableIndex * UInt64(header.tableEntries) + index) * header.grainSize
        guard first < source.sectorCount else { break }
        let count = min(header.grainSize, source.sectorCount - first)
        try progress.report(first, of: source.sectorCount)
        guard try source.mayHold(first, count) else { continue }
        var grain = try source.read(first, count: Int(count))
        if grain.isAllZero { continue }
        grain += [UInt8](repeating: 0, count: Int(header.grainSize) * 512 - grain.count)
        let packed = Zlib.deflate(grain)
        var record = [UInt8](repeating: 0, count: 12)
        record.putLittle(first, at: 0)
        record.putLittle(UInt32(packed.count), at: 8)
        table.putLittle(UInt32(clamping: position), at: Int(index) * 4)
        try put(record + packed)
      }
      guard !table.isAllZero else { continue }
      try marker(4, 1)
      directory.putLittle(UInt32(clamping: position), at: Int(tableIndex) * 4)
      try put(table)
    }
    try marker(UInt64(directory.count / 512), 2)
    header.directoryOffset = position
    try put(directory)
    guard position < UInt64(UInt32.max) else { throw .invalid("the stream would be longer than 2 TiB") }
    try marker(1, 3)
    try put(header.encoded)
    try put([UInt8](repeating: 0, count: 512))
    try file.synchronize()
  }
}
