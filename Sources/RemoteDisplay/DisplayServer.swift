import Base
import Devices
import HostSystem
import Synchronization

/// The machine as viewers see it. Called on the server's thread.
public protocol DisplaySource: AnyObject, Sendable {
  /// What the screen shows now.
  func picture() -> Picture
  /// Scan codes of set 1.
  func keyboardInput(_ codes: [UInt8])
  /// The lights of the keyboard's locks, as the guest has set them.
  var keyboardLEDs: KeyboardLEDs { get }
  /// The mouse moved, or its buttons did.
  func mouseInput(_ motion: PointerMotion)
  /// The guest takes places of the mouse, and not only distances.
  var isPointerAbsolute: Bool { get }
}

/// Where viewers connect.
public enum DisplayAddress: Sendable, Equatable {
  case tcp(IPv4Endpoint)
  case local(String)
}

/// An RFB server for one machine: several viewers, on one thread that is none of the guest's.
///
/// A viewer that reads slowly gets fewer pictures, each up to date when it is sent; nothing waits for it.
public final class DisplayServer: Sendable {
  /// Viewers at a time.
  public static let viewerLimit = 16
  /// Time to get through the handshake.
  private static let handshakeTime: Int64 = 15_000_000_000
  /// Between two looks at the screen, while it changes and while it does not.
  private static let activeInterval: Int64 = 33_000_000
  private static let idleInterval: Int64 = 100_000_000
  /// So many wrong passwords in a row close the door for a while.
  private static let failureLimit = 5
  private static let failurePause: Int64 = 10_000_000_000

  private let listener: HostStream
  private let address: DisplayAddress
  private let name: String
  private let password: String?
  private let source: any DisplaySource
  private let wake: WakeDescriptor
  private let isEnding = Atomic<Bool>(false)
  private let count = Atomic<Int>(0)
  private let thread = OwnedThread()

  /// Listens; `start` lets viewers in.
  /// - Parameter password: nil lets everybody in who can connect.
  public init(
    at address: DisplayAddress, name: String, password: String?, source: any DisplaySource
  ) throws(SystemCallError) {
    switch address {
    case .tcp(let endpoint): listener = try HostSocket.listen(endpoint)
    case .local(let path): listener = try HostSocket.listenLocal(path)
    }
    self.address = address
    self.name = name
    self.password = password
    self.source = source
    wake = try WakeDescriptor()
  }

  public func start() throws(ThreadError) {
    try thread.start(name: "display") { [self] in serve() }
  }
  /// Viewers that are through the handshake.
  public var viewerCount: Int { count.load(ordering: .relaxed) }

  /// Closes every connection and ends the thread.
  public func close() {
    isEnding.store(true, ordering: .releasing)
    wake.wake()
    thread.join()
    if case .local(let path) = address { HostFiles.remove(path) }
  }

  // MARK: Thread

  /// A viewer with its socket.
  private final class Connection {
    let stream: HostStream
    var viewer: Viewer
    let since: Int64
    /// Where its hand was, for a mouse that knows distances only.
    var hand: (x: Int, y: Int)?
    /// Bytes of `viewer.output` that have gone out.
    var sent = 0
    init(_ stream: HostStream, _ viewer: Viewer, since: Int64) {
      self.stream = stream
      self.viewer = viewer
      self.since = since
    }
  }
  private struct Room {
    var connections: [Connection] = []
    var screen: Picture
    /// Counts the changes of `screen`.
    var version = 0
    var lookAt: Int64 = 0
    var changedAt: Int64 = 0
    var failures = 0
    var failedAt: Int64 = 0
  }

  private func serve() {
    var room = Room(screen: source.picture())
    while !isEnding.load(ordering: .acquiring) {
      var entries = [PollEntry(wake.raw), PollEntry(listener.raw)]
      for connection in room.connections {
        entries.append(
          PollEntry(connection.stream.raw, write: connection.sent < connection.viewer.output.count))
      }
      HostPoll.wait(&entries, nanoseconds: pause(room))
      let now = HostClock.monotonicNanoseconds
      for (connection, entry) in zip(room.connections, entries.dropFirst(2)) {
        if entry.isReadable { read(connection) }
      }
      act(&room, now)
      look(&room, now)
      for connection in room.connections { write(connection) }
      leave(&room, now)
      if entries[1].isReadable { accept(&room, now) }
    }
  }

  /// How long nothing needs to be done: for ever while nobody wants a picture.
  private func pause(_ room: Room) -> Int64? {
    let now = HostClock.monotonicNanoseconds
    if room.connections.contains(where: { $0.viewer.isReady }) { return max(0, room.lookAt &- now) }
    return room.connections.contains { $0.viewer.phase != .running } ? 1_000_000_000 : nil
  }

