/// A kernel with a Multiboot header, version 1 or 2, as ELF or as a flat image with addresses in the header.
///
/// - Spec: "Multiboot Specification" 0.6.96; "Multiboot2 Specification" 2.0.
struct MultibootImage: KernelImage {
  private enum Magic {
    static let header1: UInt32 = 0x1bad_b002, header2: UInt32 = 0xe852_50d6
    static let loader1: UInt32 = 0x2bad_b002, loader2: UInt32 = 0x36d7_6289
  }
  /// What the header asks for when the file is no ELF.
  private struct Addresses { var header, load, loadEnd, bssEnd: UInt32 }
  /// Information for the kernel lies from here to 20000h.
  private static let informationAddress: UInt64 = 0x10000
  private static let informationRoom = 0x10000
  private static let lowest: UInt64 = 0x20000

  private let isSecond: Bool
  private let segments: [BootPlan.Segment]
  private let entry: UInt32
  let highestAddress: UInt64

  /// nil when there is no header.
  init?(_ bytes: [UInt8]) throws(KernelError) {
    let reader = ByteReader(bytes)
    if let at = MultibootImage.find(Magic.header2, reader, within: 32768, align: 8) {
      isSecond = true
      var addresses: Addresses?
      var start: UInt32?
      try MultibootImage.readTags(reader, at, &addresses, &start)
      (segments, entry) = try MultibootImage.load(reader, at, addresses, start)
    } else if let at = MultibootImage.find(Magic.header1, reader, within: 8192, align: 4) {
      isSecond = false
      let flags = reader.u32(at + 4) ?? 0
      // Bits 0 and 1 (alignment, memory map) are always given; bit 2 asks for a video mode.
      guard flags & 0xfff8 == 0 else { throw .unsupported("asks for Multiboot features \(String(flags, radix: 16))h") }
      var addresses: Addresses?
      var start: UInt32?
      if flags & 0x10000 != 0, let header = reader.u32(at + 12), let load = reader.u32(at + 16),
        let loadEnd = reader.u32(at + 20), let bssEnd = reader.u32(at + 24), let first = reader.u32(at + 28)
      {
        addresses = Addresses(header: header, load: load, loadEnd: loadEnd, bssEnd: bssEnd)
        start = first
      }
      (segments, entry) = try MultibootImage.load(reader, at, addresses, start)
    } else {
      return nil
    }
    highestAddress = segments.map { $0.address + UInt64($0.bytes.count) }.max() ?? 0
  }

  private static func find(_ magic: UInt32, _ reader: ByteReader, within limit: Int, align: Int) -> Int? {
    for at in stride(from: 0, to: min(limit, reader.bytes.count), by: align) where reader.u32(at) == magic {
      // Version 1: magic + flags + checksum = 0; version 2 adds architecture and length.
      var sum = magic
      for word in 1...(align == 8 ? 3 : 2) { sum = sum &+ (reader.u32(at + word * 4) ?? 0) }
      if sum == 0 { return at }
    }
    return nil
  }

  private static func readTags(
    _ reader: ByteReader, _ at: Int, _ addresses: inout Addresses?, _ start: inout UInt32?
  ) throws(KernelError) {
    guard reader.u32(at + 4) == 0 else { throw .notBootable("is a Multiboot2 kernel for another machine, not for x86") }
    let end = at + Int(reader.u32(at + 8) ?? 0)
    var tag = at + 16
    while tag < end, let type = reader.u16(tag), let flags = reader.u16(tag + 2), let size = reader.u32(tag + 4),
      size >= 8
    {
      switch type {
      case 0: return
      case 2:
        guard let header = reader.u32(tag + 8), let load = reader.u32(tag + 12), let loadEnd = reader.u32(tag + 16),
          let bssEnd = reader.u32(tag + 20)
        else { return }
        addresses = Addresses(header: header, load: load, loadEnd: loadEnd, bssEnd: bssEnd)
      case 3: start = reader.u32(tag + 8)
      // Information request, console flags, framebuffer, module alignment, relocation: served or harmless.
      case 1, 4, 5, 6, 10: break
      default: if flags & 1 == 0 { throw .unsupported("needs Multiboot2 feature \(type)") }
      }
      tag += (Int(size) + 7) & ~7
    }
  }

  private static func load(
    _ reader: ByteReader, _ at: Int, _ addresses: Addresses?, _ start: UInt32?
  ) throws(KernelError) -> ([BootPlan.Segment], UInt32) {
    if let addresses, let start {
      return ([try flatSegment(reader, at, addresses)], start)
    }
    guard ELFImage.hasMagic(reader.bytes) else {
      throw .notBootable("has a Multiboot header, but is no ELF file and gives no load addresses")
    }
    let image = try ELFImage(reader.bytes)
    let segments = image.parts.map { part in
      BootPlan.Segment(
        address: part.physical,
        bytes: Array(reader.bytes[part.range])
          + [UInt8](repeating: 0, count: Int(part.memorySize) - part.range.count))
    }
    guard let lowestPart = segments.map(\.address).min(), lowestPart >= lowest else {
      throw .unsupported("wants to be loaded below 20000h")
    }
    return (segments, start ?? UInt32(truncatingIfNeeded: image.entry))
  }

