import Base
import Foundation
import HostSystem
import TestSupport
import Testing

/// Programs of our own that live in a boot sector and use the BIOS, the way DOS and boot loaders do.
@Suite("Real mode programs", .serialized) struct RealModeTests {
  private static let done: TimeInterval = 60

  @Test("INT 10h writes, colours, scrolls and reads back text", arguments: ["recompiler", "interpreter"])
  func text(engine: String) throws {
    let program = try BootProgram("text")
    let vm = try program.launch(["--engine", engine])
    try vm.waitForSerial("done", timeout: RealModeTests.done)
    // 'x' in white on blue; the cursor behind a string at row 9, column 20; the cursor shape.
    #expect(try vm.report("cell") == [0x1f78])
    #expect(try vm.report("cursor") == [0x091f, 0x0607])
    var rows = [String](repeating: "", count: 25)
    // The screen has scrolled by one row at the end.
    rows[0] = String(decoding: 0x20...0x6e as ClosedRange<UInt8>, as: UTF8.self)
    rows[4] = "          Ringbox!"
    rows[5] = "          below"
    rows[6] = "   xxxxxxx"
    rows[8] = "                    one, two, 3"
    for (row, letter) in zip(15..., "CDEF") {
      rows[row] = String(repeating: " ", count: 40) + String(repeating: letter, count: 10)
    }
    rows[23] = "Z"
    #expect(try vm.screenText() == rows.joined(separator: "\n"))

    // The picture is the BIOS's own font in the colours that were asked for.
    let font = try vm.report("font")
    let glyphs = try vm.readMemory(UInt64(font[0]) << 4 + UInt64(font[1]), count: 4096)
    try #require(glyphs.count == 4096)
    let screen = rows.map { Array($0.utf8) }
    try vm.picture().expect(720, 400) { x, y in
      let column = x / 9
      let row = y / 16
      var attribute = 0x07
      if row == 6, 3..<10 ~= column { attribute = 0x1f }
      if row == 8, 20..<31 ~= column { attribute = 0x4e }
      if 40..<50 ~= column, row == 14 { attribute = 0x30 }
      if 40..<50 ~= column, row == 19 { attribute = 0x20 }
      let code = column < screen[row].count ? Int(screen[row][column]) : 0x20
      // The ninth dot is background for codes outside C0h-DFh.
      let lit = x % 9 < 8 && glyphs[code * 16 + y % 16] >> UInt8(7 - x % 9) & 1 != 0
      return RealModeTests.textColors[lit ? attribute & 15 : attribute >> 4]
    }
    #expect(try vm.quit() == 5)
  }

  /// The sixteen colours of text modes: two levels of three, brown darkened.
  private static let textColors: [UInt32] = [
    0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
    0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff,
  ]

  @Test("INT 13h reads and writes a hard disk by CHS and by LBA", arguments: ["recompiler", "interpreter"])
  func hardDisk(engine: String) throws {
    let program = try BootProgram("disk", filled: true)
    let vm = try program.launch(["--engine", engine])
    try vm.waitForSerial("done", timeout: RealModeTests.done)
    // 16384 sectors as 16 heads of 63 sectors; the BIOS keeps the last cylinder to itself.
    #expect(try vm.report("geometry") == [0x0e3f, 0x0f01])
    try checkReads(vm)
    #expect(try vm.report("lba-sum") == [checksum(5000, count: 8)])
    #expect(try vm.report("lba-beyond") == [0xffff])
    #expect(try vm.report("total") == [16384])
    #expect(try vm.quit() == 5)
    checkWrites(program)
    #expect(program.sectors(6000, count: 2) == RealModeTests.written)
    #expect(program.sectors(6002, count: 1) == BootProgram.filling(6002))
  }

  @Test("with --snapshot the guest writes, and the image stays as it was") func snapshotDisk() throws {
    let program = try BootProgram("disk", filled: true)
    let before = program.sectors(0, count: BootProgram.diskSize / 512)
    let vm = try program.launch(["--snapshot"])
    try vm.waitForSerial("done", timeout: RealModeTests.done)
    try checkReads(vm)
    #expect(try vm.quit() == 5)
    #expect(program.sectors(0, count: BootProgram.diskSize / 512) == before)
  }

