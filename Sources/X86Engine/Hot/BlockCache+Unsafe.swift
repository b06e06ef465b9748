import Base
import CHost
import Glibc
import GuestMemory
import X86ISA

/// A straight run of decoded instructions inside one physical page (the last may reach into the next page).
// SAFETY(type): `first` points into the arena of the cache that holds the block, at `count` initialised instructions;
// the arena lives as long as the vCPU, and is only emptied between blocks (`makeRoom`).
@safe struct Block: ChainedBlock {
  /// Guest-physical address of its first byte, and the code size it was decoded for.
  var physical: UInt64
  var codeSize: UInt8
  var valid: Bool
  /// Bytes from the first to the last instruction's end.
  var bytes: UInt16
  var count: UInt32
  var first: UnsafeMutablePointer<Instruction>
  /// Second physical page when the last instruction crosses into it, else ~0.
  var secondPage: UInt64
  /// Next block in the same hash bucket, and in the same page bucket; index + 1, 0 ends.
  var nextInBucket: UInt32
  var nextInPage: UInt32
}

/// A shortcut from linear address and mode to a block.
// SAFETY(type): `block` is nil or a slot of the same cache's block table, which is never freed before the vCPU; a stale
// shortcut is told by its key (jump generation) or by the block's `valid`.
@safe struct JumpEntry {
  var linear: UInt64 = ~0
  var key: UInt64 = ~0
  var block: UnsafeMutablePointer<Block>?
}

/// Decoded code of one vCPU, keyed by physical address and code size so that processes share it.
///
/// Bounded: when the arena is full everything is forgotten and decoding starts over.
// SAFETY(type): the tables are allocated in init with the capacities above and freed once, by `Vcpu`'s deinit. Their
// elements are trivial. Hash indexes are masked by the table size (a power of two); block indexes are only made by
// `insert`, below `blockCount`, and links of forgotten blocks are gone with their bucket heads. `reserve` keeps
// `instructionCount` and `blockCount` a whole block below the capacities. Used by the vCPU's thread only.
@safe struct BlockCache {
  static let instructionCapacity = 48 * 1024
  static let blockCapacity = 12 * 1024
  static let bucketCount = 8192
  static let jumpCount = 4096
  static let maximumBlock = 64

  let instructions: UnsafeMutablePointer<Instruction>
  let blocks: UnsafeMutablePointer<Block>
  let buckets: UnsafeMutablePointer<UInt32>
  let pageBuckets: UnsafeMutablePointer<UInt32>
  let jumps: UnsafeMutablePointer<JumpEntry>
  /// The bytes that are being decoded, so that a change meanwhile can be told; one page.
  let copy: UnsafeMutableRawPointer
  /// How often stores to code were heard of.
  var timesTold: UInt64 = 0
  var instructionCount = 0
  var blockCount = 0
  /// List of the blocks that reach into a second page (index + 1, linked by `nextInPage`).
  private var crossing: UInt32 = 0
  /// Part of every jump key; bumped when linear addresses may mean other code.
  var jumpGeneration: UInt64 = 1
  /// Statistics.
  var decodedBlocks: UInt64 = 0
  var invalidatedBlocks: UInt64 = 0
  var fullFlushes: UInt64 = 0

  init() {
    do {
      // SAFETY: fresh allocations of trivial types; pages of the arena are touched as blocks are decoded.
      unsafe instructions = .allocate(capacity: BlockCache.instructionCapacity)
      unsafe blocks = .allocate(capacity: BlockCache.blockCapacity)
      unsafe buckets = .allocate(capacity: BlockCache.bucketCount)
      unsafe pageBuckets = .allocate(capacity: BlockCache.bucketCount)
      unsafe jumps = .allocate(capacity: BlockCache.jumpCount)
      unsafe copy = .allocate(byteCount: 0x1000, alignment: 64)
      unsafe buckets.initialize(repeating: 0, count: BlockCache.bucketCount)
      unsafe pageBuckets.initialize(repeating: 0, count: BlockCache.bucketCount)
      unsafe jumps.initialize(repeating: JumpEntry(), count: BlockCache.jumpCount)
    }
  }
  func deallocate() {
    // SAFETY: called once by `Vcpu`'s deinit.
    do {
      unsafe instructions.deallocate()
      unsafe blocks.deallocate()
      unsafe buckets.deallocate()
      unsafe pageBuckets.deallocate()
      unsafe jumps.deallocate()
      unsafe copy.deallocate()
    }
  }

