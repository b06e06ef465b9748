// Packed forms of a row, made by isa-gen from its text: what the decoder compares, and how it reads the rest.

/// What must hold for a row to match an instruction's bytes.
public struct RowMatch: Sendable {
  /// reg 0...3 (8 any), rm 4...7 (8 any), mod 8...9 (1 memory, 2 register), mod ignored 10, ModRM present 11,
  /// prefix 12...14, W 15...16, length 17...19, operand size 20...21, no REX.B 22, mode 23...24.
  public var rawValue: UInt32

  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let any: UInt32 = 8
  public static let modMemory: UInt32 = 1
  public static let modRegister: UInt32 = 2

  /// Mandatory prefixes: any; none of 66 F3 F2; exactly that one; neither F3 nor F2.
  public static let prefixAny: UInt32 = 0
  public static let prefixNone: UInt32 = 1
  public static let prefix66: UInt32 = 2
  public static let prefixF3: UInt32 = 3
  public static let prefixF2: UInt32 = 4
  public static let prefixNoRepeat: UInt32 = 5

  public static let lengthAny: UInt32 = 0
  public static let length128: UInt32 = 1
  public static let length256: UInt32 = 2
  public static let length512: UInt32 = 3
  public static let lengthIgnored: UInt32 = 4
  public static let length256Or512: UInt32 = 5

  public static let modeNot64: UInt32 = 1
  public static let modeOnly64: UInt32 = 2

  @inlinable func field(_ low: UInt32, _ bits: UInt32) -> UInt32 { rawValue >> low & (1 << bits &- 1) }
  public var reg: UInt32 { field(0, 4) }
  public var rm: UInt32 { field(4, 4) }
  public var mod: UInt32 { field(8, 2) }
  public var ignoresMod: Bool { field(10, 1) != 0 }
  public var hasModRM: Bool { field(11, 1) != 0 }
  public var prefix: UInt32 { field(12, 3) }
  /// 0 any, 1 W0, 2 W1.
  public var w: UInt32 { field(15, 2) }
  public var length: UInt32 { field(17, 3) }
  /// 0 any, else log2 of the operand size it needs.
  public var operandSize: UInt32 { field(20, 2) }
  public var needsNoREXB: Bool { field(22, 1) != 0 }
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
  public static let sizeByte: UInt64 = 1
  public static let sizeZ: UInt64 = 2
  public static let sizeY: UInt64 = 3
  public static let sizeNone: UInt64 = 4

  public enum Immediate: UInt8, Sendable {
    case none, byte, word, dword, z, v, branchByte, branchZ, memoryOffset, farPointer, register
  }

  public enum RegisterField: UInt8, Sendable {
    case none, general, generalByte, vector, mask, mmx, segment, control, debug
  }

  public static let roundingControl: UInt64 = 1
  public static let suppressExceptions: UInt64 = 2
  public static let maskMerge: UInt64 = 1
  public static let maskMergeOrZero: UInt64 = 2

  func field(_ low: UInt64, _ bits: UInt64) -> UInt64 { rawValue >> low & (1 << bits &- 1) }
  public var sizeClass: UInt64 { field(0, 3) }
  public var immediate: Immediate { Immediate(rawValue: UInt8(field(3, 4))) ?? .none }
  public var hasSecondImmediate: Bool { field(7, 1) != 0 }
  public var regKind: RegisterField { RegisterField(rawValue: UInt8(field(8, 4))) ?? .none }
  public var rmKind: RegisterField { RegisterField(rawValue: UInt8(field(12, 4))) ?? .none }
  public var vvvvKind: RegisterField { RegisterField(rawValue: UInt8(field(16, 3))) ?? .none }
  public var hasOpcodeRegister: Bool { field(19, 1) != 0 }
  public var default64: Bool { field(20, 1) != 0 }
  public var force64: Bool { field(21, 1) != 0 }
  public var lockable: Bool { field(22, 1) != 0 }
  public var vsib: Bool { field(23, 1) != 0 }
  public var broadcastBytes: Int { field(24, 2) == 0 ? 0 : 1 << Int(field(24, 2)) }
  public var rounding: UInt64 { field(26, 2) }
  public var masking: UInt64 { field(28, 2) }
  public var maskRequired: Bool { field(30, 1) != 0 }
  public var stringMemory: Bool { field(31, 1) != 0 }
  public var memorySize: OperandSize { OperandSize(rawValue: UInt8(field(32, 5))) ?? .none }
  public var signExtendsImmediate: Bool { field(37, 1) != 0 }
  public var storesToRM: Bool { field(38, 1) != 0 }
}

/// The opcode maps the decoder indexes, 256 opcodes each.
public enum OpcodeMap: Int, Sendable, CaseIterable {
  case oneByte, twoByte, map38, map3A, vex0F, vex0F38, vex0F3A, evex0F, evex0F38, evex0F3A
}
