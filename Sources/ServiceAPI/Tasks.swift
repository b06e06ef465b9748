import Base
import DiskImages
import HostSystem
import Service
import Synchronization

/// A piece of long work: what it is, how far it is, how it ended.
public final class WorkTask: Sendable {
  enum State: String { case running, done, failed, cancelled }
  private struct Status {
    var state = State.running
    var percent = 0
    var result: JSON = .null
    var error: ServiceError?
    var end: Int64?
  }
  /// Unique in the life of a service.
  public let id: Int64
  let title: String
  /// UUID of the machine that it is about.
  let machine: String?
  let start = HostClock.wallNanoseconds
  private let events: EventHub
  private let status = Mutex(Status())
  private let cancelled = Atomic<Bool>(false)
  let canCancel: Bool

  fileprivate init(id: Int64, title: String, machine: String?, canCancel: Bool, events: EventHub) {
    self.id = id
    self.title = title
    self.machine = machine
    self.canCancel = canCancel
    self.events = events
  }

  /// For work on images: progress comes here, and cancelling goes there.
  var progress: WorkProgress { WorkProgress { self.proceed($0, $1) } }
  /// Notes how far the work is; false when it is to stop.
  func proceed(_ done: UInt64, _ total: UInt64) -> Bool {
    report(total == 0 ? 100 : Int(min(100, Double(done) / Double(total) * 100)))
    return !cancelled.load(ordering: .relaxed)
  }
  private func report(_ percent: Int) {
    let isNews = status.withLock { status in
      guard status.state == .running, percent > status.percent else { return false }
      status.percent = min(percent, 99)
      return true
    }
    if isNews { events.publish("task.progress", ["task": json]) }
  }
  func cancel() { cancelled.store(true, ordering: .relaxed) }
  var isRunning: Bool { status.withLock { $0.state == .running } }

  fileprivate func run(_ body: (WorkTask) throws(ServiceError) -> JSON) {
    do throws(ServiceError) {
      let result = try body(self)
      status.withLock {
        $0.state = .done
        $0.percent = 100
        $0.result = result
        $0.end = HostClock.wallNanoseconds
      }
    } catch {
      let isCancelled = cancelled.load(ordering: .relaxed)
      status.withLock {
        $0.state = isCancelled ? .cancelled : .failed
        $0.error = error
        $0.end = HostClock.wallNanoseconds
      }
    }
    events.publish("task.ended", ["task": json])
  }

  /// As clients see it.
  public var json: JSON {
    let status = status.withLock { $0 }
    return [
      "id": .integer(id), "title": .string(title), "machine": machine.map { .string($0) } ?? .null,
      "state": .string(status.state.rawValue), "percent": .integer(Int64(status.percent)),
      "cancellable": .bool(canCancel && status.state == .running), "result": status.result,
      "error": status.error.map(\.json) ?? .null, "started": .integer(start / 1_000_000),
      "ended": status.end.map { .integer($0 / 1_000_000) } ?? .null,
    ]
  }
}

/// The tasks of a service's life; of ended ones the latest.
public final class TaskList: Sendable {
  private struct State {
    var next: Int64 = 1
    var tasks: [WorkTask] = []
  }
  private static let kept = 100
  private static let running = 32
  private let state = Mutex(State())
  private let events: EventHub
  init(events: EventHub) { self.events = events }

  /// Starts work on a thread of its own.
  func start(
    _ title: String, machine: String? = nil, canCancel: Bool = false,
    _ body: @escaping @Sendable (WorkTask) throws(ServiceError) -> JSON
  ) throws(ServiceError) -> WorkTask {
    let task: WorkTask? = state.withLock { state in
      guard state.tasks.count(where: \.isRunning) < TaskList.running else { return nil }
      let task = WorkTask(id: state.next, title: title, machine: machine, canCancel: canCancel, events: events)
      state.next += 1
      state.tasks.append(task)
      while state.tasks.count > TaskList.kept, let old = state.tasks.firstIndex(where: { !$0.isRunning }) {
        state.tasks.remove(at: old)
      }
      return task
    }
    guard let task else { throw ServiceError(.objectInUse, "Too many tasks are running", .registry) }
    events.publish("task.started", ["task": task.json])
    do throws(ThreadError) {
      _ = try HostThread(name: "task") { task.run(body) }
    } catch {
      // Without a thread of its own it is done here and now.
      task.run(body)
    }
    return task
  }
  /// Oldest first.
  public var all: [WorkTask] { state.withLock { $0.tasks } }
  func task(_ id: String) throws(ServiceError) -> WorkTask {
    guard let number = Int64(id), let task = all.first(where: { $0.id == number }) else {
      throw ServiceError(.objectNotFound, "Could not find a task of the number '\(id)'", .registry)
    }
    return task
  }
  /// Some work goes on.
  public var isBusy: Bool { all.contains(where: \.isRunning) }
}

extension ServiceError {
  /// As clients of the API see it: what the command line prints, in parts.
  public var json: JSON {
    [
      "code": .string(code.rawValue), "number": .integer(Int64(code.number)), "text": .string(text),
      "interface": .string(subject.rawValue), "details": .string(details),
    ]
  }
  /// The HTTP status that goes with it.
  public var status: Int {
    switch code {
    case .objectNotFound: 404
    case .invalidArgument: 400
    case .accessDenied: 403
    // A machine's process that refuses is in a state that does not suit.
    case .objectInUse, .invalidVMState, .invalidObjectState, .vmError: 409
    case .notSupported: 501
    case .fileError, .xmlError: 422
    case .hostError, .failure: 500
    }
  }
}
