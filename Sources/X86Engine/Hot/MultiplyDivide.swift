import X86ISA

extension Interp {
  /// MUL and IMUL with one operand: AX, DX:AX, EDX:EAX or RDX:RAX receive the product.
  @inline(__always) func multiply<S: Operand>(signed: Bool, _ width: S.T.Type, _ source: S.Type) throws(Fault) {
    let b = try S.load(self)
    let a = loadRegister(S.T.self, 0)
    let (low, high) = Interp.product(signed: signed, a, b)
    if S.T.bitWidth == 8 {
      cpu[reg16: 0] = UInt16(truncatingIfNeeded: high) << 8 | UInt16(truncatingIfNeeded: low)
    } else {
      storeRegister(0, low)
      storeRegister(2, high)
    }
    let overflow = signed ? high != (low.signBit ? S.T.max : 0) : high != 0
    cpu.setShiftFlags(low, carry: overflow, overflow: overflow)
  }

  /// IMUL with two or three operands.
  @inline(__always) func multiplyTruncating<D: Destination, A: Operand, B: Operand>(
    _ width: D.T.Type, _ destination: D.Type, _ a: A.Type, _ b: B.Type
  ) throws(Fault) {
    let x = try D.T(truncatingIfNeeded: A.load(self))
    let y = try D.T(truncatingIfNeeded: B.load(self))
    let (low, high) = Interp.product(signed: true, x, y)
    try D.store(self, low)
    let overflow = high != (low.signBit ? D.T.max : 0)
    cpu.setShiftFlags(low, carry: overflow, overflow: overflow)
  }

  @inline(__always) private static func product<T: AccessWidth>(signed: Bool, _ a: T, _ b: T) -> (low: T, high: T) {
    if T.bitWidth < 64 {
      let wide =
        signed ? a.signExtended &* b.signExtended : UInt64(truncatingIfNeeded: a) &* UInt64(truncatingIfNeeded: b)
      return (T(truncatingIfNeeded: wide), T(truncatingIfNeeded: wide >> UInt64(T.bitWidth)))
    }
    let (high, low) = UInt64(truncatingIfNeeded: a).multipliedFullWidth(by: UInt64(truncatingIfNeeded: b))
    var top = high
    if signed {
      // Signed from unsigned: subtract the other operand for each negative one.
      if a.signBit { top = top &- UInt64(truncatingIfNeeded: b) }
      if b.signBit { top = top &- UInt64(truncatingIfNeeded: a) }
    }
    return (T(truncatingIfNeeded: low), T(truncatingIfNeeded: top))
  }

  /// DIV: #DE on a zero divisor or a quotient that does not fit.
  @inline(__always) func divide<S: Operand>(_ width: S.T.Type, _ source: S.Type) throws(Fault) {
    let divisor = try UInt64(truncatingIfNeeded: S.load(self))
    guard divisor != 0 else { throw .divideError }
    let bits = S.T.bitWidth
    if bits == 64 {
      guard cpu[reg: 2] < divisor else { throw .divideError }
      let (quotient, remainder) = divisor.dividingFullWidth((cpu[reg: 2], cpu[reg: 0]))
      cpu[reg: 0] = quotient
      cpu[reg: 2] = remainder
      return
    }
    let dividend = dividend(bits)
    let quotient = dividend / divisor
    guard quotient >> UInt64(bits) == 0 else { throw .divideError }
    storeQuotient(S.T(truncatingIfNeeded: quotient), S.T(truncatingIfNeeded: dividend % divisor))
  }

  /// IDIV.
  @inline(__always) func divideSigned<S: Operand>(_ width: S.T.Type, _ source: S.Type) throws(Fault) {
    let divisor = try Int64(bitPattern: S.load(self).signExtended)
    guard divisor != 0 else { throw .divideError }
    let bits = S.T.bitWidth
    if bits == 64 { return try divideSigned128(divisor) }
    let raw = dividend(bits)
    let dividend =
      bits == 32 ? Int64(bitPattern: raw) : Int64(bitPattern: raw << UInt64(64 &- 2 &* bits)) >> Int64(64 &- 2 &* bits)
    if dividend == .min && divisor == -1 { throw .divideError }
    let quotient = dividend / divisor
    let narrow = S.T(truncatingIfNeeded: quotient)
    guard Int64(bitPattern: narrow.signExtended) == quotient else { throw .divideError }
    storeQuotient(narrow, S.T(truncatingIfNeeded: dividend % divisor))
  }

