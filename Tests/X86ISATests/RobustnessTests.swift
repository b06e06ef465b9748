import Testing
import X86ISA

@Suite struct RobustnessTests {
  private static let sizes: [CodeSize] = [.bits16, .bits32, .bits64]

  @Test func survivesRandomBytes() {
    var sampler = InstructionSampler(seed: 77)
    for round in 0..<6000 {
      // Half of the rounds start with prefixes, escapes or vector encodings.
      var bytes = (0..<18).map { _ in sampler.byte() }
      let starts: [UInt8] = [0x66, 0xf2, 0xf3, 0xf0, 0x67, 0x0f, 0xc4, 0xc5, 0x62, 0x48, 0x2e]
      if round & 1 == 0 { bytes[0] = starts[Int(sampler.below(UInt64(starts.count)))] }
      let (status, instruction) = decode(bytes, Self.sizes[round % 3])
      #expect(status != .needMore && instruction.length <= 15)
      if status == .ok { expectConsistent(instruction, bytes) }
    }
  }

  @Test func everyRowIsReachableAndTruncationAsksForMore() {
    var sampler = InstructionSampler(seed: 5)
    var reached: Set<UInt16> = []
    for map in OpcodeMap.allCases {
      for opcode in 0...255 {
        for row in InstructionTable.candidates(map: map, opcode: UInt8(opcode)) {
          for attempt in 0..<40 where attempt < 2 || !reached.contains(row) {
            let size = Self.sizes[attempt % 3]
            let bytes = sampler.sample(row: Int(row), map: map, opcode: UInt8(opcode), codeSize: size)
            let (status, instruction) = decode(bytes, size)
            guard status == .ok else { continue }
            reached.insert(instruction.row)
            if attempt == 0 || instruction.row == row { expectConsistent(instruction, bytes) }
            if attempt > 0 { continue }
            for count in 0..<Int(instruction.length) {
              #expect(decode(Array(bytes[..<count]), size).0 == .needMore)
            }
          }
        }
      }
    }
    let missing = InstructionTable.rows.indices.filter { !reached.contains(UInt16($0)) }
      .map { InstructionTable.rows[$0].mnemonic + " " + InstructionTable.rows[$0].encoding }
    #expect(missing.isEmpty, "\(missing)")
  }

  @Test func appliesLockToLockableMemoryFormsOnly() {
    var sampler = InstructionSampler(seed: 9)
    for map in [OpcodeMap.oneByte, .twoByte] {
      for opcode in 0...255 {
        for row in InstructionTable.candidates(map: map, opcode: UInt8(opcode)) {
          let bytes = sampler.sample(row: Int(row), map: map, opcode: UInt8(opcode), codeSize: .bits64)
          let (plain, instruction) = decode(bytes)
          guard plain == .ok else { continue }
          let attributes = InstructionTable.attributes(ofRow: instruction.row)
          let legal = attributes.contains(.lockable) && instruction.prefixes.contains(.memory)
          let expected: DecodeStatus = instruction.length == 15 ? .tooLong : legal ? .ok : .invalid
          #expect(decode([0xf0] + bytes).0 == expected)
        }
      }
    }
  }

  @Test func rejectsPrefixesBeforeVectorEncodings() {
    let add: [UInt8] = [0xc5, 0xe8, 0x58, 0xc8]
    #expect(decode(add).0 == .ok)
    for prefix: UInt8 in [0x66, 0xf2, 0xf3, 0xf0, 0x40] { #expect(decode([prefix] + add).0 == .invalid) }
    for prefix: UInt8 in [0x2e, 0x64, 0x67] { #expect(decode([prefix] + add).0 == .ok) }
    // vvvv in use where the instruction has no second source: vsqrtps.
    #expect(decode([0xc5, 0xe8, 0x51, 0xc8]).0 == .invalid)
    #expect(decode([0xc5, 0xf8, 0x51, 0xc8]).0 == .ok)
    // EVEX: reserved bits, zeroing without a mask, a gather without one.
    #expect(decode([0x62, 0xf1, 0x60, 0x08, 0x58, 0xc8]).0 == .invalid)
    #expect(decode([0x62, 0xf9, 0x64, 0x08, 0x58, 0xc8]).0 == .invalid)
    #expect(decode([0x62, 0xf1, 0x64, 0x88, 0x58, 0xc8]).0 == .invalid)
    #expect(decode([0x62, 0xf2, 0x7d, 0x48, 0x90, 0x0c, 0x10]).0 == .invalid)
    #expect(decode([0x62, 0xf2, 0x7d, 0x49, 0x90, 0x0c, 0x10]).0 == .ok)
  }

  /// What the fields say about the bytes must be true of them.
  private func expectConsistent(_ instruction: Instruction, _ bytes: [UInt8]) {
    let length = Int(instruction.length)
    #expect(length >= 1 && length <= bytes.count)
    let match = InstructionTable.match(ofRow: instruction.row)
    if match.hasModRM { #expect(bytes[Int(instruction.modRMOffset)] == instruction.modRM) }
    if instruction.immediateOffset != 0 { #expect(Int(instruction.immediateOffset) < length) }
    let gpr = instruction.base < 16 || instruction.base >= Instruction.noRegister
    #expect(gpr && instruction.scale < 4 && instruction.segment < 6)
    #expect([1, 2, 4, 8].contains(instruction.operandSize) && (0..<8).contains(instruction.variant))
    #expect(!Disassembler.text(of: instruction).isEmpty)
  }
}
