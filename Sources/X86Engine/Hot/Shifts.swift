import X86ISA

/// A shift or rotate by a masked, non-zero count; returns the result and sets the flags it defines.
protocol ShiftOperation {
  static func apply<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int) -> T
  static func flags<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int, _ result: T)
}

// Where OF is undefined (counts above 1) it follows what processors do: the value of the last single-bit step's
// formula applied to the result, which is also what the host does.
enum Shl: ShiftOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int) -> T {
    value << T(truncatingIfNeeded: count)
  }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int, _ result: T) {
    let carry = count <= T.bitWidth && value >> T(truncatingIfNeeded: T.bitWidth &- count) & 1 != 0
    cpu.setShiftFlags(result, carry: carry, overflow: carry != result.signBit)
  }
}
enum Shr: ShiftOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int) -> T {
    value >> T(truncatingIfNeeded: count)
  }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int, _ result: T) {
    let carry = value >> T(truncatingIfNeeded: count &- 1) & 1 != 0
    let overflow = result << 1 ^ result
    cpu.setShiftFlags(result, carry: carry, overflow: overflow.signBit)
  }
}
enum Sar: ShiftOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int) -> T {
    T(truncatingIfNeeded: Int64(bitPattern: value.signExtended) >> Int64(count))
  }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int, _ result: T) {
    let carry = Int64(bitPattern: value.signExtended) >> Int64(count &- 1) & 1 != 0
    cpu.setShiftFlags(result, carry: carry, overflow: false)
  }
}
enum Rol: ShiftOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int) -> T {
    let n = T(truncatingIfNeeded: count & (T.bitWidth &- 1))
    return value << n | value >> (T(truncatingIfNeeded: T.bitWidth) &- n)
  }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int, _ result: T) {
    let carry = result & 1 != 0
    cpu.setCarryOverflow(carry, carry != result.signBit)
  }
}
enum Ror: ShiftOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int) -> T {
    let n = T(truncatingIfNeeded: count & (T.bitWidth &- 1))
    return value >> n | value << (T(truncatingIfNeeded: T.bitWidth) &- n)
  }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int, _ result: T) {
    cpu.setCarryOverflow(result.signBit, (result ^ result << 1).signBit)
  }
}
/// Rotation through CF: the count is taken modulo width + 1.
enum Rcl: ShiftOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int) -> T {
    let n = count % (T.bitWidth &+ 1)
    if n == 0 { return value }
    let carry: T = cpu.cf ? 1 : 0
    return value << T(truncatingIfNeeded: n) | carry << T(truncatingIfNeeded: n &- 1)
      | (n == 1 ? 0 : value >> T(truncatingIfNeeded: T.bitWidth &+ 1 &- n))
  }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int, _ result: T) {
    let n = count % (T.bitWidth &+ 1)
    let carry = n == 0 ? cpu.cf : value >> T(truncatingIfNeeded: T.bitWidth &- n) & 1 != 0
    cpu.setCarryOverflow(carry, carry != result.signBit)
  }
}
enum Rcr: ShiftOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int) -> T {
    let n = count % (T.bitWidth &+ 1)
    if n == 0 { return value }
    let carry: T = cpu.cf ? 1 : 0
    return value >> T(truncatingIfNeeded: n) | carry << T(truncatingIfNeeded: T.bitWidth &- n)
      | (n == 1 ? 0 : value << T(truncatingIfNeeded: T.bitWidth &+ 1 &- n))
  }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ value: T, _ count: Int, _ result: T) {
    let n = count % (T.bitWidth &+ 1)
    let carry = n == 0 ? cpu.cf : value >> T(truncatingIfNeeded: n &- 1) & 1 != 0
    cpu.setCarryOverflow(carry, (result ^ result << 1).signBit)
  }
}

extension Interp {
  /// SHL SHR SAR ROL ROR RCL RCR; a masked count of zero changes nothing, but memory is still accessed for writing.
  @inline(__always) func shift<O: ShiftOperation, D: Destination, S: Operand>(
    _ operation: O.Type, _ width: D.T.Type, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) {
    let count = try Int(truncatingIfNeeded: S.load(self)) & (D.T.bitWidth == 64 ? 63 : 31)
    let old = try D.modify(self) { count == 0 ? $0 : O.apply(cpu, $0, count) }
    if count != 0 { O.flags(cpu, old, count, O.apply(cpu, old, count)) }
  }

  /// SHLD, SHRD. For 16-bit operands counts above 16 are undefined; the bits come from the operand pair repeated.
  @inline(__always) func doubleShift<D: Destination, R: Operand, S: Operand>(
    left: Bool, _ width: D.T.Type, _ destination: D.Type, _ register: R.Type, _ source: S.Type
  ) throws(Fault) where R.T == D.T {
    let size = D.T.bitWidth
    let count = try Int(truncatingIfNeeded: S.load(self)) & (size == 64 ? 63 : 31)
    let fill = try R.load(self)
    let old = try D.modify(self) { count == 0 ? $0 : Interp.funnel(left: left, $0, fill, count) }
    guard count != 0 else { return }
    let result = Interp.funnel(left: left, old, fill, count)
    let carry: Bool
    if count <= size {
      carry = old >> D.T(truncatingIfNeeded: left ? size &- count : count &- 1) & 1 != 0
    } else {
      let n = count &- size
      carry = fill >> D.T(truncatingIfNeeded: left ? size &- n : n &- 1) & 1 != 0
    }
    cpu.setShiftFlags(result, carry: carry, overflow: (result ^ old).signBit)
  }

  @inline(__always) private static func funnel<T: AccessWidth>(left: Bool, _ value: T, _ fill: T, _ count: Int) -> T {
    let size = T.bitWidth
    if count <= size {
      let n = T(truncatingIfNeeded: count), rest = T(truncatingIfNeeded: size &- count)
      return left ? value << n | fill >> rest : value >> n | fill << rest
    }
    let n = T(truncatingIfNeeded: count &- size), rest = T(truncatingIfNeeded: 2 &* size &- count)
    return left ? fill << n | value >> rest : fill >> n | value << rest
  }
}
