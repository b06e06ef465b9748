import CHost
import Glibc
import X86ISA

// The run loop of the recompiler, and what happens when generated code leaves for Swift.
extension Cpu {
  /// Executes guest code on this thread until told to stop or until there is nothing to execute.
  func runRecompiled() -> RunOutcome {
    while true {
      clearExitRequest()
      if x.isInspected { collectSamples() }
      noteHotCode()
      if hasServiceableEvents || s.activity != Activity.running {
        if let outcome = serviceEvents() { return outcome }
        if hasServiceableEvents { requestExit() }
      }
      do throws(Fault) {
        if !mustStep, let block = try lookUpCode() {
          enter(x.code.address(blockRecord(block).directEntry))
        } else {
          if x.isInspected { inspectStep() }
          try stepInterpreted()
        }
      } catch {
        // Fetch faults point at the instruction that could not be fetched.
        s.instructionStart = rip
        deliver(error)
      }
    }
  }

  /// One instruction at a time, by the interpreter: traps, breakpoints, interrupt shadows, alignment checks.
  var mustStep: Bool {
    s.systemFlags & (RFLAGS.tf | RFLAGS.rf) | s.dr[7] & 0xff | UInt64(s.interruptShadow) != 0 || checksAlignment
  }

  /// The translated block at RIP, made now if need be; nil where code cannot be translated (outside RAM).
  func lookUpCode() throws(Fault) -> UInt32? {
    let key = modeKey
    let linear = codeLinear
    if key.codeSize != 2 && rip > UInt64(s.segments[Seg.cs].limit) { throw .protection() }
    x.recompiler.use(key)
    guard var page = try codePage(linear, key) else { return nil }
    let known = x.code.find(
      physical: page.physical | linear & 0xfff, rip: rip, key: key,
      codeBase: key.hasFlatCode ? 0 : s.segments[Seg.cs].base,
      codeLimit: key.hasFlatCode ? 0 : s.segments[Seg.cs].limit)
    var found = try checked(known, linear, key)
    if found == nil {
      if !x.code.hasRoom {
        forgetAllCode()
        // With the code went the page's token, which the block must name.
        guard let again = try codePage(linear, key) else { return nil }
        page = again
      }
      found = try translateBlock(linear, page, key)
    }
    guard let block = found else { return nil }
    if key.hasFlatCode && isValid(block) {
      x.recompiler.rememberJump(key.view, rip, x.code.address(blockRecord(block).indirectEntry))
    }
    return block
  }

  /// A block whose first instruction reaches into a second page counts only while that is the page it was made from; where
  /// a later one does, the block itself looks.
  private func checked(_ block: UInt32?, _ linear: UInt64, _ key: ModeKey) throws(Fault) -> UInt32? {
    guard let block else { return nil }
    let record = blockRecord(block)
    guard record.secondPage != ~0 && record.secondStart == 0 else { return block }
    if try codePage(wrap((linear & ~0xfff) &+ 0x1000), key)?.physical == record.secondPage { return block }
    invalidate(block)
    return nil
  }

  func codePage(_ linear: UInt64, _ key: ModeKey) throws(Fault) -> RecompilerState.CodePage? {
    if let known = x.recompiler.page(key.view, linear, key) { return known }
    let physical = try translate(linear, .execute, view: s.cpl == 3 ? 0 : 1) & s.physicalMask
    let isGlobal = x.walkedGlobal
    guard isMemory(physical) else { return nil }
    let token = x.code.token(linear: linear, physical: physical, key: key)
    return x.recompiler.remember(key.view, linear, physical, key, token: token, isGlobal: isGlobal)
  }

  // MARK: Flags between RFLAGS and the form of LAHF and SETO

