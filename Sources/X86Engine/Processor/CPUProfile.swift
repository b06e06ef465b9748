import Base
import X86ISA

/// Why a `--cpu` argument was refused; `description` is the line for the user.
public struct CPUProfileError: Error, CustomStringConvertible, Equatable {
  public let description: String
}

/// A named processor: which features it has before overrides, and how it introduces itself.
///
/// Features that the native thunks execute (x87, SSE, AVX, ...) are bounded by what the host has and its XCR0 allows;
/// the rest is done in software and needs nothing of the host.
public struct CPUProfile: Sendable {
  public let name: String
  let features: Set<CPUFeature>
  let signature: UInt32
  /// Highest basic leaf.
  let maximumLeaf: UInt32

  public static let names = ["host", "x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4", "pentium", "486", "386"]

  /// Parses "PROFILE[,+feature|,-feature|,+kvm|,LEAF[.SUBLEAF].REGISTER=VALUE...]" and builds the model.
  ///
  /// `+kvm` is no feature of a processor: guests also find KVM's signature, which some drivers of Linux look for.
  ///
  /// - Parameters:
  ///   - specification: the `--cpu` argument.
  ///   - cpus: number of vCPUs, for the topology leaves.
  public static func model(_ specification: String, cpus: Int) throws(CPUProfileError) -> CPUModel {
    let parts = specification.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let profile = try named(parts[0])
    var features = profile.features.filter { !hostBound.contains($0) || HostProcessor.current.has($0) }
    var overrides: [LeafOverride] = []
    var looksLikeKVM = false
    for part in parts.dropFirst() {
      if part == "+kvm" || part == "-kvm" {
        looksLikeKVM = part == "+kvm"
      } else if part.contains("=") {
        overrides.append(try LeafOverride(part))
      } else {
        try apply(part, to: &features)
      }
    }
    let builder = CPUIDBuilder(
      profile: profile, features: closed(features), cpus: cpus, looksLikeKVM: looksLikeKVM)
    var leaves = builder.build()
    for override in overrides { leaves[override.key, default: .init()][override.register] = override.value }
    return CPUModel(leaves: leaves)
  }

  private static func named(_ name: String) throws(CPUProfileError) -> CPUProfile {
    switch name {
    case "host":
      return CPUProfile(
        name: name, features: software.union(hostBound), signature: HostProcessor.current.signature, maximumLeaf: 0xd)
    case "x86-64-v1": return CPUProfile(name: name, features: v1, signature: 0x0006_0fb1, maximumLeaf: 0xd)
    case "x86-64-v2": return CPUProfile(name: name, features: v2, signature: 0x0006_0fb1, maximumLeaf: 0xd)
    case "x86-64-v3": return CPUProfile(name: name, features: v3, signature: 0x0080_0f12, maximumLeaf: 0xd)
    case "x86-64-v4": return CPUProfile(name: name, features: v4, signature: 0x00a1_0f11, maximumLeaf: 0xd)
    case "pentium": return CPUProfile(name: name, features: pentium, signature: 0x543, maximumLeaf: 1)
    case "486": return CPUProfile(name: name, features: [.fpu, .vme], signature: 0x480, maximumLeaf: 1)
    case "386": return CPUProfile(name: name, features: [.fpu], signature: 0x308, maximumLeaf: 0)
    default:
      let hint = NearestMatch.find(name, among: names).map { "; did you mean '\($0)'?" } ?? ""
      throw CPUProfileError(
        description: "unknown CPU profile '\(name)'\(hint) (profiles: \(names.joined(separator: ", ")))")
    }
  }

  private static func apply(_ part: String, to features: inout Set<CPUFeature>) throws(CPUProfileError) {
    guard let sign = part.first, sign == "+" || sign == "-" else {
      throw CPUProfileError(description: "CPU feature '\(part)' needs a + or - in front")
    }
    let name = String(part.dropFirst())
    guard let feature = CPUFeature(named: name) else {
      let hint = CPUFeature.nearest(to: name).map { "; did you mean '\($0)'?" } ?? ""
      throw CPUProfileError(description: "unknown CPU feature '\(name)'\(hint)")
    }
    if sign == "-" {
      features.remove(feature)
      return
    }
    guard software.contains(feature) || optional.contains(feature) || hostBound.contains(feature) else {
      throw CPUProfileError(description: "CPU feature '\(feature.name)' is not supported")
    }
    guard !hostBound.contains(feature) || HostProcessor.current.has(feature) else {
      throw CPUProfileError(description: "CPU feature '\(feature.name)' needs a host processor that has it")
    }
    features.insert(feature)
  }

  /// Features without which others make no sense: switching AVX off takes AVX2 with it, and so on.
  private static func closed(_ features: Set<CPUFeature>) -> Set<CPUFeature> {
    var result = features
    let needs: [(CPUFeature, [CPUFeature])] = [
      (.fxsr, [.sse, .sse2, .pni]), (.sse, [.sse2]),
      (.sse2, [.pni, .ssse3, .sse4_1, .sse4_2, .aes, .pclmulqdq, .sha_ni, .gfni, .sse4a]),
      (.xsave, [.avx, .xsaveopt, .xsavec, .xsaves, .xgetbv1, .pku]),
      (.avx, [.avx2, .fma, .f16c, .vaes, .vpclmulqdq, .avx_vnni, .avx512f]),
      (.avx512f, avx512.filter { $0 != .avx512f }), (.lm, [.syscall, .lahf_lm, .cx16, .pcid, .la57, .fsgsbase]),
    ]
    for (base, dependents) in needs where !result.contains(base) { result.subtract(dependents) }
    return result
  }
}

/// "7.0.ebx=0x20" or "1.ecx=5".
private struct LeafOverride {
  let key: UInt64
  let register: CPUIDRegister
  let value: UInt32

  init(_ text: String) throws(CPUProfileError) {
    let bad = CPUProfileError(description: "CPUID override '\(text)' is not of the form LEAF[.SUBLEAF].REGISTER=VALUE")
    let sides = text.split(separator: "=", omittingEmptySubsequences: false)
    guard sides.count == 2, let value = LeafOverride.number(sides[1]) else { throw bad }
    let path = sides[0].split(separator: ".")
    guard path.count == 2 || path.count == 3, let leaf = LeafOverride.number(path[0]),
      let subleaf = path.count == 3 ? LeafOverride.number(path[1]) : 0
    else { throw bad }
    switch path[path.count - 1] {
    case "eax": register = .eax
    case "ebx": register = .ebx
    case "ecx": register = .ecx
    case "edx": register = .edx
    default: throw bad
    }
    key = UInt64(leaf) << 32 | UInt64(subleaf)
    self.value = value
  }

  private static func number(_ text: Substring) -> UInt32? {
    text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
  }
}
