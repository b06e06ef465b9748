import X86ISA

// Memory operands: their address, the check against the translation cache, and the registers that are renamed around it.
extension Translator {
  /// What an access does once its address is in the address register.
  struct Access {
    /// What the address register was made of: registers of the guest that are the host's, and a constant.
    struct Source {
      var base: UInt8?
      var index: UInt8?
      var scale: UInt8 = 0
      var displacement: Int32 = 0
    }

    var index: Int
    var size: Int
    var isWrite: Bool
    /// Segment number; only FS and GS count in 64-bit mode.
    var segment: UInt8
    /// The base register, whose near entry likely holds the page; nil where the table is to be looked at.
    var base: UInt8?
    /// The linear address once more, if an access may name it: without a segment's base, in 64 bits.
    var source: Source?
    /// Swift may not fill the translation cache for it: masked accesses need not fault where a whole one would.
    var mustInterpret = false
    /// Where live flags are kept during the check.
    var flags: FlagPlace = .host
    /// The instruction's first byte of host code, to start over from.
    var retry: Int
  }

  // MARK: Registers that live in the state block

  static func isScratch(_ register: UInt8) -> Bool { register == Host.index || register == Host.address }

  /// Loads the guest's r10 or r11 into the host register of the same number.
  mutating func loadScratch(_ register: UInt8) {
    if Self.isScratch(register) { emitter.load(register, VcpuLayout.register(register)) }
  }

  // MARK: Addresses

  /// The linear address of a memory operand that does not depend on registers; nil when it does.
  func constantAddress(_ index: Int) -> UInt64? {
    let i = instructions[index]
    guard i.index == Instruction.noRegister else { return nil }
    let offset: UInt64
    switch i.base {
    case Instruction.noRegister: offset = i.displacement
    case Instruction.instructionPointer: offset = rip &+ UInt64(ends[index]) &+ i.displacement
    default: return nil
    }
    return offset & i.addressMask
  }

  /// Whether the memory operand's linear address is just the sum of its registers and displacement.
  ///
  /// Outside 64-bit mode the sum is taken without the wrap at 4 GiB all the same: beyond it lies no page, the check misses,
  /// and the interpreter knows better (`Cpu.fillCache`). Displacements that are addresses themselves do wrap often.
  func source(_ index: Int) -> Access.Source? {
    let i = instructions[index]
    guard i.base < 16 || i.index < 16, !Self.isScratch(i.base), !Self.isScratch(i.index) else { return nil }
    let displacement = Int32(truncatingIfNeeded: i.displacement)
    if isLong {
      guard i.addressSize == 8, i.segment < 4 else { return nil }
    } else {
      let isFlat = i.segment == 2 ? key.hasFlatStack : (i.segment == 0 || i.segment == 3) && key.hasFlatData
      guard i.addressSize == 4, isFlat, displacement >= -0x10_0000, displacement < 0x10_0000 else { return nil }
    }
    return Access.Source(
      base: i.base < 16 ? i.base : nil, index: i.index < 16 ? i.index : nil, scale: i.scale, displacement: displacement)
  }

  /// Puts the linear address into the address register. Leaves flags alone.
  mutating func emitSource(_ source: Access.Source) {
    if let base = source.base, source.index == nil, source.displacement == 0 {
      return emitter.move(Host.address, base)
    }
    emitter.address(
      Host.address, base: source.base, index: source.index, scale: source.scale, source.displacement)
  }

  /// Puts the memory operand's offset inside its segment into the address register. Leaves flags alone.
  mutating func emitOffset(_ index: Int) {
    if let constant = constantAddress(index) { return emitter.immediate(Host.address, constant) }
    let i = instructions[index]
    let base: UInt8? = i.base < 16 ? i.base : nil
    let scaled: UInt8? = i.index < 16 ? i.index : nil
    if let base { loadScratch(base) }
    if let scaled, scaled != base { loadScratch(scaled) }
    emitter.address(
      Host.address, base: base, index: scaled, scale: i.scale, Int32(truncatingIfNeeded: i.displacement),
      size: i.addressSize == 8 ? 8 : 4)
    if i.addressSize == 2 { emitter.zeroExtend16(Host.address, Host.address) }
  }

