import Base
import DeviceKit

/// What is plugged into a drive position of an IDE or AHCI controller.
public struct ATADriveConfiguration: Sendable, Equatable {
  public enum Kind: Sendable, Equatable { case none, disk, cdrom }
  public var kind: Kind
  public var medium: MediumInfo
  /// Model number shown to the guest (at most 40 characters).
  public var model: String

  public static let none = ATADriveConfiguration(kind: .none, medium: MediumInfo(sectors: 0), model: "")
  public static func disk(_ medium: MediumInfo, model: String = "RINGBOX HARDDISK") -> ATADriveConfiguration {
    ATADriveConfiguration(kind: .disk, medium: medium, model: model)
  }
  /// A CD-ROM drive; `medium.sectors` (512 bytes each) is 0 while it is empty.
  public static func cdrom(_ medium: MediumInfo, model: String = "RINGBOX CD-ROM") -> ATADriveConfiguration {
    ATADriveConfiguration(kind: .cdrom, medium: medium, model: model)
  }

  /// Default CHS translation: 16 heads, 63 sectors, at most 16383 cylinders (ATA/ATAPI-6, annex C).
  var cylinders: UInt16 { UInt16(min(16_383, medium.sectors / (16 * 63))) }
}

/// ATA status register.
enum ATAStatus {
  static let BSY: UInt8 = 0x80, DRDY: UInt8 = 0x40, DF: UInt8 = 0x20, DSC: UInt8 = 0x10, DRQ: UInt8 = 0x08
  static let ERR: UInt8 = 0x01
}
/// ATA error register.
enum ATAError { static let UNC: UInt8 = 0x40, IDNF: UInt8 = 0x10, ABRT: UInt8 = 0x04 }
/// Device control register.
enum ATAControl { static let HOB: UInt8 = 0x80, SRST: UInt8 = 0x04, nIEN: UInt8 = 0x02 }
/// Interrupt reason (sector count register) of the PACKET protocol.
enum ATAPIReason { static let CoD: UInt8 = 0x01, IO: UInt8 = 0x02 }

/// The registers of one drive and what it remembers between commands.
public struct ATADrive: SavedState {
  // Each of the first five holds the last byte written; the previous one (high-order byte) moves to bits 15-8.
  var features: UInt16 = 0
  var count: UInt16 = 1
  var low: UInt16 = 1
  var mid: UInt16 = 0
  var high: UInt16 = 0
  var error: UInt8 = 1
  var status: UInt8 = ATAStatus.DRDY | ATAStatus.DSC
  /// INTRQ is pending in the drive.
  var interrupt = false
  /// Sectors a DRQ block of the MULTIPLE commands; 0: not set.
  var multiple: UInt8 = 16
  /// Mode of SET FEATURES, transfer mode: 20h-22h multiword DMA, 40h-45h Ultra DMA.
  var transferMode: UInt8 = 0x22
  /// CHS translation in use.
  var heads: UInt8 = 16
  var sectors: UInt8 = 63
  var writeCache = true
  var standby = false
  // PACKET devices
  var senseKey: UInt8 = 0
  var senseCode: UInt8 = 0
  var senseQualifier: UInt8 = 0
  var unitAttention = false
  var locked = false
  var trayOpen = false
  /// Media event for GET EVENT STATUS NOTIFICATION.
  var event: UInt8 = 0

  public init() {}
  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("features", &features)
    try visit.field("count", &count)
    try visit.field("low", &low)
    try visit.field("mid", &mid)
    try visit.field("high", &high)
    try visit.field("error", &error)
    try visit.field("status", &status)
    try visit.field("interrupt", &interrupt)
    try visit.field("multiple", &multiple, in: 0...16)
    try visit.field("transferMode", &transferMode)
    try visit.field("heads", &heads, in: 1...16)
    try visit.field("sectors", &sectors, in: 1...255)
    try visit.field("writeCache", &writeCache)
    try visit.field("standby", &standby)
    try visit.field("senseKey", &senseKey, in: 0...15)
    try visit.field("senseCode", &senseCode)
    try visit.field("senseQualifier", &senseQualifier)
    try visit.field("unitAttention", &unitAttention)
    try visit.field("locked", &locked)
    try visit.field("trayOpen", &trayOpen)
    try visit.field("event", &event, in: 0...4)
  }

  // MARK: Registers

  /// Signature after reset and diagnostics (ATA/ATAPI-7, 5.15).
  mutating func setSignature(isCDROM: Bool) {
    count = 1
    low = 1
    mid = isCDROM ? 0x14 : 0
    high = isCDROM ? 0xeb : 0
    error = 1
    // PACKET devices show DRDY only after their first command.
    status = isCDROM ? 0 : ATAStatus.DRDY | ATAStatus.DSC
  }
  /// Keeps sense data; returns what the error register then shows.
  mutating func setSense(_ key: SenseKey, _ code: UInt8, _ qualifier: UInt8) -> UInt8 {
    (senseKey, senseCode, senseQualifier) = (key.rawValue, code, qualifier)
    return key.rawValue << 4 | ATAError.ABRT
  }
  /// Sense data after a read of a CD that the backend did not carry out: an empty drive, or an unrecovered error.
  mutating func setSense(for status: BlockCompletion.Status) -> UInt8 {
    status == .noMedium ? setSense(.notReady, 0x3a, 0) : setSense(.mediumError, 0x11, 0)
  }
  /// Takes over what belongs to the medium and not to the electronics.
  mutating func keepMedium(of other: ATADrive) {
    (unitAttention, locked, trayOpen, event) = (other.unitAttention, other.locked, other.trayOpen, other.event)
  }
  /// The medium was changed, or taken out.
  mutating func mediumChanged(isPresent: Bool) {
    unitAttention = isPresent
    trayOpen = false
    event = isPresent ? 2 : 3
  }
  /// Puts an LBA into the registers.
  mutating func setAddress(_ sector: UInt64) {
    func pair(_ low: UInt64, _ high: UInt64) -> UInt16 {
      UInt16(sector >> low & 0xff) | UInt16(sector >> high & 0xff) << 8
    }
    low = pair(0, 24)
    mid = pair(8, 32)
    high = pair(16, 40)
  }
  /// First sector of a command, by LBA48, LBA28 or CHS; nil when CHS registers name no sector.
  func address(extended: Bool, device: UInt8) -> UInt64? {
    let bytes = UInt64(low & 0xff) | UInt64(mid & 0xff) << 8 | UInt64(high & 0xff) << 16
    if extended { return bytes | UInt64(low >> 8) << 24 | UInt64(mid >> 8) << 32 | UInt64(high >> 8) << 40 }
    if device & 0x40 != 0 { return bytes | UInt64(device & 15) << 24 }
    let cylinder = bytes >> 8
    let head = UInt64(device & 15)
    let sector = UInt64(low & 0xff)
    guard sector >= 1, sector <= UInt64(sectors), head < UInt64(heads) else { return nil }
    return (cylinder * UInt64(heads) + head) * UInt64(sectors) + sector - 1
  }
}
