/// What came of decoding.
public enum DecodeStatus: UInt8, Error, Sendable {
  case ok
  /// The bytes at hand end inside the instruction: the caller fetches more or raises the fetch fault.
  case needMore
  /// #UD; the instruction's `length` tells how many bytes were looked at.
  case invalid
  /// More than 15 bytes: #GP(0).
  case tooLong
}

/// Turns instruction bytes into an `Instruction`. Pure and free of allocation.
public enum Decoder {
  /// The architectural limit on instruction length.
  public static let maximumLength = 15

  /// Decodes the instruction at the start of `code` (SDM volume 2, chapter 2).
  ///
  /// VEX and EVEX encodings are accepted in every code size: in real and virtual-8086 mode the engine raises #UD.
  public static func decode(
    _ code: borrowing Span<UInt8>, codeSize: CodeSize, into instruction: inout Instruction
  ) -> DecodeStatus {
    var state = DecodeState(codeSize: codeSize)
    instruction = Instruction()
    var status = DecodeStatus.ok
    do throws(DecodeStatus) {
      try state.decode(code, &instruction)
    } catch {
      status = error
    }
    instruction.length = UInt8(truncatingIfNeeded: state.position)
    return status
  }
}

/// The decoder's place in the bytes and what the prefixes said.
struct DecodeState {
  let codeSize: CodeSize
  var position = 0
  var facts: Instruction.Prefixes = []
  var segment: UInt8 = 3
  /// REX bits as 0 or 8 (and 16 for EVEX): register extensions of reg, index, base.
  var extendReg: UInt8 = 0
  var extendIndex: UInt8 = 0
  var extendBase: UInt8 = 0
  /// EVEX.X as bit 4 of a vector register in rm; EVEX.V' as bit 4 of a vector index.
  var extendRM: UInt8 = 0
  var extendVector: UInt8 = 0
  var operandSize: UInt8 = 4
  var addressSize: UInt8 = 4
  /// The mandatory-prefix choice in force, as `RowMatch.prefix…` (VEX: from pp).
  var prefix = RowMatch.prefixNone
  var map = OpcodeMap.oneByte
  var opcode: UInt8 = 0
  var vvvv: UInt8 = 0
  var vectorLength: UInt8 = 0
  var evexControl: UInt8 = 0
  var modRM: UInt8 = 0

  init(codeSize: CodeSize) {
    self.codeSize = codeSize
    addressSize = codeSize == .bits64 ? 8 : codeSize == .bits32 ? 4 : 2
  }

  var is64: Bool { codeSize == .bits64 }
  var isVectorExtended: Bool { !facts.isDisjoint(with: [.vex, .evex]) }

  mutating func next(_ code: borrowing Span<UInt8>) throws(DecodeStatus) -> UInt8 {
    let value = try peek(code)
    position &+= 1
    return value
  }

  func peek(_ code: borrowing Span<UInt8>) throws(DecodeStatus) -> UInt8 {
    if position >= Decoder.maximumLength { throw .tooLong }
    if position >= code.count { throw .needMore }
    return code[position]
  }

  /// Little-endian value of `count` bytes.
  mutating func value(_ code: borrowing Span<UInt8>, bytes count: Int) throws(DecodeStatus) -> UInt64 {
    var result: UInt64 = 0
    for byte in 0..<count { result |= UInt64(try next(code)) << UInt64(byte &* 8) }
    return result
  }

  mutating func signed(_ code: borrowing Span<UInt8>, bytes count: Int) throws(DecodeStatus) -> UInt64 {
    let raw = try value(code, bytes: count)
    let shift = UInt64(64 &- count &* 8)
    return UInt64(bitPattern: Int64(bitPattern: raw << shift) >> Int64(shift))
  }

  mutating func decode(_ code: borrowing Span<UInt8>, _ instruction: inout Instruction) throws(DecodeStatus) {
    try prefixes(code)
    try opcodeAndMap(code)
    sizes()
    let entry = DecodeTables.index[map.rawValue &* 256 &+ Int(opcode)]
    let first = Int(entry >> 8)
    let count = Int(entry & 0xff)
    if count == 0 { throw .invalid }
    let hasModRM = RowMatch(rawValue: DecodeTables.rowMatch[Int(DecodeTables.candidates[first])]).hasModRM
    if hasModRM {
      instruction.modRMOffset = UInt8(truncatingIfNeeded: position)
      modRM = try next(code)
    }
    guard let row = matchingRow(first, count) else { throw .invalid }
    let match = RowMatch(rawValue: DecodeTables.rowMatch[row])
    let form = RowForm(rawValue: DecodeTables.rowForm[row])
    instruction.row = UInt16(truncatingIfNeeded: row)
    instruction.op = InstructionTable.ops[Int(DecodeTables.rowOps[row])]
    settleSizes(form, match)
    if hasModRM {
      if modRM < 0xc0 && !match.ignoresMod { try memoryOperand(code, form, &instruction) }
      try registers(form, &instruction)
    } else if form.hasOpcodeRegister {
      instruction.reg = opcodeRegister(form)
    } else if isVectorExtended {
      try secondSource(form)
    }
    if form.stringMemory { facts.insert(.memory) }
    try immediates(code, form, &instruction)
    try checkLegality(form)
    finish(&instruction)
  }

