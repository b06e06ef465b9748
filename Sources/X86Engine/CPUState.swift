import GuestMemory

/// A segment register with its hidden part (SDM 3A, 3.4.3).
@frozen public struct SegmentRegister: Sendable, Equatable {
  public var base: UInt64 = 0
  /// Byte-granular limit, after G is applied.
  public var limit: UInt32 = 0
  /// Descriptor bits 40...47 and 52...55 as bits 0...7 and 12...15: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14, G 15.
  public var attributes: UInt16 = 0
  public var selector: UInt16 = 0
  /// Fast path, derived by `refreshFastSegments`: what to add to an offset, and one more than the highest offset
  /// that a plain read or write may touch (0: always take the slow path).
  public var fastBase: UInt64 = 0
  public var readEnd: UInt64 = 0
  public var writeEnd: UInt64 = 0

  public init() {}
  public var type: UInt8 { UInt8(attributes & 0xf) }
  /// S: code or data, not system.
  public var isCodeOrData: Bool { attributes & 0x10 != 0 }
  public var dpl: UInt8 { UInt8(attributes >> 5 & 3) }
  public var isPresent: Bool { attributes & 0x80 != 0 }
  public var isLong: Bool { attributes & 0x2000 != 0 }
  /// D/B.
  public var isBig: Bool { attributes & 0x4000 != 0 }
  /// Null selector loaded (or never loaded): any use faults.
  public var isNull: Bool { attributes & 0x80 == 0 }
}

/// Indexes into `CPUState.segments`.
public enum Seg {
  public static let es = 0
  public static let cs = 1
  public static let ss = 2
  public static let ds = 3
  public static let fs = 4
  public static let gs = 5
  public static let ldtr = 6
  public static let tr = 7
}

/// GDTR or IDTR.
@frozen public struct DescriptorTable: Sendable, Equatable {
  public var base: UInt64 = 0
  public var limit: UInt16 = 0
  public init() {}
}

/// All architectural state of one vCPU in one block of plain data, with fixed offsets.
///
/// Owned by the vCPU's thread while it runs; other threads touch `events` only, by atomics. Whenever an executor
/// returns, everything is here.
public struct CPUState {
  /// 0...15 the general registers, 32 always zero, 33 RIP (see `Instruction`). 16...31 reserved.
  public var regs = InlineArray<34, UInt64>(repeating: 0)
  /// Status flags, lazily (see `Cpu` in Flags.swift).
  public var flagsResult: UInt64 = 1
  public var flagsAux: UInt64 = 0
  /// The other bits of RFLAGS (status flags zero here, bit 1 set).
  public var systemFlags: UInt64 = 2
  /// Requests to this vCPU, `CPUEvent` bits; written by any thread with atomics.
  public var events: UInt32 = 0
  public var cpl: UInt8 = 0
  /// `CodeSize.rawValue` of the current code segment.
  public var codeSize: UInt8 = 0
  /// `CPUMode.rawValue`.
  public var mode: UInt8 = 0
  /// Bits of a linear address that exist in the current mode (32 outside 64-bit mode); kept by `refreshMode`.
  public var linearMask: UInt64 = 0xffff_ffff
  /// 0 = none; interrupts inhibited for one instruction after STI (1) or MOV/POP SS (2, debug traps too).
  public var interruptShadow: UInt8 = 0
  /// Which translation cache data accesses use now: 0 user, 1 supervisor, 2 supervisor with SMAP in force.
  public var dataTLB: UInt32 = 1
  public var segments = InlineArray<8, SegmentRegister>(repeating: SegmentRegister())
  public var gdtr = DescriptorTable()
  public var idtr = DescriptorTable()

  public var cr0: UInt64 = 0
  public var cr2: UInt64 = 0
  public var cr3: UInt64 = 0
  public var cr4: UInt64 = 0
  public var efer: UInt64 = 0
  public var xcr0: UInt64 = 1
  public var pkru: UInt32 = 0
  public var dr = InlineArray<8, UInt64>(repeating: 0)
  /// Physical-address bits that exist (A20 gate and MAXPHYADDR applied).
  public var physicalMask: UInt64 = ~0

