import Base
import CHost
import GuestMemory
import X86ISA

/// The objects a vCPU refers to, kept alive by `Vcpu`.
final class VcpuContext: Sendable {
  let memory: GuestMemory
  let platform: any Platform
  let index: Int
  let model: CPUModel
  let group: VcpuGroup
  /// Whoever watches what is executed; nil normally.
  let inspection: VcpuInspection?
  /// Where this vCPU has code from.
  let codeChunks: CodeChunks
  /// Finds hot code (HotCode.swift); nil where that is not looked for.
  let hotCode: ThreadSampler?
  init(
    memory: GuestMemory, platform: any Platform, index: Int, model: CPUModel, group: VcpuGroup,
    inspection: VcpuInspection?, findsHotCode: Bool
  ) {
    self.memory = memory
    self.platform = platform
    self.index = index
    self.model = model
    self.group = group
    self.inspection = inspection
    codeChunks = CodeChunks(top: memory.top)
    hotCode = findsHotCode ? ThreadSampler(capacity: 64) : nil
  }
}

/// A vCPU as its handlers see it: one pointer to the state block.
///
/// Copyable and trivial, so that passing it costs a register. Valid while its `Vcpu` lives; used on the vCPU's
/// own thread only.
// SAFETY(type): `p` points to a block that `Vcpu` allocated and initialised and frees after the last use; only the vCPU's
// thread goes through it, except for `CPUState.events`, which is atomic.
@safe public struct Cpu {
  let p: UnsafeMutablePointer<CPUBlock>

  // By address: `_read` would yield a copy of the whole where the compiler does not optimise, and Swift 6.3 then releases
  // what the copy refers to when the copy is gone (Tools/checks/words.txt).
  // SAFETY: fields of the live block, whose addresses do not change.

  /// The architectural state, in place.
  @inline(__always) public var s: CPUState {
    unsafeAddress { unsafe withUnsafePointer(to: &p.pointee.state) { unsafe $0 } }
    nonmutating unsafeMutableAddress { unsafe withUnsafeMutablePointer(to: &p.pointee.state) { unsafe $0 } }
  }
  /// Translation caches, decode cache and the rest that is not architectural.
  @inline(__always) var x: EngineState {
    unsafeAddress { unsafe withUnsafePointer(to: &p.pointee.engine) { unsafe $0 } }
    nonmutating unsafeMutableAddress { unsafe withUnsafeMutablePointer(to: &p.pointee.engine) { unsafe $0 } }
  }
  /// A 64-bit general register by number, or the pseudo registers of `Instruction`; the number comes from the decoder.
  @inline(__always) subscript(reg number: UInt8) -> UInt64 {
    // SAFETY: the decoder only makes numbers 0...33, and `regs` is the first field of the block.
    get { unsafe UnsafeRawPointer(p).load(fromByteOffset: Int(number) &* 8, as: UInt64.self) }
    nonmutating set {
      unsafe UnsafeMutableRawPointer(p).storeBytes(of: newValue, toByteOffset: Int(number) &* 8, as: UInt64.self)
    }
  }
  /// A byte register in the decoder's numbering: 0...15 low bytes, `Instruction.highByte` + 0...3 = AH CH DH BH.
  @inline(__always) subscript(reg8 number: UInt8) -> UInt8 {
    // SAFETY: as above; (number & 63) * 8 + (number >> 6) stays inside `regs`.
    get {
      unsafe UnsafeRawPointer(p).load(fromByteOffset: Int(number & 63) &* 8 &+ Int(number >> 6), as: UInt8.self)
    }
    nonmutating set {
      unsafe UnsafeMutableRawPointer(p).storeBytes(
        of: newValue, toByteOffset: Int(number & 63) &* 8 &+ Int(number >> 6), as: UInt8.self)
    }
  }
  @inline(__always) subscript(reg16 number: UInt8) -> UInt16 {
    // SAFETY: as above.
    get { unsafe UnsafeRawPointer(p).load(fromByteOffset: Int(number) &* 8, as: UInt16.self) }
    nonmutating set {
      unsafe UnsafeMutableRawPointer(p).storeBytes(of: newValue, toByteOffset: Int(number) &* 8, as: UInt16.self)
    }
  }
  /// Writing zero-extends, as 32-bit operations do.
  @inline(__always) subscript(reg32 number: UInt8) -> UInt32 {
    get { UInt32(truncatingIfNeeded: self[reg: number]) }
    nonmutating set { self[reg: number] = UInt64(newValue) }
  }
  @inline(__always) public var rip: UInt64 {
    get { self[reg: Instruction.instructionPointer] }
    nonmutating set { self[reg: Instruction.instructionPointer] = newValue }
  }
  @inline(__always) public var rsp: UInt64 {
    get { self[reg: 4] }
    nonmutating set { self[reg: 4] = newValue }
  }

