import Base
import Compression
import Foundation
import Glibc

@testable import RemoteDisplay

/// A viewer's picture, painted from what the server sends: the decoders are the tests' own and share nothing with it.
struct Canvas {
  var width: Int
  var height: Int
  var pixels: [UInt32]
  var format: PixelFormat
  /// The one zlib stream of ZRLE.
  var stream: [UInt8] = []
  var plain: [UInt8] = []
  var plainAt = 0
  var seen: [Int32] = []

  init(width: Int, height: Int, format: PixelFormat = PixelFormat()) {
    (self.width, self.height, self.format) = (width, height, format)
    pixels = [UInt32](repeating: 0xdead, count: width * height)
  }
  struct Broken: Error { var what: String }

  /// Bytes that are taken one after the other.
  struct Reader {
    var bytes: [UInt8]
    var at = 0
    mutating func take(_ count: Int) throws -> [UInt8] {
      guard count >= 0, at + count <= bytes.count else { throw Broken(what: "\(count) bytes beyond the end at \(at)") }
      defer { at += count }
      return Array(bytes[at..<(at + count)])
    }
    mutating func byte() throws -> UInt8 { try take(1)[0] }
    mutating func half() throws -> Int { try take(2).reduce(0) { $0 << 8 | Int($1) } }
    mutating func long() throws -> Int { try take(4).reduce(0) { $0 << 8 | Int($1) } }
    var isAtEnd: Bool { at == bytes.count }
  }

  /// The colour, widened back to eight bits a component.
  private func colour(_ bytes: [UInt8]) -> UInt32 {
    let ordered = format.isBigEndian ? bytes : bytes.reversed()
    let value = ordered.reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
    func component(_ maximum: UInt16, _ shift: UInt8) -> UInt32 {
      (value >> UInt32(shift) & UInt32(maximum)) * 255 / UInt32(maximum)
    }
    return component(format.maximum.red, format.shift.red) << 16
      | component(format.maximum.green, format.shift.green) << 8 | component(format.maximum.blue, format.shift.blue)
  }
  private mutating func pixel(_ reader: inout Reader) throws -> UInt32 {
    colour(try reader.take(Int(format.bitsPerPixel) / 8))
  }
  private mutating func fill(_ area: ScreenArea, _ colour: UInt32) throws {
    guard area.x >= 0, area.y >= 0, area.x + area.width <= width, area.y + area.height <= height else {
      throw Broken(what: "\(area) outside")
    }
    for y in area.y..<(area.y + area.height) {
      for x in area.x..<(area.x + area.width) { pixels[y * width + x] = colour }
    }
  }

  /// Paints one FramebufferUpdate; returns the number of rectangles.
  mutating func update(_ reader: inout Reader) throws -> Int {
    guard try reader.byte() == 0 else { throw Broken(what: "not an update") }
    _ = try reader.byte()
    let count = try reader.half()
    for _ in 0..<count {
      let area = ScreenArea(
        x: try reader.half(), y: try reader.half(), width: try reader.half(), height: try reader.half())
      let encoding = Int32(truncatingIfNeeded: try reader.long())
      seen.append(encoding)
      try paint(area, encoding, &reader)
    }
    return count
  }
  private mutating func paint(_ area: ScreenArea, _ encoding: Int32, _ reader: inout Reader) throws {
    switch encoding {
    case 0:
      for y in area.y..<(area.y + area.height) {
        for x in area.x..<(area.x + area.width) {
          try fill(ScreenArea(x: x, y: y, width: 1, height: 1), try pixel(&reader))
        }
      }
    case 1:
      let (x, y) = (try reader.half(), try reader.half())
      let old = pixels
      for row in 0..<area.height {
        for column in 0..<area.width {
          pixels[(area.y + row) * width + area.x + column] = old[(y + row) * width + x + column]
        }
      }
    case 5: try hextile(area, &reader)
    case 16:
      let size = try reader.long()
      stream += try reader.take(size)
      // The whole stream so far, inflated anew: slow, and nothing to get wrong.
      plain = try present(inflateAll(stream))
      try zrle(area)
    case -223: self = resized(area.width, area.height)
    case -308:
      let screens = Int(try reader.byte())
      _ = try reader.take(3 + screens * 16)
      if area.width != width || area.height != height { self = resized(area.width, area.height) }
    case -239:
      _ = try reader.take(area.width * area.height * Int(format.bitsPerPixel) / 8 + (area.width + 7) / 8 * area.height)
    case -258: break
    default: throw Broken(what: "encoding \(encoding)")
    }
  }
  private func resized(_ width: Int, _ height: Int) -> Canvas {
    var other = Canvas(width: width, height: height, format: format)
    (other.stream, other.plain, other.plainAt, other.seen) = (stream, plain, plainAt, seen)
    return other
  }

