import Base
import HostSystem
import Service

/// Machines are switched on and off, and told things while they run.
extension Route {
  static let power: [Route] = [
    Route(
      .post, "machines/{machine}/start", "startMachine", "power",
      "Starts a machine; answers when it runs.", .json(.named("MachineSummary"))
    ) {
      service, request throws(ServiceError) in
      let settings = try service.machine(request)
      try service.start(settings.uuid, window: request.text("window"))
      return .json(service.summary(try service.registry.machine(settings.uuid)))
    }.taking(
      .object([Schema.option("window", .text, "The name of a program that shows the screen, for lists.")]),
      optional: true),
    command("pause", "pauseMachine", "Lets the machine's processors rest.", "pause"),
    command("resume", "resumeMachine", "Lets them go on.", "resume"),
    command("reset", "resetMachine", "As the button on the case does.", "reset"),
    command("nmi", "injectNMI", "Raises a non-maskable interrupt.", "nmi"),
    Route(
      .post, "machines/{machine}/core", "dumpMemory", "power",
      "Writes a running machine's memory into a new ELF file, for debuggers.", .task
    ) { service, request throws(ServiceError) in
      let settings = try service.machine(request), path = try request.file("path") ?? ""
      _ = try service.registry.client(settings)
      guard !HostPaths.exists(path) else {
        throw ServiceError(.fileError, "'\(path)' exists already (VERR_ALREADY_EXISTS)", .console)
      }
      return try service.work("Dump the memory of '\(settings.name)'", on: settings, canCancel: true) {
        task throws(ServiceError) in
        try service.registry.dumpMemory(of: settings, to: path) { task.proceed($0, $1) }
        return ["path": .string(path)]
      }
    }.taking(.object([Schema.member("path", .path, "An absolute file name that is free.")])),
    command("acpipowerbutton", "pressPowerButton", "Asks the guest to switch the machine off.", "power-button"),
    Route(
      .post, "machines/{machine}/poweroff", "powerOffMachine", "power",
      "Ends the machine's process; answers when it is gone.", .nothing
    ) { service, request throws(ServiceError) in
      try service.registry.powerOff(try service.machine(request))
      service.noticed()
      return .nothing
    },
    Route(
      .post, "machines/{machine}/savestate", "saveState", "power", "Saves a running machine, and ends its process.",
      .task
    ) { service, request throws(ServiceError) in
      let settings = try service.machine(request)
      return try service.work("Save '\(settings.name)'", on: settings) { task throws(ServiceError) in
        try service.registry.saveState(settings) { _ = task.proceed(UInt64(clamping: $0), 100) }
        return .null
      }
    },
    Route(
      .post, "machines/{machine}/adoptstate", "adoptState", "power",
      "Makes a copy of a state file the saved state of a machine that is off.", .nothing
    ) { service, request throws(ServiceError) in
      try service.registry.adoptState(request.name("machine"), try request.file("path") ?? "")
      service.noticed()
      return .nothing
    }.taking(.object([Schema.member("path", .path, "An absolute file name.")])),
    Route(.post, "machines/{machine}/discardstate", "discardState", "power", "Forgets a saved state.", .nothing) {
      service, request throws(ServiceError) in
      try service.registry.discardState(request.name("machine"))
      service.noticed()
      return .nothing
    },
  ]
  private static func command(_ path: String, _ id: String, _ summary: String, _ command: String) -> Route {
    Route(.post, "machines/{machine}/\(path)", id, "power", summary, .nothing) {
      service, request throws(ServiceError) in
      try service.registry.client(try service.machine(request)).command(command)
      service.noticed()
      return .nothing
    }
  }

  // MARK: Screen and keyboard

