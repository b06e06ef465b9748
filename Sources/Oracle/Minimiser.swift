import X86ISA

extension OracleFuzzer {
  /// The simplest case found near a mismatch that still is one: instructions become NOPs, registers their initial values.
  public func minimised(_ mismatch: Mismatch) throws -> RegressionCase {
    var best = mismatch.test
    guard try !differences(best).isEmpty else { return RegressionCase(best, differences: mismatch.differences) }
    for change in Minimiser.changes(of: best) {
      var candidate = best
      change(&candidate)
      guard generator.complete(&candidate), generator.readersOfUndefinedFlags(candidate).isEmpty else { continue }
      if try !differences(candidate).isEmpty { best = candidate }
    }
    return RegressionCase(best, differences: try differences(best))
  }

  /// Replays a case from a file; nil when host and interpreter agree, else the report.
  public func replay(_ regression: RegressionCase) throws -> String? {
    var test = regression.test
    guard generator.complete(&test) else { return "does not decode: " + Comparator.describe(test) }
    if test.input.mode & 3 == 0 && !has16Bit { return nil }
    let found = try differences(test)
    return found.isEmpty ? nil : Comparator.describe(test) + "\n  " + found.joined(separator: "\n  ")
  }
}

private enum Minimiser {
  typealias Change = (inout OracleCase) -> Void

  static func changes(of test: OracleCase) -> [Change] {
    var changes: [Change] = []
    // One instruction at a time gives way to NOPs, so that the others stay where they are.
    var at = 0
    while test.rows.count > 1 && at < test.code.count {
      var instruction = Instruction()
      let rest = Array(test.code[at...])
      guard Decoder.decode(rest.span, codeSize: test.codeSize, into: &instruction) == .ok else { break }
      let range = at..<at + Int(instruction.length)
      changes.append { test in for index in range { test.code[index] = 0x90 } }
      at = range.upperBound
    }
    let plain = ProcessorImage()
    changes.append { $0.input.vectors = plain.vectors }
    changes.append { $0.input.opmasks = plain.opmasks }
    changes.append { test in
      test.input.x87 = plain.x87
      test.input.x87[0] = 0x37f
    }
    changes.append { $0.input.mxcsr = plain.mxcsr }
    changes.append { $0.input.rflags = 0x202 }
    changes.append { $0.input.memoryTemplate = 0 }
    changes.append { $0.patches = [] }
    for number in 0..<16 where number != 4 { changes.append { $0.input.general[number] = 0 } }
    for number in 0..<32 { changes.append { test in for word in 0..<8 { test.input.vectors[number * 8 + word] = 0 } } }
    for number in 0..<8 { changes.append { $0.input.opmasks[number] = 0 } }
    for flag in [0x1, 0x4, 0x10, 0x40, 0x80, 0x400, 0x800] as [UInt64] { changes.append { $0.input.rflags &= ~flag } }
    return changes
  }
}
