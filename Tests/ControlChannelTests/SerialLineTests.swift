import Base
import ControlChannel
import Glibc
import HostSystem
import Testing

@Suite("serial lines") struct SerialLineTests {
  private func pipes() -> (read: HostStream, write: HostStream) {
    var ends: [Int32] = [0, 0]
    _ = pipe(&ends)
    for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    return (HostStream(ends[0]), HostStream(ends[1]))
  }

  @Test func outputIsBatchedAndComplete() throws {
    let waker = try LoopWaker()
    let loop = EventLoop(waker: waker)
    let line = SerialLine(name: "serial0", waker: waker)
    let (read, write) = pipes()
    line.attach(.streams(input: nil, output: write))
    loop.add(line)
    for byte in "hello, world".utf8 { line.transmit([byte]) }
    for _ in 0..<4 { loop.turn(limit: 2_000_000) }
    #expect(read.read(upTo: 100) == .bytes(Array("hello, world".utf8)))
  }

  @Test func stuckReaderLosesOutputButNeverHoldsUpTheGuest() throws {
    let waker = try LoopWaker()
    let loop = EventLoop(waker: waker)
    let line = SerialLine(name: "serial0", waker: waker)
    let (read, write) = pipes()
    line.attach(.streams(input: nil, output: write))
    loop.add(line)
    let chunk = [UInt8](repeating: 0x55, count: 65536)
    for _ in 0..<32 {
      line.transmit(chunk)
      loop.turn(limit: 100_000)
    }
    #expect(line.dropped > 0)
    #expect(line.end == 32 * 65536)
    // Once it reads again, what was kept arrives.
    var received = 0
    for _ in 0..<200 {
      if case .bytes(let bytes) = read.read(upTo: 1 << 20) { received += bytes.count }
      loop.turn(limit: 2_000_000)
    }
    #expect(Int64(received) + line.dropped == line.end)
  }

  @Test func readerThatHasGoneHoldsUpNobody() throws {
    signal(SIGPIPE, SIG_IGN)  // as ringbox-vm does
    let line = SerialLine(name: "serial0", waker: try LoopWaker())
    do {
      let (read, write) = pipes()
      line.attach(.streams(input: nil, output: write))
      withExtendedLifetime(read) {}
    }
    // Before, writing to nobody was tried for ever, and the loop came to nothing else, signals included.
    line.transmit(Array("more".utf8))
    line.flush()
    line.transmit(Array("and more".utf8))
    line.flush(milliseconds: 1)
    #expect(line.deadline == nil)
  }

  @Test func endOfInputLeavesTheLineUp() throws {
    let waker = try LoopWaker()
    let loop = EventLoop(waker: waker)
    let line = SerialLine(name: "serial0", waker: waker)
    let taken = Taken()
    line.connect { taken.add($0) }
    let (output, outputEnd) = pipes()
    do {
      let (read, write) = pipes()
      line.attach(.streams(input: read, output: outputEnd))
      _ = write.write(Array("ls\n".utf8)[...])
    }
    loop.add(line)
    for _ in 0..<4 { loop.turn(limit: 2_000_000) }
    #expect(taken.bytes == Array("ls\n".utf8))
    line.transmit([0x41])
    for _ in 0..<4 { loop.turn(limit: 2_000_000) }
    #expect(output.read(upTo: 10) == .bytes([0x41]))
  }

  @Test func tcpClientsComeAndGo() throws {
    let waker = try LoopWaker()
    let loop = EventLoop(waker: waker)
    let line = SerialLine(name: "serial0", waker: waker)
    let taken = Taken()
    line.connect { taken.add($0) }
    let path = "/tmp/ringbox-line-\(getpid())"
    defer { HostFiles.remove(path) }
    line.attach(.listener(try HostSocket.listenLocal(path)))
    loop.add(line)
    for round in 1...2 {
      let client = try HostSocket.connectLocal(path)
      _ = client.write(Array("in\(round)".utf8)[...])
      for _ in 0..<4 { loop.turn(limit: 2_000_000) }
      line.transmit(Array("out\(round)".utf8))
      for _ in 0..<4 { loop.turn(limit: 2_000_000) }
      #expect(client.read(upTo: 10) == .bytes(Array("out\(round)".utf8)))
    }
    #expect(taken.bytes == Array("in1in2".utf8))
  }

  @Test func pseudoTerminalCarriesBytesUnchanged() throws {
    let waker = try LoopWaker()
    let loop = EventLoop(waker: waker)
    let line = SerialLine(name: "serial0", waker: waker)
    let taken = Taken()
    line.connect { taken.add($0) }
    let terminal = try PseudoTerminal()
    line.attach(.pseudoTerminal(terminal))
    loop.add(line)
    let user = HostStream(open(terminal.path, O_RDWR | O_NOCTTY | O_NONBLOCK))
    _ = user.write([0x03, 0x0d, 0x41][...])
    line.transmit([0x0a, 0x42])
    for _ in 0..<5 { loop.turn(limit: 2_000_000) }
    #expect(taken.bytes == [0x03, 0x0d, 0x41])
    #expect(user.read(upTo: 10) == .bytes([0x0a, 0x42]))
  }

  @Test func scrollbackKeepsTheNewest() {
    var ring = Scrollback(capacity: 8)
    ring.append(Array("abcdef".utf8))
    ring.append(Array("ghij".utf8))
    #expect(ring.start == 2)
    #expect(ring.read(from: 0).bytes == Array("cdefghij".utf8))
    #expect(ring.read(from: 9, limit: 5).bytes == [0x6a])
    #expect(ring.find(Array("hi".utf8), from: 0) == 9)
    #expect(ring.find(Array("hi".utf8), from: 8) == nil)
    #expect(ring.find(Array("ab".utf8), from: 0) == nil)
    ring.append(Array("0123456789".utf8))
    #expect(ring.read(from: 0).bytes == Array("23456789".utf8))
  }

  @Test func escapeKey() {
    var escape = TerminalEscape()
    #expect(escape.feed([0x61, 0x01]) == [.input([0x61])])
    #expect(escape.feed([0x61, 0x62]) == [.input([0x01, 0x62])])
    #expect(escape.feed([0x01, 0x68, 0x63]) == [.help, .input([0x63])])
    #expect(escape.feed([0x01, 0x78]) == [.quit])
    #expect(escape.feed([0x01, 0x7a]) == [.input([0x7a])])
  }

  @Test func byteTexts() {
    #expect(ByteText.base64([]) == "")
    #expect(ByteText.base64(Array("a".utf8)) == "YQ==")
    #expect(ByteText.base64(Array("ab".utf8)) == "YWI=")
    #expect(ByteText.base64(Array("abc".utf8)) == "YWJj")
    #expect(ByteText.hex([0x0f, 0xa0]) == "0fa0")
    #expect(ByteText.bytes(hex: "0F a0") == [0x0f, 0xa0])
    #expect(ByteText.bytes(hex: "0g") == nil)
    #expect(ByteText.bytes(hex: "012") == nil)
  }
}
