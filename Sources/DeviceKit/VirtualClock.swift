import Base
import HostSystem
import Synchronization

/// Guest time: the host's monotonic clock less the time spent paused; in manual mode, a number that tests set; in counted
/// mode, what the executed instructions say (`Execution.Schedule`).
///
/// Reading takes no lock. `pause` and `resume` belong to the machine, which stops its vCPUs first: a reader that
/// races with `pause` may still see a time slightly after the moment at which the clock stopped.
public final class VirtualClock: Sendable {
  private let isManual: Bool
  /// Counted mode: guest time in nanoseconds, and who wants to hear of deadlines.
  private let counted: (@Sendable () -> Int64)?
  private let expects: @Sendable (VirtualTime) -> Void
  /// Guest time = host time + offset, while running.
  private let offset = Atomic<Int64>(0)
  /// Guest time while paused or manual.
  private let frozen = Atomic<Int64>(0)
  private let running = Atomic<Bool>(false)
  /// Wall time at guest time 0, manual mode only.
  private let manualWallSeconds: Int64
  /// Added to the host's clock.
  private let wallOffset: Int64
  private let observers = Mutex<[@Sendable () -> Void]>([])

  /// A clock at time 0, paused until `resume`. Its wall clock is `wallOffset` seconds ahead of UTC.
  public init(wallOffset: Int64 = 0) {
    isManual = false
    counted = nil
    expects = { _ in }
    self.wallOffset = wallOffset
    manualWallSeconds = 0
  }
  /// A clock that only `advance` moves; the wall clock shows `wallSeconds` at time 0.
  public init(manualWithWallSeconds wallSeconds: Int64) {
    isManual = true
    counted = nil
    expects = { _ in }
    wallOffset = 0
    manualWallSeconds = wallSeconds
  }
  /// A clock that shows what `time` says, in nanoseconds; `expects` hears of the time of every timer that is armed.
  public init(
    countedWithWallSeconds wallSeconds: Int64, time: @escaping @Sendable () -> Int64,
    expects: @escaping @Sendable (VirtualTime) -> Void
  ) {
    isManual = true
    counted = time
    self.expects = expects
    wallOffset = 0
    manualWallSeconds = wallSeconds
  }

  public var now: VirtualTime {
    if let counted { return VirtualTime(nanoseconds: counted()) }
    guard running.load(ordering: .acquiring) else {
      return VirtualTime(nanoseconds: frozen.load(ordering: .acquiring))
    }
    return VirtualTime(nanoseconds: HostClock.monotonicNanoseconds &+ offset.load(ordering: .acquiring))
  }
  /// Seconds since 1970-01-01: the host's clock with the offset, or in manual mode guest time from a fixed start.
  public var wallClockSeconds: Int64 {
    isManual
      ? manualWallSeconds &+ now.nanoseconds / 1_000_000_000
      : HostClock.wallNanoseconds / 1_000_000_000 &+ wallOffset
  }
  public var isRunning: Bool { running.load(ordering: .acquiring) }
  public var manual: Bool { isManual }

  /// Stops guest time.
  public func pause() {
    guard running.load(ordering: .acquiring) else { return }
    frozen.store(now.nanoseconds, ordering: .releasing)
    running.store(false, ordering: .releasing)
    notify()
  }
  /// Lets guest time go on from where it stopped. Without effect in manual mode.
  public func resume() {
    guard !isManual, !running.load(ordering: .acquiring) else { return }
    offset.store(frozen.load(ordering: .acquiring) &- HostClock.monotonicNanoseconds, ordering: .releasing)
    running.store(true, ordering: .releasing)
    notify()
  }
  /// Sets the time of a paused or manual clock (restoring a saved state); without effect on a running one.
  public func set(_ time: VirtualTime) {
    guard !running.load(ordering: .acquiring) else { return }
    frozen.store(time.nanoseconds, ordering: .releasing)
    notify()
  }

  /// Host monotonic nanoseconds at which guest time reaches `time`; nil while the clock stands still.
  func hostDeadline(_ time: VirtualTime) -> Int64? {
    guard running.load(ordering: .acquiring) else { return nil }
    let (sum, overflow) = time.nanoseconds.subtractingReportingOverflow(offset.load(ordering: .acquiring))
    return overflow ? .max : sum
  }
  /// A timer was armed.
  func expect(_ time: VirtualTime) { expects(time) }
  func observe(_ change: @escaping @Sendable () -> Void) { observers.withLock { $0.append(change) } }
  private func notify() { for observer in observers.withLock({ $0 }) { observer() } }
}
