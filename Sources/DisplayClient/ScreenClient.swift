import Base
import Compression

/// A viewer's side of the RFB protocol (RFC 6143): bytes in, a picture and bytes out, no socket and no clock.
///
/// Whatever a server sends, memory stays bounded and nothing traps; one that breaks the protocol is left.
public struct ScreenClient {
  /// Why the server was left.
  public enum Failure: Error, Equatable {
    case notRFB, wantsPassword, refused, broken(String)
    /// For people.
    public var text: String {
      switch self {
      case .notRFB: "the machine's display does not speak the RFB protocol"
      case .wantsPassword: "the machine's display wants a password"
      case .refused: "the machine's display refuses"
      case .broken(let what): "the machine's display breaks the protocol: \(what)"
      }
    }
  }
  /// What comes next, with what is known of it.
  private enum Phase {
    case version, types, typeList(Int), result, initialisation, name(Int)
    case message, update, rectangles(Int), cutHead, mapHead, fenceHead
    case raw(ScreenArea, row: Int, left: Int)
    case copy(ScreenArea, left: Int)
    case screenCount(ScreenArea, left: Int)
    case screens(ScreenArea, Int, left: Int)
    case cut(Int, isExtended: Bool)
    case skip(Int)
  }
  /// Both dimensions at most.
  static let sizeLimit = 8192
  static let pixelLimit = 1 << 26
  static let clipboardLimit = 1 << 20

  private var phase = Phase.version
  private var input: [UInt8] = []
  /// Bytes for the server.
  public var output: [UInt8] = []
  /// Set when the server has been left.
  public private(set) var failure: Failure?

  /// The server's name for itself.
  public private(set) var name = ""
  /// Pixels in a row; 0 before the server has said.
  public private(set) var width = 0
  /// Rows.
  public private(set) var height = 0
  /// 00RRGGBBh, row by row.
  public private(set) var pixels: [UInt32] = []
  /// The monitors inside the picture, as the server has told; one that is all of it unless it says more.
  public private(set) var screens: [ScreenArea] = []
  /// What has changed since `takeChange`.
  private var changed: ScreenArea?
  private var clipboards: [String] = []
  /// The server takes scan codes.
  public private(set) var hasScanCodes = false
  /// The server wants distances of the mouse instead of places.
  public private(set) var isRelative = false
  private var hasExtendedClipboard = false
  /// Updates that have come.
  public private(set) var updates = 0

  /// Waits for the server's greeting.
  public init() {}

  /// The handshake is over.
  public var isRunning: Bool { width > 0 && failure == nil }
  /// What is to be drawn anew.
  public mutating func takeChange() -> ScreenArea? {
    defer { changed = nil }
    return changed
  }
  /// Somebody else has copied something.
  var hasClipboard: Bool { !clipboards.isEmpty }
  /// Texts that others have copied, oldest first.
  public mutating func takeClipboards() -> [String] {
    defer { clipboards = [] }
    return clipboards
  }

  // MARK: Input

  /// Takes bytes in and acts on all that is complete.
  public mutating func receive(_ bytes: [UInt8]) {
    guard failure == nil else { return }
    input += bytes
    var at = 0
    while failure == nil {
      if case .skip(let count) = phase {
        let skipped = min(count, input.count - at)
        at += skipped
        phase = skipped == count ? .message : .skip(count - skipped)
        if skipped < count { break }
        continue
      }
      let count = needed
      guard input.count - at >= count else { break }
      do throws(Failure) { try step(input[at..<(at + count)]) } catch { failure = error }
      at += count
    }
    input.removeFirst(at)
  }

  /// Bytes that the phase takes.
  private var needed: Int {
    switch phase {
    case .version: 12
    case .types, .message: 1
    case .typeList(let count), .name(let count), .cut(let count, _), .skip(let count): count
    case .result, .copy, .screenCount: 4
    case .initialisation: 24
    case .update: 3
    case .rectangles: 12
    case .cutHead: 7
    case .mapHead: 5
    case .fenceHead: 8
    case .raw(let area, _, _): area.width * 4
    case .screens(_, let count, _): count * 16
    }
  }

