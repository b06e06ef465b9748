import Base
import DeviceKit
import DiskImages
import HostSystem
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
}
