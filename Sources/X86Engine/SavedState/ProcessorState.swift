import Base

/// The architectural state of one processor at an instruction boundary, as a saved state keeps it: nothing of any engine.
public struct ProcessorState: SavedState {
  /// One segment register; see `SegmentRegister`.
  struct Segment: SavedState {
    var base: UInt64 = 0
    var limit: UInt32 = 0
    var attributes: UInt16 = 0
    var selector: UInt16 = 0
    init() {}
    init(_ register: SegmentRegister) {
      base = register.base
      limit = register.limit
      attributes = register.attributes
      selector = register.selector
    }
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("base", &base)
      try visit.field("limit", &limit)
      try visit.field("attributes", &attributes)
      guard attributes & 0x0f00 == 0 else { throw .outOfRange(field: "attributes") }
      try visit.field("selector", &selector)
    }
    var register: SegmentRegister {
      var register = SegmentRegister()
      register.base = base
      register.limit = limit
      register.attributes = attributes
      register.selector = selector
      return register
    }
  }

  var general = [UInt64](repeating: 0, count: 16)
  var rip: UInt64 = 0
  var rflags: UInt64 = 2
  var cpl: UInt8 = 0
  var interruptShadow: UInt8 = 0
  var activity: UInt8 = 0
  /// Interrupts and the like that have arrived and were not served.
  var events: UInt32 = 0
  var startupVector: UInt8 = 0
  var pendingDebug: UInt64 = 0
  var monitorAddress: UInt64 = ~0
  var segments = [Segment](repeating: Segment(), count: 8)
  var gdtrBase: UInt64 = 0, gdtrLimit: UInt16 = 0
  var idtrBase: UInt64 = 0, idtrLimit: UInt16 = 0
  /// CR0, CR2, CR3, CR4, EFER, XCR0, and the task's page-directory pointers.
  var control = [UInt64](repeating: 0, count: 6)
  var pdpte = [UInt64](repeating: 0, count: 4)
  var debug = [UInt64](repeating: 0, count: 8)
  var pkru: UInt32 = 0
  var isA20Closed = false
  /// The time-stamp counter at this moment.
  public var tsc: UInt64 = 0
  /// In the order of `ProcessorState.registers`.
  var modelSpecific = [UInt64](repeating: 0, count: ProcessorState.registers.count)
  var mtrrFixed = [UInt64](repeating: 0, count: 11)
  var mtrrVariable = [UInt64](repeating: 0, count: 16)
  var plainMSRs = [UInt64](repeating: 0, count: 64)
  var mxcsr: UInt32 = 0x1f80
  /// The first 160 bytes of an FXSAVE image.
  var x87 = [UInt64](repeating: 0, count: 20)
  /// Thirty-two registers of 512 bits, and the eight masks.
  var vectors = [UInt64](repeating: 0, count: 256)
  var masks = [UInt64](repeating: 0, count: 8)
  var instructions: UInt64 = 0

  public init() {}

  enum Control { static let cr0 = 0, cr2 = 1, cr3 = 2, cr4 = 3, efer = 4, xcr0 = 5 }
  /// Events that are the processor's own; others are between threads of this process.
  static let keptEvents =
    CPUEvent.interrupt | CPUEvent.nmi | CPUEvent.initSignal | CPUEvent.startup | CPUEvent.nmiBlocked

  /// Model-specific registers with a place of their own in `CPUState`.
  static let registers: [WritableKeyPath<CPUState, UInt64> & Sendable] = [
    \.apicBase, \.star, \.lstar, \.cstar, \.fmask, \.kernelGSBase, \.sysenterCS, \.sysenterESP, \.sysenterEIP, \.pat,
    \.tscAux, \.tscAdjust, \.miscEnable, \.mtrrDefType, \.xss, \.debugControl, \.mcgStatus, \.specControl,
  ]

  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    func all(_ values: inout [UInt64], _ name: StaticString, _ visit: inout some StateVisitor) throws(StateError) {
      try visit.fixedIntegers(name, &values, in: 0...UInt64.max)
    }
    try all(&general, "general", &visit)
    try visit.field("rip", &rip)
    try visit.field("rflags", &rflags)
    try visit.field("cpl", &cpl, in: 0...3)
    try visit.field("interruptShadow", &interruptShadow, in: 0...2)
    try visit.field("activity", &activity, in: 0...Activity.shutdown)
    try visit.field("events", &events)
    try visit.field("startupVector", &startupVector)
    try visit.field("pendingDebug", &pendingDebug)
    try visit.field("monitorAddress", &monitorAddress)
    try visit.fixedList("segments", &segments)
    try visit.field("gdtrBase", &gdtrBase)
    try visit.field("gdtrLimit", &gdtrLimit)
    try visit.field("idtrBase", &idtrBase)
    try visit.field("idtrLimit", &idtrLimit)
    try all(&control, "control", &visit)
    try all(&pdpte, "pdpte", &visit)
    try all(&debug, "debug", &visit)
    try visit.field("pkru", &pkru)
    try visit.field("a20Closed", &isA20Closed)
    try visit.field("tsc", &tsc)
    try all(&modelSpecific, "msrs", &visit)
    try all(&mtrrFixed, "mtrrFixed", &visit)
    try all(&mtrrVariable, "mtrrVariable", &visit)
    try all(&plainMSRs, "plainMSRs", &visit)
    try visit.field("mxcsr", &mxcsr)
    try all(&x87, "x87", &visit)
    try all(&vectors, "vectors", &visit)
    try all(&masks, "masks", &visit)
    try visit.field("instructions", &instructions)
  }

  /// What no processor of this model can be in: loading it would lead engine or host into what they need not bear.
  func check(_ features: ModelFeatures) throws(StateError) {
    func need(_ isRight: Bool, _ field: String) throws(StateError) {
      if !isRight { throw .outOfRange(field: field) }
    }
    let cr0 = control[Control.cr0], cr4 = control[Control.cr4], efer = control[Control.efer]
    let xcr0 = control[Control.xcr0]
    try need(cr0 >> 32 == 0 && (cr0 & CR0.pg == 0 || cr0 & CR0.pe != 0), "cr0")
    try need(cr4 & ~features.cr4 == 0, "cr4")
    let isLong = efer & EFER.lma != 0
    try need(isLong == (efer & EFER.lme != 0 && cr0 & CR0.pg != 0), "efer")
    try need(!isLong || (cr4 & CR4.pae != 0 && features.hasLongMode), "efer")
    try need(efer & ~(EFER.sce | EFER.lme | EFER.lma | EFER.nxe | EFER.ffxsr) == 0, "efer")
    try need(xcr0 & 1 != 0 && xcr0 & ~features.xcr0 == 0, "xcr0")
    try need(xcr0 & 4 == 0 || xcr0 & 2 != 0, "xcr0")
    try need(xcr0 & 0xe0 == 0 || (xcr0 & 0xe0 == 0xe0 && xcr0 & 4 != 0), "xcr0")
    // LDMXCSR of the host faults on the upper half.
    try need(mxcsr & 0xffff_0000 == 0, "mxcsr")
    try need(rflags & ~RFLAGS.defined & ~2 == 0, "rflags")
    try need(rflags & RFLAGS.vm == 0 || (cr0 & CR0.pe != 0 && !isLong && cpl == 3), "rflags")
    try need(cr0 & CR0.pe != 0 || cpl == 0, "cpl")
    try need(!isLong || segments[Seg.cs].attributes & 0x6000 != 0x6000, "segments")
  }
}

