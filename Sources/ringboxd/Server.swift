import Base
import Glibc
import HostSystem
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Service
import ServiceAPI
import Synchronization

/// Listeners, and the life of the service: it ends when nobody needs it for a while.
final class Server: Sendable {
  let service: MachineService
  let files = WebFiles()
  let home: ServiceHome
  /// Carries out what may block.
  let workers = NIOThreadPool(numberOfThreads: 16)
  private let grace: Int64
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  /// Pages are served on this port to who has this token.
  struct Web: Sendable {
    var access: Access
    var port: Int
    var channel: any Channel
  }
  private struct State {
    var clients = 0
    var lastUse = HostClock.monotonicNanoseconds
    var web: Web?
  }
  private let state = Mutex(State())
  /// Beyond it, connections are closed at once.
  private static let maximumClients = 256
  /// Pages may be opened for so long after they were asked for.
  private static let webGrace: Int64 = 900

  init(service: MachineService, home: ServiceHome, grace: Int64) throws(ServiceError) {
    self.service = service
    self.home = home
    self.grace = grace
  }

  /// Serves until the end.
  func run(_ signals: SignalDescriptor) throws(ServiceError) {
    workers.start()
    restoreWeb()
    let descriptor: Int32
    do throws(SystemCallError) {
      let listener = try HostSocket.listenLocal(home.serviceSocket)
      // The channel closes its own copy.
      descriptor = fcntl(listener.raw, F_DUPFD_CLOEXEC, 3)
    } catch {
      throw ServiceError(.hostError, "Could not listen on '\(home.serviceSocket)': \(error.reason)", .registry)
    }
    do { _ = try bootstrap(port: nil).withBoundSocket(descriptor).wait() } catch {
      throw ServiceError(.hostError, "Could not listen on '\(home.serviceSocket)': \(error)", .registry)
    }
    log("started, process \(HostProcess.id)")
    while !isDone(signals) {
      var entries = [PollEntry(signals.raw)]
      HostPoll.wait(&entries, nanoseconds: 500_000_000)
    }
    // From here on a client that comes finds nothing and starts the next service.
    HostFiles.remove(home.serviceSocket)
    HostFiles.remove(home.serviceWeb)
    log("ends")
  }
  private func isDone(_ signals: SignalDescriptor) -> Bool {
    if signals.next() != nil { return true }
    let (clients, quiet, hasWeb) = state.withLock { state in
      (state.clients, (HostClock.monotonicNanoseconds - state.lastUse) / 1_000_000_000, state.web != nil)
    }
    if clients > 0 || service.isBusy {
      touch()
      return false
    }
    return quiet >= (hasWeb ? max(grace, Server.webGrace) : grace)
  }
  private func touch() { state.withLock { $0.lastUse = HostClock.monotonicNanoseconds } }
  func log(_ text: String) {
    HostStream.standard(2).writeAll(Array("\(Timestamp.text(Timestamp.now)) \(text)\n".utf8))
  }

  // MARK: Connections

  /// nil: the Unix socket.
  private func bootstrap(port: Int?) -> ServerBootstrap {
    ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 128)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.writeBufferWaterMark, value: .init(low: 1 << 18, high: 4 << 20))
      .childChannelInitializer { channel in self.open(channel, port: port) }
  }
  private func open(_ channel: any Channel, port: Int?) -> EventLoopFuture<Void> {
    let isWelcome = state.withLock { state in
      state.clients += 1
      state.lastUse = HostClock.monotonicNanoseconds
      return state.clients <= Server.maximumClients
    }
    channel.closeFuture.whenComplete { _ in
      self.state.withLock { state in
        state.clients -= 1
        state.lastUse = HostClock.monotonicNanoseconds
      }
    }
    guard isWelcome else { return channel.close() }
    let sockets = SocketUpgrade(self)
    let upgrader = NIOWebSocketServerUpgrader(
      maxFrameSize: 1 << 20,
      shouldUpgrade: { channel, head in sockets.examine(channel, head, self.port(of: channel, port)) },
      upgradePipelineHandler: { channel, _ in sockets.open(channel) })
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = 8192
    limits.maxHeaderListSize = 32_768
    limits.maxHeaderFieldCount = 100
    let chosen = limits
    return channel.eventLoop.makeCompletedFuture {
      let handler = RequestHandler(self, port: self.port(of: channel, port))
      try channel.pipeline.syncOperations.configureHTTPServerPipeline(
        withPipeliningAssistance: true,
        withServerUpgrade: (
          upgraders: [upgrader],
          completionHandler: { context in
            context.pipeline.syncOperations.removeHandler(name: RequestHandler.name, promise: nil)
          }
        ), withErrorHandling: true, withOutboundHeaderValidation: true, withEncoderConfiguration: .init(),
        withDecoderLimitConfiguration: chosen)
      try channel.pipeline.syncOperations.addHandler(handler, name: RequestHandler.name)
    }
  }
  private func port(of channel: any Channel, _ port: Int?) -> Int? { port == nil ? nil : channel.localAddress?.port }

  // MARK: Pages

  /// Judges a request that came over TCP.
  func judge(_ head: HTTPRequestHead, port: Int) -> Access.Verdict {
    guard let access = state.withLock({ $0.web?.access }) else { return .noToken }
    return access.judge(head, port: port)
  }
  /// Serves pages on a port of the loopback interface; any free one, if none is named. Where that is done already, it is.
  func openWeb(_ port: Int?, token: String? = nil) throws(ServiceError) -> JSON {
    if let web = state.withLock({ $0.web }) {
      guard port == nil || port == web.port else {
        throw ServiceError(.objectInUse, "Pages are served on port \(web.port) already", .registry)
      }
      touch()
      return Server.json(web)
    }
    let wanted = port ?? 0
    let channel: any Channel
    do { channel = try bootstrap(port: wanted).bind(host: "127.0.0.1", port: wanted).wait() } catch {
      throw ServiceError(.hostError, "Could not listen on port \(wanted) of 127.0.0.1: \(error)", .registry)
    }
    let web = Web(access: Access(token: token), port: channel.localAddress?.port ?? wanted, channel: channel)
    let isFirst = state.withLock { state in
      guard state.web == nil else { return false }
      state.web = web
      return true
    }
    guard isFirst else {
      channel.close(promise: nil)
      return try openWeb(port)
    }
    touch()
    let json = Server.json(web)
    try? HostFiles.replace(home.serviceWeb, with: Array(json.text.utf8))
    return json
  }
  func closeWeb() {
    let web = state.withLock { state in
      defer { state.web = nil }
      return state.web
    }
    web?.channel.close(promise: nil)
    HostFiles.remove(home.serviceWeb)
  }
  private static func json(_ web: Web) -> JSON {
    // Behind the number sign: not sent to any server, and in no log.
    [
      "url": .string("http://127.0.0.1:\(web.port)/#token=\(web.access.token)"), "token": .string(web.access.token),
      "port": .integer(Int64(web.port)),
    ]
  }
  /// Goes on where a service that was killed has left off.
  private func restoreWeb() {
    guard let bytes = try? WholeFile.read(home.serviceWeb, maximum: 4096), let json = try? JSON(parsing: bytes),
      let port = json["port"]?.integer, (1...65535).contains(port), let token = json["token"]?.string,
      token.utf8.count == 64
    else { return }
    if (try? openWeb(Int(port), token: token)) == nil { HostFiles.remove(home.serviceWeb) }
  }
}
