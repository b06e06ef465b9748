import Base
import GuestMemory
import Testing

@testable import X86Engine

struct SystemRegisterTests {
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
  private func setCR(_ board: SystemBoard, _ number: UInt8, _ value: UInt64) -> Fault? {
    board.fault { () throws(Fault) in try board.cpu.movToCR(number, value) }
  }
  private func write(_ board: SystemBoard, _ msr: UInt32, _ value: UInt64) -> Fault? {
    board.fault { () throws(Fault) in try board.cpu.wrmsr(msr, value) }
  }

  // MARK: Reset

  @Test func resetGivesTheDocumentedState() throws {
    let board = try SystemBoard()
    let s = board.cpu.s
    #expect(s.segments[Seg.cs].selector == 0xf000 && s.segments[Seg.cs].base == 0xffff_0000)
    #expect(board.cpu.rip == 0xfff0 && board.cpu.rflags == 2)
    #expect(s.cr0 == 0x6000_0010 && s.cr4 == 0 && s.efer == 0)
    #expect(s.regs[2] == 0x506e3)
    #expect(s.dr[6] == 0xffff_0ff0 && s.dr[7] == 0x400)
    #expect(s.apicBase == 0xfee0_0900 && s.activity == Activity.running)
    #expect(s.idtr.limit == 0xffff && s.segments[Seg.tr].attributes == 0x8b)
    #expect(s.mode == CPUMode.real.rawValue && s.codeSize == 0)
  }

  @Test func initKeepsModelSpecificRegistersAndStartupSetsTheSegment() throws {
    let board = try long()
    let cpu = board.cpu
    cpu.s.lstar = 0x1234
    cpu.s.apicBase = 0xfee0_0800
    cpu.initReset()
    #expect(cpu.s.lstar == 0x1234 && cpu.s.efer == 0 && cpu.s.mode == CPUMode.real.rawValue)
    #expect(cpu.s.activity == Activity.waitForStartup)
    cpu.startup(vector: 0x9a)
    #expect(cpu.s.segments[Seg.cs].base == 0x9a000 && cpu.s.segments[Seg.cs].selector == 0x9a00 && cpu.rip == 0)
    #expect(cpu.s.activity == Activity.running)
  }

  // MARK: Registers handed to the board

  @Test(arguments: [EngineChoice.interpreter, .recompiler])
  func inFromThePortOfCallsHandsOverRegisters(engine: EngineChoice) throws {
    let board = try SystemBoard(engine: engine)
    try board.enterLongMode()
    // IN EAX, DX; IN AX, DX; OUT F4h, AL.
    board.memory.write(GuestPhysical(0x4000), [0xed, 0x66, 0xed, 0xe6, 0xf4])
    func run() {
      board.cpu.rip = 0x4000
      for (number, value) in [(0, 0x564d_5868), (1, 40), (2, 0x5658), (3, 0xffff_ffff_0000_0007)] as [(Int, UInt64)] {
        board.cpu.s.regs[number] = value
      }
      board.vcpu.run()
    }
    run()
    // An ordinary port: all ones, and the other registers as they were.
    #expect(board.cpu.s.regs[0] == 0xffff_ffff && board.cpu.s.regs[3] == 0xffff_ffff_0000_0007)
    board.platform.calls = []
    run()
    // Only four bytes are a call: AX came from an ordinary port.
    #expect(board.platform.calls == [RegisterCall(eax: 0x564d_5868, ebx: 7, ecx: 40, edx: 0x5658)])
    #expect(board.cpu.s.regs[0] == 0x564d_ffff && board.cpu.s.regs[3] == 0xffff_fff0)
    #expect(board.cpu.s.regs[1] == 3 && board.cpu.s.regs[2] == 0x5658)
  }

