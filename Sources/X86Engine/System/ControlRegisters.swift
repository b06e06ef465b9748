// Control, debug and descriptor-table registers (SDM 3A, 2.4 to 2.6, 9.9, 17.2; SDM 2B MOV).
extension Cpu {
  /// #GP(0) above CPL 0. Virtual-8086 programs run at CPL 3.
  func requireCPL0() throws(Fault) {
    guard s.cpl == 0 else { throw .protection() }
  }

  /// SGDT, SIDT, SLDT, STR and SMSW above CPL 0 under CR4.UMIP: #GP(0).
  func checkUMIP() throws(Fault) {
    if s.cr4 & CR4.umip != 0, s.cpl != 0 { throw .protection() }
  }

  // MARK: MOV CRn

  /// MOV r, CRn at the mode's width.
  func movFromCR(_ number: UInt8) throws(Fault) -> UInt64 {
    let value: UInt64
    switch number {
    case 0: value = s.cr0
    case 2: value = s.cr2
    case 3: value = s.cr3
    case 4: value = s.cr4
    case 8: value = UInt64(platform.taskPriority(cpu: index))
    default: throw .invalidOpcode
    }
    try requireCPL0()
    return s.codeSize == 2 ? value : value & 0xffff_ffff
  }

  /// MOV CRn, r; outside 64-bit mode the upper half of `value` does not count.
  func movToCR(_ number: UInt8, _ value: UInt64) throws(Fault) {
    guard number == 0 || number == 2 || number == 3 || number == 4 || number == 8 else { throw .invalidOpcode }
    try requireCPL0()
    let value = s.codeSize == 2 ? value : value & 0xffff_ffff
    switch number {
    case 0: try setCR0(value)
    case 2: s.cr2 = value
    case 3: try setCR3(value)
    case 4: try setCR4(value)
    default:
      guard value <= 15 else { throw .protection() }
      platform.setTaskPriority(UInt8(value), cpu: index)
    }
  }

  private func setCR0(_ value: UInt64) throws(Fault) {
    let defined =
      CR0.pe | CR0.mp | CR0.em | CR0.ts | CR0.et | CR0.ne | CR0.wp | CR0.am | CR0.nw | CR0.cd | CR0.pg
    guard value >> 32 == 0 else { throw .protection() }
    let new = value & defined | CR0.et
    if new & CR0.pg != 0, new & CR0.pe == 0 { throw .protection() }
    if new & CR0.nw != 0, new & CR0.cd == 0 { throw .protection() }
    let changed = s.cr0 ^ new
    var efer = s.efer
    if changed & CR0.pg != 0 {
      if new & CR0.pg != 0 {
        if efer & EFER.lme != 0 {
          guard s.cr4 & CR4.pae != 0, !s.segments[Seg.cs].isLong else { throw .protection() }
          // IA-32e mode has no 16-bit TSS (SDM 3A, 9.8.5.4).
          let tr = s.segments[Seg.tr]
          if tr.isPresent, tr.type & 8 == 0, s.cr0 & CR0.pe != 0, tr.selector != 0 { throw .protection() }
          efer |= EFER.lma
        }
      } else {
        if s.codeSize == 2 || s.cr4 & CR4.pcide != 0 { throw .protection() }
        efer &= ~EFER.lma
      }
    }
    let usesPointers = new & CR0.pg != 0 && s.cr4 & CR4.pae != 0 && efer & EFER.lma == 0
    if usesPointers, changed & (CR0.pg | CR0.cd | CR0.nw) != 0 { s.pdpte = try pageDirectoryPointers(s.cr3) }
    s.cr0 = new
    s.efer = efer
    if changed & CR0.pe != 0 { s.cpl = 0 }
    if changed & (CR0.pg | CR0.wp | CR0.pe) != 0 { flushTranslations() }
    refreshMode()
  }

  private func setCR3(_ value: UInt64) throws(Fault) {
    var new = value
    if isIA32e {
      // With PCIDs bit 63 asks to keep translations: a hint that we may ignore, and do.
      if s.cr4 & CR4.pcide != 0 { new &= ~(1 << 63) }
      guard new & (features.reservedAddressBits | 0xfff << 52) == 0 else { throw .protection() }
    } else if s.cr0 & CR0.pg != 0, s.cr4 & CR4.pae != 0 {
      s.pdpte = try pageDirectoryPointers(new)
    }
    s.cr3 = new
    // What is known about large pages stays: global ones may be among them.
    if s.cr4 & CR4.pge != 0 { flushNonGlobal() } else { flushTranslations() }
  }

  private func setCR4(_ value: UInt64) throws(Fault) {
    guard value & ~features.cr4 == 0 else { throw .protection() }
    let changed = s.cr4 ^ value
    if isIA32e {
      if changed & (CR4.pae | CR4.la57) != 0 { throw .protection() }
    } else if value & CR4.pcide != 0 {
      throw .protection()
    }
    if changed & value & CR4.pcide != 0, s.cr3 & 0xfff != 0 { throw .protection() }
    let reloads = CR4.pae | CR4.pge | CR4.pse | CR4.smep
    if s.cr0 & CR0.pg != 0, value & CR4.pae != 0, !isIA32e, changed & reloads != 0 {
      s.pdpte = try pageDirectoryPointers(s.cr3)
    }
    s.cr4 = value
    let translation = reloads | CR4.smap | CR4.pke | CR4.la57 | CR4.pcide
    if changed & translation != 0 { flushTranslations() }
    if changed & CR4.smap != 0 { refreshDataView() }
  }

