import Base
import DeviceKit

/// A command control block (CCB) as it stood in guest memory, with 24-bit or 32-bit addresses.
struct BusLogicBlock: Sendable {
  let address: UInt32
  let is32: Bool
  let opcode: UInt8
  let target: Int
  let unit: Int
  let direction: SCSICommand.Direction
  /// The CDB.
  let command: [UInt8]
  /// Bytes of data, or of the list that says where it is.
  private let count: Int
  private let data: UInt32
  private let senseAddress: UInt64
  private let senseLimit: Int
  /// Bytes of data that the list has room for.
  var room = 0

  /// Elements of a scatter-gather list.
  static let elementLimit = 8192

  init(address: UInt32, is32: Bool, usesExtendedUnits: Bool, _ host: some DeviceServices) {
    self.address = address
    self.is32 = is32
    let bytes = host.dmaRead(GuestPhysical(UInt64(address)), count: 40)
    opcode = UInt8(bytes.little(0, 1))
    let control = UInt8(bytes.little(1, 1))
    switch control >> 3 & 3 {
    case 1: direction = .read
    case 2: direction = .write
    case 3: direction = .none
    default: direction = .any
    }
    let length = min(12, max(6, Int(bytes.little(2, 1))))
    command = (0..<length).map { UInt8(bytes.little(18 + $0, 1)) }
    let sense = Int(bytes.little(3, 1))
    // 0 stands for fourteen bytes, 1 for none.
    senseLimit = sense == 0 ? 14 : sense == 1 ? 0 : sense
    if is32 {
      (target, count, data) = (Int(bytes.little(16, 1)), Int(bytes.little(4, 4)), UInt32(bytes.little(8, 4)))
      unit = Int(bytes.little(17, 1)) & (usesExtendedUnits ? 0x3f : 0x1f)
      senseAddress = bytes.little(36, 4)
    } else {
      (target, unit) = (Int(control >> 5), Int(control & 7))
      (count, data) = (Int(BusLogicBlock.big24(bytes, 4)), BusLogicBlock.big24(bytes, 7))
      // Behind the CDB.
      senseAddress = UInt64(address) + 18 + bytes.little(2, 1)
    }
  }
  static func big24(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    UInt32(bytes.little(at, 1)) << 16 | UInt32(bytes.little(at + 1, 1)) << 8 | UInt32(bytes.little(at + 2, 1))
  }

  /// Guest memory for the data; nil when the list cannot be one.
  func segments(_ host: some DeviceServices) -> [GuestSegment]? {
    guard direction != .none, count > 0 else { return [] }
    guard opcode == 2 || opcode == 4 else {
      return [GuestSegment(address: GuestPhysical(UInt64(data)), count: min(count, Int(SCSIDisk.transferLimit)))]
    }
    let size = is32 ? 8 : 6
    guard count / size <= BusLogicBlock.elementLimit else { return nil }
    let entries = host.dmaRead(GuestPhysical(UInt64(data)), count: count / size * size)
    var list: [GuestSegment] = []
    for at in stride(from: 0, to: count / size * size, by: size) {
      let length = is32 ? Int(entries.little(at, 4)) : Int(BusLogicBlock.big24(entries, at))
      let address = is32 ? entries.little(at + 4, 4) : UInt64(BusLogicBlock.big24(entries, at + 3))
      if length > 0 { list.append(GuestSegment(address: GuestPhysical(address), count: length)) }
    }
    return list
  }
  func store(sense: [UInt8], _ host: some DeviceServices) {
    let bytes = Array(sense.prefix(senseLimit))
    if !bytes.isEmpty { host.dmaWrite(GuestPhysical(senseAddress), bytes) }
  }
  /// Blocks of two kinds get back how much was not moved.
  func store(residual: Int, _ host: some DeviceServices) {
    guard opcode == 3 || opcode == 4 else { return }
    let value = UInt32(clamping: max(0, residual))
    let bytes: [UInt8] =
      is32
      ? [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
      : [16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    host.dmaWrite(GuestPhysical(UInt64(address) + 4), bytes)
  }
}
