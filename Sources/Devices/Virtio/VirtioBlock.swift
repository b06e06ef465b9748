import Base
import DeviceKit

/// Virtio block device, 1AF4:1042.
public typealias VirtioBlock = VirtioPCI<VirtioBlockFunction>
/// Virtio entropy device, 1AF4:1044.
public typealias VirtioRNG = VirtioPCI<VirtioEntropyFunction>

/// The block device type (Virtio 1.1, 5.2) on backend 0.
///
/// Requests go to the backend as lists of guest memory, without a copy; many can be under way and end in any order.
public struct VirtioBlockFunction: VirtioFunction {
  public static let deviceType: UInt16 = 2
  public static let classCode: UInt32 = 0x010000
  public static let name = "virtio-blk"
  private enum Feature {
    static let segMax: UInt64 = 1 << 2, readOnly: UInt64 = 1 << 5, blockSize: UInt64 = 1 << 6, flush: UInt64 = 1 << 9
    static let topology: UInt64 = 1 << 10, multiQueue: UInt64 = 1 << 12
    static let discard: UInt64 = 1 << 13, writeZeroes: UInt64 = 1 << 14
  }
  private enum Kind {
    static let read: UInt32 = 0, write: UInt32 = 1, flush: UInt32 = 4, getID: UInt32 = 8
    static let discard: UInt32 = 11, writeZeroes: UInt32 = 13
  }
  private enum Status { static let ok: UInt8 = 0, ioError: UInt8 = 1, unsupported: UInt8 = 2 }
  private struct Request {
    var queue: Int
    var head: UInt16
    var statusAddress: GuestPhysical
    /// Bytes that a good end stores before the status.
    var written: UInt32
  }
  /// Segments of a request, besides header and status.
  private static let maximumSegments: UInt32 = 254
  /// Bytes of a request; more than any driver asks, and what a backend accepts.
  private static let transferLimit = 64 << 20
  private static let discardLimit: UInt32 = 1 << 22

  private let medium: MediumInfo
  private let model: [UInt8]
  public let queueCount: Int
  private var requests = BlockJobs<Request>()

  public init(_ medium: MediumInfo, queues: Int = 1) {
    self.medium = medium
    queueCount = min(max(1, queues), 16)
    model = Array(medium.serial.utf8.prefix(20))
  }

  public var features: UInt64 {
    var features = Feature.segMax | Feature.blockSize | Feature.flush | Feature.topology
    if medium.readOnly { features |= Feature.readOnly } else { features |= Feature.discard | Feature.writeZeroes }
    if queueCount > 1 { features |= Feature.multiQueue }
    return features
  }
  /// virtio_blk_config.
  public var configuration: [UInt8] {
    var bytes: [UInt8] = []
    func put(_ value: UInt64, _ size: Int) {
      for index in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }
    put(medium.sectors, 8)
    put(0, 4)  // size_max
    put(UInt64(VirtioBlockFunction.maximumSegments), 4)
    put(0, 4)  // geometry
    put(512, 4)
    put(3, 1)  // physical blocks of 4 KiB
    put(0, 1)
    put(8, 2)  // suggested I/O size: 4 KiB at least
    put(0, 4)
    put(0, 2)  // writeback, unused
    put(UInt64(queueCount), 2)
    for _ in 0..<2 {
      put(UInt64(VirtioBlockFunction.discardLimit), 4)
      put(1, 4)  // segments a request
      put(bytes.count == 44 ? 8 : 1, 4)  // discard alignment; write zeroes may unmap
    }
    return bytes
  }
  public var outstanding: Int { requests.count }
  public mutating func reset() { requests.removeAll() }

  public mutating func notified(_ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices) {
    while let chain = transport.next(queue, host) {
      // A driver that gives out descriptors again before it gets them back could make this list grow without end.
      guard requests.count < queueCount * Int(Virtqueue.maximumSize) else {
        transport.fault(.request, host)
        return
      }
      start(chain, queue, &transport, host)
    }
  }

