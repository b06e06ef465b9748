/// A segment or gate descriptor; `upper` is the second half of 16-byte system descriptors (SDM 3A, 3.4.5, 5.8.3, 6.11).
struct Descriptor {
  var raw: UInt64
  var upper: UInt64 = 0
  /// Linear address of its first byte.
  var address: UInt64 = 0

  init(raw: UInt64, address: UInt64 = 0) {
    self.raw = raw
    self.address = address
  }

  /// Layout of `SegmentRegister.attributes`.
  var attributes: UInt16 { UInt16(truncatingIfNeeded: raw >> 40) & 0xf0ff }
  var type: UInt8 { UInt8(truncatingIfNeeded: raw >> 40) & 0xf }
  var isCodeOrData: Bool { raw >> 44 & 1 != 0 }
  var dpl: UInt8 { UInt8(truncatingIfNeeded: raw >> 45) & 3 }
  var isPresent: Bool { raw >> 47 & 1 != 0 }
  var isLong: Bool { raw >> 53 & 1 != 0 }
  var isBig: Bool { raw >> 54 & 1 != 0 }
  var base: UInt64 { raw >> 16 & 0xff_ffff | raw >> 32 & 0xff00_0000 | upper << 32 }
  /// In bytes: G applied.
  var limit: UInt32 {
    let limit = UInt32(truncatingIfNeeded: raw & 0xffff | raw >> 32 & 0xf_0000)
    return raw >> 55 & 1 != 0 ? limit << 12 | 0xfff : limit
  }

  var isCode: Bool { isCodeOrData && type & 8 != 0 }
  var isConforming: Bool { isCode && type & 4 != 0 }
  var isWritableData: Bool { isCodeOrData && type & 0xa == 2 }
  /// Data, or code that may be read.
  var isReadable: Bool { isCodeOrData && type & 0xa != 8 }

  // Gates.
  var gateSelector: UInt16 { UInt16(truncatingIfNeeded: raw >> 16) }
  var gateOffset: UInt64 { raw & 0xffff | raw >> 32 & 0xffff_0000 | upper << 32 }
  /// Call gates: how many words or doublewords of parameters.
  var parameterCount: UInt64 { raw >> 32 & 0x1f }
  /// 64-bit interrupt gates: interrupt stack table index, 0 = none.
  var interruptStack: UInt64 { raw >> 32 & 7 }
}

/// Types of system descriptors (SDM 3A, table 3-2).
enum SystemType {
  static let tss16: UInt8 = 1
  static let ldt: UInt8 = 2
  static let tss16Busy: UInt8 = 3
  static let callGate16: UInt8 = 4
  static let taskGate: UInt8 = 5
  static let interruptGate16: UInt8 = 6
  static let trapGate16: UInt8 = 7
  static let tss: UInt8 = 9
  static let tssBusy: UInt8 = 11
  static let callGate: UInt8 = 12
  static let interruptGate: UInt8 = 14
  static let trapGate: UInt8 = 15
}

extension UInt16 {
  // Parts of a segment selector (SDM 3A, 3.4.2).
  var rpl: UInt8 { UInt8(truncatingIfNeeded: self) & 3 }
  var usesLDT: Bool { self & 4 != 0 }
  var isNullSelector: Bool { self & 0xfffc == 0 }
  /// As an exception error code: RPL replaced by IDT = EXT = 0.
  var errorCode: UInt32 { UInt32(self & 0xfffc) }
  func withRPL(_ level: UInt8) -> UInt16 { self & 0xfffc | UInt16(level) }
}

extension Cpu {
  /// IA-32e mode: 64-bit or compatibility.
  var isIA32e: Bool { s.efer & EFER.lma != 0 }

  /// Address inside a descriptor table or TSS: 32 bits wide outside IA-32e mode.
  func tableAddress(_ base: UInt64, _ offset: UInt64) -> UInt64 {
    isIA32e ? base &+ offset : (base &+ offset) & 0xffff_ffff
  }

  /// Where `size` bytes of the descriptor for `selector` lie; nil beyond the table's limit.
  private func descriptorAddress(_ selector: UInt16, size: UInt64) -> UInt64? {
    let offset = UInt64(selector & 0xfff8)
    if selector.usesLDT {
      let ldt = s.segments[Seg.ldtr]
      guard ldt.isPresent, offset &+ size &- 1 <= UInt64(ldt.limit) else { return nil }
      return tableAddress(ldt.base, offset)
    }
    guard offset &+ size &- 1 <= UInt64(s.gdtr.limit) else { return nil }
    return tableAddress(s.gdtr.base, offset)
  }

  /// Reads a descriptor; nil when the selector lies beyond its table. Does not look for null.
  func descriptor(_ selector: UInt16) throws(Fault) -> Descriptor? {
    guard let address = descriptorAddress(selector, size: 8) else { return nil }
    return Descriptor(raw: try readSystem(UInt64.self, address), address: address)
  }

  /// Reads a descriptor; `fault` when the selector lies beyond its table.
  func descriptor(_ selector: UInt16, else fault: Fault) throws(Fault) -> Descriptor {
    guard let found = try descriptor(selector) else { throw fault }
    return found
  }

  /// In IA-32e mode adds the second half of a 16-byte system descriptor, checking the limit and its type field.
  func extendSystem(_ descriptor: inout Descriptor, _ selector: UInt16, else fault: Fault) throws(Fault) {
    guard isIA32e else { return }
    guard let address = descriptorAddress(selector, size: 16) else { throw fault }
    let upper = try readSystem(UInt64.self, address &+ 8)
    guard upper >> 40 & 0x1f == 0 else { throw fault }
    descriptor.upper = upper & 0xffff_ffff
  }

  /// Sets the accessed bit of a code or data descriptor, in memory and in `descriptor`.
  func markAccessed(_ descriptor: inout Descriptor) throws(Fault) {
    guard descriptor.type & 1 == 0 else { return }
    descriptor.raw |= 1 << 40
    try writeSystem(descriptor.address &+ 5, UInt8(truncatingIfNeeded: descriptor.raw >> 40))
  }

  /// Sets or clears the busy bit of a TSS descriptor in memory.
  func setBusy(_ descriptor: Descriptor, _ busy: Bool) throws(Fault) {
    let access = UInt8(truncatingIfNeeded: descriptor.raw >> 40)
    try writeSystem(descriptor.address &+ 5, busy ? access | 2 : access & ~2)
  }

  /// Fills a segment register's visible and hidden parts; the caller refreshes what derives from it.
  func install(_ descriptor: Descriptor, selector: UInt16, in index: Int) {
    s.segments[index].selector = selector
    s.segments[index].base = descriptor.base
    s.segments[index].limit = descriptor.limit
    s.segments[index].attributes = descriptor.attributes
  }

  /// Marks a segment register unusable.
  func installNull(selector: UInt16, in index: Int) {
    s.segments[index].selector = selector
    s.segments[index].base = 0
    s.segments[index].limit = 0
    s.segments[index].attributes = 0
  }
}
