import X86ISA

// String instructions. With a repeat prefix one call does many iterations, each committed before the next, and gives
// way to interrupts by leaving RIP on the instruction; a fault in iteration n leaves n-1 done.

extension Interp {
  /// Iterations in one go before events are looked at again.
  static let repeatLimit: UInt64 = 4096

  @inline(__always) private var isRepeated: Bool {
    !i.prefixes.isDisjoint(with: [.repeatF3, .repeatF2])
  }
  @inline(__always) private func step<T: AccessWidth>(_ type: T.Type) -> UInt64 {
    let size = UInt64(MemoryLayout<T>.size)
    return cpu.s.systemFlags & RFLAGS.df != 0 ? 0 &- size : size
  }
  @inline(__always) private func advance(_ register: UInt8, by step: UInt64) {
    cpu.writeRegister(register, cpu[reg: register] &+ step, size: Int(i.addressSize))
  }
  private var source: UInt64 { cpu[reg: 6] & i.addressMask }
  private var target: UInt64 { cpu[reg: 7] & i.addressMask }

  /// Runs `body` once, or as often as rCX says but at most `limit` times in one go; `body` returns false to stop early
  /// (CMPS, SCAS).
  @inline(__always) private func repeated(
    limit: UInt64 = Interp.repeatLimit, _ body: () throws(Fault) -> Bool
  ) throws(Fault) {
    guard isRepeated else {
      _ = try body()
      return
    }
    var budget = limit
    while true {
      let count = cpu[reg: 1] & i.addressMask
      if count == 0 { return }
      let more = try body()
      cpu.writeRegister(1, count &- 1, size: Int(i.addressSize))
      if !more || count == 1 { return }
      budget &-= 1
      if budget == 0 || cpu.mustPause { return suspend() }
    }
  }
  /// Comes back to this instruction after the run loop has looked at events.
  private func suspend() { cpu.rip = cpu.rip &- UInt64(i.length) }

  @inline(__always) func moveString<T: AccessWidth>(_ type: T.Type) throws(Fault) {
    let limit = isRepeated ? try cpu.bulkMove(self, type) : 1
    if limit == 0 { return }
    let step = step(type)
    try repeated(limit: limit) { () throws(Fault) in
      let value = try cpu.load(T.self, segment: Int(i.segment), offset: source)
      try cpu.store(value, segment: Seg.es, offset: target)
      advance(6, by: step)
      advance(7, by: step)
      return true
    }
  }
  @inline(__always) func storeString<T: AccessWidth>(_ type: T.Type) throws(Fault) {
    let limit = isRepeated ? try cpu.bulkStore(self, type) : 1
    if limit == 0 { return }
    let step = step(type)
    let value = loadRegister(T.self, 0)
    try repeated(limit: limit) { () throws(Fault) in
      try cpu.store(value, segment: Seg.es, offset: target)
      advance(7, by: step)
      return true
    }
  }
  @inline(__always) func loadString<T: AccessWidth>(_ type: T.Type) throws(Fault) {
    let step = step(type)
    try repeated { () throws(Fault) in
      storeRegister(0, try cpu.load(T.self, segment: Int(i.segment), offset: source))
      advance(6, by: step)
      return true
    }
  }
  @inline(__always) func compareString<T: AccessWidth>(_ type: T.Type) throws(Fault) {
    let limit = isRepeated ? try cpu.bulkCompare(self, type, scans: false) : 1
    if limit == 0 { return }
    let step = step(type)
    try repeated(limit: limit) { () throws(Fault) in
      let a = try cpu.load(T.self, segment: Int(i.segment), offset: source)
      let b = try cpu.load(T.self, segment: Seg.es, offset: target)
      cpu.setSubtractFlags(a, b, a &- b)
      advance(6, by: step)
      advance(7, by: step)
      return (a == b) == i.prefixes.contains(.repeatF3)
    }
  }
  @inline(__always) func scanString<T: AccessWidth>(_ type: T.Type) throws(Fault) {
    let limit = isRepeated ? try cpu.bulkCompare(self, type, scans: true) : 1
    if limit == 0 { return }
    let step = step(type)
    let a = loadRegister(T.self, 0)
    try repeated(limit: limit) { () throws(Fault) in
      let b = try cpu.load(T.self, segment: Seg.es, offset: target)
      cpu.setSubtractFlags(a, b, a &- b)
      advance(7, by: step)
      return (a == b) == i.prefixes.contains(.repeatF3)
    }
  }
  /// INS: permission and destination are checked before the port is read.
  @inline(__always) func inputString<T: AccessWidth>(_ type: T.Type) throws(Fault) {
    let step = step(type)
    let size = MemoryLayout<T>.size
    let port = cpu[reg16: 2]
    if isRepeated && cpu[reg: 1] & i.addressMask == 0 { return }
    try cpu.checkIO(port: port, width: size)
    cpu.notePortAccess(port, size: size)
    try repeated { () throws(Fault) in
      let linear = try cpu.address(segment: Seg.es, offset: target, size: size, write: true)
      try cpu.probeWriteFast(linear, size: size)
      let value = T(truncatingIfNeeded: cpu.platform.portRead(port, width: size, cpu: cpu.index))
      try cpu.writeLinear(linear, value)
      advance(7, by: step)
      return true
    }
  }
  @inline(__always) func outputString<T: AccessWidth>(_ type: T.Type) throws(Fault) {
    let step = step(type)
    let size = MemoryLayout<T>.size
    let port = cpu[reg16: 2]
    if isRepeated && cpu[reg: 1] & i.addressMask == 0 { return }
    try cpu.checkIO(port: port, width: size)
    cpu.notePortAccess(port, size: size)
    try repeated { () throws(Fault) in
      let value = try cpu.load(T.self, segment: Int(i.segment), offset: source)
      cpu.platform.portWrite(port, width: size, value: UInt32(truncatingIfNeeded: value), cpu: cpu.index)
      cpu.noticeEvents()
      advance(6, by: step)
      return true
    }
  }

  // MARK: Ports

  func input(port: UInt16, size: Int) throws(Fault) {
    try cpu.checkIO(port: port, width: size)
    cpu.notePortAccess(port, size: size)
    if port == RegisterCall.port && size == 4 && cpu.callRegistersSlow() { return }
    let value = cpu.platform.portRead(port, width: size, cpu: cpu.index)
    cpu.writeRegister(0, UInt64(value), size: size)
  }
  func output(port: UInt16, size: Int) throws(Fault) {
    try cpu.checkIO(port: port, width: size)
    cpu.notePortAccess(port, size: size)
    let value = UInt32(
      truncatingIfNeeded: size == 4 ? cpu[reg: 0] : size == 2 ? UInt64(cpu[reg16: 0]) : UInt64(cpu[reg8: 0]))
    cpu.platform.portWrite(port, width: size, value: value, cpu: cpu.index)
    cpu.noticeEvents()
  }
}
