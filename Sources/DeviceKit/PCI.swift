import Base

/// The 256-byte configuration space of one PCI function (PCI Local Bus 3.0, chapter 6) with its writable bits.
public struct PCIConfigSpace: SavedState {
  public var bytes = [UInt8](repeating: 0, count: 256)
  /// Bits of `bytes` that the guest may change; constant after set-up, so not part of a saved state.
  public var writable = [UInt8](repeating: 0, count: 256)
  /// Bits that a write of 1 clears (status register).
  public var writeOneToClear = [UInt8](repeating: 0, count: 256)
  public init() {}

  /// Subsystem IDs of the board's own functions: by these, common firmware tells a virtual PC with an fw_cfg
  /// interface from a physical board.
  public static let platform: (vendor: UInt16, device: UInt16) = (0x1af4, 0x1100)

  public init(
    vendor: UInt16, device: UInt16, classCode: UInt32, revision: UInt8 = 0,
    subsystem: (vendor: UInt16, device: UInt16) = (0, 0),
    headerType: UInt8 = 0, interruptPin: UInt8 = 0
  ) {
    self.init()
    set16(0x00, vendor)
    set16(0x02, device)
    bytes[0x08] = revision
    bytes[0x09] = UInt8(truncatingIfNeeded: classCode)
    bytes[0x0a] = UInt8(truncatingIfNeeded: classCode >> 8)
    bytes[0x0b] = UInt8(truncatingIfNeeded: classCode >> 16)
    bytes[0x0e] = headerType
    set16(0x2c, subsystem.vendor)
    set16(0x2e, subsystem.device)
    bytes[0x3d] = interruptPin
    writable[0x04] = 0x07  // I/O, memory, bus master
    writable[0x05] = 0x05  // SERR#, interrupt disable
    writable[0x0c] = 0xff
    writable[0x0d] = 0xff
    writable[0x3c] = 0xff
    writeOneToClear[0x07] = 0xf9
  }

  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.fixedBytes("bytes", &bytes)
  }

  /// The 16-bit register at `offset`.
  public func get16(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8 }
  /// The 32-bit register at `offset`.
  public func get32(_ offset: Int) -> UInt32 { UInt32(get16(offset)) | UInt32(get16(offset + 2)) << 16 }
  /// Sets the 16-bit register at `offset`, whatever the guest may write.
  public mutating func set16(_ offset: Int, _ value: UInt16) {
    bytes[offset] = UInt8(truncatingIfNeeded: value)
    bytes[offset + 1] = UInt8(truncatingIfNeeded: value >> 8)
  }
  /// Sets the 32-bit register at `offset`, whatever the guest may write.
  public mutating func set32(_ offset: Int, _ value: UInt32) {
    set16(offset, UInt16(truncatingIfNeeded: value))
    set16(offset + 2, UInt16(truncatingIfNeeded: value >> 16))
  }

  /// A guest read of 1, 2 or 4 bytes inside one aligned dword; bytes past the end read as all-ones.
  public func read(_ offset: Int, width: Int) -> UInt32 {
    var value: UInt32 = 0
    for index in 0..<width {
      let byte = offset + index < 256 ? bytes[offset + index] : 0xff
      value |= UInt32(byte) << UInt32(index * 8)
    }
    return value
  }
  /// A guest write: only `writable` bits change, `writeOneToClear` bits clear.
  public mutating func write(_ offset: Int, _ value: UInt32, width: Int) {
    for index in 0..<width where offset + index < 256 {
      let at = offset + index
      let byte = UInt8(truncatingIfNeeded: value >> UInt32(index * 8))
      bytes[at] = (bytes[at] & ~writable[at]) | (byte & writable[at])
      bytes[at] &= ~(byte & writeOneToClear[at])
    }
  }

  /// Declares BAR `index` (0...5) of `size` bytes (a power of two, at least 4 for ports, 16 for memory).
  public mutating func defineBAR(_ index: Int, size: UInt64, kind: BARKind) {
    let at = 0x10 + index * 4
    let mask = ~(size - 1)
    var low = UInt32(truncatingIfNeeded: mask)
    switch kind {
    case .port:
      // Bits 31-16 must be writable, too: firmware computes the size from all 32 bits.
      low &= 0xffff_fffc
      bytes[at] = 1
    case .memory32(let prefetchable):
      low &= 0xffff_fff0
      bytes[at] = prefetchable ? 8 : 0
    case .memory64(let prefetchable):
      low &= 0xffff_fff0
      bytes[at] = prefetchable ? 0xc : 4
      for byte in 0..<4 { writable[at + 4 + byte] = UInt8(truncatingIfNeeded: mask >> UInt64(32 + byte * 8)) }
    }
    for byte in 0..<4 { writable[at + byte] = UInt8(truncatingIfNeeded: low >> UInt32(byte * 8)) }
  }

  /// The number of the expansion ROM among the BARs.
  public static let romBAR = 6
  /// Declares the expansion ROM BAR of `size` bytes, a power of two, at least 2 KiB.
  public mutating func defineROM(size: UInt64) {
    let mask = UInt32(truncatingIfNeeded: ~(size - 1)) & 0xffff_f800 | 1
    for byte in 0..<4 { writable[0x30 + byte] = UInt8(truncatingIfNeeded: mask >> UInt32(byte * 8)) }
  }

  /// Where BAR `index` now answers, or nil while decoding is off or the BAR is unset.
  public func address(ofBAR index: Int) -> UInt64? {
    if index == PCIConfigSpace.romBAR {
      let value = get32(0x30)
      return value & 1 == 1 && bytes[0x04] & 2 == 2 && value >= 0x800 ? UInt64(value & 0xffff_f800) : nil
    }
    let at = 0x10 + index * 4
    let low = get32(at)
    if low & 1 == 1 {
      let base = low & 0xffff_fffc
      return bytes[0x04] & 1 == 1 && base != 0 && base <= 0xffff ? UInt64(base) : nil
    }
    var base = UInt64(low & 0xffff_fff0)
    if low & 4 == 4 { base |= UInt64(get32(at + 4)) << 32 }
    return bytes[0x04] & 2 == 2 && base != 0 ? base : nil
  }
}

public enum BARKind: Sendable, Equatable {
  case port
  case memory32(prefetchable: Bool)
  case memory64(prefetchable: Bool)
}

/// A device that is also a PCI function. Its descriptor's regions for BARs have `base == nil`.
public protocol PCIDevice: Device {
  /// The configuration space; part of `state`.
  var config: PCIConfigSpace { get set }
  /// Descriptor region behind each BAR: (BAR index or `PCIConfigSpace.romBAR`, region index). The slot maps and unmaps them as the guest writes
  /// BARs.
  var barRegions: [(bar: Int, region: Int)] { get }
  /// After the guest wrote `width` bytes at `offset` (already stored, BARs already re-mapped).
  mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices)
  /// Before a configuration read, for registers that are computed (virtio's pci_cfg window and the like).
  mutating func configWillRead(_ offset: Int, width: Int, _ host: some DeviceServices)
}

extension PCIDevice {
  public mutating func configWritten(_ offset: Int, width: Int, _ host: some DeviceServices) {}
  public mutating func configWillRead(_ offset: Int, width: Int, _ host: some DeviceServices) {}
}
