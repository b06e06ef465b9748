import Base

/// The chain of frames on a processor's stack, by the frame pointers that compilers keep: as far as there are any.
public struct GuestStack {
  struct Frame: Equatable {
    /// Where the frame is, and the instruction that it is at.
    var base: UInt64, instruction: UInt64
    /// What is saved in it.
    var previousBase: UInt64, returnAddress: UInt64
  }
  let frames: [Frame]
  /// A guest can make chains of any length.
  private static let limit = 64

  /// `registers` by their names in small letters. `read` gives bytes of guest-physical memory, or nil where there are none.
  public init(_ registers: [String: UInt64], read: (UInt64, Int) -> [UInt8]?) {
    let space = AddressSpace(registers)
    let size = space.pointerSize
    func word(_ address: UInt64) -> UInt64? {
      var bytes: [UInt8] = []
      // A word may lie across two pages.
      for index in 0..<UInt64(size) {
        guard let place = space.translate(address &+ index, read), let byte = read(place, 1)?.first else {
          return nil
        }
        bytes.append(byte)
      }
      return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    var frames: [Frame] = []
    var base = registers["rbp"] ?? 0, instruction = registers["rip"] ?? 0
    if size == 4 { (base, instruction) = (base & 0xffff_ffff, instruction & 0xffff_ffff) }
    while base != 0, frames.count < GuestStack.limit, let previous = word(base),
      let back = word(base &+ UInt64(size))
    {
      frames.append(Frame(base: base, instruction: instruction, previousBase: previous, returnAddress: back))
      // Stacks grow downwards: a chain that goes another way is none.
      guard previous > base, back != 0 else { break }
      (base, instruction) = (previous, back)
    }
    self.frames = frames
  }

  /// A line for each frame, the innermost first.
  public var text: String {
    func hex(_ number: UInt64) -> String {
      let digits = String(number, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return "#   RBP              Ret RBP          Ret RIP          RIP\n"
      + frames.enumerated().map { index, frame in
        "\(index < 10 ? "0" : "")\(index)  \(hex(frame.base)) \(hex(frame.previousBase)) \(hex(frame.returnAddress)) "
          + "\(hex(frame.instruction))\n"
      }.joined()
  }
  /// The same as a list of objects.
  public var json: JSON {
    func hex(_ number: UInt64) -> JSON { .string("0x\(String(number, radix: 16))") }
    return .array(
      frames.map { frame in
        [
          "base": hex(frame.base), "instruction": hex(frame.instruction), "previousBase": hex(frame.previousBase),
          "returnAddress": hex(frame.returnAddress),
        ]
      })
  }
}

/// How a processor's linear addresses become physical ones (SDM 3A, chapter 4), without what permissions forbid.
struct AddressSpace {
  private let root: UInt64
  /// Levels of tables; 0: no paging.
  private let levels: Int
  private let usesLongEntries: Bool
  private let hasLargePages: Bool
  let pointerSize: Int

  init(_ registers: [String: UInt64]) {
    let cr0 = registers["cr0"] ?? 0, cr4 = registers["cr4"] ?? 0, efer = registers["efer"] ?? 0
    let isLong = efer & 0x400 != 0, isPAE = cr4 & 0x20 != 0
    root = registers["cr3"] ?? 0
    levels = cr0 >> 31 & 1 == 0 ? 0 : isLong ? (cr4 & 0x1000 != 0 ? 5 : 4) : isPAE ? 3 : 2
    usesLongEntries = isLong || isPAE
    hasLargePages = isLong || isPAE || cr4 & 0x10 != 0
    // Code of other sizes in long mode has no frame pointers worth following.
    pointerSize = isLong ? 8 : 4
  }

  func translate(_ address: UInt64, _ read: (UInt64, Int) -> [UInt8]?) -> UInt64? {
    let address = pointerSize == 4 ? address & 0xffff_ffff : address
    guard levels > 0 else { return address }
    let (bits, size) = usesLongEntries ? (UInt64(9), 8) : (10, 4)
    var table = !usesLongEntries ? root & 0xffff_f000 : levels == 3 ? root & 0xffff_ffe0 : root & 0xf_ffff_ffff_f000
    for level in stride(from: levels, through: 1, by: -1) {
      let shift = 12 + bits * UInt64(level - 1)
      // The first table of PAE paging has four entries.
      let index = address >> shift & (levels == 3 && level == 3 ? 3 : (1 << bits) - 1)
      guard let bytes = read(table + index * UInt64(size), size), bytes.count == size else { return nil }
      let entry = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard entry & 1 != 0 else { return nil }
      let isLarge = entry & 0x80 != 0 && level > 1 && !(levels == 3 && level == 3) && level <= 3 && hasLargePages
      guard level > 1, !isLarge else {
        let offset = (UInt64(1) << shift) - 1
        // Bits 13 to 20 of a 4 MiB page are bits 32 to 39 of its address.
        let high = !usesLongEntries && isLarge ? (entry >> 13 & 0xff) << 32 : 0
        return entry & 0xf_ffff_ffff_f000 & ~offset | high | address & offset
      }
      table = entry & 0xf_ffff_ffff_f000
    }
    return nil
  }
}
