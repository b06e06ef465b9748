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

/// What user code can see of a vCPU, and what generated code changes besides.
struct VisibleState {
  var registers = InlineArray<34, UInt64>(repeating: 0)
  var statusFlags: UInt64 = 0
  var systemFlags: UInt64 = 0
  var dataTLB: UInt32 = 0
  var interruptShadow: UInt8 = 0
  var gsBase: UInt64 = 0
  var kernelGSBase: UInt64 = 0
  var mxcsr: UInt32 = 0
  var vectors = InlineArray<256, UInt64>(repeating: 0)
  var opmasks = InlineArray<8, UInt64>(repeating: 0)
  var x87 = InlineArray<64, UInt64>(repeating: 0)
  var rip: UInt64 { registers[33] }
}

extension Cpu {
  func visibleState() -> VisibleState {
    saveX87()
    return VisibleState(
      registers: s.regs, statusFlags: statusFlags, systemFlags: s.systemFlags, dataTLB: s.dataTLB,
      interruptShadow: s.interruptShadow, gsBase: s.segments[Seg.gs].base, kernelGSBase: s.kernelGSBase, mxcsr: s.mxcsr,
      vectors: s.vectors, opmasks: s.opmasks, x87: s.x87)
  }

  func restore(_ state: VisibleState) {
    s.regs = state.registers
    statusFlags = state.statusFlags
    s.systemFlags = state.systemFlags
    s.dataTLB = state.dataTLB
    s.interruptShadow = state.interruptShadow
    if s.segments[Seg.gs].base != state.gsBase {
      s.segments[Seg.gs].base = state.gsBase
      s.segments[Seg.gs].fastBase = state.gsBase
    }
    s.kernelGSBase = state.kernelGSBase
    s.mxcsr = state.mxcsr
    s.vectors = state.vectors
    s.opmasks = state.opmasks
    s.x87 = state.x87
    loadX87()
  }

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
    case .segment, .interpret, .interpretLast, .pause: return endTrial(before: site)
    case .spin:
      yieldProcessor()
      return x.code.address(site.resume)
    // Nobody watches a trial.
    case .hook: return x.code.address(site.resume)
    case .entry:
      rip = blockRecord(site.block).rip
      x.trial.live = FlagEffect.all
      return endTrial()
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
    x.trial.executed += instructionCount(site.block, before: site.guest) + 1
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
    if isShadowed { return endTrial() }
    x.trial.blocks.append(block)
    return x.code.address(record.directEntry)
  }

  private func endTrial(before site: Site) -> UInt {
    x.trial.executed += instructionCount(site.block, before: site.guest)
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
    let offset = x.code.guestOffset(at: position, in: block)
    x.trial.executed += instructionCount(block, before: offset)
    x.trial.live = 0
    x.trial.end = .fault
    rip = blockRecord(block).rip &+ UInt64(offset)
    return endTrial()
  }
}
