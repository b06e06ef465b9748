import Base

/// What runs in a machine, as far as its memory says so: by the sentences that systems carry about themselves.
public struct GuestSystem: Equatable, Sendable {
  /// As `Linux`.
  public let name: String
  /// What it says of itself behind that.
  public let version: String
  private static let marks = [
    ("Linux", "Linux version "), ("FreeBSD", "FreeBSD "), ("NetBSD", "NetBSD "), ("OpenBSD", "OpenBSD "),
    ("FreeDOS", "FreeDOS kernel "), ("MS-DOS", "MS-DOS Version "),
  ]
  /// Kernels lie near the beginning of memory; looking further would take long.
  private static let limit: UInt64 = 256 << 20
  private static let piece: UInt64 = 131_072

  /// Looks through the first of `bytes` bytes of memory of a machine that runs; nil: nothing there says so.
  public static func find(_ client: VMClient, bytes: UInt64) throws(ServiceError) -> GuestSystem? {
    var last: [UInt8] = []
    for address in stride(from: UInt64(0), to: min(bytes, limit), by: Int(piece)) {
      let count = min(piece, bytes - address)
      let part = try client.memory(at: address, count: Int(count))
      // A sentence may lie across two pieces.
      if let found = GuestSystem(last + part) { return found }
      last = Array(part.suffix(128))
    }
    return nil
  }
  /// The first sentence in these bytes whose name is followed by a number.
  public init?(_ bytes: [UInt8]) {
    for (name, mark) in GuestSystem.marks {
      let pattern = Array(mark.utf8)
      var start = bytes.startIndex
      while let place = bytes[start...].firstIndex(of: pattern[0]) {
        start = place + 1
        let rest = bytes[place...]
        guard rest.starts(with: pattern), let digit = rest.dropFirst(pattern.count).first, (0x30...0x39).contains(digit)
        else { continue }
        let text = rest.dropFirst(pattern.count).prefix(96).prefix { (0x20..<0x7f).contains($0) }
        (self.name, version) = (name, String(decoding: text, as: UTF8.self))
        return
      }
    }
    return nil
  }
}
