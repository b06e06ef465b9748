import Base
import Foundation
import HostSystem

/// A client of a machine's control channel (docs/control-channel.md).
public final class ControlClient {
  public struct Failed: Error, CustomStringConvertible {
    public var description: String
  }

  private let stream: HostStream
  private var input: [UInt8] = []
  private var nextID: Int64 = 1
  /// Events that have come so far, oldest first.
  public private(set) var events: [JSON] = []

  public init(path: String) throws { stream = try HostSocket.connectLocal(path) }

  /// Sends a command and waits for its reply; throws when the machine refuses it or does not answer in time.
  @discardableResult
  public func command(
    _ name: String, _ arguments: KeyValuePairs<String, JSON> = [:], timeout: TimeInterval = 60
  ) throws -> JSON {
    let id = nextID
    nextID += 1
    var request: JSON = ["id": .integer(id), "command": .string(name)]
    for (key, value) in arguments { request.set(key, value) }
    stream.writeAll(Array((request.text + "\n").utf8))
    let deadline = Date(timeIntervalSinceNow: timeout)
    while let message = try receive(until: deadline) {
      if message["event"] != nil {
        events.append(message)
        continue
      }
      guard message["id"]?.integer == id else { continue }
      guard message["ok"] == true else {
        throw Failed(description: "\(name): \(message["error"]?.string ?? message.text)")
      }
      return message
    }
    throw Failed(description: "\(name): no answer within \(timeout) s")
  }

  /// Waits for an event of this name, also one that has come already.
  public func waitForEvent(_ name: String, timeout: TimeInterval = 60) throws -> JSON {
    let deadline = Date(timeIntervalSinceNow: timeout)
    while true {
      if let index = events.firstIndex(where: { $0["event"]?.string == name }) { return events.remove(at: index) }
      guard let message = try receive(until: deadline) else {
        throw Failed(description: "no event '\(name)' within \(timeout) s")
      }
      if message["event"] != nil { events.append(message) }
    }
  }

  /// The next message; nil at the deadline.
  private func receive(until deadline: Date) throws -> JSON? {
    while true {
      if let end = input.firstIndex(of: 0x0a) {
        let line = Array(input[..<end])
        input.removeFirst(end + 1)
        return try JSON(parsing: line)
      }
      let left = deadline.timeIntervalSinceNow
      guard left > 0 else { return nil }
      var entries = [PollEntry(stream.raw)]
      HostPoll.wait(&entries, nanoseconds: Int64(left * 1e9))
      guard entries[0].isReadable else { continue }
      switch stream.read(upTo: 1 << 20) {
      case .bytes(let bytes): input += bytes
      case .wouldBlock: continue
      case .end, .failed: throw Failed(description: "the machine has closed the connection")
      }
    }
  }
}
