import Base
import DeviceConformance
import Testing

@testable import DeviceKit
@testable import Devices

/// A VGA with what a test needs around it.
private struct Adapter {
  var vga: VGA
  let host = FakeServices()
  let windows = Windows()

  /// Announced windows, in order.
  final class Windows: @unchecked Sendable {
    var seen: [LinearWindow?] = []
  }

  init(memory: Int = VideoMemory.minimumSize, rom: [UInt8] = []) {
    let windows = windows
    vga = VGA(memory: VideoMemory(size: memory), rom: rom) { windows.seen.append($0) }
    vga.reset(host)
  }
  mutating func out(_ port: UInt64, _ value: UInt8) {
    if port >= 0x3c0 {
      vga.testWrite(port - 0x3c0, UInt64(value), region: 1, host)
    } else {
      vga.testWrite(port - 0x3b0, UInt64(value), region: 0, host)
    }
  }
  mutating func inb(_ port: UInt64) -> UInt8 {
    UInt8(vga.testRead(port - (port >= 0x3c0 ? 0x3c0 : 0x3b0), region: port >= 0x3c0 ? 1 : 0, host))
  }
  mutating func set(_ port: UInt64, _ index: UInt8, _ value: UInt8) {
    out(port, index)
    out(port + 1, value)
  }
  mutating func poke(_ address: UInt64, _ value: UInt64, width: Int = 1) {
    vga.testWrite(address - 0xa0000, value, region: VGA.windowRegion, width: width, host)
  }
  mutating func peek(_ address: UInt64, width: Int = 1) -> UInt64 {
    vga.testRead(address - 0xa0000, region: VGA.windowRegion, width: width, host)
  }
  mutating func dispi(_ index: UInt64, _ value: UInt64) {
    vga.testWrite(0, index, region: 2, width: 2, host)
    vga.testWrite(1, value, region: 2, width: 2, host)
  }
  mutating func dispi(_ index: UInt64) -> UInt64 {
    vga.testWrite(0, index, region: 2, width: 2, host)
    return vga.testRead(1, region: 2, width: 2, host)
  }

  /// Programs a mode as a BIOS does, with entry n of the DAC as (n, n, n) and the first 16 as the usual colours.
  mutating func program(_ mode: ModeTable) {
    out(0x3c2, mode.miscellaneous)
    for (index, value) in mode.sequencer.enumerated() { set(0x3c4, UInt8(index), value) }
    set(0x3d4, 0x11, 0)
    for (index, value) in mode.crtc.enumerated() { set(0x3d4, UInt8(index), value) }
    for (index, value) in mode.graphics.enumerated() { set(0x3ce, UInt8(index), value) }
    _ = inb(0x3da)
    for (index, value) in mode.attribute.enumerated() {
      out(0x3c0, UInt8(index))
      out(0x3c0, value)
    }
    out(0x3c0, 0x20)
    out(0x3c6, 0xff)
    out(0x3c8, 0)
    for index in 0..<256 { for _ in 0..<3 { out(0x3c9, UInt8(index & 0x3f)) } }
  }
  func frame(_ time: Int64 = 0) -> Frame {
    var renderer = ScreenRenderer()
    return renderer.render(vga.registers, vga.memory, time: VirtualTime(nanoseconds: time))
  }
}

/// Register values of the BIOS modes (IBM VGA BIOS parameter tables).
private struct ModeTable {
  var miscellaneous: UInt8
  var sequencer: [UInt8]
  var crtc: [UInt8]
  var graphics: [UInt8]
  var attribute: [UInt8]

  static let text3 = ModeTable(
    miscellaneous: 0x67, sequencer: [0x03, 0x00, 0x03, 0x00, 0x02],
    crtc: [
      0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f,
      0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
    ],
    graphics: [0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff],
    attribute: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x0c, 0, 0x0f, 8, 0])
  static let planar12 = ModeTable(
    miscellaneous: 0xe3, sequencer: [0x03, 0x01, 0x0f, 0x00, 0x06],
    crtc: [
      0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xea, 0x8c, 0xdf,
      0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff,
    ],
    graphics: [0, 0, 0, 0, 0, 0x00, 0x05, 0x0f, 0xff],
    attribute: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x01, 0, 0x0f, 0, 0])
  static let packed13 = ModeTable(
    miscellaneous: 0x63, sequencer: [0x03, 0x01, 0x0f, 0x00, 0x0e],
    crtc: [
      0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f,
      0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff,
    ],
    graphics: [0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff],
    attribute: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0, 0])
  static let color4 = ModeTable(
    miscellaneous: 0x63, sequencer: [0x03, 0x09, 0x03, 0x00, 0x02],
    crtc: [
      0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f,
      0x14, 0x00, 0x96, 0xb9, 0xa2, 0xff,
    ],
    graphics: [0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff],
    attribute: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x01, 0, 0x03, 0, 0])
}

