// Segment registers: loading, checking, and what the fast paths derive from them (SDM 3A, chapters 3 and 5).
extension Cpu {
  // MARK: Derived state

  /// Derives mode, code size, data view and the fast segments. Call after any change of CR0.PE, EFER.LMA, CR4.SMAP,
  /// CS, CPL, EFLAGS.VM or EFLAGS.AC.
  func refreshMode() {
    let mode: CPUMode
    if s.cr0 & CR0.pe == 0 {
      mode = .real
    } else if s.systemFlags & RFLAGS.vm != 0 {
      mode = .virtual8086
    } else if s.efer & EFER.lma != 0 {
      mode = s.segments[Seg.cs].isLong ? .long : .compatibility
    } else {
      mode = .protected
    }
    s.mode = mode.rawValue
    switch mode {
    case .long: s.codeSize = 2
    case .virtual8086: s.codeSize = 0
    default: s.codeSize = s.segments[Seg.cs].isBig ? 1 : 0
    }
    s.linearMask = mode == .long ? ~0 : 0xffff_ffff
    refreshDataView()
  }

  /// After a change of EFLAGS.AC or CPL alone.
  func refreshDataView() {
    s.dataTLB = dataView(cpl: s.cpl)
    refreshFastSegments()
  }

  /// EFLAGS.AC, CR0.AM and CPL 3: data references must be aligned.
  var checksAlignment: Bool {
    s.cpl == 3 && s.cr0 & CR0.am != 0 && s.systemFlags & RFLAGS.ac != 0
  }

  /// Derives `fastBase`, `readEnd` and `writeEnd` of the six segments for the current mode.
  func refreshFastSegments() {
    for index in 0..<6 { refreshFastSegment(index) }
  }

  func refreshFastSegment(_ index: Int) {
    // Alignment checks are rare enough to live in the slow path.
    let slow = checksAlignment
    if s.mode == CPUMode.long.rawValue {
      s.segments[index].fastBase = index >= Seg.fs ? s.segments[index].base : 0
      s.segments[index].readEnd = slow ? 0 : .max
      s.segments[index].writeEnd = slow ? 0 : .max
      return
    }
    let segment = s.segments[index]
    var readEnd = UInt64(segment.limit) &+ 1
    var writeEnd = readEnd
    if s.mode > CPUMode.virtual8086.rawValue {
      if !segment.isPresent || segment.type & 0xa == 8 { readEnd = 0 }
      if !segment.isPresent || segment.type & 0xa != 2 { writeEnd = 0 }
    }
    let expandsDown = segment.type & 0xc == 4
    s.segments[index].fastBase = segment.base
    s.segments[index].readEnd = slow || expandsDown ? 0 : readEnd
    s.segments[index].writeEnd = slow || expandsDown ? 0 : writeEnd
  }

  /// Checks an access that the fast path refused, and returns its linear address.
  ///
  /// `segment` as in `Seg`; `size` in bytes. #GP(0), or #SS(0) through SS; #AC(0) when alignment is checked.
  @inline(never) func segmentAddressSlow(
    _ segment: Int, offset: UInt64, size: UInt64, write: Bool
  ) throws(Fault) -> UInt64 {
    let register = s.segments[segment]
    let violation: Fault = segment == Seg.ss ? .stack() : .protection()
    let linear: UInt64
    if s.mode == CPUMode.long.rawValue {
      linear = offset &+ (segment >= Seg.fs ? register.base : 0)
      guard isCanonical(linear), isCanonical(linear &+ (size &- 1)) else { throw violation }
    } else {
      if s.mode > CPUMode.virtual8086.rawValue {
        guard register.isPresent else { throw violation }
        let allowed = write ? register.type & 0xa == 2 : register.type & 0xa != 8
        guard allowed else { throw .protection() }
      }
      guard register.contains(offset, offset &+ (size &- 1)) else { throw violation }
      linear = (register.base &+ offset) & 0xffff_ffff
    }
    if checksAlignment, size <= 8, size & (size &- 1) == 0, linear & (size &- 1) != 0 { throw .alignment() }
    return linear
  }

