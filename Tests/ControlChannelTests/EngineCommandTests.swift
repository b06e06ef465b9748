import Base
import Testing

@Suite("engine commands") struct EngineCommandTests {
  @Test func rangesReachTheMachine() throws {
    let client = try ControlBench().connect()
    let reply = try client.ask(#"{"command":"dump-code","range":"0x1000+16","limit":5}"#)
    #expect(reply["text"] == "0x1000-0x100f 5" && reply["more"] == 3)
    #expect(try client.ask(#"{"command":"engine-statistics"}"#)["cpus"]?.array?.first?["engine"] == "recompiler")
  }
  @Test func mistakesAreExplained() throws {
    let client = try ControlBench().connect()
    for (request, words) in [
      (#"{"command":"dump-code"}"#, "\"range\" is missing"), (#"{"command":"dump-code","range":"x"}"#, "START-END"),
      (#"{"command":"dump-code","range":"1","cpu":7}"#, "no processor 7"),
      (#"{"command":"dump-code","range":"1","limit":0}"#, "\"limit\""),
      (#"{"command":"engine-statistics","cpu":0}"#, "unknown argument"),
    ] {
      let reply = try client.ask(request)
      #expect(reply["ok"] == false && reply["error"]?.string?.contains(words) == true, "\(request): \(reply.text)")
    }
  }
}
