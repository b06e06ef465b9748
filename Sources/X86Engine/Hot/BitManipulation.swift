import X86ISA

/// VEX.vvvv naming a general register.
enum VReg<T: AccessWidth>: Destination {
  @inline(__always) static func load(_ x: Interp) -> T { x.loadRegister(T.self, x.i.vvvv) }
  @inline(__always) static func store(_ x: Interp, _ value: T) { x.storeRegister(x.i.vvvv, value) }
  @inline(__always) static func modify(_ x: Interp, _ operation: (T) -> T) -> T {
    let old = load(x)
    store(x, operation(old))
    return old
  }
}

// BMI1 and BMI2 (SDM 2, "BMI1/BMI2"). VEX encodings do not exist in real and virtual-8086 mode: #UD.
extension Interp {
  enum LowestBit { case reset, mask, isolate }
  enum PlainShift { case left, right, arithmetic, rotate }

  @inline(__always) private func requireVEX() throws(Fault) {
    if cpu.s.mode < CPUMode.protected.rawValue { throw .invalidOpcode }
  }

  @inline(__always) func andNot<D: Destination, A: Operand, B: Operand>(
    _ destination: D.Type, _ a: A.Type, _ b: B.Type
  ) throws(Fault) where A.T == D.T, B.T == D.T {
    try requireVEX()
    let result = try ~A.load(self) & B.load(self)
    try D.store(self, result)
    cpu.setLogicFlags(result)
  }

  @inline(__always) func lowestBit<D: Destination, S: Operand>(
    _ kind: LowestBit, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) where S.T == D.T {
    try requireVEX()
    let value = try S.load(self)
    let result: D.T
    let carry: Bool
    switch kind {
    case .reset: (result, carry) = (value & (value &- 1), value == 0)
    case .mask: (result, carry) = (value ^ (value &- 1), value == 0)
    case .isolate: (result, carry) = (value & (0 &- value), value != 0)
    }
    try D.store(self, result)
    cpu.setShiftFlags(result, carry: carry, overflow: false)
  }

  @inline(__always) func zeroHighBits<D: Destination, S: Operand, I: Operand>(
    _ destination: D.Type, _ source: S.Type, _ index: I.Type
  ) throws(Fault) where S.T == D.T, I.T == D.T {
    try requireVEX()
    let value = try S.load(self)
    let count = try Int(truncatingIfNeeded: I.load(self)) & 0xff
    let result = count < D.T.bitWidth ? value & ((1 << D.T(truncatingIfNeeded: count)) &- 1) : value
    try D.store(self, result)
    cpu.setShiftFlags(result, carry: count >= D.T.bitWidth, overflow: false)
  }

  @inline(__always) func extractField<D: Destination, S: Operand, C: Operand>(
    _ destination: D.Type, _ source: S.Type, _ control: C.Type
  ) throws(Fault) where S.T == D.T, C.T == D.T {
    try requireVEX()
    let value = try S.load(self)
    let field = try UInt64(truncatingIfNeeded: C.load(self))
    let start = D.T(truncatingIfNeeded: field & 0xff), length = Int(field >> 8 & 0xff)
    let shifted = UInt64(start) >= UInt64(D.T.bitWidth) ? 0 : value >> start
    let result = length >= D.T.bitWidth ? shifted : shifted & ((1 << D.T(truncatingIfNeeded: length)) &- 1)
    try D.store(self, result)
    cpu.setShiftFlags(result, carry: false, overflow: false)
  }

  func extractBits<D: Destination, S: Operand, M: Operand>(
    _ destination: D.Type, _ source: S.Type, _ mask: M.Type
  ) throws(Fault) where S.T == D.T, M.T == D.T {
    try requireVEX()
    let value = try S.load(self)
    var mask = try M.load(self)
    var result: D.T = 0
    var position: D.T = 1
    while mask != 0 {
      let lowest = mask & (0 &- mask)
      if value & lowest != 0 { result |= position }
      position = position << 1
      mask &= mask &- 1
    }
    try D.store(self, result)
  }
  func depositBits<D: Destination, S: Operand, M: Operand>(
    _ destination: D.Type, _ source: S.Type, _ mask: M.Type
  ) throws(Fault) where S.T == D.T, M.T == D.T {
    try requireVEX()
    let value = try S.load(self)
    var mask = try M.load(self)
    var result: D.T = 0
    var position: D.T = 1
    while mask != 0 {
      let lowest = mask & (0 &- mask)
      if value & position != 0 { result |= lowest }
      position = position << 1
      mask &= mask &- 1
    }
    try D.store(self, result)
  }

  /// MULX: high half to the first destination (which wins when both are one register), low half to the second.
  @inline(__always) func multiplyExtended<H: Destination, L: Destination, S: Operand>(
    _ high: H.Type, _ low: L.Type, _ source: S.Type
  ) throws(Fault) where L.T == H.T, S.T == H.T {
    try requireVEX()
    let product = try S.load(self).multipliedFullWidth(by: loadRegister(H.T.self, 2))
    try L.store(self, H.T(truncatingIfNeeded: product.low))
    try H.store(self, product.high)
  }

  @inline(__always) func shiftWithoutFlags<D: Destination, S: Operand, C: Operand>(
    _ kind: PlainShift, _ destination: D.Type, _ source: S.Type, _ count: C.Type
  ) throws(Fault) where S.T == D.T {
    try requireVEX()
    let value = try S.load(self)
    let count = try D.T(truncatingIfNeeded: C.load(self)) & D.T(truncatingIfNeeded: D.T.bitWidth &- 1)
    let result: D.T
    switch kind {
    case .left: result = value << count
    case .right: result = value >> count
    case .arithmetic:
      result = D.T(truncatingIfNeeded: Int64(bitPattern: value.signExtended) >> Int64(truncatingIfNeeded: count))
    case .rotate: result = value >> count | value << (D.T(truncatingIfNeeded: D.T.bitWidth) &- count)
    }
    try D.store(self, result)
  }

  /// CRC32 (polynomial 11EDC6F41h, bit-reflected), one byte at a time; the destination is 32 bits, zero-extended.
  @inline(__always) func crc32<S: Operand>(_ source: S.Type) throws(Fault) {
    var value = try UInt64(truncatingIfNeeded: S.load(self))
    var crc = UInt64(cpu[reg32: i.reg])
    for _ in 0..<MemoryLayout<S.T>.size {
      crc ^= value & 0xff
      value >>= 8
      for _ in 0..<8 { crc = crc & 1 != 0 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1 }
    }
    cpu[reg: i.reg] = crc
  }
}
