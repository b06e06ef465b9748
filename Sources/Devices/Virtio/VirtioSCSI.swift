import Base
import DeviceKit

/// Virtio SCSI host, 1AF4:1048.
public typealias VirtioSCSI = VirtioPCI<VirtioSCSIFunction>

/// The SCSI host device type (Virtio 1.1, 5.6): one bus, a disk for each target, logical unit 0.
///
/// Queues: 0 control, 1 events (never used: disks neither come nor go), 2 requests. Transfers go straight between
/// backend and guest memory; many can be under way and end in any order.
public struct VirtioSCSIFunction: VirtioFunction {
  public static let deviceType: UInt16 = 8
  public static let classCode: UInt32 = 0x010000
  public static let name = "virtio-scsi"
  /// Most targets of a bus.
  public static let maximumTargets = 64

  /// Sizes of the request header (LUN 8, id 8, attribute, priority, CRN, CDB 32) and of the response (sense length 4,
  /// residual 4, qualifier 2, status, response, sense 96).
  private static let headerSize = 51, responseSize = 108
  private enum Response {
    static let ok: UInt8 = 0, overrun: UInt8 = 1, badTarget: UInt8 = 3, failure: UInt8 = 9
    static let rejected: UInt8 = 11
  }
  private struct Request {
    var queue: Int
    var head: UInt16
    var response: [GuestSegment]
    /// Data that the driver made room for or sent, and how much of it the command moves.
    var room: Int, moved: Int
    /// Bytes moved into guest memory.
    var stored: Int
    var isRead: Bool
    var target: Int
  }

  private let disks: [SCSIDisk]
  public let queueCount = 3
  public let features: UInt64 = 0
  private var requests = BlockJobs<Request>()

