import X86ISA

/// What the translation of a block fills, kept for the next one: most blocks then need no memory of their own.
struct TranslationBuffers {
  /// Guest code from the block's first byte on.
  var bytes: [UInt8] = []
  var instructions: [Instruction] = []
  var raw: [InstructionBytes] = []
  var plans: [InstructionPlan] = []
  /// Where each instruction begins and ends, from the block's start on.
  var starts: [UInt16] = []
  var ends: [UInt16] = []
  var cold: [Translator.Cold] = []
}

/// Makes one translation block: decodes a run of guest code, plans it, and emits host code for it.
///
/// A block has one entry and may have exits on the way (conditional jumps out of it). Inside, the guest's general
/// registers are the host's, its status flags are the host's where they are live, and its vectors are the host's once
/// the block has seen to it.
struct Translator: ~Copyable {
  static let maximumInstructions = 48
  static let maximumSideExits = 6

  /// Code that is emitted behind the block: what is rarely run.
  enum Cold {
    /// A translation-cache miss: `jump` leads here, `probe` goes on from here.
    case miss(jump: Int, site: UInt32, flags: FlagPlace, address: MissedAddress, probe: Probe)
    /// Leave for Swift at a site.
    case leave(jump: Int, site: UInt32, flags: FlagPlace)
    /// The jump cache has another target in this one's place.
    case otherJump(jump: Int, site: UInt32)
    /// A direct exit's way out while it is not linked: `jumps` lead here.
    case exit(jumps: [Int], site: UInt32)
    /// A conditional exit backwards, with its poll.
    case backward(jump: Int, site: UInt32, live: UInt16)
    case loadVectors(jump: Int, back: Int)
    /// A group's instructions, each with its own check: `jump` leads here when the range has missed.
    case singles(jump: Int, group: Group, flags: FlagPlace, view: Int, back: Int)
    /// The entry for direct jumps from other pages, when flags are live at the block's start.
    case checkedEntry
  }

  /// Where the linear address of an access is when its check has missed.
  enum MissedAddress {
    /// In the address register, less the tag of the entry in the index register, or of the stack entry.
    case lessTag
    /// The same, and before anything else the entry's other way is tried: a hit goes to `back`.
    case inOtherWay(size: Int, back: Int)
    case constant(UInt64)
  }

  /// Where the guest's status flags are.
  enum FlagPlace: Equatable {
    /// In RFLAGS, or dead.
    case host
    /// In AX; RAX in `temporary`.
    case ax
    /// In `savedFlags`.
    case state
    /// Made again by the comparison at this instruction.
    case compare(Int)
  }

  let cpu: Cpu
  let key: ModeKey
  let rip: UInt64
  let offsets: Offsets
  let stubs: Stubs
  var emitter: Emitter
  let block: UInt32
  var buffers = TranslationBuffers()
  var vectorsChecked = false
  var mayGroup = true
  /// Groups take in later accesses of the block: until their ranges have met the ends of pages too often.
  var mayLookAhead = true
  /// Groups without those have met the ends of pages too often as well: their accesses are also emitted one by one.
  var hasSingles = false
  /// Much of the time goes by in this block: its accesses have near entries of their own, and loops are unrolled.
  var isHot = false
  /// Instructions of one round of a loop that was unrolled; 0: none was (Translator+Loops.swift).
  var round = 0
  /// How many more instructions its groups may have emitted one by one.
  var singlesLeft = Translator.maximumSingles
  /// Guest-physical address of the block's first byte.
  let physical: UInt64
  /// A group is being emitted (Translator+Groups.swift): how far RSP has moved without showing it yet.
  var inGroup = false
  var stackPending: Int32 = 0
  /// Addends that are kept for later in the block.
  var anchors: [Anchor] = []
  /// The group's check has left the flags in `savedFlags`.
  var flagsAreStored = false
  /// The checked memory operand of the instruction being emitted.
  var operand = HostOperand(base: Host.address)
  /// Sites of the instruction being emitted, whose way on is not known yet.
  var accessSites: [UInt32] = []
  /// The page identity that entries compare (`CodeCache.token`).
  var token: UInt32 = 0
  /// The block's first byte of host code, and where its instructions begin.
  var start = 0
  var directEntry = 0
  var liveIn: UInt16 = FlagEffect.all
  let linear: UInt64
  /// The instruction being emitted.
  var current = 0

