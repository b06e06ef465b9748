// SYSCALL, SYSENTER and their returns; SWAPGS; FS and GS bases (SDM 2B; AMD APM 3).
extension Cpu {
  /// Attributes of the flat segments that these instructions load without reading descriptors.
  private enum Flat {
    static let code64: UInt16 = 0xa09b
    static let code32: UInt16 = 0xc09b
    static let data: UInt16 = 0xc093
    static let user: UInt16 = 0x60
  }

  private func loadFlat(_ index: Int, _ selector: UInt16, _ attributes: UInt16) {
    s.segments[index].selector = selector
    s.segments[index].base = 0
    s.segments[index].limit = 0xffff_ffff
    s.segments[index].attributes = attributes
  }

  /// SYSCALL. Outside 64-bit mode only AMD processors have it.
  func syscall() throws(Fault) {
    let is64 = s.mode == CPUMode.long.rawValue
    guard features.hasSyscall, s.efer & EFER.sce != 0, is64 || features.isAMD, s.mode > CPUMode.virtual8086.rawValue
    else { throw .invalidOpcode }
    let selector = UInt16(truncatingIfNeeded: s.star >> 32) & 0xfffc
    let flags = rflags
    if isIA32e {
      self[reg: 1] = rip
      self[reg: 11] = flags & ~RFLAGS.rf
      rip = is64 ? s.lstar : s.cstar
      setRFLAGS(flags & ~(s.fmask | RFLAGS.rf | RFLAGS.vm) | 2)
      loadFlat(Seg.cs, selector, Flat.code64)
    } else {
      self[reg32: 1] = UInt32(truncatingIfNeeded: rip)
      rip = s.star & 0xffff_ffff
      setRFLAGS(flags & ~(RFLAGS.if | RFLAGS.rf | RFLAGS.vm))
      loadFlat(Seg.cs, selector, Flat.code32)
    }
    loadFlat(Seg.ss, selector &+ 8, Flat.data)
    s.cpl = 0
    refreshMode()
  }

  /// SYSRET; `operandSize` 8 goes to 64-bit code, 4 to compatibility mode.
  func sysret(operandSize: Int) throws(Fault) {
    let is64 = s.mode == CPUMode.long.rawValue
    guard features.hasSyscall, s.efer & EFER.sce != 0, is64 || features.isAMD, s.mode > CPUMode.virtual8086.rawValue
    else { throw .invalidOpcode }
    guard s.cpl == 0 else { throw .protection() }
    let base = UInt16(truncatingIfNeeded: s.star >> 48)
    if operandSize == 8 {
      guard isCanonical(self[reg: 1]) else { throw .protection() }
      rip = self[reg: 1]
      loadFlat(Seg.cs, (base &+ 16) | 3, Flat.code64 | Flat.user)
    } else {
      rip = UInt64(self[reg32: 1])
      loadFlat(Seg.cs, base | 3, Flat.code32 | Flat.user)
    }
    loadFlat(Seg.ss, (base &+ 8) | 3, Flat.data | Flat.user)
    if isIA32e {
      setRFLAGS(self[reg: 11] & 0x3c_7fd7 | 2)
    } else {
      setRFLAGS(rflags | RFLAGS.if)
    }
    s.cpl = 3
    refreshMode()
  }

  /// SYSENTER. AMD processors do not have it in IA-32e mode.
  func sysenter() throws(Fault) {
    guard features.hasSysenter, !(features.isAMD && isIA32e) else { throw .invalidOpcode }
    guard s.cr0 & CR0.pe != 0, s.sysenterCS & 0xfffc != 0 else { throw .protection() }
    setRFLAGS(rflags & ~(RFLAGS.vm | RFLAGS.if | RFLAGS.rf))
    let selector = UInt16(truncatingIfNeeded: s.sysenterCS) & 0xfffc
    loadFlat(Seg.cs, selector, isIA32e ? Flat.code64 : Flat.code32)
    loadFlat(Seg.ss, selector &+ 8, Flat.data)
    rsp = isIA32e ? s.sysenterESP : s.sysenterESP & 0xffff_ffff
    rip = isIA32e ? s.sysenterEIP : s.sysenterEIP & 0xffff_ffff
    s.cpl = 0
    refreshMode()
  }

  /// SYSEXIT; `operandSize` 8 returns to 64-bit code.
  func sysexit(operandSize: Int) throws(Fault) {
    guard features.hasSysenter, !(features.isAMD && isIA32e) else { throw .invalidOpcode }
    guard s.cr0 & CR0.pe != 0, s.cpl == 0, s.sysenterCS & 0xfffc != 0 else { throw .protection() }
    let base = UInt16(truncatingIfNeeded: s.sysenterCS) & 0xfffc
    let target = self[reg: 2]
    let stack = self[reg: 1]
    if operandSize == 8 {
      guard isCanonical(target), isCanonical(stack) else { throw .protection() }
      loadFlat(Seg.cs, (base &+ 32) | 3, Flat.code64 | Flat.user)
      loadFlat(Seg.ss, (base &+ 40) | 3, Flat.data | Flat.user)
      rip = target
      rsp = stack
    } else {
      loadFlat(Seg.cs, (base &+ 16) | 3, Flat.code32 | Flat.user)
      loadFlat(Seg.ss, (base &+ 24) | 3, Flat.data | Flat.user)
      rip = target & 0xffff_ffff
      rsp = stack & 0xffff_ffff
    }
    s.cpl = 3
    refreshMode()
  }

  func swapgs() throws(Fault) {
    guard s.mode == CPUMode.long.rawValue else { throw .invalidOpcode }
    guard s.cpl == 0 else { throw .protection() }
    let base = s.segments[Seg.gs].base
    s.segments[Seg.gs].base = s.kernelGSBase
    s.kernelGSBase = base
    refreshFastSegment(Seg.gs)
  }

  /// RDFSBASE and RDGSBASE; `segment` is `Seg.fs` or `Seg.gs`.
  func readSegmentBase(_ segment: Int) throws(Fault) -> UInt64 {
    guard s.mode == CPUMode.long.rawValue, s.cr4 & CR4.fsgsbase != 0 else { throw .invalidOpcode }
    return s.segments[segment].base
  }

  /// WRFSBASE and WRGSBASE; the value zero-extended to 64 bits.
  func writeSegmentBase(_ segment: Int, _ value: UInt64) throws(Fault) {
    guard s.mode == CPUMode.long.rawValue, s.cr4 & CR4.fsgsbase != 0 else { throw .invalidOpcode }
    try checkCanonical(value)
    s.segments[segment].base = value
    refreshFastSegment(segment)
  }
}
