import Base

/// Makes the dots of single scan lines of the standard VGA modes: what CRT, graphics and attribute controllers do
/// between memory and DAC.
struct ScanLine {
  private let registers: VGARegisters
  private let memory: VideoMemory
  private let colors: [UInt32]
  private let palette: [UInt32]
  private let cursorShown: Bool
  private let textBlinkOn: Bool
  private let columns: Int
  /// Dots to leave out on the left.
  let panning: Int

  init(_ registers: VGARegisters, _ memory: VideoMemory, _ time: VirtualTime) {
    self.registers = registers
    self.memory = memory
    colors = registers.attributeColors
    palette = registers.isGraphics && registers.graphics[VGARegisters.GR.mode] & 0x40 != 0 ? registers.allColors : []
    cursorShown = registers.crtc[0x0a] & 0x20 == 0 && registers.cursorBlinkOn(at: time)
    textBlinkOn = registers.textBlinkOn(at: time)
    columns = registers.columns
    let value = Int(registers.attribute[VGARegisters.AR.panning])
    // With nine dots 8 means none and 0-7 mean one to eight; with eight dots 0-7 count.
    panning = !registers.isGraphics && registers.characterWidth == 9 ? (value >= 8 ? 0 : value + 1) : value & 7
  }

  /// One line: `row` is the address counter at its left end, `scan` the line within the character row.
  func dots(row: Int, scan: Int) -> [UInt32] {
    if !registers.isGraphics { return textDots(row, scan) }
    var dots: [UInt32] = []
    dots.reserveCapacity((columns + 1) * 8)
    let mode = registers.graphics[VGARegisters.GR.mode]
    for column in 0...columns {
      let planes = memory.loadPlanes(planarAddress(row + column, scan))
      if mode & 0x40 != 0 {
        // 256 colours: a byte makes two dots.
        for shift in [0, 8, 16, 24] as [UInt32] {
          let color = palette[Int(planes >> shift & 0xff)]
          dots.append(color)
          dots.append(color)
        }
      } else if mode & 0x20 != 0 {
        ScanLine.appendInterleaved(planes, colors, to: &dots)
      } else {
        ScanLine.appendPlanar(planes, colors, to: &dots)
      }
    }
    return dots
  }

  /// Memory address of an address counter value: CR17 and CR14 choose how it is shifted, and which of its bits row scan
  /// bits replace. Addresses are packed as on the CPU's side (see `VGA`).
  private func planarAddress(_ counter: Int, _ scan: Int) -> Int {
    let mode = registers.crtc[0x17]
    var shift = mode & 0x40 != 0 ? 0 : 1
    if registers.crtc[0x14] & 0x40 != 0 { shift = 2 }
    var address = counter << shift
    if mode & 1 == 0 { address = address & ~0x2000 | (scan & 1) << 13 }
    if mode & 2 == 0 { address = address & ~0x4000 | (scan >> 1 & 1) << 14 }
    return (address >> shift) & 0xffff
  }

  /// Eight 4-bit pixels, one bit from each plane.
  static func appendPlanar(_ planes: UInt32, _ colors: [UInt32], to dots: inout [UInt32]) {
    for bit in (0..<8 as Range<UInt32>).reversed() {
      let bits = planes >> bit & 0x0101_0101
      // Gather bits 0, 8, 16 and 24 into a number.
      dots.append(colors[Int((bits | bits >> 7 | bits >> 14 | bits >> 21) & 15)])
    }
  }

  /// Shift register interleave (GR5 bit 5): pixels of two bits, four from planes 0 and 2, then four from planes 1 and 3.
  private static func appendInterleaved(_ planes: UInt32, _ colors: [UInt32], to dots: inout [UInt32]) {
    for half in [0, 8] as [UInt32] {
      for shift in [6, 4, 2, 0] as [UInt32] {
        let low = planes >> (half + shift) & 3
        let high = planes >> (half + 16 + shift) & 3
        dots.append(colors[Int(high << 2 | low)])
      }
    }
  }

  private func textDots(_ row: Int, _ scan: Int) -> [UInt32] {
    let width = registers.characterWidth
    let fonts = [registers.fontOffset(mapA: false), registers.fontOffset(mapA: true)]
    // AR10 bit 2: the line graphics codes join across the ninth dot.
    let joinsNinth = registers.attribute[VGARegisters.AR.mode] & 4 != 0
    let cursorHere =
      cursorShown && scan >= Int(registers.crtc[0x0a] & 0x1f) && scan <= Int(registers.crtc[0x0b] & 0x1f)
    var dots: [UInt32] = []
    dots.reserveCapacity((columns + 1) * width)
    for column in 0...columns {
      let address = (row + column) & 0xffff
      let planes = memory.loadPlanes(address)
      let code = UInt8(truncatingIfNeeded: planes)
      let attribute = UInt8(truncatingIfNeeded: planes >> 8)
      let glyph = fonts[Int(attribute >> 3 & 1)] + Int(code) * 32 + scan
      var pattern = UInt32(UInt8(truncatingIfNeeded: memory.loadPlanes(glyph) >> 16)) << 1
      if joinsNinth, code & 0xe0 == 0xc0 { pattern |= pattern >> 1 & 1 }
      if attribute & 0x77 == 1, scan == Int(registers.crtc[0x14] & 0x1f) { pattern = 0x1ff }
      var background = attribute >> 4
      if registers.blinkEnabled {
        background &= 7
        if attribute & 0x80 != 0, !textBlinkOn { pattern = 0 }
      }
      if cursorHere, address == registers.cursorAddress { pattern = 0x1ff }
      let ink = colors[Int(attribute & 15)]
      let paper = colors[Int(background)]
      for dot in 0..<UInt32(width) { dots.append(pattern >> (8 - dot) & 1 != 0 ? ink : paper) }
    }
    return dots
  }
}
