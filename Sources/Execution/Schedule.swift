import Base
import HostSystem
import Synchronization
import X86Engine

/// Time and turns of a deterministic machine: its processors execute one at a time, on one thread, by turns that follow from
/// a seed, and an executed instruction takes ten nanoseconds of guest time.
///
/// While no processor has anything to execute, time goes on to the next timer. Timers fire between turns, at their exact
/// time: a turn is no longer than the next timer is away. What comes from other threads takes effect between turns, too,
/// but when it comes is not for a seed to say.
///
/// Lock order: `state` is innermost.
public final class Schedule: Sendable {
  public let seed: UInt64
  /// The instruction at which the machine is to stop, counted over all processors.
  private let limit: Int64
  /// Shortest and longest turn, in instructions.
  private static let turns: ClosedRange<UInt64> = 2_000...50_000
  private static let nanoseconds = Vcpu.nanosecondsPerInstruction

  private struct State {
    var numbers: SeededNumbers
    /// The processor whose turn it is, and instructions left of that.
    var current = 0
    var left: Int64 = 0
    /// Instructions executed, and nanoseconds passed over while all processors were halted.
    var executed: Int64 = 0
    var skipped: Int64 = 0
    /// Between turns.
    var time: Int64 { executed &* Schedule.nanoseconds &+ skipped }
    /// Executing now; keeps it alive.
    var running: Vcpu?
    /// Nothing is executed before the machine has done what a device asked for.
    var isHeld = false
    var entropy: SeededNumbers
    var nextDeadline: (@Sendable () -> VirtualTime?)?
    var fireTimers: (@Sendable () -> Void)?
    var reachedLimit: (@Sendable () -> Void)?
  }
  private let state: Mutex<State>
  let parker = Parker()

  /// - Parameter limit: instructions after which `reachedLimit` is called; nil: none.
  public init(seed: UInt64, limit: Int64? = nil) {
    self.seed = seed
    self.limit = limit ?? .max
    state = Mutex(State(numbers: SeededNumbers(seed: seed), entropy: SeededNumbers(seed: ~seed)))
  }

  /// Says what time means to the rest of the machine: its timers, and what happens at the limit, on the processors' thread.
  public func connect(
    nextDeadline: @escaping @Sendable () -> VirtualTime?, fireTimers: @escaping @Sendable () -> Void,
    reachedLimit: @escaping @Sendable () -> Void
  ) {
    state.withLock {
      $0.nextDeadline = nextDeadline
      $0.fireTimers = fireTimers
      $0.reachedLimit = reachedLimit
    }
  }

  /// Guest time in nanoseconds.
  public var now: Int64 { state.withLock { $0.running?.countedTime ?? $0.time } }
  /// Instructions executed by all processors; exact between turns.
  public var instructions: Int64 { state.withLock { $0.executed } }

  /// A timer was armed for this time: the turn under way must not go past it.
  public func expect(_ time: VirtualTime) {
    if let running = state.withLock({ $0.running }) { running.endTurn(at: time.nanoseconds) }
    parker.unpark()
  }
  /// Executes nothing more, the instruction under way excepted, until the processors are resumed.
  public func hold() {
    let running = state.withLock { state in
      state.isHeld = true
      return state.running
    }
    running?.endTurn(at: 0)
  }
  func release() {
    state.withLock { $0.isHeld = false }
    parker.unpark()
  }

  /// So many bytes that look random.
  public func bytes(_ count: Int) -> [UInt8] {
    state.withLock { state in (0..<count).map { _ in UInt8(truncatingIfNeeded: state.entropy.next() >> 32) } }
  }
  /// A number below `bound` that looks random.
  public func number(below bound: UInt64) -> UInt64 { state.withLock { $0.entropy.next() % max(1, bound) } }

  // MARK: On the processors' thread

  private enum Step { case turn(Vcpu, count: Int64), skipped, limit, nothing }

  /// Gives turns for as long as `isWanted`.
  func run(_ vcpus: [Vcpu], while isWanted: () -> Bool) {
    while isWanted() {
      let (fireTimers, nextDeadline, reachedLimit) = state.withLock {
        ($0.fireTimers, $0.nextDeadline, $0.reachedLimit)
      }
      if state.withLock({ $0.isHeld }) {
        parker.park()
        continue
      }
      fireTimers?()
      let deadline = nextDeadline?()?.nanoseconds ?? .max
      let step = state.withLock { next(&$0, vcpus, deadline) }
      switch step {
      case .turn(let vcpu, let count): give(vcpu, count)
      case .skipped: continue
      case .limit:
        hold()
        reachedLimit?()
      case .nothing: parker.park()
      }
    }
  }

  /// What comes next, with the timers up to now fired.
  private func next(_ state: inout State, _ vcpus: [Vcpu], _ deadline: Int64) -> Step {
    if state.executed >= limit { return .limit }
    if state.left <= 0 || !vcpus.indices.contains(state.current) || vcpus[state.current].isIdle {
      let ready = vcpus.indices.filter { !vcpus[$0].isIdle }
      if ready.isEmpty {
        state.left = 0
        guard deadline < .max else { return .nothing }
        state.skipped &+= max(0, deadline &- state.time)
        return .skipped
      }
      state.current = ready[Int(state.numbers.next() % UInt64(ready.count))]
      let span = Schedule.turns.upperBound - Schedule.turns.lowerBound
      state.left = Int64(Schedule.turns.lowerBound + state.numbers.next() % span)
    }
    let away = (deadline &- state.time).quotientAndRemainder(dividingBy: Schedule.nanoseconds)
    let untilDeadline = max(1, away.quotient &+ (away.remainder > 0 ? 1 : 0))
    state.running = vcpus[state.current]
    return .turn(vcpus[state.current], count: min(state.left, untilDeadline, limit &- state.executed))
  }

  private func give(_ vcpu: Vcpu, _ count: Int64) {
    let start = state.withLock { $0.time }
    let executed = vcpu.runTurn(count, endingAt: start &+ count &* Schedule.nanoseconds)
    state.withLock { state in
      state.running = nil
      state.executed &+= executed
      state.left &-= executed
      // It found nothing to do: somebody else's turn.
      if executed < count && vcpu.isIdle { state.left = 0 }
    }
  }
}
