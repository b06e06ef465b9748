import X86ISA

extension Interp {
  /// Commits a near branch target: truncated to the operand size, then checked against CS.
  @inline(__always) func branch(to target: UInt64) throws(Fault) {
    cpu.rip = try branchTarget(target)
  }
  @inline(__always) func branchTarget(_ target: UInt64) throws(Fault) -> UInt64 {
    switch i.operandSize {
    case 8:
      if Int64(bitPattern: target) >> 47 != 0 && Int64(bitPattern: target) >> 47 != -1 {
        try cpu.checkCanonical(target)
      }
      return target
    case 4:
      let offset = target & 0xffff_ffff
      if cpu.s.codeSize != 2 && offset > UInt64(cpu.s.segments[Seg.cs].limit) { throw .protection() }
      return offset
    default:
      let offset = target & 0xffff
      if cpu.s.codeSize != 2 && offset > UInt64(cpu.s.segments[Seg.cs].limit) { throw .protection() }
      return offset
    }
  }

  @inline(__always) func jumpRelative() throws(Fault) { try branch(to: cpu.rip &+ i.immediate) }
  @inline(__always) func jumpIf<C: Condition>(_ condition: C.Type) throws(Fault) {
    if C.holds(cpu) { try branch(to: cpu.rip &+ i.immediate) }
  }
  @inline(__always) func jumpIndirect<S: Operand>(_ source: S.Type) throws(Fault) {
    try branch(to: UInt64(truncatingIfNeeded: S.load(self)))
  }
  @inline(__always) func callRelative() throws(Fault) {
    let target = try branchTarget(cpu.rip &+ i.immediate)
    try pushOperandSize(cpu.rip)
    cpu.rip = target
  }
  @inline(__always) func callIndirect<S: Operand>(_ source: S.Type) throws(Fault) {
    let wanted = try UInt64(truncatingIfNeeded: S.load(self))
    let target: UInt64
    do throws(Fault) {
      target = try branchTarget(wanted)
    } catch {
      // The push comes first, as far as it can fault.
      let size = Int(i.operandSize)
      let top = (cpu.rsp &- UInt64(size)) & cpu.stackMask
      try cpu.probeWrite(cpu.address(segment: Seg.ss, offset: top, size: size, write: true), size: size)
      throw error
    }
    try pushOperandSize(cpu.rip)
    cpu.rip = target
  }
  /// RET, RET imm16.
  @inline(__always) func returnNear() throws(Fault) {
    let size = UInt64(i.operandSize)
    let target: UInt64
    switch i.operandSize {
    case 8: target = try cpu.peek(UInt64.self, at: 0)
    case 4: target = try UInt64(cpu.peek(UInt32.self, at: 0))
    default: target = try UInt64(cpu.peek(UInt16.self, at: 0))
    }
    cpu.rip = try branchTarget(target)
    cpu.advanceStack(by: size &+ i.immediate)
  }

  /// LOOP, LOOPE, LOOPNE: the counter has the address size.
  func loop(_ kind: LoopKind) throws(Fault) {
    let count = (cpu[reg: 1] &- 1) & i.addressMask
    let taken =
      switch kind {
      case .always: count != 0
      case .whileZero: count != 0 && cpu.zf
      case .whileNotZero: count != 0 && !cpu.zf
      }
    if taken { try branch(to: cpu.rip &+ i.immediate) }
    cpu.writeRegister(1, count, size: Int(i.addressSize))
  }
  enum LoopKind { case always, whileZero, whileNotZero }
  /// JCXZ JECXZ JRCXZ.
  func jumpIfCounterZero() throws(Fault) {
    if cpu[reg: 1] & i.addressMask == 0 { try branch(to: cpu.rip &+ i.immediate) }
  }

  // MARK: Stack

  @inline(__always) func pushOperandSize(_ value: UInt64) throws(Fault) {
    switch i.operandSize {
    case 8: try cpu.pushValue(value)
    case 4: try cpu.pushValue(UInt32(truncatingIfNeeded: value))
    default: try cpu.pushValue(UInt16(truncatingIfNeeded: value))
    }
  }
  @inline(__always) func pushOperand<S: Operand>(_ width: S.T.Type, _ source: S.Type) throws(Fault) {
    try cpu.pushValue(S.load(self))
  }
  /// PUSH imm: the immediate arrives sign-extended.
  @inline(__always) func pushImmediate() throws(Fault) { try pushOperandSize(i.immediate) }
  /// PUSH Sreg: a wide push writes the selector with zeros above. (Intel processors may leave those bytes alone in a
  /// 32-bit push; the SDM allows both.)
  func pushSegment(_ segment: Int) throws(Fault) {
    try pushOperandSize(UInt64(cpu.s.segments[segment].selector))
  }
  func popSegment(_ segment: Int) throws(Fault) {
    let selector = try cpu.peek(UInt16.self, at: 0)
    try cpu.loadSegment(segment, selector: selector)
    cpu.advanceStack(by: UInt64(i.operandSize))
    if segment == Seg.ss { cpu.s.interruptShadow = 2 }
  }
  /// POP r/m: with an rSP base the address is computed after the increment (SDM, POP).
  @inline(__always) func popOperand<D: Destination>(_ width: D.T.Type, _ destination: D.Type) throws(Fault) {
    let value = try cpu.peek(D.T.self, at: 0)
    let old = cpu.rsp
    cpu.advanceStack(by: UInt64(MemoryLayout<D.T>.size))
    do throws(Fault) {
      try D.store(self, value)
    } catch {
      cpu.rsp = old
      throw error
    }
  }