  @Test func anotherHypervisorsSignatureStandsBesideOurs() throws {
    func leaf(_ specification: String, _ number: UInt32) throws -> [UInt32] {
      let board = try SystemBoard(leaves: CPUProfile.model(specification, cpus: 1).leaves)
      board.cpu.s.regs[0] = UInt64(number)
      board.cpu.s.regs[1] = 0
      board.cpu.cpuid()
      return [0, 3, 1, 2].map { UInt32(truncatingIfNeeded: board.cpu.s.regs[$0]) }
    }
    #expect(try leaf("x86-64-v2", 0x4000_0100) == [0, 0, 0, 0])
    #expect(try leaf("x86-64-v2,+kvm", 0x4000_0000) == leaf("x86-64-v2", 0x4000_0000))
    #expect(try leaf("x86-64-v2,+kvm", 0x4000_0100) == [0x4000_0101, 0x4b4d_564b, 0x564b_4d56, 0x4d])
    #expect(try leaf("x86-64-v2,+kvm", 0x4000_0101) == [0, 0, 0, 0])
  }

  // MARK: Control registers

  @Test func controlRegisterZeroRefusesNonsense() throws {
    let board = try protected()
    #expect(setCR(board, 0, CR0.pg) == .protection())
    #expect(setCR(board, 0, CR0.pe | CR0.nw) == .protection())
    #expect(setCR(board, 1, 0) == .invalidOpcode)
    #expect(setCR(board, 5, 0) == .invalidOpcode)
    try board.enterUserMode()
    #expect(setCR(board, 0, CR0.pe) == .protection())
    #expect(setCR(board, 4, 0) == .protection())
  }

  @Test func longModeActivationFollowsTheRules() throws {
    let board = try protected()
    #expect(write(board, 0xc000_0080, EFER.lme) == nil)
    // PAE first.
    #expect(setCR(board, 0, CR0.pe | CR0.pg) == .protection())
    #expect(setCR(board, 4, CR4.pae) == nil)
    #expect(setCR(board, 0, CR0.pe | CR0.pg) == nil)
    #expect(board.cpu.s.efer & EFER.lma != 0)
    #expect(board.cpu.s.mode == CPUMode.compatibility.rawValue)
    #expect(setCR(board, 4, 0) == .protection())
    #expect(write(board, 0xc000_0080, 0) == .protection())
    #expect(setCR(board, 0, CR0.pe) == nil)
    #expect(board.cpu.s.efer == EFER.lme)
  }

  @Test func longModeCannotDropPagingOrLoadReservedBits() throws {
    let board = try long()
    #expect(setCR(board, 0, CR0.pe) == .protection())
    #expect(setCR(board, 0, 1 << 32 | CR0.pe | CR0.pg) == .protection())
    #expect(setCR(board, 3, 1 << 46) == .protection())
    #expect(setCR(board, 3, 1 << 63 | 0x10000) == .protection())
    #expect(setCR(board, 4, CR4.pae | CR4.vmxe) == .protection())
    #expect(setCR(board, 4, CR4.pae | CR4.la57) == .protection())
    #expect(setCR(board, 4, CR4.pae | CR4.pcide) == nil)
    #expect(setCR(board, 3, 1 << 63 | 0x10001) == nil)
    #expect(board.cpu.s.cr3 == 0x10001)
    #expect(setCR(board, 8, 16) == .protection())
    #expect(setCR(board, 8, 5) == nil)
    #expect(board.platform.priority == 5)
  }

  @Test func machineStatusWordCannotClearProtection() throws {
    let board = try protected()
    try board.cpu.lmsw(0xe)
    #expect(board.cpu.s.cr0 & 15 == 15)
    try board.cpu.clts()
    #expect(try board.cpu.smsw() & 15 == 7)
    board.cpu.s.cr4 |= CR4.umip
    try board.enterUserMode()
    #expect(board.fault { () throws(Fault) in _ = try board.cpu.smsw() } == .protection())
    #expect(board.fault { () throws(Fault) in _ = try board.cpu.sgdt() } == .protection())
  }

