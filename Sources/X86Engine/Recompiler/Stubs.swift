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
    return stubs
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

extension Emitter {
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
