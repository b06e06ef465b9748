import Base
import GuestMemory
import Testing

@testable import X86Engine

/// Blocks that go on in the next page.
@Suite("blocks across pages") struct PageCrossingTests {
  /// Sums 1000 ... 1; the comparison's flags are alive between DEC and JNZ.
  private static let loop: [UInt8] = [
    0xb9, 0xe8, 0x03, 0x00, 0x00,  // mov ecx, 1000
    0x01, 0xc8,  // 1: add eax, ecx
    0x49,  // dec ecx
    0x75, 0xfb,  // jnz 1b
    0xf4,  // hlt
  ]
  /// In 64-bit mode: MOV EAX, 1 before the page's end; ADD EAX, 2; HLT behind it.
  private static let sum: [UInt8] = [0xb8, 1, 0, 0, 0, 0x83, 0xc0, 2, 0xf4]
  private static let pageTable: UInt64 = 0x13000

  private func run(_ board: SystemBoard, at address: UInt64) -> UInt64 {
    let cpu = board.cpu
    cpu.s.activity = Activity.running
    cpu.s.regs[0] = 0
    cpu.rip = address
    cpu.enterThread()
    defer { cpu.leaveThread() }
    #expect(cpu.runRecompiled() == .idle)
    return cpu.s.regs[0]
  }
  private func block(_ board: SystemBoard, at address: UInt64) throws -> TranslationBlock {
    board.cpu.rip = address
    return board.cpu.blockRecord(try #require(try board.cpu.lookUpCode()))
  }
  /// 64-bit mode with pages of 4 KiB in the first 2 MiB; `sum` lies across 5000h.
  private func pagedBoard() throws -> SystemBoard {
    let board = try SystemBoard()
    try board.enterLongMode()
    for page in 0..<512 as Range<UInt64> { board.put64(Self.pageTable + page * 8, page << 12 | 7) }
    board.put64(0x12000, Self.pageTable | 7)
    board.memory.write(GuestPhysical(0x4ffb), Self.sum)
    try board.cpu.invlpg(0x5000)
    return board
  }
  private func map(_ board: SystemBoard, _ entry: UInt64) throws {
    board.put64(Self.pageTable + 5 * 8, entry)
    try board.cpu.invlpg(0x5000)
  }

  @Test("a loop is one block wherever the page ends in it", arguments: 1...11) func loop(before: UInt64) throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    let start = 0x5000 - before
    board.memory.write(GuestPhysical(start), Self.loop)
    #expect(run(board, at: start) == 500_500)
    let statistics = board.cpu.x.code.statistics
    #expect(statistics.translatedBlocks == 2 && statistics.entryMisses < 3, "\(statistics)")
    #expect(try block(board, at: start).guestBytes == 11)
  }

  @Test("a store to its second page changes it") func changes() throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    board.memory.write(GuestPhysical(0x4ff8), Self.loop)
    #expect(run(board, at: 0x4ff8) == 500_500)
    // INC EAX; HLT.
    board.memory.write(GuestPhysical(0x5000), [0x40, 0xf4])
    board.group.collect(for: board.cpu)
    #expect(run(board, at: 0x4ff8) == 1001)
    // Beside its code nothing is lost.
    let before = board.cpu.x.code.statistics.invalidatedBlocks
    board.memory.write(GuestPhysical(0x5040), [0x90])
    board.group.collect(for: board.cpu)
    #expect(board.cpu.x.code.statistics.invalidatedBlocks == before)
  }

  @Test("where its second page changes all the time it ends with the first") func changesAlways() throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    board.memory.write(GuestPhysical(0x4ff8), Self.loop)
    for value in 0..<40 as Range<UInt64> {
      // ADD EAX, `value`; HLT.
      board.memory.write(GuestPhysical(0x5000), [0x83, 0xc0, UInt8(value), 0xf4])
      board.group.collect(for: board.cpu)
      #expect(run(board, at: 0x4ff8) == 1000 + value)
    }
    for _ in 0..<40 where board.cpu.x.code.isRefused(0x4ff8) {}
    #expect(try block(board, at: 0x4ff8).secondPage == ~0)
  }

  @Test("another page behind the first is another block's") func remapped() throws {
    let board = try pagedBoard()
    #expect(run(board, at: 0x4ffb) == 3)
    #expect(try block(board, at: 0x4ffb).secondPage == 0x5000)
    // ADD EAX, 7; HLT.
    board.memory.write(GuestPhysical(0x2_0000), [0x83, 0xc0, 7, 0xf4])
    try map(board, 0x2_0007)
    #expect(run(board, at: 0x4ffb) == 8)
    try map(board, 0x5007)
    #expect(run(board, at: 0x4ffb) == 3)
    // The first page's code has stayed what it was.
    #expect(board.cpu.x.code.statistics.invalidatedBlocks == 0)
  }

  @Test("a second page that is absent faults behind the first page's instructions", arguments: [false, true])
  func absent(isKnown: Bool) throws {
    let board = try pagedBoard()
    board.setGate64(14, offset: 0x7000)
    board.memory.write(GuestPhysical(0x7000), [0xf4])
    if isKnown { #expect(run(board, at: 0x4ffb) == 3) }
    try map(board, 0)
    #expect(run(board, at: 0x4ffb) == 1)
    #expect(board.cpu.s.cr2 == 0x5000)
    // Above the error code: RIP.
    #expect(board.get(board.cpu.rsp + 8, 8) == 0x5000)
    // The look at it has not set the accessed bit.
    #expect(board.get(Self.pageTable + 5 * 8, 8) == 0)
  }

  @Test("a look at the second page leaves its accessed bit alone") func accessed() throws {
    let board = try pagedBoard()
    // JMP to itself, before the rest of the page: the block never gets there.
    board.memory.write(GuestPhysical(0x4ffb), [0x74, 0x10, 0x90, 0x90, 0xf4])
    #expect(run(board, at: 0x4ffb) == 0)
    #expect(board.get(Self.pageTable + 5 * 8, 8) & 0x20 == 0)
    board.memory.write(GuestPhysical(0x4ffb), Self.sum)
    board.group.collect(for: board.cpu)
    #expect(try block(board, at: 0x4ffb).secondPage == 0x5000)
    #expect(board.get(Self.pageTable + 5 * 8, 8) & 0x20 == 0)
    #expect(run(board, at: 0x4ffb) == 3)
    #expect(board.get(Self.pageTable + 5 * 8, 8) & 0x20 != 0)
  }

  @Test("the instruction behind STI is still protected when it is in the next page") func interruptShadow() throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    board.setGate(0x20, offset: 0x7000)
    board.memory.write(GuestPhysical(0x7000), [0xf4])
    // STI at the end of its page; INC EAX; INC EAX; HLT.
    board.memory.write(GuestPhysical(0x4fff), [0xfb, 0x40, 0x40, 0xf4])
    board.platform.interrupt = 0x20
    board.cpu.raise(CPUEvent.interrupt)
    #expect(run(board, at: 0x4fff) == 1)
    #expect(board.get(board.cpu.rsp, 4) == 0x5001)
  }
}
