import Base
import Compression
import Devices

/// A message that is being read: fields in order, and whether all of them were there.
private struct Fields {
  let bytes: [UInt8]
  var at: Int
  func byte(_ offset: Int) -> UInt8 { at + offset < bytes.count ? bytes[at + offset] : 0 }
  func half(_ offset: Int) -> Int { Int(byte(offset)) << 8 | Int(byte(offset + 1)) }
  func long(_ offset: Int) -> UInt32 { UInt32(half(offset)) << 16 | UInt32(half(offset + 2)) }
}

// Messages of a viewer that is in (RFC 6143, 7.5).
extension Viewer {
  /// Reacts to one message; returns its length, or 0 when it is not complete. A length beyond the end of `bytes` means
  /// that the rest is to be skipped.
  mutating func handleMessage(_ bytes: [UInt8]) -> Int {
    guard let type = bytes.first else { return 0 }
    let fields = Fields(bytes: bytes, at: 0)
    func isComplete(_ count: Int) -> Bool { bytes.count >= count }
    switch type {
    case 0:
      guard isComplete(20) else { return 0 }
      if let chosen = PixelFormat(Array(bytes[4..<20])) { choose(chosen) } else { close() }
      return 20
    case 2:
      let count = fields.half(2)
      guard isComplete(4), isComplete(4 + count * 4) else { return 0 }
      choose((0..<count).map { Int32(bitPattern: fields.long(4 + $0 * 4)) })
      return 4 + count * 4
    case 3:
      guard isComplete(10) else { return 0 }
      ask(incremental: bytes[1] != 0, area(fields, 2))
      return 10
    case 4:
      guard isComplete(8) else { return 0 }
      if let key = Keysyms.key(fields.long(4)) { add(.key(key, isDown: bytes[1] != 0)) }
      return 8
    case 5:
      guard isComplete(6) else { return 0 }
      let (x, y) = (fields.half(2), fields.half(4))
      // No movement is the middle of the range.
      add(
        isRelative
          ? .motion(dx: x - 0x7fff, dy: y - 0x7fff, buttons: bytes[1]) : .pointer(x: x, y: y, buttons: bytes[1]))
      return 6
    case 6: return isComplete(8) ? handleCutText(fields, bytes) : 0
    case 150:
      guard isComplete(10) else { return 0 }
      setContinuous(bytes[1] != 0, area(fields, 2))
      return 10
    case 248:
      let count = Int(fields.byte(8))
      guard isComplete(9), isComplete(9 + count) else { return 0 }
      answerFence(flags: fields.long(4), Array(bytes[9..<(9 + count)]))
      return 9 + count
    case 251:
      let screens = Int(fields.byte(6))
      guard isComplete(8), isComplete(8 + screens * 16) else { return 0 }
      // The guest decides about its screen: refused (1: prohibited).
      if abilities.extendedDesktopSize { output += [0, 0, 0, 1] + extendedSize(reason: 1, status: 1) }
      return 8 + screens * 16
    case 255:
      guard isComplete(12) else { return 0 }
      if bytes[1] == 0 { handleScanCode(fields.long(8), isDown: fields.half(2) != 0) } else { close() }
      return 12
    default:
      close()
      return 1
    }
  }

  private func area(_ fields: Fields, _ at: Int) -> ScreenArea {
    ScreenArea(x: fields.half(at), y: fields.half(at + 2), width: fields.half(at + 4), height: fields.half(at + 6))
  }

  private mutating func choose(_ chosen: PixelFormat) {
    format = chosen
    guard !chosen.isTrueColour else { return }
    // SetColourMapEntries: all 256 colours of the map of 3, 3 and 2 bits.
    output += [1, 0, 0, 0, 1, 0]
    for index in 0..<256 {
      for (value, maximum) in [(index >> 5 & 7, 7), (index >> 2 & 7, 7), (index & 3, 3)] {
        output += Viewer.half(value * 65535 / maximum)
      }
    }
  }

