import Base
import Compression
import Foundation
import HostSystem
import Testing

@testable import StateFile

/// Files of saved machines: what is written is read, and what is damaged is refused.
@Suite struct StateFileTests {
  /// RAM of 3 MiB and 12 KiB: pages of noise, pages that repeat, and zeroes.
  private struct Memory: MemorySource {
    var bytes: [UInt8]
    init() {
      var random = SystemRandomNumberGenerator()
      bytes = [UInt8](repeating: 0, count: 3 << 20 + 12 << 10)
      for page in [0, 1, 5, 255, 256, 700, bytes.count / 4096 - 1] {
        for at in 0..<4096 {
          bytes[page * 4096 + at] = page % 2 == 0 ? UInt8.random(in: 0...255, using: &random) : UInt8(page % 251 + 1)
        }
      }
    }
    var size: UInt64 { UInt64(bytes.count) }
    func nextData(from offset: UInt64) -> UInt64? { offset < size ? offset : nil }
    func take(at offset: UInt64) -> [UInt8] {
      Array(bytes[Int(offset)..<min(bytes.count, Int(offset) + 1 << 20)])
    }
  }
  private final class Collector: Sendable {
    let bytes: Locked
    init(_ count: Int) { bytes = Locked([UInt8](repeating: 0, count: count)) }
    func store(_ offset: UInt64, _ part: ArraySlice<UInt8>) -> Bool {
      bytes.change { bytes in
        guard Int(offset) + part.count <= bytes.count else { return false }
        bytes.replaceSubrange(Int(offset)..<Int(offset) + part.count, with: part)
        return true
      }
    }
  }

  private static func scratch() -> String {
    "\(FileManager.default.temporaryDirectory.path)/ringbox-state-\(UUID().uuidString)"
  }
  private static func write(_ path: String, _ memory: Memory) throws {
    let writer = try StateFileWriter(path, description: ["name": "test", "memory": .integer(Int64(memory.size))])
    try writer.add(unit: "cpu0", version: 1, [1, 2, 3])
    try writer.add(unit: "vga", version: 7, [UInt8](repeating: 9, count: 100_000))
    try writer.add(unit: "empty", version: 1, [])
    try writer.add(memory: memory)
    try writer.finish()
  }
  private static func read(_ path: String, size: UInt64) throws -> (units: [StateFileReader.Unit], memory: [UInt8]) {
    let reader = try StateFileReader(path)
    let units = try reader.units()
    let collector = Collector(Int(size))
    try reader.memory(size: size) { collector.store($0, $1) }
    return (units, collector.bytes.value)
  }

  @Test func whatIsWrittenIsRead() throws {
    let path = StateFileTests.scratch()
    defer { HostFiles.remove(path) }
    let memory = Memory()
    try StateFileTests.write(path, memory)
    #expect(try StateFileReader(path).description["name"] == "test")
    let (units, bytes) = try StateFileTests.read(path, size: memory.size)
    #expect(units.map(\.name).sorted() == ["cpu0", "empty", "vga"])
    #expect(units.first { $0.name == "vga" }?.version == 7)
    #expect(units.first { $0.name == "vga" }?.state == [UInt8](repeating: 9, count: 100_000))
    #expect(units.first { $0.name == "cpu0" }?.state == [1, 2, 3])
    #expect(bytes == memory.bytes)
    #expect(!HostPaths.exists(path + StateFileWriter.unfinishedSuffix))
  }

  @Test func zeroesCostNothing() throws {
    let path = StateFileTests.scratch()
    defer { HostFiles.remove(path) }
    var memory = Memory()
    memory.bytes = [UInt8](repeating: 0, count: 64 << 20)
    memory.bytes[5000] = 1
    let writer = try StateFileWriter(path, description: [:])
    try writer.add(memory: memory)
    #expect(try writer.finish() < 1000)
  }

  @Test func aFileThatWasNotFinishedIsNone() throws {
    let path = StateFileTests.scratch()
    do {
      let writer = try StateFileWriter(path, description: [:])
      try writer.add(memory: Memory())
      #expect(HostPaths.exists(path + StateFileWriter.unfinishedSuffix))
    }
    #expect(!HostPaths.exists(path))
    #expect(!HostPaths.exists(path + StateFileWriter.unfinishedSuffix))
  }