  // Model-specific registers with a place of their own.
  public var apicBase: UInt64 = 0
  public var star: UInt64 = 0
  public var lstar: UInt64 = 0
  public var cstar: UInt64 = 0
  public var fmask: UInt64 = 0
  public var kernelGSBase: UInt64 = 0
  public var sysenterCS: UInt64 = 0
  public var sysenterESP: UInt64 = 0
  public var sysenterEIP: UInt64 = 0
  public var pat: UInt64 = 0x0007_0406_0007_0406
  public var tscAux: UInt64 = 0
  /// Added to the host's TSC.
  public var tscOffset: UInt64 = 0
  public var miscEnable: UInt64 = 1
  public var mtrrDefType: UInt64 = 0
  public var mtrrFixed = InlineArray<11, UInt64>(repeating: 0)
  public var mtrrVariable = InlineArray<16, UInt64>(repeating: 0)
  public var xss: UInt64 = 0
  public var debugControl: UInt64 = 0
  public var mcgStatus: UInt64 = 0
  public var specControl: UInt64 = 0
  /// The four page-directory-pointer entries that PAE paging loads with CR3 (SDM 3A, 4.4.1).
  public var pdpte = InlineArray<4, UInt64>(repeating: 0)
  /// IA32_TSC_ADJUST: sum of all software changes of the TSC.
  public var tscAdjust: UInt64 = 0
  /// Model-specific registers that only hold what was written to them (`PlainMSR`).
  public var plainMSRs = InlineArray<64, UInt64>(repeating: 0)
  /// RDMSR and WRMSR of registers that do not exist, and the last such register.
  public var unknownMSRCount: UInt64 = 0
  public var unknownMSR: UInt32 = 0
  /// Large pages since the last flush, for the lower and the upper half of the linear space: all of them
  /// lie where `linear & largePageMask == largePageBase`; INVLPG there must flush more than one page.
  public var largePageBase = InlineArray<2, UInt64>(repeating: ~0)
  public var largePageMask = InlineArray<2, UInt64>(repeating: ~0)

  // SIMD state. x87/MMX registers live in `x87` (FXSAVE image, first 160 bytes) unless `x87Live`, when the host's
  // x87 unit holds them for this thread.
  public var mxcsr: UInt32 = 0x1f80
  public var x87Live: Bool = false
  public var vectors = InlineArray<256, UInt64>(repeating: 0)
  public var opmasks = InlineArray<8, UInt64>(repeating: 0)
  public var x87 = InlineArray<64, UInt64>(repeating: 0)

  /// Status flags on their way into and out of a native thunk.
  var thunkFlags: UInt64 = 0
  /// What MXCSR is outside thunks.
  var hostMXCSR: UInt32 = 0x1f80

  /// Instructions retired.
  public var instructionCount: UInt64 = 0
  /// Set by the instruction that is being executed: #DB conditions (DR6 bits) to raise when it completes.
  public var pendingDebug: UInt64 = 0
  /// RIP at the start of the instruction being executed: where a fault points.
  public var instructionStart: UInt64 = 0
  /// Why the last handler that returned true could not finish.
  public var fault = Fault(0)
  /// Code pages changed under our feet: leave the running block after this instruction.
  public var codeChanged: Bool = false
  /// MONITOR's armed physical line, ~0 when none.
  public var monitorAddress: UInt64 = ~0
  public var activity: UInt8 = 0

  public init() {}
}

/// Bits of `CPUState.events`.
public enum CPUEvent {
  /// An interrupt controller has something to deliver (maskable).
  public static let interrupt: UInt32 = 1
  public static let nmi: UInt32 = 2
  public static let initSignal: UInt32 = 4
  public static let startup: UInt32 = 8
  /// Leave the run loop: pause, stop, reset.
  public static let stop: UInt32 = 16
  /// Other threads changed the memory layout or A20: flush translation caches.
  public static let flushTLB: UInt32 = 32
  /// NMIs blocked until IRET (kept here so that one test covers it; not an event).
  public static let nmiBlocked: UInt32 = 1 << 31
}

/// `CPUState.activity`.
public enum Activity {
  public static let running: UInt8 = 0
  public static let halted: UInt8 = 1
  /// After INIT (application processors at power-on): only SIPI, NMI held.
  public static let waitForStartup: UInt8 = 2
  /// Triple fault: only a reset helps.
  public static let shutdown: UInt8 = 3
}

/// How the current code is interpreted.
public enum CPUMode: UInt8, Sendable {
  case real = 0
  case virtual8086 = 1
  /// 16- or 32-bit protected mode outside IA-32e mode.
  case protected = 2
  /// IA-32e mode, CS.L = 0.
  case compatibility = 3
  case long = 4
}

/// Bits of CR0 (SDM 3A, 2.5).
public enum CR0 {
  /// Protection enable.
  public static let pe: UInt64 = 1
  /// Monitor coprocessor: WAIT looks at TS.
  public static let mp: UInt64 = 2
  /// Emulation: no x87 unit.
  public static let em: UInt64 = 4
  /// Task switched: the next use of x87 or vectors raises #NM.
  public static let ts: UInt64 = 8
  /// Extension type; always 1.
  public static let et: UInt64 = 16
  /// Numeric errors as #MF, not through the interrupt controller.
  public static let ne: UInt64 = 32
  /// Write protect: read-only pages bind supervisors as well.
  public static let wp: UInt64 = 1 << 16
  /// Alignment mask: RFLAGS.AC counts.
  public static let am: UInt64 = 1 << 18
  /// Not write-through.
  public static let nw: UInt64 = 1 << 29
  /// Cache disable.
  public static let cd: UInt64 = 1 << 30
  /// Paging.
  public static let pg: UInt64 = 1 << 31
}

