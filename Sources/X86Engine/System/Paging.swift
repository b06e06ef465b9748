import Base
import GuestMemory

/// Page-fault error code bits (SDM 3A, 4.7).
enum PageFaultCode {
  static let present: UInt32 = 1
  static let write: UInt32 = 2
  static let user: UInt32 = 4
  static let reserved: UInt32 = 8
  static let fetch: UInt32 = 16
  static let protectionKey: UInt32 = 32
}

/// Bits of paging entries, the same in all formats (SDM 3A, 4.3 to 4.5).
private enum Entry {
  static let present: UInt64 = 1
  static let writable: UInt64 = 2
  static let user: UInt64 = 4
  static let accessed: UInt64 = 32
  static let dirty: UInt64 = 64
  static let large: UInt64 = 128
  static let global: UInt64 = 256
  static let noExecute: UInt64 = 1 << 63
}

/// One walk's way through the tables: which entries it used, so that accessed and dirty bits are set after
/// every check has passed.
private struct Walk {
  var addresses = InlineArray<5, UInt64>(repeating: 0)
  var values = InlineArray<5, UInt64>(repeating: 0)
  var count = 0
  /// AND of the R/W and U/S bits, OR of XD.
  var rights: UInt64 = Entry.writable | Entry.user
  var physical: UInt64 = 0
  var pageSize: UInt64 = 0x1000

  mutating func use(_ entry: UInt64, at address: UInt64) {
    addresses[count] = address
    values[count] = entry
    count &+= 1
    rights = rights & entry & (Entry.writable | Entry.user) | (rights | entry) & Entry.noExecute
  }
  var leaf: UInt64 { values[count &- 1] }
}

extension Cpu {
  /// Linear to physical through the page tables in force (SDM 3A, chapter 4).
  ///
  /// `view` 0 has user rights, 1 supervisor rights, 2 supervisor rights under SMAP. Sets accessed and dirty bits;
  /// on a page fault sets CR2. A non-canonical address in IA-32e mode is #GP(0).
  func translate(_ linear: UInt64, _ kind: AccessKind, view: UInt32) throws(Fault) -> UInt64 {
    if s.cr0 & CR0.pg == 0 {
      x.walkedGlobal = false
      return linear & 0xffff_ffff
    }
    if s.efer & EFER.lma != 0 {
      guard isCanonical(linear) else { throw .nonCanonical }
    }
    let wide = s.cr4 & CR4.pae != 0
    // A lost race against another processor's store means walking again; the bound keeps a hostile
    // guest from holding us here, and giving up only leaves an accessed bit clear.
    for attempt in 0..<64 {
      let walk = try wide ? walkWide(linear, kind, view) : walkNarrow(linear, kind, view)
      try checkRights(walk, linear, kind, view)
      if setAccessed(walk, kind, wide: wide) || attempt == 63 {
        if walk.pageSize != 0x1000 { noteLargePage(linear, size: walk.pageSize) }
        x.walkedGlobal = walk.leaf & Entry.global != 0 && s.cr4 & CR4.pge != 0
        return walk.physical
      }
    }
    return 0
  }

  /// Where code at `linear` is, if it may be executed now: no accessed bits, no fault, CR2 as it was.
  func quietTranslate(_ linear: UInt64) -> UInt64? {
    if s.cr0 & CR0.pg == 0 { return linear & 0xffff_ffff & s.physicalMask }
    if s.efer & EFER.lma != 0, !isCanonical(linear) { return nil }
    let saved = s.cr2
    defer { s.cr2 = saved }
    let view: UInt32 = s.cpl == 3 ? 0 : 1
    do throws(Fault) {
      let walk = try s.cr4 & CR4.pae != 0 ? walkWide(linear, .execute, view) : walkNarrow(linear, .execute, view)
      try checkRights(walk, linear, .execute, view)
      return walk.physical & s.physicalMask
    } catch {
      return nil
    }
  }

  /// A linear address with all bits above the implemented ones equal (48 bits, 57 with CR4.LA57).
  @inline(__always) func isCanonical(_ linear: UInt64) -> Bool {
    let unused: Int64 = s.cr4 & CR4.la57 != 0 ? 7 : 16
    let signed = Int64(bitPattern: linear)
    return (signed << unused) >> unused == signed
  }

  /// #GP(0), or #SS(0) for stack references, unless `linear` is canonical.
  func checkCanonical(_ linear: UInt64, stack: Bool = false) throws(Fault) {
    guard isCanonical(linear) else { throw stack ? .stack() : .protection() }
  }

  // MARK: Walks

