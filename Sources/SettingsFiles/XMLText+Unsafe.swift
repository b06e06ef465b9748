import CLibXML

/// XML text to elements, by libxml2's pull parser.
///
/// Input is hostile: size, depth and number of nodes are bounded, a document type (and with it every entity of one's
/// own, internal or external) is refused, nothing is fetched.
enum XMLText {
  /// A real file of a machine has some 10 KiB.
  static let maximumBytes = 16 << 20
  /// Snapshots may nest 250 deep, with two elements for each.
  static let maximumDepth = 640
  static let maximumNodes = 400_000

  /// What stands before the root element, and the root element.
  static func parse(_ bytes: [UInt8], path: String) throws(SettingsError) -> (prologue: [SettingsNode], SettingsElement)
  {
    func malformed(_ reason: String, _ line: Int? = nil) -> SettingsError {
      .malformed(path: path, line: line, reason: reason)
    }
    guard !bytes.isEmpty else { throw malformed("the file is empty") }
    guard bytes.count <= maximumBytes else { throw malformed("it is longer than \(maximumBytes >> 20) MiB") }
    // The encoding is fixed below, so that no other spelling of these bytes can mean the same.
    guard !contains(Array("<!DOCTYPE".utf8), in: bytes) else {
      throw malformed("it has a document type, which is refused")
    }
    var builder = TreeBuilder(path: path)
    var failure: SettingsError?
    // SAFETY: the parser reads exactly these bytes, and ends before the closure does.
    unsafe bytes.withUnsafeBytes { raw in
      do throws(SettingsError) {
        try unsafe read(raw.bindMemory(to: CChar.self), &builder)
      } catch { failure = error }
    }
    if let failure { throw failure }
    guard let root = builder.root else { throw malformed("it has no root element") }
    return (builder.prologue, root)
  }

  private static let isReady: Bool = {
    xmlInitParser()
    return true
  }()

  // SAFETY: `text` outlives the call, and the reader is freed before it returns.
  private static func read(
    _ text: UnsafeBufferPointer<CChar>, _ builder: inout TreeBuilder
  ) throws(SettingsError) {
    _ = isReady
    let options =
      XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue
      | XML_PARSE_NOCDATA.rawValue | XML_PARSE_HUGE.rawValue
    // SAFETY: pointer and count belong together; the strings are literals.
    guard
      let reader = unsafe xmlReaderForMemory(text.baseAddress, Int32(text.count), nil, "UTF-8", Int32(options))
    else { throw .malformed(path: builder.path, line: nil, reason: "the XML library does not take it") }
    // SAFETY: freed once; nothing below keeps the reader.
    defer { unsafe xmlFreeTextReader(reader) }
    xmlResetLastError()
    while true {
      // SAFETY: the reader is alive.
      switch unsafe xmlTextReaderRead(reader) {
      case 0: return
      case 1: try unsafe take(reader, &builder)
      default: throw lastError(builder.path)
      }
    }
  }