  private static func flatSegment(
    _ reader: ByteReader, _ at: Int, _ addresses: Addresses
  ) throws(KernelError) -> BootPlan.Segment {
    guard addresses.header >= addresses.load, Int(addresses.header - addresses.load) <= at,
      UInt64(addresses.load) >= lowest
    else { throw .notBootable("has Multiboot load addresses that make no sense") }
    let first = at - Int(addresses.header - addresses.load)
    let count = addresses.loadEnd == 0 ? reader.bytes.count - first : Int(addresses.loadEnd) - Int(addresses.load)
    guard count > 0, first + count <= reader.bytes.count else {
      throw .truncated(has: reader.bytes.count, needs: first + max(count, 0))
    }
    var bytes = Array(reader.bytes[first..<(first + count)])
    let end = Int(addresses.bssEnd) - Int(addresses.load)
    guard end <= 1 << 30 else { throw .unsupported("wants more than 1 GiB") }
    if end > bytes.count { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
    return BootPlan.Segment(address: UInt64(addresses.load), bytes: bytes)
  }

  // MARK: Plan

  func plan(
    map: [MemoryRange], commandLine: [UInt8], initrd: [UInt8]?, rsdp: [UInt8]?
  ) throws(KernelError) -> BootPlan {
    for segment in segments where !BootPlan.isFree(segment.address, UInt64(segment.bytes.count), in: map) {
      throw .doesNotFit(needs: highestAddress)
    }
    guard commandLine.count <= 4096 else { throw .commandLineTooLong(maximum: 4096) }
    var all = segments
    var module: Range<UInt32>?
    if let initrd, !initrd.isEmpty {
      guard
        let address = BootPlan.place(
          initrd.count, in: map, floor: max(highestAddress, 1 << 20), limit: 1 << 32)
      else { throw .doesNotFit(needs: highestAddress + UInt64(initrd.count)) }
      all.append(BootPlan.Segment(address: address, bytes: initrd))
      module = UInt32(truncatingIfNeeded: address)..<UInt32(truncatingIfNeeded: address + UInt64(initrd.count))
    }
    let information =
      isSecond
      ? MultibootImage.information2(map, commandLine, module, rsdp)
      : MultibootImage.information1(map, commandLine, module)
    guard information.count <= MultibootImage.informationRoom else { throw .commandLineTooLong(maximum: 4096) }
    all.append(BootPlan.Segment(address: MultibootImage.informationAddress, bytes: information))
    return BootPlan(
      segments: all,
      entry: .flat(
        address: entry, eax: isSecond ? Magic.loader2 : Magic.loader1,
        ebx: UInt32(MultibootImage.informationAddress), esi: 0))
  }

  /// KiB from address 0, and from 1 MiB to the first hole.
  private static func sizes(_ map: [MemoryRange]) -> (lower: UInt32, upper: UInt32) {
    let lower = map.first { $0.isUsable && $0.base == 0 }?.size ?? 0
    let upper = map.first { $0.isUsable && $0.base <= 1 << 20 && $0.end > 1 << 20 }.map { $0.end - (1 << 20) } ?? 0
    return (UInt32(clamping: lower >> 10), UInt32(clamping: upper >> 10))
  }

  private static func information1(
    _ map: [MemoryRange], _ commandLine: [UInt8], _ module: Range<UInt32>?
  ) -> [UInt8] {
    let base = UInt32(informationAddress)
    var body = ByteBuilder(bytes: [UInt8](repeating: 0, count: 128))
    func address() -> UInt32 { base + UInt32(body.bytes.count) }
    var flags: UInt32 = 1 << 0 | 1 << 2 | 1 << 6 | 1 << 9
    body.set(4, sizes(map).lower)
    body.set(8, sizes(map).upper)
    body.set(16, address())
    body.bytes += commandLine + [0]
    body.set(64, address())
    body.bytes += Array("Ringbox".utf8) + [0]
    while body.bytes.count % 8 != 0 { body.bytes.append(0) }
    if let module {
      flags |= 1 << 3
      body.set(20, UInt32(1))
      body.set(24, address())
      let string = address() + 16
      for word in [module.lowerBound, module.upperBound, string, 0] { body.append(word) }
      body.append(UInt64(0))
    }
    body.set(44, UInt32(map.count * 24))
    body.set(48, address())
    for range in map {
      body.append(UInt32(20))
      body.append(range.base)
      body.append(range.size)
      body.append(range.type)
    }
    body.set(0, flags)
    return body.bytes
  }

  private static func information2(
    _ map: [MemoryRange], _ commandLine: [UInt8], _ module: Range<UInt32>?, _ rsdp: [UInt8]?
  ) -> [UInt8] {
    var body = ByteBuilder(bytes: [UInt8](repeating: 0, count: 8))
    func tag(_ type: UInt32, _ payload: [UInt8]) {
      body.append(type)
      body.append(UInt32(8 + payload.count))
      body.bytes += payload
      while body.bytes.count % 8 != 0 { body.bytes.append(0) }
    }
    func words(_ values: [UInt32]) -> [UInt8] {
      var words = ByteBuilder()
      for value in values { words.append(value) }
      return words.bytes
    }
    tag(1, commandLine + [0])
    tag(2, Array("Ringbox".utf8) + [0])
    if let module { tag(3, words([module.lowerBound, module.upperBound]) + [0]) }
    tag(4, words([sizes(map).lower, sizes(map).upper]))
    var entries = ByteBuilder(bytes: words([24, 0]))
    for range in map {
      entries.append(range.base)
      entries.append(range.size)
      entries.append(range.type)
      entries.append(UInt32(0))
    }
    tag(6, entries.bytes)
    if let rsdp, rsdp.count >= 20 {
      tag(14, Array(rsdp.prefix(20)))
      if rsdp.count >= 36, rsdp[15] >= 2 { tag(15, Array(rsdp.prefix(36))) }
    }
    tag(0, [])
    body.set(0, UInt32(body.bytes.count))
    return body.bytes
  }
}