  /// Checks the offset in the address register and makes the operand of it, or leaves for the slow path.
  ///
  /// Flags are where they were before. The index register may be part of the operand: see `freeIndexRegister`.
  mutating func emitCheck(_ access: Access) {
    let place = placeOfFlags(access)
    let keepsInAX = place == .ax && access.flags == .host
    emitSegmentBase64(access)
    if keepsInAX { saveToAX() }
    emitSegment(access, place)
    emitLookUp(access, place)
    if keepsInAX { restoreFromAX() }
    if case .compare(let comparison) = place { emitComparison(comparison) }
    // Three registers are one too many for an operand. (Not earlier: flags may have been in RAX.)
    if let source = access.source, let base = source.base, source.index != nil {
      emitter.address(Host.address, base: base, index: Host.address, 0)
    }
  }

  /// The linear address in the address register becomes the operand, or the access is a miss. Spoils flags.
  mutating func emitLookUp(_ access: Access, _ place: FlagPlace) {
    let site = memorySite(access, .memory)
    let (miss, probe) = emitTagCheck(access)
    if let near = probe.near { edit(site) { $0.near = near } }
    let address: MissedAddress =
      isConflicted(access) ? .inOtherWay(size: access.size, back: emitter.position) : .lessTag
    cold.append(.miss(jump: miss, site: site, flags: place, address: address, probe: probe))
    emitOperand(access, probe)
  }

  /// The same for a group whose accesses come one by one after a miss: the jump there, from before anything is changed.
  mutating func emitLookUpForSingles(_ access: Access) -> Int {
    let (miss, probe) = emitTagCheck(access)
    emitOperand(access, probe)
    return miss
  }

  /// It kept finding its page in the other way, or too seldom in the near entry.
  private func isConflicted(_ access: Access) -> Bool {
    cpu.x.code.isConflicted(physical &+ UInt64(starts[access.index]))
  }

  /// The jump that is taken when the access does not lie in the page that its entry holds.
  private mutating func emitTagCheck(_ access: Access) -> (miss: Int, probe: Probe) {
    let near = isConflicted(access) ? nil : access.base.flatMap { nearEntry($0) }
    let probe = Probe(view: view, isWrite: access.isWrite, near: near, keepsFlags: false)
    if near != nil {
      emitter.state(0x2b, Host.address, nearTag(probe))
    } else {
      emitter.tlbIndex(Host.index, Host.address)
      emitter.indexed(0x2b, Host.address, base: Host.index, tag(probe))
    }
    emitter.group1(7, Host.address, Int32(0x1000 - access.size), wide: true)
    return (emitter.jumpIf(HostCondition.above), probe)
  }
  /// Behind the check, with the distance from the tag in the address register. Where the access can name its registers itself,
  /// it need not wait for what the check has computed.
  private mutating func emitOperand(_ access: Access, _ probe: Probe) {
    guard let source = access.source else {
      if probe.isNear {
        emitter.state(0x03, Host.address, nearTag(probe))
      } else {
        emitter.indexed(0x03, Host.address, base: Host.index, tag(probe))
      }
      loadAddend(Host.index, probe)
      operand = HostOperand(base: Host.address, index: Host.index)
      return
    }
    loadAddend(Host.address, probe)
    guard let index = source.index else {
      operand = HostOperand(
        base: source.base ?? Host.address, index: Host.address, displacement: source.displacement)
      return
    }
    operand = HostOperand(
      base: Host.address, index: index, scale: source.scale, displacement: source.displacement)
  }

  private mutating func loadAddend(_ register: UInt8, _ probe: Probe) {
    if probe.isNear {
      emitter.load(register, offsets.nearAddend[view] + probe.nearOffset)
    } else {
      emitter.indexed(0x8b, register, base: Host.index, offsets.addend[view])
    }
  }

  /// Takes the index register out of the operand, for who needs it.
  mutating func freeIndexRegister() {
    guard operand.uses(Host.index) else { return }
    emitter.address(Host.address, operand)
    operand = HostOperand(base: Host.address)
  }

  private func placeOfFlags(_ access: Access) -> FlagPlace {
    guard access.flags == .host, plans[access.index].liveBefore != 0 else { return access.flags }
    return comparison(before: access.index).map { .compare($0) } ?? .ax
  }

