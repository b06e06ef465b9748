extension Cpu {
  /// IN from the port that takes the registers; false: it is an ordinary one. In long mode upper halves become zero, as
  /// with every 32-bit result.
  @inline(never) func callRegistersSlow() -> Bool {
    let call = RegisterCall(eax: self[reg32: 0], ebx: self[reg32: 3], ecx: self[reg32: 1], edx: self[reg32: 2])
    guard let result = platform.registerCall(call, cpu: index) else { return false }
    self[reg32: 0] = result.eax
    self[reg32: 3] = result.ebx
    self[reg32: 1] = result.ecx
    self[reg32: 2] = result.edx
    return true
  }

  /// May the running code use ports `port`...`port + width - 1`? #GP(0) if not (SDM 1, 19.5).
  func checkIO(port: UInt16, width: Int) throws(Fault) {
    switch s.mode {
    case CPUMode.real.rawValue: return
    case CPUMode.virtual8086.rawValue: break
    default:
      if UInt64(s.cpl) <= (s.systemFlags & RFLAGS.iopl) >> 12 { return }
    }
    let tr = s.segments[Seg.tr]
    // Only 32- and 64-bit TSSs have a map; its offset stands at byte 0x66.
    guard tr.isPresent, tr.type & 9 == 9, tr.limit >= 0x67 else { throw .protection() }
    let map = UInt64(try readSystem(UInt16.self, tableAddress(tr.base, 0x66)))
    let offset = map &+ UInt64(port >> 3)
    // Two bytes are always read, so that an access may straddle them.
    guard offset &+ 1 <= UInt64(tr.limit) else { throw .protection() }
    let bits = try readSystem(UInt16.self, tableAddress(tr.base, offset))
    let mask: UInt16 = (1 << UInt16(truncatingIfNeeded: width)) &- 1
    guard bits >> (port & 7) & mask == 0 else { throw .protection() }
  }
}
