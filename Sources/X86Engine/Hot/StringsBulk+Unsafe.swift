import Glibc
import X86ISA

// Repeated MOVS, STOS, SCAS and CMPS a page at a time, where the operands are plain RAM and the direction is up.
extension Cpu {
  /// How many elements of `size` bytes at `linear` stay inside its page.
  @inline(__always) private func elementsInPage(_ linear: UInt64, _ size: Int) -> UInt64 {
    (0x1000 &- (linear & 0xfff)) / UInt64(size)
  }

  /// Host address of the byte at `linear`, valid to the end of its page; nil where it is not plain RAM. Raises the fault
  /// that the access would.
  private func plainPage(_ linear: UInt64, write: Bool) throws(Fault) -> UnsafeMutableRawPointer? {
    if let known = unsafe plain(linear, size: 1, write: write) { return unsafe known }
    _ = try resolve(linear, write ? .write : .read, view: s.dataTLB)
    return unsafe plain(linear, size: 1, write: write)
  }

  /// Pages in one go before events are looked at again.
  private static let bulkPages = 64

  /// REP MOVS as far as it can be done in bulk. How many elements the general loop is to do before this is tried again; 0
  /// when the instruction is done or gives way.
  // SAFETY: `chunk` keeps both runs inside the pages that `plainPage` answered for.
  func bulkMove<T: AccessWidth>(_ x: Interp, _ type: T.Type) throws(Fault) -> UInt64 {
    let size = MemoryLayout<T>.size
    let mask = x.i.addressMask
    guard s.systemFlags & (RFLAGS.df | RFLAGS.tf) == 0 else { return Interp.repeatLimit }
    for _ in 0..<Cpu.bulkPages {
      let count = self[reg: 1] & mask
      guard count > 3 else { return max(count, 1) }
      let from = try address(segment: Int(x.i.segment), offset: self[reg: 6] & mask, size: size, write: false)
      let to = try address(segment: Seg.es, offset: self[reg: 7] & mask, size: size, write: true)
      var chunk = min(count, elementsInPage(from, size), elementsInPage(to, size))
      chunk = min(chunk, segmentRoom(Int(x.i.segment), self[reg: 6] & mask, size, mask, write: false))
      chunk = min(chunk, segmentRoom(Seg.es, self[reg: 7] & mask, size, mask, write: true))
      // An element that crosses into the next page, or leaves the segment.
      guard chunk > 0 else { return 1 }
      guard let source = unsafe try plainPage(from, write: false), let target = unsafe try plainPage(to, write: true),
        unsafe copy(source, target, Int(chunk) &* size, T.self)
      else { return chunk }
      if finishBulk(x, chunk: chunk, count: count, size: size, moves: true) { return 0 }
      if mustPause { break }
    }
    rip = rip &- UInt64(x.i.length)
    return 0
  }

  /// Copies as MOVS does, upwards; false when bytes of one element would repeat.
  // SAFETY: `bytes` at both places, as `bulkMove` has seen to.
  private func copy<T: AccessWidth>(
    _ source: UnsafeMutableRawPointer, _ target: UnsafeMutableRawPointer, _ bytes: Int, _ type: T.Type
  ) -> Bool {
    let size = MemoryLayout<T>.size
    // An overlap that makes bytes repeat needs the order of the elements.
    let distance = unsafe target - source
    guard distance > 0 && distance < bytes else {
      unsafe target.copyMemory(from: source, byteCount: bytes)
      return true
    }
    guard distance >= size else { return false }
    for offset in stride(from: 0, to: bytes, by: size) {
      unsafe target.storeBytes(
        of: source.loadUnaligned(fromByteOffset: offset, as: T.self), toByteOffset: offset, as: T.self)
    }
    return true
  }

  /// REP STOS; as `bulkMove`.
  // SAFETY: `chunk` keeps the run inside the page that `plainPage` answered for.
  func bulkStore<T: AccessWidth>(_ x: Interp, _ type: T.Type) throws(Fault) -> UInt64 {
    let size = MemoryLayout<T>.size
    let mask = x.i.addressMask
    guard s.systemFlags & (RFLAGS.df | RFLAGS.tf) == 0 else { return Interp.repeatLimit }
    let value = x.loadRegister(T.self, 0)
    for _ in 0..<Cpu.bulkPages {
      let count = self[reg: 1] & mask
      guard count > 3 else { return max(count, 1) }
      let to = try address(segment: Seg.es, offset: self[reg: 7] & mask, size: size, write: true)
      var chunk = min(count, elementsInPage(to, size))
      chunk = min(chunk, segmentRoom(Seg.es, self[reg: 7] & mask, size, mask, write: true))
      guard chunk > 0 else { return 1 }
      guard let target = unsafe try plainPage(to, write: true) else { return chunk }
      // SAFETY: the run lies inside one RAM page.
      if value == 0 || size == 1 {
        unsafe memset(target, Int32(truncatingIfNeeded: value), Int(chunk) &* size)
      } else {
        for offset in stride(from: 0, to: Int(chunk) &* size, by: size) {
          unsafe target.storeBytes(of: value, toByteOffset: offset, as: T.self)
        }
      }
      if finishBulk(x, chunk: chunk, count: count, size: size, moves: false) { return 0 }
      if mustPause { break }
    }
    rip = rip &- UInt64(x.i.length)
    return 0
  }

