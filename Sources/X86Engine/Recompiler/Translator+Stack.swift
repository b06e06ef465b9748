import X86ISA

// Stack operations, calls and returns.
extension Translator {
  /// Bytes of the stack pointer: 2, 4 or 8.
  private var stackSize: Int { isLong ? 8 : key.hasBigStack ? 4 : 2 }

  /// `rSP + displacement` at the stack's width into the address register.
  private mutating func emitStackOffset(_ displacement: Int32) {
    emitter.address(Host.address, base: Host.rsp, displacement, size: isLong ? 8 : 4)
    if stackSize == 2 { emitter.zeroExtend16(Host.address, Host.address) }
  }
  mutating func moveStack(by displacement: Int32) {
    if inGroup {
      stackMoved += displacement
      stackPending += displacement
      return
    }
    emitter.address(Host.rsp, base: Host.rsp, displacement, size: stackSize)
  }

  /// Host address of the slot at `rSP + displacement`.
  mutating func emitStackSlot(
    _ index: Int, _ displacement: Int32, size: Int, isWrite: Bool, flags: FlagPlace = .host, retry: Int
  ) {
    if inGroup {
      slot = slotInGroup(index, stackOffset: displacement)
      return
    }
    emitStackOffset(displacement)
    emitCheck(
      Access(
        index: index, size: size, isWrite: isWrite, segment: 2, base: Host.rsp, flags: flags, retry: retry))
  }

  /// `mov` between a register and `[address]`, at `size` bytes; 16-bit loads keep the rest.
  mutating func emitSlotMove(_ opcode: UInt8, _ register: UInt8, size: Int) {
    if size == 2 { emitter.byte(0x66) }
    emitter.bytes(0x41 | (size == 8 ? 8 : 0) | (register & 8 != 0 ? 4 : 0), opcode)
    emitter.memory(register, base: Host.address, index: nil, scale: 0, slot)
  }

  mutating func emitPush(_ index: Int) {
    let i = instructions[index]
    let size = Int(i.operandSize)
    let retry = emitter.position
    let fromMemory = i.prefixes.contains(.memory)
    if fromMemory {
      emitOperandAddress(index)
      emitSlotMove(0x8b, Host.index, size: size)
      emitter.store(Host.index, offsets.temporary2)
    }
    emitStackSlot(index, Int32(-size), size: size, isWrite: true, retry: retry)
    if fromMemory {
      emitter.load(Host.index, offsets.temporary2)
      emitSlotMove(0x89, Host.index, size: size)
    } else if i.immediateOffset != 0 {
      emitSlotImmediate(i.immediate, size: size)
    } else {
      let register = i.modRMOffset != 0 ? i.rm : i.reg
      if Self.isScratch(register) { emitter.load(Host.index, VcpuLayout.register(register)) }
      emitSlotMove(0x89, Self.isScratch(register) ? Host.index : register, size: size)
    }
    moveStack(by: Int32(-size))
    finishAccess()
  }

  /// Stores a constant to `[address]`.
  private mutating func emitSlotImmediate(_ value: UInt64, size: Int) {
    let low = UInt32(truncatingIfNeeded: value)
    if size == 8 && UInt64(bitPattern: Int64(Int32(bitPattern: low))) != value {
      emitter.immediate(Host.index, value)
      return emitSlotMove(0x89, Host.index, size: 8)
    }
    if size == 2 { emitter.byte(0x66) }
    emitter.bytes(0x41 | (size == 8 ? 8 : 0), 0xc7)
    emitter.memory(0, base: Host.address, index: nil, scale: 0, slot)
    if size == 2 {
      emitter.bytes(UInt8(truncatingIfNeeded: low), UInt8(truncatingIfNeeded: low >> 8))
    } else {
      emitter.word(low)
    }
  }

  mutating func emitPop(_ index: Int) {
    let i = instructions[index]
    let size = Int(i.operandSize)
    let register = i.modRMOffset != 0 ? i.rm : i.reg
    emitStackSlot(index, 0, size: size, isWrite: false, retry: emitter.position)
    if Self.isScratch(register) {
      if size < 4 { emitter.load(Host.index, VcpuLayout.register(register)) }
      emitSlotMove(0x8b, Host.index, size: size)
      emitter.store(Host.index, VcpuLayout.register(register))
    } else {
      emitSlotMove(0x8b, register, size: size)
    }
    moveStack(by: Int32(size))
    finishAccess()
  }

