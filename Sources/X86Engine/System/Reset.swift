// Power-on reset, INIT and start-up (SDM 3A, table 9-1; 8.4).
extension Cpu {
  /// Power-on or hard reset.
  ///
  /// Processor 0 is the bootstrap processor; the others wait for a start-up message. Pending events are
  /// dropped, the translation caches emptied.
  func reset() {
    clear(~CPUEvent.stop)
    s.xcr0 = 1
    s.pkru = 0
    s.apicBase = index == 0 ? 0xfee0_0900 : 0xfee0_0800
    s.star = 0
    s.lstar = 0
    s.cstar = 0
    s.fmask = 0
    s.kernelGSBase = 0
    s.sysenterCS = 0
    s.sysenterESP = 0
    s.sysenterEIP = 0
    s.pat = 0x0007_0406_0007_0406
    s.tscAux = 0
    // The same for all processors of a machine: their counters must agree.
    s.tscOffset = 0 &- context.group.tscBase
    s.tscAdjust = 0
    s.miscEnable = 1
    s.mtrrDefType = 0
    s.mtrrFixed = InlineArray(repeating: 0)
    s.mtrrVariable = InlineArray(repeating: 0)
    s.xss = 0
    s.debugControl = 0
    s.mcgStatus = 0
    s.specControl = 0
    s.plainMSRs = InlineArray(repeating: 0)
    resetVectorState()
    // CD and NW are set by a reset and kept by INIT.
    s.cr0 = CR0.cd | CR0.nw
    initReset()
    s.activity = index == 0 ? Activity.running : Activity.waitForStartup
  }

  private func resetVectorState() {
    s.mxcsr = 0x1f80
    s.x87Live = false
    s.vectors = InlineArray(repeating: 0)
    s.opmasks = InlineArray(repeating: 0)
    s.x87 = InlineArray(repeating: 0)
    // FCW = 0040H; all registers hold +0.0, so the abridged tag word is FFH.
    s.x87[0] = 0xff_0000_0040
  }

  /// INIT: everything but the x87, SIMD and model-specific state. The bootstrap processor starts at the reset
  /// vector, others wait for a start-up message.
  func initReset() {
    for number in 0..<16 { s.regs[number] = 0 }
    s.regs[2] = UInt64(features.signature)
    rip = 0xfff0
    s.systemFlags = 2
    setRFLAGS(2)
    s.cpl = 0
    s.interruptShadow = 0
    resetSegments()
    s.cr0 = s.cr0 & (CR0.cd | CR0.nw) | CR0.et
    s.cr2 = 0
    s.cr3 = 0
    s.cr4 = 0
    s.efer = 0
    s.pdpte = InlineArray(repeating: 0)
    s.dr = InlineArray(repeating: 0)
    s.dr[6] = DebugStatus.fixed
    s.dr[7] = 0x400
    s.pendingDebug = 0
    s.instructionStart = rip
    s.monitorAddress = ~0
    clear(CPUEvent.nmiBlocked)
    flushTranslations()
    refreshMode()
    let isBootstrap = s.apicBase & 0x100 != 0
    s.activity = isBootstrap ? Activity.running : Activity.waitForStartup
  }

  private func resetSegments() {
    var data = SegmentRegister()
    data.limit = 0xffff
    data.attributes = 0x93
    for segment in 0..<6 { s.segments[segment] = data }
    s.segments[Seg.cs].selector = 0xf000
    s.segments[Seg.cs].base = 0xffff_0000
    s.segments[Seg.cs].attributes = 0x9b
    s.segments[Seg.ldtr] = data
    s.segments[Seg.ldtr].attributes = 0x82
    s.segments[Seg.tr] = data
    s.segments[Seg.tr].attributes = 0x8b
    s.gdtr.base = 0
    s.gdtr.limit = 0xffff
    s.idtr.base = 0
    s.idtr.limit = 0xffff
  }

  /// Start-up message: real mode at `vector` * 4 KiB. Ignored unless the processor waits for one.
  func startup(vector: UInt8) {
    guard s.activity == Activity.waitForStartup else { return }
    s.segments[Seg.cs].selector = UInt16(vector) << 8
    s.segments[Seg.cs].base = UInt64(vector) << 12
    rip = 0
    s.instructionStart = 0
    s.activity = Activity.running
    refreshMode()
  }
}
