import Base
import Testing

@Suite("drives over the control channel") struct DriveCommandTests {
  @Test func aDriveThatComesIsTold() throws {
    let client = try ControlBench().connect()
    #expect(
      try client.ask(#"{"id":1,"command":"attach","disk":{"path":"/a","port":2,"slot":"SATA-2-0"}}"#).text
        == #"{"event":"drive-attached","drive":"disk1","port":2,"path":"/a","slot":"SATA-2-0"}"#)
    #expect(try client.next()?.text == #"{"id":1,"ok":true,"drive":"disk1","port":2}"#)
    #expect(client.bench.machine.calls == [#"attach disk {"path":"/a","port":2,"slot":"SATA-2-0"}"#])
    #expect(
      try client.ask(#"{"command":"attach","cdrom":{"path":"/a","port":0}}"#)["error"]?.string == "no free port 0")
  }
  @Test func aDriveThatGoesIsTold() throws {
    let client = try ControlBench().connect()
    #expect(
      try client.ask(#"{"id":1,"command":"detach","drive":"SATA-2-0"}"#).text
        == #"{"event":"drive-detached","drive":"SATA-2-0"}"#)
    #expect(try client.next()?["ok"] == true)
    #expect(try client.ask(#"{"command":"detach","drive":"disk0"}"#)["error"]?.string == "it stays")
  }
  @Test func drivesAreListed() throws {
    let client = try ControlBench().connect()
    #expect(try client.ask(#"{"id":1,"command":"drives"}"#).text == #"{"id":1,"ok":true,"drives":[{"name":"disk0"}]}"#)
  }
  @Test func oneDriveAtATime() throws {
    let client = try ControlBench().connect()
    let needed = #"either "disk" or "cdrom" is needed"#
    #expect(try client.ask(#"{"command":"attach"}"#)["error"]?.string == needed)
    #expect(try client.ask(#"{"command":"attach","disk":{},"cdrom":{}}"#)["error"]?.string == needed)
    #expect(try client.ask(#"{"command":"attach","disk":"/a"}"#)["error"]?.string == #""disk" must be an object"#)
    #expect(try client.ask(#"{"command":"detach"}"#)["error"]?.string == #""drive" is missing"#)
    #expect(client.bench.machine.calls == [])
  }
}