  private func pageFault(_ linear: UInt64, _ code: UInt32, _ kind: AccessKind, _ view: UInt32) -> Fault {
    var code = code
    if kind == .write { code |= PageFaultCode.write }
    if view == 0 { code |= PageFaultCode.user }
    let reportsFetch = s.cr4 & CR4.smep != 0 || s.cr4 & CR4.pae != 0 && s.efer & EFER.nxe != 0
    if kind == .execute, reportsFetch { code |= PageFaultCode.fetch }
    s.cr2 = linear
    return .page(code)
  }

  /// PAE, 4-level and 5-level paging: 8-byte entries.
  private func walkWide(_ linear: UInt64, _ kind: AccessKind, _ view: UInt32) throws(Fault) -> Walk {
    let features = self.features
    let isLong = s.efer & EFER.lma != 0
    var reserved = features.reservedAddressBits
    if s.efer & EFER.nxe == 0 { reserved |= Entry.noExecute }
    // Bits 52...62 are free for software (or keys) in IA-32e mode only.
    if !isLong { reserved |= 0x7ff << 52 }
    var table = s.cr3
    var level: UInt64 = s.cr4 & CR4.la57 != 0 ? 5 : 4
    if !isLong {
      table = s.pdpte[Int(linear >> 30 & 3)]
      level = 2
      guard table & Entry.present != 0 else { throw pageFault(linear, 0, kind, view) }
    }
    var walk = Walk()
    while true {
      let shift = 3 &+ 9 &* level
      let address = (table & 0xf_ffff_ffff_f000 &+ (linear >> shift & 511) &* 8) & s.physicalMask
      let entry = readPhysical(address, size: 8)
      guard entry & Entry.present != 0 else { throw pageFault(linear, 0, kind, view) }
      let mayBeLarge = level == 2 || level == 3 && features.hasGigabytePages
      let isLarge = entry & Entry.large != 0 && level > 1
      var forbidden = reserved
      if isLarge { forbidden |= mayBeLarge ? (1 << shift &- 1) & ~0x1fff : Entry.large }
      guard entry & forbidden == 0 else {
        throw pageFault(linear, PageFaultCode.present | PageFaultCode.reserved, kind, view)
      }
      walk.use(entry, at: address)
      if isLarge || level == 1 {
        let offsetMask: UInt64 = 1 << shift &- 1
        walk.pageSize = offsetMask &+ 1
        walk.physical = entry & 0xf_ffff_ffff_f000 & ~offsetMask | linear & offsetMask
        return walk
      }
      table = entry
      level &-= 1
    }
  }

  /// 32-bit paging: 4-byte entries, 4 MiB pages with CR4.PSE, up to 40 physical bits for those (PSE-36).
  private func walkNarrow(_ linear: UInt64, _ kind: AccessKind, _ view: UInt32) throws(Fault) -> Walk {
    var walk = Walk()
    let directory = (s.cr3 & 0xffff_f000 | linear >> 20 & 0xffc) & s.physicalMask
    let pde = readPhysical(directory, size: 4)
    guard pde & Entry.present != 0 else { throw pageFault(linear, 0, kind, view) }
    walk.use(pde, at: directory)
    if pde & Entry.large != 0, s.cr4 & CR4.pse != 0 {
      let features = self.features
      let high = features.hasPSE36 ? min(UInt64(features.physicalBits), 40) &- 32 : 0
      // Bits 13...(12 + high) hold address bits 32 and up; those above, to bit 21, are reserved.
      let highMask: UInt64 = (1 << high &- 1) << 13
      guard pde & 0x3f_e000 & ~highMask == 0 else {
        throw pageFault(linear, PageFaultCode.present | PageFaultCode.reserved, kind, view)
      }
      walk.physical = pde & 0xffc0_0000 | (pde & highMask) << 19 | linear & 0x3f_ffff
      walk.pageSize = 0x40_0000
      return walk
    }
    let address = (pde & 0xffff_f000 | linear >> 10 & 0xffc) & s.physicalMask
    let pte = readPhysical(address, size: 4)
    guard pte & Entry.present != 0 else { throw pageFault(linear, 0, kind, view) }
    walk.use(pte, at: address)
    walk.physical = pte & 0xffff_f000 | linear & 0xfff
    return walk
  }

