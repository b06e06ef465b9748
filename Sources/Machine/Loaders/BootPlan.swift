/// A run of RAM that the firmware says is free, or not.
struct MemoryRange: Equatable, Sendable {
  var base: UInt64
  var size: UInt64
  /// 1: usable (ACPI 6.4, table 15.4).
  var type: UInt32
  var end: UInt64 { base &+ size }
  var isUsable: Bool { type == 1 }
}

/// What must be in memory, and how the kernel is entered.
struct BootPlan: Equatable, Sendable {
  struct Segment: Equatable, Sendable {
    var address: UInt64
    var bytes: [UInt8]
  }
  enum Entry: Equatable, Sendable {
    /// Real mode: CS:IP, and one segment for data and stack.
    case real(codeSegment: UInt16, offset: UInt16, dataSegment: UInt16, stackPointer: UInt16)
    /// Flat 32-bit protected mode without paging.
    case flat(address: UInt32, eax: UInt32, ebx: UInt32, esi: UInt32)
  }
  var segments: [Segment]
  var entry: Entry

  /// Where an entry piece lies and runs.
  static let entryAddress: UInt64 = 0x7e00

  /// The machine code at `entryAddress`, with its parameters.
  var entryCode: [UInt8] {
    var code = ByteBuilder()
    switch entry {
    case .real(let codeSegment, let offset, let dataSegment, let stackPointer):
      code.bytes = BootROMCode.real
      code.set(4, dataSegment)
      code.set(6, stackPointer)
      code.set(8, offset)
      code.set(10, codeSegment)
    case .flat(let address, let eax, let ebx, let esi):
      code.bytes = BootROMCode.flat
      code.set(4, address)
      code.set(8, eax)
      code.set(12, ebx)
      code.set(16, esi)
    }
    return code.bytes
  }

  /// Highest place below `limit` in usable memory for `count` bytes, on a page boundary and not below `floor`.
  static func place(_ count: Int, in map: [MemoryRange], floor: UInt64, limit: UInt64) -> UInt64? {
    var best: UInt64?
    for range in map where range.isUsable {
      let end = min(range.end, limit)
      guard end > range.base, end - range.base >= UInt64(count) else { continue }
      let address = (end - UInt64(count)) & ~0xfff
      guard address >= range.base, address >= floor else { continue }
      best = max(best ?? 0, address)
    }
    return best
  }
  /// Whether the whole run lies in usable memory.
  static func isFree(_ address: UInt64, _ count: UInt64, in map: [MemoryRange]) -> Bool {
    map.contains { $0.isUsable && $0.base <= address && address <= $0.end && count <= $0.end - address }
  }
}

/// A kernel file that has been looked at and found bootable.
protocol KernelImage: Sendable {
  /// Lays the kernel out for a memory map. The reason when it does not fit is for a person.
  func plan(map: [MemoryRange], commandLine: [UInt8], initrd: [UInt8]?, rsdp: [UInt8]?) throws(KernelError) -> BootPlan
  /// First address above everything that the kernel needs before it looks at the memory map.
  var highestAddress: UInt64 { get }
}

/// Why a kernel cannot be booted.
enum KernelError: Error, Equatable {
  case truncated(has: Int, needs: Int)
  /// It is for another machine, or no kernel at all; says what it seems to be.
  case notBootable(String)
  /// A kernel of this kind needs something that Ringbox does not do.
  case unsupported(String)
  case commandLineTooLong(maximum: Int)
  case doesNotFit(needs: UInt64)

  /// A few words that go behind "kernel 'x': ".
  var reason: String {
    switch self {
    case .truncated(let has, let needs): "is truncated: \(has) bytes of \(needs)"
    case .notBootable(let what): what
    case .unsupported(let what): what
    case .commandLineTooLong(let maximum): "takes a command line of at most \(maximum) bytes"
    case .doesNotFit(let needs): "does not fit into memory; it needs at least \((needs + 0xfffff) >> 20) MiB (--memory)"
    }
  }
}

/// Little-endian fields of a file; nil past its end.
struct ByteReader: Sendable {
  let bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
  func u16(_ offset: Int) -> UInt16? { value(offset) }
  func u32(_ offset: Int) -> UInt32? { value(offset) }
  func u64(_ offset: Int) -> UInt64? { value(offset) }
  private func value<T: FixedWidthInteger>(_ offset: Int) -> T? {
    guard offset >= 0, offset <= bytes.count - T.bitWidth / 8 else { return nil }
    var value: T = 0
    for index in 0..<(T.bitWidth / 8) { value |= T(truncatingIfNeeded: bytes[offset + index]) << T(index * 8) }
    return value
  }
}

/// Tells what kind of kernel a file is.
enum KernelFile {
  static func parse(_ bytes: [UInt8]) throws(KernelError) -> any KernelImage {
    guard !bytes.isEmpty else { throw .notBootable("is empty") }
    if let multiboot = try MultibootImage(bytes) { return multiboot }
    if LinuxImage.hasHeader(bytes) { return try LinuxImage(bytes) }
    throw .notBootable(describe(bytes))
  }

  private static let elfMachines: [UInt16: String] = [
    3: "i386", 21: "PowerPC64", 22: "S/390", 40: "ARM", 62: "x86-64", 183: "AArch64", 243: "RISC-V",
  ]

  private static func describe(_ bytes: [UInt8]) -> String {
    let reader = ByteReader(bytes)
    if ELFImage.hasMagic(bytes) {
      let machine = reader.u16(18) ?? 0
      guard machine == 3 || machine == 62 else {
        return "is an ELF file for \(elfMachines[machine] ?? "machine \(machine)"), not for x86"
      }
      return "is an ELF file without a Multiboot header; a Linux kernel must be given as bzImage"
    }
    // Magic numbers of Linux images: "ARM\u{64}" and "RSC\u{5}" in their headers, ARM's zImage.
    if reader.u32(0x38) == 0x644d_5241 { return "is a Linux kernel for AArch64, not for x86" }
    if reader.u32(0x38) == 0x0543_5352 { return "is a Linux kernel for RISC-V, not for x86" }
    if reader.u32(0x24) == 0x016f_2818 { return "is a Linux kernel for ARM, not for x86" }
    if bytes.starts(with: [0x1f, 0x8b]) { return "is gzip-compressed; unpack it first" }
    if bytes.count < 0x260 { return "is too short for a kernel (\(bytes.count) bytes)" }
    return "is neither a Linux bzImage nor a Multiboot kernel"
  }
}
