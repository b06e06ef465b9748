/// Plain values that survive a snapshot: no pointers, no host time, no handles.
///
/// `init()` gives the state after power-on. One `fields` method serves saving, loading and listing,
/// so that the three cannot disagree.
public protocol SavedState: Sendable, Equatable {
  init()
  /// Visits every field, by name and in a fixed order, with the range that a loaded value must keep.
  mutating func fields(_ visit: inout some StateVisitor) throws(StateError)
}

/// Why a saved state was refused.
public enum StateError: Error, Equatable {
  case truncated(field: String)
  case unexpectedField(found: String, expected: String)
  case outOfRange(field: String)
  case trailingBytes(Int)
}

/// What `SavedState.fields` talks to: a writer, a reader or a lister.
public protocol StateVisitor {
  /// An integer that must stay inside `range`.
  mutating func field<T: FixedWidthInteger & Sendable>(
    _ name: StaticString, _ value: inout T, in range: ClosedRange<T>) throws(StateError)
  /// A byte string of at most `maximum` bytes.
  mutating func bytes(_ name: StaticString, _ value: inout [UInt8], maximum: Int) throws(StateError)
  /// A nested list of at most `maximum` elements.
  mutating func list<T: SavedState>(_ name: StaticString, _ value: inout [T], maximum: Int) throws(StateError)
}

extension StateVisitor {
  public mutating func field<T: FixedWidthInteger & Sendable>(
    _ name: StaticString, _ value: inout T
  ) throws(StateError) {
    try field(name, &value, in: T.min...T.max)
  }
  public mutating func field(_ name: StaticString, _ value: inout Bool) throws(StateError) {
    var raw: UInt8 = value ? 1 : 0
    try field(name, &raw, in: 0...1)
    value = raw == 1
  }
  public mutating func field(_ name: StaticString, _ value: inout VirtualTime) throws(StateError) {
    try field(name, &value.nanoseconds, in: Int64.min...Int64.max)
  }
  /// An enumeration by its raw value; a raw value without a case is refused.
  public mutating func field<T: RawRepresentable>(
    _ name: StaticString, _ value: inout T
  ) throws(StateError) where T.RawValue: FixedWidthInteger & Sendable {
    var raw = value.rawValue
    try field(name, &raw)
    guard let decoded = T(rawValue: raw) else { throw .outOfRange(field: "\(name)") }
    value = decoded
  }
  /// An optional integer: a flag, then the value (zero when absent).
  public mutating func field<T: FixedWidthInteger & Sendable>(
    _ name: StaticString, _ value: inout T?
  ) throws(StateError) {
    var present = value != nil
    var raw = value ?? 0
    try field(name, &present)
    try field(name, &raw)
    value = present ? raw : nil
  }
  /// An optional time: a flag, then the value (zero when absent).
  public mutating func field(_ name: StaticString, _ value: inout VirtualTime?) throws(StateError) {
    var ns = value?.nanoseconds
    try field(name, &ns)
    value = ns.map { VirtualTime(nanoseconds: $0) }
  }
  /// One nested state.
  public mutating func nested<T: SavedState>(_ name: StaticString, _ value: inout T) throws(StateError) {
    var one = [value]
    try list(name, &one, maximum: 1)
    guard one.count == 1 else { throw .outOfRange(field: "\(name)") }
    value = one[0]
  }
  /// A list whose length never changes.
  public mutating func fixedList<T: SavedState>(_ name: StaticString, _ value: inout [T]) throws(StateError) {
    let count = value.count
    try list(name, &value, maximum: count)
    guard value.count == count else { throw .outOfRange(field: "\(name)") }
  }
  /// A byte string whose length never changes.
  public mutating func fixedBytes(_ name: StaticString, _ value: inout [UInt8]) throws(StateError) {
    let count = value.count
    try bytes(name, &value, maximum: count)
    guard value.count == count else { throw .outOfRange(field: "\(name)") }
  }
  /// Integers of a list whose length never changes.
  public mutating func fixedIntegers<T: FixedWidthInteger & Sendable>(
    _ name: StaticString, _ value: inout [T], in range: ClosedRange<T>
  ) throws(StateError) {
    for index in value.indices { try field(name, &value[index], in: range) }
  }
}
