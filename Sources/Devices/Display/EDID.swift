/// What a monitor says of itself: an EDID 1.4 block with the timing it likes best, and a CTA-861 extension with larger ones.
///
/// - Spec: VESA Enhanced EDID Standard release A revision 2 (the base block, by byte); VESA Coordinated Video Timings 1.1
///   with reduced blanking, version 1; CTA-861-F, 7.5 (the extension).
struct EDID: Equatable {
  /// A picture's size in pixels.
  struct Size: Equatable {
    var width: Int
    var height: Int
  }
  /// Twelve bits hold an extent, and widths are multiples of eight.
  static let largest = Size(width: 4088, height: 2304)
  static let smallest = Size(width: 64, height: 64)
  /// What a monitor likes before anybody says otherwise.
  static let usual = Size(width: 1024, height: 768)
  static let blockSize = 128

  /// Both blocks, 256 bytes.
  let bytes: [UInt8]

  /// - Parameters:
  ///   - preferred: what the first detailed timing shows; brought into what can be said.
  ///   - memory: bytes that a picture of four bytes a pixel has to fit into; larger sizes are left out.
  init(preferred: Size, memory: Int) {
    func fits(_ size: Size) -> Bool { size.width * size.height * 4 <= memory }
    let clamped = Size(
      width: min(EDID.largest.width, max(EDID.smallest.width, preferred.width)) & ~7,
      height: min(EDID.largest.height, max(EDID.smallest.height, preferred.height)))
    let first = fits(clamped) ? clamped : EDID.usual
    bytes = EDID.base(first, fits) + EDID.extended(first, fits)
  }

  // MARK: Base block

  private static func base(_ preferred: Size, _ fits: (Size) -> Bool) -> [UInt8] {
    var block: [UInt8] = [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]
    // Manufacturer "RBX", five bits a letter; product 1, no serial number; made in 2026; version 1.4.
    block += [0x48, 0x58, 0x01, 0x00, 0, 0, 0, 0, 0, 36, 1, 4]
    // Digital, 8 bits a colour, of no particular interface; size in cm; gamma 2.2; sRGB, and the preferred timing is native.
    let (width, height) = (millimetres(preferred.width), millimetres(preferred.height))
    block += [0xa0, UInt8(clamping: (width + 9) / 10), UInt8(clamping: (height + 9) / 10), 120, 0x06]
    // The primaries of sRGB and its white.
    block += [0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54]
    // Established: 640x480, 800x600 and 1024x768, each at 60 Hz.
    block += [0x21, 0x08, 0x00]
    block += standardTimings(fits)
    block += timing(preferred, on: preferred)
    // Range limits: 50-75 Hz, 15-255 kHz, 660 MHz, and no formula besides.
    block += [0, 0, 0, 0xfd, 0, 50, 75, 15, 255, 66, 1, 0x0a] + [UInt8](repeating: 0x20, count: 6)
    block += text(0xfc, "Ringbox")
    // A descriptor without meaning; one extension follows.
    block += [0, 0, 0, 0x10] + [UInt8](repeating: 0, count: 14) + [1]
    return block + [checksum(block)]
  }

  /// Eight sizes at 60 Hz: columns in eights less 31, and the shape in bits 7-6.
  private static func standardTimings(_ fits: (Size) -> Bool) -> [UInt8] {
    enum Shape { static let wide10: UInt8 = 0x00, four3: UInt8 = 0x40, five4: UInt8 = 0x80, wide9: UInt8 = 0xc0 }
    let sizes: [(size: Size, shape: UInt8)] = [
      (Size(width: 2048, height: 1152), Shape.wide9), (Size(width: 1920, height: 1200), Shape.wide10),
      (Size(width: 1920, height: 1080), Shape.wide9), (Size(width: 1680, height: 1050), Shape.wide10),
      (Size(width: 1600, height: 1200), Shape.four3), (Size(width: 1440, height: 900), Shape.wide10),
      (Size(width: 1280, height: 1024), Shape.five4), (Size(width: 1280, height: 720), Shape.wide9),
    ]
    var bytes: [UInt8] = []
    for (size, shape) in sizes where fits(size) { bytes += [UInt8(size.width / 8 - 31), shape] }
    while bytes.count < 16 { bytes += [1, 1] }
    return bytes
  }

