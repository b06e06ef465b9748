import Base
import DeviceKit

/// Motorola MC146818 clock and CMOS RAM, with the century byte at 32h and a second bank of 128 bytes.
///
/// - Ports: 70h index (bit 7 masks NMI), 71h data, 72h/73h the same for the upper bank.
/// - Outputs: 0 "irq8"; 1 "nmiMask", true while NMI is masked.
/// - Time: seconds since 1970 UTC. Seconds turn over in guest time; when that drifts from the host's wall clock
///   by two seconds (a pause), the clock follows the wall.
/// - Guests count periodic interrupts to keep time: beats that come while a processor has yet to take the last one, or
///   that the host woke too late for, follow shortly after the guest has read register C.
/// - Spec: Motorola MC146818 data sheet (1984), *Register A-D*, *Update cycle*; PC/AT CMOS map.
/// - Not modelled: the square-wave pin, daylight saving.
public struct RTC: Device {
  enum RegisterB {
    static let set: UInt8 = 0x80, pie: UInt8 = 0x40, aie: UInt8 = 0x20, uie: UInt8 = 0x10
    static let binary: UInt8 = 0x04, hours24: UInt8 = 0x02
  }
  enum RegisterC { static let irqf: UInt8 = 0x80, pf: UInt8 = 0x40, af: UInt8 = 0x20, uf: UInt8 = 0x10 }
  enum Output { static let irq8 = 0, nmiMask = 1 }
  enum Timer { static let periodic = 0, second = 1, late = 2 }
  /// Late beats beyond a second's worth, at the highest rate, are dropped.
  static let lateLimit: UInt32 = 8192
  static let centuryIndex = 0x32
  static let second: Int64 = 1_000_000_000
  /// UIP rises this long (tBUC) before the seconds turn over.
  static let updateWarning: Int64 = 244_000

