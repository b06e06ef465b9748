/// Prints decoded instructions in Intel syntax, one line each, with the conventions of common debuggers.
public enum Disassembler {
  /// The instruction's text. `address` is where it starts: branch targets are printed as absolute addresses.
  public static func text(of instruction: Instruction, at address: UInt64 = 0, codeSize: CodeSize = .bits64) -> String {
    let printer = Printer(instruction: instruction, address: address, codeSize: codeSize)
    return printer.text()
  }

  /// The mnemonic alone, with condition and size spelled out: "jne", "movs", "iretq".
  public static func mnemonic(of instruction: Instruction) -> String {
    Printer(instruction: instruction, address: 0, codeSize: .bits64).mnemonic()
  }
}

private struct Printer {
  let instruction: Instruction
  let address: UInt64
  let codeSize: CodeSize

  var row: InstructionRow { InstructionTable.rows[Int(instruction.row)] }
  var form: RowForm { InstructionTable.form(ofRow: instruction.row) }

  func text() -> String {
    var result = prefix() + mnemonic()
    let form = form
    let operands = InstructionTable.operands(of: instruction)
    var printed: [String] = []
    for (place, operand) in operands.enumerated() {
      printed.append(text(operand, place: place) + (place == 0 ? maskSuffix(form) : ""))
    }
    if let rounding = roundingText(form) {
      // Rounding stands before an immediate.
      var place = printed.count
      if case .immediate? = operands.last?.location { place -= 1 }
      printed.insert(rounding, at: place)
    }
    if !printed.isEmpty { result += " " + printed.joined(separator: ",") }
    return result
  }

  // MARK: Mnemonic and prefixes

  private func prefix() -> String {
    var text = ""
    if instruction.prefixes.contains(.lock) { text += "lock " }
    guard row.attributes.contains(.repeatable) else { return text }
    let compares = instruction.op == .cmps || instruction.op == .scas
    if instruction.prefixes.contains(.repeatF3) { text += compares ? "repz " : "rep " }
    if instruction.prefixes.contains(.repeatF2) { text += "repnz " }
    return text
  }

  func mnemonic() -> String {
    switch instruction.op {
    case .jcc: return "j" + condition
    case .setcc: return "set" + condition
    case .cmovcc: return "cmov" + condition
    case .jcxz: return ["jcxz", "jecxz", "jrcxz"][min(2, Int(instruction.addressSize.trailingZeroBitCount) - 1)]
    case .retf: return sized("retf")
    case .iret: return sized("iret")
    case .callf: return "call far"
    case .jmpf: return "jmp far"
    default: return row.mnemonic.lowercased()
    }
  }

  /// `name` with the suffix of an operand size that is not the mode's.
  private func sized(_ name: String) -> String {
    instruction.operandSize == 8 ? name + "q" : name
  }

  private var condition: String {
    let names = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"]
    return names[Int(instruction.opcode & 15)]
  }

  // MARK: AVX-512 decorations

  private func maskSuffix(_ form: RowForm) -> String {
    guard instruction.prefixes.contains(.evex), form.masking != 0 else { return "" }
    var text = ""
    if instruction.evexControl & 7 != 0 { text += "{k\(instruction.evexControl & 7)}" }
    if instruction.evexControl & 0x80 != 0 { text += "{z}" }
    return text
  }

  private func roundingText(_ form: RowForm) -> String? {
    guard instruction.prefixes.contains(.evex), !instruction.prefixes.contains(.memory), form.rounding != 0,
      instruction.evexControl & 16 != 0
    else { return nil }
    if form.rounding == RowForm.suppressExceptions { return "{sae}" }
    return ["{rn-sae}", "{rd-sae}", "{ru-sae}", "{rz-sae}"][Int(instruction.evexControl >> 5 & 3)]
  }

  // MARK: Operands

  private func text(_ operand: Operand, place: Int) -> String {
    switch operand.location {
    case .general(let number): return RegisterNames.general(number, bytes: operand.size)
    case .segment(let number): return RegisterNames.segments[Int(number % 6)]
    case .control(let number): return "cr\(number)"
    case .debug(let number): return "dr\(number)"
    case .mmx(let number): return "mm\(number)"
    case .mask(let number): return "k\(number)"
    case .x87(let number): return number == 0 && instruction.modRM >= 0xc0 && isTop(place) ? "st" : "st(\(number))"
    case .vector(let number): return RegisterNames.vector(number, bytes: operand.size)
    case .immediate(let value): return isOne(place) ? "1" : hex(masked(value, place: place))
    case .relative(let displacement): return hex(target(displacement))
    case .farPointer(let selector, let offset): return hex(UInt64(selector)) + ":" + hex(offset)
    case .memory: return memory(operand)
    case .stringSource: return sizeName(operand.size) + " PTR " + segmentName + ":[" + string(6) + "]"
    case .stringDestination: return sizeName(operand.size) + " PTR es:[" + string(7) + "]"
    }
  }