  private mutating func start(
    _ chain: VirtioChain, _ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    let room = chain.writableCount
    // Without a header there is no request, and without room for the status no way to refuse one.
    guard chain.readableCount >= 16, let last = chain.writable.last else {
      transport.fault(.request, host)
      return
    }
    let header = host.gather(chain.readable.slice(0, 16))
    guard header.count == 16 else {
      transport.fault(.request, host)
      return
    }
    let kind = UInt32(truncatingIfNeeded: header.little(0, 4))
    let sector = header.little(8, 8)
    let status = last.address &+ UInt64(last.count - 1)
    var request = Request(queue: queue, head: chain.head, statusAddress: status, written: 0)
    switch kind {
    case Kind.read:
      let data = chain.writable.slice(0, room - 1)
      request.written = UInt32(clamping: room - 1)
      transfer(.read, sector, room - 1, data, request, &transport, host)
    case Kind.write:
      let count = chain.readableCount - 16
      transfer(.write, sector, count, chain.readable.slice(16, count), request, &transport, host)
    case Kind.flush: requests.start(BlockRequest(.flush), request, host)
    case Kind.getID:
      let count = min(20, room - 1)
      host.scatter(model + [UInt8](repeating: 0, count: 20 - model.count), chain.writable.slice(0, count))
      request.written = UInt32(count)
      end(request, Status.ok, &transport, host)
    case Kind.discard, Kind.writeZeroes:
      discard(kind == Kind.discard ? .discard : .writeZeroes, chain, request, &transport, host)
    default: end(request, Status.unsupported, &transport, host)
    }
  }

  private func fits(_ sector: UInt64, _ count: UInt64) -> Bool {
    sector <= medium.sectors && count <= medium.sectors - sector
  }
  private mutating func transfer(
    _ operation: BlockRequest.Operation, _ sector: UInt64, _ count: Int, _ data: [GuestSegment], _ request: Request,
    _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    guard count > 0, count & 511 == 0, count <= VirtioBlockFunction.transferLimit, fits(sector, UInt64(count / 512)),
      operation == .read || !medium.readOnly
    else {
      end(request, Status.ioError, &transport, host)
      return
    }
    requests.start(BlockRequest(operation, sector: sector, count: count, payload: .guest(data)), request, host)
  }
  /// One range: sector (8 bytes), number of sectors (4), flags (4; bit 0: unmap, for write zeroes only).
  private mutating func discard(
    _ operation: BlockRequest.Operation, _ chain: VirtioChain, _ request: Request,
    _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    guard chain.readableCount == 32, !medium.readOnly else {
      end(request, medium.readOnly ? Status.ioError : Status.unsupported, &transport, host)
      return
    }
    let range = host.gather(chain.readable.slice(16, 16))
    guard range.count == 16 else {
      end(request, Status.ioError, &transport, host)
      return
    }
    let (sector, count, flags) = (range.little(0, 8), range.little(8, 4), range.little(12, 4))
    guard flags == 0 || operation == .writeZeroes && flags == 1 else {
      end(request, Status.unsupported, &transport, host)
      return
    }
    guard count > 0, count <= UInt64(VirtioBlockFunction.discardLimit), fits(sector, count) else {
      end(request, Status.ioError, &transport, host)
      return
    }
    requests.start(BlockRequest(operation, sector: sector, count: Int(count) * 512), request, host)
  }

  public mutating func completed(
    _ completion: BlockCompletion, _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    guard let (request, status) = requests.completed(completion, host) else { return }
    end(request, status == .done ? Status.ok : Status.ioError, &transport, host)
  }
  private func end(
    _ request: Request, _ status: UInt8, _ transport: inout VirtioTransport, _ host: some DeviceServices
  ) {
    guard transport.isRunning else { return }
    host.dmaWrite(request.statusAddress, [status])
    // An upper bound in case of an error: what was stored before it is not known.
    transport.complete(request.queue, head: request.head, written: request.written &+ 1, host)
  }

  public func info() -> String {
    "\(medium.sectors) sectors\(medium.readOnly ? ", read-only" : ""), \(requests.count) requests under way"
  }
}

/// The entropy device type (Virtio 1.1, 5.4).
public struct VirtioEntropyFunction: VirtioFunction {
  public static let deviceType: UInt16 = 4
  public static let classCode: UInt32 = 0x00ff00
  public static let name = "virtio-rng"
  /// Bytes given for one request at most; the driver asks again.
  private static let requestLimit = 4096

  private let source: @Sendable (Int) -> [UInt8]
  public let features: UInt64 = 0
  public let queueCount = 1
  public let configuration: [UInt8] = []
  public let outstanding = 0

  /// `source` gives so many random bytes, without blocking.
  public init(source: @escaping @Sendable (Int) -> [UInt8]) { self.source = source }
  public mutating func reset() {}

  public mutating func notified(_ queue: Int, _ transport: inout VirtioTransport, _ host: some DeviceServices) {
    while let chain = transport.next(queue, host) {
      let bytes = source(min(chain.writableCount, VirtioEntropyFunction.requestLimit))
      host.scatter(bytes, chain.writable)
      transport.complete(queue, head: chain.head, written: UInt32(bytes.count), host)
    }
  }
  public func info() -> String { "entropy source" }
}
