import Base
import GuestMemory
import Synchronization
import Testing

@Suite("GuestMemory") struct GuestMemoryTests {
  private let mib: UInt64 = 1 << 20

  @Test func sizesThatNoMachineHasAreRefused() {
    let bad: [UInt64] = [0, 4096, mib - 4096, mib + 1, 1 << 46]
    for size in bad { #expect(throws: GuestMemoryError.badSize(size)) { try GuestMemory(ramSize: size) } }
  }

  @Test func ramReadsBackAcrossPages() throws {
    let memory = try GuestMemory(ramSize: mib)
    let bytes = (0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    memory.write(GuestPhysical(0xffe), bytes)
    #expect(memory.read(GuestPhysical(0xffe), count: bytes.count) == bytes)
    #expect(memory.read(GuestPhysical(0xffe + 9000), count: 2) == [0, 0])
    memory.write(GuestPhysical(0x10), [])
    #expect(memory.read(GuestPhysical(0x10), count: 0).isEmpty)
  }

  @Test func ramAboveTheLimitContinuesAtFourGibibytes() throws {
    let memory = try GuestMemory(ramSize: 3 * mib, lowLimit: 2 * mib)
    #expect(memory.lowSize == 2 * mib)
    #expect(memory.top == 4 << 30 | mib)
    memory.write(GuestPhysical(4 << 30), [1, 2, 3])
    #expect(memory.read(GuestPhysical(4 << 30), count: 3) == [1, 2, 3])
    // The last low byte is RAM, the next one is the hole.
    memory.write(GuestPhysical(2 * mib - 1), [0x55, 0x66])
    #expect(memory.read(GuestPhysical(2 * mib - 1), count: 2) == [0x55, 0xff])
  }

  @Test func addressesWithoutMemoryReadAsOnesAndDropWrites() throws {
    let memory = try GuestMemory(ramSize: mib)
    let nowhere: [UInt64] = [mib, 0xfec0_0000, 4 << 30, 1 << 51, UInt64.max - 3]
    for address in nowhere {
      memory.write(GuestPhysical(address), [1, 2])
      #expect(memory.read(GuestPhysical(address), count: 2) == [0xff, 0xff], "\(address)")
      #expect(memory.span(GuestPhysical(address), count: 2) == nil)
    }
    #expect(memory.span(GuestPhysical(mib - 2), count: 2) != nil)
    #expect(memory.span(GuestPhysical(mib - 2), count: 3) == nil)
    #expect(memory.span(GuestPhysical(0), count: 0) == nil)
  }

  @Test func romTakesLoadsAndDropsWrites() throws {
    let memory = try GuestMemory(ramSize: mib)
    memory.load(GuestPhysical(0xf_0000), [1, 2, 3, 4])
    memory.setFlags(GuestMemory.PageFlag.readOnly, clear: 0, at: GuestPhysical(0xf_0000), size: 0x1000)
    memory.write(GuestPhysical(0xf_0001), [9])
    #expect(memory.read(GuestPhysical(0xf_0000), count: 4) == [1, 2, 3, 4])
    memory.load(GuestPhysical(0xf_0001), [9])
    #expect(memory.read(GuestPhysical(0xf_0000), count: 2) == [1, 9])
    #expect(memory.span(GuestPhysical(0xf_0000), count: 4) == nil)
    memory.setFlags(0, clear: GuestMemory.PageFlag.readOnly, at: GuestPhysical(0xf_0000), size: 0x1000)
    memory.write(GuestPhysical(0xf_0001), [8])
    #expect(memory.read(GuestPhysical(0xf_0001), count: 1) == [8])
  }

  @Test func aPageOfTheBusHidesTheRamBeneath() throws {
    let memory = try GuestMemory(ramSize: mib)
    memory.write(GuestPhysical(0xa_0000), [7])
    memory.setFlags(GuestMemory.PageFlag.mmio, clear: 0, at: GuestPhysical(0xa_0000), size: 0x1000)
    #expect(memory.read(GuestPhysical(0xa_0000), count: 1) == [0xff])
    memory.setFlags(0, clear: GuestMemory.PageFlag.mmio, at: GuestPhysical(0xa_0000), size: 0x1000)
    #expect(memory.read(GuestPhysical(0xa_0000), count: 1) == [7])
  }

  @Test func deviceMemoryMustLieInTheHole() throws {
    let memory = try GuestMemory(ramSize: mib)
    for (address, size) in [(UInt64(0), UInt64(4096)), (4 << 30, 4096), (2 * mib + 1, 4096), (2 * mib, 100)] {
      #expect(throws: GuestMemoryError.self) {
        try memory.mapDeviceMemory(
          descriptor: memory.ramDescriptor, at: GuestPhysical(address), size: size, readOnly: false)
      }
    }
    // RAM seen a second time, at another address.
    try memory.mapDeviceMemory(
      descriptor: memory.ramDescriptor, at: GuestPhysical(0xe000_0000), size: 4096, readOnly: false)
    memory.write(GuestPhysical(0x10), [0x42])
    #expect(memory.read(GuestPhysical(0xe000_0010), count: 1) == [0x42])
    memory.unmapDeviceMemory(at: GuestPhysical(0xe000_0000), size: 4096)
    #expect(memory.read(GuestPhysical(0xe000_0010), count: 1) == [0xff])
  }

  @Test func storesToDecodedBytesAreToldOnce() throws {
    let memory = try GuestMemory(ramSize: mib)
    let heard = Heard()
    memory.addCodeListener { address, _ in heard.add(address.value) }
    #expect(memory.markCodePage(GuestPhysical(0x2000)))
    #expect(memory.markCode(GuestPhysical(0x2000), count: 64))
    #expect(!memory.markCodePage(GuestPhysical(0x2040)))
    #expect(memory.markCode(GuestPhysical(0x2040), count: 1))
    // Another 64-byte chunk of the page holds data.
    memory.write(GuestPhysical(0x2080), [1])
    #expect(heard.addresses.isEmpty)
    memory.write(GuestPhysical(0x207f), [1])
    #expect(heard.addresses == [0x2040])
    // Those bytes are forgotten now, the others are not.
    memory.write(GuestPhysical(0x207f), [1])
    #expect(heard.addresses.count == 1)
    #expect(!memory.markCodePage(GuestPhysical(0x2ff0)))
    #expect(memory.markCode(GuestPhysical(0x2ff0), count: 16))
    memory.write(GuestPhysical(0x2000), [1])
    #expect(heard.addresses == [0x2040, 0x2000])
    // With the last of them the page is plain again until it is decoded anew.
    memory.write(GuestPhysical(0x2ff0), [1])
    #expect(heard.addresses == [0x2040, 0x2000, 0x2000])
    memory.write(GuestPhysical(0x2ff0), [1])
    #expect(heard.addresses.count == 3)
    // The mark of the page went with them.
    #expect(!memory.markCode(GuestPhysical(0x2ff0), count: 16))
    #expect(memory.markCodePage(GuestPhysical(0x2ff0)))
    #expect(memory.markCode(GuestPhysical(0x2ff0), count: 16))
    memory.didWrite(GuestPhysical(0x1000), count: 0x2000)
    #expect(heard.addresses.count == 4)
  }

  @Test func pagesThatLoseTheirCodeAgainAndAgainStayMarkedForAWhile() throws {
    let memory = try GuestMemory(ramSize: mib)
    let page = GuestPhysical(0x2000)
    /// Decodes and stores; whether the page had lost its mark.
    func isNewlyMarked() -> Bool {
      let isNew = memory.markCodePage(page)
      _ = memory.markCode(page, count: 16)
      memory.write(page, [1])
      return isNew
    }
    let marks = (0..<100).filter { _ in isNewlyMarked() }.count
    #expect((2..<20).contains(marks))
    #expect(!memory.markCodePage(page))
    // Many stores later nobody decodes there any more.
    for _ in 0..<1000 { memory.write(page, [1]) }
    #expect(memory.markCodePage(page))
  }

  @Test func marksOutsideOfMemoryAreIgnored() throws {
    let memory = try GuestMemory(ramSize: mib)
    #expect(!memory.markCodePage(GuestPhysical(1 << 50)))
    #expect(memory.markCode(GuestPhysical(1 << 50), count: 15))
    memory.codeWritten(GuestPhysical(1 << 50), count: 15)
  }
}

/// What a listener was told.
private final class Heard: Sendable {
  private let list = Mutex<[UInt64]>([])
  func add(_ address: UInt64) { list.withLock { $0.append(address) } }
  var addresses: [UInt64] { list.withLock { $0 } }
}
