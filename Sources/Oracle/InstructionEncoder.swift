import X86ISA

/// Makes random encodings of a table row.
struct InstructionEncoder {
  /// One instruction as bytes and as the decoder reads it.
  struct Encoded {
    var bytes: [UInt8]
    var instruction: Instruction
  }

  private let places = InstructionTable.encodingPlaces

  /// A random encoding of `row` in `mode` that decodes to that row; nil when none was found in a few tries.
  ///
  /// `absolute` keeps general registers out of memory operands: for sequences.
  func encode(row: Int, mode: CodeSize, absolute: Bool, _ random: inout OracleRandom) -> Encoded? {
    guard let place = places[row].isEmpty ? nil : random.pick(places[row]) else { return nil }
    for _ in 0..<24 {
      let bytes = candidate(row: row, place, mode, absolute, &random)
      var instruction = Instruction()
      let status = Decoder.decode(bytes.span, codeSize: mode, into: &instruction)
      guard status == .ok, Int(instruction.row) == row else { continue }
      return Encoded(bytes: Array(bytes.prefix(Int(instruction.length))), instruction: instruction)
    }
    return nil
  }

  /// Bytes that may be an encoding of the row, followed by what immediates need.
  private func candidate(
    row: Int, _ place: EncodingPlace, _ mode: CodeSize, _ absolute: Bool, _ random: inout OracleRandom
  ) -> [UInt8] {
    let match = InstructionTable.match(ofRow: UInt16(row))
    let form = InstructionTable.form(ofRow: UInt16(row))
    let modRM = match.hasModRM ? modRM(match, form, absolute, mode, &random) : 0
    let isMemory = match.hasModRM && modRM < 0xc0 && !match.ignoresMod
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    legacyPrefixes(&bytes, row, match, form, place, mode, isMemory, &random)
    switch place.map {
    case .oneByte, .twoByte, .map38, .map3A:
      rex(&bytes, match, mode, absolute, isMemory, &random)
      switch place.map {
      case .twoByte: bytes.append(0x0f)
      case .map38: bytes += [0x0f, 0x38]
      case .map3A: bytes += [0x0f, 0x3a]
      default: break
      }
    case .vex0F, .vex0F38, .vex0F3A: vex(&bytes, match, form, place, absolute && isMemory, &random)
    case .evex0F, .evex0F38, .evex0F3A: evex(&bytes, match, form, place, isMemory, absolute && isMemory, mode, &random)
    }
    bytes.append(place.opcode)
    if match.hasModRM { bytes.append(modRM) }
    if isMemory { addressing(&bytes, modRM, form, absolute, &random) }
    immediate(&bytes, &random)
    return bytes
  }

  private func modRM(
    _ match: RowMatch, _ form: RowForm, _ absolute: Bool, _ mode: CodeSize, _ random: inout OracleRandom
  ) -> UInt8 {
    let reg = match.reg == RowMatch.any ? UInt8(random.below(8)) : UInt8(match.reg)
    var rm = match.rm == RowMatch.any ? UInt8(random.below(8)) : UInt8(match.rm)
    let memory = match.mod == RowMatch.modMemory || (match.mod != RowMatch.modRegister && random.chance(55))
    if !memory { return 0xc0 | reg << 3 | rm }
    if form.vsib { rm = 4 }
    // mod 0, rm 5: absolute or relative to RIP. With a SIB byte the caller leaves out base and index.
    if absolute && mode == .bits16 { return reg << 3 | 6 }
    if absolute { return reg << 3 | (mode == .bits64 && random.chance(50) || form.vsib ? 4 : 5) }
    return UInt8(random.below(3)) << 6 | reg << 3 | rm
  }

  private func legacyPrefixes(
    _ bytes: inout [UInt8], _ row: Int, _ match: RowMatch, _ form: RowForm, _ place: EncodingPlace, _ mode: CodeSize,
    _ isMemory: Bool, _ random: inout OracleRandom
  ) {
    if random.chance(8) { bytes.append(random.pick([0x2e, 0x36, 0x3e, 0x26])) }
    if mode == .bits64 ? random.chance(6) : random.chance(1) { bytes.append(random.pick([0x64, 0x65])) }
    if random.chance(mode == .bits16 ? 30 : 8) { bytes.append(0x67) }
    guard place.map.rawValue < OpcodeMap.vex0F.rawValue else { return }
    if form.lockable ? isMemory && random.chance(40) : random.chance(1) && random.chance(30) { bytes.append(0xf0) }
    let repeatable = InstructionTable.attributes(ofRow: UInt16(row)).contains(.repeatable)
    switch match.prefix {
    case RowMatch.prefixNone: break
    case RowMatch.prefix66: bytes.append(0x66)
    case RowMatch.prefixF3, RowMatch.prefixF2:
      if random.chance(10) { bytes.append(0x66) }
      bytes.append(match.prefix == RowMatch.prefixF3 ? 0xf3 : 0xf2)
    default:
      if random.chance(match.operandSize == 1 ? 70 : 25) { bytes.append(0x66) }
      if match.prefix == RowMatch.prefixAny, random.chance(repeatable ? 60 : 2) {
        bytes.append(random.pick([0xf2, 0xf3]))
      }
    }
  }

