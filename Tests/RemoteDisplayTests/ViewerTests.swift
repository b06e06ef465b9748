import Compression
import DeviceConformance
import Devices
import Testing

@testable import RemoteDisplay

/// Screens to send.
enum Screens {
  static func solid(_ width: Int, _ height: Int, _ colour: UInt32) -> Picture {
    var picture = Picture(width: width, height: height)
    for index in picture.pixels.indices { picture.pixels[index] = colour }
    return picture
  }
  /// Rows of blocks in two colours, as text looks; `from` scrolls it.
  static func text(_ width: Int, _ height: Int, from: Int = 0) -> Picture {
    var picture = solid(width, height, 0)
    for y in 0..<height {
      let row = y + from
      for x in 0..<width where row % 16 < 12 && x % 8 < 6 && ((row &* 40503 &+ x / 8) &* 2_654_435_761) >> 15 & 3 == 0 {
        picture.pixels[y * width + x] = 0xaa_aaaa
      }
    }
    return picture
  }
  static func noise(_ width: Int, _ height: Int, colours: Int = 1 << 24) -> Picture {
    var generator = SeededGenerator(seed: UInt64(width * height + colours))
    var picture = Picture(width: width, height: height)
    for index in picture.pixels.indices {
      picture.pixels[index] = UInt32(generator.next() % UInt64(colours)) &* 0x3d_0f53 & 0xff_ffff
    }
    return picture
  }
  static func stripes(_ width: Int, _ height: Int, colours: Int) -> Picture {
    var picture = Picture(width: width, height: height)
    for index in picture.pixels.indices {
      picture.pixels[index] = UInt32(index / 11 % colours) &* 0x02_0304
    }
    return picture
  }
}

enum Messages {
  static func half(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
  static func long(_ value: Int) -> [UInt8] { half(value >> 16 & 0xffff) + half(value & 0xffff) }
  static func encodings(_ list: [Int32]) -> [UInt8] {
    [2, 0] + half(list.count) + list.flatMap { long(Int(UInt32(bitPattern: $0))) }
  }
  static func request(_ picture: Picture, incremental: Bool) -> [UInt8] {
    [3, incremental ? 1 : 0, 0, 0, 0, 0] + half(picture.width) + half(picture.height)
  }
  static func format(_ format: PixelFormat) -> [UInt8] { [0, 0, 0, 0] + format.bytes }
}

extension Viewer {
  /// One that is through the handshake.
  static func running(_ screen: Picture, _ encodings: [Int32] = [], format: PixelFormat = PixelFormat()) -> Viewer {
    var viewer = Viewer(name: "vm", password: nil, challenge: [], screen: screen)
    viewer.receive(Array("RFB 003.008\n".utf8) + [1, 1])
    viewer.receive(Messages.format(format) + Messages.encodings(encodings))
    viewer.output = []
    return viewer
  }
  mutating func takeOutput() -> [UInt8] {
    defer { output = [] }
    return output
  }
  mutating func frame(_ screen: Picture, _ canvas: inout Canvas, incremental: Bool = true) throws -> Int {
    receive(Messages.request(shown, incremental: incremental))
    guard update(screen) else { return 0 }
    var reader = Canvas.Reader(bytes: takeOutput())
    let count = try canvas.update(&reader)
    #expect(reader.isAtEnd)
    return count
  }
}

@Suite("Viewers") struct ViewerTests {
  static let formats: [PixelFormat] = {
    var list = [PixelFormat()]
    func make(
      _ bits: UInt8, _ depth: UInt8, big: Bool, _ maximum: (UInt16, UInt16, UInt16), _ shift: (UInt8, UInt8, UInt8)
    ) {
      var format = PixelFormat()
      (format.bitsPerPixel, format.depth, format.isBigEndian) = (bits, depth, big)
      (format.maximum, format.shift) = (maximum, shift)
      list.append(format)
    }
    make(32, 24, big: true, (255, 255, 255), (16, 8, 0))
    make(32, 24, big: false, (255, 255, 255), (24, 16, 8))
    make(32, 24, big: true, (255, 255, 255), (8, 16, 24))
    make(16, 16, big: false, (31, 63, 31), (11, 5, 0))
    make(16, 15, big: true, (31, 31, 31), (10, 5, 0))
    make(8, 8, big: false, (7, 7, 3), (5, 2, 0))
    return list
  }()

