import Base
import Foundation
import HostSystem
import Service
import ServiceClient

/// Machines are switched on, off, and told things while they run.
enum PowerVerbs {
  static let start = Verb(
    "startvm", usage: "NAME|UUID... [--type headless|gui|sdl|separate]", "Starts machines in the background."
  ) { words, registry in
    let (names, options) = try words.parse(
      ["type": 1, "putenv": 1, "e": 1, "password": 1, "passwordid": 1], words: 1...64)
    for option in options where option.name == "type" {
      guard ["headless", "gui", "sdl", "separate", "emergencystop"].contains(option.value) else {
        throw Failure.usage("Invalid --type argument '\(option.value)'")
      }
    }
    let window = try windowProgram(options.last { $0.name == "type" }?.value ?? "headless")
    var text = ""
    let service = ServiceClient(registry.home, program: try Launcher.find("ringboxd"))
    for name in names {
      try service.request(
        "POST", ["machines", try registry.machine(name).uuid, "start"],
        window == nil ? [:] : ["window": "GUI/SDL"])
      if let window {
        // A machine of the type separate goes on without its window.
        let isSeparate = options.last { $0.name == "type" }?.value == "separate"
        let uuid = try registry.machine(name).uuid
        try registry.home.startWindow(window, ["--startvm", uuid] + (isSeparate ? ["--separate"] : []))
      }
      text += "Waiting for VM \"\(name)\" to power on...\nVM \"\(name)\" has been successfully started.\n"
    }
    return Answer(text: text, json: ["started": .array(names.map { .string($0) })])
  }
  /// The program of a window for this type of start. Where there is no desktop, `gui` and `separate` do without one;
  /// `sdl` is asked for by those who want to see something.
  private static func windowProgram(_ type: String) throws -> String? {
    guard ["gui", "sdl", "separate"].contains(type) else { return nil }
    let hasDesktop = ["DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"].contains {
      !(ProcessImage.environment($0) ?? "").isEmpty
    }
    if type == "sdl" {
      guard hasDesktop else {
        throw Failure.failure("There is no desktop for a window: neither DISPLAY nor WAYLAND_DISPLAY is set")
      }
      return try Launcher.find("ringbox-sdl")
    }
    return hasDesktop ? try? Launcher.find("ringbox-sdl") : nil
  }

  /// `VBoxHeadless --startvm NAME`: starts a machine and stays until it ends.
  static func headless(_ words: [String]) throws -> Never {
    if words.first.map({ ["help", "--help", "-h", "-help"].contains($0) }) == true {
      print("usage: VBoxHeadless --startvm NAME|UUID [--vrde on|off|config] [--settingspwfile FILE]")
      Foundation.exit(0)
    }
    var rest = Words("VBoxHeadless", words)
    let (_, options) = try rest.parse(
      ["startvm": 1, "s": 1, "vrde": 1, "v": 1, "vrdeproperty": 1, "e": 1, "settingspw": 1, "settingspwfile": 1],
      words: 0...0)
    guard let name = options.last(where: { ["startvm", "s"].contains($0.name) })?.value else {
      throw Failure.usage("Missing argument: --startvm NAME|UUID")
    }
    let registry = Registry(home: try ServiceHome())
    let settings = try registry.machine(name)
    try ServiceClient(registry.home, program: try Launcher.find("ringboxd"))
      .request("POST", ["machines", settings.uuid, "start"])
    while !(try registry.waitForSession(settings, seconds: 3600)) {}
    Foundation.exit(0)
  }

  static let control = Verb(
    "controlvm",
    usage:
      "NAME|UUID pause|resume|reset|poweroff|savestate|acpipowerbutton|keyboardputscancode HH...|keyboardputstring TEXT...|"
      + "keyboardputfile FILE|screenshotpng FILE|setlinkstate<N> on|off|natpf<N> RULE|natpf<N> delete NAME|"
      + "mouseputstate [--absolute] X Y [DZ [BUTTONS]]|nic<N> KIND [NETWORK]|nictrace<N> on|off|nictracefile<N> FILE|nicpromisc<N> POLICY|"
      + "nicproperty<N> NAME=VALUE|changeuartmode<N> MODE...|audioin on|off|audioout on|off|draganddrop MODE|vrde on|off|"
      + "vrdeport PORTS|vrdeproperty NAME=VALUE|vrdevideochannelquality N|guestmemoryballoon MIB|cpuexecutioncap N|"
      + "vm-process-priority PRIORITY|autostart-enabled on|off|autostart-delay SECONDS|reboot|shutdown|"
      + "clipboard mode disabled|hosttoguest|guesttohost|bidirectional|setvideomodehint WIDTH HEIGHT BPP [DISPLAY [yes|no [X Y]]]|recording on|off|filename FILE|videores WxH|videorate N|videofps N|maxtime N|maxfilesize N",
    "Controls a machine that runs."
  ) { words, registry in
    let name = try words.next("name or UUID of the machine")
    let verb = try words.next("what to do")
    let settings = try registry.machine(name)
    guard registry.state(settings).state.isOnline else {
      throw Failure.failure("Machine '\(name)' is not currently running.")
    }
    let service = ServiceClient(registry.home, program: try Launcher.find("ringboxd"))
    return try Control(settings: settings, registry: registry, service: service).perform(verb, Array(words.rest))
  }
}

