import Base
import Service

/// One operation of the API. Router, checks and the OpenAPI document are made from the same list of them.
public struct Route: Sendable {
  /// As the request line has it.
  public enum Method: String, Sendable {
    case get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE"
  }
  /// Who answers.
  public enum Action: Sendable {
    case call(@Sendable (MachineService, APIRequest) throws(ServiceError) -> APIResponse)
    /// Lines of JSON, for as long as the client listens.
    case eventStream
    /// The same by WebSocket.
    case eventSocket
    /// The machine's screen: the RFB protocol by WebSocket.
    case displaySocket
    /// A serial port of the machine by WebSocket.
    case serialSocket
    /// Pages on a TCP port: begun or ended by whoever listens there.
    case web(isOpen: Bool)
  }
  /// What an answer holds.
  public enum Result: Sendable {
    case nothing
    case json(Schema)
    case data(String)
    /// Long work: a task.
    case task
  }
  /// A parameter behind the question mark.
  public struct Parameter: Sendable {
    var name: String
    var schema: Schema
    var text: String
    var isRequired = false
  }

  /// Of the request.
  public var method: Method
  /// Segments below the API's root; `{name}` takes any one segment.
  public var path: [String]
  /// A name in camel case, unique.
  public var id: String
  /// Groups operations in the document.
  public var tag: String
  /// A sentence for people.
  public var summary: String
  /// What may stand behind the question mark.
  public var query: [Parameter] = []
  /// Shape of the body; nil: there is none.
  public var body: Schema?
  /// A body may be left out.
  public var isBodyOptional = false
  /// Shape of the answer.
  public var result: Result
  /// Who answers.
  public var action: Action

  init(
    _ method: Method, _ path: String, _ id: String, _ tag: String, _ summary: String, _ result: Result,
    _ action: Action
  ) {
    self.method = method
    self.path = path.split(separator: "/").map(String.init)
    self.id = id
    self.tag = tag
    self.summary = summary
    self.result = result
    self.action = action
  }
  /// An operation that is carried out here.
  init(
    _ method: Method, _ path: String, _ id: String, _ tag: String, _ summary: String, _ result: Result,
    _ body: @escaping @Sendable (MachineService, APIRequest) throws(ServiceError) -> APIResponse
  ) {
    self.init(method, path, id, tag, summary, result, .call(body))
  }
  func taking(_ schema: Schema, optional: Bool = false) -> Route {
    var copy = self
    copy.body = schema
    copy.isBodyOptional = optional
    return copy
  }
  func asking(_ name: String, _ schema: Schema, _ text: String) -> Route {
    var copy = self
    copy.query.append(Parameter(name: name, schema: schema, text: text))
    return copy
  }
  func requiring(_ name: String, _ schema: Schema, _ text: String) -> Route {
    var copy = self
    copy.query.append(Parameter(name: name, schema: schema, text: text, isRequired: true))
    return copy
  }

  /// The values of the path's placeholders, if the path fits.
  func match(_ segments: [String]) -> [String: String]? {
    guard segments.count == path.count else { return nil }
    var values: [String: String] = [:]
    for (pattern, segment) in zip(path, segments) {
      if pattern.hasPrefix("{") {
        values[String(pattern.dropFirst().dropLast())] = segment
      } else if pattern != segment {
        return nil
      }
    }
    return values
  }
  /// Status of an answer without an error.
  public var status: Int {
    switch result {
    case .nothing: 204
    case .task: 202
    default: 200
    }
  }

  /// Every operation, in the order of the document.
  public static let all: [Route] =
    service + web + machines + power + console + storage + network + snapshots + appliances + media + networks
    + networkServices + data + usb + inspection + tasks
}

/// A request that was matched with a route.
public struct APIRequest: Sendable {
  /// Values of the path's placeholders.
  public var path: [String: String] = [:]
  /// Values behind the question mark.
  public var query: [String: String] = [:]
  /// null: there was none.
  public var body: JSON = .null