  // SAFETY: the reader is alive during the call; its strings are copied at once.
  private static func take(_ reader: xmlTextReaderPtr, _ builder: inout TreeBuilder) throws(SettingsError) {
    // SAFETY: as above.
    let line = unsafe Int(xmlTextReaderGetParserLineNumber(reader))
    // SAFETY: as above.
    switch unsafe UInt32(bitPattern: xmlTextReaderNodeType(reader)) {
    case XML_READER_TYPE_ELEMENT.rawValue:
      // SAFETY: as above.
      let isEmpty = unsafe xmlTextReaderIsEmptyElement(reader) == 1
      var element = SettingsElement(unsafe string(xmlTextReaderConstName(reader)))
      // SAFETY: as above.
      while unsafe xmlTextReaderMoveToNextAttribute(reader) == 1 {
        // SAFETY: as above.
        unsafe element.attributes.append(
          .init(string(xmlTextReaderConstName(reader)), string(xmlTextReaderConstValue(reader))))
      }
      try builder.open(element, line)
      if isEmpty { builder.close() }
    case XML_READER_TYPE_END_ELEMENT.rawValue: builder.close()
    case XML_READER_TYPE_TEXT.rawValue, XML_READER_TYPE_CDATA.rawValue:
      // SAFETY: as above.
      try unsafe builder.add(.text(string(xmlTextReaderConstValue(reader))), line)
    case XML_READER_TYPE_COMMENT.rawValue:
      // SAFETY: as above.
      try unsafe builder.add(.comment(string(xmlTextReaderConstValue(reader))), line)
    case XML_READER_TYPE_PROCESSING_INSTRUCTION.rawValue:
      // SAFETY: as above.
      try unsafe builder.add(
        .instruction(target: string(xmlTextReaderConstName(reader)), text: string(xmlTextReaderConstValue(reader))),
        line)
    case XML_READER_TYPE_DOCUMENT_TYPE.rawValue, XML_READER_TYPE_ENTITY_REFERENCE.rawValue,
      XML_READER_TYPE_ENTITY.rawValue:
      throw .malformed(path: builder.path, line: line, reason: "it has a document type or entities, which are refused")
    default: break
    }
  }

  // SAFETY: the library's strings end with a NUL and live until the next call; they are copied here.
  private static func string(_ text: UnsafePointer<xmlChar>?) -> String {
    // SAFETY: as above.
    guard let text = unsafe text else { return "" }
    // SAFETY: as above.
    return unsafe String(cString: text)
  }

  private static func lastError(_ path: String) -> SettingsError {
    // SAFETY: the record belongs to this thread and is read before the next call.
    guard let error = unsafe xmlGetLastError() else {
      return .malformed(path: path, line: nil, reason: "it is not well-formed XML")
    }
    // SAFETY: as above; the message ends with a NUL.
    let message = unsafe error.pointee.message.map { unsafe String(cString: $0) } ?? "it is not well-formed XML"
    // SAFETY: as above.
    let line = unsafe Int(error.pointee.line)
    return .malformed(
      path: path, line: line > 0 ? line : nil, reason: message.split(whereSeparator: \.isNewline).joined(separator: " ")
    )
  }

  private static func contains(_ needle: [UInt8], in bytes: [UInt8]) -> Bool {
    guard let first = needle.first else { return true }
    var index = 0
    while let found = bytes[index...].firstIndex(of: first), found + needle.count <= bytes.count {
      if bytes[found..<found + needle.count].elementsEqual(needle) { return true }
      index = found + 1
    }
    return false
  }
}

/// Elements under way, from the root to the innermost one that is still open.
struct TreeBuilder {
  let path: String
  private(set) var root: SettingsElement?
  private(set) var prologue: [SettingsNode] = []
  private var open: [SettingsElement] = []
  private var count = 0

  init(path: String) { self.path = path }

  private mutating func countOne(_ line: Int) throws(SettingsError) {
    count += 1
    guard count <= XMLText.maximumNodes, open.count < XMLText.maximumDepth else {
      let what =
        open.count >= XMLText.maximumDepth
        ? "elements nest deeper than \(XMLText.maximumDepth)" : "it has more than \(XMLText.maximumNodes) nodes"
      throw .malformed(path: path, line: line, reason: what)
    }
  }
  mutating func open(_ element: SettingsElement, _ line: Int) throws(SettingsError) {
    try countOne(line)
    open.append(element)
  }
  mutating func close() {
    guard let done = open.popLast() else { return }
    if open.isEmpty { root = done } else { open[open.count - 1].children.append(.element(done)) }
  }
  mutating func add(_ node: SettingsNode, _ line: Int) throws(SettingsError) {
    try countOne(line)
    if !open.isEmpty { open[open.count - 1].children.append(node) } else if root == nil { prologue.append(node) }
  }
}
