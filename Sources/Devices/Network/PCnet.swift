import Base
import DeviceKit

/// AMD Am79C973 PCnet-FAST III Ethernet controller.
///
/// - BAR 0: 32 ports; BAR 1: the same registers in memory; expansion ROM. Output "inta".
/// - Offsets 00h-0Fh: address PROM; in word mode RDP 10h, RAP 12h, reset 14h, BDP 16h; in double-word mode RDP 10h,
///   RAP 14h, reset 18h, BDP 1Ch. A double-word write to RDP switches from word to double-word mode.
/// - Descriptor formats: SWSTYLE 0 (16 bits), 2 and 3 (32 bits).
/// - Spec: AMD 21510 "Am79C973/Am79C975 PCnet-FAST III"; registers are cited by their CSR and BCR numbers.
/// - Not modelled: the EEPROM's wires (BCR19), magic packets, the general purpose timer's reload (BCR31), external PHYs,
///   receive side of chained frames in more than 65535 bytes.
public struct PCnet: PCIDevice {
  /// CSR0 (controller status).
  enum CSR0 {
    static let initialize: UInt16 = 1, start: UInt16 = 2, stop: UInt16 = 4, demand: UInt16 = 8, txOn: UInt16 = 0x10
    static let rxOn: UInt16 = 0x20, enable: UInt16 = 0x40, interrupt: UInt16 = 0x80, initDone: UInt16 = 0x100
    static let tint: UInt16 = 0x200, rint: UInt16 = 0x400, memoryError: UInt16 = 0x800, missed: UInt16 = 0x1000
    static let collision: UInt16 = 0x2000, babble: UInt16 = 0x4000, error: UInt16 = 0x8000
    /// Bits that a write of 1 clears.
    static let clearable: UInt16 = 0x7f00
  }
  /// CSR15 (mode).
  enum Mode {
    static let rxDisabled: UInt16 = 1, txDisabled: UInt16 = 2, loopback: UInt16 = 4, noCRC: UInt16 = 8
    static let internalLoop: UInt16 = 0x40, noPhysical: UInt16 = 0x2000, noBroadcast: UInt16 = 0x4000
    static let promiscuous: UInt16 = 0x8000
  }
  enum Timer { static let poll = 0 }
  enum Area { static let ports = 0, memory = 1, rom = 2 }

