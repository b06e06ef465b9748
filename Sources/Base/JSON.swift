/// A JSON value (RFC 8259), with a strict parser and a compact writer.
///
/// Input is hostile: size and depth are capped, duplicate keys, trailing bytes, invalid UTF-8 and lone surrogates are
/// refused. Object members keep their order.
public enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([Member])

  /// A name and its value in an object; the order is kept.
  public struct Member: Equatable, Sendable {
    public var key: String
    public var value: JSON
    public init(_ key: String, _ value: JSON) {
      self.key = key
      self.value = value
    }
  }

  /// What the parser accepts at most.
  public static let maximumBytes = 16 << 20
  /// Arrays and objects may nest this deep; deeper text is refused.
  public static let maximumDepth = 64

  /// Why a text is not JSON, and the byte at which that shows.
  public struct ParseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Byte offset of the mistake.
    public var offset: Int
    /// What is wrong there.
    public var reason: String
    public var description: String { "byte \(offset): \(reason)" }
  }

  public init(parsing text: String) throws(ParseError) { try self.init(parsing: Array(text.utf8)) }
  public init(parsing bytes: [UInt8]) throws(ParseError) {
    guard bytes.count <= JSON.maximumBytes else {
      throw ParseError(offset: JSON.maximumBytes, reason: "longer than \(JSON.maximumBytes) bytes")
    }
    var parser = JSONParser(bytes)
    self = try parser.parse()
  }

  // MARK: Access

  /// The member `key` of an object.
  public subscript(key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }
  /// The text, if it is a string.
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  /// The value, if it is a Boolean.
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The value, if it is a whole number that fits.
  public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  /// The elements, if it is an array.
  public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  /// The members in order, if it is an object.
  public var members: [Member]? { if case .object(let value) = self { value } else { nil } }

  /// An object from pairs, in their order.
  public static func object(_ pairs: KeyValuePairs<String, JSON>) -> JSON {
    .object(pairs.map { Member($0.key, $0.value) })
  }

  // MARK: Writing

  /// The text, on one line and without spaces.
  public var text: String {
    var output = ""
    write(to: &output)
    return output
  }
  /// One member a line, without indentation, for readable differences; strings must not hold `,"`.
  public var textByLines: String { text.split(separator: ",\"").joined(separator: ",\n\"") + "\n" }

  private func write(to output: inout String) {
    switch self {
    case .null: output += "null"
    case .bool(let value): output += value ? "true" : "false"
    case .integer(let value): output += "\(value)"
    // JSON has no infinities.
    case .number(let value): output += value.isFinite ? "\(value)" : "null"
    case .string(let value): JSON.write(value, to: &output)
    case .array(let values):
      output += "["
      for (index, value) in values.enumerated() {
        if index > 0 { output += "," }
        value.write(to: &output)
      }
      output += "]"
    case .object(let members):
      output += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { output += "," }
        JSON.write(member.key, to: &output)
        output += ":"
        member.value.write(to: &output)
      }
      output += "}"
    }
  }

  private static func write(_ string: String, to output: inout String) {
    output += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let hex = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}

/// One pass over the bytes.
private struct JSONParser {
  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func parse() throws(JSON.ParseError) -> JSON {
    let value = try value()
    skipSpace()
    guard position == bytes.count else { throw error("something follows the value") }
    return value
  }

  private func error(_ reason: String) -> JSON.ParseError { JSON.ParseError(offset: position, reason: reason) }
  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
  }
  private mutating func take(_ byte: UInt8) -> Bool {
    guard current == byte else { return false }
    position += 1
    return true
  }

  private mutating func value() throws(JSON.ParseError) -> JSON {
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try nested { parser throws(JSON.ParseError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { parser throws(JSON.ParseError) in try parser.list() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case .some(let byte) where byte == UInt8(ascii: "-") || isDigit(byte): return try number()
    case .some: throw error("unexpected character")
    case nil: throw error("the text ends early")
    }
  }

  private mutating func nested(
    _ body: (inout JSONParser) throws(JSON.ParseError) -> JSON
  ) throws(JSON.ParseError) -> JSON {
    guard depth < JSON.maximumDepth else { throw error("nested more than \(JSON.maximumDepth) deep") }
    depth += 1
    position += 1
    let value = try body(&self)
    depth -= 1
    return value
  }

  private mutating func object() throws(JSON.ParseError) -> JSON {
    var members: [JSON.Member] = []
    var seen: Set<String> = []
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object([]) }
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw error("a member name is missing") }
      let key = try string()
      guard seen.insert(key).inserted else { throw error("member '\(key)' appears twice") }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw error("':' is missing") }
      members.append(JSON.Member(key, try value()))
      skipSpace()
      if take(UInt8(ascii: "}")) { return .object(members) }
      guard take(UInt8(ascii: ",")) else { throw error("',' or '}' is missing") }
    }
  }

  private mutating func list() throws(JSON.ParseError) -> JSON {
    var values: [JSON] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array([]) }
    while true {
      values.append(try value())
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(values) }
      guard take(UInt8(ascii: ",")) else { throw error("',' or ']' is missing") }
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSON) throws(JSON.ParseError) -> JSON {
    let expected = Array("\(text)".utf8)
    guard bytes[position...].starts(with: expected) else { throw error("unexpected character") }
    position += expected.count
    return value
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  private mutating func digits() throws(JSON.ParseError) {
    guard let byte = current, isDigit(byte) else { throw error("a digit is missing") }
    while let byte = current, isDigit(byte) { position += 1 }
  }

  private mutating func number() throws(JSON.ParseError) -> JSON {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if take(UInt8(ascii: "0")) {
      if let byte = current, isDigit(byte) { throw error("a number starts with 0") }
    } else {
      try digits()
    }
    var isInteger = true
    if take(UInt8(ascii: ".")) {
      isInteger = false
      try digits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw error("number out of range") }
    return .number(value)
  }

  private mutating func string() throws(JSON.ParseError) -> String {
    position += 1
    var output: [UInt8] = []
    while true {
      guard let byte = current else { throw error("a string has no end") }
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: output, as: UTF8.self) else { throw error("invalid UTF-8") }
        return text
      case UInt8(ascii: "\\"): output += Array(String(try escape()).utf8)
      case 0..<0x20: throw error("a control character inside a string")
      default: output.append(byte)
      }
    }
  }

  private mutating func escape() throws(JSON.ParseError) -> Unicode.Scalar {
    guard let byte = current else { throw error("a string has no end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try hex4()
      guard first & 0xfc00 == 0xd800 else {
        guard let scalar = Unicode.Scalar(first) else { throw error("half a surrogate pair") }
        return scalar
      }
      guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw error("half a surrogate pair") }
      let second = try hex4()
      guard second & 0xfc00 == 0xdc00,
        let scalar = Unicode.Scalar(0x10000 + (first & 0x3ff) << 10 + (second & 0x3ff))
      else { throw error("half a surrogate pair") }
      return scalar
    default: throw error("unknown escape")
    }
  }

  private mutating func hex4() throws(JSON.ParseError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw error("a hexadecimal digit is missing")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