/// Bits of CR4 (SDM 3A, 2.5).
public enum CR4 {
  /// Virtual-8086 mode extensions.
  public static let vme: UInt64 = 1
  /// Protected-mode virtual interrupts.
  public static let pvi: UInt64 = 2
  /// Time-stamp counter for CPL 0 only.
  public static let tsd: UInt64 = 4
  /// Debugging extensions: I/O breakpoints, no DR4 and DR5.
  public static let de: UInt64 = 8
  /// Page size extensions: 4 MiB pages.
  public static let pse: UInt64 = 16
  /// Physical address extension.
  public static let pae: UInt64 = 32
  /// Machine-check exceptions.
  public static let mce: UInt64 = 64
  /// Global pages.
  public static let pge: UInt64 = 128
  /// RDPMC at any CPL.
  public static let pce: UInt64 = 256
  /// The system saves SSE state: SSE is usable.
  public static let osfxsr: UInt64 = 512
  /// The system handles #XM.
  public static let osxmmexcpt: UInt64 = 1024
  /// User-mode instruction prevention: no SGDT, SIDT, SLDT, SMSW, STR above CPL 0.
  public static let umip: UInt64 = 1 << 11
  /// Five-level paging.
  public static let la57: UInt64 = 1 << 12
  /// VMX; never offered.
  public static let vmxe: UInt64 = 1 << 13
  /// RDFSBASE and its like at any CPL.
  public static let fsgsbase: UInt64 = 1 << 16
  /// Process-context identifiers.
  public static let pcide: UInt64 = 1 << 17
  /// XSAVE and XCR0 are usable.
  public static let osxsave: UInt64 = 1 << 18
  /// Supervisors may not execute user pages.
  public static let smep: UInt64 = 1 << 20
  /// Supervisors may not access user pages, unless RFLAGS.AC is set.
  public static let smap: UInt64 = 1 << 21
  /// Protection keys for user pages.
  public static let pke: UInt64 = 1 << 22
}

/// Bits of IA32_EFER (SDM 3A, 2.2.1; APM 2, 3.1.7).
public enum EFER {
  /// SYSCALL and SYSRET.
  public static let sce: UInt64 = 1
  /// Long mode enable: active with paging.
  public static let lme: UInt64 = 1 << 8
  /// Long mode active; follows LME and CR0.PG.
  public static let lma: UInt64 = 1 << 10
  /// No-execute pages.
  public static let nxe: UInt64 = 1 << 11
  /// Fast FXSAVE: without the vector registers at CPL 0 in 64-bit mode.
  public static let ffxsr: UInt64 = 1 << 14
}

/// Bits of RFLAGS (SDM 1, 3.4.3).
public enum RFLAGS {
  /// Carry.
  public static let cf: UInt64 = 1
  /// Parity of the low byte.
  public static let pf: UInt64 = 4
  /// Carry out of bit 3.
  public static let af: UInt64 = 16
  /// Zero.
  public static let zf: UInt64 = 64
  /// Sign.
  public static let sf: UInt64 = 128
  /// Trap: a debug exception after each instruction.
  public static let tf: UInt64 = 256
  /// Interrupts enabled.
  public static let `if`: UInt64 = 512
  /// Direction: strings run downwards.
  public static let df: UInt64 = 1024
  /// Overflow.
  public static let of: UInt64 = 2048
  /// I/O privilege level, two bits.
  public static let iopl: UInt64 = 3 << 12
  /// Nested task: IRET returns through the back link.
  public static let nt: UInt64 = 1 << 14
  /// Resume: instruction breakpoints wait one instruction.
  public static let rf: UInt64 = 1 << 16
  /// Virtual-8086 mode.
  public static let vm: UInt64 = 1 << 17
  /// Alignment check; access control under SMAP.
  public static let ac: UInt64 = 1 << 18
  /// Virtual interrupt flag.
  public static let vif: UInt64 = 1 << 19
  /// Virtual interrupt pending.
  public static let vip: UInt64 = 1 << 20
  /// CPUID exists.
  public static let id: UInt64 = 1 << 21
  /// CF PF AF ZF SF OF.
  public static let status: UInt64 = 0x8d5
  /// Every bit that exists.
  public static let defined: UInt64 = 0x3f_7fd7
}
