import Base
import DeviceKit
import HostSystem
import Synchronization

/// Carries out block requests against a disk image on threads of its own.
///
/// The queue is bounded by what the device may have under way; past `queueLimit` requests fail at once, so that a
/// device without a bound of its own cannot grow the host's memory. Requests may end in any order, except that a flush
/// covers all writes that were completed before it was submitted.
///
/// Lock order: `shared` is innermost; completions are called without it.
public final class BlockWorker: BlockBackend {
  private struct Job: Sendable {
    var request: BlockRequest
    var completion: @Sendable (BlockCompletion) -> Void
  }
  private struct Shared {
    var image: (any DiskImage)?
    var jobs: [Job] = []
    var running = 0
    var idle: [Parker] = []
    var drainers: [Parker] = []
    var closed = false
    /// Whom to tell of failures of the host that may pass; nil: they go to the device.
    var failed: (@Sendable (DiskError) -> Void)?
    /// Requests that met such a failure and wait for `retry`.
    var held: [Job] = []
    /// Images that were covered by others and hold data that no flush has covered yet.
    var covered: [any DiskImage] = []
    /// What may be transferred, together with other disks.
    var limit: DiskLimit?
  }
  private let shared: Mutex<Shared>
  private let memory: any GuestBuffer
  private let counts = Counts()
  /// What was carried out, in bytes and requests, since the drive was made.
  public var traffic: DiskTraffic { counts.traffic }
  private let threads = Mutex<[HostThread]>([])
  /// More requests than this at a time are refused.
  public static let queueLimit = 4096
  /// Bytes that are read on the caller's thread at most, which is a processor's: some 20 us of copying.
  static let cachedLimit = 128 << 10
  /// Largest single transfer: what an ATA command can name (65536 sectors), and room for more.
  public static let transferLimit = 64 << 20

  /// `image` nil: a drive without a medium. `threads`: how many requests are carried out at a time.
  public init(
    _ image: (any DiskImage)?, memory: any GuestBuffer, threads count: Int = 2, name: String = "disk"
  ) throws(ThreadError) {
    shared = Mutex(Shared(image: image))
    self.memory = memory
    var started: [HostThread] = []
    for _ in 0..<max(1, count) { started.append(try HostThread(name: name) { self.work() }) }
    threads.withLock { $0 = started }
  }

  /// From now on, reads and writes are held back so that no more passes than this.
  public func limit(by limit: DiskLimit) { shared.withLock { $0.limit = limit } }
  /// What a device must know of the medium; without one, `sectors` is 0.
  public func mediumInfo(serial: String = "") -> MediumInfo {
    let image = shared.withLock { $0.image }
    return MediumInfo(sectors: image?.sectorCount ?? 0, readOnly: image?.isReadOnly ?? false, serial: serial)
  }

  public func submit(_ request: BlockRequest, completion: @escaping @Sendable (BlockCompletion) -> Void) {
    if readCached(request) {
      completion(BlockCompletion(tag: request.tag, status: .done))
      return
    }
    let (accepted, sleeper) = shared.withLock { shared -> (Bool, Parker?) in
      guard !shared.closed, shared.jobs.count < BlockWorker.queueLimit else { return (false, nil) }
      shared.jobs.append(Job(request: request, completion: completion))
      return (true, shared.idle.popLast())
    }
    sleeper?.unpark()
    if !accepted { completion(BlockCompletion(tag: request.tag, status: .ioError)) }
  }

  /// Carries out a read into guest memory on the calling thread, if that takes no longer than handing it over: what the
  /// host has in memory, and not much of it. Nothing waits for other requests then, as nothing does on any thread.
  private func readCached(_ request: BlockRequest) -> Bool {
    guard request.operation == .read, request.count <= BlockWorker.cachedLimit,
      case .guest(let segments) = request.payload,
      let image = shared.withLock({ $0.closed || $0.limit?.isLimited == true ? nil : $0.image }),
      let buffers = direct(segments, request.count),
      image.readCached(request.sector, into: buffers)
    else { return false }
    for segment in segments where segment.count > 0 { memory.didWrite(segment) }
    counts.count(request)
    return true
  }

  // MARK: Failures that may pass

