import X86ISA

// FXSAVE, FXRSTOR and the XSAVE family (SDM 1, chapters 10.5 and 13). The area is moved in 64-bit words.
extension Interp {
  enum XSAVEForm { case standard, optimised, compacted, supervisor }

  private static let x87: UInt64 = 1
  private static let sse: UInt64 = 2
  private static let avx: UInt64 = 4

  // MARK: MXCSR

  /// Bits of MXCSR that exist (DAZ included).
  private static let mxcsrMask: UInt32 = 0xffff

  func loadMXCSR() throws(Fault) {
    try cpu.requireUnits(i.prefixes.contains(.vex) ? .avx : .sse)
    let value = try Mem<UInt32>.load(self)
    guard value & ~Interp.mxcsrMask == 0 else { throw .protection() }
    cpu.s.mxcsr = value
  }
  func storeMXCSR() throws(Fault) {
    try cpu.requireUnits(i.prefixes.contains(.vex) ? .avx : .sse)
    try Mem<UInt32>.store(self, cpu.s.mxcsr)
  }

  /// VZEROUPPER, VZEROALL: registers 0...15 (0...7 outside 64-bit mode), which a thunk would not see.
  func zeroUpper(all: Bool) throws(Fault) {
    try cpu.requireUnits(.avx)
    for number in 0..<vectorCount {
      for word in (all ? 0 : 2)..<8 { cpu.s.vectors[number * 8 + word] = 0 }
    }
  }

  // MARK: FXSAVE, FXRSTOR

  func fxsave() throws(Fault) {
    let base = try legacyArea(write: true)
    cpu.saveX87()
    try storeX87(base)
    try store(base, 24, UInt64(cpu.s.mxcsr) | UInt64(Interp.mxcsrMask) << 32)
    if cpu.s.cr4 & CR4.osfxsr != 0 { try storeXMM(base) }
  }
  func fxrstor() throws(Fault) {
    let base = try legacyArea(write: false)
    let mxcsr = try UInt32(truncatingIfNeeded: load(base, 24))
    guard mxcsr & ~Interp.mxcsrMask == 0 else { throw .protection() }
    try probeRead(base, 512)
    try loadX87(base)
    cpu.s.mxcsr = mxcsr
    if cpu.s.cr4 & CR4.osfxsr != 0 { try loadXMM(base) }
  }
  private func legacyArea(write: Bool) throws(Fault) -> UInt64 {
    if cpu.s.cr0 & (CR0.em | CR0.ts) != 0 { throw .deviceNotAvailable }
    let base = try address(size: 512, write: write)
    if cpu.s.mode == CPUMode.long.rawValue && !cpu.isCanonical(base) { throw .nonCanonical }
    guard base & 15 == 0 else { throw .protection() }
    if write { try probe(base, 512) }
    return base
  }

  // MARK: XSAVE

  func xsave(_ form: XSAVEForm) throws(Fault) {
    let requested = try requestedMask(supervisor: form == .supervisor)
    let compact = form == .compacted || form == .supervisor
    let size = compact ? cpu.xsaveCompactedSize(mask: requested) : cpu.xsaveAreaSize(mask: requested)
    let base = try extendedArea(size: size, write: true)
    cpu.saveX87()
    let inUse = cpu.extendedStateInUse
    let written = form == .standard ? requested : requested & inUse
    let previous = compact ? 0 : try load(base, 512) & ~requested
    if written & Interp.x87 != 0 { try storeX87(base) }
    if compact ? written & Interp.sse != 0 : requested & (Interp.sse | Interp.avx) != 0 {
      try store(base, 24, UInt64(cpu.s.mxcsr) | UInt64(Interp.mxcsrMask) << 32)
    }
    if written & Interp.sse != 0 { try storeXMM(base) }
    try forEachComponent(requested, compact: compact) { component, offset throws(Fault) in
      if written >> UInt64(component.bit) & 1 != 0 { try storeComponent(component, base, offset) }
    }
    try store(base, 512, previous | requested & inUse)
    if compact {
      try store(base, 520, requested | 1 << 63)
      for word in 2..<8 { try store(base, 512 + word * 8, 0) }
    }
  }

