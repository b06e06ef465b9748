import X86ISA

/// The routines between Swift and generated code, made once for each code cache at its start.
///
/// Entry: a C function of one argument, the host address to go to. Leaving: code with the number of a `Site` in the
/// index register jumps to `slow`, which puts the guest's registers into the state block and calls the exit handler on
/// the thread's own stack; the handler answers with the host address to go on at, or 0 to return from the entry.
struct Stubs {
  /// Positions in the code cache.
  var enter = 0
  var slow = 0
  /// The same with the flags in `savedFlags` already.
  var slowKeepingFlags = 0
  /// Where the signal handler sends a host fault of generated code.
  var fault = 0
  /// Where misses of the translation cache go first: see `makeProbe`, and `Probe` for the order.
  var probes: [Int] = []
  /// Where indirect jumps go, for each view, that the jump cache has another target in the place of.
  var otherJumps: [Int] = []
  /// Load and store the guest's vectors at each width: index 1 SSE, 2 AVX, 3 AVX-512.
  var loadVectors = [0, 0, 0, 0]
  var saveVectors = [0, 0, 0, 0]

  /// The site number that stands for a host fault.
  static let faultSite: UInt32 = 0xffff_ffff
  /// Callee-saved registers of the C calling convention.
  private static let calleeSaved: [UInt8] = [3, 5, 12, 13, 14, 15]
  /// The guest's registers in host registers; RSP goes last.
  private static let mapped: [UInt8] = [0, 1, 2, 3, 5, 6, 7, 8, 9, 12, 13, 14, 15, 4]

  init() {}

  static func make(_ e: inout Emitter, _ offsets: Offsets) -> Stubs {
    var stubs = Stubs()
    for level in 1...3 {
      stubs.loadVectors[level] = e.position
      e.moveVectors(level, offsets, store: false)
      stubs.saveVectors[level] = e.position
      e.moveVectors(level, offsets, store: true)
    }
    stubs.enter = e.position
    for register in calleeSaved { e.push(register) }
    e.group1(5, Host.rsp, 8, wide: true)
    e.store(Host.rsp, offsets.hostStack)
    e.move(Host.rax, Host.rdi)
    let resume = e.position
    e.store(Host.rax, offsets.resume)
    e.load32(Host.rax, offsets.savedFlags)
    e.restoreFlags()
    for register in mapped { e.load(register, VcpuLayout.register(register)) }
    e.jumpState(offsets.resume)
    stubs.fault = e.position
    e.immediate(Host.index, UInt64(faultSite))
    makeSlow(&e, offsets, &stubs, resume)
    for probe in Probe.all {
      stubs.probes.append(e.position)
      makeProbe(&e, offsets, probe, stubs)
    }
    for view in 0..<VcpuLayout.views {
      stubs.otherJumps.append(e.position)
      makeOtherJump(&e, offsets, view, stubs)
    }
    return stubs
  }

  /// The target may stand in the jump cache's other place. The site's number is in the index register, the target in the
  /// address register, flags are in `savedFlags`.
  private static func makeOtherJump(_ e: inout Emitter, _ offsets: Offsets, _ view: Int, _ stubs: Stubs) {
    e.store(Host.index, offsets.probeSite)
    e.jumpIndex(Host.index, Host.address)
    e.group1(6, Host.index, Int32(VcpuLayout.otherJump * VcpuLayout.jumpEntryBytes), wide: false)
    e.indexed(0x3b, Host.address, base: Host.index, offsets.jumps[view])
    let miss = e.jumpIf(HostCondition.notEqual)
    e.indexed(0xff, 4, base: Host.index, offsets.jumps[view] + 8, wide: false)
    e.patch(miss, to: e.position)
    e.load(Host.index, offsets.probeSite)
    e.jump(to: stubs.slowKeepingFlags)
  }

  func probe(_ probe: Probe) -> Int { probes[probe.number] }

