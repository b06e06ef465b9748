import Base
import DeviceKit

/// AHCI controller as in Intel's ICH9, 8086:2922: up to thirty ports with a disk or CD-ROM drive each.
///
/// - Port n is block backend n. Output: "inta"; one message by MSI.
/// - Offered: 32 slots, native command queuing, 64-bit addresses, software, port and HBA reset, drives that come and go
///   (PxCMD.HPCP: told by PxSERR.DIAG.X and N, which PxIS.PCS and PRCS show; no mechanical switch, no cold presence
///   detection, no external ports: CAP.SMPS, PxCMD.CPD and CAP.SXS are 0).
/// - A reset, and a cleared ST, show that they have ended only when the backend has nothing of the port any more, because
///   its requests go straight to guest memory.
/// - Spec: AHCI 1.3.1; Serial ATA 2.6, 10.3 (frames) and 13.6 (queuing); ATA8-ACS.
/// - Not modelled: port multipliers, power states of the link, enclosure management, command coalescing.
public struct AHCI: PCIDevice {
  public struct State: SavedState {
    var config = AHCI.initialConfig
    var isInterruptEnabled = false
    var interruptStatus: UInt32 = 0
    var ports: [AHCIPortState] = []
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      try visit.field("isInterruptEnabled", &isInterruptEnabled)
      try visit.field("interruptStatus", &interruptStatus)
      try visit.fixedList("ports", &ports)
    }
  }
  /// Most ports: what fits in a page of registers.
  public static let maximumPorts = 30
  private static let registersSize: UInt64 = 0x1000
  private static let messageCapability = 0x80

  private static let initialConfig: PCIConfigSpace = {
    var config = PCIConfigSpace(
      vendor: 0x8086, device: 0x2922, classCode: 0x010601, revision: 2, subsystem: PCIConfigSpace.platform,
      interruptPin: 1)
    config.defineBAR(5, size: registersSize, kind: .memory32(prefetchable: false))
    config.bytes[0x06] = 0x10  // capability list
    config.bytes[0x34] = UInt8(messageCapability)
    MSICapability.define(&config, at: messageCapability)
    return config
  }()

  public let descriptor = DeviceDescriptor(
    name: "ahci", regions: [Region(.memory, base: nil, size: registersSize, "AHCI registers")], outputs: ["inta"])
  public let barRegions: [(bar: Int, region: Int)] = [(5, 0)]

  public var config = AHCI.initialConfig
  private var isInterruptEnabled = false
  private var interruptStatus: UInt32 = 0
  private var ports: [AHCIPort]
  /// GHC.HR was written while backends had requests. Not saved: nothing is saved with requests.
  private var resetPending = false

  /// `drives`: a port each, in the order of the backends; where there is none, the port is empty. `fixed`: ports whose
  /// drives stay.
  public init(drives: [ATADriveConfiguration], fixed: Set<Int> = []) {
    ports = drives.prefix(AHCI.maximumPorts).enumerated().map { AHCIPort(number: $0, configuration: $1) }
    if ports.isEmpty { ports = [AHCIPort(number: 0, configuration: .none)] }
    for port in fixed where ports.indices.contains(port) { ports[port].isHotPluggable = false }
  }

  public var state: State {
    get {
      var state = State()
      state.config = config
      state.isInterruptEnabled = isInterruptEnabled
      state.interruptStatus = interruptStatus
      state.ports = ports.map(\.state)
      return state
    }
    set {
      config = newValue.config
      isInterruptEnabled = newValue.isInterruptEnabled
      interruptStatus = newValue.interruptStatus
      for index in ports.indices { ports[index].state = newValue.ports[index] }
    }
  }

  public mutating func reset(_ host: some DeviceServices) {
    config = AHCI.initialConfig
    mapBARs(host)
    for index in ports.indices { ports[index].powerOn(host) }
    resetRegisters(host)
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    resetPending = false
    mapBARs(host)
    for index in ports.indices { ports[index].restored(host) }
    updateInterrupt(host)
  }
  private mutating func resetRegisters(_ host: some DeviceServices) {
    resetPending = false
    isInterruptEnabled = false
    interruptStatus = 0
    updateInterrupt(host)
  }

  // MARK: Registers

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    guard access.region == 0, [1, 2, 4, 8].contains(access.width), access.offset < AHCI.registersSize else {
      return .max
    }
    let offset = Int(access.offset)
    let aligned = offset & ~3
    var value = UInt64(register(aligned))
    if offset + access.width > aligned + 4 { value |= UInt64(register(aligned + 4)) << 32 }
    return value >> UInt64((offset & 3) * 8)
  }
  private func register(_ offset: Int) -> UInt32 {
    if offset >= AHCIRegister.ports {
      let port = (offset - AHCIRegister.ports) / AHCIRegister.portSize
      return ports.indices.contains(port) ? ports[port].read(offset & (AHCIRegister.portSize - 1)) : 0
    }
    switch offset {
    case AHCIRegister.capabilities:
      // 64-bit addresses, queuing, command list override, AHCI only, 3 Gbit/s, 32 slots.
      return 1 << 31 | 1 << 30 | 1 << 24 | 1 << 18 | 2 << 20 | 31 << 8 | UInt32(ports.count - 1)
    case AHCIRegister.globalControl:
      return AHCIRegister.ahciEnable | (isInterruptEnabled ? AHCIRegister.interruptEnable : 0)
        | (resetPending ? AHCIRegister.hbaReset : 0)
    case AHCIRegister.interruptStatus: return interruptStatus
    case AHCIRegister.portsImplemented: return (1 << UInt32(ports.count)) - 1
    case AHCIRegister.version: return 0x0001_0301
    default: return 0
    }
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    // Registers are written whole.
    guard access.region == 0, access.offset < AHCI.registersSize, access.offset & 3 == 0, !resetPending else { return }
    guard access.width == 4 || access.width == 8 else { return }
    let offset = Int(access.offset)
    writeRegister(offset, UInt32(truncatingIfNeeded: value), host)
    if access.width == 8, !resetPending { writeRegister(offset + 4, UInt32(truncatingIfNeeded: value >> 32), host) }
  }
  private mutating func writeRegister(_ offset: Int, _ value: UInt32, _ host: some DeviceServices) {
    if offset >= AHCIRegister.ports {
      let port = (offset - AHCIRegister.ports) / AHCIRegister.portSize
      guard ports.indices.contains(port) else { return }
      ports[port].write(offset & (AHCIRegister.portSize - 1), value, host)
      updateInterrupt(host)
      return
    }
    switch offset {
    case AHCIRegister.globalControl:
      isInterruptEnabled = value & AHCIRegister.interruptEnable != 0
      if value & AHCIRegister.hbaReset != 0 {
        resetPending = true
        for index in ports.indices { ports[index].stop() }
        finishReset(host)
      }
      updateInterrupt(host, again: true)
    case AHCIRegister.interruptStatus:
      interruptStatus &= ~value
      updateInterrupt(host, again: true)
    default: break
    }
  }
  private mutating func finishReset(_ host: some DeviceServices) {
    guard resetPending, ports.allSatisfy({ !$0.isWaiting }) else { return }
    for index in ports.indices { ports[index].hbaReset(host) }
    resetRegisters(host)
  }

  // MARK: Interrupts

  /// IS follows the ports; a message is sent for each new bit, and `again` while any is left.
  private mutating func updateInterrupt(_ host: some DeviceServices, again: Bool = false) {
    let before = interruptStatus
    for (index, port) in ports.enumerated() where port.wantsInterrupt { interruptStatus |= 1 << UInt32(index) }
    let isPending = isInterruptEnabled && interruptStatus != 0
    let byMessage = MSICapability.isEnabled(config, at: AHCI.messageCapability)
    host.setLine(0, isPending && !byMessage && config.bytes[5] & 4 == 0)
    if byMessage, isPending, again || interruptStatus & ~before != 0 {
      MSICapability.send(config, at: AHCI.messageCapability, host)
    }
  }
  public mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices) {
    updateInterrupt(host, again: offset + width > AHCI.messageCapability)
  }

  // MARK: Drives

  public mutating func blockCompleted(_ completion: BlockCompletion, _ host: some DeviceServices) {
    guard ports.indices.contains(completion.drive) else { return }
    ports[completion.drive].completed(completion, host)
    finishReset(host)
    updateInterrupt(host)
  }
  /// The machine plugged a drive in, or with `.none` took it out.
  public mutating func driveChanged(
    port: Int, _ configuration: ATADriveConfiguration, _ host: some DeviceServices
  ) {
    guard ports.indices.contains(port) else { return }
    ports[port].isHotPluggable = true
    ports[port].plug(configuration, host)
    updateInterrupt(host)
  }
  /// The machine changed the medium of a CD-ROM drive; `sectors` 0 when it was taken out.
  public mutating func mediumChanged(drive: Int, _ medium: MediumInfo, _ host: some DeviceServices) {
    guard ports.indices.contains(drive) else { return }
    ports[drive].mediumChanged(medium)
  }

  public func info() -> String { ports.map { $0.info() }.joined(separator: "\n") }
}
