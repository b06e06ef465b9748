import DeviceKit
import DiskImages
import HostSystem
import Synchronization
import Testing

/// An image is put over a disk that is in use.
@Suite struct CoverTests {
  @Test(arguments: ChainTests.formats) func writesGoToTheNewImage(_ format: ImageFormat) throws {
    let store = MemoryStore()
    let library = ImageLibrary(store: store)
    try library.create("base", ImageCreation(format, capacity: 1 << 20))
    let base = try library.open("base")
    try base.write(1, stamp(1, 1))
    try library.createChild("child", of: try base.info(), format: format)
    let worker = try BlockWorker(base, memory: CopiedRAM())
    #expect(worker.managedImage === base)
    try base.write(2, stamp(2, 1))
    #expect(worker.settle())
    // Not flushed: the child sees it all the same.
    worker.cover(with: try library.open("child", over: base))
    func carryOut(_ request: BlockRequest) -> BlockCompletion {
      let parker = Parker()
      let result = Mutex(BlockCompletion(tag: 0, status: .ioError))
      worker.submit(request) { completion in
        result.withLock { $0 = completion }
        parker.unpark()
      }
      parker.park()
      return result.withLock { $0 }
    }
    #expect(carryOut(BlockRequest(.write, sector: 1, count: 512, payload: .buffer(stamp(1, 2)))).status == .done)
    #expect(carryOut(BlockRequest(.read, sector: 1, count: 1024)).data == stamp(1, 2) + stamp(2, 1))
    // A flush covers what was written to either.
    #expect(carryOut(BlockRequest(.flush)).status == .done)
    worker.close()
    try base.close()
    #expect(try library.open("base", .init(readOnly: true)).read(1, count: 2) == stamp(1, 1) + stamp(2, 1))
    #expect(try library.open("child").read(1, count: 2) == stamp(1, 2) + stamp(2, 1))
  }

  @Test func anImageOfSomethingElseIsRefused() throws {
    let store = MemoryStore()
    let library = ImageLibrary(store: store)
    try library.create("a", ImageCreation(.vdi, capacity: 1 << 20))
    try library.create("b", ImageCreation(.vdi, capacity: 1 << 20))
    try library.createChild("child", of: "a")
    let other = try library.open("b")
    #expect(throws: DiskError.self) { _ = try library.open("child", over: other) }
  }
}
