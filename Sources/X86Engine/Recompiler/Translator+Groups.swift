import X86ISA

// Accesses off the same registers, checked once.
//
// Function entries and exits, structures, stack frames and elements of arrays are accessed by several instructions in a row
// through one register, or one and an index. The first of them checks the whole range; the others find the page's addend in the address register. When the range
// does not lie in one accessible page, the first instruction is interpreted, and the next ones are a block of their own. A block
// where that happens again and again is made again, with every access of a group by itself as well, behind the block: a frame
// that lies across two pages in one call lies inside one in the next.
//
// Where other accesses come between, the addend waits in the state block: an *anchor*. It stays good to the end of the
// block, because nothing takes a vCPU's rights to a page away but at a block's end; what Swift does for a miss on the way is
// no exception, or does not come back (`EngineState.rightsGeneration`).
extension Translator {
  /// The registers that addresses are made of.
  struct Registers: Equatable {
    var base: UInt8
    var index: UInt8?
    var scale: UInt8 = 0
  }

  /// A run of instructions whose accesses lie between `minimum` and `end`, relative to what the registers say before the
  /// first.
  struct Group {
    var first: Int
    var last: Int
    var registers: Registers
    var minimum: Int32
    var end: Int32
    var isWrite: Bool
    /// Place of the anchor in the state block that has its addend.
    var anchor: Int?
    /// Place of the anchor that is to keep it, and the last instruction that wants it.
    var kept: Int?
    var lastUse = 0
  }

  /// An addend that is kept: of the page `minimum` from where the registers point, which have moved by `moved` since.
  struct Anchor {
    var place: Int
    var registers: Registers
    var minimum: Int32
    var end: Int32
    var isWrite: Bool
    var moved: Int32 = 0
    var lastUse: Int

    func covers(_ member: Member) -> Bool {
      member.registers == registers && member.displacement + moved >= minimum
        && member.displacement + moved + member.size <= end
        && (isWrite || !member.isWrite)
    }
  }

  /// Ranges larger than this would too often end in another page.
  private static let maximumRange: Int32 = 128

  /// One access as a group sees it.
  struct Member {
    var registers: Registers
    var displacement: Int32
    var size: Int32
    var isWrite: Bool
  }

  /// The group that begins with the instruction at `first`, if there is one of two or more accesses, or one whose addend
  /// is known.
  func findGroup(_ first: Int) -> Group? {
    guard isLong || key.codeSize == 1 && key.hasFlatData && key.hasFlatStack && key.hasBigStack else { return nil }
    guard let start = member(first, moved: 0), round == 0 || hasRoomForSingles(first) else { return nil }
    let anchor = anchors.first { $0.covers(start) }
    var group = Group(
      first: first, last: first, registers: start.registers, minimum: start.displacement,
      end: start.displacement + start.size, isWrite: start.isWrite, anchor: anchor?.place)
    var moved: Int32 = 0
    var members = 1
    var index = first
    while index < plans.count {
      if index > first {
        if entersSecondPage(index) { break }
        if let next = member(index, moved: moved) {
          guard next.registers == group.registers,
            anchor.map({ $0.covers(next) }) ?? group.take(next, within: Self.maximumRange)
          else { break }
          group.last = index
          members += 1
        } else if !canStandBetween(index) {
          break
        }
      }
      guard !plans[index].treatment.endsBlock, let distance = movement(index, group.registers) else {
        index = plans.count
        break
      }
      moved += distance
      index += 1
    }
    if anchor == nil { lookAhead(&group, from: index, moved: moved) }
    return members > 1 || group.anchor != nil || group.kept != nil ? group : nil
  }

  /// Takes in what the rest of the block accesses through the same register.
  private func lookAhead(_ group: inout Group, from start: Int, moved: Int32) {
    guard mayLookAhead, !cpu.x.recompiler.leavesUnsteady, let place = freeAnchor else { return }
    var moved = moved
    var index = start
    while index < plans.count {
      if let next = member(index, moved: moved), next.registers == group.registers,
        group.take(next, within: Self.maximumRange)
      {
        group.kept = place
        group.lastUse = index
      }
      guard keepsAnchors(index), let distance = movement(index, group.registers) else { return }
      moved += distance
      index += 1
    }
  }

  private var freeAnchor: Int? {
    (0..<VcpuLayout.anchorCount).first { place in !anchors.contains { $0.place == place } }
  }

