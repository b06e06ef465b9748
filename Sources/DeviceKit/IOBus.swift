import Synchronization

/// What answers accesses that the bus delivers.
public protocol BusTarget: AnyObject, Sendable {
  /// `offset` and `width` lie inside the region; `width` is 1, 2, 4 or 8. Bits above `width` are ignored.
  func read(region: Int, offset: UInt64, width: Int) -> UInt64
  func write(region: Int, offset: UInt64, width: Int, value: UInt64)
}

/// Why a mapping was refused.
public enum BusError: Error, Equatable {
  /// `owner` asked for addresses that `other` holds.
  case overlap(owner: String, other: String, base: UInt64, size: UInt64)
  /// Empty, beyond the end of the space, or wrapping around.
  case outOfRange(owner: String, base: UInt64, size: UInt64)
  /// More regions than the dispatch tables can number.
  case tooManyRegions(owner: String)
}

/// One region attached to a bus, mapped somewhere or nowhere. Lives as long as the bus.
public final class BusMapping: Sendable {
  public let owner: String
  public let space: Region.Space
  public let size: UInt64
  let target: any BusTarget
  let region: Int
  let accessWidth: Int
  let index: UInt16
  /// First address; `nowhere` while unmapped. Atomic because lookups read it without a lock.
  let position = Atomic<UInt64>(BusMapping.nowhere)
  static let nowhere = UInt64.max

  init(owner: String, target: any BusTarget, region: Int, description: Region, index: UInt16) {
    self.owner = owner
    self.target = target
    self.region = region
    self.space = description.space
    self.size = description.size
    self.accessWidth = description.accessWidth
    self.index = index
  }
  /// The offset of an access that the region takes in one piece; nil if it is not, or no longer, here.
  @inline(__always)
  func takes(_ address: UInt64, _ width: Int) -> UInt64? {
    let offset = address &- position.load(ordering: .acquiring)
    guard width <= accessWidth, width & (width - 1) == 0, offset < size, UInt64(width) <= size - offset else {
      return nil
    }
    return offset
  }
  /// Where the region answers now.
  public var base: UInt64? {
    let at = position.load(ordering: .acquiring)
    return at == BusMapping.nowhere ? nil : at
  }
}

/// The port and memory-mapped I/O spaces of the machine.
///
/// Two views of the same registrations: balanced trees keyed by address range are authoritative (they refuse
/// overlaps), and flat tables derived from them make lookups O(1): a handler index per port, and per 4 KiB page below
/// 4 GiB. Lookups take no lock: tables hold atomic indexes of append-only mappings, and an access that races with a
/// move of its region either lands there or is unclaimed. Pages with several owners and addresses from 4 GiB up
/// go through the tree under the lock.
///
/// Lock order: a device's lock may be held when mapping; no target is called with the bus's lock held.
public final class IOBus: Sendable {
  /// Told of each access that nobody claimed: space, address, width in bytes, whether it was a write.
  public typealias UnclaimedObserver = @Sendable (Region.Space, UInt64, Int, Bool) -> Void

  private struct Registry {
    var ports = RangeTree<BusMapping>()
    var memory = RangeTree<BusMapping>()
    /// Refused for overlap; retried when addresses become free, because guests move BARs one at a time.
    var waiting: [(mapping: BusMapping, base: UInt64)] = []
  }
  private static let sharedPage = UInt16.max
  private static let leafPages = 1024

  private let registry = Mutex(Registry())
  private let mappings = AppendOnlyTable<BusMapping>(capacity: 4096)
  private let portOwners = HandlerIndexTable(count: 65_536)
  /// Leaf tables are never freed (at most 2 MiB in all), so a reader cannot lose one.
  private let pageLeaves = AppendOnlyTable<HandlerIndexTable>(capacity: 1024)
  private let pageDirectory = HandlerIndexTable(count: 1024)
  private let unclaimed = Atomic<Int>(0)
  private let observer: UnclaimedObserver?

  public init(onUnclaimed: UnclaimedObserver? = nil) {
    observer = onUnclaimed
    // Index 0 means "nobody" in the tables, so mapping 0 is a placeholder.
    let region = Region(.port, base: nil, size: 0, "nobody")
    _ = mappings.append { _ in BusMapping(owner: "nobody", target: Nobody(), region: 0, description: region, index: 0) }
  }

  /// Accesses (after splitting) that no region claimed.
  public var unclaimedAccesses: Int { unclaimed.load(ordering: .relaxed) }

  // MARK: Registration

