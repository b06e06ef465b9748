import X86ISA

// Small spaces tried completely.
extension OracleFuzzer {
  private func blank(_ mode: CodeSize, _ code: [UInt8], rflags: UInt64 = 0x202) -> OracleCase {
    var test = OracleCase()
    test.input.mode = UInt32(mode.rawValue)
    test.input.codeOffset = 0x100
    test.input.rip = Window.code + 0x100
    test.input.general[4] = Window.data + 0x1000
    test.input.rflags = rflags
    test.input.x87[0] = 0x37f
    test.code = code
    return test
  }

  private func feed(_ count: Int, _ make: (Int) -> OracleCase) throws {
    var index = 0
    try run(count) { generator in
      var test = make(index)
      index += 1
      return generator.complete(&test) ? test : nil
    }
  }

  /// ADD, OR, ADC, SBB, AND, SUB, XOR, CMP for all pairs of bytes and both carries; seven pairs a case, the flags of
  /// each pushed.
  public func allByteArithmetic() throws {
    // (destination, source): AL BL, CL DL, SIL DIL, R8L R9L ... R14L R15L.
    let pairs: [(Int, Int)] = [(0, 3), (1, 2), (6, 7), (8, 9), (10, 11), (12, 13), (14, 15)]
    for operation in UInt8(0)..<8 {
      for carry in UInt8(0)..<2 {
        var code: [UInt8] = []
        for (destination, source) in pairs {
          let rex = 0x40 | UInt8(source >> 3) << 2 | UInt8(destination >> 3)
          code += [0xf8 | carry, rex, operation << 3, 0xc0 | UInt8(source & 7) << 3 | UInt8(destination & 7), 0x9c]
        }
        try feed((0x1_0000 + pairs.count - 1) / pairs.count) { index in
          var test = blank(.bits64, code)
          for (place, pair) in pairs.enumerated() {
            let value = index * pairs.count + place
            test.input.general[pair.0] = UInt64(value & 0xff)
            test.input.general[pair.1] = UInt64(value >> 8 & 0xff)
          }
          return test
        }
      }
    }
  }

  /// Rotates and shifts of all bytes, and of some words and doublewords, by all counts up to 34, with both carries.
  public func allShifts() throws {
    let counts = 35
    for operation in UInt8(0)..<8 {
      try feed(256 * counts * 2) { index in
        var test = blank(.bits64, [0xd2, 0xc0 | operation << 3], rflags: 0x202 | UInt64(index & 1))
        test.input.general[0] = UInt64(index >> 1 & 0xff)
        test.input.general[1] = UInt64((index >> 9) % counts)
        return test
      }
      try feed(64 * counts * 2) { index in
        var test = blank(.bits64, [0x66, 0xd3, 0xc0 | operation << 3], rflags: 0x202 | UInt64(index & 1))
        test.input.general[0] = UInt64(index >> 1 & 63) &* 0x0411 &+ (index & 2 == 0 ? 0x8000 : 0)
        test.input.general[1] = UInt64((index >> 7) % counts)
        return test
      }
    }
  }

  /// DAA, DAS, AAA, AAS for all AL, AH's low bits, AF and CF; AAM and AAD for all AL and bases.
  public func allDecimalAdjustments() throws {
    for opcode in [0x27, 0x2f, 0x37, 0x3f] as [UInt8] {
      try feed(256 * 4 * 2) { index in
        var test = blank(.bits32, [opcode], rflags: 0x202 | UInt64(index & 1) | UInt64(index >> 1 & 1) << 4)
        test.input.general[0] = UInt64(index >> 2 & 0xff) | (index >> 10 == 0 ? 0x1200 : 0xff00)
        return test
      }
    }
    for opcode in [0xd4, 0xd5] as [UInt8] {
      try feed(0x1_0000) { index in
        var test = blank(.bits32, [opcode, UInt8(index >> 8)])
        test.input.general[0] = UInt64(index & 0xff) | UInt64(index &* 37 & 0xff00)
        return test
      }
    }
  }

  /// Jcc, SETcc and CMOVcc under all combinations of the status flags.
  public func allConditions() throws {
    let flags: [UInt64] = (0..<64).map { bits in
      [1, 4, 16, 64, 128, 2048].enumerated().reduce(0x202) { $0 | (bits >> $1.offset & 1 != 0 ? $1.element : 0) }
    }
    for condition in UInt8(0)..<16 {
      try feed(64) { index in
        var test = blank(.bits64, [0x70 | condition, 0x10], rflags: flags[index])
        test.input.mode |= ProcessorImage.singleStep
        return test
      }
      try feed(64) {
        blank(.bits64, [0x0f, 0x90 | condition, 0xc1, 0x48, 0x0f, 0x40 | condition, 0xd4], rflags: flags[$0])
      }
    }
  }
}
