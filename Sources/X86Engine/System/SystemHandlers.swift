import CHost
import X86ISA

// System instructions as table handlers: operands in and out, the work is done by `Cpu`'s methods beside this file.
extension Interp {
  // MARK: Far transfers through memory

  private func farPointer() throws(Fault) -> (selector: UInt16, offset: UInt64) {
    let size = Int(i.operandSize)
    let linear = try address(size: size + 2, write: false)
    let offset: UInt64 =
      switch size {
      case 2: try UInt64(cpu.readLinear(UInt16.self, linear))
      case 4: try UInt64(cpu.readLinear(UInt32.self, linear))
      default: try cpu.readLinear(UInt64.self, linear)
      }
    return (try cpu.readLinear(UInt16.self, cpu.wrap(linear &+ UInt64(size))), offset)
  }
  func farCallIndirect() throws(Fault) {
    let target = try farPointer()
    try cpu.farCall(selector: target.selector, offset: target.offset, operandSize: Int(i.operandSize))
  }
  func farJumpIndirect() throws(Fault) {
    let target = try farPointer()
    try cpu.farJump(selector: target.selector, offset: target.offset, operandSize: Int(i.operandSize))
  }

  // MARK: Descriptor tables and selectors

  /// SLDT, STR, SMSW: 16 bits to memory, zero-extended to a register.
  func storeSelector<D: Destination, V: AccessWidth>(_ destination: D.Type, _ value: V) throws(Fault) {
    try D.store(self, D.T(truncatingIfNeeded: value))
  }
  /// ARPL.
  func adjustRPL<D: Destination, S: Operand>(_ destination: D.Type, _ source: S.Type) throws(Fault) {
    let old = try D.load(self)
    let wanted = try D.T(truncatingIfNeeded: S.load(self)) & 3
    let raises = old & 3 < wanted
    // A destination that keeps its value is not written: a read-only page does not fault.
    if raises { _ = try D.modify(self) { $0 & ~3 | wanted } }
    cpu.setZero(raises)
  }
  func loadAccessRights<D: Destination, S: Operand>(_ destination: D.Type, _ source: S.Type) throws(Fault) {
    let rights = try cpu.loadAccessRights(UInt16(truncatingIfNeeded: S.load(self)))
    if let rights { try D.store(self, D.T(truncatingIfNeeded: rights)) }
    cpu.setZero(rights != nil)
  }
  func loadSegmentLimit<D: Destination, S: Operand>(_ destination: D.Type, _ source: S.Type) throws(Fault) {
    let limit = try cpu.loadLimit(UInt16(truncatingIfNeeded: S.load(self)))
    if let limit { try D.store(self, D.T(truncatingIfNeeded: limit)) }
    cpu.setZero(limit != nil)
  }
  /// SGDT, SIDT: limit, then base (32 bits of it outside 64-bit mode, whatever the operand size).
  func storeTable(_ table: DescriptorTable) throws(Fault) {
    let wide = cpu.s.codeSize == 2
    let linear = try address(size: wide ? 10 : 6, write: true)
    try cpu.probeWrite(linear, size: wide ? 10 : 6)
    try cpu.writeLinear(linear, table.limit)
    if wide {
      try cpu.writeLinear(cpu.wrap(linear &+ 2), table.base)
    } else {
      try cpu.writeLinear(cpu.wrap(linear &+ 2), UInt32(truncatingIfNeeded: table.base))
    }
  }
  private func tableOperand() throws(Fault) -> (base: UInt64, limit: UInt16) {
    let wide = cpu.s.codeSize == 2
    let linear = try address(size: wide ? 10 : 6, write: false)
    let limit = try cpu.readLinear(UInt16.self, linear)
    let at = cpu.wrap(linear &+ 2)
    let base = wide ? try cpu.readLinear(UInt64.self, at) : try UInt64(cpu.readLinear(UInt32.self, at))
    return (base, limit)
  }
  /// A 16-bit operand size loads 24 bits of base.
  private var tableOperandSize: Int {
    cpu.s.codeSize == 2 ? 8 : (cpu.s.codeSize == 0) != i.prefixes.contains(.operandSize66) ? 2 : 4
  }
  func loadGDT() throws(Fault) {
    let operand = try tableOperand()
    try cpu.lgdt(base: operand.base, limit: operand.limit, operandSize: tableOperandSize)
  }
  func loadIDT() throws(Fault) {
    let operand = try tableOperand()
    try cpu.lidt(base: operand.base, limit: operand.limit, operandSize: tableOperandSize)
  }

  // MARK: Control and debug registers

