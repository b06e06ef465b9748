import X86ISA

/// Why the run loop returned.
public enum RunOutcome: Sendable, Equatable {
  /// `CPUEvent.stop` was raised (it is cleared).
  case stopped
  /// Nothing to do until an event: HLT, MWAIT, waiting for SIPI, or shutdown after a triple fault.
  case idle
}

// SAFETY(type): a block and its instructions stay in place while it runs: the arena is only emptied when the next block
// is decoded. `at` stays inside the block: it stops at `blockEnd`, which is the block's end or 0.
extension Cpu {
  /// Executes guest code on this thread until told to stop or until there is nothing to execute.
  func run() -> RunOutcome {
    while true {
      if hasServiceableEvents || s.activity != Activity.running {
        if let outcome = serviceEvents() { return outcome }
      }
      do throws(Fault) {
        let block = try unsafe currentBlock()
        if s.systemFlags & (RFLAGS.tf | RFLAGS.rf) | s.dr[7] & 0xff | UInt64(s.interruptShadow) != 0 {
          unsafe stepOnce(block)
        } else {
          unsafe runBlock(block)
        }
      } catch {
        // Fetch faults point at the instruction that could not be fetched.
        s.instructionStart = rip
        deliver(error)
      }
    }
  }

  /// One instruction for the recompiler, with its traps.
  func stepInterpreted() throws(Fault) {
    let block = try unsafe currentBlock()
    if s.systemFlags & (RFLAGS.tf | RFLAGS.rf) | s.dr[7] & 0xff | UInt64(s.interruptShadow) != 0 {
      unsafe stepOnce(block)
    } else {
      unsafe runBlock(block)
    }
  }

  /// Executes the instruction of a site at RIP = `start`, all its repetitions included; the address behind it, or nil
  /// when it faulted, which is delivered then.
  // SAFETY: decoded instructions stay in place until all code is forgotten, which no instruction does.
  func interpretOne(_ start: UInt64, _ index: UInt32, _ site: Site) throws(Fault) -> UInt64? {
    let at: UnsafeMutablePointer<Instruction>
    if let known = unsafe x.code.instruction(of: site, generation: x.thunks.generation) {
      unsafe at = known
    } else {
      let block = try unsafe currentBlock()
      unsafe at = block.pointee.first
      // One that reaches into another page is fetched anew each time: that page may be another one then.
      if unsafe block.pointee.valid && block.pointee.secondPage == ~0 {
        unsafe x.code.keep(at.pointee, of: index, generation: x.thunks.generation)
      }
    }
    let next = unsafe start &+ UInt64(at.pointee.length)
    unsafe x.code.declined[Int(at.pointee.op.rawValue)] &+= 1
    s.instructionStart = start
    repeat {
      x.blockEnd = 1
      rip = next
      if unsafe call(at) {
        if !x.faultInNewTask { s.instructionStart = start }
        unsafe deliver(fault(of: at))
        return nil
      }
      // Zeroed: something is to be looked at before the next iteration.
    } while rip == start && x.blockEnd != 0 && !hasServiceableEvents && s.activity == Activity.running
    s.instructionCount &+= 1
    if x.counting.isOn { unsafe settleRepetition(start, at.pointee) }
    return next
  }

  /// Runs a block to its end, to a fault, or until code changes under it.
  @inline(__always) private func runBlock(_ block: UnsafeMutablePointer<Block>) {
    // SAFETY: the block's instructions stay in place while it runs: the arena is only emptied between blocks.
    do {
      var at = unsafe block.pointee.first
      let end = unsafe at + Int(block.pointee.count)
      x.blockEnd = UInt(bitPattern: end)
      var next = rip
      repeat {
        let start = next
        unsafe next = start &+ UInt64(at.pointee.length)
        rip = next
        if unsafe call(at) {
          if !x.faultInNewTask { s.instructionStart = start }
          unsafe s.instructionCount &+= UInt64(at - block.pointee.first)
          unsafe deliver(fault(of: at))
          return
        }
        unsafe at += 1
      } while UInt(bitPattern: at) < x.blockEnd
      unsafe s.instructionCount &+= UInt64(at - block.pointee.first)
    }
  }

  /// The fault that an instruction's handler reported: references through SS raise #SS where others raise #GP.
  @inline(never) func fault(of instruction: UnsafeMutablePointer<Instruction>) -> Fault {
    guard s.fault == .nonCanonical else { return s.fault }
    // SAFETY: the instruction that just ran, or tried to.
    let i = unsafe instruction.pointee
    if i.prefixes.contains(.memory) && i.segment == 2 { return .stack() }
    switch i.op {
    case .push, .pop, .pusha, .popa, .pushf, .popf, .call, .ret, .enter, .leave, .callf, .retf, .iret:
      // With a memory operand, whichever of the two addresses is bad; POP looks at the stack first.
      guard i.prefixes.contains(.memory) else { return .stack() }
      if i.op == .pop, !isCanonical(rsp) || !isCanonical(rsp &+ UInt64(i.operandSize) &- 1) { return .stack() }
      let linear = unsafe Interp(p, instruction).offset &+ s.segments[Int(i.segment)].fastBase
      let isGood = isCanonical(linear) && isCanonical(linear &+ UInt64(i.operandSize) &- 1)
      return isGood ? .stack() : .protection()
    default: return .protection()
    }
  }