  @Test func debugRegistersAliasGuardAndFixBits() throws {
    let board = try long()
    let cpu = board.cpu
    try cpu.movToDR(7, 0xffff_dfff)
    #expect(try cpu.movFromDR(5) == 0xffff_07ff)
    try cpu.movToDR(6, 0)
    #expect(try cpu.movFromDR(4) == 0xffff_0ff0)
    #expect(board.fault { () throws(Fault) in try cpu.movToDR(7, 1 << 32) } == .protection())
    cpu.s.cr4 |= CR4.de
    #expect(board.fault { () throws(Fault) in _ = try cpu.movFromDR(4) } == .invalidOpcode)
    try cpu.movToDR(7, 0x2000)
    #expect(board.fault { () throws(Fault) in _ = try cpu.movFromDR(0) } == .debug)
    #expect(cpu.s.dr[6] & 0x2000 != 0)
  }

  @Test func extendedControlRegisterChecksCombinations() throws {
    let board = try protected()
    let cpu = board.cpu
    func set(_ value: UInt64) -> Fault? { board.fault { () throws(Fault) in try cpu.xsetbv(0, value) } }
    #expect(set(1) == .invalidOpcode)
    cpu.s.cr4 |= CR4.osxsave
    #expect(set(0) == .protection())
    #expect(set(5) == .protection())
    #expect(set(0xe7) == .protection())
    #expect(set(7) == nil)
    #expect(try cpu.xgetbv(0) == 7)
  }

  // MARK: Flags

  @Test func popFlagsObeysPrivilege() throws {
    let board = try protected()
    let cpu = board.cpu
    try cpu.popFlags(0x3f_7fd7, size: 4)
    #expect(cpu.rflags == 0x24_7fd7)
    try cpu.popFlags(0, size: 2)
    #expect(cpu.rflags == 0x24_0002)
    try board.enterUserMode(flags: 0x202)
    try cpu.popFlags(0x3000, size: 4)
    #expect(cpu.rflags == 0x202)
    #expect(board.fault { () throws(Fault) in try cpu.cli() } == .protection())
    cpu.s.cr4 |= CR4.pvi
    try cpu.sti()
    #expect(cpu.rflags & RFLAGS.vif != 0)
    cpu.s.systemFlags |= RFLAGS.vip
    #expect(board.fault { () throws(Fault) in try cpu.sti() } == .protection())
    try cpu.cli()
    #expect(cpu.rflags & (RFLAGS.vif | RFLAGS.if) == RFLAGS.if)
  }

  @Test func virtual8086FlagsUseVIFUnderVME() throws {
    let board = try protected()
    board.cpu.s.cr4 |= CR4.vme
    try board.enterVirtual8086(flags: 0x202)
    let cpu = board.cpu
    #expect(try cpu.pushFlagsValue(size: 2) == 0x3002)
    #expect(board.fault { () throws(Fault) in _ = try cpu.pushFlagsValue(size: 4) } == .protection())
    try cpu.popFlags(0x202, size: 2)
    #expect(cpu.rflags & RFLAGS.vif != 0 && cpu.rflags & RFLAGS.iopl == 0)
    #expect(board.fault { () throws(Fault) in try cpu.popFlags(0x102, size: 2) } == .protection())
    #expect(try cpu.pushFlagsValue(size: 2) == 0x3202)
  }

  @Test func stiShadowsOneInstructionOnlyWhenItEnables() throws {
    let board = try protected()
    try board.cpu.sti()
    #expect(board.cpu.s.interruptShadow == 1)
    board.cpu.s.interruptShadow = 0
    try board.cpu.sti()
    #expect(board.cpu.s.interruptShadow == 0)
  }

