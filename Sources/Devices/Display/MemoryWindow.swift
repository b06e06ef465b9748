import Base

/// The part of video memory that the guest sees as plain RAM at A0000h-BFFFFh.
///
/// While one is announced the machine may map `memory[offset ..< offset + size]` at `base` and spare itself the traps;
/// the device answers trapped accesses in the same way.
public struct LinearWindow: Sendable, Equatable {
  /// Guest-physical address.
  public var base: UInt64
  /// Bytes.
  public var size: Int
  /// Byte offset in the `VideoMemory`.
  public var offset: Int
  public init(base: UInt64, size: Int, offset: Int) {
    self.base = base
    self.size = size
    self.offset = offset
  }
}

/// How accesses at A0000h-BFFFFh reach the planes; derived from the registers whenever they change.
struct MemoryWindow: Equatable {
  enum Path {
    /// Nobody answers.
    case closed
    /// Byte n of the window is byte n of the memory.
    case linear
    /// Text as the BIOS sets it up: even bytes in plane 0, odd ones in plane 1, nothing in between.
    case text
    /// Through the graphics controller.
    case general
  }
  var path = Path.closed
  /// First offset from A0000h, and bytes from there.
  var start = 0
  var size = 0
  /// Added to the offset inside the window: bytes when linear, planar addresses otherwise.
  var bank = 0

  static let base: UInt64 = 0xa_0000
  static let reach = 0x2_0000

  init() {}
  init(_ registers: VGARegisters, memory: Int) {
    let packed = registers.dispi.enabled && registers.dispi.bitsPerPixel != 4
    bank = registers.dispi.enabled ? registers.dispi.bank << 16 : 0
    if packed {
      (path, start, size) = (.linear, 0, 0x1_0000)
      if bank + size > memory { path = .closed }
      return
    }
    guard registers.memoryEnabled else { return }
    // GR6 bits 3-2.
    switch registers.graphics[VGARegisters.GR.miscellaneous] >> 2 & 3 {
    case 0: (start, size) = (0, 0x2_0000)
    case 1: (start, size) = (0, 0x1_0000)
    case 2: (start, size) = (0x1_0000, 0x8000)
    default: (start, size) = (0x1_8000, 0x8000)
    }
    path = MemoryWindow.path(registers)
  }

  private static func path(_ registers: VGARegisters) -> Path {
    let graphics = registers.graphics
    // Write mode 0 and read mode 0 with all modifiers off: CPU bytes reach memory unchanged.
    let plain =
      graphics[VGARegisters.GR.enableSetReset] == 0 && graphics[VGARegisters.GR.dataRotate] == 0
      && graphics[VGARegisters.GR.bitMask] == 0xff && graphics[VGARegisters.GR.mode] & 0x0b == 0
    let mapMask = registers.sequencer[VGARegisters.SR.mapMask] & 15
    guard plain else { return .general }
    if registers.chain4 { return mapMask == 15 ? .linear : .general }
    let text =
      registers.oddEvenWrites && registers.oddEvenReads && mapMask == 3
      && graphics[VGARegisters.GR.readMap] & 2 == 0
    return text ? .text : .general
  }

  /// What the machine may map, page-aligned and inside `memory` bytes.
  func linear(memory: Int) -> LinearWindow? {
    guard path == .linear, bank + size <= memory else { return nil }
    return LinearWindow(base: MemoryWindow.base + UInt64(start), size: size, offset: bank)
  }
}

extension VGA {
  /// Copies bits 0-3 into all bits of bytes 0-3.
  @inline(__always)
  static func planes(_ bits: UInt8) -> UInt32 {
    // One multiplication puts bit n at bit 8n.
    ((UInt32(bits & 15) &* 0x0020_4081) & 0x0101_0101) &* 0xff
  }
  @inline(__always)
  private static func replicated(_ byte: UInt8) -> UInt32 { UInt32(byte) &* 0x0101_0101 }

  // MARK: Window

  mutating func windowRead(_ offset: UInt64, width: Int) -> UInt64 {
    guard let first = windowOffset(offset, width) else { return VGA.allOnes(width) }
    switch window.path {
    case .closed: return VGA.allOnes(width)
    case .linear: return memory.load(window.bank &+ first, width: width)
    case .text, .general:
      var value: UInt64 = 0
      for index in 0..<width { value |= UInt64(planarRead(first &+ index)) << UInt64(index * 8) }
      return value
    }
  }

