/// The text of a VMDK ("Virtual Disk Format 5.0", The Descriptor): what the disk is made of.
///
/// Lines that are not understood stay as they are.
struct VMDKDescriptor: Equatable, Sendable {
  struct Extent: Equatable, Sendable {
    enum Access: String, Sendable { case readWrite = "RW", readOnly = "RDONLY", none = "NOACCESS" }
    enum Kind: String, Sendable { case flat = "FLAT", sparse = "SPARSE", zero = "ZERO", vmfs = "VMFS" }
    var access: Access
    var sectors: UInt64
    var kind: Kind
    var file = ""
    /// Sector of the file where a flat extent begins.
    var offset: UInt64 = 0

    init(_ access: Access = .readWrite, sectors: UInt64, _ kind: Kind, _ file: String = "") {
      (self.access, self.sectors, self.kind, self.file) = (access, sectors, kind, file)
    }
    /// "RW 4192256 SPARSE "name.vmdk" 0"
    init?(_ line: String, path: String) throws(DiskError) {
      let quoted = line.split(separator: "\"", omittingEmptySubsequences: false)
      let words = (quoted.first ?? "").split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count >= 3, let access = Access(rawValue: String(words[0])) else { return nil }
      guard let sectors = UInt64(words[1]) else { return nil }
      guard let kind = Kind(rawValue: words[2].uppercased()) else {
        throw .unsupported(path: path, "it has an extent of type \(words[2])")
      }
      self.init(access, sectors: sectors, kind)
      if kind != .zero {
        guard quoted.count >= 2, !quoted[1].isEmpty else { throw .damaged(path: path, "an extent names no file") }
        file = String(quoted[1])
        let rest = quoted.count > 2 ? quoted[2].split(separator: " ") : []
        offset = rest.first.flatMap { UInt64($0) } ?? 0
      }
    }
    var line: String {
      switch kind {
      case .zero: "\(access.rawValue) \(sectors) ZERO"
      case .sparse: "\(access.rawValue) \(sectors) SPARSE \"\(file)\""
      case .flat, .vmfs: "\(access.rawValue) \(sectors) \(kind.rawValue) \"\(file)\" \(offset)"
      }
    }
  }
  static let noParent: UInt32 = 0xffff_ffff
  static let mostBytes = 1 << 20

  private(set) var lines: [String]
  private(set) var extents: [Extent] = []
  var contentID: UInt32 { number("CID") ?? 0 }
  var parentContentID: UInt32 { number("parentCID") ?? VMDKDescriptor.noParent }
  var createType: String { value("createType") ?? "" }
  var parentHint: String? { value("parentFileNameHint") }
  var uuid: DiskUUID? { value("ddb.uuid.image").flatMap { DiskUUID($0) } }
  var modificationUUID: DiskUUID? { value("ddb.uuid.modification").flatMap { DiskUUID($0) } }
  var parentUUID: DiskUUID? { value("ddb.uuid.parent").flatMap { DiskUUID($0) } }
  var parentModificationUUID: DiskUUID? { value("ddb.uuid.parentmodification").flatMap { DiskUUID($0) } }
  var comment: String { value("ddb.comment") ?? "" }
  var geometry: DiskGeometry? {
    func part(_ name: String) -> UInt32? { value("ddb.geometry.\(name)").flatMap { UInt32($0) } }
    guard let cylinders = part("cylinders"), let heads = part("heads"), let sectors = part("sectors") else {
      return nil
    }
    return DiskGeometry(cylinders: cylinders, heads: heads, sectors: sectors)
  }

