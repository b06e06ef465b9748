import Foundation
import TestSupport
import Testing

extension Desktop {
  /// Whether a window in front shows a picture, pixel by pixel.
  ///
  /// xdotool counts the frame that the window manager draws twice, so the place is looked for above and left of what it says.
  func shows(_ picture: Picture, in window: String) throws -> Bool {
    let area = try geometry(window)
    guard area.width == picture.width, area.height == picture.height else { return false }
    let file = screen
    func word(_ index: Int) -> Int { file[(index * 4)..<(index * 4 + 4)].reduce(0) { $0 << 8 | Int($1) } }
    // XWDFile.h: header_size, file_version, ..., byte_order (7), bits_per_pixel (11), bytes_per_line (12), ncolors (19).
    let data = word(0) + word(19) * 12, row = word(12)
    try #require(word(11) == 32 && word(7) == 0)
    func isAt(_ left: Int, _ top: Int) -> Bool {
      picture.pixels.indices.allSatisfy { index in
        let at = data + (top + index / picture.width) * row + (left + index % picture.width) * 4
        let pixel = UInt32(file[at]) | UInt32(file[at + 1]) << 8 | UInt32(file[at + 2]) << 16
        return pixel == picture.pixels[index]
      }
    }
    return (0...min(40, area.y)).contains { up in (0...min(8, area.x)).contains { isAt(area.x - $0, area.y - up) } }
  }
}

/// `ringbox-sdl` on a desktop without a screen (Xvfb), with a guest behind it.
@Suite("windows", .serialized) struct WindowTests {
  private func makeMachine(_ machines: KeptMachines, _ name: String, append: String = "console=ttyS0 console=tty0")
    throws
  {
    _ = try machines.output(["createvm", "--name", name, "--ostype", "Debian_64", "--register"])
    _ = try machines.output(["modifyvm", name, "--memory", "256", "--nic1", "none", "--graphicscontroller", "vboxvga"])
    for (key, value) in [
      ("Kernel", GuestAssets.path("amd64/linux")), ("Initrd", GuestAssets.path("amd64/busybox.gz")), ("Append", append),
    ] {
      _ = try machines.output(["setextradata", name, "Ringbox/\(key)", value])
    }
  }
  private func control(_ machines: KeptMachines, _ name: String) throws -> ControlClient {
    let uuid = try #require(try machines.info(name, "UUID"))
    return try ControlClient(path: machines.folder.name("run/ringbox/\(uuid).sock"))
  }
  private func launch(_ machines: KeptMachines, _ desktop: Desktop, _ words: [String]) throws -> Process {
    let process = Process()
    let folder = (try RingboxProgram.path() as NSString).deletingLastPathComponent
    process.executableURL = URL(fileURLWithPath: folder + "/ringbox-sdl")
    process.arguments = words
    process.environment = machines.environment.merging(["DISPLAY": desktop.display]) { $1 }
    let errors = try machines.folder.file("sdl.err")
    process.standardError = errors
    process.standardOutput = errors
    try process.run()
    return process
  }
  private func waitForEnd(_ process: Process, seconds: TimeInterval = 60) -> Bool {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while process.isRunning, Date() < deadline { usleep(20_000) }
    return !process.isRunning
  }

  @Test("a machine in a window: what it shows, what is typed, full screen, the host key's orders")
  func window() throws {
    let machines = try KeptMachines()
    let desktop = try Desktop(machines.folder)
    try makeMachine(machines, "win")
    let process = try launch(machines, desktop, ["--startvm", "win", "--memory", "64"])
    defer { process.end() }
    let window = try desktop.waitForWindow("win \\[running\\]")
    #expect(machines.folder.text("sdl.err").contains("--memory is ignored"))
    let control = try control(machines, "win")
    try control.command(
      "wait-for-text", ["text": "/root #", "timeout": .integer(Int64(GuestAssets.bootTimeout))],
      timeout: GuestAssets.bootTimeout + 10)
    try desktop.tool(["windowfocus", "--sync", window])
    try desktop.tool(["type", "--delay", "20", "echo \"Wi-$((6*7))_|~\" && X=!; clear; echo 'DONE@'$X"])
    try desktop.tool(["key", "Return"])
    try control.command("wait-for-text", ["text": "DONE@!", "timeout": 60], timeout: 70)
    // The desktop's pointer is part of its picture.
    try desktop.tool(["mousemove", "1279", "1023"])
    // The cursor blinks, so a moment is wanted at which both see the same.
    var isSame = false
    for _ in 0..<60 where !isSame {
      _ = try machines.output(["controlvm", "win", "screenshotpng", machines.folder.name("shot.png")])
      isSame = try desktop.shows(Picture(png: machines.folder.bytes("shot.png")), in: window)
      if !isSame { usleep(30_000) }
    }
    #expect(isSame, "the window is not what the machine shows")
    #expect(try desktop.waitForWindow("win \\[running\\]") == window)
    // A click captures the mouse, the host key lets it go.
    try desktop.tool(["mousemove", "--window", window, "50", "50", "click", "1"])
    _ = try desktop.waitForWindow("releases the mouse")
    try desktop.tool(["keydown", "Control_R"])
    try desktop.tool(["keyup", "Control_R"])
    let deadline = Date(timeIntervalSinceNow: 60)
    while !desktop.windows("releases the mouse").isEmpty, Date() < deadline { usleep(20_000) }
    #expect(desktop.windows("releases the mouse").isEmpty)
    // Right Ctrl and F: the whole desktop, and back.
    try desktop.tool(["keydown", "Control_R", "key", "f", "keyup", "Control_R"])
    #expect(try waitForWidth(1280, of: window, desktop))
    try desktop.tool(["keydown", "Control_R", "key", "f", "keyup", "Control_R"])
    #expect(try waitForWidth(720, of: window, desktop))
    try desktop.tool(["keydown", "Control_R", "key", "p", "keyup", "Control_R"])
    _ = try desktop.waitForWindow("win \\[paused\\]")
    try desktop.tool(["keydown", "Control_R", "key", "q", "keyup", "Control_R"])
    #expect(waitForEnd(process) && process.terminationStatus == 0, "\(machines.folder.text("sdl.err"))")
    #expect(try machines.info("win", "VMState") == "poweroff")
  }
  private func waitForWidth(_ width: Int, of window: String, _ desktop: Desktop) throws -> Bool {
    let deadline = Date(timeIntervalSinceNow: 60)
    while Date() < deadline {
      if try desktop.geometry(window).width == width { return true }
      usleep(50_000)
    }
    return false
  }

