import DiskImages
import Synchronization
import Testing

/// Chains of images, copies, merges, growth and compaction.
@Suite struct ChainTests {
  static let formats: [ImageFormat] = [.vdi, .vhd, .vmdk, .qcow2]

  /// Four images, each over the last, each with a sector of its own; what the last one shows.
  private func chain(_ store: MemoryStore, _ formats: [ImageFormat]) throws -> [UInt8] {
    let library = ImageLibrary(store: store)
    var model = [UInt8](repeating: 0, count: 2 << 20)
    for (level, format) in formats.enumerated() {
      let path = "\(level).\(format.suffix)"
      if level == 0 {
        try library.create(path, ImageCreation(format, capacity: UInt64(model.count)))
      } else {
        try library.createChild(path, of: "\(level - 1).\(formats[level - 1].suffix)", format: format)
      }
      let image = try library.open(path)
      for sector in [level, 100 + level * 50, 4095 - level * 2] {
        try image.write(UInt64(sector), stamp(sector, level + 1))
        model.replaceSubrange(sector * 512..<(sector + 1) * 512, with: stamp(sector, level + 1))
      }
      try image.close()
    }
    return model
  }

  @Test(arguments: formats) func chainsAcrossFormatsShowEveryLevel(_ top: ImageFormat) throws {
    for second in ChainTests.formats {
      let store = MemoryStore()
      let model = try chain(store, [.vdi, second, .qcow2, top])
      #expect(try ImageLibrary(store: store).open("3.\(top.suffix)").read(0, count: 4096) == model)
    }
  }

  @Test(arguments: formats) func aChangedParentIsNoticed(_ format: ImageFormat) throws {
    // QCOW2 keeps nothing to notice it by, VHD only the identity.
    guard format != .qcow2, format != .vhd else { return }
    let store = MemoryStore()
    _ = try chain(store, [format, format])
    let library = ImageLibrary(store: store)
    do {
      let base = try library.open("0.\(format.suffix)")
      try base.write(7, stamp(7, 7))
      try base.close()
    }
    #expect(throws: DiskError.self) { _ = try library.open("1.\(format.suffix)") }
  }

  @Test(arguments: formats) func mergingIntoTheParentKeepsWhatIsShown(_ format: ImageFormat) throws {
    let store = MemoryStore()
    let model = try chain(store, [format, format, format])
    let library = ImageLibrary(store: store)
    let info = try library.mergeIntoParent("2.\(format.suffix)")
    #expect(info.path == "1.\(format.suffix)")
    // The child still shows the same, and so does the parent now.
    #expect(try library.open("2.\(format.suffix)").read(0, count: 4096) == model)
    #expect(try library.open("1.\(format.suffix)").read(0, count: 4096) == model)
  }

  @Test(arguments: [ImageFormat.vdi, .qcow2, .vmdk]) func takingTheParentInKeepsWhatIsShown(
    _ format: ImageFormat
  ) throws {
    let store = MemoryStore()
    let model = try chain(store, [format, format, format])
    let library = ImageLibrary(store: store)
    let info = try library.mergeParentInto("2.\(format.suffix)")
    #expect(info.parentPath == "0.\(format.suffix)")
    try store.remove("1.\(format.suffix)")
    #expect(try library.open("2.\(format.suffix)").read(0, count: 4096) == model)
    let alone = try library.mergeParentInto("2.\(format.suffix)")
    #expect(alone.variant == .dynamic && alone.parentPath == nil)
    try store.remove("0.\(format.suffix)")
    #expect(try library.open("2.\(format.suffix)").read(0, count: 4096) == model)
    #expect(try library.open("2.\(format.suffix)").check().errors.isEmpty)
  }

  @Test func aMergeThatWasCutShortCanBeDoneAgain() throws {
    for at in stride(from: 1, to: 90, by: 4) {
      let store = MemoryStore()
      let model = try chain(store, [.vdi, .vdi])
      let library = ImageLibrary(store: store)
      store.fail(at: at + store.callCount, persists: true)
      _ = try? library.mergeIntoParent("1.vdi")
      store.fail(at: nil)
      #expect(try library.open("1.vdi").read(0, count: 4096) == model, "call \(at)")
      _ = try library.mergeIntoParent("1.vdi")
      #expect(try library.open("0.vdi").read(0, count: 4096) == model, "call \(at)")
    }
  }

