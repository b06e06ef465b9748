import Base
import DeviceConformance
import Devices
import Testing

@testable import DisplayClient
@testable import RemoteDisplay

/// A client and this project's server, joined without a socket.
private struct Pair {
  var client = ScreenClient()
  var server: Viewer
  var screen: Picture
  /// Handed over in such pieces.
  var piece = 1 << 20

  init(_ screen: Picture, name: String = "vm", password: String? = nil) {
    self.screen = screen
    server = Viewer(
      name: name, password: password, challenge: [UInt8](repeating: 1, count: 16), screen: screen)
  }
  /// Hands over what either has to say until both are still.
  mutating func talk() {
    for _ in 0..<100 {
      server.update(screen)
      let said = server.output
      server.output = []
      for start in stride(from: 0, to: said.count, by: piece) {
        client.receive(Array(said[start..<min(said.count, start + piece)]))
      }
      let answer = client.output
      client.output = []
      server.receive(answer)
      if said.isEmpty, answer.isEmpty { return }
    }
  }
  mutating func show(_ picture: Picture) {
    screen = picture
    talk()
  }
  var isSame: Bool {
    client.width == screen.width && client.height == screen.height && client.pixels == screen.pixels
  }
}

private func text(_ width: Int, _ height: Int, from: Int = 0) -> Picture {
  var picture = Picture(width: width, height: height)
  for y in 0..<height {
    for x in 0..<width where (((y + from) &* 40503 &+ x / 8) &* 2_654_435_761) >> 15 & 3 == 0 {
      picture.pixels[y * width + x] = 0xaabbcc
    }
  }
  return picture
}

@Suite("Screen client") struct ScreenClientTests {
  @Test("what the server shows arrives, in pieces of any size", arguments: [1, 7, 1 << 20])
  func pictures(piece: Int) {
    var pair = Pair(text(160, 120), name: "Größe")
    pair.piece = piece
    pair.talk()
    #expect(pair.isSame && pair.client.name == "Größe" && pair.client.hasScanCodes)
    #expect(pair.client.takeChange() == ScreenArea(x: 0, y: 0, width: 160, height: 120))
    // One tile changes, and nothing else is drawn again.
    pair.screen.pixels[40 * 160 + 70] ^= 0xff
    pair.talk()
    #expect(pair.isSame)
    #expect(pair.client.takeChange() == ScreenArea(x: 64, y: 32, width: 32, height: 32))
    #expect(pair.client.takeChange() == nil)
  }

  @Test("scrolled and resized screens are the same at both ends") func scrolls() {
    var pair = Pair(text(200, 200))
    pair.talk()
    for from in [16, 32, 24, 0] {
      pair.show(text(200, 200, from: from))
      #expect(pair.isSame)
    }
    pair.show(text(320, 100))
    #expect(pair.isSame && pair.client.failure == nil)
  }

