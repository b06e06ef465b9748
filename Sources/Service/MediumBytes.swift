import DiskImages

/// A range of what a medium holds, as bytes or as lines in hexadecimal for people.
public struct MediumBytes {
  private let image: any DiskImage
  private let start: UInt64, end: UInt64

  /// - Parameters:
  ///   - offset: From the medium's beginning, in bytes.
  ///   - size: Bytes; fewer where the medium ends, nil: to its end.
  public init(_ image: any DiskImage, offset: UInt64, size: UInt64?) throws(ServiceError) {
    self.image = image
    let total = image.sectorCount * 512
    guard offset <= total else {
      throw ServiceError(
        .invalidArgument, "The medium has \(total) bytes; the offset \(offset) lies beyond them", .medium)
    }
    start = offset
    end = offset + min(size ?? .max, total - offset)
  }
  /// Hands the range over in pieces of at most 1 MiB, in order.
  public func forEachPiece(isHex: Bool = false, _ body: ([UInt8]) throws -> Void) throws {
    var position = start
    while position < end {
      let sector = position / 512
      let bytes = try image.read(sector, count: Int(min(2048, image.sectorCount - sector)))
      let from = Int(position - sector * 512), to = Int(min(UInt64(bytes.count), end - sector * 512))
      let part = Array(bytes[from..<to])
      try body(isHex ? Array(MediumBytes.listing(part, at: position).utf8) : part)
      position += UInt64(part.count)
    }
  }
  private static func listing(_ bytes: [UInt8], at position: UInt64) -> String {
    func hex(_ number: UInt64, _ digits: Int) -> String {
      let text = String(number, radix: 16)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 16) {
      let line = bytes[start..<min(bytes.count, start + 16)]
      let columns = line.map { hex(UInt64($0), 2) }.joined(separator: " ")
      let letters = line.map { (0x20..<0x7f).contains($0) ? String(UnicodeScalar($0)) : "." }.joined()
      text += "\(hex(position + UInt64(start), 16)): \(columns)"
      text += String(repeating: " ", count: max(0, 48 - columns.count)) + "\(letters)\n"
    }
    return text
  }
}

extension Registry {
  /// Options that find parents where some registry has them as well: not every format says where they are.
  public func locating(_ options: ImageLibrary.Options) throws(ServiceError) -> ImageLibrary.Options {
    let places = Dictionary(try media().map { ($0.medium.uuid, $0.medium.path) }) { first, _ in first }
    let own = options.locate
    var options = options
    options.locate = { own($0) ?? places[$0.description] }
    return options
  }
  /// What a medium shows: of a disk what its image does, of others the bytes of the file.
  public func open(_ medium: Medium, _ options: ImageLibrary.Options) throws(ServiceError) -> any DiskImage {
    let chosen = try locating(options)
    do throws(DiskError) {
      guard medium.kind == .disk else { return try RawImage(path: medium.path, readOnly: true, tail: .fill) }
      return try ImageLibrary().open(medium.path, chosen)
    } catch { throw ServiceError(.fileError, "\(error)", .medium) }
  }
}
