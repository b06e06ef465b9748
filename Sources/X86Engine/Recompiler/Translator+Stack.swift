import X86ISA

// Stack operations, calls and returns.
extension Translator {
  /// Bytes of the stack pointer: 2, 4 or 8.
  private var stackSize: Int { isLong ? 8 : key.hasBigStack ? 4 : 2 }

  /// `rSP + displacement` at the stack's width into the address register; the answer says what it is made of, if accesses
  /// may name that as it stands.
  private mutating func emitStackOffset(_ displacement: Int32) -> Access.Source? {
    if isLong || key.hasBigStack && key.hasFlatStack {
      let source = Access.Source(base: Host.rsp, displacement: displacement)
      emitSource(source)
      return source
    }
    emitter.address(Host.address, base: Host.rsp, displacement, size: 4)
    if stackSize == 2 { emitter.zeroExtend16(Host.address, Host.address) }
    return nil
  }
  mutating func moveStack(by displacement: Int32) {
    if inGroup {
      stackPending += displacement
      return
    }
    emitter.address(Host.rsp, base: Host.rsp, displacement, size: stackSize)
  }

  /// Makes the slot at `rSP + displacement` the operand.
  mutating func emitStackSlot(
    _ index: Int, _ displacement: Int32, size: Int, isWrite: Bool, flags: FlagPlace = .host, retry: Int
  ) {
    if inGroup {
      operand = stackOperandInGroup(displacement)
      return
    }
    let source = emitStackOffset(displacement)
    emitCheck(
      Access(
        index: index, size: size, isWrite: isWrite, segment: 2, base: Host.rsp, source: source, flags: flags,
        retry: retry))
  }

  /// `mov` between a register and the operand, at `size` bytes; 16-bit loads keep the rest.
  mutating func emitSlotMove(_ opcode: UInt8, _ register: UInt8, size: Int) {
    if size == 2 { emitter.byte(0x66) }
    emitter.bytes(0x40 | (size == 8 ? 8 : 0) | (register & 8 != 0 ? 4 : 0) | operand.rex, opcode)
    emitter.memory(register, operand)
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
      freeIndexRegister()
      emitter.load(Host.index, offsets.temporary2)
      emitSlotMove(0x89, Host.index, size: size)
    } else if i.immediateOffset != 0 {
      emitSlotImmediate(i.immediate, size: size)
    } else {
      let register = i.modRMOffset != 0 ? i.rm : i.reg
      if Self.isScratch(register) {
        freeIndexRegister()
        emitter.load(Host.index, VcpuLayout.register(register))
      }
      emitSlotMove(0x89, Self.isScratch(register) ? Host.index : register, size: size)
    }
    moveStack(by: Int32(-size))
    finishAccess()
  }

  /// Stores a constant to the operand.
  private mutating func emitSlotImmediate(_ value: UInt64, size: Int) {
    let low = UInt32(truncatingIfNeeded: value)
    if size == 8 && UInt64(bitPattern: Int64(Int32(bitPattern: low))) != value {
      freeIndexRegister()
      emitter.immediate(Host.index, value)
      return emitSlotMove(0x89, Host.index, size: 8)
    }
    if size == 2 { emitter.byte(0x66) }
    emitter.bytes(0x40 | (size == 8 ? 8 : 0) | operand.rex, 0xc7)
    emitter.memory(0, operand)
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
      if size < 4 {
        freeIndexRegister()
        emitter.load(Host.index, VcpuLayout.register(register))
      }
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
    let isFlat = isLong || key.hasFlatStack
    let source = isFlat ? Access.Source(base: Host.rbp) : nil
    if let source { emitSource(source) } else { emitter.address(Host.address, base: Host.rbp, 0, size: 4) }
    emitCheck(
      Access(index: index, size: size, isWrite: false, segment: 2, base: Host.rbp, source: source, retry: retry))
    emitSlotMove(0x8b, Host.index, size: size)
    emitter.address(Host.rsp, base: Host.rbp, Int32(size), size: stackSize)
    emitter.registers(0x8b, Host.rbp, Host.index, wide: size == 8)
    finishAccess()
  }

  mutating func emitCall(_ index: Int) {
    let size = Int(instructions[index].operandSize)
    emitStackSlot(index, Int32(-size), size: size, isWrite: true, retry: emitter.position)
    emitSlotImmediate(rip &+ UInt64(ends[index]), size: size)
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

  /// Reads a jump's target from the operand into the address register.
  private mutating func emitTargetLoad(_ size: Int) {
    guard size == 2 else { return emitSlotMove(0x8b, Host.address, size: size) }
    // movzx r11d, word [operand]
    emitter.bytes(0x44 | operand.rex, 0x0f, 0xb7)
    emitter.memory(Host.address, operand)
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
      emitSlotImmediate(rip &+ UInt64(ends[index]), size: size)
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
