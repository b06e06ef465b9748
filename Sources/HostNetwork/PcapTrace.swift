import DeviceKit
import HostSystem
import Synchronization

/// Writes frames into a file in the pcap format (nanosecond variant, link type Ethernet), for tcpdump and Wireshark.
///
/// A thread of its own does the writing: a slow disk costs frames of the trace, never time of the guest.
public final class PcapTrace: Sendable {
  private struct Waiting {
    var bytes: [UInt8] = []
    var isEnding = false
    var dropped: UInt64 = 0
  }
  private let file: OutputFile
  private let waiting = Mutex(Waiting())
  private let parker = Parker()
  private let thread = OwnedThread()
  private static let limit = 16 << 20
  /// Bytes kept of a frame.
  private static let snapshotLength = 262_144

  /// Creates the file or empties it.
  public init(_ path: String) throws(NetworkError) {
    do throws(FileError) { file = try OutputFile(creating: path) } catch {
      throw NetworkError("cannot write '\(path)': \(error.reason)")
    }
    var header: [UInt8] = []
    PcapTrace.put(0xa1b2_3c4d, into: &header)
    PcapTrace.put(0x0004_0002, into: &header)  // version 2.4
    PcapTrace.put(0, into: &header)
    PcapTrace.put(0, into: &header)
    PcapTrace.put(UInt32(PcapTrace.snapshotLength), into: &header)
    PcapTrace.put(1, into: &header)  // Ethernet
    file.append(header)
    do throws(ThreadError) {
      try thread.start(name: "pcap") { self.run() }
    } catch { throw NetworkError("cannot start a thread") }
  }

  private static func put(_ value: UInt32, into bytes: inout [UInt8]) {
    for index in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(index * 8))) }
  }

  /// Adds a frame with the host's time.
  public func append(_ frame: NetworkFrame) {
    let now = HostClock.wallNanoseconds
    let wakes = waiting.withLock { waiting in
      guard waiting.bytes.count + frame.bytes.count <= PcapTrace.limit else {
        waiting.dropped &+= 1
        return false
      }
      let wasEmpty = waiting.bytes.isEmpty
      PcapTrace.put(UInt32(truncatingIfNeeded: now / 1_000_000_000), into: &waiting.bytes)
      PcapTrace.put(UInt32(truncatingIfNeeded: now % 1_000_000_000), into: &waiting.bytes)
      PcapTrace.put(UInt32(frame.bytes.count), into: &waiting.bytes)
      PcapTrace.put(UInt32(frame.bytes.count), into: &waiting.bytes)
      waiting.bytes += frame.bytes
      return wasEmpty
    }
    if wakes { parker.unpark() }
  }
  /// Frames that were not written because the disk was too slow.
  public var dropped: UInt64 { waiting.withLock { $0.dropped } }

  private func run() {
    while true {
      let (bytes, isEnding) = waiting.withLock { waiting in
        defer { waiting.bytes = [] }
        return (waiting.bytes, waiting.isEnding)
      }
      if !bytes.isEmpty { file.append(bytes) } else if isEnding { return } else { parker.park() }
    }
  }
  /// Writes what waits and ends.
  public func close() {
    waiting.withLock { $0.isEnding = true }
    parker.unpark()
    thread.join()
  }
}
