import CHost
import X86ISA

/// Translated code of one vCPU: host code in a memory that is mapped twice, the blocks it belongs to, and the sites where it
/// leaves for Swift.
///
/// Bounded: when code or tables are full everything is forgotten and translation starts over. Used by the vCPU's
/// thread only.
// SAFETY(type): the tables are allocated in init with the capacities below and freed once, by `Vcpu`'s deinit; their
// elements are trivial. Indexes are made by `add` and `site` only, below the counts, and no index outlives `removeAll`
// but in generated code, which is never entered again then.
@safe struct CodeCache {
  static let codeBytes = 32 << 20
  static let blockCapacity = 256 * 1024
  static let siteCapacity = 1024 * 1024
  static let decodedCapacity = 256 * 1024
  static let bucketCount = 32 * 1024
  /// Room that one block may need at most.
  static let largestBlock = 64 * 1024

  let write: UnsafeMutableRawPointer
  let execute: UnsafeMutableRawPointer
  private let blocks: UnsafeMutablePointer<TranslationBlock>
  private let sites: UnsafeMutablePointer<Site>
  private let marks: UnsafeMutablePointer<InstructionMark>
  private let decoded: UnsafeMutablePointer<Instruction>
  private var decodedCount = 0
  /// Interpreted instructions by operation, for statistics.
  let declined: UnsafeMutablePointer<UInt64>
  private let buckets: UnsafeMutablePointer<UInt32>
  private let pageBuckets: UnsafeMutablePointer<UInt32>
  private let secondBuckets: UnsafeMutablePointer<UInt32>
  /// End of the stubs: where blocks begin.
  var stubEnd = 0
  var used = 0
  private(set) var blockCount = 0
  private(set) var siteCount = 0
  private(set) var markCount = 0
  /// Blocks by the page that their translation looked at without holding its code: see `Translator.peekLive`.
  private var peeks: [UInt64: [Peek]] = [:]
  private var tokens: [PageIdentity: UInt32] = [:]
  private var nextToken: UInt32 = 1
  var statistics = RecompilerStatistics()

  private struct PageIdentity: Hashable {
    var linear: UInt64
    var physical: UInt64
    var key: UInt32
  }

  /// Physical addresses of blocks whose groups of accesses kept missing: these have their accesses one by one as well.
  var missing: Set<UInt64> = []
  /// The same for groups that look ahead, whose ranges are larger: the first thing to give up.
  var unanchored: Set<UInt64> = []
  /// Those of instructions with accesses that were found at a second look too often.
  private var conflicted: Set<UInt64> = []
  /// Those of blocks in which much of the time goes by (HotCode.swift), and their near entries by base register.
  private var hot: Set<UInt64> = []
  private var nearEntries: [UInt64: UInt16] = [:]

  /// What the block to be added next depends on has changed already.
  private(set) var isNextStale = false
  /// Pages that the block to be added next is made from.
  private var nextPage = ~UInt64(0)
  private var nextSecondPage = ~UInt64(0)
  private let changes: UnsafeMutablePointer<ChangingCode>

  /// How often code that begins in 64 bytes of memory had to be forgotten because it was stored to.
  private struct ChangingCode {
    var chunk: UInt64 = ~0
    var changes: UInt16 = 0
    /// Times that it is interpreted before it is translated again.
    var refusals: UInt16 = 0

    static let count = 4096
    /// Changes that are met with a new translation.
    static let tolerated: UInt16 = 4
    /// A translation costs about as much as interpreting some thirty short blocks.
    static let refusals: UInt16 = 32
  }

  /// Bytes of a page that a block's flags depend on.
  fileprivate struct Peek {
    var start: UInt64
    var end: UInt64
    var block: UInt32
  }

