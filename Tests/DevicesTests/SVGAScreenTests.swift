import Base
import DeviceConformance
import Testing

@testable import DeviceKit
@testable import Devices

/// Screen objects, guest memory regions and command buffers of the SVGA II adapter.
@Suite struct SVGAScreenTests {
  /// A driver that hands its commands over in buffers; guest RAM has the header at 1000h and commands at 2000h.
  private struct Driver {
    var vga: VGA
    let host = FakeServices()
    init(memory: Int = 1 << 20, monitors: Int = 4, controller: GraphicsController = .vmSVGA) {
      vga = VGA(
        memory: VideoMemory(size: memory),
        kind: VGA.Kind(controller, monitors: monitors, fifo: VideoMemory(size: VideoMemory.minimumSize)))
      vga.reset(host)
      write(1, 1)
    }
    mutating func write(_ register: UInt64, _ value: UInt64) {
      vga.testWrite(0, register, region: VGA.svgaRegion, width: 4, host)
      vga.testWrite(1, value, region: VGA.svgaRegion, width: 4, host)
    }
    mutating func read(_ register: UInt64) -> UInt64 {
      vga.testWrite(0, register, region: VGA.svgaRegion, width: 4, host)
      return vga.testRead(1, region: VGA.svgaRegion, width: 4, host)
    }
    func put(_ address: UInt64, _ words: [UInt32]) {
      host.dmaWrite(
        GuestPhysical(address), words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } })
    }
    func get(_ address: UInt64) -> UInt32 {
      host.dmaRead(GuestPhysical(address), count: 4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    /// Status and offset of the error.
    @discardableResult
    mutating func run(_ words: [UInt32], context: UInt64 = 0, flags: UInt32 = 0) -> [UInt32] {
      put(0x1000, [0, 0, 1, 0, flags, UInt32(words.count * 4), 0x2000] + [UInt32](repeating: 0, count: 9))
      put(0x2000, words)
      write(49, 0)
      write(48, 0x1000 | context)
      return [get(0x1000), get(0x1004)]
    }
    var frame: Frame {
      var renderer = ScreenRenderer()
      return renderer.render(vga.registers, vga.memory, time: VirtualTime(nanoseconds: 0))
    }
    /// A screen with its picture at an offset in video memory.
    mutating func define(
      _ number: UInt32, _ width: UInt32, _ height: UInt32, x: UInt32 = 0, y: UInt32 = 0, at start: UInt32,
      flags: UInt32 = 1
    ) {
      #expect(
        run([34, 44, number, flags, width, height, x, y, 0xffff_fffe, start, width * 4, 0]) == [1, 0])
    }
    /// A region of the pages, one after the other.
    mutating func region(_ number: UInt32, _ pages: [UInt32]) {
      run([41, number, UInt32(pages.count), 42, number, 0, 0, UInt32(pages.count)] + pages)
    }
  }

  @Test func capabilitiesAreTold() {
    var driver = Driver()
    let capabilities = driver.read(17)
    // Regions of both kinds, screen objects, command buffers.
    #expect(capabilities & 0x1d0_0000 == 0x1d0_0000)
    #expect(driver.vga.fifo?.load(16, width: 4) == 0x355)
    #expect(driver.read(43) == 1024 && driver.read(46) == 65536 && driver.read(47) == 1 << 20 + 65536 << 12)
  }

  @Test func buffersAreCarriedOutAndAnswered() {
    var driver = Driver()
    driver.write(33, 0x1f)
    #expect(driver.run([1, 1, 0], context: 0x3f) == [1, 0])
    #expect(driver.host.level(0) && driver.vga.testRead(8, region: VGA.svgaRegion, width: 4, driver.host) == 8)
    driver.vga.testWrite(8, 0x1f, region: VGA.svgaRegion, width: 4, driver.host)
    #expect(driver.run([30, 77], flags: 1) == [1, 0] && driver.vga.fifo?.load(24, width: 4) == 77)
    // A fence was passed, and nothing is said of the buffer.
    #expect(driver.vga.testRead(8, region: VGA.svgaRegion, width: 4, driver.host) == 1)
    // Unknown, and cut short: the offset is that of the command.
    #expect(driver.run([45, 0x7777]) == [3, 4])
    #expect(driver.run([45, 45, 34, 44, 0]) == [3, 8])
    #expect(driver.run([9], context: 0x3f) == [3, 0])
    // Headers that lie.
    #expect(driver.run([45], context: 7) == [4, 0] && driver.run([45], flags: 4) == [4, 0])
    driver.put(0x1000, [0, 0, 0, 0, 0, 0x7fff_fff0, 0x2000, 0, 0])
    driver.write(48, 0x1000)
    #expect(driver.get(0x1000) == 4)
    driver.write(49, .max)
    driver.write(48, .max)
  }

  @Test func screensLieWhereTheGuestPutsThem() {
    var driver = Driver()
    driver.define(0, 16, 8, at: 0)
    driver.define(1, 8, 4, x: 16, y: 2, at: 0x10000)
    driver.vga.memory.store(0, width: 4, 0x11_2233)
    driver.vga.memory.store(0x10000, width: 4, 0x44_5566)
    var frame = driver.frame
    #expect(frame.width == 24 && frame.height == 8 && frame.monitors.count == 2)
    #expect(frame[0, 0] == 0x11_2233 && frame[16, 2] == 0x44_5566 && frame[16, 1] == 0)
    // Black, and gone for a while.
    driver.define(1, 8, 4, x: 16, y: 2, at: 0x10000, flags: 0x11)
    #expect(driver.frame[16, 2] == 0 && driver.frame.width == 24)
    driver.define(1, 8, 4, x: 16, y: 2, at: 0x10000, flags: 9)
    #expect(driver.frame.width == 16)
    driver.run([35, 0, 35, 1])
    // The registers' mode again.
    frame = driver.frame
    #expect(frame.width == 1024 && frame.height == Int(1 << 20) / 4096)
    driver.define(0, 16, 8, at: 0)
    driver.write(2, 640)
    #expect(driver.frame.width == 640)
  }

  @Test func screensThatCannotBeAreRefused() {
    var driver = Driver(monitors: 2)
    for words in [
      // Beyond the monitors; pictures that video memory does not hold; elsewhere than in video memory; no pixels.
      [34, 44, 2, 1, 8, 8, 0, 0, 0xffff_fffe, 0, 32, 0], [34, 44, 0, 1, 1024, 1024, 0, 0, 0xffff_fffe, 0, 4096, 0],
      [34, 44, 0, 1, 8, 8, 0, 0, 0xffff_fffe, 0xffff_fff0, 32, 0], [34, 44, 0, 1, 8, 8, 0, 0, 5, 0, 32, 0],
      [34, 44, 0, 1, 0, 8, 0, 0, 0xffff_fffe, 0, 32, 0], [34, 44, 0, 1, 8, 8, 0, 0, 0xffff_fffe, 0, .max, 0],
      [34, 44, .max, 1, 8, 8, 0, 0, 0xffff_fffe, 0, 32, 0], [35, .max],
    ] as [[UInt32]] {
      #expect(driver.run(words) == [1, 0], "\(words)")
      #expect(driver.vga.registers.svga?.screens.contains(where: \.isDefined) == false, "\(words)")
    }
    for size in [0, 39, 42, 260, .max] as [UInt32] { #expect(driver.run([34, size, 0, 0]) == [3, 0]) }
  }

  @Test func pixelsAreCopiedFromScatteredPages() {
    var driver = Driver()
    driver.define(0, 64, 64, at: 0)
    driver.define(1, 64, 64, x: 64, at: 0x8000)
    driver.region(5, [0x20, 0x10, 0x30])
    // Rows of 256 bytes: row 15 ends the first page, row 16 begins the second.
    for row in 0..<16 {
      driver.put(0x20000 + UInt64(row) * 256, (0..<64).map { UInt32(row) << 8 | $0 })
      driver.put(0x10000 + UInt64(row) * 256, (0..<64).map { UInt32(row + 16) << 8 | $0 })
    }
    driver.run([36, 5, 0, 256, 0x1820])
    driver.run([37, 2, 3, 10, 20, 30, 40, 0])
    #expect(driver.frame[10, 20] == 0x0302 && driver.frame[29, 32] == 0x0f15 && driver.frame[29, 39] == 0x1615)
    #expect(driver.frame[9, 20] == 0 && driver.frame[30, 20] == 0 && driver.frame[10, 40] == 0)
    // Over the edges of one screen, and over two.
    driver.run([40, 0, 0, 0, 37, 0, 0, .max - 1, .max - 1, 8, 8, 1])
    #expect(driver.frame[64, 0] == 0x0202 && driver.frame[71, 7] == 0x0909)
    driver.run([39, 5, 37, 0, 1, 60, 0, 70, 1, .max])
    #expect(driver.frame[63, 0] == 0x0103 && driver.frame[64, 0] == 0x0104)
    // Bytes that begin in the middle of a page and end in the next.
    driver.run([36, 5, 4092, 256, 0x1820, 37, 0, 0, 0, 0, 2, 1, 0])
    #expect(driver.frame[0, 0] == 0x0f3f && driver.frame[1, 0] == 0x1000)
  }

  @Test func otherFormatsAndTheWayBack() {
    var driver = Driver()
    driver.define(0, 16, 4, at: 0)
    driver.region(1, [0x20])
    driver.put(0x20000, [0xf800_07e0, 0x7c00_001f])
    driver.run([36, 1, 0, 32, 0x1010, 37, 0, 0, 0, 0, 3, 1, 0])
    #expect(driver.frame[0, 0] == 0x00_ff00 && driver.frame[1, 0] == 0xff_0000 && driver.frame[2, 0] == 0x00_00ff)
    driver.run([36, 1, 4, 32, 0x0f10, 37, 1, 0, 3, 0, 4, 1, 0])
    #expect(driver.frame[3, 0] == 0xff_0000)
    driver.put(0x20000, [0x3311_2233, 0x4455])
    driver.run([36, 1, 0, 48, 0x1818, 37, 0, 0, 0, 1, 2, 2, 0])
    #expect(driver.frame[0, 1] == 0x11_2233 && driver.frame[1, 1] == 0x44_5533)
    // Back, in each format.
    driver.run([36, 1, 0x100, 64, 0x1820, 38, 0, 0, 0, 0, 4, 1, 0])
    #expect(driver.get(0x20100) == 0x00_ff00 && driver.get(0x2010c) == 0xff_0000)
    driver.run([36, 1, 0x200, 64, 0x1010, 38, 0, 0, 0, 0, 2, 1, 0])
    #expect(driver.get(0x20200) == 0xf800_07e0)
    driver.run([36, 1, 0x300, 64, 0x0f10, 38, 0, 0, 0, 0, 2, 1, 0])
    #expect(driver.get(0x20300) == 0x7c00_03e0)
    driver.run([36, 1, 0x400, 64, 0x1818, 38, 0, 0, 0, 1, 1, 2, 0])
    #expect(driver.get(0x20400) & 0xff_ffff == 0x11_2233)
    // From video memory, which needs no region.
    driver.vga.memory.store(0x40000, width: 4, 0x0a_0b0c)
    driver.run([36, 0xffff_fffe, 0x40000, 64, 0x1820, 37, 0, 0, 7, 3, 8, 4, 0])
    #expect(driver.frame[7, 3] == 0x0a_0b0c)
  }

  @Test func regionsAreListedInThreeWays() {
    var driver = Driver()
    func pages(_ number: UInt32) -> [UInt64]? {
      driver.vga.registers.svga?.regions.first { $0.number == number }?.pages
    }
    driver.region(3, [7, 8])
    #expect(pages(3) == [7, 8])
    // 64 bits; one page for all; by way of another region.
    driver.run([42, 3, 2, 1, 1, 9, 1])
    #expect(pages(3) == [7, 0x1_0000_0009])
    driver.run([42, 3, 4, 0, 2, 5])
    #expect(pages(3) == [5, 5])
    driver.region(4, [0x40])
    driver.put(0x40010, [0x77, 0x78])
    driver.run([42, 3, 1, 0, 2, 4, 0x10])
    #expect(pages(3) == [0x77, 0x78])
    driver.run([41, 3, 0])
    #expect(pages(3) == nil)
    // The older way, with a list that goes on on another page.
    driver.put(0x50000, [0x100, 2, 0x51, 0])
    driver.put(0x51000, [0x200, 1, 0, 0])
    driver.write(41, 9)
    driver.write(42, 0x50)
    #expect(pages(9) == [0x100, 0x101, 0x200])
    driver.write(42, 0)
    #expect(pages(9) == nil)
  }

  @Test func regionsThatCannotBeLeaveNothingBehind() {
    var driver = Driver()
    driver.define(0, 64, 64, at: 0)
    driver.run([41, 0, .max, 41, 1024, 1, 41, .max, 1, 41, 1, 65536, 41, 2, 1])
    #expect(driver.vga.registers.svga?.regions.map(\.number) == [1])
    // Pages that nobody named, and bytes beyond the end.
    driver.run([36, 1, 0, 256, 0x1820, 37, 0, 0, 0, 0, 64, 64, 0])
    driver.run([36, 1, .max, 256, 0x1820, 37, 0, .max, 0, 0, 64, 64, 0])
    driver.run([36, 77, 0, 256, 0x1820, 37, 0, 0, 0, 0, 64, 64, 0, 38, 0, 0, 0, 0, 64, 64, 0])
    driver.run([36, 1, 0, .max, 0x1820, 36, 1, 0, 256, 0x2020])
    driver.run([
      37, 0x7fff_ffff, 0x7fff_ffff, 0, 0, 64, 64, 0, 37, 0, 0, 0x8000_0000, 0x8000_0000, 0x7fff_ffff, 0x7fff_ffff, 0,
    ])
    #expect(driver.run([42, 1, 0, 0, 0x7fff_ffff]) == [3, 0])
    driver.run([42, 1, 0, .max, 1, 5, 42, 1, 4, 65535, 2, 5, 42, 1, 1, 0, 1, 1, 0, 42, 1, 1, 0, .max, 1, 0])
    // A list that leads back to itself.
    driver.put(0x50000, [0x50, 0])
    driver.write(41, 9)
    driver.write(42, 0x50)
    #expect(driver.vga.registers.svga?.regions.map(\.number) == [1])
    // Far more than can be seen: given up, not carried out for minutes.
    driver.run([41, 1, 0])
    var big = Driver(memory: 16 << 20)
    big.define(0, 2048, 2000, at: 0)
    let copy: [UInt32] = [37, 0, 0, 0, 0, 2048, 2000, 0]
    big.run([36, 0xffff_fffe, 0, 8192, 0x1820] + (0..<200).flatMap { _ in copy })
    #expect(big.host.logLines.contains { $0.contains("more than can be seen") })
  }

  @Test func thePointerIsWhereTheFIFOSays() {
    var driver = Driver()
    driver.define(0, 16, 8, at: 0)
    driver.define(1, 16, 8, x: 16, at: 0x10000)
    guard let fifo = driver.vga.fifo else { return }
    for (number, value) in [4096, 8192, 4096, 4096].enumerated() { fifo.store(number * 4, width: 4, UInt64(value)) }
    driver.write(20, 1)
    driver.run([22, 0, 0, 0, 1, 1, 0xffff_0000])
    func point(_ on: UInt64, _ x: UInt64, _ y: UInt64, screen: UInt64 = 0xffff_ffff) {
      for (number, value) in [(9, on), (10, x), (11, y), (15, screen)] { fifo.store(number * 4, width: 4, value) }
      fifo.store(48, width: 4, fifo.load(48, width: 4) &+ 1)
      driver.vga.updatePointer()
    }
    point(1, 3, 2)
    #expect(driver.frame[3, 2] == 0xff_0000)
    point(1, 3, 2, screen: 1)
    #expect(driver.frame[3, 2] == 0 && driver.frame[19, 2] == 0xff_0000)
    point(0, 3, 2)
    #expect(driver.frame[3, 2] == 0)
    // The registers still say where it is when they are the last.
    driver.write(25, 5)
    driver.write(26, 5)
    driver.write(27, 1)
    driver.vga.updatePointer()
    #expect(driver.frame[5, 5] == 0xff_0000)
  }

  @Test func screensAndRegionsComeBack() throws {
    var driver = Driver()
    driver.define(0, 16, 8, at: 0)
    driver.region(3, [0x20])
    driver.run([36, 3, 0, 64, 0x1820])
    driver.put(0x20000, [0x12_3456])
    let saved = StateWriter.encode(driver.vga.state)
    var other = Driver()
    other.vga.state = try StateReader.decode(saved, into: other.vga.state)
    other.vga.stateRestored(other.host)
    other.put(0x20000, [0x65_4321])
    other.run([37, 0, 0, 0, 0, 1, 1, 0])
    #expect(other.frame.width == 16 && other.frame[0, 0] == 0x65_4321)
  }

  @Test func anyCommandsLeaveItLawful() {
    var driver = Driver(memory: 256 << 10, monitors: 2)
    var random = SeededGenerator(seed: 11)
    let values: [UInt32] = [0, 1, 2, 3, 8, 16, 44, 64, 4096, 0x1820, 0x1010, 0xffff_fffe, .max, 0x8000_0000]
    for _ in 0..<3000 {
      let command = UInt32.random(in: 34...42, using: &random)
      let length = command == 34 ? [44] : [] as [UInt32]
      let rest = (0..<10).map { _ in values.randomElement(using: &random) ?? 0 }
      driver.run([command] + length + rest)
      _ = driver.vga.info()
    }
    #expect(driver.vga.registers.svga.map { $0.pagesInUse <= 65536 } == true)
    _ = driver.frame
  }
}
