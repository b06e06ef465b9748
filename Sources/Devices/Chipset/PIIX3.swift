import Base
import DeviceKit

/// Intel 82371SB (PIIX3) PCI-to-ISA bridge, 8086:7000, function 0: PIRQ routing and the reset control register.
///
/// Inputs "pirqA"..."pirqD" come from `PCIBus.interruptLines`; outputs "irq0"..."irq15" go, OR-ed with the ISA
/// sources, to the interrupt controllers. Region "RCR" (CF9h) lies inside the bus's CONFADD dword, so the PCI bus
/// forwards it (`PCIBus.setResetControl`).
///
/// - Spec: Intel 290550 "82371FB/82371SB", 2.2 (configuration), 2.2.7 (PIRQRC), 2.5.4.3 (RC, CF9h).
public struct PIIX3: PCIDevice {
  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    public var config = PIIX3.initialConfig
    /// Levels of PIRQA-PIRQD, bit 0 = A.
    public var pirqs: UInt8 = 0
    public var resetControl: UInt8 = 0
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      try visit.field("pirqs", &pirqs, in: 0...15)
      try visit.field("resetControl", &resetControl, in: 0...2)
    }
  }
  private enum Register { static let pirqrcA = 0x60, pirqrcD = 0x63 }
  private enum ResetControl { static let systemReset: UInt8 = 2, resetCPU: UInt8 = 4 }
  /// IRQs that a PIRQ may be routed to: not 0, 1, 2, 8 and 13.
  private static let routable: UInt16 = 0xdef8

  private static let initialConfig: PCIConfigSpace = {
    var config = PCIConfigSpace(
      vendor: 0x8086, device: 0x7000, classCode: 0x060100, subsystem: PCIConfigSpace.platform, headerType: 0x80)
    config.set16(0x04, 0x0007)
    config.writable[0x04] = 0x08  // special cycle enable; I/O, memory and master are fixed on
    config.writable[0x05] = 0
    config.set16(0x06, 0x0200)
    config.writeOneToClear[0x07] = 0x78
    config.writable[0x0c] = 0
    config.writable[0x0d] = 0
    config.writable[0x3c] = 0
    config.bytes[0x4c] = 0x4d  // IORT
    config.writable[0x4c] = 0x7f
    config.bytes[0x4e] = 0x03  // XBCS
    config.writable[0x4e] = 0xff
    config.writable[0x4f] = 0x01
    for offset in Register.pirqrcA...Register.pirqrcD {
      config.bytes[offset] = 0x80
      config.writable[offset] = 0x8f
    }
    config.bytes[0x69] = 0x02  // TOM
    config.writable[0x69] = 0xfe
    config.writable[0x6a] = 0x01  // MSTAT
    for offset in [0x70, 0x71, 0x76, 0x77, 0x78, 0x79] { config.writable[offset] = 0xff }
    config.bytes[0x70] = 0x80  // MBIRQ0
    config.bytes[0x76] = 0x0c  // MBDMA
    config.bytes[0x77] = 0x0c
    config.bytes[0xa0] = 0x08  // SMICNTL
    for offset in 0xa0...0xaf { config.writable[offset] = 0xff }
    return config
  }()

  public var state = State()
  public var config: PCIConfigSpace {
    get { state.config }
    set { state.config = newValue }
  }
  public let barRegions: [(bar: Int, region: Int)] = []
  public let descriptor = DeviceDescriptor(
    name: "piix3", regions: [Region(.port, base: nil, size: 1, "RCR", accessWidth: 1)],
    outputs: (0..<16).map { "irq\($0)" }, inputs: ["pirqA", "pirqB", "pirqC", "pirqD"])

  public init() {}

  public mutating func reset(_ host: some DeviceServices) {
    state = State()
    route(host)
  }
  public mutating func stateRestored(_ host: some DeviceServices) { route(host) }

  public mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices) {
    guard (0..<4).contains(input) else { return }
    let bit = UInt8(1) << UInt8(input)
    state.pirqs = level ? state.pirqs | bit : state.pirqs & ~bit
    route(host)
  }
  public mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices) {
    if offset <= Register.pirqrcD, offset + width > Register.pirqrcA { route(host) }
  }

  /// Drives each ISA line as the OR of the PIRQs routed to it.
  private func route(_ host: some DeviceServices) {
    var asserted: UInt16 = 0
    for pirq in 0..<4 where state.pirqs >> UInt8(pirq) & 1 == 1 {
      let control = config.bytes[Register.pirqrcA + pirq]
      if control & 0x80 == 0 { asserted |= 1 << UInt16(control & 15) }
    }
    asserted &= PIIX3.routable
    for irq in 0..<16 { host.setLine(irq, asserted >> UInt16(irq) & 1 == 1) }
  }

  // MARK: Reset control register

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    access.region == 0 && access.offset == 0 ? UInt64(state.resetControl) : .max
  }
  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    guard access.region == 0, access.offset == 0 else { return }
    let byte = UInt8(truncatingIfNeeded: value)
    state.resetControl = byte & ResetControl.systemReset
    // A rising RCPU bit resets; soft and hard reset differ only for processor state that the machine resets anyway.
    // RCPU is not kept, so each write that sets it is a rising edge.
    if byte & ResetControl.resetCPU != 0 { host.request(.reset(reason: "reset control register CF9h")) }
  }

  public func info() -> String {
    let routes = (0..<4).map { pirq -> String in
      let control = config.bytes[Register.pirqrcA + pirq]
      return control & 0x80 == 0 ? "IRQ \(control & 15)" : "off"
    }
    return "PIRQ routes \(routes.joined(separator: ", ")), levels \(String(state.pirqs, radix: 2))"
  }
}