  @Test("INT 13h reads and writes a floppy disk") func floppyDisk() throws {
    let program = try BootProgram("disk", floppy: true, filled: true)
    let vm = try program.launch()
    try vm.waitForSerial("done", timeout: 2 * RealModeTests.done)
    // 80 cylinders of 18 sectors, 2 heads, 1 drive.
    #expect(try vm.report("geometry") == [0x4f12, 0x0101])
    try checkReads(vm)
    #expect(try vm.quit() == 5)
    checkWrites(program)
  }

  private func checkReads(_ vm: VM) throws {
    #expect(try vm.report("chs-sum") == [checksum(80, count: 4)])
    #expect(try vm.report("count") == [4, checksum(72, count: 4)])
    #expect(try vm.report("beyond") == [0xffff])
  }
  private func checkWrites(_ program: BootProgram) {
    #expect(program.sectors(199, count: 1) == BootProgram.filling(199))
    #expect(program.sectors(200, count: 2) == RealModeTests.written)
    #expect(program.sectors(202, count: 1) == BootProgram.filling(202))
  }
  /// What disk.s writes.
  private static let written = (0..<1024).map { UInt8(truncatingIfNeeded: 13 * $0 + 1) }
  /// The sum that disk.s makes of filled sectors.
  private func checksum(_ first: Int, count: Int) -> UInt16 {
    (first..<(first + count)).flatMap(BootProgram.filling).reduce(0) { sum, byte in
      let sum = sum &+ UInt16(byte)
      return sum << 1 | sum >> 15
    }
  }