  /// The double-width dividend: AX, DX:AX, EDX:EAX.
  @inline(__always) private func dividend(_ bits: Int) -> UInt64 {
    switch bits {
    case 8: UInt64(cpu[reg16: 0])
    case 16: UInt64(cpu[reg16: 2]) << 16 | UInt64(cpu[reg16: 0])
    default: UInt64(cpu[reg32: 2]) << 32 | UInt64(cpu[reg32: 0])
    }
  }
  @inline(__always) private func storeQuotient<T: AccessWidth>(_ quotient: T, _ remainder: T) {
    if T.bitWidth == 8 {
      cpu[reg16: 0] = UInt16(truncatingIfNeeded: remainder) << 8 | UInt16(truncatingIfNeeded: quotient)
    } else {
      storeRegister(0, quotient)
      storeRegister(2, remainder)
    }
  }

  private func divideSigned128(_ divisor: Int64) throws(Fault) {
    let high = Int64(bitPattern: cpu[reg: 2]), low = cpu[reg: 0]
    // Divide magnitudes, then give the signs back: quotient by both, remainder by the dividend.
    let negative = high < 0
    let magnitudeLow = negative ? 0 &- low : low
    let magnitudeHigh = negative ? ~UInt64(bitPattern: high) &+ (low == 0 ? 1 : 0) : UInt64(bitPattern: high)
    guard magnitudeHigh < divisor.magnitude else { throw .divideError }
    let (quotient, remainder) = divisor.magnitude.dividingFullWidth((magnitudeHigh, magnitudeLow))
    let negativeQuotient = negative != (divisor < 0)
    guard quotient <= (negativeQuotient ? 1 << 63 : (1 << 63) - 1) else { throw .divideError }
    cpu[reg: 0] = negativeQuotient ? 0 &- quotient : quotient
    cpu[reg: 2] = negative ? 0 &- remainder : remainder
  }

  // MARK: Decimal adjustment

  func decimalAdjust(subtract: Bool) {
    var al = cpu[reg8: 0]
    let old = al, oldCarry = cpu.cf
    var carry = false
    let adjust = al & 0xf > 9 || cpu.af
    if adjust {
      carry = oldCarry || (subtract ? al < 6 : al > 0xf9)
      al = subtract ? al &- 6 : al &+ 6
    }
    if old > 0x99 || oldCarry {
      al = subtract ? al &- 0x60 : al &+ 0x60
      carry = true
    } else if !subtract {
      carry = false
    }
    cpu[reg8: 0] = al
    cpu.setLogicFlags(al)
    cpu.s.flagsAux |= (carry ? 0xc000_0000_0000_0000 : 0) | (adjust ? 8 : 0)
  }

  /// AAA, AAS.
  func asciiAdjust(subtract: Bool) {
    let adjust = cpu[reg8: 0] & 0xf > 9 || cpu.af
    if adjust { cpu[reg16: 0] = subtract ? cpu[reg16: 0] &- 0x106 : cpu[reg16: 0] &+ 0x106 }
    cpu[reg8: 0] &= 0xf
    cpu.setLogicFlags(cpu[reg8: 0])
    cpu.s.flagsAux |= adjust ? 0xc000_0000_0000_0008 : 0
  }
  func asciiAdjustMultiply() throws(Fault) {
    let base = UInt8(truncatingIfNeeded: i.immediate)
    guard base != 0 else { throw .divideError }
    let al = cpu[reg8: 0]
    cpu[reg16: 0] = UInt16(al / base) << 8 | UInt16(al % base)
    cpu.setLogicFlags(cpu[reg8: 0])
  }
  func asciiAdjustDivide() {
    let al = cpu[reg8: 0] &+ UInt8(truncatingIfNeeded: cpu[reg16: 0] >> 8) &* UInt8(truncatingIfNeeded: i.immediate)
    cpu[reg16: 0] = UInt16(al)
    cpu.setLogicFlags(al)
  }
}