  /// From now on, requests that fail because the host's disk is full, or cannot be written just now, are kept instead of
  /// failing; `failed` is told of the first, on a worker's thread, and `retry` tries them again.
  public func holdFailures(_ failed: @escaping @Sendable (DiskError) -> Void) {
    shared.withLock { $0.failed = failed }
  }
  /// Tries again what was kept.
  public func retry() {
    let sleepers = shared.withLock { shared in
      shared.jobs = shared.held + shared.jobs
      shared.held = []
      defer { shared.idle = [] }
      return shared.idle
    }
    for sleeper in sleepers { sleeper.unpark() }
  }
  /// Failures go to the device again, those that were kept at once.
  public func endHolding() {
    shared.withLock { $0.failed = nil }
    failHeld()
  }
  private func failHeld() {
    let held = shared.withLock { shared in
      defer { shared.held = [] }
      return shared.held
    }
    for job in held { job.completion(BlockCompletion(tag: job.request.tag, status: .ioError)) }
  }
  /// Keeps a request that failed, if its failure may pass. Returns whom to tell, if nobody was told yet.
  private func hold(_ job: Job, _ error: DiskError?) -> (isHeld: Bool, tell: (@Sendable (DiskError) -> Void)?) {
    guard let error, error.mayPass(when: job.request.operation) else { return (false, nil) }
    return shared.withLock { shared in
      guard let failed = shared.failed, !shared.closed else { return (false, nil) }
      shared.held.append(job)
      return (true, shared.held.count == 1 ? failed : nil)
    }
  }

  /// Waits until every request has been completed; what was kept for another try fails. Not from a completion, nor with
  /// the device's lock held.
  public func drain() {
    failHeld()
    let parker = Parker()
    while true {
      let busy = shared.withLock { shared in
        if shared.jobs.isEmpty && shared.running == 0 { return false }
        shared.drainers.append(parker)
        return true
      }
      guard busy else { return failHeld() }
      parker.park()
    }
  }
  /// As `drain`, but what was kept for another try stays so: false then.
  public func settle() -> Bool {
    let parker = Parker()
    while true {
      let (isBusy, isWhole) = shared.withLock { shared in
        if shared.jobs.isEmpty && shared.running == 0 { return (false, shared.held.isEmpty) }
        shared.drainers.append(parker)
        return (true, true)
      }
      guard isBusy else { return isWhole }
      parker.park()
    }
  }
  /// Completes what is queued, then ends the threads and lets the image go.
  public func close() {
    endHolding()
    let sleepers = shared.withLock { shared in
      shared.closed = true
      defer { shared.idle = [] }
      return shared.idle
    }
    for sleeper in sleepers { sleeper.unpark() }
    for thread in threads.withLock({ $0 }) { thread.join() }
    shared.withLock { $0.image = nil }
  }
  /// Takes the medium out, after the requests under way; returns it.
  @discardableResult
  public func eject() -> (any DiskImage)? { replace(nil) }
  /// Puts a medium in; returns the one that was there. Tell the device as well.
  @discardableResult
  public func insert(_ image: any DiskImage) -> (any DiskImage)? { replace(image) }
  private func replace(_ image: (any DiskImage)?) -> (any DiskImage)? {
    drain()
    return shared.withLock { shared in
      defer { shared.image = image }
      return shared.image
    }
  }

  /// The file of the medium, as it was opened; nil: there is no medium, or it is no file of its own.
  public var path: String? {
    switch shared.withLock({ $0.image }) {
    case let image as any ManagedImage: (try? image.info())?.path
    case let image as RawImage: image.path
    case let image as ISOImage: image.path
    default: nil
    }
  }
  /// The medium, where it is an image that can have children.
  public var managedImage: (any ManagedImage)? { shared.withLock { $0.image as? any ManagedImage } }
  /// Puts an image over the present one, which is its parent and will not be written to any more. Nothing may be under
  /// way. A flush from now on covers what was written to either.
  public func cover(with child: any DiskImage) {
    shared.withLock { shared in
      if let image = shared.image { shared.covered.append(image) }
      shared.image = child
    }
  }
  /// Brings what covered images hold onto stable storage.
  public func flushCovered() throws(DiskError) {
    let covered = shared.withLock { $0.covered }
    for image in covered {
      try image.flush()
      shared.withLock { shared in shared.covered.removeAll { $0 === image } }
    }
  }

  // MARK: Threads

  private func work() {
    let parker = Parker()
    while true {
      enum Next { case job(Job, DiskLimit?), wait, end }
      let next = shared.withLock { shared -> Next in
        guard !shared.jobs.isEmpty else {
          if shared.closed { return .end }
          shared.idle.append(parker)
          return .wait
        }
        shared.running += 1
        return .job(shared.jobs.removeFirst(), shared.limit)
      }
      switch next {
      case .end: return
      case .wait: parker.park()
      case .job(let job, let limit):
        if let limit { wait(limit, job.request, parker) }
        let image = shared.withLock { $0.image }
        let (completion, error) = carryOut(job.request, image)
        let (isHeld, tell) = hold(job, error)
        if let tell, let error { tell(error) }
        if !isHeld { job.completion(completion) }
        let drainers = shared.withLock { shared -> [Parker] in
          shared.running -= 1
          guard shared.running == 0, shared.jobs.isEmpty else { return [] }
          defer { shared.drainers = [] }
          return shared.drainers
        }
        for drainer in drainers { drainer.unpark() }
      }
    }
  }

