import GuestMemory
import X86ISA

// Which guest instructions a block holds, and which status flags are live between them.
extension Translator {
  mutating func forgetInstructions() {
    buffers.bytes.removeAll(keepingCapacity: true)
    forgetDecoded()
    buffers.cold.removeAll(keepingCapacity: true)
    secondToken = nil
    secondPage = ~0
  }
  private mutating func forgetDecoded() {
    buffers.instructions.removeAll(keepingCapacity: true)
    buffers.raw.removeAll(keepingCapacity: true)
    buffers.plans.removeAll(keepingCapacity: true)
    buffers.starts.removeAll(keepingCapacity: true)
    buffers.ends.removeAll(keepingCapacity: true)
    round = 0
  }

  /// Decodes and plans from the bytes at hand, which begin at the block's first byte.
  ///
  /// `limit` instructions at most. False when the bytes end before the block does; there may be no instruction then.
  mutating func decode(_ planner: Planner, codeBytesLeft: UInt64, limit: Int) -> Bool {
    let size = CodeSize(rawValue: key.codeSize) ?? .bits16
    let count = buffers.bytes.count
    var offset = 0
    var sideExits = 0
    var isComplete = false
    forgetDecoded()
    while instructions.count < limit && offset < count {
      var instruction = Instruction()
      let end = min(count, offset + 15)
      let status = Decoder.decode(buffers.bytes.span.extracting(offset..<end), codeSize: size, into: &instruction)
      let length = Int(instruction.length)
      if status == .needMore && end == count { break }
      if status != .ok || UInt64(offset + length) > codeBytesLeft {
        // Undefined, too long, across the page or the limit: the interpreter knows what to do.
        if instructions.isEmpty {
          append(instruction, InstructionBytes(repeating: 0), InstructionPlan(treatment: .interpretLast), 0..<1)
        }
        isComplete = true
        break
      }
      var bytes = InstructionBytes(repeating: 0)
      for at in 0..<length { bytes[at] = buffers.bytes[offset + at] }
      let plan = checkTargets(instruction, planner.plan(instruction), UInt64(offset + length))
      append(instruction, bytes, plan, offset..<offset + length)
      offset += length
      if plan.treatment == .jumpIf { sideExits += 1 }
      if isHot && unrollLoop(sideExits) {
        isComplete = true
        break
      }
      isComplete = plan.treatment.endsBlock || sideExits == Self.maximumSideExits || instructions.count == limit
      if isComplete { break }
    }
    settleSystemInstructions()
    return isComplete
  }

  /// STI opens its window behind the next instruction, which must be a plain one, and not the first of another turn; CLAC
  /// alone changes nothing here.
  private mutating func settleSystemInstructions() {
    var isOpen = false
    for index in plans.indices {
      switch plans[index].treatment {
      case .setAccess: isOpen = true
      case .clearAccess:
        if !isOpen { plans[index].treatment = .nothing }
        isOpen = false
      case .setInterrupt:
        if !isCounted && index + 1 < plans.count && plans[index + 1].treatment.isPlain && !entersSecondPage(index + 1) {
          continue
        }
        plans[index] = InstructionPlan(treatment: .interpretLast, reads: FlagEffect.all)
        cut(to: index + 1)
        return
      default: continue
      }
    }
  }

  private mutating func cut(to count: Int) {
    buffers.instructions.removeLast(instructions.count - count)
    buffers.raw.removeLast(raw.count - count)
    buffers.plans.removeLast(plans.count - count)
    buffers.starts.removeLast(starts.count - count)
    buffers.ends.removeLast(ends.count - count)
  }

  private mutating func append(
    _ i: Instruction, _ bytes: InstructionBytes, _ plan: InstructionPlan, _ range: Range<Int>
  ) {
    buffers.instructions.append(i)
    buffers.raw.append(bytes)
    buffers.plans.append(plan)
    buffers.starts.append(UInt16(range.lowerBound))
    buffers.ends.append(UInt16(range.upperBound))
  }

  /// A branch that leaves the code segment or the canonical addresses faults: for the interpreter.
  private func checkTargets(_ i: Instruction, _ plan: InstructionPlan, _ end: UInt64) -> InstructionPlan {
    switch plan.treatment {
    case .jump, .jumpIf, .call, .loop, .jumpIfCounterZero:
      let target = rip &+ end &+ i.immediate
      let isGood: Bool =
        if isLong {
          cpu.isCanonical(target)
        } else {
          (key.codeSize == 1 ? target & 0xffff_ffff : target & 0xffff) <= UInt64(cpu.s.segments[Seg.cs].limit)
        }
      // What `Site.distance` can hold.
      let isNear = Int64(Int32(truncatingIfNeeded: target &- rip)) == Int64(bitPattern: target &- rip) || !isLong
      return isGood && isNear ? plan : InstructionPlan(treatment: .interpretLast, reads: FlagEffect.all)
    default: return plan
    }
  }

  // MARK: Liveness

  /// Backwards through the block: which flags each instruction must find as the guest left them.
  mutating func findLiveFlags(keepsAll: Bool) {
    var live = FlagEffect.all
    if let last = plans.indices.last {
      switch plans[last].treatment {
      case .jump, .call: live = peekLive(target(last))
      default: break
      }
      if !plans[last].treatment.endsBlock { live = peekLive(rip &+ UInt64(ends[last])) }
    }
    if keepsAll { live = FlagEffect.all }
    for index in plans.indices.reversed() {
      plans[index].liveBehind = live
      if plans[index].treatment == .jumpIf { live |= keepsAll ? FlagEffect.all : peekLive(target(index)) }
      live = live & ~plans[index].kills | plans[index].reads
      if keepsAll { live = FlagEffect.all }
      plans[index].liveBefore = live
    }
    liveIn = live
  }

  /// The flags that code at `target` reads before it overwrites them, as far as a short look tells; all when it does not.
  ///
  /// When the code that the look saw changes, this block is forgotten with it (`CodeCache.addPeek`).
  func peekLive(_ target: UInt64) -> UInt16 {
    if cpu.x.recompiler.keepsAllFlags { return FlagEffect.all }
    return cpu.liveFlags(at: target, key, instructions: 8, notes: true)
  }
}

extension Cpu {
  /// The flags that code at `target` reads before it overwrites them, as far as a look at so many instructions tells; all
  /// when it does not. The look does not fault. `notes`: see `peek`.
  func liveFlags(at target: UInt64, _ key: ModeKey, instructions: Int, notes: Bool) -> UInt16 {
    let planner = Planner(key: key, model: model, keepsAllFlags: false, leavesUnsteady: false)
    var at = target
    var pending = FlagEffect.all
    var live: UInt16 = 0
    for _ in 0..<instructions {
      guard let (i, length) = peek(at, key, notes: notes) else { return live | pending }
      let plan = planner.plan(i)
      live |= plan.reads & pending
      pending &= ~plan.kills
      if pending == 0 { return live }
      at = at &+ UInt64(length)
      switch plan.treatment {
      case .jump: at = at &+ i.immediate
      case let other where other.isPlain: continue
      default: return live | pending
      }
    }
    return live | pending
  }
}
