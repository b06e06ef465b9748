import Base
import DeviceKit

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
  var drives = [ATADrive(), ATADrive()]
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
