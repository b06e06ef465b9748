import Base
import HostSystem

/// The control channel of a virtual machine: a local socket that takes requests and gives replies and events, one JSON
/// object a line (docs/control-channel.md).
///
/// Everything happens on the event loop's thread. Clients are not trusted to be fast, correct or few.
public final class ControlServer: LoopSource {
  /// Clients at a time.
  public static let clientLimit = 16
  /// How often the screen is looked at for `wait-for-text`.
  private static let screenInterval: Int64 = 20_000_000

  let machine: any MachineControl
  let lines: [SerialLine]
  /// Ends the virtual machine.
  let quit: () -> Void
  private let path: String
  private let listener: HostStream
  var connections: [ControlConnection] = []
  var keys = KeyQueue()
  var mouseButtons: UInt8 = 0
  private var waits: [TextWait] = []
  /// Replies that other threads will give.
  let outside: ControlMailbox
  private var awaited: [Int: Reply] = [:]
  private var screenAt: Int64 = 0
  /// The keyboard's lights as clients have heard of them last, whether there is news, and when they may hear of it.
  private var toldLights = KeyboardLEDs()
  private var lightsAreNew = false
  private var lightsAt: Int64 = 0
  /// Between two events about the lights: a guest that blinks does not drown its clients.
  private static let lightsInterval: Int64 = 50_000_000

  /// Listens at `path`. The socket file vanishes with `close`.
  /// `waker`: of the loop that this server is in.
  public init(
    path: String, machine: any MachineControl, lines: [SerialLine], waker: LoopWaker? = nil,
    quit: @escaping () -> Void
  ) throws(SystemCallError) {
    outside = ControlMailbox(waker)
    listener = try HostSocket.listenLocal(path)
    self.path = path
    self.machine = machine
    self.lines = lines
    self.quit = quit
  }

  /// Tells every client.
  public func broadcast(_ event: String, _ details: [(String, JSON)] = []) {
    var message: JSON = ["event": .string(event)]
    for (key, value) in details { message.set(key, value) }
    for connection in connections { connection.send(message) }
  }

  /// The guest has set the keyboard's lights; clients hear of it soon.
  public func lightsChanged() { lightsAreNew = true }
  private func tellLights(_ now: Int64) {
    guard lightsAreNew, now >= lightsAt else { return }
    lightsAreNew = false
    let lights = machine.keyboardLEDs
    guard lights != toldLights else { return }
    toldLights = lights
    lightsAt = now &+ ControlServer.lightsInterval
    broadcast("leds", ControlServer.members(lights))
  }
  static func members(_ lights: KeyboardLEDs) -> [(String, JSON)] {
    [
      ("scrollLock", .bool(lights.contains(.scroll))), ("numLock", .bool(lights.contains(.num))),
      ("capsLock", .bool(lights.contains(.caps))),
    ]
  }

  /// A reply that another thread gives, by the number that it must name.
  func promise(_ reply: @escaping Reply) -> Int {
    let number = outside.next()
    awaited[number] = reply
    return number
  }
  /// Gives the replies and tells the events that other threads have left.
  public func deliver() {
    for message in outside.take() {
      switch message {
      case .reply(let number, let result): awaited.removeValue(forKey: number)?(result)
      case .event(let name, let details): broadcast(name, details)
      }
    }
  }

  /// Writes what clients still take within a moment, and removes the socket.
  public func close() {
    let deadline = HostClock.monotonicNanoseconds &+ 200_000_000
    while true {
      for connection in connections { connection.flush() }
      var entries = connections.filter { !$0.isClosed && $0.interest.wantsWrite }.map {
        PollEntry($0.stream.raw, read: false, write: true)
      }
      let left = deadline &- HostClock.monotonicNanoseconds
      guard !entries.isEmpty, left > 0 else { break }
      HostPoll.wait(&entries, nanoseconds: left)
    }
    connections = []
    HostFiles.remove(path)
  }

  // MARK: Loop

  public var interests: [PollEntry] { [PollEntry(listener.raw)] + connections.map(\.interest) }

  public var deadline: Int64? {
    if connections.contains(where: \.hasMoreLines) { return 0 }
    var due = keys.nextAt
    if lightsAreNew { due = min(due ?? .max, lightsAt) }
    for wait in waits { due = min(due ?? .max, wait.deadline) }
    if waits.contains(where: { $0.line == nil }) { due = min(due ?? .max, screenAt) }
    return due
  }

  public func service(_ ready: [PollEntry], now: Int64) {
    for connection in connections {
      let entry = ready.first { $0.descriptor == connection.stream.raw }
      for line in connection.service(entry) { handle(line, connection, now) }
    }
    for done in keys.advance(machine, now: now) { done() }
    deliver()
    checkWaits(now)
    tellLights(now)
    for connection in connections {
      tellWatched(connection)
      connection.flush()
    }
    connections.removeAll { $0.isClosed }
    if ready.first?.isReadable == true { accept() }
  }

