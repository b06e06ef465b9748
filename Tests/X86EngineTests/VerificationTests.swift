import Base
import GuestMemory
import Synchronization
import Testing
import X86ISA

@testable import X86Engine

/// The engine `verified` finds what it is there for.
@Suite struct VerificationTests {
  /// mov eax, 1; add, 2; jmp to the start.
  private static let code: [UInt8] = [0xb8, 1, 0, 0, 0, 0x05, 2, 0, 0, 0, 0xeb, 0xf4]

  @Test("wrong host code is reported, with both codes and all states, at the same instruction each time")
  func plantedFault() throws {
    let reports = Mutex<[String]>([])
    for _ in 0..<2 {
      let board = try SystemBoard(engine: .verified, counted: 1)
      board.group.onDivergence { report in reports.withLock { $0.append(report) } }
      try board.enterProtectedMode()
      board.memory.write(GuestPhysical(0x4000), VerificationTests.code)
      #expect(board.vcpu.runTurn(300, endingAt: 3000) == 300)
      #expect(reports.withLock { $0.count } < 2)
      let cpu = board.cpu
      cpu.rip = 0x4000
      let block = try #require(try cpu.lookUpCode())
      let host = cpu.hostCode(block)
      let add = try #require(host.indices.first { host[$0...].starts(with: [0x05, 2, 0, 0, 0]) })
      let place = Int(cpu.blockRecord(block).indirectEntry) + add + 1
      cpu.x.code.emitter().patchShort(place, to: place + 1 + 3)
      _ = board.vcpu.runTurn(300, endingAt: 6000)
      #expect(cpu.s.activity == Activity.shutdown)
    }
    let found = reports.withLock { $0 }
    try #require(found.count == 2)
    for text in [
      "RAX: recompiler 0x4, interpreter 0x3", "05 02 00 00 00", "add", "translated to", "before:",
      "after, recompiler:", "after, interpreter:",
    ] { #expect(found[0].contains(text), "\(text) in \(found[0])") }
    func place(_ report: String) -> Substring? {
      report.split(separator: "\n").first { $0.contains("instructions so far") }
    }
    #expect(place(found[0]) != nil && place(found[0]) == place(found[1]))
  }

  /// A block may treat flags as live that an earlier one has dropped, as its look ahead is short, or met code that changes:
  /// a comparison of the engines looks further before it calls that a difference.
  @Test func flagsThatNobodyReadsAreDeadHoweverFarTheirEnd() throws {
    let board = try SystemBoard()
    try board.enterProtectedMode()
    // mov ecx, eax, twelve times; cmp eax, ecx
    board.memory.write(GuestPhysical(0x4000), (0..<12).flatMap { _ in [0x89, 0xc1] as [UInt8] } + [0x39, 0xc8, 0xf4])
    let cpu = board.cpu
    #expect(cpu.liveFlags(at: 0x4000, cpu.modeKey, instructions: 8, notes: false) == FlagEffect.all)
    #expect(cpu.liveFlags(at: 0x4000, cpu.modeKey, instructions: 64, notes: false) == 0)
  }
}
