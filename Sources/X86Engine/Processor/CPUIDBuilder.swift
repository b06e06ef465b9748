import X86ISA

/// Puts a profile's features into CPUID leaves (SDM 2A, CPUID; AMD APM 3, appendix E).
struct CPUIDBuilder {
  let profile: CPUProfile
  let features: Set<CPUFeature>
  let cpus: Int
  /// There is a second range of hypervisor leaves, KVM's.
  var looksLikeKVM = false

  private static let amd: [UInt32] = [0x6874_7541, 0x6974_6e65, 0x444d_4163]
  private static let intel: [UInt32] = [0x756e_6547, 0x4965_6e69, 0x6c65_746e]

  private var isAMD: Bool {
    switch profile.name {
    case "386", "486", "pentium": false
    default: HostProcessor.current.vendor[0] == CPUIDBuilder.amd[0]
    }
  }

  func build() -> [UInt64: CPUModel.Leaf] {
    var leaves: [UInt64: CPUModel.Leaf] = [:]
    let vendor = isAMD ? CPUIDBuilder.amd : CPUIDBuilder.intel
    leaves[0] = .init(eax: profile.maximumLeaf, ebx: vendor[0], ecx: vendor[2], edx: vendor[1])
    for feature in features {
      let word = feature.word
      leaves[UInt64(word.leaf) << 32 | UInt64(word.subleaf), default: .init()][word.register] |=
        1 << UInt32(feature.bit)
    }
    addBasic(&leaves)
    if profile.maximumLeaf >= 0xd { addTopology(&leaves) }
    if features.contains(.xsave) { addExtendedState(&leaves) }
    if features.contains(.hypervisor) { addHypervisor(&leaves) }
    if features.contains(.lm) { addExtended(&leaves) }
    return leaves
  }

  private func addBasic(_ leaves: inout [UInt64: CPUModel.Leaf]) {
    leaves[1 << 32, default: .init()].eax = profile.signature
    // CLFLUSH line of 64 bytes; logical processors. The APIC id is filled in at run time.
    leaves[1 << 32, default: .init()].ebx = 8 << 8 | UInt32(cpus) << 16
    if cpus > 1 && profile.maximumLeaf > 1 { leaves[1 << 32, default: .init()].edx |= 1 << 28 }
    guard profile.maximumLeaf >= 0xd else { return }
    if features.contains(.monitor) { leaves[5 << 32] = .init(eax: 64, ebx: 64, ecx: 3) }
    if !isAMD {
      // Deterministic cache parameters: 32 KiB L1D, 32 KiB L1I, 1 MiB L2, private to a core.
      leaves[4 << 32] = .init(eax: 0x0000_0121, ebx: 7 << 22 | 63, ecx: 63)
      leaves[4 << 32 | 1] = .init(eax: 0x0000_0122, ebx: 7 << 22 | 63, ecx: 63)
      leaves[4 << 32 | 2] = .init(eax: 0x0000_0143, ebx: 15 << 22 | 63, ecx: 1023)
    }
  }

  /// Leaf 0Bh: one thread a core, all cores in one package.
  private func addTopology(_ leaves: inout [UInt64: CPUModel.Leaf]) {
    let shift = UInt32(64 - (cpus - 1).leadingZeroBitCount) & 63
    leaves[0xb << 32] = .init(eax: 0, ebx: 1, ecx: 0x100)
    leaves[0xb << 32 | 1] = .init(eax: shift, ebx: UInt32(cpus), ecx: 0x201)
  }

  /// Leaf 0Dh. Components lie where Intel's processors put them, on every host, so that saved states move.
  private func addExtendedState(_ leaves: inout [UInt64: CPUModel.Leaf]) {
    var mask: UInt64 = 3
    var size: UInt32 = 576
    for component in XSAVEComponent.all where component.feature.map(features.contains) ?? false {
      leaves[0xd << 32 | UInt64(component.bit)] = .init(eax: component.size, ebx: component.offset, ecx: 0)
      mask |= 1 << UInt64(component.bit)
      size = max(size, component.offset + component.size)
    }
    if !features.contains(.sse) { mask = 1 }
    leaves[0xd << 32] = .init(eax: UInt32(truncatingIfNeeded: mask), ebx: 576, ecx: size, edx: 0)
  }