  init() {
    var w: UnsafeMutableRawPointer?
    var x: UnsafeMutableRawPointer?
    guard unsafe rb_code_memory(CodeCache.codeBytes, &w, &x), let w = unsafe w, let x = unsafe x else {
      fatalError("no memory for translated code: the host refused to map executable memory")
    }
    // SAFETY: fresh allocations of trivial types; large ones are only touched as they fill.
    do {
      unsafe write = w
      unsafe execute = x
      unsafe blocks = .allocate(capacity: CodeCache.blockCapacity)
      unsafe sites = .allocate(capacity: CodeCache.siteCapacity)
      unsafe marks = .allocate(capacity: CodeCache.siteCapacity)
      unsafe decoded = .allocate(capacity: CodeCache.decodedCapacity)
      unsafe changes = .allocate(capacity: ChangingCode.count)
      unsafe changes.initialize(repeating: ChangingCode(), count: ChangingCode.count)
      unsafe declined = .allocate(capacity: Op.allCases.count)
      unsafe declined.initialize(repeating: 0, count: Op.allCases.count)
      unsafe buckets = .allocate(capacity: CodeCache.bucketCount)
      unsafe pageBuckets = .allocate(capacity: CodeCache.bucketCount)
      unsafe secondBuckets = .allocate(capacity: CodeCache.bucketCount)
      unsafe buckets.initialize(repeating: 0, count: CodeCache.bucketCount)
      unsafe pageBuckets.initialize(repeating: 0, count: CodeCache.bucketCount)
      unsafe secondBuckets.initialize(repeating: 0, count: CodeCache.bucketCount)
    }
  }
  func deallocate() {
    // SAFETY: called once by `Vcpu`'s deinit.
    do {
      unsafe rb_code_free(write, execute, CodeCache.codeBytes)
      unsafe blocks.deallocate()
      unsafe sites.deallocate()
      unsafe marks.deallocate()
      unsafe decoded.deallocate()
      unsafe declined.deallocate()
      unsafe changes.deallocate()
      unsafe buckets.deallocate()
      unsafe pageBuckets.deallocate()
      unsafe secondBuckets.deallocate()
    }
  }

  func emitter() -> Emitter { unsafe Emitter(base: write, limit: CodeCache.codeBytes, position: used) }
  /// Address in the executable mapping.
  func address(_ position: UInt32) -> UInt { unsafe UInt(bitPattern: execute) &+ UInt(position) }
  var executableRange: Range<UInt> {
    unsafe UInt(bitPattern: execute)..<(UInt(bitPattern: execute) &+ UInt(CodeCache.codeBytes))
  }

  // MARK: Blocks

  @inline(__always) private static func bucket(_ physical: UInt64) -> Int {
    Int(truncatingIfNeeded: physical ^ physical >> 15) & (bucketCount - 1)
  }
  @inline(__always) private static func pageBucket(_ page: UInt64) -> Int {
    Int(truncatingIfNeeded: page ^ page >> 15) & (bucketCount - 1)
  }

  /// The block's record, in place.
  @inline(__always) func block(_ index: UInt32) -> UnsafeMutablePointer<TranslationBlock> { unsafe blocks + Int(index) }
  @inline(__always) func site(_ index: UInt32) -> UnsafeMutablePointer<Site> { unsafe sites + Int(index) }
  /// Address of the first site.
  var siteTable: UInt { unsafe UInt(bitPattern: sites) }
  @inline(__always) func mark(_ index: UInt32) -> InstructionMark { unsafe marks[Int(index)] }

  func find(
    physical: UInt64, rip: UInt64, key: ModeKey, codeBase: UInt64, codeLimit: UInt32
  ) -> UInt32? {
    var index = unsafe buckets[CodeCache.bucket(physical)]
    while index != 0 {
      let block = unsafe blocks + Int(index &- 1)
      if unsafe block.pointee.physical == physical && block.pointee.rip == rip && block.pointee.key == key
        && block.pointee.isValid && block.pointee.codeBase == codeBase && block.pointee.codeLimit == codeLimit
      {
        return index &- 1
      }
      unsafe index = block.pointee.nextInBucket
    }
    return nil
  }

  func isConflicted(_ instruction: UInt64) -> Bool { !conflicted.isEmpty && conflicted.contains(instruction) }
  mutating func noteConflict(_ instruction: UInt64) { conflicted.insert(instruction) }
  func isHot(_ block: UInt64) -> Bool { !hot.isEmpty && hot.contains(block) }
  mutating func noteHot(_ block: UInt64) { hot.insert(block) }
  /// No block is hot any more: forgets those that were; calls `body` with the key and the address of each.
  mutating func invalidateHot(_ body: (ModeKey, UInt64) -> Void) {
    for index in 0..<UInt32(blockCount) {
      // SAFETY: below the count.
      let block = unsafe block(index)
      guard unsafe block.pointee.isHot && block.pointee.isValid else { continue }
      unsafe invalidate(block)
      unsafe body(block.pointee.key, block.pointee.rip)
    }
    forgetHot()
  }
  private mutating func forgetHot() {
    hot.removeAll(keepingCapacity: true)
    nearEntries.removeAll(keepingCapacity: true)
  }

  /// The near entry of a block's accesses off a base register, which no other has; nil when all are given.
  mutating func nearEntry(block: UInt64, base: UInt8) -> UInt16? {
    let owner = block << 4 | UInt64(base)
    if let known = nearEntries[owner] { return known }
    guard hasNearEntries else { return nil }
    let entry = UInt16(nearEntries.count + 1)
    nearEntries[owner] = entry
    return entry
  }
  var hasNearEntries: Bool { nearEntries.count < VcpuLayout.nearCount - 1 }

