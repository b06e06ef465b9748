import Base

/// The registers behind ports 1CEh and 1CFh: the Bochs VBE display interface, version B0C5h.
///
/// Values are kept as the guest wrote them; `mode` derives what is possible within the memory.
public struct DISPIRegisters: SavedState {
  /// Register numbers.
  enum Index {
    static let id = 0, xres = 1, yres = 2, bpp = 3, enable = 4, bank = 5, virtualWidth = 6, virtualHeight = 7
    static let xOffset = 8, yOffset = 9, memory64K = 10
    static let count = 11
  }
  /// Bits of the enable register.
  enum Enable {
    static let enabled: UInt16 = 0x01, getCapabilities: UInt16 = 0x02, dac8Bit: UInt16 = 0x20
    static let linearFrameBuffer: UInt16 = 0x40, noClear: UInt16 = 0x80
  }
  static let newestID: UInt16 = 0xb0c5
  /// Versions by which drivers ask for VirtualBox's interface: its first, HGSMI, any pitch.
  static let virtualBoxIDs: ClosedRange<UInt16> = 0xbe00...0xbe02
  static let maximum = (width: 4096, height: 2304, bitsPerPixel: 32)

  /// Register that port 1CFh reaches.
  public var index: UInt16 = 0
  /// Registers by number, as written.
  public var values: [UInt16] = {
    var values = [UInt16](repeating: 0, count: Index.count)
    values[Index.id] = DISPIRegisters.newestID
    values[Index.bpp] = 8
    return values
  }()
  public init() {}

  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("index", &index)
    try visit.fixedIntegers("values", &values, in: 0...UInt16.max)
  }

  var enabled: Bool { values[Index.enable] & Enable.enabled != 0 }
  var dac8Bit: Bool { values[Index.enable] & Enable.dac8Bit != 0 }
  /// 4 (planar), 8, 15, 16, 24 or 32.
  var bitsPerPixel: Int { Int(values[Index.bpp]) }
  /// The 64 KiB bank seen at A0000h (in planar modes: of each plane).
  var bank: Int { Int(values[Index.bank]) }

  /// What is displayed while the interface is enabled.
  struct Mode: Equatable {
    var width: Int
    var height: Int
    var bitsPerPixel: Int
    /// Bytes from line to line; in planar modes of each plane.
    var pitch: Int
    /// Byte offset of the first pixel's byte; in planar modes of each plane.
    var start: Int
    /// Pixels to skip in that byte (planar only).
    var skip: Int
  }

  /// The mode within `size` bytes of memory.
  func mode(memory size: Int) -> Mode {
    let planar = bitsPerPixel == 4
    let depth = max(1, (bitsPerPixel + 7) / 8)
    let bytes = planar ? size / 4 : size
    let width = min(DISPIRegisters.maximum.width, max(8, Int(values[Index.xres])))
    // A pitch that leaves no room for one line cannot be.
    let virtual = min(max(width, Int(values[Index.virtualWidth])), planar ? bytes * 8 : bytes / depth)
    let pitch = planar ? (virtual + 7) / 8 : virtual * depth
    let height = min(DISPIRegisters.maximum.height, max(1, min(Int(values[Index.yres]), bytes / pitch)))
    let x = Int(values[Index.xOffset])
    let start = Int(values[Index.yOffset]) * pitch + (planar ? x / 8 : x * depth)
    return Mode(
      width: width, height: height, bitsPerPixel: bitsPerPixel, pitch: pitch, start: start, skip: planar ? x & 7 : 0)
  }

  func read(memory size: Int) -> UInt16 {
    let mode = mode(memory: size)
    let capabilities = values[Index.enable] & Enable.getCapabilities != 0
    switch Int(index) {
    case Index.xres where capabilities: return UInt16(DISPIRegisters.maximum.width)
    case Index.yres where capabilities: return UInt16(DISPIRegisters.maximum.height)
    case Index.bpp where capabilities: return UInt16(DISPIRegisters.maximum.bitsPerPixel)
    case Index.virtualWidth where enabled:
      return UInt16(clamping: bitsPerPixel == 4 ? mode.pitch * 8 : mode.pitch / max(1, (bitsPerPixel + 7) / 8))
    case Index.virtualHeight:
      return UInt16(clamping: (bitsPerPixel == 4 ? size / 4 : size) / mode.pitch)
    case Index.memory64K: return UInt16(clamping: size >> 16)
    case 0..<Index.count: return values[Int(index)]
    default: return 0
    }
  }

  /// Stores a guest write. True when it switched the interface on with the wish for cleared memory.
  mutating func write(_ value: UInt16, memory size: Int) -> Bool {
    switch Int(index) {
    case Index.id:
      if (0xb0c0...DISPIRegisters.newestID).contains(value) { values[Index.id] = value }
    case Index.xres:
      if (1...DISPIRegisters.maximum.width).contains(Int(value)) { values[Index.xres] = value }
    case Index.yres:
      if (1...DISPIRegisters.maximum.height).contains(Int(value)) { values[Index.yres] = value }
    case Index.bpp:
      // 0 asked for 8 in the first version of the interface.
      let depth = value == 0 ? 8 : value
      if [4, 8, 15, 16, 24, 32].contains(depth) { values[Index.bpp] = depth }
    case Index.bank:
      if Int(value) < size >> 16 { values[Index.bank] = value }
    case Index.virtualWidth, Index.xOffset, Index.yOffset:
      values[Int(index)] = value
    case Index.enable:
      return setEnable(value)
    default:
      // The virtual height follows from the width; the memory size is fixed.
      break
    }
    return false
  }

  private mutating func setEnable(_ value: UInt16) -> Bool {
    let was = enabled
    values[Index.enable] = value & 0x00e3
    guard enabled != was else { return false }
    values[Index.bank] = 0
    guard enabled else { return false }
    values[Index.virtualWidth] = values[Index.xres]
    values[Index.xOffset] = 0
    values[Index.yOffset] = 0
    return value & Enable.noClear == 0
  }
}
