import X86ISA

/// How an instruction is translated.
enum Treatment: UInt8 {
  /// As it stands: no memory operand.
  case copy
  /// As it stands, with its memory operand at a checked host address.
  case copyMemory
  /// Has no effect (NOP, ENDBR, prefetches).
  case nothing
  case lea
  case push, pop, leave
  case jump, jumpIf, jumpIndirect, call, callIndirect, ret
  case loop, jumpIfCounterZero
  case increment32
  case moffs
  /// Done in place at CPL 0, or where it cannot fault.
  case pushFlags, clearInterrupt, setInterrupt, setAccess, clearAccess, readTimeStamp, swapGS
  /// PAUSE: as it stands, and counted.
  case spin
  /// By the interpreter; the last one ends the block.
  case interpret, interpretLast
}

/// What the translator knows about one instruction of a block.
struct InstructionPlan {
  var treatment: Treatment
  /// Status flags read; overwritten whatever happens.
  var reads: UInt16 = 0
  var kills: UInt16 = 0
  /// Status flags that it may change.
  var touches: UInt16 = 0
  /// Memory operand: bytes, written.
  var size: UInt8 = 0
  var writes = false
  /// Must not be filled before it is executed: masked, or larger than what it touches.
  var isMasked = false
  /// Width of vectors that it uses: 0 none, 1 SSE, 2 AVX, 3 AVX-512.
  var vectorLevel: UInt8 = 0
  /// A branch back to the block's start whose next round follows in the block: what goes on behind it is the way out.
  var isFollowed = false
  /// Flags live before the instruction and behind it; filled in by the liveness pass.
  var liveBefore: UInt16 = FlagEffect.all
  var liveBehind: UInt16 = FlagEffect.all
}

extension Treatment {
  /// How a table row is treated where the mode allows it; by operation and attributes.
  static let ofRow: [Treatment] = (0..<InstructionTable.count).map { rule(UInt16($0)) }

  private static func rule(_ row: UInt16) -> Treatment {
    let attributes = InstructionTable.attributes(ofRow: row)
    let op = InstructionTable.op(ofRow: row)
    if attributes.contains(.thunk) {
      if attributes.contains(.vsib) { return .interpret }
      return notCopied.contains(op) ? .interpret : .copy
    }
    if let special = special[op] { return special }
    if let system = system[op] { return system }
    if isMoveWithSegmentOrControl(row) { return .interpret }
    if copied.contains(op) { return .copy }
    return attributes.contains(.endsBlock) ? .interpretLast : .interpret
  }

  private static func isMoveWithSegmentOrControl(_ row: UInt16) -> Bool {
    for place in 0..<InstructionTable.maximumOperands {
      switch InstructionTable.operandCode(ofRow: row, place).kind {
      case .segmentRegister, .controlRegister, .debugRegister, .fixedSegment: return true
      default: continue
      }
    }
    return false
  }

  /// x87 state images tell host addresses, and masked stores with an implicit address.
  private static let notCopied: Set<Op> = [
    .fnstenv, .fldenv, .fnsave, .frstor, .maskmovq, .maskmovdqu, .vmaskmovdqu,
  ]

  private static let special: [Op: Treatment] = [
    .nop: .nothing, .endbr64: .nothing, .endbr32: .nothing, .prefetch: .nothing, .prefetchw: .nothing,
    .prefetchwt1: .nothing, .prefetchnta: .nothing, .prefetcht0: .nothing, .prefetcht1: .nothing, .prefetcht2: .nothing,
    .lea: .lea, .leave: .leave, .jmp: .jump, .jcc: .jumpIf, .call: .call, .ret: .ret, .loop: .loop,
    .jcxz: .jumpIfCounterZero,
  ]

  private static let system: [Op: Treatment] = [
    .pushf: .pushFlags, .cli: .clearInterrupt, .sti: .setInterrupt, .stac: .setAccess, .clac: .clearAccess,
    .rdtsc: .readTimeStamp, .swapgs: .swapGS, .pause: .spin,
  ]

  private static let copied: Set<Op> = [
    .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp, .inc, .dec, .not, .neg, .mul, .imul, .div, .idiv, .test, .xchg,
    .mov, .movzx, .movsx, .movsxd, .movbe, .movnti, .movdiri, .cmovcc, .setcc, .cbw, .cwde, .cdqe, .cwd, .cdq, .cqo,
    .rol, .ror, .rcl, .rcr, .shl, .shr, .sar, .shld, .shrd, .shlx, .sarx, .shrx, .rorx, .bt, .bts, .btr, .btc, .bsf,
    .bsr, .tzcnt, .lzcnt, .popcnt, .bswap, .crc32, .andn, .blsr, .blsmsk, .blsi, .bzhi, .pext, .pdep, .mulx, .bextr,
    .adcx, .adox, .xadd, .cmpxchg, .cmpxchg8b, .cmpxchg16b, .sahf, .lahf, .cmc, .clc, .stc, .lfence, .mfence, .sfence,
    .wait, .vzeroupper, .vzeroall, .push, .pop, .ldmxcsr, .stmxcsr, .vldmxcsr, .vstmxcsr,
  ]
}

