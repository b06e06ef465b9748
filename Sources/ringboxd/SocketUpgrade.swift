import HostSystem
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Service
import ServiceAPI
import Synchronization

/// One connection's way to become a WebSocket: who may, and to what.
final class SocketUpgrade: Sendable {
  /// What the socket is for.
  private enum Purpose: Sendable {
    case events(after: Int64?)
    case display(String)
    case serial(String, port: String)
  }
  private let server: Server
  private let purpose = Mutex<Purpose?>(nil)
  init(_ server: Server) { self.server = server }

  /// Fields of the answer, or nil: then the request is answered as any other, with the reason.
  func examine(_ channel: any Channel, _ head: HTTPRequestHead, _ port: Int?) -> EventLoopFuture<HTTPHeaders?> {
    let refused = channel.eventLoop.makeSucceededFuture(nil as HTTPHeaders?)
    if let port, server.judge(head, port: port) != .fine { return refused }
    guard case .route(let route, let request) = Router.find(head.method.rawValue, head.uri) else { return refused }
    var headers = HTTPHeaders()
    let protocols = head.headers["sec-websocket-protocol"].flatMap { $0.split(separator: ",") }
    if protocols.contains(where: { $0.drop { $0 == " " } == Access.protocolName }) {
      headers.add(name: "Sec-WebSocket-Protocol", value: Access.protocolName)
    }
    let chosen = headers
    switch route.action {
    case .eventSocket:
      let after = request.query["after"].flatMap { Int64($0) }
      purpose.withLock { $0 = .events(after: after) }
      return channel.eventLoop.makeSucceededFuture(chosen)
    case .displaySocket:
      let machine = request.path["machine"] ?? ""
      let server = server
      let path: EventLoopFuture<String?> = server.workers.runIfActive(eventLoop: channel.eventLoop) {
        try? server.service.display(machine)
      }
      return path.map { path in
        guard let path else { return nil }
        self.purpose.withLock { $0 = .display(path) }
        return chosen
      }
    case .serialSocket:
      let machine = request.path["machine"] ?? "", port = request.path["port"] ?? ""
      guard let number = Int(port), (0..<4).contains(number) else { return refused }
      let server = server
      let path: EventLoopFuture<String?> = server.workers.runIfActive(eventLoop: channel.eventLoop) {
        try? server.service.control(machine)
      }
      return path.map { path in
        guard let path else { return nil }
        self.purpose.withLock { $0 = .serial(path, port: "serial\(number)") }
        return chosen
      }
    default: return refused
    }
  }

  /// The connection is a WebSocket now.
  func open(_ channel: any Channel) -> EventLoopFuture<Void> {
    switch purpose.withLock({ $0 }) {
    case .events(let after):
      return channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(EventSocket(server.service.events, after: after))
      }
    case .display(let path):
      return channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(SocketRelay(path, DisplayConversion()))
      }
    case .serial(let path, let port):
      return channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(SocketRelay(path, SerialConversion(port: port)))
      }
    case nil: return channel.close()
    }
  }
}

/// Events, one to a text frame. A page that does not read is cut off.
final class EventSocket: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame
  private let events: EventHub
  private let after: Int64?
  private var subscription: EventHub.Subscription?

  init(_ events: EventHub, after: Int64?) {
    self.events = events
    self.after = after
  }
  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    subscription = events.listen(after: after) { event in
      channel.eventLoop.execute {
        guard channel.isActive else { return }
        guard channel.isWritable else { return channel.close(promise: nil) }
        let text = ByteBuffer(string: event.json.text)
        channel.writeAndFlush(WebSocketFrame(fin: true, opcode: .text, data: text), promise: nil)
      }
    }
  }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.answer(unwrapInboundIn(data))
  }
  func channelInactive(context: ChannelHandlerContext) {
    subscription?.cancel()
    context.fireChannelInactive()
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
