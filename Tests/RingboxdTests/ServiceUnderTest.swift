import Base
import Foundation
import HostSystem
import TestSupport

/// A ringboxd of a test's own, with its machines in a temporary folder.
final class ServiceUnderTest {
  let machines: KeptMachines
  let program: String
  private let environment: [String: String]
  private var process: Process?

  /// - Parameter faults: the service and its machines end in front of a call that `HostFaults` says.
  init(faults: Bool = false) throws {
    machines = try KeptMachines()
    environment = machines.environment.merging(faults ? try HostFaults.environment(machines.folder) : [:]) { $1 }
    program = (try RingboxProgram.path() as NSString).deletingLastPathComponent + "/ringboxd"
    try start()
  }
  deinit { stop(SIGTERM) }

  var folder: TemporaryFolder { machines.folder }

  /// Starts the service and waits until it answers.
  func start(grace: Int = 60) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = ["--grace", "\(grace)"]
    process.environment = environment
    process.standardError = try folder.file("ringboxd.err")
    try process.run()
    self.process = process
    for _ in 0..<1000 {
      if (try? connect()) != nil { return }
      usleep(10_000)
    }
    throw Failed("ringboxd does not start: \(folder.text("ringboxd.err"))")
  }
  var identifier: Int32 { process?.processIdentifier ?? 0 }
  var isRunning: Bool { process?.isRunning == true }
  func stop(_ signal: Int32) {
    guard let process, process.isRunning else { return }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
  }
  struct Failed: Error, CustomStringConvertible {
    let description: String
    init(_ text: String) { description = text }
  }

  // MARK: HTTP

  struct Answer {
    var status: Int
    var head: String
    var body: [UInt8]
    var json: JSON { (try? JSON(parsing: body)) ?? .null }
    var text: String { String(decoding: body, as: UTF8.self) }
  }
  var socket: String {
    let run = folder.name("run/ringbox")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: run)) ?? []
    return "\(run)/\(names.first { $0.hasPrefix("ringboxd-") && $0.hasSuffix(".sock") } ?? "none")"
  }
  func connect() throws -> HostStream { try HostSocket.connectLocal(socket) }

  /// Sends bytes as they are, and reads until the service closes the connection or says nothing more.
  func raw(_ bytes: [UInt8], to stream: HostStream, seconds: Double = 10) -> [UInt8] {
    _ = stream.writeAll(bytes, milliseconds: 5000)
    return read(stream, seconds: seconds) { _ in false }
  }
  func read(_ stream: HostStream, seconds: Double, until isDone: ([UInt8]) -> Bool) -> [UInt8] {
    var input: [UInt8] = []
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline, !isDone(input) {
      var entries = [PollEntry(stream.raw)]
      HostPoll.wait(&entries, nanoseconds: 50_000_000)
      guard entries[0].isReadable || entries[0].isHungUp else { continue }
      switch stream.read(upTo: 1 << 16) {
      case .bytes(let more): input += more
      case .wouldBlock: continue
      case .end, .failed: return input
      }
    }
    return input
  }
  func ask(_ method: String, _ path: String, _ body: JSON? = nil, seconds: Double = 90) throws -> Answer {
    let content = body.map { Array($0.text.utf8) } ?? []
    var head =
      "\(method) /api/v1/\(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(content.count)\r\n"
    if body != nil { head += "Content-Type: application/json\r\n" }
    return try ServiceUnderTest.parse(raw(Array((head + "\r\n").utf8) + content, to: try connect(), seconds: seconds))
  }
  static func parse(_ bytes: [UInt8]) throws -> Answer {
    let text = bytes.split(separator: 10, omittingEmptySubsequences: false)
    guard let end = text.firstIndex(of: [13]), let line = text.first,
      let status = String(decoding: line, as: UTF8.self).split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { throw Failed("no answer: \(String(decoding: bytes.prefix(200), as: UTF8.self))") }
    let head = text[..<end].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    return Answer(status: status, head: head, body: Array(text[(end + 1)...].joined(separator: [10])))
  }
  /// The answer's JSON, of what must succeed.
  @discardableResult
  func done(_ method: String, _ path: String, _ body: JSON? = nil) throws -> JSON {
    let answer = try ask(method, path, body)
    guard answer.status < 300 else { throw Failed("\(method) \(path): \(answer.status) \(answer.text)") }
    return answer.json
  }
  /// Starts a task and waits for its end.
  @discardableResult
  func finish(_ method: String, _ path: String, _ body: JSON? = nil) throws -> JSON {
    let task = try done(method, path, body)
    let end = try done("GET", "tasks/\(task["id"]?.integer ?? 0)?wait=60")
    guard end["state"] == "done" else { throw Failed("\(method) \(path): \(end.text)") }
    return end
  }
  func waitForState(_ machine: String, _ state: String, seconds: Double = 30) throws {
    let deadline = Date(timeIntervalSinceNow: seconds)
    var found: JSON = .null
    while Date() < deadline {
      found = try done("GET", "machines/\(machine)")["state"] ?? .null
      if found.string == state { return }
      usleep(20_000)
    }
    throw Failed("\(machine) is \(found.text), not \(state)")
  }
  func waitForScreen(_ machine: String, _ text: String, seconds: Double = 60) throws {
    let deadline = Date(timeIntervalSinceNow: seconds)
    var rows = ""
    while Date() < deadline {
      rows = (try done("GET", "machines/\(machine)/screen")["rows"]?.array ?? []).compactMap(\.string).joined(
        separator: "\n")
      if rows.contains(text) { return }
      usleep(50_000)
    }
    throw Failed("no '\(text)' on the screen:\n\(rows)")
  }
}

/// Listens to a service's events.
final class EventListener {
  private let stream: HostStream
  private var input: [UInt8] = []
  private(set) var events: [JSON] = []

  init(_ service: ServiceUnderTest) throws {
    stream = try service.connect()
    _ = stream.writeAll(Array("GET /api/v1/events HTTP/1.0\r\n\r\n".utf8))
    let deadline = Date(timeIntervalSinceNow: 10)
    while Date() < deadline, !String(decoding: input, as: UTF8.self).contains("\r\n\r\n") { receive() }
    if let end = String(decoding: input, as: UTF8.self).range(of: "\r\n\r\n") {
      input.removeFirst(String(decoding: input, as: UTF8.self)[..<end.upperBound].utf8.count)
    }
  }
  private func receive() {
    var entries = [PollEntry(stream.raw)]
    HostPoll.wait(&entries, nanoseconds: 50_000_000)
    guard entries[0].isReadable, case .bytes(let more) = stream.read(upTo: 1 << 16) else { return }
    input += more
  }
  /// The first event from now on of this kind that fits; nil when none comes.
  func wait(_ kind: String, seconds: Double = 20, _ fits: (JSON) -> Bool = { _ in true }) -> JSON? {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline {
      while let end = input.firstIndex(of: 10) {
        let line = Array(input[..<end])
        input.removeFirst(end + 1)
        guard let event = try? JSON(parsing: line) else { continue }
        events.append(event)
        if event["kind"]?.string == kind, fits(event) { return event }
      }
      receive()
    }
    return nil
  }
}
