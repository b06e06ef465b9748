import X86ISA

// Accesses off one base register, checked once.
//
// Function entries and exits, structures and stack frames are accessed by several instructions in a row through one
// register. The first of them checks the whole range; the others find the host address in the address register. When the range
// does not lie in one accessible page, the first instruction is interpreted, and the next ones are a block of their own; a block
// where that happens again and again is translated without groups.
extension Translator {
  /// A run of instructions whose accesses lie between `minimum` and `end`, relative to `base` before the first.
  struct Group {
    var first: Int
    var last: Int
    var base: UInt8
    var minimum: Int32
    var end: Int32
    var isWrite: Bool
  }

  /// Ranges larger than this would too often end in another page.
  private static let maximumRange: Int32 = 128

  /// One access as a group sees it.
  private struct Member {
    var base: UInt8
    var displacement: Int32
    var size: Int32
    var isWrite: Bool
  }

  /// The group that begins with the instruction at `first`, if there is one of two or more accesses.
  func findGroup(_ first: Int) -> Group? {
    guard isLong || key.codeSize == 1 && key.hasFlatData && key.hasFlatStack && key.hasBigStack else { return nil }
    guard let start = member(first, stack: 0) else { return nil }
    var group = Group(
      first: first, last: first, base: start.base, minimum: start.displacement,
      end: start.displacement + start.size, isWrite: start.isWrite)
    var stack: Int32 = 0
    var members = 1
    var index = first
    while index < plans.count {
      if index > first {
        if let next = member(index, stack: stack) {
          guard next.base == group.base else { break }
          let minimum = min(group.minimum, next.displacement)
          let end = max(group.end, next.displacement + next.size)
          guard end - minimum <= Self.maximumRange else { break }
          group.minimum = minimum
          group.end = end
          group.isWrite = group.isWrite || next.isWrite
          group.last = index
          members += 1
        } else if !canStandBetween(index) {
          break
        }
      }
      guard !plans[index].treatment.endsBlock, let moved = stackMovement(index) else { break }
      stack += moved
      if writes(index, group.base) && !(group.base == Host.rsp && movesStackOnly(index)) { break }
      index += 1
    }
    return members > 1 ? group : nil
  }

  /// The access of an instruction, if a group can hold it. `stack`: how far RSP has moved since the group's start.
  private func member(_ index: Int, stack: Int32) -> Member? {
    let i = instructions[index]
    let size = Int32(i.operandSize)
    switch plans[index].treatment {
    case .copyMemory:
      guard i.base < 16, !Self.isScratch(i.base), i.index == Instruction.noRegister, !plans[index].isMasked,
        plans[index].size <= 32, i.addressSize == (isLong ? 8 : 4), i.segment != 1 && i.segment < 4
      else { return nil }
      let displacement = Int64(bitPattern: i.displacement)
      guard displacement >= -0x10_0000, displacement < 0x10_0000 else { return nil }
      let offset = Int32(displacement) + (i.base == Host.rsp ? stack : 0)
      return Member(
        base: i.base, displacement: offset, size: Int32(plans[index].size), isWrite: plans[index].writes)
    case .push:
      guard !i.prefixes.contains(.memory) else { return nil }
      return Member(base: Host.rsp, displacement: stack - size, size: size, isWrite: true)
    case .pop: return Member(base: Host.rsp, displacement: stack, size: size, isWrite: false)
    case .call: return Member(base: Host.rsp, displacement: stack - size, size: size, isWrite: true)
    case .ret: return Member(base: Host.rsp, displacement: stack, size: size, isWrite: false)
    default: return nil
    }
  }

  /// Instructions without an access that leave the address register alone.
  private func canStandBetween(_ index: Int) -> Bool {
    let i = instructions[index]
    switch plans[index].treatment {
    case .nothing: return true
    case .increment32: return true
    case .lea: return i.operandSize >= 4 && i.addressSize >= 4 && !names(i, Host.address) && !Self.isScratch(i.reg)
    case .copy: return !names(i, Host.address)
    default: return false
    }
  }

  private func names(_ i: Instruction, _ register: UInt8) -> Bool {
    i.base == register || i.index == register || i.reg == register || i.rm == register || i.vvvv == register
  }

  /// How far an instruction moves RSP; nil when that is not known.
  private func stackMovement(_ index: Int) -> Int32? {
    let i = instructions[index]
    switch plans[index].treatment {
    case .push: return -Int32(i.operandSize)
    case .pop: return Int32(i.operandSize)
    default: break
    }
    guard writes(index, Host.rsp) else { return 0 }
    return movesStackOnly(index) ? (i.op == .add ? 1 : -1) * Int32(truncatingIfNeeded: i.immediate) : nil
  }

