import X86ISA

extension Interp {
  @inline(__always) func requireCPL0() throws(Fault) {
    if cpu.s.cpl != 0 { throw .protection() }
  }
  /// Instructions that real and virtual-8086 mode do not know.
  @inline(__always) func requireProtected() throws(Fault) {
    if cpu.s.mode < CPUMode.protected.rawValue { throw .invalidOpcode }
  }

  var portImmediate: UInt16 { UInt16(truncatingIfNeeded: i.immediate & 0xff) }
  /// Ports are at most 32 bits wide.
  var portSize: Int { min(Int(i.operandSize), 4) }

  func loadAH() {
    let flags = UInt8(truncatingIfNeeded: cpu.statusFlags & 0xd5 | 2)
    cpu[reg8: Instruction.highByte] = flags
  }
  func storeAH() {
    cpu.statusFlags = cpu.statusFlags & RFLAGS.of | UInt64(cpu[reg8: Instruction.highByte]) & 0xd5
  }

  /// BOUND: #BR when the signed index lies outside the pair of bounds in memory.
  func checkBounds() throws(Fault) {
    let size = Int(i.operandSize)
    let linear = try address(size: size * 2, write: false)
    if size == 2 {
      let low = Int16(bitPattern: try cpu.readLinear(UInt16.self, linear))
      let high = Int16(bitPattern: try cpu.readLinear(UInt16.self, cpu.wrap(linear &+ 2)))
      let index = Int16(bitPattern: cpu[reg16: i.reg])
      if index < low || index > high { throw .boundRange }
    } else {
      let low = Int32(bitPattern: try cpu.readLinear(UInt32.self, linear))
      let high = Int32(bitPattern: try cpu.readLinear(UInt32.self, cpu.wrap(linear &+ 4)))
      let index = Int32(bitPattern: cpu[reg32: i.reg])
      if index < low || index > high { throw .boundRange }
    }
  }
}
