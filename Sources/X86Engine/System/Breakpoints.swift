// Hardware breakpoints (SDM 3B, 17.2): DR7 enables, DR6 reports.
extension Cpu {
  /// DR6 bits of the enabled breakpoints of a kind that overlap [linear, linear + size).
  private func hits(_ linear: UInt64, size: UInt64, kinds: (UInt64) -> Bool) -> UInt64 {
    let dr7 = s.dr[7]
    var result: UInt64 = 0
    for number in 0..<4 where dr7 >> UInt64(number * 2) & 3 != 0 {
      let control = dr7 >> UInt64(16 + number * 4) & 15
      guard kinds(control & 3) else { continue }
      // LEN: 1, 2, 8, 4 bytes; the address is taken as aligned to it.
      let length: UInt64 = [1, 2, 8, 4][Int(control >> 2)]
      let start = s.dr[number] & ~(length &- 1)
      if linear &- start < length || start &- linear < size { result |= 1 << UInt64(number) }
    }
    return result
  }

  /// An enabled instruction breakpoint at `linear`, as DR6 bits.
  func instructionBreakpoint(_ linear: UInt64) -> UInt64? {
    guard s.dr[7] & 0xff != 0 else { return nil }
    let found = hits(linear, size: 1) { $0 == 0 }
    return found == 0 ? nil : found
  }

  /// Notes a data access for the trap after the instruction. Called from the slow path only: pages with watched
  /// addresses never enter the translation cache.
  func noteDataAccess(_ linear: UInt64, size: Int, write: Bool) {
    guard s.dr[7] & 0xff != 0 else { return }
    s.pendingDebug |= hits(linear, size: UInt64(size)) { $0 == 3 || ($0 == 1 && write) }
  }

  /// Whether some enabled data breakpoint lies in the page of `linear`.
  func isWatched(page linear: UInt64) -> Bool {
    s.dr[7] & 0xff != 0 && hits(linear & ~0xfff, size: 0x1000) { $0 & 1 != 0 } != 0
  }

  /// I/O breakpoints (CR4.DE).
  func notePortAccess(_ port: UInt16, size: Int) {
    guard s.cr4 & CR4.de != 0, s.dr[7] & 0xff != 0 else { return }
    s.pendingDebug |= hits(UInt64(port), size: UInt64(size)) { $0 == 2 }
  }
}
