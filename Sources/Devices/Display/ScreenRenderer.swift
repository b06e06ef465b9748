import Base

/// Turns VGA registers and video memory into pictures.
///
/// The picture is what the cathode ray would draw between the blanks: modes with 200 lines come out doubled, modes with
/// 320 dots too. It is made from a copy of the registers at one moment, so palette changes within a frame do not show.
public struct ScreenRenderer {
  /// What the last picture was made of; equal means that unchanged memory gives unchanged pixels.
  private var lastRegisters: VGARegisters?
  /// The last picture.
  public private(set) var frame = Frame(width: 640, height: 480)
  public init() {}

  /// Draws the screen at guest time `time`.
  ///
  /// `dirtyPages`: one bit for each 4 KiB page of video memory that changed since the last call, when known; packed
  /// VBE modes then redraw only lines that lie in such pages.
  @discardableResult
  public mutating func render(
    _ registers: VGARegisters, _ memory: VideoMemory, time: VirtualTime, dirtyPages: [UInt64]? = nil
  ) -> Frame {
    var comparable = registers
    // What cannot be seen must not cause a redraw.
    comparable.latches = 0
    let unchanged = comparable == lastRegisters
    lastRegisters = comparable
    frame.monitors = []
    if let scanout = registers.scanout {
      draw(scanout, registers, memory)
      return frame
    }
    if registers.dispi.enabled {
      let mode = registers.dispi.mode(memory: memory.size)
      resize(mode.width, mode.height)
      if registers.isBlanked {
        fill(0)
      } else if mode.bitsPerPixel == 4 {
        drawPlanarVBE(registers, memory, mode)
      } else {
        drawPacked(registers, memory, mode, unchanged ? dirtyPages : nil)
      }
      return frame
    }
    let dots = registers.columns * (registers.isGraphics ? 8 : registers.characterWidth)
    resize(dots << (registers.halvedClock ? 1 : 0), registers.scanLines)
    if registers.sequencer[VGARegisters.SR.clocking] & 0x20 != 0 {
      fill(0)
    } else if registers.isBlanked {
      // A disconnected palette leaves the border colour.
      fill(registers.color(registers.attribute[VGARegisters.AR.overscan]))
    } else {
      drawStandard(registers, memory, time)
    }
    return frame
  }

  private mutating func resize(_ width: Int, _ height: Int) {
    guard frame.width != width || frame.height != height else { return }
    frame = Frame(width: width, height: height)
  }
  private mutating func fill(_ color: UInt32) {
    for index in frame.pixels.indices { frame.pixels[index] = color }
  }

  /// Writes a line of dots, skipping `skip` of them, each `repeats` pixels wide.
  private mutating func put(_ dots: [UInt32], line y: Int, skip: Int, repeats: Int) {
    let first = y * frame.width
    guard y < frame.height else { return }
    if repeats == 1 {
      let count = min(frame.width, dots.count - skip)
      guard count > 0 else { return }
      frame.pixels.replaceSubrange(first..<(first + count), with: dots[skip..<(skip + count)])
    } else {
      for x in 0..<frame.width where skip + x / repeats < dots.count {
        frame.pixels[first + x] = dots[skip + x / repeats]
      }
    }
  }

  // MARK: Standard modes

  private mutating func drawStandard(_ registers: VGARegisters, _ memory: VideoMemory, _ time: VirtualTime) {
    let line = ScanLine(registers, memory, time)
    let repeats = registers.halvedClock ? 2 : 1
    let height = registers.rowHeight
    var row = registers.startAddress
    // CR8: preset row scan and byte panning.
    var scan = min(Int(registers.crtc[8] & 0x1f), height - 1)
    var bytePanning = Int(registers.crtc[8] >> 5 & 3)
    var skip = line.panning
    var repetition = 0
    let split = registers.lineCompare << (registers.verticalDoubling ? 1 : 0)
    var dots: [UInt32] = []
    for y in 0..<frame.height {
      if repetition == 0 || dots.isEmpty { dots = line.dots(row: row + bytePanning, scan: scan) }
      put(dots, line: y, skip: skip, repeats: repeats)
      if y == split {
        row = 0
        scan = 0
        repetition = 0
        bytePanning = 0
        dots = []
        // AR10 bit 5: the lower part does not pan.
        if registers.attribute[VGARegisters.AR.mode] & 0x20 != 0 { skip = 0 }
        continue
      }
      repetition += 1
      guard repetition >= (registers.scanDoubling ? 2 : 1) * (registers.verticalDoubling ? 2 : 1) else { continue }
      repetition = 0
      scan += 1
      if scan >= height {
        scan = 0
        row += registers.rowOffset
      }
    }
  }

  // MARK: VBE modes

  private mutating func drawPlanarVBE(_ registers: VGARegisters, _ memory: VideoMemory, _ mode: DISPIRegisters.Mode) {
    let colors = registers.attributeColors
    for y in 0..<mode.height {
      var dots: [UInt32] = []
      dots.reserveCapacity(mode.width + 16)
      for byte in 0..<((mode.width + mode.skip + 7) / 8) {
        ScanLine.appendPlanar(memory.loadPlanes(mode.start + y * mode.pitch + byte), colors, to: &dots)
      }
      put(dots, line: y, skip: mode.skip, repeats: 1)
    }
  }