  @inline(__always) private static func bucket(_ physical: UInt64) -> Int {
    Int(truncatingIfNeeded: physical ^ physical >> 13) & (bucketCount - 1)
  }
  @inline(__always) private static func pageBucket(_ page: UInt64) -> Int {
    Int(truncatingIfNeeded: page ^ page >> 13) & (bucketCount - 1)
  }

  func find(_ physical: UInt64, _ codeSize: UInt8) -> UnsafeMutablePointer<Block>? {
    do {
      var index = unsafe buckets[BlockCache.bucket(physical)]
      while index != 0 {
        let block = unsafe blocks + Int(index &- 1)
        if unsafe block.pointee.physical == physical && block.pointee.codeSize == codeSize && block.pointee.valid {
          return unsafe block
        }
        unsafe index = block.pointee.nextInBucket
      }
      return nil
    }
  }

  /// Room for one more block of the largest size; empties the cache when there is none.
  mutating func reserve() {
    if instructionCount + BlockCache.maximumBlock > BlockCache.instructionCapacity
      || blockCount + 1 >= BlockCache.blockCapacity
    {
      removeAll()
      fullFlushes &+= 1
    }
  }

  mutating func removeAll() {
    // SAFETY: whole tables.
    do {
      unsafe buckets.update(repeating: 0, count: BlockCache.bucketCount)
      unsafe pageBuckets.update(repeating: 0, count: BlockCache.bucketCount)
    }
    instructionCount = 0
    blockCount = 0
    crossing = 0
    jumpGeneration &+= 1
  }

  /// Adds the block whose `count` instructions were just decoded at the arena's end.
  mutating func insert(_ block: Block) -> UnsafeMutablePointer<Block> {
    do {
      var new = block
      let index = UInt32(blockCount + 1)
      let bucket = BlockCache.bucket(block.physical)
      let pageBucket = BlockCache.pageBucket(block.physical >> 12)
      unsafe new.nextInBucket = buckets[bucket]
      let crosses = block.secondPage != ~0
      unsafe new.nextInPage = crosses ? crossing : pageBuckets[pageBucket]
      let at = unsafe blocks + blockCount
      unsafe at.initialize(to: new)
      unsafe buckets[bucket] = index
      if crosses { crossing = index } else { unsafe pageBuckets[pageBucket] = index }
      blockCount += 1
      instructionCount += Int(block.count)
      decodedBlocks &+= 1
      return unsafe at
    }
  }

  /// Forgets every block of a physical page; true when there was one.
  mutating func invalidate(page: UInt64) -> Bool {
    timesTold &+= 1
    let bucket = BlockCache.pageBucket(page)
    let (head, here) = invalidate(list: unsafe pageBuckets[bucket], page)
    unsafe pageBuckets[bucket] = head
    let (rest, crossed) = invalidate(list: crossing, page)
    crossing = rest
    return here || crossed
  }

  /// Forgets a list's blocks of a page; the list without blocks that are not valid any more, and whether there was one.
  private mutating func invalidate(list: UInt32, _ page: UInt64) -> (UInt32, Bool) {
    var found = false
    var kept: UInt32 = 0
    var index = list
    while index != 0 {
      // SAFETY: list links are indexes of existing blocks.
      do {
        let block = unsafe blocks + Int(index &- 1)
        let next = unsafe block.pointee.nextInPage
        let isAffected = unsafe block.pointee.physical >> 12 == page || block.pointee.secondPage == page << 12
        if unsafe block.pointee.valid, isAffected {
          unsafe block.pointee.valid = false
          unsafe unchain(block, index)
          found = true
          invalidatedBlocks &+= 1
        }
        if unsafe block.pointee.valid {
          unsafe block.pointee.nextInPage = kept
          kept = index
        }
        index = next
      }
    }
    return (kept, found)
  }

