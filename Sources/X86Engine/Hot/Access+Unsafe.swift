import Base
import CHost
import GuestMemory

/// Integer types that a memory access can have.
public typealias AccessWidth = FixedWidthInteger & UnsignedInteger & Sendable

/// What an access wants of a page (SDM 3A, 4.6).
public enum AccessKind: UInt8, Sendable {
  case read = 0
  case write = 1
  case execute = 2
}

// Guest memory by linear address. The law of the fast path:
//   entry = tlb[view][page number & mask]
//   hit  <=> address - tag <= 4096 - size      (unsigned; the tag is the page's linear address)
// Everything else (first touch, page crossing, MMIO, ROM, code pages) goes to the slow path.
// SAFETY(type): entries are inside the vCPU's own table (`entry` masks the index; `view` is 0...2). A tag is only set by
// `resolve`, for a page that `backing(of:)` says is RAM, and taken away when the page's mapping or rights change
// (`flushTLB`, `dropWriteTags`); so a hit is inside a mapped page. Slow paths stay inside the page they resolved.
extension Cpu {
  @inline(__always) func entry(_ linear: UInt64, view: UInt32) -> UnsafeMutablePointer<TLBEntry> {
    // SAFETY: view is 0...2 and the index is masked; `Vcpu` allocated 3 * tlbCount entries.
    unsafe p.pointee.engine.tlb + (Int(view) &* EngineState.tlbCount &+ EngineState.index(linear))
  }

  /// Reads guest memory with the rights of the running code.
  @inline(__always) func readLinear<T: AccessWidth>(_ type: T.Type, _ linear: UInt64) throws(Fault) -> T {
    try readLinear(type, linear, view: s.dataTLB)
  }
  @inline(__always) func writeLinear<T: AccessWidth>(_ linear: UInt64, _ value: T) throws(Fault) {
    try writeLinear(linear, value, view: s.dataTLB)
  }
  /// Implicit supervisor accesses: descriptor tables, TSS, interrupt stacks at CPL < 3.
  @inline(__always) func readSystem<T: AccessWidth>(_ type: T.Type, _ linear: UInt64) throws(Fault) -> T {
    try readLinear(type, linear, view: s.systemView)
  }
  @inline(__always) func writeSystem<T: AccessWidth>(_ linear: UInt64, _ value: T) throws(Fault) {
    try writeLinear(linear, value, view: s.systemView)
  }

  @inline(__always) func readLinear<T: AccessWidth>(
    _ type: T.Type, _ linear: UInt64, view: UInt32
  ) throws(Fault) -> T {
    let entry = unsafe entry(linear, view: view)
    let offset = unsafe linear &- entry.pointee.tagRead
    // SAFETY: a matching tag means the whole access lies in a page of RAM, `addend` away.
    if offset <= 0x1000 &- UInt64(truncatingIfNeeded: MemoryLayout<T>.size) {
      return unsafe UnsafeRawPointer(bitPattern: UInt(truncatingIfNeeded: entry.pointee.addend &+ linear))
        .unsafelyUnwrapped.loadUnaligned(as: T.self)
    }
    return try T(truncatingIfNeeded: readSlow(linear, size: MemoryLayout<T>.size, view: view))
  }

