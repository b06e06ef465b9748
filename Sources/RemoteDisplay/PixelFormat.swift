/// How a viewer wants pixels (RFC 6143, 7.4).
struct PixelFormat: Equatable, Sendable {
  var bitsPerPixel: UInt8 = 32
  var depth: UInt8 = 24
  var isBigEndian = false
  var isTrueColour = true
  var maximum: (red: UInt16, green: UInt16, blue: UInt16) = (255, 255, 255)
  var shift: (red: UInt8, green: UInt8, blue: UInt8) = (16, 8, 0)

  static func == (a: PixelFormat, b: PixelFormat) -> Bool { a.bytes == b.bytes }

  init() {}
  /// Nil when the sixteen bytes describe no pixels.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == 16, [8, 16, 32].contains(bytes[0]) else { return nil }
    func half(_ at: Int) -> UInt16 { UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1]) }
    bitsPerPixel = bytes[0]
    depth = bytes[1]
    isBigEndian = bytes[2] != 0
    isTrueColour = bytes[3] != 0
    maximum = (half(4), half(6), half(8))
    shift = (bytes[10], bytes[11], bytes[12])
    guard isTrueColour else {
      guard bitsPerPixel == 8 else { return nil }
      // A map of 3, 3 and 2 bits, which the viewer is told.
      maximum = (7, 7, 3)
      shift = (5, 2, 0)
      return
    }
    for (maximum, shift) in [(maximum.red, shift.red), (maximum.green, shift.green), (maximum.blue, shift.blue)] {
      guard maximum > 0, maximum & (maximum &+ 1) == 0, shift < 32,
        UInt64(maximum) << UInt64(shift) < 1 << UInt64(bitsPerPixel)
      else { return nil }
    }
  }

  var bytes: [UInt8] {
    [bitsPerPixel, depth, isBigEndian ? 1 : 0, isTrueColour ? 1 : 0]
      + [maximum.red, maximum.green, maximum.blue].flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
      + [shift.red, shift.green, shift.blue, 0, 0, 0]
  }
  var bytesPerPixel: Int { Int(bitsPerPixel) / 8 }

  /// A colour 00RRGGBBh in this format.
  func value(_ colour: UInt32) -> UInt32 {
    func scaled(_ component: UInt32, _ maximum: UInt16) -> UInt32 { (component * UInt32(maximum) + 127) / 255 }
    return scaled(colour >> 16 & 255, maximum.red) << UInt32(shift.red)
      | scaled(colour >> 8 & 255, maximum.green) << UInt32(shift.green)
      | scaled(colour & 255, maximum.blue) << UInt32(shift.blue)
  }
  /// Our own colours as they stand, which spares the arithmetic.
  private var isNative: Bool {
    bitsPerPixel == 32 && maximum == (255, 255, 255) && shift == (16, 8, 0)
  }

  /// The same, byte by byte as this host stores them.
  var isOurs: Bool { isNative && !isBigEndian && isTrueColour }

  func append(_ colour: UInt32, to output: inout [UInt8]) {
    let value = isNative ? colour & 0xff_ffff : value(colour)
    switch (bitsPerPixel, isBigEndian) {
    case (8, _): output.append(UInt8(truncatingIfNeeded: value))
    case (16, true):
      output.append(UInt8(truncatingIfNeeded: value >> 8))
      output.append(UInt8(truncatingIfNeeded: value))
    case (16, false):
      output.append(UInt8(truncatingIfNeeded: value))
      output.append(UInt8(truncatingIfNeeded: value >> 8))
    case (_, true):
      for shift in [24, 16, 8, 0] as [UInt32] { output.append(UInt8(truncatingIfNeeded: value >> shift)) }
    default:
      for shift in [0, 8, 16, 24] as [UInt32] { output.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
  }

  /// The same for a row.
  func append(_ colours: ArraySlice<UInt32>, to output: inout [UInt8]) {
    guard isOurs else {
      for colour in colours { append(colour, to: &output) }
      return
    }
    // What a viewer on this host wants: four bytes a pixel, moved and nothing else.
    PixelFormat.move(colours, bytes: 4, to: &output)
  }

  /// Whether ZRLE sends the low three bytes of a pixel or the high ones (7.7.5); nil: all four.
  private var compactIsLow: Bool? {
    guard bitsPerPixel == 32, isTrueColour, depth <= 24 else { return nil }
    let used =
      UInt64(maximum.red) << UInt64(shift.red) | UInt64(maximum.green) << UInt64(shift.green)
      | UInt64(maximum.blue) << UInt64(shift.blue)
    if used < 1 << 24 { return true }
    return used & 0xff == 0 ? false : nil
  }
  var compactBytes: Int { compactIsLow == nil ? bytesPerPixel : 3 }
  func appendCompact(_ colour: UInt32, to output: inout [UInt8]) {
    guard let compactIsLow else {
      append(colour, to: &output)
      return
    }
    let value = (isNative ? colour & 0xff_ffff : value(colour)) >> (compactIsLow ? 0 : 8)
    let shifts: [UInt32] = isBigEndian ? [16, 8, 0] : [0, 8, 16]
    for shift in shifts { output.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }
  /// The same for many.
  func appendCompact(_ colours: [UInt32], to output: inout [UInt8]) {
    guard isOurs, compactBytes == 3 else {
      for colour in colours { appendCompact(colour, to: &output) }
      return
    }
    PixelFormat.move(colours[...], bytes: 3, to: &output)
  }
  /// The low three bytes of each colour, in `size` bytes a pixel.
  private static func move(_ colours: ArraySlice<UInt32>, bytes size: Int, to output: inout [UInt8]) {
    var at = output.count
    output.append(contentsOf: repeatElement(0, count: colours.count * size))
    let pixels = colours.span
    var bytes = output.mutableSpan
    for index in pixels.indices {
      let colour = pixels[index]
      bytes[at] = UInt8(truncatingIfNeeded: colour)
      bytes[at &+ 1] = UInt8(truncatingIfNeeded: colour >> 8)
      bytes[at &+ 2] = UInt8(truncatingIfNeeded: colour >> 16)
      at &+= size
    }
  }
}