  /// An instruction behind which addends that were found before it are still good.
  private func keepsAnchors(_ index: Int) -> Bool {
    switch plans[index].treatment {
    case .copy, .copyMemory, .nothing, .lea, .push, .pop, .increment32, .jumpIf: true
    default: false
    }
  }

  /// How far an instruction moves what a group's registers say; nil when that is not known: the group ends there.
  private func movement(_ index: Int, _ registers: Registers) -> Int32? {
    if registers.base == Host.rsp { return stackMovement(index) }
    guard let scaled = registers.index else { return step(index, registers.base) }
    // The address register has the base in it.
    if writes(index, registers.base) { return nil }
    return step(index, scaled).map { $0 << Int32(registers.scale) }
  }

  /// What an instruction adds to a register: 0 when it leaves it alone, nil when it is not a small constant.
  private func step(_ index: Int, _ register: UInt8) -> Int32? {
    guard writes(index, register) else { return 0 }
    let i = instructions[index]
    guard i.operandSize == (isLong ? 8 : 4) else { return nil }
    if plans[index].treatment == .lea {
      let isStep = i.base == register && i.index == Instruction.noRegister && i.addressSize == i.operandSize
      return isStep ? Self.small(i.displacement) : nil
    }
    if plans[index].treatment == .increment32 { return i.op == .inc ? 1 : -1 }
    let isNamed = i.modRMOffset == 0 ? register == 0 : i.modRM >> 6 == 3 && i.rm == register
    guard plans[index].treatment == .copy, isNamed else { return nil }
    switch i.op {
    case .inc: return 1
    case .dec: return -1
    case .add where i.immediateOffset != 0: return Self.small(i.immediate)
    case .sub where i.immediateOffset != 0: return Self.small(i.immediate).map { -$0 }
    default: return nil
    }
  }
  private static func small(_ value: UInt64) -> Int32? {
    let distance = Int64(bitPattern: value)
    return distance > -4096 && distance < 4096 ? Int32(distance) : nil
  }

  /// Forgets the anchors that the instruction at `index`, just emitted, or the end of their use has made useless.
  mutating func updateAnchors(_ index: Int) {
    if anchors.isEmpty { return }
    if !keepsAnchors(index) { return anchors.removeAll() }
    anchors = anchors.compactMap { anchor in
      guard anchor.lastUse > index, let moved = movement(index, anchor.registers) else { return nil }
      var anchor = anchor
      anchor.moved += moved
      return anchor
    }
  }

