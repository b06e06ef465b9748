/// Where an event for the interrupt descriptor table comes from.
public enum InterruptKind: UInt8, Sendable {
  /// From an interrupt controller.
  case external
  /// Blocks further NMIs until IRET.
  case nmi
  /// A fault or trap of the processor; may carry an error code.
  case exception
  /// INT n: subject to IOPL and redirection in virtual-8086 mode, and to the gate's DPL.
  case software
  /// INT3 and INTO: gate DPL only.
  case softwareException
  /// INT1: no checks.
  case privilegedSoftware

  /// The EXT bit of error codes for faults on the way to the handler (SDM 3A, 6.13).
  var ext: UInt32 { self == .software || self == .softwareException ? 0 : 1 }
  var checksGate: Bool { self == .software || self == .softwareException }
}

// Delivery of exceptions and interrupts (SDM 3A, chapter 6).
extension Cpu {
  /// DR6 bits.
  enum DebugStatus {
    static let breakpoints: UInt64 = 15
    static let generalDetect: UInt64 = 1 << 13
    static let singleStep: UInt64 = 1 << 14
    static let taskSwitch: UInt64 = 1 << 15
    static let fixed: UInt64 = 0xffff_0ff0
  }

  // MARK: Entry points

  /// Delivers a fault of the instruction at `instructionStart`: the handler returns there.
  ///
  /// Faults on the way become double and triple faults by the rules of SDM 3A, 6.15.
  func deliver(_ fault: Fault) {
    rip = s.instructionStart
    s.activity = Activity.running
    s.pendingDebug = 0
    defer { x.faultInNewTask = false }
    var current = fault.architectural
    // Each turn either succeeds or raises the severity; a benign exception can follow only a benign one, and
    // entering a handler raises none, so three turns suffice.
    for _ in 0..<4 {
      if current.vector == 1 { s.dr[7] &= ~DebugStatus.generalDetect }
      do throws(Fault) {
        let code: UInt32? = current.hasErrorCode ? current.errorCode : nil
        // Faults set RF in the saved image; #DF is an abort, and #DB leaves RF to its handler (SDM 3B, 17.3.1.1).
        let flags = current.vector == 8 || current.vector == 1 ? 0 : RFLAGS.rf
        return try enterHandler(vector: current.vector, errorCode: code, kind: .exception, returnFlags: flags)
      } catch {
        guard let next = Cpu.combine(current, error) else { break }
        current = next.architectural
      }
    }
    s.activity = Activity.shutdown
    platform.tripleFault(cpu: index)
  }

  /// Delivers a #DB trap: `conditions` (DR6 bits) were met by the instruction that just completed.
  func deliverDebugTrap(_ conditions: UInt64) {
    s.dr[6] = s.dr[6] & ~DebugStatus.breakpoints | conditions | DebugStatus.fixed
    s.instructionStart = rip
    deliver(.debug)
  }

  /// Delivers an external interrupt or NMI between instructions.
  func deliverInterrupt(vector: UInt8, kind: InterruptKind) {
    s.activity = Activity.running
    s.instructionStart = rip
    if kind == .nmi { raise(CPUEvent.nmiBlocked) }
    do throws(Fault) {
      try enterHandler(vector: vector, errorCode: nil, kind: kind, returnFlags: 0)
    } catch {
      deliver(error)
    }
  }

  /// INT n, INT3, INTO and INT1, with `rip` behind the instruction. A fault belongs to the instruction itself.
  func softwareInterrupt(_ vector: UInt8, kind: InterruptKind) throws(Fault) {
    if kind == .software, s.mode == CPUMode.virtual8086.rawValue {
      let iopl3 = s.systemFlags & RFLAGS.iopl == RFLAGS.iopl
      if s.cr4 & CR4.vme != 0, try !redirectionBit(vector) {
        return try enterVirtual8086Handler(vector, iopl3: iopl3)
      }
      if !iopl3 { throw .protection() }
    }
    try enterHandler(vector: vector, errorCode: nil, kind: kind, returnFlags: 0)
  }

  /// What `second` becomes when it happens while `first` is being delivered; nil is a triple fault.
  static func combine(_ first: Fault, _ second: Fault) -> Fault? {
    func isContributory(_ vector: UInt8) -> Bool { vector == 0 || (10...13).contains(vector) || vector == 21 }
    let isSevere = isContributory(second.vector) || second.vector == 14
    if first.vector == 8 { return isSevere ? nil : second }
    if isContributory(first.vector), isContributory(second.vector) { return .doubleFault() }
    if first.vector == 14, isSevere { return .doubleFault() }
    return second
  }

  // MARK: Handlers by mode

  /// Enters the handler of `vector`; changes no register unless it succeeds (except by a task switch).
  private func enterHandler(
    vector: UInt8, errorCode: UInt32?, kind: InterruptKind, returnFlags: UInt64
  ) throws(Fault) {
    if x.catchesExceptions {
      x.caught = errorCode.map { Fault(vector, errorCode: $0) } ?? Fault(vector)
      return raise(CPUEvent.stop)
    }
    if s.cr0 & CR0.pe == 0 {
      try enterRealHandler(vector, ext: kind.ext)
    } else {
      try enterProtectedHandler(vector, errorCode, kind, returnFlags)
    }
    s.interruptShadow = 0
  }

