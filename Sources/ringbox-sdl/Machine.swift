import Base
import DisplayClient
import HostSystem
import Service
import ServiceClient
import Synchronization

/// A kept machine as its window needs it: started, told things and watched by way of the service.
final class KeptMachine: Sendable {
  let uuid: String
  let name: String
  private let home: ServiceHome
  private let service: ServiceClient
  /// The lock protects what the watching threads have learnt.
  private struct News {
    var state: String
    var failures: [String] = []
    var isBusy = false
  }
  private let news: Mutex<News>

  /// Finds the machine.
  init(_ name: String) throws(ServiceError) {
    home = try ServiceHome()
    let settings = try Registry(home: home).machine(name)
    uuid = settings.uuid
    self.name = settings.name
    service = ServiceClient(home, program: try KeptMachine.serviceProgram())
    news = Mutex(News(state: Registry(home: home).state(settings).state.rawValue))
  }
  private static func serviceProgram() throws(ServiceError) -> String {
    let folder = ProcessImage.path.map(Paths.folder) ?? "."
    var places = ["\(folder)/ringboxd", "\(folder)/../libexec/ringbox/ringboxd"]
    places += (ProcessImage.environment("PATH") ?? "").split(separator: ":").map { "\($0)/ringboxd" }
    guard let found = places.first(where: ProcessImage.isExecutable) else {
      throw ServiceError(.hostError, "ringboxd is missing; it belongs next to ringbox-sdl", .registry)
    }
    return found
  }

  // MARK: State

  private func settings() throws(ServiceError) -> MachineSettings { try Registry(home: home).machine(uuid) }
  /// As the machine's process says now.
  var isOnline: Bool { (try? settings()).map { Registry(home: home).state($0).state.isOnline } ?? false }
  /// As far as the service has told.
  var state: String { news.withLock { $0.state } }
  /// As the machine's files say, which takes longer.
  var actualState: String { (try? settings()).map { Registry(home: home).state($0).state.rawValue } ?? "gone" }
  private func refresh() {
    let now = actualState
    news.withLock { $0.state = now }
  }
  /// What went wrong since the last look.
  func takeFailures() -> [String] {
    news.withLock { news in
      defer { news.failures = [] }
      return news.failures
    }
  }

  /// Starts the machine unless it runs.
  func start(discardingState: Bool) throws(ServiceError) {
    guard !isOnline else { return }
    if discardingState, actualState == VMState.saved.rawValue { try request("POST", "discardstate") }
    try request("POST", "start")
    refresh()
  }
  /// Where viewers connect, once the machine runs.
  func displaySocket() throws(ServiceError) -> String {
    let settings = try settings()
    guard let path = Registry(home: home).displaySocket(settings) else {
      throw ServiceError(.vmError, "The machine '\(name)' has no display to look at", .console)
    }
    return Paths.resolve(path, in: settings.folder)
  }

  /// Hears of the machine's states from now on; `changed` is called on another thread.
  func watch(_ changed: @escaping @Sendable () -> Void) {
    // On a busy host a machine may be too slow to say that it runs; what lasts only a moment is looked at again.
    _ = try? HostThread(name: "state") { [self] in
      var nothing: [PollEntry] = []
      while true {
        HostPoll.wait(&nothing, nanoseconds: 1_000_000_000)
        guard ![VMState.running, .paused].contains(where: { $0.rawValue == state }) else { continue }
        refresh()
        changed()
      }
    }
    _ = try? HostThread(name: "events") { [self] in
      var nothing: [PollEntry] = []
      while true {
        refresh()
        changed()
        _ = try? service.follow(["events"]) { [self] line in
          if let event = try? JSON(parsing: line), event["kind"] == "machine.state", event["machine"]?.string == uuid,
            let state = event["state"]?.string
          {
            news.withLock { $0.state = state }
            changed()
          }
          return true
        }
        // The service has ended, or was killed: another one takes over.
        HostPoll.wait(&nothing, nanoseconds: 1_000_000_000)
      }
    }
  }

  // MARK: Orders

  @discardableResult
  private func request(_ method: String, _ path: String, _ body: JSON? = nil) throws(ServiceError) -> JSON {
    try service.request(method, ["machines", uuid, path], body).json
  }
  /// Tells the machine something that may take its time; what goes wrong is found in `takeFailures`, after `done`.
  func order(_ order: Order, _ done: @escaping @Sendable () -> Void) {
    let isFree = news.withLock { news in
      defer { news.isBusy = true }
      return !news.isBusy
    }
    guard isFree else { return }
    let started = try? HostThread(name: "order") { [self] in
      do throws(ServiceError) { try carry(out: order) } catch { news.withLock { $0.failures.append(error.text) } }
      news.withLock { $0.isBusy = false }
      done()
    }
    if started == nil { news.withLock { $0.isBusy = false } }
  }
  /// What a window can order.
  enum Order: Sendable {
    case powerButton, reset, powerOff, save, snapshot
    case pauseOrResume
  }
  private func carry(out order: Order) throws(ServiceError) {
    switch order {
    case .powerButton: try request("POST", "acpipowerbutton")
    case .reset: try request("POST", "reset")
    case .powerOff: try request("POST", "poweroff")
    case .save: try service.follow(task: try request("POST", "savestate"))
    case .snapshot:
      try service.follow(task: try request("POST", "snapshots", ["name": "Snapshot of the window"]))
    case .pauseOrResume:
      let isPaused = try Registry(home: home).state(settings()).state == .paused
      try request("POST", isPaused ? "resume" : "pause")
    }
  }
}
