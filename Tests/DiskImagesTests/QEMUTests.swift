import DiskImages
import Foundation
import Testing

/// What an independent program makes of our images, and we of its.
@Suite struct QEMUTests {
  /// A folder that goes away with this object.
  final class Folder: Sendable {
    let path: String
    init() throws {
      path = NSTemporaryDirectory() + "ringbox-images-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
  }

  struct Kind: Sendable, CustomStringConvertible {
    var description: String
    var creation: ImageCreation
    /// Driver and options for `qemu-img`.
    var driver: String
    var options: String?
    var canCheck = true
  }
  static let capacity: UInt64 = 20 << 20
  static let kinds: [Kind] = {
    func creation(_ format: ImageFormat, _ variant: ImageVariant = .dynamic, _ block: UInt64? = nil) -> ImageCreation {
      ImageCreation(format, variant, capacity: capacity, blockSize: block)
    }
    return [
      Kind(description: "raw", creation: creation(.raw), driver: "raw", canCheck: false),
      Kind(description: "vdi", creation: creation(.vdi), driver: "vdi"),
      Kind(description: "vdi fixed", creation: creation(.vdi, .fixed), driver: "vdi", options: "static=on"),
      Kind(description: "vhd", creation: creation(.vhd), driver: "vpc", options: "force_size=on", canCheck: false),
      Kind(
        description: "vhd fixed", creation: creation(.vhd, .fixed), driver: "vpc",
        options: "subformat=fixed,force_size=on", canCheck: false),
      Kind(description: "vmdk", creation: creation(.vmdk), driver: "vmdk"),
      Kind(
        description: "vmdk flat", creation: creation(.vmdk, .fixed), driver: "vmdk",
        options: "subformat=monolithicFlat", canCheck: false),
      Kind(
        description: "vmdk split", creation: creation(.vmdk, .split), driver: "vmdk",
        options: "subformat=twoGbMaxExtentSparse"),
      Kind(
        description: "vmdk split flat", creation: creation(.vmdk, .splitFixed), driver: "vmdk",
        options: "subformat=twoGbMaxExtentFlat", canCheck: false),
      Kind(description: "qcow2", creation: creation(.qcow2), driver: "qcow2", options: "compat=1.1"),
      Kind(
        description: "qcow2 v2", creation: creation(.qcow2, .dynamic, 4096), driver: "qcow2", options: "compat=0.10"),
      Kind(
        description: "qcow2 lazy", creation: creation(.qcow2, .dynamic, 512), driver: "qcow2",
        options: "lazy_refcounts=on,cluster_size=4096,refcount_bits=1"),
      Kind(
        description: "qcow2 wide", creation: creation(.qcow2, .dynamic, 2 << 20), driver: "qcow2",
        options: "refcount_bits=64"),
    ]
  }()

  @discardableResult
  static func run(_ arguments: [String]) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/qemu-img")
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }
  private func qemu(_ arguments: String...) throws {
    let (status, text) = try QEMUTests.run(arguments)
    #expect(status == 0, "qemu-img \(arguments.joined(separator: " ")): \(text)")
  }

  /// Writes here and there; `model` follows.
  private func scribble(_ image: any ManagedImage, _ model: inout [UInt8], seed: UInt64) throws {
    var random = Seeded(seed)
    let sectors = model.count / 512
    for operation in 0..<150 {
      let start = random.below(sectors)
      let count = min(sectors - start, 1 + random.below(200))
      let bytes = (start..<start + count).flatMap { stamp($0, operation) }
      if operation % 10 == 9 {
        try image.writeZeroes(UInt64(start), count: UInt64(count))
        model.replaceSubrange(start * 512..<(start + count) * 512, with: repeatElement(0, count: count * 512))
      } else {
        try image.write(UInt64(start), bytes)
        model.replaceSubrange(start * 512..<(start + count) * 512, with: bytes)
      }
    }
    try image.discard(2048, count: 4096)
    let seen = try image.read(2048, count: 4096)
    model.replaceSubrange(2048 * 512..<6144 * 512, with: seen)
  }

