import DeviceKit
import Foundation
import HostSystem
import Synchronization
import Testing

@testable import DiskImages

@Suite struct DiskLimitTests {
  @Test func whatIsTakenIsPaidAtTheRate() {
    let second: Int64 = 1_000_000_000
    let limit = DiskLimit(bytesPerSecond: 1000, now: 0)
    #expect(limit.isLimited && limit.take(bytes: 2100, now: 0) == nil, "a transfer of any size begins")
    let wait = limit.take(bytes: 1, now: 0)
    #expect(wait ?? 0 >= 2 * second && wait ?? 0 <= 2 * second + second / 100)
    #expect(limit.take(bytes: 1, now: second) != nil)
    #expect(limit.take(bytes: 1, now: 2 * second) != nil)
    #expect(limit.take(bytes: 50, now: 3 * second) == nil)
    // No more than a tenth of a second is saved up.
    #expect(limit.take(bytes: 600, now: 1000 * second) == nil && limit.take(bytes: 1, now: 1000 * second) != nil)
    limit.change(bytesPerSecond: 0, now: 0)
    #expect(!limit.isLimited && limit.take(bytes: .max, now: 0) == nil)
    limit.change(bytesPerSecond: .max, now: 0)
    #expect(limit.take(bytes: .max, now: 0) == nil && limit.take(bytes: .max, now: .max) == nil)
  }

  @Test func twoDisksShareWhatTheirGroupMayTransfer() throws {
    let file = try ScratchFile(sectors: 512)
    let limit = DiskLimit(bytesPerSecond: 1 << 20, now: HostClock.monotonicNanoseconds)
    let workers = try (0..<2).map { _ in
      try BlockWorker(try RawImage(path: file.path, readOnly: true), memory: CopiedRAM(), threads: 2)
    }
    defer { for worker in workers { worker.close() } }
    for worker in workers { worker.limit(by: limit) }
    let counts = Counts()
    let start = HostClock.monotonicNanoseconds
    // 512 KiB at 1 MiB a second, a tenth of a second's worth of it at once, and what is last is owed.
    for _ in 0..<8 { for worker in workers { counts.read(worker, sectors: 64) } }
    #expect(counts.wait(16))
    #expect(HostClock.monotonicNanoseconds - start >= 300_000_000)
  }
  @Test func anotherLimitHoldsAtOnceAndNobodyWhoWaitsForAllIsHeldUp() throws {
    let file = try ScratchFile(sectors: 512)
    let worker = try BlockWorker(try RawImage(path: file.path, readOnly: true), memory: CopiedRAM(), threads: 2)
    defer { worker.close() }
    let limit = DiskLimit(bytesPerSecond: 1, now: HostClock.monotonicNanoseconds)
    worker.limit(by: limit)
    let counts = Counts()
    for _ in 0..<3 { counts.read(worker, sectors: 8) }
    usleep(20_000)
    #expect(!counts.isReached(3), "the first one alone owes an hour")
    limit.change(bytesPerSecond: 0, now: HostClock.monotonicNanoseconds)
    #expect(counts.wait(3))
    limit.change(bytesPerSecond: 1, now: HostClock.monotonicNanoseconds)
    for _ in 0..<5 { counts.read(worker, sectors: 8) }
    worker.drain()
    #expect(counts.isReached(8))
  }
}

/// Requests that have ended.
private final class Counts: Sendable {
  private let done = Atomic<Int>(0)
  func read(_ worker: BlockWorker, sectors: Int) {
    worker.submit(BlockRequest(.read, sector: 0, count: sectors * 512)) { completion in
      if completion.status == .done { self.done.add(1, ordering: .relaxed) }
    }
  }
  func isReached(_ count: Int) -> Bool { done.load(ordering: .relaxed) >= count }
  func wait(_ count: Int) -> Bool {
    let deadline = HostClock.monotonicNanoseconds + 20_000_000_000
    while !isReached(count), HostClock.monotonicNanoseconds < deadline { usleep(1000) }
    return isReached(count)
  }
}
