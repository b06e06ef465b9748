import CHost

/// Numbers of model-specific registers (SDM 4; AMD APM 2, appendix A).
enum MSR {
  static let tsc: UInt32 = 0x10
  static let platformID: UInt32 = 0x17
  static let apicBase: UInt32 = 0x1b
  static let featureControl: UInt32 = 0x3a
  static let tscAdjust: UInt32 = 0x3b
  static let specControl: UInt32 = 0x48
  static let predictionCommand: UInt32 = 0x49
  static let microcodeUpdate: UInt32 = 0x79
  static let microcodeVersion: UInt32 = 0x8b
  static let platformInfo: UInt32 = 0xce
  static let mtrrCap: UInt32 = 0xfe
  static let archCapabilities: UInt32 = 0x10a
  static let flushCommand: UInt32 = 0x10b
  static let sysenterCS: UInt32 = 0x174
  static let sysenterESP: UInt32 = 0x175
  static let sysenterEIP: UInt32 = 0x176
  static let mcgCap: UInt32 = 0x179
  static let mcgStatus: UInt32 = 0x17a
  static let mcgControl: UInt32 = 0x17b
  static let miscEnable: UInt32 = 0x1a0
  static let debugControl: UInt32 = 0x1d9
  static let mtrrVariable: UInt32 = 0x200
  static let mtrrDefaultType: UInt32 = 0x2ff
  static let pat: UInt32 = 0x277
  static let machineCheck: UInt32 = 0x400
  static let tscDeadline: UInt32 = 0x6e0
  static let xss: UInt32 = 0xda0
  static let efer: UInt32 = 0xc000_0080
  static let star: UInt32 = 0xc000_0081
  static let lstar: UInt32 = 0xc000_0082
  static let cstar: UInt32 = 0xc000_0083
  static let fmask: UInt32 = 0xc000_0084
  static let fsBase: UInt32 = 0xc000_0100
  static let gsBase: UInt32 = 0xc000_0101
  static let kernelGSBase: UInt32 = 0xc000_0102
  static let tscAux: UInt32 = 0xc000_0103
  static let hwcr: UInt32 = 0xc001_0015
  static let amdPatchLoader: UInt32 = 0xc001_0020
  static let nbConfig: UInt32 = 0xc001_001f
}

/// Registers that only hold what was written: where in `CPUState.plainMSRs`.
enum PlainMSR {
  /// The machine-check banks that IA32_MCG_CAP announces.
  static let bankCount: UInt32 = 8

  /// Slot of a register, nil when it is not a plain one.
  static func slot(_ msr: UInt32, isAMD: Bool) -> Int? {
    // MCi_CTL, STATUS, ADDR, MISC.
    if msr >= MSR.machineCheck, msr < MSR.machineCheck + 4 * bankCount { return Int(msr - MSR.machineCheck) }
    switch msr {
    case MSR.mcgControl: return 32
    case MSR.featureControl: return 33
    // Intel: power control, energy hints, thermal interrupt, offcore responses.
    case 0x1fc where !isAMD: return 34
    case 0x1b0 where !isAMD: return 35
    case 0x19b where !isAMD: return 36
    case 0x199 where !isAMD: return 37
    case 0x140 where !isAMD: return 38
    case 0xe2 where !isAMD: return 39
    // AMD: SYSCFG, HWCR, TOP_MEM, TOP_MEM2, NB_CFG; configuration of the load-store, cache and decode units.
    case 0xc001_0010 where isAMD: return 40
    case MSR.hwcr where isAMD: return 41
    case 0xc001_001a where isAMD: return 42
    case 0xc001_001d where isAMD: return 43
    case MSR.nbConfig where isAMD: return 44
    case 0xc001_1020...0xc001_102d where isAMD: return 45 + Int(msr - 0xc001_1020)
    // OS visible workarounds, P-state control.
    case 0xc001_0062 where isAMD: return 59
    case 0xc001_0114 where isAMD: return 60
    case 0xc001_0055 where isAMD: return 61
    default: return nil
    }
  }