  @Test(arguments: kinds) func qemuReadsWhatWeWrite(_ kind: Kind) throws {
    let folder = try Folder()
    let library = ImageLibrary()
    let path = folder("ours." + kind.creation.format.suffix)
    try library.create(path, kind.creation)
    var model = [UInt8](repeating: 0, count: Int(QEMUTests.capacity))
    do {
      let image = try library.open(path, .init(format: kind.creation.format))
      try scribble(image, &model, seed: 11)
      try image.close()
    }
    try Data(model).write(to: URL(fileURLWithPath: folder("model.raw")))
    if kind.canCheck { try qemu("check", "-f", kind.driver, path) }
    try qemu("compare", "-f", kind.driver, "-F", "raw", path, folder("model.raw"))
    try qemu("convert", "-f", kind.driver, "-O", "raw", path, folder("back.raw"))
    #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder("back.raw")))).prefix(model.count) == model[...])
  }

  @Test(arguments: kinds) func weReadAndWriteWhatQEMUMakes(_ kind: Kind) throws {
    let folder = try Folder()
    let library = ImageLibrary()
    var model = [UInt8](repeating: 0, count: Int(QEMUTests.capacity))
    for start in stride(from: 0, to: model.count, by: 700_000) {
      for index in start..<min(model.count, start + 90_000) { model[index] = UInt8(truncatingIfNeeded: index >> 9 | 1) }
    }
    try Data(model).write(to: URL(fileURLWithPath: folder("model.raw")))
    let path = folder("theirs." + kind.creation.format.suffix)
    let options = kind.options.map { ["-o", $0] } ?? []
    let (status, text) = try QEMUTests.run(
      ["convert", "-f", "raw", "-O", kind.driver] + options + [folder("model.raw"), path])
    #expect(status == 0, "\(text)")
    do {
      let image = try library.open(path)
      #expect(try image.info().format == kind.creation.format)
      #expect(image.sectorCount == QEMUTests.capacity / 512)
      #expect(try image.read(0, count: model.count / 512) == model)
      #expect(try image.check().errors.isEmpty)
      try scribble(image, &model, seed: 12)
      try image.close()
    }
    try Data(model).write(to: URL(fileURLWithPath: folder("model.raw")))
    if kind.canCheck { try qemu("check", "-f", kind.driver, path) }
    try qemu("compare", "-f", kind.driver, "-F", "raw", path, folder("model.raw"))
  }

  @Test func compressedClustersAndStreamsAreRead() throws {
    let folder = try Folder()
    let library = ImageLibrary()
    var model = [UInt8](repeating: 0, count: 4 << 20)
    for index in 0..<model.count where index & 0x40000 == 0 { model[index] = UInt8(truncatingIfNeeded: index >> 8) }
    try Data(model).write(to: URL(fileURLWithPath: folder("model.raw")))
    try qemu("convert", "-c", "-f", "raw", "-O", "qcow2", folder("model.raw"), folder("packed.qcow2"))
    try qemu(
      "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", folder("model.raw"), folder("s.vmdk"))
    #expect(try library.open(folder("s.vmdk"), .init(readOnly: true)).read(0, count: 8192) == model)
    #expect(try library.open(folder("s.vmdk")).isReadOnly)
    do {
      let image = try library.open(folder("packed.qcow2"))
      #expect(try image.read(0, count: 8192) == model)
      // A part of a compressed cluster is written: the rest of it stays.
      try image.write(3, stamp(3, 3))
      model.replaceSubrange(3 * 512..<4 * 512, with: stamp(3, 3))
      try image.close()
    }
    try Data(model).write(to: URL(fileURLWithPath: folder("model.raw")))
    try qemu("check", folder("packed.qcow2"))
    try qemu("compare", folder("packed.qcow2"), folder("model.raw"))
    // And ours by them.
    let source = try library.open(folder("packed.qcow2"), .init(readOnly: true))
    try library.clone(source, to: folder("ours.vmdk"), ImageCreation(.vmdk, .stream, capacity: 4 << 20))
    try qemu("compare", "-f", "vmdk", folder("ours.vmdk"), folder("model.raw"))
  }