/// Decides how instructions are translated in one mode on one processor model.
struct Planner {
  let key: ModeKey
  let model: CPUModel
  /// Treat every status flag as live everywhere: exact values even where nothing can read them.
  let keepsAllFlags: Bool
  /// See `RecompilerState`.
  let leavesUnsteady: Bool
  private static let unsteady: Set<Op> = [.rdtsc, .rdrand, .rdseed, .pushf, .lahf]

  func plan(_ i: Instruction) -> InstructionPlan {
    var plan = InstructionPlan(treatment: Treatment.ofRow[Int(i.row)])
    if !model.offers(row: Int(i.row)) { return declined(i) }
    let attributes = InstructionTable.attributes(ofRow: i.row)
    guard unitsAreUsable(attributes) else { return declined(i) }
    if leavesUnsteady && Planner.unsteady.contains(i.op) { return declined(i) }
    flags(i, attributes, &plan)
    vectors(attributes, &plan)
    switch plan.treatment {
    case .copy: copy(i, attributes, &plan)
    case .jump: if isIndirect(i) { plan.treatment = .jumpIndirect }
    case .call: if isIndirect(i) { plan.treatment = .callIndirect }
    case .pushFlags, .clearInterrupt, .setInterrupt, .setAccess, .clearAccess, .readTimeStamp, .swapGS:
      if !isDoneInPlace(plan.treatment, i) { return declined(i) }
    case .leave:
      if i.operandSize != naturalSize || key.codeSize != 2 && !key.hasBigStack { return declined(i) }
    default: break
    }
    if plan.treatment == .interpret || plan.treatment == .interpretLast { return declined(i) }
    // Operand-size prefixes on branches truncate RIP: rare, and not worth code.
    if isBranch(plan.treatment), i.operandSize != naturalSize { return declined(i) }
    memory(i, &plan)
    return plan
  }

  /// System instructions that cannot fault in this mode and whose effect is plain.
  private func isDoneInPlace(_ treatment: Treatment, _ i: Instruction) -> Bool {
    let isVirtual = key.mode == CPUMode.virtual8086.rawValue
    switch treatment {
    case .pushFlags: return !isVirtual && i.operandSize == naturalSize
    case .clearInterrupt, .setInterrupt: return key.cpl == 0 && !isVirtual
    case .setAccess, .clearAccess: return key.codeSize == 2 && key.cpl == 0 && key.view == 2
    case .readTimeStamp: return !keepsAllFlags && (key.cpl == 0 || key.allowsTimeStamp)
    default: return key.codeSize == 2 && key.cpl == 0
    }
  }

  private var naturalSize: UInt8 { key.codeSize == 2 ? 8 : key.codeSize == 1 ? 4 : 2 }

  private func isBranch(_ treatment: Treatment) -> Bool {
    switch treatment {
    case .jump, .jumpIf, .jumpIndirect, .call, .callIndirect, .ret, .loop, .jumpIfCounterZero: true
    default: false
    }
  }

  /// By the interpreter, which reads and writes whatever flags it wants.
  private func declined(_ i: Instruction) -> InstructionPlan {
    let isRepeated = InstructionTable.attributes(ofRow: i.row).contains(.repeatable)
    let isLast = EndsBlock.check(i) && !isRepeated || !model.offers(row: Int(i.row))
    return InstructionPlan(treatment: isLast ? .interpretLast : .interpret, reads: FlagEffect.all)
  }

  private func unitsAreUsable(_ attributes: InstructionRow.Attributes) -> Bool {
    if attributes.contains(.avx512) { return key.avx512 }
    if attributes.contains(.avx) { return key.avx }
    if attributes.contains(.sse) { return key.sse }
    if attributes.contains(.mmx) { return key.mmx }
    if attributes.contains(.x87) { return key.x87 }
    return true
  }

  private func flags(_ i: Instruction, _ attributes: InstructionRow.Attributes, _ plan: inout InstructionPlan) {
    let effect = InstructionTable.flags(ofRow: i.row)
    plan.reads = effect.reads
    plan.kills = effect.writes | effect.undefined
    plan.touches = plan.kills
    switch i.op {
    case .jcc, .setcc, .cmovcc: plan.reads = i.conditionFlags
    case .shl, .shr, .sar, .shld, .shrd:
      // An immediate count other than zero overwrites them all.
      let mask: UInt64 = i.operandSize == 8 ? 63 : 31
      if i.immediateOffset != 0, i.immediate & mask != 0 { plan.reads = 0 }
      if plan.reads != 0 { plan.kills = 0 }
    case .rol, .ror:
      let mask: UInt64 = i.operandSize == 8 ? 63 : 31
      // An immediate count other than zero changes CF; OF it leaves undefined or, by one place, defines.
      if i.immediateOffset != 0, i.immediate & mask != 0 { plan.reads = 0 }
      if plan.reads != 0 { plan.kills = 0 }
    case .rcl, .rcr: if effect.reads & FlagEffect.of != 0 { plan.kills = 0 }
    default: break
    }
    if keepsAllFlags { plan.reads = FlagEffect.all }
  }

