import Base
import Foundation
import GuestMemory
import Testing
import X86Engine
import X86ISA

/// The guests of `Tests/Guests` by counted turns: every engine comes to the same state after the same number of instructions.
@Suite(.serialized) struct CountedGuestTests {
  private struct Result: Equatable {
    var instructions: Int64?
    var hash: StateHash
    var failures: [String]
  }
  private static let limit: Int64 = 40_000_000
  private static let topics = [
    "real", "v86", "protected", "tasks", "paging", "long", "debug", "interrupts", "code", "smp", "state",
  ]

  /// They leave pushed flags in memory, among them AF behind instructions that leave it undefined: there the host's
  /// processor and the interpreter differ.
  private static let keepUndefinedFlags: Set = ["protected/segments.s", "debug/step.s"]

  @Test("all engines count alike", arguments: topics) func engines(topic: String) throws {
    for source in try GuestProgram.sources(in: topic) {
      let name = topic + "/" + source.lastPathComponent
      guard let wanted = try run(source, .interpreter, turn: 977) else { continue }
      #expect(wanted.failures.isEmpty, "\(name): \(wanted.failures)")
      for engine in [EngineChoice.recompiler, .verified]
      where engine == .verified || !CountedGuestTests.keepUndefinedFlags.contains(name) {
        let other = try run(source, engine, turn: 977)
        #expect(other == wanted, "\(name), \(engine)")
      }
    }
  }

  @Test("where turns end makes no difference to one processor", arguments: ["code", "long", "real"])
  func turns(topic: String) throws {
    for source in try GuestProgram.sources(in: topic) {
      let name = topic + "/" + source.lastPathComponent
      guard try GuestProgram(source: source).header.cpus ?? 1 == 1 else { continue }
      guard let wanted = try run(source, .recompiler, turn: 1_000_000) else { continue }
      for turn in [Int64(1), 50] where wanted.instructions ?? .max < 400_000 || turn > 1 {
        #expect(try run(source, .recompiler, turn: turn) == wanted, "\(name), turns of \(turn)")
      }
    }
  }

  @Test("turns of another length interleave processors in another way") func interleaving() throws {
    let source = GuestProgram.folder.appendingPathComponent("smp/atomic.s")
    let first = try run(source, .recompiler, turn: 977)
    #expect(try run(source, .recompiler, turn: 977) == first)
    #expect(try run(source, .recompiler, turn: 1213)?.hash != first?.hash)
  }

  /// nil: the host's processor lacks what the guest needs.
  private func run(_ source: URL, _ engine: EngineChoice, turn: Int64) throws -> Result? {
    let program = try GuestProgram(source: source)
    let header = program.header
    let cpus = header.cpus ?? 1
    let model = try CPUProfile.model(header.cpu ?? "host", cpus: cpus)
    for name in header.needs ?? [] {
      guard let feature = CPUFeature(named: name), model.has(feature) else { return nil }
    }
    let board = try GuestBoard(
      memorySize: UInt64(header.memory ?? 4) << 20, cpus: cpus, model: model, engine: engine, seed: 1)
    board.memory.load(GuestPhysical(GuestBoard.loadAddress), try program.binary())
    let vcpus = board.vcpus
    let count = board.runCounted(turn: turn, limit: CountedGuestTests.limit)
    return Result(instructions: count, hash: board.stateHash(vcpus), failures: board.log.failures)
  }
}
