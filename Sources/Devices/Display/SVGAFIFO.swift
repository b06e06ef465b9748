import Base
import DeviceKit
import Synchronization

/// The command FIFO of the SVGA II adapter: registers as dwords from the start of its memory, then a ring of dwords.
enum SVGAFIFO {
  /// Numbers of registers.
  enum Register {
    static let minimum = 0, maximum = 1, nextCommand = 2, stop = 3, capabilities = 4, flags = 5, fence = 6
    static let cursorOn = 9, cursorX = 10, cursorY = 11, cursorCount = 12, cursorScreen = 15
    static let fenceGoal = 289, busy = 290
  }
  static let registerCount: UInt32 = 291
  /// Fences, pitch lock, the pointer in registers here, reservations, regions, screens with pictures of the guest's.
  static let capabilities: UInt64 = 1 | 4 | 0x10 | 0x40 | 0x100 | 0x200

  /// A walk over the dwords that wait in the ring. The guest may change them meanwhile: each is read once.
  struct Reader: SVGACommandSource {
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

  private func load(_ register: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: fifo?.load(register * 4, width: 4) ?? 0)
  }
  private func store(_ register: Int, _ value: UInt32) { fifo?.store(register * 4, width: 4, UInt64(value)) }

  /// Tells the guest what the FIFO can do.
  func announceFIFO() {
    store(Register.capabilities, UInt32(SVGAFIFO.capabilities))
    store(Register.flags, 0)
  }
  /// Places of the pointer are among all screens until the guest says otherwise.
  func resetFIFO() {
    announceFIFO()
    store(Register.cursorScreen, .max)
  }

  /// Takes over where the guest has put the pointer, which nobody is told of. To be called before the screen is drawn.
  public mutating func updatePointer() {
    guard let svga = registers.svga, svga.configDone, load(0) >= UInt32(Register.cursorScreen * 4 + 4) else { return }
    let count = load(Register.cursorCount)
    guard count != svga.cursorCount else { return }
    var (x, y) = (load(Register.cursorX), load(Register.cursorY))
    let (screen, shown) = (load(Register.cursorScreen), load(Register.cursorOn))
    if screen < SVGAState.maximumDisplays, svga.screens[Int(screen)].isDefined {
      x = x &+ UInt32(bitPattern: svga.screens[Int(screen)].x)
      y = y &+ UInt32(bitPattern: svga.screens[Int(screen)].y)
    }
    registers.svga?.cursorCount = count
    registers.svga?.cursorX = x
    registers.svga?.cursorY = y
    registers.svga?.cursorOn = shown
    scanoutChanged()
  }

  /// Carries out what waits. The guest announces commands only while the FIFO is not marked busy, so what another
  /// processor added meanwhile must be seen after the mark has gone.
  mutating func runFIFO(_ host: some DeviceServices) {
    guard let svga = registers.svga, svga.configDone, svga.enable & 1 != 0, let fifo else {
      return store(Register.busy, 0)
    }
    var done = 0
    var budget = VGA.copyLimit
    for _ in 0..<8 {
      guard var reader = SVGAFIFO.Reader(fifo) else {
        host.log(.guestError, "SVGA FIFO registers that make no ring")
        break
      }
      let before = done
      commands: while reader.left > 0 {
        let start = reader
        switch perform(&reader, &budget, host) {
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
  mutating func raise(_ bits: UInt32, _ host: some DeviceServices) {
    guard let mask = registers.svga?.irqMask, bits & mask != 0 else { return }
    registers.svga?.irqStatus |= bits & mask & SVGAState.Interrupt.all
    driveInterrupt(host)
  }

  /// A fence that the guest put between commands was reached.
  mutating func passed(_ fence: UInt32, _ host: some DeviceServices) {
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
}
