import X86Engine
import X86ISA

/// What the oracle cannot compare, with the reason.
enum Exclusions {
  /// By mnemonic.
  static let mnemonics: [String: String] = {
    let groups: [(String, [String])] = [
      ("enters the host's kernel", ["SYSCALL", "SYSENTER", "INT", "INT3", "INTO", "INT1"]),
      ("leaves to the hypervisor", ["VMCALL", "VMMCALL", "VMLAUNCH", "VMRESUME", "VMXOFF"]),
      ("loads segment registers from the host's descriptor tables", ["LES", "LDS", "LSS", "LFS", "LGS"]),
      ("far transfer through the host's descriptor tables", ["CALLF", "JMPF", "RETF", "IRET"]),
      ("reads the host's descriptor tables", ["LAR", "LSL", "VERR", "VERW"]),
      ("under UMIP the host's kernel answers", ["SGDT", "SIDT", "SLDT", "STR", "SMSW"]),
      (
        "its result is the processor's own",
        ["CPUID", "RDTSC", "RDTSCP", "RDPID", "RDRAND", "RDSEED", "RDPMC", "RDPRU", "XGETBV"]
      ),
      ("depends on the host kernel's CR4.PKE", ["RDPKRU", "WRPKRU"]),
      ("sleeps", ["MONITORX", "MWAITX", "UMONITOR", "UMWAIT", "TPAUSE"]),
      ("the bases belong to the runner", ["RDFSBASE", "RDGSBASE", "WRFSBASE", "WRGSBASE"]),
      (
        "the host's components differ (XINUSE, PKRU); tested by guests",
        ["XSAVE", "XSAVEC", "XSAVEOPT", "XSAVES", "XRSTOR", "XRSTORS"]
      ),
      ("approximation: differs between processors by specification, the guest sees the host's", []),
    ]
    var result: [String: String] = [:]
    for (reason, names) in groups { for name in names { result[name] = reason } }
    return result
  }()

  /// Why a row is not compared on this host, nil when it is.
  static func reason(row: Int, model: CPUModel) -> String? {
    let text = InstructionTable.rows[row]
    if let reason = mnemonics[text.mnemonic] { return reason }
    let operands = text.operands.split(separator: ",").map(String.init)
    if text.mnemonic == "MOV", operands.first == "Sw" { return "loads a segment register" }
    if text.mnemonic == "POP", ["ES", "SS", "DS", "FS", "GS"].contains(operands.first ?? "") {
      return "loads a segment register"
    }
    guard let feature = text.feature else { return nil }
    if !model.has(feature) { return "the processor model does not offer \(feature.name)" }
    if !HostProcessor.current.has(feature) { return "the host lacks \(feature.name)" }
    if text.attributes.contains(.avx512), !HostProcessor.current.has(.avx512vl) { return "the host lacks avx512vl" }
    return nil
  }

  /// A general register in rm that is RSP; the bit itself is gone after decoding.
  private static func usesStackPointerWithX(_ i: Instruction) -> Bool {
    guard i.rm == 4 else { return false }
    return (0..<InstructionTable.maximumOperands).contains {
      [.gprRM, .gprOrMemory].contains(InstructionTable.operandCode(ofRow: i.row, $0).kind)
    }
  }

  private static let maskedMoves: Set<String> = [
    "VMASKMOVPS", "VMASKMOVPD", "VPMASKMOVD", "VPMASKMOVQ",
  ]
  private static let maskedStores: Set<String> = ["MASKMOVQ", "MASKMOVDQU", "VMASKMOVDQU"]

  /// Where the segment of the memory operand begins.
  private static func segmentBase(of i: Instruction, _ image: ProcessorImage) -> UInt64 {
    guard image.mode & 3 == 2, i.prefixes.contains(.segmentOverride), i.segment >= 4 else {
      return image.mode & 3 == 0 ? Window.base : 0
    }
    return i.segment == 4 ? Window.fsBase : Window.gsBase
  }

