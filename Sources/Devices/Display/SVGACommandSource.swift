/// Where commands of SVGA II come from: the ring of the FIFO, or a buffer in guest memory. A command is read dword by
/// dword; what is left decides whether it is complete.
protocol SVGACommandSource {
  /// Dwords that wait.
  var left: Int { get }
  /// Longer than this no command can be.
  var capacity: Int { get }
  mutating func next() -> UInt32?
  mutating func skip(_ count: Int)
}

extension SVGACommandSource {
  mutating func take(_ count: Int) -> [UInt32]? {
    guard count >= 0, count <= left else { return nil }
    return (0..<count).map { _ in next() ?? 0 }
  }
}

/// A command buffer that was copied from guest memory.
struct SVGABufferReader: SVGACommandSource {
  private let words: [UInt32]
  /// Of the next dword.
  private(set) var position = 0
  init(_ bytes: [UInt8]) {
    words = stride(from: 0, to: bytes.count - 3, by: 4).map { at in
      (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32($1 * 8) }
    }
  }
  var left: Int { words.count - position }
  var capacity: Int { words.count }
  mutating func next() -> UInt32? {
    guard position < words.count else { return nil }
    position += 1
    return words[position - 1]
  }
  mutating func skip(_ count: Int) { position += min(max(0, count), left) }
}
