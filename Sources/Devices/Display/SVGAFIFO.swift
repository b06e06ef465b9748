import Base
import DeviceKit
import Synchronization

/// The command FIFO of the SVGA II adapter: registers as dwords from the start of its memory, then a ring of dwords.
enum SVGAFIFO {
  /// Numbers of registers.
  enum Register {
    static let minimum = 0, maximum = 1, nextCommand = 2, stop = 3, capabilities = 4, flags = 5, fence = 6
    static let fenceGoal = 289, busy = 290
  }
  static let registerCount: UInt32 = 291
  /// Fences, pitch lock, reservations.
  static let capabilities: UInt64 = 1 | 4 | 0x40

  enum Command {
    static let update: UInt32 = 1, rectangleFill: UInt32 = 2, rectangleCopy: UInt32 = 3
    static let rectangleRopCopy: UInt32 = 14, defineCursor: UInt32 = 19, defineAlphaCursor: UInt32 = 22
    static let updateVerbose: UInt32 = 25, frontRopFill: UInt32 = 29, fence: UInt32 = 30, escape: UInt32 = 33
  }

  /// A walk over the dwords that wait in the ring. The guest may change them meanwhile: each is read once.
  struct Reader {
    private let memory: VideoMemory
    private let minimum: Int
    private let maximum: Int
    /// Byte offset of the next dword.
    private(set) var position: Int
    /// Dwords that wait.
    private(set) var left: Int

    /// Nil while the guest's registers make no ring.
    init?(_ memory: VideoMemory) {
      func register(_ number: Int) -> Int { Int(memory.load(number * 4, width: 4)) }
      self.memory = memory
      minimum = register(Register.minimum)
      maximum = register(Register.maximum)
      position = register(Register.stop)
      let next = register(Register.nextCommand)
      guard minimum >= 16, maximum <= memory.size, minimum < maximum, (minimum..<maximum).contains(position),
        (minimum..<maximum).contains(next), (minimum | maximum | position | next) & 3 == 0
      else { return nil }
      left = ((next >= position ? next : next + maximum - minimum) - position) / 4
    }
    var capacity: Int { (maximum - minimum) / 4 - 1 }

    mutating func next() -> UInt32? {
      guard left > 0 else { return nil }
      let word = UInt32(truncatingIfNeeded: memory.load(position, width: 4))
      skip(1)
      return word
    }
    mutating func take(_ count: Int) -> [UInt32]? {
      guard count >= 0, count <= left else { return nil }
      return (0..<count).map { _ in next() ?? 0 }
    }
    mutating func skip(_ count: Int) {
      let count = min(count, left)
      left -= count
      position += count * 4
      if position >= maximum { position -= maximum - minimum }
    }
  }
}

extension VGA {
  private typealias Register = SVGAFIFO.Register
  private typealias Command = SVGAFIFO.Command
  private enum Outcome { case done, incomplete, nonsense }

  private func load(_ register: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: fifo?.load(register * 4, width: 4) ?? 0)
  }
  private func store(_ register: Int, _ value: UInt32) { fifo?.store(register * 4, width: 4, UInt64(value)) }

  /// Tells the guest what the FIFO can do.
  func announceFIFO() {
    store(Register.capabilities, UInt32(SVGAFIFO.capabilities))
    store(Register.flags, 0)
  }

  /// Carries out what waits. The guest announces commands only while the FIFO is not marked busy, so what another
  /// processor added meanwhile must be seen after the mark has gone.
  mutating func runFIFO(_ host: some DeviceServices) {
    guard let svga = registers.svga, svga.configDone, svga.enable & 1 != 0, let fifo else {
      return store(Register.busy, 0)
    }
    var done = 0
    for _ in 0..<8 {
      guard var reader = SVGAFIFO.Reader(fifo) else {
        host.log(.guestError, "SVGA FIFO registers that make no ring")
        break
      }
      let before = done
      commands: while reader.left > 0 {
        let start = reader
        switch perform(&reader, host) {
        case .done: done += 1
        case .incomplete:
          reader = start
          break commands
        case .nonsense:
          // How long it is nobody knows: what waits is lost.
          reader.skip(reader.left)
          done += 1
        }
      }
      store(Register.stop, UInt32(truncatingIfNeeded: reader.position))
      store(Register.busy, 0)
      atomicMemoryFence(ordering: .sequentiallyConsistent)
      if done == before || load(Register.nextCommand) == UInt32(truncatingIfNeeded: reader.position) { break }
    }
    if done > 0 { raise(SVGAState.Interrupt.progress, host) }
  }

  /// Sets bits of the interrupt status that the guest wants.
  private mutating func raise(_ bits: UInt32, _ host: some DeviceServices) {
    guard let mask = registers.svga?.irqMask, bits & mask != 0 else { return }
    registers.svga?.irqStatus |= bits & mask & SVGAState.Interrupt.all
    driveInterrupt(host)
  }

  private mutating func perform(_ reader: inout SVGAFIFO.Reader, _ host: some DeviceServices) -> Outcome {
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
    case Command.defineCursor: return defineCursor(&reader)
    case Command.defineAlphaCursor: return defineAlphaCursor(&reader)
    default:
      host.log(.guestError, "SVGA command \(command)")
      return .nonsense
    }
  }

  private func skip(_ count: Int, _ reader: inout SVGAFIFO.Reader) -> Outcome {
    guard count <= reader.capacity else { return .nonsense }
    guard count <= reader.left else { return .incomplete }
    reader.skip(count)
    return .done
  }

  private mutating func passed(_ fence: UInt32, _ host: some DeviceServices) {
    let before = load(Register.fence)
    let goal = load(Register.fenceGoal)
    store(Register.fence, fence)
    var bits = SVGAState.Interrupt.anyFence
    // Fences are numbers modulo 2^32.
    if Int32(bitPattern: fence &- goal) >= 0, Int32(bitPattern: before &- goal) < 0 {
      bits |= SVGAState.Interrupt.fenceGoal
    }
    raise(bits, host)
  }

  // MARK: Pointers

  /// Parameters: number, hot spot, size, depths of the masks; then the AND mask and the XOR mask, rows padded to dwords.
  private mutating func defineCursor(_ reader: inout SVGAFIFO.Reader) -> Outcome {
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
  private mutating func defineAlphaCursor(_ reader: inout SVGAFIFO.Reader) -> Outcome {
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
