import X86ISA

/// What the virtual processor offers: CPUID leaves after profile, overrides and the host's bounds.
///
/// Immutable once a machine is built; shared by its vCPUs.
public struct CPUModel: Sendable {
  public struct Leaf: Sendable, Equatable {
    public var eax: UInt32
    public var ebx: UInt32
    public var ecx: UInt32
    public var edx: UInt32
    public init(eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0) {
      self.eax = eax
      self.ebx = ebx
      self.ecx = ecx
      self.edx = edx
    }
    subscript(register: CPUIDRegister) -> UInt32 {
      get {
        switch register {
        case .eax: eax
        case .ebx: ebx
        case .ecx: ecx
        case .edx: edx
        }
      }
      set {
        switch register {
        case .eax: eax = newValue
        case .ebx: ebx = newValue
        case .ecx: ecx = newValue
        case .edx: edx = newValue
        }
      }
    }
  }

  /// Leaves by (leaf << 32 | subleaf).
  public let leaves: [UInt64: Leaf]
  let features: ModelFeatures
  /// Table rows that exist on this processor, by row index.
  private let offeredRows: [Bool]

  public init(leaves: [UInt64: Leaf]) {
    self.leaves = leaves
    features = ModelFeatures(leaves: leaves)
    let is386 = features.is386
    offeredRows = (0..<InstructionTable.count).map { row in
      if is386, CPUModel.since486.contains(InstructionTable.op(ofRow: UInt16(row))) { return false }
      guard let feature = InstructionTable.feature(ofRow: UInt16(row)) else { return true }
      return CPUModel.has(feature, in: leaves)
    }
  }

  public func has(_ feature: CPUFeature) -> Bool { CPUModel.has(feature, in: leaves) }

  private static func has(_ feature: CPUFeature, in leaves: [UInt64: Leaf]) -> Bool {
    let word = feature.word
    guard let leaf = leaves[UInt64(word.leaf) << 32 | UInt64(word.subleaf)] else { return false }
    return leaf[word.register] >> UInt32(feature.bit) & 1 != 0
  }

  /// Whether the instruction of a table row exists on this processor (else #UD).
  func offers(row: Int) -> Bool { offeredRows[row] }

  /// A leaf as CPUID returns it before its run-time parts; leaves that do not exist read as the highest basic leaf
  /// does on Intel processors and as zero on AMD's.
  func leaf(_ number: UInt32, _ subleaf: UInt32) -> Leaf {
    if let found = leaves[UInt64(number) << 32 | UInt64(subleaf)] { return found }
    return leaves[UInt64(number) << 32] != nil && !CPUModel.indexed.contains(number)
      ? leaves[UInt64(number) << 32] ?? Leaf() : Leaf()
  }
  /// What the 486 added; no CPUID feature tells of it.
  private static let since486: Set<Op> = [.cpuid, .cmpxchg, .xadd, .bswap, .invlpg, .invd, .wbinvd]
  /// Leaves whose ECX input selects a subleaf.
  private static let indexed: Set<UInt32> = [4, 7, 0xb, 0xd, 0x1f, 0x8000_001d]
}