  func finish(_ instruction: inout Instruction) {
    instruction.prefixes = facts
    instruction.operandSize = operandSize
    instruction.addressSize = addressSize
    instruction.addressMask = addressSize == 8 ? ~0 : addressSize == 4 ? 0xffff_ffff : 0xffff
    if facts.contains(.segmentOverride) { instruction.segment = segment }
    instruction.modRM = modRM
    instruction.opcode = opcode
    instruction.vvvv = vvvv
    instruction.vectorLength = vectorLength
    instruction.evexControl = evexControl
  }
}

// MARK: - Prefixes and opcode

extension DecodeState {
  mutating func prefixes(_ code: borrowing Span<UInt8>) throws(DecodeStatus) {
    var rex: UInt8 = 0
    while true {
      let byte = try peek(code)
      if is64 && byte & 0xf0 == 0x40 {
        rex = byte
        position &+= 1
        continue
      }
      guard legacyPrefix(byte) else { break }
      // A REX prefix counts only directly before the opcode.
      rex = 0
      position &+= 1
    }
    if rex != 0 {
      facts.insert(.rex)
      if rex & 8 != 0 { facts.insert(.rexW) }
      extendReg = rex << 1 & 8
      extendIndex = rex << 2 & 8
      extendBase = rex << 3 & 8
    }
    if facts.contains(.addressSize67) { addressSize = codeSize == .bits32 ? 2 : 4 }
    // F2 and F3 outrank 66 as mandatory prefixes.
    if facts.contains(.repeatF3) {
      prefix = RowMatch.prefixF3
    } else if facts.contains(.repeatF2) {
      prefix = RowMatch.prefixF2
    } else if facts.contains(.operandSize66) {
      prefix = RowMatch.prefix66
    }
  }

  mutating func legacyPrefix(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x26, 0x2e, 0x36, 0x3e:
      // 64-bit mode ignores these; an FS or GS override before them stays.
      if !is64 { override(byte >> 3 & 3) }
    case 0x64: override(4)
    case 0x65: override(5)
    case 0x66: facts.insert(.operandSize66)
    case 0x67: facts.insert(.addressSize67)
    case 0xf0: facts.insert(.lock)
    case 0xf2:
      facts.insert(.repeatF2)
      facts.remove(.repeatF3)
    case 0xf3:
      facts.insert(.repeatF3)
      facts.remove(.repeatF2)
    default: return false
    }
    return true
  }

  mutating func override(_ number: UInt8) {
    facts.insert(.segmentOverride)
    segment = number
  }

  mutating func opcodeAndMap(_ code: borrowing Span<UInt8>) throws(DecodeStatus) {
    opcode = try next(code)
    switch opcode {
    case 0x0f:
      opcode = try next(code)
      map = .twoByte
      if opcode == 0x38 || opcode == 0x3a {
        map = opcode == 0x38 ? .map38 : .map3A
        opcode = try next(code)
      }
    case 0xc4, 0xc5, 0x62:
      // Outside 64-bit mode these are LES, LDS and BOUND unless the next byte could not be their ModRM.
      if !is64 {
        let following = try peek(code)
        if following < 0xc0 { return }
      }
      if !facts.isDisjoint(with: [.lock, .operandSize66, .repeatF2, .repeatF3, .rex]) { throw .invalid }
      if opcode == 0x62 { try evexPrefix(code) } else { try vexPrefix(code) }
      opcode = try next(code)
    default: break
    }
  }

  mutating func vexPrefix(_ code: borrowing Span<UInt8>) throws(DecodeStatus) {
    facts.insert(.vex)
    let first = try next(code)
    var last = first
    var mapNumber: UInt8 = 1
    if opcode == 0xc4 {
      mapNumber = first & 31
      last = try next(code)
      if last & 0x80 != 0 { facts.insert(.rexW) }
      if is64 {
        extendIndex = ~first >> 3 & 8
        extendBase = ~first >> 2 & 8
      }
    }
    if is64 { extendReg = ~first >> 4 & 8 }
    switch mapNumber {
    case 1: map = .vex0F
    case 2: map = .vex0F38
    case 3: map = .vex0F3A
    default: throw .invalid
    }
    vvvv = ~last >> 3 & 15
    vectorLength = last >> 2 & 1
    compressedPrefix(last & 3)
  }

  mutating func evexPrefix(_ code: borrowing Span<UInt8>) throws(DecodeStatus) {
    facts.insert(.evex)
    let p0 = try next(code)
    let p1 = try next(code)
    let p2 = try next(code)
    if p0 & 8 != 0 || p1 & 4 == 0 { throw .invalid }
    switch p0 & 7 {
    case 1: map = .evex0F
    case 2: map = .evex0F38
    case 3: map = .evex0F3A
    default: throw .invalid
    }
    if p1 & 0x80 != 0 { facts.insert(.rexW) }
    vvvv = ~p1 >> 3 & 15
    let vectorHigh = ~p2 << 1 & 16
    if is64 {
      extendReg = (~p0 >> 4 & 8) | (~p0 & 16)
      extendIndex = ~p0 >> 3 & 8
      extendBase = ~p0 >> 2 & 8
      extendRM = ~p0 >> 2 & 16
      extendVector = vectorHigh
      vvvv |= vectorHigh
    } else {
      if vectorHigh != 0 { throw .invalid }
    }
    vectorLength = p2 >> 5 & 3
    evexControl = p2 & 0xf7
    compressedPrefix(p1 & 3)
  }

  mutating func compressedPrefix(_ pp: UInt8) {
    switch pp {
    case 1: prefix = RowMatch.prefix66
    case 2: prefix = RowMatch.prefixF3
    case 3: prefix = RowMatch.prefixF2
    default: prefix = RowMatch.prefixNone
    }
  }
}