  /// PUSHA, PUSHAD.
  func pushAll() throws(Fault) {
    let size = UInt64(i.operandSize)
    let top = cpu.rsp
    for number in UInt8(0)..<8 {
      let offset = (top &- size &* UInt64(number &+ 1)) & cpu.stackMask
      if size == 2 {
        try cpu.store(UInt16(truncatingIfNeeded: cpu[reg: number]), segment: Seg.ss, offset: offset)
      } else {
        try cpu.store(UInt32(truncatingIfNeeded: cpu[reg: number]), segment: Seg.ss, offset: offset)
      }
    }
    cpu.setStackPointer(top &- size &* 8)
  }
  /// POPA, POPAD: the stored SP is skipped.
  func popAll() throws(Fault) {
    let size = UInt64(i.operandSize)
    var values = InlineArray<8, UInt64>(repeating: 0)
    for slot in 0..<8 {
      values[slot] =
        size == 2
        ? try UInt64(cpu.peek(UInt16.self, at: UInt64(slot) &* 2))
        : try UInt64(cpu.peek(UInt32.self, at: UInt64(slot) &* 4))
    }
    for slot in 0..<8 where slot != 3 { cpu.writeRegister(UInt8(7 &- slot), values[slot], size: Int(size)) }
    cpu.advanceStack(by: size &* 8)
  }

  /// ENTER: the stack is only moved once every push has succeeded.
  func enter() throws(Fault) {
    let size = UInt64(i.operandSize)
    let level = Int(i.immediate2 & 31)
    var top = (cpu.rsp &- size) & cpu.stackMask
    try cpu.storeSized(cpu[reg: 5], size: Int(size), segment: Seg.ss, offset: top)
    // The frame pointer is all of ESP where the stack uses SP.
    let frame = cpu.rsp & ~cpu.stackMask | top
    if level > 0 {
      for step in 1..<max(level, 1) {
        let from = (cpu[reg: 5] &- size &* UInt64(step)) & cpu.stackMask
        let value = try cpu.loadSized(size: Int(size), segment: Seg.ss, offset: from)
        top = (top &- size) & cpu.stackMask
        try cpu.storeSized(value, size: Int(size), segment: Seg.ss, offset: top)
      }
      top = (top &- size) & cpu.stackMask
      try cpu.storeSized(frame, size: Int(size), segment: Seg.ss, offset: top)
    }
    top = (top &- (i.immediate & 0xffff)) & cpu.stackMask
    // A push to the final stack pointer must be possible: ENTER faults before it changes anything.
    try cpu.probeWriteFast(cpu.address(segment: Seg.ss, offset: top, size: Int(size), write: true), size: Int(size))
    cpu.writeRegister(5, frame, size: cpu.s.codeSize == 2 || size == 2 ? Int(size) : 4)
    cpu.setStackPointer(top)
  }
  func leave() throws(Fault) {
    let size = Int(i.operandSize)
    let offset = cpu[reg: 5] & cpu.stackMask
    let value = try cpu.loadSized(size: size, segment: Seg.ss, offset: offset)
    cpu.setStackPointer(offset &+ UInt64(size))
    cpu.writeRegister(5, value, size: size)
  }
}

// The stack, at the width that SS.B or 64-bit mode gives its pointer.
extension Cpu {
  @inline(__always) var stackMask: UInt64 {
    s.codeSize == 2 ? ~0 : s.segments[Seg.ss].isBig ? 0xffff_ffff : 0xffff
  }
  @inline(__always) func setStackPointer(_ value: UInt64) {
    let mask = stackMask
    rsp = mask == 0xffff ? rsp & ~0xffff | value & 0xffff : value & mask
  }
  @inline(__always) func advanceStack(by bytes: UInt64) { setStackPointer(rsp &+ bytes) }
  @inline(__always) func pushValue<T: AccessWidth>(_ value: T) throws(Fault) {
    let offset = (rsp &- UInt64(MemoryLayout<T>.size)) & stackMask
    try store(value, segment: Seg.ss, offset: offset)
    setStackPointer(offset)
  }
  @inline(__always) func peek<T: AccessWidth>(_ type: T.Type, at distance: UInt64) throws(Fault) -> T {
    try load(type, segment: Seg.ss, offset: (rsp &+ distance) & stackMask)
  }
  func loadSized(size: Int, segment: Int, offset: UInt64) throws(Fault) -> UInt64 {
    switch size {
    case 1: try UInt64(load(UInt8.self, segment: segment, offset: offset))
    case 2: try UInt64(load(UInt16.self, segment: segment, offset: offset))
    case 4: try UInt64(load(UInt32.self, segment: segment, offset: offset))
    default: try load(UInt64.self, segment: segment, offset: offset)
    }
  }
  func storeSized(_ value: UInt64, size: Int, segment: Int, offset: UInt64) throws(Fault) {
    switch size {
    case 1: try store(UInt8(truncatingIfNeeded: value), segment: segment, offset: offset)
    case 2: try store(UInt16(truncatingIfNeeded: value), segment: segment, offset: offset)
    case 4: try store(UInt32(truncatingIfNeeded: value), segment: segment, offset: offset)
    default: try store(value, segment: segment, offset: offset)
    }
  }
}
