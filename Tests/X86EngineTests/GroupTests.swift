import Base
import GuestMemory
import Testing

@testable import X86Engine

/// Accesses that are checked together, where their range does not always lie in one page.
@Suite("groups of accesses") struct GroupTests {
  /// Pushes and pops three registers a thousand times, with a comparison's flags alive meanwhile; every other time the
  /// three lie across the start of page 9000h.
  private static let program: [UInt8] = [
    0xb9, 0xe8, 0x03, 0x00, 0x00,  // mov ecx, 1000
    0x89, 0xce,  // 1: mov esi, ecx
    0x83, 0xe6, 0x01,  // and esi, 1
    0xc1, 0xe6, 0x08,  // shl esi, 8
    0xbc, 0x08, 0x90, 0x00, 0x00,  // mov esp, 9008h
    0x29, 0xf4,  // sub esp, esi
    0x49,  // dec ecx
    0x50, 0x53, 0x52,  // push eax; push ebx; push edx
    0x5a, 0x5b, 0x58,  // pop edx; pop ebx; pop eax
    0x75, 0xe8,  // jnz 1b
    0xf4,  // hlt
  ]

  /// Elements of an array by base and index: each becomes the sum of the two before it.
  private static let sums: [UInt8] = [
    0xbb, 0xf4, 0x8f, 0x00, 0x00,  // mov ebx, 8ff4h
    0x31, 0xc9,  // xor ecx, ecx
    0x8b, 0x04, 0x8b,  // 1: mov eax, [ebx+ecx*4]
    0x03, 0x44, 0x8b, 0x04,  // add eax, [ebx+ecx*4+4]
    0x89, 0x44, 0x8b, 0x08,  // mov [ebx+ecx*4+8], eax
    0x41,  // inc ecx
    0x81, 0xf9, 0x10, 0x08, 0x00, 0x00,  // cmp ecx, 2064
    0x75, 0xec,  // jne 1b
    0xf4,  // hlt
  ]

  @Test("elements of an array, over three ends of pages") func elements() throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    board.memory.write(GuestPhysical(0x4000), Self.sums)
    board.put32(0x8ff4, 1)
    board.put32(0x8ff8, 1)
    board.cpu.rip = 0x4000
    board.cpu.enterThread()
    defer { board.cpu.leaveThread() }
    #expect(board.cpu.runRecompiled() == .idle)
    var (a, b): (UInt32, UInt32) = (1, 1)
    for index in 0..<2064 {
      (a, b) = (b, a &+ b)
      let found = board.get(0x8ff4 + UInt64(index + 2) * 4, 4)
      if found != UInt64(b) { return #expect(found == UInt64(b), "element \(index + 2)") }
    }
    #expect(board.cpu.x.code.statistics.interpretedAccesses < 20)
  }

  @Test("a frame that lies across two pages by turns", arguments: [false, true])
  func straddling(keepsAllFlags: Bool) throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    board.memory.write(GuestPhysical(0x4000), Self.program)
    let cpu = board.cpu
    cpu.keepAllFlags(keepsAllFlags)
    cpu.rip = 0x4000
    (cpu.s.regs[0], cpu.s.regs[2], cpu.s.regs[3]) = (0x1111, 0x2222, 0x3333)
    cpu.enterThread()
    defer { cpu.leaveThread() }
    #expect(cpu.runRecompiled() == .idle)
    #expect([cpu.s.regs[0], cpu.s.regs[2], cpu.s.regs[3], cpu.s.regs[1]] == [0x1111, 0x2222, 0x3333, 0])
    #expect([0x9004, 0x9000, 0x8ffc].map { board.get($0, 4) } == [0x1111, 0x3333, 0x2222])
    #expect([0x8f04, 0x8f00, 0x8efc].map { board.get($0, 4) } == [0x1111, 0x3333, 0x2222])
    // Once the blocks have their accesses one by one as well, nothing has to be interpreted any more: 64 misses each.
    #expect(cpu.x.code.statistics.interpretedAccesses < 300)
  }
}