  private mutating func drawPacked(
    _ registers: VGARegisters, _ memory: VideoMemory, _ mode: DISPIRegisters.Mode, _ dirty: [UInt64]?
  ) {
    let colors = mode.bitsPerPixel == 8 ? registers.allColors : []
    let length = mode.width * ((mode.bitsPerPixel + 7) / 8)
    for y in 0..<mode.height {
      let start = mode.start + y * mode.pitch
      if let dirty, !ScreenRenderer.touches(dirty, start, length) { continue }
      let bytes = memory.read(start, count: length)
      put(ScreenRenderer.unpacked(bytes, mode.bitsPerPixel, colors), line: y, skip: 0, repeats: 1)
    }
  }

  // MARK: Other adapters

  private mutating func draw(_ scanout: Scanout, _ registers: VGARegisters, _ memory: VideoMemory) {
    let bounds = scanout.bounds
    resize(bounds.width, bounds.height)
    // What no monitor shows is black.
    if scanout.areas.count > 1 { fill(0) }
    for area in scanout.areas {
      let colors = area.bitsPerPixel == 8 ? registers.allColors : []
      let (left, top) = (area.x - bounds.x, area.y - bounds.y)
      let width = min(area.width, frame.width - left)
      guard width > 0 else { continue }
      for y in 0..<max(0, min(area.height, frame.height - top)) {
        let bytes = memory.read(area.start + y * area.pitch, count: width * area.bytesPerPixel)
        let dots =
          area.isBlank
          ? Array(repeating: 0, count: width) : ScreenRenderer.unpacked(bytes, area.bitsPerPixel, colors)
        let first = (top + y) * frame.width + left
        frame.pixels.replaceSubrange(first..<(first + width), with: dots)
      }
    }
    if scanout.areas.count > 1 { frame.monitors = scanout.areas.compactMap { monitor($0, bounds.x, bounds.y) } }
    if var pointer = scanout.pointer {
      pointer.x -= bounds.x
      pointer.y -= bounds.y
      lay(pointer)
    }
  }
  /// What of an area is in the picture.
  private func monitor(_ area: Scanout.Area, _ left: Int, _ top: Int) -> Frame.Monitor? {
    let (x, y) = (area.x - left, area.y - top)
    let width = min(area.width, frame.width - x), height = min(area.height, frame.height - y)
    return width > 0 && height > 0 ? Frame.Monitor(x: x, y: y, width: width, height: height) : nil
  }

  /// Colours of a pointer are multiplied by its alpha already.
  private mutating func lay(_ pointer: Scanout.Pointer) {
    guard pointer.width > 0 else { return }
    for (index, source) in pointer.pixels.enumerated() {
      let (x, y) = (pointer.x + index % pointer.width, pointer.y + index / pointer.width)
      let rest = 255 - source >> 24
      guard rest < 255, x >= 0, x < frame.width, y >= 0, y < frame.height else { continue }
      let under = frame.pixels[y * frame.width + x]
      let mixed = (0..<3).reduce(UInt32(0)) { sum, channel in
        let shift = UInt32(channel * 8)
        return sum | min(255, (source >> shift & 255) + (under >> shift & 255) * rest / 255) << shift
      }
      frame.pixels[y * frame.width + x] = mixed
    }
  }

  private static func touches(_ dirty: [UInt64], _ start: Int, _ length: Int) -> Bool {
    for page in (start >> 12)...((start + length - 1) >> 12) {
      guard page >> 6 < dirty.count else { return true }
      if dirty[page >> 6] >> UInt64(page & 63) & 1 != 0 { return true }
    }
    return false
  }

  /// Pixels of packed bytes, little-endian.
  static func unpacked(_ bytes: [UInt8], _ bitsPerPixel: Int, _ colors: [UInt32]) -> [UInt32] {
    func word(_ pixel: Int) -> UInt32 { UInt32(bytes[pixel * 2]) | UInt32(bytes[pixel * 2 + 1]) << 8 }
    func widened(_ value: UInt32, bits: UInt32) -> UInt32 { value << (8 - bits) | value >> (2 * bits - 8) }
    switch bitsPerPixel {
    case 8: return bytes.map { colors[Int($0)] }
    case 15:
      return (0..<(bytes.count / 2)).map {
        let pixel = word($0)
        return widened(pixel >> 10 & 31, bits: 5) << 16 | widened(pixel >> 5 & 31, bits: 5) << 8
          | widened(pixel & 31, bits: 5)
      }
    case 16:
      return (0..<(bytes.count / 2)).map {
        let pixel = word($0)
        return widened(pixel >> 11 & 31, bits: 5) << 16 | widened(pixel >> 5 & 63, bits: 6) << 8
          | widened(pixel & 31, bits: 5)
      }
    default:
      let step = bitsPerPixel == 24 ? 3 : 4
      return stride(from: 0, to: bytes.count - step + 1, by: step).map {
        UInt32(bytes[$0]) | UInt32(bytes[$0 + 1]) << 8 | UInt32(bytes[$0 + 2]) << 16
      }
    }
  }
}