  /// Data view in force at this point of the block.
  var view: Int
  /// Page identity of the second page that the block goes on in, if it does.
  var secondToken: UInt32?
  /// Guest-physical; all ones where there is none.
  var secondPage = ~UInt64(0)
  /// Whoever watches what is executed; nil normally.
  var hooks: VcpuInspection?
  /// Charges every instruction to the turn (`Counting`).
  var isCounted = false
  var secondLinear: UInt64 { cpu.wrap((linear & ~0xfff) &+ 0x1000) }
  /// From the block's first byte to the end of its page.
  var bytesToPageEnd: Int { 0x1000 - Int(linear & 0xfff) }
  /// The first instruction with bytes in the second page.
  func entersSecondPage(_ index: Int) -> Bool {
    Int(ends[index]) > bytesToPageEnd && Int(starts[index]) <= bytesToPageEnd
  }
  var isLong: Bool { key.codeSize == 2 }

  var instructions: [Instruction] { _read { yield buffers.instructions } }
  var raw: [InstructionBytes] { _read { yield buffers.raw } }
  var starts: [UInt16] { _read { yield buffers.starts } }
  var ends: [UInt16] { _read { yield buffers.ends } }
  var plans: [InstructionPlan] {
    _read { yield buffers.plans }
    _modify { yield &buffers.plans }
  }
  var cold: [Cold] {
    _read { yield buffers.cold }
    _modify { yield &buffers.cold }
  }
  var guestBytes: Int { Int(ends.max() ?? 1) }
  /// Where an instruction begins; behind the last one for what is none's.
  func place(_ index: Int) -> BlockPlace {
    BlockPlace(offset: index < starts.count ? starts[index] : UInt16(guestBytes), order: index)
  }

  // MARK: Emission

  /// Emits the planned instructions; the block's record is filled in.
  mutating func emit(into block: inout TranslationBlock) {
    block.firstMark = UInt32(cpu.x.code.markCount)
    block.instructionCount = UInt16(instructions.count)
    start = emitter.position
    let missed = emitEntry()
    directEntry = emitter.position
    if round > 0 { emitVectorCheckOfLoop() }
    var index = 0
    while index < instructions.count {
      if entersSecondPage(index) { emitSecondPageCheck(index, &block) }
      let opensWindow = index > 0 && plans[index - 1].treatment == .setInterrupt
      if !opensWindow, mayGroup, hooks == nil, let group = findGroup(index) {
        emitGroup(group)
        index = group.last + 1
        continue
      }
      mark(index)
      if isCounted { emitCharge(index) }
      if let hooks { emitHooks(hooks, index) }
      emitInstruction(index)
      if opensWindow { emitEventCheck(index) }
      updateAnchors(index)
      index += 1
    }
    if let last = plans.last, !last.treatment.endsBlock {
      emitExit(to: rip &+ UInt64(ends[instructions.count - 1]), live: liveAtEnd)
    }
    // Not an instruction's: where the rarely run code begins.
    mark(instructions.count)
    let site = newSite(.entry, 0)
    cold.append(.leave(jump: missed, site: site, flags: liveIn == 0 ? .host : .state))
    if liveIn != 0 { cold.append(.checkedEntry) }
    block.indirectEntry = UInt32(start)
    block.checkedEntry = UInt32(start)
    block.directEntry = UInt32(directEntry)
    block.liveIn = liveIn
    // Cold code may want more cold code.
    var done = 0
    while done < cold.count {
      emitCold(cold[done], &block, entrySite: site)
      done += 1
    }
    block.markCount = UInt16(cpu.x.code.markCount - Int(block.firstMark))
    block.codeEnd = UInt32(emitter.position)
  }

  /// The code from here on belongs to a guest instruction.
  func mark(_ index: Int) {
    cpu.x.code.add(InstructionMark(host: UInt16(emitter.position - start), place: place(index)))
  }

  var liveAtEnd: UInt16 { plans.last?.liveBehind ?? FlagEffect.all }

  /// The check that the page is still mapped, and the flags of an indirect jump back in their place.
  private mutating func emitEntry() -> Int {
    emitter.compareState32(VcpuLayout.token(view: key.view, linear: linear), token)
    let jump = emitter.jumpIf(HostCondition.notEqual)
    if liveIn != 0 { loadSavedFlags() }
    return jump
  }
  /// The check that the second page is still mapped, before the first instruction that reaches into it.
  ///
  /// Where it is another one, that code finds flags as they are live here, as behind a jump to another page.
  private mutating func emitSecondPageCheck(_ index: Int, _ block: inout TranslationBlock) {
    guard let secondToken else { return }
    block.secondStart = starts[index]
    let site = newSite(.entry, index)
    if plans[index].liveBefore != 0 {
      leaveUnlessMapped(secondLinear, secondToken, site)
    } else {
      emitter.compareState32(VcpuLayout.token(view: key.view, linear: secondLinear), secondToken)
      cold.append(.leave(jump: emitter.jumpIf(HostCondition.notEqual), site: site, flags: .host))
    }
    edit(site) { $0.retry = UInt32(emitter.position) }
  }
  /// The same with flags live.
  private mutating func leaveUnlessMapped(_ page: UInt64, _ token: UInt32, _ site: UInt32) {
    emitter.move(Host.index, Host.rcx)
    emitter.load32(Host.rcx, VcpuLayout.token(view: key.view, linear: page))
    // lea ecx, [rcx - token]
    emitter.address(Host.rcx, base: Host.rcx, Int32(bitPattern: 0 &- token), size: 4)
    let equal = emitter.jumpIfRCXZero()
    emitter.move(Host.rcx, Host.index)
    leave(site)
    emitter.patchShort(equal, to: emitter.position)
    emitter.move(Host.rcx, Host.index)
  }

