import Base
import DeviceKit

/// The MSI-X table of a PCI function (PCI Local Bus 3.0, 6.8.2).
struct MSIXTable: SavedState {
  struct Vector: SavedState {
    var address: UInt64 = 0
    var data: UInt32 = 0
    var masked = true
    var pending = false
    mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
      try visit.field("address", &address)
      try visit.field("data", &data)
      try visit.field("masked", &masked)
      try visit.field("pending", &pending)
    }
  }
  var vectors: [Vector] = []
  // Copies of message control.
  var isEnabled = false
  var isMasked = false

  init() {}
  init(count: Int) { vectors = Array(repeating: Vector(), count: count) }
  mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.fixedList("vectors", &vectors)
    try visit.field("isEnabled", &isEnabled)
    try visit.field("isMasked", &isMasked)
  }

  // MARK: Interrupts

  /// Sends a vector's message, or keeps it pending while it is masked.
  mutating func signal(_ vector: Int, _ host: some DeviceServices) {
    guard vectors.indices.contains(vector) else { return }
    vectors[vector].pending = true
    deliver(vector, host)
  }
  private mutating func deliver(_ vector: Int, _ host: some DeviceServices) {
    let entry = vectors[vector]
    guard entry.pending, !entry.masked, isEnabled, !isMasked else { return }
    vectors[vector].pending = false
    host.messageInterrupt(address: entry.address, data: entry.data)
  }
  mutating func clearPending() { for index in vectors.indices { vectors[index].pending = false } }

  // MARK: Table

  /// A read of the table at 0 or of the pending bits at `pendingBits`.
  func read(_ offset: Int, width: Int, pendingBits: Int) -> UInt64 {
    (0..<width).reduce(0) { $0 | UInt64(byte(offset + $1, pendingBits)) << UInt64($1 * 8) }
  }
  private func byte(_ offset: Int, _ pendingBits: Int) -> UInt8 {
    if offset >= pendingBits {
      let first = (offset - pendingBits) * 8
      return (0..<8).reduce(0) { bits, bit in
        vectors.indices.contains(first + bit) && vectors[first + bit].pending ? bits | 1 << UInt8(bit) : bits
      }
    }
    guard vectors.indices.contains(offset / 16) else { return 0 }
    let vector = vectors[offset / 16]
    let at = UInt64(offset & 15)
    switch at {
    case 0..<8: return UInt8(truncatingIfNeeded: vector.address >> (at * 8))
    case 8..<12: return UInt8(truncatingIfNeeded: UInt64(vector.data) >> ((at - 8) * 8))
    case 12: return vector.masked ? 1 : 0
    default: return 0
    }
  }
  /// A write of four bytes.
  mutating func write(_ offset: Int, _ value: UInt32, _ host: some DeviceServices) {
    let index = offset / 16
    guard vectors.indices.contains(index) else { return }
    switch offset & 15 {
    case 0: vectors[index].address = vectors[index].address & ~0xffff_ffff | UInt64(value & ~3)
    case 4: vectors[index].address = vectors[index].address & 0xffff_ffff | UInt64(value) << 32
    case 8: vectors[index].data = value
    case 12:
      vectors[index].masked = value & 1 == 1
      deliver(index, host)
    default: break
    }
  }

  // MARK: Capability

  /// Puts the capability at `offset` of a configuration space: the table at 0 of BAR `bar`, pending bits behind it.
  static func define(
    _ config: inout PCIConfigSpace, at offset: Int, next: Int = 0, vectors: Int, bar: Int, table: Int = 0,
    pendingBits: Int
  ) {
    config.bytes[offset] = 0x11
    config.bytes[offset + 1] = UInt8(next)
    config.set16(offset + 2, UInt16(vectors - 1))
    config.writable[offset + 3] = 0xc0
    config.set32(offset + 4, UInt32(table | bar))
    config.set32(offset + 8, UInt32(pendingBits | bar))
  }
  /// After a write of the configuration space: takes message control over and sends what became free.
  mutating func configure(_ config: PCIConfigSpace, at offset: Int, _ host: some DeviceServices) {
    copyControl(config, at: offset)
    for index in vectors.indices { deliver(index, host) }
  }
  mutating func copyControl(_ config: PCIConfigSpace, at offset: Int) {
    let control = config.get16(offset + 2)
    isEnabled = control & 0x8000 != 0
    isMasked = control & 0x4000 != 0
  }
}

/// The MSI capability of a PCI function with one message and 64-bit addresses (PCI Local Bus 3.0, 6.8.1).
enum MSICapability {
  static func define(_ config: inout PCIConfigSpace, at offset: Int, next: Int = 0) {
    config.bytes[offset] = 0x05
    config.bytes[offset + 1] = UInt8(next)
    config.bytes[offset + 2] = 0x80
    config.writable[offset + 2] = 0x01
    config.writable[offset + 4] = 0xfc
    for byte in 5..<14 { config.writable[offset + byte] = 0xff }
  }
  static func isEnabled(_ config: PCIConfigSpace, at offset: Int) -> Bool { config.bytes[offset + 2] & 1 == 1 }
  static func send(_ config: PCIConfigSpace, at offset: Int, _ host: some DeviceServices) {
    let address = UInt64(config.get32(offset + 4)) | UInt64(config.get32(offset + 8)) << 32
    host.messageInterrupt(address: address, data: UInt32(config.get16(offset + 12)))
  }
}
