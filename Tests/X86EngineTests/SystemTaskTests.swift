import Testing

@testable import X86Engine

struct SystemTaskTests {
  private typealias B = SystemBoard

  /// A second task at 5000h in ring 0 with its stack at B000h.
  private func board() throws -> SystemBoard {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    let t = B.otherTSS
    board.put32(t + 0x20, 0x5000)
    board.put32(t + 0x24, 0x246)
    for register in 0..<8 { board.put32(t + 0x28 + UInt64(register) * 4, 0x100 + UInt32(register)) }
    board.put32(t + 0x38, 0xb000)
    for segment in 0..<6 { board.put16(t + 0x48 + UInt64(segment) * 4, segment == Seg.cs ? B.code : B.data) }
    return board
  }

  @Test func jumpSwitchesTasksAndMovesTheBusyBit() throws {
    let board = try board()
    let cpu = board.cpu
    cpu[reg: 0] = 0x1234
    cpu.rip = 0x4005
    try cpu.farJump(selector: B.otherTask, offset: 0, operandSize: 4)
    #expect(cpu.rip == 0x5000 && cpu.rsp == 0xb000 && cpu[reg: 0] == 0x100 && cpu[reg: 7] == 0x107)
    #expect(cpu.rflags == 0x246)
    #expect(cpu.s.cr0 & CR0.ts != 0)
    #expect(cpu.s.segments[Seg.tr].selector == B.otherTask)
    #expect(board.descriptor(B.task) >> 40 & 0xff == 0x89)
    #expect(board.descriptor(B.otherTask) >> 40 & 0xff == 0xeb)
    #expect(board.get(B.tss + 0x20, 4) == 0x4005)
    #expect(board.get(B.tss + 0x28, 4) == 0x1234)
    #expect(board.get(B.tss + 0x4c, 2) == UInt64(B.code))
  }

  @Test func callNestsAndIretReturns() throws {
    let board = try board()
    let cpu = board.cpu
    cpu.rip = 0x4005
    try cpu.farCall(selector: B.taskGate, offset: 0, operandSize: 4)
    #expect(cpu.rflags & RFLAGS.nt != 0)
    #expect(board.get(B.otherTSS, 2) == UInt64(B.task))
    #expect(board.descriptor(B.task) >> 40 & 0xff == 0x8b)
    cpu.rip = 0x5001
    try cpu.iret(operandSize: 4)
    #expect(cpu.rip == 0x4005 && cpu.rsp == 0x8000)
    #expect(cpu.s.segments[Seg.tr].selector == B.task)
    #expect(board.descriptor(B.otherTask) >> 40 & 0xff == 0xe9)
    #expect(board.get(B.otherTSS + 0x24, 4) & RFLAGS.nt == 0)
    #expect(board.get(B.otherTSS + 0x20, 4) == 0x5001)
  }

  @Test func exceptionThroughATaskGatePushesItsErrorCode() throws {
    let board = try board()
    board.setGate(8, offset: 0, access: 0x85, selector: B.otherTask)
    let cpu = board.cpu
    cpu.s.instructionStart = 0x4100
    cpu.deliver(.doubleFault())
    #expect(cpu.rip == 0x5000 && cpu.rsp == 0xb000 - 4)
    #expect(board.get(0xb000 - 4, 4) == 0)
    #expect(board.get(B.tss + 0x20, 4) == 0x4100)
  }

  @Test func taskChecksLeaveTheOldTaskAlone() throws {
    let board = try board()
    let cpu = board.cpu
    func jump(_ selector: UInt16) -> Fault? {
      board.fault { () throws(Fault) in try cpu.farJump(selector: selector, offset: 0, operandSize: 4) }
    }
    #expect(jump(B.task) == .protection(0x28))
    board.setDescriptor(B.otherTask, B.segment(base: B.otherTSS, limit: 0x66, access: 0xe9, flags: 0))
    #expect(jump(B.otherTask) == .invalidTSS(0x40))
    board.setDescriptor(B.otherTask, B.segment(base: B.otherTSS, limit: 0x67, access: 0x69, flags: 0))
    #expect(jump(B.otherTask) == .notPresent(0x40))
    #expect(cpu.s.segments[Seg.tr].selector == B.task && cpu.rip == 0x4000)
  }

  @Test func badSegmentsFaultInTheNewTask() throws {
    let board = try board()
    board.put16(B.otherTSS + 0x48, 0x200)
    let cpu = board.cpu
    let fault = board.fault { () throws(Fault) in try cpu.farJump(selector: B.otherTask, offset: 0, operandSize: 4) }
    #expect(fault == .invalidTSS(0x200))
    #expect(cpu.s.segments[Seg.tr].selector == B.otherTask)
    #expect(cpu.s.instructionStart == 0x5000)
    board.setGate(10, offset: 0x5800)
    cpu.deliver(.invalidTSS(0x200))
    #expect(cpu.rip == 0x5800 && board.get(cpu.rsp + 4, 4) == 0x5000)
  }

  @Test func taskMayBeAVirtual8086Program() throws {
    let board = try board()
    board.put32(B.otherTSS + 0x24, 0x2_0202)
    board.put32(B.otherTSS + 0x20, 0x100)
    board.put16(B.otherTSS + 0x4c, 0x1000)
    try board.cpu.farJump(selector: B.otherTask, offset: 0, operandSize: 4)
    #expect(board.cpu.s.mode == CPUMode.virtual8086.rawValue && board.cpu.s.cpl == 3)
    #expect(board.cpu.s.segments[Seg.cs].base == 0x10000 && board.cpu.rip == 0x100)
  }

  @Test func debugTrapBitRaisesDebugException() throws {
    let board = try board()
    board.put16(B.otherTSS + 0x64, 1)
    try board.cpu.farJump(selector: B.otherTask, offset: 0, operandSize: 4)
    #expect(board.cpu.s.pendingDebug == 1 << 15)
  }

  @Test func sixteenBitTaskSavesAndLoadsWords() throws {
    let board = try board()
    let t = B.otherTSS
    board.setDescriptor(B.otherTask, B.segment(base: t, limit: 0x2b, access: 0xe1, flags: 0))
    board.put16(t + 0x0e, 0x5000)
    board.put16(t + 0x10, 0x202)
    for register in 0..<8 { board.put16(t + 0x12 + UInt64(register) * 2, 0x200) }
    for segment in 0..<4 { board.put16(t + 0x22 + UInt64(segment) * 2, segment == Seg.cs ? B.code : B.data) }
    board.put16(t + 0x2a, 0)
    try board.cpu.farJump(selector: B.otherTask, offset: 0, operandSize: 4)
    #expect(board.cpu.rip == 0x5000 && board.cpu[reg16: 3] == 0x200)
    #expect(board.cpu.s.segments[Seg.fs].isNull)
  }
}
