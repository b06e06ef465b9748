import Base

/// Where the beam is at a guest time: what input status register 1 tells.
extension VGARegisters {
  private enum IS1 { static let displayDisabled: UInt8 = 1, verticalRetrace: UInt8 = 8 }

  /// Dots a second. Clocks that a PLL would make are taken as the slower crystal.
  private var dotClock: UInt64 {
    let crystal: UInt64 = miscellaneousOutput >> 2 & 3 == 1 ? 28_322_000 : 25_175_000
    return halvedClock ? crystal / 2 : crystal
  }

  func inputStatus1(at time: VirtualTime) -> UInt8 {
    if dispi.enabled {
      // The interface has no timings: 60 frames a second, the last twentieth of each without picture.
      let phase = UInt64(max(0, time.nanoseconds)) % 16_666_667
      return phase >= 15_833_333 ? IS1.displayDisabled | IS1.verticalRetrace : 0
    }
    let lineDots = UInt64((Int(crtc[0]) + 5) * characterWidth)
    let total = UInt64(verticalTotal << (verticalDoubling ? 1 : 0))
    let dot = time.ticks(hertz: dotClock) % (lineDots * total)
    let line = Int(dot / lineDots) >> (verticalDoubling ? 1 : 0)
    let column = Int(dot % lineDots) / characterWidth
    var status: UInt8 = 0
    if line >= verticalDisplayEnd || column >= columns { status |= IS1.displayDisabled }
    // CR11 bits 3-0: the low bits of the line where retrace ends.
    let length = (Int(crtc[0x11] & 15) - verticalRetraceStart) & 15
    if line >= verticalRetraceStart, line < verticalRetraceStart + max(1, length) {
      status |= IS1.verticalRetrace | IS1.displayDisabled
    }
    return status
  }

  /// Frames since power-on, for blinking; text modes run at 70 Hz.
  func frameNumber(at time: VirtualTime) -> UInt64 { UInt64(max(0, time.nanoseconds)) / 14_285_714 }
  /// Cursors change every 8 frames, blinking characters every 16.
  func cursorBlinkOn(at time: VirtualTime) -> Bool { frameNumber(at: time) / 8 % 2 == 0 }
  func textBlinkOn(at time: VirtualTime) -> Bool { frameNumber(at: time) / 16 % 2 == 0 }
}
