import Glibc
import X86ISA

// REP MOVS and REP STOS a page at a time, where both operands are plain RAM and the direction is up.
extension Cpu {
  /// How many elements of `size` bytes at `linear` stay inside its page.
  @inline(__always) private func elementsInPage(_ linear: UInt64, _ size: Int) -> UInt64 {
    (0x1000 &- (linear & 0xfff)) / UInt64(size)
  }

  /// Host address for `count * size` bytes at `linear` when the translation cache already allows the access.
  // SAFETY: the result is valid to the end of the page at `linear`; callers cut their runs to `elementsInPage`.
  private func cached(_ linear: UInt64, write: Bool) -> UnsafeMutableRawPointer? {
    unsafe plain(linear, size: 1, write: write)
  }

  /// One bulk step of REP MOVS; false when the general loop has to take over.
  // SAFETY: `chunk` keeps both runs inside the page that `cached` answered for.
  func bulkMove<T: AccessWidth>(_ x: Interp, _ type: T.Type) throws(Fault) -> Bool {
    let size = MemoryLayout<T>.size
    let mask = x.i.addressMask
    let count = self[reg: 1] & mask
    guard count > 3, s.systemFlags & (RFLAGS.df | RFLAGS.tf) == 0 else { return false }
    let from = try address(segment: Int(x.i.segment), offset: self[reg: 6] & mask, size: size, write: false)
    let to = try address(segment: Seg.es, offset: self[reg: 7] & mask, size: size, write: true)
    var chunk = min(count, elementsInPage(from, size), elementsInPage(to, size))
    chunk = min(chunk, segmentRoom(Int(x.i.segment), self[reg: 6] & mask, size, mask, write: false))
    chunk = min(chunk, segmentRoom(Seg.es, self[reg: 7] & mask, size, mask, write: true))
    guard chunk > 0, let source = unsafe cached(from, write: false), let target = unsafe cached(to, write: true) else {
      return false
    }
    let bytes = Int(chunk) &* size
    // SAFETY: both runs lie inside one RAM page each. An overlap that makes bytes repeat needs the element-wise order.
    let distance = unsafe target - UnsafeMutableRawPointer(source)
    if distance > 0 && distance < bytes {
      guard distance >= size else { return false }
      for offset in stride(from: 0, to: bytes, by: size) {
        unsafe target.storeBytes(
          of: source.loadUnaligned(fromByteOffset: offset, as: T.self), toByteOffset: offset, as: T.self)
      }
    } else {
      unsafe target.copyMemory(from: source, byteCount: bytes)
    }
    finishBulk(x, chunk: chunk, count: count, size: size, moves: true)
    return true
  }

  /// One bulk step of REP STOS.
  // SAFETY: `chunk` keeps the run inside the page that `cached` answered for.
  func bulkStore<T: AccessWidth>(_ x: Interp, _ type: T.Type) throws(Fault) -> Bool {
    let size = MemoryLayout<T>.size
    let mask = x.i.addressMask
    let count = self[reg: 1] & mask
    guard count > 3, s.systemFlags & (RFLAGS.df | RFLAGS.tf) == 0 else { return false }
    let to = try address(segment: Seg.es, offset: self[reg: 7] & mask, size: size, write: true)
    var chunk = min(count, elementsInPage(to, size))
    chunk = min(chunk, segmentRoom(Seg.es, self[reg: 7] & mask, size, mask, write: true))
    guard chunk > 0, let target = unsafe cached(to, write: true) else { return false }
    let value = x.loadRegister(T.self, 0)
    // SAFETY: the run lies inside one RAM page.
    if value == 0 || size == 1 {
      unsafe memset(target, Int32(truncatingIfNeeded: value), Int(chunk) &* size)
    } else {
      for offset in stride(from: 0, to: Int(chunk) &* size, by: size) {
        unsafe target.storeBytes(of: value, toByteOffset: offset, as: T.self)
      }
    }
    finishBulk(x, chunk: chunk, count: count, size: size, moves: false)
    return true
  }

  /// Elements before the offset wraps or leaves the plain part of its segment.
  private func segmentRoom(_ segment: Int, _ offset: UInt64, _ size: Int, _ mask: UInt64, write: Bool) -> UInt64 {
    let end = write ? s.segments[segment].writeEnd : s.segments[segment].readEnd
    let limit = min(end, mask == ~0 ? ~0 : mask &+ 1)
    return offset < limit ? (limit &- offset) / UInt64(size) : 0
  }

  private func finishBulk(_ x: Interp, chunk: UInt64, count: UInt64, size: Int, moves: Bool) {
    let bytes = chunk &* UInt64(size)
    let width = Int(x.i.addressSize)
    if moves { writeRegister(6, self[reg: 6] &+ bytes, size: width) }
    writeRegister(7, self[reg: 7] &+ bytes, size: width)
    writeRegister(1, count &- chunk, size: width)
    if chunk < count { rip = rip &- UInt64(x.i.length) }
  }

  /// Like `probeWrite`, free when the translation cache already allows the store.
  // SAFETY: the address is only compared with nil.
  func probeWriteFast(_ linear: UInt64, size: Int) throws(Fault) {
    if unsafe linear & 0xfff <= UInt64(0x1000 &- size) && cached(linear, write: true) != nil { return }
    try probeWrite(linear, size: size)
  }
}
