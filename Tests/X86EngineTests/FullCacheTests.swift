import Base
import GuestMemory
import Testing

@testable import X86Engine

/// What happens when the code cache has no room: all is forgotten, and what is made next must be reachable.
@Suite("full code cache") struct FullCacheTests {
  /// MOV EAX, 1; HLT.
  private static let code: [UInt8] = [0xb8, 1, 0, 0, 0, 0xf4]

  private func board(codeAt address: UInt64) throws -> SystemBoard {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    board.memory.write(GuestPhysical(address), Self.code)
    board.cpu.rip = address
    // The page is known before the cache is full.
    board.cpu.x.recompiler.use(board.cpu.modeKey)
    _ = try board.cpu.codePage(board.cpu.codeLinear, board.cpu.modeKey)
    return board
  }
  private func token(_ board: SystemBoard, _ address: UInt64) throws -> UInt32? {
    try board.cpu.codePage(address, board.cpu.modeKey)?.token
  }

  /// A block that names a token of before could only be entered from its own page, by way of Swift each time; one of
  /// two pages never, in an endless loop.
  @Test("the first block after a flush names its pages as they are known now", arguments: [0x4000, 0x4ffd] as [UInt64])
  func firstBlock(address: UInt64) throws {
    let board = try board(codeAt: address)
    let cpu = board.cpu
    cpu.x.code.used = CodeCache.codeBytes
    let block = try #require(try cpu.lookUpCode())
    #expect(cpu.x.code.statistics.fullFlushes == 1)
    #expect(try token(board, address) == cpu.blockRecord(block).token)
    cpu.enterThread()
    defer { cpu.leaveThread() }
    #expect(cpu.runRecompiled() == .idle)
    #expect(cpu.s.regs[0] == 1)
    #expect(cpu.x.code.statistics.entryMisses < 3)
  }

  /// Looking up a block's second page must not forget the block.
  @Test func aKnownBlockOfTwoPagesIsStillThere() throws {
    let address: UInt64 = 0x4ffd
    let board = try board(codeAt: address)
    let cpu = board.cpu
    let first = try #require(try cpu.lookUpCode())
    cpu.x.recompiler.forgetPages()
    cpu.x.code.used = CodeCache.codeBytes
    let second = try #require(try cpu.lookUpCode())
    #expect(first == second && cpu.blockRecord(second).isValid && cpu.blockRecord(second).rip == address)
    #expect(cpu.x.code.statistics.fullFlushes == 0)
  }
}