  @Test func everyFormatCanBeCopiedToEveryOther() throws {
    let store = MemoryStore()
    let model = try chain(store, [.qcow2, .vdi])
    let library = ImageLibrary(store: store)
    var targets: [(ImageFormat, ImageVariant)] = [(.raw, .dynamic), (.vmdk, .stream), (.vmdk, .split), (.vmdk, .fixed)]
    targets += [(.vdi, .fixed), (.vhd, .fixed)] + ChainTests.formats.map { ($0, .dynamic) }
    var from = "1.vdi"
    for (number, (format, variant)) in targets.enumerated() {
      let reports = Mutex<[UInt64]>([])
      let path = "copy\(number).\(format.suffix)"
      let source = try library.open(from, .init(readOnly: true))
      let creation = ImageCreation(format, variant, capacity: UInt64(model.count))
      let info = try library.clone(
        source, to: path, creation,
        progress: WorkProgress { done, total in
          reports.withLock { $0.append(done * 100 / total) }
          return true
        })
      #expect(info.format == format && info.capacity == UInt64(model.count))
      let copy = try library.open(path, .init(readOnly: true))
      #expect(try copy.read(0, count: 4096) == model, "\(path)")
      #expect(try copy.check().errors.isEmpty)
      let percents = reports.withLock { $0 }
      #expect(percents == percents.sorted() && percents.count > 1)
      from = path
    }
  }

