import Glibc
import GuestMemory
import X86ISA

/// Copies of pages that stand in for guest memory: what runs while they are on changes nothing else.
///
/// A page is copied when somebody first asks for the right to store to it.
// SAFETY(type): `pool` has room for `capacity` pairs of pages, what a page was and what it has become; it is allocated by
// `begin`, freed by `deallocate`, and indexed by places in `pages`. Used by the vCPU's thread only.
@safe struct ShadowMemory {
  static let capacity = 96

  private(set) var isOn = false
  /// A page was wanted for which there was no room: nothing more may be stored.
  private(set) var isFull = false
  /// Guest-physical page numbers.
  private(set) var pages: [UInt64] = []
  private var pool: UnsafeMutableRawPointer?
  /// Page numbers of everything that was looked at since it became a set; nil: nobody wants to know.
  var noted: Set<UInt64>?

  func deallocate() { unsafe pool?.deallocate() }

  /// From now on stores go to copies, of which there are none yet, or those of `originals`.
  mutating func begin(_ originals: [(page: UInt64, bytes: [UInt8])] = []) {
    if unsafe pool == nil {
      unsafe pool = .allocate(byteCount: ShadowMemory.capacity * 0x2000, alignment: 4096)
    }
    pages.removeAll(keepingCapacity: true)
    isOn = true
    isFull = false
    for (page, bytes) in originals {
      unsafe bytes.withUnsafeBytes { source in
        if let base = source.baseAddress, bytes.count == 0x1000 { _ = unsafe add(page, base) }
      }
    }
  }
  /// Stores go to guest memory again; the copies can still be looked at.
  mutating func end() { isOn = false }

  /// Whether two bytes are the same present page-table entry but for its accessed and dirty bits: a trial looks up pages
  /// for accesses that it then leaves to the interpreter.
  static func areEntryMarks(_ a: UInt8, _ b: UInt8, _ offset: Int) -> Bool {
    (a ^ b) & ~0x60 == 0 && a & 1 != 0 && offset & 3 == 0
  }

  func place(of page: UInt64) -> Int? { pages.firstIndex(of: page) }

  /// Copies a page; false when there is no room.
  mutating func add(_ page: UInt64, _ host: UnsafeRawPointer) -> Bool {
    guard let pool = unsafe pool, pages.count < ShadowMemory.capacity else {
      isFull = true
      return false
    }
    unsafe (pool + pages.count * 0x2000).copyMemory(from: host, byteCount: 0x1000)
    unsafe (pool + pages.count * 0x2000 + 0x1000).copyMemory(from: host, byteCount: 0x1000)
    pages.append(page)
    return true
  }

  /// What the page at a place has become.
  func current(_ place: Int) -> UnsafeMutableRawPointer? { unsafe pool.map { unsafe $0 + place * 0x2000 + 0x1000 } }

  /// Every page as it was.
  var originals: [(page: UInt64, bytes: [UInt8])] { contents(0) }
  /// Every page as it is.
  var results: [(page: UInt64, bytes: [UInt8])] { contents(0x1000) }
  private func contents(_ offset: Int) -> [(page: UInt64, bytes: [UInt8])] {
    guard let pool = unsafe pool else { return [] }
    return pages.indices.map { place in
      (pages[place], unsafe Array(UnsafeRawBufferPointer(start: pool + place * 0x2000 + offset, count: 0x1000)))
    }
  }
}

// SAFETY(type): entries of the translation caches by places below their count; host pages as `MemoryView.backing` gives them.
extension Cpu {
  /// Where a page is while copies stand in for memory.
  @inline(never) func shadowed(_ real: PageBacking, _ physical: UInt64) -> PageBacking {
    x.shadow.noted?.insert(physical >> 12)
    guard unsafe real.host != nil, let place = x.shadow.place(of: physical >> 12) else { return real }
    return unsafe PageBacking(host: x.shadow.current(place), directWrite: real.directWrite, readOnly: real.readOnly)
  }