  /// Pages that code has been found in before all is forgotten: a guest may map one at ever new addresses.
  private static let tokenCapacity = 1 << 18

  /// Whether one more block fits.
  var hasRoom: Bool {
    used + CodeCache.largestBlock <= CodeCache.codeBytes && blockCount < CodeCache.blockCapacity
      && siteCount + 1024 <= CodeCache.siteCapacity && markCount + 256 <= CodeCache.siteCapacity
      && decodedCount + 1 <= CodeCache.decodedCapacity && tokens.count < CodeCache.tokenCapacity
  }

  /// Adds a block; it can be found from now on.
  mutating func add(_ block: TranslationBlock) -> UInt32 {
    let index = UInt32(blockCount)
    var new = block
    let bucket = CodeCache.bucket(block.physical)
    unsafe new.nextInBucket = buckets[bucket]
    unsafe buckets[bucket] = index + 1
    let page = CodeCache.pageBucket(block.physical >> 12)
    unsafe new.nextInPage = pageBuckets[page]
    unsafe pageBuckets[page] = index + 1
    if block.secondPage != ~0 {
      let second = CodeCache.pageBucket(block.secondPage >> 12)
      unsafe new.nextInSecondPage = secondBuckets[second]
      unsafe secondBuckets[second] = index + 1
    }
    unsafe (blocks + blockCount).initialize(to: new)
    blockCount += 1
    return index
  }
  /// A block is about to be made from bytes of `page` (a guest-physical address), and may be from a second page.
  mutating func begin(page: UInt64) {
    isNextStale = false
    nextPage = page >> 12
    nextSecondPage = ~0
  }
  mutating func begin(secondPage: UInt64) { nextSecondPage = secondPage >> 12 }

  /// Code at `physical` has changed again and again.
  func isChanging(_ physical: UInt64) -> Bool {
    let entry = unsafe changes + change(physical)
    return unsafe entry.pointee.chunk == physical >> 6 && entry.pointee.changes == ChangingCode.tolerated
  }
  /// Code at `physical` changes so often that it is better interpreted this time.
  mutating func isRefused(_ physical: UInt64) -> Bool {
    let entry = unsafe changes + change(physical)
    guard unsafe entry.pointee.chunk == physical >> 6 && entry.pointee.refusals != 0 else { return false }
    unsafe entry.pointee.refusals &-= 1
    return true
  }
  private func change(_ physical: UInt64) -> Int { Int(physical >> 6) & (ChangingCode.count - 1) }

  private func noteChange(_ physical: UInt64) {
    let entry = unsafe changes + change(physical)
    if unsafe entry.pointee.chunk != physical >> 6 { unsafe entry.pointee = ChangingCode(chunk: physical >> 6) }
    if unsafe entry.pointee.changes < ChangingCode.tolerated {
      unsafe entry.pointee.changes &+= 1
    } else {
      unsafe entry.pointee.refusals = ChangingCode.refusals
    }
  }

  /// The index that the next block will have.
  var nextBlock: UInt32 { UInt32(blockCount) }

  mutating func add(_ site: Site) -> UInt32 {
    precondition(siteCount < CodeCache.siteCapacity, "site table overrun")
    unsafe (sites + siteCount).initialize(to: site)
    siteCount += 1
    return UInt32(siteCount - 1)
  }
  mutating func add(_ mark: InstructionMark) {
    precondition(markCount < CodeCache.siteCapacity, "mark table overrun")
    unsafe (marks + markCount).initialize(to: mark)
    markCount += 1
  }

  /// The decoded instruction of a site, if it was kept and its thunk is still there.
  @inline(__always) func instruction(of site: Site, generation: UInt32) -> UnsafeMutablePointer<Instruction>? {
    site.decoded != 0 && site.decodedGeneration == generation ? unsafe decoded + Int(site.decoded &- 1) : nil
  }
  /// Keeps the decoded instruction of a site.
  mutating func keep(_ instruction: Instruction, of index: UInt32, generation: UInt32) {
    guard decodedCount < CodeCache.decodedCapacity else { return }
    unsafe (decoded + decodedCount).initialize(to: instruction)
    decodedCount += 1
    unsafe sites[Int(index)].decoded = UInt32(decodedCount)
    unsafe sites[Int(index)].decodedGeneration = generation
  }

