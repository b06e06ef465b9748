import Base
import Foundation
import GuestMemory
import Synchronization
import Testing
import X86ISA

@testable import X86Engine

/// Short real-mode programs at 4000h that end by writing to port F4h.
private func run(
  _ program: [UInt8], _ inspection: EngineInspection = EngineInspection(), engine: EngineChoice = .recompiler
) throws -> SystemBoard {
  let board = try SystemBoard(inspection: inspection, engine: engine)
  board.cpu.s.segments[Seg.cs].base = 0
  board.cpu.rip = 0x4000
  board.cpu.rsp = 0x7000
  board.memory.write(GuestPhysical(0x4000), program)
  let ended = DispatchSemaphore(value: 0)
  let thread = Thread { [vcpu = board.vcpu] in
    vcpu.run()
    ended.signal()
  }
  thread.start()
  if ended.wait(timeout: .now() + 30) != .success {
    board.cpu.raise(CPUEvent.stop)
    Issue.record("the program did not end")
    _ = ended.wait(timeout: .now() + 5)
  }
  return board
}

/// mov cx, 1000; 1: inc ax; dec cx; jnz 1b; out 0f4h, al
private let countingLoop: [UInt8] = [0xb9, 0xe8, 0x03, 0x40, 0x49, 0x75, 0xfc, 0xe6, 0xf4, 0xf4]

/// Notes everything.
private final class Recorder: Instrumentation {
  struct Notes {
    var blocks: [UInt64] = []
    var instructions: [UInt64] = []
    var accesses: [MemoryAccess] = []
    var branches: [BranchEvent] = []
  }
  let notes = Mutex(Notes())
  let points: InstrumentationPoints
  init(_ points: InstrumentationPoints) { self.points = points }

  func block(_ place: GuestPlace) { notes.withLock { $0.blocks.append(place.address) } }
  func instruction(_ place: GuestPlace) { notes.withLock { $0.instructions.append(place.address) } }
  func memoryAccess(_ access: MemoryAccess, _ place: GuestPlace) { notes.withLock { $0.accesses.append(access) } }
  func branch(_ branch: BranchEvent, _ place: GuestPlace) { notes.withLock { $0.branches.append(branch) } }
}

@Suite("instrumentation") struct InstrumentationTests {
  // mov bx, 5000h; mov cx, 3; 1: mov [bx], cx; add bx, 2; push cx; pop dx; loop 1b; out 0f4h, al
  private let storing: [UInt8] = [
    0xbb, 0x00, 0x50, 0xb9, 0x03, 0x00, 0x89, 0x0f, 0x83, 0xc3, 0x02, 0x51, 0x5a, 0xe2, 0xf7, 0xe6, 0xf4, 0xf4,
  ]

  // mov bx, 5000h; mov cx, 1000; 1: mov [bx], cx; dec cx; jz 2f; jmp 1b; 2: out 0f4h, al
  private let leaving: [UInt8] = [
    0xbb, 0x00, 0x50, 0xb9, 0xe8, 0x03, 0x89, 0x0f, 0x49, 0x74, 0x02, 0xeb, 0xf9, 0xe6, 0xf4, 0xf4,
  ]