  /// One instruction, with the traps that follow it (SDM 3B, 17.3) and the shadow of STI and MOV SS.
  func stepOnce(_ block: UnsafeMutablePointer<Block>) {
    let start = rip
    let shadow = s.interruptShadow
    let trap = s.systemFlags & RFLAGS.tf != 0
    if shadow != 2, s.systemFlags & RFLAGS.rf == 0, let hit = instructionBreakpoint(codeLinear) {
      s.instructionStart = start
      s.dr[6] = s.dr[6] & ~DebugStatus.breakpoints | hit | DebugStatus.fixed
      return deliver(.debug)
    }
    // What a load of SS hit waits for the end of the instruction behind it.
    if shadow != 2 { s.pendingDebug = 0 }
    // Before the instruction: an IRET or a task switch sets it for the next one.
    s.systemFlags &= ~RFLAGS.rf
    var entersHandler = false
    // SAFETY: as in runBlock.
    do {
      let at = unsafe block.pointee.first
      entersHandler = unsafe Cpu.entersHandler(at.pointee.op)
      x.blockEnd = 0
      unsafe rip = start &+ UInt64(at.pointee.length)
      s.instructionStart = start
      if unsafe call(at) {
        s.interruptShadow = 0
        unsafe deliver(fault(of: at))
        return
      }
      s.instructionCount &+= 1
    }
    if s.interruptShadow == shadow { s.interruptShadow = 0 }
    var conditions = s.pendingDebug
    // An instruction that sets TF is not itself trapped; one that clears it is, unless by entering a handler.
    if trap && !(entersHandler && s.systemFlags & RFLAGS.tf == 0) { conditions |= DebugStatus.singleStep }
    if conditions != 0 && s.interruptShadow != 2 { deliverDebugTrap(conditions) }
  }

  private static func entersHandler(_ op: Op) -> Bool {
    switch op {
    case .int, .int1, .int3, .into, .syscall: true
    default: false
    }
  }

  /// Looks at what other threads asked for, in the processor's order of priority (SDM 3A, 6.9); nil to go on executing.
  func serviceEvents() -> RunOutcome? {
    let events = pendingEvents
    if x.isInspected { collectSamples() }
    if events & CPUEvent.flushTLB != 0 {
      clear(CPUEvent.flushTLB)
      context.group.collect(for: self)
      flushTLB()
    }
    if events & CPUEvent.codeChanged != 0 { context.group.collect(for: self) }
    if events & CPUEvent.stop != 0 {
      clear(CPUEvent.stop)
      return .stopped
    }
    if events & CPUEvent.initSignal != 0 {
      clear(CPUEvent.initSignal)
      initReset()
    }
    if s.activity == Activity.waitForStartup {
      guard events & CPUEvent.startup != 0 else { return .idle }
      clear(CPUEvent.startup)
      startup(vector: UInt8(truncatingIfNeeded: x.startupVector))
      return nil
    }
    if events & CPUEvent.startup != 0 { dropStartup() }
    if s.activity == Activity.shutdown { return .idle }
    if s.interruptShadow == 0 || s.activity == Activity.halted {
      if events & CPUEvent.nmi != 0 && events & CPUEvent.nmiBlocked == 0 {
        clear(CPUEvent.nmi)
        wake()
        deliverInterrupt(vector: 2, kind: .nmi)
        return nil
      }
      if events & CPUEvent.interrupt != 0 && interruptsEnabled {
        clear(CPUEvent.interrupt)
        if let vector = platform.acknowledgeInterrupt(cpu: index) {
          wake()
          deliverInterrupt(vector: vector, kind: .external)
          return nil
        }
      }
    }
    return s.activity == Activity.running ? nil : .idle
  }

  /// After an access to a device: what it asks of this vCPU (an interrupt, A20, a changed memory map) is served
  /// before the next instruction.
  func noticeEvents() {
    if hasServiceableEvents { x.blockEnd = 0 }
  }

  /// Something is to be done between two iterations of a repeated instruction: an event, a trap.
  @inline(__always) var mustPause: Bool {
    hasServiceableEvents || s.systemFlags & RFLAGS.tf | s.pendingDebug != 0
  }

  /// Events to look at now: a maskable interrupt alone waits, at no cost, until IF is set.
  @inline(__always) var hasServiceableEvents: Bool {
    let events = pendingEvents & ~CPUEvent.nmiBlocked
    return events != 0 && (events != CPUEvent.interrupt || s.systemFlags & RFLAGS.if != 0)
  }

  private func wake() {
    s.activity = Activity.running
    s.interruptShadow = 0
  }
  private var interruptsEnabled: Bool { s.systemFlags & RFLAGS.if != 0 }
}

extension CPUEvent {
  /// Another vCPU or a device wrote decoded code, or a page became code: see `VcpuGroup`.
  static let codeChanged: UInt32 = 64
}
