import CHost
import X86ISA

/// The processor that Ringbox runs on, as far as thunks depend on it.
public struct HostProcessor: Sendable {
  public static let current = HostProcessor()

  public let signature: UInt32
  public let vendor: [UInt32]
  public let brand: [UInt32]
  /// Host XCR0: 0 without XSAVE.
  public let xcr0: UInt64
  private let words: [CPUIDWord: UInt32]

  private init() {
    let basic = HostProcessor.cpuid(1, 0)
    let names = HostProcessor.cpuid(0, 0)
    signature = basic.eax
    vendor = [names.ebx, names.edx, names.ecx]
    // SAFETY: OSXSAVE says that XGETBV exists.
    xcr0 = basic.ecx >> 27 & 1 != 0 ? rb_xgetbv(0) : 0
    var text: [UInt32] = []
    for leaf in UInt32(0x8000_0002)...0x8000_0004 {
      let part = HostProcessor.cpuid(leaf, 0)
      text += [part.eax, part.ebx, part.ecx, part.edx]
    }
    brand = text
    var collected: [CPUIDWord: UInt32] = [:]
    for word in CPUFeature.words { collected[word] = HostProcessor.cpuid(word.leaf, word.subleaf)[word.register] }
    words = collected
  }

  /// Reported by CPUID, and usable under the host's XCR0.
  public func has(_ feature: CPUFeature) -> Bool {
    guard let word = words[feature.word], word >> UInt32(feature.bit) & 1 != 0 else { return false }
    if CPUProfile.avx512.contains(feature) { return xcr0 & 0xe6 == 0xe6 }
    let usesAVX: Set<CPUFeature> = [.avx, .avx2, .fma, .f16c, .vaes, .vpclmulqdq, .avx_vnni]
    return usesAVX.contains(feature) ? xcr0 & 6 == 6 : true
  }

  /// What the host's processor says of itself.
  public static func cpuid(_ leaf: UInt32, _ subleaf: UInt32) -> CPUModel.Leaf {
    var result = CPUModel.Leaf()
    // SAFETY: CPUID exists on every x86-64 processor; out-parameters are locals.
    unsafe rb_cpuid(leaf, subleaf, &result.eax, &result.ebx, &result.ecx, &result.edx)
    return result
  }
}
