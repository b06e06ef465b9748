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

/// How a drive is connected; it tells by IDENTIFY.
enum ATAConnection: Equatable, Sendable {
  case parallel(isSlave: Bool)
  case serial
}

/// What an ATA or ATAPI drive does with a command (ATA/ATAPI-7), told apart from how command and data are carried: the
/// IDE channel does that by registers and ports, an AHCI port by frames.
struct ATAUnit {
  /// What the controller has to do for a command.
  enum Outcome: Equatable {
    /// It has ended well; the registers hold what it returns.
    case done
    /// It has ended with these bits in the error register.
    case fail(UInt8)
    /// DEVICE RESET: the registers hold the signature, and no interrupt follows.
    case reset
    /// Bytes for the host, by PIO.
    case data([UInt8])
    case transfer(Transfer)
    case flush
    /// So many bytes with ranges to be discarded come by DMA.
    case trim(Int)
    /// A command packet follows.
    case packet
  }
  /// Sectors to be moved.
  struct Transfer: Equatable {
    var sector: UInt64
    /// Sectors.
    var count: UInt32
    var isWrite: Bool
    var isDMA: Bool
    /// Bytes a DRQ block of a PIO command.
    var block: UInt32
    /// The data must be on stable storage when the command ends.
    var isForced: Bool
  }

  let configuration: ATADriveConfiguration
  let connection: ATAConnection
  /// Serial number where the medium has none.
  let defaultSerial: String
  /// Registers as the host wrote them, and what the drive remembers.
  var drive: ATADrive
  /// The device register.
  var device: UInt8

  var isCDROM: Bool { configuration.kind == .cdrom }

  /// Carries out what needs no data, and says what the rest needs.
  mutating func perform(_ command: UInt8) -> Outcome {
    if isCDROM { return performCDROM(command) }
    if let (operation, extended) = MediaCommand.decode(command) {
      return transfer(operation, extended: extended, isForced: command == 0x3d || command == 0xce)
    }
    return performOther(command)
  }

  /// Commands that address sectors.
  private enum MediaCommand {
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

  /// Whether so many sectors from `sector` on are on the disk.
  func fits(_ sector: UInt64, _ count: UInt64) -> Bool {
    sector <= configuration.medium.sectors && count <= configuration.medium.sectors - sector
  }

  private mutating func transfer(_ operation: MediaCommand, extended: Bool, isForced: Bool) -> Outcome {
    guard let sector = drive.address(extended: extended, device: device) else { return .fail(ATAError.IDNF) }
    // A count of 0 stands for the largest one.
    let raw = extended ? UInt32(drive.count) : UInt32(drive.count & 0xff)
    let count = raw == 0 ? (extended ? 65_536 : 256) : raw
    guard fits(sector, UInt64(count)) else { return .fail(ATAError.IDNF) }
    var transfer = Transfer(
      sector: sector, count: count, isWrite: false, isDMA: false, block: 512, isForced: isForced)
    switch operation {
    case .write, .writeMultiple, .writeDMA: transfer.isWrite = true
    case .read, .readMultiple, .readDMA, .verify: break
    }
    if transfer.isWrite, configuration.medium.readOnly { return .fail(ATAError.ABRT) }
    switch operation {
    case .readMultiple, .writeMultiple:
      guard drive.multiple > 0 else { return .fail(ATAError.ABRT) }
      transfer.block = UInt32(drive.multiple) * 512
    case .readDMA, .writeDMA: transfer.isDMA = true
    // Nothing is moved, and the backend reports bad sectors when they are read.
    case .verify: return .done
    case .read, .write: break
    }
    return .transfer(transfer)
  }

