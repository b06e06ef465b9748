import X86ISA

/// Compares what two executors made of a case.
struct Comparator {
  /// A difference, for people.
  struct Difference: CustomStringConvertible {
    var what: String
    var host: UInt64
    var engine: UInt64
    var description: String { "\(what): host \(hex(host)), engine \(hex(engine))" }
  }

  static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

  /// Differences of two outcomes, memory apart; empty when they agree.
  ///
  /// `dropsDeadFlags`: the engine may have lost flags that an exception's handler could see but the program not.
  static func compare(_ test: OracleCase, host: Outcome, mine: Outcome, dropsDeadFlags: Bool = false) -> [Difference] {
    let mine = asRefused(mine, host)
    var found: [Difference] = []
    func check(_ what: @autoclosure () -> String, _ a: UInt64, _ b: UInt64) {
      if a != b { found.append(Difference(what: what(), host: a, engine: b)) }
    }
    let isOrderOpen = comparesBadStrings(test, host, mine)
    if !isOrderOpen { check("vector", host.vector.map { UInt64($0) } ?? 256, mine.vector.map { UInt64($0) } ?? 256) }
    if isOrderOpen {
      // Registers and memory must be as they were all the same.
    } else if host.vector == 14 && mine.vector == 14 {
      let grain: UInt64 = test.ignoresFaultAddress ? 0 : test.faultsByPage ? ~0xfff : ~0
      check("fault address", host.faultAddress & grain, mine.faultAddress & grain)
      // Linux hides whether kernel addresses, and the last page below them, are mapped.
      let isKernel = host.faultAddress >= 0x7fff_ffff_f000
      check("error code", UInt64(host.errorCode & (isKernel ? ~1 : ~0)), UInt64(mine.errorCode & (isKernel ? ~1 : ~0)))
    } else if host.vector != nil && host.vector == mine.vector {
      check("error code", UInt64(host.errorCode), UInt64(mine.errorCode))
    }
    let is64 = test.codeSize == .bits64
    let width: UInt64 = is64 ? ~0 : 0xffff_ffff
    for number in 0..<(is64 ? 16 : 8) {
      check(registers[number], host.image.general[number] & width, mine.image.general[number] & width)
    }
    check("RIP", host.image.rip & width, mine.image.rip & width)
    // RF is set in the image that a fault pushes; TF is the runner's.
    var ignored: UInt64 = 0x1_0100 | (host.vector == nil ? test.undefinedFlags : test.undefinedOnFault)
    let isFault = host.vector != nil && host.vector != 3
    if dropsDeadFlags && isFault { ignored |= 0x8d5 }
    check("RFLAGS", host.image.rflags & ~ignored, mine.image.rflags & ~ignored)
    check("MXCSR", UInt64(host.image.mxcsr), UInt64(mine.image.mxcsr))
    for number in 0..<8 { check("K\(number)", host.image.opmasks[number], mine.image.opmasks[number]) }
    for word in 0..<(is64 ? 256 : 64) where host.image.vectors[word] != mine.image.vectors[word] {
      if host.vector != nil && test.uncertainOnFault.contains(word) { continue }
      check("ZMM\(word / 8)[\(word % 8)]", host.image.vectors[word], mine.image.vectors[word])
    }
    if test.x87UncertainOnFault && host.vector != nil { return found }
    // Control, status and tags; the pointers to the last x87 instruction are not compared.
    check("x87 control, status, tags", host.image.x87[0] & 0xff_ffff_ffff, mine.image.x87[0] & 0xff_ffff_ffff)
    for word in 4..<20 {
      let mask: UInt64 = word & 1 == 0 ? ~0 : 0xffff
      check("ST\(word / 2 - 2)[\(word % 2)]", host.image.x87[word] & mask, mine.image.x87[word] & mask)
    }
    return found
  }

  /// A program that jumps into itself may meet an INT n in the middle of another instruction. The host's kernel lets no program
  /// call that gate; an engine's run ends behind it.
  private static func asRefused(_ mine: Outcome, _ host: Outcome) -> Outcome {
    guard let vector = mine.vector, host.vector == 13, vector != 13, host.errorCode == UInt32(vector) << 3 | 2,
      (2...15).contains(mine.image.rip &- host.image.rip)
    else { return mine }
    var refused = mine
    (refused.vector, refused.errorCode, refused.image.rip) = (13, host.errorCode, host.image.rip)
    return refused
  }

  /// Whether both operands of a CMPS are bad, and host and interpreter have met different ones.
  private static func comparesBadStrings(_ test: OracleCase, _ host: Outcome, _ mine: Outcome) -> Bool {
    guard test.readsStringsInAnyOrder, host.vector != nil, mine.vector != nil else { return false }
    return host.vector != mine.vector || host.faultAddress != mine.faultAddress
  }

  private static let registers = [
    "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15",
  ]

  /// Mnemonics of the case's instructions.
  static func mnemonics(_ test: OracleCase) -> [String] {
    test.rows.map { InstructionTable.rows[Int($0)].mnemonic }
  }

  /// The case as text: mode, bytes, rows, registers it reads from.
  static func describe(_ test: OracleCase) -> String {
    let bytes = test.code.map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined(separator: " ")
    let rows = test.rows.map { row in
      let text = InstructionTable.rows[Int(row)]
      return "\(text.mnemonic) \(text.operands) [\(text.encoding)]"
    }
    var registersText = ""
    for number in 0..<16 { registersText += "\(registers[number])=\(hex(test.input.general[number])) " }
    return """
      \(16 << Int(test.input.mode & 3))-bit \(bytes)  \(rows.joined(separator: "; "))
        RIP=\(hex(test.input.rip)) RFLAGS=\(hex(test.input.rflags)) MXCSR=\(hex(UInt64(test.input.mxcsr))) \
      x87=\(hex(test.input.x87[0])) memory=\(test.input.memoryTemplate)
        \(registersText)
      """
  }
}
