import Base
import Foundation
import HostSystem
import Service
import ServiceClient
import SettingsFiles

/// Machines that start when the host does, and end with it: VBoxAutostart's seat. The init system calls it for each user.
enum AutostartVerb {
  static let verb = Verb(
    "autostart", usage: "start | stop [--timeout SECONDS]",
    "Starts the machines with --autostart-enabled on, or ends them as their --autostop-type says."
  ) { words, registry in
    let (names, options) = try words.parse(["timeout": 1], words: 1...1)
    let patience = try options.last.map { option in
      guard let seconds = Int(option.value), (1...86_400).contains(seconds) else {
        throw Failure.usage("Invalid --timeout argument '\(option.value)'")
      }
      return seconds
    }
    switch names[0] {
    case "start": return try start(registry, after: 0)
    case "stop": return try stop(registry, patience: patience ?? 120)
    default: throw Failure.usage("Invalid parameter '\(names[0])'")
    }
  }

  /// `VBoxAutostart --start|--stop [--config FILE]`.
  static func program(_ words: [String]) throws -> Never {
    var rest = Words("VBoxAutostart", words)
    let (_, options) = try rest.parse(
      [
        "start": 0, "stop": 0, "background": 0, "b": 0, "quiet": 0, "q": 0, "verbose": 0, "v": 0, "config": 1, "c": 1,
        "logfile": 1, "f": 1, "logrotate": 1, "r": 1, "logsize": 1, "s": 1, "loginterval": 1, "i": 1,
      ], words: 0...0)
    func has(_ name: String) -> Bool { options.contains { $0.name == name } }
    guard has("start") != has("stop") else { throw Failure.usage("Either --start or --stop must be given") }
    var policy = AutostartPolicy()
    if let path = options.last(where: { ["config", "c"].contains($0.name) })?.value {
      policy = try AutostartPolicy(file: Paths.absolute(path), user: NSUserName())
    }
    guard policy.isAllowed else { throw Failure.failure("User '\(NSUserName())' is not allowed to autostart machines") }
    let registry = Registry(home: try ServiceHome())
    let answer =
      has("start") ? try start(registry, after: policy.delay) : try stop(registry, patience: 120)
    print(rest.wantsJSON ? answer.json.text : answer.text, terminator: "")
    Foundation.exit(answer.status)
  }

  private static func wanted(_ registry: Registry) throws -> [(settings: MachineSettings, element: SettingsElement)] {
    try registry.machines().compactMap { entry in
      guard case .success(let settings) = entry.settings, let element = settings.machine.child("Autostart"),
        element.bool("enabled") == true
      else { return nil }
      return (settings, element)
    }
  }

  /// The machines in the order of their delays, counted from now. One that cannot be started holds up no other.
  private static func start(_ registry: Registry, after delay: Int) throws -> Answer {
    let begun = Date()
    var report = Report()
    let machines = try wanted(registry).map { ($0.settings, delay + max(0, $0.element.integer("delay") ?? 0)) }
    let service = ServiceClient(registry.home, program: try Launcher.find("ringboxd"))
    for (settings, delay) in machines.sorted(by: { $0.1 < $1.1 }) {
      if registry.state(settings).state.isOnline { continue }
      let left = Double(delay) + begun.timeIntervalSinceNow
      if left > 0 { Thread.sleep(forTimeInterval: left) }
      report.note(settings.name, "started") { try service.request("POST", ["machines", settings.uuid, "start"]) }
    }
    return report.answer
  }