/// The words behind `controlvm NAME`: requests to the service.
struct Control {
  let settings: MachineSettings
  let registry: Registry
  let service: ServiceClient

  @discardableResult
  func request(
    _ method: String, _ path: String..., body: JSON? = nil, seconds: Int64 = 120
  ) throws -> ServiceClient.Answer {
    try service.request(method, ["machines", settings.uuid] + path, body, seconds: seconds)
  }

  func perform(_ verb: String, _ values: [String]) throws -> Answer {
    func none() throws { if let extra = values.first { throw Failure.usage("Invalid parameter '\(extra)'") } }
    let plain = Words.plain(verb)
    switch plain {
    case "pause", "resume", "reset":
      try none()
      try request("POST", plain)
    case "reboot":
      try none()
      try request("POST", "reset")
    case "acpipowerbutton", "shutdown":
      guard values.allSatisfy({ plain == "shutdown" && Words.plain($0) == "force" }) else {
        throw Failure.usage("Invalid parameter '\(values[0])'")
      }
      try request("POST", "acpipowerbutton")
    case "poweroff":
      try none()
      try request("POST", "poweroff")
      Progress.whole()
    case "keyboardputscancode": try scanCodes(values)
    case "keyboardputstring": for text in values { try type(text) }
    case "keyboardputfile":
      do { try type(String(decoding: try WholeFile.read(path(values), maximum: 65_536), as: UTF8.self)) } catch let
        error
        as FileError
      { throw Failure.failure("Cannot open file '\(error.path)': \(error.reason)") }
    case "mouseputstate": try moveMouse(values)
    case "screenshotpng":
      guard (1...2).contains(values.count) else { throw Failure.usage("screenshotpng takes a file and a screen") }
      if values.count > 1 { try checkScreen(values[1]) }
      try screenshot(path(values))
    case "recording", "videocap": try record(values)
    case "setvideomodehint": try hintMode(values)
    case "clipboard": try setClipboard(values)
    case "savestate":
      try none()
      let progress = Progress()
      try service.follow(task: try request("POST", "savestate").json) { progress.show($0) }
      progress.show(100)
    default: try performNumbered(verb, plain, values)
    }
    return .done
  }
  private func checkScreen(_ text: String) throws {
    guard let screen = Int(text), screen >= 0 else { throw Failure.usage("Invalid parameter '\(text)'") }
    let count = settings.number(["Display"], "monitorCount", default: 1)
    guard screen < count else {
      throw ServiceError(
        .invalidArgument, "Invalid screen number \(screen): the machine has \(count == 1 ? "one" : "\(count)")",
        .console)
    }
  }
  private func path(_ values: [String]) -> String { Paths.absolute(values.first ?? "") }

  private func performNumbered(_ verb: String, _ plain: String, _ values: [String]) throws {
    let digits = plain.reversed().prefix { $0.isNumber }.count
    let number = String(plain.suffix(digits))
    switch (String(plain.dropLast(digits)), digits > 0) {
    case ("setlinkstate", true):
      guard let value = values.first, values.count == 1 else { throw Failure.usage("\(verb) takes one value") }
      try request("PUT", "adapters", number, "link", body: ["up": .bool(try Words.flag(value, verb))])
    case ("natpf", true): try forward(number, values)
    default:
      if try keepSetting(plain, verb, values) { return }
      let actions = [
        "usbattach", "usbdetach", "setscreenlayout", "setcredentials", "teleport", "plugcpu",
        "unplugcpu", "webcam", "acpisleepbutton", "addencpassword", "removeencpassword", "removeallencpasswords",
      ]
      guard actions.contains(plain) else { throw Failure.usage("Invalid parameter '\(verb)'") }
      // There are no webcams attached: that list is empty.
      if plain == "webcam", values == ["list"] { return }
      throw ServiceError(.notSupported, "\(verb) is not supported by this machine", .console)
    }
  }
  private func forward(_ number: String, _ values: [String]) throws {
    if values.first == "delete" {
      guard values.count == 2 else { throw Failure.usage("natpf delete takes the name of a rule") }
      try request("DELETE", "adapters", number, "forwards", values[1])
    } else {
      guard values.count == 1 else { throw Failure.usage("natpf takes one rule") }
      try request("POST", "adapters", number, "forwards", body: ["rule": .string(values[0])])
    }
  }

