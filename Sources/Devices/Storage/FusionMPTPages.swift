import Base
import DeviceKit

/// Configuration pages of a Fusion-MPT adapter (MPI 1.5, Configuration Pages), as its drivers ask for them.
extension FusionMPT {
  /// A page with its header.
  struct Page: Equatable, Sendable { var bytes: [UInt8] }
  enum PageLookup: Equatable, Sendable { case page(Page), invalidType, invalidPage }
  /// Bytes of a page, more than any has.
  static let pageLimit = 4 * 0xffff

  private enum Attribute { static let readOnly: UInt8 = 0x00, changeable: UInt8 = 0x10, persistent: UInt8 = 0x20 }

  /// The page of a type and number; `address` says of what.
  func page(_ type: UInt8, extended: UInt8?, _ number: UInt8, _ address: UInt32) -> PageLookup {
    let bytes: [UInt8]?
    switch (type, extended) {
    case (0, _): bytes = ioUnitPage(number)
    case (1, _): bytes = iocPage(number)
    case (2, _): bytes = biosPage(number)
    case (3, _) where kind == .parallel: bytes = portPage(number, address)
    case (4, _) where kind == .parallel: bytes = devicePage(number, address)
    case (9, _): bytes = manufacturingPage(number)
    case (15, 0x10) where kind == .serial: bytes = sasIOUnitPage(number)
    case (15, 0x11) where kind == .serial: bytes = nil  // no expanders
    case (15, 0x12) where kind == .serial: bytes = sasDevicePage(number, address)
    case (15, 0x13) where kind == .serial: bytes = sasPhyPage(number, address)
    case (15, 0x15) where kind == .serial: bytes = sasEnclosurePage(number, address)
    default: return .invalidType
    }
    return bytes.map { .page(Page(bytes: $0)) } ?? .invalidPage
  }

  /// A page of `size` bytes with its header and nothing else.
  private func plain(
    _ type: UInt8, _ number: UInt8, version: UInt8, size: Int, attribute: UInt8 = Attribute.readOnly
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    bytes.replaceSubrange(0..<4, with: [version, UInt8(size / 4), number, type | attribute])
    return bytes
  }
  private func extended(_ type: UInt8, _ number: UInt8, version: UInt8, size: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    bytes.replaceSubrange(0..<4, with: [version, 0, number, 0x0f])
    bytes.put(4, UInt64(size / 4), 2)
    bytes[6] = type
    return bytes
  }
  private func put(_ text: String, _ at: Int, _ size: Int, _ bytes: inout [UInt8]) {
    for (index, byte) in text.utf8.prefix(size).enumerated() { bytes[at + index] = byte }
  }
  private var deviceID: UInt64 { UInt64(config.get16(2)) }

  // MARK: Manufacturing, IO unit, IOC, BIOS

  private func manufacturingPage(_ number: UInt8) -> [UInt8]? {
    switch number {
    case 0:
      var page = plain(9, 0, version: 0, size: 0x4c)
      put(kind == .parallel ? "C1030" : "C1068", 0x04, 16, &page)
      put("B0", 0x14, 8, &page)
      put("RINGBOX", 0x1c, 16, &page)
      return page
    case 1: return plain(9, 1, version: 0, size: 4 + 256)
    case 2, 3:
      var page = plain(9, number, version: 0, size: 0x0c)
      page.put(4, deviceID, 2)
      page[6] = config.bytes[8]
      return page
    case 4: return plain(9, 4, version: 5, size: 0x70)
    case 5:
      var page = plain(9, 5, version: 2, size: 0x20)
      if kind == .serial { page.put(4, controllerAddress, 8) }
      return page
    case 6: return plain(9, 6, version: 0, size: 8)
    default: return nil
    }
  }
  private func ioUnitPage(_ number: UInt8) -> [UInt8]? {
    switch number {
    case 0:
      var page = plain(0, 0, version: 0, size: 0x0c)
      page.put(4, controllerAddress, 8)  // UniqueValue
      return page
    case 1:
      var page = plain(0, 1, version: 2, size: 8)
      page.put(4, 0x05, 4)  // Flags: single function, single PCI
      return page
    case 2: return plain(0, 2, version: 2, size: 0x20)
    case 3: return plain(0, 3, version: 1, size: 0x0c)
    case 4: return plain(0, 4, version: 0, size: 0x14)
    default: return nil
    }
  }
  private func iocPage(_ number: UInt8) -> [UInt8]? {
    switch number {
    case 0:
      var page = plain(1, 0, version: 1, size: 0x1c)
      page.put(0x0c, UInt64(config.get16(0)), 2)
      page.put(0x0e, deviceID, 2)
      page[0x10] = config.bytes[8]
      page.put(0x14, UInt64(config.get32(8) >> 8), 4)
      page.put(0x18, UInt64(config.get32(0x2c)), 4)
      return page
    case 1:
      var page = plain(1, 1, version: 3, size: 0x10)
      page[0x0d] = 0xff  // PCISlotNum: unknown
      return page
    case 2: return plain(1, 2, version: 4, size: 0x0c)
    case 3: return plain(1, 3, version: 0, size: 8)
    case 4: return plain(1, 4, version: 0, size: 8)
    case 5: return plain(1, 5, version: 0, size: 0x0c)
    case 6: return plain(1, 6, version: 1, size: 0x3c)
    default: return nil
    }
  }
  private func biosPage(_ number: UInt8) -> [UInt8]? {
    switch number {
    case 1: plain(2, 1, version: 3, size: 0x20)
    case 2: plain(2, 2, version: 2, size: 0x60)
    case 4: plain(2, 4, version: 0, size: 0x0c)
    default: nil
    }
  }