  mutating func loadSavedFlags() {
    emitter.move(Host.index, Host.rax)
    emitter.load32(Host.rax, offsets.savedFlags)
    emitter.restoreFlags()
    emitter.move(Host.rax, Host.index)
  }
  mutating func storeSavedFlags() {
    emitter.move(Host.index, Host.rax)
    emitter.captureFlags()
    emitter.store32(Host.rax, offsets.savedFlags)
    emitter.move(Host.rax, Host.index)
  }

  mutating func newSite(_ kind: Site.Kind, _ index: Int) -> UInt32 {
    var site = Site(kind: kind, block: block)
    site.place = place(index)
    site.live = index < plans.count ? plans[index].liveBefore : liveAtEnd
    if kind == .indirect { site.live = FlagEffect.all }
    site.view = UInt8(view)
    return cpu.x.code.add(site)
  }
  func edit(_ site: UInt32, _ change: (inout Site) -> Void) { cpu.editSite(site, change) }

  mutating func emitInstruction(_ index: Int) {
    current = index
    let plan = plans[index]
    if plan.vectorLevel > 0 && !vectorsChecked {
      emitVectorCheck(plan.liveBefore)
      vectorsChecked = true
    }
    switch plan.treatment {
    case .copy: emitCopy(index)
    case .copyMemory: emitCopyMemory(index)
    case .nothing: break
    case .lea: emitLEA(index)
    case .push: emitPush(index)
    case .pop: emitPop(index)
    case .leave: emitLeave(index)
    case .jump: emitExit(to: target(index), live: plan.liveBehind)
    case .jumpIf: emitConditional(index)
    case .jumpIndirect, .callIndirect: emitIndirectTransfer(index)
    case .call: emitCall(index)
    case .ret: emitReturn(index)
    case .loop, .jumpIfCounterZero: emitCounterJump(index)
    case .increment32: emitIncrement(index)
    case .moffs: emitMoffs(index)
    case .pushFlags: emitPushFlags(index)
    case .clearInterrupt: emitInterruptFlag(index, set: false)
    case .setInterrupt: emitInterruptFlag(index, set: true)
    case .setAccess: emitAccessFlag(index, set: true)
    case .clearAccess: emitAccessFlag(index, set: false)
    case .readTimeStamp: emitTimeStamp(index)
    case .swapGS: emitSwapGS()
    case .spin: emitSpin(index)
    case .interpret:
      let site = newSite(.interpret, index)
      leave(site)
      edit(site) { $0.resume = UInt32(emitter.position) }
    case .interpretLast: leave(newSite(.interpretLast, index))
    }
  }

  /// Leaves for Swift at a site, with the flags in RFLAGS.
  private mutating func leave(_ site: UInt32) {
    emitter.immediate(Host.index, UInt64(site))
    emitter.jump(to: stubs.slow)
  }

  mutating func emitVectorCheck(_ live: UInt16) {
    if live == 0 {
      emitter.compareState(offsets.vectorsLive, 0)
      let jump = emitter.jumpIf(HostCondition.equal)
      cold.append(.loadVectors(jump: jump, back: emitter.position))
      return
    }
    // Flags are live: RCX decides.
    emitter.move(Host.index, Host.rcx)
    emitter.load32(Host.rcx, offsets.vectorsLive)
    let absent = emitter.jumpIfRCXZero()
    emitter.move(Host.rcx, Host.index)
    let present = emitter.jumpShort()
    emitter.patchShort(absent, to: emitter.position)
    emitter.move(Host.rcx, Host.index)
    let jump = emitter.jump()
    emitter.patchShort(present, to: emitter.position)
    cold.append(.loadVectors(jump: jump, back: emitter.position))
  }

  // MARK: Cold code