  /// Until the limit lets the transfer begin. Whoever waits for all requests is not held up by it.
  private func wait(_ limit: DiskLimit, _ request: BlockRequest, _ parker: Parker) {
    guard request.operation == .read || request.operation == .write else { return }
    while let nanoseconds = limit.take(bytes: request.count, now: HostClock.monotonicNanoseconds),
      shared.withLock({ $0.drainers.isEmpty && !$0.closed })
    { parker.park(until: HostClock.monotonicNanoseconds &+ min(nanoseconds, DiskLimit.patience)) }
  }

  private func carryOut(_ request: BlockRequest, _ image: (any DiskImage)?) -> (BlockCompletion, DiskError?) {
    var completion = BlockCompletion(tag: request.tag, status: .done)
    guard let image else {
      completion.status = .noMedium
      return (completion, nil)
    }
    do throws(DiskError) {
      let isTransfer = request.operation == .read || request.operation == .write
      if isTransfer || request.operation == .discard || request.operation == .writeZeroes {
        guard request.count >= 0, request.count & 511 == 0, request.sector <= image.sectorCount,
          UInt64(request.count) / 512 <= image.sectorCount - request.sector,
          !isTransfer || request.count <= BlockWorker.transferLimit
        else { throw .outOfRange }
      }
      if request.operation != .read, request.operation != .flush, image.isReadOnly { throw .readOnly }
      switch request.operation {
      case .read: completion.data = try read(request, image)
      case .write: try write(request, image)
      case .flush:
        try flushCovered()
        try image.flush()
      case .discard: try image.discard(request.sector, count: UInt64(request.count) / 512)
      case .writeZeroes: try image.writeZeroes(request.sector, count: UInt64(request.count) / 512)
      }
    } catch {
      switch error {
      case .outOfRange: completion.status = .outOfRange
      case .readOnly: completion.status = .readOnly
      default: completion.status = .ioError
      }
      return (completion, error)
    }
    counts.count(request)
    return (completion, nil)
  }

  private func read(_ request: BlockRequest, _ image: any DiskImage) throws(DiskError) -> [UInt8] {
    guard case .guest(let segments) = request.payload else {
      return try image.read(request.sector, count: request.count / 512)
    }
    if let buffers = direct(segments, request.count) {
      try image.read(request.sector, into: buffers)
      for segment in segments where segment.count > 0 { memory.didWrite(segment) }
      return []
    }
    let bytes = try image.read(request.sector, count: request.count / 512)
    var at = 0
    for segment in segments {
      let end = min(at + max(0, segment.count), bytes.count)
      memory.copyOut(segment.address, Array(bytes[at..<end]))
      at = end
    }
    return []
  }

  private func write(_ request: BlockRequest, _ image: any DiskImage) throws(DiskError) {
    switch request.payload {
    case .buffer(let bytes):
      guard bytes.count == request.count else { throw .outOfRange }
      try image.write(request.sector, bytes)
    case .guest(let segments):
      if let buffers = direct(segments, request.count) {
        try image.write(request.sector, from: buffers)
        return
      }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(request.count)
      for segment in segments {
        bytes += memory.copyIn(segment.address, count: min(max(0, segment.count), request.count - bytes.count))
      }
      guard bytes.count == request.count else { throw .outOfRange }
      try image.write(request.sector, bytes)
    }
  }

  /// Host memory of all segments, if every one is plain RAM and together they are exactly `count` bytes.
  private func direct(_ segments: [GuestSegment], _ count: Int) -> [HostBuffer]? {
    var buffers: [HostBuffer] = []
    buffers.reserveCapacity(segments.count)
    var total = 0
    for segment in segments where segment.count > 0 {
      guard segment.count <= count - total, let buffer = memory.directBuffer(segment) else { return nil }
      buffers.append(buffer)
      total += segment.count
    }
    return total == count ? buffers : nil
  }
}

extension DiskError {
  /// Whether somebody may mend this while the machine waits: the host's disk is full, or did not take a write. After a
  /// flush that failed there is nothing to try again: the kernel has forgotten the data.
  func mayPass(when operation: BlockRequest.Operation) -> Bool {
    guard case .system(_, let error) = self else { return false }
    // errno values of linux/errno.h: EIO, ENOSPC, EDQUOT.
    return switch error.code {
    case 28, 122: true
    case 5: operation == .write
    default: false
    }
  }
}
