import Base
import GuestMemory
import Testing

@testable import X86Engine

struct SystemSegmentTests {
  private typealias B = SystemBoard

  private func protected() throws -> SystemBoard {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    return board
  }

  private func load(_ board: SystemBoard, _ index: Int, _ selector: UInt16) -> Fault? {
    board.fault { () throws(Fault) in try board.cpu.loadSegment(index, selector: selector) }
  }

  @Test func realModeSelectorsArePlainBasesAndKeepTheLimit() throws {
    let board = try protected()
    try board.cpu.movToCR(0, CR0.ne)
    #expect(board.cpu.s.mode == CPUMode.real.rawValue)
    try board.cpu.loadSegment(Seg.ds, selector: 0x1234)
    #expect(board.cpu.s.segments[Seg.ds].base == 0x12340)
    #expect(board.cpu.s.segments[Seg.ds].readEnd == 1 << 32)
  }

  @Test func dataSegmentChecksFaultWithTheSelector() throws {
    let board = try protected()
    try board.enterUserMode()
    // Beyond the table, not data, execute-only system types, privilege, not present.
    #expect(load(board, Seg.ds, 0x103) == .protection(0x100))
    #expect(load(board, Seg.ds, 0x2b) == .protection(0x28))
    #expect(load(board, Seg.ds, B.data | 3) == .protection(0x10))
    #expect(load(board, Seg.ds, 0x0f) == .protection(0x0c))
    #expect(load(board, Seg.cs, B.userCode) == .invalidOpcode)
    #expect(board.cpu.s.segments[Seg.ds].selector == B.userData)
    // Readable code and conforming code are fine; so is null, which then faults on use.
    #expect(load(board, Seg.ds, B.userCode) == nil)
    #expect(load(board, Seg.fs, B.conforming) == nil)
    #expect(load(board, Seg.gs, 3) == nil)
    let use = board.fault { () throws(Fault) in
      _ = try board.cpu.segmentAddressSlow(Seg.gs, offset: 0, size: 1, write: false)
    }
    #expect(use == .protection())
  }

  @Test func absentSegmentsAreNotPresentOrStackFaults() throws {
    let board = try protected()
    #expect(load(board, Seg.es, B.absent) == .notPresent(0x48))
    #expect(load(board, Seg.ss, B.absent) == .stack(0x48))
  }

  @Test func stackSegmentMustMatchThePrivilegeLevel() throws {
    let board = try protected()
    #expect(load(board, Seg.ss, 0) == .protection())
    #expect(load(board, Seg.ss, B.userData) == .protection(0x20))
    #expect(load(board, Seg.ss, B.data | 1) == .protection(0x10))
    #expect(load(board, Seg.ss, B.code) == .protection(0x08))
    #expect(load(board, Seg.ss, B.readOnly) == .protection(0x60))
    #expect(load(board, Seg.ss, B.data) == nil)
  }

  @Test func loadingSetsTheAccessedBit() throws {
    let board = try protected()
    board.setDescriptor(B.data, B.segment(access: 0x92))
    #expect(load(board, Seg.es, B.data) == nil)
    #expect(board.descriptor(B.data) == B.segment(access: 0x93))
    #expect(board.cpu.s.segments[Seg.es].type == 3)
  }