  private func rex(
    _ bytes: inout [UInt8], _ match: RowMatch, _ mode: CodeSize, _ absolute: Bool, _ isMemory: Bool,
    _ random: inout OracleRandom
  ) {
    guard mode == .bits64 else { return }
    var value = UInt8(random.below(16))
    if match.w == 2 || match.operandSize == 3 { value |= 8 }
    if match.w == 1 { value &= 7 }
    if match.needsNoREXB && random.chance(90) { value &= 0xe }
    if absolute && isMemory { value &= 0xd }
    if match.w == 2 || match.operandSize == 3 || random.chance(65) { bytes.append(0x40 | value) }
  }

  private func compressedPrefix(_ match: RowMatch) -> UInt8 {
    switch match.prefix {
    case RowMatch.prefix66: 1
    case RowMatch.prefixF3: 2
    case RowMatch.prefixF2: 3
    default: 0
    }
  }
  private func mapNumber(_ map: OpcodeMap) -> UInt8 {
    switch map {
    case .vex0F38, .evex0F38: 2
    case .vex0F3A, .evex0F3A: 3
    default: 1
    }
  }
  /// The vector length a row allows, as L'L.
  private func length(_ match: RowMatch, _ highest: Int, _ random: inout OracleRandom) -> UInt8 {
    switch match.length {
    case RowMatch.length128: 0
    case RowMatch.length256: 1
    case RowMatch.length512: 2
    case RowMatch.length256Or512: UInt8(1 + random.below(highest))
    default: UInt8(random.below(highest + 1))
    }
  }

  private func vex(
    _ bytes: inout [UInt8], _ match: RowMatch, _ form: RowForm, _ place: EncodingPlace, _ absolute: Bool,
    _ random: inout OracleRandom
  ) {
    let w: UInt8 = match.w == 2 || (match.w == 0 && random.chance(50)) ? 0x80 : 0
    var vvvv = UInt8(random.below(16))
    if form.vvvvKind == .none { vvvv = random.chance(1) ? vvvv : 15 }
    if form.vvvvKind == .mask { vvvv |= 8 }
    let tail = vvvv << 3 | length(match, 1, &random) << 2 | compressedPrefix(match)
    let extensions = UInt8(random.below(8)) << 5 | (absolute ? 0x60 : 0)
    if place.map == .vex0F && w == 0 && random.chance(40) {
      bytes += [0xc5, extensions & 0x80 | tail]
    } else {
      bytes += [0xc4, extensions | mapNumber(place.map), w | tail]
    }
  }

  private func evex(
    _ bytes: inout [UInt8], _ match: RowMatch, _ form: RowForm, _ place: EncodingPlace, _ isMemory: Bool,
    _ absolute: Bool, _ mode: CodeSize, _ random: inout OracleRandom
  ) {
    let w: UInt8 = match.w == 2 || (match.w == 0 && random.chance(50)) ? 0x80 : 0
    var vvvv = UInt8(random.below(16))
    if form.vvvvKind == .none { vvvv = 15 }
    if form.vvvvKind == .mask { vvvv |= 8 }
    // R X B R' inverted.
    var p0 = UInt8(random.below(16)) << 4 | mapNumber(place.map)
    if mode != .bits64 { p0 |= 0xf0 }
    if absolute { p0 |= 0x60 }
    let high = form.vvvvKind == .none && !form.vsib || mode != .bits64 || random.chance(50)
    var mask = form.masking == 0 ? 0 : UInt8(random.below(8))
    if form.maskRequired && mask == 0 { mask = 1 }
    let zeroing: UInt8 = form.masking == RowForm.maskMergeOrZero && mask != 0 && random.chance(40) ? 0x80 : 0
    var l = length(match, 2, &random)
    var b: UInt8 = 0
    if isMemory ? form.broadcastBytes != 0 && random.chance(35) : form.rounding != 0 && random.chance(30) {
      b = 16
      if !isMemory { l = UInt8(random.below(4)) }
    }
    bytes += [0x62, p0, w | vvvv << 3 | 4 | compressedPrefix(match), zeroing | l << 5 | b | (high ? 8 : 0) | mask]
  }

  /// SIB and displacement for 32- and 64-bit addressing; in 16-bit addressing the same bytes serve as displacement.
  private func addressing(
    _ bytes: inout [UInt8], _ modRM: UInt8, _ form: RowForm, _ absolute: Bool, _ random: inout OracleRandom
  ) {
    if modRM & 7 == 4 {
      // No base, no index: 0x25; VSIB keeps its index.
      bytes.append(absolute && !form.vsib ? 0x25 | UInt8(random.below(4)) << 6 : UInt8(random.below(256)))
    }
    let small = random.chance(50)
    let value = small ? UInt64(bitPattern: Int64(random.below(256) - 128)) : random.boundary()
    for shift in 0..<(modRM >> 6 == 1 ? 1 : 4) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift * 8))) }
  }

  /// Enough bytes for any immediate.
  private func immediate(_ bytes: inout [UInt8], _ random: inout OracleRandom) {
    let value = random.boundary()
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift * 8))) }
    let more = random.next()
    for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: more >> UInt64(shift * 8))) }
  }
}
