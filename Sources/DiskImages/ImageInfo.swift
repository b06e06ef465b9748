/// The formats that disks are kept in.
public enum ImageFormat: String, Sendable, CaseIterable {
  case raw = "RAW", vdi = "VDI", vmdk = "VMDK", vhd = "VHD", qcow2 = "QCOW2", iso = "ISO"

  /// By the name that a user gives; `nil` for an unknown one.
  public init?(named name: String) {
    switch name.lowercased() {
    case "img": self = .raw
    case "vpc": self = .vhd
    default:
      guard let format = ImageFormat(rawValue: name.uppercased()) else { return nil }
      self = format
    }
  }
  /// What file names end with.
  public var suffix: String {
    switch self {
    case .raw: "img"
    default: rawValue.lowercased()
    }
  }
}

/// How an image is laid out.
public enum ImageVariant: String, Sendable, CaseIterable {
  /// Grows as it is written.
  case dynamic
  /// All space from the start.
  case fixed
  /// VMDK in files of at most 2 GiB, growing or fixed.
  case split, splitFixed
  /// VMDK, compressed, written once from front to end.
  case stream
  /// Holds what differs from a parent.
  case differencing
}

/// Cylinders, heads and sectors, as old firmware and formats count them.
public struct DiskGeometry: Equatable, Sendable {
  /// Counts, each from 1.
  public var cylinders: UInt32, heads: UInt32, sectors: UInt32
  public init(cylinders: UInt32, heads: UInt32, sectors: UInt32) {
    self.cylinders = cylinders
    self.heads = heads
    self.sectors = sectors
  }
  /// The 16-head geometry that IDE disks report for a capacity.
  public static func ide(sectorCount: UInt64) -> DiskGeometry {
    DiskGeometry(cylinders: UInt32(min(16383, max(1, sectorCount / (16 * 63)))), heads: 16, sectors: 63)
  }
}

/// A snapshot that an image carries inside.
public struct InternalSnapshot: Equatable, Sendable {
  /// By either it can be opened; ids differ.
  public var id: String, name: String
  /// Seconds since 1970.
  public var date: UInt64
}

/// What an image file says about itself.
public struct ImageInfo: Equatable, Sendable {
  public var path: String
  public var format: ImageFormat
  /// How it is laid out.
  public var variant: ImageVariant
  /// Bytes that the guest sees, and bytes that the host gives.
  public var capacity: UInt64, sizeOnDisk: UInt64 = 0
  /// Of the image, and of its contents as they are now.
  public var uuid: DiskUUID?, modificationUUID: DiskUUID?
  /// The same of the parent, as they were when the image was made.
  public var parentUUID: DiskUUID?, parentModificationUUID: DiskUUID?
  /// The content number of a VMDK, which changes with its contents, and that of its parent.
  public var contentID: UInt32?, parentContentID: UInt32?
  /// The parent's file as the image names it, resolved; nil when it has none or names none.
  public var parentPath: String?
  /// The format of the parent, where the image says it.
  public var parentFormat: ImageFormat?
  /// Description by the user.
  public var comment = ""
  /// Where the format has one.
  public var geometry: DiskGeometry?
  /// Bytes of the unit in which space is taken.
  public var blockSize: UInt64 = 0
  /// Snapshots inside the image (QCOW2).
  public var snapshots: [InternalSnapshot] = []
  /// Every file of the image.
  public var files: [String] = []
  /// The version of the format, as its documents write it.
  public var version = ""

  init(path: String, format: ImageFormat, variant: ImageVariant, capacity: UInt64) {
    self.path = path
    self.format = format
    self.variant = variant
    self.capacity = capacity
  }
}
