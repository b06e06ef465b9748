import DeviceKit
import Synchronization

/// What passed a drive: bytes and requests of reads and writes that were carried out.
public struct DiskTraffic: Sendable, Equatable {
  /// To the guest.
  public var readBytes: UInt64 = 0, reads: UInt64 = 0
  /// From the guest.
  public var writtenBytes: UInt64 = 0, writes: UInt64 = 0
  public init() {}
}

extension BlockWorker {
  /// `DiskTraffic` as many threads count it: each figure is right, and no two need fit together.
  final class Counts: Sendable {
    private let readBytes = Atomic<UInt64>(0), reads = Atomic<UInt64>(0)
    private let writtenBytes = Atomic<UInt64>(0), writes = Atomic<UInt64>(0)

    func count(_ request: BlockRequest) {
      switch request.operation {
      case .read:
        reads.wrappingAdd(1, ordering: .relaxed)
        readBytes.wrappingAdd(UInt64(max(0, request.count)), ordering: .relaxed)
      case .write:
        writes.wrappingAdd(1, ordering: .relaxed)
        writtenBytes.wrappingAdd(UInt64(max(0, request.count)), ordering: .relaxed)
      case .flush, .discard, .writeZeroes: break
      }
    }
    var traffic: DiskTraffic {
      var traffic = DiskTraffic()
      traffic.readBytes = readBytes.load(ordering: .relaxed)
      traffic.reads = reads.load(ordering: .relaxed)
      traffic.writtenBytes = writtenBytes.load(ordering: .relaxed)
      traffic.writes = writes.load(ordering: .relaxed)
      return traffic
    }
  }
}
