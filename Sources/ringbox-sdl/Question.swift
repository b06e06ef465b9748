import HostSystem
import Synchronization

/// A question to the user, on a thread of its own: the window goes on while it waits. One at a time.
final class Question: Sendable {
  /// The lock protects what both threads touch.
  private struct State {
    var isOpen = false
    var isAnswered = false
    /// Nil when the question could not be shown.
    var answer: Int?
  }
  private let state = Mutex(State())

  /// - Parameter isAboutEnd: the answer matters; else it was a message.
  func ask(_ title: String, _ text: String, _ answers: [String], isAboutEnd: Bool) {
    let isFree = state.withLock { state in
      defer { state.isOpen = true }
      return !state.isOpen
    }
    guard isFree else { return }
    let thread = try? HostThread(name: "question") { [self] in
      let answer = Screens.ask(title, text, answers)
      finish(answer, isAboutEnd)
      Screens.wake()
    }
    if thread == nil { finish(nil, isAboutEnd) }
  }
  private func finish(_ answer: Int?, _ isAboutEnd: Bool) {
    state.withLock { state in
      state = State(isOpen: false, isAnswered: isAboutEnd, answer: answer)
    }
  }
  /// The answer, once; nil while there is none.
  func takeAnswer() -> Int?? {
    state.withLock { state in
      guard state.isAnswered else { return nil }
      state.isAnswered = false
      return .some(state.answer)
    }
  }
}
