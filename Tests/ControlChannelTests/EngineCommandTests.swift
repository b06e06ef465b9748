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
  @Test func registersAreSetByName() throws {
    let client = try ControlBench().connect()
    #expect(try client.ask(#"{"command":"set-registers","registers":{"RAX":"0xff","rip":16}}"#)["ok"] == true)
    #expect(client.bench.machine.calls == ["set rax=255 rip=16"])
    for (request, words) in [
      (#"{"command":"set-registers"}"#, "\"registers\" is missing"),
      (#"{"command":"set-registers","registers":{"rax":"x"}}"#, "\"rax\" must be an address"),
      (#"{"command":"set-registers","cpu":1,"registers":{"rax":1}}"#, "no processor 1"),
      (#"{"command":"set-registers","registers":[]}"#, "must be an object"),
    ] {
      let reply = try client.ask(request)
      #expect(reply["error"]?.string?.contains(words) == true, "\(request): \(reply.text)")
    }
  }
  @Test func groupsOfTheLogAreSwitched() throws {
    let client = try ControlBench().connect()
    #expect(try client.ask(#"{"command":"log-groups"}"#)["settings"] == "")
    let reply = try client.ask(#"{"command":"log-groups","settings":"-all +dev_ahci.e.l2;rtc*"}"#)
    #expect(reply["settings"] == "-all +ahci +rtc*")
    let groups = client.bench.machine.logGroups.withLock { $0 }
    #expect(groups.tells("ahci") && groups.tells("rtc2") && !groups.tells("nic0"))
    #expect(try client.ask(#"{"command":"log-groups","settings":"-ahci"}"#)["settings"] == "-all +rtc* -ahci")
    #expect(try client.ask(#"{"command":"log-groups","settings":"+all"}"#)["settings"] == "+all")
    #expect(try client.ask(#"{"command":"log-groups","settings":"+a/b"}"#)["error"] == "'+a/b' names no group")
    let many = (0..<300).map { "g\($0)" }.joined(separator: " ")
    #expect(try client.ask("{\"command\":\"log-groups\",\"settings\":\"\(many)\"}")["ok"] == false)
  }
}
