import DiskImages
import HostSystem
import Synchronization

/// The entries of a tar file (POSIX ustar and pax, GNU long names and sizes): files in one folder, as an OVA has them.
struct TarArchive: Sendable {
  struct Entry: Sendable, Equatable {
    var name: String
    /// Of the contents.
    var start: UInt64, size: UInt64
  }
  let entries: [Entry]

  /// What an archive may have.
  private static let mostEntries = 4096, longestName = 4096

  init(_ file: any ImageFile) throws(ServiceError) {
    var reader = Reader(file: file, end: 0)
    do throws(DiskError) { reader.end = try file.size() } catch { throw TarArchive.failure(file, "\(error)") }
    var entries: [Entry] = [], names: Set<String> = []
    while let entry = try reader.next() {
      guard names.insert(entry.name).inserted else {
        throw TarArchive.failure(file, "'\(entry.name)' is there twice")
      }
      entries.append(entry)
      guard entries.count <= TarArchive.mostEntries else { throw TarArchive.failure(file, "it has too many entries") }
    }
    self.entries = entries
  }
  private static func failure(_ file: any ImageFile, _ why: String) -> ServiceError {
    ServiceError(.fileError, "Could not read the archive '\(file.path)': \(why)", .appliance)
  }

  private struct Reader {
    let file: any ImageFile
    var end: UInt64
    private var position: UInt64 = 0
    /// What a pax header or a GNU entry says about the next one.
    private var longName: String?
    private var longSize: UInt64?

    init(file: any ImageFile, end: UInt64) {
      self.file = file
      self.end = end
    }
    private func fail(_ why: String) -> ServiceError { TarArchive.failure(file, why) }
    private func load(_ offset: UInt64, _ count: Int) throws(ServiceError) -> [UInt8] {
      do throws(DiskError) { return try file.load(offset, count) } catch { throw fail("\(error)") }
    }

    mutating func next() throws(ServiceError) -> Entry? {
      while true {
        guard position + 512 <= end else {
          // The two blocks of zeroes at the end are often left out.
          guard position == end, position > 0 else { throw fail("it has been cut short") }
          return nil
        }
        let header = try load(position, 512)
        if header.allSatisfy({ $0 == 0 }) { return nil }
        try check(header)
        var size = try number(header, 124, 12)
        if let longSize { size = longSize }
        let start = position + 512
        guard size <= end - start else { throw fail("it has been cut short: an entry reaches beyond its end") }
        position = min(end, start + (size + 511) / 512 * 512)
        switch header[156] {
        case 0, 0x30, 0x37:
          let name = try name(longName ?? plainName(header))
          (longName, longSize) = (nil, nil)
          return Entry(name: name, start: start, size: size)
        case 0x35: (longName, longSize) = (nil, nil)
        case 0x4c: longName = text(try extra(start, size)[...])
        case 0x78: try readPax(try extra(start, size))
        case 0x67: break
        default: throw fail("an entry is no file, but of type \(header[156])")
        }
      }
    }
    private func extra(_ start: UInt64, _ size: UInt64) throws(ServiceError) -> [UInt8] {
      guard size <= 1 << 16 else { throw fail("an entry's header is too long") }
      return try load(start, Int(size))
    }
    private func text(_ bytes: ArraySlice<UInt8>) -> String {
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    private func plainName(_ header: [UInt8]) -> String {
      let name = text(header[0..<100]), prefix = text(header[345..<500])
      let isPOSIX = text(header[257..<262]) == "ustar" && header[262] == 0
      return isPOSIX && !prefix.isEmpty ? "\(prefix)/\(name)" : name
    }
    /// One that lies in the archive's own folder.
    private func name(_ whole: String) throws(ServiceError) -> String {
      let name = whole.hasPrefix("./") ? String(whole.dropFirst(2)) : whole
      guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.contains("\\"),
        name.utf8.count <= TarArchive.longestName, !name.unicodeScalars.contains(where: { $0.value < 0x20 })
      else { throw fail("the entry '\(whole.prefix(100))' is not a plain file name") }
      return name
    }
    private func check(_ header: [UInt8]) throws(ServiceError) {
      var sum = 0
      for (index, byte) in header.enumerated() { sum += (148..<156).contains(index) ? 0x20 : Int(byte) }
      guard try number(header, 148, 8) == UInt64(sum) else { throw fail("a header's checksum is wrong") }
    }
    /// Octal digits, or binary behind a byte with its highest bit set.
    private func number(_ header: [UInt8], _ start: Int, _ count: Int) throws(ServiceError) -> UInt64 {
      let field = header[start..<start + count]
      if header[start] & 0x80 != 0 {
        guard header[start] == 0x80, field.dropFirst().prefix(count - 9).allSatisfy({ $0 == 0 }) else {
          throw fail("an entry is too large")
        }
        return field.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
      }
      let digits = text(field).filter { $0 != " " }
      guard let value = UInt64(digits.isEmpty ? "0" : digits, radix: 8) else {
        throw fail("a number in a header is none")
      }
      return value
    }
    /// Lines of "LENGTH KEY=VALUE".
    private mutating func readPax(_ bytes: [UInt8]) throws(ServiceError) {
      var rest = bytes[...]
      while let space = rest.firstIndex(of: 0x20) {
        guard let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > space - rest.startIndex + 1,
          length <= rest.count
        else { throw fail("an extended header is damaged") }
        let line = rest[(space + 1)..<(rest.startIndex + length)].dropLast()
        rest = rest.dropFirst(length)
        guard let equals = line.firstIndex(of: 0x3d) else { continue }
        let value = String(decoding: line[(equals + 1)...], as: UTF8.self)
        switch String(decoding: line[..<equals], as: UTF8.self) {
        case "path": longName = value
        case "size":
          guard let size = UInt64(value) else { throw fail("an extended header is damaged") }
          longSize = size
        default: break
        }
      }
    }
  }
}

/// A tar file that is written from front to end, entry after entry, each as if it were a file of its own.
final class TarWriter: ImageStore {
  private struct State {
    /// Where the next header goes.
    var end: UInt64 = 0
    var files: [String: WindowFile] = [:]
    var open: WindowFile?
  }
  let path: String
  private let file: any ImageFile
  private let state = Mutex(State())

