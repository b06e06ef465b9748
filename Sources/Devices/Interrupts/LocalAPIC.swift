import Base
import Synchronization

/// What a local APIC needs of its machine: guest time and one timer.
///
/// `arm` replaces an earlier time. The clock later calls `LocalAPIC.timerFired()` from any thread,
/// holding no lock that `arm`, `disarm` or `now` take, and never from inside `arm`.
public protocol LocalAPICClock: AnyObject, Sendable {
  var now: VirtualTime { get }
  func arm(at time: VirtualTime)
  func disarm()
  /// Guest time at which the vCPU's time-stamp counter reaches `tsc`.
  func time(ofTSC tsc: UInt64) -> VirtualTime
}

/// A local APIC with xAPIC and x2APIC interfaces (SDM 3A, chapter 11).
///
/// - Units: the timer's input clock is 1 GHz, so one undivided tick is 1 ns of guest time.
/// - Threads: registers belong to the vCPU's thread; `deliver`, `lint`, `timerFired` and the state queries may come
///   from any thread. All but the timer are atomics. The timer lock is a leaf: nothing is called under it.
/// - Not modelled: SMI, ExtINT messages (LINT0 carries the 8259), thermal and performance sources,
///   EOI-broadcast suppression, a writable APIC ID.
public final class LocalAPIC: Sendable {
  public enum Mode: Sendable, Equatable { case disabled, xAPIC, x2APIC }

  /// Order of `lvt`: that of the registers 320h...370h.
  enum LVT: Int { case timer = 0, thermal, performance, lint0, lint1, error }

  /// Error status register bits (SDM 3A, figure 11-9).
  enum ErrorBit {
    static let sendIllegalVector: UInt32 = 1 << 5
    static let receiveIllegalVector: UInt32 = 1 << 6
    static let illegalRegister: UInt32 = 1 << 7
  }

  static let masked: UInt32 = 1 << 16
  static let baseEnable: UInt64 = 1 << 11
  static let baseX2APIC: UInt64 = 1 << 10
  static let baseBSP: UInt64 = 1 << 8
  /// Reset value of IA32_APIC_BASE without the BSP flag.
  static let defaultBase: UInt64 = 0xfee0_0000 | baseEnable

  /// Initial APIC ID; in xAPIC mode the low eight bits count.
  public let id: UInt32
  let isBootProcessor: Bool
  let physicalBits: Int
  let clock: any LocalAPICClock

  let baseMSR: Atomic<UInt64>
  let taskPriority = Atomic<UInt32>(0)
  let logicalDestination = Atomic<UInt32>(0)
  let destinationFormat = Atomic<UInt32>(0xffff_ffff)
  let spurious = Atomic<UInt32>(0xff)
  let errorStatus = Atomic<UInt32>(0)
  /// Errors since the last write to ESR.
  let newErrors = Atomic<UInt32>(0)
  let interruptCommand = Atomic<UInt64>(0)
  let lvt = InlineArray<6, Atomic<UInt32>> { _ in Atomic(LocalAPIC.masked) }
  let inService = InlineArray<8, Atomic<UInt32>> { _ in Atomic(0) }
  let triggerMode = InlineArray<8, Atomic<UInt32>> { _ in Atomic(0) }
  let requests = InlineArray<8, Atomic<UInt32>> { _ in Atomic(0) }
  /// Levels of LINT0 and LINT1 (bits 0 and 1).
  let pins = Atomic<UInt32>(0)
  let timer = Mutex(TimerState())
  /// Beats of the periodic timer due and not yet requested.
  let lateBeats = Atomic<UInt32>(0)

  private let busLink = AtomicLazyReference<BusLink>()
  private let targetLink = AtomicLazyReference<TargetLink>()