  /// Through the interrupt vector table of real mode.
  private func enterRealHandler(_ vector: UInt8, ext: UInt32) throws(Fault) {
    let offset = UInt64(vector) &* 4
    guard offset &+ 3 <= UInt64(s.idtr.limit) else { throw .protection(UInt32(vector) << 3 | 2 | ext) }
    let entry = try readSystem(UInt32.self, tableAddress(s.idtr.base, offset))
    try pushRealFrame(flags: rflags, clear: RFLAGS.if | RFLAGS.tf | RFLAGS.rf | RFLAGS.ac, entry: entry)
  }

  /// INT n redirected to the 8086 program's own vector table at linear address 0 (VME).
  private func enterVirtual8086Handler(_ vector: UInt8, iopl3: Bool) throws(Fault) {
    let entry = try readLinear(UInt32.self, UInt64(vector) &* 4)
    var image = rflags
    if !iopl3 {
      image = image & ~RFLAGS.if | RFLAGS.iopl
      if image & RFLAGS.vif != 0 { image |= RFLAGS.if }
    }
    try pushRealFrame(flags: image, clear: RFLAGS.tf | RFLAGS.rf | (iopl3 ? RFLAGS.if : RFLAGS.vif), entry: entry)
    s.interruptShadow = 0
  }

  private func pushRealFrame(flags: UInt64, clear: UInt64, entry: UInt32) throws(Fault) {
    var stack = currentStack()
    try push(flags, size: 2, on: &stack)
    try push(UInt64(s.segments[Seg.cs].selector), size: 2, on: &stack)
    try push(rip, size: 2, on: &stack)
    try enterRealCode(UInt16(truncatingIfNeeded: entry >> 16), UInt64(entry & 0xffff))
    commitStack(stack)
    replaceFlags(rflags & ~clear)
  }

  /// The VME redirection bit of `vector`: false = 8086 handler. The bitmap lies below the I/O bitmap.
  private func redirectionBit(_ vector: UInt8) throws(Fault) -> Bool {
    let tr = s.segments[Seg.tr]
    guard tr.type & 8 != 0, tr.limit >= 0x67 else { throw .protection() }
    let map = UInt64(try readSystem(UInt16.self, tableAddress(tr.base, 0x66)))
    guard map >= 32, map &- 32 &+ UInt64(vector >> 3) <= UInt64(tr.limit) else { throw .protection() }
    let byte = try readSystem(UInt8.self, tableAddress(tr.base, map &- 32 &+ UInt64(vector >> 3)))
    return byte >> (vector & 7) & 1 != 0
  }

  private func enterProtectedHandler(
    _ vector: UInt8, _ errorCode: UInt32?, _ kind: InterruptKind, _ returnFlags: UInt64
  ) throws(Fault) {
    let ext = kind.ext
    let gateCode = UInt32(vector) << 3 | 2 | ext
    let gate = try interruptGate(vector, gateCode)
    if kind.checksGate, gate.dpl < s.cpl { throw .protection(gateCode) }
    guard gate.isPresent else { throw .notPresent(gateCode) }
    if gate.type == SystemType.taskGate {
      return try enterTaskHandler(gate, errorCode, ext, returnFlags)
    }
    let selector = gate.gateSelector
    if selector.isNullSelector { throw .protection(ext) }
    let fault = Fault.protection(selector.errorCode | ext)
    let code = try descriptor(selector, else: fault)
    guard code.isCode, code.dpl <= s.cpl else { throw fault }
    if isIA32e { guard code.isLong, !code.isBig else { throw fault } }
    guard code.isPresent else { throw .notPresent(selector.errorCode | ext) }
    let fromV86 = s.mode == CPUMode.virtual8086.rawValue
    if fromV86 { guard !code.isConforming, code.dpl == 0 else { throw fault } }
    let level = code.isConforming ? s.cpl : code.dpl
    let image = rflags | returnFlags
    if isIA32e {
      try enterLongHandler(gate, code, selector, level, image, errorCode, ext)
    } else {
      try enterLegacyHandler(gate, code, selector, level, image, errorCode, ext)
    }
    var clear = RFLAGS.tf | RFLAGS.nt | RFLAGS.rf | RFLAGS.vm
    if gate.type & 1 == 0 { clear |= RFLAGS.if }
    replaceFlags(rflags & ~clear)
  }

  /// The IDT entry of `vector`, with its type checked.
  private func interruptGate(_ vector: UInt8, _ code: UInt32) throws(Fault) -> Descriptor {
    let size: UInt64 = isIA32e ? 16 : 8
    let offset = UInt64(vector) &* size
    guard offset &+ size &- 1 <= UInt64(s.idtr.limit) else { throw .protection(code) }
    let address = tableAddress(s.idtr.base, offset)
    var gate = Descriptor(raw: try readSystem(UInt64.self, address), address: address)
    if isIA32e { gate.upper = try readSystem(UInt64.self, address &+ 8) & 0xffff_ffff }
    guard !gate.isCodeOrData else { throw .protection(code) }
    switch gate.type {
    case SystemType.interruptGate, SystemType.trapGate: return gate
    case SystemType.taskGate, SystemType.interruptGate16, SystemType.trapGate16:
      if isIA32e { throw .protection(code) }
      return gate
    default: throw .protection(code)
    }
  }

