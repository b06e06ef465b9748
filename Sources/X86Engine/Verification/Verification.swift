import CHost
import X86ISA

// The engine `verified`: every run of generated code is tried with copies in place of memory first, then the interpreter
// executes the same instructions for good, and both must have come to the same. Devices, interrupts and everything
// that the recompiler declines are the interpreter's alone, so that they happen once.
extension Cpu {
  /// Blocks of a trial: enough to make the copies of state and pages pay.
  private static let trialBlocks = 24
  /// Trials before another vCPU has its turn: handing it over may take a time slice on a busy host.
  private static let trialsInTurn = 32

  func runVerified() -> RunOutcome {
    while true {
      context.group.takeTurn(for: self)
      defer { context.group.endTurn() }
      for _ in 0..<Cpu.trialsInTurn {
        if let outcome = runTrialAndCompare() { return outcome }
      }
    }
  }

  private func step() throws(Fault) {
    if x.counting.isOn { try stepCounted() } else { try stepInterpreted() }
  }

  func runTrialAndCompare() -> RunOutcome? {
    if hasServiceableEvents || s.activity != Activity.running {
      if let outcome = serviceEvents() { return outcome }
    }
    do throws(Fault) {
      if mustStep {
        try step()
      } else if try lookUpCode() != nil {
        try verify()
      } else {
        try step()
      }
    } catch {
      charge()
      s.instructionStart = rip
      deliver(error)
    }
    return nil
  }

  private func verify() throws(Fault) {
    keep(.before)
    runTrial(blocks: Cpu.trialBlocks)
    let (executed, end, live) = (x.trial.executed, x.trial.end, x.trial.live)
    keep(.tried)
    restore(.before)
    // A turn ends where it ends.
    let count = x.counting.isOn ? min(executed, Int(g.budget)) : executed
    let run = interpret(count)
    x.verifiedInstructions &+= UInt64(count)
    if end != .abandoned && count == executed {
      keep(.interpreted)
      var differences = compare(flags: live & ~run.undefined)
      differences += memoryDifferences()
      if run.fault != nil {
        differences.append("the interpreter raised \(run.faultText) after \(run.executed) instructions")
      }
      if !differences.isEmpty { return reportUnlessChanged(differences) }
    }
    if let fault = run.fault {
      deliver(fault)
    } else if executed == 0 || !hasServiceableEvents {
      // What ended the trial, mostly.
      if !isExhausted { try step() }
    }
  }

  // MARK: The interpreter's run

  struct InterpretedRun {
    var executed = 0
    /// Status flags that the instructions leave undefined.
    var undefined: UInt16 = 0
    var fault: Fault?
    var faultText: String { fault.map { "vector \($0.vector), error code \($0.errorCode)" } ?? "nothing" }
  }

  private func interpret(_ count: Int) -> InterpretedRun {
    var run = InterpretedRun()
    while run.executed < count {
      run.fault = interpretForComparison { run.undefined = undefinedFlags(behind: $0, run.undefined) }
      if run.fault != nil { break }
      run.executed += 1
    }
    return run
  }

  /// Which flags are undefined behind an instruction, given those before; it has not run yet.
  private func undefinedFlags(behind i: Instruction, _ before: UInt16) -> UInt16 {
    let effect = InstructionTable.flags(ofRow: i.row)
    var undefined = effect.undefined
    switch i.op {
    case .shl, .shr, .sar, .rol, .ror, .rcl, .rcr, .shld, .shrd:
      let isDouble = i.op == .shld || i.op == .shrd
      let kind = InstructionTable.operandCode(ofRow: i.row, isDouble ? 2 : 1).kind
      let raw = kind == .one ? 1 : kind == .countCL ? s.regs[1] : i.immediate
      let count = raw & (i.operandSize == 8 ? 63 : 31)
      if count == 0 { return before }
      if count != 1 { undefined |= FlagEffect.of }
      if count >= UInt64(i.operandSize) * 8 { undefined |= FlagEffect.cf }
      if isDouble { undefined |= count > UInt64(i.operandSize) * 8 ? FlagEffect.all : FlagEffect.af }
      return before & ~(effect.writes & ~undefined) | undefined
    default: return before & ~effect.writes | undefined
    }
  }

  // MARK: Comparison

  /// What differs between what generated code and what the interpreter has come to.
  private func compare(flags: UInt16) -> [String] {
    let vectors = hasSameVectors(.tried, .interpreted)
    return withKept(.tried, .interpreted) { differences($0, $1, flags: flags, sameVectors: vectors) }
  }

