import Base
import DeviceConformance
import Testing

@testable import DeviceKit
@testable import Devices

/// A guest's driver for the SVGA II adapter.
private struct Driver {
  var vga: VGA
  let host = FakeServices()
  let fifo = VideoMemory(size: VideoMemory.minimumSize)
  /// Where the driver's ring begins and ends.
  let ring: (minimum: Int, maximum: Int)

  init(_ controller: GraphicsController = .vmSVGA, ring: (Int, Int) = (4096, 8192), monitors: Int = 1) {
    self.ring = ring
    vga = VGA(memory: VideoMemory(size: 1 << 20), kind: VGA.Kind(controller, monitors: monitors, fifo: fifo))
    vga.reset(host)
  }
  mutating func write(_ register: UInt64, _ value: UInt64) {
    vga.testWrite(0, register, region: VGA.svgaRegion, width: 4, host)
    vga.testWrite(1, value, region: VGA.svgaRegion, width: 4, host)
  }
  mutating func read(_ register: UInt64) -> UInt64 {
    vga.testWrite(0, register, region: VGA.svgaRegion, width: 4, host)
    return vga.testRead(1, region: VGA.svgaRegion, width: 4, host)
  }
  func fifoRegister(_ number: Int) -> Int { Int(fifo.load(number * 4, width: 4)) }
  func setFIFO(_ number: Int, _ value: Int) { fifo.store(number * 4, width: 4, UInt64(value)) }

  mutating func start() {
    write(1, 1)
    for (number, value) in [ring.minimum, ring.maximum, ring.minimum, ring.minimum].enumerated() {
      setFIFO(number, value)
    }
    write(20, 1)
  }
  /// Appends words, and announces them.
  mutating func submit(_ words: [UInt32], announce: Bool = true) {
    var next = fifoRegister(2)
    for word in words {
      fifo.store(next, width: 4, UInt64(word))
      next += 4
      if next == ring.maximum { next = ring.minimum }
    }
    setFIFO(2, next)
    guard announce else { return }
    setFIFO(290, 1)
    write(21, 1)
  }
  var frame: Frame {
    var renderer = ScreenRenderer()
    return renderer.render(vga.registers, vga.memory, time: VirtualTime(nanoseconds: 0))
  }
}

@Suite struct SVGATests {
  @Test func keepsTheLawsOfDevices() {
    let make = {
      VGA(
        memory: VideoMemory(size: VideoMemory.minimumSize),
        kind: VGA.Kind(.vmSVGA, monitors: 2, fifo: VideoMemory(size: VideoMemory.minimumSize)))
    }
    #expect(DeviceConformance.check(make: make, seeds: 12) == [])
  }

