/// Why generated code returned to the run loop, how often.
public struct ExitCounts: Sendable, Equatable {
  /// An interrupt, a stop, a request of another vCPU.
  public var events: UInt64 = 0
  /// HLT, MWAIT, shutdown.
  public var halts: UInt64 = 0
  /// A trap, breakpoint or interrupt shadow is to be looked at between instructions.
  public var steps: UInt64 = 0
  /// An interpreted instruction raised an exception, which was delivered.
  public var faults: UInt64 = 0
  /// The host's processor raised an exception in generated code, which was delivered to the guest.
  public var hostFaults: UInt64 = 0
  /// The next instruction cannot be fetched without a fault, or lies outside memory.
  public var fetches: UInt64 = 0
  /// None yet.
  public init() {}
}

extension Cpu {
  /// Generated code left at a site. Answers with the host address to go on at, 0 for the run loop.
  func leftGeneratedCode(_ site: UInt32) -> UInt {
    let faults = x.code.statistics.exits.faults
    let next = serveSite(site)
    if next == 0 && faults == x.code.statistics.exits.faults { countExit(site) }
    return next
  }

  /// Counts a return to the run loop by what the state says of it.
  private func countExit(_ site: UInt32) {
    if site == Stubs.faultSite {
      x.code.statistics.exits.hostFaults &+= 1
    } else if hasServiceableEvents || g.exitRequest != 0 {
      x.code.statistics.exits.events &+= 1
    } else if s.activity != Activity.running {
      x.code.statistics.exits.halts &+= 1
    } else if s.pendingDebug != 0 || mustStep {
      x.code.statistics.exits.steps &+= 1
    } else {
      x.code.statistics.exits.fetches &+= 1
    }
  }
}