/// The grey that `Adapter.program` gives DAC entry `index`.
private func grey(_ index: Int) -> UInt32 {
  let level = UInt32((index & 0x3f) << 2 | (index & 0x3f) >> 4)
  return level << 16 | level << 8 | level
}

@Suite struct VGATests {
  @Test func keepsTheLawsOfDevices() {
    let make = { VGA(memory: VideoMemory(size: VideoMemory.minimumSize), rom: [0x55, 0xaa, 1]) }
    #expect(DeviceConformance.check(make: make, seeds: 12) == [])
  }

  @Test func textModeDrawsTheGuestsGlyphs() {
    var adapter = Adapter()
    adapter.program(.text3)
    // A glyph into plane 2, with sequential addressing at A0000h, as a BIOS loads fonts.
    adapter.set(0x3c4, 2, 4)
    adapter.set(0x3c4, 4, 6)
    adapter.set(0x3ce, 5, 0)
    adapter.set(0x3ce, 6, 4)
    for line in 0..<16 { adapter.poke(0xa0000 + 0x41 * 32 + UInt64(line), line == 0 ? 0x81 : 0x00) }
    for line in 0..<16 { adapter.poke(0xa0000 + 0xc4 * 32 + UInt64(line), line == 7 ? 0xff : 0x00) }
    adapter.set(0x3c4, 2, 3)
    adapter.set(0x3c4, 4, 2)
    adapter.set(0x3ce, 5, 0x10)
    adapter.set(0x3ce, 6, 0x0e)
    adapter.poke(0xb8000, 0x1e41, width: 2)
    adapter.poke(0xb8002, 0x07c4, width: 2)
    adapter.set(0x3d4, 0x0e, 0x07)  // the cursor away
    #expect(adapter.peek(0xb8000, width: 4) == 0x07c4_1e41)
    let frame = adapter.frame()
    #expect(frame.width == 720 && frame.height == 400)
    #expect(frame[0, 0] == grey(14) && frame[7, 0] == grey(14))
    #expect(frame[1, 0] == grey(1) && frame[8, 0] == grey(1) && frame[0, 1] == grey(1))
    // Line graphics codes join across the ninth dot.
    #expect(frame[9, 7] == grey(7) && frame[17, 7] == grey(7) && frame[18, 7] == grey(0))
  }

  @Test func cursorBlinksAtItsLines() {
    var adapter = Adapter()
    adapter.program(.text3)
    adapter.poke(0xb8000, 0x0720, width: 2)
    let on = adapter.frame(0)
    #expect(on[0, 13] == grey(7) && on[8, 14] == grey(7) && on[0, 12] == grey(0) && on[0, 15] == grey(0))
    let off = adapter.frame(9 * 14_285_714)
    #expect(off[0, 13] == grey(0))
    adapter.set(0x3d4, 0x0a, 0x2d)
    #expect(adapter.frame(0)[0, 13] == grey(0))
  }

  @Test func textScreenReadsCellsAndCursor() throws {
    var adapter = Adapter()
    adapter.program(.text3)
    for index in 0..<2000 { adapter.poke(0xb8000 + UInt64(index) * 2, 0x0720, width: 2) }
    for (index, byte) in "login: \u{1}".utf8.enumerated() {
      adapter.poke(0xb8000 + 160 + UInt64(index) * 2, UInt64(byte))
    }
    adapter.set(0x3d4, 0x0f, 87)
    let screen = try #require(TextScreen(adapter.vga.registers, adapter.vga.memory))
    #expect(screen.columns == 80 && screen.rows == 25)
    #expect(screen.line(1) == "login: ☺" && screen.text == "\nlogin: ☺")
    #expect(screen.cursor == TextScreen.Position(column: 7, row: 1))
    #expect(screen.find("in:") == TextScreen.Position(column: 3, row: 1))
    #expect(screen.find("absent") == nil && !screen.contains(""))
    #expect(!screen.contains(String(repeating: "x", count: 3000)))
    // Scrolling by the start address.
    adapter.set(0x3d4, 0x0d, 80)
    #expect(TextScreen(adapter.vga.registers, adapter.vga.memory)?.line(0) == "login: ☺")
    adapter.set(0x3c4, 1, 0x20)
    #expect(TextScreen(adapter.vga.registers, adapter.vga.memory) == nil)
  }

