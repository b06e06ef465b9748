// Far jumps, calls and returns (SDM 3A, 5.8; SDM 2A CALL, JMP; 2B RET).
//
// `operandSize` is 2, 4 or 8 bytes. On entry `rip` is the next instruction; everything is checked before the first
// register changes.
extension Cpu {
  // MARK: Instructions

  func farJump(selector: UInt16, offset: UInt64, operandSize: Int) throws(Fault) {
    let offset = truncate(offset, operandSize)
    if s.mode <= CPUMode.virtual8086.rawValue { return try enterRealCode(selector, offset) }
    if selector.isNullSelector { throw .protection() }
    var target = try descriptor(selector, else: .protection(selector.errorCode))
    if target.isCodeOrData {
      try checkDirectTarget(target, selector)
      try enterCode(&target, selector.withRPL(s.cpl), cpl: s.cpl, offset: offset)
      return
    }
    switch target.type {
    case SystemType.callGate16 where !isIA32e, SystemType.callGate:
      var (code, codeSelector, entry) = try gateTarget(&target, selector)
      guard code.isConforming ? code.dpl <= s.cpl : code.dpl == s.cpl else {
        throw .protection(codeSelector.errorCode)
      }
      guard code.isPresent else { throw .notPresent(codeSelector.errorCode) }
      try enterCode(&code, codeSelector.withRPL(s.cpl), cpl: s.cpl, offset: entry)
    case SystemType.taskGate, SystemType.tss16, SystemType.tss:
      try transferToTask(target, selector, .jump)
    default: throw .protection(selector.errorCode)
    }
  }

  func farCall(selector: UInt16, offset: UInt64, operandSize: Int) throws(Fault) {
    let offset = truncate(offset, operandSize)
    var stack = currentStack()
    if s.mode <= CPUMode.virtual8086.rawValue {
      try push(UInt64(s.segments[Seg.cs].selector), size: operandSize, on: &stack)
      try push(rip, size: operandSize, on: &stack)
      try enterRealCode(selector, offset)
      commitStack(stack)
      return
    }
    if selector.isNullSelector { throw .protection() }
    var target = try descriptor(selector, else: .protection(selector.errorCode))
    if target.isCodeOrData {
      try checkDirectTarget(target, selector)
      try push(UInt64(s.segments[Seg.cs].selector), size: operandSize, on: &stack)
      try push(rip, size: operandSize, on: &stack)
      try enterCode(&target, selector.withRPL(s.cpl), cpl: s.cpl, offset: offset)
      commitStack(stack)
      return
    }
    switch target.type {
    case SystemType.callGate16 where !isIA32e, SystemType.callGate: try callThroughGate(&target, selector)
    case SystemType.taskGate, SystemType.tss16, SystemType.tss:
      try transferToTask(target, selector, .call)
    default: throw .protection(selector.errorCode)
    }
  }

  /// RETF and RETF imm16; `release` bytes of parameters.
  func farReturn(operandSize: Int, release: UInt16) throws(Fault) {
    var stack = currentStack()
    let offset = try pop(size: operandSize, from: &stack)
    let selector = UInt16(truncatingIfNeeded: try pop(size: operandSize, from: &stack))
    skip(UInt64(release), on: &stack)
    if s.mode <= CPUMode.virtual8086.rawValue {
      try enterRealCode(selector, offset)
      commitStack(stack)
      return
    }
    var code = try returnTarget(selector)
    if selector.rpl == s.cpl {
      try enterCode(&code, selector, cpl: s.cpl, offset: offset)
      commitStack(stack)
      return
    }
    let pointer = try pop(size: operandSize, from: &stack)
    let stackSelector = UInt16(truncatingIfNeeded: try pop(size: operandSize, from: &stack))
    var segment = try returnStack(stackSelector, cpl: selector.rpl, toLong: isIA32e && code.isLong)
    try checkCodeBounds(code, offset)
    try enterOuter(&code, selector, offset, &segment, stackSelector, pointer &+ UInt64(release))
  }

  // MARK: Pieces that interrupts and IRET share

  func truncate(_ value: UInt64, _ size: Int) -> UInt64 {
    size == 2 ? value & 0xffff : size == 4 ? value & 0xffff_ffff : value
  }

  /// Real and virtual-8086 mode: CS:IP, checked against the limit that CS keeps.
  func enterRealCode(_ selector: UInt16, _ offset: UInt64) throws(Fault) {
    guard offset <= UInt64(s.segments[Seg.cs].limit) else { throw .protection() }
    loadRealSegment(Seg.cs, selector: selector)
    refreshFastSegment(Seg.cs)
    rip = offset
  }

  /// The entry point lies in the segment, or is canonical: #GP(0).
  func checkCodeBounds(_ code: Descriptor, _ offset: UInt64, errorCode: UInt32 = 0) throws(Fault) {
    let valid = isIA32e && code.isLong ? isCanonical(offset) : offset <= UInt64(code.limit)
    guard valid else { throw .protection(errorCode) }
  }

