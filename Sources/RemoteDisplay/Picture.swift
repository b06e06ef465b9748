/// A screen: rows from the top, 00RRGGBBh.
public struct Picture: Sendable, Equatable {
  /// Pixels in a row.
  public var width: Int
  /// Rows.
  public var height: Int
  /// Row by row, from the top left.
  public var pixels: [UInt32]
  /// The monitors that show parts of it; empty: one shows all.
  public var screens: [Area] = []

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
  /// The pixels of a part, row by row.
  func part(_ area: Area) -> [UInt32] {
    var result: [UInt32] = []
    result.reserveCapacity(area.width * area.height)
    for y in area.y..<(area.y + area.height) {
      result += pixels[(y * width + area.x)..<(y * width + area.x + area.width)]
    }
    return result
  }
}

/// A rectangle of a screen.
public struct Area: Sendable, Equatable {
  /// Distance from the left edge.
  public var x: Int
  /// Distance from the top edge.
  public var y: Int
  /// Columns.
  public var width: Int
  /// Rows.
  public var height: Int
  public init(x: Int, y: Int, width: Int, height: Int) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }
  var isEmpty: Bool { width <= 0 || height <= 0 }
  func intersection(_ other: Area) -> Area {
    let left = max(x, other.x), top = max(y, other.y)
    let right = min(x + width, other.x + other.width), bottom = min(y + height, other.y + other.height)
    return Area(x: left, y: top, width: max(0, right - left), height: max(0, bottom - top))
  }
}

/// What became different between two pictures of one size.
enum Difference {
  /// Sides of the squares that are compared.
  static let tile = 32

  /// Areas that cover every changed pixel inside `clip`, in whole tiles, joined where they form rectangles.
  static func areas(from old: Picture, to new: Picture, clip: Area) -> [Area] {
    var result: [Area] = []
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
  private static func runs(_ old: Picture, _ new: Picture, _ clip: Area, _ y: Int, _ height: Int) -> [Area] {
    var runs: [Area] = []
    var x = clip.x
    while x < clip.x + clip.width {
      let width = min(tile, clip.x + clip.width - x)
      if differs(old, new, Area(x: x, y: y, width: width, height: height)) {
        if let last = runs.last, last.x + last.width == x {
          runs[runs.count - 1].width += width
        } else {
          runs.append(Area(x: x, y: y, width: width, height: height))
        }
      }
      x += width
    }
    return runs
  }
  private static func differs(_ old: Picture, _ new: Picture, _ area: Area) -> Bool {
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
    var area: Area
    /// Where it came from.
    var fromY: Int
  }
  /// Fewer rows than this are not worth a search.
  private static let leastRows = 32

  static func scroll(from old: Picture, to new: Picture) -> Scroll? {
    guard new.height >= leastRows else { return nil }
    let before = rowHashes(old), after = rowHashes(new)
    let changed = (0..<new.height).filter { before[$0] != after[$0] }
    guard changed.count >= leastRows else { return nil }
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
    let area = Area(x: 0, y: best.lowerBound, width: new.width, height: best.count)
    let source = Area(x: 0, y: best.lowerBound + distance, width: new.width, height: best.count)
    guard old.part(source) == new.part(area) else { return nil }
    return Scroll(area: area, fromY: source.y)
  }
  private static func rowHashes(_ picture: Picture) -> [UInt64] {
    let pixels = picture.pixels.span
    return (0..<picture.height).map { y in
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      for index in (y &* picture.width)..<((y &+ 1) &* picture.width) {
        hash = (hash ^ UInt64(pixels[index])) &* 0x100_0000_01b3
        hash ^= hash >> 29
      }
      return hash
    }
  }
}
