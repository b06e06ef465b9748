import Base
import DeviceKit
import DiskImages
import HostSystem
import Synchronization
import Testing

@Suite struct BlockWorkerTests {
  @Test func guestSegmentsOfAnySizeAreScatteredAndGathered() throws {
    let file = try ScratchFile(sectors: 8)
    let ram = CopiedRAM()
    let worker = try BlockWorker(try RawImage(path: file.path), memory: ram)
    defer { worker.close() }
    let segments = [
      GuestSegment(address: GuestPhysical(0x1000), count: 100),
      GuestSegment(address: GuestPhysical(0x2000), count: 924),
    ]
    let read = worker.run(BlockRequest(.read, sector: 4, count: 1024, payload: .guest(segments), tag: 7))
    #expect(read?.status == .done && read?.tag == 7)
    #expect(ram.copyIn(GuestPhysical(0x1000), count: 100).allSatisfy { $0 == 4 })
    #expect(ram.copyIn(GuestPhysical(0x2000 + 412), count: 512).allSatisfy { $0 == 5 })
    let write = worker.run(BlockRequest(.write, sector: 0, count: 1024, payload: .guest(segments)))
    #expect(write?.status == .done)
    #expect(try file.contents()[512..<1024].allSatisfy { $0 == 5 })
  }

  @Test func whatPassesIsCountedAndWhatFailsIsNot() throws {
    let file = try ScratchFile(sectors: 8)
    let worker = try BlockWorker(try RawImage(path: file.path), memory: CopiedRAM())
    defer { worker.close() }
    let data = [UInt8](repeating: 7, count: 1024)
    _ = worker.run(BlockRequest(.write, sector: 0, count: 1024, payload: .buffer(data)))
    for _ in 0..<3 { _ = worker.run(BlockRequest(.read, sector: 4, count: 512)) }
    _ = worker.run(BlockRequest(.read, sector: 8, count: 512))
    _ = worker.run(BlockRequest(.flush))
    var wanted = DiskTraffic()
    (wanted.writes, wanted.writtenBytes, wanted.reads, wanted.readBytes) = (1, 1024, 3, 1536)
    #expect(worker.traffic == wanted)
  }

  @Test func errorsBecomeStatuses() throws {
    let file = try ScratchFile(sectors: 2)
    let other = try ScratchFile(sectors: 5)
    let worker = try BlockWorker(try RawImage(path: file.path, readOnly: true), memory: CopiedRAM())
    defer { worker.close() }
    #expect(worker.run(BlockRequest(.read, sector: 1, count: 1024))?.status == .outOfRange)
    #expect(worker.run(BlockRequest(.read, sector: .max, count: 512))?.status == .outOfRange)
    let data = [UInt8](repeating: 0, count: 512)
    #expect(worker.run(BlockRequest(.write, sector: 0, count: 512, payload: .buffer(data)))?.status == .readOnly)
    worker.eject()
    #expect(worker.run(BlockRequest(.read, sector: 0, count: 512))?.status == .noMedium)
    #expect(worker.mediumInfo().sectors == 0)
    worker.insert(try RawImage(path: other.path))
    #expect(worker.mediumInfo().sectors == 5)
    #expect(worker.run(BlockRequest(.flush))?.status == .done)
  }

  @Test func drainWaitsForAllRequestsAndCloseRefusesMore() throws {
    let file = try ScratchFile(sectors: 8)
    let worker = try BlockWorker(try RawImage(path: file.path), memory: CopiedRAM(), threads: 3)
    let completions = Completions()
    for tag in 0..<100 {
      worker.submit(BlockRequest(.read, sector: UInt64(tag % 8), count: 512, tag: UInt64(tag))) { completions.take($0) }
    }
    worker.drain()
    let done = completions.wait(100)
    #expect(Set(done.map(\.tag)).count == 100 && done.allSatisfy { $0.status == .done })
    worker.close()
    #expect(worker.run(BlockRequest(.flush))?.status == .ioError)
  }

  /// A disk whose host is full while `isFull`.
  final class FullDisk: DiskImage {
    let isFull = Mutex(true)
    let sectorCount: UInt64 = 8
    let isReadOnly = false
    private func attempt() throws(DiskError) {
      if isFull.withLock({ $0 }) { throw .system(path: "full.img", SystemCallError(call: "pwritev", code: 28)) }
    }
    func read(_ sector: UInt64, into buffers: [HostBuffer]) throws(DiskError) {}
    func write(_ sector: UInt64, from buffers: [HostBuffer]) throws(DiskError) { try attempt() }
    func flush() throws(DiskError) {}
    func discard(_ sector: UInt64, count: UInt64) throws(DiskError) {}
    func writeZeroes(_ sector: UInt64, count: UInt64) throws(DiskError) { try attempt() }
  }
  private func write(_ worker: BlockWorker, _ completions: Completions, tag: UInt64) {
    let data = BlockRequest.Payload.buffer([UInt8](repeating: 1, count: 512))
    worker.submit(BlockRequest(.write, sector: 1, count: 512, payload: data, tag: tag)) { completions.take($0) }
  }

  @Test func aFullHostDiskIsToldOnceAndTriedAgain() throws {
    let disk = FullDisk()
    let worker = try BlockWorker(disk, memory: CopiedRAM(), threads: 1)
    defer { worker.close() }
    let told = Mutex<[DiskError]>([])
    let parker = Parker()
    worker.holdFailures { error in
      told.withLock { $0.append(error) }
      parker.unpark()
    }
    let completions = Completions()
    write(worker, completions, tag: 1)
    #expect(parker.park(until: HostClock.monotonicNanoseconds + 5_000_000_000))
    write(worker, completions, tag: 2)
    // Others go on while those wait.
    #expect(worker.run(BlockRequest(.read, sector: 0, count: 512))?.status == .done)
    disk.isFull.withLock { $0 = false }
    worker.retry()
    #expect(Set(completions.wait(2).map(\.tag)) == [1, 2])
    #expect(completions.wait(2).allSatisfy { $0.status == .done })
    #expect(told.withLock { $0.count } == 1)
  }

  @Test func whatIsKeptFailsWhenTheDriveIsDrained() throws {
    let worker = try BlockWorker(FullDisk(), memory: CopiedRAM())
    let parker = Parker()
    worker.holdFailures { _ in parker.unpark() }
    let completions = Completions()
    write(worker, completions, tag: 1)
    #expect(parker.park(until: HostClock.monotonicNanoseconds + 5_000_000_000))
    worker.drain()
    #expect(completions.wait(1).map(\.status) == [.ioError])
    worker.close()
  }
}