  mutating func emitLeave(_ index: Int) {
    let size = Int(instructions[index].operandSize)
    let retry = emitter.position
    emitter.address(Host.address, base: Host.rbp, 0, size: isLong ? 8 : 4)
    emitCheck(Access(index: index, size: size, isWrite: false, segment: 2, base: Host.rbp, retry: retry))
    emitSlotMove(0x8b, Host.index, size: size)
    emitter.address(Host.rsp, base: Host.rbp, Int32(size), size: stackSize)
    emitter.registers(0x8b, Host.rbp, Host.index, wide: size == 8)
    finishAccess()
  }

  mutating func emitCall(_ index: Int) {
    let size = Int(instructions[index].operandSize)
    emitStackSlot(index, Int32(-size), size: size, isWrite: true, retry: emitter.position)
    emitSlotImmediate(rip &+ UInt64(starts[index + 1]), size: size)
    moveStack(by: Int32(-size))
    settleStack()
    finishAccess(isTransfer: true)
    emitExit(to: target(index), live: plans[index].liveBehind)
  }

  mutating func emitReturn(_ index: Int) {
    let i = instructions[index]
    let size = Int(i.operandSize)
    let retry = emitter.position
    if !flagsAreStored { storeSavedFlags() }
    emitStackSlot(index, 0, size: size, isWrite: false, flags: .state, retry: retry)
    emitTargetLoad(size)
    let moved = Int32(size) + Int32(truncatingIfNeeded: i.immediate & 0xffff)
    moveStack(by: moved)
    settleStack()
    finishAccess(isTransfer: true)
    emitIndirectJump(index, stackMoved: moved)
  }

  /// Reads a jump's target from `[address]` into the address register.
  private mutating func emitTargetLoad(_ size: Int) {
    switch size {
    case 2:
      emitter.bytes(0x45, 0x0f)
      emitter.bytes(0xb7, 0x1b)
    default: emitSlotMove(0x8b, Host.address, size: size)
    }
  }

  /// JMP and CALL through a register or memory.
  mutating func emitIndirectTransfer(_ index: Int) {
    let i = instructions[index]
    let size = Int(i.operandSize)
    let retry = emitter.position
    storeSavedFlags()
    if i.prefixes.contains(.memory) {
      emitOperandAddress(index, flags: .state)
      emitTargetLoad(size)
    } else {
      if Self.isScratch(i.rm) { loadScratch(i.rm) }
      if size == 2 {
        emitter.zeroExtend16(Host.address, i.rm)
      } else {
        emitter.registers(0x8b, Host.address, i.rm, wide: size == 8)
      }
    }
    let isCall = plans[index].treatment == .callIndirect
    if isCall {
      emitTargetCheck(index)
      emitter.store(Host.address, offsets.temporary2)
      emitStackSlot(
        index, Int32(-size), size: size, isWrite: true, flags: .state, retry: retry)
      emitSlotImmediate(rip &+ UInt64(starts[index + 1]), size: size)
      moveStack(by: Int32(-size))
      emitter.load(Host.address, offsets.temporary2)
    }
    finishAccess(isTransfer: true)
    emitIndirectJump(index, stackMoved: isCall ? Int32(-size) : 0)
  }

  /// A call whose target faults must not have pushed: such targets are the interpreter's. The flags are in `savedFlags`.
  private mutating func emitTargetCheck(_ index: Int) {
    let site = newSite(.interpretLast, index)
    if isLong {
      // Canonical with 48 bits; whether 57 count is for the interpreter to say.
      emitter.move(Host.index, Host.address)
      emitter.shift(4, Host.index, 16)
      emitter.shift(7, Host.index, 16)
      emitter.registers(0x3b, Host.index, Host.address)
      cold.append(.leave(jump: emitter.jumpIf(HostCondition.notEqual), site: site, flags: .state))
    } else if !key.hasFlatCode {
      emitter.group1(7, Host.address, Int32(bitPattern: cpu.s.segments[Seg.cs].limit), wide: false)
      cold.append(.leave(jump: emitter.jumpIf(HostCondition.above), site: site, flags: .state))
    }
  }
}