extension Vcpu {
  /// The processor's state, while it does not run; `hostTSC`: the host's counter when it stopped.
  public func save(hostTSC: UInt64) -> ProcessorState { ProcessorState(cpu, hostTSC: hostTSC) }

  /// Whether `restore` may be given this state.
  public func check(_ state: ProcessorState) throws(StateError) { try state.check(cpu.features) }

  /// Becomes what `check` has found to be right, while it does not run; `hostTSC`: the host's counter when it stopped.
  public func restore(_ state: ProcessorState, hostTSC: UInt64) {
    reset()
    for number in 0..<16 { cpu.s.regs[number] = state.general[number] }
    cpu.rip = state.rip
    cpu.s.instructionStart = state.rip
    cpu.setRFLAGS(state.rflags)
    cpu.s.cpl = state.cpl
    cpu.s.interruptShadow = state.interruptShadow
    cpu.s.activity = state.activity
    cpu.x.startupVector = UInt32(state.startupVector)
    cpu.s.pendingDebug = state.pendingDebug
    cpu.s.monitorAddress = state.monitorAddress
    for number in 0..<8 { cpu.s.segments[number] = state.segments[number].register }
    (cpu.s.gdtr.base, cpu.s.gdtr.limit) = (state.gdtrBase, state.gdtrLimit)
    (cpu.s.idtr.base, cpu.s.idtr.limit) = (state.idtrBase, state.idtrLimit)
    cpu.s.cr0 = state.control[ProcessorState.Control.cr0]
    cpu.s.cr2 = state.control[ProcessorState.Control.cr2]
    cpu.s.cr3 = state.control[ProcessorState.Control.cr3]
    cpu.s.cr4 = state.control[ProcessorState.Control.cr4]
    cpu.s.efer = state.control[ProcessorState.Control.efer]
    cpu.s.xcr0 = state.control[ProcessorState.Control.xcr0]
    for number in 0..<4 { cpu.s.pdpte[number] = state.pdpte[number] }
    for number in 0..<8 { cpu.s.dr[number] = state.debug[number] }
    cpu.s.pkru = state.pkru
    cpu.s.physicalMask = state.isA20Closed ? ~UInt64(1 << 20) : ~0
    cpu.s.tscOffset = state.tsc &- hostTSC
    for (path, value) in zip(ProcessorState.registers, state.modelSpecific) { cpu.s[keyPath: path] = value }
    for number in 0..<11 { cpu.s.mtrrFixed[number] = state.mtrrFixed[number] }
    for number in 0..<16 { cpu.s.mtrrVariable[number] = state.mtrrVariable[number] }
    for number in 0..<64 { cpu.s.plainMSRs[number] = state.plainMSRs[number] }
    cpu.s.mxcsr = state.mxcsr
    for number in 0..<20 { cpu.s.x87[number] = state.x87[number] }
    for number in 0..<256 { cpu.s.vectors[number] = state.vectors[number] }
    for number in 0..<8 { cpu.s.opmasks[number] = state.masks[number] }
    cpu.s.instructionCount = state.instructions
    cpu.refreshMode()
    cpu.raise(state.events & ProcessorState.keptEvents)
  }
}