  @Test("INT 16h hears every key that is typed") func keyboard() throws {
    let vm = try BootProgram("keyboard").launch()
    try vm.waitForSerial("ready", timeout: RealModeTests.done)
    try vm.type("Hello, World! 42\n")
    try vm.keys("up", "f11", "ctrl-c", "alt-x", "shift-a", "backspace", "esc")
    try vm.waitForSerial("done", timeout: RealModeTests.done)
    let typed = vm.reports("key").prefix(17).compactMap { $0.first.map { UInt8(truncatingIfNeeded: $0) } }
    #expect(String(decoding: typed, as: UTF8.self) == "Hello, World! 42\r")
    // Scan code and character: the grey key's E0h, F11, ETX, Alt without a character, 'A', backspace, Escape.
    #expect(
      vm.reports("key").dropFirst(17).map { $0[0] } == [
        0x48e0, 0x8500, 0x2e03, 0x2d00, 0x1e41, 0x0e08, 0x011b,
      ])
    #expect(try vm.screenText().hasPrefix("Hello, World! 42\n"))
    #expect(try vm.quit() == 5)
  }

  /// What timer.s reports, and what the host's clock says of it.
  private struct TimerRun {
    var elapsed: TimeInterval
    var now: Date
    var ticks: [UInt16]
    var user: UInt16
    var hundred: UInt16
    var moved: UInt16
    var wait: [UInt16]
    var clock: [UInt16]
    /// The host had time for the guest, and for who watches it.
    var isUndisturbed: Bool { elapsed > 0.9 && ticks == [18] && user <= 60 && hundred <= 350 && wait[1] <= 20 }
  }
  private func runTimer() throws -> TimerRun {
    let vm = try BootProgram("timer").launch()
    try vm.waitForSerial("start", timeout: RealModeTests.done)
    let start = Date()
    try vm.waitForSerial("ticks", timeout: RealModeTests.done)
    let elapsed = Date().timeIntervalSince(start)
    try vm.waitForSerial("done", timeout: RealModeTests.done)
    let run = TimerRun(
      elapsed: elapsed, now: Date(), ticks: try vm.report("ticks"), user: try vm.report("user")[0],
      hundred: try vm.report("hundred")[0], moved: try vm.report("moved")[0], wait: try vm.report("wait"),
      clock: try vm.report("clock"))
    #expect(try vm.quit() == 5)
    return run
  }

  @Test("ticks, timer interrupts, delays and the clock agree") func timer() throws {
    var run = try runTimer()
    for _ in 0..<4 where !run.isUndisturbed { run = try runTimer() }
    #expect(run.elapsed > 0.9, "18 ticks of 54.9 ms took \(run.elapsed) s")
    #expect(run.ticks == [18])
    // The delay is twenty waits of 50 ms. A busy host only ever makes them longer.
    #expect(17...60 ~= run.user, "\(run.user) calls of INT 1Ch in at least a second")
    #expect(95...350 ~= run.hundred, "\(run.hundred) interrupts at 100 Hz in at least a second")
    #expect(run.moved != 0)
    #expect(run.wait[0] == 0 && 3...20 ~= run.wait[1], "200 ms took \(run.wait[1]) ticks")
    let clock = run.clock
    var parts = DateComponents()
    parts.timeZone = TimeZone(identifier: "UTC")
    (parts.hour, parts.minute) = (decimal(clock[0] >> 8), decimal(clock[0] & 0xff))
    parts.second = decimal(clock[1] >> 8)
    (parts.year, parts.month, parts.day) = (
      decimal(clock[2] >> 8) * 100 + decimal(clock[2] & 0xff), decimal(clock[3] >> 8), decimal(clock[3] & 0xff)
    )
    let guest = try #require(Calendar(identifier: .gregorian).date(from: parts))
    #expect(abs(guest.timeIntervalSince(run.now)) < 10)
  }
  /// A binary-coded decimal byte.
  private func decimal(_ value: UInt16) -> Int { Int(value >> 4 & 15) * 10 + Int(value & 15) }

  @Test("mode 13h and its planar cousin show what the program computes") func mode13() throws {
    func color(_ index: Int) -> UInt32 { Picture.dac(index & 63, index >> 2 & 63, 63 - (index & 63)) }
    let vm = try BootProgram("mode13").launch()
    try vm.waitForSerial("chained", timeout: RealModeTests.done)
    #expect(try vm.report("pixel") == [UInt16((3 * 17 ^ 5 * 99) & 0xff)])
    #expect(try vm.screenText().isEmpty)
    try vm.picture().expect(640, 400) { x, y in color((3 * (x / 2) ^ 5 * (y / 2)) & 0xff) }
    try vm.type(" ")
    try vm.waitForSerial("planar", timeout: RealModeTests.done)
    try vm.picture().expect(640, 480) { x, y in color((x / 2 + 2 * (y / 2)) & 0xff) }
    #expect(try vm.quit() == 5)
  }

  @Test("mode 12h obeys every write and read mode") func mode12() throws {
    let vm = try BootProgram("mode12").launch()
    try vm.waitForSerial("done", timeout: RealModeTests.done)
    // Planes 0 and 2, then colour compare, as mode12.s describes.
    #expect(try vm.report("planes") == [0x55aa, 0x55aa])
    try vm.picture().expect(640, 480) { x, y in
      let bit = 0x80 >> (x & 7)
      let index =
        switch y {
        case 0..<100, 300..<400: 0x55 & bit != 0 ? x / 8 & 15 : 1
        case 100..<200: 0xf0 & bit != 0 ? y & 15 : 1
        case 200..<300: 0xaa & bit != 0 ? 7 : 1
        case 400..<440: 0xf3 & 0x7e & bit != 0 ? 14 : 1
        default: 1
        }
      return Picture.dac(4 * index, 63 - 4 * index, 2 * index)
    }
    #expect(try vm.quit() == 5)
  }

  @Test("the video firmware hands out the monitor's EDID, with the size that the host wishes") func edid() throws {
    let program = try BootProgram("edid")
    let vm = try program.launch()
    try vm.waitForSerial("done", timeout: RealModeTests.done)
    #expect(try vm.report("ddc")[0] & 0xff == 0x4f)
    let bytes = vm.reports("block").joined().flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
    try #require(bytes.count >= 128, "\(vm.serialText())")
    #expect(Array(bytes[..<8]) == [0, 255, 255, 255, 255, 255, 255, 0] && bytes[..<128].reduce(0, &+) == 0)
    #expect(Array(bytes[56..<62]) == [0x00, 160, 0x40, 0x00, 22, 0x30], "1024x768")
    #expect(Array(bytes[95..<102]) == Array("Ringbox".utf8))
    // A hint holds through a reset.
    try vm.control.command("mode-hint", ["width": 1280, "height": 960])
    try vm.control.command("reset")
    try vm.waitForSerial("done", timeout: RealModeTests.done)
    let later = try #require(vm.reports("block").dropFirst(vm.reports("block").count / 2 + 3).first)
    #expect(later.count == 8 && later[5] == 0xc050, "\(later)")
    #expect(try vm.quit() == 5)
  }

  @Test("the keyboard's lights: status, events, viewers") func lights() throws {
    let folder = try TemporaryFolder()
    let program = try BootProgram("leds")
    let vm = try program.launch(["--vnc", "unix:\(folder.name("screen"))"])
    try vm.waitForSerial("caps", timeout: RealModeTests.done)
    func lights(_ scroll: Bool, _ num: Bool, _ caps: Bool) -> JSON {
      ["scrollLock": .bool(scroll), "numLock": .bool(num), "capsLock": .bool(caps)]
    }
    #expect(try vm.control.command("status")["leds"] == lights(false, false, true))
    #expect(try vm.control.waitForEvent("leds")["capsLock"] == true)
    let viewer = try LightViewer(folder.name("screen"))
    #expect(try viewer.lights() == 4)
    try vm.type(" ")
    try vm.waitForSerial("others", timeout: RealModeTests.done)
    #expect(try vm.control.command("status")["leds"] == lights(true, true, false))
    #expect(try viewer.lights() == 3)
    try vm.type(" ")
    try vm.waitForSerial("dark", timeout: RealModeTests.done)
    #expect(try vm.control.command("status")["leds"] == lights(false, false, false))
    // However fast it blinks, clients hear of the end.
    var last = try vm.control.waitForEvent("leds")
    while last["scrollLock"] != false || last["numLock"] != false || last["capsLock"] != false {
      last = try vm.control.waitForEvent("leds")
    }
    #expect(try viewer.lights() == 0)
    #expect(try vm.quit() == 5)
  }

  @Test("VBE modes draw through the linear frame buffer and the window") func vbe() throws {
    let vm = try BootProgram("vbe").launch()
    try vm.waitForSerial("linear", timeout: RealModeTests.done)
    #expect(try vm.report("version")[0] >= 0x0200)
    try vm.picture().expect(800, 600) { x, y in UInt32((x & 0xff) << 16 | (y & 0xff) << 8 | ((x ^ y) & 0xff)) }
    try vm.type(" ")
    try vm.waitForSerial("window", timeout: RealModeTests.done)
    try vm.picture().expect(640, 480) { x, y in
      let level = ((x + y) & 0xff) >> 2
      return Picture.dac(level, level, level)
    }
    #expect(try vm.quit() == 5)
  }
}