  private func accept(_ room: inout Room, _ now: Int64) {
    guard let stream = HostSocket.accept(listener) else { return }
    var viewer = Viewer(
      name: name, password: password, challenge: HostEntropy.bytes(16), screen: room.screen)
    let isBarred = room.failures >= DisplayServer.failureLimit && now &- room.failedAt < DisplayServer.failurePause
    // A full house, or one under attack, shuts the door without a word.
    guard room.connections.count < DisplayServer.viewerLimit, !isBarred else { return }
    viewer.shown = Picture(width: room.screen.width, height: room.screen.height)
    room.connections.append(Connection(stream, viewer, since: now))
  }

  private func read(_ connection: Connection) {
    // Who does not take what he is sent is not listened to either.
    guard connection.viewer.output.count - connection.sent < 4 * Viewer.backlogLimit else { return }
    switch connection.stream.read(upTo: 65536) {
    case .bytes(let bytes): connection.viewer.receive(bytes)
    case .wouldBlock: break
    case .end, .failed: connection.viewer.close()
    }
  }
  private func write(_ connection: Connection) {
    repeat {
      while !connection.viewer.isClosed, connection.sent < connection.viewer.output.count {
        let rest = connection.viewer.output[connection.sent...].prefix(1 << 18)
        switch connection.stream.write(rest) {
        case .wrote(let count): connection.sent += count
        case .wouldBlock: return
        case .failed: connection.viewer.close()
        }
      }
      connection.viewer.forgetOutput()
      connection.sent = 0
      connection.viewer.sendOwedClipboard()
    } while !connection.viewer.isClosed && !connection.viewer.output.isEmpty
    if connection.viewer.isClosing { connection.viewer.close() }
  }

  private func leave(_ room: inout Room, _ now: Int64) {
    room.connections.removeAll { connection in
      let isLate = connection.viewer.phase != .running && now &- connection.since > DisplayServer.handshakeTime
      return connection.viewer.isClosed || isLate
    }
    count.store(room.connections.filter { $0.viewer.phase == .running }.count, ordering: .relaxed)
  }

  private func look(_ room: inout Room, _ now: Int64) {
    guard now >= room.lookAt, room.connections.contains(where: { $0.viewer.isReady }) else { return }
    let screen = source.picture()
    if screen != room.screen {
      room.screen = screen
      room.version += 1
      room.changedAt = now
    }
    let isActive = now &- room.changedAt < 1_000_000_000
    room.lookAt = now &+ (isActive ? DisplayServer.activeInterval : DisplayServer.idleInterval)
    let isAbsolute = source.isPointerAbsolute
    let lights = source.keyboardLEDs
    for connection in room.connections {
      connection.viewer.tellMotion(isAbsolute: isAbsolute)
      connection.viewer.lights = lights
      connection.viewer.update(screen, version: room.version)
    }
  }

  // MARK: Input

  private func act(_ room: inout Room, _ now: Int64) {
    for connection in room.connections {
      for action in connection.viewer.takeActions() {
        // Whoever types wants to see what comes of it, at once or a little later.
        room.lookAt = min(room.lookAt, now &+ 10_000_000)
        room.changedAt = now
        switch action {
        case .key(let key, let isDown): source.keyboardInput(isDown ? key.make : key.breakCodes)
        case .pointer(let x, let y, let buttons):
          let hand = connection.hand ?? (x, y)
          connection.hand = (x, y)
          let place = PointerMotion.Place(x: x, y: y, width: room.screen.width, height: room.screen.height)
          move(place, dx: x - hand.x, dy: y - hand.y, buttons)
        case .motion(let dx, let dy, let buttons): move(nil, dx: dx, dy: dy, buttons)
        case .clipboard(let text):
          connection.viewer.clipboard = text
          for other in room.connections where other !== connection { other.viewer.offerClipboard(text) }
        case .authenticationFailed:
          room.failures = now &- room.failedAt < DisplayServer.failurePause ? room.failures + 1 : 1
          room.failedAt = now
        }
      }
    }
    // Someone who wants the screen for himself gets it (7.3.1).
    if let exclusive = room.connections.last(where: { $0.viewer.takeExclusive() }) {
      for other in room.connections where other !== exclusive { other.viewer.close() }
    }
  }
  private func move(_ place: PointerMotion.Place?, dx: Int, dy: Int, _ buttons: UInt8) {
    let wheel = buttons & 8 != 0 ? -1 : buttons & 16 != 0 ? 1 : 0
    // The protocol counts left, middle, right.
    let pressed = buttons & 1 | buttons >> 1 & 2 | buttons << 1 & 4
    source.mouseInput(PointerMotion(place: place, dx: dx, dy: dy, dz: wheel, buttons: pressed))
  }
}
