import NIOCore
import NIOPosix
import NIOWebSocket

/// What a relay makes of what comes from either end.
protocol RelayConversion: SendableMetatype {
  /// What the machine is told first.
  var greeting: ByteBuffer? { get }
  /// What a page may send before there is a connection to the machine, in bytes.
  static var earlyLimit: Int { get }
  /// Also messages of text are for the machine.
  static var takesText: Bool { get }
  /// A page's message as the machine takes it.
  mutating func toMachine(_ data: ByteBuffer) -> ByteBuffer
  /// Messages for the page, made of what the machine says.
  mutating func toPage(_ data: ByteBuffer) -> RelayMessages
}

/// Messages for a page, and whether they are the last.
struct RelayMessages {
  var messages: [(opcode: WebSocketOpcode, data: ByteBuffer)] = []
  var isLast = false
}

/// A WebSocket whose other end is a local socket of a machine. Whoever is slower slows the other down; but a machine
/// reads at once what people do, and one that does not has no use for more.
final class SocketRelay<Conversion: RelayConversion>: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame
  private let path: String
  fileprivate var conversion: Conversion
  private var machine: (any Channel)?
  /// What came before there was a connection to the machine.
  private var early: [ByteBuffer] = []

  /// - Parameter path: the machine's socket.
  init(_ path: String, _ conversion: Conversion) {
    self.path = path
    self.conversion = conversion
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let page = context.channel
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    ClientBootstrap(group: context.eventLoop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(RelaySource(bound.value.0, page))
        }
      }
      .connect(unixDomainSocketPath: path)
      .whenComplete { result in
        let (relay, context) = bound.value
        switch result {
        case .failure: context.close(promise: nil)
        case .success(let channel): relay.connected(channel, page)
        }
      }
  }
  private func connected(_ channel: any Channel, _ page: any Channel) {
    guard page.isActive else { return channel.close(promise: nil) }
    machine = channel
    if let greeting = conversion.greeting { channel.writeAndFlush(greeting, promise: nil) }
    for data in early { channel.writeAndFlush(conversion.toMachine(data), promise: nil) }
    early = []
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    switch frame.opcode {
    case .text where !Conversion.takesText: break
    case .binary, .continuation, .text: pass(frame.unmaskedData, context)
    default: context.answer(frame)
    }
  }
  private func pass(_ data: ByteBuffer, _ context: ChannelHandlerContext) {
    guard let machine else {
      let size = early.reduce(data.readableBytes) { $0 + $1.readableBytes }
      guard size <= Conversion.earlyLimit, early.count < 64 else { return context.close(promise: nil) }
      return early.append(data)
    }
    machine.writeAndFlush(conversion.toMachine(data), promise: nil)
    if !machine.isWritable { context.close(promise: nil) }
  }
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    machine?.setOption(.autoRead, value: context.channel.isWritable).whenComplete { _ in }
    context.fireChannelWritabilityChanged()
  }
  func channelInactive(context: ChannelHandlerContext) {
    machine?.close(promise: nil)
    context.fireChannelInactive()
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// The machine's end of a relay, on the same event loop.
private final class RelaySource<Conversion: RelayConversion>: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let relay: SocketRelay<Conversion>
  private let page: any Channel
  init(_ relay: SocketRelay<Conversion>, _ page: any Channel) {
    self.relay = relay
    self.page = page
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let result = relay.conversion.toPage(unwrapInboundIn(data))
    for (opcode, data) in result.messages {
      page.writeAndFlush(WebSocketFrame(fin: true, opcode: opcode, data: data), promise: nil)
    }
    if result.isLast { context.close(promise: nil) }
  }
  func channelInactive(context: ChannelHandlerContext) { page.close(promise: nil) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension ChannelHandlerContext {
  /// A WebSocket's own matters: a ping is answered, a farewell taken.
  func answer(_ frame: WebSocketFrame) {
    switch frame.opcode {
    case .ping:
      let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
      writeAndFlush(NIOAny(pong), promise: nil)
    case .connectionClose: close(promise: nil)
    default: break
    }
  }
}

/// A viewer in a page: its bytes go to the machine's RFB server and back, as they are.
struct DisplayConversion: RelayConversion {
  let greeting: ByteBuffer? = nil
  static let earlyLimit = 1 << 20
  static let takesText = false
  func toMachine(_ data: ByteBuffer) -> ByteBuffer { data }
  func toPage(_ data: ByteBuffer) -> RelayMessages { RelayMessages(messages: [(.binary, data)]) }
}