  private func vectors(_ attributes: InstructionRow.Attributes, _ plan: inout InstructionPlan) {
    if attributes.contains(.avx512) {
      plan.vectorLevel = 3
    } else if attributes.contains(.avx) {
      plan.vectorLevel = 2
    } else if attributes.contains(.sse) {
      plan.vectorLevel = 1
    }
  }

  private func isIndirect(_ i: Instruction) -> Bool { i.modRMOffset != 0 }

  private func copy(_ i: Instruction, _ attributes: InstructionRow.Attributes, _ plan: inout InstructionPlan) {
    switch i.op {
    case .vzeroupper, .vzeroall: plan.vectorLevel = max(plan.vectorLevel, 2)
    case .push, .pop:
      plan.treatment = i.op == .push ? .push : .pop
      // POP to memory and the segment forms are the interpreter's.
      if i.op == .pop && i.prefixes.contains(.memory) { plan.treatment = .interpret }
      if i.op == .pop && (i.modRMOffset != 0 ? i.rm : i.reg) == Host.rsp { plan.treatment = .interpret }
      return
    case .inc, .dec: if i.modRMOffset == 0 { plan.treatment = .increment32 }
    case .mov: if i.opcode & 0xfc == 0xa0 && i.prefixes.contains(.memory) { plan.treatment = .moffs }
    case .bt, .bts, .btr, .btc:
      // With a register bit offset the operand can lie anywhere.
      if i.prefixes.contains(.memory) && i.immediateOffset == 0 { plan.treatment = .interpret }
    case .cmpxchg16b: if key.codeSize != 2 { plan.treatment = .interpret }
    case .lahf, .sahf: if key.codeSize == 2 && !model.has(.lahf_lm) { plan.treatment = .interpret }
    default: break
    }
    if plan.treatment == .copy, i.prefixes.contains(.memory) {
      plan.treatment = namesBothScratchRegisters(i) ? .interpret : .copyMemory
    }
  }

  /// With a memory operand only one register is left to rename to.
  private func namesBothScratchRegisters(_ i: Instruction) -> Bool {
    var count = 0
    for place in 0..<InstructionTable.maximumOperands {
      switch InstructionTable.operandCode(ofRow: i.row, place).kind {
      case .gprReg: if Translator.isScratch(i.reg) { count += 1 }
      case .gprVvvv: if Translator.isScratch(i.vvvv) { count += 1 }
      default: continue
      }
    }
    return count > 1
  }

  private func memory(_ i: Instruction, _ plan: inout InstructionPlan) {
    guard i.prefixes.contains(.memory) else { return }
    for place in 0..<InstructionTable.maximumOperands {
      let code = InstructionTable.operandCode(ofRow: i.row, place)
      switch code.kind {
      case .none: continue
      case .gprOrMemory, .mmxOrMemory, .vectorOrMemory, .maskOrMemory, .memory, .memoryOffset:
        if code.access.contains(.write) { plan.writes = true }
      default: continue
      }
    }
    let bytes = i.memoryBytes
    if bytes == 0 || bytes > 64 {
      if plan.treatment == .copyMemory { plan.treatment = .interpret; plan.reads = FlagEffect.all }
      return
    }
    plan.size = UInt8(bytes)
    switch i.op {
    case .cmpxchg, .cmpxchg8b, .cmpxchg16b, .xchg, .xadd: plan.writes = true
    default: break
    }
    masked(i, &plan)
  }

  /// Operands of which only a part may be touched.
  private func masked(_ i: Instruction, _ plan: inout InstructionPlan) {
    if i.prefixes.contains(.evex) && i.evexControl & 7 != 0 { plan.isMasked = true }
    switch i.op {
    case .vmaskmovps, .vmaskmovpd, .vpmaskmovd, .vpmaskmovq: plan.isMasked = true
    case .vpcompressb, .vpcompressw, .vpcompressd, .vpcompressq, .vcompressps, .vcompresspd, .vpexpandb, .vpexpandw,
      .vpexpandd, .vpexpandq, .vexpandps, .vexpandpd:
      plan.isMasked = true
      plan.size = UInt8(i.vectorBytes)
    default: break
    }
  }
}
