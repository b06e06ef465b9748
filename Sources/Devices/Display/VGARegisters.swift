import Base

/// Everything a display adapter remembers besides its memory.
///
/// Rendering and text reading work on a copy of this, so that no lock is held while pixels are made.
///
/// - Spec: IBM PS/2 Hardware Interface Technical Reference, *Video Subsystem*; Intel 82-series graphics PRM volume 3
///   *VGA and Extended VGA Registers* (register and bit names).
public struct VGARegisters: SavedState {
  /// SR0-SR7.
  public var sequencer = [UInt8](repeating: 0, count: 8)
  /// CR0-CR18h.
  public var crtc = [UInt8](repeating: 0, count: 0x19)
  /// GR0-GR8.
  public var graphics = [UInt8](repeating: 0, count: 9)
  /// AR0-AR14h.
  public var attribute = [UInt8](repeating: 0, count: 0x15)
  /// SRX, at 3C4h.
  public var sequencerIndex: UInt8 = 0
  /// CRX, at 3x4h.
  public var crtcIndex: UInt8 = 0
  /// GRX, at 3CEh.
  public var graphicsIndex: UInt8 = 0
  /// ARX: register number in bits 4-0, bit 5 connects the palette to the display.
  public var attributeIndex: UInt8 = 0
  /// The next write to 3C0h is data.
  public var attributeWantsData = false
  /// MSR: write 3C2h, read 3CCh.
  public var miscellaneousOutput: UInt8 = 0
  /// FCR: write 3xAh, read 3CAh.
  public var featureControl: UInt8 = 0
  /// 3C3h; stored only.
  public var subsystemEnable: UInt8 = 1
  /// Red, green, blue of each entry, as written (6 bits each, or 8 with the 8-bit DAC).
  public var palette = [UInt8](repeating: 0, count: 768)
  /// 3C6h: ANDed to every colour number before the palette.
  public var pelMask: UInt8 = 0xff
  /// Entry that writes to 3C9h fill.
  public var dacWriteIndex: UInt8 = 0
  /// Entry that reads of 3C9h return.
  public var dacReadIndex: UInt8 = 0
  /// Which colour of the entry comes next, 0-2.
  public var dacComponent: UInt8 = 0
  /// The last access to the index was for reading.
  public var dacReading = false
  /// Red and green wait here until blue is written.
  public var dacPending = [UInt8](repeating: 0, count: 2)
  /// One byte a plane, plane 0 lowest.
  public var latches: UInt32 = 0
  /// The Bochs display interface.
  public var dispi = DISPIRegisters()
  /// Of adapters with HGSMI; saved by `VGA.State`.
  var hgsmi: HGSMIState?
  /// Of SVGA II adapters; saved by `VGA.State`.
  var svga: SVGAState?
  /// What is shown instead of the VGA's picture; follows from the others.
  public internal(set) var scanout: Scanout?
  public init() {}

  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.fixedBytes("sequencer", &sequencer)
    try visit.fixedBytes("crtc", &crtc)
    try visit.fixedBytes("graphics", &graphics)
    try visit.fixedBytes("attribute", &attribute)
    try visit.field("sequencerIndex", &sequencerIndex, in: 0...7)
    try visit.field("crtcIndex", &crtcIndex, in: 0...0x3f)
    try visit.field("graphicsIndex", &graphicsIndex, in: 0...0x0f)
    try visit.field("attributeIndex", &attributeIndex, in: 0...0x3f)
    try visit.field("attributeWantsData", &attributeWantsData)
    try visit.field("miscellaneousOutput", &miscellaneousOutput)
    try visit.field("featureControl", &featureControl)
    try visit.field("subsystemEnable", &subsystemEnable)
    try visit.fixedBytes("palette", &palette)
    try visit.field("pelMask", &pelMask)
    try visit.field("dacWriteIndex", &dacWriteIndex)
    try visit.field("dacReadIndex", &dacReadIndex)
    try visit.field("dacComponent", &dacComponent, in: 0...2)
    try visit.field("dacReading", &dacReading)
    try visit.fixedBytes("dacPending", &dacPending)
    try visit.field("latches", &latches)
    try visit.nested("dispi", &dispi)
  }

  // MARK: What the bits mean

  enum SR { static let clocking = 1, mapMask = 2, characterMap = 3, memoryMode = 4 }
  enum GR {
    static let setReset = 0, enableSetReset = 1, colorCompare = 2, dataRotate = 3, readMap = 4, mode = 5
    static let miscellaneous = 6, colorDontCare = 7, bitMask = 8
  }
  enum AR { static let mode = 0x10, overscan = 0x11, planeEnable = 0x12, panning = 0x13, colorSelect = 0x14 }

  /// Ports 3D4h-3DAh (else 3B4h-3BAh).
  var isColor: Bool { miscellaneousOutput & 1 != 0 }
  var isGraphics: Bool { graphics[GR.miscellaneous] & 1 != 0 }
  /// The screen shows nothing: display off (SR1 bit 5) or the palette disconnected (ARX bit 5).
  var isBlanked: Bool { sequencer[SR.clocking] & 0x20 != 0 || attributeIndex & 0x20 == 0 }
  var chain4: Bool { sequencer[SR.memoryMode] & 8 != 0 }
  /// Even CPU addresses reach planes 0 and 2, odd ones 1 and 3.
  var oddEvenWrites: Bool { sequencer[SR.memoryMode] & 4 == 0 }
  var oddEvenReads: Bool { graphics[GR.mode] & 0x10 != 0 }
  /// Dots of a character: 9, or 8 with SR1 bit 0.
  var characterWidth: Int { sequencer[SR.clocking] & 1 != 0 ? 8 : 9 }
  /// SR1 bit 3: each dot is two clocks wide.
  var halvedClock: Bool { sequencer[SR.clocking] & 8 != 0 }
  /// Character columns shown.
  var columns: Int { Int(crtc[1]) + 1 }
  /// Scan lines of a character row, before doubling.
  var rowHeight: Int { Int(crtc[9] & 0x1f) + 1 }
  /// CR9 bit 7: each scan line is shown twice.
  var scanDoubling: Bool { crtc[9] & 0x80 != 0 }
  /// CR17 bit 2: the line counter counts every other line.
  var verticalDoubling: Bool { crtc[0x17] & 4 != 0 }
  private func overflowed(_ low: Int, bit8: UInt8, bit9: UInt8) -> Int {
    Int(crtc[low]) | (crtc[7] & bit8 != 0 ? 0x100 : 0) | (crtc[7] & bit9 != 0 ? 0x200 : 0)
  }
  var verticalTotal: Int { overflowed(6, bit8: 0x01, bit9: 0x20) + 2 }
  var verticalDisplayEnd: Int { overflowed(0x12, bit8: 0x02, bit9: 0x40) + 1 }
  var verticalRetraceStart: Int { overflowed(0x10, bit8: 0x04, bit9: 0x80) }
  /// The line after which the address counter starts again from 0.
  var lineCompare: Int {
    Int(crtc[0x18]) | (crtc[7] & 0x10 != 0 ? 0x100 : 0) | (crtc[9] & 0x40 != 0 ? 0x200 : 0)
  }
  /// Scan lines shown.
  var scanLines: Int { verticalDisplayEnd << (verticalDoubling ? 1 : 0) }
  var startAddress: Int { Int(crtc[0x0c]) << 8 | Int(crtc[0x0d]) }
  /// What the address counter gains from row to row.
  var rowOffset: Int { Int(crtc[0x13]) * 2 }
  var cursorAddress: Int { Int(crtc[0x0e]) << 8 | Int(crtc[0x0f]) }
  /// Text: attribute bit 7 blinks instead of brightening the background.
  var blinkEnabled: Bool { attribute[AR.mode] & 8 != 0 }
  /// Whether CPU reads and writes of the memory window are let through.
  var memoryEnabled: Bool { miscellaneousOutput & 2 != 0 }

  /// Offset in plane 2 of the font for attribute bit 3 set (map A) or clear (map B).
  func fontOffset(mapA: Bool) -> Int {
    let select = sequencer[SR.characterMap]
    let number = mapA ? (select >> 2 & 3) | (select >> 3 & 4) : (select & 3) | (select >> 2 & 4)
    // Maps 0-3 lie at multiples of 16 KiB, maps 4-7 8 KiB behind them.
    return Int(number & 3) << 14 | Int(number >> 2) << 13
  }

  /// DAC entry behind a 4-bit colour of the attribute controller.
  func dacIndex(attributeColor color: UInt8) -> UInt8 {
    var value = attribute[Int(color & attribute[AR.planeEnable] & 15)] & 0x3f
    let select = attribute[AR.colorSelect]
    if attribute[AR.mode] & 0x80 != 0 { value = value & 0x0f | (select & 3) << 4 }
    return value | (select & 0x0c) << 4
  }
  /// 0x00RRGGBB of a DAC entry, after the PEL mask.
  func color(_ index: UInt8) -> UInt32 {
    let at = Int(index & pelMask) * 3
    let wide = dispi.dac8Bit
    func level(_ raw: UInt8) -> UInt32 {
      wide ? UInt32(raw) : UInt32((raw & 0x3f) << 2 | (raw & 0x3f) >> 4)
    }
    return level(palette[at]) << 16 | level(palette[at + 1]) << 8 | level(palette[at + 2])
  }
  /// The 16 colours of text and planar modes, 0x00RRGGBB.
  var attributeColors: [UInt32] { (0..<16).map { color(dacIndex(attributeColor: $0)) } }
  var allColors: [UInt32] { (0..<256).map { color(UInt8($0)) } }
}