  /// The comparison that made the flags that are live before `index`, if it can simply be made again: of registers that
  /// still hold what they held, and that the check does not use.
  private func comparison(before index: Int) -> Int? {
    let live = plans[index].liveBefore
    var at = index - 1
    while at >= 0 && index - at <= 6 {
      if plans[at].touches & live != 0 {
        let i = instructions[at]
        guard plans[at].kills & live == live, i.op == .cmp || i.op == .test, plans[at].treatment == .copy,
          !namesScratch(i), (at + 1..<index).allSatisfy({ keepsOperands(of: i, $0) })
        else { return nil }
        return at
      }
      at -= 1
    }
    return nil
  }

  private func namesScratch(_ i: Instruction) -> Bool {
    Self.isScratch(i.reg & 63) || Self.isScratch(i.rm & 63)
  }

  /// Whether the instruction at `index` surely leaves the registers of a comparison alone.
  private func keepsOperands(of comparison: Instruction, _ index: Int) -> Bool {
    switch plans[index].treatment {
    case .copy, .copyMemory, .lea, .nothing, .push: break
    default: return false
    }
    let form = InstructionTable.form(ofRow: comparison.row)
    var used: [UInt8] = form.regKind == .none && comparison.modRMOffset != 0 ? [] : [comparison.reg]
    if comparison.modRMOffset != 0 { used.append(comparison.rm) } else { used.append(0) }
    return used.allSatisfy { number in
      let register = number >= Instruction.highByte ? number - Instruction.highByte : number
      return !writes(index, register)
    }
  }

  mutating func emitComparison(_ index: Int) {
    emitter.copy(instructions[index], raw[index], CopyFields(instructions[index]), codeSize: key.codeSize)
  }

  /// Second looks before a block is made again; a look costs some 15 ns more than a hit.
  static let patience: Int32 = 1024

  mutating func memorySite(_ access: Access, _ kind: Site.Kind) -> UInt32 {
    let site = newSite(access.mustInterpret ? .segment : kind, access.index)
    edit(site) {
      $0.patience = Self.patience
      $0.size = UInt8(access.size)
      $0.isWrite = access.isWrite
      $0.retry = UInt32(access.retry)
    }
    accessSites.append(site)
    return site
  }

  /// FS and GS in 64-bit mode: a base and no limit.
  private mutating func emitSegmentBase64(_ access: Access) {
    guard isLong, access.segment >= 4 else { return }
    emitter.load(Host.index, offsets.fastBase[Int(access.segment)])
    emitter.address(Host.address, base: Host.address, index: Host.index, 0)
  }

  /// Segments outside 64-bit mode: limit and base, unless the segment is known to be flat.
  private mutating func emitSegment(_ access: Access, _ place: FlagPlace) {
    guard !isLong else { return }
    let segment = Int(access.segment)
    switch segment {
    case 0, 3: if key.hasFlatData { return }
    case 2: if key.hasFlatStack { return }
    default: break
    }
    let site = memorySite(access, .segment)
    emitter.address(Host.index, base: Host.address, Int32(access.size - 1))
    emitter.state(0x3b, Host.index, access.isWrite ? offsets.writeEnd[segment] : offsets.readEnd[segment])
    let miss = emitter.jumpIf(HostCondition.aboveOrEqual)
    cold.append(.leave(jump: miss, site: site, flags: place))
    emitter.state(0x03, Host.address, offsets.fastBase[segment])
    emitter.move32(Host.address, Host.address)
  }

  /// The whole way from ModRM to the operand.
  mutating func emitOperandAddress(_ index: Int, flags: FlagPlace = .host) {
    if inGroup {
      operand = operandInGroup(instructions[index])
      return
    }
    let plan = plans[index]
    let retry = emitter.position
    if emitConstantCheck(index, flags, retry) { return }
    let source = source(index)
    if let source { emitSource(source) } else { emitOffset(index) }
    emitCheck(
      Access(
        index: index, size: Int(plan.size), isWrite: plan.writes, segment: instructions[index].segment,
        base: nearBase(index), source: source, mustInterpret: plan.isMasked, flags: flags, retry: retry))
  }

