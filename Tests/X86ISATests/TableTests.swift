import Testing
import X86ISA

@Suite struct TableTests {
  @Test func generatedTablesMatchTheRows() {
    #expect(InstructionTable.count == InstructionTable.rows.count)
    for (number, row) in InstructionTable.rows.enumerated() {
      let index = UInt16(number)
      #expect(InstructionTable.attributes(ofRow: index) == row.attributes)
      #expect(InstructionTable.flags(ofRow: index) == row.flags)
      #expect(InstructionTable.feature(ofRow: index) == row.feature)
      #expect(String(describing: InstructionTable.op(ofRow: index)) == row.mnemonic.lowercased())
    }
  }

  @Test func tellsFlagEffects() {
    #expect(InstructionTable.flags(ofRow: decode([0x01, 0xc0]).1.row).writes == FlagEffect.all)
    #expect(InstructionTable.flags(ofRow: decode([0x11, 0xc0]).1.row).reads == FlagEffect.cf)
    #expect(InstructionTable.flags(ofRow: decode([0xff, 0xc0]).1.row).writes & FlagEffect.cf == 0)
    // A shift by CL may leave the flags as they were, so they stay live.
    #expect(InstructionTable.flags(ofRow: decode([0xd3, 0xe0]).1.row).reads == FlagEffect.all)
    #expect(decode([0x72, 0]).1.conditionFlags == FlagEffect.cf)
    #expect(decode([0x0f, 0x9f, 0xc0]).1.conditionFlags == FlagEffect.sf | FlagEffect.of | FlagEffect.zf)
  }

  @Test func namesFeatures() {
    #expect(CPUFeature.sse4_2.word == CPUIDWord(1, 0, .ecx) && CPUFeature.sse4_2.bit == 20)
    #expect(CPUFeature.nx.word == CPUIDWord(0x8000_0001, 0, .edx) && CPUFeature.nx.bit == 20)
    #expect(CPUFeature.avx512_vbmi2.word == CPUIDWord(7, 0, .ecx) && CPUFeature.avx512_vbmi2.bit == 6)
    #expect(CPUFeature.xsaves.word == CPUIDWord(0xd, 1, .eax) && CPUFeature.xsaves.bit == 3)
    #expect(CPUFeature(named: "3dnow") == ._3dnow && CPUFeature._3dnow.name == "3dnow")
    #expect(CPUFeature(named: "SSE4.2") == .sse4_2)
    #expect(CPUFeature(named: "sse3") == .pni)
    #expect(CPUFeature.nearest(to: "avx3") == .avx2 || CPUFeature.nearest(to: "avx3") == .avx)
    #expect(CPUFeature.nearest(to: "popcont") == .popcnt)
    #expect(CPUFeature.nearest(to: "entirely different") == nil)
  }

  @Test func describesOperands() {
    let store = decode([0x66, 0x0f, 0x7f, 0x40, 0x10]).1
    let operands = InstructionTable.operands(of: store)
    #expect(operands.map(\.location) == [.memory, .vector(0)])
    #expect(operands[0].size == 16 && operands[0].access == .write && store.memoryBytes == 16)
    #expect(InstructionTable.attributes(ofRow: store.row).isSuperset(of: [.thunk, .sse, .aligned, .memoryWrite]))
    let convert = InstructionTable.operands(of: decode([0xf2, 0x48, 0x0f, 0x2a, 0xc1]).1)
    #expect(convert.map(\.location) == [.vector(0), .general(1)] && convert[1].size == 8)
    // vaddps zmm1{k2}{z},zmm3,DWORD BCST [rax+4]
    let broadcast = decode([0x62, 0xf1, 0x64, 0xda, 0x58, 0x48, 0x01]).1
    #expect(broadcast.op == .vaddps && broadcast.displacement == 4 && broadcast.memoryBytes == 4)
    #expect(InstructionTable.operands(of: broadcast)[2].isBroadcast)
    #expect(Disassembler.text(of: broadcast) == "vaddps zmm1{k2}{z},zmm3,DWORD BCST [rax+0x4]")
    #expect(InstructionTable.operands(of: decode([0x8a, 0x03]).1)[0].access == .write)
    #expect(InstructionTable.operands(of: decode([0x02, 0x03]).1)[0].access == .readWrite)
    #expect(InstructionTable.operands(of: decode([0x3a, 0x03]).1)[0].access == .read)
  }

  @Test func asksForVectorLengthExtension() {
    // vaddps at 128 and 512 bits; vmovd, which AVX-512F alone gives.
    #expect(InstructionTable.needsVectorLengthExtension(decode([0x62, 0xf1, 0x64, 0x08, 0x58, 0xc8]).1))
    #expect(!InstructionTable.needsVectorLengthExtension(decode([0x62, 0xf1, 0x64, 0x48, 0x58, 0xc8]).1))
    #expect(!InstructionTable.needsVectorLengthExtension(decode([0x62, 0xf1, 0x7d, 0x08, 0x6e, 0xc8]).1))
  }

  @Test func knowsWhatOldProcessorsMakeOfCountInstructions() {
    let count = decode([0xf3, 0x0f, 0xbd, 0xc1]).1
    #expect(count.op == .lzcnt)
    #expect(InstructionTable.rowWithoutFeature(ofRow: count.row).map(InstructionTable.op) == .bsr)
    #expect(InstructionTable.rowWithoutFeature(ofRow: decode([0x90]).1.row) == nil)
  }
}
