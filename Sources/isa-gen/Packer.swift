import X86ISA

/// A row with everything the generators need.
struct PackedRow {
  var row: InstructionRow
  var encoding: ParsedEncoding
  var operands: ParsedOperands
  var match: UInt32
  var form: UInt64
  var sizeClass: UInt64
  /// Whether its memory and register forms can occur.
  var allowsMemory: Bool
  var allowsRegister: Bool
}

extension PackedRow {
  init(_ row: InstructionRow) throws {
    self.row = row
    encoding = try ParsedEncoding(row.encoding)
    operands = try ParsedOperands(row)
    let kinds = operands.codes.map(\.kind)
    let ignoresMod = kinds.contains(.controlRegister) || kinds.contains(.debugRegister)
    let hasRMOperand = kinds.contains { Self.rmRegister($0) != nil }
    let memoryOperand = operands.codes.first { Self.isMemory($0.kind) }
    let implicitMemory = kinds.contains { [.memoryOffset, .stringSource, .stringDestination].contains($0) }
    allowsMemory = memoryOperand != nil || implicitMemory
    allowsRegister = !implicitMemory && (hasRMOperand || memoryOperand == nil)
    sizeClass = Self.sizeClass(operands.codes)
    match = 0
    form = 0
    match = packMatch(ignoresMod)
    form = packForm(memoryOperand)
    try check()
  }

  private func packMatch(_ ignoresMod: Bool) -> UInt32 {
    var mod: UInt32 = 0
    if encoding.hasModRM && !ignoresMod {
      if encoding.registerOnly || !allowsMemory { mod = RowMatch.modRegister }
      if !allowsRegister { mod = RowMatch.modMemory }
    }
    let mode =
      row.attributes.contains(.invalidIn64)
      ? RowMatch.modeNot64 : row.attributes.contains(.only64) ? RowMatch.modeOnly64 : 0
    return encoding.reg | encoding.rm << 4 | mod << 8 | bit(ignoresMod, 10) | bit(encoding.hasModRM, 11)
      | encoding.prefix << 12 | encoding.w << 15 | encoding.length << 17 | encoding.operandSize << 20
      | bit(encoding.needsNoREXB, 22) | mode << 23
  }

  private func packForm(_ memoryOperand: OperandCode?) -> UInt64 {
    let codes = operands.codes
    let kinds = codes.map(\.kind)
    let immediates = encoding.immediates
    var result = sizeClass
    result |= UInt64(immediate(immediates.first).rawValue) << 3
    if immediates == ["ib", "ib"] || immediates == ["iw", "ib"] { result |= 1 << 7 }
    let reg = codes.compactMap { Self.regRegister($0) }.first ?? .none
    let rm = codes.compactMap { Self.rmField($0) }.first ?? .none
    let vvvv = codes.compactMap { Self.vvvvField($0.kind) }.first ?? .none
    result |= UInt64(reg.rawValue) << 8 | UInt64(rm.rawValue) << 12 | UInt64(vvvv.rawValue) << 16
    let attributes = row.attributes
    let flags: [(Bool, UInt64)] = [
      (encoding.hasOpcodeRegister, 19), (attributes.contains(.default64), 20), (attributes.contains(.force64), 21),
      (attributes.contains(.lockable), 22), (attributes.contains(.vsib), 23),
      (attributes.contains(.vsib) && encoding.isEVEX, 30),
      (kinds.contains(.stringSource) || kinds.contains(.stringDestination), 31),
      (kinds.contains(.signedImmediate), 37), (kinds.first.map(Self.isMemory) ?? false, 38),
    ]
    for (set, position) in flags where set { result |= 1 << position }
    let broadcast = memoryOperand?.broadcastBytes ?? 0
    if broadcast != 0 { result |= UInt64(broadcast.trailingZeroBitCount) << 24 }
    result |= operands.rounding << 26 | operands.masking << 28
    result |= UInt64((operands.displacementUnit ?? memoryOperand?.memorySize ?? .none).rawValue) << 32
    return result
  }

