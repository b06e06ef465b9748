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
  }
  /// Leaves by (leaf << 32 | subleaf).
  public var leaves: [UInt64: Leaf]
  public init(leaves: [UInt64: Leaf]) { self.leaves = leaves }
}
