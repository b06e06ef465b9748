import Base
import HostSystem

/// One client of the control channel.
final class ControlConnection {
  /// A request line longer than this ends the connection.
  static let lineLimit = 1 << 20
  /// Output that may wait; a client that reads slower is cut off.
  static let outputLimit = 16 << 20
  /// With more output than this waiting, no further requests are read.
  private static let outputPause = 1 << 20
  /// Requests served at a time, so that one client does not keep the others waiting.
  private static let linesPerTurn = 32

  let stream: HostStream
  /// Gone, or to be gone once `output` is written.
  private(set) var isClosed = false
  private var closesAfterOutput = false
  private var input: [UInt8] = []
  /// Bytes of `input` known to hold no newline.
  private var scanned = 0
  private var output = ByteQueue(limit: outputLimit)
  /// Waits of this client under way.
  var waits = 0
  /// Where the next `serial-read` and wait of this client begin, by port.
  var readPositions: [String: Int64] = [:]
  var waitPositions: [String: Int64] = [:]
  /// Ports whose output is sent as it comes: where the next piece begins.
  var watched: [String: Int64] = [:]
  /// Nothing waits for this client that it should rather read first.
  var hasLeisure: Bool { !isClosed && !closesAfterOutput && output.count < ControlConnection.outputPause }

  init(_ stream: HostStream) { self.stream = stream }

  private var wantsInput: Bool { !closesAfterOutput && output.count < ControlConnection.outputPause }
  var interest: PollEntry { PollEntry(stream.raw, read: wantsInput, write: !output.isEmpty) }
  /// Whether complete lines may be waiting in memory, so that the loop must not sleep.
  private(set) var hasMoreLines = false

  func send(_ value: JSON) {
    guard !isClosed else { return }
    let line = Array(value.text.utf8) + [0x0a]
    // Half a line is worse than none.
    guard line.count <= output.room else {
      close()
      return
    }
    output.append(line)
  }

  func close() { isClosed = true }
  /// Ends the connection once everything is written.
  func finish() { closesAfterOutput = true }

  /// Reads and writes what goes; returns complete request lines.
  func service(_ ready: PollEntry?) -> [[UInt8]] {
    guard !isClosed else { return [] }
    if let ready, ready.isReadable, wantsInput, !hasMoreLines {
      switch stream.read(upTo: 65536) {
      case .bytes(let bytes): input += bytes
      case .wouldBlock: break
      case .end, .failed: close()
      }
    }
    return closesAfterOutput ? [] : takeLines()
  }

  /// Writes what the client takes now.
  func flush() {
    while !isClosed, !output.isEmpty {
      switch stream.write(output.pending.prefix(65536)) {
      case .wrote(let count): output.removeFirst(count)
      case .wouldBlock: return
      case .failed: close()
      }
    }
    if closesAfterOutput { close() }
  }

  private func takeLines() -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var start = 0
    while lines.count < ControlConnection.linesPerTurn,
      let end = input[max(start, scanned)...].firstIndex(of: 0x0a)
    {
      if end > start { lines.append(Array(input[start..<end])) }
      start = end + 1
      scanned = start
    }
    input.removeFirst(start)
    hasMoreLines = lines.count == ControlConnection.linesPerTurn
    scanned = hasMoreLines ? 0 : input.count
    if !hasMoreLines, input.count > ControlConnection.lineLimit {
      send(["id": .null, "ok": false, "error": "a request may have \(ControlConnection.lineLimit) bytes"])
      finish()
    }
    return lines
  }
}