  // MARK: Parallel SCSI

  /// Ultra320: information units, double transition, factor 08h, offset 127, wide.
  private static let capabilities: UInt32 = 0x207f_0803
  private func portPage(_ number: UInt8, _ address: UInt32) -> [UInt8]? {
    guard address & 0xff == 0 else { return nil }
    switch number {
    case 0:
      var page = plain(3, 0, version: 2, size: 0x0c)
      page.put(4, UInt64(FusionMPT.capabilities), 4)
      page.put(8, 0x03, 4)  // low voltage differential
      return page
    case 1:
      var page = plain(3, 1, version: 3, size: 0x10)
      page.put(4, 1 << (16 + UInt64(FusionMPT.initiator)) | UInt64(FusionMPT.initiator), 4)
      return page
    case 2:
      var page = plain(3, 2, version: 2, size: 0x4c)
      page.put(4, 0x04, 4)  // PortFlags: no bus reset when a driver starts
      page.put(8, UInt64(FusionMPT.initiator) | 0x20, 4)
      for target in 0..<FusionMPT.parallelTargets {
        // Timeout, factor; scan ID and units, disconnect and tags allowed.
        page.replaceSubrange(0x0c + target * 4..<0x10 + target * 4, with: [10, 0x08, 0x0f, 0])
      }
      return page
    default: return nil
    }
  }
  private func devicePage(_ number: UInt8, _ address: UInt32) -> [UInt8]? {
    let target = Int(address & 0xff)
    guard address >> 8 == 0, target < FusionMPT.parallelTargets else { return nil }
    let negotiation = stored.negotiations[target]
    switch number {
    case 0:
      var page = plain(4, 0, version: 4, size: 0x0c)
      // What was asked for, as far as the port can.
      let wanted = negotiation.requested
      let flags = wanted & FusionMPT.capabilities & 0x2000_0003
      let offset = min(wanted >> 16 & 0xff, FusionMPT.capabilities >> 16 & 0xff)
      let factor = offset == 0 ? 0 : max(wanted >> 8 & 0xff, FusionMPT.capabilities >> 8 & 0xff)
      page.put(4, UInt64(flags | offset << 16 | factor << 8), 4)
      page.put(8, targets.isPresent(target) ? 1 : 0, 4)  // parameters are negotiated
      return page
    case 1:
      var page = plain(4, 1, version: 5, size: 0x10, attribute: Attribute.changeable)
      page.put(4, UInt64(negotiation.requested), 4)
      page.put(12, UInt64(negotiation.configuration), 4)
      return page
    case 2: return plain(4, 2, version: 1, size: 0x10)
    case 3: return plain(4, 3, version: 0, size: 0x0c)
    default: return nil
    }
  }

  // MARK: SAS

  /// NAA 5, and a number that is LSI's to give.
  private var controllerAddress: UInt64 { 0x5000_6200_5269_0000 }
  private func address(ofTarget target: Int) -> UInt64 { controllerAddress + 0x100 + UInt64(target) }
  /// Device handles: 1 the adapter, from 2 on the drives.
  private static let controllerHandle = 1, firstHandle = 2
  private func handle(_ target: Int) -> Int { targets.isPresent(target) ? FusionMPT.firstHandle + target : 0 }
  /// DeviceInfo: end device with SSP, STP and SMP initiators; end device that is an SSP target attached directly.
  private static let controllerInfo: UInt64 = 0x71, driveInfo: UInt64 = 0xc01
  private static let linkRate: UInt8 = 0x09  // 3 Gbit/s

