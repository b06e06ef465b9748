import Base
import DeviceKit

/// Screen objects of SVGA II: monitors that the guest defines one by one, and the copies to and from them.
struct SVGAScreen: SavedState {
  enum Flag { static let primary: UInt32 = 2, deactivated: UInt32 = 8, blank: UInt32 = 0x10 }
  /// Whether there is such a screen.
  var isDefined = false
  var flags: UInt32 = 0
  var width: UInt32 = 0
  var height: UInt32 = 0
  /// Place among the others.
  var x: Int32 = 0
  var y: Int32 = 0
  /// Its picture in video memory, 32 bits a pixel.
  var start: UInt32 = 0
  var pitch: UInt32 = 0
  init() {}

  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("isDefined", &isDefined)
    try visit.field("flags", &flags)
    try visit.field("width", &width)
    try visit.field("height", &height)
    try visit.field("x", &x)
    try visit.field("y", &y)
    try visit.field("start", &start)
    try visit.field("pitch", &pitch)
  }

  /// Nil where there is nothing that video memory could hold in full.
  func area(memory size: Int) -> Scanout.Area? {
    guard isDefined,
      var area = Scanout.Area(
        width: Int(width), height: Int(height), bitsPerPixel: 32, pitch: Int(pitch), start: Int(start), memory: size),
      area.height == Int(height)
    else { return nil }
    area.x = Int(x)
    area.y = Int(y)
    area.isBlank = flags & Flag.blank != 0
    return area
  }
}

/// The picture in guest memory that copies come from and go to (GMRFB).
struct SVGAImage: SavedState {
  var region: UInt32 = SVGARegion.none
  var offset: UInt32 = 0
  var pitch: UInt32 = 0
  /// Bits of a pixel, and of these its colours: 32 and 24, 24 and 24, 16 and 16, 16 and 15.
  var bitsPerPixel: UInt8 = 32
  var depth: UInt8 = 24
  private static let maximumPitch: UInt32 = 1 << 24
  init() {}

  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("region", &region)
    try visit.field("offset", &offset)
    try visit.field("pitch", &pitch)
    try visit.field("bitsPerPixel", &bitsPerPixel)
    try visit.field("depth", &depth)
    guard isValid else { throw .outOfRange(field: "bitsPerPixel") }
  }
  var isValid: Bool {
    switch (bitsPerPixel, depth) {
    case (32, 24), (24, 24), (16, 16), (16, 15): pitch <= SVGAImage.maximumPitch
    default: false
    }
  }
  var bytesPerPixel: Int { Int(bitsPerPixel) / 8 }
  /// How `ScreenRenderer` calls the format.
  var format: Int { depth == 15 ? 15 : Int(bitsPerPixel) }
}

/// A rectangle of pixels that is being copied: its place on the screen, and in the picture.
private struct Copy {
  var screen: (x: Int, y: Int)
  var image: (x: Int, y: Int)
  var width: Int
  var height: Int

  /// Words of the commands: place in the picture; left, top, right, bottom on the screen. Nil for what is empty.
  init?(_ words: ArraySlice<UInt32>) {
    let numbers = words.map { Int(Int32(bitPattern: $0)) }
    guard numbers.count == 6, numbers[4] > numbers[2], numbers[5] > numbers[3] else { return nil }
    image = (numbers[0], numbers[1])
    screen = (numbers[2], numbers[3])
    width = numbers[4] - numbers[2]
    height = numbers[5] - numbers[3]
  }
  /// What of it lies on a screen, and not before the picture's first pixel.
  func clipped(width: Int, height: Int) -> Copy? {
    var part = self
    let left = max(0, -screen.x, -image.x), top = max(0, -screen.y, -image.y)
    part.screen = (screen.x + left, screen.y + top)
    part.image = (image.x + left, image.y + top)
    part.width = min(self.width - left, width - part.screen.x)
    part.height = min(self.height - top, height - part.screen.y)
    return part.width > 0 && part.height > 0 ? part : nil
  }
}

extension VGA {
  /// Bytes that one write of the guest's may have copied: some hundred times a large screen.
  static let copyLimit = 1 << 30

