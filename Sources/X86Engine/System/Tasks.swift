// Hardware task switching (SDM 3A, chapter 7). Not available in IA-32e mode.
extension Cpu {
  enum TaskSwitchSource {
    case jump, call, interrupt, `return`
    /// The old task stays busy and is linked from the new one.
    var nests: Bool { self == .call || self == .interrupt }
  }

  /// What a TSS holds of a task.
  private struct TaskImage {
    var cr3: UInt64 = 0
    var eip: UInt64 = 0
    var flags: UInt64 = 0
    var registers = InlineArray<8, UInt32>(repeating: 0)
    /// In `Seg` order, ES to GS.
    var selectors = InlineArray<6, UInt16>(repeating: 0)
    var ldt: UInt16 = 0
    var debugTrap = false
  }

  // MARK: Entry points

  /// JMP or CALL to a TSS or task gate descriptor.
  func transferToTask(_ target: Descriptor, _ selector: UInt16, _ source: TaskSwitchSource) throws(Fault) {
    let fault = Fault.protection(selector.errorCode)
    if isIA32e { throw fault }
    guard target.dpl >= max(s.cpl, selector.rpl) else { throw fault }
    if target.type == SystemType.taskGate {
      guard target.isPresent else { throw .notPresent(selector.errorCode) }
      let task = try availableTask(target.gateSelector, ext: 0)
      try switchTask(to: task, target.gateSelector, source, ext: 0)
      return
    }
    guard !selector.usesLDT else { throw fault }
    guard target.isPresent else { throw .notPresent(selector.errorCode) }
    try switchTask(to: target, selector, source, ext: 0)
  }

  /// The available TSS that a task gate names.
  func availableTask(_ selector: UInt16, ext: UInt32) throws(Fault) -> Descriptor {
    let fault = Fault.protection(selector.errorCode | ext)
    if selector.isNullSelector || selector.usesLDT { throw fault }
    let target = try descriptor(selector, else: fault)
    let isTask = target.type == SystemType.tss || target.type == SystemType.tss16
    guard !target.isCodeOrData, isTask else { throw fault }
    guard target.isPresent else { throw .notPresent(selector.errorCode | ext) }
    return target
  }

  /// IRET with EFLAGS.NT: back to the task that the current TSS links to.
  func returnToTask() throws(Fault) {
    let tr = s.segments[Seg.tr]
    let selector = try readSystem(UInt16.self, tableAddress(tr.base, 0))
    let fault = Fault.invalidTSS(selector.errorCode)
    if selector.isNullSelector || selector.usesLDT { throw fault }
    let target = try descriptor(selector, else: fault)
    let isBusyTask = target.type == SystemType.tssBusy || target.type == SystemType.tss16Busy
    guard !target.isCodeOrData, isBusyTask else { throw fault }
    guard target.isPresent else { throw .notPresent(selector.errorCode) }
    try switchTask(to: target, selector, .return, ext: 0)
  }

  // MARK: The switch

  /// Saves the current task and loads another one.
  ///
  /// Faults before the commit leave the old task as it was; later ones (a bad segment in the new TSS) belong to the
  /// new task, so `instructionStart` moves to its first instruction.
  func switchTask(
    to target: Descriptor, _ selector: UInt16, _ source: TaskSwitchSource, ext: UInt32, returnFlags: UInt64 = 0
  ) throws(Fault) {
    let is32 = target.type & 8 != 0
    guard target.limit >= (is32 ? 0x67 : 0x2b) else { throw .invalidTSS(selector.errorCode | ext) }
    let old = s.segments[Seg.tr]
    let oldIs32 = old.type & 8 != 0
    guard old.isPresent, old.limit >= (oldIs32 ? 0x5f : 0x29) else { throw .invalidTSS(old.selector.errorCode | ext) }
    var image = try readTask(target.base, is32: is32)
    try probeTask(old, oldIs32)
    // Everything that can page-fault below has been touched: both TSSs, and both descriptors by this.
    let newAccess = tableAddress(target.address, 5)
    _ = try resolve(newAccess, .write, view: s.systemView)
    if source == .jump || source == .return {
      if let current = try descriptor(old.selector & ~7) { try setBusy(current, false) }
    }
    var savedFlags = rflags | returnFlags
    if source == .return { savedFlags &= ~RFLAGS.nt }
    try saveTask(old, oldIs32, savedFlags)
    if source.nests {
      try writeSystem(tableAddress(target.base, 0), old.selector)
      image.flags |= RFLAGS.nt
    }
    if source != .return { try setBusy(target, true) }
    var task = target
    task.raw |= 2 << 40
    install(task, selector: selector, in: Seg.tr)
    s.cr0 |= CR0.ts
    do throws(Fault) {
      try loadTask(image, is32: is32, ext: ext)
    } catch {
      // The fault is that of the new task's first instruction, not of the one that switched.
      x.faultInNewTask = true
      throw error
    }
  }