  /// The access of an instruction, if a group can hold it. `moved`: how far its registers have moved since the group's start.
  private func member(_ index: Int, moved: Int32) -> Member? {
    let i = instructions[index]
    let size = Int32(i.operandSize)
    switch plans[index].treatment {
    case .copyMemory:
      guard i.base < 16, !Self.isScratch(i.base), let scaled = groupIndex(i), !plans[index].isMasked,
        plans[index].size <= 32, i.addressSize == (isLong ? 8 : 4), i.segment != 1 && i.segment < 4
      else { return nil }
      let displacement = Int64(bitPattern: i.displacement)
      guard displacement >= -0x10_0000, displacement < 0x10_0000 else { return nil }
      let offset = Int32(displacement) + moved
      return Member(
        registers: Registers(base: i.base, index: scaled < 16 ? scaled : nil, scale: scaled < 16 ? i.scale : 0),
        displacement: offset, size: Int32(plans[index].size), isWrite: plans[index].writes)
    case .push:
      guard !i.prefixes.contains(.memory) else { return nil }
      return .stack(moved - size, size, isWrite: true)
    case .pop: return .stack(moved, size, isWrite: false)
    case .call: return .stack(moved - size, size, isWrite: true)
    case .ret: return .stack(moved, size, isWrite: false)
    default: return nil
    }
  }
  /// The index register of an address that a group may have, `noRegister` where it has none; nil for other addresses.
  private func groupIndex(_ i: Instruction) -> UInt8? {
    if i.index == Instruction.noRegister { return i.index }
    return i.index < 16 && !Self.isScratch(i.index) && i.base != Host.rsp ? i.index : nil
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
    switch plans[index].treatment {
    case .push: return -Int32(instructions[index].operandSize)
    case .pop: return Int32(instructions[index].operandSize)
    default: return step(index, Host.rsp)
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
    mark(group.first)
    let place = group.anchor == nil ? placeOfFlags(group) : .host
    let viewBefore = view
    var missed: Int?
    if let anchor = anchors.first(where: { $0.place == group.anchor }) {
      emitter.load(Host.address, offsets.anchors[anchor.place])
    } else {
      missed = emitGroupCheck(group, place)
    }
    // Three registers are one too many for an operand.
    if group.registers.index != nil {
      emitter.address(Host.address, base: group.registers.base, index: Host.address, 0)
    }
    inGroup = true
    flagsAreStored = place == .state
    stackPending = 0
    for index in group.first...group.last {
      mark(index)
      let isPushOrPop = plans[index].treatment == .push || plans[index].treatment == .pop
      if !isPushOrPop || names(instructions[index], Host.rsp) { settleStack() }
      emitInstruction(index)
    }
    settleStack()
    inGroup = false
    flagsAreStored = false
    if let missed {
      if round > 0 { singlesLeft -= endOfRound(group.first) - group.first + 1 }
      cold.append(.singles(jump: missed, group: group, flags: place, view: viewBefore, back: emitter.position))
    }
    for index in group.first...group.last { updateAnchors(index) }
  }

  /// The instructions of a group whose range has missed, each with a check of its own.
  mutating func emitSingles(_ group: Group, _ flags: FlagPlace, view: Int, back: Int) {
    switch flags {
    case .ax: restoreFromAX()
    case .state: loadSavedFlags()
    case .host, .compare: break
    }
    let viewAtEnd = self.view
    self.view = view
    let last = round > 0 ? endOfRound(group.first) : group.last
    for index in group.first...last {
      mark(index)
      emitInstruction(index)
    }
    self.view = viewAtEnd
    if round > 0 { emitNextRound(last) } else if !plans[last].treatment.endsBlock { emitter.jump(to: back) }
    mark(instructions.count)
  }

  /// Answers with the jump to the single accesses, in blocks that have them.
  private mutating func emitGroupCheck(_ group: Group, _ place: FlagPlace) -> Int? {
    let retry = emitter.position
    if place == .state { storeSavedFlags() }
    let registers = group.registers
    let source = Access.Source(
      base: registers.base, index: registers.index, scale: registers.scale, displacement: group.minimum)
    emitSource(source)
    if place == .ax { saveToAX() }
    let access = Access(
      index: group.first, size: Int(group.end - group.minimum), isWrite: group.isWrite, segment: 3,
      base: registers.base, source: source, flags: place, retry: retry)
    var missed: Int?
    if hasSingles || round > 0 { missed = emitLookUpForSingles(access) } else { emitLookUp(access, place) }
    for site in accessSites { edit(site) { $0.isGroup = true } }
    accessSites.removeAll(keepingCapacity: true)
    if place == .ax { restoreFromAX() }
    guard let kept = group.kept else { return missed }
    emitter.store(Host.address, offsets.anchors[kept])
    anchors.append(
      Anchor(
        place: kept, registers: registers, minimum: group.minimum, end: group.end, isWrite: group.isWrite,
        lastUse: group.lastUse))
    return missed
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

  /// A member's operand: the addend is in the address register; with the base, where there is an index.
  func operandInGroup(_ i: Instruction) -> HostOperand {
    let displacement = Int32(truncatingIfNeeded: i.displacement)
    if i.index < 16 {
      return HostOperand(base: Host.address, index: i.index, scale: i.scale, displacement: displacement)
    }
    return i.base == Host.rsp
      ? stackOperandInGroup(displacement)
      : HostOperand(
        base: i.base, index: Host.address, displacement: displacement)
  }
  /// The same for what lies at a distance from RSP.
  func stackOperandInGroup(_ displacement: Int32) -> HostOperand {
    HostOperand(base: Host.rsp, index: Host.address, displacement: displacement + stackPending)
  }
}

extension Translator.Member {
  fileprivate static func stack(_ displacement: Int32, _ size: Int32, isWrite: Bool) -> Self {
    Self(registers: .init(base: Host.rsp), displacement: displacement, size: size, isWrite: isWrite)
  }
}

extension Translator.Group {
  /// Widens the range to hold one more access; false when it would become too large.
  fileprivate mutating func take(_ member: Translator.Member, within limit: Int32) -> Bool {
    let low = min(minimum, member.displacement)
    let high = max(end, member.displacement + member.size)
    guard high - low <= limit else { return false }
    minimum = low
    end = high
    isWrite = isWrite || member.isWrite
    return true
  }
}