  /// REPE and REPNE CMPS, and SCAS, up to the element that ends them, which is the general loop's; as `bulkMove`.
  // SAFETY: `chunk` keeps both runs inside the pages that `plainPage` answered for.
  func bulkCompare<T: AccessWidth>(_ x: Interp, _ type: T.Type, scans: Bool) throws(Fault) -> UInt64 {
    let size = MemoryLayout<T>.size
    let mask = x.i.addressMask
    guard s.systemFlags & (RFLAGS.df | RFLAGS.tf) == 0 else { return Interp.repeatLimit }
    let value = x.loadRegister(T.self, 0)
    for _ in 0..<Cpu.bulkPages {
      let count = self[reg: 1] & mask
      guard count > 3 else { return max(count, 1) }
      let b = try address(segment: Seg.es, offset: self[reg: 7] & mask, size: size, write: false)
      let a = scans ? b : try address(segment: Int(x.i.segment), offset: self[reg: 6] & mask, size: size, write: false)
      var chunk = min(count &- 1, elementsInPage(a, size), elementsInPage(b, size))
      chunk = min(chunk, segmentRoom(Seg.es, self[reg: 7] & mask, size, mask, write: false))
      if !scans { chunk = min(chunk, segmentRoom(Int(x.i.segment), self[reg: 6] & mask, size, mask, write: false)) }
      guard chunk > 0 else { return 1 }
      guard let left = unsafe try plainPage(a, write: false), let right = unsafe try plainPage(b, write: false) else {
        return chunk
      }
      let run = unsafe Comparison(
        left: left, right: right, count: Int(chunk), value: value, scans: scans,
        endsAtEqual: !x.i.prefixes.contains(.repeatF3))
      let passed = run.passed
      if passed > 0 {
        // What a fault in the next one finds.
        let (a, b) = run.pair(passed &- 1)
        setSubtractFlags(a, b, a &- b)
      }
      _ = finishBulk(x, chunk: UInt64(passed), count: count, size: size, moves: !scans)
      if passed < Int(chunk) { return 1 }
      if mustPause { break }
    }
    rip = rip &- UInt64(x.i.length)
    return 0
  }

  /// Elements of one page each, or a value and those of one.
  // SAFETY(type): whoever makes it has `count` elements at both places; indices are below that.
  @safe private struct Comparison<T: AccessWidth> {
    var left: UnsafeMutableRawPointer
    var right: UnsafeMutableRawPointer
    var count: Int
    /// Stands for the left elements.
    var value: T
    var scans: Bool
    var endsAtEqual: Bool

    @inline(__always) func pair(_ index: Int) -> (T, T) {
      let offset = index &* MemoryLayout<T>.size
      let b = unsafe right.loadUnaligned(fromByteOffset: offset, as: T.self)
      return scans ? (value, b) : unsafe (left.loadUnaligned(fromByteOffset: offset, as: T.self), b)
    }
    /// How many elements come before the one that ends it.
    @inline(__always) var passed: Int {
      if scans && endsAtEqual && MemoryLayout<T>.size == 1 {
        return unsafe memchr(right, Int32(truncatingIfNeeded: value), count).map { unsafe $0 - right } ?? count
      }
      var index = 0
      while index < count {
        let (a, b) = pair(index)
        if (a == b) == endsAtEqual { break }
        index &+= 1
      }
      return index
    }
  }

  /// Elements before the offset wraps or leaves the plain part of its segment.
  private func segmentRoom(_ segment: Int, _ offset: UInt64, _ size: Int, _ mask: UInt64, write: Bool) -> UInt64 {
    let end = write ? s.segments[segment].writeEnd : s.segments[segment].readEnd
    let limit = min(end, mask == ~0 ? ~0 : mask &+ 1)
    return offset < limit ? (limit &- offset) / UInt64(size) : 0
  }

  /// Commits a run; true when it was the last.
  private func finishBulk(_ x: Interp, chunk: UInt64, count: UInt64, size: Int, moves: Bool) -> Bool {
    let bytes = chunk &* UInt64(size)
    let width = Int(x.i.addressSize)
    if moves { writeRegister(6, self[reg: 6] &+ bytes, size: width) }
    writeRegister(7, self[reg: 7] &+ bytes, size: width)
    writeRegister(1, count &- chunk, size: width)
    return chunk == count
  }

  /// Like `probeWrite`, free when the translation cache already allows the store.
  // SAFETY: the address is only compared with nil.
  func probeWriteFast(_ linear: UInt64, size: Int) throws(Fault) {
    if unsafe linear & 0xfff <= UInt64(0x1000 &- size) && plain(linear, size: 1, write: true) != nil { return }
    try probeWrite(linear, size: size)
  }
}
