import Base
import NIOCore
import NIOWebSocket
import ServiceAPI

/// A serial port in a page: a client of the machine's control channel, which watches the port and writes to it. Binary
/// messages are the port's bytes. Text messages are JSON: `live` when all has come that was sent before the page came, so
/// that a terminal does not answer old questions; `error` when there is no such port.
struct SerialConversion: RelayConversion {
  private let port: String
  private var line: [UInt8] = []
  /// Where the port's output was when the page came; nil when it has all of that.
  private var now: Int64?
  /// Longer than any line that such a client is sent; a snapshot's or an image's reply goes to others.
  private static let lineLimit = 1 << 20
  static let earlyLimit = 4096
  static let takesText = true

  init(port: String) { self.port = port }

  var greeting: ByteBuffer? { order("serial-watch", [("from", 0)]) }
  private func order(_ command: String, _ arguments: [(String, JSON)]) -> ByteBuffer {
    var request: JSON = ["id": .string(command), "command": .string(command), "port": .string(port)]
    for (name, value) in arguments { request.set(name, value) }
    return ByteBuffer(string: request.text + "\n")
  }

  func toMachine(_ data: ByteBuffer) -> ByteBuffer {
    let bytes = Array(data.readableBytesView)
    let digits = Array("0123456789abcdef".utf8)
    var result = ByteBuffer()
    // The control channel takes lines of this length, and more.
    for start in stride(from: 0, to: bytes.count, by: 65536) {
      let piece = bytes[start..<min(bytes.count, start + 65536)]
      let hex = piece.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
      var order = order("serial-write", [("hex", .string(String(decoding: hex, as: UTF8.self)))])
      result.writeBuffer(&order)
    }
    return result
  }

  mutating func toPage(_ data: ByteBuffer) -> RelayMessages {
    var result = RelayMessages()
    let pieces = data.readableBytesView.split(separator: 0x0a, omittingEmptySubsequences: false)
    for (index, piece) in pieces.enumerated() {
      if index > 0 {
        handle(line, &result)
        line = []
      }
      line += piece
    }
    if line.count > SerialConversion.lineLimit { result.isLast = true }
    return result
  }
  private mutating func handle(_ line: [UInt8], _ result: inout RelayMessages) {
    guard !line.isEmpty, let message = try? JSON(parsing: line) else { return }
    if message["event"]?.string == "serial", let data = message["data"]?.string.flatMap(Base64.decode) {
      result.messages.append((.binary, ByteBuffer(bytes: data)))
      if let now, (message["start"]?.integer ?? 0) &+ Int64(data.count) >= now { tellLive(&result) }
    } else if message["id"]?.string == "serial-watch" {
      if message["ok"] == true {
        now = message["end"]?.integer ?? 0
        if message["start"]?.integer == now { tellLive(&result) }
      } else {
        let reason: JSON = ["error": message["error"] ?? "there is no such port"]
        result.messages.append((.text, ByteBuffer(string: reason.text)))
        result.isLast = true
      }
    }
  }
  private mutating func tellLive(_ result: inout RelayMessages) {
    now = nil
    result.messages.append((.text, ByteBuffer(string: "{\"live\":true}")))
  }
}
