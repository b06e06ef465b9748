import DiskImages
import HostSystem
import Synchronization

// Images that a machine which runs needs no more: what they hold goes into those above them.
extension Machine {
  /// Takes the image at `parent` out of the chain of whatever disk has it below the one at `path`. Returns at once;
  /// `progress` (percents) and `completion` come on other threads. One that was cut short can be asked for again.
  public func mergeImage(
    _ parent: String, into path: String, progress: @escaping @Sendable (Int) -> Void,
    completion: @escaping @Sendable (Result<LiveChain.Outcome, MachineError>) -> Void
  ) {
    control.post { [self] in
      guard state == .running || state == .paused else {
        return completion(.failure(MachineError(.state, "the machine is neither running nor paused")))
      }
      let isStarted = background.start("merge") { [self] background in
        let told = Atomic<Int>(-1)
        let watched = WorkProgress { done, total in
          let percent = total == 0 ? 100 : Int(done * 100 / total)
          if told.max(percent, ordering: .relaxed).oldValue < percent { progress(percent) }
          return !background.isEnding
        }
        do throws(MachineError) {
          let outcome = try merge(parent, into: path, watched)
          background.end()
          completion(.success(outcome))
        } catch {
          background.end()
          completion(.failure(error))
        }
      }
      if !isStarted { completion(.failure(Machine.busy)) }
    }
  }

  private func merge(
    _ parent: String, into path: String, _ progress: WorkProgress
  ) throws(MachineError) -> LiveChain.Outcome {
    do throws(DiskError) {
      for drive in storage.drives where drive.kind == .disk {
        guard let top = drive.worker.managedImage else { continue }
        try drive.worker.flushCovered()
        let outcome = try LiveChain(top).merge(parent, into: path, progress: progress)
        if outcome != .elsewhere { return outcome }
      }
      return .elsewhere
    } catch { throw MachineError(.file, "cannot merge '\(parent)': \(error)") }
  }

  static var busy: MachineError { MachineError(.state, "another snapshot is being taken or deleted") }
}

/// The thread for long work beside a machine that runs, one piece at a time: the machine does not end before it has.
final class BackgroundWork: Sendable {
  private struct State {
    var thread: HostThread?
    var isBusy = false
  }
  private let state = Mutex(State())
  private let ending = Atomic<Bool>(false)
  /// The work shall stop where it is, if it can be taken up again.
  var isEnding: Bool { ending.load(ordering: .relaxed) }
  var isBusy: Bool { state.withLock { $0.isBusy } }

  /// False, and nothing is done, while other work is under way. `body` says `end` before it tells anybody that it has ended.
  func start(_ name: String, _ body: @escaping @Sendable (BackgroundWork) -> Void) -> Bool {
    let (isFree, last) = state.withLock { state in
      if state.isBusy { return (false, nil as HostThread?) }
      state.isBusy = true
      defer { state.thread = nil }
      return (true, state.thread)
    }
    guard isFree else { return false }
    last?.join()
    do throws(ThreadError) {
      let thread = try HostThread(name: name) { body(self) }
      state.withLock { $0.thread = thread }
    } catch { body(self) }
    return true
  }
  func end() { state.withLock { $0.isBusy = false } }
  /// Ends what can be ended, and waits.
  func finish() {
    ending.store(true, ordering: .relaxed)
    let thread = state.withLock { state in
      defer { state.thread = nil }
      return state.thread
    }
    thread?.join()
  }
}
