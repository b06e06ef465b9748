import Base
import X86ISA

/// What a virtual processor's engine has done since power-on, for people and scripts.
public struct EngineReport: Sendable, Equatable {
  /// A number with its name in JSON and in words.
  private struct Figure {
    var key: String
    var words: String
    var value: UInt64
    init(_ key: String, _ words: String, _ value: UInt64) {
      self.key = key
      self.words = words
      self.value = value
    }
  }
  private struct Section {
    var key: String
    var words: String
    var figures: [Figure]
  }

  /// What the processor runs on.
  public var engine: EngineChoice
  /// What the interpreter did, also on behalf of the recompiler.
  public var interpreter: EngineStatistics
  /// What the recompiler did.
  public var recompiler: RecompilerStatistics
  /// Instructions that the recompiler left to the interpreter, by operation, the most frequent first.
  public var declined: [(operation: Op, times: UInt64)] {
    declinedTimes.enumerated().compactMap { place, times in
      times > 0 ? Op(rawValue: UInt16(place)).map { ($0, times) } : nil
    }.sorted { ($1.times, $0.operation.rawValue) < ($0.times, $1.operation.rawValue) }
  }
  /// By `Op.rawValue`.
  var declinedTimes: [UInt64]
  /// Ticks of the host's time-stamp counter in a second.
  var hertz: UInt64

  /// Bytes of guest code translated in a second of translating; 0 before the first.
  public var translationRate: UInt64 {
    guard recompiler.translationTicks > 0 else { return 0 }
    return UInt64(Double(recompiler.translatedBytes) * Double(hertz) / Double(recompiler.translationTicks))
  }

  private var sections: [Section] {
    let r = recompiler
    return [
      Section(
        key: "translation", words: "translation",
        figures: [
          Figure("blocks", "blocks", r.translatedBlocks),
          Figure("instructions", "instructions", r.translatedInstructions),
          Figure("guestBytes", "bytes of guest code", r.translatedBytes),
          Figure("hostBytes", "bytes of host code", r.hostBytes),
          Figure("hotBlocks", "blocks found hot", r.hotBlocks),
          Figure(
            "microseconds", "microseconds", hertz == 0 ? 0 : UInt64(Double(r.translationTicks) * 1e6 / Double(hertz))),
          Figure("bytesPerSecond", "bytes of guest code a second", translationRate),
          Figure("links", "exits linked", r.links),
          Figure("invalidated", "blocks whose code changed", r.invalidatedBlocks),
        ]),
      Section(
        key: "flushes", words: "everything forgotten",
        figures: [
          Figure("full", "for want of room", r.fullFlushes &- r.resetFlushes),
          Figure("reset", "at a reset", r.resetFlushes),
        ]),
      Section(
        key: "slowPaths", words: "slow paths",
        figures: [
          Figure("cacheMiss", "translation cache filled", r.cacheMisses),
          Figure(
            "interpretedAccess", "access interpreted: device, code page, page crossing, fault", r.interpretedAccesses),
          Figure("segment", "access interpreted: segment", r.segmentAccesses),
          Figure("declined", "instruction interpreted", r.declinedInstructions),
          Figure("directMiss", "direct exit not linked", r.directMisses),
          Figure("indirectMiss", "indirect jump looked up", r.indirectMisses),
          Figure("entryMiss", "page no longer mapped there", r.entryMisses),
          Figure("pause", "event behind STI", r.pauses), Figure("spin", "processor given away while spinning", r.spins),
          Figure("hook", "calls of instrumentation", r.hooks),
        ]),
      Section(
        key: "exits", words: "returns to the run loop",
        figures: [
          Figure("entries", "entries", r.entries), Figure("event", "event", r.exits.events),
          Figure("halt", "halt", r.exits.halts), Figure("step", "single step", r.exits.steps),
          Figure("fault", "fault of an interpreted instruction", r.exits.faults),
          Figure("hostFault", "fault in generated code", r.exits.hostFaults),
          Figure("fetch", "next instruction not fetched", r.exits.fetches),
        ]),
    ]
  }

  private var interpreterSection: Section {
    Section(
      key: "interpreter", words: "interpreter",
      figures: [
        Figure("instructions", "instructions", interpreter.instructions),
        Figure("decodedBlocks", "blocks decoded", interpreter.decodedBlocks),
        Figure("invalidated", "blocks whose code changed", interpreter.invalidatedBlocks),
        Figure("flushes", "everything forgotten for want of room", interpreter.cacheFlushes),
        Figure("undefined", "instructions that this processor model lacks", interpreter.undefined),
      ])
  }

  /// An object with a member for each section.
  public var json: JSON {
    var result: JSON = ["engine": .string(engine.rawValue)]
    for section in [interpreterSection] + (engine != .interpreter ? sections : []) {
      result.set(
        section.key, .object(section.figures.map { JSON.Member($0.key, .integer(Int64(clamping: $0.value))) }))
    }
    guard engine != .interpreter else { return result }
    result.set(
      "declined",
      .array(declined.map { ["operation": .string("\($0.operation)"), "times": .integer(Int64(clamping: $0.times))] }))
    return result
  }

  /// A line for each figure that is not zero, under headings. The declined operations are cut to the most frequent.
  public var text: String {
    var text = ""
    for section in [interpreterSection] + (engine != .interpreter ? sections : []) {
      text += "  \(section.words)\n"
      for figure in section.figures where figure.value > 0 { text += EngineReport.line(figure.words, figure.value) }
    }
    guard engine != .interpreter, !declined.isEmpty else { return text }
    text += "  interpreted instructions by operation\n"
    for (operation, times) in declined.prefix(EngineReport.shownOperations) {
      text += EngineReport.line("\(operation)", times)
    }
    let rest = declined.dropFirst(EngineReport.shownOperations).reduce(0) { $0 &+ $1.times }
    return rest == 0 ? text : text + EngineReport.line("others", rest)
  }
  private static let shownOperations = 20

  private static func line(_ words: String, _ value: UInt64) -> String {
    let digits = String(value)
    return "    " + words + String(repeating: " ", count: max(2, 76 - words.count - digits.count)) + digits + "\n"
  }
}

extension Vcpu {
  /// What the engine counted since power-on. While the vCPU runs, a snapshot whose numbers need not fit together.
  public func report(hertz: UInt64) -> EngineReport {
    EngineReport(
      engine: engine, interpreter: statistics, recompiler: cpu.x.code.statistics,
      declinedTimes: cpu.x.code.declinedTimes, hertz: hertz)
  }
}
