import Base
import Compression

// Pictures for a viewer (RFC 6143, 7.6.1).
extension Viewer {
  /// Whether a picture is wanted now: one was asked for, and what was sent before has gone out.
  var isReady: Bool {
    phase == .running && !isClosed && !isClosing && output.count < Viewer.backlogLimit
      && (request != nil || continuous != nil)
  }

  /// Sends what is different in `screen`; nothing when nothing is, unless the viewer asked for all of it. Returns whether
  /// something was sent.
  /// - Parameter version: the same for the same screen: then nobody has to look for differences.
  @discardableResult
  mutating func update(_ screen: Picture, version: Int? = nil) -> Bool {
    guard isReady else { return false }
    // Small ones; pictures go straight into the output.
    var rectangles: [[UInt8]] = []
    if owesExtendedKeys {
      owesExtendedKeys = false
      rectangles.append(header(ScreenArea(x: 0, y: 0, width: 0, height: 0), Encoding.extendedKeys))
    }
    if owesMotion {
      payMotion()
      rectangles.append(header(ScreenArea(x: isRelative ? 0 : 1, y: 0, width: 0, height: 0), Encoding.pointerMotion))
    }
    if abilities.lights, shownLights != lights {
      shownLights = lights
      rectangles.append(header(ScreenArea(x: 0, y: 0, width: 0, height: 0), Encoding.ledState) + [lights.rawValue])
    }
    let resized = resize(to: screen, &rectangles)
    if owesCursor, abilities.cursor {
      owesCursor = false
      rectangles.append(cursor())
    }
    let picture = screen.resized(shown.width, shown.height)
    let whole = ScreenArea(x: 0, y: 0, width: shown.width, height: shown.height)
    let wanted = resized ? whole : clip(whole)
    let isIncremental = !resized && request?.isIncremental ?? true
    let isSame = version != nil && version == shownVersion
    var areas = [wanted]
    if isIncremental {
      if !isSame, wanted == whole { scroll(to: picture, &rectangles) }
      areas = isSame ? [] : Difference.areas(from: shown, to: picture, clip: wanted)
    }
    guard !rectangles.isEmpty || !areas.isEmpty else {
      if wanted == whole { shownVersion = version }
      return false
    }
    output += [0, 0] + Viewer.half(rectangles.count + areas.count)
    for rectangle in rectangles { output += rectangle }
    for area in areas { encode(picture, area) }
    if wanted == whole {
      shown = picture
      shownVersion = version
    } else {
      copy(picture, areas)
      shownVersion = nil
    }
    request = nil
    return true
  }

  private func clip(_ whole: ScreenArea) -> ScreenArea {
    guard let request else { return continuous?.intersection(whole) ?? whole }
    guard let continuous, request.isIncremental else { return request.area.intersection(whole) }
    return continuous.intersection(whole)
  }
  private mutating func copy(_ picture: Picture, _ areas: [ScreenArea]) {
    for area in areas {
      for y in area.y..<(area.y + area.height) {
        let row = (y * picture.width + area.x)..<(y * picture.width + area.x + area.width)
        shown.pixels.replaceSubrange(row, with: picture.pixels[row])
      }
    }
  }

  func header(_ area: ScreenArea, _ encoding: Int32) -> [UInt8] {
    Viewer.half(area.x) + Viewer.half(area.y) + Viewer.half(area.width) + Viewer.half(area.height)
      + Viewer.long(Int(encoding))
  }

  private mutating func encode(_ picture: Picture, _ area: ScreenArea) {
    for encoding in abilities.encodings {
      switch encoding {
      case Encoding.zrle:
        if deflate == nil { deflate = DeflateStream() }
        guard let deflate else { continue }
        let data = deflate.compress(Encoder.zrleTiles(picture, area, format))
        output += header(area, encoding) + Viewer.long(data.count)
        output += data
        return
      case Encoding.hextile:
        output += header(area, encoding)
        Hextile.encode(picture, area, format, &output)
        return
      case Encoding.raw: break
      default: continue
      }
      break
    }
    // Raw is understood by all.
    output += header(area, Encoding.raw)
    Encoder.raw(picture, area, format, &output)
  }

  private mutating func scroll(to picture: Picture, _ rectangles: inout [[UInt8]]) {
    guard abilities.encodings.contains(Encoding.copyRect), let scroll = Difference.scroll(from: shown, to: picture)
    else { return }
    rectangles.append(header(scroll.area, Encoding.copyRect) + Viewer.half(0) + Viewer.half(scroll.fromY))
    let moved = Array(shown.pixels[(scroll.fromY * shown.width)...].prefix(scroll.area.height * shown.width))
    let start = scroll.area.y * shown.width
    shown.pixels.replaceSubrange(start..<(start + moved.count), with: moved)
  }

  // MARK: Size and cursor

  /// Follows the screen's size when the viewer can; true when it changed.
  private mutating func resize(to screen: Picture, _ rectangles: inout [[UInt8]]) -> Bool {
    let isOther = screen.width != shown.width || screen.height != shown.height
    if screen.screens != shown.screens {
      shown.screens = screen.screens
      owesSize = owesSize || abilities.extendedDesktopSize
    }
    guard isOther, abilities.desktopSize || abilities.extendedDesktopSize else {
      if owesSize {
        owesSize = false
        rectangles.append(extendedSize(reason: 0, status: 0))
      }
      return false
    }
    owesSize = false
    shown = Picture(width: screen.width, height: screen.height)
    shown.screens = screen.screens
    shownVersion = nil
    if continuous != nil { continuous = ScreenArea(x: 0, y: 0, width: shown.width, height: shown.height) }
    if abilities.extendedDesktopSize {
      rectangles.append(extendedSize(reason: 0, status: 0))
    } else {
      rectangles.append(header(ScreenArea(x: 0, y: 0, width: shown.width, height: shown.height), Encoding.desktopSize))
    }
    return true
  }
  /// Each screen by a number, its place and its size; reason and status of all of it stand in the position.
  func extendedSize(reason: Int, status: Int) -> [UInt8] {
    let whole = ScreenArea(x: 0, y: 0, width: shown.width, height: shown.height)
    let screens = shown.screens.isEmpty ? [whole] : Array(shown.screens.prefix(255))
    var bytes = header(
      ScreenArea(x: reason, y: status, width: shown.width, height: shown.height), Encoding.extendedDesktopSize)
    bytes += [UInt8(screens.count), 0, 0, 0]
    for (number, screen) in screens.enumerated() {
      bytes += Viewer.long(number) + Viewer.half(screen.x) + Viewer.half(screen.y)
      bytes += Viewer.half(screen.width) + Viewer.half(screen.height) + Viewer.long(0)
    }
    return bytes
  }

  /// A small cross: the guest draws its own pointer, and this one shows where the viewer's hand is.
  private func cursor() -> [UInt8] {
    let size = 7
    var bytes = header(ScreenArea(x: 3, y: 3, width: size, height: size), Encoding.cursor)
    var mask: [UInt8] = []
    for y in 0..<size {
      var row: UInt8 = 0
      for x in 0..<size {
        let isInside = x == 3 || y == 3
        format.append(isInside && (x + y) & 1 == 0 ? 0xff_ffff : 0, to: &bytes)
        if isInside { row |= 0x80 >> UInt8(x) }
      }
      mask.append(row)
    }
    return bytes + mask
  }
}
