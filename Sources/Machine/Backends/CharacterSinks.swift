import DeviceKit
import HostSystem
import Synchronization

/// Hands the bytes of a port to a closure.
final class EventSink: CharacterBackend {
  private let deliver: @Sendable ([UInt8]) -> Void
  init(_ deliver: @escaping @Sendable ([UInt8]) -> Void) { self.deliver = deliver }
  func transmit(_ bytes: [UInt8]) { deliver(bytes) }
}

/// Writes the bytes of a port into a file, a line or 4 KiB at a time.
final class FileSink: CharacterBackend {
  private static let chunk = 4096
  private let file: OutputFile
  private let buffer = Mutex<[UInt8]>([])

  init(_ path: String) throws(FileError) { file = try OutputFile(creating: path) }

  func transmit(_ bytes: [UInt8]) {
    buffer.withLock { buffer in
      buffer += bytes
      guard bytes.contains(0x0a) || buffer.count >= FileSink.chunk else { return }
      file.append(buffer)
      buffer = []
    }
  }
  /// Writes what is left of an unfinished line.
  func flush() {
    buffer.withLock { buffer in
      file.append(buffer)
      buffer = []
    }
  }
  deinit { flush() }
}

/// Input on its way to a serial port that takes sixteen bytes at a time.
final class SerialInput: Sendable {
  /// What waits beyond this is dropped: a guest that never reads must not eat the host's memory.
  private static let limit = 1 << 20
  private let waiting = Mutex<[UInt8]>([])

  /// Queues bytes; returns how many were taken.
  func append(_ bytes: [UInt8]) -> Int {
    waiting.withLock { waiting in
      let room = max(0, SerialInput.limit - waiting.count)
      waiting += bytes.prefix(room)
      return min(room, bytes.count)
    }
  }
  /// Offers what waits to `receive` in pieces until it takes no more. On the control thread.
  func pump(_ receive: ([UInt8]) -> Int) {
    while true {
      let piece = waiting.withLock { Array($0.prefix(16)) }
      guard !piece.isEmpty else { return }
      let taken = receive(piece)
      waiting.withLock { $0.removeFirst(min(taken, $0.count)) }
      if taken < piece.count { return }
    }
  }
}