  @inline(__always) var context: VcpuContext {
    // SAFETY: `Vcpu` retains the context for as long as the block exists.
    unsafe p.pointee.engine.context.takeUnretainedValue()
  }
  var memory: GuestMemory { context.memory }
  var platform: any Platform { context.platform }
  var index: Int { x.index }
  var model: CPUModel { context.model }
  /// What system instructions ask of the model, as plain values.
  @inline(__always) var features: ModelFeatures { x.features }
  /// The page of physical memory that holds an address.
  @inline(__always) func backing(_ physical: UInt64) -> PageBacking {
    let real = x.memory.backing(physical)
    return x.shadow.isOn ? shadowed(real, physical) : real
  }
  /// Before a store to a page: what a saved state still needs of it is kept.
  @inline(__always) func keepContents(_ physical: UInt64) {
    if x.memory.isFrozen(physical) { keepSlow(physical) }
  }
  @inline(never) private func keepSlow(_ physical: UInt64) { memory.willWrite(.init(physical)) }

  // MARK: Events, from any thread

  @inline(__always) public var pendingEvents: UInt32 {
    // SAFETY: atomic access to a field of the live block.
    unsafe rb_load32_acquire(&p.pointee.state.events)
  }
  public func raise(_ event: UInt32) {
    // SAFETY: as above; the futex word is the event word itself.
    do {
      let old = unsafe rb_or32(&p.pointee.state.events, event)
      unsafe rb_store32(&p.pointee.generated.exitRequest, 1)
      if old & event != event { unsafe rb_futex_wake(&p.pointee.state.events) }
    }
  }
  /// Starts at `handler` with the instruction it belongs to; true when it faulted (then `s.fault` says how).
  @inline(__always) func call(_ instruction: UnsafeMutablePointer<Instruction>) -> Bool {
    // SAFETY: every decoded instruction carries a handler (`bind`).
    unsafe unsafeBitCast(instruction.pointee.handler, to: Handler.self)(p, instruction)
  }
  /// Sleeps until an event other than those in `seen` is raised.
  func sleep(seen: UInt32) {
    // SAFETY: as above.
    unsafe rb_futex_wait(&p.pointee.state.events, seen, -1)
  }
  /// A STARTUP IPI to a running processor is ignored, but not one that belongs to an INIT that has come meanwhile.
  func dropStartup() {
    var events = pendingEvents
    // SAFETY: as above; a lost race loads the word again.
    while events & CPUEvent.initSignal == 0,
      unsafe !rb_cas32(&p.pointee.state.events, &events, events & ~CPUEvent.startup)
    {}
  }
  func clear(_ event: UInt32) {
    // SAFETY: as above.
    _ = unsafe rb_and32(&p.pointee.state.events, ~event)
  }
}

/// The block behind a `Cpu`: architectural state first (its registers at offset 0), then what generated code uses,
/// then the rest. The tables that generated code indexes follow it in the same allocation (`VcpuLayout`).
struct CPUBlock {
  var state = CPUState()
  var generated = GeneratedState()
  var engine: EngineState
}

/// One entry of a translation cache: 4 KiB of linear address space.
///
/// A tag is the page's linear address; an access hits when its distance from the tag leaves room for its size, so accesses
/// that cross a page, and pages that are MMIO, ROM (writes) or hold code (writes), miss by construction. An empty tag is a
/// page of another index, which no address that selects the entry can be near; nearly everywhere that is page 0, so that a
/// fresh table is nothing but zeros and costs memory only where it is used. A page may also stand in its other way: the
/// entry with the top index bit inverted.
// SAFETY(type): plain numbers; `addend` makes an address only where a tag matched (`readLinear`, `writeLinear`).
@safe struct TLBEntry {
  var tagRead: UInt64
  var tagWrite: UInt64
  /// Distance from a linear address in the page to the host's. The way from an address to its value is then one addition,
  /// which the host does in the access itself, whatever becomes of the comparison.
  var addend: UInt64 = 0
  /// Guest-physical page, for the code and atomic paths; bits `global`, `writable` and `present` below it. 0 when empty.
  var physicalPage: UInt64 = 0
  static let global: UInt64 = 1
  /// A walk has allowed stores and set the dirty bit; whether `tagWrite` stands is for the page's marks to say.
  static let writable: UInt64 = 2
  static let present: UInt64 = 4
  @inline(__always) var isEmpty: Bool { physicalPage == 0 }

