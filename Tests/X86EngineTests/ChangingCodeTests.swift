import Base
import GuestMemory
import Testing

@testable import X86Engine

/// What code costs that is stored to all the time: in translations, and in messages to other processors.
@Suite("changing code") struct ChangingCodeTests {
  private static let address: UInt64 = 0x4000

  /// MOV EAX, `value`; JMP to itself.
  private func code(_ value: UInt8) -> [UInt8] { [0xb8, value, 0, 0, 0, 0xeb, 0xfe] }

  @Test func itIsInterpretedMoreOftenThanTranslated() throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    var interpreted = 0
    for round in 0..<400 {
      board.memory.write(GuestPhysical(Self.address), code(UInt8(truncatingIfNeeded: round)))
      board.group.collect(for: board.cpu)
      board.cpu.rip = Self.address
      if try board.cpu.lookUpCode() == nil { interpreted += 1 }
    }
    #expect(interpreted > 350)
    #expect(board.cpu.x.code.statistics.translatedBlocks < 50)
  }

  @Test func itIsTranslatedAgainOnceItStandsStill() throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    func isTranslated() throws -> Bool {
      board.cpu.rip = Self.address
      return try board.cpu.lookUpCode() != nil
    }
    for round in 0..<20 {
      board.memory.write(GuestPhysical(Self.address), code(UInt8(round)))
      board.group.collect(for: board.cpu)
      _ = try isTranslated()
    }
    let times = try (0..<200).first { _ in try isTranslated() }
    #expect(times != nil)
    #expect(try isTranslated())
  }

  @Test func aStoreIsToldOnlyToProcessorsWithCodeFromThere() throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    let other = Vcpu(
      index: 1, memory: board.memory, platform: board.platform, model: CPUModel(leaves: SystemBoard.intel),
      group: board.group)
    func isTold(_ vcpu: Vcpu) -> Bool { vcpu.cpu.pendingEvents & CPUEvent.codeChanged != 0 }
    board.memory.write(GuestPhysical(Self.address), code(1))
    board.cpu.rip = Self.address
    _ = try #require(try board.cpu.lookUpCode())
    // Both gave up their rights to store to the page when it became code.
    board.group.collect(for: board.cpu)
    board.group.collect(for: other.cpu)
    board.memory.write(GuestPhysical(Self.address + 0x800), [1])
    #expect(!isTold(board.vcpu) && !isTold(other))
    board.memory.write(GuestPhysical(Self.address + 1), [2])
    #expect(isTold(board.vcpu) && !isTold(other))
    // Once it has forgotten the code, it hears no more either.
    board.group.collect(for: board.cpu)
    board.memory.write(GuestPhysical(Self.address + 1), [3])
    #expect(!isTold(board.vcpu))
  }
}
