import Base
import DeviceKit

/// SCSI commands (MPI 1.5, SCSI IO messages) and their scatter-gather lists.
extension FusionMPT {
  /// What a reply to a SCSI IO request needs of it.
  struct SCSIRequest: Sendable {
    /// The first twelve bytes of the message.
    var header: [UInt8]
    var context: UInt32
    var target: Int
    var senseAddress: UInt64
    var senseLimit: Int
    var room: Int
  }
  /// Elements of a list, and segments of a chain.
  static let elementLimit = 2048, segmentLimit = 64

  mutating func startSCSI(_ frame: [UInt8], at address: UInt64, _ host: some DeviceServices) {
    let flags = frame.little(7, 1)
    let sense = frame.little(0x2c, 4)
    var request = SCSIRequest(
      header: Array(frame.prefix(12)), context: UInt32(frame.little(8, 4)), target: Int(frame.little(0, 1)),
      senseAddress: UInt64(stored.senseHigh) << 32 | sense, senseLimit: Int(frame.little(5, 1)), room: 0)
    guard frame.little(1, 1) == 0 else { return fail(request, Status.scsiInvalidBus, host) }
    guard request.target < deviceCount else { return fail(request, Status.scsiInvalidTarget, host) }
    guard targets.outstanding < FusionMPT.credits else { return fail(request, Status.busy, host) }
    let control = frame.little(0x14, 4) >> 24 & 3
    let direction: SCSICommand.Direction
    switch control {
    case 1: direction = .write
    case 2: direction = .read
    // CMD_DETERMINES_DATA_DIR
    default: direction = flags & 4 != 0 ? .any : .none
    }
    var list: [GuestSegment] = []
    let count = Int(frame.little(0x28, 4))
    if count > 0, direction != .none {
      guard let found = scatterGather(frame, host) else { return fail(request, Status.invalidSGL, host) }
      list = found.slice(0, count)
    }
    let length = min(16, max(6, Int(frame.little(4, 1))))
    // The second byte of the first level of the LUN, or both with flat addressing.
    let unit = (Int(frame.little(0x0c, 1)) << 8 | Int(frame.little(0x0d, 1))) & 0x3fff
    let command = SCSICommand(
      target: request.target, unit: unit, bytes: Array(frame[0x18..<0x18 + length]), direction: direction, data: list)
    request.room = command.room
    lastSerial &+= 1
    let pending = Pending(serial: lastSerial, request: request, run: run)
    if let end = targets.start(command, pending, host) {
      finish(request, end, host)
    } else {
      flying[pending.serial] = request
    }
  }

  /// A command has ended.
  mutating func finish(_ request: SCSIRequest, _ end: SCSIEnd, _ host: some DeviceServices) {
    switch end.cause {
    case .noTarget: return fail(request, Status.scsiDeviceNotThere, host)
    case .mismatch: return fail(request, Status.scsiProtocolError, host)
    case .status: break
    }
    // Bit 31 tells the two kinds of replies apart.
    if end.status == 0, end.moved == request.room, request.context >> 31 == 0 {
      return pushReply(request.context, host)
    }
    var reply = scsiReply(request, end.moved < request.room ? Status.scsiDataUnderrun : Status.success)
    reply[0x0c] = end.status
    reply.put(0x14, UInt64(end.moved), 4)
    if !end.sense.isEmpty {
      let sense = Array(end.sense.prefix(request.senseLimit))
      if !sense.isEmpty { host.dmaWrite(GuestPhysical(request.senseAddress), sense) }
      reply[0x0d] = sense.isEmpty ? 2 : 1  // SCSIState: autosense failed or valid
      reply.put(0x18, UInt64(sense.count), 4)
    }
    post(reply, host)
  }
  private mutating func fail(_ request: SCSIRequest, _ status: UInt16, _ host: some DeviceServices) {
    var reply = scsiReply(request, status)
    reply[0x0d] = 4  // SCSIState: no SCSI status
    post(reply, host)
  }
  private func scsiReply(_ request: SCSIRequest, _ status: UInt16) -> [UInt8] {
    var reply = self.reply(to: request.header, words: 9, status: status)
    reply.put(0x20, 0xffff, 2)  // TaskTag: unknown
    return reply
  }

  /// The list of a SCSI IO request, which begins at 30h; nil when it is not one.
  ///
  /// A segment ends with an element that has LAST_ELEMENT set; where the header or a chain element gives the place of a
  /// chain element behind it, the list goes on in another segment.
  private func scatterGather(_ frame: [UInt8], _ host: some DeviceServices) -> [GuestSegment]? {
    var list: [GuestSegment] = []
    var segment = frame
    var position = 0x30, chain = Int(frame.little(2, 1)) * 4
    var elements = 0
    for _ in 0..<FusionMPT.segmentLimit {
      let end = chain > 0 ? min(chain, segment.count) : segment.count
      while position + 8 <= end {
        let flagsLength = UInt32(segment.little(position, 4))
        let flags = flagsLength >> 24
        elements += 1
        guard elements <= FusionMPT.elementLimit, flags & 0x30 == 0x10 else { return nil }
        let is64 = flags & 2 != 0
        guard position + (is64 ? 12 : 8) <= end else { return nil }
        let address = segment.little(position + 4, is64 ? 8 : 4), count = Int(flagsLength & 0xff_ffff)
        if count > 0 { list.append(GuestSegment(address: GuestPhysical(address), count: count)) }
        if flags & 1 != 0 { return list }  // END_OF_LIST
        position += is64 ? 12 : 8
        if flags & 0x80 != 0 { break }  // LAST_ELEMENT
      }
      guard chain > 0, chain + 8 <= segment.count, segment.little(chain + 3, 1) & 0x30 == 0x30 else { return nil }
      let is64 = segment.little(chain + 3, 1) & 2 != 0
      guard !is64 || chain + 12 <= segment.count else { return nil }
      let length = Int(segment.little(chain, 2)), next = Int(segment.little(chain + 2, 1)) * 4
      let address = segment.little(chain + 4, is64 ? 8 : 4)
      guard length >= 8 else { return nil }
      segment = host.dmaRead(GuestPhysical(address), count: length)
      (position, chain) = (0, next)
    }
    return nil
  }
}