  /// - Parameters:
  ///   - id: initial APIC ID.
  ///   - isBootProcessor: sets the BSP flag; its LINT0 passes the 8259 from reset on.
  ///   - physicalBits: MAXPHYADDR, the width of the base address in IA32_APIC_BASE.
  public init(id: UInt32, isBootProcessor: Bool, physicalBits: Int = 40, clock: some LocalAPICClock) {
    self.id = id
    self.isBootProcessor = isBootProcessor
    self.physicalBits = min(max(physicalBits, 32), 52)
    self.clock = clock
    baseMSR = Atomic(LocalAPIC.defaultBase | (isBootProcessor ? LocalAPIC.baseBSP : 0))
    resetRegisters()
  }

  /// Names the vCPU; the first call counts. Held weakly.
  public func attach(_ target: some InterruptTarget) { _ = targetLink.storeIfNil(TargetLink(target)) }
  func join(_ bus: APICBus) { _ = busLink.storeIfNil(BusLink(bus)) }
  var bus: APICBus? { busLink.load()?.bus }
  var target: (any InterruptTarget)? { targetLink.load()?.target }

  /// Hardware reset: everything, with xAPIC mode at FEE00000h.
  public func reset() {
    baseMSR.store(LocalAPIC.defaultBase | (isBootProcessor ? LocalAPIC.baseBSP : 0), ordering: .releasing)
    resetRegisters()
  }

  /// What an INIT does: registers as after power-on, while IA32_APIC_BASE stays (SDM 3A, 11.4.7.3).
  /// The vCPU calls this when it takes the INIT.
  public func initReset() { resetRegisters() }

  func resetRegisters() {
    taskPriority.store(0, ordering: .relaxed)
    logicalDestination.store(0, ordering: .relaxed)
    destinationFormat.store(0xffff_ffff, ordering: .relaxed)
    spurious.store(0xff, ordering: .relaxed)
    errorStatus.store(0, ordering: .relaxed)
    newErrors.store(0, ordering: .relaxed)
    interruptCommand.store(0, ordering: .relaxed)
    for index in 0..<6 { lvt[index].store(LocalAPIC.masked, ordering: .relaxed) }
    // Real firmware opens LINT0 for the 8259 before anything needs it; a legacy BIOS may expect it open already.
    if isBootProcessor { lvt[LVT.lint0.rawValue].store(0x700, ordering: .relaxed) }
    for index in 0..<8 {
      inService[index].store(0, ordering: .relaxed)
      triggerMode[index].store(0, ordering: .relaxed)
      requests[index].store(0, ordering: .relaxed)
    }
    lateBeats.store(0, ordering: .releasing)
    changeTimer { $0 = TimerState() }
  }

  // MARK: Mode

  public var mode: Mode {
    let base = baseMSR.load(ordering: .acquiring)
    guard base & LocalAPIC.baseEnable != 0 else { return .disabled }
    return base & LocalAPIC.baseX2APIC != 0 ? .x2APIC : .xAPIC
  }
  /// IA32_APIC_BASE (MSR 1Bh).
  public var apicBase: UInt64 { baseMSR.load(ordering: .acquiring) }
  /// Where the 4 KiB register page answers, or nil outside xAPIC mode.
  public var registerPage: GuestPhysical? { mode == .xAPIC ? GuestPhysical(apicBase & ~0xfff) : nil }
  /// Whether SVR's software enable is set and the APIC takes fixed interrupts.
  public var isSoftwareEnabled: Bool { spurious.load(ordering: .acquiring) & 0x100 != 0 && mode != .disabled }

  /// Writes IA32_APIC_BASE; false means #GP: reserved bits, or a transition that SDM 3A figure 11-26 lacks.
  public func setAPICBase(_ value: UInt64) -> Bool {
    let address = ((UInt64(1) << UInt64(physicalBits)) - 1) & ~0xfff
    let legal = address | LocalAPIC.baseEnable | LocalAPIC.baseX2APIC | LocalAPIC.baseBSP
    guard value & ~legal == 0 else { return false }
    let enable = value & LocalAPIC.baseEnable != 0
    let extended = value & LocalAPIC.baseX2APIC != 0
    switch (mode, enable, extended) {
    case (_, false, true), (.disabled, true, true), (.x2APIC, true, false): return false
    default: break
    }
    let before = mode
    // The BSP flag keeps naming the boot processor whatever the guest writes.
    let kept = value & ~LocalAPIC.baseBSP | (isBootProcessor ? LocalAPIC.baseBSP : 0)
    baseMSR.store(kept, ordering: .releasing)
    if before != .disabled && mode == .disabled { resetRegisters() }
    return true
  }