  /// A second look before Swift is bothered: the page may stand in its entry's other way, and changes places with what is in
  /// the first one; or the near entry holds another page than the one that the translation cache has. Then the access
  /// starts over.
  ///
  /// The site's number in the index register, the linear address in the address register, flags as `probe` says.
  private static func makeProbe(_ e: inout Emitter, _ offsets: Offsets, _ probe: Probe, _ stubs: Stubs) {
    let emptyNearTag = TLBEntry.emptyNear().tagWrite
    let tags = probe.isWrite ? offsets.tagWrite[probe.view] : offsets.tagRead[probe.view]
    let fields =
      [\TLBEntry.tagRead, \TLBEntry.addend, \TLBEntry.physicalPage, \TLBEntry.tagWrite]
      as [PartialKeyPath<TLBEntry>]
    e.store(Host.rax, offsets.probeRAX)
    if !probe.keepsFlags {
      e.captureFlags()
      e.store32(Host.rax, offsets.savedFlags)
    }
    e.store(Host.rcx, offsets.probeRCX)
    e.store(Host.rdx, offsets.probeRDX)
    e.store(Host.index, offsets.probeSite)
    e.tlbIndex(Host.index, Host.address)
    var misses: [Int] = []
    let inFirst = e.jumpIfInPage(HostCondition.notAbove) { $0.indexed(0x2b, Host.rax, base: Host.index, tags) }
    if probe.isNear {
      e.group1(6, Host.index, Int32(EngineState.otherWay * MemoryLayout<TLBEntry>.stride), wide: false)
      misses.append(e.jumpIfInPage(HostCondition.above) { $0.indexed(0x2b, Host.rax, base: Host.index, tags) })
      e.patch(inFirst, to: e.position)
      e.move32(Host.rdx, Host.index)
      e.load(Host.index, offsets.probeSite)
      e.siteAddress(Host.index, offsets)
      e.nearOffset(Host.rcx, ofSite: Host.index)
      // It has the page: then the access crosses into the next one.
      let held = probe.isWrite ? offsets.nearTagWrite[probe.view] : offsets.nearTagRead[probe.view]
      misses.append(e.jumpIfInPage(HostCondition.notAbove) { $0.indexed(0x2b, Host.rax, base: Host.rcx, held) })
      e.storeImmediate32(1, offsets.nearUsed)
      e.move32(Host.rax, Host.rcx)
      e.shift(
        5, Host.rax, UInt8((VcpuLayout.nearGroup * MemoryLayout<TLBEntry>.stride).trailingZeroBitCount), wide: false)
      // mov byte [used + rax], 1
      e.bytes(0x65, 0xc6, 0x80)
      e.word(offsets.nearGroupsUsed)
      e.byte(1)
      for field in fields {
        e.indexed(0x8b, Host.rax, base: Host.rdx, VcpuLayout.tlbField(view: probe.view, field))
        e.indexed(0x89, Host.rax, base: Host.rcx, VcpuLayout.nearField(view: probe.view, field))
      }
      // RAX has the tag for writing. The table's empty tag is no page that selects the entry; any may be compared with the
      // near entry's.
      e.indexed(0x3b, Host.rax, base: Host.rdx, offsets.tagRead[probe.view])
      let isWritable = e.jumpIfShort(HostCondition.equal)
      e.immediate(Host.rax, emptyNearTag)
      e.indexed(0x89, Host.rax, base: Host.rcx, offsets.nearTagWrite[probe.view])
      e.patchShort(isWritable, to: e.position)
    } else {
      // The access crosses a page; or there is room in the first way, which only `resolve` may fill.
      misses.append(inFirst)
      e.indexed(0x83, 7, base: Host.index, VcpuLayout.tlbField(view: probe.view, \.physicalPage))
      e.byte(0)
      misses.append(e.jumpIf(HostCondition.equal))
      e.move32(Host.rcx, Host.index)
      e.group1(6, Host.rcx, Int32(EngineState.otherWay * MemoryLayout<TLBEntry>.stride), wide: false)
      misses.append(e.jumpIfInPage(HostCondition.above) { $0.indexed(0x2b, Host.rax, base: Host.rcx, tags) })
      for field in fields {
        let offset = VcpuLayout.tlbField(view: probe.view, field)
        e.indexed(0x8b, Host.rax, base: Host.index, offset)
        e.indexed(0x8b, Host.rdx, base: Host.rcx, offset)
        e.indexed(0x89, Host.rdx, base: Host.index, offset)
        e.indexed(0x89, Host.rax, base: Host.rcx, offset)
      }
    }
    e.load(Host.rcx, offsets.probeRCX)
    e.load(Host.rdx, offsets.probeRDX)
    e.load(Host.index, offsets.probeSite)
    e.siteAddress(Host.index, offsets)
    // Too often: Swift has the block made again with the second look in place.
    e.field(0xff, 1, of: Host.index, \.distance)
    misses.append(e.jumpIf(HostCondition.sign))
    e.field(0x8b, Host.index, of: Host.index, \.retry)
    e.state(0x03, Host.index, offsets.code)
    e.store(Host.index, offsets.resume)
    e.load32(Host.rax, offsets.savedFlags)
    e.restoreFlags()
    e.load(Host.rax, offsets.probeRAX)
    e.jumpState(offsets.resume)
    for miss in misses { e.patch(miss, to: e.position) }
    e.load(Host.rcx, offsets.probeRCX)
    e.load(Host.rdx, offsets.probeRDX)
    e.load(Host.index, offsets.probeSite)
    e.load(Host.rax, offsets.probeRAX)
    e.jump(to: stubs.slowKeepingFlags)
  }

