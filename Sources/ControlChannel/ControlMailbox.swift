import Base
import Synchronization

/// What other threads have to say to clients: replies to commands that take long, and events on the way.
final class ControlMailbox: Sendable {
  enum Message: Sendable {
    /// To the command with this number.
    case reply(Int, Result<[(String, JSON)], ControlError>)
    case event(String, [(String, JSON)])
  }
  private struct Box {
    var last = 0
    var messages: [Message] = []
  }
  private let box = Mutex(Box())
  private let waker: LoopWaker?

  init(_ waker: LoopWaker?) { self.waker = waker }

  /// A number for a command.
  func next() -> Int {
    box.withLock { box in
      box.last += 1
      return box.last
    }
  }
  /// From any thread.
  func post(_ message: Message) {
    box.withLock { $0.messages.append(message) }
    waker?.wake()
  }
  func take() -> [Message] {
    box.withLock { box in
      defer { box.messages = [] }
      return box.messages
    }
  }
}