  /// `clipboard mode MODE` and `clipboard filetransfers on|off`; once it was `clipboard MODE`.
  private func setClipboard(_ values: [String]) throws {
    let isShort = values.count == 1
    guard isShort || values.count == 2 else { throw Failure.usage("clipboard takes mode MODE or filetransfers on|off") }
    switch isShort ? "mode" : Words.plain(values[0]) {
    case "mode": try request("PUT", "clipboard", body: ["mode": .string(values[values.count - 1].lowercased())])
    case "filetransfers":
      try request("PUT", "clipboard", body: ["fileTransfers": .bool(try Words.flag(values[1], "filetransfers"))])
    default: throw Failure.usage("Invalid parameter '\(values[0])'")
    }
  }

  /// Width, height, bits a pixel; then the display, whether it is there, and where it is.
  private func hintMode(_ values: [String]) throws {
    guard [3, 4, 5, 7].contains(values.count) else {
      throw Failure.usage("setvideomodehint takes WIDTH HEIGHT BPP [DISPLAY [yes|no [X Y]]]")
    }
    var body: JSON = [:]
    let names = ["width", "height", "bitsPerPixel", "display", "", "x", "y"]
    for (name, value) in zip(names, values) {
      if name.isEmpty {
        body.set("enabled", .bool(try Words.flag(value, "enabled")))
      } else {
        guard let number = Int64(value) else { throw Failure.usage("Invalid parameter '\(value)'") }
        body.set(name, .integer(number))
      }
    }
    try request("PUT", "videomodehint", body: body)
  }

  /// The words behind `recording`: on and off, or one property and its value.
  private func record(_ values: [String]) throws {
    guard let word = values.first.map(Words.plain) else { throw Failure.usage("Missing argument to 'recording'") }
    let rest = Array(values.dropFirst())
    func number() throws -> JSON {
      guard rest.count == 1, let number = Int64(rest[0]) else {
        throw Failure.usage("recording \(word) takes a number")
      }
      return .integer(number)
    }
    var body: JSON = [:]
    switch word {
    case "on", "start", "off", "stop":
      guard rest.isEmpty else { throw Failure.usage("Invalid parameter '\(rest[0])'") }
      body.set("enabled", .bool(word == "on" || word == "start"))
    case "filename", "file":
      guard rest.count == 1 else { throw Failure.usage("recording filename takes a file") }
      body.set("file", .string(path(rest)))
    case "videores", "videoresolution":
      guard (1...2).contains(rest.count) else { throw Failure.usage("recording videores takes a size, as 1024x768") }
      body.set("size", .string(rest.joined(separator: "x")))
    case "videorate": body.set("rate", try number())
    case "videofps": body.set("framesPerSecond", try number())
    case "maxtime": body.set("maximumSeconds", try number())
    case "maxfilesize": body.set("maximumMebibytes", try number())
    case "screens":
      guard rest == ["all"] || rest == ["0"] else {
        throw ServiceError(.notSupported, "All screens are recorded into one picture", .console)
      }
      return
    default: throw Failure.usage("Invalid parameter '\(values[0])'")
    }
    try request("PUT", "recording", body: body)
  }

  private func scanCodes(_ values: [String]) throws {
    let codes = try values.map { text -> JSON in
      guard let code = UInt8(text, radix: 16), text.utf8.count == 2 else {
        throw Failure.usage("Error: '\(text)' is not a hex byte!")
      }
      return .integer(Int64(code))
    }
    guard !codes.isEmpty else { throw Failure.usage("Missing argument: scan codes") }
    try request("POST", "keyboard", body: ["scancodes": .array(codes)], seconds: 300)
  }
  /// Distances, or with `--absolute` a place in 1/65535 of the screen; buttons as a sum: 1 left, 2 right, 4 middle.
  private func moveMouse(_ values: [String]) throws {
    let isAbsolute = values.first.map(Words.plain) == "absolute"
    let numbers = try values.dropFirst(isAbsolute ? 1 : 0).map { text -> Int64 in
      guard let number = Int64(text) else { throw Failure.usage("Error: '\(text)' is not a number!") }
      return number
    }
    guard (2...4).contains(numbers.count) else {
      throw Failure.usage("mouseputstate takes [--absolute] X Y [DZ [BUTTONS]]")
    }
    var body: JSON = [
      (isAbsolute ? "x" : "dx"): .integer(numbers[0]), (isAbsolute ? "y" : "dy"): .integer(numbers[1]),
    ]
    if numbers.count > 2 { body.set("dz", .integer(numbers[2])) }
    if numbers.count > 3 {
      guard (0...7).contains(numbers[3]) else { throw Failure.usage("Error: '\(numbers[3])' is no set of buttons!") }
      let names = ["left", "right", "middle"].enumerated().filter { numbers[3] >> Int64($0.offset) & 1 != 0 }
      body.set("buttons", .array(names.map { .string($0.element) }))
    }
    try request("POST", "mouse", body: body)
  }
  private func type(_ text: String) throws {
    try request("POST", "keyboard", body: ["text": .string(text)], seconds: 120 + Int64(text.utf8.count / 25))
  }
  private func screenshot(_ path: String) throws {
    let image = try request("GET", "screenshot").body
    do { try HostFiles.replace(path, with: image) } catch {
      throw Failure.failure("Cannot write '\(path)': \(error.reason)")
    }
  }
}
