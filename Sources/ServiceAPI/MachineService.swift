import Base
import HostSystem
import Service

/// The service's core: what clients of every kind can ask for, in Swift. The registry's files stay the truth; this adds
/// what needs somebody who stays: events, tasks, supervision of running machines.
public final class MachineService: Sendable {
  /// The files.
  public let registry: Registry
  /// Who wants to know what happens.
  public let events = EventHub()
  /// Long work.
  public let tasks: TaskList
  let supervisor: Supervisor
  let program: String

  /// `program` is `ringbox-vm`.
  public init(registry: Registry, program: String) throws(ServiceError) {
    self.registry = registry
    self.program = program
    tasks = TaskList(events: events)
    supervisor = try Supervisor(registry: registry, events: events)
  }

  /// Looks after what runs already, and begins to watch.
  public func start() throws(ServiceError) { try supervisor.start() }
  /// Machines run, or work goes on.
  public var isBusy: Bool { supervisor.isBusy || tasks.isBusy }

  /// Carries a request out. The body has not been checked yet.
  public func answer(_ route: Route, _ request: APIRequest) -> Swift.Result<APIResponse, ServiceError> {
    guard case .call(let body) = route.action else {
      return .failure(ServiceError(.invalidArgument, "This is not for requests", .registry))
    }
    do throws(ServiceError) {
      var request = request
      if let schema = route.body {
        if request.body == .null, route.isBodyOptional { request.body = [:] }
        request.body = Schema.normal(request.body)
        try schema.check(request.body, "body")
      }
      for parameter in route.query {
        guard case .word(let words) = parameter.schema, let value = request.query[parameter.name] else { continue }
        guard words.contains(value) else {
          throw ServiceError(
            .invalidArgument, "\(parameter.name) must be one of: \(words.joined(separator: ", "))", .registry)
        }
      }
      registry.settleUnfinished()
      return .success(try body(self, request))
    } catch { return .failure(error) }
  }

  // MARK: Machines

  /// The machine that a request is about.
  func machine(_ request: APIRequest) throws(ServiceError) -> MachineSettings {
    try registry.machine(request.name("machine"))
  }
  /// After a change: events for it are out when the client has its answer.
  func noticed(_ uuid: String? = nil) { supervisor.look() }

  /// Begins long work; the answer is its task. Events for what it has changed are out when it has ended.
  func work(
    _ title: String, on machine: MachineSettings? = nil, canCancel: Bool = false,
    _ body: @escaping @Sendable (WorkTask) throws(ServiceError) -> JSON
  ) throws(ServiceError) -> APIResponse {
    let task = try tasks.start(title, machine: machine?.uuid, canCancel: canCancel) {
      [self] task throws(ServiceError) in
      defer { noticed() }
      return try body(task)
    }
    return .json(task.json)
  }

  /// Starts a machine and looks after it from then on.
  public func start(_ name: String, window: String? = nil) throws(ServiceError) {
    defer { supervisor.look() }
    try registry.start(name, program: program, window: window)
  }
  /// Where the process of a machine that runs takes orders.
  public func control(_ name: String) throws(ServiceError) -> String {
    let settings = try registry.machine(name)
    _ = try registry.client(settings)
    return registry.controlSocket(settings)
  }
  /// Where a machine's screen is served.
  public func display(_ name: String) throws(ServiceError) -> String {
    let settings = try registry.machine(name)
    _ = try registry.client(settings)
    guard let socket = registry.displaySocket(settings) else {
      throw ServiceError(.vmError, "The machine '\(settings.name)' has no display", .console)
    }
    return socket
  }
}
