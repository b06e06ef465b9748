import Foundation
import Synchronization

@testable import Machine

extension Machine {
  /// Saves the machine's state in a file, and returns when it has stopped behind it.
  func saveAndStop(to path: String) throws {
    let done = Mutex<Result<Void, MachineError>?>(nil)
    saveState(to: path) { _ in
    } completion: { error in
      done.withLock { $0 = error.map { .failure($0) } ?? .success(()) }
    }
    while done.withLock({ $0 == nil }) { usleep(500) }
    try done.withLock { $0 }?.get()
    waitUntilStopped()
  }
}
