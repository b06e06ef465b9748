import Base
import Foundation
import HostSystem
import Synchronization
import Testing

@testable import RemoteDisplay

/// A machine with a screen that tests change.
final class FakeScreen: DisplaySource {
  let shown: Mutex<Picture>
  let codes = Mutex<[UInt8]>([])
  let moves = Mutex<[[Int]]>([])
  let looks = Atomic<Int>(0)
  init(_ picture: Picture) { shown = Mutex(picture) }
  func picture() -> Picture {
    looks.add(1, ordering: .relaxed)
    return shown.withLock { $0 }
  }
  func keyboardInput(_ codes: [UInt8]) { self.codes.withLock { $0 += codes } }
  let places = Mutex<[PointerMotion.Place?]>([])
  let lights = Mutex(KeyboardLEDs())
  var keyboardLEDs: KeyboardLEDs { lights.withLock { $0 } }
  let isAbsolute = Atomic<Bool>(false)
  var isPointerAbsolute: Bool { isAbsolute.load(ordering: .relaxed) }
  func mouseInput(_ motion: PointerMotion) {
    places.withLock { $0.append(motion.place) }
    moves.withLock { $0.append([motion.dx, motion.dy, motion.dz, Int(motion.buttons)]) }
  }
}

/// A small viewer on a socket.
private final class SocketViewer {
  let stream: HostStream
  var input: [UInt8] = []
  init(_ path: String) throws { stream = try HostSocket.connectLocal(path) }
  func send(_ bytes: [UInt8]) { stream.writeAll(bytes, milliseconds: 10_000) }
  /// Waits for so many bytes; fewer when the server has closed the connection or does not answer.
  func read(_ count: Int, seconds: Int64 = 20) -> [UInt8] {
    let deadline = HostClock.monotonicNanoseconds + seconds * 1_000_000_000
    while input.count < count, HostClock.monotonicNanoseconds < deadline {
      var entries = [PollEntry(stream.raw)]
      HostPoll.wait(&entries, nanoseconds: 100_000_000)
      guard entries[0].isReadable else { continue }
      guard case .bytes(let bytes) = stream.read(upTo: 1 << 20) else { break }
      input += bytes
    }
    defer { input.removeFirst(min(count, input.count)) }
    return Array(input.prefix(count))
  }
  func enter(_ password: String? = nil, shared: Bool = true) -> Bool {
    guard read(12) == Array("RFB 003.008\n".utf8) else { return false }
    send(Array("RFB 003.008\n".utf8))
    guard let type = read(2).last else { return false }
    send([type])
    if type == 2 { send(VNCAuthentication.response(to: read(16), password: password ?? "")) }
    guard read(4) == [0, 0, 0, 0] else { return false }
    send([shared ? 1 : 0])
    return read(24).count == 24 && read(2).count == 2
  }
}

@Suite("Display server") struct ServerTests {
  private let path = NSTemporaryDirectory() + "ringbox-vnc-\(UInt32.random(in: 0...(.max)))"
  private func start(_ screen: FakeScreen, password: String? = nil) throws -> DisplayServer {
    let server = try DisplayServer(at: .local(path), name: "vm", password: password, source: screen)
    try server.start()
    return server
  }
  private func wait(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2000 {
      if condition() { return true }
      usleep(10_000)
    }
    return false
  }

  @Test func viewersSeeTheScreenAndReachKeyboardAndMouse() throws {
    let screen = FakeScreen(Screens.text(64, 48))
    let server = try start(screen)
    defer { server.close() }
    let viewer = try SocketViewer(path)
    #expect(viewer.enter())
    viewer.send(Messages.request(Screens.text(64, 48), incremental: false))
    var canvas = Canvas(width: 64, height: 48)
    var reader = Canvas.Reader(bytes: viewer.read(4 + 12 + 64 * 48 * 4))
    _ = try canvas.update(&reader)
    #expect(canvas.pixels == Screens.text(64, 48).pixels)
    viewer.send([4, 1, 0, 0, 0, 0, 0, 0x61, 5, 1, 0, 10, 0, 10, 5, 0b100, 0, 13, 0, 6, 5, 8, 0, 13, 0, 6])
    #expect(wait { screen.moves.withLock { $0.count } == 3 })
    #expect(screen.codes.withLock { $0 } == [0x1e])
    #expect(screen.moves.withLock { $0 } == [[0, 0, 0, 1], [3, -4, 0, 2], [0, 0, -1, 0]])
  }

