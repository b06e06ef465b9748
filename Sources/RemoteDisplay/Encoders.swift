import Compression

/// Numbers of encodings and pseudo-encodings (RFC 6143, 7.7 and 7.8; the community's rfbproto.rst for the later ones).
enum Encoding {
  static let raw: Int32 = 0, copyRect: Int32 = 1, hextile: Int32 = 5, zrle: Int32 = 16
  static let cursor: Int32 = -239, desktopSize: Int32 = -223, extendedDesktopSize: Int32 = -308
  static let fence: Int32 = -312, continuousUpdates: Int32 = -313, extendedKeys: Int32 = -258
  static let pointerMotion: Int32 = -257
  static let extendedClipboard = Int32(bitPattern: 0xc0a1_e5ce)
}

/// Areas of a picture as bytes of an encoding.
enum Encoder {
  static func raw(_ picture: Picture, _ area: Area, _ format: PixelFormat, _ output: inout [UInt8]) {
    if format.isOurs {
      // What a viewer on this host wants: four bytes a pixel, moved and nothing else.
      var at = output.count
      output.append(contentsOf: repeatElement(0, count: area.width * area.height * 4))
      let pixels = picture.pixels.span
      var bytes = output.mutableSpan
      for y in area.y..<(area.y + area.height) {
        let row = y &* picture.width &+ area.x
        for index in row..<(row &+ area.width) {
          let colour = pixels[index]
          bytes[at] = UInt8(truncatingIfNeeded: colour)
          bytes[at &+ 1] = UInt8(truncatingIfNeeded: colour >> 8)
          bytes[at &+ 2] = UInt8(truncatingIfNeeded: colour >> 16)
          at &+= 4
        }
      }
      return
    }
    output.reserveCapacity(output.count + area.width * area.height * format.bytesPerPixel)
    for colour in picture.part(area) { format.append(colour, to: &output) }
  }

  // MARK: Hextile (7.7.4)

  private enum Hextile {
    static let raw: UInt8 = 1, background: UInt8 = 2, foreground: UInt8 = 4, subrects: UInt8 = 8, coloured: UInt8 = 16
  }

  static func hextile(_ picture: Picture, _ area: Area, _ format: PixelFormat, _ output: inout [UInt8]) {
    var background: UInt32?
    var foreground: UInt32?
    for y in stride(from: area.y, to: area.y + area.height, by: 16) {
      for x in stride(from: area.x, to: area.x + area.width, by: 16) {
        let tile = Area(
          x: x, y: y, width: min(16, area.x + area.width - x), height: min(16, area.y + area.height - y))
        hextile(picture.part(tile), tile, format, &background, &foreground, &output)
      }
    }
  }
  private static func hextile(
    _ pixels: [UInt32], _ tile: Area, _ format: PixelFormat, _ background: inout UInt32?, _ foreground: inout UInt32?,
    _ output: inout [UInt8]
  ) {
    var counts: [UInt32: Int] = [:]
    for colour in pixels { counts[colour, default: 0] += 1 }
    // Ties are decided by the colour, so that the same picture gives the same bytes.
    let most = counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? 0
    var flags: UInt8 = 0
    var body: [UInt8] = []
    if background != most {
      flags |= Hextile.background
      format.append(most, to: &body)
    }
    if counts.count > 1 {
      flags |= Hextile.subrects
      let only = counts.count == 2 ? counts.keys.first { $0 != most } : nil
      if let only {
        if foreground != only {
          flags |= Hextile.foreground
          format.append(only, to: &body)
        }
      } else {
        flags |= Hextile.coloured
      }
      let rectangles = subrectangles(pixels, tile.width, tile.height, background: most)
      body.append(UInt8(truncatingIfNeeded: rectangles.count))
      for (colour, rectangle) in rectangles {
        if only == nil { format.append(colour, to: &body) }
        body.append(UInt8(rectangle.x << 4 | rectangle.y))
        body.append(UInt8((rectangle.width - 1) << 4 | (rectangle.height - 1)))
      }
      if rectangles.count > 255 || body.count >= pixels.count * format.bytesPerPixel {
        output.append(Hextile.raw)
        for colour in pixels { format.append(colour, to: &output) }
        // What a viewer remembers after a raw tile is not said.
        (background, foreground) = (nil, nil)
        return
      }
      // After coloured ones the foreground is not defined either.
      foreground = only
    }
    background = most
    output.append(flags)
    output += body
  }
  private static func subrectangles(
    _ pixels: [UInt32], _ width: Int, _ height: Int, background: UInt32
  ) -> [(UInt32, Area)] {
    var done = [Bool](repeating: false, count: pixels.count)
    var result: [(UInt32, Area)] = []
    for y in 0..<height {
      for x in 0..<width where !done[y * width + x] && pixels[y * width + x] != background {
        let colour = pixels[y * width + x]
        func isFree(_ x: Int, _ y: Int) -> Bool { pixels[y * width + x] == colour && !done[y * width + x] }
        var right = x + 1
        while right < width, isFree(right, y) { right += 1 }
        var bottom = y + 1
        while bottom < height, (x..<right).allSatisfy({ isFree($0, bottom) }) { bottom += 1 }
        for row in y..<bottom { for column in x..<right { done[row * width + column] = true } }
        result.append((colour, Area(x: x, y: y, width: right - x, height: bottom - y)))
      }
    }
    return result
  }

