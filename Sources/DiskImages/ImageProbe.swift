/// Tells the format of a file by its contents.
public enum ImageProbe {
  /// The first bytes and the last sector are enough for all formats but ISO.
  static let headBytes = 512

  /// The format that a file begins or ends like; nil for anything else, which is a raw disk.
  static func format(head: [UInt8], tail: [UInt8]) -> ImageFormat? {
    if head.big32(0) == QCOW2Header.magic { return .qcow2 }
    if head.little32(64) == VDIHeader.signature { return .vdi }
    if head.little32(0) == VMDKHeader.magic || head.starts(with: "# Disk Desc".utf8) { return .vmdk }
    if head.starts(with: VHDFooter.cookie) || tail.starts(with: VHDFooter.cookie) { return .vhd }
    return nil
  }
  /// Formats that are known by name only, lest they be taken for raw disks.
  private static func foreign(_ head: [UInt8]) -> String? {
    if head.starts(with: "vhdxfile".utf8) { return "VHDX" }
    if head.starts(with: "COWD".utf8) { return "VMDK of ESX (COWD)" }
    if head.starts(with: "WithoutFreeSpace".utf8) || head.starts(with: "WithouFreSpacExt".utf8) { return "Parallels" }
    if head.starts(with: [0x51, 0x45, 0x44, 0]) { return "QED" }
    return nil
  }

  /// An ISO is a disc only when its name says so too: a hard disk may hold the same bytes.
  static func format(of file: any ImageFile) throws(DiskError) -> ImageFormat {
    let size = try file.size()
    let head = try file.bytes(at: 0, count: headBytes)
    let tail = size >= 512 ? try file.bytes(at: size - 512, count: 512) : []
    if let format = format(head: head, tail: tail) { return format }
    if let name = foreign(head) { throw .unsupported(path: file.path, "its format is \(name)") }
    if Paths.suffix(of: file.path) == "iso", try file.bytes(at: 32_769, count: 5) == Array("CD001".utf8) { return .iso }
    return .raw
  }
}