  private static func makeSlow(_ e: inout Emitter, _ offsets: Offsets, _ stubs: inout Stubs, _ resume: Int) {
    stubs.slow = e.position
    e.store(Host.rax, VcpuLayout.register(Host.rax))
    e.captureFlags()
    e.store32(Host.rax, offsets.savedFlags)
    let join = e.jump()
    stubs.slowKeepingFlags = e.position
    e.store(Host.rax, VcpuLayout.register(Host.rax))
    e.patch(join, to: e.position)
    for register in mapped where register != Host.rax { e.store(register, VcpuLayout.register(register)) }
    e.store(Host.address, offsets.linear)
    e.load(Host.rsp, offsets.hostStack)
    e.load(Host.rdi, offsets.block)
    e.move32(Host.rsi, Host.index)
    e.compareState(offsets.vectorsLive, 0)
    let live = e.jumpIf(HostCondition.notEqual)
    e.callState(offsets.handler)
    e.registers(0x85, Host.rax, Host.rax)
    e.jumpIf(HostCondition.notEqual, to: resume)
    let leave = e.position
    e.group1(0, Host.rsp, 8, wide: true)
    for register in calleeSaved.reversed() { e.pop(register) }
    e.byte(0xc3)
    // With the guest's vectors in the host's registers: put away before, taken back when generated code goes on.
    e.patch(live, to: e.position)
    e.callState(offsets.saveVectors)
    e.callState(offsets.handler)
    e.registers(0x85, Host.rax, Host.rax)
    e.jumpIf(HostCondition.equal, to: leave)
    // lea r11, [rip + resume]; the loader ends with a jump there.
    e.bytes(0x4c, 0x8d, 0x1d)
    e.word(UInt32(0))
    e.patch(e.position - 4, to: resume)
    e.jumpState(offsets.loadVectors)
  }
}

/// The kinds of misses: one routine for each.
struct Probe {
  /// Data view in force.
  var view: Int
  var isWrite: Bool
  /// The near entry that missed; nil: it was one of the table.
  var near: UInt16?
  /// The flags are in `savedFlags`, else in RFLAGS.
  var keepsFlags: Bool

  var isNear: Bool { near != nil }
  /// From the view's first near entry.
  var nearOffset: Int32 { Int32(near ?? 0) * Int32(MemoryLayout<TLBEntry>.stride) }

  /// The same routine serves all near entries.
  var number: Int { view * 8 + (isWrite ? 4 : 0) + (isNear ? 2 : 0) + (keepsFlags ? 1 : 0) }
  static let all: [Probe] = (0..<3 * 8).map {
    Probe(view: $0 / 8, isWrite: $0 & 4 != 0, near: $0 & 2 != 0 ? 0 : nil, keepsFlags: $0 & 1 != 0)
  }
}

