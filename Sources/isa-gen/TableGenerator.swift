import X86ISA

/// Writes the packed tables and the `Op` enumeration.
struct TableGenerator {
  let rows: [PackedRow]
  let mnemonics: [String]

  init(_ rows: [PackedRow]) {
    self.rows = rows
    var seen: Set<String> = []
    var ordered: [String] = []
    for row in rows where seen.insert(row.row.mnemonic).inserted { ordered.append(row.row.mnemonic) }
    mnemonics = ordered.sorted()
  }

  static let notice = "// Made by isa-gen from the instruction table. Do not edit.\n"

  static func caseName(_ mnemonic: String) -> String { mnemonic.lowercased() }

  func opFile() -> String {
    var text = Self.notice
    text += "\n/// The mnemonics; Jcc, SETcc and CMOVcc have their condition in the opcode's low four bits.\n"
    text += "public enum Op: UInt16, Sendable, CaseIterable {\n  case invalid = 0\n"
    for (number, mnemonic) in mnemonics.enumerated() {
      let name = Self.caseName(mnemonic)
      text += "  case \(name == "in" ? "`in`" : name) = \(number + 1)\n"
    }
    return text + "}\n"
  }

  func tableFile() throws -> String {
    let (index, candidates) = try opcodeIndex()
    let opNumbers = Dictionary(uniqueKeysWithValues: mnemonics.enumerated().map { ($1, $0 + 1) })
    var text = Self.notice
    text += "\n/// The instruction table in packed form; `RowMatch`, `RowForm` and `OperandCode` read its words.\n"
    text += "@usableFromInline enum DecodeTables {\n"
    text += array("index", "UInt32", "Map * 256 + opcode: first candidate << 8 | count.", index)
    text += array("candidates", "UInt16", "Row numbers, best match first.", candidates)
    text += array("rowMatch", "UInt32", "`RowMatch` by row.", rows.map(\.match))
    text += array("rowForm", "UInt64", "`RowForm` by row.", rows.map(\.form))
    let codes = rows.flatMap { row in
      (0..<4).map { $0 < row.operands.codes.count ? row.operands.codes[$0].rawValue : 0 }
    }
    text += array("rowOperands", "UInt32", "Four `OperandCode`s per row.", codes)
    text += array("rowAttributes", "UInt32", "Attributes by row.", rows.map(\.row.attributes.rawValue), usable: true)
    let flags = rows.map {
      UInt64($0.row.flags.reads) | UInt64($0.row.flags.writes) << 16 | UInt64($0.row.flags.undefined) << 32
    }
    text += array("rowFlags", "UInt64", "Flags read, written << 16, undefined << 32, by row.", flags)
    let features = rows.map { $0.row.feature?.rawValue ?? 0xffff }
    text += array("rowFeatures", "UInt16", "`CPUFeature` raw values by row, 0xffff for none.", features)
    text += array("rowOps", "UInt16", "`Op` raw values by row.", rows.map { opNumbers[$0.row.mnemonic] ?? 0 })
    return text + "}\n"
  }

  private func opcodeIndex() throws -> ([Int], [Int]) {
    var lists = [[Int]](repeating: [], count: OpcodeMap.allCases.count * 256)
    for (number, row) in rows.enumerated() {
      let base = row.encoding.map.rawValue * 256 + Int(row.encoding.opcode)
      for offset in 0..<row.encoding.opcodeCount { lists[base + offset].append(number) }
    }
    var index: [Int] = []
    var candidates: [Int] = []
    for (place, list) in lists.enumerated() {
      // The decoder decides from the first candidate whether to fetch a ModRM byte.
      if Set(list.map { rows[$0].encoding.hasModRM }).count > 1 {
        throw TableError(description: "rows of map \(place / 256) opcode \(place % 256) disagree about ModRM")
      }
      if list.count > 255 { throw TableError(description: "too many rows for opcode \(place % 256)") }
      index.append(list.isEmpty ? 0 : candidates.count << 8 | list.count)
      candidates += list
    }
    return (index, candidates)
  }

  private func array<T: BinaryInteger>(
    _ name: String, _ type: String, _ about: String, _ values: [T], usable: Bool = false
  ) -> String {
    var text = "  /// \(about)\n  \(usable ? "@usableFromInline " : "")static let \(name): [\(type)] = [\n"
    var line = "   "
    for value in values {
      let word = " 0x\(String(value, radix: 16)),"
      if line.count + word.count > 118 {
        text += line + "\n"
        line = "   "
      }
      line += word
    }
    return text + line + "\n  ]\n"
  }
}
