import X86ISA

/// One comparison: a state, a few instructions, and what of the outcome is not defined.
struct OracleCase {
  var input = ProcessorImage()
  var code: [UInt8] = []
  var patches: [MemoryPatch] = []
  var rows: [UInt16] = []
  /// Bits of RFLAGS that the instructions leave undefined.
  var undefinedFlags: UInt64 = 0
  /// The same for a run that a fault ends.
  var undefinedOnFault: UInt64 = 0
  /// Linear addresses whose contents depend on what the x87 unit keeps of its last instruction.
  var ignoredMemory: [Range<UInt64>] = []
  /// Wide and masked operands: which byte of its page a page fault reports is the processor's choice.
  var faultsByPage = false
  /// Microcoded moves of whole states touch their area in an order of their own.
  var ignoresFaultAddress = false
  /// CMPS: which of its two operands is read first is the processor's choice (Zen 4: ES:rDI, Zen 5: the other).
  var readsStringsInAnyOrder = false
  /// AMD leaves the MMX state entered when MASKMOVQ faults.
  var x87UncertainOnFault = false
  /// Words of the vector registers that a fault leaves old or cleared, as the processor likes.
  var uncertainOnFault: Range<Int> = 0..<0
  /// Branches, calls or returns, executed and not stepped over.
  var isProgram = false
  var codeSize: CodeSize { CodeSize(rawValue: UInt8(input.mode & 3)) ?? .bits64 }
  var isSingleStep: Bool { input.mode & ProcessorImage.singleStep != 0 }
  /// RIP behind the last instruction.
  var endRIP: UInt64 { input.rip &+ UInt64(code.count) }
}

/// What an executor made of a case.
struct Outcome {
  var image = ProcessorImage()
  /// Exception vector; nil when every instruction completed.
  var vector: UInt8?
  var errorCode: UInt32 = 0
  /// CR2 of a page fault.
  var faultAddress: UInt64 = 0
  /// The engine gave up on a long loop: there is nothing to compare.
  var isUnfinished = false
}