  private func unchain(_ block: UnsafeMutablePointer<Block>, _ number: UInt32) {
    unsafe blocks.unchain(number, from: buckets + BlockCache.bucket(block.pointee.physical))
  }
}

// Finding and decoding the block at RIP.
// SAFETY(type): block and instruction pointers handed about here are slots of this vCPU's `BlockCache`: in place until
// the arena is emptied, which `makeRoom` does before a block is decoded and never while one runs. Host addresses of code
// are used up to the end of their page, as `backing(of:)` answered for the page. Handlers are stored as words and
// read back with the one type `Handler` (`call`).
extension Cpu {
  @inline(__always) var codeLinear: UInt64 {
    s.codeSize == 2 ? rip : (s.segments[Seg.cs].base &+ rip) & 0xffff_ffff
  }

  /// The block at RIP, decoded now if need be.
  @inline(__always) func currentBlock() throws(Fault) -> UnsafeMutablePointer<Block> {
    let linear = codeLinear
    let key = x.blocks.jumpGeneration << 3 | (s.cpl == 3 ? 4 : 0) | UInt64(s.codeSize)
    // SAFETY: the index is masked; entries only ever point to blocks of this cache.
    let entry = unsafe x.blocks.jumps + (Int(truncatingIfNeeded: linear ^ linear >> 12) & (BlockCache.jumpCount - 1))
    if unsafe entry.pointee.linear == linear && entry.pointee.key == key, let block = unsafe entry.pointee.block,
      unsafe block.pointee.valid,
      unsafe s.codeSize == 2 || rip &+ UInt64(block.pointee.bytes) &- 1 <= UInt64(s.segments[Seg.cs].limit)
    {
      return unsafe block
    }
    return try unsafe blockSlow(linear, key, entry)
  }

  @inline(never) private func blockSlow(
    _ linear: UInt64, _ key: UInt64, _ entry: UnsafeMutablePointer<JumpEntry>
  ) throws(Fault) -> UnsafeMutablePointer<Block> {
    if s.codeSize != 2 && rip > UInt64(s.segments[Seg.cs].limit) { throw .protection() }
    let view: UInt32 = s.cpl == 3 ? 0 : 1
    let physical = try translate(linear, .execute, view: view) & s.physicalMask
    if let known = unsafe x.blocks.find(physical, s.codeSize),
      unsafe s.codeSize == 2 || rip &+ UInt64(known.pointee.bytes) &- 1 <= UInt64(s.segments[Seg.cs].limit)
    {
      if unsafe known.pointee.secondPage == ~0 {
        unsafe entry.pointee = JumpEntry(linear: linear, key: key, block: known)
        return unsafe known
      }
      // Crosses a page: the same first page may be followed by another second one in this address space.
      let second = try translate(wrap((linear & ~0xfff) &+ 0x1000), .execute, view: view) & s.physicalMask & ~0xfff
      if unsafe second == known.pointee.secondPage { return unsafe known }
      unsafe known.pointee.valid = false
    }
    let block = try unsafe decodeBlock(linear, physical)
    if unsafe block.pointee.secondPage == ~0 && block.pointee.valid {
      // The generation may have moved when the cache was emptied.
      let fresh = x.blocks.jumpGeneration << 3 | key & 7
      unsafe entry.pointee = JumpEntry(linear: linear, key: fresh, block: block)
    }
    return unsafe block
  }

