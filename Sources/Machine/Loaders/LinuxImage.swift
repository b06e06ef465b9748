/// A Linux bzImage, entered through its 16-bit setup code as a boot loader on a PC does.
///
/// - Spec: Linux documentation "The Linux/x86 Boot Protocol", versions 2.02 to 2.15.
struct LinuxImage: KernelImage {
  private enum Field {
    static let setupSectors = 0x1f1, systemSize = 0x1f4, videoMode = 0x1fa, bootFlag = 0x1fe
    static let magic = 0x202, version = 0x206, loaderType = 0x210, loadFlags = 0x211, ramdiskAddress = 0x218
    static let ramdiskSize = 0x21c, heapEnd = 0x224, commandLine = 0x228, initrdMaximum = 0x22c
    static let commandLineSize = 0x238, preferredAddress = 0x258, initSize = 0x260
  }
  private enum LoadFlag { static let loadedHigh: UInt8 = 1, canUseHeap: UInt8 = 0x80 }
  private static let headerMagic: UInt32 = 0x5372_6448  // "HdrS"
  /// Real-mode part at 10000h, its stack and heap up to 1E000h, the command line above.
  private static let setupAddress: UInt64 = 0x10000
  private static let stackPointer: UInt16 = 0xe000
  private static let commandLineAddress: UInt64 = 0x1e000
  /// From the command line up to where a BIOS data area may begin.
  private static let commandLineRoom = 0x10000
  private static let kernelAddress: UInt64 = 0x100000

  private let file: ByteReader
  private let setupSize: Int
  private let version: UInt16

  static func hasHeader(_ bytes: [UInt8]) -> Bool {
    let reader = ByteReader(bytes)
    return reader.u16(Field.bootFlag) == 0xaa55 && reader.u32(Field.magic) == headerMagic
  }

  init(_ bytes: [UInt8]) throws(KernelError) {
    file = ByteReader(bytes)
    guard let version = file.u16(Field.version), let size = file.u32(Field.systemSize),
      bytes.count > Field.initSize + 4
    else { throw .truncated(has: bytes.count, needs: 0x400) }
    self.version = version
    guard version >= 0x0202 else {
      throw .unsupported("speaks boot protocol \(version >> 8).\(version & 0xff); 2.02 is the oldest that works")
    }
    guard bytes[Field.loadFlags] & LoadFlag.loadedHigh != 0 else {
      throw .unsupported("is a zImage, which loads low; a bzImage is needed")
    }
    let sectors = bytes[Field.setupSectors] == 0 ? 4 : Int(bytes[Field.setupSectors])
    setupSize = (sectors + 1) * 512
    // The size counts paragraphs; only its low half is valid before 2.04.
    let paragraphs = Int(version >= 0x0204 ? size : size & 0xffff)
    let needs = setupSize + paragraphs * 16
    guard bytes.count > setupSize, bytes.count + 15 >= needs else { throw .truncated(has: bytes.count, needs: needs) }
    guard setupSize <= 0x8000 else { throw .unsupported("has a real-mode part of \(setupSize) bytes") }
  }

  private var payload: Int { file.bytes.count - setupSize }

  /// Decompression happens at the preferred address and takes `init_size` bytes.
  var highestAddress: UInt64 {
    let loaded = LinuxImage.kernelAddress + UInt64(payload)
    guard version >= 0x020a, let preferred = file.u64(Field.preferredAddress), let size = file.u32(Field.initSize),
      preferred < 1 << 32
    else { return loaded + UInt64(payload) * 3 }
    return max(loaded, max(preferred, LinuxImage.kernelAddress) + UInt64(size))
  }

  func plan(
    map: [MemoryRange], commandLine: [UInt8], initrd: [UInt8]?, rsdp: [UInt8]?
  ) throws(KernelError) -> BootPlan {
    let maximum = Int(version >= 0x0206 ? file.u32(Field.commandLineSize) ?? 255 : 255)
    let limit = min(maximum, LinuxImage.commandLineRoom - 1)
    guard commandLine.count <= limit else { throw .commandLineTooLong(maximum: limit) }
    guard BootPlan.isFree(LinuxImage.kernelAddress, highestAddress - LinuxImage.kernelAddress, in: map) else {
      throw .doesNotFit(needs: highestAddress)
    }
    var setup = ByteBuilder(bytes: Array(file.bytes[0..<setupSize]))
    setup.set(Field.loaderType, UInt8(0xff))
    setup.set(Field.loadFlags, file.bytes[Field.loadFlags] | LoadFlag.canUseHeap)
    setup.set(Field.heapEnd, LinuxImage.stackPointer - 0x200)
    setup.set(Field.commandLine, UInt32(LinuxImage.commandLineAddress))
    if let mode = LinuxImage.videoMode(commandLine) { setup.set(Field.videoMode, mode) }
    var segments: [BootPlan.Segment] = []
    if let initrd, !initrd.isEmpty {
      let top = version >= 0x0203 ? UInt64(file.u32(Field.initrdMaximum) ?? 0x37ff_ffff) + 1 : 0x3800_0000
      guard let address = BootPlan.place(initrd.count, in: map, floor: highestAddress, limit: min(top, 1 << 32)) else {
        throw .doesNotFit(needs: highestAddress + UInt64(initrd.count))
      }
      setup.set(Field.ramdiskAddress, UInt32(truncatingIfNeeded: address))
      setup.set(Field.ramdiskSize, UInt32(clamping: initrd.count))
      segments.append(BootPlan.Segment(address: address, bytes: initrd))
    }
    segments.append(BootPlan.Segment(address: LinuxImage.setupAddress, bytes: setup.bytes))
    segments.append(BootPlan.Segment(address: LinuxImage.commandLineAddress, bytes: commandLine + [0]))
    segments.append(BootPlan.Segment(address: LinuxImage.kernelAddress, bytes: Array(file.bytes[setupSize...])))
    let base = UInt16(LinuxImage.setupAddress >> 4)
    return BootPlan(
      segments: segments,
      // The setup code begins in the second sector.
      entry: .real(codeSegment: base + 0x20, offset: 0, dataSegment: base, stackPointer: LinuxImage.stackPointer))
  }

  /// The number for `vga=` on the command line, which is the boot loader's to interpret.
  static func videoMode(_ commandLine: [UInt8]) -> UInt16? {
    let words = String(decoding: commandLine, as: UTF8.self).split(separator: " ")
    guard let word = words.last(where: { $0.hasPrefix("vga=") })?.dropFirst(4) else { return nil }
    switch word {
    case "normal": return 0xffff
    case "ext": return 0xfffe
    case "ask": return 0xfffd
    default: return word.hasPrefix("0x") ? UInt16(word.dropFirst(2), radix: 16) : UInt16(word)
    }
  }
}
