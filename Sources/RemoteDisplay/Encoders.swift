import Base
import Compression

/// Numbers of encodings and pseudo-encodings (RFC 6143, 7.7 and 7.8; the community's rfbproto.rst for the later ones).
enum Encoding {
  static let raw: Int32 = 0, copyRect: Int32 = 1, hextile: Int32 = 5, zrle: Int32 = 16
  static let cursor: Int32 = -239, desktopSize: Int32 = -223, extendedDesktopSize: Int32 = -308
  static let fence: Int32 = -312, continuousUpdates: Int32 = -313, extendedKeys: Int32 = -258
  static let pointerMotion: Int32 = -257, ledState: Int32 = -261
  static let extendedClipboard = Int32(bitPattern: 0xc0a1_e5ce)
}

/// Areas of a picture as bytes of an encoding.
enum Encoder {
  static func raw(_ picture: Picture, _ area: ScreenArea, _ format: PixelFormat, _ output: inout [UInt8]) {
    for y in area.y..<(area.y + area.height) {
      let row = y &* picture.width &+ area.x
      format.append(picture.pixels[row..<(row &+ area.width)], to: &output)
    }
  }

  // MARK: ZRLE (7.7.6)

  /// The tiles of an area, before they go through the viewer's zlib stream.
  static func zrleTiles(_ picture: Picture, _ area: ScreenArea, _ format: PixelFormat) -> [UInt8] {
    var output: [UInt8] = []
    var table = ColourTable()
    var pixels: [UInt32] = []
    pixels.reserveCapacity(64 * 64)
    for y in stride(from: area.y, to: area.y + area.height, by: 64) {
      for x in stride(from: area.x, to: area.x + area.width, by: 64) {
        let tile = ScreenArea(
          x: x, y: y, width: min(64, area.x + area.width - x), height: min(64, area.y + area.height - y))
        picture.copy(tile, to: &pixels)
        zrleTile(pixels, tile.width, format, &table, &output)
      }
    }
    return output
  }
  private static func zrleTile(
    _ pixels: [UInt32], _ width: Int, _ format: PixelFormat, _ table: inout ColourTable, _ output: inout [UInt8]
  ) {
    table.reset()
    var runs = 0
    var singles = 0
    var index = 0
    while index < pixels.count {
      let start = index
      while index < pixels.count, pixels[index] == pixels[start] { index += 1 }
      runs += 1
      if index - start == 1 { singles += 1 }
      if table.count <= 127 { _ = table.add(pixels[start]) }
    }
    if table.count == 1 {
      output.append(1)
      format.appendCompact(pixels[0], to: &output)
      return
    }
    let size = format.compactBytes
    let hasPalette = table.count <= 127
    let bits = table.count == 2 ? 1 : table.count <= 4 ? 2 : 4
    let rowBytes = (width * bits + 7) / 8
    // Estimates: runs longer than 255 need more, which only makes long runs better than they look.
    let packed = table.count <= 16 ? table.count * size + rowBytes * (pixels.count / width) : .max
    let paletteRuns = hasPalette ? table.count * size + 2 * runs - singles : .max
    let plainRuns = runs * (size + 1)
    switch min(packed, paletteRuns, plainRuns, pixels.count * size) {
    case packed: packedPalette(pixels, width, table, bits, format, &output)
    case paletteRuns: paletteRunLengths(pixels, table, format, &output)
    case plainRuns: plainRunLengths(pixels, format, &output)
    default:
      output.append(0)
      format.appendCompact(pixels, to: &output)
    }
  }
  private static func appendPalette(_ table: ColourTable, _ format: PixelFormat, _ output: inout [UInt8]) {
    for number in 0..<table.count { format.appendCompact(table.colours[number], to: &output) }
  }
  private static func packedPalette(
    _ pixels: [UInt32], _ width: Int, _ table: ColourTable, _ bits: Int, _ format: PixelFormat, _ output: inout [UInt8]
  ) {
    output.append(UInt8(table.count))
    appendPalette(table, format, &output)
    for row in stride(from: 0, to: pixels.count, by: width) {
      var byte: UInt8 = 0
      var filled = 0
      for colour in pixels[row..<(row + width)] {
        byte = byte << UInt8(bits) | UInt8(truncatingIfNeeded: table.number(of: colour))
        filled += bits
        if filled == 8 {
          output.append(byte)
          (byte, filled) = (0, 0)
        }
      }
      if filled > 0 { output.append(byte << UInt8(8 - filled)) }
    }
  }
  /// Indexes of a palette, with bit 7 set before a length.
  private static func paletteRunLengths(
    _ pixels: [UInt32], _ table: ColourTable, _ format: PixelFormat, _ output: inout [UInt8]
  ) {
    output.append(UInt8(128 + table.count))
    appendPalette(table, format, &output)
    var index = 0
    while index < pixels.count {
      let start = index
      while index < pixels.count, pixels[index] == pixels[start] { index += 1 }
      let number = UInt8(truncatingIfNeeded: table.number(of: pixels[start]))
      output.append(index - start == 1 ? number : number | 0x80)
      if index - start > 1 { appendLength(index - start, &output) }
    }
  }
  /// Every run with its colour and length.
  private static func plainRunLengths(_ pixels: [UInt32], _ format: PixelFormat, _ output: inout [UInt8]) {
    output.append(128)
    var index = 0
    while index < pixels.count {
      let start = index
      while index < pixels.count, pixels[index] == pixels[start] { index += 1 }
      format.appendCompact(pixels[start], to: &output)
      appendLength(index - start, &output)
    }
  }
  private static func appendLength(_ count: Int, _ output: inout [UInt8]) {
    var rest = count - 1
    while rest >= 255 {
      output.append(255)
      rest -= 255
    }
    output.append(UInt8(rest))
  }
}
