// IRET, IRETD and IRETQ (SDM 2A).
extension Cpu {
  /// `operandSize` 2, 4 or 8.
  func iret(operandSize: Int) throws(Fault) {
    switch s.mode {
    case CPUMode.real.rawValue: try realReturn(operandSize)
    case CPUMode.virtual8086.rawValue: try virtual8086Return(operandSize)
    default:
      unblockNMI()
      if s.systemFlags & RFLAGS.nt != 0 {
        if isIA32e { throw .protection() }
        try returnToTask()
      } else {
        try protectedReturn(operandSize)
      }
    }
    s.interruptShadow = 0
  }

  /// NMIs are open again even when the IRET then faults (SDM 3A, 6.7.1).
  private func unblockNMI() {
    // The test spares most IRETs a locked instruction.
    if pendingEvents & CPUEvent.nmiBlocked != 0 { clear(CPUEvent.nmiBlocked) }
  }

  private func realReturn(_ size: Int) throws(Fault) {
    unblockNMI()
    var stack = currentStack()
    let offset = try pop(size: size, from: &stack)
    let selector = UInt16(truncatingIfNeeded: try pop(size: size, from: &stack))
    let image = try pop(size: size, from: &stack)
    try enterRealCode(selector, offset)
    commitStack(stack)
    let changed: UInt64 = size == 2 ? 0x7fd5 : 0x25_7fd5
    replaceFlags(rflags & ~changed | image & changed)
  }

  private func virtual8086Return(_ size: Int) throws(Fault) {
    let iopl3 = s.systemFlags & RFLAGS.iopl == RFLAGS.iopl
    // VME lets a 16-bit IRET work on VIF instead of IF.
    guard iopl3 || s.cr4 & CR4.vme != 0 && size == 2 else { throw .protection() }
    unblockNMI()
    var stack = currentStack()
    let offset = try pop(size: size, from: &stack)
    let selector = UInt16(truncatingIfNeeded: try pop(size: size, from: &stack))
    let image = try pop(size: size, from: &stack)
    let kept = RFLAGS.iopl | RFLAGS.vm | RFLAGS.vif | RFLAGS.vip
    var changed: UInt64 = (size == 2 ? 0xffff : 0x3f_ffff) & ~kept
    var vif = s.systemFlags & RFLAGS.vif
    if !iopl3 {
      let pending = image & RFLAGS.if != 0 && s.systemFlags & RFLAGS.vip != 0
      if pending || image & RFLAGS.tf != 0 { throw .protection() }
      changed &= ~RFLAGS.if
      vif = image & RFLAGS.if != 0 ? RFLAGS.vif : 0
    }
    try enterRealCode(selector, offset)
    commitStack(stack)
    replaceFlags(rflags & ~(changed | RFLAGS.vif) | image & changed | vif)
  }

  private func protectedReturn(_ size: Int) throws(Fault) {
    var stack = currentStack()
    let fromLong = s.mode == CPUMode.long.rawValue
    let oldLevel = s.cpl
    let offset = try pop(size: size, from: &stack)
    let selector = UInt16(truncatingIfNeeded: try pop(size: size, from: &stack))
    let image = try pop(size: size, from: &stack)
    if size == 4, !isIA32e, image & RFLAGS.vm != 0, s.cpl == 0 {
      return try enterVirtual8086(offset, selector, image, &stack)
    }
    var code = try returnTarget(selector)
    let flags = returnFlags(image, size)
    if fromLong || selector.rpl > oldLevel {
      let pointer = try pop(size: size, from: &stack)
      let stackSelector = UInt16(truncatingIfNeeded: try pop(size: size, from: &stack))
      var segment = try returnStack(stackSelector, cpl: selector.rpl, toLong: isIA32e && code.isLong)
      try checkCodeBounds(code, offset)
      try enterOuter(&code, selector, offset, &segment, stackSelector, pointer)
    } else {
      try enterCode(&code, selector, cpl: selector.rpl, offset: offset)
      commitStack(stack)
    }
    replaceFlags(flags)
  }

  /// RFLAGS after an IRET at the current privilege with `image` on the stack.
  private func returnFlags(_ image: UInt64, _ size: Int) -> UInt64 {
    var changed = RFLAGS.status | RFLAGS.tf | RFLAGS.df | RFLAGS.nt
    if size != 2 { changed |= RFLAGS.rf | RFLAGS.ac | RFLAGS.id }
    if UInt64(s.cpl) <= (s.systemFlags & RFLAGS.iopl) >> 12 { changed |= RFLAGS.if }
    if s.cpl == 0 {
      changed |= RFLAGS.iopl
      if size != 2 { changed |= RFLAGS.vif | RFLAGS.vip }
    }
    return rflags & ~changed | image & changed
  }

  /// From ring 0 into a virtual-8086 program: the stack also holds ESP, SS, ES, DS, FS and GS.
  private func enterVirtual8086(
    _ offset: UInt64, _ selector: UInt16, _ image: UInt64, _ stack: inout StackCursor
  ) throws(Fault) {
    let pointer = try pop(size: 4, from: &stack)
    var selectors = InlineArray<6, UInt16>(repeating: 0)
    for index in [Seg.ss, Seg.es, Seg.ds, Seg.fs, Seg.gs] {
      selectors[index] = UInt16(truncatingIfNeeded: try pop(size: 4, from: &stack))
    }
    selectors[Seg.cs] = selector
    guard offset <= 0xffff else { throw .protection() }
    setRFLAGS(image & RFLAGS.defined | 2)
    for index in 0..<6 { loadRealSegment(index, selector: selectors[index]) }
    s.cpl = 3
    rsp = pointer
    rip = offset
    refreshMode()
  }
}