  // MARK: MOV, POP and far-pointer loads

  /// Loads ES, SS, DS, FS or GS (`Seg` index; CS is #UD). The interrupt shadow of MOV SS and POP SS is the caller's.
  func loadSegment(_ index: Int, selector: UInt16) throws(Fault) {
    guard index != Seg.cs, index < 6 else { throw .invalidOpcode }
    if s.mode <= CPUMode.virtual8086.rawValue {
      loadRealSegment(index, selector: selector)
    } else if index == Seg.ss {
      try loadStackSegment(selector)
    } else {
      try loadDataSegment(index, selector)
    }
    refreshFastSegment(index)
  }

  /// Real and virtual-8086 mode: base = selector * 16. Real mode keeps limit and attributes ("unreal" mode).
  func loadRealSegment(_ index: Int, selector: UInt16) {
    s.segments[index].selector = selector
    s.segments[index].base = UInt64(selector) << 4
    if s.systemFlags & RFLAGS.vm != 0, s.cr0 & CR0.pe != 0 {
      s.segments[index].limit = 0xffff
      s.segments[index].attributes = 0xf3
    } else if !s.segments[index].isPresent {
      s.segments[index].limit = 0xffff
      s.segments[index].attributes = 0x93
    }
  }

  private func loadStackSegment(_ selector: UInt16) throws(Fault) {
    let rpl = selector.rpl
    if selector.isNullSelector {
      // 64-bit mode below CPL 3 runs with a null SS.
      guard s.mode == CPUMode.long.rawValue, s.cpl != 3, rpl == s.cpl else { throw .protection() }
      installNull(selector: selector, in: Seg.ss)
      return
    }
    let code = selector.errorCode
    var found = try descriptor(selector, else: .protection(code))
    guard rpl == s.cpl, found.isWritableData, found.dpl == s.cpl else { throw .protection(code) }
    guard found.isPresent else { throw .stack(code) }
    try markAccessed(&found)
    install(found, selector: selector, in: Seg.ss)
  }

  private func loadDataSegment(_ index: Int, _ selector: UInt16) throws(Fault) {
    if selector.isNullSelector { return installNull(selector: selector, in: index) }
    let code = selector.errorCode
    var found = try descriptor(selector, else: .protection(code))
    guard found.isReadable else { throw .protection(code) }
    guard found.isConforming || max(selector.rpl, s.cpl) <= found.dpl else { throw .protection(code) }
    guard found.isPresent else { throw .notPresent(code) }
    try markAccessed(&found)
    install(found, selector: selector, in: index)
  }

  /// LDS, LES, LFS, LGS and LSS: the segment, then `reg` at operand size (2, 4 or 8 bytes).
  func loadFarPointer(segment: Int, selector: UInt16, offset: UInt64, reg: UInt8, operandSize: Int) throws(Fault) {
    try loadSegment(segment, selector: selector)
    switch operandSize {
    case 2: self[reg16: reg] = UInt16(truncatingIfNeeded: offset)
    case 4: self[reg32: reg] = UInt32(truncatingIfNeeded: offset)
    default: self[reg: reg] = offset
    }
  }

  /// After a return to an outer level: data segments that it must not keep become null (SDM 3A, 5.8.6).
  func dropInnerSegments() {
    for index in [Seg.es, Seg.ds, Seg.fs, Seg.gs] {
      let segment = s.segments[index]
      let isConforming = segment.type & 0xc == 0xc
      if segment.isPresent, segment.dpl < s.cpl, !isConforming || !segment.isCodeOrData {
        installNull(selector: 0, in: index)
      }
    }
    refreshFastSegments()
  }

  // MARK: LDTR and TR

  /// #UD outside protected mode, then #GP(0) above CPL 0.
  func requireProtected(cpl0: Bool = false) throws(Fault) {
    guard s.mode > CPUMode.virtual8086.rawValue else { throw .invalidOpcode }
    if cpl0, s.cpl != 0 { throw .protection() }
  }