  @Test func aFullDiskIsAnError() {
    #expect(throws: StateFileError.self) {
      let writer = try StateFileWriter("/proc/ringbox-no-such-place", description: [:])
      try writer.finish()
    }
  }

  @Test func otherFilesAreRefused() throws {
    let path = StateFileTests.scratch()
    defer { HostFiles.remove(path) }
    for contents in [[], Array("hello".utf8), [UInt8](repeating: 0, count: 100_000)] as [[UInt8]] {
      try HostFiles.replace(path, with: contents)
      #expect(throws: StateFileError.foreign) { _ = try StateFileReader(path) }
    }
    #expect(throws: StateFileError.foreign) { _ = try StateFileReader("/tmp") }
    var head = StateFormat.magic
    head.put(UInt32(99))
    head.put(UInt32(0))
    try HostFiles.replace(path, with: head)
    #expect(throws: StateFileError.version(99)) { _ = try StateFileReader(path) }
  }

  /// Every cut, and thousands of changed bytes: an error or the same contents, and never a crash.
  @Test func mutationsAreRefusedOrHarmless() throws {
    let path = StateFileTests.scratch()
    defer { HostFiles.remove(path) }
    var memory = Memory()
    memory.bytes = Array(memory.bytes.prefix(8 * 4096))
    try StateFileTests.write(path, memory)
    let whole = try WholeFile.read(path, maximum: 1 << 24)
    let right = try StateFileTests.read(path, size: memory.size)
    for length in stride(from: 0, to: whole.count, by: max(1, whole.count / 300)) {
      try HostFiles.replace(path, with: Array(whole.prefix(length)))
      #expect(throws: StateFileError.self) { _ = try StateFileTests.read(path, size: memory.size) }
    }
    var seed: UInt64 = 1
    func random(_ limit: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % limit
    }
    var refused = 0
    let rounds = Int(ProcessInfo.processInfo.environment["FUZZ_SEEDS"] ?? "") ?? 1500
    for _ in 0..<rounds {
      var bytes = whole
      for _ in 0...random(3) {
        // Heads more often than contents.
        let at = random(2) == 0 ? random(bytes.count) : random(200)
        bytes[at] = UInt8(truncatingIfNeeded: random(256))
      }
      try HostFiles.replace(path, with: bytes)
      do {
        let found = try StateFileTests.read(path, size: memory.size)
        // What a checksum does not cover is not contents, or was not changed.
        #expect(found.memory == right.memory)
      } catch is StateFileError { refused += 1 }
    }
    #expect(refused > rounds / 2)
  }

  /// Records with right checksums and wrong contents.
  @Test func forgedRecordsAreRefused() throws {
    let path = StateFileTests.scratch()
    defer { HostFiles.remove(path) }
    func file(_ records: [(StateFormat.Tag, [UInt8])]) throws {
      var bytes = StateFormat.magic
      bytes.put(StateFormat.version)
      bytes.put(UInt32(0))
      var sum: UInt32 = 0
      for (tag, payload) in [(.description, Array("{}".utf8))] + records {
        let head = StateFormat.recordHead(tag, payload)
        sum &+= Zlib.crc32(head)
        bytes += head + payload
      }
      var end: [UInt8] = []
      end.put(UInt64(records.count + 1))
      end.put(sum)
      bytes += StateFormat.recordHead(.end, end) + end
      try HostFiles.replace(path, with: bytes)
    }
    func part(offset: UInt64, count: UInt32, present: UInt8, raw: Int) -> [UInt8] {
      var payload: [UInt8] = []
      payload.put(offset)
      payload.put(count)
      payload += [present] + [UInt8](repeating: 0, count: 31)
      return payload + Zstd.compress([UInt8](repeating: 1, count: raw))
    }
    try file([(.memory, part(offset: 0, count: 1, present: 1, raw: 4096))])
    #expect(try StateFileTests.read(path, size: 1 << 20).memory.first == 1)
    let wrong: [(StateFormat.Tag, [UInt8])] = [
      (.memory, part(offset: 1 << 20, count: 1, present: 1, raw: 4096)),
      (.memory, part(offset: 5, count: 1, present: 1, raw: 4096)),
      (.memory, part(offset: UInt64.max & ~4095, count: 1, present: 1, raw: 4096)),
      (.memory, part(offset: 0, count: 1, present: 3, raw: 8192)),
      (.memory, part(offset: 0, count: 8, present: 3, raw: 4096)),
      (.memory, part(offset: 0, count: 257, present: 1, raw: 4096)),
      (.memory, part(offset: 0, count: 1, present: 1, raw: 1 << 26)), (.memory, [1]), (.unit, [200]),
      (.unit, [1, 65, 0, 0, 0, 0, 255, 255, 255, 255, 1]), (.unit, [1, 65, 1, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3]),
    ]
    for record in wrong {
      try file([record])
      #expect(throws: StateFileError.self) { _ = try StateFileTests.read(path, size: 1 << 20) }
    }
  }
}

/// A value behind a lock.
private final class Locked: @unchecked Sendable {
  private let lock = NSLock()
  private var bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
  var value: [UInt8] { lock.withLock { bytes } }
  func change<R>(_ body: (inout [UInt8]) -> R) -> R { lock.withLock { body(&bytes) } }
}