  @Test func accessControlFlagSwitchesTheDataView() throws {
    let board = try long()
    #expect(setCR(board, 4, CR4.pae | CR4.smap) == nil)
    #expect(board.cpu.s.dataTLB == 2)
    try board.cpu.setAC(true)
    #expect(board.cpu.s.dataTLB == 1)
    try board.cpu.setAC(false)
    #expect(board.cpu.s.dataTLB == 2)
    board.cpu.s.cpl = 3
    board.cpu.refreshMode()
    #expect(board.cpu.s.dataTLB == 0)
    #expect(board.fault { () throws(Fault) in try board.cpu.setAC(true) } == .invalidOpcode)
  }

  // MARK: Ports

  @Test func portsNeedIOPLOrTheTaskBitmap() throws {
    let board = try protected()
    let cpu = board.cpu
    func check(_ port: UInt16, _ width: Int) -> Fault? {
      board.fault { () throws(Fault) in try cpu.checkIO(port: port, width: width) }
    }
    // Ports 0...7 open but for port 5; the map ends after port 1fffh, behind it everything is closed.
    board.put16(B.tss + 0x68, 0xff20)
    #expect(check(0xffff, 4) == nil)
    try board.enterUserMode()
    #expect(check(0, 4) == nil)
    #expect(check(5, 1) == .protection())
    #expect(check(2, 4) == .protection())
    #expect(check(7, 2) == .protection())
    #expect(check(0xffff, 1) == .protection())
    cpu.setRFLAGS(cpu.rflags | RFLAGS.iopl)
    #expect(check(5, 1) == nil)
    try cpu.popFlags(cpu.rflags, size: 4)
  }

  // MARK: System calls

  @Test func syscallAndSysretRoundTrip() throws {
    let board = try long()
    let cpu = board.cpu
    #expect(write(board, 0xc000_0081, 0x0073_0050 << 32) == nil)
    #expect(write(board, 0xc000_0082, 0xffff_8000_0000_4000) == nil)
    #expect(write(board, 0xc000_0082, 1 << 47) == .protection())
    #expect(write(board, 0xc000_0084, RFLAGS.if | RFLAGS.df) == nil)
    try board.enterUserMode64(flags: 0x602)
    cpu.rip = 0x6002
    try cpu.syscall()
    #expect(cpu.s.cpl == 0 && cpu.rip == 0xffff_8000_0000_4000)
    #expect(cpu[reg: 1] == 0x6002 && cpu[reg: 11] == 0x602 && cpu.rflags == 2)
    #expect(cpu.s.segments[Seg.cs].selector == 0x50 && cpu.s.segments[Seg.ss].selector == 0x58)
    try cpu.sysret(operandSize: 8)
    #expect(cpu.s.cpl == 3 && cpu.rip == 0x6002 && cpu.rflags == 0x602)
    #expect(cpu.s.segments[Seg.cs].selector == 0x83 && cpu.s.segments[Seg.ss].selector == 0x7b)
    #expect(cpu.s.mode == CPUMode.long.rawValue)
    #expect(board.fault { () throws(Fault) in try cpu.sysret(operandSize: 8) } == .protection())
    try cpu.syscall()
    cpu[reg: 1] = 1 << 47
    #expect(board.fault { () throws(Fault) in try cpu.sysret(operandSize: 8) } == .protection())
    try cpu.sysret(operandSize: 4)
    #expect(cpu.s.mode == CPUMode.compatibility.rawValue && cpu.s.segments[Seg.cs].selector == 0x73)
    #expect(board.fault { () throws(Fault) in try cpu.syscall() } == .invalidOpcode)
  }

  @Test func sysenterAndSysexitUseTheirSelectors() throws {
    let board = try protected()
    let cpu = board.cpu
    try board.enterUserMode()
    #expect(board.fault { () throws(Fault) in try cpu.sysenter() } == .protection())
    cpu.s.sysenterCS = 8
    cpu.s.sysenterESP = 0x9000
    cpu.s.sysenterEIP = 0x5000
    try cpu.sysenter()
    #expect(cpu.s.cpl == 0 && cpu.rip == 0x5000 && cpu.rsp == 0x9000 && cpu.rflags & RFLAGS.if == 0)
    cpu[reg: 1] = 0x7000
    cpu[reg: 2] = 0x6000
    try cpu.sysexit(operandSize: 4)
    #expect(cpu.s.cpl == 3 && cpu.rip == 0x6000 && cpu.rsp == 0x7000)
    #expect(cpu.s.segments[Seg.cs].selector == 0x1b && cpu.s.segments[Seg.ss].selector == 0x23)
  }