extension Emitter {
  /// Offset of the entry that an address selects, from the view's table. Spoils flags.
  mutating func tlbIndex(_ to: UInt8, _ address: UInt8) {
    rotateRight(to, address, 12 - UInt8(MemoryLayout<TLBEntry>.stride.trailingZeroBitCount))
    group1(4, to, Int32((EngineState.tlbCount - 1) * MemoryLayout<TLBEntry>.stride), wide: false)
  }
  /// Offset of the entry that a jump's target selects, from the view's jump cache. Spoils flags.
  mutating func jumpIndex(_ to: UInt8, _ address: UInt8) {
    rotateRight(to, address, 60)
    registers(0x33, to, address, wide: false)
    group1(4, to, Int32((VcpuLayout.jumpCount - 1) * VcpuLayout.jumpEntryBytes), wide: false)
  }
  /// Jumps by whether the address register lies in the page of a tag, which `subtract` takes from RAX.
  fileprivate mutating func jumpIfInPage(_ condition: UInt8, _ subtract: (inout Emitter) -> Void) -> Int {
    move(Host.rax, Host.address)
    subtract(&self)
    group1(7, Host.rax, 0xfff, wide: true)
    return jumpIf(condition)
  }
  /// The site's number in a register (r8...r15) becomes its address.
  fileprivate mutating func siteAddress(_ register: UInt8, _ offsets: Offsets) {
    // imul register, register, stride
    bytes(0x4d, 0x69, 0xc0 | (register & 7) << 3 | register & 7)
    word(UInt32(MemoryLayout<Site>.stride))
    state(0x03, register, offsets.sites)
  }
  /// Offset of a site's near entry from its view's first one.
  fileprivate mutating func nearOffset(_ to: UInt8, ofSite site: UInt8) {
    // movzx to, word [site + near]
    bytes(0x41, 0x0f, 0xb7)
    byte(0x80 | to << 3 | site & 7)
    word(UInt32(MemoryLayout<Site>.offset(of: \Site.near) ?? 0))
    shift(4, to, UInt8(MemoryLayout<TLBEntry>.stride.trailingZeroBitCount), wide: false)
  }
  /// `opcode reg32, [site + offset of a field]`, both registers r8...r15 or `reg` an extension of the opcode.
  fileprivate mutating func field(_ opcode: UInt8, _ reg: UInt8, of site: UInt8, _ field: PartialKeyPath<Site>) {
    bytes(0x41 | (reg & 8 != 0 ? 4 : 0), opcode, 0x80 | (reg & 7) << 3 | site & 7)
    word(UInt32(MemoryLayout<Site>.offset(of: field) ?? 0))
  }

  fileprivate mutating func push(_ register: UInt8) {
    if register & 8 != 0 { byte(0x41) }
    byte(0x50 | register & 7)
  }
  fileprivate mutating func pop(_ register: UInt8) {
    if register & 8 != 0 { byte(0x41) }
    byte(0x58 | register & 7)
  }

  /// Loads or stores every vector register at a width, and MXCSR. Storing is called and returns; loading jumps on to
  /// the address register.
  fileprivate mutating func moveVectors(_ level: Int, _ offsets: Offsets, store: Bool) {
    for number in UInt8(0)..<(level == 3 ? 32 : 16) {
      vector(number, level, offsets.vectors + Int32(number) * 64, store: store)
    }
    if level == 3 {
      for number in UInt8(0)..<8 {
        // KMOVQ
        byte(0x65)
        bytes(0xc4, 0xe1)
        bytes(0xf8, store ? 0x91 : 0x90)
        stateOperand(number, offsets.opmasks + Int32(number) * 8)
      }
    }
    if store {
      if level > 1 { bytes(0xc5, 0xf8, 0x77) }
      mxcsr(3, offsets.mxcsr)
      mxcsr(2, offsets.hostMXCSR)
      storeImmediate32(0, offsets.vectorsLive)
      byte(0xc3)
    } else {
      mxcsr(2, offsets.mxcsr)
      storeImmediate32(1, offsets.vectorsLive)
      bytes(0x41, 0xff, 0xe3)
    }
  }

  private mutating func vector(_ number: UInt8, _ level: Int, _ offset: Int32, store: Bool) {
    byte(0x65)
    switch level {
    case 1:
      if number >= 8 { byte(0x44) }
      bytes(0x0f, store ? 0x11 : 0x10)
    case 2: bytes(0xc5, number & 8 == 0 ? 0xfe : 0x7e, store ? 0x7f : 0x6f)
    default:
      let p0 = (number & 8 == 0 ? 0x80 : 0) | 0x60 | (number & 16 == 0 ? 0x10 : 0) | 0x01 as UInt8
      bytes(0x62, p0, 0xfe)
      bytes(0x48, store ? 0x7f : 0x6f)
    }
    stateOperand(number, offset)
  }
  private mutating func mxcsr(_ operation: UInt8, _ offset: Int32) {
    byte(0x65)
    bytes(0x0f, 0xae)
    stateOperand(operation, offset)
  }
  private mutating func stateOperand(_ register: UInt8, _ offset: Int32) {
    bytes((register & 7) << 3 | 4, 0x25)
    word(offset)
  }
}
