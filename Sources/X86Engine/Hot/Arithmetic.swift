import X86ISA

/// A two-operand operation that writes its destination and the flags.
protocol BinaryOperation {
  static func apply<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ carryIn: T) -> T
  static func flags<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ result: T)
}
enum Add: BinaryOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ carryIn: T) -> T { a &+ b }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ result: T) {
    cpu.setAddFlags(a, b, result)
  }
}
enum Adc: BinaryOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ carryIn: T) -> T {
    a &+ b &+ carryIn
  }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ result: T) {
    cpu.setAddFlags(a, b, result)
  }
}
enum Sub: BinaryOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ carryIn: T) -> T { a &- b }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ result: T) {
    cpu.setSubtractFlags(a, b, result)
  }
}
enum Sbb: BinaryOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ carryIn: T) -> T {
    a &- b &- carryIn
  }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ result: T) {
    cpu.setSubtractFlags(a, b, result)
  }
}
enum And: BinaryOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ carryIn: T) -> T { a & b }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ result: T) {
    cpu.setLogicFlags(result)
  }
}
enum Or: BinaryOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ carryIn: T) -> T { a | b }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ result: T) {
    cpu.setLogicFlags(result)
  }
}
enum Xor: BinaryOperation {
  @inline(__always) static func apply<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ carryIn: T) -> T { a ^ b }
  @inline(__always) static func flags<T: AccessWidth>(_ cpu: Cpu, _ a: T, _ b: T, _ result: T) {
    cpu.setLogicFlags(result)
  }
}

extension Interp {
  /// ADD ADC SUB SBB AND OR XOR. `W` is the operand size; a narrower immediate arrives extended.
  @inline(__always) func binary<O: BinaryOperation, D: Destination, S: Operand>(
    _ operation: O.Type, _ width: D.T.Type, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) {
    let b = try D.T(truncatingIfNeeded: S.load(self))
    let carry: D.T = cpu.cf ? 1 : 0
    let a = try D.modify(self) { O.apply(cpu, $0, b, carry) }
    O.flags(cpu, a, b, O.apply(cpu, a, b, carry))
  }

  /// CMP and TEST: flags only.
  @inline(__always) func compare<O: BinaryOperation, D: Operand, S: Operand>(
    _ operation: O.Type, _ width: D.T.Type, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) {
    let a = try D.load(self)
    let b = try D.T(truncatingIfNeeded: S.load(self))
    O.flags(cpu, a, b, O.apply(cpu, a, b, 0))
  }

  @inline(__always) func increment<D: Destination>(_ width: D.T.Type, _ destination: D.Type) throws(Fault) {
    let a = try D.modify(self) { $0 &+ 1 }
    let carry = cpu.cf
    cpu.setAddFlags(a, 1, a &+ 1)
    cpu.setCarry(carry)
  }
  @inline(__always) func decrement<D: Destination>(_ width: D.T.Type, _ destination: D.Type) throws(Fault) {
    let a = try D.modify(self) { $0 &- 1 }
    let carry = cpu.cf
    cpu.setSubtractFlags(a, 1, a &- 1)
    cpu.setCarry(carry)
  }
  @inline(__always) func negate<D: Destination>(_ width: D.T.Type, _ destination: D.Type) throws(Fault) {
    let a = try D.modify(self) { 0 &- $0 }
    cpu.setSubtractFlags(0, a, 0 &- a)
  }
  @inline(__always) func complement<D: Destination>(_ width: D.T.Type, _ destination: D.Type) throws(Fault) {
    _ = try D.modify(self) { ~$0 }
  }

  /// XADD: the destination's old value goes to the source register.
  @inline(__always) func exchangeAdd<D: Destination, S: Destination>(
    _ width: D.T.Type, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) where S.T == D.T {
    let b = try S.load(self)
    let a = try D.modify(self) { $0 &+ b }
    let result = a &+ b
    // With one register as both operands the sum wins, as the destination is written last.
    if i.prefixes.contains(.memory) || i.reg != i.rm { try S.store(self, a) }
    cpu.setAddFlags(a, b, result)
  }

  /// CMPXCHG: the destination is written in both cases (with its old value when unequal).
  @inline(__always) func compareExchange<D: Destination, S: Operand>(
    _ width: D.T.Type, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) where S.T == D.T {
    let expected = loadRegister(D.T.self, 0)
    let replacement = try S.load(self)
    let old: D.T
    if i.prefixes.contains(.memory) {
      old = try D.modify(self) { $0 == expected ? replacement : $0 }
    } else {
      old = try D.load(self)
      if old == expected { try D.store(self, replacement) }
    }
    if old != expected { storeRegister(0, old) }
    cpu.setSubtractFlags(expected, old, expected &- old)
  }

  /// ADCX, ADOX: addition through one flag alone.
  @inline(__always) func addThrough<D: Destination, S: Operand>(
    overflow: Bool, _ destination: D.Type, _ source: S.Type
  ) throws(Fault) where S.T == D.T {
    let a = try D.load(self)
    let b = try S.load(self)
    let (partial, first) = a.addingReportingOverflow(b)
    let (sum, second) = partial.addingReportingOverflow((overflow ? cpu.of : cpu.cf) ? 1 : 0)
    try D.store(self, sum)
    let out = first || second
    if overflow { cpu.setCarryOverflow(cpu.cf, out) } else { cpu.setCarry(out) }
  }
}
