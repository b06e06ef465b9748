import DeviceKit

/// The contents of a PCI expansion ROM (PCI Firmware Specification 3.0, 5.1), such as a network boot program.
public struct OptionROM: Sendable, Equatable {
  /// Padded to a power of two.
  public let bytes: [UInt8]
  /// Larger ones are refused.
  public static let limit = 1 << 20

  /// Nil when `image` is no expansion ROM.
  ///
  /// One image serves several cards of a family: the IDs in its header are set to those of the function it is for, and
  /// the checksum is put right.
  public init?(_ image: [UInt8], vendor: UInt16, device: UInt16) {
    guard image.count >= 512, image.count <= OptionROM.limit, image[0] == 0x55, image[1] == 0xaa else { return nil }
    var image = image
    let header = Int(image[0x18]) | Int(image[0x19]) << 8
    guard header + 24 <= image.count, Array(image[header..<(header + 4)]) == Array("PCIR".utf8) else { return nil }
    image[header + 4] = UInt8(truncatingIfNeeded: vendor)
    image[header + 5] = UInt8(truncatingIfNeeded: vendor >> 8)
    image[header + 6] = UInt8(truncatingIfNeeded: device)
    image[header + 7] = UInt8(truncatingIfNeeded: device >> 8)
    // Behind the jump at 3, byte 6 is free in network boot ROMs and holds what makes the sum zero.
    let covered = Int(image[2]) * 512
    guard (512...image.count).contains(covered) else { return nil }
    let sum = image[..<covered].reduce(0 as UInt8) { $0 &+ $1 }
    image[6] &-= sum
    var size = 2048
    while size < image.count { size *= 2 }
    bytes = image + [UInt8](repeating: 0xff, count: size - image.count)
  }

  /// A guest's read; all-ones beyond the end.
  func read(_ access: Access) -> UInt64 {
    guard access.offset < UInt64(bytes.count) else { return .max }
    return (0..<min(access.width, 8)).reduce(0) { value, index in
      let at = Int(access.offset) + index
      return value | UInt64(at < bytes.count ? bytes[at] : 0xff) << UInt64(index * 8)
    }
  }
}
