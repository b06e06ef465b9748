import Synchronization

/// A wire that several sources drive: high while any of them is high (wired OR, for shared interrupt lines).
///
/// Sinks are called on each change, in order, with this line's lock held.
/// Lock order: source device, then line, then sink device (interrupt controller).
public final class SharedLine: Sendable {
  private struct Wire {
    var levels: [Bool] = []
    var high = 0
    var sinks: [@Sendable (Bool) -> Void] = []
  }
  private let wire = Mutex(Wire())

  public init() {}

  /// Adds a source, low; the function returned drives it.
  public func source() -> @Sendable (Bool) -> Void {
    let index = wire.withLock {
      $0.levels.append(false)
      return $0.levels.count - 1
    }
    return { level in self.drive(index, level) }
  }
  /// Adds a receiver and tells it the present level if that is high.
  public func connect(to sink: @escaping @Sendable (Bool) -> Void) {
    wire.withLock {
      $0.sinks.append(sink)
      if $0.high > 0 { sink(true) }
    }
  }
  public var level: Bool { wire.withLock { $0.high > 0 } }

  private func drive(_ index: Int, _ level: Bool) {
    wire.withLock { wire in
      guard wire.levels[index] != level else { return }
      wire.levels[index] = level
      wire.high += level ? 1 : -1
      guard wire.high == (level ? 1 : 0) else { return }
      for sink in wire.sinks { sink(level) }
    }
  }
}
