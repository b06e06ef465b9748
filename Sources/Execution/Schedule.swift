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
/// Every ten milliseconds of guest time, and before waiting for the world, the machine comes to a checkpoint: what is under
/// way between its parts is brought to an end, and the processors forget their translations. Nothing is left that a saved
/// state would not hold, in a run that is saved there no less than in one that is not; so both go on alike.
///
/// Lock order: `state` is innermost.
public final class Schedule: Sendable {
  public let seed: UInt64
  /// The instruction at which the machine is to stop, counted over all processors.
  private let limit: Int64
  /// Shortest and longest turn, in instructions.
  private static let turns: ClosedRange<UInt64> = 2_000...50_000
  private static let nanoseconds = Vcpu.nanosecondsPerInstruction
  /// Guest time between checkpoints.
  private static let checkpoints: Int64 = 10_000_000

  private struct State {
    var position: SchedulePosition
    /// Between turns.
    var time: Int64 { position.executed &* Schedule.nanoseconds &+ position.skipped }
    /// Executing now; keeps it alive.
    var running: Vcpu?
    /// Nothing is executed before the machine has done what a device asked for.
    var isHeld = false
    /// Whom to wake at the next checkpoint, where the processors then wait to be paused.
    var visitor: Parker?
    var isAtCheckpoint = false
    var connections: Connections?
  }
  private let state: Mutex<State>
  let parker = Parker()

  /// What the rest of the machine has to do with time; all is called on the processors' thread, between turns.
  public struct Connections: Sendable {
    var nextDeadline: @Sendable () -> VirtualTime?
    var fireTimers: @Sendable () -> Void
    var checkpoint: @Sendable () -> Void
    var reachedLimit: @Sendable () -> Void
    /// `checkpoint` ends what is under way between the machine's parts.
    public init(
      nextDeadline: @escaping @Sendable () -> VirtualTime?, fireTimers: @escaping @Sendable () -> Void,
      checkpoint: @escaping @Sendable () -> Void, reachedLimit: @escaping @Sendable () -> Void
    ) {
      self.nextDeadline = nextDeadline
      self.fireTimers = fireTimers
      self.checkpoint = checkpoint
      self.reachedLimit = reachedLimit
    }
  }

  /// - Parameter limit: instructions after which `reachedLimit` is called; nil: none.
  public init(seed: UInt64, limit: Int64? = nil) {
    self.seed = seed
    self.limit = limit ?? .max
    state = Mutex(State(position: SchedulePosition(seed: seed)))
  }

  /// Says what time means to the rest of the machine.
  public func connect(_ connections: Connections) { state.withLock { $0.connections = connections } }
  /// Lets go of the rest of the machine, which refers to its schedule. When the processors have ended.
  public func disconnect() {
    let former = state.withLock { state in
      defer { state.connections = nil }
      return state.connections
    }
    _ = consume former
  }

  // MARK: Saved states, while paused at a checkpoint

  var position: SchedulePosition { state.withLock { $0.position } }
  /// False for what no run comes to.
  func restore(_ position: SchedulePosition) -> Bool {
    state.withLock { state in
      let before = state.position
      state.position = position
      if position.seed == seed, position.checkpoint <= state.time &+ Schedule.checkpoints { return true }
      state.position = before
      return false
    }
  }

  /// Returns when the processors, which are not paused, stand at a checkpoint: they leave it only by way of a pause.
  /// False when they are held; what they are held for has to be done first.
  func reachCheckpoint() -> Bool {
    let visitor = Parker()
    state.withLock {
      $0.visitor = visitor
      $0.isAtCheckpoint = false
    }
    parker.unpark()
    while true {
      let (isHeld, isThere) = state.withLock { ($0.isHeld, $0.isAtCheckpoint) }
      if isHeld || isThere {
        state.withLock { $0.visitor = nil }
        return isThere
      }
      visitor.park()
    }
  }
  /// Nothing is executed before something that a device has asked for is done.
  public var isHeld: Bool { state.withLock { $0.isHeld } }

  /// Guest time in nanoseconds.
  public var now: Int64 { state.withLock { $0.running?.countedTime ?? $0.time } }
  /// Instructions executed by all processors; exact between turns.
  public var instructions: Int64 { state.withLock { $0.position.executed } }

