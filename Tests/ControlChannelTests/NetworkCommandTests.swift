import Base
import ControlChannel
import HostSystem
import Synchronization
import Testing

@Suite("Network commands") struct NetworkCommandTests {
  @Test func cablesAndForwardsReachTheMachine() throws {
    let client = try ControlBench().connect()
    for request in [
      #"{"command":"forward-add","rule":"tcp::1-:2"}"#,
      #"{"command":"forward-remove","card":"nic0","rule":"tcp::1-:2"}"#,
    ] { #expect(try client.ask(request)["ok"] == true) }
    #expect(try client.ask(#"{"command":"network"}"#)["cards"]?.array?.count == 1)
    client.send(#"{"id":5,"command":"link","state":"down"}"#)
    let messages = [try client.next(), try client.next()]
    #expect(messages.contains { $0?["event"] == "link" } && messages.contains { $0?["id"] == 5 && $0?["ok"] == true })
    #expect(
      client.bench.machine.calls == ["forward nic0 tcp::1-:2 true", "forward nic0 tcp::1-:2 false", "link nic0 false"])
  }

  @Test func traceAndPolicyOfACardChangeWhileTheMachineRuns() throws {
    let client = try ControlBench().connect()
    for request in [
      #"{"command":"trace","card":"nic1","path":"/t"}"#, #"{"command":"trace"}"#,
      #"{"command":"promiscuous","policy":"allow"}"#, #"{"command":"nmi"}"#,
    ] { #expect(try client.ask(request)["ok"] == true) }
    #expect(client.bench.machine.calls == ["trace nic1 /t", "trace nic0 -", "promiscuous nic0 allow", "nmi"])
    #expect(try client.ask(#"{"command":"trace","path":"/nowhere"}"#)["ok"] == false)
    #expect(try client.ask(#"{"command":"promiscuous"}"#)["ok"] == false)
    #expect(try client.ask(#"{"command":"registers"}"#)["registers"]?["rip"] == "0xfff0")
    #expect(try client.ask(#"{"command":"registers","cpu":1}"#)["ok"] == false)
  }

  @Test func mistakesAreExplained() throws {
    let client = try ControlBench().connect()
    for (request, words) in [
      (#"{"command":"link"}"#, "\"state\" is missing"), (#"{"command":"link","state":"on"}"#, "\"up\" or \"down\""),
      (#"{"command":"link","card":"nic9","state":"up"}"#, "no network card"),
      (#"{"command":"forward-add","rule":"bad"}"#, "bad rule"), (#"{"command":"network","x":1}"#, "unknown argument"),
    ] {
      let reply = try client.ask(request)
      #expect(reply["ok"] == false && reply["error"]?.string?.contains(words) == true, "\(request): \(reply.text)")
    }
  }
}

@Suite("Loop waker") struct LoopWakerTests {
  /// Counts what other threads post, as the session does with the machine's events.
  private final class Inbox: LoopSource {
    let posted = Mutex(0)
    var served = 0
    var interests: [PollEntry] { [] }
    var deadline: Int64? { nil }
    func service(_ ready: [PollEntry], now: Int64) {
      served += posted.withLock { count in
        defer { count = 0 }
        return count
      }
    }
  }

  @Test("no wake is lost, however it falls between draining and serving") func noWakeIsLost() throws {
    let waker = try LoopWaker()
    let loop = EventLoop(waker: waker)
    let inbox = Inbox()
    loop.add(inbox)
    let total = 40_000
    let box = Box(inbox)
    let threads = try (0..<2).map { _ in
      try HostThread(name: "poster") {
        for _ in 0..<(total / 2) {
          box.post()
          waker.wake()
        }
      }
    }
    // A lost wake leaves the loop asleep for the whole limit, with something posted.
    var slept = 0
    while inbox.served < total, slept < 3 {
      let before = HostClock.monotonicNanoseconds
      loop.turn(limit: 2_000_000_000)
      if HostClock.monotonicNanoseconds - before > 1_900_000_000 { slept += 1 }
    }
    for thread in threads { thread.join() }
    #expect(inbox.served == total && slept == 0)
  }
  private final class Box: @unchecked Sendable {
    // Only the mutex inside is used from other threads.
    private let inbox: Inbox
    init(_ inbox: Inbox) { self.inbox = inbox }
    func post() { inbox.posted.withLock { $0 += 1 } }
  }
}
