import Base
import CHost
import Glibc
import GuestMemory
import X86ISA

/// What the recompiler keeps for a vCPU besides its code.
// SAFETY(type): the pointers lead into the allocation of the state block (`VcpuLayout`) and to `pages`, all owned by `Vcpu`;
// indexes are masked by their table's size.
@safe struct RecompilerState {
  /// A page of guest code as the run loop last found it.
  struct CodePage {
    var linear: UInt64 = ~0
    var physical: UInt64 = 0
    var key: UInt32 = ~0
    var token: UInt32 = 0
    var isGlobal = false
    var generation: UInt64 = 0
  }
  struct JumpEntry {
    var rip: UInt64
    var host: UInt
    /// Holds nothing: an address of another place, so that no jump that looks here finds it. Zeros but for the place of 0.
    static func empty(_ place: Int) -> JumpEntry {
      JumpEntry(rip: place & (VcpuLayout.otherJump - 1) == 0 ? 1 : 0, host: 0)
    }
    var isEmpty: Bool { host == 0 }
  }

  var stubs = Stubs()
  let offsets = Offsets()
  /// Width of vectors that the guest has used: see `Stubs.loadVectors`.
  var vectorLevel = 0
  /// Leaves to the interpreter what gives another result each time, or makes undefined flags visible.
  var leavesUnsteady = false
  /// Keeps status flags exact everywhere (for comparing engines).
  var keepsAllFlags = false
  /// For comparing engines: what only hot code has, all code has.
  var treatsAllAsHot = false
  /// Blocks found hot since there were no near entries left for them.
  var hotBlocksRefused = 0
  /// For the next translation.
  var buffers = TranslationBuffers()
  private let pages: UnsafeMutablePointer<CodePage>
  private var pageGeneration: UInt64 = 1
  /// Places of `pages` remembered since all were forgotten.
  private var filled: [Int] = []
  private let tokens: UnsafeMutablePointer<UInt32>
  private let jumps: UnsafeMutablePointer<JumpEntry>
  /// The key whose blocks each view's jump cache holds.
  private var viewKeys = InlineArray<3, UInt32>(repeating: ~0)

  init(block: UnsafeMutableRawPointer) {
    // SAFETY: the allocation is `VcpuLayout.end` bytes long, and zero.
    do {
      unsafe pages = .allocate(capacity: VcpuLayout.views * VcpuLayout.tokenCount)
      unsafe pages.initialize(repeating: CodePage(), count: VcpuLayout.views * VcpuLayout.tokenCount)
      let count = VcpuLayout.views * VcpuLayout.tokenCount
      unsafe tokens = (block + VcpuLayout.tokens).bindMemory(to: UInt32.self, capacity: count)
      let entries = VcpuLayout.views * VcpuLayout.jumpCount
      unsafe jumps = (block + VcpuLayout.jumps).bindMemory(to: JumpEntry.self, capacity: entries)
      for view in 0..<VcpuLayout.views {
        for place in [view * VcpuLayout.jumpCount, view * VcpuLayout.jumpCount + VcpuLayout.otherJump] {
          unsafe jumps[place] = JumpEntry.empty(place)
        }
      }
    }
  }
  func deallocate() { unsafe pages.deallocate() }

  private func place(_ view: Int, _ linear: UInt64) -> Int {
    view * VcpuLayout.tokenCount + Int(linear >> 12 & UInt64(VcpuLayout.tokenCount - 1))
  }

  /// The page at `linear` if it is known for this key.
  func page(_ view: Int, _ linear: UInt64, _ key: ModeKey) -> CodePage? {
    let page = unsafe pages[place(view, linear)]
    return page.linear == linear & ~0xfff && page.key == key.rawValue && page.generation == pageGeneration ? page : nil
  }
  mutating func remember(
    _ view: Int, _ linear: UInt64, _ physical: UInt64, _ key: ModeKey, token: UInt32, isGlobal: Bool
  ) -> CodePage {
    if filled.count > 8 * VcpuLayout.tokenCount { forgetPages() }
    let page = CodePage(
      linear: linear & ~0xfff, physical: physical & ~0xfff, key: key.rawValue, token: token, isGlobal: isGlobal,
      generation: pageGeneration)
    let place = place(view, linear)
    if unsafe tokens[place] == 0 { filled.append(place) }
    unsafe pages[place] = page
    unsafe tokens[place] = token
    return page
  }
  /// Linear addresses may mean other pages from now on.
  mutating func forgetPages() {
    pageGeneration &+= 1
    for place in filled { unsafe tokens[place] = 0 }
    filled.removeAll(keepingCapacity: true)
  }
  /// The same for pages that are not global.
  mutating func forgetNonGlobalPages() {
    var kept = 0
    for place in filled {
      if unsafe pages[place].isGlobal && pages[place].linear != ~0 {
        filled[kept] = place
        kept += 1
      } else {
        unsafe pages[place].linear = ~0
        unsafe tokens[place] = 0
      }
    }
    filled.removeLast(filled.count - kept)
  }
  func forget(page linear: UInt64) {
    for view in 0..<VcpuLayout.views {
      unsafe pages[place(view, linear)].linear = ~0
      unsafe tokens[place(view, linear)] = 0
    }
  }