  @Test func identityAndBaseAddresses() {
    var driver = Driver()
    #expect(driver.vga.config.get32(0) == 0x0405_15ad)
    for (bar, base) in [(0, 0xc000), (1, 0xe000_0000), (2, 0xf000_0000)] as [(Int, UInt32)] {
      driver.vga.config.write(0x10 + bar * 4, base, width: 4)
    }
    driver.vga.config.write(4, 7, width: 2)
    driver.vga.mapBARs(driver.host)
    #expect(
      driver.host.mapped == [
        VGA.svgaRegion: 0xc000, VGA.frameBufferRegion: 0xe000_0000, VGA.fifoRegion: 0xf000_0000,
      ])
    #expect(driver.read(13) == 0xe000_0000 && driver.read(18) == 0xf000_0000)
    #expect(driver.read(15) == 1 << 20 && driver.read(19) == UInt64(VideoMemory.minimumSize))
    #expect(Driver(.vboxSVGA).vga.config.get32(0) == 0xbeef_80ee)
  }

  @Test func versionIsNegotiated() {
    var driver = Driver()
    #expect(driver.read(0) == 0x9000_0002)
    driver.write(0, 0x9000_0001)
    #expect(driver.read(0) == 0x9000_0001)
    driver.write(0, 0x9000_0003)
    #expect(driver.read(0) == 0x9000_0001)
  }

  @Test func aModeIsShownFromTheStartOfVideoMemory() {
    var driver = Driver()
    driver.vga.memory.store(0, width: 4, 0xaa_bbcc)
    driver.vga.memory.store(9 * 256 + 39 * 4, width: 4, 0x12_3456)
    driver.write(32, 256)
    driver.write(2, 40)
    driver.write(3, 10)
    // Enabled but hidden: the VGA is still to be seen.
    driver.write(1, 3)
    #expect(driver.vga.registers.scanout == nil)
    driver.write(1, 1)
    let frame = driver.frame
    #expect(frame.width == 40 && frame.height == 10 && frame[0, 0] == 0xaa_bbcc && frame[39, 9] == 0x12_3456)
    #expect(driver.read(12) == 256 && driver.read(6) == 24 && driver.read(7) == 32)
    driver.write(1, 0)
    #expect(driver.vga.registers.scanout == nil)
  }

  @Test func sizesBeyondVideoMemoryAreCut() {
    var driver = Driver()
    driver.write(2, 1024)
    driver.write(3, 8192)
    driver.write(2, 9000)
    driver.write(1, 1)
    #expect(driver.frame.width == 1024 && driver.frame.height == 256)
  }

  @Test func fencesArePassedAndInterrupt() {
    var driver = Driver()
    driver.start()
    #expect(driver.fifoRegister(4) == 0x355)
    driver.write(33, 1)
    driver.submit([1, 0, 0, 8, 8, 30, 77])
    #expect(driver.fifoRegister(6) == 77 && driver.fifoRegister(290) == 0)
    #expect(driver.fifoRegister(3) == driver.fifoRegister(2))
    #expect(driver.host.level(0))
    #expect(driver.vga.testRead(8, region: VGA.svgaRegion, width: 4, driver.host) == 1)
    driver.vga.testWrite(8, 1, region: VGA.svgaRegion, width: 4, driver.host)
    #expect(!driver.host.level(0))
  }

  @Test func aFenceGoalInterruptsWhenItIsPassed() {
    var driver = Driver()
    driver.start()
    driver.setFIFO(289, 10)
    driver.write(33, 4)
    driver.submit([30, 9])
    #expect(!driver.host.level(0))
    driver.submit([30, 12])
    #expect(driver.host.level(0))
  }

  @Test func commandsWrapAroundAndWaitUntilTheyAreWhole() {
    var driver = Driver(ring: (4096, 4096 + 32))
    driver.start()
    driver.submit([30, 1, 30, 2, 30])
    #expect(driver.fifoRegister(6) == 2 && driver.fifoRegister(3) == 4096 + 16)
    driver.submit([3, 1, 0])
    #expect(driver.fifoRegister(6) == 3)
    driver.submit([0, 1, 1, 30, 4])
    #expect(driver.fifoRegister(6) == 4 && driver.fifoRegister(3) == driver.fifoRegister(2))
  }

  @Test func aPointerIsLaidOverThePicture() {
    var driver = Driver()
    driver.write(2, 40)
    driver.write(3, 10)
    driver.start()
    driver.vga.memory.store(0, width: 4, 0x80_8080)
    driver.submit([22, 0, 1, 0, 2, 1, 0xffff_0000, 0x8000_4000])
    driver.write(25, 4)
    driver.write(26, 5)
    #expect(driver.vga.registers.scanout?.pointer == nil)
    driver.write(27, 1)
    // The hot spot is the second pixel.
    #expect(driver.frame[3, 5] == 0xff_0000 && driver.frame[4, 5] == 0x00_4000)
    driver.write(25, 1)
    driver.write(26, 0)
    #expect(driver.frame[0, 0] == 0xff_0000)
    // Half of what lies under it shines through.
    driver.write(25, 0)
    #expect(driver.frame[0, 0] == 0x3f_7f3f)
    driver.write(27, 0)
    #expect(driver.frame[0, 0] == 0x80_8080)
  }

  @Test func aPointerOfTwoMasks() {
    var driver = Driver()
    driver.write(2, 40)
    driver.write(3, 10)
    driver.start()
    // Pixels from the left: black, white, nothing, the picture inverted.
    driver.submit([19, 0, 0, 0, 4, 1, 1, 1, 0x30, 0x50])
    driver.write(27, 1)
    driver.vga.memory.store(8, width: 4, 0x12_3456)
    #expect(driver.frame[0, 0] == 0 && driver.frame[1, 0] == 0xff_ffff && driver.frame[2, 0] == 0x12_3456)
    #expect(driver.frame[3, 0] == 0x80_8080)
  }

  @Test func nonsenseInTheFIFOIsDropped() {
    var driver = Driver()
    driver.start()
    driver.submit([0x1234, 1, 2, 3])
    #expect(driver.fifoRegister(3) == driver.fifoRegister(2))
    // Longer than the ring; a pointer that is too large.
    driver.submit([33, 0, 0x7fff_ffff])
    driver.submit([22, 0, 0, 0, 0xffff, 0xffff])
    driver.submit([30, 5])
    #expect(driver.fifoRegister(6) == 5)
    // Registers that make no ring.
    for (number, value) in [(0, 0), (1, 1 << 30), (2, 3), (3, 8192)] {
      driver.start()
      driver.setFIFO(number, value)
      driver.setFIFO(290, 1)
      driver.write(21, 1)
    }
    driver.start()
    driver.submit([30, 6])
    #expect(driver.fifoRegister(6) == 6)
  }

  @Test func displaysHaveTheirRegisters() {
    var driver = Driver(monitors: 4)
    #expect(driver.read(31) == 4)
    driver.write(34, 2)
    for (display, x) in [(0, 0), (1, 640)] as [(UInt64, UInt64)] {
      driver.write(35, display)
      driver.write(37, x)
      driver.write(39, 640)
    }
    driver.write(35, 0)
    #expect(driver.read(37) == 0)
    driver.write(35, 1)
    #expect(driver.read(37) == 640 && driver.read(39) == 640 && driver.read(34) == 2)
    driver.write(35, 4000)
    driver.write(37, 1)
    #expect(driver.read(37) == 0)
  }

  @Test func modeAndPointerSurviveASavedState() throws {
    var driver = Driver()
    driver.write(2, 40)
    driver.write(3, 10)
    driver.start()
    driver.submit([22, 0, 0, 0, 1, 1, 0xffff_0000])
    driver.write(27, 1)
    let saved = StateWriter.encode(driver.vga.state)
    var other = Driver()
    other.vga.state = try StateReader.decode(saved, into: other.vga.state)
    other.vga.stateRestored(other.host)
    #expect(other.frame == driver.frame && other.frame[0, 0] == 0xff_0000)
    other.submit([30, 9])
    #expect(other.fifoRegister(6) == 9)
  }
}