  @Test func expandDownSegmentsAreValidAboveTheirLimit() throws {
    let board = try protected()
    try board.cpu.loadSegment(Seg.es, selector: B.expandDown)
    let cpu = board.cpu
    #expect(cpu.s.segments[Seg.es].readEnd == 0)
    #expect(try cpu.segmentAddressSlow(Seg.es, offset: 0x1000, size: 4, write: true) == 0x1000)
    #expect(try cpu.segmentAddressSlow(Seg.es, offset: 0xffff_fffc, size: 4, write: false) == 0xffff_fffc)
    for offset in [0xfff, 0, 0xffff_fffd] as [UInt64] {
      #expect(
        board.fault { () throws(Fault) in _ = try cpu.segmentAddressSlow(Seg.es, offset: offset, size: 4, write: true) }
          == .protection())
    }
  }

  @Test func readOnlyAndCodeSegmentsRefuseWrites() throws {
    let board = try protected()
    try board.cpu.loadSegment(Seg.es, selector: B.readOnly)
    let cpu = board.cpu
    #expect(cpu.s.segments[Seg.es].writeEnd == 0)
    #expect(cpu.s.segments[Seg.es].readEnd == 1 << 32)
    for segment in [Seg.es, Seg.cs] {
      #expect(
        board.fault { () throws(Fault) in _ = try cpu.segmentAddressSlow(segment, offset: 0, size: 4, write: true) }
          == .protection())
    }
  }

  @Test func longModeChecksCanonicalAddresses() throws {
    let board = try SystemBoard()
    try board.enterLongMode()
    let cpu = board.cpu
    let bad: UInt64 = 0x7fff_ffff_fffe
    for (segment, expected) in [(Seg.ds, Fault.protection()), (Seg.ss, Fault.stack())] {
      #expect(
        board.fault { () throws(Fault) in _ = try cpu.segmentAddressSlow(segment, offset: bad, size: 4, write: true) }
          == expected)
    }
    cpu.rsp = 0x8000_0000_0000
    #expect(board.fault { () throws(Fault) in _ = try cpu.pop(size: 8) } == .stack())
    #expect(board.fault { () throws(Fault) in try cpu.loadSegment(Seg.ss, selector: 0) } == nil)
  }

  @Test func alignmentIsCheckedForUserCodeThatAsks() throws {
    let board = try protected()
    board.cpu.s.cr0 |= CR0.am
    try board.enterUserMode(flags: 0x202 | RFLAGS.ac)
    let cpu = board.cpu
    #expect(cpu.s.segments[Seg.ds].readEnd == 0)
    #expect(
      board.fault { () throws(Fault) in _ = try cpu.segmentAddressSlow(Seg.ds, offset: 0x1002, size: 4, write: false) }
        == .alignment())
    #expect(try cpu.segmentAddressSlow(Seg.ds, offset: 0x1002, size: 2, write: false) == 0x1002)
  }

  @Test func taskRegisterLoadMarksTheDescriptorBusy() throws {
    let board = try protected()
    #expect(board.descriptor(B.task) >> 40 & 0xff == 0x8b)
    let cpu = board.cpu
    #expect(board.fault { () throws(Fault) in try cpu.ltr(B.task) } == .protection(0x28))
    #expect(board.fault { () throws(Fault) in try cpu.ltr(0) } == .protection())
    #expect(board.fault { () throws(Fault) in try cpu.lldt(B.data) } == .protection(0x10))
    #expect(board.fault { () throws(Fault) in try cpu.lldt(0) } == nil)
    try board.enterUserMode()
    #expect(board.fault { () throws(Fault) in try cpu.ltr(B.otherTask) } == .protection())
  }

  @Test func localDescriptorTableServesSelectorsWithTI() throws {
    let board = try protected()
    board.setDescriptor(0xa8, B.segment(base: 0x7000, limit: 0x0f, access: 0x82, flags: 0))
    board.put64(0x7008, B.segment(base: 0x1_0000, access: 0xf3))
    try board.cpu.lldt(0xa8)
    #expect(load(board, Seg.es, 0x0f) == nil)
    #expect(board.cpu.s.segments[Seg.es].base == 0x1_0000)
    #expect(load(board, Seg.es, 0x17) == .protection(0x14))
  }

  @Test func queriesAnswerByVisibility() throws {
    let board = try protected()
    let cpu = board.cpu
    #expect(try cpu.loadAccessRights(B.data) == 0x00c0_9300)
    #expect(try cpu.loadLimit(B.data) == 0xffff_ffff)
    #expect(try cpu.loadLimit(B.task) == 0x7ff)
    #expect(try cpu.loadLimit(B.gate) == nil)
    #expect(try cpu.loadAccessRights(B.gate) != nil)
    #expect(try cpu.loadAccessRights(0) == nil)
    #expect(try cpu.loadAccessRights(0x200) == nil)
    #expect(try cpu.verify(B.data | 3, write: false) == false)
    #expect(try cpu.verify(B.userData, write: true))
    #expect(try !cpu.verify(B.userCode, write: true))
    try cpu.movToCR(0, CR0.ne)
    #expect(board.fault { () throws(Fault) in _ = try cpu.loadLimit(B.data) } == .invalidOpcode)
  }

  /// The last push of ENTER need not happen, but must be possible: all of its bytes count, not only the first.
  @Test func enterLooksAtTheWholeOfItsLastPush() throws {
    let board = try SystemBoard(engine: .interpreter, counted: 1)
    try board.enterProtectedMode()
    // A stack of 32 KiB whose pointer is SP: a frame may wrap around.
    board.setDescriptor(0xa0, SystemBoard.segment(limit: 0x7fff, access: 0x93, flags: 0))
    board.setGate(12, offset: 0x5000)
    for (size, ends) in [(UInt16(0xfffd), true), (0x10, false)] as [(UInt16, Bool)] {
      try board.cpu.loadSegment(Seg.ss, selector: 0xa0)
      board.cpu.rsp = 0x8000
      board.cpu.rip = 0x4000
      board.cpu.s.activity = Activity.running
      // enter size, 0; hlt
      board.memory.write(
        GuestPhysical(0x4000), [0xc8, UInt8(size & 0xff), UInt8(size >> 8), 0, 0xf4])
      board.memory.write(GuestPhysical(0x5000), [0xf4])
      _ = board.vcpu.runTurn(10, endingAt: 1000)
      #expect(board.cpu.rip == (ends ? 0x5001 : 0x4005), "\(size)")
    }
  }
}
