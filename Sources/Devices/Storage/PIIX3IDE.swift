import Base
import DeviceKit

/// IDE function of the Intel 82371SB (PIIX3), 8086:7010: two channels of two drives, disks or CD-ROM drives, with bus
/// master DMA.
///
/// - Drives 0 and 1 are master and slave of the primary channel, 2 and 3 of the secondary; the block backends have the
///   same numbers. Outputs: "irq14", "irq15".
/// - The legacy ports answer whatever IDETIM and the command register say; BAR 4 holds the bus master registers.
/// - Spec: Intel 290550 "82371FB/82371SB", 2.3 and 2.7; ATA/ATAPI-7 volumes 1 and 2; MMC-5; SFF-8020i.
/// - Not modelled: overlapped and queued commands, host protected area changes, security, SMART (all abort).
public struct PIIX3IDE: PCIDevice {
  public struct State: SavedState {
    public var config = PIIX3IDE.initialConfig
    public var channels = [IDEChannelState(), IDEChannelState()]
    public init() {}
    public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.nested("config", &config)
      try visit.fixedList("channels", &channels)
    }
  }
  private enum RegionIndex { static let busMaster = 4 }

  private static let initialConfig: PCIConfigSpace = {
    var config = PCIConfigSpace(
      vendor: 0x8086, device: 0x7010, classCode: 0x010180, subsystem: PCIConfigSpace.platform)
    config.writable[0x04] = 0x05
    config.writable[0x05] = 0
    config.writable[0x0c] = 0
    config.writable[0x3c] = 0
    config.set16(0x06, 0x0280)
    config.defineBAR(4, size: 16, kind: .port)
    for offset in 0x40...0x44 { config.writable[offset] = 0xff }  // IDETIM, SIDETIM
    return config
  }()

  public let descriptor = DeviceDescriptor(
    name: "piix3-ide",
    regions: [
      .ports(0x1f0...0x1f7, "IDE 0 command"), .ports(0x3f6...0x3f6, "IDE 0 control"),
      .ports(0x170...0x177, "IDE 1 command"), .ports(0x376...0x376, "IDE 1 control"),
      Region(.port, base: nil, size: 16, "IDE bus master"),
    ],
    outputs: ["irq14", "irq15"])
  public let barRegions: [(bar: Int, region: Int)] = [(4, RegionIndex.busMaster)]

  public var config = PIIX3IDE.initialConfig
  var channels: [IDEChannel]

  /// `drives`: up to four, in the order of the backends.
  public init(drives: [ATADriveConfiguration]) {
    let four = Array((drives + Array(repeating: .none, count: 4)).prefix(4))
    channels = (0..<2).map { IDEChannel(number: $0, drives: Array(four[($0 * 2)..<($0 * 2 + 2)])) }
  }

  public var state: State {
    get {
      var state = State()
      state.config = config
      state.channels = channels.map(\.state)
      return state
    }
    set {
      config = newValue.config
      for index in channels.indices { channels[index].state = newValue.channels[index] }
    }
  }

  public mutating func reset(_ host: some DeviceServices) {
    config = PIIX3IDE.initialConfig
    mapBARs(host)
    for index in channels.indices { channels[index].hardwareReset(host) }
  }
  public mutating func stateRestored(_ host: some DeviceServices) {
    mapBARs(host)
    for index in channels.indices { channels[index].restored(host) }
  }

  public mutating func read(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    switch access.region {
    case 0, 2:
      let channel = access.region >> 1
      if access.offset == 0 { return channels[channel].readData(width: access.width, host) }
      return bytes(access) { channels[channel].readRegister(Int($0), host) }
    case 1, 3: return UInt64(channels[access.region >> 1].alternateStatus)
    case RegionIndex.busMaster:
      return bytes(access) { channels[Int($0 >> 3) & 1].readBusMaster(Int($0 & 7)) }
    default: return .max
    }
  }
  /// Wide reads of byte registers: one after the other, as the ISA bus does.
  private func bytes(_ access: Access, _ read: (UInt64) -> UInt8) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<UInt64(max(0, min(access.width, 8))) {
      value |= UInt64(read(access.offset &+ index)) << (index * 8)
    }
    return value
  }

  public mutating func write(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    switch access.region {
    case 0, 2:
      let channel = access.region >> 1
      if access.offset == 0 {
        channels[channel].writeData(value, width: access.width, host)
        return
      }
      for index in 0..<UInt64(max(0, min(access.width, 8))) {
        channels[channel].writeRegister(
          Int(truncatingIfNeeded: access.offset &+ index), UInt8(truncatingIfNeeded: value >> (index * 8)), host)
      }
    case 1, 3: channels[access.region >> 1].writeControl(UInt8(truncatingIfNeeded: value), host)
    case RegionIndex.busMaster:
      for index in 0..<UInt64(max(0, min(access.width, 8))) {
        let offset = access.offset &+ index
        channels[Int(offset >> 3) & 1].writeBusMaster(
          Int(offset & 7), UInt8(truncatingIfNeeded: value >> (index * 8)), host)
      }
    default: break
    }
  }

  public mutating func blockCompleted(_ completion: BlockCompletion, _ host: some DeviceServices) {
    guard (0..<4).contains(completion.drive) else { return }
    channels[completion.drive >> 1].completed(completion, host)
  }

  // MARK: Media

  /// The machine changed the medium of a CD-ROM drive; `sectors` 0 when it was taken out.
  public mutating func mediumChanged(drive: Int, _ medium: MediumInfo, _ host: some DeviceServices) {
    guard (0..<4).contains(drive) else { return }
    channels[drive >> 1].mediumChanged(drive & 1, medium)
  }
  /// The guest has forbidden to take the medium out (PREVENT ALLOW MEDIUM REMOVAL).
  public func isLocked(drive: Int) -> Bool {
    (0..<4).contains(drive) && channels[drive >> 1].state.drives[drive & 1].locked
  }
  /// The guest has opened the tray.
  public func isTrayOpen(drive: Int) -> Bool {
    (0..<4).contains(drive) && channels[drive >> 1].state.drives[drive & 1].trayOpen
  }

  public func info() -> String { channels.map { $0.info() }.joined(separator: "\n") }
}
