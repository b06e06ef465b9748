import Testing
import X86ISA

/// Decodes bytes; the result is meaningful when the status is `ok`.
func decode(_ bytes: [UInt8], _ size: CodeSize = .bits64) -> (DecodeStatus, Instruction) {
  var instruction = Instruction()
  let status = Decoder.decode(bytes.span, codeSize: size, into: &instruction)
  return (status, instruction)
}

@Suite struct DecoderTests {
  @Test func readsRegistersAndMemory() {
    let (status, add) = decode([0x4c, 0x03, 0x44, 0x8b, 0x10])
    #expect(status == .ok)
    #expect(add.op == .add && add.length == 5 && add.operandSize == 8)
    #expect(add.reg == 8 && add.base == 3 && add.index == 1 && add.scale == 2 && add.displacement == 0x10)
    #expect(add.prefixes.contains(.memory) && add.segment == 3)
    let (_, high) = decode([0x88, 0xe3])
    #expect(high.op == .mov && high.reg == Instruction.highByte && high.rm == 3 && high.operandSize == 1)
    let (_, low) = decode([0x40, 0x88, 0xe3])
    #expect(low.reg == 4)
  }

  @Test func addressesRelativeToTheNextInstruction() {
    let (_, lea) = decode([0x48, 0x8d, 0x05, 0xf9, 0xff, 0xff, 0xff])
    #expect(lea.op == .lea && lea.base == Instruction.instructionPointer && lea.displacement == UInt64(bitPattern: -7))
    let (_, absolute) = decode([0x8b, 0x05, 0xf9, 0xff, 0xff, 0xff], .bits32)
    #expect(absolute.base == Instruction.noRegister)
  }

  @Test func usesSixteenBitAddressing() {
    let (_, mov) = decode([0x8b, 0x42, 0xfe], .bits16)
    #expect(mov.base == 5 && mov.index == 6 && mov.segment == 2 && mov.addressMask == 0xffff && mov.operandSize == 2)
    #expect(mov.displacement == UInt64(bitPattern: -2))
    let (_, wide) = decode([0x67, 0x66, 0x8b, 0x04, 0x24], .bits16)
    #expect(wide.base == 4 && wide.segment == 2 && wide.operandSize == 4 && wide.addressSize == 4 && wide.length == 5)
  }

  @Test func asksForMoreAtEveryTruncation() {
    let bytes: [UInt8] = [0x66, 0x2e, 0x81, 0x84, 0x8b, 0x78, 0x56, 0x34, 0x12, 0xcd, 0xab]
    for count in 0..<bytes.count { #expect(decode(Array(bytes[..<count])).0 == .needMore) }
    let (status, instruction) = decode(bytes)
    #expect(status == .ok && instruction.immediate == UInt64(bitPattern: Int64(Int16(bitPattern: 0xabcd))))
    #expect(instruction.immediateOffset == 9 && instruction.modRMOffset == 3)
  }

  @Test func limitsLengthToFifteenBytes() {
    let prefixes = [UInt8](repeating: 0x2e, count: 14)
    #expect(decode(prefixes + [0x90]).0 == .ok)
    #expect(decode(prefixes + [0x2e, 0x90]).0 == .tooLong)
    #expect(decode(prefixes).0 == .needMore)
  }

  @Test func acceptsLockOnlyWhereItIsLegal() {
    #expect(decode([0xf0, 0x01, 0x03]).0 == .ok)
    #expect(decode([0xf0, 0x01, 0xc3]).0 == .invalid)
    #expect(decode([0xf0, 0x8b, 0x03]).0 == .invalid)
  }

  @Test func tellsApartWhatPrefixesSelect() {
    #expect(decode([0x90]).1.op == .nop)
    #expect(decode([0xf3, 0x90]).1.op == .pause)
    #expect(decode([0x41, 0x90]).1.op == .xchg)
    #expect(decode([0x66, 0x98]).1.op == .cbw)
    #expect(decode([0x98]).1.op == .cwde)
    #expect(decode([0x48, 0x98]).1.op == .cdqe)
    #expect(decode([0xf3, 0x0f, 0xb8, 0xc1]).1.op == .popcnt)
    #expect(decode([0x48, 0x0f, 0xc7, 0x0f]).1.op == .cmpxchg16b)
    #expect(decode([0x0f, 0xc7, 0x0f]).1.op == .cmpxchg8b)
    #expect(decode([0xf3, 0x0f, 0x1e, 0xfa]).1.op == .endbr64)
    #expect(decode([0xc4, 0x03], .bits32).1.op == .les)
    #expect(decode([0xc4, 0xe2, 0x78, 0xf2, 0xc1], .bits32).1.op == .andn)
  }

  @Test func readsFarPointersMoffsAndEnter() {
    let (_, far) = decode([0xea, 0x78, 0x56, 0x34, 0x12, 0xcd, 0xab], .bits32)
    #expect(far.op == .jmpf && far.immediate == 0x1234_5678 && far.immediate2 == 0xabcd && far.length == 7)
    let (_, moffs) = decode([0x48, 0xa1, 1, 2, 3, 4, 5, 6, 7, 8])
    #expect(moffs.displacement == 0x0807_0605_0403_0201 && moffs.base == Instruction.noRegister)
    let (_, enter) = decode([0xc8, 0x34, 0x12, 0x05])
    #expect(enter.immediate == 0x1234 && enter.immediate2 == 5 && enter.operandSize == 8)
    #expect(decode([0xea, 0, 0, 0, 0, 0, 0]).0 == .invalid)
  }

  @Test func forcesBranchesTo64Bits() {
    let (_, call) = decode([0x66, 0xe8, 1, 0, 0, 0x80])
    #expect(call.op == .call && call.length == 6 && call.operandSize == 8 && call.immediate == 0xffff_ffff_8000_0001)
    let (_, push) = decode([0x66, 0x50])
    #expect(push.operandSize == 2)
    #expect(decode([0x50]).1.operandSize == 8)
  }
}
