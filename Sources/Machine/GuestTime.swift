import DeviceKit
import Execution

/// Where a machine's time comes from: the host's clock, or in a deterministic machine the executed instructions.
struct GuestTime: Sendable {
  let clock: VirtualClock
  let timers: TimerQueue
  /// Deterministic machines.
  let schedule: Schedule?
  /// What a deterministic machine's real-time clock shows at power-on: 2024-01-01 00:00 UTC.
  private static let wallSeconds: Int64 = 1_704_067_200

  init(_ configuration: MachineConfiguration) {
    guard let seed = configuration.deterministicSeed else {
      schedule = nil
      clock = VirtualClock(wallOffset: configuration.clockBase.wallOffset)
      timers = TimerQueue(clock: clock)
      return
    }
    let schedule = Schedule(seed: seed, limit: configuration.instructionLimit)
    self.schedule = schedule
    clock = VirtualClock(
      countedWithWallSeconds: GuestTime.wallSeconds, time: { schedule.now }, expects: { schedule.expect($0) })
    timers = TimerQueue(clock: clock)
  }

  /// `checkpoint` and `reachedLimit` are called on the processors' thread.
  func connect(checkpoint: @escaping @Sendable () -> Void, reachedLimit: @escaping @Sendable () -> Void) {
    schedule?.connect(
      Schedule.Connections(
        nextDeadline: { [weak timers] in timers?.nextDeadline }, fireTimers: { [weak timers] in timers?.fireDue() },
        checkpoint: checkpoint, reachedLimit: reachedLimit))
  }
}