  mutating func windowWrite(_ offset: UInt64, width: Int, _ value: UInt64) {
    guard let first = windowOffset(offset, width) else { return }
    switch window.path {
    case .closed: return
    case .linear: memory.store(window.bank &+ first, width: width, value)
    case .text:
      for index in 0..<width {
        let at = first &+ index
        memory.store8((at >> 1) << 2 | at & 1, UInt8(truncatingIfNeeded: value >> UInt64(index * 8)))
      }
    case .general:
      for index in 0..<width { planarWrite(first &+ index, UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }
  }

  /// Offset from the start of the window; nil for what does not lie in it entirely.
  @inline(__always)
  private func windowOffset(_ offset: UInt64, _ width: Int) -> Int? {
    guard width >= 1, width <= 8, offset < UInt64(MemoryWindow.reach) else { return nil }
    let first = Int(offset) &- window.start
    return first >= 0 && first &+ width <= window.size ? first : nil
  }
  static func allOnes(_ width: Int) -> UInt64 { width >= 8 ? .max : (1 << UInt64(max(0, width) * 8)) - 1 }

  // MARK: Graphics controller

  /// The planar address of a window byte, and the planes that CPU address bits choose (nil: the registers choose).
  @inline(__always)
  private func planarAddress(_ at: Int, oddEven: Bool) -> (index: Int, plane: UInt8?) {
    if registers.chain4 { return (at >> 2 &+ window.bank, UInt8(at & 3)) }
    if oddEven { return (at >> 1 &+ window.bank, UInt8(at & 1)) }
    return (at &+ window.bank, nil)
  }

  private mutating func planarRead(_ at: Int) -> UInt8 {
    let (index, chosen) = planarAddress(at, oddEven: registers.oddEvenReads)
    let planes = memory.loadPlanes(index)
    registers.latches = planes
    let graphics = registers.graphics
    if registers.chain4, let chosen { return UInt8(truncatingIfNeeded: planes >> (UInt32(chosen) * 8)) }
    if graphics[VGARegisters.GR.mode] & 8 != 0 {
      // Read mode 1: a bit is set where all cared-for planes equal the colour.
      let difference =
        (planes ^ VGA.planes(graphics[VGARegisters.GR.colorCompare]))
        & VGA.planes(graphics[VGARegisters.GR.colorDontCare])
      let halves = difference | difference >> 16
      return ~UInt8(truncatingIfNeeded: halves | halves >> 8)
    }
    var plane = graphics[VGARegisters.GR.readMap] & 3
    if let chosen { plane = plane & 2 | chosen }
    return UInt8(truncatingIfNeeded: planes >> (UInt32(plane) * 8))
  }

  private mutating func planarWrite(_ at: Int, _ byte: UInt8) {
    let (index, chosen) = planarAddress(at, oddEven: registers.oddEvenWrites)
    var enabled = registers.sequencer[VGARegisters.SR.mapMask]
    if let chosen { enabled &= registers.chain4 ? 1 << chosen : 5 << chosen }
    let mask = VGA.planes(enabled)
    guard mask != 0 else { return }
    let value = written(byte)
    memory.storePlanes(index, mask == .max ? value : memory.loadPlanes(index) & ~mask | value & mask)
  }

  /// What write modes 0-3 make of a CPU byte and the latches, for all four planes.
  private func written(_ byte: UInt8) -> UInt32 {
    let graphics = registers.graphics
    let latches = registers.latches
    let setReset = VGA.planes(graphics[VGARegisters.GR.setReset])
    let rotate = graphics[VGARegisters.GR.dataRotate] & 7
    let rotated = byte >> rotate | byte << ((8 - rotate) & 7)
    var bits = graphics[VGARegisters.GR.bitMask]
    var value: UInt32
    switch graphics[VGARegisters.GR.mode] & 3 {
    case 0:
      let enable = VGA.planes(graphics[VGARegisters.GR.enableSetReset])
      value = VGA.replicated(rotated) & ~enable | setReset & enable
    case 1: return latches
    case 2: value = VGA.planes(byte)
    default:
      bits &= rotated
      value = setReset
    }
    switch graphics[VGARegisters.GR.dataRotate] >> 3 & 3 {
    case 0: break
    case 1: value &= latches
    case 2: value |= latches
    default: value ^= latches
    }
    let mask = VGA.replicated(bits)
    return value & mask | latches & ~mask
  }
}
