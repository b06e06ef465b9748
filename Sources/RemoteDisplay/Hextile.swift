import Base

/// Areas in Hextile (RFC 6143, 7.7.4): tiles of sixteen by sixteen pixels, each a background with rectangles, or raw.
struct Hextile {
  private enum Flag {
    static let raw: UInt8 = 1, background: UInt8 = 2, foreground: UInt8 = 4, subrects: UInt8 = 8, coloured: UInt8 = 16
  }
  private let format: PixelFormat
  /// What the viewer remembers of the tile before.
  private var background: UInt32?, foreground: UInt32?
  // Kept from tile to tile: nothing is allocated for one.
  private var pixels: [UInt32] = []
  private var table = ColourTable()
  private var body: [UInt8] = []
  /// Pixels of each row that are in a rectangle, or of the background: bit x.
  private var done = [UInt16](repeating: 0, count: 16)

  private init(_ format: PixelFormat) {
    self.format = format
    pixels.reserveCapacity(256)
    body.reserveCapacity(2048)
  }

  static func encode(_ picture: Picture, _ area: ScreenArea, _ format: PixelFormat, _ output: inout [UInt8]) {
    var hextile = Hextile(format)
    for y in stride(from: area.y, to: area.y + area.height, by: 16) {
      for x in stride(from: area.x, to: area.x + area.width, by: 16) {
        let tile = ScreenArea(
          x: x, y: y, width: min(16, area.x + area.width - x), height: min(16, area.y + area.height - y))
        picture.copy(tile, to: &hextile.pixels)
        hextile.encode(tile.width, tile.height, &output)
      }
    }
  }

  private mutating func encode(_ width: Int, _ height: Int, _ output: inout [UInt8]) {
    let rawSize = pixels.count * format.bytesPerPixel
    guard let most = count(rawSize) else { return appendRaw(&output) }
    var flags: UInt8 = 0
    body.removeAll(keepingCapacity: true)
    if background != most {
      flags |= Flag.background
      format.append(most, to: &body)
    }
    if table.count > 1 {
      flags |= Flag.subrects
      let only = table.count == 2 ? table.colours[table.colours[0] == most ? 1 : 0] : nil
      if let only {
        if foreground != only {
          flags |= Flag.foreground
          format.append(only, to: &body)
        }
      } else {
        flags |= Flag.coloured
      }
      guard appendRectangles(width, height, background: most, isColoured: only == nil, limit: rawSize) else {
        return appendRaw(&output)
      }
      // After coloured ones the foreground is not defined either.
      foreground = only
    }
    background = most
    output.append(flags)
    output += body
  }
  private mutating func appendRaw(_ output: inout [UInt8]) {
    output.append(Flag.raw)
    format.append(pixels[...], to: &output)
    // What a viewer remembers after a raw tile is not said.
    (background, foreground) = (nil, nil)
  }
  /// Counts the colours; the one that is there most, or nil when they are so many that raw is shorter.
  private mutating func count(_ rawSize: Int) -> UInt32? {
    table.reset()
    // Each colour but the background's needs a rectangle at least.
    let limit = rawSize / (format.bytesPerPixel + 2) + 1
    for colour in pixels {
      guard table.add(colour), table.count <= limit else { return nil }
    }
    var best = 0
    for number in 1..<max(1, table.count) {
      // Ties are decided by the colour, so that the same picture gives the same bytes.
      let (a, b) = (table.occurrences[number], table.occurrences[best])
      if a > b || a == b && table.colours[number] > table.colours[best] { best = number }
    }
    return table.colours[best]
  }

  /// Adds all that is not background as rectangles, behind their number; false when raw is no longer.
  private mutating func appendRectangles(
    _ width: Int, _ height: Int, background: UInt32, isColoured: Bool, limit: Int
  ) -> Bool {
    let countAt = body.count
    body.append(0)
    var count = 0
    for y in 0..<height {
      var row: UInt16 = 0
      for x in 0..<width where pixels[y &* width &+ x] == background { row |= 1 << UInt16(x) }
      done[y] = row
    }
    for y in 0..<height {
      for x in 0..<width where done[y] >> UInt16(x) & 1 == 0 {
        let colour = pixels[y &* width &+ x]
        var right = x &+ 1
        while right < width, done[y] >> UInt16(right) & 1 == 0, pixels[y &* width &+ right] == colour { right &+= 1 }
        let mask = UInt16(truncatingIfNeeded: (1 << (right &- x) &- 1) << x)
        done[y] |= mask
        var bottom = y &+ 1
        while bottom < height, done[bottom] & mask == 0, isRow(bottom &* width, x..<right, colour) {
          done[bottom] |= mask
          bottom &+= 1
        }
        count += 1
        if isColoured { format.append(colour, to: &body) }
        body.append(UInt8(x << 4 | y))
        body.append(UInt8((right - x - 1) << 4 | (bottom - y - 1)))
        guard count <= 255, body.count < limit else { return false }
      }
    }
    body[countAt] = UInt8(count)
    return true
  }
  private func isRow(_ start: Int, _ columns: Range<Int>, _ colour: UInt32) -> Bool {
    for x in columns where pixels[start &+ x] != colour { return false }
    return true
  }
}