  private static func isMapped(_ offset: UInt64, _ image: ProcessorImage) -> Bool {
    let linear = image.mode & 3 == 0 ? Window.base &+ offset & 0xffff : offset
    return linear >= Window.data && linear < Window.readOnly + 0x1000 || linear & ~0x1fff == Window.code
  }
  private static func isMapped(_ offset: UInt64, _ size: Int, _ image: ProcessorImage) -> Bool {
    isMapped(offset, image) && isMapped(offset &+ UInt64(size - 1), image)
  }
  /// The offset of an operand that no ModRM names: of XLAT, and the source of string operations.
  private static func implicitOffset(of name: String, _ i: Instruction, _ image: ProcessorImage) -> UInt64? {
    switch name {
    case "XLAT": (image.general[3] &+ image.general[0] & 0xff) & i.addressMask
    case "MOVS", "CMPS", "LODS", "OUTS": image.general[6] & i.addressMask
    default: nil
    }
  }
  static func isInData(_ address: UInt64, _ size: UInt64) -> Bool {
    address >= Window.data && address <= Window.data + UInt64(Window.dataBytes) - size
  }

  /// Why one encoding of a row that is compared is not, nil when it is. `mayLoop`: it may be executed more than once.
  static func reason(
    _ i: Instruction, _ name: String, _ image: ProcessorImage, at place: UInt64, mayLoop: Bool = false
  ) -> String? {
    if i.op == .ud0 || i.op == .ud1, place & 0xfff + UInt64(i.length) > 0x1000 {
      return "whether UD0 and UD1 fetch their operand bytes before they fault differs between processors"
    }
    let is64 = image.mode & 3 == 2
    if is64, i.prefixes.contains(.operandSize66), CaseGenerator.branches.contains(name) {
      return
        "AMD truncates the target of a near branch with 66 to 16 bits, Intel ignores the prefix; the table has Intel's"
    }
    if name == "INS" || name == "OUTS", !i.prefixes.isDisjoint(with: [.repeatF2, .repeatF3]),
      image.general[1] & i.addressMask == 0
    {
      return "AMD checks the port's permission before the count, Intel only when there is an iteration"
    }
    if !is64, name == "CALL", i.operandSize == 4, image.mode & 3 == 0,
      !isInData(Window.base &+ (image.general[4] &- 4) & 0xffff, 4)
    {
      return "which of a bad target and a bad stack is reported"
    }
    if name == "CMPS" || name == "MOVS",
      [6, 7].allSatisfy({ !isMapped(image.general[$0] & i.addressMask, Int(i.operandSize), image) })
    {
      return "which of two bad operands is reported"
    }
    if name == "LOOPE" || name == "LOOPNE", !i.prefixes.isDisjoint(with: [.repeatF2, .repeatF3]) {
      return "on AMD a repeat prefix chooses the condition"
    }
    if !is64, name == "VPEXTRD" || name == "VPINSRD", i.prefixes.contains([.vex, .rexW]) {
      return "outside 64-bit mode Intel ignores VEX.W here, AMD does not"
    }
    if !is64,
      i.memoryBytes > 8 || name == "BOUND"
        || i.prefixes.contains(.memory) && !i.prefixes.isDisjoint(with: [.vex, .evex])
    {
      let address = (image.linearAddress(of: i, at: place) &- (image.mode & 3 == 0 ? Window.base : 0)) & 0xffff_ffff
      let limit: UInt64 = image.mode & 3 == 0 ? 0x1_0000 : 0x1_0000_0000
      if address &+ UInt64(max(i.memoryBytes, 64)) > limit {
        return "which part of a wide operand beyond the limit faults first is not defined"
      }
    }
    if i.addressSize == 2, i.prefixes.contains(.memory), !i.prefixes.isDisjoint(with: [.vex, .evex]) {
      let offset = image.linearAddress(of: i, at: place) & 0xffff
      if offset + UInt64(max(i.memoryBytes, 64)) > 0x1_0000 {
        return "whether a wide operand wraps at the end of 16-bit addresses is not defined"
      }
    }
    let isMasked =
      i.prefixes.contains([.memory, .evex]) && i.evexControl & 7 != 0 || maskedMoves.contains(name)
      || maskedStores.contains(name)
    if is64, isMasked {
      let implicit = (image.general[7] & i.addressMask) &+ segmentBase(of: i, image)
      let address = maskedStores.contains(name) ? implicit : image.linearAddress(of: i, at: place)
      if address >> 47 != (address &+ 63) >> 47 { return "the order of a masked operand's faults is not defined" }
    }
    if is64, i.prefixes.contains(.segmentOverride), i.segment >= 4 {
      let base = i.segment == 4 ? Window.fsBase : Window.gsBase
      let named = i.prefixes.contains(.memory) ? image.linearAddress(of: i, at: place) &- base : nil
      let offset = named ?? implicitOffset(of: name, i, image) ?? 0
      if offset >> 47 != 0 && offset >> 47 != 0x1_ffff { return "AMD checks the offset for being canonical too" }
    }
    if maskedStores.contains(name) {
      let limit = image.mode & 3 == 0 ? 0xffff : i.addressMask & 0xffff_ffff
      if !is64, image.general[7] & i.addressMask &+ 15 > limit {
        return "across the segment's end Zen 4 raises #PF or #GP as it comes to the bytes in an order of its own"
      }
    }
    if !is64 || i.addressSize < 8, maskedMoves.contains(name) {
      let offset = image.linearAddress(of: i, at: place) &- segmentBase(of: i, image)
      let limit = image.mode & 3 == 0 ? 0xffff : i.addressMask & 0xffff_ffff
      if offset &+ UInt64(i.vectorBytes) &- 1 > limit {
        return "beyond the address size Zen 4 wraps the elements of a masked operand around, Zen 5 does not"
      }
    }
    if i.memoryBytes > 64 {
      let first = image.linearAddress(of: i, at: place)
      let last = first &+ UInt64(i.memoryBytes) &- 1
      if first >> 12 != last >> 12, !isInData(first, 1), !isInData(last, 1) {
        return "of two pages that refuse a state image the processor reports which it likes"
      }
    }
    if i.memoryBytes > 64, !isInData(image.linearAddress(of: i, at: place) & ~7, 512),
      image.linearAddress(of: i, at: place) >> 32 != 0
    {
      return "which part of a state image faults first is not defined"
    }
    if ["LDMXCSR", "VLDMXCSR", "FXRSTOR"].contains(name), !isInData(image.linearAddress(of: i, at: place), 512) {
      return "AMD has MXCSR.MM (bit 17)"
    }
    if name == "NOP", i.opcode == 0x0d, !i.prefixes.contains(.memory) { return "0F 0D with a register is #UD on AMD" }
    if name.hasPrefix("SHA"), i.prefixes.contains(.memory), image.linearAddress(of: i, at: place) & 15 != 0 {
      return "AMD does not ask for alignment"
    }
    if i.prefixes.contains(.evex), !i.prefixes.contains(.memory), usesStackPointerWithX(i) {
      return "with EVEX.X, which general registers ignore, Zen 5 reads RSP as it was before earlier pushes"
    }
    if name == "SHLD" || name == "SHRD", i.operandSize == 2 {
      let isImmediate = InstructionTable.operandCode(ofRow: i.row, 2).kind == .immediate
      // In a run CL is not known beforehand, nor the second time around.
      let count = isImmediate ? i.immediate : place == image.rip && !mayLoop ? image.general[1] : 31
      if count & 31 > 16 { return "the result is undefined" }
    }
    return nil
  }