  /// Parameters of DEFINE_SCREEN: its own length in bytes, number, flags, size, place, picture; more may follow.
  mutating func defineScreen(_ reader: inout some SVGACommandSource, _ host: some DeviceServices) -> SVGAOutcome {
    guard let size = reader.next() else { return .incomplete }
    guard (40...256).contains(size), size & 3 == 0 else { return .nonsense }
    guard let words = reader.take(Int(size) / 4 - 1) else { return .incomplete }
    var screen = SVGAScreen()
    screen.isDefined = true
    screen.flags = words[1]
    (screen.width, screen.height) = (words[2], words[3])
    (screen.x, screen.y) = (Int32(bitPattern: words[4]), Int32(bitPattern: words[5]))
    screen.start = words[7]
    screen.pitch = words[8] == 0 ? screen.width &* 4 : words[8]
    let number = Int(words[0])
    guard number < min(monitors, SVGAState.maximumDisplays) else {
      host.log(.guestError, "SVGA screen \(number) of \(monitors)")
      return .done
    }
    guard words[6] == SVGARegion.frameBuffer, screen.area(memory: memory.size) != nil else {
      host.log(.guestError, "SVGA screen \(screen.width)x\(screen.height) that video memory does not hold")
      return .done
    }
    registers.svga?.screens[number] = screen
    scanoutChanged()
    return .done
  }
  mutating func destroyScreen(_ reader: inout some SVGACommandSource) -> SVGAOutcome {
    guard let number = reader.next() else { return .incomplete }
    if number < SVGAState.maximumDisplays { registers.svga?.screens[Int(number)] = SVGAScreen() }
    scanoutChanged()
    return .done
  }

  /// Parameters of DEFINE_GMRFB: region and offset, bytes from row to row, format.
  mutating func defineImage(_ reader: inout some SVGACommandSource) -> SVGAOutcome {
    guard let words = reader.take(4) else { return .incomplete }
    var image = SVGAImage()
    (image.region, image.offset, image.pitch) = (words[0], words[1], words[2])
    image.bitsPerPixel = UInt8(truncatingIfNeeded: words[3])
    image.depth = UInt8(truncatingIfNeeded: words[3] >> 8)
    guard image.isValid else { return .done }
    registers.svga?.image = image
    return .done
  }

  /// BLIT_GMRFB_TO_SCREEN and its way back: place in the picture, rectangle on the screen, number of the screen; all ones:
  /// the place is one among all screens.
  mutating func copyPixels(
    _ reader: inout some SVGACommandSource, toScreen: Bool, _ budget: inout Int, _ host: some DeviceServices
  ) -> SVGAOutcome {
    guard let words = reader.take(7) else { return .incomplete }
    guard let svga = registers.svga, let whole = Copy(words[..<6]) else { return .done }
    for (number, screen) in svga.screens.enumerated() where words[6] == UInt32(number) || words[6] == .max {
      guard let area = screen.area(memory: memory.size) else { continue }
      var copy = whole
      if words[6] == .max { copy.screen = (copy.screen.x - area.x, copy.screen.y - area.y) }
      guard let part = copy.clipped(width: area.width, height: area.height) else { continue }
      budget -= part.width * part.height * 4
      guard budget >= 0 else {
        host.log(.guestError, "SVGA copies more than can be seen")
        return .done
      }
      if toScreen { show(part, area, svga.image, host) } else { read(part, area, svga.image, host) }
    }
    return .done
  }

  private func show(_ copy: Copy, _ area: Scanout.Area, _ image: SVGAImage, _ host: some DeviceServices) {
    let count = copy.width * image.bytesPerPixel
    for row in 0..<copy.height {
      let from = Int(image.offset) + (copy.image.y + row) * Int(image.pitch) + copy.image.x * image.bytesPerPixel
      guard var bytes = regionRead(image.region, from, count: count, host) else { return }
      if image.bitsPerPixel != 32 {
        bytes = ScreenRenderer.unpacked(bytes, image.format, []).flatMap { pixel in
          [UInt8(truncatingIfNeeded: pixel), UInt8(truncatingIfNeeded: pixel >> 8), UInt8(pixel >> 16), 0]
        }
      }
      memory.write(area.start + (copy.screen.y + row) * area.pitch + copy.screen.x * 4, bytes)
    }
  }
  private func read(_ copy: Copy, _ area: Scanout.Area, _ image: SVGAImage, _ host: some DeviceServices) {
    for row in 0..<copy.height {
      let bytes = memory.read(
        area.start + (copy.screen.y + row) * area.pitch + copy.screen.x * 4, count: copy.width * 4)
      let to = Int(image.offset) + (copy.image.y + row) * Int(image.pitch) + copy.image.x * image.bytesPerPixel
      guard regionWrite(image.region, to, VGA.packed(bytes, image), host) else { return }
    }
  }

  /// Pixels of 32 bits in a picture's format.
  private static func packed(_ bytes: [UInt8], _ image: SVGAImage) -> [UInt8] {
    guard image.bitsPerPixel != 32 else { return bytes }
    return stride(from: 0, to: bytes.count - 3, by: 4).flatMap { at -> [UInt8] in
      let (blue, green, red) = (UInt16(bytes[at]), UInt16(bytes[at + 1]), UInt16(bytes[at + 2]))
      switch image.format {
      case 24: return [bytes[at], bytes[at + 1], bytes[at + 2]]
      case 16:
        let pixel = (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3
        return [UInt8(truncatingIfNeeded: pixel), UInt8(pixel >> 8)]
      default:
        let pixel = (red >> 3) << 10 | (green >> 3) << 5 | blue >> 3
        return [UInt8(truncatingIfNeeded: pixel), UInt8(pixel >> 8)]
      }
    }
  }
}