extension ProcessorState {
  /// The state of a vCPU that executes nothing at the moment; `hostTSC`: the host's counter when it stopped.
  init(_ cpu: Cpu, hostTSC: UInt64) {
    let s = cpu.s
    self.init()
    for number in 0..<16 { general[number] = s.regs[number] }
    rip = cpu.rip
    rflags = cpu.rflags
    cpl = s.cpl
    interruptShadow = s.interruptShadow
    activity = s.activity
    events = cpu.pendingEvents & ProcessorState.keptEvents
    startupVector = UInt8(truncatingIfNeeded: cpu.x.startupVector)
    pendingDebug = s.pendingDebug
    monitorAddress = s.monitorAddress
    for number in 0..<8 { segments[number] = ProcessorState.Segment(s.segments[number]) }
    (gdtrBase, gdtrLimit) = (s.gdtr.base, s.gdtr.limit)
    (idtrBase, idtrLimit) = (s.idtr.base, s.idtr.limit)
    control = [s.cr0, s.cr2, s.cr3, s.cr4, s.efer, s.xcr0]
    for number in 0..<4 { pdpte[number] = s.pdpte[number] }
    for number in 0..<8 { debug[number] = s.dr[number] }
    pkru = s.pkru
    isA20Closed = s.physicalMask & 1 << 20 == 0
    tsc = hostTSC &+ s.tscOffset
    modelSpecific = ProcessorState.registers.map { s[keyPath: $0] }
    for number in 0..<11 { mtrrFixed[number] = s.mtrrFixed[number] }
    for number in 0..<16 { mtrrVariable[number] = s.mtrrVariable[number] }
    for number in 0..<64 { plainMSRs[number] = s.plainMSRs[number] }
    mxcsr = s.mxcsr
    for number in 0..<20 { x87[number] = s.x87[number] }
    for number in 0..<256 { vectors[number] = s.vectors[number] }
    for number in 0..<8 { masks[number] = s.opmasks[number] }
    instructions = s.instructionCount
  }
}