  init(index: Int) {
    tagRead = TLBEntry.emptyTag(index)
    tagWrite = tagRead
  }
  /// A near entry that holds nothing. Any address may be compared with it, so its page is one of those that no address
  /// space has (bits 63...57 are not alike), drawn by lot; what comes to it all the same finds a page of its own.
  static func emptyNear() -> TLBEntry { EmptyNearEntry.entry }
  fileprivate init(tag: UInt64, host: UInt64) {
    tagRead = tag
    tagWrite = tag
    addend = host &- tag
    physicalPage = ~0
  }
  /// A page that selects neither this entry nor its other way.
  @inline(__always) static func emptyTag(_ index: Int) -> UInt64 {
    index & (EngineState.otherWay &- 1) == 0 ? 0x1000 : 0
  }
}

private enum EmptyNearEntry {
  // SAFETY: allocated once for the process, and never freed.
  static let entry = TLBEntry(
    tag: 0x4000_0000_0000_0000 | UInt64.random(in: 0...0xf_ffff_ffff) << 12,
    host: UInt64(UInt(bitPattern: UnsafeMutableRawPointer.allocate(byteCount: 0x1000, alignment: 0x1000))))
}

/// Guest memory as plain pointers: what the hot path asks of `GuestMemory`, without a reference to count.
// SAFETY(type): copied from a `GuestMemory` that the vCPU's context keeps alive; pages are compared with `top` before they
// index anything.
@safe struct MemoryView {
  private let base: UnsafeMutableRawPointer
  private let flags: UnsafeMutablePointer<UInt8>
  private let codeChunks: UnsafeMutablePointer<UInt64>
  private let top: UInt64
  private let lowSize: UInt64

  init(_ memory: GuestMemory) {
    unsafe base = memory.base
    unsafe flags = memory.flags
    unsafe codeChunks = memory.codeChunks
    top = memory.top
    lowSize = memory.lowSize
  }

  /// As `GuestMemory.backing(of:)`.
  @inline(__always) func backing(_ physical: UInt64) -> PageBacking {
    guard physical < top else { return unsafe PageBacking(host: nil, directWrite: false, readOnly: false) }
    // SAFETY: the page index is below top >> 12; host pointers stay inside the reservation.
    let flag = unsafe rb_load8(flags + Int(physical >> 12))
    let isRAM = physical < lowSize || physical >= 4 << 30 || flag & GuestMemory.PageFlag.backed != 0
    guard isRAM, flag & GuestMemory.PageFlag.mmio == 0 else {
      return unsafe PageBacking(host: nil, directWrite: false, readOnly: false)
    }
    let page = unsafe base + Int(physical & ~0xfff)
    let indirect = GuestMemory.PageFlag.holdsCode | GuestMemory.PageFlag.readOnly | GuestMemory.PageFlag.frozen
    return unsafe PageBacking(
      host: page, directWrite: flag & indirect == 0,
      readOnly: flag & GuestMemory.PageFlag.readOnly != 0)
  }

  @inline(__always) func isFrozen(_ physical: UInt64) -> Bool {
    // SAFETY: as above.
    physical < top ? unsafe rb_load8(flags + Int(physical >> 12)) & GuestMemory.PageFlag.frozen != 0 : false
  }

  /// After a store to a page that is marked as code: whether it hit code, or there is none left in the page. Only then is
  /// there something for `GuestMemory.codeWritten` to do.
  @inline(__always) func concernsCode(_ physical: UInt64, _ count: Int) -> Bool {
    guard physical < top else { return false }
    // The bytes are there before the marks are looked at: who marks later reads what was written.
    rb_fence()
    // SAFETY: as above.
    let chunks = unsafe rb_load64(codeChunks + Int(physical >> 12))
    return chunks == 0 || chunks & GuestMemory.chunkMask(GuestPhysical(physical), count) != 0
  }
}

/// The entries of a vCPU's translation caches that may hold something, so that nobody has to look at all of them.
///
/// Kept by pairs, an entry and its other way, because a page changes places inside its pair without anybody being told.
/// Pairs with global pages have a list of their own: switches of address spaces leave it alone.
// SAFETY(type): `kinds` has a byte for each of `pairs` pairs, and each list room for all of them; a pair stands in a list at
// most once, as its bit in `kinds` says.
@safe struct FilledEntries {
  private static let pairs = 3 * EngineState.otherWay
  private let kinds: UnsafeMutablePointer<UInt8>
  private let lists: UnsafeMutablePointer<UInt16>
  private var counts = InlineArray<2, Int>(repeating: 0)

  init() {
    unsafe kinds = .allocate(capacity: FilledEntries.pairs)
    unsafe kinds.initialize(repeating: 0, count: FilledEntries.pairs)
    unsafe lists = .allocate(capacity: 2 * FilledEntries.pairs)
  }
  func deallocate() {
    unsafe kinds.deallocate()
    unsafe lists.deallocate()
  }