  func clts() throws(Fault) {
    try requireCPL0()
    s.cr0 &= ~CR0.ts
  }

  /// LMSW: PE (set only), MP, EM and TS.
  func lmsw(_ value: UInt16) throws(Fault) {
    try requireCPL0()
    let low = UInt64(value) & 15 | s.cr0 & CR0.pe
    try setCR0(s.cr0 & ~15 | low)
  }

  /// SMSW; memory and 16-bit destinations take the low word.
  func smsw() throws(Fault) -> UInt64 {
    try checkUMIP()
    return s.cr0
  }

  // MARK: MOV DRn

  /// DR4 and DR5 stand for DR6 and DR7 unless CR4.DE; DR7.GD makes any access a #DB.
  private func debugRegister(_ number: UInt8) throws(Fault) -> Int {
    guard number < 8 else { throw .invalidOpcode }
    let isAlias = number == 4 || number == 5
    if isAlias, s.cr4 & CR4.de != 0 { throw .invalidOpcode }
    try requireCPL0()
    if s.dr[7] & DebugStatus.generalDetect != 0 {
      s.dr[6] |= DebugStatus.generalDetect
      throw .debug
    }
    return Int(isAlias ? number &+ 2 : number)
  }

  func movFromDR(_ number: UInt8) throws(Fault) -> UInt64 {
    let value = s.dr[try debugRegister(number)]
    return s.codeSize == 2 ? value : value & 0xffff_ffff
  }

  func movToDR(_ number: UInt8, _ value: UInt64) throws(Fault) {
    let register = try debugRegister(number)
    let value = s.codeSize == 2 ? value : value & 0xffff_ffff
    switch register {
    case 6:
      guard value >> 32 == 0 else { throw .protection() }
      s.dr[6] = value & 0xe00f | DebugStatus.fixed
    case 7:
      guard value >> 32 == 0 else { throw .protection() }
      s.dr[7] = value & 0xffff_23ff | 0x400
    default: s.dr[register] = value
    }
    // Pages with watched addresses must leave the translation caches.
    if s.dr[7] & 0xff != 0 { flushTLB() }
  }

  // MARK: Descriptor tables

  /// LGDT with the operand's base and limit; 16-bit operands have 24 bits of base.
  func lgdt(base: UInt64, limit: UInt16, operandSize: Int) throws(Fault) {
    let base = try tableBase(base, operandSize)
    s.gdtr.base = base
    s.gdtr.limit = limit
  }

  func lidt(base: UInt64, limit: UInt16, operandSize: Int) throws(Fault) {
    let base = try tableBase(base, operandSize)
    s.idtr.base = base
    s.idtr.limit = limit
  }

  private func tableBase(_ base: UInt64, _ operandSize: Int) throws(Fault) -> UInt64 {
    try requireCPL0()
    if s.codeSize == 2 {
      try checkCanonical(base)
      return base
    }
    return operandSize == 2 ? base & 0xff_ffff : base & 0xffff_ffff
  }

  /// SGDT and SIDT: what to store, after the UMIP check.
  func sgdt() throws(Fault) -> DescriptorTable {
    try checkUMIP()
    return s.gdtr
  }
  func sidt() throws(Fault) -> DescriptorTable {
    try checkUMIP()
    return s.idtr
  }

  // MARK: Extended control registers and protection keys

  func xgetbv(_ register: UInt32) throws(Fault) -> UInt64 {
    guard s.cr4 & CR4.osxsave != 0 else { throw .invalidOpcode }
    guard register == 0 else { throw .protection() }
    return s.xcr0
  }

  func xsetbv(_ register: UInt32, _ value: UInt64) throws(Fault) {
    guard s.cr4 & CR4.osxsave != 0 else { throw .invalidOpcode }
    try requireCPL0()
    guard register == 0, value & 1 != 0, value & ~features.xcr0 == 0 else { throw .protection() }
    // AVX needs SSE; the three AVX-512 parts come together and need AVX; so do MPX's two parts.
    if value & 4 != 0, value & 2 == 0 { throw .protection() }
    let wide = value & 0xe0
    if wide != 0, wide != 0xe0 || value & 4 == 0 { throw .protection() }
    if (value >> 3 ^ value >> 4) & 1 != 0 { throw .protection() }
    if (value >> 17 ^ value >> 18) & 1 != 0 { throw .protection() }
    s.xcr0 = value
  }

  func rdpkru() throws(Fault) -> UInt32 {
    guard s.cr4 & CR4.pke != 0 else { throw .invalidOpcode }
    guard self[reg32: 1] == 0 else { throw .protection() }
    return s.pkru
  }

  /// WRPKRU; ECX and EDX must be zero.
  func wrpkru(_ value: UInt32) throws(Fault) {
    guard s.cr4 & CR4.pke != 0 else { throw .invalidOpcode }
    guard self[reg32: 1] == 0, self[reg32: 2] == 0 else { throw .protection() }
    setPKRU(value)
  }

  /// PKRU from WRPKRU or XRSTOR: cached translations carry the old rights.
  func setPKRU(_ value: UInt32) {
    if s.pkru == value { return }
    s.pkru = value
    if s.cr4 & CR4.pke != 0 { flushTranslations() }
  }
}
