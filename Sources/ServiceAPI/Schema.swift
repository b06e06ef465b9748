import Base
import Service

/// The shape of a JSON value: checks what clients send, and says so in the OpenAPI document.
public indirect enum Schema: Sendable {
  case text
  /// A text that is not empty and has no control characters.
  case name
  /// An absolute file name.
  case path
  /// A text that settings files can hold.
  case line
  /// Of this pattern, an extended regular expression, and what that means.
  case pattern(String, String)
  /// An address of IPv4, with dots.
  case address
  /// A network of IPv4, as 10.0.2.0/24.
  case network
  case uuid
  case integer(ClosedRange<Int64>)
  /// The same, and a multiple of 512.
  case sectors(ClosedRange<Int64>)
  case number
  case flag
  /// Whatever it is.
  case any
  /// One of these words.
  case word([String])
  case list(Schema)
  /// A list that is not empty.
  case some(Schema)
  /// This value alone.
  case constant(JSON)
  /// An object with these members and no others.
  case object([Property])
  /// An object with any members of one shape.
  case map(Schema)
  /// As `modifyvm --natpf` takes it.
  static let rule = Schema.pattern(
    "[^,\\u0000-\\u001f\\u007f]*,(tcp|udp),(\(dotted))?,(0|\(port)),(\(dotted))?,(\(port))",
    "NAME,tcp|udp,HOST-IP,HOST-PORT,GUEST-IP,GUEST-PORT")
  /// The same with addresses of IPv6, which are only kept.
  static let rule6 = Schema.pattern(
    "[^,\\u0000-\\u001f\\u007f]*,(tcp|udp),[0-9A-Fa-f:.]*,(0|\(port)),[0-9A-Fa-f:.]*,(\(port))",
    "NAME,tcp|udp,HOST-IP,HOST-PORT,GUEST-IP,GUEST-PORT")
  /// Ones, and zeros behind them, with dots.
  static let mask = Schema.pattern(
    (1...32).map { bits in IPv4Text.text(UInt32.max << UInt32(32 - bits)) }.joined(separator: "|")
      .replacing(".", with: "\\.").withParentheses, "a network mask, as 255.255.255.0")
  /// Into a host-only network.
  static let hostRule = Schema.pattern(
    "(tcp|udp):(\(dotted))?:(\(port))-(\(dotted)):(\(port))", "tcp|udp:[HOST-IP]:PORT-GUEST-IP:PORT")
  /// A name, and a file's, that settings files can hold.
  static let keptName = Schema.pattern("[^\\u0000-\\u001f\\u007f\\ufffe\\uffff]+", "a text without control characters")
  static let keptPath = Schema.pattern(
    "/[^\\u0000-\\u001f\\u007f\\ufffe\\uffff]*", "an absolute name without control characters")
  /// Where a machine is in the list.
  static let group = Schema.pattern(
    "/([^/\\u0000-\\u001f\\u007f]+(/[^/\\u0000-\\u001f\\u007f]+)*)?", "slashes and names")
  /// A shape with a name of its own in the document.
  case named(String)
  /// The shape, or null.
  case optional(Schema)
  /// Any of these.
  case either([Schema])

  /// A member of an object.
  public struct Property: Sendable {
    var name: String
    var schema: Schema
    var isRequired: Bool
    var text: String
  }

  static func member(_ name: String, _ schema: Schema, _ text: String) -> Property {
    Property(name: name, schema: schema, isRequired: true, text: text)
  }
  static func option(_ name: String, _ schema: Schema, _ text: String) -> Property {
    Property(name: name, schema: schema, isRequired: false, text: text)
  }

  // MARK: Document

  var json: JSON {
    switch self {
    case .text: ["type": "string"]
    case .name: Schema.matching("^[^\\u0000-\\u001f\\u007f]+")
    case .line: Schema.matching("^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\ufffe\\uffff]*")
    case .pattern(let pattern, _): Schema.matching("^\(pattern)")
    case .path: Schema.matching("^/[^\\u0000]*")
    case .address: Schema.matching("^\(Schema.dotted)")
    case .network: Schema.matching("^\(Schema.dotted)/([1-9]|[12][0-9]|30)")
    case .uuid: ["type": "string", "format": "uuid"]
    case .integer(let range):
      ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
    case .sectors(let range):
      [
        "type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound),
        "multipleOf": 512,
      ]
    case .number: ["type": "number"]
    case .flag: ["type": "boolean"]
    case .any: [:]
    case .word(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
    case .list(let element): ["type": "array", "items": element.json]
    case .some(let element): ["type": "array", "items": element.json, "minItems": 1]
    case .constant(let value): ["const": value]
    case .object(let properties): Schema.json(properties)
    case .map(let value): ["type": "object", "additionalProperties": value.json]
    case .named(let name): ["$ref": .string("#/components/schemas/\(name)")]
    case .optional(let schema): ["anyOf": [schema.json, ["type": "null"]]]
    case .either(let schemas): ["anyOf": .array(schemas.map(\.json))]
    }
  }
  private static let port = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
  private static let dotted =
    "((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
  /// A text of this pattern, to its end: some validators' `$` is also in front of a last line feed.
  private static func matching(_ pattern: String) -> JSON {
    ["type": "string", "pattern": .string(pattern + "(?!\\n)$")]
  }
  private static func json(_ properties: [Property]) -> JSON {
    var members: JSON = [:]
    for property in properties {
      var json = property.schema.json
      // A reference stands alone.
      if json["$ref"] == nil { json.set("description", .string(property.text)) }
      members.set(property.name, json)
    }
    let required = properties.filter(\.isRequired).map { JSON.string($0.name) }
    var result: JSON = ["type": "object", "properties": members, "additionalProperties": false]
    if !required.isEmpty { result.set("required", .array(required)) }
    return result
  }

  // MARK: Check

  /// Numbers without a fraction are integers, however they are written (JSON Schema, 6.1.1).
  static func normal(_ value: JSON) -> JSON {
    switch value {
    case .number(let number):
      guard number == number.rounded(), abs(number) < 9_007_199_254_740_992 else { return value }
      return .integer(Int64(number))
    case .array(let values): return .array(values.map(normal))
    case .object(let members): return .object(members.map { JSON.Member($0.key, normal($0.value)) })
    default: return value
    }
  }

  /// Refuses a value of another shape; `place` names it in the message.
  func check(_ value: JSON, _ place: String) throws(ServiceError) {
    func wrong(_ what: String) -> ServiceError { ServiceError(.invalidArgument, "\(place) \(what)") }
    switch (self, value) {
    case (.text, .string), (.number, .integer), (.number, .number), (.flag, .bool), (.optional, .null), (.any, _):
      return
    case (.name, .string(let text)):
      guard !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
        throw wrong("must be a text without control characters")
      }
    case (.line, .string(let text)):
      guard text.unicodeScalars.allSatisfy(Schema.isKept) else { throw wrong("has control characters in it") }
    case (.pattern(let pattern, let meaning), .string(let text)):
      guard let pattern = try? Regex(pattern), (try? pattern.wholeMatch(in: text)) != nil else {
        throw wrong("must be \(meaning)")
      }
    case (.path, .string(let text)): _ = try APIRequest.absolute(text)
    case (.address, .string(let text)):
      guard IPv4Text.number(text) != nil else { throw wrong("is no address of IPv4") }
    case (.network, .string(let text)):
      guard IPv4Text.network(text) != nil else { throw wrong("is no network of IPv4, as 10.0.2.0/24") }
    case (.uuid, .string(let text)):
      guard Identity.isUUID(text) else { throw wrong("is no UUID") }
    case (.integer(let range), .integer(let number)):
      guard range.contains(number) else {
        throw wrong("must be in range [\(range.lowerBound), \(range.upperBound)]")
      }
    case (.sectors(let range), .integer(let number)):
      guard range.contains(number), number & 511 == 0 else {
        throw wrong("must be a multiple of 512 in range [\(range.lowerBound), \(range.upperBound)]")
      }
    case (.word(let words), .string(let text)):
      guard words.contains(text) else { throw wrong("must be one of: \(words.joined(separator: ", "))") }
    case (.constant(let wanted), _): if value != wanted { throw wrong("must be \(wanted.text)") }
    case (.some, .array(let values)) where values.isEmpty: throw wrong("must not be empty")
    case (.list(let element), .array(let values)), (.some(let element), .array(let values)):
      for (index, value) in values.enumerated() { try element.check(value, "\(place)[\(index)]") }
    case (.map(let element), .object(let members)):
      for member in members { try element.check(member.value, "\(place).\(member.key)") }
    case (.object(let properties), .object(let members)): try Schema.check(members, properties, place)
    case (.named(let name), _): try Schemas.all[name]?.check(value, place)
    case (.optional(let schema), _): try schema.check(value, place)
    case (.either(let schemas), _):
      var first: ServiceError?
      for schema in schemas {
        do throws(ServiceError) { return try schema.check(value, place) } catch { first = first ?? error }
      }
      // What is wrong with an object says most where it ought to be the first.
      if value.members != nil, let first { throw first }
      throw wrong("is of the wrong type")
    default: throw wrong("is of the wrong type")
    }
  }
  /// As XML has characters.
  private static func isKept(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value >= 0x20 && scalar.value < 0xfffe || scalar.value > 0xffff || [9, 10, 13].contains(scalar.value)
  }
  private static func check(_ members: [JSON.Member], _ properties: [Property], _ place: String) throws(ServiceError) {
    for member in members {
      guard let property = properties.first(where: { $0.name == member.key }) else {
        let hint = NearestMatch.find(member.key, among: properties.map(\.name)).map { "; did you mean '\($0)'?" } ?? ""
        throw ServiceError(.invalidArgument, "\(place) has no member '\(member.key)'\(hint)")
      }
      try property.schema.check(member.value, "\(place).\(member.key)")
    }
    for property in properties where property.isRequired {
      guard members.contains(where: { $0.key == property.name }) else {
        throw ServiceError(.invalidArgument, "\(place).\(property.name) is missing")
      }
    }
  }
}

extension String {
  fileprivate var withParentheses: String { "(\(self))" }
}

/// Identifiers as clients write them.
enum Identity {
  static func isUUID(_ text: String) -> Bool {
    let groups = text.split(separator: "-", omittingEmptySubsequences: false)
    return groups.map(\.utf8.count) == [8, 4, 4, 4, 12]
      && groups.allSatisfy { $0.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit } }
  }
}
