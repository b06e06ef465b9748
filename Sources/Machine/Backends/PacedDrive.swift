import Base
import DeviceKit
import Execution
import HostSystem
import Synchronization

/// A drive of a deterministic machine: a request is carried out, all at once, at a guest time that follows from the seed.
///
/// Until then neither image nor guest memory shows anything of it. Requests end in the order in which they came.
/// Lock order: `queue` is innermost; completions are called without it.
final class PacedDrive: BlockBackend {
  private struct Job: Sendable {
    var due: VirtualTime
    var request: BlockRequest
    var completion: @Sendable (BlockCompletion) -> Void
  }
  private struct Queue {
    var jobs: [Job] = []
    var timer: TimerQueue.Timer?
  }
  private let drive: any BlockBackend
  private let clock: VirtualClock
  private let timers: TimerQueue
  private let schedule: Schedule
  private let queue = Mutex(Queue())
  /// Nanoseconds that a request takes: at least so many, and up to twice as many.
  private static let latency: Int64 = 50_000

  init(_ drive: any BlockBackend, clock: VirtualClock, timers: TimerQueue, schedule: Schedule) {
    self.drive = drive
    self.clock = clock
    self.timers = timers
    self.schedule = schedule
    let timer = timers.register { [weak self] in self?.carryOutDue() }
    queue.withLock { $0.timer = timer }
  }

  func submit(_ request: BlockRequest, completion: @escaping @Sendable (BlockCompletion) -> Void) {
    let latency = PacedDrive.latency + Int64(schedule.number(below: UInt64(PacedDrive.latency)))
    let wanted = clock.now.adding(nanoseconds: latency)
    queue.withLock { queue in
      let due = max(wanted, queue.jobs.last?.due ?? wanted)
      queue.jobs.append(Job(due: due, request: request, completion: completion))
    }
    armForFirst()
  }

  /// Carries out everything at once: before a reset, or at the end. Not with the device's lock held.
  func drain() {
    while let job = take(until: nil) { carryOut(job) }
    if let timer = queue.withLock({ $0.jobs.isEmpty ? $0.timer : nil }) { timers.disarm(timer) }
  }

  private func armForFirst() {
    let (due, timer) = queue.withLock { ($0.jobs.first?.due, $0.timer) }
    if let due, let timer { timers.arm(timer, at: due) }
  }
  private func carryOutDue() {
    while let job = take(until: clock.now) { carryOut(job) }
    armForFirst()
  }
  private func take(until time: VirtualTime?) -> Job? {
    queue.withLock { queue in
      guard let first = queue.jobs.first, time.map({ first.due <= $0 }) ?? true else { return nil }
      return queue.jobs.removeFirst()
    }
  }
  private func carryOut(_ job: Job) {
    let done = Parker()
    let result = Mutex<BlockCompletion?>(nil)
    drive.submit(job.request) { completion in
      result.withLock { $0 = completion }
      done.unpark()
    }
    while true {
      if let completion = result.withLock({ $0 }) { return job.completion(completion) }
      done.park()
    }
  }
}
