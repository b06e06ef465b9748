// The host instructions that generated code is made of, besides the guest's own (SDM volume 2).
extension Emitter {
  // MARK: State block operands

  /// `opcode reg, gs:[offset]` (or the reverse, by opcode).
  mutating func state(_ opcode: UInt8, _ register: UInt8, _ offset: Int32, wide: Bool = true) {
    byte(0x65)
    let rex: UInt8 = (wide ? 8 : 0) | (register & 8 != 0 ? 4 : 0)
    if rex != 0 { byte(0x40 | rex) }
    bytes(opcode, register << 3 & 0x38 | 4, 0x25)
    word(offset)
  }
  mutating func load(_ register: UInt8, _ offset: Int32) { state(0x8b, register, offset) }
  mutating func load32(_ register: UInt8, _ offset: Int32) { state(0x8b, register, offset, wide: false) }
  mutating func store(_ register: UInt8, _ offset: Int32) { state(0x89, register, offset) }
  mutating func store32(_ register: UInt8, _ offset: Int32) { state(0x89, register, offset, wide: false) }
  /// `mov word gs:[offset], reg`.
  mutating func store16(_ register: UInt8, _ offset: Int32) {
    byte(0x66)
    state(0x89, register, offset, wide: false)
  }
  /// `mov dword gs:[offset], immediate`.
  mutating func storeImmediate32(_ value: UInt32, _ offset: Int32) {
    state(0xc7, 0, offset, wide: false)
    word(value)
  }
  /// `cmp dword gs:[offset], immediate8`.
  mutating func compareState(_ offset: Int32, _ value: UInt8) {
    state(0x83, 7, offset, wide: false)
    byte(value)
  }
  /// `cmp dword gs:[offset], immediate32`.
  mutating func compareState32(_ offset: Int32, _ value: UInt32) {
    state(0x81, 7, offset, wide: false)
    word(value)
  }
  /// `jmp gs:[offset]`.
  mutating func jumpState(_ offset: Int32) { state(0xff, 4, offset, wide: false) }
  /// `call gs:[offset]`.
  mutating func callState(_ offset: Int32) { state(0xff, 2, offset, wide: false) }
  /// `opcode reg, gs:[base + offset]`.
  mutating func indexed(_ opcode: UInt8, _ register: UInt8, base: UInt8, _ offset: Int32, wide: Bool = true) {
    bytes(0x65, 0x40 | (wide ? 8 : 0) | (register & 8 != 0 ? 4 : 0) | (base & 8 != 0 ? 1 : 0), opcode)
    byte(0x80 | register << 3 & 0x38 | base & 7)
    if base & 7 == 4 { byte(0x24) }
    word(offset)
  }

  // MARK: Registers

  /// `opcode reg, rm` between registers.
  mutating func registers(_ opcode: UInt8, _ register: UInt8, _ rm: UInt8, wide: Bool = true) {
    let rex: UInt8 = (wide ? 8 : 0) | (register & 8 != 0 ? 4 : 0) | (rm & 8 != 0 ? 1 : 0)
    if rex != 0 { byte(0x40 | rex) }
    bytes(opcode, 0xc0 | register << 3 & 0x38 | rm & 7)
  }
  /// `mov to, from` (64 bits).
  mutating func move(_ to: UInt8, _ from: UInt8) { registers(0x8b, to, from) }
  /// `mov to32, from32`: clears the upper half.
  mutating func move32(_ to: UInt8, _ from: UInt8) { registers(0x8b, to, from, wide: false) }
  /// `xchg a, b`.
  mutating func exchange(_ a: UInt8, _ b: UInt8) { registers(0x87, a, b) }
  /// `movzx r32, r16`.
  mutating func zeroExtend16(_ to: UInt8, _ from: UInt8) {
    let rex: UInt8 = (to & 8 != 0 ? 4 : 0) | (from & 8 != 0 ? 1 : 0)
    if rex != 0 { byte(0x40 | rex) }
    bytes(0x0f, 0xb7, 0xc0 | to << 3 & 0x38 | from & 7)
  }
  /// The shortest MOV that puts `value` into a 64-bit register; leaves flags alone.
  mutating func immediate(_ register: UInt8, _ value: UInt64) {
    let low = UInt32(truncatingIfNeeded: value)
    if value >> 32 == 0 {
      if register & 8 != 0 { byte(0x41) }
      byte(0xb8 | register & 7)
      word(low)
    } else if UInt64(bitPattern: Int64(Int32(bitPattern: low))) == value {
      bytes(0x48 | (register & 8 != 0 ? 1 : 0), 0xc7, 0xc0 | register & 7)
      word(low)
    } else {
      bytes(0x48 | (register & 8 != 0 ? 1 : 0), 0xb8 | register & 7)
      quad(value)
    }
  }
  /// `op rm, immediate32` with the opcode extension of group 1 (0 ADD, 4 AND, 5 SUB, 7 CMP).
  mutating func group1(_ operation: UInt8, _ rm: UInt8, _ value: Int32, wide: Bool) {
    let rex: UInt8 = (wide ? 8 : 0) | (rm & 8 != 0 ? 1 : 0)
    if rex != 0 { byte(0x40 | rex) }
    if value >= -128 && value < 128 {
      bytes(0x83, 0xc0 | operation << 3 | rm & 7, UInt8(truncatingIfNeeded: value))
    } else {
      bytes(0x81, 0xc0 | operation << 3 | rm & 7)
      word(value)
    }
  }
  /// `shl` (4), `shr` (5) or `sar` (7) by an immediate.
  mutating func shift(_ operation: UInt8, _ rm: UInt8, _ count: UInt8, wide: Bool = true) {
    let rex: UInt8 = (wide ? 8 : 0) | (rm & 8 != 0 ? 1 : 0)
    if rex != 0 { byte(0x40 | rex) }
    bytes(0xc1, 0xc0 | operation << 3 | rm & 7, count)
  }
  /// `rorx to, from, count` (BMI2): leaves flags alone.
  mutating func rotateRight(_ to: UInt8, _ from: UInt8, _ count: UInt8) {
    byte(0xc4)
    byte(0x43 | (to & 8 == 0 ? 0x80 : 0) | (from & 8 == 0 ? 0x20 : 0))
    bytes(0xfb, 0xf0)
    bytes(0xc0 | to << 3 & 0x38 | from & 7, count)
  }

