/// The last bytes that passed a serial line, addressed by their position since power-on.
public struct Scrollback: Sendable {
  /// Bytes kept at most.
  public let capacity: Int
  private var bytes: [UInt8] = []
  /// Where in `bytes` the oldest byte is, once the ring is full.
  private var head = 0
  /// Position after the newest byte.
  public private(set) var end: Int64 = 0

  public init(capacity: Int = 256 << 10) { self.capacity = max(1, capacity) }

  /// Position of the oldest byte kept.
  public var start: Int64 { end &- Int64(bytes.count) }

  public mutating func append(_ new: [UInt8]) {
    end &+= Int64(new.count)
    for byte in new.suffix(capacity) {
      if bytes.count < capacity {
        bytes.append(byte)
      } else {
        bytes[head] = byte
        head += 1
        if head == capacity { head = 0 }
      }
    }
  }

  /// The bytes from `position` on (or from the oldest kept, if that is later), at most `limit`.
  public func read(from position: Int64, limit: Int = .max) -> (start: Int64, bytes: [UInt8]) {
    let from = min(max(position, start), end)
    let skip = Int(from &- start)
    let count = min(max(0, limit), bytes.count - skip)
    return (from, (skip..<skip + count).map { bytes[($0 + head) % bytes.count] })
  }

  /// Position after the first occurrence of `needle` at or after `position`.
  public func find(_ needle: [UInt8], from position: Int64) -> Int64? {
    let (from, window) = read(from: position)
    guard !needle.isEmpty, needle.count <= window.count else { return needle.isEmpty ? from : nil }
    let last = window.count - needle.count
    var index = 0
    while index <= last {
      if window[index] == needle[0], window[index..<index + needle.count].elementsEqual(needle) {
        return from &+ Int64(index + needle.count)
      }
      index += 1
    }
    return nil
  }
}

/// Bytes on their way to a slow reader: a queue with a bound.
public struct ByteQueue: Sendable {
  private var bytes: [UInt8] = []
  private var head = 0
  /// Bytes that may wait.
  public let limit: Int
  /// Bytes that did not fit and were lost.
  public private(set) var dropped: Int64 = 0

  public init(limit: Int) { self.limit = limit }

  public var count: Int { bytes.count - head }
  public var isEmpty: Bool { count == 0 }
  public var room: Int { max(0, limit - count) }
  /// What waits, oldest first.
  public var pending: ArraySlice<UInt8> { bytes[head...] }

  /// Adds what fits and counts the rest as dropped.
  public mutating func append(_ new: some Collection<UInt8>) {
    let taken = min(room, new.count)
    bytes += new.prefix(taken)
    dropped &+= Int64(new.count - taken)
  }
  public mutating func removeFirst(_ count: Int) {
    head += min(count, self.count)
    if head == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.count <= 65536)
      head = 0
    } else if head > 65536, head > bytes.count / 2 {
      bytes.removeSubrange(..<head)
      head = 0
    }
  }
  public mutating func removeAll() { removeFirst(count) }
}