  private func sasIOUnitPage(_ number: UInt8) -> [UInt8]? {
    switch number {
    case 0:
      var page = extended(0x10, 0, version: 4, size: 0x10 + deviceCount * 16)
      page[0x0c] = UInt8(deviceCount)
      for phy in 0..<deviceCount {
        let at = 0x10 + phy * 16
        page[at] = UInt8(phy)  // Port
        page[at + 3] = targets.isPresent(phy) ? FusionMPT.linkRate : 0
        page.put(at + 4, FusionMPT.controllerInfo, 4)
        page.put(at + 8, UInt64(handle(phy)), 2)
        page.put(at + 10, UInt64(FusionMPT.controllerHandle), 2)
      }
      return page
    case 1:
      var page = extended(0x10, 1, version: 7, size: 0x14 + deviceCount * 12)
      page[0x10] = UInt8(deviceCount)
      for phy in 0..<deviceCount {
        let at = 0x14 + phy * 12
        page[at] = UInt8(phy)
        page[at + 3] = 0x98  // 1.5 to 3 Gbit/s
        page.put(at + 4, FusionMPT.controllerInfo, 4)
      }
      return page
    case 2:
      var page = extended(0x10, 2, version: 6, size: 0x14)
      page[8] = UInt8(deviceCount)
      return page
    case 3: return extended(0x10, 3, version: 0, size: 0x2c)
    default: return nil
    }
  }
  /// The drive of a SAS Device page, by handle, the next after a handle, or bus and target; nil: the adapter itself.
  private func sasDevice(_ address: UInt32) -> (target: Int?, found: Bool) {
    let handle = Int(address & 0xffff)
    switch address >> 28 {
    case 0:
      // FFFFh begins.
      if handle == 0xffff { return (nil, true) }
      let next = max(0, handle + 1 - FusionMPT.firstHandle)
      let target = (next..<max(next, deviceCount)).first { targets.isPresent($0) }
      return (target, target != nil)
    case 1:
      let target = Int(address & 0xff)
      return (target, address >> 8 & 0xff == 0 && targets.isPresent(target))
    case 2:
      if handle == FusionMPT.controllerHandle { return (nil, true) }
      let target = handle - FusionMPT.firstHandle
      return (target, target >= 0 && targets.isPresent(target))
    default: return (nil, false)
    }
  }
  private func sasDevicePage(_ number: UInt8, _ address: UInt32) -> [UInt8]? {
    // A driver asks for the header with an address of any form.
    let (target, found) = sasDevice(address)
    guard found else { return nil }
    switch number {
    case 0:
      var page = extended(0x12, 0, version: 5, size: 0x24)
      page.put(0x0c, target.map { self.address(ofTarget: $0) } ?? controllerAddress, 8)
      page.put(0x1c, target == nil ? FusionMPT.controllerInfo : FusionMPT.driveInfo, 4)
      page.put(0x20, 0x03, 2)  // Flags: present, mapped
      if let target {
        page.put(0x08, UInt64(target), 2)  // Slot
        page.put(0x14, UInt64(FusionMPT.controllerHandle), 2)  // ParentDevHandle
        page[0x16] = UInt8(target)  // PhyNum
        page.put(0x18, UInt64(handle(target)), 2)
        page[0x1a] = UInt8(target)
        page[0x22] = UInt8(target)  // PhysicalPort
      } else {
        page.put(0x18, UInt64(FusionMPT.controllerHandle), 2)
      }
      return page
    case 1:
      var page = extended(0x12, 1, version: 0, size: 0x30)
      page.put(0x0c, target.map { self.address(ofTarget: $0) } ?? controllerAddress, 8)
      page.put(0x18, UInt64(target.map { handle($0) } ?? FusionMPT.controllerHandle), 2)
      page[0x1a] = UInt8(target ?? 0)
      return page
    case 2:
      var page = extended(0x12, 2, version: 1, size: 0x14)
      page.put(8, target.map { self.address(ofTarget: $0) } ?? controllerAddress, 8)
      return page
    default: return nil
    }
  }
  private func sasPhyPage(_ number: UInt8, _ address: UInt32) -> [UInt8]? {
    let phy = Int(address & 0xff)
    guard address >> 28 < 2, phy < deviceCount else { return nil }
    switch number {
    case 0:
      var page = extended(0x13, 0, version: 1, size: 0x24)
      page.put(0x08, UInt64(FusionMPT.controllerHandle), 2)
      page[0x1c] = 0x98  // ProgrammedLinkRate
      page[0x1d] = 0x98  // HwLinkRate
      guard targets.isPresent(phy) else { return page }
      page.put(0x0c, self.address(ofTarget: phy), 8)
      page.put(0x14, UInt64(handle(phy)), 2)
      page.put(0x18, FusionMPT.driveInfo, 4)
      page[0x20] = FusionMPT.linkRate
      return page
    case 1: return extended(0x13, 1, version: 0, size: 0x1c)
    default: return nil
    }
  }
  /// All drives are in one enclosure, which is the adapter's own.
  private func sasEnclosurePage(_ number: UInt8, _ address: UInt32) -> [UInt8]? {
    guard number == 0, address >> 28 == 0 ? address & 0xffff == 0xffff : address & 0xffff <= 1 else { return nil }
    var page = extended(0x15, 0, version: 1, size: 0x28)
    page.put(0x0c, controllerAddress, 8)
    page.put(0x14, 0x02, 2)  // Flags: managed by the adapter
    page.put(0x16, 1, 2)
    page.put(0x18, UInt64(deviceCount), 2)
    return page
  }
}
