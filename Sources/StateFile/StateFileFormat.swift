import Base
import Compression
import HostSystem

/// The file of a saved machine (docs/StateFile.md): a head, and records with checksums; numbers are little-endian.
enum StateFormat {
  /// The control characters show when a transfer has taken the file for text.
  static let magic = Array("RINGBOX STATE\r\n".utf8) + [0x1a]
  static let version: UInt32 = 1
  /// Magic, version, four zero bytes.
  static let headSize = 24
  /// Tag, CRC-32 of the payload, length of the payload.
  static let recordHeadSize = 16
  static let pageSize = 4096
  /// Pages in one record of memory at most.
  static let partPages = 256

  /// Four letters.
  enum Tag: UInt32 {
    /// What machine this is: one JSON object.
    case description = 0x4353_4544  // DESC
    /// The state of one device, processor or the like.
    case unit = 0x5449_4e55  // UNIT
    /// Pages of RAM.
    case memory = 0x204d_4152  // RAM
    /// The last record: how many there were, and a checksum of their heads.
    case end = 0x2044_4e45  // END

    /// Bytes of payload that a reader takes.
    var limit: UInt64 {
      switch self {
      case .description: 1 << 20
      case .unit: UInt64(StateFormat.unitLimit) + 4096
      case .memory: UInt64(StateFormat.partPages * StateFormat.pageSize) + 8192
      case .end: 12
      }
    }
  }
  /// Bytes of a unit's state: the largest is a display with its memory.
  static let unitLimit = 64 << 20
  static let nameLimit = 64

  static func recordHead(_ tag: Tag, _ payload: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.put(tag.rawValue)
    bytes.put(Zlib.crc32(payload))
    bytes.put(UInt64(payload.count))
    return bytes
  }
}

/// Why a state file could not be written or read. The description is the rest of a sentence that begins with the path.
public enum StateFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The host refused.
  case system(SystemCallError)
  /// A thread could not be started, or a compressor had no memory.
  case host(String)
  /// No file of this kind.
  case foreign
  /// Made by a later version.
  case version(UInt32)
  /// It ends too early: it was never finished, or cut.
  case incomplete
  /// Checksums or lengths do not fit.
  case damaged(String)

  public var description: String {
    switch self {
    case .system(let error): error.reason
    case .host(let text): text
    case .foreign: "is no saved state"
    case .version(let number): "is of format version \(number), which is newer than this program"
    case .incomplete: "is incomplete"
    case .damaged(let what): "is damaged: \(what)"
    }
  }
}

extension [UInt8] {
  mutating func put<T: FixedWidthInteger>(_ value: T) {
    for byte in 0..<(T.bitWidth / 8) { append(UInt8(truncatingIfNeeded: value >> T(byte * 8))) }
  }
}
extension ArraySlice<UInt8> {
  /// Takes a number off the front; nil when there are too few bytes.
  mutating func take<T: FixedWidthInteger>(_ type: T.Type) -> T? {
    guard count >= T.bitWidth / 8 else { return nil }
    var value: T = 0
    for byte in 0..<(T.bitWidth / 8) { value |= T(truncatingIfNeeded: self[startIndex + byte]) << T(byte * 8) }
    self = dropFirst(T.bitWidth / 8)
    return value
  }
}
