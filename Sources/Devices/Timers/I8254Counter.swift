import Base

/// One counter of an 8254, as a function of elapsed input clocks rather than a thing that ticks.
///
/// Times are absolute input clocks (1 clock = 1/1_193_182 s of guest time since power-on). The clock pulse that
/// a real chip spends on loading a count is left out: a count takes effect with the write of its last byte.
public struct I8254Counter: SavedState {
  /// What guests may program; control words 6 and 7 mean 2 and 3.
  public enum Mode: UInt8, Sendable {
    case interruptOnTerminalCount, hardwareOneShot, rateGenerator, squareWave, softwareStrobe, hardwareStrobe
  }
  public private(set) var mode = Mode.squareWave
  private var isBCD = false
  /// RW field of the control word: 1 low byte, 2 high byte, 3 low then high.
  private var accessMode: UInt8 = 3
  /// Count register as written; 0 stands for the modulus.
  private var reload: UInt16 = 0
  /// Count written while a period of mode 2 or 3 runs: takes over when the period ends.
  private var nextReload: UInt16?
  /// The count that the running sequence started with.
  private var loaded: UInt16 = 0
  private var startedAt: UInt64 = 0
  /// Clocks counted before the gate last stopped the counter.
  private var elapsedBefore: UInt64 = 0
  private var isCounting = false
  /// A count was written since the control word.
  private var hasCount = false
  /// Modes 1 and 5: a trigger started the sequence.
  private var isTriggered = false
  private var nullCount = true
  public private(set) var gate = true
  private var pendingLow: UInt8?
  private var readsHighNext = false
  private var latchedCount: UInt16?
  private var latchedStatus: UInt8?
  /// Rising edges of the present sequence that `takeEdges` has reported.
  private var reportedEdges: UInt64 = 0
  /// Rising edges of ended sequences that it has not.
  private var bankedEdges: UInt64 = 0

  /// Far beyond any machine's life, and far from overflow when added to a period.
  private static let clockLimit: UInt64 = 1 << 60

