import X86ISA

// Gathers and scatters (VSIB): one guest access for each element, in order, as far as the mask says. A fault leaves
// the elements before it done and their mask bits clear, so that the instruction can go on behind it.
extension Interp {
  private struct GatherForm {
    /// Bytes of an index and of a data element.
    var indexBytes: Int
    var dataBytes: Int
    var isScatter: Bool
    var count: Int
  }

  private var gatherForm: GatherForm? {
    let sizes: (Int, Int, Bool)?
    switch i.op {
    case .vpgatherdd, .vgatherdps: sizes = (4, 4, false)
    case .vpgatherdq, .vgatherdpd: sizes = (4, 8, false)
    case .vpgatherqd, .vgatherqps: sizes = (8, 4, false)
    case .vpgatherqq, .vgatherqpd: sizes = (8, 8, false)
    case .vpscatterdd, .vscatterdps: sizes = (4, 4, true)
    case .vpscatterdq, .vscatterdpd: sizes = (4, 8, true)
    case .vpscatterqd, .vscatterqps: sizes = (8, 4, true)
    case .vpscatterqq, .vscatterqpd: sizes = (8, 8, true)
    default: sizes = nil
    }
    guard let sizes else { return nil }
    return GatherForm(
      indexBytes: sizes.0, dataBytes: sizes.1, isScatter: sizes.2, count: i.vectorBytes / max(sizes.0, sizes.1))
  }

  func gatherOrScatter() throws(Fault) {
    guard let form = gatherForm else { throw .invalidOpcode }
    if i.prefixes.contains(.evex) {
      // Destination and index of a gather must differ.
      if !form.isScatter && i.reg == i.index { throw .invalidOpcode }
      try gatherUnderOpmask(form)
    } else {
      if i.reg == i.index || i.reg == i.vvvv || i.index == i.vvvv { throw .invalidOpcode }
      try gatherUnderVector(form)
    }
    if !form.isScatter { clearVector(i.reg, from: form.count * form.dataBytes) }
  }

  private func gatherUnderOpmask(_ form: GatherForm) throws(Fault) {
    let mask = Int(i.evexControl & 7)
    for element in 0..<form.count where cpu.s.opmasks[mask] >> UInt64(element) & 1 != 0 {
      try moveElement(form, element)
      cpu.s.opmasks[mask] &= ~(1 << UInt64(element))
    }
    cpu.s.opmasks[mask] = 0
  }

  /// AVX2: the sign bits of a vector are the mask.
  private func gatherUnderVector(_ form: GatherForm) throws(Fault) {
    let top = UInt64(form.dataBytes * 8 - 1)
    for element in 0..<form.count {
      if readElement(i.vvvv, element, form.dataBytes) >> top & 1 != 0 { try moveElement(form, element) }
      writeElement(i.vvvv, element, form.dataBytes, 0)
    }
    clearVector(i.vvvv, from: 0)
  }

  private func moveElement(_ form: GatherForm, _ element: Int) throws(Fault) {
    let raw = readElement(i.index, element, form.indexBytes)
    let index = form.indexBytes == 4 ? UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: raw))) : raw
    let offset = (cpu[reg: i.base] &+ index << UInt64(i.scale) &+ i.displacement) & i.addressMask
    if form.isScatter {
      let value = readElement(i.reg, element, form.dataBytes)
      if form.dataBytes == 4 {
        try cpu.store(UInt32(truncatingIfNeeded: value), segment: Int(i.segment), offset: offset)
      } else {
        try cpu.store(value, segment: Int(i.segment), offset: offset)
      }
    } else if form.dataBytes == 4 {
      let value = try cpu.load(UInt32.self, segment: Int(i.segment), offset: offset)
      writeElement(i.reg, element, 4, UInt64(value))
    } else {
      writeElement(i.reg, element, 8, try cpu.load(UInt64.self, segment: Int(i.segment), offset: offset))
    }
  }

  private func readElement(_ register: UInt8, _ element: Int, _ bytes: Int) -> UInt64 {
    let word = cpu.s.vectors[Int(register & 31) * 8 + element * bytes / 8]
    return bytes == 8 ? word : word >> (UInt64(element & 1) * 32) & 0xffff_ffff
  }
  private func writeElement(_ register: UInt8, _ element: Int, _ bytes: Int, _ value: UInt64) {
    let place = Int(register & 31) * 8 + element * bytes / 8
    if bytes == 8 {
      cpu.s.vectors[place] = value
    } else {
      let shift = UInt64(element & 1) * 32
      cpu.s.vectors[place] = cpu.s.vectors[place] & ~(0xffff_ffff << shift) | (value & 0xffff_ffff) << shift
    }
  }
  /// Zeroes a register from byte `start` (a multiple of four).
  private func clearVector(_ register: UInt8, from start: Int) {
    for element in (start / 4)..<16 { writeElement(register, element, 4, 0) }
  }
}
