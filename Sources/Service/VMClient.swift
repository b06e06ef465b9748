import Base
import HostSystem

/// A client of a machine's process, by its control channel.
public final class VMClient {
  private let stream: HostStream
  private var input: [UInt8] = []
  private static let longestReply = 32 << 20

  init(_ socket: String) throws(ServiceError) {
    do throws(SystemCallError) { stream = try HostSocket.connectLocal(socket) } catch {
      throw ServiceError(.vmError, "The machine's process does not answer: \(error.reason)", .console)
    }
  }

  /// Sends a command and waits for its reply. `progress`: percents, of commands that say how far they are.
  @discardableResult
  public func command(
    _ name: String, _ arguments: [(String, JSON)] = [], seconds: Int64 = 30, progress: (Int) -> Void = { _ in }
  ) throws(ServiceError) -> JSON {
    var request: JSON = ["id": 1, "command": .string(name)]
    for (key, value) in arguments { request.set(key, value) }
    guard stream.writeAll(Array((request.text + "\n").utf8), milliseconds: 10_000) else { throw VMClient.gone }
    let deadline = HostClock.monotonicNanoseconds + seconds * 1_000_000_000
    while let line = try receive(until: deadline) {
      guard let reply = try? JSON(parsing: line) else { continue }
      if reply["event"]?.string == "progress", reply["command"]?.string == name {
        progress(Int(clamping: reply["percent"]?.integer ?? 0))
      }
      guard reply["event"] == nil, reply["id"] != nil else { continue }
      guard reply["ok"] == true else {
        let text = reply["error"]?.string ?? "The machine's process refused \(name)"
        let isOfState = ["the machine is not running", "the machine is not paused"].contains(text)
        throw ServiceError(isOfState ? .invalidVMState : .vmError, text, .console)
      }
      return reply
    }
    throw ServiceError(.vmError, "The machine's process did not answer within \(seconds) s", .console)
  }
  /// What the process says next without being asked; nil when it says nothing for so long.
  public func nextEvent(seconds: Int64) throws(ServiceError) -> JSON? {
    let deadline = HostClock.monotonicNanoseconds + seconds * 1_000_000_000
    while let line = try receive(until: deadline) {
      if let event = try? JSON(parsing: line), event["event"] != nil { return event }
    }
    return nil
  }
  /// The number of the machine's process.
  public var process: Int32? { Host.peer(stream.raw) }
  /// Makes whoever waits for an event see the end of the connection.
  public func hangUp() { Host.hangUp(stream.raw) }

  /// Waits until the process has closed the connection.
  func waitForEnd(seconds: Int64) -> Bool {
    let deadline = HostClock.monotonicNanoseconds + seconds * 1_000_000_000
    do throws(ServiceError) {
      while try receive(until: deadline) != nil {}
      return false
    } catch { return true }
  }

  private static let gone = ServiceError(.vmError, "The machine's process has closed the connection", .console)

  private func receive(until deadline: Int64) throws(ServiceError) -> [UInt8]? {
    while true {
      if let end = input.firstIndex(of: 0x0a) {
        let line = Array(input[..<end])
        input.removeFirst(end + 1)
        return line
      }
      let left = deadline - HostClock.monotonicNanoseconds
      guard left > 0, input.count < VMClient.longestReply else { return nil }
      var entries = [PollEntry(stream.raw)]
      HostPoll.wait(&entries, nanoseconds: left)
      guard entries[0].isReadable || entries[0].isHungUp else { continue }
      switch stream.read(upTo: 1 << 20) {
      case .bytes(let bytes): input += bytes
      case .wouldBlock: continue
      case .end, .failed: throw VMClient.gone
      }
    }
  }
}