  /// Registers that read as zero and ignore writes: performance monitoring and the like, which nothing counts.
  static func isQuiet(_ msr: UInt32, isAMD: Bool) -> Bool {
    if isAMD {
      switch msr {
      // K7 counters, core counters, IBS, P-state status and definitions, SMM base, patch loader, microcode.
      case 0xc001_0000...0xc001_0007, 0xc001_0200...0xc001_020b, 0xc001_1030...0xc001_103d: return true
      case 0xc001_0061...0xc001_006b, 0xc001_0111...0xc001_0113, 0xc001_0140...0xc001_0141: return true
      case 0xc001_0016...0xc001_0019, 0xc001_0056, 0xc001_0058, 0xc001_0020, 0xc001_0230...0xc001_023b: return true
      case 0xc000_0300...0xc000_0302, 0xc001_02b3, 0xc001_0074, 0xc000_00e7...0xc000_00e9: return true
      default: return false
      }
    }
    switch msr {
    // Performance counters and their control, fixed counters, PEBS, debug store.
    case 0xc1...0xc8, 0x186...0x18d, 0x309...0x30b, 0x345, 0x38d...0x391, 0x3f1, 0x600: return true
    // Thermal and performance status, RAPL, SMI count, uncore and last-branch records.
    case 0x198, 0x19c, 0x1a2, 0x1b1, 0x1c9, 0x34, 0x606, 0x610...0x611, 0x619, 0x639, 0x641, 0xe7...0xe8: return true
    case 0x1ad, 0x1db...0x1de, 0x1d7...0x1d8, 0x3f8...0x3fa, 0x3fc...0x3fe, 0x4c1...0x4c8: return true
    case 0x2a, 0x2c, 0xcd, 0x11e, 0x1a6...0x1a7, 0x1a4, 0x1aa, 0x1f2...0x1f3, 0x1f8: return true
    default: return false
    }
  }
}

// RDMSR and WRMSR. Reading or writing a register that does not exist is #GP(0), counted in `unknownMSRCount`.
extension Cpu {
  /// RDMSR of register `msr` (ECX).
  func rdmsr(_ msr: UInt32) throws(Fault) -> UInt64 {
    try requireCPL0()
    guard let value = readMSR(msr) else { throw unknownMSR(msr) }
    return value
  }

  /// WRMSR of register `msr` (ECX).
  func wrmsr(_ msr: UInt32, _ value: UInt64) throws(Fault) {
    try requireCPL0()
    guard try writeMSR(msr, value) else { throw unknownMSR(msr) }
  }

  private func unknownMSR(_ msr: UInt32) -> Fault {
    s.unknownMSRCount &+= 1
    s.unknownMSR = msr
    return .protection()
  }

  // MARK: Reading

  private func readMSR(_ msr: UInt32) -> UInt64? {
    let features = self.features
    switch msr {
    case MSR.tsc: return timeStamp()
    case MSR.apicBase: return s.apicBase
    case MSR.tscAdjust: return s.tscAdjust
    case MSR.specControl: return features.hasSpecControl ? s.specControl : nil
    case MSR.microcodeVersion:
      // The revision stands in the upper half on Intel processors, in the lower on AMD's.
      return features.isAMD ? 0x0800_0000 : 0x0100_0000 << 32
    case MSR.platformID, MSR.platformInfo: return features.isAMD ? nil : 0
    case MSR.archCapabilities:
      // No rogue data cache load, L1TF, SSB, MDS, page-size-change or TAA weakness: nothing here speculates.
      return features.hasArchCapabilities ? 0x179 : nil
    case MSR.sysenterCS: return s.sysenterCS
    case MSR.sysenterESP: return s.sysenterESP
    case MSR.sysenterEIP: return s.sysenterEIP
    case MSR.mcgCap: return UInt64(PlainMSR.bankCount) | 1 << 8
    case MSR.mcgStatus: return s.mcgStatus
    // No branch trace storage, no precise event sampling.
    case MSR.miscEnable: return features.isAMD ? nil : s.miscEnable | 0x1800
    case MSR.debugControl: return s.debugControl
    case MSR.pat: return s.pat
    case MSR.xss: return features.hasXSAVES ? s.xss : nil
    case MSR.tscDeadline where features.hasTSCDeadline: return platform.readAPIC(msr: msr, cpu: index)
    case 0x800...0x8ff where s.apicBase & 0xc00 == 0xc00: return platform.readAPIC(msr: msr, cpu: index)
    default: break
    }
    if let value = readExtendedMSR(msr) { return value }
    if let value = readMTRR(msr) { return value }
    if let slot = PlainMSR.slot(msr, isAMD: features.isAMD) { return s.plainMSRs[slot] }
    return PlainMSR.isQuiet(msr, isAMD: features.isAMD) ? 0 : nil
  }

