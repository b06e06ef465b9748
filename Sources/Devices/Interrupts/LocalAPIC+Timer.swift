import Base
import Synchronization

extension LocalAPIC {
  /// The timer (SDM 3A, 11.5.4). `deadline` is nil while it is stopped.
  struct TimerState: Sendable {
    var initialCount: UInt32 = 0
    /// Divide configuration register as written.
    var divideConfiguration: UInt32 = 0
    var deadline: VirtualTime?
    /// IA32_TSC_DEADLINE; 0 when disarmed.
    var tscDeadline: UInt64 = 0
    /// Counts changes of `deadline`, so that threads which race to `arm` end with the newest.
    var generation: UInt64 = 0

    /// Nanoseconds (input clocks) a tick: 1 to 128.
    var divisor: Int64 {
      let code = divideConfiguration & 3 | divideConfiguration >> 1 & 4
      return code == 7 ? 1 : 2 << Int64(code)
    }
    /// Nanoseconds from load to zero; at most 2^39.
    var period: Int64 { Int64(initialCount) * divisor }

    /// Continues a periodic timer after it fired at `now`; returns how many periods have ended.
    mutating func advance(past now: VirtualTime) -> Int64 {
      guard let due = deadline, period > 0 else {
        deadline = nil
        return 1
      }
      let late = max(0, now.nanoseconds &- due.nanoseconds)
      // A period too short for the host is thinned out, keeping its phase.
      let steps = (late &+ LocalAPIC.minimumInterval) / period &+ 1
      let (distance, overflow) = steps.multipliedReportingOverflow(by: period)
      deadline = due.adding(nanoseconds: overflow ? .max : distance)
      return period < LocalAPIC.minimumInterval ? 1 : steps
    }
  }

  enum TimerMode { case oneShot, periodic, tscDeadline }

  /// Shortest distance in ns between two host timers that a periodic mode may cause.
  static let minimumInterval: Int64 = 20_000

  var timerMode: TimerMode {
    switch lvt[LVT.timer.rawValue].load(ordering: .acquiring) >> 17 & 3 {
    case 0: .oneShot
    case 1: .periodic
    default: .tscDeadline
    }
  }

  /// Changes the timer under its lock and then arms or disarms the clock outside it.
  func changeTimer(_ body: (inout TimerState) -> Void) {
    var (deadline, generation) = timer.withLock { state -> (VirtualTime?, UInt64) in
      let before = state.generation
      body(&state)
      state.generation = before &+ 1
      return (state.deadline, state.generation)
    }
    while true {
      if let deadline { clock.arm(at: deadline) } else { clock.disarm() }
      let current = timer.withLock { ($0.deadline, $0.generation) }
      if current.1 == generation { return }
      (deadline, generation) = current
    }
  }

  /// The clock's call at (or after) the armed time. Calls that come early or late do nothing.
  public func timerFired() {
    let now = clock.now
    let mode = timerMode
    var expired = false
    var beats: Int64 = 1
    var period: Int64 = 1
    changeTimer { state in
      guard let due = state.deadline, due <= now else { return }
      expired = true
      if mode == .periodic {
        period = max(1, state.period)
        beats = state.advance(past: now)
      } else {
        state.deadline = nil
        state.tscDeadline = 0
      }
    }
    guard expired else { return }
    if mode == .periodic { noteBeats(beats, period) }
    raise(.timer)
  }

  /// Guests count periodic interrupts to keep time: those that the next `raise` does not stand for are delivered one
  /// by one, each when the vCPU has taken the one before; a second's worth at most.
  private func noteBeats(_ beats: Int64, _ period: Int64) {
    let entry = lvt[LVT.timer.rawValue].load(ordering: .acquiring)
    guard entry & LocalAPIC.masked == 0 else { return lateBeats.store(0, ordering: .releasing) }
    let lost = isRequested(UInt8(truncatingIfNeeded: entry)) ? beats : beats - 1
    guard lost > 0 else { return }
    let limit = max(1, 1_000_000_000 / period)
    let sum = min(Int64(lateBeats.load(ordering: .acquiring)) &+ min(lost, limit), limit)
    lateBeats.store(UInt32(clamping: sum), ordering: .releasing)
  }

  /// The vCPU has taken `vector`: if that was a beat of the timer and others wait, requests it again.
  func repeatLateBeat(_ vector: UInt8) {
    let entry = lvt[LVT.timer.rawValue].load(ordering: .acquiring)
    let late = lateBeats.load(ordering: .acquiring)
    guard late > 0, entry & LocalAPIC.masked == 0, UInt8(truncatingIfNeeded: entry) == vector else { return }
    // Should the timer's thread add to the number just now, its beat is as good as lost: that is rare and harmless.
    lateBeats.store(late - 1, ordering: .releasing)
    accept(vector, levelTriggered: false)
  }

  var initialCount: UInt32 { timer.withLock { $0.initialCount } }
  var divideConfiguration: UInt32 { timer.withLock { $0.divideConfiguration } }

  /// The current-count register at this moment.
  var currentCount: UInt32 {
    guard timerMode != .tscDeadline else { return 0 }
    let now = clock.now
    let periodic = timerMode == .periodic
    return timer.withLock { state in
      guard let due = state.deadline, state.period > 0 else { return 0 }
      var left = due.nanoseconds &- now.nanoseconds
      if periodic {
        left %= state.period
        if left <= 0 { left += state.period }
      }
      return left <= 0 ? 0 : UInt32(clamping: (left &+ state.divisor &- 1) / state.divisor)
    }
  }

  func setInitialCount(_ count: UInt32) {
    // Ignored in TSC-deadline mode (SDM 3A, 11.5.4.1).
    guard timerMode != .tscDeadline else { return }
    let now = clock.now
    lateBeats.store(0, ordering: .releasing)
    changeTimer { state in
      state.initialCount = count
      state.deadline = count == 0 ? nil : now.adding(nanoseconds: state.period)
    }
  }

  /// A new divisor keeps the count that is left and changes its pace.
  func setDivideConfiguration(_ value: UInt32) {
    let left = currentCount
    let now = clock.now
    changeTimer { state in
      state.divideConfiguration = value & 0xb
      if state.deadline != nil && state.tscDeadline == 0 {
        state.deadline = now.adding(nanoseconds: Int64(left) * state.divisor)
      }
    }
  }

  /// IA32_TSC_DEADLINE (MSR 6E0h). Reads 0 when disarmed or outside TSC-deadline mode, where writes are ignored.
  public var tscDeadline: UInt64 {
    get { timerMode == .tscDeadline ? timer.withLock { $0.tscDeadline } : 0 }
    set {
      guard timerMode == .tscDeadline else { return }
      let due = newValue == 0 ? nil : clock.time(ofTSC: newValue)
      changeTimer { state in
        state.tscDeadline = newValue
        state.deadline = due
      }
    }
  }

  /// Entering or leaving TSC-deadline mode disarms the timer (SDM 3A, 11.5.4.1).
  func timerEntryChanged(from old: UInt32, to new: UInt32) {
    if new & LocalAPIC.masked != 0 { lateBeats.store(0, ordering: .releasing) }
    guard (old ^ new) & (1 << 18) != 0 else { return }
    changeTimer { state in
      state.deadline = nil
      state.tscDeadline = 0
    }
  }
}