  /// A number for (linear page, physical page, key), the same each time: generated code compares it to see that a page is
  /// still mapped where it was. 0 is never given.
  mutating func token(linear: UInt64, physical: UInt64, key: ModeKey) -> UInt32 {
    let identity = PageIdentity(linear: linear >> 12, physical: physical >> 12, key: key.rawValue)
    if let known = tokens[identity] { return known }
    tokens[identity] = nextToken
    nextToken &+= 1
    return nextToken &- 1
  }

  /// Forgets everything. No generated code may be running or be returned to.
  mutating func removeAll() {
    // SAFETY: whole tables.
    do {
      unsafe buckets.update(repeating: 0, count: CodeCache.bucketCount)
      unsafe pageBuckets.update(repeating: 0, count: CodeCache.bucketCount)
      unsafe secondBuckets.update(repeating: 0, count: CodeCache.bucketCount)
      unsafe changes.update(repeating: ChangingCode(), count: ChangingCode.count)
    }
    used = stubEnd
    blockCount = 0
    siteCount = 0
    markCount = 0
    decodedCount = 0
    peeks.removeAll(keepingCapacity: true)
    tokens.removeAll(keepingCapacity: true)
    missing.removeAll()
    unanchored.removeAll()
    conflicted.removeAll()
    forgetHot()
  }

  // MARK: Links

  /// Points an exit at its target's code.
  func link(_ index: UInt32, to target: UInt32, entry: UInt32) {
    let site = unsafe site(index)
    let block = unsafe block(target)
    unsafe site.pointee.linkedTo = target + 1
    unsafe site.pointee.next = block.pointee.incoming
    unsafe block.pointee.incoming = index + 1
    emitter().patch(unsafe Int(site.pointee.patch), to: Int(entry))
  }

  /// Takes every link to a block back.
  private func unlink(_ block: UnsafeMutablePointer<TranslationBlock>) {
    var index = unsafe block.pointee.incoming
    let emitter = emitter()
    while index != 0 {
      let site = unsafe site(index &- 1)
      unsafe emitter.patch(Int(site.pointee.patch), to: Int(site.pointee.unlinked))
      unsafe site.pointee.linkedTo = 0
      unsafe index = site.pointee.next
    }
    unsafe block.pointee.incoming = 0
  }

  /// Forgets one block.
  mutating func invalidate(_ block: UnsafeMutablePointer<TranslationBlock>) {
    unsafe block.pointee.isValid = false
    unsafe unlink(block)
    statistics.invalidatedBlocks &+= 1
  }

  /// Forgets every block that was made from bytes of a range inside one page; calls `body` with the key and the address
  /// of each.
  mutating func invalidate(_ physical: UInt64, _ count: Int, _ body: (ModeKey, UInt64) -> Void) {
    // Another processor stores while the block is being made.
    if physical >> 12 == nextPage || physical >> 12 == nextSecondPage { isNextStale = true }
    let bucket = CodeCache.pageBucket(physical >> 12)
    let range = physical..<(physical &+ UInt64(count))
    unsafe invalidate(&pageBuckets[bucket], \.nextInPage, range, body)
    unsafe invalidate(&secondBuckets[bucket], \.nextInSecondPage, range, body)
    if !peeks.isEmpty { invalidatePeeks(physical, count, body) }
  }

  /// The block to be added next depends on bytes inside one page that are not its own.
  mutating func addPeek(_ physical: UInt64, _ count: Int) {
    peeks[physical >> 12, default: []].add(Peek(start: physical, end: physical &+ UInt64(count), block: nextBlock))
  }

  private mutating func invalidatePeeks(_ physical: UInt64, _ count: Int, _ body: (ModeKey, UInt64) -> Void) {
    guard var list = peeks[physical >> 12] else { return }
    let end = physical &+ UInt64(count)
    // SAFETY: numbers below the count are blocks that exist: peeks are forgotten with the blocks.
    list.removeAll { peek in
      guard peek.block < nextBlock else {
        // Another processor stores while the block is being made.
        if peek.start < end && peek.end > physical { isNextStale = true }
        return false
      }
      let block = unsafe block(peek.block)
      let isHit = peek.start < end && peek.end > physical
      if unsafe isHit && block.pointee.isValid {
        unsafe invalidate(block)
        unsafe body(block.pointee.key, block.pointee.rip)
      }
      return unsafe !block.pointee.isValid
    }
    peeks[physical >> 12] = list.isEmpty ? nil : list
  }

