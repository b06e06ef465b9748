import X86ISA

/// Guest time by counted instructions, for machines that must run the same way twice.
///
/// A turn has a budget. Every instruction is charged before it is executed, whether it completes or faults, and an
/// instruction that cannot be fetched is charged, too; a repeated string instruction is charged once, and once more for
/// each interrupt between its iterations. All engines keep to these rules, so that they come to the same place.
struct Counting {
  var isOn = false
  /// The interpreter counts, also for the engine `verified`; else generated code does.
  var isInterpreted = true
  /// Guest time at which the budget is used up.
  var turnEnd: Int64 = 0
  /// What RDRAND and RDSEED give.
  var numbers = SeededNumbers(seed: 0)
}

/// Numbers that look random and follow from a seed: the generator SplitMix64.
public struct SeededNumbers: RandomNumberGenerator, Sendable, Equatable {
  /// All that the numbers to come depend on.
  public var position: UInt64
  public init(seed: UInt64) { position = seed }
  public mutating func next() -> UInt64 {
    position &+= 0x9e37_79b9_7f4a_7c15
    var z = position
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

extension Cpu {
  /// Guest time in the turn under way, the instruction being executed included.
  var countedTime: Int64 { x.counting.turnEnd &- g.budget &* Vcpu.nanosecondsPerInstruction }
  var isExhausted: Bool { x.counting.isOn && g.budget <= 0 }

  func charge() { if x.counting.isOn { g.budget &-= 1 } }
  /// What was charged was not executed.
  func refund() { g.budget &+= 1 }

  /// An interrupt is to be delivered now.
  private var isInterrupted: Bool {
    let events = pendingEvents
    if events & CPUEvent.initSignal != 0 { return true }
    if events & CPUEvent.nmi != 0 && events & CPUEvent.nmiBlocked == 0 { return true }
    return events & CPUEvent.interrupt != 0 && s.systemFlags & RFLAGS.if != 0
  }

  /// Behind an instruction that was charged: one with more repetitions to come is charged when it is met again.
  func settleRepetition(_ start: UInt64, _ i: Instruction) {
    guard rip == start, !i.prefixes.isDisjoint(with: [.repeatF3, .repeatF2]), !isInterrupted,
      InstructionTable.attributes(ofRow: i.row).contains(.repeatable)
    else { return }
    refund()
  }

  // MARK: Turns

  func runTurn(_ engine: EngineChoice) -> RunOutcome {
    while g.budget > 0 {
      clearExitRequest()
      if engine == .verified {
        if let outcome = runTrialAndCompare() { return outcome }
        continue
      }
      if x.isInspected { collectSamples() }
      if hasServiceableEvents || s.activity != Activity.running {
        if let outcome = serviceEvents() { return outcome }
        if hasServiceableEvents { requestExit() }
      }
      do throws(Fault) {
        if engine == .recompiler, !mustStep, let block = try lookUpCode() {
          enter(x.code.address(blockRecord(block).directEntry))
        } else {
          if x.isInspected && engine == .recompiler { inspectStep() }
          try stepCounted()
        }
      } catch {
        charge()
        s.instructionStart = rip
        deliver(error)
      }
    }
    return .stopped
  }
}

extension Translator {
  /// Takes the instruction from the turn's budget, and leaves before it when there is nothing left. Flag-free.
  mutating func emitCharge(_ index: Int) {
    emitter.move(Host.index, Host.rcx)
    emitter.load(Host.rcx, offsets.budget)
    emitter.address(Host.rcx, base: Host.rcx, -1)
    emitter.store(Host.rcx, offsets.budget)
    // Zero unless it is negative now.
    emitter.rotateRight(Host.rcx, Host.rcx, 48)
    emitter.zeroExtend16(Host.rcx, Host.rcx)
    let isLeft = emitter.jumpIfRCXZero()
    emitter.move(Host.rcx, Host.index)
    cold.append(.leave(jump: emitter.jump(), site: newSite(.exhausted, index), flags: .host))
    emitter.patchShort(isLeft, to: emitter.position)
    emitter.move(Host.rcx, Host.index)
  }
}