  private func jumpIndex(_ view: Int, _ rip: UInt64) -> Int {
    view * VcpuLayout.jumpCount + Int((rip << 4 ^ rip) >> 4 & UInt64(VcpuLayout.jumpCount - 1))
  }
  /// Code of `key` runs in `view`: its jump cache holds blocks of that key only.
  mutating func use(_ key: ModeKey) {
    let view = key.view
    guard viewKeys[view] != key.rawValue else { return }
    viewKeys[view] = key.rawValue
    clearJumps(view)
  }
  /// What is at home in the same place goes to the other one, which `Stubs.otherJumps` look at.
  func rememberJump(_ view: Int, _ rip: UInt64, _ host: UInt) {
    let home = jumpIndex(view, rip)
    let other = home ^ VcpuLayout.otherJump
    if unsafe jumps[other].rip == rip && !jumps[other].isEmpty {
      unsafe jumps[other].host = host
      return
    }
    let old = unsafe jumps[home]
    if old.rip != rip && !old.isEmpty && jumpIndex(view, old.rip) == home { unsafe jumps[other] = old }
    unsafe jumps[home] = JumpEntry(rip: rip, host: host)
  }
  func forgetJump(_ view: Int, _ rip: UInt64) {
    let home = jumpIndex(view, rip)
    for place in [home, home ^ VcpuLayout.otherJump] {
      if unsafe jumps[place].rip == rip { unsafe jumps[place] = JumpEntry.empty(place) }
    }
  }
  private func clearJumps(_ view: Int) {
    let start = view * VcpuLayout.jumpCount
    for place in start..<(start + VcpuLayout.jumpCount) { unsafe jumps[place] = JumpEntry.empty(place) }
  }
  mutating func clearAll() {
    for view in 0..<VcpuLayout.views { clearJumps(view) }
    forgetPages()
  }
}

/// What stubs call: (state block, site) -> host address to go on at, 0 to return to the run loop.
typealias ExitHandler = @convention(c) (UnsafeMutableRawPointer, UInt32) -> UInt

// SAFETY: stubs pass the base of GS, which `enterThread` set to the vCPU's own block.
private let exitHandler: ExitHandler = { block, site in
  unsafe Cpu(p: block.assumingMemoryBound(to: CPUBlock.self)).leftGeneratedCode(site)
}

// SAFETY(type): sites and blocks are indexes that generated code or the code cache made (see `CodeCache`). Guest code bytes
// are read up to the end of their page, as `backing(of:)` answered for it.
extension Cpu {
  /// What generated code shares with Swift.
  @inline(__always) var g: GeneratedState {
    unsafeAddress { unsafe withUnsafePointer(to: &p.pointee.generated) { unsafe $0 } }
    nonmutating unsafeMutableAddress { unsafe withUnsafeMutablePointer(to: &p.pointee.generated) { unsafe $0 } }
  }

  /// Makes the stubs; once, before the first block.
  func prepareRecompiler() {
    var emitter = x.code.emitter()
    x.recompiler.stubs = Stubs.make(&emitter, x.recompiler.offsets)
    x.code.stubEnd = (emitter.position + 63) & ~63
    x.code.used = x.code.stubEnd
    g.block = UInt64(UInt(bitPattern: unsafe p))
    g.sites = UInt64(x.code.siteTable)
    g.code = UInt64(x.code.address(0))
    g.handler = UInt64(unsafe UInt(bitPattern: unsafeBitCast(exitHandler, to: UnsafeRawPointer.self)))
  }

