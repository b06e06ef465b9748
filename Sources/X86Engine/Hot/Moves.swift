import X86ISA

extension Interp {
  @inline(__always) func move<D: Destination, S: Operand>(
    _ width: D.T.Type, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) {
    try D.store(self, D.T(truncatingIfNeeded: S.load(self)))
  }
  /// MOVZX.
  @inline(__always) func moveZeroExtended<D: Destination, S: Operand>(
    _ destination: D.Type, _ source: S.Type
  ) throws(Fault) {
    try D.store(self, D.T(truncatingIfNeeded: S.load(self)))
  }
  /// MOVSX, MOVSXD.
  @inline(__always) func moveSignExtended<D: Destination, S: Operand>(
    _ destination: D.Type, _ source: S.Type
  ) throws(Fault) {
    try D.store(self, D.T(truncatingIfNeeded: S.load(self).signExtended))
  }
  @inline(__always) func loadAddress<D: Destination>(_ destination: D.Type) throws(Fault) {
    try D.store(self, D.T(truncatingIfNeeded: offset))
  }
  /// CMOVcc: the source is read (and may fault) whatever the condition; a 32-bit destination is always zero-extended.
  @inline(__always) func moveIf<C: Condition, D: Destination, S: Operand>(
    _ condition: C.Type, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) where S.T == D.T {
    let value = try S.load(self)
    if C.holds(cpu) { try D.store(self, value) } else { try D.store(self, D.load(self)) }
  }
  @inline(__always) func setIf<C: Condition, D: Destination>(_ condition: C.Type, _ destination: D.Type) throws(Fault) {
    try D.store(self, C.holds(cpu) ? 1 : 0)
  }

  /// XCHG: with memory always atomic.
  @inline(__always) func exchange<D: Destination, S: Destination>(
    _ destination: D.Type, _ source: S.Type
  ) throws(Fault) where S.T == D.T {
    let b = try S.load(self)
    if i.prefixes.contains(.memory) {
      let linear = try address(size: MemoryLayout<D.T>.size, write: true)
      let old = try cpu.atomicUpdate(linear) { _ in b }
      try S.store(self, old)
      return
    }
    let a = try D.load(self)
    try D.store(self, b)
    try S.store(self, a)
  }

  /// BSWAP; of a 16-bit register undefined: zero, as processors give.
  @inline(__always) func byteSwap<D: Destination>(_ destination: D.Type) throws(Fault) {
    try D.store(self, D.T.bitWidth == 16 ? 0 : D.load(self).byteSwapped)
  }
  /// MOVBE.
  @inline(__always) func moveSwapped<D: Destination, S: Operand>(
    _ destination: D.Type, _ source: S.Type
  ) throws(Fault) where S.T == D.T {
    try D.store(self, S.load(self).byteSwapped)
  }

  /// CBW, CWDE, CDQE.
  func extendAccumulator() {
    switch i.operandSize {
    case 2: cpu[reg16: 0] = UInt16(truncatingIfNeeded: cpu[reg8: 0].signExtended)
    case 4: cpu[reg32: 0] = UInt32(truncatingIfNeeded: cpu[reg16: 0].signExtended)
    default: cpu[reg: 0] = cpu[reg32: 0].signExtended
    }
  }
  /// CWD, CDQ, CQO.
  func extendToDX() {
    switch i.operandSize {
    case 2: cpu[reg16: 2] = cpu[reg16: 0].signBit ? 0xffff : 0
    case 4: cpu[reg32: 2] = cpu[reg32: 0].signBit ? 0xffff_ffff : 0
    default: cpu[reg: 2] = cpu[reg: 0].signBit ? ~0 : 0
    }
  }

  /// XLAT: AL from segment:[rBX + AL].
  func translateByte() throws(Fault) {
    let offset = (cpu[reg: 3] &+ UInt64(cpu[reg8: 0])) & i.addressMask
    cpu[reg8: 0] = try cpu.load(UInt8.self, segment: Int(i.segment), offset: offset)
  }

  // MARK: Segment registers

  /// MOV r/m16, Sreg: memory always gets 16 bits; a wider register gets zero extension.
  @inline(__always) func moveFromSegment<D: Destination>(_ destination: D.Type) throws(Fault) {
    guard i.reg & 7 < 6 else { throw .invalidOpcode }
    try D.store(self, D.T(truncatingIfNeeded: cpu.s.segments[Int(i.reg & 7)].selector))
  }
  @inline(__always) func moveToSegment<S: Operand>(_ source: S.Type) throws(Fault) {
    let segment = Int(i.reg & 7)
    guard segment < 6, segment != Seg.cs else { throw .invalidOpcode }
    try cpu.loadSegment(segment, selector: UInt16(truncatingIfNeeded: S.load(self)))
    if segment == Seg.ss { cpu.s.interruptShadow = 2 }
  }
  /// LDS LES LFS LGS LSS.
  func loadFarPointer(_ segment: Int) throws(Fault) {
    let size = Int(i.operandSize)
    let linear = try address(size: size + 2, write: false)
    let offset: UInt64
    switch size {
    case 2: offset = try UInt64(cpu.readLinear(UInt16.self, linear))
    case 4: offset = try UInt64(cpu.readLinear(UInt32.self, linear))
    default: offset = try cpu.readLinear(UInt64.self, linear)
    }
    let selector = try cpu.readLinear(UInt16.self, cpu.wrap(linear &+ UInt64(size)))
    try cpu.loadSegment(segment, selector: selector)
    cpu.writeRegister(i.reg, offset, size: size)
  }
}

extension Cpu {
  /// Writes a general register at run-time width (32-bit writes zero-extend).
  func writeRegister(_ number: UInt8, _ value: UInt64, size: Int) {
    switch size {
    case 1: self[reg8: number] = UInt8(truncatingIfNeeded: value)
    case 2: self[reg16: number] = UInt16(truncatingIfNeeded: value)
    case 4: self[reg: number] = value & 0xffff_ffff
    default: self[reg: number] = value
    }
  }
}