  /// What a viewer with this format can show of a colour.
  private func reduced(_ colour: UInt32, _ format: PixelFormat) -> UInt32 {
    func component(_ value: UInt32, _ maximum: UInt16) -> UInt32 {
      (value * UInt32(maximum) + 127) / 255 * 255 / UInt32(maximum)
    }
    return component(colour >> 16 & 255, format.maximum.red) << 16
      | component(colour >> 8 & 255, format.maximum.green) << 8 | component(colour & 255, format.maximum.blue)
  }

  @Test(
    "every encoding paints the picture that it was made of, in every format",
    arguments: [[Encoding.raw], [Encoding.hextile], [Encoding.zrle]])
  func roundTrips(encodings: [Int32]) throws {
    let pictures = [
      Screens.text(150, 90), Screens.solid(67, 33, 0x12_3456), Screens.noise(70, 70), Screens.noise(65, 40, colours: 3),
      Screens.noise(64, 64, colours: 14), Screens.stripes(130, 70, colours: 90), Screens.solid(1, 1, 0xff_ffff),
    ]
    for format in ViewerTests.formats {
      for picture in pictures {
        var viewer = Viewer.running(picture, encodings, format: format)
        var canvas = Canvas(width: picture.width, height: picture.height, format: format)
        _ = try viewer.frame(picture, &canvas, incremental: false)
        let expected = picture.pixels.map { reduced($0, format) }
        #expect(canvas.pixels == expected, "\(picture.width)x\(picture.height), \(format.bytes)")
        #expect(Set(canvas.seen) == Set(encodings))
      }
    }
  }

  @Test func onlyWhatChangedIsSent() throws {
    let first = Screens.text(640, 400)
    var viewer = Viewer.running(first, [Encoding.raw])
    var canvas = Canvas(width: 640, height: 400)
    _ = try viewer.frame(first, &canvas, incremental: false)
    #expect(try viewer.frame(first, &canvas) == 0)
    var second = first
    second.pixels[200 * 640 + 333] ^= 0xff
    viewer.receive([])
    #expect(viewer.update(second) == true)
    #expect(viewer.output.count < 2 * Difference.tile * Difference.tile * 4)
    var reader = Canvas.Reader(bytes: viewer.takeOutput())
    _ = try canvas.update(&reader)
    #expect(canvas.pixels == second.pixels)
  }

  @Test func aScreenThatIsKnownToBeTheSameIsNotSearchedForChanges() throws {
    let first = Screens.text(64, 48)
    var viewer = Viewer.running(first, [Encoding.raw])
    viewer.receive(Messages.request(first, incremental: false))
    #expect(viewer.update(first, version: 1) == true)
    viewer.output = []
    viewer.receive(Messages.request(first, incremental: true))
    // It is not, but who says so is believed.
    #expect(viewer.update(Screens.solid(64, 48, 1), version: 1) == false)
    #expect(viewer.update(Screens.solid(64, 48, 1), version: 2) == true)
    // After a part nobody knows what all of it is like.
    viewer.output = []
    viewer.receive([3, 0] + [10, 20, 30, 20].flatMap { Messages.half($0) })
    #expect(viewer.update(Screens.solid(64, 48, 2), version: 3) == true)
    viewer.output = []
    viewer.receive(Messages.request(first, incremental: true))
    #expect(viewer.update(Screens.solid(64, 48, 2), version: 3) == true)
  }

  @Test func scrollingIsSentAsACopy() throws {
    let first = Screens.text(720, 400)
    var viewer = Viewer.running(first, [Encoding.copyRect, Encoding.zrle])
    var canvas = Canvas(width: 720, height: 400)
    _ = try viewer.frame(first, &canvas, incremental: false)
    let second = Screens.text(720, 400, from: 16)
    _ = try viewer.frame(second, &canvas)
    #expect(canvas.seen.contains(Encoding.copyRect) && canvas.pixels == second.pixels)
    // And back down again.
    _ = try viewer.frame(first, &canvas)
    #expect(canvas.pixels == first.pixels)
  }