  /// A timer was armed for this time: the turn under way must not go past it.
  public func expect(_ time: VirtualTime) {
    if let running = state.withLock({ $0.running }) { running.endTurn(at: time.nanoseconds) }
    parker.unpark()
  }
  /// Executes nothing more, the instruction under way excepted, until the processors are resumed.
  public func hold() {
    let (running, visitor) = state.withLock { state in
      state.isHeld = true
      return (state.running, state.visitor)
    }
    running?.endTurn(at: 0)
    visitor?.unpark()
  }
  func release() {
    state.withLock { $0.isHeld = false }
    parker.unpark()
  }

  /// So many bytes that look random.
  public func bytes(_ count: Int) -> [UInt8] {
    state.withLock { state in (0..<count).map { _ in UInt8(truncatingIfNeeded: state.position.entropy.next() >> 32) } }
  }
  /// A number below `bound` that looks random.
  public func number(below bound: UInt64) -> UInt64 { state.withLock { $0.position.entropy.next() % max(1, bound) } }

  // MARK: On the processors' thread

  private enum Step { case turn(Vcpu, count: Int64), skipped, checkpoint, limit, nothing }

  /// Gives turns for as long as `isWanted`.
  func run(_ vcpus: [Vcpu], while isWanted: () -> Bool) {
    guard let machine = state.withLock({ $0.connections }) else { return }
    while isWanted() {
      if state.withLock({ $0.isHeld }) {
        parker.park()
        continue
      }
      machine.fireTimers()
      let deadline = machine.nextDeadline()?.nanoseconds ?? .max
      let step = state.withLock { next(&$0, vcpus, deadline) }
      switch step {
      case .turn(let vcpu, let count): give(vcpu, count)
      case .skipped: continue
      case .checkpoint:
        machine.checkpoint()
        stand(vcpus, while: isWanted)
      case .limit:
        hold()
        machine.reachedLimit()
      case .nothing:
        stand(vcpus, while: isWanted)
        if isWanted() { parker.park() }
      }
    }
  }

  /// What comes next, with the timers up to now fired.
  private func next(_ state: inout State, _ vcpus: [Vcpu], _ deadline: Int64) -> Step {
    if state.position.executed >= limit { return .limit }
    if state.time >= state.position.checkpoint {
      state.position.checkpoint = (state.time / Schedule.checkpoints &+ 1) &* Schedule.checkpoints
      return .checkpoint
    }
    let stop = min(deadline, state.position.checkpoint)
    let current = state.position.current
    if state.position.left <= 0 || !vcpus.indices.contains(current) || vcpus[current].isIdle {
      let ready = vcpus.indices.filter { !vcpus[$0].isIdle }
      if ready.isEmpty {
        state.position.left = 0
        guard deadline < .max else { return .nothing }
        state.position.skipped &+= max(0, stop &- state.time)
        return .skipped
      }
      state.position.current = ready[Int(state.position.numbers.next() % UInt64(ready.count))]
      let span = Schedule.turns.upperBound - Schedule.turns.lowerBound
      state.position.left = Int64(Schedule.turns.lowerBound + state.position.numbers.next() % span)
    }
    let away = (stop &- state.time).quotientAndRemainder(dividingBy: Schedule.nanoseconds)
    let untilStop = max(1, away.quotient &+ (away.remainder > 0 ? 1 : 0))
    state.running = vcpus[state.position.current]
    return .turn(
      vcpus[state.position.current],
      count: min(state.position.left, untilStop, limit &- state.position.executed))
  }

  /// At a checkpoint: waits there if somebody wants to pause the machine.
  private func stand(_ vcpus: [Vcpu], while isWanted: () -> Bool) {
    for vcpu in vcpus { vcpu.forgetTranslations() }
    let visitor = state.withLock { state in
      if state.visitor != nil { state.isAtCheckpoint = true }
      return state.visitor
    }
    guard let visitor else { return }
    visitor.unpark()
    while isWanted() { parker.park() }
  }

  private func give(_ vcpu: Vcpu, _ count: Int64) {
    let start = state.withLock { $0.time }
    let executed = vcpu.runTurn(count, endingAt: start &+ count &* Schedule.nanoseconds)
    state.withLock { state in
      state.running = nil
      state.position.executed &+= executed
      state.position.left &-= executed
      // It found nothing to do: somebody else's turn.
      if executed < count && vcpu.isIdle { state.position.left = 0 }
    }
  }
}