  @inline(__always) func writeLinear<T: AccessWidth>(_ linear: UInt64, _ value: T, view: UInt32) throws(Fault) {
    let entry = unsafe entry(linear, view: view)
    let offset = unsafe linear &- entry.pointee.tagWrite
    // SAFETY: as in readLinear; the write tag is only set for plain RAM without decoded code.
    if offset <= 0x1000 &- UInt64(truncatingIfNeeded: MemoryLayout<T>.size) {
      unsafe UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: entry.pointee.addend &+ linear))
        .unsafelyUnwrapped.storeBytes(of: value, as: T.self)
      return
    }
    try writeSlow(linear, UInt64(truncatingIfNeeded: value), size: MemoryLayout<T>.size, view: view)
  }

  // MARK: Slow paths

  @inline(never) func readSlow(_ linear: UInt64, size: Int, view: UInt32) throws(Fault) -> UInt64 {
    // SAFETY: the whole access lies in the page.
    if let host = unsafe otherWay(linear, size: size, write: false, view: view) {
      return unsafe Cpu.load(host, size: size)
    }
    noteDataAccess(linear, size: size, write: false)
    let first = 0x1000 &- Int(linear & 0xfff)
    if size <= first { return try readInPage(linear, size: size, view: view) }
    // Both pages must be readable before either has a side effect.
    let next = wrap(linear &+ UInt64(first))
    try checkCrossing(next)
    _ = try resolve(linear, .read, view: view)
    _ = try resolve(next, .read, view: view)
    let low = try readInPage(linear, size: first, view: view)
    let high = try readInPage(next, size: size &- first, view: view)
    return low | high << UInt64(first &* 8)
  }

  /// An access that leaves the canonical addresses faults as such before its first page is looked at.
  func checkCrossing(_ next: UInt64) throws(Fault) {
    if s.mode == CPUMode.long.rawValue && !isCanonical(next) { throw .nonCanonical }
  }

  /// Linear addresses wrap at 4 GiB outside 64-bit mode.
  @inline(__always) func wrap(_ linear: UInt64) -> UInt64 {
    s.mode == CPUMode.long.rawValue ? linear : linear & 0xffff_ffff
  }

  private func readInPage(_ linear: UInt64, size: Int, view: UInt32) throws(Fault) -> UInt64 {
    let physical = try resolve(linear, .read, view: view)
    return readPhysical(physical, size: size)
  }

  @inline(never) func writeSlow(_ linear: UInt64, _ value: UInt64, size: Int, view: UInt32) throws(Fault) {
    // SAFETY: the whole access lies in the page, which is plain memory.
    if let host = unsafe otherWay(linear, size: size, write: true, view: view) {
      return unsafe Cpu.store(host, value, size: size)
    }
    noteDataAccess(linear, size: size, write: true)
    let first = 0x1000 &- Int(linear & 0xfff)
    if size <= first {
      let physical = try resolve(linear, .write, view: view)
      writePhysical(physical, value, size: size)
      return
    }
    try checkCrossing(wrap(linear &+ UInt64(first)))
    let low = try resolve(linear, .write, view: view)
    let high = try resolve(wrap(linear &+ UInt64(first)), .write, view: view)
    writePhysical(low, value, size: first)
    writePhysical(high, value >> UInt64(first &* 8), size: size &- first)
  }

  /// Translates for an access of `kind`, and fills the translation cache when the page is plain memory.
  func resolve(_ linear: UInt64, _ kind: AccessKind, view: UInt32) throws(Fault) -> UInt64 {
    if let known = resolved(linear, kind, view: view) { return known }
    let physical = try translate(linear, kind, view: view) & s.physicalMask
    if kind == .write {
      keepContents(physical)
      if x.shadow.isOn { makeShadow(physical) }
    }
    let backing = self.backing(physical)
    guard let host = unsafe backing.host, kind != .execute, !isWatched(page: linear), !x.shadow.isFull else {
      return physical
    }
    let page = linear & ~0xfff
    let addend = UInt64(UInt(bitPattern: host)) &- page
    // SAFETY: `host` is the page's first byte; entries are inside the vCPU's own table.
    let entry = unsafe entry(linear, view: view)
    if unsafe entry.pointee.isEmpty || entry.pointee.addend != addend || entry.pointee.tagRead != page {
      let index = EngineState.index(linear)
      makeRoom(index, view, for: page)
      x.filled.note(view: Int(view), index: index, isGlobal: x.walkedGlobal)
      unsafe entry.pointee = TLBEntry(index: index)
      unsafe entry.pointee.addend = addend
      unsafe entry.pointee.physicalPage = physical & ~0xfff | TLBEntry.present | (x.walkedGlobal ? TLBEntry.global : 0)
      unsafe entry.pointee.tagRead = page
    }
    if kind == .write { unsafe entry.pointee.physicalPage |= TLBEntry.writable }
    // A write hit implies read rights only where reads are allowed too: x86 has no write-only pages.
    if kind == .write && backing.directWrite { unsafe entry.pointee.tagWrite = page }
    return physical
  }

  /// What the entry knows already: an access that crosses a page, or a store to a page that also holds code, needs no walk.
  private func resolved(_ linear: UInt64, _ kind: AccessKind, view: UInt32) -> UInt64? {
    let entry = unsafe entry(linear, view: view)
    guard unsafe entry.pointee.tagRead == linear & ~0xfff, unsafe !entry.pointee.isEmpty, !x.shadow.isOn else {
      return nil
    }
    let known = unsafe entry.pointee.physicalPage
    let physical = known & ~0xfff | linear & 0xfff
    switch kind {
    case .read: return physical
    case .execute: return nil
    case .write:
      guard known & TLBEntry.writable != 0 else { return nil }
      keepContents(physical)
      if backing(physical).directWrite { unsafe entry.pointee.tagWrite = linear & ~0xfff }
      return physical
    }
  }

  /// Moves the page that stands in an entry to its other way, unless it is `page` itself.
  private func makeRoom(_ index: Int, _ view: UInt32, for page: UInt64) {
    let start = Int(view) &* EngineState.tlbCount
    // SAFETY: both ways are inside the view's table.
    do {
      let first = unsafe x.tlb + (start &+ index)
      let otherIndex = index ^ EngineState.otherWay
      let other = unsafe x.tlb + (start &+ otherIndex)
      if unsafe !first.pointee.isEmpty && first.pointee.tagRead != page {
        let hasWrite = unsafe first.pointee.tagWrite == first.pointee.tagRead
        unsafe other.pointee = first.pointee
        if !hasWrite { unsafe other.pointee.tagWrite = TLBEntry.emptyTag(otherIndex) }
        return
      }
      // It may stand in its other way with rights that have changed.
      if unsafe other.pointee.tagRead == page { unsafe other.pointee = TLBEntry(index: otherIndex) }
    }
  }

  /// The host address of an access that hits in the other way; nil when it does not.
  @inline(__always) func otherWay(_ linear: UInt64, size: Int, write: Bool, view: UInt32) -> UnsafeMutableRawPointer? {
    let index = EngineState.index(linear) ^ EngineState.otherWay
    // SAFETY: inside the view's table; a matching tag means the access lies in a page of RAM, `addend` away.
    let entry = unsafe x.tlb + (Int(view) &* EngineState.tlbCount &+ index)
    let offset = unsafe linear &- (write ? entry.pointee.tagWrite : entry.pointee.tagRead)
    guard offset <= UInt64(0x1000 &- size) else { return nil }
    return unsafe UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: entry.pointee.addend &+ linear))
  }

  // MARK: Physical memory

  /// Reads 1...8 bytes that do not cross a page, from RAM or the bus.
  func readPhysical(_ physical: UInt64, size: Int) -> UInt64 {
    let backing = self.backing(physical)
    guard let host = unsafe backing.host else { return busRead(physical, size: size) }
    // SAFETY: offset + size stays inside the page.
    return unsafe Cpu.load(host + Int(physical & 0xfff), size: size)
  }

  /// 1...8 bytes from host memory.
  // SAFETY: callers have `size` bytes there.
  private static func load(_ at: UnsafeMutableRawPointer, size: Int) -> UInt64 {
    switch size {
    case 1: return UInt64(unsafe at.load(as: UInt8.self))
    case 2: return UInt64(unsafe at.loadUnaligned(as: UInt16.self))
    case 4: return UInt64(unsafe at.loadUnaligned(as: UInt32.self))
    case 8: return unsafe at.loadUnaligned(as: UInt64.self)
    default:
      var value: UInt64 = 0
      for index in 0..<size {
        value |= UInt64(unsafe at.load(fromByteOffset: index, as: UInt8.self)) << UInt64(index &* 8)
      }
      return value
    }
  }
  // SAFETY: as for `load`.
  private static func store(_ at: UnsafeMutableRawPointer, _ value: UInt64, size: Int) {
    switch size {
    case 1: unsafe at.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
    case 2: unsafe at.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
    case 4: unsafe at.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
    case 8: unsafe at.storeBytes(of: value, as: UInt64.self)
    default:
      for index in 0..<size {
        unsafe at.storeBytes(
          of: UInt8(truncatingIfNeeded: value >> UInt64(index &* 8)), toByteOffset: index, as: UInt8.self)
      }
    }
  }

  func writePhysical(_ physical: UInt64, _ value: UInt64, size: Int) {
    keepContents(physical)
    let backing = self.backing(physical)
    guard let host = unsafe backing.host else { return busWrite(physical, value, size: size) }
    if backing.readOnly { return }
    // SAFETY: offset + size stays inside the page.
    unsafe Cpu.store(host + Int(physical & 0xfff), value, size: size)
    if !backing.directWrite { noteStore(physical, size) }
  }

  /// Behind a store to a page whose stores are not direct: code that came from there is forgotten.
  @inline(__always) func noteStore(_ physical: UInt64, _ size: Int) {
    if x.memory.concernsCode(physical, size) { codeWrittenSlow(physical, size) }
  }
  @inline(never) private func codeWrittenSlow(_ physical: UInt64, _ size: Int) {
    memory.codeWritten(GuestPhysical(physical), count: size)
  }

  /// Odd sizes (the parts of a page-crossing access) go out as bytes.
  private func busRead(_ physical: UInt64, size: Int) -> UInt64 {
    guard size & (size &- 1) != 0 else { return platform.memoryRead(physical, width: size, cpu: index) }
    var value: UInt64 = 0
    for byte in 0..<size {
      value |= platform.memoryRead(physical &+ UInt64(byte), width: 1, cpu: index) << UInt64(byte &* 8)
    }
    return value
  }
  private func busWrite(_ physical: UInt64, _ value: UInt64, size: Int) {
    defer { noticeEvents() }
    guard size & (size &- 1) != 0 else {
      return platform.memoryWrite(physical, width: size, value: value, cpu: index)
    }
    for byte in 0..<size {
      platform.memoryWrite(physical &+ UInt64(byte), width: 1, value: value >> UInt64(byte &* 8) & 0xff, cpu: index)
    }
  }

  /// Sets bits of a page-table entry as the walker does: atomically, and only if it still holds `expected`.
  /// False when another processor changed it: walk again.
  func setEntryBits<T: AccessWidth>(_ physical: UInt64, expected: T, set bits: T) -> Bool {
    keepContents(physical)
    let backing = self.backing(physical)
    guard let host = unsafe backing.host, !backing.readOnly else { return true }
    // SAFETY: page-table entries are naturally aligned inside a page.
    let at = unsafe host + Int(physical & 0xfff)
    defer {
      if !backing.directWrite { noteStore(physical, MemoryLayout<T>.size) }
    }
    if MemoryLayout<T>.size == 4 {
      var old = UInt32(truncatingIfNeeded: expected)
      return unsafe rb_cas32(at, &old, old | UInt32(truncatingIfNeeded: bits))
    }
    var old = UInt64(truncatingIfNeeded: expected)
    return unsafe rb_cas64(at, &old, old | UInt64(truncatingIfNeeded: bits))
  }

  // MARK: Invalidation

  /// Empties the translation caches (MOV CR3, mode changes, INVLPG's coarse form).
  func flushTLB() {
    x.forgetFetches()
    flushData()
  }

  /// Empties the translation caches of data; code stays known.
  func flushData() {
    // SAFETY: `filled` names places inside the table.
    x.filled.visit { place, index in unsafe x.tlb[place] = TLBEntry(index: index) }
    x.filled.removeAll(global: false)
    x.filled.removeAll(global: true)
    forgetHostAddresses()
  }

  /// Nothing is known any more of what generated code took from the translation caches: near entries, anchors.
  func forgetHostAddresses() {
    x.rightsGeneration &+= 1
    guard g.nearUsed != 0 else { return }
    g.nearUsed = 0
    // SAFETY: as many entries lie behind the table.
    for view in 1..<VcpuLayout.views { unsafe x.nearEntries[view &* VcpuLayout.nearCount] = x.emptyNearEntry }
    for group in 0..<VcpuLayout.nearCount / VcpuLayout.nearGroup where g.nearGroupsUsed[group] != 0 {
      g.nearGroupsUsed[group] = 0
      for place in group &* VcpuLayout.nearGroup..<(group &+ 1) &* VcpuLayout.nearGroup {
        unsafe x.nearEntries[place] = x.emptyNearEntry
      }
    }
  }

  /// Empties the translation caches but for global pages (MOV CR3 with CR4.PGE).
  func flushNonGlobal() {
    x.blocks.jumpGeneration &+= 1
    x.recompiler.forgetNonGlobalPages()
    forgetHostAddresses()
    x.filled.visit(global: false) { place, index in
      // SAFETY: as in `flushData`.
      if unsafe x.tlb[place].physicalPage & TLBEntry.global == 0 { unsafe x.tlb[place] = TLBEntry(index: index) }
    }
    x.filled.removeAll(global: false)
  }

  /// Forgets one page (INVLPG).
  func flushTLB(page linear: UInt64) {
    x.blocks.jumpGeneration &+= 1
    x.recompiler.forget(page: linear)
    forgetHostAddresses()
    for view in UInt32(0)..<3 {
      let index = EngineState.index(linear)
      let other = index ^ EngineState.otherWay
      // SAFETY: both ways are inside the table.
      do {
        let start = unsafe x.tlb + Int(view) &* EngineState.tlbCount
        if unsafe start[index].tagRead == linear & ~0xfff { unsafe start[index] = TLBEntry(index: index) }
        if unsafe start[other].tagRead == linear & ~0xfff { unsafe start[other] = TLBEntry(index: other) }
      }
    }
  }
}

extension CPUState {
  /// The view of implicit supervisor accesses: SMAP applies to them whatever AC says.
  @inline(__always) var systemView: UInt32 { cr4 & CR4.smap != 0 ? 2 : 1 }
}
