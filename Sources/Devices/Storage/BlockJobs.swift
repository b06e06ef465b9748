import Base
import DeviceKit

/// The block requests that a controller has under way, each with what it must know when they end.
///
/// A job is one request, or several that are made one after the other (ranges to be discarded; a write and the flush
/// after it). It ends with its last request or with the first that fails.
struct BlockJobs<Context: Sendable>: Sendable {
  private struct Job {
    var context: Context
    var drive: Int
    var rest: ArraySlice<BlockRequest>
  }
  private var jobs: [UInt64: Job] = [:]
  private var lastTag: UInt64 = 0

  /// Jobs under way.
  var count: Int { jobs.count }
  /// What is under way belongs to nobody any more.
  mutating func removeAll() { jobs = [:] }

  /// Makes `first`, and when that has ended well the requests of `rest`.
  mutating func start(
    _ first: BlockRequest, then rest: [BlockRequest] = [], drive: Int = 0, _ context: Context,
    _ host: some DeviceServices
  ) {
    submit(first, Job(context: context, drive: drive, rest: rest[...]), host)
  }
  /// Makes all of `requests`; false, and nothing happens, when there is none.
  mutating func start(
    _ requests: [BlockRequest], drive: Int = 0, _ context: Context, _ host: some DeviceServices
  ) -> Bool {
    guard let first = requests.first else { return false }
    submit(first, Job(context: context, drive: drive, rest: requests.dropFirst()), host)
    return true
  }
  private mutating func submit(_ request: BlockRequest, _ job: Job, _ host: some DeviceServices) {
    var request = request
    lastTag &+= 1
    request.tag = lastTag
    jobs[lastTag] = job
    host.submit(request, drive: job.drive)
  }

  /// The job that ended with this request; nil while it goes on, or when it was forgotten.
  mutating func completed(
    _ completion: BlockCompletion, _ host: some DeviceServices
  ) -> (context: Context, status: BlockCompletion.Status)? {
    guard var job = jobs.removeValue(forKey: completion.tag) else { return nil }
    guard completion.status == .done, let next = job.rest.popFirst() else { return (job.context, completion.status) }
    submit(next, job, host)
    return nil
  }
}

extension BlockRequest {
  /// Requests that clear ranges of sectors.
  static func clearing(_ ranges: [Range<UInt64>], by operation: Operation) -> [BlockRequest] {
    ranges.map { BlockRequest(operation, sector: $0.lowerBound, count: Int($0.upperBound - $0.lowerBound) * 512) }
  }
}

extension DeviceServices {
  /// Copies from the guest memory of a list.
  func gather(_ segments: [GuestSegment]) -> [UInt8] {
    if segments.count == 1 { return dmaRead(segments[0].address, count: segments[0].count) }
    return segments.flatMap { dmaRead($0.address, count: $0.count) }
  }
  /// Copies into the guest memory of a list, as far as it goes.
  func scatter(_ bytes: [UInt8], _ segments: [GuestSegment]) {
    var at = 0
    for segment in segments where at < bytes.count {
      let end = min(at + segment.count, bytes.count)
      dmaWrite(segment.address, Array(bytes[at..<end]))
      at = end
    }
  }
}

/// Little-endian numbers in byte arrays that come from a guest. Bytes beyond the end read as zeroes.
extension [UInt8] {
  func little(_ at: Int, _ size: Int) -> UInt64 {
    (0..<size).reduce(0) { $0 | (at + $1 < count ? UInt64(self[at + $1]) << UInt64($1 * 8) : 0) }
  }
  mutating func put(_ at: Int, _ value: UInt64, _ size: Int) {
    for index in 0..<size where at + index < count {
      self[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
    }
  }
}
