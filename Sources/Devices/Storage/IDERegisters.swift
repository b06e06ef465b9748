import Base
import DeviceKit

/// What is plugged into one of the four drive positions of an IDE controller.
public struct IDEDriveConfiguration: Sendable, Equatable {
  public enum Kind: Sendable, Equatable { case none, disk, cdrom }
  public var kind: Kind
  public var medium: MediumInfo
  /// Model number shown to the guest (at most 40 characters).
  public var model: String

  public static let none = IDEDriveConfiguration(kind: .none, medium: MediumInfo(sectors: 0), model: "")
  public static func disk(_ medium: MediumInfo, model: String = "RINGBOX HARDDISK") -> IDEDriveConfiguration {
    IDEDriveConfiguration(kind: .disk, medium: medium, model: model)
  }
  /// A CD-ROM drive; `medium.sectors` (512 bytes each) is 0 while it is empty.
  public static func cdrom(_ medium: MediumInfo, model: String = "RINGBOX CD-ROM") -> IDEDriveConfiguration {
    IDEDriveConfiguration(kind: .cdrom, medium: medium, model: model)
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
public struct IDEDrive: SavedState {
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
}

/// What a channel is doing.
enum IDEPhase: UInt8, Sendable {
  case idle
  /// The guest reads `buffer` through the data port.
  case pioIn
  /// The guest fills `buffer` through the data port.
  case pioOut
  /// A backend read (write) for a PIO or packet transfer is under way.
  case reading, writing
  /// A DMA command waits for the bus master to start.
  case dmaReady
  /// A backend request straight to or from guest RAM is under way.
  case dmaActive
  case flushing
  /// DATA SET MANAGEMENT: ranges of `buffer` from `position` on are being discarded.
  case trimming

  /// The channel waits for the backend.
  var isWaiting: Bool {
    switch self {
    case .reading, .writing, .dmaActive, .flushing, .trimming: true
    case .idle, .pioIn, .pioOut, .dmaReady: false
    }
  }
}

/// The data transfer of the command under way on a channel.
///
/// Invariant, held by clamping at each use: `position <= blockEnd <= buffer.count`.
public struct IDETransfer: SavedState {
  var phase = IDEPhase.idle
  /// Drive that carries the command out.
  var drive: UInt8 = 0
  var isWrite = false
  /// PACKET protocol.
  var isPacket = false
  /// The guest writes a command packet rather than data.
  var isCommandPacket = false
  /// Next sector (512 bytes) to be asked of the backend.
  var sector: UInt64 = 0
  /// Sectors not yet asked of the backend.
  var remaining: UInt32 = 0
  /// Sectors of the request under way.
  var chunk: UInt32 = 0
  /// Bytes a DRQ block.
  var block: UInt32 = 512
  var position: UInt32 = 0
  var blockEnd: UInt32 = 0
  var buffer: [UInt8] = []

  /// Most sectors buffered for PIO: 128 KiB.
  static let chunkLimit: UInt32 = 256

  public init() {}
  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("phase", &phase)
    try visit.field("drive", &drive, in: 0...1)
    try visit.field("isWrite", &isWrite)
    try visit.field("isPacket", &isPacket)
    try visit.field("isCommandPacket", &isCommandPacket)
    try visit.field("sector", &sector, in: 0...(1 << 50))
    try visit.field("remaining", &remaining, in: 0...(1 << 24))
    try visit.field("chunk", &chunk, in: 0...(1 << 24))
    try visit.field("block", &block, in: 1...131_072)
    try visit.bytes("buffer", &buffer, maximum: Int(IDETransfer.chunkLimit) * 512)
    try visit.field("blockEnd", &blockEnd, in: 0...UInt32(buffer.count))
    try visit.field("position", &position, in: 0...blockEnd)
  }
}

/// One channel: two drive positions, the shared registers and the bus master half.
public struct IDEChannelState: SavedState {
  var drives = [IDEDrive(), IDEDrive()]
  var device: UInt8 = 0
  var control: UInt8 = 0
  /// A reset waits for the backend request under way.
  var resetPending = false
  var transfer = IDETransfer()
  /// BMICX, BMISX, BMIDTPX (82371SB, 2.7).
  var busCommand: UInt8 = 0
  var busStatus: UInt8 = 0
  var busTable: UInt32 = 0

  public init() {}
  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.fixedList("drives", &drives)
    try visit.field("device", &device)
    try visit.field("control", &control)
    try visit.field("resetPending", &resetPending)
    try visit.nested("transfer", &transfer)
    try visit.field("busCommand", &busCommand)
    try visit.field("busStatus", &busStatus)
    try visit.field("busTable", &busTable)
  }
}
