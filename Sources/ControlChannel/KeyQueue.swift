import HostSystem

/// Key strokes on their way to the guest's keyboard, one at a time: keyboards and their drivers have short queues.
struct KeyQueue {
  /// Strokes that may wait.
  static let limit = 65536

  /// A guest that has read nothing for so many nanoseconds is not waited for any longer.
  static let patience: Int64 = 10_000_000_000

  /// How what was asked for came to its end.
  enum Outcome: Equatable {
    case typed
    /// The guest does not read its keyboard.
    case unread
  }
  private struct Stroke {
    var codes: [UInt8]
    /// Least time to the stroke after this one, in nanoseconds.
    var interval: Int64
    /// Called when the stroke has been handed over, or given up.
    var done: ((Outcome) -> Void)?
  }
  private var strokes: [Stroke] = []
  private var head = 0
  private(set) var nextAt: Int64?
  /// Since when the guest has read nothing.
  private var stuckSince: Int64?

  var room: Int { KeyQueue.limit - (strokes.count - head) }

  mutating func append(_ groups: [[UInt8]], interval: Int64, done: @escaping (Outcome) -> Void) {
    for (index, codes) in groups.enumerated() {
      strokes.append(Stroke(codes: codes, interval: interval, done: index == groups.count - 1 ? done : nil))
    }
    if nextAt == nil { nextAt = 0 }
  }

  /// Hands over what is due; returns what to call now.
  mutating func advance(_ machine: any MachineControl, now: Int64) -> [() -> Void] {
    var finished: [() -> Void] = []
    while head < strokes.count, let at = nextAt, at <= now {
      let taken = machine.keyboardInput(strokes[head].codes)
      if taken > 0 { stuckSince = nil }
      guard taken >= strokes[head].codes.count else {
        strokes[head].codes.removeFirst(max(0, taken))
        let since = stuckSince ?? now
        stuckSince = since
        if now &- since >= KeyQueue.patience {
          finished += end(.unread)
        } else {
          nextAt = now &+ max(strokes[head].interval, 10_000_000)
        }
        return finished
      }
      if let done = strokes[head].done { finished.append { done(.typed) } }
      nextAt = now &+ strokes[head].interval
      head += 1
    }
    if head == strokes.count { finished += end(.typed) }
    return finished
  }
  /// Forgets all strokes; returns what to call.
  private mutating func end(_ outcome: Outcome) -> [() -> Void] {
    let waiting = strokes[head...].compactMap(\.done)
    strokes.removeAll()
    (head, nextAt, stuckSince) = (0, nil, nil)
    return waiting.map { done in { done(outcome) } }
  }
}