  /// Checks the entry point, sets the accessed bit, then makes `code` the current code segment.
  func enterCode(
    _ code: inout Descriptor, _ selector: UInt16, cpl: UInt8, offset: UInt64, errorCode: UInt32 = 0
  ) throws(Fault) {
    try checkCodeBounds(code, offset, errorCode: errorCode)
    try markAccessed(&code)
    install(code, selector: selector, in: Seg.cs)
    s.cpl = cpl
    rip = offset
    refreshMode()
  }

  /// A code segment named by a JMP or CALL itself.
  private func checkDirectTarget(_ target: Descriptor, _ selector: UInt16) throws(Fault) {
    let code = selector.errorCode
    guard target.isCode, !(isIA32e && target.isLong && target.isBig) else { throw .protection(code) }
    let allowed = target.isConforming ? target.dpl <= s.cpl : selector.rpl <= s.cpl && target.dpl == s.cpl
    guard allowed else { throw .protection(code) }
    guard target.isPresent else { throw .notPresent(code) }
  }

  /// The code segment behind a call gate; privilege against the current level is the caller's to judge.
  private func gateTarget(
    _ gate: inout Descriptor, _ selector: UInt16
  ) throws(Fault) -> (code: Descriptor, selector: UInt16, offset: UInt64) {
    guard gate.dpl >= max(s.cpl, selector.rpl) else { throw .protection(selector.errorCode) }
    guard gate.isPresent else { throw .notPresent(selector.errorCode) }
    try extendSystem(&gate, selector, else: .protection(selector.errorCode))
    let codeSelector = gate.gateSelector
    if codeSelector.isNullSelector { throw .protection() }
    let fault = Fault.protection(codeSelector.errorCode)
    let code = try descriptor(codeSelector, else: fault)
    guard code.isCode, code.dpl <= s.cpl else { throw fault }
    if isIA32e { guard code.isLong, !code.isBig else { throw fault } }
    let offset = gate.type == SystemType.callGate16 ? gate.gateOffset & 0xffff : gate.gateOffset
    return (code, codeSelector, offset)
  }

  private func callThroughGate(_ gate: inout Descriptor, _ selector: UInt16) throws(Fault) {
    var (code, codeSelector, entry) = try gateTarget(&gate, selector)
    guard code.isPresent else { throw .notPresent(codeSelector.errorCode) }
    let size = isIA32e ? 8 : gate.type == SystemType.callGate16 ? 2 : 4
    let returnSelector = UInt64(s.segments[Seg.cs].selector)
    if code.isConforming || code.dpl == s.cpl {
      var stack = currentStack()
      try push(returnSelector, size: size, on: &stack)
      try push(rip, size: size, on: &stack)
      try enterCode(&code, codeSelector.withRPL(s.cpl), cpl: s.cpl, offset: entry)
      commitStack(stack)
      return
    }
    let level = code.dpl
    var inner = try innerStack(level)
    var stack = inner.cursor
    try push(UInt64(s.segments[Seg.ss].selector), size: size, on: &stack)
    try push(rsp, size: size, on: &stack)
    if !isIA32e {
      // Parameters keep their order: the caller's last push ends up next to the return address.
      var index = gate.parameterCount
      while index > 0 {
        index &-= 1
        var caller = currentStack()
        skip(index &* UInt64(size), on: &caller)
        try push(pop(size: size, from: &caller), size: size, on: &stack)
      }
    }
    try push(returnSelector, size: size, on: &stack)
    try push(rip, size: size, on: &stack)
    try checkCodeBounds(code, entry)
    try markAccessed(&inner)
    try enterCode(&code, codeSelector.withRPL(level), cpl: level, offset: entry)
    commitInner(inner, stack)
  }

  // MARK: Stack switches

  /// A stack taken from the TSS for a more privileged level.
  struct InnerStack {
    var selector: UInt16
    /// The stack segment's descriptor; nil in IA-32e mode, where SS becomes null.
    var descriptor: Descriptor?
    var cursor: StackCursor
  }

