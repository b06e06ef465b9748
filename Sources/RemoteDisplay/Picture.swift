import Base

/// A screen: rows from the top, 00RRGGBBh.
public struct Picture: Sendable, Equatable {
  /// Pixels in a row.
  public var width: Int
  /// Rows.
  public var height: Int
  /// Row by row, from the top left.
  public var pixels: [UInt32]
  /// The monitors that show parts of it; empty: one shows all.
  public var screens: [ScreenArea] = []

  /// Nil when the size is none, too large for the protocol, or not that of the pixels.
  public init?(width: Int, height: Int, pixels: [UInt32]) {
    guard (1...Picture.sizeLimit).contains(width), (1...Picture.sizeLimit).contains(height),
      pixels.count == width * height
    else { return nil }
    (self.width, self.height, self.pixels) = (width, height, pixels)
  }
  /// A black one.
  public init(width: Int, height: Int) {
    self.width = min(max(1, width), Picture.sizeLimit)
    self.height = min(max(1, height), Picture.sizeLimit)
    pixels = [UInt32](repeating: 0, count: self.width * self.height)
  }
  /// Both dimensions at most.
  public static let sizeLimit = 8192

  /// The same at another size: cut off, or filled up with black.
  func resized(_ width: Int, _ height: Int) -> Picture {
    guard width != self.width || height != self.height else { return self }
    var result = Picture(width: width, height: height)
    let count = min(width, self.width)
    for y in 0..<min(height, self.height) {
      result.pixels.replaceSubrange(
        (y * width)..<(y * width + count), with: pixels[(y * self.width)..<(y * self.width + count)])
    }
    return result
  }
  /// The pixels of a part, row by row, in the place of what `target` held.
  func copy(_ area: ScreenArea, to target: inout [UInt32]) {
    target.removeAll(keepingCapacity: true)
    for y in area.y..<(area.y + area.height) {
      target += pixels[(y * width + area.x)..<(y * width + area.x + area.width)]
    }
  }
}

/// What became different between two pictures of one size.
enum Difference {
  /// Sides of the squares that are compared.
  static let tile = 32

  /// Areas that cover every changed pixel inside `clip`, in whole tiles, joined where they form rectangles.
  static func areas(from old: Picture, to new: Picture, clip: ScreenArea) -> [ScreenArea] {
    var result: [ScreenArea] = []
    // Areas that may grow downwards: index into `result`, keyed by where they begin and end.
    var open: [Int: Int] = [:]
    var y = clip.y
    while y < clip.y + clip.height {
      let height = min(tile, clip.y + clip.height - y)
      var next: [Int: Int] = [:]
      for run in runs(old, new, clip, y, height) {
        let key = run.x << 16 | run.width
        if let index = open[key] {
          result[index].height += height
          next[key] = index
        } else {
          next[key] = result.count
          result.append(run)
        }
      }
      open = next
      y += height
    }
    return result
  }
  private static func runs(_ old: Picture, _ new: Picture, _ clip: ScreenArea, _ y: Int, _ height: Int) -> [ScreenArea]
  {
    var runs: [ScreenArea] = []
    var x = clip.x
    while x < clip.x + clip.width {
      let width = min(tile, clip.x + clip.width - x)
      if differs(old, new, ScreenArea(x: x, y: y, width: width, height: height)) {
        if let last = runs.last, last.x + last.width == x {
          runs[runs.count - 1].width += width
        } else {
          runs.append(ScreenArea(x: x, y: y, width: width, height: height))
        }
      }
      x += width
    }
    return runs
  }
  private static func differs(_ old: Picture, _ new: Picture, _ area: ScreenArea) -> Bool {
    let (a, b) = (old.pixels.span, new.pixels.span)
    for y in area.y..<(area.y + area.height) {
      let start = y &* new.width &+ area.x
      var different: UInt32 = 0
      for index in start..<(start + area.width) { different |= a[index] ^ b[index] }
      if different != 0 { return true }
    }
    return false
  }

  /// A block of whole rows that moved up or down, as a console does when it scrolls.
  struct Scroll: Equatable {
    /// Where the block is now.
    var area: ScreenArea
    /// Where it came from.
    var fromY: Int
  }
  /// Fewer rows than this are not worth a search.
  private static let leastRows = 32

  static func scroll(from old: Picture, to new: Picture) -> Scroll? {
    guard new.height >= leastRows else { return nil }
    let changed = (0..<new.height).filter {
      differs(old, new, ScreenArea(x: 0, y: $0, width: new.width, height: 1))
    }
    guard changed.count >= leastRows else { return nil }
    let before = (0..<old.height).map { rowHash(old, $0) }
    var after = before
    for y in changed { after[y] = rowHash(new, y) }
    // Rows that occur once say where they went.
    var place: [UInt64: Int] = [:]
    for (y, hash) in before.enumerated() { place[hash] = place[hash] == nil ? y : -1 }
    var votes: [Int: Int] = [:]
    for y in changed { if let from = place[after[y]], from >= 0 { votes[from - y, default: 0] += 1 } }
    guard let (distance, count) = votes.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }), distance != 0,
      count >= leastRows / 2
    else { return nil }
    var best = 0..<0
    var start = 0
    for y in 0...new.height {
      let from = y + distance
      if y < new.height, (0..<new.height).contains(from), before[from] == after[y] { continue }
      if y - start > best.count { best = start..<y }
      start = y + 1
    }
    guard best.count >= leastRows else { return nil }
    // Hashes may lie; pixels do not.
    let area = ScreenArea(x: 0, y: best.lowerBound, width: new.width, height: best.count)
    let fromY = best.lowerBound + distance
    let source = old.pixels[(fromY * old.width)..<((fromY + best.count) * old.width)]
    guard source.elementsEqual(new.pixels[(area.y * new.width)..<((area.y + best.count) * new.width)]) else {
      return nil
    }
    return Scroll(area: area, fromY: fromY)
  }
  /// Four hashes side by side: a processor multiplies several numbers at once where none needs the one before.
  private static func rowHash(_ picture: Picture, _ y: Int) -> UInt64 {
    let pixels = picture.pixels.span
    let factor: UInt64 = 0x9e37_79b9_7f4a_7c15
    var (a, b, c, d) = (factor, factor << 1, factor << 2, factor << 3)
    var index = y &* picture.width
    let end = index &+ picture.width
    while index &+ 8 <= end {
      a = (a ^ (UInt64(pixels[index]) << 32 | UInt64(pixels[index &+ 1]))) &* factor
      b = (b ^ (UInt64(pixels[index &+ 2]) << 32 | UInt64(pixels[index &+ 3]))) &* factor
      c = (c ^ (UInt64(pixels[index &+ 4]) << 32 | UInt64(pixels[index &+ 5]))) &* factor
      d = (d ^ (UInt64(pixels[index &+ 6]) << 32 | UInt64(pixels[index &+ 7]))) &* factor
      (a, b, c, d) = (a ^ a >> 29, b ^ b >> 29, c ^ c >> 29, d ^ d >> 29)
      index &+= 8
    }
    while index < end {
      a = (a ^ UInt64(pixels[index])) &* factor
      a ^= a >> 29
      index &+= 1
    }
    return ((a &* 3 ^ b) &* 5 ^ c) &* 7 ^ d
  }
}
