import Base
import HostSystem
import Service

/// A client of the per-user service, which is started when it does not run: requests one after the other, each over a
/// connection of its own.
public struct ServiceClient: Sendable {
  /// What the service answered.
  public struct Answer: Sendable {
    /// Of HTTP.
    public var status: Int
    /// Media type.
    public var type: String
    /// As it came.
    public var body: [UInt8]
    /// The body, if it is JSON.
    public var json: JSON { (try? JSON(parsing: body)) ?? .null }
  }
  private let home: ServiceHome
  private let program: String

  /// `program` is `ringboxd`.
  public init(_ home: ServiceHome, program: String) {
    self.home = home
    self.program = program
  }

  /// Sends a request and waits for its answer. Errors are the service's own.
  @discardableResult
  public func request(
    _ method: String, _ path: [String], _ body: JSON? = nil, seconds: Int64 = 120
  ) throws(ServiceError) -> Answer {
    let target = "/api/v1/" + path.map(ServiceClient.escaped).joined(separator: "/")
    let content = body.map { Array($0.text.utf8) } ?? []
    var head = "\(method) \(target) HTTP/1.1\r\nHost: ringbox\r\nConnection: close\r\n"
    if body != nil { head += "Content-Type: application/json\r\n" }
    head += "Content-Length: \(content.count)\r\n\r\n"
    let message = Array(head.utf8) + content
    // A service that is just ending takes a connection with it, unseen: the next one answers.
    for _ in 0..<5 {
      let stream = try connect()
      guard stream.writeAll(message, milliseconds: 10_000) else { continue }
      let reply = try ServiceClient.read(stream, seconds: seconds)
      guard !reply.isEmpty else { continue }
      guard let answer = ServiceClient.parse(reply) else {
        throw ServiceError(.hostError, "The service gave an answer that makes no sense", .registry)
      }
      guard answer.status >= 400 else { return answer }
      throw ServiceClient.error(answer)
    }
    throw ServiceError(.hostError, "The service closes its connections; see '\(home.serviceLog)'", .registry)
  }

  /// Waits for the end of a task that the service has begun: what came out. `progress`: percents. Errors are the task's.
  @discardableResult
  public func follow(task started: JSON, progress: (Int) -> Void = { _ in }) throws(ServiceError) -> JSON {
    var task = started, nothing: [PollEntry] = []
    while task["state"] == "running", let number = task["id"]?.integer {
      progress(Int(clamping: task["percent"]?.integer ?? 0))
      HostPoll.wait(&nothing, nanoseconds: 50_000_000)
      task = try request("GET", ["tasks", "\(number)"]).json
    }
    guard task["state"] == "done" else { throw ServiceClient.error(task) }
    return task["result"] ?? .null
  }

  /// Hands over each line of an answer that goes on and on, until `line` returns false or the service ends.
  public func follow(_ path: [String], _ line: ([UInt8]) -> Bool) throws(ServiceError) {
    let stream = try connect()
    let target = "/api/v1/" + path.map(ServiceClient.escaped).joined(separator: "/")
    // Without chunks: HTTP/1.0 ends where the connection does.
    guard stream.writeAll(Array("GET \(target) HTTP/1.0\r\nHost: ringbox\r\n\r\n".utf8), milliseconds: 10_000) else {
      throw ServiceError(.hostError, "The service closes its connections; see '\(home.serviceLog)'", .registry)
    }
    var bytes: [UInt8] = []
    var isBody = false
    while true {
      while let end = bytes.firstIndex(of: 0x0a) {
        let text = Array(bytes[..<end])
        bytes.removeFirst(end + 1)
        if isBody { guard text.isEmpty || line(text) else { return } } else { isBody = text.isEmpty || text == [0x0d] }
      }
      guard bytes.count < 4 << 20 else { return }
      var entries = [PollEntry(stream.raw)]
      HostPoll.wait(&entries, nanoseconds: nil)
      switch stream.read(upTo: 1 << 16) {
      case .bytes(let more): bytes += more
      case .wouldBlock: continue
      case .end, .failed: return
      }
    }
  }

  // MARK: Connection

  private func connect() throws(ServiceError) -> HostStream {
    if let stream = try? HostSocket.connectLocal(home.serviceSocket) { return stream }
    try home.startService(program)
    let deadline = HostClock.monotonicNanoseconds + 20_000_000_000
    var nothing: [PollEntry] = []
    while HostClock.monotonicNanoseconds < deadline {
      HostPoll.wait(&nothing, nanoseconds: 4_000_000)
      if let stream = try? HostSocket.connectLocal(home.serviceSocket) { return stream }
    }
    throw ServiceError(.hostError, "The service does not start; see '\(home.serviceLog)'", .registry)
  }
  /// All that comes until the service closes the connection. One that does not answer in time may still be at work: that
  /// is an error, and nothing to try again.
  private static func read(_ stream: HostStream, seconds: Int64) throws(ServiceError) -> [UInt8] {
    let deadline = HostClock.monotonicNanoseconds + seconds * 1_000_000_000
    var bytes: [UInt8] = []
    while HostClock.monotonicNanoseconds < deadline, bytes.count < 256 << 20 {
      var entries = [PollEntry(stream.raw)]
      HostPoll.wait(&entries, nanoseconds: deadline - HostClock.monotonicNanoseconds)
      switch stream.read(upTo: 1 << 18) {
      case .bytes(let more): bytes += more
      case .wouldBlock: continue
      case .end, .failed: return bytes
      }
    }
    throw ServiceError(.hostError, "The service did not answer within \(seconds) s", .registry)
  }
  static func parse(_ bytes: [UInt8]) -> Answer? {
    let mark: [UInt8] = [13, 10, 13, 10]
    guard bytes.count >= 4, let end = (0...(bytes.count - 4)).first(where: { Array(bytes[$0..<($0 + 4)]) == mark })
    else { return nil }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count > 1, let status = Int(words[1]) else { return nil }
    func field(_ name: String) -> String? {
      lines.dropFirst().first { $0.lowercased().hasPrefix("\(name):") }.map {
        String($0.dropFirst(name.count + 1).drop { $0 == " " })
      }
    }
    let body = Array(bytes[(end + 4)...])
    if let length = field("content-length").flatMap({ Int($0) }), length != body.count { return nil }
    return Answer(status: status, type: field("content-type") ?? "", body: body)
  }
  private static func error(_ answer: Answer) -> ServiceError {
    error(answer.json, "The service answered with status \(answer.status)")
  }
  /// What stands in the member `error` of an answer or a task.
  private static func error(_ json: JSON, _ otherwise: String = "The task was cancelled") -> ServiceError {
    let error = json["error"]
    return ServiceError(
      error?["code"]?.string.flatMap(ServiceError.Code.init(rawValue:)) ?? .failure,
      error?["text"]?.string ?? otherwise,
      error?["interface"]?.string.flatMap(ServiceError.Subject.init(rawValue:)) ?? .registry)
  }
  private static func escaped(_ segment: String) -> String {
    segment.utf8.reduce(into: "") { text, byte in
      let character = Character(Unicode.Scalar(byte))
      if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
        text.append(character)
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        text += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
  }
}
