import Base
import Foundation
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
    let reports = Mutex<[Divergence]>([])
    for _ in 0..<2 {
      let board = try SystemBoard(engine: .verified, counted: 1)
      board.group.onDivergence { report in reports.withLock { $0.append(report) } }
      try board.enterProtectedMode()
      board.memory.write(GuestPhysical(0x4000), VerificationTests.code)
      #expect(board.vcpu.runTurn(300, endingAt: 3000) == 300)
      #expect(reports.withLock { $0.count } < 2)
      let cpu = board.cpu
      cpu.rip = 0x4000
      try VerificationTests.plantFault(cpu)
      _ = board.vcpu.runTurn(300, endingAt: 6000)
      #expect(cpu.s.activity == Activity.shutdown)
    }
    let found = reports.withLock { $0 }
    try #require(found.count == 2)
    for text in [
      "RAX: recompiler 0x4, interpreter 0x3", "05 02 00 00 00", "add", "translated to", "before:",
      "after, recompiler:", "after, interpreter:",
    ] { #expect(found[0].report.contains(text), "\(text) in \(found[0].report)") }
    func place(_ found: Divergence) -> Substring? {
      found.report.split(separator: "\n").first { $0.contains("instructions so far") }
    }
    #expect(place(found[0]) != nil && place(found[0]) == place(found[1]))
  }

  /// The instruction that adds 2 at RIP adds 3, in every round of the loop.
  private static func plantFault(_ cpu: Cpu) throws {
    let block = try #require(try cpu.lookUpCode())
    let host = cpu.hostCode(block)
    let additions = host.indices.filter { host[$0...].starts(with: [0x05, 2, 0, 0, 0]) }
    #expect(!additions.isEmpty)
    for addition in additions {
      let place = Int(cpu.blockRecord(block).indirectEntry) + addition + 1
      cpu.x.code.emitter().patchShort(place, to: place + 1 + 3)
    }
  }

  @Test("a divergence is a test case too, which does it again without its machine")
  func testCase() throws {
    let found = Mutex<Divergence?>(nil)
    let board = try SystemBoard(engine: .verified, counted: 1)
    board.group.onDivergence { divergence in found.withLock { $0 = divergence } }
    try board.enterLongMode()
    // mov eax, [rbx]; add eax, 2; jmp to the start
    board.memory.write(GuestPhysical(0x4000), [0x8b, 0x03, 0x05, 2, 0, 0, 0, 0xeb, 0xf7])
    board.put32(0x5000, 1)
    board.cpu[reg: 3] = 0x5000
    try VerificationTests.plantFault(board.cpu)
    _ = board.vcpu.runTurn(300, endingAt: 3000)
    let divergence = try #require(found.withLock { $0 })
    let test = try #require(DivergenceCase(json: divergence.testCase))
    #expect(test.json == divergence.testCase)
    #expect(test.note.contains("RAX: recompiler 0x4, interpreter 0x3"))
    let again = try #require(try test.replay(prepare: VerificationTests.plantFault))
    #expect(again.report.contains("RAX: recompiler 0x4, interpreter 0x3"))
    #expect(again.testCase == divergence.testCase)
    #expect(try test.replay() == nil, "the engines agree where nothing is planted")
    for text in ["", "[", "{}", divergence.testCase.replacing("0x1000000", with: "0x1000001")] {
      #expect(DivergenceCase(json: text) == nil)
    }
  }

  /// What `--verify-execution` has ever written, mended since.
  @Test func divergencesOfThePastStayMended() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Guests/divergences")
    for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    where file.pathExtension == "json" {
      let test = try #require(DivergenceCase(json: String(contentsOf: file, encoding: .utf8)), "\(file.path)")
      let divergence = try test.replay()
      #expect(divergence == nil, "\(file.lastPathComponent): \(divergence?.report ?? "")")
    }
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
