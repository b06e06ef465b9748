import Base
import Service
import Testing

@testable import ServiceAPI

/// What clients may send, and what the document says about it.
@Suite struct SchemaTests {
  private let schema = Schema.object([
    Schema.member("name", .text, "A name."), Schema.option("count", .integer(1...8), "A number."),
    Schema.option("kind", .word(["a", "b"]), "A word."), Schema.option("tags", .list(.text), "Words."),
  ])
  private func refusal(_ text: String) throws -> String? {
    do {
      try schema.check(try JSON(parsing: text), "body")
      return nil
    } catch let error as ServiceError {
      #expect(error.code == .invalidArgument)
      return error.text
    }
  }

  @Test func whatFitsIsTaken() throws {
    #expect(try refusal(#"{"name":"x","count":8,"kind":"b","tags":["p","q"]}"#) == nil)
    #expect(try refusal(#"{"name":""}"#) == nil)
  }
  @Test func refusalsNameThePlaceAndTheReason() throws {
    #expect(try refusal("{}") == "body.name is missing")
    #expect(try refusal(#"{"name":"x","count":9}"#) == "body.count must be in range [1, 8]")
    #expect(try refusal(#"{"name":"x","kind":"c"}"#) == "body.kind must be one of: a, b")
    #expect(try refusal(#"{"name":"x","tags":["p",1]}"#) == "body.tags[1] is of the wrong type")
    #expect(try refusal(#"{"name":"x","cont":1}"#) == "body has no member 'cont'; did you mean 'count'?")
    #expect(try refusal("[]") == "body is of the wrong type")
  }
  @Test func uuidsAreChecked() throws {
    try Schema.uuid.check("6b8f2c1e-0000-4000-8000-0123456789ab", "id")
    #expect(throws: ServiceError.self) { try Schema.uuid.check("6b8f2c1e-0000-4000-8000-0123456789a", "id") }
    #expect(throws: ServiceError.self) { try Schema.uuid.check("6b8f2c1e-0000-4000-8000-0123456789éb", "id") }
  }
  /// Patterns in the document and what is checked say the same.
  @Test func textsHaveShapes() throws {
    let cases: [(Schema, fits: [String], not: [String])] = [
      (.name, ["a", "two words", "ü"], ["", "a\u{1}b", "a\n", "\u{7f}"]),
      (.path, ["/", "/a b/c", "/a\nb"], ["", "a", "./a", "/a\u{0}"]),
      (.address, ["0.0.0.0", "10.0.2.15", "255.255.255.255"], ["", "10.0.2", "10.0.2.256", "10.0.2.15\n", "a.b.c.d"]),
      (.network, ["10.0.2.0/24", "1.2.3.4/30"], ["10.0.2.0", "10.0.2.0/0", "10.0.2.0/31", "10.0.2.0/24 "]),
    ]
    for (schema, fits, not) in cases {
      let pattern = try Regex(try #require(schema.json["pattern"]?.string))
      for text in fits {
        try schema.check(.string(text), "x")
        #expect(text.unicodeScalars.count == 0 || (try? pattern.wholeMatch(in: text)) != nil, "\(text)")
      }
      for text in not {
        #expect(throws: ServiceError.self, "\(text)") { try schema.check(.string(text), "x") }
        #expect((try? pattern.wholeMatch(in: text)) == nil, "\(text)")
      }
    }
  }
  @Test func numbersWithoutAFractionAreIntegers() throws {
    let value = Schema.normal(try JSON(parsing: #"{"a":100.0,"b":[1e3,1.5,-0.0],"c":1e300}"#))
    #expect(value == (try JSON(parsing: #"{"a":100,"b":[1000,1.5,0],"c":1e300}"#)))
    try schema.check(Schema.normal(try JSON(parsing: #"{"name":"x","count":8.0}"#)), "body")
  }
}

/// Paths to operations.
@Suite struct RouterTests {
  private func request(_ method: String, _ target: String) -> (String, APIRequest)? {
    guard case .route(let route, let request) = Router.find(method, target) else { return nil }
    return (route.id, request)
  }

  @Test func placeholdersAndQueriesAreDecoded() {
    let found = request("DELETE", "/api/v1/machines/my%20machine%2F1?delete=true&x=a+b%21")
    #expect(found?.0 == "unregisterMachine")
    #expect(found?.1.path == ["machine": "my machine/1"])
    #expect(found?.1.query == ["delete": "true", "x": "a b!"])
  }
  @Test func fixedSegmentsComeBeforePlaceholders() {
    #expect(request("GET", "/api/v1/media/info?path=/x")?.0 == "showImage")
    #expect(request("POST", "/api/v1/machines/register")?.0 == "registerMachine")
  }
  @Test func otherMethodsAreNamed() {
    guard case .otherMethods(let methods) = Router.find("PUT", "/api/v1/machines") else {
      Issue.record("no methods")
      return
    }
    #expect(methods == ["GET", "POST"])
  }
  @Test(arguments: [
    "/", "/api", "/api/v2/machines", "/api/v1/nothing", "/api/v1/machines/%", "/api/v1/machines/%zz",
    "/api/v1/machines/%ff", "/api/v1/machines/a/b/c/d/e/f/g/h",
  ])
  func otherPathsLeadNowhere(_ target: String) {
    guard case .nothing = Router.find("GET", target) else {
      Issue.record("found something")
      return
    }
  }
}

/// The document is made from the routes: what it says must hold together.
@Suite struct OpenAPITests {
  @Test func everyOperationIsThereOnce() throws {
    let ids = Route.all.map(\.id)
    #expect(Set(ids).count == ids.count)
    var found: [String] = []
    for path in try #require(OpenAPI.document["paths"]?.members) {
      for operation in try #require(path.value.members) {
        found.append(try #require(operation.value["operationId"]?.string))
        let names = (operation.value["parameters"]?.array ?? []).filter { $0["in"] == "path" }.compactMap {
          $0["name"]?.string
        }
        let wanted = path.key.split(separator: "/").filter { $0.hasPrefix("{") }.map {
          String($0.dropFirst().dropLast())
        }
        #expect(names == wanted, "\(path.key)")
      }
    }
    #expect(found.sorted() == ids.sorted())
  }
  @Test func everyReferenceLeadsSomewhere() throws {
    let schemas = try #require(OpenAPI.document["components"]?["schemas"]?.members).map(\.key)
    func check(_ json: JSON) {
      for member in json.members ?? [] {
        if member.key == "$ref", let target = member.value.string, target.hasPrefix("#/components/schemas/") {
          #expect(schemas.contains(String(target.dropFirst("#/components/schemas/".count))), "\(target)")
        }
        check(member.value)
      }
      for element in json.array ?? [] { check(element) }
    }
    check(OpenAPI.document)
  }
}
