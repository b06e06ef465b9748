import Base
import DeviceKit

/// Intel 82540EM gigabit Ethernet controller, and its relatives 82545EM and 82543GC.
///
/// - BAR 0: 128 KiB of memory registers; BAR 2: I/O window IOADDR, IODATA (not on the 82543GC); expansion ROM.
/// - Output "inta". Interrupt throttling (ITR) and the delay timers are kept in guest time.
/// - Spec: Intel 317453 "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual"; sections are
///   cited at each part.
/// - Not modelled: wake-up, the management (ASF, SMBus) interface, flow control, the packet checksum field of receive
///   descriptors (PCSS), flash memory, TBI mode.
public struct E1000: PCIDevice {
  /// The member of the family.
  public enum Model: Sendable, CaseIterable {
    case i82540EM, i82545EM, i82543GC
    var deviceID: UInt16 {
      switch self {
      case .i82540EM: 0x100e
      case .i82545EM: 0x100f
      case .i82543GC: 0x1004
      }
    }
    /// PHY identifier registers 2 and 3: Marvell 88E1011, 88E1000 on the oldest.
    var phyID: UInt32 { self == .i82543GC ? 0x0141_0c50 : 0x0141_0c20 }
    var revision: UInt8 { self == .i82545EM ? 1 : 2 }
  }

  /// Offsets of registers (13.2, table 13-2).
  enum Register {
    static let ctrl = 0x0000, ctrlDuplicate = 0x0004, status = 0x0008, eecd = 0x0010, eerd = 0x0014, ctrlExt = 0x0018
    static let mdic = 0x0020
    static let icr = 0x00c0, itr = 0x00c4, ics = 0x00c8, ims = 0x00d0, imc = 0x00d8
    static let rctl = 0x0100, txcw = 0x0178, rxcw = 0x0180, tctl = 0x0400
    static let rdbal = 0x2800, rdbah = 0x2804, rdlen = 0x2808, rdh = 0x2810, rdt = 0x2818, rdtr = 0x2820, radv = 0x282c
    static let tdbal = 0x3800, tdbah = 0x3804, tdlen = 0x3808, tdh = 0x3810, tdt = 0x3818, tidv = 0x3820, tadv = 0x382c
    static let statistics = 0x4000..<0x4100
    static let rxcsum = 0x5000, mta = 0x5200..<0x5400, ra = 0x5400..<0x5480, vfta = 0x5600..<0x5800
    static let pba = 0x1000
    static let end = 0x6000
  }
  enum Control {
    static let fullDuplex: UInt32 = 1, setLinkUp: UInt32 = 1 << 6, reset: UInt32 = 1 << 26
    static let phyReset: UInt32 = 1 << 31, vlan: UInt32 = 1 << 30
  }
  /// Interrupt causes (13.4.17).
  enum Cause {
    static let txdw: UInt32 = 1, txqe: UInt32 = 1 << 1, lsc: UInt32 = 1 << 2, rxdmt0: UInt32 = 1 << 4
    static let rxo: UInt32 = 1 << 6, rxt0: UInt32 = 1 << 7, mdac: UInt32 = 1 << 9, txdLow: UInt32 = 1 << 15
    static let all: UInt32 = 0x1_ffff
  }
  enum Timer { static let throttle = 0, receive = 1, transmit = 2, goOn = 3 }
  enum Area { static let memory = 0, ports = 1, rom = 2 }