  @Test func everyInstructionAccessAndBranchIsToldOnceInOrder() throws {
    let recorder = Recorder([.block, .instruction, .memoryAccess, .branch])
    let board = try run(storing, EngineInspection(client: recorder))
    let notes = recorder.notes.withLock { $0 }
    let loop: [UInt64] = [0x4006, 0x4008, 0x400b, 0x400c, 0x400d]
    #expect(notes.instructions == [0x4000, 0x4003] + loop + loop + loop + [0x400f])
    #expect(notes.blocks.first == 0x4000 && notes.blocks.contains(0x4006))
    let accesses = (0..<3).flatMap { place -> [MemoryAccess] in
      [
        MemoryAccess(address: UInt64(0x5000 + 2 * place), size: 2, isRead: false, isWrite: true),
        MemoryAccess(address: 0x6ffe, size: 2, isRead: false, isWrite: true),
        MemoryAccess(address: 0x6ffe, size: 2, isRead: true, isWrite: false),
      ]
    }
    #expect(notes.accesses == accesses)
    #expect(
      notes.branches
        == [true, true, false].map { BranchEvent(kind: .conditional, target: 0x4006, isTaken: $0) })
    #expect(board.cpu.x.code.statistics.hooks >= 18)
  }

  @Test func whatTheGuestComputesIsTheSame() throws {
    let plain = try run(storing)
    for points in [InstrumentationPoints.counts, [.block, .instruction, .memoryAccess, .branch, .counts]] {
      let watched = try run(storing, EngineInspection(client: Recorder(points)))
      for number in 0..<16 { #expect(watched.cpu.s.regs[number] == plain.cpu.s.regs[number]) }
      #expect(watched.get(0x5000, 8) == plain.get(0x5000, 8) && plain.get(0x5000, 6) == 0x1_0002_0003)
    }
  }

  /// Behind a way out of a block, where an access has been before.
  @Test func countsLeaveMemoryAlone() throws {
    let plain = try run(leaving)
    let watched = try run(leaving, EngineInspection(client: Recorder(.counts)))
    #expect(watched.memory.read(GuestPhysical(0), count: 0x8000) == plain.memory.read(GuestPhysical(0), count: 0x8000))
    #expect(watched.get(0x5000, 2) == 1)
  }

  @Test func onlyWhatAClientWantsIsTold() throws {
    let recorder = Recorder(.branch)
    _ = try run(storing, EngineInspection(client: recorder))
    let notes = recorder.notes.withLock { $0 }
    #expect(notes.branches.count == 3 && notes.instructions.isEmpty && notes.accesses.isEmpty)
  }

  @Test func coverageCountsExactly() throws {
    let coverage = CodeCoverage()
    let board = try run(countingLoop, EngineInspection(client: coverage))
    board.vcpu.tellCounts()
    #expect(coverage.times(.inc) == 1000 && coverage.times(.dec) == 1000 && coverage.times(.jcc) == 1000)
    #expect(coverage.times(.mov) == 1 && coverage.times(.out) == 1)
    board.vcpu.tellCounts()
    #expect(coverage.instructions == 3002, "told twice")
    let report = try JSON(parsing: coverage.report(try SymbolTable(Array("4000 T start\n".utf8))).text)
    #expect(report["instructions"] == 3002)
    #expect(report["mix"]?.array?.first?["times"] == 1000)
    let runs = report["runs"]?.array ?? []
    #expect(runs.first?["address"] == "0x4000" && runs.first?["symbol"] == "start")
    #expect(runs.contains { $0["address"] == "0x4003" && $0["bits"] == 16 && $0["symbol"] == "start+0x3" })
  }

  @Test func countsSurviveThatCodeIsForgotten() throws {
    let coverage = CodeCoverage()
    let board = try run(countingLoop, EngineInspection(client: coverage))
    board.vcpu.reset()
    #expect(coverage.times(.inc) == 1000)
  }
}

@Suite("looking at translated code") struct ListingTests {
  @Test func guestAndHostInstructionsStandSideBySide() throws {
    let board = try run(countingLoop)
    let range = try #require(AddressRange(parsing: "0x4003"))
    let (blocks, more) = board.vcpu.listings(in: range)
    #expect(more == 0 && blocks.count >= 1)
    let block = try #require(blocks.last)
    let texts = block.steps.map(\.guest.text)
    #expect(texts.prefix(3) == ["inc ax", "dec cx", "jne 0x4003"], "\(texts)")
    #expect(block.steps.allSatisfy { !$0.host.isEmpty } && !block.cold.isEmpty)
    #expect(block.steps[1].host.map(\.text) == ["dec cx"])
    #expect(block.text.contains("16-bit ring 0") && block.text.contains("exitRequest"))
    #expect(!(block.entry + block.steps.flatMap(\.host) + block.cold).contains { $0.text == "(bad)" })
  }

  @Test func blocksComeByAddressUpToALimit() throws {
    let board = try run(countingLoop)
    let all = board.vcpu.listings(in: .all)
    #expect(all.blocks.map(\.address) == all.blocks.map(\.address).sorted() && all.blocks.count > 1)
    let first = board.vcpu.listings(in: .all, limit: 1)
    #expect(first.blocks.count == 1 && first.more == all.blocks.count - 1)
    #expect(board.vcpu.listings(in: try #require(AddressRange(parsing: "0x9000+10"))).blocks.isEmpty)
  }

  @Test func codeThatChangedIsNotShown() throws {
    let board = try run(countingLoop)
    board.memory.write(GuestPhysical(0x4003), [0x90])
    #expect(board.vcpu.listings(in: .all).blocks.isEmpty)
  }
}

@Suite("engine statistics") struct EngineReportTests {
  @Test func whatHappenedIsCountedByReason() throws {
    let board = try run(countingLoop)
    let report = board.vcpu.report(hertz: 1_000_000_000)
    #expect(report.recompiler.translatedBlocks > 0 && report.recompiler.translatedBytes >= 9)
    #expect(report.recompiler.hostBytes > report.recompiler.translatedBytes)
    #expect(report.recompiler.translationTicks > 0 && report.translationRate > 0)
    #expect(report.declined.contains { $0.operation == .out && $0.times == 1 })
    #expect(report.recompiler.exits.events >= 1)
    let exits = report.recompiler.exits
    let sum = exits.events + exits.halts + exits.steps + exits.faults + exits.hostFaults + exits.fetches
    #expect(sum == report.recompiler.entries)
  }

