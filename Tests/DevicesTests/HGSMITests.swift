import Base
import DeviceConformance
import Testing

@testable import DeviceKit
@testable import Devices

/// A guest's driver for VirtualBox's adapter: commands at the start of a heap at the end of video memory.
private struct Driver {
  var vga: VGA
  let host = FakeServices()
  let heap: Int

  init(monitors: Int = 2) {
    vga = VGA(memory: VideoMemory(size: 1 << 20), kind: VGA.Kind(.vboxVGA, monitors: monitors))
    vga.reset(host)
    heap = vga.memory.size - 0x1_0000
  }

  /// Puts a command there, with the checksum that goes with it, and rings.
  @discardableResult
  mutating func submit(channel: UInt8 = 2, _ command: UInt16, _ words: [UInt32], spoil: UInt32 = 0) -> [UInt32] {
    let count = words.count * 4
    var header: [UInt8] = []
    func append(_ value: UInt32) { header += (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) } }
    append(UInt32(count))
    append(UInt32(channel) << 8 | UInt32(command) << 16)
    append(0)
    append(0)
    vga.memory.write(heap, header)
    for (index, word) in words.enumerated() { vga.memory.store(heap + 16 + index * 4, width: 4, UInt64(word)) }
    var hash: UInt32 = 0
    let place = (0..<4).map { UInt8(truncatingIfNeeded: UInt32(heap) >> UInt32($0 * 8)) }
    for byte in place + header + [0, 0, 0, 0] {
      hash &+= UInt32(byte)
      hash &+= hash << 10
      hash ^= hash >> 6
    }
    hash &+= hash << 3
    hash ^= hash >> 11
    hash &+= hash << 15
    vga.memory.store(heap + 16 + count, width: 4, 0)
    vga.memory.store(heap + 20 + count, width: 4, UInt64(hash ^ spoil))
    vga.testWrite(0x10, UInt64(heap), region: 1, width: 4, host)
    return words.indices.map { UInt32(vga.memory.load(heap + 16 + $0 * 4, width: 4)) }
  }
  mutating func query(_ index: UInt32) -> UInt32 { submit(1, [index, .max])[1] }
  mutating func dispi(_ index: UInt64, _ value: UInt64) {
    vga.testWrite(0, index, region: 2, width: 2, host)
    vga.testWrite(1, value, region: 2, width: 2, host)
  }
  /// A screen of 32-bit pixels in the view from `offset`.
  mutating func show(_ screen: UInt32, x: UInt32 = 0, offset: UInt32, width: UInt32, height: UInt32, flags: UInt32 = 1)
  {
    submit(3, [screen, offset, 0x8_0000, 0x8_0000])
    submit(6, [screen, x, 0, 0, width * 4, width, height, 32 | flags << 16])
  }
  var frame: Frame {
    var renderer = ScreenRenderer()
    return renderer.render(vga.registers, vga.memory, time: VirtualTime(nanoseconds: 0))
  }
}

@Suite struct HGSMITests {
  @Test(arguments: [GraphicsController.vboxVGA, .vboxSVGA])
  func keepsTheLawsOfDevices(controller: GraphicsController) {
    let make = {
      VGA(
        memory: VideoMemory(size: VideoMemory.minimumSize),
        kind: VGA.Kind(controller, monitors: 3, fifo: VideoMemory(size: VideoMemory.minimumSize)))
    }
    #expect(DeviceConformance.check(make: make, seeds: 12) == [])
  }

  @Test func identifiesItselfAsTheAdapterThatDriversLookFor() {
    let driver = Driver()
    #expect(driver.vga.config.get32(0) == 0xbeef_80ee && driver.vga.config.bytes[0x3d] == 1)
  }

  @Test func versionAndMemorySizeAreReadAtTheDisplayInterface() {
    var driver = Driver(monitors: 3)
    driver.dispi(0, 0xbe01)
    #expect(driver.vga.testRead(1, region: 2, width: 2, driver.host) == 0xbe01)
    #expect(driver.vga.testRead(1, region: 2, width: 4, driver.host) == 1 << 20)
    driver.vga.testWrite(0, 10, region: 2, width: 2, driver.host)
    #expect(driver.vga.testRead(1, region: 2, width: 2, driver.host) == 3)
  }

  @Test func anOrdinaryVGAKnowsNothingOfIt() {
    let host = FakeServices()
    var vga = VGA(memory: VideoMemory(size: 1 << 20))
    vga.reset(host)
    vga.testWrite(0, 0, region: 2, width: 2, host)
    vga.testWrite(1, 0xbe01, region: 2, width: 2, host)
    #expect(vga.testRead(1, region: 2, width: 2, host) == 0xb0c5)
    #expect(vga.descriptor.outputs.isEmpty && vga.config.get32(0) == 0x1111_1234)
  }

  @Test func configurationIsAnswered() {
    var driver = Driver(monitors: 4)
    #expect(driver.query(0) == 4)
    #expect(driver.query(2) == 0 && driver.query(3) == 0)
    #expect(driver.query(4) == 0)
    // Drivers try an index that cannot be.
    #expect(driver.query(.max) == .max)
  }

  @Test func capabilitiesHintsAndPointersHaveResults() {
    var driver = Driver()
    #expect(driver.submit(12, [0xffff_ff00, 0x1a])[0] == 0)
    let hints = driver.submit(19, [2 | 32 << 16, 0xffff_ffdb] + [UInt32](repeating: 5, count: 16))
    #expect(hints[1] == 0 && hints[2...].allSatisfy { $0 == .max })
    #expect(Int32(bitPattern: driver.submit(8, [0, 7, 0, 0, 1, 1, 0, 0])[0]) == -37)
  }

