import Base
import CHost
import Glibc
import GuestMemory
import X86ISA

// Calling thunks, and their memory operands.
//
// An operand that lies in one page of plain RAM is used in place. Everything else goes through a copy: page crossings,
// MMIO, first touches, faults. Whether a masked instruction may fault at all is the processor's business, so it runs on
// a copy whose pages have the rights that the guest's have: where the host faults, the guest does.

/// Scratch pages for operands whose pages may not all be accessible, used on the vCPU's own thread.
@safe struct GuardedScratch {
  // SAFETY: both point to RB_GUARDED_PAGES pages, mapped as long as the vCPU lives.
  let window: UnsafeMutableRawPointer
  let alias: UnsafeMutableRawPointer

  enum Rights { case none, read, write }

  /// First of two adjacent pages with these rights (the order is rb_guarded_memory's).
  static func page(_ first: Rights, _ second: Rights) -> Int {
    switch (first, second) {
    case (.none, .none): 0
    case (.none, .read): 1
    case (.read, .read): 2
    case (.read, .write): 3
    case (.write, .write): 4
    case (.write, .none): 5
    case (.none, .write): 6
    case (.write, .read): 7
    case (.read, .none): 8
    }
  }

  func unmap() {
    // SAFETY: called once, by the cache that made it.
    unsafe munmap(window, Int(RB_GUARDED_PAGES) * 4096)
    unsafe munmap(alias, Int(RB_GUARDED_PAGES) * 4096)
  }
}

extension Interp {
  /// Executes the instruction on the host's own units.
  func nativeThunk() throws(Fault) {
    guard i.thunk != 0 else { throw .invalidOpcode }
    let shape = cpu.x.thunks.shape(i.thunk)
    try cpu.requireUnits(shape.attributes)
    if shape.attributes.contains(.vsib) { return try gatherOrScatter() }
    if shape.usesFlags { cpu.s.thunkFlags = cpu.statusFlags | 2 }
    if shape.memoryBytes == 0 {
      try unsafe call(cpu.x.thunks.scratch, shape)
    } else {
      try callWithMemory(shape)
    }
    if shape.usesFlags { cpu.statusFlags = cpu.s.thunkFlags & RFLAGS.status }
  }

  private func callWithMemory(_ shape: ThunkShape) throws(Fault) {
    let size = Int(shape.memoryBytes)
    let offset = shape.implicitDestination ? cpu[reg: 7] & i.addressMask : self.offset
    let linear: UInt64
    do throws(Fault) {
      // Alignment comes before the segment's limit. Masked instructions look at it only when they touch memory.
      if shape.attributes.contains(.aligned) && !shape.isMasked {
        let unchecked = cpu.s.segments[Int(i.segment)].fastBase &+ offset
        if unchecked & UInt64(size &- 1) != 0 { throw .protection() }
      }
      linear = try cpu.address(segment: Int(i.segment), offset: offset, size: size, write: shape.writes)
    } catch {
      if shape.isMasked { return try callAcrossLimit(shape, offset, size, pendingException(shape) ?? error) }
      throw pendingException(shape) ?? error
    }
    // Straight on guest RAM when the translation cache allows it; masked-out elements are then never touched.
    if let host = unsafe cpu.plain(linear, size: size, write: shape.writes) { return try unsafe call(host, shape) }
    if shape.isMasked {
      if try callGuarded(shape, linear, size) { return }
    }
    do throws(Fault) {
      try callOnCopy(shape, linear, size)
    } catch {
      throw pendingException(shape) ?? error
    }
  }

  /// A pending x87 exception comes before any fault of a waiting instruction's memory operand; the conversions from
  /// MMX operands to SSE look at memory first.
  private func pendingException(_ shape: ThunkShape) -> Fault? {
    if i.op == .cvtpi2ps || i.op == .cvtpi2pd { return nil }
    guard !shape.attributes.isDisjoint(with: [.x87, .mmx]), !shape.isNonWaiting, rb_x87_pending() else { return nil }
    return .x87
  }

  private func callOnCopy(_ shape: ThunkShape, _ linear: UInt64, _ size: Int) throws(Fault) {
    let scratch = unsafe cpu.x.thunks.scratch
    guard cpu.isCanonicalData(linear &+ UInt64(size &- 1)) else { throw .nonCanonical }
    if shape.writes { try cpu.probeWrite(linear, size: size) }
    // SAFETY: no thunk has a memory operand larger than the scratch buffer.
    for byte in 0..<size {
      let value = try cpu.readLinear(UInt8.self, cpu.wrap(linear &+ UInt64(byte)))
      unsafe scratch.storeBytes(of: value, toByteOffset: byte, as: UInt8.self)
    }
    try unsafe call(scratch, shape)
    if shape.writes { try unsafe cpu.writeBytes(linear, scratch, size) }
  }

