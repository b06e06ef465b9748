import Testing

@testable import X86Engine

struct SystemInterruptTests {
  private typealias B = SystemBoard

  private func protected() throws -> SystemBoard {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    return board
  }
  private func long() throws -> SystemBoard {
    let board = try SystemBoard()
    try board.enterLongMode()
    return board
  }
  /// The top `count` entries of the stack at RSP, lowest address first.
  private func stack(_ board: SystemBoard, _ count: Int, _ size: Int) -> [UInt64] {
    (0..<count).map { board.get(board.cpu.rsp + UInt64($0 * size), size) }
  }

  // MARK: Real mode

  @Test func realModeInterruptAndReturn() throws {
    let board = try SystemBoard()
    let cpu = board.cpu
    board.put32(0x40, 0x0300_0050)
    try cpu.farJump(selector: 0x100, offset: 0x20, operandSize: 2)
    cpu.rsp = 0x800
    cpu.setRFLAGS(RFLAGS.if | RFLAGS.tf | RFLAGS.cf | 2)
    try cpu.softwareInterrupt(0x10, kind: .software)
    #expect(cpu.s.segments[Seg.cs].base == 0x3000 && cpu.rip == 0x50)
    #expect(stack(board, 3, 2) == [0x20, 0x100, 0x303])
    #expect(cpu.rflags == 3)
    try cpu.iret(operandSize: 2)
    #expect(cpu.rip == 0x20 && cpu.rsp == 0x800 && cpu.rflags == 0x303)
  }