  private static func text(_ tag: UInt8, _ text: String) -> [UInt8] {
    var letters = Array(text.utf8.prefix(13))
    if letters.count < 13 { letters.append(0x0a) }
    while letters.count < 13 { letters.append(0x20) }
    return [0, 0, 0, tag, 0] + letters
  }

  // MARK: Extension

  /// What the base block has no room for: detailed timings of large pictures.
  private static func extended(_ preferred: Size, _ fits: (Size) -> Bool) -> [UInt8] {
    let sizes = [
      Size(width: 3840, height: 2160), Size(width: 3440, height: 1440), Size(width: 2560, height: 1600),
      Size(width: 2560, height: 1440), Size(width: 1280, height: 800),
    ]
    // CTA-861 revision 3; timings begin at byte 7; underscan, and one native timing: the preferred. One data block: colours
    // have their full range, and all of a picture is seen (video capabilities, 7.5.6).
    var block: [UInt8] = [0x02, 0x03, 7, 0x81, 0xe2, 0x00, 0x4a]
    for size in sizes where fits(size) && size != preferred { block += timing(size, on: preferred) }
    block += [UInt8](repeating: 0, count: blockSize - 1 - block.count)
    return block + [checksum(block)]
  }

  // MARK: Timings

  /// A detailed timing descriptor at 60 Hz with reduced blanking (EDID, 3.10.2; CVT, 3.4.2).
  ///
  /// The monitor is as large as `shown` is at 96 pixels an inch, whatever it shows.
  private static func timing(_ size: Size, on shown: Size) -> [UInt8] {
    let (frontPorch, syncWidth, blank) = (48, 32, 160)
    // At least 460 µs of vertical blanking, in lines of what is left of a sixtieth of a second.
    let lines = 460_000 * size.height / (1_000_000_000 / 60 - 460_000) + 1
    let sync = verticalSync(size)
    let verticalBlank = max(lines, 3 + sync + 6)
    let pixels = (size.width + blank) * (size.height + verticalBlank)
    // In steps of 250 kHz, told in units of 10 kHz.
    let clock = pixels * 60 / 250_000 * 25
    let (width, height) = (millimetres(shown.width), millimetres(shown.height))
    func low(_ value: Int) -> UInt8 { UInt8(truncatingIfNeeded: value) }
    func high(_ a: Int, _ b: Int) -> UInt8 { UInt8(truncatingIfNeeded: (a >> 8) << 4 | b >> 8) }
    return [
      low(clock), low(clock >> 8), low(size.width), low(blank), high(size.width, blank), low(size.height),
      low(verticalBlank), high(size.height, verticalBlank), low(frontPorch), low(syncWidth), low(3 << 4 | sync), 0,
      low(width), low(height), high(width, height), 0, 0,
      // Separate digital sync, horizontal positive, vertical negative.
      0x1a,
    ]
  }
  /// CVT tells shapes by the lines of vertical sync.
  private static func verticalSync(_ size: Size) -> Int {
    let shapes = [(4, 3, 4), (16, 9, 5), (16, 10, 6), (5, 4, 7), (15, 9, 7)]
    return shapes.first { (size.height * $0.0 / $0.1) & ~7 == size.width }?.2 ?? 10
  }
  /// At 96 pixels an inch.
  private static func millimetres(_ pixels: Int) -> Int { pixels * 254 / 960 }
  /// All bytes of a block add up to 0.
  private static func checksum(_ block: [UInt8]) -> UInt8 { 0 &- block.reduce(0, &+) }
}