  /// `lea to, [base + index << scale + displacement]`; `size` 2, 4 or 8 bytes of result. `nil` = absent.
  mutating func address(
    _ to: UInt8, base: UInt8?, index: UInt8? = nil, scale: UInt8 = 0, _ displacement: Int32, size: Int = 8
  ) {
    if size == 2 { byte(0x66) }
    var rex: UInt8 = (size == 8 ? 8 : 0) | (to & 8 != 0 ? 4 : 0)
    if let index, index & 8 != 0 { rex |= 2 }
    if let base, base & 8 != 0 { rex |= 1 }
    if rex != 0 { byte(0x40 | rex) }
    byte(0x8d)
    memory(to, base: base, index: index, scale: scale, displacement)
  }
  /// ModRM, SIB and displacement of a memory operand; REX is the caller's.
  /// `compressed`: the instruction scales short displacements (EVEX), which are then not used.
  mutating func memory(
    _ register: UInt8, base: UInt8?, index: UInt8?, scale: UInt8, _ displacement: Int32, compressed: Bool = false
  ) {
    let reg = register << 3 & 0x38
    guard let base else {
      bytes(reg | 4, scale << 6 | (index.map { $0 & 7 } ?? 4) << 3 | 5)
      return word(displacement)
    }
    let isShort = displacement >= -128 && displacement < 128 && (!compressed || displacement == 0)
    let mod: UInt8 = displacement == 0 && base & 7 != 5 ? 0 : isShort ? 0x40 : 0x80
    if let index {
      bytes(mod | reg | 4, scale << 6 | (index & 7) << 3 | base & 7)
    } else if base & 7 == 4 {
      bytes(mod | reg | 4, 0x24)
    } else {
      byte(mod | reg | base & 7)
    }
    if mod == 0x40 { byte(UInt8(truncatingIfNeeded: displacement)) } else if mod == 0x80 { word(displacement) }
  }

  mutating func memory(_ register: UInt8, _ operand: HostOperand, compressed: Bool = false) {
    memory(
      register, base: operand.base, index: operand.index, scale: operand.scale, operand.displacement,
      compressed: compressed)
  }
  /// `lea to, [operand]`, 64 bits.
  mutating func address(_ to: UInt8, _ operand: HostOperand) {
    address(to, base: operand.base, index: operand.index, scale: operand.scale, operand.displacement)
  }

  // MARK: Flags

  /// `lahf; seto al`: AX has the flags.
  mutating func captureFlags() {
    byte(0x9f)
    bytes(0x0f, 0x90, 0xc0)
  }
  /// The reverse: `add al, 7Fh; sahf`.
  mutating func restoreFlags() { bytes(0x04, 0x7f, 0x9e) }

  // MARK: Jumps; each returns the position of its displacement

  mutating func jump() -> Int {
    byte(0xe9)
    word(UInt32(0))
    return position &- 4
  }
  mutating func jump(to target: Int) { patch(jump(), to: target) }
  /// Jcc with condition code `condition` (low four bits of the opcode).
  mutating func jumpIf(_ condition: UInt8) -> Int {
    bytes(0x0f, 0x80 | condition)
    word(UInt32(0))
    return position &- 4
  }
  mutating func jumpIf(_ condition: UInt8, to target: Int) { patch(jumpIf(condition), to: target) }
  /// JRCXZ, short.
  mutating func jumpIfRCXZero() -> Int {
    bytes(0xe3, 0)
    return position &- 1
  }
  mutating func jumpShort() -> Int {
    bytes(0xeb, 0)
    return position &- 1
  }
  mutating func jumpIfShort(_ condition: UInt8) -> Int {
    bytes(0x70 | condition, 0)
    return position &- 1
  }
}

/// Condition codes of the jumps that generated code makes for itself.
enum HostCondition {
  static let aboveOrEqual: UInt8 = 3
  static let equal: UInt8 = 4
  static let notEqual: UInt8 = 5
  static let notAbove: UInt8 = 6
  static let above: UInt8 = 7
  static let sign: UInt8 = 8
}