  private func differences(
    _ tried: borrowing VisibleState, _ real: borrowing VisibleState, flags: UInt16, sameVectors: Bool
  ) -> [String] {
    var found: [String] = []
    func check(_ what: @autoclosure () -> String, _ a: UInt64, _ b: UInt64) {
      if a != b { found.append("\(what()): recompiler \(Cpu.hex(a)), interpreter \(Cpu.hex(b))") }
    }
    for number in 0..<16 { check(Cpu.registerNames[number], tried.registers[number], real.registers[number]) }
    check("RIP", tried.rip, real.rip)
    var mask = UInt64(flags) & RFLAGS.status
    if (tried.statusFlags ^ real.statusFlags) & mask != 0 {
      // A block before may have seen that they are dead here, and this one not: its look ahead found code that changes.
      mask &= UInt64(liveFlags(at: real.rip, modeKey, instructions: 64, notes: false))
    }
    check("status flags", tried.statusFlags & mask, real.statusFlags & mask)
    check("system flags", tried.systemFlags, real.systemFlags)
    check("data view", UInt64(tried.dataTLB), UInt64(real.dataTLB))
    check("GS base", tried.gsBase, real.gsBase)
    check("kernel GS base", tried.kernelGSBase, real.kernelGSBase)
    // An exception that the host raised has left its mark already.
    let marks: UInt32 = x.trial.end == .fault ? 0x3f : 0
    check("MXCSR", UInt64(tried.mxcsr & ~marks), UInt64(real.mxcsr & ~marks))
    for number in 0..<8 { check("K\(number)", tried.opmasks[number], real.opmasks[number]) }
    for word in 0..<256 where !sameVectors {
      check("ZMM\(word / 8)[\(word % 8)]", tried.vectors[word], real.vectors[word])
    }
    // Control, status, tags; not the pointers to the last instruction.
    check("x87 control, status, tags", tried.x87[0] & 0xff_ffff_ffff, real.x87[0] & 0xff_ffff_ffff)
    for word in 4..<20 {
      let mask: UInt64 = word & 1 == 0 ? ~0 : 0xffff
      check("ST\(word / 2 - 2)", tried.x87[word] & mask, real.x87[word] & mask)
    }
    return found
  }

  private func memoryDifferences() -> [String] {
    var found: [String] = []
    if let difference = shadowDifference() {
      let address = difference.page << 12 | UInt64(difference.offset)
      let values = "recompiler \(Cpu.hex(UInt64(difference.copy))), interpreter \(Cpu.hex(UInt64(difference.memory)))"
      found.append("memory at physical \(Cpu.hex(address)): \(values)")
    }
    for page in writablePages where x.shadow.place(of: page) == nil {
      found.append("only the interpreter stored to physical page \(Cpu.hex(page << 12))")
    }
    return found
  }

  static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
  static let registerNames = [
    "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15",
  ]

  // MARK: Divergence

  /// Something else may have stored to the same memory meanwhile: a device. So both runs are made again, with copies, a
  /// block more each time, until they differ once more or never do.
  private func reportUnlessChanged(_ first: [String]) {
    keep(.real)
    let budget = g.budget
    x.shadow.noted = []
    defer {
      g.budget = budget
      x.shadow.noted = nil
    }
    let originals = x.shadow.originals
    let blocks = x.trial.blocks.count
    for count in 1...max(blocks, 1) {
      restore(.before)
      runTrial(blocks: count, originals)
      let trial = x.trial
      keep(.tried)
      let results = x.shadow.results
      restore(.before)
      x.shadow.begin(originals)
      let run = interpret(trial.executed)
      x.shadow.end()
      flushData()
      keep(.interpreted)
      var differences = compare(flags: trial.live & ~run.undefined)
      differences += differencesOf(results, x.shadow.results)
      if run.fault != nil { differences.append("the interpreter raised \(run.faultText)") }
      if differences.isEmpty { continue }
      let report = DivergenceReport(
        differences: differences, first: first, trial: trial, before: kept(.before), tried: kept(.tried),
        interpreted: kept(.interpreted), originals: originals)
      restore(.before)
      let divergence = Divergence(report: describe(report), testCase: testCase(report).json)
      restore(.real)
      s.activity = Activity.shutdown
      return context.group.report(divergence)
    }
    x.changedMeanwhile &+= 1
    restore(.real)
  }

  private func differencesOf(
    _ tried: [(page: UInt64, bytes: [UInt8])], _ interpreted: [(page: UInt64, bytes: [UInt8])]
  ) -> [String] {
    var found: [String] = []
    for (page, bytes) in tried {
      guard let other = interpreted.first(where: { $0.page == page })?.bytes else {
        found.append("only the recompiler stored to physical page \(Cpu.hex(page << 12))")
        continue
      }
      for offset in 0..<0x1000 where bytes[offset] != other[offset] {
        if ShadowMemory.areEntryMarks(bytes[offset], other[offset], offset) { continue }
        let values = "recompiler \(Cpu.hex(UInt64(bytes[offset]))), interpreter \(Cpu.hex(UInt64(other[offset])))"
        found.append("memory at physical \(Cpu.hex(page << 12 | UInt64(offset))): \(values)")
        break
      }
    }
    for (page, _) in interpreted where !tried.contains(where: { $0.page == page }) {
      found.append("only the interpreter stored to physical page \(Cpu.hex(page << 12))")
    }
    return found
  }
}
