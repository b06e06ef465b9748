import Base
import GuestMemory
import Testing

@testable import X86Engine

/// Memory operands that name the guest's registers as they stand.
@Suite("memory operands") struct OperandTests {
  private static let program: [UInt8] = [
    0x8b, 0x58, 0x08,  // mov ebx, [eax+8]: beyond 4 GiB, so at 4
    0x8b, 0x4c, 0x94, 0x08,  // mov ecx, [esp+edx*4+8]: a base that is no index
    0x89, 0x4c, 0xb5, 0x00,  // mov [ebp+esi*4], ecx: its sum wraps, too
    0x8b, 0x3f,  // mov edi, [edi]: bits above 31 that 32-bit code cannot see
    0xf4,  // hlt
  ]

  @Test("sums that wrap at 4 GiB, a scaled index beside ESP, upper halves of registers", arguments: [false, true])
  func wrapping(keepsAllFlags: Bool) throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    board.memory.write(GuestPhysical(0x4000), Self.program)
    board.put32(0x4, 0x1234_5678)
    board.put32(0x9018, 0x5555_aaaa)
    board.put32(0xa000, 0x7777_1111)
    let cpu = board.cpu
    cpu.keepAllFlags(keepsAllFlags)
    cpu.rip = 0x4000
    cpu.s.regs[0] = 0xffff_fffc
    (cpu.s.regs[2], cpu.s.regs[4]) = (4, 0x9000)
    (cpu.s.regs[5], cpu.s.regs[6]) = (0x9400, 0x4000_0000)
    cpu.s.regs[7] = 0xdead_beef_0000_a000
    cpu.enterThread()
    defer { cpu.leaveThread() }
    #expect(cpu.runRecompiled() == .idle)
    #expect([cpu.s.regs[3], cpu.s.regs[1], cpu.s.regs[7]] == [0x1234_5678, 0x5555_aaaa, 0x7777_1111])
    #expect(board.get(0x9400, 4) == 0x5555_aaaa)
  }
}
