import X86ISA

/// What BT, BTS, BTR and BTC do to the selected bit.
protocol BitOperation {
  static var writes: Bool { get }
  static func apply<T: AccessWidth>(_ value: T, _ mask: T) -> T
}
enum BitTest: BitOperation {
  static var writes: Bool { @inline(__always) get { false } }
  @inline(__always) static func apply<T: AccessWidth>(_ value: T, _ mask: T) -> T { value }
}
enum BitSet: BitOperation {
  static var writes: Bool { @inline(__always) get { true } }
  @inline(__always) static func apply<T: AccessWidth>(_ value: T, _ mask: T) -> T { value | mask }
}
enum BitReset: BitOperation {
  static var writes: Bool { @inline(__always) get { true } }
  @inline(__always) static func apply<T: AccessWidth>(_ value: T, _ mask: T) -> T { value & ~mask }
}
enum BitComplement: BitOperation {
  static var writes: Bool { @inline(__always) get { true } }
  @inline(__always) static func apply<T: AccessWidth>(_ value: T, _ mask: T) -> T { value ^ mask }
}

extension Interp {
  /// Register destination, or an immediate bit number: the bit is taken modulo the operand size.
  @inline(__always) func bit<O: BitOperation, D: Destination, S: Operand>(
    _ operation: O.Type, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) {
    let number = try Int(truncatingIfNeeded: S.load(self)) & (D.T.bitWidth &- 1)
    let mask: D.T = 1 << D.T(truncatingIfNeeded: number)
    let old = O.writes ? try D.modify(self) { O.apply($0, mask) } : try D.load(self)
    cpu.setCarry(old & mask != 0)
  }

  /// Memory destination with a register bit number: the register addresses a bit string around the operand.
  @inline(__always) func bitString<O: BitOperation, R: Operand>(_ operation: O.Type, _ register: R.Type) throws(Fault) {
    let index = try Int64(bitPattern: R.load(self).signExtended)
    let size = MemoryLayout<R.T>.size
    let words = index >> Int64((size &* 8).trailingZeroBitCount)
    let offset = (self.offset &+ UInt64(bitPattern: words &* Int64(size))) & i.addressMask
    let linear = try cpu.address(segment: Int(i.segment), offset: offset, size: size, write: O.writes)
    let mask: R.T = 1 << R.T(truncatingIfNeeded: index & Int64(size &* 8 &- 1))
    let old: R.T
    if !O.writes {
      old = try cpu.readLinear(R.T.self, linear)
    } else if i.prefixes.contains(.lock) {
      old = try cpu.atomicUpdate(linear) { O.apply($0, mask) }
    } else {
      old = try cpu.update(linear) { O.apply($0, mask) }
    }
    cpu.setCarry(old & mask != 0)
  }

  /// BSF, BSR: a zero source sets ZF and leaves the destination (as processors do, though documented undefined).
  @inline(__always) func bitScan<D: Destination, S: Operand>(
    reverse: Bool, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) where S.T == D.T {
    let value = try S.load(self)
    if value == 0 {
      cpu.setZero(true)
      return
    }
    let result = reverse ? D.T.bitWidth &- 1 &- value.leadingZeroBitCount : value.trailingZeroBitCount
    try D.store(self, D.T(truncatingIfNeeded: result))
    cpu.setZero(false)
  }
  /// TZCNT, LZCNT: CF tells a zero source, ZF a zero result.
  @inline(__always) func countZeros<D: Destination, S: Operand>(
    leading: Bool, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) where S.T == D.T {
    let value = try S.load(self)
    let result = leading ? value.leadingZeroBitCount : value.trailingZeroBitCount
    try D.store(self, D.T(truncatingIfNeeded: result))
    cpu.statusFlags =
      cpu.statusFlags & ~(RFLAGS.cf | RFLAGS.zf) | (value == 0 ? RFLAGS.cf : 0) | (result == 0 ? RFLAGS.zf : 0)
  }
  @inline(__always) func populationCount<D: Destination, S: Operand>(
    _ destination: D.Type, _ source: S.Type
  ) throws(Fault) where S.T == D.T {
    let value = try S.load(self)
    try D.store(self, D.T(truncatingIfNeeded: value.nonzeroBitCount))
    cpu.statusFlags = value == 0 ? RFLAGS.zf : 0
  }

  /// CMPXCHG8B, CMPXCHG16B.
  func compareExchangeWide() throws(Fault) {
    if i.operandSize == 8 { return try compareExchange16() }
    let linear = try address(size: 8, write: true)
    let expected = UInt64(cpu[reg32: 2]) << 32 | UInt64(cpu[reg32: 0])
    let desired = UInt64(cpu[reg32: 1]) << 32 | UInt64(cpu[reg32: 3])
    let old = try cpu.atomicUpdate(linear) { $0 == expected ? desired : $0 }
    if old != expected {
      cpu[reg32: 0] = UInt32(truncatingIfNeeded: old)
      cpu[reg32: 2] = UInt32(truncatingIfNeeded: old >> 32)
    }
    cpu.setZero(old == expected)
  }
  private func compareExchange16() throws(Fault) {
    let linear = try address(size: 16, write: true)
    guard linear & 15 == 0 else { throw .protection() }
    let (same, low, high) = try cpu.compareExchange16(
      linear, expected: (cpu[reg: 0], cpu[reg: 2]), desired: (cpu[reg: 3], cpu[reg: 1]))
    if !same {
      cpu[reg: 0] = low
      cpu[reg: 2] = high
    }
    cpu.setZero(same)
  }
}
