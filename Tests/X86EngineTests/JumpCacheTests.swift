import Base
import GuestMemory
import Testing

@testable import X86Engine

/// Targets of indirect jumps that have one place in the jump cache.
@Suite("jump cache") struct JumpCacheTests {
  private static func place(_ rip: UInt64) -> UInt64 { (rip ^ rip >> 4) & UInt64(VcpuLayout.jumpCount - 1) }

  /// Calls two functions by turns, a thousand times.
  private static let loop: [UInt8] = [
    0xb9, 0xe8, 0x03, 0x00, 0x00,  // mov ecx, 1000
    0xff, 0xd6,  // 1: call esi
    0xff, 0xd7,  // call edi
    0x49,  // dec ecx
    0x75, 0xf9,  // jnz 1b
    0xf4,  // hlt
  ]

  @Test("two targets of one place both stay known") func twoTargets() throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    let cpu = board.cpu
    let first: UInt64 = 0x1_0000
    let second = try #require((0x1_0100..<0x8_0000 as Range<UInt64>).first { Self.place($0) == Self.place(first) })
    board.memory.write(GuestPhysical(0x4000), Self.loop)
    // INC EAX; RET and INC EDX; RET.
    board.memory.write(GuestPhysical(first), [0x40, 0xc3])
    board.memory.write(GuestPhysical(second), [0x42, 0xc3])
    (cpu.s.regs[0], cpu.s.regs[2], cpu.s.regs[6], cpu.s.regs[7]) = (0, 0, first, second)
    cpu.rip = 0x4000
    cpu.enterThread()
    defer { cpu.leaveThread() }
    #expect(cpu.runRecompiled() == .idle)
    #expect(cpu.s.regs[0] == 1000 && cpu.s.regs[2] == 1000)
    #expect(cpu.x.code.statistics.indirectMisses < 20, "\(cpu.x.code.statistics)")

    // Other code in the place of either is found.
    for (address, register) in [(first, 0), (second, 2)] {
      let step = cpu.s.regs[register]
      board.memory.write(GuestPhysical(address), [0x90, 0xc3])
      board.group.collect(for: cpu)
      cpu.s.activity = Activity.running
      cpu.rip = 0x4000
      #expect(cpu.runRecompiled() == .idle)
      #expect(cpu.s.regs[register] == step)
    }
  }
}