  /// Takes out of a list its blocks that were made from the range, and those that were forgotten before.
  @inline(__always) private mutating func invalidate(
    _ list: inout UInt32, _ next: WritableKeyPath<TranslationBlock, UInt32>, _ range: Range<UInt64>,
    _ body: (ModeKey, UInt64) -> Void
  ) {
    var kept: UInt32 = 0
    var index = list
    while index != 0 {
      let block = unsafe blocks + Int(index &- 1)
      let following = unsafe block.pointee[keyPath: next]
      if unsafe block.pointee.isValid, unsafe block.pointee.wasMade(from: range) {
        // In either page: a block that goes on in changing code is not made again like that (`isChanging`).
        noteChange(unsafe block.pointee.physical)
        if unsafe block.pointee.secondPage >> 12 == range.lowerBound >> 12 {
          noteChange(unsafe block.pointee.secondPage)
        }
        unsafe invalidate(block)
        unsafe body(block.pointee.key, block.pointee.rip)
      }
      if unsafe block.pointee.isValid {
        unsafe block.pointee[keyPath: next] = kept
        kept = index
      } else {
        unsafe unchain(block, index)
      }
      index = following
    }
    list = kept
  }

  private func unchain(_ block: UnsafeMutablePointer<TranslationBlock>, _ number: UInt32) {
    unsafe blocks.unchain(number, from: buckets + CodeCache.bucket(block.pointee.physical))
  }

  // MARK: From host to guest

  /// The block whose host code holds `position`.
  func block(at position: UInt32) -> UInt32? {
    var low = 0
    var high = blockCount
    // Blocks were added in the order of their code.
    while low < high {
      let middle = (low + high) / 2
      if unsafe blocks[middle].codeEnd <= position { low = middle + 1 } else { high = middle }
    }
    return low < blockCount ? UInt32(low) : nil
  }

  /// The guest instruction of a block whose host code holds `position`.
  func guestPlace(at position: UInt32, in index: UInt32) -> BlockPlace {
    let block = unsafe blocks + Int(index)
    var result = BlockPlace()
    let first = unsafe Int(block.pointee.firstMark)
    let count = unsafe Int(block.pointee.markCount)
    let offset = unsafe position &- block.pointee.codeStart
    for mark in first..<(first + count) {
      let entry = unsafe marks[mark]
      if UInt32(entry.host) > offset { break }
      result = entry.place
    }
    return result
  }
}

extension TranslationBlock {
  /// Whether some of its bytes are in a range inside one page.
  fileprivate func wasMade(from range: Range<UInt64>) -> Bool {
    let first = UInt64(firstBytes)
    return physical < range.upperBound && physical &+ first > range.lowerBound
      || secondPage != ~0 && secondPage < range.upperBound
        && secondPage &+ UInt64(guestBytes) &- first > range.lowerBound
  }
}

extension [CodeCache.Peek] {
  /// One more, or the last one grown where they are of one block and one follows the other.
  fileprivate mutating func add(_ peek: CodeCache.Peek) {
    if let last, last.block == peek.block, last.start <= peek.start, last.end >= peek.start {
      self[count - 1].end = Swift.max(last.end, peek.end)
    } else {
      append(peek)
    }
  }
}

/// What the recompiler counted since power-on.
public struct RecompilerStatistics: Sendable, Equatable {
  /// Blocks translated, and the guest instructions and bytes in them.
  public var translatedBlocks: UInt64 = 0
  public var translatedInstructions: UInt64 = 0
  public var translatedBytes: UInt64 = 0
  /// Bytes of host code made.
  public var hostBytes: UInt64 = 0
  /// Blocks found hot, which are translated once more.
  public var hotBlocks: UInt64 = 0
  /// Blocks forgotten because their code changed; times all were forgotten for want of room.
  public var invalidatedBlocks: UInt64 = 0
  public var fullFlushes: UInt64 = 0
  /// Times generated code was entered from the run loop, and exits linked.
  public var entries: UInt64 = 0
  public var links: UInt64 = 0
  /// Slow paths by reason.
  public var cacheMisses: UInt64 = 0
  public var interpretedAccesses: UInt64 = 0
  public var declinedInstructions: UInt64 = 0
  public var indirectMisses: UInt64 = 0
  public var entryMisses: UInt64 = 0
  public var hostFaults: UInt64 = 0
  /// Accesses that the segment's fast bounds refused; exits that were not linked yet; looks behind STI.
  public var segmentAccesses: UInt64 = 0
  public var directMisses: UInt64 = 0
  public var pauses: UInt64 = 0
  public var spins: UInt64 = 0
  /// Calls of an instrumentation client.
  public var hooks: UInt64 = 0
  /// Those of `fullFlushes` that a reset of the processor asked for.
  public var resetFlushes: UInt64 = 0
  /// Ticks of the host's time-stamp counter spent on translation.
  public var translationTicks: UInt64 = 0
  /// Returns to the run loop.
  public var exits = ExitCounts()
  public init() {}
}