  /// Access rights of a complete walk (SDM 3A, 4.6).
  private func checkRights(_ walk: Walk, _ linear: UInt64, _ kind: AccessKind, _ view: UInt32) throws(Fault) {
    let isUserPage = walk.rights & Entry.user != 0
    let isWritable = walk.rights & Entry.writable != 0
    let protectsWrites = view == 0 || s.cr0 & CR0.wp != 0
    var allowed = true
    switch kind {
    case .read: break
    case .write: allowed = isWritable || !protectsWrites
    case .execute:
      allowed = walk.rights & Entry.noExecute == 0
      if view != 0, isUserPage, s.cr4 & CR4.smep != 0 { allowed = false }
    }
    if view == 0, !isUserPage { allowed = false }
    if view == 2, isUserPage, kind != .execute { allowed = false }
    var code = PageFaultCode.present
    if isUserPage, kind != .execute, s.cr4 & CR4.pke != 0, s.efer & EFER.lma != 0 {
      let disable = s.pkru >> (UInt32(walk.leaf >> 59 & 15) &* 2)
      if disable & 1 != 0 || disable & 2 != 0 && kind == .write && protectsWrites {
        allowed = false
        code |= PageFaultCode.protectionKey
      }
    }
    if !allowed { throw pageFault(linear, code, kind, view) }
  }

  /// Sets the accessed bits, and the leaf's dirty bit for a write; false when an entry changed meanwhile.
  private func setAccessed(_ walk: Walk, _ kind: AccessKind, wide: Bool) -> Bool {
    for index in 0..<walk.count {
      var bits = Entry.accessed
      if kind == .write, index == walk.count &- 1 { bits |= Entry.dirty }
      let entry = walk.values[index]
      if entry & bits == bits { continue }
      let done =
        wide
        ? setEntryBits(walk.addresses[index], expected: entry, set: bits)
        : setEntryBits(
          walk.addresses[index], expected: UInt32(truncatingIfNeeded: entry), set: UInt32(truncatingIfNeeded: bits))
      if !done { return false }
    }
    return true
  }

  // MARK: Invalidation

  /// Widens the region that is known to hold large pages so that it covers this one.
  private func noteLargePage(_ linear: UInt64, size: UInt64) {
    let half = Int(linear >> 63)
    var mask = ~(size &- 1)
    if s.largePageBase[half] != ~0 {
      mask &= s.largePageMask[half]
      while (s.largePageBase[half] ^ linear) & mask != 0 { mask <<= 1 }
    }
    s.largePageMask[half] = mask
    s.largePageBase[half] = linear & mask
  }

  /// Empties the translation caches and what is known about large pages.
  func flushTranslations() {
    s.largePageBase = InlineArray(repeating: ~0)
    s.largePageMask = InlineArray(repeating: ~0)
    flushTLB()
  }

  private func invalidate(page linear: UInt64) {
    let half = Int(linear >> 63)
    // The caches hold 4 KiB pieces of large pages, and one INVLPG must drop all of them.
    if linear & s.largePageMask[half] == s.largePageBase[half] { flushTranslations() } else { flushTLB(page: linear) }
  }

  /// INVLPG. A non-canonical address does nothing.
  func invlpg(_ linear: UInt64) throws(Fault) {
    guard s.cpl == 0 else { throw .protection() }
    if s.efer & EFER.lma != 0, !isCanonical(linear) { return }
    invalidate(page: linear)
  }

  /// INVPCID with the descriptor's two quadwords (SDM 2A).
  ///
  /// The caches never hold another PCID than the current one, since MOV CR3 flushes.
  func invpcid(type: UInt64, low: UInt64, high: UInt64) throws(Fault) {
    guard features.hasInvpcid else { throw .invalidOpcode }
    guard s.cpl == 0 else { throw .protection() }
    guard type <= 3, low >> 12 == 0 || type >= 2 else { throw .protection() }
    let hasPCID = s.cr4 & CR4.pcide != 0
    if type < 2, !hasPCID, low & 0xfff != 0 { throw .protection() }
    switch type {
    case 0:
      guard isCanonical(high) else { throw .protection() }
      if currentPCID == low & 0xfff { invalidate(page: high) }
    case 1:
      if currentPCID == low & 0xfff { flushTranslations() }
    default: flushTranslations()
    }
  }

  private var currentPCID: UInt64 { s.cr4 & CR4.pcide != 0 ? s.cr3 & 0xfff : 0 }

  // MARK: PAE

  /// Reads and checks the four PDPTEs that CR3 = `cr3` points to; #GP(0) on reserved bits (SDM 3A, 4.4.1).
  func pageDirectoryPointers(_ cr3: UInt64) throws(Fault) -> InlineArray<4, UInt64> {
    var entries = InlineArray<4, UInt64>(repeating: 0)
    // Bits 1, 2, 5...8 and everything from MAXPHYADDR up.
    let reserved = features.reservedAddressBits | 0xfff << 52 | 0x1e6
    for index in 0..<4 {
      let address = (cr3 & 0xffff_ffe0 &+ UInt64(index) &* 8) & s.physicalMask
      let entry = readPhysical(address, size: 8)
      if entry & Entry.present != 0, entry & reserved != 0 { throw .protection() }
      entries[index] = entry
    }
    return entries
  }
}
