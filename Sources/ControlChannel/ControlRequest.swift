import Base

/// One line from a client: `{"id": ..., "command": "...", arguments}`.
struct ControlRequest {
  /// Whatever the client sent; it comes back in the reply.
  var id: JSON
  var command: String
  var arguments: ControlArguments

  /// The id of a line as far as it can be told, and what is wrong with it.
  struct Problem: Error {
    var id: JSON
    var text: String
  }

  init(line: [UInt8]) throws(Problem) {
    let value: JSON
    do { value = try JSON(parsing: line) } catch { throw Problem(id: .null, text: "no JSON: \(error)") }
    guard let members = value.members else { throw Problem(id: .null, text: "a request is a JSON object") }
    id = value["id"] ?? .null
    guard let command = value["command"]?.string else {
      throw Problem(id: id, text: "\"command\" must be a string")
    }
    self.command = command
    arguments = ControlArguments(members.filter { $0.key != "id" && $0.key != "command" })
  }
}

/// The arguments of a request. Each is taken once; what is left in the end is a mistake of the client.
struct ControlArguments {
  private var rest: [JSON.Member]
  private var known: [String] = []

  init(_ members: [JSON.Member]) { rest = members }

  private mutating func take(_ name: String) -> JSON? {
    known.append(name)
    guard let index = rest.firstIndex(where: { $0.key == name }) else { return nil }
    let value = rest.remove(at: index).value
    return value == .null ? nil : value
  }

  mutating func string(_ name: String, limit: Int = 65536) throws(ControlError) -> String? {
    guard let value = take(name) else { return nil }
    guard let text = value.string else { throw ControlError("\"\(name)\" must be a string") }
    guard text.utf8.count <= limit else { throw ControlError("\"\(name)\" is longer than \(limit) bytes") }
    return text
  }
  mutating func requiredString(_ name: String, limit: Int = 65536) throws(ControlError) -> String {
    guard let text = try string(name, limit: limit) else { throw ControlError("\"\(name)\" is missing") }
    return text
  }
  mutating func integer(_ name: String, in range: ClosedRange<Int64>) throws(ControlError) -> Int64? {
    guard let value = take(name) else { return nil }
    guard let number = value.integer, range.contains(number) else {
      throw ControlError("\"\(name)\" must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
  mutating func flag(_ name: String) throws(ControlError) -> Bool? {
    guard let value = take(name) else { return nil }
    guard let flag = value.bool else { throw ControlError("\"\(name)\" must be true or false") }
    return flag
  }
  /// A number, or a string like "0xb8000".
  mutating func address(_ name: String) throws(ControlError) -> UInt64 {
    let value = take(name)
    if let number = value?.integer, number >= 0 { return UInt64(number) }
    if let text = value?.string {
      let number = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
      if let number { return number }
    }
    throw ControlError("\"\(name)\" must be an address: a number, or a string such as \"0xb8000\"")
  }
  /// A duration in seconds, as nanoseconds.
  mutating func seconds(_ name: String, default fallback: Double, maximum: Double) throws(ControlError) -> Int64 {
    guard let value = take(name) else { return Int64(fallback * 1e9) }
    guard let number = value.double, number >= 0, number <= maximum else {
      throw ControlError("\"\(name)\" must be a number of seconds from 0 to \(Int(maximum))")
    }
    return Int64(number * 1e9)
  }
  mutating func list(_ name: String, limit: Int) throws(ControlError) -> [JSON]? {
    guard let value = take(name) else { return nil }
    guard let elements = value.array, elements.count <= limit else {
      throw ControlError("\"\(name)\" must be a list of at most \(limit) elements")
    }
    return elements
  }
  mutating func object(_ name: String) throws(ControlError) -> JSON? {
    guard let value = take(name) else { return nil }
    guard value.members != nil else { throw ControlError("\"\(name)\" must be an object") }
    return value
  }
  /// Refuses arguments that nobody asked for.
  func finish() throws(ControlError) {
    guard let extra = rest.first else { return }
    let hint = NearestMatch.find(extra.key, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
    throw ControlError("unknown argument \"\(extra.key)\"\(hint)")
  }
}