  private mutating func performOther(_ command: UInt8) -> Outcome {
    let count = UInt8(truncatingIfNeeded: drive.count)
    switch command {
    case ATACommand.identify: return .data(identifyDisk())
    case ATACommand.initializeParameters:
      drive.heads = (device & 15) + 1
      drive.sectors = max(1, count)
      return count == 0 ? .fail(ATAError.ABRT) : .done
    case 0x10...0x1f, 0x70...0x7f: return .done  // RECALIBRATE, SEEK
    case ATACommand.setMultiple:
      guard count <= 16, count & (count &- 1) == 0 else { return .fail(ATAError.ABRT) }
      drive.multiple = count
      return .done
    case ATACommand.setFeatures: return setFeatures(count)
    case ATACommand.flushCache, ATACommand.flushCacheExt: return .flush
    case ATACommand.readNativeMax, ATACommand.readNativeMaxExt:
      return readNativeMax(extended: command == ATACommand.readNativeMaxExt)
    case ATACommand.dataSetManagement:
      guard drive.features & 1 == 1, (1...8).contains(drive.count), !configuration.medium.readOnly else {
        return .fail(ATAError.ABRT)
      }
      return .trim(Int(drive.count) * 512)
    case 0xe0...0xe6, 0x94...0x99: return power(command)
    // NOP always aborts; so do SMART, SECURITY, SET MAX, DEVICE RESET and all that is unknown.
    default: return .fail(ATAError.ABRT)
    }
  }

  private mutating func performCDROM(_ command: UInt8) -> Outcome {
    switch command {
    case ATACommand.packet: return .packet
    case ATACommand.identifyPacket: return .data(identifyCDROM())
    case ATACommand.deviceReset:
      drive.setSignature(isCDROM: true)
      device &= 0x10
      return .reset
    case ATACommand.setFeatures: return setFeatures(UInt8(truncatingIfNeeded: drive.count))
    case 0xe0...0xe3, 0xe5, 0xe6: return power(command)
    case ATACommand.flushCache: return .done
    case ATACommand.identify, 0x20, 0x21:
      // These abort and show the signature, by which software tells a PACKET device (ATA/ATAPI-7, 5.15.3).
      drive.setSignature(isCDROM: true)
      return .fail(ATAError.ABRT)
    default: return .fail(ATAError.ABRT)
    }
  }

  /// STANDBY IMMEDIATE, IDLE IMMEDIATE, STANDBY, IDLE, CHECK POWER MODE, SLEEP (and their old codes 9xh).
  private mutating func power(_ command: UInt8) -> Outcome {
    switch command {
    case 0xe0, 0xe2, 0xe6, 0x94, 0x96, 0x99: drive.standby = true
    case 0xe5, 0x98: drive.count = drive.standby ? 0 : 0xff
    case 0xe4: return .fail(ATAError.ABRT)  // READ BUFFER
    default: drive.standby = false
    }
    return .done
  }

  private mutating func readNativeMax(extended: Bool) -> Outcome {
    let last = max(1, configuration.medium.sectors) - 1
    if extended {
      drive.setAddress(last)
    } else {
      let clamped = min(last, 0x0fff_ffff)
      drive.setAddress(clamped & 0xff_ffff)
      device = device & 0xf0 | UInt8(clamped >> 24)
    }
    return .done
  }

  private mutating func setFeatures(_ count: UInt8) -> Outcome {
    switch UInt8(truncatingIfNeeded: drive.features) {
    case 0x02: drive.writeCache = true
    case 0x82: drive.writeCache = false
    case 0x03:
      switch count {
      case 0x00, 0x01, 0x08...0x0c: break
      case 0x20...0x22, 0x40...0x45: drive.transferMode = count
      default: return .fail(ATAError.ABRT)
      }
    // Read look-ahead and power-on defaults: accepted, nothing depends on them.
    case 0x55, 0xaa, 0x66, 0xcc: break
    default: return .fail(ATAError.ABRT)
    }
    return .done
  }

  /// The error register after a transfer that the backend did not carry out.
  static func error(for status: BlockCompletion.Status, isRead: Bool) -> UInt8 {
    switch status {
    case .outOfRange: ATAError.IDNF
    case .ioError where isRead: ATAError.UNC
    default: ATAError.ABRT
    }
  }

  /// The next range of the list of a DATA SET MANAGEMENT command that names any sectors: eight bytes each, LBA in bits
  /// 47-0, count in bits 63-48. `position` is moved behind it.
  static func nextRange(_ list: [UInt8], _ position: inout Int) -> (sector: UInt64, count: UInt64)? {
    while position + 8 <= list.count {
      let entry = (0..<8).reduce(UInt64(0)) { $0 | UInt64(list[position + $1]) << UInt64($1 * 8) }
      position += 8
      if entry >> 48 > 0 { return (entry & 0xffff_ffff_ffff, entry >> 48) }
    }
    return nil
  }
}