  @Test("startvm opens a window; without it the machine runs on, and another one may look")
  func types() throws {
    let machines = try KeptMachines()
    let desktop = try Desktop(machines.folder)
    _ = try machines.output(["createvm", "--name", "box", "--register"])
    _ = try machines.output(["modifyvm", "box", "--memory", "64", "--nic1", "none"])
    let noDesktop = try machines.manage(["startvm", "box", "--type", "sdl"])
    #expect(noDesktop.status == 1 && noDesktop.errors.contains("no desktop"))
    #expect(try machines.info("box", "VMState") == "poweroff")
    let started = try RingboxProgram.run(
      ["startvm", "box", "--type", "gui"],
      environment: machines.environment.merging(["DISPLAY": desktop.display]) { $1 })
    #expect(started.status == 0, "\(started.errors)")
    let window = try desktop.waitForWindow("box \\[running\\]")
    // Killed with its window, as by a desktop that ends.
    try desktop.tool(["windowkill", window])
    let deadline = Date(timeIntervalSinceNow: 60)
    while !desktop.windows("box \\[").isEmpty, Date() < deadline { usleep(20_000) }
    #expect(try machines.info("box", "VMState") == "running")
    // Kept for the day when something in the guest shares a clipboard.
    _ = try machines.output(["controlvm", "box", "clipboard", "mode", "hosttoguest"])
    #expect(try machines.info("box", "clipboard") == "hosttoguest")
    #expect(try machines.manage(["controlvm", "box", "clipboard", "mode", "sideways"]).status != 0)
    let second = try launch(machines, desktop, ["--separate", "box", "--fixedmode", "400", "300", "32"])
    let small = try desktop.waitForWindow("box \\[running\\]")
    #expect(try waitForWidth(400, of: small, desktop))
    // Closed by its user, the window is gone and the machine is there.
    try desktop.tool(["windowfocus", "--sync", small])
    try desktop.tool(["key", "alt+F4"])
    #expect(waitForEnd(second) && second.terminationStatus == 0, "\(machines.folder.text("sdl.err"))")
    #expect(try machines.info("box", "VMState") == "running")
    let third = try launch(machines, desktop, ["box", "--close", "save"])
    let whole = try desktop.waitForWindow("box \\[running\\]")
    try desktop.tool(["windowfocus", "--sync", whole])
    try desktop.tool(["key", "alt+F4"])
    #expect(waitForEnd(third) && third.terminationStatus == 0, "\(machines.folder.text("sdl.err"))")
    #expect(try machines.info("box", "VMState") == "saved")
  }

  @Test("what makes no sense is refused, with a reason")
  func refusals() throws {
    let machines = try KeptMachines()
    let folder = (try RingboxProgram.path() as NSString).deletingLastPathComponent
    func run(_ words: [String]) throws -> RingboxProgram.Result {
      try RingboxProgram.run(words, environment: machines.environment, program: folder + "/ringbox-sdl")
    }
    let unknown = try run(["--startvm", "nobody"])
    #expect(unknown.status == 1 && unknown.errors.contains("Could not find a registered machine named 'nobody'"))
    for words in [
      ["--nonsense"], [], ["--startvm"], ["a", "b"], ["a", "--fixedmode", "1", "2", "3"], ["a", "--close", "x"],
    ] {
      let result = try run(words)
      #expect(result.status == 2 && result.errors.contains("usage:"), "\(words): \(result)")
    }
    #expect(try run(["--help"]).output.contains("--fullscreen"))
    _ = try machines.output(["createvm", "--name", "box", "--register"])
    let noDesktop = try run(["box", "--separate"])
    #expect(noDesktop.status == 1 && noDesktop.errors.contains("has no display"), "\(noDesktop.errors)")
  }
}