  private mutating func hextile(_ area: ScreenArea, _ reader: inout Reader) throws {
    var (background, foreground): (UInt32, UInt32) = (0, 0)
    for y in stride(from: area.y, to: area.y + area.height, by: 16) {
      for x in stride(from: area.x, to: area.x + area.width, by: 16) {
        let tile = ScreenArea(
          x: x, y: y, width: min(16, area.x + area.width - x), height: min(16, area.y + area.height - y))
        let flags = try reader.byte()
        if flags & 1 != 0 {
          for row in 0..<tile.height {
            for column in 0..<tile.width {
              try fill(ScreenArea(x: x + column, y: y + row, width: 1, height: 1), try pixel(&reader))
            }
          }
          continue
        }
        if flags & 2 != 0 { background = try pixel(&reader) }
        if flags & 4 != 0 { foreground = try pixel(&reader) }
        try fill(tile, background)
        guard flags & 8 != 0 else { continue }
        for _ in 0..<(try reader.byte()) {
          let colour = flags & 16 != 0 ? try pixel(&reader) : foreground
          let (place, size) = (Int(try reader.byte()), Int(try reader.byte()))
          try fill(
            ScreenArea(x: x + place >> 4, y: y + place & 15, width: size >> 4 + 1, height: size & 15 + 1), colour)
        }
      }
    }
  }

  private mutating func zrle(_ area: ScreenArea) throws {
    var reader = Reader(bytes: plain, at: plainAt)
    let size = format.compactBytes
    func pixel(_ reader: inout Reader) throws -> UInt32 {
      var bytes = try reader.take(size)
      if size == 3 {
        // The byte that was left out is the highest, or the lowest.
        let isLow =
          UInt64(format.maximum.red) << UInt64(format.shift.red) < 1 << 24
          && UInt64(format.maximum.blue) << UInt64(format.shift.blue) < 1 << 24
        bytes.insert(0, at: isLow == format.isBigEndian ? 0 : 3)
      }
      return colour(bytes)
    }
    for y in stride(from: area.y, to: area.y + area.height, by: 64) {
      for x in stride(from: area.x, to: area.x + area.width, by: 64) {
        let tile = ScreenArea(
          x: x, y: y, width: min(64, area.x + area.width - x), height: min(64, area.y + area.height - y))
        var colours: [UInt32] = []
        let kind = Int(try reader.byte())
        let count = tile.width * tile.height
        if kind == 0 {
          for _ in 0..<count { colours.append(try pixel(&reader)) }
        } else if kind < 17 {
          var palette: [UInt32] = []
          for _ in 0..<kind { palette.append(try pixel(&reader)) }
          let bits = kind == 1 ? 0 : kind == 2 ? 1 : kind <= 4 ? 2 : 4
          for _ in 0..<tile.height {
            let row = try reader.take((tile.width * bits + 7) / 8)
            for column in 0..<tile.width {
              let at = column * bits
              let index = bits == 0 ? 0 : Int(row[at / 8]) >> (8 - bits - at % 8) & (1 << bits - 1)
              colours.append(palette[index])
            }
          }
        } else {
          var palette: [UInt32] = []
          for _ in 0..<(kind - 128) { palette.append(try pixel(&reader)) }
          while colours.count < count {
            var length = 1
            let value: UInt32
            var isRun = true
            if palette.isEmpty {
              value = try pixel(&reader)
            } else {
              let index = try reader.byte()
              value = palette[Int(index & 127)]
              isRun = index & 128 != 0
            }
            if isRun {
              var byte: UInt8
              repeat {
                byte = try reader.byte()
                length += Int(byte)
              } while byte == 255
            }
            colours += [UInt32](repeating: value, count: length)
          }
        }
        guard colours.count == count else { throw Broken(what: "\(colours.count) pixels in a tile of \(count)") }
        for row in 0..<tile.height {
          for column in 0..<tile.width { pixels[(y + row) * width + x + column] = colours[row * tile.width + column] }
        }
      }
    }
    plainAt = reader.at
  }
}

/// Inflates as much of a stream as there is, through an ordinary program.
private func inflateAll(_ stream: [UInt8]) -> [UInt8]? {
  // A sync flush ends on a byte boundary; an empty last block and the checksum make it a whole stream for `inflate`.
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
  process.arguments = [
    "-c", "import sys,zlib; sys.stdout.buffer.write(zlib.decompressobj().decompress(sys.stdin.buffer.read()))",
  ]
  let (input, output) = (Pipe(), Pipe())
  (process.standardInput, process.standardOutput) = (input, output)
  guard (try? process.run()) != nil else { return nil }
  let writer = input.fileHandleForWriting
  let data = Data(stream)
  DispatchQueue.global().async {
    try? writer.write(contentsOf: data)
    try? writer.close()
  }
  let result = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return process.terminationStatus == 0 ? Array(result) : nil
}
private func present<T>(_ value: T?) throws -> T {
  guard let value else { throw Canvas.Broken(what: "no python3") }
  return value
}
