import X86ISA

/// Makes random encodings of table rows: used to compare the decoder with an independent disassembler.
struct InstructionSampler {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }

  mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }
  mutating func chance(_ percent: UInt64) -> Bool { below(100) < percent }
  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next()) }

  /// Bytes that begin with an encoding of the row's opcode in `map`; whether they are legal is the decoder's to say.
  mutating func sample(row: Int, map: OpcodeMap, opcode: UInt8, codeSize: CodeSize) -> [UInt8] {
    let match = InstructionTable.match(ofRow: UInt16(row))
    let form = InstructionTable.form(ofRow: UInt16(row))
    var bytes: [UInt8] = []
    switch map {
    case .oneByte, .twoByte, .map38, .map3A: bytes = legacy(match, map, codeSize)
    case .vex0F, .vex0F38, .vex0F3A: bytes = vex(match, form, map.rawValue - OpcodeMap.vex0F.rawValue + 1, codeSize)
    default: bytes = evex(match, form, map.rawValue - OpcodeMap.evex0F.rawValue + 1, codeSize)
    }
    bytes.append(opcode)
    if match.hasModRM { bytes += modRM(match, form) }
    while bytes.count < 24 { bytes.append(byte()) }
    return Array(bytes[..<24])
  }

  private mutating func legacy(_ match: RowMatch, _ map: OpcodeMap, _ codeSize: CodeSize) -> [UInt8] {
    var bytes: [UInt8] = []
    if chance(10) { bytes.append([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65][Int(below(6))]) }
    if chance(10) { bytes.append(0x67) }
    switch match.prefix {
    case RowMatch.prefix66: bytes.append(0x66)
    case RowMatch.prefixF3: bytes.append(0xf3)
    case RowMatch.prefixF2: bytes.append(0xf2)
    case RowMatch.prefixNone: break
    default: if chance(20) { bytes.append(0x66) }
    }
    if codeSize == .bits64 {
      if match.w == 2 {
        bytes.append(0x48 | byte() & 7)
      } else if chance(40) {
        bytes.append(0x40 | byte() & (match.w == 1 ? 7 : 15))
      }
    }
    if map != .oneByte { bytes.append(0x0f) }
    if map == .map38 { bytes.append(0x38) }
    if map == .map3A { bytes.append(0x3a) }
    return bytes
  }

  private func pp(_ match: RowMatch) -> UInt8 {
    switch match.prefix {
    case RowMatch.prefix66: 1
    case RowMatch.prefixF3: 2
    case RowMatch.prefixF2: 3
    default: 0
    }
  }

  private mutating func length(_ match: RowMatch, most: UInt64) -> UInt8 {
    switch match.length {
    case RowMatch.length128: 0
    case RowMatch.length256: 1
    case RowMatch.length512: 2
    case RowMatch.length256Or512: UInt8(1 + below(2))
    case RowMatch.lengthIgnored: 0
    default: UInt8(below(most))
    }
  }

  private mutating func vex(_ match: RowMatch, _ form: RowForm, _ map: Int, _ codeSize: CodeSize) -> [UInt8] {
    let long = codeSize == .bits64
    let extensions: UInt8 = long ? byte() & 0xe0 : 0xe0
    let w: UInt8 = match.w == 2 || (match.w == 0 && chance(30)) ? 0x80 : 0
    var vvvv = form.vvvvKind == .none ? 15 : byte() & 15
    if !long || form.vvvvKind == .mask { vvvv |= 8 }
    let last = w | vvvv << 3 | length(match, most: 2) << 2 | pp(match)
    if map == 1 && w == 0 && extensions & 0x60 == 0x60 && chance(50) { return [0xc5, extensions & 0x80 | last] }
    return [0xc4, extensions | UInt8(map), last]
  }

  private mutating func evex(_ match: RowMatch, _ form: RowForm, _ map: Int, _ codeSize: CodeSize) -> [UInt8] {
    let long = codeSize == .bits64
    let p0: UInt8 = (long ? byte() & 0xf0 : 0xf0) | UInt8(map)
    let w: UInt8 = match.w == 2 || (match.w == 0 && chance(30)) ? 0x80 : 0
    var vvvv = form.vvvvKind == .none ? 15 : byte() & 15
    if !long || form.vvvvKind == .mask { vvvv |= 8 }
    let p1 = w | vvvv << 3 | 4 | pp(match)
    var p2 = length(match, most: 3) << 5
    if form.masking != 0 && (chance(40) || form.maskRequired) { p2 |= UInt8(1 + below(7)) }
    if p2 & 7 != 0 && form.masking == RowForm.maskMergeOrZero && chance(40) { p2 |= 0x80 }
    if (form.broadcastBytes != 0 || form.rounding != 0) && chance(30) { p2 |= 0x10 }
    if !long || (form.vvvvKind == .none && !form.vsib) || chance(60) { p2 |= 8 }
    return [0x62, p0, p1, p2]
  }

  private mutating func modRM(_ match: RowMatch, _ form: RowForm) -> [UInt8] {
    let reg = match.reg == RowMatch.any ? byte() & 7 : UInt8(match.reg)
    var rm = match.rm == RowMatch.any ? byte() & 7 : UInt8(match.rm)
    var mod = UInt8(below(4))
    if match.mod == RowMatch.modRegister { mod = 3 }
    if match.mod == RowMatch.modMemory { mod = UInt8(below(3)) }
    if form.vsib { rm = 4 }
    return [mod << 6 | reg << 3 | rm]
  }
}
