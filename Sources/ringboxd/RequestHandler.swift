import Base
import HostSystem
import NIOCore
import NIOHTTP1
import NIOWebSocket
import Service
import ServiceAPI

/// One connection's requests, one after the other: read whole, carried out by a worker, answered.
final class RequestHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart
  static let name = "requests"

  private static let maximumBody = 4 << 20
  /// A request must be complete after so long; a connection without one is closed after so long.
  private static let patience = TimeAmount.seconds(20), idle = TimeAmount.seconds(120)

  private let server: Server
  /// nil: the Unix socket.
  private let port: Int?
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  /// Answered before its end: what still comes is not looked at.
  private var isRefused = false
  private var deadline: Scheduled<Void>?
  private var subscription: EventHub.Subscription?

  init(_ server: Server, port: Int?) {
    self.server = server
    self.port = port
  }

  // MARK: Life

  func handlerAdded(context: ChannelHandlerContext) { expect(context, within: RequestHandler.patience) }
  func handlerRemoved(context: ChannelHandlerContext) { stop() }
  func channelInactive(context: ChannelHandlerContext) {
    stop()
    context.fireChannelInactive()
  }
  private func stop() {
    deadline?.cancel()
    subscription?.cancel()
    subscription = nil
  }
  private func expect(_ context: ChannelHandlerContext, within time: TimeAmount) {
    deadline?.cancel()
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A refused WebSocket is a request, which comes next and is answered with the reason.
    if error is NIOWebSocketUpgradeError { return }
    context.close(promise: nil)
  }

  // MARK: Requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body = []
      isRefused = false
      expect(context, within: RequestHandler.patience)
      if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }),
        length > RequestHandler.maximumBody
      {
        refuseSize(context, head)
      }
    case .body(var buffer):
      guard !isRefused, let head else { return }
      guard body.count + buffer.readableBytes <= RequestHandler.maximumBody else { return refuseSize(context, head) }
      body += buffer.readBytes(length: buffer.readableBytes) ?? []
    case .end:
      guard !isRefused, let head else { return }
      deadline?.cancel()
      answer(context, head)
    }
  }
  private func refuseSize(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) {
    isRefused = true
    let error = ServiceError(
      .invalidArgument, "The request is larger than \(RequestHandler.maximumBody) bytes", .registry)
    send(context, head, Reply(status: .payloadTooLarge, error: error), close: true)
  }

  private func answer(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) {
    let isFile = !head.uri.hasPrefix("/api/")
    if let port {
      let isAtHome = Access.isAtHome(head, port: port)
      let verdict: Access.Verdict = isFile ? (isAtHome ? .fine : .foreignPage) : server.judge(head, port: port)
      guard verdict == .fine else { return send(context, head, Reply(verdict), close: false) }
    }
    if isFile { return send(context, head, file(head), close: false) }
    switch Router.find(head.method.rawValue, head.uri) {
    case .nothing:
      send(
        context, head,
        Reply(status: .notFound, error: ServiceError(.objectNotFound, "There is no '\(head.uri)'", .registry)),
        close: false)
    case .otherMethods(let methods):
      var reply = Reply(
        status: .methodNotAllowed,
        error: ServiceError(.invalidArgument, "\(head.method.rawValue) is not for '\(head.uri)'", .registry))
      reply.headers.append(("Allow", methods.joined(separator: ", ")))
      send(context, head, reply, close: false)
    case .route(let route, let request): carryOut(context, head, route, request)
    }
  }
  private func file(_ head: HTTPRequestHead) -> Reply {
    let path = head.uri.split(separator: "?").first.map(String.init) ?? "/"
    guard head.method == .GET || head.method == .HEAD, let file = server.files.file(path) else {
      return Reply(status: .notFound, error: ServiceError(.objectNotFound, "There is no '\(path)'", .registry))
    }
    return Reply(status: .ok, type: file.type, body: file.bytes, headers: WebFiles.headers)
  }

  private func carryOut(
    _ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ route: Route, _ request: APIRequest
  ) {
    var request = request
    if !body.isEmpty {
      let type = head.headers.first(name: "content-type")?.lowercased() ?? ""
      guard type.hasPrefix("application/json") else {
        let error = ServiceError(.invalidArgument, "The body must be of the type application/json", .registry)
        return send(context, head, Reply(status: .unsupportedMediaType, error: error), close: false)
      }
      do throws(JSON.ParseError) { request.body = try JSON(parsing: body) } catch {
        let failure = ServiceError(.invalidArgument, "The body is no JSON: \(error)", .registry)
        return send(context, head, Reply(status: .badRequest, error: failure), close: false)
      }
    }
    switch route.action {
    case .eventStream: stream(context, head, request)
    case .eventSocket, .displaySocket, .serialSocket:
      let error = ServiceError(.invalidArgument, "This is a WebSocket", .registry)
      send(context, head, Reply(status: .upgradeRequired, error: error), close: false)
    case .web(let isOpen) where port != nil:
      let error = ServiceError(.accessDenied, "Only over the Unix socket: \(isOpen)", .registry)
      send(context, head, Reply(status: .forbidden, error: error), close: false)
    default: work(context, head, route, request)
    }
  }
  /// By a worker: it may take its time.
  private func work(_ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ route: Route, _ request: APIRequest) {
    let server = server
    let reply: EventLoopFuture<Reply> = server.workers.runIfActive(eventLoop: context.eventLoop) {
      if case .web(let isOpen) = route.action { return RequestHandler.web(server, isOpen, request) }
      return Reply(server.service.answer(route, request), route)
    }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    reply.whenComplete { result in
      let (handler, context) = bound.value
      switch result {
      case .success(let reply): handler.send(context, head, reply, close: false)
      case .failure: context.close(promise: nil)
      }
    }
  }
  private static func web(_ server: Server, _ isOpen: Bool, _ request: APIRequest) -> Reply {
    do throws(ServiceError) {
      guard isOpen else {
        server.closeWeb()
        return Reply(status: .noContent)
      }
      let port = request.body["port"]?.integer.map { Int(clamping: $0) }
      if let port, !(1...65535).contains(port) {
        throw ServiceError(.invalidArgument, "port must be in range [1, 65535]", .registry)
      }
      return Reply(status: .ok, type: Reply.json, body: Array(try server.openWeb(port).text.utf8))
    } catch { return Reply(status: HTTPResponseStatus(statusCode: error.status), error: error) }
  }

  // MARK: Answers

  private func send(_ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ reply: Reply, close: Bool) {
    guard context.channel.isActive else { return }
    let isLast = close || !head.isKeepAlive
    var headers = HTTPHeaders()
    if reply.status != .noContent {
      headers.add(name: "Content-Length", value: "\(reply.body.count)")
      headers.add(name: "Content-Type", value: reply.type)
    }
    if port != nil, !reply.headers.contains(where: { $0.0 == "Cache-Control" }) {
      headers.add(name: "Cache-Control", value: "no-store")
    }
    for (name, value) in reply.headers { headers.add(name: name, value: value) }
    if isLast { headers.add(name: "Connection", value: "close") }
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: reply.status, headers: headers))), promise: nil)
    if head.method != .HEAD, !reply.body.isEmpty {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body)))), promise: nil)
    }
    let done = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    expect(context, within: RequestHandler.idle)
    guard isLast else { return }
    let channel = context.channel
    done.whenComplete { _ in channel.close(promise: nil) }
  }

  /// Events, a line each, for as long as the client listens. One who does not read is cut off.
  private func stream(_ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ request: APIRequest) {
    let headers = HTTPHeaders([
      ("Content-Type", "application/x-ndjson"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
    ])
    // HTTP/1.0 has no chunks: such an answer ends with its connection.
    context.writeAndFlush(
      wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .ok, headers: headers))), promise: nil)
    let channel = context.channel
    subscription = server.service.events.listen(after: request.query["after"].flatMap { Int64($0) }) { event in
      channel.eventLoop.execute {
        guard channel.isActive else { return }
        guard channel.isWritable else { return channel.close(promise: nil) }
        let line = ByteBuffer(string: event.json.text + "\n")
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(line)), promise: nil)
      }
    }
  }
}