  public struct State: SavedState {
    var index: UInt8 = 0
    var upperIndex: UInt8 = 0
    var nmiMasked = false
    /// Bytes 0-127 of the chip and 128 of the upper bank. The time bytes are live only while the clock is stopped.
    var cmos = RTC.initialCMOS
    /// Clock reading, seconds since 1970, at `baseTime`.
    var baseSeconds: Int64 = 0
    var baseTime = VirtualTime(nanoseconds: 0)
    /// What the guest's setting of the clock added to the wall clock.
    var wallOffset: Int64 = 0
    /// False until the first access took the wall clock.
    var started = false
    /// Days to add to the computed day of the week, as the guest set it.
    var weekdayShift: UInt8 = 0
    /// Second up to which update and alarm flags have been raised.
    var flaggedUntil: Int64 = 0
    var nextPeriodic: VirtualTime?
    /// Periodic interrupts due and not yet delivered, and when the next of them may come.
    var late: UInt32 = 0
    var nextLate: VirtualTime?
    public init() {}

    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("index", &index, in: 0...0x7f)
      try visit.field("upperIndex", &upperIndex, in: 0...0x7f)
      try visit.field("nmiMasked", &nmiMasked)
      try visit.fixedBytes("cmos", &cmos)
      try visit.field("baseSeconds", &baseSeconds, in: 0...RTC.lastSecond)
      try visit.field("baseTime", &baseTime)
      try visit.field("wallOffset", &wallOffset, in: -RTC.lastSecond...RTC.lastSecond)
      try visit.field("started", &started)
      try visit.field("weekdayShift", &weekdayShift, in: 0...6)
      try visit.field("flaggedUntil", &flaggedUntil, in: 0...RTC.lastSecond)
      try visit.field("nextPeriodic", &nextPeriodic)
      try visit.field("late", &late, in: 0...RTC.lateLimit)
      try visit.field("nextLate", &nextLate)
    }
  }

  /// The clock runs from 1970 to the end of 9999.
  static let lastSecond: Int64 = 253_402_300_799
  static var initialCMOS: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 256)
    bytes[0x0a] = 0x26
    bytes[0x0b] = RegisterB.hours24
    bytes[0x0d] = 0x80
    return bytes
  }

  public let descriptor = DeviceDescriptor(
    name: "rtc", regions: [.ports(0x70...0x73, "clock and CMOS", accessWidth: 1)], outputs: ["irq8", "nmiMask"],
    timers: ["periodic", "second", "late"])
  public var state = State()
  public init() {}

  // MARK: CMOS for the machine

  /// Sets CMOS byte `index` (0-255) at power-on: memory sizes, boot order and the like.
  /// Time and control bytes are refused.
  public mutating func setCMOS(_ index: Int, _ value: UInt8) {
    guard (0x0e..<256).contains(index), index != RTC.centuryIndex else { return }
    state.cmos[index] = value
  }
  /// CMOS byte `index` (0-255).
  public func cmos(_ index: Int) -> UInt8 { (0..<256).contains(index) ? state.cmos[index] : 0xff }

  /// RESET#: interrupts off, flags clear; time and RAM live on from the battery.
  public mutating func reset(_ host: some DeviceServices) {
    start(host)
    state.index = 0
    state.upperIndex = 0
    state.nmiMasked = false
    state.cmos[0x0b] &= ~(RegisterB.pie | RegisterB.aie | RegisterB.uie | 0x08)
    state.cmos[0x0c] = 0
    schedule(host)
    drive(host)
  }

  public mutating func stateRestored(_ host: some DeviceServices) {
    schedule(host)
    drive(host)
  }

  // MARK: The running clock

  private var controlA: UInt8 { state.cmos[0x0a] }
  private var controlB: UInt8 { state.cmos[0x0b] }
  /// SET, or the divider chain held in reset (register A, DV = 11x).
  private var stopped: Bool { controlB & RegisterB.set != 0 || controlA & 0x60 == 0x60 }

  private mutating func start(_ host: some DeviceServices) {
    guard !state.started else { return }
    state.started = true
    state.baseTime = host.now
    state.baseSeconds = clamp(host.wallClockSeconds)
    state.flaggedUntil = state.baseSeconds
  }

  private func clamp(_ seconds: Int64) -> Int64 { min(max(seconds, 0), RTC.lastSecond) }

  private func elapsed(_ now: VirtualTime) -> Int64 { max(0, now.nanoseconds &- state.baseTime.nanoseconds) }

  /// The present reading; follows the wall clock when guest time has stood still.
  private mutating func seconds(_ host: some DeviceServices) -> Int64 {
    start(host)
    let now = host.now
    let reading = clamp(state.baseSeconds &+ elapsed(now) / RTC.second)
    let wall = clamp(clamp(host.wallClockSeconds) + state.wallOffset)
    guard abs(reading - wall) >= 2 else { return reading }
    state.baseSeconds = clamp(wall - elapsed(now) / RTC.second)
    // A wall clock before the base would clamp: then start over at this moment.
    if state.baseSeconds + elapsed(now) / RTC.second != wall {
      state.baseSeconds = wall
      state.baseTime = now
    }
    if state.flaggedUntil > wall { state.flaggedUntil = wall }
    return wall
  }

  /// Guest time at which the reading becomes `second`.
  private func time(of second: Int64) -> VirtualTime {
    let (distance, overflow) = (second - state.baseSeconds).multipliedReportingOverflow(by: RTC.second)
    return overflow ? VirtualTime(nanoseconds: .max) : state.baseTime.adding(nanoseconds: distance)
  }

  private mutating func updateInProgress(_ host: some DeviceServices) -> Bool {
    guard !stopped else { return false }
    _ = seconds(host)
    return RTC.second - elapsed(host.now) % RTC.second <= RTC.updateWarning
  }

  // MARK: Calendar

  private func encode(_ value: Int64) -> UInt8 {
    UInt8(truncatingIfNeeded: controlB & RegisterB.binary != 0 ? value : (value / 10) << 4 | value % 10)
  }
  private func decode(_ byte: UInt8) -> Int64 {
    controlB & RegisterB.binary != 0 ? Int64(byte) : Int64(byte >> 4) * 10 + Int64(byte & 0xf)
  }
  private func encodeHour(_ hour: Int64) -> UInt8 {
    if controlB & RegisterB.hours24 != 0 { return encode(hour) }
    return encode((hour + 11) % 12 + 1) | (hour >= 12 ? 0x80 : 0)
  }
  private func decodeHour(_ byte: UInt8) -> Int64 {
    if controlB & RegisterB.hours24 != 0 { return decode(byte) }
    return decode(byte & 0x7f) % 12 + (byte & 0x80 != 0 ? 12 : 0)
  }

  /// Writes `seconds` into the time bytes.
  private mutating func unpack(_ seconds: Int64) {
    let days = seconds / 86_400
    let date = CivilDate(daysSince1970: days)
    state.cmos[0] = encode(seconds % 60)
    state.cmos[2] = encode(seconds / 60 % 60)
    state.cmos[4] = encodeHour(seconds / 3600 % 24)
    // 1970-01-01 was a Thursday; Sunday is 1.
    state.cmos[6] = encode((days + 4 + Int64(state.weekdayShift)) % 7 + 1)
    state.cmos[7] = encode(date.day)
    state.cmos[8] = encode(date.month)
    state.cmos[9] = encode(date.year % 100)
    state.cmos[RTC.centuryIndex] = encode(date.year / 100)
  }

  /// The second that the time bytes name; impossible dates are carried over.
  private func pack() -> Int64 {
    let date = CivilDate(
      year: decode(state.cmos[RTC.centuryIndex]) * 100 + decode(state.cmos[9]), month: decode(state.cmos[8]),
      day: decode(state.cmos[7]))
    let time = decodeHour(state.cmos[4]) * 3600 + decode(state.cmos[2]) * 60 + decode(state.cmos[0])
    return clamp(date.daysSince1970 * 86_400 + time)
  }

  /// Makes the time bytes the new reading. `fraction` is the ns already passed of the current second.
  private mutating func set(fraction: Int64, _ host: some DeviceServices) {
    let reading = pack()
    let weekday = (reading / 86_400 + 4) % 7
    state.weekdayShift = UInt8(truncatingIfNeeded: ((decode(state.cmos[6]) + 6 - weekday) % 7 + 7) % 7)
    state.baseSeconds = reading
    state.baseTime = VirtualTime(nanoseconds: host.now.nanoseconds &- fraction)
    state.wallOffset = reading - clamp(host.wallClockSeconds)
    state.flaggedUntil = reading
  }

  // MARK: Ports

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard access.width == 1 else { return .max }
    switch access.offset {
    case 0: return UInt64(state.index | (state.nmiMasked ? 0x80 : 0))
    case 1: return UInt64(readByte(Int(state.index), host))
    case 2: return UInt64(state.upperIndex)
    case 3: return UInt64(state.cmos[128 + Int(state.upperIndex)])
    default: return .max
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    let byte = UInt8(truncatingIfNeeded: value)
    switch access.offset {
    case 0:
      state.index = byte & 0x7f
      state.nmiMasked = byte & 0x80 != 0
      host.setLine(Output.nmiMask, state.nmiMasked)
    case 1: writeByte(Int(state.index), byte, host)
    case 2: state.upperIndex = byte & 0x7f
    case 3: state.cmos[128 + Int(state.upperIndex)] = byte
    default: break
    }
  }

  private func isTimeByte(_ index: Int) -> Bool {
    switch index {
    case 0, 2, 4, 6, 7, 8, 9, RTC.centuryIndex: true
    default: false
    }
  }

  private mutating func readByte(_ index: Int, _ host: some DeviceServices) -> UInt8 {
    switch index {
    case 0x0a: return controlA & 0x7f | (updateInProgress(host) ? 0x80 : 0)
    case 0x0c:
      raiseFlags(host)
      let flags = state.cmos[0x0c]
      state.cmos[0x0c] = 0
      if state.late > 0, state.nextLate == nil {
        state.nextLate = host.now.adding(nanoseconds: (period ?? 0) / 8)
      }
      schedule(host)
      drive(host)
      return flags
    case 0x0d: return 0x80
    case _ where isTimeByte(index) && !stopped: unpack(seconds(host))
    default: break
    }
    return state.cmos[index]
  }

  private mutating func writeByte(_ index: Int, _ value: UInt8, _ host: some DeviceServices) {
    switch index {
    case 0x0a, 0x0b: setControl(index, value, host)
    case 0x0c, 0x0d: break  // read-only
    case _ where isTimeByte(index):
      guard !stopped else {
        state.cmos[index] = value
        return
      }
      let reading = seconds(host)
      unpack(reading)
      state.cmos[index] = value
      set(fraction: elapsed(host.now) % RTC.second, host)
      schedule(host)
    case 1, 3, 5:
      state.cmos[index] = value
      schedule(host)
    default: state.cmos[index] = value
    }
  }

  /// Registers A and B: they may stop, start or re-code the clock.
  private mutating func setControl(_ index: Int, _ value: UInt8, _ host: some DeviceServices) {
    raiseFlags(host)
    let wasStopped = stopped
    let dividerReset = controlA & 0x60 == 0x60
    if !wasStopped { unpack(seconds(host)) }
    let oldB = controlB
    // A change of code leaves the bytes as they are: the guest writes them anew.
    // SET clears UIE (register B description).
    state.cmos[index] = index == 0x0a ? value & 0x7f : value & 0x80 != 0 ? value & ~RegisterB.uie : value
    if wasStopped && !stopped {
      // After a divider reset the first update comes half a second later.
      set(fraction: dividerReset ? RTC.second / 2 : 0, host)
    }
    if index == 0x0a || (oldB ^ controlB) & RegisterB.pie != 0 {
      state.nextPeriodic = nil
      state.late = 0
    }
    schedule(host)
    drive(host)
  }

  // MARK: Interrupts

  /// Nanoseconds between periodic interrupts, or nil when off (register A, RS with the 32.768 kHz base).
  private var period: Int64? {
    let rate = Int64(controlA & 0xf)
    guard rate != 0, controlA & 0x60 != 0x60 else { return nil }
    // Rates 1 and 2 repeat 8 and 9.
    let shift = rate <= 2 ? rate + 6 : rate - 1
    return (RTC.second << shift) >> 15
  }

  /// Raises the update and alarm flags for the seconds that have turned over.
  private mutating func raiseFlags(_ host: some DeviceServices) {
    guard !stopped else { return }
    let reading = seconds(host)
    guard reading > state.flaggedUntil else { return }
    var flags = RegisterC.uf
    if nextAlarm(after: state.flaggedUntil).map({ $0 <= reading }) == true { flags |= RegisterC.af }
    state.flaggedUntil = reading
    state.cmos[0x0c] |= flags
  }

  /// First second after `start` that matches the alarm bytes (C0h-FFh in one of them matches any value).
  private func nextAlarm(after start: Int64) -> Int64? {
    func candidates(_ byte: UInt8, _ limit: Int64, _ value: Int64) -> ClosedRange<Int64>? {
      if byte >= 0xc0 { return 0...(limit - 1) }
      return value < limit ? value...value : nil
    }
    let bytes = (hour: state.cmos[5], minute: state.cmos[3], second: state.cmos[1])
    guard let hours = candidates(bytes.hour, 24, decodeHour(bytes.hour)),
      let minutes = candidates(bytes.minute, 60, decode(bytes.minute)),
      let seconds = candidates(bytes.second, 60, decode(bytes.second))
    else { return nil }
    let midnight = start - start % 86_400
    for day in [midnight, midnight + 86_400] {
      for hour in hours where day + hour * 3600 + 3599 > start {
        for minute in minutes where day + hour * 3600 + minute * 60 + 59 > start {
          for second in seconds where day + hour * 3600 + minute * 60 + second > start {
            return day + hour * 3600 + minute * 60 + second
          }
        }
      }
    }
    return nil
  }

  /// Arms the timers that enabled interrupts need.
  private mutating func schedule(_ host: some DeviceServices) {
    if let period, controlB & RegisterB.pie != 0 {
      let next = state.nextPeriodic ?? host.now.adding(nanoseconds: period)
      state.nextPeriodic = next
      host.arm(Timer.periodic, at: next)
    } else {
      state.nextPeriodic = nil
      state.late = 0
      host.disarm(Timer.periodic)
    }
    if state.late == 0 { state.nextLate = nil }
    if let next = state.nextLate { host.arm(Timer.late, at: next) } else { host.disarm(Timer.late) }
    guard !stopped, controlB & (RegisterB.uie | RegisterB.aie) != 0 else { return host.disarm(Timer.second) }
    let reading = seconds(host)
    var due: Int64? = controlB & RegisterB.uie != 0 ? reading + 1 : nil
    if controlB & RegisterB.aie != 0, let alarm = nextAlarm(after: reading) { due = min(due ?? alarm, alarm) }
    if let due { host.arm(Timer.second, at: time(of: due)) } else { host.disarm(Timer.second) }
  }

  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) {
    if timer == Timer.periodic {
      guard let due = state.nextPeriodic, let period, due <= host.now else { return schedule(host) }
      let missed = max(0, host.now.nanoseconds &- due.nanoseconds) / period
      state.nextPeriodic = due.adding(nanoseconds: missed * period).adding(nanoseconds: period)
      noteBeats(missed &+ 1, period, host)
    } else if timer == Timer.late {
      guard let due = state.nextLate, due <= host.now, state.late > 0 else { return schedule(host) }
      state.late -= 1
      state.nextLate = nil
      state.cmos[0x0c] |= RegisterC.pf
    }
    raiseFlags(host)
    schedule(host)
    drive(host)
  }

  /// Raises the periodic flag for the first of `count` beats and keeps the others for later.
  private mutating func noteBeats(_ count: Int64, _ period: Int64, _ host: some DeviceServices) {
    let fate = host.fate(of: Output.irq8)
    let isPending = state.cmos[0x0c] & RegisterC.pf != 0
    state.cmos[0x0c] |= RegisterC.pf
    // A guest that polls with the interrupt masked sees one flag for all; so does one that is in its handler just now.
    guard fate != .ignored else {
      state.late = 0
      return
    }
    let lost = count - (isPending && fate == .waiting ? 0 : 1)
    let limit = min(Int64(RTC.lateLimit), max(1, RTC.second / period))
    state.late = UInt32(clamping: min(Int64(state.late) &+ min(lost, limit), limit))
  }

  /// IRQF and the IRQ line follow from the enabled flags.
  private mutating func drive(_ host: some DeviceServices) {
    let active = state.cmos[0x0c] & controlB & 0x70 != 0
    state.cmos[0x0c] = state.cmos[0x0c] & 0x7f | (active ? RegisterC.irqf : 0)
    host.setLine(Output.irq8, active)
    host.setLine(Output.nmiMask, state.nmiMasked)
  }

  public func info() -> String {
    func hex(_ value: UInt8) -> String { "0x" + String(value, radix: 16) }
    return """
      RTC: A \(hex(controlA)) B \(hex(controlB)) C \(hex(state.cmos[0x0c])), \(stopped ? "stopped" : "running")
      base \(state.baseSeconds) s at \(state.baseTime.nanoseconds) ns, wall offset \(state.wallOffset) s
      """
  }
}

/// Proleptic Gregorian calendar by 400-year eras that start on 1 March.
struct CivilDate: Equatable {
  var year: Int64
  var month: Int64
  var day: Int64
  init(year: Int64, month: Int64, day: Int64) {
    self.year = year
    self.month = month
    self.day = day
  }

  init(daysSince1970 days: Int64) {
    // 719468 days lie between 0000-03-01 and 1970-01-01; an era has 146097.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  var daysSince1970: Int64 {
    let month = min(max(month, 1), 12)
    let shiftedYear = year - (month <= 2 ? 1 : 0)
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
