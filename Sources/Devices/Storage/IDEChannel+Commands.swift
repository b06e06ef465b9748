import Base
import DeviceKit

/// ATA command codes (ATA/ATAPI-7, annex B).
enum ATACommand {
  static let nop: UInt8 = 0x00, dataSetManagement: UInt8 = 0x06, deviceReset: UInt8 = 0x08
  static let readNativeMax: UInt8 = 0xf8, readNativeMaxExt: UInt8 = 0x27
  static let executeDiagnostic: UInt8 = 0x90, initializeParameters: UInt8 = 0x91
  static let packet: UInt8 = 0xa0, identifyPacket: UInt8 = 0xa1
  static let setMultiple: UInt8 = 0xc6, checkPowerMode: UInt8 = 0xe5
  static let flushCache: UInt8 = 0xe7, flushCacheExt: UInt8 = 0xea
  static let identify: UInt8 = 0xec, setFeatures: UInt8 = 0xef
}

extension IDEChannel {
  /// A write of the command register, with the channel not busy.
  mutating func startCommand(_ command: UInt8, _ host: some DeviceServices) {
    if command == ATACommand.executeDiagnostic, isPresent(0) || isPresent(1) {
      runDiagnostic(host)
      return
    }
    let drive = selected
    guard isPresent(drive) else { return }
    state.transfer = IDETransfer()
    state.transfer.drive = UInt8(drive)
    state.drives[drive].interrupt = false
    state.drives[drive].error = 0
    state.drives[drive].status = ATAStatus.DRDY | ATAStatus.DSC
    updateLine(host)
    if isCDROM(drive) {
      startCDROMCommand(command, host)
    } else if let (operation, extended) = MediaCommand.decode(command) {
      startMediaCommand(operation, extended: extended, host)
    } else {
      startOtherCommand(command, host)
    }
  }

  private mutating func runDiagnostic(_ host: some DeviceServices) {
    state.transfer = IDETransfer()
    state.device &= ~0x10
    for drive in 0..<2 {
      state.drives[drive].interrupt = false
      setSignature(drive)
    }
    state.transfer.drive = isPresent(0) ? 0 : 1
    raiseInterrupt(host)
  }

  /// Commands that address sectors.
  enum MediaCommand {
    case read, write, readMultiple, writeMultiple, readDMA, writeDMA, verify

    static func decode(_ command: UInt8) -> (MediaCommand, extended: Bool)? {
      switch command {
      case 0x20, 0x21: (.read, false)
      case 0x24: (.read, true)
      case 0x30, 0x31, 0x3c: (.write, false)
      case 0x34: (.write, true)
      case 0xc4: (.readMultiple, false)
      case 0x29: (.readMultiple, true)
      case 0xc5: (.writeMultiple, false)
      case 0x39, 0xce: (.writeMultiple, true)
      case 0xc8, 0xc9: (.readDMA, false)
      case 0x25: (.readDMA, true)
      case 0xca, 0xcb: (.writeDMA, false)
      case 0x35, 0x3d: (.writeDMA, true)
      case 0x40, 0x41: (.verify, false)
      case 0x42: (.verify, true)
      default: nil
      }
    }
  }

  private mutating func startMediaCommand(_ operation: MediaCommand, extended: Bool, _ host: some DeviceServices) {
    let drive = state.drives[actor]
    let medium = configurations[actor].medium
    guard let sector = address(extended: extended) else {
      fail(ATAError.IDNF, host)
      return
    }
    // A count of 0 stands for the largest one.
    let raw = extended ? UInt32(drive.count) : UInt32(drive.count & 0xff)
    let count = raw == 0 ? (extended ? 65_536 : 256) : raw
    guard sector <= medium.sectors, UInt64(count) <= medium.sectors - sector else {
      fail(ATAError.IDNF, host)
      return
    }
    state.transfer.sector = sector
    state.transfer.remaining = count
    switch operation {
    case .write, .writeMultiple, .writeDMA:
      state.transfer.isWrite = true
      guard !medium.readOnly else {
        fail(ATAError.ABRT, host)
        return
      }
    default: break
    }
    if operation == .readMultiple || operation == .writeMultiple {
      guard drive.multiple > 0 else {
        fail(ATAError.ABRT, host)
        return
      }
      state.transfer.block = UInt32(drive.multiple) * 512
    }
    switch operation {
    case .read, .readMultiple: startRead(host)
    case .write, .writeMultiple: requestData(first: true, host)
    case .readDMA, .writeDMA: waitForBusMaster(host)
    // Nothing is moved, and the backend reports bad sectors when they are read.
    case .verify: finish(host)
    }
  }

  /// First sector of the command, by LBA48, LBA28 or CHS; nil when CHS registers name no sector.
  private func address(extended: Bool) -> UInt64? {
    let drive = state.drives[actor]
    let bytes = UInt64(drive.low & 0xff) | UInt64(drive.mid & 0xff) << 8 | UInt64(drive.high & 0xff) << 16
    if extended {
      return bytes | UInt64(drive.low >> 8) << 24 | UInt64(drive.mid >> 8) << 32 | UInt64(drive.high >> 8) << 40
    }
    if state.device & 0x40 != 0 { return bytes | UInt64(state.device & 15) << 24 }
    let cylinder = bytes >> 8
    let head = UInt64(state.device & 15)
    let sector = UInt64(drive.low & 0xff)
    guard sector >= 1, sector <= UInt64(drive.sectors), head < UInt64(drive.heads) else { return nil }
    return (cylinder * UInt64(drive.heads) + head) * UInt64(drive.sectors) + sector - 1
  }
  /// Puts an LBA into the registers of the drive under way.
  mutating func setAddress(_ sector: UInt64) {
    func pair(_ low: UInt64, _ high: UInt64) -> UInt16 {
      UInt16(sector >> low & 0xff) | UInt16(sector >> high & 0xff) << 8
    }
    state.drives[actor].low = pair(0, 24)
    state.drives[actor].mid = pair(8, 32)
    state.drives[actor].high = pair(16, 40)
  }

