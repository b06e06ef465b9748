import Testing

@testable import X86Engine

struct SystemTransferTests {
  private typealias B = SystemBoard

  private func protected() throws -> SystemBoard {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    return board
  }

  private func jump(_ board: SystemBoard, _ selector: UInt16, _ offset: UInt64 = 0x5000) -> Fault? {
    board.fault { () throws(Fault) in try board.cpu.farJump(selector: selector, offset: offset, operandSize: 4) }
  }

  @Test func realModeCallAndReturn() throws {
    let board = try SystemBoard()
    let cpu = board.cpu
    try cpu.farJump(selector: 0x100, offset: 0x20, operandSize: 2)
    cpu.rsp = 0x800
    cpu.rip = 0x25
    try cpu.farCall(selector: 0x200, offset: 0x30, operandSize: 2)
    #expect(cpu.s.segments[Seg.cs].base == 0x2000)
    #expect(cpu.rip == 0x30 && cpu.rsp == 0x7fc)
    #expect(board.get(0x7fc, 4) == 0x0100_0025)
    try cpu.farReturn(operandSize: 2, release: 6)
    #expect(cpu.s.segments[Seg.cs].selector == 0x100)
    #expect(cpu.rip == 0x25 && cpu.rsp == 0x806)
    #expect(jump(board, 0, 0x1_0000) == .protection())
  }

  @Test func directJumpsCheckTheTargetSegment() throws {
    let board = try protected()
    #expect(jump(board, 0) == .protection())
    #expect(jump(board, 0x200) == .protection(0x200))
    #expect(jump(board, B.data) == .protection(0x10))
    #expect(jump(board, B.userCode) == .protection(0x18))
    #expect(jump(board, B.code | 3) == .protection(0x08))
    board.setDescriptor(0xa8, B.segment(access: 0x1b))
    #expect(jump(board, 0xa8) == .notPresent(0xa8))
    board.setDescriptor(0xa8, B.segment(limit: 0xfff, access: 0x9b, flags: 4))
    #expect(jump(board, 0xa8, 0x1000) == .protection())
    #expect(board.cpu.rip == 0x4000)
    #expect(jump(board, 0xa8, 0xfff) == nil)
    #expect(board.cpu.rip == 0xfff)
  }

  @Test func conformingCodeKeepsThePrivilegeLevel() throws {
    let board = try protected()
    try board.enterUserMode()
    #expect(jump(board, B.conforming) == nil)
    #expect(board.cpu.s.segments[Seg.cs].selector == B.conforming | 3)
    #expect(board.cpu.s.cpl == 3)
  }

  @Test func sixteenBitOperandsTruncateTheOffset() throws {
    let board = try protected()
    try board.cpu.farJump(selector: B.code, offset: 0x1_2345, operandSize: 2)
    #expect(board.cpu.rip == 0x2345)
  }

  @Test func callGateSwitchesStacksAndCopiesParameters() throws {
    let board = try protected()
    try board.enterUserMode()
    let cpu = board.cpu
    try cpu.push(0x1111, size: 4)
    try cpu.push(0x2222, size: 4)
    cpu.rip = 0x6010
    try cpu.farCall(selector: B.gate | 3, offset: 0xdead, operandSize: 4)
    #expect(cpu.s.cpl == 0)
    #expect(cpu.s.segments[Seg.cs].selector == B.code && cpu.rip == 0x5000)
    #expect(cpu.s.segments[Seg.ss].selector == B.data)
    #expect(cpu.rsp == 0x9000 - 24)
    let frame = (0..<6).map { board.get(0x9000 - 24 + UInt64($0) * 4, 4) }
    #expect(frame == [0x6010, UInt64(B.userCode), 0x2222, 0x1111, 0x7000 - 8, UInt64(B.userData)])
    // The way back drops ring-0 data segments and releases the parameters on both stacks.
    try cpu.loadSegment(Seg.ds, selector: B.data)
    try cpu.farReturn(operandSize: 4, release: 8)
    #expect(cpu.s.cpl == 3 && cpu.rip == 0x6010 && cpu.rsp == 0x7000)
    #expect(cpu.s.segments[Seg.ss].selector == B.userData)
    #expect(cpu.s.segments[Seg.ds].isNull)
    #expect(cpu.s.segments[Seg.es].selector == B.userData)
  }

