import Base
import Testing

/// Commands that other threads answer.
@Suite("saved states over the control channel") struct SavedStateCommandTests {
  @Test func progressComesBeforeTheReply() throws {
    let client = try ControlBench().connect()
    #expect(
      try client.ask(#"{"id":1,"command":"save-state","path":"/a"}"#).text
        == #"{"event":"progress","command":"save-state","percent":50}"#)
    #expect(try client.next()?.text == #"{"id":1,"ok":true,"path":"/a"}"#)
    _ = try client.ask(#"{"id":2,"command":"save-state","path":"/full"}"#)
    #expect(try client.next()?.text == #"{"id":2,"ok":false,"error":"no space"}"#)
    #expect(client.bench.machine.calls == ["save /a", "save /full"])
  }
  @Test func snapshotsNameTheirImages() throws {
    let client = try ControlBench().connect()
    #expect(try client.ask(#"{"command":"snapshot-prepare","images":[{"drive":"disk0"}]}"#)["ok"] == true)
    #expect(try client.ask(#"{"command":"snapshot","path":"/s","images":[]}"#)["path"] == "/s")
    #expect(client.bench.machine.calls == ["prepare 1", "snapshot /s 0"])
    #expect(try client.ask(#"{"command":"snapshot"}"#)["error"]?.string == "\"path\" is missing")
    #expect(try client.ask(#"{"command":"save-state","path":"/a","x":1}"#)["ok"] == false)
  }
  @Test func imagesAreMerged() throws {
    let client = try ControlBench().connect()
    #expect(try client.ask(#"{"command":"merge","parent":"/a","path":"/b"}"#)["inUse"] == true)
    #expect(try client.ask(#"{"command":"merge","parent":"/a","path":"/a"}"#)["error"]?.string == "the same image")
    #expect(try client.ask(#"{"command":"merge","parent":"/a"}"#)["error"]?.string == "\"path\" is missing")
    #expect(client.bench.machine.calls == ["merge /a /b", "merge /a /a"])
  }
}
