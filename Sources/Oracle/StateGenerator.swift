import X86ISA

/// Makes processor states and memory contents: boundary values, floating-point special values, addresses of the window.
struct StateGenerator {
  /// Words that registers and memory are filled from; a power of two.
  let pool: [UInt64]
  private static let poolMask = 8191

  init(seed: UInt64) {
    var random = OracleRandom(seed: seed)
    pool = (0...StateGenerator.poolMask).map { _ in StateGenerator.word(&random) }
  }

  /// A word as vectors and memory like it.
  private static func word(_ random: inout OracleRandom) -> UInt64 {
    switch random.below(10) {
    case 0: return doubles[random.below(doubles.count)]
    case 1, 2: return UInt64(singles[random.below(singles.count)]) << 32 | UInt64(singles[random.below(singles.count)])
    case 3:
      return (0..<4).reduce(0) { value, _ in
        value << 16 | UInt64([0, 0x3c00, 0x7c00, 0xfc00, 0x7e00, 0x0001, 0x03ff, 0x8000, 0xbc00][random.below(9)])
      }
    case 4: return random.boundary()
    case 5: return random.boundary() & 0xffff_ffff | random.boundary() << 32
    case 6: return Window.data + UInt64(random.below(Window.dataBytes))
    case 7: return Double(Int(random.below(2000)) - 1000).bitPattern
    case 8:
      return UInt64(Float(random.below(200) - 100).bitPattern) << 32 | UInt64(Float(random.below(2000)).bitPattern)
    default: return random.next()
    }
  }
  private static let doubles: [UInt64] = [
    0, 0x8000_0000_0000_0000, 0x3ff0_0000_0000_0000, 0xbff0_0000_0000_0000, 0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000, 0x7ff8_0000_0000_0000, 0x7ff0_0000_0000_0001, 0xfff8_0000_0000_0000, 1,
    0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x7fef_ffff_ffff_ffff, 0x41df_ffff_ffc0_0000, 0x41e0_0000_0000_0000,
    0x43e0_0000_0000_0000, 0xc3e0_0000_0000_0000, 0x3fe0_0000_0000_0000, 0x4330_0000_0000_0001,
  ]
  private static let singles: [UInt32] = [
    0, 0x8000_0000, 0x3f80_0000, 0xbf80_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x7f80_0001, 0xffc0_0000, 1,
    0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0x4eff_ffff, 0x4f00_0000, 0x5f00_0000, 0x3f00_0000, 0x4b00_0001,
  ]

  /// Contents of the data pages.
  func memory(seed: UInt64, count: Int) -> [UInt8] {
    var random = OracleRandom(seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      let word = StateGenerator.word(&random)
      for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
    }
    return bytes
  }

  /// Fills everything but RIP, mode and the registers that an instruction will aim.
  func fill(_ image: inout ProcessorImage, _ random: inout OracleRandom) {
    for number in 0..<16 { image.general[number] = random.boundary() }
    image.general[4] = Window.data + 0x100 + UInt64(random.below(0x1e00)) & ~7
    if random.chance(5) { image.general[4] = Window.data + UInt64(random.below(Window.dataBytes + 64)) }
    if random.chance(50) { image.general[5] = Window.data + 0x100 + UInt64(random.below(0x1e00)) }
    image.rflags = random.next() & 0x8d5 | 0x202 | (random.chance(5) ? 0x400 : 0)
    image.mxcsr = mxcsr(&random)
    for number in 0..<8 { image.opmasks[number] = random.chance(30) ? 0 &- UInt64(random.below(2)) : random.next() }
    for number in 0..<32 {
      let start = random.below(StateGenerator.poolMask - 8)
      for word in 0..<8 { image.vectors[number * 8 + word] = pool[start + word] }
    }
    fillX87(&image, &random)
    image.memoryTemplate = UInt32(random.below(NativeRunner.templates))
  }

  private func mxcsr(_ random: inout OracleRandom) -> UInt32 {
    let bits = UInt32(truncatingIfNeeded: random.next())
    // Sticky flags, DAZ, rounding, FTZ; the exceptions are masked in most cases.
    let masks: UInt32 = random.chance(75) ? 0x1f80 : bits & 0x1f80
    let modes: UInt32 = random.chance(50) ? 0 : bits >> 8 & 0xe040
    return masks | modes | (random.chance(50) ? 0 : bits >> 16 & 0x3f)
  }

  private func fillX87(_ image: inout ProcessorImage, _ random: inout OracleRandom) {
    let bits = random.next()
    let masks = random.chance(80) ? 0x3f : bits & 0x3f
    let control = masks | 0x40 | (random.chance(50) ? 0x300 : bits >> 8 & 0xf00)
    var status = bits >> 16 & 0x7f00
    if random.chance(30) { status |= bits >> 32 & 0x3f }
    // ES and B follow from the pending unmasked exceptions.
    status &= ~0x8080
    if status & 0x3f & ~masks != 0 { status |= 0x8080 }
    let tags = random.chance(60) ? 0xff : bits >> 40 & 0xff
    image.x87[0] = control | status << 16 | tags << 32
    for register in 0..<8 {
      let start = random.below(StateGenerator.poolMask - 2)
      var significand = pool[start]
      var exponent = random.next() & 0xffff
      switch random.below(6) {
      case 0: (significand, exponent) = (0, exponent & 0x8000)
      case 1: (significand, exponent) = (significand | 1 << 63, 0x7fff | exponent & 0x8000)
      case 2: (significand, exponent) = (1 << 63, 0x7fff | exponent & 0x8000)
      case 3:
        (significand, exponent) = (significand | 1 << 63, 0x3fff &+ UInt64(random.below(80)) &- 8 | exponent & 0x8000)
      case 4: (significand, exponent) = (significand & 0x7fff_ffff_ffff_ffff, exponent & 0x8000)
      default: significand |= random.chance(90) ? 1 << 63 : 0
      }
      image.x87[4 + register * 2] = significand
      image.x87[5 + register * 2] = exponent
    }
  }
}