  func lldt(_ selector: UInt16) throws(Fault) {
    try requireProtected(cpl0: true)
    if selector.isNullSelector { return installNull(selector: selector, in: Seg.ldtr) }
    let fault = Fault.protection(selector.errorCode)
    if selector.usesLDT { throw fault }
    var found = try descriptor(selector, else: fault)
    guard !found.isCodeOrData, found.type == SystemType.ldt else { throw fault }
    guard found.isPresent else { throw .notPresent(selector.errorCode) }
    try extendSystem(&found, selector, else: fault)
    guard !isIA32e || isCanonical(found.base) else { throw .protection(selector.errorCode) }
    install(found, selector: selector, in: Seg.ldtr)
  }

  func ltr(_ selector: UInt16) throws(Fault) {
    try requireProtected(cpl0: true)
    if selector.isNullSelector { throw .protection() }
    let fault = Fault.protection(selector.errorCode)
    if selector.usesLDT { throw fault }
    var found = try descriptor(selector, else: fault)
    guard !found.isCodeOrData, found.type == SystemType.tss || found.type == SystemType.tss16 && !isIA32e else {
      throw fault
    }
    guard found.isPresent else { throw .notPresent(selector.errorCode) }
    try extendSystem(&found, selector, else: fault)
    guard !isIA32e || isCanonical(found.base) else { throw .protection(selector.errorCode) }
    try setBusy(found, true)
    found.raw |= 2 << 40
    install(found, selector: selector, in: Seg.tr)
  }

  /// SLDT and STR: #UD outside protected mode, #GP(0) under UMIP.
  func storeLDT() throws(Fault) -> UInt16 {
    try requireProtected()
    try checkUMIP()
    return s.segments[Seg.ldtr].selector
  }
  func storeTask() throws(Fault) -> UInt16 {
    try requireProtected()
    try checkUMIP()
    return s.segments[Seg.tr].selector
  }

  // MARK: LAR, LSL, VERR, VERW

  /// The descriptor if the current privilege may see it; nil clears ZF.
  private func visibleDescriptor(_ selector: UInt16) throws(Fault) -> Descriptor? {
    try requireProtected()
    if selector.isNullSelector { return nil }
    guard let found = try descriptor(selector) else { return nil }
    guard found.isConforming || max(selector.rpl, s.cpl) <= found.dpl else { return nil }
    return found
  }

  /// LAR: the access rights doubleword (16-bit operand size keeps bits 15:0); nil clears ZF.
  func loadAccessRights(_ selector: UInt16) throws(Fault) -> UInt32? {
    guard let found = try visibleDescriptor(selector) else { return nil }
    if !found.isCodeOrData {
      // IA-32e: LDT, TSS and call gates. Elsewhere also 16-bit TSS and gates, and task gates.
      let valid: UInt16 = isIA32e ? 0b0001_1010_0000_0100 : 0b0001_1010_0011_1110
      guard valid >> UInt16(found.type) & 1 != 0 else { return nil }
    }
    return UInt32(truncatingIfNeeded: found.raw >> 32) & 0x00f0_ff00
  }

  /// LSL: the limit in bytes; nil clears ZF.
  func loadLimit(_ selector: UInt16) throws(Fault) -> UInt32? {
    guard let found = try visibleDescriptor(selector) else { return nil }
    if !found.isCodeOrData {
      let valid: UInt16 = isIA32e ? 0b1010_0000_0100 : 0b1010_0000_1110
      guard valid >> UInt16(found.type) & 1 != 0 else { return nil }
    }
    return found.limit
  }

  /// VERR and VERW: the new ZF.
  func verify(_ selector: UInt16, write: Bool) throws(Fault) -> Bool {
    guard let found = try visibleDescriptor(selector) else { return false }
    return write ? found.isWritableData : found.isReadable
  }
}