  public init() {}
  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("mode", &mode)
    try visit.field("isBCD", &isBCD)
    try visit.field("accessMode", &accessMode, in: 1...3)
    try visit.field("reload", &reload)
    try visit.field("nextReload", &nextReload)
    try visit.field("loaded", &loaded)
    try visit.field("startedAt", &startedAt, in: 0...I8254Counter.clockLimit)
    try visit.field("elapsedBefore", &elapsedBefore, in: 0...I8254Counter.clockLimit)
    try visit.field("isCounting", &isCounting)
    try visit.field("hasCount", &hasCount)
    try visit.field("isTriggered", &isTriggered)
    try visit.field("nullCount", &nullCount)
    try visit.field("gate", &gate)
    try visit.field("pendingLow", &pendingLow)
    try visit.field("readsHighNext", &readsHighNext)
    try visit.field("latchedCount", &latchedCount)
    try visit.field("latchedStatus", &latchedStatus)
    try visit.field("reportedEdges", &reportedEdges, in: 0...I8254Counter.clockLimit)
    try visit.field("bankedEdges", &bankedEdges, in: 0...I8254Counter.clockLimit)
  }

  // MARK: Counting

  private var modulus: UInt64 { isBCD ? 10_000 : 65_536 }
  /// Clocks of one sequence, 1...modulus.
  public var period: UInt64 {
    let count = isBCD ? I8254Counter.fromBCD(loaded) : UInt64(loaded)
    return count == 0 ? modulus : min(count, modulus)
  }
  private func elapsed(_ now: UInt64) -> UInt64 {
    guard isCounting else { return elapsedBefore }
    return elapsedBefore &+ (now > startedAt ? now - startedAt : 0)
  }
  /// Ends for good at the terminal count, so that a new count starts a new sequence.
  var isOneShot: Bool { !isPeriodic }
  private var isPeriodic: Bool { mode == .rateGenerator || mode == .squareWave }

  /// The counting element.
  private func count(_ now: UInt64) -> UInt64 {
    let (elapsed, period) = (elapsed(now), period)
    switch mode {
    case .interruptOnTerminalCount, .hardwareOneShot, .softwareStrobe, .hardwareStrobe:
      // Counts on through zero, modulo the width of the register.
      return (period + modulus - elapsed % modulus) % modulus
    case .rateGenerator:
      return period - elapsed % period
    case .squareWave:
      // Down by two; an odd count spends its extra clock in the high half.
      let high = (period + 1) / 2
      let phase = elapsed % period
      return (period & ~1) &- 2 &* (phase < high ? phase : phase - high)
    }
  }
  /// OUT.
  public func output(_ now: UInt64) -> Bool {
    guard hasCount else { return mode != .interruptOnTerminalCount }
    let (elapsed, period) = (elapsed(now), period)
    switch mode {
    case .interruptOnTerminalCount: return elapsed >= period
    case .hardwareOneShot: return !isTriggered || elapsed >= period
    case .rateGenerator: return !gate || elapsed % period != period - 1
    case .squareWave: return !gate || elapsed % period < (period + 1) / 2
    case .softwareStrobe: return elapsed != period
    case .hardwareStrobe: return !isTriggered || elapsed != period
    }
  }

  /// Brings the counter to `now`: a count that waits for the end of the period takes over once that end has passed.
  public mutating func settle(_ now: UInt64) {
    guard let next = nextReload, isCounting, elapsed(now) >= period else { return }
    let beyond = elapsed(now) - period
    bankedEdges = min(bankedEdges + 1, I8254Counter.clockLimit)
    start(next, at: now >= beyond ? now - beyond : 0)
  }

  private mutating func start(_ count: UInt16, at clock: UInt64) {
    nextReload = nil
    nullCount = false
    loaded = count
    elapsedBefore = 0
    startedAt = min(clock, I8254Counter.clockLimit)
    reportedEdges = 0
    isCounting = gate || mode == .hardwareOneShot || mode == .hardwareStrobe
  }

  // MARK: Edges of OUT

  private func edgesOfSequence(_ now: UInt64) -> UInt64 {
    guard hasCount, gate else { return reportedEdges }
    switch mode {
    case .rateGenerator, .squareWave: return elapsed(now) / period
    case .interruptOnTerminalCount: return elapsed(now) >= period ? 1 : 0
    case .softwareStrobe: return elapsed(now) > period ? 1 : 0
    case .hardwareOneShot, .hardwareStrobe: return 0
    }
  }
  /// Rising edges since the last call. For the counter whose OUT interrupts (its gate is always high).
  public mutating func takeEdges(_ now: UInt64) -> UInt64 {
    settle(now)
    let sum = edgesOfSequence(now)
    let new = sum > reportedEdges ? sum - reportedEdges : 0
    reportedEdges = min(max(sum, reportedEdges), I8254Counter.clockLimit)
    defer { bankedEdges = 0 }
    return new &+ bankedEdges
  }
  /// When the next edge after those reported comes.
  public func nextEdge() -> UInt64? {
    guard hasCount, isCounting else { return nil }
    switch mode {
    case .rateGenerator, .squareWave:
      return startedAt &+ (reportedEdges &+ 1) &* period &- elapsedBefore
    case .interruptOnTerminalCount where reportedEdges == 0:
      return startedAt &+ period &- min(period, elapsedBefore)
    case .softwareStrobe where reportedEdges == 0:
      return startedAt &+ period &+ 1 &- min(period, elapsedBefore)
    default: return nil
    }
  }

  // MARK: Registers

  /// A control word that selects this counter, RW field not 0.
  public mutating func writeControl(_ value: UInt8) {
    accessMode = max(1, (value >> 4) & 3)
    let code = (value >> 1) & 7
    mode = Mode(rawValue: code > 5 ? code & 3 : code) ?? .squareWave
    isBCD = value & 1 != 0
    hasCount = false
    isCounting = false
    isTriggered = false
    nullCount = true
    nextReload = nil
    pendingLow = nil
    readsHighNext = false
    latchedCount = nil
    latchedStatus = nil
    elapsedBefore = 0
    reportedEdges = 0
    bankedEdges = 0
  }

  /// A byte of the count. Returns whether the count is now complete.
  @discardableResult
  public mutating func write(_ byte: UInt8, _ now: UInt64) -> Bool {
    settle(now)
    switch accessMode {
    case 1: load(UInt16(byte), now)
    case 2: load(UInt16(byte) << 8, now)
    default:
      guard let low = pendingLow else {
        pendingLow = byte
        // Mode 0: the first byte stops the count and takes OUT low at once.
        if mode == .interruptOnTerminalCount { stop(now) }
        return false
      }
      pendingLow = nil
      load(UInt16(byte) << 8 | UInt16(low), now)
    }
    return true
  }
  private mutating func stop(_ now: UInt64) {
    elapsedBefore = min(elapsed(now), I8254Counter.clockLimit)
    isCounting = false
    hasCount = false
  }
  private mutating func load(_ count: UInt16, _ now: UInt64) {
    reload = count
    nullCount = true
    switch mode {
    case .hardwareOneShot, .hardwareStrobe: break  // waits for the trigger
    case .rateGenerator, .squareWave:
      if hasCount, isCounting {
        // The running period ends with the old count. Mode 3 would change at the half period.
        let sum = elapsed(now)
        let edges = sum / period
        bankedEdges = min(bankedEdges + (edges > reportedEdges ? edges - reportedEdges : 0), I8254Counter.clockLimit)
        reportedEdges = 0
        elapsedBefore = sum % period
        startedAt = min(now, I8254Counter.clockLimit)
        nextReload = count
      } else {
        start(count, at: now)
      }
    default: start(count, at: now)
    }
    hasCount = true
  }

  public mutating func setGate(_ level: Bool, _ now: UInt64) {
    guard level != gate else { return }
    settle(now)
    let isTrigger = mode == .hardwareOneShot || mode == .hardwareStrobe
    if !level, !isTrigger {
      elapsedBefore = min(elapsed(now), I8254Counter.clockLimit)
      isCounting = false
    }
    gate = level
    guard level, hasCount else { return }
    if isTrigger {
      start(reload, at: now)
      isTriggered = true
    } else if isPeriodic {
      start(reload, at: now)
    } else {
      startedAt = min(now, I8254Counter.clockLimit)
      isCounting = true
    }
  }

  public mutating func latchCount(_ now: UInt64) {
    settle(now)
    if latchedCount == nil { latchedCount = register(now) }
  }
  public mutating func latchStatus(_ now: UInt64) {
    settle(now)
    guard latchedStatus == nil else { return }
    let flags: UInt8 = (output(now) ? 0x80 : 0) | (nullCount ? 0x40 : 0) | (isBCD ? 1 : 0)
    latchedStatus = flags | accessMode << 4 | mode.rawValue << 1
  }
  public mutating func read(_ now: UInt64) -> UInt8 {
    settle(now)
    if let status = latchedStatus {
      latchedStatus = nil
      return status
    }
    let value = latchedCount ?? register(now)
    let isHigh = accessMode == 2 || (accessMode == 3 && readsHighNext)
    if accessMode == 3 { readsHighNext.toggle() }
    if accessMode != 3 || isHigh { latchedCount = nil }
    return UInt8(truncatingIfNeeded: isHigh ? value >> 8 : value)
  }
  private func register(_ now: UInt64) -> UInt16 {
    let value = count(now)
    return isBCD ? I8254Counter.toBCD(value % 10_000) : UInt16(truncatingIfNeeded: value)
  }
  private static func fromBCD(_ value: UInt16) -> UInt64 {
    [12, 8, 4, 0].reduce(0) { $0 * 10 + UInt64((value >> UInt16($1)) & 15) }
  }
  private static func toBCD(_ value: UInt64) -> UInt16 {
    UInt16(value / 1000 % 10) << 12 | UInt16(value / 100 % 10) << 8 | UInt16(value / 10 % 10) << 4 | UInt16(value % 10)
  }
}
