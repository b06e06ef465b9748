import Base
import Synchronization

extension LocalAPIC {
  /// All that survives a snapshot. Taken and put back while no vCPU or device runs.
  public struct State: SavedState {
    var apicBase: UInt64 = LocalAPIC.defaultBase
    var taskPriority: UInt32 = 0
    var logicalDestination: UInt32 = 0
    var destinationFormat: UInt32 = 0xffff_ffff
    var spurious: UInt32 = 0xff
    var errorStatus: UInt32 = 0
    var newErrors: UInt32 = 0
    var interruptCommand: UInt64 = 0
    var lvt = [UInt32](repeating: LocalAPIC.masked, count: 6)
    var inService = [UInt32](repeating: 0, count: 8)
    var triggerMode = [UInt32](repeating: 0, count: 8)
    var requests = [UInt32](repeating: 0, count: 8)
    var pins: UInt32 = 0
    var initialCount: UInt32 = 0
    var divideConfiguration: UInt32 = 0
    var deadline: VirtualTime?
    var tscDeadline: UInt64 = 0
    var lateBeats: UInt32 = 0
    public init() {}

    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("apicBase", &apicBase)
      try visit.field("tpr", &taskPriority, in: 0...0xff)
      try visit.field("ldr", &logicalDestination)
      try visit.field("dfr", &destinationFormat)
      try visit.field("svr", &spurious, in: 0...0x3ff)
      try visit.field("esr", &errorStatus)
      try visit.field("newErrors", &newErrors)
      try visit.field("icr", &interruptCommand)
      try visit.fixedIntegers("lvt", &lvt, in: 0...0x7_ffff)
      try visit.fixedIntegers("isr", &inService, in: 0...UInt32.max)
      try visit.fixedIntegers("tmr", &triggerMode, in: 0...UInt32.max)
      try visit.fixedIntegers("irr", &requests, in: 0...UInt32.max)
      try visit.field("pins", &pins, in: 0...3)
      try visit.field("initialCount", &initialCount)
      try visit.field("divide", &divideConfiguration, in: 0...0xb)
      try visit.field("deadline", &deadline)
      try visit.field("tscDeadline", &tscDeadline)
      try visit.field("lateBeats", &lateBeats, in: 0...50_000)
    }
  }

  public func save() -> State {
    var state = State()
    state.apicBase = apicBase
    state.taskPriority = taskPriority.load(ordering: .relaxed)
    state.logicalDestination = logicalDestination.load(ordering: .relaxed)
    state.destinationFormat = destinationFormat.load(ordering: .relaxed)
    state.spurious = spurious.load(ordering: .relaxed)
    state.errorStatus = errorStatus.load(ordering: .relaxed)
    state.newErrors = newErrors.load(ordering: .relaxed)
    state.interruptCommand = interruptCommand.load(ordering: .relaxed)
    for index in 0..<6 { state.lvt[index] = lvt[index].load(ordering: .relaxed) }
    for index in 0..<8 {
      state.inService[index] = inService[index].load(ordering: .relaxed)
      state.triggerMode[index] = triggerMode[index].load(ordering: .relaxed)
      state.requests[index] = requests[index].load(ordering: .relaxed)
    }
    state.pins = pins.load(ordering: .relaxed)
    let clockwork = timer.withLock { $0 }
    state.initialCount = clockwork.initialCount
    state.divideConfiguration = clockwork.divideConfiguration
    state.deadline = clockwork.deadline
    state.tscDeadline = clockwork.tscDeadline
    state.lateBeats = lateBeats.load(ordering: .relaxed)
    return state
  }

  /// Puts `state` back and arms the timer; a base with a combination the guest could not write becomes xAPIC mode.
  public func restore(_ state: State) {
    let usable = state.apicBase & (LocalAPIC.baseEnable | LocalAPIC.baseX2APIC) != LocalAPIC.baseX2APIC
    let base = usable ? state.apicBase & ((1 << UInt64(physicalBits)) - 1) : LocalAPIC.defaultBase
    baseMSR.store(base & ~LocalAPIC.baseBSP | (isBootProcessor ? LocalAPIC.baseBSP : 0), ordering: .releasing)
    taskPriority.store(state.taskPriority, ordering: .relaxed)
    logicalDestination.store(state.logicalDestination, ordering: .relaxed)
    destinationFormat.store(state.destinationFormat, ordering: .relaxed)
    spurious.store(state.spurious, ordering: .relaxed)
    errorStatus.store(state.errorStatus, ordering: .relaxed)
    newErrors.store(state.newErrors, ordering: .relaxed)
    interruptCommand.store(state.interruptCommand, ordering: .relaxed)
    for index in 0..<6 { lvt[index].store(state.lvt[index], ordering: .relaxed) }
    for index in 0..<8 {
      inService[index].store(state.inService[index], ordering: .relaxed)
      triggerMode[index].store(state.triggerMode[index], ordering: .relaxed)
      requests[index].store(state.requests[index], ordering: .relaxed)
    }
    pins.store(state.pins, ordering: .relaxed)
    lateBeats.store(state.lateBeats, ordering: .relaxed)
    changeTimer {
      $0.initialCount = state.initialCount
      $0.divideConfiguration = state.divideConfiguration
      $0.deadline = state.deadline
      $0.tscDeadline = state.tscDeadline
    }
    target?.interruptPending()
  }

  /// A few lines for a person.
  public func info() -> String {
    func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
    let state = save()
    func vectors(_ words: [UInt32]) -> String {
      (0..<256).filter { words[$0 >> 5] >> UInt32($0 & 31) & 1 == 1 }.map { hex(UInt64($0)) }.joined(separator: " ")
    }
    return """
      local APIC \(id): \(mode), base \(hex(state.apicBase)), SVR \(hex(UInt64(state.spurious)))
      TPR \(hex(UInt64(state.taskPriority))) PPR \(hex(UInt64(processorPriority))) ESR \(hex(UInt64(state.errorStatus)))
      LVT \(state.lvt.map { hex(UInt64($0)) }.joined(separator: " "))
      ISR [\(vectors(state.inService))] IRR [\(vectors(state.requests))] TMR [\(vectors(state.triggerMode))]
      timer \(timerMode): initial \(state.initialCount), current \(currentCount)
      """
  }
}