  private func readTask(_ base: UInt64, is32: Bool) throws(Fault) -> TaskImage {
    var image = TaskImage()
    if is32 {
      image.cr3 = UInt64(try readSystem(UInt32.self, tableAddress(base, 0x1c)))
      image.eip = UInt64(try readSystem(UInt32.self, tableAddress(base, 0x20)))
      image.flags = UInt64(try readSystem(UInt32.self, tableAddress(base, 0x24)))
      for index in 0..<8 {
        image.registers[index] = try readSystem(UInt32.self, tableAddress(base, 0x28 &+ UInt64(index) &* 4))
      }
      for index in 0..<6 {
        image.selectors[index] = try readSystem(UInt16.self, tableAddress(base, 0x48 &+ UInt64(index) &* 4))
      }
      image.ldt = try readSystem(UInt16.self, tableAddress(base, 0x60))
      image.debugTrap = try readSystem(UInt16.self, tableAddress(base, 0x64)) & 1 != 0
      return image
    }
    image.eip = UInt64(try readSystem(UInt16.self, tableAddress(base, 0x0e)))
    image.flags = UInt64(try readSystem(UInt16.self, tableAddress(base, 0x10)))
    for index in 0..<8 {
      let value = try readSystem(UInt16.self, tableAddress(base, 0x12 &+ UInt64(index) &* 2))
      image.registers[index] = 0xffff_0000 | UInt32(value)
    }
    for index in 0..<4 {
      image.selectors[index] = try readSystem(UInt16.self, tableAddress(base, 0x22 &+ UInt64(index) &* 2))
    }
    image.ldt = try readSystem(UInt16.self, tableAddress(base, 0x2a))
    return image
  }

  /// Raises the page faults that saving the old task would.
  private func probeTask(_ tr: SegmentRegister, _ is32: Bool) throws(Fault) {
    let last: UInt64 = is32 ? 0x5f : 0x29
    _ = try resolve(tableAddress(tr.base, 0), .write, view: s.systemView)
    _ = try resolve(tableAddress(tr.base, last), .write, view: s.systemView)
  }

  private func saveTask(_ tr: SegmentRegister, _ is32: Bool, _ flags: UInt64) throws(Fault) {
    if is32 {
      try writeSystem(tableAddress(tr.base, 0x20), UInt32(truncatingIfNeeded: rip))
      try writeSystem(tableAddress(tr.base, 0x24), UInt32(truncatingIfNeeded: flags))
      for index in 0..<8 {
        try writeSystem(tableAddress(tr.base, 0x28 &+ UInt64(index) &* 4), self[reg32: UInt8(index)])
      }
      for index in 0..<6 {
        try writeSystem(tableAddress(tr.base, 0x48 &+ UInt64(index) &* 4), s.segments[index].selector)
      }
      return
    }
    try writeSystem(tableAddress(tr.base, 0x0e), UInt16(truncatingIfNeeded: rip))
    try writeSystem(tableAddress(tr.base, 0x10), UInt16(truncatingIfNeeded: flags))
    for index in 0..<8 {
      try writeSystem(tableAddress(tr.base, 0x12 &+ UInt64(index) &* 2), self[reg16: UInt8(index)])
    }
    for index in 0..<4 {
      try writeSystem(tableAddress(tr.base, 0x22 &+ UInt64(index) &* 2), s.segments[index].selector)
    }
  }