  private mutating func choose(_ encodings: [Int32]) {
    let before = abilities
    abilities = Abilities()
    abilities.encodings = encodings.filter {
      [Encoding.raw, Encoding.copyRect, Encoding.hextile, Encoding.zrle].contains($0)
    }
    abilities.cursor = encodings.contains(Encoding.cursor)
    abilities.desktopSize = encodings.contains(Encoding.desktopSize)
    abilities.extendedDesktopSize = encodings.contains(Encoding.extendedDesktopSize)
    abilities.fence = encodings.contains(Encoding.fence)
    abilities.continuousUpdates = encodings.contains(Encoding.continuousUpdates)
    abilities.extendedKeys = encodings.contains(Encoding.extendedKeys)
    abilities.motion = encodings.contains(Encoding.pointerMotion)
    abilities.lights = encodings.contains(Encoding.ledState)
    if !abilities.lights { shownLights = nil }
    abilities.extendedClipboard = encodings.contains(Encoding.extendedClipboard)
    if abilities.cursor, !before.cursor { owesCursor = true }
    if abilities.extendedKeys, !before.extendedKeys { owesExtendedKeys = true }
    decideMotion()
    if abilities.extendedDesktopSize, !before.extendedDesktopSize { owesSize = true }
    // By these a viewer learns that the server has them.
    if abilities.fence, !before.fence { output += [248, 0, 0, 0, 0x80, 0, 0, 0, 0] }
    if abilities.continuousUpdates, !before.continuousUpdates { output.append(150) }
    if abilities.extendedClipboard, !before.extendedClipboard { sendClipboardCapabilities() }
  }

  private mutating func ask(incremental: Bool, _ area: ScreenArea) {
    let clipped = area.intersection(ScreenArea(x: 0, y: 0, width: shown.width, height: shown.height))
    guard !clipped.isEmpty else { return }
    if let request {
      // Several requests count as one for all of it.
      self.request = (request.area.union(clipped), request.isIncremental && incremental)
    } else {
      request = (clipped, incremental)
    }
  }

  private mutating func setContinuous(_ isOn: Bool, _ area: ScreenArea) {
    if isOn {
      let clipped = area.intersection(ScreenArea(x: 0, y: 0, width: shown.width, height: shown.height))
      continuous = clipped.isEmpty ? nil : clipped
    } else if continuous != nil {
      continuous = nil
      output.append(150)
    }
  }

  /// Messages are handled in order and at once, so every kind of fence holds by itself.
  private mutating func answerFence(flags: UInt32, _ payload: [UInt8]) {
    guard flags >> 31 == 1, payload.count <= 64 else { return }
    output += [248, 0, 0, 0] + Viewer.long(Int(flags & 7)) + [UInt8(payload.count)] + payload
  }

  /// XT scan codes: below 80h as they are, with bit 7 for those behind E0h.
  private mutating func handleScanCode(_ code: UInt32, isDown: Bool) {
    let low = UInt8(truncatingIfNeeded: code & 0x7f)
    guard low > 0, code <= 0xff || code >> 8 == 0xe0 else { return }
    let isExtended = code & 0x80 != 0 || code >> 8 == 0xe0
    add(.key(KeyMap.Key(low, extended: isExtended), isDown: isDown))
  }

  // MARK: Clipboard

  private enum Clip {
    static let text: UInt32 = 1, caps: UInt32 = 1 << 24, request: UInt32 = 1 << 25, peek: UInt32 = 1 << 26
    static let notify: UInt32 = 1 << 27, provide: UInt32 = 1 << 28
  }