  /// All of a card that survives a snapshot.
  public struct State: SavedState {
    var config = PCIConfigSpace()
    /// Registers by number (offset / 4); those that are computed are not kept here.
    var registers = [UInt32](repeating: 0, count: Register.end / 4)
    var ioAddress: UInt32 = 0
    var phy = Phy()
    var eeprom = EEPROM()
    /// Up to when the interrupts so far have used their time (ITR).
    var quietUntil: VirtualTime?
    var receiveDelay: VirtualTime?
    var receiveLimit: VirtualTime?
    var transmitDelay: VirtualTime?
    var transmitLimit: VirtualTime?
    var goOn = false
    /// Causes that have asserted the line since it was last allowed to rise.
    var lineUp = false
    /// What the context descriptor said, and the packet under way.
    var context = TransmitContext()
    var packet: [UInt8] = []
    var packetCommand: UInt8 = 0
    var packetOptions: UInt8 = 0
    var packetVLAN: UInt16 = 0
    /// The packet grew beyond all bounds and is only being skipped.
    var packetDropped = false
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      for index in registers.indices { try visit.field("register", &registers[index]) }
      try visit.field("ioAddress", &ioAddress)
      try visit.nested("phy", &phy)
      try visit.nested("eeprom", &eeprom)
      try visit.field("quietUntil", &quietUntil)
      try visit.field("receiveDelay", &receiveDelay)
      try visit.field("receiveLimit", &receiveLimit)
      try visit.field("transmitDelay", &transmitDelay)
      try visit.field("transmitLimit", &transmitLimit)
      try visit.field("goOn", &goOn)
      try visit.field("lineUp", &lineUp)
      try visit.nested("context", &context)
      try visit.bytes("packet", &packet, maximum: E1000.packetLimit)
      try visit.field("packetCommand", &packetCommand)
      try visit.field("packetOptions", &packetOptions)
      try visit.field("packetVLAN", &packetVLAN)
      try visit.field("packetDropped", &packetDropped)
    }
  }

  /// The most bytes that make up one packet, header included.
  static let packetLimit = NetworkFrame.limit
  /// Descriptors worked on in one entry, before other users of the device get their turn.
  static let workLimit = 256
  private static let pauseNanoseconds: Int64 = 10_000

  public let descriptor: DeviceDescriptor
  public let barRegions: [(bar: Int, region: Int)]
  public var state = State()
  let model: Model
  private let mac: MACAddress
  private let rom: OptionROM?
  private let initialConfig: PCIConfigSpace

  public var config: PCIConfigSpace {
    get { state.config }
    set { state.config = newValue }
  }

  public init(name: String = "e1000", model: Model = .i82540EM, mac: MACAddress, rom: OptionROM? = nil) {
    self.model = model
    self.mac = mac
    self.rom = rom
    var config = PCIConfigSpace(
      vendor: 0x8086, device: model.deviceID, classCode: 0x020000, revision: model.revision,
      subsystem: (0x8086, model == .i82543GC ? 0x1004 : 0x001e), interruptPin: 1)
    config.defineBAR(0, size: 0x2_0000, kind: .memory32(prefetchable: false))
    config.bytes[0x3e] = 0xff  // MIN_GNT
    config.set16(0x06, 0x0200)  // DEVSEL medium
    config.writable[0x04] |= 0x10  // memory write and invalidate
    var regions = [
      Region(.memory, base: nil, size: 0x2_0000, "\(name) registers", accessWidth: 4),
      Region(.port, base: nil, size: 8, "\(name) window"),
    ]
    var bars = [(bar: 0, region: Area.memory)]
    if model != .i82543GC {
      config.defineBAR(2, size: 8, kind: .port)
      bars.append((2, Area.ports))
    }
    if let rom {
      config.defineROM(size: UInt64(rom.bytes.count))
      regions.append(Region(.memory, base: nil, size: UInt64(rom.bytes.count), "\(name) ROM"))
      bars.append((PCIConfigSpace.romBAR, Area.rom))
    }
    initialConfig = config
    barRegions = bars
    descriptor = DeviceDescriptor(
      name: name, regions: regions, outputs: ["inta"],
      timers: ["interrupt throttle", "receive delay", "transmit delay", "go on"])
    state.config = config
    state.eeprom = EEPROM(mac: mac, model: model)
  }

  // MARK: Reset

  public mutating func reset(_ host: some DeviceServices) {
    let contents = state.eeprom.words
    state = State()
    state.config = initialConfig
    // What was written into the EEPROM stays, as in a real one.
    state.eeprom.words = contents
    resetRegisters(host)
    mapBARs(host)
  }

  /// CTRL.RST (14.5): all registers but those of PCI.
  mutating func resetRegisters(_ host: some DeviceServices) {
    let config = state.config
    let contents = state.eeprom.words
    let ioAddress = state.ioAddress
    state = State()
    state.config = config
    state.eeprom.words = contents
    state.ioAddress = ioAddress
    state.phy = Phy()
    self[Register.ctrl] = Control.fullDuplex | 1 << 9 | 1 << 3  // 1000 Mb/s, link reset
    self[Register.pba] = 0x0010_0030
    // Loaded from the EEPROM.
    for word in 0..<2 {
      self[Register.ra.lowerBound] |= UInt32(contents[word]) << UInt32(word * 16)
    }
    self[Register.ra.lowerBound + 4] = UInt32(contents[2]) | 1 << 31
    for timer in 0..<4 { host.disarm(timer) }
    updateLine(host)
  }

  public mutating func stateRestored(_ host: some DeviceServices) {
    mapBARs(host)
    armTimers(host)
    host.setLine(0, state.lineUp)
    if state.goOn { host.arm(Timer.goOn, at: host.now.adding(nanoseconds: E1000.pauseNanoseconds)) }
  }

  public mutating func linkChanged(_ host: some DeviceServices) {
    state.phy.linkChanged()
    raise(Cause.lsc, host)
    if host.isLinkUp { framesArrived(host) }
  }

  subscript(register: Int) -> UInt32 {
    get { register >= 0 && register < Register.end ? state.registers[register >> 2] : 0 }
    set { if register >= 0, register < Register.end { state.registers[register >> 2] = newValue } }
  }
  /// The link is up when the cable is in, the PHY awake and the MAC told to use it.
  func hasLink(_ host: some DeviceServices) -> Bool {
    host.isLinkUp && !state.phy.isPoweredDown && self[Register.ctrl] & Control.setLinkUp != 0
  }

  // MARK: Accesses

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    switch access.region {
    case Area.memory:
      // Registers are 32 bits wide; narrower reads see their part of them.
      guard access.offset < 0x2_0000 else { return .max }
      let value = UInt64(readRegister(Int(access.offset) & ~3, host))
      return value >> ((access.offset & 3) * 8)
    case Area.ports:
      switch access.offset & ~3 {
      case 0: return UInt64(state.ioAddress) >> ((access.offset & 3) * 8)
      case 4: return UInt64(readRegister(Int(state.ioAddress) & ~3, host)) >> ((access.offset & 3) * 8)
      default: return .max
      }
    default: return rom?.read(access) ?? .max
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    // Partial writes are not supported (13.1).
    guard access.width == 4, access.offset & 3 == 0 else { return }
    let value = UInt32(truncatingIfNeeded: value)
    switch (access.region, access.offset) {
    case (Area.memory, 0..<0x2_0000): writeRegister(Int(access.offset), value, host)
    case (Area.ports, 0): state.ioAddress = value & 0x1_ffff
    case (Area.ports, 4): writeRegister(Int(state.ioAddress) & ~3, value, host)
    default: break
    }
  }

  private mutating func readRegister(_ register: Int, _ host: some DeviceServices) -> UInt32 {
    switch register {
    case Register.ctrlDuplicate: return self[Register.ctrl]
    case Register.ctrl: return self[Register.ctrl] | mdioInput(host)
    case Register.status:
      // Full duplex, link up, 1000 Mb/s, PCI 66 MHz off, 32 bits (13.4.2).
      return 1 | (hasLink(host) ? 2 : 0) | 2 << 6
    case Register.eecd: return state.eeprom.control | EEPROM.Control.present
    case Register.icr:
      let causes = self[Register.icr]
      // Reading acknowledges (13.4.17).
      self[Register.icr] = 0
      updateLine(host)
      return causes | (causes & self[Register.ims] != 0 ? 1 << 31 : 0)
    case Register.ics, Register.imc: return 0
    case Register.statistics:
      let value = self[register]
      self[register] = 0
      return value
    default: return self[register]
    }
  }

  private mutating func writeRegister(_ register: Int, _ value: UInt32, _ host: some DeviceServices) {
    switch register {
    case Register.ctrl, Register.ctrlDuplicate: writeControl(value, host)
    case Register.status, Register.statistics: break
    case Register.eecd: state.eeprom.write(control: value)
    case Register.eerd:
      guard model != .i82543GC else { return }
      self[Register.eerd] = state.eeprom.read(register: value)
    case Register.mdic:
      guard model != .i82543GC else { return }
      self[Register.mdic] = mdic(value, host)
      if value & 1 << 29 != 0 { raise(Cause.mdac, host) }
    case Register.icr:
      self[Register.icr] &= ~value
      updateLine(host)
    case Register.ics: raise(value & Cause.all, host)
    case Register.ims:
      self[Register.ims] |= value & Cause.all
      updateLine(host)
    case Register.imc:
      self[Register.ims] &= ~value
      updateLine(host)
    case Register.rctl, Register.rdt, Register.rdlen, Register.rdh, Register.rdbal, Register.rdbah, Register.rdtr:
      writeReceive(register, value, host)
    case Register.tctl, Register.tdt, Register.tdlen, Register.tdh, Register.tdbal, Register.tdbah:
      writeTransmit(register, value, host)
    default: self[register] = value
    }
  }

  private mutating func writeControl(_ value: UInt32, _ host: some DeviceServices) {
    if value & Control.reset != 0 {
      resetRegisters(host)
      return
    }
    let before = self[Register.ctrl]
    self[Register.ctrl] = value & ~(Control.reset | Control.phyReset)
    mdioOutput(before, value, host)
    if value & Control.phyReset != 0 { state.phy = Phy() }
    if (before ^ value) & Control.setLinkUp != 0 { raise(Cause.lsc, host) }
  }

  // MARK: Interrupts (3.2.7)

  /// Sets causes; the line follows when throttling allows.
  mutating func raise(_ causes: UInt32, _ host: some DeviceServices) {
    self[Register.icr] |= causes
    updateLine(host)
  }

  /// ITR: the time between two assertions, in nanoseconds; 0: any (13.4.18).
  private var throttleInterval: Int64 { Int64(self[Register.itr] & 0xffff) * 256 }
  /// When the line may rise again. Throttling keeps a stream of packets from being a stream of interrupts. A few that come
  /// after a quiet while do not wait: an answer would otherwise wait for the interrupt that told of the question's departure
  /// to be long enough ago, and for a host's timer. In the long run there are no more interrupts than ITR says.
  private var throttleTurn: VirtualTime? {
    state.quietUntil?.adding(nanoseconds: -E1000.throttleBurst * throttleInterval)
  }
  private static let throttleBurst: Int64 = 3

  mutating func updateLine(_ host: some DeviceServices) {
    let wanted = self[Register.icr] & self[Register.ims] != 0
    guard wanted != state.lineUp else { return }
    if wanted {
      if let turn = throttleTurn, turn > host.now {
        host.arm(Timer.throttle, at: turn)
        return
      }
      let interval = throttleInterval
      let start = max(state.quietUntil ?? host.now, host.now)
      state.quietUntil = interval > 0 ? start.adding(nanoseconds: interval) : nil
    }
    state.lineUp = wanted
    host.setLine(0, wanted)
  }

  public mutating func timerFired(_ timer: Int, _ host: some DeviceServices) {
    switch timer {
    case Timer.throttle: updateLine(host)
    case Timer.receive:
      (state.receiveDelay, state.receiveLimit) = (nil, nil)
      raise(Cause.rxt0, host)
    case Timer.transmit:
      (state.transmitDelay, state.transmitLimit) = (nil, nil)
      raise(Cause.txdw, host)
    default:
      state.goOn = false
      transmit(host)
    }
  }
  /// More is to be done once others have had their turn.
  mutating func goOnLater(_ host: some DeviceServices) {
    state.goOn = true
    host.arm(Timer.goOn, at: host.now.adding(nanoseconds: E1000.pauseNanoseconds))
  }
  /// Delay timers: restarted by each packet, up to an absolute limit; units of 1.024 us (13.4.30, 13.4.44).
  mutating func delayReceive(_ host: some DeviceServices) {
    let delay = Int64(self[Register.rdtr] & 0xffff) * 1024
    guard delay > 0 else {
      // What waits for the transmit timer goes along: that is there to save interrupts.
      var causes = Cause.rxt0
      if state.transmitDelay != nil {
        (state.transmitDelay, state.transmitLimit) = (nil, nil)
        host.disarm(Timer.transmit)
        causes |= Cause.txdw
      }
      raise(causes, host)
      return
    }
    state.receiveDelay = host.now.adding(nanoseconds: delay)
    let limit = Int64(self[Register.radv] & 0xffff) * 1024
    if limit > 0, state.receiveLimit == nil { state.receiveLimit = host.now.adding(nanoseconds: limit) }
    armTimers(host)
  }
  mutating func delayTransmit(_ host: some DeviceServices) {
    let delay = Int64(self[Register.tidv] & 0xffff) * 1024
    guard delay > 0 else {
      raise(Cause.txdw, host)
      return
    }
    state.transmitDelay = host.now.adding(nanoseconds: delay)
    let limit = Int64(self[Register.tadv] & 0xffff) * 1024
    if limit > 0, state.transmitLimit == nil { state.transmitLimit = host.now.adding(nanoseconds: limit) }
    armTimers(host)
  }
  private func armTimers(_ host: some DeviceServices) {
    if let delay = state.receiveDelay { host.arm(Timer.receive, at: min(delay, state.receiveLimit ?? delay)) }
    if let delay = state.transmitDelay { host.arm(Timer.transmit, at: min(delay, state.transmitLimit ?? delay)) }
    let wanted = self[Register.icr] & self[Register.ims] != 0
    if wanted, !state.lineUp, let turn = throttleTurn { host.arm(Timer.throttle, at: turn) }
  }

  // MARK: Statistics (13.7)

  enum Statistic {
    static let crcErrors = 0x4000, missed = 0x4010, goodReceived = 0x4074, broadcastReceived = 0x4078
    static let multicastReceived = 0x407c, goodSent = 0x4080, octetsReceived = 0x4088, octetsSent = 0x4090
    static let totalOctetsReceived = 0x40c0, totalOctetsSent = 0x40c8, totalReceived = 0x40d0, totalSent = 0x40d4
    static let multicastSent = 0x40f0, broadcastSent = 0x40f4, segmentationContexts = 0x40f8
    static let receivedBySize = 0x405c, sentBySize = 0x40d8, roc = 0x40ac, ruc = 0x40a4, noBuffers = 0x40a0
  }
  /// Counters stick at their largest value.
  mutating func count(_ register: Int, _ amount: Int = 1) {
    let (sum, overflow) = self[register].addingReportingOverflow(UInt32(clamping: amount))
    self[register] = overflow ? .max : sum
  }
  /// A counter of 64 bits in two registers, low one first.
  mutating func countLong(_ register: Int, _ amount: Int) {
    let (sum, overflow) = self[register].addingReportingOverflow(UInt32(clamping: amount))
    self[register] = sum
    if overflow { count(register + 4) }
  }
  /// The counter of a frame's size class among six that begin with 64 bytes.
  static func sizeClass(_ count: Int) -> Int {
    switch count {
    case ...64: 0
    case ...127: 4
    case ...255: 8
    case ...511: 12
    case ...1023: 16
    default: 20
    }
  }

  public func info() -> String {
    func hex(_ value: UInt32) -> String { String(value, radix: 16) }
    return """
      ctrl \(hex(self[Register.ctrl])), rctl \(hex(self[Register.rctl])), tctl \(hex(self[Register.tctl]))
      receive: head \(self[Register.rdh]), tail \(self[Register.rdt]), length \(self[Register.rdlen])
      transmit: head \(self[Register.tdh]), tail \(self[Register.tdt]), length \(self[Register.tdlen])
      causes \(hex(self[Register.icr])), mask \(hex(self[Register.ims])), line \(state.lineUp ? "up" : "down")
      """
  }
}