  /// Every machine of them that runs, all told first and then waited for.
  private static func stop(_ registry: Registry, patience: Int) throws -> Answer {
    var report = Report()
    let service = ServiceClient(registry.home, program: try Launcher.find("ringboxd"))
    let running = try wanted(registry).filter { registry.state($0.settings).state.isOnline }
    var waiting: [MachineSettings] = []
    for (settings, element) in running {
      let machine = ["machines", settings.uuid]
      switch AutostopType(rawValue: element["autostop"] ?? "") ?? .disabled {
      case .disabled: continue
      case .powerOff: report.note(settings.name, "powered off") { try service.request("POST", machine + ["poweroff"]) }
      case .saveState:
        report.note(settings.name, "saved") {
          try service.follow(task: try service.request("POST", machine + ["savestate"]).json) { _ in }
        }
      case .acpiShutdown:
        if report.succeeds(settings.name, { try service.request("POST", machine + ["acpipowerbutton"]) }) {
          waiting.append(settings)
        }
      }
    }
    let end = Date(timeIntervalSinceNow: Double(patience))
    for settings in waiting {
      report.note(settings.name, "shut down") {
        guard try registry.waitForSession(settings, seconds: max(1, Int(end.timeIntervalSinceNow))) else {
          throw ServiceError(.vmError, "The guest has not shut down in \(patience) s; it runs on", .console)
        }
      }
    }
    return report.answer
  }

  /// What became of each machine.
  private struct Report {
    var answer = Answer(json: .array([]))

    mutating func note(_ name: String, _ what: String, _ body: () throws -> Void) {
      guard succeeds(name, body) else { return }
      answer.text += "\(name): \(what)\n"
      add(["name": .string(name), "result": .string(what)])
    }
    mutating func succeeds(_ name: String, _ body: () throws -> Void) -> Bool {
      do {
        try body()
        return true
      } catch {
        answer.status = 1
        answer.text += "\(name): \(error)\n"
        add(["name": .string(name), "error": .string("\(error)")])
        return false
      }
    }
    private mutating func add(_ entry: JSON) { answer.json = .array((answer.json.array ?? []) + [entry]) }
  }
}

/// Whether a user's machines may start with the host: VBoxAutostart's file of `default_policy = allow` or `deny`, and
/// `USER = { allow = true startup_delay = 10 }`, with comments behind `#`.
struct AutostartPolicy: Equatable {
  var isAllowed = true
  /// Seconds before the first machine.
  var delay = 0

  init() {}
  init(file: String, user: String) throws {
    do {
      try self.init(text: String(decoding: try WholeFile.read(file, maximum: 1 << 20), as: UTF8.self), user: user)
    } catch let error as FileError { throw Failure.failure("Cannot open file '\(error.path)': \(error.reason)") }
  }
  init(text: String, user: String) throws {
    let lines = text.split(whereSeparator: \.isNewline).map { $0.prefix { $0 != "#" } }
    var tokens = lines.joined(separator: " ").replacing("=", with: " = ").replacing("{", with: " { ")
      .replacing("}", with: " } ").split(separator: " ").map(String.init)[...]
    func refuse(_ what: String) -> Failure { .failure("The autostart configuration is wrong at '\(what)'") }
    /// `NAME = VALUE`, the value still to come.
    func name() throws -> String {
      guard let name = tokens.popFirst(), tokens.popFirst() == "=" else { throw refuse(tokens.first ?? "its end") }
      return name
    }
    var isDenied = false, own: Bool?
    while !tokens.isEmpty {
      let key = try name()
      guard let value = tokens.popFirst() else { throw refuse(key) }
      if key == "default_policy" {
        guard ["allow", "deny"].contains(value) else { throw refuse(value) }
        isDenied = value == "deny"
        continue
      }
      guard value == "{" else { throw refuse(value) }
      while tokens.first != "}" {
        let option = try name()
        guard let value = tokens.popFirst() else { throw refuse(option) }
        switch option {
        case "allow":
          guard let flag = MachineOption.flag(value) else { throw refuse(value) }
          if key == user { own = flag }
        case "startup_delay":
          guard let seconds = Int(value), (0...86_400).contains(seconds) else { throw refuse(value) }
          if key == user { delay = seconds }
        default: throw refuse(option)
        }
      }
      tokens.removeFirst()
    }
    isAllowed = own ?? !isDenied
  }
}
