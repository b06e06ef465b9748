import Base
import Foundation
import HostSystem
import Service
import SettingsFiles

/// `metrics`: figures of the host and of machines that run. They are taken when somebody asks.
enum MetricsVerb {
  static let verb = Verb(
    "metrics", usage: "list|query|setup|enable|disable|collect [*|host|NAME [METRIC,...]]",
    "Shows figures of the host and of machines that run."
  ) { words, registry in
    let verb = try words.next("list, query, setup, enable, disable or collect")
    let (names, _) = try words.parse(["period": 1, "samples": 1, "list": 0, "detach": 0], words: 0...2)
    guard ["list", "query", "setup", "enable", "disable", "collect"].contains(verb) else {
      throw Failure.usage("Invalid parameter '\(verb)'")
    }
    let wanted = names.count > 1 ? names[1].split(separator: ",").map(String.init) : ["*"]
    let isQuery = ["query", "collect"].contains(verb)
    var text = isQuery ? row("Object", "Metric", "Values", "") : row("Object", "Metric", "Unit", "Description")
    text += row(
      "----------", "----------------------------------------", isQuery ? "------" : "----",
      isQuery ? "" : "-----------")
    var json: [JSON] = []
    for source in try Source.all(names.first ?? "*", registry) {
      let values = isQuery ? source.values() : [:]
      for figure in source.figures where wanted.contains(where: { Glob.matches(figure.name, $0) }) {
        let value = values[figure.name] ?? 0
        text +=
          isQuery
          ? row(source.name, figure.name, "\(value) \(figure.unit)", "")
          : row(source.name, figure.name, figure.unit, figure.text)
        json.append([
          "object": .string(source.name), "name": .string(figure.name), "unit": .string(figure.unit),
          "value": isQuery ? .integer(value) : .null,
        ])
      }
    }
    // There is nothing to set up: nobody takes figures in between.
    guard isQuery || verb == "list" else { return .done }
    return Answer(text: text, json: .array(json))
  }
  private static func row(_ object: String, _ metric: String, _ unit: String, _ text: String) -> String {
    func pad(_ word: String, _ width: Int) -> String {
      word + String(repeating: " ", count: max(0, width - word.count))
    }
    let line = "\(pad(object, 10)) \(pad(metric, 40)) \(pad(unit, 6)) \(text)"
    return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
  }

  /// Whose figures they are.
  private struct Source {
    let name: String
    let figures: [HostFigure]
    let values: () -> [String: Int64]

    static func all(_ object: String, _ registry: Registry) throws -> [Source] {
      let host = Source(name: "host", figures: HostFigure.all, values: HostFigure.values)
      switch object {
      case "host": return [host]
      case "*":
        let running = try registry.running().compactMap { try? $0.settings.get() }
        return [host] + running.map { machine($0, registry) }
      default: return [machine(try registry.machine(object), registry)]
      }
    }
    private static func machine(_ settings: MachineSettings, _ registry: Registry) -> Source {
      Source(name: settings.name, figures: HostFigure.machine) {
        (try? registry.client(settings))?.process.map(HostFigure.values(ofProcess:)) ?? [:]
      }
    }
  }
}

/// What the host's kernel counts.
struct HostFigure: Sendable {
  let name: String, unit: String, text: String
  static let all = [
    HostFigure(name: "CPU/Load/User", unit: "%", text: "Share of time in programs, since the host started"),
    HostFigure(name: "CPU/Load/Kernel", unit: "%", text: "Share of time in the kernel, since the host started"),
    HostFigure(name: "CPU/Load/Idle", unit: "%", text: "Share of idle time, since the host started"),
    HostFigure(name: "RAM/Usage/Total", unit: "kB", text: "Memory of the host"),
    HostFigure(name: "RAM/Usage/Used", unit: "kB", text: "Memory that is in use"),
    HostFigure(name: "RAM/Usage/Free", unit: "kB", text: "Memory that is to be had"),
  ]
  static let machine = [
    HostFigure(name: "CPU/Load/User", unit: "%", text: "Share of a processor's time in the machine's process"),
    HostFigure(name: "CPU/Load/Kernel", unit: "%", text: "Share of a processor's time in the kernel for it"),
    HostFigure(name: "RAM/Usage/Used", unit: "kB", text: "Memory of the machine's process"),
  ]
  private static func lines(_ path: String) -> [Substring] {
    ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
  }
  /// Of a machine's process, since it was started.
  static func values(ofProcess process: Int32) -> [String: Int64] {
    let text = lines("/proc/\(process)/stat").first ?? ""
    // The name in parentheses may hold anything; fields count from behind it.
    let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
    func field(_ number: Int) -> Int64 { fields.count > number ? Int64(fields[number]) ?? 0 : 0 }
    let uptime = Double(lines("/proc/uptime").first?.split(separator: " ").first ?? "0") ?? 0
    let ticks = max(1, Int64(uptime * Double(sysconf(Int32(_SC_CLK_TCK)))) - field(20))
    return [
      "CPU/Load/User": field(12) * 100 / ticks, "CPU/Load/Kernel": field(13) * 100 / ticks,
      "RAM/Usage/Used": field(22) * Int64(sysconf(Int32(_SC_PAGESIZE))) >> 10,
    ]
  }
  static func values() -> [String: Int64] {
    var memory: [Substring: Int64] = [:]
    for line in lines("/proc/meminfo") {
      let fields = line.split(separator: " ")
      if fields.count > 1 { memory[fields[0]] = Int64(fields[1]) }
    }
    let total = memory["MemTotal:"] ?? 0, free = memory["MemAvailable:"] ?? 0
    var result = ["RAM/Usage/Total": total, "RAM/Usage/Used": total - free, "RAM/Usage/Free": free]
    let times = (lines("/proc/stat").first ?? "").split(separator: " ").dropFirst().compactMap { Int64($0) }
    let sum = times.prefix(8).reduce(0, +)
    if times.count >= 4, sum > 0 {
      result["CPU/Load/User"] = (times[0] + times[1]) * 100 / sum
      result["CPU/Load/Kernel"] = times[2] * 100 / sum
      result["CPU/Load/Idle"] = times[3] * 100 / sum
    }
    return result
  }
}
