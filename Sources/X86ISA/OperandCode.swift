/// One operand of a row, decoded from its appendix-A code: what names it, how large it is, how it is accessed.
///
/// Codes beyond the appendix: `Z` = register in the opcode's low bits; `B` = general register in VEX.vvvv; `K`, `KU`,
/// `KW`, `KH` = opmask in ModRM.reg, in rm, in rm or memory, in vvvv; `sI` = sign-extended immediate; `Rv/Mw` = a
/// register of one size or memory of another. Size letters beyond it: `hx fx ex` = half, fourth, eighth of the vector, `dup` =
/// MOVDDUP's 8 bytes at 128 bits and the whole vector else, `y` = 4 or 8 bytes, `Ez` = 2 or 4 bytes.
/// A suffix `/b4` or `/b8` gives the EVEX broadcast element's bytes, `/n1` to `/n8` the unit of a compressed
/// displacement where that is not the operand's size, `{k}` and `{kz}` the kinds of masking allowed.
public struct OperandCode: Sendable, Hashable {
  /// kind 0...5, size 6...10, memory size 11...15, access 16...17, broadcast (log2, 0 none) 18...19.
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public init(
    kind: OperandKind, size: OperandSize, memorySize: OperandSize? = nil, access: OperandAccess = .read,
    broadcastBytes: Int = 0
  ) {
    let broadcast: UInt32 = broadcastBytes == 0 ? 0 : UInt32(broadcastBytes.trailingZeroBitCount)
    rawValue =
      UInt32(kind.rawValue) | UInt32(size.rawValue) << 6 | UInt32((memorySize ?? size).rawValue) << 11
      | UInt32(access.rawValue) << 16 | broadcast << 18
  }

  public var kind: OperandKind { OperandKind(rawValue: UInt8(rawValue & 63)) ?? .none }
  /// Size of a register, immediate or string operand.
  public var size: OperandSize { OperandSize(rawValue: UInt8(rawValue >> 6 & 31)) ?? .none }
  /// Size of the operand when it is in memory.
  public var memorySize: OperandSize { OperandSize(rawValue: UInt8(rawValue >> 11 & 31)) ?? .none }
  public var access: OperandAccess { OperandAccess(rawValue: UInt8(rawValue >> 16 & 3)) }
  /// Element size of an embedded broadcast in bytes, 0 when the row allows none.
  public var broadcastBytes: Int { rawValue >> 18 & 3 == 0 ? 0 : 1 << Int(rawValue >> 18 & 3) }
}

/// What an operand code names.
public enum OperandKind: UInt8, Sendable, CaseIterable {
  case none
  // General registers: by ModRM.reg; by rm, register only; by rm, register or memory; by vvvv; in the opcode.
  case gprReg, gprRM, gprOrMemory, gprVvvv, gprOpcode
  case segmentRegister, controlRegister, debugRegister
  // MMX registers: by reg, rm, rm or memory.
  case mmxReg, mmxRM, mmxOrMemory
  // XMM, YMM, ZMM registers: by reg, rm, rm or memory, vvvv, immediate bits 7:4.
  case vectorReg, vectorRM, vectorOrMemory, vectorVvvv, vectorImmediate
  // Opmask registers: by reg, rm, rm or memory, vvvv.
  case maskReg, maskRM, maskOrMemory, maskVvvv
  /// ModRM memory operand.
  case memory
  /// Memory operand with a vector index.
  case memoryVSIB
  /// moffs: an absolute offset in the instruction.
  case memoryOffset
  /// DS:rSI (overridable) and ES:rDI.
  case stringSource, stringDestination
  case immediate, signedImmediate, relative, farPointer
  /// AL, AX, EAX, RAX by size.
  case accumulator
  case countCL, portDX, one
  /// A segment register named by the opcode; `size` holds its number (see `OperandSize.rawValue`).
  case fixedSegment
  case st0, sti, xmm0
}

/// How large an operand is; some sizes depend on the instruction's operand size or vector length.
public enum OperandSize: UInt8, Sendable, CaseIterable {
  case none, b, w, d, q, dq, qq, oq
  /// 2, 4, 8; 2, 4; 4, 8 bytes by operand size.
  case v, z, y
  /// The vector length; a half, a fourth, an eighth of it; MOVDDUP's.
  case x, hx, fx, ex, dup
  /// Far pointer in memory; descriptor-table pointer; BOUND's pair.
  case p, s, a
  /// x87: 10 bytes; 14 or 28; 94 or 108. FXSAVE: 512.
  case t, environment, state, fxsave

  /// Bytes for an instruction of that operand size and vector length (16, 32 or 64 bytes).
  public func bytes(operandSize: Int, vectorBytes: Int, long: Bool) -> Int {
    switch self {
    case .none: 0
    case .b: 1
    case .w: 2
    case .d: 4
    case .q: 8
    case .dq: 16
    case .qq: 32
    case .oq: 64
    case .v: operandSize
    case .z: operandSize == 2 ? 2 : 4
    case .y: operandSize == 8 ? 8 : 4
    case .x: vectorBytes
    case .hx: vectorBytes / 2
    case .fx: vectorBytes / 4
    case .ex: vectorBytes / 8
    case .dup: vectorBytes == 16 ? 8 : vectorBytes
    case .p: operandSize + 2
    case .s: long ? 10 : 6
    case .a: operandSize * 2
    case .t: 10
    case .environment: operandSize == 2 ? 14 : 28
    case .state: operandSize == 2 ? 94 : 108
    case .fxsave: 512
    }
  }
}

/// Whether an instruction reads an operand, writes it, or both.
public struct OperandAccess: OptionSet, Sendable, Hashable {
  public var rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let read = OperandAccess(rawValue: 1)
  public static let write = OperandAccess(rawValue: 2)
  public static let readWrite: OperandAccess = [.read, .write]
}

/// An operand of a decoded instruction.
public struct Operand: Sendable, Hashable {
  public enum Location: Sendable, Hashable {
    /// General register 0...15, or `Instruction.highByte` + 0...3.
    case general(UInt8)
    case segment(UInt8), control(UInt8), debug(UInt8)
    case mmx(UInt8), vector(UInt8), mask(UInt8), x87(UInt8)
    /// The instruction's memory operand (or its string operands: source, destination).
    case memory, stringSource, stringDestination
    case immediate(UInt64)
    /// Branch displacement from the next instruction.
    case relative(UInt64)
    case farPointer(selector: UInt16, offset: UInt64)
  }
  public var location: Location
  /// Bytes; for a broadcast memory operand the element's.
  public var size: Int
  public var access: OperandAccess
  public var isBroadcast: Bool
}