  /// Runs a masked instruction on a copy with the guest pages' rights. False when it needs a page that is not RAM:
  /// then the whole operand is read, as one without mask would be.
  private func callGuarded(
    _ shape: ThunkShape, _ linear: UInt64, _ size: Int, endsWithPage: Bool = false
  ) throws(Fault) -> Bool {
    let inPage = Int(linear & 0xfff)
    let first = min(size, 0x1000 - inPage)
    let next = cpu.wrap((linear & ~0xfff) &+ 0x1000)
    let rights = cpu.rights(linear, write: shape.writes)
    let nextRights = first == size ? rights : endsWithPage ? .none : cpu.rights(next, write: shape.writes)
    let page = GuardedScratch.page(rights, nextRights)
    let scratch = cpu.x.thunks.guarded
    // SAFETY: `inPage + size` is below two pages, and `page` the first of two.
    let copy = unsafe scratch.alias + page * 4096 + inPage
    let operand = unsafe scratch.window + page * 4096 + inPage
    if !shape.writes {
      for byte in 0..<size where (byte < first ? rights : nextRights) != .none {
        let value = try cpu.readLinear(UInt8.self, cpu.wrap(linear &+ UInt64(byte)))
        unsafe copy.storeBytes(of: value, toByteOffset: byte, as: UInt8.self)
      }
      return try unsafe callAndTranslate(operand, shape, linear)
    }
    // Which bytes a masked store writes is what two runs over different contents agree on.
    var once = InlineArray<64, UInt8>(repeating: 0)
    unsafe memset(copy, 0x00, size)
    guard try unsafe callAndTranslate(operand, shape, linear) else { return false }
    for byte in 0..<min(size, 64) { once[byte] = unsafe copy.load(fromByteOffset: byte, as: UInt8.self) }
    unsafe memset(copy, 0xff, size)
    guard try unsafe callAndTranslate(operand, shape, linear) else { return false }
    for byte in 0..<min(size, 64) {
      // SAFETY: inside the copy.
      guard unsafe copy.load(fromByteOffset: byte, as: UInt8.self) == once[byte] else { continue }
      try cpu.writeLinear(cpu.wrap(linear &+ UInt64(byte)), once[byte])
    }
    return true
  }

  /// A masked operand that its segment does not allow as a whole, `violation` being the fault of the whole: it counts
  /// when a selected element lies beyond the limit. (Limits that end inside a page are taken to end before it.)
  private func callAcrossLimit(_ shape: ThunkShape, _ offset: UInt64, _ size: Int, _ violation: Fault) throws(Fault) {
    let linear = cpu.wrap(cpu.s.segments[Int(i.segment)].base &+ offset)
    let inPage = Int(linear & 0xfff)
    let first = min(size, 0x1000 - inPage)
    var reaches = true
    do throws(Fault) {
      _ = try cpu.address(segment: Int(i.segment), offset: offset, size: first, write: shape.writes)
    } catch {
      reaches = false
    }
    // A trial on scratch pages, whose results are dropped.
    let saved = (cpu.s.vectors, cpu.s.opmasks, cpu.s.mxcsr, cpu.s.thunkFlags)
    let page = GuardedScratch.page(reaches ? .write : .none, .none)
    // SAFETY: `inPage + size` is below two pages, and `page` the first of two.
    let operand = unsafe cpu.x.thunks.guarded.window + page * 4096 + inPage
    if unsafe rb_thunk_call(cpu.x.thunks.entry(i.thunk), cpu.p, operand) != 0 { throw violation }
    if !reaches { return }
    (cpu.s.vectors, cpu.s.opmasks, cpu.s.mxcsr, cpu.s.thunkFlags) = saved
    if try !callGuarded(shape, linear, size, endsWithPage: true) { throw violation }
  }

  /// Calls the thunk; a host page fault becomes the guest's at the same place. False when the guest has none there.
  private func callAndTranslate(
    _ operand: UnsafeMutableRawPointer, _ shape: ThunkShape, _ linear: UInt64
  ) throws(Fault) -> Bool {
    // SAFETY: as in `call`.
    if unsafe rb_thunk_call(cpu.x.thunks.entry(i.thunk), cpu.p, operand) == 0 { return true }
    let fault = rb_thunk_last_fault()
    guard fault.vector == 14 else { throw cpu.faultOfThunk(fault) }
    // A single element that leaves the canonical addresses; of several, the first that faults counts.
    guard shape.memoryBytes > 8 || cpu.isCanonicalData(linear &+ UInt64(shape.memoryBytes) &- 1) else {
      throw .nonCanonical
    }
    let offset = fault.address &- UInt64(UInt(bitPattern: operand))
    _ = try cpu.resolve(cpu.wrap(linear &+ offset), fault.error_code & 2 != 0 ? .write : .read, view: cpu.s.dataTLB)
    return false
  }

  private func call(_ memory: UnsafeMutableRawPointer, _ shape: ThunkShape) throws(Fault) {
    // SAFETY: the thunk touches the state block and `size` bytes at `memory` only.
    if unsafe rb_thunk_call(cpu.x.thunks.entry(i.thunk), cpu.p, memory) == 0 { return }
    throw cpu.faultOfThunk(rb_thunk_last_fault())
  }
}

extension Cpu {
  /// Whether a linear address can exist: only 64-bit mode has others.
  fileprivate func isCanonicalData(_ linear: UInt64) -> Bool {
    s.mode != CPUMode.long.rawValue || isCanonical(linear)
  }

  /// What data accesses may do to a page; pages that are not RAM count as inaccessible. CR2 stays as it is.
  fileprivate func rights(_ linear: UInt64, write: Bool) -> GuardedScratch.Rights {
    let saved = s.cr2
    defer { s.cr2 = saved }
    do throws(Fault) {
      let physical = try resolve(linear, .read, view: s.dataTLB)
      // SAFETY: asks whether there is host memory, without using it.
      guard unsafe backing(physical).host != nil else { return .none }
    } catch {
      return .none
    }
    if !write { return .write }
    do throws(Fault) {
      _ = try resolve(linear, .write, view: s.dataTLB)
      return .write
    } catch {
      return .read
    }
  }
}
