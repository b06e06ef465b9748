import CHost
import Synchronization

/// Serialises locked accesses that no single host instruction can make atomic: across two pages, or on MMIO.
private let busLock = Mutex(())

// SAFETY(type): host addresses come from a translation cache hit or from `backing(of:)`, and the access stays inside that
// page (law of the fast path in Access+Unsafe.swift); guest RAM stays mapped while the machine lives.
extension Cpu {
  /// Plain read-modify-write, returns the old value: one translation for both halves, so the store cannot fault after
  /// the load.
  @inline(__always) func update<T: AccessWidth>(_ linear: UInt64, _ operation: (T) -> T) throws(Fault) -> T {
    let entry = unsafe entry(linear, view: s.dataTLB)
    let offset = unsafe linear &- entry.pointee.tagWrite
    // SAFETY: a matching write tag means the whole access lies in writable RAM, `addend` away.
    if offset <= 0x1000 &- UInt64(truncatingIfNeeded: MemoryLayout<T>.size) {
      let host = unsafe UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: entry.pointee.addend &+ linear))
        .unsafelyUnwrapped
      let old = unsafe host.loadUnaligned(as: T.self)
      unsafe host.storeBytes(of: operation(old), as: T.self)
      return old
    }
    let old = try T(truncatingIfNeeded: readForUpdate(linear, size: MemoryLayout<T>.size))
    try writeLinear(linear, operation(old))
    return old
  }

  /// Checks write access before it reads, as the processor does: the fault of a read-modify-write is a write fault.
  @inline(never) private func readForUpdate(_ linear: UInt64, size: Int) throws(Fault) -> UInt64 {
    try probeWrite(linear, size: size)
    return try readSlow(linear, size: size, view: s.dataTLB)
  }

  /// Faults now if a write of `size` bytes would.
  func probeWrite(_ linear: UInt64, size: Int) throws(Fault) {
    let last = wrap(linear &+ UInt64(size &- 1))
    try checkCrossing(last)
    _ = try resolve(linear, .write, view: s.dataTLB)
    if (linear ^ last) & ~0xfff != 0 { _ = try resolve(last & ~0xfff, .write, view: s.dataTLB) }
  }

  /// Read-modify-write that is atomic between vCPUs; returns the old value.
  @inline(__always) func atomicUpdate<T: AccessWidth>(_ linear: UInt64, _ operation: (T) -> T) throws(Fault) -> T {
    let entry = unsafe entry(linear, view: s.dataTLB)
    let offset = unsafe linear &- entry.pointee.tagWrite
    // SAFETY: as in `update`; the exchange is a single host LOCK CMPXCHG, whatever the alignment.
    if offset <= 0x1000 &- UInt64(truncatingIfNeeded: MemoryLayout<T>.size) {
      let host = unsafe UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: entry.pointee.addend &+ linear))
        .unsafelyUnwrapped
      return unsafe Cpu.exchangeLoop(host, operation)
    }
    return try atomicSlow(linear, operation)
  }

  @inline(__always) private static func exchangeLoop<T: AccessWidth>(
    _ host: UnsafeMutableRawPointer, _ operation: (T) -> T
  ) -> T {
    // SAFETY: `host` is inside guest RAM (callers); compare-and-exchange takes any alignment.
    var old = unsafe host.loadUnaligned(as: T.self)
    while true {
      let new = operation(old)
      var seen = old
      let done = unsafe compareExchange(host, &seen, new)
      if done { return old }
      old = seen
    }
  }

  @inline(__always) private static func compareExchange<T: AccessWidth>(
    _ host: UnsafeMutableRawPointer, _ expected: inout T, _ desired: T
  ) -> Bool {
    // SAFETY: as in exchangeLoop; the width of T selects the instruction.
    switch T.bitWidth {
    case 8:
      var old = UInt8(truncatingIfNeeded: expected)
      defer { expected = T(truncatingIfNeeded: old) }
      return unsafe rb_cas8(host, &old, UInt8(truncatingIfNeeded: desired))
    case 16:
      var old = UInt16(truncatingIfNeeded: expected)
      defer { expected = T(truncatingIfNeeded: old) }
      return unsafe rb_cas16(host, &old, UInt16(truncatingIfNeeded: desired))
    case 32:
      var old = UInt32(truncatingIfNeeded: expected)
      defer { expected = T(truncatingIfNeeded: old) }
      return unsafe rb_cas32(host, &old, UInt32(truncatingIfNeeded: desired))
    default:
      var old = UInt64(truncatingIfNeeded: expected)
      defer { expected = T(truncatingIfNeeded: old) }
      return unsafe rb_cas64(host, &old, UInt64(truncatingIfNeeded: desired))
    }
  }

  @inline(never) private func atomicSlow<T: AccessWidth>(_ linear: UInt64, _ operation: (T) -> T) throws(Fault) -> T {
    let size = MemoryLayout<T>.size
    try probeWrite(linear, size: size)
    // A page of code is RAM all the same: exchange in place, then tell the engines.
    if linear & 0xfff <= UInt64(0x1000 &- size) {
      let physical = try resolve(linear, .write, view: s.dataTLB)
      let backing = self.backing(physical)
      if let page = unsafe backing.host, !backing.readOnly {
        // SAFETY: offset + size stays inside the page.
        let old: T = unsafe Cpu.exchangeLoop(page + Int(physical & 0xfff), operation)
        if !backing.directWrite { noteStore(physical, size) }
        return old
      }
    }
    // Split locks and MMIO: atomic among themselves only.
    var old: T = 0
    try busLock.withLock { _ throws(Fault) in
      old = try readLinear(T.self, linear)
      try writeLinear(linear, operation(old))
    }
    return old
  }

  /// 16-byte compare-and-exchange at an aligned address: (equal, old low, old high).
  func compareExchange16(
    _ linear: UInt64, expected: (UInt64, UInt64), desired: (UInt64, UInt64)
  ) throws(Fault) -> (Bool, UInt64, UInt64) {
    let physical = try resolve(linear, .write, view: s.dataTLB)
    let backing = self.backing(physical)
    guard let page = unsafe backing.host, !backing.readOnly else {
      let low = try readLinear(UInt64.self, linear), high = try readLinear(UInt64.self, linear &+ 8)
      let same = low == expected.0 && high == expected.1
      try writeLinear(linear, same ? desired.0 : low)
      try writeLinear(linear &+ 8, same ? desired.1 : high)
      return (same, low, high)
    }
    var (low, high) = expected
    // SAFETY: 16-byte aligned (checked by the caller), so inside the page.
    let same = unsafe rb_cas128(page + Int(physical & 0xfff), &low, &high, desired.0, desired.1)
    if !backing.directWrite { noteStore(physical, 16) }
    return (same, low, high)
  }
}