  @Test func swapgsExchangesBases() throws {
    let board = try long()
    let cpu = board.cpu
    #expect(write(board, 0xc000_0101, 0x1000) == nil)
    #expect(write(board, 0xc000_0102, 0xffff_8000_0000_0000) == nil)
    try cpu.swapgs()
    #expect(cpu.s.segments[Seg.gs].fastBase == 0xffff_8000_0000_0000)
    #expect(try cpu.rdmsr(0xc000_0102) == 0x1000)
    #expect(board.fault { () throws(Fault) in _ = try cpu.readSegmentBase(Seg.fs) } == .invalidOpcode)
    try board.enterUserMode64()
    #expect(board.fault { () throws(Fault) in try cpu.swapgs() } == .protection())
  }

  // MARK: Model-specific registers

  @Test func modelSpecificRegistersCheckTheirValues() throws {
    let board = try protected()
    let cpu = board.cpu
    #expect(write(board, 0x277, 0x0002_0000_0000_0000) == .protection())
    #expect(write(board, 0x277, 0x0007_0106_0007_0106) == nil)
    #expect(write(board, 0x200, 1 << 46) == .protection())
    #expect(write(board, 0x201, 0x3fff_c000_0800) == nil)
    #expect(try cpu.rdmsr(0x201) == 0x3fff_c000_0800)
    #expect(write(board, 0x250, 0x0606_0606_0606_0602) == .protection())
    #expect(write(board, 0x2ff, 0xc06) == nil)
    #expect(write(board, 0x1b, 0xfee0_0d00) == nil)
    #expect(write(board, 0x1b, 0xfee0_0900) == .protection())
    #expect(write(board, 0x808, 0x20) == nil)
    #expect(try cpu.rdmsr(0x808) == 0x20)
    #expect(write(board, 0xc000_0080, 1 << 12) == .protection())
    #expect(try cpu.rdmsr(0x400 + 4 * 7) == 0)
  }

  @Test func unknownModelSpecificRegisterFaultsAndIsCounted() throws {
    let board = try protected()
    #expect(board.fault { () throws(Fault) in _ = try board.cpu.rdmsr(0x1234_5678) } == .protection())
    #expect(write(board, 0x420, 0) == .protection())
    #expect(board.cpu.s.unknownMSRCount == 2 && board.cpu.s.unknownMSR == 0x420)
  }

  @Test func timeStampAdjustmentTracksWrites() throws {
    let board = try protected()
    let cpu = board.cpu
    #expect(write(board, 0x3b, 1 << 50) == nil)
    #expect(try cpu.rdtsc() >> 50 == 1)
    #expect(write(board, 0x10, 0) == nil)
    #expect(try cpu.rdtsc() >> 50 == 0)
    cpu.s.cr4 |= CR4.tsd
    try board.enterUserMode()
    #expect(board.fault { () throws(Fault) in _ = try cpu.rdtsc() } == .protection())
  }

  @Test func processorKeysRegisterNeedsCR4AndZeroRegisters() throws {
    let board = try long()
    let cpu = board.cpu
    #expect(board.fault { () throws(Fault) in _ = try cpu.rdpkru() } == .invalidOpcode)
    #expect(setCR(board, 4, CR4.pae | CR4.pke) == nil)
    cpu[reg: 1] = 0
    cpu[reg: 2] = 0
    try cpu.wrpkru(5)
    #expect(try cpu.rdpkru() == 5)
    cpu[reg: 1] = 1
    #expect(board.fault { () throws(Fault) in try cpu.wrpkru(0) } == .protection())
  }
}
