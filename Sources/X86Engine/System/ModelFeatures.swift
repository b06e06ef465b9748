/// What system instructions ask of the CPU model, as plain values: a page walk must not search a dictionary.
struct ModelFeatures: Sendable {
  /// MAXPHYADDR (CPUID 8000_0008, EAX bits 7:0).
  let physicalBits: UInt8
  /// Physical-address bits of a 64-bit paging entry that do not exist: MAXPHYADDR...51.
  let reservedAddressBits: UInt64
  let isAMD: Bool
  let hasLongMode: Bool
  let hasNX: Bool
  let hasSyscall: Bool
  let hasGigabytePages: Bool
  let hasRDTSCP: Bool
  let hasPSE36: Bool
  let hasMonitor: Bool
  let hasX2APIC: Bool
  let hasTSCDeadline: Bool
  let hasInvpcid: Bool
  let hasSysenter: Bool
  let hasXSAVES: Bool
  let hasSpecControl: Bool
  let hasArchCapabilities: Bool
  let hasFFXSR: Bool
  /// CR4 bits that may be set.
  let cr4: UInt64
  /// XCR0 bits that may be set (CPUID 0D, subleaf 0).
  let xcr0: UInt64
  /// Family, model and stepping (CPUID 1, EAX): EDX after reset.
  let signature: UInt32
  /// Family 3: no CPUID, and none of what came with the 486.
  let is386: Bool
  /// RFLAGS bits that software can change. AC and ID came with the 486.
  let flags: UInt64

  init(leaves: [UInt64: CPUModel.Leaf]) {
    func leaf(_ number: UInt64, _ subleaf: UInt64 = 0) -> CPUModel.Leaf {
      leaves[number << 32 | subleaf] ?? CPUModel.Leaf()
    }
    let basic = leaf(1)
    let structured = leaf(7)
    let extended = leaf(0x8000_0001)
    let widths = leaf(0x8000_0008)
    let bits = UInt8(truncatingIfNeeded: widths.eax)
    physicalBits = (32...52).contains(bits) ? bits : 46
    reservedAddressBits = (1 << 52 &- 1) & ~(1 << UInt64(physicalBits) &- 1)
    isAMD = leaf(0).ebx == 0x6874_7541
    hasLongMode = extended.edx >> 29 & 1 != 0
    hasNX = extended.edx >> 20 & 1 != 0
    hasSyscall = extended.edx >> 11 & 1 != 0
    hasGigabytePages = extended.edx >> 26 & 1 != 0
    hasRDTSCP = extended.edx >> 27 & 1 != 0
    hasFFXSR = extended.edx >> 25 & 1 != 0
    hasPSE36 = basic.edx >> 17 & 1 != 0
    hasMonitor = basic.ecx >> 3 & 1 != 0
    hasX2APIC = basic.ecx >> 21 & 1 != 0
    hasTSCDeadline = basic.ecx >> 24 & 1 != 0
    hasInvpcid = structured.ebx >> 10 & 1 != 0
    hasSysenter = basic.edx >> 11 & 1 != 0
    hasXSAVES = leaf(0xd, 1).eax >> 3 & 1 != 0
    hasSpecControl = structured.edx >> 26 & 3 != 0 || structured.edx >> 31 != 0 || widths.ebx & 0x0100_d000 != 0
    hasArchCapabilities = structured.edx >> 29 & 1 != 0
    cr4 = ModelFeatures.controlBits(basic: basic, structured: structured)
    let areas = leaf(0xd)
    xcr0 = UInt64(areas.edx) << 32 | UInt64(areas.eax) | 1
    signature = basic.eax
    is386 = basic.eax >> 8 & 0xf == 3
    flags = is386 ? RFLAGS.defined & ~(RFLAGS.ac | RFLAGS.id) : RFLAGS.defined
  }

  /// The CR4 bits that CPUID promises (SDM 3A, 2.5).
  private static func controlBits(basic: CPUModel.Leaf, structured: CPUModel.Leaf) -> UInt64 {
    var allowed = CR4.tsd | CR4.pce
    func offer(_ bits: UInt64, if word: UInt32, bit: UInt32) {
      if word >> bit & 1 != 0 { allowed |= bits }
    }
    offer(CR4.vme | CR4.pvi, if: basic.edx, bit: 1)
    offer(CR4.de, if: basic.edx, bit: 2)
    offer(CR4.pse, if: basic.edx, bit: 3)
    offer(CR4.pae, if: basic.edx, bit: 6)
    offer(CR4.mce, if: basic.edx, bit: 7)
    offer(CR4.pge, if: basic.edx, bit: 13)
    offer(CR4.osfxsr, if: basic.edx, bit: 24)
    offer(CR4.osxmmexcpt, if: basic.edx, bit: 25)
    offer(CR4.pcide, if: basic.ecx, bit: 17)
    offer(CR4.osxsave, if: basic.ecx, bit: 26)
    offer(CR4.fsgsbase, if: structured.ebx, bit: 0)
    offer(CR4.smep, if: structured.ebx, bit: 7)
    offer(CR4.smap, if: structured.ebx, bit: 20)
    offer(CR4.umip, if: structured.ecx, bit: 2)
    offer(CR4.pke, if: structured.ecx, bit: 3)
    offer(CR4.la57, if: structured.ecx, bit: 16)
    return allowed
  }
}