// MARK: - Sizes and row choice

extension DecodeState {
  /// Operand size from mode, 66 and W, before the row has its say.
  mutating func sizes() {
    let wide = is64 && facts.contains(.rexW)
    if isVectorExtended {
      operandSize = wide ? 8 : 4
      return
    }
    let small = (codeSize == .bits16) != facts.contains(.operandSize66)
    operandSize = wide ? 8 : small ? 2 : 4
  }

  /// Operand size as the row wants it.
  mutating func settleSizes(_ form: RowForm, _ match: RowMatch) {
    if match.prefix == RowMatch.prefix66 && !isVectorExtended && operandSize != 8 {
      operandSize = codeSize == .bits16 ? 2 : 4
    }
    if is64 && (form.force64 || (form.default64 && !facts.contains(.operandSize66))) { operandSize = 8 }
    switch form.sizeClass {
    case RowForm.sizeByte: operandSize = 1
    case RowForm.sizeZ: if operandSize == 8 && !form.force64 && !form.default64 { operandSize = 4 }
    case RowForm.sizeY: if operandSize == 2 { operandSize = 4 }
    default: break
    }
  }

  func matchingRow(_ first: Int, _ count: Int) -> Int? {
    for candidate in first..<(first &+ count) {
      let row = Int(DecodeTables.candidates[candidate])
      if matches(RowMatch(rawValue: DecodeTables.rowMatch[row]), row) { return row }
    }
    return nil
  }

  func matches(_ match: RowMatch, _ row: Int) -> Bool {
    if match.hasModRM {
      if match.reg != RowMatch.any && match.reg != UInt32(modRM >> 3 & 7) { return false }
      if match.rm != RowMatch.any && match.rm != UInt32(modRM & 7) { return false }
      if match.mod == RowMatch.modMemory && modRM >= 0xc0 { return false }
      if match.mod == RowMatch.modRegister && modRM < 0xc0 { return false }
    }
    switch match.prefix {
    case RowMatch.prefixAny: break
    case RowMatch.prefixNoRepeat: if prefix == RowMatch.prefixF2 || prefix == RowMatch.prefixF3 { return false }
    default: if prefix != match.prefix { return false }
    }
    if match.w != 0 && (match.w == 2) != facts.contains(.rexW) { return false }
    if match.operandSize != 0 && operandSize != 1 << UInt8(match.operandSize) { return false }
    if match.needsNoREXB && extendBase != 0 { return false }
    if match.mode == (is64 ? RowMatch.modeNot64 : RowMatch.modeOnly64) { return false }
    return !isVectorExtended || lengthMatches(match, row)
  }

  func lengthMatches(_ match: RowMatch, _ row: Int) -> Bool {
    var length = vectorLength
    if facts.contains(.evex) {
      // Static rounding takes L'L for itself and implies 512 bits.
      let rounds = RowForm(rawValue: DecodeTables.rowForm[row]).rounding != 0
      if evexControl & 16 != 0 && modRM >= 0xc0 && rounds { length = 2 }
      if length == 3 { return false }
    }
    switch match.length {
    case RowMatch.length128: return length == 0
    case RowMatch.length256: return length == 1
    case RowMatch.length512: return length == 2
    case RowMatch.length256Or512: return length != 0
    default: return true
    }
  }
}