  @Test func aCancelledCopyLeavesNothingBehind() throws {
    let store = MemoryStore()
    _ = try chain(store, [.vdi])
    let library = ImageLibrary(store: store)
    let source = try library.open("0.vdi", .init(readOnly: true))
    #expect(throws: DiskError.cancelled) {
      try library.clone(
        source, to: "copy.vmdk", ImageCreation(.vmdk, capacity: 2 << 20),
        progress: WorkProgress { done, _ in done == 0 })
    }
    #expect(!store.exists("copy.vmdk"))
  }

  @Test(arguments: formats) func growingKeepsTheContentsAndAddsZeroes(_ format: ImageFormat) throws {
    for (variant, block) in [(ImageVariant.dynamic, nil), (.dynamic, UInt64(4096)), (.fixed, nil)] {
      if format == .qcow2, variant == .fixed { continue }
      if format == .vmdk, variant == .fixed { continue }
      let store = MemoryStore()
      let library = ImageLibrary(store: store)
      let path = "a.\(format.suffix)"
      let made = try library.create(path, ImageCreation(format, variant, capacity: 1 << 20, blockSize: block))
      do {
        let image = try library.open(path)
        try image.write(2047, stamp(2047, 1))
        try image.close()
      }
      try library.resize(path, to: 9 << 20)
      let image = try library.open(path)
      #expect(image.sectorCount == 9 << 11)
      #expect(try image.read(2047, count: 3) == stamp(2047, 1) + [UInt8](repeating: 0, count: 1024))
      try image.write((9 << 11) - 1, stamp(5, 5))
      try image.close()
      #expect(try image.check().errors.isEmpty)
      #expect(try image.info().uuid == made.uuid)
      #expect(throws: DiskError.self) { try library.resize(path, to: 1 << 20) }
    }
  }

  @Test(arguments: formats) func compactingGivesZeroesBackAndKeepsTheIdentity(_ format: ImageFormat) throws {
    let store = MemoryStore()
    let library = ImageLibrary(store: store)
    let path = "a.\(format.suffix)"
    try library.create(path, ImageCreation(format, capacity: 8 << 20))
    do {
      let image = try library.open(path)
      for sector in stride(from: 0, to: 16_384, by: 64) { try image.write(UInt64(sector), stamp(sector, 1)) }
      for sector in stride(from: 128, to: 16_384, by: 64) {
        try image.write(UInt64(sector), [UInt8](repeating: 0, count: 512))
      }
      try image.close()
    }
    let before = try library.open(path).info()
    let size = try #require(store.files.first).1.count
    try library.compact(path)
    let after = try library.open(path).info()
    #expect(try #require(store.files.first { $0.0 == path }).1.count < size / 2)
    #expect(after.uuid == before.uuid && after.modificationUUID == before.modificationUUID)
    #expect(after.contentID == before.contentID && after.capacity == before.capacity)
    #expect(try library.open(path).read(64, count: 1) == stamp(64, 1))
    #expect(!store.exists(path + ".new"))
  }

  @Test(arguments: formats) func aCompactedChildShowsTheSame(_ format: ImageFormat) throws {
    let store = MemoryStore()
    var model = try chain(store, [format, format])
    let library = ImageLibrary(store: store)
    let path = "1.\(format.suffix)"
    func cover(_ sectors: Range<Int>, _ image: any ManagedImage) throws {
      try image.writeZeroes(UInt64(sectors.lowerBound), count: UInt64(sectors.count))
      model.replaceSubrange(
        sectors.lowerBound * 512..<sectors.upperBound * 512, with: repeatElement(0, count: sectors.count * 512))
    }
    do {
      let image = try library.open(path)
      // Zeroes, stored and not, that hide what the parent has; a part of a block, and all of one.
      try image.write(0, [UInt8](repeating: 0, count: 512))
      model.replaceSubrange(0..<512, with: repeatElement(0, count: 512))
      try cover(90..<110, image)
      try cover(2048..<4096, image)
      try image.write(3000, stamp(3000, 1))
      model.replaceSubrange(3000 * 512..<3001 * 512, with: stamp(3000, 1))
      try image.close()
    }
    #expect(try library.open(path).read(0, count: 4096) == model)
    try library.compact(path)
    #expect(try library.open(path).read(0, count: 4096) == model)
    #expect(try library.open(path).check().errors.isEmpty)
  }

  @Test func givenUpBlocksAreUsedAgain() throws {
    for format in ChainTests.formats {
      let store = MemoryStore()
      let library = ImageLibrary(store: store)
      let path = "a.\(format.suffix)"
      try library.create(path, ImageCreation(format, capacity: 4 << 20, blockSize: 65_536))
      let image = try library.open(path)
      var sizes: [Int] = []
      for round in 0..<6 {
        let start = UInt64(round % 2) * 4096
        try image.write(start, [UInt8](repeating: 1, count: 2 << 20))
        try image.flush()
        try image.discard(start, count: 4096)
        try image.flush()
        sizes.append(try #require(store.files.first).1.count)
      }
      #expect(sizes.max() ?? 0 <= 3 << 20, "\(format)")
      try image.close()
    }
  }

  @Test func aFileIsCopiedAsItIs() throws {
    let folder = "/tmp/rb-copy-\(UInt32.random(in: 0...(.max)))"
    let library = ImageLibrary()
    defer { for suffix in ["a", "b"] { try? library.remove("\(folder).\(suffix)") } }
    let made = try library.create("\(folder).a", ImageCreation(.vdi, capacity: 64 << 20))
    let image = try library.open("\(folder).a")
    for sector in [9, 100_000] { try image.write(UInt64(sector), stamp(sector, 1)) }
    try image.close()
    try library.copyFile("\(folder).a", to: "\(folder).b")
    let copy = try library.open("\(folder).b")
    #expect(try copy.info().uuid == made.uuid && copy.read(9, count: 1) == stamp(9, 1))
    #expect(try copy.read(100_000, count: 1) == stamp(100_000, 1) && copy.check().errors.isEmpty)
    #expect(throws: DiskError.self, "taken") { try library.copyFile("\(folder).a", to: "\(folder).b") }
  }
  @Test(arguments: ImageFormat.differencing) func anEmptiedImageShowsItsParentAgain(format: ImageFormat) throws {
    let store = MemoryStore()
    let library = ImageLibrary(store: store)
    let base = "base.\(format.suffix)", over = "over.\(format.suffix)"
    try library.create(base, ImageCreation(format, capacity: 4 << 20))
    let image = try library.open(base)
    try image.write(9, stamp(9, 1))
    try image.close()
    let uuid = try library.createChild(over, of: base).uuid
    do {
      let image = try library.open(over)
      try image.write(9, stamp(9, 2))
      try image.writeZeroes(0, count: 8)
      try image.close()
    }
    try library.empty(over)
    let again = try library.open(over)
    #expect(try again.read(9, count: 1) == stamp(9, 1) && again.info().uuid == uuid)
    #expect(throws: DiskError.self) { try library.empty(base) }
  }
}

extension ImageFormat {
  fileprivate static let differencing: [ImageFormat] = [.vdi, .vhd, .vmdk, .qcow2]
}