  @Test("the monitors of a picture are known, also when only they change") func monitors() {
    var pair = Pair(text(200, 100))
    pair.talk()
    #expect(pair.client.screens == [ScreenArea(x: 0, y: 0, width: 200, height: 100)])
    pair.screen.screens = [
      ScreenArea(x: 0, y: 0, width: 120, height: 100), ScreenArea(x: 120, y: 0, width: 80, height: 60),
    ]
    pair.talk()
    #expect(
      pair.client.screens == [
        ScreenArea(x: 0, y: 0, width: 120, height: 100), ScreenArea(x: 120, y: 0, width: 80, height: 60),
      ])
    pair.show(text(64, 64))
    #expect(pair.client.screens == [ScreenArea(x: 0, y: 0, width: 64, height: 64)] && pair.isSame)
  }

  @Test("keys are scan codes, and the mouse tells distances") func input() {
    var pair = Pair(text(64, 64))
    pair.talk()
    #expect(pair.client.isRelative)
    pair.client.key(0x1e, isDown: true)
    pair.client.key(0xc8, isDown: false)
    pair.client.motion(dx: -5, dy: 7, buttons: 1)
    pair.client.motion(dx: 0, dy: 0, buttons: 0)
    // Places are not what this server wants.
    pair.client.pointer(x: 3, y: 3, buttons: 4)
    pair.talk()
    #expect(
      pair.server.takeActions() == [
        .key(KeyMap.Key(0x1e), isDown: true), .key(KeyMap.Key(0x48, extended: true), isDown: false),
        .motion(dx: -5, dy: 7, buttons: 1), .motion(dx: 0, dy: 0, buttons: 0),
      ])
  }

  @Test("clipboards go both ways, whatever the letters") func clipboards() {
    var pair = Pair(text(64, 64))
    pair.talk()
    pair.client.offer("zwei\nZeilen – ☃")
    pair.talk()
    #expect(pair.server.takeActions() == [.clipboard("zwei\nZeilen – ☃")])
    pair.server.offerClipboard("zurück ☃\n")
    pair.talk()
    #expect(pair.client.takeClipboards() == ["zurück ☃\n"])
  }

  @Test("what is no display, or a locked one, is left with a reason") func refusals() {
    var stranger = ScreenClient()
    stranger.receive(Array("SSH-2.0-OpenSSH\r\n".utf8))
    #expect(stranger.failure == .notRFB)
    var pair = Pair(text(64, 64), password: "secret")
    pair.talk()
    #expect(pair.client.failure == .wantsPassword)
  }

  @Test("impossible sizes, areas and clipboards end the connection") func lies() {
    let start: [UInt8] =
      Array("RFB 003.008\n".utf8) + [1, 1, 0, 0, 0, 0] + [0, 10, 0, 10] + [UInt8](repeating: 0, count: 16)
      + [0, 0, 0, 0]
    let lies: [[UInt8]] = [
      [0, 0, 0, 1, 0, 5, 0, 5, 0, 6, 0, 5, 0, 0, 0, 0],  // an area that reaches outside
      [0, 0, 0, 1, 0, 0, 0, 0, 0, 5, 0, 5, 0, 0, 0, 1, 0, 6, 0, 0],  // a copy from outside
      [0, 0, 0, 1, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 33],  // a desktop of 65535x65535
      [3, 0, 0, 0, 0x7f, 255, 255, 255],  // a clipboard of 2 GiB
      [3, 0, 0, 0, 0x80, 0, 0, 0],
      [77],
    ]
    for lie in lies {
      var client = ScreenClient()
      client.receive(start)
      #expect(client.isRunning)
      client.receive(lie)
      #expect(client.failure != nil, "\(lie)")
    }
  }
}

@Suite("Screen client fuzz") struct ScreenClientFuzzTests {
  @Test("whatever a server sends, memory stays bounded and nothing traps") func bytes() {
    var generator = SeededGenerator(seed: 7)
    let start: [UInt8] =
      Array("RFB 003.008\n".utf8) + [1, 1, 0, 0, 0, 0] + [0, 20, 0, 10] + [UInt8](repeating: 0, count: 16)
      + [0, 0, 0, 0]
    let encodings: [[UInt8]] = [
      [0, 0, 0, 0], [0, 0, 0, 1], [255, 255, 255, 33], [255, 255, 254, 204], [255, 255, 254, 254],
      [255, 255, 254, 255],
    ]
    for round in 0..<3000 {
      var client = ScreenClient()
      if round % 5 != 0 { client.receive(start) }
      for _ in 0..<20 where client.failure == nil {
        var bytes = (0..<Int(generator.next() % 60)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        if bytes.count > 20, generator.next() % 4 != 0 {
          bytes[0] = [0, 0, 0, 1, 2, 3, 150, 248][Int(generator.next() % 8)]
          for index in 1..<16 where generator.next() % 3 != 0 { bytes[index] = UInt8(generator.next() % 3) }
          bytes.replaceSubrange(12..<16, with: encodings[Int(generator.next() % 6)])
        }
        client.receive(bytes)
        client.offer("x")
        client.key(30, isDown: true)
        client.motion(dx: 1, dy: 1, buttons: 0)
        client.pointer(x: 1, y: 1, buttons: 0)
        #expect(client.pixels.count == client.width * client.height && client.output.count < 1 << 20)
      }
    }
  }
}
