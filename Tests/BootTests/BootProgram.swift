import Compression
import Foundation
import TestSupport
import Testing

/// A program of `Tests/Guests/boot`, assembled, on a disk or floppy image of its own.
final class BootProgram {
  static let floppySize = 1440 << 10
  static let diskSize = 8 << 20
  private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Guests/boot").path
  /// Sectors from here on are filled with `filling`.
  static let firstFilled = 18

  let folder: TemporaryFolder
  let image: String
  private let isFloppy: Bool

  /// `symbols`: set for the assembler, as NAME=VALUE.
  init(_ name: String, floppy: Bool = false, filled: Bool = false, symbols: [String] = []) throws {
    folder = try TemporaryFolder()
    isFloppy = floppy
    let object = folder.name("boot.o")
    let binary = folder.name("boot.bin")
    try Shell.run(
      "/usr/bin/as",
      ["--32", "-o", object] + symbols.flatMap { ["--defsym", $0] }
        + ["\(BootProgram.sources)/boot.inc", "\(BootProgram.sources)/\(name).s"])
    try Shell.run(
      "/usr/bin/ld",
      ["-m", "elf_i386", "-N", "-Ttext=0x7c00", "-e", "_start", "--oformat", "binary", "-o", binary, object])
    var bytes = folder.bytes("boot.bin")
    try #require(bytes.count <= 17 * 512, "boot.inc loads 16 sectors behind the boot sector")
    bytes += [UInt8](repeating: 0, count: (floppy ? BootProgram.floppySize : BootProgram.diskSize) - bytes.count)
    if filled {
      for sector in BootProgram.firstFilled..<(bytes.count / 512) {
        bytes.replaceSubrange((sector * 512)..<(sector * 512 + 512), with: BootProgram.filling(sector))
      }
    }
    image = try folder.write("boot.img", bytes)
  }

  /// What a filled image holds in a sector: byte i of sector n is 7n + i.
  static func filling(_ sector: Int) -> [UInt8] { (0..<512).map { UInt8(truncatingIfNeeded: 7 * sector + $0) } }

  /// The arguments of `ringbox run` that boot the program.
  func arguments(_ more: [String] = []) -> [String] {
    ["--memory", "64M"] + (isFloppy ? ["--floppy", image, "--boot", "a"] : ["--disk", image]) + more
  }
  func launch(_ more: [String] = []) throws -> VM { try VM.launch(arguments: arguments(more)) }

  /// Sectors of the image as the machine left it.
  func sectors(_ first: Int, count: Int) -> [UInt8] {
    Array(folder.bytes("boot.img").dropFirst(first * 512).prefix(count * 512))
  }
}

extension VM {
  /// The hexadecimal words that a program has reported after `name`, line by line.
  func reports(_ name: String) -> [[UInt16]] {
    serialText().split(whereSeparator: \.isNewline).compactMap { line in
      let words = line.split(separator: " ")
      return words.first == Substring(name) ? words.dropFirst().compactMap { UInt16($0, radix: 16) } : nil
    }
  }
  func report(_ name: String) throws -> [UInt16] {
    let all = reports(name)
    return try #require(all.first, "no '\(name)' in: \(serialText())")
  }
  func picture() throws -> Picture { try Picture(png: screenshot()) }
}

/// Pixels of a screenshot, 0x00RRGGBB, rows from the top.
struct Picture {
  let width: Int
  let height: Int
  let pixels: [UInt32]

  /// Reads what `PNGEncoder` writes: 8-bit RGB, no interlace; any row filter but Average and Paeth.
  init(png file: [UInt8]) throws {
    func word(_ at: Int) -> Int { file[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) } }
    var at = 8
    var size = (width: 0, height: 0)
    var data: [UInt8] = []
    while at + 12 <= file.count {
      let count = word(at)
      try #require(at + 12 + count <= file.count)
      switch String(decoding: file[(at + 4)..<(at + 8)], as: UTF8.self) {
      case "IHDR":
        size = (word(at + 8), word(at + 12))
        try #require(Array(file[(at + 16)..<(at + 21)]) == [8, 2, 0, 0, 0])
      case "IDAT": data += file[(at + 8)..<(at + 8 + count)]
      default: break
      }
      at += 12 + count
    }
    let pitch = size.width * 3
    let rows = try #require(Zlib.inflate(data, limit: size.height * (pitch + 1)))
    try #require(rows.count == size.height * (pitch + 1))
    var pixels: [UInt32] = []
    pixels.reserveCapacity(size.width * size.height)
    var above = [UInt8](repeating: 0, count: pitch)
    for y in 0..<size.height {
      let start = y * (pitch + 1)
      var row = Array(rows[(start + 1)..<(start + 1 + pitch)])
      switch rows[start] {
      case 0: break
      case 1: for x in row.indices.dropFirst(3) { row[x] &+= row[x - 3] }
      case 2: for x in row.indices { row[x] &+= above[x] }
      default: throw Shell.Failed(description: "row filter \(rows[start])")
      }
      for x in 0..<size.width {
        pixels.append(UInt32(row[x * 3]) << 16 | UInt32(row[x * 3 + 1]) << 8 | UInt32(row[x * 3 + 2]))
      }
      above = row
    }
    (width, height) = size
    self.pixels = pixels
  }

  /// Compares every pixel with a model; the first few that differ are reported.
  func expect(
    _ width: Int, _ height: Int, sourceLocation: SourceLocation = #_sourceLocation, model: (Int, Int) -> UInt32
  ) {
    #expect(self.width == width && self.height == height, sourceLocation: sourceLocation)
    guard self.width == width, self.height == height else { return }
    var wrong: [String] = []
    var count = 0
    for y in 0..<height {
      for x in 0..<width {
        let wanted = model(x, y)
        let actual = pixels[y * width + x]
        guard actual != wanted else { continue }
        count += 1
        if count <= 5 { wrong.append("(\(x), \(y)): \(String(actual, radix: 16)), not \(String(wanted, radix: 16))") }
      }
    }
    #expect(count == 0, "\(count) pixels differ: \(wrong)", sourceLocation: sourceLocation)
  }

  /// A colour of the DAC as the screen shows it: six bits a component, widened to eight.
  static func dac(_ red: Int, _ green: Int, _ blue: Int) -> UInt32 {
    [red, green, blue].reduce(0) { $0 << 8 | UInt32(($1 & 63) << 2 | ($1 & 63) >> 4) }
  }
}