  private mutating func handleCutText(_ fields: Fields, _ bytes: [UInt8]) -> Int {
    let length = Int(Int32(bitPattern: fields.long(4)))
    let count = abs(length)
    guard count <= Viewer.clipboardLimit else {
      // Too long to be kept; far too long to be meant.
      guard count <= 64 << 20 else {
        close()
        return 8
      }
      return 8 + count
    }
    guard bytes.count >= 8 + count else { return 0 }
    let body = Array(bytes[8..<(8 + count)])
    if length >= 0 {
      // Latin-1.
      add(.clipboard(String(String.UnicodeScalarView(body.map { Unicode.Scalar($0) }))))
    } else if abilities.extendedClipboard, count >= 4 {
      handleExtendedClipboard(body)
    }
    return 8 + count
  }

  private mutating func handleExtendedClipboard(_ body: [UInt8]) {
    let flags = body[..<4].reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
    if flags & Clip.caps != 0 {
      takeClipboardCapabilities(flags, body)
      return
    }
    if flags & Clip.request != 0, flags & Clip.text != 0 { provideClipboard() }
    if flags & Clip.peek != 0 { sendClipboard(Clip.notify | (clipboard.isEmpty ? 0 : Clip.text)) }
    if flags & Clip.notify != 0, flags & Clip.text != 0 { sendClipboard(Clip.request | Clip.text) }
    if flags & Clip.provide != 0, flags & Clip.text != 0,
      let data = Zlib.inflateFlushed(Array(body[4...]), limit: Viewer.clipboardLimit), data.count >= 4
    {
      let count = data[..<4].reduce(0) { $0 << 8 | Int($1) }
      guard count <= data.count - 4 else { return }
      var text = data[4..<(4 + count)]
      if text.last == 0 { text.removeLast() }
      let lines = String(decoding: text, as: UTF8.self).replacing("\r\n", with: "\n")
      add(.clipboard(lines))
    }
  }
  private mutating func sendClipboard(_ flags: UInt32, _ data: [UInt8] = []) {
    output += [3, 0, 0, 0] + Viewer.long(-(4 + data.count)) + Viewer.long(Int(flags)) + data
  }
  private mutating func sendClipboardCapabilities() {
    sendClipboard(
      Clip.caps | Clip.request | Clip.peek | Clip.notify | Clip.provide | Clip.text,
      Viewer.long(Viewer.clipboardLimit))
  }
  /// What the viewer knows how to do, and the size of a text that it takes without having asked for it. Sizes stand in
  /// the order of the formats' bits; text has the lowest.
  private mutating func takeClipboardCapabilities(_ flags: UInt32, _ body: [UInt8]) {
    let knowsText = flags & Clip.text != 0
    let size = knowsText && body.count >= 8 ? body[4..<8].reduce(0) { $0 << 8 | Int($1) } : 0
    takesNotices = knowsText && flags & Clip.notify != 0
    unsolicitedLimit = knowsText && flags & Clip.provide != 0 ? size : 0
  }
  private mutating func provideClipboard() {
    let text = Array(clipboard.replacing("\n", with: "\r\n").utf8) + [0]
    sendClipboard(Clip.provide | Clip.text, Zlib.deflate(Viewer.long(text.count) + text))
  }

  /// Tells the viewer of a text that somebody else has copied: now, or when it has read what waits for it.
  mutating func offerClipboard(_ text: String) {
    guard phase == .running, text != clipboard else { return }
    clipboard = text
    owesClipboard = true
    sendOwedClipboard()
  }
  mutating func sendOwedClipboard() {
    guard owesClipboard, output.count < Viewer.backlogLimit else { return }
    owesClipboard = false
    guard abilities.extendedClipboard else {
      let bytes = clipboard.unicodeScalars.map { $0.value < 256 ? UInt8($0.value) : 0x3f }
      output += [3, 0, 0, 0] + Viewer.long(bytes.count) + bytes
      return
    }
    if takesNotices {
      sendClipboard(Clip.notify | Clip.text)
    } else if clipboard.utf8.count < unsolicitedLimit {
      provideClipboard()
    }
  }
}
