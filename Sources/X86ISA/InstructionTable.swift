/// The instruction table: its source rows, and what programs look up about a decoded instruction's row.
///
/// The rows are text for people and for isa-gen; running programs use the packed tables isa-gen makes from them
/// (`Generated/`), so the rows are built only when the disassembler asks for names.
public enum InstructionTable {
  /// All rows. The index of a row is its identity (`Instruction.row`) within one build.
  public static let rows: [InstructionRow] = [
    integerOneByte, integerGroups, integerTwoByte, system, bitManipulation, x87Rows, mmxRows, sseFloat, sseInteger,
    sseExtended, avxFloat, avxInteger, avxExtended, avxFMA, avxImmediate, avx512Mask, avx512Float, avx512Integer,
    avx512Map38, avx512Permute, avx512FMA, avx512Map3A,
  ].flatMap { $0 }

  /// Number of rows.
  public static var count: Int { DecodeTables.rowOps.count }

  /// Attributes of a row.
  @inlinable public static func attributes(ofRow row: UInt16) -> InstructionRow.Attributes {
    InstructionRow.Attributes(rawValue: DecodeTables.rowAttributes[Int(row)])
  }

  /// Status-flag effects of a row.
  public static func flags(ofRow row: UInt16) -> FlagEffect {
    let packed = DecodeTables.rowFlags[Int(row)]
    return FlagEffect(
      reads: UInt16(truncatingIfNeeded: packed), writes: UInt16(truncatingIfNeeded: packed >> 16),
      undefined: UInt16(truncatingIfNeeded: packed >> 32))
  }

  /// The CPUID feature the row needs, nil for the base set. AVX-512 at 128 and 256 bits needs `avx512vl` too:
  /// see `needsVectorLengthExtension(_:)`.
  public static func feature(ofRow row: UInt16) -> CPUFeature? {
    CPUFeature(rawValue: DecodeTables.rowFeatures[Int(row)])
  }

  /// Whether an EVEX instruction is a 128- or 256-bit form that exists only with AVX512VL.
  public static func needsVectorLengthExtension(_ instruction: Instruction) -> Bool {
    guard instruction.prefixes.contains(.evex), instruction.vectorLength < 2 else { return false }
    let length = RowMatch(rawValue: DecodeTables.rowMatch[Int(instruction.row)]).length
    return length == RowMatch.lengthAny || length == RowMatch.length256Or512
  }

  /// The mnemonic number of a row.
  public static func op(ofRow row: UInt16) -> Op { ops[Int(DecodeTables.rowOps[Int(row)])] }

  /// Op by raw value: raw values are dense from 0.
  static let ops: [Op] = Op.allCases
}

extension Instruction {
  /// Index of the handler variant within its row: size index (0...3 for operand sizes 1, 2, 4, 8) times 2, plus 1 when
  /// the memory prefix fact is set.
  @inlinable public var variant: Int {
    Int(operandSize.trailingZeroBitCount) &* 2 &+ (prefixes.contains(.memory) ? 1 : 0)
  }
}
