import Base
import ControlChannel
import Glibc
import HostSystem
import Synchronization
import Testing

/// A control server with its loop, turned by the test itself.
final class ControlBench {
  let machine = FakeMachine()
  let loop: EventLoop
  let serial: SerialLine
  let server: ControlServer
  let path: String
  let quits = Mutex(0)

  init() throws {
    path = "/tmp/ringbox-control-\(getpid())-\(UInt32.random(in: 0...(.max)))"
    let waker = try LoopWaker()
    loop = EventLoop(waker: waker)
    serial = SerialLine(name: "serial0", waker: waker)
    let counter = Counter()
    server = try ControlServer(path: path, machine: machine, lines: [serial]) { counter.value += 1 }
    self.counter = counter
    loop.add(serial)
    loop.add(server)
  }
  deinit { server.close() }

  final class Counter { var value = 0 }
  let counter: Counter

  func connect() throws -> BenchClient { BenchClient(try HostSocket.connectLocal(path), self) }

  /// Turns the loop until `condition` holds.
  func turn(until condition: () -> Bool, seconds: Double = 5) -> Bool {
    let end = HostClock.monotonicNanoseconds + Int64(seconds * 1e9)
    while !condition() {
      guard HostClock.monotonicNanoseconds < end else { return false }
      loop.turn(limit: 1_000_000)
    }
    return true
  }
}

final class BenchClient {
  let stream: HostStream
  let bench: ControlBench
  var input: [UInt8] = []
  var hasEnded = false

  init(_ stream: HostStream, _ bench: ControlBench) {
    self.stream = stream
    self.bench = bench
  }

  func send(_ text: String) { _ = stream.write(Array((text + "\n").utf8)[...]) }

  func pump() {
    while true {
      switch stream.read(upTo: 65536) {
      case .bytes(let bytes): input += bytes
      case .end, .failed:
        hasEnded = true
        return
      case .wouldBlock: return
      }
    }
  }
  func next() throws -> JSON? {
    _ = bench.turn(until: {
      pump()
      return input.contains(10) || hasEnded
    })
    guard let end = input.firstIndex(of: 10) else { return nil }
    let line = Array(input[..<end])
    input.removeFirst(end + 1)
    return try JSON(parsing: line)
  }
  func ask(_ text: String) throws -> JSON {
    send(text)
    return try #require(try next())
  }
}
