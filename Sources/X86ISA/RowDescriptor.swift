// Packed forms of a row, made by isa-gen from its text: what the decoder compares, and how it reads the rest.

/// What must hold for a row to match an instruction's bytes.
public struct RowMatch: Sendable {
  /// reg 0...3 (8 any), rm 4...7 (8 any), mod 8...9 (1 memory, 2 register), mod ignored 10, ModRM present 11,
  /// prefix 12...14, W 15...16, length 17...19, operand size 20...21, no REX.B 22, mode 23...24.
  public var rawValue: UInt32

  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// In `reg` and `rm`: every value fits.
  public static let any: UInt32 = 8
  /// In `mod`: the operand is in memory.
  public static let modMemory: UInt32 = 1
  /// In `mod`: the operand is a register.
  public static let modRegister: UInt32 = 2

  /// Mandatory prefixes: any; none of 66 F3 F2; exactly that one; neither F3 nor F2.
  public static let prefixAny: UInt32 = 0
  /// In `prefix`: none of 66, F3 and F2.
  public static let prefixNone: UInt32 = 1
  /// In `prefix`: 66 is mandatory.
  public static let prefix66: UInt32 = 2
  /// In `prefix`: F3 is mandatory.
  public static let prefixF3: UInt32 = 3
  /// In `prefix`: F2 is mandatory.
  public static let prefixF2: UInt32 = 4
  /// In `prefix`: neither F3 nor F2.
  public static let prefixNoRepeat: UInt32 = 5

  /// In `length`: the row has no vector length.
  public static let lengthAny: UInt32 = 0
  /// In `length`: 128 bits.
  public static let length128: UInt32 = 1
  /// In `length`: 256 bits.
  public static let length256: UInt32 = 2
  /// In `length`: 512 bits.
  public static let length512: UInt32 = 3
  /// In `length`: the processor ignores L.
  public static let lengthIgnored: UInt32 = 4
  /// In `length`: 256 or 512 bits.
  public static let length256Or512: UInt32 = 5

  /// In `mode`: not in 64-bit code.
  public static let modeNot64: UInt32 = 1
  /// In `mode`: in 64-bit code only.
  public static let modeOnly64: UInt32 = 2

  @inlinable func field(_ low: UInt32, _ bits: UInt32) -> UInt32 { rawValue >> low & (1 << bits &- 1) }
  /// ModRM.reg, or `any`.
  public var reg: UInt32 { field(0, 4) }
  /// ModRM.rm, or `any`.
  public var rm: UInt32 { field(4, 4) }
  /// 0 any, `modMemory` or `modRegister`.
  public var mod: UInt32 { field(8, 2) }
  /// The operand is a register whatever ModRM.mod says.
  public var ignoresMod: Bool { field(10, 1) != 0 }
  /// A ModRM byte follows the opcode.
  public var hasModRM: Bool { field(11, 1) != 0 }
  /// Mandatory prefix: one of the `prefix` constants.
  public var prefix: UInt32 { field(12, 3) }
  /// 0 any, 1 W0, 2 W1.
  public var w: UInt32 { field(15, 2) }
  /// Vector length: one of the `length` constants.
  public var length: UInt32 { field(17, 3) }
  /// 0 any, else log2 of the operand size it needs.
  public var operandSize: UInt32 { field(20, 2) }
  /// REX.B must be clear.
  public var needsNoREXB: Bool { field(22, 1) != 0 }
  /// 0 any, `modeNot64` or `modeOnly64`.
  public var mode: UInt32 { field(23, 2) }
}

/// How the decoder reads an instruction's remaining bytes and register fields once its row is known.
public struct RowForm: Sendable {
  /// size class 0...2, immediate 3...6, second immediate 7, reg kind 8...11, rm kind 12...15, vvvv kind 16...18,
  /// register in opcode 19, default64 20, force64 21, lockable 22, VSIB 23, broadcast 24...25 (log2), rounding 26...27,
  /// masking 28...29, mask required 30, string memory 31, memory size 32...36, sign-extended immediate 37,
  /// rm is the destination 38.
  public var rawValue: UInt64

  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Operand sizes: 2/4/8; 1; 2/4; 4/8; not sized by an operand.
  public static let sizeV: UInt64 = 0
  /// In `sizeClass`: 1 byte.
  public static let sizeByte: UInt64 = 1
  /// In `sizeClass`: 2 or 4 bytes.
  public static let sizeZ: UInt64 = 2
  /// In `sizeClass`: 4 or 8 bytes.
  public static let sizeY: UInt64 = 3
  /// In `sizeClass`: not sized by an operand.
  public static let sizeNone: UInt64 = 4

