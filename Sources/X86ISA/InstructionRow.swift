/// One row of the instruction table: the only place where an instruction is described.
///
/// Decoder, disassembler, dispatch, flag liveness and test skeletons are all made from it.
public struct InstructionRow: Sendable {
  /// Upper-case mnemonic in Intel's spelling, "ADD".
  public var mnemonic: String
  /// The encoding in the SDM's notation: "01 /r", "0F BA /4 ib", "NP 0F 58 /r", "VEX.256.66.0F38.W0 16 /r",
  /// "EVEX.512.F2.0F.W1 58 /r", "D9 C0+i".
  public var encoding: String
  /// Operands in the notation of SDM volume 2, appendix A ("Ev,Gv", "Vps,Wps", "eAX,Iz").
  public var operands: String
  public var attributes: Attributes
  /// Status flags (OF SF ZF AF PF CF, and DF IF where they matter) as sets.
  public var flags: FlagEffect
  /// The CPUID feature that must be offered, nil for the base instruction set.
  public var feature: CPUFeature?

  @frozen public struct Attributes: OptionSet, Sendable {
    public var rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// LOCK is accepted when the destination is memory.
    @inlinable public static var lockable: Attributes { Attributes(rawValue: 1) }
    /// Not encodable in 64-bit mode (#UD).
    @inlinable public static var invalidIn64: Attributes { Attributes(rawValue: 2) }
    /// Only in 64-bit mode.
    @inlinable public static var only64: Attributes { Attributes(rawValue: 4) }
    /// Operand size defaults to 64 in 64-bit mode (near branches, stack operations).
    @inlinable public static var default64: Attributes { Attributes(rawValue: 8) }
    /// Operand size is forced to 64 in 64-bit mode whatever the prefixes (near branches on Intel, MOV CR/DR).
    @inlinable public static var force64: Attributes { Attributes(rawValue: 16) }
    /// Ends a straight-line run: control transfer, or changes what later decoding depends on.
    @inlinable public static var endsBlock: Attributes { Attributes(rawValue: 32) }
    /// The host executes it through a native thunk (x87, MMX, SSE, AVX and the like).
    @inlinable public static var thunk: Attributes { Attributes(rawValue: 64) }
    /// Uses x87/MMX state; SSE state; AVX state; AVX-512 state (availability checks: CR0, CR4, XCR0).
    @inlinable public static var x87: Attributes { Attributes(rawValue: 128) }
    @inlinable public static var mmx: Attributes { Attributes(rawValue: 256) }
    @inlinable public static var sse: Attributes { Attributes(rawValue: 512) }
    @inlinable public static var avx: Attributes { Attributes(rawValue: 1024) }
    @inlinable public static var avx512: Attributes { Attributes(rawValue: 2048) }
    /// CPL 0 only.
    @inlinable public static var privileged: Attributes { Attributes(rawValue: 4096) }
    /// Not recognised in real and virtual-8086 mode (#UD).
    @inlinable public static var protectedOnly: Attributes { Attributes(rawValue: 8192) }
    /// Memory operand must be aligned to its size (#GP): MOVAPS and the legacy-SSE rule.
    @inlinable public static var aligned: Attributes { Attributes(rawValue: 16384) }
    /// May raise SIMD or x87 floating-point exceptions (reads MXCSR or the x87 control word).
    @inlinable public static var floatingPoint: Attributes { Attributes(rawValue: 32768) }
    /// Memory operand is written / read (thunk rows: direction of the memory operand).
    @inlinable public static var memoryWrite: Attributes { Attributes(rawValue: 65536) }
    @inlinable public static var memoryRead: Attributes { Attributes(rawValue: 131_072) }
    /// VSIB memory operand (gather, scatter).
    @inlinable public static var vsib: Attributes { Attributes(rawValue: 262_144) }
    /// REP/REPE/REPNE repeat it (string instructions).
    @inlinable public static var repeatable: Attributes { Attributes(rawValue: 524_288) }
  }
}

/// Which status flags an instruction reads, writes with a defined value, and leaves undefined; bits as in RFLAGS.
public struct FlagEffect: Sendable, Equatable {
  public static let cf: UInt16 = 0x001
  public static let pf: UInt16 = 0x004
  public static let af: UInt16 = 0x010
  public static let zf: UInt16 = 0x040
  public static let sf: UInt16 = 0x080
  public static let of: UInt16 = 0x800
  public static let all: UInt16 = 0x8d5
  public var reads: UInt16
  public var writes: UInt16
  public var undefined: UInt16
  public init(reads: UInt16 = 0, writes: UInt16 = 0, undefined: UInt16 = 0) {
    self.reads = reads
    self.writes = writes
    self.undefined = undefined
  }
}
