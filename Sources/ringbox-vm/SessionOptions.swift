import Base
import ControlChannel
import HostSystem
import Machine
import RemoteDisplay

/// Where the bytes of a serial port or the debug console go.
enum Destination: Equatable {
  case none
  case stdio
  case file(String)
  case tcp(UInt16)
  case pty
  /// Only to the control channel.
  case control

  init(_ text: String) throws {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    switch (parts[0], parts.count > 1 ? parts[1] : nil) {
    case ("none", nil): self = .none
    case ("stdio", nil): self = .stdio
    case ("pty", nil): self = .pty
    case ("control", nil): self = .control
    case ("file", .some(let path)) where !path.isEmpty: self = .file(path)
    case ("tcp", .some(let text)):
      guard let port = UInt16(text), port > 0 else { throw StartError(.usage, "'\(text)' is no TCP port") }
      self = .tcp(port)
    default: throw StartError(.usage, "'\(text)' is no destination for a port")
    }
  }
}

/// What `ringbox run` hands over: the machine, and what the process does around it.
struct SessionOptions {
  var machine: MachineConfiguration
  var serial: [Destination] = []
  var debugConsole = Destination.none
  /// Path of the control socket.
  var control: String?
  var screenshot: String?
  /// Where viewers connect.
  var viewers: Viewers?
  /// The screen is recorded from the start.
  var recording: RecordingSettings?
  /// Show the text screen in the terminal.
  var isText = false
  /// The saved state that the machine goes on from.
  var restore: String?
  /// Nobody may go on from it twice: the file is removed before the machine runs.
  var consumesState = false
  /// What is to be seen of the guest's code.
  var inspection = InspectionOptions()
  /// End with a line of JSON.
  var wantsStatusLine = false

  init(json: JSON) throws {
    guard let members = json.members else { throw StartError(.usage, "a configuration is a JSON object") }
    machine = MachineConfiguration()
    for member in members {
      let wrong = StartError(.usage, "configuration: '\(member.key)' has a value of the wrong kind")
      func string() throws -> String {
        guard let text = member.value.string else { throw wrong }
        return text
      }
      func flag() throws -> Bool {
        guard let value = member.value.bool else { throw wrong }
        return value
      }
      switch member.key {
      case "machine":
        do { machine = try MachineConfiguration(json: member.value) } catch { throw StartError(error) }
      case "configuration":
        guard let values = member.value.members else { throw wrong }
        for value in values {
          guard let text = value.value.string else { throw wrong }
          do { try machine.set(value.key, text) } catch { throw StartError(error) }
        }
      case "serial":
        guard let list = member.value.array, list.count <= 4 else { throw wrong }
        serial = try list.map {
          guard let text = $0.string else { throw wrong }
          return try Destination(text)
        }
      case "debugConsole": debugConsole = try Destination(try string())
      case "control": control = try string()
      case "screenshot": screenshot = try string()
      case "vnc": viewers = try Viewers(member.value)
      case "recording":
        do throws(ControlError) { recording = try RecordingSettings(json: member.value) } catch {
          throw StartError(.usage, "configuration: recording: \(error)")
        }
      case "restore": restore = try string()
      case "consumeState": consumesState = try flag()
      case "text": isText = try flag()
      case "inspection": inspection = try InspectionOptions(member.value)
      case "statusLine": wantsStatusLine = try flag()
      default: throw StartError(.usage, "configuration: unknown member '\(member.key)'")
      }
    }
    // The machine hands out the bytes of every port; where they go is this process's business.
    machine.serial = serial.map { $0 == .none ? .none : .stdio }
    machine.debugConsole = debugConsole == .none ? .none : .stdio
  }
}

/// Where viewers connect, and what they must know.
struct Viewers: Equatable {
  var address: DisplayAddress
  var password: String?
  /// For messages.
  var text: String

  init(_ json: JSON) throws {
    func wrong(_ why: String) -> StartError { StartError(.usage, "configuration: vnc: \(why)") }
    guard let members = json.members else { throw wrong("is no object") }
    var found: (DisplayAddress, String)?
    for member in members {
      guard let text = member.value.string else { throw wrong("'\(member.key)' is no text") }
      switch member.key {
      case "unix": found = (.local(text), text)
      case "password": password = text
      case "tcp":
        let parts = text.split(separator: ":").map(String.init)
        guard parts.count == 2, let port = UInt16(parts[1]), port > 0, let address = UInt32(parts[0]) else {
          throw wrong("'\(text)' is no address")
        }
        let dotted = [24, 16, 8, 0].map { String(address >> $0 & 255) }.joined(separator: ".")
        found = (.tcp(IPv4Endpoint(address: address, port: port)), "\(dotted):\(port)")
      default: throw wrong("unknown member '\(member.key)'")
      }
    }
    guard let found else { throw wrong("no address") }
    (address, text) = found
  }
}
