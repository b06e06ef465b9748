import Base
import HostSystem
import Service
import ServiceClient

/// `web`: the pages of the web manager.
enum WebVerb {
  static let verb = Verb(
    "web", usage: "[--port N] [--stop]", "Shows the address of the web manager, and lets it be served."
  ) { words, registry in
    let (_, options) = try words.parse(["port": 1, "stop": 0], words: 0...0)
    let service = ServiceClient(registry.home, program: try Launcher.find("ringboxd"))
    if options.contains(where: { $0.name == "stop" }) {
      try service.request("DELETE", ["web"])
      return .done
    }
    var body: JSON = [:]
    if let text = options.last(where: { $0.name == "port" })?.value {
      guard let port = Int64(text), (1...65535).contains(port) else {
        throw Failure.usage("Invalid --port argument '\(text)'")
      }
      body.set("port", .integer(port))
    }
    let json = try service.request("POST", ["web"], body).json
    return Answer(text: "\(json["url"]?.string ?? "")\n", json: json)
  }

  static let events = Verb(
    "events", usage: "", "Shows what happens to machines, a line of JSON each, until it is interrupted."
  ) { words, registry in
    _ = try words.parse([:], words: 0...0)
    let service = ServiceClient(registry.home, program: try Launcher.find("ringboxd"))
    try service.follow(["events"]) { line in HostStream.standard(1).writeAll(line + [0x0a], milliseconds: 60_000) }
    return .done
  }
}
