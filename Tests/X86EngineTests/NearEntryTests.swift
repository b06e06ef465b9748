import Base
import GuestMemory
import Testing

@testable import X86Engine

/// Near entries of hot user code.
@Suite("near entries") struct NearEntryTests {
  private static let pageTable: UInt64 = 0x13000
  private static let blocks: UInt64 = 150

  /// 64-bit mode; for ring 3 at 6000h many blocks, each with a near entry of its own, that add up what RBX points to; the HLT behind
  /// them ends in the kernel's.
  private func board() throws -> SystemBoard {
    let board = try SystemBoard()
    try board.enterLongMode()
    for page in 0..<512 as Range<UInt64> { board.put64(Self.pageTable + page * 8, page << 12 | 7) }
    board.put64(0x12000, Self.pageTable | 7)
    board.setGate64(13, offset: 0x5000)
    board.memory.write(GuestPhysical(0x5000), [0xf4])
    // ADD RDX, [RBX]; JMP to what follows.
    let block: [UInt8] = [0x48, 0x03, 0x13, 0xeb, 0x00]
    board.memory.write(
      GuestPhysical(0x6000), (0..<Int(Self.blocks)).flatMap { _ in block } + [0xf4])
    board.cpu.x.recompiler.treatsAllAsHot = true
    return board
  }
  private func run(_ board: SystemBoard) -> UInt64 {
    let cpu = board.cpu
    cpu.s.activity = Activity.running
    cpu.s.regs[2] = 0
    cpu.s.regs[3] = 0x2_0000
    cpu.enterThread()
    defer { cpu.leaveThread() }
    #expect(cpu.runRecompiled() == .idle)
    return cpu.s.regs[2]
  }
  private func map(_ board: SystemBoard, to physical: UInt64) throws {
    board.put64(Self.pageTable + 0x20 * 8, physical | 7)
    try board.cpu.invlpg(0x2_0000)
  }

  @Test("no near entry outlives its page's translation") func remapped() throws {
    let board = try board()
    board.put64(0x3_0000, 1)
    board.put64(0x4_0000, 1000)
    for _ in 0..<3 {
      for (physical, value) in [(0x3_0000, 1), (0x4_0000, 1000)] as [(UInt64, UInt64)] {
        try map(board, to: physical)
        try board.enterUserMode64()
        #expect(run(board) == Self.blocks * value)
      }
    }
  }
}