  private func accept() {
    guard let stream = HostSocket.accept(listener) else { return }
    let connection = ControlConnection(stream)
    if connections.count >= ControlServer.clientLimit {
      connection.send(["event": "refused", "error": "\(ControlServer.clientLimit) clients are connected already"])
      connection.flush()
      return
    }
    connections.append(connection)
  }

  private func handle(_ line: [UInt8], _ connection: ControlConnection, _ now: Int64) {
    do throws(ControlRequest.Problem) {
      let request = try ControlRequest(line: line)
      let reply = { (result: Result<[(String, JSON)], ControlError>) in
        connection.send(ControlServer.reply(request.id, result))
      }
      do throws(ControlError) {
        if let members = try perform(request, connection, now, later: reply) { reply(.success(members)) }
      } catch { reply(.failure(error)) }
    } catch {
      connection.send(ControlServer.reply(error.id, .failure(ControlError(error.text))))
    }
  }

  private static func reply(_ id: JSON, _ result: Result<[(String, JSON)], ControlError>) -> JSON {
    var message: JSON = ["id": id]
    switch result {
    case .success(let members):
      message.set("ok", true)
      for (key, value) in members { message.set(key, value) }
    case .failure(let error):
      message.set("ok", false)
      message.set("error", .string(error.description))
    }
    return message
  }

  // MARK: Watching ports

  /// Bytes in one event at most.
  private static let watchPiece = 32 << 10

  /// Sends what watched ports have sent, as fast as the client reads; what it is too slow for is left out, and the
  /// positions say so.
  private func tellWatched(_ connection: ControlConnection) {
    for (name, from) in connection.watched {
      guard let line = lines.first(where: { $0.name == name }) else { continue }
      var position = from
      while position < line.end, connection.hasLeisure {
        let (start, bytes) = line.read(from: position, limit: ControlServer.watchPiece)
        guard !bytes.isEmpty else { break }
        position = start &+ Int64(bytes.count)
        connection.send([
          "event": "serial", "port": .string(name), "start": .integer(start), "data": .string(ByteText.base64(bytes)),
        ])
      }
      connection.watched[name] = position
    }
  }

  // MARK: Waiting for text

  /// Waits of one client under way at most.
  private static let waitLimit = 32

  func add(_ wait: TextWait) throws(ControlError) {
    guard wait.connection.waits < ControlServer.waitLimit else {
      throw ControlError("\(ControlServer.waitLimit) waits are under way already")
    }
    wait.connection.waits += 1
    waits.append(wait)
    screenAt = 0
  }

  private func checkWaits(_ now: Int64) {
    guard !waits.isEmpty else { return }
    let isScreenDue = now >= screenAt && waits.contains { $0.line == nil }
    let screen = isScreenDue ? machine.textScreen() : nil
    if isScreenDue { screenAt = now &+ ControlServer.screenInterval }
    waits.removeAll { wait in
      let isOver = wait.connection.isClosed || wait.check(screen, now: now)
      if isOver { wait.connection.waits -= 1 }
      return isOver
    }
  }
}

/// A client that waits until a text appears.
final class TextWait {
  let connection: ControlConnection
  let text: String
  /// nil: the screen.
  let line: SerialLine?
  let deadline: Int64
  private let seconds: Double
  private let needle: [UInt8]
  private var from: Int64
  private let reply: (Result<[(String, JSON)], ControlError>) -> Void

  init(
    _ connection: ControlConnection, text: String, line: SerialLine?, from: Int64, now: Int64, timeout: Int64,
    reply: @escaping (Result<[(String, JSON)], ControlError>) -> Void
  ) {
    self.connection = connection
    self.text = text
    self.line = line
    self.from = from
    self.reply = reply
    deadline = now &+ timeout
    seconds = Double(timeout) / 1e9
    needle = Array(text.utf8)
  }

  /// Replies and returns true when the wait has ended.
  func check(_ screen: ScreenText?, now: Int64) -> Bool {
    if let line {
      let end = line.end
      if let found = line.find(needle, from: from) {
        connection.waitPositions[line.name] = found
        reply(.success([("position", .integer(found))]))
        return true
      }
      // A text that is half there must be found when the rest arrives.
      from = max(from, end &- Int64(needle.count))
    } else if let screen, let row = screen.rows.firstIndex(where: { $0.contains(text) }) {
      reply(.success([("row", .integer(Int64(row)))]))
      return true
    }
    guard now >= deadline else { return false }
    reply(.failure(ControlError("'\(text)' did not appear within \(seconds) s")))
    return true
  }
}
