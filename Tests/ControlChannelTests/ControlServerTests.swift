import Base
import Glibc
import HostSystem
import Testing

@testable import ControlChannel

@Suite("control server") struct ControlServerTests {
  @Test func repliesCarryTheIdOfTheRequest() throws {
    let client = try ControlBench().connect()
    #expect(
      try client.ask(#"{"id":[1,"x"],"command":"status"}"#).text
        == #"{"id":[1,"x"],"ok":true,"state":"running","leds":{"scrollLock":false,"numLock":false,"capsLock":false}}"#)
    #expect(try client.ask(#"{"command":"reset"}"#).text == #"{"id":null,"ok":true}"#)
    #expect(client.bench.machine.calls == ["reset"])
  }

  @Test func mistakesAreExplained() throws {
    let client = try ControlBench().connect()
    let cases = [
      ("{", "no JSON"), ("[]", "JSON object"), (#"{"id":1}"#, "\"command\" must be"),
      (#"{"command":"sreenshot"}"#, "did you mean 'screenshot'"),
      (#"{"command":"keys","keys":["ctrl-delte"]}"#, "unknown key in 'ctrl-delte'"),
      (#"{"command":"type","text":"b","intervall":1}"#, "did you mean \"interval\""),
      (#"{"command":"type","text":"é"}"#, "no key types 'é'"),
      (#"{"command":"power-button"}"#, "the machine is off"),
      (#"{"command":"read-memory","address":65536}"#, "no memory at 0x10000"),
      (#"{"command":"read-memory","address":0,"count":1000000000}"#, "from 1 to 262144"),
      (#"{"command":"read-memory","address":-1}"#, "must be an address"),
      (#"{"command":"serial-read","port":"serial9"}"#, "there are: serial0"),
      (#"{"command":"device-info","name":"rtx"}"#, "did you mean 'rtc'"),
      (#"{"command":"scancodes","codes":[256]}"#, "list of bytes"),
      (#"{"command":"mouse","buttons":["top"]}"#, "left"),
    ]
    for (request, words) in cases {
      let reply = try client.ask(request)
      #expect(reply["ok"] == false, "\(request)")
      #expect(reply["error"]?.string?.contains(words) == true, "\(request): \(reply.text)")
    }
  }

  @Test func keysAreTypedInOrderAndTheReplyComesAfterTheLast() throws {
    let client = try ControlBench().connect()
    #expect(try client.ask(#"{"id":1,"command":"type","text":"ab","interval":1}"#)["strokes"] == 2)
    #expect(client.bench.machine.codes == [0x61, 0xe1, 0x62, 0xe2])
    client.bench.machine.recorded.withLock { $0.codes = [] }
    #expect(try client.ask(#"{"command":"keys","keys":["ctrl-alt-delete"]}"#)["ok"] == true)
    #expect(client.bench.machine.codes == [0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d])
  }

  @Test func fullKeyboardTakesTheRestLater() throws {
    let client = try ControlBench().connect()
    client.bench.machine.recorded.withLock { $0.room = 1 }
    #expect(try client.ask(#"{"command":"scancodes","codes":[224,72,224,200],"interval":0}"#)["strokes"] == 2)
    #expect(client.bench.machine.codes == [224, 72, 224, 200])
  }

  @Test func aGuestThatDoesNotReadItsKeyboardIsNotWaitedForForEver() {
    let machine = FakeMachine()
    machine.recorded.withLock { $0.room = 0 }
    var keys = KeyQueue()
    var outcomes: [KeyQueue.Outcome] = []
    for _ in 0..<2 { keys.append([[1], [2]], interval: 0) { outcomes.append($0) } }
    var now: Int64 = 1
    for done in keys.advance(machine, now: now) { done() }
    now += KeyQueue.patience - 1
    for done in keys.advance(machine, now: now) { done() }
    #expect(outcomes == [] && keys.nextAt != nil)
    now += 20_000_000
    for done in keys.advance(machine, now: now) { done() }
    #expect(outcomes == [.unread, .unread] && keys.nextAt == nil && keys.room == KeyQueue.limit)
    // Once it reads, keys go on as ever.
    machine.recorded.withLock { $0.room = .max }
    keys.append([[3], [4]], interval: 0) { outcomes.append($0) }
    for done in keys.advance(machine, now: now) { done() }
    #expect(outcomes.last == .typed && machine.codes == [3, 4])
  }

  @Test func theKeyboardsLightsAreShownAndTheirChangesTold() throws {
    let client = try ControlBench().connect()
    let bench = client.bench, machine = bench.machine
    machine.lights.withLock { $0 = [.num, .caps] }
    #expect(
      try client.ask(#"{"command":"status"}"#)["leds"] == ["scrollLock": false, "numLock": true, "capsLock": true])
    bench.server.lightsChanged()
    #expect(try client.next() == ["event": "leds", "scrollLock": false, "numLock": true, "capsLock": true])
    // What was undone before anybody could hear of it was nothing.
    bench.server.lightsChanged()
    #expect(try client.ask(#"{"command":"reset"}"#)["ok"] == true)
    // A guest that blinks: clients hear of the last state, not of every one.
    for _ in 0..<100 {
      for state: KeyboardLEDs in [.scroll, .caps] {
        machine.lights.withLock { $0 = state }
        bench.server.lightsChanged()
        bench.loop.turn(limit: 0)
      }
    }
    machine.lights.withLock { $0 = [] }
    bench.server.lightsChanged()
    var events = 0
    while let event = try client.next() {
      events += 1
      if event == ["event": "leds", "scrollLock": false, "numLock": false, "capsLock": false] { break }
    }
    #expect(events < 100)
  }

  @Test func mouseKeepsItsButtonsUntilTold() throws {
    let client = try ControlBench().connect()
    _ = try client.ask(#"{"command":"mouse","dx":3,"buttons":["left","middle"]}"#)
    _ = try client.ask(#"{"command":"mouse","dy":-4}"#)
    _ = try client.ask(#"{"command":"mouse","buttons":[]}"#)
    #expect(client.bench.machine.calls == ["mouse 3 0 0 5", "mouse 0 -4 0 5", "mouse 0 0 0 0"])
  }

  @Test func placesOfTheMouseAreForGuestsThatTakeThem() throws {
    let client = try ControlBench().connect()
    #expect(try client.ask(#"{"command":"mouse","x":3,"y":4}"#)["ok"] == false)
    #expect(try client.ask(#"{"command":"mouse","x":3}"#)["ok"] == false)
    #expect(try client.ask(#"{"command":"mouse","dx":1}"#)["absolute"] == false)
    client.bench.machine.pointerIsAbsolute.withLock { $0 = true }
    #expect(try client.ask(#"{"command":"mouse","x":3,"y":65535,"buttons":["right"]}"#)["absolute"] == true)
    #expect(try client.ask(#"{"command":"mouse","x":65536,"y":4}"#)["ok"] == false)
    #expect(client.bench.machine.calls == ["mouse 1 0 0 0", "mouse 0 0 0 2 at 3 65535"])
  }

  @Test func modesAreAskedFor() throws {
    let client = try ControlBench().connect()
    #expect(try client.ask(#"{"command":"mode-hint","width":1280,"height":800}"#)["ok"] == true)
    #expect(try client.ask(#"{"command":"mode-hint","display":1,"enabled":false}"#)["ok"] == true)
    let whole = #"{"command":"mode-hint","width":640,"height":480,"bitsPerPixel":16,"display":2,"x":1280,"y":0}"#
    #expect(try client.ask(whole)["ok"] == true)
    for request in [
      #"{"command":"mode-hint"}"#, #"{"command":"mode-hint","width":0,"height":5}"#,
      #"{"command":"mode-hint","width":20000,"height":5}"#, #"{"command":"mode-hint","width":9,"height":9,"x":1}"#,
      #"{"command":"mode-hint","width":9,"height":9,"display":64}"#,
    ] { #expect(try client.ask(request)["ok"] == false, "\(request)") }
    #expect(
      client.bench.machine.calls == [
        "hint 0 1280x800x32 true", "hint 1 0x0x32 false", "hint 2 640x480x16 true at 1280 0",
      ])
  }

  @Test func screenMemoryAndMediaAreReached() throws {
    let client = try ControlBench().connect()
    let screen = try client.ask(#"{"command":"screen-text"}"#)
    #expect(screen["rows"]?.array?.first == "login: ")
    #expect(screen["cursor"]?["column"] == 7)
    client.bench.machine.recorded.withLock { $0.screen = nil }
    #expect(try client.ask(#"{"command":"screen-text"}"#)["mode"] == "graphics")
    #expect(try client.ask(#"{"command":"screenshot"}"#)["png"] == "AQIDBA==")
    #expect(try client.ask(#"{"command":"read-memory","address":"0x10","count":3}"#)["hex"] == "000102")
    _ = try client.ask(#"{"command":"insert","drive":"cdrom0","path":"/x.iso"}"#)
    _ = try client.next()
    _ = try client.ask(#"{"command":"eject","drive":"cdrom0"}"#)
    #expect(client.bench.machine.calls == ["medium cdrom0 /x.iso", "medium cdrom0 -"])
  }

  @Test func recordingsBeginAndEnd() throws {
    let client = try ControlBench().connect()
    let start = #"{"command":"recording-start","path":"/f.webm","width":320,"height":200,"maximumSeconds":9}"#
    #expect(try client.ask(start)["ok"] == true)
    #expect(try client.ask(#"{"command":"recording-stop"}"#)["frames"] == 7)
    #expect(client.bench.machine.calls == ["record /f.webm 320x200 25 9", "recorded"])
    for arguments in [#""path":"/nowhere""#, #""path":"/f","width":4"#, #""path":"/f","colour":1"#, #""width":64"#] {
      #expect(try client.ask(#"{"command":"recording-start",\#(arguments)}"#)["ok"] == false)
    }
  }
  @Test func screenshotFileIsWrittenWhole() throws {
    let client = try ControlBench().connect()
    let path = client.bench.path + ".png"
    #expect(try client.ask(#"{"command":"screenshot","path":"\#(path)"}"#)["ok"] == true)
    let file = try HostStream.outputFile(path)
    #expect(!file.created)
    HostFiles.remove(path)
    let reply = try client.ask(#"{"command":"screenshot","path":"/nowhere/x.png"}"#)
    #expect(reply["error"]?.string?.contains("No such file") == true)
  }

  @Test func serialTextIsWaitedForOnceEach() throws {
    let bench = try ControlBench()
    let client = try bench.connect()
    bench.serial.transmit(Array("boot\nlogin: ".utf8))
    #expect(try client.ask(#"{"command":"wait-for-text","where":"serial0","text":"login:"}"#)["position"] == 11)
    // The same prompt does not count twice: the second wait is for the next one.
    client.send(#"{"command":"wait-for-text","where":"serial0","text":"login:"}"#)
    bench.loop.turn(limit: 1_000_000)
    bench.serial.transmit(Array("log".utf8))
    bench.loop.turn(limit: 1_000_000)
    bench.serial.transmit(Array("in: ".utf8))
    #expect(try client.next()?["position"] == 18)
    let late = try client.ask(#"{"command":"wait-for-text","where":"serial0","text":"login:","timeout":0.01}"#)
    #expect(late["error"]?.string?.contains("did not appear within 0.01 s") == true)
    let all = try client.ask(#"{"command":"serial-read"}"#)
    #expect(all["text"] == "boot\nlogin: login: ")
    #expect(try client.ask(#"{"command":"serial-read"}"#)["text"] == "")
    #expect(try client.ask(#"{"command":"serial-read","from":0,"limit":3,"encoding":"base64"}"#)["data"] == "Ym9v")
  }

  @Test func screenTextIsWaitedFor() throws {
    let bench = try ControlBench()
    let client = try bench.connect()
    client.send(#"{"command":"wait-for-text","text":"ready"}"#)
    for _ in 0..<3 { bench.loop.turn(limit: 1_000_000) }
    bench.machine.recorded.withLock { $0.screen = ScreenText(rows: ["", " ready "]) }
    #expect(try client.next()?["row"] == 1)
  }

  @Test func serialInputReachesTheDeviceAsItTakesIt() throws {
    let bench = try ControlBench()
    let client = try bench.connect()
    let taken = Taken()
    bench.serial.connect { bytes in taken.add(Array(bytes.prefix(2))) }
    _ = try client.ask(#"{"command":"serial-write","text":"hello"}"#)
    _ = try client.ask(#"{"command":"serial-write","hex":"0d 0a"}"#)
    #expect(bench.turn(until: { taken.bytes == Array("hello\r\n".utf8) }))
  }

  @Test func aWatchedPortIsToldAsItSpeaks() throws {
    let bench = try ControlBench()
    let client = try bench.connect(), other = try bench.connect()
    bench.serial.transmit(Array("old".utf8))
    let reply = try client.ask(#"{"command":"serial-watch","from":0}"#)
    #expect(reply["start"] == 0 && reply["end"] == 3)
    let first = try client.next()
    #expect(first?["event"] == "serial" && first?["start"] == 0 && first?["data"] == "b2xk")
    // The other one only wants what is to come.
    #expect(try other.ask(#"{"command":"serial-watch"}"#)["start"] == 3)
    bench.serial.transmit(Array("new".utf8))
    for viewer in [client, other] {
      let event = try viewer.next()
      #expect(event?["port"] == "serial0" && event?["start"] == 3 && event?["data"] == "bmV3")
    }
    #expect(try client.ask(#"{"command":"serial-watch","port":"serial3"}"#)["ok"] == false)
  }

  @Test func eventsGoToEveryClient() throws {
    let bench = try ControlBench()
    let clients = [try bench.connect(), try bench.connect()]
    for client in clients { _ = try client.ask(#"{"command":"status"}"#) }
    bench.server.broadcast("exit", [("status", 3)])
    for client in clients { #expect(try client.next()?.text == #"{"event":"exit","status":3}"#) }
  }

  @Test func quitCallsTheOwner() throws {
    let client = try ControlBench().connect()
    #expect(try client.ask(#"{"command":"quit"}"#)["ok"] == true)
    #expect(client.bench.counter.value == 1)
  }
}
