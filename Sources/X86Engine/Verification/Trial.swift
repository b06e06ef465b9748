import CHost
import X86ISA

/// A run of generated code whose effects are only looked at: a few blocks, up to the first thing that the interpreter has to
/// do (devices, faults, stores to code, system instructions).
struct Trial {
  enum End {
    /// RIP is at an instruction that has not been executed.
    case before
    /// The host raised an exception in the instruction at RIP.
    case fault
    /// Not comparable: the last instruction had its effects and faults then.
    case abandoned
  }
  var isOn = false
  var blocksLeft = 0
  /// Instructions completed.
  var executed = 0
  /// Status flags that are exact at the end.
  var live: UInt16 = FlagEffect.all
  var end = End.before
  /// The blocks that ran.
  var blocks: [UInt32] = []
}

extension Cpu {
  // MARK: Running

  /// Runs blocks from RIP with copies in place of memory.
  func runTrial(blocks: Int, _ originals: [(page: UInt64, bytes: [UInt8])] = []) {
    x.trial.blocksLeft = blocks
    x.trial.executed = 0
    x.trial.end = .before
    x.trial.live = FlagEffect.all
    x.trial.blocks.removeAll(keepingCapacity: true)
    flushData()
    x.shadow.begin(originals)
    x.trial.isOn = true
    // Indirect jumps leave, too.
    requestExit()
    if let block = try? lookUpCode() {
      x.trial.blocks.append(block)
      enter(x.code.address(blockRecord(block).directEntry))
    }
    x.trial.isOn = false
    x.shadow.end()
    flushData()
  }

  /// Generated code left at a site during a trial.
  func leftTrial(_ index: UInt32) -> UInt {
    if index == Stubs.faultSite { return faultInTrial() }
    let site = site(index)
    switch site.kind {
    case .memory:
      if fillCache(site) { return x.code.address(site.retry) }
      return endTrial(before: site)
    case .segment, .interpret, .interpretLast, .entry, .pause, .exhausted: return endTrial(before: site)
    case .spin:
      yieldProcessor()
      return x.code.address(site.resume)
    // Nobody watches a trial.
    case .hook: return x.code.address(site.resume)
    case .direct:
      complete(site)
      rip = blockRecord(site.block).address(site.distance)
    case .indirect:
      complete(site)
      let target = g.linear
      let isGood = s.codeSize == 2 ? isCanonical(target) : target <= UInt64(s.segments[Seg.cs].limit)
      if !isGood {
        x.trial.end = .abandoned
        return endTrial()
      }
      rip = target
    }
    return nextBlock()
  }

  private func complete(_ site: Site) {
    x.trial.executed += site.place.order + 1
    x.trial.live = site.live
  }

  private func nextBlock() -> UInt {
    x.trial.blocksLeft -= 1
    guard x.trial.blocksLeft > 0, !mustStep, let block = try? lookUpCode() else { return endTrial() }
    // Code that the trial itself has written is in its copies only.
    let record = blockRecord(block)
    let isShadowed =
      x.shadow.place(of: record.physical >> 12) != nil
      || record.secondPage != ~0 && x.shadow.place(of: record.secondPage >> 12) != nil
    // Only what fits into the turn can be compared.
    let isTooLong = x.counting.isOn && x.trial.executed + Int(record.instructionCount) > Int(g.budget)
    if isShadowed || isTooLong { return endTrial() }
    x.trial.blocks.append(block)
    return x.code.address(record.directEntry)
  }

  private func endTrial(before site: Site) -> UInt {
    x.trial.executed += site.place.order
    x.trial.live = site.live
    rip = blockRecord(site.block).rip &+ UInt64(site.guest)
    return endTrial()
  }
  private func endTrial() -> UInt {
    statusFlags = Cpu.unpacked(g.savedFlags)
    return 0
  }

  private func faultInTrial() -> UInt {
    let position = UInt32(truncatingIfNeeded: rb_thunk_last_fault().pc &- UInt64(x.code.executableRange.lowerBound))
    guard let block = x.code.block(at: position) else { fatalError("a fault in a stub of the recompiler") }
    let place = x.code.guestPlace(at: position, in: block)
    x.trial.executed += place.order
    x.trial.live = 0
    x.trial.end = .fault
    rip = blockRecord(block).rip &+ UInt64(place.offset)
    return endTrial()
  }
}
