import Base
import Foundation
import HostSystem
import TestSupport
import Testing

/// Clients that send nonsense, too much, too slowly, or have no business here.
@Suite("ringboxd: hostile clients", .serialized) struct HostileClientTests {
  private let service: ServiceUnderTest
  init() throws { service = try ServiceUnderTest() }

  private func send(_ text: String, seconds: Double = 5) throws -> String {
    String(decoding: service.raw(Array(text.utf8), to: try service.connect(), seconds: seconds), as: UTF8.self)
  }
  private func isAlive() throws -> Bool { try service.ask("GET", "version").status == 200 }

  @Test func nonsenseIsRefusedAndHarmsNobody() throws {
    let long = String(repeating: "x", count: 100_000)
    let requests = [
      "\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "BREW /api/v1/version HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /\(long) HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX: \(long)\r\n\r\n",
      "GET / HTTP/1.1\r\n" + (0..<500).map { "H\($0): x\r\n" }.joined() + "\r\n",
      "POST /api/v1/machines HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
      "POST /api/v1/machines HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /api/v1/machines HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
      "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ]
    for request in requests {
      let answer = try send(request, seconds: 1)
      #expect(!answer.hasPrefix("HTTP/1.1 2"), "\(request.prefix(60)): \(answer.prefix(100))")
      #expect(!answer.contains("root:"))
    }
    #expect(try isAlive())
  }
  @Test func bodiesAreLimitedBeforeTheyAreRead() throws {
    let head = "POST /api/v1/machines HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    #expect(try send(head + "Content-Length: 99999999999\r\n\r\n").hasPrefix("HTTP/1.1 413"))
    // In chunks, without a word about the length.
    let chunk = "40000\r\n" + String(repeating: " ", count: 0x40000) + "\r\n"
    let stream = try service.connect()
    _ = stream.writeAll(Array((head + "Transfer-Encoding: chunked\r\n\r\n").utf8))
    for _ in 0..<20 where stream.writeAll(Array(chunk.utf8), milliseconds: 2000) {}
    let answer = String(decoding: service.read(stream, seconds: 5) { _ in false }, as: UTF8.self)
    #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 413"))
    #expect(try isAlive())
  }
  @Test func bodiesThatAreNoRequestsAreRefused() throws {
    func post(_ body: String, type: String = "application/json") throws -> String {
      try send(
        "POST /api/v1/machines HTTP/1.1\r\nHost: x\r\nContent-Type: \(type)\r\nConnection: close\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
    for body in [
      "{", "[]", "null", "{}", #"{"name":1}"#, #"{"name":"x","x":1}"#, String(repeating: "[", count: 100_000),
      #"{"name":"x","name":"y"}"#, #"{"name":"\ud800"}"#, #"{"name":"../x"}"#, #"{"name":"x","folder":"relative"}"#,
      #"{"name":"x","groups":"/"}"#,
    ] {
      #expect(try post(body).hasPrefix("HTTP/1.1 400"), "\(body.prefix(60))")
    }
    #expect(try post(#"{"name":"x"}"#, type: "text/plain").hasPrefix("HTTP/1.1 415"))
    #expect(try service.done("GET", "machines") == [])
  }
  @Test func slowClientsDoNotDelayOthers() throws {
    var slow: [HostStream] = []
    for _ in 0..<100 {
      let stream = try service.connect()
      _ = stream.writeAll(Array("POST /api/v1/machines HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{".utf8))
      slow.append(stream)
    }
    #expect(try isAlive())
    #expect(try service.machines.output(["list", "vms"]) == "")
    // And are not waited for for ever.
    let end = service.read(slow[0], seconds: 40) { _ in false }
    #expect(end.isEmpty)
    withExtendedLifetime(slow) {}
  }
  @Test func tooManyClientsAreTurnedAway() throws {
    var streams: [HostStream] = []
    // Some do not even get into the queue.
    for _ in 0..<300 { if let stream = try? service.connect() { streams.append(stream) } }
    #expect(streams.count > 100)
    withExtendedLifetime(streams) {}
    streams = []
    // Room again when they have gone.
    for _ in 0..<200 {
      if (try? isAlive()) == true { return }
      usleep(20_000)
    }
    Issue.record("the service does not answer any more")
  }
  @Test func randomBytesEndNothing() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var bytes = Array("GET /api/v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8)
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      _ = service.raw(bytes, to: try service.connect(), seconds: 0.02)
    }
    #expect(try isAlive())
  }
}

/// Over TCP: only with the token, only for pages from here.
@Suite("ringboxd: access over TCP", .serialized) struct AccessTests {
  private let service: ServiceUnderTest
  private let port: UInt16
  private let token: String
  init() throws {
    service = try ServiceUnderTest()
    let web = try service.done("POST", "web", [:])
    port = UInt16(clamping: web["port"]?.integer ?? 0)
    token = web["token"]?.string ?? ""
  }

  private func ask(_ request: String, seconds: Double = 30) throws -> ServiceUnderTest.Answer {
    let stream = try LoopbackSocket.connect(port: port)
    return try ServiceUnderTest.parse(service.raw(Array(request.utf8), to: stream, seconds: seconds))
  }
  private func status(
    _ target: String, _ fields: [String], method: String = "GET", host: String? = nil
  ) throws -> Int {
    try ask(
      "\(method) \(target) HTTP/1.1\r\nHost: \(host ?? "127.0.0.1:\(port)")\r\nConnection: close\r\n"
        + fields.map { "\($0)\r\n" }.joined() + "\r\n"
    ).status
  }

  @Test func theTokenIsNeededAndEnough() throws {
    let machines = "/api/v1/machines"
    #expect(token.utf8.count == 64)
    #expect(try status(machines, []) == 401)
    #expect(try status(machines, ["Authorization: Bearer \(token.dropLast())0"]) == 401)
    #expect(try status(machines, ["Authorization: Bearer \(token)x"]) == 401)
    #expect(try status(machines, ["Cookie: token=\(token)"]) == 401)
    #expect(try status("\(machines)?token=\(token)", []) == 401)
    #expect(try status(machines, ["Authorization: Bearer \(token)"]) == 200)
    #expect(try status(machines, ["Authorization: Bearer \(token)"], host: "localhost:\(port)") == 200)
  }
  @Test func foreignPagesAreRefusedEvenWithTheToken() throws {
    let right = "Authorization: Bearer \(token)"
    #expect(try status("/api/v1/machines", [right, "Origin: http://example.com"]) == 403)
    #expect(try status("/api/v1/machines", [right, "Origin: null"]) == 403)
    #expect(try status("/api/v1/machines", [right, "Origin: http://127.0.0.1:1"]) == 403)
    #expect(try status("/api/v1/machines", [right, "Origin: http://127.0.0.1:\(port)"]) == 200)
    // A name that leads here by somebody else's DNS.
    #expect(try status("/api/v1/machines", [right], host: "example.com") == 403)
    #expect(try status("/", [], host: "example.com:\(port)") == 403)
  }
  @Test func webSocketsNeedTheTokenToo() throws {
    func upgrade(_ target: String, _ fields: [String]) throws -> Int {
      try status(
        target,
        ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="] + fields)
    }
    #expect(try upgrade("/api/v1/events/socket", []) == 401)
    #expect(try upgrade("/api/v1/machines/none/display", ["Sec-WebSocket-Protocol: ringbox.v1"]) == 401)
    let right = "Sec-WebSocket-Protocol: ringbox.v1, ringbox.token.\(token)"
    #expect(try upgrade("/api/v1/events/socket", [right, "Origin: http://example.com"]) == 403)
    // What is no WebSocket for a client that wants none.
    #expect(try status("/api/v1/events/socket", ["Authorization: Bearer \(token)"]) == 426)
    let answer = try ask(
      "GET /api/v1/events/socket HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(right)\r\n\r\n", seconds: 4)
    #expect(answer.status == 101 && answer.head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    #expect(!answer.head.contains(token))
  }
  @Test func pagesAreServedWithStrictFields() throws {
    let page = try ask("GET / HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n")
    #expect(page.status == 200 && page.text.hasPrefix("<!doctype html>"))
    #expect(page.head.contains("default-src 'none'") && page.head.contains("frame-ancestors 'none'"))
    #expect(!page.text.contains(token))
  }
  @Test func addressAndTokenSurviveAKilledService() throws {
    service.stop(SIGKILL)
    try service.start()
    #expect(try status("/api/v1/machines", ["Authorization: Bearer \(token)"]) == 200)
    service.stop(SIGTERM)
    try service.start()
    #expect(throws: (any Error).self) { try status("/", []) }
  }
}

/// A connection to a port of this host.
enum LoopbackSocket {
  static func connect(port: UInt16) throws -> HostStream {
    let raw = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let stream = HostStream(raw)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw ServiceUnderTest.Failed("cannot connect to port \(port)") }
    return stream
  }
}