  private func isOne(_ place: Int) -> Bool {
    InstructionTable.operandCode(ofRow: instruction.row, place).kind == .one
  }

  private func isTop(_ place: Int) -> Bool {
    InstructionTable.operandCode(ofRow: instruction.row, place).kind == .st0
  }

  private func string(_ register: UInt8) -> String {
    RegisterNames.general(register, bytes: Int(instruction.addressSize))
  }

  private var segmentName: String { RegisterNames.segments[Int(instruction.segment % 6)] }

  /// Sign-extended immediates are shown at the operand's size.
  private func masked(_ value: UInt64, place: Int) -> UInt64 {
    let signed = form.signExtendsImmediate || form.immediate == .z || form.immediate == .v
    guard signed else { return value }
    switch instruction.operandSize {
    case 1: return value & 0xff
    case 2: return value & 0xffff
    case 4: return value & 0xffff_ffff
    default: return value
    }
  }

  private func target(_ displacement: UInt64) -> UInt64 {
    let next = address &+ UInt64(instruction.length) &+ displacement
    if codeSize == .bits64 { return next }
    return instruction.operandSize == 2 ? next & 0xffff : next & 0xffff_ffff
  }

  private func memory(_ operand: Operand) -> String {
    var text = ""
    // Descriptor-table pointers have no size name.
    let size = form.memorySize == .s ? "" : sizeName(operand.size)
    if !size.isEmpty { text = size + " PTR " }
    if operand.isBroadcast { text = size + " BCST " }
    if instruction.prefixes.contains(.segmentOverride) { text += segmentName + ":" }
    var inside = ""
    if instruction.base != Instruction.noRegister { inside = addressRegister(instruction.base) }
    if instruction.index != Instruction.noRegister {
      if !inside.isEmpty { inside += "+" }
      inside += indexRegister() + (instruction.addressSize == 2 ? "" : "*\(1 << Int(instruction.scale & 3))")
    }
    if inside.isEmpty {
      let absolute = instruction.displacement & instruction.addressMask
      let segment = instruction.prefixes.contains(.segmentOverride) ? "" : "ds:"
      return text + segment + hex(absolute)
    }
    return text + "[" + inside + displacement() + "]"
  }

  private func displacement() -> String {
    if instruction.base == Instruction.instructionPointer { return "+" + hex(instruction.displacement) }
    let value = Int64(bitPattern: instruction.displacement)
    if value == 0 { return "" }
    return value < 0 ? "-" + hex(0 &- instruction.displacement) : "+" + hex(instruction.displacement)
  }

  private func addressRegister(_ number: UInt8) -> String {
    if number == Instruction.instructionPointer { return instruction.addressSize == 8 ? "rip" : "eip" }
    return RegisterNames.general(number, bytes: Int(instruction.addressSize))
  }

  private func indexRegister() -> String {
    guard form.vsib else { return addressRegister(instruction.index) }
    return RegisterNames.vector(instruction.index, bytes: instruction.vectorIndexBytes)
  }

  private func sizeName(_ bytes: Int) -> String {
    switch bytes {
    case 1: "BYTE"
    case 2: "WORD"
    case 4: "DWORD"
    case 6: "FWORD"
    case 8: "QWORD"
    case 10: "TBYTE"
    case 16: "XMMWORD"
    case 32: "YMMWORD"
    case 64: "ZMMWORD"
    default: ""
    }
  }

  private func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

/// Names of registers by number and size.
enum RegisterNames {
  static let segments = ["es", "cs", "ss", "ds", "fs", "gs"]
  private static let stems = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]
  private static let low = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"]
  private static let high = ["ah", "ch", "dh", "bh"]

  static func general(_ number: UInt8, bytes: Int) -> String {
    if number & Instruction.highByte != 0 { return high[Int(number & 3)] }
    let stem = Int(number & 7)
    if number < 8 {
      switch bytes {
      case 1: return low[stem]
      case 2: return stems[stem]
      case 8: return "r" + stems[stem]
      default: return "e" + stems[stem]
      }
    }
    switch bytes {
    case 1: return "r\(number)b"
    case 2: return "r\(number)w"
    case 8: return "r\(number)"
    default: return "r\(number)d"
    }
  }

  static func vector(_ number: UInt8, bytes: Int) -> String {
    switch bytes {
    case 64: "zmm\(number)"
    case 32: "ymm\(number)"
    default: "xmm\(number)"
    }
  }
}
