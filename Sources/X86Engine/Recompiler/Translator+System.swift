import X86ISA

// System instructions that kernels execute all the time, done in place where they cannot fault.
extension Translator {
  /// PUSHF: the status flags from the host, the rest from the state block.
  mutating func emitPushFlags(_ index: Int) {
    let size = Int(instructions[index].operandSize)
    let retry = emitter.position
    saveToAX()
    emitter.store32(Host.rax, offsets.savedFlags)
    // movzx r10d, al; shl r10d, 11
    emitter.bytes(0x44, 0x0f)
    emitter.bytes(0xb6, 0xd0)
    emitter.shift(4, Host.index, 11, wide: false)
    // movzx r11d, byte gs:[savedFlags + 1]
    emitter.byte(0x65)
    emitter.bytes(0x44, 0x0f, 0xb6)
    emitter.bytes(0x1c, 0x25)
    emitter.word(offsets.savedFlags + 1)
    emitter.group1(4, Host.address, 0xd5, wide: false)
    emitter.registers(0x0b, Host.index, Host.address, wide: false)
    emitter.state(0x0b, Host.index, offsets.systemFlags)
    emitter.store(Host.index, offsets.temporary2)
    emitStackSlot(index, Int32(-size), size: size, isWrite: true, flags: .ax, retry: retry)
    freeIndexRegister()
    emitter.load(Host.index, offsets.temporary2)
    emitSlotMove(0x89, Host.index, size: size)
    moveStack(by: Int32(-size))
    restoreFromAX()
    finishAccess()
  }

  /// `op dword gs:[offset], immediate32`, with live flags kept.
  private mutating func changeState(_ index: Int, _ operation: UInt8, _ value: UInt32, _ offset: Int32) {
    let live = plans[index].liveBefore != 0
    if live { saveToAX() }
    emitter.state(0x81, operation, offset, wide: false)
    emitter.word(value)
    if live { restoreFromAX() }
  }

  /// CLI and STI at CPL 0.
  mutating func emitInterruptFlag(_ index: Int, set: Bool) {
    let bit = UInt32(RFLAGS.if)
    changeState(index, set ? 1 : 4, set ? bit : ~bit, offsets.systemFlags)
  }

  /// STAC and CLAC: another translation cache from here on.
  mutating func emitAccessFlag(_ index: Int, set: Bool) {
    let bit = UInt32(RFLAGS.ac)
    changeState(index, set ? 1 : 4, set ? bit : ~bit, offsets.systemFlags)
    view = set ? 1 : 2
    emitter.storeImmediate32(UInt32(view), offsets.dataTLB)
  }

  /// Behind the instruction that follows STI: interrupts that waited are taken now.
  mutating func emitEventCheck(_ index: Int) {
    let site = newSite(.pause, index + 1)
    if plans[index].liveBehind == 0 {
      emitter.compareState(offsets.events, 0)
      cold.append(.leave(jump: emitter.jumpIf(HostCondition.notEqual), site: site, flags: .host))
      return
    }
    emitter.move(Host.index, Host.rcx)
    emitter.load32(Host.rcx, offsets.events)
    let quiet = emitter.jumpIfRCXZero()
    emitter.move(Host.rcx, Host.index)
    cold.append(.leave(jump: emitter.jump(), site: site, flags: .host))
    emitter.patchShort(quiet, to: emitter.position)
    emitter.move(Host.rcx, Host.index)
  }

  /// RDTSC: the host's counter and the guest's offset.
  mutating func emitTimeStamp(_ index: Int) {
    let live = plans[index].liveBefore != 0
    if live { storeSavedFlags() }
    emitter.bytes(0x0f, 0x31)
    emitter.shift(4, Host.rdx, 32)
    emitter.registers(0x0b, Host.rax, Host.rdx)
    emitter.state(0x03, Host.rax, offsets.tscOffset)
    emitter.move(Host.rdx, Host.rax)
    emitter.shift(5, Host.rdx, 32)
    emitter.move32(Host.rax, Host.rax)
    if live { loadSavedFlags() }
  }

  /// PAUSE. Who spins for long waits for a vCPU whose thread the host may have put aside, and lets go of the processor.
  mutating func emitSpin(_ index: Int) {
    emitter.bytes(0xf3, 0x90)
    guard plans[index].liveBehind == 0 else { return }
    let site = newSite(.spin, index + 1)
    // dec dword gs:[spinsLeft]
    emitter.state(0xff, 1, offsets.spinsLeft, wide: false)
    cold.append(.leave(jump: emitter.jumpIf(HostCondition.sign), site: site, flags: .host))
    edit(site) { $0.resume = UInt32(emitter.position) }
  }

  mutating func emitSwapGS() {
    emitter.load(Host.index, offsets.gsBase)
    emitter.load(Host.address, offsets.kernelGSBase)
    emitter.store(Host.index, offsets.kernelGSBase)
    emitter.store(Host.address, offsets.gsBase)
    emitter.store(Host.address, offsets.fastBase[Seg.gs])
  }
}
