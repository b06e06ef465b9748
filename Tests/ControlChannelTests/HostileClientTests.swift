import Base
import ControlChannel
import Glibc
import HostSystem
import Synchronization
import Testing

final class Taken: Sendable {
  private let store = Mutex<[UInt8]>([])
  var bytes: [UInt8] { store.withLock { $0 } }
  func add(_ new: [UInt8]) -> Int {
    store.withLock { $0 += new }
    return new.count
  }
}

@Suite("hostile control clients") struct HostileClientTests {
  @Test func overlongLineEndsTheConnection() throws {
    let bench = try ControlBench()
    let client = try bench.connect()
    let junk = [UInt8](repeating: 0x20, count: 65536)
    let closed = bench.turn(until: {
      _ = client.stream.write(junk[...])
      client.pump()
      return client.hasEnded
    })
    #expect(closed)
    #expect(String(decoding: client.input, as: UTF8.self).contains("1048576 bytes"))
  }

  @Test func tooManyClientsAreRefused() throws {
    let bench = try ControlBench()
    var clients: [BenchClient] = []
    for _ in 0..<ControlServer.clientLimit {
      let client = try bench.connect()
      _ = try client.ask(#"{"command":"status"}"#)
      clients.append(client)
    }
    let extra = try bench.connect()
    #expect(try extra.next()?["event"] == "refused")
    #expect(try extra.next() == nil)
    #expect(try clients[3].ask(#"{"command":"status"}"#)["ok"] == true)
    clients.removeFirst()
    for _ in 0..<3 { bench.loop.turn(limit: 1_000_000) }
    #expect(try bench.connect().ask(#"{"command":"status"}"#)["ok"] == true)
  }

  @Test func clientThatReadsNothingIsStoppedAndOthersAreServed() throws {
    let bench = try ControlBench()
    let deaf = try bench.connect()
    let other = try bench.connect()
    for _ in 0..<8 {
      deaf.send(#"{"command":"read-memory","address":0,"count":262144}"#)
      bench.loop.turn(limit: 100_000)
    }
    #expect(try other.ask(#"{"command":"status"}"#)["ok"] == true)
    // Events that the deaf client does not read pile up to the limit, then it is cut off.
    let long = String(repeating: "x", count: 1 << 20)
    for _ in 0..<20 {
      bench.server.broadcast("noise", [("text", .string(long))])
      while case .some(let event) = try other.next(), event["event"] != "noise" {}
    }
    let gone = bench.turn(until: {
      deaf.pump()
      return deaf.hasEnded
    })
    #expect(gone)
  }

  @Test func abandonedRequestsDoNoHarm() throws {
    let bench = try ControlBench()
    do {
      let client = try bench.connect()
      client.send(#"{"command":"wait-for-text","text":"never"}"#)
      client.send(#"{"command":"type","text":"abc"}"#)
      bench.loop.turn(limit: 1_000_000)
    }
    for _ in 0..<20 { bench.loop.turn(limit: 2_000_000) }
    #expect(try bench.connect().ask(#"{"command":"status"}"#)["ok"] == true)
  }

  @Test func waitsAreLimited() throws {
    let client = try ControlBench().connect()
    for _ in 0..<33 { client.send(#"{"command":"wait-for-text","text":"never"}"#) }
    #expect(try client.next()?["error"]?.string?.contains("32 waits") == true)
  }

  @Test func socketIsPrivateStaleOnesAreReplacedAndLiveOnesKept() throws {
    let path = "/tmp/ringbox-socket-\(getpid())"
    defer { HostFiles.remove(path) }
    do {
      let first = try HostSocket.listenLocal(path)
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
      #expect(throws: SystemCallError(call: "bind", code: EADDRINUSE)) { try HostSocket.listenLocal(path) }
      withExtendedLifetime(first) {}
    }
    // The listener is closed, its file stays behind.
    _ = try HostSocket.listenLocal(path)
    HostFiles.remove(path)
    _ = try HostStream.outputFile(path)
    #expect(throws: SystemCallError(call: "bind", code: EEXIST)) { try HostSocket.listenLocal(path) }
  }
}