  /// C000_0080 and up.
  private func readExtendedMSR(_ msr: UInt32) -> UInt64? {
    switch msr {
    case MSR.efer: s.efer
    case MSR.star: s.star
    case MSR.lstar: s.lstar
    case MSR.cstar: s.cstar
    case MSR.fmask: s.fmask
    case MSR.fsBase: s.segments[Seg.fs].base
    case MSR.gsBase: s.segments[Seg.gs].base
    case MSR.kernelGSBase: s.kernelGSBase
    case MSR.tscAux: features.hasRDTSCP ? s.tscAux : nil
    default: nil
    }
  }

  // MARK: Writing

  /// False when there is no such register; throws #GP(0) for a bad value.
  private func writeMSR(_ msr: UInt32, _ value: UInt64) throws(Fault) -> Bool {
    let features = self.features
    switch msr {
    case MSR.tsc: writeTSC(value)
    case MSR.tscAdjust:
      s.tscOffset &+= value &- s.tscAdjust
      s.tscAdjust = value
    case MSR.apicBase: try writeAPICBase(value)
    case MSR.specControl:
      guard features.hasSpecControl else { return false }
      guard value & ~0x7 == 0 else { throw .protection() }
      s.specControl = value
    case MSR.predictionCommand: guard features.hasSpecControl, value & ~1 == 0 else { throw .protection() }
    case MSR.flushCommand: guard value & ~1 == 0 else { throw .protection() }
    // Microcode updates are accepted and change nothing; so is the signature request.
    case MSR.microcodeUpdate, MSR.microcodeVersion, MSR.amdPatchLoader: break
    case MSR.sysenterCS: s.sysenterCS = value & 0xffff_ffff
    case MSR.sysenterESP:
      try checkCanonical(value)
      s.sysenterESP = value
    case MSR.sysenterEIP:
      try checkCanonical(value)
      s.sysenterEIP = value
    case MSR.mcgStatus: s.mcgStatus = value & 7
    case MSR.miscEnable:
      guard !features.isAMD else { return false }
      s.miscEnable = value
    case MSR.debugControl: s.debugControl = value & 0xffc3
    case MSR.pat: try writePAT(value)
    case MSR.xss:
      guard features.hasXSAVES else { return false }
      guard value == 0 else { throw .protection() }
      s.xss = value
    case MSR.tscDeadline where features.hasTSCDeadline:
      guard platform.writeAPIC(msr: msr, value: value, cpu: index) else { throw .protection() }
    case 0x800...0x8ff where s.apicBase & 0xc00 == 0xc00:
      guard platform.writeAPIC(msr: msr, value: value, cpu: index) else { throw .protection() }
    default: return try writeOtherMSR(msr, value)
    }
    return true
  }

  private func writeOtherMSR(_ msr: UInt32, _ value: UInt64) throws(Fault) -> Bool {
    if try writeExtendedMSR(msr, value) { return true }
    if try writeMTRR(msr, value) { return true }
    if let slot = PlainMSR.slot(msr, isAMD: features.isAMD) {
      s.plainMSRs[slot] = value
      return true
    }
    return PlainMSR.isQuiet(msr, isAMD: features.isAMD)
  }

  private func writeExtendedMSR(_ msr: UInt32, _ value: UInt64) throws(Fault) -> Bool {
    switch msr {
    case MSR.efer: try writeEFER(value)
    case MSR.star: s.star = value
    case MSR.lstar:
      try checkCanonical(value)
      s.lstar = value
    case MSR.cstar:
      try checkCanonical(value)
      s.cstar = value
    case MSR.fmask:
      guard value >> 32 == 0 else { throw .protection() }
      s.fmask = value
    case MSR.fsBase, MSR.gsBase:
      try checkCanonical(value)
      let segment = msr == MSR.fsBase ? Seg.fs : Seg.gs
      s.segments[segment].base = value
      refreshFastSegment(segment)
    case MSR.kernelGSBase:
      try checkCanonical(value)
      s.kernelGSBase = value
    case MSR.tscAux:
      guard features.hasRDTSCP else { return false }
      guard value >> 32 == 0 else { throw .protection() }
      s.tscAux = value
    default: return false
    }
    return true
  }

