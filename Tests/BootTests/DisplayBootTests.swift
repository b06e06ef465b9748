import Foundation
import TestSupport
import Testing

/// Debian's drivers for VirtualBox's and VMware's display adapters: they bind, set the mode that is asked for, and the
/// kernel's console appears on the screen.
@Suite("Display drivers", .serialized) struct DisplayBootTests {
  private static let cell = (width: 8, height: 16)

  /// The busybox initrd with the display drivers behind it: Linux unpacks archives that follow each other.
  private func initrd(_ folder: TemporaryFolder) throws -> String {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: GuestAssets.path("amd64/busybox.gz")))
    // The next archive starts at a multiple of four.
    bytes.append(Data(repeating: 0, count: (4 - bytes.count % 4) % 4))
    bytes.append(try Data(contentsOf: URL(fileURLWithPath: GuestAssets.path("amd64/display.gz"))))
    return try folder.write("initrd", Array(bytes))
  }

  private func boot(_ folder: TemporaryFolder, graphics: String, mode: String) throws -> VM {
    let vm = try VM.launch(arguments: [
      "--memory", "512M", "--cpus", "2", "--kernel", GuestAssets.path("amd64/linux"), "--initrd", try initrd(folder),
      "--append", "console=ttyS0 video=\(mode)", "--graphics", graphics,
    ])
    try vm.waitForSerial(GuestAssets.marker, timeout: GuestAssets.bootTimeout)
    try vm.waitForSerial("# ", timeout: 60)
    return vm
  }

  /// Waits until the screenshot is as wanted; reports the last one otherwise.
  private func waitForPicture(
    _ vm: VM, timeout: TimeInterval = 120, _ isWanted: (Picture) -> Bool
  ) throws -> Picture? {
    let deadline = Date(timeIntervalSinceNow: timeout)
    while true {
      let picture = try vm.picture()
      if isWanted(picture) { return picture }
      guard Date() < deadline else {
        Issue.record("the screen is \(picture.width)x\(picture.height): \(vm.serialText().suffix(4000))")
        return nil
      }
      usleep(200_000)
    }
  }
  /// The colour in the middle of a character cell.
  private func color(_ picture: Picture, column: Int, row: Int) -> UInt32 {
    let (x, y) = (column * Self.cell.width + Self.cell.width / 2, row * Self.cell.height + Self.cell.height / 2)
    guard x < picture.width, y < picture.height else { return .max }
    return picture.pixels[y * picture.width + x]
  }
  /// Pixels of the console's usual colour in a row of characters.
  private func letters(_ picture: Picture, row: Int) -> Int {
    let first = row * Self.cell.height * picture.width
    return picture.pixels[first..<(first + Self.cell.height * picture.width)].count { $0 == 0xaaaaaa }
  }

  @Test(
    "the driver binds, sets the mode and shows the console",
    arguments: [
      ("vboxvga", "vboxvideo", "1152x864"), ("vboxsvga", "vboxvideo", "1280x1024"),
      ("vboxvga,memory=64M,monitors=2", "vboxvideo", "800x600"),
      ("vmsvga", "vmwgfx", "1152x864"), ("vmsvga,memory=64M,monitors=4", "vmwgfx", "1920x1200"),
    ])
  func console(graphics: String, driver: String, mode: String) throws {
    let folder = try TemporaryFolder()
    let vm = try boot(folder, graphics: graphics, mode: mode)
    try vm.typeSerial("/display/load \(driver); dmesg | grep drm; echo LOA\"\"DED\n")
    try vm.waitForSerial("LOADED", timeout: 120)
    #expect(vm.serialText().contains("Initialized \(driver)"), "\(vm.serialText().suffix(4000))")
    if driver == "vmwgfx" {
      #expect(vm.serialText().contains("Screen Object display unit initialized"), "\(vm.serialText().suffix(4000))")
      #expect(vm.serialText().contains("Using command buffers"))
    }
    let size = mode.split(separator: "x").compactMap { Int($0) }
    // Clears the console, then two red cells and a word in its second row.
    try vm.typeSerial("printf '\\033c\\033[2;3H\\033[41m  \\033[0m Ringbox' >/dev/tty1; echo WRIT\"\"TEN\n")
    try vm.waitForSerial("WRITTEN", timeout: 60)
    let picture = try waitForPicture(vm) { picture in
      picture.width == size[0] && picture.height == size[1] && color(picture, column: 3, row: 1) == 0xaa0000
        && letters(picture, row: 1) > 60
    }
    if let picture {
      #expect(color(picture, column: 1, row: 1) == 0 && color(picture, column: 4, row: 1) == 0)
      #expect(letters(picture, row: 20) == 0)
    }
    #expect(try vm.control.command("screen-text")["mode"]?.string == "graphics")
    // The driver has nothing to complain about but that there is no VMware that would keep its log.
    let complaints = vm.serialText().split(separator: "\n").filter {
      $0.contains("*ERROR*") && !$0.contains("vmw_host_printf")
    }
    #expect(complaints == [])
    try vm.quit()
  }

  @Test(
    "the host asks for modes: the driver hears of it, prefers them, and loses a monitor",
    arguments: ["vboxvga", "vboxsvga"])
  func modeHints(graphics: String) throws {
    let folder = try TemporaryFolder()
    let vm = try boot(folder, graphics: "\(graphics),memory=64M,monitors=2", mode: "800x600")
    // A hint that nobody hears yet waits for the driver.
    try vm.control.command("mode-hint", ["width": 1152, "height": 864])
    try vm.typeSerial("/display/load vboxvideo; echo LOA\"\"DED\n")
    try vm.waitForSerial("LOADED", timeout: 120)
    func waitFor(_ file: String, _ line: String) throws {
      let path = "/sys/class/drm/card0-\(file)"
      try vm.typeSerial(
        "until [ \"$(head -n 1 \(path))\" = \(line) ]; do sleep 0.1; done; echo SE\"\"EN \(file) \(line)\n")
      try vm.waitForSerial("SEEN \(file) \(line)", timeout: 60)
    }
    try waitFor("VGA-1/modes", "1152x864")
    try waitFor("VGA-2/status", "connected")
    // The kernel's console leaves modes out that are larger than its picture.
    try vm.control.command("mode-hint", ["width": 720, "height": 400])
    try waitFor("VGA-1/modes", "720x400")
    try vm.control.command("mode-hint", ["display": 1, "enabled": false])
    try waitFor("VGA-2/status", "disconnected")
    try vm.control.command("mode-hint", ["display": 1, "width": 640, "height": 480, "x": 720, "y": 0])
    try waitFor("VGA-2/status", "connected")
    try waitFor("VGA-2/modes", "640x480")
    #expect(throws: (any Error).self) {
      try vm.control.command("mode-hint", ["display": 2, "width": 640, "height": 480])
    }
    try vm.quit()
  }

  @Test("Debian's driver for the plain adapter reads the monitor's EDID and prefers what the host wishes")
  func monitorOfThePlainAdapter() throws {
    let folder = try TemporaryFolder()
    let vm = try boot(folder, graphics: "vga,memory=128M", mode: "800x600")
    try vm.control.command("mode-hint", ["width": 1152, "height": 864])
    try vm.typeSerial("/display/load bochs; dmesg | grep drm; echo LOA\"\"DED\n")
    try vm.waitForSerial("LOADED", timeout: 120)
    try vm.typeSerial("cd /sys/class/drm/card0-*/ && cat modes && echo MOD\"\"ES\n")
    try vm.waitForSerial("MODES", timeout: 60)
    let lines = vm.serialText().split(whereSeparator: \.isNewline).map(String.init)
    let modes = lines.filter { line in
      line.split(separator: "x").count == 2 && line.allSatisfy { $0.isNumber || $0 == "x" }
    }
    #expect(modes.first == "1152x864", "\(vm.serialText().suffix(3000))")
    #expect(modes.contains("3840x2160") && modes.contains("1920x1080") && modes.contains("640x480"), "\(modes)")
    try vm.typeSerial("od -An -v -t x1 edid; echo ED\"\"ID\n")
    try vm.waitForSerial("EDID", timeout: 60)
    let bytes = vm.serialText().split(whereSeparator: \.isNewline).flatMap { line -> [UInt8] in
      let words = line.split(separator: " ")
      let bytes = words.compactMap { $0.utf8.count == 2 ? UInt8($0, radix: 16) : nil }
      return bytes.count == 16 && bytes.count == words.count ? bytes : []
    }
    #expect(bytes.count == 256)
    // The judgement of others.
    let path = try folder.write("edid", bytes)
    let verdict = try Shell.run("/usr/bin/edid-decode", ["--check", path])
    #expect(verdict.contains("Display Product Name: 'Ringbox'"), "\(verdict)")
    #expect(verdict.contains("EDID conformity: PASS"), "\(verdict)")
    #expect(verdict.contains("1152x864"), "\(verdict)")
    try vm.quit()
  }

  @Test(
    "several monitors side by side, and the pointer",
    arguments: [
      ("vboxvga,memory=64M", "vboxvideo", 3), ("vmsvga,memory=64M", "vmwgfx", 4),
      // Video memory holds what two screens show, and the picture comes from the guest's own memory.
      ("vmsvga,memory=4M", "vmwgfx", 2),
    ])
  func monitors(graphics: String, driver: String, monitors: Int) throws {
    let folder = try TemporaryFolder()
    let vm = try boot(folder, graphics: "\(graphics),monitors=\(monitors)", mode: "800x600")
    // A program that sets a mode of 640x480 for each on one frame buffer, and a red pointer at 100, 50.
    try vm.typeSerial("/display/load \(driver); /display/probe \(monitors) 640 480 100 50 &\n")
    try vm.waitForSerial(" pointer", timeout: 120)
    let hasPointer = vm.serialText().contains("PROBE with pointer")
    #expect(hasPointer == (driver == "vmwgfx"))
    _ = try waitForPicture(vm) { picture in
      guard picture.width == monitors * 640, picture.height == 480 else { return false }
      func pixel(_ x: Int, _ y: Int) -> UInt32 { picture.pixels[y * picture.width + x] }
      let isRight = (0..<monitors).allSatisfy { monitor in
        let color = 0x102030 + UInt32(monitor) * 0x101010
        return pixel(monitor * 640, 0) == color && pixel(monitor * 640 + 639, 479) == color
      }
      return isRight && !hasPointer || isRight && pixel(100, 50) == 0xff0000 && pixel(163, 113) == 0xff0000
    }
    try vm.quit()
  }
}
