import X86ISA

extension Cpu {
  /// CPUID: the model's leaf with its run-time parts (SDM 2A, CPUID).
  func cpuid() {
    let number = self[reg32: 0], subleaf = self[reg32: 1]
    var leaf = existing(number, subleaf)
    switch number {
    case 1:
      leaf.ebx = leaf.ebx & 0x00ff_ffff | UInt32(index) << 24
      if s.cr4 & CR4.osxsave != 0 { leaf.ecx |= 1 << 27 }
      if s.apicBase & 0x800 == 0 { leaf.edx &= ~(1 << 9) }
    case 7 where subleaf == 0:
      if s.cr4 & CR4.pke != 0 && leaf.ecx & 8 != 0 { leaf.ecx |= 16 }
    case 0xb:
      leaf.ecx = leaf.ecx & ~0xff | subleaf & 0xff
      leaf.edx = UInt32(index)
    case 0xd where subleaf == 0: leaf.ebx = UInt32(xsaveAreaSize(mask: s.xcr0))
    case 0xd where subleaf == 1: leaf.ebx = UInt32(xsaveCompactedSize(mask: s.xcr0 | s.xss))
    default: break
    }
    self[reg32: 0] = leaf.eax
    self[reg32: 3] = leaf.ebx
    self[reg32: 1] = leaf.ecx
    self[reg32: 2] = leaf.edx
  }

  /// Beyond the highest leaf of its range Intel repeats the highest basic leaf, AMD gives zero. Hypervisors have several
  /// ranges, and zero between them.
  private func existing(_ number: UInt32, _ subleaf: UInt32) -> CPUModel.Leaf {
    let base = number & 0xc000_0000
    if base == 0x4000_0000 { return model.leaf(number, subleaf) }
    if number <= model.leaf(base, 0).eax && number >= base { return model.leaf(number, subleaf) }
    if model.features.isAMD { return CPUModel.Leaf() }
    return model.leaf(model.leaf(0, 0).eax, subleaf)
  }

  /// Bytes of the standard-format XSAVE area for the components in `mask`.
  func xsaveAreaSize(mask: UInt64) -> Int {
    XSAVEComponent.all.reduce(576) { size, component in
      mask >> UInt64(component.bit) & 1 != 0 ? max(size, Int(component.offset + component.size)) : size
    }
  }
  /// Bytes of the compacted-format area (SDM 1, 13.4.3): components follow each other; none of ours asks for alignment.
  func xsaveCompactedSize(mask: UInt64) -> Int {
    XSAVEComponent.all.reduce(576) { size, component in
      mask >> UInt64(component.bit) & 1 != 0 ? size + Int(component.size) : size
    }
  }
}
