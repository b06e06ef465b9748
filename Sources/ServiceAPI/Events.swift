import Base
import HostSystem
import Synchronization

/// Something that happened, as subscribers hear of it.
public struct Event: Sendable {
  /// Grows by one with each event of a service's life.
  public var number: Int64
  /// Nanoseconds since 1970.
  public var time: Int64
  /// `machine.state`, `task.progress`, ...
  public var kind: String
  /// What belongs to the kind.
  public var members: [JSON.Member]

  /// As subscribers get it.
  public var json: JSON {
    .object(
      [
        JSON.Member("number", .integer(number)), JSON.Member("time", .integer(time / 1_000_000)),
        JSON.Member("kind", .string(kind)),
      ] + members)
  }
}

/// Hands events to all who listen.
public final class EventHub: Sendable {
  /// What a listener wants to be called with; it must return at once.
  public typealias Listener = @Sendable (Event) -> Void

  /// The lock protects everything below; listeners are called outside of it, in order.
  private struct State {
    var next: Int64 = 1
    var recent: [Event] = []
    var listeners: [Int64: Listener] = [:]
    var nextListener: Int64 = 1
  }
  private static let kept = 512
  private let state = Mutex(State())
  /// Keeps the order of deliveries; taken before `state`.
  private let order = Mutex(())

  /// Nobody listens yet.
  public init() {}

  /// Tells everybody.
  public func publish(_ kind: String, _ members: KeyValuePairs<String, JSON> = [:]) {
    order.withLock { _ in
      let (event, listeners) = state.withLock { state in
        let event = Event(
          number: state.next, time: HostClock.wallNanoseconds, kind: kind,
          members: members.map { JSON.Member($0.key, $0.value) })
        state.next += 1
        state.recent.append(event)
        if state.recent.count > EventHub.kept { state.recent.removeFirst(state.recent.count - EventHub.kept) }
        return (event, Array(state.listeners.values))
      }
      for listener in listeners { listener(event) }
    }
  }
  /// Listens from now on, or from behind event `after` as far as it is still known. The result ends it.
  public func listen(after: Int64? = nil, _ listener: @escaping Listener) -> Subscription {
    order.withLock { _ in
      let (id, missed) = state.withLock { state in
        let id = state.nextListener
        state.nextListener += 1
        state.listeners[id] = listener
        return (id, after.map { after in state.recent.filter { $0.number > after } } ?? [])
      }
      for event in missed { listener(event) }
      return Subscription(hub: self, id: id)
    }
  }
  /// A listener's place; ends with `cancel`.
  public struct Subscription: Sendable {
    fileprivate let hub: EventHub
    fileprivate let id: Int64
    /// No call comes after this, but one that is under way.
    public func cancel() { hub.state.withLock { _ = $0.listeners.removeValue(forKey: id) } }
  }
}
