import Base
import DeviceKit

/// What became of a command: done, not there in full, or none that can be.
enum SVGAOutcome { case done, incomplete, nonsense }

/// Commands of SVGA II, wherever they come from.
extension VGA {
  private enum Command {
    static let update: UInt32 = 1, rectangleFill: UInt32 = 2, rectangleCopy: UInt32 = 3
    static let rectangleRopCopy: UInt32 = 14, defineCursor: UInt32 = 19, defineAlphaCursor: UInt32 = 22
    static let updateVerbose: UInt32 = 25, frontRopFill: UInt32 = 29, fence: UInt32 = 30, escape: UInt32 = 33
    static let defineScreen: UInt32 = 34, destroyScreen: UInt32 = 35, defineImage: UInt32 = 36
    static let imageToScreen: UInt32 = 37, screenToImage: UInt32 = 38, annotateFill: UInt32 = 39
    static let annotateCopy: UInt32 = 40, defineRegion: UInt32 = 41, remapRegion: UInt32 = 42, nothing: UInt32 = 45
  }

  /// Carries out one command. `budget`: bytes that may still be copied.
  mutating func perform(
    _ reader: inout some SVGACommandSource, _ budget: inout Int, _ host: some DeviceServices
  ) -> SVGAOutcome {
    guard let command = reader.next() else { return .incomplete }
    switch command {
    // Pictures are made of all of video memory: what changed need not be known. Fills and copies are not announced.
    case Command.update: return skip(4, &reader)
    case Command.updateVerbose, Command.rectangleFill: return skip(5, &reader)
    case Command.rectangleCopy, Command.frontRopFill: return skip(6, &reader)
    case Command.rectangleRopCopy: return skip(7, &reader)
    case Command.fence:
      guard let fence = reader.next() else { return .incomplete }
      passed(fence, host)
      return .done
    case Command.escape:
      guard let parameters = reader.take(2) else { return .incomplete }
      return skip((Int(parameters[1]) + 3) / 4, &reader)
    case Command.defineScreen: return defineScreen(&reader, host)
    case Command.destroyScreen: return destroyScreen(&reader)
    case Command.defineImage: return defineImage(&reader)
    case Command.imageToScreen: return copyPixels(&reader, toScreen: true, &budget, host)
    case Command.screenToImage: return copyPixels(&reader, toScreen: false, &budget, host)
    // What the next copy will show: it is copied all the same.
    case Command.annotateFill: return skip(1, &reader)
    case Command.annotateCopy: return skip(3, &reader)
    case Command.defineRegion: return defineRegion(&reader, host)
    case Command.remapRegion: return remapRegion(&reader, host)
    case Command.nothing: return .done
    case Command.defineCursor: return defineCursor(&reader)
    case Command.defineAlphaCursor: return defineAlphaCursor(&reader)
    default:
      host.log(.guestError, "SVGA command \(command)")
      return .nonsense
    }
  }

  private func skip(_ count: Int, _ reader: inout some SVGACommandSource) -> SVGAOutcome {
    guard count <= reader.capacity else { return .nonsense }
    guard count <= reader.left else { return .incomplete }
    reader.skip(count)
    return .done
  }

  // MARK: Pointers

  /// Parameters: number, hot spot, size, depths of the masks; then the AND mask and the XOR mask, rows padded to dwords.
  private mutating func defineCursor(_ reader: inout some SVGACommandSource) -> SVGAOutcome {
    guard let head = reader.take(7) else { return .incomplete }
    let (width, height) = (Int(head[3]), Int(head[4]))
    let depths = head[5...].map { Int($0) }
    guard VGA.isPointer(width, height), depths.allSatisfy({ [1, 8, 16, 32].contains($0) }) else { return .nonsense }
    let pitches = depths.map { (width * $0 + 31) / 32 }
    let count = pitches.reduce(0, +) * height
    guard count <= reader.capacity else { return .nonsense }
    guard let words = reader.take(count) else { return .incomplete }
    let masks = zip(depths, pitches).map { (depth: $0, pitch: $1) }
    let second = pitches[0] * height
    let pixels = (0..<(width * height)).map { pixel -> UInt32 in
      let (x, y) = (pixel % width, pixel / width)
      let and = VGA.maskColor(words, masks[0].depth, x: x, row: y * masks[0].pitch)
      let xor = VGA.maskColor(words, masks[1].depth, x: x, row: second + y * masks[1].pitch)
      // What would invert the picture is grey.
      if and == 0 { return 0xff00_0000 | xor }
      return xor == 0 ? 0 : 0xff80_8080
    }
    setPointer(hotX: head[1], hotY: head[2], width: width, pixels)
    return .done
  }

  /// Parameters: number, hot spot, size; then pixels with alpha.
  private mutating func defineAlphaCursor(_ reader: inout some SVGACommandSource) -> SVGAOutcome {
    guard let head = reader.take(5) else { return .incomplete }
    let (width, height) = (Int(head[3]), Int(head[4]))
    guard VGA.isPointer(width, height), width * height <= reader.capacity else { return .nonsense }
    guard let pixels = reader.take(width * height) else { return .incomplete }
    setPointer(hotX: head[1], hotY: head[2], width: width, pixels)
    return .done
  }

  private static func isPointer(_ width: Int, _ height: Int) -> Bool {
    (1...SVGAState.maximumPointer).contains(width) && (1...SVGAState.maximumPointer).contains(height)
  }
  private static func maskColor(_ words: [UInt32], _ depth: Int, x: Int, row: Int) -> UInt32 {
    let bit = x * depth
    let word = words[row + bit / 32]
    switch depth {
    // The leftmost pixel is the highest bit of a byte.
    case 1: return word >> UInt32(x & 0x18 | 7 - x & 7) & 1 == 0 ? 0 : 0xff_ffff
    case 8: return word >> UInt32(bit & 31) & 0xff == 0 ? 0 : 0xff_ffff
    case 16:
      let pixel = word >> UInt32(bit & 31)
      return (pixel >> 11 & 31) << 19 | (pixel >> 5 & 63) << 10 | (pixel & 31) << 3
    default: return word & 0xff_ffff
    }
  }
  private mutating func setPointer(hotX: UInt32, hotY: UInt32, width: Int, _ pixels: [UInt32]) {
    registers.svga?.pointer.hotX = hotX
    registers.svga?.pointer.hotY = hotY
    registers.svga?.pointer.width = UInt16(width)
    registers.svga?.pointer.pixels = pixels
    scanoutChanged()
  }
}
