import Base
import NIOCore
import NIOPosix
import NIOWebSocket
import ServiceAPI

/// A serial port in a page: a client of the machine's control channel, which watches the port and writes to it. Binary
/// messages are the port's bytes. Text messages are JSON: `live` when all has come that was sent before the page came, so
/// that a terminal does not answer old questions; `error` when there is no such port.
final class SerialSocket: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame
  private let path: String
  private let port: String
  private var machine: (any Channel)?
  /// What was typed before there was a connection to the machine.
  private var early: [UInt8] = []
  private static let earlyLimit = 4096

  init(_ path: String, port: String) {
    self.path = path
    self.port = port
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let page = context.channel
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    ClientBootstrap(group: context.eventLoop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(SerialSource(page))
        }
      }
      .connect(unixDomainSocketPath: path)
      .whenComplete { result in
        let (handler, context) = bound.value
        switch result {
        case .failure: context.close(promise: nil)
        case .success(let channel):
          guard page.isActive else { return channel.close(promise: nil) }
          handler.machine = channel
          handler.order("serial-watch", [("from", 0)])
          if !handler.early.isEmpty { handler.type(handler.early) }
          handler.early = []
        }
      }
  }
  private func order(_ command: String, _ arguments: [(String, JSON)]) {
    var request: JSON = ["id": .string(command), "command": .string(command), "port": .string(port)]
    for (name, value) in arguments { request.set(name, value) }
    machine?.writeAndFlush(ByteBuffer(string: request.text + "\n"), promise: nil)
  }
  private func type(_ bytes: [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    let hex = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    order("serial-write", [("hex", .string(String(decoding: hex, as: UTF8.self)))])
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    switch frame.opcode {
    case .binary, .continuation, .text:
      let bytes = Array(frame.unmaskedData.readableBytesView)
      guard machine != nil else {
        guard early.count + bytes.count <= SerialSocket.earlyLimit else { return context.close(promise: nil) }
        early += bytes
        return
      }
      // The control channel takes lines of this length, and more.
      for start in stride(from: 0, to: bytes.count, by: 65536) {
        type(Array(bytes[start..<min(bytes.count, start + 65536)]))
      }
      if machine?.isWritable == false { context.close(promise: nil) }
    case .ping:
      let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
      context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
    case .connectionClose: context.close(promise: nil)
    default: break
    }
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

/// The machine's end: lines of JSON in, the port's bytes out.
private final class SerialSource: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let page: any Channel
  private var line: [UInt8] = []
  /// Where the port's output was when the page came; nil when it has all of that.
  private var now: Int64?
  /// Longer than any line that such a client is sent; a snapshot's or an image's reply goes to others.
  private static let lineLimit = 1 << 20

  init(_ page: any Channel) { self.page = page }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    for piece in unwrapInboundIn(data).readableBytesView.split(separator: 0x0a, omittingEmptySubsequences: false)
      .enumerated()
    {
      if piece.offset > 0 {
        handle(line, context)
        line = []
      }
      line += piece.element
    }
    if line.count > SerialSource.lineLimit { context.close(promise: nil) }
  }
  private func handle(_ line: [UInt8], _ context: ChannelHandlerContext) {
    guard !line.isEmpty, let message = try? JSON(parsing: line) else { return }
    if message["event"]?.string == "serial", let data = message["data"]?.string.flatMap(Base64.decode) {
      send(.binary, ByteBuffer(bytes: data))
      if let now, (message["start"]?.integer ?? 0) &+ Int64(data.count) >= now { tellLive() }
    } else if message["id"]?.string == "serial-watch" {
      if message["ok"] == true {
        now = message["end"]?.integer ?? 0
        if message["start"]?.integer == now { tellLive() }
      } else {
        send(.text, ByteBuffer(string: (["error": message["error"] ?? "there is no such port"] as JSON).text))
        context.close(promise: nil)
      }
    }
  }
  private func tellLive() {
    now = nil
    send(.text, ByteBuffer(string: "{\"live\":true}"))
  }
  private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer) {
    page.writeAndFlush(WebSocketFrame(fin: true, opcode: opcode, data: data), promise: nil)
  }
  func channelInactive(context: ChannelHandlerContext) { page.close(promise: nil) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
