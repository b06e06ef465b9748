import Base
import Foundation
import GuestMemory
import Testing

@testable import X86Engine

/// How fast compiler-made code is translated: this program's own. Prints the figure; the bound is for mistakes, not for speed.
@Suite("translation speed", .serialized) struct TranslationSpeedTests {
  private static let address: UInt64 = 0x10_0000
  private static let size = 512 << 10

  @Test func translatingIsMeasured() throws {
    let board = try SystemBoard()
    try board.enterLongMode()
    let program = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/proc/self/exe")))
    try #require(program.count > 16 << 20)
    // Somewhere in the middle is code; where exactly does not matter.
    let start = program.count / 4
    board.memory.write(GuestPhysical(Self.address), Array(program[start..<(start + Self.size)]))
    let begun = clock()
    var at = Self.address
    while at < Self.address + UInt64(Self.size) - 64 {
      board.cpu.rip = at
      guard let block = try board.cpu.lookUpCode() else { break }
      at += UInt64(max(1, board.cpu.blockRecord(block).guestBytes))
    }
    let seconds = Double(clock() - begun) / Double(CLOCKS_PER_SEC)
    let counted = board.cpu.x.code.statistics
    let rate = Double(counted.translatedBytes) / max(seconds, 1e-6) / 1e6
    let blocks = Double(counted.translatedBlocks)
    print(
      String(
        format:
          "translation: %.2f MB of guest code a second of processor time; %.1f bytes, %.1f host bytes, %.2f us a block",
        rate, Double(counted.translatedBytes) / blocks, Double(counted.hostBytes) / blocks, seconds * 1e6 / blocks))
    #expect(counted.translatedBytes > UInt64(Self.size) / 2 && rate > 0.01)
  }
}