  /// Makes a region known to the bus; it answers nowhere until `map`.
  public func attach(_ target: any BusTarget, region: Int, _ description: Region, owner: String)
    throws(BusError) -> BusMapping
  {
    let made = registry.withLock { _ in
      mappings.append {
        BusMapping(
          owner: owner, target: target, region: region, description: description, index: UInt16(truncatingIfNeeded: $0))
      }
    }
    guard let made else { throw .tooManyRegions(owner: owner) }
    return made
  }

  /// Moves a region to `base`, or with nil takes it off the bus. When refused the region is off the bus; after an
  /// overlap it takes its place as soon as the addresses become free.
  public func map(_ mapping: BusMapping, at base: UInt64?) throws(BusError) {
    let error: BusError? = registry.withLock { registry in
      registry.waiting.removeAll { $0.mapping === mapping }
      let hadPlace = unmap(mapping, &registry)
      var error: BusError?
      if let base { error = place(mapping, at: base, &registry) }
      if case .overlap? = error, let base { registry.waiting.append((mapping, base)) }
      if hadPlace { retryWaiting(&registry) }
      return error
    }
    if let error { throw error }
  }

  private func place(_ mapping: BusMapping, at base: UInt64, _ registry: inout Registry) -> BusError? {
    let limit = mapping.space == .port ? UInt64(0xffff) : UInt64.max - 1
    guard mapping.size > 0, base <= limit, mapping.size - 1 <= limit - base else {
      return .outOfRange(owner: mapping.owner, base: base, size: mapping.size)
    }
    let last = base + (mapping.size - 1)
    let other =
      mapping.space == .port
      ? registry.ports.insert(base, last, mapping) : registry.memory.insert(base, last, mapping)
    if let other {
      return .overlap(owner: mapping.owner, other: other.owner, base: base, size: mapping.size)
    }
    mapping.position.store(base, ordering: .releasing)
    refreshTables(mapping.space, base, last, interior: mapping.index, registry)
    return nil
  }

  private func unmap(_ mapping: BusMapping, _ registry: inout Registry) -> Bool {
    guard let base = mapping.base else { return false }
    let last = base + (mapping.size - 1)
    if mapping.space == .port { registry.ports.remove(base) } else { registry.memory.remove(base) }
    refreshTables(mapping.space, base, last, interior: 0, registry)
    mapping.position.store(BusMapping.nowhere, ordering: .releasing)
    return true
  }

  private func retryWaiting(_ registry: inout Registry) {
    let waiting = registry.waiting
    registry.waiting = []
    for entry in waiting where place(entry.mapping, at: entry.base, &registry) != nil {
      registry.waiting.append(entry)
    }
  }

  private func refreshTables(
    _ space: Region.Space, _ first: UInt64, _ last: UInt64, interior: UInt16, _ registry: Registry
  ) {
    if space == .port {
      for port in first...last { portOwners[Int(port)] = interior }
      return
    }
    guard first < 1 << 32 else { return }
    let firstPage = first >> 12
    let lastPage = min(last, (1 << 32) - 1) >> 12
    for page in firstPage...lastPage {
      // Only the ends of a range can share their page with another range.
      setPageOwner(page, page == firstPage || page == lastPage ? owner(ofPage: page, registry) : interior)
    }
  }

  private func owner(ofPage page: UInt64, _ registry: Registry) -> UInt16 {
    let low = page << 12
    let high = low | 0xfff
    guard let first = registry.memory.firstOverlap(low, high), let base = first.base else { return 0 }
    let end = base + (first.size - 1)
    if end < high, registry.memory.firstOverlap(max(end + 1, low), high) != nil { return IOBus.sharedPage }
    return first.index
  }

  private func setPageOwner(_ page: UInt64, _ owner: UInt16) {
    let directoryIndex = Int(page >> 10)
    var leafNumber = Int(pageDirectory[directoryIndex])
    if leafNumber == 0 {
      guard owner != 0 else { return }
      // Number 0 means "no leaf", hence the 1 added. 1024 directory entries never exhaust 1024 leaves.
      guard pageLeaves.append({ _ in HandlerIndexTable(count: IOBus.leafPages) }) != nil else { return }
      leafNumber = pageLeaves.count
      pageDirectory[directoryIndex] = UInt16(leafNumber)
    }
    pageLeaves[leafNumber - 1]?[Int(page & 0x3ff)] = owner
  }

  // MARK: Lookup

  private func portMapping(_ port: UInt64) -> BusMapping? {
    let index = portOwners[Int(truncatingIfNeeded: port)]
    return index == 0 ? nil : mappings[Int(index)]
  }

