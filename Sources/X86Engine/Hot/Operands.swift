import X86ISA

typealias W8 = UInt8
typealias W16 = UInt16
typealias W32 = UInt32
typealias W64 = UInt64

/// Where an operand lives. The generated dispatch picks the accessor; handlers are generic over it.
protocol Operand {
  associatedtype T: AccessWidth
  static func load(_ x: Interp) throws(Fault) -> T
}
/// An operand that can be written, alone or as read-modify-write (atomically under LOCK).
protocol Destination: Operand {
  static func store(_ x: Interp, _ value: T) throws(Fault)
  /// Replaces the value by `operation` of it; returns the old one. `operation` is pure: callers apply it again.
  static func modify(_ x: Interp, _ operation: (T) -> T) throws(Fault) -> T
}

/// The register in ModRM.reg or in the opcode.
enum Reg<T: AccessWidth>: Destination {
  @inline(__always) static func load(_ x: Interp) -> T { x.loadRegister(T.self, x.i.reg) }
  @inline(__always) static func store(_ x: Interp, _ value: T) { x.storeRegister(x.i.reg, value) }
  @inline(__always) static func modify(_ x: Interp, _ operation: (T) -> T) -> T {
    let old = load(x)
    store(x, operation(old))
    return old
  }
}
/// ModRM.rm naming a register.
enum RM<T: AccessWidth>: Destination {
  @inline(__always) static func load(_ x: Interp) -> T { x.loadRegister(T.self, x.i.rm) }
  @inline(__always) static func store(_ x: Interp, _ value: T) { x.storeRegister(x.i.rm, value) }
  @inline(__always) static func modify(_ x: Interp, _ operation: (T) -> T) -> T {
    let old = load(x)
    store(x, operation(old))
    return old
  }
}
/// AL, AX, EAX or RAX.
enum Acc<T: AccessWidth>: Destination {
  @inline(__always) static func load(_ x: Interp) -> T { x.loadRegister(T.self, 0) }
  @inline(__always) static func store(_ x: Interp, _ value: T) { x.storeRegister(0, value) }
  @inline(__always) static func modify(_ x: Interp, _ operation: (T) -> T) -> T {
    let old = load(x)
    store(x, operation(old))
    return old
  }
}
/// The memory operand.
enum Mem<T: AccessWidth>: Destination {
  @inline(__always) static func load(_ x: Interp) throws(Fault) -> T {
    try x.cpu.readLinear(T.self, x.address(size: MemoryLayout<T>.size, write: false))
  }
  @inline(__always) static func store(_ x: Interp, _ value: T) throws(Fault) {
    try x.cpu.writeLinear(x.address(size: MemoryLayout<T>.size, write: true), value)
  }
  /// The old value is read with write intent, so that the store cannot fault after flags changed.
  @inline(__always) static func modify(_ x: Interp, _ operation: (T) -> T) throws(Fault) -> T {
    let address = try x.address(size: MemoryLayout<T>.size, write: true)
    if x.i.prefixes.contains(.lock) { return try x.cpu.atomicUpdate(address, operation) }
    return try x.cpu.update(address, operation)
  }
}
/// The immediate, already extended by the decoder.
enum Imm<T: AccessWidth>: Operand {
  @inline(__always) static func load(_ x: Interp) -> T { T(truncatingIfNeeded: x.i.immediate) }
}
enum CountCL: Operand {
  @inline(__always) static func load(_ x: Interp) -> UInt8 { x.cpu[reg8: 1] }
}
enum One: Operand {
  @inline(__always) static func load(_ x: Interp) -> UInt8 { 1 }
}

extension Interp {
  @inline(__always) func loadRegister<T: AccessWidth>(_ type: T.Type, _ number: UInt8) -> T {
    if T.bitWidth == 8 { return T(truncatingIfNeeded: cpu[reg8: number]) }
    return T(truncatingIfNeeded: cpu[reg: number])
  }
  @inline(__always) func storeRegister<T: AccessWidth>(_ number: UInt8, _ value: T) {
    switch T.bitWidth {
    case 8: cpu[reg8: number] = UInt8(truncatingIfNeeded: value)
    case 16: cpu[reg16: number] = UInt16(truncatingIfNeeded: value)
    default: cpu[reg: number] = UInt64(truncatingIfNeeded: value)
    }
  }

  /// The memory operand's offset inside its segment.
  @inline(__always) var offset: UInt64 {
    (cpu[reg: i.base] &+ (cpu[reg: i.index] &<< UInt64(i.scale)) &+ i.displacement) & i.addressMask
  }

  /// The memory operand's linear address, checked against its segment for an access of `size` bytes.
  @inline(__always) func address(size: Int, write: Bool) throws(Fault) -> UInt64 {
    try cpu.address(segment: Int(i.segment), offset: offset, size: size, write: write)
  }
}

extension Cpu {
  /// Segmentation: fast when the whole access lies below the segment's plain end.
  @inline(__always) func address(segment: Int, offset: UInt64, size: Int, write: Bool) throws(Fault) -> UInt64 {
    let last = offset &+ UInt64(truncatingIfNeeded: size &- 1)
    let end = write ? s.segments[segment].writeEnd : s.segments[segment].readEnd
    if last >= end || last < offset {
      return try segmentAddressSlow(segment, offset: offset, size: UInt64(truncatingIfNeeded: size), write: write)
    }
    return (s.segments[segment].fastBase &+ offset) & s.linearMask
  }
  @inline(__always) func load<T: AccessWidth>(_ type: T.Type, segment: Int, offset: UInt64) throws(Fault) -> T {
    try readLinear(type, address(segment: segment, offset: offset, size: MemoryLayout<T>.size, write: false))
  }
  @inline(__always) func store<T: AccessWidth>(_ value: T, segment: Int, offset: UInt64) throws(Fault) {
    try writeLinear(address(segment: segment, offset: offset, size: MemoryLayout<T>.size, write: true), value)
  }
}