  /// SS:ESP or RSP for `level` out of the TSS, with all checks; `ext` is the EXT bit of error codes.
  func innerStack(_ level: UInt8, ext: UInt32 = 0) throws(Fault) -> InnerStack {
    let tr = s.segments[Seg.tr]
    let taskFault = Fault.invalidTSS(tr.selector.errorCode | ext)
    if isIA32e {
      let pointer = try stackPointer(at: 4 &+ UInt64(level) &* 8, else: taskFault)
      let cursor = StackCursor(pointer: pointer, view: dataView(cpl: level), errorCode: ext)
      return InnerStack(selector: UInt16(level), descriptor: nil, cursor: cursor)
    }
    let pointer: UInt64
    let selector: UInt16
    if tr.type & 8 != 0 {
      let offset = 4 &+ UInt64(level) &* 8
      guard offset &+ 5 <= UInt64(tr.limit) else { throw taskFault }
      pointer = UInt64(try readSystem(UInt32.self, tableAddress(tr.base, offset)))
      selector = try readSystem(UInt16.self, tableAddress(tr.base, offset &+ 4))
    } else {
      let offset = 2 &+ UInt64(level) &* 4
      guard offset &+ 3 <= UInt64(tr.limit) else { throw taskFault }
      pointer = UInt64(try readSystem(UInt16.self, tableAddress(tr.base, offset)))
      selector = try readSystem(UInt16.self, tableAddress(tr.base, offset &+ 2))
    }
    let code = selector.errorCode | ext
    if selector.isNullSelector { throw .invalidTSS(ext) }
    let segment = try descriptor(selector, else: .invalidTSS(code))
    guard selector.rpl == level, segment.dpl == level, segment.isWritableData else { throw .invalidTSS(code) }
    guard segment.isPresent else { throw .stack(code) }
    var register = SegmentRegister()
    register.base = segment.base
    register.limit = segment.limit
    register.attributes = segment.attributes
    let cursor = StackCursor(segment: register, pointer: pointer, view: dataView(cpl: level), errorCode: code)
    return InnerStack(selector: selector, descriptor: segment, cursor: cursor)
  }

  /// A 64-bit stack pointer from the TSS (RSPn, ISTn).
  func stackPointer(at offset: UInt64, else fault: Fault) throws(Fault) -> UInt64 {
    let tr = s.segments[Seg.tr]
    guard offset &+ 7 <= UInt64(tr.limit) else { throw fault }
    return try readSystem(UInt64.self, tableAddress(tr.base, offset))
  }

  func markAccessed(_ inner: inout InnerStack) throws(Fault) {
    guard var segment = inner.descriptor else { return }
    try markAccessed(&segment)
    inner.descriptor = segment
  }

  /// Makes an inner stack the current one, after CS and CPL have changed.
  func commitInner(_ inner: InnerStack, _ stack: StackCursor) {
    if let segment = inner.descriptor {
      install(segment, selector: inner.selector, in: Seg.ss)
    } else {
      installNull(selector: inner.selector, in: Seg.ss)
    }
    refreshFastSegment(Seg.ss)
    commitStack(stack)
  }

  // MARK: Returns

  /// The code segment that RETF or IRET goes back to.
  func returnTarget(_ selector: UInt16) throws(Fault) -> Descriptor {
    if selector.isNullSelector { throw .protection() }
    let fault = Fault.protection(selector.errorCode)
    let code = try descriptor(selector, else: fault)
    guard selector.rpl >= s.cpl, code.isCode else { throw fault }
    guard code.isConforming ? code.dpl <= selector.rpl : code.dpl == selector.rpl else { throw fault }
    if isIA32e, code.isLong, code.isBig { throw fault }
    guard code.isPresent else { throw .notPresent(selector.errorCode) }
    return code
  }

  /// The stack segment that a return to level `cpl` loads; nil for the null SS that 64-bit code below level 3 may have.
  func returnStack(_ selector: UInt16, cpl: UInt8, toLong: Bool) throws(Fault) -> Descriptor? {
    if selector.isNullSelector {
      guard toLong, cpl != 3, selector.rpl == cpl else { throw .protection() }
      return nil
    }
    let fault = Fault.protection(selector.errorCode)
    let segment = try descriptor(selector, else: fault)
    guard selector.rpl == cpl, segment.isWritableData, segment.dpl == cpl else { throw fault }
    guard segment.isPresent else { throw .stack(selector.errorCode) }
    return segment
  }

  /// Commits a return with a new stack: CS, SS, RSP, CPL, and drops inner data segments.
  func enterOuter(
    _ code: inout Descriptor, _ selector: UInt16, _ offset: UInt64,
    _ segment: inout Descriptor?, _ stackSelector: UInt16, _ pointer: UInt64
  ) throws(Fault) {
    if var found = segment {
      try markAccessed(&found)
      segment = found
    }
    let isOuter = selector.rpl > s.cpl
    try enterCode(&code, selector, cpl: selector.rpl, offset: offset)
    if let segment {
      install(segment, selector: stackSelector, in: Seg.ss)
    } else {
      installNull(selector: stackSelector, in: Seg.ss)
    }
    if s.codeSize == 2 {
      rsp = pointer
    } else {
      rsp = segment?.isBig == true ? pointer & 0xffff_ffff : rsp & ~0xffff | pointer & 0xffff
    }
    if isOuter { dropInnerSegments() } else { refreshFastSegment(Seg.ss) }
  }
}