  private mutating func emitCold(_ item: Cold, _ block: inout TranslationBlock, entrySite: UInt32) {
    switch item {
    case .miss(let jump, let site, let flags, let address, var probe):
      emitter.patch(jump, to: emitter.position)
      switch address {
      case .constant(let linear): emitter.immediate(Host.address, linear)
      case .lessTag where probe.isNear: emitter.state(0x03, Host.address, nearTag(probe))
      case .lessTag: emitter.indexed(0x03, Host.address, base: Host.index, tag(probe))
      case .inOtherWay(let size, let back):
        emitter.indexed(0x03, Host.address, base: Host.index, tag(probe))
        emitter.group1(6, Host.index, Int32(EngineState.otherWay * MemoryLayout<TLBEntry>.stride), wide: false)
        emitter.indexed(0x2b, Host.address, base: Host.index, tag(probe))
        emitter.group1(7, Host.address, Int32(0x1000 - size), wide: true)
        emitter.jumpIf(HostCondition.notAbove, to: back)
        emitter.indexed(0x03, Host.address, base: Host.index, tag(probe))
      }
      probe.keepsFlags = flags == .state
      leave(site, flags, to: stubs.probe(probe))
    case .leave(let jump, let site, let flags):
      emitter.patch(jump, to: emitter.position)
      leave(site, flags)
    case .otherJump(let jump, let site):
      emitter.patch(jump, to: emitter.position)
      leave(site, .state, to: stubs.otherJumps[view])
    case .exit(let jumps, let site):
      for jump in jumps { emitter.patch(jump, to: emitter.position) }
      edit(site) { $0.unlinked = UInt32(emitter.position) }
      leave(site)
    case .backward(let jump, let site, let live):
      emitter.patch(jump, to: emitter.position)
      emitPolledJump(site, live)
    case .loadVectors(let jump, let back):
      emitter.patch(jump, to: emitter.position)
      // lea r11, [rip + back]
      emitter.bytes(0x4c, 0x8d, 0x1d)
      let at = emitter.position
      emitter.word(UInt32(0))
      emitter.patch(at, to: back)
      emitter.jumpState(offsets.loadVectors)
    case .singles(let jump, let group, let flags, let view, let back):
      emitter.patch(jump, to: emitter.position)
      emitSingles(group, flags, view: view, back: back)
    case .checkedEntry:
      block.checkedEntry = UInt32(emitter.position)
      leaveUnlessMapped(linear, token, entrySite)
      emitter.jump(to: directEntry)
    }
  }

  private mutating func leave(_ site: UInt32, _ flags: FlagPlace, to stub: Int? = nil) {
    if flags == .ax { restoreFromAX() }
    if case .compare(let comparison) = flags { emitComparison(comparison) }
    emitter.immediate(Host.index, UInt64(site))
    emitter.jump(to: stub ?? (flags == .state ? stubs.slowKeepingFlags : stubs.slow))
  }

  func tag(_ probe: Probe) -> Int32 { probe.isWrite ? offsets.tagWrite[probe.view] : offsets.tagRead[probe.view] }
  func nearTag(_ probe: Probe) -> Int32 {
    (probe.isWrite ? offsets.nearTagWrite[probe.view] : offsets.nearTagRead[probe.view]) + probe.nearOffset
  }
  /// The near entry of accesses off a base register: the stack's; in hot blocks of user code, one of its own for each
  /// register, as long as there are any; nil where none is to be used.
  func nearEntry(_ base: UInt8) -> UInt16? {
    if base == Host.rsp { return 0 }
    return isHot && view == 0 ? cpu.x.code.nearEntry(block: physical, base: base) : nil
  }

  mutating func saveToAX() {
    emitter.store(Host.rax, offsets.temporary)
    emitter.captureFlags()
  }
  mutating func restoreFromAX() {
    emitter.restoreFlags()
    emitter.load(Host.rax, offsets.temporary)
  }

  // MARK: Exits

  /// Where a branch leaves the block to.
  func target(_ index: Int) -> UInt64 {
    let next = rip &+ UInt64(ends[index])
    let target = plans[index].isFollowed ? next : next &+ instructions[index].immediate
    return isLong ? target : key.codeSize == 1 ? target & 0xffff_ffff : target & 0xffff
  }

  private mutating func exitSite(to target: UInt64, live: UInt16) -> UInt32 {
    var site = Site(kind: .direct, block: block)
    site.place = place(current)
    site.live = live
    site.distance = Int32(truncatingIfNeeded: target &- rip)
    site.view = UInt8(view)
    return cpu.x.code.add(site)
  }