  private func writeEFER(_ value: UInt64) throws(Fault) {
    let features = self.features
    var allowed: UInt64 = 0
    if features.hasSyscall { allowed |= EFER.sce }
    if features.hasLongMode { allowed |= EFER.lme | EFER.lma }
    if features.hasNX { allowed |= EFER.nxe }
    if features.hasFFXSR { allowed |= EFER.ffxsr }
    guard value & ~allowed == 0 else { throw .protection() }
    // LMA is the processor's: software may write it back but not change it.
    let new = value & ~EFER.lma | s.efer & EFER.lma
    let changed = new ^ s.efer
    if changed & EFER.lme != 0, s.cr0 & CR0.pg != 0 { throw .protection() }
    s.efer = new
    if changed & EFER.nxe != 0 { flushTranslations() }
  }

  /// Writing the counter counts as an adjustment (SDM 3B, 17.17.3).
  private func writeTSC(_ value: UInt64) {
    let change = value &- timeStamp()
    s.tscOffset &+= change
    s.tscAdjust &+= change
  }

  private func writeAPICBase(_ value: UInt64) throws(Fault) {
    let features = self.features
    let extended: UInt64 = 1 << 10
    let enabled: UInt64 = 1 << 11
    let reserved = features.reservedAddressBits | 0xfff << 52 | 0x2ff
    guard value & reserved == 0 else { throw .protection() }
    if value & extended != 0 {
      guard features.hasX2APIC, value & enabled != 0 else { throw .protection() }
      // x2APIC mode is entered from xAPIC mode only.
      if s.apicBase & enabled == 0 { throw .protection() }
    } else if s.apicBase & extended != 0, value & enabled != 0 {
      throw .protection()
    }
    guard platform.setAPICBase(value, cpu: index) else { throw .protection() }
    s.apicBase = value
  }

  private func writePAT(_ value: UInt64) throws(Fault) {
    for field in 0..<8 {
      let type = value >> UInt64(field &* 8) & 0xff
      guard type <= 7, type != 2, type != 3 else { throw .protection() }
    }
    s.pat = value
  }

  // MARK: MTRRs

  /// Index into `mtrrFixed` of a fixed-range register (64 KiB, 2 of 16 KiB, 8 of 4 KiB).
  private func fixedRange(_ msr: UInt32) -> Int? {
    switch msr {
    case 0x250: 0
    case 0x258: 1
    case 0x259: 2
    case 0x268...0x26f: Int(msr - 0x268) + 3
    default: nil
    }
  }

  private func readMTRR(_ msr: UInt32) -> UInt64? {
    switch msr {
    // Eight variable ranges, fixed ranges, write-combining.
    case MSR.mtrrCap: return 0x508
    case MSR.mtrrDefaultType: return s.mtrrDefType
    case MSR.mtrrVariable..<(MSR.mtrrVariable + 16): return s.mtrrVariable[Int(msr - MSR.mtrrVariable)]
    default: break
    }
    guard let index = fixedRange(msr) else { return nil }
    return s.mtrrFixed[index]
  }

  private func isMemoryType(_ type: UInt64) -> Bool { type <= 1 || (4...6).contains(type) }

  private func writeMTRR(_ msr: UInt32, _ value: UInt64) throws(Fault) -> Bool {
    let reserved = features.reservedAddressBits | 0xfff << 52
    switch msr {
    case MSR.mtrrDefaultType:
      guard value & ~0xcff == 0, isMemoryType(value & 0xff) else { throw .protection() }
      s.mtrrDefType = value
      return true
    case MSR.mtrrVariable..<(MSR.mtrrVariable + 16):
      let isMask = msr & 1 != 0
      guard value & reserved == 0 else { throw .protection() }
      guard isMask ? value & 0x7ff == 0 : value & 0xf00 == 0 && isMemoryType(value & 0xff) else { throw .protection() }
      s.mtrrVariable[Int(msr - MSR.mtrrVariable)] = value
      return true
    default: break
    }
    guard let index = fixedRange(msr) else { return false }
    for field in 0..<8 where !isMemoryType(value >> UInt64(field &* 8) & 0xff) { throw .protection() }
    s.mtrrFixed[index] = value
    return true
  }
}
