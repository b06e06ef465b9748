import Base
import DeviceKit

/// High precision event timer block: a 100 MHz 64-bit counter and three comparators.
///
/// - Units: one tick is 10 ns of guest time; comparators and periods are in ticks.
/// - Outputs: 0 "irq0" and 1 "irq8" carry timers 0 and 1 in legacy replacement; 2 to 5 are I/O APIC inputs 20 to 23;
///   6 "legacyReplacement" is true while IRQ0 and IRQ8 belong to this block instead of the PIT and the RTC;
///   7 "late" is true while beats of a periodic comparator wait.
/// - Guests count periodic edges to keep time: a beat that comes while the last one still waits for a processor, or
///   that the host woke too late for, is delivered after the guest has taken the one before (input "taken").
/// - Spec: IA-PC HPET 1.0a (2004), 2.3.
/// - Not modelled: FSB delivery (its capability bit reads 0).
public struct HPET: Device {
  public static let comparatorCount = 3
  static let tick: Int64 = 10
  static let firstPin = 20
  /// GCAP_ID: 10 ns in femtoseconds, vendor 8086h, legacy capable, 64 bits, last comparator 2, revision 1.
  static let capabilities: UInt64 = 10_000_000 << 32 | 0x8086_a201
  /// Ticks. A comparator written with a moment just passed fires at once: a slow emulated write must not cost a full
  /// turn of the counter.
  static let recentPast: UInt64 = 1_000_000
  /// Shortest distance in ns between two host timers that a periodic comparator may cause.
  static let minimumInterval: Int64 = 20_000

  enum Config {
    static let level: UInt64 = 1 << 1, enable: UInt64 = 1 << 2, periodic: UInt64 = 1 << 3
    static let valueSet: UInt64 = 1 << 6, mode32: UInt64 = 1 << 8
    static let writable: UInt64 = 0x3f4e
    /// Periodic and 64-bit capable; routable to inputs 20-23.
    static let capabilities: UInt64 = 0x00f0_0000 << 32 | 0x30
  }
  enum Output { static let irq0 = 0, irq8 = 1, pin20 = 2, legacy = 6, late = 7 }
  /// Late beats beyond a second's worth are dropped; at the shortest interval this many.
  static let lateLimit = UInt32(second / minimumInterval)
  static let second: Int64 = 1_000_000_000