  /// Decodes from `linear` to the end of the run, the page, or the size cap.
  private func decodeBlock(_ linear: UInt64, _ physical: UInt64) throws(Fault) -> UnsafeMutablePointer<Block> {
    makeRoom()
    let size = CodeSize(rawValue: s.codeSize) ?? .bits16
    let pageEnd = Int(0x1000 - (physical & 0xfff))
    guard let host = unsafe backing(physical).host else {
      return try unsafe decodeFromBus(linear, physical, size)
    }
    // Marked before the bytes are read: a store after this point is noticed.
    markCode(physical, count: 1)
    let told = x.blocks.timesTold
    // SAFETY: from the first byte to the end of its page. The copy holds a page.
    let memory = unsafe UnsafeRawPointer(host) + Int(physical & 0xfff)
    let copied = min(pageEnd, x.blockLimit * 15)
    unsafe x.blocks.copy.copyMemory(from: memory, byteCount: copied)
    let code = unsafe UnsafeRawPointer(x.blocks.copy)
    let limit = codeBytesLeft
    do {
      let first = unsafe x.blocks.instructions + x.blocks.instructionCount
      var offset = 0
      var count = 0
      var secondPage = ~UInt64(0)
      while count < x.blockLimit && offset < copied {
        let at = unsafe first + count
        unsafe at.initialize(to: Instruction())
        let status = unsafe Decoder.decode(
          Span(_unsafeStart: (code + offset).assumingMemoryBound(to: UInt8.self), count: min(copied - offset, 15)),
          codeSize: size, into: &at.pointee)
        if status == .needMore && count == 0 {
          unsafe secondPage = try decodeAcross(linear, physical, code, pageEnd, size, &at.pointee)
        } else if status == .needMore {
          break
        } else if status != .ok {
          unsafe at.pointee.handler = unsafeBitCast(
            status == .tooLong ? tooLongHandler : undefinedHandler, to: UInt.self)
          unsafe at.pointee.length = 1
        } else {
          unsafe bind(&at.pointee, code + offset)
        }
        if unsafe UInt64(offset) + UInt64(at.pointee.length) > limit {
          if count == 0 { throw .protection() }
          break
        }
        offset += unsafe Int(at.pointee.length)
        count += 1
        if unsafe status != .ok || secondPage != ~0 || EndsBlock.check(at.pointee) { break }
      }
      markCode(physical, count: min(offset, pageEnd))
      // Another processor may have stored to what was not marked yet, or this one was told of a store just now, while it
      // waited, before there was a block to forget.
      if unsafe memcmp(memory, code, min(offset, copied)) != 0 || x.blocks.timesTold != told {
        return try unsafe decodeBlock(linear, physical)
      }
      return unsafe x.blocks.insert(
        Block(
          physical: physical, codeSize: s.codeSize, valid: true, bytes: UInt16(offset), count: UInt32(count),
          first: first,
          secondPage: secondPage, nextInBucket: 0, nextInPage: 0))
    }
  }

  /// Room for one more block and the thunks of its instructions. Only between blocks: instructions refer to thunks.
  private func makeRoom() {
    if x.thunks.isFull {
      x.blocks.removeAll()
      x.thunks.removeAll()
    }
    x.blocks.reserve()
  }

  /// Bytes from RIP to the end of CS (all there are in 64-bit mode).
  var codeBytesLeft: UInt64 { s.codeSize == 2 ? ~0 : UInt64(s.segments[Seg.cs].limit) &- rip &+ 1 }

  /// An instruction that begins in one page and ends in the next; returns the second physical page.
  private func decodeAcross(
    _ linear: UInt64, _ physical: UInt64, _ code: UnsafeRawPointer, _ available: Int, _ size: CodeSize,
    _ instruction: inout Instruction
  ) throws(Fault) -> UInt64 {
    let view: UInt32 = s.cpl == 3 ? 0 : 1
    let next = wrap((linear & ~0xfff) &+ 0x1000)
    let second = try translate(next, .execute, view: view) & s.physicalMask & ~0xfff
    markCode(second, count: 15)
    var bytes = InlineArray<16, UInt8>(repeating: 0)
    for index in 0..<min(available, 15) { bytes[index] = unsafe code.load(fromByteOffset: index, as: UInt8.self) }
    for index in min(available, 15)..<15 {
      bytes[index] = UInt8(truncatingIfNeeded: readPhysical(second &+ UInt64(index - available), size: 1))
    }
    let status = decode(bytes, size, &instruction)
    if status != .ok { instruction.length = UInt8(available + 1) }
    return second
  }