  private func addHypervisor(_ leaves: inout [UInt64: CPUModel.Leaf]) {
    // "Ringgboxbox": a signature of our own, so that no guest assumes another hypervisor's interface.
    leaves[0x4000_0000 << 32] = .init(eax: 0x4000_0000, ebx: 0x676e_6952, ecx: 0x786f_6267, edx: 0x0078_6f62)
    guard looksLikeKVM else { return }
    // "KVMKVMKVM" at the next place where guests look, and then: none of its features.
    leaves[0x4000_0100 << 32] = .init(eax: 0x4000_0101, ebx: 0x4b4d_564b, ecx: 0x564b_4d56, edx: 0x4d)
    leaves[0x4000_0101 << 32] = .init()
  }

  private func addExtended(_ leaves: inout [UInt64: CPUModel.Leaf]) {
    let vendor = isAMD ? CPUIDBuilder.amd : [0, 0, 0]
    leaves[0x8000_0000 << 32] = .init(eax: 0x8000_0021, ebx: vendor[0], ecx: vendor[2], edx: vendor[1])
    leaves[0x8000_0001 << 32, default: .init()].eax = isAMD ? profile.signature : 0
    if isAMD {
      // AMD repeats leaf 1's feature bits that existed when the leaf was defined.
      let shared: UInt32 = 0x0183_f3ff
      leaves[0x8000_0001 << 32, default: .init()].edx |= leaves[1 << 32, default: .init()].edx & shared
      if cpus > 1 { leaves[0x8000_0001 << 32, default: .init()].ecx |= 2 }
      leaves[0x8000_0005 << 32] = .init(eax: 0xff48_ff40, ebx: 0xff48_ff40, ecx: 0x2008_0140, edx: 0x2008_0140)
    }
    let brand =
      profile.name == "host"
      ? HostProcessor.current.brand : CPUIDBuilder.text("Ringbox \(profile.name) virtual processor")
    for index in 0..<3 {
      let at = index * 4
      leaves[UInt64(0x8000_0002 + index) << 32] = .init(
        eax: brand[at], ebx: brand[at + 1], ecx: brand[at + 2], edx: brand[at + 3])
    }
    leaves[0x8000_0006 << 32] = .init(eax: 0x4200_4200, ebx: 0x4200_4200, ecx: 0x0400_8140, edx: 0)
    let widths: UInt32 = 46 | (features.contains(.la57) ? 57 : 48) << 8
    leaves[0x8000_0008 << 32, default: .init()].eax = widths
    leaves[0x8000_0008 << 32, default: .init()].ecx = UInt32(cpus - 1)
  }

  /// Forty-eight bytes of text as twelve registers.
  private static func text(_ string: String) -> [UInt32] {
    var bytes = Array(string.utf8.prefix(47))
    bytes += Array(repeating: 0, count: 48 - bytes.count)
    return stride(from: 0, to: 48, by: 4).map { at in
      (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32($1 * 8) }
    }
  }
}

/// One component of the XSAVE area beyond the legacy region (SDM 1, 13.4).
struct XSAVEComponent: Sendable {
  let bit: Int
  let offset: UInt32
  let size: UInt32
  let feature: CPUFeature?

  static let all: [XSAVEComponent] = [
    XSAVEComponent(bit: 2, offset: 576, size: 256, feature: .avx),
    XSAVEComponent(bit: 5, offset: 1088, size: 64, feature: .avx512f),
    XSAVEComponent(bit: 6, offset: 1152, size: 512, feature: .avx512f),
    XSAVEComponent(bit: 7, offset: 1664, size: 1024, feature: .avx512f),
    XSAVEComponent(bit: 9, offset: 2688, size: 8, feature: .pku),
  ]
}
