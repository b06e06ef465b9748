import DiskImages
import Foundation
import Testing

@Suite struct ImageTests {
  @Test func rawImageReadsAndWritesSectors() throws {
    let file = try ScratchFile(sectors: 8)
    let image = try RawImage(path: file.path)
    #expect(image.sectorCount == 8)
    #expect(try image.read(3, count: 2) == Array(repeating: 3, count: 512) + Array(repeating: 4, count: 512))
    try image.write(7, [UInt8](repeating: 0xaa, count: 512))
    try image.flush()
    #expect(try file.contents()[3584...] == [UInt8](repeating: 0xaa, count: 512)[...])
    #expect(throws: DiskError.outOfRange) { try image.write(7, [UInt8](repeating: 0, count: 1024)) }
    #expect(throws: DiskError.outOfRange) { _ = try image.read(.max, count: 1) }
  }

  @Test func zeroedAndDiscardedSectorsReadAsZeroes() throws {
    let file = try ScratchFile(sectors: 16)
    let image = try RawImage(path: file.path)
    try image.writeZeroes(1, count: 3)
    #expect(try image.read(0, count: 5) == [UInt8](repeating: 0, count: 2048) + [UInt8](repeating: 4, count: 512))
    try image.discard(8, count: 8)
  }

  @Test func unusableFilesAreRefusedByName() throws {
    let odd = try ScratchFile([1, 2, 3])
    let empty = try ScratchFile([])
    #expect(throws: DiskError.missing(path: "/nonexistent.img")) { _ = try RawImage(path: "/nonexistent.img") }
    #expect(throws: DiskError.isDirectory(path: "/tmp")) { _ = try RawImage(path: "/tmp") }
    #expect(throws: DiskError.isDirectory(path: "/tmp")) { _ = try RawImage(path: "/tmp", readOnly: true) }
    #expect(throws: DiskError.partialSector(path: odd.path, size: 3)) { _ = try RawImage(path: odd.path) }
    #expect(throws: DiskError.empty(path: empty.path)) { _ = try RawImage(path: empty.path) }
    #expect(DiskError.missing(path: "a.img").description == "a.img: no such file")
  }

  @Test func writableImagesAreLockedAgainstEachOther() throws {
    let file = try ScratchFile(sectors: 2)
    do {
      let first = try RawImage(path: file.path)
      #expect(throws: DiskError.inUse(path: file.path)) { _ = try RawImage(path: file.path) }
      #expect(throws: DiskError.inUse(path: file.path)) { _ = try RawImage(path: file.path, readOnly: true) }
      #expect(first.sectorCount == 2)
    }
    let reader = try RawImage(path: file.path, readOnly: true)
    let other = try RawImage(path: file.path, readOnly: true)
    #expect(throws: DiskError.inUse(path: file.path)) { _ = try RawImage(path: file.path) }
    #expect(throws: DiskError.readOnly) { try reader.write(0, [UInt8](repeating: 0, count: 512)) }
    #expect(other.isReadOnly)
  }

  /// A process that is being started has copies of all descriptors until its exec.
  @Test func aLockEndsWithItsImageWhoeverHasTheDescriptor() throws {
    let file = try ScratchFile(sectors: 2)
    var copy: Int32 = -1
    do {
      let image = try RawImage(path: file.path)
      let wanted = URL(fileURLWithPath: file.path).resolvingSymlinksInPath().path
      for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name)
        if target == wanted, let descriptor = Int32(name) { copy = dup(descriptor) }
      }
      #expect(image.sectorCount == 2)
    }
    #expect(copy >= 0)
    defer { close(copy) }
    #expect(try RawImage(path: file.path).sectorCount == 2)
  }

  @Test func overlayKeepsTheBaseUntouched() throws {
    let file = try ScratchFile(sectors: 8)
    let before = try file.contents()
    let overlay = try OverlayImage(base: try RawImage(path: file.path, readOnly: true), directory: "/tmp")
    try overlay.write(2, [UInt8](repeating: 0xee, count: 1024))
    try overlay.writeZeroes(5, count: 1)
    let seen = try overlay.read(0, count: 8)
    let expected: [UInt8] = [0, 1, 0xee, 0xee, 4, 0, 6, 7]
    #expect(seen == expected.flatMap { [UInt8](repeating: $0, count: 512) })
    #expect(try file.contents() == before)
  }

  @Test func discImagesAreFilledUpToWholeBlocks() throws {
    let file = try ScratchFile([UInt8](repeating: 9, count: 2048 + 100))
    let image = try ISOImage(path: file.path)
    #expect(image.blockCount == 2)
    let last = try image.read(4, count: 4)
    #expect(last[0..<100].allSatisfy { $0 == 9 } && last[100...].allSatisfy { $0 == 0 })
    #expect(throws: DiskError.readOnly) { try image.write(0, [UInt8](repeating: 0, count: 512)) }
  }
}