  // MARK: Receiving

  /// Whether the destination of `message` names this processor.
  func isSelected(by message: InterruptMessage) -> Bool {
    let mode = mode
    guard mode != .disabled else { return false }
    if message.broadcast { return true }
    if !message.logical { return message.destination == (mode == .x2APIC ? id : id & 0xff) }
    let destination = message.destination
    if mode == .x2APIC {
      let ldr = x2LogicalDestination
      return ldr >> 16 == destination >> 16 && ldr & destination & 0xffff != 0
    }
    guard destination <= 0xff else { return false }
    let ldr = logicalDestination.load(ordering: .acquiring) >> 24
    if destinationFormat.load(ordering: .acquiring) >> 28 == 0xf { return ldr & destination != 0 }
    let sameCluster = ldr >> 4 == destination >> 4 || destination >> 4 == 0xf
    return sameCluster && ldr & destination & 0xf != 0
  }

  /// SDM 3A, 11.12.10.2: cluster in the upper half, position in the lower.
  var x2LogicalDestination: UInt32 { (id >> 4) << 16 | 1 << (id & 0xf) }

  /// Takes a message that selected this processor. Lock-free.
  public func deliver(_ message: InterruptMessage) {
    guard mode != .disabled else { return }
    switch message.mode {
    case .fixed, .lowestPriority: accept(message.vector, levelTriggered: message.levelTriggered)
    case .nmi: target?.raiseNMI()
    case .initialize: target?.raiseINIT()
    case .startUp: target?.raiseSIPI(vector: message.vector)
    case .smi, .reserved, .externalInterrupt: break
    }
  }

  /// Drives LINT0 (0: INTR of the 8259) or LINT1 (1: NMI of the board). Level-triggered entries act on the rising edge.
  public func lint(_ pin: Int, _ level: Bool) {
    guard pin == 0 || pin == 1 else { return }
    let bit: UInt32 = 1 << UInt32(pin)
    let before =
      level
      ? pins.bitwiseOr(bit, ordering: .acquiringAndReleasing).oldValue
      : pins.bitwiseAnd(~bit, ordering: .acquiringAndReleasing).oldValue
    guard level, before & bit == 0 else { return }
    if mode == .disabled {
      // Without a local APIC the pins are the processor's INTR and NMI.
      if pin == 0 { target?.interruptPending() } else { target?.raiseNMI() }
      return
    }
    raise(pin == 0 ? .lint0 : .lint1)
  }

  /// Delivers what the local vector table says for `source`.
  func raise(_ source: LVT) {
    let entry = lvt[source.rawValue].load(ordering: .acquiring)
    guard entry & LocalAPIC.masked == 0 else { return }
    // Timer and error entries have no delivery mode field: their bits 8-10 read as zero, fixed.
    switch entry >> 8 & 7 {
    case 0: accept(UInt8(truncatingIfNeeded: entry), levelTriggered: false)
    case 4: target?.raiseNMI()
    case 5: target?.raiseINIT()
    case 7: target?.interruptPending()
    default: break
    }
  }

  func accept(_ vector: UInt8, levelTriggered: Bool) {
    guard isSoftwareEnabled else { return }
    guard vector >= 16 else { return report(ErrorBit.receiveIllegalVector) }
    let word = Int(vector >> 5)
    let bit: UInt32 = 1 << UInt32(vector & 31)
    // The trigger mode must be visible to whoever sees the request.
    if levelTriggered {
      triggerMode[word].bitwiseOr(bit, ordering: .acquiringAndReleasing)
    } else {
      triggerMode[word].bitwiseAnd(~bit, ordering: .acquiringAndReleasing)
    }
    requests[word].bitwiseOr(bit, ordering: .sequentiallyConsistent)
    target?.interruptPending()
  }

