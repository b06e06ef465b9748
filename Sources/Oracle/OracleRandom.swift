/// The fuzzer's random numbers: SplitMix64, so that a seed names a run on every host and for ever.
struct OracleRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
  /// 0..<bound, bound > 0.
  mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: ((next() >> 32) &* UInt64(bound)) >> 32) }
  /// True in about `percent` of a hundred calls.
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

  /// A 64-bit value near a boundary of some operand size more often than not.
  mutating func boundary() -> UInt64 {
    switch below(8) {
    case 0: return UInt64(below(17))
    case 1: return 0 &- UInt64(below(17))
    case 2: return (1 << UInt64(below(64))) &+ UInt64(below(3)) &- 1
    case 3: return ~(1 << UInt64(below(64)))
    case 4:
      return [0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000][below(8)] | next()
        & (chance(50) ? 0 : ~0xffff_ffff)
    default: return next()
    }
  }
}