  public struct Comparator: SavedState {
    var config: UInt64 = 0
    var value: UInt64 = .max
    /// Periodic increment; 0 when none was written.
    var period: UInt64 = 0
    /// One-shot: the value has been reached and waits for a new write or a full turn.
    var spent = false
    /// Beats due and not yet delivered.
    var late: UInt32 = 0
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("config", &config, in: 0...Config.writable)
      try visit.field("value", &value)
      try visit.field("period", &period)
      try visit.field("spent", &spent)
      try visit.field("late", &late, in: 0...HPET.lateLimit)
    }
    var isPeriodic: Bool { config & Config.periodic != 0 }
    var is32Bit: Bool { config & Config.mode32 != 0 }
    var mask: UInt64 { is32Bit ? 0xffff_ffff : .max }
  }

  public struct State: SavedState {
    /// GEN_CONF: bit 0 counting, bit 1 legacy replacement.
    var config: UInt8 = 0
    /// GINTR_STA.
    var status: UInt8 = 0
    /// The counter while stopped, or its value at `startedAt`.
    var counter: UInt64 = 0
    var startedAt = VirtualTime(nanoseconds: 0)
    var comparators = [Comparator](repeating: Comparator(), count: HPET.comparatorCount)
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("config", &config, in: 0...3)
      try visit.field("status", &status, in: 0...7)
      try visit.field("counter", &counter)
      try visit.field("startedAt", &startedAt)
      try visit.fixedList("comparators", &comparators)
    }
  }

  public let descriptor: DeviceDescriptor
  public var state = State()

  public init(base: UInt64 = 0xfed0_0000) {
    descriptor = DeviceDescriptor(
      name: "hpet", regions: [.memory(base, size: 0x400, "HPET")],
      outputs: ["irq0", "irq8", "pin20", "pin21", "pin22", "pin23", "legacyReplacement", "late"],
      inputs: ["taken"],
      timers: (0..<HPET.comparatorCount).map { "comparator \($0)" })
  }

  public mutating func reset(_ host: some DeviceServices) {
    state = State()
    for index in 0..<HPET.comparatorCount { host.disarm(index) }
    drive(host)
  }

  public mutating func stateRestored(_ host: some DeviceServices) {
    for index in 0..<HPET.comparatorCount { state.comparators[index].config &= Config.writable }
    for index in 0..<HPET.comparatorCount { schedule(index, host) }
    drive(host)
  }

  private var counting: Bool { state.config & 1 != 0 }
  private var legacy: Bool { state.config & 2 != 0 }

  private func counter(_ now: VirtualTime) -> UInt64 {
    guard counting else { return state.counter }
    let passed = max(0, now.nanoseconds &- state.startedAt.nanoseconds)
    return state.counter &+ UInt64(passed / HPET.tick)
  }

  // MARK: Registers

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    let shift = (access.offset & 7) * 8
    return register(access.offset & ~7, host) >> shift
  }

  private mutating func register(_ offset: UInt64, _ host: some DeviceServices) -> UInt64 {
    switch offset {
    case 0x00: return HPET.capabilities
    case 0x10: return UInt64(state.config)
    case 0x20: return UInt64(state.status)
    case 0xf0: return counter(host.now)
    case 0x100..<(0x100 + 0x20 * UInt64(HPET.comparatorCount)):
      let index = Int(offset - 0x100) / 0x20
      switch offset & 0x1f {
      case 0x00: return state.comparators[index].config | Config.capabilities
      case 0x08:
        advance(index, host)
        return state.comparators[index].value & state.comparators[index].mask
      default: return 0
      }
    default: return 0
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    // Registers take aligned 32- and 64-bit writes (2.3.2).
    guard access.width >= 4, access.offset % UInt64(access.width) == 0 else {
      return host.log(.guestError, "HPET: write of \(access.width) bytes at offset \(access.offset)")
    }
    let shift = (access.offset & 7) * 8
    let mask: UInt64 = access.width >= 8 ? .max : 0xffff_ffff << shift
    let offset = access.offset & ~7
    let bits = value << shift & mask
    switch offset {
    case 0x10 where shift == 0: setConfig(UInt8(truncatingIfNeeded: value) & 3, host)
    case 0x20 where shift == 0:
      state.status &= ~UInt8(truncatingIfNeeded: value)
      drive(host)
    case 0xf0:
      guard !counting else { return host.log(.guestError, "HPET: counter written while it runs") }
      state.counter = state.counter & ~mask | bits
    case 0x100..<(0x100 + 0x20 * UInt64(HPET.comparatorCount)):
      let index = Int(offset - 0x100) / 0x20
      switch offset & 0x1f {
      case 0x00 where shift == 0: setComparatorConfig(index, bits, host)
      case 0x08: setComparator(index, bits, mask, host)
      default: break
      }
    default: break
    }
  }

  private mutating func setConfig(_ new: UInt8, _ host: some DeviceServices) {
    let wasCounting = counting
    if wasCounting {
      for index in 0..<HPET.comparatorCount { advance(index, host) }
      state.counter = counter(host.now)
    }
    state.startedAt = host.now
    state.config = new
    if new & 1 == 0 { for index in 0..<HPET.comparatorCount { state.comparators[index].late = 0 } }
    for index in 0..<HPET.comparatorCount { schedule(index, host) }
    drive(host)
  }

  private mutating func setComparatorConfig(_ index: Int, _ value: UInt64, _ host: some DeviceServices) {
    advance(index, host)
    state.comparators[index].config = value & Config.writable
    state.comparators[index].late = 0
    if state.comparators[index].is32Bit {
      state.comparators[index].value &= 0xffff_ffff
      state.comparators[index].period &= 0xffff_ffff
    }
    // An edge-triggered timer has no status.
    if value & Config.level == 0 { state.status &= ~(1 << UInt8(index)) }
    schedule(index, host)
    drive(host)
  }

  /// A periodic comparator's write sets the increment, and with VAL_SET the next match too (2.3.9.2.2).
  private mutating func setComparator(_ index: Int, _ bits: UInt64, _ mask: UInt64, _ host: some DeviceServices) {
    advance(index, host)
    var comparator = state.comparators[index]
    if comparator.isPeriodic { comparator.period = (comparator.period & ~mask | bits) & comparator.mask }
    if !comparator.isPeriodic || comparator.config & Config.valueSet != 0 {
      comparator.value = (comparator.value & ~mask | bits) & comparator.mask
      comparator.spent = false
    }
    let keepsValue = comparator.isPeriodic && comparator.config & Config.valueSet == 0
    comparator.config &= ~Config.valueSet
    state.comparators[index] = comparator
    // A value that lay behind the counter already says nothing of beats with the new period.
    if keepsValue { advance(index, host) }
    state.comparators[index].late = 0
    driveLate(host)
    schedule(index, host)
  }

  // MARK: Matching

  /// Ticks until comparator `index` matches; 0 when it just did.
  private func distance(_ comparator: Comparator, _ counter: UInt64) -> UInt64 {
    let ahead = (comparator.value &- counter) & comparator.mask
    let behind = (counter &- comparator.value) & comparator.mask
    if comparator.spent { return ahead == 0 ? comparator.mask : ahead }
    return behind < HPET.recentPast ? 0 : ahead
  }

  /// Moves a periodic comparator past the present counter and notes the beats.
  private mutating func advance(_ index: Int, _ host: some DeviceServices) {
    let comparator = state.comparators[index]
    guard counting, comparator.isPeriodic, comparator.period != 0 else { return }
    let behind = (counter(host.now) &- comparator.value) & comparator.mask
    // More than half a turn behind is ahead.
    guard behind <= comparator.mask >> 1 else { return }
    let steps = behind / comparator.period &+ 1
    state.comparators[index].value = (comparator.value &+ steps &* comparator.period) & comparator.mask
    guard comparator.config & Config.enable != 0 else { return }
    // Faster than anyone can serve: one beat stands for all that came since the last.
    let isTooFast = comparator.period < UInt64(HPET.minimumInterval / HPET.tick)
    let limit = isTooFast ? 1 : max(1, UInt64(HPET.second / HPET.tick) / comparator.period)
    let sum = UInt64(comparator.late).addingReportingOverflow(steps)
    state.comparators[index].late = UInt32(sum.overflow ? limit : min(sum.partialValue, limit))
    driveLate(host)
  }

  /// Sends one late beat of a periodic comparator, unless the last one still waits.
  private mutating func deliver(_ index: Int, _ host: some DeviceServices) {
    guard state.comparators[index].late > 0 else { return }
    let isLevel = state.comparators[index].config & Config.level != 0
    switch isLevel ? .ignored : output(index).map({ host.fate(of: $0) }) ?? .ignored {
    case .waiting: return driveLate(host)
    // A level says only that there were some.
    case .ignored: state.comparators[index].late = 0
    case .taken: state.comparators[index].late -= 1
    }
    // First: whoever takes the edge must see whether there are more.
    driveLate(host)
    raise(index, host)
  }

  public mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices) {
    guard input == 0, level else { return }
    for index in 0..<HPET.comparatorCount where state.comparators[index].late > 0 {
      deliver(index, host)
      schedule(index, host)
    }
  }

  /// `isFresh`: nothing was sent just now, so the next match may follow at once.
  private func schedule(_ index: Int, isFresh: Bool = true, _ host: some DeviceServices) {
    let comparator = state.comparators[index]
    guard counting, comparator.config & Config.enable != 0, !(comparator.isPeriodic && comparator.period == 0) else {
      return host.disarm(index)
    }
    let now = host.now
    var ticks = distance(comparator, counter(now))
    if comparator.isPeriodic {
      // Late beats are looked at in between, in case nobody says when the guest is ready for the next.
      if comparator.late > 0 { ticks = min(ticks, comparator.period / 2) }
      // Too fast for the host: beats are skipped, the accumulator catches up at the next one.
      ticks = max(ticks, isFresh ? 0 : UInt64(HPET.minimumInterval / HPET.tick))
    }
    guard ticks < 1 << 58 else { return host.disarm(index) }
    // From the tick boundary, not from `now`: the counter's phase is that of `startedAt`.
    let passed = max(0, now.nanoseconds &- state.startedAt.nanoseconds) % HPET.tick
    host.arm(index, at: now.adding(nanoseconds: max(0, Int64(ticks) * HPET.tick - passed)))
  }

  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) {
    guard timer >= 0, timer < HPET.comparatorCount else { return }
    let comparator = state.comparators[timer]
    guard counting, comparator.config & Config.enable != 0 else { return }
    if comparator.isPeriodic {
      advance(timer, host)
      deliver(timer, host)
      return schedule(timer, isFresh: false, host)
    } else {
      guard distance(comparator, counter(host.now)) == 0 else { return schedule(timer, host) }
      state.comparators[timer].spent = true
      raise(timer, host)
    }
    schedule(timer, host)
  }

  // MARK: Lines

  /// The output of comparator `index`, or nil when it is routed nowhere.
  private func output(_ index: Int) -> Int? {
    if legacy && index < 2 { return index == 0 ? Output.irq0 : Output.irq8 }
    let pin = Int(state.comparators[index].config >> 9 & 0x1f)
    return pin >= HPET.firstPin && pin < HPET.firstPin + 4 ? Output.pin20 + pin - HPET.firstPin : nil
  }

  private mutating func raise(_ index: Int, _ host: some DeviceServices) {
    if state.comparators[index].config & Config.level != 0 {
      state.status |= 1 << UInt8(index)
      drive(host)
    } else if let output = output(index) {
      host.setLine(output, true)
      host.setLine(output, false)
    }
  }

  private func driveLate(_ host: some DeviceServices) {
    host.setLine(Output.late, state.comparators.contains { $0.late > 0 })
  }

  private func drive(_ host: some DeviceServices) {
    var levels = [Bool](repeating: false, count: Output.legacy + 1)
    for index in 0..<HPET.comparatorCount where state.status >> UInt8(index) & 1 == 1 {
      if state.comparators[index].config & Config.enable != 0, let output = output(index) { levels[output] = true }
    }
    levels[Output.legacy] = legacy
    for (output, level) in levels.enumerated() { host.setLine(output, level) }
    driveLate(host)
  }

  public func info() -> String {
    var lines = [
      "HPET: \(counting ? "counting" : "stopped")\(legacy ? ", legacy replacement" : ""), status \(state.status)"
    ]
    for (index, comparator) in state.comparators.enumerated() {
      lines.append(
        "comparator \(index): config 0x\(String(comparator.config, radix: 16)), value \(comparator.value), "
          + "period \(comparator.period)")
    }
    return lines.joined(separator: "\n")
  }
}