  @Test func realModeVectorBeyondTheLimitFaults() throws {
    let board = try SystemBoard()
    try board.cpu.lidt(base: 0, limit: 0x3f, operandSize: 2)
    #expect(
      board.fault { () throws(Fault) in try board.cpu.softwareInterrupt(0x10, kind: .software) } == .protection(0x82))
  }

  // MARK: Protected mode

  @Test func faultPushesItsInstructionAndErrorCode() throws {
    let board = try protected()
    board.setGate(14, offset: 0x5000)
    let cpu = board.cpu
    cpu.setRFLAGS(RFLAGS.if | RFLAGS.zf | 2)
    cpu.s.instructionStart = 0x4100
    cpu.rip = 0x4105
    cpu.deliver(.page(2))
    #expect(cpu.rip == 0x5000 && cpu.s.cpl == 0)
    #expect(stack(board, 4, 4) == [2, 0x4100, UInt64(B.code), 0x242 | RFLAGS.rf])
    #expect(cpu.rflags == 0x42)
  }

  @Test func trapGateKeepsInterruptsEnabled() throws {
    let board = try protected()
    board.setGate(0x80, offset: 0x5000, access: 0xef)
    board.cpu.setRFLAGS(RFLAGS.if | RFLAGS.nt | 2)
    try board.cpu.softwareInterrupt(0x80, kind: .software)
    #expect(board.cpu.rflags == RFLAGS.if | 2)
  }

  @Test func userInterruptSwitchesStacksAndComesBack() throws {
    let board = try protected()
    board.setGate(0x80, offset: 0x5000, access: 0xee)
    try board.enterUserMode()
    let cpu = board.cpu
    #expect(cpu.s.cpl == 3 && cpu.rsp == 0x7000 && cpu.rip == 0x6000)
    cpu.rip = 0x6002
    try cpu.softwareInterrupt(0x80, kind: .software)
    #expect(cpu.s.cpl == 0 && cpu.rsp == 0x9000 - 20 && cpu.rip == 0x5000)
    #expect(stack(board, 5, 4) == [0x6002, UInt64(B.userCode), 0x202, 0x7000, UInt64(B.userData)])
    #expect(cpu.s.segments[Seg.ss].selector == B.data)
    try cpu.iret(operandSize: 4)
    #expect(cpu.s.cpl == 3 && cpu.rsp == 0x7000 && cpu.rip == 0x6002 && cpu.rflags == 0x202)
  }

  @Test func softwareInterruptsNeedTheGatesPrivilege() throws {
    let board = try protected()
    board.setGate(0x80, offset: 0x5000)
    board.setGate(3, offset: 0x5100)
    try board.enterUserMode()
    func software(_ vector: UInt8, _ kind: InterruptKind) -> Fault? {
      board.fault { () throws(Fault) in try board.cpu.softwareInterrupt(vector, kind: kind) }
    }
    #expect(software(0x80, .software) == .protection(0x402))
    #expect(software(3, .softwareException) == .protection(0x1a))
    #expect(software(0x81, .software) == .protection(0x40a))
    board.setGate(0x81, offset: 0, access: 0x6e)
    #expect(software(0x81, .software) == .notPresent(0x40a))
    board.setGate(0x82, offset: 0, access: 0xee, selector: B.data)
    #expect(software(0x82, .software) == .protection(0x10))
    #expect(board.cpu.s.cpl == 3 && board.cpu.rsp == 0x7000)
    board.cpu.deliverInterrupt(vector: 0x80, kind: .external)
    #expect(board.cpu.s.cpl == 0 && board.cpu.rip == 0x5000)
  }

  @Test func faultsOnTheWayToAnExternalInterruptCarryEXT() throws {
    let board = try protected()
    board.setGate(11, offset: 0x5000)
    board.setGate(0x40, offset: 0, access: 0x0e)
    board.cpu.deliverInterrupt(vector: 0x40, kind: .external)
    #expect(board.cpu.rip == 0x5000)
    #expect(stack(board, 2, 4) == [0x203, 0x4000])
  }

  @Test func sixteenBitGatePushesWords() throws {
    let board = try protected()
    board.setGate(0x80, offset: 0x1_5000, access: 0xe6)
    try board.cpu.softwareInterrupt(0x80, kind: .software)
    #expect(board.cpu.rip == 0x5000 && board.cpu.rsp == 0x8000 - 6)
  }

  // MARK: Double and triple faults

  @Test func severeFaultsCombineAsDocumented() {
    let page = Fault.page(0)
    let protection = Fault.protection()
    #expect(Cpu.combine(protection, protection) == .doubleFault())
    #expect(Cpu.combine(protection, page) == page)
    #expect(Cpu.combine(page, protection) == .doubleFault())
    #expect(Cpu.combine(page, page) == .doubleFault())
    #expect(Cpu.combine(.invalidOpcode, protection) == protection)
    #expect(Cpu.combine(.divideError, .stack()) == .doubleFault())
    #expect(Cpu.combine(.doubleFault(), page) == nil)
    #expect(Cpu.combine(.doubleFault(), .debug) == .debug)
  }

  @Test func doubleFaultHandlerGetsZeroErrorCode() throws {
    let board = try protected()
    board.setGate(8, offset: 0x5800)
    board.cpu.deliver(.protection(0x10))
    #expect(board.cpu.rip == 0x5800)
    #expect(stack(board, 3, 4) == [0, 0x4000, UInt64(B.code)])
    #expect(board.platform.tripleFaults == 0)
  }

  @Test func tripleFaultShutsDown() throws {
    let board = try protected()
    try board.cpu.lidt(base: 0, limit: 0, operandSize: 4)
    board.cpu.deliver(.invalidOpcode)
    #expect(board.platform.tripleFaults == 1)
    #expect(board.cpu.s.activity == Activity.shutdown)
  }

  // MARK: Virtual-8086 mode

  @Test func interruptLeavesVirtual8086ModeAndReturns() throws {
    let board = try protected()
    board.setGate(0x40, offset: 0x5000)
    let top = board.cpu.rsp
    try board.enterVirtual8086()
    let cpu = board.cpu
    #expect(cpu.s.mode == CPUMode.virtual8086.rawValue && cpu.s.cpl == 3 && cpu.s.codeSize == 0)
    #expect(cpu.s.segments[Seg.cs].base == 0x1_0000 && cpu.rip == 0x100)
    #expect(cpu.s.segments[Seg.gs].base == 0x6_0000 && cpu.s.segments[Seg.es].base == 0x3_0000)
    cpu.deliverInterrupt(vector: 0x40, kind: .external)
    #expect(cpu.s.mode == CPUMode.protected.rawValue && cpu.s.cpl == 0)
    #expect(cpu.s.segments[Seg.ds].isNull && cpu.s.segments[Seg.gs].isNull)
    #expect(
      stack(board, 9, 4)
        == [0x100, 0x1000, 0x202 | RFLAGS.vm, 0x800, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000])
    #expect(cpu.rsp == 0x9000 - 36 && top == 0x8000)
    try cpu.iret(operandSize: 4)
    #expect(cpu.s.mode == CPUMode.virtual8086.rawValue && cpu.rip == 0x100 && cpu.rsp == 0x800)
    #expect(cpu.s.segments[Seg.ds].selector == 0x4000)
  }

  @Test func virtual8086InterruptInstructionsObeyIOPL() throws {
    let board = try protected()
    board.setGate(0x21, offset: 0x5000, access: 0xee)
    try board.enterVirtual8086()
    let cpu = board.cpu
    #expect(board.fault { () throws(Fault) in try cpu.softwareInterrupt(0x21, kind: .software) } == .protection())
    #expect(board.fault { () throws(Fault) in try cpu.iret(operandSize: 2) } == .protection())
    #expect(board.fault { () throws(Fault) in try cpu.cli() } == .protection())
    cpu.setRFLAGS(cpu.rflags | RFLAGS.iopl)
    try cpu.softwareInterrupt(0x21, kind: .software)
    #expect(cpu.rip == 0x5000 && cpu.s.cpl == 0)
  }

  @Test func redirectedInterruptStaysInVirtual8086Mode() throws {
    let board = try protected()
    // Redirection bitmap at 68h, I/O map behind it: bit 21h clear.
    board.put16(B.tss + 0x66, 0x88)
    board.put32(0x21 * 4, 0x0300_0050)
    board.cpu.s.cr4 |= CR4.vme
    try board.enterVirtual8086(flags: 0x202 | RFLAGS.vif)
    let cpu = board.cpu
    try cpu.softwareInterrupt(0x21, kind: .software)
    #expect(cpu.s.mode == CPUMode.virtual8086.rawValue)
    #expect(cpu.s.segments[Seg.cs].base == 0x3000 && cpu.rip == 0x50)
    // IOPL reads as 3 and IF as VIF in the image; VIF itself is cleared.
    #expect((0..<3).map { board.get(0x2_07fa + UInt64($0) * 2, 2) } == [0x100, 0x1000, 0x3202])
    #expect(cpu.rflags & (RFLAGS.vif | RFLAGS.if) == RFLAGS.if)
    try cpu.iret(operandSize: 2)
    #expect(cpu.rip == 0x100 && cpu.rflags & RFLAGS.vif != 0 && cpu.rflags & RFLAGS.iopl == 0)
  }

  // MARK: IA-32e mode

  @Test func longModeFrameIsAlignedAndAlwaysHoldsTheStack() throws {
    let board = try long()
    board.setGate64(13, offset: 0xffff_8000_0000_5000)
    let cpu = board.cpu
    cpu.rsp = 0x8008
    cpu.deliver(.protection(0x10))
    #expect(cpu.rip == 0xffff_8000_0000_5000 && cpu.rsp == 0x8000 - 48)
    #expect(
      stack(board, 6, 8) == [0x10, 0x4000, UInt64(B.code64), 2 | RFLAGS.rf, 0x8008, UInt64(B.data)])
    try _ = cpu.pop(size: 8)
    try cpu.iret(operandSize: 8)
    #expect(cpu.rsp == 0x8008 && cpu.rip == 0x4000 && cpu.s.cpl == 0)
  }

  @Test func interruptStackTableOverridesTheStack() throws {
    let board = try long()
    board.setGate64(2, offset: 0x5000, stack: 1)
    let cpu = board.cpu
    cpu.deliverInterrupt(vector: 2, kind: .nmi)
    #expect(cpu.rip == 0x5000 && cpu.rsp == 0xa000 - 40)
    #expect(cpu.pendingEvents & CPUEvent.nmiBlocked != 0)
    try cpu.iret(operandSize: 8)
    #expect(cpu.pendingEvents & CPUEvent.nmiBlocked == 0)
    #expect(cpu.rsp == 0x8000)
  }

  @Test func userInterruptInLongModeLoadsNullSS() throws {
    let board = try long()
    board.setGate64(0x80, offset: 0x5000, access: 0xee)
    try board.enterUserMode64()
    let cpu = board.cpu
    try cpu.softwareInterrupt(0x80, kind: .software)
    #expect(cpu.s.cpl == 0 && cpu.rsp == 0x9000 - 40 && cpu.s.segments[Seg.ss].selector == 0)
    try cpu.iret(operandSize: 8)
    #expect(cpu.s.cpl == 3 && cpu.rsp == 0x7000 && cpu.s.segments[Seg.ss].selector == B.userData)
  }

  @Test func longModeRefusesTaskAndSixteenBitGatesAndNestedTasks() throws {
    let board = try long()
    for access in [0x85, 0x86, 0x87] as [UInt64] {
      board.setGate64(0x80, offset: 0x5000, access: access)
      let fault = board.fault { () throws(Fault) in try board.cpu.softwareInterrupt(0x80, kind: .software) }
      #expect(fault == .protection(0x402))
    }
    board.cpu.setRFLAGS(RFLAGS.nt | 2)
    #expect(board.fault { () throws(Fault) in try board.cpu.iret(operandSize: 8) } == .protection())
  }

  @Test func iretToCompatibilityModeTruncatesRegisters() throws {
    let board = try long()
    let cpu = board.cpu
    for value in [UInt64(B.userData), 0x7000, 0x202, UInt64(B.userCode), 0x6000] { try cpu.push(value, size: 8) }
    try cpu.iret(operandSize: 8)
    #expect(cpu.s.mode == CPUMode.compatibility.rawValue && cpu.s.codeSize == 1 && cpu.rsp == 0x7000)
    board.setGate64(0x80, offset: 0x5000, access: 0xee)
    try cpu.softwareInterrupt(0x80, kind: .software)
    #expect(cpu.s.mode == CPUMode.long.rawValue && cpu.rsp == 0x9000 - 40)
    try cpu.iret(operandSize: 8)
    #expect(cpu.s.mode == CPUMode.compatibility.rawValue)
  }

  @Test func userIretMayNotRaiseFlags() throws {
    let board = try long()
    try board.enterUserMode64(flags: 0x2)
    let cpu = board.cpu
    for value in [UInt64(B.userData), 0x7000, 0x3_3fd7, UInt64(B.userCode64), 0x6000] { try cpu.push(value, size: 8) }
    try cpu.iret(operandSize: 8)
    #expect(cpu.rflags & (RFLAGS.if | RFLAGS.iopl | RFLAGS.vm) == 0)
    #expect(cpu.rflags & (RFLAGS.tf | RFLAGS.df | RFLAGS.rf) == RFLAGS.tf | RFLAGS.df | RFLAGS.rf)
  }
}
