import Base
import GuestMemory
import Testing

/// RAM as it was at one moment, while others write to it.
@Suite struct FrozenMemoryTests {
  private func taken(_ frozen: FrozenMemory) -> [UInt8] {
    var bytes: [UInt8] = []
    while UInt64(bytes.count) < frozen.size { bytes += frozen.take(at: UInt64(bytes.count)) }
    return bytes
  }

  @Test func storesAfterTheFreezeDoNotShow() throws {
    let memory = try GuestMemory(ramSize: 3 << 20, lowLimit: 2 << 20)
    memory.write(GuestPhysical(0x1000), [1, 2, 3])
    memory.write(GuestPhysical(4 << 30), [4, 5, 6])
    let frozen = try #require(memory.freeze())
    #expect(memory.freeze() == nil)
    #expect(!memory.backing(of: GuestPhysical(0x1000)).directWrite)
    memory.write(GuestPhysical(0x1001), [9])
    memory.write(GuestPhysical(0x1ffe), [7, 7, 7, 7])
    memory.write(GuestPhysical(4 << 30), [8])
    // What is written through a pointer, too.
    #expect(unsafe memory.span(GuestPhysical(0x5000), count: 8192) != nil)
    #expect(memory.backing(of: GuestPhysical(0x5000)).directWrite)
    #expect(frozen.keptPages == 5)
    #expect(memory.read(GuestPhysical(0x1000), count: 3) == [1, 9, 3])
    let bytes = taken(frozen)
    #expect(bytes.count == 3 << 20)
    #expect(Array(bytes[0x1000..<0x1003]) == [1, 2, 3])
    #expect(Array(bytes[0x1ffe..<0x2002]) == [0, 0, 0, 0])
    // RAM has no hole: what is at 4 GiB follows the low part.
    #expect(Array(bytes[2 << 20..<2 << 20 + 3]) == [4, 5, 6])
    frozen.release()
    #expect(memory.backing(of: GuestPhysical(0x9000)).directWrite)
    #expect(memory.freeze() != nil)
  }

  @Test func whatWasTakenIsWrittenFreely() throws {
    let memory = try GuestMemory(ramSize: 1 << 20)
    let frozen = try #require(memory.freeze())
    _ = taken(frozen)
    memory.write(GuestPhysical(0x1000), [1])
    #expect(frozen.keptPages == 0)
    frozen.release()
  }

  @Test func ramIsWrittenAndClearedByOffset() throws {
    let memory = try GuestMemory(ramSize: 2 << 20, lowLimit: 1 << 20)
    #expect(memory.nextRAM(from: 0) == nil)
    #expect(memory.writeRAM(at: 1 << 20, [1, 2][...]))
    #expect(memory.read(GuestPhysical(4 << 30), count: 2) == [1, 2])
    #expect(memory.nextRAM(from: 0) == 1 << 20)
    #expect(!memory.writeRAM(at: (2 << 20) - 1, [1, 2][...]))
    #expect(!memory.writeRAM(at: .max, [1][...]))
    #expect(memory.clearRAM())
    #expect(memory.read(GuestPhysical(4 << 30), count: 2) == [0, 0])
    #expect(memory.readRAM(at: 3 << 20, count: 5).isEmpty)
  }
}