  @Test("sizes change for viewers that can follow, and are cut for those that cannot") func sizes() throws {
    let small = Screens.text(320, 200), large = Screens.text(400, 300)
    for pseudo in [Encoding.desktopSize, Encoding.extendedDesktopSize] {
      var viewer = Viewer.running(small, [Encoding.raw, pseudo])
      var canvas = Canvas(width: 320, height: 200)
      _ = try viewer.frame(small, &canvas, incremental: false)
      _ = try viewer.frame(large, &canvas)
      #expect(canvas.width == 400 && canvas.height == 300 && canvas.pixels == large.pixels)
    }
    var viewer = Viewer.running(small)
    var canvas = Canvas(width: 320, height: 200)
    _ = try viewer.frame(large, &canvas, incremental: false)
    #expect(canvas.pixels == large.resized(320, 200).pixels)
    _ = try viewer.frame(Screens.text(200, 100), &canvas)
    #expect(canvas.pixels == Screens.text(200, 100).resized(320, 200).pixels)
  }

  @Test func aPartIsTheOnlyThingSentWhenAskedFor() throws {
    let picture = Screens.noise(100, 80)
    var viewer = Viewer.running(picture)
    viewer.receive([3, 0] + [10, 20, 30, 40].flatMap { Messages.half($0) })
    #expect(viewer.update(picture) == true)
    #expect(Array(viewer.output[4..<12]) == [10, 20, 30, 40].flatMap { Messages.half($0) })
    // Outside of everything: nothing is sent, and nothing breaks.
    viewer.output = []
    viewer.receive([3, 0] + [1000, 1000, 65535, 65535].flatMap { Messages.half($0) })
    #expect(viewer.update(picture) == false)
  }

  @Test func continuousUpdatesComeWithoutBeingAskedFor() throws {
    let picture = Screens.text(100, 80)
    var viewer = Viewer(name: "vm", password: nil, challenge: [], screen: picture)
    viewer.receive(Array("RFB 003.008\n".utf8) + [1, 1])
    viewer.output = []
    viewer.receive(Messages.encodings([Encoding.continuousUpdates, Encoding.fence]))
    #expect(viewer.takeOutput() == [248, 0, 0, 0, 0x80, 0, 0, 0, 0, 150])
    #expect(viewer.update(picture) == false)
    viewer.receive([150, 1, 0, 0, 0, 0] + Messages.half(100) + Messages.half(80))
    #expect(viewer.update(picture) == true)
    viewer.output = []
    #expect(viewer.update(picture) == false)
    #expect(viewer.update(Screens.solid(100, 80, 5)) == true)
    viewer.output = []
    viewer.receive([248, 0, 0, 0, 0x80, 0, 0, 3, 2, 7, 8])
    #expect(viewer.takeOutput() == [248, 0, 0, 0, 0, 0, 0, 3, 2, 7, 8])
    viewer.receive([150, 0] + [UInt8](repeating: 0, count: 8))
    #expect(viewer.takeOutput() == [150])
    #expect(viewer.update(picture) == false)
  }

  @Test func aViewerThatDoesNotReadGetsNoMorePictures() {
    var viewer = Viewer.running(Screens.noise(400, 400), [Encoding.raw])
    var frames = 0
    for round in 0..<100 {
      viewer.receive(Messages.request(viewer.shown, incremental: false))
      if viewer.update(Screens.solid(400, 400, UInt32(round))) { frames += 1 }
    }
    #expect(frames == 1 && viewer.output.count < 400 * 400 * 4 + 1000)
  }

  @Test("the DES of the standard's example, and the password check made of it") func authentication() {
    #expect(DES.encrypt(0x0123_4567_89ab_cdef, key: 0x1334_5779_9bbc_dff1) == 0x85e8_1354_0f0a_b405)
    let challenge = (0..<16).map { UInt8($0) }
    let right = VNCAuthentication.response(to: challenge, password: "secret")
    #expect(VNCAuthentication.matches(right, challenge: challenge, password: "secret"))
    #expect(!VNCAuthentication.matches(right, challenge: challenge, password: "secreT"))
    #expect(!VNCAuthentication.matches([], challenge: challenge, password: "secret"))
  }