  @Test func theHostsWishesAreToldByAnInterruptUntilTheyAreSeen() {
    var driver = Driver()
    let place = driver.heap + 0x8000
    var mode = DisplayModeHint()
    (mode.width, mode.height) = (1234, 567)
    // Without a driver nothing happens, and the hint waits.
    #expect(driver.vga.hint(mode, display: 0, driver.host) && driver.host.levels[0] != true)
    driver.submit(channel: 1, 0, [UInt32(place), 16])
    driver.submit(12, [0xffff_ff00, 0x1a])
    (mode.isEnabled, mode.x, mode.y) = (false, 5, 6)
    #expect(driver.vga.hint(mode, display: 1, driver.host) && driver.host.levels[0] == true)
    #expect(driver.vga.memory.load(place, width: 4) == 0x22)
    #expect(driver.vga.hint(mode, display: 2, driver.host) == false)
    let hints = driver.submit(19, [3 | 32 << 16, 0xffff_ffdb] + [UInt32](repeating: 5, count: 24))
    #expect(Array(hints[2..<10]) == [0x0801_add9, 1234, 567, 32, 0, .max, .max, 1])
    #expect(Array(hints[10..<18]) == [0x0801_add9, 1234, 567, 32, 1, 5, 6, 0])
    #expect(hints[18...].allSatisfy { $0 == .max })
    driver.vga.testWrite(0, 0xffff_ffff, region: 0, width: 4, driver.host)
    #expect(driver.host.levels[0] != true && driver.vga.memory.load(place, width: 4) == 0)
    // Room for one, and lengths that lie.
    #expect(driver.submit(19, [64 | 0xffff << 16, 0])[1] == 0)
    #expect(driver.submit(19, [1 | 4 << 16, 0, 9, 9])[2...] == [0x0801_add9, .max])
  }

  @Test func screensLieSideBySide() {
    var driver = Driver()
    driver.dispi(1, 64)
    driver.dispi(2, 32)
    driver.dispi(3, 32)
    driver.dispi(4, 1)
    driver.show(0, offset: 0x1000, width: 64, height: 32)
    driver.show(1, x: 64, offset: 0x8000, width: 32, height: 48)
    driver.vga.memory.store(0x1000, width: 4, 0x11_2233)
    driver.vga.memory.store(0x8000 + 47 * 128, width: 4, 0x44_5566)
    let frame = driver.frame
    #expect(frame.width == 96 && frame.height == 48)
    #expect(frame[0, 0] == 0x11_2233 && frame[64, 47] == 0x44_5566 && frame[0, 40] == 0)
    // Blank, then gone.
    driver.show(1, x: 64, offset: 0x8000, width: 32, height: 48, flags: 1 | 4)
    #expect(driver.frame[64, 47] == 0)
    driver.show(1, x: 64, offset: 0x8000, width: 32, height: 48, flags: 1 | 2)
    #expect(driver.frame.width == 64)
    // Without a mode of the display interface the VGA is to be seen.
    driver.dispi(4, 0)
    #expect(driver.vga.registers.scanout == nil)
  }

  @Test func aScreenOutsideVideoMemoryIsNotShown() {
    var driver = Driver()
    driver.dispi(4, 1)
    driver.show(0, offset: 0xffff_ff00, width: 64, height: 32)
    #expect(driver.vga.registers.scanout == nil)
    driver.show(0, offset: 0, width: 64, height: 0x7fff_ffff)
    #expect(driver.frame.height == 4096)
  }

  @Test func ringsOfDirtyRectanglesAreEmptiedByAFlush() {
    var driver = Driver()
    let ring = 0x2_0000
    let answer = driver.submit(7, [1 | 4 | 8, UInt32(ring), 0xffff_ffdb, 1])
    #expect(answer[2] == 0 && driver.vga.memory.load(ring, width: 4) == 1)
    driver.vga.memory.store(ring + 12, width: 4, 480)
    driver.vga.memory.store(ring + 276, width: 4, 60)
    driver.submit(5, [0])
    #expect(driver.vga.memory.load(ring + 8, width: 4) == 480 && driver.vga.memory.load(ring + 272, width: 4) == 60)
    driver.submit(7, [2 | 4 | 8, UInt32(ring), 0, 1])
    #expect(driver.vga.memory.load(ring, width: 4) == 0)
    #expect(Int32(bitPattern: driver.submit(7, [1 | 4 | 8, 0xffff_0000, 0, 1])[2]) == -2)
    #expect(Int32(bitPattern: driver.submit(7, [1 | 4 | 8, UInt32(ring), 0, 9])[2]) == -2)
  }

  @Test func spoiltCommandsChangeNothing() {
    var driver = Driver()
    #expect(driver.submit(1, [0, .max], spoil: 1)[1] == .max)
    // At the very end of video memory, and beyond.
    for offset in [1 << 20, (1 << 20) - 8, 0xffff_fffc] {
      driver.vga.testWrite(0x10, UInt64(offset), region: 1, width: 4, driver.host)
    }
    driver.vga.memory.store(driver.heap, width: 4, 0xffff_ffff)
    driver.vga.testWrite(0x10, UInt64(driver.heap), region: 1, width: 4, driver.host)
    #expect(driver.query(0) == 2)
  }

  @Test func screensSurviveASavedState() throws {
    var driver = Driver()
    driver.dispi(4, 1)
    driver.show(0, offset: 0x1000, width: 64, height: 32)
    let saved = StateWriter.encode(driver.vga.state)
    var other = Driver()
    other.vga.state = try StateReader.decode(saved, into: other.vga.state)
    other.vga.stateRestored(other.host)
    #expect(other.vga.registers.scanout == driver.vga.registers.scanout && other.frame.width == 64)
  }
}