  func readControlRegister() throws(Fault) { cpu[reg: i.rm] = try widened(cpu.movFromCR(i.reg)) }
  func writeControlRegister() throws(Fault) { try cpu.movToCR(i.reg, widened(cpu[reg: i.rm])) }
  func readDebugRegister() throws(Fault) { cpu[reg: i.rm] = try widened(cpu.movFromDR(i.reg)) }
  func writeDebugRegister() throws(Fault) { try cpu.movToDR(i.reg, widened(cpu[reg: i.rm])) }
  private func widened(_ value: UInt64) -> UInt64 { cpu.s.codeSize == 2 ? value : value & 0xffff_ffff }

  func invalidatePage() throws(Fault) {
    try cpu.invlpg((cpu.s.segments[Int(i.segment)].fastBase &+ offset) & cpu.s.linearMask)
  }
  func invalidatePCID() throws(Fault) {
    let linear = try address(size: 16, write: false)
    let low = try cpu.readLinear(UInt64.self, linear)
    let high = try cpu.readLinear(UInt64.self, cpu.wrap(linear &+ 8))
    try cpu.invpcid(type: widened(cpu[reg: i.reg]), low: low, high: high)
  }

  // MARK: Flags

  func pushFlags() throws(Fault) {
    try pushOperandSize(cpu.pushFlagsValue(size: Int(i.operandSize)))
  }
  func popFlags() throws(Fault) {
    let size = Int(i.operandSize)
    let value = try cpu.loadSized(size: size, segment: Seg.ss, offset: cpu.rsp & cpu.stackMask)
    try cpu.popFlags(value, size: size)
    cpu.advanceStack(by: UInt64(size))
  }

  // MARK: FS and GS bases

  func readBase<D: Destination>(_ segment: Int, _ destination: D.Type) throws(Fault) {
    try D.store(self, D.T(truncatingIfNeeded: cpu.readSegmentBase(segment)))
  }
  func writeBase<S: Operand>(_ segment: Int, _ source: S.Type) throws(Fault) {
    try cpu.writeSegmentBase(segment, UInt64(truncatingIfNeeded: S.load(self)))
  }

  // MARK: Registers in EDX:EAX, selected by ECX

  private func storeWide(_ value: UInt64) {
    cpu[reg: 0] = value & 0xffff_ffff
    cpu[reg: 2] = value >> 32
  }
  private var wide: UInt64 { UInt64(cpu[reg32: 2]) << 32 | UInt64(cpu[reg32: 0]) }
  func readTimeStamp() throws(Fault) { storeWide(try cpu.rdtsc()) }
  func readTimeStampAndAuxiliary() throws(Fault) {
    let (counter, auxiliary) = try cpu.rdtscp()
    storeWide(counter)
    cpu[reg32: 1] = auxiliary
  }
  func readCounter() throws(Fault) { storeWide(try cpu.rdpmc(cpu[reg32: 1])) }
  func readMSR() throws(Fault) { storeWide(try cpu.rdmsr(cpu[reg32: 1])) }
  func writeMSR() throws(Fault) { try cpu.wrmsr(cpu[reg32: 1], wide) }
  func readXCR() throws(Fault) { storeWide(try cpu.xgetbv(cpu[reg32: 1])) }
  func writeXCR() throws(Fault) { try cpu.xsetbv(cpu[reg32: 1], wide) }
  func readPKRU() throws(Fault) { storeWide(UInt64(try cpu.rdpkru())) }
  func writePKRU() throws(Fault) { try cpu.wrpkru(cpu[reg32: 0]) }

  // MARK: Caches, fences, waiting

  func fence() { rb_fence() }
  /// The host's PAUSE: a guest that spins should not starve the vCPU it waits for.
  func pause() { cpu.spin() }
  /// CLFLUSH and its kin: faults like a one-byte read, changes nothing we model.
  func touchLine() throws(Fault) {
    _ = try cpu.readLinear(UInt8.self, address(size: 1, write: false))
  }
  /// CLZERO: the 64-byte line that holds rAX.
  func zeroLine() throws(Fault) {
    let offset = cpu[reg: 0] & i.addressMask & ~63
    let linear = try cpu.address(segment: Int(i.segment), offset: offset, size: 64, write: true)
    try cpu.probeWrite(linear, size: 64)
    for word in UInt64(0)..<8 { try cpu.writeLinear(cpu.wrap(linear &+ word &* 8), UInt64(0)) }
  }
  /// MONITOR: the address is checked like a byte read.
  func monitor() throws(Fault) {
    try cpu.monitor(cpu.address(segment: Int(i.segment), offset: cpu[reg: 0] & i.addressMask, size: 1, write: false))
  }

  /// RDRAND, RDSEED: always succeeds (CF = 1, the other status flags 0).
  func random<D: Destination>(_ destination: D.Type) throws(Fault) {
    var generator = SystemRandomNumberGenerator()
    let number = cpu.x.counting.isOn ? cpu.x.counting.numbers.next() : generator.next()
    try D.store(self, D.T(truncatingIfNeeded: number))
    cpu.statusFlags = RFLAGS.cf
  }
}
