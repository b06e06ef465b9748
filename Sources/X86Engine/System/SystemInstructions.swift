import CHost

// Interrupt flag, PUSHF and POPF, HLT, time-stamp counter and other system instructions (SDM 2).
extension Cpu {
  private var iopl: UInt8 { UInt8(truncatingIfNeeded: s.systemFlags >> 12) & 3 }
  private var isV86: Bool { s.mode == CPUMode.virtual8086.rawValue }

  /// CLI and STI work on VIF instead of IF: VME in virtual-8086 mode, PVI in protected mode at CPL 3.
  private var usesVirtualIF: Bool {
    isV86 ? s.cr4 & CR4.vme != 0 : s.cr4 & CR4.pvi != 0 && s.cpl == 3
  }

  func cli() throws(Fault) {
    // In virtual-8086 mode CPL is 3, so that this test means IOPL = 3.
    if s.cpl <= iopl {
      s.systemFlags &= ~RFLAGS.if
    } else if usesVirtualIF {
      s.systemFlags &= ~RFLAGS.vif
    } else {
      throw .protection()
    }
  }

  func sti() throws(Fault) {
    if s.cpl <= iopl {
      if s.systemFlags & RFLAGS.if == 0 { s.interruptShadow = max(s.interruptShadow, 1) }
      s.systemFlags |= RFLAGS.if
    } else if usesVirtualIF, s.systemFlags & RFLAGS.vip == 0 {
      s.systemFlags |= RFLAGS.vif
    } else {
      throw .protection()
    }
  }

  /// What PUSHF, PUSHFD or PUSHFQ pushes (`size` 2, 4, 8).
  func pushFlagsValue(size: Int) throws(Fault) -> UInt64 {
    let image = rflags & ~(RFLAGS.rf | RFLAGS.vm)
    guard isV86, iopl < 3 else { return truncate(image, size) }
    guard s.cr4 & CR4.vme != 0, size == 2 else { throw .protection() }
    let interrupt = s.systemFlags & RFLAGS.vif != 0 ? RFLAGS.if : 0
    return image & 0xffff & ~RFLAGS.if | RFLAGS.iopl | interrupt
  }

  /// POPF, POPFD and POPFQ with the popped value. The caller commits RSP afterwards.
  func popFlags(_ value: UInt64, size: Int) throws(Fault) {
    var changed = RFLAGS.status | RFLAGS.tf | RFLAGS.df | RFLAGS.nt
    if size != 2 { changed |= RFLAGS.ac | RFLAGS.id }
    var value = value
    if isV86, iopl < 3 {
      guard s.cr4 & CR4.vme != 0, size == 2 else { throw .protection() }
      let wantsInterrupts = value & RFLAGS.if != 0
      if value & RFLAGS.tf != 0 || wantsInterrupts && s.systemFlags & RFLAGS.vip != 0 { throw .protection() }
      changed |= RFLAGS.vif
      value = value & ~RFLAGS.vif | (wantsInterrupts ? RFLAGS.vif : 0)
    } else {
      if s.cpl <= iopl { changed |= RFLAGS.if }
      if s.cpl == 0 { changed |= RFLAGS.iopl }
    }
    let clears: UInt64 = size == 2 ? 0 : RFLAGS.rf
    replaceFlags(rflags & ~(changed | clears) | value & changed)
  }

  /// STAC and CLAC.
  func setAC(_ set: Bool) throws(Fault) {
    guard features.cr4 & CR4.smap != 0, !isV86, s.cpl == 0 else { throw .invalidOpcode }
    let old = s.systemFlags
    s.systemFlags = set ? old | RFLAGS.ac : old & ~RFLAGS.ac
    // At CPL 0 AC decides about SMAP only: the segments stay as they are.
    s.dataTLB = dataView(cpl: 0)
  }

  /// HLT: `activity` becomes halted; `rip` is already the next instruction.
  func hlt() throws(Fault) {
    try requireCPL0()
    s.activity = Activity.halted
  }

  /// INVD and WBINVD: caches are the host's business.
  func invalidateCaches() throws(Fault) { try requireCPL0() }

  // MARK: Time and counters

  /// The guest's time-stamp counter now.
  func timeStamp() -> UInt64 { (x.counting.isOn ? UInt64(bitPattern: countedTime) : rb_rdtsc()) &+ s.tscOffset }

  private func checkTSD() throws(Fault) {
    // Real mode runs at CPL 0.
    if s.cr4 & CR4.tsd != 0, s.cpl != 0 { throw .protection() }
  }

  /// RDTSC: EDX:EAX as one value.
  func rdtsc() throws(Fault) -> UInt64 {
    try checkTSD()
    return timeStamp()
  }

  /// RDTSCP: the counter and IA32_TSC_AUX for ECX.
  func rdtscp() throws(Fault) -> (counter: UInt64, auxiliary: UInt32) {
    guard features.hasRDTSCP else { throw .invalidOpcode }
    try checkTSD()
    return (timeStamp(), UInt32(truncatingIfNeeded: s.tscAux))
  }

  /// RDPMC: the counters exist but do not count. `register` is ECX.
  func rdpmc(_ register: UInt32) throws(Fault) -> UInt64 {
    if s.cr4 & CR4.pce == 0, s.cpl != 0 { throw .protection() }
    let counter = register & ~(1 << 30)
    guard counter < (register >> 30 & 1 != 0 ? 3 : 8) else { throw .protection() }
    return 0
  }

  // MARK: MONITOR and MWAIT

  /// MONITOR of the line at `linear`; ECX must be zero.
  func monitor(_ linear: UInt64) throws(Fault) {
    guard features.hasMonitor, s.cpl == 0 else { throw .invalidOpcode }
    guard self[reg32: 1] == 0 else { throw .protection() }
    s.monitorAddress = try translate(linear, .read, view: s.dataTLB) & s.physicalMask
  }

  /// MWAIT completes at once: stores are not watched, and early wake-ups are allowed.
  func mwait() throws(Fault) {
    guard features.hasMonitor, s.cpl == 0 else { throw .invalidOpcode }
    guard self[reg32: 1] & ~1 == 0 else { throw .protection() }
    s.monitorAddress = ~0
  }
}
