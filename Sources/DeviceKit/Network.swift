import Base
import Synchronization

/// An Ethernet frame on its way between a network card and what is behind it: destination address to payload, without
/// preamble and frame check sequence.
public struct NetworkFrame: Sendable, Equatable {
  /// Destination, source, type and payload.
  public var bytes: [UInt8]
  /// Its IP, TCP and UDP checksums were made on this host: the receiver need not verify them.
  public var isVerified: Bool
  public init(_ bytes: [UInt8], isVerified: Bool = false) {
    self.bytes = bytes
    self.isVerified = isVerified
  }

  /// Addresses and type.
  public static let headerSize = 14
  /// Header, VLAN tag and 1500 bytes: the most that goes over a wire without jumbo frames.
  public static let ordinaryLimit = 1518
  /// Header, VLAN tag and the largest IP packet: the most that is ever handed over in one piece.
  public static let limit = 18 + 65535

  /// Sent to a group or to all (IEEE 802.3, 3.2.3).
  public var isMulticast: Bool { bytes.first.map { $0 & 1 == 1 } ?? false }
  /// Sent to all.
  public var isBroadcast: Bool { bytes.count >= 6 && bytes.prefix(6).allSatisfy { $0 == 0xff } }
}

/// What lies beyond a network card. Frames for the guest go to `DeviceSlot.receive`.
public protocol NetworkBackend: AnyObject, Sendable {
  /// The largest frame it takes, at least `NetworkFrame.ordinaryLimit`; a card cuts larger ones up when its driver asked
  /// for segmentation.
  var maximumFrame: Int { get }
  /// Called under the device's lock: must not block nor call the device. What it has no room for is dropped.
  func transmit(_ frame: NetworkFrame)
}

/// Frames that wait until a card has room for them: bounded, so that a guest that does not listen costs nothing more.
///
/// Lock order: a device's lock may be held; nothing is called with this one held.
public final class FrameQueue: Sendable {
  private struct Queue {
    var frames: [NetworkFrame?] = []
    /// First frame in `frames`; those before it were taken.
    var head = 0
    var bytes = 0
    var dropped: UInt64 = 0
    /// Nobody gets a frame.
    var isHeld = false
    var count: Int { frames.count - head }
  }
  private let queue = Mutex(Queue())
  private let frameLimit: Int
  private let byteLimit: Int

  public init(frames: Int = 1024, bytes: Int = 4 << 20) {
    frameLimit = frames
    byteLimit = bytes
  }

  /// Adds a frame; false when there was no room for it.
  @discardableResult
  public func append(_ frame: NetworkFrame) -> Bool {
    queue.withLock { queue in
      guard queue.count < frameLimit, queue.bytes + frame.bytes.count <= byteLimit else {
        queue.dropped &+= 1
        return false
      }
      queue.frames.append(frame)
      queue.bytes += frame.bytes.count
      return true
    }
  }
  /// While held, frames wait: `next` and `first` find none.
  public func hold(_ isHeld: Bool) { queue.withLock { $0.isHeld = isHeld } }
  /// The oldest frame, which leaves the queue.
  public func next() -> NetworkFrame? {
    queue.withLock { queue in
      guard !queue.isHeld, queue.head < queue.frames.count, let frame = queue.frames[queue.head] else { return nil }
      queue.frames[queue.head] = nil
      queue.head += 1
      queue.bytes -= frame.bytes.count
      if queue.head == queue.frames.count {
        queue.frames.removeAll(keepingCapacity: true)
        queue.head = 0
      } else if queue.head >= 1024 {
        queue.frames.removeFirst(queue.head)
        queue.head = 0
      }
      return frame
    }
  }
  /// The oldest frames, at most `count` of them, which stay. Also while held.
  public func peek(_ count: Int) -> [NetworkFrame] {
    queue.withLock { queue in queue.frames[queue.head...].prefix(count).compactMap { $0 } }
  }
  /// The oldest frame, which stays.
  public var first: NetworkFrame? {
    queue.withLock { !$0.isHeld && $0.head < $0.frames.count ? $0.frames[$0.head] : nil }
  }
  /// Frames that wait.
  public var count: Int { queue.withLock { $0.count } }
  /// Nothing waits.
  public var isEmpty: Bool { count == 0 }
  /// Frames that found no room.
  public var dropped: UInt64 { queue.withLock { $0.dropped } }
  /// Forgets what waits.
  public func removeAll() {
    queue.withLock { queue in
      queue.frames = []
      queue.head = 0
      queue.bytes = 0
    }
  }
}