  /// This thread runs generated code of this vCPU: GS, and where its faults go.
  func enterRecompilerThread() {
    unsafe rb_set_gs_base(p)
    let range = x.code.executableRange
    rb_generated_code(range.lowerBound, range.upperBound, x.code.address(UInt32(x.recompiler.stubs.fault)))
  }
  func leaveRecompilerThread() { rb_generated_code(0, 0, 0) }

  /// Runs generated code from a host address until it returns.
  func enter(_ address: UInt) {
    x.code.statistics.entries &+= 1
    g.savedFlags = Cpu.packed(statusFlags)
    let enter = unsafe unsafeBitCast(
      x.code.address(UInt32(x.recompiler.stubs.enter)), to: (@convention(c) (UInt) -> Void).self)
    enter(address)
  }

  /// Clears the request to leave generated code; what was asked for before is seen by looking at the events after.
  func clearExitRequest() {
    // SAFETY: a field of the live block.
    unsafe rb_store32(&p.pointee.generated.exitRequest, 0)
  }
  func requestExit() {
    // SAFETY: as above.
    unsafe rb_store32(&p.pointee.generated.exitRequest, 1)
  }

  func countGroupMiss(_ index: UInt32) -> UInt8 {
    do {
      let block = unsafe x.code.block(index)
      unsafe block.pointee.groupMisses &+= 1
      return unsafe block.pointee.groupMisses
    }
  }
  func editBlock(_ index: UInt32, _ change: (inout TranslationBlock) -> Void) {
    unsafe change(&x.code.block(index).pointee)
  }
  func editSite(_ index: UInt32, _ change: (inout Site) -> Void) { unsafe change(&x.code.site(index).pointee) }
  func site(_ index: UInt32) -> Site { unsafe x.code.site(index).pointee }
  func blockRecord(_ index: UInt32) -> TranslationBlock { unsafe x.code.block(index).pointee }

  /// The instruction at `rip` and its length, without faults or traces; nil when it cannot be had like that.
  ///
  /// `notes`: the block being translated depends on it, and is forgotten when it changes.
  func peek(_ rip: UInt64, _ key: ModeKey, notes: Bool = false) -> (Instruction, Int)? {
    let linear = key.codeSize == 2 ? rip : (s.segments[Seg.cs].base &+ rip) & 0xffff_ffff
    guard let physical = quietPage(linear, key), let host = unsafe backing(physical).host else { return nil }
    // It would be forgotten as often as that code changes.
    if notes && x.code.isChanging(physical) { return nil }
    var instruction = Instruction()
    let offset = Int(physical & 0xfff)
    let count = min(0x1000 - offset, 15)
    // Before the bytes are read: a store after this point is noticed.
    if notes { markCode(physical, count: count) }
    let code = unsafe UnsafeRawPointer(host + offset).assumingMemoryBound(to: UInt8.self)
    let status = unsafe Decoder.decode(
      Span(_unsafeStart: code, count: count), codeSize: CodeSize(rawValue: key.codeSize) ?? .bits16, into: &instruction)
    guard status == .ok else { return nil }
    if notes { x.code.addPeek(physical, Int(instruction.length)) }
    return (instruction, Int(instruction.length))
  }

  /// Where code at `linear` is: as the run loop last found its page, or by a walk.
  private func quietPage(_ linear: UInt64, _ key: ModeKey) -> UInt64? {
    if let page = x.recompiler.page(key.view, linear, key) { return page.physical | linear & 0xfff }
    return quietTranslate(linear)
  }