  @Test func jsonAndTextHoldTheSameFigures() throws {
    let report = try run(countingLoop).vcpu.report(hertz: 1_000_000_000)
    let json = try JSON(parsing: report.json.text)
    #expect(json["engine"] == "recompiler")
    #expect(json["translation"]?["blocks"]?.integer == Int64(report.recompiler.translatedBlocks))
    #expect(json["declined"]?.array?.contains { $0["operation"] == "out" && $0["times"] == 1 } == true)
    for section in ["interpreter", "flushes", "slowPaths", "exits"] {
      #expect(json[section]?.members?.isEmpty == false)
    }
    #expect(report.text.contains("returns to the run loop") && report.text.contains("out"))
  }

  @Test func faultsInTranslatedCodeAreCounted() throws {
    // mov word [0], 4010h; mov word [2], 0; xor dx, dx; div dl; at 4010h: out 0f4h, al
    var program: [UInt8] = [0xc7, 0x06, 0, 0, 0x20, 0x40, 0xc7, 0x06, 2, 0, 0, 0, 0x31, 0xd2, 0xf6, 0xf2]
    program += [UInt8](repeating: 0xf4, count: 0x20 - program.count) + [0xe6, 0xf4, 0xf4]
    let report = try run(program).vcpu.report(hertz: 1)
    #expect(report.recompiler.exits.hostFaults == 1 && report.recompiler.hostFaults == 1)
  }

  @Test func aResetIsNotWantOfRoom() throws {
    let board = try run(countingLoop)
    board.vcpu.reset()
    let json = board.vcpu.report(hertz: 1).json
    #expect(json["flushes"]?["reset"] == 1 && json["flushes"]?["full"] == 0)
  }

  @Test func theInterpreterReportsItself() throws {
    let report = try run(countingLoop, engine: .interpreter).vcpu.report(hertz: 1)
    #expect(report.json["engine"] == "interpreter" && report.json["exits"] == nil)
    #expect((report.json["interpreter"]?["instructions"]?.integer ?? 0) >= 3000)
  }
}

@Suite("profiles") struct ProfileTests {
  // mov ecx, 200 000 000; 1: dec ecx; jnz 1b; out 0f4h, al
  private let spinning: [UInt8] = [
    0x66, 0xb9, 0x00, 0xc2, 0xeb, 0x0b, 0x66, 0x49, 0x75, 0xfc, 0xe6, 0xf4, 0xf4,
  ]

  @Test func samplesFallWhereTheTimeGoes() throws {
    let profile = GuestProfile()
    _ = try run(spinning, EngineInspection(profile: profile))
    try #require(!profile.hasFailed)
    #expect(profile.total >= 10)
    let lines = profile.foldedStacks(try SymbolTable(Array("4000 t spin\n".utf8))).split(separator: "\n")
    let hottest = lines.max { weight($0) < weight($1) }
    #expect(hottest?.hasPrefix("cpu0;ring0;spin;0x400") == true, "\(lines)")
    #expect(lines.reduce(0) { $0 + weight($1) } == Int(profile.total))
  }
  private func weight(_ line: Substring) -> Int { Int(line.split(separator: " ").last ?? "") ?? 0 }

  @Test func theMapForPerfNamesEachBlock() throws {
    let path = NSTemporaryDirectory() + "ringbox-perf-\(getpid())-\(UInt32.random(in: 0...(.max))).map"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let map = PerfMap(path: path, symbols: try SymbolTable(Array("4000 T start\n".utf8)))
    let board = try run(countingLoop, EngineInspection(perfMap: map))
    map.flush()
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: " ")
    }
    #expect(lines.allSatisfy { $0.count == 3 && UInt64($0[0], radix: 16) != nil && UInt64($0[1], radix: 16) ?? 0 > 0 })
    #expect(lines.contains { $0[2] == "ringbox:stubs" } && lines.contains { $0[2] == "guest:ring0:start" })
    for line in lines {
      #expect(board.cpu.x.code.executableRange.contains(UInt(line[0], radix: 16) ?? 0))
    }
    board.vcpu.reset()
    map.flush()
    let rest = try String(contentsOfFile: path, encoding: .utf8)
    #expect(rest.contains("ringbox:stubs") && !rest.contains("guest:"))
  }
}
