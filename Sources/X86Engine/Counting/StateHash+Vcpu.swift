import Base
import X86ISA

extension Vcpu {
  /// Adds everything that the guest can tell apart. Only while the vCPU is not running.
  public func addState(to hash: inout StateHash) {
    let s = cpu.s
    for number in 0..<16 { hash.add(s.regs[number]) }
    hash.add(cpu.rip)
    hash.add(cpu.rflags)
    hash.add(UInt64(s.cpl) | UInt64(s.mode) << 8 | UInt64(s.codeSize) << 16)
    hash.add(UInt64(s.interruptShadow) | UInt64(s.activity) << 8)
    for number in 0..<8 {
      let segment = s.segments[number]
      hash.add(segment.base)
      hash.add(UInt64(segment.limit) | UInt64(segment.attributes) << 32 | UInt64(segment.selector) << 48)
    }
    for table in [s.gdtr, s.idtr] {
      hash.add(table.base)
      hash.add(UInt64(table.limit))
    }
    let registers = [
      s.cr0, s.cr2, s.cr3, s.cr4, s.efer, s.xcr0, UInt64(s.pkru), s.physicalMask, s.apicBase, s.star, s.lstar, s.cstar,
      s.fmask, s.kernelGSBase, s.sysenterCS, s.sysenterESP, s.sysenterEIP, s.pat, s.tscAux, s.tscOffset, s.miscEnable,
      s.mtrrDefType, s.xss, s.debugControl, s.mcgStatus, s.specControl, s.tscAdjust, UInt64(s.mxcsr),
    ]
    for register in registers { hash.add(register) }
    for number in 0..<8 { hash.add(s.dr[number]) }
    for number in 0..<11 { hash.add(s.mtrrFixed[number]) }
    for number in 0..<16 { hash.add(s.mtrrVariable[number]) }
    for number in 0..<4 { hash.add(s.pdpte[number]) }
    for number in 0..<64 { hash.add(s.plainMSRs[number]) }
    for word in 0..<256 { hash.add(s.vectors[word]) }
    for number in 0..<8 { hash.add(s.opmasks[number]) }
    // Control, status and tags; not the pointers to the last instruction.
    hash.add(s.x87[0] & 0xff_ffff_ffff)
    for word in 4..<20 { hash.add(s.x87[word] & (word & 1 == 0 ? ~0 : 0xffff)) }
  }
}
