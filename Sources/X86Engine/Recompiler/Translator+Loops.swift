import X86ISA

// Loops that lie in one block, unrolled where much of the time goes by.
//
// A block that ends with a branch to its own start is followed by itself, several times: only the last round looks whether
// somebody wants the processor, and accesses of all rounds that go on through memory by constant steps are one group, with one
// check. Where a group's range misses, as at the end of a page, the rest of its round is executed with every access by itself
// (`emitSingles`), and the next round is the first again.
extension Translator {
  private static let maximumRounds = 8
  /// Instructions that may be emitted one by one behind a block: rounds of many accesses have fewer groups.
  static let maximumSingles = 128

  /// Repeats the instructions so far, of which the last has just been decoded, if that is a branch to the first.
  mutating func unrollLoop(_ sideExits: Int) -> Bool {
    guard let last = plans.indices.last, hooks == nil, !isCounted, target(last) == rip else { return false }
    switch plans[last].treatment {
    case .jumpIf, .jump: break
    default: return false
    }
    guard plans.dropLast().allSatisfy({ $0.treatment.isPlain || $0.treatment == .jumpIf }) else { return false }
    // Rounds one by one (`emitSingles`) do not look at a second page.
    let count = last + 1
    guard Int(ends[last]) <= bytesToPageEnd else { return false }
    let rounds = min(
      Self.maximumRounds, Self.maximumInstructions / count, Self.maximumSideExits / max(sideExits, 1))
    guard rounds > 1 else { return false }
    round = count
    let branch = plans[last]
    plans[last].isFollowed = branch.treatment == .jumpIf
    if branch.treatment == .jump { plans[last].treatment = .nothing }
    for _ in 1..<rounds {
      buffers.instructions += instructions[..<count]
      buffers.raw += raw[..<count]
      buffers.plans += plans[..<count]
      buffers.starts += starts[..<count]
      buffers.ends += ends[..<count]
    }
    plans[plans.count - 1] = branch
    return true
  }

  /// The last instruction of the round that holds one.
  func endOfRound(_ index: Int) -> Int { index / round * round + round - 1 }

  /// Whether a group may begin at an instruction: there is room for the rest of its round.
  func hasRoomForSingles(_ first: Int) -> Bool { endOfRound(first) - first < singlesLeft }

  /// Units are looked at before the first round: any instruction may be gone on at.
  mutating func emitVectorCheckOfLoop() {
    guard plans[..<round].contains(where: { $0.vectorLevel > 0 }) else { return }
    emitVectorCheck(plans[0].liveBefore)
    vectorsChecked = true
  }

  /// Behind the accesses of a round one by one: to the loop's start; behind the last round's branch, out of the loop.
  mutating func emitNextRound(_ last: Int) {
    if last < plans.count - 1 {
      emitExit(to: rip, live: plans[last].liveBehind)
    } else if !plans[last].treatment.endsBlock {
      emitExit(to: rip &+ UInt64(ends[last]), live: liveAtEnd)
    }
  }
}