  /// Encodings that the table refuses as Intel's manual does and some processor accepts, or whose CPUID bit a
  /// hypervisor may hide.
  static func isRefusedByManualOnly(_ bytes: [UInt8]) -> Bool {
    // Reserved fields of VEX and EVEX: processors differ in which of them they check.
    let prefixes: Set<UInt8> = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]
    if let first = bytes.first(where: { !prefixes.contains($0) }), [0x62, 0xc4, 0xc5].contains(first) { return true }
    // MOVDIRI, MOVDIR64B.
    for (index, byte) in bytes.enumerated() where index + 3 < bytes.count {
      if byte == 0x0f, bytes[index + 1] == 0x38, bytes[index + 2] == 0xf8 || bytes[index + 2] == 0xf9 { return true }
    }
    // AMD: LOCK MOV CR0 names CR8.
    if bytes.contains(0xf0), bytes.contains(0x20) || bytes.contains(0x22) { return true }
    return false
  }

  /// Bytes that must not reach the host although no row of the table decodes them.
  static func isSafe(_ bytes: [UInt8]) -> Bool {
    for index in 0..<bytes.count {
      switch bytes[index] {
      case 0xcd, 0xf1, 0xcc, 0xce: if index == bytes.count - 1 || bytes[index] == 0xcd { return false }
      case 0x0f where index + 1 < bytes.count && [0x05, 0x34, 0x01, 0x00, 0x02, 0x03].contains(bytes[index + 1]):
        return false
      default: break
      }
    }
    return true
  }
}
