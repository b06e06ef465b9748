import X86ISA

/// A row's operand text taken apart.
struct ParsedOperands {
  var codes: [OperandCode] = []
  var rounding: UInt64 = 0
  var masking: UInt64 = 0
  /// Size that scales disp8 when it is not the memory operand's ("/n4").
  var displacementUnit: OperandSize?
}

extension ParsedOperands {
  init(_ row: InstructionRow) throws {
    for text in row.operands.split(separator: ",").map(String.init) {
      switch text {
      case "{er}": rounding = RowForm.roundingControl
      case "{sae}": rounding = RowForm.suppressExceptions
      default:
        var name = text
        if name.hasSuffix("{kz}") {
          masking = RowForm.maskMergeOrZero
          name.removeLast(4)
        } else if name.hasSuffix("{k}") {
          masking = RowForm.maskMerge
          name.removeLast(3)
        }
        if let unit = Self.units.first(where: { name.hasSuffix($0.key) }) {
          displacementUnit = unit.value
          name.removeLast(3)
        }
        codes.append(try ParsedOperands.code(name, row))
      }
    }
    for index in codes.indices { codes[index] = codes[index].accessed(by: row, at: index) }
    if codes.count > 4 { throw TableError(description: "too many operands: \(row.mnemonic) \(row.operands)") }
  }

  private static func code(_ text: String, _ row: InstructionRow) throws -> OperandCode {
    if let fixed = fixedOperands[text] { return fixed }
    var name = text
    var broadcast = 0
    if name.hasSuffix("/b4") || name.hasSuffix("/b8") {
      broadcast = name.hasSuffix("/b4") ? 4 : 8
      name.removeLast(3)
    }
    var memorySize: OperandSize?
    if let slash = name.firstIndex(of: "/") {
      // "Rv/Mw": register and memory of different sizes.
      let memory = name[name.index(after: slash)...]
      guard memory.first == "M", let size = sizes[String(memory.dropFirst())] else {
        throw TableError(description: "bad operand \(text) of \(row.mnemonic)")
      }
      memorySize = size
      name = String(name[..<slash])
    }
    let prefix = kinds.keys.filter { name.hasPrefix($0) && sizes[String(name.dropFirst($0.count))] != nil }
      .max { $0.count < $1.count }
    guard let prefix, var kind = kinds[prefix], let size = sizes[String(name.dropFirst(prefix.count))] else {
      throw TableError(description: "bad operand \(text) of \(row.mnemonic)")
    }
    if memorySize != nil { kind = kind == .vectorRM ? .vectorOrMemory : .gprOrMemory }
    if kind == .memory && row.attributes.contains(.vsib) { kind = .memoryVSIB }
    return OperandCode(kind: kind, size: size, memorySize: memorySize, broadcastBytes: broadcast)
  }

  private static let kinds: [String: OperandKind] = [
    "G": .gprReg, "R": .gprRM, "E": .gprOrMemory, "B": .gprVvvv, "Z": .gprOpcode, "S": .segmentRegister,
    "C": .controlRegister, "D": .debugRegister, "P": .mmxReg, "N": .mmxRM, "Q": .mmxOrMemory, "V": .vectorReg,
    "U": .vectorRM, "W": .vectorOrMemory, "H": .vectorVvvv, "L": .vectorImmediate, "K": .maskReg, "KU": .maskRM,
    "KW": .maskOrMemory, "KH": .maskVvvv, "M": .memory, "O": .memoryOffset, "X": .stringSource,
    "Y": .stringDestination, "I": .immediate, "sI": .signedImmediate, "J": .relative, "A": .farPointer,
  ]

  private static let sizes: [String: OperandSize] = [
    "": .none, "b": .b, "w": .w, "d": .d, "q": .q, "dq": .dq, "qq": .qq, "oq": .oq, "v": .v, "z": .z, "y": .y,
    "x": .x, "ps": .x, "pd": .x, "hx": .hx, "fx": .fx, "ex": .ex, "dup": .dup, "ss": .d, "sd": .q, "p": .p, "s": .s,
    "a": .a, "t": .t, "env": .environment, "sta": .state, "fxs": .fxsave,
  ]

  private static let units: [String: OperandSize] = ["/n1": .b, "/n2": .w, "/n4": .d, "/n8": .q]

  private static let fixedOperands: [String: OperandCode] = [
    "AL": OperandCode(kind: .accumulator, size: .b), "AX": OperandCode(kind: .accumulator, size: .w),
    "eAX": OperandCode(kind: .accumulator, size: .z), "rAX": OperandCode(kind: .accumulator, size: .v),
    "CL": OperandCode(kind: .countCL, size: .b), "DX": OperandCode(kind: .portDX, size: .w),
    "1": OperandCode(kind: .one, size: .b), "ES": segment(0), "CS": segment(1), "SS": segment(2), "DS": segment(3),
    "FS": segment(4), "GS": segment(5), "ST0": OperandCode(kind: .st0, size: .t),
    "STi": OperandCode(kind: .sti, size: .t), "XMM0": OperandCode(kind: .xmm0, size: .dq),
  ]