  func xrstor(supervisor: Bool) throws(Fault) {
    let requested = try requestedMask(supervisor: supervisor)
    let base = try extendedArea(size: 576, write: false)
    let present = try load(base, 512), layout = try load(base, 520)
    let compact = layout >> 63 != 0
    let allowed = cpu.s.xcr0 | (supervisor ? cpu.s.xss : 0)
    try checkHeader(base, present, layout, allowed, supervisor: supervisor)
    let form = layout & ~(1 << 63)
    try probeRead(base, compact ? cpu.xsaveCompactedSize(mask: form) : cpu.xsaveAreaSize(mask: requested & present))
    let takesMXCSR = compact ? requested & present & Interp.sse != 0 : requested & (Interp.sse | Interp.avx) != 0
    let mxcsr =
      takesMXCSR ? try UInt32(truncatingIfNeeded: load(base, 24)) : requested & Interp.sse != 0 ? 0x1f80 : cpu.s.mxcsr
    guard mxcsr & ~Interp.mxcsrMask == 0 else { throw .protection() }
    if requested & Interp.x87 != 0 {
      if present & Interp.x87 != 0 { try loadX87(base) } else { cpu.initialiseX87() }
    }
    cpu.s.mxcsr = mxcsr
    if requested & Interp.sse != 0 {
      if present & Interp.sse != 0 { try loadXMM(base) } else { forEachXMM { cpu.s.vectors[$0] = 0 } }
    }
    try forEachComponent(compact ? form : allowed, compact: compact) { component, offset throws(Fault) in
      let bit: UInt64 = 1 << UInt64(component.bit)
      guard requested & bit != 0 else { return }
      try loadComponent(component, present & bit != 0 ? base : nil, offset)
    }
    for component in XSAVEComponent.all where requested & ~form >> UInt64(component.bit) & 1 != 0 && compact {
      try loadComponent(component, nil, 0)
    }
  }

  private func checkHeader(
    _ base: UInt64, _ present: UInt64, _ layout: UInt64, _ allowed: UInt64, supervisor: Bool
  ) throws(Fault) {
    let form = layout & ~(1 << 63)
    let compact = layout >> 63 != 0
    guard present & ~allowed == 0, compact || (layout == 0 && !supervisor), form & ~allowed == 0,
      !compact || present & ~form == 0
    else { throw .protection() }
    for word in 2..<8 where try load(base, 512 + word * 8) != 0 { throw .protection() }
  }

  /// Checks that XSAVE may be used; the components asked for.
  private func requestedMask(supervisor: Bool) throws(Fault) -> UInt64 {
    guard cpu.s.cr4 & CR4.osxsave != 0 else { throw .invalidOpcode }
    if cpu.s.cr0 & CR0.ts != 0 { throw .deviceNotAvailable }
    let mask = UInt64(cpu[reg32: 2]) << 32 | UInt64(cpu[reg32: 0])
    return mask & (cpu.s.xcr0 | (supervisor ? cpu.s.xss : 0))
  }
  private func extendedArea(size: Int, write: Bool) throws(Fault) -> UInt64 {
    let base = try address(size: size, write: write)
    guard base & 63 == 0 else { throw .protection() }
    if write { try probe(base, size) } else { try probeRead(base, size) }
    return base
  }

  // MARK: Parts of the area

  private func forEachComponent(
    _ mask: UInt64, compact: Bool, _ body: (XSAVEComponent, Int) throws(Fault) -> Void
  ) throws(Fault) {
    var next = 576
    for component in XSAVEComponent.all where mask >> UInt64(component.bit) & 1 != 0 {
      try body(component, compact ? next : Int(component.offset))
      next += Int(component.size)
    }
  }

  /// Registers that exist in the current mode: 16 in 64-bit mode, else 8.
  private var vectorCount: Int { cpu.s.codeSize == 2 ? 16 : 8 }

  private func forEachXMM(_ body: (Int) -> Void) {
    for number in 0..<vectorCount {
      body(number * 8)
      body(number * 8 + 1)
    }
  }

  /// Calls `body` with (word index in the component, index into `vectors`) for each word of a vector component.
  private func forEachWord(_ component: XSAVEComponent, _ body: (Int, Int) throws(Fault) -> Void) throws(Fault) {
    switch component.bit {
    case 2:
      for number in 0..<vectorCount { for word in 0..<2 { try body(number * 2 + word, number * 8 + 2 + word) } }
    case 6:
      for number in 0..<vectorCount { for word in 0..<4 { try body(number * 4 + word, number * 8 + 4 + word) } }
    case 7 where vectorCount == 16:
      for word in 0..<128 { try body(word, 128 + word) }
    default: break
    }
  }