  @Test func viewersThatAskAreToldOfTheKeyboardsLights() throws {
    let screen = FakeScreen(Screens.text(64, 48))
    let server = try start(screen)
    defer { server.close() }
    let viewer = try SocketViewer(path)
    #expect(viewer.enter())
    screen.lights.withLock { $0 = [.num] }
    // Raw, and the LED state.
    viewer.send([2, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xff, 0xfe, 0xfb])
    viewer.send(Messages.request(Screens.text(64, 48), incremental: false))
    let head: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xfe, 0xfb]
    let first = viewer.read(4 + 13 + 12 + 64 * 48 * 4)
    #expect(first.count == 4 + 13 + 12 + 64 * 48 * 4 && first[3] == 2)
    #expect(Array(first[4..<17]) == head + [2])
    // The screen stays as it is, and the lights come alone.
    viewer.send(Messages.request(Screens.text(64, 48), incremental: true))
    screen.lights.withLock { $0 = [.caps, .scroll] }
    #expect(viewer.read(4 + 13) == [0, 0, 0, 1] + head + [5])
    // Who does not ask for them is spared them.
    viewer.send([2, 0, 0, 1, 0, 0, 0, 0])
    screen.lights.withLock { $0 = [] }
    viewer.send(Messages.request(Screens.text(64, 48), incremental: false))
    #expect(viewer.read(4).last == 1)
    #expect(Array(viewer.read(12)[8...]) == [0, 0, 0, 0])
  }

  @Test func placesOfTheMouseAreOfTheWholeScreenAndViewersLearnWhichIsWanted() throws {
    let screen = FakeScreen(Screens.text(64, 48))
    let server = try start(screen)
    defer { server.close() }
    let viewer = try SocketViewer(path)
    #expect(viewer.enter())
    viewer.send([5, 0, 0, 63, 0, 47])
    #expect(wait { screen.places.withLock { $0.count } == 1 })
    #expect(screen.places.withLock { $0 } == [.init(x: 65535, y: 65535)])
    // Raw, and QEMU's mouse: a rectangle that says distances, with the picture.
    viewer.send([2, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xff, 0xfe, 0xff])
    viewer.send(Messages.request(Screens.text(64, 48), incremental: false))
    let first = viewer.read(4 + 12 + 12 + 64 * 48 * 4)
    #expect(first.count == 4 + 12 + 12 + 64 * 48 * 4 && first[3] == 2)
    #expect(Array(first[4..<16]) == [0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xfe, 0xff])
    viewer.send([5, 0, 0x80, 1, 0x7f, 0xfe])
    #expect(wait { screen.moves.withLock { $0.count } == 2 })
    #expect(screen.moves.withLock { $0.last } == [2, -1, 0, 0] && screen.places.withLock { $0[1] } == nil)
    // The guest's driver wants places now: said with the next update, though nothing has changed on the screen.
    screen.isAbsolute.store(true, ordering: .relaxed)
    viewer.send(Messages.request(Screens.text(64, 48), incremental: true))
    #expect(viewer.read(16) == [0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xfe, 0xff])
    viewer.send([5, 0, 0, 0, 0, 47])
    #expect(wait { screen.places.withLock { $0.count } == 3 })
    #expect(screen.places.withLock { $0[2] } == .init(x: 0, y: 65535))
  }

  @Test func aViewerThatNeverReadsHoldsNobodyUp() throws {
    let screen = FakeScreen(Screens.noise(600, 400))
    let server = try start(screen)
    defer { server.close() }
    let stuck = try SocketViewer(path), other = try SocketViewer(path)
    #expect(stuck.enter() && other.enter())
    for _ in 0..<50 { stuck.send(Messages.request(Screens.noise(600, 400), incremental: false)) }
    for round in 0..<5 {
      screen.shown.withLock { $0 = Screens.solid(600, 400, UInt32(round)) }
      other.send(Messages.request(Screens.noise(600, 400), incremental: false))
      #expect(other.read(4 + 12 + 600 * 400 * 4).count == 4 + 12 + 600 * 400 * 4)
    }
    #expect(server.viewerCount == 2)
  }

  @Test func withoutViewersNobodyLooksAtTheScreen() throws {
    let screen = FakeScreen(Screens.text(64, 48))
    let server = try start(screen)
    defer { server.close() }
    let viewer = try SocketViewer(path)
    #expect(viewer.enter())
    Thread.sleep(forTimeInterval: 0.3)
    // Once at the start; a viewer that asks for nothing costs nothing.
    #expect(screen.looks.load(ordering: .relaxed) == 1)
  }

  @Test func passwordsAreAskedForAndGuessingIsStopped() throws {
    let server = try start(FakeScreen(Screens.text(64, 48)), password: "right")
    defer { server.close() }
    #expect(try SocketViewer(path).enter("right"))
    for _ in 0..<5 { #expect(try !SocketViewer(path).enter("wrong")) }
    // The sixth is not even greeted, though it knows the password.
    #expect(try !SocketViewer(path).enter("right"))
  }

  @Test func someoneWhoWantsTheScreenAloneGetsIt() throws {
    let server = try start(FakeScreen(Screens.text(64, 48)))
    defer { server.close() }
    let first = try SocketViewer(path), second = try SocketViewer(path)
    #expect(first.enter() && second.enter(shared: false))
    #expect(wait { server.viewerCount == 1 })
  }

  @Test func clipboardsReachTheOtherViewers() throws {
    let server = try start(FakeScreen(Screens.text(64, 48)))
    defer { server.close() }
    let first = try SocketViewer(path), second = try SocketViewer(path)
    #expect(first.enter() && second.enter())
    first.send([6, 0, 0, 0, 0, 0, 0, 2, 0x68, 0x69])
    #expect(second.read(10) == [3, 0, 0, 0, 0, 0, 0, 2, 0x68, 0x69])
  }

  @Test func noisyClientsAndAFullHouseLeaveTheServerWell() throws {
    let server = try start(FakeScreen(Screens.text(64, 48)))
    defer { server.close() }
    var crowd: [SocketViewer] = []
    for index in 0..<30 {
      guard let viewer = try? SocketViewer(path) else { continue }
      viewer.send((0..<200).map { UInt8(truncatingIfNeeded: $0 &* index) })
      crowd.append(viewer)
    }
    crowd = []
    #expect(wait { (try? SocketViewer(path).enter()) == true })
  }
}
