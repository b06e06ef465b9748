import Base
import Foundation
import HostSystem
import Service

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
    var text = ""
    for name in names {
      try registry.start(name, program: try Launcher().program)
      text += "Waiting for VM \"\(name)\" to power on...\nVM \"\(name)\" has been successfully started.\n"
    }
    return Answer(text: text, json: ["started": .array(names.map { .string($0) })])
  }

  /// `VBoxHeadless --startvm NAME`: starts a machine and stays until it ends.
  static func headless(_ words: [String]) throws -> Never {
    var rest = Words("VBoxHeadless", words)
    let (_, options) = try rest.parse(
      ["startvm": 1, "s": 1, "vrde": 1, "v": 1, "vrdeproperty": 1, "e": 1, "settingspw": 1, "settingspwfile": 1],
      words: 0...0)
    guard let name = options.last(where: { ["startvm", "s"].contains($0.name) })?.value else {
      throw Failure.usage("Missing argument: --startvm NAME|UUID")
    }
    let registry = Registry(home: try ServiceHome())
    try registry.start(name, program: try Launcher().program)
    let settings = try registry.machine(name)
    while !(try registry.waitForSession(settings, seconds: 3600)) {}
    Foundation.exit(0)
  }

  static let control = Verb(
    "controlvm",
    usage:
      "NAME|UUID pause|resume|reset|poweroff|savestate|acpipowerbutton|keyboardputscancode HH...|keyboardputstring TEXT...|"
      + "keyboardputfile FILE|screenshotpng FILE|setlinkstate<N> on|off|natpf<N> RULE|natpf<N> delete NAME",
    "Controls a machine that runs."
  ) { words, registry in
    let name = try words.next("name or UUID of the machine")
    let verb = try words.next("what to do")
    let settings = try registry.machine(name)
    guard registry.state(settings).state.isOnline else {
      throw Failure.failure("Machine '\(name)' is not currently running.")
    }
    return try Control(settings: settings, registry: registry).perform(verb, Array(words.rest))
  }
}

/// The words behind `controlvm NAME`.
private struct Control {
  let settings: MachineSettings
  let registry: Registry

  func perform(_ verb: String, _ values: [String]) throws -> Answer {
    func none() throws { if let extra = values.first { throw Failure.usage("Invalid parameter '\(extra)'") } }
    func one() throws -> String {
      guard let value = values.first, values.count == 1 else { throw Failure.usage("\(verb) takes one value") }
      return value
    }
    let plain = Words.plain(verb)
    switch plain {
    case "pause", "resume", "reset":
      try none()
      try registry.client(settings).command(plain)
    case "acpipowerbutton", "shutdown":
      try registry.client(settings).command("power-button")
    case "poweroff":
      try none()
      try registry.powerOff(settings)
      Progress.whole()
    case "keyboardputscancode": try scanCodes(values)
    case "keyboardputstring": for text in values { try type(text) }
    case "keyboardputfile":
      do { try type(String(decoding: try WholeFile.read(path(values), maximum: 65_536), as: UTF8.self)) } catch let
        error
        as FileError
      { throw Failure.failure("Cannot open file '\(error.path)': \(error.reason)") }
    case "screenshotpng":
      try registry.client(settings).command("screenshot", [("path", .string(path(values)))])
    case "savestate":
      try none()
      let progress = Progress()
      try registry.saveState(settings) { progress.show($0) }
      progress.show(100)
    default: try performNumbered(verb, plain, values, one)
    }
    return .done
  }
  private func path(_ values: [String]) -> String { Paths.absolute(values.first ?? "") }

  private func performNumbered(_ verb: String, _ plain: String, _ values: [String], _ one: () throws -> String) throws {
    let digits = plain.reversed().prefix { $0.isNumber }.count
    let number = Int(plain.suffix(digits)) ?? 0
    switch (String(plain.dropLast(digits)), digits > 0) {
    case ("setlinkstate", true):
      let isUp = try Words.flag(try one(), verb)
      try registry.client(settings).command(
        "link", [("card", .string(try card(number))), ("state", isUp ? "up" : "down")])
      try keep("cableconnected\(number)", [isUp ? "on" : "off"])
    case ("natpf", true): try forward(number, values)
    case ("nic", true), ("nictrace", true), ("nictracefile", true), ("nicpromisc", true), ("nicproperty", true):
      throw ServiceError(.notSupported, "\(verb) is not supported while the machine runs", .console)
    default:
      let known = [
        "guestmemoryballoon", "usbattach", "usbdetach", "audioin", "audioout", "clipboard", "draganddrop", "vrde",
        "vrdeport", "vrdeproperty", "setvideomodehint", "setscreenlayout", "recording", "videocap", "setcredentials",
        "teleport", "plugcpu", "unplugcpu", "cpuexecutioncap", "webcam", "acpisleepbutton", "reboot",
        "vmprocesspriority", "addencpassword", "removeencpassword", "removeallencpasswords",
      ]
      guard known.contains(plain) else { throw Failure.usage("Invalid parameter '\(verb)'") }
      throw ServiceError(.notSupported, "\(verb) is not supported yet", .console)
    }
  }
  /// The name of a card in the machine's process, which counts only cards that are there.
  private func card(_ number: Int) throws -> String {
    let slots = (0..<8).filter { settings.slot("Network", "Adapter", $0)?.bool("enabled") == true }
    guard let index = slots.firstIndex(of: number - 1) else {
      throw ServiceError(.invalidArgument, "Network card \(number) is not enabled", .console)
    }
    return "nic\(index)"
  }
  /// The setting follows what was done in the running machine.
  private func keep(_ option: String, _ values: [String]) throws {
    guard let (known, number) = MachineOption.named(option) else { return }
    try registry.changeShared(settings.uuid) { settings throws(ServiceError) in
      try known.apply(values, number: number, typed: option, to: &settings, registry)
    }
  }
  private func forward(_ number: Int, _ values: [String]) throws {
    let card = JSON.string(try card(number))
    let client = try registry.client(settings)
    if values.first == "delete" {
      let rules = settings.forwards(slot: number - 1)
      guard values.count == 2, let rule = rules.first(where: { $0.name == values[1] }) else {
        throw ServiceError(.invalidArgument, "No NAT rule of the name '\(values.last ?? "")'", .console)
      }
      try client.command("forward-remove", [("card", card), ("rule", .string(rule.forward))])
    } else {
      guard values.count == 1 else { throw Failure.usage("natpf takes one rule") }
      let rule = try PortRule(parsing: values[0])
      guard !settings.forwards(slot: number - 1).contains(where: { $0.name == rule.name }) else {
        throw ServiceError(.invalidArgument, "A NAT rule of this name already exists", .console)
      }
      try client.command("forward-add", [("card", card), ("rule", .string(rule.forward))])
    }
    try keep("natpf\(number)", values)
  }

  private func scanCodes(_ values: [String]) throws {
    let codes = try values.map { text -> JSON in
      guard let code = UInt8(text, radix: 16), text.utf8.count == 2 else {
        throw Failure.usage("Error: '\(text)' is not a hex byte!")
      }
      return .integer(Int64(code))
    }
    guard !codes.isEmpty else { throw Failure.usage("Missing argument: scan codes") }
    try registry.client(settings).command("scancodes", [("codes", .array(codes))], seconds: 300)
  }
  private func type(_ text: String) throws {
    try registry.client(settings).command("type", [("text", .string(text))], seconds: 600)
  }
}
