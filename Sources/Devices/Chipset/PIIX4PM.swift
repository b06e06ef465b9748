import Base
import DeviceKit

/// Power management function of Intel 82371AB (PIIX4), 8086:7113: ACPI fixed registers, GPE block, APM ports and an
/// SMBus host with nothing on its bus.
///
/// What the ACPI tables must say:
/// - PM1a_EVT = PMBASE, PM1a_CNT = PMBASE + 4, PM_TMR = PMBASE + 8 (24 bits); firmware sets PMBASE (600h with SeaBIOS).
/// - GPE0 = AFE0h, 4 bytes: two of status, two of enable; the same registers also answer at PMBASE + 0Ch as on PIIX4.
/// - SMI_CMD = B2h, ACPI_ENABLE = F1h, ACPI_DISABLE = F0h; SCI = IRQ 9, level, active high.
/// - `\_S5` has SLP_TYP 0. Other sleep types are refused: nothing happens but a log line.
///
/// There is no system management mode: a write to B2h sets SCI_EN itself, and DEVACTB's APMC_EN reads 1 from the
/// start, which tells firmware that SMM is already taken care of.
///
/// - Spec: Intel 290562 "82371AB (PIIX4)", 7.1 (configuration), 7.2 (power management I/O), 7.3 (SMBus I/O);
///   ACPI 2.0, 4.7.3.
public struct PIIX4PM: PCIDevice {
  /// Everything that a saved state keeps of the device; `init()` is power-on.
  public struct State: SavedState {
    public var config = PIIX4PM.initialConfig
    public var pm1Status: UInt16 = 0
    public var pm1Enable: UInt16 = 0
    public var pm1Control: UInt16 = 0
    public var gpeStatus: UInt16 = 0
    public var gpeEnable: UInt16 = 0
    /// PM timer count (not cut to 24 bits) at which bit 23 next changes and TMROF_STS becomes set.
    public var overflowAt: UInt64 = 1 << 23
    /// GLBEN, GLBCTL, DEVCTL, GPOREG and their like: kept, without effect. 32 bytes from PMBASE + 20h.
    public var general = [UInt8](repeating: 0, count: 32)
    public var apmControl: UInt8 = 0
    public var apmStatus: UInt8 = 0
    public var smbus = [UInt8](repeating: 0, count: 16)
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      try visit.field("pm1Status", &pm1Status)
      try visit.field("pm1Enable", &pm1Enable)
      try visit.field("pm1Control", &pm1Control)
      try visit.field("gpeStatus", &gpeStatus)
      try visit.field("gpeEnable", &gpeEnable)
      try visit.field("overflowAt", &overflowAt)
      try visit.fixedBytes("general", &general)
      try visit.field("apmControl", &apmControl)
      try visit.field("apmStatus", &apmStatus)
      try visit.fixedBytes("smbus", &smbus)
    }
  }
  /// PM timer clock in hertz.
  public static let timerFrequency: UInt64 = 3_579_545
  private enum Block { static let pm = 0, smbus = 1, apm = 2, gpe = 3 }
  private enum PM1 {
    static let tmrof: UInt16 = 1 << 0, gbl: UInt16 = 1 << 5, pwrbtn: UInt16 = 1 << 8, rtc: UInt16 = 1 << 10
    static let statusBits: UInt16 = 0x8531, enableBits: UInt16 = 0x0521
    static let sciEnable: UInt16 = 1 << 0, controlBits: UInt16 = 0x1c03, susEnable: UInt16 = 1 << 13
  }
  private enum ConfigRegister {
    static let pmbase = 0x40, devactb3 = 0x5b, pmregmisc = 0x80, smbhstbase = 0x90, smbhstcfg = 0xd2
  }
  private enum APM { static let acpiEnable: UInt8 = 0xf1, acpiDisable: UInt8 = 0xf0 }
  private enum Input { static let powerButton = 0, rtcAlarm = 1, gpe0 = 2 }

  private static let initialConfig: PCIConfigSpace = {
    var config = PCIConfigSpace(
      vendor: 0x8086, device: 0x7113, classCode: 0x068000, revision: 3, subsystem: PCIConfigSpace.platform,
      interruptPin: 1)
    config.writable[0x04] = 0x05
    config.writable[0x05] = 0
    config.set16(0x06, 0x0280)
    config.bytes[0x3c] = 9
    config.bytes[ConfigRegister.pmbase] = 1
    config.writable[ConfigRegister.pmbase] = 0xc0
    config.writable[ConfigRegister.pmbase + 1] = 0xff
    for offset in 0x44...0x7f { config.writable[offset] = 0xff }  // CNTA, CNTB, GPICTL, DEVRES, DEVACT
    config.bytes[ConfigRegister.devactb3] = 0x02
    config.writable[ConfigRegister.pmregmisc] = 0x01
    config.bytes[ConfigRegister.smbhstbase] = 1
    config.writable[ConfigRegister.smbhstbase] = 0xf0
    config.writable[ConfigRegister.smbhstbase + 1] = 0xff
    for offset in 0xd2...0xd6 { config.writable[offset] = 0xff }
    return config
  }()

  public var state = State()
  public var config: PCIConfigSpace {
    get { state.config }
    set { state.config = newValue }
  }
  public let barRegions: [(bar: Int, region: Int)] = []
  public let descriptor = DeviceDescriptor(
    name: "piix4pm",
    regions: [
      Region(.port, base: nil, size: 64, "PM"), Region(.port, base: nil, size: 16, "SMBus", accessWidth: 1),
      .ports(0xb2...0xb3, "APM", accessWidth: 1), .ports(0xafe0...0xafe3, "GPE0"),
    ],
    outputs: ["sci"], inputs: ["powerButton", "rtcAlarm"] + (0..<16).map { "gpe\($0)" }, timers: ["overflow"])

  public init() {}

  // MARK: Life

  public mutating func reset(_ host: some DeviceServices) {
    state = State()
    state.overflowAt = nextOverflow(host)
    mapBlocks(host)
    update(host)
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    mapBlocks(host)
    update(host)
  }
  public mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices) { mapBlocks(host) }

  private func mapBlocks(_ host: some DeviceServices) {
    let pm = UInt64(config.get16(ConfigRegister.pmbase) & 0xffc0)
    let isPMOn = config.bytes[ConfigRegister.pmregmisc] & 1 != 0
    host.map(Block.pm, at: isPMOn && pm != 0 ? pm : nil)
    let smbus = UInt64(config.get16(ConfigRegister.smbhstbase) & 0xfff0)
    let isSMBusOn = config.bytes[ConfigRegister.smbhstcfg] & 1 != 0
    host.map(Block.smbus, at: isSMBusOn && smbus != 0 ? smbus : nil)
  }

  /// As if the chassis button was pushed and released; the guest decides what follows.
  public mutating func pressPowerButton(_ host: some DeviceServices) {
    state.pm1Status |= PM1.pwrbtn
    update(host)
  }
  public mutating func lineChanged(_ input: Int, _ level: Bool, _ host: some DeviceServices) {
    guard level else { return }
    switch input {
    case Input.powerButton: state.pm1Status |= PM1.pwrbtn
    case Input.rtcAlarm: state.pm1Status |= PM1.rtc
    case Input.gpe0..<(Input.gpe0 + 16): state.gpeStatus |= 1 << UInt16(input - Input.gpe0)
    default: return
    }
    update(host)
  }

  // MARK: PM timer and SCI

  private func timer(_ host: some DeviceServices) -> UInt64 { host.now.ticks(hertz: PIIX4PM.timerFrequency) }
  private func nextOverflow(_ host: some DeviceServices) -> UInt64 { ((timer(host) >> 23) + 1) << 23 }

  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) { update(host) }

  /// Brings TMROF_STS up to date, drives SCI, and wakes up for the overflow only if that would interrupt.
  private mutating func update(_ host: some DeviceServices) {
    if timer(host) >= state.overflowAt { state.pm1Status |= PM1.tmrof }
    let isOn = state.pm1Control & PM1.sciEnable != 0
    let events = state.pm1Status & state.pm1Enable | state.gpeStatus & state.gpeEnable
    host.setLine(0, isOn && events != 0)
    if isOn, state.pm1Enable & PM1.tmrof != 0, state.pm1Status & PM1.tmrof == 0 {
      host.arm(0, at: VirtualTime.at(ticks: state.overflowAt, hertz: PIIX4PM.timerFrequency))
    } else {
      host.disarm(0)
    }
  }

  // MARK: Ports

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard (1...8).contains(access.width), access.offset < 64 else { return .max }
    if access.region == Block.pm { update(host) }
    // One look at the timer, so that its bytes belong together.
    let count = timer(host)
    var value: UInt64 = 0
    for index in 0..<access.width {
      value |= UInt64(readByte(access.region, Int(access.offset) + index, count)) << UInt64(index * 8)
    }
    return value
  }
  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    guard (1...8).contains(access.width), access.offset < 64 else { return }
    for index in 0..<access.width {
      let byte = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
      writeByte(access.region, Int(access.offset) + index, byte, host)
    }
    // SUS_EN acts on the control register as a whole, after all its bytes are in.
    if access.region == Block.pm, state.pm1Control & PM1.susEnable != 0 {
      state.pm1Control &= ~PM1.susEnable
      sleep(host)
    }
    update(host)
  }

  private func sleep(_ host: some DeviceServices) {
    let type = (state.pm1Control >> 10) & 7
    if type == 0 {
      host.request(.powerOff(reason: "ACPI S5"))
    } else {
      host.log(.unimplemented, "sleep type \(type) refused")
    }
  }

  private func readByte(_ region: Int, _ offset: Int, _ count: UInt64) -> UInt8 {
    func part(_ value: UInt16) -> UInt8 { UInt8(truncatingIfNeeded: value >> UInt16((offset & 1) * 8)) }
    switch (region, offset) {
    case (Block.pm, 0x00...0x01): return part(state.pm1Status)
    case (Block.pm, 0x02...0x03): return part(state.pm1Enable)
    case (Block.pm, 0x04...0x05): return part(state.pm1Control)
    case (Block.pm, 0x08...0x0a): return UInt8(truncatingIfNeeded: count >> UInt64((offset - 8) * 8))
    case (Block.pm, 0x0c...0x0d), (Block.gpe, 0...1): return part(state.gpeStatus)
    case (Block.pm, 0x0e...0x0f), (Block.gpe, 2...3): return part(state.gpeEnable)
    case (Block.pm, 0x20...0x3f): return state.general[offset - 0x20]
    // P_LVL2 and the status blocks: reserved bits and sources that never happen.
    case (Block.pm, 0x06...0x1f): return 0
    case (Block.smbus, 0...15): return state.smbus[offset]
    case (Block.apm, 0): return state.apmControl
    case (Block.apm, 1): return state.apmStatus
    default: return 0xff
    }
  }

  private mutating func writeByte(_ region: Int, _ offset: Int, _ byte: UInt8, _ host: some DeviceServices) {
    let shift = UInt16((offset & 1) * 8)
    let word = UInt16(byte) << shift
    let mask = UInt16(0xff) << shift
    switch (region, offset) {
    case (Block.pm, 0x00...0x01):
      let cleared = word & PM1.statusBits
      if cleared & PM1.tmrof != 0 { state.overflowAt = nextOverflow(host) }
      state.pm1Status &= ~cleared
    case (Block.pm, 0x02...0x03): state.pm1Enable = (state.pm1Enable & ~mask) | (word & PM1.enableBits)
    case (Block.pm, 0x04...0x05):
      state.pm1Control = (state.pm1Control & ~mask) | (word & (PM1.controlBits | PM1.susEnable))
    case (Block.pm, 0x0c...0x0d), (Block.gpe, 0...1): state.gpeStatus &= ~word
    case (Block.pm, 0x0e...0x0f), (Block.gpe, 2...3): state.gpeEnable = (state.gpeEnable & ~mask) | word
    case (Block.pm, 0x20...0x3f): state.general[offset - 0x20] = byte
    case (Block.smbus, 0...15): writeSMBus(offset, byte)
    case (Block.apm, 0): writeAPMControl(byte)
    case (Block.apm, 1): state.apmStatus = byte
    default: break
    }
  }

  /// What SMM firmware would do for the ACPI commands; others are stored for whoever reads the port.
  private mutating func writeAPMControl(_ byte: UInt8) {
    state.apmControl = byte
    if byte == APM.acpiEnable { state.pm1Control |= PM1.sciEnable }
    if byte == APM.acpiDisable { state.pm1Control &= ~PM1.sciEnable }
  }

  /// SMBHSTSTS, SMBHSTCNT and the rest of the SMBus host (7.3): every transaction ends with DEV_ERR.
  private mutating func writeSMBus(_ offset: Int, _ byte: UInt8) {
    switch offset {
    case 0: state.smbus[0] &= ~(byte & 0x1e)
    case 1: state.smbus[1] &= ~(byte & 0x3c)
    case 2:
      state.smbus[2] = byte & 0x1f
      if byte & 0x40 != 0 { state.smbus[0] |= 0x04 }  // START: nobody acknowledges
    default: state.smbus[offset] = byte
    }
  }

  public func info() -> String {
    func hex(_ value: UInt16) -> String { String(value, radix: 16) }
    return """
      PM1 status \(hex(state.pm1Status)) enable \(hex(state.pm1Enable)) control \(hex(state.pm1Control))
      GPE0 status \(hex(state.gpeStatus)) enable \(hex(state.gpeEnable))
      PMBASE \(hex(config.get16(ConfigRegister.pmbase) & 0xffc0))
      """
  }
}
