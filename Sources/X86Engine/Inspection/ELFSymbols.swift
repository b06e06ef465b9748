/// The functions that an ELF file's symbol tables name (System V ABI, chapters 4 and 5). Little-endian, 32 or 64 bits.
struct ELFSymbols {
  private static let symbolTable: UInt64 = 2
  private static let dynamicSymbols: UInt64 = 11
  private static let maximumSymbols = 4 << 20

  private let bytes: [UInt8]
  private let isWide: Bool

  init(_ bytes: [UInt8]) throws(SymbolTable.Problem) {
    guard bytes.count >= 52, bytes[4] == 1 || bytes[4] == 2 && bytes.count >= 64, bytes[5] == 1 else {
      throw .malformed("is no little-endian ELF file of 32 or 64 bits")
    }
    self.bytes = bytes
    isWide = bytes[4] == 2
  }

  private struct Section {
    var kind: UInt64
    var offset: UInt64
    var size: UInt64
    var link: UInt64
  }

  /// The static symbols; the dynamic ones when the file is stripped.
  func entries() throws(SymbolTable.Problem) -> [SymbolTable.Entry] {
    let sections = try sections()
    for kind in [ELFSymbols.symbolTable, ELFSymbols.dynamicSymbols] {
      for section in sections where section.kind == kind {
        guard section.link < UInt64(sections.count) else { throw .malformed("names a section that is not there") }
        let found = try symbols(section, names: sections[Int(section.link)])
        if !found.isEmpty { return found }
      }
    }
    return []
  }

  private func sections() throws(SymbolTable.Problem) -> [Section] {
    let table = isWide ? number(0x28, 8) : number(0x20, 4)
    let size = number(isWide ? 0x3a : 0x2e, 2)
    let count = number(isWide ? 0x3c : 0x30, 2)
    let (length, overflow) = size.multipliedReportingOverflow(by: count)
    guard size >= (isWide ? 64 : 40), !overflow, contains(table, length) else {
      throw .malformed("its section table lies outside the file")
    }
    return (0..<count).map { index in
      let at = table + index * size
      return isWide
        ? Section(
          kind: number(at + 4, 4), offset: number(at + 24, 8), size: number(at + 32, 8), link: number(at + 40, 4))
        : Section(
          kind: number(at + 4, 4), offset: number(at + 16, 4), size: number(at + 20, 4), link: number(at + 24, 4))
    }
  }

  private func symbols(_ table: Section, names: Section) throws(SymbolTable.Problem) -> [SymbolTable.Entry] {
    guard contains(table.offset, table.size), contains(names.offset, names.size) else {
      throw .malformed("its symbol table lies outside the file")
    }
    let stride: UInt64 = isWide ? 24 : 16
    guard table.size / stride <= UInt64(ELFSymbols.maximumSymbols) else { throw .malformed("has too many symbols") }
    var entries: [SymbolTable.Entry] = []
    for index in 0..<(table.size / stride) {
      let at = table.offset + index * stride
      let information = number(at + (isWide ? 4 : 12), 1)
      // Functions, also those of resolvers, and labels of assembly; defined ones.
      guard [0, 2, 10].contains(information & 15), number(at + (isWide ? 6 : 14), 2) != 0 else { continue }
      let name = number(at, 4)
      guard name > 0, name < names.size else { continue }
      let start = Int(names.offset + name), end = Int(names.offset + names.size)
      let text = SymbolTable.clean(bytes[start..<end].prefix { $0 != 0 })
      guard !text.isEmpty else { continue }
      entries.append(
        SymbolTable.Entry(
          address: number(at + (isWide ? 8 : 4), isWide ? 8 : 4), size: number(at + (isWide ? 16 : 8), isWide ? 8 : 4),
          name: text))
    }
    return entries
  }

  private func contains(_ offset: UInt64, _ size: UInt64) -> Bool {
    let (end, overflow) = offset.addingReportingOverflow(size)
    return !overflow && end <= UInt64(bytes.count)
  }

  /// A little-endian number at a place that was checked.
  private func number(_ offset: UInt64, _ count: Int) -> UInt64 {
    guard contains(offset, UInt64(count)) else { return 0 }
    return (0..<count).reversed().reduce(0) { $0 << 8 | UInt64(bytes[Int(offset) + $1]) }
  }
}