  /// A jump to guest code at `target`; `live` flags are in RFLAGS.
  mutating func emitExit(to target: UInt64, live: UInt16) {
    let site = exitSite(to: target, live: live)
    if target <= rip {
      emitPolledJump(site, live)
    } else {
      let jump = emitter.jump()
      edit(site) { $0.patch = UInt32(jump) }
      cold.append(.exit(jumps: [jump], site: site))
    }
  }

  /// Looks at `exitRequest`, then jumps. (Cold code is emitted in order, so what this appends comes behind.)
  private mutating func emitPolledJump(_ site: UInt32, _ live: UInt16) {
    var out: [Int] = []
    if live == 0 {
      emitter.compareState(offsets.exitRequest, 0)
      out.append(emitter.jumpIf(HostCondition.notEqual))
    } else {
      emitter.move(Host.index, Host.rcx)
      emitter.load32(Host.rcx, offsets.exitRequest)
      let quiet = emitter.jumpIfRCXZero()
      emitter.move(Host.rcx, Host.index)
      out.append(emitter.jump())
      emitter.patchShort(quiet, to: emitter.position)
      emitter.move(Host.rcx, Host.index)
    }
    let jump = emitter.jump()
    edit(site) {
      $0.patch = UInt32(jump)
      $0.unlinked = UInt32(emitter.position)
    }
    // The way out stands right behind.
    out.append(jump)
    for position in out { emitter.patch(position, to: emitter.position) }
    leave(site)
  }

  private mutating func emitConditional(_ index: Int) {
    let condition = instructions[index].opcode & 15 ^ (plans[index].isFollowed ? 1 : 0)
    let target = target(index)
    let live = peekLive(target)
    let site = exitSite(to: target, live: live)
    if target <= rip {
      let jump = emitter.jumpIf(condition)
      cold.append(.backward(jump: jump, site: site, live: live))
    } else {
      let jump = emitter.jumpIf(condition)
      edit(site) { $0.patch = UInt32(jump) }
      cold.append(.exit(jumps: [jump], site: site))
    }
  }

  /// Jumps to the address in the address register; the flags are in `savedFlags`.
  mutating func emitIndirectJump(_ index: Int, stackMoved: Int32 = 0) {
    let site = newSite(.indirect, index)
    edit(site) { $0.distance = stackMoved }
    guard key.hasFlatCode, view == key.view else {
      emitter.immediate(Host.index, UInt64(site))
      emitter.jump(to: stubs.slowKeepingFlags)
      return
    }
    emitter.compareState(offsets.exitRequest, 0)
    cold.append(.leave(jump: emitter.jumpIf(HostCondition.notEqual), site: site, flags: .state))
    emitter.jumpIndex(Host.index, Host.address)
    emitter.indexed(0x3b, Host.address, base: Host.index, offsets.jumps[view])
    cold.append(.otherJump(jump: emitter.jumpIf(HostCondition.notEqual), site: site))
    emitter.indexed(0xff, 4, base: Host.index, offsets.jumps[view] + 8, wide: false)
  }

  private mutating func emitCounterJump(_ index: Int) {
    let i = instructions[index]
    if plans[index].treatment == .loop {
      emitter.address(Host.rcx, base: Host.rcx, -1, size: Int(i.addressSize))
    }
    let isNarrow = i.addressSize == 2
    if isNarrow {
      emitter.move(Host.index, Host.rcx)
      emitter.zeroExtend16(Host.rcx, Host.rcx)
    } else if i.addressSize == 4 {
      emitter.byte(0x67)
    }
    let zero = emitter.jumpIfRCXZero()
    if isNarrow { emitter.move(Host.rcx, Host.index) }
    let away = emitter.jump()
    emitter.patchShort(zero, to: emitter.position)
    if isNarrow { emitter.move(Host.rcx, Host.index) }
    let next = rip &+ UInt64(ends[index])
    let isLoop = plans[index].treatment == .loop
    let target = target(index)
    emitExit(to: isLoop ? next : target, live: FlagEffect.all)
    emitter.patch(away, to: emitter.position)
    emitExit(to: isLoop ? target : next, live: FlagEffect.all)
  }
}

extension Treatment {
  /// Goes on to the next instruction, whatever happens, without Swift but for slow paths.
  var isPlain: Bool {
    switch self {
    case .copy, .copyMemory, .nothing, .lea, .push, .pop, .leave, .increment32, .moffs, .clearInterrupt, .swapGS: true
    default: false
    }
  }
  /// Nothing follows it in its block.
  var endsBlock: Bool {
    switch self {
    case .jump, .jumpIndirect, .call, .callIndirect, .ret, .loop, .jumpIfCounterZero, .interpretLast: true
    default: false
    }
  }
}
