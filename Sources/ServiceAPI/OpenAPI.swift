import Base
import Service

/// The OpenAPI 3.1 document, made from the routes.
public enum OpenAPI {
  /// All of it.
  public static let document: JSON = {
    var paths: [JSON.Member] = []
    for route in Route.all {
      let path = "/" + route.path.joined(separator: "/")
      let method = route.method.rawValue.lowercased()
      if let index = paths.firstIndex(where: { $0.key == path }) {
        paths[index].value.set(method, operation(route))
      } else {
        paths.append(JSON.Member(path, .object([JSON.Member(method, operation(route))])))
      }
    }
    let schemas = Schemas.all.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value.json) }
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "Ringbox", "version": .string(ServiceVersion.text),
        "summary": "Virtual machines of one user",
        "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
      ],
      "servers": [["url": "/api/v1"]],
      "security": [[:], ["token": []]],
      "tags": .array(tags.map { ["name": .string($0)] }),
      "paths": .object(paths),
      "components": [
        "schemas": .object(schemas),
        "responses": [
          "Failure": [
            "description": "The request was not carried out; the text says why.",
            "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Failure"]]],
          ]
        ],
        "securitySchemes": [
          "token": ["type": "http", "scheme": "bearer", "description": "Over TCP only."]
        ],
      ],
    ]
  }()

  private static var tags: [String] {
    Route.all.reduce(into: []) { tags, route in if !tags.contains(route.tag) { tags.append(route.tag) } }
  }

  private static func operation(_ route: Route) -> JSON {
    var json: JSON = [
      "operationId": .string(route.id), "tags": [.string(route.tag)], "summary": .string(route.summary),
    ]
    var parameters: [JSON] = route.path.filter { $0.hasPrefix("{") }.map { segment in
      let name = String(segment.dropFirst().dropLast())
      return ["name": .string(name), "in": "path", "required": true, "schema": shape(ofPlaceholder: name).json]
    }
    for parameter in route.query {
      parameters.append([
        "name": .string(parameter.name), "in": "query", "required": .bool(parameter.isRequired),
        "description": .string(parameter.text), "schema": parameter.schema.json,
      ])
    }
    if !parameters.isEmpty { json.set("parameters", .array(parameters)) }
    if let body = route.body {
      json.set(
        "requestBody",
        [
          "required": .bool(!route.isBodyOptional), "content": ["application/json": ["schema": body.json]],
        ])
    }
    json.set("responses", responses(route))
    return json
  }
  private static func shape(ofPlaceholder name: String) -> Schema {
    switch name {
    case "port", "device", "log": .integer(0...255)
    case "adapter": .integer(1...8)
    case "filter": .integer(0...Int64(Route.filterLimit - 1))
    case "scope": DHCPScope.pattern
    case "address": .address
    case "address6": .pattern(LoopbackMapping.address6, "an address of IPv6")
    default: .name
    }
  }
  private static func responses(_ route: Route) -> JSON {
    var responses: JSON = [:]
    func content(_ type: String, _ schema: JSON) -> JSON {
      ["description": "Done.", "content": .object([JSON.Member(type, ["schema": schema])])]
    }
    switch (route.action, route.result) {
    case (.eventStream, _):
      responses.set("200", content("application/x-ndjson", ["$ref": "#/components/schemas/Event"]))
    case (.eventSocket, _), (.displaySocket, _), (.serialSocket, _):
      responses.set("101", ["description": "The connection is a WebSocket now."])
    case (_, .nothing): responses.set("204", ["description": "Done."])
    case (_, .json(let schema)): responses.set("200", content("application/json", schema.json))
    case (_, .task): responses.set("202", content("application/json", Schema.named("Task").json))
    case (_, .data(let type)): responses.set("200", content(type, ["type": "string"]))
    }
    responses.set("default", ["$ref": "#/components/responses/Failure"])
    return responses
  }
}
