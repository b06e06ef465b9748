import Base
import Service

/// The shape of a JSON value: checks what clients send, and says so in the OpenAPI document.
public indirect enum Schema: Sendable {
  case text
  case uuid
  case integer(ClosedRange<Int64>)
  case number
  case flag
  /// Whatever it is.
  case any
  /// One of these words.
  case word([String])
  case list(Schema)
  /// An object with these members and no others.
  case object([Property])
  /// An object with any members of one shape.
  case map(Schema)
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
    case .uuid: ["type": "string", "format": "uuid"]
    case .integer(let range):
      ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
    case .number: ["type": "number"]
    case .flag: ["type": "boolean"]
    case .any: [:]
    case .word(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
    case .list(let element): ["type": "array", "items": element.json]
    case .object(let properties): Schema.json(properties)
    case .map(let value): ["type": "object", "additionalProperties": value.json]
    case .named(let name): ["$ref": .string("#/components/schemas/\(name)")]
    case .optional(let schema): ["anyOf": [schema.json, ["type": "null"]]]
    case .either(let schemas): ["anyOf": .array(schemas.map(\.json))]
    }
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

  /// Refuses a value of another shape; `place` names it in the message.
  func check(_ value: JSON, _ place: String) throws(ServiceError) {
    func wrong(_ what: String) -> ServiceError { ServiceError(.invalidArgument, "\(place) \(what)") }
    switch (self, value) {
    case (.text, .string), (.number, .integer), (.number, .number), (.flag, .bool), (.optional, .null), (.any, _):
      return
    case (.uuid, .string(let text)):
      guard Identity.isUUID(text) else { throw wrong("is no UUID") }
    case (.integer(let range), .integer(let number)):
      guard range.contains(number) else {
        throw wrong("must be in range [\(range.lowerBound), \(range.upperBound)]")
      }
    case (.word(let words), .string(let text)):
      guard words.contains(text) else { throw wrong("must be one of: \(words.joined(separator: ", "))") }
    case (.list(let element), .array(let values)):
      for (index, value) in values.enumerated() { try element.check(value, "\(place)[\(index)]") }
    case (.map(let element), .object(let members)):
      for member in members { try element.check(member.value, "\(place).\(member.key)") }
    case (.object(let properties), .object(let members)): try Schema.check(members, properties, place)
    case (.named(let name), _): try Schemas.all[name]?.check(value, place)
    case (.optional(let schema), _): try schema.check(value, place)
    case (.either(let schemas), _):
      for schema in schemas where (try? schema.check(value, place)) != nil { return }
      throw wrong("is of the wrong type")
    default: throw wrong("is of the wrong type")
    }
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

/// Identifiers as clients write them.
enum Identity {
  static func isUUID(_ text: String) -> Bool {
    let groups = text.split(separator: "-", omittingEmptySubsequences: false)
    return groups.map(\.utf8.count) == [8, 4, 4, 4, 12]
      && groups.allSatisfy { $0.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit } }
  }
}