  /// IA-32e mode: the stack pointer is aligned to 16 bytes, and SS:RSP are always saved.
  private func enterLongHandler(
    _ gate: Descriptor, _ code: Descriptor, _ selector: UInt16, _ level: UInt8, _ image: UInt64,
    _ errorCode: UInt32?, _ ext: UInt32
  ) throws(Fault) {
    var code = code
    let changesLevel = level < s.cpl
    var stack = StackCursor(pointer: rsp, view: dataView(cpl: level), errorCode: ext)
    if gate.interruptStack != 0 {
      let taskFault = Fault.invalidTSS(s.segments[Seg.tr].selector.errorCode | ext)
      stack.pointer = try stackPointer(at: 0x1c &+ gate.interruptStack &* 8, else: taskFault)
    } else if changesLevel {
      stack = try innerStack(level, ext: ext).cursor
    }
    guard isCanonical(stack.pointer) else { throw .stack(ext) }
    stack.pointer &= ~15
    try push(UInt64(s.segments[Seg.ss].selector), size: 8, on: &stack)
    try push(rsp, size: 8, on: &stack)
    try push(image, size: 8, on: &stack)
    try push(UInt64(s.segments[Seg.cs].selector), size: 8, on: &stack)
    try push(rip, size: 8, on: &stack)
    if let errorCode { try push(UInt64(errorCode), size: 8, on: &stack) }
    try enterCode(&code, selector.withRPL(level), cpl: level, offset: gate.gateOffset, errorCode: ext)
    if changesLevel {
      installNull(selector: UInt16(level), in: Seg.ss)
      refreshFastSegment(Seg.ss)
    }
    rsp = stack.pointer
  }

  /// 16- and 32-bit gates outside IA-32e mode.
  private func enterLegacyHandler(
    _ gate: Descriptor, _ code: Descriptor, _ selector: UInt16, _ level: UInt8, _ image: UInt64,
    _ errorCode: UInt32?, _ ext: UInt32
  ) throws(Fault) {
    var code = code
    let size = gate.type & 8 != 0 ? 4 : 2
    let entry = size == 2 ? gate.gateOffset & 0xffff : gate.gateOffset
    let fromV86 = s.mode == CPUMode.virtual8086.rawValue
    var inner: InnerStack?
    var stack = currentStack()
    stack.errorCode = ext
    if level < s.cpl {
      let found = try innerStack(level, ext: ext)
      inner = found
      stack = found.cursor
      if fromV86 {
        for index in [Seg.gs, Seg.fs, Seg.ds, Seg.es] {
          try push(UInt64(s.segments[index].selector), size: size, on: &stack)
        }
      }
      try push(UInt64(s.segments[Seg.ss].selector), size: size, on: &stack)
      try push(rsp, size: size, on: &stack)
    }
    try push(image, size: size, on: &stack)
    try push(UInt64(s.segments[Seg.cs].selector), size: size, on: &stack)
    try push(rip, size: size, on: &stack)
    if let errorCode { try push(UInt64(errorCode), size: size, on: &stack) }
    try checkCodeBounds(code, entry, errorCode: ext)
    if var found = inner {
      try markAccessed(&found)
      inner = found
    }
    if fromV86 {
      try markAccessed(&code)
      // Before the mode is derived anew: the handler runs in protected mode.
      setRFLAGS(rflags & ~RFLAGS.vm)
      for index in [Seg.gs, Seg.fs, Seg.ds, Seg.es] { installNull(selector: 0, in: index) }
    }
    try enterCode(&code, selector.withRPL(level), cpl: level, offset: entry, errorCode: ext)
    if let inner { commitInner(inner, stack) } else { commitStack(stack) }
  }

  /// A task gate in the IDT: the handler is a task; its stack takes the error code.
  private func enterTaskHandler(
    _ gate: Descriptor, _ errorCode: UInt32?, _ ext: UInt32, _ returnFlags: UInt64
  ) throws(Fault) {
    let selector = gate.gateSelector
    let target = try availableTask(selector, ext: ext)
    try switchTask(to: target, selector, .interrupt, ext: ext, returnFlags: returnFlags)
    guard let errorCode else { return }
    let size = s.segments[Seg.tr].type & 8 != 0 ? 4 : 2
    var stack = currentStack()
    stack.errorCode = ext
    try push(UInt64(errorCode), size: size, on: &stack)
    commitStack(stack)
  }

  // MARK: Flags

  /// Sets all of RFLAGS and what derives from VM and AC.
  func replaceFlags(_ value: UInt64) {
    let old = s.systemFlags
    setRFLAGS(value & features.flags | 2)
    if (old ^ value) & RFLAGS.vm != 0 {
      refreshMode()
    } else if (old ^ value) & RFLAGS.ac != 0 {
      refreshDataView()
    }
  }
}
