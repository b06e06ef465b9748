import Base
import HostSystem
import NIOHTTP1
import Synchronization

/// Who may ask. Over the Unix socket everybody who can connect, which is the owner; over TCP whoever has the token.
///
/// Pages keep the token in the storage of their tab and send it themselves. There are no cookies: nothing that a browser
/// would send along on behalf of a foreign page.
final class Access: Sendable {
  let token: String
  init(token: String? = nil) {
    self.token = token ?? Access.random()
  }
  /// 256 bits.
  static func random() -> String {
    (0..<4).map { _ in
      let digits = String(UInt64.random(in: 0...(.max)), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  enum Verdict: Equatable { case fine, noToken, foreignPage }

  /// Judges a request that came over TCP to `port`.
  func judge(_ head: HTTPRequestHead, port: Int) -> Verdict {
    guard Access.isAtHome(head, port: port) else { return .foreignPage }
    return tokens(head).contains { isRight($0) } ? .fine : .noToken
  }
  /// The page that asks was served from here: names that lead to this host by somebody else's DNS do not count, nor do
  /// pages of other places.
  static func isAtHome(_ head: HTTPRequestHead, port: Int) -> Bool {
    let names = ["127.0.0.1:\(port)", "localhost:\(port)"]
    guard let host = head.headers.first(name: "host"), names.contains(host) else { return false }
    let origins = head.headers["origin"]
    return origins.allSatisfy { $0 == "http://\(host)" }
  }
  private func tokens(_ head: HTTPRequestHead) -> [Substring] {
    let bearer = head.headers["authorization"].compactMap { value -> Substring? in
      value.lowercased().hasPrefix("bearer ") ? value.dropFirst(7) : nil
    }
    // A page cannot set fields of a WebSocket's request, but names protocols.
    let protocols = head.headers["sec-websocket-protocol"].flatMap { $0.split(separator: ",") }
      .map { $0.drop { $0 == " " } }.filter { $0.hasPrefix(Access.protocolPrefix) }
      .map { $0.dropFirst(Access.protocolPrefix.count) }
    return bearer + protocols
  }
  /// What a page says to be let in, and what it is answered.
  static let protocolPrefix = "ringbox.token."
  static let protocolName = "ringbox.v1"

  /// Takes the same time wherever the difference is.
  private func isRight(_ text: Substring) -> Bool {
    let given = Array(text.utf8), right = Array(token.utf8)
    guard given.count == right.count else { return false }
    return zip(given, right).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
