/// Writes a `SavedState` as named fields: name length, name, payload length (32-bit), payload; little-endian.
public struct StateWriter: StateVisitor {
  public private(set) var output: [UInt8] = []
  public init() {}

  /// The encoded form of `state`.
  public static func encode(_ state: some SavedState) -> [UInt8] {
    var writer = StateWriter()
    var copy = state
    // Writing never meets a wrong value: only reading throws.
    try? copy.fields(&writer)
    return writer.output
  }

  public mutating func field<T: FixedWidthInteger & Sendable>(
    _ name: StaticString, _ value: inout T, in range: ClosedRange<T>
  ) throws(StateError) {
    var payload: [UInt8] = []
    for byte in 0..<(T.bitWidth / 8) { payload.append(UInt8(truncatingIfNeeded: value >> T(byte * 8))) }
    append(name, payload)
  }
  public mutating func bytes(_ name: StaticString, _ value: inout [UInt8], maximum: Int) throws(StateError) {
    append(name, value)
  }
  public mutating func list<T: SavedState>(
    _ name: StaticString, _ value: inout [T], maximum: Int
  ) throws(StateError) {
    var inner = StateWriter()
    for index in value.indices { try value[index].fields(&inner) }
    append(name, StateWriter.word(value.count) + inner.output)
  }

  private static func word(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
  private mutating func append(_ name: StaticString, _ payload: [UInt8]) {
    let label = Array("\(name)".utf8)
    output.append(UInt8(label.count))
    output += label
    output += StateWriter.word(payload.count)
    output += payload
  }
}

/// Reads what `StateWriter` wrote; every field must come in order, under its name, inside its range.
public struct StateReader: StateVisitor {
  private let input: [UInt8]
  private var position = 0
  public init(_ input: [UInt8]) { self.input = input }

  /// Decodes a whole state; bytes left over are an error.
  public static func decode<S: SavedState>(_ input: [UInt8], into initial: S = S()) throws(StateError) -> S {
    var reader = StateReader(input)
    var state = initial
    try state.fields(&reader)
    guard reader.position == input.count else { throw .trailingBytes(input.count - reader.position) }
    return state
  }

  public mutating func field<T: FixedWidthInteger & Sendable>(
    _ name: StaticString, _ value: inout T, in range: ClosedRange<T>
  ) throws(StateError) {
    let payload = try take(name)
    guard payload.count == T.bitWidth / 8 else { throw .outOfRange(field: "\(name)") }
    var decoded: T = 0
    for (index, byte) in payload.enumerated() { decoded |= T(truncatingIfNeeded: byte) << T(index * 8) }
    guard range.contains(decoded) else { throw .outOfRange(field: "\(name)") }
    value = decoded
  }
  public mutating func bytes(_ name: StaticString, _ value: inout [UInt8], maximum: Int) throws(StateError) {
    let payload = try take(name)
    guard payload.count <= maximum else { throw .outOfRange(field: "\(name)") }
    value = Array(payload)
  }
  public mutating func list<T: SavedState>(
    _ name: StaticString, _ value: inout [T], maximum: Int
  ) throws(StateError) {
    let payload = try take(name)
    guard payload.count >= 4 else { throw .truncated(field: "\(name)") }
    let count = payload.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard count <= maximum else { throw .outOfRange(field: "\(name)") }
    var inner = StateReader(Array(payload.dropFirst(4)))
    var decoded: [T] = []
    for index in 0..<count {
      // A fixed-size list keeps its elements' own initial shape (lengths of inner byte strings).
      var element = index < value.count ? value[index] : T()
      try element.fields(&inner)
      decoded.append(element)
    }
    guard inner.position == inner.input.count else {
      throw .trailingBytes(inner.input.count - inner.position)
    }
    value = decoded
  }

  private mutating func take(_ name: StaticString) throws(StateError) -> ArraySlice<UInt8> {
    let expected = "\(name)"
    guard position < input.count else { throw .truncated(field: expected) }
    let labelEnd = position + 1 + Int(input[position])
    guard labelEnd + 4 <= input.count else { throw .truncated(field: expected) }
    let label = input[(position + 1)..<labelEnd]
    guard label.elementsEqual(expected.utf8) else {
      throw .unexpectedField(found: String(decoding: label, as: UTF8.self), expected: expected)
    }
    let size = input[labelEnd..<(labelEnd + 4)].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard size <= input.count - labelEnd - 4 else { throw .truncated(field: expected) }
    position = labelEnd + 4 + size
    return input[(labelEnd + 4)..<position]
  }
}
