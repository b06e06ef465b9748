import DeviceKit

/// The display adapters there are: a VGA each, and what it has besides.
public enum GraphicsController: String, Sendable, CaseIterable {
  /// The VBE display interface alone, with its registers in memory, too.
  case vga
  /// VirtualBox's adapter: commands in video memory (HGSMI).
  case vboxVGA = "vboxvga"
  /// The same with the registers and the FIFO of VMware's.
  case vboxSVGA = "vboxsvga"
  /// VMware's SVGA II.
  case vmSVGA = "vmsvga"

  var hasHGSMI: Bool { self == .vboxVGA || self == .vboxSVGA }
  /// Whether it has registers and a FIFO of SVGA II.
  public var hasSVGA: Bool { self == .vboxSVGA || self == .vmSVGA }
  /// Whether it raises interrupts, by the output "inta".
  public var hasInterrupt: Bool { self != .vga }

  /// Vendor and device of the PCI function.
  public var identity: (vendor: UInt16, device: UInt16) {
    switch self {
    case .vga: (0x1234, 0x1111)
    case .vboxVGA, .vboxSVGA: (0x80ee, 0xbeef)
    case .vmSVGA: (0x15ad, 0x0405)
    }
  }
  var subsystem: (vendor: UInt16, device: UInt16) {
    switch self {
    case .vga: PCIConfigSpace.platform
    case .vboxVGA, .vboxSVGA: (0, 0)
    case .vmSVGA: identity
    }
  }
  /// The region behind each BAR.
  var barRegions: [(bar: Int, region: Int)] {
    switch self {
    case .vga: [(0, VGA.frameBufferRegion), (2, VGA.registerRegion)]
    case .vboxVGA: [(0, VGA.frameBufferRegion)]
    case .vboxSVGA: [(0, VGA.frameBufferRegion), (1, VGA.svgaRegion), (2, VGA.fifoRegion)]
    case .vmSVGA: [(0, VGA.svgaRegion), (1, VGA.frameBufferRegion), (2, VGA.fifoRegion)]
    }
  }
}
