import Base
import DeviceKit

/// A driver broke the rules of the ring; the device stops until it is reset.
public enum VirtqueueError: Error, Equatable {
  /// The available index ran further ahead than the ring is long.
  case availableIndex
  case descriptorIndex
  /// A chain that is longer than allowed, or runs in a circle.
  case chainTooLong
  /// A device-readable descriptor after a device-writable one.
  case order
  /// An indirect table that is nested, chained, empty, too long, or was not negotiated.
  case indirect
  /// The contents of a request make no sense.
  case request
}

/// One request of the driver: descriptors read once, as values.
public struct VirtioChain: Sendable, Equatable {
  /// Number of its first descriptor, by which it is given back.
  public var head: UInt16
  /// What the device reads, in order, and after it what the device writes.
  public var readable: [GuestSegment] = []
  /// What the device writes.
  public var writable: [GuestSegment] = []
  /// Descriptors read, a measure of work.
  var descriptors = 0

  /// Bytes to read.
  public var readableCount: Int { readable.reduce(0) { $0 + $1.count } }
  /// Bytes of room to write to.
  public var writableCount: Int { writable.reduce(0) { $0 + $1.count } }
}

extension [GuestSegment] {
  /// The part of a scatter-gather list from byte `offset` on, `count` bytes long (or what there is).
  func slice(_ offset: Int, _ count: Int) -> [GuestSegment] {
    var result: [GuestSegment] = []
    var skip = offset
    var left = count
    for segment in self where left > 0 {
      if skip >= segment.count {
        skip -= segment.count
        continue
      }
      let size = Swift.min(segment.count - skip, left)
      result.append(GuestSegment(address: segment.address &+ UInt64(skip), count: size))
      left -= size
      skip = 0
    }
    return result
  }
}

/// A split virtqueue (Virtio 1.1, 2.6).
///
/// Size and addresses are frozen while `enabled`; all ring contents are hostile, and every index is checked when it is
/// read.
public struct Virtqueue: SavedState {
  /// Entries, a power of two.
  var size = Virtqueue.maximumSize
  /// MSI-X vector, or `noVector`.
  var vector = Virtqueue.noVector
  var enabled = false
  /// Descriptor table, driver area (available ring), device area (used ring).
  var descriptorTable: UInt64 = 0
  var driverArea: UInt64 = 0
  var deviceArea: UInt64 = 0
  /// Free-running index of the next available entry to take, and of the next used entry to fill.
  var nextAvailable: UInt16 = 0
  var nextUsed: UInt16 = 0

  static let maximumSize: UInt16 = 256
  static let noVector: UInt16 = 0xffff
  /// Descriptors of an indirect table; also what bounds a chain whatever size the driver chose.
  static let indirectLimit = 256

