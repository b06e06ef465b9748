import X86ISA

/// Writes the engine's dispatch table: one closure per row and variant that has a handler.
///
/// See `handlerTemplate` for the placeholders.
struct HandlerGenerator {
  let rows: [PackedRow]

  /// The line that installs one handler: change it here.
  /// SAFETY of the text made: `Interp` takes the two pointers as the run loop passes them.
  static func entry(row: Int, variant: Int, condition: Int?, statement: String) -> String {
    let place = "row: \(row), " + (condition.map { "condition: \($0), " } ?? "") + "variant: \(variant)"
    return "    unsafe t.set(\(place)) { unsafe Interp($0, $1).step { x throws(Fault) in \(statement) } }"
  }

  static let entriesPerFunction = 100
  static let functionsPerFile = 8
  static let conditions = [
    "CondO", "CondNO", "CondB", "CondNB", "CondZ", "CondNZ", "CondBE", "CondNBE", "CondS", "CondNS", "CondP", "CondNP",
    "CondL", "CondNL", "CondLE", "CondNLE",
  ]

  /// File names (without directory) and contents.
  func files() -> [(name: String, text: String)] {
    let entries = rows.indices.flatMap { installations(of: $0) }
    let functions = stride(from: 0, to: entries.count, by: Self.entriesPerFunction).map {
      Array(entries[$0..<min($0 + Self.entriesPerFunction, entries.count)])
    }
    var files: [(String, String)] = []
    for start in stride(from: 0, to: functions.count, by: Self.functionsPerFile) {
      var text = TableGenerator.notice + "\nimport X86ISA\n\nextension HandlerTable {\n"
      for number in start..<min(start + Self.functionsPerFile, functions.count) {
        text += "  static func install\(number)(_ t: inout HandlerTable) {\n"
        text += functions[number].joined(separator: "\n") + "\n  }\n"
      }
      files.append(("Handlers\(start / Self.functionsPerFile)+Unsafe.swift", text + "}\n"))
    }
    if !functions.isEmpty {
      var text = TableGenerator.notice + "\nextension HandlerTable {\n"
      text += "  /// Installs every generated handler.\n"
      text += "  static func installAll(_ t: inout HandlerTable) {\n"
      text += functions.indices.map { "    install\($0)(&t)" }.joined(separator: "\n")
      text += "\n    installThunks(&t)\n  }\n}\n"
      files.append(("Handlers.swift", text))
      files.append(("HandlersThunks+Unsafe.swift", thunkFile()))
    }
    return files
  }

  /// Thunk rows have one handler for every variant, so ranges of rows are installed by loops.
  private func thunkFile() -> String {
    var text = TableGenerator.notice + "\nimport X86ISA\n\nextension HandlerTable {\n"
    text += "  static func installThunks(_ t: inout HandlerTable) {\n"
    var start = 0
    while start < rows.count {
      let row = rows[start].row
      guard row.attributes.contains(.thunk), let statement = handlerTemplate(for: row, memory: false) else {
        start += 1
        continue
      }
      var end = start
      while end + 1 < rows.count, rows[end + 1].row.attributes.contains(.thunk),
        handlerTemplate(for: rows[end + 1].row, memory: false) == statement
      {
        end += 1
      }
      text += "    for row in \(start)...\(end) {\n      for variant in 0..<variants {\n"
      text += "        unsafe t.set(row: row, variant: variant) {"
      text += " unsafe Interp($0, $1).step { x throws(Fault) in \(statement) } }\n      }\n    }\n"
      start = end + 1
    }
    return text + "  }\n}\n"
  }

  private func installations(of number: Int) -> [String] {
    let row = rows[number]
    if row.row.attributes.contains(.thunk) { return [] }
    var result: [String] = []
    // Rows that do not depend on the operand size still meet every size the decoder may report.
    for size in operandSizes(row) {
      for memory in [false, true] where memory ? row.allowsMemory : row.allowsRegister {
        guard let template = handlerTemplate(for: row.row, memory: memory) else { continue }
        let variant = size.trailingZeroBitCount * 2 + (memory ? 1 : 0)
        var statement = template.replacing("$W", with: "W\(size * 8)").replacing("$Z", with: "W\(min(size, 4) * 8)")
        for (place, code) in row.operands.codes.enumerated() {
          statement = statement.replacing("$\(place)", with: accessor(code, size: size, memory: memory))
        }
        if statement.contains("$C") {
          for (condition, name) in Self.conditions.enumerated() {
            let own = statement.replacing("$C", with: name)
            result.append(Self.entry(row: number, variant: variant, condition: condition, statement: own))
          }
        } else {
          result.append(Self.entry(row: number, variant: variant, condition: nil, statement: statement))
        }
      }
    }
    return result
  }

  /// The values `Instruction.operandSize` can take for a row.
  private func operandSizes(_ row: PackedRow) -> [Int] {
    let attributes = row.row.attributes
    let only64 = attributes.contains(.only64)
    let narrow = attributes.contains(.invalidIn64)
    if row.encoding.operandSize != 0 { return [1 << Int(row.encoding.operandSize)] }
    var sizes: [Int]
    switch row.sizeClass {
    case RowForm.sizeByte: return [1]
    case RowForm.sizeZ: sizes = attributes.isDisjoint(with: [.default64, .force64]) ? [2, 4] : [2, 4, 8]
    case RowForm.sizeY: sizes = [4, 8]
    default: sizes = [2, 4, 8]
    }
    if narrow { sizes.removeAll { $0 == 8 } }
    if only64 && attributes.contains(.force64) { sizes = [8] }
    if row.encoding.prefix == RowMatch.prefix66 || row.encoding.isVEX { sizes.removeAll { $0 == 2 && only64 } }
    if row.encoding.w == 2 && row.encoding.map.rawValue < OpcodeMap.vex0F.rawValue { sizes = [8] }
    return sizes
  }

  /// The type through which a handler reaches an operand.
  private func accessor(_ code: OperandCode, size: Int, memory: Bool) -> String {
    let width = "W\(max(1, code.size.bytes(operandSize: size, vectorBytes: 16, long: true)) * 8)"
    let memoryBytes = code.memorySize.bytes(operandSize: size, vectorBytes: 16, long: true)
    switch code.kind {
    case .gprOrMemory: return memory ? "Mem<W\(memoryBytes * 8)>" : "RM<\(width)>"
    case .gprRM: return "RM<\(width)>"
    case .gprReg, .gprOpcode: return "Reg<\(width)>"
    case .gprVvvv: return "VReg<\(width)>"
    case .memory, .memoryOffset:
      return [1, 2, 4, 8].contains(memoryBytes) ? "Mem<W\(memoryBytes * 8)>" : "Mem<W\(size * 8)>"
    case .immediate, .signedImmediate:
      // An immediate is already extended: it is read at the operand size when it is narrower.
      return "Imm<W\(size * 8)>"
    case .relative, .farPointer: return "Imm<W64>"
    case .accumulator: return "Acc<\(width)>"
    case .countCL: return "CountCL"
    case .one: return "One"
    case .portDX: return "PortDX"
    case .fixedSegment: return "Segment\(["ES", "CS", "SS", "DS", "FS", "GS"][Int(code.size.rawValue)])"
    case .segmentRegister: return "SegmentReg"
    case .controlRegister: return "ControlReg"
    case .debugRegister: return "DebugReg"
    case .stringSource: return "StringSource<\(width)>"
    case .stringDestination: return "StringDestination<\(width)>"
    default: return "Never"
    }
  }
}