  private func loadTask(_ image: TaskImage, is32: Bool, ext: UInt32) throws(Fault) {
    // From here on faults belong to the new task.
    rip = image.eip
    s.instructionStart = image.eip
    setRFLAGS(image.flags & RFLAGS.defined | 2)
    for index in 0..<8 { self[reg32: UInt8(index)] = image.registers[index] }
    let isV86 = image.flags & RFLAGS.vm != 0
    for index in 0..<6 { installNull(selector: image.selectors[index], in: index) }
    installNull(selector: image.ldt, in: Seg.ldtr)
    s.cpl = isV86 ? 3 : image.selectors[Seg.cs].rpl
    s.dr[7] &= ~0x155
    if is32, s.cr0 & CR0.pg != 0 {
      if s.cr4 & CR4.pae != 0 { s.pdpte = try pageDirectoryPointers(image.cr3) }
      s.cr3 = image.cr3
      flushTranslations()
    }
    refreshMode()
    try loadTaskLDT(image.ldt, ext: ext)
    if isV86 {
      for index in 0..<6 { loadRealSegment(index, selector: image.selectors[index]) }
    } else {
      try loadTaskCode(image.selectors[Seg.cs], ext: ext)
      try loadTaskStack(image.selectors[Seg.ss], ext: ext)
      for index in [Seg.es, Seg.ds, Seg.fs, Seg.gs] { try loadTaskData(index, image.selectors[index], ext: ext) }
    }
    refreshMode()
    guard rip <= UInt64(s.segments[Seg.cs].limit) else { throw .protection(ext) }
    if image.debugTrap { s.pendingDebug |= DebugStatus.taskSwitch }
  }

  private func loadTaskLDT(_ selector: UInt16, ext: UInt32) throws(Fault) {
    if selector.isNullSelector { return }
    let fault = Fault.invalidTSS(selector.errorCode | ext)
    if selector.usesLDT { throw fault }
    let found = try descriptor(selector, else: fault)
    guard !found.isCodeOrData, found.type == SystemType.ldt, found.isPresent else { throw fault }
    install(found, selector: selector, in: Seg.ldtr)
  }

  private func loadTaskCode(_ selector: UInt16, ext: UInt32) throws(Fault) {
    let fault = Fault.invalidTSS(selector.errorCode | ext)
    if selector.isNullSelector { throw fault }
    var found = try descriptor(selector, else: fault)
    guard found.isCode, found.isConforming ? found.dpl <= selector.rpl : found.dpl == selector.rpl else { throw fault }
    guard found.isPresent else { throw .notPresent(selector.errorCode | ext) }
    try markAccessed(&found)
    install(found, selector: selector, in: Seg.cs)
    refreshMode()
  }

  private func loadTaskStack(_ selector: UInt16, ext: UInt32) throws(Fault) {
    let fault = Fault.invalidTSS(selector.errorCode | ext)
    if selector.isNullSelector { throw fault }
    var found = try descriptor(selector, else: fault)
    guard found.isWritableData, found.dpl == s.cpl, selector.rpl == s.cpl else { throw fault }
    guard found.isPresent else { throw .stack(selector.errorCode | ext) }
    try markAccessed(&found)
    install(found, selector: selector, in: Seg.ss)
  }

  private func loadTaskData(_ index: Int, _ selector: UInt16, ext: UInt32) throws(Fault) {
    if selector.isNullSelector { return }
    let fault = Fault.invalidTSS(selector.errorCode | ext)
    var found = try descriptor(selector, else: fault)
    guard found.isReadable else { throw fault }
    guard found.isConforming || max(selector.rpl, s.cpl) <= found.dpl else { throw fault }
    guard found.isPresent else { throw .notPresent(selector.errorCode | ext) }
    try markAccessed(&found)
    install(found, selector: selector, in: index)
  }
}
