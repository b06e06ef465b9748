import Testing

@testable import X86Engine

struct SystemPagingTests {
  private let user: UInt32 = 0
  private let supervisor: UInt32 = 1
  private let supervisorSMAP: UInt32 = 2

  /// Turns paging on in the given mode with tables at 10000h, as if by MOV CRn.
  private func board(cr4: UInt64 = 0, efer: UInt64 = 0, wp: Bool = false) throws -> SystemBoard {
    let board = try SystemBoard()
    let cpu = board.cpu
    cpu.s.cr3 = 0x10000
    cpu.s.cr4 = cr4
    cpu.s.efer = efer
    cpu.s.cr0 = CR0.pe | CR0.pg | (wp ? CR0.wp : 0)
    return board
  }

  private func fault(_ board: SystemBoard, _ linear: UInt64, _ kind: AccessKind, _ view: UInt32) -> Fault? {
    board.fault { () throws(Fault) in _ = try board.cpu.translate(linear, kind, view: view) }
  }

  @Test func linearIsPhysicalWithoutPaging() throws {
    let board = try SystemBoard()
    #expect(try board.cpu.translate(0x1_2345_6789, .write, view: user) == 0x2345_6789)
  }

  @Test func narrowWalkSetsAccessedAndDirtyBits() throws {
    let board = try board()
    board.put32(0x10000 + 0x48 * 4, 0x11007)
    board.put32(0x11000 + 0x345 * 4, 0x2a007)
    let linear: UInt64 = 0x1234_5678
    #expect(try board.cpu.translate(linear, .read, view: user) == 0x2a678)
    #expect(board.get(0x10000 + 0x48 * 4, 4) == 0x11027)
    #expect(board.get(0x11000 + 0x345 * 4, 4) == 0x2a027)
    _ = try board.cpu.translate(linear, .write, view: user)
    #expect(board.get(0x11000 + 0x345 * 4, 4) == 0x2a067)
  }

  @Test func narrowLargePagesReachAbove4GiB() throws {
    let board = try board(cr4: CR4.pse)
    // Bits 13...20 carry address bits 32...39.
    board.put32(0x10000 + 4, 0x0040_0000 | 0x5 << 13 | 0x87)
    #expect(try board.cpu.translate(0x0060_0123, .read, view: user) == 0x5_0060_0123)
    #expect(board.get(0x10004, 4) & 0x20 != 0)
    board.put32(0x10000 + 4, 0x0060_0087)
    #expect(fault(board, 0x40_0000, .read, user) == .page(0xd))
    // Without CR4.PSE the bit means nothing.
    board.cpu.s.cr4 = 0
    board.put32(0x10004, 0x11087)
    board.put32(0x11000, 0x33007)
    #expect(try board.cpu.translate(0x40_0010, .read, view: user) == 0x33010)
  }

  @Test func absentPageReportsAccessAndAddress() throws {
    let board = try board()
    let cases: [(AccessKind, UInt32, UInt32)] = [
      (.read, 0, 4), (.write, 0, 6), (.read, 1, 0), (.write, 2, 2), (.execute, 0, 4),
    ]
    for (kind, view, code) in cases {
      board.cpu.s.cr2 = 0
      #expect(fault(board, 0x1234, kind, view) == .page(code))
      #expect(board.cpu.s.cr2 == 0x1234)
    }
  }

  @Test func faultingWalkLeavesTheTablesAlone() throws {
    let board = try board()
    board.put32(0x10000, 0x11007)
    board.put32(0x11000, 0x2a005)
    #expect(fault(board, 0, .write, user) == .page(7))
    #expect(board.get(0x10000, 4) == 0x11007)
    #expect(board.get(0x11000, 4) == 0x2a005)
  }

  @Test func supervisorWritesObeyWriteProtect() throws {
    let board = try board()
    board.put32(0x10000, 0x11007)
    board.put32(0x11000, 0x2a005)
    #expect(try board.cpu.translate(0, .write, view: supervisor) == 0x2a000)
    board.cpu.s.cr0 |= CR0.wp
    #expect(fault(board, 0, .write, supervisor) == .page(3))
  }

  @Test func PAEUsesThePointersLoadedWithCR3() throws {
    let board = try board(cr4: CR4.pae, efer: EFER.nxe)
    let cpu = board.cpu
    cpu.s.codeSize = 1
    board.put64(0x10000 + 8, 0x11001)
    board.put64(0x11000, 0x12007)
    board.put64(0x12000 + 5 * 8, 0x8000_0000_0002_a007)
    try cpu.movToCR(3, 0x10000)
    // Later changes of the table in memory do not count.
    board.put64(0x10000 + 8, 0)
    #expect(try cpu.translate(0x4000_5678, .read, view: user) == 0x2a678)
    #expect(fault(board, 0x4000_5000, .execute, user) == .page(0x15))
    #expect(fault(board, 0, .read, user) == .page(4))
    // Reserved: bits 52...62 of an entry, and most low bits of a pointer.
    board.put64(0x12000, 1 << 52 | 7)
    #expect(fault(board, 0x4000_0000, .read, user) == .page(0xd))
    board.put64(0x10000, 0x11003)
    #expect(board.fault { () throws(Fault) in try cpu.movToCR(3, 0x10000) } == .protection())
  }