  @Test func backingFilesAndInternalSnapshotsAreRead() throws {
    let folder = try Folder()
    let library = ImageLibrary()
    try library.create(folder("base.vdi"), ImageCreation(.vdi, capacity: 2 << 20))
    do {
      let base = try library.open(folder("base.vdi"))
      for sector in 0..<4096 { try base.write(UInt64(sector), stamp(sector, 1)) }
      try base.close()
    }
    try qemu("create", "-f", "qcow2", "-b", "base.vdi", "-F", "vdi", folder("top.qcow2"))
    do {
      let top = try library.open(folder("top.qcow2"))
      #expect(try top.read(9, count: 1) == stamp(9, 1))
      try top.write(9, stamp(9, 2))
      try top.close()
    }
    try qemu("snapshot", "-c", "first", folder("top.qcow2"))
    do {
      let top = try library.open(folder("top.qcow2"))
      try top.write(9, stamp(9, 3))
      try top.writeZeroes(1024, count: 256)
      try top.close()
      #expect(try top.info().snapshots.map(\.name) == ["first"])
    }
    try qemu("check", folder("top.qcow2"))
    var options = ImageLibrary.Options()
    options.snapshot = "first"
    #expect(try library.open(folder("top.qcow2"), options).read(9, count: 1) == stamp(9, 2))
    #expect(try library.open(folder("top.qcow2"), options).read(1024, count: 1) == stamp(1024, 1))
    #expect(try library.open(folder("top.qcow2")).read(9, count: 1) == stamp(9, 3))
    // A child of ours over theirs, read by them.
    try library.createChild(folder("child.qcow2"), of: folder("top.qcow2"))
    do {
      let child = try library.open(folder("child.qcow2"))
      try child.write(10, stamp(10, 4))
      try child.close()
      let all = try child.read(0, count: 4096)
      try Data(all).write(to: URL(fileURLWithPath: folder("model.raw")))
    }
    try qemu("check", folder("child.qcow2"))
    try qemu("compare", folder("child.qcow2"), folder("model.raw"))
  }

  @Test func aDirtyImageIsMended() throws {
    let folder = try Folder()
    let library = ImageLibrary()
    try library.create(folder("a.qcow2"), ImageCreation(.qcow2, capacity: 2 << 20))
    do {
      let image = try library.open(folder("a.qcow2"))
      for sector in 0..<4096 { try image.write(UInt64(sector), stamp(sector, 1)) }
      try image.close()
    }
    // The dirty bit, and counts as a crash with lazy reference counts leaves them.
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder("a.qcow2")))
    try handle.seek(toOffset: 79)
    try handle.write(contentsOf: Data([1]))
    let info = try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder("a.qcow2"))))
    let table = info[48..<56].reduce(0) { $0 << 8 | Int($1) }
    let block = info[table..<table + 8].reduce(0) { $0 << 8 | Int($1) }
    try handle.seek(toOffset: UInt64(block + 12))
    try handle.write(contentsOf: Data(repeating: 0, count: 20))
    try handle.close()
    #expect(try !library.open(folder("a.qcow2"), .init(readOnly: true)).check().errors.isEmpty)
    do {
      let image = try library.open(folder("a.qcow2"))
      #expect(try image.check().errors.isEmpty)
      #expect(try image.read(4095, count: 1) == stamp(4095, 1))
      try image.close()
    }
    try qemu("check", folder("a.qcow2"))
  }

  @Test func lockedImagesAreRefusedAndSparseOnesTakeNoSpace() throws {
    let folder = try Folder()
    let library = ImageLibrary()
    for format in [ImageFormat.vdi, .vhd, .vmdk, .qcow2] {
      let path = folder("a.\(format.suffix)")
      try library.create(path, ImageCreation(format, capacity: 64 << 30))
      let image = try library.open(path)
      #expect(throws: DiskError.inUse(path: path)) { _ = try library.open(path) }
      #expect(throws: DiskError.inUse(path: path)) { _ = try library.open(path, .init(readOnly: true)) }
      try image.write(100 << 20, stamp(1, 1))
      #expect(try image.info().sizeOnDisk < 16 << 20)
      let full = try image.info().sizeOnDisk
      try image.write(0, [UInt8](repeating: 1, count: 8 << 20))
      try image.flush()
      #expect(try image.info().sizeOnDisk >= full + (7 << 20))
      try image.discard(0, count: 16 << 11)
      try image.flush()
      #expect(try image.info().sizeOnDisk < full + (1 << 20))
      try image.close()
    }
  }
}