  public init() {}
  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("size", &size, in: 1...Virtqueue.maximumSize)
    guard size & (size - 1) == 0 else { throw .outOfRange(field: "size") }
    try visit.field("vector", &vector)
    try visit.field("enabled", &enabled)
    try visit.field("descriptorTable", &descriptorTable)
    try visit.field("driverArea", &driverArea)
    try visit.field("deviceArea", &deviceArea)
    try visit.field("nextAvailable", &nextAvailable)
    try visit.field("nextUsed", &nextUsed)
  }

  /// Rings aligned as demanded, and not around the end of the address space.
  var hasValidAddresses: Bool {
    descriptorTable & 15 == 0 && driverArea & 1 == 0 && deviceArea & 3 == 0
      && [descriptorTable, driverArea, deviceArea].allSatisfy { $0 <= UInt64.max - 0x1_0000 }
  }

  private static func read16(_ address: UInt64, _ host: some DeviceServices) -> UInt16 {
    let bytes = host.dmaRead(GuestPhysical(address), count: 2)
    return bytes.count == 2 ? UInt16(bytes[0]) | UInt16(bytes[1]) << 8 : 0xffff
  }
  private static func write16(_ address: UInt64, _ value: UInt16, _ host: some DeviceServices) {
    host.dmaWrite(GuestPhysical(address), [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)])
  }

  // MARK: Available ring

  /// Takes the next request, or nil when there is none.
  mutating func next(
    eventIndex: Bool, indirect: Bool, _ host: some DeviceServices
  ) throws(VirtqueueError) -> VirtioChain? {
    var available = Virtqueue.read16(driverArea &+ 2, host)
    if available == nextAvailable, eventIndex {
      // Asks to be told of the next entry, then looks again: it may have come in between.
      Virtqueue.write16(deviceArea &+ 4 &+ 8 &* UInt64(size), nextAvailable, host)
      available = Virtqueue.read16(driverArea &+ 2, host)
    }
    guard available != nextAvailable else { return nil }
    guard available &- nextAvailable <= size else { throw .availableIndex }
    let slot = UInt64(nextAvailable % size)
    let head = Virtqueue.read16(driverArea &+ 4 &+ 2 &* slot, host)
    let chain = try chain(head, indirect: indirect, host)
    nextAvailable &+= 1
    return chain
  }
  /// Puts the last `count` requests taken back: the driver must not have been given them.
  mutating func putBack(_ count: Int) { nextAvailable &-= UInt16(truncatingIfNeeded: count) }

  private struct Descriptor {
    var address: UInt64, count: UInt32, flags: UInt16, next: UInt16
    init?(_ bytes: ArraySlice<UInt8>) {
      guard bytes.count == 16 else { return nil }
      func word(_ at: Int, _ size: Int) -> UInt64 {
        (0..<size).reduce(0) { $0 | UInt64(bytes[bytes.startIndex + at + $1]) << UInt64($1 * 8) }
      }
      address = word(0, 8)
      count = UInt32(truncatingIfNeeded: word(8, 4))
      flags = UInt16(truncatingIfNeeded: word(12, 2))
      next = UInt16(truncatingIfNeeded: word(14, 2))
    }
    var hasNext: Bool { flags & 1 != 0 }
    var isWritable: Bool { flags & 2 != 0 }
    var isIndirect: Bool { flags & 4 != 0 }
  }

  private func chain(
    _ head: UInt16, indirect: Bool, _ host: some DeviceServices
  ) throws(VirtqueueError) -> VirtioChain {
    var chain = VirtioChain(head: head)
    var index = head
    while true {
      guard index < size else { throw .descriptorIndex }
      guard chain.descriptors < Int(size) else { throw .chainTooLong }
      let bytes = host.dmaRead(GuestPhysical(descriptorTable &+ 16 &* UInt64(index)), count: 16)
      guard let descriptor = Descriptor(bytes[...]) else { throw .descriptorIndex }
      chain.descriptors += 1
      if descriptor.isIndirect {
        guard indirect, !descriptor.hasNext else { throw .indirect }
        try appendIndirect(descriptor, &chain, host)
        return chain
      }
      try Virtqueue.append(descriptor, &chain)
      guard descriptor.hasNext else { return chain }
      index = descriptor.next
    }
  }
  private func appendIndirect(
    _ table: Descriptor, _ chain: inout VirtioChain, _ host: some DeviceServices
  ) throws(VirtqueueError) {
    let count = Int(table.count) / 16
    guard table.count & 15 == 0, (1...Virtqueue.indirectLimit).contains(count) else { throw .indirect }
    // Read once, so that the driver cannot change what was checked.
    let bytes = host.dmaRead(GuestPhysical(table.address), count: count * 16)
    var index = 0
    for _ in 0..<count {
      guard index < count, let descriptor = Descriptor(bytes.dropFirst(index * 16).prefix(16)), !descriptor.isIndirect
      else { throw .indirect }
      try Virtqueue.append(descriptor, &chain)
      guard descriptor.hasNext else { return }
      index = Int(descriptor.next)
    }
    throw .chainTooLong
  }
  private static func append(_ descriptor: Descriptor, _ chain: inout VirtioChain) throws(VirtqueueError) {
    guard descriptor.count > 0 else { return }
    let segment = GuestSegment(address: GuestPhysical(descriptor.address), count: Int(descriptor.count))
    if descriptor.isWritable {
      chain.writable.append(segment)
    } else {
      guard chain.writable.isEmpty else { throw .order }
      chain.readable.append(segment)
    }
  }

  // MARK: Used ring

  /// Gives a request back with `written` bytes of its writable part filled. True when the driver wants an interrupt.
  mutating func complete(
    _ head: UInt16, written: UInt32, eventIndex: Bool, _ host: some DeviceServices
  ) -> Bool {
    complete([(head, written)], eventIndex: eventIndex, host)
  }
  /// Gives several requests back, which the driver sees all at once.
  mutating func complete(
    _ requests: [(head: UInt16, written: UInt32)], eventIndex: Bool, _ host: some DeviceServices
  ) -> Bool {
    let old = nextUsed
    for (head, written) in requests {
      let slot = deviceArea &+ 4 &+ 8 &* UInt64(nextUsed % size)
      let entry = UInt64(head) | UInt64(written) << 32
      host.dmaWrite(GuestPhysical(slot), (0..<8).map { UInt8(truncatingIfNeeded: entry >> UInt64($0 * 8)) })
      nextUsed &+= 1
    }
    Virtqueue.write16(deviceArea &+ 2, nextUsed, host)
    guard eventIndex else { return Virtqueue.read16(driverArea, host) & 1 == 0 }
    let event = Virtqueue.read16(driverArea &+ 4 &+ 2 &* UInt64(size), host)
    return nextUsed &- event &- 1 < nextUsed &- old
  }
}