  private static func half(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> Int {
    Int(bytes[bytes.startIndex + offset]) << 8 | Int(bytes[bytes.startIndex + offset + 1])
  }
  private static func long(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> Int {
    half(bytes, offset) << 16 | half(bytes, offset + 2)
  }

  private mutating func step(_ bytes: ArraySlice<UInt8>) throws(Failure) {
    let first = bytes.first ?? 0
    switch phase {
    case .version, .types, .typeList, .result, .initialisation, .name: try shakeHands(bytes)
    case .message:
      switch first {
      case 0: phase = .update
      case 1: phase = .mapHead
      case 2, 150: break
      case 3: phase = .cutHead
      case 248: phase = .fenceHead
      default: throw .broken("message \(first)")
      }
    case .update: next(ScreenClient.half(bytes, 1))
    case .rectangles(let left): try rectangle(bytes, left - 1)
    case .raw(let area, let row, let left):
      put(bytes, area.x, area.y + row)
      if row + 1 < area.height { phase = .raw(area, row: row + 1, left: left) } else { finish(area, left) }
    case .copy(let area, let left):
      try copy(area, fromX: ScreenClient.half(bytes, 0), fromY: ScreenClient.half(bytes, 2))
      finish(area, left)
    case .screenCount(let size, let left): phase = .screens(size, Int(first), left: left)
    case .screens(let size, let count, let left):
      try resize(size.width, size.height)
      tell(count, bytes)
      next(left)
    case .cutHead:
      let length = Int(Int32(truncatingIfNeeded: ScreenClient.long(bytes, 3)))
      guard abs(length) <= ScreenClient.clipboardLimit else { throw .broken("a clipboard of \(abs(length)) bytes") }
      phase = .cut(abs(length), isExtended: length < 0)
    case .cut(_, let isExtended):
      phase = .message
      if isExtended {
        extendedClipboard(bytes)
      } else {
        add(String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) })))
      }
    case .mapHead: phase = .skip(ScreenClient.half(bytes, 3) * 6)
    case .fenceHead: phase = .skip(Int(bytes.last ?? 0))
    case .skip: break
    }
  }

  private mutating func shakeHands(_ bytes: ArraySlice<UInt8>) throws(Failure) {
    switch phase {
    case .version:
      guard bytes.starts(with: Array("RFB 003.".utf8)) else { throw .notRFB }
      output += Array("RFB 003.008\n".utf8)
      phase = .types
    case .types:
      guard let count = bytes.first, count > 0 else { throw .refused }
      phase = .typeList(Int(count))
    case .typeList:
      guard bytes.contains(1) else { throw .wantsPassword }
      output.append(1)
      phase = .result
    case .result:
      guard bytes.allSatisfy({ $0 == 0 }) else { throw .refused }
      // Others may look as well.
      output.append(1)
      phase = .initialisation
    case .initialisation:
      let title = ScreenClient.long(bytes, 20)
      guard title <= 4096 else { throw .broken("a name of \(title) bytes") }
      try resize(ScreenClient.half(bytes, 0), ScreenClient.half(bytes, 2))
      phase = .name(title)
    case .name:
      name = String(decoding: bytes, as: UTF8.self)
      sendWishes()
      phase = .message
    default: break
    }
  }
  /// Pixels as they are kept here, and what this viewer knows how to read.
  private mutating func sendWishes() {
    output += [0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]
    let wanted = [
      Encoding.copyRect, Encoding.raw, Encoding.extendedDesktopSize, Encoding.desktopSize, Encoding.extendedKeys,
      Encoding.pointerMotion, Encoding.extendedClipboard,
    ]
    output += [2, 0, 0, UInt8(wanted.count)]
    for number in wanted { append(long: Int(number)) }
    ask(isIncremental: false)
  }
  private enum Encoding {
    static let raw: Int32 = 0, copyRect: Int32 = 1, desktopSize: Int32 = -223, extendedDesktopSize: Int32 = -308
    static let extendedKeys: Int32 = -258, pointerMotion: Int32 = -257
    static let extendedClipboard = Int32(bitPattern: 0xc0a1_e5ce)
  }

  // MARK: Pictures

  private mutating func next(_ left: Int) {
    guard left == 0 else {
      phase = .rectangles(left)
      return
    }
    phase = .message
    updates += 1
    ask(isIncremental: true)
  }
  private mutating func finish(_ area: ScreenArea, _ left: Int) {
    changed = changed?.union(area) ?? area
    next(left)
  }
  private mutating func rectangle(_ bytes: ArraySlice<UInt8>, _ left: Int) throws(Failure) {
    let area = ScreenArea(
      x: ScreenClient.half(bytes, 0), y: ScreenClient.half(bytes, 2), width: ScreenClient.half(bytes, 4),
      height: ScreenClient.half(bytes, 6))
    let encoding = Int32(truncatingIfNeeded: ScreenClient.long(bytes, 8))
    switch encoding {
    case Encoding.raw, Encoding.copyRect:
      guard area.x + area.width <= width, area.y + area.height <= height else { throw .broken("an area outside") }
      let isRaw = encoding == Encoding.raw
      if isRaw, area.width == 0 || area.height == 0 { return next(left) }
      phase = isRaw ? .raw(area, row: 0, left: left) : .copy(area, left: left)
    case Encoding.desktopSize:
      try resize(area.width, area.height)
      next(left)
    case Encoding.extendedDesktopSize: phase = .screenCount(area, left: left)
    case Encoding.extendedKeys:
      hasScanCodes = true
      next(left)
    case Encoding.pointerMotion:
      isRelative = area.x == 0
      next(left)
    default: throw .broken("encoding \(encoding)")
    }
  }
  private mutating func resize(_ width: Int, _ height: Int) throws(Failure) {
    guard (1...ScreenClient.sizeLimit).contains(width), (1...ScreenClient.sizeLimit).contains(height),
      width * height <= ScreenClient.pixelLimit
    else { throw .broken("a screen of \(width)x\(height)") }
    guard width != self.width || height != self.height else { return }
    (self.width, self.height) = (width, height)
    pixels = [UInt32](repeating: 0, count: width * height)
    let whole = ScreenArea(x: 0, y: 0, width: width, height: height)
    screens = [whole]
    changed = whole
  }
  /// The monitors of an ExtendedDesktopSize rectangle; those that make no sense are left out.
  private mutating func tell(_ count: Int, _ bytes: ArraySlice<UInt8>) {
    let told = (0..<count).map { index in
      ScreenArea(
        x: ScreenClient.half(bytes, index * 16 + 4), y: ScreenClient.half(bytes, index * 16 + 6),
        width: ScreenClient.half(bytes, index * 16 + 8), height: ScreenClient.half(bytes, index * 16 + 10))
    }
    let sensible = told.filter {
      $0.width > 0 && $0.height > 0 && $0.x + $0.width <= width && $0.y + $0.height <= height
    }
    let whole = ScreenArea(x: 0, y: 0, width: width, height: height)
    let new = sensible.isEmpty ? [whole] : sensible
    if new != screens { changed = whole }
    screens = new
  }
  /// One row of pixels.
  private mutating func put(_ bytes: ArraySlice<UInt8>, _ x: Int, _ y: Int) {
    let source = bytes.span
    let start = y &* width &+ x
    var row = pixels.mutableSpan
    for column in 0..<(source.count / 4) {
      let at = column &* 4
      row[start &+ column] =
        UInt32(source[at]) | UInt32(source[at &+ 1]) << 8 | UInt32(source[at &+ 2]) << 16
    }
  }
  private mutating func copy(_ area: ScreenArea, fromX: Int, fromY: Int) throws(Failure) {
    guard fromX + area.width <= width, fromY + area.height <= height else { throw .broken("a copy from outside") }
    // Rows that are still needed are not overwritten yet.
    let rows = fromY < area.y ? Array((0..<area.height).reversed()) : Array(0..<area.height)
    for row in rows {
      let from = (fromY + row) * width + fromX, to = (area.y + row) * width + area.x
      pixels.replaceSubrange(to..<(to + area.width), with: Array(pixels[from..<(from + area.width)]))
    }
  }

  // MARK: Output

  private mutating func append(half value: Int) {
    output += [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
  }
  private mutating func append(long value: Int) {
    append(half: value >> 16)
    append(half: value)
  }
  private mutating func ask(isIncremental: Bool) {
    output += [3, isIncremental ? 1 : 0, 0, 0, 0, 0]
    append(half: width)
    append(half: height)
  }
  /// A key by its scan code of set 1; behind E0h with bit 7 set. Servers that know no scan codes hear nothing.
  public mutating func key(_ code: UInt8, isDown: Bool) {
    guard isRunning, hasScanCodes else { return }
    output += [255, 0, 0, isDown ? 1 : 0, 0, 0, 0, 0, 0, 0, 0, code]
  }
  /// The mouse at a place. Buttons: bit 0 left, 1 middle, 2 right, 3 and 4 wheel up and down.
  public mutating func pointer(x: Int, y: Int, buttons: UInt8) {
    guard isRunning, !isRelative else { return }
    output += [5, buttons]
    append(half: min(max(0, x), width - 1))
    append(half: min(max(0, y), height - 1))
  }
  /// The mouse moved by a distance. Servers that want places hear nothing.
  public mutating func motion(dx: Int, dy: Int, buttons: UInt8) {
    guard isRunning, isRelative else { return }
    output += [5, buttons]
    append(half: 0x7fff + min(max(-0x7fff, dx), 0x7fff))
    append(half: 0x7fff + min(max(-0x7fff, dy), 0x7fff))
  }

  // MARK: Clipboard

  private enum Clip {
    static let text = 1, caps = 1 << 24, request = 1 << 25, notify = 1 << 27, provide = 1 << 28
  }
  private mutating func add(_ text: String) {
    if clipboards.count < 16 { clipboards.append(text) }
  }
  private mutating func extendedClipboard(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count >= 4 else { return }
    let flags = ScreenClient.long(bytes, 0)
    if flags & Clip.caps != 0 {
      hasExtendedClipboard = true
      // The same back: texts, of any length that is allowed, and no need to ask for them.
      let size = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ScreenClient.clipboardLimit >> $0) }
      sendClipboard(Clip.caps | Clip.request | Clip.notify | Clip.provide | Clip.text, size)
      return
    }
    guard flags & Clip.text != 0 else { return }
    if flags & Clip.notify != 0 { sendClipboard(Clip.request | Clip.text, []) }
    if flags & Clip.provide != 0,
      let data = Zlib.inflateFlushed(Array(bytes.dropFirst(4)), limit: ScreenClient.clipboardLimit), data.count >= 4
    {
      let count = ScreenClient.long(data[...], 0)
      guard count <= data.count - 4 else { return }
      var text = data[4..<(4 + count)]
      if text.last == 0 { text.removeLast() }
      add(String(decoding: text, as: UTF8.self).replacing("\r\n", with: "\n"))
    }
  }
  private mutating func sendClipboard(_ flags: Int, _ data: [UInt8]) {
    output += [6, 0, 0, 0]
    append(long: -(4 + data.count))
    append(long: flags)
    output += data
  }
  /// Offers a text that the user has copied to everybody else who looks at the machine.
  public mutating func offer(_ text: String) {
    guard isRunning, text.utf8.count < ScreenClient.clipboardLimit / 4 else { return }
    if hasExtendedClipboard {
      let bytes = Array(text.replacing("\n", with: "\r\n").utf8) + [0]
      let length = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bytes.count >> $0) }
      sendClipboard(Clip.provide | Clip.text, Zlib.deflate(length + bytes))
    } else {
      let bytes = text.unicodeScalars.map { $0.value < 256 ? UInt8($0.value) : 0x3f }
      output += [6, 0, 0, 0]
      append(long: bytes.count)
      output += bytes
    }
  }
}