  /// The register by whose near entry an operand is found. None where a second access of the instruction wants the same
  /// entry: each could want another page, and starting over would never end.
  private func nearBase(_ index: Int) -> UInt8? {
    let i = instructions[index]
    guard i.base < 16, i.segment < 4 else { return nil }
    switch plans[index].treatment {
    case .push, .callIndirect: return i.base == Host.rsp ? nil : i.base
    default: return i.base
    }
  }

  /// A fixed address in 64-bit mode: the entry is known, and one comparison does.
  private mutating func emitConstantCheck(_ index: Int, _ flags: FlagPlace, _ retry: Int) -> Bool {
    let plan = plans[index]
    guard isLong, instructions[index].segment < 4, let linear = constantAddress(index), !plan.isMasked,
      linear & 0xfff <= UInt64(0x1000 - Int(plan.size)), flags != .host || plan.liveBefore == 0
    else { return false }
    let access = Access(
      index: index, size: Int(plan.size), isWrite: plan.writes, segment: 3, flags: flags, retry: retry)
    let site = memorySite(access, .memory)
    let entry = Int32(EngineState.index(linear) * MemoryLayout<TLBEntry>.stride)
    let tag = (plan.writes ? offsets.tagWrite[view] : offsets.tagRead[view]) + entry
    let short = Int32(exactly: Int64(bitPattern: linear))
    if let short {
      emitter.state(0x81, 7, tag)
      emitter.word(short & ~0xfff)
    } else {
      emitter.immediate(Host.address, linear & ~0xfff)
      emitter.state(0x3b, Host.address, tag)
    }
    let miss = emitter.jumpIf(HostCondition.notEqual)
    let probe = Probe(view: view, isWrite: plan.writes, near: nil, keepsFlags: false)
    cold.append(.miss(jump: miss, site: site, flags: flags, address: .constant(linear), probe: probe))
    if let short {
      emitter.load(Host.address, offsets.addend[view] + entry)
      operand = HostOperand(base: Host.address, displacement: short)
      return true
    }
    emitter.load(Host.index, offsets.addend[view] + entry)
    operand = HostOperand(base: Host.address, index: Host.index, displacement: Int32(linear & 0xfff))
    return true
  }

  // MARK: Copied instructions

  /// General registers that an instruction names, with their access.
  private func generalOperands(_ i: Instruction, _ body: (UInt8, OperandKind, OperandAccess) -> Void) {
    for place in 0..<InstructionTable.maximumOperands {
      let code = InstructionTable.operandCode(ofRow: i.row, place)
      switch code.kind {
      case .none: return
      case .gprReg, .gprOpcode: body(i.reg, code.kind, code.access)
      case .gprRM: body(i.rm, code.kind, code.access)
      case .gprOrMemory: if !i.prefixes.contains(.memory) { body(i.rm, code.kind, code.access) }
      case .gprVvvv: body(i.vvvv, code.kind, code.access)
      default: continue
      }
    }
  }

  /// A register-only instruction; the scratch registers are loaded before and stored after.
  mutating func emitCopy(_ index: Int) {
    let i = instructions[index]
    var loaded: UInt32 = 0
    var stored: UInt32 = 0
    generalOperands(i) { register, _, access in
      guard Self.isScratch(register) else { return }
      if access != .write || i.operandSize < 4 || keepsDestination(i.op) { loaded |= 1 << UInt32(register) }
      if access.contains(.write) { stored |= 1 << UInt32(register) }
    }
    for register in [Host.index, Host.address] where loaded >> UInt32(register) & 1 != 0 { loadScratch(register) }
    emitter.copy(i, raw[index], CopyFields(i), codeSize: key.codeSize)
    for register in [Host.index, Host.address] where stored >> UInt32(register) & 1 != 0 {
      emitter.store(register, VcpuLayout.register(register))
    }
  }

  /// Instructions that may leave their destination as it was.
  private func keepsDestination(_ op: Op) -> Bool { op == .bsf || op == .bsr || op == .cmovcc }

