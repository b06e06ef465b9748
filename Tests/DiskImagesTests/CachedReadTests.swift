import Base
import DeviceKit
import DiskImages
import GuestMemory
import HostSystem
import Synchronization
import Testing

/// Reads that need not wait end before `submit` returns.
@Suite struct CachedReadTests {
  /// A disk that has everything, or nothing, in memory.
  private final class Disk: DiskImage {
    let sectorCount: UInt64 = 4096
    let isReadOnly = false
    let isCached = Mutex(true)
    /// Sectors of reads at once, and of all others.
    let cached = Mutex<[UInt64]>([]), waited = Mutex<[UInt64]>([])
    func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) { waited.withLock { $0.append(sector) } }
    func readCached(_ sector: UInt64, into buffers: [HostBuffer]) -> Bool {
      guard isCached.withLock({ $0 }) else { return false }
      cached.withLock { $0.append(sector) }
      return true
    }
    func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) {}
    func flush() throws(DiskError) {}
    func discard(_ sector: UInt64, count: UInt64) throws(DiskError) {}
    func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) {}
  }
  private static func request(_ operation: BlockRequest.Operation, _ sector: UInt64, _ count: Int) -> BlockRequest {
    BlockRequest(
      operation, sector: sector, count: count,
      payload: .guest([GuestSegment(address: GuestPhysical(0x1000), count: count)]), tag: sector)
  }
  /// Whether a request ends inside `submit`.
  private static func endsAtOnce(_ worker: BlockWorker, _ request: BlockRequest) -> Bool {
    let completions = Completions()
    let hasReturned = Mutex(false)
    let isEarly = Mutex(false)
    worker.submit(request) { completion in
      isEarly.withLock { $0 = !hasReturned.withLock { $0 } }
      completions.take(completion)
    }
    hasReturned.withLock { $0 = true }
    #expect(completions.wait(1).map(\.status) == [.done])
    return isEarly.withLock { $0 }
  }

  @Test func whatIsInMemoryIsReadByTheCaller() throws {
    let disk = Disk()
    let worker = try BlockWorker(disk, memory: try GuestMemory(ramSize: 1 << 20), threads: 1)
    defer { worker.close() }
    #expect(CachedReadTests.endsAtOnce(worker, CachedReadTests.request(.read, 1, 4096)))
    #expect(disk.cached.withLock { $0 } == [1] && disk.waited.withLock { $0 } == [])
    disk.isCached.withLock { $0 = false }
    _ = CachedReadTests.endsAtOnce(worker, CachedReadTests.request(.read, 2, 4096))
    #expect(disk.waited.withLock { $0 } == [2], "what is not goes to a worker")
    disk.isCached.withLock { $0 = true }
    _ = CachedReadTests.endsAtOnce(worker, CachedReadTests.request(.read, 3, 256 << 10))
    #expect(disk.waited.withLock { $0 } == [2, 3], "and so does what takes long to copy")
  }

  @Test func nothingIsReadByTheCallerOnceTheDriveIsClosed() throws {
    let disk = Disk()
    let worker = try BlockWorker(disk, memory: try GuestMemory(ramSize: 1 << 20), threads: 1)
    worker.close()
    let completions = Completions()
    worker.submit(CachedReadTests.request(.read, 1, 512)) { completions.take($0) }
    #expect(completions.wait(1).map(\.status) == [.ioError] && disk.cached.withLock { $0 } == [])
  }

  @Test func aRawFileGivesWhatThePageCacheHas() throws {
    let file = try ScratchFile(sectors: 64)
    let image = try RawImage(path: file.path)
    let memory = try GuestMemory(ramSize: 1 << 20)
    let buffers = [
      try #require(memory.directBuffer(GuestSegment(address: GuestPhysical(0x2000), count: 100))),
      try #require(memory.directBuffer(GuestSegment(address: GuestPhysical(0x3000), count: 924))),
    ]
    // Just written, so it is there; where the file system cannot tell, it says no and the test has nothing to see.
    guard image.readCached(4, into: buffers) else { return }
    #expect(memory.read(GuestPhysical(0x2000), count: 100).allSatisfy { $0 == 4 })
    #expect(memory.read(GuestPhysical(0x3000 + 412), count: 512).allSatisfy { $0 == 5 })
    #expect(!image.readCached(63, into: buffers), "beyond the end")
  }
}
