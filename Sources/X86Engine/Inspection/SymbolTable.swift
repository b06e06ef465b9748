import HostSystem

/// Names of guest code: from a kernel's System.map, or from the symbol table of an ELF file.
public struct SymbolTable: Sendable {
  /// A name, and how far behind it an address lies.
  public struct Symbol: Equatable, Sendable {
    /// As the file has it, without characters that would disturb.
    public var name: String
    /// Bytes from the symbol to the address.
    public var offset: UInt64
    /// `name+0x12`
    public var text: String { offset == 0 ? name : "\(name)+0x\(String(offset, radix: 16))" }
  }
  /// Why a file gives no symbols.
  public enum Problem: Error, Equatable, Sendable {
    case unreadable(FileError)
    case malformed(String)

    /// The reason in a few words, without the path.
    public var reason: String {
      switch self {
      case .unreadable(let error): error.reason
      case .malformed(let text): text
      }
    }
  }
  struct Entry: Sendable {
    var address: UInt64
    /// Bytes; 0 when nobody says.
    var size: UInt64
    var name: String
  }

  private static let maximumBytes = 1 << 30
  /// A symbol without a size reaches this far at most.
  private static let reach: UInt64 = 1 << 20
  private let entries: [Entry]
  /// Names code of rings 0 to 2 only.
  private let isKernel: Bool

  /// Reads a System.map or an ELF file.
  public init(path: String) throws(Problem) {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try WholeFile.read(path, maximum: SymbolTable.maximumBytes)
    } catch { throw .unreadable(error) }
    try self.init(bytes)
  }

  /// Reads the contents of a System.map or an ELF file.
  public init(_ bytes: [UInt8]) throws(Problem) {
    let found: [Entry]
    if bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) {
      found = try ELFSymbols(bytes).entries()
      isKernel = false
    } else {
      found = try SymbolTable.systemMap(bytes)
      isKernel = true
    }
    guard !found.isEmpty else { throw .malformed("names no functions") }
    entries = found.sorted { $0.address < $1.address }
  }

  /// Number of symbols.
  public var count: Int { entries.count }

  /// What lies at an address; nil when no symbol covers it.
  public func symbol(at address: UInt64, privilege: Int) -> Symbol? {
    if isKernel && privilege == 3 { return nil }
    var low = 0, high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].address <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let entry = entries[low - 1]
    let offset = address - entry.address
    return offset < (entry.size == 0 ? SymbolTable.reach : entry.size) ? Symbol(name: entry.name, offset: offset) : nil
  }

  /// Lines of address, kind and name; kinds t and w are code.
  private static func systemMap(_ bytes: [UInt8]) throws(Problem) -> [Entry] {
    var entries: [Entry] = []
    for line in bytes.split(separator: 0x0a) {
      let words = line.split(separator: 0x20, maxSplits: 2)
      guard words.count == 3, let address = UInt64(String(decoding: words[0], as: UTF8.self), radix: 16),
        words[1].count == 1, let kind = words[1].first
      else { throw .malformed("is neither an ELF file nor a System.map") }
      guard [0x54, 0x74, 0x57, 0x77].contains(kind) else { continue }
      entries.append(Entry(address: address, size: 0, name: clean(words[2])))
    }
    return entries
  }

  /// A name that does not disturb the files it is written to: no blanks, semicolons, control characters.
  static func clean(_ name: some Sequence<UInt8>) -> String {
    String(decoding: name.prefix(256).map { $0 <= 0x20 || $0 == 0x3b || $0 == 0x7f ? 0x5f : $0 }, as: UTF8.self)
  }
}