  // MARK: ZRLE (7.7.6)

  /// The tiles of an area, before they go through the viewer's zlib stream.
  static func zrleTiles(_ picture: Picture, _ area: Area, _ format: PixelFormat) -> [UInt8] {
    var output: [UInt8] = []
    for y in stride(from: area.y, to: area.y + area.height, by: 64) {
      for x in stride(from: area.x, to: area.x + area.width, by: 64) {
        let tile = Area(
          x: x, y: y, width: min(64, area.x + area.width - x), height: min(64, area.y + area.height - y))
        zrleTile(picture.part(tile), tile.width, format, &output)
      }
    }
    return output
  }
  private static func zrleTile(_ pixels: [UInt32], _ width: Int, _ format: PixelFormat, _ output: inout [UInt8]) {
    var palette: [UInt32: Int] = [:]
    var colours: [UInt32] = []
    var runs = 0
    var singles = 0
    var index = 0
    while index < pixels.count {
      let start = index
      while index < pixels.count, pixels[index] == pixels[start] { index += 1 }
      runs += 1
      if index - start == 1 { singles += 1 }
      if colours.count <= 127, palette[pixels[start]] == nil {
        palette[pixels[start]] = colours.count
        colours.append(pixels[start])
      }
    }
    if colours.count == 1 {
      output.append(1)
      format.appendCompact(colours[0], to: &output)
      return
    }
    let size = format.compactBytes
    let hasPalette = colours.count <= 127
    let bits = colours.count == 2 ? 1 : colours.count <= 4 ? 2 : 4
    let rowBytes = (width * bits + 7) / 8
    // Estimates: runs longer than 255 need more, which only makes long runs better than they look.
    let packed = colours.count <= 16 ? colours.count * size + rowBytes * (pixels.count / width) : .max
    let paletteRuns = hasPalette ? colours.count * size + 2 * runs - singles : .max
    let plainRuns = runs * (size + 1)
    switch min(packed, paletteRuns, plainRuns, pixels.count * size) {
    case packed: packedPalette(pixels, width, colours, palette, bits, format, &output)
    case paletteRuns: runLengths(pixels, colours, palette, format, &output)
    case plainRuns: runLengths(pixels, [], [:], format, &output)
    default:
      output.append(0)
      for colour in pixels { format.appendCompact(colour, to: &output) }
    }
  }
  private static func packedPalette(
    _ pixels: [UInt32], _ width: Int, _ colours: [UInt32], _ palette: [UInt32: Int], _ bits: Int,
    _ format: PixelFormat, _ output: inout [UInt8]
  ) {
    output.append(UInt8(colours.count))
    for colour in colours { format.appendCompact(colour, to: &output) }
    for row in stride(from: 0, to: pixels.count, by: width) {
      var byte: UInt8 = 0
      var filled = 0
      for colour in pixels[row..<(row + width)] {
        byte = byte << UInt8(bits) | UInt8(palette[colour] ?? 0)
        filled += bits
        if filled == 8 {
          output.append(byte)
          (byte, filled) = (0, 0)
        }
      }
      if filled > 0 { output.append(byte << UInt8(8 - filled)) }
    }
  }
  /// With a palette its indexes, with bit 7 set before a length; without one every run with its colour and length.
  private static func runLengths(
    _ pixels: [UInt32], _ colours: [UInt32], _ palette: [UInt32: Int], _ format: PixelFormat, _ output: inout [UInt8]
  ) {
    output.append(UInt8(128 + colours.count))
    for colour in colours { format.appendCompact(colour, to: &output) }
    var index = 0
    while index < pixels.count {
      let start = index
      while index < pixels.count, pixels[index] == pixels[start] { index += 1 }
      var length = index - start - 1
      if colours.isEmpty {
        format.appendCompact(pixels[start], to: &output)
      } else {
        let number = UInt8(palette[pixels[start]] ?? 0)
        output.append(length == 0 ? number : number | 0x80)
        if length == 0 { continue }
      }
      while length >= 255 {
        output.append(255)
        length -= 255
      }
      output.append(UInt8(length))
    }
  }
}