  /// Collects an error for ESR and raises the error interrupt.
  func report(_ error: UInt32) {
    let before = newErrors.bitwiseOr(error, ordering: .acquiringAndReleasing).oldValue
    // An illegal vector in the error entry itself would report for ever.
    let entry = lvt[LVT.error.rawValue].load(ordering: .acquiring)
    if before & error == 0 && entry & 0xff >= 16 { raise(.error) }
  }

  // MARK: vCPU side

  static func highest(_ words: borrowing InlineArray<8, Atomic<UInt32>>) -> UInt8? {
    for word in stride(from: 7, through: 0, by: -1) {
      let bits = words[word].load(ordering: .acquiring)
      if bits != 0 { return UInt8(truncatingIfNeeded: word * 32 + 31 - bits.leadingZeroBitCount) }
    }
    return nil
  }

  /// PPR (SDM 3A, 11.8.3.1).
  public var processorPriority: UInt8 {
    let tpr = UInt8(truncatingIfNeeded: taskPriority.load(ordering: .acquiring))
    let serving = LocalAPIC.highest(inService) ?? 0
    return tpr >> 4 >= serving >> 4 ? tpr : serving & 0xf0
  }

  /// The vector that the processor would get now, without side effects.
  public func pendingVector() -> UInt8? {
    guard let vector = LocalAPIC.highest(requests), mode != .disabled else { return nil }
    return vector >> 4 > processorPriority >> 4 ? vector : nil
  }

  /// Whether IRR has a request for `vector`.
  func isRequested(_ vector: UInt8) -> Bool {
    requests[Int(vector >> 5)].load(ordering: .acquiring) >> UInt32(vector & 31) & 1 == 1
  }

  /// Takes `pendingVector()` into service.
  public func acknowledge() -> UInt8? {
    guard let vector = pendingVector() else { return nil }
    let bit: UInt32 = 1 << UInt32(vector & 31)
    requests[Int(vector >> 5)].bitwiseAnd(~bit, ordering: .acquiringAndReleasing)
    inService[Int(vector >> 5)].bitwiseOr(bit, ordering: .acquiringAndReleasing)
    if lateBeats.load(ordering: .relaxed) > 0 { repeatLateBeat(vector) }
    return vector
  }

  /// A write to the EOI register: ends the highest vector in service; a level-triggered one is told to the I/O APICs.
  public func eoi() {
    guard let vector = LocalAPIC.highest(inService) else { return }
    let word = Int(vector >> 5)
    let bit: UInt32 = 1 << UInt32(vector & 31)
    inService[word].bitwiseAnd(~bit, ordering: .acquiringAndReleasing)
    if triggerMode[word].load(ordering: .acquiring) & bit != 0 { bus?.endOfInterrupt(vector) }
    notifyIfDeliverable()
  }

  /// CR8: the upper half of TPR.
  public var cr8: UInt8 {
    get { UInt8(truncatingIfNeeded: taskPriority.load(ordering: .relaxed) >> 4) & 0xf }
    set { setTaskPriority(UInt32(newValue & 0xf) << 4) }
  }

  /// Whether INTR of the 8259 reaches the processor: no local APIC, or LINT0 open in ExtINT mode (virtual wire).
  public var acceptsPIC: Bool {
    mode == .disabled
      || lvt[LVT.lint0.rawValue].load(ordering: .acquiring) & (LocalAPIC.masked | 0x700) == 0x700
  }

  func setTaskPriority(_ value: UInt32) {
    taskPriority.store(value & 0xff, ordering: .releasing)
    notifyIfDeliverable()
  }

  private func notifyIfDeliverable() {
    if pendingVector() != nil { target?.interruptPending() }
  }
}

/// Weak, set once, readable without a lock.
private final class BusLink: Sendable {
  weak let bus: APICBus?
  init(_ bus: APICBus) { self.bus = bus }
}
private final class TargetLink: Sendable {
  weak let target: (any InterruptTarget)?
  init(_ target: some InterruptTarget) { self.target = target }
}