/// A viewer that looks at nothing but the keyboard's lights.
private final class LightViewer {
  struct Lost: Error {}
  private let stream: HostStream
  private var input: [UInt8] = []

  init(_ path: String) throws {
    stream = try HostSocket.connectLocal(path)
    _ = try read(12)
    stream.writeAll(Array("RFB 003.008\n".utf8))
    _ = try read(2)
    stream.writeAll([1])
    _ = try read(4)
    stream.writeAll([1])
    let start = try read(24)
    _ = try read(Int(start[23]))
    // Raw, and the LED state.
    stream.writeAll([2, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xff, 0xfe, 0xfb])
  }
  private func read(_ count: Int) throws -> [UInt8] {
    let deadline = HostClock.monotonicNanoseconds + 60_000_000_000
    while input.count < count {
      var entries = [PollEntry(stream.raw)]
      HostPoll.wait(&entries, nanoseconds: 100_000_000)
      guard HostClock.monotonicNanoseconds < deadline else { throw Lost() }
      guard entries[0].isReadable else { continue }
      guard case .bytes(let bytes) = stream.read(upTo: 1 << 20) else { throw Lost() }
      input += bytes
    }
    defer { input.removeFirst(count) }
    return Array(input.prefix(count))
  }
  /// Asks for a corner of the screen until the lights come with it.
  func lights() throws -> UInt8 {
    for _ in 0..<1000 {
      stream.writeAll([3, 0, 0, 0, 0, 0, 0, 1, 0, 1])
      var found: UInt8?
      for _ in 0..<(try read(4)[3]) {
        let head = try read(12)
        if head[8...] == [0xff, 0xff, 0xfe, 0xfb] { found = try read(1)[0] } else { _ = try read(4) }
      }
      if let found { return found }
    }
    throw Lost()
  }
}
