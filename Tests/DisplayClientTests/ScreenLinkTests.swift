import Base
import Foundation
import RemoteDisplay
import Synchronization
import Testing

@testable import DisplayClient

private final class Painting: DisplaySource {
  let shown = Mutex(Picture(width: 100, height: 80))
  let codes = Mutex<[UInt8]>([])
  let moves = Mutex<[[Int]]>([])
  func picture() -> Picture { shown.withLock { $0 } }
  func keyboardInput(_ codes: [UInt8]) { self.codes.withLock { $0 += codes } }
  let isPointerAbsolute = false
  let keyboardLEDs = KeyboardLEDs()
  func mouseInput(_ motion: PointerMotion) {
    moves.withLock { $0.append([motion.dx, motion.dy, motion.dz, Int(motion.buttons)]) }
  }
}

@Suite("Screen link") struct ScreenLinkTests {
  private func wait(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2000 {
      if condition() { return true }
      usleep(10_000)
    }
    return false
  }

  @Test("screen, keyboard and mouse over a socket, until the machine ends") func socket() throws {
    let path = NSTemporaryDirectory() + "ringbox-link-\(UInt32.random(in: 0...(.max)))"
    let machine = Painting()
    let server = try DisplayServer(at: .local(path), name: "vm", password: nil, source: machine)
    try server.start()
    let calls = Atomic<Int>(0)
    let link = try ScreenLink(path) { calls.add(1, ordering: .relaxed) }
    machine.shown.withLock { $0.pixels[4242] = 0x123456 }
    #expect(wait { link.use { $0.pixels.count == 8000 && $0.pixels[4242] == 0x123456 && $0.isRelative } })
    #expect(calls.load(ordering: .relaxed) > 0)
    link.use { client in
      client.key(0x1e, isDown: true)
      client.key(0x1e, isDown: false)
      client.motion(dx: 3, dy: -4, buttons: 4)
      client.motion(dx: 0, dy: 0, buttons: 16)
    }
    #expect(wait { machine.moves.withLock { $0.count } == 2 })
    #expect(machine.codes.withLock { $0 } == [0x1e, 0x9e])
    #expect(machine.moves.withLock { $0 } == [[3, -4, 0, 2], [0, 0, 1, 0]])
    #expect(!link.isOver)
    server.close()
    #expect(wait { link.isOver })
    link.close()
  }
}
