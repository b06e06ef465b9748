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

  public struct Attributes: OptionSet, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// LOCK is accepted when the destination is memory.
    public static let lockable = Attributes(rawValue: 1)
    /// Not encodable in 64-bit mode (#UD).
    public static let invalidIn64 = Attributes(rawValue: 2)
    /// Only in 64-bit mode.
    public static let only64 = Attributes(rawValue: 4)
    /// Operand size defaults to 64 in 64-bit mode (near branches, stack operations).
    public static let default64 = Attributes(rawValue: 8)
    /// Operand size is forced to 64 in 64-bit mode whatever the prefixes (near branches on Intel, MOV CR/DR).
    public static let force64 = Attributes(rawValue: 16)
    /// Ends a straight-line run: control transfer, or changes what later decoding depends on.
    public static let endsBlock = Attributes(rawValue: 32)
    /// The host executes it through a native thunk (x87, MMX, SSE, AVX and the like).
    public static let thunk = Attributes(rawValue: 64)
    /// Uses x87/MMX state; SSE state; AVX state; AVX-512 state (availability checks: CR0, CR4, XCR0).
    public static let x87 = Attributes(rawValue: 128)
    public static let mmx = Attributes(rawValue: 256)
    public static let sse = Attributes(rawValue: 512)
    public static let avx = Attributes(rawValue: 1024)
    public static let avx512 = Attributes(rawValue: 2048)
    /// CPL 0 only.
    public static let privileged = Attributes(rawValue: 4096)
    /// Not recognised in real and virtual-8086 mode (#UD).
    public static let protectedOnly = Attributes(rawValue: 8192)
    /// Memory operand must be aligned to its size (#GP): MOVAPS and the legacy-SSE rule.
    public static let aligned = Attributes(rawValue: 16384)
    /// May raise SIMD or x87 floating-point exceptions (reads MXCSR or the x87 control word).
    public static let floatingPoint = Attributes(rawValue: 32768)
    /// Memory operand is written / read (thunk rows: direction of the memory operand).
    public static let memoryWrite = Attributes(rawValue: 65536)
    public static let memoryRead = Attributes(rawValue: 131_072)
    /// VSIB memory operand (gather, scatter).
    public static let vsib = Attributes(rawValue: 262_144)
    /// REP/REPE/REPNE repeat it (string instructions).
    public static let repeatable = Attributes(rawValue: 524_288)
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
