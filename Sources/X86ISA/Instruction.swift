/// One decoded instruction: everything an engine needs, in 64 bytes of plain data.
///
/// Register numbers: 0...15 are the general registers by number; `noRegister` reads as zero and
/// `instructionPointer` as the address of the next instruction, so that address arithmetic never branches.
/// Byte registers AH CH DH BH are `highByte` + 0...3.
@frozen public struct Instruction: Sendable {
  @inlinable public static var noRegister: UInt8 { 32 }
  @inlinable public static var instructionPointer: UInt8 { 33 }
  @inlinable public static var highByte: UInt8 { 64 }

  /// The engine's handler, opaque here; 0 until an engine fills it in.
  public var handler: UInt
  /// Immediate, sign- or zero-extended to 64 bits as the instruction wants it; branch displacement for relative
  /// branches (sign-extended); offset part of a far pointer.
  public var immediate: UInt64
  /// Displacement of the memory operand, sign-extended (moffs: zero-extended).
  public var displacement: UInt64
  /// Mask of the effective address: 0xffff, 0xffff_ffff or all ones.
  public var addressMask: UInt64
  /// Index into `InstructionTable.rows`.
  public var row: UInt16
  public var op: Op
  /// Second immediate: ENTER's nesting level, a far pointer's selector, EXTRQ/INSERTQ's second byte.
  public var immediate2: UInt16
  public var prefixes: Prefixes
  /// Bytes, prefixes included (1...15).
  public var length: UInt8
  /// Effective operand size in bytes (2, 4, 8); for rows of byte operands 1.
  public var operandSize: UInt8
  /// Effective address size in bytes (2, 4, 8).
  public var addressSize: UInt8
  /// ModRM.reg with REX.R (and EVEX.R'), or the register in the opcode's low bits with REX.B.
  public var reg: UInt8
  /// ModRM.rm with REX.B when it names a register (EVEX: with X as bit 4).
  public var rm: UInt8
  /// Memory operand: base register, index register, shift count 0...3, segment (0 ES, CS, SS, DS, FS, GS).
  public var base: UInt8
  public var index: UInt8
  public var scale: UInt8
  public var segment: UInt8
  /// The ModRM byte as encoded (0 when there is none).
  public var modRM: UInt8
  /// The last opcode byte as encoded.
  public var opcode: UInt8
  /// VEX/EVEX: second source register (vvvv, with V'), 0 when unused.
  public var vvvv: UInt8
  /// VEX/EVEX vector length: 0 = 128, 1 = 256, 2 = 512 bits.
  public var vectorLength: UInt8
  /// EVEX: opmask register in bits 2:0, zeroing (z) in bit 7, broadcast/rounding (b) in bit 4, L'L as encoded (the
  /// rounding mode when b is set on a register form) in bits 6:5.
  public var evexControl: UInt8
  /// Byte offset of the first immediate from the instruction's start (0 = none): lets a thunk re-encode.
  public var immediateOffset: UInt8
  /// Byte offset of the ModRM byte from the instruction's start (0 = none).
  public var modRMOffset: UInt8
  /// The engine's native thunk, opaque here; 0 when the instruction needs none.
  public var thunk: UInt32

  public init() {
    handler = 0
    immediate = 0
    displacement = 0
    addressMask = ~0
    row = 0
    op = .invalid
    immediate2 = 0
    prefixes = []
    length = 0
    operandSize = 4
    addressSize = 4
    reg = 0
    rm = 0
    base = Instruction.noRegister
    index = Instruction.noRegister
    scale = 0
    segment = 3
    modRM = 0
    opcode = 0
    vvvv = 0
    vectorLength = 0
    evexControl = 0
    immediateOffset = 0
    modRMOffset = 0
    thunk = 0
  }

  /// The prefixes and shape facts that semantics depend on.
  @frozen public struct Prefixes: OptionSet, Sendable {
    public var rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    @inlinable public static var lock: Prefixes { Prefixes(rawValue: 1) }
    /// F3 present (as REP or as mandatory prefix).
    @inlinable public static var repeatF3: Prefixes { Prefixes(rawValue: 2) }
    @inlinable public static var repeatF2: Prefixes { Prefixes(rawValue: 4) }
    @inlinable public static var operandSize66: Prefixes { Prefixes(rawValue: 8) }
    @inlinable public static var rex: Prefixes { Prefixes(rawValue: 16) }
    @inlinable public static var rexW: Prefixes { Prefixes(rawValue: 32) }
    @inlinable public static var vex: Prefixes { Prefixes(rawValue: 64) }
    @inlinable public static var evex: Prefixes { Prefixes(rawValue: 128) }
    /// ModRM names memory (also set for moffs and string operands).
    @inlinable public static var memory: Prefixes { Prefixes(rawValue: 256) }
    /// A segment override prefix is in force.
    @inlinable public static var segmentOverride: Prefixes { Prefixes(rawValue: 512) }
    @inlinable public static var addressSize67: Prefixes { Prefixes(rawValue: 1024) }
  }
}

/// Size of code addresses and default operands: what CS.D and CS.L select.
@frozen public enum CodeSize: UInt8, Sendable {
  case bits16 = 0
  case bits32 = 1
  case bits64 = 2
}