  private static func segment(_ number: UInt8) -> OperandCode {
    OperandCode(kind: .fixedSegment, size: OperandSize(rawValue: number) ?? .none)
  }
}

extension OperandCode {
  /// The code with its access filled in. The first operand is the destination; what deviates is listed here.
  func accessed(by row: InstructionRow, at index: Int) -> OperandCode {
    var access = OperandAccess.read
    if index == 0 && !Self.readOnly.contains(row.mnemonic) { access = .readWrite }
    if index == 0 && Self.writeOnly.contains(row.mnemonic) { access = .write }
    if index == 1 && Self.writesSecond.contains(row.mnemonic) { access = .readWrite }
    if Self.isMemoryOnly(kind) && !row.attributes.isDisjoint(with: [.memoryRead, .memoryWrite]) {
      access = []
      if row.attributes.contains(.memoryRead) { access.insert(.read) }
      if row.attributes.contains(.memoryWrite) { access.insert(.write) }
    }
    var result = self
    result.rawValue |= UInt32(access.rawValue) << 16
    if access == .write { result.rawValue &= ~(1 << 16) }
    return result
  }

  private static func isMemoryOnly(_ kind: OperandKind) -> Bool { kind == .memory || kind == .memoryVSIB }

  private static let readOnly: Set<String> = [
    "CMP", "TEST", "BT", "PUSH", "CALL", "CALLF", "JMP", "JMPF", "Jcc", "RET", "RETF", "INT", "OUT", "OUTS", "NOP",
    "BOUND", "VERR", "VERW", "LLDT", "LTR", "LGDT", "LIDT", "LMSW", "INVLPG", "INVPCID", "MUL", "DIV", "IDIV",
    "PREFETCH", "PREFETCHW", "PREFETCHWT1", "PREFETCHNTA", "PREFETCHT0", "PREFETCHT1", "PREFETCHT2", "CLFLUSH",
    "CLFLUSHOPT", "CLWB", "FXRSTOR", "XRSTOR", "XRSTORS", "LDMXCSR", "COMISS", "COMISD", "UCOMISS", "UCOMISD",
    "VCOMISS", "VCOMISD", "VUCOMISS", "VUCOMISD", "PTEST", "VPTEST", "VTESTPS", "VTESTPD", "PCMPESTRI", "PCMPISTRI",
    "PCMPESTRM", "PCMPISTRM", "VPCMPESTRI", "VPCMPISTRI", "VPCMPESTRM", "VPCMPISTRM", "KORTESTB", "KORTESTW",
    "KORTESTD", "KORTESTQ", "KTESTB", "KTESTW", "KTESTD", "KTESTQ", "WRFSBASE", "WRGSBASE", "UD0", "UD1", "LOOP",
    "LOOPE", "LOOPNE", "JCXZ", "SCAS", "CMPS", "ENTER", "AAM", "AAD", "MASKMOVQ", "MASKMOVDQU", "VMASKMOVDQU",
  ]

  private static let writeOnly: Set<String> = [
    "MOV", "LEA", "POP", "MOVZX", "MOVSX", "MOVSXD", "SETcc", "LDS", "LES", "LSS", "LFS", "LGS", "MOVBE", "MOVNTI",
    "RDRAND", "RDSEED", "RDPID", "RDFSBASE", "RDGSBASE", "SLDT", "STR", "SMSW", "SGDT", "SIDT", "POPCNT", "LZCNT",
    "TZCNT", "ANDN", "BEXTR", "PEXT", "PDEP", "BZHI", "SHLX", "SHRX", "SARX", "RORX", "BLSR", "BLSMSK", "BLSI",
    "IN", "INS", "STOS", "MOVS", "LODS", "MOVD", "MOVQ", "VMOVD", "VMOVQ", "PEXTRB", "PEXTRW", "PEXTRD", "PEXTRQ",
    "VPEXTRB", "VPEXTRW", "VPEXTRD", "VPEXTRQ", "EXTRACTPS", "VEXTRACTPS", "MOVMSKPS", "MOVMSKPD", "PMOVMSKB",
    "VMOVMSKPS", "VMOVMSKPD", "VPMOVMSKB", "CVTSS2SI", "CVTSD2SI", "CVTTSS2SI", "CVTTSD2SI", "VCVTSS2SI", "VCVTSD2SI",
    "VCVTTSS2SI", "VCVTTSD2SI", "VCVTSS2USI", "VCVTSD2USI", "VCVTTSS2USI", "VCVTTSD2USI", "KMOVB", "KMOVW", "KMOVD",
    "KMOVQ", "XSAVE", "XSAVEC", "XSAVES", "XSAVEOPT", "FXSAVE", "STMXCSR", "MOVAPS", "MOVUPS", "MOVAPD", "MOVUPD",
    "MOVDQA", "MOVDQU", "LDDQU", "MOVNTPS", "MOVNTPD", "MOVNTDQ", "MOVNTQ", "MOVNTDQA",
  ]

  private static let writesSecond: Set<String> = ["XCHG", "XADD", "MULX"]
}