  /// All of a card that survives a snapshot.
  public struct State: SavedState {
    var config = PCIConfigSpace()
    var prom = [UInt8](repeating: 0, count: 16)
    var csr = [UInt16](repeating: 0, count: 128)
    var bcr = [UInt16](repeating: 0, count: 64)
    var phy = [UInt16](repeating: 0, count: 32)
    var rap: UInt16 = 0
    /// RDP was accessed by double words (BCR18.DWIO).
    var isDoubleWord = false
    /// Ring bases: CSR24-25, CSR30-31 in one.
    var receiveBase: UInt32 = 0
    var transmitBase: UInt32 = 0
    /// Descriptors counted from the ring's start.
    var receiveIndex: UInt16 = 0
    var transmitIndex: UInt16 = 0
    /// A frame under way from several transmit buffers, and the first of them.
    var packet: [UInt8] = []
    var packetDropped = false
    var packetAddsFCS = true
    var lineUp = false
    var pollAt: VirtualTime?
    /// The last time that something was sent or asked for.
    var busyAt = VirtualTime(nanoseconds: 0)
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      try visit.fixedBytes("prom", &prom)
      try visit.fixedIntegers("csr", &csr, in: 0...UInt16.max)
      try visit.fixedIntegers("bcr", &bcr, in: 0...UInt16.max)
      try visit.fixedIntegers("phy", &phy, in: 0...UInt16.max)
      try visit.field("rap", &rap, in: 0...127)
      try visit.field("isDoubleWord", &isDoubleWord)
      try visit.field("receiveBase", &receiveBase)
      try visit.field("transmitBase", &transmitBase)
      try visit.field("receiveIndex", &receiveIndex)
      try visit.field("transmitIndex", &transmitIndex)
      try visit.bytes("packet", &packet, maximum: PCnet.packetLimit)
      try visit.field("packetDropped", &packetDropped)
      try visit.field("packetAddsFCS", &packetAddsFCS)
      try visit.field("lineUp", &lineUp)
      try visit.field("pollAt", &pollAt)
      try visit.field("busyAt", &busyAt)
    }
  }

  static let packetLimit = 4096
  /// Descriptors worked on in one entry.
  static let workLimit = 256
  /// How often the transmit ring is looked at without being asked (CSR4.DPOLL): at first, and after a quiet second.
  private static let pollInterval: Int64 = 2_000_000
  private static let idleInterval: Int64 = 50_000_000
  private static let idleAfter: Int64 = 1_000_000_000

  public let descriptor: DeviceDescriptor
  public let barRegions: [(bar: Int, region: Int)]
  public var state = State()
  private let mac: MACAddress
  private let rom: OptionROM?
  private let initialConfig: PCIConfigSpace

  public var config: PCIConfigSpace {
    get { state.config }
    set { state.config = newValue }
  }

  public init(name: String = "pcnet", mac: MACAddress, rom: OptionROM? = nil) {
    self.mac = mac
    self.rom = rom
    var config = PCIConfigSpace(
      vendor: 0x1022, device: 0x2000, classCode: 0x020000, revision: 0x40, subsystem: (0x1022, 0x2000),
      interruptPin: 1)
    config.defineBAR(0, size: 32, kind: .port)
    config.defineBAR(1, size: 32, kind: .memory32(prefetchable: false))
    config.set16(0x06, 0x0280)  // DEVSEL medium, fast back-to-back
    config.bytes[0x3e] = 0x06  // MIN_GNT
    config.bytes[0x3f] = 0xff  // MAX_LAT
    var regions = [
      Region(.port, base: nil, size: 32, "\(name) registers"),
      Region(.memory, base: nil, size: 32, "\(name) registers", accessWidth: 4),
    ]
    var bars = [(bar: 0, region: Area.ports), (1, Area.memory)]
    if let rom {
      config.defineROM(size: UInt64(rom.bytes.count))
      regions.append(Region(.memory, base: nil, size: UInt64(rom.bytes.count), "\(name) ROM"))
      bars.append((PCIConfigSpace.romBAR, Area.rom))
    }
    initialConfig = config
    barRegions = bars
    descriptor = DeviceDescriptor(name: name, regions: regions, outputs: ["inta"], timers: ["poll"])
    state.config = config
  }

  // MARK: Reset

  public mutating func reset(_ host: some DeviceServices) {
    state = State()
    state.config = initialConfig
    state.prom = addressPROM
    state.bcr[2] = 0x0002
    state.bcr[4] = 0x00c0  // LED: link
    state.bcr[5] = 0x0084
    state.bcr[6] = 0x0088
    state.bcr[7] = 0x0090
    state.bcr[9] = 0x0001  // full duplex
    state.bcr[16] = 0x0008
    state.bcr[18] = 0x9001
    state.bcr[19] = 0x0002
    state.bcr[22] = 0xff06
    state.bcr[23] = 0x1022
    state.bcr[24] = 0x2000
    state.bcr[32] = 0x0400
    state.bcr[33] = PCnet.phyAddress << 5
    resetPhy()
    softReset(host)
    mapBARs(host)
  }

  /// The address, and at 0Ch the sum of all bytes and the letters "WW" by which drivers know the PROM.
  private var addressPROM: [UInt8] {
    var prom = [UInt8](repeating: 0, count: 16)
    prom.replaceSubrange(0..<6, with: mac.bytes)
    (prom[14], prom[15]) = (0x57, 0x57)
    let sum = prom.reduce(0 as UInt16) { $0 + UInt16($1) }
    (prom[12], prom[13]) = (UInt8(truncatingIfNeeded: sum), UInt8(sum >> 8))
    return prom
  }

  /// A read of the reset register: what H_RESET does but for BCRs, PCI and the PHY.
  mutating func softReset(_ host: some DeviceServices) {
    state.csr = [UInt16](repeating: 0, count: 128)
    state.rap = 0
    state.isDoubleWord = state.bcr[18] & 0x80 != 0
    state.csr[0] = CSR0.stop
    state.csr[4] = 0x0115
    for word in 0..<3 { state.csr[12 + word] = UInt16(mac.bytes[word * 2]) | UInt16(mac.bytes[word * 2 + 1]) << 8 }
    state.csr[80] = 0x1410
    state.csr[88] = 0x5003  // chip ID 2625h, manufacturer 001h
    state.csr[89] = 0x0262
    state.csr[122] = 0
    state.bcr[20] = state.bcr[20] & ~0xff
    setStyle(0)
    (state.receiveBase, state.transmitBase, state.receiveIndex, state.transmitIndex) = (0, 0, 0, 0)
    dropPacket()
    stopPolling(host)
    updateLine(host)
  }

  public mutating func stateRestored(_ host: some DeviceServices) {
    mapBARs(host)
    host.setLine(0, state.lineUp)
    if let pollAt = state.pollAt { host.arm(Timer.poll, at: pollAt) }
  }

  public mutating func linkChanged(_ host: some DeviceServices) {
    linkLost()
    if host.isLinkUp { framesArrived(host) }
  }

  // MARK: Accesses

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard access.region != Area.rom else { return rom?.read(access) ?? .max }
    guard access.offset < 32 else { return .max }
    let offset = Int(access.offset)
    if offset < 16 {
      return (0..<min(access.width, 8)).reduce(0) { value, index in
        value | UInt64(offset + index < 16 ? state.prom[offset + index] : 0xff) << UInt64(index * 8)
      }
    }
    switch (offset, access.width, state.isDoubleWord) {
    case (0x10, 2, false), (0x10, 4, true): return UInt64(readCSR(Int(state.rap), host))
    case (0x12, 2, false), (0x14, 4, true): return UInt64(state.rap)
    case (0x14, 2, false), (0x18, 4, true):
      softReset(host)
      return 0
    case (0x16, 2, false), (0x1c, 4, true): return UInt64(readBCR(Int(state.rap), host))
    default: return .max
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    guard access.region != Area.rom, access.offset < 32 else { return }
    let half = UInt16(truncatingIfNeeded: value)
    let offset = Int(access.offset)
    if offset < 16 {
      // Only with BCR2.APROMWE.
      guard state.bcr[2] & 0x0100 != 0 else { return }
      for index in 0..<min(access.width, 8) where offset + index < 16 {
        state.prom[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
      }
      return
    }
    if offset == 0x10, access.width == 4, !state.isDoubleWord {
      // The first double-word access to RDP chooses the mode (BCR18.DWIO).
      state.isDoubleWord = true
      state.bcr[18] |= 0x80
    }
    switch (offset, access.width, state.isDoubleWord) {
    case (0x10, 2, false), (0x10, 4, true): writeCSR(Int(state.rap), half, host)
    case (0x12, 2, false), (0x14, 4, true): state.rap = half & 0x7f
    case (0x14, 2, false), (0x18, 4, true): break
    case (0x16, 2, false), (0x1c, 4, true): writeBCR(Int(state.rap), half, host)
    default: break
    }
  }

  // MARK: CSRs

  var isRunning: Bool { state.csr[0] & CSR0.stop == 0 }
  /// CSR5.SPND: descriptors are left alone.
  var isSuspended: Bool { state.csr[5] & 1 != 0 }

  private func readCSR(_ number: Int, _ host: some DeviceServices) -> UInt16 {
    switch number {
    case 0:
      let errors = CSR0.babble | CSR0.collision | CSR0.missed | CSR0.memoryError
      return state.csr[0] & ~(CSR0.error | CSR0.interrupt) | (state.csr[0] & errors != 0 ? CSR0.error : 0)
        | (interruptPending ? CSR0.interrupt : 0)
    case 16: return state.csr[1]
    case 17: return state.csr[2]
    case 24: return UInt16(truncatingIfNeeded: state.receiveBase)
    case 25: return UInt16(truncatingIfNeeded: state.receiveBase >> 16)
    case 30: return UInt16(truncatingIfNeeded: state.transmitBase)
    case 31: return UInt16(truncatingIfNeeded: state.transmitBase >> 16)
    case 58: return state.bcr[20]
    case 72: return 0 &- state.receiveIndex
    case 74: return 0 &- state.transmitIndex
    default: return state.csr[number]
    }
  }

  private mutating func writeCSR(_ number: Int, _ value: UInt16, _ host: some DeviceServices) {
    switch number {
    case 0: writeStatus(value, host)
    case 1, 2, 8...15, 76, 78:
      // Only while stopped or suspended.
      guard !isRunning || isSuspended else { return }
      state.csr[number] = value
    case 16: writeCSR(1, value, host)
    case 17: writeCSR(2, value, host)
    case 24: if !isRunning || isSuspended { state.receiveBase = state.receiveBase & 0xffff_0000 | UInt32(value) }
    case 25: if !isRunning || isSuspended { state.receiveBase = state.receiveBase & 0xffff | UInt32(value) << 16 }
    case 30: if !isRunning || isSuspended { state.transmitBase = state.transmitBase & 0xffff_0000 | UInt32(value) }
    case 31: if !isRunning || isSuspended { state.transmitBase = state.transmitBase & 0xffff | UInt32(value) << 16 }
    case 3:
      state.csr[3] = value
      updateLine(host)
    case 4:
      // Status bits clear when written as 1; the rest is stored.
      let status: UInt16 = 0x026a
      state.csr[4] = value & ~(status | 0x80) | state.csr[4] & status & ~value
      // UINTCMD asks for an interrupt.
      if value & 0x80 != 0 { state.csr[4] |= 0x40 }
      updateLine(host)
    case 5:
      let status: UInt16 = 0x0a90
      state.csr[5] = value & ~status | state.csr[5] & status & ~value
      updateLine(host)
      if value & 1 == 0 { resume(host) }
    case 46, 47, 49, 80, 82, 122, 124, 125: state.csr[number] = value
    case 58: setStyle(value)
    case 112: state.csr[112] = 0
    case 114: state.csr[114] = 0
    default: break
    }
  }

  private mutating func writeStatus(_ value: UInt16, _ host: some DeviceServices) {
    state.csr[0] &= ~(value & CSR0.clearable)
    state.csr[0] = state.csr[0] & ~CSR0.enable | value & CSR0.enable
    if value & CSR0.stop != 0 {
      state.csr[0] = CSR0.stop
      dropPacket()
      stopPolling(host)
      updateLine(host)
      return
    }
    // INIT and START may come in one write.
    if value & CSR0.initialize != 0, !isRunning || state.csr[0] & CSR0.initialize == 0 { initialize(host) }
    if value & CSR0.start != 0, state.csr[0] & CSR0.start == 0 {
      state.csr[0] = state.csr[0] & ~CSR0.stop | CSR0.start
      if state.csr[15] & Mode.txDisabled == 0 { state.csr[0] |= CSR0.txOn }
      if state.csr[15] & Mode.rxDisabled == 0 { state.csr[0] |= CSR0.rxOn }
      state.busyAt = host.now
    }
    updateLine(host)
    if value & (CSR0.start | CSR0.demand) != 0 {
      state.busyAt = host.now
      resume(host)
    }
  }

  private mutating func resume(_ host: some DeviceServices) {
    transmit(host)
    framesArrived(host)
  }

  /// BCR20 and CSR58 are one register: software style, and what follows from it.
  private mutating func setStyle(_ value: UInt16) {
    let style = value & 0xff
    switch style {
    case 2: state.bcr[20] = 0x0302
    case 3: state.bcr[20] = 0x0303
    case 1: state.bcr[20] = 0x0101
    default: state.bcr[20] = 0x0200
    }
  }
  var style: UInt16 { state.bcr[20] & 0xff }
  /// SSIZE32: structures of 32 bits.
  var isWide: Bool { state.bcr[20] & 0x100 != 0 }

  // MARK: Interrupts

  private var interruptPending: Bool {
    // Sources in CSR0 that CSR3 does not mask.
    let main =
      state.csr[0] & ~state.csr[3]
      & (CSR0.babble | CSR0.missed | CSR0.memoryError | CSR0.rint | CSR0.tint | CSR0.initDone)
    // UINT, the only source of CSR4 that is modelled.
    return main != 0 || state.csr[4] & 0x40 != 0
  }
  mutating func updateLine(_ host: some DeviceServices) {
    state.lineUp = interruptPending && state.csr[0] & CSR0.enable != 0
    host.setLine(0, state.lineUp)
  }
  mutating func raise(_ causes: UInt16, _ host: some DeviceServices) {
    state.csr[0] |= causes
    updateLine(host)
  }

  // MARK: Polling

  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) {
    state.pollAt = nil
    transmit(host)
  }
  /// Looks at the ring again after a while, unless the driver promises to ask (CSR4.DPOLL).
  mutating func pollLater(_ host: some DeviceServices, soon: Bool) {
    guard state.csr[0] & CSR0.txOn != 0, soon || state.csr[4] & 0x1000 == 0 else {
      stopPolling(host)
      return
    }
    let isIdle = host.now.nanoseconds &- state.busyAt.nanoseconds > PCnet.idleAfter
    let at = host.now.adding(nanoseconds: soon ? 10_000 : isIdle ? PCnet.idleInterval : PCnet.pollInterval)
    state.pollAt = at
    host.arm(Timer.poll, at: at)
  }
  private mutating func stopPolling(_ host: some DeviceServices) {
    state.pollAt = nil
    host.disarm(Timer.poll)
  }
  mutating func dropPacket() {
    state.packet = []
    state.packetDropped = false
  }

  public func info() -> String {
    func hex(_ value: UInt16) -> String { String(value, radix: 16) }
    return """
      csr0 \(hex(state.csr[0])), mode \(hex(state.csr[15])), style \(style)
      receive ring \(String(state.receiveBase, radix: 16)): descriptor \(state.receiveIndex) of \(receiveCount)
      transmit ring \(String(state.transmitBase, radix: 16)): descriptor \(state.transmitIndex) of \(transmitCount)
      """
  }
}