  private func memoryMapping(_ address: UInt64) -> BusMapping? {
    if address < 1 << 32 {
      let leaf = Int(pageDirectory[Int(address >> 22)])
      guard leaf != 0, let table = pageLeaves[leaf - 1] else { return nil }
      let index = table[Int((address >> 12) & 0x3ff)]
      if index == 0 { return nil }
      if index != IOBus.sharedPage { return mappings[Int(index)] }
    }
    return registry.withLock { $0.memory.find(address) }
  }

  /// The name of the device that answers an address; for diagnostics.
  public func owner(_ space: Region.Space, at address: UInt64) -> String? {
    guard let mapping = mapping(space, address), mapping.takes(address, 1) != nil else { return nil }
    return mapping.owner
  }

  /// Everything mapped now, in address order.
  public func ranges(_ space: Region.Space) -> [ClosedRange<UInt64>] {
    registry.withLock { space == .port ? $0.ports.ranges : $0.memory.ranges }
  }

  // MARK: Access

  public func portRead(_ port: UInt16, width: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: read(.port, UInt64(port), min(width, 4)))
  }
  public func portWrite(_ port: UInt16, width: Int, _ value: UInt32) {
    write(.port, UInt64(port), min(width, 4), UInt64(value))
  }
  public func memoryRead(_ address: UInt64, width: Int) -> UInt64 { read(.memory, address, min(width, 8)) }
  public func memoryWrite(_ address: UInt64, width: Int, _ value: UInt64) {
    write(.memory, address, min(width, 8), value)
  }

  /// All-ones in the low `width` bytes.
  private static func ones(_ width: Int) -> UInt64 { width >= 8 ? .max : (1 << UInt64(width * 8)) &- 1 }
  /// Width of the first part of an access that must be split: the largest power of two below `width`.
  private static func half(_ width: Int) -> Int { width > 4 ? 4 : width > 2 ? 2 : 1 }

  private enum Claim {
    /// One region takes the access as it is.
    case whole(BusMapping, offset: UInt64)
    /// Several regions, or one that is too narrow or too short.
    case split
    case nobody
  }

  @inline(__always)
  private func mapping(_ space: Region.Space, _ address: UInt64) -> BusMapping? {
    space == .port ? (address <= 0xffff ? portMapping(address) : nil) : memoryMapping(address)
  }
  private func claim(_ space: Region.Space, _ address: UInt64, _ width: Int) -> Claim {
    if let mapping = mapping(space, address), let offset = mapping.takes(address, width) {
      return .whole(mapping, offset: offset)
    }
    // Judge by the first region found, not by asking again, so that a region which moves here meanwhile cannot turn
    // one access into several.
    for index in 0..<UInt64(width) {
      guard let mapping = mapping(space, address &+ index), mapping.takes(address &+ index, 1) != nil else { continue }
      guard let offset = mapping.takes(address, width) else { return .split }
      return .whole(mapping, offset: offset)
    }
    return .nobody
  }

  private func read(_ space: Region.Space, _ address: UInt64, _ width: Int) -> UInt64 {
    guard width > 0 else { return 0 }
    switch claim(space, address, width) {
    case .whole(let mapping, let offset):
      return mapping.target.read(region: mapping.region, offset: offset, width: width) & IOBus.ones(width)
    case .split where width > 1:
      let first = IOBus.half(width)
      let low = read(space, address, first)
      return low | read(space, address &+ UInt64(first), width - first) << UInt64(first * 8)
    case .split, .nobody:
      countUnclaimed(space, address, width, false)
      return IOBus.ones(width)
    }
  }

  private func write(_ space: Region.Space, _ address: UInt64, _ width: Int, _ value: UInt64) {
    guard width > 0 else { return }
    switch claim(space, address, width) {
    case .whole(let mapping, let offset):
      mapping.target.write(
        region: mapping.region, offset: offset, width: width, value: value & IOBus.ones(width))
    case .split where width > 1:
      let first = IOBus.half(width)
      write(space, address, first, value)
      write(space, address &+ UInt64(first), width - first, value >> UInt64(first * 8))
    case .split, .nobody:
      countUnclaimed(space, address, width, true)
    }
  }

  private func countUnclaimed(_ space: Region.Space, _ address: UInt64, _ width: Int, _ isWrite: Bool) {
    unclaimed.add(1, ordering: .relaxed)
    observer?(space, address, width, isWrite)
  }

  /// Stands at index 0, which no table entry ever selects.
  private final class Nobody: BusTarget {
    func read(region: Int, offset: UInt64, width: Int) -> UInt64 { .max }
    func write(region: Int, offset: UInt64, width: Int, value: UInt64) {}
  }
}
