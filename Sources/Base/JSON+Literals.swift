/// JSON values as literals: `["id": 7, "ok": true]`.
extension JSON: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map { Member($0.0, $0.1) }) }

  /// Any number, an integer or not.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// Adds a member to an object, or replaces the one of that name. What is no object becomes one.
  public mutating func set(_ key: String, _ value: JSON) {
    var list = members ?? []
    if let index = list.firstIndex(where: { $0.key == key }) {
      list[index].value = value
    } else {
      list.append(Member(key, value))
    }
    self = .object(list)
  }
}
