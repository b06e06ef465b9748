/// The loadable parts of an ELF executable for x86, 32 or 64 bits.
///
/// - Spec: System V ABI, chapters 4 and 5; AMD64 supplement.
struct ELFImage: Sendable {
  struct Part: Equatable, Sendable {
    var physical: UInt64
    var virtual: UInt64
    /// In the file.
    var range: Range<Int>
    /// In memory, at least as long.
    var memorySize: UInt64
  }
  let parts: [Part]
  /// As a physical address.
  let entry: UInt64

  static func hasMagic(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) }
  private static let largest: UInt64 = 1 << 30

  init(_ bytes: [UInt8]) throws(KernelError) {
    let reader = ByteReader(bytes)
    guard bytes.count >= 64 else { throw .truncated(has: bytes.count, needs: 64) }
    let is64 = bytes[4] == 2
    guard bytes[5] == 1, let machine = reader.u16(18), machine == 3 || machine == 62 else {
      throw .notBootable("is an ELF file for another machine, not for x86")
    }
    let header = is64 ? reader.u64(32) : reader.u32(28).map(UInt64.init)
    let size = reader.u16(is64 ? 54 : 42)
    let count = reader.u16(is64 ? 56 : 44)
    let start = is64 ? reader.u64(24) : reader.u32(24).map(UInt64.init)
    guard let header, let size, let count, let start, header < UInt64(bytes.count), count > 0,
      size >= (is64 ? 56 : 32)
    else { throw .notBootable("has no usable ELF program headers") }
    var parts: [Part] = []
    for index in 0..<Int(count) {
      let at = Int(header) + index * Int(size)
      guard let type = reader.u32(at) else { throw .truncated(has: bytes.count, needs: at + Int(size)) }
      if type == 1 { parts.append(try ELFImage.part(reader, at, is64)) }
    }
    guard !parts.isEmpty else { throw .notBootable("has nothing to load") }
    self.parts = parts
    // The entry is a virtual address for kernels linked high.
    let home = parts.first { start >= $0.virtual && start - $0.virtual < $0.memorySize }
    entry = home.map { start - $0.virtual + $0.physical } ?? start
  }

  private static func part(_ reader: ByteReader, _ at: Int, _ is64: Bool) throws(KernelError) -> Part {
    func word(_ narrow: Int, _ wide: Int) -> UInt64? {
      is64 ? reader.u64(at + wide) : reader.u32(at + narrow).map(UInt64.init)
    }
    guard let offset = word(4, 8), let virtual = word(8, 16), let physical = word(12, 24), let inFile = word(16, 32),
      let inMemory = word(20, 40)
    else { throw .truncated(has: reader.bytes.count, needs: at + 56) }
    let (end, overflow) = offset.addingReportingOverflow(inFile)
    guard !overflow, end <= UInt64(reader.bytes.count) else {
      throw .truncated(has: reader.bytes.count, needs: Int(clamping: end))
    }
    guard inMemory >= inFile, inMemory <= largest, physical < 1 << 32, physical + inMemory <= 1 << 32 else {
      throw .unsupported("has an ELF segment outside the first 4 GiB")
    }
    return Part(physical: physical, virtual: virtual, range: Int(offset)..<Int(end), memorySize: inMemory)
  }
}
