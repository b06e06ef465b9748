import X86ISA

/// Which instructions end a straight run.
enum EndsBlock {
  /// Control transfers and mode changes by the table; besides: what may leave RIP on itself (repeated strings), what
  /// opens an interrupt shadow (loads of SS), PAUSE, after which other threads' events should be seen, and OUT, with
  /// which a guest moves memory about (A20, shadow RAM, the display's window).
  static func check(_ instruction: Instruction) -> Bool {
    let attributes = InstructionTable.attributes(ofRow: instruction.row)
    if attributes.contains(.endsBlock) { return true }
    if attributes.contains(.repeatable) && !instruction.prefixes.isDisjoint(with: [.repeatF3, .repeatF2]) {
      return true
    }
    if instruction.op == .pause || instruction.op == .out { return true }
    return instruction.op == .mov && instruction.opcode == 0x8e && instruction.modRM >> 3 & 7 == UInt8(Seg.ss)
  }
}
