import X86ISA

/// User-visible processor state, laid out like `oracle_state` in COracle.h.
struct ProcessorImage {
  var general = InlineArray<16, UInt64>(repeating: 0)
  var rip: UInt64 = 0
  var rflags: UInt64 = 2
  var mxcsr: UInt32 = 0x1f80
  /// `CodeSize.rawValue`; bit 8 asks for a single step instead of a breakpoint behind the code.
  var mode: UInt32 = 2
  /// Which initial contents the data pages have.
  var memoryTemplate: UInt32 = 0
  /// Of the first instruction in the code page.
  var codeOffset: UInt32 = 0
  /// The first 160 bytes of an FXSAVE image, without MXCSR.
  var x87 = InlineArray<20, UInt64>(repeating: 0)
  var opmasks = InlineArray<8, UInt64>(repeating: 0)
  /// 32 registers of eight words.
  var vectors = InlineArray<256, UInt64>(repeating: 0)

  static let singleStep: UInt32 = 0x100
}

extension ProcessorImage {
  /// Clears the registers that a processor whose XCR0 (SDM volume 1, 13.3) is `components` does not have.
  mutating func keepOnly(components: UInt64) {
    let hasOpmasks = components >> 5 & 1 != 0, hasUpperHalves = components >> 6 & 1 != 0
    if !hasOpmasks { opmasks = InlineArray(repeating: 0) }
    for number in 0..<32 {
      let isThere = number < 16 || components >> 7 & 1 != 0
      let words = !isThere ? 0 : hasUpperHalves ? 8 : components >> 2 & 1 != 0 ? 4 : 2
      for word in words..<8 { vectors[number * 8 + word] = 0 }
    }
  }
}

/// The linear addresses that exist; everything else faults.
enum Window {
  static let base: UInt64 = 0x1000_0000
  static let data: UInt64 = 0x1000_4000
  static let dataBytes = 0x2000
  static let readOnly: UInt64 = 0x1000_6000
  static let code: UInt64 = 0x1000_8000
  static let codeBytes = 0x2000
  static let fsBase: UInt64 = 0x1000_4800
  static let gsBase: UInt64 = 0x0fff_0000
}

/// Bytes put over the memory template before a case runs.
struct MemoryPatch {
  /// From the start of the data pages.
  var offset: Int
  var bytes: [UInt8]
}

extension ProcessorImage {
  /// The linear address of the ModRM operand of an instruction that stands at offset `place`.
  func linearAddress(of i: Instruction, at place: UInt64) -> UInt64 {
    var address = i.displacement
    if i.base == Instruction.instructionPointer { address = address &+ place &+ UInt64(i.length) }
    if i.base < 16 { address = address &+ general[Int(i.base)] }
    if i.index < 16 { address = address &+ general[Int(i.index)] << UInt64(i.scale) }
    address &= i.addressMask
    switch mode & 3 {
    case 0: return (address &+ Window.base) & 0xffff_ffff
    case 1: return address & 0xffff_ffff
    default:
      guard i.prefixes.contains(.segmentOverride) else { return address }
      return address &+ (i.segment == 4 ? Window.fsBase : i.segment == 5 ? Window.gsBase : 0)
    }
  }
}
