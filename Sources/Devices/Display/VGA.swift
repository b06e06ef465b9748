import Base
import DeviceKit

/// A VGA with the Bochs VBE display interface, as a PCI function.
///
/// BAR 0 is the video memory. A machine is expected to back that region with the memory itself (observe the mapping of
/// region `VGA.frameBufferRegion` and map `VideoMemory` there as RAM); trapped accesses give the same results. The
/// legacy window A0000h-BFFFFh traps, except while `linearWindow` says that it may be mapped, too; `windowChanged` is
/// called, with the device's lock held, whenever that changes.
///
/// Legacy ports and the window answer regardless of the PCI command register, as on a board whose bridge forwards them.
///
/// - Units: video memory offsets are bytes; see `VideoMemory` for the layout.
/// - Spec: IBM PS/2 Hardware Interface Technical Reference, *Video Subsystem*; FreeVGA register descriptions; the VBE
///   display interface as documented with Bochs (ports 1CEh/1CFh), with its memory-mapped form in BAR 2.
/// - Deviations: chain-4 and odd/even addresses are packed (address bits that select the plane do not also select the
///   byte), so data written in one addressing mode and looked at in another appears at other places than on IBM's
///   adapter. Light pen, vertical interrupt, border and horizontal/vertical blanking skews are not modelled.
public struct VGA: PCIDevice {
  /// All that survives a snapshot, the picture included.
  public struct State: SavedState {
    /// Everything but the memory and the PCI side.
    public var registers = VGARegisters()
    public var config = PCIConfigSpace()
    /// The video memory up to its last byte that is not zero.
    public var memory: [UInt8] = []
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("registers", &registers)
      try visit.nested("config", &config)
      try visit.bytes("memory", &memory, maximum: VideoMemory.maximumSize)
    }
  }

  enum PortRegion { static let mono = 0, color = 1, dispi = 2 }
  /// Regions of the descriptor that a machine maps by itself.
  public static let windowRegion = 3, frameBufferRegion = 4, registerRegion = 5, romRegion = 6
  private static let romEnable: UInt8 = 1
  private static let romRegister = 0x30

  public let descriptor: DeviceDescriptor
  /// The memory that is displayed; shared with whoever draws it.
  public let memory: VideoMemory
  /// A copy of these and `memory` are all that rendering needs.
  public internal(set) var registers = VGARegisters()
  public var config: PCIConfigSpace
  private let powerOnConfig: PCIConfigSpace
  private let rom: [UInt8]
  private let windowChanged: @Sendable (LinearWindow?) -> Void
  var window = MemoryWindow()
  /// What may be mapped as RAM at A0000h-BFFFFh; nil while accesses must trap.
  public private(set) var linearWindow: LinearWindow?
  public let barRegions: [(bar: Int, region: Int)] = [(0, VGA.frameBufferRegion), (2, VGA.registerRegion)]

  /// `memory`'s size should be a power of two: BAR 0 covers the next one. `rom`: a VGA BIOS for the expansion ROM BAR,
  /// or empty when firmware gets it elsewhere.
  public init(
    memory: VideoMemory, rom: [UInt8] = [], windowChanged: @escaping @Sendable (LinearWindow?) -> Void = { _ in }
  ) {
    self.memory = memory
    self.rom = Array(rom.prefix(1 << 20))
    self.windowChanged = windowChanged
    var barSize: UInt64 = 1 << 18
    while barSize < UInt64(memory.size) { barSize <<= 1 }
    var romSize: UInt64 = 2048
    while romSize < UInt64(self.rom.count) { romSize <<= 1 }
    descriptor = DeviceDescriptor(
      name: "vga",
      regions: [
        .ports(0x3b0...0x3bb, "VGA, monochrome addresses", accessWidth: 1),
        .ports(0x3c0...0x3df, "VGA", accessWidth: 1),
        .ports(0x1ce...0x1d0, "VBE display interface", accessWidth: 2),
        .memory(MemoryWindow.base, size: UInt64(MemoryWindow.reach), "VGA window"),
        Region(.memory, base: nil, size: barSize, "frame buffer"),
        Region(.memory, base: nil, size: 0x1000, "display registers"),
        Region(.memory, base: nil, size: romSize, "VGA BIOS"),
      ])
    config = PCIConfigSpace(
      vendor: 0x1234, device: 0x1111, classCode: 0x03_0000, revision: 2, subsystem: PCIConfigSpace.platform)
    config.defineBAR(0, size: barSize, kind: .memory32(prefetchable: true))
    config.defineBAR(2, size: 0x1000, kind: .memory32(prefetchable: false))
    if !self.rom.isEmpty {
      // Expansion ROM base address register: bit 0 enables, address from bit 11 (PCI 3.0, 6.2.5.2).
      let mask = UInt32(truncatingIfNeeded: ~(romSize - 1))
      for byte in 0..<4 {
        config.writable[VGA.romRegister + byte] = UInt8(truncatingIfNeeded: mask >> UInt32(byte * 8))
      }
      config.writable[VGA.romRegister] |= VGA.romEnable
    }
    powerOnConfig = config
  }

  public var state: State {
    get {
      var state = State()
      state.registers = registers
      state.config = config
      state.memory = memory.contents
      return state
    }
    set {
      registers = newValue.registers
      config = newValue.config
      memory.contents = newValue.memory
      window = MemoryWindow(registers, memory: memory.size)
    }
  }

  public mutating func reset(_ host: some DeviceServices) {
    registers = VGARegisters()
    config = powerOnConfig
    memory.clear(0, count: memory.size)
    placeRegions(host)
    registersChanged()
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    placeRegions(host)
    linearWindow = nil
    window = MemoryWindow()
    windowChanged(nil)
    registersChanged()
  }

  // MARK: PCI

  public mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices) {
    // The command register switches the ROM as well.
    placeROM(host)
  }
  private func placeRegions(_ host: some DeviceServices) {
    mapBARs(host)
    placeROM(host)
  }
  private func placeROM(_ host: some DeviceServices) {
    let register = config.get32(VGA.romRegister)
    let base = UInt64(register & 0xffff_f800)
    let enabled = !rom.isEmpty && register & 1 != 0 && config.bytes[4] & 2 != 0 && base != 0
    host.map(VGA.romRegion, at: enabled ? base : nil)
  }

  // MARK: Accesses

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    switch access.region {
    case PortRegion.mono: return portBytes(access, first: 0x3b0, last: 0x3bb, host)
    case PortRegion.color: return portBytes(access, first: 0x3c0, last: 0x3df, host)
    case PortRegion.dispi: return dispiPortRead(access.offset, access.width)
    case VGA.windowRegion: return windowRead(access.offset, width: access.width)
    case VGA.frameBufferRegion:
      guard access.offset < UInt64(memory.size) else { return .max }
      return memory.load(Int(access.offset), width: access.width)
    case VGA.registerRegion: return registerRead(access, host)
    case VGA.romRegion:
      var value: UInt64 = 0
      for index in 0..<min(8, max(0, access.width)) {
        let at = access.offset &+ UInt64(index)
        value |= UInt64(at < UInt64(rom.count) ? rom[Int(at)] : 0xff) << UInt64(index * 8)
      }
      return value
    default: return .max
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    switch access.region {
    case PortRegion.mono: writePortBytes(access, first: 0x3b0, last: 0x3bb, value)
    case PortRegion.color: writePortBytes(access, first: 0x3c0, last: 0x3df, value)
    case PortRegion.dispi: dispiPortWrite(access.offset, access.width, UInt16(truncatingIfNeeded: value))
    case VGA.windowRegion: windowWrite(access.offset, width: access.width, value)
    case VGA.frameBufferRegion:
      guard access.offset < UInt64(memory.size) else { return }
      memory.store(Int(access.offset), width: access.width, value)
    case VGA.registerRegion: registerWrite(access, value)
    default: break
    }
  }

  /// To be called after any change that affects the window.
  mutating func registersChanged() {
    window = MemoryWindow(registers, memory: memory.size)
    let linear = window.linear(memory: memory.size)
    guard linear != linearWindow else { return }
    linearWindow = linear
    windowChanged(linear)
  }

  public func info() -> String {
    let what: String
    if registers.dispi.enabled {
      let mode = registers.dispi.mode(memory: memory.size)
      what = "VBE \(mode.width)x\(mode.height)x\(mode.bitsPerPixel), pitch \(mode.pitch), start \(mode.start)"
    } else {
      what = "\(registers.isGraphics ? "graphics" : "text") \(registers.columns) columns, \(registers.scanLines) lines"
    }
    return "\(what)\(registers.isBlanked ? ", blank" : ""), window \(window.path), \(memory.size >> 20) MiB"
  }
}
