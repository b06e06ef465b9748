import Base
import DeviceKit

/// Intel 82441FX (PMC) host bridge, 8086:1237, device 0 of the PCI bus.
///
/// PAM registers steer reads and writes of C0000h-FFFFFh to RAM or to the ROM behind it; each change goes to the
/// machine as `MachineRequest.shadow`. SMRAM (72h) is stored only: the machine has no system management RAM.
/// Configuration mechanism 1 itself is `PCIBus`.
///
/// - Spec: Intel 290549 "82441FX PMC", 3.2 (PCI configuration registers), 3.2.18 (PAM), 3.2.20 (SMRAM).
public struct I440FX: PCIDevice {
  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    public var config = I440FX.initialConfig
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
    }
  }
  private enum Register {
    static let pam0 = 0x59, pam6 = 0x5f, smram = 0x72
  }
  private enum SMRAM {
    /// C_BASE_SEG, the low three bits, always reads 010b: segment A0000h.
    static let open: UInt8 = 0x40, lock: UInt8 = 0x10, writable: UInt8 = 0x78
  }
  private enum PAM { static let readEnable: UInt8 = 1, writeEnable: UInt8 = 2 }

  /// A run of memory with attribute bits of its own.
  private struct Segment {
    var base: UInt64
    var size: UInt64
    var register: Int
    var shift: UInt8
  }
  /// PAM0 high nibble: the 64 KiB BIOS; PAM1-PAM6, low nibble first: twelve runs of 16 KiB from C0000h.
  private static let segments: [Segment] =
    [Segment(base: 0xf0000, size: 0x10000, register: Register.pam0, shift: 4)]
    + (0..<12).map {
      Segment(base: 0xc0000 + UInt64($0) * 0x4000, size: 0x4000, register: 0x5a + $0 / 2, shift: UInt8($0 & 1) * 4)
    }

  private static let initialConfig: PCIConfigSpace = {
    var config = PCIConfigSpace(
      vendor: 0x8086, device: 0x1237, classCode: 0x060000, revision: 2, subsystem: PCIConfigSpace.platform)
    config.set16(0x04, 0x0006)
    config.writable[0x04] = 0x40  // memory and bus master are fixed on; parity response can change
    config.writable[0x05] = 0x01
    config.set16(0x06, 0x0280)
    config.writeOneToClear[0x07] = 0x79
    config.writable[0x0c] = 0
    config.writable[0x3c] = 0
    for offset in 0x50...0x57 { config.writable[offset] = 0xff }  // PMCCFG, DETURBO, DBC, AXC, DRT
    for offset in 0x59...0x68 { config.writable[offset] = 0xff }  // PAM, DRB, FDHC
    config.writable[Register.pam0] = 0x30
    for offset in 0x5a...0x5f { config.writable[offset] = 0x33 }
    for offset in [0x70, 0x71, 0x93] { config.writable[offset] = 0xff }  // MTT, CLT, TRC
    config.bytes[Register.smram] = 0x02
    config.writable[Register.smram] = SMRAM.writable
    return config
  }()

  public var state = State()
  public var config: PCIConfigSpace {
    get { state.config }
    set { state.config = newValue }
  }
  public let barRegions: [(bar: Int, region: Int)] = []
  public let descriptor = DeviceDescriptor(name: "i440fx", regions: [])

  public init() {}

  public mutating func reset(_ host: some DeviceServices) {
    state = State()
    reportShadow(0x59...0x5f, host)
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    applySMRAMLock()
    reportShadow(0x59...0x5f, host)
  }
  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 { .max }
  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {}

  public mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices) {
    guard width > 0 else { return }
    reportShadow(offset...(offset + width - 1), host)
    applySMRAMLock()
  }

  /// D_LCK freezes the register until reset and closes D_OPEN.
  private mutating func applySMRAMLock() {
    let isLocked = config.bytes[Register.smram] & SMRAM.lock != 0
    config.writable[Register.smram] = isLocked ? 0 : SMRAM.writable
    if isLocked { config.bytes[Register.smram] &= ~SMRAM.open }
  }

  /// Tells the machine about the segments whose registers lie in `offsets`.
  private func reportShadow(_ offsets: ClosedRange<Int>, _ host: some DeviceServices) {
    for segment in I440FX.segments where offsets.contains(segment.register) {
      let bits = config.bytes[segment.register] >> segment.shift
      host.request(
        .shadow(
          base: segment.base, size: segment.size, readable: bits & PAM.readEnable != 0,
          writable: bits & PAM.writeEnable != 0))
    }
  }

  public func info() -> String {
    let pam = (Register.pam0...Register.pam6).map { String(config.bytes[$0], radix: 16) }
    return "PAM \(pam.joined(separator: " ")), SMRAM \(String(config.bytes[Register.smram], radix: 16))"
  }
}