  /// The placeholder of this name; routes only ask for what is in their path.
  func name(_ key: String) -> String { path[key] ?? "" }
  func text(_ key: String) -> String? { body[key]?.string }
  func flag(_ key: String) -> Bool? { body[key]?.bool }
  func integer(_ key: String) -> Int? { body[key]?.integer.map { Int(clamping: $0) } }
  func asked(_ key: String) throws(ServiceError) -> Bool {
    guard let text = query[key] else { return false }
    guard let flag = MachineOption.flag(text) else {
      throw ServiceError(.invalidArgument, "Invalid value of \(key): '\(text)'")
    }
    return flag
  }
  /// A whole number behind the question mark.
  func number(_ key: String, _ range: ClosedRange<Int>) throws(ServiceError) -> Int? {
    guard let text = query[key] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw ServiceError(.invalidArgument, "Invalid value of \(key): '\(text)'")
    }
    return number
  }
  /// A place in the path, as in `/ports/0`.
  func place(_ key: String, below limit: Int = 256) throws(ServiceError) -> Int {
    guard let number = Int(name(key)), (0..<limit).contains(number) else {
      throw ServiceError(.invalidArgument, "Invalid \(key) '\(name(key))'")
    }
    return number
  }
  /// A file's name: the service has no working directory that clients know.
  func file(_ key: String) throws(ServiceError) -> String? {
    guard let path = body[key]?.string else { return nil }
    return try APIRequest.absolute(path)
  }
  static func absolute(_ path: String) throws(ServiceError) -> String {
    guard path.hasPrefix("/"), !path.utf8.contains(0) else {
      throw ServiceError(.invalidArgument, "'\(path)' is no absolute path")
    }
    return Paths.absolute(path)
  }
}

/// What goes back to the client.
public enum APIResponse: Sendable {
  case nothing
  case json(JSON)
  /// Something else than JSON, and its media type.
  case data(String, [UInt8])
}

/// Finds the route of a request.
public enum Router {
  /// Where all paths begin.
  public static let root = ["api", "v1"]

  /// What a path leads to.
  public enum Found: Sendable {
    case route(Route, APIRequest)
    /// The path is there, but not for this method.
    case otherMethods([String])
    case nothing
  }
  /// `target` as it stands in the request line.
  public static func find(_ method: String, _ target: String) -> Found {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let segments = segments(parts.first ?? ""), segments.starts(with: root) else { return .nothing }
    let rest = Array(segments.dropFirst(root.count))
    var allowed: [String] = []
    for route in Route.all {
      guard let values = route.match(rest) else { continue }
      allowed.append(route.method.rawValue)
      guard route.method.rawValue == method else { continue }
      var request = APIRequest()
      request.path = values
      request.query = query(parts.count > 1 ? parts[1] : "")
      return .route(route, request)
    }
    return allowed.isEmpty ? .nothing : .otherMethods(allowed)
  }
  static func segments(_ path: Substring) -> [String]? {
    var segments: [String] = []
    for part in path.split(separator: "/") {
      guard let text = decoded(part, plusIsSpace: false) else { return nil }
      segments.append(text)
    }
    return segments
  }
  private static func query(_ text: Substring) -> [String: String] {
    var values: [String: String] = [:]
    for pair in text.split(separator: "&").prefix(64) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let key = decoded(parts[0], plusIsSpace: true) else { continue }
      values[key] = parts.count > 1 ? decoded(parts[1], plusIsSpace: true) : ""
    }
    return values
  }
  /// nil when the escapes are broken or stand for no UTF-8.
  static func decoded(_ text: Substring, plusIsSpace: Bool) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "+"), plusIsSpace {
        bytes.append(0x20)
      } else if byte == UInt8(ascii: "%") {
        let digits = String(decoding: rest.prefix(2), as: UTF8.self)
        guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16) else {
          return nil
        }
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