  /// Appends the bytes of a page of code from `physical` on, `count` at most; false where there is no memory.
  private func copyCode(_ physical: UInt64, count: Int, to bytes: inout [UInt8]) -> Bool {
    guard let host = unsafe backing(physical).host else { return false }
    let offset = Int(physical & 0xfff)
    unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: host + offset, count: min(0x1000 - offset, count)))
    return true
  }
  /// Whether memory at `physical`, inside one page, is as it was when bytes of a range were copied from there.
  private func isUnchanged(_ physical: UInt64, _ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    guard let host = unsafe backing(physical).host, range.upperBound <= bytes.count else { return false }
    return unsafe bytes.withUnsafeBytes {
      guard let start = $0.baseAddress else { return true }
      return unsafe memcmp(start + range.lowerBound, host + Int(physical & 0xfff), range.count) == 0
    }
  }

  /// Decodes and plans the block at RIP as it stands in memory; false where it cannot be translated.
  ///
  /// What is decoded was read after it had been marked as code, so a later store to it is noticed. Another processor may
  /// store to what is not marked yet: then it is all done once more, and ends because what is marked only grows.
  private func decodeBlock(_ translator: inout Translator, _ physical: UInt64) throws(Fault) -> Bool {
    let key = translator.key
    let planner = Planner(
      key: key, model: model, keepsAllFlags: x.recompiler.keepsAllFlags,
      leavesUnsteady: x.recompiler.leavesUnsteady)
    let limit = Translator.maximumInstructions
    var (marked, markedBeyond) = (1, 0)
    markCode(physical, count: marked)
    while true {
      translator.forgetInstructions()
      guard copyCode(physical, count: limit * 15, to: &translator.buffers.bytes) else { return false }
      let isWhole = translator.decode(planner, codeBytesLeft: codeBytesLeft, limit: limit)
      if !isWhole, let second = try secondPage(&translator) {
        x.code.begin(secondPage: second)
        let left = limit * 15 - translator.bytesToPageEnd
        guard copyCode(second, count: left, to: &translator.buffers.bytes) else { return false }
        _ = translator.decode(planner, codeBytesLeft: codeBytesLeft, limit: limit)
      }
      if translator.instructions.isEmpty { return false }
      translator.findLiveFlags(keepsAll: x.recompiler.keepsAllFlags)
      let count = min(translator.guestBytes, translator.bytesToPageEnd)
      let beyond = translator.guestBytes - count
      if beyond == 0 { (translator.secondToken, translator.secondPage) = (nil, ~0) }
      if count <= marked && beyond <= markedBeyond { return true }
      markCode(physical, count: count)
      if beyond > 0 { markCode(translator.secondPage, count: beyond) }
      (marked, markedBeyond) = (count, beyond)
      let bytes = translator.buffers.bytes
      let isSame = isUnchanged(physical, bytes, 0..<count)
      if isSame && (beyond == 0 || isUnchanged(translator.secondPage, bytes, count..<count + beyond)) { return true }
    }
  }

  /// Where a block goes on whose page has ended: the next page's physical address, if it can be had.
  ///
  /// An instruction that begins the block and lies across must be fetched now, or fault. What follows is only looked at.
  private func secondPage(_ translator: inout Translator) throws(Fault) -> UInt64? {
    let (linear, key) = (translator.secondLinear, translator.key)
    if translator.instructions.isEmpty {
      guard let page = try codePage(linear, key) else { return nil }
      (translator.secondToken, translator.secondPage) = (page.token, page.physical)
      return page.physical
    }
    guard let physical = quietPage(linear, key), isMemory(physical), !x.code.isChanging(physical) else { return nil }
    translator.secondToken = x.code.token(linear: linear, physical: physical, key: key)
    translator.secondPage = physical
    return physical
  }

  /// Translates the block at RIP, whose page is `page`, into a cache that has room; nil where it is to be interpreted.
  func translateBlock(
    _ linear: UInt64, _ page: RecompilerState.CodePage, _ key: ModeKey
  ) throws(Fault) -> UInt32? {
    let physical = page.physical | linear & 0xfff
    if !x.recompiler.leavesUnsteady && x.code.isRefused(physical) { return nil }
    let begun = rb_rdtsc()
    x.code.begin(page: page.physical)
    var translator = Translator(
      cpu: self, key: key, rip: rip, offsets: x.recompiler.offsets, stubs: x.recompiler.stubs,
      emitter: x.code.emitter(), block: x.code.nextBlock,
      physical: physical, token: page.token, linear: linear, view: key.view)
    translator.isCounted = x.counting.isOn && !x.counting.isInterpreted
    // Their room is used again and again.
    swap(&translator.buffers, &x.recompiler.buffers)
    defer { swap(&translator.buffers, &x.recompiler.buffers) }
    if x.isInspected { translator.hooks = context.inspection }
    translator.isHot = x.recompiler.treatsAllAsHot || x.code.isHot(physical)
    guard try decodeBlock(&translator, physical) else { return nil }
    raiseVectorLevel(translator.plans)
    var block = TranslationBlock(
      rip: rip, physical: physical, codeBase: key.hasFlatCode ? 0 : s.segments[Seg.cs].base,
      codeLimit: key.hasFlatCode ? 0 : s.segments[Seg.cs].limit, key: key, token: translator.token,
      guestBytes: UInt16(translator.guestBytes))
    block.secondPage = translator.secondPage
    block.isHot = translator.isHot
    translator.mayLookAhead = !x.code.unanchored.contains(physical)
    translator.hasSingles = x.code.missing.contains(physical)
    translator.mayGroup = !translator.isCounted
    translator.emit(into: &block)
    x.code.statistics.translatedBlocks &+= 1
    x.code.statistics.translatedInstructions &+= UInt64(translator.instructions.count)
    x.code.statistics.translatedBytes &+= UInt64(translator.guestBytes)
    x.code.statistics.hostBytes &+= UInt64(translator.emitter.position - x.code.used)
    x.code.used = (translator.emitter.position + 15) & ~15
    if x.isInspected { noteTranslation(block, x.code.nextBlock) }
    // Counters of two processors of the host need not agree.
    let spent = rb_rdtsc() &- begun
    if Int64(bitPattern: spent) > 0 { x.code.statistics.translationTicks &+= spent }
    let index = x.code.add(block)
    if x.code.isNextStale { invalidate(index) }
    return index
  }

  /// Code of a width that was not used before: from now on that much is loaded and stored. Vectors are in memory now.
  private func raiseVectorLevel(_ plans: [InstructionPlan]) {
    var level = x.recompiler.vectorLevel
    for plan in plans { level = max(level, Int(plan.vectorLevel)) }
    raiseVectorLevel(to: level)
  }

  func raiseVectorLevel(to level: Int) {
    guard level > x.recompiler.vectorLevel else { return }
    x.recompiler.vectorLevel = level
    g.loadVectors = UInt64(x.code.address(UInt32(x.recompiler.stubs.loadVectors[level])))
    g.saveVectors = UInt64(x.code.address(UInt32(x.recompiler.stubs.saveVectors[level])))
  }

  /// The interpreter has loaded vectors. AVX clears what lies above its operands: where there is something, it must be in
  /// the host's registers, too.
  func noteWideVectors() {
    guard x.recompiler.vectorLevel < 3 else { return }
    for number in 0..<16 {
      for word in 4..<8 where s.vectors[number * 8 + word] != 0 { return raiseVectorLevel(to: 3) }
    }
  }

  /// Forgets every translated block, for want of room.
  func forgetAllCode() {
    if x.isInspected { noteFlush() }
    x.code.removeAll()
    x.recompiler.clearAll()
    x.code.statistics.fullFlushes &+= 1
  }

  /// Code changed inside one physical page.
  func invalidateTranslations(_ physical: UInt64, _ count: Int) {
    x.code.invalidate(physical, count) { key, rip in
      // A repeated instruction looks at it between iterations.
      x.blockEnd = 0
      x.recompiler.forgetJump(key.view, rip)
    }
  }

  /// Forgets one block.
  func invalidate(_ index: UInt32) {
    let block = unsafe x.code.block(index)
    unsafe x.code.invalidate(block)
    unsafe x.recompiler.forgetJump(block.pointee.key.view, block.pointee.rip)
  }

  /// Points a direct exit at its target, once both are known and still there.
  func link(_ index: UInt32, to target: UInt32) {
    let site = site(index)
    let source = unsafe x.code.block(site.block)
    let view = unsafe source.pointee.key.view
    guard unsafe source.pointee.isValid, site.linkedTo == 0, site.view == view else { return }
    let block = unsafe x.code.block(target)
    guard unsafe block.pointee.isValid else { return }
    // Into a page that the block has seen to.
    let (from, to) = unsafe (source.pointee.linear >> 12, block.pointee.linear >> 12)
    let page = unsafe block.pointee.physical >> 12
    let isInFirst = unsafe from == to && source.pointee.physical >> 12 == page
    let isInSecond = unsafe from + 1 == to && source.pointee.secondPage >> 12 == page
    let isNear = unsafe isInFirst || isInSecond && site.guest >= source.pointee.secondStart
    unsafe x.code.link(index, to: target, entry: isNear ? block.pointee.directEntry : block.pointee.checkedEntry)
    x.code.statistics.links &+= 1
  }
}