  @Test func mode13ShowsPackedPixelsTwiceAsLargeAndAnnouncesItsWindow() {
    var adapter = Adapter()
    adapter.program(.packed13)
    #expect(adapter.vga.linearWindow == LinearWindow(base: 0xa0000, size: 0x10000, offset: 0))
    #expect(adapter.windows.seen.last == adapter.vga.linearWindow)
    adapter.poke(0xa0000, 0x0403_0201, width: 4)
    adapter.poke(0xa0000 + 320 * 199 + 319, 9)
    let frame = adapter.frame()
    #expect(frame.width == 640 && frame.height == 400)
    for (x, color) in [1, 1, 2, 2, 3, 3, 4, 4, 0].enumerated() { #expect(frame[x, 1] == grey(color)) }
    #expect(frame[0, 2] == grey(0) && frame[639, 399] == grey(9) && frame[638, 398] == grey(9))
    // A bit mask makes the graphics controller take part: no longer plain memory.
    adapter.set(0x3ce, 8, 0x0f)
    #expect(adapter.vga.linearWindow == nil && adapter.windows.seen.last == .some(nil))
  }

  @Test func unchainedModeSpreadsPixelsOverPlanes() {
    var adapter = Adapter()
    adapter.program(.packed13)
    adapter.set(0x3c4, 4, 0x06)
    adapter.set(0x3d4, 0x14, 0x00)
    adapter.set(0x3d4, 0x17, 0xe3)
    for plane in 0..<4 {
      adapter.set(0x3c4, 2, 1 << UInt8(plane))
      adapter.poke(0xa0000 + 80, UInt64(plane + 1))
    }
    let frame = adapter.frame()
    for (x, color) in [1, 1, 2, 2, 3, 3, 4, 4, 0].enumerated() { #expect(frame[x, 2] == grey(color)) }
    // Page flip.
    adapter.set(0x3d4, 0x0d, 80)
    #expect(adapter.frame()[0, 0] == grey(1))
  }

  @Test func fourColorModeInterleavesLinesAndPixels() {
    var adapter = Adapter()
    adapter.program(.color4)
    adapter.poke(0xb8000, 0b00_01_10_11)
    adapter.poke(0xb8001, 0b11_00_00_00)
    adapter.poke(0xba000, 0b01_00_00_00)
    let frame = adapter.frame()
    #expect(frame.width == 640 && frame.height == 400)
    for (pixel, color) in [0, 1, 2, 3, 3, 0].enumerated() { #expect(frame[pixel * 2, 0] == grey(color)) }
    #expect(frame[0, 2] == grey(1) && frame[2, 2] == grey(0))
  }

  @Test func lineCompareSplitsTheScreen() {
    var adapter = Adapter()
    adapter.program(.planar12)
    adapter.poke(0xa0000, 0xff)
    adapter.set(0x3d4, 0x0d, 80)
    #expect(adapter.frame()[0, 0] == grey(0))
    adapter.set(0x3d4, 0x07, 0x2e)
    adapter.set(0x3d4, 0x09, 0x00)
    adapter.set(0x3d4, 0x18, 99)
    let frame = adapter.frame()
    #expect(frame[0, 99] == grey(0) && frame[0, 100] == grey(15))
    #expect(frame[7, 100] == grey(15) && frame[0, 101] == grey(0))
  }

  @Test func paletteTakesTriplesAndMasks() {
    var adapter = Adapter()
    adapter.out(0x3c8, 255)
    for value in [0x3f, 0x15, 0x2a, 0x01, 0x02, 0xff] as [UInt8] { adapter.out(0x3c9, value) }
    #expect(adapter.vga.registers.color(255) == 0xff55aa && adapter.vga.registers.color(0) == 0x0408ff)
    adapter.out(0x3c7, 255)
    #expect(adapter.inb(0x3c7) == 3)
    #expect((0..<4).map { _ in adapter.inb(0x3c9) } == [0x3f, 0x15, 0x2a, 0x01])
    adapter.out(0x3c6, 0)
    #expect(adapter.vga.registers.color(255) == 0x0408ff)
    // Two of three colours change nothing.
    adapter.out(0x3c8, 0)
    adapter.out(0x3c9, 9)
    adapter.out(0x3c9, 9)
    #expect(adapter.vga.registers.palette[0] == 1)
  }

  @Test func portsFollowTheColorBit() {
    var adapter = Adapter()
    #expect(adapter.inb(0x3d4) == 0xff)
    adapter.set(0x3b4, 0x0c, 0x12)
    #expect(adapter.inb(0x3b5) == 0x12)
    adapter.out(0x3c2, 1)
    #expect(adapter.inb(0x3b4) == 0xff && adapter.inb(0x3d5) == 0x12)
    // CR11 bit 7 protects CR0-7.
    adapter.set(0x3d4, 0x11, 0x80)
    adapter.set(0x3d4, 0, 0x55)
    adapter.set(0x3d4, 7, 0xff)
    adapter.out(0x3d4, 0)
    #expect(adapter.inb(0x3d5) == 0)
    adapter.out(0x3d4, 7)
    #expect(adapter.inb(0x3d5) == 0x10)
  }

  @Test func retraceComesOncePerFrame() {
    var adapter = Adapter()
    adapter.program(.text3)
    var edges = 0
    var last = false
    // 25.175/28.322 MHz: 70 frames in a second.
    for step in 0..<20_000 {
      adapter.host.now = VirtualTime(nanoseconds: Int64(step) * 50_000)
      let retrace = adapter.inb(0x3da) & 8 != 0
      if retrace, !last { edges += 1 }
      last = retrace
    }
    #expect((68...72).contains(edges))
  }
}

@Suite struct DisplayInterfaceTests {
  @Test func setsAModeAndShowsTheFrameBuffer() {
    var adapter = Adapter(memory: 16 << 20)
    #expect(adapter.dispi(0) == 0xb0c5 && adapter.dispi(10) == 256)
    adapter.out(0x3c0, 0x20)
    for (index, value) in [(4, 0), (1, 800), (2, 600), (3, 32), (4, 0x41)] as [(UInt64, UInt64)] {
      adapter.dispi(index, value)
    }
    #expect(adapter.dispi(6) == 800 && adapter.dispi(7) == UInt64((16 << 20) / 3200))
    adapter.vga.testWrite(3200 * 2 + 4, 0x0012_3456, region: VGA.frameBufferRegion, width: 4, adapter.host)
    var frame = adapter.frame()
    #expect(frame.width == 800 && frame.height == 600 && frame[1, 2] == 0x123456)
    // Through the banked window, bank 1, and panned.
    adapter.dispi(5, 1)
    #expect(adapter.vga.linearWindow == LinearWindow(base: 0xa0000, size: 0x10000, offset: 0x10000))
    adapter.poke(0xa0000, 0x00ab_cdef, width: 4)
    adapter.dispi(9, 20)
    frame = adapter.frame()
    #expect(frame[(0x10000 - 20 * 3200) / 4, 0] == 0xabcdef)
    // Switching on again clears, unless told not to.
    adapter.dispi(4, 0)
    adapter.dispi(4, 0xc1)
    #expect(adapter.vga.memory.load(3200 * 2 + 4, width: 4) == 0x123456)
    adapter.dispi(4, 0)
    adapter.dispi(4, 0x41)
    #expect(adapter.vga.memory.load(3200 * 2 + 4, width: 4) == 0)
  }

  @Test func allDepthsUnpack() {
    #expect(ScreenRenderer.unpacked([0x00, 0x7c, 0xe0, 0x03], 15, []) == [0xff0000, 0x00ff00])
    #expect(ScreenRenderer.unpacked([0x00, 0xf8, 0xe0, 0x07, 0x1f, 0x00], 16, []) == [0xff0000, 0x00ff00, 0x0000ff])
    #expect(ScreenRenderer.unpacked([1, 2, 3, 4, 5, 6], 24, []) == [0x030201, 0x060504])
    #expect(ScreenRenderer.unpacked([1, 2, 3, 9], 32, []) == [0x030201])
  }

  @Test func widestModeFitsAndTooHighOnesAreCut() {
    var adapter = Adapter(memory: 16 << 20)
    for (index, value) in [(1, 2560), (2, 1600), (3, 32), (4, 0x41)] as [(UInt64, UInt64)] {
      adapter.dispi(index, value)
    }
    var mode = adapter.vga.registers.dispi.mode(memory: 16 << 20)
    #expect(mode.width == 2560 && mode.height == 1600)
    for (index, value) in [(1, 4096), (2, 2304), (9, 65535), (8, 65535)] as [(UInt64, UInt64)] {
      adapter.dispi(index, value)
    }
    mode = adapter.vga.registers.dispi.mode(memory: 16 << 20)
    #expect(mode.width == 4096 && mode.height == 1024)
    #expect(adapter.frame().height == 1024)
  }

  @Test func capabilitiesAreReadable() {
    var adapter = Adapter()
    adapter.dispi(4, 2)
    #expect(adapter.dispi(1) == 4096 && adapter.dispi(2) == 2304 && adapter.dispi(3) == 32)
    adapter.dispi(4, 0)
    #expect(adapter.dispi(3) == 8)
  }

  @Test func registersAreMemoryMappedInBAR2() {
    var adapter = Adapter()
    let region = VGA.registerRegion
    adapter.vga.testWrite(0x502, 640, region: region, width: 2, adapter.host)
    #expect(adapter.dispi(1) == 640)
    #expect(adapter.vga.testRead(0x500, region: region, width: 4, adapter.host) == 640 << 16 | 0xb0c5)
    adapter.vga.testWrite(0x400, 0x20, region: region, adapter.host)
    #expect(adapter.inb(0x3c0) == 0x20)
    #expect(adapter.vga.testRead(0x420, region: region, width: 8, adapter.host) == .max)
    // The monitor's EDID, and nothing behind it.
    #expect(adapter.vga.testRead(0, region: region, width: 8, adapter.host) == 0x00ff_ffff_ffff_ff00)
    #expect(adapter.vga.testRead(18, region: region, width: 2, adapter.host) == 0x0401)
    #expect(adapter.vga.testRead(256, region: region, width: 4, adapter.host) == 0)
  }

  @Test func regionsFollowTheirBaseAddresses() {
    var adapter = Adapter(memory: 16 << 20, rom: [0x55, 0xaa, 0x02])
    func write(_ offset: Int, _ value: UInt32) {
      adapter.vga.config.write(offset, value, width: 4)
      adapter.vga.mapBARs(adapter.host)
      adapter.vga.configWritten(offset, width: 4, adapter.host)
    }
    write(0x10, .max)
    #expect(adapter.vga.config.get32(0x10) == 0xff00_0008)
    write(0x10, 0xe000_0000)
    write(0x18, 0xf000_0000)
    write(0x30, 0xf100_0001)
    #expect(adapter.host.mapped.isEmpty)
    write(0x04, 3)
    #expect(
      adapter.host.mapped == [
        VGA.frameBufferRegion: 0xe000_0000, VGA.registerRegion: 0xf000_0000, VGA.romRegion: 0xf100_0000,
      ])
    #expect(adapter.vga.testRead(0, region: VGA.romRegion, width: 4, adapter.host) == 0xff02_aa55)
  }

  @Test func onlyDirtyLinesAreDrawnAgain() {
    var adapter = Adapter(memory: 16 << 20)
    adapter.out(0x3c0, 0x20)
    for (index, value) in [(1, 1024), (2, 16), (3, 32), (4, 0x41)] as [(UInt64, UInt64)] { adapter.dispi(index, value) }
    var renderer = ScreenRenderer()
    let time = VirtualTime(nanoseconds: 0)
    renderer.render(adapter.vga.registers, adapter.vga.memory, time: time, dirtyPages: [0])
    // A line is one page here.
    for line in [3, 5] { adapter.vga.memory.store(line * 4096, width: 4, 0xff) }
    let frame = renderer.render(adapter.vga.registers, adapter.vga.memory, time: time, dirtyPages: [1 << 5])
    #expect(frame[0, 5] == 0xff && frame[0, 3] == 0)
  }
}

@Suite struct PlanarWriteTests {
  /// One bit at a time, after the register descriptions: an independent model of the graphics controller.
  private struct Model {
    var memory = [[UInt8]](repeating: [UInt8](repeating: 0, count: 16), count: 4)
    var latch = [UInt8](repeating: 0, count: 4)
    var graphics = [UInt8](repeating: 0, count: 9)
    var mapMask: UInt8 = 15

    mutating func write(_ at: Int, _ byte: UInt8) {
      let mode = graphics[5] & 3
      for plane in 0..<4 where mapMask >> UInt8(plane) & 1 == 1 {
        var result: UInt8 = 0
        for bit in 0..<8 as Range<UInt8> {
          let old = latch[plane] >> bit & 1
          let turned = byte >> ((bit + (graphics[3] & 7)) & 7) & 1
          let set = graphics[0] >> UInt8(plane) & 1
          var source: UInt8
          switch mode {
          case 0: source = graphics[1] >> UInt8(plane) & 1 == 1 ? set : turned
          case 1: source = old
          case 2: source = byte >> UInt8(plane) & 1
          default: source = set
          }
          if mode != 1 {
            switch graphics[3] >> 3 & 3 {
            case 0: break
            case 1: source &= old
            case 2: source |= old
            default: source ^= old
            }
            var allowed = graphics[8] >> bit & 1
            if mode == 3 { allowed &= turned }
            if allowed == 0 { source = old }
          }
          result |= source << bit
        }
        memory[plane][at] = result
      }
    }
    mutating func read(_ at: Int) -> UInt8 {
      for plane in 0..<4 { latch[plane] = memory[plane][at] }
      guard graphics[5] & 8 != 0 else { return latch[Int(graphics[4] & 3)] }
      var result: UInt8 = 0
      for bit in 0..<8 as Range<UInt8> {
        var same = true
        for plane in 0..<4 {
          let wanted: UInt8 = graphics[2] >> UInt8(plane) & 1
          let cared: UInt8 = graphics[7] >> UInt8(plane) & 1
          let stored: UInt8 = latch[plane] >> bit & 1
          if cared == 1, stored != wanted { same = false }
        }
        if same { result |= 1 << bit }
      }
      return result
    }
  }

  @Test func allWriteAndReadModesEqualABitwiseModel() {
    var adapter = Adapter()
    adapter.program(.planar12)
    var model = Model()
    model.graphics = [0, 0, 0, 0, 0, 0, 5, 15, 0xff]
    var generator = SeededGenerator(seed: 12)
    for step in 0..<4000 {
      let random = generator.next()
      let at = Int(random >> 8 & 15)
      let byte = UInt8(truncatingIfNeeded: random >> 16)
      switch random & 7 {
      case 0, 1:
        let index = Int((random >> 32) % 9)
        // Odd/even addressing and the window's place stay.
        let masks: [UInt8] = [15, 15, 15, 0x1f, 3, 0x0b, 0, 15, 0xff]
        guard index != 6 else { continue }
        model.graphics[index] = byte & masks[index]
        adapter.set(0x3ce, UInt8(index), byte & masks[index])
      case 2:
        model.mapMask = byte & 15
        adapter.set(0x3c4, 2, byte)
      case 3, 4:
        let expected = model.read(at)
        #expect(adapter.peek(0xa0000 + UInt64(at)) == UInt64(expected), "step \(step)")
      default:
        model.write(at, byte)
        adapter.poke(0xa0000 + UInt64(at), UInt64(byte))
      }
    }
    for at in 0..<16 {
      var planes: UInt32 = 0
      for plane in 0..<4 { planes |= UInt32(model.memory[plane][at]) << UInt32(plane * 8) }
      #expect(adapter.vga.memory.loadPlanes(at) == planes)
    }
  }

  @Test func planesBecomeColors() {
    var adapter = Adapter()
    adapter.program(.planar12)
    adapter.set(0x3c4, 2, 0b0101)
    adapter.poke(0xa0000 + 80 * 3 + 1, 0b1000_0001)
    let frame = adapter.frame()
    #expect(frame.width == 640 && frame.height == 480)
    #expect(frame[8, 3] == grey(5) && frame[15, 3] == grey(5) && frame[9, 3] == grey(0))
    // Panning by three dots.
    _ = adapter.inb(0x3da)
    adapter.out(0x3c0, 0x33)
    adapter.out(0x3c0, 3)
    #expect(adapter.frame()[5, 3] == grey(5))
  }
}