  private func immediate(_ token: String?) -> RowForm.Immediate {
    switch token {
    case "ib": .byte
    case "iw": .word
    case "id": .dword
    case "iz": .z
    case "iv": .v
    case "cb": .branchByte
    case "cz": .branchZ
    case "mo": .memoryOffset
    case "cp": .farPointer
    case "is4": .register
    default: .none
    }
  }

  private func bit(_ set: Bool, _ position: UInt32) -> UInt32 { set ? 1 << position : 0 }

  /// An encoding's immediate bytes must be named by its operands, and operand fields need their bytes.
  private func check() throws {
    let kinds = operands.codes.map(\.kind)
    let needsModRM = kinds.contains { Self.rmRegister($0) != nil || Self.isMemory($0) }
    if needsModRM && !encoding.hasModRM {
      throw TableError(description: "\(row.mnemonic) \(row.encoding): operands need a ModRM byte")
    }
    let wanted = kinds.filter {
      [.immediate, .signedImmediate, .relative, .farPointer, .memoryOffset, .vectorImmediate].contains($0)
    }
    if wanted.count != encoding.immediates.count {
      throw TableError(description: "\(row.mnemonic) \(row.encoding) \(row.operands): immediates do not agree")
    }
  }
}

// MARK: - What operand codes say about fields

extension PackedRow {
  static func isMemory(_ kind: OperandKind) -> Bool {
    switch kind {
    case .gprOrMemory, .mmxOrMemory, .vectorOrMemory, .maskOrMemory, .memory, .memoryVSIB: true
    default: false
    }
  }

  static func rmRegister(_ kind: OperandKind) -> RowForm.RegisterField? {
    switch kind {
    case .gprRM, .gprOrMemory: .general
    case .mmxRM, .mmxOrMemory: .mmx
    case .vectorRM, .vectorOrMemory: .vector
    case .maskRM, .maskOrMemory: .mask
    default: nil
    }
  }

  static func rmField(_ code: OperandCode) -> RowForm.RegisterField? {
    let field = rmRegister(code.kind)
    return field == .general && code.size == .b ? .generalByte : field
  }

  static func regRegister(_ code: OperandCode) -> RowForm.RegisterField? {
    switch code.kind {
    case .gprReg, .gprOpcode: code.size == .b ? .generalByte : .general
    case .segmentRegister: .segment
    case .controlRegister: .control
    case .debugRegister: .debug
    case .mmxReg: .mmx
    case .vectorReg: .vector
    case .maskReg: .mask
    default: nil
    }
  }

  static func vvvvField(_ kind: OperandKind) -> RowForm.RegisterField? {
    switch kind {
    case .gprVvvv: .general
    case .vectorVvvv: .vector
    case .maskVvvv: .mask
    default: nil
    }
  }

  /// Which operand sizes a row comes in.
  static func sizeClass(_ codes: [OperandCode]) -> UInt64 {
    let sized = codes.filter { ![.fixedSegment, .portDX, .countCL, .one].contains($0.kind) }
    let sizes = sized.map(\.size)
    if sizes.contains(.v) || sizes.contains(.p) || sizes.contains(.a) { return RowForm.sizeV }
    if sizes.contains(.y) { return RowForm.sizeY }
    if sizes.contains(.z) { return RowForm.sizeZ }
    let bytes = sized.contains { $0.size == .b && isByteOperand($0.kind) }
    return bytes ? RowForm.sizeByte : RowForm.sizeNone
  }

  /// Immediates alone do not make a row one of byte operands.
  private static func isByteOperand(_ kind: OperandKind) -> Bool {
    switch kind {
    case .gprReg, .gprRM, .gprOrMemory, .gprOpcode, .accumulator, .memoryOffset, .stringSource, .stringDestination:
      true
    default: false
    }
  }
}