  @Test func callGateChecksItsPrivilegeAndTheTaskStack() throws {
    let board = try protected()
    try board.enterUserMode()
    let cpu = board.cpu
    func call() -> Fault? {
      board.fault { () throws(Fault) in try cpu.farCall(selector: B.gate, offset: 0, operandSize: 4) }
    }
    board.setDescriptor(B.gate, B.gate(B.code, 0x5000, access: 0x8c))
    #expect(call() == .protection(0x38))
    board.setDescriptor(B.gate, B.gate(B.code, 0x5000, access: 0x6c))
    #expect(call() == .notPresent(0x38))
    board.setDescriptor(B.gate, B.gate(B.data, 0x5000, access: 0xec))
    #expect(call() == .protection(0x10))
    board.setDescriptor(B.gate, B.gate(B.code, 0x5000, access: 0xec))
    board.put16(B.tss + 8, B.userData)
    #expect(call() == .invalidTSS(0x20))
    board.put16(B.tss + 8, 0)
    #expect(call() == .invalidTSS(0))
    board.put16(B.tss + 8, B.absent)
    #expect(call() == .stack(0x48))
    #expect(cpu.s.cpl == 3 && cpu.rsp == 0x7000 && cpu.rip == 0x6000)
  }

  @Test func jumpThroughAGateDoesNotRaisePrivilege() throws {
    let board = try protected()
    #expect(jump(board, B.gate) == nil)
    #expect(board.cpu.rip == 0x5000)
    try board.enterUserMode()
    #expect(jump(board, B.gate) == .protection(0x08))
  }

  @Test func returnRefusesInnerLevelsAndBadStacks() throws {
    let board = try protected()
    let cpu = board.cpu
    func frame(_ values: [UInt64]) throws -> Fault? {
      cpu.rsp = 0x8000
      for value in values { try cpu.push(value, size: 4) }
      return board.fault { () throws(Fault) in try cpu.farReturn(operandSize: 4, release: 0) }
    }
    #expect(try frame([0, 0x6000]) == .protection())
    #expect(try frame([UInt64(B.data), 0x6000]) == .protection(0x10))
    #expect(try frame([UInt64(B.data), 0x7000, UInt64(B.userCode), 0x6000]) == .protection(0x10))
    #expect(try frame([0, 0x7000, UInt64(B.userCode), 0x6000]) == .protection())
    #expect(cpu.s.cpl == 0 && cpu.rsp == 0x8000 - 16)
    try board.enterUserMode()
    cpu.rsp = 0x7000
    for value in [UInt64(B.code), 0x4000] { try cpu.push(value, size: 4) }
    #expect(board.fault { () throws(Fault) in try cpu.farReturn(operandSize: 4, release: 0) } == .protection(0x08))
  }

  @Test func longModeGateUsesTheTaskStackAndANullSS() throws {
    let board = try SystemBoard()
    try board.enterLongMode()
    try board.enterUserMode64()
    let cpu = board.cpu
    #expect(cpu.s.cpl == 3 && cpu.s.mode == CPUMode.long.rawValue)
    cpu.rip = 0x6010
    try cpu.farCall(selector: B.gate64 | 3, offset: 0, operandSize: 8)
    #expect(cpu.s.cpl == 0 && cpu.rip == 0x5000 && cpu.rsp == 0x9000 - 32)
    #expect(cpu.s.segments[Seg.ss].selector == 0)
    let frame = (0..<4).map { board.get(0x9000 - 32 + UInt64($0) * 8, 8) }
    #expect(frame == [0x6010, UInt64(B.userCode64), 0x7000, UInt64(B.userData)])
    try cpu.farReturn(operandSize: 8, release: 0)
    #expect(cpu.s.cpl == 3 && cpu.rip == 0x6010 && cpu.rsp == 0x7000)
  }

  @Test func compatibilityModeIsEnteredAndLeftByFarTransfers() throws {
    let board = try SystemBoard()
    try board.enterLongMode()
    let cpu = board.cpu
    for value in [UInt64(B.code), 0x4500] { try cpu.push(value, size: 8) }
    try cpu.farReturn(operandSize: 8, release: 0)
    #expect(cpu.s.mode == CPUMode.compatibility.rawValue && cpu.s.codeSize == 1)
    #expect(jump(board, B.task) == .protection(0x28))
    #expect(jump(board, B.code64) == nil)
    #expect(cpu.s.mode == CPUMode.long.rawValue)
    #expect(
      board.fault { () throws(Fault) in try cpu.farJump(selector: B.code64, offset: 1 << 50, operandSize: 8) }
        == .protection())
  }
}
