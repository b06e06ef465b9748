import Testing

@testable import Compression

@Suite struct PNGTests {
  /// Chunks of a PNG file, their checksums verified.
  private func chunks(_ file: [UInt8]) throws -> [(kind: String, payload: [UInt8])] {
    #expect(file.prefix(8) == [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
    var found: [(String, [UInt8])] = []
    var at = 8
    while at < file.count {
      func word(_ at: Int) -> Int { file[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) } }
      let count = word(at)
      let body = Array(file[(at + 4)..<(at + 8 + count)])
      #expect(word(at + 8 + count) == Int(Zlib.crc32(body)))
      found.append((String(decoding: body.prefix(4), as: UTF8.self), Array(body.dropFirst(4))))
      at += 12 + count
    }
    return found
  }

  @Test func pictureComesBack() throws {
    let width = 37
    let height = 11
    let pixels = (0..<(width * height)).map { UInt32($0 &* 2_654_435) & 0xff_ffff }
    let file = try #require(PNGEncoder.encode(width: width, height: height, pixels: pixels))
    let parts = try chunks(file)
    #expect(parts.map(\.kind) == ["IHDR", "IDAT", "IEND"])
    #expect(parts[0].payload == [0, 0, 0, 37, 0, 0, 0, 11, 8, 2, 0, 0, 0])
    let rows = try #require(Zlib.inflate(parts[1].payload, limit: 1 << 16))
    #expect(rows.count == height * (width * 3 + 1))
    var above = [UInt8](repeating: 0, count: width * 3)
    for y in 0..<height {
      let row = rows[(y * (width * 3 + 1))...].prefix(width * 3 + 1)
      #expect(row.first == 2)
      above = zip(row.dropFirst(), above).map { $0 &+ $1 }
      for x in 0..<width {
        let color = UInt32(above[x * 3]) << 16 | UInt32(above[x * 3 + 1]) << 8 | UInt32(above[x * 3 + 2])
        #expect(color == pixels[y * width + x])
      }
    }
  }
  @Test func emptyPicturesAreRefused() {
    #expect(PNGEncoder.encode(width: 0, height: 1, pixels: []) == nil)
    #expect(PNGEncoder.encode(width: 1, height: -1, pixels: []) == nil)
  }
  @Test func damagedOrTooLongStreamsAreRefused() {
    let stream = Zlib.deflate([UInt8](repeating: 7, count: 1000))
    #expect(Zlib.inflate(stream, limit: 1000)?.count == 1000)
    #expect(Zlib.inflate(stream, limit: 999) == nil)
    #expect(Zlib.inflate(Array(stream.dropLast(3)), limit: 1000) == nil)
    #expect(Zlib.inflate([], limit: 10) == nil)
    #expect(Zlib.crc32(Array("123456789".utf8)) == 0xcbf4_3926)
  }
  @Test func streamsMayBeFlushedInsteadOfEnded() throws {
    let contents = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* $0) }
    let flushed = try #require(DeflateStream()).compress(contents)
    for stream in [flushed, Zlib.deflate(contents)] {
      #expect(Zlib.inflateFlushed(stream, limit: 1000) == contents)
      #expect(Zlib.inflateFlushed(stream, limit: 999) == nil)
    }
    #expect(Zlib.inflateFlushed(Array(flushed.prefix(flushed.count / 2)), limit: 1000)?.count ?? 1000 < 1000)
    #expect(Zlib.inflateFlushed([1, 2, 3], limit: 10) == nil)
    #expect(Zlib.inflateFlushed([], limit: 10) == [])
  }
}