  /// An instruction with a memory operand. The data register, if it is one of the scratch registers, is renamed to the
  /// index register, once the address is checked.
  mutating func emitCopyMemory(_ index: Int) {
    let i = instructions[index]
    emitOperandAddress(index)
    var fields = CopyFields(i)
    var renamed: UInt8?
    var isStored = false
    var isLoaded = false
    generalOperands(i) { register, kind, access in
      guard Self.isScratch(register) else { return }
      renamed = register
      if access != .write || i.operandSize < 4 || keepsDestination(i.op) { isLoaded = true }
      if access.contains(.write) { isStored = true }
      if kind == .gprVvvv { fields.vvvv = Host.index } else { fields.reg = Host.index }
    }
    if renamed != nil { freeIndexRegister() }
    fields.memory = operand
    if let renamed, isLoaded { emitter.load(Host.index, VcpuLayout.register(renamed)) }
    if let reg = fields.reg, reg >= Instruction.highByte, isHighByteOperand(i) {
      emitWithHighByte(index, fields, reg - Instruction.highByte)
    } else {
      emitter.copy(i, raw[index], fields, codeSize: key.codeSize)
    }
    if let renamed, isStored { emitter.store(Host.index, VcpuLayout.register(renamed)) }
    finishAccess()
  }

  private func isHighByteOperand(_ i: Instruction) -> Bool {
    InstructionTable.form(ofRow: i.row).regKind == .generalByte
  }

  /// AH CH DH BH cannot stand beside an extended register: a low one holds the address meanwhile.
  private mutating func emitWithHighByte(_ index: Int, _ fields: CopyFields, _ owner: UInt8) {
    let base: UInt8 = owner == Host.rbx ? Host.rsi : Host.rbx
    var changed = fields
    changed.memory = HostOperand(base: base)
    emitter.address(Host.index, operand)
    emitter.exchange(base, Host.index)
    emitter.copy(instructions[index], raw[index], changed, codeSize: key.codeSize)
    emitter.exchange(base, Host.index)
  }

  /// Every access of the instruction resumes behind it; one that transfers control goes on wherever it has led, which may
  /// be the next instruction too.
  mutating func finishAccess(isTransfer: Bool = false) {
    if !isTransfer { for site in accessSites { edit(site) { $0.resume = UInt32(emitter.position) } } }
    accessSites.removeAll(keepingCapacity: true)
  }

  mutating func emitIncrement(_ index: Int) {
    let i = instructions[index]
    if i.operandSize == 2 { emitter.byte(0x66) }
    emitter.bytes(0xff, (i.op == .inc ? 0xc0 : 0xc8) | i.reg & 7)
  }

  mutating func emitLEA(_ index: Int) {
    let i = instructions[index]
    let isScratch = Self.isScratch(i.reg)
    let destination = isScratch ? Host.address : i.reg
    if i.operandSize == 2 || i.addressSize == 2 {
      emitOffset(index)
      if isScratch { emitter.load(Host.index, VcpuLayout.register(i.reg)) }
      if i.operandSize == 2 { emitter.byte(0x66) }
      let target = isScratch ? Host.index : i.reg
      emitter.registers(0x8b, target, Host.address, wide: i.operandSize == 8)
      if isScratch { emitter.store(target, VcpuLayout.register(i.reg)) }
      return
    }
    if let constant = constantAddress(index) {
      emitter.immediate(destination, i.operandSize == 8 ? constant : constant & 0xffff_ffff)
    } else {
      let base: UInt8? = i.base < 16 ? i.base : nil
      let scaled: UInt8? = i.index < 16 ? i.index : nil
      if let base { loadScratch(base) }
      if let scaled, scaled != base { loadScratch(scaled) }
      emitter.address(
        destination, base: base, index: scaled, scale: i.scale, Int32(truncatingIfNeeded: i.displacement),
        size: i.addressSize == 4 ? 4 : Int(i.operandSize))
    }
    if isScratch { emitter.store(Host.address, VcpuLayout.register(i.reg)) }
  }

  /// MOV between the accumulator and an address in the instruction.
  mutating func emitMoffs(_ index: Int) {
    let i = instructions[index]
    emitOperandAddress(index)
    if i.operandSize == 2 { emitter.byte(0x66) }
    let opcode: UInt8 = [0x8a, 0x8b, 0x88, 0x89][Int(i.opcode & 3)]
    emitter.bytes(0x40 | (i.operandSize == 8 ? 8 : 0) | operand.rex, opcode)
    emitter.memory(0, operand)
    finishAccess()
  }
}