  /// Refuses a name that is taken.
  init(_ path: String) throws(DiskError) {
    self.path = path
    file = try HostStore().create(path)
  }

  func create(_ path: String) throws(DiskError) -> any ImageFile {
    try finishEntry()
    return state.withLock { state in
      let window = WindowFile(file, path: path, start: state.end + 512, length: 0, isReadOnly: false)
      state.open = window
      state.files[path] = window
      return window
    }
  }
  func open(_ path: String, writable: Bool) throws(DiskError) -> any ImageFile {
    guard let window = state.withLock({ $0.files[path] }), !writable else { throw .missing(path: path) }
    return window
  }
  func replace(_ path: String, with temporary: String) throws(DiskError) { throw .readOnly }
  func remove(_ path: String) throws(DiskError) {}
  func exists(_ path: String) -> Bool { state.withLock { $0.files[path] != nil } }
  func names(in folder: String) -> [String] { [] }

  /// The entry that is open has its size now.
  private func finishEntry() throws(DiskError) {
    guard let window = state.withLock({ $0.open }) else { return }
    let size = try window.size()
    let name = window.path.split(separator: "/").last.map(String.init) ?? ""
    try file.store(TarWriter.header(name, size), at: window.start - 512)
    let end = window.start + (size + 511) / 512 * 512
    // Makes the padding be there.
    if end > window.start + size {
      try file.store([UInt8](repeating: 0, count: Int(end - window.start - size)), at: window.start + size)
    }
    state.withLock { state in
      state.open = nil
      state.end = end
    }
  }
  func finish() throws(DiskError) {
    try finishEntry()
    try file.store([UInt8](repeating: 0, count: 1024), at: state.withLock { $0.end })
    try file.synchronize()
  }

  static func header(_ name: String, _ size: UInt64) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ offset: Int) {
      for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
    }
    func octal(_ number: UInt64, _ digits: Int) -> String {
      let text = String(number, radix: 8)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    put(String(decoding: name.utf8.prefix(99), as: UTF8.self), 0)
    put("0000640", 100)
    put("0000000", 108)
    put("0000000", 116)
    if size < 1 << 33 {
      put(octal(size, 11), 124)
    } else {
      header[124] = 0x80
      for index in 0..<8 { header[128 + index] = UInt8(truncatingIfNeeded: size >> UInt64(56 - 8 * index)) }
    }
    put("00000000000", 136)
    put("        ", 148)
    header[156] = 0x30
    put("ustar", 257)
    put("00", 263)
    let sum = header.reduce(0) { $0 + UInt64($1) }
    put(octal(sum, 6), 148)
    header[154] = 0
    return header
  }
}