  /// PUSH, POP, and ADD or SUB of a small constant to RSP.
  private func movesStackOnly(_ index: Int) -> Bool {
    let i = instructions[index]
    switch plans[index].treatment {
    case .push, .pop: return true
    case .copy:
      let distance = Int64(bitPattern: i.immediate)
      return (i.op == .add || i.op == .sub) && i.rm == Host.rsp && i.modRM >> 6 == 3 && i.immediateOffset != 0
        && i.operandSize == (isLong ? 8 : 4) && distance > -4096 && distance < 4096
    default: return false
    }
  }

  /// Whether an instruction may change a general register.
  func writes(_ index: Int, _ register: UInt8) -> Bool {
    let i = instructions[index]
    switch plans[index].treatment {
    case .push, .nothing: return register == Host.rsp && plans[index].treatment == .push
    case .pop:
      let target = i.modRMOffset != 0 ? i.rm : i.reg
      return target == register || register == Host.rsp
    case .lea, .increment32: return i.reg == register
    default: break
    }
    if Self.writesImplicitly.contains(i.op) && (register == 0 || register == 1 || register == 2 || register == 3) {
      return true
    }
    for place in 0..<InstructionTable.maximumOperands {
      let code = InstructionTable.operandCode(ofRow: i.row, place)
      guard code.access.contains(.write) else { continue }
      switch code.kind {
      case .gprReg, .gprOpcode: if i.reg & 63 == register || isHighByte(i.reg, of: register) { return true }
      case .gprRM: if i.rm & 63 == register { return true }
      case .gprOrMemory:
        if !i.prefixes.contains(.memory), i.rm & 63 == register || isHighByte(i.rm, of: register) { return true }
      case .gprVvvv: if i.vvvv == register { return true }
      case .accumulator: if register == 0 { return true }
      default: continue
      }
    }
    return false
  }

  private func isHighByte(_ number: UInt8, of register: UInt8) -> Bool {
    number >= Instruction.highByte && number - Instruction.highByte == register
  }

  /// Operations that change RAX, RBX, RCX or RDX without naming them.
  private static let writesImplicitly: Set<Op> = [
    .mul, .imul, .div, .idiv, .cwd, .cdq, .cqo, .cbw, .cwde, .cdqe, .lahf, .cmpxchg, .cmpxchg8b, .cmpxchg16b, .mulx,
    .xchg, .xadd, .pcmpestri, .pcmpistri, .vpcmpestri, .vpcmpistri, .pcmpestrm, .pcmpistrm, .fnstsw,
  ]

  // MARK: Emission

  /// Emits a group: one check, then every instruction of it.
  mutating func emitGroup(_ group: Group) {
    for index in group.first...group.last where plans[index].vectorLevel > 0 && !vectorsChecked {
      emitVectorCheck(plans[group.first].liveBefore)
      vectorsChecked = true
    }
    mark(starts[group.first])
    let place = placeOfFlags(group)
    let retry = emitter.position
    if place == .state { storeSavedFlags() }
    emitter.address(Host.address, base: group.base, group.minimum, size: isLong ? 8 : 4)
    if place == .ax { saveToAX() }
    emitLookUp(
      Access(
        index: group.first, size: Int(group.end - group.minimum), isWrite: group.isWrite, segment: 3,
        isStack: group.base == Host.rsp, flags: place, retry: retry), place)
    for site in accessSites { edit(site) { $0.isGroup = true } }
    accessSites.removeAll(keepingCapacity: true)
    if place == .ax { restoreFromAX() }
    inGroup = true
    flagsAreStored = place == .state
    groupOrigin = group.minimum
    stackMoved = 0
    stackPending = 0
    for index in group.first...group.last {
      mark(starts[index])
      let isPushOrPop = plans[index].treatment == .push || plans[index].treatment == .pop
      if !isPushOrPop || names(instructions[index], Host.rsp) { settleStack() }
      emitInstruction(index)
      if !isPushOrPop, let moved = stackMovement(index) { stackMoved += moved }
    }
    settleStack()
    inGroup = false
    flagsAreStored = false
    slot = 0
  }

  /// Where flags are during a group's check. A return stores them anyway, and the pops before it do not touch them.
  private func placeOfFlags(_ group: Group) -> FlagPlace {
    if plans[group.first].liveBefore == 0 { return .host }
    guard plans[group.last].treatment == .ret else { return .ax }
    let isQuiet = (group.first..<group.last).allSatisfy { plans[$0].reads | plans[$0].kills == 0 }
    return isQuiet ? .state : .ax
  }

  /// Brings RSP up to date with the pushes and pops so far.
  mutating func settleStack() {
    guard stackPending != 0 else { return }
    emitter.address(Host.rsp, base: Host.rsp, stackPending, size: isLong ? 8 : 4)
    stackPending = 0
  }

  /// Where a member's operand lies, relative to the address register.
  func slotInGroup(_ index: Int, stackOffset: Int32?) -> Int32 {
    if let stackOffset { return stackMoved + stackOffset - groupOrigin }
    let i = instructions[index]
    return Int32(truncatingIfNeeded: i.displacement) + (i.base == Host.rsp ? stackMoved : 0) - groupOrigin
  }
}