  private mutating func startOtherCommand(_ command: UInt8, _ host: some DeviceServices) {
    let count = UInt8(truncatingIfNeeded: state.drives[actor].count)
    switch command {
    case ATACommand.identify: offer(identifyDisk(), host)
    case ATACommand.initializeParameters:
      state.drives[actor].heads = (state.device & 15) + 1
      state.drives[actor].sectors = max(1, count)
      if count == 0 { fail(ATAError.ABRT, host) } else { finish(host) }
    case 0x10...0x1f, 0x70...0x7f: finish(host)  // RECALIBRATE, SEEK
    case ATACommand.setMultiple:
      guard count <= 16, count & (count &- 1) == 0 else {
        fail(ATAError.ABRT, host)
        return
      }
      state.drives[actor].multiple = count
      finish(host)
    case ATACommand.setFeatures: setFeatures(count, host)
    case ATACommand.flushCache, ATACommand.flushCacheExt: startFlush(host)
    case ATACommand.readNativeMax, ATACommand.readNativeMaxExt:
      readNativeMax(extended: command == ATACommand.readNativeMaxExt, host)
    case ATACommand.dataSetManagement: startTrim(host)
    case 0xe0...0xe6, 0x94...0x99: powerCommand(command, host)
    // NOP always aborts; so do SMART, SECURITY, SET MAX, DEVICE RESET and all that is unknown.
    default: fail(ATAError.ABRT, host)
    }
  }

  /// STANDBY IMMEDIATE, IDLE IMMEDIATE, STANDBY, IDLE, CHECK POWER MODE, SLEEP (and their old codes 9xh).
  mutating func powerCommand(_ command: UInt8, _ host: some DeviceServices) {
    switch command {
    case 0xe0, 0xe2, 0xe6, 0x94, 0x96, 0x99: state.drives[actor].standby = true
    case 0xe5, 0x98: state.drives[actor].count = state.drives[actor].standby ? 0 : 0xff
    case 0xe4:  // READ BUFFER
      fail(ATAError.ABRT, host)
      return
    default: state.drives[actor].standby = false
    }
    finish(host)
  }

  private mutating func startFlush(_ host: some DeviceServices) {
    state.transfer.phase = .flushing
    state.drives[actor].status = ATAStatus.BSY | ATAStatus.DRDY
    submitPending(host)
  }

  private mutating func readNativeMax(extended: Bool, _ host: some DeviceServices) {
    let last = max(1, configurations[actor].medium.sectors) - 1
    if extended {
      setAddress(last)
    } else {
      let clamped = min(last, 0x0fff_ffff)
      setAddress(clamped & 0xff_ffff)
      state.device = state.device & 0xf0 | UInt8(clamped >> 24)
    }
    finish(host)
  }

  mutating func setFeatures(_ count: UInt8, _ host: some DeviceServices) {
    switch UInt8(truncatingIfNeeded: state.drives[actor].features) {
    case 0x02: state.drives[actor].writeCache = true
    case 0x82: state.drives[actor].writeCache = false
    case 0x03:
      switch count {
      case 0x00, 0x01, 0x08...0x0c: break
      case 0x20...0x22, 0x40...0x45: state.drives[actor].transferMode = count
      default:
        fail(ATAError.ABRT, host)
        return
      }
    // Read look-ahead and power-on defaults: accepted, nothing depends on them.
    case 0x55, 0xaa, 0x66, 0xcc: break
    default:
      fail(ATAError.ABRT, host)
      return
    }
    finish(host)
  }

  // MARK: DATA SET MANAGEMENT

  private mutating func startTrim(_ host: some DeviceServices) {
    let blocks = UInt32(state.drives[actor].count)
    guard state.drives[actor].features & 1 == 1, (1...8).contains(blocks), !configurations[actor].medium.readOnly else {
      fail(ATAError.ABRT, host)
      return
    }
    // A DMA command; its data is small, so it is taken into the buffer first.
    state.transfer.isWrite = true
    state.transfer.buffer = [UInt8](repeating: 0, count: Int(blocks) * 512)
    waitForBusMaster(host)
  }
  /// Discards the next range of the list in the buffer: eight bytes each, LBA in bits 47-0, count in bits 63-48.
  mutating func submitTrim(_ host: some DeviceServices) {
    let sectors = configurations[actor].medium.sectors
    while Int(state.transfer.position) + 8 <= state.transfer.buffer.count {
      let at = Int(state.transfer.position)
      state.transfer.position += 8
      state.transfer.blockEnd = max(state.transfer.blockEnd, state.transfer.position)
      let entry = (0..<8).reduce(UInt64(0)) { $0 | UInt64(state.transfer.buffer[at + $1]) << UInt64($1 * 8) }
      let (sector, count) = (entry & 0xffff_ffff_ffff, entry >> 48)
      guard count > 0 else { continue }
      guard sector <= sectors, count <= sectors - sector else {
        fail(ATAError.IDNF, host)
        return
      }
      submit(BlockRequest(.discard, sector: sector, count: Int(count) * 512), host)
      return
    }
    finish(host)
  }
}
