import Testing

@testable import Service

@Suite("stacks of guests") struct GuestStackTests {
  /// Guest memory of 16 MiB as words at addresses.
  private final class Memory {
    private var bytes: [UInt64: UInt8] = [:]
    func put(_ address: UInt64, _ value: UInt64, _ size: Int = 8) {
      for index in 0..<size { bytes[address + UInt64(index)] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }
    func read(_ address: UInt64, _ count: Int) -> [UInt8]? {
      address < 16 << 20 ? (0..<UInt64(count)).map { bytes[address + $0] ?? 0 } : nil
    }
  }

  @Test func withoutPagingFramesAreFollowed() throws {
    let memory = Memory()
    for (address, value) in [(0x1000, 0x1020), (0x1004, 0x77), (0x1020, 0), (0x1024, 0x88)] as [(UInt64, UInt64)] {
      memory.put(address, value, 4)
    }
    let stack = GuestStack(["rbp": 0x1000, "rip": 0x10, "cr0": 0x10], read: memory.read)
    #expect(stack.frames.map(\.base) == [0x1000, 0x1020])
    #expect(stack.frames.map(\.instruction) == [0x10, 0x77] && stack.frames[1].returnAddress == 0x88)
    #expect(stack.text.split(separator: "\n")[1].hasPrefix("00  0000000000001000 0000000000001020 0000000000000077"))
  }

  @Test(arguments: [4, 5]) func longModeTablesAreWalked(levels: Int) throws {
    let memory = Memory(), base: UInt64 = 0x7fff_1234_5000
    // A table a page, from 10000h on; the last page, at 20000h, is followed by one elsewhere.
    for level in 1...levels {
      let index = base >> UInt64(12 + 9 * (level - 1)) & 511
      memory.put(
        0x10000 + UInt64(levels - level) * 0x1000 + index * 8,
        level == 1 ? 0x20001 : (0x10000 + UInt64(levels - level + 1) * 0x1000) | 1)
    }
    let last = 0x10000 + UInt64(levels - 1) * 0x1000
    memory.put(last + (base >> 12 & 511) * 8 + 8, 0x8000_0000_0003_0001)
    memory.put(0x20ffc, 0x2040_1000, 4)
    memory.put(0x30000, 0x7fff, 4)
    memory.put(0x30004, 0xffff_ffff_8100_0000)
    let registers: [String: UInt64] = [
      "cr0": 1 << 31, "cr3": 0x10000, "cr4": levels == 5 ? 0x1020 : 0x20, "efer": 0x500, "rbp": base + 0xffc, "rip": 5,
    ]
    let stack = GuestStack(registers, read: memory.read)
    #expect(stack.frames.count == 1, "the next is not mapped")
    #expect(
      stack.frames.first?.previousBase == 0x7fff_2040_1000 && stack.frames.first?.returnAddress == 0xffff_ffff_8100_0000
    )
  }

  @Test func largePagesOfEveryKind() throws {
    let memory = Memory()
    // 4 MiB at 80400000h, by its bits 13 and up at 2_00800000h; PAE: 2 MiB; long mode: 1 GiB.
    memory.put(0x1000 + 0x201 * 4, 0x0080_4083, 4)
    let old = AddressSpace(["cr0": 1 << 31, "cr3": 0x1000, "cr4": 0x10])
    #expect(old.translate(0x8041_2345, memory.read) == 0x2_0081_2345)
    #expect(old.translate(0x8081_2345, memory.read) == nil)
    memory.put(0x2020 + 8, 0x3001)
    memory.put(0x3000 + 3 * 8, 0x40_0083)
    let pae = AddressSpace(["cr0": 1 << 31, "cr3": 0x2020, "cr4": 0x20])
    #expect(pae.translate(0x4061_2345, memory.read) == 0x41_2345)
    memory.put(0x4000, 0x5001)
    memory.put(0x5000 + 2 * 8, 0x4000_0083)
    let long = AddressSpace(["cr0": 1 << 31, "cr3": 0x4000, "cr4": 0x20, "efer": 0x400])
    #expect(long.translate(0x8765_4321, memory.read) == 0x4765_4321)
  }

  @Test func aChainInACircleEnds() throws {
    let memory = Memory()
    for address in stride(from: UInt64(0x1000), to: 0x2000, by: 8) {
      memory.put(address, address == 0x1ff8 ? 0x1000 : address + 8, 4)
      memory.put(address + 4, 1, 4)
    }
    #expect(GuestStack(["rbp": 0x1000], read: memory.read).frames.count == 64)
    #expect(GuestStack(["rbp": 0], read: memory.read).frames.isEmpty)
    #expect(GuestStack(["rbp": 0xffff_0000], read: memory.read).frames.isEmpty)
  }
}