  /// Code outside RAM: one instruction at a time, never kept.
  private func decodeFromBus(
    _ linear: UInt64, _ physical: UInt64, _ size: CodeSize
  ) throws(Fault) -> UnsafeMutablePointer<Block> {
    makeRoom()
    var bytes = InlineArray<16, UInt8>(repeating: 0)
    for index in 0..<15 { bytes[index] = UInt8(truncatingIfNeeded: readPhysical(physical &+ UInt64(index), size: 1)) }
    do {
      let first = unsafe x.blocks.instructions + x.blocks.instructionCount
      unsafe first.initialize(to: Instruction())
      if unsafe decode(bytes, size, &first.pointee) != .ok { unsafe first.pointee.length = 1 }
      let block = unsafe x.blocks.insert(
        Block(
          physical: physical, codeSize: s.codeSize, valid: true, bytes: UInt16(first.pointee.length), count: 1,
          first: first,
          secondPage: ~0, nextInBucket: 0, nextInPage: 0))
      unsafe block.pointee.valid = false
      return unsafe block
    }
  }

  private func decode(_ bytes: InlineArray<16, UInt8>, _ size: CodeSize, _ instruction: inout Instruction)
    -> DecodeStatus
  {
    let status = Decoder.decode(bytes.span.extracting(first: 15), codeSize: size, into: &instruction)
    if status == .ok {
      unsafe bytes.span.withUnsafeBytes { unsafe bind(&instruction, $0.baseAddress.unsafelyUnwrapped) }
    } else {
      instruction.handler = unsafe unsafeBitCast(status == .invalid ? undefinedHandler : tooLongHandler, to: UInt.self)
    }
    return status
  }

  /// Gives a decoded instruction its handler, and its native thunk if it needs one. `bytes` are its own.
  private func bind(_ instruction: inout Instruction, _ bytes: UnsafeRawPointer) {
    if !model.offers(row: Int(instruction.row)), let older = InstructionTable.rowWithoutFeature(ofRow: instruction.row)
    {
      instruction.row = older
      instruction.op = InstructionTable.op(ofRow: older)
    }
    guard model.offers(row: Int(instruction.row)), let handler = unsafe HandlerTable.shared.handler(for: instruction)
    else {
      x.undefinedCount &+= 1
      instruction.handler = unsafe unsafeBitCast(undefinedHandler, to: UInt.self)
      return
    }
    instruction.handler = unsafe unsafeBitCast(handler, to: UInt.self)
    if InstructionTable.attributes(ofRow: instruction.row).contains(.thunk) || instruction.op == .wait {
      let raw = unsafe UnsafeRawBufferPointer(start: bytes, count: Int(instruction.length))
      unsafe instruction.thunk = x.thunks.thunk(for: instruction, bytes: Array(raw))
    }
  }

  /// Marks bytes as code; when the page is newly so, no translation cache may keep a write right to it.
  func markCode(_ physical: UInt64, count: Int) {
    let address = GuestPhysical(physical)
    repeat {
      if memory.markCodePage(address) { context.group.dropWriteRights(page: physical >> 12, for: self) }
      context.codeChunks.insert(physical, count)
    } while !memory.markCode(address, count: count)
  }

  /// Drops this vCPU's own write tags for a physical page.
  func dropWriteTags(page: UInt64) {
    forgetHostAddresses()
    x.filled.visit { place, index in
      // SAFETY: `filled` names places inside the table.
      if unsafe x.tlb[place].physicalPage & ~0xfff == page << 12 {
        unsafe x.tlb[place].tagWrite = TLBEntry.emptyTag(index)
      }
    }
  }

  /// Code changed (inside one physical page): forget it, and leave the running block if it may be affected.
  func invalidateCode(_ physical: UInt64, _ count: Int) {
    invalidateTranslations(physical, count)
    context.codeChunks.remove(physical, count)
    if x.blocks.invalidate(page: physical >> 12) {
      x.blockEnd = 0
    }
  }
}

/// Raises #UD.
// SAFETY: the run loop passes its own block and an instruction of its arena.
private let undefinedHandler: Handler = { cpu, instruction in
  unsafe Interp(cpu, instruction).step { _ throws(Fault) in throw .invalidOpcode }
}
/// Raises #GP(0): an instruction longer than 15 bytes.
// SAFETY: as for `undefinedHandler`.
private let tooLongHandler: Handler = { cpu, instruction in
  unsafe Interp(cpu, instruction).step { _ throws(Fault) in throw .protection() }
}