/// An answer before it is written.
struct Reply: Sendable {
  static let json = "application/json"
  var status: HTTPResponseStatus
  var type = Reply.json
  var body: [UInt8] = []
  var headers: [(String, String)] = []

  init(status: HTTPResponseStatus, type: String = Reply.json, body: [UInt8] = [], headers: [(String, String)] = []) {
    self.status = status
    self.type = type
    self.body = body
    self.headers = headers
  }
  init(status: HTTPResponseStatus, error: ServiceError) {
    let json: JSON = ["error": error.json]
    self.init(status: status, body: Array(json.text.utf8))
  }
  init(_ verdict: Access.Verdict) {
    if verdict == .foreignPage {
      self.init(
        status: .forbidden,
        error: ServiceError(.accessDenied, "Requests of other pages and by other names are refused", .registry))
    } else {
      self.init(
        status: .unauthorized,
        error: ServiceError(.accessDenied, "The token is missing or wrong; 'ringbox web' shows it", .registry))
      headers.append(("WWW-Authenticate", "Bearer"))
    }
  }
  init(_ result: Result<APIResponse, ServiceError>, _ route: Route) {
    switch result {
    case .failure(let error): self.init(status: HTTPResponseStatus(statusCode: error.status), error: error)
    case .success(.nothing): self.init(status: .noContent)
    case .success(.json(let json)):
      self.init(status: HTTPResponseStatus(statusCode: route.status), body: Array(json.text.utf8))
    case .success(.data(let type, let bytes)): self.init(status: .ok, type: type, body: bytes)
    }
  }
}