  /// Makes the copy that a store is about to need.
  @inline(never) func makeShadow(_ physical: UInt64) {
    let real = x.memory.backing(physical)
    guard let host = unsafe real.host, real.directWrite, x.shadow.place(of: physical >> 12) == nil else { return }
    guard unsafe x.shadow.add(physical >> 12, host) else { return }
    // Whoever reads the page reads the copy from now on.
    forgetHostAddresses()
    x.filled.visit { place, index in
      if unsafe x.tlb[place].physicalPage & ~0xfff == physical & ~0xfff { unsafe x.tlb[place] = TLBEntry(index: index) }
    }
  }

  /// Physical pages that the translation caches let this vCPU store to.
  var writablePages: [UInt64] {
    var entries = (0..<VcpuLayout.views * VcpuLayout.nearCount).map { unsafe x.nearEntries[$0] }
    x.filled.visit { place, _ in unsafe entries.append(x.tlb[place]) }
    let writable = entries.filter { $0.tagWrite == $0.tagRead && !$0.isEmpty && $0.physicalPage != ~0 }
    return writable.map { $0.physicalPage >> 12 }
  }

  /// The first byte at which a copied page differs from guest memory: (page, offset, copy, memory).
  func shadowDifference() -> (page: UInt64, offset: Int, copy: UInt8, memory: UInt8)? {
    for (place, page) in x.shadow.pages.enumerated() {
      guard let copy = unsafe x.shadow.current(place), let host = unsafe x.memory.backing(page << 12).host else {
        continue
      }
      if unsafe memcmp(copy, host, 0x1000) == 0 { continue }
      for offset in 0..<0x1000 {
        let mine = unsafe copy.load(fromByteOffset: offset, as: UInt8.self)
        let other = unsafe host.load(fromByteOffset: offset, as: UInt8.self)
        if mine != other && !ShadowMemory.areEntryMarks(mine, other, offset) { return (page, offset, mine, other) }
      }
    }
    return nil
  }

  /// One instruction by the interpreter, without traps; its fault is not delivered. `look` sees it before it runs.
  // SAFETY: decoded instructions stay in place while one of them runs.
  func interpretForComparison(_ look: (Instruction) -> Void) -> Fault? {
    let start = rip
    let shadow = s.interruptShadow
    s.instructionStart = start
    charge()
    do throws(Fault) {
      let block = try unsafe currentBlock()
      let at = unsafe block.pointee.first
      unsafe look(at.pointee)
      x.blockEnd = 0
      unsafe rip = start &+ UInt64(at.pointee.length)
      if unsafe call(at) {
        rip = start
        return unsafe fault(of: at)
      }
    } catch {
      return error
    }
    if shadow != 0 && s.interruptShadow == shadow { s.interruptShadow = 0 }
    s.instructionCount &+= 1
    return nil
  }

  /// Bytes of guest code at RIP = `rip`, as far as they can be had without faults.
  func codeForReport(_ rip: UInt64, count: Int) -> [UInt8] {
    (0..<UInt64(count)).compactMap { offset in
      let at = rip &+ offset
      let linear = s.codeSize == 2 ? at : (s.segments[Seg.cs].base &+ at) & 0xffff_ffff
      guard let physical = quietTranslate(linear), let host = unsafe backing(physical).host else { return nil }
      return unsafe host.load(fromByteOffset: Int(physical & 0xfff), as: UInt8.self)
    }
  }

  /// A page of guest memory; nil where there is none.
  func pageContents(_ page: UInt64) -> [UInt8]? {
    guard let host = unsafe x.memory.backing(page << 12).host else { return nil }
    return unsafe Array(UnsafeRawBufferPointer(start: host, count: 0x1000))
  }

  /// The host code of a block.
  func hostCode(_ block: UInt32) -> [UInt8] {
    let record = blockRecord(block)
    let start = unsafe UnsafeRawPointer(bitPattern: x.code.address(record.indirectEntry))
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: Int(record.codeEnd &- record.indirectEntry)))
  }
}