  static func packed(_ flags: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: (flags & 0xd5 | 2) << 8 | flags >> 11 & 1)
  }
  static func unpacked(_ saved: UInt32) -> UInt64 {
    UInt64(saved >> 8 & 0xd5) | UInt64(saved & 1) << 11
  }

  // MARK: Exits

  /// Generated code left at a site. Answers with the host address to go on at, 0 for the run loop.
  func serveSite(_ index: UInt32) -> UInt {
    if x.trial.isOn { return leftTrial(index) }
    if index == Stubs.faultSite { return hostFault() }
    let site = site(index)
    switch site.kind {
    case .memory:
      if site.patience < 0 { return noteConflict(index, site) }
      if fillCache(site) {
        x.code.statistics.cacheMisses &+= 1
        return x.code.address(site.retry)
      }
      x.code.statistics.interpretedAccesses &+= 1
      return interpret(index, site)
    case .segment:
      x.code.statistics.segmentAccesses &+= 1
      return interpret(index, site)
    case .interpret, .interpretLast:
      x.code.statistics.declinedInstructions &+= 1
      return interpret(index, site)
    case .direct: return followDirect(index, site)
    case .indirect: return followIndirect(index, site)
    case .hook: return runHook(index, site)
    case .pause, .exhausted:
      x.code.statistics.pauses &+= 1
      if site.kind == .exhausted { refund() }
      rip = blockRecord(site.block).rip &+ UInt64(site.guest)
      statusFlags = Cpu.unpacked(g.savedFlags)
      return 0
    case .spin:
      x.code.statistics.spins &+= 1
      yieldProcessor()
      return x.code.address(site.resume)
    case .entry:
      x.code.statistics.entryMisses &+= 1
      return goOnInPage(site)
    }
  }

  /// A block's first or second page was not known to be mapped where it was. It may be, and only not have been used yet.
  private func goOnInPage(_ site: Site) -> UInt {
    let block = blockRecord(site.block)
    if site.retry != 0, let page = try? codePage(wrap((block.linear & ~0xfff) &+ 0x1000), block.key),
      page.physical == block.secondPage
    {
      return x.code.address(site.retry)
    }
    return follow(block.rip &+ UInt64(site.guest)) ?? 0
  }

  /// Fills the translation cache for an access; false when it has to be interpreted (devices, code pages, faults).
  func fillCache(_ site: Site) -> Bool {
    // Outside 64-bit mode: the sum has not wrapped (`Translator.source`).
    if s.codeSize != 2 && g.linear >> 32 != 0 { return false }
    do throws(Fault) {
      _ = try resolve(g.linear, site.isWrite ? .write : .read, view: s.dataTLB)
    } catch {
      return false
    }
    if isPlain(g.linear, size: Int(site.size), write: site.isWrite) { return true }
    if site.isGroup { noteGroupMiss(site.block) }
    return false
  }

  /// The page of an access was found at a second look again and again. When that took little of the time that has gone by, the
  /// block stays as it is; else it is made again so that this access looks into the table, in either way.
  private func noteConflict(_ index: UInt32, _ site: Site) -> UInt {
    let block = blockRecord(site.block)
    let now = rb_rdtsc()
    if now &- block.countsSince > UInt64(Translator.patience) * Cpu.ticksBetweenLooks {
      editBlock(site.block) { $0.countsSince = now }
      editSite(index) { $0.patience = Translator.patience }
      return x.code.address(site.retry)
    }
    x.code.noteConflict(block.physical &+ UInt64(site.guest))
    invalidate(site.block)
    // It is charged when it is met again.
    if x.counting.isOn { refund() }
    return follow(block.rip &+ UInt64(site.guest)) ?? 0
  }

  /// A look costs some 50 of them more than a hit: a twentieth of a percent, as there may be many such accesses.
  private static let ticksBetweenLooks: UInt64 = 100_000

  /// A block whose groups keep missing is made again: with smaller ones, then with their accesses one by one as well.
  private func noteGroupMiss(_ index: UInt32) {
    let misses = countGroupMiss(index)
    guard misses == Cpu.toleratedGroupMisses else { return }
    let start = blockRecord(index).physical
    if !x.code.unanchored.insert(start).inserted { x.code.missing.insert(start) }
    invalidate(index)
  }
  /// About as many as cost what a translation does.
  private static let toleratedGroupMisses: UInt8 = 32

  /// Goes on at guest address `target`: nil for the run loop, with RIP and flags in the state.
  private func follow(_ target: UInt64) -> UInt? {
    rip = target
    statusFlags = Cpu.unpacked(g.savedFlags)
    guard g.exitRequest == 0, let block = try? lookUpCode() else { return nil }
    return x.code.address(blockRecord(block).directEntry)
  }

  private func followDirect(_ index: UInt32, _ site: Site) -> UInt {
    x.code.statistics.directMisses &+= 1
    let flushes = x.code.statistics.fullFlushes
    rip = blockRecord(site.block).address(site.distance)
    statusFlags = Cpu.unpacked(g.savedFlags)
    guard g.exitRequest == 0, let block = try? lookUpCode() else { return 0 }
    if flushes == x.code.statistics.fullFlushes { link(index, to: block) }
    return x.code.address(blockRecord(block).directEntry)
  }

  private func followIndirect(_ index: UInt32, _ site: Site) -> UInt {
    x.code.statistics.indirectMisses &+= 1
    let target = g.linear
    let block = blockRecord(site.block)
    let isGood = block.key.codeSize == 2 ? isCanonical(target) : target <= UInt64(s.segments[Seg.cs].limit)
    if isGood { return follow(target) ?? 0 }
    // The jump faults: from the state before it, as the interpreter does it.
    return undoTransfer(index, site, block)
  }

  /// Takes back what an indirect transfer did to the stack, and has the interpreter raise its fault.
  private func undoTransfer(_ index: UInt32, _ site: Site, _ block: TranslationBlock) -> UInt {
    rip = block.rip &+ UInt64(site.guest)
    setStackPointer(rsp &- UInt64(bitPattern: Int64(site.distance)))
    return interpret(index, site)
  }

  /// Has the interpreter execute the instruction of a site, and goes on behind it if nothing speaks against it.
  private func interpret(_ index: UInt32, _ site: Site) -> UInt {
    let block = blockRecord(site.block)
    let start = block.rip &+ UInt64(site.guest)
    statusFlags = Cpu.unpacked(g.savedFlags)
    rip = start
    var isOver = false
    let rights = x.rightsGeneration
    do throws(Fault) {
      guard let next = try interpretOne(start, index, site) else {
        x.code.statistics.exits.faults &+= 1
        return 0
      }
      if mustPauseRecompiler { return 0 }
      let isAsBefore = rights == x.rightsGeneration && isValid(site.block)
      if rip == next && site.resume != 0 && isAsBefore && modeKey == block.key.with(view: site.view) {
        g.savedFlags = Cpu.packed(statusFlags)
        return x.code.address(site.resume)
      }
      isOver = true
      guard let code = try lookUpCode() else { return 0 }
      g.savedFlags = Cpu.packed(statusFlags)
      return x.code.address(blockRecord(code).directEntry)
    } catch {
      x.code.statistics.exits.faults &+= 1
      if isOver { charge() }
      s.instructionStart = rip
      deliver(error)
      return 0
    }
  }

  /// One turn of waiting for another vCPU.
  func spin() {
    rb_pause()
    g.spinsLeft &-= 1
    if g.spinsLeft < 0 { yieldProcessor() }
  }

  /// The guest spins: whoever holds what it waits for may need this processor.
  func yieldProcessor() {
    g.spinsLeft = Cpu.spinsBeforeYield
    sched_yield()
  }
  /// Longer than locks are held, shorter than the host's time slice by far: some microseconds.
  private static let spinsBeforeYield: Int32 = 128

  /// Something is to be done in the run loop before the next instruction.
  private var mustPauseRecompiler: Bool {
    hasServiceableEvents || s.activity != Activity.running || s.pendingDebug != 0 || mustStep || isExhausted
  }

  private func isValid(_ block: UInt32) -> Bool { blockRecord(block).isValid }

  /// An exception that the host raised in generated code: the guest's, at the guest instruction it belongs to.
  private func hostFault() -> UInt {
    x.code.statistics.hostFaults &+= 1
    let found = rb_thunk_last_fault()
    statusFlags = Cpu.unpacked(g.savedFlags)
    let position = UInt32(truncatingIfNeeded: found.pc &- UInt64(x.code.executableRange.lowerBound))
    guard let block = x.code.block(at: position) else { fatalError("a fault in a stub of the recompiler") }
    rip = blockRecord(block).rip &+ UInt64(x.code.guestPlace(at: position, in: block).offset)
    s.instructionStart = rip
    deliver(found.vector == 0 ? .divideError : faultOfThunk(found))
    return 0
  }
}