  @Test func fourLevelWalkHandlesAllPageSizes() throws {
    let board = try board(cr4: CR4.pae, efer: EFER.lma | EFER.lme | EFER.nxe)
    let cpu = board.cpu
    board.put64(0x10000 + 0x1ff * 8, 0x11007)
    board.put64(0x11000, 0x12007)
    board.put64(0x11008, 0x4000_0000 | 0x87)
    board.put64(0x12000, 0x13007)
    board.put64(0x12008, 0x20_0087)
    board.put64(0x13000, 0x2a007)
    let base: UInt64 = 0xffff_ff80_0000_0000
    #expect(try cpu.translate(base + 0x123, .write, view: user) == 0x2a123)
    #expect(board.get(0x13000, 8) == 0x2a067)
    #expect(try cpu.translate(base + 0x23_4567, .read, view: user) == 0x23_4567)
    #expect(try cpu.translate(base + 0x5234_5678, .read, view: user) == 0x5234_5678)
    #expect(board.get(0x11008, 8) == 0x4000_00a7)
    // Reserved: low address bits of a large page, PS in a PML4E, address bits above MAXPHYADDR.
    board.put64(0x12008, 0x20_2087)
    #expect(fault(board, base + 0x20_0000, .read, user) == .page(0xd))
    board.put64(0x13000, 1 << 46 | 0x2a007)
    #expect(fault(board, base, .write, supervisor) == .page(0xb))
    board.put64(0x10000 + 0x1ff * 8, 0x11087)
    #expect(fault(board, base, .read, supervisor) == .page(9))
  }

  @Test func fiveLevelWalkHasOneMoreTable() throws {
    let board = try board(cr4: CR4.pae | CR4.la57, efer: EFER.lma | EFER.lme)
    board.put64(0x10000 + 8, 0x11007)
    board.put64(0x11000, 0x12007)
    board.put64(0x12000, 0x13007)
    board.put64(0x13000, 0x14007)
    board.put64(0x14000, 0x2a007)
    #expect(try board.cpu.translate(1 << 48 | 0x10, .read, view: user) == 0x2a010)
    #expect(fault(board, 1 << 56, .read, user) == .nonCanonical)
  }

  @Test func nonCanonicalAddressIsProtectionFault() throws {
    let board = try board(cr4: CR4.pae, efer: EFER.lma | EFER.lme)
    #expect(fault(board, 1 << 47, .read, user) == .nonCanonical)
    #expect(board.fault { () throws(Fault) in try board.cpu.checkCanonical(1 << 63, stack: true) } == .stack())
  }

  @Test func executeDisableIsReservedWithoutNXE() throws {
    let board = try board(cr4: CR4.pae, efer: EFER.lma | EFER.lme)
    board.put64(0x10000, 0x8000_0000_0001_1007)
    #expect(fault(board, 0, .read, user) == .page(0xd))
  }

  @Test func supervisorModeMayNotTouchUserPages() throws {
    let board = try board(cr4: CR4.pae | CR4.smep | CR4.smap, efer: EFER.lma | EFER.lme | EFER.nxe)
    for (table, next) in [(0x10000, 0x11007), (0x11000, 0x12007), (0x12000, 0x87)] as [(UInt64, UInt64)] {
      board.put64(table, next)
    }
    let cpu = board.cpu
    #expect(fault(board, 0, .execute, supervisor) == .page(0x11))
    #expect(fault(board, 0, .read, supervisorSMAP) == .page(1))
    #expect(fault(board, 0, .write, supervisorSMAP) == .page(3))
    #expect(try cpu.translate(0, .write, view: supervisor) == 0)
    #expect(try cpu.translate(0, .execute, view: user) == 0)
    board.put64(0x12000, 0x83)
    #expect(try cpu.translate(0, .write, view: supervisorSMAP) == 0)
    #expect(fault(board, 0, .read, user) == .page(5))
  }

  @Test func protectionKeysGuardUserPages() throws {
    let board = try board(cr4: CR4.pae | CR4.pke, efer: EFER.lma | EFER.lme)
    for (table, next) in [(0x10000, 0x11007), (0x11000, 0x12007), (0x12000, 3 << 59 | 0x87)] as [(UInt64, UInt64)] {
      board.put64(table, next)
    }
    let cpu = board.cpu
    cpu.s.pkru = 2 << 6
    #expect(try cpu.translate(0, .read, view: user) == 0)
    #expect(fault(board, 0, .write, user) == .page(0x27))
    // Write-disable holds for supervisor code under CR0.WP only.
    #expect(try cpu.translate(0, .write, view: supervisor) == 0)
    cpu.s.pkru = 1 << 6
    #expect(fault(board, 0, .read, supervisor) == .page(0x21))
    #expect(try cpu.translate(0, .execute, view: user) == 0)
  }

  @Test func invlpgInsideALargePageDropsAllOfIt() throws {
    let board = try SystemBoard()
    try board.enterLongMode()
    let cpu = board.cpu
    board.put64(0x12008, 0x40_0087)
    board.put32(0x40_0000, 1)
    board.put32(0x40_5000, 2)
    #expect(try cpu.readLinear(UInt32.self, 0x20_0000) == 1)
    #expect(try cpu.readLinear(UInt32.self, 0x20_5000) == 2)
    board.put64(0x12008, 0x60_0087)
    board.put32(0x60_5000, 3)
    try cpu.invlpg(0x20_0000)
    #expect(try cpu.readLinear(UInt32.self, 0x20_5000) == 3)
  }
}