  /// Which immediate follows, by its appendix-A size.
  public enum Immediate: UInt8, Sendable {
    case none, byte, word, dword, z, v, branchByte, branchZ, memoryOffset, farPointer, register
  }

  /// Which register file a field of the encoding names.
  public enum RegisterField: UInt8, Sendable {
    case none, general, generalByte, vector, mask, mmx, segment, control, debug
  }

  /// In `rounding`: static rounding.
  public static let roundingControl: UInt64 = 1
  /// In `rounding`: suppressed exceptions only.
  public static let suppressExceptions: UInt64 = 2
  /// In `masking`: merging only.
  public static let maskMerge: UInt64 = 1
  /// In `masking`: merging or zeroing.
  public static let maskMergeOrZero: UInt64 = 2

  func field(_ low: UInt64, _ bits: UInt64) -> UInt64 { rawValue >> low & (1 << bits &- 1) }
  /// How the operand size follows from prefixes: one of the `size` constants.
  public var sizeClass: UInt64 { field(0, 3) }
  /// The first immediate.
  public var immediate: Immediate { Immediate(rawValue: UInt8(field(3, 4))) ?? .none }
  /// A second immediate follows (ENTER, EXTRQ).
  public var hasSecondImmediate: Bool { field(7, 1) != 0 }
  /// What ModRM.reg names.
  public var regKind: RegisterField { RegisterField(rawValue: UInt8(field(8, 4))) ?? .none }
  /// What ModRM.rm names when it is a register.
  public var rmKind: RegisterField { RegisterField(rawValue: UInt8(field(12, 4))) ?? .none }
  /// What VEX.vvvv names.
  public var vvvvKind: RegisterField { RegisterField(rawValue: UInt8(field(16, 3))) ?? .none }
  /// The opcode's low three bits name a register.
  public var hasOpcodeRegister: Bool { field(19, 1) != 0 }
  /// 64-bit operands without REX.W in 64-bit code; 66 makes them 16 bits.
  public var default64: Bool { field(20, 1) != 0 }
  /// 64-bit operands in 64-bit code, whatever the prefixes.
  public var force64: Bool { field(21, 1) != 0 }
  /// LOCK is allowed when the destination is in memory.
  public var lockable: Bool { field(22, 1) != 0 }
  /// A vector of addresses: the SIB index is a vector register.
  public var vsib: Bool { field(23, 1) != 0 }
  /// Bytes of the element that EVEX.b broadcasts; 0 where it cannot.
  public var broadcastBytes: Int { field(24, 2) == 0 ? 0 : 1 << Int(field(24, 2)) }
  /// What EVEX.b means with registers; 0 nothing.
  public var rounding: UInt64 { field(26, 2) }
  /// Which masking EVEX.aaa may ask for; 0 none.
  public var masking: UInt64 { field(28, 2) }
  /// EVEX.aaa must not be 0.
  public var maskRequired: Bool { field(30, 1) != 0 }
  /// Addresses memory through rSI or rDI, without ModRM.
  public var stringMemory: Bool { field(31, 1) != 0 }
  /// Size of the memory operand.
  public var memorySize: OperandSize { OperandSize(rawValue: UInt8(field(32, 5))) ?? .none }
  /// The immediate is sign-extended to the operand size.
  public var signExtendsImmediate: Bool { field(37, 1) != 0 }
  /// ModRM.rm is the destination.
  public var storesToRM: Bool { field(38, 1) != 0 }
}

/// The opcode maps the decoder indexes, 256 opcodes each.
public enum OpcodeMap: Int, Sendable, CaseIterable {
  case oneByte, twoByte, map38, map3A, vex0F, vex0F38, vex0F3A, evex0F, evex0F38, evex0F3A
}
