import DiskImages
import Foundation
import HostSystem
import Testing

/// What the host's memory does for a file is not seen in what the file holds.
@Suite struct HostCacheTests {
  private final class Folder {
    /// Not in memory: /tmp may be.
    let path = "/var/tmp/ringbox-cache-\(UInt32.random(in: 0...(.max)))"
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  /// Transfers of any size and place, from memory of any alignment, against an array of bytes.
  @Test(arguments: HostCache.allCases) func transfersDoWhatTheModelDoes(_ cache: HostCache) throws {
    let folder = try Folder()
    let file = try HostFile(path: "\(folder.path)/f", writable: true, create: true, cache: cache)
    let capacity = 3 << 20
    try file.resize(to: UInt64(capacity))
    var model = [UInt8](repeating: 0, count: capacity)
    var random = Seeded(11)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 2 * capacity, alignment: 4096)
    defer { memory.deallocate() }
    for round in 0..<(cache == .writeThrough ? 60 : 600) {
      // Whole blocks, or not; one buffer or several, aligned or not.
      let unit = round % 3 == 0 ? 512 : 4096
      let offset = random.below(capacity / unit) * unit
      let count = min(capacity - offset, (1 + random.below(round % 50 == 0 ? 512 : 12)) * unit)
      let start = memory + (round % 2 == 0 ? 0 : 16 * random.below(256))
      let cut = round % 4 == 0 ? count : min(count, 512 * (1 + random.below(16)))
      let buffers = [HostBuffer(start, count: cut), HostBuffer(start + cut, count: count - cut)]
      if random.below(2) == 0 {
        for index in 0..<count {
          start.storeBytes(of: UInt8(truncatingIfNeeded: index &* 7 &+ round), toByteOffset: index, as: UInt8.self)
        }
        try file.write(at: UInt64(offset), from: buffers)
        for index in 0..<count { model[offset + index] = UInt8(truncatingIfNeeded: index &* 7 &+ round) }
      } else {
        try file.read(at: UInt64(offset), into: buffers)
        #expect(HostBuffer(start, count: count).load() == Array(model[offset..<offset + count]), "round \(round)")
      }
    }
    // Behind the end there are zeroes, whatever way is taken.
    let end = HostBuffer(memory, count: 8192)
    try file.read(at: UInt64(capacity - 4096), into: [end])
    #expect(end.load() == Array(model[(capacity - 4096)...]) + [UInt8](repeating: 0, count: 4096))
    try file.synchronize()
    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/f")) == Data(model))
  }

  @Test func whatGoesPastTheCacheIsNotInIt() throws {
    let folder = try Folder()
    let path = "\(folder.path)/f"
    let file = try HostFile(path: path, writable: true, create: true, cache: .none)
    // Where the file system has no such way, the page cache is used.
    try #require(DirectFile(of: FileDescriptor(opening: path, .readOnly), writable: false) != nil)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 5, count: 1 << 20)
    let buffer = HostBuffer(memory, count: 1 << 20)
    try file.write(at: 0, from: [buffer])
    try file.read(at: 0, into: [buffer])
    #expect(!file.readCached(at: 0, into: [buffer]))
    #expect(try cachedPages(path) == 0)
    let usual = try HostFile(path: "\(folder.path)/g", writable: true, create: true)
    try usual.write(at: 0, from: [buffer])
    #expect(try cachedPages("\(folder.path)/g") == 256)
  }
  private func cachedPages(_ path: String) throws -> Int? {
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/fincore")
    process.arguments = ["--noheadings", "--output", "PAGES", path]
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
  }
}
