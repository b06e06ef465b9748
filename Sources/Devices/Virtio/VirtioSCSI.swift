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
    /// Data that the driver made room for or sent.
    var room: Int
  }

  private var targets: SCSITargets<Request>
  public let queueCount = 3
  public let features: UInt64 = 0

  /// Target n is backend n.
  public init(_ media: [MediumInfo]) {
    targets = SCSITargets(media.prefix(VirtioSCSIFunction.maximumTargets).map { .disk($0) })
  }
  /// virtio_scsi_config.
  public var configuration: [UInt8] {
    let words: [UInt32] = [1, 254, UInt32(SCSIDisk.transferLimit / 512), 128, 16, 96, 32]
    var bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32($0 * 8)) } }
    bytes += [0, 0, UInt8(max(1, targets.plugged.count) - 1), 0, 0, 0, 0, 0]  // channels, last target, last unit
    return bytes
  }
  public var outstanding: Int { targets.outstanding }
  public mutating func reset() { targets.forget() }

  public mutating func notified(_ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices) {
    guard queue != 1 else { return }
    while let chain = transport.next(queue, host) {
      if queue == 0 {
        control(chain, &transport, host)
        continue
      }
      // A driver that gives out descriptors again before it gets them back could make this list grow without end.
      guard targets.outstanding < Int(Virtqueue.maximumSize) else { return transport.fault(.request, host) }
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
    if isTask, targets.outstanding > 0 { answer[0] = Response.rejected }
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
    // A LUN of another form than target and flat unit names nobody.
    let command = SCSICommand(
      target: header[0] == 1 ? Int(header[1]) : -1, unit: (Int(header[2]) << 8 | Int(header[3])) & 0x3fff,
      bytes: Array(header[19...]), direction: isRead ? .read : .write, data: isRead ? wanted : sent)
    let request = Request(
      queue: queue, head: chain.head, response: chain.writable.slice(0, responseSize), room: command.room)
    if let ended = targets.start(command, request, host) { end(request, ended, &transport, host) }
  }
  public mutating func completed(
    _ completion: BlockCompletion, _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    guard let (request, ended) = targets.completed(completion, host) else { return }
    end(request, ended, &transport, host)
  }

  private func end(
    _ request: Request, _ ended: SCSIEnd, _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    guard transport.isRunning else { return }
    func little(_ value: Int, _ size: Int) -> [UInt8] {
      (0..<size).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    var bytes = little(ended.sense.count, 4) + little(max(0, request.room - ended.moved), 4)
    bytes += [0, 0, ended.status, VirtioSCSIFunction.response(ended.cause)]
    bytes += ended.sense + [UInt8](repeating: 0, count: 96 - ended.sense.count)
    host.scatter(bytes, request.response)
    let written = UInt32(clamping: VirtioSCSIFunction.responseSize + ended.stored)
    transport.complete(request.queue, head: request.head, written: written, host)
  }

  private static func response(_ cause: SCSIEnd.Cause) -> UInt8 {
    switch cause {
    case .status: Response.ok
    case .noTarget: Response.badTarget
    case .mismatch: Response.overrun
    }
  }

  public func info() -> String { "\(targets.plugged.count) targets, \(targets.outstanding) requests under way" }
}