  static let console: [Route] = [
    Route(
      .get, "machines/{machine}/screenshot", "takeScreenshot", "console", "The screen as a PNG image.",
      .data("image/png")
    ) { service, request throws(ServiceError) in
      let reply = try service.registry.client(try service.machine(request)).command("screenshot")
      guard let bytes = reply["png"]?.string.flatMap(Base64.decode) else {
        throw ServiceError(.vmError, "The machine's process sent no image", .console)
      }
      return .data("image/png", bytes)
    },
    Route(
      .put, "machines/{machine}/videomodehint", "hintVideoMode", "console",
      "Asks the guest's display driver for another mode of a monitor.", .nothing
    ) { service, request throws(ServiceError) in
      var arguments = request.members(["display", "width", "height", "bitsPerPixel", "enabled", "x", "y"])
      // A place has two members; one alone is at the edge.
      if request.body["x"] != nil, request.body["y"] == nil { arguments.append(("y", 0)) }
      if request.body["y"] != nil, request.body["x"] == nil { arguments.append(("x", 0)) }
      try service.registry.client(try service.machine(request)).command("mode-hint", arguments)
      return .nothing
    }.taking(
      .either([
        .object([
          Schema.option("display", .integer(0...63), "The monitor, from 0."),
          Schema.member("width", .integer(1...16384), "Pixels of a row."),
          Schema.member("height", .integer(1...16384), "Rows."),
          Schema.option("bitsPerPixel", .integer(0...32), "Guests choose their own."),
          Schema.option("enabled", .constant(true), "The monitor is there."),
          Schema.option("x", .integer(0...16384), "Where it lies among the others."),
          Schema.option("y", .integer(0...16384), "See x."),
        ]),
        .object([
          Schema.option("display", .integer(0...63), "The monitor, from 0."),
          Schema.option("width", .integer(0...16384), "Kept for when it comes back."),
          Schema.option("height", .integer(0...16384), "See width."),
          Schema.member("enabled", .constant(false), "The monitor is gone."),
        ]),
      ])),
    Route(
      .put, "machines/{machine}/recording", "recordScreen", "console",
      "Begins or ends the recording of a running machine's screen, and changes how it is recorded.",
      .json(.object([Schema.option("frames", .integer(0...Int64(Int32.max)), "Pictures that were recorded.")]))
    ) { service, request throws(ServiceError) in
      let names = [
        ("file", "recordingfile"), ("size", "recordingvideores"), ("rate", "recordingvideorate"),
        ("framesPerSecond", "recordingvideofps"), ("maximumSeconds", "recordingmaxtime"),
        ("maximumMebibytes", "recordingmaxsize"),
      ]
      var options: [(String, String)] = []
      for (member, option) in names {
        guard let value = request.body[member], value != .null else { continue }
        options.append((option, value.string ?? value.integer.map { "\($0)" } ?? ""))
      }
      let frames = try service.registry.record(request.flag("enabled"), options, of: try service.machine(request))
      service.noticed()
      return .json(frames.map { ["frames": .integer($0)] } ?? [:])
    }.taking(
      .object([
        Schema.option("enabled", .flag, "Begins or ends it."),
        Schema.option("file", .name, "A WebM file; a relative name starts from the machine's folder."),
        Schema.option("size", .pattern("[1-9][0-9]{1,3}x[1-9][0-9]{1,3}", "a size as 1024x768"), "Of the picture."),
        Schema.option("rate", .integer(1...100_000), "Thousands of bits a second."),
        Schema.option("framesPerSecond", .integer(1...60), "Pictures a second."),
        Schema.option("maximumSeconds", .integer(0...31_536_000), "It ends by itself then; 0: it does not."),
        Schema.option("maximumMebibytes", .integer(0...1_048_576), "The file becomes no larger; 0: no limit."),
      ])),
    Route(
      .put, "machines/{machine}/clipboard", "setClipboard", "console",
      "Keeps how guest and host are to share a clipboard, once something in the guest does.", .nothing
    ) { service, request throws(ServiceError) in
      try service.registry.setClipboard(
        mode: request.text("mode"), fileTransfers: request.flag("fileTransfers"), of: try service.machine(request))
      service.noticed()
      return .nothing
    }.taking(
      .object([
        Schema.option("mode", .word(["disabled", "hosttoguest", "guesttohost", "bidirectional"]), "Which way."),
        Schema.option("fileTransfers", .flag, "Files as well."),
      ])),
    Route(
      .get, "machines/{machine}/screen", "readScreen", "console", "The screen as text, where it shows text.",
      .json(
        .object([
          Schema.member("mode", .word(["text", "graphics"]), "What it shows."),
          Schema.member("rows", .list(.text), "Lines; none in graphics."),
        ]))
    ) { service, request throws(ServiceError) in
      let reply = try service.registry.client(try service.machine(request)).command("screen-text")
      return .json(["mode": reply["mode"] ?? "graphics", "rows": reply["rows"] ?? []])
    },
    Route(
      .post, "machines/{machine}/keyboard", "typeKeys", "console",
      "Types; answers after the last key.", .nothing
    ) { service, request throws(ServiceError) in
      let client = try service.registry.client(try service.machine(request))
      if let text = request.text("text") {
        // Ten milliseconds a key, and a guest that reads slowly.
        try client.command("type", [("text", .string(text))], seconds: 60 + Int64(text.utf8.count / 25))
      }
      if let keys = request.body["keys"] { try client.command("keys", [("keys", keys)], seconds: 300) }
      if let codes = request.body["scancodes"] {
        try client.command("scancodes", [("codes", codes)], seconds: 300)
      }
      return .nothing
    }.taking(
      .object([
        Schema.option("text", .text, "As on a US keyboard."),
        Schema.option("keys", .list(.text), "Keys and chords, as ctrl-alt-delete."),
        Schema.option("scancodes", .list(.integer(0...255)), "Bytes of scan code set 1."),
      ])),
    Route(
      .get, "machines/{machine}/keyboard", "showLEDs", "console", "The lights of the keyboard's locks.",
      .json(
        .object([
          Schema.member("scrollLock", .flag, "On."), Schema.member("numLock", .flag, "On."),
          Schema.member("capsLock", .flag, "On."),
        ]))
    ) { service, request throws(ServiceError) in
      let reply = try service.registry.client(try service.machine(request)).command("status")["leds"]
      return .json([
        "scrollLock": reply?["scrollLock"] ?? false, "numLock": reply?["numLock"] ?? false,
        "capsLock": reply?["capsLock"] ?? false,
      ])
    },
    Route(
      .post, "machines/{machine}/mouse", "moveMouse", "console", "Moves the mouse and presses its buttons.",
      .nothing
    ) { service, request throws(ServiceError) in
      var arguments = request.members(["dx", "dy", "dz", "x", "y", "buttons"])
      if request.body["x"] != nil, request.body["y"] == nil { arguments.append(("y", 0)) }
      if request.body["y"] != nil, request.body["x"] == nil { arguments.append(("x", 0)) }
      try service.registry.client(try service.machine(request)).command("mouse", arguments)
      return .nothing
    }.taking(
      .object([
        Schema.option("x", .integer(0...65535), "Place in 1/65535 of the screen, for guests that take places."),
        Schema.option("y", .integer(0...65535), "See x; both or none."),
        Schema.option("dx", .integer(-10_000...10_000), "To the right."),
        Schema.option("dy", .integer(-10_000...10_000), "Down."),
        Schema.option("dz", .integer(-127...127), "The wheel."),
        Schema.option("buttons", .list(.word(["left", "right", "middle"])), "Pressed from now on."),
      ])),
    Route(
      .get, "machines/{machine}/serial/{port}", "readSerial", "console", "What a serial port has sent.",
      .json(
        .object([
          Schema.member("start", Schemas.count, "Position of the first byte."),
          Schema.member("end", Schemas.count, "Position behind the last byte."),
          Schema.member("text", .text, "What was sent."),
        ]))
    ) { service, request throws(ServiceError) in
      var arguments: [(String, JSON)] = [("port", .string(try service.serialPort(request)))]
      arguments.append(("from", .integer(Int64(try request.number("from", 0...Int.max) ?? 0))))
      let reply = try service.registry.client(try service.machine(request)).command("serial-read", arguments)
      return .json(["start": reply["start"] ?? 0, "end": reply["end"] ?? 0, "text": reply["text"] ?? ""])
    }.asking("from", Schemas.count, "The first byte's position."),
    Route(.post, "machines/{machine}/serial/{port}", "writeSerial", "console", "Sends to a serial port.", .nothing) {
      service, request throws(ServiceError) in
      try service.registry.client(try service.machine(request)).command(
        "serial-write",
        [("port", .string(try service.serialPort(request))), ("text", request.body["text"] ?? "")])
      return .nothing
    }.taking(.object([Schema.member("text", .text, "What is sent.")])),
    Route(
      .get, "machines/{machine}/serial/{port}/socket", "openSerial", "console",
      "A serial port by WebSocket: binary messages are its bytes, both ways, from the output that is kept on.",
      .nothing, .serialSocket),
    Route(
      .get, "machines/{machine}/display", "openDisplay", "console",
      "The screen by the RFB protocol, for viewers that are web pages.", .nothing, .displaySocket),
  ]
}

extension APIRequest {
  /// Those of the body's members that are there.
  fileprivate func members(_ keys: [String]) -> [(String, JSON)] {
    keys.compactMap { key in body[key].map { (key, $0) } }
  }
}
extension MachineService {
  /// The name of a serial port that the machine has.
  fileprivate func serialPort(_ request: APIRequest) throws(ServiceError) -> String {
    let number = try request.place("port"), client = try registry.client(try machine(request))
    guard number < 4, try client.command("statistics")["droppedOutput"]?["serial\(number)"] != nil else {
      throw ServiceError(.objectNotFound, "The machine has no serial port \(number)", .console)
    }
    return "serial\(number)"
  }
}

/// Base64 without Foundation's detours.
public enum Base64 {
  /// Nil when a character does not belong there.
  public static func decode(_ text: String) -> [UInt8]? {
    var output: [UInt8] = []
    output.reserveCapacity(text.utf8.count / 4 * 3)
    var bits: UInt32 = 0, count = 0
    for byte in text.utf8 where byte != UInt8(ascii: "=") {
      let value: UInt8
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - 65
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - 71
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte + 4
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      default: return nil
      }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        output.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        bits &= (1 << UInt32(count)) - 1
      }
    }
    return output
  }
}
