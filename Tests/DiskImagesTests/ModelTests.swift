import DiskImages
import Foundation
import HostSystem
import Testing

/// Random operations on every kind of image, against an array of bytes.
@Suite struct ModelTests {
  /// Operations for each format. RINGBOX_IMAGE_OPERATIONS sets another number.
  static let operations = Int(ProcessInfo.processInfo.environment["RINGBOX_IMAGE_OPERATIONS"] ?? "") ?? 1_000_000

  @Test(arguments: ImageKind.all) func everyOperationDoesWhatTheModelDoes(_ kind: ImageKind) throws {
    let store = MemoryStore()
    var model = try kind.make(in: store)
    let library = ImageLibrary(store: store)
    var random = Seeded(kind.name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
    var image: (any ManagedImage)? = try library.open(kind.path)
    let sectors = model.count / 512
    for operation in 0..<kind.share(of: ModelTests.operations) {
      if random.below(200) > 0 {
        guard try step(operation, image, &model, &random) else { return }
        continue
      }
      if random.below(2) == 0 { try image?.close() } else { try image?.flush() }
      image = nil
      let check = try library.open(kind.path, .init(readOnly: true)).check()
      #expect(check.errors.isEmpty, "operation \(operation)")
      image = try library.open(kind.path)
    }
    #expect(try image?.read(0, count: sectors) == model)
    try image?.close()
    image = nil
    let check = try library.open(kind.path).check()
    #expect(check.errors.isEmpty)
    #expect(try library.open(kind.path).read(0, count: sectors) == model)
  }

  /// One operation; false when the disk is not what it should be.
  private func step(
    _ operation: Int, _ image: (any ManagedImage)?, _ model: inout [UInt8], _ random: inout Seeded
  ) throws -> Bool {
    guard let image else { return false }
    let start = random.below(model.count / 512)
    let count = min(model.count / 512 - start, 1 + random.below(random.below(8) == 0 ? 64 : 9))
    let range = start * 512..<(start + count) * 512
    switch random.below(19) {
    case 0..<8:
      let bytes = (start..<start + count).flatMap { stamp($0, operation) }
      try image.write(UInt64(start), bytes)
      model.replaceSubrange(range, with: bytes)
    case 8..<14:
      let seen = try image.read(UInt64(start), count: count)
      #expect(seen == Array(model[range]), "operation \(operation): sectors \(start)+\(count)")
      return seen == Array(model[range])
    case 14, 15:
      try image.writeZeroes(UInt64(start), count: UInt64(count))
      model.replaceSubrange(range, with: repeatElement(0, count: count * 512))
    case 16:
      try image.discard(UInt64(start), count: UInt64(count))
      // Discarded sectors are as before or zeroes; from now on they are what they were found to be.
      let seen = try image.read(UInt64(start), count: count)
      for index in 0..<count {
        let old = model[(start + index) * 512..<(start + index + 1) * 512]
        let new = seen[index * 512..<(index + 1) * 512]
        #expect(old.elementsEqual(new) || new.allSatisfy { $0 == 0 })
      }
      model.replaceSubrange(range, with: seen)
    default: try image.flush()
    }
    return true
  }
}
