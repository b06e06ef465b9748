import DiskImages
import Foundation
import Synchronization
import Testing

/// Several threads on one image, as the worker threads of a drive are.
@Suite struct ConcurrencyTests {
  @Test(arguments: ImageKind.growing) func threadsOnOneImageDoNotDisturbEachOther(_ kind: ImageKind) throws {
    let store = MemoryStore()
    let start = try kind.make(in: store)
    let library = ImageLibrary(store: store)
    let failures = Mutex<[String]>([])
    let models = Mutex<[Int: [UInt8]]>([:])
    do {
      let image = try library.open(kind.path)
      // Each thread has the sectors whose number leaves its own remainder: blocks are shared by all.
      DispatchQueue.concurrentPerform(iterations: 4) { thread in
        var random = Seeded(UInt64(thread) + 5)
        var model = start
        do {
          for operation in 1...400 {
            let sector = random.below(start.count / 512 / 4) * 4 + thread
            let range = sector * 512..<(sector + 1) * 512
            switch random.below(8) {
            case 0 where thread == 0: try image.flush()
            case 0, 1:
              try image.writeZeroes(UInt64(sector), count: 1)
              model.replaceSubrange(range, with: repeatElement(0, count: 512))
            case 2, 3:
              if try image.read(UInt64(sector), count: 1) != Array(model[range]) {
                failures.withLock { $0.append("thread \(thread), operation \(operation), sector \(sector)") }
              }
            default:
              let bytes = stamp(sector, operation * 4 + thread)
              try image.write(UInt64(sector), bytes)
              model.replaceSubrange(range, with: bytes)
            }
          }
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
        models.withLock { $0[thread] = model }
      }
      try image.close()
    }
    #expect(failures.withLock { $0 } == [])
    let image = try library.open(kind.path)
    #expect(try image.check().errors.isEmpty)
    let seen = try image.read(0, count: start.count / 512)
    for (thread, model) in models.withLock({ $0 }) {
      for sector in stride(from: thread, to: start.count / 512, by: 4) {
        let range = sector * 512..<(sector + 1) * 512
        if seen[range] != model[range] {
          Issue.record("sector \(sector) of thread \(thread)")
          return
        }
      }
    }
  }
}