  init(_ bytes: [UInt8], path: String) throws(DiskError) {
    let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
    while lines.last?.isEmpty == true { lines.removeLast() }
    let head = lines.first { !$0.allSatisfy(\.isWhitespace) } ?? ""
    guard head.lowercased().hasPrefix("# disk descriptorfile") else {
      throw .damaged(path: path, "it has no VMDK descriptor")
    }
    for line in lines {
      if let extent = try Extent(VMDKDescriptor.trimmed(line), path: path) { extents.append(extent) }
    }
    guard extents.count <= 65_536 else { throw .unsupported(path: path, "\(extents.count) extents") }
  }
  /// A new one.
  init(createType: String, extents: [Extent], _ options: ImageCreation) {
    self.extents = extents
    let content = options.contentID ?? UInt32.random(in: 1..<VMDKDescriptor.noParent - 1)
    // A parent in another format has no content number; any that is not "none" will do.
    let parentContent = options.parent.map { $0.contentID ?? 0 } ?? VMDKDescriptor.noParent
    let geometry = options.geometry ?? .ide(sectorCount: options.capacity / 512)
    lines = [
      "# Disk DescriptorFile", "version=1", "CID=\(VMDKDescriptor.hex(content))",
      "parentCID=\(VMDKDescriptor.hex(parentContent))", "createType=\"\(createType)\"",
    ]
    lines += ["", "# Extent description"]
    lines += extents.map(\.line)
    lines += [
      "", "# The disk Data Base", "#DDB", "", "ddb.virtualHWVersion = \"4\"", "ddb.adapterType=\"ide\"",
      "ddb.geometry.cylinders=\"\(geometry.cylinders)\"", "ddb.geometry.heads=\"\(geometry.heads)\"",
      "ddb.geometry.sectors=\"\(geometry.sectors)\"", "ddb.uuid.image=\"\(options.uuid ?? DiskUUID())\"",
      "ddb.uuid.modification=\"\(options.modificationUUID ?? DiskUUID())\"",
    ]
    setParent(options.parent, path: options.parent?.path ?? "")
    if !options.comment.isEmpty { set("ddb.comment", quoted: options.comment) }
  }

  private static func trimmed(_ line: String) -> String {
    var text = Substring(line)
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
  private static func hex(_ number: UInt32) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text
  }
  private static func split(_ line: String) -> (key: String, value: String)? {
    guard let equals = line.firstIndex(of: "="), !line.hasPrefix("#") else { return nil }
    var value = trimmed(String(line[line.index(after: equals)...]))
    if value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") { value = String(value.dropFirst().dropLast()) }
    return (trimmed(String(line[..<equals])), value)
  }
  func value(_ key: String) -> String? {
    for line in lines { if let pair = VMDKDescriptor.split(line), pair.key == key { return pair.value } }
    return nil
  }
  private func number(_ key: String) -> UInt32? { value(key).flatMap { UInt32($0, radix: 16) } }

  private mutating func set(_ key: String, line: String?) {
    let index = lines.firstIndex { VMDKDescriptor.split($0)?.key == key }
    if let index {
      if let line { lines[index] = line } else { lines.remove(at: index) }
    } else if let line {
      lines.append(line)
    }
  }
  mutating func set(_ key: String, quoted value: String?) {
    // A quotation mark or a line end would end the value.
    let clean = value.map { String($0.map { $0 == "\"" || $0.isNewline ? " " : $0 }) }
    set(key, line: clean.map { "\(key)=\"\($0)\"" })
  }
  /// The contents change: children that were made before must notice.
  mutating func renewContent() {
    set("CID", line: "CID=\(VMDKDescriptor.hex(UInt32.random(in: 1..<VMDKDescriptor.noParent - 1)))")
    if modificationUUID != nil { set("ddb.uuid.modification", quoted: DiskUUID().description) }
  }
  mutating func setUUID(_ uuid: DiskUUID) { set("ddb.uuid.image", quoted: uuid.description) }
  mutating func setComment(_ text: String) { set("ddb.comment", quoted: text) }
  /// `path`: the parent as the file with this descriptor names it.
  mutating func setParent(_ parent: ImageInfo?, path: String) {
    let content = parent.map { $0.contentID ?? 0 } ?? VMDKDescriptor.noParent
    set("parentCID", line: "parentCID=\(VMDKDescriptor.hex(content))")
    set("parentFileNameHint", line: nil)
    if parent != nil, let index = lines.firstIndex(where: { VMDKDescriptor.split($0)?.key == "createType" }) {
      lines.insert("parentFileNameHint=\"\(path)\"", at: index + 1)
    }
    set("ddb.uuid.parent", quoted: (parent?.uuid ?? .zero).description)
    set("ddb.uuid.parentmodification", quoted: (parent?.modificationUUID ?? .zero).description)
  }
  var encoded: [UInt8] { Array((lines.joined(separator: "\n") + "\n").utf8) }
}
