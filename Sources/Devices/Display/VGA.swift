import Base
import DeviceKit

/// A VGA with the Bochs VBE display interface, as a PCI function; on request one of the adapters that are more than that
/// (`GraphicsController`).
///
/// A machine is expected to back the region of the video memory with the memory itself (observe the mapping of region
/// `VGA.frameBufferRegion` and map `VideoMemory` there as RAM), and so `VGA.fifoRegion`; trapped accesses give the same
/// results. The
/// legacy window A0000h-BFFFFh traps, except while `linearWindow` says that it may be mapped, too; `windowChanged` is
/// called, with the device's lock held, whenever that changes.
///
/// Legacy ports and the window answer regardless of the PCI command register, as on a board whose bridge forwards them.
///
/// - Units: video memory offsets are bytes; see `VideoMemory` for the layout.
/// - Spec: IBM PS/2 Hardware Interface Technical Reference, *Video Subsystem*; FreeVGA register descriptions; the VBE
///   display interface as documented with Bochs (ports 1CEh/1CFh), with its memory-mapped form in BAR 2: the monitor's
///   EDID at 0, VGA ports at 400h, the interface's registers at 500h.
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
    /// The memory of the command FIFO up to its last byte that is not zero.
    public var fifo: [UInt8] = []
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      // What only some adapters have; a state is always loaded into one of its kind.
      var (hgsmi, svga) = (registers.hgsmi, registers.svga)
      try visit.nested("registers", &registers)
      try visit.nested("config", &config)
      try visit.bytes("memory", &memory, maximum: VideoMemory.maximumSize)
      if var value = hgsmi {
        try visit.nested("hgsmi", &value)
        hgsmi = value
      }
      if var value = svga {
        try visit.nested("svga", &value)
        try visit.bytes("fifo", &fifo, maximum: VideoMemory.maximumSize)
        svga = value
      }
      (registers.hgsmi, registers.svga) = (hgsmi, svga)
    }
  }

  enum PortRegion { static let mono = 0, color = 1, dispi = 2 }
  /// Regions of the descriptor that a machine maps by itself.
  public static let windowRegion = 3, frameBufferRegion = 4, registerRegion = 5, romRegion = 6
  /// Regions of SVGA II adapters.
  public static let svgaRegion = 7, fifoRegion = 8
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
  /// Which adapter this is.
  public let controller: GraphicsController
  /// Monitors that the guest may use.
  let monitors: Int
  /// The memory of the command FIFO, of adapters that have one.
  public let fifo: VideoMemory?
  public var barRegions: [(bar: Int, region: Int)] { controller.barRegions }

  /// What is beside the VGA.
  public struct Kind: Sendable {
    public var controller: GraphicsController
    /// 1 to 64.
    public var monitors: Int
    /// For adapters with a command FIFO; its size a power of two.
    public var fifo: VideoMemory?
    public init(_ controller: GraphicsController = .vga, monitors: Int = 1, fifo: VideoMemory? = nil) {
      self.controller = controller
      self.monitors = min(HGSMIState.maximumScreens, max(1, monitors))
      self.fifo = controller.hasSVGA ? fifo ?? VideoMemory(size: VideoMemory.minimumSize) : nil
    }
    /// The registers that are not the VGA's, as after power-on.
    func install(_ registers: inout VGARegisters) {
      registers.hgsmi = controller.hasHGSMI ? HGSMIState(monitors: monitors) : nil
      registers.svga = controller.hasSVGA ? SVGAState() : nil
    }
  }
  private let kind: Kind
  /// What the monitor says of itself, of adapters that have `registerRegion`. As a monitor it is beside the machine: neither
  /// a reset nor a saved state changes it.
  var edid: EDID

  /// `memory`'s size should be a power of two: its BAR covers the next one. `rom`: a VGA BIOS for the expansion ROM BAR,
  /// or empty when firmware gets it elsewhere.
  public init(
    memory: VideoMemory, rom: [UInt8] = [], kind: Kind = Kind(),
    windowChanged: @escaping @Sendable (LinearWindow?) -> Void = { _ in }
  ) {
    self.memory = memory
    self.kind = kind
    edid = EDID(preferred: EDID.usual, memory: memory.size)
    controller = kind.controller
    monitors = kind.monitors
    fifo = kind.fifo
    self.rom = Array(rom.prefix(1 << 20))
    self.windowChanged = windowChanged
    var barSize: UInt64 = 1 << 18
    while barSize < UInt64(memory.size) { barSize <<= 1 }
    var romSize: UInt64 = 2048
    while romSize < UInt64(self.rom.count) { romSize <<= 1 }
    descriptor = VGA.descriptor(kind, barSize: barSize, romSize: romSize)
    config = VGA.configuration(kind, descriptor)
    if !self.rom.isEmpty {
      // Expansion ROM base address register: bit 0 enables, address from bit 11 (PCI 3.0, 6.2.5.2).
      let mask = UInt32(truncatingIfNeeded: ~(romSize - 1))
      for byte in 0..<4 {
        config.writable[VGA.romRegister + byte] = UInt8(truncatingIfNeeded: mask >> UInt32(byte * 8))
      }
      config.writable[VGA.romRegister] |= VGA.romEnable
    }
    powerOnConfig = config
    kind.install(&registers)
  }

  private static func descriptor(_ kind: Kind, barSize: UInt64, romSize: UInt64) -> DeviceDescriptor {
    // Ports 3B0h, 3D0h and 1CFh are also dwords to drivers that know HGSMI.
    let wide = kind.controller.hasHGSMI
    var regions: [Region] = [
      .ports(0x3b0...0x3bb, "VGA, monochrome addresses", accessWidth: wide ? 4 : 1),
      .ports(0x3c0...0x3df, "VGA", accessWidth: wide ? 4 : 1),
      .ports(0x1ce...(wide ? 0x1d2 : 0x1d0), "VBE display interface", accessWidth: wide ? 4 : 2),
      .memory(MemoryWindow.base, size: UInt64(MemoryWindow.reach), "VGA window"),
      Region(.memory, base: nil, size: barSize, "frame buffer"),
      Region(.memory, base: nil, size: 0x1000, "display registers"),
      Region(.memory, base: nil, size: romSize, "VGA BIOS"),
    ]
    if let fifo = kind.fifo {
      regions.append(Region(.port, base: nil, size: 16, "SVGA registers"))
      regions.append(Region(.memory, base: nil, size: UInt64(fifo.size), "SVGA FIFO"))
    }
    return DeviceDescriptor(
      name: "vga", regions: regions, outputs: kind.controller.hasInterrupt ? ["inta"] : [],
      stateVersion: kind.controller.hasHGSMI || kind.controller.hasSVGA ? 2 : 1)
  }

  private static func configuration(_ kind: Kind, _ descriptor: DeviceDescriptor) -> PCIConfigSpace {
    let controller = kind.controller
    var config = PCIConfigSpace(
      vendor: controller.identity.vendor, device: controller.identity.device, classCode: 0x03_0000,
      revision: controller == .vga ? 2 : 0, subsystem: controller.subsystem,
      interruptPin: controller.hasInterrupt ? 1 : 0)
    for (bar, region) in controller.barRegions {
      let size = descriptor.regions[region].size
      let isPorts = descriptor.regions[region].space == .port
      config.defineBAR(
        bar, size: size, kind: isPorts ? .port : .memory32(prefetchable: region == VGA.frameBufferRegion))
    }
    return config
  }

  public var state: State {
    get {
      var state = State()
      state.registers = registers
      state.config = config
      state.memory = memory.contents
      if let fifo { state.fifo = fifo.contents }
      return state
    }
    set {
      registers = newValue.registers
      config = newValue.config
      memory.contents = newValue.memory
      fifo?.contents = newValue.fifo
      scanoutChanged()
      window = MemoryWindow(registers, memory: memory.size)
    }
  }

  public mutating func reset(_ host: some DeviceServices) {
    registers = VGARegisters()
    kind.install(&registers)
    config = powerOnConfig
    memory.clear(0, count: memory.size)
    fifo?.clear(0, count: fifo?.size ?? 0)
    resetFIFO()
    driveInterrupt(host)
    placeRegions(host)
    registersChanged()
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    placeRegions(host)
    linearWindow = nil
    window = MemoryWindow()
    windowChanged(nil)
    registersChanged()
    driveInterrupt(host)
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
    case VGA.svgaRegion: return svgaPortRead(access)
    case VGA.fifoRegion: return fifo?.load(Int(truncatingIfNeeded: access.offset), width: access.width) ?? .max
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
    case PortRegion.mono:
      // The dword at 3B0h acknowledges what the host had to say.
      if controller.hasHGSMI, access.width == 4, access.offset == 0 { return hgsmiAcknowledge(host) }
      writePortBytes(access, first: 0x3b0, last: 0x3bb, value)
    case PortRegion.color:
      if controller.hasHGSMI, access.width == 4, access.offset == 0x10 {
        return hgsmiSubmit(UInt32(truncatingIfNeeded: value), host)
      }
      writePortBytes(access, first: 0x3c0, last: 0x3df, value)
    case PortRegion.dispi: dispiPortWrite(access.offset, access.width, UInt32(truncatingIfNeeded: value))
    case VGA.svgaRegion: svgaPortWrite(access, value, host)
    case VGA.fifoRegion: fifo?.store(Int(truncatingIfNeeded: access.offset), width: access.width, value)
    case VGA.windowRegion: windowWrite(access.offset, width: access.width, value)
    case VGA.frameBufferRegion:
      guard access.offset < UInt64(memory.size) else { return }
      memory.store(Int(access.offset), width: access.width, value)
    case VGA.registerRegion: registerWrite(access, value)
    default: break
    }
  }

  /// To be called after any change that affects what is shown beside the VGA's picture.
  mutating func scanoutChanged() {
    if let scanout = registers.svga?.scanout(memory: memory.size) {
      registers.scanout = scanout
      return
    }
    // Drivers of HGSMI set a mode of the display interface, too; the guest's firmware and consoles only that.
    let areas = registers.dispi.enabled ? registers.hgsmi?.screens.compactMap { $0.area(memory: memory.size) } : nil
    registers.scanout = areas.flatMap { $0.isEmpty ? nil : Scanout(areas: $0) }
  }

  /// To be called after any change that affects the window.
  mutating func registersChanged() {
    if controller != .vga { scanoutChanged() }
    window = MemoryWindow(registers, memory: memory.size)
    let linear = window.linear(memory: memory.size)
    guard linear != linearWindow else { return }
    linearWindow = linear
    windowChanged(linear)
  }

  public func info() -> String {
    let what: String
    if let scanout = registers.scanout {
      let screens = scanout.areas.map { "\($0.width)x\($0.height)x\($0.bitsPerPixel) at \($0.x),\($0.y)" }
      what = "\(controller.rawValue) \(screens.joined(separator: "; "))"
    } else if registers.dispi.enabled {
      let mode = registers.dispi.mode(memory: memory.size)
      what = "VBE \(mode.width)x\(mode.height)x\(mode.bitsPerPixel), pitch \(mode.pitch), start \(mode.start)"
    } else {
      what = "\(registers.isGraphics ? "graphics" : "text") \(registers.columns) columns, \(registers.scanLines) lines"
    }
    return "\(what)\(registers.isBlanked ? ", blank" : ""), window \(window.path), \(memory.size >> 20) MiB"
  }
}
