import HostSystem
import Synchronization

/// Lets many transfers through together, or one change of structure alone.
///
/// Whoever waits to be alone goes before transfers that come later. Not recursive.
final class Gate: Sendable {
  private struct State {
    var shared = 0
    var isAlone = false
    var waitingAlone: [Parker] = []
    var waitingShared: [Parker] = []
  }
  private let state = Mutex(State())

  func together<R>(_ body: () throws(DiskError) -> R) throws(DiskError) -> R {
    enterTogether()
    defer { leaveTogether() }
    return try body()
  }
  func alone<R>(_ body: () throws(DiskError) -> R) throws(DiskError) -> R {
    enterAlone()
    defer { leaveAlone() }
    return try body()
  }

  private func enterTogether() {
    var parker: Parker?
    while true {
      let entered = state.withLock { state -> Bool in
        guard state.isAlone || !state.waitingAlone.isEmpty else {
          state.shared += 1
          return true
        }
        let waiter = parker ?? Parker()
        parker = waiter
        state.waitingShared.append(waiter)
        return false
      }
      if entered { return }
      parker?.park()
    }
  }
  private func leaveTogether() {
    let next = state.withLock { state -> Parker? in
      state.shared -= 1
      return state.shared == 0 ? state.waitingAlone.first : nil
    }
    next?.unpark()
  }
  private func enterAlone() {
    let parker = Parker()
    var isQueued = false
    while true {
      let entered = state.withLock { state -> Bool in
        let isNext = isQueued ? state.waitingAlone.first === parker : state.waitingAlone.isEmpty
        if !state.isAlone, state.shared == 0, isNext {
          state.isAlone = true
          if isQueued { state.waitingAlone.removeFirst() }
          return true
        }
        if !isQueued { state.waitingAlone.append(parker) }
        isQueued = true
        return false
      }
      if entered { return }
      parker.park()
    }
  }
  private func leaveAlone() {
    let next = state.withLock { state -> [Parker] in
      state.isAlone = false
      if let first = state.waitingAlone.first { return [first] }
      defer { state.waitingShared = [] }
      return state.waitingShared
    }
    for parker in next { parker.unpark() }
  }
}