  /// Target n is backend n.
  public init(_ media: [MediumInfo]) {
    disks = media.prefix(VirtioSCSIFunction.maximumTargets).map { SCSIDisk(medium: $0) }
  }
  /// virtio_scsi_config.
  public var configuration: [UInt8] {
    let words: [UInt32] = [1, 254, UInt32(SCSIDisk.transferLimit / 512), 128, 16, 96, 32]
    var bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32($0 * 8)) } }
    bytes += [0, 0, UInt8(max(1, disks.count) - 1), 0, 0, 0, 0, 0]  // channels, last target, last unit
    return bytes
  }
  public var outstanding: Int { requests.count }
  public mutating func reset() { requests.removeAll() }

  public mutating func notified(_ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices) {
    guard queue != 1 else { return }
    while let chain = transport.next(queue, host) {
      if queue == 0 {
        control(chain, &transport, host)
        continue
      }
      // A driver that gives out descriptors again before it gets them back could make this list grow without end.
      guard requests.count < Int(Virtqueue.maximumSize) else { return transport.fault(.request, host) }
      start(chain, queue, &transport, host)
    }
  }

  /// Task management: requests cannot be called back, so it succeeds when there are none. Notifications are not offered.
  private func control(_ chain: VirtioChain, _ transport: inout VirtioTransport, _ host: some DeviceServices) {
    let header = host.gather(chain.readable.slice(0, 4))
    guard header.count == 4, let last = chain.writable.last else { return transport.fault(.request, host) }
    let isTask = header.allSatisfy { $0 == 0 }
    let size = isTask ? 1 : 5
    var answer = [UInt8](repeating: 0, count: size)
    if isTask, requests.count > 0 { answer[0] = Response.rejected }
    guard chain.writableCount >= size, last.count > 0 else { return transport.fault(.request, host) }
    host.scatter(answer, chain.writable)
    transport.complete(0, head: chain.head, written: UInt32(size), host)
  }

  private mutating func start(
    _ chain: VirtioChain, _ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    let headerSize = VirtioSCSIFunction.headerSize, responseSize = VirtioSCSIFunction.responseSize
    let header = host.gather(chain.readable.slice(0, headerSize))
    guard header.count == headerSize, chain.writableCount >= responseSize else {
      return transport.fault(.request, host)
    }
    let sent = chain.readable.slice(headerSize, chain.readableCount - headerSize)
    let wanted = chain.writable.slice(responseSize, chain.writableCount - responseSize)
    let isRead = !wanted.isEmpty
    let room = isRead ? chain.writableCount - responseSize : chain.readableCount - headerSize
    var request = Request(
      queue: queue, head: chain.head, response: chain.writable.slice(0, responseSize), room: room, moved: 0, stored: 0,
      isRead: isRead, target: Int(header[1]))
    guard header[0] == 1, disks.indices.contains(request.target) else {
      return end(request, response: Response.badTarget, &transport, host)
    }
    let command = Array(header[19...])
    let unit = (Int(header[2]) << 8 | Int(header[3])) & 0x3fff
    let disk = disks[request.target]
    let outcome: SCSIDisk.Outcome
    if unit != 0 {
      // INQUIRY says that there is no such unit, REPORT LUNS which there are; the rest is refused.
      switch command[0] {
      case 0x12:
        outcome = .reply(Array(([0x7f, 0, 6, 2, 31] + [UInt8](repeating: 0, count: 31)).prefix(Int(command[4]))))
      case 0xa0: outcome = disk.perform(command, data: [])
      default: outcome = .check(.illegalRequest, code: 0x25, qualifier: 0)
      }
    } else {
      let count = min(disk.parameterCount(command), 4096)
      outcome = disk.perform(command, data: count > 0 ? host.gather(sent.slice(0, count)) : [])
    }
    carryOut(outcome, &request, isRead ? wanted : sent, &transport, host)
  }

  private mutating func carryOut(
    _ outcome: SCSIDisk.Outcome, _ request: inout Request, _ data: [GuestSegment],
    _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    switch outcome {
    case .good: end(request, &transport, host)
    case .check(let key, let code, let qualifier):
      end(request, status: 2, sense: disks[request.target].sense(key, code, qualifier), &transport, host)
    case .reply(let bytes):
      let fitting = Array(bytes.prefix(request.isRead ? request.room : 0))
      host.scatter(fitting, data)
      (request.moved, request.stored) = (fitting.count, fitting.count)
      end(request, &transport, host)
    case .transfer(let operation, let sector, let blocks):
      let count = Int(blocks) * 512
      guard request.isRead == (operation == .read), request.room >= count else {
        return end(request, response: Response.overrun, &transport, host)
      }
      (request.moved, request.stored) = (count, operation == .read ? count : 0)
      let payload = BlockRequest.Payload.guest(data.slice(0, count))
      let block = BlockRequest(operation, sector: sector, count: count, payload: payload)
      requests.start(block, drive: request.target, request, host)
    case .flush: requests.start(BlockRequest(.flush), drive: request.target, request, host)
    case .clear(let operation, let ranges):
      request.moved = request.room
      let blocks = BlockRequest.clearing(ranges, by: operation)
      if !requests.start(blocks, drive: request.target, request, host) { end(request, &transport, host) }
    }
  }
  public mutating func completed(
    _ completion: BlockCompletion, _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    guard let (started, status) = requests.completed(completion, host) else { return }
    var request = started
    guard status == .done else {
      (request.moved, request.stored) = (0, 0)
      let disk = disks[request.target]
      // Unrecovered read error, write error, medium not present.
      let sense =
        status == .noMedium
        ? disk.sense(.notReady, 0x3a, 0) : disk.sense(.mediumError, request.isRead ? 0x11 : 0x0c, 0)
      return end(request, status: 2, sense: sense, &transport, host)
    }
    end(request, &transport, host)
  }

  private func end(
    _ request: Request, response: UInt8 = Response.ok, status: UInt8 = 0, sense: [UInt8] = [],
    _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    guard transport.isRunning else { return }
    func little(_ value: Int, _ size: Int) -> [UInt8] {
      (0..<size).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    var bytes = little(sense.count, 4) + little(max(0, request.room - request.moved), 4) + [0, 0, status, response]
    bytes += sense + [UInt8](repeating: 0, count: 96 - sense.count)
    host.scatter(bytes, request.response)
    let written = UInt32(clamping: VirtioSCSIFunction.responseSize + request.stored)
    transport.complete(request.queue, head: request.head, written: written, host)
  }

  public func info() -> String { "\(disks.count) targets, \(requests.count) requests under way" }
}
