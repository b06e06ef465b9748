import Base
import Foundation
import GuestMemory
import Testing
import X86Engine
import X86ISA

/// What ring 3 of the host cannot check, as small guests on a bare board, on both engines: `Tests/Guests/<topic>/*.s`.
///
/// `GUEST=name` in the environment runs only the files whose name begins so.
@Suite(.serialized) struct GuestTests {
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func realMode(engine: EngineChoice) throws { try runAll("real", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func virtual8086Mode(engine: EngineChoice) throws { try runAll("v86", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func protectedMode(engine: EngineChoice) throws { try runAll("protected", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func tasks(engine: EngineChoice) throws { try runAll("tasks", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func paging(engine: EngineChoice) throws { try runAll("paging", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func longMode(engine: EngineChoice) throws { try runAll("long", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func debugging(engine: EngineChoice) throws { try runAll("debug", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func interrupts(engine: EngineChoice) throws { try runAll("interrupts", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func selfModifyingCode(engine: EngineChoice) throws { try runAll("code", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func severalProcessors(engine: EngineChoice) throws { try runAll("smp", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func processorState(engine: EngineChoice) throws { try runAll("state", engine) }
  @Test(arguments: [EngineChoice.recompiler, .interpreter])
  func fuzzing(engine: EngineChoice) throws { try runAll("fuzz", engine) }

  private func runAll(_ topic: String, _ engine: EngineChoice) throws {
    for source in try GuestProgram.sources(in: topic) {
      let name = topic + "/" + source.lastPathComponent
      do {
        for problem in try run(source, engine) { Issue.record("\(name): \(problem)") }
      } catch {
        Issue.record("\(name): \(error)")
      }
    }
  }

  /// Runs one guest; what was wrong with it.
  private func run(_ source: URL, _ engine: EngineChoice) throws -> [String] {
    let program = try GuestProgram(source: source)
    let header = program.header
    let cpus = header.cpus ?? 1
    let model = try CPUProfile.model(header.cpu ?? "host", cpus: cpus)
    for name in header.needs ?? [] {
      // The host's processor has no such unit: nothing to test.
      guard let feature = CPUFeature(named: name), model.has(feature) else { return [] }
    }
    let board = try GuestBoard(memorySize: UInt64(header.memory ?? 4) << 20, cpus: cpus, model: model, engine: engine)
    board.memory.load(GuestPhysical(GuestBoard.loadAddress), try program.binary())
    let ended = board.run(seconds: header.timeout ?? 10)
    let log = board.log
    var problems = log.failures
    let exit = log.tripleFaults > 0 ? "shutdown" : log.exitCode.map { $0 == 0 ? "passed" : String($0) } ?? "none"
    let wanted = header.exit ?? "passed"
    if !ended { problems.append("still running after \(header.timeout ?? 10) s") }
    if exit != wanted { problems.append("exit is \(exit), should be \(wanted); last check: \(log.lastCheck)") }
    if log.checks < header.checks ?? (wanted == "shutdown" ? 0 : 1) { problems.append("only \(log.checks) checks") }
    for (address, bytes) in header.bytes ?? [:] {
      guard let at = UInt64(address, radix: 16) else { throw GuestProgram.Failure(description: "bytes: bad address") }
      let found = board.memory.read(GuestPhysical(at), count: bytes.utf8.count / 2)
        .map { String(format: "%02x", $0) }.joined()
      if found != bytes { problems.append("memory at \(address) is \(found), should be \(bytes)") }
    }
    if !problems.isEmpty, !log.text.isEmpty { problems.append("text: \(log.text)") }
    return problems
  }
}