  @Test("handshakes of all three versions", arguments: [3, 7, 8]) func handshake(minor: Int) {
    let version = Array("RFB 003.00\(minor)\n".utf8)
    let challenge = (0..<16).map { UInt8($0 * 3) }
    for password in [nil, "pw"] as [String?] {
      for isRight in [true, false] where password != nil || isRight {
        var viewer = Viewer(name: "vm", password: password, challenge: challenge, screen: Picture(width: 9, height: 7))
        #expect(viewer.takeOutput() == Array("RFB 003.008\n".utf8))
        for byte in version { viewer.receive([byte]) }
        let type: UInt8 = password == nil ? 1 : 2
        if minor == 3 {
          #expect(viewer.output.prefix(4) == [0, 0, 0, type])
        } else {
          #expect(viewer.output == [1, type])
          viewer.receive([type])
        }
        if password != nil {
          #expect(viewer.takeOutput().suffix(16) == challenge)
          viewer.receive(VNCAuthentication.response(to: challenge, password: isRight ? "pw" : "no"))
          #expect(viewer.takeOutput().prefix(4) == [0, 0, 0, isRight ? 0 : 1])
        }
        #expect(viewer.isClosing == !isRight)
        guard isRight else {
          #expect(viewer.takeActions() == [.authenticationFailed])
          continue
        }
        viewer.output = []
        viewer.receive([1])
        #expect(viewer.phase == .running && viewer.output.prefix(4) == [0, 9, 0, 7])
        #expect(viewer.output.suffix(2) == Array("vm".utf8))
      }
    }
  }

  @Test func keysAndPointersArrive() {
    var viewer = Viewer.running(Picture(width: 10, height: 10), [Encoding.extendedKeys])
    viewer.receive([4, 1, 0, 0, 0, 0, 0, 0x61, 4, 0, 0, 0, 0, 0, 0xff, 0x52, 4, 1, 0, 0, 0xff, 0xff, 0xff, 0xff])
    viewer.receive([5, 0b101, 0, 3, 0, 4])
    viewer.receive([255, 0, 0, 1, 0, 0, 0, 0x61, 0, 0, 0, 0x1e, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc8])
    #expect(
      viewer.takeActions() == [
        .key(KeyMap.Key(0x1e), isDown: true), .key(KeyMap.Key(0x48, extended: true), isDown: false),
        .pointer(x: 3, y: 4, buttons: 5), .key(KeyMap.Key(0x1e), isDown: true),
        .key(KeyMap.Key(0x48, extended: true), isDown: false),
      ])
  }

  @Test func clipboardsPassInBothForms() {
    var viewer = Viewer.running(Picture(width: 10, height: 10))
    viewer.receive([6, 0, 0, 0, 0, 0, 0, 3, 0x61, 0xe9, 0x62])
    #expect(viewer.takeActions() == [.clipboard("aéb")])
    viewer.offerClipboard("x€")
    #expect(viewer.takeOutput() == [3, 0, 0, 0, 0, 0, 0, 2, 0x78, 0x3f])
    viewer.receive(Messages.encodings([Encoding.extendedClipboard]))
    #expect(viewer.takeOutput().prefix(4) == [3, 0, 0, 0])
    let text = Array("über\r\n€".utf8) + [0]
    let data = Zlib.deflate(Messages.long(text.count) + text)
    viewer.receive([6, 0, 0, 0] + Messages.long(-(4 + data.count)) + [0x10, 0, 0, 1] + data)
    #expect(viewer.takeActions() == [.clipboard("über\n€")])
    viewer.offerClipboard("neu")
    #expect(viewer.takeOutput() == [3, 0, 0, 0] + Messages.long(-4) + [0x08, 0, 0, 1])
    viewer.receive([6, 0, 0, 0] + Messages.long(-4) + [0x02, 0, 0, 1])
    let reply = viewer.takeOutput()
    #expect(Array(reply[8..<12]) == [0x10, 0, 0, 1])
    #expect(Zlib.inflate(Array(reply[12...]), limit: 100) == [0, 0, 0, 4] + Array("neu".utf8) + [0])
    // Too long to be kept: skipped, and what follows is understood.
    viewer.receive([6, 0, 0, 0] + Messages.long(3 << 20))
    for _ in 0..<3 { viewer.receive([UInt8](repeating: 4, count: 1 << 20)) }
    viewer.receive([5, 1, 0, 1, 0, 1])
    #expect(viewer.takeActions() == [.pointer(x: 1, y: 1, buttons: 1)])
  }
}