  private func storeComponent(_ component: XSAVEComponent, _ base: UInt64, _ offset: Int) throws(Fault) {
    switch component.bit {
    case 5: for mask in 0..<8 { try store(base, offset + mask * 8, cpu.s.opmasks[mask]) }
    case 9: try store(base, offset, UInt64(cpu.s.pkru))
    default:
      try forEachWord(component) { word, index throws(Fault) in
        try store(base, offset + word * 8, cpu.s.vectors[index])
      }
    }
  }
  /// From the area, or to the initial state when `base` is nil.
  private func loadComponent(_ component: XSAVEComponent, _ base: UInt64?, _ offset: Int) throws(Fault) {
    func word(_ at: Int) throws(Fault) -> UInt64 {
      guard let base else { return 0 }
      return try load(base, offset + at * 8)
    }
    switch component.bit {
    case 5: for mask in 0..<8 { cpu.s.opmasks[mask] = try word(mask) }
    case 9: cpu.setPKRU(UInt32(truncatingIfNeeded: try word(0)))
    default:
      try forEachWord(component) { at, index throws(Fault) in cpu.s.vectors[index] = try word(at) }
      if base != nil { cpu.noteWideVectors() }
    }
  }

  private func storeX87(_ base: UInt64) throws(Fault) {
    let wide = i.prefixes.contains(.rexW)
    for word in 0..<3 {
      let value = cpu.s.x87[word]
      try store(base, word * 8, word == 0 || wide ? value : value & 0xffff_ffff)
    }
    for word in 4..<20 { try store(base, word * 8, word & 1 == 0 ? cpu.s.x87[word] : cpu.s.x87[word] & 0xffff) }
  }
  private func loadX87(_ base: UInt64) throws(Fault) {
    let wide = i.prefixes.contains(.rexW)
    for word in 0..<3 {
      let value = try load(base, word * 8)
      cpu.s.x87[word] = word == 0 || wide ? value : value & 0xffff_ffff
    }
    for word in 4..<20 { cpu.s.x87[word] = try load(base, word * 8) }
    cpu.loadX87()
  }
  private func storeXMM(_ base: UInt64) throws(Fault) {
    for number in 0..<vectorCount {
      try store(base, 160 + number * 16, cpu.s.vectors[number * 8])
      try store(base, 168 + number * 16, cpu.s.vectors[number * 8 + 1])
    }
  }
  private func loadXMM(_ base: UInt64) throws(Fault) {
    for number in 0..<vectorCount {
      cpu.s.vectors[number * 8] = try load(base, 160 + number * 16)
      cpu.s.vectors[number * 8 + 1] = try load(base, 168 + number * 16)
    }
  }

  private func load(_ base: UInt64, _ offset: Int) throws(Fault) -> UInt64 {
    try cpu.readLinear(UInt64.self, cpu.wrap(base &+ UInt64(offset)))
  }
  private func store(_ base: UInt64, _ offset: Int, _ value: UInt64) throws(Fault) {
    try cpu.writeLinear(cpu.wrap(base &+ UInt64(offset)), value)
  }
  /// Every page of the area must take the access before the first word moves.
  private func probe(_ base: UInt64, _ size: Int) throws(Fault) {
    for offset in stride(from: 0, to: size, by: 0x1000) {
      try cpu.probeWrite(cpu.wrap(base &+ UInt64(offset)), size: min(0x1000, size - offset))
    }
  }
  private func probeRead(_ base: UInt64, _ size: Int) throws(Fault) {
    for offset in stride(from: 0, to: size, by: 0x1000) { _ = try load(base, offset & ~7) }
    _ = try load(base, (size - 1) & ~7)
  }
}

extension Cpu {
  /// XINUSE: components that are not in their initial state (x87 and SSE always count as used).
  var extendedStateInUse: UInt64 {
    func used(_ range: Range<Int>, stride step: Int, words: Range<Int>) -> Bool {
      for number in range { for word in words where s.vectors[number * step + word] != 0 { return true } }
      return false
    }
    var result: UInt64 = 3
    if used(0..<16, stride: 8, words: 2..<4) { result |= 4 }
    for mask in 0..<8 where s.opmasks[mask] != 0 { result |= 1 << 5 }
    if used(0..<16, stride: 8, words: 4..<8) { result |= 1 << 6 }
    if used(16..<32, stride: 8, words: 0..<8) { result |= 1 << 7 }
    if s.pkru != 0 { result |= 1 << 9 }
    return result
  }

  /// FNINIT's state: what XRSTOR gives when x87 is requested but absent.
  func initialiseX87() {
    for word in 0..<20 { s.x87[word] = 0 }
    s.x87[0] = 0x37f
    loadX87()
  }
}