  /// A page goes to this entry of this view.
  mutating func note(view: Int, index: Int, isGlobal: Bool) {
    let pair = view &* EngineState.otherWay &+ (index & (EngineState.otherWay &- 1))
    let list = isGlobal ? 1 : 0
    // SAFETY: the pair is below `pairs`, and not in the list yet.
    do {
      if unsafe kinds[pair] & UInt8(1 &<< list) != 0 { return }
      unsafe kinds[pair] |= UInt8(1 &<< list)
      unsafe lists[list &* FilledEntries.pairs &+ counts[list]] = UInt16(truncatingIfNeeded: pair)
      counts[list] &+= 1
    }
  }
  mutating func removeAll(global: Bool) {
    let list = global ? 1 : 0
    // SAFETY: as in `note`.
    for position in 0..<counts[list] {
      let pair = unsafe Int(lists[list &* FilledEntries.pairs &+ position])
      unsafe kinds[pair] &= ~UInt8(1 &<< list)
    }
    counts[list] = 0
  }
  /// Calls `body` with (place in `EngineState.tlb`, index) of both entries of every pair with pages that are (not) global.
  @inline(__always) func visit(global: Bool, _ body: (Int, Int) -> Void) {
    let list = global ? 1 : 0
    for position in 0..<counts[list] {
      // SAFETY: below the list's count.
      let pair = unsafe Int(lists[list &* FilledEntries.pairs &+ position])
      let index = pair & (EngineState.otherWay &- 1)
      let place = (pair &- index) &* 2 &+ index
      body(place, index)
      body(place &+ EngineState.otherWay, index &+ EngineState.otherWay)
    }
  }
  @inline(__always) func visit(_ body: (Int, Int) -> Void) {
    visit(global: false, body)
    visit(global: true, body)
  }
}

/// What an engine keeps for a vCPU besides the architecture. Every pointer is owned by `Vcpu`.
// SAFETY(type): `Vcpu` allocates what these point to before the block is used and frees it after the last use.
@safe struct EngineState {
  var context: Unmanaged<VcpuContext>
  /// Plain copies of what the context holds, for hot code.
  let index: Int
  let features: ModelFeatures
  let memory: MemoryView
  /// `tlbCount` entries for each of the three data views (user, supervisor, supervisor under SMAP).
  var tlb: UnsafeMutablePointer<TLBEntry>
  /// The pages that accesses through a base register last found: `VcpuLayout.nearCount` for each view, copies of entries of
  /// `tlb`. Behind the table, so that generated code finds them without an index.
  var nearEntries: UnsafeMutablePointer<TLBEntry> { unsafe tlb + 3 * EngineState.tlbCount }
  let emptyNearEntry = TLBEntry.emptyNear()
  /// 64 MiB of address space: as many pages as a program with a large heap touches again and again. Only entries that were
  /// used cost anything, in memory and when they are cleared.
  static let tlbBits = 14
  static let tlbCount = 1 << tlbBits
  /// Where a page goes that another of the same index has driven out: `index ^ otherWay`.
  static let otherWay = tlbCount / 2
  @inline(__always) static func index(_ linear: UInt64) -> Int {
    Int(truncatingIfNeeded: linear >> 12) & (tlbCount &- 1)
  }
  var filled: FilledEntries
  /// Counts the times that translations or rights to write were taken away: generated code that has host addresses in hand
  /// then starts a new block.
  var rightsGeneration: UInt64 = 0
  /// Address one past the last instruction of the running block; zeroed to leave it early.
  var blockEnd: UInt = 0
  var blocks: BlockCache
  var thunks: ThunkCache
  /// The fault being raised belongs to the task just switched to: `instructionStart` is already right.
  var faultInNewTask = false
  /// For the engine `verified`: copies in place of memory, the trial under way, and what it has done so far.
  var shadow = ShadowMemory()
  var trial = Trial()
  var snapshots = Snapshots()
  var verifiedInstructions: UInt64 = 0
  var changedMeanwhile: UInt64 = 0
  var counting = Counting()
  /// Exceptions and INT n are not delivered but end the run, and are found here: for the oracle.
  var catchesExceptions = false
  var caught: Fault?
  /// Vector of the last STARTUP IPI.
  var startupVector: UInt32 = 0
  /// Instructions that no handler or host feature covers, by cause: for statistics.
  var undefinedCount: UInt64 = 0

  /// The last complete page walk ended at a global page.
  var walkedGlobal = false
  /// Somebody watches what is executed (`VcpuContext.inspection`).
  var isInspected = false
  /// Most instructions of a block decoded for the interpreter: one where the recompiler only wants that one executed.
  var blockLimit = BlockCache.maximumBlock
  var code: CodeCache
  var recompiler: RecompilerState

  /// Linear-to-code shortcuts are stale.
  mutating func forgetFetches() {
    blocks.jumpGeneration &+= 1
    recompiler.forgetPages()
  }
}
